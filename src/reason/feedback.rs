//! Feedback as a loop: ask, categorise, act, follow up.

mod analysis;
mod log;

pub use analysis::{Feedback, FeedbackGrouping, FeedbackOptions, FeedbackTally};
pub use log::FeedbackLog;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::cancellation::{CustomerId, flaws};
use super::path::Reason;
use super::taxonomy::Taxonomy;
use crate::calendar::Date;
use crate::error::{Error, Result};

/// How far an item of feedback has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackState {
    /// The customer was asked, or spoke up.
    Asked,
    /// What it is about is known.
    Categorised,
    /// Something was done about it.
    Acted,
    /// The customer was told, and the loop is closed.
    FollowedUp,
}

impl FeedbackState {
    /// The states in order.
    pub const ALL: [Self; 4] = [Self::Asked, Self::Categorised, Self::Acted, Self::FollowedUp];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Categorised => "categorised",
            Self::Acted => "acted",
            Self::FollowedUp => "followed_up",
        }
    }
}

impl fmt::Display for FeedbackState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One item of feedback, with the days on which it came from state to state.
///
/// The state follows from the days, and so does the state on any past day.
///
/// # Example
///
/// ```
/// use attrition::{FeedbackItem, FeedbackState, date};
///
/// let item = FeedbackItem::new("acme", date(2026, 3, 1)).categorised("product", date(2026, 3, 4)).owner("ann");
/// assert_eq!(item.state_at(date(2026, 3, 31)), Some((FeedbackState::Categorised, date(2026, 3, 4))));
/// assert_eq!(item.state_at(date(2026, 3, 3)), Some((FeedbackState::Asked, date(2026, 3, 1))));
/// assert_eq!(item.state_at(date(2026, 2, 1)), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeedbackItem {
    /// Whose feedback it is.
    pub customer: CustomerId,
    /// The day on which the customer was asked, or spoke up.
    pub asked_on: Date,
    /// What it is about: a reason of the taxonomy, of any level. There once it was categorised.
    pub category: Option<Reason>,
    /// The day on which that was found out.
    pub categorised_on: Option<Date>,
    /// The day on which something was done about it.
    pub acted_on: Option<Date>,
    /// The day on which the customer was told.
    pub followed_up_on: Option<Date>,
    /// Who takes care of it.
    pub owner: Option<String>,
    /// The last day on which the loop is closed in time.
    pub due_on: Option<Date>,
    /// What the customer said.
    pub comment: Option<String>,
}

impl FeedbackItem {
    /// An item of a customer who was asked, or spoke up, on a day.
    #[must_use]
    pub fn new(customer: impl Into<CustomerId>, asked_on: Date) -> Self {
        Self {
            customer: customer.into(),
            asked_on,
            category: None,
            categorised_on: None,
            acted_on: None,
            followed_up_on: None,
            owner: None,
            due_on: None,
            comment: None,
        }
    }

    /// Says what it is about, and since when that is known.
    #[must_use]
    pub fn categorised(mut self, category: impl Into<Reason>, on: Date) -> Self {
        (self.category, self.categorised_on) = (Some(category.into()), Some(on));
        self
    }

    /// Says that something was done about it.
    #[must_use]
    pub fn acted(mut self, on: Date) -> Self {
        self.acted_on = Some(on);
        self
    }

    /// Says that the customer was told.
    #[must_use]
    pub fn followed_up(mut self, on: Date) -> Self {
        self.followed_up_on = Some(on);
        self
    }

    /// Sets who takes care of it.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets the last day on which the loop is closed in time.
    #[must_use]
    pub fn due_on(mut self, due_on: Date) -> Self {
        self.due_on = Some(due_on);
        self
    }

    /// Sets what the customer said.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// The state at the end of a day, and since when; `None` before it was asked.
    #[must_use]
    pub fn state_at(&self, date: Date) -> Option<(FeedbackState, Date)> {
        let days = [Some(self.asked_on), self.categorised_on, self.acted_on, self.followed_up_on];
        let reached = FeedbackState::ALL.into_iter().zip(days);
        reached.filter_map(|(state, day)| Some((state, day.filter(|&day| day <= date)?))).next_back()
    }

    /// What the log relies on: each state has a day once the next one has, and none lies before the one before.
    pub(super) fn check(&self, taxonomy: &Taxonomy) -> Result<()> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        if let Some(reason) = flaws::customer(self.customer.as_id()) {
            return refuse("customer", self.customer.to_string(), reason);
        }
        if let Some(reason) = self.category.as_ref().and_then(|category| taxonomy.flaw(category)) {
            return refuse("category", self.category.as_ref().map(ToString::to_string).unwrap_or_default(), reason);
        }
        if self.category.is_some() != self.categorised_on.is_some() {
            let value = format!("of {} asked on {}", self.customer, self.asked_on);
            return refuse("category", value, "has a day on which it was found out, and the day a category; give both");
        }
        let mut before = Some(self.asked_on);
        let days = [
            ("asked_on", Some(self.asked_on)),
            ("categorised_on", self.categorised_on),
            ("acted_on", self.acted_on),
            ("followed_up_on", self.followed_up_on),
        ];
        for (option, day) in days {
            let Some(day) = day else {
                before = None;
                continue;
            };
            if let Some(reason) = flaws::date(day) {
                return refuse(option, day.to_string(), reason);
            }
            match before {
                None => return refuse(option, day.to_string(), "is the day of a state whose predecessor has none"),
                Some(before) if day < before => {
                    return refuse(
                        option,
                        day.to_string(),
                        "lies before the day of the state before; states come in order",
                    );
                }
                Some(_) => before = Some(day),
            }
        }
        if let Some((due, reason)) = self.due_on.and_then(|due| Some((due, flaws::date(due)?))) {
            return refuse("due_on", due.to_string(), reason);
        }
        Ok(())
    }
}
