//! A first review of an event log: what came in, who uses the product, and whether each cohort stays.
//!
//! ```sh
//! cargo run --example churn_review
//! cargo run --release --example churn_review -- --events log.parquet --user user_id --time ts --tz Europe/Vilnius
//! ```
//!
//! Without arguments it reads the log that comes with the project: a year of a British online shop.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Coverage, Criterion, Date, Error, EventColumns, Period, Result, RetentionOptions,
    StickinessOptions, Window,
};
use indicatif::{ProgressBar, ProgressStyle};

// Decoding allocates and frees large buffers all the time; this allocator keeps them at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
usage: churn_review [--events PATH --user COLUMN --time COLUMN]
                    [--account COLUMN] [--feature COLUMN] [--value COLUMN]
                    [--tz ZONE] [--as-of DATE]

PATH is a CSV or Parquet file, a folder of Parquet files, or a pattern like 'log/*.parquet'.";

/// Where events come from.
enum Source {
    /// Parquet files, read as they are.
    Files(Vec<PathBuf>),
    /// Anything else.
    Query(Box<LazyFrame>),
}

/// What to read, and how.
struct Log {
    source: Source,
    /// How many rows there are, or about how many.
    rows: Option<u64>,
    columns: EventColumns,
    calendar: Calendar,
    as_of: Option<Date>,
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("churn_review: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match arguments.log().and_then(|log| review(ingest(log)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("churn_review: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the log once. Everything after this asks the activity.
fn ingest(log: Log) -> Result<Activity> {
    let bar = log.rows.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = if log.rows.is_some() {
        "{wide_bar} {human_pos} of {human_len} rows, {eta} left"
    } else {
        "{spinner} {human_pos} rows, {per_sec}"
    };
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let shown = bar.clone();
    let mut builder =
        Activity::builder(&log.columns, &log.calendar).on_progress(move |progress| shown.set_position(progress.rows));
    if let Some(as_of) = log.as_of {
        builder = builder.as_of(as_of);
    }
    let pushed = match log.source {
        Source::Files(paths) => builder.push_parquet(paths),
        Source::Query(events) => builder.push_lazy(*events),
    };
    bar.finish_and_clear();
    pushed?;
    builder.finish()
}

fn review(activity: Activity) -> Result<()> {
    heading("What came in");
    println!("{activity}");
    if activity.intake().left_out() > 0 {
        let share = percent(activity.intake().left_out(), activity.intake().rows);
        println!("\n{share} of the rows could not be used. Everything below is about the others.");
    }

    heading("Who uses it");
    let windows = [Window::Days(1), Window::Days(7), Window::Days(28), Window::Calendar(Period::Month)];
    let usage = activity.active_users(windows)?;
    println!("{usage}");
    growth(&usage);

    heading("How often they come");
    println!("{}", activity.stickiness(StickinessOptions::new())?);

    let period = review_period(&activity);
    heading("Does each cohort stay?");
    let triangle = activity.retention(period)?;
    println!("{triangle}");
    println!("\nThe log begins with the first cohort, so whoever was a customer before is counted as new in it.");
    cohorts(&triangle);

    heading("And who is gone for good?");
    let unbounded = activity.retention(RetentionOptions::new(period).criterion(Criterion::OnOrAfter))?;
    println!("Still seen at that age or later (on or after), mean over all cohorts observed so far:\n");
    println!("  {:>6} {:>8} {:>10} {:>10}  95 % interval", "age", "cohorts", "on", "or after");
    for (on, after) in triangle.curve().iter().zip(unbounded.curve()).take(13).filter(|(on, _)| on.cohorts > 0) {
        let interval = after.interval.map_or(String::new(), |interval| {
            format!("{:.1} to {:.1} %", 100.0 * interval.lower, 100.0 * interval.upper)
        });
        let (classic, later) = (share(on.weighted_mean), share(after.weighted_mean));
        println!("  {:>6} {:>8} {classic:>10} {later:>10}  {interval}", on.age, on.cohorts);
    }
    println!("\nThe gap between the two is people who pause and return: they are not churned, only slow.");

    if activity.accounts().is_some() {
        heading("The same by account");
        let accounts = activity.by_account()?;
        println!("{accounts}\n");
        println!("{}", accounts.retention(period)?);
    }
    Ok(())
}

/// Whole periods of the last and the one before, so that like is compared with like.
fn growth(usage: &attrition::ActiveUsers) {
    let months = usage.series(Window::Calendar(Period::Month));
    let whole: Vec<_> = months.iter().filter(|month| month.coverage == Coverage::Observed).collect();
    if let [.., before, last] = whole.as_slice() {
        let word = if last.active >= before.active { "up from" } else { "down from" };
        println!(
            "The last whole month, {}, had {} active users, {word} {}.",
            last.span.start, last.active, before.active
        );
    } else {
        println!("The log holds fewer than two whole months: too short to speak of growth by month.");
    }
}

/// Names the best and the worst cohort at age 1.
fn cohorts(triangle: &attrition::Retention) {
    let rates = triangle.cohorts().iter().filter_map(|cohort| {
        let rate = triangle.cell(cohort.span.start, 1)?.rate?;
        Some((rate, cohort))
    });
    let mut rates: Vec<_> = rates.filter(|(_, cohort)| cohort.coverage == Coverage::Observed).collect();
    rates.sort_by(|left, right| left.0.total_cmp(&right.0));
    if let [worst, .., best] = rates.as_slice() {
        let (period, name) = (triangle.options(), |date: Date| date.to_string());
        println!(
            "Of the cohort of {} {} came back in the next {}, of that of {} {}.",
            name(best.1.span.start),
            share(Some(best.0)),
            period.period(),
            name(worst.1.span.start),
            share(Some(worst.0)),
        );
    }
}

/// The period that gives between a few and a few dozen cohorts.
fn review_period(activity: &Activity) -> Period {
    match activity.as_of() - activity.observed_from() {
        0..=45 => Period::Day,
        46..=200 => Period::Week,
        201..=1_500 => Period::Month,
        1_501..=5_000 => Period::Quarter,
        _ => Period::Year,
    }
}

fn heading(title: &str) {
    println!("\n## {title}\n");
}

fn share(rate: Option<f64>) -> String {
    rate.map_or("-".to_owned(), |rate| format!("{:.1} %", 100.0 * rate))
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn percent(part: u64, whole: u64) -> String {
    share((whole > 0).then(|| part as f64 / whole as f64))
}

/// The command line.
#[derive(Default)]
struct Arguments {
    events: Option<PathBuf>,
    user: Option<String>,
    time: Option<String>,
    account: Option<String>,
    feature: Option<String>,
    value: Option<String>,
    zone: Option<String>,
    as_of: Option<String>,
}

impl Arguments {
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        use lexopt::prelude::{Long, Short, ValueExt};
        let mut arguments = Self::default();
        while let Some(argument) = parser.next()? {
            let field = match argument {
                Long("events") => {
                    arguments.events = Some(parser.value()?.into());
                    continue;
                }
                Long("user") => &mut arguments.user,
                Long("time") => &mut arguments.time,
                Long("account") => &mut arguments.account,
                Long("feature") => &mut arguments.feature,
                Long("value") => &mut arguments.value,
                Long("tz") => &mut arguments.zone,
                Long("as-of") => &mut arguments.as_of,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            };
            *field = Some(parser.value()?.string()?);
        }
        let Self { events, user, time, account, feature, value, .. } = &arguments;
        if events.is_some() && (user.is_none() || time.is_none()) {
            return Err("--events needs --user and --time, the columns of user and time".into());
        }
        if events.is_none() && [user, time, account, feature, value].into_iter().any(Option::is_some) {
            return Err("the columns are those of --events, which is missing".into());
        }
        Ok(Some(arguments))
    }

    fn log(self) -> Result<Log> {
        let calendar = Calendar::new(self.zone.as_deref().unwrap_or("UTC"))?;
        let as_of = self.as_of.map(|date| date.parse()).transpose()?;
        let (Some(path), Some(user), Some(time)) = (self.events, self.user, self.time) else {
            return online_retail(calendar, as_of);
        };
        let (source, rows) = open(&path)?;
        let mut columns = EventColumns::new(user, time);
        columns = self.account.into_iter().fold(columns, EventColumns::account);
        columns = self.feature.into_iter().fold(columns, EventColumns::feature);
        columns = self.value.into_iter().fold(columns, EventColumns::value);
        Ok(Log { source, rows, columns, calendar, as_of })
    }
}

/// The log that comes with the project: the lines of an online shop's invoices, as purchases.
fn online_retail(calendar: Calendar, as_of: Option<Date>) -> Result<Log> {
    println!("# A British online gift shop, December 2010 to December 2011\n");
    println!("Invoice lines of the UCI data set Online Retail (CC BY 4.0); cancellations and corrections are not");
    println!("purchases and are filtered out, lines without a customer are left to the intake to count.");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/online_retail/lines.parquet");
    let lines = LazyFrame::scan_parquet(PlRefPath::new(path.to_string_lossy()), ScanArgsParquet::default())?;
    let purchase = col("quantity").gt(lit(0)).and(col("unit_price").gt(lit(0.0)));
    let value = (col("quantity").cast(DataType::Float64) * col("unit_price")).alias("value");
    let events = lines.filter(purchase).with_column(value);
    let columns = EventColumns::new("customer_id", "invoice_date").value("value");
    Ok(Log { source: Source::Query(Box::new(events)), rows: None, columns, calendar, as_of })
}

/// The events behind a path, and about how many rows they are.
fn open(path: &Path) -> Result<(Source, Option<u64>)> {
    let file_error = |source| Error::File { path: path.to_owned(), source };
    let text = path.to_string_lossy().into_owned();
    if text.contains(['*', '?', '[']) {
        let events = LazyFrame::scan_parquet(PlRefPath::new(text), ScanArgsParquet::default())?;
        return Ok((Source::Query(Box::new(events)), None));
    }
    let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    if is_csv {
        let rows = estimate_lines(path).map_err(file_error)?;
        let events = LazyCsvReader::new(PlRefPath::new(text)).with_try_parse_dates(true).finish()?;
        return Ok((Source::Query(Box::new(events)), Some(rows)));
    }
    let mut files = vec![path.to_owned()];
    if std::fs::metadata(path).map_err(file_error)?.is_dir() {
        let entries = std::fs::read_dir(path).map_err(file_error)?.flatten().map(|entry| entry.path());
        files = entries.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).collect();
        files.sort();
    }
    let mut rows = 0;
    for path in &files {
        let file = std::fs::File::open(path).map_err(|source| Error::File { path: path.clone(), source })?;
        rows += ParquetReader::new(file).num_rows()? as u64;
    }
    Ok((Source::Files(files), Some(rows)))
}

/// About how many lines a file has, by the length of its first ones.
fn estimate_lines(path: &Path) -> std::io::Result<u64> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.take(1 << 20).read_to_end(&mut start)?;
    let lines = start.iter().filter(|&&byte| byte == b'\n').count().max(1) as u64;
    Ok(length * lines / (start.len() as u64).max(1))
}
