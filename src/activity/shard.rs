//! The reduction kernel: events of one share of the users become active user-days.
//!
//! Users are dealt out to shards by a hash of their key, so shards can be filled by several workers and grouped one at
//! a time. A shard adds events up while their user-day is [under way](super::latest), and writes finished user-days as
//! rows. What comes late writes a second row for its day; rows of one day are joined when they are grouped, and grouping
//! runs whenever half of the rows may be such doubles. So memory follows the active user-days whatever the order of the
//! log.

use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::batch::{Detail, Event, Times, hash};
use super::features::{FeatureSets, LOW_FEATURES, NO_FEATURE};
use super::latest::{Latest, UserDay};
use super::ledger::{Carried, Rows};

/// So many users are looked up together.
const TOGETHER: usize = 16;
/// Finished user-days are written as rows so many at a time, or as many as there are users: the more, the fewer times
/// the table of users has to be fetched into the processor's cache.
const MOST_WAITING: usize = 1 << 14;
/// A shard is not regrouped for fewer doubtful rows than this.
const MIN_DOUBTFUL: usize = 1 << 13;

/// A user and the seat last seen on.
#[derive(Clone, Copy, Debug)]
struct User<D> {
    user: u64,
    seat: u32,
    latest_day: i32,
    detail: D,
}

/// Active user-days of seats, a seat being a user within an account: one row a seat and day once grouped.
#[derive(Debug, Default)]
struct ShardRows {
    seat: Vec<u32>,
    day: Vec<i32>,
    events: Vec<u32>,
    value: Vec<f64>,
    low: Vec<u64>,
    times: Vec<Times>,
}

/// From a user's number and an account's key to the seat.
type SeatOf = HashMap<(u32, Option<u64>), u32, FixedState>;

/// The aggregate of one share of the users.
#[derive(Debug)]
pub(crate) struct Shard<D> {
    latest: Latest<D>,
    /// Events with a feature from [`LOW_FEATURES`] on.
    high: Vec<Event<D>>,
    users: Users<D>,
    rows: RowWriter,
}

#[derive(Debug)]
struct Users<D> {
    table: HashTable<User<D>>,
    /// The seats of users who have been seen in more than one account.
    seat_of: SeatOf,
    /// Per seat, the number of the user and the key of the account.
    seats: Vec<(u32, Option<u64>)>,
}

/// Rows as they are written, in any order.
#[derive(Debug)]
struct RowWriter {
    carried: Carried,
    rows: ShardRows,
    /// Seat, day and feature, for features from [`LOW_FEATURES`] on.
    high: Vec<(u32, i32, u32)>,
    high_grouped: usize,
    /// Rows whose day may have another row already.
    doubtful: usize,
}

impl<D: Detail> Shard<D> {
    pub(crate) fn new(carried: Carried) -> Self {
        let users =
            Users { table: HashTable::new(), seat_of: HashMap::with_hasher(FixedState::default()), seats: vec![] };
        let rows = RowWriter { carried, rows: ShardRows::default(), high: vec![], high_grouped: 0, doubtful: 0 };
        Self { latest: Latest::new(), high: Vec::new(), users, rows }
    }

    pub(crate) fn add(&mut self, events: &[Event<D>]) {
        for event in events {
            self.latest.add(event);
            if event.feature >= LOW_FEATURES && event.feature != NO_FEATURE {
                self.high.push(*event);
            }
        }
        let waiting = self.latest.finished().len().max(self.high.len());
        if waiting > MOST_WAITING.min(self.users.table.len()) {
            self.write_finished();
        }
    }

    /// Adds what has been added up elsewhere.
    pub(crate) fn add_user_days(&mut self, user_days: Vec<UserDay<D>>) {
        self.latest.finish();
        self.latest.extend_finished(user_days);
        self.write_finished();
    }

    /// Writes the finished user-days as rows.
    fn write_finished(&mut self) {
        let Self { latest, high, users, rows } = self;
        for met in latest.finished().chunks(TOGETHER) {
            // The users of a few days are looked up before the first is needed, so that their lines of memory are
            // fetched together. Nothing moves in between: there is room for all that may be new.
            users.table.reserve(TOGETHER, |user| hash(user.user));
            let mut found = [None; TOGETHER];
            for (place, met) in found.iter_mut().zip(met) {
                *place = users.table.find_bucket_index(hash(met.user), |user| user.user == met.user);
            }
            for (met, place) in met.iter().zip(found) {
                let (seat, seen) = users.seat(met.user, met.detail, met.day, place);
                rows.doubtful += usize::from(met.day <= seen);
                rows.write(seat, met);
            }
        }
        latest.clear_finished();
        for event in high.drain(..) {
            let (seat, _) = users.seat(event.user, event.detail, i32::MIN, None);
            rows.high.push((seat, event.day, event.feature));
        }
        if rows.is_due() {
            rows.group(users.seats.len());
        }
    }

