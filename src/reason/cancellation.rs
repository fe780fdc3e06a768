//! One cancellation: who left, when, and what is known of why.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind::ChurnKind;
use super::path::Reason;
use super::taxonomy::Taxonomy;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::Id;

/// The id of a customer, held by itself: see [`Id`] for one within a table.
///
/// Equal integers are equal whatever type they came in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CustomerId {
    /// An integer.
    Int(i64),
    /// An integer beyond the signed ones of 64 bits.
    UInt(u64),
    /// Text.
    Str(String),
}

impl CustomerId {
    /// The same, borrowed.
    #[must_use]
    pub fn as_id(&self) -> Id<'_> {
        match self {
            Self::Int(id) => Id::Int(*id),
            Self::UInt(id) => Id::UInt(*id),
            Self::Str(id) => Id::Str(id),
        }
    }
}

impl From<Id<'_>> for CustomerId {
    fn from(id: Id<'_>) -> Self {
        match id {
            Id::Int(id) => Self::Int(id),
            Id::UInt(id) => i64::try_from(id).map_or(Self::UInt(id), Self::Int),
            Id::Str(id) => Self::Str(id.to_owned()),
        }
    }
}

macro_rules! customer_from {
    ($($id:ty),*) => {
        $(impl From<$id> for CustomerId {
            fn from(id: $id) -> Self {
                Id::from(id).into()
            }
        })*
    };
}
customer_from!(i8, i16, i32, i64, u8, u16, u32, u64, &str, &String);

impl From<String> for CustomerId {
    fn from(id: String) -> Self {
        Self::Str(id)
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_id().fmt(f)
    }
}

/// How far the attempt to win a customer back has come. Where there is none, none was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WinBack {
    /// It is under way.
    InProgress,
    /// The customer came back, on this day.
    WonBack(Date),
    /// It was given up.
    GivenUp,
}

impl WinBack {
    /// The names of the states in frames.
    pub(super) const NAMES: [&str; 3] = ["in_progress", "won_back", "given_up"];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => Self::NAMES[0],
            Self::WonBack(_) => Self::NAMES[1],
            Self::GivenUp => Self::NAMES[2],
        }
    }

    /// The day of the return, of a customer who came back.
    #[must_use]
    pub fn returned_on(self) -> Option<Date> {
        if let Self::WonBack(date) = self { Some(date) } else { None }
    }
}

/// The record of one cancellation.
///
/// The reason has two axes: *as stated* by the customer or the billing system, and *as found* by whoever looked into it,
/// the root cause. "Too expensive" is what people say of a product that they do not use, so both are kept. Either may be
/// missing: a customer who was not asked has stated no reason, which is not the same as another reason.
///
/// A customer has one cancellation a day.
///
/// # Example
///
/// ```
/// use attrition::{Cancellation, Reason, date};
///
/// let cancellation = Cancellation::new("acme", date(2026, 3, 31), Reason::new("price", "too_expensive"))
///     .found(Reason::new("product", "not_used"))
///     .value(240.0)
///     .currency("EUR")
///     .started_on(date(2025, 2, 1))
///     .attribute("region", "north");
/// assert_eq!(cancellation.found.unwrap().category(), "product");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cancellation {
    /// Who left.
    pub customer: CustomerId,
    /// The first day on which the subscription was over.
    pub date: Date,
    /// The reason as stated.
    pub stated: Option<Reason>,
    /// The reason as found: the root cause.
    pub found: Option<Reason>,
    /// Voluntary or not, where the record says so; else its reasons do: see
    /// [`ChurnRecords::kind`](crate::ChurnRecords::kind).
    pub kind: Option<ChurnKind>,
    /// The plan that was cancelled.
    pub plan: Option<String>,
    /// The segment of the customer.
    pub segment: Option<String>,
    /// The recurring value that was lost, a month.
    pub value: Option<f64>,
    /// The currency of the value: three capital letters, as in ISO 4217.
    pub currency: Option<String>,
    /// The first day as a customer.
    pub started_on: Option<Date>,
    /// To whom the customer went.
    pub competitor: Option<String>,
    /// What the customer wrote. It may hold personal data.
    pub comment: Option<String>,
    /// Why the root cause was decided to be what it is.
    pub decision_reason: Option<String>,
    /// Who recorded it.
    pub recorded_by: Option<String>,
    /// How far the attempt to win the customer back has come.
    pub win_back: Option<WinBack>,
    /// Whatever else is known, by name.
    pub attributes: BTreeMap<String, String>,
}

