//! What befell the accounts, and who left for what.

use polars::prelude::DataFrame;

use super::Company;
use super::account::{Account, dated};
use crate::error::Result;
use crate::frame::write;

/// What is given as the cause by those who left as steady accounts do.
const OTHER: &str = "other";

/// # What happened to them
impl Company {
    /// The accounts that left, when, and for what.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `date` | Date | the day on which it left, on which it is no longer a customer |
    /// | `cause` | String | the [`Cause`](super::Cause) for which it left; `other` where it was one of the reasons that steady accounts have too |
    ///
    /// No column has nulls. Rows are in the order of accounts.
    ///
    /// Of those who leave under a hazard that a cause has multiplied by r, a share of 1 - 1/r leaves for it; the others would
    /// have left anyway.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn cancellations(&self) -> Result<DataFrame> {
        let rows: Vec<(i64, i32, &str)> = self.rows("cancellations", 0.0, |account| {
            let cause = account.fate.map_or(OTHER, |fate| fate.cause.name());
            let row = account
                .leaving
                .map(|leaving| (account.id(), leaving.day, if leaving.of_cause { cause } else { OTHER }));
            row.into_iter().collect()
        })?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.0).collect::<Vec<_>>()),
            write::dates("date", rows.iter().map(|row| Some(dated(row.1))))?,
            write::column("cause", rows.iter().map(|row| row.2).collect::<Vec<_>>()),
        ])
    }

    /// The truth, one row an account: what befell it and when, and under which hazard it was.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `start` | Date | the day on which it signed up, which may lie before the span |
    /// | `cause` | String | the name of the [`Cause`](super::Cause) that struck it; null for those that were steady until the end, or until they left |
    /// | `onset` | Date | the first day of the cause; null as `cause` |
    /// | `effect` | Float64 | how strong it is; 0 for steady ones |
    /// | `hazard_ratio` | Float64 | by what it multiplies the hazard of leaving; 1 for steady ones |
    /// | `hazard_before` | Float64 | the hazard of leaving per month before the onset |
    /// | `hazard_after` | Float64 | the hazard from the onset on; for steady ones as before |
    /// | `cancelled` | Date | the day on which it left; null if it did not |
    ///
    /// Rows are in the order of accounts. Hazards are per month of 30.4375 days, so an account leaves on a day with
    /// probability 1 - exp(-hazard / 30.4375), the day of leaving being the last on which it could.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn truth(&self) -> Result<DataFrame> {
        let rows: Vec<Account> = self.rows("accounts", 0.0, |account| vec![account.clone()])?;
        let hazards = || rows.iter().map(|row| row.hazards(&self.options));
        let fates = || rows.iter().map(|row| row.fate);
        write::frame(vec![
            write::column("account", rows.iter().map(Account::id).collect::<Vec<_>>()),
            write::dates("start", rows.iter().map(|row| Some(dated(row.start))))?,
            write::column("cause", fates().map(|fate| fate.map(|fate| fate.cause.name())).collect::<Vec<_>>()),
            write::dates("onset", fates().map(|fate| fate.map(|fate| dated(fate.onset))))?,
            write::column("effect", fates().map(|fate| fate.map_or(0.0, |fate| fate.effect)).collect::<Vec<_>>()),
            write::column("hazard_ratio", fates().map(|fate| fate.map_or(1.0, |fate| fate.ratio)).collect::<Vec<_>>()),
            write::column("hazard_before", hazards().map(|hazards| hazards.0).collect::<Vec<_>>()),
            write::column("hazard_after", hazards().map(|hazards| hazards.1).collect::<Vec<_>>()),
            write::dates("cancelled", rows.iter().map(|row| row.leaving.map(|leaving| dated(leaving.day))))?,
        ])
    }
}
