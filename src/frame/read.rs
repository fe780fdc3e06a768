//! Reading the columns of an event log.
//!
//! Types are judged by the schema, before a row is read. What is read are physical values: no cast here goes through a
//! type that polars may have been built without.

#[cfg(feature = "lazy")]
use polars::prelude::Column;
use polars::prelude::{ChunkedArray, DataFrame, DataType, PolarsNumericType, Schema, Series, TimeUnit};

use crate::activity::columns::EventColumns;
use crate::activity::ids::{IdType, Ids};
use crate::activity::intake::Intake;
use crate::activity::pool::{NO_KEY, Pool};
#[cfg(feature = "lazy")]
use crate::activity::reduce::KeyIds;
use crate::activity::reduce::{Batch, Keys, LEFT_OUT};
use crate::activity::shard::NO_FEATURE;
use crate::calendar::{Calendar, Clock, Date};
use crate::error::{Error, Result};

const ID_TYPES: &str = "an integer of at most 64 bits, a string, a categorical or an enum";
const TIME_TYPES: &str = "a Date or a Datetime; parse text first, and turn numbers of seconds into a Datetime";
const FEATURE_TYPES: &str = "a string, a categorical, an enum or an integer";
const VALUE_TYPES: &str = "an integer or a float; cast it to Float64";

/// The types of the mapped columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) user: IdType,
    pub(crate) account: Option<IdType>,
    /// Units of a `Datetime` in a second; none for a `Date`.
    units_per_second: Option<i64>,
}

impl Plan {
    /// Judges the columns by their types.
    pub(crate) fn new(schema: &Schema, columns: &EventColumns) -> Result<Self> {
        let user = id_type(schema, &columns.user, "user")?;
        let time = dtype(schema, &columns.time)?;
        let units_per_second = match time {
            DataType::Date => None,
            DataType::Datetime(TimeUnit::Milliseconds, _) => Some(1_000),
            DataType::Datetime(TimeUnit::Microseconds, _) => Some(1_000_000),
            DataType::Datetime(TimeUnit::Nanoseconds, _) => Some(1_000_000_000),
            _ => return Err(unsupported(&columns.time, "time", time, TIME_TYPES)),
        };
        let account = columns.account.as_ref().map(|column| id_type(schema, column, "account")).transpose()?;
        if let Some(column) = &columns.feature {
            let feature = dtype(schema, column)?;
            if !(is_text(feature) || feature.is_integer()) {
                return Err(unsupported(column, "feature", feature, FEATURE_TYPES));
            }
        }
        if let Some(column) = &columns.value {
            let value = dtype(schema, column)?;
            if !(value.is_integer() || value.is_float()) {
                return Err(unsupported(column, "value", value, VALUE_TYPES));
            }
        }
        Ok(Self { user, account, units_per_second })
    }

    /// All that is pushed to one builder must have ids of one type; times may differ in unit.
    pub(crate) fn check_same_ids(&self, other: &Self) -> Result<()> {
        if (self.user, self.account) == (other.user, other.account) {
            return Ok(());
        }
        Err(Error::Incompatible {
            what: "the types of user and account",
            left: format!("{:?}, {:?}", self.user, self.account),
            right: format!("{:?}, {:?}", other.user, other.account),
            way_out: "cast the columns to one type before pushing them",
        })
    }
}

fn dtype<'a>(schema: &'a Schema, column: &str) -> Result<&'a DataType> {
    schema.get(column).ok_or_else(|| Error::MissingColumn {
        column: column.to_owned(),
        available: schema.iter_names().map(ToString::to_string).collect(),
    })
}

/// The id type of text of every kind.
pub(crate) const TEXT: IdType = IdType::String;

