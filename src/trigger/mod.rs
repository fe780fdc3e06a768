//! Signs that precede churn: what each is, who shows them, and what they were worth.

mod findings;
mod payment_trouble;
mod set;
mod signal;

pub use findings::{Finding, Findings};
pub use payment_trouble::PaymentTrouble;
pub use set::{Judge, Trigger, TriggerSet};
pub use signal::{Severity, Signal, State};

impl TriggerSet {
    /// All triggers of this crate with their default options. One whose table is missing finds nothing observed.
    #[must_use]
    pub fn standard() -> Self {
        Self::new().with(PaymentTrouble::new())
    }
}
