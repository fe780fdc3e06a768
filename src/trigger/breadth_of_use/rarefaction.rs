//! How many features a part of some days would show.

use std::ops::Range;

use statrs::function::erf::erfc;

use crate::activity::Rows;
use crate::statistics::{SplitMix64, float};

/// A feature that fewer than one draw in so many misses is in every draw.
const CERTAIN: f64 = 1e-6;
/// What is less likely does not show in any sum.
const NEGLIGIBLE: f64 = 1e-18;
/// So many draws as far out as what was observed settle a p-value to about a fifth of itself.
const ENOUGH: u32 = 20;
/// By fewer standard deviations less than expected nobody would be alarmed, and no draws are needed to say so.
const NEARLY: f64 = 0.6;
/// With so many rare features, or fewer, all choices are counted: 4096 sets of features cost less than a few hundred draws.
const COUNTED: u32 = 12;
/// Drawing ends here in any case. Only what is very clear gets so far, and of many accounts only that survives correction.
const MOST_DRAWS: u32 = 9_999;

/// Units, days of people, pooled over the baseline and the recent weeks, with the features of each. It is kept from one
/// account to the next, so that nothing is allocated.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Per feature the units that have it.
    counts: Vec<u32>,
    /// The features of recent units, as bits.
    used: Vec<u64>,
    units: u32,
    recent: u32,
    /// How likely it is that none of the recent units has a feature, by the number of units that do; 0 from its end on.
    missed: Vec<f64>,
    /// The features, as bits, that a draw may miss.
    rare: Vec<u64>,
    /// Features that every draw shows.
    certain: u32,
    /// The units with a rare feature, so many words each.
    masks: Vec<u64>,
    drawn: Vec<u64>,
    /// Per set of rare features how many units have these and no others, and then how many have none of the others.
    within: Vec<u32>,
    /// The chance that all draws come from so many units.
    from: Vec<f64>,
}

impl Pool {
    pub(super) fn clear(&mut self, features: usize) {
        let words = features.div_ceil(64).max(1);
        self.counts.clear();
        self.counts.resize(64 * words, 0);
        for bits in [&mut self.used, &mut self.rare, &mut self.drawn] {
            bits.clear();
            bits.resize(words, 0);
        }
        self.masks.clear();
        (self.units, self.recent, self.certain) = (0, 0, 0);
    }

    /// Adds units: the rows of one person, of which those from `recent` on are recent.
    #[expect(clippy::cast_possible_truncation, reason = "days of the people of one account within 64 weeks")]
    pub(super) fn add(&mut self, rows: &Rows, own: Range<usize>, recent: i32) {
        let Some(features) = &rows.features else { return };
        let first = own.start + rows.day[own.clone()].partition_point(|&day| day < recent);
        self.units += own.len() as u32;
        self.recent += (own.end - first) as u32;
        for &low in &features.low[own.clone()] {
            let mut left = low;
            while left != 0 {
                self.counts[left.trailing_zeros() as usize] += 1;
                left &= left - 1;
            }
        }
        self.used[0] |= features.low[first..own.end].iter().fold(0, |used, low| used | low);
        for &feature in &features.high_feature[features.high(own.clone())] {
            self.counts[feature as usize] += 1;
        }
        for &feature in &features.high_feature[features.high(first..own.end)] {
            self.used[feature as usize / 64] |= 1 << (feature % 64);
        }
    }

    /// The units of the baseline and the recent ones.
    pub(super) fn sides(&self) -> (u32, u32) {
        (self.units - self.recent, self.recent)
    }