/// A column as strings: text of any kind, integers, and what `also` accepts.
pub(crate) fn text(
    frame: &DataFrame,
    column: &str,
    role: &'static str,
    expected: &'static str,
    also: impl Fn(&DataType) -> bool,
) -> Result<Series> {
    let found = dtype(frame.schema(), column)?;
    if !(is_text(found) || found.is_integer() || also(found)) {
        return Err(unsupported(column, role, found, expected));
    }
    Ok(series(frame, column)?.cast(&DataType::String)?)
}

fn is_text(dtype: &DataType) -> bool {
    dtype.is_string() || dtype.is_categorical() || dtype.is_enum()
}

fn unsupported(column: &str, role: &'static str, dtype: &DataType, expected: &'static str) -> Error {
    Error::UnsupportedType { column: column.to_owned(), role, dtype: Box::new(dtype.clone()), expected }
}

pub(crate) fn id_type(schema: &Schema, column: &str, role: &'static str) -> Result<IdType> {
    Ok(match dtype(schema, column)? {
        DataType::Int8 => IdType::Int8,
        DataType::Int16 => IdType::Int16,
        DataType::Int32 => IdType::Int32,
        DataType::Int64 => IdType::Int64,
        DataType::UInt8 => IdType::UInt8,
        DataType::UInt16 => IdType::UInt16,
        DataType::UInt32 => IdType::UInt32,
        DataType::UInt64 => IdType::UInt64,
        dtype if is_text(dtype) => IdType::String,
        dtype => return Err(unsupported(column, role, dtype, ID_TYPES)),
    })
}

/// The numbers given to strings, over all batches.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pub(crate) user: Pool,
    pub(crate) account: Pool,
    pub(crate) feature: Pool,
}

/// Reads batches of one frame or query.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    columns: &'a EventColumns,
    plan: Plan,
    clock: Option<Clock>,
    first_day: i32,
    last_day: i32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        columns: &'a EventColumns,
        plan: Plan,
        calendar: &Calendar,
        window: (Option<Date>, Option<Date>),
    ) -> Self {
        let clock = plan.units_per_second.map(|units| Clock::new(calendar.zone(), units));
        let first_day = window.0.unwrap_or(Date::MIN).days_since_epoch();
        let last_day = window.1.unwrap_or(Date::MAX).days_since_epoch();
        Self { columns, plan, clock, first_day, last_day }
    }

    /// Reads a frame whose first row is row `first_row` of all that was handed in.
    pub(crate) fn read(
        &mut self,
        frame: &DataFrame,
        first_row: u64,
        pools: &Pools,
        batch: &mut Batch,
    ) -> Result<Intake> {
        let mut intake = Intake { rows: frame.height() as u64, ..Intake::default() };
        read_ids(&series(frame, &self.columns.user)?, self.plan.user, &pools.user, &mut batch.user)?;
        self.read_days(&series(frame, &self.columns.time)?, first_row, batch, &mut intake)?;
        if let (Some(column), Some(id_type)) = (&self.columns.account, self.plan.account) {
            let account = batch.account.get_or_insert_default();
            read_ids(&series(frame, column)?, id_type, &pools.account, account)?;
            intake.without_account = count_kept(&batch.day, |row| account.is_null(row));
        }
        if let Some(column) = &self.columns.feature {
            let feature = batch.feature.get_or_insert_default();
            read_features(&series(frame, column)?, &pools.feature, feature)?;
            intake.without_feature = count_kept(&batch.day, |row| feature[row] == NO_FEATURE);
        }
        if let Some(column) = &self.columns.value {
            let value = batch.value.get_or_insert_default();
            let series = series(frame, column)?;
            if series.null_count() > 0 {
                let nulls = series.is_null();
                intake.without_value = count_kept(&batch.day, |row| nulls.get(row) == Some(true));
            }
            read_values(&series, first_row, &batch.day, value)?;
        }
        Ok(intake)
    }

    fn read_days(&mut self, series: &Series, first_row: u64, batch: &mut Batch, intake: &mut Intake) -> Result<()> {
        let physical = series.to_physical_repr();
        let days = &mut batch.day;
        days.clear();
        days.reserve(series.len());
        // The time of a row: null, no date, or a day.
        let mut put = |row: usize, time: Option<Option<i32>>| {
            let reason = match time {
                _ if batch.user.is_null(row) => &mut intake.null_user,
                None => &mut intake.null_time,
                Some(None) => return Err(Self::no_date(series, row, first_row)),
                Some(Some(day)) if day < self.first_day => &mut intake.before_window,
                Some(Some(day)) if day > self.last_day => &mut intake.after_window,
                Some(Some(day)) => {
                    days.push(day);
                    return Ok(());
                }
            };
            *reason += 1;
            days.push(LEFT_OUT);
            Ok(())
        };
        if let Some(clock) = &mut self.clock {
            each(physical.i64()?, |row, instant| put(row, instant.map(|instant| clock.day(instant))))?;
        } else {
            let in_range = |day: &i32| Date::from_days_since_epoch(*day).is_ok();
            each(physical.i32()?, |row, day| put(row, day.map(|day| Some(day).filter(in_range))))?;
        }
        intake.events = intake.rows - intake.left_out();
        Ok(())
    }

    #[cold]
    fn no_date(series: &Series, row: usize, first_row: u64) -> Error {
        Error::InvalidValue {
            column: series.name().to_string(),
            row: first_row + row as u64,
            value: series.to_physical_repr().get(row).map_or_else(|_| String::new(), |value| value.to_string()),
            reason: "lies outside the years 1 to 9999; is it in another unit than the column says?",
        }
    }
}

