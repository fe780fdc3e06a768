//! What accounts may use, and what they have used of it.

use polars::prelude::DataFrame;

use super::columns::{columns, days, names, numbers, optional_days};
use super::table::{ALWAYS, Table, TableIntake};
use super::{Portfolio, Tables};
use crate::activity::Activity;
use crate::calendar::{Calendar, Date, Period, Span};
use crate::error::{Error, Result};

columns! {
    /// The columns of a table of limits: one row says that from a day on an account may use so much.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | limit | the name of what is limited: a string, categorical, enum, integer or boolean |
    /// | cap | an integer or a float: how much; a row without one is left out |
    /// | since | a `Date`, or a `Datetime`; null where the limit always held |
    LimitColumns { account, limit, cap }
    /// The column with the day from which the limit holds. Without it, limits always held.
    since
}

columns! {
    /// The columns of a table of readings: one row says how much of a limit was used up on a day.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | limit | the name of what is limited, as in the table of limits |
    /// | date | a `Date`, or a `Datetime`: an instant, UTC where it names no zone |
    /// | used | an integer or a float, in the unit of the cap: the state on that day, not what was added |
    ReadingColumns { account, limit, date, used }
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct LimitRow {
    limit: u32,
    cap: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct ReadingRow {
    limit: u32,
    used: f64,
}

/// A table of a number under a name, which is the same name in every row that has its number.
#[derive(Clone, Debug)]
pub(super) struct Named<T> {
    pub(super) table: Table<T>,
    names: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Limits(pub(super) Named<LimitRow>);

#[derive(Clone, Debug)]
pub(crate) struct Readings(pub(super) Named<ReadingRow>);

/// A limit of an account, and what was used of it, as known on the day as of which one asks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limit<'a> {
    /// What is limited.
    pub name: &'a str,
    /// How much of it there may be, by the row that holds last.
    pub cap: f64,
    /// The day from which this row holds; `None` where it always did.
    pub since: Option<Date>,
    /// How much had been used, day by day in order; empty where there is no reading.
    pub readings: Vec<(Date, f64)>,
}

impl Readings {
    fn read(frame: &DataFrame, columns: &ReadingColumns, calendar: &Calendar) -> Result<Self> {
        let (names, limit) = names(frame, Some(&columns.limit), "limit")?;
        let date = days(frame, calendar, &columns.date, "date")?;
        let used = numbers(frame, Some(&columns.used), "used")?;
        let table = Table::read(frame, &columns.account, |row| {
            Some((date.get(row)?, ReadingRow { limit: limit.get(row)?, used: used.get(row)? }))
        })?;
        Ok(Self(Named { table, names }))
    }

    /// The events of an activity, added up from the beginning of each period.
    #[expect(clippy::cast_precision_loss, reason = "events of one account are far below 2^53")]
    fn metered(limit: String, activity: &Activity, per: Option<Period>) -> Result<Self> {
        let by_account = if activity.accounts().is_some() { &activity.by_account()? } else { activity };
        let calendar = by_account.calendar();
        let ledger = by_account.settled();
        let mut rows = Vec::with_capacity(ledger.rows.len());
        for (place, account) in (0_u32..).zip(0..ledger.len()) {
            let (mut used, mut period): (u64, Option<Option<Span>>) = (0, None);
            for row in ledger.rows_of(account) {
                let day = ledger.rows.day[row];
                let began = per.map(|per| calendar.span(per, Date::from_day(day)));
                if let Some(span) = period.flatten().filter(|_| began != period.flatten()) {
                    begin_anew(&mut rows, place, span, Some(day));
                }
                used = if Some(began) == period { used } else { 0 } + u64::from(ledger.rows.events[row]);
                period = Some(began);
                rows.push((place, day, ReadingRow { limit: 0, used: used as f64 }));
            }
            if let Some(span) = period.flatten() {
                begin_anew(&mut rows, place, span, None);
            }
        }
        let intake = TableIntake { rows: rows.len() as u64, ..TableIntake::default() };
        Ok(Self(Named { table: Table::new(&ledger.actors, rows, intake), names: vec![limit] }))
    }
}

/// What was used of a limit begins anew after a period, be it with an event or without.
fn begin_anew(rows: &mut Vec<(u32, i32, ReadingRow)>, account: u32, after: Span, next_event: Option<i32>) {
    let day = (after.end + 1).days_since_epoch();
    if next_event != Some(day) {
        rows.push((account, day, ReadingRow { limit: 0, used: 0.0 }));
    }
}

impl Tables {
    /// The limits of an account in alphabetical order.
    pub(crate) fn limits_of(&self, account: usize, as_of: i32) -> Option<Vec<Limit<'_>>> {
        let Limits(limits) = self.limits.as_ref()?;
        let (known, rows) = limits.table.of(account, as_of);
        // Of several rows of one limit the last to be known holds.
        let mut last: Vec<(i32, LimitRow)> = known.iter().copied().zip(rows.iter().copied()).rev().collect();
        last.sort_by_key(|(_, row)| row.limit);
        last.dedup_by_key(|(_, row)| row.limit);
        let limit = |(known, row): (i32, LimitRow)| {
            let name = limits.names[row.limit as usize].as_str();
            let mut readings: Vec<(Date, f64)> = Vec::new();
            for Readings(source) in &self.readings {
                let Ok(number) = source.names.binary_search_by(|other| other.as_str().cmp(name)) else { continue };
                let (days, rows) = source.table.of(account, as_of);
                let own = days.iter().zip(rows).filter(|(_, row)| row.limit as usize == number);
                readings.extend(own.map(|(&day, row)| (Date::from_day(day), row.used)));
            }
            if self.readings.len() > 1 {
                readings.sort_by_key(|&(day, _)| day);
            }
            Limit { name, cap: row.cap, since: (known != ALWAYS).then(|| Date::from_day(known)), readings }
        };
        Some(last.into_iter().map(limit).collect())
    }
}

impl Portfolio {
    /// Adds what the accounts may use; of a second table only its own rows are then known.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts); [`Error::InvalidValue`] for a cap that is not a finite number or lies below 0.
    pub fn limits(mut self, limits: &DataFrame, columns: &LimitColumns) -> Result<Self> {
        let (names, limit) = names(limits, Some(&columns.limit), "limit")?;
        let cap = numbers(limits, Some(&columns.cap), "cap")?;
        let since = optional_days(limits, self.calendar(), columns.since.as_ref(), "since")?;
        let below = |row: &usize| cap.get(*row).is_some_and(|cap| cap < 0.0);
        if let Some(row) = (0..limits.height()).find(below) {
            let (column, value) = (columns.cap.clone(), cap.get(row).unwrap_or_default().to_string());
            let reason = "lies below 0; a limit that is not there has no row";
            return Err(Error::InvalidValue { column, row: row as u64, value, reason });
        }
        let table = Table::read(limits, &columns.account, |row| {
            let known = since.get(row).unwrap_or(ALWAYS);
            Some((known, LimitRow { limit: limit.get(row)?, cap: cap.get(row)? }))
        })?;
        self.tables.limits = Some(Limits(Named { table, names }));
        self.linked()
    }

    /// Adds readings of how much of their limits the accounts had used; they are added to those that are there.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts); [`Error::InvalidValue`] for a reading that is not a finite number.
    pub fn readings(mut self, readings: &DataFrame, columns: &ReadingColumns) -> Result<Self> {
        self.tables.readings.push(Readings::read(readings, columns, self.calendar())?);
        self.linked()
    }

    /// Counts the events of an activity against a limit: each active day becomes a reading of how many events there had
    /// been since its period began, or in all where nothing ever begins anew.
    ///
    /// Ingest the events that count, such as the rows of one feature, with their account; the activity's own actors are
    /// the accounts where none are mapped.
    ///
    /// # Errors
    ///
    /// As [`Activity::by_account`]; [`Error::Incompatible`] if its accounts are text and the portfolio's are not, or the
    /// other way round.
    pub fn metered(mut self, limit: impl Into<String>, events: &Activity, per: Option<Period>) -> Result<Self> {
        self.tables.readings.push(Readings::metered(limit.into(), events, per)?);
        self.linked()
    }
}
