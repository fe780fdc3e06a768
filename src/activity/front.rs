//! The front of the log: the days that are just being read, added up before they are dealt out.
//!
//! A log is nearly in order of time, and a user who is active does several things a day. So each worker keeps the
//! users of the latest days in a small table that a processor's cache holds, and only finished user-days go on to the
//! shards, whose tables are large. A log in no order at all passes through at the cost of one more look-up an event.

use super::batch::{Beside, Part, hash};
use super::features::NO_FEATURE;

/// Places in the table at first. It grows until it holds the users of a day, and no further, so that the small table of a
/// small product stays in the innermost cache.
const FIRST_PLACES: usize = 1 << 12;
/// Places at the most: 4 MiB for a log of users and days alone, 14 MiB for one that has more.
const MOST_PLACES: usize = 1 << 18;

/// The user-days of the latest days, in a table with linear probing. A place without events is free.
#[derive(Debug)]
pub(crate) struct Front<B> {
    places: Vec<Part<B>>,
    held: usize,
    newest: i32,
}

impl<B: Beside> Front<B> {
    pub(crate) fn new() -> Self {
        Self { places: vec![Part::default(); FIRST_PLACES], held: 0, newest: i32::MIN }
    }

    /// The table is emptied of all but the newest day when it holds so many.
    fn full(&self) -> usize {
        self.places.len() / 8 * 3
    }

    /// Where the search for a user-day begins, in a table of any size.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits matter")]
    pub(crate) fn place(user: u64, day: i32, beside: &B) -> usize {
        // Days and accounts are spread by odd factors: those of one user must not stand in one run, which every search
        // would have to walk.
        let account = beside.account().map_or(0, |account| account.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
        (hash(user) ^ account).wrapping_add(u64::from(day.cast_unsigned()).wrapping_mul(0x9E37_79B1)) as usize
    }

    /// The place itself; tables have a power of two of them.
    #[inline]
    fn within(&self, place: usize) -> usize {
        place & (self.places.len() - 1)
    }

    /// Looks at a place. To look at several in a row before they are needed lets the processor fetch them together.
    #[inline]
    pub(crate) fn peek(&self, place: usize) -> u32 {
        self.places[self.within(place)].events
    }

    /// Adds a part whose search begins at `place`. `out` is handed what leaves the front.
    #[inline]
    pub(crate) fn add(&mut self, mut place: usize, part: Part<B>, out: &mut impl FnMut(Part<B>)) {
        if part.beside.high() != NO_FEATURE {
            // Rare, so it goes on by itself, as a part without events.
            out(Part { events: 0, beside: part.beside.only_high(), ..part });
        }
        loop {
            place = self.within(place);
            let held = &mut self.places[place];
            if held.events == 0 {
                *held = Part { beside: part.beside.emptied(), ..part };
                held.beside.join(part.beside);
                break;
            }
            if held.user == part.user && held.day == part.day && held.beside.account() == part.beside.account() {
                // Saturates, and a saturated count is refused when the rows are taken over.
                held.events = held.events.saturating_add(part.events);
                held.beside.join(part.beside);
                return;
            }
            place += 1;
        }
        self.held += 1;
        self.newest = self.newest.max(part.day);
        if self.held > self.full() {
            self.retire(out);
        }
    }

    /// Hands out all days but the newest, growing if that alone fills half of the table; that too if it is as large as
    /// it may be.
    #[cold]
    fn retire(&mut self, out: &mut impl FnMut(Part<B>)) {
        let newest = self.newest;
        let mut kept = Vec::new();
        self.drain(|part| if part.day == newest { kept.push(part) } else { out(part) });
        if kept.len() > self.full() / 2 {
            if self.places.len() == MOST_PLACES {
                kept.into_iter().for_each(out);
                return;
            }
            self.places = vec![Part::default(); self.places.len() * 2];
        }
        for part in kept {
            self.add(Self::place(part.user, part.day, &part.beside), part, out);
        }
    }

    /// Hands out everything.
    pub(crate) fn drain(&mut self, out: impl FnMut(Part<B>)) {
        self.places.iter_mut().filter(|part| part.events > 0).map(std::mem::take).for_each(out);
        self.held = 0;
        self.newest = i32::MIN;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::batch::Rest;

    use super::*;

    #[test]
    fn nothing_is_lost_or_doubled_in_any_order() {
        let mut front = Front::new();
        let mut expected: BTreeMap<(u64, i32, Option<u64>), (u32, u64)> = BTreeMap::new();
        let mut seen = expected.clone();
        let mut collect = |part: Part<Rest>| {
            let sum = seen.entry((part.user, part.day, part.beside.account())).or_default();
            sum.0 += part.events;
            sum.1 |= part.beside.low();
        };
        // Far more user-days than the table has places, in a scrambled order, with days of before the epoch.
        for step in 0..400_000_u64 {
            let scrambled = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let (user, day) = (scrambled % 70_000, (scrambled / 70_000 % 9) as i32 - 4);
            let account = (scrambled % 3 > 0).then_some(scrambled % 2);
            let feature = (scrambled % 60) as u32;
            let sum = expected.entry((user, day, account)).or_default();
            sum.0 += 1;
            sum.1 |= 1 << feature;
            let beside = Rest::new(account, 0.0, feature);
            front.add(Front::place(user, day, &beside), Part { user, day, events: 1, beside }, &mut collect);
        }
        front.drain(&mut collect);
        assert_eq!(seen, expected);
    }
}
