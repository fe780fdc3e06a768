//! Signs that precede churn: what each is, who shows them, and what they were worth.

mod back_test;
mod days_since_last_event;
mod findings;
mod payment_trouble;
mod set;
mod signal;
mod worklist;

pub use back_test::{BackTest, BackTestDate, BackTestOptions, ChurnEvent, Contribution, DateTally, Detector};
pub use back_test::{Difference, Estimate, Every, LeadTime, Performance, Ranking, Verdict};
pub use days_since_last_event::DaysSinceLastEvent;
pub use findings::{Finding, Findings};
pub use payment_trouble::PaymentTrouble;
pub use set::{Judge, Trigger, TriggerSet};
pub use signal::{Severity, Signal, State};
pub use worklist::{AtRisk, Worklist};

impl TriggerSet {
    /// All triggers of this crate with their default options. One whose table is missing finds nothing observed.
    #[must_use]
    pub fn standard() -> Self {
        Self::new().with(PaymentTrouble::new())
    }
}
