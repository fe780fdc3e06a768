//! Alerts, and the log of what became of them.

use serde::{Deserialize, Serialize};

use super::case::Standing;
use super::plan::DecisionReason;
use super::state::{AlertState, ChangeReason};
use crate::calendar::Date;
use crate::frame::ids::Id;
use crate::trigger::Severity;

/// An alert as the desk holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) account: u32,
    pub(super) cause: u32,
    pub(super) standing: Standing,
    pub(super) fires_since: Date,
    pub(super) raised: Date,
    pub(super) opened: Option<Date>,
    pub(super) recurring_value: Option<f64>,
    pub(super) p_value: f64,
    pub(super) sentence: Option<String>,
    pub(super) triggers: Vec<u32>,
    pub(super) reason: Option<u32>,
    pub(super) owner: Option<String>,
    pub(super) done: Vec<StepDone>,
}

/// A step that somebody reported as done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepDone {
    /// Its place in the plan, counted from 0.
    pub step: u32,
    /// When.
    pub date: Date,
    /// By whom.
    pub by: String,
}

/// A line of the log as the desk holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) date: Date,
    pub(super) alert: u32,
    pub(super) from: Option<AlertState>,
    pub(super) to: AlertState,
    pub(super) severity: Severity,
    pub(super) why: ChangeReason,
    pub(super) by: Option<String>,
}

/// An account about which something is wrong, from its first date to its last.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alert<'a> {
    /// Its number on the desk, by which changes name it.
    pub number: usize,
    /// The account.
    pub account: Id<'a>,
    /// The cause, by the key of its alert type.
    pub cause: &'a str,
    /// What people call the cause.
    pub name: &'a str,
    /// Where it stands.
    pub state: AlertState,
    /// Since when it stands there.
    pub since: Date,
    /// The worst severity since it was opened; while it is held, the last.
    pub severity: Severity,
    /// The first date of the stretch of dates on which it fired that raised it, or brought it back.
    pub fires_since: Date,
    /// The date on which it was held or opened.
    pub raised: Date,
    /// The date on which it was opened; `None` if it never was.
    pub opened: Option<Date>,
    /// Until when it is snoozed.
    pub snoozed_until: Option<Date>,
    /// The recurring value a month when it last got worse; `None` where that is not known.
    pub recurring_value: Option<f64>,
    /// The corrected p-value then, of the surest of its worst findings; 0 for a rule.
    pub p_value: f64,
    /// What it said then.
    pub sentence: Option<&'a str>,
    /// The triggers that have fired for it.
    pub triggers: Vec<&'a str>,
    /// Why it was closed.
    pub reason: Option<&'a DecisionReason>,
    /// Who acknowledged it last.
    pub owner: Option<&'a str>,
    /// The steps that were reported as done.
    pub done: &'a [StepDone],
}

/// A line of the log: an alert went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlertChange<'a> {
    /// When.
    pub date: Date,
    /// The number of the alert on the desk.
    pub alert: usize,
    /// The account.
    pub account: Id<'a>,
    /// The cause of the alert.
    pub cause: &'a str,
    /// What it was; `None` for its first state.
    pub from: Option<AlertState>,
    /// What it became.
    pub to: AlertState,
    /// Its severity.
    pub severity: Severity,
    /// Why.
    pub why: ChangeReason,
    /// The key of the decision reason, of the one that closed it.
    pub reason: Option<&'a str>,
    /// By whom, if not by itself.
    pub by: Option<&'a str>,
}
