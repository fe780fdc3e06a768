//! The trial that is emulated: everybody in their strata, and the scores of which intervals are made.

use super::NaiveComparison;
use super::protocol::{Index, LeftOut, Outcomes, Person, Protocol, Start};
use crate::activity::Activity;
use crate::activity::sweep::PerActor;
use crate::calendar::PeriodTable;
use crate::cohort::participation::{NEVER, UNDATED};
use crate::error::{Error, Result};
use crate::statistics::{Arm, EffectOnTreated, Stratum};

/// More index days times cohorts times bins than this are refused.
const MAX_CELLS: u64 = 1 << 26;
const NONE: u32 = u32::MAX;

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
    fn add(&mut self, start: &Start, outcomes: Outcomes) {
        self.join(&Self {
            count: 1,
            outcomes: outcomes.map(u64::from),
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
    starts: Vec<(Start, Outcomes)>,
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
    factor: f64,
    /// The effects of all and of the stratum's month.
    effects: [[f64; 2]; 2],
    month: u32,
}

impl Yardstick {
    /// Outcomes beside the means of those compared with.
    #[inline]
    fn residuals(&self, outcomes: Outcomes) -> [f64; 2] {
        let [retained, active_days] = outcomes.map(f64::from);
        [retained - self.control_means[0], active_days - self.control_means[1]]
    }
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
        visit: impl Fn(&mut A, Person<'_>) + Sync,
        join: impl Fn(&mut A, A),
    ) -> A {
        let visit = |(gathered, scratch): &mut (A, Vec<i32>), actor, days: &[i32]| {
            let took_part = self.took_part.of(actor);
            let cohort = days.first().map_or(0, |&first| self.cohorts.of(first));
            if days.is_sorted_by(|day, next| day < next) {
                return visit(gathered, Person { days, took_part, cohort });
            }
            scratch.clear();
            scratch.extend_from_slice(days);
            scratch.dedup();
            visit(gathered, Person { days: scratch, took_part, cohort });
        };
        let join = |mut left: (A, Vec<i32>), right: (A, Vec<i32>)| {
            join(&mut left.0, right.0);
            left
        };
        self.activity.sweep(cells, || (new(), Vec::new()), visit, join).0
    }

    /// Starts the participants' clocks, and makes the naive comparison on the way.
    pub(super) fn enrol(&self) -> Enrolled {
        let Protocol { horizon, window, observed: (_, last), .. } = self.protocol;
        let visit = |enrolled: &mut Enrolled, person: Person<'_>| {
            let Person { days, took_part, .. } = person;
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
            match self.protocol.participant(person) {
                Err(reason) => enrolled.left_out[reason as usize] += 1,
                Ok(participant) => {
                    observe(&mut enrolled.covariates, &participant.0);
                    enrolled.starts.push(participant);
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
        let index = Index::new(self.protocol.observed, enrolled.starts.iter().map(|(start, _)| start.day));
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
        let place = |participant: &(Start, Outcomes)| Some((strata.place(&participant.0)?, *participant));
        let mut starts: Vec<(usize, (Start, Outcomes))> = enrolled.starts.iter().filter_map(place).collect();
        starts.sort_by_key(|&(place, _)| place);
        for same in starts.chunk_by(|left, right| left.0 == right.0) {
            let (place, (Start { day, cohort, .. }, _)) = same[0];
            strata.number[place] = u32::try_from(strata.cells.len()).unwrap_or(NONE);
            let mut participants = Group::default();
            same.iter().for_each(|(_, (start, outcomes))| participants.add(start, *outcomes));
            strata.cells.push(Cell { day, cohort, bin: place % bins, participants, controls: Group::default() });
        }
        if strata.cells.is_empty() {
            return Ok(strata);
        }

        let new = || (vec![Group::default(); strata.cells.len()], Covariates::default());
        let visit = |(groups, covariates): &mut (Vec<Group>, Covariates), person: Person<'_>| {
            self.protocol.controls(&strata.index, person, |start, cursor| {
                observe(covariates, &start);
                if let Some(number) = strata.of(&start) {
                    groups[number].add(&start, cursor.outcomes(start.day));
                }
            });
        };
        // A group is six counts.
        let (groups, covariates) = self.sweep(6 * strata.cells.len(), new, visit, |all, more| {
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
                factor: cell.stratum(0).control_factor(),
                effects: [overall, of_month].map(differences),
                month,
            })
        };
        let yardsticks: Vec<Option<Yardstick>> = strata.cells.iter().map(yardstick).collect();
        let of = |start: &Start| strata.of(start).and_then(|number| yardsticks[number]);

        let new = || Scores { overall: [0.0; 2], months: vec![[0.0; 2]; of_months.len()], controls: 0 };
        let visit = |scores: &mut Scores, person: Person<'_>| {
            let mut tally = Tally::default();
            self.protocol.controls(&strata.index, person, |start, cursor| {
                if let Some(yardstick) = of(&start) {
                    let score = yardstick.residuals(cursor.outcomes(start.day)).map(|score| -yardstick.factor * score);
                    tally.add(scores, yardstick.month, [score, score]);
                }
            });
            scores.controls += u64::from(tally.met);
            if person.took_part != NEVER
                && let Ok((start, outcomes)) = self.protocol.participant(person)
                && let Some(yardstick) = of(&start)
            {
                let [retained, active_days] = yardstick.residuals(outcomes);
                let score = |effects: [f64; 2]| [retained - effects[0], active_days - effects[1]];
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
