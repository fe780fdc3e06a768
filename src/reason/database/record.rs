//! Recording cancellations.

use rusqlite::{Connection, Transaction, params};

use super::ChurnDatabase;
use super::failure::Fault;
use super::row::{COLUMNS, Customer, differences, find, free_key, overlaid};
use super::taxonomy::{Reasons, load};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::Id;
use crate::reason::{Cancellation, ChurnKind, ChurnRecords, WinBack};

/// # Recording
impl ChurnDatabase {
    /// Records a cancellation. When this returns, it is on the disk.
    ///
    /// One that is there already with all that is said now, changes nothing: what was recorded twice is there once, be
    /// it that its date was corrected since.
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`] if the customer has a record of that date which says something else:
    /// [`correct`](Self::correct) it; and if what was recorded of that customer and date was given to another customer by a
    /// correction, since nobody but the caller knows whether this is the same again or a cancellation of its own, which
    /// [`record_anew`](Self::record_anew) takes. As [`ChurnRecords::of`] for a field that cannot be used. [`Error::Locked`],
    /// [`Error::DiskFull`], [`Error::ReadOnly`] and [`Error::Database`], after which nothing is changed.
    pub fn record(&mut self, cancellation: Cancellation) -> Result<()> {
        self.record_all([cancellation])
    }

    /// Records several cancellations, all or none, which is much faster than one after the other.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    pub fn record_all(&mut self, cancellations: impl IntoIterator<Item = Cancellation>) -> Result<()> {
        let cancellations: Vec<Cancellation> = cancellations.into_iter().collect();
        self.write(|transaction| record(transaction, cancellations))
    }

    /// Records a cancellation of its own under a customer and date at which another one stood before it was corrected. What
    /// is said of that customer and date from now on, by an import too, is said of this one.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record), but for the one of a record that was moved.
    pub fn record_anew(&mut self, cancellation: Cancellation) -> Result<()> {
        self.write(|transaction| {
            free_key(transaction, &cancellation)?;
            record(transaction, vec![cancellation])
        })
    }
}

fn record(transaction: &Transaction<'_>, cancellations: Vec<Cancellation>) -> Result<(), Fault> {
    let reasons = load(transaction)?;
    let records = ChurnRecords::of(cancellations, &reasons.taxonomy)?;
    for row in insert(transaction, &reasons, &records)? {
        let said = records.get(row);
        let Some((_, there)) = find(transaction, &reasons, said.customer.as_id(), said.date)? else { continue };
        // Of the same customer it is the same cancellation on another day; of another it may be one of its own.
        if there.customer.to_string() != said.customer.to_string() {
            let (left, right) =
                (format!("{} on {}", said.customer, said.date), format!("{} on {}", there.customer, there.date));
            let way_out = "the second stood there before it was corrected; if it is meant, nothing is left to do, else use \
                           ChurnDatabase::record_anew";
            let what = "a cancellation and the one that was recorded as it";
            return Err(Error::Incompatible { what, left, right, way_out }.into());
        }
        let now = overlaid(there.clone(), said, |_field| true);
        if let Some(difference) = differences(&there, &now).into_iter().next() {
            let told = |value: Option<String>| {
                let value = value.unwrap_or_else(|| "nothing".to_owned());
                format!("{} of {} on {}: {value}", difference.field, now.customer, now.date)
            };
            let (left, right) = (told(difference.before.clone()), told(difference.after.clone()));
            let way_out = "the first is recorded; correct it with ChurnDatabase::correct";
            let what = "two cancellations of one customer and date";
            return Err(Error::Incompatible { what, left, right, way_out }.into());
        }
    }
    Ok(())
}

/// Writes the records that are not there yet; gives the rows of those that are.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    reasons: &Reasons,
    records: &ChurnRecords,
) -> Result<Vec<usize>, Fault> {
    if !records.is_empty() {
        check_kind(transaction, records.customer(0), None)?;
    }
    let holes = (1..=16).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ");
    // What stood under another customer or date before it was corrected is there as well.
    let sql = format!(
        "INSERT INTO cancellation ({COLUMNS}) SELECT {holes}
         WHERE NOT EXISTS (SELECT 1 FROM former_key WHERE customer = ?1 AND date = ?2)
         ON CONFLICT (customer, date) DO NOTHING"
    );
    let mut statement = transaction.prepare(&sql)?;
    let mut attribute = transaction.prepare("INSERT INTO attribute VALUES (?1, ?2, ?3)")?;
    let columns = records.labels();
    let ids = |names: &[String]| names.iter().map(|code| reasons.id(code)).collect::<Result<Vec<i64>, Fault>>();
    let (stated, found) = (ids(columns.stated.names())?, ids(columns.found.names())?);
    let mut known = Vec::new();
    // In the order of customers the index grows at its end.
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|&row| (records.customer_numbers()[row], records.days()[row]));
    for row in order {
        let reason = |codes: &[Option<u32>], ids: &[i64]| codes[row].map(|code| ids[code as usize]);
        let changed = statement.execute(params![
            Customer::new(records.customer(row))?,
            records.date(row).to_string(),
            reason(columns.stated.codes(), &stated),
            reason(columns.found.codes(), &found),
            columns.kind[row].map(|kind| kind == ChurnKind::Voluntary),
            columns.plan.get(row),
            columns.segment.get(row),
            columns.value[row],
            columns.currency.get(row),
            columns.started_on[row].map(|day| Date::from_day(day).to_string()),
            columns.competitor.get(row),
            columns.comment[row].as_deref(),
            columns.decision_reason[row].as_deref(),
            columns.recorded_by.get(row),
            columns.win_back[row].map(WinBack::name),
            columns.win_back[row].and_then(WinBack::returned_on).map(|date| date.to_string()),
        ])?;
        if changed == 0 {
            known.push(row);
            continue;
        }
        let id = transaction.last_insert_rowid();
        for (name, values) in &columns.attributes {
            if let Some(value) = values.get(row) {
                attribute.execute(params![id, name, value])?;
            }
        }
    }
    Ok(known)
}

/// Customers of cancellations and of feedback are all integers or all text; an item of feedback that is changed is not
/// held against itself.
pub(super) fn check_kind(connection: &Connection, given: Id<'_>, changed: Option<i64>) -> Result<(), Fault> {
    let given = if matches!(given, Id::Str(_)) { "text" } else { "integer" };
    let mut others = connection.prepare_cached(
        "SELECT * FROM (SELECT typeof(customer) AS kind FROM cancellation LIMIT 1)
         UNION SELECT * FROM (SELECT typeof(customer) FROM feedback WHERE id IS NOT ?1 LIMIT 1)",
    )?;
    let there = others.query_map([changed], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let Some(left) = there.into_iter().find(|there| there != given) else { return Ok(()) };
    let (right, way_out) =
        (given.to_owned(), "a database has customers of one kind; cast the ids to that of the first");
    Err(Error::Incompatible { what: "the ids of customers", left, right, way_out }.into())
}
