//! The model: monotone, bent once, and drawn towards no effect as far as the past asks for it.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::drift::{HealthDrift, YEAR};
use super::past::Past;
use crate::health::signal::{GoodWhen, HealthSignal};
use crate::statistics::{
    Clustered, LogisticFit, Observations, Sign, Term, float, intercept, logistic, probability, recalibration,
};

/// The standard deviations that are tried for the weights, before the past is looked at.
pub(super) const SPREADS: [f64; 4] = [0.03, 0.1, 0.25, 0.6];
/// Values beyond these quantiles of the past, and so many scales more, count as these.
const EDGES: [f64; 2] = [0.005, 0.995];
const MARGIN: f64 = 0.5;
/// Log odds are drawn in to this part at the most.
const LEAST_SLOPE: f64 = 0.1;
/// Slopes of outcomes on forecasts are expected to have this standard deviation around 1, for signals come to mean more or
/// less than they did.
const USUAL_TURN: f64 = 0.15;
/// The quartiles are so many standard deviations of a normal distribution apart.
const QUARTILES: f64 = 1.349;

/// A weight, in log odds of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthWeight {
    /// The weight.
    pub value: f64,
    /// Its standard error, the dates of an account being one cluster; `None` where the sign that is known held it at 0. It
    /// says how much the weight varies, and nothing of how far it is drawn towards 0.
    pub standard_error: Option<f64>,
}

/// A signal of a fitted score.
///
/// ```text
/// x         the value; log(1 + value) of counts, days and ratios
/// z         (x held between the quantiles 0.5 % and 99.5 %, half a scale farther - bend) / scale
/// bend      the median; where half of the values are the smallest, or the largest, the median of the others
/// scale     the larger of the quartiles' distance / 1.349 and the standard deviation of x so held
/// log odds  below * min(z, 0) + above * max(z, 0);  `missing` where it was not observed
/// ```
///
/// Of a signal for which it is known which way is good, `below` and `above` have that sign, or are 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedSignal {
    pub(super) signal: HealthSignal,
    pub(super) observed: f64,
    pub(super) centre: f64,
    pub(super) scale: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) below: Option<HealthWeight>,
    pub(super) above: Option<HealthWeight>,
    pub(super) missing: Option<HealthWeight>,
    pub(super) usual: f64,
    pub(super) importance: f64,
}

impl FittedSignal {
    /// The signal.
    #[must_use]
    pub fn signal(&self) -> &HealthSignal {
        &self.signal
    }

    /// The share of the accounts at past dates for which it was observed.
    #[must_use]
    pub fn observed_share(&self) -> f64 {
        self.observed
    }

    /// The value at which the line bends: the median, or where half of the values are alike at an end the median of the others.
    #[must_use]
    pub fn bend(&self) -> f64 {
        self.signal.uneven(self.centre)
    }

    /// Values below the first count as it, values above the second as that.
    #[must_use]
    pub fn held_between(&self) -> (f64, f64) {
        (self.signal.uneven(self.low), self.signal.uneven(self.high))
    }

    /// What a scale more adds to the log odds of leaving below the bend; `None` where nothing lies below it.
    #[must_use]
    pub fn below(&self) -> Option<HealthWeight> {
        self.below
    }

    /// The same above the bend.
    #[must_use]
    pub fn above(&self) -> Option<HealthWeight> {
        self.above
    }

    /// What it adds to them not to be observed; `None` where it was always, or always together with another signal, which
    /// then has it.
    #[must_use]
    pub fn missing(&self) -> Option<HealthWeight> {
        self.missing
    }

    /// How much it tells accounts apart: the standard deviation over accounts at past dates of what it adds to the log odds.
    #[must_use]
    pub fn importance(&self) -> f64 {
        self.importance
    }

    /// What a value, on the even scale, adds to the log odds of leaving.
    pub(in crate::health) fn adds(&self, x: f64) -> f64 {
        let weight = |of: Option<HealthWeight>| of.map_or(0.0, |weight| weight.value);
        if x.is_nan() {
            return weight(self.missing);
        }
        let z = (x.clamp(self.low, self.high) - self.centre) / self.scale;
        weight(if z < 0.0 { self.below } else { self.above }) * z
    }

    /// What it adds on average over the past.
    pub(in crate::health) fn usual(&self) -> f64 {
        self.usual
    }

    /// Whether it is observed as often as another, and its values lie as those.
    fn lies_as(&self, other: &Self) -> bool {
        let own = |of: &Self| [of.observed, of.centre, of.scale, of.low, of.high].map(f64::to_bits);
        own(self) == own(other)
    }

