//! The kernel of retention: every membership with the ages at which it was retained, handed out row by row.

use std::ops::Range;

use super::ages::retained_ages;
use super::aging::{AgeBy, Aging, Start};
use super::cohorts::Cohorts;
use super::key::Cohort;
use super::options::{RetentionOptions, Return};
use super::tally::{Cells, Membership};
use crate::activity::sweep::{Actor, PerActor};
use crate::activity::{Activity, Rows};
use crate::calendar::{Coverage, Date, PeriodTable, Span};
use crate::error::{Error, Result};

/// A triangle with more cells than this is refused.
const MAX_CELLS: u64 = 1 << 26;

/// Which row a start belongs to.
#[derive(Debug)]
enum RowsBy {
    /// Periods of the start, the first `skipped` of which are not reported.
    Period { table: PeriodTable, skipped: usize, count: usize },
    /// Labels, the last row being that of members without one; only starts within these days are reported.
    Label { count: usize, days: Range<i32> },
}

impl RowsBy {
    fn row(&self, day: i32, label: Option<u32>) -> Option<usize> {
        match self {
            Self::Period { table, skipped, count } => {
                (table.of(day) as usize).checked_sub(*skipped).filter(|row| row < count)
            }
            Self::Label { count, days } => days.contains(&day).then(|| label.map_or(count - 1, |label| label as usize)),
        }
    }
}

/// What is asked of every membership.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) activity: &'a Activity,
    pub(super) options: &'a RetentionOptions,
    pub(super) aging: Aging,
    rows_by: RowsBy,
    horizon: u32,
    returning: Returning,
}

/// Which events are a return.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Returning {
    All,
    /// Uses of the feature of this number.
    Uses(u32),
    /// Uses of a feature that nobody used.
    Nothing,
}

/// Who enters when.
pub(super) enum Entries {
    /// Everybody, with the first active day.
    First,
    /// Those of a table: per actor of it the memberships, and the place of an actor of the activity among them.
    Given { of: Vec<Given>, place: PerActor<u32> },
}

/// An entry of a table: on a day, or with the first active one.
pub(super) struct Given {
    first_activity: Vec<Option<u32>>,
    members: Vec<Membership>,
}

/// Entries of a table that are in no cohort.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LeftOut {
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) never_active: u64,
}

const NOWHERE: u32 = u32::MAX;

impl<'a> Question<'a> {
    /// The question that options put to an activity: its cohorts and its ages.
    pub(super) fn new(
        activity: &'a Activity,
        cohorts: Option<&Cohorts>,
        options: &'a RetentionOptions,
    ) -> Result<Self> {
        options.check()?;
        if options.age_by == AgeBy::Clock {
            if !activity.has_clock_times() {
                return Err(Error::NotMapped { column: "clock_times" });
            }
            if cohorts.is_some_and(|cohorts| !cohorts.by_first_activity()) {
                let reason =
                    "the table says the day of a start and not its time; ask AgeBy::Start, or leave starts out of it";
                return Err(Error::InvalidOption { option: "age_by", value: options.age_by.to_string(), reason });
            }
        }
        let (first, last) = (activity.observed_from(), activity.as_of());
        let table = || activity.periods(options.period);
        let aging = Aging::new(options.period, options.age_by, table(), &options.sizes(), last);
        let labels = cohorts.and_then(Cohorts::label_count);
        let rows_by = match labels {
            Some(count) => {
                let (from, to) = options.cohorts_between.unwrap_or((first, last));
                RowsBy::Label { count, days: from.days_since_epoch()..to.days_since_epoch().saturating_add(1) }
            }
            None => {
                let table = table();
                let (skipped, end) = options.cohorts_between.map_or((0, table.spans().len()), |(first, last)| {
                    let begins_before = |date| table.spans().partition_point(|span| span.start < date);
                    (begins_before(first), begins_before(last + 1))
                });
                RowsBy::Period { skipped, count: end.saturating_sub(skipped), table }
            }
        };
        let earliest = match &rows_by {
            RowsBy::Period { table, skipped, .. } => table.spans().get(*skipped).map(|span| span.start.max(first)),
            RowsBy::Label { days, .. } => Some(Date::from_day(days.start).clamp(first, last)),
        };
        let longest = earliest.map_or(1, |day| aging.begun(aging.start(day.days_since_epoch())));
        let ages = match (aging.brackets(), options.horizon) {
            (Some(brackets), _) => u32::try_from(brackets).unwrap_or(u32::MAX),
            (None, Some(horizon)) => horizon.saturating_add(1),
            (None, None) => longest,
        };
        let returning = match &options.returning {
            Return::Activity => Returning::All,
            Return::Feature(name) => activity.feature_number(name)?.map_or(Returning::Nothing, Returning::Uses),
        };
        let question = Self { activity, options, aging, rows_by, horizon: ages - 1, returning };
        let (rows, ages) = question.size();
        // The curve has a point an age even where there is no cohort.
        let count = (rows.max(1) as u64).saturating_mul(ages as u64);
        if count > MAX_CELLS {
            let way_out = "set a horizon, or fewer cohorts with cohorts_between";
            return Err(Error::TooLarge { what: "cells of the triangle", count, limit: MAX_CELLS, way_out });
        }
        Ok(question)
    }

