//! The weeks that a trigger compares: the recent ones, and those before them.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Column, Snapshot};

/// More weeks are not compared: they are the bits of a word.
pub(super) const MOST_WEEKS: usize = 64;
/// Fewer weeks of baseline are no history. Of 4 weeks among 12, no choice is rarer than one in 495, so that with still less
/// no test could be sure of anything; and two months outlast the ups and downs of a beginning.
pub(super) const LEAST_BASELINE: usize = 8;

/// How many weeks are compared with how many before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Weeks {
    pub(super) recent: u32,
    pub(super) baseline: u32,
}

impl Weeks {
    pub(super) const USUAL: Self = Self { recent: 4, baseline: 12 };

    pub(super) fn check(self) -> Result<()> {
        let refuse =
            |option, weeks: u32, reason| Err(Error::InvalidOption { option, value: weeks.to_string(), reason });
        if self.recent == 0 || self.recent as usize > LEAST_BASELINE {
            return refuse("recent", self.recent, "1 to 8 recent weeks can be compared with what was before");
        }
        if (self.baseline as usize) < LEAST_BASELINE {
            return refuse("baseline", self.baseline, "the baseline takes 8 weeks at least; less tells too little");
        }
        if self.all() > MOST_WEEKS {
            return refuse("baseline", self.baseline, "recent weeks and baseline together are 64 weeks at most");
        }
        Ok(())
    }

    /// How many they are together.
    pub(super) fn all(self) -> usize {
        self.recent as usize + self.baseline as usize
    }

    /// The weeks of an account that are known whole; `None` if the baseline is too short.
    ///
    /// They are those of the calendar, and the last one is the last that had ended by then: where the work of a customer goes
    /// by calendar weeks, weeks cut in the middle would resemble their neighbours, and come in no order as easily as in
    /// any other.
    ///
    /// The first active day does not count: an account is active on it by definition, so that a week with it would not be
    /// like the others.
    pub(super) fn of(self, account: &Account<'_>) -> Option<Window> {
        let (observed, first) = (account.observed_from(), account.first_active()?);
        let began = if first > observed { first + 1 } else { observed };
        let end = account.calendar().end_of_last_week(account.as_of());
        let known = usize::try_from((end - began + 1).max(0) / 7).unwrap_or(0);
        let (recent, weeks) = (self.recent as usize, known.min(self.all()));
        (weeks >= recent + LEAST_BASELINE).then(|| Window { end: end.days_since_epoch(), recent, weeks })
    }

    /// What the weeks of accounts are worked up to, kept for the other days on which they are the same.
    pub(super) fn kept<T: Send + Sync + 'static>(self, portfolio: &Snapshot<'_>) -> Weekly<T> {
        let end = portfolio.portfolio().calendar().end_of_last_week(portfolio.as_of());
        Weekly(portfolio.column(end, (self.recent, self.baseline)))
    }
}

/// What depends on an account and its weeks alone.
pub(super) struct Weekly<T>(Option<Column<T>>);

impl<T> Weekly<T> {
    /// Of an account, worked out if it is not known, and what comes of it.
    pub(super) fn of<R>(&self, account: &Account<'_>, work: impl FnOnce() -> T, then: impl FnOnce(&T) -> R) -> R {
        match &self.0 {
            Some(column) => then(column[account.number()].get_or_init(work)),
            None => then(&work()),
        }
    }
}

/// The weeks of one account, numbered from the earliest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The last day of the last week.
    end: i32,
    /// The number of recent weeks, the last ones.
    pub(super) recent: usize,
    /// The number of all weeks.
    pub(super) weeks: usize,
}

impl Window {
    pub(super) fn baseline(&self) -> usize {
        self.weeks - self.recent
    }

    /// The last day of the last week.
    pub(super) fn end(&self) -> i32 {
        self.end
    }

    /// The recent weeks, to be put into a sentence.
    pub(super) fn named(&self) -> String {
        let end = Date::from_day(self.end);
        if self.recent == 1 { format!("the week to {end}") } else { format!("the {} weeks to {end}", self.recent) }
    }

    /// The first day of a week.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 64 weeks")]
    pub(super) fn start(&self, week: usize) -> i32 {
        self.end + 1 - 7 * (self.weeks - week) as i32
    }

    pub(super) fn days(&self) -> RangeInclusive<i32> {
        self.start(0)..=self.end
    }

    /// The week of a day within them.
    pub(super) fn week(&self, day: i32) -> usize {
        (day.abs_diff(self.start(0)) / 7) as usize
    }

    /// The first day of the weeks, up to the last one, of which something holds; `None` if it does not hold of the last.
    pub(super) fn since(&self, holds: impl Fn(usize) -> bool) -> Option<Date> {
        let first = (0..self.weeks).rev().take_while(|&week| holds(week)).last()?;
        Some(Date::from_day(self.start(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_weeks() {
        let window = Window { end: 100, recent: 4, weeks: 12 };
        assert_eq!((window.days(), window.baseline()), (17..=100, 8));
        assert_eq!([17, 23, 24, 93, 94, 100].map(|day| window.week(day)), [0, 0, 1, 10, 11, 11]);
        assert_eq!((window.start(0), window.start(11)), (17, 94));
        assert_eq!(window.since(|week| week != 9), Some(Date::from_day(window.start(10))));
        assert_eq!((window.since(|week| week < 11), window.since(|_| true)), (None, Some(Date::from_day(17))));
    }

    #[test]
    fn lengths_are_checked() {
        let check = |recent, baseline| Weeks { recent, baseline }.check();
        assert!([(4, 12), (1, 8), (8, 56)].iter().all(|&(recent, baseline)| check(recent, baseline).is_ok()));
        for (recent, baseline) in [(0, 12), (9, 12), (4, 7), (4, 61), (4, u32::MAX)] {
            assert!(check(recent, baseline).is_err(), "{recent} {baseline}");
        }
    }
}
