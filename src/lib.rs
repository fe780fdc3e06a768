//! Churn analysis over polars DataFrames.

mod activity;
mod calendar;
mod cohort;
mod engagement;
mod error;
mod frame;
mod statistics;

pub use activity::{Activity, ActivityBuilder, EventColumns, Intake, Progress, SegmentColumns, Split};
pub use calendar::{Calendar, Coverage, Date, Period, Span, Weekday, date};
pub use cohort::{Cohort, Criterion, CurvePoint, Members, Retention, RetentionCell, RetentionOptions};
pub use engagement::{
    ActiveCount, ActiveUsers, ActiveUsersOptions, DayStickiness, MonthStickiness, Stickiness, StickinessOptions, Window,
};
pub use error::{Error, Result};
pub use frame::ids::Id;
pub use statistics::Interval;

pub use polars;
