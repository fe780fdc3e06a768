//! How far feedback has come, by what it is about or by who takes care of it.

use std::collections::BTreeMap;
use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::{FeedbackLog, FeedbackState};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::stored::{asked, holds, stored};
use crate::frame::write;
use crate::print::percent;
use crate::reason::ReasonLevel;

/// By what [`FeedbackLog::feedback`] divides items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackGrouping {
    /// By the category of what they are about: of all that the loop asks this is asked most.
    #[default]
    Category,
    /// By who takes care of them.
    Owner,
}

/// What [`FeedbackLog::feedback`] should count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackOptions {
    as_of: Date,
    asked_from: Option<Date>,
    #[serde(default)]
    by: FeedbackGrouping,
}

impl FeedbackOptions {
    /// The states as they were at the end of a day.
    #[must_use]
    pub fn new(as_of: Date) -> Self {
        Self { as_of, asked_from: None, by: FeedbackGrouping::default() }
    }

    /// By what items are divided. [`FeedbackGrouping::Category`] unless told.
    #[must_use]
    pub fn by(mut self, grouping: FeedbackGrouping) -> Self {
        self.by = grouping;
        self
    }

    /// Counts items that were asked from a day on. All unless told: what was never answered grows old unseen otherwise.
    #[must_use]
    pub fn asked_from(mut self, date: Date) -> Self {
        self.asked_from = Some(date);
        self
    }

    fn check(&self) -> Result<()> {
        match self.asked_from {
            Some(from) if from > self.as_of => Err(Error::InvalidOption {
                option: "asked_from",
                value: from.to_string(),
                reason: "lies after the day as of which is asked; are the two exchanged?",
            }),
            _ => Ok(()),
        }
    }
}

impl From<Date> for FeedbackOptions {
    fn from(as_of: Date) -> Self {
        Self::new(as_of)
    }
}

/// The items of one category, or of one owner, in one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeedbackTally {
    /// The code of the category, or who takes care; `None` of items that nobody has categorised yet, or takes care of.
    pub group: Option<String>,
    /// The state.
    pub state: FeedbackState,
    /// Items in it.
    pub items: u64,
    /// Items of the group, in whatever state.
    pub of: u64,
    /// The median age in days, of two middle ones their mean: how long items have been in the state, and of those
    /// followed up how long it took from asking to following up. `None` without an item.
    pub median_days: Option<f64>,
    /// The greatest age in days; likewise.
    pub longest_days: Option<u32>,
    /// Items whose last day in time is over, and which are not followed up.
    pub overdue: u64,
}

impl FeedbackTally {
    /// The share of the group's items that are in the state; `None` where it has none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of items are far below 2^53")]
    pub fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.items as f64 / self.of as f64)
    }
}

/// How far feedback has come: see [`FeedbackLog::feedback`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredFeedback")]
pub struct Feedback {
    options: FeedbackOptions,
    tallies: Vec<FeedbackTally>,
    all: Vec<FeedbackTally>,
}

stored!(StoredFeedback as Feedback { options: FeedbackOptions, tallies: Vec<FeedbackTally>, all: Vec<FeedbackTally> });

impl Feedback {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let four = |tallies: &[FeedbackTally]| {
            let in_order = tallies.iter().map(|tally| tally.state).eq(FeedbackState::ALL);
            let one = tallies.iter().all(|tally| tally.group == tallies[0].group);
            in_order && one && tallies.iter().map(|tally| tally.items).sum::<u64>() == tallies[0].of
        };
        holds(self.tallies.chunks(4).all(four), "each group has its four states, which add up to it")?;
        holds(self.all.len() == 4 && four(&self.all), "the four states add up to all")?;
        let sum = self.tallies.iter().map(|tally| tally.items).sum::<u64>();
        holds(sum == self.all[0].of, "the groups add up to all")?;
        let known = |tally: &FeedbackTally| {
            (tally.items > 0) == tally.median_days.is_some() && (tally.items > 0) == tally.longest_days.is_some()
        };
        holds(self.tallies.iter().chain(&self.all).all(known), "there are ages where there are items")
    }
}

