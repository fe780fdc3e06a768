//! Do proportions rise or fall over ordered groups.

use serde::{Deserialize, Serialize};

use super::Share;
use super::proportions::two_sided;

/// A test of whether a share rises or falls along ordered groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrendTest {
    /// By how much the share changes from one group to the next, by weighted least squares.
    pub slope: f64,
    /// The standard normal statistic; positive where the share rises.
    pub z: f64,
    /// Two-sided.
    pub p_value: f64,
}

/// The Cochran-Armitage test for trend over groups in order, one apart; `None` with fewer than two groups that have
/// members. A group without any is passed over, but keeps its place.
///
/// ```text
/// p = Σs / Σn,  x̄ = Σnx / Σn
/// z = Σ s(x - x̄) / √( p(1-p) Σ n(x - x̄)² )            p-value 1 where p is 0 or 1
/// slope = Σ s(x - x̄) / Σ n(x - x̄)²
/// ```
///
/// # References
///
/// P. Armitage (1955), "Tests for linear trends in proportions and frequencies", Biometrics 11, 375-386; R,
/// `prop.trend.test`, whose chi-square is z².
#[expect(clippy::cast_precision_loss, reason = "a few thousand groups at most")]
pub(crate) fn trend(groups: &[Share]) -> Option<TrendTest> {
    let groups: Vec<(f64, f64, f64)> = groups
        .iter()
        .enumerate()
        .filter(|(_, share)| share.whole > 0)
        .map(|(place, share)| (place as f64, share.floats().0, share.floats().1))
        .collect();
    if groups.len() < 2 {
        return None;
    }
    let sum = |of: &dyn Fn(&(f64, f64, f64)) -> f64| groups.iter().map(of).sum::<f64>();
    let (successes, trials) = (sum(&|&(_, s, _)| s), sum(&|&(_, _, n)| n));
    let centre = sum(&|&(x, _, n)| n * x) / trials;
    let along = sum(&|&(x, s, _)| s * (x - centre));
    let spread = sum(&|&(x, _, n)| n * (x - centre) * (x - centre));
    let pooled = successes / trials;
    let variance = pooled * (1.0 - pooled) * spread;
    let z = if variance > 0.0 { along / variance.sqrt() } else { 0.0 };
    Some(TrendTest { slope: along / spread, z, p_value: if variance > 0.0 { two_sided(z) } else { 1.0 } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(parts: &[u64], wholes: &[u64]) -> Vec<Share> {
        parts.iter().zip(wholes).map(|(&part, &whole)| Share { part, whole }).collect()
    }

    /// R 4.2.2, `prop.trend.test`.
    #[test]
    fn golden() {
        for (parts, wholes, chi_square, p_value) in [
            (&[83, 90, 129, 70][..], &[86, 93, 136, 82][..], 8.224_922_285_197_71, 0.004_131_897_477_641_49),
            (&[15, 25, 50], &[100, 100, 100], 29.166_666_666_666_7, 6.641_198_786_381_06e-8),
        ] {
            let test = trend(&shares(parts, wholes)).unwrap();
            assert!((test.z * test.z / chi_square - 1.0).abs() < 1e-12, "{test:?}");
            assert!((test.p_value / p_value - 1.0).abs() < 1e-9, "{test:?}");
        }
    }

    #[test]
    fn laws() {
        let rising = trend(&shares(&[1, 2, 3], &[10, 10, 10])).unwrap();
        assert!(rising.z > 0.0 && (rising.slope - 0.1).abs() < 1e-12, "{rising:?}");
        let falling = trend(&shares(&[3, 2, 1], &[10, 10, 10])).unwrap();
        assert!((rising.z + falling.z).abs() < 1e-12 && (rising.slope + falling.slope).abs() < 1e-12);
        let flat = trend(&shares(&[4, 4], &[4, 4])).unwrap();
        assert!(flat.z.abs() < 1e-12 && (flat.p_value - 1.0).abs() < 1e-12);
        // A group of nobody keeps its place: from the first to the third is two steps.
        let gap = trend(&shares(&[1, 0, 3], &[10, 0, 10])).unwrap();
        assert!((gap.slope - 0.1).abs() < 1e-12, "{gap:?}");
        assert!(trend(&shares(&[1], &[2])).is_none() && trend(&shares(&[1, 0], &[2, 0])).is_none());
    }
}
