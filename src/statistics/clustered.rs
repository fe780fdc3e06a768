//! Shares of observations that come in clusters, such as alerts of which an account may have many, and their ratio.

use super::{Interval, Share, Wilson, ratio};

/// A variance relative to the squared share below this is nothing but rounding.
const ROUNDING: f64 = 1e-24;

/// A share of observations that come in clusters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClusteredShare {
    pub(crate) share: f64,
    /// All clusters together.
    pub(crate) total: Share,
    /// Those with observations.
    pub(crate) clusters: u64,
    /// `None` with one cluster.
    pub(crate) standard_error: Option<f64>,
    /// How many times the variance of as many independent observations; `None` with one cluster, and for shares of
    /// 0 and 1.
    pub(crate) design_effect: Option<f64>,
    /// How many independent observations these are worth.
    pub(crate) effective: f64,
    pub(crate) interval: Interval,
}

/// The share of clustered observations, as the ratio of two sums over clusters; `None` without observations.
///
/// ```text
/// of G clusters with observations, y(i) of x(i) each
/// share          R = Σ y / Σ x
/// variance       v = G/(G-1) Σ (y - R x)² / (Σ x)²
/// design effect  v / (R(1-R) / Σ x)
/// worth          R(1-R)/v observations, not more than Σ x, times (z / t(G-1))²
/// interval       Wilson's, of so many
/// ```
///
/// Ten alerts about one account that left are not ten successes. The variance is the linearised one, in which the
/// clusters are what was drawn; Student's t of few clusters widens it. Shares of 0 and 1 show no variance: there each
/// cluster is taken to be of one mind, which makes all of them worth `(Σ x)² / Σ x²` observations, and so it is
/// with one cluster.
///
/// # References
///
/// W. G. Cochran (1977), "Sampling Techniques", 3rd ed., section 3.12, for the variance; L. Kish (1965), "Survey
/// Sampling", for the design effect; E. L. Korn and B. I. Graubard (1998), "Confidence intervals for proportions with
/// small expected number of positive counts estimated from survey data", Survey Methodology 24, 193-201, for the
/// observations they are worth, here within Wilson's interval for that of Clopper and Pearson.
pub(crate) fn clustered_share(clusters: &[Share], wilson: Wilson) -> Option<ClusteredShare> {
    let total = sum(clusters.iter().copied());
    let share = ratio(total.part, total.whole)?;
    let (_, all) = total.floats();
    let filled = || clusters.iter().filter(|cluster| cluster.whole > 0).map(|cluster| cluster.floats());
    let count = filled().count() as u64;
    let residuals = filled().map(|(part, whole)| ((part - share * whole) / all).powi(2)).sum::<f64>();
    let variance = correction(count).map(|correction| correction * residuals);
    let binomial = share * (1.0 - share) / all;
    let effective = match variance {
        Some(variance) if binomial > 0.0 => {
            all * (binomial / variance).min(1.0) * (wilson.z() / wilson.student(count - 1)).powi(2)
        }
        _ => all * all / filled().map(|(_, whole)| whole * whole).sum::<f64>(),
    };
    Some(ClusteredShare {
        share,
        total,
        clusters: count,
        standard_error: variance.map(f64::sqrt),
        design_effect: variance.filter(|_| binomial > 0.0).map(|variance| variance / binomial),
        effective,
        interval: wilson.around(share * effective, effective),
    })
}

/// How many times as often something is true of the observations pointed out as of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lift {
    pub(crate) lift: f64,
    /// That of the logarithm of the lift; `None` for a lift of 0 and with one cluster.
    pub(crate) standard_error: Option<f64>,
    pub(crate) interval: Interval,
    /// Of those pointed out.
    pub(crate) precision: ClusteredShare,
    /// Of all.
    pub(crate) base: ClusteredShare,
}

