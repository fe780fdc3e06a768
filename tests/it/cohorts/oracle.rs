//! Entries, cohorts and retention, counted as naively as can be: loops over members, days and ages.
//!
//! Nothing here is shared with the crate but the names of its options and answers. Days are `jiff`'s, and an age is the
//! stretch of days that one reads off a calendar with a finger.

use std::collections::{BTreeMap, BTreeSet};

use attrition::{
    Activity, AgeBy, Base, Calendar, Coverage, Criterion, Entry, Error, Period, Result, RetentionOptions, Return,
    Weekday,
};
use jiff::{ToSpan, civil};

use crate::log::{Event, Mapped, feature_text, frame};
use crate::oracle::{Log, Oracle, Stretch, day};

const EPOCH: civil::Date = civil::date(1970, 1, 1);

pub(super) fn civil_day(number: i32) -> civil::Date {
    EPOCH + number.days()
}

/// A log with features, values and accounts, and the way it is looked at.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) events: Vec<Event>,
    pub(super) mapped: Mapped,
    pub(super) zone: &'static str,
    pub(super) week_starts: Weekday,
    pub(super) observed_from: Option<civil::Date>,
    pub(super) as_of: Option<civil::Date>,
}

impl World {
    pub(super) fn calendar(&self) -> Calendar {
        Calendar::new(self.zone).unwrap().week_starts(self.week_starts)
    }

    pub(super) fn ingest(&self) -> Result<Activity> {
        self.ingest_frame(&frame(&self.events))
    }

    pub(super) fn ingest_frame(&self, frame: &attrition::polars::prelude::DataFrame) -> Result<Activity> {
        let mut builder = Activity::builder(&self.mapped.columns(), &self.calendar());
        if let Some(from) = self.observed_from {
            builder = builder.observed_from(day(from));
        }
        if let Some(to) = self.as_of {
            builder = builder.as_of(day(to));
        }
        builder.push(frame)?;
        builder.finish()
    }

    /// The same log, its observation named at both ends.
    pub(super) fn named(&self, known: &Known) -> Self {
        Self { observed_from: Some(known.calendar.first), as_of: Some(known.calendar.last), ..self.clone() }
    }
}

/// What happened to a user on a day.
#[derive(Clone, Debug, Default)]
struct Deed {
    events: u64,
    value: f64,
    features: BTreeSet<u32>,
}

/// What is known of the users.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) calendar: Oracle,
    pub(super) mapped: Mapped,
    deeds: BTreeMap<i64, BTreeMap<civil::Date, Deed>>,
}

/// An entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entered {
    pub(super) user: i64,
    /// `None` for the first activity.
    pub(super) start: Option<civil::Date>,
    pub(super) label: Option<String>,
}

/// A table of entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entered>,
    /// The labels, where cohorts are labels.
    pub(super) labels: Option<BTreeSet<String>>,
    pub(super) undecided: u64,
}

/// A question about retention.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) period: Period,
    pub(super) criterion: Criterion,
    pub(super) age_by: AgeBy,
    pub(super) brackets: Vec<u32>,
    pub(super) first_bracket: u32,
    pub(super) horizon: Option<u32>,
    pub(super) between: Option<Stretch>,
    pub(super) feature: Option<u32>,
    pub(super) min_events: u32,
    pub(super) base: Base,
}

impl Ask {
    pub(super) fn options(&self) -> RetentionOptions {
        let mut options = RetentionOptions::new(self.period)
            .criterion(self.criterion)
            .age_by(self.age_by)
            .brackets(self.brackets.clone())
            .first_bracket(self.first_bracket)
            .min_events(self.min_events)
            .base(self.base);
        if let Some(horizon) = self.horizon {
            options = options.horizon(horizon);
        }
        if let Some((from, to)) = self.between {
            options = options.cohorts_between(day(from), day(to));
        }
        if let Some(feature) = self.feature {
            options = options.returning(Return::Feature(feature_text(feature)));
        }
        options
    }

    /// Whether whoever is retained at an age is always part of what the rate is divided by.
    fn is_proportion(&self) -> bool {
        match (self.base, self.criterion) {
            (Base::Cohort, _) => true,
            (_, Criterion::OnOrAfter | Criterion::Streak) => true,
            (Base::Start | Base::Previous, Criterion::On | Criterion::OnOrBefore) => false,
        }
    }
}

