//! What accounts did in two windows, and when they were active before.

use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use rayon::prelude::*;

use super::days::Days;
use super::dense::Dense;
use super::ends::{NEVER, ShortDay, long, short};
use super::people::People;
use crate::activity::{Batch, LEFT_OUT, LOW_FEATURES, NO_FEATURE};
use crate::portfolio::{UsageWindow, Windows};

/// The windows, by which counts are laid out.
const BASELINE: usize = 0;
const RECENT: usize = 1;
/// Rows that are looked at together: first which account and day, then what the account did, then who did it. So the
/// processor waits for more lines of memory at once.
const TOGETHER: usize = 1 << 10;

/// Counts of an account, for each window, and its active days, one bit a day of both windows.
#[derive(Clone, Copy, Debug)]
struct Tally<const WORDS: usize> {
    events: [u32; 2],
    /// The features below [`LOW_FEATURES`], as bits.
    low: [u64; 2],
    active: [u64; WORDS],
}

impl<const WORDS: usize> Tally<WORDS> {
    const NONE: Self = Self { events: [0; 2], low: [0; 2], active: [0; WORDS] };
}

/// What is found of the accounts of a log, in windows of at most 64 days a word.
#[derive(Debug)]
pub(super) struct Tallies<const WORDS: usize> {
    windows: Windows,
    dense: Dense,
    of: Vec<Tally<WORDS>>,
    /// The last day before the windows.
    before: Vec<ShortDay>,
    /// Account, feature and window, for features from [`LOW_FEATURES`] on.
    high: HashSet<(u32, u32, usize), FixedState>,
    people: People,
    /// Room for rows that are looked at together.
    rows: Vec<Row>,
}

/// An event within the windows.
#[derive(Clone, Copy, Debug)]
struct Row {
    row: usize,
    /// The place of the account.
    account: u32,
    /// The day, counted from the first of the windows.
    day: u32,
}

/// What is found of one account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) key: u64,
    pub(super) recent: UsageWindow,
    pub(super) baseline: UsageWindow,
    /// The first day as far as it matters, which is not what came before the windows.
    pub(super) first: i32,
    pub(super) last: i32,
}

impl<const WORDS: usize> Tallies<WORDS> {
    /// Bytes that an account takes.
    pub(super) const BYTES: usize = size_of::<Tally<WORDS>>() + size_of::<ShortDay>();

    pub(super) fn new(windows: &Windows, accounts: Dense, users: Dense) -> Self {
        let places = accounts.expected();
        Self {
            windows: windows.clone(),
            dense: accounts,
            of: vec![Tally::NONE; places],
            before: vec![NEVER; places],
            high: HashSet::with_hasher(FixedState::default()),
            people: People::new(users),
            rows: Vec::with_capacity(TOGETHER),
        }
    }

    /// Takes in accounts that were active on a day before the windows. `false` if there is no room for an account or the
    /// day.
    #[must_use]
    pub(super) fn add_before(&mut self, accounts: &[u64], day: i32) -> bool {
        let Some(day) = short(day) else { return false };
        let mut rest = accounts;
        loop {
            let (dense, before) = (self.dense, &mut self.before[..]);
            let unknown = rest.iter().position(|&account| match before.get_mut(dense.place(account)) {
                Some(before) => {
                    *before = day.max(*before);
                    false
                }
                None => true,
            });
            let Some(row) = unknown else { return true };
            rest = &rest[row..];
            if !self.make_room(self.dense.place(rest[0])) {
                return false;
            }
        }
    }

    /// Takes in events of whatever day. `false` if there is no room for an account or a day.
    #[must_use]
    pub(super) fn add(&mut self, batch: &Batch<'_>) -> bool {
        let mut rows = std::mem::take(&mut self.rows);
        let added = (0..batch.day.len()).step_by(TOGETHER).all(|first| {
            rows.clear();
            let all = self.place(batch, first..batch.day.len().min(first + TOGETHER), &mut rows);
            self.tally(batch, &rows);
            for &Row { row, account, day } in &rows {
                self.people.add(batch.user.keys[row], account, 1 << self.window(day));
            }
            all
        });
        self.rows = rows;
        added
    }

    /// Finds the events within the windows. Those before them are taken in. `false` if there is no room.
    fn place(&mut self, batch: &Batch<'_>, range: Range<usize>, rows: &mut Vec<Row>) -> bool {
        let Some(accounts) = &batch.account else { return false };
        let (start, end) = (*self.windows.baseline.start(), *self.windows.recent.end());
        for row in range {
            let day = batch.day[row];
            if day == LEFT_OUT || day > end || accounts.is_null(row) {
                continue;
            }
            let place = self.dense.place(accounts.keys[row]);
            if place >= self.of.len() && !self.make_room(place) {
                return false;
            }
            if day < start {
                let Some(day) = short(day) else { return false };
                self.before[place] = self.before[place].max(day);
                continue;
            }
            #[expect(clippy::cast_possible_truncation, reason = "there is no room for as many accounts")]
            rows.push(Row { row, account: place as u32, day: day.abs_diff(start) });
        }
        true
    }

    fn tally(&mut self, batch: &Batch<'_>, rows: &[Row]) {
        for &Row { row, account, day } in rows {
            let window = self.window(day);
            let tally = &mut self.of[account as usize];
            tally.events[window] += 1;
            tally.active[day as usize / 64] |= 1 << (day % 64);
            let feature = batch.feature.as_ref().map_or(NO_FEATURE, |features| features[row]);
            if feature < LOW_FEATURES {
                tally.low[window] |= 1 << feature;
            } else if feature != NO_FEATURE {
                self.high.insert((account, feature, window));
            }
        }
    }

