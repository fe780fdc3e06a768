//! Logs of users and times alone, whose users are small numbers: a plane of counts for each day under way.
//!
//! Ids of most logs count up, and strings are numbered as they come. So a day of such a log is a plane of one byte a user,
//! which a processor's cache holds, and an event adds one to a byte: no look-up, no row until the day is over. Days that
//! are over become [blocks](super::blocks) of rows in the order of the users.
//!
//! It is worth it while days hold a fair part of the users and come nearly in order. A log of which that is not true, or
//! with an id that is no small number, goes on in [shards](super::shard), with all that has been read.

use super::batch::{Batch, LEFT_OUT};
use super::blocks::{Block, FULL, RANGE, by_day};

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
    /// Bytes of planes.
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
        let (mut fit, mut largest) = (keys.len(), keys.iter().max());
        if largest.is_some_and(|&key| key >= most as u64) {
            fit = keys.iter().take_while(|&&key| key < most as u64).count();
            largest = keys[..fit].iter().max();
        }
        let length = largest.map_or(0, |&key| (key as usize + 1).next_multiple_of(RANGE));
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
