//! What each trigger adds to the others.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::measures::Estimate;
use super::patterns::{Counts, Patterns};
use super::replay::{Column, Replay};
use crate::calendar::{Date, Span};
use crate::statistics::{LogisticFit, Observations, Outcomes, Sign, Term, Wilson, clustered_sum, logistic};
use crate::trigger::days_since_last_event;

/// Weights are expected to lie around 0 with a standard deviation of 5, which is an odds ratio of 150: nothing beside
/// thousands of rows, and enough for a trigger that never errs, or says the same as another, to have a weight.
const RIDGE: f64 = 0.04;

/// By so much the deviance falls in one of twenty cases where a trigger says nothing: the quantile of chi-squared.
const BY_CHANCE: f64 = 3.841_458_820_694_124;

/// What a trigger adds to days since the last event and to the triggers before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contribution {
    /// The name of the trigger.
    pub trigger: String,
    /// The logarithm of the odds ratio of having fired, in the model of all triggers.
    pub weight: f64,
    /// By how much the deviance fell as the trigger came to those before it, on the dates the model was fitted to.
    pub deviance_gain: f64,
    /// The same on the later dates, by the weights of the earlier ones: below 0 where it made the forecast worse. The
    /// observations of an account are one cluster.
    pub out_of_time_gain: Estimate,
    /// The area under the ROC curve of the model with it and those before it, on the later dates.
    pub area: Option<Estimate>,
    /// By how much the deviance grows where it is taken out of the model of all triggers, on the dates the model was
    /// fitted to. That is little where another trigger says the same.
    pub deviance_loss: f64,
}

impl Contribution {
    /// Whether it points the right way and made the forecast better beyond chance: the deviance gain of the fitted dates is
    /// at least 3.84, and the interval of that of the later dates lies above 0. Of the triggers that say nothing half gain a
    /// little, and one that says what another says gains next to nothing, but surely.
    #[must_use]
    pub fn holds(&self) -> bool {
        let later = self.out_of_time_gain.interval.is_some_and(|interval| interval.lower > 0.0);
        self.weight > 0.0 && self.deviance_gain >= BY_CHANCE && later
    }
}

/// The triggers in the order in which each adds the most to those before it.
///
/// ```text
/// log odds of leaving = b0 + b1 log(1 + days since the last event) + Σ c(j) not observed(j) + Σ weight(j) fired(j)
/// order               the trigger of which the deviance, -2 log-likelihood, falls most comes next
/// fitted to           the earlier dates, judged on the later ones, at which what became of the earlier was known
/// ```
///
/// Days since the last event are in the model from the start, to the nearest quarter of their logarithm, for they are known
/// without any trigger: whatever a trigger gains it adds to them. The triggers come in as what people see, fired or not,
/// and not as scores. Where some accounts are not observed by a trigger, that is a column of its own, so that it counts as
/// neither quiet nor fired; and these columns too are in the model from the start, for that a history is short or a table
/// silent is known without any trigger, and no trigger is to be credited with it.
///
/// The dates between the fitted and the judged ones are left out. Deviances are of accounts that come up at many dates,
/// so they rank, and are not tested. The weights have a ridge of 0.04, as if they were expected to lie around 0 with a
/// standard deviation of 5, so that a trigger that never errs has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ranking {
    /// The first and the last of the dates the model was fitted to.
    pub fitted: Span,
    /// The first and the last of the dates it was judged on.
    pub judged: Span,
    /// The area of the model with days since the last event alone, on the later dates.
    pub plain_area: Option<Estimate>,
    /// The triggers that were observed on the earlier dates, in their order.
    pub contributions: Vec<Contribution>,
}

