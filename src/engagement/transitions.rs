//! The moves between the daily states: how they are counted, and put together over a stretch of days.

use std::fmt;

use polars::prelude::{Column, DataFrame};
use serde::{Deserialize, Serialize};

use super::daily_state::DailyState;
use super::daily_state::DailyState::{AtRiskMonth, AtRiskWeek, Current, Dormant, New, Reactivated, Resurrected};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::write;
use crate::statistics::ratio;

/// The moves that can be, by where they come from and where they go; nothing stands for not seen before.
pub(super) const POSSIBLE: [(Option<DailyState>, DailyState); 19] = [
    (None, New),
    (Some(New), Current),
    (Some(New), AtRiskWeek),
    (Some(Current), Current),
    (Some(Current), AtRiskWeek),
    (Some(Reactivated), Current),
    (Some(Reactivated), AtRiskWeek),
    (Some(Resurrected), Current),
    (Some(Resurrected), AtRiskWeek),
    (Some(AtRiskWeek), Current),
    (Some(AtRiskWeek), Reactivated),
    (Some(AtRiskWeek), AtRiskWeek),
    (Some(AtRiskWeek), AtRiskMonth),
    (Some(AtRiskMonth), Reactivated),
    (Some(AtRiskMonth), Resurrected),
    (Some(AtRiskMonth), AtRiskMonth),
    (Some(AtRiskMonth), Dormant),
    (Some(Dormant), Resurrected),
    (Some(Dormant), Dormant),
];

/// So many actors made each of them.
pub(super) type Moves = [u64; POSSIBLE.len()];

/// Moves between states over a stretch of days, put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredTransitions")]
pub struct Transitions {
    pub(super) first: Date,
    pub(super) last: Date,
    /// Into so many days.
    pub(super) days: u32,
    /// In the order of [`POSSIBLE`].
    pub(super) counts: Moves,
}

impl Transitions {
    pub(super) fn new(first: Date, last: Date, days: impl Iterator<Item = Moves>) -> Self {
        let mut transitions = Self { first, last, days: 0, counts: [0; POSSIBLE.len()] };
        for moves in days {
            transitions.days += 1;
            transitions.counts.iter_mut().zip(moves).for_each(|(sum, count)| *sum += count);
        }
        transitions
    }

    /// The first day of the stretch that was asked for.
    #[must_use]
    pub fn first(&self) -> Date {
        self.first
    }

    /// The last day of the stretch that was asked for.
    #[must_use]
    pub fn last(&self) -> Date {
        self.last
    }

    /// Into how many days of the stretch the moves are counted: those the day before which is observed.
    #[must_use]
    pub fn days(&self) -> u32 {
        self.days
    }

    /// The actors seen for the first time.
    #[must_use]
    pub fn entered(&self) -> u64 {
        self.counts[0]
    }

    /// The moves from a state to another, or the times that actors stayed in one.
    #[must_use]
    pub fn count(&self, from: DailyState, to: DailyState) -> u64 {
        let place = POSSIBLE.iter().position(|&possible| possible == (Some(from), to));
        place.map_or(0, |place| self.counts[place])
    }

    /// All moves from a state, to wherever: the actors in it on the days before, summed over the days.
    #[must_use]
    pub fn base(&self, from: DailyState) -> u64 {
        base(&self.counts, from)
    }

    /// `count / base`; `None` where nobody was in the state.
    ///
    /// Without an interval: the same actors are counted day after day, so the moves are not independent trials and a
    /// binomial interval would be far too narrow.
    #[must_use]
    pub fn rate(&self, from: DailyState, to: DailyState) -> Option<f64> {
        ratio(self.count(from, to), self.base(from))
    }

    /// The 19 possible moves as a frame, by the state they come from and then by the one they go to, in the order of
    /// [`DailyState::ALL`].
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `from` | String | the state on the day before; null for actors not seen before |
    /// | `to` | String | the state on the day |
    /// | `count` | UInt64 | actors who moved so, or stayed, summed over the days |
    /// | `base` | UInt64 | actors in `from` on the day before, summed over the days; null where `from` is |
    /// | `rate` | Float64 | `count / base`; null without a denominator |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows: Vec<Move> = rows(self.counts).collect();
        let mut columns = columns(&rows);
        columns.push(write::column("rate", rows.into_iter().map(Move::rate).collect::<Vec<_>>()));
        write::frame(columns)
    }
}

