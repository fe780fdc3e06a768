//! Who left, and when.

use polars::prelude::DataFrame;

use super::Portfolio;
use super::columns::{columns, days};
use super::table::Table;
use crate::error::Result;

columns! {
    /// The columns of a table of cancellations: one row says that an account left.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | date | a `Date`, or a `Datetime`: an instant, UTC where it names no zone; a row without one is left out |
    CancellationColumns { account, date }
}

#[derive(Clone, Debug)]
pub(crate) struct Cancellations {
    pub(super) table: Table<()>,
}

impl Cancellations {
    /// The days on which an account cancelled, in order, up to a day.
    pub(crate) fn of(&self, account: usize, as_of: i32) -> &[i32] {
        self.table.of(account, as_of).0
    }
}

impl Portfolio {
    /// Adds the cancellations; of a second table only its own rows are then known.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn cancellations(mut self, cancellations: &DataFrame, columns: &CancellationColumns) -> Result<Self> {
        let date = days(cancellations, self.calendar(), &columns.date, "date")?;
        let table = Table::read(cancellations, &columns.account, |row| Some((date.get(row)?, ())))?;
        self.tables.cancellations = Some(Cancellations { table });
        self.linked()
    }
}
