//! Random logs and tables of cohorts against the oracle, and the laws that hold whatever they are.

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{
    Activity, AgeBy, Base, Cohort, CohortColumns, CohortKey, Cohorts, Coverage, Criterion, Entry, Error, Period,
    Retention, Weekday,
};
use jiff::tz::TimeZone as Zone;
use jiff::{Timestamp, ToSpan, civil};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use super::oracle::{Ask, Entered, Known, Table, Truth, World, civil_day, is_refused};
use crate::log::{Event, Mapped, feature_text, frame_with, id_text, members};
use crate::oracle::{day, span};
use crate::properties::{near, ratio};

const CRITERIA: [Criterion; 4] = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];
const BASES: [Base; 3] = [Base::Cohort, Base::Start, Base::Previous];
const USERS: [i64; 6] = [1, 2, 3, 5, 8, 100];
/// Users of tables: two of them are strangers to every log.
const ENTERING: [i64; 8] = [1, 2, 3, 4, 5, 8, 99, 100];
/// By bytes "9" comes after "10", and "ä" after "b".
const LABELS: [&str; 6] = ["b", "a", "ä", "10", "9", ""];

/// Ends of months, leap days, an ISO week 53, a day that never was, the time before 1970.
const SCENES: [(&str, civil::Date); 7] = [
    ("UTC", civil::date(1969, 12, 20)),
    ("Europe/Vilnius", civil::date(2024, 1, 24)),
    ("America/St_Johns", civil::date(2024, 10, 27)),
    ("Pacific/Apia", civil::date(2011, 12, 24)),
    ("UTC", civil::date(2020, 12, 20)),
    ("Pacific/Kiritimati", civil::date(2023, 2, 20)),
    ("UTC", civil::date(2000, 1, 30)),
];

/// A row of a table of cohorts: who, a second of a local day, and the label.
#[derive(Clone, Debug)]
pub(super) struct RawEntry {
    user: Option<i64>,
    start: Option<(civil::Date, i32)>,
    label: Option<&'static str>,
}

/// The columns of a table of cohorts that are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    Days,
    Instants,
    Labels,
    DaysAndLabels,
    InstantsAndLabels,
}

const COLUMNS: [Columns; 5] =
    [Columns::Days, Columns::Instants, Columns::Labels, Columns::DaysAndLabels, Columns::InstantsAndLabels];

impl Columns {
    fn starts(self) -> bool {
        self != Self::Labels
    }

    fn instants(self) -> bool {
        matches!(self, Self::Instants | Self::InstantsAndLabels)
    }

    fn labels(self) -> bool {
        matches!(self, Self::Labels | Self::DaysAndLabels | Self::InstantsAndLabels)
    }

    fn mapped(self) -> CohortColumns {
        let mut columns = CohortColumns::new("who");
        if self.starts() {
            columns = columns.start("since");
        }
        if self.labels() {
            columns = columns.label("plan");
        }
        columns
    }
}

/// The instant of a second of a local day; of one that never was, the instant that takes its place.
fn micros(zone: &str, (date, second): (civil::Date, i32)) -> i64 {
    let local = date.at(0, 0, 0, 0) + second.seconds();
    local.to_zoned(Zone::get(zone).unwrap()).unwrap().timestamp().as_microsecond()
}

fn table_frame(entries: &[RawEntry], columns: Columns, zone: &str, users: &DataType) -> DataFrame {
    let who: Vec<Option<i64>> = entries.iter().map(|entry| entry.user).collect();
    let starts = entries.iter().map(|entry| entry.start);
    let starts = if columns.instants() {
        let instants: Vec<_> = starts.map(|start| start.map(|start| micros(zone, start))).collect();
        Column::new("since".into(), instants).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
    } else {
        let days: Vec<_> = starts.map(|start| start.map(|(date, _)| day(date).days_since_epoch())).collect();
        Column::new("since".into(), days).cast(&DataType::Date)
    };
    let labels: Vec<Option<&str>> = entries.iter().map(|entry| entry.label).collect();
    let columns = vec![crate::log::ids("who", &who, users), starts.unwrap(), Column::new("plan".into(), labels)];
    DataFrame::new(entries.len(), columns).unwrap()
}

