//! Sets of features, one a row, for any number of distinct features.

use std::ops::Range;

use rayon::prelude::*;

/// A feature that an event does not have.
pub(crate) const NO_FEATURE: u32 = u32::MAX;
/// Features below this number are bits of a word, the others stand in a list.
pub(crate) const LOW_FEATURES: u32 = 64;

/// Per row the set of features used: the first 64 as bits of a word, the others as a sorted list of row and feature.
///
/// Products have tens of features and an active day touches a few, so the word serves nearly always; a log with
/// thousands of features costs twelve bytes for each further one that a row has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FeatureSets {
    pub(crate) low: Vec<u64>,
    pub(crate) high_row: Vec<u64>,
    pub(crate) high_feature: Vec<u32>,
}

impl FeatureSets {
    pub(crate) fn reserve_exact(&mut self, rows: usize) {
        self.low.reserve_exact(rows);
    }

    /// How many features all rows have together.
    pub(crate) fn count(&self) -> u64 {
        self.low.iter().map(|low| u64::from(low.count_ones())).sum::<u64>() + self.high_feature.len() as u64
    }

    /// The features of a row, in ascending order.
    pub(crate) fn of(&self, row: usize) -> impl Iterator<Item = u32> + '_ {
        let low = self.low[row];
        let high = self.high(row..row + 1);
        bits(low).chain(self.high_feature[high].iter().copied())
    }

    /// Whether a row has a feature.
    #[inline]
    pub(crate) fn contains(&self, row: usize, feature: u32) -> bool {
        if feature < LOW_FEATURES {
            return self.low[row] >> feature & 1 == 1;
        }
        self.high_feature[self.high(row..row + 1)].binary_search(&feature).is_ok()
    }

    /// The places in the list that belong to some rows.
    pub(crate) fn high(&self, rows: Range<usize>) -> Range<usize> {
        if self.high_row.is_empty() {
            return 0..0;
        }
        let place = |row: usize| self.high_row.partition_point(|&other| other < row as u64);
        place(rows.start)..place(rows.end)
    }

    /// Appends rows of another list at row `at`, features renumbered.
    pub(crate) fn extend(&mut self, at: usize, from: &Self, rows: Range<usize>, map: &FeatureMap) {
        if from.high_row.is_empty()
            && let Some(words) = &map.words
        {
            self.low.extend(from.low[rows].iter().map(|&low| words.map(low)));
            return;
        }
        for (place, row) in (at..).zip(rows) {
            self.low.push(0);
            self.join_last(place, from, row, map);
        }
    }

    /// Appends the features beyond the word of some rows of another list, which come to stand at row `at`.
    pub(crate) fn extend_high(&mut self, at: usize, from: &Self, rows: Range<usize>) {
        for place in from.high(rows.clone()) {
            self.high_row.push(from.high_row[place] - rows.start as u64 + at as u64);
            self.high_feature.push(from.high_feature[place]);
        }
    }

    /// Appends the features beyond the word of another list, whose rows are those of this one.
    pub(crate) fn append_high(&mut self, from: &Self) {
        self.high_row.extend_from_slice(&from.high_row);
        self.high_feature.extend_from_slice(&from.high_feature);
    }

    /// Gives every feature its new number.
    pub(crate) fn renumber(&mut self, map: &FeatureMap) {
        match &map.words {
            Some(words) if self.high_row.is_empty() => {
                self.low.par_iter_mut().for_each(|low| *low = words.map(*low));
            }
            _ => {
                let mut renumbered = Self::default();
                renumbered.reserve_exact(self.low.len());
                renumbered.extend(0, self, 0..self.low.len(), map);
                *self = renumbered;
            }
        }
    }

    /// Adds the features of a row of another list to the last row, which is row `last`.
    pub(crate) fn join_last(&mut self, last: usize, from: &Self, row: usize, map: &FeatureMap) {
        let start = self.high_row.partition_point(|&other| other < last as u64);
        for feature in from.of(row) {
            self.insert(last, start, map.features[feature as usize]);
        }
    }

    /// Adds a feature to the last row, whose list starts at `start`.
    pub(crate) fn insert(&mut self, last: usize, start: usize, feature: u32) {
        if feature < LOW_FEATURES {
            self.low[last] |= 1 << feature;
        } else if let Err(place) = self.high_feature[start..].binary_search(&feature) {
            self.high_feature.insert(start + place, feature);
            self.high_row.push(last as u64);
        }
    }
}

fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros();
            word &= word - 1;
            bit
        })
    })
}

/// From the numbers of features in one table to their numbers in another.
#[derive(Debug)]
pub(crate) struct FeatureMap {
    features: Vec<u32>,
    /// Whole words at a time, where every feature stays within them.
    words: Option<Words>,
}

impl FeatureMap {
    pub(crate) fn new(features: Vec<u32>) -> Self {
        let low = &features[..features.len().min(LOW_FEATURES as usize)];
        let words = low.iter().all(|&feature| feature < LOW_FEATURES).then(|| Words::new(low));
        Self { features, words }
    }

    /// The map between two sorted lists of names, the second of which holds all of the first.
    pub(crate) fn between(from: &[String], to: &[String]) -> Self {
        let mut place = 0_u32;
        let features = from.iter().map(|name| {
            while to[place as usize] != *name {
                place += 1;
            }
            place
        });
        Self::new(features.collect())
    }
}

/// Renumbers 64 bits by eight look-ups.
#[derive(Debug)]
struct Words {
    bytes: Box<[[u64; 256]; 8]>,
    same: bool,
}

impl Words {
    fn new(map: &[u32]) -> Self {
        let mut bytes = Box::new([[0; 256]; 8]);
        for (from, &to) in map.iter().enumerate() {
            for (byte, word) in bytes[from / 8].iter_mut().enumerate() {
                if byte >> (from % 8) & 1 == 1 {
                    *word |= 1 << to;
                }
            }
        }
        Self { bytes, same: (0_u32..).zip(map).all(|(from, &to)| from == to) }
    }

    #[inline]
    fn map(&self, word: u64) -> u64 {
        if self.same {
            return word;
        }
        word.to_le_bytes().iter().zip(self.bytes.iter()).fold(0, |to, (&byte, words)| to | words[usize::from(byte)])
    }
}

/// Rows with these features, each in ascending order.
#[cfg(test)]
pub(crate) fn features_of(rows: &[&[u32]]) -> FeatureSets {
    let mut sets = FeatureSets::default();
    for (row, features) in rows.iter().enumerate() {
        sets.low.push(0);
        let start = sets.high_feature.len();
        features.iter().for_each(|&feature| sets.insert(row, start, feature));
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_lists_give_the_same_sets() {
        // Features 0 to 99, renumbered to 99 to 0: the word alone cannot do that.
        let mut sets = FeatureSets::default();
        for row in 0..3_u32 {
            sets.low.push(0);
            let start = sets.high_row.len();
            for feature in (0..100).filter(|feature| (feature + 1) % (row + 7) == 0) {
                sets.insert(row as usize, start, feature);
            }
        }
        let map = FeatureMap::new((0..100).rev().collect());
        let mut turned = FeatureSets::default();
        turned.extend(0, &sets, 0..3, &map);
        for row in 0..3 {
            let mut expected: Vec<u32> = sets.of(row).map(|feature| 99 - feature).collect();
            expected.reverse();
            assert_eq!(turned.of(row).collect::<Vec<_>>(), expected);
            assert_eq!(expected.len(), 100 / (row + 7));
        }
    }

    #[test]
    fn a_word_is_renumbered_bit_by_bit() {
        let map = FeatureMap::new((0..64).map(|feature| (feature * 29 + 5) % 64).collect());
        let word = 0x9E37_79B9_7F4A_7C15;
        let expected = bits(word).fold(0, |to, bit| to | 1_u64 << ((bit * 29 + 5) % 64));
        assert_eq!(map.words.unwrap().map(word), expected);
        assert_eq!(FeatureMap::between(&["b".into()], &["a".into(), "b".into()]).features, [1]);
    }
}
