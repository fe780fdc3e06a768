//! Logs of users and times alone, whose users are small numbers: a plane of counts for each day under way.
//!
//! Ids of most logs count up, and strings are numbered as they come. So a day of such a log is a plane of one byte a user,
//! which a processor's cache holds, and an event adds one to a byte: no look-up, no row until the day is over. Days that
//! are over become blocks of rows in the order of the users; blocks in the order of their days are then dealt out to the
//! users, a range of users at a time.
//!
//! It is worth it while days hold a fair part of the users and come nearly in order. A log of which that is not true, or
//! with an id that is no small number, goes on in [shards](super::shard), with all that has been read.

use rayon::prelude::*;

use super::batch::{Batch, LEFT_OUT};
use super::latest::UserDay;
use super::ledger::{Carried, Ledger, NO_ACCOUNT, Rows};
use crate::error::Result;
use crate::frame::ids::IdType;
use crate::frame::keys::KeyIds;

/// Days that can be under way together.
const OPEN: i32 = 4;
/// Planes are not made for keys from here on.
const MOST_KEYS: usize = 1 << 23;
/// Bytes of planes that may be made, and looked through, for each event: about as long as a shard takes for one.
const BYTES_AN_EVENT: usize = 256;
/// And so many more.
const BYTES_AT_FIRST: usize = 1 << 16;
/// Blocks are not joined day by day while there are fewer than this.
const FEW_BLOCKS: usize = 1 << 10;
/// Users who are skipped together where none was active.
const CHUNK: usize = 32;
/// Events that a byte counts.
const FULL: u8 = u8::MAX;
/// Users of a range.
const RANGE: usize = 1 << 13;

/// What a worker has read.
#[derive(Debug, Default)]
pub(super) struct Planes {
    open: [Plane; OPEN as usize],
    over: Vec<Block>,
    /// Blocks when they were last joined.
    joined: usize,
    /// Room for the rows of a day.
    room: (Vec<u32>, Vec<u8>),
    events: usize,
    made: usize,
    looked_through: usize,
}

/// The events of a day, by user.
#[derive(Debug, Default)]
struct Plane {
    day: i32,
    /// Whether there have been events on it.
    active: bool,
    /// Per user the events so far, but for those in `full`.
    counts: Vec<u8>,
    /// Users whose count was full, for each time that it was.
    full: Vec<u32>,
}

/// The active users of a day in order, and their events.
#[derive(Debug, Default)]
pub(super) struct Block {
    day: i32,
    users: Vec<u32>,
    /// Per user the events, but for those in `full`.
    events: Vec<u8>,
    /// Users with [`FULL`] events more, for each time that they have.
    full: Vec<u32>,
    /// Where the users of each range begin, and the end.
    starts: Vec<usize>,
}

impl Planes {
    /// Takes in a batch; or only the rows before one from which on it is not for planes.
    pub(super) fn add(&mut self, batch: &Batch<'_>) -> std::result::Result<(), usize> {
        let (keys, days) = (&batch.user.keys[..], &batch.day[..]);
        let worth = BYTES_AN_EVENT.saturating_mul(self.events + days.len()).saturating_add(BYTES_AT_FIRST);
        let mut row = 0;
        while row < days.len() {
            let day = days[row];
            let run = days[row..].iter().take_while(|&&next| next == day).count();
            if day != LEFT_OUT {
                let left = worth.saturating_sub(self.made);
                let plane = self.plane(day);
                let before = plane.counts.len();
                let fit = plane.add(&keys[row..row + run], MOST_KEYS.min(before + left));
                let made = plane.counts.len() - before;
                self.made += made;
                self.events += fit;
                if fit < run || self.looked_through > worth {
                    return Err(row + fit);
                }
            }
            row += run;
        }
        Ok(())
    }

    /// The plane of a day. Another day in its place is over.
    fn plane(&mut self, day: i32) -> &mut Plane {
        let plane = &mut self.open[day.rem_euclid(OPEN) as usize];
        if plane.day != day {
            self.looked_through += plane.counts.len();
            self.over.extend(plane.end(&mut self.room));
            plane.day = day;
            // Late events leave a small block each time.
            if self.over.len() > FEW_BLOCKS.max(2 * self.joined) {
                self.over = by_day(std::mem::take(&mut self.over));
                self.joined = self.over.len();
            }
        }
        plane
    }

    /// Ends all days under way, and gives back their room.
    pub(super) fn end(&mut self) {
        for mut plane in std::mem::take(&mut self.open) {
            self.over.extend(plane.end(&mut self.room));
        }
    }

    /// All that was read.
    pub(super) fn finish(mut self) -> Vec<Block> {
        self.end();
        self.over
    }
}

