//! Frames as CSV.

use std::fmt::Write as _;

use polars::prelude::{AnyValue, DataFrame};

use crate::calendar::Date;
use crate::error::Result;

/// A frame as CSV, as RFC 4180 has it but for the ends of lines, which are a line feed alone.
///
/// A null is an empty field, and an empty text is one in quotes, so that both can be told apart; dates are written as
/// 2026-03-31 and floats with as many digits as it takes to read back the same.
pub(crate) fn csv(frame: &DataFrame) -> Result<String> {
    let mut text = String::new();
    for (number, name) in frame.get_column_names().into_iter().enumerate() {
        separate(&mut text, number);
        quoted(&mut text, name);
    }
    text.push('\n');
    for row in 0..frame.height() {
        for (number, column) in frame.columns().iter().enumerate() {
            separate(&mut text, number);
            // Writing to a string does not fail.
            let _ = match column.get(row)? {
                AnyValue::Null => Ok(()),
                AnyValue::String(value) => {
                    quoted(&mut text, value);
                    Ok(())
                }
                AnyValue::Date(day) => write!(text, "{}", Date::from_day(day)),
                AnyValue::Float64(value) => write!(text, "{value}"),
                AnyValue::Boolean(value) => write!(text, "{value}"),
                other => write!(text, "{other}"),
            };
        }
        text.push('\n');
    }
    Ok(text)
}

fn separate(text: &mut String, number: usize) {
    if number > 0 {
        text.push(',');
    }
}

fn quoted(text: &mut String, value: &str) {
    let plain = !value.is_empty() && !value.contains([',', '"', '\n', '\r']);
    if plain {
        text.push_str(value);
    } else {
        text.push('"');
        text.push_str(&value.replace('"', "\"\""));
        text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataType, df};

    use super::*;

    #[test]
    fn by_hand() {
        let mut frame = df!(
            "a,b" => [Some("say \"no\""), None, Some(""), Some("two\nlines")],
            "day" => [Some(0), None, Some(-1), Some(19_723)],
            "value" => [Some(0.1), None, Some(1e300), Some(-2.0)],
            "id" => [1_u64, 2, 3, u64::MAX],
            "flag" => [Some(true), None, Some(false), Some(true)],
        )
        .unwrap();
        frame.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
        let large = format!("{}", 1e300);
        let expected = format!(
            "\"a,b\",day,value,id,flag\n\"say \"\"no\"\"\",1970-01-01,0.1,1,true\n,,,2,\n\"\",1969-12-31,{large},3,false\n\
             \"two\nlines\",2024-01-01,-2,18446744073709551615,true\n"
        );
        assert_eq!(csv(&frame).unwrap(), expected);
    }
}
