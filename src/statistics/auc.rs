//! How well a score tells those who will leave from those who stay: the area under the ROC curve, of people seen often.

use super::float;
use super::proportions::two_sided;
use super::{Interval, Wilson};

/// What became of each observation, and whose it is: an account at several dates is one cluster.
///
/// Made once and asked for each of many scores of the same observations.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes<'a> {
    positive: &'a [bool],
    clusters: &'a [u32],
    /// Negative and positive observations of each cluster.
    counts: Vec<[u32; 2]>,
    /// Negative and positive observations.
    all: [u64; 2],
    /// Clusters with negative ones, with positive ones, and with any.
    with: [u64; 3],
}

/// The area under the ROC curve of one score.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    /// The chance that a positive observation has a higher score than a negative one; ties count half.
    pub(crate) area: f64,
    /// `None` with fewer than two clusters that have positive, or negative, observations.
    pub(crate) standard_error: Option<f64>,
    /// What the negative and the positive observations of each cluster add to the area beyond its expectation.
    parts: Vec<[f64; 2]>,
    /// The fewer of the clusters with positive and with negative observations.
    fewer: u64,
}

/// The area of one score less that of another, of the same observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AreaDifference {
    pub(crate) difference: f64,
    pub(crate) standard_error: f64,
    pub(crate) interval: Interval,
    /// Two-sided.
    pub(crate) p_value: f64,
}

