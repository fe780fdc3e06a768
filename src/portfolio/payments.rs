//! What accounts had to pay, and when they did.

use polars::prelude::DataFrame;

use super::Portfolio;
use super::columns::{columns, days, known_end, numbers, optional_days};
use super::table::Table;
use crate::calendar::{Calendar, Date};
use crate::error::Result;

columns! {
    /// The columns of a table of payments: one row an invoice.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | due | a `Date`, or a `Datetime`: an instant, UTC where it names no zone; a row without one is left out |
    /// | paid | likewise; null while it is not paid |
    /// | amount | an integer or a float; null where not known |
    PaymentColumns { account, due }
    /// The column with the day of payment. It is known from that day on. Without it, nothing was ever paid.
    paid
    /// The column with the amount.
    amount
}

/// A payment that was due, as known on the day as of which one asks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Payment {
    /// The last day on which it was in time.
    pub due: Date,
    /// The day on which it was paid; `None` while it is not, and where it is paid later.
    pub paid: Option<Date>,
    /// How much.
    pub amount: Option<f64>,
}

impl Payment {
    /// Whether it is not paid and there is something to pay: a credit note, of an amount of 0 or below, is owed by nobody.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.paid.is_none() && self.is_invoice()
    }

    /// Whether there is something to pay, or was.
    pub(crate) fn is_invoice(&self) -> bool {
        self.amount.is_none_or(|amount| amount > 0.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct PaymentRow {
    amount: Option<f64>,
    /// Last, so that it decides no order before it is known.
    paid: i32,
}

#[derive(Clone, Debug)]
pub(crate) struct Payments {
    pub(super) table: Table<PaymentRow>,
}

impl Payments {
    fn read(frame: &DataFrame, columns: &PaymentColumns, calendar: &Calendar) -> Result<Self> {
        let due = days(frame, calendar, &columns.due, "due")?;
        let paid = optional_days(frame, calendar, columns.paid.as_ref(), "paid")?;
        let amount = numbers(frame, columns.amount.as_ref(), "amount")?;
        let table = Table::read(frame, &columns.account, |row| {
            Some((due.get(row)?, PaymentRow { amount: amount.get(row), paid: paid.end(row) }))
        })?;
        Ok(Self { table })
    }

    /// The payments of an account in the order in which they were due.
    pub(crate) fn of(&self, account: usize, as_of: i32) -> impl ExactSizeIterator<Item = Payment> {
        let (due, rows) = self.table.of(account, as_of);
        due.iter().zip(rows).map(move |(&due, row)| Payment {
            due: Date::from_day(due),
            paid: known_end(row.paid, as_of),
            amount: row.amount,
        })
    }
}

impl Portfolio {
    /// Adds the payments of the accounts; of a second table only its own rows are then known.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn payments(mut self, payments: &DataFrame, columns: &PaymentColumns) -> Result<Self> {
        self.tables.payments = Some(Payments::read(payments, columns, self.calendar())?);
        self.linked()
    }
}
