//! The front of the log: the days that are just being read, added up before they are dealt out.
//!
//! A log is nearly in order of time, and a user who is active does several things a day. So each worker keeps the
//! users of the latest days in a small table that a processor's cache holds, and only finished user-days go on to the
//! shards, whose tables are large. A log in no order at all passes through at the cost of one more look-up an event.

use super::shard::{Carried, LOW_FEATURES, NO_FEATURE, Shard};

/// Places in the table at first. It grows until it holds the users of a day, and no further, so that the small table of a
/// small product stays in the innermost cache.
const FIRST_PLACES: usize = 1 << 12;
/// Places at the most: with 16 bytes each, what a second-level cache holds.
const MOST_PLACES: usize = 1 << 18;

/// A user, a day, and how many events: what every log has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head {
    pub(crate) user: u64,
    pub(crate) day: i32,
    pub(crate) events: u32,
}

/// What only some logs have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rest {
    pub(crate) account: Option<u64>,
    pub(crate) value: f64,
    /// The features below [`LOW_FEATURES`], as bits.
    pub(crate) low: u64,
    /// One feature from [`LOW_FEATURES`] on, or [`NO_FEATURE`].
    pub(crate) high: u32,
}

impl Rest {
    pub(crate) const NONE: Self = Self { account: None, value: 0.0, low: 0, high: NO_FEATURE };

    /// The same with a feature.
    #[inline]
    pub(crate) fn with_feature(self, feature: u32) -> Self {
        if feature < LOW_FEATURES { Self { low: 1 << feature, ..self } } else { Self { high: feature, ..self } }
    }
}

/// The user-days of the latest days, in a table with linear probing. A place without events is free.
#[derive(Debug)]
pub(crate) struct Front {
    carried: Carried,
    heads: Vec<Head>,
    /// At the same places; empty where no log has such things.
    rests: Vec<Rest>,
    held: usize,
    newest: i32,
}

impl Front {
    pub(crate) fn new(carried: Carried) -> Self {
        let mut front = Self { carried, heads: Vec::new(), rests: Vec::new(), held: 0, newest: i32::MIN };
        front.resize(FIRST_PLACES);
        front
    }

    /// Makes room for so many; the table is empty then.
    fn resize(&mut self, places: usize) {
        self.heads = vec![Head::default(); places];
        self.rests = vec![Rest::NONE; if self.carried.any() { places } else { 0 }];
    }

    /// The table is emptied of all but the newest day when it holds so many.
    fn full(&self) -> usize {
        self.heads.len() / 8 * 3
    }

    /// Where the search for a user-day begins, in a table of any size.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits matter")]
    pub(crate) fn place(user: u64, day: i32) -> usize {
        // The days of a user go side by side, so that a change of day touches the same line of the cache.
        (Shard::hash(user) as usize).wrapping_add(day.unsigned_abs() as usize)
    }

    /// The place itself; tables have a power of two of them.
    #[inline]
    fn within(&self, place: usize) -> usize {
        place & (self.heads.len() - 1)
    }

    /// Looks at a place. To look at several in a row before they are needed lets the processor fetch them together.
    #[inline]
    pub(crate) fn peek(&self, place: usize) -> u32 {
        self.heads[self.within(place)].events
    }

    /// Adds an event, or part of a user-day, whose search begins at `place`. `out` is handed what leaves the front.
    #[inline]
    pub(crate) fn add(&mut self, mut place: usize, part: Head, rest: Rest, out: &mut impl FnMut(Head, Rest)) {
        if rest.high != NO_FEATURE {
            // Rare, so it goes on by itself, as a part without events.
            out(Head { events: 0, ..part }, Rest { low: 0, value: 0.0, ..rest });
        }
        loop {
            place = self.within(place);
            let head = &mut self.heads[place];
            if head.events == 0 {
                *head = part;
                if let Some(held) = self.rests.get_mut(place) {
                    *held = Rest { high: NO_FEATURE, ..rest };
                }
                break;
            }
            if head.user == part.user && head.day == part.day {
                let held = self.rests.get_mut(place);
                if held.as_ref().is_none_or(|held| held.account == rest.account) {
                    // Saturates, and a saturated count is refused when the rows are taken over.
                    head.events = head.events.saturating_add(part.events);
                    if let Some(held) = held {
                        held.value += rest.value;
                        held.low |= rest.low;
                    }
                    return;
                }
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
    fn retire(&mut self, out: &mut impl FnMut(Head, Rest)) {
        let newest = self.newest;
        let mut kept = Vec::new();
        self.drain(|head, rest| if head.day == newest { kept.push((head, rest)) } else { out(head, rest) });
        if kept.len() > self.full() / 2 {
            if self.heads.len() == MOST_PLACES {
                kept.into_iter().for_each(|(head, rest)| out(head, rest));
                return;
            }
            self.resize(self.heads.len() * 2);
        }
        for (head, rest) in kept {
            self.add(Self::place(head.user, head.day), head, rest, out);
        }
    }

    /// Hands out everything.
    pub(crate) fn drain(&mut self, mut out: impl FnMut(Head, Rest)) {
        for (place, head) in self.heads.iter_mut().enumerate().filter(|(_, head)| head.events > 0) {
            out(std::mem::take(head), self.rests.get(place).copied().unwrap_or(Rest::NONE));
        }
        self.held = 0;
        self.newest = i32::MIN;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn nothing_is_lost_or_doubled_in_any_order() {
        let carried = Carried { account: true, feature: true, value: true };
        let mut front = Front::new(carried);
        let mut expected: BTreeMap<(u64, i32, Option<u64>), (u32, u64)> = BTreeMap::new();
        let mut seen = expected.clone();
        let mut collect = |head: Head, rest: Rest| {
            let sum = seen.entry((head.user, head.day, rest.account)).or_default();
            sum.0 += head.events;
            sum.1 |= rest.low;
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
            let rest = Rest { account, ..Rest::NONE }.with_feature(feature);
            front.add(Front::place(user, day), Head { user, day, events: 1 }, rest, &mut collect);
        }
        front.drain(&mut collect);
        assert_eq!(seen, expected);
    }
}
