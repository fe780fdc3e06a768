//! Days, periods, week starts and time zones: arithmetic on day numbers.
//!
//! Everything after ingestion counts in local days of one [`Calendar`]. A day is the calendar date that a wall clock
//! in the calendar's time zone shows, so days around a change of daylight saving time are 23 or 25 hours long and
//! still one day each. Weeks start where the calendar says. Months, quarters and years are calendar units.

mod coverage;
mod date;
mod period;
mod zone;

pub use coverage::Coverage;
pub use date::{Date, Weekday, date};
pub(crate) use period::PeriodTable;
pub use period::{Period, Span};
pub(crate) use zone::{Clock, NO_DATE, Zone};

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// The time zone in which days are counted and the weekday on which weeks start.
///
/// # Example
///
/// ```
/// use attrition::{Calendar, Period, Weekday, date};
///
/// let calendar = Calendar::new("Europe/Vilnius")?.week_starts(Weekday::Sun);
/// let week = calendar.span(Period::Week, date(2026, 3, 31));
/// assert_eq!((week.start, week.end), (date(2026, 3, 29), date(2026, 4, 4)));
/// assert_eq!(calendar.to_string(), "Europe/Vilnius, weeks from Sun");
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    zone: Zone,
    week_starts: Weekday,
}

impl Calendar {
    /// A calendar in an IANA time zone such as `"Europe/Vilnius"` or `"UTC"`.
    ///
    /// Zones come from the system's time-zone database where there is one, else from a copy within the program.
    ///
    /// # Errors
    ///
    /// [`Error::Calendar`](crate::Error::Calendar) if there is no such zone.
    pub fn new(zone: &str) -> Result<Self> {
        Ok(Self { zone: Zone::new(zone)?, week_starts: Weekday::Mon })
    }

    /// The calendar of UTC, weeks starting on Monday.
    #[must_use]
    pub fn utc() -> Self {
        Self { zone: Zone::utc(), week_starts: Weekday::Mon }
    }

    /// Sets the first day of the week. The default is Monday, as in ISO 8601.
    #[must_use]
    pub fn week_starts(mut self, weekday: Weekday) -> Self {
        self.week_starts = weekday;
        self
    }

    /// The IANA name of the time zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.name()
    }

    /// The first day of the week.
    #[must_use]
    pub fn first_weekday(&self) -> Weekday {
        self.week_starts
    }

    /// The period of the given kind that holds `date`, as its first and last day. A date that only arithmetic can reach
    /// is held at the end of the calendar.
    #[must_use]
    pub fn span(&self, period: Period, date: Date) -> Span {
        self.span_of(period, self.ordinal(period, date.held()))
    }

    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Self::utc()
    }
}

impl std::fmt::Display for Calendar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, weeks from {}", self.zone_name(), self.week_starts)
    }
}
