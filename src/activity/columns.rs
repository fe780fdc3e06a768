//! Which column plays which part.

use serde::{Deserialize, Serialize};

/// The columns of an event log, by name. One row of the log is one event.
///
/// | role | type of the column |
/// | --- | --- |
/// | user | any integer of up to 64 bits, string, categorical or enum |
/// | time | `Date` (a local day already), or `Datetime` in ms, us or ns: an instant, UTC where it names no zone |
/// | account | as user; a null means "no account" |
/// | feature | string, categorical, enum or integer; a null means "no feature" |
/// | value | any integer or float; a null counts as 0, NaN and infinities are errors |
///
/// A `Date` column is taken to hold days of the [`Calendar`](crate::Calendar)'s zone. A `Datetime` is an instant
/// whatever zone its column carries for display; the calendar's zone decides on which day it falls.
///
/// # Example
///
/// ```
/// use attrition::EventColumns;
///
/// let columns = EventColumns::new("user_id", "ts").account("company").feature("event").value("amount");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventColumns {
    pub(crate) user: String,
    pub(crate) time: String,
    pub(crate) account: Option<String>,
    pub(crate) feature: Option<String>,
    pub(crate) value: Option<String>,
    #[serde(default)]
    pub(crate) clock_times: bool,
}

impl EventColumns {
    /// The two columns without which there is no log.
    #[must_use]
    pub fn new(user: impl Into<String>, time: impl Into<String>) -> Self {
        Self { user: user.into(), time: time.into(), account: None, feature: None, value: None, clock_times: false }
    }

    /// The column with the account on whose behalf the user acted. Not mapped by default.
    #[must_use]
    pub fn account(mut self, column: impl Into<String>) -> Self {
        self.account = Some(column.into());
        self
    }

    /// The column with the feature that was used. Not mapped by default.
    #[must_use]
    pub fn feature(mut self, column: impl Into<String>) -> Self {
        self.feature = Some(column.into());
        self
    }

    /// The column with a quantity that is summed per user and day. Not mapped by default.
    #[must_use]
    pub fn value(mut self, column: impl Into<String>) -> Self {
        self.value = Some(column.into());
        self
    }

    /// Keeps the first and the last clock time of every active day, for windows of 24 hours from a user's first event. Not
    /// kept by default: they cost 16 bytes an active day, where a day without them costs 8.
    ///
    /// A clock time is what a wall clock in the calendar's zone shows, to the nanosecond: the instant, with the offset that
    /// the zone has at that instant. The time column must then be a `Datetime`; a `Date` has no clock time, and is refused.
    ///
    /// The two times of a day answer for windows from the first event on exactly. Let a user's first event stand at clock
    /// time *o* of day *d0*. An event at clock time *c* of day *d* lies in window
    ///
    /// ```text
    /// k = (d - d0) - (1 if c < o, else 0)
    /// ```
    ///
    /// so window *k* goes from *o* on day *d0 + k* until *o* on the day after, and was used if the last event of the one day
    /// came at *o* or later, or the first event of the other before *o*. In UTC such a window is always 24 hours long. In a
    /// zone with daylight saving time those that a change of clocks falls into are 23 or 25 hours long; an hour that the
    /// clock shows twice is one hour to it.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns};
    /// use attrition::polars::prelude::*;
    ///
    /// // 8:00, 9:30 and 21:00 in UTC, which is two hours later in Vilnius in winter.
    /// let mut events = df!(
    ///     "user" => ["ann", "ann", "ann"],
    ///     "time" => [1_704_096_000_000_i64, 1_704_101_400_000, 1_704_142_800_000],
    /// )?;
    /// events.apply("time", |time| time.cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap())?;
    /// let columns = EventColumns::new("user", "time").clock_times();
    /// let days = Activity::from_frame(&events, &columns, &Calendar::new("Europe/Vilnius")?)?.to_frame()?;
    /// let hours = |column: &str| days.column(column)?.i64().map(|times| times.get(0).unwrap() as f64 / 3.6e12);
    /// assert_eq!((hours("first_time")?, hours("last_time")?), (10.0, 23.0));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    #[must_use]
    pub fn clock_times(mut self) -> Self {
        self.clock_times = true;
        self
    }

    /// The mapped columns, each name once.
    #[cfg(feature = "lazy")]
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = vec![self.user.as_str(), self.time.as_str()];
        names.extend([&self.account, &self.feature, &self.value].into_iter().flatten().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }
}
