//! Findings over time: alerts, what to do about them, and when.

mod actions;
mod advance;
mod case;
mod condition;
mod criterion;
mod desk;
mod display;
mod frames;
mod plan;
mod playbook;
mod policy;
mod poor_health;
mod recommendation;
mod record;
mod renewals;
mod replay;
mod stage;
mod standard;
mod state;
mod stored;
mod terms;

pub use actions::{Action, Actions};
pub use condition::{Condition, HasAlerts, Recommendation, ValueTier};
pub use criterion::ExitCriterion;
pub use desk::AlertDesk;
pub use plan::{ActionPlan, AlertOutcome, AlertType, DecisionReason, PlanStep, SilencedUntil, TouchPoint};
pub use playbook::Playbook;
pub use policy::AlertPolicy;
pub use poor_health::{Hindsight, PoorHealth};
pub use recommendation::{Recommendations, Recommended};
pub use record::{Alert, AlertChange, StepDone};
pub use renewals::{Renewal, RenewalCalendar, RenewalOptions, Touch, TouchState};
pub use replay::AlertOptions;
pub use stage::{LifecycleStage, StageRules};
pub use state::{AlertState, ChangeReason};

/// Triggers of this crate that are not in the standard set.
const OTHERS: [&str; 2] = ["days_since_last_event", "poor_health"];
