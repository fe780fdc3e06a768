//! Ids on their way through the crate: as 64-bit keys, and back.

use std::borrow::Cow;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::ids::{IdType, Ids};
use super::pool::{Strings, first_bytes};

/// One id column of a batch as keys: the bits of an integer, the number of a string.
#[derive(Debug)]
pub(crate) struct Keys<'a> {
    pub(crate) keys: Cow<'a, [u64]>,
    /// Which rows are null; empty if none is.
    pub(crate) nulls: Vec<bool>,
}

impl Keys<'_> {
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.get(row).copied().unwrap_or(false)
    }
}

/// How keys of a column turn back into ids.
#[derive(Debug)]
pub(crate) struct KeyIds {
    pub(crate) id_type: IdType,
    pub(crate) strings: Strings,
}

impl KeyIds {
    /// Orders keys as their ids order.
    pub(crate) fn rank(&self) -> impl Fn(u64) -> u64 + Sync + use<> {
        // The first bytes decide most comparisons, without a look at the strings.
        let mut numbers: Vec<(u64, usize)> =
            (0..self.strings.len()).map(|number| (first_bytes(self.strings.get(number)), number)).collect();
        numbers.par_sort_unstable_by(|left, right| {
            left.0.cmp(&right.0).then_with(|| self.strings.get(left.1).cmp(self.strings.get(right.1)))
        });
        let mut ranks = vec![0_u64; numbers.len()];
        for (rank, (_, number)) in (0..).zip(numbers) {
            ranks[number] = rank;
        }
        let id_type = self.id_type;
        #[expect(clippy::cast_possible_truncation, reason = "the key of a string is its place in memory")]
        move |key| match id_type {
            IdType::String => ranks[key as usize],
            _ => Ids::ordered(id_type, key),
        }
    }

    /// The distinct ids behind these keys in order, and from a key to its place.
    pub(crate) fn distinct(&self, keys: impl Iterator<Item = u64>) -> (Ids, HashMap<u64, u32>) {
        let rank = self.rank();
        let mut keys: Vec<u64> = keys.collect();
        keys.par_sort_unstable_by_key(|&key| rank(key));
        keys.dedup();
        let places = keys.iter().copied().zip(0..).collect();
        (self.ids(keys.into_iter()), places)
    }

    /// The ids behind these keys, which come in order.
    #[expect(clippy::cast_possible_truncation, reason = "the key of a string is its place in memory")]
    pub(crate) fn ids(&self, keys: impl Iterator<Item = u64>) -> Ids {
        let mut ids = Ids::new(self.id_type);
        for key in keys {
            match self.id_type {
                IdType::String => ids.push_str(self.strings.get(key as usize)),
                id_type => ids.push_key(Ids::ordered(id_type, key)),
            }
        }
        ids
    }
}
