//! Small logs as plain rows: the frames they come in, what they reduce to counted naively, and every answer at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use attrition::polars::prelude::*;
use attrition::{
    ActiveUsers, Activity, ActivityBuilder, Calendar, Criterion, Date, Error, EventColumns, Id, Intake, Members,
    Period, Result, Retention, RetentionOptions, Window,
};

/// One row of a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) user: Option<i64>,
    pub(crate) day: Option<i32>,
    pub(crate) account: Option<i64>,
    pub(crate) feature: Option<u32>,
    pub(crate) value: Option<f64>,
}

/// The roles mapped beside user and time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapped {
    pub(crate) account: bool,
    pub(crate) feature: bool,
    pub(crate) value: bool,
}

/// A row of `Activity::to_frame`, ids as the integers they were made from, a missing account as the greatest one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) actor: i64,
    pub(crate) account: i64,
    pub(crate) day: i32,
    pub(crate) events: u32,
    pub(crate) value: Option<f64>,
    pub(crate) features: Option<u32>,
}

pub(crate) const NO_ACCOUNT: i64 = i64::MAX;

impl Mapped {
    pub(crate) const ALL: Self = Self { account: true, feature: true, value: true };
    pub(crate) const NONE: Self = Self { account: false, feature: false, value: false };

    /// All eight ways to map or not.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        (0..8).map(|bits| Self { account: bits & 1 > 0, feature: bits & 2 > 0, value: bits & 4 > 0 })
    }

    pub(crate) fn columns(self) -> EventColumns {
        let mut columns = EventColumns::new("user", "time");
        if self.account {
            columns = columns.account("account");
        }
        if self.feature {
            columns = columns.feature("feature");
        }
        if self.value {
            columns = columns.value("value");
        }
        columns
    }
}

pub(crate) fn event(user: i64, day: i32) -> Event {
    Event { user: Some(user), day: Some(day), ..Event::default() }
}

pub(crate) fn day(number: i32) -> Date {
    Date::from_days_since_epoch(number).unwrap()
}

/// Text that orders like the number.
pub(crate) fn id_text(id: i64) -> String {
    format!("u{id:05}")
}

pub(crate) fn feature_text(feature: u32) -> String {
    format!("f{feature:03}")
}

pub(crate) fn categorical() -> DataType {
    DataType::from_categories(Categories::global())
}

/// An enum of the texts, in an order that is not theirs.
pub(crate) fn enum_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> DataType {
    let mut texts: Vec<&str> = texts.into_iter().collect();
    texts.reverse();
    let middle = texts.len() / 3;
    texts.rotate_left(middle);
    DataType::from_frozen_categories(FrozenCategories::new(texts).unwrap())
}

pub(crate) fn ids(name: &str, ids: &[Option<i64>], dtype: &DataType) -> Column {
    let column = if dtype.is_integer() {
        Column::new(name.into(), ids)
    } else {
        Column::new(name.into(), ids.iter().map(|id| id.map(id_text)).collect::<Vec<_>>())
    };
    column.strict_cast(dtype).unwrap()
}

/// A frame with a column for every role.
pub(crate) fn frame_with(events: &[Event], user: &DataType, account: &DataType) -> DataFrame {
    let of = |id: fn(&Event) -> Option<i64>| events.iter().map(id).collect::<Vec<_>>();
    let days: Vec<Option<i32>> = events.iter().map(|event| event.day).collect();
    let features: Vec<_> = events.iter().map(|event| event.feature.map(feature_text)).collect();
    let values: Vec<Option<f64>> = events.iter().map(|event| event.value).collect();
    let columns = vec![
        ids("user", &of(|event| event.user), user),
        Column::new("time".into(), days).cast(&DataType::Date).unwrap(),
        ids("account", &of(|event| event.account), account),
        Column::new("feature".into(), features),
        Column::new("value".into(), values),
    ];
    DataFrame::new(events.len(), columns).unwrap()
}

pub(crate) fn frame(events: &[Event]) -> DataFrame {
    frame_with(events, &DataType::Int64, &DataType::Int64)
}

