//! Strings as small whole numbers.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// The key that stands for a missing string.
pub(crate) const NO_KEY: u64 = u64::MAX;

/// Every distinct string once, numbered in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    numbers: HashTable<(u64, u32)>,
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, number: usize) -> &str {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.text[start..self.ends[number]]
    }

    fn find(&self, hash: u64, string: &str) -> Option<u32> {
        let same = |&(other, number): &(u64, u32)| other == hash && self.get(number as usize) == string;
        self.numbers.find(hash, same).map(|entry| entry.1)
    }

    fn insert(&mut self, hash: u64, string: &str) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "2^32 distinct strings do not fit a machine's memory")]
        let number = self.ends.len() as u32;
        self.text.push_str(string);
        self.ends.push(self.text.len());
        self.numbers.insert_unique(hash, (hash, number), |entry| entry.0);
        number
    }
}

/// [`Strings`] that several workers fill at once.
///
/// Most strings of a log have been seen before, so a batch is looked up under a shared lock, and only what is new is
/// entered under an exclusive one.
#[derive(Debug, Default)]
pub(crate) struct Pool(RwLock<Strings>);

impl Pool {
    /// The number of each string, [`NO_KEY`] for a null.
    pub(crate) fn keys<'a>(&self, strings: impl Iterator<Item = Option<&'a str>>, keys: &mut Vec<u64>) {
        let hasher = FixedState::default();
        let first = keys.len();
        let mut unknown = Vec::new();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.extend(strings.enumerate().map(|(row, string)| {
            let Some(string) = string else { return NO_KEY };
            let hash = hasher.hash_one(string);
            known.find(hash, string).map_or_else(
                || {
                    unknown.push((row, hash, string));
                    NO_KEY
                },
                u64::from,
            )
        }));
        drop(known);
        if unknown.is_empty() {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (row, hash, string) in unknown {
            let number = known.find(hash, string).unwrap_or_else(|| known.insert(hash, string));
            keys[first + row] = u64::from(number);
        }
    }

    pub(crate) fn into_strings(self) -> Strings {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_have_equal_keys() {
        let pool = Pool::default();
        let mut keys = Vec::new();
        pool.keys([Some("b"), None, Some(""), Some("b"), Some("a")].into_iter(), &mut keys);
        assert_eq!(keys, [0, NO_KEY, 1, 0, 2]);
        keys.clear();
        pool.keys([Some("a"), Some("c"), Some("c")].into_iter(), &mut keys);
        assert_eq!(keys, [2, 3, 3]);
        let strings = pool.into_strings();
        assert_eq!((0..strings.len()).map(|n| strings.get(n)).collect::<Vec<_>>(), ["b", "", "a", "c"]);
    }
}
