//! How the columns of a table beside the activity are named.

/// Declares a map of columns: those that a table must have, those it may have, and the names of their roles as the
/// default of both.
macro_rules! columns {
    (
        $(#[$about:meta])*
        $name:ident { $($required:ident),+ $(,)? }
        $($(#[$about_column:meta])+ $optional:ident)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($required: String,)+
            $($optional: Option<String>,)*
        }

        impl $name {
            /// The columns that the table must have.
            #[must_use]
            pub fn new($($required: impl Into<String>),+) -> Self {
                Self { $($required: $required.into(),)+ $($optional: None,)* }
            }

            $(
                $(#[$about_column])+
                #[must_use]
                pub fn $optional(mut self, column: impl Into<String>) -> Self {
                    self.$optional = Some(column.into());
                    self
                }
            )*
        }

        /// Every column under the name of its role, and all of them there.
        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($required: stringify!($required).to_owned(),)+
                    $($optional: Some(stringify!($optional).to_owned()),)*
                }
            }
        }
    };
}
pub(super) use columns;

use polars::prelude::DataFrame;

use crate::calendar::{Calendar, Date};
use crate::error::Result;
use crate::frame::times::Times;
use crate::frame::{numbers, read};

/// What an optional column says in each row; nothing where it is not mapped.
#[derive(Debug)]
pub(super) struct Cells<T>(Option<Vec<Option<T>>>);

impl<T: Copy> Cells<T> {
    pub(super) fn get(&self, row: usize) -> Option<T> {
        self.0.as_ref().and_then(|cells| cells[row])
    }
}

/// The day of what has not happened: after all others.
pub(super) const NEVER: i32 = i32::MAX;

impl Cells<i32> {
    /// The day on which something came to its end. Of two rows that say the same but for that, the one that ended first
    /// comes first, and one that has not ended last: so their order is the same before the other's end is known.
    pub(super) fn end(&self, row: usize) -> i32 {
        self.get(row).unwrap_or(NEVER)
    }
}

/// The day of an end, if it was known by then.
pub(super) fn known_end(end: i32, as_of: i32) -> Option<Date> {
    (end <= as_of).then(|| Date::from_day(end))
}

/// The local days of a column.
pub(super) fn days(frame: &DataFrame, calendar: &Calendar, column: &str, role: &'static str) -> Result<Cells<i32>> {
    Ok(Cells(Some(Times::read(frame, column, role)?.days(calendar))))
}

/// The local days of a column that may be missing.
pub(super) fn optional_days(
    frame: &DataFrame,
    calendar: &Calendar,
    column: Option<&String>,
    role: &'static str,
) -> Result<Cells<i32>> {
    column.map_or(Ok(Cells(None)), |column| days(frame, calendar, column, role))
}

/// The numbers of a column that may be missing.
pub(super) fn numbers(frame: &DataFrame, column: Option<&String>, role: &'static str) -> Result<Cells<f64>> {
    Ok(Cells(column.map(|column| numbers::finite(frame, column, role)).transpose()?))
}

/// The booleans of a column that may be missing.
pub(super) fn flags(frame: &DataFrame, column: Option<&String>, role: &'static str) -> Result<Cells<bool>> {
    Ok(Cells(column.map(|column| numbers::flags(frame, column, role)).transpose()?))
}

/// The distinct names of a column that may be missing, and the number of each row's.
pub(super) fn names(
    frame: &DataFrame,
    column: Option<&String>,
    role: &'static str,
) -> Result<(Vec<String>, Cells<u32>)> {
    let Some(column) = column else { return Ok((Vec::new(), Cells(None))) };
    let (names, places) = read::names(frame, column, role)?;
    Ok((names, Cells(Some(places))))
}
