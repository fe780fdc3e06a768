//! Whether chances that were told come about as often as they say.

use super::logistic::{Clustered, LogisticFit, Observations, Sign, Term, logistic, probability};
use super::{ClusteredShare, Share, Wilson, clustered_share, float};

/// Newton's method on one concave number needs far fewer.
const MOST_STEPS: u32 = 100;

/// How log odds have to be changed so that they come about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Recalibration {
    pub(crate) intercept: f64,
    pub(crate) slope: f64,
    /// Clustered; of the slope.
    pub(crate) error: Option<f64>,
}

/// The logistic regression of outcomes on the log odds that were told; `None` where all outcomes or all log odds are alike.
///
/// A slope of 1 with an intercept of 0 is calibrated; a slope below 1 says that chances were told too far apart, as is the
/// way of models that were fitted to few.
///
/// # References
///
/// D. R. Cox (1958), "Two further applications of a model for binary regression", Biometrika 45, 562-565; E. W. Steyerberg
/// (2009), "Clinical Prediction Models", chapter 15.
pub(crate) fn recalibration(log_odds: &[f64], positive: &[bool], clusters: (&[u32], usize)) -> Option<Recalibration> {
    let successes: Vec<f64> = positive.iter().map(|&positive| f64::from(u8::from(positive))).collect();
    let trials = vec![1.0; successes.len()];
    // Around their mean, so that the two do not follow from each other.
    let mean = log_odds.iter().sum::<f64>() / float(log_odds.len() as u64);
    let design: Vec<f64> = log_odds.iter().map(|own| own - mean).collect();
    let observations = Observations { design: &design, successes: &successes, trials: &trials };
    let terms = [Term { ridge: 0.0, sign: Sign::Free }];
    let fit: LogisticFit = logistic(observations, &terms).ok()?;
    let slope = fit.coefficients[1];
    let clustered = Clustered::new(observations, &terms, &fit, clusters);
    let error = clustered.and_then(|clustered| clustered.standard_errors(2)[1]);
    Some(Recalibration { intercept: fit.coefficients[0] - slope * mean, slope, error })
}

/// By how much all log odds are too small, their differences being left as they are, and its clustered error; `None`
/// where all outcomes are alike.
pub(crate) fn intercept(
    log_odds: &[f64],
    positive: &[bool],
    (clusters, count): (&[u32], usize),
) -> Option<(f64, Option<f64>)> {
    let positives = float(positive.iter().filter(|&&positive| positive).count() as u64);
    if positives <= 0.0 || positives >= float(positive.len() as u64) {
        return None;
    }
    let at = |shift: f64| {
        log_odds.iter().fold((0.0, 0.0), |(sum, weight), own| {
            let chance = probability(own + shift);
            (sum + chance, weight + chance * (1.0 - chance))
        })
    };
    // The expected number grows with the shift, and is held between the two.
    let (mut low, mut high, mut shift) = (-50.0, 50.0, 0.0);
    for _ in 0..MOST_STEPS {
        let (sum, weight) = at(shift);
        if sum < positives {
            low = shift
        } else {
            high = shift
        }
        let next = shift + (positives - sum) / weight;
        let next = if next > low && next < high { next } else { f64::midpoint(low, high) };
        let moved: f64 = next - shift;
        shift = next;
        if moved.abs() < 1e-10 {
            break;
        }
    }
    let (_, weight) = at(shift);
    let (mut excess, mut there) = (vec![0.0; count], vec![false; count]);
    for ((own, &positive), &cluster) in log_odds.iter().zip(positive).zip(clusters) {
        excess[cluster as usize] += f64::from(u8::from(positive)) - probability(own + shift);
        there[cluster as usize] = true;
    }
    let groups = float(there.iter().filter(|&&there| there).count() as u64);
    let squares: f64 = excess.iter().map(|own| own * own).sum();
    Some((shift, (groups > 1.0).then(|| (squares * groups / (groups - 1.0)).sqrt() / weight)))
}

