//! Poor health as a trigger, so that alerts may open on it.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::health::{HealthBand, HealthOptions};
use crate::portfolio::Snapshot;
use crate::trigger::{Judge, Severity, Signal, Trigger};

/// Whether an account is in poor health.
///
/// ```text
/// fires      where the band of the account is poor: medium
/// quiet      where it is average or good
/// ```
///
/// A rule. `observed` and `statistic` are the score, 0 to 100, the ranking score is 100 less it, and the sentence says
/// which signals cost most. Not observed is an account without a band, of which too little was observed (`health`).
///
/// A health score sums up what other triggers look at one by one, so it is not in
/// [`TriggerSet::standard`](crate::TriggerSet::standard); it tells what they do not where many things are a little wrong. The
/// standard playbook has an alert type for it.
///
/// # Example
///
/// ```
/// use attrition::{Activity, Calendar, EventColumns, HealthMeasure, HealthProfile, HealthScale, PoorHealth, Portfolio};
/// use attrition::{TriggerSet, date};
/// use attrition::polars::prelude::*;
///
/// let mut events = df!("company" => ["acme", "brix", "acme"], "day" => [19_723, 19_723, 19_752])?;
/// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
/// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
/// let portfolio = Portfolio::new(activity)?;
///
/// let profile =
///     HealthProfile::new("ours").weigh(HealthMeasure::DaysSinceLastEvent, 1.0, HealthScale::new(30.0, 0.0));
/// let findings = portfolio.triggers(date(2024, 1, 30), TriggerSet::new().with(PoorHealth::new(profile)))?;
/// let poor: Vec<_> = findings.fired().map(|finding| finding.account.to_string()).collect();
/// assert_eq!(poor, ["brix"]);
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoorHealth {
    options: HealthOptions,
}

impl PoorHealth {
    /// By the scores of these options, or of a profile. Replayed over past dates, a fitted score knows what came after them.
    #[must_use]
    pub fn new(options: impl Into<HealthOptions>) -> Self {
        Self { options: options.into() }
    }
}

impl Default for PoorHealth {
    /// By the standard profiles.
    fn default() -> Self {
        Self::new(HealthOptions::default())
    }
}

impl Trigger for PoorHealth {
    fn name(&self) -> &'static str {
        "poor_health"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        let health = portfolio.portfolio().health(portfolio.as_of(), self.options.clone())?;
        Ok(Box::new(move |account| {
            let own = health.of(account.id());
            let Some((own, score, band)) = own.and_then(|own| Some((own, own.score?, own.band?))) else {
                return Signal::not_observed("health");
            };
            let signal = if band == HealthBand::Poor { Signal::fired(Severity::Medium) } else { Signal::quiet() };
            signal.observed(score).statistic(score).score(100.0 - score).because(|| own.sentence())
        }))
    }
}
