//! The first and the last clock time of active days, against a look at every event.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use attrition::polars::prelude::*;
use attrition::{Activity, Calendar, Date, Error, EventColumns, SegmentColumns};
use jiff::tz::TimeZone as Zone;
use jiff::{Timestamp, civil};
use proptest::prelude::*;
use proptest::sample::select;

use super::log::{
    Event, Mapped, NO_ACCOUNT, Way, answers, categorical, day, expected_intake, expected_rows, frame_with,
    intake_counts, message, rows,
};

const DAY: i64 = 86_400_000_000_000;
const UNITS: [(TimeUnit, i64); 3] =
    [(TimeUnit::Milliseconds, 1_000_000), (TimeUnit::Microseconds, 1_000), (TimeUnit::Nanoseconds, 1)];

/// Events, whose days are those of a zone, with their instants in nanoseconds.
#[derive(Clone, Debug)]
struct Log {
    zone: &'static str,
    events: Vec<(Event, Option<i64>)>,
}

/// User, account and day.
type Key = (i64, i64, i32);

/// The day and the time of day that a clock shows.
fn local(zone: &str, instant: i64) -> (i32, i64) {
    let shown = Timestamp::from_nanosecond(instant.into()).unwrap().to_zoned(Zone::get(zone).unwrap()).datetime();
    let midnight = shown.date().to_datetime(civil::Time::midnight());
    let days = (shown.date() - civil::date(1970, 1, 1)).get_days();
    (days, i64::try_from(shown.duration_since(midnight).as_nanos()).unwrap())
}

