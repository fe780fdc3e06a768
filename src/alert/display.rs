//! The desk on one screen.

use std::fmt;

use super::desk::AlertDesk;
use super::plan::AlertOutcome;
use super::state::AlertState;

/// So many alerts are shown.
const SHOWN: usize = 8;

impl AlertOutcome {
    /// All outcomes.
    pub const ALL: [Self; 6] =
        [Self::Resolved, Self::Unfounded, Self::Accepted, Self::Redundant, Self::Gone, Self::Faded];

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Unfounded => "unfounded",
            Self::Accepted => "accepted",
            Self::Redundant => "redundant",
            Self::Gone => "gone",
            Self::Faded => "faded",
        }
    }
}

impl fmt::Display for AlertOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for AlertDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(as_of) = self.as_of else { return write!(f, "No findings yet") };
        writeln!(f, "{} alerts of {} accounts up to {as_of}", self.alerts.len(), self.accounts.len())?;
        let types = &self.playbook.alert_types;
        let wide = types.iter().map(|own| own.cause.len()).max().unwrap_or(0).max("cause".len());
        write!(f, "\n{:<wide$}", "cause")?;
        for state in AlertState::ALL {
            write!(f, " {:>12}", state.name().replace('_', " "))?;
        }
        for (cause, own) in (0_u32..).zip(types) {
            let alerts = self.alerts.iter().filter(|alert| alert.cause == cause);
            if alerts.clone().next().is_none() {
                continue;
            }
            write!(f, "\n{:<wide$}", own.cause)?;
            for state in AlertState::ALL {
                write!(f, " {:>12}", alerts.clone().filter(|alert| alert.standing.state == state).count())?;
            }
        }
        let outcome = |outcome: AlertOutcome| {
            let is = |reason: u32| self.playbook.reasons[reason as usize].outcome == outcome;
            let count = self.alerts.iter().filter(|alert| alert.reason.is_some_and(is)).count();
            (count > 0).then(|| format!("{count} {outcome}"))
        };
        let closed: Vec<String> = AlertOutcome::ALL.into_iter().filter_map(outcome).collect();
        if !closed.is_empty() {
            write!(f, "\n\nclosed: {}", closed.join(", "))?;
        }
        let open = self.open();
        for alert in open.iter().take(SHOWN) {
            let value = alert.recurring_value.map_or(String::new(), |value| format!(", {value:.0} a month"));
            let (account, name, severity, state, since) =
                (alert.account, alert.name, alert.severity, alert.state, alert.since);
            write!(f, "\n\n{account} ({severity}{value}): {name}, {state} since {since}")?;
            if let Some(sentence) = alert.sentence {
                write!(f, "\n  {sentence}")?;
            }
        }
        let more = open.len().saturating_sub(SHOWN);
        if more > 0 { write!(f, "\n\n{more} more are in open()") } else { Ok(()) }
    }
}
