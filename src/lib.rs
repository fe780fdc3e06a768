//! Churn analysis over polars DataFrames.

mod activity;
mod calendar;
mod error;
mod frame;

pub use activity::{Activity, ActivityBuilder, EventColumns, Id, Intake, Progress, SegmentColumns, Split};
pub use calendar::{Calendar, Date, Period, Span, Weekday, date};
pub use error::{Error, Result};

pub use polars;
