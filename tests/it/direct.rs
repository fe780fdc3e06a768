//! Answers straight from Parquet files are those of the activity.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Censoring, Error, EventColumns, Lifetimes, LifetimesOptions, Portfolio, Result, Usage,
    UsageOptions, date,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::log::{categorical, day, ids};

/// Seconds.
const HOUR: i64 = 3_600;

/// User, account, feature, time in hours, value.
type Row = (Option<i64>, Option<i64>, Option<u32>, Option<i64>, Option<i64>);

/// How a log is written down.
#[derive(Clone, Debug)]
struct Form {
    user: DataType,
    account: DataType,
    feature: DataType,
    time: DataType,
    value: DataType,
    /// What ids are multiplied with, and what is added to them.
    scattered: (i64, i64),
    /// Days from the epoch to the first day.
    start: i64,
    zone: &'static str,
    in_order: bool,
    files: usize,
    row_group: usize,
    statistics: bool,
}

/// Files of a log, which are gone with it.
struct Files(Vec<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        self.0.iter().for_each(|path| fs::remove_file(path).unwrap());
    }
}

impl Files {
    fn new(frames: impl IntoIterator<Item = DataFrame>, row_group: usize, statistics: bool) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let write = |mut frame: DataFrame| {
            let name = format!("direct-{}-{}.parquet", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            let told = if statistics { StatisticsOptions::full() } else { StatisticsOptions::empty() };
            let writer = ParquetWriter::new(fs::File::create(&path).unwrap()).with_statistics(told);
            writer.with_row_group_size(Some(row_group)).finish(&mut frame).unwrap();
            path
        };
        Self(frames.into_iter().map(write).collect())
    }
}

impl Form {
    fn files(&self, rows: &[Row]) -> Files {
        let mut rows = rows.to_vec();
        if self.in_order {
            rows.sort_by_key(|row| row.3);
        }
        let frames = rows.chunks(rows.len().div_ceil(self.files).max(1)).map(|rows| self.frame(rows));
        Files::new(frames, self.row_group, self.statistics)
    }

    fn frame(&self, rows: &[Row]) -> DataFrame {
        let (times, plus) = self.scattered;
        let scattered = |id: Option<i64>| id.map(|id| id * times + plus);
        let time = |hours: i64| match &self.time {
            DataType::Date => self.start + hours.div_euclid(24),
            DataType::Datetime(unit, _) => {
                let units = match unit {
                    TimeUnit::Milliseconds => 1_000,
                    TimeUnit::Microseconds => 1_000_000,
                    TimeUnit::Nanoseconds => 1_000_000_000,
                };
                (self.start * 24 + hours) * HOUR * units
            }
            _ => unreachable!(),
        };
        let times: Vec<Option<i64>> = rows.iter().map(|row| row.3.map(time)).collect();
        let times = Column::new("time".into(), times);
        let times = if self.time == DataType::Date { times.cast(&DataType::Int32).unwrap() } else { times };
        let features: Vec<Option<String>> = rows.iter().map(|row| row.2.map(|feature| format!("f{feature}"))).collect();
        let columns = vec![
            Column::new("other".into(), vec!["beside"; rows.len()]),
            ids("user", &rows.iter().map(|row| scattered(row.0)).collect::<Vec<_>>(), &self.user),
            times.cast(&self.time).unwrap(),
            ids("account", &rows.iter().map(|row| scattered(row.1)).collect::<Vec<_>>(), &self.account),
            Column::new("feature".into(), features).cast(&self.feature).unwrap(),
            Column::new("value".into(), rows.iter().map(|row| row.4).collect::<Vec<_>>()).cast(&self.value).unwrap(),
        ];
        DataFrame::new(rows.len(), columns).unwrap()
    }

    fn calendar(&self) -> Calendar {
        Calendar::new(self.zone).unwrap()
    }
}

/// Both are answers and alike, or are refused with the same words.
fn alike<T: PartialEq + Debug>(short: Result<T>, long: Result<T>) -> Result<Option<(T, T)>, TestCaseError> {
    match (short, long) {
        (Ok(short), Ok(long)) => {
            prop_assert_eq!(&short, &long);
            Ok(Some((short, long)))
        }
        (Err(short), Err(long)) => {
            prop_assert_eq!(short.to_string(), long.to_string());
            Ok(None)
        }
        (short, long) => Err(TestCaseError::fail(format!("{short:?} is not {long:?}"))),
    }
}

