//! Do people who came together stay together: cohorts and their retention.

mod ages;
mod impact;
mod members;
mod participation;
mod retention;
mod trial;
mod triangle;
mod verdict;

pub use ages::Criterion;
pub use impact::{
    Balance, Covariate, ImpactStratum, MonthlyImpact, ProgrammeEffect, ProgrammeImpact, ProgrammeImpactOptions,
};
pub use members::Members;
pub use participation::{Participation, ParticipationColumns, ParticipationIntake};
pub use retention::{Cohort, CurvePoint, Retention, RetentionCell, RetentionOptions};
pub use trial::{LaterParticipants, LeftOut, NaiveComparison};
