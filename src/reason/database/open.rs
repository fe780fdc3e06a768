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

/// What a journal begins with: its mark, two numbers of four bytes, and the number of pages to which it undoes its file.
const JOURNAL_MARK: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
const JOURNAL_PAGES_AT: usize = 16;

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
            judge(path).map_err(|fault| fault.at(path))?;
        }
        let connection = connect(path, options).map_err(|fault| fault.at(path))?;
        Ok(Self { connection, path: path.to_owned() })
    }
}

/// Asks whose a file is before SQLite is let at it, since it changes a file to learn what it is where the program before was
/// stopped.
///
/// It is asked of SQLite all the same, and not read here. A process loses all its locks of a file when it closes that file
/// anywhere, those of other connections too, unless it is SQLite that closes, which knows of its connections.
fn judge(path: &Path) -> Result<(), Fault> {
    let file_error = |source| Error::File { path: path.to_owned(), source };
    let about = std::fs::metadata(path).map_err(file_error)?;
    if !about.is_file() {
        return Err(file_error(std::io::Error::other("it is not a file")).into());
    }
    // A file that is being made is empty, and after a loss of power may be anything, which its journal undoes.
    if about.len() == 0 {
        return Ok(());
    }
    let foreign =
        |reason: &str| Err(Error::NotChurnDatabase { path: path.to_owned(), reason: reason.to_owned() }.into());
    match application(path) {
        // Ours have their number from the first commit on; a journal or a log beside a file does not make it ours.
        Ok(APPLICATION) => Ok(()),
        Ok(_other) => foreign("it is the database of another program"),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            if undone_to_nothing(path) {
                Ok(())
            } else {
                foreign("it is not a SQLite database")
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// The number of the application that the file itself has, not its log: without a lock, and without a change.
fn application(path: &Path) -> rusqlite::Result<i32> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable(path), flags)?;
    // The file may be shorter than it says while its log is written back. Nothing else is read of it.
    connection.pragma_update(None, "writable_schema", true)?;
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// The address of a file that SQLite takes as it is: it asks for no locks, and looks at no journal and no log.
fn immutable(path: &Path) -> String {
    let mut address = "file:".to_owned();
    for &byte in Path::new(".").join(path).as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address + "?immutable=1"
}

/// Whether a journal lies beside a file that was nothing when it began: what was being made.
fn undone_to_nothing(path: &Path) -> bool {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    let mut header = Vec::new();
    let read = File::open(Path::new(&journal)).and_then(|file| file.take(28).read_to_end(&mut header));
    read.is_ok()
        && header.starts_with(&JOURNAL_MARK)
        && header.get(JOURNAL_PAGES_AT..).is_some_and(|rest| rest.starts_with(&[0; 4]))
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
    fn what_was_being_made_is_made_again() {
        let path = std::env::temp_dir().join(format!("attrition-made #1?% {}.db", std::process::id()));
        let journal = path.with_extension("db-journal");
        let zeros = [0_u8; 4_096];
        std::fs::write(&path, zeros).unwrap();
        // Without its journal, or with one of a file that had something in it, nobody knows what it was.
        for pages in [None, Some(2)] {
            if let Some(pages) = pages {
                std::fs::write(&journal, [&JOURNAL_MARK[..], &[0; 11], &[pages], &[0; 492]].concat()).unwrap();
            }
            let refused = ChurnDatabase::open(&path).unwrap_err();
            assert!(matches!(refused, Error::NotChurnDatabase { .. }), "{refused}");
            assert_eq!(std::fs::read(&path).unwrap(), zeros);
        }
        // No rows, a nonce, no pages before, sectors of 512 bytes and pages of 4096.
        let header = [&JOURNAL_MARK[..], &[0; 12], &[0, 0, 2, 0], &[0, 0, 16, 0], &[0; 484]].concat();
        std::fs::write(&journal, header).unwrap();
        let mut database = ChurnDatabase::open(&path).unwrap();
        assert_eq!(database.count().unwrap(), 0);
        drop(database);
        std::fs::remove_file(path).unwrap();
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
