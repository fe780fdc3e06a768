//! A difference of proportions over strata: like is compared with like, then put together.

use super::proportions::{expected, newcombe, two_sided};
use super::{Contrast, Share, Wilson};

/// The Mantel-Haenszel difference of two groups over strata, the first group's proportion less the second's; `None`
/// where no stratum has people of both.
///
/// ```text
/// of a stratum    s1 of n1 and s2 of n2,  N = n1 + n2,  m = s1 + s2,  w = n1 n2 / N
/// difference      sum of w (s1/n1 - s2/n2) / sum of w
/// variance        (d sum of P + sum of Q) / (sum of w)²,
///                 P = (n1² s2 - n2² s1 + n1 n2 (n2 - n1)/2) / N²,  Q = (s1 (n2 - s2) + s2 (n1 - s1)) / 2N
/// test            (sum of (s1 - n1 m/N))² / sum of (n1 n2 m (N - m) / (N² (N - 1))),  chi-square of one degree
/// ```
///
/// The variance is Sato's, which holds for few large strata and for many small ones. The test is that of Cochran,
/// Mantel and Haenszel without a correction for continuity. The interval is not made from the variance, which is 0
/// where nobody was retained on either side and too small where few were: it is Newcombe's, from the Wilson intervals
/// of the two weighted rates, each resting on the `(sum of w)² / sum of w²/n` people that it is worth. Over one stratum
/// that is Newcombe's interval itself; where rates differ much between strata it is somewhat wide.
///
/// # References
///
/// N. Mantel and W. Haenszel (1959), "Statistical aspects of the analysis of data from retrospective studies of
/// disease", JNCI 22, 719-748; T. Sato (1989), "On the variance estimator for the Mantel-Haenszel risk difference",
/// Biometrics 45, 1323-1324; L. Kish (1965), "Survey Sampling", for the people a weighted rate is worth; G. Y. Zou and
/// A. Donner (2008), "Construction of confidence limits about effect measures", Statistics in Medicine 27, 1693-1702.
pub(crate) fn mantel_haenszel(strata: impl IntoIterator<Item = [Share; 2]>, wilson: Wilson) -> Option<Contrast> {
    let mut sums = Sums::default();
    strata.into_iter().filter(|pair| pair.iter().all(|share| share.whole > 0)).for_each(|pair| sums.add(pair));
    (sums.weight > 0.0).then(|| sums.contrast(wilson))
}

#[derive(Debug, Default)]
struct Sums {
    weight: f64,
    /// Per group the weighted sum of rates.
    rates: [f64; 2],
    /// Per group the sum of w²/n.
    dilution: [f64; 2],
    /// Sato's P and Q.
    slope: f64,
    level: f64,
    /// Retained in the first group beyond what would be expected, and its variance.
    excess: f64,
    variance: f64,
    expected: [f64; 4],
}

impl Sums {
    fn add(&mut self, pair: [Share; 2]) {
        let [(s1, n1), (s2, n2)] = pair.map(Share::floats);
        let (all, part) = (n1 + n2, s1 + s2);
        let weight = n1 * n2 / all;
        self.weight += weight;
        for (group, (s, n)) in [(s1, n1), (s2, n2)].into_iter().enumerate() {
            self.rates[group] += weight * (s / n);
            self.dilution[group] += weight * weight / n;
        }
        self.slope += (n1 * n1 * s2 - n2 * n2 * s1 + n1 * n2 * (n2 - n1) / 2.0) / (all * all);
        self.level += (s1 * (n2 - s2) + s2 * (n1 - s1)) / (2.0 * all);
        // s1 - n1 m/N, so written that equal rates give 0 to the last bit.
        self.excess += (s1 * n2 - s2 * n1) / all;
        self.variance += weight * part * (all - part) / (all * (all - 1.0));
        self.expected.iter_mut().zip(expected(pair)).for_each(|(sum, count)| *sum += count);
    }