    /// How many features the recent units have.
    pub(super) fn observed(&self) -> u32 {
        self.used.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether a recent unit has a feature.
    pub(super) fn has(&self, feature: usize) -> bool {
        self.used.get(feature / 64).is_some_and(|word| word >> (feature % 64) & 1 == 1)
    }

    /// The features that only the baseline has, with the number of its units that do.
    pub(super) fn lost(&self) -> impl Iterator<Item = (usize, u32)> {
        self.counts.iter().copied().enumerate().filter(|&(feature, count)| count > 0 && !self.has(feature))
    }

    /// How many features as many units as are recent would have, were they chosen at random, and the variance of that if
    /// features came independently of one another.
    pub(super) fn expected(&mut self) -> (f64, f64) {
        let most = self.counts.iter().copied().max().unwrap_or(0);
        let (units, others) = (f64::from(self.units), f64::from(self.units - self.recent));
        self.missed.clear();
        let mut chance = 1.0;
        for place in 0..=most {
            if chance < CERTAIN {
                break;
            }
            self.missed.push(chance);
            chance *= (others - f64::from(place)) / (units - f64::from(place));
        }
        let (mut expected, mut variance) = (0.0, 0.0);
        for (feature, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            match self.missed.get(count as usize) {
                Some(missed) => {
                    self.rare[feature / 64] |= 1 << (feature % 64);
                    expected += 1.0 - missed;
                    variance += missed * (1.0 - missed);
                }
                None => {
                    self.certain += 1;
                    expected += 1.0;
                }
            }
        }
        (expected, variance)
    }

    /// Takes down which rare features the units have, once it is known which these are.
    pub(super) fn collect(&mut self, rows: &Rows, own: Range<usize>) {
        let Some(features) = &rows.features else { return };
        let words = self.rare.len();
        if words == 1 {
            self.masks.extend(features.low[own].iter().map(|low| low & self.rare[0]).filter(|&mask| mask != 0));
            return;
        }
        for row in own {
            let start = self.masks.len();
            self.masks.resize(start + words, 0);
            for feature in features.of(row) {
                self.masks[start + feature as usize / 64] |= 1 << (feature % 64);
            }
            self.masks[start..].iter_mut().zip(&self.rare).for_each(|(mask, rare)| *mask &= rare);
            if self.masks[start..].iter().all(|&mask| mask == 0) {
                self.masks.truncate(start);
            }
        }
    }

    /// The share of choices with fewer features than were observed, and half of those with as many: of all choices where
    /// rare features are few, else of some that are drawn.
    pub(super) fn p_value(&mut self, seed: u64) -> f64 {
        if self.is_counted() { self.counted(self.rare()) } else { self.drawn(seed) }
    }

    /// Whether rare features are few enough for all choices to be counted.
    pub(super) fn is_counted(&self) -> bool {
        self.rare() <= COUNTED
    }

    fn rare(&self) -> u32 {
        self.rare.iter().map(|word| word.count_ones()).sum()
    }

    /// Of all choices, by inclusion and exclusion: with S(k) the sum, over the sets of k rare features, of the chance that all
    /// of the set are missed, the chance that m or more are missed is
    ///
    /// ```text
    /// sum over k from m on of (-1)^(k - m) C(k - 1, m - 1) S(k)
    /// ```
    ///
    /// A set is missed where all units come from those that have none of it.
    fn counted(&mut self, rare: u32) -> f64 {
        self.take_down(rare);
        let (all, drawn) = (f64::from(self.units), f64::from(self.recent));
        self.from.clear();
        self.from.resize(self.units as usize + 1, 0.0);
        let (mut units, mut chance) = (all, 1.0);
        for place in self.from.iter_mut().rev() {
            if chance < NEGLIGIBLE {
                break;
            }
            *place = chance;
            chance *= (units - drawn).max(0.0) / units;
            units -= 1.0;
        }
        let mut sums = [0.0; COUNTED as usize + 1];
        let sets = self.within.len();
        for (set, &units) in self.within.iter().enumerate() {
            // Those within a set have none of the others.
            sums[(sets - 1 - set).count_ones() as usize] += self.from[units as usize];
        }
        // So many are missed where as many are found as were observed.
        let as_many = (rare + self.certain).saturating_sub(self.observed()) as usize;
        let missed = |least: usize| {
            if least == 0 {
                return 1.0;
            }
            let mut ways = 1.0;
            let terms = (least..=rare as usize).map(|count| {
                let sign = if (count - least).is_multiple_of(2) { 1.0 } else { -1.0 };
                let term = sign * ways * sums[count];
                ways *= float(count as u64) / float((count + 1 - least) as u64);
                term
            });
            terms.sum::<f64>()
        };
        // Features that hardly any choice misses count as found, so that less than that is not known.
        f64::midpoint(missed(as_many), missed(as_many + 1)).clamp(CERTAIN, 1.0)
    }

    /// How many units lie within each set of the rare features.
    #[expect(clippy::cast_possible_truncation, reason = "days of the people of one account within 64 weeks")]
    fn take_down(&mut self, rare: u32) {
        let words = self.rare.len();
        let bits = |word: u64, base: u32| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| base + bit);
        let mut place = [0_u32; COUNTED as usize];
        let features = (0..).zip(&self.rare).flat_map(|(word, &bit)| bits(bit, 64 * word));
        place.iter_mut().zip(features).for_each(|(place, feature)| *place = feature);
        self.within.clear();
        self.within.resize(1 << rare, 0);
        for unit in self.masks.chunks_exact(words) {
            let has = |feature: u32| (unit[feature as usize / 64] >> (feature % 64) & 1) as usize;
            let set = (0..).zip(&place[..rare as usize]).fold(0, |set, (bit, &feature)| set | has(feature) << bit);
            self.within[set] += 1;
        }
        // Units without a rare feature were not taken down.
        self.within[0] += self.units - (self.masks.len() / words) as u32;
        for feature in 0..rare {
            let half = 1 << feature;
            for pair in self.within.chunks_exact_mut(2 * half) {
                let (without, with) = pair.split_at_mut(half);
                with.iter_mut().zip(without).for_each(|(with, without)| *with += *without);
            }
        }
    }

