//! How many are at risk and how many go at each time: what every estimate of survival is made of.

use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{short, spread};
use crate::error::Result;
use crate::frame::write;

/// One time of an [`EventTable`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventTableRow {
    /// The time since the start, in days or in the unit of the column.
    pub time: f64,
    /// How many came under observation since the time before: all at the first, unless some entered late.
    pub entered: u64,
    /// How many were followed up to this time at least, and had entered before it.
    pub at_risk: u64,
    /// How many of these ended at it.
    pub ended: u64,
    /// How many of these were followed no longer and had not ended. They were at risk still: who ends at a time goes
    /// before who is censored at it.
    pub censored: u64,
}

/// The answer of [`Lifetimes::event_table`](crate::Lifetimes::event_table): all times at which somebody ended or was
/// censored, in ascending order.
///
/// ```text
/// at_risk(i) = at_risk(i-1) - ended(i-1) - censored(i-1) + entered(i)
/// ```
///
/// and at the last time nobody is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredEventTable")]
pub struct EventTable {
    pub(super) rows: Vec<EventTableRow>,
}

impl EventTable {
    /// From days and whether the lifetime ended on them, by counting.
    pub(super) fn of_days(followed: impl Iterator<Item = (u32, bool)>) -> Self {
        let mut counts: Vec<[u64; 2]> = Vec::new();
        for (time, ended) in followed {
            let time = time as usize;
            if time >= counts.len() {
                // At least doubled, so that each day is cleared a few times at most.
                counts.resize((time + 1).max(2 * counts.len()), [0; 2]);
            }
            counts[time][usize::from(ended)] += 1;
        }
        let all: u64 = counts.iter().flatten().sum();
        let (mut entered, mut at_risk) = (all, all);
        let mut rows = Vec::new();
        for (time, [censored, ended]) in (0_u32..).zip(counts) {
            if censored + ended > 0 {
                rows.push(EventTableRow { time: f64::from(time), entered, at_risk, ended, censored });
                entered = 0;
                at_risk -= censored + ended;
            }
        }
        Self { rows }
    }

    /// From times of any kind, by sorting.
    pub(super) fn of_times(entry: Option<&[Option<f64>]>, time: &[f64], ended: &[bool]) -> Self {
        let mut exits: Vec<(f64, bool)> = time.iter().copied().zip(ended.iter().copied()).collect();
        exits.par_sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
        let mut entries: Vec<f64> = entry.into_iter().flatten().copied().flatten().collect();
        entries.par_sort_unstable_by(f64::total_cmp);
        let mut from_start = exits.len() - entries.len();
        let (mut seen, mut left) = (0, 0);
        let mut rows = Vec::new();
        for same in exits.chunk_by(|one, next| one.0.total_cmp(&next.0).is_eq()) {
            let time = same[0].0;
            let late = entries[seen..].partition_point(|&entry| entry < time);
            seen += late;
            left += late + from_start;
            let ended = same.iter().filter(|(_, ended)| *ended).count();
            rows.push(EventTableRow {
                time,
                entered: (late + from_start) as u64,
                at_risk: left as u64,
                ended: ended as u64,
                censored: (same.len() - ended) as u64,
            });
            left -= same.len();
            from_start = 0;
        }
        Self { rows }
    }

    /// The times in ascending order.
    #[must_use]
    pub fn rows(&self) -> &[EventTableRow] {
        &self.rows
    }

    /// How many lifetimes are in it.
    #[must_use]
    pub fn lifetimes(&self) -> u64 {
        self.rows.iter().map(|row| row.entered).sum()
    }

    /// How many of them ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.rows.iter().map(|row| row.ended).sum()
    }

    /// How many of them were censored.
    #[must_use]
    pub fn censored(&self) -> u64 {
        self.rows.iter().map(|row| row.censored).sum()
    }

    /// The table as a frame, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `time` | Float64 | time since the start, in days or in the unit of the column |
    /// | `entered` | UInt64 | lifetimes that came under observation since the time before |
    /// | `at_risk` | UInt64 | lifetimes followed up to this time at least |
    /// | `ended` | UInt64 | those of them that ended at it |
    /// | `censored` | UInt64 | those of them that were followed no longer and had not ended |
    ///
    /// No column has nulls.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let count = |name: &str, of: fn(&EventTableRow) -> u64| {
            write::column(name, self.rows.iter().map(of).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::column("time", self.rows.iter().map(|row| row.time).collect::<Vec<_>>()),
            count("entered", |row| row.entered),
            count("at_risk", |row| row.at_risk),
            count("ended", |row| row.ended),
            count("censored", |row| row.censored),
        ])
    }
}

impl fmt::Display for EventTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        let (all, ended, censored) = (self.lifetimes(), self.ended(), self.censored());
        write!(f, "{all} lifetimes, {ended} ended, {censored} censored; {} times", self.rows.len())?;
        if self.rows.is_empty() {
            return Ok(());
        }
        write!(f, "\n  {:>10} {:>10} {:>10} {:>10} {:>10}", "time", "entered", "at risk", "ended", "censored")?;
        for place in spread(self.rows.len(), SHOWN) {
            let EventTableRow { time, entered, at_risk, ended, censored } = self.rows[place];
            write!(f, "\n  {:>10} {entered:>10} {at_risk:>10} {ended:>10} {censored:>10}", short(time))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &EventTable) -> Vec<(f64, [u64; 4])> {
        table.rows.iter().map(|row| (row.time, [row.entered, row.at_risk, row.ended, row.censored])).collect()
    }

    #[test]
    fn by_hand() {
        let lifetimes = [(3, true), (0, true), (3, false), (7, false), (0, true), (3, true)];
        let expected = vec![(0.0, [6, 6, 2, 0]), (3.0, [0, 4, 2, 1]), (7.0, [0, 1, 0, 1])];
        let counted = EventTable::of_days(lifetimes.into_iter());
        assert_eq!(rows(&counted), expected);
        assert_eq!((counted.lifetimes(), counted.ended(), counted.censored()), (6, 4, 2));
        let (time, ended) =
            lifetimes.map(|(time, ended)| (f64::from(time), ended)).into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        assert_eq!(EventTable::of_times(None, &time, &ended), counted);
        assert_eq!(EventTable::of_times(Some(&[None; 6]), &time, &ended), counted);
        assert!(
            EventTable::of_times(None, &[], &[]).rows.is_empty() && EventTable::of_days([].into_iter()).rows.is_empty()
        );
    }

    #[test]
    fn who_enters_at_a_time_is_at_risk_after_it() {
        // At risk on (entry, time]: the second enters as the first ends; the third is alone in the end.
        let entry = [None, Some(2.0), Some(1.5), Some(-1.0)];
        let table = EventTable::of_times(Some(&entry), &[2.0, 4.0, 9.5, 0.0], &[true, false, true, true]);
        let expected = [(0.0, [2, 2, 1, 0]), (2.0, [1, 2, 1, 0]), (4.0, [1, 2, 0, 1]), (9.5, [0, 1, 1, 0])];
        assert_eq!(rows(&table), expected);
        assert_eq!(table.lifetimes(), 4);
    }
}