impl fmt::Display for Transitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.days;
        writeln!(f, "From one day to the next, {} to {}, {days} days observed, in %", self.first, self.last)?;
        write!(f, "  {:<13} {:>9}", "from", "base")?;
        let targets = [Current, Reactivated, Resurrected, AtRiskWeek, AtRiskMonth, Dormant];
        for name in ["curr", "react", "resur", "week", "month", "dorm"] {
            write!(f, " {name:>6}")?;
        }
        for from in DailyState::ALL {
            write!(f, "\n  {from:<13} {:>9}", self.base(from))?;
            for to in targets {
                let possible = POSSIBLE.contains(&(Some(from), to));
                let rate = self.rate(from, to).map_or("-".to_owned(), |rate| format!("{:.1}", 100.0 * rate));
                write!(f, " {:>6}", if possible { &rate } else { "" })?;
            }
        }
        Ok(())
    }
}

/// One of the possible moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    from: Option<DailyState>,
    to: DailyState,
    count: u64,
    base: Option<u64>,
}

impl Move {
    pub(super) fn rate(self) -> Option<f64> {
        self.base.and_then(|base| ratio(self.count, base))
    }
}

pub(super) fn base(counts: &Moves, from: DailyState) -> u64 {
    POSSIBLE.iter().zip(counts).filter(|((other, _), _)| *other == Some(from)).map(|(_, count)| count).sum()
}

pub(super) fn rows(counts: Moves) -> impl Iterator<Item = Move> {
    let row = move |((from, to), count): ((Option<DailyState>, DailyState), u64)| Move {
        from,
        to,
        count,
        base: from.map(|from| base(&counts, from)),
    };
    POSSIBLE.into_iter().zip(counts).map(row)
}

/// The columns `from`, `to`, `count` and `base`.
pub(super) fn columns(rows: &[Move]) -> Vec<Column> {
    vec![
        write::column("from", rows.iter().map(|row| row.from.map(DailyState::name)).collect::<Vec<_>>()),
        write::column("to", rows.iter().map(|row| row.to.name()).collect::<Vec<_>>()),
        write::column("count", rows.iter().map(|row| row.count).collect::<Vec<_>>()),
        write::column("base", rows.iter().map(|row| row.base).collect::<Vec<_>>()),
    ]
}

/// The moves that the sweep counts, by their place. Those into a state of activity happen on an active day; the two
/// others so many days after one. All the rest is people staying silent, which follows from these and costs nothing.
pub(super) const FLOWS: usize = 12;
const ENTERED: usize = 0;
/// From new, current, reactivated and resurrected, in this order, to current.
const KEPT: usize = 1;
const WEEK_TO_CURRENT: usize = 5;
const WEEK_TO_REACTIVATED: usize = 6;
const MONTH_TO_REACTIVATED: usize = 7;
const MONTH_TO_RESURRECTED: usize = 8;
const DORMANT_TO_RESURRECTED: usize = 9;
const WEEK_TO_MONTH: usize = 10;
const MONTH_TO_DORMANT: usize = 11;

/// Counts an actor who was active on these days, in order, for days from `first` on and a week and a month so long.
#[inline]
#[expect(clippy::cast_sign_loss, reason = "days lie within the observation and are in order")]
pub(super) fn count_flows(flows: &mut [[u32; FLOWS]], first: i32, (week, month): (i32, i32), days: &[i32]) {
    let Some((&entered, rest)) = days.split_first() else { return };
    let row = |day: i32| (day - first) as usize;
    flows[row(entered)][ENTERED] += 1;
    let (mut last, mut state) = (entered, New as usize);
    for &day in rest {
        let gap = day - last;
        let (flow, next) = match gap {
            0 => continue,
            1 => (KEPT + state, Current),
            _ if gap < week => (WEEK_TO_CURRENT, Current),
            _ if gap == week => (WEEK_TO_REACTIVATED, Reactivated),
            _ if gap < month => (MONTH_TO_REACTIVATED, Reactivated),
            _ if gap == month => (MONTH_TO_RESURRECTED, Resurrected),
            _ => (DORMANT_TO_RESURRECTED, Resurrected),
        };
        flows[row(day)][flow] += 1;
        if gap > week {
            flows[row(last + week)][WEEK_TO_MONTH] += 1;
        }
        if gap > month {
            flows[row(last + month)][MONTH_TO_DORMANT] += 1;
        }
        (last, state) = (day, next as usize);
    }
    for (silence, flow) in [(week, WEEK_TO_MONTH), (month, MONTH_TO_DORMANT)] {
        if let Some(flows) = flows.get_mut(row(last) + silence as usize) {
            flows[flow] += 1;
        }
    }
}