    fn drawn(&mut self, seed: u64) -> f64 {
        let mut random = SplitMix64::new(seed);
        let observed = self.observed();
        let mut twice = 0;
        for draws in 1..=MOST_DRAWS {
            let found = self.certain + self.draw(&mut random, observed);
            twice += u32::from(found < observed) + u32::from(found <= observed);
            if twice >= 2 * ENOUGH {
                return f64::from(twice) / f64::from(2 * draws);
            }
        }
        // What was observed is one of the draws.
        f64::from(twice + 1) / f64::from(2 * (MOST_DRAWS + 1))
    }

    /// How many rare features are found in a draw: unit by unit, each is drawn with the chance that is left to it. Units with
    /// nothing new are left for later, which never comes; and where more are found than observed, it does not matter how many.
    fn draw(&mut self, random: &mut SplitMix64, observed: u32) -> u32 {
        let (mut left, mut open) = (self.units, self.recent);
        if self.rare.len() == 1 {
            let (mut drawn, mut found) = (0_u64, 0);
            for &mask in &self.masks {
                if mask & !drawn == 0 {
                    continue;
                }
                if random.below(left) < open {
                    drawn |= mask;
                    found = drawn.count_ones();
                    if found + self.certain > observed {
                        break;
                    }
                    open -= 1;
                }
                left -= 1;
            }
            return found;
        }
        self.drawn.fill(0);
        for unit in self.masks.chunks_exact(self.rare.len()) {
            // As above, so that features of later days, which make the words more, do not change the draws.
            if unit.iter().zip(&self.drawn).all(|(mask, drawn)| mask & !drawn == 0) {
                continue;
            }
            if random.below(left) < open {
                self.drawn.iter_mut().zip(unit).for_each(|(drawn, mask)| *drawn |= mask);
                let found = self.drawn.iter().map(|word| word.count_ones()).sum::<u32>();
                if found + self.certain > observed {
                    return found;
                }
                open -= 1;
            }
            left -= 1;
        }
        self.drawn.iter().map(|word| word.count_ones()).sum()
    }
}

