//! The activity table: for every actor the sorted days with activity, and what happened on them.

mod accounts;
mod as_of;
mod batch;
mod blocks;
mod builder;
mod columns;
mod display;
mod door;
mod features;
mod gather;
mod intake;
mod joined;
mod latest;
#[cfg(feature = "lazy")]
mod lazy;
mod ledger;
mod merge;
mod offsets;
#[cfg(feature = "lazy")]
mod parquet;
mod planar;
mod planes;
mod reduce;
mod rows;
mod segmented;
mod segments;
mod select;
mod shard;
#[cfg(feature = "lazy")]
mod store;
pub(crate) mod sweep;

pub(crate) use accounts::SeatsByAccount;
#[cfg(feature = "lazy")]
pub(crate) use batch::{Batch, LEFT_OUT};
pub use builder::{ActivityBuilder, Progress};
#[cfg(feature = "lazy")]
pub(crate) use builder::{first_error, in_parallel};
pub use columns::EventColumns;
#[cfg(feature = "lazy")]
pub(crate) use door::{Plan, Pools, Reader};
#[cfg(test)]
pub(crate) use features::features_of;
#[cfg(feature = "lazy")]
pub(crate) use features::{LOW_FEATURES, NO_FEATURE};
pub use intake::Intake;
#[cfg(feature = "lazy")]
pub(crate) use parquet::{RowGroup, open, row_groups, type_read};
pub use segmented::Segmented;
pub use segments::{SegmentColumns, Split};
pub(crate) use segments::{divide, labelled, order, places_of};

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, Date, Period, PeriodTable};
use crate::error::{Error, Result};
use crate::frame::to_frame;
pub(crate) use ledger::{Ledger, Rows};
use merge::Recent;

to_frame!(Activity);

/// First and last day of observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Observation {
    pub(crate) first: Date,
    pub(crate) last: Date,
}

/// Who was active on which days: an event log reduced to what churn analysis asks of it.
///
/// For every actor it holds the sorted local days with at least one event, and per such day the number of events, and
/// where they were mapped the summed value and the set of features, and where they were asked for the first and the last
/// clock time; all within the account on whose behalf the user acted, where accounts were mapped. It takes 8 bytes an
/// active day, 16 with values, 8 more with features (12 for each feature beyond the 64th that a row has) and 16 more with
/// clock times; and beside the ids 4 bytes an actor, or where accounts are mapped 4 an actor and 8 an actor and account.
/// From 2^32 active days on it is 4 more an actor, or an actor and account.
///
/// The observation goes from [`observed_from`](Self::observed_from) to [`as_of`](Self::as_of), both days included and
/// seen to their end. Days within it on which nothing happened count as quiet; days outside it are unknown.
///
/// The activity depends on the events alone: the order of rows, their division into frames and chunks, the integer
/// width of ids and the unit of times make no difference (sums of floating-point values differ in their last digits).
///
/// # Example
///
/// ```
/// use attrition::{Activity, Calendar, EventColumns, date};
/// use attrition::polars::prelude::*;
///
/// let events = df!(
///     "user" => ["ann", "bob", "ann", "ann"],
///     "time" => [1_704_103_200_000_i64, 1_704_189_600_000, 1_704_189_600_000, 1_704_189_660_000],
/// )?
/// .lazy_free_cast("time")?;
/// # trait Cast { fn lazy_free_cast(self, column: &str) -> PolarsResult<DataFrame>; }
/// # impl Cast for DataFrame {
/// #     fn lazy_free_cast(mut self, column: &str) -> PolarsResult<DataFrame> {
/// #         let datetime = DataType::Datetime(TimeUnit::Milliseconds, None);
/// #         self.apply(column, |time| time.cast(&datetime).unwrap())?;
/// #         Ok(self)
/// #     }
/// # }
/// let activity = Activity::from_frame(&events, &EventColumns::new("user", "time"), &Calendar::utc())?;
/// assert_eq!(activity.actors(), 2);
/// assert_eq!(activity.active_days(), 3);
/// assert_eq!(activity.events(), 4);
/// assert_eq!((activity.observed_from(), activity.as_of()), (date(2024, 1, 1), date(2024, 1, 2)));
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Activity {
    calendar: Calendar,
    observation: Observation,
    intake: Intake,
    ledger: Ledger,
    /// Events appended lately and not yet worked into the ledger.
    recent: Option<Recent>,
}

/// # Ingestion
impl Activity {
    /// The activity of the events in a frame.
    ///
    /// The observation runs from the first to the last day with an event; see [`builder`](Self::builder) to name them.
    ///
    /// # Errors
    ///
    /// As [`ActivityBuilder::push`] and [`ActivityBuilder::finish`].
    pub fn from_frame(events: &DataFrame, columns: &EventColumns, calendar: &Calendar) -> Result<Self> {
        let mut builder = Self::builder(columns, calendar);
        builder.push(events)?;
        builder.finish()
    }