    /// Whether cohorts are labels.
    pub(super) fn by_label(&self) -> bool {
        matches!(self.rows_by, RowsBy::Label { .. })
    }

    /// How many cohorts and ages there are.
    pub(super) fn size(&self) -> (usize, usize) {
        let rows = match &self.rows_by {
            RowsBy::Period { count, .. } | RowsBy::Label { count, .. } => *count,
        };
        (rows, self.horizon as usize + 1)
    }

    /// Whether an age ends for all members of a cohort at once.
    pub(super) fn grows_together(&self) -> bool {
        !self.by_label() && self.options.age_by == AgeBy::Calendar
    }

    /// The cohorts, with what was counted of them.
    pub(super) fn cohorts(&self, cohorts: Option<&Cohorts>, cells: &Cells) -> Vec<Cohort> {
        let (first, last) = (self.activity.observed_from(), self.activity.as_of());
        let sizes = cells.size.iter().map(|&size| u64::from(size));
        match &self.rows_by {
            RowsBy::Period { table, skipped, .. } => {
                let spans = table.spans().iter().skip(*skipped);
                let cohort =
                    |(&span, size)| Cohort { label: None, span, size, coverage: Coverage::of(span, first, last) };
                spans.zip(sizes).map(cohort).collect()
            }
            RowsBy::Label { .. } => {
                let labels = cohorts.map_or(&[][..], Cohorts::labels).iter().map(Some).chain([None]);
                let cohort = |((label, size), &(from, to)): ((Option<&String>, u64), &(i32, i32))| {
                    let (start, end) =
                        if from <= to { (Date::from_day(from), Date::from_day(to)) } else { (first, last) };
                    Cohort { label: label.cloned(), span: Span { start, end }, size, coverage: Coverage::Observed }
                };
                labels.zip(sizes).zip(&cells.starts).map(cohort).collect()
            }
        }
    }

    /// Per cohort, how many of its ages have ended and begun for anybody; for nobody, were somebody in it.
    pub(super) fn seen(&self, cohorts: &[Cohort], cells: &Cells) -> (Vec<u32>, Vec<u32>) {
        let last = self.activity.as_of();
        let of = |(row, cohort): (usize, &Cohort)| {
            if cohort.size > 0 {
                return (cells.closed[row], cells.begun[row].min(self.horizon + 1));
            }
            let start = self.aging.start(cohort.span.end.min(last).days_since_epoch());
            (self.aging.closed(start).min(self.horizon + 1), self.aging.begun(start).min(self.horizon + 1))
        };
        cohorts.iter().enumerate().map(of).unzip()
    }

