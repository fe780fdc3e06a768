//! Who acted for which account, in which windows.

use std::sync::atomic::{AtomicU32, Ordering};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::dense::Dense;

/// Windows as bits.
pub(super) type InWindows = u8;

/// Users have room for the windows, and for the number of an account before them.
const WINDOWS: u32 = 2;

/// Per user and account the windows with events. Most users belong to one account: of such a one a number says all.
/// What else there is, further accounts of a user and users for whose keys there is no room, stands in a table.
#[derive(Debug)]
pub(super) struct People {
    dense: Dense,
    /// Per user one more than the number of the account, and the windows; 0 for who has not been met.
    own: Vec<u32>,
    /// By user and account.
    others: HashMap<(u64, u32), InWindows, FixedState>,
}

impl People {
    /// The number of accounts that can be told apart.
    pub(super) const MOST_ACCOUNTS: usize = (1 << (u32::BITS - WINDOWS)) - 1;

    pub(super) fn new(dense: Dense) -> Self {
        Self { dense, own: vec![0; dense.expected()], others: HashMap::with_hasher(FixedState::default()) }
    }

    /// Takes in that a user has acted for an account.
    #[inline]
    pub(super) fn add(&mut self, user: u64, account: u32, windows: InWindows) {
        let place = self.dense.place(user);
        if place >= self.own.len() && !self.dense.make_room(&mut self.own, place, 0) {
            return self.add_other(user, account, windows);
        }
        let own = &mut self.own[place];
        if *own >> WINDOWS == account + 1 {
            *own |= u32::from(windows);
        } else if *own == 0 {
            *own = (account + 1) << WINDOWS | u32::from(windows);
        } else {
            self.add_other(user, account, windows);
        }
    }

    fn add_other(&mut self, user: u64, account: u32, windows: InWindows) {
        *self.others.entry((user, account)).or_default() |= windows;
    }

    /// What both have met.
    pub(super) fn join(mut self, mut other: Self) -> Self {
        if self.own.len() < other.own.len() {
            std::mem::swap(&mut self, &mut other);
        }
        for (place, &theirs) in other.own.iter().enumerate().filter(|(_, theirs)| **theirs > 0) {
            let (account, windows) = split(theirs);
            self.add(other.dense.key(place), account, windows);
        }
        other.others.into_iter().for_each(|((user, account), windows)| self.add(user, account, windows));
        self
    }

    /// Of so many accounts, how many users each has in either window.
    pub(super) fn counts(&self, accounts: usize) -> Vec<[u32; WINDOWS as usize]> {
        let counts: Vec<[AtomicU32; WINDOWS as usize]> = (0..accounts).map(|_| Default::default()).collect();
        let count = |account: u32, windows: InWindows| {
            for (window, count) in counts[account as usize].iter().enumerate() {
                if windows >> window & 1 > 0 {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        // What one worker has met first, another may have in its table.
        let of_table = |place: usize, account: u32| match self.others.is_empty() {
            true => 0,
            false => self.others.get(&(self.dense.key(place), account)).copied().unwrap_or(0),
        };
        self.own.par_iter().enumerate().filter(|(_, own)| **own > 0).for_each(|(place, &own)| {
            let (account, windows) = split(own);
            count(account, windows | of_table(place, account));
        });
        let counted = |user: u64, account: u32| {
            self.own.get(self.dense.place(user)).is_some_and(|own| own >> WINDOWS == account + 1)
        };
        let others = self.others.iter().filter(|((user, account), _)| !counted(*user, *account));
        others.for_each(|((_, account), &windows)| count(*account, windows));
        counts.into_iter().map(|counts| counts.map(AtomicU32::into_inner)).collect()
    }
}

fn split(own: u32) -> (u32, InWindows) {
    ((own >> WINDOWS) - 1, (own & ((1 << WINDOWS) - 1)) as InWindows)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_user_counts_once_an_account() {
        let dense = Dense::new(None, size_of::<u32>(), 0).unwrap();
        let mut workers = [People::new(dense), People::new(dense)];
        let mut expected: BTreeMap<(u64, u32), InWindows> = BTreeMap::new();
        for step in 0..3_000_u64 {
            let scattered = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
            // Some belong to one account, some to three; and for some keys there is no room.
            let user = if scattered % 11 == 0 { u64::MAX - scattered % 5 } else { scattered % 400 };
            let account = if user % 3 > 0 { user as u32 % 7 } else { (scattered >> 8) as u32 % 3 };
            let windows = 1 << (scattered % 2);
            workers[(scattered >> 4) as usize % 2].add(user, account, windows);
            *expected.entry((user, account)).or_default() |= windows;
        }
        let [one, other] = workers;
        let found = one.join(other).counts(7);
        let in_window = |account: u32, window: u32| {
            let own = |(key, windows): (&(u64, u32), &InWindows)| key.1 == account && windows >> window & 1 > 0;
            expected.iter().map(own).map(u32::from).sum::<u32>()
        };
        let expected: Vec<[u32; 2]> = (0..7).map(|account| [0, 1].map(|window| in_window(account, window))).collect();
        assert_eq!(found, expected);
    }
}