/// What a table says, row by row.
fn table(entries: &[RawEntry], columns: Columns, zone: &str) -> Table {
    let kept = |entry: &&RawEntry| entry.user.is_some() && (entry.start.is_some() || !columns.starts());
    let entered = |entry: &RawEntry| Entered {
        user: entry.user.unwrap(),
        start: entry.start.filter(|_| columns.starts()).map(|start| {
            let instant = Timestamp::from_microsecond(micros(zone, start)).unwrap();
            if columns.instants() { instant.to_zoned(Zone::get(zone).unwrap()).date() } else { start.0 }
        }),
        label: entry.label.filter(|_| columns.labels()).map(str::to_owned),
    };
    Table {
        entries: entries.iter().filter(kept).map(entered).collect(),
        labels: columns.labels().then(|| entries.iter().filter_map(|entry| entry.label).map(str::to_owned).collect()),
        undecided: 0,
    }
}

/// Where the cohorts come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Table(Vec<RawEntry>, Columns),
    Entry(Entry),
    /// Of another log.
    Other(Box<World>, Entry),
}

/// A day of a stretch, often at the end or the start of a month.
fn day_from(base: civil::Date, days: std::ops::Range<i32>) -> impl Strategy<Value = civil::Date> + Clone {
    (days, 0..6_u8).prop_map(move |(days, end)| match (base + days.days(), end) {
        (day, 0) => day.last_of_month(),
        (day, 1) => day.first_of_month(),
        (day, _) => day,
    })
}

fn mapped() -> impl Strategy<Value = Mapped> {
    prop_oneof![
        3 => Just(Mapped::ALL),
        1 => select(Mapped::each().collect::<Vec<_>>()),
    ]
}

fn world_of((zone, base): (&'static str, civil::Date), days: i32) -> impl Strategy<Value = World> {
    let of_ten = |user| option::weighted(0.97, user);
    let event = (
        of_ten(select(&USERS[..])),
        option::weighted(0.97, day_from(base, 0..days)),
        option::weighted(0.8, 0..3_i64),
        option::weighted(0.7, 0..3_u32),
        option::weighted(0.8, -3..=4_i32),
    );
    let event = event.prop_map(|(user, on, account, feature, value)| Event {
        user,
        day: on.map(|on| day(on).days_since_epoch()),
        account,
        feature,
        value: value.map(|value| f64::from(value) / 2.0),
    });
    let end = |from: i32, to: i32| option::of((from..to).prop_map(move |days| base + days.days()));
    let observation = (end(-days / 3, days / 3), end(days / 2, 2 * days));
    (vec(event, 1..=70), mapped(), select(&Weekday::ALL[..]), observation).prop_map(
        move |(events, mapped, week_starts, (observed_from, as_of))| World {
            events,
            mapped,
            zone,
            week_starts,
            observed_from,
            as_of,
        },
    )
}

fn raw_entry(base: civil::Date, days: i32) -> impl Strategy<Value = RawEntry> {
    let start = (day_from(base, -days / 6..days + days / 6), prop_oneof![Just(0), Just(86_399), 0..86_400_i32]);
    (
        option::weighted(0.95, select(&ENTERING[..])),
        option::weighted(0.95, start),
        option::weighted(0.85, select(&LABELS[..])),
    )
        .prop_map(|(user, start, label)| RawEntry { user, start, label })
}

fn entry() -> impl Strategy<Value = Entry> {
    let feature = || prop_oneof![9 => (0..3_u32).prop_map(feature_text), 1 => Just("none".to_owned())];
    prop_oneof![
        Just(Entry::FirstActivity),
        feature().prop_map(Entry::FirstUse),
        Just(Entry::FirstPaid),
        Just(Entry::EveryActivity),
        feature().prop_map(Entry::EveryUse),
        (1..=4_u32, 0..=30_u32).prop_map(|(at_least, more)| Entry::ActiveDays { at_least, within: at_least + more }),
    ]
}

/// A log, where its cohorts come from, and the question.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) world: World,
    pub(super) source: Source,
    pub(super) ask: Ask,
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    (select(&SCENES[..]), 0..Period::ALL.len()).prop_flat_map(|(scene, place)| {
        let (period, days) = (Period::ALL[place], [20, 75, 260, 700, 1_800][place]);
        let source = prop_oneof![
            4 => (vec(raw_entry(scene.1, days), 0..=16), select(&COLUMNS[..]))
                .prop_map(|(entries, columns)| Source::Table(entries, columns)),
            2 => entry().prop_map(Source::Entry),
            1 => (world_of(scene, days), entry()).prop_map(|(world, entry)| Source::Other(Box::new(world), entry)),
        ];
        // Brackets, or a horizon, or neither.
        let reach = prop_oneof![
            1 => Just((Vec::new(), 1, None)),
            1 => (0..=14_u32).prop_map(|horizon| (Vec::new(), 1, Some(horizon))),
            1 => (vec(1..=4_u32, 1..=5), select(&[1, 1, 2, 4][..])).prop_map(|(brackets, first)| (brackets, first, None)),
        ];
        let end = move || (-days / 3..days + days / 3).prop_map(move |days| scene.1 + days.days());
        let between = option::weighted(0.3, (end(), end()).prop_map(|(one, other)| (one.min(other), one.max(other))));
        let counts = prop_oneof![
            3 => Just((None, 1)),
            2 => (0..3_u32).prop_map(|feature| (Some(feature), 1)),
            2 => (2..=4_u32).prop_map(|events| (None, events)),
        ];
        let ask = (select(&CRITERIA[..]), any::<bool>(), reach, between, counts, select(&BASES[..])).prop_map(
            move |(criterion, by_start, (brackets, first_bracket, horizon), between, (feature, min_events), base)| Ask {
                period,
                criterion,
                age_by: if by_start { AgeBy::Start } else { AgeBy::Calendar },
                brackets,
                first_bracket,
                horizon,
                between,
                feature,
                min_events,
                base,
            },
        );
        (world_of(scene, days), source, ask).prop_map(|(world, source, ask)| Case { world, source, ask })
    })
}

