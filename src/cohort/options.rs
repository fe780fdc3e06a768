//! What a question about retention asks.

use serde::{Deserialize, Serialize};

use super::ages::Criterion;
use super::aging::AgeBy;
use crate::calendar::{Date, Period};
use crate::error::{Error, Result};
use crate::statistics::Wilson;

/// Brackets that hold more periods than this are refused.
const MAX_PERIODS: u64 = 36_525;

/// What counts as a return.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Return {
    /// Any event.
    Activity,
    /// A day on which this feature was used. A feature that nobody used, or of a name that there is not, is no return of
    /// anybody's: [`Activity::features`](crate::Activity::features) has the names. How many of the day's events were of it is not known, so it goes with
    /// [`min_events`](RetentionOptions::min_events) of 1; to count them, ingest the events of that feature by themselves
    /// and ask their activity with [`retention_of`](crate::Activity::retention_of).
    Feature(String),
}

/// What a cell is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Base {
    /// All members of the cohort who have been watched to the end of that age.
    Cohort,
    /// Those of them who were retained at age 0.
    Start,
    /// Those of them who were retained at the age before. At age 0 it is the cohort.
    Previous,
}

/// What [`Activity::retention`](crate::Activity::retention) and
/// [`Activity::retention_of`](crate::Activity::retention_of) should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionOptions {
    pub(super) period: Period,
    pub(super) criterion: Criterion,
    pub(super) horizon: Option<u32>,
    pub(super) cohorts_between: Option<(Date, Date)>,
    pub(super) confidence: f64,
    pub(super) age_by: AgeBy,
    pub(super) brackets: Vec<u32>,
    #[serde(default = "one")]
    pub(super) first_bracket: u32,
    pub(super) returning: Return,
    pub(super) min_events: u32,
    pub(super) base: Base,
}

/// Options stored before there was a first bracket have one of one period.
fn one() -> u32 {
    1
}

