//! At which ages an actor counts as retained.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::PeriodTable;

/// When a member of a cohort counts as retained at age k, in periods after the cohort's own.
///
/// At age 0 every criterion counts the whole cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Criterion {
    /// Active in period k. "N-day", "classic" or "return on" retention of PostHog, Amplitude and Mixpanel.
    On,
    /// Active in period k or in any later one up to the end of observation. "Unbounded", "on or after" and, in
    /// Mixpanel, the default. Never rises with k, and past cells can still rise as people return.
    OnOrAfter,
    /// Active in any of the periods 1 to k: has returned by then. Never falls with k. Mixpanel's "on or before" counts
    /// period 0 too, by which everybody has returned at once.
    OnOrBefore,
    /// Active in every period up to k. Countly's "full" retention. Never rises with k.
    Streak,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::On => "on",
            Self::OnOrAfter => "on or after",
            Self::OnOrBefore => "on or before",
            Self::Streak => "streak",
        })
    }
}

/// Hands out the ages up to `horizon` at which an actor counts as retained, as stretches in ascending order.
///
/// `days` are the actor's active days in order, the first of which makes the cohort.
#[inline]
pub(super) fn retained_ages(
    criterion: Criterion,
    table: &PeriodTable,
    days: &[i32],
    horizon: u32,
    mut stretch: impl FnMut(u32, u32),
) {
    let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return };
    let cohort = table.of(first);
    let mut ages = days[1..].iter().map(|&day| table.of(day) - cohort).take_while(|&age| age <= horizon);
    match criterion {
        Criterion::On => {
            let (mut from, mut to) = (0, 0);
            for age in ages {
                if age > to + 1 {
                    stretch(from, to);
                    from = age;
                }
                to = age;
            }
            stretch(from, to);
        }
        Criterion::OnOrAfter => stretch(0, (table.of(last) - cohort).min(horizon)),
        Criterion::OnOrBefore => {
            stretch(0, 0);
            if let Some(back) = ages.find(|&age| age > 0) {
                stretch(back, horizon);
            }
        }
        Criterion::Streak => {
            let mut to = 0;
            for age in ages {
                if age > to + 1 {
                    break;
                }
                to = age;
            }
            stretch(0, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, Period, date};

    fn ages(criterion: Criterion, days: &[i32], horizon: u32) -> Vec<u32> {
        let first = date(2024, 1, 1);
        let table = PeriodTable::new(&Calendar::utc(), Period::Day, first..=first + 20);
        let days: Vec<i32> = days.iter().map(|day| first.days_since_epoch() + day).collect();
        let mut ages = Vec::new();
        retained_ages(criterion, &table, &days, horizon, |from, to| ages.extend(from..=to));
        ages
    }

    #[test]
    fn by_hand() {
        // Came on day 2, again on days 3, 4 (twice), 7 and 12: ages 0, 1, 2, 5 and 10.
        let days = [2, 3, 4, 4, 7, 12];
        assert_eq!(ages(Criterion::On, &days, 20), [0, 1, 2, 5, 10]);
        assert_eq!(ages(Criterion::On, &days, 5), [0, 1, 2, 5]);
        assert_eq!(ages(Criterion::On, &days, 4), [0, 1, 2]);
        assert_eq!(ages(Criterion::OnOrAfter, &days, 20), (0..=10).collect::<Vec<_>>());
        assert_eq!(ages(Criterion::OnOrAfter, &days, 3), [0, 1, 2, 3]);
        assert_eq!(ages(Criterion::OnOrBefore, &days, 4), [0, 1, 2, 3, 4]);
        assert_eq!(ages(Criterion::OnOrBefore, &[2, 5], 4), [0, 3, 4]);
        assert_eq!(ages(Criterion::OnOrBefore, &[2, 9], 4), [0]);
        assert_eq!(ages(Criterion::Streak, &days, 20), [0, 1, 2]);
        assert_eq!(ages(Criterion::Streak, &[2, 4], 20), [0]);
        assert_eq!(ages(Criterion::Streak, &days, 0), [0]);
        assert_eq!(ages(Criterion::On, &[], 3), [0; 0]);
    }
}
