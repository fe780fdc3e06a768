//! What [`Portfolio::health`](crate::Portfolio::health) is asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::HealthBand;
use super::fit::FittedHealth;
use super::profile::HealthProfile;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::Portfolio;

/// By so much a score or a share may lie below an edge and still be at it: two thirds of 100 and 100 times 20 of 30 differ
/// in the last digit.
pub(super) const ROUNDING: f64 = 1e-9;

/// How accounts are to be scored, and what is good.
///
/// ```
/// use attrition::{HealthMeasure, HealthOptions, HealthProfile, HealthScale};
///
/// let enterprise = HealthProfile::standard().weigh(HealthMeasure::KeyContacts, 4.0, HealthScale::new(0.0, 1.0));
/// let options = HealthOptions::default().onboarding(60, HealthProfile::onboarding()).segment("enterprise", enterprise);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthOptions {
    pub(super) scoring: Scoring,
    onboarding: Option<(u32, HealthProfile)>,
    pub(super) segments: BTreeMap<String, HealthProfile>,
    pub(super) bands: HealthBands,
    pub(super) least_coverage: f64,
    pub(super) previous_days: u32,
}

/// By what accounts are scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scoring {
    Given(HealthProfile),
    Fitted(Box<FittedHealth>),
}

/// Where bands begin; each holds the score at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HealthBands {
    pub(super) average: f64,
    pub(super) good: f64,
}

impl HealthBands {
    pub(super) fn of(self, score: f64) -> HealthBand {
        if score < self.average - ROUNDING {
            HealthBand::Poor
        } else if score < self.good - ROUNDING {
            HealthBand::Average
        } else {
            HealthBand::Good
        }
    }
}

impl HealthOptions {
    /// Scores all accounts by one profile.
    #[must_use]
    pub fn new(profile: HealthProfile) -> Self {
        Self::by(Scoring::Given(profile))
    }

    pub(super) fn by(scoring: Scoring) -> Self {
        let bands = HealthBands { average: 100.0 / 3.0, good: 200.0 / 3.0 };
        Self { scoring, onboarding: None, segments: BTreeMap::new(), bands, least_coverage: 0.5, previous_days: 28 }
    }

    /// The profile of accounts that have been customers for less than so many days, whatever their segment. None unless
    /// told; [`HealthOptions::default`] has 90 days: by then there is a month to compare and a past to compare it with. Of accounts that were active
    /// from the first day of the observation on it is not known how new they are, and they are not taken for new. Not beside fitted
    /// weights, which know the tenure: their 50 is the base rate, and a given profile's is not.
    #[must_use]
    pub fn onboarding(mut self, days: u32, profile: HealthProfile) -> Self {
        self.onboarding = Some((days, profile));
        self
    }

    /// The profile of the accounts of a segment: the plan as known on the day, or with
    /// [`health_by`](crate::Portfolio::health_by) the segment of its frame, which has to have it. Plans are not known
    /// beforehand: by which of these profiles nobody was scored is told with the answer. Not beside fitted
    /// weights; to weigh a segment by what befell it, fit it by itself.
    #[must_use]
    pub fn segment(mut self, segment: impl Into<String>, profile: HealthProfile) -> Self {
        self.segments.insert(segment.into(), profile);
        self
    }

    /// The scores at which average and good begin. Bands are half-open: poor `[0, average)`, average `[average, good)`, good
    /// `[good, 100]`. Thirds unless told: they are what most tools begin with, and of a fitted score they mean twice and
    /// half the usual odds of leaving.
    #[must_use]
    pub fn bands(mut self, average: f64, good: f64) -> Self {
        self.bands = HealthBands { average, good };
        self
    }

    /// The least coverage with which an account has a band; with less its score is given and its band is not observed,
    /// which is not average. 0.5 unless told: below it more is unknown than known.
    #[must_use]
    pub fn least_coverage(mut self, coverage: f64) -> Self {
        self.least_coverage = coverage;
        self
    }

