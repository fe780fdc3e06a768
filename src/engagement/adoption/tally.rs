//! The counts behind adoption, in one look at every active day.

use serde::{Deserialize, Serialize};

use super::super::uses::{NOT_ASKED, Uses, features};
use super::options::{AdoptionOptions, Landmark};
use crate::activity::Activity;
use crate::calendar::PeriodTable;
use crate::error::{Error, Result};

/// More counts than this are refused; every thread holds them.
const MAX_CELLS: u64 = 1 << 26;

/// How many were judged, and how many of them were retained.
pub(super) type Judged = [u32; 2];

/// One feature in one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Usage {
    pub(super) days: u64,
    pub(super) users: u32,
    pub(super) first_uses: u32,
}

/// Who used a feature last: the number of the actor, and of the actor's stretch of days within a period.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    actor: u64,
    stretch: u64,
}

/// What is asked, in numbers of days and places.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) table: &'a PeriodTable,
    /// Per feature of the activity its place among those asked for.
    pub(super) slots: Vec<u32>,
    pub(super) asked: usize,
    /// The days of the observation, from first to last.
    pub(super) observed: (i32, i32),
    /// First and last day of first activity from which on things are counted.
    pub(super) entered: (i32, i32),
    pub(super) within: i32,
    pub(super) landmark: Option<i32>,
    pub(super) retained_from: i32,
    pub(super) window: i32,
}

/// Counts per period and feature asked for, feature by feature within a period; and so for cohorts.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) active: Vec<u32>,
    pub(super) usage: Vec<Usage>,
    /// Per feature and number of days from the first activity to the first use, actors who entered.
    pub(super) waits: Vec<u32>,
    /// Per feature its first day of use by anybody.
    pub(super) first_day: Vec<i32>,
    /// Per feature, adopters in time; and all whose time is over.
    pub(super) in_time: Vec<u32>,
    pub(super) timed: u64,
    /// Actors followed to the end, and all of a cohort who reached the landmark, and of these the adopters.
    pub(super) followed: u64,
    pub(super) eligible: Vec<Judged>,
    pub(super) adopters: Vec<Judged>,
    /// Per feature, so that nothing has to be cleared between actors.
    last: Vec<Last>,
    actor: u64,
    stretch: u64,
    pub(super) place: usize,
}

impl<'a> Question<'a> {
    pub(super) fn new(activity: &Activity, table: &'a PeriodTable, slots: Vec<u32>, options: &AdoptionOptions) -> Self {
        let observed = (activity.observed_from().days_since_epoch(), activity.as_of().days_since_epoch());
        let between = options.first_active_between;
        Self {
            table,
            slots,
            asked: options.features.as_ref().map_or(activity.features().len(), Vec::len),
            observed,
            entered: between.map_or(observed, |(first, last)| (first.days_since_epoch(), last.days_since_epoch())),
            within: options.within_days.cast_signed(),
            landmark: match options.landmark {
                Landmark::SeenWithin(days) => Some(days.cast_signed()),
                Landmark::Everybody => None,
            },
            retained_from: options.retained_from_day().cast_signed(),
            window: options.window.cast_signed(),
        }
    }

    /// The days of the observation.
    pub(super) fn length(&self) -> usize {
        usize::try_from(self.observed.1 - self.observed.0 + 1).unwrap_or(0)
    }

