//! The warnings that went before cancellations.

use std::fmt;
use std::ops::RangeInclusive;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::enrichment::median;
use super::records::{ChurnRecords, by_customer};
use super::win_backs::alike;
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::frame::times::Times;
use crate::frame::{read, to_frame, write};
use crate::print::counted;
use crate::trigger::State;

to_frame!(Warnings);

/// More kinds of warnings are refused.
const MOST_TRIGGERS: usize = 256;

/// The columns of a frame of warnings: one row says that a trigger fired for an account on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningColumns {
    account: String,
    trigger: String,
    fired_on: String,
}

impl WarningColumns {
    /// The column with the account, of the kind that the customers of the records are; the column with the name of the
    /// trigger; and the column with the day: a `Date`, or a `Datetime` in UTC.
    #[must_use]
    pub fn new(account: impl Into<String>, trigger: impl Into<String>, fired_on: impl Into<String>) -> Self {
        Self { account: account.into(), trigger: trigger.into(), fired_on: fired_on.into() }
    }
}

/// What a trigger had said before a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// It was not asked, or could not say anything.
    NotObserved,
    /// It never fired.
    Quiet,
    /// It fired, for the first time so many days before the cancellation.
    Fired {
        /// The lead time: from the first date at which it fired to the cancellation.
        days: u32,
    },
}

impl Warning {
    /// The lead time; `None` unless it fired.
    #[must_use]
    pub fn lead_days(self) -> Option<u32> {
        if let Self::Fired { days } = self { Some(days) } else { None }
    }

    /// The state as it stands in frames.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Self::NotObserved => State::NotObserved,
            Self::Quiet => State::Quiet,
            Self::Fired { .. } => State::Fired,
        }
    }
}

/// What every trigger had said before each cancellation of some records: from [`Portfolio::warnings`], or from a log of
/// alerts.
///
/// [`Portfolio::warnings`]: crate::Portfolio::warnings
#[derive(Clone, Debug, PartialEq)]
pub struct Warnings {
    customers: Ids,
    customer: Vec<u32>,
    day: Vec<i32>,
    triggers: Vec<String>,
    /// Record by record, trigger by trigger.
    warnings: Vec<Warning>,
}

impl Warnings {
    /// The warnings of a frame, such as the log of alerts: of each trigger the first that fired within so many days before
    /// the cancellation, the day of the cancellation itself left out, for on it there is nothing to be done. What fired
    /// up to the day of an earlier cancellation of the same customer belongs to that one.
    ///
    /// Triggers are in alphabetical order. Rows in which something is null, and accounts without a cancellation, are
    /// passed over.
    ///
    /// A log does not say when somebody watched and nothing fired, so that is asked for: from the first day watched to the
    /// last. A trigger was quiet before a cancellation if somebody watched on all days within those `within_days`, up to
    /// the day before it. Else it was not observed, unless it fired.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`]; [`Error::Incompatible`] if accounts are text in the one and
    /// integers in the other; [`Error::TooLarge`] for more than 256 triggers.
    pub fn from_frame(
        records: &ChurnRecords,
        frame: &DataFrame,
        columns: &WarningColumns,
        watched: RangeInclusive<Date>,
        within_days: u32,
    ) -> Result<Self> {
        let id_type = read::id_type(frame.schema(), &columns.account, "account")?;
        let (ids, of_row) = read::distinct_ids(frame, &columns.account, id_type)?;
        alike(records.customers(), &ids)?;
        let (triggers, trigger) = read::names(frame, &columns.trigger, "trigger")?;
        few(triggers.len())?;
        let days = Times::read(frame, &columns.fired_on, "fired_on")?.days(&Calendar::utc());
        let number = records.customers().positions(&ids);
        let fired = of_row.iter().zip(&trigger).zip(&days);
        let fired: Vec<(u32, u32, i32)> =
            fired.filter_map(|((id, trigger), day)| Some((number[(*id)? as usize]?, (*trigger)?, (*day)?))).collect();
        let who: Vec<u32> = fired.iter().map(|one| one.0).collect();
        let (order, of_customer) = by_customer(&who, records.customers().len());
        let within = i32::try_from(within_days).unwrap_or(i32::MAX);
        let [first, last] = [watched.start(), watched.end()].map(|date| date.days_since_epoch());
        let unheard = |&day: &i32| {
            let throughout = first <= day.saturating_sub(within) && day.saturating_sub(1) <= last;
            if throughout { Warning::Quiet } else { Warning::NotObserved }
        };
        let width = triggers.len();
        let mut warnings: Vec<Warning> =
            records.days().iter().flat_map(|day| std::iter::repeat_n(unheard(day), width)).collect();
        // The cancellation before of the same customer, as the records go by in the order of days.
        let mut before = vec![i32::MIN; records.customers().len()];
        for (row, (&day, &customer)) in records.days().iter().zip(records.customer_numbers()).enumerate() {
            // On the day of the one before it was not yet of this membership.
            let from = day.saturating_sub(within).max(before[customer as usize].saturating_add(1));
            for &place in &order[of_customer[customer as usize].clone()] {
                let (_, trigger, fired_on) = fired[place as usize];
                let warning = &mut warnings[row * width + trigger as usize];
                let days = day.abs_diff(fired_on);
                // The first of them is the one that lies furthest back.
                if from <= fired_on && fired_on < day && warning.lead_days().is_none_or(|known| known < days) {
                    *warning = Warning::Fired { days };
                }
            }
            before[customer as usize] = day;
        }
        Ok(Self::of(records, triggers, warnings))
    }

