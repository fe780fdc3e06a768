//! How the columns of a table of cancellations are named.

use serde::{Deserialize, Serialize};

use super::billing::ReasonCodes;
use crate::calendar::Calendar;

/// What columns of attributes begin with in frames of this crate.
pub(super) const ATTRIBUTE: &str = "attribute_";

/// The columns of a table of cancellations with their reasons: one row a cancellation.
///
/// | role | type of the column |
/// | --- | --- |
/// | account | the customer: an integer; a string, categorical or enum for text |
/// | date | a `Date`; a `Datetime`, of which the day counts; or text such as `2026-03-31` |
/// | stated, found | the paths of reasons, such as `price/too_expensive`, as text |
/// | voluntary | a boolean, a number that is 0 or 1, or text: `voluntary`, `involuntary` |
/// | plan, segment, competitor, recorded_by | text, an integer or a boolean |
/// | value | an integer or a float from 0 up: the recurring value a month |
/// | currency | text of three letters |
/// | started_on, returned_on | as the date |
/// | comment, decision_reason | text, an integer or a boolean |
/// | win_back | text: `in_progress`, `won_back`, `given_up` |
/// | attributes, codes | text, an integer or a boolean |
///
/// Null means not known, except in account and date, where it makes the row a bad one.
///
/// The default is the frame of [`ChurnRecords::to_frame`](crate::ChurnRecords::to_frame), where every column but account
/// and date may be missing. A column that is named must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChurnColumns {
    pub(super) account: String,
    pub(super) date: String,
    pub(super) stated: Option<String>,
    pub(super) found: Option<String>,
    pub(super) voluntary: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) segment: Option<String>,
    pub(super) value: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) started_on: Option<String>,
    pub(super) competitor: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) decision_reason: Option<String>,
    pub(super) recorded_by: Option<String>,
    pub(super) win_back: Option<String>,
    pub(super) returned_on: Option<String>,
    pub(super) attributes: Vec<String>,
    pub(super) codes: Vec<(String, ReasonCodes)>,
    pub(super) as_written: bool,
    pub(super) calendar: Calendar,
}

macro_rules! columns {
    ($($(#[$about:meta])+ $role:ident),+ $(,)?) => {
        impl ChurnColumns {
            $(
                $(#[$about])+
                #[must_use]
                pub fn $role(mut self, column: impl Into<String>) -> Self {
                    self.$role = Some(column.into());
                    self
                }
            )+

            /// The columns as they are in a frame: where they stand for one that this crate has written, each that it
            /// has under the name of its role.
            pub(super) fn in_frame(&self, has: impl Fn(&str) -> bool, names: &[String]) -> Self {
                let mut columns = self.clone();
                if self.as_written {
                    $(columns.$role = columns.$role.or_else(|| has(stringify!($role)).then(|| stringify!($role).to_owned()));)+
                    columns.attributes.extend(names.iter().filter(|name| name.starts_with(ATTRIBUTE)).cloned());
                }
                columns
            }
        }
    };
}
columns! {
    /// The column with the reason as stated.
    stated,
    /// The column with the reason as found.
    found,
    /// The column that says whether the customer decided to leave.
    voluntary,
    /// The column with the plan that was cancelled.
    plan,
    /// The column with the segment of the customer.
    segment,
    /// The column with the recurring value a month that was lost.
    value,
    /// The column with the currency of the value.
    currency,
    /// The column with the first day as a customer.
    started_on,
    /// The column with the competitor.
    competitor,
    /// The column with what the customer wrote.
    comment,
    /// The column with why the root cause was decided to be what it is.
    decision_reason,
    /// The column with who recorded it.
    recorded_by,
    /// The column with how far the attempt to win the customer back has come.
    win_back,
    /// The column with the day on which the customer came back.
    returned_on,
}

impl ChurnColumns {
    /// The columns that a table must have.
    #[must_use]
    pub fn new(account: impl Into<String>, date: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            date: date.into(),
            stated: None,
            found: None,
            voluntary: None,
            plan: None,
            segment: None,
            value: None,
            currency: None,
            started_on: None,
            competitor: None,
            comment: None,
            decision_reason: None,
            recorded_by: None,
            win_back: None,
            returned_on: None,
            attributes: Vec::new(),
            codes: Vec::new(),
            as_written: false,
            calendar: Calendar::utc(),
        }
    }

    /// Adds a column with an attribute. Its name is that of the column, without `attribute_` where it begins so.
    #[must_use]
    pub fn attribute(mut self, column: impl Into<String>) -> Self {
        self.attributes.push(column.into());
        self
    }

    /// Adds a column with codes of a billing system, or of a form, which say why and whether it was voluntary.
    ///
    /// Of several such columns the first that knows an answer gives it, and columns of [`stated`](Self::stated) and
    /// [`voluntary`](Self::voluntary) come before all of them. A code without a meaning makes a bad row.
    #[must_use]
    pub fn codes(mut self, column: impl Into<String>, codes: &ReasonCodes) -> Self {
        self.codes.push((column.into(), codes.clone()));
        self
    }

    /// The calendar whose time zone says on which day a `Datetime` falls. UTC unless told, as billing systems have it.
    #[must_use]
    pub fn calendar(mut self, calendar: &Calendar) -> Self {
        self.calendar = calendar.clone();
        self
    }
}

impl Default for ChurnColumns {
    fn default() -> Self {
        Self { as_written: true, ..Self::new("account", "date") }
    }
}
