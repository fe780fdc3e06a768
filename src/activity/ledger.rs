//! The table behind an activity: for every actor the days with activity, as plain sorted columns.

use std::ops::Range;

use rayon::prelude::*;

use super::batch::Times;
use super::features::{FeatureMap, FeatureSets};
use super::offsets::Offsets;
use crate::error::{Error, Result};
use crate::frame::ids::Ids;

/// The seat of an actor without an account.
pub(crate) const NO_ACCOUNT: u32 = u32::MAX;

/// Rows that are looked through at a time.
const CHUNK: usize = 1 << 16;

/// What a row carries beside its events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carried {
    pub(crate) feature: bool,
    pub(crate) value: bool,
    pub(crate) times: bool,
}

/// Active days, one row a seat and day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) day: Vec<i32>,
    pub(crate) events: Vec<u32>,
    pub(crate) value: Option<Vec<f64>>,
    pub(crate) features: Option<FeatureSets>,
    pub(crate) times: Option<Vec<Times>>,
}

impl Rows {
    /// No rows yet, of a table that carries what this one does.
    pub(crate) fn none_alike(&self) -> Self {
        Self::zeroed(0, self.carried())
    }

    pub(crate) fn carried(&self) -> Carried {
        Carried { feature: self.features.is_some(), value: self.value.is_some(), times: self.times.is_some() }
    }

    /// So many rows, all of them 0 for now.
    pub(crate) fn zeroed(rows: usize, carried: Carried) -> Self {
        Self {
            day: vec![0; rows],
            events: vec![0; rows],
            value: carried.value.then(|| vec![0.0; rows]),
            features: carried.feature.then(|| FeatureSets { low: vec![0; rows], ..FeatureSets::default() }),
            times: carried.times.then(|| vec![Times::default(); rows]),
        }
    }

    pub(crate) fn reserve_exact(&mut self, rows: usize) {
        self.day.reserve_exact(rows);
        self.events.reserve_exact(rows);
        if let Some(value) = &mut self.value {
            value.reserve_exact(rows);
        }
        if let Some(features) = &mut self.features {
            features.reserve_exact(rows);
        }
        if let Some(times) = &mut self.times {
            times.reserve_exact(rows);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.day.len()
    }

    /// The first and the last day.
    pub(crate) fn ends(&self) -> Option<(i32, i32)> {
        let ends =
            |days: &[i32]| days.iter().fold((i32::MAX, i32::MIN), |ends, &day| (ends.0.min(day), ends.1.max(day)));
        let both = |one: (i32, i32), other: (i32, i32)| (one.0.min(other.0), one.1.max(other.1));
        self.day.par_chunks(CHUNK).map(ends).reduce_with(both)
    }

    /// Appends a stretch of rows of another table, whose features are renumbered by `map`.
    pub(crate) fn extend(&mut self, from: &Self, rows: Range<usize>, map: &FeatureMap) {
        let at = self.len();
        self.day.extend_from_slice(&from.day[rows.clone()]);
        self.events.extend_from_slice(&from.events[rows.clone()]);
        if let (Some(value), Some(other)) = (&mut self.value, &from.value) {
            value.extend_from_slice(&other[rows.clone()]);
        }
        if let (Some(times), Some(other)) = (&mut self.times, &from.times) {
            times.extend_from_slice(&other[rows.clone()]);
        }
        if let (Some(features), Some(other)) = (&mut self.features, &from.features) {
            features.extend(at, other, rows, map);
        }
    }

    /// Appends the rows of several sorted stretches as one sorted stretch, joining those of one day.
    pub(crate) fn extend_joined(&mut self, parts: &[Stretch<'_>], scratch: &mut Vec<(i32, u32, usize)>) {
        if let [part] = parts {
            return self.extend(part.rows, part.range.clone(), part.map);
        }
        scratch.clear();
        for (number, part) in (0_u32..).zip(parts) {
            scratch.extend(part.range.clone().map(|row| (part.rows.day[row], number, row)));
        }
        // Stable in the order of the parts, so that sums of values do not depend on anything else.
        scratch.sort_unstable();
        let start = self.len();
        for &(day, number, row) in &*scratch {
            let part = &parts[number as usize];
            if self.len() > start && self.day[self.len() - 1] == day {
                self.join_last(part.rows, row, part.map);
            } else {
                self.extend(part.rows, row..row + 1, part.map);
            }
        }
    }

    fn join_last(&mut self, from: &Self, row: usize, map: &FeatureMap) {
        let last = self.len() - 1;
        self.events[last] = self.events[last].saturating_add(from.events[row]);
        if let (Some(value), Some(other)) = (&mut self.value, &from.value) {
            value[last] += other[row];
        }
        if let (Some(times), Some(other)) = (&mut self.times, &from.times) {
            times[last].join(other[row]);
        }
        if let (Some(features), Some(other)) = (&mut self.features, &from.features) {
            features.join_last(last, other, row, map);
        }
    }
}

/// A sorted stretch of rows to be joined with others.
#[derive(Debug)]
pub(crate) struct Stretch<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) range: Range<usize>,
    pub(crate) map: &'a FeatureMap,
}

