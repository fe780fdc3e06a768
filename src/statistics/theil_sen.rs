//! Whether a short series rises or falls, whatever the shape of its noise: Sen's slope and the test of Mann and Kendall.

use super::float;
use super::proportions::two_sided;
use super::{Interval, Wilson};

/// Longer series are refused: their slopes, one for each pair of points, are half a million and more.
pub(crate) const MOST_POINTS: usize = 1_000;

/// The slope of a series and whether it is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TheilSen {
    /// By how much the value changes while time goes by one.
    pub(crate) slope: f64,
    /// `None` where the points are too few for the level of confidence.
    pub(crate) interval: Option<Interval>,
    pub(crate) test: MannKendall,
}

/// A test of whether a series rises or falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MannKendall {
    /// Pairs that rise less those that fall.
    pub(crate) score: i32,
    /// Of the score if there is no trend, corrected for ties.
    pub(crate) variance: f64,
    /// The standard normal statistic, corrected for continuity; positive where the series rises.
    pub(crate) z: f64,
    /// Two-sided; 1 where all values are the same.
    pub(crate) p_value: f64,
}

/// Sen's slope with its interval, and the Mann-Kendall test, of values at rising times.
///
/// ```text
/// slope     median of (y(j) - y(i)) / (t(j) - t(i)) over the N pairs of points
/// score     S = sum of the signs of y(j) - y(i), i before j
/// variance  V = (n(n-1)(2n+5) - sum over groups of u equal values of u(u-1)(2u+5)) / 18
/// test      z = (S - sign of S) / √V
/// interval  the slopes of rank (N - z √V)/2 and 1 + (N + z √V)/2, rounded
/// ```
///
/// Up to almost a third of the values can be as far out as they please without carrying the slope away. Times need
/// not be evenly spaced: a week without a value is left out. The test takes values for independent: where a high week
/// makes the next one high it finds too much.
///
/// `None` with fewer than two points or more than [`MOST_POINTS`], which are refused and not sampled, where times do
/// not rise, and where a number is not finite. Values are equal when they are so to the last bit.
///
/// # References
///
/// P. K. Sen (1968), "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1379-1389; H. B. Mann
/// (1945), "Nonparametric tests against trend", Econometrica 13, 245-259; M. G. Kendall (1975), "Rank Correlation
/// Methods", 4th ed., for ties. scipy's `theilslopes` and pymannkendall's `original_test` give the same figures.
pub(crate) fn theil_sen(times: &[f64], values: &[f64], wilson: Wilson) -> Option<TheilSen> {
    let points = times.len();
    let sound = points == values.len()
        && (2..=MOST_POINTS).contains(&points)
        && times.iter().chain(values).all(|number| number.is_finite())
        && times.is_sorted_by(|before, after| before < after);
    if !sound {
        return None;
    }
    // Level pairs are only counted: in weeks without anything there are many of them.
    let (mut falls, mut level, mut rises) = (Vec::new(), 0_usize, Vec::new());
    for later in 1..points {
        let (value, time) = (values[later], times[later]);
        for (other, before) in values[..later].iter().zip(times) {
            let rise = value - other;
            if rise > 0.0 {
                rises.push(rise / (time - before));
            } else if rise < 0.0 {
                falls.push(rise / (time - before));
            } else {
                level += 1;
            }
        }
    }
    let count = falls.len() + level + rises.len();
    // No more than half a million pairs.
    let pairs = |slopes: &[f64]| i32::try_from(slopes.len()).unwrap_or(i32::MAX);
    let score = pairs(&rises) - pairs(&falls);
    let variance = variance(values);
    let error = variance.sqrt();
    let z = if score == 0 || error <= 0.0 { 0.0 } else { f64::from(score - score.signum()) / error };
    // A rank below the first is none.
    let below = place(((float(count as u64) - wilson.z() * error) / 2.0).round_ties_even());
    let falling = falls.len();
    // The slope that would stand at a place if all were in order.
    let mut nth = |place: usize| match place.checked_sub(falling) {
        None => *falls.select_nth_unstable_by(place, f64::total_cmp).1,
        Some(place) if place < level => 0.0,
        Some(place) => *rises.select_nth_unstable_by(place - level, f64::total_cmp).1,
    };
    let middle = (nth((count - 1) / 2), nth(count / 2));
    let interval = below.map(|below| Interval { lower: nth(below), upper: nth(count - 1 - below) });
    Some(TheilSen {
        slope: f64::midpoint(middle.0, middle.1),
        interval,
        test: MannKendall { score, variance, z, p_value: two_sided(z) },
    })
}