/// The log of a case, twice: as the crate holds it, and as the oracle does.
pub(super) fn both(world: &World) -> Result<Option<(Activity, Known)>, TestCaseError> {
    let activity = world.ingest();
    let Some(known) = Known::new(world) else {
        prop_assert!(matches!(activity, Err(Error::Empty { .. })), "{activity:?}");
        return Ok(None);
    };
    let activity = activity.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(activity.actors() == known.users().count());
    Ok(Some((activity, known)))
}

/// The cohorts of a case, twice; `None` where both agree that there can be none.
pub(super) fn both_cohorts(
    case: &Case,
    activity: &Activity,
    known: &Known,
) -> Result<Option<(Cohorts, Table)>, TestCaseError> {
    let of_entry = |activity: &Activity, known: &Known, entry: &Entry| {
        let cohorts = activity.cohorts(entry.clone());
        let Some(table) = known.entries(entry) else {
            // A log without anybody cannot tell either.
            prop_assert!(is_refused(&cohorts), "{cohorts:?}");
            return Ok(None);
        };
        if known.users().next().is_none() && is_refused(&cohorts) {
            return Ok(None);
        }
        Ok(Some((cohorts.map_err(|error| TestCaseError::fail(error.to_string()))?, table)))
    };
    match &case.source {
        Source::Table(entries, columns) => {
            let frame = table_frame(entries, *columns, case.world.zone, &DataType::Int64);
            let cohorts = Cohorts::from_frame(&frame, &columns.mapped()).unwrap();
            let intake = cohorts.intake();
            let without_actor = entries.iter().filter(|entry| entry.user.is_none()).count();
            let table = table(entries, *columns, case.world.zone);
            prop_assert_eq!(intake.entries, table.entries.len() as u64);
            prop_assert_eq!(intake.without_actor, without_actor as u64);
            prop_assert_eq!(intake.without_start as usize, entries.len() - without_actor - table.entries.len());
            Ok(Some((cohorts, table)))
        }
        Source::Entry(entry) => of_entry(activity, known, entry),
        Source::Other(world, entry) => match both(world)? {
            Some((activity, known)) => of_entry(&activity, &known, entry),
            None => Ok(None),
        },
    }
}

/// The name of a cohort by which its cells can be asked.
pub(super) fn key(cohort: &Cohort, by_label: bool) -> CohortKey<'_> {
    if by_label { CohortKey::Label(cohort.label.as_deref()) } else { CohortKey::Day(cohort.span.end) }
}

