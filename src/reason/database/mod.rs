//! The durable store of cancellations: one SQLite file.

mod correct;
mod failure;
mod feedback;
mod history;
mod import;
mod open;
mod record;
mod row;
mod schema;
mod snapshot;
mod taxonomy;

pub use correct::RecordCorrection;
pub use history::{FieldChange, RecordHistory};
pub use open::{DatabaseAccess, DatabaseOptions};

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::Result;
use failure::Fault;
use schema::{VERSION, of_other_version};

/// Cancellations with their reasons, kept in one file: durable, shared by processes, with the history of what was
/// corrected. Needs the feature `sqlite`.
///
/// What a method has returned from without an error is on the disk, and survives a crash of the program, of the machine,
/// and a loss of power as far as the disk keeps its word; what it has not returned from is there wholly or not at all.
/// Several processes may have the file open. They write one after the other, each waiting a while for its turn, and
/// nobody who reads waits for them. The file must lie on a disk of this machine: SQLite's write-ahead log needs memory
/// that all its processes share.
///
/// The database keeps and hands out; it answers no questions of its own. [`records`](Self::records) gives one consistent
/// state of it, and every analysis is a method of that: others may write between two questions, and what one report says
/// has to come from one state.
///
/// The file is SQLite 3 in strict tables, and any program that knows SQLite can read it. Once a later version of this crate
/// has brought it up to its own tables, whoever still has it open with this one is refused with
/// [`Error::Schema`](crate::Error::Schema).
///
/// # Example
///
/// ```
/// use attrition::{Cancellation, ChurnDatabase, RecordCorrection, Reason, ReasonAxis, date};
///
/// # let folder = std::env::temp_dir().join(format!("attrition-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("churn.db");
/// let mut database = ChurnDatabase::open(&path)?;
/// database.record(Cancellation::new("acme", date(2026, 3, 31), Reason::new("price", "too_expensive")).value(240.0))?;
///
/// // Somebody has called them.
/// let correction = RecordCorrection::by("ann").because("call on 2 April");
/// database.correct("acme", date(2026, 3, 31), &correction, |record| record.found(Reason::new("product", "not_used")))?;
///
/// let records = database.records()?;
/// assert_eq!(records.reason(0, ReasonAxis::FoundElseStated), Some(&Reason::new("product", "not_used")));
/// assert_eq!(database.history("acme")?.changes()[0].who, "ann");
/// # drop(database);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), attrition::Error>(())
/// ```
pub struct ChurnDatabase {
    connection: Connection,
    path: PathBuf,
}

impl ChurnDatabase {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does work in one transaction that writes: all of it is there at the end, or nothing.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T> {
        // It takes the lock at once: one that only takes it when it comes to write can find that another has written.
        self.transaction(TransactionBehavior::Immediate, work)
    }

    /// Does work that sees one state of the database.
    fn read<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T> {
        self.transaction(TransactionBehavior::Deferred, work)
    }

    fn transaction<T>(
        &mut self,
        behaviour: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T> {
        let path = &self.path;
        let done = self.connection.transaction_with_behavior(behaviour).map_err(Fault::from).and_then(|transaction| {
            // Another process, of a later version of this crate, may have changed the tables since this one opened them.
            let version = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if version > VERSION {
                return Err(of_other_version(path, version).into());
            }
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.map_err(|fault| fault.at(path))
    }
}

impl fmt::Debug for ChurnDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChurnDatabase").field("path", &self.path).finish_non_exhaustive()
    }
}
