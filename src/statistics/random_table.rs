//! Tables of counts drawn at random, all that have the same margins being as likely as chance makes them.

use super::float;
use super::random::SplitMix64;
use super::two_sided::peak_of_fisher;

/// With a variance above this a count is drawn by rejection, which takes as long for a large one.
const SPREAD_OUT: f64 = 9.0;

/// Logarithms of factorials.
#[derive(Debug)]
pub(super) struct Factorials(Vec<f64>);

impl Factorials {
    pub(super) fn up_to(most: u64) -> Self {
        let mut sum = 0.0;
        let log = |count: u64| {
            sum += float(count.max(1)).ln();
            sum
        };
        Self((0..=most).map(log).collect())
    }

    #[expect(clippy::cast_possible_truncation, reason = "counts of people in memory")]
    pub(super) fn ln(&self, count: u64) -> f64 {
        self.0[count as usize]
    }
}

/// The logarithm of the chance of a table drawn at random, but for what depends on the margins alone.
pub(super) fn drawn(rows: &[u64], columns: &[u64], factorials: &Factorials, random: &mut SplitMix64) -> f64 {
    let mut rest = rows.to_vec();
    let (mut all, mut weight) = (rest.iter().sum(), 0.0);
    for &total in columns {
        let (mut left, mut below) = (total, all);
        for row in &mut rest {
            let count = hypergeometric(*row, left, below, factorials, random);
            below -= *row;
            *row -= count;
            left -= count;
            weight -= factorials.ln(count);
        }
        all -= total;
    }
    weight
}

/// How many of `marked` are among `chosen` of `all`, at random.
fn hypergeometric(marked: u64, chosen: u64, all: u64, factorials: &Factorials, random: &mut SplitMix64) -> u64 {
    let (low, high) = ((marked + chosen).saturating_sub(all), marked.min(chosen));
    if low == high {
        return low;
    }
    let share = float(marked) / float(all);
    let variance = float(chosen) * share * (1.0 - share) * float(all - chosen) / float(all - 1);
    let range = (low, high);
    if variance > SPREAD_OUT {
        by_rejection((marked, chosen, all), range, variance, factorials, random)
    } else {
        from_the_peak((marked, chosen, all), range, factorials, random)
    }
}

/// Counts are taken off a uniform number from the likeliest outwards, so that it costs as many steps as there are in a
/// standard deviation.
fn from_the_peak(
    (marked, chosen, all): (u64, u64, u64),
    (low, high): (u64, u64),
    factorials: &Factorials,
    random: &mut SplitMix64,
) -> u64 {
    let choose = |from: u64, some: u64| factorials.ln(from) - factorials.ln(some) - factorials.ln(from - some);
    let peak = peak_of_fisher(marked, chosen, all).clamp(low, high);
    let chance = (choose(marked, peak) + choose(all - marked, chosen - peak) - choose(all, chosen)).exp();
    let step = |x: u64| float(marked - x + 1) * float(chosen - x + 1) / (float(x) * float(all - marked + x - chosen));
    let mut left = random.uniform() - chance;
    let (mut down, mut up) = ((peak, chance), (peak, chance));
    while left >= 0.0 {
        let (before, can_rise, can_fall) = (left, up.0 < high, down.0 > low);
        if can_rise {
            up = (up.0 + 1, up.1 * step(up.0 + 1));
            left -= up.1;
            if left < 0.0 {
                return up.0;
            }
        }
        if can_fall {
            down = (down.0 - 1, down.1 / step(down.0));
            left -= down.1;
            if left < 0.0 {
                return down.0;
            }
        }
        // Nothing left but what rounding has left over.
        if before <= left {
            return peak;
        }
    }
    peak
}

