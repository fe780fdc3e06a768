//! Do people who came together stay together: cohorts and their retention.

mod ages;
mod members;
mod retention;
mod triangle;

pub use ages::Criterion;
pub use members::Members;
pub use retention::{Cohort, CurvePoint, Retention, RetentionCell, RetentionOptions};
