//! One cancellation as a row, and what two of them differ in.

use std::collections::BTreeMap;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::failure::Fault;
use super::taxonomy::Reasons;
use crate::calendar::Date;
use crate::error::Error;
use crate::frame::ids::Id;
use crate::reason::columns::ATTRIBUTE;
use crate::reason::{Cancellation, ChurnKind, CustomerId, Reason, WinBack};

/// The columns of a cancellation but for its number, in the order in which rows are read here.
pub(super) const COLUMNS: &str = "customer, date, stated, found, voluntary, plan, segment, value, currency, started_on, \
     competitor, comment, decision_reason, recorded_by, win_back, returned_on";

/// A customer as SQLite has it.
pub(super) struct Customer<'a>(Id<'a>);

impl<'a> Customer<'a> {
    /// Refuses what SQLite has no integers for.
    pub(super) fn new(id: Id<'a>) -> Result<Self, Fault> {
        match id {
            Id::UInt(large) if i64::try_from(large).is_err() => {
                let reason = "is more than an integer of the database can be; give the ids of customers as text";
                Err(Error::InvalidOption { option: "customer", value: large.to_string(), reason }.into())
            }
            id => Ok(Self(id)),
        }
    }
}

impl ToSql for Customer<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Id::Str(id) => ToSqlOutput::Borrowed(ValueRef::Text(id.as_bytes())),
            Id::Int(id) => ToSqlOutput::Owned(Value::Integer(id)),
            // It fits: see `new`.
            Id::UInt(id) => ToSqlOutput::Owned(Value::Integer(i64::try_from(id).unwrap_or(i64::MAX))),
        })
    }
}

pub(super) fn date(text: &str) -> Result<Date, Fault> {
    text.parse().map_err(|_no_date| Fault::Damaged("a date is none"))
}

pub(super) fn optional_date(row: &Row<'_>, column: usize) -> Result<Option<Date>, Fault> {
    let text = row.get_ref(column)?;
    text.as_str_or_null().map_err(|_other| Fault::Damaged("a date is not text"))?.map(date).transpose()
}

pub(super) fn win_back(state: Option<&str>, returned: Option<Date>) -> Result<Option<WinBack>, Fault> {
    Ok(match (state, returned) {
        (None, _) => None,
        (Some("in_progress"), _) => Some(WinBack::InProgress),
        (Some("given_up"), _) => Some(WinBack::GivenUp),
        (Some(_), Some(returned)) => Some(WinBack::WonBack(returned)),
        (Some(_), None) => return Err(Fault::Damaged("a customer came back on no date")),
    })
}

pub(super) fn kind(voluntary: Option<bool>) -> Option<ChurnKind> {
    voluntary.map(|voluntary| if voluntary { ChurnKind::Voluntary } else { ChurnKind::Involuntary })
}

/// The number and the record of a customer and date, be it that it stood there before it was corrected.
pub(super) fn find(
    connection: &Connection,
    reasons: &Reasons,
    customer: Id<'_>,
    day: Date,
) -> Result<Option<(i64, Cancellation)>, Fault> {
    if let Some(found) = find_now(connection, reasons, customer, day)? {
        return Ok(Some(found));
    }
    let condition = "id = (SELECT cancellation FROM former_key WHERE customer = ?1 AND date = ?2)";
    find_where(connection, reasons, customer, day, condition)
}

/// The number and the record that stands under a customer and date now.
pub(super) fn find_now(
    connection: &Connection,
    reasons: &Reasons,
    customer: Id<'_>,
    day: Date,
) -> Result<Option<(i64, Cancellation)>, Fault> {
    find_where(connection, reasons, customer, day, "customer = ?1 AND date = ?2")
}

fn find_where(
    connection: &Connection,
    reasons: &Reasons,
    customer: Id<'_>,
    day: Date,
    condition: &str,
) -> Result<Option<(i64, Cancellation)>, Fault> {
    let sql = format!("SELECT {COLUMNS}, id FROM cancellation WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row(params![Customer::new(customer)?, day.to_string()], |row| {
        Ok((row.get::<_, i64>(16)?, read(row, reasons)))
    });
    let Some((id, record)) = found.optional()? else { return Ok(None) };
    let mut record = record?;
    let mut attributes = connection.prepare_cached("SELECT name, value FROM attribute WHERE cancellation = ?1")?;
    let pairs = attributes.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    record.attributes = pairs.collect::<rusqlite::Result<BTreeMap<String, String>>>()?;
    Ok(Some((id, record)))
}

/// A record without its attributes.
fn read(row: &Row<'_>, reasons: &Reasons) -> Result<Cancellation, Fault> {
    let customer = match row.get_ref(0)? {
        ValueRef::Integer(id) => CustomerId::Int(id),
        ValueRef::Text(id) => CustomerId::Str(String::from_utf8_lossy(id).into_owned()),
        _ => return Err(Fault::Damaged("a customer is neither an integer nor text")),
    };
    let reason = |column| -> Result<Option<Reason>, Fault> {
        let Some(id) = row.get::<_, Option<i64>>(column)? else { return Ok(None) };
        let code = reasons.codes.get(&id).ok_or(Fault::Damaged("a reason of a record is not there"))?;
        Ok(Some(Reason::from(code.as_str())))
    };
    let day = optional_date(row, 1)?.ok_or(Fault::Damaged("a record has no date"))?;
    let mut record = Cancellation::new(customer, day, reason(2)?);
    record.found = reason(3)?;
    record.kind = kind(row.get(4)?);
    record.plan = row.get(5)?;
    record.segment = row.get(6)?;
    record.value = row.get(7)?;
    record.currency = row.get(8)?;
    record.started_on = optional_date(row, 9)?;
    record.competitor = row.get(10)?;
    record.comment = row.get(11)?;
    record.decision_reason = row.get(12)?;
    record.recorded_by = row.get(13)?;
    record.win_back = win_back(row.get::<_, Option<String>>(14)?.as_deref(), optional_date(row, 15)?)?;
    Ok(record)
}