    /// The grouped rows, to be read seat by seat.
    pub(crate) fn finish(mut self) -> Grouped {
        self.latest.finish();
        self.write_finished();
        let Users { table, seats, .. } = self.users;
        let mut keys = vec![0; table.len()];
        for user in &table {
            keys[seats[user.seat as usize].0 as usize] = user.user;
        }
        drop(table);
        let mut first_seat = vec![0; keys.len() + 1];
        for &(user, _) in &seats {
            first_seat[user as usize + 1] += 1;
        }
        for user in 0..keys.len() {
            first_seat[user + 1] += first_seat[user];
        }
        let mut seat_order: Vec<u32> = (0..narrow(seats.len())).collect();
        seat_order.sort_by_key(|&seat| seats[seat as usize].0);
        let first_row = self.rows.group(seats.len());
        let rows = self.rows.finish(&first_row);
        let account = seats.into_iter().map(|(_, account)| account).collect();
        Grouped { keys, first_seat, seat_order, account, first_row, rows }
    }
}

impl<D: Detail> Users<D> {
    /// The seat of a user and account, and the latest day seen of the user before `day`. `place` is where the user was
    /// found, if that has been looked up.
    #[inline]
    fn seat(&mut self, user: u64, detail: D, day: i32, place: Option<usize>) -> (u32, i32) {
        let Self { table, seat_of, seats } = self;
        let found = match place.and_then(|place| table.get_bucket_mut(place)) {
            Some(found) => found,
            None => Self::entered(table, seats, user, detail),
        };
        if found.detail.account() != detail.account() {
            found.change_seat(detail, seats, seat_of);
        }
        let seen = found.latest_day;
        found.latest_day = seen.max(day);
        (found.seat, seen)
    }

    /// A user not met when it was looked up; it may have been entered since.
    #[cold]
    fn entered<'a>(
        table: &'a mut HashTable<User<D>>,
        seats: &mut Vec<(u32, Option<u64>)>,
        user: u64,
        detail: D,
    ) -> &'a mut User<D> {
        let number = narrow(table.len());
        match table.entry(hash(user), |other| other.user == user, |other| hash(other.user)) {
            Entry::Occupied(user) => user.into_mut(),
            Entry::Vacant(vacant) => {
                let seat = narrow(seats.len());
                seats.push((number, detail.account()));
                vacant.insert(User { user, seat, latest_day: i32::MIN, detail }).into_mut()
            }
        }
    }
}

impl<D: Detail> User<D> {
    /// Moves the user to the account that `detail` is of.
    #[cold]
    fn change_seat(&mut self, detail: D, seats: &mut Vec<(u32, Option<u64>)>, seat_of: &mut SeatOf) {
        let (number, account) = seats[self.seat as usize];
        seat_of.insert((number, account), self.seat);
        self.seat = *seat_of.entry((number, detail.account())).or_insert_with(|| {
            seats.push((number, detail.account()));
            narrow(seats.len() - 1)
        });
        self.detail = detail;
    }
}

impl RowWriter {
    #[inline]
    fn write<D: Detail>(&mut self, seat: u32, met: &UserDay<D>) {
        self.rows.seat.push(seat);
        self.rows.day.push(met.day);
        self.rows.events.push(met.events);
        if self.carried.value {
            self.rows.value.push(met.detail.value());
        }
        if self.carried.feature {
            self.rows.low.push(met.low);
        }
        if self.carried.times {
            self.rows.times.push(met.detail.times());
        }
    }

    fn is_due(&self) -> bool {
        self.doubtful > MIN_DOUBTFUL.max(self.rows.day.len() / 2)
            || self.high.len() > MIN_DOUBTFUL.max(2 * self.high_grouped)
    }

