//! The trial that is emulated: on which days clocks start, what is known of people by then, and what comes of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::participation::{NEVER, UNDATED};
use crate::activity::Activity;
use crate::activity::sweep::PerActor;
use crate::calendar::PeriodTable;
use crate::error::{Error, Result};
use crate::statistics::{Arm, EffectOnTreated, Stratum};

/// More index days times cohorts times bins than this are refused.
const MAX_CELLS: u64 = 1 << 26;
const NONE: u32 = u32::MAX;

/// What becomes of a comparable person who takes part later, while the clock is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LaterParticipants {
    /// They stay in the comparison as those who did not take part on that day, as in the intention-to-treat analysis
    /// of a trial. The effect is then that of taking part now rather than not now: it is the smaller the more of them
    /// take part after all, and their share is reported.
    Kept,
    /// They are left out of the comparison. Only somebody who is still there can take part later, so this takes stayers
    /// out of it and makes the effect look larger than it is.
    LeftOut,
}

/// Why a participant is not judged. The reasons are tried in this order and the first that holds counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeftOut {
    /// The activity does not know the actor: it was never seen.
    Unknown,
    /// No row of the actor has a date.
    Undated,
    /// It took part before the first day of observation or after the last.
    OutsideObservation,
    /// The look-back begins before the observation, so that prior use is known in part only.
    LookBackUnobserved,
    /// The horizon has not passed by the end of observation.
    HorizonOpen,
    /// It was first active on the day of taking part, or later: there is no prior use to be matched on.
    NoHistory,
    /// It was not active within the days in which one has to be; see
    /// [`alive_within`](crate::ProgrammeImpactOptions::alive_within).
    NotActive,
    /// There are fewer than two comparable people who had not taken part.
    NoComparison,
}

impl LeftOut {
    /// All reasons, in the order in which they are tried.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Undated,
        Self::OutsideObservation,
        Self::LookBackUnobserved,
        Self::HorizonOpen,
        Self::NoHistory,
        Self::NotActive,
        Self::NoComparison,
    ];

    /// The reason in a few words, as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown to the activity",
            Self::Undated => "no date",
            Self::OutsideObservation => "outside the observation",
            Self::LookBackUnobserved => "look-back not observed",
            Self::HorizonOpen => "horizon not over",
            Self::NoHistory => "no history before",
            Self::NotActive => "not active at the start",
            Self::NoComparison => "nobody comparable",
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The naive comparison: everybody from their first activity, those who ever took part against all others.
///
/// It is shown to be distrusted. Whoever took part stayed until then, so that staying makes participants, and not only
/// the other way round (survivor bias, immortal time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NaiveComparison {
    /// Participants whose horizon from their first activity has passed.
    pub participants: u64,
    /// Those of them who were retained at its end.
    pub participants_retained: u64,
    /// All others whose horizon from their first activity has passed.
    pub others: u64,
    /// Those of them who were retained at its end.
    pub others_retained: u64,
}

/// What is asked of everybody, in days.
#[derive(Debug)]
pub(super) struct Protocol {
    pub(super) look_back: i32,
    pub(super) horizon: i32,
    pub(super) window: i32,
    pub(super) alive_within: i32,
    pub(super) later: LaterParticipants,
    /// The first and the last day of observation.
    pub(super) observed: (i32, i32),
}

/// Somebody on the day their clock starts, and what came after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) day: i32,
    pub(super) cohort: u32,
    /// Active days in the look-back.
    prior: u32,
    /// Days since the first activity.
    tenure: u32,
    outcomes: [u32; 2],
    /// Took part within the horizon.
    later: bool,
}

/// The places in an actor's days at which the stretches of a start begin and end. They only move forwards.
#[derive(Debug, Default)]
struct Cursor {
    look_back: usize,
    start: usize,
    after: usize,
    window: usize,
    end: usize,
}

#[inline]
fn forward(place: &mut usize, days: &[i32], to: i32) -> usize {
    while days.get(*place).is_some_and(|&day| day < to) {
        *place += 1;
    }
    *place
}

impl Protocol {
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days of one actor, after the first")]
    fn start(&self, cursor: &mut Cursor, days: &[i32], day: i32) -> Start {
        let prior = forward(&mut cursor.start, days, day) - forward(&mut cursor.look_back, days, day - self.look_back);
        let end = forward(&mut cursor.end, days, day + self.horizon + 1);
        let active_days = end - forward(&mut cursor.after, days, day + 1);
        let retained = end > forward(&mut cursor.window, days, day + self.horizon - self.window + 1);
        Start {
            day,
            cohort: 0,
            prior: prior as u32,
            tenure: (day - days[0]) as u32,
            outcomes: [u32::from(retained), active_days as u32],
            later: false,
        }
    }

