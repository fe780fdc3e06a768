//! What goes wrong, and how soon it is mended.

use polars::prelude::DataFrame;

use super::Company;
use super::account::{Account, dated};
use super::cause::Cause;
use super::chance::{Topic, floor};
use crate::error::Result;
use crate::frame::write;

/// Tickets a day: of an account, and of each of its users.
const RATE: (f64, f64) = (0.008, 0.002);
/// By how much more tickets are opened at the full effect, beside 1.
const MORE: f64 = 4.0;
/// The shares of tickets that are of severity 1, and of 1 or 2.
const SEVERE: (f64, f64) = (0.1, 0.4);
/// By how much these shares grow at the full effect.
const WORSE: f64 = 0.2;
/// Days until a ticket is closed, on average.
const MENDED: f64 = 3.0;

struct Ticket {
    account: i64,
    opened: i32,
    severity: i64,
    closed: Option<i32>,
}

/// # What troubles them
impl Company {
    /// Support tickets.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `opened` | Date | when it was opened |
    /// | `severity` | Int64 | 1, the worst, to 3 |
    /// | `closed` | Date | when it was closed; null if it was not by the end of the span or when the account left |
    ///
    /// Rows are in the order of accounts and days.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn tickets(&self) -> Result<DataFrame> {
        let rows = self.rows("tickets", 0.25, |account| self.tickets_of(account))?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.account).collect::<Vec<_>>()),
            write::dates("opened", rows.iter().map(|row| Some(dated(row.opened))))?,
            write::column("severity", rows.iter().map(|row| row.severity).collect::<Vec<_>>()),
            write::dates("closed", rows.iter().map(|row| row.closed.map(dated)))?,
        ])
    }

    fn tickets_of(&self, account: &Account) -> Vec<Ticket> {
        let mut chance = account.chance(&self.options, Topic::Tickets);
        let rate = RATE.0 + RATE.1 * f64::from(account.users);
        let mut tickets = Vec::new();
        for day in account.days() {
            let strength = account.strength(Cause::SupportTrouble, day);
            for _ in 0..chance.poisson(rate * (1.0 + MORE * strength)) {
                let (place, days) = (chance.uniform() - WORSE * strength, chance.exponential());
                let severity = 3 - i64::from(place < SEVERE.1) - i64::from(place < SEVERE.0);
                let closed = day + floor(MENDED * (1.0 + 2.0 * strength) * days);
                let closed = account.days().contains(&closed).then_some(closed);
                tickets.push(Ticket { account: account.id(), opened: day, severity, closed });
            }
        }
        tickets
    }
}
