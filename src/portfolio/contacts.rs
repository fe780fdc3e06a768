//! The people who stand for an account.

use polars::prelude::DataFrame;

use super::Portfolio;
use super::columns::{columns, flags, known_end, names, optional_days};
use super::table::{ALWAYS, Table};
use crate::calendar::{Calendar, Date};
use crate::error::Result;
use crate::frame::ids::{Id, Ids};
use crate::frame::read;

columns! {
    /// The columns of a table of contacts: one row a person and the time for which they stood for the account.
    ///
    /// | role | type of the column |
    /// | --- | --- |
    /// | account | as the portfolio's accounts: an integer for integers; a string, categorical or enum for text |
    /// | person | likewise as the users of the log, so that what they do is theirs; a row without one is left out |
    /// | role | a string, categorical, enum, integer or boolean |
    /// | key | a boolean, or a number that is 0 or 1: whether the account hangs on them; null counts as no |
    /// | since, until | a `Date`, or a `Datetime`: an instant, UTC where it names no zone; null where not known, or still there |
    ContactColumns { account, person }
    /// The column with what they are: champion, sponsor, administrator.
    role
    /// The column that says whether the account hangs on them. Without it, nobody is a key contact.
    key
    /// The column with the first day. Without it, a contact was always known.
    since
    /// The column with the day on which they were gone. It is known from that day on.
    until
}

/// A person who stands for an account, as known on the day as of which one asks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contact<'a> {
    /// Who.
    pub person: Id<'a>,
    /// What they are.
    pub role: Option<&'a str>,
    /// Whether the account hangs on them.
    pub key: bool,
    /// Since when they have stood for the account, if that is known.
    pub since: Option<Date>,
    /// The day on which they were gone; `None` while they are there, and where they leave later.
    pub until: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct ContactRow {
    person: u32,
    role: Option<u32>,
    key: bool,
    /// Last, so that it decides no order before it is known.
    until: i32,
}

/// The table, and what its rows refer to.
#[derive(Clone, Debug)]
pub(crate) struct Contacts {
    pub(super) table: Table<ContactRow>,
    people: Ids,
    roles: Vec<String>,
}

impl Contacts {
    fn read(frame: &DataFrame, columns: &ContactColumns, calendar: &Calendar) -> Result<Self> {
        let person_type = read::id_type(frame.schema(), &columns.person, "person")?;
        let (people, person) = read::distinct_ids(frame, &columns.person, person_type)?;
        let (roles, role) = names(frame, columns.role.as_ref(), "role")?;
        let key = flags(frame, columns.key.as_ref(), "key")?;
        let since = optional_days(frame, calendar, columns.since.as_ref(), "since")?;
        let until = optional_days(frame, calendar, columns.until.as_ref(), "until")?;
        let table = Table::read(frame, &columns.account, |row| {
            let (role, key) = (role.get(row), key.get(row) == Some(true));
            let contact = ContactRow { person: person[row]?, role, key, until: until.end(row) };
            Some((since.get(row).unwrap_or(ALWAYS), contact))
        })?;
        Ok(Self { table, people, roles })
    }

    pub(crate) fn of(&self, account: usize, as_of: i32) -> impl ExactSizeIterator<Item = Contact<'_>> {
        let (known, rows) = self.table.of(account, as_of);
        known.iter().zip(rows).map(move |(&since, row)| Contact {
            person: self.people.get(row.person as usize),
            role: row.role.map(|role| self.roles[role as usize].as_str()),
            key: row.key,
            since: (since != ALWAYS).then(|| Date::from_day(since)),
            until: known_end(row.until, as_of),
        })
    }
}

impl Portfolio {
    /// Adds the people who stand for the accounts; of a second table only its own rows are then known.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`](crate::Error::MissingColumn), [`Error::UnsupportedType`](crate::Error::UnsupportedType),
    /// [`Error::InvalidValue`](crate::Error::InvalidValue) for a date outside the years 1 to 9999,
    /// [`Error::Incompatible`](crate::Error::Incompatible) if its accounts are text and the portfolio's are not, or the
    /// other way round.
    pub fn contacts(mut self, contacts: &DataFrame, columns: &ContactColumns) -> Result<Self> {
        self.tables.contacts = Some(Contacts::read(contacts, columns, self.calendar())?);
        self.linked()
    }
}
