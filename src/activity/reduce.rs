//! Batches of plain columns into shards, and shards into the ledger.

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::batch::{Batch, Beside, LEFT_OUT, Part, Rest, hash};
use super::features::{FeatureMap, LOW_FEATURES};
use super::front::Front;
use super::ledger::{Ledger, NO_ACCOUNT, Rows};
use super::shard::{Carried, Grouped, Shard, TOGETHER};
use crate::error::{Error, Result};
use crate::frame::ids::Ids;
use crate::frame::keys::KeyIds;
use crate::frame::pool::Strings;

const SHARDS: usize = 64;
/// So many user-days wait in the lanes before they go to the shards together: the more, the fewer times a shard's
/// tables have to be fetched into the processor's cache.
const WAITING: usize = 1 << 17;

/// One worker's own room: the front of its part of the log, and finished user-days on their way to the shards.
#[derive(Debug)]
pub(crate) struct Lanes<B> {
    front: Front<B>,
    lanes: Vec<Vec<Part<B>>>,
    waiting: usize,
}

impl<B: Beside> Lanes<B> {
    fn new() -> Self {
        Self { front: Front::new(), lanes: vec![Vec::new(); SHARDS], waiting: 0 }
    }

    #[inline]
    fn add(&mut self, place: usize, part: Part<B>) {
        let Self { front, lanes, waiting } = self;
        front.add(place, part, &mut |part| {
            lanes[shard_of(part.user)].push(part);
            *waiting += 1;
        });
    }
}

/// The shard of a user, by bits of the hash that the shard's own table does not look at first.
#[inline]
fn shard_of(user: u64) -> usize {
    (hash(user) >> 32) as usize % SHARDS
}

/// The shards, filled by several workers at once.
#[derive(Debug)]
pub(crate) struct Reducer<B> {
    carried: Carried,
    shards: Vec<Mutex<Shard<B>>>,
}

impl<B: Beside> Reducer<B> {
    pub(crate) fn new(carried: Carried) -> Self {
        Self { carried, shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(carried))).collect() }
    }

    /// Takes in a batch. What is still in the lanes goes on to the shards with [`flush`](Self::flush).
    pub(crate) fn absorb(&self, batch: &Batch<'_>, lanes: &mut Lanes<B>) {
        let rows = batch.day.len();
        let mut places = [0; TOGETHER];
        let mut besides = [B::default(); TOGETHER];
        for start in (0..rows).step_by(TOGETHER) {
            let end = rows.min(start + TOGETHER);
            // The places of a few rows are looked at before the first is needed.
            let mut peeked = 0;
            for ((place, beside), row) in places.iter_mut().zip(&mut besides).zip(start..end) {
                *beside = B::of(batch, row);
                *place = Front::place(batch.user.keys[row], batch.day[row], beside);
                peeked |= lanes.front.peek(*place);
            }
            black_box(peeked);
            for ((&place, &beside), row) in places.iter().zip(&besides).zip(start..end) {
                let (user, day) = (batch.user.keys[row], batch.day[row]);
                if day != LEFT_OUT {
                    lanes.add(place, Part { user, day, events: 1, beside });
                }
            }
            if lanes.waiting > WAITING {
                self.deliver(lanes);
            }
        }
    }

    /// Sends on all that the lanes still hold.
    pub(crate) fn flush(&self, lanes: &mut Lanes<B>) {
        let Lanes { front, lanes: out, .. } = lanes;
        front.drain(|part| out[shard_of(part.user)].push(part));
        self.deliver(lanes);
    }

    fn deliver(&self, lanes: &mut Lanes<B>) {
        for (shard, lane) in self.shards.iter().zip(&mut lanes.lanes) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).add(lane);
            lane.clear();
        }
        lanes.waiting = 0;
    }

    fn finish(self, users: &KeyIds, accounts: Option<&KeyIds>, features: Option<&Strings>) -> Result<Ledger> {
        let shards: Vec<Grouped> = self
            .shards
            .into_par_iter()
            .map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner).finish())
            .collect();
        let count: usize = shards.iter().map(|shard| shard.account.len()).sum();
        if count >= NO_ACCOUNT as usize {
            let (limit, way_out) = (u64::from(NO_ACCOUNT), "split the log by users");
            return Err(Error::TooLarge { what: "users and accounts", count: count as u64, limit, way_out });
        }
        let (user_ids, order) = in_order(&shards, users);
        let accounts = accounts
            .map(|accounts| accounts.distinct(shards.iter().flat_map(|shard| shard.account.iter().flatten().copied())));
        let (account_ids, account_codes) = accounts.unzip();
        let (names, map) = features.map_or_else(Default::default, |features| used_features(&shards, features));
        let map = FeatureMap::new(map);

        let mut rows = Rows::new(self.carried.value, self.carried.feature);
        rows.reserve_exact(shards.iter().map(|shard| shard.rows.len()).sum());
        let mut ledger = Ledger::new(user_ids, account_ids, names, rows);
        let mut seats = Vec::new();
        for (shard, user) in order {
            let shard = &shards[shard as usize];
            seats.clear();
            seats.extend(shard.seats_of(user).iter().map(|&seat| {
                let code = account_codes.as_ref().zip(shard.account[seat as usize]);
                (code.map_or(NO_ACCOUNT, |(codes, key)| codes[&key]), seat)
            }));
            seats.sort_unstable();
            for &(account, seat) in &seats {
                ledger.rows.extend(&shard.rows, shard.rows_of(seat), &map);
                ledger.end_seat(account);
            }
            ledger.end_actor();
        }
        ledger.check_counts()?;
        Ok(ledger)
    }
}