/// All moves into a day, in the order of [`POSSIBLE`], from the counts of the day before.
pub(super) fn moves(before: &[u64; 7], flows: &[u32; FLOWS]) -> Moves {
    let flow = flows.map(u64::from);
    let kept = |state: DailyState| flow[KEPT + state as usize];
    let left = |state: DailyState| before[state as usize] - kept(state);
    let from_week = [flow[WEEK_TO_CURRENT], flow[WEEK_TO_REACTIVATED], flow[WEEK_TO_MONTH]];
    let from_month = [flow[MONTH_TO_REACTIVATED], flow[MONTH_TO_RESURRECTED], flow[MONTH_TO_DORMANT]];
    let stays = |state: DailyState, moved: &[u64]| before[state as usize] - moved.iter().sum::<u64>();
    [
        flow[ENTERED],
        kept(New),
        left(New),
        kept(Current),
        left(Current),
        kept(Reactivated),
        left(Reactivated),
        kept(Resurrected),
        left(Resurrected),
        from_week[0],
        from_week[1],
        stays(AtRiskWeek, &from_week),
        from_week[2],
        from_month[0],
        from_month[1],
        stays(AtRiskMonth, &from_month),
        from_month[2],
        flow[DORMANT_TO_RESURRECTED],
        stays(Dormant, &[flow[DORMANT_TO_RESURRECTED]]),
    ]
}

/// Whether there were as many actors in each state as the sweep says have left it.
pub(super) fn can_be(before: &[u64; 7], flows: &[u32; FLOWS]) -> bool {
    let left =
        |flows: &[usize], counted: &[u32; FLOWS]| flows.iter().map(|&flow| u64::from(counted[flow])).sum::<u64>();
    [
        (New, &[KEPT][..]),
        (Current, &[KEPT + 1]),
        (Reactivated, &[KEPT + 2]),
        (Resurrected, &[KEPT + 3]),
        (AtRiskWeek, &[WEEK_TO_CURRENT, WEEK_TO_REACTIVATED, WEEK_TO_MONTH]),
        (AtRiskMonth, &[MONTH_TO_REACTIVATED, MONTH_TO_RESURRECTED, MONTH_TO_DORMANT]),
        (Dormant, &[DORMANT_TO_RESURRECTED]),
    ]
    .into_iter()
    .all(|(state, leave)| left(leave, flows) <= before[state as usize])
}

/// Where the moves lead.
pub(super) fn counts_after(moves: &Moves) -> [u64; 7] {
    let mut counts = [0; 7];
    for ((_, to), count) in POSSIBLE.iter().zip(moves) {
        counts[*to as usize] += count;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state on day `today`, from the definitions.
    fn state(days: &[i32], today: i32, week: i32, month: i32) -> Option<DailyState> {
        let ago = today - days.iter().filter(|&&day| day < today).max()?;
        Some(match (days.contains(&today), ago) {
            (true, ago) if ago < week => Current,
            (true, ago) if ago < month => Reactivated,
            (true, _) => Resurrected,
            (false, ago) if ago < week => AtRiskWeek,
            (false, ago) if ago < month => AtRiskMonth,
            (false, _) => Dormant,
        })
    }

    #[test]
    fn every_gap_around_week_and_month() {
        let (week, month, length) = (3, 6, 20);
        for gap in 1..=12_i32 {
            let days = [2, 2, 2 + gap];
            let mut flows = vec![[0; FLOWS]; length];
            count_flows(&mut flows, 0, (week, month), &days);
            let mut counts = [0; 7];
            for (today, flows) in (0..).zip(&flows) {
                let moves = moves(&counts, flows);
                let yesterday = counts;
                counts = counts_after(&moves);
                let now = if today == 2 { Some(New) } else { state(&days, today, week, month) };
                for state in DailyState::ALL {
                    assert_eq!(counts[state as usize], u64::from(now == Some(state)), "gap {gap}, day {today}");
                }
                // One actor makes one move a day, out of the state it was in.
                assert_eq!(moves.iter().sum::<u64>(), u64::from(today >= 2));
                for state in DailyState::ALL {
                    assert_eq!(base(&moves, state), yesterday[state as usize], "gap {gap}, day {today}");
                }
            }
        }
    }

    #[test]
    fn states_know_their_places() {
        for (place, state) in DailyState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place);
        }
        assert!(POSSIBLE.is_sorted_by_key(|(from, to)| (from.map(|from| from as usize), *to as usize)));
    }
}
