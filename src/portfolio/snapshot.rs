//! The portfolio as it was known on a day.

use std::sync::Arc;

use rayon::prelude::*;

use super::kept::{Column, Kept};
use super::{Account, Portfolio};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};

/// So many days after a cancellation activity is use of what was paid for, which mostly is a month, and not a return.
const USED_UP: i32 = 31;

/// Whether an account is a customer on the day as of which it is seen.
///
/// A cancellation ends membership until a subscription starts, or where subscriptions are not known until the account is
/// active more than 31 days later: until then it uses up what is paid for. An account with subscriptions is a customer while one of them runs. Of the others only
/// their activity tells: they are customers until they have lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// It is.
    Customer,
    /// It has cancelled, or its subscription has ended.
    Left,
    /// It has not been active for longer than [`Portfolio::lapsed_after`] says, and nothing else is known.
    Lapsed,
    /// It comes later, or nothing but a row without meaning for membership is known of it.
    Unknown,
}

impl Membership {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Left => "left",
            Self::Lapsed => "lapsed",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn of(account: &Account<'_>, lapsed_after: u32) -> Self {
        let cancelled = account.cancellations().and_then(|mut days| days.next_back());
        let terms =
            account.running().filter(|_| account.subscriptions().is_some_and(|mut terms| terms.next().is_some()));
        if let Some(running) = terms {
            let resumed = |cancelled: Date| running.iter().any(|term| term.start > cancelled);
            let stays = !running.is_empty() && cancelled.is_none_or(resumed);
            return if stays { Self::Customer } else { Self::Left };
        }
        if let Some(cancelled) = cancelled
            && account.last_active().is_none_or(|last| last - cancelled <= USED_UP)
        {
            return Self::Left;
        }
        match account.silence() {
            None => Self::Unknown,
            Some(silence) => Self::of_silence(silence, lapsed_after),
        }
    }

    /// That of an account of which nothing is known but its activity.
    pub(crate) fn of_silence(silence: u32, lapsed_after: u32) -> Self {
        if silence > lapsed_after { Self::Lapsed } else { Self::Customer }
    }
}

/// What the triggers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All that they have to say.
    Everything,
    /// Whether they fire, and how badly. The p-value of an effect too small to matter decides nothing and need not be known.
    WhatFires,
}

/// A portfolio as it was known at the end of a day: its customers, and nothing that came later.
#[derive(Debug)]
pub struct Snapshot<'a> {
    portfolio: &'a Portfolio,
    as_of: i32,
    customers: Vec<Account<'a>>,
    left: Vec<u32>,
    lapsed: Vec<u32>,
    asked: Asked,
    /// Where other dates are looked at as well, what holds for several of them.
    kept: Option<Arc<Kept>>,
}

impl Portfolio {
    /// The portfolio as it was known at the end of `as_of`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a day outside the observation of the activity.
    pub fn at(&self, as_of: Date) -> Result<Snapshot<'_>> {
        self.check_as_of(as_of)?;
        let as_of = as_of.days_since_epoch();
        let account = |number| {
            let account = Account::new(self, number, as_of);
            (account, account.membership())
        };
        let accounts: Vec<(Account<'_>, Membership)> = (0..self.len()).into_par_iter().map(account).collect();
        let all = |membership| {
            let own = (0_u32..).zip(&accounts).filter(|(_, (_, other))| *other == membership);
            own.map(|(number, _)| number).collect()
        };
        let [left, lapsed] = [Membership::Left, Membership::Lapsed].map(all);
        let customers = accounts.into_iter().filter(|(_, membership)| *membership == Membership::Customer);
        let customers = customers.map(|(account, _)| account).collect();
        Ok(Snapshot { portfolio: self, as_of, customers, left, lapsed, asked: Asked::Everything, kept: None })
    }

    pub(crate) fn check_as_of(&self, as_of: Date) -> Result<()> {
        check_within(as_of, (self.activity().observed_from(), self.activity().as_of()))
    }
}

/// Refuses a day outside the observation.
pub(crate) fn check_within(as_of: Date, (first, last): (Date, Date)) -> Result<()> {
    if as_of < first || as_of > last {
        let reason = "lies outside the observation; name its end when ingesting, or append the later events";
        return Err(Error::InvalidOption { option: "as_of", value: as_of.to_string(), reason });
    }
    Ok(())
}

impl<'a> Snapshot<'a> {
    /// The day at whose end the portfolio is seen.
    #[must_use]
    pub fn as_of(&self) -> Date {
        Date::from_day(self.as_of)
    }

