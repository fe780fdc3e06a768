//! Reading columns: ids, strings and lists as plain numbers.
//!
//! What is read are physical values: no cast here goes through a type that polars may have been built without.

use std::borrow::Cow;

use polars::prelude::{ChunkedArray, DataFrame, DataType, PolarsNumericType, Schema, Series};
use rayon::prelude::*;

use super::ids::IdType;
use super::ids::Ids;
use super::keys::{KeyIds, Keys};
use super::pool::{NO_KEY, Pool};
use crate::error::{Error, Result};

/// What the name of a group can be: see [`group`].
const GROUP_TYPES: &str = "a string, a categorical, an enum, an integer or a boolean";
const ID_TYPES: &str = "an integer of at most 64 bits, a string, a categorical or an enum";

/// The type of a column.
pub(crate) fn dtype<'a>(schema: &'a Schema, column: &str) -> Result<&'a DataType> {
    schema.get(column).ok_or_else(|| Error::MissingColumn {
        column: column.to_owned(),
        available: schema.iter_names().map(ToString::to_string).collect(),
    })
}

/// A column of names of groups, segments or cohorts, as strings.
pub(crate) fn group(frame: &DataFrame, column: &str, role: &'static str) -> Result<Series> {
    let found = dtype(frame.schema(), column)?;
    if !(is_text(found) || found.is_integer() || found.is_bool()) {
        return Err(unsupported(column, role, found, GROUP_TYPES));
    }
    Ok(series(frame, column)?.cast(&DataType::String)?)
}

pub(crate) fn is_text(dtype: &DataType) -> bool {
    dtype.is_string() || dtype.is_categorical() || dtype.is_enum()
}

pub(crate) fn unsupported(column: &str, role: &'static str, dtype: &DataType, expected: &'static str) -> Error {
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

pub(crate) fn series(frame: &DataFrame, column: &str) -> Result<Series> {
    Ok(frame.column(column)?.as_materialized_series().rechunk())
}

/// The values of a column of one piece, whatever stands at the nulls.
pub(crate) fn in_place<T: PolarsNumericType>(column: &ChunkedArray<T>) -> &[T::Native] {
    column.downcast_iter().next().map_or(&[], |chunk| chunk.values().as_slice())
}

/// An id column in one piece; narrow integers widened, so that all are read in place.
pub(crate) fn id_column(frame: &DataFrame, column: &str, id_type: IdType) -> Result<Series> {
    let series = series(frame, column)?;
    Ok(match id_type {
        IdType::String => series,
        signed if signed.is_signed() => series.cast(&DataType::Int64)?,
        _ => series.cast(&DataType::UInt64)?,
    })
}

/// Reads what [`id_column`] has prepared.
pub(crate) fn read_ids<'c>(series: &'c Series, id_type: IdType, pool: &Pool) -> Result<Keys<'c>> {
    let keys = match id_type {
        IdType::String => {
            let mut keys = Vec::with_capacity(series.len());
            read_strings(series, pool, &mut keys)?;
            Cow::Owned(keys)
        }
        signed if signed.is_signed() => Cow::Borrowed(bytemuck::cast_slice(in_place(series.i64()?))),
        _ => Cow::Borrowed(in_place(series.u64()?)),
    };
    let nulls = series.has_nulls().then(|| series.is_null().iter().map(|null| null == Some(true)).collect());
    Ok(Keys { keys, nulls: nulls.unwrap_or_default() })
}

/// The number of each string of a column, counted on in `pool`: text of any kind, or integers.
pub(crate) fn read_strings(series: &Series, pool: &Pool, keys: &mut Vec<u64>) -> Result<()> {
    if series.dtype().is_string() {
        pool.keys(series.str()?, keys);
        return Ok(());
    }
    if series.dtype().is_integer() {
        let text = series.cast(&DataType::String)?;
        pool.keys(text.str()?, keys);
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
    pool.keys(text.str()?, &mut category_keys);
    keys.extend(codes.iter().map(|code| code.map_or(NO_KEY, |code| category_keys[places[code as usize] as usize])));
    Ok(())
}

/// The lengths of a column of lists.
#[cfg(feature = "lazy")]
pub(crate) fn list_lengths(lists: &Series) -> Result<impl Iterator<Item = usize>> {
    let lengths = lists.list()?.amortized_iter().map(|list| list.map_or(0, |list| list.as_ref().len()));
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

/// A column of names of groups: the distinct names in alphabetical order, and for each row the place of its own.
pub(crate) fn names(frame: &DataFrame, column: &str, role: &'static str) -> Result<(Vec<String>, Vec<Option<u32>>)> {
    let (names, places) = distinct(&group(frame, column, role)?, IdType::String)?;
    Ok((names.iter().map(|name| name.to_string()).collect(), places))
}

/// The distinct ids of a column in ascending order, and for each row the place of its own.
pub(crate) fn distinct_ids(frame: &DataFrame, column: &str, id_type: IdType) -> Result<(Ids, Vec<Option<u32>>)> {
    distinct(&id_column(frame, column, id_type)?, id_type)
}

/// The same of a series of that type.
pub(crate) fn distinct(series: &Series, id_type: IdType) -> Result<(Ids, Vec<Option<u32>>)> {
    let pool = Pool::default();
    let rows = read_ids(series, id_type, &pool)?;
    let ids = KeyIds { id_type, strings: pool.into_strings() };
    let rank = ids.rank();
    let all = (0..rows.keys.len()).into_par_iter();
    if id_type == IdType::String {
        // Every string of the pool stands in some row, so its rank is its place.
        let mut order: Vec<u64> = (0..ids.strings.len() as u64).collect();
        order.par_sort_unstable_by_key(|&key| rank(key));
        #[expect(clippy::cast_possible_truncation, reason = "distinct ids are counted in a u32")]
        let place = |row: usize| (!rows.is_null(row)).then(|| rank(rows.keys[row]) as u32);
        return Ok((ids.ids(order.into_iter()), all.map(place).collect()));
    }
    let there = all.filter(|&row| !rows.is_null(row));
    let mut sorted: Vec<(u64, usize)> = there.map(|row| (rank(rows.keys[row]), row)).collect();
    sorted.par_sort_unstable();
    let (mut firsts, mut places) = (Vec::new(), vec![None; rows.keys.len()]);
    for same in sorted.chunk_by(|one, next| one.0 == next.0) {
        #[expect(clippy::cast_possible_truncation, reason = "distinct ids are counted in a u32")]
        let place = firsts.len() as u32;
        firsts.push(rows.keys[same[0].1]);
        same.iter().for_each(|&(_, row)| places[row] = Some(place));
    }
    Ok((ids.ids(firsts.into_iter()), places))
}
