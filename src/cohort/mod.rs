//! Do people who came together stay together: cohorts and their retention.

mod ages;
mod impact;
mod members;
mod participation;
mod retention;
mod triangle;

pub use ages::Criterion;
pub use impact::{
    Balance, Covariate, ImpactStratum, LaterParticipants, LeftOut, MonthlyImpact, NaiveComparison, ProgrammeEffect,
    ProgrammeImpact, ProgrammeImpactOptions,
};
pub use members::Members;
pub use participation::{Participation, ParticipationColumns, ParticipationIntake};
pub use retention::{Cohort, CurvePoint, Retention, RetentionCell, RetentionOptions};