impl Plane {
    /// Counts an event of each of these users, up to one whose key is not below `most`. Says of how many.
    #[expect(clippy::cast_possible_truncation, reason = "keys that fit are small")]
    fn add(&mut self, keys: &[u64], most: usize) -> usize {
        let fits = |key: &u64| *key < most as u64;
        let all_fit = keys.iter().max().is_none_or(fits);
        let fit = if all_fit { keys.len() } else { keys.iter().take_while(|key| fits(key)).count() };
        let length = keys[..fit].iter().max().map_or(0, |&key| (key as usize + 1).next_multiple_of(RANGE));
        if self.counts.len() < length {
            self.counts.resize(length, 0);
        }
        let (counts, full) = (&mut self.counts[..], &mut self.full);
        for &key in &keys[..fit] {
            let count = &mut counts[key as usize];
            if *count == FULL {
                full.push(key as u32);
                *count = 0;
            }
            *count += 1;
        }
        self.active |= fit > 0;
        fit
    }

    /// The day as rows. Leaves an empty plane.
    fn end(&mut self, (users, events): &mut (Vec<u32>, Vec<u8>)) -> Option<Block> {
        if !std::mem::take(&mut self.active) {
            return None;
        }
        users.clear();
        events.clear();
        let mut starts = Vec::with_capacity(self.counts.len() / RANGE + 1);
        for (first, counts) in (0_u32..).step_by(CHUNK).zip(self.counts.as_chunks_mut::<CHUNK>().0) {
            if (first as usize).is_multiple_of(RANGE) {
                starts.push(users.len());
            }
            if *counts == [0; CHUNK] {
                continue;
            }
            for (first, eight) in (first..).step_by(8).zip(counts.as_chunks_mut::<8>().0) {
                let mut left = u64::from_le_bytes(*eight);
                while left > 0 {
                    let place = left.trailing_zeros() / 8;
                    users.push(first + place);
                    events.push(eight[place as usize]);
                    left &= !(0xFF << (8 * place));
                }
            }
            *counts = [0; CHUNK];
        }
        starts.push(users.len());
        let full = std::mem::take(&mut self.full);
        Some(Block { day: self.day, users: users.clone(), events: events.clone(), full, starts })
    }
}

impl Block {
    /// Its rows one by one.
    pub(super) fn user_days(&self) -> impl Iterator<Item = UserDay<()>> {
        let rows = self.users.iter().zip(&self.events).map(|(&user, &events)| (user, events));
        let rows = rows.chain(self.full.iter().map(|&user| (user, FULL)));
        rows.map(|(user, events)| UserDay {
            user: user.into(),
            low: 0,
            day: self.day,
            events: events.into(),
            detail: (),
        })
    }

    /// The rows of a range of users.
    fn of(&self, range: usize) -> (&[u32], &[u8]) {
        let rows = match self.starts.get(range..range + 2) {
            Some(ends) => ends[0]..ends[1],
            None => 0..0,
        };
        (&self.users[rows.clone()], &self.events[rows])
    }

    /// What two workers have met of one day.
    fn join(self, other: Self) -> Self {
        let most = self.users.len() + other.users.len();
        let mut both = Self { day: self.day, full: [&self.full[..], &other.full].concat(), ..Self::default() };
        both.users.reserve_exact(most);
        both.events.reserve_exact(most);
        for range in 0..self.starts.len().max(other.starts.len()) - 1 {
            both.starts.push(both.users.len());
            match (self.of(range), other.of(range)) {
                ((users, events), ([], _)) | (([], _), (users, events)) => {
                    both.users.extend_from_slice(users);
                    both.events.extend_from_slice(events);
                }
                (left, right) => both.join_range(left, right),
            }
        }
        both.starts.push(both.users.len());
        both
    }

    fn join_range(&mut self, left: (&[u32], &[u8]), right: (&[u32], &[u8])) {
        let mut left = left.0.iter().zip(left.1).peekable();
        let mut right = right.0.iter().zip(right.1).peekable();
        while let Some(user) = left.peek().into_iter().chain(right.peek()).map(|row| *row.0).min() {
            let of_left = left.next_if(|row| *row.0 == user).map_or(0, |row| *row.1);
            let of_right = right.next_if(|row| *row.0 == user).map_or(0, |row| *row.1);
            let events = of_left.checked_add(of_right).unwrap_or_else(|| {
                self.full.push(user);
                of_left - (FULL - of_right)
            });
            self.users.push(user);
            self.events.push(events);
        }
    }
}

