//! The names of actors and accounts, each stored once, in ascending order.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::stored::{holds, stored};

/// One id, as it stood in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id<'a> {
    /// From a column of signed integers.
    Int(i64),
    /// From a column of unsigned integers.
    UInt(u64),
    /// From a column of strings, categories or an enum.
    Str(&'a str),
}

impl Id<'_> {
    /// Whether both are the same, whichever signedness integers come in.
    pub(crate) fn is(self, other: Id<'_>) -> bool {
        match (self, other) {
            (Id::Int(signed), Id::UInt(unsigned)) | (Id::UInt(unsigned), Id::Int(signed)) => {
                u64::try_from(signed) == Ok(unsigned)
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(id) => id.fmt(f),
            Self::UInt(id) => id.fmt(f),
            Self::Str(id) => id.fmt(f),
        }
    }
}

macro_rules! id_from {
    ($($integer:ty => $kind:ident),*) => {
        $(impl From<$integer> for Id<'_> {
            fn from(id: $integer) -> Self {
                Self::$kind(id.into())
            }
        })*
    };
}
id_from!(i8 => Int, i16 => Int, i32 => Int, i64 => Int, u8 => UInt, u16 => UInt, u32 => UInt, u64 => UInt);

impl<'a> From<&'a String> for Id<'a> {
    fn from(id: &'a String) -> Self {
        Self::Str(id)
    }
}

impl<'a> From<&'a str> for Id<'a> {
    fn from(id: &'a str) -> Self {
        Self::Str(id)
    }
}

/// The type of an id column. Categories and enums are held, and given back, as strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IdType {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    String,
}

impl IdType {
    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64)
    }

    /// Whether a key is that of an integer of this type.
    fn holds(self, key: u64) -> bool {
        let bits = match self {
            Self::Int8 | Self::UInt8 => 8,
            Self::Int16 | Self::UInt16 => 16,
            Self::Int32 | Self::UInt32 => 32,
            Self::Int64 | Self::UInt64 => return true,
            Self::String => return false,
        };
        if self.is_signed() { [0, -1].contains(&(Ids::signed_id(key) >> (bits - 1))) } else { key >> bits == 0 }
    }
}

/// Distinct ids in ascending order; an id's place in it is its number everywhere else.
///
/// Integers are held as keys that order like the ids themselves: a signed one with its sign bit turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredIds")]
pub(crate) struct Ids {
    id_type: IdType,
    keys: Vec<u64>,
    text: String,
    ends: Vec<usize>,
}

stored!(StoredIds as Ids { id_type: IdType, keys: Vec<u64>, text: String, ends: Vec<usize> });

impl Ids {
    pub(crate) fn new(id_type: IdType) -> Self {
        Self { id_type, keys: Vec::new(), text: String::new(), ends: Vec::new() }
    }

    fn check(&self) -> Result<(), String> {
        let laid_out = match self.id_type {
            IdType::String => {
                let whole = self.ends.last().copied().unwrap_or(0) == self.text.len();
                let on_characters = self.ends.iter().all(|&end| self.text.is_char_boundary(end));
                self.keys.is_empty() && whole && on_characters && self.ends.is_sorted()
            }
            integer => {
                let fit = self.keys.iter().all(|&key| integer.holds(key));
                self.text.is_empty() && self.ends.is_empty() && fit
            }
        };
        holds(laid_out, "each id lies within the text, or fits its type of integer")?;
        let ascend = (1..self.len()).all(|number| self.compare(number - 1, self, number) == Ordering::Less);
        holds(ascend, "ids ascend, each once")
    }

    pub(crate) fn id_type(&self) -> IdType {
        self.id_type
    }

    pub(crate) fn len(&self) -> usize {
        if self.id_type == IdType::String { self.ends.len() } else { self.keys.len() }
    }

