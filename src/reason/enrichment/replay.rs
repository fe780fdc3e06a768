//! Triggers asked again, as of the days before customers left.

use serde::{Deserialize, Serialize};

use super::dates::dates;
use super::those_who_left;
use crate::error::{Error, Result};
use crate::portfolio::Portfolio;
use crate::reason::{ChurnRecords, Warning, Warnings};
use crate::trigger::{State, TriggerSet, states};

/// Longer stretches than this, a hundred years, are refused.
const MOST_DAYS: u32 = 36_525;

/// How [`Portfolio::warnings`] should look back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarningOptions {
    every: u32,
    days: u32,
}

impl WarningOptions {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { every: 28, days: 90 }
    }

    /// At every how many days triggers are asked. 28 unless told, as in a back-test: fewer find warnings earlier and take as
    /// many times longer.
    #[must_use]
    pub fn every(mut self, days: u32) -> Self {
        self.every = days;
        self
    }

    /// For how many days before a cancellation what fires counts as a warning. 90 unless told: a quarter, and a trigger that
    /// fires long before says little of why somebody left.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    fn check(&self) -> Result<()> {
        for (option, days) in [("every", self.every), ("days", self.days)] {
            if !(1..=MOST_DAYS).contains(&days) {
                let reason = "is a number of days from 1 to 36525";
                return Err(Error::InvalidOption { option, value: days.to_string(), reason });
            }
        }
        Ok(())
    }
}

impl Default for WarningOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Portfolio {
    /// Which triggers had fired before customers left, and how early.
    ///
    /// ```text
    /// dates       every 28 days, ends of calendar weeks; the same whatever the log and the records
    /// asked       all triggers about all customers of the date, as on that day, with its correction for many tests
    /// warning     fired at a date that lies 1 to 90 days before the cancellation
    /// lead time   days from the first such date to the cancellation
    /// ```
    ///
    /// A date on which the account was no customer yet, or no more, tells nothing of it. What came after a date made no
    /// difference to what fired on it, so nothing that came after a cancellation makes any here. Dates on which the observation
    /// had not begun are not asked about. The work is that of a back-test of as many dates.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for options of this, of the set or of a trigger that make no sense.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::polars::prelude::*;
    /// use attrition::{
    ///     Activity, Calendar, Cancellation, ChurnRecords, EventColumns, PaymentColumns, PaymentTrouble, Portfolio, Reason,
    ///     Taxonomy, TriggerSet, Warning, WarningOptions, date,
    /// };
    ///
    /// let mut events = df!("company" => vec!["acme"; 40], "day" => (19_700..19_740).collect::<Vec<_>>())?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let mut invoices = df!("company" => ["acme"], "due" => [19_720])?;
    /// invoices.apply("due", |day| day.cast(&DataType::Date).unwrap())?;
    /// let portfolio = Portfolio::new(activity)?.payments(&invoices, &PaymentColumns::new("company", "due"))?;
    ///
    /// // The invoice was due on 2023-12-29, and is overdue on the Sundays from 2024-01-07 on.
    /// let gone = Cancellation::new("acme", date(2024, 1, 17), Reason::new("payment_failure", "card_expired"));
    /// let records = ChurnRecords::of([gone], &Taxonomy::standard())?;
    /// let set = TriggerSet::new().with(PaymentTrouble::new());
    /// let warnings = portfolio.warnings(&records, set, WarningOptions::new().every(7))?;
    /// assert_eq!(warnings.get(0, "payment_trouble"), Some(Warning::Fired { days: 10 }));
    /// assert_eq!(warnings.lead_days(0), Some(10));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn warnings(
        &self,
        records: &ChurnRecords,
        set: impl Into<TriggerSet>,
        options: impl Into<WarningOptions>,
    ) -> Result<Warnings> {
        let (set, options) = (set.into(), options.into());
        options.check()?;
        let mut left = those_who_left(self, records);
        left.sort_unstable_by_key(|left| (left.day, left.row));
        let width = set.names().len();
        let mut warnings = vec![Warning::NotObserved; records.len() * width];
        for date in dates(self, &left, options.every, options.days) {
            let day = date.days_since_epoch();
            let first = left.partition_point(|left| left.day <= day);
            let last = left.partition_point(|left| i64::from(left.day) <= i64::from(day) + i64::from(options.days));
            if first == last {
                continue;
            }
            let snapshot = self.at(date)?;
            let customers: Vec<usize> = snapshot.customers().map(|account| account.number()).collect();
            let states = states(&snapshot, &set)?;
            for left in &left[first..last] {
                // One who had left before and was to come back is no customer of this membership.
                let Ok(place) = customers.binary_search(&left.account) else { continue };
                if left.before.is_some_and(|before| day <= before) {
                    continue;
                }
                let own = &mut warnings[left.row * width..(left.row + 1) * width];
                for (warning, state) in own.iter_mut().zip(&states[place * width..(place + 1) * width]) {
                    *warning = match (*warning, state) {
                        (fired @ Warning::Fired { .. }, _) => fired,
                        (_, State::Fired) => Warning::Fired { days: (left.day - day).unsigned_abs() },
                        (_, State::Quiet) => Warning::Quiet,
                        (before, State::NotObserved) => before,
                    };
                }
            }
        }
        Ok(Warnings::of(records, set.names().map(str::to_owned).collect(), warnings))
    }
}