    /// The window of a day.
    #[inline]
    fn window(&self, day: u32) -> usize {
        if day < self.windows.recent.start().abs_diff(*self.windows.baseline.start()) { BASELINE } else { RECENT }
    }

    #[cold]
    fn make_room(&mut self, place: usize) -> bool {
        place < People::MOST_ACCOUNTS
            && self.dense.make_room(&mut self.of, place, Tally::NONE)
            && self.dense.make_room(&mut self.before, place, NEVER)
    }

    /// What both have found.
    pub(super) fn join(mut self, mut other: Self) -> Self {
        if self.of.len() < other.of.len() {
            std::mem::swap(&mut self, &mut other);
        }
        let (tallies, people) = ((&mut self.of, &mut self.before), self.people);
        let tallied = || {
            for (tally, more) in tallies.0.iter_mut().zip(&other.of) {
                for window in [BASELINE, RECENT] {
                    tally.events[window] += more.events[window];
                    tally.low[window] |= more.low[window];
                }
                tally.active.iter_mut().zip(more.active).for_each(|(days, more)| *days |= more);
            }
            tallies.1.iter_mut().zip(&other.before).for_each(|(day, &other)| *day = other.max(*day));
        };
        ((), self.people) = rayon::join(tallied, || people.join(other.people));
        self.high.extend(other.high);
        self
    }

    /// What is found of every account that was active by the end of the windows, in the order of the places.
    pub(super) fn found(&self, features: bool) -> Vec<Found> {
        let people = self.people.counts(self.of.len());
        let mut high = vec![[0_u32; 2]; if self.high.is_empty() { 0 } else { self.of.len() }];
        self.high.iter().for_each(|&(account, _, window)| high[account as usize][window] += 1);
        let found = (0..self.of.len()).into_par_iter().filter_map(|place| {
            let tally = &self.of[place];
            let (days, before) = (Days(&tally.active), self.before[place]);
            let start = *self.windows.baseline.start();
            let within = days.ends().map(|(first, last)| (start + first, start + last));
            let (first, last) = match within {
                None if before == NEVER => return None,
                None => (long(before), long(before)),
                Some((_, last)) if before != NEVER => (long(before), last),
                Some(ends) => ends,
            };
            let split = self.windows.recent.start().abs_diff(start) as usize;
            let active = days.counts(split);
            let window = |window: usize| {
                let more = high.get(place).map_or(0, |high| high[window]);
                UsageWindow {
                    events: tally.events[window].into(),
                    active_days: active[window],
                    people: Some(people[place][window]),
                    features: features.then_some(tally.low[window].count_ones() + more),
                }
            };
            let key = self.dense.key(place);
            Some(Found { key, recent: window(RECENT), baseline: window(BASELINE), first, last })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Date;
    use crate::frame::keys::Keys;
    use crate::portfolio::UsageOptions;

    #[test]
    fn two_workers_and_two_windows() {
        // Baseline from day -70 to -1, recent from 0 to 1.
        let options = UsageOptions::latest().recent(2).baseline(70);
        let windows = Windows::new(&options, Date::from_day(1));
        let accounts = Dense::new(None, Tallies::<2>::BYTES, 0).unwrap();
        let users = Dense::new(None, 4, 0).unwrap();
        let batch = |events: &[(u64, Option<u64>, i32, u32)]| Batch {
            user: Keys { keys: events.iter().map(|event| event.0).collect(), nulls: vec![] },
            account: Some(Keys {
                keys: events.iter().map(|event| event.1.unwrap_or(u64::MAX)).collect(),
                nulls: events.iter().map(|event| event.1.is_none()).collect(),
            }),
            day: events.iter().map(|event| event.2).collect(),
            feature: Some(events.iter().map(|event| event.3).collect()),
            value: None,
            times: None,
        };
        let mut workers = [0, 1].map(|_| Tallies::<2>::new(&windows, accounts, users));
        let first =
            [(1, Some(5), -70, 0), (1, Some(5), 0, 0), (2, Some(5), 1, 64), (2, None, 1, 1), (3, Some(6), 2, 1)];
        assert!(workers[0].add(&batch(&first)));
        assert!(workers[0].add(&batch(&[(1, Some(5), LEFT_OUT, 0), (1, Some(9), -71, 0)])));
        assert!(workers[1].add(&batch(&[(1, Some(5), 0, 64), (1, Some(7), -1, NO_FEATURE), (2, Some(5), 1, 64)])));
        assert!(workers[1].add_before(&[7], -500) && workers[1].add_before(&[9, 9], -72));
        assert!(!workers[1].add_before(&[7, u64::MAX], -500) && !workers[1].add_before(&[5], -30_000));
        assert!(
            !workers[1].add(&batch(&[(1, Some(u64::MAX), 0, 0)]))
                && !workers[1].add(&batch(&[(1, Some(5), -30_000, 0)]))
        );
        let [one, other] = workers;
        let found = one.join(other).found(true);
        let window = |events, active_days, people, features| UsageWindow {
            events,
            active_days,
            people: Some(people),
            features: Some(features),
        };
        let none = window(0, 0, 0, 0);
        let expected = [
            Found { key: 5, recent: window(4, 2, 2, 2), baseline: window(1, 1, 1, 1), first: -70, last: 1 },
            Found { key: 7, recent: none, baseline: window(1, 1, 1, 0), first: -500, last: -1 },
            Found { key: 9, recent: none, baseline: none, first: -71, last: -71 },
        ];
        assert_eq!(found, expected);
    }
}
