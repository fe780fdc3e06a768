//! The first and the last day of every key.

use super::dense::Dense;
use crate::activity::LEFT_OUT;

/// Short days are counted from this one: they reach from 1915 until 2094. The fewer bytes, the more keys a processor's
/// cache holds.
const ORIGIN: i32 = -20_000;
/// A day in two bytes.
pub(super) type ShortDay = u16;

/// The last day of what has never been.
pub(super) const NEVER: ShortDay = 0;

/// The first and the last day of every key that has been met.
#[derive(Debug)]
pub(super) struct Ends {
    dense: Dense,
    first: Vec<ShortDay>,
    last: Vec<ShortDay>,
    /// The latest day of all.
    latest: ShortDay,
}

impl Ends {
    /// Bytes that a key takes.
    pub(super) const BYTES: usize = 2 * size_of::<ShortDay>();

    pub(super) fn new(dense: Dense) -> Self {
        let places = dense.expected();
        Self { dense, first: vec![ShortDay::MAX; places], last: vec![NEVER; places], latest: NEVER }
    }

    /// Takes in the days of keys. `false` if there is no room for one of the keys, or for one of the days.
    #[must_use]
    pub(super) fn add(&mut self, keys: &[u64], days: &[i32]) -> bool {
        let mut row = 0;
        loop {
            row += self.add_known(&keys[row..], &days[row..]);
            let Some((&key, &day)) = keys.get(row).zip(days.get(row)) else { return true };
            let place = self.dense.place(key);
            let room = short(day).is_some() && self.dense.make_room(&mut self.first, place, ShortDay::MAX);
            if !(room && self.dense.make_room(&mut self.last, place, NEVER)) {
                return false;
            }
        }
    }

    /// Takes in rows up to the first without room. Says how many.
    fn add_known(&mut self, keys: &[u64], days: &[i32]) -> usize {
        let (dense, mut latest) = (self.dense, self.latest);
        let last = &mut self.last[..];
        let first = &mut self.first[..last.len()];
        let mut added = keys.len().min(days.len());
        for (row, (&key, &day)) in keys.iter().zip(days).enumerate() {
            let place = dense.place(key);
            let Some(day) = short(day).filter(|_| place < last.len()) else {
                if day == LEFT_OUT {
                    continue;
                }
                added = row;
                break;
            };
            // In a log in order no day lies before the latest, so that it is the last one without a comparison, and the
            // first one only of who has never been.
            if day >= latest {
                latest = day;
                if last[place] == NEVER {
                    first[place] = day;
                }
                last[place] = day;
            } else {
                first[place] = first[place].min(day);
                last[place] = last[place].max(day);
            }
        }
        self.latest = latest;
        added
    }

    /// Those of both.
    pub(super) fn join(mut self, mut other: Self) -> Self {
        if self.last.len() < other.last.len() {
            std::mem::swap(&mut self, &mut other);
        }
        self.first.iter_mut().zip(&other.first).for_each(|(day, &other)| *day = other.min(*day));
        self.last.iter_mut().zip(&other.last).for_each(|(day, &other)| *day = other.max(*day));
        self.latest = self.latest.max(other.latest);
        self
    }

    /// The first and the last day of all.
    pub(super) fn observed(&self) -> Option<(i32, i32)> {
        let last = self.last.iter().copied().max().filter(|&last| last != NEVER)?;
        Some((long(self.first.iter().copied().min()?), long(last)))
    }

    /// Every key that has been met, with its first and last day, in the order of the places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, i32, i32)> {
        let days = self.first.iter().zip(&self.last).enumerate();
        let met = days.filter(|(_, (_, last))| **last != NEVER);
        met.map(move |(place, (&first, &last))| (self.dense.key(place), long(first), long(last)))
    }
}

/// A day as a short one, if it is one.
#[inline]
pub(super) fn short(day: i32) -> Option<ShortDay> {
    ShortDay::try_from(day.wrapping_sub(ORIGIN)).ok().filter(|&day| day != NEVER)
}

/// The day itself.
#[inline]
pub(super) fn long(day: ShortDay) -> i32 {
    i32::from(day) + ORIGIN
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use std::collections::BTreeMap;

    use super::super::dense::KeyRange;
    use super::*;

    #[test]
    fn the_ends_of_days_in_any_order() {
        let minus_five = (-5_i64).cast_unsigned();
        let range = KeyRange { least: minus_five, span: 3_005, above: i64::MAX.cast_unsigned() + 5 };
        for keys in [None, Some(range)] {
            let dense = Dense::new(keys, Ends::BYTES, 0).unwrap();
            let mut workers = [Ends::new(dense), Ends::new(dense)];
            let mut expected: BTreeMap<u64, (i32, i32)> = BTreeMap::new();
            for batch in 0..40_u64 {
                let scattered = |step: u64| (batch * 500 + step).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                let mut keys: Vec<u64> = (0..500).map(|step| scattered(step) % 3_000).collect();
                // Days count on from before the epoch, but for late ones and one batch that is of long before.
                let late = |step: u64| i32::try_from(scattered(step) % 50).map_or(0, |day| 9 * i32::from(day == 7));
                let begin = if batch == 30 { -300 } else { batch as i32 * 3 - 20 };
                let mut days: Vec<i32> = (0..500).map(|step| begin + step as i32 / 200 - late(step)).collect();
                (keys[100], days[100]) = (u64::MAX, LEFT_OUT);
                assert!(workers[batch as usize % 2].add(&keys, &days));
                for (&key, &day) in keys.iter().zip(&days).filter(|(_, day)| **day != LEFT_OUT) {
                    let ends = expected.entry(key).or_insert((day, day));
                    *ends = (ends.0.min(day), ends.1.max(day));
                }
            }
            let [one, other] = workers;
            let found: Vec<_> = one.join(other).iter().map(|(key, first, last)| (key, (first, last))).collect();
            assert_eq!(found, expected.clone().into_iter().collect::<Vec<_>>());
        }
        let mut ends = Ends::new(Dense::new(None, Ends::BYTES, 0).unwrap());
        assert!(!ends.add(&[1, u64::MAX, 2], &[5, 5, 6]));
        for (day, fits) in [(ORIGIN + 1, true), (ORIGIN + 65_535, true), (ORIGIN, false), (ORIGIN + 65_536, false)] {
            let mut ends = Ends::new(Dense::new(None, Ends::BYTES, 0).unwrap());
            assert_eq!(ends.add(&[3, 3], &[LEFT_OUT, day]), fits);
            assert_eq!(ends.iter().next(), fits.then_some((3, day, day)));
        }
    }
}
