//! The permutation test of sums without its permutations.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::float;

/// Newton's method is there in less than ten steps, unless it goes nowhere.
const MOST_STEPS: usize = 40;
/// No step is longer, in units of one over a standard deviation.
const LONGEST: f64 = 4.0;
/// Numbers that differ by less, in standard deviations, are the same.
const ROUNDING: f64 = 1e-9;
/// Nearer to the mean than this many standard deviations the formula is a difference of large numbers.
const CENTRE: f64 = 0.15;

/// The chance that a random choice of as many of some numbers as the last `last` has a smaller sum than these, ties half:
/// an approximation of [`permutation_test`](super::permutation_test) that costs no permutations.
///
/// A random choice of k of n is n coins that show heads with the probability θ = k/n each, given that k of them do. With K
/// the logarithm of the moment generating function of their number and their sum,
///
/// ```text
/// K(s, t) = sum of ln(1 - θ + θ exp(s + t x)),      solved for  dK/ds = k,  dK/dt = the observed sum a
/// w = sign(t) √(2 (s k + t a - K)),                 u = t √(det K'' / (n θ (1 - θ)))
/// p = Φ(w) + φ(w) (1/w - 1/u)
/// ```
///
/// Its relative error is some hundredths for a score of numbers, and that far out in the tail too, where drawing at random
/// would take the more draws the smaller p is; but it is smooth, and does not follow the steps of the few sums at the ends. `None` where all numbers are the same, where there is nothing to choose, and
/// where no solution is found. The least and the largest sum there is have no solution; their chance is counted.
///
/// # References
///
/// J. Robinson (1982), "Saddlepoint approximations for permutation tests and confidence intervals", J. R. Stat. Soc. B 44,
/// 91-101; I. M. Skovgaard (1987), "Saddlepoint expansions for conditional distributions", J. Appl. Probab. 24, 875-887.
pub(crate) fn permutation_saddlepoint(numbers: &[f64], last: usize) -> Option<f64> {
    if last == 0 || last >= numbers.len() {
        return None;
    }
    let count = float(numbers.len() as u64);
    let mean = numbers.iter().sum::<f64>() / count;
    let deviation = (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt();
    if !deviation.is_finite() || deviation <= ROUNDING * numbers.iter().fold(0.0, |most, number| number.abs().max(most))
    {
        return None;
    }
    let numbers: Vec<f64> = numbers.iter().map(|number| (number - mean) / deviation).collect();
    let sum: f64 = numbers[numbers.len() - last..].iter().sum();
    if let Some(share) = share_of_least(numbers.clone(), last, sum) {
        return Some(share / 2.0);
    }
    let turned: Vec<f64> = numbers.iter().map(|number| -number).collect();
    if let Some(share) = share_of_least(turned, last, -sum) {
        return Some(1.0 - share / 2.0);
    }
    let spread = (float(last as u64) * (count - float(last as u64)) / (count - 1.0)).sqrt();
    if sum.abs() > CENTRE * spread {
        return below(&numbers, last, sum);
    }
    // Through the centre on a straight line.
    let (low, high) = (-CENTRE * spread, CENTRE * spread);
    let (left, right) = (below(&numbers, last, low)?, below(&numbers, last, high)?);
    Some(left + (right - left) * (sum - low) / (high - low))
}

/// The share of the choices that have the least sum there is; `None` where that is not the one.
fn share_of_least(mut numbers: Vec<f64>, choose: usize, sum: f64) -> Option<f64> {
    numbers.sort_unstable_by(f64::total_cmp);
    if sum > numbers[..choose].iter().sum::<f64>() + ROUNDING * float(choose as u64) {
        return None;
    }
    // Those that are as large as the last of the chosen could be chosen in its place.
    let alike = |number: &&f64| (**number - numbers[choose - 1]).abs() <= ROUNDING;
    let (all, chosen) = (numbers.iter().filter(alike).count(), numbers[..choose].iter().filter(alike).count());
    Some(ways(all, chosen) / ways(numbers.len(), choose))
}

fn ways(from: usize, choose: usize) -> f64 {
    (0..choose).map(|step| float((from - step) as u64) / float((choose - step) as u64)).product()
}

fn below(numbers: &[f64], choose: usize, sum: f64) -> Option<f64> {
    let (count, chosen) = (float(numbers.len() as u64), float(choose as u64));
    let share = chosen / count;
    let odds = share / (1.0 - share);
    let (mut s, mut t) = (0.0_f64, 0.0_f64);
    for _ in 0..MOST_STEPS {
        // Of the number and the sum: what they are still short of, and how they vary.
        let (mut short, mut short_sum) = (chosen, sum);
        let (mut ss, mut st, mut tt) = (0.0, 0.0, 0.0);
        for &x in numbers {
            let heads = 1.0 - 1.0 / (1.0 + odds * (s + t * x).exp());
            let variance = heads * (1.0 - heads);
            short -= heads;
            short_sum -= heads * x;
            ss += variance;
            st += variance * x;
            tt += variance * x * x;
        }
        let determinant = ss * tt - st * st;
        if !determinant.is_finite() || determinant <= 0.0 {
            return None;
        }
        if short.abs() + short_sum.abs() < 1e-8 {
            let terms = numbers.iter().map(|x| (share * (s + t * x).exp_m1()).ln_1p());
            let exponent = s * chosen + t * sum - terms.sum::<f64>();
            let w = t.signum() * (2.0 * exponent).max(0.0).sqrt();
            let u = t * (determinant / (count * share * (1.0 - share))).sqrt();
            let normal = Normal::standard();
            let p = normal.cdf(w) + normal.pdf(w) * (1.0 / w - 1.0 / u);
            return Some(p).filter(|p| (0.0..=1.0).contains(p) && *p > 0.0);
        }
        s += ((tt * short - st * short_sum) / determinant).clamp(-LONGEST, LONGEST);
        t += ((ss * short_sum - st * short) / determinant).clamp(-LONGEST, LONGEST);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::random::SplitMix64;
    use super::super::{Side, permutation_test};
    use super::*;

    /// Weeks as those of accounts: there is no error on average, and seldom a large one.
    #[test]
    fn beside_all_permutations() {
        let mut random = SplitMix64::new(11);
        let mut errors = Vec::new();
        for round in 0..400_u32 {
            let (n, last) = (17 + random.below(4) as usize, 4 + random.below(2) as usize);
            let mut numbers: Vec<f64> = (0..n).map(|_| random.uniform() + random.uniform()).collect();
            // Some fall, some rise.
            let factor = 0.4 + 0.4 * f64::from(round % 4);
            numbers[n - last..].iter_mut().for_each(|number| *number *= factor);
            let exact = permutation_test(&numbers, last, Side::Smaller, 0.0, 0).unwrap().p_value;
            let got = permutation_saddlepoint(&numbers, last).unwrap();
            let small = exact.min(1.0 - exact);
            // Further out there are but a few sums, and what is smooth cannot follow their steps.
            if small * ways(n, last) > 50.0 {
                errors.push((got - exact) / small);
            }
        }
        errors.sort_by(f64::total_cmp);
        let (mean, count) = (errors.iter().sum::<f64>() / float(errors.len() as u64), errors.len());
        let ends = [errors[0], errors[count / 20], errors[count - count / 20], errors[count - 1]];
        assert!(count > 250 && mean.abs() < 0.005, "{mean} of {count}");
        assert!(ends[1] > -0.07 && ends[2] < 0.07 && ends[0] > -0.25 && ends[3] < 0.25, "{ends:?}");
    }

    /// Of 8 of 34 there are 18 million; each p of draws is right to about a tenth.
    #[test]
    fn beside_drawn_permutations() {
        let mut random = SplitMix64::new(13);
        let mut sum = 0.0;
        for round in 0..100 {
            let mut numbers: Vec<f64> = (0..34).map(|_| random.uniform() + random.uniform()).collect();
            numbers[26..].iter_mut().for_each(|number| *number *= 0.8);
            let drawn = permutation_test(&numbers, 8, Side::Smaller, 0.0, round).unwrap().p_value;
            sum += (permutation_saddlepoint(&numbers, 8).unwrap() / drawn).ln();
        }
        // Four standard deviations of the mean of a hundred.
        assert!((sum / 100.0).abs() < 0.04, "{sum}");
    }

    #[test]
    fn ends_are_counted() {
        let rising: Vec<f64> = (0..34).map(f64::from).collect();
        let falling: Vec<f64> = rising.iter().rev().copied().collect();
        let least = permutation_saddlepoint(&falling, 8).unwrap();
        assert!((least - 0.5 / 18_156_204.0).abs() < 1e-16);
        assert!((permutation_saddlepoint(&rising, 8).unwrap() - (1.0 - least)).abs() < 1e-12);
        // Of 1, 1, 1, 3, 4 two of the ones can be chosen in 3 ways of 10.
        assert!((permutation_saddlepoint(&[1.0, 3.0, 4.0, 1.0, 1.0], 2).unwrap() - 0.15).abs() < 1e-12);
        for numbers in [vec![2.0; 9], vec![0.0; 9], vec![0.1; 9], vec![1.0], vec![1.0, f64::NAN, 3.0]] {
            assert_eq!(permutation_saddlepoint(&numbers, 1), None);
        }
        assert_eq!(permutation_saddlepoint(&[1.0, 2.0], 0), None);
    }

    /// The sides share all choices, and a smaller sum has a smaller p.
    #[test]
    fn laws() {
        let mut random = SplitMix64::new(12);
        for _ in 0..100 {
            let mut numbers: Vec<f64> = (0..34).map(|_| random.uniform()).collect();
            let p = permutation_saddlepoint(&numbers, 8).unwrap();
            let turned: Vec<f64> = numbers.iter().map(|number| -number).collect();
            assert!((p + permutation_saddlepoint(&turned, 8).unwrap() - 1.0).abs() < 1e-3);
            let scaled: Vec<f64> = numbers.iter().map(|number| 1e6 + 1e3 * number).collect();
            assert!((permutation_saddlepoint(&scaled, 8).unwrap() / p - 1.0).abs() < 1e-5);
            numbers[30] -= 0.2;
            assert!(permutation_saddlepoint(&numbers, 8).unwrap() < p);
        }
    }
}
