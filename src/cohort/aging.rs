//! How old a membership is on a day: in calendar periods, or counted from each start.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::{Date, Period, PeriodTable};

/// From where ages are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AgeBy {
    /// By the calendar: age 1 is the calendar period after the one that holds the start, be the start on its first day
    /// or its last. All members of a period grow older on the same day.
    Calendar,
    /// From each start: age k begins k periods after the day of the start. In weeks, age 1 is days 7 to 13 after it; in
    /// months, it begins on the same day of the next month, or on that month's last day where it is shorter.
    Start,
    /// From the clock time of each first event: age k begins k times 24 hours after it, or in weeks k times 168 hours. "24
    /// hour windows" at PostHog and Amplitude. For an activity with [`clock_times`](crate::EventColumns::clock_times) and
    /// starts that are the first activity, in days or weeks. On the days of a change of clocks a window is 23 or 25 hours
    /// long.
    Clock,
}

impl fmt::Display for AgeBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Calendar => "calendar",
            Self::Start => "start",
            Self::Clock => "clock",
        })
    }
}

/// Turns a day into an age, given the start.
#[derive(Debug)]
pub(super) struct Aging {
    unit: Unit,
    /// The last period of each bracket, where periods are put together.
    brackets: Vec<u32>,
    as_of: i32,
}

#[derive(Debug)]
enum Unit {
    /// Numbered calendar periods of the observation, and how many of them have ended.
    Periods(PeriodTable, u32),
    Days(u32),
    Months(u32),
    /// So many times 24 hours.
    Clock(u32),
}

/// A start, as the unit counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) day: i32,
    /// The clock time, where that counts.
    pub(super) clock: u64,
    period: u32,
}

impl Aging {
    /// `table` are the calendar periods of the observation, `sizes` those of the ages, where periods are put together.
    pub(super) fn new(period: Period, age_by: AgeBy, table: PeriodTable, sizes: &[u32], as_of: Date) -> Self {
        let unit = match (age_by, period) {
            (AgeBy::Calendar, _) => {
                let ended = table.spans().partition_point(|span| span.end <= as_of);
                Unit::Periods(table, u32::try_from(ended).unwrap_or(u32::MAX))
            }
            (AgeBy::Start, Period::Day) => Unit::Days(1),
            (AgeBy::Start, Period::Week) => Unit::Days(7),
            (AgeBy::Start, Period::Month) => Unit::Months(1),
            (AgeBy::Start, Period::Quarter) => Unit::Months(3),
            (AgeBy::Start, Period::Year) => Unit::Months(12),
            (AgeBy::Clock, Period::Week) => Unit::Clock(7),
            (AgeBy::Clock, _) => Unit::Clock(1),
        };
        let last = |end: &mut u32, size: &u32| {
            *end = end.saturating_add(*size);
            Some(*end - 1)
        };
        let ends = sizes.iter().scan(0, last).collect();
        Self { unit, brackets: ends, as_of: as_of.days_since_epoch() }
    }

    /// A start within the observation.
    #[inline]
    pub(super) fn start(&self, day: i32) -> Start {
        let period = if let Unit::Periods(table, _) = &self.unit { table.of(day) } else { 0 };
        Start { day, clock: 0, period }
    }

    /// The age on a day of the observation, which does not come before the start.
    #[inline]
    pub(super) fn age(&self, start: Start, day: i32) -> u32 {
        self.bracket(self.periods(start, day))
    }

    /// The age at a clock time of a day of the observation.
    #[inline]
    pub(super) fn age_at(&self, start: Start, day: i32, clock: u64) -> u32 {
        // Before the clock time of the start, the window of the day before still runs.
        self.age(start, if clock < start.clock { day - 1 } else { day })
    }

    #[inline]
    fn periods(&self, start: Start, day: i32) -> u32 {
        match &self.unit {
            Unit::Periods(table, _) => table.of(day) - start.period,
            Unit::Days(length) | Unit::Clock(length) => (day - start.day).unsigned_abs() / length,
            Unit::Months(length) => months_between(start.day, day) / length,
        }
    }

    /// The bracket of a period. Those behind the last stand for themselves, as if they were brackets of one.
    #[inline]
    fn bracket(&self, periods: u32) -> u32 {
        let behind = self.brackets.last().map_or(periods, |&last| periods.saturating_sub(last + 1));
        narrow(self.brackets.partition_point(|&last| last < periods)) + behind
    }

    /// How many ages have been seen to their end: those below this one.
    pub(super) fn closed(&self, start: Start) -> u32 {
        let periods = match &self.unit {
            Unit::Periods(_, ended) => ended.saturating_sub(start.period),
            // The window that begins at a clock time of the last day ends behind it.
            Unit::Clock(_) if start.clock > 0 => self.periods(start, self.as_of),
            _ => self.periods(start, self.as_of + 1),
        };
        if self.brackets.is_empty() {
            return periods;
        }
        narrow(self.brackets.partition_point(|&last| last < periods))
    }