fn count_kept(days: &[i32], without: impl Fn(usize) -> bool) -> u64 {
    (0..days.len()).filter(|&row| days[row] != LEFT_OUT && without(row)).count() as u64
}

pub(crate) fn series(frame: &DataFrame, column: &str) -> Result<Series> {
    Ok(frame.column(column)?.as_materialized_series().rechunk())
}

/// Hands each row of a column to `row`, stopping at the first error.
fn each<T: PolarsNumericType>(
    column: &ChunkedArray<T>,
    mut row: impl FnMut(usize, Option<T::Native>) -> Result<()>,
) -> Result<()> {
    let mut number = 0;
    for chunk in column.downcast_iter() {
        if let Some(valid) = chunk.validity().filter(|valid| valid.unset_bits() > 0) {
            for (value, valid) in chunk.values().iter().zip(valid.iter()) {
                row(number, valid.then_some(*value))?;
                number += 1;
            }
        } else {
            for value in chunk.values().iter() {
                row(number, Some(*value))?;
                number += 1;
            }
        }
    }
    Ok(())
}

pub(crate) fn read_ids(series: &Series, id_type: IdType, pool: &Pool, ids: &mut Keys) -> Result<()> {
    let Keys { keys, nulls } = ids;
    keys.clear();
    nulls.clear();
    if id_type == IdType::String {
        read_strings(series, pool, keys)?;
        if series.null_count() > 0 {
            nulls.extend(keys.iter().map(|&key| key == NO_KEY));
        }
        return Ok(());
    }
    if series.null_count() > 0 {
        nulls.extend(series.is_null().iter().map(|null| null == Some(true)));
    }
    if id_type.is_signed() {
        let wide = series.cast(&DataType::Int64)?;
        for chunk in wide.i64()?.downcast_iter() {
            keys.extend(chunk.values().iter().map(|&id| Ids::signed_key(id)));
        }
    } else {
        let wide = series.cast(&DataType::UInt64)?;
        for chunk in wide.u64()?.downcast_iter() {
            keys.extend_from_slice(chunk.values());
        }
    }
    Ok(())
}

