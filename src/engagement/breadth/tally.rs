//! Distinct features per actor and period, in one look at every active day.

use std::ops::Range;

use super::super::uses::{NOT_ASKED, Uses, slots};
use crate::calendar::{Date, PeriodTable};
use crate::error::{Error, Result};

/// More periods times features than this are refused; every thread holds a count for each.
const MAX_CELLS: u64 = 1 << 26;
/// A feature that nobody used.
const NEVER: u32 = u32::MAX;

/// What is asked, in numbers of periods and features.
#[derive(Debug)]
pub(super) struct Question<'a> {
    table: &'a PeriodTable,
    /// The features of the word that count.
    low: u64,
    /// Per feature whether it counts.
    counts: Vec<bool>,
    /// The periods reported.
    pub(super) reported: Range<usize>,
    /// So many numbers of features are possible, 0 among them.
    pub(super) width: usize,
}

/// What one thread remembers from actor to actor.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Per feature the last actor and period that used it: no clearing between actors.
    last: Vec<u64>,
    stretch: u64,
    /// Per feature beyond the word the first period in which anybody used it.
    first_high: Vec<u32>,
    pub(super) place: usize,
}

#[derive(Debug)]
pub(super) struct Tally {
    /// Per reported period and number of features, the actors.
    pub(super) exactly: Vec<u32>,
    /// Per period of the observation the features of the word that anybody used.
    used: Vec<u64>,
    pub(super) scratch: Scratch,
}

/// An actor in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ActorPeriod {
    pub(super) period: usize,
    pub(super) breadth: u32,
    /// The features of the word that were used.
    low: u64,
}

impl<'a> Question<'a> {
    pub(super) fn new(
        known: &[String],
        table: &'a PeriodTable,
        available: Option<&[String]>,
        between: Option<(Date, Date)>,
    ) -> Self {
        let counts: Vec<bool> = match available {
            Some(names) => slots(known, names).into_iter().map(|slot| slot != NOT_ASKED).collect(),
            None => vec![true; known.len()],
        };
        let low = counts.iter().take(64).rev().fold(0, |word, &counts| word << 1 | u64::from(counts));
        let spans = table.spans();
        let reported = between.map_or(0..spans.len(), |(from, to)| {
            let first = spans.partition_point(|span| span.end < from);
            first..spans.partition_point(|span| span.start <= to).max(first)
        });
        let width = counts.iter().filter(|&&counts| counts).count() + 1;
        Self { table, low, counts, reported, width }
    }

    pub(super) fn cells(&self) -> Result<usize> {
        let count = (self.reported.len() as u64).saturating_mul(self.width as u64);
        let way_out = "take a longer period, fewer of them with between, or name the features that count";
        match usize::try_from(count) {
            Ok(cells) if count <= MAX_CELLS => Ok(cells),
            _ => Err(Error::TooLarge { what: "periods times features", count, limit: MAX_CELLS, way_out }),
        }
    }

    pub(super) fn scratch(&self) -> Scratch {
        let features = self.counts.len();
        Scratch { last: vec![0; features], stretch: 0, first_high: vec![NEVER; features], place: 0 }
    }

    pub(super) fn tally(&self) -> Tally {
        let exactly = vec![0; self.reported.len() * self.width];
        Tally { exactly, used: vec![0; self.table.spans().len()], scratch: self.scratch() }
    }

    /// Counts an actor.
    #[inline]
    pub(super) fn count(&self, tally: &mut Tally, uses: &Uses<'_>) {
        let Tally { exactly, used, scratch } = tally;
        self.each_period(scratch, uses, |ActorPeriod { period, breadth, low }| {
            used[period] |= low;
            if self.reported.contains(&period) {
                exactly[(period - self.reported.start) * self.width + breadth as usize] += 1;
            }
        });
    }

