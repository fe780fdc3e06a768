//! The table itself as a frame.

use polars::prelude::DataFrame;

use super::Activity;
use super::ledger::{Ledger, NO_ACCOUNT};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::write;

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
    /// a cast makes one of it.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let ledger = self.settled();
        let rows = &ledger.rows;
        let seats = || (0..ledger.len()).flat_map(|actor| ledger.seats(actor).map(move |seat| (actor, seat)));
        let repeated = |of: fn((usize, usize), &Ledger) -> Option<u32>| -> Vec<Option<u32>> {
            let each = |pair: (usize, usize)| std::iter::repeat_n(of(pair, &ledger), ledger.rows_of_seat(pair.1).len());
            seats().flat_map(each).collect()
        };
        let actors = repeated(|(actor, _), _| u32::try_from(actor).ok());
        let mut columns = vec![write::gathered_ids("actor", &ledger.actors, &actors)?];
        if let Some(accounts) = &ledger.accounts {
            let places =
                repeated(|(_, seat), ledger| Some(ledger.account(seat)).filter(|&account| account != NO_ACCOUNT));
            columns.push(write::gathered_ids("account", accounts, &places)?);
        }
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
            columns.push(write::column(
                "first_time",
                times.iter().map(|times| times.first.cast_signed()).collect::<Vec<_>>(),
            ));
            columns.push(write::column(
                "last_time",
                times.iter().map(|times| times.last.cast_signed()).collect::<Vec<_>>(),
            ));
        }
        write::frame(columns)
    }
}
