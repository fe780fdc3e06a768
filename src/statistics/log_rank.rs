//! Do curves of several groups differ: the log-rank test from counts per time.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// A pivot below this share of its variance is nothing but rounding.
const ROUNDING: f64 = 1e-10;

/// The log-rank test: what each group lost, beside what it would be expected to lose if all groups were alike.
///
/// ```text
/// at each time, n people of whom n(g) in group g are at risk, d are lost
/// expected  E(g) = sum of d n(g)/n
/// variance  V(g,h) = sum of d (n-d)/(n-1) n(g)/n (1[g=h] - n(h)/n)
/// test      chi-square = (O-E)' V⁻ (O-E)
/// ```
///
/// With strata the sums go over the times of each stratum, in which only its own people are at risk.
///
/// # References
///
/// N. Mantel (1966), "Evaluation of survival data and two new rank order statistics arising in its consideration",
/// Cancer Chemotherapy Reports 50, 163-170; R. Peto and J. Peto (1972), "Asymptotically efficient rank invariant test
/// procedures", JRSS A 135, 185-207. R's `survdiff` gives the same figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRank {
    /// How many were lost, group by group.
    pub observed: Vec<u64>,
    /// How many would be expected to be lost if the groups were alike, group by group.
    pub expected: Vec<f64>,
    /// The statistic.
    pub chi_square: f64,
    /// Its degrees of freedom: one less than the groups that were at risk together with another.
    pub degrees_of_freedom: u32,
    /// The chance of a statistic as large if the groups are alike.
    pub p_value: f64,
}

/// The sums of a log-rank test, time by time.
#[derive(Debug)]
pub(crate) struct LogRankSums {
    observed: Vec<u64>,
    expected: Vec<f64>,
    /// Row by row.
    covariance: Vec<f64>,
}

impl LogRankSums {
    pub(crate) fn new(groups: usize) -> Self {
        Self { observed: vec![0; groups], expected: vec![0.0; groups], covariance: vec![0.0; groups * groups] }
    }

    /// Takes in one time of one stratum: how many of each group were at risk, and how many of these were lost.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub(crate) fn add(&mut self, at_risk: &[u64], lost: &[u64]) {
        let (n, d) = (at_risk.iter().sum::<u64>() as f64, lost.iter().sum::<u64>() as f64);
        if d <= 0.0 {
            return;
        }
        let groups = self.observed.len();
        // The last one at risk is lost without chance having a say.
        let spread = if n > 1.0 { d * (n - d) / (n - 1.0) } else { 0.0 };
        for group in 0..groups {
            let share = at_risk[group] as f64 / n;
            self.observed[group] += lost[group];
            self.expected[group] += d * at_risk[group] as f64 / n;
            let row = &mut self.covariance[group * groups..(group + 1) * groups];
            for (cell, &other) in row.iter_mut().zip(at_risk) {
                *cell -= spread * share * (other as f64 / n);
            }
            row[group] += spread * share;
        }
    }

    /// The test; `None` if nobody was lost while people of two groups were at risk.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub(crate) fn test(self) -> Option<LogRank> {
        let Self { observed, expected, covariance } = self;
        let excess = observed.iter().zip(&expected).map(|(&o, &e)| o as f64 - e).collect();
        let (chi_square, degrees_of_freedom) = quadratic_form(excess, covariance);
        let p_value = ChiSquared::new(f64::from(degrees_of_freedom)).ok()?.sf(chi_square);
        Some(LogRank { observed, expected, chi_square, degrees_of_freedom, p_value })
    }
}

