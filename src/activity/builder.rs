//! Ingestion: frames and queries of any number and size into one activity.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use polars::prelude::{DataFrame, Schema};
use serde::{Deserialize, Serialize};

use super::columns::EventColumns;
use super::door::{Plan, Pools, Reader};
use super::intake::Intake;
use super::ledger::Carried;
use super::planar::reduction;
use super::reduce::{Lanes, Reduction};
use super::{Activity, Observation};
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::keys::KeyIds;
use crate::frame::pool::Pool;

/// Rows that a worker takes at a time from a frame in memory.
const SLICE: usize = 1 << 17;

/// How far an ingestion has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Rows read so far, over all that was pushed.
    pub rows: u64,
    /// Bytes that the mapped columns of those rows take in memory.
    pub bytes: u64,
    /// Frames and queries finished so far. Whoever pushes a file at a time reads here how many are done.
    pub sources: u64,
}

type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// Builds an [`Activity`] from a log that comes in parts, or is larger than memory.
///
/// Memory is bounded by the active user-days and the ids, plus a few batches of rows, whatever the length of the log.
/// The order of rows makes no difference to the result; a log nearly in order of time is read fastest.
///
/// # Example
///
/// ```
/// use attrition::{Activity, Calendar, EventColumns, date};
/// use attrition::polars::prelude::*;
///
/// let monday = df!("user" => ["ann", "bob"], "day" => [20_150, 20_150])?;
/// let tuesday = df!("user" => [Some("ann"), None], "day" => [20_151, 20_151])?;
/// let mut builder = Activity::builder(&EventColumns::new("user", "day"), &Calendar::utc()).as_of(date(2025, 3, 5));
/// for mut frame in [monday, tuesday] {
///     frame.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
///     builder.push(&frame)?;
/// }
/// let activity = builder.finish()?;
/// assert_eq!(activity.actors(), 2);
/// assert_eq!(activity.intake().null_user, 1);
/// assert_eq!(activity.as_of(), date(2025, 3, 5));
/// # Ok::<(), attrition::Error>(())
/// ```
pub struct ActivityBuilder {
    columns: EventColumns,
    calendar: Calendar,
    observed_from: Option<Date>,
    as_of: Option<Date>,
    on_progress: Option<OnProgress>,
    ingest: Option<Ingest>,
    /// A push has failed after some of its rows were taken in.
    failed: bool,
}

/// What several workers fill together.
pub(crate) struct Ingest {
    plan: Plan,
    pools: Pools,
    reduction: Box<dyn Reduction>,
    state: Mutex<(Intake, Progress)>,
    on_progress: Option<OnProgress>,
}

/// One worker's own room.
pub(crate) struct Worker<'a> {
    ingest: &'a Ingest,
    reader: Reader<'a>,
    /// Room for the days of a batch.
    days: Vec<i32>,
    lanes: Box<dyn Lanes + 'a>,
}

impl ActivityBuilder {
    pub(super) fn new(columns: &EventColumns, calendar: &Calendar) -> Self {
        Self {
            columns: columns.clone(),
            calendar: calendar.clone(),
            observed_from: None,
            as_of: None,
            on_progress: None,
            ingest: None,
            failed: false,
        }
    }

    /// The first day of observation. Rows before it are left out and counted.
    ///
    /// The default is the day of the first event: nothing better is known. Name the day on which logging began if it
    /// was a quiet one.
    #[must_use]
    pub fn observed_from(mut self, date: Date) -> Self {
        self.observed_from = Some(date);
        self
    }

    /// The last day of observation, which is taken to have been seen to its end. Rows after it are left out and
    /// counted.
    ///
    /// The default is the day of the last event. That is a guess: a log that fell silent a month ago has been observed
    /// for that month too, so name the day wherever it is known, and yesterday rather than today while today goes on.
    #[must_use]
    pub fn as_of(mut self, date: Date) -> Self {
        self.as_of = Some(date);
        self
    }

