//! What accounts have asked of support.

use polars::prelude::DataFrame;

use super::Portfolio;
use super::columns::{columns, days, known_end, numbers, optional_days};
use super::table::Table;
use crate::calendar::{Calendar, Date};
use crate::error::Result;

columns! {
    /// The columns of a table of tickets: one row a question, complaint or report of a fault.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | opened | a `Date`, or a `Datetime`: an instant, UTC where it names no zone; a row without one is left out |
    /// | closed | likewise; null while it is open |
    /// | severity | an integer or a float: 1 for the worst; null where not known |
    TicketColumns { account, opened }
    /// The column with the severity, of which 1 is the worst.
    severity
    /// The column with the day on which it was closed. It is known from that day on.
    closed
}

/// A ticket, as known on the day as of which one asks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ticket {
    /// The day on which it was opened.
    pub opened: Date,
    /// 1 for the worst.
    pub severity: Option<f64>,
    /// The day on which it was closed; `None` while it is open, and where it is closed later.
    pub closed: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct TicketRow {
    severity: Option<f64>,
    /// Last, so that it decides no order before it is known.
    closed: i32,
}

#[derive(Clone, Debug)]
pub(crate) struct Tickets {
    pub(super) table: Table<TicketRow>,
}

impl Tickets {
    fn read(frame: &DataFrame, columns: &TicketColumns, calendar: &Calendar) -> Result<Self> {
        let opened = days(frame, calendar, &columns.opened, "opened")?;
        let severity = numbers(frame, columns.severity.as_ref(), "severity")?;
        let closed = optional_days(frame, calendar, columns.closed.as_ref(), "closed")?;
        let table = Table::read(frame, &columns.account, |row| {
            Some((opened.get(row)?, TicketRow { severity: severity.get(row), closed: closed.end(row) }))
        })?;
        Ok(Self { table })
    }

    /// The tickets of an account in the order in which they were opened.
    pub(crate) fn of(&self, account: usize, as_of: i32) -> impl ExactSizeIterator<Item = Ticket> {
        let (opened, rows) = self.table.of(account, as_of);
        opened.iter().zip(rows).map(move |(&opened, row)| Ticket {
            opened: Date::from_day(opened),
            severity: row.severity,
            closed: known_end(row.closed, as_of),
        })
    }
}

impl Portfolio {
    /// Adds the tickets of the accounts; of a second table only its own rows are then known.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn tickets(mut self, tickets: &DataFrame, columns: &TicketColumns) -> Result<Self> {
        self.tables.tickets = Some(Tickets::read(tickets, columns, self.calendar())?);
        self.linked()
    }
}