    pub(crate) fn get(&self, number: usize) -> Id<'_> {
        match self.id_type {
            IdType::String => Id::Str(self.string(number)),
            signed if signed.is_signed() => Id::Int(Self::signed_id(self.keys[number])),
            _ => Id::UInt(self.keys[number]),
        }
    }

    fn string(&self, number: usize) -> &str {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.text[start..self.ends[number]]
    }

    /// The key of a signed integer.
    #[inline]
    pub(crate) fn signed_key(id: i64) -> u64 {
        Self::ordered(IdType::Int64, id.cast_unsigned())
    }

    /// The key of an integer that comes as its bare bits.
    #[inline]
    pub(crate) fn ordered(id_type: IdType, bits: u64) -> u64 {
        if id_type.is_signed() { bits ^ (1 << 63) } else { bits }
    }

    /// The signed integer of a key.
    #[inline]
    fn signed_id(key: u64) -> i64 {
        (key ^ (1 << 63)).cast_signed()
    }

    pub(crate) fn push_key(&mut self, key: u64) {
        self.keys.push(key);
    }

    pub(crate) fn push_str(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    pub(crate) fn push_from(&mut self, other: &Self, number: usize) {
        match other.id_type {
            IdType::String => self.push_str(other.string(number)),
            _ => self.push_key(other.keys[number]),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Id<'_>> {
        (0..self.len()).map(|number| self.get(number))
    }

    /// Orders an id of this list against one of another list of the same type.
    pub(crate) fn compare(&self, number: usize, other: &Self, other_number: usize) -> Ordering {
        match self.id_type {
            IdType::String => self.string(number).cmp(other.string(other_number)),
            _ => self.keys[number].cmp(&other.keys[other_number]),
        }
    }

    /// The same ids as another type of integer, or as the text they are; `None` if one of them does not fit.
    pub(crate) fn cast(&self, id_type: IdType) -> Option<Self> {
        if self.id_type == id_type {
            return Some(self.clone());
        }
        let key = |id| match id {
            Id::Str(_) => None,
            Id::Int(id) if id_type.is_signed() => Some(Self::signed_key(id)),
            Id::Int(id) => u64::try_from(id).ok(),
            Id::UInt(id) if id_type.is_signed() => i64::try_from(id).ok().map(Self::signed_key),
            Id::UInt(id) => Some(id),
        };
        let keys = self.iter().map(|id| key(id).filter(|&key| id_type.holds(key))).collect::<Option<_>>()?;
        Some(Self { id_type, keys, text: String::new(), ends: Vec::new() })
    }

    /// The number of an id. Integers are found whichever signedness they come in.
    pub(crate) fn position(&self, id: Id<'_>) -> Option<usize> {
        let key = match (id, self.id_type) {
            (Id::Str(id), IdType::String) => {
                let (mut low, mut high) = (0, self.len());
                while low < high {
                    let middle = usize::midpoint(low, high);
                    match self.string(middle).cmp(id) {
                        Ordering::Less => low = middle + 1,
                        Ordering::Greater => high = middle,
                        Ordering::Equal => return Some(middle),
                    }
                }
                return None;
            }
            (Id::Int(id), id_type) if id_type.is_signed() => Self::signed_key(id),
            (Id::UInt(id), id_type) if id_type.is_signed() => Self::signed_key(i64::try_from(id).ok()?),
            (Id::Int(id), id_type) if id_type != IdType::String => u64::try_from(id).ok()?,
            (Id::UInt(id), id_type) if id_type != IdType::String => id,
            _ => return None,
        };
        self.keys.binary_search(&key).ok()
    }

    /// The number here of each id of another list, likewise; `None` of those that are not here.
    pub(crate) fn positions(&self, others: &Self) -> Vec<Option<u32>> {
        let found = |place: Option<usize>| place.and_then(|place| u32::try_from(place).ok());
        let text = |ids: &Self| ids.id_type == IdType::String;
        // A few are looked up; where they are many, both lists are gone through side by side.
        if others.len() < self.len() / 16 || text(self) != text(others) {
            return others.iter().map(|id| found(self.position(id))).collect();
        }
        let mut here = 0;
        let mut place = |number: usize| {
            while here < self.len() {
                match self.order(here, others, number) {
                    Ordering::Less => here += 1,
                    Ordering::Equal => return found(Some(here)),
                    Ordering::Greater => return None,
                }
            }
            None
        };
        (0..others.len()).map(&mut place).collect()
    }

    /// As [`compare`](Self::compare), of integers of whatever type.
    fn order(&self, number: usize, other: &Self, other_number: usize) -> Ordering {
        let integer = |ids: &Self, number: usize| match ids.get(number) {
            Id::Int(id) => i128::from(id),
            Id::UInt(id) => i128::from(id),
            Id::Str(_) => 0,
        };
        match self.id_type {
            IdType::String => self.string(number).cmp(other.string(other_number)),
            _ => integer(self, number).cmp(&integer(other, other_number)),
        }
    }

    /// Number of each id of `self` within `union`, which holds them all.
    pub(crate) fn places_in(&self, union: &Self) -> Vec<u32> {
        let mut place = 0;
        (0..self.len())
            .map(|number| {
                while union.compare(place, self, number) == Ordering::Less {
                    place += 1;
                }
                #[expect(clippy::cast_possible_truncation, reason = "ids are counted in a u32")]
                let found = place as u32;
                found
            })
            .collect()
    }

    /// The ids of both lists, each once.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut union = Self::new(self.id_type);
        let (mut left, mut right) = (0, 0);
        while left < self.len() || right < other.len() {
            let order = if left == self.len() {
                Ordering::Greater
            } else if right == other.len() {
                Ordering::Less
            } else {
                self.compare(left, other, right)
            };
            if order == Ordering::Greater {
                union.push_from(other, right);
            } else {
                union.push_from(self, left);
            }
            left += usize::from(order != Ordering::Greater);
            right += usize::from(order != Ordering::Less);
        }
        union
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(ids: &[i64]) -> Ids {
        let mut list = Ids::new(IdType::Int64);
        ids.iter().for_each(|&id| list.push_key(Ids::signed_key(id)));
        list
    }

    #[test]
    fn keys_order_like_the_ids() {
        let ids = [i64::MIN, -1, 0, 1, i64::MAX];
        let list = ints(&ids);
        assert!(list.keys.is_sorted());
        for (number, id) in ids.into_iter().enumerate() {
            assert_eq!(list.get(number), Id::Int(id));
            assert_eq!(list.position(Id::Int(id)), Some(number));
        }
        assert_eq!(list.position(Id::UInt(1)), Some(3));
        assert_eq!(list.position(Id::UInt(u64::MAX)), None);
        assert_eq!(list.position(Id::Str("1")), None);
    }

    #[test]
    fn read_back_as_they_were_or_not_at_all() {
        let strings = |text: &str, ends: &[usize]| {
            Ids { id_type: IdType::String, keys: vec![], text: text.to_owned(), ends: ends.to_vec() }.check().is_ok()
        };
        assert!(strings("", &[]) && strings("", &[0]) && strings("aab", &[0, 1, 3]) && strings("bā", &[1, 3]));
        for (text, ends) in [("a", &[][..]), ("a", &[2]), ("ab", &[1]), ("ab", &[2, 1, 2]), ("bā", &[1, 2, 3])] {
            assert!(!strings(text, ends), "{text} {ends:?}");
        }
        assert!(!strings("ba", &[1, 2]) && !strings("aa", &[1, 2]) && !strings("", &[0, 0]));

        let integers = |id_type, keys: &[u64]| {
            Ids { id_type, keys: keys.to_vec(), text: String::new(), ends: vec![] }.check().is_ok()
        };
        let signed = |id| Ids::signed_key(id);
        assert!(integers(IdType::Int8, &[signed(-128), signed(0), signed(127)]));
        assert!(integers(IdType::Int64, &[0, u64::MAX]) && integers(IdType::UInt64, &[0, u64::MAX]));
        assert!(integers(IdType::UInt8, &[0, 255]) && integers(IdType::UInt32, &[u64::from(u32::MAX)]));
        assert!(!integers(IdType::Int8, &[signed(128)]) && !integers(IdType::Int8, &[signed(-129)]));
        assert!(
            !integers(IdType::UInt8, &[256]) && !integers(IdType::UInt16, &[65_536]) && !integers(IdType::Int32, &[0])
        );
        assert!(!integers(IdType::UInt8, &[2, 1]) && !integers(IdType::UInt8, &[1, 1]));
        assert!(!integers(IdType::String, &[1]));
        let two_ways = Ids { ends: vec![0], ..ints(&[1]) };
        assert!(two_ways.check().is_err());
    }

    #[test]
    fn cast_where_they_fit() {
        let small = ints(&[-1, 0, 127]);
        assert_eq!(small.cast(IdType::Int8).and_then(|narrow| narrow.cast(IdType::Int64)), Some(small.clone()));
        assert_eq!((small.cast(IdType::UInt64), ints(&[128]).cast(IdType::Int8)), (None, None));
        let unsigned = ints(&[3, 9]).cast(IdType::UInt16).unwrap();
        assert_eq!(unsigned.iter().collect::<Vec<_>>(), [Id::UInt(3), Id::UInt(9)]);
        assert_eq!(ints(&[1]).cast(IdType::String), None);
    }

    #[test]
    fn unions_and_places() {
        let (left, right) = (ints(&[1, 3, 5]), ints(&[2, 3]));
        let union = left.union(&right);
        assert_eq!(union, ints(&[1, 2, 3, 5]));
        assert_eq!(left.places_in(&union), [0, 2, 3]);
        assert_eq!(right.places_in(&union), [1, 2]);
        let mut unsigned = Ids::new(IdType::UInt64);
        [0, 3, 4, u64::MAX].into_iter().for_each(|id| unsigned.push_key(id));
        assert_eq!(unsigned.positions(&ints(&[-5, 0, 2, 3, 9])), [None, Some(0), None, Some(1), None]);
        assert_eq!(ints(&[-1, 0, 4]).positions(&unsigned), [Some(1), None, Some(2), None]);
        let many = ints(&(0..100).collect::<Vec<_>>());
        assert_eq!(many.positions(&unsigned), [Some(0), Some(3), Some(4), None]);
        assert_eq!(unsigned.positions(&many).iter().flatten().count(), 3);
        let mut strings = Ids::new(IdType::String);
        ["", "a", "ab"].into_iter().for_each(|id| strings.push_str(id));
        assert_eq!(strings.position(Id::Str("ab")), Some(2));
        assert_eq!(strings.position(Id::Str("b")), None);
        assert_eq!(strings.union(&strings), strings);
        let mut other = Ids::new(IdType::String);
        ["a", "aa", "ab", "b"].into_iter().for_each(|id| other.push_str(id));
        assert_eq!(strings.positions(&other), [Some(1), None, Some(2), None]);
        assert_eq!(strings.positions(&ints(&[1, 2])), [None, None]);
    }
}
