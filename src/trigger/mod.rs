//! Signs that precede churn: what each is, who shows them, and what they were worth.

mod allowance_unused;
mod back_test;
mod breadth_of_use;
mod days_since_last_event;
mod drops;
mod engagement_gap;
mod findings;
mod frequency_class;
mod high_value_fading;
mod key_contact_loss;
mod limit_pressure;
mod onboarding_stall;
mod payment_trouble;
mod ranking;
mod renewal_approaching;
mod rhythm;
mod season;
mod seats_shrinking;
mod seed;
mod set;
mod signal;
mod support_spike;
mod survey_detractor;
mod usage_frequency;
mod weeks;
mod worklist;

pub use allowance_unused::AllowanceUnused;
pub use back_test::{
    BackTest, BackTestDate, BackTestOptions, ChurnEvent, Contribution, DateTally, Detector, Difference, Estimate,
    Every, LeadTime, Performance, Ranking, Verdict,
};
pub(crate) use back_test::{Churns, Outcome, Plan, cut, sides};
pub use breadth_of_use::BreadthOfUse;
pub use days_since_last_event::DaysSinceLastEvent;
pub(crate) use days_since_last_event::silence;
pub use engagement_gap::EngagementGap;
pub(crate) use findings::states;
pub use findings::{Finding, Findings};
pub(crate) use findings::{Learnt, Sign};
pub use frequency_class::FrequencyClass;
pub use high_value_fading::HighValueFading;
pub use key_contact_loss::{KeyContactLoss, KeyPeople};
pub use limit_pressure::LimitPressure;
pub(crate) use onboarding_stall::habit;
pub use onboarding_stall::{FirstValue, OnboardingStall};
pub use payment_trouble::PaymentTrouble;
pub use renewal_approaching::RenewalApproaching;
pub use season::CommonMovement;
pub use seats_shrinking::SeatsShrinking;
pub use set::{Judge, Trigger, TriggerSet};
pub use signal::{Severity, Signal, State};
pub use support_spike::{SpikeRules, SupportSpike};
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
            .with(EngagementGap::new())
            .with(OnboardingStall::new())
            .with(RenewalApproaching::new())
            .with(HighValueFading::new())
            .with(SupportSpike::new())
            .with(PaymentTrouble::new())
    }
}
