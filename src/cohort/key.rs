//! A cohort of a triangle, and how it is named.

use serde::{Deserialize, Serialize};

use crate::calendar::{Coverage, Date, Span};

/// The members of one cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// The label, where cohorts are labels; `None` where they are periods, and for the members without a label.
    pub label: Option<String>,
    /// The period of the starts; where cohorts are labels, the first and the last start, and the observation for a label
    /// without members.
    pub span: Span,
    /// How many members: entries into this cohort, each actor once.
    pub size: u64,
    /// [`Coverage::Truncated`] if the period begins before the observation: then some of its actors may be old ones,
    /// first seen when logging began. [`Coverage::Open`] if it has not ended: then more may come. Labels are
    /// [`Coverage::Observed`].
    pub coverage: Coverage,
}

impl Cohort {
    pub(super) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

/// Names a cohort of a triangle: by a day of its period, or by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CohortKey<'a> {
    /// The cohort whose period holds this day.
    Day(Date),
    /// The cohort of this label, or that of the members without one.
    Label(Option<&'a str>),
}

impl From<Date> for CohortKey<'_> {
    fn from(day: Date) -> Self {
        Self::Day(day)
    }
}

impl From<&Date> for CohortKey<'_> {
    fn from(day: &Date) -> Self {
        Self::Day(*day)
    }
}

impl<'a> From<&'a str> for CohortKey<'a> {
    fn from(label: &'a str) -> Self {
        Self::Label(Some(label))
    }
}

impl<'a> From<Option<&'a str>> for CohortKey<'a> {
    fn from(label: Option<&'a str>) -> Self {
        Self::Label(label)
    }
}

impl std::fmt::Display for CohortKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Label(label) => f.pad(label.unwrap_or("no label")),
        }
    }
}
