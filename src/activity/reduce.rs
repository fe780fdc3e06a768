//! Batches of plain columns into shards.
//!
//! Every worker deals its events out to lanes, one a shard, and hands a lane over when it is full. What a shard then has
//! to look up are the users of one stretch of the log, a small part of its table, and they are looked up while the
//! processor's cache holds them.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::batch::{Account, AccountAndValue, Batch, Detail, Event, LEFT_OUT, Timed, hash};
use super::gather::gather;
use super::ledger::{Carried, Ledger};
use super::shard::{Grouped, Shard};
use crate::error::Result;
use crate::frame::keys::KeyIds;
use crate::frame::pool::Strings;

const SHARDS: usize = 64;
/// The size of a full lane. All lanes of a worker together are about what its processor's cache holds.
const LANE_BYTES: usize = 1 << 16;

/// The reduction of a log: shards, filled by several workers at once.
pub(crate) trait Reduction: Send + Sync {
    /// Lanes for one worker.
    fn lanes(&self) -> Box<dyn Lanes + '_>;

    /// The ledger of all events dealt out. It depends on the events alone, not on their order.
    fn finish(self: Box<Self>, users: &KeyIds, accounts: Option<&KeyIds>, features: Option<&Strings>)
    -> Result<Ledger>;
}

/// One worker's way to the shards.
pub(crate) trait Lanes {
    /// Takes in a batch. Part of it waits in the lanes until [`flush`](Self::flush).
    fn deal(&mut self, batch: &Batch<'_>);

    /// Hands over what still waits.
    fn flush(&mut self);
}

/// A reduction that holds what the log maps and no more.
pub(crate) fn reduction(account: bool, carried: Carried) -> Box<dyn Reduction> {
    match (account, carried.value, carried.times) {
        (false, false, false) => Box::new(Shards::<()>::new(carried)),
        (true, false, false) => Box::new(Shards::<Account>::new(carried)),
        (_, true, false) => Box::new(Shards::<AccountAndValue>::new(carried)),
        (false, false, true) => Box::new(Shards::<Timed<()>>::new(carried)),
        (true, false, true) => Box::new(Shards::<Timed<Account>>::new(carried)),
        (_, true, true) => Box::new(Shards::<Timed<AccountAndValue>>::new(carried)),
    }
}

#[derive(Debug)]
struct Shards<D> {
    carried: Carried,
    shards: Vec<Mutex<Shard<D>>>,
}

impl<D: Detail> Shards<D> {
    fn new(carried: Carried) -> Self {
        Self { carried, shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(carried))).collect() }
    }
}

impl<D: Detail> Reduction for Shards<D> {
    fn lanes(&self) -> Box<dyn Lanes + '_> {
        let full = LANE_BYTES / size_of::<Event<D>>();
        let lanes = (0..SHARDS).map(|_| Vec::with_capacity(full)).collect();
        Box::new(Dealing { shards: &self.shards, full, lanes })
    }

    fn finish(
        self: Box<Self>,
        users: &KeyIds,
        accounts: Option<&KeyIds>,
        features: Option<&Strings>,
    ) -> Result<Ledger> {
        let shard = |shard: Mutex<Shard<D>>| shard.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        let shards: Vec<Grouped> = self.shards.into_par_iter().map(shard).collect();
        gather(&shards, self.carried, users, accounts, features)
    }
}

#[derive(Debug)]
struct Dealing<'a, D> {
    shards: &'a [Mutex<Shard<D>>],
    full: usize,
    lanes: Vec<Vec<Event<D>>>,
}

impl<D: Detail> Lanes for Dealing<'_, D> {
    fn deal(&mut self, batch: &Batch<'_>) {
        for (row, (&user, &day)) in batch.user.keys.iter().zip(&batch.day).enumerate() {
            if day == LEFT_OUT {
                continue;
            }
            // By bits of the hash that the shard's own table does not look at first.
            let shard = (hash(user) >> 32) as usize % SHARDS;
            let lane = &mut self.lanes[shard];
            lane.push(Event::of(batch, row));
            if lane.len() == self.full {
                hand_over(&self.shards[shard], lane);
            }
        }
    }

    fn flush(&mut self) {
        self.shards.iter().zip(&mut self.lanes).for_each(|(shard, lane)| hand_over(shard, lane));
    }
}

fn hand_over<D: Detail>(shard: &Mutex<Shard<D>>, lane: &mut Vec<Event<D>>) {
    shard.lock().unwrap_or_else(PoisonError::into_inner).add(lane);
    lane.clear();
}
