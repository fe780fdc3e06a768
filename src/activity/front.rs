//! The front of the log: the days that are just being read, added up before they are dealt out.
//!
//! A log is nearly in order of time, and a user who is active does several things a day. So each worker keeps the
//! users of the latest days in a small table that a processor's cache holds, and only finished user-days go on to the
//! shards, whose tables are large. A log in no order at all passes through at the cost of one more look-up an event.

use super::shard::{Carried, LOW_FEATURES, NO_FEATURE, Shard};

/// Places in the table: with 16 bytes each, what a second-level cache holds.
const PLACES: usize = 1 << 17;
/// The table is emptied of all but the newest day when it holds so many user-days.
const FULL: usize = PLACES * 3 / 8;

/// Part of an active user-day, as plain numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserDay {
    pub(crate) user: u64,
    pub(crate) account: Option<u64>,
    pub(crate) day: i32,
    pub(crate) events: u32,
    pub(crate) value: f64,
    /// The features below [`LOW_FEATURES`], as bits.
    pub(crate) low: u64,
    /// One feature from [`LOW_FEATURES`] on, or [`NO_FEATURE`].
    pub(crate) high: u32,
}

/// A place of the table; without events it is free.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    user: u64,
    day: i32,
    events: u32,
}

/// What only some logs have, beside the head and at the same place.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    account: Option<u64>,
    value: f64,
    low: u64,
}

/// The user-days of the latest days, in a table with linear probing.
#[derive(Debug)]
pub(crate) struct Front {
    heads: Vec<Head>,
    rests: Vec<Rest>,
    held: usize,
    newest: i32,
}

impl Front {
    pub(crate) fn new(carried: Carried) -> Self {
        let rests = if carried.any() { PLACES } else { 0 };
        Self { heads: vec![Head::default(); PLACES], rests: vec![Rest::default(); rests], held: 0, newest: i32::MIN }
    }

    /// Adds an event to its user-day. `out` is handed what leaves the front.
    #[inline]
    pub(crate) fn add(&mut self, event: UserDay, out: &mut impl FnMut(UserDay)) {
        if event.high != NO_FEATURE {
            // Rare, so it goes on by itself, as a part without events.
            out(UserDay { events: 0, ..event });
        }
        let mut place = Self::place(event.user, event.day);
        loop {
            let head = &mut self.heads[place];
            if head.events == 0 {
                *head = Head { user: event.user, day: event.day, events: event.events };
                if let Some(rest) = self.rests.get_mut(place) {
                    *rest = Rest { account: event.account, value: event.value, low: event.low };
                }
                break;
            }
            if head.user == event.user && head.day == event.day {
                let rest = self.rests.get_mut(place);
                if rest.as_ref().is_none_or(|rest| rest.account == event.account) {
                    // Saturates, and a saturated count is refused when the rows are taken over.
                    head.events = head.events.saturating_add(event.events);
                    if let Some(rest) = rest {
                        rest.value += event.value;
                        rest.low |= event.low;
                    }
                    return;
                }
            }
            place = (place + 1) % PLACES;
        }
        self.held += 1;
        self.newest = self.newest.max(event.day);
        if self.held > FULL {
            self.retire(out);
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits matter")]
    fn place(user: u64, day: i32) -> usize {
        // The days of a user go side by side, so that a change of day touches the same line of the cache.
        (Shard::hash(user) as usize).wrapping_add(day.unsigned_abs() as usize) % PLACES
    }

    /// Hands out all days but the newest; that too if it alone is more than the table should hold.
    #[cold]
    fn retire(&mut self, out: &mut impl FnMut(UserDay)) {
        let newest = self.newest;
        let mut kept = Vec::new();
        self.drain(|user_day| if user_day.day == newest { kept.push(user_day) } else { out(user_day) });
        if kept.len() > FULL / 2 {
            kept.into_iter().for_each(out);
            return;
        }
        for user_day in kept {
            self.add(user_day, out);
        }
    }

    /// Hands out everything.
    pub(crate) fn drain(&mut self, mut out: impl FnMut(UserDay)) {
        for (place, head) in self.heads.iter_mut().enumerate().filter(|(_, head)| head.events > 0) {
            let Rest { account, value, low } = self.rests.get(place).copied().unwrap_or_default();
            let Head { user, day, events } = std::mem::take(head);
            out(UserDay { user, account, day, events, value, low, high: NO_FEATURE });
        }
        self.held = 0;
        self.newest = i32::MIN;
    }
}

impl UserDay {
    /// One event.
    #[inline]
    pub(crate) fn event(user: u64, day: i32, feature: u32) -> Self {
        let (low, high) = if feature < LOW_FEATURES { (1 << feature, NO_FEATURE) } else { (0, feature) };
        Self { user, account: None, day, events: 1, value: 0.0, low, high }
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
        let mut collect = |part: UserDay| {
            let sum = seen.entry((part.user, part.day, part.account)).or_default();
            sum.0 += part.events;
            sum.1 |= part.low;
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
            front.add(UserDay { account, ..UserDay::event(user, day, feature) }, &mut collect);
        }
        front.drain(&mut collect);
        assert_eq!(seen, expected);
    }
}
