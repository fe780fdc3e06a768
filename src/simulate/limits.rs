//! What a plan allows, and how much of it is used.

use polars::prelude::DataFrame;

use super::Company;
use super::account::{Account, dated};
use super::cause::Cause;
use super::chance::Topic;
use super::season::monday;
use crate::error::Result;
use crate::frame::write;

/// The share of a limit that an account uses: at least, and so much more at most.
const USED: (f64, f64) = (0.2, 0.4);
/// By how much a reading is off: the standard deviation as a share of it.
const NOISE: f64 = 0.03;

struct Reading {
    account: i64,
    limit: &'static str,
    day: i32,
    used: f64,
}

/// # What they have
impl Company {
    /// The limits of the accounts' plans.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `limit` | String | `storage_gb`, and but for the smallest plan `api_calls` |
    /// | `cap` | Float64 | how much of it the account can use |
    ///
    /// No column has nulls. Rows are in the order of accounts and limits.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn limits(&self) -> Result<DataFrame> {
        let rows: Vec<(i64, &str, f64)> = self.rows("limits", 0.0, |account| {
            account.plan.limits().iter().map(|&(limit, cap)| (account.id(), limit, cap)).collect()
        })?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.0).collect::<Vec<_>>()),
            write::column("limit", rows.iter().map(|row| row.1).collect::<Vec<_>>()),
            write::column("cap", rows.iter().map(|row| row.2).collect::<Vec<_>>()),
        ])
    }

    /// How much of its limits each account used, read every Monday. An account keeps to a share of its own, give or take 3 %
    /// of it, and no reading exceeds the cap.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `limit` | String | the limit, as in [`limits`](Self::limits) |
    /// | `date` | Date | the day of the reading |
    /// | `used` | Float64 | how much was used, in units of the cap |
    ///
    /// No column has nulls. Rows are in the order of accounts, limits and dates.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn readings(&self) -> Result<DataFrame> {
        let rows = self.rows("readings", 2.0, |account| self.readings_of(account))?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.account).collect::<Vec<_>>()),
            write::column("limit", rows.iter().map(|row| row.limit).collect::<Vec<_>>()),
            write::dates("date", rows.iter().map(|row| Some(dated(row.day))))?,
            write::column("used", rows.iter().map(|row| row.used).collect::<Vec<_>>()),
        ])
    }

    fn readings_of(&self, account: &Account) -> Vec<Reading> {
        let mut chance = account.chance(&self.options, Topic::Limits);
        let limits = account.plan.limits().iter();
        let limits: Vec<_> = limits.map(|&(limit, cap)| (limit, cap, USED.0 + USED.1 * chance.uniform())).collect();
        let mut readings = Vec::new();
        let days = account.days();
        // The first of them on the first Monday, the others a week apart.
        for day in (monday(days.start + 6)..days.end).step_by(7) {
            let strength = account.strength(Cause::LimitPressure, day);
            for &(limit, cap, usual) in &limits {
                let share = usual + (1.0 - usual) * strength;
                let used = cap * (share * (1.0 + NOISE * chance.normal())).clamp(0.0, 1.0);
                readings.push(Reading { account: account.id(), limit, day, used });
            }
        }
        readings.sort_by_key(|reading| reading.limit);
        readings
    }
}
