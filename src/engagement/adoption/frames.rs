//! Adoption as frames.

use polars::prelude::DataFrame;

use super::{Adoption, AdoptionDifference, CohortAdoption, FeatureAdoption, FeaturePeriod, TimeToFirstUse};
use crate::error::Result;
use crate::frame::write;

impl Adoption {
    /// The features as a frame, one row each, in the order of [`features`](Self::features).
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `feature` | String | its name |
    /// | `first_used` | Date | first day of use by anybody; null if nobody used it |
    /// | `actors` | UInt64 | all actors |
    /// | `adopters` | UInt64 | actors who ever used it |
    /// | `reach` | Float64 | `adopters / actors`; null without an actor |
    /// | `reach_lower`, `reach_upper` | Float64 | its Wilson interval |
    /// | `days` | UInt64 | active days with it, over all users |
    /// | `timed_adopters` | UInt64 | adopters whose time to first use is counted |
    /// | `lower_quartile_days`, `median_days`, `upper_quartile_days` | Float64 | days from first activity to first use; null without one |
    /// | `observed_within` | UInt64 | actors whose first `within_days` days have passed |
    /// | `adopted_within` | UInt64 | those of them who used it in these days |
    /// | `share_within` | Float64 | `adopted_within / observed_within`; null without a denominator |
    /// | `share_within_lower`, `share_within_upper` | Float64 | its Wilson interval |
    /// | `judged_adopters`, `retained_adopters` | UInt64 | adopters in time who were judged, and retained |
    /// | `rate_adopters` | Float64 | `retained_adopters / judged_adopters`; null without one |
    /// | `judged_others`, `retained_others` | UInt64 | the same of all others |
    /// | `rate_others` | Float64 | `retained_others / judged_others`; null without one |
    /// | `cohorts` | UInt64 | cohorts with both; 0 where there is no difference |
    /// | `difference` | Float64 | adopters less others, like with like; an association; null without a cohort with both |
    /// | `standard_error` | Float64 | of the difference; null where that is |
    /// | `lower`, `upper` | Float64 | its interval; null where the difference is |
    /// | `p_value` | Float64 | of this feature alone; null where the difference is |
    /// | `adjusted_p_value` | Float64 | corrected for the number of features; null where the difference is |
    /// | `smallest_expected` | Float64 | below 5 the p-value is rough; null where the difference is |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let of = &self.features;
        let count = |name: &str, count: fn(&FeatureAdoption) -> u64| {
            write::column(name, of.iter().map(count).collect::<Vec<_>>())
        };
        let rate = |name: &str, rate: fn(&FeatureAdoption) -> Option<f64>| {
            write::column(name, of.iter().map(rate).collect::<Vec<_>>())
        };
        let time = |name: &str, days: fn(TimeToFirstUse) -> f64| {
            write::column(name, of.iter().map(|one| one.time_to_first_use.map(days)).collect::<Vec<_>>())
        };
        let difference = |name: &str, number: fn(AdoptionDifference) -> f64| {
            write::column(name, of.iter().map(|one| one.retention.difference.map(number)).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::column("feature", of.iter().map(|one| one.feature.as_str()).collect::<Vec<_>>()),
            write::dates("first_used", of.iter().map(|one| one.first_used))?,
            count("actors", |one| one.actors),
            count("adopters", |one| one.adopters),
            rate("reach", |one| one.reach),
            rate("reach_lower", |one| one.reach_interval.map(|ends| ends.lower)),
            rate("reach_upper", |one| one.reach_interval.map(|ends| ends.upper)),
            count("days", |one| one.days),
            count("timed_adopters", |one| one.time_to_first_use.map_or(0, |time| time.adopters)),
            time("lower_quartile_days", |time| time.lower_quartile),
            time("median_days", |time| time.median),
            time("upper_quartile_days", |time| time.upper_quartile),
            count("observed_within", |one| one.observed_within),
            count("adopted_within", |one| one.adopted_within),
            rate("share_within", |one| one.share_within),
            rate("share_within_lower", |one| one.share_within_interval.map(|ends| ends.lower)),
            rate("share_within_upper", |one| one.share_within_interval.map(|ends| ends.upper)),
            count("judged_adopters", |one| one.retention.adopters),
            count("retained_adopters", |one| one.retention.adopters_retained),
            rate("rate_adopters", |one| one.retention.adopters_rate()),
            count("judged_others", |one| one.retention.others),
            count("retained_others", |one| one.retention.others_retained),
            rate("rate_others", |one| one.retention.others_rate()),
            count("cohorts", |one| one.retention.difference.map_or(0, |difference| difference.cohorts)),
            difference("difference", |one| one.difference),
            difference("standard_error", |one| one.standard_error),
            difference("lower", |one| one.interval.lower),
            difference("upper", |one| one.interval.upper),
            difference("p_value", |one| one.p_value),
            difference("adjusted_p_value", |one| one.adjusted_p_value),
            difference("smallest_expected", |one| one.smallest_expected),
        ])
    }

    /// Every feature in every period as a frame, feature by feature, each in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `feature` | String | its name |
    /// | `start`, `end` | Date | first and last day of the period |
    /// | `coverage` | String | `observed`, `truncated` or `open` |
    /// | `active` | UInt64 | actors active in the period |
    /// | `users` | UInt64 | those of them who used the feature in it |
    /// | `penetration` | Float64 | `users / active`; null unless observed and somebody was active |
    /// | `lower`, `upper` | Float64 | its Wilson interval; null where it is |
    /// | `first_uses` | UInt64 | actors who used it for the first time |
    /// | `days` | UInt64 | active days with it, over its users |
    /// | `days_per_user` | Float64 | `days / users`; null unless observed and somebody used it |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn periods_to_frame(&self) -> Result<DataFrame> {
        let all: Vec<FeaturePeriod> = (0..self.features.len()).flat_map(|slot| self.periods_of(slot)).collect();
        let of = || all.iter();
        let count =
            |name: &str, count: fn(&FeaturePeriod) -> u64| write::column(name, of().map(count).collect::<Vec<_>>());
        let rate = |name: &str, rate: fn(&FeaturePeriod) -> Option<f64>| {
            write::column(name, of().map(rate).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::column("feature", self.repeated()),
            write::dates("start", of().map(|one| Some(one.span.start)))?,
            write::dates("end", of().map(|one| Some(one.span.end)))?,
            write::column("coverage", of().map(|one| one.coverage.name()).collect::<Vec<_>>()),
            count("active", |one| one.active),
            count("users", |one| one.users),
            rate("penetration", |one| one.penetration),
            rate("lower", |one| one.interval.map(|ends| ends.lower)),
            rate("upper", |one| one.interval.map(|ends| ends.upper)),
            count("first_uses", |one| one.first_uses),
            count("days", |one| one.days),
            rate("days_per_user", |one| one.days_per_user),
        ])
    }

    /// Adopters and others of every feature and cohort as a frame, feature by feature, cohorts in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `feature` | String | its name |
    /// | `cohort` | Date | first day of the period of first activity |
    /// | `cohort_coverage` | String | `observed`, `truncated` or `open`: was the whole period of entry seen |
    /// | `adopters`, `adopters_retained` | UInt64 | adopters in time who were judged, and retained |
    /// | `others`, `others_retained` | UInt64 | the same of all others |
    /// | `difference` | Float64 | rate of adopters less rate of others; an association; null unless there are both |
    /// | `lower`, `upper` | Float64 | its Newcombe interval; null where the difference is |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn cohorts_to_frame(&self) -> Result<DataFrame> {
        let all: Vec<CohortAdoption> = (0..self.features.len()).flat_map(|slot| self.cohorts_of(slot)).collect();
        let of = || all.iter();
        let count =
            |name: &str, count: fn(&CohortAdoption) -> u64| write::column(name, of().map(count).collect::<Vec<_>>());
        let rate = |name: &str, rate: fn(&CohortAdoption) -> Option<f64>| {
            write::column(name, of().map(rate).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::column("feature", self.repeated()),
            write::dates("cohort", of().map(|one| Some(one.cohort.start)))?,
            write::column("cohort_coverage", of().map(|one| one.coverage.name()).collect::<Vec<_>>()),
            count("adopters", |one| one.adopters),
            count("adopters_retained", |one| one.adopters_retained),
            count("others", |one| one.others),
            count("others_retained", |one| one.others_retained),
            rate("difference", |one| one.difference),
            rate("lower", |one| one.interval.map(|ends| ends.lower)),
            rate("upper", |one| one.interval.map(|ends| ends.upper)),
        ])
    }

    /// The name of every feature, once for every period.
    fn repeated(&self) -> Vec<&str> {
        let periods = self.periods.len();
        self.features.iter().flat_map(|one| std::iter::repeat_n(one.feature.as_str(), periods)).collect()
    }
}