fn check_lifetimes(
    files: &Files,
    columns: &EventColumns,
    calendar: &Calendar,
    options: &LifetimesOptions,
) -> Result<(), TestCaseError> {
    let short = Lifetimes::from_parquet(&files.0, columns, calendar, options.clone());
    let long = Activity::from_parquet(&files.0, columns, calendar);
    let intake = long.as_ref().ok().map(|activity| *activity.intake());
    let long = long.and_then(|activity| activity.lifetimes(options.clone()));
    if let Some((short, long)) = alike(short, long)? {
        prop_assert_eq!((short.intake().copied(), long.intake().copied()), (intake, intake));
        prop_assert!(short.to_frame().unwrap().equals_missing(&long.to_frame().unwrap()));
    }
    Ok(())
}

fn check_usage(
    files: &Files,
    columns: &EventColumns,
    calendar: &Calendar,
    options: &UsageOptions,
) -> Result<(), TestCaseError> {
    let short = Usage::from_parquet(&files.0, columns, calendar, options.clone());
    let portfolio = Activity::from_parquet(&files.0, columns, calendar).and_then(Portfolio::new);
    let intake = portfolio.as_ref().ok().map(|portfolio| *portfolio.activity().intake());
    let long = portfolio.and_then(|portfolio| portfolio.usage(options.clone()));
    if let Some((short, long)) = alike(short, long)? {
        prop_assert_eq!((Some(*short.intake()), Some(*long.intake())), (intake, intake));
        prop_assert_eq!(short.to_string(), long.to_string());
        prop_assert!(short.to_frame().unwrap().equals_missing(&long.to_frame().unwrap()));
    }
    Ok(())
}

/// So many tenths of the values, and nulls.
fn some<T: Debug>(tenths: u8, values: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    (0..10_u8, values).prop_map(move |(place, value)| (place < tenths).then_some(value))
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let log = (1_i64..25, 1_i64..8, 1_u32..100, prop_oneof![Just(60_i64), 1_i64..9_000], 0_usize..4);
    log.prop_flat_map(|(users, accounts, features, hours, nulls)| {
        // Nulls in every column, in one, or in none.
        let kept = |column: usize| if nulls == 1 || nulls == column { 9 } else { 10 };
        let row = (
            some(kept(2), 0..users),
            some(kept(3), 0..accounts),
            some(kept(3), 0..features),
            some(kept(2), 0..hours),
            some(kept(3), 0..9_i64),
        );
        vec(row, 0..300)
    })
}