impl FeedbackLog {
    /// How much feedback is in which state of the loop, and for how long: asked, categorised, acted upon, followed up.
    ///
    /// ```text
    /// share(group, state)     = items of the group in the state / items of the group
    /// age of an open item     = as_of - the day on which it came to its state
    /// age of one followed up  = the day of following up - the day of asking
    /// overdue                 = the last day in time lies before as_of, and it is not followed up
    /// ```
    ///
    /// Ages are in days. The denominator is the items that were asked by the day, each counted once, in the state that
    /// it had at the end of it; what happened later has no influence. Categories are those of the taxonomy as they are
    /// called now. Items that nobody has categorised are under no category, and all of them are in the state `asked`: no
    /// share of a category tells of them, so look at those of all items too. Owners are those that items have now: whose an
    /// item was on an earlier day is not kept. What nobody takes care of is under no owner.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for items asked from a day after the one as of which is asked.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{FeedbackItem, FeedbackLog, FeedbackState, Taxonomy, date};
    ///
    /// let asked = |customer| FeedbackItem::new(customer, date(2026, 3, 1));
    /// let log = FeedbackLog::of(
    ///     [
    ///         asked("acme").categorised("product/missing_feature", date(2026, 3, 3)).due_on(date(2026, 3, 20)),
    ///         asked("brix").categorised("product", date(2026, 3, 2)).acted(date(2026, 3, 9)).followed_up(date(2026, 3, 11)),
    ///         asked("core"),
    ///     ],
    ///     &Taxonomy::standard(),
    /// )?;
    /// let feedback = log.feedback(date(2026, 3, 31))?;
    /// let product = feedback.get(Some("product"), FeedbackState::Categorised).unwrap();
    /// assert_eq!((product.share(), product.median_days, product.overdue), (Some(0.5), Some(28.0), 1));
    /// let done = &feedback.all()[3];
    /// assert_eq!((done.share(), done.longest_days), (Some(1.0 / 3.0), Some(10)));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// R. Markey, F. Reichheld and A. Dullweber (2009), "Closing the customer feedback loop", Harvard Business Review
    /// 87(12), 43-47.
    pub fn feedback(&self, options: impl Into<FeedbackOptions>) -> Result<Feedback> {
        let options = options.into();
        options.check()?;
        let as_of = options.as_of;
        let mut by_group: BTreeMap<Option<String>, [Ages; 4]> = BTreeMap::new();
        let mut all = <[Ages; 4]>::default();
        for item in self.items().iter().filter(|item| options.asked_from.is_none_or(|from| item.asked_on >= from)) {
            let Some((state, since)) = item.state_at(as_of) else { continue };
            let category = || item.category.as_ref().filter(|_| state != FeedbackState::Asked);
            let group = match options.by {
                FeedbackGrouping::Category => category().map(|recorded| {
                    let now = self.taxonomy.current(recorded).unwrap_or(recorded);
                    now.at(ReasonLevel::Category).as_str().to_owned()
                }),
                FeedbackGrouping::Owner => item.owner.clone(),
            };
            let days = if state == FeedbackState::FollowedUp { since - item.asked_on } else { as_of - since };
            let days = u32::try_from(days).unwrap_or_default();
            let overdue = Self::is_overdue(item, state, as_of);
            for ages in [&mut all[state as usize], &mut by_group.entry(group).or_default()[state as usize]] {
                ages.days.push(days);
                ages.overdue += u64::from(overdue);
            }
        }
        let tallies = by_group.into_iter().flat_map(|(group, ages)| tallies(group.as_ref(), ages));
        Ok(Feedback { options, tallies: tallies.collect(), all: tallies_of_all(all) })
    }
}

/// The ages of the items in a state.
#[derive(Debug, Default)]
struct Ages {
    days: Vec<u32>,
    overdue: u64,
}

fn tallies_of_all(ages: [Ages; 4]) -> Vec<FeedbackTally> {
    tallies(None, ages).to_vec()
}