/// The ledger of all blocks.
pub(super) fn ledger(blocks: Vec<Block>, users: &KeyIds) -> Result<Ledger> {
    let blocks = by_day(blocks);
    let ranges = blocks.iter().map(|block| block.starts.len() - 1).max().unwrap_or(0);
    let counts: Vec<Vec<u32>> = (0..ranges).into_par_iter().map(|range| count(&blocks, range)).collect();
    let mut rows = Rows::zeroed(blocks.iter().map(|block| block.users.len()).sum(), Carried::default());
    let (mut days, mut events) = (&mut rows.day[..], &mut rows.events[..]);
    let mut parts = Vec::with_capacity(ranges);
    for (range, counts) in counts.iter().enumerate() {
        let count = counts.iter().map(|&count| count as usize).sum();
        let part = (front(&mut days, count), front(&mut events, count));
        parts.push((range, counts, part));
    }
    parts.into_par_iter().for_each(|(range, counts, (days, events))| fill(&blocks, range, counts, days, events));
    drop(blocks);
    let active = || (0_u64..).zip(counts.iter().flatten().copied()).filter(|(_, count)| *count > 0);
    match users.id_type {
        IdType::String => in_order_of_strings(active().collect(), &rows, users),
        _ => close(active, rows, users),
    }
}

/// The same rows with the users in the order of their ids, where keys do not order as they do.
fn in_order_of_strings(active: Vec<(u64, u32)>, from: &Rows, users: &KeyIds) -> Result<Ledger> {
    let rank = users.rank();
    let starts = active.iter().scan(0, |end, (_, count)| Some(std::mem::replace(end, *end + *count as usize)));
    let mut active: Vec<((u64, u32), usize)> = active.iter().copied().zip(starts).collect();
    active.par_sort_unstable_by_key(|((user, _), _)| rank(*user));
    let mut rows = Rows::zeroed(from.len(), Carried::default());
    let (mut days, mut events) = (&mut rows.day[..], &mut rows.events[..]);
    let parts: Vec<_> = active
        .chunks(RANGE)
        .map(|users| {
            let count = users.iter().map(|((_, count), _)| *count as usize).sum();
            (users, front(&mut days, count), front(&mut events, count))
        })
        .collect();
    parts.into_par_iter().for_each(|(users, days, events)| {
        let mut end = 0;
        for &((_, count), start) in users {
            let (rows, to) = (start..start + count as usize, end..end + count as usize);
            end = to.end;
            days[to.clone()].copy_from_slice(&from.day[rows.clone()]);
            events[to].copy_from_slice(&from.events[rows]);
        }
    });
    close(|| active.iter().map(|(user, _)| *user), rows, users)
}

/// The ledger of users in their order, each with the number of its rows, which are in the same.
fn close<I: Iterator<Item = (u64, u32)>>(active: impl Fn() -> I, rows: Rows, users: &KeyIds) -> Result<Ledger> {
    let ids = users.ids(active().map(|(user, _)| user));
    let mut ledger = Ledger::with_capacity(ids.len(), ids, None, Vec::new(), rows);
    let mut end = 0;
    for (_, count) in active() {
        end += count as usize;
        ledger.end_seat(NO_ACCOUNT, end);
    }
    ledger.check_counts()?;
    Ok(ledger)
}

/// Splits the front off a slice.
fn front<'a, T>(slice: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    slice.split_off_mut(..count).unwrap_or_default()
}

/// One block a day, in order.
fn by_day(mut blocks: Vec<Block>) -> Vec<Block> {
    blocks.sort_by_key(|block| block.day);
    let mut days: Vec<Vec<Block>> = Vec::new();
    for block in blocks {
        match days.last_mut() {
            Some(day) if day[0].day == block.day => day.push(block),
            _ => days.push(vec![block]),
        }
    }
    // Two by two, or one large block would be copied for each of many small ones.
    let joined = days.into_par_iter().filter_map(|blocks| blocks.into_par_iter().reduce_with(Block::join));
    joined
        .map(|mut block| {
            block.full.sort_unstable();
            block
        })
        .collect()
}

/// How many rows each user of a range has.
fn count(blocks: &[Block], range: usize) -> Vec<u32> {
    let mut counts = vec![0; RANGE];
    for block in blocks {
        block.of(range).0.iter().for_each(|&user| counts[user as usize % RANGE] += 1);
    }
    counts
}

/// Writes the rows of a range.
fn fill(blocks: &[Block], range: usize, counts: &[u32], days: &mut [i32], events: &mut [u32]) {
    let mut next: Vec<u32> = counts.iter().scan(0, |end, &count| Some(std::mem::replace(end, *end + count))).collect();
    let first = range * RANGE;
    for block in blocks {
        let (users, block_events) = block.of(range);
        for (&user, &count) in users.iter().zip(block_events) {
            let next = &mut next[user as usize % RANGE];
            days[*next as usize] = block.day;
            events[*next as usize] = count.into();
            *next += 1;
        }
        let [from, to] = [first, first + RANGE].map(|end| block.full.partition_point(|&user| (user as usize) < end));
        for &user in &block.full[from..to] {
            let row = next[user as usize % RANGE] as usize - 1;
            events[row] = events[row].saturating_add(FULL.into());
        }
    }
}
