//! What was foreseen of later dates by models of earlier ones.

use std::ops::Range;

use super::card::PointsCard;
use super::model::{Model, SPREADS};
use super::past::Past;
use crate::health::signal::HealthSignal;
use crate::statistics::probability;
use crate::trigger::sides;

/// So often at the most the model is fitted anew while it is judged.
const REFITS: usize = 12;
/// What was foreseen at the judged dates, each by a model of the dates of which it was known by then what became of the accounts.
#[derive(Debug)]
pub(super) struct Foreseen {
    /// The dates that the first model was fitted to.
    pub(super) fitted: Range<usize>,
    pub(super) judged: Range<usize>,
    /// Of the judged rows.
    pub(super) log_odds: Vec<f64>,
    /// The same by the cards.
    pub(super) card: Option<Vec<f64>>,
    /// How unsure the level and the slope of the log odds are: standard deviations.
    pub(super) unsure: [f64; 2],
}

impl Foreseen {
    /// `None` where the dates are too few for two sides, or nobody left on the first of them.
    pub(super) fn new(past: &Past, signals: &[HealthSignal], known_after: i32) -> Option<Self> {
        let days: Vec<_> = past.dates.iter().map(|of| of.date).collect();
        let all: Vec<usize> = (0..signals.len()).collect();
        let (fitted, first) = sides(&days, known_after)?;
        let judged = first..days.len();
        let each = judged.len().div_ceil(REFITS);
        let known = |date: usize| days.partition_point(|&other| other + known_after <= days[date]);
        let (mut log_odds, mut card) = (Vec::new(), Some(Vec::new()));
        let (mut spreads, mut models) = (SPREADS.to_vec(), Vec::new());
        for start in judged.clone().step_by(each) {
            let known = known(start).max(fitted);
            let model = Model::fit(past, 0..known, signals, &all, &spreads)?;
            spreads = vec![model.spread];
            let ahead = start..days.len().min(start + each);
            log_odds.extend(model.foresee(past, ahead.clone()));
            card = card.zip(PointsCard::of(past, 0..known, signals, &model)).map(|(mut chances, card)| {
                chances.extend(card.log_odds(past, past.rows(ahead.clone()), signals));
                chances
            });
            models.push((model, ahead));
        }
        let unsure = unsure(past, &log_odds, &models);
        Some(Self { fitted: 0..fitted, judged, log_odds, card, unsure })
    }
}

/// How unsure level and slope of the log odds of all these models are. They have most of their past in common, so that they err
/// together.
fn unsure(past: &Past, log_odds: &[f64], models: &[(Model, Range<usize>)]) -> [f64; 2] {
    let weighed = |&told: &f64| (probability(told) * (1.0 - probability(told)), told);
    let sum =
        |of: &dyn Fn(f64) -> f64| log_odds.iter().map(weighed).map(|(weight, told)| weight * of(told)).sum::<f64>();
    let all = sum(&|_| 1.0);
    let centre = sum(&|told| told) / all;
    let squares = sum(&|told| (told - centre).powi(2));
    let mut sums = [[0.0; 3]; 2];
    for (model, ahead) in models {
        let own = model.unsure(past, ahead.clone(), centre);
        sums.iter_mut().flatten().zip(own.iter().flatten()).for_each(|(sum, own)| *sum += own);
    }
    let [level, slope] = sums.map(|of| of.iter().map(|own| own * own).sum::<f64>().sqrt());
    [level / all, if squares > 0.0 { slope / squares } else { 0.0 }]
}