/// Every number of a triangle against the oracle's.
fn check(triangle: &Retention, truth: &Truth, by_label: bool) -> Result<(), TestCaseError> {
    let expected = |row: usize| {
        let of = &truth.rows[row];
        Cohort { label: of.label.clone(), span: span(of.span), size: truth.size(row), coverage: of.coverage }
    };
    let rows = 0..truth.rows.len();
    prop_assert_eq!(triangle.cohorts(), rows.clone().map(expected).collect::<Vec<_>>());
    let left_out = triangle.left_out();
    prop_assert_eq!(
        (left_out.before_observation, left_out.after_observation, left_out.never_active),
        (truth.before, truth.after, truth.never_active)
    );
    if rows.is_empty() {
        prop_assert!(triangle.curve().iter().all(|point| point.cohorts == 0 && point.weighted_mean.is_none()));
        return Ok(());
    }
    prop_assert_eq!(triangle.horizon() as usize, truth.horizon);

    let curve = triangle.curve();
    prop_assert_eq!(curve.len(), truth.horizon + 1);
    for (age, point) in (0_u32..).zip(&curve) {
        let (mut rates, mut sums) = (Vec::new(), [0; 3]);
        for (row, cohort) in rows.clone().zip(triangle.cohorts()) {
            let expected = truth.cell(row, age as usize);
            let cell = triangle.cell(key(cohort, by_label), age).unwrap();
            let seen = expected.coverage != Coverage::Unobserved;
            let observed = expected.coverage == Coverage::Observed;
            let why = format!("{cohort:?} at {age}: {cell:?}, expected {expected:?}");
            prop_assert_eq!((cell.age, cell.coverage), (age, expected.coverage), "{}", why);
            prop_assert_eq!(cell.so_far, seen.then_some(expected.so_far.len() as u64), "{}", why);
            prop_assert_eq!(cell.active, observed.then_some(expected.active), "{}", why);
            prop_assert_eq!(cell.eligible, observed.then_some(expected.eligible), "{}", why);
            prop_assert_eq!(cell.base, observed.then_some(expected.base), "{}", why);
            let rate = if observed { ratio(expected.active, expected.base) } else { None };
            prop_assert!(near(cell.rate, rate), "{}", why);
            let interval = rate.filter(|_| truth.is_proportion()).map(|_| wilson(expected.active, expected.base));
            prop_assert!(near(cell.interval.map(|ends| ends.lower), interval.map(|ends| ends.0)), "{}", why);
            prop_assert!(near(cell.interval.map(|ends| ends.upper), interval.map(|ends| ends.1)), "{}", why);
            if let Some(rate) = rate {
                rates.push(rate);
                let more = [expected.active, expected.eligible, expected.base];
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
        let plain = (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64);
        prop_assert_eq!((point.age, point.cohorts), (age, rates.len() as u64));
        prop_assert_eq!([point.active, point.eligible, point.base], sums);
        prop_assert!(near(point.weighted_mean, ratio(sums[0], sums[2])) && near(point.plain_mean, plain), "{point:?}");
        prop_assert_eq!(point.interval.is_some(), point.weighted_mean.is_some() && truth.is_proportion());
    }
    prop_assert_eq!(triangle.cell(key(&triangle.cohorts()[0], by_label), triangle.horizon() + 1), None);
    Ok(())
}

/// Wilson's interval at a confidence of 0.95, as in his paper.
fn wilson(successes: u64, trials: u64) -> (f64, f64) {
    let (n, z) = (trials as f64, 1.959_963_984_540_054_f64);
    let p = successes as f64 / n;
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - spread) / (1.0 + z * z / n), (centre + spread) / (1.0 + z * z / n))
}

/// What a triangle hands out beside its cells.
fn check_forms(triangle: &Retention, by_label: bool) -> Result<(), TestCaseError> {
    let ages = triangle.horizon() + 1;
    let cells: Vec<_> = triangle
        .cohorts()
        .iter()
        .flat_map(|cohort| (0..ages).map(move |age| triangle.cell(key(cohort, by_label), age).unwrap()))
        .collect();
    let long = triangle.to_frame().unwrap();
    prop_assert_eq!(long.height(), cells.len());
    prop_assert_eq!(long.column("label").is_ok(), by_label);
    let counts = |name: &str| long.column(name).unwrap().u64().unwrap().iter().collect::<Vec<_>>();
    prop_assert_eq!(counts("so_far"), cells.iter().map(|cell| cell.so_far).collect::<Vec<_>>());
    prop_assert_eq!(counts("active"), cells.iter().map(|cell| cell.active).collect::<Vec<_>>());
    prop_assert_eq!(counts("eligible"), cells.iter().map(|cell| cell.eligible).collect::<Vec<_>>());
    prop_assert_eq!(counts("base"), cells.iter().map(|cell| cell.base).collect::<Vec<_>>());
    let rates: Vec<_> = long.column("rate").unwrap().f64().unwrap().iter().collect();
    prop_assert_eq!(&rates, &cells.iter().map(|cell| cell.rate).collect::<Vec<_>>());
    let wide = triangle.to_wide_frame().unwrap();
    prop_assert_eq!(wide.shape(), (triangle.cohorts().len(), ages as usize + 2 + usize::from(by_label)));
    for age in 0..ages as usize {
        let of_age: Vec<_> = wide.column(&age.to_string()).unwrap().f64().unwrap().iter().collect();
        prop_assert_eq!(of_age, rates.iter().skip(age).step_by(ages as usize).copied().collect::<Vec<_>>());
    }
    prop_assert_eq!(triangle.curve_to_frame().unwrap().height(), ages as usize);
    prop_assert!(triangle.to_string().starts_with("Retention by "));
    let stored = serde_json::to_string(triangle).unwrap();
    prop_assert_eq!(
        &serde_json::from_str::<Retention>(&stored).map_err(|error| error.to_string()),
        &Ok(triangle.clone())
    );
    Ok(())
}