/// `x' V⁻ x` of groups whose excesses add up to 0, and the rank of their covariance, which is given row by row.
///
/// The covariance has no inverse. Elimination that passes over the pivots without variance leaves the statistic that any
/// generalised inverse gives, and counts the degrees of freedom.
pub(super) fn quadratic_form(mut excess: Vec<f64>, mut matrix: Vec<f64>) -> (f64, u32) {
    let groups = excess.len();
    let variances: Vec<f64> = (0..groups).map(|group| matrix[group * groups + group]).collect();
    let (mut chi_square, mut degrees_of_freedom) = (0.0, 0);
    for pivot in 0..groups {
        let variance = matrix[pivot * groups + pivot];
        if variance <= ROUNDING * variances[pivot] {
            continue;
        }
        chi_square += excess[pivot] * excess[pivot] / variance;
        degrees_of_freedom += 1;
        for row in pivot + 1..groups {
            let factor = matrix[row * groups + pivot] / variance;
            excess[row] -= factor * excess[pivot];
            for column in pivot + 1..groups {
                matrix[row * groups + column] -= factor * matrix[pivot * groups + column];
            }
        }
    }
    (chi_square, degrees_of_freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At risk and lost, group by group, at the times of loss of each stratum.
    fn test<const N: usize>(groups: usize, strata: &[&[[u64; N]]]) -> Option<LogRank> {
        let mut sums = LogRankSums::new(groups);
        strata.iter().copied().flatten().for_each(|time| sums.add(&time[..groups], &time[groups..]));
        sums.test()
    }

    fn check(got: &LogRank, observed: &[u64], expected: &[f64], chi_square: f64, p_value: f64) {
        let near = |left: f64, right: f64| (left - right).abs() <= 1e-9 * right.abs();
        assert_eq!(got.observed, observed);
        assert!(got.expected.iter().zip(expected).all(|(&got, &expected)| near(got, expected)), "{got:?}");
        assert_eq!(got.degrees_of_freedom as usize, observed.len() - 1);
        assert!(near(got.chi_square, chi_square), "{got:?}");
        assert!(near(got.p_value, p_value), "{got:?}");
    }

    /// R 4.2.2, survival 3.5-3, `survdiff(Surv(t, status) ~ Rx)`: remissions of leukaemia, from lifelines 0.30.3.
    #[test]
    fn two_groups() {
        #[rustfmt::skip]
        const TIMES: [[u64; 4]; 17] = [
            [21, 21, 0, 2], [21, 19, 0, 2], [21, 17, 0, 1], [21, 16, 0, 2], [21, 14, 0, 2], [21, 12, 3, 0], [17, 12, 1, 0],
            [16, 12, 0, 4], [15, 8, 1, 0], [13, 8, 0, 2], [12, 6, 0, 2], [12, 4, 1, 0], [11, 4, 0, 1], [11, 3, 1, 0],
            [10, 3, 0, 1], [7, 2, 1, 1], [6, 1, 1, 1],
        ];
        let expected = [19.250_500_948_031_1, 10.749_499_051_968_9];
        let got = test(2, &[&TIMES]).unwrap();
        check(&got, &[9, 21], &expected, 16.792_940_989_216_5, 4.168_809_109_334_53e-5);
    }

    /// The same of the Telco sample by the four ways to pay, in months of tenure.
    #[test]
    fn four_groups_in_grouped_time() {
        #[rustfmt::skip]
        const TIMES: [[u64; 8]; 72] = [
            [1542, 1521, 2365, 1604, 19, 11, 221, 129], [1506, 1491, 2075, 1347, 13, 13, 74, 23],
            [1483, 1467, 1960, 1271, 6, 13, 55, 20], [1471, 1445, 1867, 1198, 12, 6, 50, 15],
            [1455, 1426, 1781, 1143, 6, 6, 37, 15], [1443, 1408, 1720, 1101, 7, 5, 24, 4],
            [1430, 1391, 1679, 1062, 7, 4, 28, 12], [1410, 1382, 1624, 1015, 5, 5, 28, 4],
            [1388, 1364, 1574, 982, 8, 5, 24, 9], [1374, 1349, 1522, 944, 4, 6, 30, 5],
            [1361, 1329, 1475, 908, 6, 5, 18, 2], [1343, 1313, 1431, 887, 10, 2, 17, 9],
            [1315, 1297, 1387, 858, 2, 3, 28, 5], [1303, 1283, 1335, 827, 2, 3, 17, 2],
            [1293, 1270, 1302, 807, 7, 6, 20, 4], [1277, 1255, 1262, 779, 3, 7, 15, 3],
            [1261, 1237, 1232, 763, 4, 2, 16, 4], [1245, 1222, 1204, 735, 3, 4, 15, 2],
            [1233, 1200, 1169, 707, 2, 4, 12, 1], [1221, 1186, 1145, 684, 1, 2, 13, 2],
            [1207, 1173, 1121, 664, 4, 0, 12, 1], [1194, 1168, 1096, 644, 6, 4, 14, 3],
            [1172, 1154, 1067, 619, 2, 1, 9, 1], [1153, 1137, 1041, 596, 3, 6, 13, 1],
            [1138, 1116, 1007, 572, 6, 2, 11, 4], [1120, 1101, 980, 553, 2, 0, 13, 0], [1103, 1077, 953, 542, 3, 2, 7, 1],
            [1086, 1061, 934, 522, 2, 2, 7, 1], [1073, 1051, 914, 508, 3, 3, 9, 0], [1063, 1036, 887, 488, 3, 4, 8, 1],
            [1045, 1017, 864, 476, 1, 3, 10, 2], [1034, 1002, 836, 465, 5, 5, 9, 0], [1015, 987, 814, 452, 1, 2, 8, 3],
            [999, 972, 794, 439, 0, 2, 7, 3], [987, 959, 770, 423, 2, 3, 9, 1], [967, 945, 735, 404, 1, 1, 7, 1],
            [956, 928, 723, 394, 4, 2, 9, 0], [940, 914, 699, 383, 3, 5, 4, 1], [929, 898, 682, 368, 1, 4, 8, 1],
            [917, 885, 663, 356, 2, 4, 6, 1], [905, 866, 645, 341, 5, 1, 8, 0], [879, 856, 621, 331, 3, 3, 7, 1],
            [867, 838, 595, 322, 2, 2, 9, 2], [853, 820, 571, 313, 1, 0, 3, 2], [839, 810, 555, 302, 0, 4, 2, 0],
            [817, 792, 544, 292, 4, 2, 6, 0], [798, 774, 521, 278, 4, 1, 8, 1], [782, 760, 497, 264, 2, 3, 1, 3],
            [762, 737, 487, 253, 5, 4, 5, 1], [741, 714, 471, 247, 2, 1, 7, 0], [720, 697, 451, 237, 1, 1, 6, 0],
            [700, 677, 433, 227, 2, 1, 5, 0], [679, 657, 412, 209, 6, 2, 6, 0], [657, 641, 392, 197, 4, 4, 5, 0],
            [632, 624, 374, 189, 2, 0, 7, 0], [618, 607, 349, 181, 3, 2, 5, 0], [593, 586, 327, 169, 3, 1, 4, 0],
            [573, 572, 305, 160, 3, 3, 5, 0], [557, 544, 289, 153, 3, 0, 4, 1], [547, 528, 268, 140, 0, 0, 6, 0],
            [523, 512, 240, 132, 0, 2, 5, 1], [499, 494, 219, 119, 0, 0, 5, 0], [473, 472, 202, 114, 1, 0, 3, 0],
            [455, 443, 189, 102, 0, 3, 1, 0], [433, 418, 173, 85, 4, 1, 4, 0], [406, 395, 154, 78, 1, 9, 3, 0],
            [372, 364, 138, 70, 1, 5, 4, 0], [337, 332, 120, 57, 3, 1, 5, 0], [299, 296, 101, 50, 4, 2, 2, 0],
            [261, 257, 93, 40, 4, 4, 3, 0], [217, 211, 73, 31, 2, 2, 2, 0], [160, 145, 40, 17, 2, 1, 3, 0],
        ];
        let expected = [512.151_428_758_375, 501.716_924_209_481, 527.838_094_137_703, 327.293_552_894_441];
        let got = test(4, &[&TIMES]).unwrap();
        check(&got, &[258, 232, 1_071, 308], &expected, 865.239_463_132_398, 3.066_529_222_950_24e-187);
    }

    /// The same with `strata(ph.ecog)`: lung cancer by sex, the numbers at risk in R's `survival::lung`.
    #[test]
    fn strata() {
        #[rustfmt::skip]
        const STRATA: [&[[u64; 4]]; 4] = [
            &[
                [36, 27, 0, 1], [36, 26, 1, 0], [35, 26, 1, 0], [34, 26, 1, 0], [33, 26, 1, 0], [32, 26, 1, 0],
                [31, 26, 0, 1], [31, 25, 1, 0], [30, 25, 0, 1], [30, 23, 1, 0], [29, 23, 1, 0], [27, 23, 0, 1],
                [26, 18, 1, 0], [24, 16, 1, 0], [22, 14, 1, 0], [21, 14, 1, 0], [19, 13, 1, 0], [18, 12, 1, 0],
                [17, 11, 1, 0], [16, 11, 0, 1], [16, 10, 0, 1], [16, 9, 0, 1], [16, 8, 2, 0], [14, 8, 1, 0], [13, 6, 1, 0],
                [12, 6, 1, 0], [11, 6, 0, 1], [11, 5, 1, 0], [9, 5, 1, 0], [8, 4, 1, 0], [7, 3, 1, 0], [6, 2, 1, 0],
                [5, 2, 1, 0], [4, 2, 0, 1], [4, 1, 1, 0], [2, 0, 1, 0],
            ],
            &[
                [71, 42, 1, 0], [70, 42, 1, 0], [69, 42, 1, 0], [68, 42, 1, 1], [67, 41, 0, 1], [67, 40, 0, 1],
                [67, 39, 2, 0], [65, 39, 1, 0], [64, 39, 1, 0], [63, 39, 1, 0], [62, 39, 1, 0], [61, 39, 1, 0],
                [60, 39, 1, 0], [59, 39, 1, 0], [58, 39, 1, 0], [57, 39, 1, 0], [56, 39, 1, 0], [55, 39, 0, 1],
                [55, 38, 1, 0], [54, 38, 2, 0], [52, 38, 0, 1], [52, 37, 1, 0], [50, 36, 1, 0], [49, 35, 2, 0],
                [47, 35, 2, 0], [45, 35, 0, 1], [44, 34, 0, 1], [43, 32, 0, 1], [42, 31, 1, 0], [40, 31, 1, 0],
                [39, 30, 1, 0], [38, 30, 1, 0], [37, 30, 1, 0], [34, 30, 1, 0], [32, 30, 0, 1], [32, 29, 1, 0],
                [31, 29, 1, 0], [29, 29, 1, 0], [28, 28, 0, 1], [28, 27, 0, 1], [28, 26, 1, 0], [27, 26, 1, 0],
                [25, 25, 1, 0], [24, 25, 1, 0], [23, 25, 0, 1], [23, 23, 1, 0], [20, 23, 0, 1], [20, 22, 1, 0],
                [19, 22, 1, 0], [18, 22, 0, 1], [18, 20, 1, 1], [17, 19, 1, 0], [16, 18, 0, 1], [16, 16, 1, 0],
                [13, 16, 0, 1], [13, 15, 1, 0], [12, 15, 0, 1], [12, 14, 1, 0], [10, 14, 1, 0], [9, 14, 0, 1],
                [9, 13, 1, 0], [8, 12, 1, 0], [7, 12, 0, 1], [7, 11, 0, 1], [7, 9, 0, 1], [7, 8, 1, 0], [6, 8, 1, 0],
                [5, 8, 1, 0], [4, 8, 1, 0], [3, 8, 0, 1], [3, 7, 0, 1], [3, 6, 1, 0], [2, 6, 0, 1], [2, 5, 0, 1],
                [2, 4, 0, 1], [2, 2, 0, 1],
            ],
            &[
                [29, 21, 1, 0], [28, 21, 1, 0], [27, 21, 1, 0], [26, 21, 1, 0], [25, 21, 1, 0], [24, 21, 1, 0],
                [23, 21, 1, 0], [22, 21, 0, 1], [22, 20, 1, 0], [21, 20, 1, 0], [20, 19, 1, 0], [19, 19, 0, 1],
                [19, 18, 1, 0], [18, 17, 0, 1], [18, 16, 0, 1], [18, 15, 1, 0], [17, 15, 0, 1], [17, 14, 0, 1],
                [17, 13, 1, 0], [16, 13, 1, 0], [15, 13, 1, 0], [14, 13, 1, 0], [13, 13, 1, 0], [12, 13, 1, 0],
                [11, 13, 0, 1], [11, 12, 0, 1], [11, 11, 0, 1], [11, 9, 1, 0], [10, 9, 1, 0], [9, 9, 0, 1], [9, 8, 0, 1],
                [9, 7, 1, 0], [8, 7, 1, 0], [6, 7, 0, 1], [6, 6, 1, 0], [5, 6, 0, 1], [5, 5, 0, 1], [5, 4, 1, 0],
                [4, 4, 0, 1], [4, 2, 1, 0], [3, 2, 1, 0], [2, 1, 0, 1], [2, 0, 1, 0], [1, 0, 1, 0],
            ],
            &[
                [1, 0, 1, 0],
            ],
        ];
        let got = test(2, &STRATA).unwrap();
        let expected = [90.641_022_663_654_9, 73.358_977_336_345_2];
        check(&got, &[111, 53], &expected, 10.795_059_633_496_4, 0.001_017_713_344_724_15);
    }

    #[test]
    fn by_hand() {
        // Of 3 and 3 the second group loses all: 1.5 expected of each, variance 3 (6-3)/5 x 1/4 = 0.45.
        let got = test(2, &[&[[3, 3, 0, 3]]]).unwrap();
        check(&got, &[0, 3], &[1.5, 1.5], 5.0, 0.025_347_318_677_468_33);
        // A time at which only one group is at risk, or nobody is lost, changes nothing but the counts.
        let more = test(2, &[&[[3, 3, 0, 3], [3, 0, 2, 0], [9, 9, 0, 0]]]).unwrap();
        check(&more, &[2, 3], &[3.5, 1.5], 5.0, 0.025_347_318_677_468_33);
        // All are lost at once: chance has no say.
        assert_eq!(test(2, &[&[[3, 2, 3, 2]]]), None);
        assert_eq!(test(2, &[&[[3, 0, 1, 0], [0, 1, 0, 1]]]), None);
        assert_eq!(test::<4>(2, &[&[]]), None);
        // Alike to the last bit.
        check(&test(2, &[&[[4, 4, 1, 1], [3, 3, 2, 2]]]).unwrap(), &[3, 3], &[3.0, 3.0], 0.0, 1.0);
    }

    #[test]
    fn degrees_of_freedom_are_those_that_were_at_risk_together() {
        // A third group nobody of which was ever at risk.
        let with_nobody = test(3, &[&[[3, 3, 0, 0, 3, 0]]]).unwrap();
        assert_eq!(with_nobody.degrees_of_freedom, 1);
        assert!((with_nobody.chi_square - 5.0).abs() < 1e-12);
        // Two pairs that never met: their statistics add up.
        let pairs = test(4, &[&[[3, 3, 0, 0, 0, 3, 0, 0], [0, 0, 3, 3, 0, 0, 3, 0]]]).unwrap();
        assert_eq!(pairs.degrees_of_freedom, 2);
        assert!((pairs.chi_square - 10.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_groups_makes_no_difference() {
        let times = [[30, 2, 11, 3, 1, 2], [27, 1, 9, 3, 0, 1], [20, 1, 7, 9, 1, 0]];
        let turned = times.map(|[a, b, c, x, y, z]| [c, a, b, z, x, y]);
        let (one, other) = (test(3, &[&times]).unwrap(), test(3, &[&turned]).unwrap());
        assert!((one.chi_square - other.chi_square).abs() < 1e-12 && one.degrees_of_freedom == 2);
    }
}
