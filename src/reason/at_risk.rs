//! How many customers could have cancelled.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, Date, Period, Span};
use crate::error::{Error, Result};
use crate::frame::numbers::numbers;
use crate::frame::times::Times;
use crate::portfolio::Portfolio;

/// How many customers there were on some days: what rates of cancellation are taken of.
///
/// An analysis by periods takes for each period the first day of it that is known here, best its first. A period without
/// any has no rate.
///
/// # Example
///
/// ```
/// use attrition::{CustomersAtRisk, date};
///
/// let at_risk = CustomersAtRisk::new([(date(2026, 2, 1), 1_180), (date(2026, 1, 1), 1_200)])?;
/// assert_eq!(at_risk.of(date(2026, 1, 1), date(2026, 1, 31)), Some(1_200));
/// assert_eq!(at_risk.of(date(2026, 3, 1), date(2026, 3, 31)), None);
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(Date, u64)>", into = "Vec<(Date, u64)>")]
pub struct CustomersAtRisk(Vec<(Date, u64)>);

impl CustomersAtRisk {
    /// So many customers at the beginning of each of these days, in any order.
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`] for two numbers of one day.
    pub fn new(counts: impl IntoIterator<Item = (Date, u64)>) -> Result<Self> {
        let mut counts: Vec<(Date, u64)> = counts.into_iter().collect();
        counts.sort_unstable();
        counts.dedup();
        if let Some(pair) = counts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::Incompatible {
                what: "the customers of one day",
                left: pair[0].1.to_string(),
                right: pair[1].1.to_string(),
                way_out: "give each day once",
            });
        }
        Ok(Self(counts))
    }

    /// From a frame: the column with the day and the column with the number of customers at its beginning. Rows in which
    /// either is null say nothing.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`]; [`Error::InvalidValue`] for a number that is no count, and as
    /// [`new`](Self::new).
    pub fn from_frame(frame: &DataFrame, day: &str, customers: &str) -> Result<Self> {
        let days = Times::read(frame, day, "day")?.days(&Calendar::utc());
        let numbers = numbers(frame, customers, "customers")?;
        let mut counts = Vec::with_capacity(days.len());
        for (row, (day, number)) in (0..).zip(days.into_iter().zip(numbers)) {
            let (Some(day), Some(number)) = (day, number) else { continue };
            if !((0.0..=4e15).contains(&number) && number.fract() <= 0.0) {
                let reason = "is no number of customers; give a whole number from 0 up";
                let (column, value) = (customers.to_owned(), number.to_string());
                return Err(Error::InvalidValue { column, row, value, reason });
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number below 2^53")]
            counts.push((Date::from_day(day), number as u64));
        }
        Self::new(counts)
    }

    /// The customers on the first day that is known of a stretch; `None` if none of its days is.
    #[must_use]
    pub fn of(&self, start: Date, end: Date) -> Option<u64> {
        let place = self.0.partition_point(|&(day, _)| day < start);
        self.0.get(place).filter(|&&(day, _)| day <= end).map(|&(_, customers)| customers)
    }

    pub(super) fn in_span(&self, span: Span) -> Option<u64> {
        self.of(span.start, span.end)
    }
}

impl From<CustomersAtRisk> for Vec<(Date, u64)> {
    fn from(counts: CustomersAtRisk) -> Self {
        counts.0
    }
}

impl TryFrom<Vec<(Date, u64)>> for CustomersAtRisk {
    type Error = Error;
    fn try_from(counts: Vec<(Date, u64)>) -> Result<Self> {
        Self::new(counts)
    }
}

/// # Customers at risk
impl Portfolio {
    /// How many customers there were at the beginning of each period that begins within the observation: at the end of the
    /// day before it, as [`at`](Self::at) has it. Of one that begins on the first observed day it is the end of that day,
    /// for nothing is known of the day before.
    ///
    /// # Errors
    ///
    /// As [`at`](Self::at).
    pub fn customers_at_risk(&self, period: Period) -> Result<CustomersAtRisk> {
        let (first, last) = (self.activity().observed_from(), self.activity().as_of());
        let calendar = self.calendar();
        let mut ordinal = calendar.ordinal(period, first);
        let mut counts = Vec::new();
        loop {
            let start = calendar.span_of(period, ordinal).start;
            if start > last {
                return CustomersAtRisk::new(counts);
            }
            if start >= first {
                counts.push((start, self.at((start - 1).max(first))?.customers().len() as u64));
            }
            ordinal += 1;
        }
    }
}