/// The triangle of a case; `None` where both sides refuse it.
fn triangle(
    case: &Case,
    activity: &Activity,
    known: &Known,
    cohorts: &Cohorts,
) -> Result<Option<Retention>, TestCaseError> {
    let triangle = activity.retention_of(cohorts, case.ask.options());
    if case.ask.feature.is_some() && !known.mapped.feature {
        prop_assert!(is_refused(&triangle), "{triangle:?}");
        return Ok(None);
    }
    Ok(Some(triangle.map_err(|error| TestCaseError::fail(error.to_string()))?))
}

proptest! {
    #[test]
    fn retention_of_is_that_of_the_oracle(case in cases(), probes in vec(any::<[Index; 2]>(), 5)) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        let Some((cohorts, table)) = both_cohorts(&case, &activity, &known)? else { return Ok(()) };
        for criterion in CRITERIA {
            let case = Case { ask: Ask { criterion, ..case.ask.clone() }, ..case.clone() };
            let Some(triangle) = triangle(&case, &activity, &known, &cohorts)? else { return Ok(()) };
            let (truth, by_label) = (Truth::new(&known, &table, &case.ask), table.labels.is_some());
            check(&triangle, &truth, by_label)?;
            if criterion == CRITERIA[known.users().count() % 4] {
                check_forms(&triangle, by_label)?;
            }
            for [row, age] in &probes {
                if truth.rows.is_empty() {
                    break;
                }
                let (row, age) = (row.index(truth.rows.len()), age.index(truth.horizon + 2));
                let key = key(&triangle.cohorts()[row], by_label);
                let found = triangle.members_of(&activity, &cohorts, key, age as u32);
                let cell = triangle.cell(key, age as u32);
                let Some(so_far) = cell.and_then(|cell| cell.so_far) else {
                    prop_assert!(matches!(found, Err(Error::InvalidOption { .. })), "{found:?}");
                    continue;
                };
                let found = found.unwrap();
                prop_assert_eq!(found.len() as u64, so_far);
                // Ascending, as the set is.
                let expected: Vec<i64> = truth.cell(row, age).so_far.into_iter().collect();
                prop_assert_eq!(members(&found), expected);
            }
        }
    }

    #[test]
    fn cohorts_are_those_of_the_oracle(case in cases(), entries in vec(entry(), 4)) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        for entry in entries {
            let case = Case { source: Source::Entry(entry), ..case.clone() };
            let Some((cohorts, table)) = both_cohorts(&case, &activity, &known)? else { continue };
            let actors: BTreeSet<i64> = table.entries.iter().map(|entry| entry.user).collect();
            let intake = cohorts.intake();
            prop_assert_eq!(
                [intake.entries, intake.actors, intake.undecided, intake.without_actor, intake.without_start],
                [table.entries.len() as u64, actors.len() as u64, table.undecided, 0, 0]
            );
            let shown = cohorts.to_string();
            prop_assert!(shown.starts_with(&format!("{} actors", actors.len())), "{}", shown);
            let frame = cohorts.to_frame(activity.calendar()).unwrap();
            let who: Vec<_> = frame.column("actor").unwrap().i64().unwrap().iter().flatten().collect();
            prop_assert_eq!(who, table.entries.iter().map(|entry| entry.user).collect::<Vec<_>>());
            let starts = frame.column("start").unwrap().to_physical_repr();
            let starts: Vec<_> = starts.i32().unwrap().iter().map(|day| day.map(civil_day)).collect();
            prop_assert_eq!(starts, table.entries.iter().map(|entry| entry.start).collect::<Vec<_>>());
            prop_assert_eq!(frame.column("label").is_ok(), matches!(case.source, Source::Entry(Entry::ActiveDays { .. })));
            if let Ok(labels) = frame.column("label") {
                let labels: Vec<_> = labels.str().unwrap().iter().map(|label| label.map(str::to_owned)).collect();
                prop_assert_eq!(labels, table.entries.iter().map(|entry| entry.label.clone()).collect::<Vec<_>>());
                prop_assert_eq!(cohorts.labels(), table.labels.unwrap().into_iter().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn first_activity_is_what_retention_asks(case in cases()) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        let cohorts = activity.cohorts(Entry::FirstActivity).unwrap();
        for criterion in CRITERIA {
            let options = || Ask { criterion, ..case.ask.clone() }.options();
            let (plain, of) = (activity.retention(options()), activity.retention_of(&cohorts, options()));
            if case.ask.feature.is_some() && !known.mapped.feature {
                prop_assert!(is_refused(&plain) && is_refused(&of));
                return Ok(());
            }
            let (plain, of) = (plain.unwrap(), of.unwrap());
            prop_assert_eq!(&plain, &of);
            for cohort in plain.cohorts().iter().filter(|cohort| cohort.size > 0).take(2) {
                let start = cohort.span.end;
                let age = plain.horizon().min(1);
                let (members, members_of) =
                    (plain.members(&activity, start, age), of.members_of(&activity, &cohorts, start, age));
                prop_assert_eq!(members.map_err(|error| error.to_string()), members_of.map_err(|error| error.to_string()));
            }
        }
    }

    /// Where everybody enters once, it makes no difference to the sums how they are told apart.
    #[test]
    fn labels_part_the_whole(case in cases(), entries in vec(any::<Index>(), 8)) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        let Source::Table(raw, _) = &case.source else { return Ok(()) };
        let seen = |user: i64| raw.iter().filter(move |entry| entry.user == Some(user) && entry.start.is_some());
        let one_each: Vec<RawEntry> = ENTERING
            .iter()
            .zip(&entries)
            .filter_map(|(&user, index)| {
                let all: Vec<_> = seen(user).collect();
                (!all.is_empty()).then(|| all[index.index(all.len())].clone())
            })
            .collect();
        let read = |columns: Columns| {
            let frame = table_frame(&one_each, columns, case.world.zone, &DataType::Int64);
            Cohorts::from_frame(&frame, &columns.mapped()).unwrap()
        };
        // The horizon is named: by itself it reaches as far as the first cohort that is reported.
        let horizon = case.ask.brackets.is_empty().then_some(10);
        let ask = Ask { age_by: AgeBy::Start, horizon, between: None, ..case.ask.clone() };
        let case = Case { ask, ..case.clone() };
        let (periods, labels) = (read(Columns::Days), read(Columns::DaysAndLabels));
        let Some(periods) = triangle(&case, &activity, &known, &periods)? else { return Ok(()) };
        let labels = triangle(&case, &activity, &known, &labels)?.unwrap();
        prop_assert_eq!(periods.horizon(), labels.horizon());
        prop_assert_eq!(periods.left_out(), labels.left_out());
        for age in 0..=periods.horizon() {
            let sum = |triangle: &Retention, by_label| {
                let mut sums = [0; 4];
                for cohort in triangle.cohorts() {
                    let cell = triangle.cell(key(cohort, by_label), age).unwrap();
                    let counts = [cell.so_far, cell.active, cell.eligible, cell.base];
                    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count.unwrap_or(0));
                }
                sums
            };
            prop_assert_eq!(sum(&periods, false), sum(&labels, true), "age {}", age);
        }
    }

    #[test]
    fn brackets_of_one_are_no_brackets(case in cases(), brackets in 1..=12_u32) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        let Some((cohorts, table)) = both_cohorts(&case, &activity, &known)? else { return Ok(()) };
        let with = |brackets: Vec<u32>, horizon| {
            let ask = Ask { brackets, first_bracket: 1, horizon, ..case.ask.clone() };
            triangle(&Case { ask, ..case.clone() }, &activity, &known, &cohorts)
        };
        let Some(plain) = with(Vec::new(), Some(brackets))? else { return Ok(()) };
        let bracketed = with(vec![1; brackets as usize], None)?.unwrap();
        prop_assert_eq!(plain.cohorts(), bracketed.cohorts());
        for cohort in plain.cohorts() {
            for age in 0..=brackets {
                let cell = |triangle: &Retention| triangle.cell(key(cohort, table.labels.is_some()), age);
                prop_assert!(cell(&plain).is_some());
                prop_assert_eq!(cell(&plain), cell(&bracketed));
            }
        }
        prop_assert_eq!(plain.curve(), bracketed.curve());
    }

    #[test]
    fn what_cannot_rise_and_what_multiplies(case in cases()) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        let Some((cohorts, table)) = both_cohorts(&case, &activity, &known)? else { return Ok(()) };
        let by_label = table.labels.is_some();
        let with = |criterion, base| {
            let ask = Ask { criterion, base, ..case.ask.clone() };
            triangle(&Case { ask, ..case.clone() }, &activity, &known, &cohorts)
        };
        let Some(after) = with(Criterion::OnOrAfter, Base::Cohort)? else { return Ok(()) };
        let streak = with(Criterion::Streak, Base::Cohort)?.unwrap();
        let before = with(Criterion::OnOrBefore, Base::Cohort)?.unwrap();
        let on = with(Criterion::On, Base::Cohort)?.unwrap();
        let (steps, steps_after) =
            (with(Criterion::Streak, Base::Previous)?.unwrap(), with(Criterion::OnOrAfter, Base::Previous)?.unwrap());
        for cohort in after.cohorts() {
            let cell = |triangle: &Retention, age| triangle.cell(key(cohort, by_label), age).unwrap();
            let (mut product, mut product_after) = (Some(1.0), Some(1.0));
            for age in 0..=after.horizon() {
                let at = |triangle: &Retention| cell(triangle, age);
                let counts = [&streak, &on, &before, &after].map(at);
                prop_assert!(counts.iter().all(|cell| cell.eligible == counts[0].eligible));
                prop_assert!(counts[0].so_far <= counts[1].so_far && counts[1].so_far <= counts[3].so_far);
                prop_assert!(counts[1].active <= counts[2].active && counts[1].active <= counts[3].active);
                for count in counts {
                    prop_assert!(count.active <= count.so_far && count.active <= count.eligible);
                    prop_assert!(count.so_far.is_none_or(|so_far| so_far <= cohort.size));
                }
                if age > 0 && at(&after).eligible == cell(&after, age - 1).eligible {
                    let earlier = |triangle: &Retention| cell(triangle, age - 1).active;
                    prop_assert!(at(&after).active <= earlier(&after) && at(&streak).active <= earlier(&streak));
                    prop_assert!(age == 1 || at(&before).active >= earlier(&before));
                }
                if at(&streak).eligible != Some(cohort.size) || cohort.size == 0 {
                    break;
                }
                let multiply = |product: Option<f64>, rate: Option<f64>| Some(product? * rate?);
                product = multiply(product, at(&steps).rate);
                product_after = multiply(product_after, at(&steps_after).rate);
                // Once nobody is left there is nothing to divide by, and the rate stays 0.
                prop_assert!(near(product.or(Some(0.0)), at(&streak).rate), "{product:?} {:?}", at(&streak));
                prop_assert!(near(product_after.or(Some(0.0)), at(&after).rate), "{product_after:?} {:?}", at(&after));
            }
        }
    }
}

