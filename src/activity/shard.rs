//! The reduction kernel: events of one share of the users become active user-days.
//!
//! Users are dealt out to shards by a hash of their key, so shards can be filled by several workers and grouped one at
//! a time. A shard keeps for every user the day the user was last seen on, and adds up its events there: in a log nearly
//! in order of time the next event of that user is nearly always of that same day, and costs one look-up. When the day
//! changes, the row is written out. What comes late writes a second row for its day; rows of one day are joined when
//! they are grouped, and grouping runs whenever half of the rows may be such doubles. So memory follows the active
//! user-days whatever the order of the log.

use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::batch::{Beside, Part, hash};
use super::features::{FeatureSets, NO_FEATURE};
use super::ledger::Rows;

/// So many parts are taken in together.
pub(crate) const TOGETHER: usize = 16;
/// A shard is not regrouped for fewer doubtful rows than this.
const MIN_DOUBTFUL: usize = 1 << 13;

/// A user, and what has been added up for the day and account it was last seen on.
#[derive(Clone, Copy, Debug)]
struct LastSeen<B> {
    user: u64,
    beside: B,
    number: u32,
    seat: u32,
    day: i32,
    latest_day: i32,
    events: u32,
}

/// Active user-days of seats, a seat being a user within an account: one row a seat and day once grouped.
#[derive(Debug, Default)]
struct ShardRows {
    seat: Vec<u32>,
    day: Vec<i32>,
    events: Vec<u32>,
    value: Vec<f64>,
    low: Vec<u64>,
}

/// What a row carries beside its events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carried {
    pub(crate) feature: bool,
    pub(crate) value: bool,
}

/// From a user's number and an account's key to the seat.
type SeatOf = HashMap<(u32, Option<u64>), u32, FixedState>;

/// The aggregate of one share of the users.
#[derive(Debug)]
pub(crate) struct Shard<B> {
    users: HashTable<LastSeen<B>>,
    /// The seats of users who have been seen in more than one account.
    seat_of: SeatOf,
    /// Per seat, the user and the key of the account.
    seats: Vec<(u32, Option<u64>)>,
    rows: RowWriter,
}

/// Rows as they are written, in any order.
#[derive(Debug)]
struct RowWriter {
    carried: Carried,
    rows: ShardRows,
    /// Seat, day and feature, for features from [`LOW_FEATURES`](super::features::LOW_FEATURES) on.
    high: Vec<(u32, i32, u32)>,
    high_grouped: usize,
    /// Rows whose day may have another row already.
    doubtful: usize,
}

impl<B: Beside> Shard<B> {
    pub(crate) fn new(carried: Carried) -> Self {
        let (rows, high) = (ShardRows::default(), Vec::new());
        Self {
            users: HashTable::new(),
            seat_of: HashMap::with_hasher(FixedState::default()),
            seats: Vec::new(),
            rows: RowWriter { carried, rows, high, high_grouped: 0, doubtful: 0 },
        }
    }

    pub(crate) fn add(&mut self, parts: &[Part<B>]) {
        for parts in parts.chunks(TOGETHER) {
            // The users of a few parts are looked up before the first is needed, so that their lines of memory are
            // fetched together. Nothing moves in between: there is room for all that may be new.
            self.users.reserve(TOGETHER, |user| hash(user.user));
            let mut found = [None; TOGETHER];
            for (place, part) in found.iter_mut().zip(parts) {
                *place = self.users.find_bucket_index(hash(part.user), |user| user.user == part.user);
            }
            for (&part, place) in parts.iter().zip(found) {
                self.add_part(part, place);
            }
        }
        if self.rows.is_due() {
            self.rows.group(self.seats.len());
        }
    }

    #[inline]
    fn add_part(&mut self, part: Part<B>, place: Option<usize>) {
        let user = match place.and_then(|place| self.users.get_bucket_mut(place)) {
            Some(user) => user,
            None => Self::enter(&mut self.users, &mut self.seats, part),
        };
        let account = part.beside.account();
        if user.day != part.day || user.beside.account() != account {
            self.rows.write(user);
            if user.beside.account() != account {
                user.change_seat(part.beside, &mut self.seats, &mut self.seat_of);
            }
            self.rows.doubtful += usize::from(part.day <= user.latest_day);
            user.latest_day = user.latest_day.max(part.day);
            user.day = part.day;
        }
        // Saturates, and a saturated count is refused when the rows are taken over.
        user.events = user.events.saturating_add(part.events);
        user.beside.join(part.beside);
        if part.beside.high() != NO_FEATURE {
            self.rows.high.push((user.seat, part.day, part.beside.high()));
        }
    }

