//! Ingestion of queries on the streaming engine.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use polars::prelude::{DataFrame, Engine, LazyFrame, PlanCallback, by_name};

use super::Activity;
use super::builder::{ActivityBuilder, Worker, first_error, in_parallel};
use super::columns::EventColumns;
use crate::calendar::Calendar;
use crate::error::{Error, Result};

impl Activity {
    /// The activity of the events that a query yields, read in batches on the streaming engine: only the mapped
    /// columns, and never the whole log at once. Needs the feature `lazy`.
    ///
    /// # Errors
    ///
    /// As [`ActivityBuilder::push_lazy`] and [`ActivityBuilder::finish`].
    pub fn from_lazy(events: LazyFrame, columns: &EventColumns, calendar: &Calendar) -> Result<Self> {
        let mut builder = Self::builder(columns, calendar);
        builder.push_lazy(events)?;
        builder.finish()
    }
}

impl ActivityBuilder {
    /// Takes in the events that a query yields, batch by batch on the streaming engine. Needs the feature `lazy`.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`Error::Polars`](crate::Error::Polars) if the query fails.
    pub fn push_lazy(&mut self, mut events: LazyFrame) -> Result<()> {
        let schema = events.collect_schema()?;
        let plan = self.prepare(&schema)?;
        // By name and not by `col`, to which some names are patterns.
        let mapped = by_name(self.columns().names(), true, false).as_expr();
        let (ingest, reader) = self.ingest(plan)?;
        let base = ingest.rows();

        let threads = thread::available_parallelism().map_or(1, usize::from);
        let (sender, receiver) = sync_channel::<(DataFrame, u64)>(threads);
        let receiver = Mutex::new(Some(receiver));
        let next_row = Mutex::new(base);
        // A closed channel means that the workers have stopped at an error: then the query may stop too.
        let send = move |frame: DataFrame| {
            let mut row = next_row.lock().unwrap_or_else(PoisonError::into_inner);
            let first_row = *row;
            *row += frame.height() as u64;
            Ok(sender.send((frame, first_row)).is_err())
        };
        let query = events.select([mapped]).sink_batches(PlanCallback::new(send), true, None)?;
        let work = || -> Result<()> {
            let _closing = Closing(&receiver);
            let mut worker = Worker::new(ingest, reader.clone());
            loop {
                let received = {
                    let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
                    receiver.as_ref().and_then(|receiver| receiver.recv().ok())
                };
                let Some((frame, first_row)) = received else {
                    worker.finish();
                    return Ok(());
                };
                worker.absorb(&frame, first_row)?;
            }
        };
        let (collected, results) = thread::scope(|scope| {
            let query = scope.spawn(move || query.collect_with_engine(Engine::Streaming).map(|_| ()));
            let results = in_parallel(threads, &work);
            (query.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), results)
        });
        ingest.end_source();
        self.ended(first_error(results).and(collected.map_err(Error::from)))
    }
}

/// Closes the channel when a worker ends, be it by an error or a panic, so that the query does not wait for a reader.
///
/// A worker that ends in peace has found the channel empty and closed.
struct Closing<'a>(&'a Mutex<Option<Receiver<(DataFrame, u64)>>>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