proptest! {
    // Each case reads its log some ten times.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 2))]

    #[test]
    fn the_shape_of_the_tables_makes_no_difference(
        (case, events, entries) in cases().prop_flat_map(|case| {
            let entries = if let Source::Table(entries, _) = &case.source { entries.clone() } else { Vec::new() };
            let events = Just(case.world.events.clone()).prop_shuffle();
            (Just(case), events, Just(entries).prop_shuffle())
        }),
        cut in any::<Index>(),
    ) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        let case = Case { world: case.world.named(&known), ..case };
        let Some((cohorts, table)) = both_cohorts(&case, &activity, &known)? else { return Ok(()) };
        let Some(expected) = triangle(&case, &activity, &known, &cohorts)? else { return Ok(()) };
        let by_label = table.labels.is_some();
        let behind = |triangle: &Retention, activity: &Activity, cohorts: &Cohorts| {
            let filled = triangle.cohorts().iter().filter(|cohort| cohort.size > 0).take(2);
            let ages = |cohort| (0..=triangle.horizon().min(2)).map(move |age| (key(cohort, by_label), age));
            let of = |(key, age)| triangle.members_of(activity, cohorts, key, age).ok().map(|found| members(&found));
            filled.flat_map(ages).map(of).collect::<Vec<_>>()
        };
        let check = |what: &str, activity: &Activity, cohorts: &Cohorts| {
            let other = activity.retention_of(cohorts, case.ask.options());
            prop_assert_eq!(other.as_ref().map_err(|error| error.to_string()), Ok(&expected), "{}", what);
            let found = behind(&other.unwrap(), activity, cohorts);
            prop_assert_eq!(found, behind(&expected, activity, cohorts), "{}", what);
            Ok(())
        };

        // Parts of the log are seen as the whole is; the last row alone is kept beside the table.
        let part = |events: &[Event]| World { events: events.to_vec(), ..case.world.clone() };
        let rows = &case.world.events;
        let appended = |kept: usize| {
            let mut activity = part(&rows[..kept]).ingest().unwrap();
            activity.append(&part(&rows[kept..]).ingest().unwrap()).unwrap();
            activity
        };
        let half = cut.index(rows.len() + 1);
        let merged = part(&rows[..half]).ingest().unwrap().merge(&part(&rows[half..]).ingest().unwrap()).unwrap();
        let same = [
            ("events shuffled", part(&events).ingest().unwrap()),
            ("merged", merged),
            ("a row appended", appended(rows.len() - 1)),
            ("two rows appended", appended(rows.len().saturating_sub(2))),
            ("a part appended", appended(half)),
        ];
        for (what, other) in &same {
            check(what, other, &cohorts)?;
            if let Source::Entry(entry) = &case.source {
                prop_assert_eq!(other.cohorts(entry.clone()).unwrap(), cohorts.clone(), "{}", what);
            }
        }
        let integers = [DataType::Int32, DataType::UInt16, DataType::UInt64];
        for users in &integers {
            let other = case.world.ingest_frame(&frame_with(rows, users, &DataType::Int64)).unwrap();
            check(&users.to_string(), &other, &cohorts)?;
        }
        if let Source::Table(raw, columns) = &case.source {
            let read = |entries: &[RawEntry], users: &DataType| {
                let frame = table_frame(entries, *columns, case.world.zone, users);
                Cohorts::from_frame(&frame, &columns.mapped()).unwrap()
            };
            check("entries shuffled", &activity, &read(&entries, &DataType::Int64))?;
            for users in &integers {
                check(&format!("entries of {users}"), &activity, &read(raw, users))?;
            }
            let text = case.world.ingest_frame(&frame_with(rows, &DataType::String, &DataType::Int64)).unwrap();
            let known: Vec<String> = ENTERING.map(id_text).into();
            let of = crate::log::enum_of(known.iter().map(String::as_str));
            for users in [DataType::String, crate::log::categorical(), of] {
                check(&format!("entries of {users}"), &text, &read(raw, &users))?;
            }
            let mixed = text.retention_of(&cohorts, case.ask.options());
            prop_assert!(matches!(mixed, Err(Error::Incompatible { .. })), "{mixed:?}");
        }
    }
}

