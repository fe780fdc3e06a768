//! Lifetimes that are known already, as columns of a frame.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::given::Given;
use super::lifetimes::{Lifetimes, Source};
use crate::error::{Error, Result};
use crate::frame::numbers::{flags, numbers};

/// A longer duration is refused, so that sums of squares stay within what a float can hold.
pub(super) const MAX_TIME: f64 = 1e18;

/// Which columns of a frame hold what is known of lifetimes, for [`Lifetimes::from_frame`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifetimeColumns {
    duration: String,
    ended: String,
    entry: Option<String>,
}

impl LifetimeColumns {
    /// The time for which each was followed, a number of any unit, and whether the lifetime had ended then, a boolean or
    /// 0 and 1. Where it had not, it lasted longer, and it is not known how long.
    #[must_use]
    pub fn new(duration: impl Into<String>, ended: impl Into<String>) -> Self {
        Self { duration: duration.into(), ended: ended.into(), entry: None }
    }

    pub(super) fn ended(&self) -> &str {
        &self.ended
    }

    /// The age at which each came under observation, in the unit of the duration; null where that was from the start. By
    /// default everybody was watched from the start. Whoever was a customer before the log began would not be in it had
    /// they left before: they are at risk from their entry on and not earlier (left truncation).
    #[must_use]
    pub fn entry(mut self, column: impl Into<String>) -> Self {
        self.entry = Some(column.into());
        self
    }
}

impl Lifetimes {
    /// Lifetimes that are known from elsewhere: contracts, subscriptions, or the data sets of a textbook.
    ///
    /// ```text
    /// at risk at t    entry < t <= duration; without an entry, t <= duration
    /// ```
    ///
    /// Rows in which the duration or the flag is null are left out and counted by [`incomplete`](Self::incomplete). What is
    /// said at [`Activity::lifetimes`](crate::Activity::lifetimes) of silence does not apply: the flag says who has ended.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`]; [`Error::InvalidValue`] for a duration that is negative, NaN or
    /// greater than 1e18, for a flag other than 0 and 1, and for an entry that is not a number or not before its duration:
    /// nobody was at risk then.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{LifetimeColumns, Lifetimes};
    /// use attrition::polars::prelude::*;
    ///
    /// // The third customer signed up 4 months before the records begin.
    /// let contracts = df!(
    ///     "months" => [3, 5, 9, 9],
    ///     "cancelled" => [true, false, true, false],
    ///     "recorded_from" => [None, None, Some(4), None],
    /// )?;
    /// let columns = LifetimeColumns::new("months", "cancelled").entry("recorded_from");
    /// let lifetimes = Lifetimes::from_frame(&contracts, &columns)?;
    /// let at_risk: Vec<_> = lifetimes.event_table().rows().iter().map(|row| (row.time, row.at_risk)).collect();
    /// assert_eq!(at_risk, [(3.0, 3), (5.0, 3), (9.0, 2)]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn from_frame(frame: &DataFrame, columns: &LifetimeColumns) -> Result<Self> {
        let flags = flags(frame, &columns.ended, "ended")?;
        let (given, _) = Given::read(frame, columns, flags)?;
        Ok(Self(Source::Columns(given)))
    }
}

impl Given {
    /// The durations and entries of a frame beside flags known already, and the rows that they are of.
    pub(super) fn read(
        frame: &DataFrame,
        columns: &LifetimeColumns,
        flags: Vec<Option<bool>>,
    ) -> Result<(Self, Vec<usize>)> {
        let durations = numbers(frame, &columns.duration, "duration")?;
        let entries = columns.entry.as_ref().map(|entry| numbers(frame, entry, "entry")).transpose()?;
        let invalid = |column: &str, row: usize, value: f64, reason| {
            let (column, value) = (column.to_owned(), value.to_string());
            Err(Error::InvalidValue { column, row: row as u64, value, reason })
        };
        let mut given = Given {
            incomplete: 0,
            entry: entries.as_ref().map(|_| Vec::with_capacity(durations.len())),
            time: Vec::with_capacity(durations.len()),
            ended: Vec::with_capacity(durations.len()),
        };
        let mut kept = Vec::with_capacity(durations.len());
        for (row, (duration, ended)) in durations.into_iter().zip(flags).enumerate() {
            if let Some(duration) = duration.filter(|duration| !(0.0..=MAX_TIME).contains(duration)) {
                let reason = "is no duration from 0 to 1e18; make it null to leave the row out";
                return invalid(&columns.duration, row, duration, reason);
            }
            let (Some(duration), Some(ended)) = (duration, ended) else {
                given.incomplete += 1;
                continue;
            };
            if let (Some(all), Some(entries), Some(column)) = (&mut given.entry, &entries, &columns.entry) {
                let entry = entries[row];
                if let Some(entry) = entry.filter(|&entry| !(entry.is_finite() && entry < duration)) {
                    let reason = "is not before the duration, so that the row was never at risk; leave it out";
                    return invalid(column, row, entry, reason);
                }
                all.push(entry);
            }
            // The zero with a sign is no other time.
            given.time.push(duration + 0.0);
            given.ended.push(ended);
            kept.push(row);
        }
        Ok((given, kept))
    }
}
