//! What an import took in, and every row that it could not.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::write;
use crate::error::Result;
use crate::print::counted;

/// So many bad cells are printed.
const SHOWN: usize = 10;

/// A cell of a frame that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BadRow {
    /// The row, counted from 0.
    pub row: u64,
    /// The column.
    pub column: String,
    /// The value as it was found, empty where there is none.
    pub value: String,
    /// Why it cannot be used and what to do.
    pub reason: String,
}

/// What an import took in, and every row that it could not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    pub(crate) rows: u64,
    pub(crate) added: u64,
    pub(crate) corrected: u64,
    pub(crate) unchanged: u64,
    pub(crate) bad: Vec<BadRow>,
}

impl ImportReport {
    /// Rows of the frame.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that became records.
    #[must_use]
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Rows that corrected a record.
    #[must_use]
    pub fn corrected(&self) -> u64 {
        self.corrected
    }

    /// Rows that say what was there already, in the store or in an earlier row.
    #[must_use]
    pub fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// Every bad cell, in the order of rows; a row can have several.
    #[must_use]
    pub fn bad(&self) -> &[BadRow] {
        &self.bad
    }

    /// Rows with a bad cell.
    #[must_use]
    pub fn bad_rows(&self) -> u64 {
        self.bad.chunk_by(|left, right| left.row == right.row).count() as u64
    }

    pub(crate) fn sort(&mut self) {
        self.bad.sort_by_key(|bad| bad.row);
    }

    /// The bad cells.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `row` | UInt64 | the row, counted from 0 |
    /// | `column` | String | the column |
    /// | `value` | String | the value as it was found |
    /// | `reason` | String | why it cannot be used and what to do |
    ///
    /// No column has nulls. Rows are in the order of the frame.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let text = |of: fn(&BadRow) -> &String| self.bad.iter().map(|bad| of(bad).as_str()).collect::<Vec<_>>();
        write::frame(vec![
            write::column("row", self.bad.iter().map(|bad| bad.row).collect::<Vec<_>>()),
            write::column("column", text(|bad| &bad.column)),
            write::column("value", text(|bad| &bad.value)),
            write::column("reason", text(|bad| &bad.reason)),
        ])
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, added, corrected, unchanged, bad } = self;
        let bad_rows = self.bad_rows();
        write!(
            f,
            "{}: {added} added, {corrected} corrected, {unchanged} unchanged, {bad_rows} bad",
            counted(*rows, "row")
        )?;
        for BadRow { row, column, value, reason } in bad.iter().take(SHOWN) {
            write!(f, "\nrow {row}, column {column:?}: {value:?} {reason}")?;
        }
        match bad.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