/// A property that never meets what it is about proves nothing.
#[test]
fn the_cases_are_rich() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let cases = cases();
    let mut met = [0; 7];
    for _ in 0..300 {
        let case = cases.new_tree(&mut runner).unwrap().current();
        let Some((activity, known)) = both(&case.world).unwrap() else { continue };
        let Some((_, table)) = both_cohorts(&case, &activity, &known).unwrap() else { continue };
        let truth = Truth::new(&known, &table, &case.ask);
        let cells = || (0..truth.rows.len()).flat_map(|row| (0..=truth.horizon).map(move |age| (row, age)));
        let any = |found: &dyn Fn(usize, usize) -> bool| usize::from(cells().any(|(row, age)| found(row, age)));
        met[0] += any(&|row, age| {
            let cell = truth.cell(row, age);
            cell.active > 0 && cell.eligible > cell.active && age > 0
        });
        met[1] += any(&|row, age| {
            let cell = truth.cell(row, age);
            cell.coverage == Coverage::Observed && cell.eligible < truth.size(row) && cell.eligible > 0
        });
        met[2] +=
            any(&|row, age| truth.cell(row, age).coverage == Coverage::Open && !truth.cell(row, age).so_far.is_empty());
        met[3] += usize::from(truth.before > 0 || truth.after > 0);
        met[4] += usize::from(truth.never_active > 0);
        let habit = known.entries(&Entry::ActiveDays { at_least: 2, within: 30 }).unwrap();
        met[5] += usize::from(habit.undecided > 0 && !habit.entries.is_empty());
        let Some((last, first)) = case.world.events.split_last() else { continue };
        let part = |events: &[Event]| World { events: events.to_vec(), ..case.world.named(&known) };
        let mut activity = part(first).ingest().unwrap();
        activity.append(&part(std::slice::from_ref(last)).ingest().unwrap()).unwrap();
        met[6] += usize::from(format!("{activity:?}").contains("recent: Some"));
    }
    assert!(met.iter().all(|&met| met >= 10), "{met:?}");
}