    /// A participant on the day they took part.
    fn participant(&self, days: &[i32], day: i32) -> Result<Start, LeftOut> {
        let (first, last) = self.observed;
        let reason = if day == UNDATED {
            LeftOut::Undated
        } else if day < first || day > last {
            LeftOut::OutsideObservation
        } else if day - self.look_back < first {
            LeftOut::LookBackUnobserved
        } else if day + self.horizon > last {
            LeftOut::HorizonOpen
        } else if days.first().is_none_or(|&first| first >= day) {
            LeftOut::NoHistory
        } else if !days.iter().any(|other| (day - self.alive_within + 1..=day).contains(other)) {
            LeftOut::NotActive
        } else {
            return Ok(self.start(&mut Cursor::default(), days, day));
        };
        Err(reason)
    }

    /// Every index day on which somebody could have taken part and did not.
    #[inline]
    fn controls(&self, index: &Index, days: &[i32], took_part: i32, mut visit: impl FnMut(Start)) {
        let until = match self.later {
            LaterParticipants::Kept => took_part,
            LaterParticipants::LeftOut => took_part.saturating_sub(self.horizon),
        };
        let until = until.min(index.end);
        let Some(&first) = days.first() else { return };
        let mut cursor = Cursor::default();
        for (place, &active) in days.iter().enumerate() {
            if active >= until {
                break;
            }
            let next = days.get(place + 1).copied().unwrap_or(NEVER);
            for day in active.max(first + 1)..(active + self.alive_within).min(next).min(until) {
                if index.rank(day).is_some() {
                    let start = self.start(&mut cursor, days, day);
                    visit(Start { later: took_part <= day + self.horizon, ..start });
                }
            }
        }
    }
}

/// The days on which clocks start: those on which a participant's does.
#[derive(Debug)]
struct Index {
    first_day: i32,
    /// Past the last of them.
    end: i32,
    rank: Vec<u32>,
    count: usize,
}

impl Index {
    fn new((first_day, last): (i32, i32), starts: &[Start]) -> Self {
        let mut rank = vec![NONE; usize::try_from(last - first_day + 1).unwrap_or(0)];
        let mut index = Self { first_day, end: i32::MIN, rank: Vec::new(), count: 0 };
        for start in starts {
            rank[index.place(start.day)] = 0;
            index.end = index.end.max(start.day + 1);
        }
        for (number, rank) in (0..).zip(rank.iter_mut().filter(|rank| **rank != NONE)) {
            *rank = number;
            index.count += 1;
        }
        index.rank = rank;
        index
    }

    #[expect(clippy::cast_sign_loss, reason = "days of an activity lie within its observation")]
    fn place(&self, day: i32) -> usize {
        (day - self.first_day) as usize
    }

    #[inline]
    fn rank(&self, day: i32) -> Option<usize> {
        let rank = self.rank[self.place(day)];
        (rank != NONE).then_some(rank as usize)
    }
}

/// Sums over the people of one side of a stratum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub(super) count: u64,
    pub(super) outcomes: [u64; 2],
    pub(super) prior: u64,
    pub(super) tenure: u64,
    pub(super) later: u64,
}

impl Group {
    #[inline]
    fn add(&mut self, start: &Start) {
        self.join(&Self {
            count: 1,
            outcomes: start.outcomes.map(u64::from),
            prior: u64::from(start.prior),
            tenure: u64::from(start.tenure),
            later: u64::from(start.later),
        });
    }

    #[inline]
    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.outcomes[0] += other.outcomes[0];
        self.outcomes[1] += other.outcomes[1];
        self.prior += other.prior;
        self.tenure += other.tenure;
        self.later += other.later;
    }
}

/// Mean and variance of whole numbers, exact until the last step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    count: u128,
    sum: u128,
    squares: u128,
}

impl Moments {
    #[inline]
    fn add(&mut self, value: u32) {
        self.count += 1;
        self.sum += u128::from(value);
        self.squares += u128::from(u64::from(value) * u64::from(value));
    }

    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    #[expect(clippy::cast_precision_loss, reason = "rounded once, at the end")]
    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "rounded once, at the end")]
    pub(super) fn variance(&self) -> Option<f64> {
        let spread = (self.count * self.squares).saturating_sub(self.sum * self.sum);
        (self.count > 1).then(|| spread as f64 / (self.count * (self.count - 1)) as f64)
    }
}

