//! The plain rule that every other trigger has to beat.

use serde::{Deserialize, Serialize};

use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot};
use crate::print::counted;

/// The name under which its findings stand.
pub(super) const NAME: &str = "days_since_last_event";

/// How long ago an account was last active.
///
/// ```text
/// silence = as_of - last active day                 0 if it was active on the day itself
/// fires where silence >= days                       low; medium from twice, high from three times as many days
/// ```
///
/// Of an account that was never active the silence is counted from its first subscription or, if that is not known or
/// lies before it, from the beginning of the observation. `observed` and the score are the silence, and `since` is the
/// first silent day.
///
/// This is what one has without any product, so it is what the [back-test](crate::Portfolio::back_test) holds the other
/// triggers against. It is not in [`TriggerSet::standard`](crate::TriggerSet::standard): a silence that is long for one
/// account is usual for another, which is why there are better ones.
///
/// # Example
///
/// ```
/// use attrition::{Activity, Calendar, DaysSinceLastEvent, EventColumns, Portfolio, TriggerSet, date};
/// use attrition::polars::prelude::*;
///
/// let mut events = df!("company" => ["acme", "brix"], "day" => [19_723, 19_755])?;
/// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
/// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
/// let portfolio = Portfolio::new(activity)?;
///
/// let findings = portfolio.triggers(date(2024, 2, 2), TriggerSet::new().with(DaysSinceLastEvent::new()))?;
/// let acme = findings.fired().next().unwrap();
/// assert_eq!((acme.observed, acme.since), (Some(32.0), Some(date(2024, 1, 2))));
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaysSinceLastEvent {
    days: u32,
}

impl DaysSinceLastEvent {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { days: 30 }
    }

    /// From how many days of silence on it fires. 30 unless told: a month in which nobody came is what most teams
    /// look for first.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }
}

impl Default for DaysSinceLastEvent {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for DaysSinceLastEvent {
    fn name(&self) -> &'static str {
        NAME
    }

    fn judge<'a>(&'a self, _portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        if self.days == 0 {
            let reason = "an account that is active today has been silent for 0 days, so 1 is the least";
            return Err(Error::InvalidOption { option: "days", value: self.days.to_string(), reason });
        }
        Ok(Box::new(|account| self.of(account)))
    }
}

impl DaysSinceLastEvent {
    fn of(&self, account: &Account<'_>) -> Signal {
        let silence = silence(account);
        let severity = match silence / self.days {
            3.. => Severity::High,
            2 => Severity::Medium,
            _ => Severity::Low,
        };
        let signal = if silence >= self.days { Signal::fired(severity) } else { Signal::quiet() };
        let signal = signal.observed(f64::from(silence)).statistic(f64::from(silence)).score(f64::from(silence));
        let last = account.last_active();
        signal.since(last.filter(|_| silence > 0).map(|last| last + 1)).because(|| {
            let days = counted(silence.into(), "day");
            match last {
                Some(last) => format!("nobody was active for {days}, last on {last}: ask what has changed"),
                None => format!("nobody was ever active, in {days}: ask what is in the way"),
            }
        })
    }
}

/// Days since the last event; of an account that was never active since it could have been.
pub(crate) fn silence(account: &Account<'_>) -> u32 {
    account.silence().unwrap_or_else(|| {
        let begun = account.member_since().map_or(account.observed_from(), |since| since.max(account.observed_from()));
        account.as_of().days_since_epoch().abs_diff(begun.days_since_epoch())
    })
}
