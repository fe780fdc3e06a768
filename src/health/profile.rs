//! What counts how much.

use serde::{Deserialize, Serialize};

use super::signal::{HealthMeasure, HealthSignal};
use crate::error::{Error, Result};

/// At which value of a signal an account scores 0, and at which 100.
///
/// ```text
/// score = 100 (value - poor) / (good - poor), held between 0 and 100
/// ```
///
/// Which way is good follows from which of the two is larger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthScale {
    poor: f64,
    good: f64,
}

impl HealthScale {
    /// The value at which the score is 0, and the one at which it is 100.
    #[must_use]
    pub fn new(poor: f64, good: f64) -> Self {
        Self { poor, good }
    }

    /// The score of a value, from 0 to 100.
    #[must_use]
    pub fn score(self, value: f64) -> f64 {
        100.0 * ((value - self.poor) / (self.good - self.poor)).clamp(0.0, 1.0)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Weighed {
    pub(super) signal: HealthSignal,
    pub(super) weight: f64,
    pub(super) scale: HealthScale,
}

/// Signals with given weights.
///
/// ```text
/// score     Σ w s / Σ w          over the signals that were observed, s being the score of each on its scale
/// coverage  Σ w observed / Σ w   over all
/// points    w (s - 50) / Σ w     over those that were observed: the score is 50 and the points of all signals
/// ```
///
/// A signal that was not observed is left out of both sums. A neutral value in its place would pull every account towards
/// the middle of which little is known.
///
/// # Example
///
/// ```
/// use attrition::{HealthMeasure, HealthProfile, HealthScale, HealthSignal};
///
/// let profile = HealthProfile::new("payers")
///     .weigh(HealthMeasure::ActiveDays28, 2.0, HealthScale::new(0.0, 5.0))
///     .weigh(HealthMeasure::DaysOverdue, 1.0, HealthScale::new(30.0, 0.0))
///     .weigh(HealthSignal::trigger("support_spike"), 1.0, HealthScale::new(1.0, 0.0));
/// assert_eq!(HealthScale::new(30.0, 0.0).score(7.5), 75.0);
/// # let _ = profile;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthProfile {
    name: String,
    pub(super) signals: Vec<Weighed>,
}

impl HealthProfile {
    /// A profile that weighs nothing yet. The answer names it beside each account.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), signals: Vec::new() }
    }

    /// Adds a signal with its weight; of the same signal the last holds.
    #[must_use]
    pub fn weigh(mut self, signal: impl Into<HealthSignal>, weight: f64, scale: HealthScale) -> Self {
        let weighed = Weighed { signal: signal.into(), weight, scale };
        match self.signals.iter_mut().find(|other| other.signal == weighed.signal) {
            Some(other) => *other = weighed,
            None => self.signals.push(weighed),
        }
        self
    }

    /// Takes a signal out.
    #[must_use]
    pub fn without(mut self, signal: impl Into<HealthSignal>) -> Self {
        let signal = signal.into();
        self.signals.retain(|other| other.signal != signal);
        self
    }