    fn weights(&self) -> [Option<HealthWeight>; 3] {
        [self.below, self.above, self.missing]
    }

    pub(super) fn is_sound(&self) -> bool {
        let sign = |weight: &HealthWeight| match self.signal.good_when() {
            GoodWhen::High => weight.value <= 0.0,
            GoodWhen::Low => weight.value >= 0.0,
            GoodWhen::Either => true,
        };
        let finite = |weight: &HealthWeight| weight.value.abs() < 1e6;
        self.low <= self.centre
            && self.centre <= self.high
            && (self.high - self.low).is_finite()
            && self.scale.is_finite()
            && self.scale > 0.0
            && (0.0..=1.0).contains(&self.observed)
            && self.usual.is_finite()
            && self.importance.is_finite()
            && self.importance >= 0.0
            && self.weights().iter().flatten().all(finite)
            && [self.below, self.above].iter().flatten().all(sign)
    }
}

/// A column of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Below,
    Above,
    Missing,
}

impl Side {
    /// What stands in the column for a value on the even scale.
    fn of(self, signal: &FittedSignal, x: f64) -> f64 {
        let z = if x.is_nan() { 0.0 } else { (x.clamp(signal.low, signal.high) - signal.centre) / signal.scale };
        match self {
            Self::Below => z.min(0.0),
            Self::Above => z.max(0.0),
            Self::Missing => f64::from(u8::from(x.is_nan())),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model {
    pub(super) intercept: f64,
    pub(super) drift: HealthDrift,
    pub(super) signals: Vec<FittedSignal>,
    /// The places of the signals in the rows of the past.
    pub(super) places: Vec<usize>,
    /// The spread that was taken.
    pub(super) spread: f64,
    /// The slope by which it was drawn in.
    pub(super) slope: f64,
    /// The columns of the design, and the covariances of their weights, the intercept being the first.
    columns: Vec<(usize, Side)>,
    covariances: Vec<f64>,
}

struct Design {
    columns: Vec<(usize, Side)>,
    terms: Vec<Term>,
    values: Vec<f64>,
}

impl Model {
    /// The log odds of a row of the past, but for the drift.
    pub(super) fn log_odds(&self, row: &[f64]) -> f64 {
        let adds = self.signals.iter().zip(&self.places).map(|(signal, &place)| signal.adds(row[place]));
        self.intercept + adds.sum::<f64>()
    }

    /// Fitted to some dates with some of their signals; `None` where nobody left, or everybody.
    pub(super) fn fit(
        past: &Past,
        dates: Range<usize>,
        signals: &[HealthSignal],
        of: &[usize],
        spreads: &[f64],
    ) -> Option<Self> {
        let rows = past.rows(dates.clone());
        let (positives, departures) = past.departures(rows.clone());
        if positives == 0 || positives == rows.len() {
            return None;
        }
        let found: Vec<Option<FittedSignal>> =
            of.par_iter().map(|&place| scaled(past, rows.clone(), &signals[place], place)).collect();
        let (mut fitted, mut places): (Vec<FittedSignal>, Vec<usize>) = (Vec::new(), Vec::new());
        for (signal, &place) in found.into_iter().zip(of) {
            // One that says the same as another, such as the tenure and the observed days of accounts that are all known
            // from their first day on, would only stand on the card twice.
            let twice = |signal: &FittedSignal| {
                let alike = fitted.iter().zip(&places).filter(|(other, _)| other.lies_as(signal));
                let same = |&other: &usize| {
                    rows.clone().all(|row| past.row(row)[other].to_bits() == past.row(row)[place].to_bits())
                };
                alike.map(|(_, other)| other).any(same)
            };
            if let Some(signal) = signal.filter(|signal| !twice(signal)) {
                fitted.push(signal);
                places.push(place);
            }
        }
        let design = Design::new(past, rows.clone(), &fitted, &places);
        let outcome = |row: usize| f64::from(u8::from(past.positive[row]));
        let successes: Vec<f64> = rows.clone().map(outcome).collect();
        let trials = vec![1.0; successes.len()];
        let observations = Observations { design: &design.values, successes: &successes, trials: &trials };
        let clusters = (&past.account[rows.clone()], past.accounts);
        // A departure that is seen twice is one: the weights are held as if each were seen once.
        let times = float(positives as u64) / float(departures as u64);
        let tried = spreads.iter().map(|&spread| {
            let ridge = times / (spread * spread);
            let terms: Vec<Term> = design.terms.iter().map(|term| Term { ridge, ..*term }).collect();
            let fit = logistic(observations, &terms).ok()?;
            let clustered = Clustered::new(observations, &terms, &fit, clusters)?;
            let loss = 2.0 * (clustered.parameters() - fit.log_likelihood);
            Some((loss, spread, fit, clustered))
        });
        // The first of equals, which is the most careful.
        let best = tried.flatten().reduce(|best, other| if other.0 < best.0 { other } else { best });
        let (_, spread, fit, clustered) = best?;
        let width = design.columns.len();
        let without: Vec<f64> = (0..successes.len())
            .into_par_iter()
            .map(|row| {
                clustered.without(&fit, past.account[rows.start + row], &design.values[row * width..(row + 1) * width])
            })
            .collect();
        let (shift, slope) = drawn_in(&without, &past.positive[rows.clone()], clusters);
        let drawn_in: Vec<f64> = without.iter().map(|own| shift + slope * own).collect();
        let drift = HealthDrift::of(past, dates, &drawn_in, times);
        let errors = clustered.standard_errors(fit.coefficients.len());
        design.hand_out(&mut fitted, &fit, &errors, slope);
        let intercept = shift + slope * fit.coefficients[0];
        let covariances = clustered.covariances(fit.coefficients.len()).iter().map(|own| own * slope * slope).collect();
        let columns = design.columns;
        let mut model = Self { intercept, drift, signals: fitted, places, spread, slope, columns, covariances };
        model.weigh_up(past, rows);
        Some(model)
    }

    /// What each signal adds on average, and how much that differs.
    fn weigh_up(&mut self, past: &Past, rows: Range<usize>) {
        let count = float(rows.len() as u64);
        self.signals.par_iter_mut().zip(&self.places).for_each(|(signal, &place)| {
            let adds = || rows.clone().map(|row| signal.adds(past.row(row)[place]));
            let usual = adds().sum::<f64>() / count;
            let square = adds().map(|own| (own - usual).powi(2)).sum::<f64>() / count;
            (signal.usual, signal.importance) = (usual, square.sqrt());
        });
    }

    /// How far what it says of some dates may be off in level and in slope, as sums over their rows: standard deviations for the
    /// outcomes that it was fitted to, for the drift, and for what signals come to mean, the last two with the sign of their effect.
    /// `centre` is what is said on the whole.
    pub(super) fn unsure(&self, past: &Past, dates: Range<usize>, centre: f64) -> [[f64; 3]; 2] {
        let size = self.columns.len() + 1;
        let mut sums = [vec![0.0; size], vec![0.0; size]];
        let (mut days, mut spread) = ([0.0; 2], [0.0; 2]);
        for date in dates {
            let drift = self.drift.at(past.dates[date].date);
            let away = f64::from(past.dates[date].date - self.drift.around) / YEAR;
            for row in past.rows(date..date + 1) {
                let own = past.row(row);
                let told = drift + self.log_odds(own);
                let chance = probability(told);
                let weight = chance * (1.0 - chance);
                for (of, weight) in [weight, weight * (told - centre)].into_iter().enumerate() {
                    sums[of][0] += weight;
                    for (sum, &(number, side)) in sums[of][1..].iter_mut().zip(&self.columns) {
                        *sum += weight * side.of(&self.signals[number], own[self.places[number]]);
                    }
                    days[of] += weight * away;
                    spread[of] += weight * (told - centre);
                }
            }
        }
        let row = |sums: &[f64], place: usize| {
            let own = &self.covariances[place * size..(place + 1) * size];
            own.iter().zip(sums).map(|(own, sum)| own * sum).sum::<f64>()
        };
        [0, 1].map(|of| {
            let sums = &sums[of];
            let fitted = sums.iter().enumerate().map(|(place, sum)| sum * row(sums, place)).sum::<f64>().max(0.0);
            [fitted.sqrt(), self.drift.standard_error * days[of], USUAL_TURN * spread[of]]
        })
    }

    /// The log odds of the rows of some dates.
    pub(super) fn foresee(&self, past: &Past, dates: Range<usize>) -> Vec<f64> {
        let of = |date: usize| {
            let drift = self.drift.at(past.dates[date].date);
            past.rows(date..date + 1).map(move |row| drift + self.log_odds(past.row(row)))
        };
        dates.flat_map(of).collect()
    }
}

/// The line that fits outcomes to the log odds of models without the account. Where these tell nothing, or the contrary, no more
/// than the order is left of them.
fn drawn_in(without: &[f64], positive: &[bool], clusters: (&[u32], usize)) -> (f64, f64) {
    match recalibration(without, positive, clusters) {
        Some(drawn) if drawn.slope >= LEAST_SLOPE => (drawn.intercept, drawn.slope),
        Some(_) => {
            let flat: Vec<f64> = without.iter().map(|own| LEAST_SLOPE * own).collect();
            (intercept(&flat, positive, clusters).map_or(0.0, |(shift, _)| shift), LEAST_SLOPE)
        }
        None => (0.0, 1.0),
    }
}

/// Where the values of a signal lie; `None` where it was never observed, or always the same.
fn scaled(past: &Past, rows: Range<usize>, signal: &HealthSignal, place: usize) -> Option<FittedSignal> {
    let count = rows.len();
    let mut values: Vec<f64> = rows.map(|row| past.row(row)[place]).filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let [low, lower, centre, upper, high] =
        [EDGES[0], 0.25, 0.5, 0.75, EDGES[1]].map(|share| values[nearest(share, last)]);
    // What is mostly 0, such as days overdue, bends where it is not.
    let (others, end) = match centre {
        _ if centre <= low => (&values[values.partition_point(|&value| value <= centre)..], high),
        _ if centre >= high => (&values[..values.partition_point(|&value| value < centre)], low),
        _ => (&values[..], centre),
    };
    let centre = match others.len().checked_sub(1) {
        Some(last) if end.total_cmp(&centre).is_ne() => others[nearest(0.5, last)].clamp(low, high),
        _ => centre,
    };
    let seen = float(values.len() as u64);
    let held = || values.iter().map(|value| value.clamp(low, high));
    let mean = held().sum::<f64>() / seen;
    let deviation = (held().map(|value| (value - mean).powi(2)).sum::<f64>() / seen).sqrt();
    let scale = deviation.max((upper - lower) / QUARTILES);
    let observed = seen / float(count as u64);
    let (below, above, missing) = (None, None, None);
    let farther = |there: bool| if there { MARGIN * scale } else { 0.0 };
    let (low, high) = (low - farther(low < centre), high + farther(high > centre));
    let fitted = FittedSignal {
        signal: signal.clone(),
        observed,
        centre,
        scale: if scale > 0.0 { scale } else { 1.0 },
        low,
        high,
        below,
        above,
        missing,
        usual: 0.0,
        importance: 0.0,
    };
    (high > low || values.len() < count).then_some(fitted)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among rows"
)]
pub(super) fn nearest(share: f64, last: usize) -> usize {
    ((share * last as f64).round() as usize).min(last)
}

impl Design {
    fn new(past: &Past, rows: Range<usize>, signals: &[FittedSignal], places: &[usize]) -> Self {
        let mut columns: Vec<(usize, Side)> = Vec::new();
        let mut partly: Vec<usize> = Vec::new();
        for (number, signal) in signals.iter().enumerate() {
            columns.extend((signal.low < signal.centre).then_some((number, Side::Below)));
            columns.extend((signal.high > signal.centre).then_some((number, Side::Above)));
            let seen = |number: usize| rows.clone().map(move |row| past.row(row)[places[number]].is_nan());
            let alike = |&other: &usize| {
                signals[other].observed.total_cmp(&signal.observed).is_eq() && seen(other).eq(seen(number))
            };
            if signal.observed < 1.0 && !partly.iter().any(alike) {
                partly.push(number);
                columns.push((number, Side::Missing));
            }
        }
        let term = |&(number, side): &(usize, Side)| {
            let sign = match (side, signals[number].signal.good_when()) {
                (Side::Missing, _) | (_, GoodWhen::Either) => Sign::Free,
                (_, GoodWhen::High) => Sign::NotPositive,
                (_, GoodWhen::Low) => Sign::NotNegative,
            };
            Term { ridge: 0.0, sign }
        };
        let terms = columns.iter().map(term).collect();
        let row = |row: usize| {
            let own = past.row(row);
            columns.iter().map(move |&(number, side)| side.of(&signals[number], own[places[number]]))
        };
        let values = rows.clone().into_par_iter().flat_map_iter(row).collect();
        Self { columns, terms, values }
    }

    fn hand_out(&self, signals: &mut [FittedSignal], fit: &LogisticFit, errors: &[Option<f64>], slope: f64) {
        for (column, &(number, side)) in self.columns.iter().enumerate() {
            let signal = &mut signals[number];
            let weight = match side {
                Side::Below => &mut signal.below,
                Side::Above => &mut signal.above,
                Side::Missing => &mut signal.missing,
            };
            let standard_error = errors[column + 1].map(|error| error * slope);
            *weight = Some(HealthWeight { value: slope * fit.coefficients[column + 1], standard_error });
        }
    }
}
