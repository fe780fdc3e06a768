//! The kernels, on logs of several sizes with constant seeds.
//!
//! `cargo bench --bench kernels` measures; `cargo test --benches` runs each once.

use std::hint::black_box;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Criterion, DailyStatesOptions, EventColumns, KaplanMeierOptions, Period, RetentionOptions,
    Window,
};
use criterion::{BatchSize, BenchmarkId, Criterion as Bench, Throughput, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DAYS: u64 = 365;
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

/// The order of rows in a log.
#[derive(Clone, Copy)]
enum Order {
    Time,
    None,
}

/// A year of events of users who come, use the product on some days and leave.
fn log(events: u64, order: Order) -> DataFrame {
    let users = events / 50 + 1;
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (x ^ (x >> 27)) % below
    };
    let mut rows: Vec<(i64, u64, u64)> = Vec::new();
    while (rows.len() as u64) < events {
        let user = random(users);
        let (start, life) = (user * DAYS / users, 1 + user * 2_654_435_761 % 120);
        let day = start + random(life);
        if day < DAYS {
            let second = day * 86_400 + random(86_400);
            rows.push((i64::try_from(second).unwrap_or(0) * 1_000_000, user * 3 + 1_000, random(40)));
        }
    }
    if matches!(order, Order::Time) {
        rows.sort_unstable();
    }
    let column = |name: &str, series: Series| series.with_name(name.into()).into_column();
    let times = rows.iter().map(|row| Some(row.0)).collect::<Int64Chunked>().into_series();
    let times = times.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap_or_default();
    let users: UInt64Chunked = rows.iter().map(|row| Some(row.1)).collect();
    let text: StringChunked = rows.iter().map(|row| format!("user-{:032x}", row.1)).collect();
    let features: StringChunked = rows.iter().map(|row| format!("feature-{}", row.2)).collect();
    let columns = vec![
        column("user", users.into_series()),
        column("user_text", text.into_series()),
        column("time", times),
        column("feature", features.into_series()),
    ];
    DataFrame::new(rows.len(), columns).unwrap_or_default()
}

#[expect(clippy::panic, reason = "a bench of nothing would pass unnoticed")]
fn ingest(log: &DataFrame, columns: &EventColumns) -> Activity {
    Activity::from_frame(log, columns, &Calendar::utc()).unwrap_or_else(|error| panic!("{error}"))
}

fn reduction(bench: &mut Bench) {
    let mut group = bench.benchmark_group("reduction");
    group.sample_size(10);
    let plain = EventColumns::new("user", "time");
    let kinds = [
        ("integer ids", plain.clone(), Order::Time),
        ("integer ids, no order", plain.clone(), Order::None),
        ("string ids", EventColumns::new("user_text", "time"), Order::Time),
        ("features", plain.feature("feature"), Order::Time),
    ];
    for events in SIZES {
        group.throughput(Throughput::Elements(events));
        for (name, columns, order) in &kinds {
            let log = log(events, *order);
            group.bench_with_input(BenchmarkId::new(*name, events), &log, |bench, log| {
                bench.iter(|| ingest(black_box(log), columns));
            });
        }
    }
    group.finish();
}

fn questions(bench: &mut Bench) {
    let mut group = bench.benchmark_group("questions");
    for events in SIZES {
        let activity = ingest(&log(events, Order::Time), &EventColumns::new("user", "time"));
        group.throughput(Throughput::Elements(activity.active_days()));
        let windows = [Window::Days(1), Window::Days(7), Window::Days(30)];
        group.bench_function(BenchmarkId::new("active users 1, 7, 30 days", events), |bench| {
            bench.iter(|| black_box(&activity).active_users(windows));
        });
        for criterion in [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak] {
            let by_day = RetentionOptions::new(Period::Day).horizon(30).criterion(criterion);
            group.bench_function(BenchmarkId::new(format!("30 day retention, {criterion}"), events), |bench| {
                bench.iter(|| black_box(&activity).retention(by_day.clone()));
            });
        }
        group.bench_function(BenchmarkId::new("monthly retention", events), |bench| {
            bench.iter(|| black_box(&activity).retention(Period::Month));
        });
        group.bench_function(BenchmarkId::new("weekly lifecycle", events), |bench| {
            bench.iter(|| black_box(&activity).lifecycle(Period::Week));
        });
        group.bench_function(BenchmarkId::new("daily states", events), |bench| {
            bench.iter(|| black_box(&activity).daily_states(DailyStatesOptions::new()));
        });
        group.bench_function(BenchmarkId::new("power curve of 28 days", events), |bench| {
            bench.iter(|| black_box(&activity).power_curve(Window::Days(28)));
        });
        group.bench_function(BenchmarkId::new("lifetimes and their survival", events), |bench| {
            bench.iter(|| black_box(&activity).lifetimes(30)?.kaplan_meier(KaplanMeierOptions::new()));
        });
        let with_features = EventColumns::new("user", "time").feature("feature");
        let activity = ingest(&log(events, Order::Time), &with_features);
        group.bench_function(BenchmarkId::new("monthly adoption of 40 features", events), |bench| {
            bench.iter(|| black_box(&activity).adoption(Period::Month));
        });
        group.bench_function(BenchmarkId::new("weekly breadth of 40 features", events), |bench| {
            bench.iter(|| black_box(&activity).breadth(Period::Week));
        });
    }
    group.finish();
}

/// One more day onto a year, and the same by a rebuild.
fn growing(bench: &mut Bench) {
    let mut group = bench.benchmark_group("growing");
    group.sample_size(10);
    let columns = EventColumns::new("user", "time");
    for events in SIZES {
        let log = log(events, Order::Time);
        let rows = log.height();
        let day_rows = rows / 365;
        let start = i64::try_from(rows - day_rows).unwrap_or(0);
        let (before, day) = (log.slice(0, rows - day_rows), log.slice(start, day_rows));
        let activity = ingest(&before, &columns);
        group.bench_function(BenchmarkId::new("rebuild", events), |bench| bench.iter(|| ingest(&log, &columns)));
        group.bench_function(BenchmarkId::new("ingest and append a day", events), |bench| {
            bench.iter_batched_ref(
                || activity.clone(),
                |activity| activity.append(&ingest(&day, &columns)),
                BatchSize::LargeInput,
            );
        });
        let day = ingest(&day, &columns);
        group.bench_function(BenchmarkId::new("merge a day", events), |bench| bench.iter(|| activity.merge(&day)));
        group.bench_function(BenchmarkId::new("as of half a year ago", events), |bench| {
            bench.iter(|| activity.at(activity.as_of() - 180));
        });
    }
    group.finish();
}

criterion_group!(benches, reduction, questions, growing);
criterion_main!(benches);
