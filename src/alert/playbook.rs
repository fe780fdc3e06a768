//! What to do about which cause, as data.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::condition::Recommendation;
use super::plan::{
    ActionPlan, AlertOutcome, AlertType, DecisionReason, FADED, LAPSED, LEFT, RESOLVED, TouchPoint, check_days,
};
use super::stage::StageRules;
use crate::error::{Error, Result};
use crate::frame::stored::asked;

/// What to do about what, as data: kinds of alerts, action plans, decision reasons, recommendations by lifecycle stage and
/// health, and touch points before renewals.
///
/// [`Playbook::standard`] is one to begin with. It is written as JSON, edited, and read back; what does not fit together is
/// refused then. An alert type of a cause replaces the one that was there, and so do plans and reasons.
///
/// # Example
///
/// ```
/// use attrition::{ActionPlan, AlertType, ExitCriterion, Playbook, PlanStep};
///
/// let visit = PlanStep {
///     action: "visit them".into(),
///     owner: "account executive".into(),
///     due_days: 10,
///     done_when: ExitCriterion::Reported,
/// };
/// let playbook = Playbook::standard()
///     .plan(ActionPlan { key: "visit".into(), name: "Visit".into(), steps: vec![visit] })
///     .alert_type(AlertType {
///         cause: "no_key_contact".into(),
///         name: "Nobody to call".into(),
///         triggers: vec!["no_key_contact".into()],
///         priority: 3,
///         plan: "visit".into(),
///     });
/// playbook.check()?;
/// assert_eq!(playbook.alert_types().last().unwrap().plan, "visit");
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredPlaybook")]
pub struct Playbook {
    pub(super) alert_types: Vec<AlertType>,
    pub(super) plans: Vec<ActionPlan>,
    pub(super) reasons: Vec<DecisionReason>,
    pub(super) stages: StageRules,
    pub(super) recommendations: Vec<Recommendation>,
    pub(super) touch_points: Vec<TouchPoint>,
}

/// A playbook as it stands in a file.
#[derive(Deserialize)]
#[serde(rename = "Playbook")]
struct StoredPlaybook {
    alert_types: Vec<AlertType>,
    plans: Vec<ActionPlan>,
    reasons: Vec<DecisionReason>,
    stages: StageRules,
    recommendations: Vec<Recommendation>,
    touch_points: Vec<TouchPoint>,
}

impl TryFrom<StoredPlaybook> for Playbook {
    type Error = String;

    fn try_from(stored: StoredPlaybook) -> std::result::Result<Self, String> {
        let StoredPlaybook { alert_types, plans, reasons, stages, recommendations, touch_points } = stored;
        let playbook = Self { alert_types, plans, reasons, stages, recommendations, touch_points };
        asked(playbook.check())?;
        Ok(playbook)
    }
}