impl<'a> Outcomes<'a> {
    /// Clusters are numbered from 0 to one less than `clusters.1`. `None` where the slices differ in length, a number
    /// lies beyond, or there are no positive or no negative observations.
    pub(crate) fn new(positive: &'a [bool], clusters: (&'a [u32], usize)) -> Option<Self> {
        let (clusters, count) = clusters;
        if positive.len() != clusters.len() || u32::try_from(positive.len()).is_err() {
            return None;
        }
        let mut counts = vec![[0_u32; 2]; count];
        for (&positive, &cluster) in positive.iter().zip(clusters) {
            counts.get_mut(cluster as usize)?[usize::from(positive)] += 1;
        }
        let (mut all, mut with) = ([0_u64; 2], [0_u64; 3]);
        for own in &counts {
            for side in 0..2 {
                all[side] += u64::from(own[side]);
                with[side] += u64::from(own[side] > 0);
            }
            with[2] += u64::from(own[0] + own[1] > 0);
        }
        (all[0] > 0 && all[1] > 0).then_some(Self { positive, clusters, counts, all, with })
    }

    /// The area under the ROC curve of a score, with a variance that takes observations of one cluster for dependent;
    /// `None` where a score is not a number, or there are not as many as observations.
    ///
    /// ```text
    /// of M positive and N negative observations, those of cluster i being m(i) and n(i)
    /// V(x) of a positive    share of the negatives below its score, ties half
    /// V(y) of a negative    share of the positives above its score, ties half
    /// area      θ = mean of V(x) = mean of V(y)
    /// parts     a(i) = (sum of V(x) in i - m(i) θ) / M,   b(i) = (sum of V(y) in i - n(i) θ) / N
    /// variance  I₁/(I₁-1) Σ a² + I₀/(I₀-1) Σ b² + 2 I/(I-1) Σ a b
    /// ```
    ///
    /// I₁, I₀ and I are the clusters with positive, with negative and with any observations. Where each observation is
    /// a cluster of its own this is DeLong's variance; where accounts come up at many dates that one is far too small.
    ///
    /// One sort of 16 bytes an observation; two numbers for each cluster are kept, to compare the score with others.
    ///
    /// # References
    ///
    /// N. A. Obuchowski (1997), "Nonparametric analysis of clustered ROC curve data", Biometrics 53, 567-578; E. R.
    /// DeLong, D. M. DeLong and D. L. Clarke-Pearson (1988), "Comparing the areas under two or more correlated receiver
    /// operating characteristic curves: a nonparametric approach", Biometrics 44, 837-845.
    pub(crate) fn area(&self, scores: &[f64]) -> Option<Area> {
        if scores.len() != self.positive.len() || scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let mut order: Vec<(u64, u32)> = scores.iter().map(|&score| rank_key(score)).zip(0..).collect();
        order.sort_unstable();
        let mut parts = vec![[0.0; 2]; self.counts.len()];
        let [negatives, positives] = self.all;
        // Of each observation twice what it outranks, or is outranked by: ties count one.
        let (mut below, mut twice) = ([0_u64; 2], 0);
        for tied in order.chunk_by(|one, other| one.0 == other.0) {
            let row = |&(_, row): &(u64, u32)| (self.positive[row as usize], self.clusters[row as usize] as usize);
            let positive = tied.iter().filter(|&tied| row(tied).0).count() as u64;
            let own = [tied.len() as u64 - positive, positive];
            let outranks = [2 * (positives - below[1]) - own[1], 2 * below[0] + own[0]];
            for (side, cluster) in tied.iter().map(row).map(|(positive, cluster)| (usize::from(positive), cluster)) {
                parts[cluster][side] += float(outranks[side]);
            }
            twice += own[1] * outranks[1];
            below = [below[0] + own[0], below[1] + own[1]];
        }
        let pairs = float(negatives) * float(positives);
        let area = float(twice) / 2.0 / pairs;
        for (part, own) in parts.iter_mut().zip(&self.counts) {
            for side in 0..2 {
                part[side] = part[side] / 2.0 / pairs - f64::from(own[side]) * area / float(self.all[side]);
            }
        }
        let variance = self.covariance(&parts, &parts);
        let fewer = self.with[0].min(self.with[1]);
        Some(Area { area, standard_error: variance.map(|variance| variance.max(0.0).sqrt()), parts, fewer })
    }

    /// `None` where a side has but one cluster.
    fn covariance(&self, one: &[[f64; 2]], other: &[[f64; 2]]) -> Option<f64> {
        let [negatives, positives, both] =
            self.with.map(|clusters| (clusters > 1).then(|| float(clusters) / float(clusters - 1)));
        let (mut squares, mut products) = ([0.0; 2], 0.0);
        for (one, other) in one.iter().zip(other) {
            squares[0] += one[0] * other[0];
            squares[1] += one[1] * other[1];
            products += one[0] * other[1] + one[1] * other[0];
        }
        Some(negatives? * squares[0] + positives? * squares[1] + both? * products)
    }

    /// One area less the other; `None` where either has no standard error, or the two do not vary against each other:
    /// the same score twice, or two that are both without a fault.
    ///
    /// ```text
    /// variance of the difference = variance of one + variance of the other - 2 covariance
    /// ```
    ///
    /// The covariance has the products of the two scores' parts where the variance has squares. The interval is the
    /// normal one, cut off at -1 and 1.
    pub(crate) fn difference(&self, one: &Area, other: &Area, wilson: Wilson) -> Option<AreaDifference> {
        let parts = one.parts.iter().zip(&other.parts);
        let against: Vec<[f64; 2]> = parts.map(|(one, other)| [one[0] - other[0], one[1] - other[1]]).collect();
        let standard_error = self.covariance(&against, &against)?.sqrt();
        let difference = one.area - other.area;
        let spread = wilson.z() * standard_error;
        let interval = Interval { lower: (difference - spread).max(-1.0), upper: (difference + spread).min(1.0) };
        // What is left of equal parts after rounding.
        (standard_error > 1e-12).then(|| AreaDifference {
            difference,
            standard_error,
            interval,
            p_value: two_sided(difference / standard_error),
        })
    }
}

impl Area {
    /// The interval on the scale of log odds, which stays between 0 and 1; `None` without a standard error.
    ///
    /// ```text
    /// log(θ/(1-θ)) ± z SE / (θ(1-θ))
    /// ```
    ///
    /// A score without a fault, or with nothing but faults, shows no variation. Its interval is Wilson's, of as many
    /// trials as the fewer of the clusters with positive and with negative observations, all or none of them successes.
    pub(crate) fn interval(&self, wilson: Wilson) -> Option<Interval> {
        let (area, error) = (self.area, self.standard_error?);
        let odds = area / (1.0 - area);
        if !(area > 0.0 && area < 1.0) {
            let trials = float(self.fewer);
            return Some(wilson.around(area * trials, trials));
        }
        let factor = (wilson.z() * error / (area * (1.0 - area))).exp();
        let share = |odds: f64| odds / (1.0 + odds);
        Some(Interval { lower: share(odds / factor), upper: 1.0 - share(1.0 / (odds * factor)) })
    }
}