/// The ratio of two uniform numbers, taken where it lies below the chance of its count.
///
/// ```text
/// count     floor(m + 1/2 + b (v - 1/2)/u)     m the mean, b = 2 √(2/e) √(variance + 1/2) + 3 - 2 √(3/e)
/// taken     u² <= chance of the count / chance of the likeliest
/// ```
///
/// # References
///
/// E. Stadlober (1989), "Sampling from Poisson, binomial and hypergeometric distributions: ratio of uniforms as a simple
/// and fast alternative", Berichte der mathematisch-statistischen Sektion Graz 303; numpy's `hypergeometric` draws so.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the range, which was looked at before"
)]
fn by_rejection(
    (marked, chosen, all): (u64, u64, u64),
    (low, high): (u64, u64),
    variance: f64,
    factorials: &Factorials,
    random: &mut SplitMix64,
) -> u64 {
    /// 2 √(2/e) and 3 - 2 √(3/e).
    const HAT: (f64, f64) = (1.715_527_769_921_413_5, 0.898_916_162_058_898_8);
    let weight = |x: u64| {
        factorials.ln(x)
            + factorials.ln(marked - x)
            + factorials.ln(chosen - x)
            + factorials.ln(all - marked + x - chosen)
    };
    let (centre, hat) =
        (float(chosen) * (float(marked) / float(all)) + 0.5, HAT.0.mul_add((variance + 0.5).sqrt(), HAT.1));
    let likeliest = weight(peak_of_fisher(marked, chosen, all).clamp(low, high));
    let (first, end) = (float(low), float(high) + 1.0);
    loop {
        // Neither is ever 0.
        let [u, v] = [(); 2].map(|()| random.uniform() + f64::EPSILON);
        let count = centre + hat * (v - 0.5) / u;
        if !(count >= first && count < end) {
            continue;
        }
        let count = (count as u64).clamp(low, high);
        let chance = likeliest - weight(count);
        // Bounds of 2 log u on either side, which mostly spare the logarithm.
        if u * (4.0 - u) - 3.0 <= chance {
            return count;
        }
        if u * (u - chance) < 1.0 && 2.0 * u.ln() <= chance {
            return count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many counts of a few and of many, drawn either way, are as often there as their chances say.
    #[test]
    fn counts_have_their_chances() {
        let mut random = SplitMix64::new(11);
        for (marked, chosen, all) in [
            (3_u64, 4_u64, 9_u64),
            (40, 50, 100),
            (500, 30, 1_000),
            (25_000, 4_300, 1_000_000),
            (700, 900, 1_000),
            (60, 950, 1_000),
            (10, 999_000, 1_000_000),
            (400_000, 500_000, 1_000_000),
        ] {
            let factorials = Factorials::up_to(all);
            let choose = |from: u64, some: u64| factorials.ln(from) - factorials.ln(some) - factorials.ln(from - some);
            let range = ((marked + chosen).saturating_sub(all), marked.min(chosen));
            let share = float(marked) / float(all);
            let variance = float(chosen) * share * (1.0 - share) * float(all - chosen) / float(all - 1);
            let of = (marked, chosen, all);
            type Draw<'a> = &'a dyn Fn(&mut SplitMix64) -> u64;
            let ways: [Draw<'_>; 2] = [&|random| by_rejection(of, range, variance, &factorials, random), &|random| {
                from_the_peak(of, range, &factorials, random)
            }];
            for (way, draw) in ways.into_iter().enumerate() {
                const DRAWS: u64 = 40_000;
                let mut seen = std::collections::BTreeMap::new();
                let (mut sum, mut squares) = (0.0, 0.0);
                for _ in 0..DRAWS {
                    let count = draw(&mut random);
                    assert!(range.0 <= count && count <= range.1);
                    *seen.entry(count).or_insert(0_u64) += 1;
                    let off = float(count) - share * float(chosen);
                    (sum, squares) = (sum + off, squares + off * off);
                }
                // Pearson's statistic over the counts of which ten or more are expected.
                let (mut statistic, mut cells) = (0.0, 0.0_f64);
                let near = (share * float(chosen), 8.0 * variance.sqrt() + 2.0);
                let looked_at = (range.0..=range.1).filter(|&count| (float(count) - near.0).abs() < near.1);
                for count in looked_at {
                    let log = choose(marked, count) + choose(all - marked, chosen - count) - choose(all, chosen);
                    let expected = float(DRAWS) * log.exp();
                    if expected >= 10.0 {
                        let there = float(seen.get(&count).copied().unwrap_or(0));
                        statistic += (there - expected).powi(2) / expected;
                        cells += 1.0;
                    }
                }
                // Four standard deviations above the mean of a chi-square.
                assert!(statistic < cells + 4.0 * (2.0 * cells).sqrt() + 4.0, "{of:?} {way}: {statistic} {cells}");
                let mean = sum / float(DRAWS);
                assert!(mean.abs() < 4.0 * (variance / float(DRAWS)).sqrt(), "{of:?} {way}: {mean}");
                let ratio = squares / float(DRAWS) / variance;
                let error = ((2.0 + 1.0 / variance) / float(DRAWS)).sqrt();
                assert!((ratio - 1.0).abs() < 4.0 * error, "{of:?} {way}: {ratio}");
            }
        }
    }
}
