//! What is asked of a programme.

use serde::{Deserialize, Serialize};

use super::protocol::{LaterParticipants, Protocol};
use crate::activity::Activity;
use crate::calendar::{Coverage, Period, Span};
use crate::error::{Error, Result};
use crate::statistics::Wilson;

/// A stretch of days longer than this is refused.
const MAX_DAYS: u32 = 36_525;

/// What [`Activity::programme_impact`] should compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgrammeImpactOptions {
    horizon: u32,
    window: Option<u32>,
    pub(super) cohort: Period,
    look_back: u32,
    pub(super) prior_use: Vec<u32>,
    alive_within: u32,
    pub(super) later: LaterParticipants,
    pub(super) confidence: f64,
}

impl ProgrammeImpactOptions {
    /// Follows everybody for so many days after the day on which their clock starts.
    #[must_use]
    pub fn new(horizon_days: u32) -> Self {
        Self {
            horizon: horizon_days,
            window: None,
            cohort: Period::Month,
            look_back: 28,
            prior_use: vec![0, 1, 2, 4, 8, 16],
            alive_within: 1,
            later: LaterParticipants::Kept,
            confidence: 0.95,
        }
    }

    /// How many days at the end of the horizon one has to be active in, at least once, to count as retained. The
    /// default is 28, or the whole horizon where that is shorter: four weeks hold every weekday alike, and nobody who
    /// comes every other week is taken for lost.
    #[must_use]
    pub fn window(mut self, days: u32) -> Self {
        self.window = Some(days);
        self
    }

    /// People are compared with those whose first activity lies in the same period. The default is the month: shorter
    /// ones compare more strictly and leave more participants without anybody comparable.
    #[must_use]
    pub fn cohort(mut self, period: Period) -> Self {
        self.cohort = period;
        self
    }

    /// Over how many days before the clock starts prior use is counted. The default is 28, as long as the default
    /// window.
    #[must_use]
    pub fn look_back(mut self, days: u32) -> Self {
        self.look_back = days;
        self
    }

    /// The lower ends of the bins of prior use, in active days of the look-back; people are compared within a bin. The
    /// default is 0, 1, 2, 4, 8 and 16: each bin begins at twice the use of the one before, since the tenth day tells
    /// less than the second.
    #[must_use]
    pub fn prior_use(mut self, lower_ends: impl IntoIterator<Item = u32>) -> Self {
        self.prior_use = lower_ends.into_iter().collect();
        self
    }

    /// Within how many days, up to and including the day on which the clock starts, everybody must have been active.
    ///
    /// Whoever takes part is evidently still there; of somebody who has been silent for a week nobody knows. So the
    /// default is 1: both were active on that very day, and one of them took part. Where taking part leaves no trace
    /// in the log, 7 or so judge more participants, at the price that some of those compared with were gone already,
    /// which flatters the programme. The cost grows with the days.
    #[must_use]
    pub fn alive_within(mut self, days: u32) -> Self {
        self.alive_within = days;
        self
    }

    /// What becomes of comparable people who take part later within the horizon. The default is
    /// [`LaterParticipants::Kept`], which does not look into the future to choose whom to compare with.
    #[must_use]
    pub fn later_participants(mut self, later: LaterParticipants) -> Self {
        self.later = later;
        self
    }

    /// The level of confidence of the intervals. The default is the customary 0.95.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// The days of follow-up.
    #[must_use]
    pub fn horizon_days(&self) -> u32 {
        self.horizon
    }

    /// The days at the end of the horizon that decide who was retained.
    #[must_use]
    pub fn window_days(&self) -> u32 {
        self.window.unwrap_or(self.horizon.min(28))
    }

    pub(super) fn check(&self) -> Result<()> {
        Wilson::new(self.confidence)?;
        let refuse =
            |option, value: u32, reason| Err(Error::InvalidOption { option, value: value.to_string(), reason });
        let long = "is a number of days from 1 to 36525";
        for (option, days) in [
            ("horizon_days", self.horizon),
            ("look_back", self.look_back),
            ("alive_within", self.alive_within),
            ("window", self.window_days()),
        ] {
            if !(1..=MAX_DAYS).contains(&days) {
                return refuse(option, days, long);
            }
        }
        if self.window_days() > self.horizon {
            return refuse("window", self.window_days(), "ends with the horizon and cannot be longer than it");
        }
        if self.prior_use.first() != Some(&0) || !self.prior_use.is_sorted_by(|lower, next| lower < next) {
            let reason = "the lower ends of the bins begin with 0 and ascend, like 0, 1, 4, 16";
            let value = format!("{:?}", self.prior_use);
            return Err(Error::InvalidOption { option: "prior_use", value, reason });
        }
        Ok(())
    }

    pub(super) fn protocol(&self, activity: &Activity) -> Protocol {
        Protocol {
            look_back: self.look_back.cast_signed(),
            horizon: self.horizon.cast_signed(),
            window: self.window_days().cast_signed(),
            alive_within: self.alive_within.cast_signed(),
            later: self.later,
            observed: (activity.observed_from().days_since_epoch(), activity.as_of().days_since_epoch()),
        }
    }

    /// How much of a month is judged: days whose look-back and horizon are observed.
    pub(super) fn coverage(&self, activity: &Activity, span: Span) -> Coverage {
        let first = activity.observed_from() + self.look_back.cast_signed();
        Coverage::of(span, first, activity.as_of() - self.horizon.cast_signed())
    }
}

impl From<u32> for ProgrammeImpactOptions {
    fn from(horizon_days: u32) -> Self {
        Self::new(horizon_days)
    }
}
