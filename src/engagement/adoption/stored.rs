//! What has to hold of answers that are read back.

use super::tally::{Judged, Usage};
use super::{Adoption, AdoptionOptions, AdoptionRetention, FeatureAdoption, TimeToFirstUse, sides};
use crate::calendar::{Coverage, Date, Span};
use crate::frame::stored::{asked, holds, stored};
use crate::statistics::{Interval, ratio};

stored!(StoredFeatureAdoption as FeatureAdoption {
    feature: String,
    first_used: Option<Date>,
    adopters: u64,
    actors: u64,
    reach: Option<f64>,
    reach_interval: Option<Interval>,
    days: u64,
    time_to_first_use: Option<TimeToFirstUse>,
    adopted_within: u64,
    observed_within: u64,
    share_within: Option<f64>,
    share_within_interval: Option<Interval>,
    retention: AdoptionRetention,
});
stored!(StoredAdoption as Adoption {
    options: AdoptionOptions,
    as_of: Date,
    actors: u64,
    followed: u64,
    features: Vec<FeatureAdoption>,
    periods: Vec<(Span, Coverage)>,
    active: Vec<u32>,
    usage: Vec<Usage>,
    eligible: Vec<Judged>,
    adopters: Vec<Judged>,
});

impl FeatureAdoption {
    fn check(&self) -> Result<(), String> {
        let retention = &self.retention;
        let parts = [
            (self.adopters, self.actors),
            (self.observed_within, self.actors),
            (self.adopted_within, self.observed_within),
            (retention.adopters_retained, retention.adopters),
            (retention.others_retained, retention.others),
        ];
        let judged = retention.adopters.checked_add(retention.others);
        let counts = parts.into_iter().all(|(part, whole)| part <= whole)
            && judged.is_some_and(|judged| judged <= self.actors)
            && self.adopters <= self.days
            && self.first_used.is_some() == (self.adopters > 0);
        holds(counts, "no more actors use a feature, or are retained, than there are")?;
        let shares = is_ratio(self.reach, self.adopters, self.actors)
            && is_ratio(self.share_within, self.adopted_within, self.observed_within);
        holds(shares, "a share is that of its counts")?;
        let intervals = self.reach_interval.is_some() == self.reach.is_some()
            && self.share_within_interval.is_some() == self.share_within.is_some();
        holds(intervals, "a share has an interval")?;
        let ordered = |time: TimeToFirstUse| {
            let quartiles = [0.0, time.lower_quartile, time.median, time.upper_quartile];
            (1..=self.adopters).contains(&time.adopters) && quartiles.is_sorted()
        };
        holds(self.time_to_first_use.is_none_or(ordered), "the times to the first use are in order, of adopters")?;
        let both = |cohorts: u64| cohorts > 0 && retention.adopters.min(retention.others) >= cohorts;
        holds(retention.difference.is_none_or(|one| both(one.cohorts)), "adopters are compared with others")
    }
}

/// Whether a rate is that of its counts; numbers in files may be off in the last digit.
fn is_ratio(rate: Option<f64>, part: u64, whole: u64) -> bool {
    match (rate, ratio(part, whole)) {
        (Some(rate), Some(expected)) => (rate - expected).abs() < 1e-12,
        (rate, expected) => rate == expected,
    }
}

impl Adoption {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let (features, periods) = (self.features.len(), self.periods.len());
        let cells = features.checked_mul(periods);
        let laid_out = [self.active.len(), self.eligible.len()] == [periods; 2]
            && [self.usage.len(), self.adopters.len()].into_iter().all(|count| Some(count) == cells);
        holds(laid_out, "there is a count for each period and feature")?;
        let in_order = self.periods.is_sorted_by(|(one, _), (next, _)| one.end < next.start)
            && self.periods.iter().all(|(span, _)| span.start <= span.end);
        holds(in_order, "periods are in order of time and share no day")?;
        let names = || self.features.iter().map(|one| &one.feature);
        let named = match &self.options.features {
            Some(asked) => names().eq(asked),
            None => names().is_sorted_by(|one, next| one < next),
        };
        holds(named, "features are those asked for, or in alphabetical order")?;
        holds(self.judged() <= self.followed && self.followed <= self.actors, "nobody is judged who was not followed")?;
        // A chunk of no features would be none.
        let rows = |row: usize| row * features..(row + 1) * features;
        for (row, (span, _)) in self.periods.iter().enumerate() {
            let most = u64::from((span.end - span.start).unsigned_abs()) + 1;
            let [judged, retained] = self.eligible[row];
            let used = |usage: &Usage| {
                let users = u64::from(usage.users);
                usage.users <= self.active[row]
                    && usage.first_uses <= usage.users
                    && (users..=users * most).contains(&usage.days)
            };
            holds(self.usage[rows(row)].iter().all(used), "those who use a feature are active, on days of the period")?;
            let of_all = |&[whole, part]: &Judged| {
                let others = judged.checked_sub(whole).zip(retained.checked_sub(part));
                part <= whole && others.is_some_and(|(whole, part)| part <= whole)
            };
            let judged = retained <= judged && self.adopters[rows(row)].iter().all(of_all);
            holds(judged, "adopters are part of those judged")?;
        }
        let sums = |(slot, one): (usize, &FeatureAdoption)| one.actors == self.actors && self.adds_up(slot, one);
        holds(self.features.iter().enumerate().all(sums), "a feature has the counts of its periods and cohorts")
    }

    fn adds_up(&self, slot: usize, one: &FeatureAdoption) -> bool {
        let features = self.features.len();
        let (mut uses, mut cohorts) = ([0, 0], [0; 4]);
        for usage in self.usage.iter().skip(slot).step_by(features) {
            uses[0] += u64::from(usage.first_uses);
            uses[1] += usage.days;
        }
        let adopters = self.adopters.iter().skip(slot).step_by(features).copied();
        for [adopters, others] in sides(adopters, &self.eligible) {
            let counts = [adopters.whole, adopters.part, others.whole, others.part];
            cohorts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let of = &one.retention;
        uses == [one.adopters, one.days]
            && cohorts == [of.adopters, of.adopters_retained, of.others, of.others_retained]
    }
}
