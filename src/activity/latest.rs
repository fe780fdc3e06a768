//! The user-days that a shard has met lately, added up while they are still under way.
//!
//! A log is nearly in order of time, and a user who is active does several things a day. So the next event of a user is
//! nearly always of a user-day met a moment ago, and is added to it in a small table that a processor's cache holds. Only
//! finished user-days go on to the large table of all users, many at a time. A log in no order at all passes through at
//! the cost of one more look-up an event.

use super::batch::{Detail, Event, hash};
use super::features::LOW_FEATURES;

/// User-days in the window at first. It grows until it holds those of a day, and no further, so that the small table of
/// a small product stays in the innermost cache.
const FIRST_WINDOW: usize = 1 << 8;
/// User-days in the window at the most.
const MOST_WINDOW: usize = 1 << 14;
/// Places of the index for each user-day of the window: the fuller it is, the longer the searches.
const PLACES_EACH: usize = 4;

/// Part of an active user-day: one event, or several added up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserDay<D> {
    pub(crate) user: u64,
    /// The features below [`LOW_FEATURES`], as bits.
    pub(crate) low: u64,
    pub(crate) day: i32,
    pub(crate) events: u32,
    pub(crate) detail: D,
}

/// User-days in the order of their first events: finished ones, and behind them the window of those under way.
#[derive(Debug)]
pub(crate) struct Latest<D> {
    met: Vec<UserDay<D>>,
    finished: usize,
    window: usize,
    /// Open addressing with linear probing: 0 for a free place, else one more than the place within the window.
    index: Vec<u16>,
}

impl<D: Detail> Latest<D> {
    pub(crate) fn new() -> Self {
        Self { met: Vec::new(), finished: 0, window: FIRST_WINDOW, index: vec![0; FIRST_WINDOW * PLACES_EACH] }
    }

    /// Adds an event, but for a feature from [`LOW_FEATURES`] on.
    #[inline]
    pub(crate) fn add(&mut self, event: &Event<D>) {
        let account = event.detail.account();
        let low = if event.feature < LOW_FEATURES { 1 << event.feature } else { 0 };
        let under_way = &mut self.met[self.finished..];
        let mut place = (self.index.len() - 1) & start(event.user, event.day, account);
        while self.index[place] > 0 {
            let met = &mut under_way[usize::from(self.index[place]) - 1];
            if met.user == event.user && met.day == event.day && met.detail.account() == account {
                // Saturates, and a saturated count is refused when the rows are taken over.
                met.events = met.events.saturating_add(1);
                met.low |= low;
                met.detail.join(event.detail);
                return;
            }
            place = (self.index.len() - 1) & (place + 1);
        }
        let Event { user, day, detail, .. } = *event;
        self.met.push(UserDay { user, low, day, events: 1, detail });
        self.index[place] = in_window(self.met.len() - self.finished);
        if self.met.len() - self.finished == self.window {
            self.advance();
        }
    }

    /// Takes the older half of the window as finished; and makes the window larger if that half is of the newest day,
    /// for then it does not hold a day.
    #[cold]
    fn advance(&mut self) {
        let (older, newer) = self.met[self.finished..].split_at(self.window / 2);
        let newest = |met: &[UserDay<D>]| met.iter().map(|met| met.day).max();
        if newest(older) >= newest(newer) && self.window < MOST_WINDOW {
            self.window *= 2;
        } else {
            self.finished += older.len();
        }
        self.index.clear();
        self.index.resize(self.window * PLACES_EACH, 0);
        for (number, met) in (1..).zip(&self.met[self.finished..]) {
            let mut place = (self.index.len() - 1) & start(met.user, met.day, met.detail.account());
            while self.index[place] > 0 {
                place = (self.index.len() - 1) & (place + 1);
            }
            self.index[place] = in_window(number);
        }
    }

    /// The finished user-days.
    pub(crate) fn finished(&self) -> &[UserDay<D>] {
        &self.met[..self.finished]
    }

    /// Forgets the finished user-days.
    pub(crate) fn clear_finished(&mut self) {
        self.met.drain(..self.finished);
        self.finished = 0;
    }

    /// Adds finished user-days, where none is under way.
    pub(crate) fn extend_finished(&mut self, user_days: Vec<UserDay<D>>) {
        self.met.extend(user_days);
        self.finished = self.met.len();
    }

    /// Takes all user-days as finished.
    pub(crate) fn finish(&mut self) {
        self.finished = self.met.len();
        self.index.fill(0);
    }
}

/// Where the search for a user-day begins, in an index of any size.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "only the lowest bits matter")]
fn start(user: u64, day: i32, account: Option<u64>) -> usize {
    // Days and accounts are spread by odd factors: those of one user must not stand in one run, which every search
    // would have to walk.
    let account = account.map_or(0, |account| account.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
    (hash(user) ^ account).wrapping_add(u64::from(day.cast_unsigned()).wrapping_mul(0x9E37_79B1)) as usize
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a window has at most 2^14 user-days")]
fn in_window(number: usize) -> u16 {
    number as u16
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::batch::Account;
    use super::*;

    #[test]
    fn nothing_is_lost_or_doubled_in_any_order() {
        let mut latest = Latest::new();
        let mut expected: BTreeMap<(u64, i32, Account), (u32, u64)> = BTreeMap::new();
        let mut seen = expected.clone();
        let mut collect = |latest: &mut Latest<Account>| {
            for met in latest.finished() {
                let sum = seen.entry((met.user, met.day, met.detail)).or_default();
                sum.0 += met.events;
                sum.1 |= met.low;
            }
            latest.clear_finished();
        };
        // Far more user-days than the window holds, in a scrambled order, with days of before the epoch.
        for step in 0..400_000_u64 {
            let scrambled = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let (user, day) = (scrambled % 70_000, (scrambled / 70_000 % 9) as i32 - 4);
            let account = (scrambled % 3 > 0).then_some(scrambled % 2);
            let feature = (scrambled % 60) as u32;
            let sum = expected.entry((user, day, account)).or_default();
            sum.0 += 1;
            sum.1 |= 1 << feature;
            latest.add(&Event { user, day, feature, detail: account });
            if latest.finished().len() > 1_000 {
                collect(&mut latest);
            }
        }
        latest.finish();
        collect(&mut latest);
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_log_in_order_leaves_every_user_day_once() {
        let mut latest = Latest::new();
        for day in 0..20 {
            for event in 0..3_000 {
                latest.add(&Event { user: event * 7 % 1_000, day, feature: 0, detail: () });
            }
        }
        latest.finish();
        // The first day alone is divided while the window grows to hold one.
        assert!((20_000..22_000).contains(&latest.finished().len()), "{}", latest.finished().len());
    }
}
