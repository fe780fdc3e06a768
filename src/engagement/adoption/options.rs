//! What is asked of the adoption of features.

use serde::{Deserialize, Serialize};

use super::super::uses::check_names;
use crate::calendar::{Date, Period};
use crate::error::{Error, Result};
use crate::statistics::{Correction, Wilson};

/// A stretch of days longer than this is refused.
const MAX_DAYS: u32 = 36_525;
/// Four weeks.
const FOUR_WEEKS: u32 = 28;

/// Who takes part in the comparison of adopters with the others, once the days in which one could adopt are over.
///
/// Whoever left on the second day had hardly any time to adopt and is not retained: counted among the non-adopters, such
/// people alone make adopters look better. So both groups have to show that they reached the landmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Landmark {
    /// Adopters and others who were active on at least one of so many days from the landmark on. These days come after
    /// those in which one could adopt, so that adopting does not count as having been seen, and before those that decide
    /// who was retained.
    SeenWithin(u32),
    /// Everybody. Those who left before the landmark are nearly all among the non-adopters, because they left; the
    /// difference holds that too and is no answer to what adoption goes along with among those who stay.
    Everybody,
}

impl Landmark {
    /// The days after the landmark that decide who takes part.
    pub(super) fn days(self) -> u32 {
        match self {
            Self::SeenWithin(days) => days,
            Self::Everybody => 0,
        }
    }
}

/// What [`Activity::adoption`](crate::Activity::adoption) should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdoptionOptions {
    pub(super) period: Period,
    pub(super) features: Option<Vec<String>>,
    pub(super) within_days: u32,
    pub(super) landmark: Landmark,
    retained_from: Option<u32>,
    pub(super) window: u32,
    pub(super) first_active_between: Option<(Date, Date)>,
    pub(super) confidence: f64,
    pub(super) correction: Correction,
}

impl AdoptionOptions {
    /// Adoption per calendar period; those who began in the same period are compared with each other.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self {
            period,
            features: None,
            within_days: 7,
            landmark: Landmark::SeenWithin(7),
            retained_from: None,
            window: FOUR_WEEKS,
            first_active_between: None,
            confidence: 0.95,
            correction: Correction::Holm,
        }
    }

    /// The features to report, in this order. The default is all that were used, in alphabetical order. One that nobody
    /// used has a reach of 0. Who cares for a few should name them before looking: the fewer differences, the less the
    /// correction asks of each.
    #[must_use]
    pub fn features(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.features = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Within how many days one adopts in time, the day of first activity being the first of them. The default is 7: the
    /// first week is where a product is tried, and it holds every weekday once, whatever day one began on.
    #[must_use]
    pub fn within_days(mut self, days: u32) -> Self {
        self.within_days = days;
        self
    }

    /// Who is compared. The default, [`Landmark::SeenWithin`] 7 days, takes those who were still there in the week after
    /// the first [`within_days`](Self::within_days).
    #[must_use]
    pub fn landmark(mut self, landmark: Landmark) -> Self {
        self.landmark = landmark;
        self
    }

    /// How many days after the first activity the days begin that decide who was retained. The default is 28, four weeks
    /// in, or the day after those of the landmark where that is later; an earlier one is refused.
    #[must_use]
    pub fn retained_from(mut self, days: u32) -> Self {
        self.retained_from = Some(days);
        self
    }

    /// On how many days from [`retained_from`](Self::retained_from) on one has to be active at least once to count as
    /// retained. The default is 28, as in [`programme_impact`](crate::Activity::programme_impact): four weeks hold every
    /// weekday alike, and nobody who comes every other week is taken for lost.
    #[must_use]
    pub fn window(mut self, days: u32) -> Self {
        self.window = days;
        self
    }

    /// Counts what is counted from the first activity (time to first use, adoption in time, retention) only for actors
    /// whose first activity lies between two days. The default is all. If a log starts late, the first activity in it is
    /// not that of its old users; and who began before a feature was there had to wait for it. Reach and the counts of
    /// periods are of everybody all the same.
    #[must_use]
    pub fn first_active_between(mut self, first: Date, last: Date) -> Self {
        self.first_active_between = Some((first, last));
        self
    }

    /// The level of confidence of the intervals; what is left to 1 is the level of the tests. The default is the
    /// customary 0.95.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// How p-values are corrected for the number of features looked at. The default, [`Correction::Holm`], keeps its
    /// promise however they depend on each other, and features used by the same people do.
    #[must_use]
    pub fn correction(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }

    /// The days after the first activity from which on retention is judged.
    #[must_use]
    pub fn retained_from_day(&self) -> u32 {
        self.retained_from.unwrap_or(FOUR_WEEKS.max(self.landmark_ends()))
    }

    /// The first day after the landmark's, counted from the first activity as day 0.
    fn landmark_ends(&self) -> u32 {
        self.within_days.saturating_add(self.landmark.days())
    }

    pub(super) fn check(&self) -> Result<Wilson> {
        let refuse =
            |option, value: u32, reason| Err(Error::InvalidOption { option, value: value.to_string(), reason });
        if let Some(names) = &self.features {
            check_names("features", names)?;
        }
        let landmark = if let Landmark::SeenWithin(days) = self.landmark { days } else { 1 };
        for (option, days) in [("within_days", self.within_days), ("landmark", landmark), ("window", self.window)] {
            if !(1..=MAX_DAYS).contains(&days) {
                return refuse(option, days, "is a number of days from 1 to 36525");
            }
        }
        let from = self.retained_from_day();
        if from < self.landmark_ends() {
            let reason =
                "retention is judged after the days in which one adopts and those of the landmark; begin later";
            return refuse("retained_from", from, reason);
        }
        if from > 2 * MAX_DAYS {
            return refuse("retained_from", from, "is a number of days of at most 73050");
        }
        Wilson::new(self.confidence)
    }
}

impl From<Period> for AdoptionOptions {
    fn from(period: Period) -> Self {
        Self::new(period)
    }
}