/// A number that grows as the score does; 0 and -0 have the same.
fn rank_key(score: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = (score + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    struct Sample {
        positive: Vec<bool>,
        clusters: Vec<u32>,
        scores: [Vec<f64>; 2],
        count: usize,
    }

    impl Sample {
        /// So many clusters of up to so many observations, which share part of two coarse scores.
        fn draw(random: &mut SplitMix64, count: u32, most: u32, mixed: bool) -> Self {
            let mut sample =
                Self { positive: vec![], clusters: vec![], scores: [vec![], vec![]], count: count as usize };
            for cluster in 0..count {
                let (own, fate) = (random.uniform() * 4.0, random.uniform() < 0.4);
                for _ in 0..=random.below(most) {
                    let positive = if mixed { random.uniform() < 0.4 } else { fate };
                    sample.positive.push(positive);
                    sample.clusters.push(cluster);
                    let base = own + if positive { 1.0 } else { 0.0 };
                    sample.scores[0].push((base + random.uniform() * 3.0).floor());
                    sample.scores[1].push((base + random.uniform() * 6.0).floor());
                }
            }
            sample
        }

        fn outcomes(&self) -> Outcomes<'_> {
            Outcomes::new(&self.positive, (&self.clusters, self.count)).unwrap()
        }

        /// V of every observation, pair by pair.
        fn placements(&self, score: usize) -> Vec<f64> {
            let scores = &self.scores[score];
            let mean = |row: usize| {
                let others: Vec<usize> =
                    (0..scores.len()).filter(|&other| self.positive[other] != self.positive[row]).collect();
                let beats = |other: usize| {
                    let (high, low) = if self.positive[row] { (row, other) } else { (other, row) };
                    f64::midpoint(
                        f64::from(u8::from(scores[high] > scores[low])),
                        f64::from(u8::from(scores[high] >= scores[low])),
                    )
                };
                others.iter().map(|&other| beats(other)).sum::<f64>() / float(others.len() as u64)
            };
            (0..scores.len()).map(mean).collect()
        }

        fn area(&self, placements: &[f64]) -> f64 {
            let positive: Vec<f64> =
                (0..placements.len()).filter(|&r| self.positive[r]).map(|r| placements[r]).collect();
            positive.iter().sum::<f64>() / float(positive.len() as u64)
        }

        /// Obuchowski's covariance of two scores, as the paper writes it: S10/M + S01/N + (S11 + S11')/(M N).
        fn obuchowski(&self, one: usize, other: usize) -> f64 {
            let placements = [one, other].map(|score| self.placements(score));
            let areas = [self.area(&placements[0]), self.area(&placements[1])];
            let excess = |which: usize, cluster: u32, side: bool| {
                let own = (0..self.positive.len())
                    .filter(|&row| self.clusters[row] == cluster && self.positive[row] == side)
                    .map(|row| placements[which][row] - areas[which]);
                (own.clone().count() > 0).then(|| own.sum::<f64>())
            };
            let total = |side: bool| float(self.positive.iter().filter(|&&positive| positive == side).count() as u64);
            let s = |first: bool, second: bool| {
                let terms: Vec<f64> = (0..u32::try_from(self.count).unwrap())
                    .filter(|&cluster| first != second || excess(0, cluster, first).is_some())
                    .map(|cluster| excess(0, cluster, first).unwrap_or(0.0) * excess(1, cluster, second).unwrap_or(0.0))
                    .collect();
                let clusters = float(terms.len() as u64);
                clusters / (clusters - 1.0) * terms.iter().sum::<f64>()
            };
            let (m, n) = (total(true), total(false));
            s(true, true) / (m * m) + s(false, false) / (n * n) + (s(true, false) + s(false, true)) / (m * n)
        }
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-11
    }

    /// Positives 3, 2, 2 against negatives 1, 2: of six pairs four are in order and two are ties.
    #[test]
    fn by_hand() {
        let positive = [true, false, true, false, true];
        let scores = [3.0, 1.0, 2.0, 2.0, 2.0];
        let outcomes = Outcomes::new(&positive, (&[0, 1, 2, 3, 4], 5)).unwrap();
        let area = outcomes.area(&scores).unwrap();
        assert!(near(area.area, 5.0 / 6.0), "{area:?}");
        // V of the positives 1, 3/4, 3/4 and of the negatives 1, 2/3: 1/48 over 3 and 1/18 over 2.
        assert!(near(area.standard_error.unwrap(), (1.0_f64 / 144.0 + 1.0 / 36.0).sqrt()), "{area:?}");
    }

    #[test]
    fn pair_by_pair() {
        let mut random = SplitMix64::new(21);
        for (most, mixed) in [(1, true), (4, true), (4, false), (9, true)] {
            let sample = Sample::draw(&mut random, 25, most, mixed);
            let outcomes = sample.outcomes();
            let [one, other] = [0, 1].map(|score| outcomes.area(&sample.scores[score]).unwrap());
            for (score, area) in [&one, &other].into_iter().enumerate() {
                assert!(near(area.area, sample.area(&sample.placements(score))), "{area:?}");
                assert!(near(area.standard_error.unwrap().powi(2), sample.obuchowski(score, score)), "{area:?}");
            }
            let got = outcomes.difference(&one, &other, Wilson::new(0.95).unwrap()).unwrap();
            let variance = sample.obuchowski(0, 0) + sample.obuchowski(1, 1) - 2.0 * sample.obuchowski(0, 1);
            assert!(near(got.difference, one.area - other.area), "{got:?}");
            assert!(near(got.standard_error.powi(2), variance), "{got:?} {variance}");
        }
    }

    /// Each observation a cluster of its own: the two variances of the placements, each over its number.
    #[test]
    fn delong() {
        let mut sample = Sample::draw(&mut SplitMix64::new(22), 40, 3, true);
        sample.clusters = (0..).take(sample.positive.len()).collect();
        sample.count = sample.positive.len();
        let placements = sample.placements(0);
        let part = |side: bool| {
            let own: Vec<f64> =
                (0..sample.count).filter(|&row| sample.positive[row] == side).map(|row| placements[row]).collect();
            let (count, mean) = (float(own.len() as u64), own.iter().sum::<f64>() / float(own.len() as u64));
            own.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0) / count
        };
        let got = sample.outcomes().area(&sample.scores[0]).unwrap();
        assert!(near(got.standard_error.unwrap().powi(2), part(true) + part(false)), "{got:?}");
    }

    /// One cluster left out at a time tells the same, roughly; taking observations for independent does not.
    #[test]
    fn jackknife() {
        let sample = Sample::draw(&mut SplitMix64::new(23), 200, 8, false);
        let without: Vec<f64> = (0..200_u32)
            .map(|left_out| {
                let rows: Vec<usize> =
                    (0..sample.positive.len()).filter(|&row| sample.clusters[row] != left_out).collect();
                let positive: Vec<bool> = rows.iter().map(|&row| sample.positive[row]).collect();
                let clusters: Vec<u32> = rows.iter().map(|&row| sample.clusters[row]).collect();
                let scores: Vec<f64> = rows.iter().map(|&row| sample.scores[0][row]).collect();
                Outcomes::new(&positive, (&clusters, 200)).unwrap().area(&scores).unwrap().area
            })
            .collect();
        let mean = without.iter().sum::<f64>() / 200.0;
        let jackknife = (without.iter().map(|area| (area - mean).powi(2)).sum::<f64>() * 199.0 / 200.0).sqrt();
        let got = sample.outcomes().area(&sample.scores[0]).unwrap().standard_error.unwrap();
        assert!((got / jackknife - 1.0).abs() < 0.03, "{got} {jackknife}");
        let alone: Vec<u32> = (0..).take(sample.positive.len()).collect();
        let independent = Outcomes::new(&sample.positive, (&alone, alone.len())).unwrap();
        let small = independent.area(&sample.scores[0]).unwrap().standard_error.unwrap();
        assert!(small < 0.7 * got, "{small} {got}");
    }

    #[test]
    fn laws() {
        let (sample, wilson) = (Sample::draw(&mut SplitMix64::new(24), 30, 5, true), Wilson::new(0.95).unwrap());
        let outcomes = sample.outcomes();
        let one = outcomes.area(&sample.scores[0]).unwrap();
        // Only the order of the scores counts, and turning it turns the area.
        let grown: Vec<f64> = sample.scores[0].iter().map(|score| (score / 3.0).exp()).collect();
        assert!(near(outcomes.area(&grown).unwrap().area, one.area));
        let turned: Vec<f64> = sample.scores[0].iter().map(|score| -score).collect();
        let turned = outcomes.area(&turned).unwrap();
        assert!(near(turned.area, 1.0 - one.area));
        assert!(near(turned.standard_error.unwrap(), one.standard_error.unwrap()));
        let (there, back) = (one.interval(wilson).unwrap(), turned.interval(wilson).unwrap());
        assert!(near(there.lower, 1.0 - back.upper) && near(there.upper, 1.0 - back.lower));
        assert!(0.0 < there.lower && there.lower < one.area && one.area < there.upper && there.upper < 1.0);
        // The same score twice does not differ from itself.
        assert_eq!(outcomes.difference(&one, &one, wilson), None);
        let other = outcomes.area(&sample.scores[1]).unwrap();
        let (there, back) = (outcomes.difference(&one, &other, wilson), outcomes.difference(&other, &one, wilson));
        let (there, back) = (there.unwrap(), back.unwrap());
        assert!(near(there.difference, -back.difference) && near(there.p_value, back.p_value));
        assert!(near(there.interval.lower, -back.interval.upper));
    }

    #[test]
    fn edges() {
        let wilson = Wilson::new(0.95).unwrap();
        assert!(Outcomes::new(&[], (&[], 0)).is_none());
        assert!(Outcomes::new(&[true, true], (&[0, 1], 2)).is_none());
        assert!(Outcomes::new(&[false], (&[0], 1)).is_none());
        assert!(Outcomes::new(&[true, false], (&[0, 2], 2)).is_none(), "a number beyond the clusters");
        assert!(Outcomes::new(&[true, false], (&[0], 2)).is_none());
        // One of each: an area, but nothing to judge it by.
        let single = Outcomes::new(&[true, false], (&[0, 1], 2)).unwrap();
        let area = single.area(&[2.0, 1.0]).unwrap();
        assert_eq!((near(area.area, 1.0), area.standard_error, area.interval(wilson)), (true, None, None));
        assert!(single.area(&[f64::NAN, 1.0]).is_none() && single.area(&[1.0]).is_none());
        assert!(near(single.area(&[0.0, -0.0]).unwrap().area, 0.5), "a zero is a zero");
        assert!(near(single.area(&[f64::INFINITY, f64::NEG_INFINITY]).unwrap().area, 1.0));
        // Without a fault among three and four clusters: as sure as three of three.
        let positive = [true, true, true, false, false, false, false, false];
        let perfect = Outcomes::new(&positive, (&[0, 1, 2, 3, 4, 5, 6, 6], 9)).unwrap();
        let scores = positive.map(|positive| f64::from(u8::from(positive)));
        let area = perfect.area(&scores).unwrap();
        assert_eq!(area.standard_error, Some(0.0));
        assert_eq!(area.interval(wilson), wilson.interval(3, 3));
        // A score that says nothing says so for sure.
        let interval = perfect.area(&[7.0; 8]).unwrap().interval(wilson).unwrap();
        assert!(near(interval.lower, 0.5) && near(interval.upper, 0.5));
    }

    /// Accounts at up to eight dates, with a true area known from a sample of a hundred thousand.
    #[test]
    fn the_interval_covers() {
        let (mut random, wilson) = (SplitMix64::new(25), Wilson::new(0.95).unwrap());
        let many = Sample::draw(&mut random, 20_000, 8, false);
        let truth = many.outcomes().area(&many.scores[0]).unwrap().area;
        let mut held = 0_u32;
        for _ in 0..500 {
            let sample = Sample::draw(&mut random, 60, 8, false);
            let interval = sample.outcomes().area(&sample.scores[0]).unwrap().interval(wilson).unwrap();
            held += u32::from((interval.lower..=interval.upper).contains(&truth));
        }
        assert!((460..=492).contains(&held), "{held}");
    }
}
