//! What accounts have subscribed to, and what the plans offer.

use polars::prelude::DataFrame;

use super::columns::{columns, days, known_end, names, numbers, optional_days};
use super::table::Table;
use super::{Portfolio, Tables};
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};

columns! {
    /// The columns of a table of subscriptions: one row a term, from its start to its renewal or its end.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | start | a `Date`, or a `Datetime`: an instant, UTC where it names no zone; a row without one is left out |
    /// | renewal, ended | likewise; null where there is none, or not yet |
    /// | value, seats | an integer or a float; null where not known |
    /// | plan | a string, categorical, enum, integer or boolean |
    SubscriptionColumns { account, start }
    /// The column with the day on which the term, as agreed at its start, is up for renewal.
    renewal
    /// The column with the first day on which the subscription was over. It is known from that day on.
    ended
    /// The column with the recurring value a month.
    value
    /// The column with the number of seats that were bought.
    seats
    /// The column with the plan.
    plan
}

columns! {
    /// The columns of a table of plans: one row says that a plan offers a feature, by the name it has in the log.
    ///
    /// Both are strings, categoricals, enums, integers or booleans.
    PlanColumns { plan, feature }
}

/// A term of a subscription, as known on the day as of which one asks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Subscription<'a> {
    /// The first day.
    pub start: Date,
    /// The day on which the term is up for renewal.
    pub renewal: Option<Date>,
    /// The first day on which it was over; `None` while it runs, and where it ends later.
    pub ended: Option<Date>,
    /// The recurring value a month.
    pub value: Option<f64>,
    /// The seats that were bought.
    pub seats: Option<f64>,
    /// The plan.
    pub plan: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct SubscriptionRow {
    renewal: Option<i32>,
    value: Option<f64>,
    seats: Option<f64>,
    plan: Option<u32>,
    /// Last, so that it decides no order before it is known.
    ended: i32,
}

#[derive(Clone, Debug)]
pub(crate) struct Subscriptions {
    pub(super) table: Table<SubscriptionRow>,
    plans: Vec<String>,
}

/// Which features each plan offers.
#[derive(Clone, Debug)]
pub(crate) struct Plans {
    plans: Vec<String>,
    features: Vec<Vec<String>>,
}

impl Subscriptions {
    fn read(frame: &DataFrame, columns: &SubscriptionColumns, calendar: &Calendar) -> Result<Self> {
        let start = days(frame, calendar, &columns.start, "start")?;
        let renewal = optional_days(frame, calendar, columns.renewal.as_ref(), "renewal")?;
        let ended = optional_days(frame, calendar, columns.ended.as_ref(), "ended")?;
        let value = numbers(frame, columns.value.as_ref(), "value")?;
        let seats = numbers(frame, columns.seats.as_ref(), "seats")?;
        let below = |row: usize| seats.get(row).filter(|&seats| seats < 0.0).map(|seats| (row, seats));
        if let (Some((row, value)), Some(column)) = ((0..frame.height()).find_map(below), &columns.seats) {
            let reason = "is fewer seats than none; make it null where they are not known";
            let (column, value) = (column.clone(), value.to_string());
            return Err(Error::InvalidValue { column, row: row as u64, value, reason });
        }
        let (plans, plan) = names(frame, columns.plan.as_ref(), "plan")?;
        let turned = |row: &usize| start.get(*row).zip(ended.get(*row)).is_some_and(|(start, ended)| ended < start);
        if let (Some(row), Some(column)) = ((0..frame.height()).find(turned), &columns.ended) {
            let value = ended.get(row).map_or_else(String::new, |day| Date::from_day(day).to_string());
            let reason = "lies before the start of the subscription; are the two columns exchanged?";
            return Err(Error::InvalidValue { column: column.clone(), row: row as u64, value, reason });
        }
        let turned =
            |row: &usize| start.get(*row).zip(renewal.get(*row)).is_some_and(|(start, renewal)| renewal < start);
        if let (Some(row), Some(column)) = ((0..frame.height()).find(turned), &columns.renewal) {
            let value = renewal.get(row).map_or_else(String::new, |day| Date::from_day(day).to_string());
            let reason = "lies before the start of the term; are the two columns exchanged?";
            return Err(Error::InvalidValue { column: column.clone(), row: row as u64, value, reason });
        }
        let table = Table::read(frame, &columns.account, |row| {
            let term = SubscriptionRow {
                renewal: renewal.get(row),
                value: value.get(row),
                seats: seats.get(row),
                plan: plan.get(row),
                ended: ended.end(row),
            };
            Some((start.get(row)?, term))
        })?;
        Ok(Self { table, plans })
    }

    /// The terms of an account in the order of their starts.
    pub(crate) fn of(&self, account: usize, as_of: i32) -> impl DoubleEndedIterator<Item = Subscription<'_>> {
        let (starts, rows) = self.table.of(account, as_of);
        starts.iter().zip(rows).map(move |(&start, row)| Subscription {
            start: Date::from_day(start),
            renewal: row.renewal.map(Date::from_day),
            ended: known_end(row.ended, as_of),
            value: row.value,
            seats: row.seats,
            plan: row.plan.map(|plan| self.plans[plan as usize].as_str()),
        })
    }
}

impl Tables {
    /// The features that a plan offers, in alphabetical order; `None` where that is not known.
    pub(crate) fn offered(&self, plan: &str) -> Option<&[String]> {
        let plans = self.plans.as_ref()?;
        let place = plans.plans.binary_search_by(|other| other.as_str().cmp(plan)).ok()?;
        Some(&plans.features[place])
    }
}

impl Portfolio {
    /// Adds the subscriptions of the accounts; of a second table only its own rows are then known.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts); [`Error::InvalidValue`] for a value or a number of seats that is not finite, and
    /// for an end before the start.
    pub fn subscriptions(mut self, subscriptions: &DataFrame, columns: &SubscriptionColumns) -> Result<Self> {
        self.tables.subscriptions = Some(Subscriptions::read(subscriptions, columns, self.calendar())?);
        self.linked()
    }

    /// Adds which features the plans offer, so that use can be compared with what was bought.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`].
    pub fn plans(mut self, plans: &DataFrame, columns: &PlanColumns) -> Result<Self> {
        let (names, plan) = names(plans, Some(&columns.plan), "plan")?;
        let (features, feature) = self::names(plans, Some(&columns.feature), "feature")?;
        let mut offered: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
        for row in 0..plans.height() {
            if let (Some(plan), Some(feature)) = (plan.get(row), feature.get(row)) {
                offered[plan as usize].push(feature);
            }
        }
        let named = |mut places: Vec<u32>| {
            places.sort_unstable();
            places.dedup();
            places.into_iter().map(|place| features[place as usize].clone()).collect()
        };
        self.tables.plans = Some(Plans { plans: names, features: offered.into_iter().map(named).collect() });
        Ok(self)
    }
}