/// Prior active days and tenure of one side, before anybody was matched.
pub(super) type Covariates = [Moments; 2];

fn observe(covariates: &mut Covariates, start: &Start) {
    covariates[0].add(start.prior);
    covariates[1].add(start.tenure);
}

/// The participants whose clocks start, and what became of the others.
#[derive(Debug, Default)]
pub(super) struct Enrolled {
    starts: Vec<Start>,
    pub(super) left_out: [u64; LeftOut::ALL.len()],
    pub(super) naive: NaiveComparison,
    pub(super) covariates: Covariates,
}

/// People of one cohort and bin of prior use on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) day: i32,
    pub(super) cohort: u32,
    pub(super) bin: usize,
    pub(super) participants: Group,
    pub(super) controls: Group,
}

impl Cell {
    pub(super) fn is_matched(&self) -> bool {
        self.controls.count >= Stratum::FEWEST_CONTROLS
    }

    /// One of the outcomes: 0 for retained, 1 for active days.
    pub(super) fn stratum(&self, outcome: usize) -> Stratum {
        let arm = |group: &Group| Arm { count: group.count, sum: group.outcomes[outcome] };
        Stratum { treated: arm(&self.participants), controls: arm(&self.controls) }
    }
}

/// The cells in which there are participants, in the order of day, cohort and bin.
#[derive(Debug)]
pub(super) struct Strata {
    index: Index,
    cohorts: usize,
    /// Of every number of prior active days the bin.
    bin_of: Vec<u32>,
    bins: usize,
    number: Vec<u32>,
    pub(super) cells: Vec<Cell>,
    /// Of everybody who could have been compared with.
    pub(super) covariates: Covariates,
}

impl Strata {
    fn of(&self, start: &Start) -> Option<usize> {
        let place = self.place(start)?;
        (self.number[place] != NONE).then_some(self.number[place] as usize)
    }

    fn place(&self, start: &Start) -> Option<usize> {
        let rank = self.index.rank(start.day)?;
        let bin = self.bin_of[start.prior as usize] as usize;
        Some((rank * self.cohorts + start.cohort as usize) * self.bins + bin)
    }
}

/// What a score is measured against.
#[derive(Clone, Copy, Debug)]
struct Yardstick {
    control_means: [f64; 2],
    control_factor: f64,
    /// The effects of all and of the stratum's month.
    effects: [[f64; 2]; 2],
    month: u32,
}

/// Sums of squared scores.
#[derive(Debug)]
pub(super) struct Scores {
    pub(super) overall: [f64; 2],
    pub(super) months: Vec<[f64; 2]>,
    /// People who were compared with, each once.
    pub(super) controls: u64,
}

/// Effects on both outcomes; `None` without a matched participant.
pub(super) fn effects<'a>(cells: impl Iterator<Item = &'a Cell> + Clone) -> Option<[EffectOnTreated; 2]> {
    let matched = || cells.clone().filter(|cell| cell.is_matched());
    let of = |outcome| EffectOnTreated::of(matched().map(|cell| cell.stratum(outcome)));
    Some([of(0)?, of(1)?])
}

#[derive(Debug)]
pub(super) struct Trial<'a> {
    pub(super) activity: &'a Activity,
    pub(super) protocol: Protocol,
    pub(super) cohorts: &'a PeriodTable,
    pub(super) took_part: PerActor<i32>,
}

