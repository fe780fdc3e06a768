//! Do people who came together stay together: cohorts and their retention.

mod ages;
mod comparison;
mod comparison_options;
mod conclusion;
mod impact;
mod members;
mod participation;
mod retention;
mod stored;
mod strata;
mod triangle;

pub use ages::Criterion;
pub use comparison::{ComparedGroup, Comparison, RateDifference};
pub use comparison_options::{ComparisonDetail, ComparisonOptions};
pub use impact::{
    Balance, Covariate, ImpactStratum, LaterParticipants, LeftOut, MonthlyImpact, NaiveComparison, ProgrammeEffect,
    ProgrammeImpact, ProgrammeImpactOptions,
};
pub use members::Members;
pub use participation::{Participation, ParticipationColumns, ParticipationIntake};
pub use retention::{Cohort, CurvePoint, Retention, RetentionCell, RetentionOptions};

crate::frame::to_frame!(Comparison, Members, ProgrammeImpact, Retention);