/// A builder with an observation from one day to another, or that of the events.
pub(crate) fn builder(mapped: Mapped, between: Option<(i32, i32)>) -> ActivityBuilder {
    let builder = Activity::builder(&mapped.columns(), &Calendar::utc());
    match between {
        Some((first, last)) => builder.observed_from(day(first)).as_of(day(last)),
        None => builder,
    }
}

pub(crate) fn try_ingest(events: &[Event], mapped: Mapped, between: Option<(i32, i32)>) -> Result<Activity> {
    let mut builder = builder(mapped, between);
    builder.push(&frame(events))?;
    builder.finish()
}

pub(crate) fn ingest(events: &[Event], mapped: Mapped, between: Option<(i32, i32)>) -> Activity {
    try_ingest(events, mapped, between).unwrap()
}

/// A way into a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Frame,
    Query,
    /// Two Parquet files of a few row groups each.
    Files,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Frame, Self::Query, Self::Files];

    pub(crate) fn push(self, builder: &mut ActivityBuilder, frame: &DataFrame) -> Result<()> {
        match self {
            Self::Frame => builder.push(frame),
            Self::Query => builder.push_lazy(frame.clone().lazy()),
            Self::Files => {
                let half = frame.height() / 2;
                let parts = [frame.slice(0, half), frame.slice(half as i64, frame.height())];
                let paths = parts.map(|part| write(&part, (half / 4).max(3)));
                let result = builder.push_parquet(&paths);
                paths.iter().for_each(|path| fs::remove_file(path).unwrap());
                result
            }
        }
    }

    pub(crate) fn ingest(self, frame: &DataFrame, columns: &EventColumns, calendar: &Calendar) -> Result<Activity> {
        let mut builder = Activity::builder(columns, calendar);
        self.push(&mut builder, frame)?;
        builder.finish()
    }
}

/// Writes a Parquet file of a name of its own, in row groups of so many rows.
pub(crate) fn write(frame: &DataFrame, rows: usize) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("log-{}-{}.parquet", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let file = fs::File::create(&path).unwrap();
    ParquetWriter::new(file).with_row_group_size(Some(rows)).finish(&mut frame.clone()).unwrap();
    path
}

fn is_kept(event: &Event, between: Option<(i32, i32)>) -> bool {
    let within = |day| between.is_none_or(|(first, last)| (first..=last).contains(&day));
    event.user.is_some() && event.day.is_some_and(within)
}

/// User, account and day.
type Key = (i64, i64, i32);
/// Events, their value and features.
type Sums = (u32, f64, BTreeSet<u32>);

/// What `to_frame` should say, by one look at each event.
pub(crate) fn expected_rows(events: &[Event], mapped: Mapped, between: Option<(i32, i32)>) -> Vec<Row> {
    let mut days: BTreeMap<Key, Sums> = BTreeMap::new();
    for event in events.iter().filter(|event| is_kept(event, between)) {
        let account = event.account.filter(|_| mapped.account).unwrap_or(NO_ACCOUNT);
        let (count, value, features) = days.entry((event.user.unwrap(), account, event.day.unwrap())).or_default();
        *count += 1;
        *value += event.value.unwrap_or(0.0);
        features.extend(event.feature);
    }
    let row = |((actor, account, day), (events, value, features)): (Key, Sums)| Row {
        actor,
        account,
        day,
        events,
        value: mapped.value.then_some(value),
        features: mapped.feature.then(|| u32::try_from(features.len()).unwrap()),
    };
    days.into_iter().map(row).collect()
}

/// What the intake should say. It cannot be built here, being open to new fields, so it is compared number by number.
pub(crate) fn expected_intake(events: &[Event], mapped: Mapped, between: Option<(i32, i32)>) -> [u64; 9] {
    let mut counts = [0; 9];
    counts[0] = events.len() as u64;
    for event in events {
        let kind = match (event.user, event.day, between) {
            (None, ..) => 2,
            (_, None, _) => 3,
            (_, Some(day), Some((first, _))) if day < first => 4,
            (_, Some(day), Some((_, last))) if day > last => 5,
            _ => 1,
        };
        counts[kind] += 1;
        if kind == 1 {
            counts[6] += u64::from(mapped.account && event.account.is_none());
            counts[7] += u64::from(mapped.feature && event.feature.is_none());
            counts[8] += u64::from(mapped.value && event.value.is_none());
        }
    }
    counts
}

