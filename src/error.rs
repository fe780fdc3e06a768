//! The one error type of the crate.

use std::path::PathBuf;

use polars::prelude::{DataType, PolarsError};

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
    /// A file is not a saved activity, is damaged, or was written by a later version.
    #[error("{path} is not a readable activity file: {reason}", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// polars refused.
    #[error("polars: {}", .0.to_string().lines().next().unwrap_or_default())]
    Polars(Box<PolarsError>),
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
