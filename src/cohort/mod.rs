//! Do people who came together stay together: cohorts and their retention.

mod ages;
mod comparison;
mod comparison_options;
mod conclusion;
mod members;
mod retention;
mod strata;
mod triangle;

pub use ages::Criterion;
pub use comparison::{ComparedGroup, Comparison, RateDifference};
pub use comparison_options::{ComparisonDetail, ComparisonOptions};
pub use members::Members;
pub use retention::{Cohort, CurvePoint, Retention, RetentionCell, RetentionOptions};