impl Known {
    /// `None` if nothing is left and the observation is not named.
    pub(super) fn new(world: &World) -> Option<Self> {
        let noon = |day: i32| (i64::from(day) * 24 + 12) * 3_600_000_000;
        let events = world.events.iter().filter_map(|event| Some((event.user?, noon(event.day?))));
        let log = Log {
            events: events.collect(),
            zone: "UTC",
            week_starts: world.week_starts,
            observed_from: world.observed_from,
            as_of: world.as_of,
        };
        let calendar = Oracle::new(&log)?;
        let mut deeds: BTreeMap<i64, BTreeMap<civil::Date, Deed>> = BTreeMap::new();
        for event in &world.events {
            let (Some(user), Some(day)) = (event.user, event.day.map(civil_day)) else { continue };
            if day < calendar.first || day > calendar.last {
                continue;
            }
            let deed = deeds.entry(user).or_default().entry(day).or_default();
            deed.events += 1;
            deed.value += event.value.unwrap_or(0.0);
            deed.features.extend(event.feature);
        }
        Some(Self { calendar, mapped: world.mapped, deeds })
    }

    pub(super) fn users(&self) -> impl Iterator<Item = i64> + '_ {
        self.deeds.keys().copied()
    }

    fn days_of(&self, user: i64, counts: impl Fn(&Deed) -> bool) -> Vec<civil::Date> {
        self.deeds[&user].iter().filter(|(_, deed)| counts(deed)).map(|(&day, _)| day).collect()
    }

    /// Who enters by what they do; `None` where that cannot be told of this log.
    pub(super) fn entries(&self, entry: &Entry) -> Option<Table> {
        let mut table = Table::default();
        if let &Entry::ActiveDays { at_least, within } = entry {
            table.labels = Some(behaved(at_least, within).into());
        }
        for user in self.users() {
            let every: Vec<civil::Date> = match entry {
                Entry::FirstActivity | Entry::EveryActivity | Entry::ActiveDays { .. } => self.days_of(user, |_| true),
                Entry::FirstUse(_) | Entry::EveryUse(_) if !self.mapped.feature => return None,
                Entry::FirstUse(name) | Entry::EveryUse(name) => {
                    self.days_of(user, |deed| deed.features.iter().any(|&feature| feature_text(feature) == *name))
                }
                Entry::FirstPaid if !self.mapped.value => return None,
                Entry::FirstPaid => self.days_of(user, |deed| deed.value > 0.0),
            };
            let entered = |start: civil::Date, label| Entered { user, start: Some(start), label };
            match entry {
                Entry::EveryActivity | Entry::EveryUse(_) => {
                    table.entries.extend(every.into_iter().map(|day| entered(day, None)));
                }
                Entry::FirstActivity | Entry::FirstUse(_) | Entry::FirstPaid => {
                    table.entries.extend(every.first().map(|&day| entered(day, None)));
                }
                &Entry::ActiveDays { at_least, within } => {
                    let end = every[0] + i64::from(within).days();
                    let active = every.iter().filter(|&&day| day < end).count();
                    let label = behaved(at_least, within)[usize::from(active < at_least as usize)].clone();
                    if end.yesterday().unwrap() <= self.calendar.last {
                        table.entries.push(entered(every[0], Some(label)));
                    } else {
                        table.undecided += 1;
                    }
                }
            }
        }
        Some(table)
    }

    /// The periods after a start, period 0 first, as far as they have begun.
    fn periods(&self, ask: &Ask, start: civil::Date) -> Vec<Stretch> {
        let mut periods = Vec::new();
        match ask.age_by {
            AgeBy::Clock => unreachable!("tests/it/clock_windows.rs asks that"),
            AgeBy::Calendar => {
                let mut period = self.calendar.period(ask.period, start);
                while period.0 <= self.calendar.last {
                    periods.push(period);
                    period = self.calendar.period(ask.period, period.1.tomorrow().unwrap());
                }
            }
            AgeBy::Start => {
                let begins = |age: i64| match ask.period {
                    Period::Day => start + age.days(),
                    Period::Week => start + age.weeks(),
                    Period::Month => start + age.months(),
                    Period::Quarter => start + (3 * age).months(),
                    Period::Year => start + age.years(),
                };
                let mut age = 0;
                while begins(age) <= self.calendar.last {
                    periods.push((begins(age), begins(age + 1).yesterday().unwrap()));
                    age += 1;
                }
            }
        }
        periods
    }

    /// The ages of a member, as far as they have begun.
    fn ages(&self, ask: &Ask, user: Option<i64>, start: civil::Date) -> Vec<Age> {
        let periods = self.periods(ask, start);
        // The first bracket, the others, and every later period by itself.
        let sizes = std::iter::once(ask.first_bracket).chain(ask.brackets.iter().copied()).chain(std::iter::repeat(1));
        let mut ages = Vec::new();
        let mut first = 0;
        for size in sizes.map(|size| size as usize) {
            if first >= periods.len() {
                break;
            }
            let begun = &periods[first..periods.len().min(first + size)];
            let (from, to) = (begun[0].0, begun[begun.len() - 1].1);
            let (mut events, mut value) = (0, 0.0);
            for (&day, deed) in user.and_then(|user| self.deeds.get(&user)).into_iter().flatten() {
                if from <= day && day <= to && start <= day {
                    let counted = match ask.feature {
                        None => deed.events,
                        Some(feature) => u64::from(deed.features.contains(&feature)),
                    };
                    events += counted;
                    value += if counted > 0 { deed.value } else { 0.0 };
                }
            }
            let ended = begun.len() == size && to <= self.calendar.last;
            ages.push(Age { active: events >= u64::from(ask.min_events), ended, value });
            first += size;
        }
        ages
    }
}

