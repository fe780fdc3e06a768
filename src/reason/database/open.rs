//! Opening a database: what is there is looked at before anything is written.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use serde::{Deserialize, Serialize};

use super::ChurnDatabase;
use super::failure::Fault;
use super::schema::{APPLICATION, State, VERSION, migrate, of_other_version, state};
use crate::error::{Error, Result};
use crate::reason::Taxonomy;

/// What a SQLite file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where its number of the application stands.
const APPLICATION_AT: usize = 68;

/// What may be done with a database that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseAccess {
    /// Reading and writing; a file that is not there is made.
    ReadWrite,
    /// Reading alone.
    ReadOnly,
}

/// How a [`ChurnDatabase`] is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseOptions {
    access: DatabaseAccess,
    wait: Duration,
    taxonomy: Taxonomy,
}

impl DatabaseOptions {
    /// A database to read and to write.
    #[must_use]
    pub fn new() -> Self {
        let (access, wait) = (DatabaseAccess::ReadWrite, Duration::from_secs(10));
        Self { access, wait, taxonomy: Taxonomy::standard() }
    }

    /// What may be done with it. [`DatabaseAccess::ReadWrite`] unless told.
    #[must_use]
    pub fn access(mut self, access: DatabaseAccess) -> Self {
        self.access = access;
        self
    }

    /// How long to wait for other processes that write. 10 seconds unless told: an import of a million rows takes about
    /// half as long.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The reasons of a database that is not there yet. Those of one that is are its own. [`Taxonomy::standard`] unless
    /// told.
    #[must_use]
    pub fn taxonomy(mut self, taxonomy: Taxonomy) -> Self {
        self.taxonomy = taxonomy;
        self
    }
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// # Opening
impl ChurnDatabase {
    /// Opens a database to read and to write; makes it, with the standard taxonomy, where there is no file.
    ///
    /// # Errors
    ///
    /// [`Error::NotChurnDatabase`] for a file that is something else, [`Error::Schema`] for one of a later version of
    /// this crate: neither is touched. [`Error::NoWriteAheadLog`] for a place that several processes cannot share as they
    /// should, such as a disk of the network. [`Error::Locked`] if others write for longer than 10 seconds,
    /// [`Error::DiskFull`], [`Error::ReadOnly`] if the file must not be written to, [`Error::File`] if it cannot be
    /// opened, [`Error::Database`] for anything else that SQLite refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &DatabaseOptions::new())
    }

    /// Opens a database to read alone.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`Error::Schema`] also for one of an earlier version, which only writing brings up to
    /// date.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &DatabaseOptions::new().access(DatabaseAccess::ReadOnly))
    }

    /// Opens a database in another way.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &DatabaseOptions) -> Result<Self> {
        let path = path.as_ref();
        if options.access == DatabaseAccess::ReadOnly || path.exists() {
            judge(path)?;
        }
        let connection = connect(path, options).map_err(|fault| fault.at(path))?;
        Ok(Self { connection, path: path.to_owned() })
    }
}

/// Looks at the first bytes of a file. SQLite is only asked about what may be ours, since it changes a file to learn what
/// it is where the program before was stopped.
fn judge(path: &Path) -> Result<()> {
    let file_error = |source| Error::File { path: path.to_owned(), source };
    let mut header = Vec::new();
    File::open(path).map_err(file_error)?.take(100).read_to_end(&mut header).map_err(file_error)?;
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    // A file that is being made is empty, and after a loss of power may be nothing but zeros, which its journal undoes.
    let blank = header.iter().all(|&byte| byte == 0);
    if header.is_empty() || (blank && Path::new(&journal).exists()) {
        return Ok(());
    }
    let foreign = |reason: &str| Err(Error::NotChurnDatabase { path: path.to_owned(), reason: reason.to_owned() });
    if !header.starts_with(MAGIC) {
        return foreign("it is not a SQLite database");
    }
    let application = header.get(APPLICATION_AT..).and_then(|rest| rest.first_chunk()).copied().map(i32::from_be_bytes);
    // Ours have their number from the first commit on; a journal or a log beside a file does not make it ours.
    if application != Some(APPLICATION) {
        return foreign("it is the database of another program");
    }
    Ok(())
}

