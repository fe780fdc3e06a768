//! Writing answers as frames.

#[cfg(feature = "lazy")]
use std::ops::Range;

#[cfg(feature = "simulate")]
use polars::prelude::TimeUnit;
use polars::prelude::{Column, DataFrame, DataType, IdxCa, IdxSize, IntoColumn, NamedFrom, Series};
#[cfg(feature = "lazy")]
use polars::prelude::{Int32Type, IntoSeries, ListBuilderTrait, ListPrimitiveChunkedBuilder, PolarsNumericType};

use super::ids::{Id, IdType, Ids};
use crate::calendar::Date;
use crate::error::Result;

/// An answer that can be written as a frame. Every answer of this crate is one.
pub trait ToFrame {
    /// The answer as a frame. Its columns are told at the answer's own `to_frame`, which this is.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    fn to_frame(&self) -> Result<DataFrame>;
}

/// Says of answers that their own `to_frame` is that of [`ToFrame`].
macro_rules! to_frame {
    ($($answer:ty),+ $(,)?) => {
        $(impl $crate::frame::ToFrame for $answer {
            fn to_frame(&self) -> $crate::Result<polars::prelude::DataFrame> {
                <$answer>::to_frame(self)
            }
        })+
    };
}
pub(crate) use to_frame;

/// A frame of columns of one length.
pub(crate) fn frame(columns: Vec<Column>) -> Result<DataFrame> {
    let height = columns.first().map_or(0, Column::len);
    Ok(DataFrame::new(height, columns)?)
}

/// A column of numbers or strings, nullable where the items are options.
pub(crate) fn column<T, Items: AsRef<T>>(name: &str, items: Items) -> Column
where
    T: ?Sized,
    Series: NamedFrom<Items, T>,
{
    Series::new(name.into(), items).into_column()
}

/// Frames with the same columns below each other, and in front a column with the name of each.
pub(crate) fn stacked<'a>(
    column: &str,
    frames: impl Iterator<Item = Result<(Option<&'a str>, DataFrame)>>,
) -> Result<DataFrame> {
    let mut names = Vec::new();
    let mut stacked: Option<DataFrame> = None;
    for named in frames {
        let (name, frame) = named?;
        names.extend(std::iter::repeat_n(name, frame.height()));
        match &mut stacked {
            None => stacked = Some(frame),
            Some(stacked) => {
                stacked.vstack_mut_owned(frame)?;
            }
        }
    }
    let mut columns = vec![self::column(column, names)];
    if let Some(mut stacked) = stacked {
        stacked.rechunk_mut();
        columns.extend(stacked.into_columns());
    }
    self::frame(columns)
}

/// A column of dates.
pub(crate) fn dates(name: &str, dates: impl Iterator<Item = Option<Date>>) -> Result<Column> {
    let days: Vec<Option<i32>> = dates.map(|date| date.map(Date::days_since_epoch)).collect();
    Ok(Series::new(name.into(), days).cast(&DataType::Date)?.into_column())
}

/// A column of instants, given in milliseconds since 1970 in UTC.
#[cfg(feature = "simulate")]
pub(crate) fn instants(name: &str, milliseconds: Vec<i64>) -> Result<Column> {
    let datetime = DataType::Datetime(TimeUnit::Milliseconds, None);
    Ok(Series::new(name.into(), milliseconds).cast(&datetime)?.into_column())
}

/// A column of all ids of a list, of the integer type they came in; categories and enums as strings.
pub(crate) fn all_ids(name: &str, list: &Ids) -> Result<Column> {
    let series = match list.id_type() {
        IdType::String => {
            let strings: Vec<String> = list.iter().map(|id| id.to_string()).collect();
            Series::new(name.into(), strings)
        }
        signed if signed.is_signed() => {
            let ints = list.iter().map(|id| if let Id::Int(id) = id { id } else { 0 });
            Series::new(name.into(), ints.collect::<Vec<i64>>())
        }
        _ => {
            let ints = list.iter().map(|id| if let Id::UInt(id) = id { id } else { 0 });
            Series::new(name.into(), ints.collect::<Vec<u64>>())
        }
    };
    let dtype = match list.id_type() {
        IdType::Int8 => DataType::Int8,
        IdType::Int16 => DataType::Int16,
        IdType::Int32 => DataType::Int32,
        IdType::UInt8 => DataType::UInt8,
        IdType::UInt16 => DataType::UInt16,
        IdType::UInt32 => DataType::UInt32,
        IdType::Int64 | IdType::UInt64 | IdType::String => return Ok(series.into_column()),
    };
    Ok(series.cast(&dtype)?.into_column())
}

/// A column of the ids at these places of a list.
pub(crate) fn gathered_ids(name: &str, list: &Ids, places: impl Iterator<Item = Option<u32>>) -> Result<Column> {
    gathered(all_ids(name, list)?, places)
}

/// The rows of a column at these places.
pub(crate) fn gathered(column: Column, places: impl Iterator<Item = Option<u32>>) -> Result<Column> {
    #[expect(clippy::useless_conversion, reason = "an index has 64 bits where polars was built so")]
    let places: IdxCa = places.map(|place| place.map(IdxSize::from)).collect();
    Ok(column.take(&places)?)
}

/// A column of lists: these stretches of `values`.
#[cfg(feature = "lazy")]
pub(crate) fn lists<T: PolarsNumericType>(
    name: &str,
    values: &[T::Native],
    stretches: impl ExactSizeIterator<Item = Range<usize>>,
) -> Column {
    let mut lists =
        ListPrimitiveChunkedBuilder::<T>::new(name.into(), stretches.len(), values.len(), T::get_static_dtype());
    stretches.for_each(|stretch| lists.append_slice(&values[stretch]));
    lists.finish().into_series().into_column()
}

/// A column of lists of dates.
#[cfg(feature = "lazy")]
pub(crate) fn day_lists(
    name: &str,
    days: &[i32],
    stretches: impl ExactSizeIterator<Item = Range<usize>>,
) -> Result<Column> {
    Ok(lists::<Int32Type>(name, days, stretches).cast(&DataType::List(Box::new(DataType::Date)))?)
}