    /// Puts the rows in order of seat and day, and joins those of one seat and day. Returns per seat the first row.
    fn group(&mut self, seats: usize) -> Vec<u32> {
        self.high.sort_unstable();
        self.high.dedup();
        self.high_grouped = self.high.len();
        self.doubtful = 0;
        self.rows.group(seats)
    }

    fn finish(self, first_row: &[u32]) -> Rows {
        let ShardRows { day, events, value, low, times, .. } = self.rows;
        let mut features = FeatureSets { low, ..FeatureSets::default() };
        for (seat, on, feature) in self.high {
            let first = first_row[seat as usize] as usize;
            let rows = &day[first..first_row[seat as usize + 1] as usize];
            features.high_row.push((first + rows.partition_point(|&day| day < on)) as u64);
            features.high_feature.push(feature);
        }
        let Carried { feature, value: has_value, times: has_times } = self.carried;
        Rows {
            day,
            events,
            value: has_value.then_some(value),
            features: feature.then_some(features),
            times: has_times.then_some(times),
        }
    }
}

/// A finished shard.
#[derive(Debug)]
pub(crate) struct Grouped {
    /// Per user of the shard, the key.
    pub(crate) keys: Vec<u64>,
    first_seat: Vec<u32>,
    seat_order: Vec<u32>,
    /// Per seat, the key of the account.
    pub(crate) account: Vec<Option<u64>>,
    first_row: Vec<u32>,
    pub(crate) rows: Rows,
}

impl Grouped {
    pub(crate) fn seats_of(&self, user: u32) -> &[u32] {
        &self.seat_order[self.first_seat[user as usize] as usize..self.first_seat[user as usize + 1] as usize]
    }

    pub(crate) fn rows_of(&self, seat: u32) -> Range<usize> {
        self.first_row[seat as usize] as usize..self.first_row[seat as usize + 1] as usize
    }
}

impl ShardRows {
    fn group(&mut self, seats: usize) -> Vec<u32> {
        let mut ends = vec![0_u32; seats + 1];
        for &seat in &self.seat {
            ends[seat as usize + 1] += 1;
        }
        for seat in 0..seats {
            ends[seat + 1] += ends[seat];
        }
        let mut next = ends.clone();
        let mut order = vec![0_u32; self.seat.len()];
        for (row, &seat) in self.seat.iter().enumerate() {
            order[next[seat as usize] as usize] = narrow(row);
            next[seat as usize] += 1;
        }
        let mut first_row = Vec::with_capacity(seats + 1);
        let mut joined = Self::default();
        joined.reserve(self);
        for seat in 0..seats {
            let start = joined.day.len();
            first_row.push(narrow(start));
            let rows = &mut order[ends[seat] as usize..ends[seat + 1] as usize];
            if !rows.is_sorted_by_key(|&row| self.day[row as usize]) {
                rows.sort_by_key(|&row| self.day[row as usize]);
            }
            for &row in &*rows {
                joined.take(self, row as usize, start);
            }
        }
        first_row.push(narrow(joined.day.len()));
        *self = joined;
        first_row
    }

    fn reserve(&mut self, like: &Self) {
        self.seat.reserve_exact(like.seat.len());
        self.day.reserve_exact(like.day.len());
        self.events.reserve_exact(like.events.len());
        self.value.reserve_exact(like.value.len());
        self.low.reserve_exact(like.low.len());
        self.times.reserve_exact(like.times.len());
    }

    /// Appends a row of `from`, or joins it to the last row where that is of the same seat and day.
    fn take(&mut self, from: &Self, row: usize, start_of_seat: usize) {
        let last = self.day.len();
        if last > start_of_seat && self.day[last - 1] == from.day[row] {
            self.events[last - 1] = self.events[last - 1].saturating_add(from.events[row]);
            if let Some(value) = from.value.get(row) {
                self.value[last - 1] += value;
            }
            if let Some(low) = from.low.get(row) {
                self.low[last - 1] |= low;
            }
            if let Some(&times) = from.times.get(row) {
                self.times[last - 1].join(times);
            }
            return;
        }
        self.seat.push(from.seat[row]);
        self.day.push(from.day[row]);
        self.events.push(from.events[row]);
        self.value.extend(from.value.get(row));
        self.low.extend(from.low.get(row));
        self.times.extend(from.times.get(row));
    }
}

/// A shard holds a sixty-fourth of what fits into memory, at twenty bytes a row: far from 2^32.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "see the line above")]
fn narrow(count: usize) -> u32 {
    count as u32
}
