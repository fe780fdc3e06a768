//! How groups should be compared.

use serde::{Deserialize, Serialize};

use crate::calendar::Period;
use crate::error::{Error, Result};
use crate::statistics::{Correction, Wilson};

/// One of the groups compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedGroup {
    /// Its name; the first day of the period where it is a cohort.
    pub label: String,
    /// How many members it has, over all its cohorts.
    pub size: u64,
}

/// More groups than this are refused.
const MAX_GROUPS: usize = 64;

/// What segments are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ComparisonDetail {
    /// At each age over all cohorts.
    Ages,
    /// At each age over all cohorts, and in each cohort by itself.
    Cohorts,
}

/// How groups should be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonOptions {
    pub(super) confidence: f64,
    pub(super) correction: Correction,
    pub(super) baseline: Option<String>,
    pub(super) ages: Option<Vec<u32>>,
    pub(super) detail: ComparisonDetail,
    grace: Option<u32>,
}

impl ComparisonOptions {
    /// Every group against the first one, at every age.
    #[must_use]
    pub fn new() -> Self {
        Self {
            confidence: 0.95,
            correction: Correction::Holm,
            baseline: None,
            ages: None,
            detail: ComparisonDetail::Ages,
            grace: None,
        }
    }

    /// The level of confidence of the intervals; what is left to 1 is the level of the tests. The default is the
    /// customary 0.95.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// How p-values are corrected for the number of differences looked at. The default, [`Correction::Holm`], keeps its
    /// promise however they depend on each other, and those along a curve do.
    #[must_use]
    pub fn correction(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }

    /// The group that the others are compared with, by its label. The default is the first. A cohort's label is the
    /// first day of its period, like `2024-01-01`.
    #[must_use]
    pub fn baseline(mut self, label: impl Into<String>) -> Self {
        self.baseline = Some(label.into());
        self
    }

    /// The ages to compare rates at. The default is all from 1 on. Who cares for one age should say so before looking:
    /// the fewer differences, the less is asked of each. The log-rank test is over the whole curve all the same.
    #[must_use]
    pub fn ages(mut self, ages: impl IntoIterator<Item = u32>) -> Self {
        self.ages = Some(ages.into_iter().collect());
        self
    }

    /// Whether segments are compared within every cohort too. The default, [`ComparisonDetail::Ages`], has few
    /// differences and so finds more. Cohorts of one triangle are always compared age by age.
    #[must_use]
    pub fn detail(mut self, detail: ComparisonDetail) -> Self {
        self.detail = detail;
        self
    }

    /// Under [`OnOrAfter`](crate::Criterion::OnOrAfter), for how many further periods a member must not have been seen
    /// to count as lost. The default is about a month of silence, after which a monthly count has them no more: 28
    /// days, 4 weeks, and one period where periods are longer. A horizon cuts further periods off, so leave room for
    /// them. Other criteria have no use for it.
    #[must_use]
    pub fn grace(mut self, periods: u32) -> Self {
        self.grace = Some(periods);
        self
    }

    /// Judges the options for these groups.
    pub(super) fn check(&self, groups: &[ComparedGroup]) -> Result<Wilson> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        if groups.len() < 2 {
            return refuse("groups", groups.len().to_string(), "a comparison takes two groups or more");
        }
        if groups.len() > MAX_GROUPS {
            let (count, limit) = (groups.len() as u64, MAX_GROUPS as u64);
            let way_out = "compare those that matter, or put small ones together";
            return Err(Error::TooLarge { what: "groups", count, limit, way_out });
        }
        let twice = |place: usize| groups[..place].iter().any(|other| other.label == groups[place].label);
        if let Some(place) = (1..groups.len()).find(|&place| twice(place)) {
            return refuse("groups", groups[place].label.clone(), "two groups have this label");
        }
        if let Some(label) = &self.baseline
            && groups.iter().all(|group| group.label != *label)
        {
            return refuse("baseline", label.clone(), "no group has this label");
        }
        if self.grace == Some(0) {
            return refuse("grace", "0".to_owned(), "to be lost takes at least one further period without activity");
        }
        if self.ages.as_ref().is_some_and(Vec::is_empty) {
            return refuse("ages", "none".to_owned(), "name at least one age, or leave the option out for all");
        }
        Wilson::new(self.confidence)
    }

    /// The place of the baseline among these groups.
    pub(super) fn baseline_of(&self, groups: &[ComparedGroup]) -> usize {
        let named = self.baseline.as_ref().and_then(|label| groups.iter().position(|group| group.label == *label));
        named.unwrap_or(0)
    }

    /// The grace in periods.
    pub(super) fn grace_of(&self, period: Period) -> u32 {
        self.grace.unwrap_or(match period {
            Period::Day => 28,
            Period::Week => 4,
            Period::Month | Period::Quarter | Period::Year => 1,
        })
    }
}

impl Default for ComparisonOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Correction> for ComparisonOptions {
    fn from(correction: Correction) -> Self {
        Self::new().correction(correction)
    }
}