    /// The profile of customers who know the product. More than half of the weight is on use, so that a log alone is
    /// enough for a band.
    ///
    /// | signal | weight | 0 at | 100 at | why there |
    /// | --- | --- | --- | --- | --- |
    /// | `usage_trend` | 4 | 0.4 | 1 | use that fell to less than half of what it was is what tools call a high risk |
    /// | `silence_against_rhythm` | 3 | 6 | 2 | a silence is usual up to twice its mean, and rare from six times on |
    /// | `days_since_last_event` | 2 | 28 | 3 | a month without anybody, and a weekend |
    /// | `seat_use` | 2 | 0.2 | 0.8 | who pays for five and uses one will count the seats at the renewal |
    /// | `days_overdue` | 2 | 30 | 0 | from a month on an invoice is a high risk to most tools |
    /// | `key_contacts` | 1 | 0 | 1 | the share that is there |
    /// | `feature_trend` | 1 | 0.4 | 1 | as use |
    /// | `recommendation` | 1 | 4 | 9 | from a promoter down to a clear detractor |
    /// | `open_tickets` | 1 | 5 | 0 | none to as many as few have |
    #[must_use]
    pub fn standard() -> Self {
        Self::new("standard")
            .weigh(HealthMeasure::UsageTrend, 4.0, HealthScale::new(0.4, 1.0))
            .weigh(HealthMeasure::SilenceAgainstRhythm, 3.0, HealthScale::new(6.0, 2.0))
            .weigh(HealthMeasure::DaysSinceLastEvent, 2.0, HealthScale::new(28.0, 3.0))
            .weigh(HealthMeasure::SeatUse, 2.0, HealthScale::new(0.2, 0.8))
            .weigh(HealthMeasure::DaysOverdue, 2.0, HealthScale::new(30.0, 0.0))
            .weigh(HealthMeasure::KeyContacts, 1.0, HealthScale::new(0.0, 1.0))
            .weigh(HealthMeasure::FeatureTrend, 1.0, HealthScale::new(0.4, 1.0))
            .weigh(HealthMeasure::Recommendation, 1.0, HealthScale::new(4.0, 9.0))
            .weigh(HealthMeasure::OpenTickets, 1.0, HealthScale::new(5.0, 0.0))
    }

    /// The profile of new customers, who have no past to be held against: whether they come, who comes and to what.
    ///
    /// | signal | weight | 0 at | 100 at | why there |
    /// | --- | --- | --- | --- | --- |
    /// | `active_days_28` | 4 | 0.25 | 3 | active days a week: from once a month to three days a week |
    /// | `days_since_last_event` | 4 | 14 | 2 | who is new forgets sooner |
    /// | `seat_use` | 2 | 0.1 | 0.6 | not all can have come yet |
    /// | `feature_share` | 2 | 0.1 | 0.4 | nor have tried everything |
    /// | `days_overdue` | 2 | 30 | 0 | as for all |
    /// | `open_tickets` | 1 | 5 | 0 | as for all |
    #[must_use]
    pub fn onboarding() -> Self {
        Self::new("onboarding")
            .weigh(HealthMeasure::ActiveDays28, 4.0, HealthScale::new(0.25, 3.0))
            .weigh(HealthMeasure::DaysSinceLastEvent, 4.0, HealthScale::new(14.0, 2.0))
            .weigh(HealthMeasure::SeatUse, 2.0, HealthScale::new(0.1, 0.6))
            .weigh(HealthMeasure::FeatureShare, 2.0, HealthScale::new(0.1, 0.4))
            .weigh(HealthMeasure::DaysOverdue, 2.0, HealthScale::new(30.0, 0.0))
            .weigh(HealthMeasure::OpenTickets, 1.0, HealthScale::new(5.0, 0.0))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its signals, in the order in which they were added.
    #[must_use]
    pub fn signals(&self) -> impl ExactSizeIterator<Item = &HealthSignal> {
        self.signals.iter().map(|weighed| &weighed.signal)
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        if self.signals.is_empty() {
            return refuse("profile", self.name.clone(), "weighs no signal; begin with HealthProfile::standard()");
        }
        for (place, Weighed { signal, weight, scale }) in self.signals.iter().enumerate() {
            if self.signals[..place].iter().any(|other| other.signal == *signal) {
                return refuse("profile", format!("{signal} in {}", self.name), "weighs this signal twice");
            }
            if !(*weight > 0.0 && *weight <= 1e6) {
                return refuse("weight", format!("{weight} of {signal}"), "lies above 0 and at most at 1000000");
            }
            let HealthScale { poor, good } = scale;
            if !(poor.is_finite() && good.is_finite() && (poor - good).abs() > 1e-12 && (poor - good).is_finite()) {
                let reason = "a scale leads from one finite value, which scores 0, to another, which scores 100";
                return refuse("scale", format!("{poor} to {good} of {signal}"), reason);
            }
        }
        Ok(())
    }
}
