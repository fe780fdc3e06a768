//! How a log is reduced: of users and times alone in planes, while it is a log for planes, and in shards otherwise.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::batch::{Account, AccountAndValue, Batch, Timed};
use super::blocks::{self, Block};
use super::latest::UserDay;
use super::ledger::{Carried, Ledger};
use super::planes::Planes;
use super::reduce::{Dealing, Lanes, Reduction, SHARDS, Shards, shard_of};
use crate::error::Result;
use crate::frame::keys::KeyIds;
use crate::frame::pool::Strings;

/// So many blocks of planes are given over to the shards together.
const BLOCKS: usize = 64;

/// A reduction that holds what the log maps and no more.
pub(crate) fn reduction(account: bool, carried: Carried) -> Box<dyn Reduction> {
    match (account, carried.value, carried.times) {
        (false, false, false) if !carried.feature => Box::new(Planar::new(carried)),
        (false, false, false) => Box::new(Shards::<()>::new(carried)),
        (true, false, false) => Box::new(Shards::<Account>::new(carried)),
        (_, true, false) => Box::new(Shards::<AccountAndValue>::new(carried)),
        (false, false, true) => Box::new(Shards::<Timed<()>>::new(carried)),
        (true, false, true) => Box::new(Shards::<Timed<Account>>::new(carried)),
        (_, true, true) => Box::new(Shards::<Timed<AccountAndValue>>::new(carried)),
    }
}

/// The planes of all workers, and the shards for what goes on in them.
#[derive(Debug)]
struct Planar {
    shards: Shards<()>,
    /// What workers of earlier pushes have left, for others to go on with.
    left: Mutex<Vec<Planes>>,
    /// The log has turned out not to be one for planes.
    in_shards: AtomicBool,
}

#[derive(Debug)]
struct PlanarLanes<'a> {
    to: &'a Planar,
    planes: Planes,
    dealing: Dealing<'a, ()>,
}

impl Planar {
    fn new(carried: Carried) -> Self {
        Self { shards: Shards::new(carried), left: Mutex::default(), in_shards: AtomicBool::new(false) }
    }

    fn left(&self) -> MutexGuard<'_, Vec<Planes>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes for PlanarLanes<'_> {
    fn deal(&mut self, batch: &Batch<'_>) {
        let read = if self.to.in_shards.load(Ordering::Relaxed) { Err(0) } else { self.planes.add(batch) };
        if let Err(first) = read {
            self.to.in_shards.store(true, Ordering::Relaxed);
            self.planes.end();
            self.dealing.deal_from(first, batch);
        }
    }

    fn flush(mut self: Box<Self>) {
        self.dealing.hand_over();
        self.to.left().push(self.planes);
    }
}

impl Reduction for Planar {
    fn lanes(&self) -> Box<dyn Lanes + '_> {
        let planes = self.left().pop().unwrap_or_default();
        Box::new(PlanarLanes { to: self, planes, dealing: self.shards.dealing() })
    }

