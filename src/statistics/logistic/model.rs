//! The log-likelihood of a logistic regression, its slope and curvature, and where they lead.

use std::ops::Range;

use rayon::prelude::*;

use super::cholesky::Cholesky;
use super::{LogisticFit, NoFit, Observations, Sign, Term};

/// A direction along which rows move by less than this share of the most moved leaves them where they are.
const STILL: f64 = 1e-8;

/// So many rows are summed at a time.
const STRETCH: usize = 2048;

#[derive(Clone, Copy, Debug)]
pub(super) struct Model<'a> {
    observations: Observations<'a>,
    terms: &'a [Term],
}

/// The penalised log-likelihood at some coefficients, with its slope and curvature.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) objective: f64,
    slope: Vec<f64>,
    /// Row by row, the ridge in it.
    pub(super) information: Vec<f64>,
}

impl<'a> Model<'a> {
    pub(super) fn new(observations: Observations<'a>, terms: &'a [Term]) -> Result<Self, NoFit> {
        let Observations { design, successes, trials } = observations;
        let pairs = || successes.iter().zip(trials);
        let sound = successes.len() == trials.len()
            && trials.len().checked_mul(terms.len()) == Some(design.len())
            && design.iter().all(|value| value.is_finite())
            && pairs().all(|(&successes, &trials)| 0.0 <= successes && successes <= trials && trials.is_finite())
            && terms.iter().all(|term| term.ridge.is_finite() && term.ridge >= 0.0);
        if !sound {
            return Err(NoFit::Malformed);
        }
        if trials.iter().all(|&trials| trials <= 0.0) { Err(NoFit::Empty) } else { Ok(Self { observations, terms }) }
    }

    /// Values, successes and trials of the rows with trials.
    fn rows(self) -> impl Iterator<Item = (&'a [f64], f64, f64)> {
        self.stretch(0..self.observations.trials.len())
    }

    /// The same of some rows.
    fn stretch(self, rows: Range<usize>) -> impl Iterator<Item = (&'a [f64], f64, f64)> {
        let (columns, Observations { design, successes, trials }) = (self.terms.len(), self.observations);
        rows.map(move |row| (&design[row * columns..(row + 1) * columns], successes[row], trials[row]))
            .filter(|&(_, _, trials)| trials > 0.0)
    }

    /// What is made of each stretch of rows, on all processors; stretches are the same on every machine, so that sums are.
    fn stretches<T: Send>(self, of: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
        let all = self.observations.trials.len();
        (0..all.div_ceil(STRETCH))
            .into_par_iter()
            .map(|place| of(place * STRETCH..all.min((place + 1) * STRETCH)))
            .collect()
    }

    fn ridge(self, coefficient: usize) -> f64 {
        if coefficient == 0 { 0.0 } else { self.terms[coefficient - 1].ridge }
    }

    fn sign(self, coefficient: usize) -> Sign {
        if coefficient == 0 { Sign::Free } else { self.terms[coefficient - 1].sign }
    }

    fn log_likelihood(self, coefficients: &[f64]) -> f64 {
        let row = |(row, successes, trials): (&[f64], f64, f64)| {
            let log_odds = log_odds(coefficients, row);
            successes * log_odds - trials * softplus(log_odds)
        };
        self.stretches(|rows| self.stretch(rows).map(row).sum::<f64>()).into_iter().sum()
    }

    pub(super) fn objective(self, coefficients: &[f64]) -> f64 {
        let squares = coefficients.iter().enumerate().map(|(place, b)| self.ridge(place) * b * b);
        self.log_likelihood(coefficients) - 0.5 * squares.sum::<f64>()
    }

    pub(super) fn curve(self, coefficients: &[f64]) -> Curve {
        let size = coefficients.len();
        let parts = self.stretches(|rows| {
            let (mut slope, mut information) = (vec![0.0; size], vec![0.0; size * size]);
            let mut values = vec![1.0; size];
            for (row, successes, trials) in self.stretch(rows) {
                values[1..].copy_from_slice(row);
                let chance = probability(log_odds(coefficients, row));
                let (excess, weight) = (successes - trials * chance, trials * chance * (1.0 - chance));
                for (place, &value) in values.iter().enumerate().filter(|&(_, &value)| value != 0.0) {
                    slope[place] += excess * value;
                    let row = &mut information[place * size..=place * size + place];
                    row.iter_mut().zip(&values).for_each(|(sum, other)| *sum += weight * value * other);
                }
            }
            (slope, information)
        });
        let (mut slope, mut information) = (vec![0.0; size], vec![0.0; size * size]);
        for (own_slope, own_information) in parts {
            slope.iter_mut().zip(own_slope).for_each(|(sum, own)| *sum += own);
            information.iter_mut().zip(own_information).for_each(|(sum, own)| *sum += own);
        }
        for place in 0..size {
            slope[place] -= self.ridge(place) * coefficients[place];
            information[place * size + place] += self.ridge(place);
            for other in 0..place {
                information[other * size + place] = information[place * size + other];
            }
        }
        Curve { objective: self.objective(coefficients), slope, information }
    }

