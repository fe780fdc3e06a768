//! Is the end of a series lower, or higher, than chance would have it: a permutation test of sums.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::float;
use super::random::SplitMix64;

/// Up to so many choices all are gone through; of more a sample is drawn.
const MOST_CHOICES: u64 = 20_000;

/// So many draws as far out as what was observed settle a p-value to about a tenth of itself.
const ENOUGH: u64 = 100;

/// Drawing ends here in any case.
const MOST_DRAWS: u64 = 20_000;

/// Sums of numbers up to 1 in size that differ by less than this for each number are equal but for rounding.
const ROUNDING: f64 = 1e-12;

/// Which end of the sums speaks against chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Smaller,
    Greater,
}

/// What a permutation test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PermutationTest {
    /// One-sided; ties with what was observed count half.
    pub(crate) p_value: f64,
    /// How many choices were looked at.
    pub(crate) choices: u64,
    /// Whether these were all there are, so that the p-value is exact.
    pub(crate) exact: bool,
}

/// Whether the last `last` of some exchangeable numbers have a smaller (or greater) sum than a random choice of as
/// many; `None` where there is nothing to choose (none or all of them are the last), or a number is not finite.
///
/// ```text
/// p = (choices with a smaller sum + 1/2 of those with the same sum) / C(n, k)
/// ```
///
/// What was observed is itself one of the choices, so p is never 0; where no other choice lies as far out, choices cannot
/// tell how far that is, and p is that of Student's t for the same numbers if this is smaller still. This is the mid-p, whose mean is 1/2 when chance
/// alone is at work, however many ties there are. Sums are the same when they differ by no more than
/// `near` and rounding; numbers that are not known exactly have a `near` above 0.
///
/// Up to 20 000 choices are gone through, whole branches at a time. Beyond that choices are drawn at random until 100
/// of them (ties count half) lay as far out, which gives p = 100 / draws; after 20 000 draws it is the share that did,
/// with the observed one among them. Clear cases cost many draws, the many unclear ones a few hundred. The `seed`
/// decides the draws: the same numbers and seed give the same p.
///
/// # References
///
/// R. A. Fisher (1935), "The Design of Experiments", section 21; H. O. Lancaster (1961), "Significance tests in discrete
/// distributions", JASA 56, 223-234, for the mid-p; J. Besag and P. Clifford (1991), "Sequential Monte Carlo p-values",
/// Biometrika 78, 301-304.
pub(crate) fn permutation_test(
    numbers: &[f64],
    last: usize,
    side: Side,
    near: f64,
    seed: u64,
) -> Option<PermutationTest> {
    if last == 0 || last >= numbers.len() || !numbers.iter().all(|number| number.is_finite()) {
        return None;
    }
    let rest = numbers.len() - last;
    // The sum of the others rises as that of the last falls: choosing the fewer is the same test with the sign turned.
    let (observed, turned) = if last <= rest { (&numbers[rest..], false) } else { (&numbers[..rest], true) };
    let largest = numbers.iter().fold(0.0_f64, |largest, number| largest.max(number.abs()));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let unit = if turned == (side == Side::Greater) { unit } else { -unit };
    let sum: f64 = observed.iter().map(|number| number / unit).sum();
    let mut numbers: Vec<f64> = numbers.iter().map(|number| number / unit).collect();
    numbers.sort_unstable_by(f64::total_cmp);
    let few = observed.len();
    let tolerance = ROUNDING * float(few as u64) + near / unit.abs();
    let tie = Tie { low: sum - tolerance, high: sum + tolerance };
    let choices = choices(numbers.len(), few);
    if choices > MOST_CHOICES {
        return sampled(&mut numbers, few, tie, seed);
    }
    Some(PermutationTest { p_value: half(below(&numbers, few, tie)) / float(choices), choices, exact: true })
}

impl PermutationTest {
    /// The p-value, and where no other choice lay as far out that of Student's t for the same numbers if it is smaller:
    /// choices cannot tell how far beyond all of them something lies.
    ///
    /// ```text
    /// t = (mean of the last - mean of the rest) / √(s² (1/k + 1/(n - k)))        n - 2 degrees of freedom
    /// s² = sum of squares within both / (n - 2) + grain²/12
    /// ```
    ///
    /// `grain` is the width of the steps in which the numbers count, whose rounding is variance too.
    pub(crate) fn p_value_beyond(self, numbers: &[f64], last: usize, grain: f64) -> f64 {
        let alone = self.p_value * float(self.choices) < 0.75;
        let freedom = float(numbers.len() as u64) - 2.0;
        if !alone || freedom < 1.0 {
            return self.p_value;
        }
        let (rest, last) = numbers.split_at(numbers.len() - last);
        let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / float(numbers.len() as u64);
        let squares = |numbers: &[f64], mean: f64| numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
        let means = (mean(last), mean(rest));
        let variance = (squares(last, means.0) + squares(rest, means.1)) / freedom + grain * grain / 12.0;
        let error = (variance * (1.0 / float(last.len() as u64) + 1.0 / float(rest.len() as u64))).sqrt();
        let student =
            StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |student| student.cdf(-((means.0 - means.1) / error).abs()));
        if error > 0.0 { self.p_value.min(student) } else { self.p_value }
    }
}

