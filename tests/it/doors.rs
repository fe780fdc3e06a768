//! What the ways in owe a caller who errs: no hang, no half-truth.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use attrition::polars::prelude::*;
use attrition::{Activity, ActivityBuilder, Calendar, Date, Error, EventColumns, Period, SegmentColumns, Window, date};

fn days(users: &[i64], days: &[i32]) -> DataFrame {
    let mut frame = df!("user" => users, "day" => days).unwrap();
    frame.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
    frame
}

fn builder() -> ActivityBuilder {
    Activity::builder(&EventColumns::new("user", "day"), &Calendar::utc())
}

#[test]
fn an_observation_named_too_late_is_refused() {
    let frame = days(&[1, 2], &[19_723, 19_730]);
    for named in [
        |builder: ActivityBuilder| builder.as_of(date(2024, 1, 3)),
        |builder: ActivityBuilder| builder.observed_from(date(2024, 1, 5)),
    ] {
        let mut builder = builder();
        builder.push(&frame).unwrap();
        let error = named(builder).finish().unwrap_err();
        assert!(matches!(error, Error::InvalidOption { .. }), "{error:?}");
    }
    // One that holds the events may be named at any time.
    let mut builder = builder();
    builder.push(&frame).unwrap();
    let activity = builder.as_of(date(2024, 2, 1)).finish().unwrap();
    assert_eq!(activity.active_users(Window::Days(1)).unwrap().series(Window::Days(1)).len(), 32);
}

#[test]
fn a_push_that_failed_part_of_the_way_is_not_forgotten() {
    let mut builder = builder();
    // A frame of another type is refused before a row is read, and does no harm.
    builder.push(&df!("user" => [1.5], "day" => [1]).unwrap()).unwrap_err();
    builder.push(&days(&[1], &[19_723])).unwrap();
    builder.push(&days(&[2], &[i32::MAX])).unwrap_err();
    assert!(matches!(builder.finish(), Err(Error::Incomplete)));
}

/// More batches than the channel and the workers hold, so that a query would wait for a reader that is gone.
#[test]
fn a_query_ends_when_its_readers_are_gone() {
    let rows = 1_500_000;
    let query = || {
        let users: Vec<i64> = (0..rows).collect();
        df!("user" => &users, "day" => vec![19_723; users.len()])
            .unwrap()
            .lazy()
            .with_column(col("day").cast(DataType::Date))
    };
    let mut panicking = builder().on_progress(|_| panic!("the screen is gone"));
    assert!(catch_unwind(AssertUnwindSafe(|| panicking.push_lazy(query()))).is_err());

    let far = when(col("user").eq(lit(700_000))).then(lit(i32::MAX)).otherwise(lit(19_723)).alias("day");
    let users: Vec<i64> = (0..rows).collect();
    let query = df!("user" => &users).unwrap().lazy().with_column(far.cast(DataType::Int32).cast(DataType::Date));
    let error = builder().push_lazy(query).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 700_000, .. }), "{error:?}");
}

/// See the README beside the file.
#[test]
fn a_file_is_read_by_what_it_holds_and_not_by_its_note() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/coerced.parquet");
    let columns = EventColumns::new("user", "ts").feature("feature");
    let read = Activity::from_parquet([&path], &columns, &Calendar::utc()).unwrap();
    assert_eq!((read.observed_from(), read.as_of()), (date(1969, 12, 31), date(2024, 2, 29)));
    assert_eq!((read.actors(), read.active_days(), read.features().len()), (2, 3, 2));
    let scanned = LazyFrame::scan_parquet(PlRefPath::new(path.to_string_lossy()), ScanArgsParquet::default()).unwrap();
    assert_eq!(Activity::from_lazy(scanned, &columns, &Calendar::utc()).unwrap(), read);
    for column in ["price", "vector"] {
        let error = Activity::from_parquet([&path], &EventColumns::new(column, "ts"), &Calendar::utc()).unwrap_err();
        assert!(matches!(error, Error::UnsupportedType { .. }), "{error:?}");
    }
}

#[test]
fn the_intake_of_a_part_as_of_a_past_day() {
    let activity = Activity::from_frame(
        &days(&[1, 1, 2, 2], &[10, 20, 10, 30]),
        &EventColumns::new("user", "day"),
        &Calendar::utc(),
    )
    .unwrap();
    let segments = df!("id" => [1, 2], "plan" => ["a", "b"]).unwrap();
    let split = activity.split_by(&segments, &SegmentColumns::new("id", "plan")).unwrap();
    let part = split.part(Some("a")).unwrap();
    // Nothing of the part is moved by looking at it as of its own end; one event by looking at it on day 15.
    assert_eq!(part.at(part.as_of()).unwrap().intake(), part.intake());
    let past = part.at(Date::from_days_since_epoch(15).unwrap()).unwrap();
    assert_eq!((past.intake().after_window, past.intake().events), (1, 3));
}

#[test]
fn spans_of_dates_beyond_the_calendar() {
    for period in Period::ALL {
        for far in [Date::MAX + i32::MAX, Date::MIN - i32::MAX, Date::MAX + 1] {
            let span = Calendar::utc().span(period, far);
            assert!(span.start <= span.end, "{period} {span:?}");
        }
    }
}
