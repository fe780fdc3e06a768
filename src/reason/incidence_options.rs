//! Of whom the incidence of reasons is asked, and how.

use serde::{Deserialize, Serialize};

use super::classes::{View, view};
use crate::calendar::Date;
use crate::survival::{GrayTestsOptions, SurvivalInterval};

/// The columns of a frame of customers, of whom some have left: one row a customer, or one for each start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerColumns {
    pub(super) account: String,
    pub(super) started_on: String,
    pub(super) group: Option<String>,
}

impl CustomerColumns {
    /// The column with the customer, of the kind that the customers of the records are, and the column with the first day:
    /// a `Date`, or a `Datetime` in UTC.
    #[must_use]
    pub fn new(account: impl Into<String>, started_on: impl Into<String>) -> Self {
        Self { account: account.into(), started_on: started_on.into(), group: None }
    }

    /// The column with the plan, the segment, or whatever groups are to be compared. Where a field of the records goes before
    /// it, see [`by`](ReasonIncidenceOptions::by), both have to call a group by the same name.
    #[must_use]
    pub fn group(mut self, column: impl Into<String>) -> Self {
        self.group = Some(column.into());
        self
    }
}

/// By which of its fields a record is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordGroup {
    /// In that of its plan.
    Plan,
    /// In that of its segment.
    Segment,
}

impl RecordGroup {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Segment => "segment",
        }
    }
}

/// What [`ChurnRecords::reason_incidence`](crate::ChurnRecords::reason_incidence) should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonIncidenceOptions {
    pub(super) view: View,
    pub(super) as_of: Date,
    pub(super) observed_from: Option<Date>,
    pub(super) by: Option<RecordGroup>,
    pub(super) interval: SurvivalInterval,
    pub(super) confidence: f64,
    pub(super) tests: GrayTestsOptions,
}
view!(ReasonIncidenceOptions);

impl ReasonIncidenceOptions {
    /// Cancellations known up to a day. Whoever has not cancelled by then is followed up to it.
    #[must_use]
    pub fn new(as_of: Date) -> Self {
        Self {
            view: View::default(),
            as_of,
            observed_from: None,
            by: None,
            interval: SurvivalInterval::default(),
            confidence: 0.95,
            tests: GrayTestsOptions::new(),
        }
    }

    /// The first day of which all cancellations are recorded. Customers who started before it are at risk from it on only:
    /// had they left before, nobody would know. By default records go back to the first customer.
    #[must_use]
    pub fn observed_from(mut self, first: Date) -> Self {
        self.observed_from = Some(first);
        self
    }

    /// By which of its fields a record is in a group. It goes before the group that the frame has, which is needed for those
    /// who stayed, and has to have the same name: `Pro` and `pro` are two groups, of which one loses everybody and the other
    /// nobody. By default the frame alone decides, and all are one group where it has none.
    #[must_use]
    pub fn by(mut self, group: RecordGroup) -> Self {
        self.by = Some(group);
        self
    }

    /// The scale of the intervals. The default is [`SurvivalInterval::LogLog`], as in
    /// [`CumulativeIncidenceOptions::interval`](crate::CumulativeIncidenceOptions::interval).
    #[must_use]
    pub fn interval(mut self, interval: SurvivalInterval) -> Self {
        self.interval = interval;
        self
    }

    /// The level of confidence of all intervals. The default is 0.95, the custom of the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// How groups are compared. The default is [`GrayTestsOptions::new`].
    #[must_use]
    pub fn tests(mut self, tests: GrayTestsOptions) -> Self {
        self.tests = tests;
        self
    }
}

impl From<Date> for ReasonIncidenceOptions {
    fn from(as_of: Date) -> Self {
        Self::new(as_of)
    }
}
