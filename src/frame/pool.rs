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

/// Strings of this column met lately, by where they lie in memory: a column read from a dictionary points to the same
/// bytes again and again, and the same bytes are the same string.
struct Lately([Seen; 256]);

#[derive(Clone, Copy, Default)]
struct Seen {
    start: usize,
    length: usize,
    number: u32,
}

impl Default for Lately {
    fn default() -> Self {
        Self([Seen::default(); 256])
    }
}

impl Lately {
    #[inline]
    fn place(&mut self, string: &str) -> &mut Seen {
        // Multiplied so that neighbours in a dictionary get places of their own.
        &mut self.0[string.as_ptr().addr().wrapping_mul(0x9E37_79B9) >> 16 & 255]
    }
}

impl Seen {
    #[inline]
    fn key(&self, string: &str) -> Option<u64> {
        let same = self.start == string.as_ptr().addr() && self.length == string.len();
        same.then_some(u64::from(self.number))
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
        let mut lately = Lately::default();
        keys.extend(strings.enumerate().map(|(row, string)| {
            let Some(string) = string else { return NO_KEY };
            let seen = lately.place(string);
            if let Some(key) = seen.key(string) {
                return key;
            }
            let hash = hasher.hash_one(string);
            match known.find(hash, string) {
                Some(number) => {
                    *seen = Seen { start: string.as_ptr().addr(), length: string.len(), number };
                    u64::from(number)
                }
                None => {
                    unknown.push((row, hash, string));
                    NO_KEY
                }
            }
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
