//! An activity as a Parquet file, written whole or not at all.

use std::path::Path;

use polars::prelude::{DataFrame, Float64Type, UInt32Type, UInt64Type};
use serde::{Deserialize, Serialize};

use super::batch::Times;
use super::features::FeatureSets;
use super::intake::Intake;
use super::ledger::{Ledger, NO_ACCOUNT, Rows};
use super::{Activity, Observation};
use crate::calendar::Calendar;
use crate::error::Result;
use crate::frame::ids::{IdType, Ids};
use crate::frame::sealed::{Kind, UNSEALED, foreign};
use crate::frame::{read, write};

/// The second format brought clock times, which files of the first do not have.
const FILE: Kind = Kind { key: "attrition.activity", format: 2, writer: "Activity::save" };

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
    /// [`Error::File`](crate::Error::File) if the file cannot be written, [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ledger = self.settled();
        let header = Header {
            format: FILE.format,
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
        FILE.save(path, &header, to_seats(&ledger)?)
    }

    /// Reads an activity that [`save`](Self::save) has written. Needs the feature `lazy`.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if the file cannot be read; [`Error::Foreign`](crate::Error::Foreign) if it is not such a file, is torn or damaged, or
    /// was written by a later version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (header, frame): (Header, DataFrame) = FILE.load(path)?;
        let ledger = from_seats(&frame, &header).map_err(|error| foreign(path, error.to_string()))?;
        Ok(Self::new(header.calendar, header.observation, header.intake, ledger))
    }
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