    /// Calls `report` after every batch of rows, from the thread that has read it, so reports can overtake each other.
    /// There is none by default. Name it before the first push.
    #[must_use]
    pub fn on_progress(mut self, report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(report));
        self
    }

    /// Takes in the events of a frame.
    ///
    /// # Errors
    ///
    /// Before any row is read: [`Error::MissingColumn`], [`Error::UnsupportedType`], [`Error::Incompatible`] if the ids
    /// are of another type than those pushed before. Then [`Error::InvalidValue`] for a time outside the years 1 to
    /// 9999 and a value that is not finite, after which part of the frame is taken in and [`finish`](Self::finish)
    /// refuses: begin anew. [`Error::InvalidOption`] if the observation begins after it ends.
    pub fn push(&mut self, frame: &DataFrame) -> Result<()> {
        let plan = self.prepare(frame.schema())?;
        let (ingest, reader) = self.ingest(plan)?;
        let slices = frame.height().div_ceil(SLICE);
        let base = ingest.rows();
        let next = AtomicUsize::new(0);
        let work = || -> Result<()> {
            let mut worker = Worker::new(ingest, reader.clone());
            loop {
                let slice = next.fetch_add(1, Ordering::Relaxed);
                if slice >= slices {
                    worker.finish();
                    return Ok(());
                }
                let start = slice * SLICE;
                let part = frame.slice(i64::try_from(start).unwrap_or(i64::MAX), SLICE);
                worker.absorb(&part, base + start as u64)?;
            }
        };
        let results = in_parallel(slices, &work);
        ingest.end_source();
        self.ended(first_error(results))
    }

    /// Remembers that a push has failed part of the way.
    pub(crate) fn ended<T>(&mut self, pushed: Result<T>) -> Result<()> {
        self.failed |= pushed.is_err();
        pushed.map(|_| ())
    }

    /// What the workers of a push share, and a reader for each.
    pub(crate) fn ingest(&self, plan: Plan) -> Result<(&Ingest, Reader<'_>)> {
        let window = (self.observed_from, self.as_of);
        if let (Some(from), Some(to)) = window
            && from > to
        {
            let reason = "observation begins after it ends; see as_of";
            return Err(Error::InvalidOption { option: "observed_from", value: from.to_string(), reason });
        }
        let reader = Reader::new(&self.columns, plan, &self.calendar, window);
        self.ingest.as_ref().map(|ingest| (ingest, reader)).ok_or(Error::Empty { rows: 0, left_out: 0 })
    }

    /// Judges the columns, and makes ready to take them in.
    pub(crate) fn prepare(&mut self, schema: &Schema) -> Result<Plan> {
        let plan = Plan::new(schema, &self.columns)?;
        match &self.ingest {
            None => self.ingest = Some(Ingest::new(&self.columns, plan.clone(), self.on_progress.clone())),
            Some(ingest) => ingest.plan.check_same_ids(&plan)?,
        }
        Ok(plan)
    }

    /// The names of the mapped columns.
    #[cfg(feature = "lazy")]
    pub(crate) fn columns(&self) -> &EventColumns {
        &self.columns
    }

    /// The activity of all events taken in.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`] if a push has failed part of the way; [`Error::InvalidOption`] if the observation was named
    /// after a push of events outside it; [`Error::Empty`] if nothing was pushed, or if there is not one event and the observation was not given by both
    /// [`observed_from`](Self::observed_from) and [`as_of`](Self::as_of); [`Error::TooLarge`] beyond 2^32 users or
    /// events of one user on one day; [`Error::Overflow`] if the values of one user and day add up to more than an `f64`
    /// holds.
    pub fn finish(self) -> Result<Activity> {
        let Some(ingest) = self.ingest else { return Err(Error::Empty { rows: 0, left_out: 0 }) };
        if self.failed {
            return Err(Error::Incomplete);
        }
        let (intake, _) = ingest.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ids = |id_type, pool: Pool| KeyIds { id_type, strings: pool.into_strings() };
        let users = ids(ingest.plan.user, ingest.pools.user);
        let accounts = ingest.plan.account.map(|id_type| ids(id_type, ingest.pools.account));
        let features = self.columns.feature.as_ref().map(|_| ingest.pools.feature.into_strings());
        let ledger = ingest.reduction.finish(&users, accounts.as_ref(), features.as_ref())?;
        let days = ledger.rows.ends();
        let first = self.observed_from.or(days.map(|days| Date::from_day(days.0)));
        let last = self.as_of.or(days.map(|days| Date::from_day(days.1)));
        match (first, last) {
            (Some(first), Some(last)) => {
                // Whoever names the end after a push has let in what lies behind it.
                let outside = days.is_some_and(|days| Date::from_day(days.0) < first || Date::from_day(days.1) > last);
                let last = if self.as_of.is_none() { last.max(first) } else { last };
                if outside || first > last {
                    let reason =
                        "does not hold the events that were pushed; name the observation before the first push";
                    let value = format!("{first} to {last}");
                    return Err(Error::InvalidOption { option: "observed_from, as_of", value, reason });
                }
                Ok(Activity::new(self.calendar, Observation { first, last }, intake, ledger))
            }
            _ => Err(Error::Empty { rows: intake.rows, left_out: intake.left_out() }),
        }
    }
}