    /// Lays the entries of a table beside the activity. `enter` is handed every membership whose start is known without a
    /// look at the activity.
    pub(super) fn lay(&self, cohorts: &Cohorts, mut enter: impl FnMut(Membership)) -> Result<(Entries, LeftOut)> {
        let (first, last) = (self.activity.observed_from(), self.activity.as_of());
        let observed = first.days_since_epoch()..=last.days_since_epoch();
        let days = cohorts.start_days(self.activity.calendar());
        let label = |entry: usize| cohorts.label_of().and_then(|labels| labels[entry]);
        let mut left_out = LeftOut::default();
        let mut of = Vec::with_capacity(cohorts.actors().len());
        for entries in cohorts.entries() {
            let mut given = Given { first_activity: Vec::new(), members: Vec::new() };
            for entry in entries {
                let Some(day) = days.as_ref().map(|days| days[entry]) else {
                    given.first_activity.push(label(entry));
                    continue;
                };
                match day {
                    Some(day) if day < *observed.start() => left_out.before += 1,
                    Some(day) if day > *observed.end() => left_out.after += 1,
                    Some(day) => given.members.extend(self.membership(day, label(entry))),
                    None => {}
                }
            }
            // Of several entries into one cohort the first counts.
            given.members.sort_unstable_by_key(|member| (member.row, member.start.day));
            given.members.dedup_by_key(|member| member.row);
            given.first_activity.sort_unstable();
            given.first_activity.dedup();
            given.members.iter().for_each(|&member| enter(member));
            of.push(given);
        }
        #[expect(clippy::cast_possible_truncation, reason = "actors are counted in a u32")]
        let numbers: Vec<u32> = (0..of.len() as u32).collect();
        let (place, _) = self.activity.beside(cohorts.actors(), &numbers, NOWHERE)?;
        if days.is_none() {
            let entries: Vec<u64> = cohorts.entries().map(|entries| entries.len() as u64).collect();
            let active: u64 = place.values().filter_map(|place| entries.get(place as usize)).sum();
            left_out.never_active = cohorts.intake().entries - active;
        }
        Ok((Entries::Given { of, place }, left_out))
    }

    fn membership(&self, day: i32, label: Option<u32>) -> Option<Membership> {
        Some(Membership { row: self.rows_by.row(day, label)?, start: self.aging.start(day) })
    }

