//! An activity as a Parquet file, written whole or not at all.

use std::fs::{self, File};
use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use polars::prelude::{
    DataFrame, Float64Type, KeyValueMetadata, ParquetReader, ParquetWriter, SerReader, UInt32Type, UInt64Type,
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::batch::Times;
use super::features::FeatureSets;
use super::intake::Intake;
use super::ledger::{Ledger, NO_ACCOUNT, Rows};
use super::{Activity, Observation};
use crate::calendar::Calendar;
use crate::error::{Error, Result};
use crate::frame::ids::{IdType, Ids};
use crate::frame::{read, write};

/// The key of the header in the file's metadata.
const KEY: &str = "attrition.activity";
/// The version of the layout. A program reads its own and earlier ones, and refuses later ones. The second brought clock
/// times, which files of the first do not have.
const FORMAT: u32 = 2;

/// Where the seal stands in the header, as sixteen hexadecimal digits: a hash of the whole file with zeros in its place.
///
/// polars takes a damaged page at its word and may ask for more memory than there is, which ends the program. So a file is
/// only handed to it when every byte is as it was written.
const SEAL: &str = "\"seal\":\"";
const UNSEALED: &str = "0000000000000000";

/// What the columns do not say.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    calendar: Calendar,
    observation: Observation,
    intake: Intake,
    actor_type: IdType,
    account_type: Option<IdType>,
    features: Option<Vec<String>>,
    value: bool,
    #[serde(default)]
    times: bool,
    seal: String,
}

/// # Storage
impl Activity {
    /// Writes the activity to a Parquet file, so that the log need not be read again. Needs the feature `lazy`.
    ///
    /// The file is written beside its place and moved there when it is whole: a reader never sees half of it, and what
    /// was there before stays if anything fails. It has one row per actor and account, with the days, the events and,
    /// where mapped, the values, clock times and feature sets of that row as lists; calendar, observation and intake stand in its
    /// metadata under `attrition.activity`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file cannot be written, [`Error::Polars`] if polars refuses the frame.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ledger = self.settled();
        let header = Header {
            format: FORMAT,
            calendar: self.calendar.clone(),
            observation: self.observation,
            intake: self.intake,
            actor_type: ledger.actors.id_type(),
            account_type: ledger.accounts.as_ref().map(Ids::id_type),
            features: ledger.rows.features.is_some().then(|| ledger.features.clone()),
            value: ledger.rows.value.is_some(),
            times: ledger.rows.times.is_some(),
            seal: UNSEALED.to_owned(),
        };
        let header = serde_json::to_string(&header).map_err(|error| foreign(path, error.to_string()))?;
        let mut frame = to_seats(&ledger)?;
        let metadata = KeyValueMetadata::from_static(vec![(KEY.to_owned(), header)]);
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).with_key_value_metadata(Some(metadata)).finish(&mut frame)?;
        let place = seal_place(&bytes).ok_or_else(|| foreign(path, "it could not be sealed"))?;
        let seal = format!("{:016x}", xxh3_64(&bytes));
        bytes[place].copy_from_slice(seal.as_bytes());
        write_whole(path, &bytes).map_err(|source| Error::File { path: path.to_owned(), source })
    }

    /// Reads an activity that [`save`](Self::save) has written. Needs the feature `lazy`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file cannot be read; [`Error::Foreign`] if it is not such a file, is torn or damaged, or
    /// was written by a later version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file_error = |source| Error::File { path: path.to_owned(), source };
        let not_ours = || foreign(path, "it is not a whole file written by Activity::save");
        // A log that is not ours may be larger than memory, so only its end is looked at before it is read.
        seal_place(&end_of(path).map_err(file_error)?).ok_or_else(not_ours)?;
        let mut bytes = fs::read(path).map_err(file_error)?;
        let place = seal_place(&bytes).ok_or_else(not_ours)?;
        let seal = bytes[place.clone()].to_vec();
        bytes[place].copy_from_slice(UNSEALED.as_bytes());
        if format!("{:016x}", xxh3_64(&bytes)).as_bytes() != seal {
            return Err(foreign(path, "its seal is broken: it is not as it was written"));
        }
        let (header, frame) = read_whole(path, bytes)?;
        let ledger = from_seats(&frame, &header).map_err(|error| foreign(path, error.to_string()))?;
        Ok(Self::new(header.calendar, header.observation, header.intake, ledger))
    }
}

fn foreign(path: &Path, reason: impl Into<String>) -> Error {
    Error::Foreign { path: path.to_owned(), reason: reason.into() }
}

/// The place of the seal: the last such in the file, for the header stands at its end and escapes its quotes.
fn seal_place(bytes: &[u8]) -> Option<Range<usize>> {
    let start = bytes.windows(SEAL.len()).rposition(|window| window == SEAL.as_bytes())? + SEAL.len();
    let end = start + UNSEALED.len();
    (end <= bytes.len()).then_some(start..end)
}

/// The end of a file, which holds the header of ours.
fn end_of(path: &Path) -> std::io::Result<Vec<u8>> {
    const LONGEST_HEADER: u64 = 1 << 26;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_HEADER)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(end)
}

