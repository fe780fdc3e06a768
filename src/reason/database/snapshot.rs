//! All records at once, in one consistent state.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Row, Transaction};

use super::ChurnDatabase;
use super::failure::Fault;
use super::row::{COLUMNS, date, kind, optional_date, win_back};
use super::taxonomy::{Reasons, load};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::ids::{IdType, Ids};
use crate::reason::ChurnRecords;
use crate::reason::labels::{Labels, LabelsBuilder};
use crate::reason::records::in_order;
use crate::reason::rows::Rows;

/// # Reading
impl ChurnDatabase {
    /// All records, as they were at one moment, with the reasons as they were then. Whoever writes meanwhile is not
    /// disturbed, and does not disturb.
    ///
    /// Every analysis is a method of what this gives: `database.records()?.…`. To keep a copy of them, save it as Parquet
    /// or write it as CSV.
    ///
    /// # Errors
    ///
    /// [`Error::NotChurnDatabase`](crate::Error::NotChurnDatabase) for a damaged file,
    /// [`Error::Locked`](crate::Error::Locked), [`Error::Database`](crate::Error::Database).
    pub fn records(&mut self) -> Result<ChurnRecords> {
        self.read(|transaction| {
            let reasons = load(transaction)?;
            snapshot(transaction, &reasons)
        })
    }

    /// How many records there are.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records).
    pub fn count(&mut self) -> Result<u64> {
        self.read(|transaction| {
            let count: i64 = transaction.query_row("SELECT count(*) FROM cancellation", (), |row| row.get(0))?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
    }
}

/// The columns of records while they are read.
#[derive(Default)]
struct Columns {
    ids: Option<Ids>,
    customer: Vec<u32>,
    day: Vec<i32>,
    /// Which row a number of the database has.
    row_of: Vec<(i64, u32)>,
    labels: [LabelsBuilder; 7],
    rows: Rows,
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<Option<&'a str>, Fault> {
    let value = row.get_ref(column)?;
    value.as_str_or_null().map_err(|_other| Fault::Damaged("a text is none"))
}

impl Columns {
    /// Takes in a row; they come in the order of customers.
    fn push(&mut self, row: &Row<'_>, reasons: &Reasons) -> Result<(), Fault> {
        let number = u32::try_from(self.day.len()).map_err(|_many| Fault::Damaged("more than 2^32 cancellations"))?;
        self.row_of.push((row.get(16)?, number));
        let customer = self.customer_of(row)?;
        self.customer.push(customer);
        let date = date(text(row, 1)?.unwrap_or_default())?;
        self.day.push(date.days_since_epoch());
        for (place, column) in [2, 3].into_iter().enumerate() {
            let code = row.get::<_, Option<i64>>(column)?.map(|id| reasons.codes.get(&id));
            let unknown = Fault::Damaged("a reason of a record is not there");
            self.labels[place].push(code.map(|code| code.ok_or(unknown)).transpose()?.map(String::as_str));
        }
        for (place, column) in [(2, 5), (3, 6), (4, 8), (5, 10), (6, 13)] {
            self.labels[place].push(text(row, column)?);
        }
        self.rows.kind.push(kind(row.get(4)?));
        self.rows.value.push(row.get(7)?);
        self.rows.started_on.push(optional_date(row, 9)?.map(Date::days_since_epoch));
        self.rows.comment.push(text(row, 11)?.map(Into::into));
        self.rows.decision_reason.push(text(row, 12)?.map(Into::into));
        self.rows.win_back.push(win_back(text(row, 14)?, optional_date(row, 15)?)?);
        Ok(())
    }

    fn customer_of(&mut self, row: &Row<'_>) -> Result<u32, Fault> {
        let mixed = Fault::Damaged("some customers are integers, others are text");
        let utf8 = |_not_utf8| Fault::Damaged("a customer is not text");
        let (id_type, key, name) = match row.get_ref(0)? {
            ValueRef::Integer(id) => (IdType::Int64, Ids::signed_key(id), ""),
            ValueRef::Text(id) => (IdType::String, 0, std::str::from_utf8(id).map_err(utf8)?),
            _ => return Err(mixed),
        };
        let ids = self.ids.get_or_insert_with(|| Ids::new(id_type));
        if ids.id_type() != id_type {
            return Err(mixed);
        }
        let mut one = Ids::new(id_type);
        if id_type == IdType::String {
            one.push_str(name)
        } else {
            one.push_key(key)
        }
        let last = ids.len().checked_sub(1);
        if last.is_none_or(|last| ids.compare(last, &one, 0).is_lt()) {
            ids.push_from(&one, 0);
        }
        u32::try_from(ids.len() - 1).map_err(|_many| Fault::Damaged("more than 2^32 customers"))
    }
}

fn snapshot(transaction: &Transaction<'_>, reasons: &Reasons) -> Result<ChurnRecords, Fault> {
    let mut columns = Columns::default();
    let sql = format!("SELECT {COLUMNS}, id FROM cancellation ORDER BY customer, date");
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        columns.push(row, reasons)?;
    }
    let Columns { ids, customer, day, mut row_of, labels, mut rows } = columns;
    let [stated, found, plan, segment, currency, competitor, recorded_by] = labels.map(LabelsBuilder::finish);
    row_of.sort_unstable();
    rows.attributes = attributes(transaction, &row_of)?;
    let rows = Rows { stated, found, plan, segment, currency, competitor, recorded_by, ..rows };
    let ids = ids.unwrap_or_else(|| Ids::new(IdType::Int64));
    let order = in_order(&customer, &day);
    Ok(ChurnRecords::picked(&reasons.taxonomy, &ids, &customer, &day, &rows, &order))
}

/// The attributes by name, in rows that the numbers of the database are given as.
fn attributes(transaction: &Transaction<'_>, row_of: &[(i64, u32)]) -> Result<BTreeMap<String, Labels>, Fault> {
    let mut statement =
        transaction.prepare_cached("SELECT name, cancellation, value FROM attribute ORDER BY name, cancellation")?;
    let mut rows = statement.query(())?;
    let mut attributes: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(1)?;
        let place = row_of.binary_search_by_key(&id, |&(id, _)| id);
        let place = place.map_err(|_none| Fault::Damaged("an attribute belongs to no record"))?;
        let value = row.get(2)?;
        match attributes.get_mut(text(row, 0)?.unwrap_or_default()) {
            Some(values) => values.push((row_of[place].1, value)),
            None => drop(attributes.insert(row.get(0)?, vec![(row_of[place].1, value)])),
        }
    }
    let labels = |values: Vec<(u32, String)>| {
        let mut column: Vec<Option<&str>> = vec![None; row_of.len()];
        values.iter().for_each(|(row, value)| column[*row as usize] = Some(value));
        Labels::of(column.into_iter())
    };
    Ok(attributes.into_iter().map(|(name, values)| (name, labels(values))).collect())
}
