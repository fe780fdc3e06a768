//! The tables, and how those of earlier versions become them.

use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params};

use super::failure::Fault;
use super::taxonomy::{Reasons, store};
use crate::error::Error;
use crate::reason::Taxonomy;

/// What marks a file as one of ours: "attr".
pub(super) const APPLICATION: i32 = 0x6174_7472;

/// The steps from each version of the schema to the next, the first from nothing. A step that was once released is never
/// changed.
pub(super) const MIGRATIONS: [&str; 3] = [RECORDS, FEEDBACK, FORMER_KEYS];

/// The version that this crate reads and writes.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a handful")]
pub(super) const VERSION: i32 = MIGRATIONS.len() as i32;

/// Dates are text, as 2026-03-31. A customer is an integer or text, and all are of one kind.
const RECORDS: &str = "
CREATE TABLE reason (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT,
    owner TEXT,
    evidence TEXT,
    kind TEXT CHECK (kind IN ('voluntary', 'involuntary')),
    became INTEGER REFERENCES reason (id),
    given_up_on TEXT,
    change INTEGER,
    CHECK ((name IS NULL) = (became IS NOT NULL)),
    CHECK ((became IS NULL) = (given_up_on IS NULL) AND (became IS NULL) = (change IS NULL))
) STRICT;
CREATE TABLE cancellation (
    id INTEGER PRIMARY KEY,
    customer ANY NOT NULL CHECK (typeof(customer) IN ('integer', 'text')),
    date TEXT NOT NULL,
    stated INTEGER REFERENCES reason (id),
    found INTEGER REFERENCES reason (id),
    voluntary INTEGER CHECK (voluntary IN (0, 1)),
    plan TEXT,
    segment TEXT,
    value REAL CHECK (value >= 0),
    currency TEXT,
    started_on TEXT,
    competitor TEXT,
    comment TEXT,
    decision_reason TEXT,
    recorded_by TEXT,
    win_back TEXT CHECK (win_back IN ('in_progress', 'won_back', 'given_up')),
    returned_on TEXT,
    UNIQUE (customer, date),
    CHECK ((win_back IS 'won_back') = (returned_on IS NOT NULL))
) STRICT;
CREATE TABLE attribute (
    cancellation INTEGER NOT NULL REFERENCES cancellation (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (cancellation, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE correction (
    id INTEGER PRIMARY KEY,
    cancellation INTEGER NOT NULL REFERENCES cancellation (id),
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    why TEXT,
    field TEXT NOT NULL,
    before TEXT,
    after TEXT
) STRICT;
CREATE INDEX correction_of ON correction (cancellation, field);
";

const FEEDBACK: &str = "
CREATE TABLE feedback (
    id INTEGER PRIMARY KEY,
    customer ANY NOT NULL CHECK (typeof(customer) IN ('integer', 'text')),
    asked_on TEXT NOT NULL,
    category INTEGER REFERENCES reason (id),
    categorised_on TEXT,
    acted_on TEXT,
    followed_up_on TEXT,
    owner TEXT,
    due_on TEXT,
    comment TEXT,
    CHECK ((category IS NULL) = (categorised_on IS NULL)),
    CHECK (acted_on IS NULL OR categorised_on IS NOT NULL),
    CHECK (followed_up_on IS NULL OR acted_on IS NOT NULL)
) STRICT;
";

/// Customers and dates under which records stood before they were corrected: a file that is imported again still has them.
const FORMER_KEYS: &str = "
CREATE TABLE former_key (
    customer ANY NOT NULL CHECK (typeof(customer) IN ('integer', 'text')),
    date TEXT NOT NULL,
    cancellation INTEGER NOT NULL REFERENCES cancellation (id),
    PRIMARY KEY (customer, date)
) STRICT;
";
/// The first version that has them.
const WITH_FORMER_KEYS: i32 = 3;

/// What a file says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing at all.
    Empty,
    /// Not ours.
    Foreign,
    /// Ours, of this version.
    Ours(i32),
}

/// Asked within a transaction: it reads more than once, and another process may write between.
pub(super) fn state(connection: &Connection) -> rusqlite::Result<State> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(match (application, version, tables) {
        (0, 0, 0) => State::Empty,
        (APPLICATION, 1.., 1..) => State::Ours(version),
        _ => State::Foreign,
    })
}

/// Brings an empty file, or one of an earlier version, to this one: all of it or nothing.
pub(super) fn migrate(transaction: &Transaction<'_>, taxonomy: &Taxonomy) -> Result<(), Fault> {
    // Another process may have done it in the meantime, or begun to use the file for something else.
    let found = match state(transaction)? {
        State::Empty => 0,
        State::Ours(found) => found,
        State::Foreign => return Err(Fault::Damaged("another program has written to it just now")),
    };
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step)?;
    }
    if (1..WITH_FORMER_KEYS).contains(&found) {
        former_keys_of_history(transaction)?;
    }
    if found == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        store(transaction, &Reasons::default(), taxonomy)?;
    }
    if found < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(())
}

