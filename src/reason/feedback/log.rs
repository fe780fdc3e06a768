//! Items of feedback together.

use polars::prelude::DataFrame;

use super::{FeedbackItem, FeedbackState};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::write;
use crate::reason::records::customer_ids;
use crate::reason::taxonomy::Taxonomy;

/// Items of feedback, in the order in which they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedbackLog {
    pub(super) taxonomy: Taxonomy,
    items: Vec<FeedbackItem>,
}

impl FeedbackLog {
    /// The log of these items.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a category that is not in the taxonomy, and for days
    /// that are not in the order of the states; [`Error::Incompatible`](crate::Error::Incompatible) where some customers
    /// are text and others integers.
    pub fn of(items: impl IntoIterator<Item = FeedbackItem>, taxonomy: &Taxonomy) -> Result<Self> {
        let items: Vec<FeedbackItem> = items.into_iter().collect();
        items.iter().try_for_each(|item| item.check(taxonomy))?;
        customer_ids(items.iter().map(|item| item.customer.as_id()))?;
        Ok(Self { taxonomy: taxonomy.clone(), items })
    }

    /// The items.
    #[must_use]
    pub fn items(&self) -> &[FeedbackItem] {
        &self.items
    }

    /// The items as a frame.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64, UInt64 or String | the customer |
    /// | `asked_on` | Date | the day on which the customer was asked |
    /// | `state` | String | `asked`, `categorised`, `acted` or `followed_up` |
    /// | `category` | String | the path of what it is about, as it is called now; null before it was categorised |
    /// | `categorised_on`, `acted_on`, `followed_up_on` | Date | the days of the states; null before them |
    /// | `owner` | String | who takes care of it; null where nobody does |
    /// | `due_on` | Date | the last day in time; null where there is none |
    /// | `comment` | String | what the customer said; null where nothing was written down |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let days = |name, of: fn(&FeedbackItem) -> Option<Date>| write::dates(name, self.items.iter().map(of));
        let text = |name, of: fn(&FeedbackItem) -> Option<&str>| {
            write::column(name, self.items.iter().map(of).collect::<Vec<_>>())
        };
        let category = self.items.iter().map(|item| {
            let recorded = item.category.as_ref()?;
            Some(self.taxonomy.current(recorded).unwrap_or(recorded).as_str())
        });
        let (ids, places) = customer_ids(self.items.iter().map(|item| item.customer.as_id()))?;
        write::frame(vec![
            write::gathered_ids("account", &ids, places.into_iter().map(Some))?,
            days("asked_on", |item| Some(item.asked_on))?,
            text("state", |item| Some(item.state_at(Date::MAX)?.0.name())),
            write::column("category", category.collect::<Vec<_>>()),
            days("categorised_on", |item| item.categorised_on)?,
            days("acted_on", |item| item.acted_on)?,
            days("followed_up_on", |item| item.followed_up_on)?,
            text("owner", |item| item.owner.as_deref()),
            days("due_on", |item| item.due_on)?,
            text("comment", |item| item.comment.as_deref()),
        ])
    }

    /// The items of a state at the end of a day that are overdue by then.
    pub(super) fn is_overdue(item: &FeedbackItem, state: FeedbackState, as_of: Date) -> bool {
        state != FeedbackState::FollowedUp && item.due_on.is_some_and(|due| due < as_of)
    }
}
