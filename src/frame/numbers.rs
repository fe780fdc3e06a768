//! Columns of numbers and of flags beside a log.

use polars::prelude::{DataFrame, DataType};

use super::read;
use crate::error::{Error, Result};

const NUMBER_TYPES: &str = "an integer or a float";
const FLAG_TYPES: &str = "a boolean, or a number that is 0 or 1";

/// A column of numbers as floats.
pub(crate) fn numbers(frame: &DataFrame, column: &str, role: &'static str) -> Result<Vec<Option<f64>>> {
    let dtype = read::dtype(frame.schema(), column)?;
    if !(dtype.is_integer() || dtype.is_float()) {
        return Err(read::unsupported(column, role, dtype, NUMBER_TYPES));
    }
    Ok(read::series(frame, column)?.cast(&DataType::Float64)?.f64()?.iter().collect())
}

/// A column of finite numbers.
pub(crate) fn finite(frame: &DataFrame, column: &str, role: &'static str) -> Result<Vec<Option<f64>>> {
    let numbers = numbers(frame, column, role)?;
    let unusable = |number: &Option<f64>| number.filter(|number| !number.is_finite());
    if let Some((row, value)) = (0..).zip(&numbers).find_map(|(row, number)| Some((row, unusable(number)?))) {
        let (column, value) = (column.to_owned(), value.to_string());
        let reason = "is not a number to reckon with; make it null where it is not known";
        return Err(Error::InvalidValue { column, row, value, reason });
    }
    Ok(numbers)
}

/// A column of flags.
pub(crate) fn flags(frame: &DataFrame, column: &str, role: &'static str) -> Result<Vec<Option<bool>>> {
    // Of the zero with a sign, a sum with the other is the one without.
    const TRUE: u64 = 1.0_f64.to_bits();
    const FALSE: u64 = 0.0_f64.to_bits();
    let dtype = read::dtype(frame.schema(), column)?;
    if dtype.is_bool() {
        return Ok(read::series(frame, column)?.bool()?.iter().collect());
    }
    if !(dtype.is_integer() || dtype.is_float()) {
        return Err(read::unsupported(column, role, dtype, FLAG_TYPES));
    }
    let flag = |(row, value): (u64, Option<f64>)| match value.map(|value| (value + 0.0).to_bits()) {
        None => Ok(None),
        Some(TRUE) => Ok(Some(true)),
        Some(FALSE) => Ok(Some(false)),
        Some(other) => {
            let (column, value) = (column.to_owned(), f64::from_bits(other).to_string());
            let reason = "is neither 0 nor 1; compare the column with the code that means so";
            Err(Error::InvalidValue { column, row, value, reason })
        }
    };
    (0..).zip(numbers(frame, column, role)?).map(flag).collect()
}