/// Setters of the optional fields.
macro_rules! setters {
    ($($(#[$about:meta])+ $field:ident: $type:ty),+ $(,)?) => {
        $(
            $(#[$about])+
            #[must_use]
            pub fn $field(mut self, $field: impl Into<$type>) -> Self {
                self.$field = Some($field.into());
                self
            }
        )+
    };
}

impl Cancellation {
    /// A cancellation, with the reason as stated, or `None` where none is known.
    #[must_use]
    pub fn new(customer: impl Into<CustomerId>, date: Date, stated: impl Into<Option<Reason>>) -> Self {
        Self {
            customer: customer.into(),
            date,
            stated: stated.into(),
            found: None,
            kind: None,
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
            attributes: BTreeMap::new(),
        }
    }

    setters! {
        /// Sets the reason as found, the root cause.
        found: Reason,
        /// Says whether it was voluntary, whatever the reasons would say.
        kind: ChurnKind,
        /// Sets the plan that was cancelled.
        plan: String,
        /// Sets the segment of the customer.
        segment: String,
        /// Sets the recurring value that was lost, a month.
        value: f64,
        /// Sets the currency of the value: three letters, as in ISO 4217.
        currency: String,
        /// Sets the first day as a customer.
        started_on: Date,
        /// Sets to whom the customer went.
        competitor: String,
        /// Sets what the customer wrote.
        comment: String,
        /// Sets why the root cause was decided to be what it is.
        decision_reason: String,
        /// Sets who recorded it.
        recorded_by: String,
        /// Sets how far the attempt to win the customer back has come.
        win_back: WinBack,
    }

    /// Adds whatever else is known, under a name. A second value of the same name takes the place of the first.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// What the records rely on, and the currency in capital letters.
    pub(super) fn checked(mut self, taxonomy: &Taxonomy) -> Result<Self> {
        let refuse = |option, value: String, reason: Option<&'static str>| match reason {
            None => Ok(()),
            Some(reason) => Err(Error::InvalidOption { option, value, reason }),
        };
        refuse("customer", self.customer.to_string(), flaws::customer(self.customer.as_id()))?;
        refuse("date", self.date.to_string(), flaws::date(self.date))?;
        for (axis, reason) in [("stated", &self.stated), ("found", &self.found)] {
            if let Some(reason) = reason {
                refuse(axis, reason.to_string(), taxonomy.flaw(reason))?;
            }
        }
        if let Some(value) = self.value {
            refuse("value", value.to_string(), flaws::value(value))?;
        }
        if let Some(currency) = &mut self.currency {
            refuse("currency", currency.clone(), flaws::currency(currency))?;
            currency.make_ascii_uppercase();
        }
        if let Some(start) = self.started_on {
            refuse("started_on", start.to_string(), flaws::started_on(start, self.date))?;
        }
        if let Some(back) = self.win_back.and_then(WinBack::returned_on) {
            refuse("win_back", back.to_string(), flaws::returned_on(back, self.date))?;
        }
        for name in self.attributes.keys() {
            refuse("attribute", format!("{name:?}"), flaws::attribute(name))?;
        }
        Ok(self)
    }
}

/// What can be wrong with a field, in the words that reports and errors use.
pub(super) mod flaws {
    use crate::calendar::Date;
    use crate::frame::ids::Id;
    use crate::frame::times::NO_SUCH_YEAR;

    pub(in crate::reason) fn customer(id: Id<'_>) -> Option<&'static str> {
        (id == Id::Str("")).then_some("is no customer; say who left")
    }

    pub(in crate::reason) fn date(date: Date) -> Option<&'static str> {
        (!(Date::MIN..=Date::MAX).contains(&date)).then_some(NO_SUCH_YEAR)
    }

    pub(in crate::reason) fn value(value: f64) -> Option<&'static str> {
        (!(value.is_finite() && value >= 0.0))
            .then_some("is no value that can be lost; give a number from 0 up, or nothing where it is not known")
    }

    pub(in crate::reason) fn currency(currency: &str) -> Option<&'static str> {
        let known = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
        (!known).then_some("is no currency; give its three letters, such as EUR")
    }

    pub(in crate::reason) fn started_on(start: Date, date: Date) -> Option<&'static str> {
        self::date(start).or((start > date).then_some("lies after the cancellation; are the two dates exchanged?"))
    }

    pub(in crate::reason) fn returned_on(back: Date, date: Date) -> Option<&'static str> {
        self::date(back).or((back < date).then_some("lies before the cancellation; nobody returns before leaving"))
    }

    pub(in crate::reason) fn attribute(name: &str) -> Option<&'static str> {
        name.is_empty().then_some("is no name; call the attribute something")
    }
}
