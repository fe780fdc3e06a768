//! A card with which a person can add a score up.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::model::{Model, nearest};
use super::past::Past;
use crate::health::signal::HealthSignal;
use crate::statistics::{Observations, Sign, Term, float, logistic, probability};

/// So many signals are on a card: more is no longer plain.
const MOST_SIGNALS: usize = 8;
/// The best total that there can be is about this.
const TOTAL: f64 = 100.0;
/// Values are divided at these shares.
const SHARES: [f64; 4] = [0.2, 0.4, 0.6, 0.8];

/// A range of values of a signal, and its points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CardRange {
    /// The range begins with this value; `None` for the first.
    pub from: Option<f64>,
    /// It ends before this one; `None` for the last.
    pub to: Option<f64>,
    /// The points.
    pub points: u32,
}

/// A signal of a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CardSignal {
    /// The signal.
    pub signal: HealthSignal,
    /// Its ranges in order, one after the other.
    pub ranges: Vec<CardRange>,
    /// The points where it is not observed.
    pub not_observed: u32,
}

impl CardSignal {
    /// The points of a value; `None` stands for not observed.
    #[must_use]
    pub fn points(&self, value: Option<f64>) -> u32 {
        let Some(value) = value else { return self.not_observed };
        let inside = |range: &&CardRange| range.to.is_none_or(|to| value < to);
        self.ranges.iter().find(inside).map_or(self.not_observed, |range| range.points)
    }
}

/// A fitted score that a person can add up: whole points for ranges of values, and the chance of leaving for each total.
///
/// It has the up to eight signals that tell accounts apart most, fitted by themselves. Each is divided at the quintiles of
/// the past, rounded to two digits; the points of a range are what it adds to the log odds of staying, on average, above the
/// range that adds least, so that all that can be had is about 100. The more points the better. The chance of a total is fitted
/// to the totals of the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointsCard {
    pub(super) signals: Vec<CardSignal>,
    pub(super) intercept: f64,
    /// The log odds of leaving of a point.
    pub(super) per_point: f64,
}

impl PointsCard {
    /// The signals, those that tell most first.
    #[must_use]
    pub fn signals(&self) -> &[CardSignal] {
        &self.signals
    }

    /// The most points that can be had.
    #[must_use]
    pub fn most(&self) -> u32 {
        let most = |signal: &CardSignal| {
            signal.ranges.iter().map(|range| range.points).chain([signal.not_observed]).max().unwrap_or(0)
        };
        self.signals.iter().map(most).sum()
    }

    /// The chance of leaving of an account with so many points.
    #[must_use]
    pub fn churn_probability(&self, total: u32) -> f64 {
        probability(self.intercept + self.per_point * f64::from(total))
    }

    /// The points of some rows of the past, whose values are those of these signals.
    pub(super) fn totals(&self, past: &Past, rows: Range<usize>, signals: &[HealthSignal]) -> Vec<f64> {
        let place = |own: &CardSignal| signals.iter().position(|signal| *signal == own.signal);
        let places: Vec<Option<usize>> = self.signals.iter().map(place).collect();
        let points = |row: usize| {
            let own = self.signals.iter().zip(&places).map(|(own, &place)| {
                let value = place.map(|place| past.row(row)[place]).filter(|value| !value.is_nan());
                f64::from(own.points(value.map(|value| own.signal.uneven(value))))
            });
            own.sum::<f64>()
        };
        rows.map(points).collect()
    }

    /// The log odds of leaving of some rows of the past.
    pub(super) fn log_odds(&self, past: &Past, rows: Range<usize>, signals: &[HealthSignal]) -> Vec<f64> {
        self.totals(past, rows, signals).into_iter().map(|total| self.intercept + self.per_point * total).collect()
    }