    /// The counts of one thread, in words of 32 bits.
    pub(super) fn cells(&self) -> Result<usize> {
        const PER_PERIOD: u64 = 6;
        let periods = (self.table.spans().len() as u64).saturating_mul(PER_PERIOD);
        let count = periods.saturating_add(self.length() as u64).saturating_mul(self.asked as u64);
        let way_out = "name the features that matter, take a longer period, or narrow the observation";
        let what = "features times periods and days";
        match usize::try_from(count) {
            Ok(cells) if count <= MAX_CELLS => Ok(cells),
            _ => Err(Error::TooLarge { what, count, limit: MAX_CELLS, way_out }),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let (periods, asked) = (self.table.spans().len(), self.asked);
        let cells = periods * asked;
        Tally {
            active: vec![0; periods],
            usage: vec![Usage::default(); cells],
            waits: vec![0; asked * self.length()],
            first_day: vec![i32::MAX; asked],
            in_time: vec![0; asked],
            timed: 0,
            followed: 0,
            eligible: vec![[0; 2]; periods],
            adopters: vec![[0; 2]; cells],
            last: vec![Last::default(); asked],
            actor: 0,
            stretch: 0,
            place: 0,
        }
    }

    /// Counts an actor.
    #[inline]
    #[expect(clippy::cast_sign_loss, reason = "no use lies before the first activity")]
    pub(super) fn count(&self, tally: &mut Tally, uses: &Uses<'_>) {
        let Some(&first) = uses.days.first() else { return };
        let length = self.length();
        let (cohort, entered) = (self.table.of(first) as usize, (self.entered.0..=self.entered.1).contains(&first));
        let timed = entered && first + self.within - 1 <= self.observed.1;
        tally.timed += u64::from(timed);
        let retained = if entered { self.judge(tally, cohort, first, uses.days) } else { None };
        tally.actor += 1;
        let (mut period, mut row) = (usize::MAX, 0);
        uses.for_each_day(|day, low, high| {
            let of = self.table.of(day) as usize;
            if of != period {
                (period, row) = (of, of * self.asked);
                tally.stretch += 1;
                tally.active[of] += 1;
            }
            for feature in features(low, high) {
                let slot = self.slots[feature];
                if slot == NOT_ASKED {
                    continue;
                }
                let slot = slot as usize;
                let (usage, last) = (&mut tally.usage[row + slot], &mut tally.last[slot]);
                usage.days += 1;
                if last.stretch == tally.stretch {
                    continue;
                }
                last.stretch = tally.stretch;
                usage.users += 1;
                if last.actor == tally.actor {
                    continue;
                }
                last.actor = tally.actor;
                usage.first_uses += 1;
                tally.first_day[slot] = tally.first_day[slot].min(day);
                if entered {
                    tally.waits[slot * length + (day - first) as usize] += 1;
                }
                if day - first < self.within {
                    tally.in_time[slot] += u32::from(timed);
                    if let Some(retained) = retained {
                        add(&mut tally.adopters[cohort * self.asked + slot], [1, u32::from(retained)]);
                    }
                }
            }
        });
    }

    /// Whether an actor was retained; `None` for one who was not followed to the end or did not reach the landmark.
    fn judge(&self, tally: &mut Tally, cohort: usize, first: i32, days: &[i32]) -> Option<bool> {
        let active = |from: i32, length: i32| {
            let next = days.partition_point(|&day| day < first + from);
            days.get(next).is_some_and(|&day| day < first + from + length)
        };
        if first + self.retained_from + self.window - 1 > self.observed.1 {
            return None;
        }
        tally.followed += 1;
        if self.landmark.is_some_and(|length| !active(self.within, length)) {
            return None;
        }
        let retained = active(self.retained_from, self.window);
        add(&mut tally.eligible[cohort], [1, u32::from(retained)]);
        Some(retained)
    }
}

fn add(judged: &mut Judged, more: Judged) {
    judged.iter_mut().zip(more).for_each(|(count, more)| *count += more);
}

impl Tally {
    pub(super) fn join(mut self, other: &Self) -> Self {
        fn sum(counts: &mut [u32], others: &[u32]) {
            counts.iter_mut().zip(others).for_each(|(count, &other)| *count += other);
        }
        sum(&mut self.active, &other.active);
        for (usage, other) in self.usage.iter_mut().zip(&other.usage) {
            usage.days += other.days;
            usage.users += other.users;
            usage.first_uses += other.first_uses;
        }
        sum(&mut self.waits, &other.waits);
        sum(&mut self.in_time, &other.in_time);
        sum(self.eligible.as_flattened_mut(), other.eligible.as_flattened());
        sum(self.adopters.as_flattened_mut(), other.adopters.as_flattened());
        self.first_day.iter_mut().zip(&other.first_day).for_each(|(day, &other)| *day = other.min(*day));
        self.timed += other.timed;
        self.followed += other.followed;
        self
    }
}

/// Quartiles of the days counted: of so many actors after 0 days, after 1, and so on. `None` where there is nobody.
///
/// Between two neighbours they are interpolated, as R, NumPy and polars do unless told otherwise.
#[expect(clippy::cast_precision_loss, reason = "days and people are far below 2^53")]
pub(super) fn quartiles(waits: &[u32]) -> Option<[f64; 3]> {
    let count: u64 = waits.iter().map(|&count| u64::from(count)).sum();
    let last = count.checked_sub(1)?;
    // The day after which the actor of this rank, from 0, used it.
    let wait = |rank: u64| {
        let reached = waits.iter().scan(0, |sum, &count| {
            *sum += u64::from(count);
            Some(*sum)
        });
        reached.take_while(|&sum| sum <= rank).count() as f64
    };
    Some([1, 2, 3].map(|quarter| {
        let (rank, rest) = (last * quarter / 4, last * quarter % 4);
        let lower = wait(rank);
        if rest == 0 { lower } else { lower + (wait(rank + 1) - lower) * rest as f64 / 4.0 }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, Date, Period};

    fn question(table: &PeriodTable) -> Question<'_> {
        Question {
            table,
            // The second feature is not asked for.
            slots: vec![1, NOT_ASKED, 0],
            asked: 2,
            observed: (0, 13),
            entered: (0, 6),
            within: 3,
            landmark: Some(2),
            retained_from: 6,
            window: 3,
        }
    }

    #[test]
    fn by_hand() {
        // Weeks of seven days from day 0: the first week begins on a Thursday.
        let calendar = Calendar::utc().week_starts(crate::calendar::Weekday::Thu);
        let table = PeriodTable::new(&calendar, Period::Week, Date::from_day(0)..=Date::from_day(13));
        let question = question(&table);
        let mut tally = question.tally();
        // (days, features): the first two adopt feature 0 in time; the third does not reach the landmark, the fourth
        // is not followed to the end, the fifth entered too late, the sixth adopts feature 2 late, and is retained.
        let actors: [(&[i32], &[u64]); 6] = [
            (&[0, 2, 3, 8], &[0, 0b011, 0b001, 0b001]),
            (&[1, 5], &[0b001, 0b100]),
            (&[0, 7], &[0b001, 0b001]),
            (&[6, 9, 10], &[0b001, 0, 0]),
            (&[7], &[0b001]),
            (&[0, 4, 6, 7], &[0b010, 0b100, 0b100, 0]),
        ];
        for (days, low) in actors {
            question.count(&mut tally, &Uses::new((days, low), (&[], &[]), 0..days.len(), &mut 0));
        }
        assert_eq!(tally.active, [5, 5]);
        // Feature 2 stands in place 0, feature 0 in place 1.
        let usage: Vec<_> = tally.usage.iter().map(|usage| (usage.users, usage.days, usage.first_uses)).collect();
        assert_eq!(usage, [(2, 3, 2), (4, 5, 4), (0, 0, 0), (3, 3, 1)]);
        assert_eq!(tally.first_day, [4, 0]);
        let waits = |slot: usize| tally.waits[slot * 14..(slot + 1) * 14].to_vec();
        assert_eq!(waits(0), [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(waits(1), [3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((tally.timed, &tally.in_time[..]), (5, &[0, 4][..]));
        // Followed are four of those who entered; three of them were seen on day 3 or 4 after the first, and two of
        // these on days 6 to 8.
        assert_eq!((tally.followed, tally.eligible[0], tally.eligible[1]), (4, [3, 2], [0, 0]));
        assert_eq!(tally.adopters, [[0, 0], [2, 1], [0, 0], [0, 0]]);
        let twice = question.tally().join(&tally).join(&tally);
        assert_eq!(twice.usage[1], Usage { days: 10, users: 8, first_uses: 8 });
        assert_eq!((twice.adopters[1], twice.first_day), ([4, 2], vec![4, 0]));
    }

    /// Python 3.11, `statistics.quantiles(waits, n=4, method="inclusive")`.
    #[test]
    fn quartiles_are_those_of_python() {
        let of = |waits: &[usize]| {
            let mut counts = vec![0; 12];
            waits.iter().for_each(|&wait| counts[wait] += 1);
            quartiles(&counts)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[4]), Some([4.0; 3]));
        assert_eq!(of(&[0, 1]), Some([0.25, 0.5, 0.75]));
        assert_eq!(of(&[0, 0, 3, 11]), Some([0.0, 1.5, 5.0]));
        assert_eq!(of(&[1, 2, 2, 5, 9, 11]), Some([2.0, 3.5, 8.0]));
        assert_eq!(of(&[0, 0, 0, 7, 7, 8, 10]), Some([0.0, 7.0, 7.5]));
    }
}
