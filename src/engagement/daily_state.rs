//! The states of the growth model.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an actor is on a day, by the days of activity up to it. W and M are the lengths of week and month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DailyState {
    /// Active today for the first time.
    New,
    /// Active today, and on one of the W - 1 days before.
    Current,
    /// Active today, and last active W to M - 1 days before.
    Reactivated,
    /// Active today, and last active M or more days before.
    Resurrected,
    /// Not active today, but on one of the W - 1 days before: part of WAU.
    AtRiskWeek,
    /// Last active W to M - 1 days ago: part of MAU.
    AtRiskMonth,
    /// Last active M or more days ago.
    Dormant,
}

use DailyState::{AtRiskMonth, AtRiskWeek, Current, Dormant, New, Reactivated, Resurrected};

impl DailyState {
    /// All states, those active today first.
    pub const ALL: [Self; 7] = [New, Current, Reactivated, Resurrected, AtRiskWeek, AtRiskMonth, Dormant];

    /// The name as it stands in frames, like `at_risk_week`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            New => "new",
            Current => "current",
            Reactivated => "reactivated",
            Resurrected => "resurrected",
            AtRiskWeek => "at_risk_week",
            AtRiskMonth => "at_risk_month",
            Dormant => "dormant",
        }
    }
}

impl fmt::Display for DailyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