fn tallies(group: Option<&String>, ages: [Ages; 4]) -> [FeedbackTally; 4] {
    let of = ages.iter().map(|ages| ages.days.len() as u64).sum();
    let mut state = FeedbackState::ALL.into_iter();
    ages.map(|mut ages| {
        ages.days.sort_unstable();
        let count = ages.days.len();
        let middle = |place: usize| ages.days.get(place).copied().map(f64::from);
        FeedbackTally {
            group: group.cloned(),
            state: state.next().unwrap_or(FeedbackState::FollowedUp),
            items: count as u64,
            of,
            median_days: middle(count / 2)
                .zip(middle(count.saturating_sub(1) / 2))
                .map(|(high, low)| f64::midpoint(high, low)),
            longest_days: ages.days.last().copied(),
            overdue: ages.overdue,
        }
    })
}

impl Feedback {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &FeedbackOptions {
        &self.options
    }

    /// The four states of each category or owner that has items: those without one first, then in alphabetical order.
    #[must_use]
    pub fn tallies(&self) -> &[FeedbackTally] {
        &self.tallies
    }

    /// The four states of all items.
    #[must_use]
    pub fn all(&self) -> &[FeedbackTally] {
        &self.all
    }

    /// The items of a category or owner in a state; `None` if it has no items.
    #[must_use]
    pub fn get(&self, group: Option<&str>, state: FeedbackState) -> Option<&FeedbackTally> {
        self.tallies.iter().find(|tally| tally.group.as_deref() == group && tally.state == state)
    }

    /// The states of each category or owner as a frame.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `as_of` | Date | the day at whose end it was so |
    /// | `group` | String | the category or the owner; null of items without one |
    /// | `state` | String | `asked`, `categorised`, `acted` or `followed_up` |
    /// | `items` | UInt64 | items in it |
    /// | `of` | UInt64 | items of the group |
    /// | `share` | Float64 | their share |
    /// | `median_days` | Float64 | the median age, or time to follow up; null without an item |
    /// | `longest_days` | UInt32 | the greatest; likewise |
    /// | `overdue` | UInt64 | items that are overdue |
    ///
    /// Rows are in the order of [`tallies`](Self::tallies).
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = || self.tallies.iter();
        write::frame(vec![
            write::dates("as_of", rows().map(|_| Some(self.options.as_of)))?,
            write::column("group", rows().map(|tally| tally.group.as_deref()).collect::<Vec<_>>()),
            write::column("state", rows().map(|tally| tally.state.name()).collect::<Vec<_>>()),
            write::column("items", rows().map(|tally| tally.items).collect::<Vec<_>>()),
            write::column("of", rows().map(|tally| tally.of).collect::<Vec<_>>()),
            write::column("share", rows().map(FeedbackTally::share).collect::<Vec<_>>()),
            write::column("median_days", rows().map(|tally| tally.median_days).collect::<Vec<_>>()),
            write::column("longest_days", rows().map(|tally| tally.longest_days).collect::<Vec<_>>()),
            write::column("overdue", rows().map(|tally| tally.overdue).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "feedback as of {}, shares in %, median days in brackets", self.options.as_of)?;
        let (by, nothing) = match self.options.by {
            FeedbackGrouping::Category => ("category", "(none yet)"),
            FeedbackGrouping::Owner => ("owner", "(nobody)"),
        };
        write!(f, "{by:<24} {:>6}", "items")?;
        FeedbackState::ALL.iter().try_for_each(|state| write!(f, " {state:>16}"))?;
        write!(f, " {:>8}", "overdue")?;
        let rows = self.tallies.chunks(4).map(|four| (four[0].group.as_deref().unwrap_or(nothing), four));
        for (name, four) in rows.chain([("all", &self.all[..])]) {
            write!(f, "\n{name:<24} {:>6}", four[0].of)?;
            for tally in four {
                let days = tally.median_days.map_or_else(|| "-".to_owned(), |days| format!("{days:.0}"));
                write!(f, " {:>16}", format!("{} ({days})", percent(tally.share())))?;
            }
            write!(f, " {:>8}", four.iter().map(|tally| tally.overdue).sum::<u64>())?;
        }
        Ok(())
    }
}
