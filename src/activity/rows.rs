//! The table itself as a frame.

use std::iter::repeat_n;

use polars::prelude::{Column, DataFrame, IdxSize};

use super::Activity;
use super::batch::Times;
use super::ledger::{Ledger, NO_ACCOUNT};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::write;

/// # As frames
impl Activity {
    /// The active days as a frame, one row per actor, account and day: ordered by actor, then account with null last,
    /// then day.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `actor` | of the log's integer column, or String | the user, or the account after [`by_account`](Self::by_account) |
    /// | `account` | likewise | the account; null without one. Only where accounts are mapped |
    /// | `day` | Date | the local day |
    /// | `events` | UInt32 | events on it |
    /// | `value` | Float64 | their summed value. Only where values are mapped |
    /// | `features` | UInt32 | distinct features used on it. Only where features are mapped |
    /// | `first_time` | Int64 | the clock time of its first event, in nanoseconds since midnight. Only with [`clock_times`](crate::EventColumns::clock_times) |
    /// | `last_time` | Int64 | the clock time of its last event, likewise |
    ///
    /// Nothing but an account is ever null. A clock time is less than 86,400,000,000,000; where polars has its type `Time`,
    /// a cast makes one of it. [`feature_days`](Self::feature_days) says which features were used.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] beyond the rows that a frame can have, [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let ledger = self.settled();
        let rows = &ledger.rows;
        check_rows(rows.len() as u64)?;
        let mut columns = owners(&ledger, &|seat| ledger.rows_of_seat(seat).len())?;
        columns.push(write::dates("day", rows.day.iter().map(|&day| Some(Date::from_day(day))))?);
        columns.push(write::column("events", rows.events.as_slice()));
        if let Some(value) = &rows.value {
            columns.push(write::column("value", value.as_slice()));
        }
        if let Some(sets) = &rows.features {
            let count = |row| u32::try_from(sets.of(row).count()).unwrap_or(u32::MAX);
            columns.push(write::column("features", (0..rows.len()).map(count).collect::<Vec<_>>()));
        }
        if let Some(times) = &rows.times {
            let column = |name, end: fn(&Times) -> u64| {
                write::column(name, times.iter().map(|times| end(times).cast_signed()).collect::<Vec<_>>())
            };
            columns.push(column("first_time", |times| times.first));
            columns.push(column("last_time", |times| times.last));
        }
        write::frame(columns)
    }

    /// The features used on the active days as a frame, one row per actor, account, day and feature used on it: ordered by
    /// actor, then account with null last, then day, then feature by the alphabet. A day without a feature has no row.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `actor` | of the log's integer column, or String | the user, or the account after [`by_account`](Self::by_account) |
    /// | `account` | likewise | the account; null without one, and the only column with nulls. Only where accounts are mapped |
    /// | `day` | Date | the local day |
    /// | `feature` | String | a feature used on it |
    ///
    /// How often a feature was used on a day is not kept, only that it was.
    ///
    /// # Errors
    ///
    /// [`Error::NotMapped`] if the log was ingested without features; [`Error::TooLarge`] beyond the rows that a frame can
    /// have, [`Error::Polars`] if polars refuses the frame.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!(
    ///     "user" => ["ann", "bob", "ann", "ann"],
    ///     "day" => [19_000, 19_000, 19_000, 19_000],
    ///     "what" => [Some("search"), None, Some("export"), Some("search")],
    /// )?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let columns = EventColumns::new("user", "day").feature("what");
    /// let used = Activity::from_frame(&events, &columns, &Calendar::utc())?.feature_days()?;
    /// let column = |name: &str| Ok::<_, PolarsError>(used.column(name)?.str()?.iter().flatten().collect::<Vec<_>>());
    /// assert_eq!((column("actor")?, column("feature")?), (vec!["ann", "ann"], vec!["export", "search"]));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn feature_days(&self) -> Result<DataFrame> {
        let ledger = self.settled();
        let Some(sets) = &ledger.rows.features else { return Err(Error::NotMapped { column: "feature" }) };
        let (mut days, mut features) = (Vec::new(), Vec::new());
        let mut of_seat = Vec::with_capacity(ledger.seat_count());
        check_rows(sets.count())?;
        for seat in 0..ledger.seat_count() {
            let before = features.len();
            for row in ledger.rows_of_seat(seat) {
                features.extend(sets.of(row).map(Some));
                days.resize(features.len(), Some(Date::from_day(ledger.rows.day[row])));
            }
            of_seat.push(features.len() - before);
        }
        let mut columns = owners(&ledger, &|seat| of_seat[seat])?;
        columns.push(write::dates("day", days.into_iter())?);
        columns.push(write::gathered(write::column("feature", ledger.features.as_slice()), features.into_iter())?);
        write::frame(columns)
    }
}

/// The columns that say whose the rows of a frame are, of which a seat has so many.
fn owners(ledger: &Ledger, of_seat: &impl Fn(usize) -> usize) -> Result<Vec<Column>> {
    let repeated = |of: fn(&Ledger, usize, usize) -> Option<u32>| {
        let seats = (0..ledger.len()).flat_map(|actor| ledger.seats(actor).map(move |seat| (actor, seat)));
        seats.flat_map(move |(actor, seat)| repeat_n(of(ledger, actor, seat), of_seat(seat)))
    };
    let actors = repeated(|_, actor, _| u32::try_from(actor).ok());
    let mut columns = vec![write::gathered_ids("actor", &ledger.actors, actors)?];
    if let Some(accounts) = &ledger.accounts {
        let places = repeated(|ledger, _, seat| Some(ledger.account(seat)).filter(|&account| account != NO_ACCOUNT));
        columns.push(write::gathered_ids("account", accounts, places)?);
    }
    Ok(columns)
}

/// Refuses a frame of more rows than polars can count.
fn check_rows(count: u64) -> Result<()> {
    let limit = u64::from(IdxSize::MAX) - 1;
    if count > limit {
        let way_out = "divide the activity by segments of its actors";
        return Err(Error::TooLarge { what: "rows of the frame", count, limit, way_out });
    }
    Ok(())
}
