//! Who speaks for an account.

use polars::prelude::DataFrame;

use super::Company;
use super::account::dated;
use super::people::User;
use crate::error::Result;
use crate::frame::write;

/// Roles of those who are contacts but not key contacts.
const ROLES: [&str; 3] = ["admin", "billing", "analyst"];
const CHAMPION: &str = "champion";

struct Contact {
    account: i64,
    person: i64,
    role: &'static str,
    key: bool,
    since: i32,
    until: Option<i32>,
}

/// # Who speaks for them
impl Company {
    /// The persons who speak for an account: one to three key contacts, and up to three others.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `person` | Int64 | the person, a `user` of [`events`](Self::events) |
    /// | `role` | String | `champion` for key contacts; else `admin`, `billing` or `analyst` |
    /// | `key` | Boolean | whether the account hangs on them |
    /// | `since` | Date | the first day |
    /// | `until` | Date | the last day; null while they are there, also where the account left |
    ///
    /// Rows are in the order of accounts and persons. Whoever would have joined only after the account left, or after the
    /// span, is not in it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`](crate::Error::TooLarge) for more than 2^27 rows, [`Error::Polars`](crate::Error::Polars) if
    /// polars refuses the frame.
    pub fn contacts(&self) -> Result<DataFrame> {
        let rows = self.rows("contacts", 0.0, |account| {
            let mut roles = ROLES.into_iter();
            let end = account.days().end;
            let users = User::all(account, &self.options);
            let contact = |user: &User| {
                let role = if user.key { Some(CHAMPION) } else { roles.next() };
                let until = (user.left < end).then(|| user.left - 1);
                let contact = |role| Contact {
                    account: account.id(),
                    person: user.id,
                    role,
                    key: user.key,
                    since: user.joined,
                    until,
                };
                role.map(contact).filter(|contact| contact.since < end)
            };
            users.iter().filter_map(contact).collect()
        })?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.account).collect::<Vec<_>>()),
            write::column("person", rows.iter().map(|row| row.person).collect::<Vec<_>>()),
            write::column("role", rows.iter().map(|row| row.role).collect::<Vec<_>>()),
            write::column("key", rows.iter().map(|row| row.key).collect::<Vec<_>>()),
            write::dates("since", rows.iter().map(|row| Some(dated(row.since))))?,
            write::dates("until", rows.iter().map(|row| row.until.map(dated)))?,
        ])
    }
}