/// Sums within these ends are equal to what was observed.
#[derive(Clone, Copy, Debug)]
struct Tie {
    low: f64,
    high: f64,
}

impl Tie {
    fn less(self, number: f64) -> Self {
        Self { low: self.low - number, high: self.high - number }
    }

    /// Two for a sum below, one for a tie.
    fn judge(self, sum: f64) -> u64 {
        u64::from(sum < self.low) + u64::from(sum <= self.high)
    }
}

fn half(twice: u64) -> f64 {
    float(twice) / 2.0
}

/// Whether so few choices are there that all of them are gone through.
pub(crate) fn few_choices(from: usize, choose: usize) -> bool {
    choose <= from && choices(from, choose) <= MOST_CHOICES
}

/// In how many ways so many can be chosen; some number beyond [`MOST_CHOICES`] if in more than that.
fn choices(from: usize, choose: usize) -> u64 {
    let (from, choose) = (from as u64, choose.min(from - choose) as u64);
    let mut choices = 1;
    for step in 0..choose {
        if choices > MOST_CHOICES {
            return choices;
        }
        choices = choices * (from - step) / (step + 1);
    }
    choices
}

/// Twice the choices with a sum below, and those with a tie, of so many out of sorted numbers.
fn below(sorted: &[f64], choose: usize, tie: Tie) -> u64 {
    if choose == 1 {
        return (sorted.partition_point(|&x| x < tie.low) + sorted.partition_point(|&x| x <= tie.high)) as u64;
    }
    if choose == 2 {
        return pairs_below(sorted, tie);
    }
    let mut twice = 0;
    for first in 0..=sorted.len() - choose {
        // With each later first number the smallest sum grows.
        if sorted[first..first + choose].iter().sum::<f64>() > tie.high {
            break;
        }
        let (number, rest) = (sorted[first], &sorted[first + 1..]);
        let largest = number + rest[rest.len() - (choose - 1)..].iter().sum::<f64>();
        twice += if largest < tie.low {
            2 * choices(rest.len(), choose - 1)
        } else {
            below(rest, choose - 1, tie.less(number))
        };
    }
    twice
}

/// As the first of two grows, the second may only be smaller.
fn pairs_below(sorted: &[f64], tie: Tie) -> u64 {
    let (mut smaller, mut up_to) = (sorted.len(), sorted.len());
    let mut twice = 0;
    for (place, &first) in sorted.iter().enumerate() {
        let tie = tie.less(first);
        while up_to > place + 1 && sorted[up_to - 1] > tie.high {
            up_to -= 1;
        }
        smaller = smaller.min(up_to);
        while smaller > place + 1 && sorted[smaller - 1] >= tie.low {
            smaller -= 1;
        }
        if up_to <= place + 1 {
            break;
        }
        twice += (up_to - (place + 1) + smaller.saturating_sub(place + 1)) as u64;
    }
    twice
}