/// Precision over base rate, from what each cluster has among the observations pointed out and among all; `None` where
/// nothing was pointed out or the base rate is 0.
///
/// ```text
/// lift            P / B of precision P = Σ a / Σ b and base rate B = Σ c / Σ d
/// part of one     p = a/Σa - b/Σb,  q = c/Σc - d/Σd
/// standard error  of its logarithm: √(G/(G-1) Σ (p - q)²)
/// correlation     r = Σ pq / √(Σ p² Σ q²)
/// interval        of the logarithm, from the ends of log P and log B at distances below and above:
///                 - √(p₋² - 2r p₋ q₊ + q₊²)  to  + √(p₊² - 2r p₊ q₋ + q₋²)
/// ```
///
/// Those pointed out are among all, and an account has both, so that the two rates rise and fall together: the
/// correlation says by how much that narrows the interval. With many clusters the interval is `± z` standard errors;
/// with few findings it keeps the width of Wilson's intervals, where the linearised one would take 3 true findings
/// of 3 for certain. For a lift of 0 the upper end is that of the precision over the lower one of the base rate.
///
/// # References
///
/// A. Donner and G. Y. Zou (2012), "Closed-form confidence intervals for functions of the normal mean and standard
/// deviation", Statistical Methods in Medical Research 21, 347-359; G. Y. Zou and A. Donner (2008), "Construction of
/// confidence limits about effect measures", Statistics in Medicine 27, 1693-1702, for dependent rates.
pub(crate) fn lift(clusters: &[[Share; 2]], wilson: Wilson) -> Option<Lift> {
    let [precision, base] = [0, 1].map(|side| {
        let own: Vec<Share> = clusters.iter().map(|pair| pair[side]).collect();
        clustered_share(&own, wilson)
    });
    let (precision, base) = (precision?, base.filter(|base| base.total.part > 0)?);
    let lift = precision.share / base.share;
    if precision.total.part == 0 {
        let interval = Interval { lower: 0.0, upper: precision.interval.upper / base.interval.lower };
        return Some(Lift { lift, standard_error: None, interval, precision, base });
    }
    let (mut squares, mut product, mut against) = ([0.0; 2], 0.0, 0.0);
    for pair in clusters {
        let part = |side: usize, total: Share| {
            let ((part, whole), (parts, wholes)) = (pair[side].floats(), total.floats());
            part / parts - whole / wholes
        };
        let (p, q) = (part(0, precision.total), part(1, base.total));
        squares = [squares[0] + p * p, squares[1] + q * q];
        product += p * q;
        against += (p - q).powi(2);
    }
    let count = clusters.iter().filter(|pair| pair.iter().any(|share| share.whole > 0)).count() as u64;
    let vary = squares.iter().all(|&square| square > ROUNDING);
    let correlation = if vary { (product / (squares[0] * squares[1]).sqrt()).clamp(-1.0, 1.0) } else { 0.0 };
    let distance = |below: f64, above: f64| {
        (below * below - 2.0 * correlation * below * above + above * above).max(0.0).sqrt().exp()
    };
    let [p, q] = [precision, base].map(|of| {
        let Interval { lower, upper } = of.interval;
        [(of.share / lower).ln(), (upper / of.share).ln()]
    });
    Some(Lift {
        lift,
        standard_error: correction(count).map(|correction| (correction * against).sqrt()),
        interval: Interval { lower: lift / distance(p[0], q[1]), upper: lift * distance(p[1], q[0]) },
        precision,
        base,
    })
}

fn sum(clusters: impl Iterator<Item = Share>) -> Share {
    clusters.fold(Share { part: 0, whole: 0 }, |sum, cluster| Share {
        part: sum.part + cluster.part,
        whole: sum.whole + cluster.whole,
    })
}