pub(crate) fn intake_counts(intake: &Intake) -> [u64; 9] {
    [
        intake.rows,
        intake.events,
        intake.null_user,
        intake.null_time,
        intake.before_window,
        intake.after_window,
        intake.without_account,
        intake.without_feature,
        intake.without_value,
    ]
}

/// The integer an id was made from.
fn number(id: &str) -> i64 {
    id.trim_start_matches('u').parse().unwrap()
}

fn numbers(column: &Column) -> Vec<i64> {
    let text = column.cast(&DataType::String).unwrap();
    text.str().unwrap().iter().map(|id| id.map_or(NO_ACCOUNT, number)).collect()
}

/// The rows of `to_frame`, whose ids may be of any type.
pub(crate) fn rows(activity: &Activity) -> Vec<Row> {
    let frame = activity.to_frame().unwrap();
    let actors = numbers(frame.column("actor").unwrap());
    let accounts = frame.column("account").map_or_else(|_| vec![NO_ACCOUNT; frame.height()], numbers);
    let days = frame.column("day").unwrap();
    assert_eq!(days.dtype(), &DataType::Date);
    let days = days.to_physical_repr();
    let (days, events) = (days.i32().unwrap(), frame.column("events").unwrap().u32().unwrap());
    let values = frame.column("value").ok().map(|column| column.f64().unwrap());
    let features = frame.column("features").ok().map(|column| column.u32().unwrap());
    let row = |row: usize| Row {
        actor: actors[row],
        account: accounts[row],
        day: days.get(row).unwrap(),
        events: events.get(row).unwrap(),
        value: values.map(|values| values.get(row).unwrap()),
        features: features.map(|features| features.get(row).unwrap()),
    };
    (0..frame.height()).map(row).collect()
}

pub(crate) fn members(members: &Members) -> Vec<i64> {
    let number = |id| match id {
        Id::Int(id) => id,
        Id::UInt(id) => i64::try_from(id).unwrap(),
        Id::Str(id) => number(id),
    };
    members.iter().map(number).collect()
}

/// What an activity answers, but for the type of its ids.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answers {
    pub(crate) rows: Vec<Row>,
    pub(crate) counts: (usize, Option<usize>, u64, u64, Option<f64>),
    pub(crate) features: Vec<String>,
    pub(crate) observed: (Date, Date),
    pub(crate) usage: ActiveUsers,
    pub(crate) triangles: Vec<Retention>,
    pub(crate) members: Vec<Vec<i64>>,
}

pub(crate) fn answers(activity: &Activity) -> Answers {
    let windows = [1, 3, 7, 30].map(Window::Days).into_iter().chain(Period::ALL.map(Window::Calendar));
    let usage = activity.active_users(attrition::ActiveUsersOptions::new(windows)).unwrap();
    let criteria = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];
    let triangle = |criterion| activity.retention(RetentionOptions::new(Period::Week).criterion(criterion)).unwrap();
    let triangles: Vec<Retention> = criteria.map(triangle).into();
    let mut standing_behind = Vec::new();
    for triangle in &triangles {
        for cohort in triangle.cohorts() {
            let ages = (0..=triangle.horizon())
                .filter(|&age| triangle.cell(cohort.span.start, age).unwrap().so_far.is_some_and(|count| count > 0));
            for age in ages {
                standing_behind.push(members(&triangle.members(activity, cohort.span.start, age).unwrap()));
            }
        }
    }
    Answers {
        rows: rows(activity),
        counts: (activity.actors(), activity.accounts(), activity.active_days(), activity.events(), activity.value()),
        features: activity.features().to_vec(),
        observed: (activity.observed_from(), activity.as_of()),
        usage,
        triangles,
        members: standing_behind,
    }
}

/// The message of an error: one line, with something on it.
pub(crate) fn message(error: &Error) -> String {
    let message = error.to_string();
    assert!(!message.trim().is_empty() && !message.contains('\n'), "{message:?}");
    message
}
