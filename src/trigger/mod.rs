//! Signs that precede churn: what each is, who shows them, and what they were worth.

mod allowance_unused;
mod back_test;
mod breadth_of_use;
mod days_since_last_event;
mod drops;
mod findings;
mod frequency_class;
mod key_contact_loss;
mod limit_pressure;
mod payment_trouble;
mod ranking;
mod season;
mod seats_shrinking;
mod seed;
mod set;
mod signal;
mod survey_detractor;
mod usage_frequency;
mod weeks;
mod worklist;

pub use allowance_unused::AllowanceUnused;
pub use back_test::{
    BackTest, BackTestDate, BackTestOptions, ChurnEvent, Contribution, DateTally, Detector, Difference, Estimate,
    Every, LeadTime, Performance, Ranking, Verdict,
};
pub use breadth_of_use::BreadthOfUse;
pub use days_since_last_event::DaysSinceLastEvent;
pub use findings::{Finding, Findings};
pub use frequency_class::FrequencyClass;
pub use key_contact_loss::{KeyContactLoss, KeyPeople};
pub use limit_pressure::LimitPressure;
pub use payment_trouble::PaymentTrouble;
pub use season::CommonMovement;
pub use seats_shrinking::SeatsShrinking;
pub use set::{Judge, Trigger, TriggerSet};
pub use signal::{Severity, Signal, State};
pub use survey_detractor::{AccountScore, SurveyDetractor};
pub use usage_frequency::UsageFrequency;
pub use worklist::{AtRisk, Worklist};

impl TriggerSet {
    /// All triggers of this crate with their default options. One whose table is missing finds nothing observed.
    #[must_use]
    pub fn standard() -> Self {
        Self::new()
            .with(UsageFrequency::new())
            .with(BreadthOfUse::new())
            .with(SeatsShrinking::new())
            .with(KeyContactLoss::new())
            .with(SurveyDetractor::new())
            .with(LimitPressure::new())
            .with(AllowanceUnused::new())
            .with(PaymentTrouble::new())
    }
}