/// The reduction of a log that has users and days alone, and of one that has more.
#[derive(Debug)]
pub(crate) enum Reduction {
    Plain(Reducer<()>),
    Full(Reducer<Rest>),
}

/// A worker's room in either.
#[derive(Debug)]
pub(crate) enum Room<'a> {
    Plain(&'a Reducer<()>, Lanes<()>),
    Full(&'a Reducer<Rest>, Lanes<Rest>),
}

impl Room<'_> {
    /// Takes in a batch; part of it stays in the room until [`flush`](Self::flush).
    pub(crate) fn absorb(&mut self, batch: &Batch<'_>) {
        match self {
            Self::Plain(reducer, lanes) => reducer.absorb(batch, lanes),
            Self::Full(reducer, lanes) => reducer.absorb(batch, lanes),
        }
    }

    /// Hands over what the room still holds.
    pub(crate) fn flush(&mut self) {
        match self {
            Self::Plain(reducer, lanes) => reducer.flush(lanes),
            Self::Full(reducer, lanes) => reducer.flush(lanes),
        }
    }
}

impl Reduction {
    pub(crate) fn new(account: bool, carried: Carried) -> Self {
        if account || carried.feature || carried.value {
            Self::Full(Reducer::new(carried))
        } else {
            Self::Plain(Reducer::new(carried))
        }
    }

    /// Room for one worker.
    pub(crate) fn room(&self) -> Room<'_> {
        match self {
            Self::Plain(reducer) => Room::Plain(reducer, Lanes::new()),
            Self::Full(reducer) => Room::Full(reducer, Lanes::new()),
        }
    }

    /// The ledger of all events absorbed. It depends on the events alone, not on their order.
    pub(crate) fn finish(
        self,
        users: &KeyIds,
        accounts: Option<&KeyIds>,
        features: Option<&Strings>,
    ) -> Result<Ledger> {
        match self {
            Self::Plain(reducer) => reducer.finish(users, accounts, features),
            Self::Full(reducer) => reducer.finish(users, accounts, features),
        }
    }
}

/// All users in the order of their ids, as shard and number within it.
fn in_order(shards: &[Grouped], users: &KeyIds) -> (Ids, Vec<(u32, u32)>) {
    let rank = users.rank();
    let mut order: Vec<(u64, u32, u32)> = Vec::with_capacity(shards.iter().map(|shard| shard.keys.len()).sum());
    for (number, shard) in (0_u32..).zip(shards) {
        order.extend((0_u32..).zip(&shard.keys).map(|(user, &key)| (rank(key), number, user)));
    }
    order.par_sort_unstable();
    let key = |&(_, shard, user): &(u64, u32, u32)| shards[shard as usize].keys[user as usize];
    let ids = users.ids(order.iter().map(key));
    (ids, order.into_iter().map(|(_, shard, user)| (shard, user)).collect())
}

/// The names of the features that occur, in order, and from a feature's number in the pool to its place.
fn used_features(shards: &[Grouped], pool: &Strings) -> (Vec<String>, Vec<u32>) {
    let mut used = vec![false; pool.len()];
    for sets in shards.iter().filter_map(|shard| shard.rows.features.as_ref()) {
        let low = sets.low.iter().fold(0, |all, low| all | low);
        for feature in (0..LOW_FEATURES).filter(|feature| low >> feature & 1 == 1) {
            used[feature as usize] = true;
        }
        sets.high_feature.iter().for_each(|&feature| used[feature as usize] = true);
    }
    let mut numbers: Vec<usize> = (0..pool.len()).filter(|&number| used[number]).collect();
    numbers.sort_unstable_by_key(|&number| pool.get(number));
    let mut places = vec![0; pool.len()];
    for (place, &number) in (0_u32..).zip(&numbers) {
        places[number] = place;
    }
    (numbers.into_iter().map(|number| pool.get(number).to_owned()).collect(), places)
}
