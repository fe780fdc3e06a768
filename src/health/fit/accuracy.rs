//! How well a fitted score foresees who leaves, on dates that it was not fitted to.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::foreseen::Foreseen;
use super::past::Past;
use crate::calendar::Span;
use crate::statistics::{
    Interval, Outcomes, Wilson, brier, float, intercept, paired_difference, probability, recalibration, reliability,
};
use crate::trigger::{Difference, Estimate, Verdict, cut};

/// Into so many bins of equal count accounts are divided by their chances.
const BINS: usize = 10;

/// Accounts at dates with like chances.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReliabilityBin {
    /// Accounts at dates.
    pub accounts: u64,
    /// Those who left.
    pub left: u64,
    /// The mean of the chances that they were given.
    pub mean_probability: f64,
    /// The share that left; the dates of an account are one cluster.
    pub rate: Estimate,
}

/// The mean squared difference of chances and outcomes, and what it is made of.
///
/// ```text
/// score = reliability - resolution + uncertainty + within
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BrierScore {
    /// The mean of `(p - y)²`.
    pub score: f64,
    /// How far chances lie from what came about, bin by bin: 0 is best.
    pub reliability: f64,
    /// How far apart the bins are in what came about: the larger the better.
    pub resolution: f64,
    /// `rate (1 - rate)`, which no forecast changes.
    pub uncertainty: f64,
    /// What is left because chances within a bin differ.
    pub within: f64,
    /// `1 - score / uncertainty`: 0 for a forecast of the rate of these dates to all.
    pub skill: f64,
}

/// How well a fitted score foresaw who left, each date being foreseen by a model of earlier dates of which it was known by
/// then what became of the accounts.
///
/// Units are accounts at dates; the dates of an account are one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthAccuracy {
    /// The first and the last of the dates the first of the models was fitted to.
    pub fitted: Span,
    /// The first and the last of the dates it was judged on.
    pub judged: Span,
    /// Accounts at the judged dates.
    pub accounts: u64,
    /// Those who left.
    pub left: u64,
    /// `left / accounts`.
    pub base_rate: f64,
    /// The mean of the chances that were given.
    pub mean_probability: f64,
    /// By how much all log odds were too low: 0 if chances come about on the whole. The interval is that of the outcomes of the
    /// judged dates alone, as if the chances had been told by somebody who knows.
    pub calibration_intercept: Estimate,
    /// The same with an interval that also takes in the outcomes of the dates that it was fitted to, and how unsure the
    /// drift of the base rate between them is: how wrong the level can be without anything being wrong with the model.
    pub calibration_intercept_in_all: Estimate,
    /// The slope of outcomes on log odds: 1 if chances are as far apart as they should be, less if too far. `None` where all
    /// have the same chance.
    pub calibration_slope: Option<Estimate>,
    /// The same with an interval that also takes in the outcomes of the dates that it was fitted to, the drift, and that what
    /// signals mean changes from dates to later ones: a slope that is off by 0.15 for it is taken to be as usual as one
    /// standard deviation. `value ± z √(error² + fitted² + drift² + 0.15²)`, the middle two by the delta method.
    pub calibration_slope_in_all: Option<Estimate>,
    /// The reliability curve: bins of equal count, those with small chances first, equal chances together.
    pub reliability: Vec<ReliabilityBin>,
    /// The score of Brier.
    pub brier: BrierScore,
    /// The area under the ROC curve: the chance that one who left was given a higher chance than one who stayed, ties half.
    pub area: Estimate,
    /// The same of days since the last event.
    pub plain_area: Estimate,
    /// The area less that of days since the last event.
    pub area_difference: Option<Difference>,
    /// How many times as many left among the tenth with the highest chances of each date as among all; of ties as many as
    /// are left to fill, by their share.
    pub top_decile_lift: f64,
    /// The same of those who were silent for longest.
    pub plain_top_decile_lift: f64,
    /// The lift less that of days since the last event; the rate among all is taken as it is.
    pub top_decile_lift_difference: Option<Difference>,
    /// The area of the points card that was made of the same dates.
    pub card_area: Option<Estimate>,
    /// The area of the card less that of the model.
    pub card_area_difference: Option<Difference>,
}

impl HealthAccuracy {
    /// Whether the intervals of the intercept and the slope, those of the judged outcomes alone, hold 0 and 1.
    ///
    /// Of forecasts by somebody who knows all hazards these intervals hold as often as they say. Of a model they hold
    /// somewhat less often, for it also errs with the outcomes that it was fitted to; and where the base rate moves, as that of
    /// a company whose customers age does, or what signals mean, no model of the past could have known by how much. What these
    /// explain, [`is_calibrated_in_all`](Self::is_calibrated_in_all) allows for.
    #[must_use]
    pub fn is_calibrated(&self) -> bool {
        Self::holds(self.calibration_intercept, self.calibration_slope)
    }

    /// Whether the intervals of the [intercept](Self::calibration_intercept_in_all) and the
    /// [slope](Self::calibration_slope_in_all) with all that is unsure hold 0 and 1: with base rates and the meaning of signals
    /// moving as far as is assumed, nothing speaks against the model. These intervals can hold more often than they say, so that a small
    /// fault that is there company after company goes unnoticed; [`is_calibrated`](Self::is_calibrated) is the stricter of the two.
    #[must_use]
    pub fn is_calibrated_in_all(&self) -> bool {
        Self::holds(self.calibration_intercept_in_all, self.calibration_slope_in_all)
    }