/// G/(G-1); `None` for fewer than two.
#[expect(clippy::cast_precision_loss, reason = "counts of accounts are far below 2^53")]
fn correction(count: u64) -> Option<f64> {
    (count > 1).then(|| count as f64 / (count - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    /// Among those pointed out and among all.
    const CLUSTERS: [[(u64, u64); 2]; 8] = [
        [(2, 3), (4, 10)],
        [(0, 1), (1, 8)],
        [(0, 0), (2, 12)],
        [(4, 4), (5, 9)],
        [(1, 5), (1, 11)],
        [(0, 2), (0, 10)],
        [(3, 3), (3, 7)],
        [(0, 0), (0, 12)],
    ];

    fn wilson() -> Wilson {
        Wilson::new(0.95).unwrap()
    }

    fn share((part, whole): (u64, u64)) -> Share {
        Share { part, whole }
    }

    fn of(clusters: &[(u64, u64)]) -> Option<ClusteredShare> {
        clustered_share(&clusters.iter().copied().map(share).collect::<Vec<_>>(), wilson())
    }

    fn lift_of(clusters: &[[(u64, u64); 2]]) -> Option<Lift> {
        lift(&clusters.iter().map(|pair| pair.map(share)).collect::<Vec<_>>(), wilson())
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * right.abs()
    }

    /// statsmodels 0.15.0: `OLS(y, 1).fit(cov_type="cluster")` of the observations for shares; for the lift
    /// `GLM(family=Poisson())` of both sets of observations one after the other, its error times √(8/7).
    #[test]
    fn golden() {
        let got = lift_of(&CLUSTERS).unwrap();
        for (of, value, error, effect, clusters) in [
            (got.precision, 0.555_555_555_555_555_4, 0.190_059_312_572_106_73, 2.633_333_333_333_330_6, 6),
            (got.base, 0.202_531_645_569_620_25, 0.072_348_491_143_423_37, 2.560_234_220_270_390_3, 8),
        ] {
            assert!(near(of.share, value) && near(of.standard_error.unwrap(), error), "{of:?}");
            assert!(near(of.design_effect.unwrap(), effect), "{of:?}");
            assert_eq!(of.clusters, clusters);
        }
        assert!(near(got.lift, 2.743_055_555_555_557_6), "{got:?}");
        assert!(near(got.standard_error.unwrap(), 0.224_907_570_067_381_66), "{got:?}");
        // 18 findings, worth 18/2.633 and, by Student's t of 5 degrees of freedom, 2.570582, (1.959964/2.570582)² of that.
        assert!((got.precision.effective - 18.0 / 2.633_333 * (1.959_964_f64 / 2.570_582).powi(2)).abs() < 1e-5);
    }

    #[test]
    fn edges() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(0, 0), (0, 0)]), None);
        let single = of(&[(3, 7), (0, 0)]).unwrap();
        assert_eq!((single.clusters, single.standard_error, single.design_effect), (1, None, None));
        assert!(near(single.effective, 1.0), "{single:?}");
        // None of 3, 1 and 2: worth 36/14.
        for clusters in [[(0, 3), (0, 1), (0, 2)], [(3, 3), (1, 1), (2, 2)]] {
            let got = of(&clusters).unwrap();
            assert_eq!((got.standard_error, got.design_effect), (Some(0.0), None));
            assert!(near(got.effective, 36.0 / 14.0), "{got:?}");
            assert!(got.interval.upper - got.interval.lower > 0.5, "{got:?}");
        }
        // Clusters that agree to the last observation are not worth more than these, and two clusters prove little.
        let alike = of(&[(1, 2), (2, 4)]).unwrap();
        assert!(alike.effective < 6.0 && alike.interval.upper - alike.interval.lower > 0.9, "{alike:?}");

        assert_eq!(lift_of(&[]), None);
        assert_eq!(lift_of(&[[(0, 0), (1, 2)], [(0, 0), (0, 3)]]), None);
        assert_eq!(lift_of(&[[(0, 1), (0, 2)], [(0, 2), (0, 3)]]), None);
        let none = lift_of(&[[(0, 2), (1, 4)], [(0, 1), (1, 3)], [(0, 0), (2, 9)]]).unwrap();
        assert_eq!((none.lift, none.standard_error, none.interval.lower), (0.0, None, 0.0));
        assert!(none.interval.upper > 1.0, "{none:?}");
        // Three of three is not certainty.
        let mut few = vec![[(1, 1), (1, 10)]; 3];
        few.extend(vec![[(0, 0), (1, 10)]; 40]);
        let few = lift_of(&few).unwrap();
        assert!(near(few.lift, 10.0) && few.interval.lower < 5.0, "{few:?}");
        let single = lift_of(&[[(1, 2), (2, 8)]]).unwrap();
        assert_eq!(single.standard_error, None);
        assert!(single.interval.lower < 1.0 && single.interval.upper > single.lift, "{single:?}");
    }

    #[test]
    fn laws() {
        // Each observation alone: the binomial variance times n/(n-1).
        let alone: Vec<(u64, u64)> = (0..50).map(|place| (u64::from(place % 5 == 0), 1)).collect();
        let got = of(&alone).unwrap();
        assert!(near(got.design_effect.unwrap(), 50.0 / 49.0), "{got:?}");
        // Each observation seen three times over says no more.
        let tripled: Vec<(u64, u64)> = alone.iter().map(|&(part, whole)| (3 * part, 3 * whole)).collect();
        let thrice = of(&tripled).unwrap();
        assert!(near(thrice.design_effect.unwrap(), 3.0 * got.design_effect.unwrap()), "{thrice:?}");
        assert!(near(thrice.effective, got.effective) && near(thrice.interval.upper, got.interval.upper));
        // The complement mirrors.
        let turned: Vec<(u64, u64)> = alone.iter().map(|&(part, whole)| (whole - part, whole)).collect();
        let turned = of(&turned).unwrap();
        assert!(near(turned.interval.lower, 1.0 - got.interval.upper), "{turned:?}");
        // All pointed out: a lift of 1, whatever the rate.
        let all = CLUSTERS.map(|[_, all]| [all, all]);
        let all = lift_of(&all).unwrap();
        assert!(near(all.lift, 1.0) && all.standard_error.unwrap() < 1e-12, "{all:?}");
    }

    /// With many clusters the interval of the lift is that of its standard error.
    #[test]
    fn many_clusters() {
        let mut random = SplitMix64::new(31);
        let clusters: Vec<[(u64, u64); 2]> = (0..20_000).map(|_| draw(&mut random)).collect();
        let got = lift_of(&clusters).unwrap();
        let factor = (wilson().z() * got.standard_error.unwrap()).exp();
        assert!((got.interval.lower / (got.lift / factor) - 1.0).abs() < 1e-3, "{got:?}");
        assert!((got.interval.upper / (got.lift * factor) - 1.0).abs() < 1e-3, "{got:?}");
    }

    /// An account at eight dates that leaves or not, and is pointed out more often before it leaves.
    fn draw(random: &mut SplitMix64) -> [(u64, u64); 2] {
        let (leaves, loud) = (random.uniform() < 0.2, random.uniform() < 0.3);
        let chance = if leaves { 0.5 } else { 0.1 } * if loud { 1.6 } else { 0.7 };
        let flags = (0..8).filter(|_| random.uniform() < chance).count() as u64;
        [(if leaves { flags } else { 0 }, flags), (if leaves { 8 } else { 0 }, 8)]
    }

    #[test]
    fn the_intervals_cover() {
        // Of all, 0.2 leave; flags come five times as often from them: 0.2 x 5 / (0.2 x 5 + 0.8).
        let (mut random, truth) = (SplitMix64::new(32), 1.0 / 1.8);
        let mut held = [0_u32; 2];
        for _ in 0..1_000 {
            let clusters: Vec<[(u64, u64); 2]> = (0..40).map(|_| draw(&mut random)).collect();
            let got = lift_of(&clusters).unwrap();
            let holds = |interval: Interval, truth: f64| u32::from((interval.lower..=interval.upper).contains(&truth));
            held[0] += holds(got.precision.interval, truth);
            held[1] += holds(got.interval, truth / 0.2);
        }
        assert!(held.iter().all(|held| (925..=985).contains(held)), "{held:?}");
    }
}
