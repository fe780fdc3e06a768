//! From which past, and from which signals, weights are learnt.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::health::signal::{HealthMeasure, HealthSignal};
use crate::portfolio::Portfolio;
use crate::trigger::{BackTestOptions, ChurnEvent, Every, Plan};

/// From here on a month of use can be held against the one before.
const ENOUGH_HISTORY: i32 = 56;

/// How [`Portfolio::fit_health`](crate::Portfolio::fit_health) should learn.
///
/// Dates, lead, horizon and churn are those of a [back-test](BackTestOptions), from which one can be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthFitOptions {
    pub(super) past: BackTestOptions,
    pub(super) signals: Vec<HealthSignal>,
}

impl HealthFitOptions {
    /// With the default options: all measures, at past dates every 28 days, against who left 15 to 74 days later.
    #[must_use]
    pub fn new() -> Self {
        Self::from(BackTestOptions::new().horizon_days(60))
    }

    /// The first past date. 56 days after the beginning of the observation unless told: by then a month can be held against
    /// the one before. That is earlier than in a back-test, whose triggers ask for a longer past.
    #[must_use]
    pub fn from_date(mut self, from: Date) -> Self {
        self.past = self.past.from(from);
        self
    }

    /// The last past date; as [`BackTestOptions::to`].
    #[must_use]
    pub fn to_date(mut self, to: Date) -> Self {
        self.past = self.past.to(to);
        self
    }

    /// How often accounts are looked at. 28 days unless told, as [`BackTestOptions::every`].
    #[must_use]
    pub fn every(mut self, every: impl Into<Every>) -> Self {
        self.past = self.past.every(every);
        self
    }

    /// What counts as churn; as [`BackTestOptions::churn`].
    #[must_use]
    pub fn churn(mut self, churn: ChurnEvent) -> Self {
        self.past = self.past.churn(churn);
        self
    }

    /// Who leaves within so many days is leaving already, and is not learnt from. 14 unless told, as
    /// [`BackTestOptions::lead_days`].
    #[must_use]
    pub fn lead_days(mut self, days: u32) -> Self {
        self.past = self.past.lead_days(days);
        self
    }

    /// Within how many days after that accounts leave or do not. 60 unless told: two turns of a month, and short enough
    /// that recent dates can be learnt from.
    #[must_use]
    pub fn horizon_days(mut self, days: u32) -> Self {
        self.past = self.past.horizon_days(days);
        self
    }

    /// The level of confidence of all intervals. 0.95 unless told.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.past = self.past.confidence(confidence);
        self
    }

    /// The signals. All of [`HealthMeasure`] unless told; a signal that says nothing of who leaves gets a weight near 0, and
    /// one that is never observed is left out. Triggers cost more time than measures, and most say what some measure says.
    #[must_use]
    pub fn signals(mut self, signals: impl IntoIterator<Item = impl Into<HealthSignal>>) -> Self {
        self.signals = signals.into_iter().map(Into::into).collect();
        self
    }

    /// One more signal.
    #[must_use]
    pub fn with(mut self, signal: impl Into<HealthSignal>) -> Self {
        self.signals.push(signal.into());
        self
    }

    /// What is to be done, with the first date of a fit where none is named.
    pub(super) fn plan(&self, portfolio: &Portfolio) -> Result<Plan> {
        self.check()?;
        let first = self.past.first().unwrap_or(portfolio.activity().observed_from() + ENOUGH_HISTORY);
        self.past.clone().from(first).plan(portfolio)
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |value: String, reason| Err(Error::InvalidOption { option: "signals", value, reason });
        if self.signals.is_empty() {
            return refuse("[]".to_owned(), "there is nothing to learn from; take HealthMeasure::ALL");
        }
        let twice = (1..self.signals.len()).find(|&place| self.signals[..place].contains(&self.signals[place]));
        match twice {
            Some(place) => refuse(self.signals[place].name().to_owned(), "is there twice"),
            None => Ok(()),
        }
    }
}

impl Default for HealthFitOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<BackTestOptions> for HealthFitOptions {
    fn from(past: BackTestOptions) -> Self {
        Self { past, signals: HealthMeasure::ALL.map(HealthSignal::from).into() }
    }
}

impl From<ChurnEvent> for HealthFitOptions {
    fn from(churn: ChurnEvent) -> Self {
        Self::new().churn(churn)
    }
}