/// Puts something in the place of what has the same key, or at the end.
fn put<T>(list: &mut Vec<T>, new: T, key: impl Fn(&T) -> &str) {
    match list.iter_mut().find(|old| key(old) == key(&new)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

impl Playbook {
    /// Adds an alert type; one of the same cause is replaced.
    #[must_use]
    pub fn alert_type(mut self, alert_type: AlertType) -> Self {
        put(&mut self.alert_types, alert_type, |own| &own.cause);
        self
    }

    /// Takes an alert type out.
    #[must_use]
    pub fn without(mut self, cause: &str) -> Self {
        self.alert_types.retain(|own| own.cause != cause);
        self
    }

    /// Adds an action plan; one of the same key is replaced.
    #[must_use]
    pub fn plan(mut self, plan: ActionPlan) -> Self {
        put(&mut self.plans, plan, |own| &own.key);
        self
    }

    /// Adds a decision reason; one of the same key is replaced.
    #[must_use]
    pub fn reason(mut self, reason: DecisionReason) -> Self {
        put(&mut self.reasons, reason, |own| &own.key);
        self
    }

    /// The bounds of the lifecycle stages.
    #[must_use]
    pub fn stages(mut self, rules: StageRules) -> Self {
        self.stages = rules;
        self
    }

    /// The recommendations, of which the first that fits an account holds.
    #[must_use]
    pub fn recommend(mut self, recommendations: impl IntoIterator<Item = Recommendation>) -> Self {
        self.recommendations = recommendations.into_iter().collect();
        self
    }

    /// The touch points before a renewal.
    #[must_use]
    pub fn touch(mut self, touch_points: impl IntoIterator<Item = TouchPoint>) -> Self {
        self.touch_points = touch_points.into_iter().collect();
        self
    }

    /// The alert types.
    #[must_use]
    pub fn alert_types(&self) -> &[AlertType] {
        &self.alert_types
    }

    /// The action plans.
    #[must_use]
    pub fn plans(&self) -> &[ActionPlan] {
        &self.plans
    }

    /// The decision reasons.
    #[must_use]
    pub fn reasons(&self) -> &[DecisionReason] {
        &self.reasons
    }

    /// The bounds of the lifecycle stages.
    #[must_use]
    pub fn stage_rules(&self) -> &StageRules {
        &self.stages
    }

    /// The recommendations in order.
    #[must_use]
    pub fn recommendations(&self) -> &[Recommendation] {
        &self.recommendations
    }

    /// The touch points before a renewal.
    #[must_use]
    pub fn touch_points(&self) -> &[TouchPoint] {
        &self.touch_points
    }

    /// The plan of an alert type.
    pub(super) fn plan_of(&self, cause: u32) -> Option<&ActionPlan> {
        let key = &self.alert_types.get(cause as usize)?.plan;
        self.plans.iter().find(|plan| plan.key == *key)
    }

    pub(super) fn reason_number(&self, key: &str) -> Option<u32> {
        u32::try_from(self.reasons.iter().position(|reason| reason.key == key)?).ok()
    }

    /// Whether all of it fits together.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for an alert type without triggers, or with a trigger that another one has; for names that
    /// are empty or there twice; for a plan that is not there or has no step; for steps, touch points and stages of more
    /// than 36525 days; for recommendations and alert types that name causes that are not there; and if one of the reasons `resolved`,
    /// `left`, `lapsed` and `faded`, under which alerts close by themselves, is missing or means something else.
    pub fn check(&self) -> Result<()> {
        let refuse =
            |option, value: &str, reason| Err(Error::InvalidOption { option, value: format!("{value:?}"), reason });
        let mut names = BTreeSet::new();
        let keys = [
            ("alert_type", self.alert_types.iter().map(|own| own.cause.as_str()).collect::<Vec<_>>()),
            ("plan", self.plans.iter().map(|own| own.key.as_str()).collect()),
            ("reason", self.reasons.iter().map(|own| own.key.as_str()).collect()),
            ("trigger", self.alert_types.iter().flat_map(|own| &own.triggers).map(String::as_str).collect()),
        ];
        for (option, keys) in keys {
            for key in keys {
                if key.is_empty() || !names.insert((option, key)) {
                    return refuse(
                        option,
                        key,
                        "is empty or there twice; each has a name, and a trigger one alert type",
                    );
                }
            }
        }
        for own in &self.alert_types {
            if own.triggers.is_empty() {
                return refuse("alert_type", &own.cause, "no trigger raises it; name one, or take the type out");
            }
            if !names.contains(&("plan", own.plan.as_str())) {
                return refuse("plan", &own.plan, "an alert type names this plan, and there is none; add it");
            }
        }
        for plan in &self.plans {
            if plan.steps.is_empty() {
                return refuse("plan", &plan.key, "has no step; what is to be done first?");
            }
            for step in &plan.steps {
                check_days("due_days", step.due_days)?;
                step.done_when.check()?;
            }
        }
        let meant = [
            (RESOLVED, AlertOutcome::Resolved),
            (LEFT, AlertOutcome::Gone),
            (LAPSED, AlertOutcome::Gone),
            (FADED, AlertOutcome::Faded),
        ];
        for (key, outcome) in meant {
            if !self.reasons.iter().any(|own| own.key == key && own.outcome == outcome) {
                return refuse("reason", key, "alerts close under this reason by themselves; add it with its outcome");
            }
        }
        for cause in self.recommendations.iter().flat_map(|own| &own.when.causes) {
            if !names.contains(&("alert_type", cause.as_str())) {
                return refuse("recommendations", cause, "a recommendation names this cause, and no alert type has it");
            }
        }
        for point in &self.touch_points {
            check_days("days_before", point.days_before)?;
            point.done_when.check()?;
        }
        self.stages.check()
    }
}

impl Default for Playbook {
    fn default() -> Self {
        Self::standard()
    }
}

impl fmt::Display for Playbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.alert_types.iter().map(|own| own.cause.len()).max().unwrap_or(0);
        write!(f, "{} alert types, {} plans", self.alert_types.len(), self.plans.len())?;
        for (cause, own) in (0..).zip(&self.alert_types) {
            let steps = self.plan_of(cause).map_or(&[][..], |plan| &plan.steps);
            write!(f, "\n{:<wide$}  {} ({})", own.cause, own.name, own.triggers.join(", "))?;
            for step in steps {
                write!(f, "\n{:wide$}    day {}: {} - {}", "", step.due_days, step.owner, step.action)?;
            }
        }
        Ok(())
    }
}