    /// What was said before these records, record by record and trigger by trigger.
    pub(super) fn of(records: &ChurnRecords, triggers: Vec<String>, warnings: Vec<Warning>) -> Self {
        let (customers, customer) = (records.customers().clone(), records.customer_numbers().to_vec());
        Self { customers, customer, day: records.days().to_vec(), triggers, warnings }
    }

    /// The triggers, in order.
    #[must_use]
    pub fn triggers(&self) -> &[String] {
        &self.triggers
    }

    /// How many records there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.day.len()
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.day.is_empty()
    }

    /// What a trigger had said before the record at a place; `None` for a trigger that was not asked.
    ///
    /// # Panics
    ///
    /// If there is no such place, as do the others below.
    #[must_use]
    pub fn get(&self, row: usize, trigger: &str) -> Option<Warning> {
        let place = self.triggers.iter().position(|name| name == trigger)?;
        Some(self.before(row)[place])
    }

    /// What every trigger had said before a record, in the order of the triggers.
    #[must_use]
    pub fn before(&self, row: usize) -> &[Warning] {
        let width = self.triggers.len();
        &self.warnings[row * width..(row + 1) * width]
    }

    /// How early the first warning of any trigger was; `None` where none fired.
    #[must_use]
    pub fn lead_days(&self, row: usize) -> Option<u32> {
        self.before(row).iter().filter_map(|warning| warning.lead_days()).max()
    }

    /// Whether any trigger could say anything before a record.
    #[must_use]
    pub fn observed(&self, row: usize) -> bool {
        self.before(row).iter().any(|warning| *warning != Warning::NotObserved)
    }

    /// The customer of a record.
    #[must_use]
    pub fn customer(&self, row: usize) -> Id<'_> {
        self.customers.get(self.customer[row] as usize)
    }

    /// The date of a record.
    #[must_use]
    pub fn date(&self, row: usize) -> Date {
        Date::from_day(self.day[row])
    }

    /// That they are of these records.
    pub(super) fn check(&self, records: &ChurnRecords) -> Result<()> {
        let same = self.day == records.days()
            && self.customer == records.customer_numbers()
            && self.customers == *records.customers();
        if same {
            return Ok(());
        }
        let (left, right) = (self.day.len().to_string(), records.len().to_string());
        let way_out = "ask for the warnings of the records that are asked";
        Err(Error::Incompatible { what: "the records of the warnings and those asked", left, right, way_out })
    }

    /// One row a record and trigger: in the order of the records, and within one in that of the triggers.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | as in the records | the customer |
    /// | `date` | Date | the day of the cancellation |
    /// | `trigger` | String | the name of the trigger |
    /// | `state` | String | `fired`, `quiet` or `not_observed` |
    /// | `lead_days` | UInt32 | days from the first date at which it fired to the cancellation; null unless fired |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let width = self.triggers.len();
        let rows = || (0..self.warnings.len()).map(move |place| place / width);
        let names = self.day.iter().flat_map(|_| self.triggers.iter().map(String::as_str));
        write::frame(vec![
            write::gathered_ids("account", &self.customers, rows().map(|row| Some(self.customer[row])))?,
            write::dates("date", rows().map(|row| Some(self.date(row))))?,
            write::column("trigger", names.collect::<Vec<_>>()),
            write::column("state", self.warnings.iter().map(|of| of.state().name()).collect::<Vec<_>>()),
            write::column("lead_days", self.warnings.iter().map(|of| of.lead_days()).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warned = (0..self.len()).filter(|&row| self.lead_days(row).is_some()).count();
        let observed = (0..self.len()).filter(|&row| self.observed(row)).count();
        write!(f, "{}", counted(self.len() as u64, "cancellation"))?;
        writeln!(f, ", {observed} observed, {warned} with a warning\n")?;
        let wide = self.triggers.iter().map(String::len).max().unwrap_or(0).max("trigger".len());
        write!(f, "{:<wide$} {:>8} {:>8} {:>12} {:>12}", "trigger", "fired", "quiet", "not observed", "median lead")?;
        for (place, name) in self.triggers.iter().enumerate() {
            let own = || self.warnings.iter().skip(place).step_by(self.triggers.len());
            let leads: Vec<u32> = own().filter_map(|of| of.lead_days()).collect();
            let quiet = own().filter(|of| **of == Warning::Quiet).count();
            let missing = own().len() - quiet - leads.len();
            let fired = leads.len();
            let lead = median(leads).map_or("-".to_owned(), |days| format!("{days} days"));
            write!(f, "\n{name:<wide$} {fired:>8} {quiet:>8} {missing:>12} {lead:>12}")?;
        }
        Ok(())
    }
}

fn few(count: usize) -> Result<()> {
    let (count, limit) = (count as u64, MOST_TRIGGERS as u64);
    let way_out = "name triggers by their kind and not one by one";
    if count > limit { Err(Error::TooLarge { what: "triggers", count, limit, way_out }) } else { Ok(()) }
}
