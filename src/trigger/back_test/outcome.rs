//! What became of the accounts.

use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::portfolio::{Account, Membership, Portfolio};

/// After so many silent days activity has ended, unless told.
const SILENCE: u32 = 60;

/// In which days after a date churn was foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(super) lead: i32,
    pub(super) horizon: i32,
    /// So many days after a date it is known of everybody what became of them.
    pub(crate) known_after: i32,
}

/// What counts as churn, and on which day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChurnEvent {
    /// The account cancelled, or a subscription ended and none was running: the first day on which it had left, as
    /// [`Membership`] has it. That it came back later changes nothing; a subscription that begins on the day on which
    /// another ends, as with a change of plan, is no churn.
    Cancelled,
    /// The account was silent for so many days: the first of these days, not the one on which it was noticed. A silence of
    /// that length is churn whether or not it came back.
    ActivityEnded {
        /// How many days without activity, at least.
        silence_days: u32,
    },
}

impl ChurnEvent {
    /// What counts as churn where nobody has said.
    pub(super) fn of(portfolio: &Portfolio) -> Self {
        let as_of = portfolio.activity().as_of().days_since_epoch();
        let tables = &portfolio.tables;
        let ended = tables.subscriptions.as_ref().is_some_and(|subscriptions| {
            let ended = |account| subscriptions.of(account, as_of).any(|term| term.ended.is_some());
            (0..portfolio.len()).into_par_iter().any(ended)
        });
        let cancelled = tables.cancellations.is_some() || ended;
        if cancelled { Self::Cancelled } else { Self::ActivityEnded { silence_days: SILENCE } }
    }

    /// How many days after the day of churn it shows.
    pub(super) fn noticed_after(self) -> u32 {
        match self {
            Self::Cancelled => 0,
            Self::ActivityEnded { silence_days } => silence_days.saturating_sub(1),
        }
    }
}

impl fmt::Display for ChurnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.pad("cancelled"),
            Self::ActivityEnded { silence_days } => f.pad(&format!("silent for {silence_days} days")),
        }
    }
}

/// What became of an account after a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did not leave within lead and horizon.
    Stayed,
    /// It left on that day, after the lead and within the horizon.
    Churned(i32),
    /// It left within the lead, or was silent already and did not come back in time.
    Leaving,
    /// It was never active by then, so that its activity could not end.
    Unknown,
}

/// A time during which an account was gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Absence {
    /// The day of churn.
    day: i32,
    /// The day on which it was over; a cancellation is looked for only in customers, so for it the same day.
    until: i32,
}

#[derive(Clone, Debug, Default)]
struct Fate {
    /// The first day on which churn is possible.
    begun: i32,
    absences: Vec<Absence>,
}

/// When each account of a portfolio left.
#[derive(Clone, Debug)]
pub(crate) struct Churns {
    accounts: Vec<Fate>,
    window: Window,
}

impl Churns {
    pub(crate) fn new(portfolio: &Portfolio, event: ChurnEvent, window: Window) -> Self {
        let last = portfolio.activity().as_of().days_since_epoch();
        let fate = |number| match event {
            ChurnEvent::Cancelled => Fate { begun: i32::MIN, absences: cancelled(portfolio, number, last) },
            ChurnEvent::ActivityEnded { silence_days } => {
                let account = Account::new(portfolio, number, last);
                let days = account.days();
                let begun = days.first().copied().unwrap_or(i32::MAX);
                Fate { begun, absences: silences(days, silence_days, last) }
            }
        };
        Self { accounts: (0..portfolio.len()).into_par_iter().map(fate).collect(), window }
    }

    /// What became of an account, a customer on a day of which it is known.
    pub(crate) fn after(&self, account: usize, day: i32) -> Outcome {
        let Fate { begun, absences } = &self.accounts[account];
        if *begun > day {
            return Outcome::Unknown;
        }
        let next = absences.get(absences.partition_point(|absence| absence.until <= day));
        match next.map(|absence| absence.day) {
            Some(left) if left <= day + self.window.lead => Outcome::Leaving,
            Some(left) if left <= day + self.window.lead + self.window.horizon => Outcome::Churned(left),
            _ => Outcome::Stayed,
        }
    }
}

fn cancelled(portfolio: &Portfolio, number: usize, last: i32) -> Vec<Absence> {
    let account = Account::new(portfolio, number, last);
    let cancelled = account.cancellations().into_iter().flatten();
    let ended = account.subscriptions().into_iter().flatten().filter_map(|term| term.ended);
    let mut days: Vec<i32> = cancelled.chain(ended).map(crate::calendar::Date::days_since_epoch).collect();
    days.sort_unstable();
    days.dedup();
    let left = |&day: &i32| Account::new(portfolio, number, day).membership() == Membership::Left;
    days.into_iter().filter(left).map(|day| Absence { day, until: day }).collect()
}

/// The silences of so many days, known to be so by the last day.
fn silences(days: &[i32], silence_days: u32, last: i32) -> Vec<Absence> {
    let between = days.windows(2).map(|pair| (pair[0], pair[1], pair[1].abs_diff(pair[0]) - 1));
    let open = days.last().map(|&active| (active, i32::MAX, last.abs_diff(active)));
    let long = between.chain(open).filter(|&(.., silence)| silence >= silence_days);
    long.map(|(active, until, _)| Absence { day: active + 1, until }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_by_hand() {
        // Silent on 3 and 4; 6 to 9; and from 12 on, of which 12 to 14 are known.
        let of = |silence_days| -> Vec<(i32, i32)> {
            let found = silences(&[1, 2, 5, 10, 11], silence_days, 14);
            found.into_iter().map(|absence| (absence.day, absence.until)).collect()
        };
        assert_eq!(of(2), [(3, 5), (6, 10), (12, i32::MAX)]);
        assert_eq!(of(3), [(6, 10), (12, i32::MAX)]);
        assert_eq!(of(4), [(6, 10)]);
        assert_eq!(of(5), []);
        assert_eq!(silences(&[], 1, 14), []);
    }

    #[test]
    fn outcomes_by_hand() {
        let window = Window { lead: 2, horizon: 4, known_after: 9 };
        let absences = vec![Absence { day: 10, until: 20 }, Absence { day: 31, until: i32::MAX }];
        let churns = Churns { accounts: vec![Fate { begun: 1, absences }], window };
        let expected = [
            (0, Outcome::Unknown),
            (1, Outcome::Stayed),
            (3, Outcome::Stayed),
            (4, Outcome::Churned(10)),
            (7, Outcome::Churned(10)),
            (8, Outcome::Leaving),
            // Silent already, and not back before the lead is over.
            (15, Outcome::Leaving),
            (19, Outcome::Leaving),
            (20, Outcome::Stayed),
            (25, Outcome::Churned(31)),
            (40, Outcome::Leaving),
        ];
        for (day, outcome) in expected {
            assert_eq!(churns.after(0, day), outcome, "{day}");
        }
    }
}