/// Writes a file beside its place and moves it there, which is one step of the file system.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside: PathBuf = path.with_file_name(format!(".{name}.{}.{number}.part", std::process::id()));
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to report, and what remains is only a file with a telling name.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn read_whole(path: &Path, bytes: Vec<u8>) -> Result<(Header, DataFrame)> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let metadata = reader.get_metadata()?;
    let header = metadata.key_value_metadata().iter().flatten().find(|entry| entry.key == KEY);
    let header = header.and_then(|entry| entry.value.as_deref());
    let header = header.ok_or_else(|| foreign(path, "it was not written by Activity::save"))?;
    let format = serde_json::from_str::<serde_json::Value>(header).ok().and_then(|value| value.get("format")?.as_u64());
    if let Some(format) = format.filter(|&format| format > u64::from(FORMAT)) {
        return Err(foreign(path, format!("it has format {format}, and this version reads up to {FORMAT}")));
    }
    let header = serde_json::from_str(header).map_err(|error| foreign(path, format!("its header: {error}")))?;
    Ok((header, reader.finish()?))
}

/// One row a seat, its days and what happened on them as lists.
fn to_seats(ledger: &Ledger) -> Result<DataFrame> {
    let rows = &ledger.rows;
    let of_seats = || (0..ledger.seat_count()).map(|seat| ledger.rows_of_seat(seat));
    let actors = (0..ledger.len()).flat_map(|actor| ledger.seats(actor).map(move |_| u32::try_from(actor).ok()));
    let mut columns = vec![write::gathered_ids("actor", &ledger.actors, actors)?];
    if let Some(accounts) = &ledger.accounts {
        let places =
            (0..ledger.seat_count()).map(|seat| Some(ledger.account(seat)).filter(|&place| place != NO_ACCOUNT));
        columns.push(write::gathered_ids("account", accounts, places)?);
    }
    columns.push(write::day_lists("days", &rows.day, of_seats())?);
    columns.push(write::lists::<UInt32Type>("events", &rows.events, of_seats()));
    if let Some(value) = &rows.value {
        columns.push(write::lists::<Float64Type>("value", value, of_seats()));
    }
    if let Some(times) = &rows.times {
        let ends: [fn(&Times) -> u64; 2] = [|times| times.first, |times| times.last];
        for (name, end) in ["first_times", "last_times"].into_iter().zip(ends) {
            columns.push(write::lists::<UInt64Type>(name, &times.iter().map(end).collect::<Vec<_>>(), of_seats()));
        }
    }
    if let Some(sets) = &rows.features {
        let high = || of_seats().map(|rows| sets.high(rows));
        columns.push(write::lists::<UInt64Type>("features", &sets.low, of_seats()));
        columns.push(write::lists::<UInt64Type>("further_rows", &sets.high_row, high()));
        columns.push(write::lists::<UInt32Type>("further_features", &sets.high_feature, high()));
    }
    write::frame(columns)
}

fn from_seats(frame: &DataFrame, header: &Header) -> Result<Ledger> {
    let days = read::series(frame, "days")?;
    let numbers = |column: &str| {
        read::list_values(&read::series(frame, column)?, |inner| Ok(inner.u64()?.into_no_null_iter().collect()))
    };
    let features = match &header.features {
        None => None,
        Some(_) => Some(FeatureSets {
            low: numbers("features")?,
            high_row: numbers("further_rows")?,
            high_feature: read::list_values(&read::series(frame, "further_features")?, |inner| {
                Ok(inner.u32()?.into_no_null_iter().collect())
            })?,
        }),
    };
    let times = match header.times {
        false => None,
        true => {
            let ends = [numbers("first_times")?, numbers("last_times")?];
            let times = ends[0].iter().zip(&ends[1]).map(|(&first, &last)| Times { first, last });
            Some(times.collect())
        }
    };
    let rows = Rows {
        day: read::list_values(&days, |inner| Ok(inner.to_physical_repr().i32()?.into_no_null_iter().collect()))?,
        events: read::list_values(&read::series(frame, "events")?, |inner| {
            Ok(inner.u32()?.into_no_null_iter().collect())
        })?,
        value: match header.value {
            false => None,
            true => Some(read::list_values(&read::series(frame, "value")?, |inner| {
                Ok(inner.f64()?.into_no_null_iter().collect())
            })?),
        },
        features,
        times,
    };
    let (actors, actor_of) = read::distinct_ids(frame, "actor", header.actor_type)?;
    let accounts = header.account_type.map(|id_type| read::distinct_ids(frame, "account", id_type)).transpose()?;
    let (accounts, account_of) = accounts.unzip();
    let features = header.features.clone().unwrap_or_default();
    let mut ledger = Ledger::with_capacity(actor_of.len(), actors, accounts, features, rows);
    let mut lengths = read::list_lengths(&days)?.enumerate();
    let mut end = 0;
    for same in actor_of.chunk_by(|left, right| left == right) {
        for (seat, length) in lengths.by_ref().take(same.len()) {
            end += length;
            ledger.end_seat(account_of.as_ref().and_then(|accounts| accounts[seat]).unwrap_or(NO_ACCOUNT), end);
        }
        ledger.end_actor();
    }
    Ok(ledger)
}
