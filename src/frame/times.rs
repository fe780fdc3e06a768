//! Columns of dates and times beside a log.

use polars::prelude::{DataFrame, DataType, TimeUnit};

use super::read;
use crate::calendar::{Calendar, Clock, Date, NO_DATE};
use crate::error::{Error, Result};

pub(crate) const TIME_TYPES: &str =
    "a Date or a Datetime; parse text first, and turn numbers of seconds into a Datetime";
/// What is wrong with a time that no calendar holds.
pub(crate) const NO_SUCH_YEAR: &str = "lies outside the years 1 to 9999; is it in another unit than the column says?";
const SECONDS_PER_DAY: i64 = 86_400;

/// Days or instants, as they stood in a column. On which day an instant falls is for a calendar to say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Times {
    /// How many units of a `Datetime` a second has; `None` for days.
    units_per_second: Option<i64>,
    values: Vec<Option<i64>>,
}

impl Times {
    /// Reads a column in the role of `role`. Every value lies within the years 1 to 9999.
    pub(crate) fn read(frame: &DataFrame, column: &str, role: &'static str) -> Result<Self> {
        let (times, outside) = Self::read_each(frame, column, role)?;
        if let Some((row, value)) = outside.into_iter().next() {
            let (column, row) = (column.to_owned(), row as u64);
            return Err(Error::InvalidValue { column, row, value, reason: NO_SUCH_YEAR });
        }
        Ok(times)
    }

    /// The same, with nothing in the rows whose value lies outside these years, and which rows they are.
    pub(crate) fn read_each(
        frame: &DataFrame,
        column: &str,
        role: &'static str,
    ) -> Result<(Self, Vec<(usize, String)>)> {
        let dtype = read::dtype(frame.schema(), column)?;
        let units_per_second = units_per_second(dtype);
        if *dtype != DataType::Date && units_per_second.is_none() {
            return Err(read::unsupported(column, role, dtype, TIME_TYPES));
        }
        let times = read::series(frame, column)?.to_physical_repr().into_owned();
        let mut values: Vec<Option<i64>> = match units_per_second {
            None => times.i32()?.iter().map(|day| day.map(i64::from)).collect(),
            Some(_) => times.i64()?.iter().collect(),
        };
        let units_per_day = units_per_second.map_or(1, |units| units * SECONDS_PER_DAY);
        let begins = |date: Date| i64::from(date.days_since_epoch()).saturating_mul(units_per_day);
        let known = begins(Date::MIN)..begins(Date::MAX + 1);
        let mut outside = Vec::new();
        for (row, time) in values.iter_mut().enumerate() {
            if let Some(other) = time.filter(|time| !known.contains(time)) {
                outside.push((row, other.to_string()));
                *time = None;
            }
        }
        Ok((Self { units_per_second, values }, outside))
    }

    /// Days that are known as such.
    pub(crate) fn of_days(values: Vec<Option<i64>>) -> Self {
        Self { units_per_second: None, values }
    }

    /// The values row by row; they order as the times do.
    pub(crate) fn values(&self) -> &[Option<i64>] {
        &self.values
    }

    /// The same times in other rows.
    pub(crate) fn with_values(&self, values: Vec<Option<i64>>) -> Self {
        Self { units_per_second: self.units_per_second, values }
    }

    /// The local day of each.
    pub(crate) fn days(&self, calendar: &Calendar) -> Vec<Option<i32>> {
        let mut clock = self.units_per_second.map(|units| Clock::new(calendar.zone(), units));
        let mut day = |time: i64| {
            let Some(clock) = &mut clock else { return i32::try_from(time).unwrap_or(NO_DATE) };
            let mut local = NO_DATE;
            clock.runs(&[time], |day, _| local = day);
            // An instant of the last hours of the calendar can fall behind its end in some zone.
            let end = if time < 0 { Date::MIN } else { Date::MAX }.days_since_epoch();
            if local == NO_DATE { end } else { local }
        };
        self.values.iter().map(|time| time.map(&mut day)).collect()
    }
}

/// Units of a `Datetime` in a second; none for other types.
pub(crate) fn units_per_second(dtype: &DataType) -> Option<i64> {
    match dtype {
        DataType::Datetime(TimeUnit::Milliseconds, _) => Some(1_000),
        DataType::Datetime(TimeUnit::Microseconds, _) => Some(1_000_000),
        DataType::Datetime(TimeUnit::Nanoseconds, _) => Some(1_000_000_000),
        _ => None,
    }
}