fn nanosecond(instant: &str) -> i64 {
    i64::try_from(instant.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
}

impl Log {
    /// The days are filled in by the instants.
    fn new(zone: &'static str, events: impl IntoIterator<Item = (Event, Option<i64>)>) -> Self {
        let dated = |(event, instant): (Event, Option<i64>)| {
            (Event { day: instant.map(|instant| local(zone, instant).0), ..event }, instant)
        };
        Self { zone, events: events.into_iter().map(dated).collect() }
    }

    fn of_user(zone: &'static str, instants: &[&str]) -> Self {
        let event = Event { user: Some(1), ..Event::default() };
        Self::new(zone, instants.iter().map(|instant| (event.clone(), Some(nanosecond(instant)))))
    }

    fn part(&self, keep: impl Fn(usize, &Event) -> bool) -> Self {
        let kept = self.events.iter().enumerate().filter(|(row, (event, _))| keep(*row, event));
        Self { zone: self.zone, events: kept.map(|(_, event)| event.clone()).collect() }
    }

    fn rows(&self) -> Vec<Event> {
        self.events.iter().map(|(event, _)| event.clone()).collect()
    }

    fn calendar(&self) -> Calendar {
        Calendar::new(self.zone).unwrap()
    }

    fn frame(&self, user: &DataType, unit: (TimeUnit, i64), on: Option<&str>) -> DataFrame {
        let mut frame = frame_with(&self.rows(), user, &DataType::Int64);
        let times: Vec<Option<i64>> =
            self.events.iter().map(|event| event.1.map(|instant| instant.div_euclid(unit.1))).collect();
        let datetime = DataType::Datetime(unit.0, TimeZone::opt_try_new(on).unwrap());
        frame.with_column(Column::new("time".into(), times).cast(&datetime).unwrap()).unwrap();
        frame
    }

    fn plain(&self) -> DataFrame {
        self.frame(&DataType::Int64, UNITS[2], None)
    }

    fn ingest(&self, mapped: Mapped, between: Option<(i32, i32)>) -> Activity {
        let mut builder = Activity::builder(&mapped.columns().clock_times(), &self.calendar());
        if let Some((first, last)) = between {
            builder = builder.observed_from(day(first)).as_of(day(last));
        }
        builder.push(&self.plain()).unwrap();
        builder.finish().unwrap()
    }

    /// What the frame should say, by one look at each event.
    fn expected(&self, accounts: bool) -> Vec<(Key, (i64, i64))> {
        let mut times: BTreeMap<Key, Vec<i64>> = BTreeMap::new();
        for (event, instant) in &self.events {
            if let (Some(user), Some(instant)) = (event.user, instant) {
                let (day, time) = local(self.zone, *instant);
                let account = event.account.filter(|_| accounts).unwrap_or(NO_ACCOUNT);
                times.entry((user, account, day)).or_default().push(time);
            }
        }
        let ends = |times: Vec<i64>| (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        times.into_iter().map(|(key, times)| (key, ends(times))).collect()
    }

    fn check(&self, activity: &Activity, mapped: Mapped, what: &str) {
        assert_eq!(times(activity), self.expected(mapped.account), "{what}");
        assert_eq!(rows(activity), expected_rows(&self.rows(), mapped, None), "{what}");
        assert_eq!(intake_counts(activity.intake()), expected_intake(&self.rows(), mapped, None), "{what}");
    }
}

/// The clock times that the frame says.
fn times(activity: &Activity) -> Vec<(Key, (i64, i64))> {
    let frame = activity.to_frame().unwrap();
    let column = |name: &str| frame.column(name).unwrap().i64().unwrap().clone();
    let (first, last) = (column("first_time"), column("last_time"));
    let row = |(number, row): (usize, super::log::Row)| {
        ((row.actor, row.account, row.day), (first.get(number).unwrap(), last.get(number).unwrap()))
    };
    rows(activity).into_iter().enumerate().map(row).collect()
}

/// Where clocks are at their oddest, and an ordinary week.
const SCENES: [(&str, civil::Date); 8] = [
    ("Europe/Vilnius", civil::date(2024, 3, 29)),
    ("Europe/Vilnius", civil::date(2024, 10, 25)),
    ("America/St_Johns", civil::date(2006, 10, 27)),
    ("America/Havana", civil::date(2024, 3, 8)),
    ("Pacific/Apia", civil::date(2011, 12, 28)),
    ("UTC", civil::date(1969, 12, 29)),
    ("UTC", civil::date(2024, 2, 27)),
    ("Asia/Kolkata", civil::date(2023, 5, 1)),
];
/// So many days of a scene have events.
const LENGTH: i32 = 6;

fn any_event() -> impl Strategy<Value = (Event, Option<i64>)> {
    let user = prop::option::weighted(0.95, -3..7_i64);
    let account = prop::option::weighted(0.8, 0..3_i64);
    let feature = prop::option::weighted(0.9, 0..70_u32);
    let value = prop::option::weighted(0.9, (-9..9_i32).prop_map(|quarters| f64::from(quarters) * 0.25));
    let second = prop_oneof![Just(0), Just(3_599), 0..86_400_i64];
    let within = (0..i64::from(LENGTH), second, select(vec![0, -1, 1, 999_999_999, 500_000_000_i64]));
    let instant = within.prop_map(|(days, second, jitter)| days * DAY + second * 1_000_000_000 + jitter);
    let instant = prop::option::weighted(0.95, instant);
    (user, account, feature, value, instant).prop_map(|(user, account, feature, value, instant)| {
        (Event { user, account, feature, value, day: None }, instant)
    })
}

/// A log, and the days of a little more than its scene.
fn any_log() -> impl Strategy<Value = (Log, (i32, i32))> {
    (select(&SCENES[..]), prop::collection::vec(any_event(), 0..60)).prop_map(|((zone, start), events)| {
        let midnight = start.to_zoned(Zone::get(zone).unwrap()).unwrap().timestamp().as_nanosecond();
        let midnight = i64::try_from(midnight).unwrap();
        let placed = events.into_iter().map(|(event, within)| (event, within.map(|within| midnight + within)));
        let first = (start - civil::date(1970, 1, 1)).get_days();
        (Log::new(zone, placed), (first - 2, first + LENGTH + 2))
    })
}

fn any_mapped() -> impl Strategy<Value = Mapped> {
    any::<(bool, bool, bool)>().prop_map(|(account, feature, value)| Mapped { account, feature, value })
}

fn scratch(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clock-times-{test}-{}", std::process::id()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn times_are_what_looking_says((log, _) in any_log(), mapped in any_mapped()) {
        if log.events.iter().any(|(event, instant)| event.user.is_some() && instant.is_some()) {
            log.check(&log.ingest(mapped, None), mapped, "");
        }
    }

    #[test]
    fn the_shape_of_the_log_makes_no_difference(
        ((log, between), order) in any_log().prop_flat_map(|(log, between)| {
            let order = Just((0..log.events.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just((log, between)), order)
        }),
        mapped in any_mapped(),
        parts in 2..5_usize,
    ) {
        let whole = log.ingest(mapped, Some(between));
        let shuffled = Log { events: order.iter().map(|&row| log.events[row].clone()).collect(), ..log.clone() };
        prop_assert_eq!(&shuffled.ingest(mapped, Some(between)), &whole);
        let dealt: Vec<Log> = (0..parts).map(|part| log.part(|row, _| order[row] % parts == part)).collect();
        let made: Vec<Activity> = dealt.iter().map(|part| part.ingest(mapped, Some(between))).collect();
        let merged = made.iter().skip(1).fold(made[0].clone(), |all, part| part.merge(&all).unwrap());
        prop_assert_eq!(&merged, &whole);
        let mut appended = made[0].clone();
        made[1..].iter().for_each(|part| appended.append(part).unwrap());
        prop_assert_eq!(&appended, &whole);
        let mut builder = Activity::builder(&mapped.columns().clock_times(), &log.calendar())
            .observed_from(day(between.0)).as_of(day(between.1));
        let frames = dealt.iter().map(Log::plain);
        builder.push(&frames.reduce(|all, part| all.vstack(&part).unwrap()).unwrap()).unwrap();
        prop_assert_eq!(&builder.finish().unwrap(), &whole);
        let mut builder = Activity::builder(&mapped.columns().clock_times(), &log.calendar())
            .observed_from(day(between.0)).as_of(day(between.1));
        for (part, way) in dealt.iter().zip(Way::ALL.into_iter().cycle()) {
            way.push(&mut builder, &part.plain()).unwrap();
        }
        prop_assert_eq!(&builder.finish().unwrap(), &whole);
        for other in [&merged, &appended] {
            prop_assert_eq!(times(other), log.expected(mapped.account));
        }
    }

    #[test]
    fn parts_of_an_activity_keep_their_times((log, between) in any_log(), mapped in any_mapped(), on in 0..LENGTH + 4) {
        let whole = log.ingest(mapped, Some(between));
        let last = between.0 + on;
        let early = log.part(|_, event| event.day.is_some_and(|day| day <= last));
        prop_assert_eq!(whole.at(day(last)).unwrap(), early.ingest(mapped, Some((between.0, last))));

        let segments = df!("id" => [0_i64, 1, 2, 3], "plan" => ["a", "b", "a", "b"]).unwrap();
        let columns = SegmentColumns::new("id", "plan");
        let split = whole.split_by(&segments, &columns).unwrap();
        for (name, part) in split.parts() {
            let plan = |user: i64| (0..4).contains(&user).then_some(if user % 2 == 0 { "a" } else { "b" });
            let of = log.part(|_, event| event.user.is_some_and(|user| plan(user) == name.as_deref()));
            prop_assert_eq!(times(part), of.expected(mapped.account));
            prop_assert_eq!(part, &whole.filter(&segments, &columns, name.as_deref()).unwrap());
        }
        let together = split.into_iter().map(|(_, part)| part).reduce(|all, part| all.merge(&part).unwrap());
        prop_assert_eq!(together, (whole.actors() > 0).then_some(whole.clone()));

        if mapped.account {
            let as_users = log.events.iter().filter(|(event, _)| event.user.is_some() && event.account.is_some());
            let as_users = as_users.map(|(event, instant)| (Event { user: event.account, ..event.clone() }, *instant));
            let as_users = Log { zone: log.zone, events: as_users.collect() };
            let by_account = whole.by_account().unwrap();
            prop_assert_eq!(times(&by_account), as_users.expected(false));
            prop_assert_eq!(by_account, as_users.ingest(Mapped { account: false, ..mapped }, Some(between)));
        }

        let path = scratch("stored");
        whole.save(&path).unwrap();
        let loaded = Activity::load(&path).unwrap();
        fs::remove_file(&path).unwrap();
        prop_assert_eq!(&loaded, &whole);
        prop_assert_eq!(times(&loaded), log.expected(mapped.account));
        prop_assert_eq!(loaded.intake(), whole.intake());
    }

    /// All else is the same with and without clock times.
    #[test]
    fn clock_times_change_nothing_else((log, between) in any_log(), mapped in any_mapped()) {
        let with = log.ingest(mapped, Some(between));
        let window = |columns: &EventColumns| {
            Activity::builder(columns, &log.calendar()).observed_from(day(between.0)).as_of(day(between.1))
        };
        let mut builder = window(&mapped.columns());
        builder.push(&log.plain()).unwrap();
        let without = builder.finish().unwrap();
        let mut builder = window(&mapped.columns());
        builder.push(&frame_with(&log.rows(), &DataType::Int64, &DataType::Int64)).unwrap();
        prop_assert_eq!(&builder.finish().unwrap(), &without);
        prop_assert_eq!(answers(&with), answers(&without));
        prop_assert_eq!(with.intake(), without.intake());
        prop_assert_eq!(with.to_string(), without.to_string());
        prop_assert_ne!(&with, &without);
        let frame = with.to_frame().unwrap();
        let fewer = frame.drop_many(["first_time", "last_time"]);
        prop_assert_eq!(frame.width(), fewer.width() + 2);
        prop_assert!(fewer.equals_missing(&without.to_frame().unwrap()));
    }

    /// What the times are kept for: the windows of 24 hours from a user's first event that were used, by every instant and
    /// by the ends of the days alone. In UTC no clock changes, so there the two must agree.
    #[test]
    fn the_ends_of_days_know_windows_of_24_hours((log, between) in any_log()) {
        let log = Log::new("UTC", log.events);
        let mut instants: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for (event, instant) in &log.events {
            if let (Some(user), Some(instant)) = (event.user, instant) {
                instants.entry(user).or_default().insert(*instant);
            }
        }
        let used = |instants: BTreeSet<i64>| {
            let first = *instants.first().unwrap();
            instants.iter().map(|instant| (instant - first) / DAY).collect::<BTreeSet<_>>()
        };
        let expected: BTreeMap<i64, BTreeSet<i64>> =
            instants.into_iter().map(|(user, instants)| (user, used(instants))).collect();

        let mut days: BTreeMap<i64, BTreeMap<i64, (i64, i64)>> = BTreeMap::new();
        for ((user, _, day), ends) in times(&log.ingest(Mapped::NONE, Some((between.0 - 1, between.1 + 1)))) {
            days.entry(user).or_default().insert(day.into(), ends);
        }
        let used = |days: BTreeMap<i64, (i64, i64)>| {
            let (&start, &(offset, _)) = days.first_key_value().unwrap();
            let was_used = |window: &i64| {
                days.get(&(start + window)).is_some_and(|&(_, last)| last >= offset)
                    || days.get(&(start + window + 1)).is_some_and(|&(first, _)| first < offset)
            };
            (0..=i64::from(LENGTH) + 1).filter(was_used).collect::<BTreeSet<_>>()
        };
        let found: BTreeMap<i64, BTreeSet<i64>> = days.into_iter().map(|(user, days)| (user, used(days))).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn by_hand() {
    const HOUR: i64 = DAY / 24;
    let check = |zone, instants: &[&str], expected: &[(&str, i64, i64)]| {
        let log = Log::of_user(zone, instants);
        let expected = expected.iter().map(|&(date, first, last)| {
            ((1, NO_ACCOUNT, date.parse::<Date>().unwrap().days_since_epoch()), (first, last))
        });
        assert_eq!(times(&log.ingest(Mapped::NONE, None)), expected.collect::<Vec<_>>(), "{zone} {instants:?}");
    };
    // One event, and a midnight between two.
    check("UTC", &["1970-01-01T00:00:00Z"], &[("1970-01-01", 0, 0)]);
    check(
        "UTC",
        &["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z", "1969-12-31T12:00:00Z"],
        &[("1969-12-31", 12 * HOUR, DAY - 1), ("1970-01-01", 0, 0)],
    );
    // Vilnius is two hours ahead until 3:00, when the clock springs to 4:00: a day of 23 hours.
    check(
        "Europe/Vilnius",
        &["2024-03-31T01:00:00Z", "2024-03-30T22:00:00Z", "2024-03-31T20:59:59.999999999Z"],
        &[("2024-03-31", 0, DAY - 1)],
    );
    check("Europe/Vilnius", &["2024-03-31T00:59:59.999999999Z"], &[("2024-03-31", 3 * HOUR - 1, 3 * HOUR - 1)]);
    check("Europe/Vilnius", &["2024-03-31T01:00:00Z"], &[("2024-03-31", 4 * HOUR, 4 * HOUR)]);
    // In autumn it shows the hour from 3:00 on twice: what is later can stand earlier.
    check(
        "Europe/Vilnius",
        &["2024-10-27T00:30:00Z", "2024-10-27T01:10:00Z"],
        &[("2024-10-27", 3 * HOUR + HOUR / 6, 3 * HOUR + HOUR / 2)],
    );
    // In Newfoundland it went back over midnight, and in Samoa a day was left out.
    check(
        "America/St_Johns",
        &["2006-10-29T02:30:30Z", "2006-10-29T02:31:00Z"],
        &[("2006-10-28", 23 * HOUR + HOUR / 60, 23 * HOUR + HOUR / 60), ("2006-10-29", HOUR / 120, HOUR / 120)],
    );
    check(
        "Pacific/Apia",
        &["2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"],
        &[("2011-12-29", DAY - HOUR / 3_600, DAY - HOUR / 3_600), ("2011-12-31", 0, 0)],
    );
}

#[test]
fn instants_of_every_unit_and_zone() {
    for (zone, start) in SCENES {
        let midnight = start.to_zoned(Zone::get(zone).unwrap()).unwrap().timestamp().as_nanosecond();
        let midnight = i64::try_from(midnight).unwrap();
        let event = |row: i64| {
            let scrambled = row * 7_919 % 1_009;
            let event = Event {
                user: (row % 11 > 0).then_some(scrambled % 5),
                account: (row % 3 > 0).then_some(scrambled % 2),
                feature: Some((scrambled % 9) as u32),
                value: Some(0.5),
                day: None,
            };
            (event, (row % 13 > 0).then_some(midnight + scrambled * 433_333_333_333))
        };
        for unit in UNITS {
            // What a coarser unit cannot say is cut off before anyone looks.
            let cut = |(event, instant): (Event, Option<i64>)| {
                (event, instant.map(|instant| instant.div_euclid(unit.1) * unit.1))
            };
            let log = Log::new(zone, (0..120).map(event).map(cut));
            for mapped in [Mapped::NONE, Mapped::ALL, Mapped { account: true, ..Mapped::NONE }] {
                for on in [None, Some("UTC"), Some("Asia/Tokyo")] {
                    for user in [DataType::Int64, DataType::UInt8, categorical()] {
                        let frame = log.frame(&user, unit, on);
                        let columns = mapped.columns().clock_times();
                        let ways = if mapped == Mapped::ALL { &Way::ALL[..] } else { &Way::ALL[..1] };
                        for &way in ways {
                            let activity = way.ingest(&frame, &columns, &log.calendar()).unwrap();
                            log.check(&activity, mapped, &format!("{zone} {unit:?} {mapped:?} {on:?} {user} {way:?}"));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn pushes_may_differ_in_their_unit() {
    let instants = (0..90_i64).map(|row| nanosecond("2024-03-30T12:00:00Z") + row * 7_654_321_000_000 % (3 * DAY));
    let log = Log::new(
        "Europe/Vilnius",
        instants.map(|instant| (Event { user: Some(instant % 7), ..Event::default() }, Some(instant))),
    );
    let mut builder = Activity::builder(&EventColumns::new("user", "time").clock_times(), &log.calendar());
    for (part, unit) in UNITS.into_iter().enumerate() {
        builder.push(&log.part(|row, _| row / 30 == part).frame(&DataType::Int64, unit, None)).unwrap();
    }
    log.check(&builder.finish().unwrap(), Mapped::NONE, "");
}

#[test]
fn frames_of_many_rows() {
    // Enough for several workers, for finished days to be met again, and for shards to be grouped on the way.
    let start = nanosecond("2023-12-20T00:00:00Z");
    let event = |row: i64| {
        let scrambled = row * 7_919 % 300_007;
        let event = Event {
            user: Some(scrambled % 401),
            account: (scrambled % 5 > 0).then_some(scrambled % 7),
            feature: Some((scrambled % 90) as u32),
            value: Some((scrambled % 8) as f64 * 0.5),
            day: None,
        };
        (event, Some(start + scrambled * 17_280_123_456 % (60 * DAY)))
    };
    let log = Log::new("America/New_York", (0..300_000).map(event));
    for mapped in [Mapped::ALL, Mapped::NONE] {
        let activity = log.ingest(mapped, None);
        assert!(times(&activity) == log.expected(mapped.account), "{mapped:?}");
        assert!(rows(&activity) == expected_rows(&log.rows(), mapped, None), "{mapped:?}");
    }
}

#[test]
fn appends_beside_a_long_log() {
    let start = nanosecond("2024-10-20T00:00:00Z");
    let event = |row: i64| {
        let scrambled = row * 7_919 % 10_007;
        let event = Event { user: Some(scrambled % 31), account: Some(scrambled % 2), ..Event::default() };
        (event, Some(start + scrambled * 86_399_123_456 % (12 * DAY)))
    };
    let mapped = Mapped { account: true, ..Mapped::NONE };
    let log = Log::new("Europe/Vilnius", (0..700).map(event));
    let (first, last) = (log.events.iter().map(|event| event.0.day.unwrap()).min().unwrap(), log.part(|_, _| true));
    let last = last.events.iter().map(|event| event.0.day.unwrap()).max().unwrap();
    let mut appended = log.part(|row, _| row < 650).ingest(mapped, Some((first, last)));
    let mut beside = 0;
    for row in 650..700 {
        appended.append(&log.part(|other, _| other == row).ingest(mapped, Some((first, last)))).unwrap();
        beside += usize::from(format!("{appended:?}").contains("recent: Some"));
        let so_far = log.part(|other, _| other <= row);
        assert_eq!(times(&appended), so_far.expected(true));
    }
    assert!(beside > 5, "{beside}");
    assert_eq!(appended, log.ingest(mapped, Some((first, last))));
}

#[test]
fn a_date_has_no_clock_time() {
    let log = Log::of_user("UTC", &["2024-01-01T10:00:00Z", "2024-01-02T11:00:00Z"]);
    let dates = frame_with(&log.rows(), &DataType::Int64, &DataType::Int64);
    let columns = EventColumns::new("user", "time").clock_times();
    for frame in [dates.clone(), dates.slice(0, 0)] {
        for way in Way::ALL {
            let error = way.ingest(&frame, &columns, &Calendar::utc()).unwrap_err();
            let Error::UnsupportedType { column, role: "time", dtype, .. } = &error else { panic!("{error:?}") };
            assert_eq!((column.as_str(), &**dtype), ("time", &DataType::Date));
            assert!(message(&error).contains("clock_times"));
        }
    }
    // It is refused before a row is read, so nothing is lost.
    let mut builder = Activity::builder(&columns, &Calendar::utc());
    builder.push(&log.plain()).unwrap();
    builder.push(&dates).unwrap_err();
    log.check(&builder.finish().unwrap(), Mapped::NONE, "");
    // What is no time at all is refused as ever.
    let text = df!("user" => [1], "time" => ["2024-01-01"]).unwrap();
    let error = Activity::from_frame(&text, &columns, &Calendar::utc()).unwrap_err();
    assert!(matches!(error, Error::UnsupportedType { role: "time", .. }), "{error:?}");
}

#[test]
fn rows_that_are_left_out_have_no_say() {
    // Nulls of any kind, days outside the observation, and an instant beyond the calendar without a user.
    let event = Event { user: Some(1), ..Event::default() };
    let kept = Log::of_user("UTC", &["2024-01-02T10:00:00Z", "2024-01-02T12:00:00Z"]);
    let mut log = kept.clone();
    let outside =
        ["2024-01-01T23:59:59Z", "2024-01-03T00:00:00Z"].map(|instant| (event.clone(), Some(nanosecond(instant))));
    log.events.extend(outside);
    log.events.push((event, None));
    log.events.push((Event::default(), Some(nanosecond("2024-01-02T01:00:00Z"))));
    log.events.push((Event::default(), Some(i64::MAX)));
    log.events.push((Event::default(), Some(i64::MIN)));
    log.events.reverse();
    let between = kept.events[0].0.day.map(|day| (day, day));
    assert_eq!(times(&log.ingest(Mapped::NONE, between)), kept.expected(false));
}

#[test]
fn activities_with_and_without_are_not_put_together() {
    let log = Log::of_user("UTC", &["2024-01-01T10:00:00Z"]);
    let with = log.ingest(Mapped::NONE, None);
    let without = Activity::from_frame(&log.plain(), &Mapped::NONE.columns(), &Calendar::utc()).unwrap();
    for (left, right) in [(&with, &without), (&without, &with)] {
        let mut appended = left.clone();
        for error in [left.merge(right).unwrap_err(), appended.append(right).unwrap_err()] {
            assert!(matches!(error, Error::Incompatible { what: "the clock times", .. }), "{error:?}");
            message(&error);
        }
        assert_eq!(&appended, left);
    }
    assert_ne!(with, without);
}

#[test]
fn damaged_files_are_refused() {
    let log =
        Log::of_user("Europe/Vilnius", &["2024-01-01T10:00:00Z", "2024-01-01T12:00:00.5Z", "1969-12-31T03:04:05Z"]);
    let (activity, path) = (log.ingest(Mapped::NONE, None), scratch("damaged"));
    activity.save(&path).unwrap();
    assert_eq!(Activity::load(&path).unwrap(), activity);
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged).unwrap();
        let error = Activity::load(&path).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "byte {at}: {error:?}");
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn columns_are_stored_with_what_was_asked() {
    let columns = EventColumns::new("user", "time").feature("what").clock_times();
    let text = serde_json::to_string(&columns).unwrap();
    assert_eq!(serde_json::from_str::<EventColumns>(&text).unwrap(), columns);
    // As it was written before there were clock times.
    let earlier = text.replace(",\"clock_times\":true", "");
    assert_ne!(earlier, text);
    let earlier: EventColumns = serde_json::from_str(&earlier).unwrap();
    assert_eq!(earlier, EventColumns::new("user", "time").feature("what"));
}
