//! The first and the last day of every key.

use super::dense::Dense;

/// Short days are counted from this one: they reach from 1915 until 2094. The fewer bytes, the more keys a processor's
/// cache holds.
const ORIGIN: i32 = -20_000;
/// A day in two bytes.
pub(super) type ShortDay = u16;

/// The days of so many keys lie in the cache of a processor.
const NEAR: usize = 1 << 19;
/// Bits of a word.
const BITS: usize = u64::BITS as usize;

/// The last day of what has never been.
pub(super) const NEVER: ShortDay = 0;

/// The first and the last day of every key that has been met.
///
/// A log comes more or less in the order of its days, and has many rows of one user and day. Of many users those of the
/// latest day are only marked, with a bit, and the bits of a day become first and last days when a later one begins: the
/// bits of a million users lie in the cache of a processor, where their days do not.
#[derive(Debug)]
pub(super) struct Ends {
    dense: Dense,
    first: Vec<ShortDay>,
    last: Vec<ShortDay>,
    /// The latest day of all.
    latest: ShortDay,
    /// Who was met on it, place by place, if that is marked.
    met: Vec<u64>,
    marks: bool,
    /// Rows that have been read, and words of marks for whose becoming days they have paid.
    rows: usize,
    paid: usize,
}

impl Ends {
    /// Bytes that a key takes, but for its mark.
    pub(super) const BYTES: usize = 2 * size_of::<ShortDay>();

    pub(super) fn new(dense: Dense) -> Self {
        let places = dense.expected();
        let (first, last) = (vec![ShortDay::MAX; places], vec![NEVER; places]);
        let met = vec![0; places.div_ceil(BITS)];
        Self { dense, first, last, latest: NEVER, met, marks: false, rows: 0, paid: 0 }
    }

    /// Takes in keys of a day. `false` if there is no room for one of the keys, or for the day.
    #[must_use]
    pub(super) fn add(&mut self, keys: &[u64], day: i32) -> bool {
        let Some(day) = short(day) else { return false };
        if day > self.latest {
            self.turn_to(day);
        }
        self.rows += keys.len();
        let mut rest = keys;
        loop {
            let added = match day == self.latest {
                true if self.marks => self.mark(rest),
                true => self.add_latest(rest),
                false => self.add_late(rest, day),
            };
            rest = &rest[added..];
            let Some(&key) = rest.first() else { return true };
            let place = self.dense.place(key);
            let room = self.dense.make_room(&mut self.first, place, ShortDay::MAX)
                && self.dense.make_room(&mut self.last, place, NEVER);
            if !room {
                return false;
            }
            self.met.resize(self.last.len().div_ceil(BITS), 0);
        }
    }

    /// Marks keys up to the first without room. Says how many.
    fn mark(&mut self, keys: &[u64]) -> usize {
        let (dense, met) = (self.dense, &mut self.met[..]);
        for (row, &key) in keys.iter().enumerate() {
            let place = dense.place(key);
            let Some(word) = met.get_mut(place / BITS).filter(|_| place < self.last.len()) else { return row };
            *word |= 1 << (place % BITS);
        }
        keys.len()
    }

    /// Adds keys of the latest day, up to the first without room. Says how many.
    fn add_latest(&mut self, keys: &[u64]) -> usize {
        let (dense, day, last) = (self.dense, self.latest, &mut self.last[..]);
        let first = &mut self.first[..last.len()];
        for (row, &key) in keys.iter().enumerate() {
            let place = dense.place(key);
            let Some(own) = last.get_mut(place) else { return row };
            // It is the last one without a comparison, and the first one only of who has never been.
            if *own == NEVER {
                first[place] = day;
            }
            *own = day;
        }
        keys.len()
    }

    /// Adds keys of an earlier day, likewise.
    fn add_late(&mut self, keys: &[u64], day: ShortDay) -> usize {
        let (dense, last) = (self.dense, &mut self.last[..]);
        let first = &mut self.first[..last.len()];
        for (row, &key) in keys.iter().enumerate() {
            let place = dense.place(key);
            let Some(own) = last.get_mut(place) else { return row };
            *own = day.max(*own);
            first[place] = day.min(first[place]);
        }
        keys.len()
    }

    /// Begins a later day.
    fn turn_to(&mut self, day: ShortDay) {
        self.settle();
        self.latest = day;
        // Of few keys the days themselves are near. Where few rows lie on each of many days, it would take longer to look
        // for marks than to do without.
        self.marks = self.last.len() > NEAR && self.paid + self.met.len() <= self.rows;
    }