    fn holds(intercept: Estimate, slope: Option<Estimate>) -> bool {
        let holds = |of: Estimate, value: f64| {
            of.interval.is_some_and(|interval| interval.lower <= value && value <= interval.upper)
        };
        holds(intercept, 0.0) && slope.is_some_and(|slope| holds(slope, 1.0))
    }

    /// Whether it tells who leaves better than days since the last event do, by the area.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.area_difference)
    }

    /// The same by the lift of the top decile.
    #[must_use]
    pub fn top_decile_verdict(&self) -> Verdict {
        Verdict::of(self.top_decile_lift_difference)
    }

    /// `None` where on the judged dates nobody left, or nobody stayed.
    pub(super) fn of(past: &Past, foreseen: &Foreseen, wilson: Wilson) -> Option<Self> {
        let (fitted, judged, log_odds) = (foreseen.fitted.clone(), foreseen.judged.clone(), &foreseen.log_odds);
        let rows = past.rows(judged.clone());
        let chances: Vec<f64> = log_odds.iter().map(|&own| probability(own)).collect();
        let (positive, clusters) = (&past.positive[rows.clone()], (&past.account[rows.clone()], past.accounts));
        let outcomes = Outcomes::new(positive, clusters)?;
        let around = |value: f64, error: Option<f64>| {
            let interval = error.map(|error| wilson.spread(error));
            let interval = interval.map(|spread| Interval { lower: value - spread, upper: value + spread });
            Estimate { value, interval }
        };
        let bins = reliability(&chances, positive, clusters, BINS, wilson);
        let parts = brier(&chances, positive, &bins)?;
        let own = outcomes.area(log_odds)?;
        let plain = outcomes.area(&past.silence[rows.clone()])?;
        let card_area = foreseen.card.as_ref().and_then(|card| outcomes.area(card));
        let (shift, error) = intercept(log_odds, positive, clusters)?;
        let slope = recalibration(log_odds, positive, clusters);
        let left = positive.iter().filter(|&&positive| positive).count() as u64;
        let (accounts, silence) = (rows.len() as u64, |row: usize| past.silence[row]);
        let base_rate = float(left) / float(accounts);
        let tops = tops(past, judged.clone(), [&|row: usize| log_odds[row - rows.start], &silence]);
        let sums = tops.iter().fold([[0.0; 2]; 2], |mut sums, own| {
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum = [sum[0] + own[0], sum[1] + own[1]]);
            sums
        });
        let [lift, plain_lift] = sums.map(|[left, named]| left / named / base_rate);
        let scaled = |difference: Difference| Difference {
            value: difference.value / base_rate,
            interval: Interval {
                lower: difference.interval.lower / base_rate,
                upper: difference.interval.upper / base_rate,
            },
            p_value: difference.p_value,
        };
        let span = |of: &Range<usize>| Span { start: past.dates[of.start].date, end: past.dates[of.end - 1].date };
        let estimate = |area: &crate::statistics::Area| Estimate { value: area.area, interval: area.interval(wilson) };
        Some(Self {
            fitted: span(&fitted),
            judged: span(&judged),
            accounts,
            left,
            base_rate,
            mean_probability: chances.iter().sum::<f64>() / float(accounts),
            calibration_intercept: around(shift, error),
            calibration_intercept_in_all: around(shift, error.map(|error| error.hypot(foreseen.unsure[0]))),
            calibration_slope: slope.map(|own| around(own.slope, own.error)),
            calibration_slope_in_all: slope
                .map(|own| around(own.slope, own.error.map(|error| error.hypot(foreseen.unsure[1])))),
            reliability: bins
                .iter()
                .map(|bin| ReliabilityBin {
                    accounts: bin.share.total.whole,
                    left: bin.share.total.part,
                    mean_probability: bin.mean,
                    rate: bin.share.into(),
                })
                .collect(),
            brier: BrierScore {
                score: parts.score,
                reliability: parts.reliability,
                resolution: parts.resolution,
                uncertainty: parts.uncertainty,
                within: parts.within,
                skill: 1.0 - parts.score / parts.uncertainty,
            },
            area: estimate(&own),
            plain_area: estimate(&plain),
            area_difference: outcomes.difference(&own, &plain, wilson).map(Difference::from),
            top_decile_lift: lift,
            plain_top_decile_lift: plain_lift,
            top_decile_lift_difference: paired_difference(&tops, wilson).map(Difference::from).map(scaled),
            card_area_difference: card_area
                .as_ref()
                .and_then(|card| outcomes.difference(card, &own, wilson))
                .map(Difference::from),
            card_area: card_area.as_ref().map(estimate),
        })
    }
}

/// Of every account, for either score, who left of those among the tenth with the highest scores of a date, and how many
/// these are.
fn tops(past: &Past, dates: Range<usize>, scores: [&dyn Fn(usize) -> f64; 2]) -> Vec<[[f64; 2]; 2]> {
    let mut tops = vec![[[0.0; 2]; 2]; past.accounts];
    for date in dates {
        let rows = past.rows(date..date + 1);
        for (side, score) in scores.iter().enumerate() {
            let mut own: Vec<f64> = rows.clone().map(score).collect();
            let cut = cut(&mut own, float(rows.len() as u64) / 10.0);
            for row in rows.clone() {
                let named = cut.named(score(row));
                let sum = &mut tops[past.account[row] as usize][side];
                *sum = [sum[0] + named * f64::from(u8::from(past.positive[row])), sum[1] + named];
            }
        }
    }
    tops
}