/// Observations of like chances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bin {
    pub(crate) mean: f64,
    pub(crate) share: ClusteredShare,
}

/// The observations in so many bins of equal count, from small chances to large, those with equal chances together; bins
/// without any are left out.
pub(crate) fn reliability(
    chances: &[f64],
    positive: &[bool],
    (clusters, count): (&[u32], usize),
    bins: usize,
    wilson: Wilson,
) -> Vec<Bin> {
    let mut order: Vec<u32> = (0..).take(chances.len()).collect();
    order.sort_by(|&one, &other| chances[one as usize].total_cmp(&chances[other as usize]));
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); bins];
    let mut before = 0;
    for tied in order.chunk_by(|&one, &other| chances[one as usize].total_cmp(&chances[other as usize]).is_eq()) {
        // The bin in which the middle of them lies.
        let middle = 2 * before + tied.len() - 1;
        members[(middle * bins / (2 * order.len())).min(bins - 1)].extend(tied);
        before += tied.len();
    }
    let bin = |rows: &Vec<u32>| {
        let mut shares = vec![Share { part: 0, whole: 0 }; count];
        let mut sum = 0.0;
        for &row in rows {
            let own = &mut shares[clusters[row as usize] as usize];
            own.part += u64::from(positive[row as usize]);
            own.whole += 1;
            sum += chances[row as usize];
        }
        Some(Bin { mean: sum / float(rows.len() as u64), share: clustered_share(&shares, wilson)? })
    };
    members.iter().filter_map(bin).collect()
}

/// The score of Brier and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Brier {
    pub(crate) score: f64,
    pub(crate) reliability: f64,
    pub(crate) resolution: f64,
    pub(crate) uncertainty: f64,
    /// What is left, since the chances within a bin differ.
    pub(crate) within: f64,
}

