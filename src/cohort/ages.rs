//! At which ages a member of a cohort counts as retained.

use std::fmt;

use serde::{Deserialize, Serialize};

/// When a member of a cohort counts as retained at age k, in periods after the start.
///
/// At age 0 a criterion asks for activity in the period of the start itself, [`OnOrAfter`](Self::OnOrAfter) for activity
/// in it or later. Where the start is activity, as in [`Activity::retention`](crate::Activity::retention), that is the
/// whole cohort, unless [`returning`](crate::RetentionOptions::returning) or
/// [`min_events`](crate::RetentionOptions::min_events) ask for more than any event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Criterion {
    /// Active in period k. "N-day", "classic" or "return on" retention of PostHog, Amplitude and Mixpanel.
    On,
    /// Active in period k or in any later one up to the end of observation. "Unbounded", "on or after" and, in
    /// Mixpanel, the default. Never rises with k, and past cells can still rise as people return.
    OnOrAfter,
    /// Active in any of the periods 1 to k: has returned by then. Never falls with k from age 1 on. Mixpanel's "on or
    /// before" counts period 0 too, by which everybody whose start is activity has returned at once.
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

/// Hands out the ages up to `horizon` at which a member counts as retained, as stretches in ascending order.
///
/// `ages` are those of the member's activity, in order; an age can stand more than once.
#[inline]
pub(super) fn retained_ages(
    criterion: Criterion,
    mut ages: impl DoubleEndedIterator<Item = u32>,
    horizon: u32,
    mut stretch: impl FnMut(u32, u32),
) {
    if criterion == Criterion::OnOrAfter {
        if let Some(last) = ages.next_back() {
            stretch(0, last.min(horizon));
        }
        return;
    }
    let mut ages = ages.take_while(|&age| age <= horizon);
    let Some(first) = ages.next() else { return };
    match criterion {
        Criterion::On => {
            let (mut from, mut to) = (first, first);
            for age in ages {
                if age > to + 1 {
                    stretch(from, to);
                    from = age;
                }
                to = age;
            }
            stretch(from, to);
        }
        Criterion::OnOrBefore => {
            if first == 0 {
                stretch(0, 0);
            }
            if let Some(back) = std::iter::once(first).chain(ages).find(|&age| age > 0) {
                stretch(back, horizon);
            }
        }
        Criterion::Streak => {
            if first > 0 {
                return;
            }
            let mut to = 0;
            for age in ages {
                if age > to + 1 {
                    break;
                }
                to = age;
            }
            stretch(0, to);
        }
        Criterion::OnOrAfter => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retained(criterion: Criterion, ages: &[u32], horizon: u32) -> Vec<u32> {
        let mut retained = Vec::new();
        retained_ages(criterion, ages.iter().copied(), horizon, |from, to| retained.extend(from..=to));
        retained
    }

    #[test]
    fn by_hand() {
        let ages = [0, 1, 2, 2, 5, 10];
        assert_eq!(retained(Criterion::On, &ages, 20), [0, 1, 2, 5, 10]);
        assert_eq!(retained(Criterion::On, &ages, 5), [0, 1, 2, 5]);
        assert_eq!(retained(Criterion::On, &ages, 4), [0, 1, 2]);
        assert_eq!(retained(Criterion::OnOrAfter, &ages, 20), (0..=10).collect::<Vec<_>>());
        assert_eq!(retained(Criterion::OnOrAfter, &ages, 3), [0, 1, 2, 3]);
        assert_eq!(retained(Criterion::OnOrBefore, &ages, 4), [0, 1, 2, 3, 4]);
        assert_eq!(retained(Criterion::OnOrBefore, &[0, 3], 4), [0, 3, 4]);
        assert_eq!(retained(Criterion::OnOrBefore, &[0, 7], 4), [0]);
        assert_eq!(retained(Criterion::Streak, &ages, 20), [0, 1, 2]);
        assert_eq!(retained(Criterion::Streak, &[0, 2], 20), [0]);
        assert_eq!(retained(Criterion::Streak, &ages, 0), [0]);
        assert_eq!(retained(Criterion::On, &[], 3), [0; 0]);
    }

    #[test]
    fn a_start_without_activity() {
        assert_eq!(retained(Criterion::On, &[2, 3], 4), [2, 3]);
        assert_eq!(retained(Criterion::OnOrAfter, &[2, 3], 4), [0, 1, 2, 3]);
        assert_eq!(retained(Criterion::OnOrBefore, &[2, 3], 4), [2, 3, 4]);
        assert_eq!(retained(Criterion::Streak, &[2, 3], 4), [0; 0]);
        assert_eq!(retained(Criterion::OnOrBefore, &[9], 4), [0; 0]);
    }
}