/// Writes a record over the one of a number.
pub(super) fn update(connection: &Connection, reasons: &Reasons, id: i64, record: &Cancellation) -> Result<(), Fault> {
    let mut update = connection.prepare_cached(
        "UPDATE cancellation SET customer = ?2, date = ?3, stated = ?4, found = ?5, voluntary = ?6, plan = ?7,
         segment = ?8, value = ?9, currency = ?10, started_on = ?11, competitor = ?12, comment = ?13,
         decision_reason = ?14, recorded_by = ?15, win_back = ?16, returned_on = ?17 WHERE id = ?1",
    )?;
    update.execute(params![
        id,
        Customer::new(record.customer.as_id())?,
        record.date.to_string(),
        reasons.optional_id(record.stated.as_ref())?,
        reasons.optional_id(record.found.as_ref())?,
        record.kind.map(|kind| kind == ChurnKind::Voluntary),
        record.plan,
        record.segment,
        record.value,
        record.currency,
        record.started_on.map(|date| date.to_string()),
        record.competitor,
        record.comment,
        record.decision_reason,
        record.recorded_by,
        record.win_back.map(WinBack::name),
        record.win_back.and_then(WinBack::returned_on).map(|date| date.to_string()),
    ])?;
    connection.prepare_cached("DELETE FROM attribute WHERE cancellation = ?1")?.execute([id])?;
    let mut insert = connection.prepare_cached("INSERT INTO attribute VALUES (?1, ?2, ?3)")?;
    for (name, value) in &record.attributes {
        insert.execute(params![id, name, value])?;
    }
    Ok(())
}

/// Notes the customer and date under which a record stood before it was moved. What it stands under now is nobody's
/// former key any longer.
pub(super) fn moved(
    connection: &Connection,
    id: i64,
    before: &Cancellation,
    after: &Cancellation,
) -> Result<(), Fault> {
    free_key(connection, after)?;
    let mut keep = connection
        .prepare_cached("INSERT OR REPLACE INTO former_key (customer, date, cancellation) VALUES (?1, ?2, ?3)")?;
    keep.execute(params![Customer::new(before.customer.as_id())?, before.date.to_string(), id])?;
    Ok(())
}

/// Forgets that another record stood under the customer and date of one.
pub(super) fn free_key(connection: &Connection, record: &Cancellation) -> Result<(), Fault> {
    let mut free = connection.prepare_cached("DELETE FROM former_key WHERE customer = ?1 AND date = ?2")?;
    free.execute(params![Customer::new(record.customer.as_id())?, record.date.to_string()])?;
    Ok(())
}

/// A field of a record that says one thing in one and another in the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) field: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// The fields of a record as the history writes them.
fn fields(record: &Cancellation) -> BTreeMap<String, String> {
    let returned = record.win_back.and_then(WinBack::returned_on);
    let all = [
        ("customer", Some(record.customer.to_string())),
        ("date", Some(record.date.to_string())),
        ("stated", record.stated.as_ref().map(ToString::to_string)),
        ("found", record.found.as_ref().map(ToString::to_string)),
        ("voluntary", record.kind.map(|kind| (kind == ChurnKind::Voluntary).to_string())),
        ("plan", record.plan.clone()),
        ("segment", record.segment.clone()),
        ("value", record.value.map(|value| value.to_string())),
        ("currency", record.currency.clone()),
        ("started_on", record.started_on.map(|date| date.to_string())),
        ("competitor", record.competitor.clone()),
        ("comment", record.comment.clone()),
        ("decision_reason", record.decision_reason.clone()),
        ("recorded_by", record.recorded_by.clone()),
        ("win_back", record.win_back.map(|state| state.name().to_owned())),
        ("returned_on", returned.map(|date| date.to_string())),
    ];
    let named = all.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)));
    let attributes = record.attributes.iter().map(|(name, value)| (format!("{ATTRIBUTE}{name}"), value.clone()));
    named.chain(attributes).collect()
}

/// What differs, in the order of the names of fields.
pub(super) fn differences(before: &Cancellation, after: &Cancellation) -> Vec<Difference> {
    let (before, after) = (fields(before), fields(after));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let both = names.into_iter().map(|name| (name, before.get(name), after.get(name)));
    let differ = both.filter(|(_, before, after)| before != after);
    differ
        .map(|(field, before, after)| Difference {
            field: field.clone(),
            before: before.cloned(),
            after: after.cloned(),
        })
        .collect()
}

/// A record with what another says about some of its fields: where that says nothing, what was known stays.
pub(super) fn overlaid(known: Cancellation, said: Cancellation, takes: impl Fn(&str) -> bool) -> Cancellation {
    let mut now = known;
    macro_rules! take {
        ($($role:literal $field:ident),+ $(,)?) => {
            $(if said.$field.is_some() && takes($role) {
                now.$field = said.$field;
            })+
        };
    }
    take! {
        "stated" stated, "found" found, "voluntary" kind, "plan" plan, "segment" segment, "value" value,
        "currency" currency, "started_on" started_on, "competitor" competitor, "comment" comment,
        "decision_reason" decision_reason, "recorded_by" recorded_by,
    }
    if said.win_back.is_some() && (takes("win_back") || takes("returned_on")) {
        now.win_back = said.win_back;
    }
    now.attributes.extend(said.attributes.into_iter().filter(|(name, _)| takes(&format!("{ATTRIBUTE}{name}"))));
    now
}