/// One correction of a key in the history: by whom and when, and what a field said before.
type KeyChange = (Option<String>, String, i64);

/// Fills the former keys of a database that only has them in its history, record by record from the last correction back.
fn former_keys_of_history(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let moved = "SELECT DISTINCT c.id, c.customer, c.date FROM cancellation AS c
         JOIN correction AS k ON k.cancellation = c.id WHERE k.field IN ('customer', 'date') ORDER BY c.id";
    let mut moved = transaction.prepare(moved)?;
    let mut changes = transaction.prepare(
        "SELECT before, field, at FROM correction WHERE cancellation = ?1 AND field IN ('customer', 'date')
         ORDER BY id DESC",
    )?;
    let records = moved.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for record in records.collect::<rusqlite::Result<Vec<(i64, Value, String)>>>()? {
        let (id, mut customer, mut date) = record;
        let rows = changes.query_map([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let rows = rows.collect::<rusqlite::Result<Vec<KeyChange>>>()?;
        let mut rows = rows.into_iter().peekable();
        while let Some((before, field, at)) = rows.next() {
            let Some(before) = before else { return Err(Fault::Damaged("a record had no key")) };
            let is_date = field == "date";
            if is_date {
                date = before;
            } else if matches!(customer, Value::Integer(_)) {
                let number = before.parse().map_err(|_text| Fault::Damaged("a customer was no integer"))?;
                customer = Value::Integer(number);
            } else {
                customer = Value::Text(before);
            }
            // A correction notes its fields by their names: the customer just before the date is of the same one.
            if is_date && rows.peek().is_some_and(|next| next.1 == "customer" && next.2 == at) {
                continue;
            }
            keep_former_key(transaction, &customer, &date, id)?;
        }
    }
    Ok(())
}

/// Notes under which key a record stood, unless a record stands under it now, or a later one did.
fn keep_former_key(transaction: &Transaction<'_>, customer: &Value, date: &str, id: i64) -> Result<(), Fault> {
    let mut keep = transaction.prepare_cached(
        "INSERT INTO former_key (customer, date, cancellation) SELECT ?1, ?2, ?3
         WHERE NOT EXISTS (SELECT 1 FROM cancellation WHERE customer = ?1 AND date = ?2)
         ON CONFLICT (customer, date) DO NOTHING",
    )?;
    keep.execute(params![customer, date, id])?;
    Ok(())
}

/// The error of a file that is of another version than this crate works with.
pub(super) fn of_other_version(path: &std::path::Path, found: i32) -> Error {
    let way_out = if found > VERSION {
        "it was written by a later version of this crate; use that one"
    } else {
        "it is of an earlier version; open it once for writing, which brings it up to date"
    };
    Error::Schema { path: path.to_owned(), found, known: VERSION, way_out }
}