/// The place of so high a rank, counted from 0; `None` for ranks below the first.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to half a million")]
fn place(rank: f64) -> Option<usize> {
    (rank >= 1.0).then(|| rank as usize - 1)
}

/// Of the score of Mann and Kendall.
fn variance(values: &[f64]) -> f64 {
    let part = |count: usize| float(count as u64) * (float(count as u64) - 1.0) * (2.0 * float(count as u64) + 5.0);
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|one, other| one >= other).map(|equal| part(equal.len())).sum();
    (part(values.len()) - ties) / 18.0
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "laws that hold to the last bit")]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    fn wilson() -> Wilson {
        Wilson::new(0.95).unwrap()
    }

    fn of(values: &[f64]) -> Option<TheilSen> {
        let times: Vec<f64> = (0..values.len() as u64).map(float).collect();
        theil_sen(&times, values, wilson())
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-12 * (1.0 + right.abs())
    }

    /// pymannkendall 1.4.3, `original_test`, and scipy 1.17.1, `theilslopes(alpha=0.95, method="separate")`: committers of
    /// a month from git's log of cargo, buyers of a week from CDNOW's.
    #[test]
    fn golden() {
        let committers = [
            15, 17, 17, 20, 16, 21, 12, 14, 14, 14, 16, 18, 15, 11, 17, 13, 25, 22, 23, 14, 17, 14, 31, 29, 19, 21, 31,
            26, 26, 24, 23, 38, 15, 20, 30, 24, 30, 24, 32, 20, 25, 23, 22, 18, 19, 22, 23, 12,
        ];
        let buyers = [
            1102, 1718, 1880, 2128, 2386, 2750, 2469, 2572, 2901, 2955, 2912, 2726, 1372, 901, 855, 802, 716, 688, 612,
            667, 542, 566, 530, 532, 680, 876, 513, 472, 430, 793, 804, 436, 452, 474, 455, 410, 498, 542, 499, 444,
            492, 490, 597, 487, 638, 603, 543, 518, 616, 633, 480, 345, 401, 417, 421, 411, 414, 420, 419, 423, 588,
            601, 516, 638, 576, 415, 365, 440, 358, 461, 351, 409, 414, 420, 485, 501, 387, 338, 108,
        ];
        #[rustfmt::skip]
        let cases: [(&[i32], _, _, _, _, _); 5] = [
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 45, 125.0, (3.935_479_640_399_629_7, 8.303_070_332_638_107e-5), 1.0, (1.0, 1.0)),
            (&[5, 3, 3, 6, 2, 2, 2, 8, 9, 1, 4, 4], -1, 207.0, (0.0, 1.0), 0.0, (-1.0 / 3.0, 0.5)),
            (&[7; 8], 0, 0.0, (0.0, 1.0), 0.0, (0.0, 0.0)),
            (&committers, 329, 12_601.0, (2.921_940_297_197_884, 0.003_478_582_137_024_233), 0.186_342_592_592_592_6, (1.0 / 14.0, 0.3)),
            (&buyers, -1_791, 55_796.333_333_333_336, (-7.577_923_224_407_069, 3.508_304_757_815_494_7e-14), -8.129_032_258_064_516, (-11.6, -5.5)),
        ];
        for (values, score, variance, (z, p_value), slope, (lower, upper)) in cases {
            let got = of(&values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>()).unwrap();
            assert_eq!(got.test.score, score);
            assert!(near(got.test.variance, variance) && near(got.test.z, z), "{got:?}");
            // pymannkendall takes small p-values from 1.
            assert!((got.test.p_value - p_value).abs() <= 1e-9 * p_value + f64::EPSILON, "{got:?}");
            let interval = got.interval.unwrap();
            assert!(near(got.slope, slope) && near(interval.lower, lower) && near(interval.upper, upper), "{got:?}");
        }
    }

    #[test]
    fn edges() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[1.0]), None);
        assert_eq!(of(&[0.0; MOST_POINTS + 1]), None);
        assert_eq!(of(&[1.0, f64::NAN]), None);
        assert_eq!(of(&[1.0, f64::INFINITY, 2.0]), None);
        assert_eq!(theil_sen(&[0.0, 1.0], &[1.0], wilson()), None);
        assert_eq!(theil_sen(&[0.0, 0.0, 1.0], &[1.0, 2.0, 3.0], wilson()), None, "two values at one time");
        assert_eq!(theil_sen(&[1.0, 0.0], &[1.0, 2.0], wilson()), None);
        // Two and three points have a slope, but no end to what it may be.
        let two = of(&[1.0, 4.0]).unwrap();
        assert_eq!((two.slope, two.interval, two.test.score), (3.0, None, 1));
        assert_eq!(of(&[1.0, 4.0, 9.0]).unwrap().interval, None);
        assert!(of(&[1.0, 4.0, 9.0, 16.0, 25.0, 36.0]).unwrap().interval.is_some());
        assert!(of(&vec![0.0; MOST_POINTS]).is_some());
    }

    #[test]
    fn laws() {
        let mut random = SplitMix64::new(51);
        for points in [5, 8, 21, 60] {
            let values: Vec<f64> = (0..points).map(|_| f64::from(random.below(12))).collect();
            let got = of(&values).unwrap();
            let interval = got.interval.unwrap_or(Interval { lower: got.slope, upper: got.slope });
            assert!(interval.lower <= got.slope && got.slope <= interval.upper, "{got:?}");
            // Backwards, and upside down, what rises falls.
            let backwards: Vec<f64> = values.iter().rev().copied().collect();
            let turned: Vec<f64> = values.iter().map(|value| -value).collect();
            for other in [of(&backwards).unwrap(), of(&turned).unwrap()] {
                assert_eq!((other.test.score, other.test.z), (-got.test.score, -got.test.z));
                assert!(near(other.slope, -got.slope) && other.test.p_value == got.test.p_value);
                assert!(other.interval.is_none_or(|other| near(other.lower, -interval.upper)));
            }
            // A week left out of a straight line changes nothing; nor does one wild value, much.
            let straight: Vec<f64> = (0..points).map(|week| 3.0 - 2.0 * f64::from(week)).collect();
            let mut times: Vec<f64> = (0..points).map(f64::from).collect();
            let mut gap = straight.clone();
            times.remove(2);
            gap.remove(2);
            assert_eq!(theil_sen(&times, &gap, wilson()).unwrap().slope, -2.0);
            let mut wild = straight;
            wild[1] = 1e9;
            assert_eq!(of(&wild).unwrap().slope, -2.0);
        }
    }

    /// Noise without a trend: the test speaks in about one case of twenty, and the interval holds 0 in the others.
    #[test]
    fn under_chance() {
        let mut random = SplitMix64::new(52);
        let (mut found, mut held) = (0_u32, 0_u32);
        for _ in 0..2_000 {
            let values: Vec<f64> = (0..12).map(|_| random.uniform().powi(3)).collect();
            let got = of(&values).unwrap();
            found += u32::from(got.test.p_value < 0.05);
            held += u32::from(got.interval.is_some_and(|interval| interval.lower <= 0.0 && 0.0 <= interval.upper));
        }
        assert!((60..140).contains(&found) && (1_860..1_960).contains(&held), "{found} {held}");
    }
}
