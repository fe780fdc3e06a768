//! How much of a stretch of days has been seen.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Date, Span};

/// How much of a stretch of days lies within the observation.
///
/// A count over a stretch that is not [`Observed`](Self::Observed) must not be compared with one over a stretch that
/// is: its number is smaller because less was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// All of it: zero means that there was nobody.
    Observed,
    /// It begins before the observation and has ended: what was before is unknown.
    Truncated,
    /// It has begun and not ended on the day as of which the activity is seen: its number can still grow.
    Open,
    /// None of it: it lies after the observation, or before it.
    Unobserved,
}

impl Coverage {
    /// The coverage of `span` by an observation from `first` to `last`.
    pub(crate) fn of(span: Span, first: Date, last: Date) -> Self {
        if span.start > last || span.end < first {
            Self::Unobserved
        } else if span.end > last {
            Self::Open
        } else if span.start < first {
            Self::Truncated
        } else {
            Self::Observed
        }
    }

    /// The lower-case English name, as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Truncated => "truncated",
            Self::Open => "open",
            Self::Unobserved => "unobserved",
        }
    }

    /// The sign behind a number in printed tables.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Observed => "",
            Self::Truncated => "~",
            Self::Open => "*",
            Self::Unobserved => "?",
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::date;
    use super::*;

    #[test]
    fn coverage_of_every_position() {
        let (first, last) = (date(2024, 3, 10), date(2024, 3, 20));
        let coverage = |from: i32, to: i32| Coverage::of(Span { start: first + from, end: first + to }, first, last);
        assert_eq!(coverage(0, 10), Coverage::Observed);
        assert_eq!(coverage(-1, 10), Coverage::Truncated);
        assert_eq!(coverage(0, 11), Coverage::Open);
        assert_eq!(coverage(-1, 11), Coverage::Open);
        assert_eq!(coverage(11, 12), Coverage::Unobserved);
        assert_eq!(coverage(-3, -1), Coverage::Unobserved);
    }
}