/// The chance of no more than was observed, by the normal distribution, where that is enough: for what was expected or more,
/// and what is less by so little that it speaks against nothing. `None` where one has to look.
///
/// The variance is that of features that come independently of one another. Those of a day come together, which makes the
/// true one larger and the chance still nearer to a half.
pub(super) fn nothing_to_see(observed: u32, expected: f64, variance: f64) -> Option<f64> {
    // Without variance every choice shows the same.
    let z = if variance > 0.0 { (f64::from(observed) - expected) / variance.sqrt() } else { 0.0 };
    (z >= -NEARLY).then(|| 0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::features_of;

    /// So many units with these features, the last of them recent.
    fn pool(units: &[&[u32]], recent: i32, features: usize) -> Pool {
        let rows = Rows {
            day: (0..).take(units.len()).collect(),
            events: vec![1; units.len()],
            features: Some(features_of(units)),
            ..Rows::default()
        };
        let first = i32::try_from(units.len()).unwrap() - recent;
        let mut pool = Pool::default();
        pool.clear(features);
        // In two parts, as if of two people.
        for part in [0..units.len() / 2, units.len() / 2..units.len()] {
            pool.add(&rows, part, first);
        }
        pool.expected();
        for part in [0..units.len() / 2, units.len() / 2..units.len()] {
            pool.collect(&rows, part);
        }
        pool
    }

    /// Every choice of units in turn: the mean number of features, and the share with fewer than the last ones have, ties
    /// half.
    fn naive(units: &[&[u32]], recent: u32) -> (f64, f64) {
        let features = |bits: u32| {
            let drawn = units.iter().enumerate().filter(|(unit, _)| bits >> unit & 1 == 1);
            drawn.flat_map(|(_, unit)| unit.iter()).collect::<std::collections::BTreeSet<_>>().len()
        };
        let all = u32::try_from(units.len()).unwrap();
        let observed = features(((1 << recent) - 1) << (all - recent));
        let choices: Vec<usize> = (0..1_u32 << all).filter(|bits| bits.count_ones() == recent).map(features).collect();
        let count = f64::from(u32::try_from(choices.len()).unwrap());
        let sum = f64::from(u32::try_from(choices.iter().sum::<usize>()).unwrap());
        let twice =
            choices.iter().map(|&found| u32::from(found < observed) + u32::from(found <= observed)).sum::<u32>();
        (sum / count, f64::from(twice) / 2.0 / count)
    }

    /// Two features in one of four units each; two units are chosen.
    #[test]
    fn by_hand() {
        let mut pool = pool(&[&[0], &[1], &[], &[1]], 2, 2);
        assert_eq!((pool.sides(), pool.observed()), ((2, 2), 1));
        // Feature 0 is missed by 3 of 6 choices, feature 1 by 1 of 6.
        let (expected, variance) = pool.expected();
        assert!((expected - (0.5 + 5.0 / 6.0)).abs() < 1e-12 && (variance - (0.25 + 5.0 / 36.0)).abs() < 1e-12);
        assert_eq!(pool.lost().collect::<Vec<_>>(), [(0, 1)]);
    }

    #[test]
    fn every_choice_in_turn() {
        let mut random = SplitMix64::new(2);
        for case in 0..40 {
            // Beyond the word in every other case.
            let high = if case % 2 == 0 { 0 } else { 60 };
            let drawn: Vec<Vec<u32>> = (0..10)
                .map(|_| {
                    (0..8).filter(|&feature| random.below(feature + 2) == 0).map(|feature| high + feature).collect()
                })
                .collect();
            let units: Vec<&[u32]> = drawn.iter().map(Vec::as_slice).collect();
            let (expected, p_value) = naive(&units, 3);
            let mut pool = pool(&units, 3, 8 + high as usize);
            let (mut twice, draws) = (0, 4_000);
            for _ in 0..draws {
                let found = pool.certain + pool.draw(&mut random, pool.observed());
                twice += u32::from(found < pool.observed()) + u32::from(found <= pool.observed());
            }
            let got = f64::from(twice) / f64::from(2 * draws);
            // Four standard deviations of so many draws.
            assert!((got - p_value).abs() < 4.0 * 0.5 / f64::from(draws).sqrt(), "{got} {p_value}");
            let sequential = pool.drawn(random.next());
            assert!((sequential - p_value).abs() < 4.0 * 0.25 * p_value + 0.01, "{sequential} {p_value}");
            let counted = pool.p_value(0);
            assert!((counted - p_value).abs() < 1e-5, "{counted} {p_value}");
            let certain = std::mem::take(&mut pool.certain);
            assert!((pool.expected().0 - expected).abs() < 1e-5 && pool.certain == certain);
        }
    }

    #[test]
    fn hardly_less_than_expected_is_no_sign() {
        let near = |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-8);
        assert!(near(nothing_to_see(5, 5.0, 1.0), 0.5) && near(nothing_to_see(5, 5.0, 0.0), 0.5));
        assert!(near(nothing_to_see(6, 5.0, 1.0), 0.841_344_746) && near(nothing_to_see(5, 5.5, 1.0), 0.308_537_539));
        assert_eq!(nothing_to_see(4, 5.0, 1.0), None);
    }
}
