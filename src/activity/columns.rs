//! Which column plays which part.

use serde::{Deserialize, Serialize};

/// The columns of an event log, by name. One row of the log is one event.
///
/// | role | type of the column |
/// | --- | --- |
/// | user | any integer of up to 64 bits, string, categorical or enum |
/// | time | `Date` (a local day already), or `Datetime` in ms, us or ns: an instant, UTC where it names no zone |
/// | account | as user; a null means "no account" |
/// | feature | string, categorical, enum or integer; a null means "no feature" |
/// | value | any integer or float; a null counts as 0, NaN and infinities are errors |
///
/// A `Date` column is taken to hold days of the [`Calendar`](crate::Calendar)'s zone. A `Datetime` is an instant
/// whatever zone its column carries for display; the calendar's zone decides on which day it falls.
///
/// # Example
///
/// ```
/// use attrition::EventColumns;
///
/// let columns = EventColumns::new("user_id", "ts").account("company").feature("event").value("amount");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventColumns {
    pub(crate) user: String,
    pub(crate) time: String,
    pub(crate) account: Option<String>,
    pub(crate) feature: Option<String>,
    pub(crate) value: Option<String>,
}

impl EventColumns {
    /// The two columns without which there is no log.
    #[must_use]
    pub fn new(user: impl Into<String>, time: impl Into<String>) -> Self {
        Self { user: user.into(), time: time.into(), account: None, feature: None, value: None }
    }

    /// The column with the account on whose behalf the user acted. Not mapped by default.
    #[must_use]
    pub fn account(mut self, column: impl Into<String>) -> Self {
        self.account = Some(column.into());
        self
    }

    /// The column with the feature that was used. Not mapped by default.
    #[must_use]
    pub fn feature(mut self, column: impl Into<String>) -> Self {
        self.feature = Some(column.into());
        self
    }

    /// The column with a quantity that is summed per user and day. Not mapped by default.
    #[must_use]
    pub fn value(mut self, column: impl Into<String>) -> Self {
        self.value = Some(column.into());
        self
    }

    /// The mapped columns, each name once.
    #[cfg(feature = "lazy")]
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = vec![self.user.as_str(), self.time.as_str()];
        names.extend([&self.account, &self.feature, &self.value].into_iter().flatten().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }
}
