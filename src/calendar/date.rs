//! A calendar date as a day number, and the days of the week.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use jiff::civil;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const EPOCH: civil::Date = civil::date(1970, 1, 1);
/// The day number of -9999-01-01.
const FIRST_DAY: i32 = -4_371_587;

/// A date of the proleptic Gregorian calendar, held as days since 1970-01-01.
///
/// Written and read as `2026-03-31`. Adding and subtracting whole numbers moves it by days.
///
/// # Example
///
/// ```
/// use attrition::{Date, Weekday, date};
///
/// let leap: Date = "2024-02-29".parse()?;
/// assert_eq!(leap + 1, date(2024, 3, 1));
/// assert_eq!(date(2024, 3, 1) - leap, 1);
/// assert_eq!(leap.weekday(), Weekday::Thu);
/// assert_eq!(date(1969, 12, 31).days_since_epoch(), -1);
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(i32);

/// The date of a year, month and day: the short form for literals.
///
/// # Panics
///
/// If there is no such day. Use [`Date::new`] where the numbers are not known when the program is written.
#[must_use]
#[track_caller]
pub fn date(year: i16, month: i8, day: i8) -> Date {
    match Date::new(year, month, day) {
        Ok(date) => date,
        #[expect(clippy::panic, reason = "documented: the constructor of literals, as in jiff and std")]
        Err(error) => panic!("{error}"),
    }
}

impl Date {
    /// The earliest date that events may have: 0001-01-01. Windows can reach back before it.
    pub const MIN: Self = Self(-719_162);
    /// The latest date that events may have: 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// The date of a year, month and day.
    ///
    /// # Errors
    ///
    /// [`Error::Calendar`] if there is no such day, or the year is not within -9999 to 9999.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self> {
        civil::Date::new(year, month, day)
            .map(Self::from_civil)
            .map_err(|_no_such_day| Self::not_a_date(format!("{year:04}-{month:02}-{day:02}")))
    }

    /// The date that lies so many days after 1970-01-01, or before it where negative.
    ///
    /// # Errors
    ///
    /// [`Error::Calendar`] outside the years -9999 to 9999.
    pub fn from_days_since_epoch(days: i32) -> Result<Self> {
        let date = Self(days);
        if days < FIRST_DAY || date > Self::MAX {
            return Err(Self::not_a_date(format!("day {days}")));
        }
        Ok(date)
    }

    /// Days since 1970-01-01, negative before it.
    #[must_use]
    pub fn days_since_epoch(self) -> i32 {
        self.0
    }

    /// The day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        // Day 0 was a Thursday.
        Weekday::ALL[(self.0 + 3).rem_euclid(7).unsigned_abs() as usize]
    }

    pub(crate) const fn from_day(day: i32) -> Self {
        Self(day)
    }

    /// The same, or the end of the calendar that it lies beyond.
    pub(crate) fn held(self) -> Self {
        Self(self.0.clamp(FIRST_DAY, Self::MAX.0))
    }

    /// Year and month; dates that only arithmetic can reach are held at the ends of the calendar.
    pub(crate) fn year_month(self) -> (i32, i32) {
        let date = self.to_civil();
        (i32::from(date.year()), i32::from(date.month()))
    }

    pub(crate) fn first_of_month(year: i32, month: i32) -> Self {
        let civil = i16::try_from(year)
            .ok()
            .zip(i8::try_from(month).ok())
            .and_then(|(year, month)| civil::Date::new(year, month, 1).ok());
        civil.map_or(Self(Self::MAX.0 + 1), Self::from_civil)
    }

    fn to_civil(self) -> civil::Date {
        let end = if self.0 < 0 { civil::Date::MIN } else { civil::Date::MAX };
        EPOCH.checked_add(jiff::Span::new().days(self.0.clamp(FIRST_DAY, Self::MAX.0))).unwrap_or(end)
    }

    fn from_civil(civil: civil::Date) -> Self {
        Self(civil.since(EPOCH).map_or(i32::MAX, |span| span.get_days()))
    }

    fn not_a_date(value: String) -> Error {
        Error::Calendar { value, expected: "a date of the years -9999 to 9999, written like 2026-03-31" }
    }
}

impl Add<i32> for Date {
    type Output = Self;
    fn add(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl Sub<i32> for Date {
    type Output = Self;
    fn sub(self, days: i32) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl Sub for Date {
    type Output = i32;
    fn sub(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_civil().to_string())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let civil = text.parse::<civil::Date>();
        civil.map(Self::from_civil).map_err(|_no_date| Self::not_a_date(text.to_owned()))
    }
}

impl TryFrom<String> for Date {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    /// The days in order, Monday first.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_calendar() {
        assert_eq!(date(1, 1, 1), Date::MIN);
        assert_eq!(date(9999, 12, 31), Date::MAX);
        assert_eq!(date(-9999, 1, 1).0, FIRST_DAY);
        assert!(Date::from_days_since_epoch(FIRST_DAY - 1).is_err());
        assert!(Date::new(2023, 2, 29).is_err());
        assert!("10000-01-01".parse::<Date>().is_err());
        assert!(Date::from_days_since_epoch(i32::MAX).is_err());
        assert_eq!((Date::MIN - 1).to_string(), "0000-12-31");
    }

    #[test]
    fn every_day_round_trips() {
        for day in (Date::MIN.0..=Date::MAX.0).step_by(997) {
            let date = Date(day);
            assert_eq!(date.to_string().parse::<Date>().unwrap(), date);
        }
    }

    #[test]
    fn weekdays() {
        assert_eq!(date(1970, 1, 1).weekday(), Weekday::Thu);
        assert_eq!(date(1969, 12, 28).weekday(), Weekday::Sun);
        assert_eq!(date(2026, 11, 21).weekday(), Weekday::Sat);
    }
}
