//! Counting over the rows of a replay.

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::replay::{Column, Replay};
use crate::statistics::Share;

/// How many days before the churn day the findings began, over the churners that were caught.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeadTime {
    /// A quarter of them had at most so many days.
    pub lower_quartile: f64,
    /// Half of them.
    pub median: f64,
    /// Three quarters.
    pub upper_quartile: f64,
}

/// The counts of one trigger at one date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DateTally {
    /// Customers of whom it is known whether they left within the horizon.
    pub customers: u64,
    /// Those of them of whom the trigger observed anything.
    pub judged: u64,
    /// Those of the judged who left.
    pub positives: u64,
    /// Those of the judged for whom it fired.
    pub fired: u64,
    /// Those of the judged for whom it fired and who left.
    pub true_positives: u64,
    /// Customers, leaving or not, for whom it fired and had not at the date before; 0 at the first date.
    pub new: u64,
}

/// The counts of one column.
#[derive(Debug)]
pub(super) struct Tally {
    /// Of every account who left among those for whom it fired, and among the judged.
    pub(super) accounts: Vec<[Share; 2]>,
    /// From the column's first date on.
    pub(super) dates: Vec<DateTally>,
}

impl Tally {
    pub(super) fn new(replay: &Replay, column: &Column) -> Self {
        let base = replay.first[column.start];
        let mut accounts = vec![[Share { part: 0, whole: 0 }; 2]; replay.accounts];
        let mut of = |date: usize| {
            let mut counts = DateTally::default();
            for row in replay.rows(date) {
                let fired = column.fired[row - base];
                if fired && date > column.start {
                    counts.new += u64::from(!replay.previous(row).is_some_and(|before| column.fired[before - base]));
                }
                let Some(left) = replay.churned(row) else { continue };
                counts.customers += 1;
                if column.score[row - base].is_nan() {
                    continue;
                }
                let (left, fired) = (u64::from(left), u64::from(fired));
                counts.judged += 1;
                counts.positives += left;
                counts.fired += fired;
                counts.true_positives += fired * left;
                let [of_fired, of_judged] = &mut accounts[replay.account[row] as usize];
                *of_fired = Share { part: of_fired.part + fired * left, whole: of_fired.whole + fired };
                *of_judged = Share { part: of_judged.part + left, whole: of_judged.whole + 1 };
            }
            counts
        };
        let dates = (column.start..replay.dates.len()).map(&mut of).collect();
        Self { accounts, dates }
    }
}

/// Churn that could be foreseen, and how long before it the findings began.
#[derive(Debug)]
pub(super) struct Leads {
    pub(super) churns: u64,
    /// For each that was caught, in order.
    pub(super) days: Vec<i32>,
}

impl Leads {
    pub(super) fn new(replay: &Replay, column: &Column) -> Self {
        let base = replay.first[column.start];
        // Where an unbroken run of findings began, of the rows in which it goes on.
        let mut began = vec![0; column.fired.len()];
        // Account and churn day, and for a row that fired the date and the days from the beginning of the run.
        let mut seen: Vec<((u32, i32), Option<_>)> = Vec::new();
        for date in column.start..replay.dates.len() {
            let today = replay.dates[date].date.days_since_epoch();
            for row in replay.rows(date) {
                let fired = column.fired[row - base];
                if fired {
                    let before = replay.previous(row).filter(|&before| before >= base && column.fired[before - base]);
                    began[row - base] = before.map_or(today, |before| began[before - base]);
                }
                if let Outcome::Churned(day) = replay.outcome[row]
                    && !column.score[row - base].is_nan()
                {
                    seen.push(((replay.account[row], day), fired.then(|| (date, day - began[row - base]))));
                }
            }
        }
        seen.sort_unstable();
        let same = seen.chunk_by(|one, other| one.0 == other.0);
        // The last date at which it fired comes last.
        let (mut churns, mut days) = (0, Vec::new());
        for churn in same {
            churns += 1;
            days.extend(churn.last().and_then(|&(_, fired)| fired).map(|(_, days)| days));
        }
        days.sort_unstable();
        Self { churns, days }
    }

    /// By linear interpolation, as R and NumPy do unless told otherwise.
    pub(super) fn quartiles(&self) -> Option<LeadTime> {
        let last = self.days.len().checked_sub(1)?;
        let quartile = |quarters: usize| {
            let (place, rest) = (last * quarters / 4, last * quarters % 4);
            let (here, next) = (f64::from(self.days[place]), f64::from(self.days[(place + 1).min(last)]));
            #[expect(clippy::cast_precision_loss, reason = "a remainder of 4")]
            let part = rest as f64 / 4.0;
            here + (next - here) * part
        };
        Some(LeadTime { lower_quartile: quartile(1), median: quartile(2), upper_quartile: quartile(3) })
    }
}

/// Where the highest scores end: all above a score are among them, and a part of those that have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    score: f64,
    tied: f64,
}

impl Cut {
    /// What part of one with a score is among the highest: the chance of it under a random order within ties.
    pub(crate) fn named(self, score: f64) -> f64 {
        if score > self.score {
            1.0
        } else if score < self.score || score.is_nan() {
            0.0
        } else {
            self.tied
        }
    }
}

/// Where the highest `places` of the scores end, of which none is NaN. There may be a part of a place, and must not be
/// more places than scores.
#[expect(clippy::cast_precision_loss, reason = "there are far fewer accounts than 2^53")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of scores")]
pub(crate) fn cut(scores: &mut [f64], places: f64) -> Cut {
    let Some(last) = scores.len().checked_sub(1) else { return Cut { score: f64::INFINITY, tied: 0.0 } };
    let place = ((places.ceil() as usize).max(1) - 1).min(last);
    let (.., &mut score, _) = scores.select_nth_unstable_by(place, |one, other| other.total_cmp(one));
    let above = scores.iter().filter(|&&other| other > score).count() as f64;
    let tied = scores.iter().filter(|&&other| other >= score).count() as f64 - above;
    Cut { score, tied: ((places - above) / tied).clamp(0.0, 1.0) }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "small numbers that floats hold exactly")]
mod tests {
    use super::*;

    #[test]
    fn ties_are_split() {
        let scores = [5.0, 1.0, 3.0, 3.0, 3.0, 3.0, 1.0, -0.0, 0.0, f64::INFINITY];
        let named = |places: f64| {
            let cut = cut(&mut scores.to_vec(), places);
            scores.map(|score| cut.named(score))
        };
        assert_eq!(named(1.0), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(named(3.0), [1.0, 0.0, 0.25, 0.25, 0.25, 0.25, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(named(9.0), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0]);
        for places in [0.1, 0.5, 1.0, 2.5, 4.0, 7.75, 10.0] {
            assert!((named(places).iter().sum::<f64>() - places).abs() < 1e-12, "{places}");
        }
        assert_eq!(cut(&mut [], 1.0).named(7.0), 0.0);
        assert_eq!(cut(&mut [2.0, 1.0], 1.0).named(f64::NAN), 0.0);
    }

    #[test]
    fn quartiles_by_hand() {
        let of = |days: &[i32]| Leads { churns: 9, days: days.to_vec() }.quartiles();
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some(LeadTime { lower_quartile: 7.0, median: 7.0, upper_quartile: 7.0 }));
        let quartiles = LeadTime { lower_quartile: 1.75, median: 2.5, upper_quartile: 3.25 };
        assert_eq!(of(&[1, 2, 3, 4]), Some(quartiles));
    }
}