impl RetentionOptions {
    /// Cohorts by the period of their start, followed period by period.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self {
            period,
            criterion: Criterion::On,
            horizon: None,
            cohorts_between: None,
            confidence: 0.95,
            age_by: AgeBy::Calendar,
            brackets: Vec::new(),
            first_bracket: 1,
            returning: Return::Activity,
            min_events: 1,
            base: Base::Cohort,
        }
    }

    /// The period of the cohorts and of the ages.
    #[must_use]
    pub fn period(&self) -> Period {
        self.period
    }

    /// When a member counts as retained. The default, [`Criterion::On`], is what most products show first.
    #[must_use]
    pub fn criterion(mut self, criterion: Criterion) -> Self {
        self.criterion = criterion;
        self
    }

    /// The last age to report, in periods. The default is as far as the observation reaches: nothing is cut off unasked.
    #[must_use]
    pub fn horizon(mut self, periods: u32) -> Self {
        self.horizon = Some(periods);
        self
    }

    /// Reports only cohorts whose period begins between two days, or where cohorts are labels, only members whose start
    /// lies between them: of several entries of one actor under a label, the first of those that do. The default is all.
    /// Who is new is still decided by the whole history, and ages are followed to the end of observation.
    #[must_use]
    pub fn cohorts_between(mut self, first: Date, last: Date) -> Self {
        self.cohorts_between = Some((first, last));
        self
    }

    /// The level of confidence of the intervals. The default is the customary 0.95.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// From where ages are counted. The default, [`AgeBy::Calendar`], is what most products draw.
    #[must_use]
    pub fn age_by(mut self, age_by: AgeBy) -> Self {
        self.age_by = age_by;
        self
    }

    /// Puts the periods after period 0 together in brackets of these sizes: `[1, 3, 4]` are period 1, periods 2 to 4 and
    /// periods 5 to 8. Ages then count brackets, 0 being period 0, alone or as the first of
    /// [`first_bracket`](Self::first_bracket); a bracket is judged when its last period has
    /// ended. By default every period stands for itself, as those behind the last bracket do, which
    /// [`Criterion::OnOrAfter`] still looks at. With [`AgeBy::Start`] brackets are measured from each start.
    #[must_use]
    pub fn brackets(mut self, sizes: impl IntoIterator<Item = u32>) -> Self {
        self.brackets = sizes.into_iter().collect();
        self
    }

    /// How many periods age 0 holds, that of the start the first of them, where there are [`brackets`](Self::brackets). The
    /// default is 1: period 0 stands alone.
    ///
    /// Months of 30 days that roll from each start, as PostHog, Amplitude and Mixpanel count them, are days 0 to 29, 30 to 59
    /// and so on:
    ///
    /// ```
    /// use attrition::{AgeBy, Period, RetentionOptions};
    ///
    /// let months = RetentionOptions::new(Period::Day).age_by(AgeBy::Start).first_bracket(30).brackets([30; 11]);
    /// # let _ = months;
    /// ```
    #[must_use]
    pub fn first_bracket(mut self, periods: u32) -> Self {
        self.first_bracket = periods;
        self
    }

    /// The periods of each age, that of the start the first; none where every period stands for itself.
    pub(super) fn sizes(&self) -> Vec<u32> {
        let first = (!self.brackets.is_empty()).then_some(self.first_bracket);
        first.into_iter().chain(self.brackets.iter().copied()).collect()
    }

    /// What counts as a return. The default is any event.
    #[must_use]
    pub fn returning(mut self, returning: Return) -> Self {
        self.returning = returning;
        self
    }

    /// How many events it takes in a period, or bracket, to count as active in it, those of all accounts together and none
    /// from before the start. Who is in the cohort does not depend on it. The default is 1.
    #[must_use]
    pub fn min_events(mut self, events: u32) -> Self {
        self.min_events = events;
        self
    }

    /// What a cell is divided by. The default is the cohort.
    #[must_use]
    pub fn base(mut self, base: Base) -> Self {
        self.base = base;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        Wilson::new(self.confidence)?;
        let sizes = self.sizes();
        if sizes.contains(&0) || sizes.iter().map(|&size| u64::from(size)).sum::<u64>() > MAX_PERIODS + 1 {
            let reason = "brackets hold at least one period each, and no more than 36525 after period 0 together";
            return refuse("brackets", format!("{sizes:?}"), reason);
        }
        if self.brackets.is_empty() && self.first_bracket != 1 {
            let reason = "it is the first of brackets, and there are none; name those after it with brackets";
            return refuse("first_bracket", self.first_bracket.to_string(), reason);
        }
        if !self.brackets.is_empty() && self.horizon.is_some() {
            let reason = "brackets say themselves how far the ages go; leave one of the two out";
            return refuse("horizon", format!("{:?}", self.horizon), reason);
        }
        if self.min_events == 0 {
            return refuse("min_events", "0".to_owned(), "it takes at least one event to be active");
        }
        if self.age_by == AgeBy::Clock {
            if !matches!(self.period, Period::Day | Period::Week) {
                let reason = "windows by the clock are of 24 hours, or of 7 times 24";
                return refuse("period", self.period.to_string(), reason);
            }
            if self.min_events > 1 || self.returning != Return::Activity {
                let value = format!("{:?}, {}", self.returning, self.min_events);
                let reason =
                    "of a day the first and last clock times are known, not those of each event; ask AgeBy::Start";
                return refuse("returning, min_events", value, reason);
            }
        }
        if let (Return::Feature(feature), true) = (&self.returning, self.min_events > 1) {
            let reason = "events of one feature are not counted apart; ingest them by themselves and ask that activity";
            return refuse("returning, min_events", format!("{feature}, {}", self.min_events), reason);
        }
        Ok(())
    }

    /// Whether a rate is part of its base, and so a proportion.
    pub(super) fn is_proportion(&self) -> bool {
        match self.base {
            Base::Cohort => true,
            // Whoever is retained at an age was retained at all before.
            Base::Start | Base::Previous => matches!(self.criterion, Criterion::OnOrAfter | Criterion::Streak),
        }
    }
}

impl From<Period> for RetentionOptions {
    fn from(period: Period) -> Self {
        Self::new(period)
    }
}
