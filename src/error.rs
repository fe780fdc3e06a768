//! The one error type of the crate.

use std::path::PathBuf;

use polars::prelude::{DataType, PolarsError};

use crate::frame::ImportReport;

/// The result of anything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the column, the row and the value where they are known, and the way out.
///
/// The message is one line, written to be shown to the person who can mend the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mapped column is not in the frame.
    #[error("column {column:?} is not in the frame; it has: {}", available.join(", "))]
    MissingColumn {
        /// The name that was asked for.
        column: String,
        /// The names that are there.
        available: Vec<String>,
    },
    /// A column has a type that cannot serve its role.
    #[error("column {column:?} is of type {dtype}, but {role} must be {expected}")]
    UnsupportedType {
        /// The column.
        column: String,
        /// Its role in the analysis: user, time, account, feature, value.
        role: &'static str,
        /// The type it has.
        dtype: Box<DataType>,
        /// The types that would do, and how to get there.
        expected: &'static str,
    },
    /// One value cannot be used.
    #[error("column {column:?}, row {row}: {value} {reason}")]
    InvalidValue {
        /// The column.
        column: String,
        /// The row, counted from 0 over all rows handed in so far.
        row: u64,
        /// The value as it was found.
        value: String,
        /// Why it cannot be used and what to do.
        reason: &'static str,
    },
    /// An option does not make sense.
    #[error("{option} = {value}: {reason}")]
    InvalidOption {
        /// The option.
        option: &'static str,
        /// The value it was given.
        value: String,
        /// Why it cannot be used and what to do.
        reason: &'static str,
    },
    /// A date or time zone that the calendar does not know.
    #[error("{value:?} is not {expected}")]
    Calendar {
        /// What was asked for.
        value: String,
        /// What would have been understood.
        expected: &'static str,
    },
    /// A question that needs a column which was not mapped at ingestion.
    #[error("the activity was ingested without {column}; map it with EventColumns::{column}")]
    NotMapped {
        /// The role that is missing: `account`, `feature`, `value` or `clock_times`.
        column: &'static str,
    },
    /// A line of a taxonomy of reasons that cannot be.
    #[error("reason {entry:?} {reason}")]
    Taxonomy {
        /// The path of the line.
        entry: String,
        /// What is wrong with it and what to do.
        reason: &'static str,
    },
    /// Rows that cannot be used, and an import that takes all or nothing.
    #[error("nothing was taken in, for {} of {} rows are bad: {}", report.bad_rows(), report.rows(), first_bad(report))]
    BadRows {
        /// Every bad cell with its row, column, value and reason.
        report: Box<ImportReport>,
    },
    /// A question to a table that the portfolio does not have.
    #[error("the portfolio has no table of {table}; add it with Portfolio::{table}")]
    MissingTable {
        /// The table that is missing: `answers`, `subscriptions`.
        table: &'static str,
    },
    /// Two things that should be alike and are not: activities to be put together, frames of one log, a segment frame
    /// and its activity.
    #[error("{what} differ ({left} and {right}); {way_out}")]
    Incompatible {
        /// In what they differ.
        what: &'static str,
        /// How it stands in the first.
        left: String,
        /// How it stands in the second.
        right: String,
        /// What to do.
        way_out: &'static str,
    },
    /// An actor with two segments in one segment frame.
    #[error("actor {actor} has the segments {first} and {second}; an actor can have only one")]
    TwoSegments {
        /// The actor.
        actor: String,
        /// The first segment.
        first: String,
        /// The segment that disagrees with it.
        second: String,
    },
    /// More of something than the crate can count or hold.
    #[error("{what}: {count} is more than {limit}; {way_out}")]
    TooLarge {
        /// Of what there is too much.
        what: &'static str,
        /// How much there is.
        count: u64,
        /// How much there may be.
        limit: u64,
        /// What to do.
        way_out: &'static str,
    },
    /// A sum of values that no `f64` can hold.
    #[error("{what} add up to more than a float can hold; {way_out}")]
    Overflow {
        /// What was summed.
        what: &'static str,
        /// What to do.
        way_out: &'static str,
    },
    /// A builder that holds part of a source whose reading failed.
    #[error("a push failed part of the way, so some of its events are in and some are not; begin a new builder")]
    Incomplete,
    /// There is nothing to analyse.
    #[error("there is not one event to analyse: {rows} rows read, {left_out} left out")]
    Empty {
        /// Rows read.
        rows: u64,
        /// Rows left out, of whatever kind.
        left_out: u64,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is not what this crate has saved, is damaged, or was written by a later version.
    #[error("{path} cannot be read: {reason}", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is not a database of cancellations, or damaged. It was not touched.
    #[error("{path} is not a churn database: {reason}", path = path.display())]
    NotChurnDatabase {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A database has a schema that this version of the crate does not work with. It was not touched.
    #[error("{path} has schema {found}, and this version works with {known}; {way_out}", path = path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The schema that it has.
        found: i32,
        /// The schema that this version works with.
        known: i32,
        /// What to do.
        way_out: &'static str,
    },
    /// A database lies where SQLite cannot keep a write-ahead log. What was in it is untouched.
    #[error("{path} cannot have the write-ahead log that several processes share (SQLite says {mode:?}); keep it on a disk of this machine, not of the network or in memory", path = path.display())]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
        /// The journal that SQLite kept to, or what it said.
        mode: String,
    },
    /// Another process has been writing to a database for longer than one was to wait.
    #[error("{path} is locked by another process that writes; try again, or wait longer with DatabaseOptions::wait", path = path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// There is no room left for a database. What was to be written is not in it, and all else is.
    #[error("there is no room left for {path}; make some, and do it again: nothing was written", path = path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// A database may only be read.
    #[error("{path} may only be read; open it with ChurnDatabase::open, as somebody who may write to it", path = path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused for another reason.
    #[error("{path}: {source}", path = path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// polars refused.
    #[error("polars: {}", .0.to_string().lines().next().unwrap_or_default())]
    Polars(Box<PolarsError>),
}

/// The first bad cell in one line.
fn first_bad(report: &ImportReport) -> String {
    report.bad().first().map_or_else(String::new, |bad| {
        format!("row {}, column {:?}: {:?} {}", bad.row, bad.column, bad.value, bad.reason)
    })
}

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Self {
        Self::Polars(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_small_and_can_be_sent() {
        fn sendable<T: Send + Sync + 'static>() {}
        sendable::<Error>();
        // A speed bump: every `Result` of the crate carries this.
        assert!(size_of::<Error>() <= 88, "{}", size_of::<Error>());
    }

    #[test]
    fn messages_are_one_line_and_say_the_way_out() {
        let error = Error::MissingColumn { column: "user".into(), available: vec!["a".into(), "b".into()] };
        assert_eq!(error.to_string(), "column \"user\" is not in the frame; it has: a, b");
        let error = Error::NotMapped { column: "account" };
        assert!(error.to_string().ends_with("map it with EventColumns::account"));
    }
}