fn read_strings(series: &Series, pool: &Pool, keys: &mut Vec<u64>) -> Result<()> {
    if series.dtype().is_string() {
        pool.keys(series.str()?.iter(), keys);
        return Ok(());
    }
    if series.dtype().is_integer() {
        let text = series.cast(&DataType::String)?;
        pool.keys(text.str()?.iter(), keys);
        return Ok(());
    }
    // Categories repeat: only the first row of each is turned into a string.
    let codes = series.to_physical_repr().cast(&DataType::UInt32)?;
    let codes = codes.u32()?;
    let mut places: Vec<u32> = vec![u32::MAX; codes.iter().flatten().max().map_or(0, |code| code as usize + 1)];
    let mut firsts = Vec::new();
    for (row, code) in (0..).zip(codes.iter()) {
        if let Some(code) = code
            && places[code as usize] == u32::MAX
        {
            #[expect(clippy::cast_possible_truncation, reason = "no more categories than codes, which are u32")]
            let place = firsts.len() as u32;
            places[code as usize] = place;
            firsts.push(row);
        }
    }
    let text = series.take_slice(&firsts)?.cast(&DataType::String)?;
    let mut category_keys = Vec::new();
    pool.keys(text.str()?.iter(), &mut category_keys);
    keys.extend(codes.iter().map(|code| code.map_or(NO_KEY, |code| category_keys[places[code as usize] as usize])));
    Ok(())
}

fn read_features(series: &Series, pool: &Pool, features: &mut Vec<u32>) -> Result<()> {
    let mut keys = Vec::new();
    read_strings(series, pool, &mut keys)?;
    features.clear();
    features.extend(keys.into_iter().map(|key| u32::try_from(key).unwrap_or(NO_FEATURE)));
    Ok(())
}

fn read_values(series: &Series, first_row: u64, days: &[i32], values: &mut Vec<f64>) -> Result<()> {
    values.clear();
    let floats = series.cast(&DataType::Float64)?;
    each(floats.f64()?, |row, value| {
        let value = value.unwrap_or(0.0);
        if !value.is_finite() && days[row] != LEFT_OUT {
            return Err(Error::InvalidValue {
                column: series.name().to_string(),
                row: first_row + row as u64,
                value: value.to_string(),
                reason: "cannot be summed; make it null to count the event without a value, or leave the row out",
            });
        }
        values.push(value);
        Ok(())
    })
}

/// The lengths of a column of lists.
#[cfg(feature = "lazy")]
pub(crate) fn list_lengths(lists: &Series) -> Result<impl Iterator<Item = u64>> {
    let lengths = lists.list()?.amortized_iter().map(|list| list.map_or(0, |list| list.as_ref().len() as u64));
    Ok(lengths.collect::<Vec<_>>().into_iter())
}

/// All values of a column of lists, one list behind the other.
#[cfg(feature = "lazy")]
pub(crate) fn list_values<T>(lists: &Series, values: impl Fn(&Series) -> Result<Vec<T>>) -> Result<Vec<T>> {
    let inner = lists.list()?.get_inner().rechunk();
    if inner.null_count() > 0 {
        return Err(Error::Empty { rows: inner.len() as u64, left_out: inner.null_count() as u64 });
    }
    values(&inner)
}

/// The distinct ids of a column in ascending order, and for each row the place of its own.
#[cfg(feature = "lazy")]
pub(crate) fn distinct_ids(column: &Column, id_type: IdType) -> Result<(Ids, Vec<Option<u32>>)> {
    let series = column.as_materialized_series().rechunk();
    let (pool, mut rows) = (Pool::default(), Keys::default());
    read_ids(&series, id_type, &pool, &mut rows)?;
    let ids = KeyIds { id_type, strings: pool.into_strings() };
    let keys = (0..rows.keys.len()).filter(|&row| !rows.is_null(row)).map(|row| rows.keys[row]);
    let (ids, places) = ids.distinct(keys);
    let place = |row: usize| (!rows.is_null(row)).then(|| places[&rows.keys[row]]);
    Ok((ids, (0..rows.keys.len()).map(place).collect()))
}
