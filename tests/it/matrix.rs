//! Every type that a column may have, and every one it may not: the same answers, or the documented error.

use std::fs;

use attrition::polars::prelude::*;
use attrition::{Activity, Calendar, Date, Error, EventColumns, Result, SegmentColumns, Weekday, date};
use jiff::Timestamp;
use jiff::tz::TimeZone as Zone;

use super::log::{
    Answers, Event, Mapped, Way, answers, builder, categorical, enum_of, event, expected_intake, expected_rows, frame,
    frame_with, id_text, intake_counts, message, rows, write,
};

const DAY: i64 = 86_400_000;

fn integers() -> Vec<DataType> {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    vec![Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64]
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<DataType> {
    vec![DataType::String, categorical(), enum_of(texts)]
}

fn id_types() -> Vec<DataType> {
    let names: Vec<String> = (0..128).map(id_text).collect();
    [integers(), texts(names.iter().map(String::as_str))].concat()
}

/// Six weeks over the turn of a year, with nulls in every role, in no order.
fn log() -> Vec<Event> {
    let event = |row: i64| {
        let scrambled = row * 37 % 101;
        Event {
            user: (scrambled % 11 > 0).then_some([0, 5, 17, 127, 64, 3][(scrambled % 6) as usize]),
            day: (row % 13 > 0).then_some((19_700 + scrambled % 43) as i32),
            account: (row % 4 > 0).then_some([0, 127, 9][(scrambled % 3) as usize]),
            feature: (row % 5 > 0).then_some((scrambled % 7) as u32),
            value: (row % 6 > 0).then_some((scrambled % 9 - 4) as f64 * 0.25),
        }
    };
    (0..80).map(event).collect()
}

/// Instants of a log whose days are those of a time zone: around midnight in several zones, and in between.
fn log_of_instants(zone: &str) -> (Vec<Event>, Vec<Option<i64>>) {
    let zone = Zone::get(zone).unwrap();
    let mut events = log();
    let mut instants = Vec::new();
    for (row, event) in (0_i64..).zip(&mut events) {
        let within = [0, DAY - 1, 22 * 3_600_000, 22 * 3_600_000 - 1, 5 * 3_600_000 - 1, 15 * 3_600_000, 12_345_678];
        let instant = event.day.map(|day| i64::from(day) * DAY + within[(row % 7) as usize]);
        event.day = instant.map(|instant| {
            let date = Timestamp::from_millisecond(instant).unwrap().to_zoned(zone.clone()).date();
            date.to_string().parse::<Date>().unwrap().days_since_epoch()
        });
        instants.push(instant);
    }
    (events, instants)
}

fn datetimes(instants: &[Option<i64>], unit: TimeUnit, zone: Option<&str>) -> Column {
    let scale = match unit {
        TimeUnit::Milliseconds => 1,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Nanoseconds => 1_000_000,
    };
    let scaled: Vec<Option<i64>> = instants.iter().map(|instant| instant.map(|instant| instant * scale)).collect();
    raw_datetimes(&scaled, unit, zone)
}

fn raw_datetimes(instants: &[Option<i64>], unit: TimeUnit, zone: Option<&str>) -> Column {
    let zone = zone.map(|zone| TimeZone::opt_try_new(Some(zone)).unwrap().unwrap());
    Column::new("time".into(), instants).cast(&DataType::Datetime(unit, zone)).unwrap()
}

const UNITS: [TimeUnit; 3] = [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];

fn reference() -> Answers {
    let activity = Activity::from_frame(&frame(&log()), &Mapped::ALL.columns(), &Calendar::utc()).unwrap();
    let answers = answers(&activity);
    assert_eq!(answers.rows, expected_rows(&log(), Mapped::ALL, None));
    assert!(answers.members.len() > 20, "the log is too dull to tell anything");
    answers
}

fn check(activity: &Activity, events: &[Event], expected: &Answers, what: &str) {
    assert_eq!(answers(activity), *expected, "{what}");
    assert_eq!(intake_counts(activity.intake()), expected_intake(events, Mapped::ALL, None), "{what}");
}

/// What an id column of this type comes back as.
fn given_back(dtype: &DataType) -> DataType {
    if dtype.is_integer() { dtype.clone() } else { DataType::String }
}

#[test]
fn ids_of_every_type() {
    let (log, expected) = (log(), reference());
    for user in id_types() {
        for account in id_types() {
            let frame = frame_with(&log, &user, &account);
            let ingest = |way: Way| way.ingest(&frame, &Mapped::ALL.columns(), &Calendar::utc()).unwrap();
            let activity = ingest(Way::Frame);
            check(&activity, &log, &expected, &format!("{user} {account}"));
            if user == account || user == DataType::Int64 {
                assert_eq!(ingest(Way::Files), activity, "{user} {account} from files");
            }
            let back = activity.to_frame().unwrap();
            assert_eq!(back.column("actor").unwrap().dtype(), &given_back(&user));
            assert_eq!(back.column("account").unwrap().dtype(), &given_back(&account));
            let accounts = activity.by_account().unwrap().to_frame().unwrap();
            assert_eq!(accounts.column("actor").unwrap().dtype(), &given_back(&account));
        }
    }
}

#[test]
fn ids_at_the_ends_of_their_types() {
    let check = |column: Column, expected: &[&str]| {
        let days = Column::new("time".into(), vec![1_i32; column.len()]).cast(&DataType::Date).unwrap();
        let account = column.clone().with_name("account".into());
        let frame = DataFrame::new(column.len(), vec![column, days, account]).unwrap();
        let columns = EventColumns::new("user", "time").account("account");
        let activity = Activity::from_frame(&frame, &columns, &Calendar::utc()).unwrap();
        for way in Way::ALL {
            assert_eq!(way.ingest(&frame, &columns, &Calendar::utc()).unwrap(), activity, "{way:?}");
        }
        assert_eq!((activity.actors(), activity.accounts()), (expected.len(), Some(expected.len())));
        let found = activity.retention(attrition::Period::Day).unwrap().members(&activity, date(1970, 1, 2), 0);
        let found: Vec<String> = found.unwrap().iter().map(|id| id.to_string()).collect();
        assert_eq!(found, expected);
        let frame = activity.to_frame().unwrap();
        for role in ["actor", "account"] {
            let text = frame.column(role).unwrap().cast(&DataType::String).unwrap();
            assert_eq!(text.str().unwrap().iter().flatten().collect::<Vec<_>>(), expected);
        }
    };
    let user = || PlSmallStr::from("user");
    check(
        Column::new(user(), [i64::MAX, 0, -1, i64::MIN, i64::MIN]),
        &["-9223372036854775808", "-1", "0", "9223372036854775807"],
    );
    check(Column::new(user(), [u64::MAX, 0, u64::MAX - 1]), &["0", "18446744073709551614", "18446744073709551615"]);
    check(Column::new(user(), [i8::MAX, i8::MIN, -1]), &["-128", "-1", "127"]);
    check(Column::new(user(), [u32::MAX, 0, u32::MAX]), &["0", "4294967295"]);
    // Text orders by its bytes; what is empty, blank or beyond ASCII is an id like any other.
    check(
        Column::new(user(), ["ž", "", "a\0b", " ", "a", "Z", "🦀", "null"]),
        &["", " ", "Z", "a", "a\0b", "null", "ž", "🦀"],
    );
}

#[test]
fn times_of_every_type() {
    for (zone, weekday) in [("UTC", Weekday::Mon), ("Europe/Vilnius", Weekday::Sun), ("America/New_York", Weekday::Thu)]
    {
        let calendar = Calendar::new(zone).unwrap().week_starts(weekday);
        let (log, instants) = log_of_instants(zone);
        let ingest = |frame: &DataFrame, way: Way| way.ingest(frame, &Mapped::ALL.columns(), &calendar).unwrap();
        let by_date = ingest(&frame(&log), Way::Frame);
        assert_eq!(rows(&by_date), expected_rows(&log, Mapped::ALL, None));
        let expected = answers(&by_date);
        for user in [DataType::Int64, categorical()] {
            for unit in UNITS {
                for on_type in [None, Some("UTC"), Some("Asia/Tokyo"), Some("America/New_York")] {
                    let mut frame = frame_with(&log, &user, &user);
                    frame.with_column(datetimes(&instants, unit, on_type)).unwrap();
                    let activity = ingest(&frame, Way::Frame);
                    check(&activity, &log, &expected, &format!("{zone} {user} {unit} {on_type:?}"));
                    assert_eq!(ingest(&frame, Way::Files), activity, "{zone} {user} {unit} {on_type:?} from files");
                }
            }
        }
    }
}

fn in_chunks(frame: &DataFrame, size: usize) -> DataFrame {
    let parts = (0..frame.height()).step_by(size).map(|start| frame.slice(i64::try_from(start).unwrap(), size));
    let chunked = parts.reduce(|all, part| all.vstack(&part).unwrap()).unwrap();
    assert_eq!(chunked.column("user").unwrap().n_chunks(), frame.height().div_ceil(size));
    chunked
}

#[test]
fn chunks_and_pushes() {
    let (log, expected) = (log(), reference());
    let names: Vec<String> = (0..128).map(id_text).collect();
    let (columns, calendar) = (Mapped::ALL.columns(), Calendar::utc());
    for dtype in [DataType::Int64, DataType::UInt8].into_iter().chain(texts(names.iter().map(String::as_str))) {
        let whole = frame_with(&log, &dtype, &dtype);
        for size in [1, 2, 7, 40, 80] {
            let what = format!("{dtype} by {size}");
            let chunked = in_chunks(&whole, size);
            check(&Activity::from_frame(&chunked, &columns, &calendar).unwrap(), &log, &expected, &what);
            check(&Activity::from_lazy(chunked.clone().lazy(), &columns, &calendar).unwrap(), &log, &expected, &what);
            let file = write(&chunked, size);
            check(&Activity::from_parquet([&file], &columns, &calendar).unwrap(), &log, &expected, &what);
            fs::remove_file(file).unwrap();

            // Columns in chunks of different sizes.
            let mut mixed = whole.clone();
            mixed.with_column(chunked.column("time").unwrap().clone()).unwrap();
            mixed.with_column(in_chunks(&whole, 3).column("account").unwrap().clone()).unwrap();
            check(&Activity::from_frame(&mixed, &columns, &calendar).unwrap(), &log, &expected, &what);
            check(&Activity::from_lazy(mixed.lazy(), &columns, &calendar).unwrap(), &log, &expected, &what);

            // One push a part, in all ways in turn, with one without rows first.
            let mut builder = builder(Mapped::ALL, None);
            for way in Way::ALL {
                way.push(&mut builder, &whole.slice(0, 0)).unwrap();
            }
            for (turn, start) in (0..log.len()).step_by(size.max(5)).enumerate() {
                let part = whole.slice(i64::try_from(start).unwrap(), size.max(5));
                Way::ALL[turn % 3].push(&mut builder, &part).unwrap();
            }
            check(&builder.finish().unwrap(), &log, &expected, &what);
        }
    }
}

#[test]
fn queries_with_steps_of_their_own() {
    let (log, expected) = (log(), reference());
    let columns = EventColumns::new("who", "at").account("account").feature("feature").value("value");
    let query = frame(&log)
        .lazy()
        .with_columns([col("user").alias("who"), lit(1).alias("unused")])
        .rename(["time"], ["at"], true)
        .filter(col("unused").eq(lit(1)));
    let activity = Activity::from_lazy(query, &columns, &Calendar::utc()).unwrap();
    check(&activity, &log, &expected, "query");
}

#[test]
fn pushes_may_differ_in_all_but_the_ids() {
    let (log, instants) = log_of_instants("UTC");
    let expected = reference_of(&log);
    let mut builder = builder(Mapped::ALL, None);
    for part in 0..4 {
        let rows = part * 20..(part + 1) * 20;
        let mut frame = frame(&log[rows.clone()]);
        if part > 0 {
            frame.with_column(datetimes(&instants[rows], UNITS[part - 1], None)).unwrap();
        }
        if part % 2 == 0 {
            frame.apply("feature", |feature| feature.cast(&categorical()).unwrap()).unwrap();
        } else {
            // Quarters are exact in a Float32 too.
            frame.apply("value", |value| value.cast(&DataType::Float32).unwrap()).unwrap();
        }
        builder.push(&frame).unwrap();
    }
    check(&builder.finish().unwrap(), &log, &expected, "mixed pushes");
}

fn reference_of(log: &[Event]) -> Answers {
    answers(&Activity::from_frame(&frame(log), &Mapped::ALL.columns(), &Calendar::utc()).unwrap())
}

#[test]
fn pushes_of_other_ids_are_refused_and_change_nothing() {
    let log = log();
    for (user, account) in [(DataType::Int32, DataType::Int64), (DataType::Int64, DataType::String)] {
        let mut builder = builder(Mapped::ALL, None);
        builder.push(&frame(&log)).unwrap();
        let other = frame_with(&log, &user, &account);
        for result in Way::ALL.map(|way| way.push(&mut builder, &other)) {
            assert!(matches!(result, Err(Error::Incompatible { .. })), "{result:?}");
        }
        let missing = builder.push(&frame(&log).drop("account").unwrap());
        assert!(matches!(missing, Err(Error::MissingColumn { .. })), "{missing:?}");
        check(&builder.finish().unwrap(), &log, &reference(), "after refused pushes");
    }
    // Text is text: categories after strings are welcome.
    let mut builder = builder(Mapped::ALL, None);
    let split = |rows: std::ops::Range<usize>, dtype: &DataType| frame_with(&log[rows], dtype, dtype);
    builder.push(&split(0..30, &DataType::String)).unwrap();
    builder.push(&split(30..50, &categorical())).unwrap();
    builder.push_lazy(split(50..60, &DataType::String).lazy()).unwrap();
    Way::Files.push(&mut builder, &split(60..80, &categorical())).unwrap();
    check(&builder.finish().unwrap(), &log, &reference(), "kinds of text");
}

#[test]
fn nulls_are_counted_by_kind() {
    // Every combination of nulls, in every position to the window, all kinds in different numbers.
    let mut log = Vec::new();
    for nulls in 0..32_u32 {
        for (position, day) in [9, 10, 20, 21, 15].into_iter().enumerate() {
            let has = |bit: u32| nulls >> bit & 1 == 0;
            let event = Event {
                user: has(0).then_some(i64::from(nulls)),
                day: has(1).then_some(day),
                account: has(2).then_some(1),
                feature: has(3).then_some(2),
                value: has(4).then_some(0.5),
            };
            let times = 1 + (nulls as usize * 7 + position * 3) % 5;
            log.extend(std::iter::repeat_n(event, times));
        }
    }
    for between in [None, Some((10, 20))] {
        for mapped in Mapped::each() {
            let expected = expected_intake(&log, mapped, between);
            let rows_expected = expected_rows(&log, mapped, between);
            for dtype in [DataType::Int16, DataType::UInt64, DataType::String, categorical()] {
                let frame = frame_with(&log, &dtype, &dtype);
                for (size, way) in [(log.len(), Way::Frame), (50, Way::Frame), (log.len(), Way::Files)] {
                    if way == Way::Files && mapped != Mapped::ALL {
                        continue;
                    }
                    let mut builder = builder(mapped, between);
                    way.push(&mut builder, &in_chunks(&frame, size)).unwrap();
                    let activity = builder.finish().unwrap();
                    let intake = activity.intake();
                    assert_eq!(intake_counts(intake), expected, "{mapped:?} {between:?} {dtype}");
                    assert_eq!(intake.rows, intake.events + intake.left_out());
                    assert_eq!(rows(&activity), rows_expected);
                }
            }
        }
    }
}

#[test]
fn features_of_every_type() {
    for distinct in [7_u32, 64, 65, 120, 256] {
        let used = |row: u32| (!row.is_multiple_of(9)).then_some(row * 29 % distinct);
        let count = distinct * 3 + 5;
        let users: Vec<i64> = (0..count).map(|row| i64::from(row % 5)).collect();
        let days: Vec<i32> = (0..count).map(|row| (row / 40 % 6) as i32).collect();
        let numbers: Vec<Option<u32>> = (0..count).map(used).collect();
        let names: Vec<String> = (0..256).map(|feature: u32| feature.to_string()).collect();
        let events: Vec<Event> = (users.iter().zip(&days).zip(&numbers))
            .map(|((&user, &day), &feature)| Event { feature, ..event(user, day) })
            .collect();
        let mapped = Mapped { feature: true, ..Mapped::NONE };
        let (expected, intake) = (expected_rows(&events, mapped, None), expected_intake(&events, mapped, None));
        let mut first = None;
        let types = [integers(), texts(names.iter().map(String::as_str))].concat();
        for dtype in types.into_iter().filter(|dtype| *dtype != DataType::Int8 || distinct < 128) {
            let column = if dtype.is_integer() {
                Column::new("feature".into(), numbers.as_slice())
            } else {
                let text = numbers.iter().map(|number| number.map(|number| number.to_string()));
                Column::new("feature".into(), text.collect::<Vec<_>>())
            };
            let mut frame = frame(&events);
            frame.with_column(column.strict_cast(&dtype).unwrap()).unwrap();
            let mut builder = builder(mapped, None);
            builder.push(&in_chunks(&frame, 50)).unwrap();
            let activity = builder.finish().unwrap();
            let from_files = Way::Files.ingest(&frame, &mapped.columns(), &Calendar::utc()).unwrap();
            assert_eq!(from_files, activity, "{dtype} {distinct} from files");
            assert_eq!(rows(&activity), expected, "{dtype} {distinct}");
            assert_eq!(intake_counts(activity.intake()), intake);
            assert_eq!(activity.features().len(), distinct as usize);
            assert!(activity.features().is_sorted());
            assert_eq!(*first.get_or_insert_with(|| activity.clone()), activity, "{dtype}");
        }
    }
}

#[test]
fn many_features_beside_accounts_and_values() {
    // More features than a word holds must not touch what else a day carries.
    let event = |row: u32| Event {
        account: (!row.is_multiple_of(3)).then_some(i64::from(row % 2)),
        feature: (!row.is_multiple_of(7)).then_some(row * 13 % 230),
        value: Some(f64::from(row % 8) * 0.5),
        ..event(i64::from(row % 4), (row / 30 % 9) as i32)
    };
    let events: Vec<Event> = (0..700).map(event).collect();
    for mapped in Mapped::each() {
        let mut builder = builder(mapped, None);
        events.chunks(150).for_each(|events| builder.push(&frame(events)).unwrap());
        assert_eq!(rows(&builder.finish().unwrap()), expected_rows(&events, mapped, None), "{mapped:?}");
    }
}

#[test]
fn frames_of_many_rows() {
    // Enough for several workers, of which each takes part of every user's days, and for tables to overflow.
    let event = |row: i64| {
        let scrambled = row * 7_919 % 300_007;
        Event {
            account: (scrambled % 5 > 0).then_some(scrambled % 7),
            feature: Some((scrambled % 90) as u32),
            value: Some((scrambled % 8) as f64 * 0.5),
            ..event(scrambled % 4_001, (scrambled / 4_001 % 60) as i32)
        }
    };
    let events: Vec<Event> = (0..300_000).map(event).collect();
    let expected = expected_rows(&events, Mapped::ALL, None);
    for dtype in [DataType::Int64, DataType::String] {
        let mut frame = frame_with(&events, &dtype, &dtype);
        for way in [Way::Frame, Way::Query] {
            let activity = way.ingest(&frame, &Mapped::ALL.columns(), &Calendar::utc()).unwrap();
            assert!(rows(&activity) == expected, "{dtype} {way:?}");
            assert_eq!(intake_counts(activity.intake()), expected_intake(&events, Mapped::ALL, None));
        }
        // Whoever of the workers comes first, the first row is the one to name.
        let mut values = vec![1.0; events.len()];
        (values[290_000], values[140_000], values[131_071]) = (f64::NAN, f64::NAN, f64::NAN);
        frame.with_column(Column::new("value".into(), values)).unwrap();
        for way in [Way::Frame, Way::Query] {
            check_invalid(&way.push(&mut builder(Mapped::ALL, None), &frame), "value", 131_071, &format!("{way:?}"));
        }
    }
}

#[test]
fn values_of_every_type() {
    let whole: Vec<Event> =
        log().into_iter().map(|event| Event { value: event.value.map(|value| value.abs() * 4.0), ..event }).collect();
    let expected = reference_of(&whole);
    for dtype in [integers(), vec![DataType::Float32, DataType::Float64]].concat() {
        let mut frame = frame(&whole);
        frame.apply("value", |value| value.strict_cast(&dtype).unwrap()).unwrap();
        for way in Way::ALL {
            let activity = way.ingest(&frame, &Mapped::ALL.columns(), &Calendar::utc()).unwrap();
            check(&activity, &whole, &expected, &format!("{dtype} {way:?}"));
        }
    }
}

/// Columns that serve no role of some kind or other; the first of each pair says what they are.
fn strange_columns() -> Vec<Column> {
    let ints = Column::new("x".into(), [1_i64, 2]);
    let lists = Series::new("x".into(), [Series::new("".into(), [1_i64]), Series::new("".into(), [2_i64])]);
    let structs = StructChunked::from_series("x".into(), 2, [Series::new("a".into(), [1_i64, 2])].iter()).unwrap();
    let mut columns = vec![
        Column::new("x".into(), [1.0_f64, 2.0]),
        Column::new("x".into(), [1.0_f32, 2.0]),
        Column::new("x".into(), [true, false]),
        Column::new("x".into(), ["2024-01-01", "2024-01-02"]),
        Column::new("x".into(), [&b"a"[..], &b"b"[..]]),
        Column::full_null("x".into(), 2, &DataType::Null),
        lists.into_column(),
        structs.into_series().into_column(),
    ];
    let types = [DataType::Date, DataType::Time, DataType::Duration(TimeUnit::Microseconds)];
    let zoned = DataType::Datetime(TimeUnit::Nanoseconds, TimeZone::opt_try_new(Some("Asia/Tokyo")).unwrap());
    columns.extend([&types[..], &[DataType::Datetime(TimeUnit::Milliseconds, None), zoned]].concat().iter().map(
        |dtype| match dtype {
            DataType::Date => ints.cast(&DataType::Int32).unwrap().cast(dtype).unwrap(),
            _ => ints.cast(dtype).unwrap(),
        },
    ));
    columns.extend(
        [categorical(), enum_of(["a", "b"])]
            .iter()
            .map(|dtype| Column::new("x".into(), ["a", "b"]).cast(dtype).unwrap()),
    );
    columns.extend(integers().iter().map(|dtype| ints.cast(dtype).unwrap()));
    columns
}

fn serves(role: &str, dtype: &DataType) -> bool {
    let text = dtype.is_string() || dtype.is_categorical() || dtype.is_enum();
    match role {
        "time" => matches!(dtype, DataType::Date | DataType::Datetime(..)),
        "value" => dtype.is_integer() || dtype.is_float(),
        "segment" => text || dtype.is_integer() || dtype.is_bool(),
        _ => text || dtype.is_integer(),
    }
}

fn check_unsupported(result: &Result<impl std::fmt::Debug>, role: &str, column: &str, dtype: &DataType) {
    let Err(error @ Error::UnsupportedType { column: named, role: as_role, dtype: found, .. }) = result else {
        panic!("{role} of {dtype}: {result:?}");
    };
    assert_eq!((named.as_str(), *as_role, &**found), (column, role, dtype));
    let message = message(error);
    assert!(message.contains(column) && message.contains(role), "{message}");
}

#[test]
fn other_types_are_refused_in_every_role() {
    let good = frame(&[Event { account: Some(1), feature: Some(1), value: Some(1.0), ..event(1, 1) }, event(2, 2)]);
    for role in ["user", "time", "account", "feature", "value"] {
        for strange in strange_columns() {
            let dtype = strange.dtype().clone();
            let mut frame = good.clone();
            frame.with_column(strange.with_name(role.into())).unwrap();
            for frame in [frame.clone(), frame.slice(0, 0)] {
                let ways = [Way::Frame, Way::Query];
                let mut results = Vec::from(ways.map(|way| way.push(&mut builder(Mapped::ALL, None), &frame)));
                if frame.height() > 0 {
                    let (columns, calendar) = (Mapped::ALL.columns(), Calendar::utc());
                    results.push(Activity::from_frame(&frame, &columns, &calendar).map(|_| ()));
                    results.push(Activity::from_lazy(frame.lazy(), &columns, &calendar).map(|_| ()));
                }
                for result in results {
                    if serves(role, &dtype) {
                        assert!(result.is_ok(), "{role} of {dtype}: {result:?}");
                    } else {
                        check_unsupported(&result, role, role, &dtype);
                    }
                }
            }
        }
    }
}

#[test]
fn other_types_are_refused_in_files() {
    // Some types of polars are another one in Parquet, but for a note that says which.
    let good = frame(&[event(1, 1), event(2, 2)]);
    let mut wrong = Vec::new();
    for role in ["user", "time", "account", "feature", "value"] {
        for strange in strange_columns() {
            let dtype = strange.dtype().clone();
            let mut frame = good.clone();
            frame.with_column(strange.with_name(role.into())).unwrap();
            match Way::Files.push(&mut builder(Mapped::ALL, None), &frame) {
                Ok(()) if serves(role, &dtype) => (),
                Err(Error::UnsupportedType { column, .. }) if column == role && !serves(role, &dtype) => (),
                other => wrong.push(format!("{role} of {dtype}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_types_are_refused_in_segment_frames() {
    let numbers = Activity::from_frame(&frame(&[event(1, 1), event(2, 2)]), &Mapped::NONE.columns(), &Calendar::utc());
    let numbers = numbers.unwrap();
    for role in ["actor", "segment"] {
        for strange in strange_columns() {
            let dtype = strange.dtype().clone();
            let mut segments = df!("actor" => [1_i64, 2], "segment" => ["a", "b"]).unwrap();
            segments.with_column(strange.with_name(role.into())).unwrap();
            let columns = SegmentColumns::new("actor", "segment");
            let split = numbers.split_by(&segments, &columns);
            let part = numbers.filter(&segments, &columns, None).map(|_| ());
            if !serves(role, &dtype) {
                check_unsupported(&split, role, role, &dtype);
                check_unsupported(&part, role, role, &dtype);
            } else if role == "actor" && !dtype.is_integer() {
                assert!(matches!(split, Err(Error::Incompatible { .. })), "{dtype}: {split:?}");
                assert!(matches!(part, Err(Error::Incompatible { .. })), "{dtype}: {part:?}");
            } else {
                let split = split.unwrap();
                assert_eq!(split.parts().iter().map(|(_, part)| part.actors()).sum::<usize>(), 2, "{dtype}");
            }
        }
        let without = df!("actor" => [1_i64], "segment" => ["a"]).unwrap().drop(role).unwrap();
        let missing = numbers.split_by(&without, &SegmentColumns::new("actor", "segment"));
        assert!(matches!(missing, Err(Error::MissingColumn { column, .. }) if column == role));
    }
}

#[test]
fn missing_columns_are_named() {
    for role in ["user", "time", "account", "feature", "value"] {
        let frame = frame(&log()).drop(role).unwrap();
        let names: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
        let (columns, calendar) = (Mapped::ALL.columns(), Calendar::utc());
        for result in [
            Activity::from_frame(&frame, &columns, &calendar),
            Activity::from_lazy(frame.clone().lazy(), &columns, &calendar),
            Way::Files.ingest(&frame, &columns, &calendar),
            Activity::from_frame(&frame.slice(0, 0), &columns, &calendar),
        ] {
            let Err(error @ Error::MissingColumn { column, available }) = &result else { panic!("{result:?}") };
            assert_eq!((column.as_str(), available), (role, &names));
            assert!(message(error).contains(role));
        }
    }
    let nothing = Activity::from_frame(&DataFrame::empty(), &Mapped::NONE.columns(), &Calendar::utc());
    assert!(matches!(nothing, Err(Error::MissingColumn { column, .. }) if column == "user"));
}

#[test]
fn columns_may_have_any_name_and_several_roles() {
    let log = log();
    for name in ["", " ", "user id", "a.b", "ą", "x\"y"] {
        let mut frame = frame(&log);
        frame.rename("user", name.into()).unwrap();
        let columns = EventColumns::new(name, "time").account(name);
        let activity = Activity::from_frame(&frame, &columns, &Calendar::utc()).unwrap();
        for way in [Way::Query, Way::Files] {
            let result = way.ingest(&frame, &columns, &Calendar::utc());
            assert_eq!(result.as_ref().ok(), Some(&activity), "{name:?} {way:?}: {result:?}");
        }
        assert_eq!(activity.accounts(), Some(activity.actors()));
    }
}

#[test]
fn names_are_no_patterns() {
    let mut wrong = Vec::new();
    for name in ["*", "^user.*$", "^u$"] {
        let mut frame = frame(&log());
        frame.rename("user", name.into()).unwrap();
        let columns = EventColumns::new(name, "time");
        let activity = Activity::from_frame(&frame, &columns, &Calendar::utc()).unwrap();
        for way in [Way::Query, Way::Files] {
            match way.ingest(&frame, &columns, &Calendar::utc()) {
                Ok(other) if other == activity => (),
                other => wrong.push(format!("{name:?} {way:?}: {:?}", other.map(|_| "another activity"))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_query_that_fails_is_the_error_of_polars() {
    let query = frame(&log()).lazy().with_column(lit("no number").strict_cast(DataType::Int64).alias("user"));
    let result = Activity::from_lazy(query, &Mapped::NONE.columns(), &Calendar::utc());
    assert!(matches!(result, Err(Error::Polars(_))), "{result:?}");
    let missing = LazyFrame::scan_parquet(PlRefPath::new("/nowhere/x.parquet"), ScanArgsParquet::default()).unwrap();
    let result = Activity::from_lazy(missing, &Mapped::NONE.columns(), &Calendar::utc());
    assert!(matches!(result, Err(Error::Polars(_))), "{result:?}");
    message(&result.unwrap_err());
}

fn check_invalid(result: &Result<()>, column: &str, row: u64, what: &str) {
    let Err(error @ Error::InvalidValue { column: named, row: at, value, .. }) = result else {
        panic!("{what}: {result:?}");
    };
    assert_eq!((named.as_str(), *at), (column, row), "{what}");
    assert!(!value.is_empty() && message(error).contains(value), "{what}: {error}");
}

/// Pushes a frame with something invalid in a row, first or after other rows, as a frame and as a query.
fn check_invalid_everywhere(bad: &DataFrame, column: &str, row: u64) {
    let good = frame(&log());
    for before in [0, 1, 3_u64] {
        for chunk in [1, bad.height()] {
            for way in Way::ALL {
                let mut builder = builder(Mapped::ALL, None);
                for turn in 0..before {
                    Way::ALL[turn as usize].push(&mut builder, &good).unwrap();
                }
                let result = way.push(&mut builder, &in_chunks(bad, chunk));
                let what = format!("after {before} pushes, chunks of {chunk}, {way:?}");
                check_invalid(&result, column, before * good.height() as u64 + row, &what);
            }
        }
    }
}

#[test]
fn values_must_be_finite() {
    for (row, value) in [(0, f64::NAN), (3, f64::INFINITY), (5, f64::NEG_INFINITY), (9, -f64::NAN)] {
        let mut events: Vec<Event> = (0..10).map(|day| event(1, day)).collect();
        events[row].value = Some(value);
        check_invalid_everywhere(&frame(&events), "value", row as u64);
        let mut narrow = frame(&events);
        narrow.apply("value", |value| value.cast(&DataType::Float32).unwrap()).unwrap();
        check_invalid(&builder(Mapped::ALL, None).push(&narrow), "value", row as u64, "Float32");
        // A column that is not mapped may hold anything.
        let mapped = Mapped { value: false, ..Mapped::ALL };
        builder(mapped, None).push(&frame(&events)).unwrap();
    }
    // The largest finite ones are fine, and so is NaN on a row that is left out.
    let mut events = vec![event(1, 1), event(2, 1), event(3, 1)];
    events[0].value = Some(f64::MAX);
    events[1].value = Some(f64::MIN_POSITIVE);
    events[2] = Event { user: None, value: Some(f64::NAN), ..events[2].clone() };
    let mut builder = builder(Mapped::ALL, None);
    builder.push(&frame(&events)).unwrap();
    assert_eq!(builder.finish().unwrap().value(), Some(f64::MAX));
}

#[test]
fn the_first_invalid_row_is_named() {
    let mut events: Vec<Event> = (0..10).map(|day| event(1, day)).collect();
    events[8].value = Some(f64::NAN);
    events[4].value = Some(f64::INFINITY);
    check_invalid_everywhere(&frame(&events), "value", 4);
    let mut bad = frame(&(0..10).map(|day| event(1, day)).collect::<Vec<_>>());
    let mut instants = [Some(0); 10];
    (instants[9], instants[6]) = (Some(i64::MIN), Some(i64::MAX));
    bad.with_column(raw_datetimes(&instants, TimeUnit::Milliseconds, None)).unwrap();
    check_invalid_everywhere(&bad, "time", 6);
}

/// The first instant of the year 1 and the first after 9999, in seconds.
const FIRST_SECOND: i64 = -62_135_596_800;
const PAST_SECOND: i64 = 253_402_300_800;

#[test]
fn times_lie_in_the_years_1_to_9999() {
    let base: Vec<Event> = (0..6).map(|day| event(1, day)).collect();
    let with_time = |time: Column| {
        let mut frame = frame(&base);
        frame.with_column(time).unwrap();
        frame
    };
    for (unit, scale) in [(TimeUnit::Milliseconds, 1_000), (TimeUnit::Microseconds, 1_000_000)] {
        for instant in [i64::MIN, i64::MIN + 1, FIRST_SECOND * scale - 1, PAST_SECOND * scale, i64::MAX - 1, i64::MAX] {
            let mut instants = [Some(0); 6];
            instants[4] = Some(instant);
            let bad = with_time(raw_datetimes(&instants, unit, None));
            if instant == PAST_SECOND * scale {
                check_invalid_everywhere(&bad, "time", 4);
            }
            check_invalid(&builder(Mapped::ALL, None).push(&bad), "time", 4, &instant.to_string());
            let zoned = with_time(raw_datetimes(&instants, unit, Some("Asia/Tokyo")));
            check_invalid(&builder(Mapped::ALL, None).push(&zoned), "time", 4, "zoned");
            // A window leaves out known days only: what is no day at all is still a mistake in the log.
            let mut windowed = builder(Mapped::ALL, Some((0, 1)));
            check_invalid(&windowed.push(&bad), "time", 4, "window");
        }
        let ends = [FIRST_SECOND * scale, PAST_SECOND * scale - 1];
        let time = raw_datetimes(&ends.map(Some), unit, None);
        let mut frame = frame(&base[..2]);
        frame.with_column(time).unwrap();
        let activity = Activity::from_frame(&frame, &Mapped::NONE.columns(), &Calendar::utc()).unwrap();
        assert_eq!((activity.observed_from(), activity.as_of()), (Date::MIN, Date::MAX));
    }
    let (first, last) = (Date::MIN.days_since_epoch(), Date::MAX.days_since_epoch());
    for day in [i32::MIN, i32::MIN + 1, first - 1, last + 1, i32::MAX] {
        let mut events = base.clone();
        events[2].day = Some(day);
        for way in Way::ALL {
            check_invalid(&way.push(&mut builder(Mapped::ALL, None), &frame(&events)), "time", 2, &day.to_string());
        }
    }
    let ends = frame(&[event(1, first), event(1, last)]);
    let activity = Activity::from_frame(&ends, &Mapped::NONE.columns(), &Calendar::utc()).unwrap();
    assert_eq!((activity.observed_from(), activity.as_of()), (Date::MIN, Date::MAX));
}

#[test]
fn a_time_that_is_no_day_does_no_harm_without_a_user() {
    let mut frame = frame(&[Event { user: None, ..event(0, 0) }, event(1, 1)]);
    for time in [i64::MIN, i64::MAX] {
        frame.with_column(raw_datetimes(&[Some(time), Some(0)], TimeUnit::Microseconds, None)).unwrap();
        let activity = Activity::from_frame(&frame, &Mapped::NONE.columns(), &Calendar::utc()).unwrap();
        assert_eq!((activity.intake().null_user, activity.events()), (1, 1));
    }
}

#[test]
fn every_instant_in_nanoseconds_has_a_day() {
    // 1677-09-21T00:12:43Z and 2262-04-11T23:47:16Z: within the calendar in every zone.
    let ends = [
        ("UTC", date(1677, 9, 21), date(2262, 4, 11)),
        ("Europe/Vilnius", date(1677, 9, 21), date(2262, 4, 12)),
        ("America/New_York", date(1677, 9, 20), date(2262, 4, 11)),
        ("Pacific/Kiritimati", date(1677, 9, 20), date(2262, 4, 12)),
    ];
    for (zone, first, last) in ends {
        let mut frame = frame(&[event(1, 0), event(1, 0)]);
        frame.with_column(raw_datetimes(&[Some(i64::MIN), Some(i64::MAX)], TimeUnit::Nanoseconds, None)).unwrap();
        let activity = Activity::from_frame(&frame, &Mapped::NONE.columns(), &Calendar::new(zone).unwrap());
        let observed = activity.map(|activity| (activity.observed_from(), activity.as_of()));
        assert_eq!(observed.as_ref().ok(), Some(&(first, last)), "{zone}: {observed:?}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let (columns, calendar) = (Mapped::ALL.columns(), Calendar::utc());
    let good = write(&frame(&log()), 7);
    let text = good.with_extension("csv");
    fs::write(&text, "user,time\nann,2024-01-01\n").unwrap();
    let missing = good.with_extension("missing");
    let bytes = fs::read(&good).unwrap();
    let torn = good.with_extension("torn");
    fs::write(&torn, &bytes[..bytes.len() / 2]).unwrap();
    for order in [0, 1] {
        let read = |bad| {
            let mut paths = [&good, bad];
            paths.rotate_left(order);
            Activity::from_parquet(paths, &columns, &calendar).unwrap_err()
        };
        assert!(matches!(read(&missing), Error::File { path, .. } if path == missing));
        for bad in [&text, &torn] {
            let error = read(bad);
            assert!(matches!(error, Error::Polars(_)), "{error:?}");
            message(&error);
        }
    }
    // No file at all is no event at all.
    let nothing = Activity::from_parquet(Vec::<&str>::new(), &columns, &calendar);
    assert!(matches!(nothing, Err(Error::Empty { rows: 0, .. })), "{nothing:?}");
    [good, text, torn].iter().for_each(|path| fs::remove_file(path).unwrap());
}

#[test]
fn files_are_judged_before_a_row_of_any_is_read() {
    let good = write(&frame(&log()), 7);
    let other = write(&frame_with(&log(), &DataType::String, &DataType::Int64), 7);
    let mut builder = builder(Mapped::ALL, None);
    let result = builder.push_parquet([&good, &other]);
    assert!(matches!(result, Err(Error::Incompatible { .. })), "{result:?}");
    builder.push_parquet([&good]).unwrap();
    check(&builder.finish().unwrap(), &log(), &reference(), "after a refused file");
    [good, other].iter().for_each(|path| fs::remove_file(path).unwrap());
}

#[test]
fn every_file_is_a_source() {
    let paths = [&log()[..], &log()[..1], &[]].map(|events| write(&frame(events), 10));
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut builder = builder(Mapped::ALL, None).on_progress(move |progress| sender.send(progress).unwrap());
    builder.push_parquet(&paths).unwrap();
    drop(builder);
    let last = receiver.iter().last().unwrap();
    assert_eq!((last.rows, last.sources), (log().len() as u64 + 1, 3));
    paths.iter().for_each(|path| fs::remove_file(path).unwrap());
}