/// The mean squared difference of chances and outcomes, and its parts over bins; `None` without observations.
///
/// ```text
/// score        mean of (p - y)²  =  reliability - resolution + uncertainty + within
/// reliability  Σ n(k) (mean p(k) - rate(k))² / n
/// resolution   Σ n(k) (rate(k) - rate)² / n
/// uncertainty  rate (1 - rate)
/// ```
///
/// # References
///
/// G. W. Brier (1950), Monthly Weather Review 78, 1-3; A. H. Murphy (1973), "A new vector partition of the probability
/// score", Journal of Applied Meteorology 12, 595-600; D. B. Stephenson, C. A. S. Coelho and I. T. Jolliffe (2008), Weather
/// and Forecasting 23, 752-757, for what is left within bins.
pub(crate) fn brier(chances: &[f64], positive: &[bool], bins: &[Bin]) -> Option<Brier> {
    let all = float(chances.len() as u64);
    if chances.is_empty() {
        return None;
    }
    let outcome = |&positive: &bool| f64::from(u8::from(positive));
    let score = chances.iter().zip(positive).map(|(chance, own)| (chance - outcome(own)).powi(2)).sum::<f64>() / all;
    let rate = positive.iter().map(outcome).sum::<f64>() / all;
    let over =
        |of: &dyn Fn(&Bin) -> f64| bins.iter().map(|bin| float(bin.share.total.whole) * of(bin)).sum::<f64>() / all;
    let reliability = over(&|bin| (bin.mean - bin.share.share).powi(2));
    let resolution = over(&|bin| (bin.share.share - rate).powi(2));
    let uncertainty = rate * (1.0 - rate);
    let within = score - (reliability - resolution + uncertainty);
    Some(Brier { score, reliability, resolution, uncertainty, within })
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * (1.0 + right.abs())
    }

    #[test]
    fn brier_by_hand() {
        let (chances, positive) = ([0.1, 0.1, 0.4, 0.4, 0.4], [false, true, false, false, true]);
        let clusters = [0, 1, 2, 3, 4];
        let bins = reliability(&chances, &positive, (&clusters, 5), 2, Wilson::new(0.95).unwrap());
        let found: Vec<(f64, u64, u64)> =
            bins.iter().map(|bin| (bin.mean, bin.share.total.part, bin.share.total.whole)).collect();
        assert!(near(found[0].0, 0.1) && near(found[1].0, 0.4), "{found:?}");
        assert_eq!([(found[0].1, found[0].2), (found[1].1, found[1].2)], [(1, 2), (1, 3)]);
        let brier = brier(&chances, &positive, &bins).unwrap();
        assert!(near(brier.score, (0.01 + 0.81 + 0.16 + 0.16 + 0.36) / 5.0), "{brier:?}");
        assert!(near(brier.reliability, (2.0 * 0.16 + 3.0 * (0.4 - 1.0 / 3.0_f64).powi(2)) / 5.0), "{brier:?}");
        assert!(near(brier.resolution, (2.0 * 0.01 + 3.0 * (0.4 - 1.0 / 3.0_f64).powi(2)) / 5.0), "{brier:?}");
        assert!(near(brier.uncertainty, 0.24) && brier.within.abs() < 1e-12, "{brier:?}");
        assert_eq!(super::brier(&[], &[], &[]), None);
    }

    #[test]
    fn equal_chances_share_a_bin() {
        let chances: Vec<f64> = (0..100).map(|place| if place < 95 { 0.1 } else { f64::from(place) / 100.0 }).collect();
        let positive: Vec<bool> = (0..100).map(|place| place % 9 == 0).collect();
        let clusters: Vec<u32> = (0..100).collect();
        let bins = reliability(&chances, &positive, (&clusters, 100), 10, Wilson::new(0.95).unwrap());
        let counts: Vec<u64> = bins.iter().map(|bin| bin.share.total.whole).collect();
        assert_eq!(counts, [95, 5]);
    }

    #[test]
    fn told_right_and_told_too_far_apart() {
        let mut random = SplitMix64::new(61);
        let truth: Vec<f64> = (0..40_000).map(|_| random.uniform() * 4.0 - 4.0).collect();
        let positive: Vec<bool> = truth.iter().map(|&own| random.uniform() < probability(own)).collect();
        let clusters: Vec<u32> = (0..40_000).map(|row| row / 4).collect();
        let clusters = (&clusters[..], 10_000);
        let found = recalibration(&truth, &positive, clusters).unwrap();
        let error = found.error.unwrap();
        assert!((found.slope - 1.0).abs() < 3.0 * error && error < 0.02, "{found:?}");
        let (shift, error) = intercept(&truth, &positive, clusters).unwrap();
        assert!(shift.abs() < 3.0 * error.unwrap(), "{shift}");
        // Twice as far from -2 as it should be, and 0.5 too low.
        let told: Vec<f64> = truth.iter().map(|own| 2.0 * (own + 2.0) - 2.5).collect();
        let turned = recalibration(&told, &positive, clusters).unwrap();
        assert!(near(turned.slope, found.slope / 2.0), "{turned:?}");
        assert!(near(turned.intercept, found.intercept - 0.75 * found.slope), "{turned:?}");
        let low: Vec<f64> = truth.iter().map(|own| own - 0.5).collect();
        assert!((intercept(&low, &positive, clusters).unwrap().0 - shift - 0.5).abs() < 1e-8);
        // A shift as found makes as many expected as there are.
        let expected: f64 = truth.iter().map(|own| probability(own + shift)).sum();
        let there = float(positive.iter().filter(|&&positive| positive).count() as u64);
        assert!((expected - there).abs() < 1e-5);
        assert_eq!(intercept(&truth, &vec![true; truth.len()], clusters), None);
        assert_eq!(recalibration(&[1.0, 1.0], &[true, false], (&[0, 1], 2)), None);
    }
}
