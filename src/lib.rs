#![doc = include_str!("../README.md")]

mod activity;
mod calendar;
mod cohort;
mod engagement;
mod error;
mod frame;
mod statistics;

pub use activity::{Activity, ActivityBuilder, EventColumns, Intake, Progress, SegmentColumns, Split};
pub use calendar::{Calendar, Coverage, Date, Period, Span, Weekday, date};
pub use cohort::{
    Balance, Cohort, Covariate, Criterion, CurvePoint, ImpactStratum, LaterParticipants, LeftOut, Members,
    MonthlyImpact, NaiveComparison, Participation, ParticipationColumns, ParticipationIntake, ProgrammeEffect,
    ProgrammeImpact, ProgrammeImpactOptions, Retention, RetentionCell, RetentionOptions,
};
pub use engagement::{
    ActiveCount, ActiveUsers, ActiveUsersOptions, DayStickiness, MonthStickiness, Stickiness, StickinessOptions, Window,
};
pub use error::{Error, Result};
pub use frame::ids::Id;
pub use statistics::Interval;

/// The polars that this crate was built with.
///
/// Its types stand in the public face of this crate, so a new minor version of polars is a breaking change here.
pub use polars;

/// Everything of this crate, and polars' own prelude. Where both have a name, such as `Window`, it is this crate's.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        ActiveCount, ActiveUsers, ActiveUsersOptions, Activity, ActivityBuilder, Balance, Calendar, Cohort, Covariate,
        Coverage, Criterion, CurvePoint, Date, DayStickiness, Error, EventColumns, Id, ImpactStratum, Intake, Interval,
        LaterParticipants, LeftOut, Members, MonthStickiness, MonthlyImpact, NaiveComparison, Participation,
        ParticipationColumns, ParticipationIntake, Period, ProgrammeEffect, ProgrammeImpact, ProgrammeImpactOptions,
        Progress, Result, Retention, RetentionCell, RetentionOptions, SegmentColumns, Span, Split, Stickiness,
        StickinessOptions, Weekday, Window, date,
    };
    #[doc(no_inline)]
    pub use polars::prelude::*;
}
