//! The effect on the treated, compared within strata.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::{Interval, ratio};

/// Beyond so many degrees of freedom Student's t is the normal distribution to three decimals.
const NEARLY_NORMAL: u64 = 1_000;

/// So many people, and the sum of their outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arm {
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

/// People who are alike but for the treatment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stratum {
    pub(crate) treated: Arm,
    pub(crate) controls: Arm,
}

impl Stratum {
    /// Fewer controls than this show no spread, and so cannot say how sure they are.
    pub(crate) const FEWEST_CONTROLS: u64 = 2;

    pub(crate) fn control_mean(&self) -> f64 {
        ratio(self.controls.sum, self.controls.count).unwrap_or(0.0)
    }

    /// What the residual of one control is multiplied by in its score.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub(crate) fn control_factor(&self) -> f64 {
        let (treated, controls) = (self.treated.count as f64, self.controls.count as f64);
        treated / controls * (controls / (controls - 1.0)).sqrt()
    }
}

/// The average effect of a treatment on those who took it, over strata with treated and at least two controls each.
///
/// ```text
/// t_s, c_s   treated and controls of stratum s;  N = Σ t_s
/// effect     d = Σ_s t_s (mean of treated_s - mean of controls_s) / N
/// score      ψ_a = [a treated in s] (y_a - mean of controls_s - d)
///                  - Σ_{s where a is a control} (t_s / c_s) √(c_s / (c_s - 1)) (y_as - mean of controls_s)
/// variance   V = Σ_a ψ_a² / (N (N - 1))
/// interval   d ± t(N - 1) √V
/// ```
///
/// The score of a person gathers all they did, so that a control of many strata, or one who is treated later, counts as
/// one person and not as many. The spread of a treated person is taken about the effect and not about the stratum,
/// for most strata have one treated only; with few controls a stratum that makes the interval a little wide.
///
/// # References
///
/// A. Abadie and G. Imbens (2006), "Large sample properties of matching estimators for average treatment effects",
/// Econometrica 74, 235-267, for the effect on the treated and its two sources of variance; K.-Y. Liang and S. Zeger
/// (1986), "Longitudinal data analysis using generalized linear models", Biometrika 73, 13-22, for sums over persons.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EffectOnTreated {
    pub(crate) treated: u64,
    pub(crate) treated_mean: f64,
    pub(crate) control_mean: f64,
}

impl EffectOnTreated {
    /// `None` where there is no stratum.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub(crate) fn of(strata: impl Iterator<Item = Stratum>) -> Option<Self> {
        let (mut treated, mut expected) = (Arm::default(), 0.0);
        for stratum in strata {
            treated.count += stratum.treated.count;
            treated.sum += stratum.treated.sum;
            expected += stratum.treated.count as f64 * stratum.control_mean();
        }
        let treated_mean = ratio(treated.sum, treated.count)?;
        Some(Self { treated: treated.count, treated_mean, control_mean: expected / treated.count as f64 })
    }

    pub(crate) fn difference(&self) -> f64 {
        self.treated_mean - self.control_mean
    }

    /// The standard error from the sum of the squared scores; `None` where no spread was seen.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub(crate) fn standard_error(&self, squared_scores: f64) -> Option<f64> {
        let treated = self.treated as f64;
        let variance = squared_scores / (treated * (treated - 1.0));
        // Below this there is nothing but rounding.
        (self.treated > 1 && variance > 1e-24).then(|| variance.sqrt())
    }

    pub(crate) fn interval(&self, standard_error: f64, confidence: f64) -> Interval {
        let spread = quantile(confidence, self.treated.saturating_sub(1)) * standard_error;
        Interval { lower: self.difference() - spread, upper: self.difference() + spread }
    }
}

/// So many standard errors either way hold a share `confidence` of Student's t.
#[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
pub(super) fn quantile(confidence: f64, freedom: u64) -> f64 {
    let upper = f64::midpoint(1.0, confidence);
    let student = (1..=NEARLY_NORMAL).contains(&freedom).then(|| StudentsT::new(0.0, 1.0, freedom as f64).ok());
    student.flatten().map_or_else(|| Normal::standard().inverse_cdf(upper), |student| student.inverse_cdf(upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stratum(treated: (u64, u64), controls: (u64, u64)) -> Stratum {
        let arm = |(count, sum)| Arm { count, sum };
        Stratum { treated: arm(treated), controls: arm(controls) }
    }

    /// 2 of 2 against 1 of 4, and 1 of 3 against 1 of 2: (2 * 0.75 + 3 * (1/3 - 1/2)) / 5 = 0.2.
    #[test]
    fn by_hand() {
        let strata = [stratum((2, 2), (4, 1)), stratum((3, 1), (2, 1))];
        let effect = EffectOnTreated::of(strata.into_iter()).unwrap();
        assert!((effect.difference() - 0.2).abs() < 1e-15 && (effect.treated_mean - 0.6).abs() < 1e-15);
        assert!((strata[0].control_factor() - 0.5 * (4.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        // Squared scores that add up to 0.8 give a variance of 0.8 / (5 * 4) = 0.04.
        let error = effect.standard_error(0.8).unwrap();
        assert!((error - 0.2).abs() < 1e-15);
        // The two-sided 95 % point of Student's t with 4 degrees of freedom, from the tables: 2.776.
        assert!((effect.interval(error, 0.95).upper - (0.2 + 0.2 * 2.776_445)).abs() < 1e-6);
        assert!(EffectOnTreated::of(std::iter::empty()).is_none());
        assert_eq!(effect.standard_error(0.0), None);
    }

    #[test]
    fn quantiles_of_the_tables() {
        for (confidence, freedom, value) in [
            (0.95, 1, 12.706_205),
            (0.95, 10, 2.228_139),
            (0.99, 30, 2.749_996),
            (0.90, 120, 1.657_651),
            (0.95, 1_000, 1.962_339),
            (0.95, 1_001, 1.959_964),
        ] {
            let found = quantile(confidence, freedom);
            assert!((found - value).abs() < 1e-5, "{confidence} {freedom}: {found}");
        }
    }
}
