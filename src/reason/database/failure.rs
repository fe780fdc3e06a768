//! What SQLite says, in the words of this crate.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::error::Error;

/// What can go wrong within a transaction.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Refused(Error),
    /// A cell that this crate would not have written.
    Damaged(&'static str),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Fault {
    /// The error to hand out, of the file at a path.
    pub(super) fn at(self, path: &Path) -> Error {
        let path = path.to_owned();
        let error = match self {
            Self::Refused(error) => return error,
            Self::Damaged(what) => return Error::NotChurnDatabase { path, reason: format!("it is damaged: {what}") },
            Self::Sqlite(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked { path },
            Some(ErrorCode::DiskFull) => Error::DiskFull { path },
            Some(ErrorCode::ReadOnly) => Error::ReadOnly { path },
            Some(ErrorCode::NotADatabase) => {
                Error::NotChurnDatabase { path, reason: "it is not a SQLite database".to_owned() }
            }
            Some(ErrorCode::DatabaseCorrupt) => Error::NotChurnDatabase {
                path,
                reason: "it is damaged; restore it from a copy, or save what sqlite3 .recover can read".to_owned(),
            },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                let reason = "it cannot be opened; does its folder exist, and may both be read and written to?";
                Error::File { path, source: std::io::Error::other(reason) }
            }
            // The memory that processes share is a file beside the database, which has to grow.
            _ if is(&error, &[ffi::SQLITE_IOERR_SHMSIZE]) => Error::DiskFull { path },
            _ if no_shared_memory(&error) => Error::NoWriteAheadLog { path, mode: error.to_string() },
            _ => Error::Database { path, source: Box::new(error) },
        }
    }
}

/// Whether what processes share to use a write-ahead log cannot be had, as on many file systems of networks.
fn no_shared_memory(error: &rusqlite::Error) -> bool {
    let codes = [ffi::SQLITE_IOERR_SHMOPEN, ffi::SQLITE_IOERR_SHMLOCK, ffi::SQLITE_IOERR_SHMMAP, ffi::SQLITE_PROTOCOL];
    is(error, &codes)
}

fn is(error: &rusqlite::Error, codes: &[i32]) -> bool {
    error.sqlite_error().is_some_and(|error| codes.contains(&error.extended_code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::{Cancellation, ChurnDatabase};
    use crate::{Result, date};

    #[test]
    fn a_file_system_without_shared_memory_is_named() {
        let fault =
            |code| Fault::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).at(Path::new("x.db"));
        assert!(matches!(fault(ffi::SQLITE_IOERR_SHMMAP), Error::NoWriteAheadLog { .. }));
        assert!(matches!(fault(ffi::SQLITE_IOERR_SHMSIZE), Error::DiskFull { .. }));
        assert!(matches!(fault(ffi::SQLITE_IOERR_READ), Error::Database { .. }));
    }

    #[test]
    fn a_full_disk_is_told_of_and_leaves_everything_as_it_was() -> Result<()> {
        let path = std::env::temp_dir().join(format!("attrition-full-{}.db", std::process::id()));
        let record =
            |number: i32| Cancellation::new(number, date(2026, 1, 1) + number, None).comment("x".repeat(2_000));
        let mut database = ChurnDatabase::open(&path)?;
        database.record(record(0))?;
        let pages: i64 = database.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        database.connection.pragma_update(None, "max_page_count", pages + 8).unwrap();
        let mut kept = 1;
        let full = loop {
            match database.record(record(kept)) {
                Ok(()) => kept += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, Error::DiskFull { .. }), "{full}");
        assert!(kept > 2);
        // A lot of records that does not fit leaves none of itself.
        let many = database.record_all((1_000..1_100).map(record)).unwrap_err();
        assert!(matches!(many, Error::DiskFull { .. }), "{many}");
        let records = database.records()?;
        assert_eq!(records.iter().collect::<Vec<_>>(), (0..kept).map(record).collect::<Vec<_>>());
        // Once there is room again it goes on.
        database.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        database.record(record(kept))?;
        assert_eq!(database.count()?, 1 + u64::try_from(kept).unwrap());
        drop(database);
        std::fs::remove_file(path).unwrap();
        Ok(())
    }
}