impl Ranking {
    /// The ranking, and what the model of all triggers says on the later dates. `None` where the dates are too few for
    /// two sides, or on one side nobody left or nobody stayed.
    pub(super) fn of(replay: &Replay, known_after: i32, wilson: Wilson) -> Option<(Self, Column)> {
        let dates: Vec<Date> = replay.dates.iter().map(|replayed| replayed.date).collect();
        let (fitted, judged) = sides(&dates, known_after)?;
        let patterns = Patterns::new(replay);
        let past = patterns.count(replay, 0..replay.first[fitted]);
        let models = Models::new(&patterns, &past, replay);
        let test = Test::new(replay, &patterns, judged, wilson);
        let plain_area = models.plain(&test)?;
        let mut model = models.fit(&[])?;
        let mut chances = models.chances(&model);
        let (mut contributions, mut left) = (Vec::new(), models.candidates.clone());
        while !left.is_empty() {
            let fits: Vec<Option<Model>> =
                left.par_iter().map(|&next| models.fit(&[&model.triggers[..], &[next]].concat())).collect();
            // The first of equals.
            let best =
                fits.into_iter().flatten().reduce(|best, fit| if fit.deviance < best.deviance { fit } else { best });
            let Some(best) = best else { break };
            let better = models.chances(&best);
            let &next = best.triggers.last()?;
            contributions.push(Contribution {
                trigger: replay.triggers[next].name.clone(),
                weight: 0.0,
                deviance_gain: model.deviance - best.deviance,
                out_of_time_gain: test.gain(&chances, &better),
                area: test.area(&better),
                deviance_loss: 0.0,
            });
            left.retain(|&other| other != next);
            (model, chances) = (best, better);
        }
        let without = |&trigger: &usize| {
            let others: Vec<usize> = model.triggers.iter().copied().filter(|&other| other != trigger).collect();
            models.fit(&others).map_or(0.0, |others| others.deviance - model.deviance)
        };
        let losses: Vec<f64> = model.triggers.par_iter().map(without).collect();
        for ((place, contribution), loss) in contributions.iter_mut().enumerate().zip(losses) {
            contribution.deviance_loss = loss;
            contribution.weight = model.fit.coefficients[2 + place];
        }
        let combination = models.combination(&chances, replay, judged);
        let span = |first: usize, last: usize| Span { start: dates[first], end: dates[last] };
        let (fitted, judged) = (span(0, fitted - 1), span(judged, dates.len() - 1));
        Some((Self { fitted, judged, plain_area: Some(plain_area), contributions }, combination))
    }
}

/// How many dates to fit to, and the first of those to judge on, at which the outcome of the fitted ones was known: so
/// many that the smaller side is as large as can be.
pub(crate) fn sides(dates: &[Date], known_after: i32) -> Option<(usize, usize)> {
    let side = |fitted: usize| {
        let known = dates[fitted - 1] + known_after;
        (fitted, dates.partition_point(|&date| date < known).max(fitted))
    };
    let smaller = |&(fitted, judged): &(usize, usize)| fitted.min(dates.len() - judged);
    (1..dates.len()).rev().map(side).max_by_key(smaller).filter(|sides| smaller(sides) > 0)
}

/// A model of some triggers: coefficients of the intercept, the silence, whether each fired, and whether those that are
/// not always observed were.
#[derive(Clone, Debug)]
struct Model {
    triggers: Vec<usize>,
    fit: LogisticFit,
    deviance: f64,
}

struct Models<'a> {
    patterns: &'a Patterns,
    past: &'a Counts,
    /// The triggers that can be ranked: those that were observed on some of the earlier rows. Days since the last event are
    /// in every model.
    candidates: Vec<usize>,
    /// The candidates that were not observed on all of the earlier rows; of several that were not on the same ones, one.
    partly: Vec<usize>,
}

impl<'a> Models<'a> {
    fn new(patterns: &'a Patterns, past: &'a Counts, replay: &Replay) -> Self {
        let there: Vec<usize> = (0..patterns.len()).filter(|&pattern| past.all[pattern] > 0.0).collect();
        let seen = |trigger: usize| there.iter().map(move |&pattern| patterns.observed(pattern, trigger));
        let plain = |trigger: usize| replay.triggers[trigger].name == days_since_last_event::NAME;
        let candidates: Vec<usize> =
            (0..replay.asked).filter(|&trigger| !plain(trigger) && seen(trigger).any(|seen| seen)).collect();
        let mut partly: Vec<usize> = Vec::new();
        for &trigger in &candidates {
            if !seen(trigger).all(|seen| seen) && !partly.iter().any(|&other| seen(other).eq(seen(trigger))) {
                partly.push(trigger);
            }
        }
        Self { patterns, past, candidates, partly }
    }

    /// The area of days since the last event alone.
    fn plain(&self, test: &Test) -> Option<Estimate> {
        let alone = Self { candidates: Vec::new(), partly: Vec::new(), ..*self };
        test.area(&alone.chances(&alone.fit(&[])?))
    }

    /// The values of a pattern, without the intercept.
    fn values(&self, triggers: &[usize], pattern: usize, values: &mut Vec<f64>) {
        let flag = |flag: bool| f64::from(u8::from(flag));
        values.push(self.patterns.silence(pattern));
        values.extend(triggers.iter().map(|&trigger| flag(self.patterns.fired(pattern, trigger))));
        values.extend(self.partly.iter().map(|&trigger| flag(!self.patterns.observed(pattern, trigger))));
    }