fn forms() -> impl Strategy<Value = Form> {
    let id = || {
        let types = vec![DataType::Int64, DataType::Int64, DataType::Int32, DataType::String, categorical()];
        select(types)
    };
    let feature = select(vec![DataType::String, categorical()]);
    let units = [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    let zones = [None, TimeZone::opt_try_new(Some("America/New_York")).unwrap()];
    let mut times: Vec<DataType> =
        units.iter().flat_map(|unit| zones.iter().map(|zone| DataType::Datetime(*unit, zone.clone()))).collect();
    times.extend([DataType::Date, DataType::Date]);
    let value = select(vec![DataType::Int64, DataType::Int64, DataType::UInt8, DataType::Float64]);
    let scattered = select(vec![(1_i64, 0_i64), (1, 0), (3, 100_000_000), (2, -30), (50_000_000, -7)]);
    let start = select(vec![-250_i64, 19_700, 20_100, -25_000]);
    let zone = select(vec!["UTC", "UTC", "Europe/Vilnius", "America/Sao_Paulo", "Pacific/Auckland"]);
    let kinds = (id(), id(), feature, select(times), value);
    let written = (scattered, start, zone, any::<bool>(), 1_usize..4, 1_usize..60, prop::bool::weighted(0.8));
    (kinds, written).prop_map(|((user, account, feature, time, value), written)| {
        let (scattered, start, zone, in_order, files, row_group, statistics) = written;
        let wide = [&user, &account].contains(&&DataType::Int32) && scattered.0 > 1_000;
        let scattered = if wide { (1_000_000, -7) } else { scattered };
        Form { user, account, feature, time, value, scattered, start, zone, in_order, files, row_group, statistics }
    })
}

fn columns(mapped: [bool; 3]) -> EventColumns {
    let columns = EventColumns::new("user", "time");
    let columns = if mapped[0] { columns.account("account") } else { columns };
    let columns = if mapped[1] { columns.feature("feature") } else { columns };
    if mapped[2] { columns.value("value") } else { columns }
}

proptest! {
    #[test]
    fn lifetimes_are_those_of_the_activity(
        rows in rows(),
        form in forms(),
        mapped in any::<[bool; 3]>(),
        silence in 1..60_u32,
        censoring in select(vec![Censoring::DecidedDay, Censoring::LastActivity, Censoring::AsOf]),
        from in option::of(-5..200_i32),
    ) {
        let mut options = LifetimesOptions::new(silence).censoring(censoring);
        if let Some(from) = from {
            options = options.starting_from(day(i32::try_from(form.start).unwrap() + from));
        }
        check_lifetimes(&form.files(&rows), &columns(mapped), &form.calendar(), &options)?;
    }

    #[test]
    fn usage_is_that_of_the_portfolio(
        rows in rows(),
        form in forms(),
        mapped in (prop::bool::weighted(0.95), any::<bool>(), prop::bool::weighted(0.2)),
        as_of in option::of(-3..380_i32),
        recent in prop_oneof![1..40_u32, Just(28)],
        baseline in prop_oneof![4 => 1..90_u32, 1 => Just(200), 1 => Just(2_000)],
    ) {
        let options = match as_of {
            Some(as_of) => UsageOptions::new(day(i32::try_from(form.start).unwrap() + as_of)),
            None => UsageOptions::latest(),
        };
        let options = options.recent(recent).baseline(baseline);
        let mapped = [mapped.0, mapped.1, mapped.2];
        check_usage(&form.files(&rows), &columns(mapped), &form.calendar(), &options)?;
    }
}

fn plain() -> Form {
    Form {
        user: DataType::Int64,
        account: DataType::Int64,
        feature: DataType::String,
        time: DataType::Date,
        value: DataType::Int64,
        scattered: (1, 0),
        start: 19_700,
        zone: "UTC",
        in_order: true,
        files: 2,
        row_group: 25,
        statistics: true,
    }
}

/// A year of 60 users in 7 accounts, of whom some are in two, with 90 features.
fn year() -> Vec<Row> {
    let event = |step: i64| {
        let scattered = (step * 7_919) % 997;
        let user = scattered % 60;
        let account = if user % 9 == 0 { step % 2 } else { user % 7 };
        (Some(user), Some(account), u32::try_from(scattered % 90).ok(), Some(step * 9), Some(1))
    };
    (0..970).map(event).collect()
}

#[test]
fn a_year_in_both_ways() {
    let all = [true; 3];
    for (user, account) in [(DataType::Int64, DataType::UInt16), (DataType::String, categorical())] {
        for (recent, baseline) in [(28, 84), (28, 100), (28, 101), (30, 300), (600, 600)] {
            let form = Form { user: user.clone(), account: account.clone(), ..plain() };
            let files = form.files(&year());
            let options = UsageOptions::latest().recent(recent).baseline(baseline);
            check_usage(&files, &columns(all), &Calendar::utc(), &options).unwrap();
            check_lifetimes(&files, &columns(all), &Calendar::utc(), &LifetimesOptions::new(30)).unwrap();
        }
    }
    let usage = Usage::from_parquet(&plain().files(&year()).0, &columns(all), &Calendar::utc(), UsageOptions::latest());
    let usage = usage.unwrap();
    assert_eq!((usage.iter().len(), usage.as_of()), (7, day(19_700 + 363)));
    assert_eq!(usage.intake().events, 970);
    // More features than a word has bits, of an account in the days before the recent ones.
    assert!(usage.iter().all(|account| account.baseline.people.unwrap() > 3 && account.baseline.events > 9));
}

#[test]
fn the_last_day_may_be_that_of_nobody() {
    // The last rows have no user, so that the log ends before them; the first have no account, and are seen all the same.
    let mut rows: Vec<Row> =
        (0..300).map(|step| (Some(step % 9), Some(step % 4), Some(1), Some(step * 24), None)).collect();
    rows[..30].iter_mut().for_each(|row| row.1 = None);
    rows[260..].iter_mut().for_each(|row| row.0 = None);
    for row_group in [7, 40, 1_000] {
        let files = Form { row_group, ..plain() }.files(&rows);
        let (columns, utc) = (columns([true, true, false]), Calendar::utc());
        for options in [UsageOptions::latest(), UsageOptions::new(day(19_700 + 259)), UsageOptions::new(day(19_960))] {
            check_usage(&files, &columns, &utc, &options).unwrap();
        }
        let usage = Usage::from_parquet(&files.0, &columns, &utc, UsageOptions::latest()).unwrap();
        assert_eq!(usage.as_of(), day(19_700 + 259));
        assert_eq!((usage.intake().null_user, usage.intake().without_account), (40, 30));
        check_lifetimes(&files, &columns, &utc, &LifetimesOptions::new(20)).unwrap();
    }
}

#[test]
fn what_is_refused_is_refused_alike() {
    let utc = Calendar::utc();
    let all = columns([true; 3]);
    let check = |files: &Files, columns: &EventColumns| {
        check_lifetimes(files, columns, &utc, &LifetimesOptions::new(30)).unwrap();
        check_usage(files, columns, &utc, &UsageOptions::latest()).unwrap();
        check_usage(files, columns, &utc, &UsageOptions::new(date(2024, 3, 1))).unwrap();
        Lifetimes::from_parquet(&files.0, columns, &utc, 30).unwrap_err()
    };
    let good = plain().files(&year());
    // A file that is not there, and none at all.
    let missing = [good.0[0].clone(), PathBuf::from("/nowhere/log.parquet")];
    let error = Lifetimes::from_parquet(&missing, &all, &utc, 30).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    assert!(matches!(check(&Files(Vec::new()), &all), Error::Empty { rows: 0, .. }));
    assert!(matches!(check(&plain().files(&[]), &all), Error::Empty { .. }));
    // Columns that are missing or of no use.
    assert!(matches!(check(&good, &EventColumns::new("user", "then").account("account")), Error::MissingColumn { .. }));
    assert!(matches!(check(&good, &all.clone().value("other")), Error::UnsupportedType { .. }));
    assert!(matches!(check(&good, &all.clone().clock_times()), Error::UnsupportedType { .. }));
    // Ids of two types.
    let mut both = Form { files: 1, ..plain() }.files(&year());
    let mut strings = Form { files: 1, user: DataType::String, ..plain() }.files(&year());
    both.0.append(&mut strings.0);
    assert!(matches!(check(&both, &all), Error::Incompatible { .. }));
    // Nobody; a time in no year; and a value that is no number, which neither answer looks at.
    let nobody: Vec<Row> = year().into_iter().map(|row| (None, row.1, row.2, row.3, row.4)).collect();
    assert!(matches!(check(&plain().files(&nobody), &all), Error::Empty { rows: 970, left_out: 970 }));
    let mut late = year();
    late[500].3 = Some(24 * 3_000_000);
    for in_order in [true, false] {
        let error = check(&Form { in_order, ..plain() }.files(&late), &all);
        assert!(matches!(error, Error::InvalidValue { ref column, .. } if column == "time"), "{error:?}");
    }
    let mut frame = plain().frame(&year());
    let values: Vec<f64> = (0..970).map(|row| if row == 123 { f64::NAN } else { 1.0 }).collect();
    frame.with_column(Column::new("value".into(), values)).unwrap();
    let files = Files::new([frame], 50, true);
    assert!(matches!(check(&files, &all), Error::InvalidValue { row: 123, .. }));
    assert!(Lifetimes::from_parquet(&files.0, &columns([true, true, false]), &utc, 30).is_ok());
    // Options.
    assert!(matches!(Lifetimes::from_parquet(&good.0, &all, &utc, 0), Err(Error::InvalidOption { .. })));
    let none = UsageOptions::latest().recent(0);
    assert!(matches!(
        Usage::from_parquet(&good.0, &all, &utc, none),
        Err(Error::InvalidOption { option: "recent", .. })
    ));
    for outside in [day(19_699), day(19_700 + 364)] {
        check_usage(&good, &all, &utc, &UsageOptions::new(outside)).unwrap();
        assert!(Usage::from_parquet(&good.0, &all, &utc, outside).is_err());
    }
}
