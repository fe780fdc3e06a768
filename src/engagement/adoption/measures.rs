//! From counts to what is said of a feature.

use super::tally::{Judged, Question, Tally, quartiles};
use super::{AdoptionDifference, AdoptionRetention, FeatureAdoption, TimeToFirstUse};
use crate::calendar::Date;
use crate::statistics::{Share, Wilson, mantel_haenszel, ratio};

/// All that is said of the feature at a place among those asked for.
pub(super) fn feature(
    name: &str,
    slot: usize,
    actors: u64,
    question: &Question<'_>,
    tally: &Tally,
    wilson: Wilson,
) -> FeatureAdoption {
    let usage = || tally.usage.iter().skip(slot).step_by(question.asked);
    let adopters = usage().map(|usage| u64::from(usage.first_uses)).sum();
    let waits = &tally.waits[slot * question.length()..(slot + 1) * question.length()];
    let timed = waits.iter().map(|&count| u64::from(count)).sum();
    let time = quartiles(waits).map(|[lower_quartile, median, upper_quartile]| TimeToFirstUse {
        adopters: timed,
        lower_quartile,
        median,
        upper_quartile,
    });
    let adopted_within = u64::from(tally.in_time[slot]);
    let first_day = tally.first_day[slot];
    let judged = tally.adopters.iter().skip(slot).step_by(question.asked);
    FeatureAdoption {
        feature: name.to_owned(),
        first_used: (first_day < i32::MAX).then(|| Date::from_day(first_day)),
        adopters,
        actors,
        reach: ratio(adopters, actors),
        reach_interval: wilson.interval(adopters, actors),
        days: usage().map(|usage| usage.days).sum(),
        time_to_first_use: time,
        adopted_within,
        observed_within: tally.timed,
        share_within: ratio(adopted_within, tally.timed),
        share_within_interval: wilson.interval(adopted_within, tally.timed),
        retention: retention(&sides(judged.copied(), &tally.eligible).collect::<Vec<_>>(), wilson),
    }
}

/// Adopters and others of every cohort.
pub(super) fn sides(adopters: impl Iterator<Item = Judged>, eligible: &[Judged]) -> impl Iterator<Item = [Share; 2]> {
    let share = |[whole, part]: Judged| Share { part: u64::from(part), whole: u64::from(whole) };
    adopters.zip(eligible).map(move |(adopters, all)| {
        let others = [all[0] - adopters[0], all[1] - adopters[1]];
        [share(adopters), share(others)]
    })
}

fn retention(cohorts: &[[Share; 2]], wilson: Wilson) -> AdoptionRetention {
    let total = |side: usize| {
        cohorts.iter().fold((0, 0), |(whole, part), pair| (whole + pair[side].whole, part + pair[side].part))
    };
    let ((adopters, adopters_retained), (others, others_retained)) = (total(0), total(1));
    let both = cohorts.iter().filter(|pair| pair.iter().all(|share| share.whole > 0)).count() as u64;
    let difference = mantel_haenszel(cohorts.iter().copied(), wilson);
    let difference = difference.map(|contrast| AdoptionDifference {
        cohorts: both,
        difference: contrast.difference,
        standard_error: contrast.standard_error,
        interval: contrast.interval,
        p_value: contrast.p_value,
        adjusted_p_value: contrast.p_value,
        smallest_expected: contrast.smallest_expected,
    });
    AdoptionRetention { adopters, adopters_retained, others, others_retained, difference }
}
