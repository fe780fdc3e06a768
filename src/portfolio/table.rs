//! A table beside the activity: the rows of every account, in the order in which they became known.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::frame::ids::Ids;
use crate::frame::read;

/// The day of what is known without a date: before all others.
pub(crate) const ALWAYS: i32 = i32::MIN;
/// An account of the portfolio that a table does not know.
const NOT_HERE: u32 = u32::MAX;

/// What was read of a table, and what was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableIntake {
    /// Rows read.
    pub rows: u64,
    /// Distinct accounts among the rows that were kept.
    pub accounts: u64,
    /// Rows left out because they name no account.
    pub without_account: u64,
    /// Rows left out because they lack what the table is about: the date, the number, the name of the limit.
    pub incomplete: u64,
}

impl fmt::Display for TableIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, accounts, without_account, incomplete } = self;
        write!(f, "{rows} rows of {accounts} accounts; {without_account} have no account, {incomplete} are incomplete")
    }
}

/// Rows by account, those of one account in the order of the days on which they became known, and of equal days in the
/// order of what they say: the order in which they came makes no difference.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    pub(super) accounts: Ids,
    first_row: Vec<usize>,
    known: Vec<i32>,
    rows: Vec<T>,
    pub(super) intake: TableIntake,
    /// For each account of the portfolio its number here.
    place: Vec<u32>,
}

impl<T: Copy + PartialOrd> Table<T> {
    /// Reads the accounts of a frame and lays its rows beside them. `row` gives what a row says and since when that is
    /// known, or nothing where it lacks what the table is about.
    pub(super) fn read(frame: &DataFrame, account: &str, row: impl Fn(usize) -> Option<(i32, T)>) -> Result<Self> {
        let id_type = read::id_type(frame.schema(), account, "account")?;
        let (ids, places) = read::distinct_ids(frame, account, id_type)?;
        let mut intake = TableIntake { rows: frame.height() as u64, ..TableIntake::default() };
        let mut kept: Vec<(u32, i32, T)> = Vec::with_capacity(places.len());
        for (number, place) in places.iter().enumerate() {
            match (place, row(number)) {
                (None, _) => intake.without_account += 1,
                (Some(_), None) => intake.incomplete += 1,
                (&Some(place), Some((known, row))) => kept.push((place, known, row)),
            }
        }
        Ok(Self::new(&ids, kept, intake))
    }

    /// The table of rows that name the numbers of their accounts among `ids`.
    pub(super) fn new(ids: &Ids, mut kept: Vec<(u32, i32, T)>, intake: TableIntake) -> Self {
        kept.sort_by(|left, right| left.partial_cmp(right).unwrap_or(std::cmp::Ordering::Equal));
        let mut table = Self {
            accounts: Ids::new(ids.id_type()),
            first_row: vec![0],
            known: kept.iter().map(|row| row.1).collect(),
            rows: kept.iter().map(|row| row.2).collect(),
            intake,
            place: Vec::new(),
        };
        for same in kept.chunk_by(|left, right| left.0 == right.0) {
            table.accounts.push_from(ids, same[0].0 as usize);
            table.first_row.push(table.first_row[table.first_row.len() - 1] + same.len());
        }
        table.intake.accounts = table.accounts.len() as u64;
        table
    }

    /// What is known of an account at the end of a day, and since when: nothing later is in it.
    pub(crate) fn of(&self, account: usize, as_of: i32) -> (&[i32], &[T]) {
        let place = match self.place.get(account) {
            Some(&place) if place != NOT_HERE => place as usize,
            _ => return (&[], &[]),
        };
        let (start, end) = (self.first_row[place], self.first_row[place + 1]);
        let end = start + self.known[start..end].partition_point(|&day| day <= as_of);
        (&self.known[start..end], &self.rows[start..end])
    }
}

/// A table whose accounts can be found by their number in the portfolio.
pub(super) trait Linked {
    fn accounts(&self) -> &Ids;
    /// Takes on the numbers that its accounts have among `all`, which holds them.
    fn link(&mut self, all: &Ids);
}

impl<T: Copy + PartialOrd> Linked for Table<T> {
    fn accounts(&self) -> &Ids {
        &self.accounts
    }

    fn link(&mut self, all: &Ids) {
        // `all` may be of a wider type of integer than the table's own.
        if let Some(cast) = self.accounts.cast(all.id_type()) {
            self.accounts = cast;
        }
        self.place = vec![NOT_HERE; all.len()];
        for (own, place) in (0_u32..).zip(self.accounts.places_in(all)) {
            self.place[place as usize] = own;
        }
    }
}