    /// Made of some dates, with the signals that tell most by the model of all.
    pub(super) fn of(past: &Past, dates: Range<usize>, signals: &[HealthSignal], model: &Model) -> Option<Self> {
        let mut order: Vec<usize> = (0..model.signals.len()).collect();
        order.sort_by(|&one, &other| model.signals[other].importance.total_cmp(&model.signals[one].importance));
        order.retain(|&place| model.signals[place].importance > 0.0);
        order.truncate(MOST_SIGNALS);
        let places: Vec<usize> = order.iter().map(|&place| model.places[place]).collect();
        let small = Model::fit(past, dates.clone(), signals, &places, &[model.spread])?;
        let rows = past.rows(dates);
        // What every range adds to the log odds of leaving, and what it adds not to be observed.
        let divided: Vec<(Vec<f64>, Vec<f64>, f64)> = small
            .signals
            .iter()
            .zip(&small.places)
            .map(|(signal, &place)| {
                let edges = edges(past, rows.clone(), &signal.signal, place);
                let mut sums = vec![(0.0, 0_u64); edges.len() + 1];
                for value in rows.clone().map(|row| past.row(row)[place]).filter(|value| !value.is_nan()) {
                    let own = signal.signal.uneven(value);
                    let sum = &mut sums[edges.partition_point(|&edge| edge <= own)];
                    *sum = (sum.0 + signal.adds(value), sum.1 + 1);
                }
                let means: Vec<f64> = sums.iter().map(|&(sum, count)| sum / float(count.max(1))).collect();
                (edges, means, signal.adds(f64::NAN))
            })
            .collect();
        let ends = |(_, means, missing): &(Vec<f64>, Vec<f64>, f64), observed: f64| {
            let all = means.iter().copied().chain((observed < 1.0).then_some(*missing));
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), own| (low.min(own), high.max(own)))
        };
        let span = |(low, high): (f64, f64)| high - low;
        let all: f64 = divided.iter().zip(&small.signals).map(|(own, signal)| span(ends(own, signal.observed))).sum();
        if all.is_nan() || all <= 0.0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to about 100")]
        let points = |high: f64, adds: f64| ((high - adds) / all * TOTAL).round().max(0.0) as u32;
        let card = divided.iter().zip(&small.signals).map(|(own, signal)| {
            let (_, high) = ends(own, signal.observed);
            let (edges, means, missing) = own;
            let mut ranges: Vec<CardRange> = Vec::new();
            for (number, &mean) in means.iter().enumerate() {
                let from = number.checked_sub(1).map(|before| edges[before]);
                let range = CardRange { from, to: edges.get(number).copied(), points: points(high, mean) };
                match ranges.last_mut() {
                    Some(last) if last.points == range.points => last.to = range.to,
                    _ => ranges.push(range),
                }
            }
            let not_observed = points(high, *missing);
            CardSignal { signal: signal.signal.clone(), ranges, not_observed }
        });
        // A signal that makes no difference is nothing to add up.
        let differs = |own: &CardSignal| own.ranges.iter().any(|range| range.points != own.not_observed);
        let mut card = Self { signals: card.filter(differs).collect(), intercept: 0.0, per_point: 0.0 };
        let totals = card.totals(past, rows.clone(), signals);
        let design: Vec<f64> = totals.iter().map(|total| total / TOTAL).collect();
        let successes: Vec<f64> = rows.map(|row| f64::from(u8::from(past.positive[row]))).collect();
        let trials = vec![1.0; successes.len()];
        let observations = Observations { design: &design, successes: &successes, trials: &trials };
        let fit = logistic(observations, &[Term { ridge: 0.01, sign: Sign::NotPositive }]).ok()?;
        (card.intercept, card.per_point) = (fit.coefficients[0], fit.coefficients[1] / TOTAL);
        Some(card)
    }

    pub(super) fn is_sound(&self) -> bool {
        let ordered = |own: &CardSignal| {
            let ranges = &own.ranges;
            ranges.first().is_some_and(|first| first.from.is_none())
                && ranges.last().is_some_and(|last| last.to.is_none())
                && ranges.windows(2).all(|pair| pair[0].to.is_some() && pair[0].to == pair[1].from)
                && ranges.iter().filter_map(|range| range.from.zip(range.to)).all(|(from, to)| from < to)
                && ranges.iter().all(|range| range.points <= 1_000)
                && own.not_observed <= 1_000
        };
        self.intercept.is_finite()
            && self.per_point.is_finite()
            && self.per_point <= 0.0
            && self.signals.len() <= MOST_SIGNALS
            && self.signals.iter().all(ordered)
    }
}

