//! What records said before.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ChurnDatabase;
use super::failure::Fault;
use super::row::{Customer, date};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::{to_frame, write};
use crate::print::counted;
use crate::reason::CustomerId;

to_frame!(RecordHistory);

/// One field of a record that was corrected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldChange {
    /// The customer of the record, as it is now.
    pub customer: CustomerId,
    /// The date of the record, as it is now.
    pub date: Date,
    /// When it was corrected, in milliseconds since 1970 in UTC, by the clock of whoever did.
    pub at: i64,
    /// Who did.
    pub who: String,
    /// Why.
    pub why: Option<String>,
    /// The field: the name of its column in frames, but `customer`.
    pub field: String,
    /// What it said before; `None` if nothing.
    pub before: Option<String>,
    /// What it says since; likewise.
    pub after: Option<String>,
}

/// What was corrected in the records of a customer, or of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordHistory {
    changes: Vec<FieldChange>,
}

impl RecordHistory {
    /// The changes in the order in which they were made.
    #[must_use]
    pub fn changes(&self) -> &[FieldChange] {
        &self.changes
    }

    /// The changes as a frame.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | String | the customer, as text |
    /// | `date` | Date | the date of the record |
    /// | `at` | Int64 | when it was corrected, in milliseconds since 1970 in UTC |
    /// | `who` | String | who did |
    /// | `why` | String | why; null where nothing was said |
    /// | `field` | String | the field |
    /// | `before`, `after` | String | what it said and says; null for nothing |
    ///
    /// Rows are in the order in which the changes were made.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let text = |of: fn(&FieldChange) -> Option<&str>| self.changes.iter().map(of).collect::<Vec<_>>();
        let customers = self.changes.iter().map(|change| change.customer.to_string()).collect::<Vec<_>>();
        write::frame(vec![
            write::column("account", customers),
            write::dates("date", self.changes.iter().map(|change| Some(change.date)))?,
            write::column("at", self.changes.iter().map(|change| change.at).collect::<Vec<_>>()),
            write::column("who", text(|change| Some(&change.who))),
            write::column("why", text(|change| change.why.as_deref())),
            write::column("field", text(|change| Some(&change.field))),
            write::column("before", text(|change| change.before.as_deref())),
            write::column("after", text(|change| change.after.as_deref())),
        ])
    }
}

impl fmt::Display for RecordHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", counted(self.changes.len() as u64, "change"))?;
        for FieldChange { customer, date, who, field, before, after, .. } in self.changes.iter().take(20) {
            let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            write!(f, "\n{customer} on {date}, {field}: {} became {}, by {who}", told(before), told(after))?;
        }
        match self.changes.len().saturating_sub(20) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// # History
impl ChurnDatabase {
    /// What was corrected in the records of a customer.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records).
    pub fn history(&mut self, customer: impl Into<CustomerId>) -> Result<RecordHistory> {
        let customer = customer.into();
        self.changes(Some(customer))
    }

    /// What was corrected in the records of all customers.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records).
    pub fn whole_history(&mut self) -> Result<RecordHistory> {
        self.changes(None)
    }

    fn changes(&mut self, of: Option<CustomerId>) -> Result<RecordHistory> {
        self.read(|transaction| {
            let of = of.as_ref().map(|customer| Customer::new(customer.as_id())).transpose()?;
            let mut statement = transaction.prepare_cached(
                "SELECT c.customer, c.date, at, who, why, field, before, after FROM correction
                 JOIN cancellation AS c ON c.id = correction.cancellation
                 WHERE ?1 IS NULL OR c.customer = ?1 ORDER BY correction.id",
            )?;
            let mut rows = statement.query([of])?;
            let mut changes = Vec::new();
            while let Some(row) = rows.next()? {
                let customer = match row.get_ref(0)?.as_i64() {
                    Ok(id) => CustomerId::Int(id),
                    Err(_text) => CustomerId::Str(row.get(0)?),
                };
                let date = date(&row.get::<_, String>(1)?)?;
                let (at, who, why, field) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
                let (before, after) = (row.get(6)?, row.get(7)?);
                changes.push(FieldChange { customer, date, at, who, why, field, before, after });
            }
            Ok::<_, Fault>(RecordHistory { changes })
        })
    }
}
