//! Poor health as a trigger, so that alerts may open on it.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::activity::SegmentColumns;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::health::{HealthBand, HealthOptions, Labels, Scores};
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
    segments: Option<Labels>,
    hindsight: Hindsight,
}

/// Whether fitted weights may be asked about days of which they know already what came after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hindsight {
    /// They may not: asking is an error.
    Refused,
    /// They may, and whatever they say of such days says so.
    Allowed,
}

impl PoorHealth {
    /// By the scores of these options, or of a profile. The segment of an account is its plan.
    #[must_use]
    pub fn new(options: impl Into<HealthOptions>) -> Self {
        Self { options: options.into(), segments: None, hindsight: Hindsight::Refused }
    }

    /// The same with segments of a frame of accounts in the place of plans, as in
    /// [`health_by`](crate::Portfolio::health_by). Accounts that the frame does not know have none.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`] and [`Error::TwoSegments`] of the frame;
    /// [`Error::InvalidOption`] for the profile of a segment that the frame does not have.
    pub fn by(options: impl Into<HealthOptions>, segments: &DataFrame, columns: &SegmentColumns) -> Result<Self> {
        let (poor, labels) = (Self::new(options), Labels::new(segments, columns)?);
        poor.options.check_segments(labels.names())?;
        Ok(Self { segments: Some(labels), ..poor })
    }

    /// Whether fitted weights may be asked about days before [`knows_until`](crate::FittedHealth::knows_until).
    /// [`Hindsight::Refused`] unless told: such alerts look wiser than any could have been, and a back-test of them is none. To
    /// replay the past honestly, fit to dates before it ([`to_date`](crate::HealthFitOptions::to_date)).
    #[must_use]
    pub fn hindsight(mut self, hindsight: Hindsight) -> Self {
        self.hindsight = hindsight;
        self
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
        let knows = self.options.hindsight_on(portfolio.as_of());
        if let Some(until) = knows.filter(|_| self.hindsight == Hindsight::Refused) {
            let reason = "the weights know what became of accounts after this day; fit them to earlier dates \
                          (HealthFitOptions::to_date), or insist with PoorHealth::hindsight(Hindsight::Allowed)";
            let value = format!("{}, before {until},", portfolio.as_of());
            return Err(Error::InvalidOption { option: "as_of", value, reason });
        }
        let scores = Scores::new(portfolio, &self.options, self.segments.as_ref())?;
        Ok(Box::new(move |account| {
            let scored = scores.of(account);
            let Some((score, band)) = scored.found() else { return Signal::not_observed("health") };
            let signal = if band == HealthBand::Poor { Signal::fired(Severity::Medium) } else { Signal::quiet() };
            signal.observed(score).statistic(score).score(100.0 - score).because(|| {
                let sentence = scores.sentence(account, scored);
                if knows.is_some() { format!("in hindsight {sentence}") } else { sentence }
            })
        }))
    }

    fn knows_until(&self) -> Option<Date> {
        self.options.knows_until()
    }
}