fn behaved(at_least: u32, within: u32) -> [String; 2] {
    [
        format!("active on {at_least} or more of the first {within} days"),
        format!("active on fewer of the first {within} days"),
    ]
}

/// One age of one member.
#[derive(Clone, Copy, Debug)]
struct Age {
    active: bool,
    ended: bool,
    /// The sum of the values of the days that count.
    value: f64,
}

/// The members of a cohort with what they did at each age.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) label: Option<String>,
    pub(super) span: Stretch,
    pub(super) coverage: Coverage,
    members: BTreeMap<i64, (civil::Date, Vec<Age>)>,
    /// The ages of somebody who started on the last day of the cohort: what an empty one is judged by.
    nobody: Vec<Age>,
}

/// What a cell should say.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) coverage: Coverage,
    pub(super) so_far: BTreeSet<i64>,
    pub(super) active: u64,
    pub(super) eligible: u64,
    pub(super) base: u64,
}

/// What a cell of values should say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values {
    pub(super) eligible: u64,
    pub(super) paying: u64,
    pub(super) paid: f64,
    pub(super) so_far: f64,
    pub(super) value: f64,
    pub(super) cumulative: f64,
    /// The sum of the absolute values of all that was added up.
    pub(super) size: f64,
}

/// What a triangle should say.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    ask: Ask,
    pub(super) rows: Vec<Row>,
    pub(super) horizon: usize,
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) never_active: u64,
}

