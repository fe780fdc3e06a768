//! Batches of plain columns into shards, and shards into the ledger.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::features::FeatureMap;
use super::front::{Front, Head, Rest};
use super::ledger::{Ledger, NO_ACCOUNT, Rows};
use super::shard::{Carried, Grouped, LOW_FEATURES, Lane, Shard, TOGETHER};
use crate::error::{Error, Result};
use crate::frame::ids::Ids;
use crate::frame::keys::{KeyIds, Keys};
use crate::frame::pool::Strings;

const SHARDS: usize = 64;
/// So many user-days wait in the lanes before they go to the shards together: the more, the fewer times a shard's
/// tables have to be fetched into the processor's cache.
const WAITING: usize = 1 << 17;
/// The day of a row that is left out.
pub(crate) const LEFT_OUT: i32 = i32::MIN;

/// Events as plain columns.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) user: Keys<'a>,
    /// Per row the local day, [`LEFT_OUT`] for a row that is left out.
    pub(crate) day: Vec<i32>,
    pub(crate) account: Option<Keys<'a>>,
    pub(crate) feature: Option<Vec<u32>>,
    pub(crate) value: Option<Cow<'a, [f64]>>,
}

/// One worker's own room: the front of its part of the log, and finished user-days on their way to the shards.
#[derive(Debug)]
pub(crate) struct Lanes {
    front: Front,
    lanes: Vec<Lane>,
    waiting: usize,
}

/// The shards, filled by several workers at once.
#[derive(Debug)]
pub(crate) struct Reducer {
    carried: Carried,
    shards: Vec<Mutex<Shard>>,
}

impl Reducer {
    pub(crate) fn new(carried: Carried) -> Self {
        Self { carried, shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(carried))).collect() }
    }

    pub(crate) fn lanes(&self) -> Lanes {
        Lanes { front: Front::new(self.carried), lanes: vec![Lane::default(); SHARDS], waiting: 0 }
    }

    /// Takes in a batch. What is still in the lanes goes on to the shards with [`flush`](Self::flush).
    pub(crate) fn absorb(&self, batch: &Batch<'_>, lanes: &mut Lanes) {
        let rows = batch.day.len();
        let mut places = [0; TOGETHER];
        for start in (0..rows).step_by(TOGETHER) {
            let end = rows.min(start + TOGETHER);
            // The places of a few rows are looked at before the first is needed.
            let mut peeked = 0;
            for (place, row) in places.iter_mut().zip(start..end) {
                *place = Front::place(batch.user.keys[row], batch.day[row]);
                peeked |= lanes.front.peek(*place);
            }
            black_box(peeked);
            for (&place, row) in places.iter().zip(start..end) {
                if batch.day[row] != LEFT_OUT {
                    let head = Head { user: batch.user.keys[row], day: batch.day[row], events: 1 };
                    lanes.add(place, head, batch.rest(row), self.carried);
                }
            }
            if lanes.waiting > WAITING {
                self.deliver(lanes);
            }
        }
    }

    /// Sends on all that the lanes still hold.
    pub(crate) fn flush(&self, lanes: &mut Lanes) {
        let Lanes { front, lanes: out, .. } = lanes;
        front.drain(|head, rest| deal(out, head, rest, self.carried));
        self.deliver(lanes);
    }

    fn deliver(&self, lanes: &mut Lanes) {
        for (shard, lane) in self.shards.iter().zip(&mut lanes.lanes) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).add(lane);
            lane.clear();
        }
        lanes.waiting = 0;
    }

    /// The ledger of all events absorbed. It depends on the events alone, not on their order.
    pub(crate) fn finish(
        self,
        users: &KeyIds,
        accounts: Option<&KeyIds>,
        features: Option<&Strings>,
    ) -> Result<Ledger> {
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

impl Lanes {
    #[inline]
    fn add(&mut self, place: usize, head: Head, rest: Rest, carried: Carried) {
        let Self { front, lanes, waiting } = self;
        front.add(place, head, rest, &mut |head, rest| {
            deal(lanes, head, rest, carried);
            *waiting += 1;
        });
    }
}

/// Puts a part into the lane of its shard, by bits of the hash that the shard's own table does not look at first.
#[inline]
fn deal(lanes: &mut [Lane], head: Head, rest: Rest, carried: Carried) {
    lanes[(Shard::hash(head.user) >> 32) as usize % SHARDS].push(head, rest, carried);
}

impl Batch<'_> {
    /// What a row has beside user and day.
    #[inline]
    fn rest(&self, row: usize) -> Rest {
        let mut rest = Rest::NONE;
        if let Some(feature) = &self.feature {
            rest = rest.with_feature(feature[row]);
        }
        if let Some(account) = &self.account {
            rest.account = (!account.is_null(row)).then(|| account.keys[row]);
        }
        if let Some(value) = &self.value {
            rest.value = value[row];
        }
        rest
    }
}

impl Ledger {
    /// Refuses counts of events that have run full, and sums of values that have left the range of a float.
    pub(crate) fn check_counts(&self) -> Result<()> {
        if self.rows.events.contains(&u32::MAX) {
            let (count, limit) = (u64::from(u32::MAX), u64::from(u32::MAX) - 1);
            let way_out = "aggregate the log before ingesting it, or give the count as a value";
            return Err(Error::TooLarge { what: "events of one user on one day", count, limit, way_out });
        }
        if !self.rows.value.iter().flatten().all(|value| value.is_finite()) {
            let way_out = "scale the column, or leave out what cannot be a value";
            return Err(Error::Overflow { what: "the values of one user on one day", way_out });
        }
        Ok(())
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
