//! What a playbook is made of: kinds of alerts, plans and their steps, reasons of closing, touch points.

use serde::{Deserialize, Serialize};

use super::criterion::ExitCriterion;
use crate::error::{Error, Result};

/// The decision reasons under which alerts close by themselves; every playbook has them.
pub(super) const RESOLVED: &str = "resolved";
pub(super) const LEFT: &str = "left";
pub(super) const LAPSED: &str = "lapsed";
pub(super) const FADED: &str = "faded";

/// A kind of alert: triggers that speak of the same cause, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertType {
    /// Under which alerts stand: lower case with underscores.
    pub cause: String,
    /// What people call it.
    pub name: String,
    /// The names of the triggers that raise it. No other alert type has them, so that an account has one alert a cause.
    pub triggers: Vec<String>,
    /// Among alerts of one severity, those with a smaller number are more urgent.
    pub priority: u32,
    /// The key of the action plan.
    pub plan: String,
}

/// What is done about an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionPlan {
    /// By which alert types name it.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What to do, in order.
    pub steps: Vec<PlanStep>,
}

/// A step of an action plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// What is done.
    pub action: String,
    /// The role of who does it.
    pub owner: String,
    /// By when, in days after the alert opened.
    pub due_days: u32,
    /// When it is done.
    pub done_when: ExitCriterion,
}

/// Why an alert was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionReason {
    /// Under which it stands in the log.
    pub key: String,
    /// What it means.
    pub name: String,
    /// What it says of the alert.
    pub outcome: AlertOutcome,
    /// When the same cause may be heard of again.
    pub silenced_until: SilencedUntil,
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertOutcome {
    /// The trouble was there, and is over: its signs stayed away. An alert that closes by itself says no more than that. Signs may
    /// also end by the calendar, whatever became of the trouble: [`OnboardingStall`](crate::OnboardingStall) is quiet
    /// once onboarding is over, and [`RenewalApproaching`](crate::RenewalApproaching) from the day of the renewal on.
    Resolved,
    /// There was no trouble.
    Unfounded,
    /// There is, and nothing is to be done about it.
    Accepted,
    /// It is dealt with elsewhere.
    Redundant,
    /// The account is no customer any more. It never counts as resolved.
    Gone,
    /// It ended before anybody was told.
    Faded,
}

/// When, after somebody closed an alert, the same cause may open another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilencedUntil {
    /// After the cooldown: what should be over and still fires is news.
    Cooldown,
    /// After the cooldown, and not before it was quiet: that it still fires is known.
    Quiet,
}

/// Something to do before a renewal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchPoint {
    /// How many days before the renewal.
    pub days_before: u32,
    /// What to do.
    pub action: String,
    /// The role of who does it.
    pub owner: String,
    /// When it is done.
    pub done_when: ExitCriterion,
}

pub(super) fn check_days(option: &'static str, days: u32) -> Result<()> {
    let reason = "is more than 36525 days, a hundred years";
    if days > 36_525 { Err(Error::InvalidOption { option, value: days.to_string(), reason }) } else { Ok(()) }
}