    /// Makes days of the marks.
    fn settle(&mut self) {
        if !self.marks {
            return;
        }
        self.paid += self.met.len();
        for (word, places) in self.met.iter_mut().zip((0..).step_by(BITS)) {
            let mut left = std::mem::take(word);
            while left > 0 {
                let place = places + left.trailing_zeros() as usize;
                if self.last[place] == NEVER {
                    self.first[place] = self.latest;
                }
                self.last[place] = self.latest;
                left &= left - 1;
            }
        }
    }

    /// Those of both, which are settled.
    pub(super) fn join(mut self, mut other: Self) -> Self {
        if self.last.len() < other.last.len() {
            std::mem::swap(&mut self, &mut other);
        }
        self.first.iter_mut().zip(&other.first).for_each(|(day, &other)| *day = other.min(*day));
        self.last.iter_mut().zip(&other.last).for_each(|(day, &other)| *day = other.max(*day));
        self
    }

    /// When all has been added: with days for marks.
    pub(super) fn settled(mut self) -> Self {
        self.settle();
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

    fn add(ends: &mut Ends, keys: &[u64], days: &[i32]) -> bool {
        let mut rest = keys;
        days.chunk_by(|one, other| one == other).all(|run| {
            let (own, others) = rest.split_at(run.len());
            rest = others;
            ends.add(own, run[0])
        })
    }

    /// Of few keys, whose days are written at once, and of many, whose days are marked as often as that pays.
    #[test]
    fn the_ends_of_days_in_any_order() {
        const ROWS: u64 = 2_000;
        let minus_five = (-5_i64).cast_unsigned();
        let range = |span| KeyRange { least: minus_five, span, above: i64::MAX.cast_unsigned() + 5 };
        for (range, ids) in
            [(None, 3_000), (Some(range(3_005)), 3_000), (None, 600_000), (Some(range(600_005)), 600_000)]
        {
            let dense = Dense::new(range, Ends::BYTES, 0).unwrap();
            let mut workers = [Ends::new(dense), Ends::new(dense)];
            let mut expected: BTreeMap<u64, (i32, i32)> = BTreeMap::new();
            let (mut marked, mut written) = (0, 0);
            for batch in 0..40_u64 {
                let scattered = |step: u64| (batch * ROWS + step).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                let keys: Vec<u64> = (0..ROWS).map(|step| scattered(step) % ids).collect();
                // Days count on from before the epoch, but for late ones and one batch that is of long before.
                let late = |step: u64| i32::try_from(scattered(step) % 50).map_or(0, |day| 9 * i32::from(day == 7));
                let begin = if batch == 30 { -300 } else { batch as i32 * 3 - 20 };
                let days: Vec<i32> = (0..ROWS).map(|step| begin + step as i32 / 800 - late(step)).collect();
                let worker = &mut workers[batch as usize % 2];
                assert!(add(worker, &keys, &days));
                (marked, written) = (marked + u32::from(worker.marks), written + u32::from(!worker.marks));
                for (&key, &day) in keys.iter().zip(&days) {
                    let ends = expected.entry(key).or_insert((day, day));
                    *ends = (ends.0.min(day), ends.1.max(day));
                }
            }
            assert_eq!((marked > 0, written > 0), (ids > 3_000, true));
            let [one, other] = workers.map(Ends::settled);
            let found: Vec<_> = one.join(other).iter().map(|(key, first, last)| (key, (first, last))).collect();
            assert_eq!(found, expected.clone().into_iter().collect::<Vec<_>>());
        }
        let mut ends = Ends::new(Dense::new(None, Ends::BYTES, 0).unwrap());
        assert!(!ends.add(&[1, u64::MAX, 2], 5));
        for (day, fits) in [(ORIGIN + 1, true), (ORIGIN + 65_535, true), (ORIGIN, false), (ORIGIN + 65_536, false)] {
            let mut ends = Ends::new(Dense::new(None, Ends::BYTES, 0).unwrap());
            assert_eq!(ends.add(&[3, 3], day), fits);
            assert_eq!(ends.settled().iter().next(), fits.then_some((3, day, day)));
        }
    }

    /// A key without room comes while others of its day are marked.
    #[test]
    fn room_is_made_among_marks() {
        let mut ends = Ends::new(Dense::new(None, Ends::BYTES, 0).unwrap());
        assert!(ends.add(&[NEAR as u64; 20_000], 1));
        let places = ends.last.len() as u64;
        assert!(ends.add(&[3, places + 70, 3, 4], 2) && ends.marks);
        assert!(ends.add(&[4, places + 71], 0) && ends.add(&[5], 3));
        let found: Vec<_> = ends.settled().iter().collect();
        let near = (NEAR as u64, 1, 1);
        assert_eq!(found, [(3, 2, 2), (4, 0, 2), (5, 3, 3), near, (places + 70, 2, 2), (places + 71, 0, 0)]);
    }
}
