//! What is recommended for which customers.

use serde::{Deserialize, Serialize};

use super::stage::LifecycleStage;
use crate::health::HealthBand;
use crate::trigger::FrequencyClass;

/// What to do with customers of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Which customers.
    pub when: Condition,
    /// What to do.
    pub action: String,
    /// The role of who does it.
    pub owner: String,
    /// Why, in a few words.
    pub because: String,
}

/// Which customers a [`Recommendation`] is for: those for whom all of it holds. What is not named does not matter; what is
/// named and not observed does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub(super) stages: Vec<LifecycleStage>,
    pub(super) bands: Vec<HealthBand>,
    pub(super) uses: Vec<FrequencyClass>,
    pub(super) value: ValueTier,
    pub(super) alerts: HasAlerts,
    pub(super) causes: Vec<String>,
}

/// How valuable customers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueTier {
    /// However valuable.
    #[default]
    Any,
    /// Among the fifth with the largest recurring value a month: (those worth more + half of those worth as much) / all at
    /// most 0.2, all being the customers of known value.
    Top,
}

/// Whether customers have alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HasAlerts {
    /// Whether or not.
    #[default]
    Any,
    /// At least one that is held, open, escalated, acknowledged or snoozed.
    Open,
    /// None of these.
    Calm,
}

impl Condition {
    /// Only in these lifecycle stages.
    #[must_use]
    pub fn stages(mut self, stages: impl IntoIterator<Item = LifecycleStage>) -> Self {
        self.stages = stages.into_iter().collect();
        self
    }

    /// Only in these bands of health.
    #[must_use]
    pub fn bands(mut self, bands: impl IntoIterator<Item = HealthBand>) -> Self {
        self.bands = bands.into_iter().collect();
        self
    }

    /// Only those who come so often.
    #[must_use]
    pub fn uses(mut self, classes: impl IntoIterator<Item = FrequencyClass>) -> Self {
        self.uses = classes.into_iter().collect();
        self
    }

    /// Only those who are so valuable.
    #[must_use]
    pub fn of_value(mut self, value: ValueTier) -> Self {
        self.value = value;
        self
    }

    /// Only those with alerts, or without.
    #[must_use]
    pub fn alerts(mut self, alerts: HasAlerts) -> Self {
        self.alerts = alerts;
        self
    }

    /// Only those with an alert of one of these causes that is held, open, escalated, acknowledged or snoozed.
    #[must_use]
    pub fn causes(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.causes = causes.into_iter().collect();
        self
    }
}
