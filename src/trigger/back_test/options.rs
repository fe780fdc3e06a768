//! At which dates triggers are replayed, and against what.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::outcome::{ChurnEvent, Window};
use crate::calendar::{Calendar, Date, Period};
use crate::error::{Error, Result};
use crate::portfolio::Portfolio;
use crate::statistics::Wilson;

/// Triggers compare some weeks with the twelve before them; from here on they have these.
const ENOUGH_HISTORY: i32 = 120;
/// Longer stretches than this, a hundred years, are refused.
const MOST_DAYS: u32 = 36_525;

/// How often triggers are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Every so many days, beginning with the first date.
    Days(u32),
    /// On the last day of every calendar period.
    End(Period),
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(1) => f.pad("every day"),
            Self::Days(days) => f.pad(&format!("every {days} days")),
            Self::End(period) => f.pad(&format!("at the end of every {period}")),
        }
    }
}

impl From<u32> for Every {
    fn from(days: u32) -> Self {
        Self::Days(days)
    }
}

impl From<Period> for Every {
    fn from(period: Period) -> Self {
        Self::End(period)
    }
}

/// How [`Portfolio::back_test`] should replay triggers, and what they should have foreseen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackTestOptions {
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
    pub(super) every: Every,
    pub(super) churn: Option<ChurnEvent>,
    pub(super) lead_days: u32,
    pub(super) horizon_days: u32,
    pub(super) confidence: f64,
}

impl BackTestOptions {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self {
            from: None,
            to: None,
            every: Every::Days(28),
            churn: None,
            lead_days: 14,
            horizon_days: 90,
            confidence: 0.95,
        }
    }

    /// The first date. 120 days after the beginning of the observation unless told: by then triggers that compare a
    /// month with the three before it have their history.
    #[must_use]
    pub fn from(mut self, from: Date) -> Self {
        self.from = Some(from);
        self
    }

    /// No date lies after this one. Unless told the last day of which it is known what became of the accounts; a later one
    /// is refused.
    #[must_use]
    pub fn to(mut self, to: Date) -> Self {
        self.to = Some(to);
        self
    }

    /// How often: after so many days, or at the ends of calendar periods. 28 days unless told: four whole weeks, so that
    /// every date is the same day of the week.
    #[must_use]
    pub fn every(mut self, every: impl Into<Every>) -> Self {
        self.every = every.into();
        self
    }

    /// What counts as churn. Cancellations unless told, where that table is there or a subscription has ended; else
    /// activity that ended with 60 days of silence: two monthly turns were missed, and it is shorter than the 90 days
    /// after which an account is no longer asked about, so that nobody lapses unnoticed.
    #[must_use]
    pub fn churn(mut self, churn: ChurnEvent) -> Self {
        self.churn = Some(churn);
        self
    }

    /// An account that leaves within so many days is counted for nobody: that is the goodbye itself, and too late to do
    /// anything. 14 unless told: what it takes to reach people and meet.
    #[must_use]
    pub fn lead_days(mut self, days: u32) -> Self {
        self.lead_days = days;
        self
    }

    /// Within how many days after that it has to leave for a finding to have been right. 90 unless told: a quarter, over
    /// which teams plan.
    #[must_use]
    pub fn horizon_days(mut self, days: u32) -> Self {
        self.horizon_days = days;
        self
    }

    /// The level of confidence of the intervals, and of the verdicts that rest on them. 0.95 unless told.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// The first date, where one was named.
    pub(crate) fn first(&self) -> Option<Date> {
        self.from
    }

    /// From the options what is to be done, with the options as they were understood.
    pub(crate) fn plan(mut self, portfolio: &Portfolio) -> Result<Plan> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        let whole = "is a number of days from 1, or 0 for the lead, to 36525";
        let silence = match self.churn {
            Some(ChurnEvent::ActivityEnded { silence_days }) => silence_days,
            _ => 1,
        };
        let every = match self.every {
            Every::Days(days) => days,
            Every::End(_) => 1,
        };
        for (option, days, least) in [
            ("lead_days", self.lead_days, 0),
            ("horizon_days", self.horizon_days, 1),
            ("silence_days", silence, 1),
            ("every", every, 1),
        ] {
            if !(least..=MOST_DAYS).contains(&days) {
                return refuse(option, days.to_string(), whole);
            }
        }
        let wilson = Wilson::new(self.confidence)?;
        let churn = self.churn.unwrap_or_else(|| ChurnEvent::of(portfolio));
        let window = Window {
            lead: self.lead_days.cast_signed(),
            horizon: self.horizon_days.cast_signed(),
            known_after: self.known_after(churn),
        };
        let activity = portfolio.activity();
        let last_known = activity.as_of() - window.known_after;
        let from = self.from.unwrap_or(activity.observed_from() + ENOUGH_HISTORY);
        let to = self.to.unwrap_or(last_known);
        if from < activity.observed_from() {
            return refuse("from", from.to_string(), "lies before the observation, of which nothing is known");
        }
        if to > last_known {
            let reason = "is too late: it is not known yet what became of the accounts; name an earlier day, or a shorter \
                          lead, horizon or silence";
            return refuse("to", format!("{to}, after {last_known},"), reason);
        }
        let dates = self.every.dates(portfolio.calendar(), from, to);
        if dates.is_empty() {
            let reason = "there is no date to replay between them; name an earlier from, or a shorter lead, horizon or \
                          silence so that more outcomes are known";
            return refuse("from .. to", format!("{from} .. {to}"), reason);
        }
        (self.from, self.to, self.churn) = (Some(from), Some(to), Some(churn));
        Ok(Plan { dates, churn, window, wilson, options: self })
    }
}

impl BackTestOptions {
    /// So many days after a date it is known of everybody what became of them.
    pub(crate) fn known_after(&self, churn: ChurnEvent) -> i32 {
        let days = self.lead_days.saturating_add(self.horizon_days).saturating_add(churn.noticed_after());
        i32::try_from(days).unwrap_or(i32::MAX)
    }
}

impl Default for BackTestOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<ChurnEvent> for BackTestOptions {
    fn from(churn: ChurnEvent) -> Self {
        Self::new().churn(churn)
    }
}

/// Options, understood.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) options: BackTestOptions,
    pub(crate) dates: Vec<Date>,
    pub(crate) churn: ChurnEvent,
    pub(crate) window: Window,
    pub(crate) wilson: Wilson,
}

impl Every {
    /// The dates from one to another. A number of days is 1 or more.
    pub(crate) fn dates(self, calendar: &Calendar, from: Date, to: Date) -> Vec<Date> {
        match self {
            Self::Days(days) => {
                let days = days.cast_signed();
                std::iter::successors(Some(from), |&date| Some(date + days)).take_while(|&date| date <= to).collect()
            }
            Self::End(period) => {
                let numbers = calendar.ordinal(period, from)..=calendar.ordinal(period, to);
                let ends = numbers.map(|number| calendar.span_of(period, number).end);
                ends.filter(|&end| from <= end && end <= to).collect()
            }
        }
    }
}
