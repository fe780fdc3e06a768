//! Do people who came together stay together: cohorts and their retention.

mod ages;
mod aging;
mod cohorts;
mod compare;
mod comparison;
mod comparison_options;
mod conclusion;
mod frames;
mod impact;
mod kernel;
mod key;
mod members;
mod options;
mod participation;
mod retention;
mod segments;
mod stored;
mod stored_trend;
mod stored_triangle;
mod strata;
mod tally;
mod trend;
mod triangle;
mod value;

pub use ages::Criterion;
pub use aging::AgeBy;
pub use cohorts::{CohortColumns, CohortIntake, Cohorts, Entry};
pub use comparison::{Comparison, RateDifference};
pub use comparison_options::{ComparedGroup, ComparisonDetail, ComparisonOptions};
pub use impact::{
    Balance, Covariate, ImpactStratum, LaterParticipants, LeftOut, MonthlyImpact, NaiveComparison, ProgrammeEffect,
    ProgrammeImpact, ProgrammeImpactOptions,
};
pub use key::{Cohort, CohortKey};
pub use members::Members;
pub use options::{Base, RetentionOptions, Return};
pub use participation::{Participation, ParticipationColumns, ParticipationIntake};
pub use retention::{CurvePoint, EntriesLeftOut, Retention, RetentionCell};
pub use trend::RetentionTrend;
pub use value::{ValueCell, ValueRetention};

crate::frame::to_frame!(Comparison, Members, ProgrammeImpact, Retention, RetentionTrend, ValueRetention);