/// Where the ranges of a signal begin, but for the first: every part between two edges has a value of the past in it.
fn edges(past: &Past, rows: Range<usize>, signal: &HealthSignal, place: usize) -> Vec<f64> {
    let mut values: Vec<f64> = rows.map(|row| past.row(row)[place]).filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return Vec::new() };
    let raw = |place: usize| signal.uneven(values[place]);
    let mut edges: Vec<f64> = SHARES.iter().map(|&share| rounded(raw(nearest(share, last)))).collect();
    // Of what is mostly one value, such as 0 open tickets, the rest is a range of its own.
    let usual = raw(nearest(0.5, last));
    let above = values.partition_point(|&value| signal.uneven(value) <= usual + 1e-9);
    if above <= last {
        edges.push(rounded_down(raw(above)));
    }
    edges.retain(|&edge| edge > raw(0) && edge <= raw(last));
    edges.sort_unstable_by(f64::total_cmp);
    edges.dedup();
    let mut kept: Vec<f64> = Vec::new();
    let mut before = 0;
    for edge in edges {
        let count = values.partition_point(|&value| signal.uneven(value) < edge);
        if count > before && count <= last {
            kept.push(edge);
            before = count;
        }
    }
    kept
}

/// To two digits.
fn rounded(value: f64) -> f64 {
    digits(value, f64::round)
}

/// To two digits and not above the value, so that the value itself is in the range that begins there.
fn rounded_down(value: f64) -> f64 {
    digits(value, |steps| (steps + 1e-9).floor())
}

fn digits(value: f64, round: impl Fn(f64) -> f64) -> f64 {
    if value.abs() < 1e-12 {
        return 0.0;
    }
    let power = value.abs().log10().floor() - 1.0;
    let step = 10.0_f64.powf(power.abs());
    if power < 0.0 { round(value * step) / step } else { round(value / step) * step }
}

impl fmt::Display for PointsCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "points card, of {} at most; the more the better", self.most())?;
        for own in &self.signals {
            let mut line = format!("{:24}", own.signal.name());
            for range in &own.ranges {
                let bounds = match (range.from, range.to) {
                    (None, None) => "any".to_owned(),
                    (None, Some(to)) => format!("< {}", plain(to)),
                    (Some(from), None) => format!(">= {}", plain(from)),
                    (Some(from), Some(to)) => format!("{} to < {}", plain(from), plain(to)),
                };
                line += &format!(" {bounds}: {};", range.points);
            }
            writeln!(f, "{line} not observed: {}", own.not_observed)?;
        }
        write!(f, "to leave (%):")?;
        let most = self.most();
        (0..=most / 10)
            .try_for_each(|tens| write!(f, " {}: {:.1}", 10 * tens, 100.0 * self.churn_probability(10 * tens)))
    }
}

/// A number without the noise of its last digits.
fn plain(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "numbers of two digits")]
mod tests {
    use super::*;

    #[test]
    fn two_digits() {
        assert_eq!(
            [0.0, 3.0, 28.0, 123.0, 0.123_4, -47.8, 0.005_55].map(rounded),
            [0.0, 3.0, 28.0, 120.0, 0.12, -48.0, 0.005_6]
        );
        assert_eq!([0.0, 3.0, 29.0, 129.0, 0.129].map(rounded_down), [0.0, 3.0, 29.0, 120.0, 0.12]);
        assert_eq!([1.0, 0.5, 1_100.0, 0.077].map(plain), ["1", "0.5", "1100", "0.077"]);
    }

    #[test]
    fn adding_up() {
        let range = |from, to, points| CardRange { from, to, points };
        let signal =
            |name: &str, ranges, not_observed| CardSignal { signal: HealthSignal::trigger(name), ranges, not_observed };
        let ranges = vec![range(None, Some(3.0), 40), range(Some(3.0), Some(10.0), 15), range(Some(10.0), None, 0)];
        let signals =
            vec![signal("a", ranges, 22), signal("b", vec![range(None, Some(1.0), 60), range(Some(1.0), None, 0)], 61)];
        let card = PointsCard { signals, intercept: 0.0, per_point: -0.05 };
        let points =
            [Some(-5.0), Some(2.9), Some(3.0), Some(9.9), Some(10.0), None].map(|value| card.signals[0].points(value));
        assert_eq!(points, [40, 40, 15, 15, 0, 22]);
        assert_eq!(card.most(), 101);
        assert_eq!(card.churn_probability(0), 0.5);
        assert!((card.churn_probability(40) - 1.0 / (1.0 + 2.0_f64.exp())).abs() < 1e-12);
        assert!(card.is_sound());
        let mut turned = card.clone();
        turned.signals[0].ranges.swap(0, 1);
        assert!(!turned.is_sound());
        assert!(card.to_string().contains("3 to < 10: 15"), "{card}");
    }
}