fn sampled(numbers: &mut [f64], few: usize, tie: Tie, seed: u64) -> Option<PermutationTest> {
    let all = u32::try_from(numbers.len()).ok()?;
    let mut random = SplitMix64::new(seed);
    let mut twice = 0;
    for draws in 1..=MOST_DRAWS {
        let mut sum = 0.0;
        for (place, left) in (0..few).zip((1..=all).rev()) {
            numbers.swap(place, place + random.below(left) as usize);
            sum += numbers[place];
        }
        twice += tie.judge(sum);
        if twice >= 2 * ENOUGH {
            return Some(PermutationTest { p_value: half(twice) / float(draws), choices: draws, exact: false });
        }
    }
    let choices = MOST_DRAWS + 1;
    Some(PermutationTest { p_value: half(twice + 1) / float(choices), choices, exact: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(numbers: &[f64], last: usize, side: Side) -> f64 {
        permutation_test(numbers, last, side, 0.0, 0).unwrap().p_value
    }

    /// Every subset in turn, as the bits of a number. Scores are small whole numbers, so that sums are exact.
    fn naive(numbers: &[f64], last: usize, side: Side) -> f64 {
        let n = numbers.len();
        let sum = |bits: u32| (0..n).filter(|place| bits >> place & 1 == 1).map(|place| numbers[place]).sum::<f64>();
        let observed: f64 = numbers[n - last..].iter().sum();
        let (mut twice, mut all) = (0_u32, 0_u32);
        for bits in (0..1_u32 << n).filter(|bits| bits.count_ones() as usize == last) {
            let beyond = match side {
                Side::Smaller => observed - sum(bits),
                Side::Greater => sum(bits) - observed,
            };
            twice += u32::from(beyond >= 0.0) + u32::from(beyond > 0.0);
            all += 1;
        }
        f64::from(twice) / f64::from(2 * all)
    }

    /// The pairs of 1, 2, 3 and 4 have the sums 3, 4, 5, 5, 6 and 7.
    #[test]
    fn by_hand() {
        assert_eq!(permutation_test(&[1.0, 2.0, 4.0, 3.0], 2, Side::Greater, 0.0, 0).unwrap().choices, 6);
        assert!((p(&[1.0, 2.0, 4.0, 3.0], 2, Side::Greater) - 0.5 / 6.0).abs() < 1e-15);
        assert!((p(&[1.0, 2.0, 4.0, 3.0], 2, Side::Smaller) - 5.5 / 6.0).abs() < 1e-15);
        assert!((p(&[2.0, 3.0, 1.0, 4.0], 2, Side::Smaller) - (2.0 + 1.0) / 6.0).abs() < 1e-15);
        assert!((p(&[3.0, 1.0, 2.0], 1, Side::Smaller) - 1.5 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn every_subset_in_turn() {
        let mut random = SplitMix64::new(3);
        for n in 2..=13_usize {
            for last in 1..n {
                let numbers: Vec<f64> = (0..n).map(|_| f64::from(random.below(9)) - 4.0).collect();
                for side in [Side::Smaller, Side::Greater] {
                    let (got, expected) = (p(&numbers, last, side), naive(&numbers, last, side));
                    assert!((got - expected).abs() < 1e-15, "{last} of {numbers:?}, {side:?}: {got}, {expected}");
                }
            }
        }
    }

    #[test]
    fn rounding_splits_no_ties() {
        // Whole numbers over ten are not exact, but rank as the whole numbers do, and so do they far from 1.
        let mut random = SplitMix64::new(4);
        for _ in 0..50 {
            let tens: Vec<f64> = (0..12).map(|_| f64::from(random.below(7))).collect();
            for unit in [0.1, 1e-200, 3e200] {
                let scaled: Vec<f64> = tens.iter().map(|x| x * unit).collect();
                assert!((p(&scaled, 4, Side::Smaller) - p(&tens, 4, Side::Smaller)).abs() < 1e-15, "{tens:?}");
            }
        }
    }

    /// The sums 3, 4, 5, 5, 6 and 7, as above.
    #[test]
    fn near_sums_are_ties() {
        let within = |near, side| permutation_test(&[1.0, 2.0, 4.0, 3.0], 2, side, near, 0).unwrap().p_value;
        assert!((within(1.0, Side::Greater) - 1.0 / 6.0).abs() < 1e-15);
        assert!((within(1.0, Side::Smaller) - 5.0 / 6.0).abs() < 1e-15);
        assert!((within(0.9, Side::Greater) - 0.5 / 6.0).abs() < 1e-15);
        assert!((within(9.0, Side::Smaller) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn laws_and_edges() {
        let mut random = SplitMix64::new(5);
        for n in [2, 5, 16, 60] {
            for last in [1, n / 2, n - 1] {
                let numbers: Vec<f64> = (0..n).map(|_| random.uniform()).collect();
                if permutation_test(&numbers, last, Side::Smaller, 0.0, 0).unwrap().exact {
                    let both = p(&numbers, last, Side::Smaller) + p(&numbers, last, Side::Greater);
                    assert!((both - 1.0).abs() < 1e-12, "the two sides share all choices: {both}");
                }
                // Nothing varies, nothing differs.
                assert!((p(&vec![0.3; n], last, Side::Smaller) - 0.5).abs() < 1e-15);
                assert!((p(&vec![0.0; n], last, Side::Greater) - 0.5).abs() < 1e-15);
            }
        }
        for last in [0, 3, 4] {
            assert_eq!(permutation_test(&[1.0, 2.0, 3.0], last, Side::Smaller, 0.0, 0), None);
        }
        assert_eq!(permutation_test(&[], 0, Side::Smaller, 0.0, 0), None);
        assert_eq!(permutation_test(&[1.0, f64::NAN, 2.0], 1, Side::Smaller, 0.0, 0), None);
        assert_eq!(permutation_test(&[1.0, f64::INFINITY, 2.0], 1, Side::Smaller, 0.0, 0), None);
        // C(200, 2) is 19 900, C(201, 2) is 20 100.
        let rising: Vec<f64> = (0..201).map(f64::from).collect();
        assert!(permutation_test(&rising[..200], 2, Side::Greater, 0.0, 0).unwrap().exact);
        assert!(!permutation_test(&rising, 2, Side::Greater, 0.0, 0).unwrap().exact);
    }

    /// scipy 1.17, `ttest_ind([1, 2, 0, 1], [9, 8, 9, 10, 8, 9], alternative="less")`.
    #[test]
    fn beyond_all_choices() {
        let far = [9.0, 8.0, 9.0, 10.0, 8.0, 9.0, 1.0, 2.0, 0.0, 1.0];
        let test = permutation_test(&far, 4, Side::Smaller, 0.0, 0).unwrap();
        assert!((test.p_value - 0.5 / 210.0).abs() < 1e-15);
        let beyond = test.p_value_beyond(&far, 4, 0.0);
        assert!((beyond / 1.412_194_379_384_478e-7 - 1.0).abs() < 1e-9, "{beyond}");
        // Steps hide some of the variance, and a p-value that choices can tell is left alone.
        assert!((beyond..test.p_value).contains(&test.p_value_beyond(&far, 4, 3.0)));
        let near = [9.0, 8.0, 9.0, 1.0, 8.0, 9.0, 1.0, 2.0, 0.0, 1.0];
        let test = permutation_test(&near, 4, Side::Smaller, 0.0, 0).unwrap();
        assert!((test.p_value_beyond(&near, 4, 0.0) - test.p_value).abs() < 1e-15);
        // Nothing varies but for the steps.
        let cliff = [4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 0.0, 0.0];
        let test = permutation_test(&cliff, 2, Side::Smaller, 0.0, 0).unwrap();
        assert!((test.p_value_beyond(&cliff, 2, 0.0) - test.p_value).abs() < 1e-15);
        assert!(test.p_value_beyond(&cliff, 2, 1.0) < 1e-4);
    }

    /// Draws beside the exact p-value of the same numbers.
    #[test]
    fn draws() {
        let mut random = SplitMix64::new(6);
        for _ in 0..20 {
            let mut numbers: Vec<f64> = (0..16).map(|_| random.uniform()).collect();
            numbers[12..].iter_mut().for_each(|x| *x *= 0.7);
            let exact = p(&numbers, 4, Side::Smaller);
            let sum: f64 = numbers[12..].iter().sum();
            let tie = Tie { low: sum - 1e-12, high: sum + 1e-12 };
            let got = sampled(&mut numbers.clone(), 4, tie, 9).unwrap();
            assert_eq!(got, sampled(&mut numbers, 4, tie, 9).unwrap());
            // A tenth of p where drawing ended early.
            let error = (0.1 * exact).max((exact / 20_000.0).sqrt());
            assert!((got.p_value - exact).abs() < 4.0 * error, "{got:?} {exact}");
        }
        // A series that falls off a cliff: not one draw lies as far out, and p is not 0.
        let cliff: Vec<f64> = (0..60).map(|week| f64::from(u32::from(week < 48))).collect();
        let test = permutation_test(&cliff, 12, Side::Smaller, 0.0, 1).unwrap();
        assert_eq!((test.choices, test.exact), (20_001, false));
        assert!((test.p_value - 0.5 / 20_001.0).abs() < 1e-15);
        // Half of sixty weeks, each as good as any other: drawing ends after some 200.
        let turns: Vec<f64> = (0..60).map(|week| f64::from(week % 2)).collect();
        let unclear = permutation_test(&turns, 30, Side::Smaller, 0.0, 1).unwrap();
        assert!((150..300).contains(&unclear.choices) && (unclear.p_value - 0.5).abs() < 0.1, "{unclear:?}");
    }

    /// When chance alone is at work, a mid-p has mean 1/2 and is below 0.05 in about one case of twenty.
    #[test]
    fn under_chance() {
        let mut random = SplitMix64::new(7);
        let (mut sum, mut found) = (0.0, 0_u32);
        for _ in 0..2_000 {
            let numbers: Vec<f64> = (0..16).map(|_| f64::from(random.below(30))).collect();
            let p_value = p(&numbers, 4, Side::Smaller);
            sum += p_value;
            found += u32::from(p_value <= 0.05);
        }
        // Four standard deviations of 2000 draws.
        assert!((sum / 2_000.0 - 0.5).abs() < 0.026, "{sum}");
        assert!(found.abs_diff(100) < 39, "{found}");
    }
}
