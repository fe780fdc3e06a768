//! How many were at risk, and how many ended for which cause, at each time at which anybody ended.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::competing_risks::CompetingRisks;
use crate::error::{Error, Result};

/// A table with more cells than these is refused: half a gigabyte.
const MOST_CELLS: u64 = 1 << 26;

/// Some who ended at one time in one group for one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// The place of the time.
    pub(super) at: u32,
    pub(super) group: u32,
    /// The place of the cause, counted from 0.
    pub(super) cause: u32,
    pub(super) count: u64,
}

/// The times at which anybody of any group ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ends {
    pub(super) times: Vec<f64>,
    /// Time by time, and within a time group by group.
    pub(super) at_risk: Vec<u64>,
    /// In the order of time, group and cause.
    pub(super) ends: Vec<End>,
    /// How many lifetimes each group has.
    pub(super) lifetimes: Vec<u64>,
    /// The last time that somebody of each group was followed.
    pub(super) last: Vec<Option<f64>>,
}

impl Ends {
    /// Those of one stratum, or of all. Whoever is censored at a time was at risk at it; whoever enters at it was not.
    pub(super) fn new(risks: &CompetingRisks, stratum: Option<u32>) -> Result<Self> {
        let groups = risks.groups.len();
        let within = |&row: &usize| stratum.is_none_or(|stratum| risks.stratum[row] == stratum);
        let rows = || (0..risks.len()).filter(within);
        let mut exits: Vec<(f64, u32, u32)> =
            rows().map(|row| (risks.time[row], risks.group[row], risks.cause[row])).collect();
        exits.par_sort_unstable_by(|one, other| {
            one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)).then(one.2.cmp(&other.2))
        });
        let entry = |row: usize| Some((risks.entry.as_ref()?[row]?, risks.group[row]));
        let mut late: Vec<(f64, u32)> = rows().filter_map(entry).collect();
        late.par_sort_unstable_by(|one, other| one.0.total_cmp(&other.0));

        let mut lifetimes = vec![0_u64; groups];
        let mut last = vec![None; groups];
        for &(time, group, _) in &exits {
            lifetimes[group as usize] += 1;
            last[group as usize] = Some(time);
        }
        let mut left = lifetimes.clone();
        late.iter().for_each(|&(_, group)| left[group as usize] -= 1);
        let mut table = Self { times: Vec::new(), at_risk: Vec::new(), ends: Vec::new(), lifetimes, last };
        let mut entered = 0;
        for same in exits.chunk_by(|one, next| one.0.total_cmp(&next.0).is_eq()) {
            let time = same[0].0;
            let until = entered + late[entered..].partition_point(|&(entry, _)| entry < time);
            late[entered..until].iter().for_each(|&(_, group)| left[group as usize] += 1);
            entered = until;
            if same.iter().any(|&(_, _, cause)| cause > 0) {
                table.push(time, &left, same)?;
            }
            same.iter().for_each(|&(_, group, _)| left[group as usize] -= 1);
        }
        Ok(table)
    }

    fn push(&mut self, time: f64, left: &[u64], same: &[(f64, u32, u32)]) -> Result<()> {
        let cells = (self.at_risk.len() + left.len()) as u64;
        if cells > MOST_CELLS {
            let (what, way_out) = ("cells of times and groups", "round the durations, or ask for fewer groups");
            return Err(Error::TooLarge { what, count: cells, limit: MOST_CELLS, way_out });
        }
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer times than cells, which are few")]
        let at = self.times.len() as u32;
        self.times.push(time);
        self.at_risk.extend_from_slice(left);
        for alike in same.chunk_by(|one, next| (one.1, one.2) == (next.1, next.2)) {
            let (_, group, cause) = alike[0];
            if let Some(cause) = cause.checked_sub(1) {
                self.ends.push(End { at, group, cause, count: alike.len() as u64 });
            }
        }
        Ok(())
    }

    /// How many ended for a cause, and how many for the others, as [`at_risk`](Self::at_risk) is laid out.
    pub(super) fn of_cause(&self, cause: usize) -> [Vec<u64>; 2] {
        let mut counts = [vec![0; self.at_risk.len()], vec![0; self.at_risk.len()]];
        for end in &self.ends {
            let cell = end.at as usize * self.lifetimes.len() + end.group as usize;
            counts[usize::from(end.cause as usize != cause)][cell] += end.count;
        }
        counts
    }
}