    /// Begins an ingestion in parts, with a named observation or with a report of progress.
    #[must_use]
    pub fn builder(columns: &EventColumns, calendar: &Calendar) -> ActivityBuilder {
        ActivityBuilder::new(columns, calendar)
    }

    fn new(calendar: Calendar, observation: Observation, intake: Intake, ledger: Ledger) -> Self {
        Self { calendar, observation, intake, ledger, recent: None }
    }

    /// The same observation of another table.
    fn with_ledger(&self, ledger: Ledger) -> Self {
        Self::new(self.calendar.clone(), self.observation, self.intake, ledger)
    }
}

/// # What it holds
impl Activity {
    /// The calendar in which days are counted.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// What ingestion read, kept and left out.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// The first day of observation.
    #[must_use]
    pub fn observed_from(&self) -> Date {
        self.observation.first
    }

    /// The last day of observation, seen to its end.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.observation.last
    }

    /// The number of distinct actors: users, or accounts after [`by_account`](Self::by_account).
    #[must_use]
    pub fn actors(&self) -> usize {
        self.ledger.len() + self.recent.as_ref().map_or(0, Recent::new_actors)
    }

    /// The number of distinct accounts, `None` where accounts are not mapped.
    #[must_use]
    pub fn accounts(&self) -> Option<usize> {
        let accounts = self.ledger.accounts.as_ref()?;
        Some(self.recent.as_ref().map_or(accounts.len(), |recent| recent.accounts(accounts)))
    }

    /// The number of actors times days on which they were active; a day in two accounts counts once.
    #[must_use]
    pub fn active_days(&self) -> u64 {
        let count = |count: &mut u64, _: sweep::Actor, days: &[i32]| {
            *count += days.chunk_by(|day, next| day == next).count() as u64;
        };
        self.sweep(1, || 0, count, |left, right| left + right)
    }

    /// The number of events.
    #[must_use]
    pub fn events(&self) -> u64 {
        let sum = |ledger: &Ledger| ledger.rows.events.iter().map(|&events| u64::from(events)).sum::<u64>();
        sum(&self.ledger) + self.recent.as_ref().map_or(0, |recent| sum(&recent.ledger))
    }

    /// The sum of all values, `None` where values are not mapped.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let sum = |ledger: &Ledger| ledger.rows.value.as_ref().map(|value| value.iter().sum::<f64>());
        Some(sum(&self.ledger)? + self.recent.as_ref().and_then(|recent| sum(&recent.ledger)).unwrap_or(0.0))
    }

    /// The names of the features that were used, in alphabetical order; empty where features are not mapped. A part of a
    /// [`Split`] has those of the whole, whether its own actors used them or not.
    #[must_use]
    pub fn features(&self) -> &[String] {
        &self.ledger.features
    }

    /// What rounding can leave of sums that should be 0: 2^-40 of the largest value of a day.
    pub(crate) fn rounding_of_values(&self) -> f64 {
        let largest = |ledger: &Ledger| {
            ledger.rows.value.iter().flatten().fold(0.0_f64, |largest, value| largest.max(value.abs()))
        };
        let recent = self.recent.as_ref().map_or(0.0, |recent| largest(&recent.ledger));
        largest(&self.ledger).max(recent) * 2.0_f64.powi(-40)
    }

    /// Whether clock times are kept.
    pub(crate) fn has_clock_times(&self) -> bool {
        self.ledger.rows.times.is_some()
    }

    /// The same activity with all recent events worked in.
    pub(crate) fn into_settled(self) -> Self {
        if self.recent.is_none() {
            return self;
        }
        let ledger = self.settled().into_owned();
        Self { ledger, recent: None, ..self }
    }

    /// The table of an activity that is settled.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Refuses a question about features where none are mapped.
    pub(crate) fn check_features(&self) -> Result<()> {
        let mapped = self.ledger.rows.features.is_some();
        if mapped { Ok(()) } else { Err(Error::NotMapped { column: "feature" }) }
    }

    /// The days of the observation, divided into periods.
    pub(crate) fn periods(&self, period: Period) -> PeriodTable {
        PeriodTable::new(&self.calendar, period, self.observation.first..=self.observation.last)
    }
}

/// Two activities are equal if they hold the same calendar, observation, days and names of features; what ingestion left
/// out on the way there makes no difference.
impl PartialEq for Activity {
    fn eq(&self, other: &Self) -> bool {
        self.calendar == other.calendar && self.observation == other.observation && *self.settled() == *other.settled()
    }
}
