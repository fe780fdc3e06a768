//! Strings as small whole numbers.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use polars::prelude::StringChunked;

/// The key that stands for a missing string.
pub(crate) const NO_KEY: u64 = u64::MAX;

/// So many strings are looked up together.
const TOGETHER: usize = 16;

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

    /// The numbers of a few strings that are known. They are looked up side by side, step by step, so that the lines of
    /// memory they need are fetched together.
    fn find_together(&self, strings: &[(u64, &str)], numbers: &mut Vec<Option<u32>>) {
        let mut found = [None; TOGETHER];
        for (found, &(hash, _)) in found.iter_mut().zip(strings) {
            *found = self.numbers.find(hash, |entry| entry.0 == hash).map(|entry| entry.1);
        }
        let found = found.map(|number| number.map(|number| (number, self.get(number as usize))));
        numbers.extend(strings.iter().zip(found).map(|(&(hash, string), found)| match found {
            Some((number, same)) if same == string => Some(number),
            Some(_) => self.find(hash, string),
            None => None,
        }));
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

/// Strings met lately, by their row in a chunk and their place among all that were looked up. Most strings of a log recur
/// within a short stretch of it, and then are compared with that row, which the processor's cache still holds.
struct Lately(Vec<Option<(u32, u32)>>);

impl Lately {
    const MOST_PLACES: usize = 1 << 16;

    fn new(rows: usize) -> Self {
        Self(vec![None; rows.next_power_of_two().min(Self::MOST_PLACES)])
    }

    /// The place of a string, by some of its bytes.
    #[inline]
    fn place(&mut self, string: &str) -> &mut Option<(u32, u32)> {
        let bytes = string.as_bytes();
        let some = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(&first), Some(&last)) => u64::from_le_bytes(first) ^ u64::from_le_bytes(last).rotate_left(29),
            _ => first_bytes(string),
        };
        let mixed = (some ^ bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = (mixed >> 40) as usize & (self.0.len() - 1);
        &mut self.0[place]
    }
}

/// The first eight bytes of a string as a number that orders as they do.
pub(crate) fn first_bytes(string: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = string.len().min(8);
    bytes[..length].copy_from_slice(&string.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

/// [`Strings`] that several workers fill at once.
///
/// Most strings of a log have been seen before, so a batch is looked up under a shared lock, and only what is new is
/// entered under an exclusive one.
#[derive(Debug, Default)]
pub(crate) struct Pool(RwLock<Strings>);

impl Pool {
    /// The number of each string, [`NO_KEY`] for a null.
    #[expect(clippy::cast_possible_truncation, reason = "polars counts the rows of a chunk in a u32")]
    pub(crate) fn keys(&self, strings: &StringChunked, keys: &mut Vec<u64>) {
        let hasher = FixedState::default();
        let nulls = (strings.null_count() > 0).then(|| strings.is_null());
        let first = keys.len();
        keys.reserve(strings.len());
        // First every row gets the place of its string among those to look up, then those are looked up.
        let mut sought: Vec<(u64, &str)> = Vec::new();
        for chunk in strings.downcast_iter() {
            let first_row = keys.len() - first;
            let mut lately = Lately::new(chunk.len());
            for (row, string) in chunk.values_iter().enumerate() {
                if nulls.as_ref().is_some_and(|nulls| nulls.get(first_row + row) == Some(true)) {
                    keys.push(NO_KEY);
                    continue;
                }
                let lately = lately.place(string);
                let place = match *lately {
                    Some((other, place)) if chunk.value(other as usize) == string => place,
                    _ => {
                        sought.push((hasher.hash_one(string), string));
                        let place = (sought.len() - 1) as u32;
                        *lately = Some((row as u32, place));
                        place
                    }
                };
                keys.push(u64::from(place));
            }
        }
        let numbers = self.numbers(&sought);
        for key in keys[first..].iter_mut().filter(|key| **key != NO_KEY) {
            *key = u64::from(numbers[*key as usize]);
        }
    }

    /// The numbers of strings, entering those that are new.
    fn numbers(&self, sought: &[(u64, &str)]) -> Vec<u32> {
        let mut found = Vec::with_capacity(sought.len());
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sought.chunks(TOGETHER).for_each(|strings| known.find_together(strings, &mut found));
        drop(known);
        if !found.contains(&None) {
            return found.into_iter().flatten().collect();
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let number = |(found, &(hash, string)): (Option<u32>, &(u64, &str))| {
            found.or_else(|| known.find(hash, string)).unwrap_or_else(|| known.insert(hash, string))
        };
        found.into_iter().zip(sought).map(number).collect()
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
        let chunked = |strings: &[Option<&str>]| strings.iter().copied().collect::<StringChunked>();
        pool.keys(&chunked(&[Some("b"), None, Some(""), Some("b"), Some("a")]), &mut keys);
        assert_eq!(keys, [0, NO_KEY, 1, 0, 2]);
        keys.clear();
        let long = "longer than what a view holds in itself";
        let mut two_chunks = chunked(&[Some("a"), Some(long), Some("c")]);
        two_chunks.append_owned(chunked(&[Some(""), Some(long), None])).unwrap();
        pool.keys(&two_chunks, &mut keys);
        assert_eq!(keys, [2, 3, 4, 1, 3, NO_KEY]);
        let strings = pool.into_strings();
        assert_eq!((0..strings.len()).map(|n| strings.get(n)).collect::<Vec<_>>(), ["b", "", "a", long, "c"]);
    }
}