fn connect(path: &Path, options: &DatabaseOptions) -> Result<Connection, Fault> {
    let writes = options.access == DatabaseAccess::ReadWrite;
    let access = if writes {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    // A few names, such as ":memory:", are none of a file to SQLite; with a folder before them they are.
    let place = Path::new(".").join(path);
    let mut connection = Connection::open_with_flags(place, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(options.wait)?;
    // In one transaction, for another process may be about to make the tables.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let found = state(&transaction)?;
    transaction.commit()?;
    let version = match found {
        State::Foreign => {
            let reason = "it is the database of another program".to_owned();
            return Err(Error::NotChurnDatabase { path: path.to_owned(), reason }.into());
        }
        State::Empty => 0,
        State::Ours(version) => version,
    };
    if version > VERSION || (version < VERSION && !writes) {
        return Err(of_other_version(path, version).into());
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    if !writes {
        return Ok(connection);
    }
    // A commit returns when the log is on the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    if version < VERSION {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        migrate(&transaction, &options.taxonomy)?;
        transaction.commit()?;
    }
    log_ahead(&connection, path, options.wait)?;
    Ok(connection)
}

/// Turns the write-ahead log on, which the file remembers. That asks for the file alone, and is not always waited for.
///
/// Without it a commit would still be whole, but who reads would wait for who writes, and this crate promises otherwise.
fn log_ahead(connection: &Connection, path: &Path, wait: Duration) -> Result<(), Fault> {
    /// What stands in the way but for a moment, such as another process that opens it, does not do so as often.
    const REFUSALS: u32 = 4;
    let (begun, mut refused) = (Instant::now(), 0);
    loop {
        let mode = |sql| connection.query_row(sql, (), |row| row.get::<_, String>(0));
        if mode("PRAGMA journal_mode")? == "wal" {
            return Ok(());
        }
        match mode("PRAGMA journal_mode = WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < wait => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_other) if refused + 1 < REFUSALS => {
                refused += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(mode) => return Err(Error::NoWriteAheadLog { path: path.to_owned(), mode }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_the_disk() -> Result<()> {
        let path = std::env::temp_dir().join(format!("attrition-synchronous-{}.db", std::process::id()));
        let database = ChurnDatabase::open(&path)?;
        let asked = |pragma| database.connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0));
        assert_eq!(asked("journal_mode").unwrap(), "wal");
        let synchronous = |row: &rusqlite::Row<'_>| row.get::<_, i32>(0);
        assert_eq!(database.connection.pragma_query_value(None, "synchronous", synchronous).unwrap(), 2);
        drop(database);
        std::fs::remove_file(path).unwrap();
        Ok(())
    }

    #[test]
    fn a_place_that_holds_no_log_is_named() {
        let refused = |connection: &Connection, path: &Path| match log_ahead(connection, path, Duration::ZERO) {
            Err(fault) => fault.at(path),
            Ok(()) => panic!("it was taken"),
        };
        let memory = Connection::open_in_memory().unwrap();
        let error = refused(&memory, Path::new("nowhere.db"));
        assert!(matches!(&error, Error::NoWriteAheadLog { mode, .. } if mode == "memory"), "{error}");
        // Locked by files beside it, as where the system has no locks, SQLite has no memory to share.
        let path = std::env::temp_dir().join(format!("attrition-dotfile-{}.db", std::process::id()));
        let dotfile = Connection::open_with_flags_and_vfs(&path, OpenFlags::default(), c"unix-dotfile");
        if let Ok(dotfile) = dotfile {
            dotfile.execute_batch("CREATE TABLE t (a)").unwrap();
            let error = refused(&dotfile, &path);
            assert!(matches!(&error, Error::NoWriteAheadLog { mode, .. } if mode == "delete"), "{error}");
            assert!(error.to_string().contains("a disk of this machine"), "{error}");
        }
        let _ = std::fs::remove_file(path);
    }
}
