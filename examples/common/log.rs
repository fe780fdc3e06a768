//! A log named on the command line, or the one that comes with the project: read once, with a bar of progress.

use std::io::Read as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attrition::polars::prelude::*;
use attrition::{Activity, Calendar, Date, Error, EventColumns, Result};
use indicatif::{ProgressBar, ProgressStyle};

use super::page::{self, Outcome};

// Decoding allocates and frees large buffers all the time; this allocator keeps them at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OPTIONS: &str = "\
[--events PATH --user COLUMN --time COLUMN]
       [--account COLUMN] [--feature COLUMN] [--value COLUMN]
       [--tz ZONE] [--as-of DATE]

PATH is a CSV or Parquet file, a folder of Parquet files, or a pattern like 'log/*.parquet'.";

/// Where events come from.
pub(crate) enum Source {
    /// Parquet files, read as they are.
    Files(Vec<PathBuf>),
    /// Anything else.
    Query(Box<LazyFrame>),
}

/// What to read.
pub(crate) struct Log {
    /// What it is, where the program knows.
    pub(crate) title: Option<&'static str>,
    pub(crate) source: Source,
    /// How many rows there are, or about how many.
    pub(crate) rows: Option<u64>,
    pub(crate) columns: EventColumns,
}

/// A whole program: reads the log that is named, or the one that comes with the project, and writes about it.
pub(crate) fn run(
    program: &str,
    shipped: fn() -> Result<Log>,
    review: fn(&Activity, &mut dyn Write) -> Outcome,
) -> ExitCode {
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{program}: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    page::print(program, |out| {
        let Some(arguments) = arguments else { return Ok(writeln!(out, "usage: {program} {OPTIONS}")?) };
        let (calendar, as_of) = arguments.calendar()?;
        let log = arguments.log(shipped)?;
        if let Some(title) = log.title {
            writeln!(out, "{title}")?;
        }
        review(&ingest(log, &calendar, as_of)?, out)
    })
}

/// The path of a log that comes with the project.
pub(crate) fn shipped(path: &str) -> PlRefPath {
    PlRefPath::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(path).to_string_lossy())
}

/// Reads the log once. Everything after this asks the activity.
fn ingest(log: Log, calendar: &Calendar, as_of: Option<Date>) -> Result<Activity> {
    let bar = log.rows.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = if log.rows.is_some() {
        "{wide_bar} {human_pos} of {human_len} rows, {eta} left"
    } else {
        "{spinner} {human_pos} rows, {per_sec}"
    };
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let shown = bar.clone();
    let mut builder =
        Activity::builder(&log.columns, calendar).on_progress(move |progress| shown.set_position(progress.rows));
    if let Some(as_of) = as_of {
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

    fn calendar(&self) -> Result<(Calendar, Option<Date>)> {
        let calendar = Calendar::new(self.zone.as_deref().unwrap_or("UTC"))?;
        Ok((calendar, self.as_of.as_ref().map(|date| date.parse()).transpose()?))
    }

    fn log(self, shipped: fn() -> Result<Log>) -> Result<Log> {
        let (Some(path), Some(user), Some(time)) = (self.events, self.user, self.time) else { return shipped() };
        let (source, rows) = open(&path)?;
        let mut columns = EventColumns::new(user, time);
        columns = self.account.into_iter().fold(columns, EventColumns::account);
        columns = self.feature.into_iter().fold(columns, EventColumns::feature);
        columns = self.value.into_iter().fold(columns, EventColumns::value);
        Ok(Log { title: None, source, rows, columns })
    }
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
