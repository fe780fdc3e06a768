//! What has to hold of a triangle that is read back.

use super::key::Cohort;
use super::options::{Base, RetentionOptions};
use super::retention::{EntriesLeftOut, Retention};
use crate::calendar::{Date, Span};
use crate::frame::stored::{asked, holds, stored};

stored!(StoredRetention as Retention {
    options: RetentionOptions,
    as_of: Date,
    cohorts: Vec<Cohort>,
    by_label: bool,
    left_out: EntriesLeftOut,
    ages: usize,
    closed: Vec<u32>,
    begun: Vec<u32>,
    so_far: Vec<u32>,
    active: Vec<u32>,
    eligible: Vec<u32>,
    base: Vec<u32>,
});

impl Retention {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        holds(self.has_a_count_a_cell(), "there is a count for each cohort and age")?;
        holds(self.has_cohorts_in_order(), "cohorts stand in order, each once")?;
        holds(self.has_counts_that_agree(), "nobody is retained who is no member, or not yet seen")
    }

    fn has_a_count_a_cell(&self) -> bool {
        let (rows, ages) = (self.cohorts.len(), self.ages);
        let cells = rows.checked_mul(ages);
        let counts = [&self.so_far, &self.active, &self.eligible];
        let base = if self.options.base == Base::Cohort { Some(0) } else { cells };
        let asked = match (self.options.brackets.len(), self.options.horizon) {
            (0, None) => ages,
            (0, Some(horizon)) => (horizon as usize).saturating_add(1),
            (brackets, _) => brackets + 1,
        };
        (1..=1 << 26).contains(&ages)
            && ages == asked
            && counts.into_iter().all(|counts| Some(counts.len()) == cells)
            && Some(self.base.len()) == base
            && [&self.closed, &self.begun].into_iter().all(|ages| ages.len() == rows)
    }

    /// In the order in which cohorts are looked up.
    fn has_cohorts_in_order(&self) -> bool {
        let label = |cohort: &Cohort| (cohort.label.is_none(), cohort.label.clone());
        let in_order = |pair: &[Cohort]| {
            if self.by_label { label(&pair[0]) < label(&pair[1]) } else { pair[0].span.end < pair[1].span.start }
        };
        let alone = |cohort: &Cohort| {
            let Span { start, end } = cohort.span;
            start <= end && start <= self.as_of && (self.by_label || cohort.label.is_none())
        };
        self.cohorts.iter().all(alone) && self.cohorts.windows(2).all(in_order)
    }

    /// Nobody is retained or eligible who is no member, nor active who is not both.
    fn has_counts_that_agree(&self) -> bool {
        self.cohorts.iter().enumerate().all(|(row, cohort)| {
            let (closed, begun) = (self.closed[row] as usize, self.begun[row] as usize);
            let first = row * self.ages;
            let agrees = |age: usize| {
                let place = first + age;
                let (so_far, active, eligible) = (self.so_far[place], self.active[place], self.eligible[place]);
                u64::from(so_far.max(eligible)) <= cohort.size
                    && active <= so_far.min(eligible)
                    && (eligible > 0) == (age < closed && cohort.size > 0)
                    && self.base.get(place).is_none_or(|&base| base <= eligible)
            };
            let eligible = &self.eligible[first..first + self.ages];
            closed <= begun
                && begun <= self.ages
                && (0..self.ages).all(agrees)
                && eligible.is_sorted_by(|earlier, later| earlier >= later)
        })
    }
}
