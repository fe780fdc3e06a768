//! Feedback in the database.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::ChurnDatabase;
use super::failure::Fault;
use super::record::check_kind;
use super::row::{Customer, optional_date};
use super::taxonomy::{Reasons, load};
use crate::error::{Error, Result};
use crate::reason::{CustomerId, FeedbackItem, FeedbackLog, Reason};

const COLUMNS: &str = "customer, asked_on, category, categorised_on, acted_on, followed_up_on, owner, due_on, comment";

/// # Feedback
impl ChurnDatabase {
    /// Adds an item of feedback, and gives the number by which it is changed later.
    ///
    /// # Errors
    ///
    /// As [`FeedbackLog::of`]; [`Error::Incompatible`] if the customer is of another kind than those of the cancellations
    /// and the feedback that are there; [`Error::Locked`], [`Error::DiskFull`], [`Error::ReadOnly`] and [`Error::Database`], after
    /// which nothing is changed.
    pub fn add_feedback(&mut self, item: &FeedbackItem) -> Result<i64> {
        self.write(|transaction| {
            let reasons = load(transaction)?;
            item.check(&reasons.taxonomy)?;
            check_kind(transaction, item.customer.as_id(), None)?;
            write(transaction, &reasons, None, item)?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// Changes an item: it was categorised, acted upon, followed up, given to another owner.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if there is no such item; as [`add_feedback`](Self::add_feedback).
    pub fn change_feedback(&mut self, id: i64, change: impl FnOnce(FeedbackItem) -> FeedbackItem) -> Result<()> {
        self.write(|transaction| {
            let reasons = load(transaction)?;
            let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM feedback WHERE id = ?1"))?;
            let found = statement.query_row([id], |row| Ok(read(row, &reasons))).optional()?;
            let Some(item) = found.transpose()? else {
                let reason = "there is no such item of feedback; add it first";
                return Err(Error::InvalidOption { option: "feedback", value: id.to_string(), reason }.into());
            };
            let item = change(item);
            item.check(&reasons.taxonomy)?;
            check_kind(transaction, item.customer.as_id(), Some(id))?;
            write(transaction, &reasons, Some(id), &item)
        })
    }

    /// All items of feedback, as they were at one moment, in the order in which they were added; every analysis of them
    /// is a method of what this gives.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records).
    pub fn feedback_log(&mut self) -> Result<FeedbackLog> {
        self.read(|transaction| {
            let reasons = load(transaction)?;
            let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM feedback ORDER BY id"))?;
            let mut rows = statement.query(())?;
            let mut items = Vec::new();
            while let Some(row) = rows.next()? {
                items.push(read(row, &reasons)?);
            }
            Ok(FeedbackLog::of(items, &reasons.taxonomy)?)
        })
    }
}

fn write(connection: &Connection, reasons: &Reasons, id: Option<i64>, item: &FeedbackItem) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO feedback ({COLUMNS}, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (id) DO UPDATE SET customer = ?1, asked_on = ?2, category = ?3, categorised_on = ?4, acted_on = ?5,
         followed_up_on = ?6, owner = ?7, due_on = ?8, comment = ?9",
    ))?;
    let day = |date: Option<crate::calendar::Date>| date.map(|date| date.to_string());
    statement.execute(params![
        Customer::new(item.customer.as_id())?,
        item.asked_on.to_string(),
        reasons.optional_id(item.category.as_ref())?,
        day(item.categorised_on),
        day(item.acted_on),
        day(item.followed_up_on),
        item.owner,
        day(item.due_on),
        item.comment,
        id,
    ])?;
    Ok(())
}

fn read(row: &Row<'_>, reasons: &Reasons) -> Result<FeedbackItem, Fault> {
    let customer = match row.get_ref(0)? {
        ValueRef::Integer(id) => CustomerId::Int(id),
        _ => CustomerId::Str(row.get(0)?),
    };
    let mut item = FeedbackItem::new(customer, optional_date(row, 1)?.ok_or(Fault::Damaged("feedback has no date"))?);
    if let Some(id) = row.get::<_, Option<i64>>(2)? {
        let code = reasons.codes.get(&id).ok_or(Fault::Damaged("a category of feedback is not there"))?;
        item.category = Some(Reason::from(code.as_str()));
    }
    item.categorised_on = optional_date(row, 3)?;
    item.acted_on = optional_date(row, 4)?;
    item.followed_up_on = optional_date(row, 5)?;
    item.owner = row.get(6)?;
    item.due_on = optional_date(row, 7)?;
    item.comment = row.get(8)?;
    Ok(item)
}
