//! Corrections: a record is changed, and what it said before is kept.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};

use super::ChurnDatabase;
use super::failure::Fault;
use super::row::{Difference, differences, find_now, moved, update};
use super::taxonomy::load;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::reason::{Cancellation, CustomerId};

/// Who corrects a record, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordCorrection {
    who: String,
    why: Option<String>,
}

impl RecordCorrection {
    /// A correction by somebody, or by some program.
    #[must_use]
    pub fn by(who: impl Into<String>) -> Self {
        Self { who: who.into(), why: None }
    }

    /// Says why.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.who.trim().is_empty() {
            let reason = "a correction has an author; say who makes it";
            return Err(Error::InvalidOption { option: "who", value: format!("{:?}", self.who), reason });
        }
        Ok(())
    }
}

/// # Corrections
impl ChurnDatabase {
    /// Changes the record of a customer and date, and keeps what it said before, who changed it, when and why.
    ///
    /// The change is given the record and gives it back as it should be. Its fields are public, so one can also be
    /// emptied, and the customer and the date can be corrected too. Gives the number of fields that changed.
    ///
    /// A record that is given another customer or date is still known by the one before: [`import`](Self::import) takes what
    /// says that again for this record, and not for a second one; [`record`](Self::record) does so for another date, and
    /// refuses it for another customer.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if there is no such record, nobody makes the correction, or a field cannot be used;
    /// [`Error::Incompatible`] if another customer and date are given that have a record already. [`Error::Locked`],
    /// [`Error::DiskFull`], [`Error::ReadOnly`] and [`Error::Database`], after which nothing is changed.
    pub fn correct(
        &mut self,
        customer: impl Into<CustomerId>,
        date: Date,
        correction: &RecordCorrection,
        change: impl FnOnce(Cancellation) -> Cancellation,
    ) -> Result<usize> {
        correction.check()?;
        let customer = customer.into();
        self.write(|transaction| {
            let reasons = load(transaction)?;
            let Some((id, before)) = find_now(transaction, &reasons, customer.as_id(), date)? else {
                let reason = "there is no such cancellation; record it first";
                let value = format!("{customer} on {date}");
                return Err(Error::InvalidOption { option: "record", value, reason }.into());
            };
            let after = change(before.clone()).checked(&reasons.taxonomy)?;
            let moves = (&before.customer, before.date) != (&after.customer, after.date);
            if moves && find_now(transaction, &reasons, after.customer.as_id(), after.date)?.is_some() {
                let (left, right) = (format!("{customer} on {date}"), format!("{} on {}", after.customer, after.date));
                let what = "cancellations that would become one";
                let way_out = "the second is recorded already; correct that one";
                return Err(Error::Incompatible { what, left, right, way_out }.into());
            }
            let kind = |id: &CustomerId| matches!(id, CustomerId::Str(_));
            if kind(&before.customer) != kind(&after.customer) {
                let (left, right) = (before.customer.to_string(), after.customer.to_string());
                let way_out = "a database has customers of one kind: integers or text";
                return Err(Error::Incompatible { what: "the ids of customers", left, right, way_out }.into());
            }
            let differences = differences(&before, &after);
            if !differences.is_empty() {
                update(transaction, &reasons, id, &after)?;
                if moves {
                    moved(transaction, id, &before, &after)?;
                }
                note(transaction, id, correction, &differences)?;
            }
            Ok(differences.len())
        })
    }
}

/// Enters what was changed into the history.
pub(super) fn note(
    transaction: &Transaction<'_>,
    id: i64,
    correction: &RecordCorrection,
    differences: &[Difference],
) -> Result<(), Fault> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let mut statement = transaction.prepare_cached(
        "INSERT INTO correction (cancellation, at, who, why, field, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for Difference { field, before, after } in differences {
        statement.execute(params![id, now, correction.who, correction.why, field, before, after])?;
    }
    Ok(())
}
