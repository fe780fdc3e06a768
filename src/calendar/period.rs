//! Calendar periods as whole numbers, so that "k periods later" is an addition.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Calendar, Date};

/// A unit of the calendar.
///
/// Weeks start where the [`Calendar`] says; months, quarters and years are calendar units, not 30, 90 or 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// A local day.
    Day,
    /// Seven days from the calendar's first weekday.
    Week,
    /// A calendar month.
    Month,
    /// January to March, April to June, July to September, October to December.
    Quarter,
    /// A calendar year.
    Year,
}

impl Period {
    /// All periods, shortest first.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The lower-case English name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A stretch of days, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Date,
}

impl Calendar {
    /// The number of the period that holds `date`: consecutive periods have consecutive numbers.
    pub(crate) fn ordinal(&self, period: Period, date: Date) -> i32 {
        let months = |size| {
            let (year, month) = date.year_month();
            (year * 12 + month - 1).div_euclid(size)
        };
        match period {
            Period::Day => date.days_since_epoch(),
            Period::Week => (date.days_since_epoch() - self.first_week_day()).div_euclid(7),
            Period::Month => months(1),
            Period::Quarter => months(3),
            Period::Year => months(12),
        }
    }

    /// First and last day of the period with this number.
    pub(crate) fn span_of(&self, period: Period, ordinal: i32) -> Span {
        let start = |ordinal: i32| match period {
            Period::Day => Date::from_day(ordinal),
            Period::Week => Date::from_day(ordinal * 7 + self.first_week_day()),
            Period::Month => first_of(ordinal, 1),
            Period::Quarter => first_of(ordinal, 3),
            Period::Year => first_of(ordinal, 12),
        };
        // The week that holds the last day of the calendar ends with it.
        Span { start: start(ordinal).held(), end: (start(ordinal + 1) - 1).min(Date::MAX) }
    }

    /// The last day of the last week that has ended by the end of `date`.
    pub(crate) fn end_of_last_week(&self, date: Date) -> Date {
        self.span_of(Period::Week, self.ordinal(Period::Week, date + 1)).start - 1
    }

    /// The day number of the first day of week 0. Day 0 was a Thursday.
    fn first_week_day(&self) -> i32 {
        self.first_weekday() as i32 - 3
    }
}

fn first_of(ordinal: i32, months: i32) -> Date {
    let month = ordinal * months;
    Date::first_of_month(month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// The period of every day of an observation, looked up instead of computed.
#[derive(Debug)]
pub(crate) struct PeriodTable {
    first_day: i32,
    /// Per day, the number of its period, the first being 0.
    index: Vec<u32>,
    spans: Vec<Span>,
}

impl PeriodTable {
    pub(crate) fn new(calendar: &Calendar, period: Period, days: RangeInclusive<Date>) -> Self {
        let (first, last) = (*days.start(), *days.end());
        let mut index = Vec::new();
        let mut spans: Vec<Span> = Vec::new();
        let mut ordinal = calendar.ordinal(period, first);
        let mut date = first;
        while date <= last {
            let span = calendar.span_of(period, ordinal);
            #[expect(clippy::cast_possible_truncation, reason = "there are fewer periods than days, an i32")]
            let number = spans.len() as u32;
            while date <= span.end && date <= last {
                index.push(number);
                date = date + 1;
            }
            spans.push(span);
            ordinal += 1;
        }
        Self { first_day: first.days_since_epoch(), index, spans }
    }

    /// The number of the period that holds a day of the observation.
    #[inline]
    #[expect(clippy::cast_sign_loss, reason = "days of an activity lie within its observation")]
    pub(crate) fn of(&self, day: i32) -> u32 {
        self.index[(day - self.first_day) as usize]
    }

    /// The periods, in order.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Weekday, date};
    use super::*;

    #[test]
    fn ordinals_and_spans_agree_on_every_day() {
        for weekday in Weekday::ALL {
            let calendar = Calendar::utc().week_starts(weekday);
            for period in Period::ALL {
                let mut day = date(1967, 12, 25);
                let mut last = calendar.ordinal(period, day);
                while day < date(1972, 3, 2) {
                    let ordinal = calendar.ordinal(period, day);
                    let span = calendar.span_of(period, ordinal);
                    assert!(span.start <= day && day <= span.end, "{period} {day} {span:?}");
                    assert!(ordinal == last || (ordinal == last + 1 && span.start == day));
                    if period == Period::Week {
                        assert_eq!(span.start.weekday(), weekday);
                        assert_eq!(span.end - span.start, 6);
                    }
                    last = ordinal;
                    day = day + 1;
                }
            }
        }
    }

    #[test]
    fn calendar_units() {
        let calendar = Calendar::utc();
        let span = |period, date| {
            let span = calendar.span(period, date);
            (span.start, span.end)
        };
        // ISO week 53 of 2020 runs into 2021.
        assert_eq!(span(Period::Week, date(2021, 1, 2)), (date(2020, 12, 28), date(2021, 1, 3)));
        assert_eq!(span(Period::Month, date(2024, 2, 10)), (date(2024, 2, 1), date(2024, 2, 29)));
        assert_eq!(span(Period::Quarter, date(1969, 12, 31)), (date(1969, 10, 1), date(1969, 12, 31)));
        assert_eq!(span(Period::Year, Date::MAX), (date(9999, 1, 1), Date::MAX));
        assert_eq!(span(Period::Year, Date::MIN), (Date::MIN, date(1, 12, 31)));
    }

    #[test]
    fn the_table_says_what_the_calendar_says() {
        let calendar = Calendar::utc().week_starts(Weekday::Wed);
        let (first, last) = (date(2023, 12, 30), date(2024, 3, 3));
        for period in Period::ALL {
            let table = PeriodTable::new(&calendar, period, first..=last);
            let base = calendar.ordinal(period, first);
            for day in first.days_since_epoch()..=last.days_since_epoch() {
                let ordinal = calendar.ordinal(period, Date::from_day(day));
                assert_eq!(i64::from(table.of(day)), i64::from(ordinal - base));
                assert_eq!(table.spans()[table.of(day) as usize], calendar.span_of(period, ordinal));
            }
        }
    }
}