    /// `None` where nobody, or everybody, left.
    fn fit(&self, triggers: &[usize]) -> Option<Model> {
        let (classes, counts) = self.patterns.coarser(self.past, triggers, &self.partly);
        let mut design = Vec::new();
        classes.iter().for_each(|&pattern| self.values(triggers, pattern, &mut design));
        let columns = design.len().checked_div(classes.len())?;
        let terms = vec![Term { ridge: RIDGE, sign: Sign::Free }; columns];
        let observations = Observations { design: &design, successes: &counts.left, trials: &counts.all };
        let fit = logistic(observations, &terms).ok()?;
        Some(Model { triggers: triggers.to_vec(), deviance: -2.0 * fit.log_likelihood, fit })
    }

    /// The chance of leaving, pattern by pattern.
    fn chances(&self, model: &Model) -> Vec<f64> {
        let mut values = Vec::new();
        let chance = |pattern| {
            values.clear();
            self.values(&model.triggers, pattern, &mut values);
            model.fit.probability(&values)
        };
        (0..self.patterns.len()).map(chance).collect()
    }

    /// What the chances say of the rows from a date on.
    fn combination(&self, chances: &[f64], replay: &Replay, start: usize) -> Column {
        let past = self.past;
        let any = |pattern: usize| (0..replay.asked).any(|trigger| self.patterns.fired(pattern, trigger));
        let work: f64 = (0..self.patterns.len()).filter(|&pattern| any(pattern)).map(|pattern| past.all[pattern]).sum();
        let mut order: Vec<usize> = (0..self.patterns.len()).filter(|&pattern| past.all[pattern] > 0.0).collect();
        order.sort_by(|&one, &other| chances[other].total_cmp(&chances[one]));
        let (mut threshold, mut sum) = (f64::INFINITY, 0.0);
        for equal in order.chunk_by(|&one, &other| chances[one].total_cmp(&chances[other]).is_eq()) {
            let more = sum + equal.iter().map(|&pattern| past.all[pattern]).sum::<f64>();
            if (work - more).abs() >= (work - sum).abs() {
                break;
            }
            (threshold, sum) = (chances[equal[0]], more);
        }
        let rows = replay.first[start]..replay.account.len();
        let score: Vec<f64> = rows.map(|row| chances[self.patterns.of_row[row] as usize]).collect();
        let fired = score.iter().map(|&chance| chance >= threshold).collect();
        Column { name: "combination".to_owned(), start, score, fired }
    }
}

/// The later dates.
struct Test {
    positive: Vec<bool>,
    account: Vec<u32>,
    pattern: Vec<u32>,
    accounts: usize,
    wilson: Wilson,
}

impl Test {
    fn new(replay: &Replay, patterns: &Patterns, start: usize, wilson: Wilson) -> Self {
        let mut test = Self { positive: vec![], account: vec![], pattern: vec![], accounts: replay.accounts, wilson };
        for row in replay.first[start]..replay.account.len() {
            if let Some(left) = replay.churned(row) {
                test.positive.push(left);
                test.account.push(replay.account[row]);
                test.pattern.push(patterns.of_row[row]);
            }
        }
        test
    }

    /// By how much the deviance falls from one model's chances to another's.
    fn gain(&self, before: &[f64], after: &[f64]) -> Estimate {
        let held = |chance: f64| chance.clamp(1e-12, 1.0 - 1e-12);
        let gain = |(&before, &after): (&f64, &f64)| {
            let (before, after) = (held(before), held(after));
            [2.0 * ((-after).ln_1p() - (-before).ln_1p()), 2.0 * (after.ln() - before.ln())]
        };
        let gains: Vec<[f64; 2]> = before.iter().zip(after).map(gain).collect();
        let mut accounts = vec![None; self.accounts];
        for ((&positive, &account), &pattern) in self.positive.iter().zip(&self.account).zip(&self.pattern) {
            *accounts[account as usize].get_or_insert(0.0) += gains[pattern as usize][usize::from(positive)];
        }
        let (value, interval) = clustered_sum(&accounts.into_iter().flatten().collect::<Vec<f64>>(), self.wilson);
        Estimate { value, interval }
    }

    fn area(&self, chances: &[f64]) -> Option<Estimate> {
        let scores: Vec<f64> = self.pattern.iter().map(|&pattern| chances[pattern as usize]).collect();
        let area = Outcomes::new(&self.positive, (&self.account, self.accounts))?.area(&scores)?;
        Some(Estimate { value: area.area, interval: area.interval(self.wilson) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_are_balanced() {
        let dates: Vec<Date> = (0..24).map(|number| Date::from_day(28 * number)).collect();
        // The outcome of the tenth, day 252, is known on day 356; the next date is the fourteenth, day 364.
        assert_eq!(sides(&dates, 104), Some((10, 13)));
        assert_eq!(sides(&dates[..2], 28), Some((1, 1)));
        assert_eq!(sides(&dates[..2], 29), None);
        assert_eq!(sides(&dates[..1], 1), None);
        assert_eq!(sides(&[], 1), None);
    }
}