    /// Shows every period in which an actor was active, in order of time.
    #[inline]
    pub(super) fn each_period(&self, scratch: &mut Scratch, uses: &Uses<'_>, mut show: impl FnMut(ActorPeriod)) {
        let Some(&first) = uses.days.first() else { return };
        let (mut period, mut word, mut listed) = (self.table.of(first), 0, 0);
        let mut end = |period: u32, word: u64, listed: u32| {
            let low = word & self.low;
            show(ActorPeriod { period: period as usize, breadth: low.count_ones() + listed, low });
        };
        scratch.stretch += 1;
        uses.for_each_day(|day, low, high| {
            let of = self.table.of(day);
            if of != period {
                end(period, word, listed);
                (period, word, listed) = (of, 0, 0);
                scratch.stretch += 1;
            }
            word |= low;
            for &feature in high {
                let feature = feature as usize;
                if self.counts[feature] && scratch.last[feature] != scratch.stretch {
                    scratch.last[feature] = scratch.stretch;
                    scratch.first_high[feature] = scratch.first_high[feature].min(period);
                    listed += 1;
                }
            }
        });
        end(period, word, listed);
    }

    /// Per period of the observation the number of features available: those named, or those seen in use up to its end.
    pub(super) fn available(&self, tally: &Tally, named: Option<usize>) -> Vec<u32> {
        let periods = tally.used.len();
        if let Some(named) = named {
            return vec![u32::try_from(named).unwrap_or(u32::MAX); periods];
        }
        let mut new = vec![0; periods];
        for &first in tally.scratch.first_high.iter().filter(|&&first| first != NEVER) {
            new[first as usize] += 1;
        }
        let (mut word, mut listed) = (0_u64, 0);
        let sums = tally.used.iter().zip(new).map(|(&used, new)| {
            word |= used;
            listed += new;
            word.count_ones() + listed
        });
        sums.collect()
    }
}

impl Tally {
    pub(super) fn join(mut self, other: &Self) -> Self {
        self.exactly.iter_mut().zip(&other.exactly).for_each(|(count, other)| *count += other);
        self.used.iter_mut().zip(&other.used).for_each(|(word, other)| *word |= other);
        let firsts = self.scratch.first_high.iter_mut().zip(&other.scratch.first_high);
        firsts.for_each(|(first, &other)| *first = other.min(*first));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, Period, Weekday};

    #[test]
    fn by_hand() {
        // Two weeks from day 0, a Thursday. Features 0 to 69.
        let calendar = Calendar::utc().week_starts(Weekday::Thu);
        let table = PeriodTable::new(&calendar, Period::Week, Date::from_day(0)..=Date::from_day(13));
        let known: Vec<String> = (0..70).map(|feature| format!("{feature:02}")).collect();
        let (days, low) = ([0, 3, 7, 9, 2, 8], [0b11, 0b01, 0b100, 0, 0, 0]);
        let high = ([1, 2, 2, 3, 5], [69, 64, 65, 64, 69]);
        let count = |available: Option<&[String]>| {
            let question = Question::new(&known, &table, available, None);
            let mut tally = question.tally();
            for rows in [0..4, 4..6] {
                let mut place = tally.scratch.place;
                let uses = Uses::new((&days, &low), (&high.0, &high.1), rows, &mut place);
                tally.scratch.place = place;
                question.count(&mut tally, &uses);
            }
            let width = question.width;
            let exactly = |row: usize| tally.exactly[row * width..].iter().take(5).copied().collect::<Vec<_>>();
            (width, exactly(0), exactly(1), question.available(&tally, available.map(<[String]>::len)))
        };
        // The first actor: 0, 1 and 69, then 2, 64 and 65; the other: nothing, then 69.
        assert_eq!(count(None), (71, vec![1, 0, 0, 1, 0], vec![0, 1, 0, 1, 0], vec![3, 6]));
        // Of 1, 64 and one that is not known the first has one in either week, the other none.
        let named = ["01", "64", "x"].map(str::to_owned);
        let (width, first, second, available) = count(Some(&named));
        assert_eq!((width, &first[..3], &second[..3], available), (3, &[1, 1, 0][..], &[1, 1, 0][..], vec![3, 3]));
    }

    #[test]
    fn periods_between_two_days() {
        let table = PeriodTable::new(&Calendar::utc(), Period::Day, Date::from_day(10)..=Date::from_day(19));
        let reported =
            |from, to| Question::new(&[], &table, None, Some((Date::from_day(from), Date::from_day(to)))).reported;
        assert_eq!(reported(0, 12), 0..3);
        assert_eq!(reported(12, 12), 2..3);
        assert_eq!(reported(18, 40), 8..10);
        assert!(reported(15, 12).is_empty() && reported(40, 41).is_empty() && reported(0, 3).is_empty());
    }
}
