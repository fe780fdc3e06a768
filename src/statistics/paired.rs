//! Two shares of the same clusters side by side.

use super::proportions::two_sided;
use super::{Interval, Wilson};

/// A variance below this is nothing but rounding.
const ROUNDING: f64 = 1e-24;

/// One share less the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PairedDifference {
    pub(crate) difference: f64,
    pub(crate) interval: Interval,
    /// Two-sided.
    pub(crate) p_value: f64,
}

/// The difference of two shares to which the same clusters contribute; `None` where one has no denominator, where there
/// is one cluster, and where the two do not vary against each other.
///
/// ```text
/// of cluster i    [[a, b], [c, d]]: a of b in the one share, c of d in the other; weights need not be whole
/// difference      P - Q of P = Σ a / Σ b and Q = Σ c / Σ d
/// part            u(i) = (a - P b) / Σ b - (c - Q d) / Σ d
/// variance        G/(G-1) Σ u²   over the G clusters with b or d
/// ```
///
/// The interval is `± z` standard errors, cut off at -1 and 1.
///
/// # References
///
/// W. G. Cochran (1977), "Sampling Techniques", 3rd ed., section 6.17: the difference of two ratios.
#[expect(clippy::cast_precision_loss, reason = "counts of accounts are far below 2^53")]
pub(crate) fn paired_difference(clusters: &[[[f64; 2]; 2]], wilson: Wilson) -> Option<PairedDifference> {
    let mut sums = [[0.0; 2]; 2];
    for cluster in clusters {
        for (sum, own) in sums.iter_mut().zip(cluster) {
            *sum = [sum[0] + own[0], sum[1] + own[1]];
        }
    }
    let [[a, b], [c, d]] = sums;
    let there = || clusters.iter().filter(|cluster| cluster[0][1] > 0.0 || cluster[1][1] > 0.0);
    let count = there().count();
    if !(b > 0.0 && d > 0.0) || count < 2 {
        return None;
    }
    let (p, q) = (a / b, c / d);
    let part = |[one, other]: &[[f64; 2]; 2]| (one[0] - p * one[1]) / b - (other[0] - q * other[1]) / d;
    let variance = there().map(|cluster| part(cluster).powi(2)).sum::<f64>() * count as f64 / (count - 1) as f64;
    let (difference, error) = (p - q, variance.sqrt());
    let spread = wilson.z() * error;
    (variance > ROUNDING).then(|| PairedDifference {
        difference,
        interval: Interval { lower: (difference - spread).max(-1.0), upper: (difference + spread).min(1.0) },
        p_value: two_sided(difference / error),
    })
}

/// A sum over clusters, with its interval; `None` for that with fewer than two.
///
/// ```text
/// of G clusters with x(i), of mean m: Σ x ± z √(G/(G-1) Σ (x - m)²)
/// ```
#[expect(clippy::cast_precision_loss, reason = "counts of accounts are far below 2^53")]
pub(crate) fn clustered_sum(clusters: &[f64], wilson: Wilson) -> (f64, Option<Interval>) {
    let (sum, count) = (clusters.iter().sum::<f64>(), clusters.len() as f64);
    let mean = sum / count;
    let spread = || {
        let squares = clusters.iter().map(|own| (own - mean).powi(2)).sum::<f64>();
        wilson.z() * (squares * count / (count - 1.0)).sqrt()
    };
    let interval = (clusters.len() > 1).then(spread);
    (sum, interval.map(|spread| Interval { lower: sum - spread, upper: sum + spread }))
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-12
    }

    /// 2 of 4 against 1 of 4 in three clusters: parts 0, 1/4 and -1/4 at P = 1/2 and Q = 1/4.
    #[test]
    fn by_hand() {
        let clusters = [[[1.0, 2.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 3.0]]];
        let got = paired_difference(&clusters, Wilson::new(0.95).unwrap()).unwrap();
        assert!(near(got.difference, 0.25), "{got:?}");
        let parts = [0.0, (0.5 / 4.0) + (0.25 / 4.0), -(0.5 / 4.0) - (0.25 / 4.0)];
        let error = (parts.iter().map(|part: &f64| part * part).sum::<f64>() * 1.5).sqrt();
        assert!(near(got.interval.upper - got.difference, 1.959_963_984_540_054 * error), "{got:?} {error}");
    }

    #[test]
    fn sums() {
        let wilson = Wilson::new(0.95).unwrap();
        assert_eq!(clustered_sum(&[], wilson), (0.0, None));
        assert_eq!(clustered_sum(&[3.0], wilson), (3.0, None));
        // 1, 2 and 6: squares 4, 1 and 9 from their mean of 3, times 3/2.
        let (sum, interval) = clustered_sum(&[1.0, 2.0, 6.0], wilson);
        assert!(near(sum, 9.0) && near(interval.unwrap().upper, 9.0 + 1.959_963_984_540_054 * 21.0_f64.sqrt()));
    }

    #[test]
    fn edges_and_laws() {
        let wilson = Wilson::new(0.95).unwrap();
        assert_eq!(paired_difference(&[], wilson), None);
        assert_eq!(paired_difference(&[[[1.0, 2.0], [1.0, 2.0]]], wilson), None);
        assert_eq!(paired_difference(&[[[1.0, 2.0], [0.0, 0.0]]; 3], wilson), None);
        // The same share does not differ from itself.
        let same: Vec<[[f64; 2]; 2]> = (0..9).map(|place| [[f64::from(place), 9.0]; 2]).collect();
        assert_eq!(paired_difference(&same, wilson), None);
    }

    /// Clusters apart: the interval holds the true difference as often as it says.
    #[test]
    fn the_interval_covers() {
        let (mut random, wilson) = (SplitMix64::new(51), Wilson::new(0.95).unwrap());
        let mut held = 0;
        for _ in 0..1_000 {
            let clusters: Vec<[[f64; 2]; 2]> = (0..150)
                .map(|_| {
                    let chance = 0.2 + 0.4 * random.uniform();
                    let mut of = |shift: f64| {
                        let trials = 1 + random.below(6);
                        let hits = (0..trials).filter(|_| random.uniform() < chance + shift).count();
                        [f64::from(u32::try_from(hits).unwrap()), f64::from(trials)]
                    };
                    [of(0.1), of(0.0)]
                })
                .collect();
            let got = paired_difference(&clusters, wilson).unwrap();
            held += u32::from((got.interval.lower..=got.interval.upper).contains(&0.1));
        }
        // 950, give or take four standard deviations of 6.9.
        assert!((922..=978).contains(&held), "{held}");
    }
}
