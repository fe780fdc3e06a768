//! Two independent proportions side by side.

use statrs::function::erf::erfc;

use super::{Interval, Wilson};

/// Part of a whole: how many of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

/// What two shares, or two rows of shares, say about a difference: first less second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Contrast {
    pub(crate) difference: f64,
    pub(crate) standard_error: f64,
    pub(crate) interval: Interval,
    /// Two-sided.
    pub(crate) p_value: f64,
    /// The smallest of the four counts that would be expected if there were no difference.
    pub(crate) smallest_expected: f64,
}

impl Share {
    /// Both numbers as floats.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub(super) fn floats(self) -> (f64, f64) {
        (self.part as f64, self.whole as f64)
    }
}

/// The difference of two proportions; `None` where one of them has no denominator.
///
/// ```text
/// d = p1 - p2,  p = (s1 + s2) / (n1 + n2)
/// standard error  √(p1(1-p1)/n1 + p2(1-p2)/n2)
/// z = d / √(p(1-p)(1/n1 + 1/n2))                  p-value 1 where p is 0 or 1: nothing varies, nothing differs
/// ```
///
/// The test takes the pooled variance and no correction for continuity; the interval is [`newcombe`]'s.
pub(crate) fn two_proportions(shares: [Share; 2], wilson: Wilson) -> Option<Contrast> {
    let [first, second] = shares;
    let around = [wilson.interval(first.part, first.whole)?, wilson.interval(second.part, second.whole)?];
    let [(s1, n1), (s2, n2)] = shares.map(Share::floats);
    let (rates, pooled) = ([s1 / n1, s2 / n2], (s1 + s2) / (n1 + n2));
    let difference = rates[0] - rates[1];
    let variance = pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2);
    let spread = rates[0] * (1.0 - rates[0]) / n1 + rates[1] * (1.0 - rates[1]) / n2;
    Some(Contrast {
        difference,
        standard_error: spread.sqrt(),
        interval: newcombe(rates, around),
        p_value: if variance > 0.0 { two_sided(difference / variance.sqrt()) } else { 1.0 },
        smallest_expected: expected(shares).into_iter().fold(f64::INFINITY, f64::min),
    })
}

/// The counts inside and outside either part that would be expected if there were no difference.
pub(super) fn expected(shares: [Share; 2]) -> [f64; 4] {
    let [(s1, n1), (s2, n2)] = shares.map(Share::floats);
    let (part, all) = (s1 + s2, n1 + n2);
    let of = |whole: f64, part: f64| whole * part / all;
    [of(n1, part), of(n1, all - part), of(n2, part), of(n2, all - part)]
}

/// The hybrid-score interval of a difference, from the Wilson intervals of its two sides.
///
/// ```text
/// d - √((p1 - l1)² + (u2 - p2)²)  to  d + √((u1 - p1)² + (p2 - l2)²)
/// ```
///
/// It stays within -1 and 1 and has a width where nobody or everybody was retained on both sides.
///
/// # References
///
/// R. G. Newcombe (1998), "Interval estimation for the difference between independent proportions", Statistics in
/// Medicine 17, 873-890, method 10.
pub(super) fn newcombe(rates: [f64; 2], around: [Interval; 2]) -> Interval {
    let [(p1, first), (p2, second)] = [(rates[0], around[0]), (rates[1], around[1])];
    let length = |one: f64, other: f64| (one * one + other * other).sqrt();
    Interval {
        lower: (p1 - p2) - length(p1 - first.lower, second.upper - p2),
        upper: (p1 - p2) + length(first.upper - p1, p2 - second.lower),
    }
}

/// The chance that a standard normal number lies as far from 0.
pub(super) fn two_sided(z: f64) -> f64 {
    erfc(z.abs() * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "laws that hold to the last bit")]
mod tests {
    use super::*;

    fn contrast(s1: u64, n1: u64, s2: u64, n2: u64) -> Option<Contrast> {
        let shares = [Share { part: s1, whole: n1 }, Share { part: s2, whole: n2 }];
        two_proportions(shares, Wilson::new(0.95).unwrap())
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * right.abs()
    }