    /// Visits the memberships of active actors: with the stretches of ages at which they were retained, and whether the
    /// membership was handed out before, by [`lay`](Self::lay).
    pub(super) fn sweep<A: Send>(
        &self,
        entries: &Entries,
        cells: usize,
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Actor, Membership, &[(u32, u32)], bool) + Sync,
        join: impl Fn(A, A) -> A,
    ) -> A {
        let new = || (new(), Scratch::default());
        let join = |left: (A, Scratch), right: (A, Scratch)| (join(left.0, right.0), left.1);
        let plain = self.returning == Returning::All && self.options.min_events == 1;
        let (gathered, _) = if self.options.age_by == AgeBy::Clock {
            let each = |(gathered, scratch): &mut (A, Scratch), actor, rows: &Rows, stretch: Range<usize>| {
                let Some(times) = &rows.times else { return };
                self.each(entries, actor, Some(rows.day[stretch.start]), |mut member, known| {
                    member.start.clock = times[stretch.start].first;
                    scratch.ages.clear();
                    for row in stretch.clone() {
                        let age = |clock| self.aging.age_at(member.start, rows.day[row], clock);
                        scratch.ages.extend([age(times[row].first), age(times[row].last)]);
                    }
                    let stretches = self.stretches(member, scratch.ages.iter().copied(), &mut scratch.stretches);
                    visit(gathered, actor, member, stretches, known);
                });
            };
            self.activity.sweep_rows(cells, new, each, join)
        } else if plain {
            let each = |(gathered, scratch): &mut (A, Scratch), actor, days: &[i32]| {
                self.each(entries, actor, days.first().copied(), |member, known| {
                    let from = days.partition_point(|&day| day < member.start.day);
                    let ages = days[from..].iter().map(|&day| self.aging.age(member.start, day));
                    let stretches = self.stretches(member, ages, &mut scratch.stretches);
                    visit(gathered, actor, member, stretches, known);
                });
            };
            self.activity.sweep(cells, new, each, join)
        } else {
            let each = |(gathered, scratch): &mut (A, Scratch), actor, rows: &Rows, stretch: Range<usize>| {
                let days = &rows.day[stretch.clone()];
                self.each(entries, actor, days.first().copied(), |member, known| {
                    let from = stretch.start + days.partition_point(|&day| day < member.start.day);
                    self.enough(rows, from..stretch.end, member.start, &mut scratch.ages);
                    let stretches = self.stretches(member, scratch.ages.iter().copied(), &mut scratch.stretches);
                    visit(gathered, actor, member, stretches, known);
                });
            };
            self.activity.sweep_rows(cells, new, each, join)
        };
        gathered
    }

    /// Visits the memberships of active actors with the summed value of every age at which there was something, and
    /// whether the membership was handed out before, by [`lay`](Self::lay).
    pub(super) fn sweep_values<A: Send>(
        &self,
        entries: &Entries,
        cells: usize,
        new: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Membership, &[(u32, f64)], bool) + Sync,
        join: impl Fn(A, A) -> A,
    ) -> A {
        let each = |(gathered, ages): &mut (A, Vec<(u32, f64)>), actor, rows: &Rows, stretch: Range<usize>| {
            let Some(value) = &rows.value else { return };
            let days = &rows.day[stretch.clone()];
            self.each(entries, actor, days.first().copied(), |member, known| {
                let from = stretch.start + days.partition_point(|&day| day < member.start.day);
                ages.clear();
                for (&day, &value) in rows.day[from..stretch.end].iter().zip(&value[from..stretch.end]) {
                    let age = self.aging.age(member.start, day);
                    match ages.last_mut() {
                        Some(last) if last.0 == age => last.1 += value,
                        _ if age <= self.horizon => ages.push((age, value)),
                        _ => {}
                    }
                }
                visit(gathered, member, ages, known);
            });
        };
        let join = |left: (A, _), right: (A, _)| (join(left.0, right.0), left.1);
        self.activity.sweep_rows(cells, || (new(), Vec::new()), each, join).0
    }

    #[inline]
    fn each(&self, entries: &Entries, actor: Actor, first: Option<i32>, mut visit: impl FnMut(Membership, bool)) {
        match entries {
            Entries::First => {
                if let Some(member) = first.and_then(|day| self.membership(day, None)) {
                    visit(member, false);
                }
            }
            Entries::Given { of, place } => {
                let Some(given) = of.get(place.of(actor) as usize) else { return };
                given.members.iter().for_each(|&member| visit(member, true));
                for &label in &given.first_activity {
                    if let Some(member) = first.and_then(|day| self.membership(day, label)) {
                        visit(member, false);
                    }
                }
            }
        }
    }

    /// Whether what happened on a day is a return.
    fn returns(&self, rows: &Rows, row: usize) -> bool {
        match self.returning {
            Returning::All => true,
            Returning::Uses(feature) => rows.features.as_ref().is_some_and(|sets| sets.contains(row, feature)),
            Returning::Nothing => false,
        }
    }

    /// The ages with enough events of the kind that counts.
    fn enough(&self, rows: &Rows, stretch: Range<usize>, start: Start, ages: &mut Vec<u32>) {
        ages.clear();
        let (mut age, mut events) = (0, 0_u64);
        for row in stretch.filter(|&row| self.returns(rows, row)) {
            let of_row = self.aging.age(start, rows.day[row]);
            if of_row != age {
                (age, events) = (of_row, 0);
            }
            let before = events;
            events += u64::from(rows.events[row]);
            let enough = u64::from(self.options.min_events);
            if before < enough && enough <= events {
                ages.push(age);
            }
        }
    }

    #[inline]
    fn stretches<'s>(
        &self,
        member: Membership,
        ages: impl DoubleEndedIterator<Item = u32>,
        stretches: &'s mut Vec<(u32, u32)>,
    ) -> &'s [(u32, u32)] {
        stretches.clear();
        // Whoever has returned by an age has returned by all later ones, but those have not begun yet.
        let horizon = self.horizon.min(self.aging.begun(member.start) - 1);
        retained_ages(self.options.criterion, ages, horizon, |from, to| stretches.push((from, to)));
        stretches
    }
}

#[derive(Debug, Default)]
struct Scratch {
    ages: Vec<u32>,
    stretches: Vec<(u32, u32)>,
}
