//! Finished shards into the ledger, whose actors stand in the order of their ids.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::batch::Times;
use super::features::{FeatureMap, FeatureSets, LOW_FEATURES};
use super::ledger::{Carried, Ledger, NO_ACCOUNT, Rows};
use super::shard::Grouped;
use crate::error::{Error, Result};
use crate::frame::ids::Ids;
use crate::frame::keys::KeyIds;
use crate::frame::pool::Strings;

/// A seat among the shards: its account in the ledger, its shard, its number there.
type Seat = (u32, u32, u32);

pub(super) fn gather(
    shards: &[Grouped],
    carried: Carried,
    users: &KeyIds,
    accounts: Option<&KeyIds>,
    features: Option<&Strings>,
) -> Result<Ledger> {
    let count: usize = shards.iter().map(|shard| shard.account.len()).sum();
    if count >= NO_ACCOUNT as usize {
        let (limit, way_out) = (u64::from(NO_ACCOUNT), "split the log by users");
        return Err(Error::TooLarge { what: "users and accounts", count: count as u64, limit, way_out });
    }
    let (actors, order) = in_order(shards, users);
    let accounts = accounts
        .map(|accounts| accounts.distinct(shards.iter().flat_map(|shard| shard.account.iter().flatten().copied())));
    let (accounts, codes) = accounts.unzip();

    let length = order.len().div_ceil(4 * rayon::current_num_threads()).max(1);
    let stretches: Vec<Stretch> =
        order.par_chunks(length).map(|actors| Stretch::new(shards, actors, codes.as_ref())).collect();
    let mut rows = Rows::zeroed(stretches.iter().map(|stretch| stretch.rows).sum(), carried);
    let mut first_row = 0;
    let places: Vec<(&Stretch, Places<'_>)> = {
        let mut rest = Places::of(&mut rows);
        stretches.iter().map(|stretch| (stretch, rest.split_off(stretch.rows, &mut first_row))).collect()
    };
    let high: Vec<FeatureSets> =
        places.into_par_iter().map(|(stretch, places)| places.fill(shards, &stretch.seats)).collect();
    let mut names = Vec::new();
    if let (Some(sets), Some(pool)) = (&mut rows.features, features) {
        high.iter().for_each(|high| sets.append_high(high));
        let map;
        (names, map) = used_features(sets, pool);
        sets.renumber(&map);
    }

    let mut ledger = Ledger::with_capacity(count, actors, accounts, names, rows);
    let mut end = 0;
    for stretch in stretches {
        let mut seats = stretch.seats.into_iter();
        for count in stretch.seats_of {
            for (account, shard, seat) in seats.by_ref().take(count as usize) {
                end += shards[shard as usize].rows_of(seat).len();
                ledger.end_seat(account, end);
            }
            ledger.end_actor();
        }
    }
    ledger.check_counts()?;
    Ok(ledger)
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

/// A stretch of consecutive actors.
struct Stretch {
    /// Per actor the number of seats.
    seats_of: Vec<u32>,
    /// Actor by actor the seats, in the order of the ledger.
    seats: Vec<Seat>,
    rows: usize,
}

impl Stretch {
    fn new(shards: &[Grouped], actors: &[(u32, u32)], codes: Option<&HashMap<u64, u32>>) -> Self {
        let mut stretch =
            Self { seats_of: Vec::with_capacity(actors.len()), seats: Vec::with_capacity(actors.len()), rows: 0 };
        for &(number, user) in actors {
            let shard = &shards[number as usize];
            let first = stretch.seats.len();
            for &seat in shard.seats_of(user) {
                let account = codes.zip(shard.account[seat as usize]).map_or(NO_ACCOUNT, |(codes, key)| codes[&key]);
                stretch.seats.push((account, number, seat));
                stretch.rows += shard.rows_of(seat).len();
            }
            let seats = &mut stretch.seats[first..];
            seats.sort_unstable();
            #[expect(clippy::cast_possible_truncation, reason = "all seats together are counted in a u32")]
            stretch.seats_of.push(seats.len() as u32);
        }
        stretch
    }
}

/// The places of a stretch's rows in the columns of the ledger.
struct Places<'a> {
    first_row: usize,
    day: &'a mut [i32],
    events: &'a mut [u32],
    value: &'a mut [f64],
    low: &'a mut [u64],
    times: &'a mut [Times],
}

impl<'a> Places<'a> {
    fn of(rows: &'a mut Rows) -> Self {
        Self {
            first_row: 0,
            day: &mut rows.day,
            events: &mut rows.events,
            value: rows.value.as_deref_mut().unwrap_or_default(),
            low: rows.features.as_mut().map(|sets| sets.low.as_mut_slice()).unwrap_or_default(),
            times: rows.times.as_deref_mut().unwrap_or_default(),
        }
    }

    fn split_off(&mut self, rows: usize, first_row: &mut usize) -> Self {
        fn front<'a, T>(column: &mut &'a mut [T], rows: usize) -> &'a mut [T] {
            column.split_off_mut(..rows).unwrap_or_default()
        }
        let at = *first_row;
        *first_row += rows;
        Self {
            first_row: at,
            day: front(&mut self.day, rows),
            events: front(&mut self.events, rows),
            value: front(&mut self.value, rows),
            low: front(&mut self.low, rows),
            times: front(&mut self.times, rows),
        }
    }

    /// Copies the rows of these seats to their places. The features beyond the word come back as a list.
    fn fill(self, shards: &[Grouped], seats: &[Seat]) -> FeatureSets {
        let mut high = FeatureSets::default();
        let mut at = 0;
        for &(_, shard, seat) in seats {
            let shard = &shards[shard as usize];
            let (from, rows) = (&shard.rows, shard.rows_of(seat));
            let to = at..at + rows.len();
            self.day[to.clone()].copy_from_slice(&from.day[rows.clone()]);
            self.events[to.clone()].copy_from_slice(&from.events[rows.clone()]);
            if let Some(value) = &from.value {
                self.value[to.clone()].copy_from_slice(&value[rows.clone()]);
            }
            if let Some(times) = &from.times {
                self.times[to.clone()].copy_from_slice(&times[rows.clone()]);
            }
            if let Some(sets) = &from.features {
                self.low[to].copy_from_slice(&sets.low[rows.clone()]);
                high.extend_high(self.first_row + at, sets, rows.clone());
            }
            at += rows.len();
        }
        high
    }
}

/// The names of the features that occur, in order, and from a feature's number in the pool to its place.
fn used_features(sets: &FeatureSets, pool: &Strings) -> (Vec<String>, FeatureMap) {
    let mut used = vec![false; pool.len()];
    let low = sets.low.iter().fold(0, |all, low| all | low);
    for feature in (0..LOW_FEATURES).filter(|feature| low >> feature & 1 == 1) {
        used[feature as usize] = true;
    }
    sets.high_feature.iter().for_each(|&feature| used[feature as usize] = true);
    let mut numbers: Vec<usize> = (0..pool.len()).filter(|&number| used[number]).collect();
    numbers.sort_unstable_by_key(|&number| pool.get(number));
    let mut places = vec![0; pool.len()];
    for (place, &number) in (0_u32..).zip(&numbers) {
        places[number] = place;
    }
    (numbers.into_iter().map(|number| pool.get(number).to_owned()).collect(), FeatureMap::new(places))
}