    /// A user not met when it was looked up; it may have been entered since.
    #[cold]
    fn enter<'a>(
        users: &'a mut HashTable<LastSeen<B>>,
        seats: &mut Vec<(u32, Option<u64>)>,
        part: Part<B>,
    ) -> &'a mut LastSeen<B> {
        let number = narrow(users.len());
        let same_user = |user: &LastSeen<B>| user.user == part.user;
        match users.entry(hash(part.user), same_user, |user| hash(user.user)) {
            Entry::Occupied(user) => user.into_mut(),
            Entry::Vacant(vacant) => {
                seats.push((number, part.beside.account()));
                let (seat, day) = (narrow(seats.len() - 1), part.day);
                let beside = part.beside.emptied();
                let user = LastSeen { user: part.user, beside, number, seat, day, latest_day: day, events: 0 };
                vacant.insert(user).into_mut()
            }
        }
    }

    /// The grouped rows, to be read seat by seat.
    pub(crate) fn finish(mut self) -> Grouped {
        let mut keys = vec![0; self.users.len()];
        for mut user in self.users.drain() {
            keys[user.number as usize] = user.user;
            self.rows.write(&mut user);
        }
        self.users = HashTable::new();
        let mut first_seat = vec![0; keys.len() + 1];
        for &(user, _) in &self.seats {
            first_seat[user as usize + 1] += 1;
        }
        for user in 0..keys.len() {
            first_seat[user + 1] += first_seat[user];
        }
        let mut seat_order: Vec<u32> = (0..narrow(self.seats.len())).collect();
        seat_order.sort_by_key(|&seat| self.seats[seat as usize].0);
        let first_row = self.rows.group(self.seats.len());
        let rows = self.rows.finish(&first_row);
        let account = self.seats.into_iter().map(|(_, account)| account).collect();
        Grouped { keys, first_seat, seat_order, account, first_row, rows }
    }
}

impl<B: Beside> LastSeen<B> {
    /// Moves a user whose row has been written to the account that `beside` is of.
    #[cold]
    fn change_seat(&mut self, beside: B, seats: &mut Vec<(u32, Option<u64>)>, seat_of: &mut SeatOf) {
        seat_of.insert((self.number, self.beside.account()), self.seat);
        self.seat = *seat_of.entry((self.number, beside.account())).or_insert_with(|| {
            seats.push((self.number, beside.account()));
            narrow(seats.len() - 1)
        });
        self.beside = beside.emptied();
    }
}

impl RowWriter {
    /// Writes out what a user has been seen doing.
    #[inline]
    fn write<B: Beside>(&mut self, user: &mut LastSeen<B>) {
        if user.events == 0 {
            return;
        }
        self.rows.seat.push(user.seat);
        self.rows.day.push(user.day);
        self.rows.events.push(user.events);
        if self.carried.value {
            self.rows.value.push(user.beside.value());
        }
        if self.carried.feature {
            self.rows.low.push(user.beside.low());
        }
        user.events = 0;
        user.beside = user.beside.emptied();
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
        let ShardRows { day, events, value, low, .. } = self.rows;
        let mut features = FeatureSets { low, ..FeatureSets::default() };
        for (seat, on, feature) in self.high {
            let first = first_row[seat as usize] as usize;
            let rows = &day[first..first_row[seat as usize + 1] as usize];
            features.high_row.push((first + rows.partition_point(|&day| day < on)) as u64);
            features.high_feature.push(feature);
        }
        let value = self.carried.value.then_some(value);
        Rows { day, events, value, features: self.carried.feature.then_some(features) }
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
            return;
        }
        self.seat.push(from.seat[row]);
        self.day.push(from.day[row]);
        self.events.push(from.events[row]);
        self.value.extend(from.value.get(row));
        self.low.extend(from.low.get(row));
    }
}

/// A shard holds a sixty-fourth of what fits into memory, at twenty bytes a row: far from 2^32.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "see the line above")]
fn narrow(count: usize) -> u32 {
    count as u32
}
