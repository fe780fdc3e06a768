//! What is to be done, by whom and by when.

use std::fmt;

use polars::prelude::DataFrame;

use super::desk::AlertDesk;
use super::record::Alert;
use super::state::AlertState;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::frame::{to_frame, write};
use crate::health::HealthBand;
use crate::portfolio::{Account, Snapshot};
use crate::trigger::Severity;

to_frame!(Actions<'_>);

/// The days that `Display` looks ahead.
const WEEK: i32 = 7;
/// So many steps are shown.
const SHOWN: usize = 12;

/// A step of the plan of an alert that is not done yet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Action<'a> {
    /// The number of the alert on the desk.
    pub alert: usize,
    /// The account.
    pub account: Id<'a>,
    /// The cause of the alert.
    pub cause: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// Where the alert stands.
    pub state: AlertState,
    /// Its severity.
    pub severity: Severity,
    /// The recurring value a month; `None` where that is not known.
    pub recurring_value: Option<f64>,
    /// The place of the step in the plan, counted from 0.
    pub step: usize,
    /// What to do.
    pub action: &'a str,
    /// The role of who does it.
    pub owner: &'a str,
    /// Who took the alert on.
    pub acknowledged_by: Option<&'a str>,
    /// By when.
    pub due: Date,
    /// What it is about.
    pub sentence: Option<&'a str>,
}

/// The steps that are to be done: the answer of [`AlertDesk::actions`].
#[derive(Clone, Debug)]
pub struct Actions<'a> {
    as_of: Date,
    accounts: &'a Ids,
    /// Each with the number of its account.
    actions: Vec<(u32, Action<'a>)>,
}

impl AlertDesk {
    /// What is to be done about the alerts that are open, escalated or acknowledged: the steps of their plans that are neither
    /// reported as done nor, by what is known on the day, at their exit criterion.
    ///
    /// Due is the date on which the alert opened, and the days of the step. The most urgent alerts come first, the steps of
    /// one in their order. `band` says how an account does, and `None` where that is not known.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a day before the last findings.
    pub fn actions(
        &self,
        portfolio: &Snapshot<'_>,
        band: impl Fn(&Account<'_>) -> Option<HealthBand>,
    ) -> Result<Actions<'_>> {
        let as_of = portfolio.as_of();
        if self.as_of.is_some_and(|last| as_of < last) {
            let reason = "lies before the last findings of the desk; ask for a later day";
            return Err(Error::InvalidOption { option: "as_of", value: as_of.to_string(), reason });
        }
        let mut actions = Vec::new();
        for alert in self.open() {
            let record = &self.alerts[alert.number];
            let (Some(plan), Some(opened)) = (self.playbook.plan_of(record.cause), alert.opened) else { continue };
            let account = portfolio.account(alert.account);
            let band = account.as_ref().and_then(&band);
            let quiet = self.is_quiet(record.account, record.cause);
            for (step, own) in plan.steps.iter().enumerate() {
                let reported = alert.done.iter().any(|done| done.step as usize == step);
                let met = account.as_ref().and_then(|account| own.done_when.holds(account, quiet, band));
                if reported || met == Some(true) {
                    continue;
                }
                let Alert { number, account, cause, name, state, severity, recurring_value, sentence, owner, .. } =
                    alert;
                actions.push((
                    record.account,
                    Action {
                        alert: number,
                        account,
                        cause,
                        name,
                        state,
                        severity,
                        recurring_value,
                        step,
                        action: &own.action,
                        owner: &own.owner,
                        acknowledged_by: owner,
                        due: opened + own.due_days.cast_signed(),
                        sentence,
                    },
                ));
            }
        }
        Ok(Actions { as_of, accounts: &self.accounts, actions })
    }

    /// Whether the triggers of a case were quiet on the last date that said anything of it.
    fn is_quiet(&self, account: u32, cause: u32) -> Option<bool> {
        let case = self.cases.binary_search_by_key(&(account, cause), |case| (case.account, case.cause)).ok()?;
        self.cases[case].run.map(|run| !run.fires)
    }
}

impl<'a> Actions<'a> {
    /// The day as of which they are to be done.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// All of them, those of the most urgent alerts first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Action<'a>> {
        self.actions.iter().map(|(_, action)| action)
    }

    /// Those that are due by a date, overdue ones among them, in the same order.
    pub fn due_by(&self, date: Date) -> impl Iterator<Item = &Action<'a>> {
        self.iter().filter(move |action| action.due <= date)
    }

    /// The steps as a frame, one row each, in their order.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `alert` | UInt64 | the number of the alert on the desk |
    /// | `cause`, `name` | String | the cause of the alert, and what people call it |
    /// | `state`, `severity` | String | of the alert |
    /// | `recurring_value` | Float64 | a month; null where not known |
    /// | `step` | UInt64 | the place of the step in the plan, counted from 0 |
    /// | `action`, `owner` | String | what to do, and the role of who does it |
    /// | `acknowledged_by` | String | who took the alert on; null if nobody did |
    /// | `due` | Date | by when |
    /// | `days_left` | Int32 | from the day as of which it was asked; below 0 where overdue |
    /// | `sentence` | String | what it is about; null where the trigger said nothing |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        fn column<'r, 'a, T>(own: &'r Actions<'a>, get: impl Fn(&'r Action<'a>) -> T) -> Vec<T> {
            own.actions.iter().map(|(_, action)| get(action)).collect()
        }
        write::frame(vec![
            write::gathered_ids("account", self.accounts, self.actions.iter().map(|&(account, _)| Some(account)))?,
            write::column("alert", column(self, |action| action.alert as u64)),
            write::column("cause", column(self, |action| action.cause)),
            write::column("name", column(self, |action| action.name)),
            write::column("state", column(self, |action| action.state.name())),
            write::column("severity", column(self, |action| action.severity.name())),
            write::column("recurring_value", column(self, |action| action.recurring_value)),
            write::column("step", column(self, |action| action.step as u64)),
            write::column("action", column(self, |action| action.action)),
            write::column("owner", column(self, |action| action.owner)),
            write::column("acknowledged_by", column(self, |action| action.acknowledged_by)),
            write::dates("due", self.iter().map(|action| Some(action.due)))?,
            write::column("days_left", column(self, |action| action.due - self.as_of)),
            write::column("sentence", column(self, |action| action.sentence)),
        ])
    }
}

impl fmt::Display for Actions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.as_of + WEEK;
        let due: Vec<&Action<'_>> = self.due_by(end).collect();
        let overdue = due.iter().filter(|action| action.due <= self.as_of).count();
        write!(f, "{} steps are due by {end}, {overdue} of them by now", due.len())?;
        let mut last = None;
        for action in due.iter().take(SHOWN) {
            if last != Some(action.alert) {
                let value = action.recurring_value.map_or(String::new(), |value| format!(", {value:.0} a month"));
                write!(f, "\n\n{} ({}{value}): {}", action.account, action.severity, action.name)?;
                if let Some(sentence) = action.sentence {
                    write!(f, "\n  {sentence}")?;
                }
                last = Some(action.alert);
            }
            write!(f, "\n  by {}  {}: {}", action.due, action.owner, action.action)?;
        }
        let more = due.len().saturating_sub(SHOWN);
        if more > 0 { write!(f, "\n\n{more} more are in due_by({end})") } else { Ok(()) }
    }
}