    /// statsmodels 0.15.0, `proportions_ztest` and `confint_proportions_2indep(method="newcomb")`.
    #[test]
    fn golden() {
        for (counts, difference, p_value, lower, upper) in [
            (
                [20_034, 44_700, 20_119, 45_489],
                0.005_905_169_787_341_458,
                0.074_409_655_296_919_13,
                -0.000_582_095_069_752_226,
                0.012_391_904_992_707_325,
            ),
            (
                [8_502, 44_700, 8_279, 45_489],
                0.008_201_298_315_205_913,
                0.001_554_249_975_614_329,
                0.003_121_302_688_761_28,
                0.013_281_940_871_914_845,
            ),
            (
                [7, 34, 1, 34],
                0.176_470_588_235_294_1,
                0.023_925_843_480_626_655,
                0.018_921_443_885_772_937,
                0.340_368_687_032_707_4,
            ),
            (
                [56, 70, 48, 80],
                0.200_000_000_000_000_07,
                0.008_045_081_368_196_56,
                0.052_431_472_402_364_98,
                0.333_872_654_036_906_14,
            ),
            (
                [1_655, 3_875, 166, 1_473],
                0.314_401_594_288_592_55,
                3.529_090_023_067_473_5e-104,
                0.291_276_334_377_871_15,
                0.336_176_739_091_009_9,
            ),
            ([0, 20, 3, 20], -0.15, 0.071_718_536_508_434_11, -0.360_418_864_740_756_96, 0.038_396_333_126_267_5),
            (
                [939, 3_488, 930, 3_555],
                0.007_605_340_068_904_065,
                0.469_833_941_142_655_4,
                -0.013_014_133_783_554_805,
                0.028_226_703_664_877_156,
            ),
        ] {
            let [s1, n1, s2, n2] = counts;
            let got = contrast(s1, n1, s2, n2).unwrap();
            assert!(near(got.difference, difference) && near(got.p_value, p_value), "{counts:?}: {got:?}");
            assert!(near(got.interval.lower, lower) && near(got.interval.upper, upper), "{counts:?}: {got:?}");
        }
    }

    #[test]
    fn by_hand() {
        // 10 of 40 are retained; of 10 and 30 that would be 2.5 and 7.5.
        let got = contrast(5, 10, 5, 30).unwrap();
        assert_eq!(got.smallest_expected, 2.5);
        assert!(near(got.standard_error, (0.25_f64 / 10.0 + 5.0 / 36.0 / 30.0).sqrt()));
        assert_eq!(contrast(0, 0, 1, 2), None);
        assert_eq!(contrast(1, 2, 0, 0), None);
        // Nobody or everybody on both sides: no sign of a difference, and an interval that admits one all the same.
        for (s1, s2) in [(0, 0), (3, 4)] {
            let got = contrast(s1, 3, s2, 4).unwrap();
            assert_eq!((got.difference, got.p_value), (0.0, 1.0));
            assert!(got.interval.lower < -0.3 && got.interval.upper > 0.3, "{got:?}");
        }
    }

    #[test]
    fn laws() {
        for n1 in [1, 2, 9, 40] {
            for (s1, n2, s2) in [(0, 7, 0), (n1 / 2, 7, 3), (n1, 50, 50), (n1, 3, 0), (n1 / 3, n1, n1 / 3)] {
                let (one, other) = (contrast(s1, n1, s2, n2).unwrap(), contrast(s2, n2, s1, n1).unwrap());
                assert_eq!((one.difference, one.p_value), (-other.difference, other.p_value));
                assert_eq!((one.interval.lower, one.interval.upper), (-other.interval.upper, -other.interval.lower));
                assert!((-1.0..=one.difference).contains(&one.interval.lower), "{one:?}");
                assert!((one.difference..=1.0).contains(&one.interval.upper), "{one:?}");
                if s1 * n2 == s2 * n1 {
                    assert_eq!((one.difference, one.p_value), (0.0, 1.0));
                }
            }
        }
    }
}
