//! What the signals do not explain: the base rate that drifts from date to date.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::past::Past;
use crate::calendar::Date;
use crate::statistics::{float, probability};

/// A drift asks for so many dates.
const LEAST_DATES: usize = 6;
pub(super) const YEAR: f64 = 365.25;
/// Drifts of the log odds of a base rate are expected to have this standard deviation a year.
const USUAL_DRIFT: f64 = 0.4;

/// How the base rate drifts: what a year adds to all log odds, beyond what the signals explain.
///
/// It is the weighted line through what each past date came to beyond what the model of all says, drawn towards none by
/// how unsure it is: times `0.4² / (0.4² + variance)`, as if drifts of 0.4 a year were usual, which makes half as much again of a
/// rate; the variance is that of the dates around the line, and not less than that of so many departures. With fewer than
/// six dates there is none. It is followed beyond the last of the past dates for half as long as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthDrift {
    /// What a year adds to the log odds of leaving.
    pub per_year: f64,
    /// How unsure that is: its standard deviation.
    pub standard_error: f64,
    /// The day on which it adds nothing.
    pub around: Date,
    /// The day up to which it is followed; its first past date on the other side.
    pub until: Date,
    /// The first past date.
    pub from: Date,
}

impl HealthDrift {
    /// What it adds to the log odds on a day.
    #[must_use]
    pub fn at(&self, date: Date) -> f64 {
        self.per_year * f64::from(date.clamp(self.from, self.until) - self.around) / YEAR
    }

    pub(super) fn of(past: &Past, dates: Range<usize>, log_odds: &[f64], times: f64) -> Self {
        let first = past.first[dates.start];
        let day = |date: usize| f64::from(past.dates[date].date.days_since_epoch());
        // What each date came to beyond the model, and what that is worth.
        let beyond: Vec<[f64; 3]> = dates
            .clone()
            .map(|date| {
                let (mut excess, mut worth) = (0.0, 0.0);
                for row in past.rows(date..date + 1) {
                    let chance = probability(log_odds[row - first]);
                    excess += f64::from(u8::from(past.positive[row])) - chance;
                    worth += chance * (1.0 - chance);
                }
                [day(date), if worth > 0.0 { excess / worth } else { 0.0 }, worth]
            })
            .collect();
        let over = |of: &dyn Fn(&[f64; 3]) -> f64| beyond.iter().map(|own| own[2] * of(own)).sum::<f64>();
        let all = over(&|_| 1.0);
        let (middle, level) = (over(&|own| own[0]) / all, over(&|own| own[1]) / all);
        let squares = over(&|own| (own[0] - middle).powi(2));
        let slope = over(&|own| (own[0] - middle) * (own[1] - level)) / squares;
        let residual = over(&|own| (own[1] - level - slope * (own[0] - middle)).powi(2));
        let freedom = float(dates.len() as u64) - 2.0;
        let variance = (residual / freedom).max(times) / squares;
        // A year is the unit of what is expected.
        let (yearly, usual) = (variance * YEAR * YEAR, USUAL_DRIFT * USUAL_DRIFT);
        let kept = usual / (usual + yearly);
        let (from, last) = (past.dates[dates.start].date, past.dates[dates.end - 1].date);
        #[expect(clippy::cast_possible_truncation, reason = "a day between two others")]
        let around = Date::from_day((middle.round() as i32).clamp(from.days_since_epoch(), last.days_since_epoch()));
        let sure = dates.len() >= LEAST_DATES && kept.is_finite() && slope.is_finite();
        let (per_year, standard_error) =
            if sure { (slope * kept * YEAR, (yearly * kept).sqrt()) } else { (0.0, USUAL_DRIFT) };
        Self { per_year, standard_error, around, until: last + (last - from) / 2, from }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.per_year.abs() < 1e6
            && self.standard_error >= 0.0
            && self.standard_error < 1e6
            && self.from <= self.around
            && self.around <= self.until
    }
}
