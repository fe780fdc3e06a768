//! What to ask of reasons over time.

use serde::{Deserialize, Serialize};

use crate::calendar::{Date, Period, Weekday};
use crate::reason::at_risk::CustomersAtRisk;
use crate::reason::classes::{View, view};
use crate::statistics::Correction;

/// What [`ChurnRecords::reason_trends`](crate::ChurnRecords::reason_trends) should count and test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonTrendsOptions {
    pub(super) view: View,
    pub(super) period: Period,
    pub(super) as_of: Date,
    pub(super) observed_from: Option<Date>,
    pub(super) week_starts: Weekday,
    pub(super) at_risk: Option<CustomersAtRisk>,
    pub(super) change_on: Option<Date>,
    pub(super) correction: Correction,
    pub(super) confidence: f64,
}
view!(ReasonTrendsOptions);

impl ReasonTrendsOptions {
    /// Reasons by calendar periods, of the cancellations known up to a day: only whoever keeps the records knows whether
    /// those of yesterday are in.
    #[must_use]
    pub fn new(period: Period, as_of: Date) -> Self {
        Self {
            view: View::default(),
            period,
            as_of,
            observed_from: None,
            week_starts: Weekday::Mon,
            at_risk: None,
            change_on: None,
            correction: Correction::Holm,
            confidence: 0.95,
        }
    }

    /// The first day of which all cancellations are recorded. The default is that of the first record, for nothing better
    /// is known: the period that it lies in is then whole only if it begins on it.
    #[must_use]
    pub fn observed_from(mut self, first: Date) -> Self {
        self.observed_from = Some(first);
        self
    }

    /// The weekday on which weeks start. The default is Monday, as ISO 8601 has it.
    #[must_use]
    pub fn week_starts(mut self, weekday: Weekday) -> Self {
        self.week_starts = weekday;
        self
    }

    /// How many customers could have cancelled, so that there are rates. By default there are only shares.
    #[must_use]
    pub fn at_risk(mut self, customers: CustomersAtRisk) -> Self {
        self.at_risk = Some(customers);
        self
    }

    /// The day on which something was done about a reason: the whole periods from it on are compared with those before. A
    /// period that it cuts in two is on neither side. By default no change is tested.
    #[must_use]
    pub fn change_on(mut self, day: Date) -> Self {
        self.change_on = Some(day);
        self
    }

    /// How p-values are corrected for the number of reasons. The default is [`Correction::Holm`], for the shares of reasons
    /// depend on each other, and Holm's promise does not mind.
    #[must_use]
    pub fn correction(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }

    /// The level of confidence of all intervals. The default is 0.95, the custom of the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }
    pub(in crate::reason) fn view(&self) -> View {
        self.view
    }
}