    fn finish(
        self: Box<Self>,
        users: &KeyIds,
        accounts: Option<&KeyIds>,
        features: Option<&Strings>,
    ) -> Result<Ledger> {
        let left = self.left.into_inner().unwrap_or_else(PoisonError::into_inner);
        let blocks: Vec<Block> = left.into_par_iter().flat_map_iter(Planes::finish).collect();
        if !self.in_shards.into_inner() {
            return blocks::ledger(blocks, users);
        }
        let mut blocks = blocks.into_iter();
        while blocks.len() > 0 {
            let mut user_days: Vec<Vec<UserDay<()>>> = vec![Vec::new(); SHARDS];
            for block in blocks.by_ref().take(BLOCKS) {
                block.user_days().for_each(|day| user_days[shard_of(day.user)].push(day));
            }
            self.shards.shards.par_iter().zip(user_days).for_each(|(shard, user_days)| {
                shard.lock().unwrap_or_else(PoisonError::into_inner).add_user_days(user_days);
            });
        }
        Box::new(self.shards).finish(users, accounts, features)
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{LEFT_OUT, hash};
    use super::*;
    use crate::frame::ids::IdType;
    use crate::frame::keys::Keys;
    use crate::frame::pool::Pool;

    type Events = Vec<(u64, i32)>;

    /// Two workers in turn take a batch each, and everything is pushed in two halves.
    fn deal(reduction: &dyn Reduction, batches: &[Events]) {
        for half in batches.chunks(batches.len().div_ceil(2)) {
            let mut workers = [reduction.lanes(), reduction.lanes()];
            for (number, events) in half.iter().enumerate() {
                let (keys, day): (Vec<u64>, _) = events.iter().copied().unzip();
                let user = Keys { keys: keys.into(), nulls: Vec::new() };
                workers[number % 2].deal(&Batch { user, day, account: None, feature: None, value: None, times: None });
            }
            workers.into_iter().for_each(Lanes::flush);
        }
    }

    fn integers(id_type: IdType) -> KeyIds {
        KeyIds { id_type, strings: Pool::default().into_strings() }
    }

    /// Holds the planes against the shards, and says whether the planes were left for them.
    fn leaves(batches: &[Events], users: &KeyIds) -> bool {
        let (planar, shards) = (Planar::new(Carried::default()), Shards::<()>::new(Carried::default()));
        deal(&planar, batches);
        deal(&shards, batches);
        let left = planar.in_shards.load(Ordering::Relaxed);
        let expected = Box::new(shards).finish(users, None, None).unwrap();
        assert_eq!(Box::new(planar).finish(users, None, None).unwrap(), expected);
        let kept = batches.iter().flatten().filter(|event| event.1 != LEFT_OUT).count();
        assert_eq!(expected.rows.events.iter().map(|&events| events as usize).sum::<usize>(), kept);
        left
    }

    /// So many events a day, of users below `users`, in batches of a thousand.
    fn in_order(days: std::ops::Range<i32>, a_day: u64, users: u64) -> Vec<Events> {
        let scattered = |step: u64| step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let days = days
            .zip(0_u64..)
            .flat_map(|(day, number)| (0..a_day).map(move |event| (scattered(number * a_day + event) % users, day)));
        days.collect::<Events>().chunks(1000).map(<[_]>::to_vec).collect()
    }

    #[test]
    fn logs_in_order_stay_in_planes() {
        let int64 = integers(IdType::Int64);
        assert!(!leaves(&in_order(-40..60, 3_000, 20_000), &int64));
        assert!(!leaves(&in_order(-40..60, 3_000, 1), &int64));
        assert!(!leaves(&in_order(0..1, 10, 70_000), &integers(IdType::UInt32)));
        // Late events, rows that are left out, and users who come in further on.
        let mut batches = in_order(0..60, 1_000, 5_000);
        for (number, batch) in batches.iter_mut().enumerate() {
            batch[0].1 -= 30;
            batch[1].1 = LEFT_OUT;
            batch[1].0 = u64::MAX;
            batch[2].0 += 1_000 * number as u64;
        }
        assert!(!leaves(&batches, &int64));
    }

    #[test]
    fn counts_that_fill_a_byte_go_on() {
        for events in [254, 255, 256, 509, 510, 511, 1_021] {
            // Both workers meet the day, with different shares of it.
            let batch = |share: u64| vec![(7, 3); usize::try_from(events * share / 3).unwrap()];
            let batches = vec![batch(1), batch(2), vec![(8, 3), (7, 3)], vec![(9, 4), (7, 4)]];
            assert!(!leaves(&batches, &integers(IdType::UInt64)));
            // And where they go on in shards after all.
            let left = [&batches[..], &[vec![(7, 3), (1 << 40, 3)], vec![(7, 3), (7, 5)]]].concat();
            assert!(leaves(&left, &integers(IdType::UInt64)));
        }
    }

    #[test]
    fn late_events_leave_small_blocks() {
        // By user and then by day, as a log may be exported: every run of events is of another day.
        let of_user = |user: u64| (0..40).flat_map(move |day| vec![(user, day * 5); 90]);
        let log: Events = (0..300).flat_map(of_user).collect();
        let batches: Vec<Events> = log.chunks(1_000).map(<[_]>::to_vec).collect();
        assert!(!leaves(&batches, &integers(IdType::Int32)));
        // One event in fifty comes a month late.
        let mut batches = in_order(0..200, 1_000, 4_000);
        batches.iter_mut().for_each(|batch| batch.iter_mut().step_by(50).for_each(|event| event.1 -= 30));
        assert!(!leaves(&batches, &integers(IdType::Int32)));
    }

    #[test]
    fn other_logs_go_on_in_shards() {
        let int64 = integers(IdType::Int64);
        let log = in_order(-40..60, 3_000, 20_000);
        // No order in time; few events of many users; and an id that is no small number, among others.
        let mut shuffled: Events = log.iter().flatten().copied().collect();
        shuffled.sort_by_key(|&(user, day)| hash(user ^ day.unsigned_abs().rotate_left(20) as u64));
        assert!(leaves(&shuffled.chunks(1_000).map(<[_]>::to_vec).collect::<Vec<_>>(), &int64));
        assert!(leaves(&in_order(0..400, 10, 200_000), &int64));
        for far in [1 << 23, 1 << 40, u64::MAX] {
            for place in [0, 150, 299] {
                let mut batches = log.clone();
                batches[place][500].0 = far;
                assert!(leaves(&batches, &int64));
            }
        }
    }

    #[test]
    fn strings_order_by_the_alphabet() {
        let pool = Pool::default();
        let mut keys = Vec::new();
        let names: Vec<String> = (0..20_000_u64).map(|user| format!("{:x}", hash(user))).collect();
        pool.keys(&polars::prelude::StringChunked::from_iter(names.iter().map(String::as_str)), &mut keys);
        let users = KeyIds { id_type: IdType::String, strings: pool.into_strings() };
        let batches = in_order(0..50, 3_000, 20_000);
        assert!(!leaves(&batches, &users));
        let mut unordered: Vec<Events> = batches.into_iter().rev().collect();
        unordered.iter_mut().for_each(|batch| batch.sort_unstable());
        leaves(&unordered, &users);
    }
}