    /// The best coefficients for the parabola of a curve within the signs.
    pub(super) fn aim(self, start: &[f64], curve: &Curve) -> Result<Vec<f64>, usize> {
        let size = start.len();
        let times = |place: usize, b: &[f64]| -> f64 {
            curve.information[place * size..(place + 1) * size].iter().zip(b).map(|(h, b)| h * b).sum()
        };
        let target: Vec<f64> = (0..size).map(|place| curve.slope[place] + times(place, start)).collect();
        let mut aim = start.to_vec();
        let mut inside: Vec<bool> =
            (0..size).map(|place| self.sign(place) == Sign::Free || start[place] != 0.0).collect();
        // Each coefficient turns back a few times at the most; what is reached by then is better than the start.
        for _ in 0..4 * size + 8 {
            let members: Vec<usize> = (0..size).filter(|&place| inside[place]).collect();
            let mut best: Vec<f64> = members.iter().map(|&place| target[place]).collect();
            Cholesky::of(&curve.information, size, &members)?.solve(&mut best);
            // How far towards the best until the first coefficient would turn.
            let until = |place: usize, best: f64| {
                if self.sign(place).forbids(best) { aim[place] / (aim[place] - best) } else { f64::INFINITY }
            };
            let length = members.iter().zip(&best).map(|(&place, &best)| until(place, best)).fold(1.0, f64::min);
            let turned: Vec<bool> =
                members.iter().zip(&best).map(|(&place, &best)| until(place, best) <= length).collect();
            for ((&place, &best), &turned) in members.iter().zip(&best).zip(&turned) {
                aim[place] = if turned { 0.0 } else { aim[place] + length * (best - aim[place]) };
                inside[place] = !turned;
            }
            if turned.contains(&true) {
                continue;
            }
            let gain = |&place: &usize| {
                let slope = target[place] - times(place, &aim);
                let reach = 1e-9 * curve.information[place * size + place].sqrt();
                (!self.sign(place).forbids(slope) && slope.abs() > reach).then_some((place, slope.abs() / reach))
            };
            let held = (0..size).filter(|&place| !inside[place]);
            match held.filter_map(|place| gain(&place)).max_by(|one, other| one.1.total_cmp(&other.1)) {
                Some((place, _)) => inside[place] = true,
                None => break,
            }
        }
        Ok(aim)
    }

    pub(super) fn largest_move(self, direction: &[f64]) -> f64 {
        self.rows().map(|(row, ..)| log_odds(direction, row).abs()).fold(0.0, f64::max)
    }

    /// Whether a direction can be followed for ever, and which of its coefficients moves rows most.
    pub(super) fn separates(self, direction: &[f64]) -> Option<usize> {
        let still = STILL * self.largest_move(direction);
        let mut moves = vec![0.0_f64; direction.len()];
        for (row, successes, trials) in self.rows() {
            let along = log_odds(direction, row);
            if successes > 0.0 && along < -still || successes < trials && along > still {
                return None;
            }
            moves[0] = direction[0].abs();
            for (place, value) in row.iter().enumerate() {
                moves[place + 1] = moves[place + 1].max((direction[place + 1] * value).abs());
            }
        }
        let stopped = |place: usize| self.ridge(place) > 0.0 || self.sign(place).forbids(direction[place]);
        if (0..direction.len()).any(|place| moves[place] > still && stopped(place)) {
            return None;
        }
        (0..direction.len()).max_by(|&one, &other| moves[one].total_cmp(&moves[other]))
    }

    pub(super) fn answer(self, coefficients: Vec<f64>, curve: &Curve, steps: u32) -> Result<LogisticFit, NoFit> {
        let size = coefficients.len();
        let members: Vec<usize> =
            (0..size).filter(|&place| self.sign(place) == Sign::Free || coefficients[place] != 0.0).collect();
        let Ok(factor) = Cholesky::of(&curve.information, size, &members) else {
            return Err(NoFit::NotConverged { steps });
        };
        let mut standard_errors = vec![None; size];
        for (row, &place) in members.iter().enumerate() {
            let mut unit = vec![0.0; members.len()];
            unit[row] = 1.0;
            factor.solve(&mut unit);
            standard_errors[place] = Some(unit[row].sqrt());
        }
        let log_likelihood = self.log_likelihood(&coefficients);
        let part = |of: f64, all: f64| if of > 0.0 { of * (of / all).ln() } else { 0.0 };
        let best: f64 = self.rows().map(|(_, s, t)| part(s, t) + part(t - s, t)).sum();
        let deviance = (2.0 * (best - log_likelihood)).max(0.0);
        Ok(LogisticFit { coefficients, standard_errors, log_likelihood, deviance, steps })
    }
}

/// The log odds of success at the values of a row.
pub(crate) fn log_odds(coefficients: &[f64], row: &[f64]) -> f64 {
    coefficients[0] + coefficients[1..].iter().zip(row).map(|(b, x)| b * x).sum::<f64>()
}

pub(crate) fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// log(1 + exp x), for any x.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