impl Trial<'_> {
    /// Visits everybody with the day they took part and their active days, each once.
    fn sweep<A: Send>(
        &self,
        cells: usize,
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, i32, &[i32]) + Sync,
        join: impl Fn(&mut A, A),
    ) -> A {
        let visit = |(gathered, scratch): &mut (A, Vec<i32>), actor, days: &[i32]| {
            let took_part = self.took_part.of(actor);
            if days.is_sorted_by(|day, next| day < next) {
                return visit(gathered, took_part, days);
            }
            scratch.clear();
            scratch.extend_from_slice(days);
            scratch.dedup();
            visit(gathered, took_part, scratch);
        };
        let join = |mut left: (A, Vec<i32>), right: (A, Vec<i32>)| {
            join(&mut left.0, right.0);
            left
        };
        self.activity.sweep(cells, || (new(), Vec::new()), visit, join).0
    }

    fn cohort(&self, days: &[i32]) -> u32 {
        days.first().map_or(0, |&first| self.cohorts.of(first))
    }

    /// Starts the participants' clocks, and makes the naive comparison on the way.
    pub(super) fn enrol(&self) -> Enrolled {
        let Protocol { horizon, window, observed: (_, last), .. } = self.protocol;
        let visit = |enrolled: &mut Enrolled, took_part: i32, days: &[i32]| {
            if let Some(&first) = days.first().filter(|&&first| took_part != UNDATED && first + horizon <= last) {
                let from = days.partition_point(|&day| day <= first + horizon - window);
                let retained = u64::from(days.get(from).is_some_and(|&day| day <= first + horizon));
                let naive = &mut enrolled.naive;
                let (count, kept) = if took_part <= last {
                    (&mut naive.participants, &mut naive.participants_retained)
                } else {
                    (&mut naive.others, &mut naive.others_retained)
                };
                *count += 1;
                *kept += retained;
            }
            if took_part == NEVER {
                return;
            }
            match self.protocol.participant(days, took_part) {
                Err(reason) => enrolled.left_out[reason as usize] += 1,
                Ok(start) => {
                    observe(&mut enrolled.covariates, &start);
                    enrolled.starts.push(Start { cohort: self.cohort(days), ..start });
                }
            }
        };
        self.sweep(0, Enrolled::default, visit, |all, mut more| {
            all.starts.append(&mut more.starts);
            all.left_out.iter_mut().zip(more.left_out).for_each(|(count, more)| *count += more);
            all.naive.participants += more.naive.participants;
            all.naive.participants_retained += more.naive.participants_retained;
            all.naive.others += more.naive.others;
            all.naive.others_retained += more.naive.others_retained;
            all.covariates.iter_mut().zip(&more.covariates).for_each(|(all, more)| all.join(more));
        })
    }

    /// Puts the participants into strata, and beside them whoever is comparable. `prior_use` are the lower ends of the
    /// bins.
    pub(super) fn strata(&self, enrolled: &Enrolled, prior_use: &[u32]) -> Result<Strata> {
        let index = Index::new(self.protocol.observed, &enrolled.starts);
        let (cohorts, bins) = (self.cohorts.spans().len(), prior_use.len());
        let count = (index.count as u64).saturating_mul(cohorts as u64).saturating_mul(bins as u64);
        if count > MAX_CELLS {
            let way_out = "match on a longer cohort period, or on fewer bins of prior use";
            return Err(Error::TooLarge {
                what: "index days times cohorts times bins",
                count,
                limit: MAX_CELLS,
                way_out,
            });
        }
        let bin = |prior: u32| (1..).zip(prior_use).take_while(|&(_, &lower)| lower <= prior).last();
        let bin_of =
            (0..=self.protocol.look_back.cast_unsigned()).map(|prior| bin(prior).map_or(0, |(bin, _)| bin - 1));
        let number = vec![NONE; index.count * cohorts * bins];
        let bin_of = bin_of.collect();
        let covariates = Covariates::default();
        let mut strata = Strata { index, cohorts, bin_of, bins, number, cells: Vec::new(), covariates };
        let mut starts: Vec<(usize, &Start)> =
            enrolled.starts.iter().filter_map(|start| Some((strata.place(start)?, start))).collect();
        starts.sort_by_key(|&(place, _)| place);
        for same in starts.chunk_by(|left, right| left.0 == right.0) {
            let (place, start) = same[0];
            strata.number[place] = u32::try_from(strata.cells.len()).unwrap_or(NONE);
            let mut participants = Group::default();
            same.iter().for_each(|(_, start)| participants.add(start));
            let (day, cohort) = (start.day, start.cohort);
            let controls = Group::default();
            strata.cells.push(Cell { day, cohort, bin: place % bins, participants, controls });
        }
        if strata.cells.is_empty() {
            return Ok(strata);
        }

        let new = || (vec![Group::default(); strata.cells.len()], Covariates::default());
        let visit = |(groups, covariates): &mut (Vec<Group>, Covariates), took_part: i32, days: &[i32]| {
            let cohort = self.cohort(days);
            self.protocol.controls(&strata.index, days, took_part, |start| {
                observe(covariates, &start);
                if let Some(number) = strata.of(&Start { cohort, ..start }) {
                    groups[number].add(&start);
                }
            });
        };
        // A group is seven counts.
        let (groups, covariates) = self.sweep(7 * strata.cells.len(), new, visit, |all, more| {
            all.0.iter_mut().zip(&more.0).for_each(|(all, more)| all.join(more));
            all.1.iter_mut().zip(&more.1).for_each(|(all, more)| all.join(more));
        });
        strata.cells.iter_mut().zip(groups).for_each(|(cell, controls)| cell.controls = controls);
        strata.covariates = covariates;
        Ok(strata)
    }

    /// The squared scores of everybody, of which [`EffectOnTreated`] makes its variance: over all strata, and over those
    /// of each month.
    pub(super) fn scores(
        &self,
        strata: &Strata,
        months: &PeriodTable,
        overall: [EffectOnTreated; 2],
        of_months: &[Option<[EffectOnTreated; 2]>],
    ) -> Scores {
        let differences = |effects: [EffectOnTreated; 2]| effects.map(|effect| effect.difference());
        let yardstick = |cell: &Cell| {
            let month = months.of(cell.day);
            let of_month = of_months.get(month as usize).copied().flatten().filter(|_| cell.is_matched())?;
            Some(Yardstick {
                control_means: [0, 1].map(|outcome| cell.stratum(outcome).control_mean()),
                control_factor: cell.stratum(0).control_factor(),
                effects: [overall, of_month].map(differences),
                month,
            })
        };
        let yardsticks: Vec<Option<Yardstick>> = strata.cells.iter().map(yardstick).collect();
        let of = |start: &Start| strata.of(start).and_then(|number| yardsticks[number]);

        let new = || Scores { overall: [0.0; 2], months: vec![[0.0; 2]; of_months.len()], controls: 0 };
        let visit = |scores: &mut Scores, took_part: i32, days: &[i32]| {
            let cohort = self.cohort(days);
            let mut tally = Tally::default();
            self.protocol.controls(&strata.index, days, took_part, |start| {
                if let Some(yardstick) = of(&Start { cohort, ..start }) {
                    let score = |outcome: usize| {
                        let residual = f64::from(start.outcomes[outcome]) - yardstick.control_means[outcome];
                        -yardstick.control_factor * residual
                    };
                    let score = [score(0), score(1)];
                    tally.add(scores, yardstick.month, [score, score]);
                }
            });
            scores.controls += u64::from(tally.met);
            if took_part != NEVER
                && let Ok(start) = self.protocol.participant(days, took_part)
                && let Some(yardstick) = of(&Start { cohort, ..start })
            {
                let score = |effects: [f64; 2]| {
                    let score = |outcome: usize| {
                        let residual = f64::from(start.outcomes[outcome]) - yardstick.control_means[outcome];
                        residual - effects[outcome]
                    };
                    [score(0), score(1)]
                };
                tally.add(scores, yardstick.month, yardstick.effects.map(score));
            }
            tally.close(scores);
        };
        self.sweep(2 * of_months.len(), new, visit, |all, more| {
            let add =
                |all: &mut [f64; 2], more: [f64; 2]| all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
            add(&mut all.overall, more.overall);
            all.months.iter_mut().zip(more.months).for_each(|(all, more)| add(all, more));
            all.controls += more.controls;
        })
    }
}

/// The scores of one person, gathered in the order of time: in all, and in the month that is being gathered.
#[derive(Debug, Default)]
struct Tally {
    met: bool,
    month: u32,
    scores: [[f64; 2]; 2],
}

impl Tally {
    /// Adds a score towards all and one towards the month.
    #[inline]
    fn add(&mut self, sums: &mut Scores, month: u32, scores: [[f64; 2]; 2]) {
        if month != self.month {
            self.close_month(sums);
            self.month = month;
        }
        self.met = true;
        for (gathered, more) in self.scores.iter_mut().flatten().zip(scores.iter().flatten()) {
            *gathered += more;
        }
    }

    fn close_month(&mut self, sums: &mut Scores) {
        let gathered = std::mem::take(&mut self.scores[1]);
        if let Some(month) = sums.months.get_mut(self.month as usize) {
            month.iter_mut().zip(gathered).for_each(|(sum, score)| *sum += score * score);
        }
    }

    fn close(mut self, sums: &mut Scores) {
        self.close_month(sums);
        sums.overall.iter_mut().zip(self.scores[0]).for_each(|(sum, score)| *sum += score * score);
    }
}
