//! Confidence intervals of proportions.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::stratified::quantile;
use crate::error::{Error, Result};

/// A confidence interval, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

/// Wilson score intervals of proportions at one level of confidence.
///
/// ```text
/// p = s / n
/// (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)
/// ```
///
/// Unlike the textbook interval `p ± z √(p(1-p)/n)` it stays within 0 and 1, has a width at 0 and n successes, and
/// covers well for the small cohorts in which churn is measured.
///
/// # References
///
/// E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wilson {
    z: f64,
    confidence: f64,
}

/// How many standard errors an interval of that confidence reaches to either side.
pub(crate) fn critical_value(confidence: f64) -> Result<f64> {
    if !(confidence > 0.0 && confidence < 1.0) {
        let reason = "a level of confidence lies between 0 and 1, both excluded, like 0.95";
        return Err(Error::InvalidOption { option: "confidence", value: confidence.to_string(), reason });
    }
    Ok(Normal::standard().inverse_cdf(f64::midpoint(1.0, confidence)))
}

impl Wilson {
    pub(crate) fn new(confidence: f64) -> Result<Self> {
        Ok(Self { z: critical_value(confidence)?, confidence })
    }

    /// So many standard errors either way hold the level of confidence.
    pub(super) const fn z(self) -> f64 {
        self.z
    }

    /// So far an interval reaches to either side of an estimate with a standard error.
    pub(crate) fn spread(self, standard_error: f64) -> f64 {
        self.z * standard_error
    }

    /// The same where the standard error is itself estimated, with so many degrees of freedom.
    pub(super) fn student(self, freedom: u64) -> f64 {
        quantile(self.confidence, freedom)
    }

    /// The chance that is left at either end.
    pub(super) const fn tail(self) -> f64 {
        (1.0 - self.confidence) / 2.0
    }

    /// The interval of `successes` among `trials`; none where there was no trial.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub(crate) fn interval(self, successes: u64, trials: u64) -> Option<Interval> {
        (trials > 0).then(|| self.around(successes as f64, trials as f64))
    }

    /// The same for numbers that need not be whole: the trials that a weighted rate is worth.
    pub(super) fn around(self, successes: f64, trials: f64) -> Interval {
        let (s, n, z2) = (successes.clamp(0.0, trials), trials, self.z * self.z);
        let centre = s + z2 / 2.0;
        let spread = self.z * (s * (n - s) / n + z2 / 4.0).sqrt();
        // At the ends the formula gives 0 and 1 but for rounding.
        let lower = if s <= 0.0 { 0.0 } else { (centre - spread) / (n + z2) };
        let upper = if s >= n { 1.0 } else { (centre + spread) / (n + z2) };
        Interval { lower, upper }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels 0.15.0, `proportion_confint(method="wilson")`.
    #[test]
    fn golden() {
        for (successes, trials, confidence, lower, upper) in [
            (0, 10, 0.95, 0.0, 0.277_532_799_862_889_2),
            (1, 10, 0.95, 0.017_876_213_095_072_896, 0.404_150_026_795_238_5),
            (5, 10, 0.90, 0.269_271_821_138_267_14, 0.730_728_178_861_732_8),
            (5, 10, 0.99, 0.184_225_518_247_235_5, 0.815_774_481_752_764_6),
            (10, 10, 0.99, 0.601_145_906_695_091_9, 1.0),
        ] {
            let interval = Wilson::new(confidence).unwrap().interval(successes, trials).unwrap();
            assert!((interval.lower - lower).abs() < 1e-9, "{successes} of {trials}: {interval:?}");
            assert!((interval.upper - upper).abs() < 1e-9, "{successes} of {trials}: {interval:?}");
        }
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn laws() {
        let wilson = Wilson::new(0.95).unwrap();
        assert_eq!(wilson.interval(0, 0), None);
        for n in [1, 2, 7, 100, 1_000_000] {
            for s in [0, 1, n / 2, n] {
                let Interval { lower, upper } = wilson.interval(s, n).unwrap();
                let rate = s as f64 / n as f64;
                assert!(0.0 <= lower && lower <= rate && rate <= upper && upper <= 1.0, "{s} of {n}");
                let mirrored = wilson.interval(n - s, n).unwrap();
                assert!((mirrored.lower - (1.0 - upper)).abs() < 1e-12);
            }
        }
        assert!([0.0, 1.0, f64::NAN, -1.0].into_iter().all(|confidence| Wilson::new(confidence).is_err()));
    }
}