    fn contrast(&self, wilson: Wilson) -> Contrast {
        let rates = self.rates.map(|sum| sum / self.weight);
        let difference = (self.rates[0] - self.rates[1]) / self.weight;
        let around = [0, 1].map(|group| {
            let worth = self.weight * self.weight / self.dilution[group];
            wilson.around(rates[group] * worth, worth)
        });
        Contrast {
            difference,
            standard_error: (difference * self.slope + self.level).max(0.0).sqrt() / self.weight,
            interval: newcombe(rates, around),
            p_value: if self.variance > 0.0 { two_sided(self.excess / self.variance.sqrt()) } else { 1.0 },
            smallest_expected: self.expected.into_iter().fold(f64::INFINITY, f64::min),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::two_proportions;

    type Stratum = [(u64, u64); 2];

    fn contrast(strata: &[Stratum]) -> Option<Contrast> {
        let shares = strata.iter().map(|pair| pair.map(|(part, whole)| Share { part, whole }));
        mantel_haenszel(shares, Wilson::new(0.95).unwrap())
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * right.abs()
    }

    /// R 4.2.2, `mantelhaen.test(correct = FALSE)`: paperless billing no and yes by churn, over the three contracts of
    /// the Telco sample.
    #[test]
    fn golden() {
        let telco = [[(406, 1_289), (1_249, 2_586)], [(48, 673), (118, 800)], [(15, 910), (33, 785)]];
        let got = contrast(&telco).unwrap();
        assert!(near(got.p_value, 4.903_473_383_712_73e-30), "{got:?}");
    }

    /// Figures in whole numbers and fractions, worked apart from the code.
    #[test]
    fn by_hand() {
        let strata = [[(5, 10), (5, 30)], [(2, 4), (0, 3)], [(0, 6), (1, 2)]];
        let got = contrast(&strata).unwrap();
        assert!(near(got.difference, 73.0 / 300.0), "{got:?}");
        assert!(near(got.standard_error, (576_929.0_f64 / 27e6).sqrt()), "{got:?}");
        // One of 10 and 30: 10 x 10/40, then 4 x 2/7 and 6 x 1/8.
        assert!(near(got.smallest_expected, 2.5 + 8.0 / 7.0 + 0.75), "{got:?}");

        // One stratum is two proportions; but the test has N - 1 for N: 2.5² / (90000/(1600 x 39)) = 13/3.
        let shares = strata[0].map(|(part, whole)| Share { part, whole });
        let plain = two_proportions(shares, Wilson::new(0.95).unwrap()).unwrap();
        let got = contrast(&strata[..1]).unwrap();
        assert!(near(got.difference, plain.difference) && near(got.interval.lower, plain.interval.lower), "{got:?}");
        assert!(near(got.interval.upper, plain.interval.upper), "{got:?}");
        assert!(near(got.p_value, two_sided((13.0_f64 / 3.0).sqrt())), "{got:?}");

        assert_eq!(contrast(&[]), None);
        assert_eq!(contrast(&[[(0, 0), (1, 2)], [(3, 4), (0, 0)]]), None);
        let nobody = contrast(&[[(0, 3), (0, 4)], [(0, 2), (0, 5)]]).unwrap();
        assert_eq!((nobody.difference, nobody.p_value, nobody.standard_error), (0.0, 1.0, 0.0));
        assert!(nobody.interval.lower < -0.25 && nobody.interval.upper > 0.25, "{nobody:?}");
    }

    #[test]
    fn mixtures_do_not_deceive() {
        // Within either stratum the groups are alike, but the first group has more of the stratum in which people stay.
        let strata = [[(80, 100), (8, 10)], [(2, 20), (20, 200)]];
        let got = contrast(&strata).unwrap();
        assert_eq!((got.difference, got.p_value), (0.0, 1.0));
        let mixed = [Share { part: 82, whole: 120 }, Share { part: 28, whole: 210 }];
        assert!(two_proportions(mixed, Wilson::new(0.95).unwrap()).unwrap().p_value < 1e-20);
    }

    #[test]
    fn laws() {
        let strata: [Stratum; 4] = [[(5, 10), (5, 30)], [(2, 4), (0, 3)], [(0, 6), (1, 2)], [(7, 7), (0, 1)]];
        let got = contrast(&strata).unwrap();
        let swapped = contrast(&strata.map(|[first, second]| [second, first])).unwrap();
        assert_eq!((got.difference, got.p_value), (-swapped.difference, swapped.p_value));
        assert!(near(got.standard_error, swapped.standard_error));
        assert_eq!((got.interval.lower, got.interval.upper), (-swapped.interval.upper, -swapped.interval.lower));
        // Only strata with people of both groups speak.
        let mut lopsided = strata.to_vec();
        lopsided.extend([[(9, 9), (0, 0)], [(0, 0), (4, 8)]]);
        assert_eq!(contrast(&lopsided).unwrap(), got);
    }

    /// Few people in each stratum and few of them retained, where an interval made from the variance holds the truth in
    /// 71 % of cases.
    #[test]
    fn the_interval_covers() {
        let mut state = 7_u64;
        let mut binomial = |trials: u64, rate: f64| {
            (0..trials)
                .filter(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    f64::from(u32::try_from(state >> 32).unwrap()) < rate * f64::from(u32::MAX)
                })
                .count() as u64
        };
        for (sizes, rates, least) in [([2, 15], [0.05, 0.05], 0.94), ([5, 9], [0.3, 0.2], 0.94)] {
            let mut held = 0;
            for _ in 0..2_000 {
                let strata: Vec<Stratum> =
                    (0..12).map(|_| [0, 1].map(|group| (binomial(sizes[group], rates[group]), sizes[group]))).collect();
                let interval = contrast(&strata).unwrap().interval;
                held += u32::from((interval.lower..=interval.upper).contains(&(rates[0] - rates[1])));
            }
            let coverage = f64::from(held) / 2_000.0;
            assert!((least..0.985).contains(&coverage), "{sizes:?}: {coverage}");
        }
    }
}
