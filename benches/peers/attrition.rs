//! attrition's side of the comparison with its peers: one workload, one JSON line. See the README beside this file.
//!
//! `peers WORKLOAD DATA_DIR`, the workload being one of w1 to w7, w6-activity w7-activity all decode decode4 memory analyses
//! triggers append.

use std::fs;
use std::hint::black_box;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use attrition::polars::prelude::*;
use attrition::{
    Activity, AgeBy, BackTestDate, BackTestOptions, Calendar, Censoring, ComparisonOptions, Criterion,
    DailyStatesOptions, Entry, EventColumns, Every, KaplanMeierOptions, Lifetimes, LifetimesOptions, Participation,
    ParticipationColumns, Period, Portfolio, Result, RetentionOptions, StickinessOptions, TriggerSet, Usage,
    UsageOptions, Window,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Table = Vec<Vec<u64>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(workload), Some(directory)) = (args.next(), args.next()) else {
        eprintln!(
            "usage: peers w1|w2|w3|w4|w5|w6|w7|w6-activity|w7-activity|all|decode|decode4|memory|analyses|triggers|append DATA_DIR"
        );
        std::process::exit(2);
    };
    let columns = EventColumns::new("user_id", "ts");
    let all_columns = columns.clone().account("account_id").feature("feature");
    let start = Clock::start();
    match workload.as_str() {
        "w1" => {
            let activity = reduce(&directory, &all_columns)?;
            // The reduction is the work of W1; what its table costs as a frame is told beside it.
            let time = start.stop();
            let frame = activity.to_frame()?;
            eprintln!("w1 with its table as a frame: {:.4} s", start.stop().wall);
            let (rows, digest) = user_days(&frame)?;
            report("w1", "reduce", &time, rows, Some(digest));
        }
        "w7" => {
            let lifetimes = Lifetimes::from_parquet(files(&directory), &columns, &Calendar::utc(), tenures())?;
            let table = tenure_table(&lifetimes);
            let time = start.stop();
            report("w7", "direct", &time, table[0].len(), Some(digest(&table)));
        }
        "w2" | "w3" | "w4" | "w5" | "w7-activity" => {
            let activity = reduce(&directory, &columns)?;
            let table = answer(&workload, &activity)?;
            let time = start.stop();
            report(&workload, "reduce", &time, table[0].len(), Some(digest(&table)));
        }
        "w6" => {
            let usage = Usage::from_parquet(files(&directory), &all_columns, &Calendar::utc(), UsageOptions::latest())?;
            let frame = usage.to_frame()?;
            let time = start.stop();
            report("w6", "direct", &time, frame.height(), Some(digest(&usage_table(&frame)?)));
        }
        "w6-activity" => {
            let activity = reduce(&directory, &all_columns)?;
            let reduced = start.stop().wall;
            let portfolio = Portfolio::new(activity)?;
            let built = start.stop().wall;
            let frame = portfolio.usage(UsageOptions::latest())?.to_frame()?;
            let time = start.stop();
            eprintln!("w6: reduced after {reduced:.3} s, portfolio after {built:.3} s");
            report("w6-activity", "reduce", &time, frame.height(), Some(digest(&usage_table(&frame)?)));
        }
        "all" => {
            let activity = reduce(&directory, &columns)?;
            let tables = ["w2", "w4", "w5"].map(|workload| answer(workload, &activity));
            let time = start.stop();
            let tables = tables.into_iter().collect::<Result<Vec<Table>>>()?;
            let digests: Vec<String> = tables.iter().map(digest).collect();
            report("all", "reduce", &time, tables.iter().map(|table| table[0].len()).sum(), Some(digests.join("-")));
        }
        "decode" | "decode4" => {
            let names =
                if workload == "decode" { &["user_id", "ts"][..] } else { &["user_id", "ts", "account_id", "feature"] };
            let rows = decode(&directory, names)?;
            report(&workload, "decode", &start.stop(), rows, None);
        }
        "memory" => {
            let activity = reduce(&directory, &columns)?;
            for workload in ["w2", "w3", "w4", "w5", "w7"] {
                let start = Clock::start();
                let table = answer(workload, &activity)?;
                report(workload, "memory", &start.stop(), table[0].len(), Some(digest(&table)));
            }
        }
        "analyses" => {
            // Values there are none in the log, so the number of the account stands for one.
            let activity = reduce(&directory, &all_columns.value("account_id"))?;
            analyses(&activity)?;
        }
        "triggers" => {
            let activity = reduce(&directory, &all_columns)?;
            triggers(activity)?;
        }
        "append" => {
            let activity = reduce(&directory, &columns)?;
            report("append", "rebuild", &start.stop(), 0, None);
            let today = activity.as_of();
            let mut grown = activity.at(today - 1)?;
            let midnight = lit(i64::from(today.days_since_epoch()) * 86_400_000_000);
            let last = files(&directory).pop().unwrap_or_default();
            let log = LazyFrame::scan_parquet(PlRefPath::new(last.to_string_lossy()), ScanArgsParquet::default())?;
            let of_today = col("ts").cast(DataType::Int64).gt_eq(midnight);
            let day = log.filter(of_today).select([col("user_id"), col("ts")]).collect()?;
            let start = Clock::start();
            grown.append(&Activity::from_frame(&day, &columns, &Calendar::utc())?)?;
            report("append", "one day", &start.stop(), day.height(), None);
            assert!(grown == activity, "a day appended is not the log ingested");
        }
        other => {
            eprintln!("there is no workload {other:?}");
            std::process::exit(2);
        }
    }
    Ok(())
}

