//! One account and cause: what is known of it from one date to the next, and what that makes of its alert.

use serde::{Deserialize, Serialize};

use super::policy::AlertPolicy;
use super::state::{AlertState, ChangeReason};
use crate::calendar::Date;
use crate::trigger::Severity;

/// An account and a cause that are watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) account: u32,
    pub(super) cause: u32,
    /// The alert that is not closed.
    pub(super) alert: Option<u32>,
    /// Which triggers of the cause fired since this began.
    pub(super) triggers: Vec<u32>,
    pub(super) run: Option<Run>,
    pub(super) silence: Option<Silence>,
}

/// Dates that said the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) fires: bool,
    pub(super) since: Date,
    /// The days between two dates that lie beside each other and both said so.
    days: u32,
    /// Whether the last date said so, and not nothing.
    whole: bool,
}

/// What somebody closed is not to be heard of for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Silence {
    pub(super) until: Date,
    /// Nor, whatever the date, before it was quiet.
    pub(super) once_quiet: bool,
    /// But for what is more severe.
    pub(super) above: Severity,
}

/// What a date says of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen {
    /// The worst that fired, if anything did, and whether all triggers that had fired before are observed.
    Customer { fired: Option<Severity>, observed: bool },
    /// It is no customer any more, for this reason.
    Gone(ChangeReason),
}

/// What is to be known of the alert of a case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) state: AlertState,
    /// The date of this state.
    pub(super) since: Date,
    /// The worst severity so far; while it is held, the last.
    pub(super) severity: Severity,
    /// What it was before it cooled down.
    pub(super) before: AlertState,
    pub(super) snoozed_until: Option<Date>,
}

/// What comes of a date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Stays,
    /// An alert should open, if there is room.
    Wants,
    Turns(AlertState, ChangeReason),
}

impl Case {
    pub(super) fn new(account: u32, cause: u32) -> Self {
        Self { account, cause, alert: None, triggers: Vec::new(), run: None, silence: None }
    }

    /// Whether nothing of it needs to be remembered.
    pub(super) fn is_over(&self) -> bool {
        self.alert.is_none() && self.silence.is_none() && self.run.is_none_or(|run| !run.fires)
    }

    /// A date, `gap` days after the one before.
    pub(super) fn step(
        &mut self,
        alert: Option<Standing>,
        seen: Seen,
        (date, gap): (Date, u32),
        policy: &AlertPolicy,
    ) -> Step {
        let (fired, observed) = match seen {
            Seen::Customer { fired, observed } => (fired, observed),
            Seen::Gone(_) if alert.is_none() => {
                (self.run, self.silence) = (None, None);
                return Step::Stays;
            }
            Seen::Gone(why) => return Step::Turns(AlertState::Closed, why),
        };
        // Less than what opens an alert keeps one open.
        let shown = alert.is_some_and(|alert| alert.state.is_on_the_list());
        let fires = fired.filter(|&severity| shown || severity >= policy.opens);
        let says = if fires.is_some() { Some(true) } else { observed.then_some(false) };
        self.goes_on(says, date, gap);
        let lasted = |fires: bool, days: u32| {
            says == Some(fires) && self.run.is_some_and(|run| run.fires == fires && run.days >= days)
        };
        let (confirmed, quiet) = (lasted(true, policy.confirm_days), lasted(false, policy.quiet_days));
        let stayed_quiet = lasted(false, policy.quiet_days.saturating_add(policy.cooldown_days));
        let after = |since: Date, days: u32| i64::from(date - since) >= i64::from(days);
        let Some(alert) = alert else {
            self.silence = self.silence.and_then(|silence| silence.on(date, quiet));
            let heard = fires.is_some_and(|severity| self.silence.is_none_or(|silence| severity > silence.above));
            return if confirmed && heard { Step::Wants } else { Step::Stays };
        };
        let worse = fires.is_some_and(|severity| severity > alert.severity);
        match alert.state {
            AlertState::Held if confirmed => Step::Wants,
            AlertState::Held if quiet => Step::Turns(AlertState::CooledDown, ChangeReason::Quiet),
            AlertState::Held | AlertState::Closed => Step::Stays,
            // What never was on the list has to find room as if it were new.
            AlertState::CooledDown if confirmed && alert.before == AlertState::Held => Step::Wants,
            AlertState::CooledDown if confirmed && worse => Step::Turns(AlertState::Escalated, ChangeReason::Worse),
            AlertState::CooledDown if confirmed => Step::Turns(alert.before, ChangeReason::FiredAgain),
            // Quiet on end, and not only today: who fires for a day or is out of sight for a month has not been quiet.
            AlertState::CooledDown if stayed_quiet && after(alert.since, policy.cooldown_days) => {
                Step::Turns(AlertState::Closed, ChangeReason::StayedQuiet)
            }
            AlertState::CooledDown => Step::Stays,
            _ if worse => Step::Turns(AlertState::Escalated, ChangeReason::Worse),
            _ if quiet => Step::Turns(AlertState::CooledDown, ChangeReason::Quiet),
            AlertState::Snoozed if alert.snoozed_until.is_none_or(|until| date >= until) => {
                Step::Turns(AlertState::Open, ChangeReason::SnoozeOver)
            }
            AlertState::Open
                if fires.is_some() && policy.escalate_after.is_some_and(|days| after(alert.since, days)) =>
            {
                Step::Turns(AlertState::Escalated, ChangeReason::Unacknowledged)
            }
            AlertState::Open | AlertState::Escalated | AlertState::Acknowledged | AlertState::Snoozed => Step::Stays,
        }
    }

    fn goes_on(&mut self, says: Option<bool>, date: Date, gap: u32) {
        match (says, &mut self.run) {
            (None, run) => {
                if let Some(run) = run {
                    run.whole = false;
                }
            }
            (Some(fires), Some(run)) if run.fires == fires => {
                run.days = run.days.saturating_add(if run.whole { gap } else { 0 });
                run.whole = true;
            }
            (Some(fires), run) => *run = Some(Run { fires, since: date, days: 0, whole: true }),
        }
    }
}

impl Silence {
    /// What is left of it.
    fn on(mut self, date: Date, quiet: bool) -> Option<Self> {
        self.once_quiet &= !quiet;
        (self.once_quiet || date < self.until).then_some(self)
    }
}
