//! What a survival curve comes down to: the median and other quantiles, and the mean up to a time.

use serde::{Deserialize, Serialize};

use super::kaplan_meier::{KaplanMeier, SurvivalPoint};
use crate::error::{Error, Result};
use crate::statistics::Interval;

/// Shares closer than this are one, as in R: a product of fractions seldom gives one half to the last bit.
const ALIKE: f64 = 1.490_116_119_384_765_6e-8;

/// The time by which a share of lifetimes has ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurvivalQuantile {
    /// The share that has ended.
    pub share: f64,
    /// The time; `None` if fewer had ended by the last time that somebody was followed.
    pub time: Option<f64>,
    /// The lower limit: where the lower limit of the curve has fallen so far. `None` if it never does.
    pub lower: Option<f64>,
    /// The upper limit: where the upper limit of the curve has fallen so far. `None` if it never does.
    pub upper: Option<f64>,
}

/// The mean of lifetimes of which all that goes beyond a time is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestrictedMean {
    /// The time at which they are cut off.
    pub until: f64,
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// `mean ± z standard_error`, cut off at 0 and `until`.
    pub interval: Interval,
}

impl KaplanMeier {
    /// The time by which half of the lifetimes have ended, as [`quantile`](Self::quantile) has it.
    #[must_use]
    pub fn median(&self) -> SurvivalQuantile {
        self.time_of(0.5)
    }

    /// The time by which a share of lifetimes has ended, with the limits that follow from those of the curve.
    ///
    /// ```text
    /// the first time at which S(t) <= 1 - share
    /// ```
    ///
    /// Where the curve is flat at exactly `1 - share` it is the middle of the flat stretch, up to the last time that
    /// somebody was followed if the curve ends with it: so half of 4 lifetimes of 1, 2, 3 and 4 have ended by 2.5. Limits are
    /// found in the same way (Brookmeyer and Crowley); R's `quantile.survfit` gives the same figures.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a share outside 0 to 1.
    pub fn quantile(&self, share: f64) -> Result<SurvivalQuantile> {
        if !(share > 0.0 && share < 1.0) {
            let reason = "the share that has ended lies between 0 and 1, both excluded, like 0.25";
            return Err(Error::InvalidOption { option: "share", value: share.to_string(), reason });
        }
        Ok(self.time_of(share))
    }

    fn time_of(&self, share: f64) -> SurvivalQuantile {
        let fallen = |height: fn(&SurvivalPoint) -> Option<f64>| {
            let curve = self.points().iter().filter_map(|point| Some((point.time, 1.0 - height(point)?)));
            let (reached, height) = curve.clone().find(|&(_, fallen)| fallen >= share - ALIKE)?;
            if (height - share).abs() >= ALIKE {
                return Some(reached);
            }
            let flat_until = curve.clone().find(|&(_, fallen)| fallen >= share + ALIKE).map(|(time, _)| time);
            let last = self.points().last().map(|point| point.time);
            Some(f64::midpoint(reached, flat_until.or(last)?))
        };
        SurvivalQuantile {
            share,
            time: fallen(|point| Some(point.survival)),
            lower: fallen(|point| point.interval.map(|interval| interval.lower)),
            upper: fallen(|point| point.interval.map(|interval| interval.upper)),
        }
    }

    /// The mean lifetime within a time: how long they last on average if each is cut off at `until`.
    ///
    /// ```text
    /// mean      integral of S(t) from 0 to until
    /// variance  sum over times up to until of (integral of S from there to until)² d / (n (n-d))
    /// ```
    ///
    /// Unlike the mean of all lifetimes it can be told while some go on, and unlike the median while most do. It is in the
    /// unit of the times. R's `survfit` prints it as `rmean`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if `until` is not above 0, or lies beyond the last time that somebody was followed while not
    /// everybody had ended.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn restricted_mean(&self, until: f64) -> Result<RestrictedMean> {
        let known = self.known_until().unwrap_or(0.0);
        if !(until > 0.0 && until <= known && until.is_finite()) {
            let reason = "the mean can be told up to a time above 0 and not beyond the last that was followed";
            return Err(Error::InvalidOption { option: "until", value: until.to_string(), reason });
        }
        let z = self.z()?;
        let passed = self.points().partition_point(|point| point.time <= until);
        // Backwards, so that what lies behind a time is known when it comes.
        let (mut area, mut variance, mut end) = (0.0, 0.0, until);
        for (point, row) in self.points()[..passed].iter().zip(self.event_table().rows()).rev() {
            area += point.survival * (end - point.time);
            let (n, d) = (row.at_risk as f64, row.ended as f64);
            if n > d {
                variance += area * area * (d / (n * (n - d)));
            }
            end = point.time;
        }
        let (mean, standard_error) = (area + end, variance.sqrt());
        let (lower, upper) = ((mean - z * standard_error).max(0.0), (mean + z * standard_error).min(until));
        Ok(RestrictedMean { until, mean, standard_error, interval: Interval { lower, upper } })
    }
}
