//! Batches of plain columns into shards.
//!
//! Every worker deals its events out to lanes, one a shard, and hands a lane over when it is full. What a shard then has
//! to look up are the users of one stretch of the log, a small part of its table, and they are looked up while the
//! processor's cache holds them.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::batch::{Batch, Detail, Event, LEFT_OUT, hash};
use super::gather::gather;
use super::ledger::{Carried, Ledger};
use super::shard::{Grouped, Shard};
use crate::error::Result;
use crate::frame::keys::KeyIds;
use crate::frame::pool::Strings;

pub(super) const SHARDS: usize = 64;
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
    fn flush(self: Box<Self>);
}

#[derive(Debug)]
pub(super) struct Shards<D> {
    carried: Carried,
    pub(super) shards: Vec<Mutex<Shard<D>>>,
}

impl<D: Detail> Shards<D> {
    pub(super) fn new(carried: Carried) -> Self {
        Self { carried, shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(carried))).collect() }
    }

    pub(super) fn dealing(&self) -> Dealing<'_, D> {
        let full = LANE_BYTES / size_of::<Event<D>>();
        Dealing { shards: &self.shards, full, lanes: vec![Vec::new(); SHARDS] }
    }
}

impl<D: Detail> Reduction for Shards<D> {
    fn lanes(&self) -> Box<dyn Lanes + '_> {
        Box::new(self.dealing())
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
pub(super) struct Dealing<'a, D> {
    shards: &'a [Mutex<Shard<D>>],
    full: usize,
    lanes: Vec<Vec<Event<D>>>,
}

impl<D: Detail> Dealing<'_, D> {
    /// Deals out the rows of a batch from this one on.
    pub(super) fn deal_from(&mut self, first: usize, batch: &Batch<'_>) {
        for (row, (&user, &day)) in batch.user.keys.iter().zip(&batch.day).enumerate().skip(first) {
            if day == LEFT_OUT {
                continue;
            }
            let shard = shard_of(user);
            let lane = &mut self.lanes[shard];
            lane.push(Event::of(batch, row));
            if lane.len() == self.full {
                hand_over(&self.shards[shard], lane);
            }
        }
    }

    pub(super) fn hand_over(&mut self) {
        self.shards.iter().zip(&mut self.lanes).for_each(|(shard, lane)| hand_over(shard, lane));
    }
}

impl<D: Detail> Lanes for Dealing<'_, D> {
    fn deal(&mut self, batch: &Batch<'_>) {
        self.deal_from(0, batch);
    }

    fn flush(mut self: Box<Self>) {
        self.hand_over();
    }
}

/// The shard of a user, by bits of the hash that the shard's own table does not look at first.
#[inline]
pub(super) fn shard_of(user: u64) -> usize {
    (hash(user) >> 32) as usize % SHARDS
}

fn hand_over<D: Detail>(shard: &Mutex<Shard<D>>, lane: &mut Vec<Event<D>>) {
    shard.lock().unwrap_or_else(PoisonError::into_inner).add(lane);
    lane.clear();
}