    /// With the score of how many days before a score is compared. 28 unless told: four of each weekday.
    #[must_use]
    pub fn compared_with(mut self, days: u32) -> Self {
        self.previous_days = days;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        let HealthBands { average, good } = self.bands;
        if !(0.0 <= average && average <= good && good <= 100.0) {
            let reason = "average begins at 0 or above, good not below it and at most at 100";
            return refuse("bands", format!("{average}, {good}"), reason);
        }
        if !(0.0..=1.0).contains(&self.least_coverage) {
            return refuse("least_coverage", self.least_coverage.to_string(), "a share of the weights is 0 to 1");
        }
        if !(1..=36_600).contains(&self.previous_days) {
            let reason = "is 1 day to a century";
            return refuse("compared_with", self.previous_days.to_string(), reason);
        }
        if let Scoring::Fitted(_) = &self.scoring {
            let reason = "fitted weights are the same for all accounts, and scores of given ones mean something else; leave \
                          it out, or score by given profiles alone";
            if let Some((days, profile)) = &self.onboarding {
                return refuse("onboarding", format!("{days} days, {}", profile.name()), reason);
            }
            if let Some((segment, profile)) = self.segments.first_key_value() {
                return refuse("segment", format!("{segment}, {}", profile.name()), reason);
            }
        }
        self.profiles().try_for_each(HealthProfile::check)
    }

    /// All given profiles; accounts are scored by the first of which they do not meet a condition of another.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &HealthProfile> {
        let profile = if let Scoring::Given(profile) = &self.scoring { Some(profile) } else { None };
        let onboarding = self.onboarding.iter().map(|(_, profile)| profile);
        profile.into_iter().chain(onboarding).chain(self.segments.values())
    }

    /// The day with which the scores of a day are compared; `None` where it lies before the observation.
    pub(super) fn previous(&self, portfolio: &Portfolio, as_of: Date) -> Option<Date> {
        let days = i32::try_from(self.previous_days).unwrap_or(i32::MAX);
        (as_of - portfolio.activity().observed_from() >= days).then(|| as_of - days)
    }

    /// The day up to which the weights know what became of accounts; `None` for given weights.
    pub(crate) fn knows_until(&self) -> Option<Date> {
        if let Scoring::Fitted(fitted) = &self.scoring { Some(fitted.knows_until()) } else { None }
    }

    /// The day up to which the weights know what became of accounts, if that is later than a day: what is said of the day is then
    /// hindsight. `None` for given weights.
    pub(crate) fn hindsight_on(&self, as_of: Date) -> Option<Date> {
        self.knows_until().filter(|&until| as_of < until)
    }

    /// Whether all segments that have a profile are among those that there are.
    pub(crate) fn check_segments<'n>(&self, known: impl Iterator<Item = &'n str>) -> Result<()> {
        /// So many segments are named.
        const NAMED: usize = 8;
        let known: Vec<&str> = known.collect();
        let Some(unknown) = self.segments.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let named = known[..known.len().min(NAMED)].join(", ");
        let more = if known.len() > NAMED { ", .." } else { "" };
        let value = format!("{unknown:?}, where the frame of segments has {named:?}{more},");
        let reason = "has a profile and no account; is it spelt as in the frame? If it is empty, leave its profile out";
        Err(Error::InvalidOption { option: "segment", value, reason })
    }

    /// The segments that have a profile, and its place among all of them.
    pub(super) fn segment_places(&self) -> impl Iterator<Item = (&str, usize)> {
        self.segments.keys().map(String::as_str).zip(1 + usize::from(self.onboarding.is_some())..)
    }

    /// The place of a profile among all of them.
    pub(super) fn place(&self, new_for: Option<i32>, segment: Option<&str>) -> usize {
        if let (Some((days, _)), Some(since)) = (&self.onboarding, new_for)
            && i64::from(since) < i64::from(*days)
        {
            return 1;
        }
        let own = segment.and_then(|segment| self.segment_places().find(|&(other, _)| other == segment));
        own.map_or(0, |(_, place)| place)
    }
}

impl Default for HealthOptions {
    fn default() -> Self {
        Self::new(HealthProfile::standard()).onboarding(90, HealthProfile::onboarding())
    }
}

impl From<HealthProfile> for HealthOptions {
    fn from(profile: HealthProfile) -> Self {
        Self::new(profile)
    }
}

impl From<FittedHealth> for HealthOptions {
    fn from(fitted: FittedHealth) -> Self {
        Self::by(Scoring::Fitted(Box::new(fitted)))
    }
}

impl From<&FittedHealth> for HealthOptions {
    fn from(fitted: &FittedHealth) -> Self {
        fitted.clone().into()
    }
}