/// All triggers, by themselves and together, asked of the last day; and their back-test at the ends of months.
fn triggers(activity: Activity) -> Result<()> {
    let start = Clock::start();
    let portfolio = Portfolio::new(activity)?;
    report("portfolio", "triggers", &start.stop(), portfolio.len(), None);
    let today = portfolio.activity().as_of();
    let names: Vec<String> = TriggerSet::standard().names().map(str::to_owned).collect();
    for name in &names {
        let others = names.iter().filter(|other| *other != name);
        let alone = others.fold(TriggerSet::standard(), |set, other| set.without(other));
        let start = Clock::start();
        let findings = black_box(portfolio.triggers(today, alone)?);
        report(name, "triggers", &start.stop(), findings.fired().len(), None);
    }
    let start = Clock::start();
    let findings = black_box(portfolio.triggers(today, TriggerSet::standard())?);
    report("all triggers", "triggers", &start.stop(), findings.accounts(), None);
    eprintln!("{findings}");
    let start = Clock::start();
    let test = portfolio.back_test(TriggerSet::standard(), BackTestOptions::new().every(Every::End(Period::Month)))?;
    let customers: u64 = test.dates().iter().map(BackTestDate::customers).sum();
    report("back-test", "triggers", &start.stop(), usize::try_from(customers).unwrap_or(0), None);
    eprintln!("{test}");
    Ok(())
}

/// Every analysis of engagement, survival and cohorts, asked once of an activity in memory.
fn analyses(activity: &Activity) -> Result<()> {
    fn timed<T>(name: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Clock::start();
        let answer = black_box(ask()?);
        report(name, "analysis", &start.stop(), 0, None);
        Ok(answer)
    }
    let week = || RetentionOptions::new(Period::Week);
    let feature = activity.features().first().cloned().unwrap_or_default();
    timed("active users", || activity.active_users([Window::Days(1), Window::Days(7), Window::Days(28)]))?;
    timed("stickiness", || activity.stickiness(StickinessOptions::new()))?;
    timed("lifecycle by day", || activity.lifecycle(Period::Day))?;
    timed("lifecycle by week", || activity.lifecycle(Period::Week))?;
    timed("daily states", || activity.daily_states(DailyStatesOptions::new()))?;
    timed("power curve", || activity.power_curve(Window::Days(28)))?;
    timed("adoption", || activity.adoption(Period::Month))?;
    timed("breadth", || activity.breadth(Period::Week))?;
    timed("retention by week", || activity.retention(week()))?;
    timed("retention with 3 events", || activity.retention(week().min_events(3)))?;
    timed("retention from each start", || activity.retention(week().age_by(AgeBy::Start).brackets([1, 3, 4, 8])))?;
    let first = timed("cohorts by first use", || activity.cohorts(Entry::FirstUse(feature)))?;
    let triangle = timed("retention of first use", || activity.retention_of(&first, Period::Month))?;
    let every = timed("cohorts, recurring", || activity.cohorts(Entry::EveryActivity))?;
    timed("retention, recurring", || activity.retention_of(&every, Period::Month))?;
    let behaved = timed("cohorts by behaviour", || activity.cohorts(Entry::ActiveDays { at_least: 3, within: 7 }))?;
    timed("retention by behaviour", || activity.retention_of(&behaved, Period::Month))?;
    let lifetimes = timed("lifetimes", || activity.lifetimes(30))?;
    timed("survival", || lifetimes.kaplan_meier(KaplanMeierOptions::new()))?;
    timed("value retention", || activity.value_retention(Period::Month))?;
    let (first, second) = (&triangle.cohorts()[0], &triangle.cohorts()[1]);
    timed("comparison", || triangle.compare([first.span.start, second.span.start], ComparisonOptions::new()))?;
    let members = members_of_a_day(activity)?;
    let columns = ParticipationColumns::new("actor", "day");
    let participants = timed("participation", || Participation::from_frame(&members, &columns))?;
    timed("programme impact", || activity.programme_impact(&participants, 90))?;
    Ok(())
}