impl Stretch<'_> {
    pub(crate) fn days(&self) -> &[i32] {
        &self.rows.day[self.range.clone()]
    }
}

/// Actors in the order of their ids; their seats, one an account, in the order of the accounts and the one without
/// account last; the days of every seat in order. All of it is determined by the events alone, whatever their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ledger {
    pub(crate) actors: Ids,
    pub(crate) accounts: Option<Ids>,
    pub(crate) features: Vec<String>,
    /// Per actor the first seat, and one more for the end; empty where accounts are not mapped, for then every actor has
    /// one seat, whose number is its own.
    first_seat: Vec<u32>,
    /// Per seat the account, [`NO_ACCOUNT`] for none; empty where accounts are not mapped.
    seat_account: Vec<u32>,
    /// Per seat the first row, and one more for the end.
    first_row: Offsets,
    pub(crate) rows: Rows,
}

impl Ledger {
    pub(crate) fn new(actors: Ids, accounts: Option<Ids>, features: Vec<String>, rows: Rows) -> Self {
        Self::with_capacity(0, actors, accounts, features, rows)
    }

    /// With room for so many seats.
    pub(crate) fn with_capacity(
        seats: usize,
        actors: Ids,
        accounts: Option<Ids>,
        features: Vec<String>,
        rows: Rows,
    ) -> Self {
        let first_seat = if accounts.is_some() { vec![0] } else { Vec::new() };
        let seat_account = Vec::with_capacity(if accounts.is_some() { seats } else { 0 });
        let first_row = Offsets::with_capacity(seats);
        Self { actors, accounts, features, first_seat, seat_account, first_row, rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.actors.len()
    }

    #[inline]
    pub(crate) fn seats(&self, actor: usize) -> Range<usize> {
        if self.first_seat.is_empty() {
            return actor..actor + 1;
        }
        self.first_seat[actor] as usize..self.first_seat[actor + 1] as usize
    }

    /// The number of actors whose rows begin before this one.
    pub(crate) fn actors_before(&self, row: usize) -> usize {
        let seats = self.first_row.below(row).min(self.seat_count());
        if self.first_seat.is_empty() {
            return seats;
        }
        self.first_seat.partition_point(|&seat| (seat as usize) < seats).min(self.len())
    }

    pub(crate) fn account(&self, seat: usize) -> u32 {
        self.seat_account.get(seat).copied().unwrap_or(NO_ACCOUNT)
    }

    #[inline]
    pub(crate) fn rows_of_seat(&self, seat: usize) -> Range<usize> {
        self.first_row.get(seat)..self.first_row.get(seat + 1)
    }

    #[inline]
    pub(crate) fn rows_of(&self, actor: usize) -> Range<usize> {
        let seats = self.seats(actor);
        self.first_row.get(seats.start)..self.first_row.get(seats.end)
    }

    /// The rows of an actor seat by seat, each in order, to be joined by [`Rows::extend_joined`].
    pub(crate) fn stretches<'a>(&'a self, actor: usize, map: &'a FeatureMap) -> impl Iterator<Item = Stretch<'a>> {
        self.seats(actor).map(move |seat| Stretch { rows: &self.rows, range: self.rows_of_seat(seat), map })
    }

    /// The days of an actor in order. With several seats a day can stand more than once.
    #[inline]
    pub(crate) fn days<'a>(&'a self, actor: usize, scratch: &'a mut Vec<i32>) -> &'a [i32] {
        let days = &self.rows.day[self.rows_of(actor)];
        if self.seats(actor).len() == 1 {
            return days;
        }
        scratch.clear();
        scratch.extend_from_slice(days);
        scratch.sort_unstable();
        scratch
    }

    /// The number of events of seats without an account.
    pub(crate) fn events_without_account(&self) -> u64 {
        let seats = (0..self.seat_count()).filter(|&seat| self.account(seat) == NO_ACCOUNT);
        seats.flat_map(|seat| &self.rows.events[self.rows_of_seat(seat)]).map(|&events| u64::from(events)).sum()
    }

    /// Closes the seat whose rows go on to `end`.
    pub(crate) fn end_seat(&mut self, account: u32, end: usize) {
        if self.accounts.is_some() {
            self.seat_account.push(account);
        }
        self.first_row.push(end);
    }

    /// Closes the actor whose seats have been ended last.
    pub(crate) fn end_actor(&mut self) {
        if self.accounts.is_some() {
            #[expect(clippy::cast_possible_truncation, reason = "seats are counted in a u32 at ingestion")]
            self.first_seat.push(self.seat_count() as u32);
        }
    }

    /// How many seats have been ended.
    pub(crate) fn seat_count(&self) -> usize {
        self.first_row.len() - 1
    }

    /// Refuses counts of events that have run full, and sums of values that have left the range of a float.
    pub(crate) fn check_counts(&self) -> Result<()> {
        if self.rows.events.par_chunks(CHUNK).any(|events| events.contains(&u32::MAX)) {
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
