//! What has to hold of a desk that is read back.

use std::collections::BTreeMap;

use super::case::Case;
use super::desk::AlertDesk;
use super::playbook::Playbook;
use super::policy::AlertPolicy;
use super::record::{Change, Record};
use super::state::AlertState;
use crate::calendar::Date;
use crate::frame::ids::Ids;
use crate::frame::stored::{asked, holds, stored};

stored!(StoredDesk as AlertDesk {
    playbook: Playbook,
    policy: AlertPolicy,
    as_of: Option<Date>,
    accounts: Ids,
    alerts: Vec<Record>,
    changes: Vec<Change>,
    cases: Vec<Case>,
});

impl AlertDesk {
    fn check(&self) -> Result<(), String> {
        asked(self.policy.check())?;
        let (accounts, types) = (self.accounts.len(), &self.playbook.alert_types);
        let known = |account: u32, cause: u32, triggers: &[u32]| {
            let own = types.get(cause as usize);
            let fed = own.is_some_and(|own| triggers.iter().all(|&trigger| (trigger as usize) < own.triggers.len()));
            (account as usize) < accounts && fed && triggers.is_sorted_by(|left, right| left < right)
        };
        let mut states: Vec<Option<(AlertState, Date)>> = vec![None; self.alerts.len()];
        let live: BTreeMap<u32, (u32, u32)> =
            self.cases.iter().filter_map(|case| Some((case.alert?, (case.account, case.cause)))).collect();
        let with_alert = self.cases.iter().filter(|case| case.alert.is_some()).count();
        holds(live.len() == with_alert, "a case has an alert of its own")?;
        for (number, alert) in (0_u32..).zip(&self.alerts) {
            holds(known(alert.account, alert.cause, &alert.triggers), "alerts are of known accounts and causes")?;
            let reason = alert.reason.is_none_or(|reason| (reason as usize) < self.playbook.reasons.len());
            let closed = alert.standing.state == AlertState::Closed;
            holds(reason && closed == alert.reason.is_some(), "what is closed, and only that, has a known reason")?;
            let snoozed = alert.standing.state == AlertState::Snoozed;
            holds(
                snoozed == alert.standing.snoozed_until.is_some(),
                "what is snoozed, and only that, has an end of it",
            )?;
            let held = alert.standing.before == AlertState::Held && alert.opened.is_none();
            let before = alert.standing.before.is_to_be_worked() || held;
            let p_value = (0.0..=1.0).contains(&alert.p_value);
            let value = alert.recurring_value.is_none_or(f64::is_finite);
            holds(before && p_value && value, "numbers and states are such as there can be")?;
            let steps = self.playbook.plan_of(alert.cause).map_or(0, |plan| plan.steps.len());
            holds(alert.done.iter().all(|done| (done.step as usize) < steps), "what was done is a step of the plan")?;
            let case = live.get(&number);
            let one = if closed { case.is_none() } else { case == Some(&(alert.account, alert.cause)) };
            holds(one, "what is not closed has one case, and what is closed none")?;
        }
        let sorted = self.changes.windows(2).all(|pair| pair[0].date <= pair[1].date);
        holds(sorted, "changes are in the order of their dates")?;
        for change in &self.changes {
            let state = states.get_mut(change.alert as usize).ok_or("changes are of known alerts")?;
            holds(state.map(|(state, _)| state) == change.from, "each change begins where the last one ended")?;
            holds(change.to.may_follow(change.from), "changes go from a state to one that may follow it")?;
            *state = Some((change.to, change.date));
        }
        let ended = self
            .alerts
            .iter()
            .zip(&states)
            .all(|(alert, state)| *state == Some((alert.standing.state, alert.standing.since)));
        holds(ended, "each alert stands where its last change led it")?;
        let key = |case: &Case| (case.account, case.cause);
        holds(self.cases.is_sorted_by(|left, right| key(left) < key(right)), "an account and cause is one case")?;
        for case in &self.cases {
            holds(known(case.account, case.cause, &case.triggers), "cases are of known accounts and causes")?;
            let alert = case.alert.is_none_or(|alert| (alert as usize) < self.alerts.len());
            holds(alert && !case.is_over(), "cases are of known alerts and not over")?;
        }
        let begun = self.as_of.is_some() || self.alerts.is_empty() && self.cases.is_empty();
        holds(begun, "there is a date if there is an alert")
    }
}