    /// How many ages have begun.
    pub(super) fn begun(&self, start: Start) -> u32 {
        let ages = self.age(start, self.as_of).saturating_add(1);
        if self.brackets.is_empty() { ages } else { ages.min(narrow(self.brackets.len())) }
    }

    /// How many brackets there are, period 0 among them; `None` where periods are not put together.
    pub(super) fn brackets(&self) -> Option<usize> {
        (!self.brackets.is_empty()).then_some(self.brackets.len())
    }
}

/// Whole months from one day to a later one. The day of the month is held to the length of the later one's month.
fn months_between(from: i32, to: i32) -> u32 {
    // The day after the last of the calendar cannot be had, and makes no difference that anybody will see.
    let (from, to) = (Date::from_day(from), Date::from_day(to).held());
    let ((from_year, from_month), (year, month)) = (from.year_month(), to.year_month());
    let first = |date: Date, (year, month): (i32, i32)| date - Date::first_of_month(year, month);
    let months = (year - from_year) * 12 + month - from_month;
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let last_of_month = Date::first_of_month(next_year, next_month) - Date::first_of_month(year, month) - 1;
    let due = first(from, (from_year, from_month)).min(last_of_month);
    (months - i32::from(first(to, (year, month)) < due)).unsigned_abs()
}

#[expect(clippy::cast_possible_truncation, reason = "brackets are counted in a u32 when options are checked")]
fn narrow(count: usize) -> u32 {
    count as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, date};

    fn aging(period: Period, age_by: AgeBy, brackets: &[u32], as_of: Date) -> Aging {
        let table = PeriodTable::new(&Calendar::utc(), period, date(2024, 1, 1)..=as_of);
        Aging::new(period, age_by, table, brackets, as_of)
    }

    fn age(aging: &Aging, start: Date, day: Date) -> u32 {
        aging.age(aging.start(start.days_since_epoch()), day.days_since_epoch())
    }

    #[test]
    fn by_the_calendar_and_from_the_start() {
        let as_of = date(2024, 12, 31);
        let (calendar, start) =
            (aging(Period::Month, AgeBy::Calendar, &[], as_of), aging(Period::Month, AgeBy::Start, &[], as_of));
        for (from, to, by_calendar, by_start) in [
            (date(2024, 1, 31), date(2024, 2, 1), 1, 0),
            (date(2024, 1, 31), date(2024, 2, 28), 1, 0),
            (date(2024, 1, 31), date(2024, 2, 29), 1, 1),
            (date(2024, 1, 31), date(2024, 3, 30), 2, 1),
            (date(2024, 1, 31), date(2024, 4, 30), 3, 3),
            (date(2024, 1, 15), date(2024, 12, 14), 11, 10),
            (date(2024, 1, 15), date(2024, 12, 15), 11, 11),
        ] {
            assert_eq!((age(&calendar, from, to), age(&start, from, to)), (by_calendar, by_start), "{from} {to}");
        }
        let weeks = aging(Period::Week, AgeBy::Start, &[], as_of);
        assert_eq!(
            (age(&weeks, date(2024, 1, 3), date(2024, 1, 9)), age(&weeks, date(2024, 1, 3), date(2024, 1, 10))),
            (0, 1)
        );
    }

    #[test]
    fn what_has_ended_and_what_has_begun() {
        let as_of = date(2024, 3, 15);
        let seen = |aging: &Aging, day: Date| {
            let start = aging.start(day.days_since_epoch());
            (aging.closed(start), aging.begun(start))
        };
        let calendar = aging(Period::Month, AgeBy::Calendar, &[], as_of);
        assert_eq!(seen(&calendar, date(2024, 1, 31)), (2, 3));
        assert_eq!(seen(&calendar, date(2024, 3, 1)), (0, 1));
        let start = aging(Period::Month, AgeBy::Start, &[], as_of);
        assert_eq!(seen(&start, date(2024, 1, 16)), (2, 2));
        assert_eq!(seen(&start, date(2024, 1, 17)), (1, 2));
        // Periods 0, 1, 2 to 4, 5 to 8.
        let brackets = aging(Period::Week, AgeBy::Start, &[1, 1, 3, 4], as_of);
        assert_eq!(seen(&brackets, as_of - 6), (1, 1));
        assert_eq!(seen(&brackets, as_of - 34), (3, 3));
        assert_eq!(seen(&brackets, as_of - 33), (2, 3));
        assert_eq!(seen(&brackets, date(2024, 1, 1)), (4, 4));
        let ages = [0, 1, 2, 4, 5, 8, 9, 10, 13].map(|weeks| brackets.bracket(weeks));
        assert_eq!(ages, [0, 1, 2, 2, 3, 3, 4, 5, 8]);
        // Days 0 to 29, 30 to 59, and those after.
        let months = aging(Period::Day, AgeBy::Start, &[30, 30], as_of);
        assert_eq!([0, 29, 30, 59, 60, 61].map(|days| months.bracket(days)), [0, 0, 1, 1, 2, 3]);
        assert_eq!(
            (seen(&months, as_of - 28), seen(&months, as_of - 29), seen(&months, as_of - 30)),
            ((0, 1), (1, 1), (1, 2))
        );
    }
}