/// Everybody who was active on a day in the midst of the log, as if they had taken part in something.
fn members_of_a_day(activity: &Activity) -> Result<DataFrame> {
    let middle = activity.observed_from() + (activity.as_of() - activity.observed_from()) / 2;
    let day = lit(middle.days_since_epoch());
    let days = activity.to_frame()?.lazy().filter(col("day").cast(DataType::Int32).eq(day));
    Ok(days.select([col("actor"), col("day")]).collect()?)
}

/// The Parquet files of a folder, in order.
fn files(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "parquet")).collect();
    files.sort();
    files
}

fn reduce(directory: &str, columns: &EventColumns) -> Result<Activity> {
    Activity::from_parquet(files(directory), columns, &Calendar::utc())
}

/// The same reading without the reduction: row groups decoded on all processors and thrown away. As many rows must come
/// out as the files say they hold.
fn decode(directory: &str, names: &[&str]) -> Result<usize> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut groups = Vec::new();
    for path in files(directory) {
        let metadata = metadata(&path)?;
        let mut offset = 0;
        for group in &metadata.row_groups {
            groups.push((path.clone(), metadata.clone(), (offset, group.num_rows())));
            offset += group.num_rows();
        }
    }
    let (next, rows) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || -> Result<()> {
        while let Some((path, metadata, slice)) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut reader = ParquetReader::new(fs::File::open(path).map_err(PolarsError::from)?)
                .read_parallel(ParallelStrategy::None)
                .with_columns(Some(names.clone()))
                .with_slice(Some(*slice));
            reader.set_metadata(metadata.clone());
            rows.fetch_add(black_box(reader.finish()?).height(), Ordering::Relaxed);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().try_for_each(|handle| handle.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let held: usize = groups.iter().map(|(_, _, (_, rows))| rows).sum();
    let rows = rows.into_inner();
    assert_eq!(rows, held, "the rows decoded are not those of the files");
    Ok(rows)
}

fn metadata(path: &Path) -> Result<FileMetadataRef> {
    let file = fs::File::open(path).map_err(PolarsError::from)?;
    let mut metadata = ParquetReader::new(file).get_metadata()?.as_ref().clone();
    metadata.key_value_metadata = None;
    Ok(metadata.into())
}

/// The workload's table, built as a user would have it: as a frame, then its columns as integers.
fn answer(workload: &str, activity: &Activity) -> Result<Table> {
    let date = |date: attrition::Date| i64::from(date.days_since_epoch()).cast_unsigned();
    Ok(match workload {
        "w2" => {
            let windows = [Window::Days(1), Window::Days(7), Window::Days(30)];
            let usage = activity.active_users(windows)?;
            let mut table = vec![usage.series(windows[0]).iter().map(|count| date(count.span.end)).collect()];
            table.extend(windows.map(|window| usage.series(window).iter().map(|count| count.active).collect()));
            table
        }
        "w3" => {
            let lifecycle = activity.lifecycle(Period::Week)?;
            let weeks = || lifecycle.periods().iter().filter(|week| week.active > 0);
            // The peers take the last week for a whole one.
            vec![
                weeks().map(|week| date(week.span.start)).collect(),
                weeks().map(|week| week.new).collect(),
                weeks().map(|week| week.retained).collect(),
                weeks().map(|week| week.resurrected).collect(),
                weeks().map(|week| week.newly_dormant_so_far.total()).collect(),
            ]
        }
        "w4" => {
            let triangle = activity.retention(Period::Month)?;
            let mut table = vec![Vec::new(); 3];
            for cohort in triangle.cohorts() {
                let start = cohort.span.start.to_string();
                let (year, month) = (start[..4].parse::<u64>(), start[5..7].parse::<u64>());
                let (Ok(year), Ok(month)) = (year, month) else { continue };
                for age in 0..=triangle.horizon() {
                    let active = triangle.cell(cohort.span.start, age).and_then(|cell| cell.so_far).unwrap_or(0);
                    if active > 0 {
                        table[0].push(year * 12 + month - 1);
                        table[1].push(u64::from(age));
                        table[2].push(active);
                    }
                }
            }
            table
        }
        "w7" | "w7-activity" => tenure_table(&activity.lifetimes(tenures())?),
        _ => {
            let by_day = |criterion| RetentionOptions::new(Period::Day).horizon(30).criterion(criterion);
            let classic = activity.retention(by_day(Criterion::On))?;
            let unbounded = activity.retention(by_day(Criterion::OnOrAfter))?;
            let mut table = vec![Vec::new(); 4];
            for cohort in classic.cohorts().iter().filter(|cohort| cohort.size > 0) {
                for age in 0..=30 {
                    let day = cohort.span.start;
                    let cells = classic.cell(day, age).zip(unbounded.cell(day, age));
                    if let Some((classic, unbounded)) = cells.and_then(|(on, after)| on.active.zip(after.active)) {
                        table[0].push(date(day));
                        table[1].push(u64::from(age));
                        table[2].push(classic);
                        table[3].push(unbounded);
                    }
                }
            }
            table
        }
    })
}

fn usage_table(frame: &DataFrame) -> Result<Table> {
    let names = [
        "account",
        "recent_events",
        "recent_people",
        "recent_features",
        "baseline_events",
        "baseline_people",
        "baseline_features",
        "silence",
    ];
    names.map(|name| integers(frame, name)).into_iter().collect()
}

/// The peers take a user for followed up to the last event.
fn tenures() -> LifetimesOptions {
    LifetimesOptions::new(30).censoring(Censoring::LastActivity)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days are whole and not negative")]
fn tenure_table(lifetimes: &Lifetimes) -> Table {
    let table = lifetimes.event_table();
    let rows = || table.rows().iter();
    vec![
        rows().map(|row| row.time as u64).collect(),
        rows().map(|row| row.at_risk).collect(),
        rows().map(|row| row.ended).collect(),
        rows().map(|row| row.censored).collect(),
    ]
}

/// W1, from the table of active days.
fn user_days(frame: &DataFrame) -> Result<(usize, String)> {
    let names = ["actor", "account", "day", "events", "features"];
    let table = names.map(|name| integers(frame, name)).into_iter().collect::<Result<Table>>()?;
    Ok((frame.height(), digest(&table)))
}

/// A column as the integers that enter a digest.
fn integers(frame: &DataFrame, name: &str) -> Result<Vec<u64>> {
    let column = frame.column(name)?.as_materialized_series();
    if let Ok(strings) = column.str() {
        return Ok(strings.iter().map(|id| first_eight(id.unwrap_or_default())).collect());
    }
    let wide = column.to_physical_repr().cast(&if *column.dtype() == DataType::UInt64 {
        DataType::UInt64
    } else {
        DataType::Int64
    })?;
    Ok(match wide.u64() {
        Ok(unsigned) => unsigned.iter().map(Option::unwrap_or_default).collect(),
        Err(_) => wide.i64()?.iter().map(|value| value.unwrap_or_default().cast_unsigned()).collect(),
    })
}

fn first_eight(id: &str) -> u64 {
    let mut bytes = [0; 8];
    let taken = id.len().min(8);
    bytes[..taken].copy_from_slice(&id.as_bytes()[..taken]);
    u64::from_le_bytes(bytes)
}

/// A digest that does not depend on the order of rows: the sum over the rows of a hash of their integers.
fn digest(table: &Table) -> String {
    let split_mix = |value: u64| {
        let x = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    };
    let rows = 0..table[0].len();
    let hash = |row: usize| table.iter().fold(0, |hash, column| split_mix(hash ^ column[row]));
    format!("{:016x}", rows.fold(0_u64, |sum, row| sum.wrapping_add(hash(row))))
}

/// Wall and processor time of the work.
struct Clock {
    wall: Instant,
    cpu: f64,
}

struct Time {
    wall: f64,
    cpu: f64,
    peak_mib: f64,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    fn stop(&self) -> Time {
        let wall = self.wall.elapsed().as_secs_f64();
        Time { wall, cpu: cpu_seconds() - self.cpu, peak_mib: peak_mib() }
    }
}

/// User and system seconds of the process, from the operating system; 0 where it has no `/proc`.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> =
        stat.rsplit(") ").next().unwrap_or_default().split(' ').filter_map(|field| field.parse().ok()).collect();
    // Ticks of a hundredth of a second, counting from the field after the state.
    fields.get(10).zip(fields.get(11)).map_or(0.0, |(user, system)| (user + system) / 100.0)
}

/// The largest resident size so far, in MiB.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(0.0, |kib| kib / 1024.0)
}

fn report(workload: &str, form: &str, time: &Time, rows: usize, digest: Option<String>) {
    let digest = digest.map_or("null".to_owned(), |digest| format!("\"{digest}\""));
    println!(
        "{{\"engine\":\"attrition\",\"workload\":\"{workload}\",\"form\":\"{form}\",\"wall\":{:.4},\"cpu\":{:.3},\
         \"peak_mib\":{:.0},\"rows\":{rows},\"digest\":{digest}}}",
        time.wall, time.cpu, time.peak_mib
    );
}