impl Truth {
    pub(super) fn new(known: &Known, table: &Table, ask: &Ask) -> Self {
        let Oracle { first, last, .. } = known.calendar;
        let within = |day: civil::Date| ask.between.is_none_or(|(from, to)| from <= day && day <= to);
        let mut truth = Self { ask: ask.clone(), rows: Vec::new(), horizon: 0, before: 0, after: 0, never_active: 0 };
        let row = |label, span: Stretch, coverage| Row {
            label,
            span,
            coverage,
            members: BTreeMap::new(),
            nobody: known.ages(ask, None, span.1.min(last)),
        };
        if let Some(labels) = &table.labels {
            let without = table.entries.iter().any(|entry| entry.label.is_none()).then_some(None);
            for label in labels.iter().cloned().map(Some).chain(without) {
                truth.rows.push(row(label, (first, last), Coverage::Observed));
            }
        } else {
            for period in known.calendar.periods(ask.period).into_iter().filter(|period| within(period.0)) {
                truth.rows.push(row(None, period, known.calendar.coverage(period)));
            }
        }

        for entry in &table.entries {
            let active = known.deeds.get(&entry.user).and_then(BTreeMap::first_key_value);
            let Some(start) = entry.start.or(active.map(|(&day, _)| day)) else {
                truth.never_active += 1;
                continue;
            };
            if start < first {
                truth.before += 1;
            } else if start > last {
                truth.after += 1;
            } else {
                let row = truth.rows.iter_mut().find(|row| match &table.labels {
                    Some(_) => row.label == entry.label && within(start),
                    None => row.span.0 <= start && start <= row.span.1,
                });
                let Some(row) = row else { continue };
                let member = row.members.entry(entry.user).or_insert_with(|| (start, Vec::new()));
                member.0 = member.0.min(start);
            }
        }
        for row in &mut truth.rows {
            for (&user, (start, ages)) in &mut row.members {
                *ages = known.ages(ask, Some(user), *start);
            }
            let starts = || row.members.values().map(|member| member.0);
            if let (Some(_), Some(from), Some(to)) = (&table.labels, starts().min(), starts().max()) {
                row.span = (from, to);
            }
        }

        // As far as somebody could be followed who started on the first day that is reported.
        let earliest = match &table.labels {
            Some(_) => ask.between.map_or(first, |(from, _)| from.clamp(first, last)),
            None => truth.rows.first().map_or(last, |row| row.span.0.max(first)),
        };
        truth.horizon = match (ask.horizon, ask.brackets.len()) {
            (Some(horizon), _) => horizon as usize,
            (None, 0) => known.ages(ask, None, earliest).len() - 1,
            (None, brackets) => brackets,
        };
        truth
    }

    pub(super) fn size(&self, row: usize) -> u64 {
        self.rows[row].members.len() as u64
    }

    fn retained(&self, ages: &[Age], age: usize) -> bool {
        let active = |age: usize| ages.get(age).is_some_and(|age| age.active);
        age < ages.len()
            && match self.ask.criterion {
                Criterion::On => active(age),
                Criterion::OnOrAfter => (age..ages.len()).any(active),
                Criterion::OnOrBefore if age == 0 => active(0),
                Criterion::OnOrBefore => (1..=age).any(active),
                Criterion::Streak => (0..=age).all(active),
            }
    }

    pub(super) fn cell(&self, row: usize, age: usize) -> Cell {
        let row = &self.rows[row];
        let ended = |ages: &[Age]| ages.get(age).is_some_and(|age| age.ended);
        let everybody = || {
            let nobody = row.members.is_empty().then_some(&row.nobody);
            row.members.values().map(|(_, ages)| ages).chain(nobody)
        };
        let coverage = if everybody().any(|ages| ended(ages)) {
            Coverage::Observed
        } else if everybody().any(|ages| age < ages.len()) {
            Coverage::Open
        } else {
            Coverage::Unobserved
        };
        let mut cell = Cell { coverage, so_far: BTreeSet::new(), active: 0, eligible: 0, base: 0 };
        for (&user, (_, ages)) in &row.members {
            if self.retained(ages, age) {
                cell.so_far.insert(user);
            }
            if ended(ages) {
                cell.eligible += 1;
                cell.active += u64::from(self.retained(ages, age));
                cell.base += u64::from(match (self.ask.base, age) {
                    (Base::Cohort, _) | (Base::Previous, 0) => true,
                    (Base::Start, _) => self.retained(ages, 0),
                    (Base::Previous, _) => self.retained(ages, age - 1),
                });
            }
        }
        cell
    }

    pub(super) fn values(&self, row: usize, age: usize) -> Values {
        let mut values = Values::default();
        for (_, ages) in self.rows[row].members.values() {
            let Some(at) = ages.get(age) else { continue };
            values.so_far += at.value;
            values.size += ages[..=age].iter().map(|age| age.value.abs()).sum::<f64>();
            if at.ended {
                values.eligible += 1;
                values.paying += u64::from(at.value > 0.0);
                values.paid += at.value.max(0.0);
                values.value += at.value;
                values.cumulative += ages[..=age].iter().map(|age| age.value).sum::<f64>();
            }
        }
        values
    }

    pub(super) fn is_proportion(&self) -> bool {
        self.ask.is_proportion()
    }
}

/// Whether an answer is the refusal that the oracle foresees.
pub(super) fn is_refused<T: std::fmt::Debug>(answer: &Result<T>) -> bool {
    matches!(answer, Err(Error::NotMapped { .. }))
}