impl Ingest {
    fn new(columns: &EventColumns, plan: Plan, on_progress: Option<OnProgress>) -> Self {
        let (feature, value) = (columns.feature.is_some(), columns.value.is_some());
        let carried = Carried { feature, value, times: columns.clock_times };
        let reduction = reduction(columns.account.is_some(), carried);
        Self { plan, pools: Pools::default(), reduction, state: Mutex::default(), on_progress }
    }

    fn count(&self, intake: Intake, bytes: u64, sources: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += intake;
        state.1 = Progress { rows: state.0.rows, bytes: state.1.bytes + bytes, sources: state.1.sources + sources };
        let progress = state.1;
        drop(state);
        if let Some(report) = &self.on_progress {
            report(progress);
        }
    }

    /// Counts a frame or query as finished.
    pub(crate) fn end_source(&self) {
        self.count(Intake::default(), 0, 1);
    }

    /// Rows taken in so far.
    pub(crate) fn rows(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.rows
    }
}

impl<'a> Worker<'a> {
    pub(crate) fn new(ingest: &'a Ingest, reader: Reader<'a>) -> Self {
        Self { ingest, reader, days: Vec::new(), lanes: ingest.reduction.lanes() }
    }

    /// Reads what follows with the reader of another source.
    #[cfg(feature = "lazy")]
    pub(crate) fn read_with(&mut self, reader: &Reader<'a>) {
        self.reader.clone_from(reader);
    }

    /// Takes in a frame whose first row is row `first_row` of all that was pushed.
    pub(crate) fn absorb(&mut self, frame: &DataFrame, first_row: u64) -> Result<()> {
        let columns = self.reader.columns(frame, first_row)?;
        let (batch, intake) = self.reader.read(&columns, self.ingest.pools.each(), std::mem::take(&mut self.days))?;
        self.lanes.deal(&batch);
        self.days = batch.day;
        // The size of strings takes a walk over them, so it is only taken for those who look.
        let bytes = self.ingest.on_progress.as_ref().map_or(0, |_| columns.bytes());
        self.ingest.count(intake, bytes, 0);
        Ok(())
    }

    /// Hands over what the worker still holds.
    pub(crate) fn finish(self) {
        self.lanes.flush();
    }
}

/// Runs the same work on as many threads as there are processors and parts.
pub(crate) fn in_parallel<T: Send>(parts: usize, work: &(impl Fn() -> T + Sync)) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(parts);
    if threads <= 1 {
        return vec![work()];
    }
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// What the workers have done; or the error of the earliest row, where several met one.
pub(crate) fn first_error<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let row = |error: &Error| if let Error::InvalidValue { row, .. } = error { *row } else { 0 };
    let (mut done, mut failed) = (Vec::with_capacity(results.len()), Vec::new());
    for result in results {
        match result {
            Ok(result) => done.push(result),
            Err(error) => failed.push(error),
        }
    }
    failed.into_iter().min_by_key(row).map_or(Ok(done), Err)
}

impl fmt::Debug for ActivityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityBuilder")
            .field("columns", &self.columns)
            .field("calendar", &self.calendar)
            .field("observed_from", &self.observed_from)
            .field("as_of", &self.as_of)
            .finish_non_exhaustive()
    }
}
