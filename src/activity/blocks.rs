//! Days as blocks of rows in the order of the users, and how they become the ledger.
//!
//! Blocks are joined day by day, and in the order of their days dealt out to the users: a range of users at a time, whose rows
//! a processor's cache holds.

use rayon::prelude::*;

use super::latest::UserDay;
use super::ledger::{Carried, Ledger, NO_ACCOUNT, Rows};
use crate::error::Result;
use crate::frame::ids::IdType;
use crate::frame::keys::KeyIds;

/// Events that a byte counts.
pub(super) const FULL: u8 = u8::MAX;
/// Users of a range.
pub(super) const RANGE: usize = 1 << 13;

/// The active users of a day in order, and their events.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) day: i32,
    pub(super) users: Vec<u32>,
    /// Per user the events, but for those in `full`.
    pub(super) events: Vec<u8>,
    /// Users with [`FULL`] events more, for each time that they have.
    pub(super) full: Vec<u32>,
    /// Where the users of each range begin, and the end.
    pub(super) starts: Vec<usize>,
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

/// One block a day, in order, its full users too.
pub(super) fn by_day(mut blocks: Vec<Block>) -> Vec<Block> {
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