    /// The same for triggers that are to say less.
    pub(crate) fn asked(self, asked: Asked) -> Self {
        Self { asked, ..self }
    }

    /// The same beside other dates.
    pub(crate) fn keeping(self, kept: &Arc<Kept>) -> Self {
        Self { kept: Some(kept.clone()), ..self }
    }

    /// What is worked out of each account up to a day and depends on two numbers beside; `None` where no other date is looked at.
    pub(crate) fn column<T: Send + Sync + 'static>(&self, end: Date, of: (u32, u32)) -> Option<Column<T>> {
        Some(self.kept.as_ref()?.column(end, of, self.portfolio.len()))
    }

    /// Whether nothing is asked but what fires.
    pub(crate) fn only_what_fires(&self) -> bool {
        self.asked == Asked::WhatFires
    }

    /// The portfolio. What it says itself is not as of any day.
    pub(crate) fn portfolio(&self) -> &'a Portfolio {
        self.portfolio
    }

    /// The accounts that are customers, in the order of their ids.
    #[must_use]
    pub fn customers(&self) -> impl ExactSizeIterator<Item = Account<'a>> {
        self.customers.iter().copied()
    }

    /// What is found of each customer, in the order of their ids, on all processors.
    pub(crate) fn judge<T: Send>(&self, judge: impl Fn(Account<'a>) -> T + Sync) -> Vec<T> {
        self.customers.par_iter().with_min_len(64).map(|&account| judge(account)).collect()
    }

    /// The same where several things are asked of each customer: customer by customer, all of one beside each other.
    pub(crate) fn judge_each<T: Send>(
        &self,
        questions: usize,
        judge: impl Fn(Account<'a>, usize) -> T + Sync,
    ) -> Vec<T> {
        let ask = |place: usize| judge(self.customers[place / questions], place % questions);
        let all = 0..self.customers.len() * questions;
        all.into_par_iter().with_min_len(64 * questions.max(1)).map(ask).collect()
    }

    /// Something added up over the customers, on all processors. They are divided as it comes, so the sums have to be those
    /// of whole numbers.
    pub(crate) fn fold<T: Send>(
        &self,
        none: impl Fn() -> T + Send + Sync,
        add: impl Fn(&mut T, Account<'a>) + Send + Sync,
        join: impl Fn(T, T) -> T + Send + Sync,
    ) -> T {
        let added = |mut sum: T, &account: &Account<'a>| {
            add(&mut sum, account);
            sum
        };
        self.customers.par_iter().with_min_len(64).fold(&none, added).reduce(&none, join)
    }

    /// The same over every account, be it a customer or not, and whether or not anything was known of it by then.
    pub(crate) fn fold_everyone<T: Send>(
        &self,
        none: impl Fn() -> T + Send + Sync,
        add: impl Fn(&mut T, Account<'a>) + Send + Sync,
        join: impl Fn(T, T) -> T + Send + Sync,
    ) -> T {
        let added = |mut sum: T, number| {
            add(&mut sum, Account::new(self.portfolio, number, self.as_of));
            sum
        };
        (0..self.portfolio.len()).into_par_iter().with_min_len(64).fold(&none, added).reduce(&none, join)
    }

    /// One account, be it a customer or not; `None` if it is not in the portfolio at all.
    #[must_use]
    pub fn account<'i>(&self, id: impl Into<Id<'i>>) -> Option<Account<'a>> {
        let number = self.portfolio.ids().position(id.into())?;
        Some(Account::new(self.portfolio, number, self.as_of))
    }

    /// How many accounts had cancelled or let their subscription end.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.len()
    }

    /// How many accounts had lapsed.
    #[must_use]
    pub fn lapsed(&self) -> usize {
        self.lapsed.len()
    }

    /// The ids of the customers, of those who had left, and of those who had lapsed.
    pub(crate) fn ids(&self) -> [Ids; 3] {
        let of = |numbers: &mut dyn Iterator<Item = usize>| {
            let mut ids = Ids::new(self.portfolio.ids().id_type());
            numbers.for_each(|number| ids.push_from(self.portfolio.ids(), number));
            ids
        };
        [
            of(&mut self.customers.iter().map(Account::number)),
            of(&mut self.left.iter().map(|&number| number as usize)),
            of(&mut self.lapsed.iter().map(|&number| number as usize)),
        ]
    }

    /// The customer at a place.
    pub(crate) fn customer(&self, place: usize) -> Option<&Account<'a>> {
        self.customers.get(place)
    }
}
