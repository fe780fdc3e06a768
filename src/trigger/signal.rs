//! What a trigger says of one account.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::statistics::Interval;

/// The largest level that a set of triggers can be asked for: signals with a larger p-value never fire.
pub(super) const MOST_LEVEL: f64 = 0.2;

/// Whether a trigger fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// What it needs is missing: the table, or enough history. Nothing is known, which is not the same as quiet.
    NotObserved,
    /// It looked, and there was nothing.
    Quiet,
    /// It fired.
    Fired,
}

impl State {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotObserved => "not_observed",
            Self::Quiet => "quiet",
            Self::Fired => "fired",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How bad it is: how large the effect, not how sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look.
    Low,
    /// Worth a call.
    Medium,
    /// Worth dropping something else for.
    High,
}

impl Severity {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a trigger says of one account on one day.
///
/// A *rule* fires by itself. A *test* says how improbable what it saw would be if nothing had changed, and whether the
/// effect is large enough to matter; it fires where it matters and the p-value, corrected for the number of tests that
/// the trigger made on the day, is at most the level of the [`TriggerSet`](crate::TriggerSet).
///
/// ```
/// use attrition::{Severity, Signal};
///
/// let rule = Signal::fired(Severity::High).observed(40.0).expected(0.0).because(|| "an invoice is 40 days late".into());
/// let test = Signal::tested(0.003, Some(Severity::Medium)).observed(4.0).expected(11.5);
/// let nothing = Signal::not_observed("payments");
/// # let _ = (rule, test, nothing);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Signal {
    pub(super) state: State,
    pub(super) severity: Option<Severity>,
    pub(super) missing: Option<&'static str>,
    pub(super) observed: Option<f64>,
    pub(super) expected: Option<f64>,
    pub(super) statistic: Option<f64>,
    pub(super) interval: Option<Interval>,
    pub(super) p_value: Option<f64>,
    pub(super) score: Option<f64>,
    pub(super) since: Option<Date>,
    pub(super) sentence: Option<Box<str>>,
}

impl Signal {
    fn of(state: State) -> Self {
        Self {
            state,
            severity: None,
            missing: None,
            observed: None,
            expected: None,
            statistic: None,
            interval: None,
            p_value: None,
            score: None,
            since: None,
            sentence: None,
        }
    }

    /// Nothing can be said: the name of the table that is missing, or `"history"`.
    pub fn not_observed(missing: &'static str) -> Self {
        Self { missing: Some(missing), ..Self::of(State::NotObserved) }
    }

    /// A rule that holds for this account not.
    pub fn quiet() -> Self {
        Self::of(State::Quiet)
    }

    /// A rule that holds for this account.
    pub fn fired(severity: Severity) -> Self {
        Self { severity: Some(severity), ..Self::of(State::Fired) }
    }

    /// The result of a test: its p-value, one-sided towards churn, and how bad it would be; `None` where the effect is too
    /// small to matter or points the other way, whatever the p-value. Whether it fires is decided when all tests of the
    /// day are known.
    pub fn tested(p_value: f64, severity: Option<Severity>) -> Self {
        Self { severity, p_value: Some(p_value), ..Self::of(State::Quiet) }
    }

    /// The result of a test whose effect is too small to matter, where nobody asks for its p-value.
    pub(super) fn too_small() -> Self {
        Self::tested(1.0, None)
    }

    /// What was seen.
    pub fn observed(mut self, observed: f64) -> Self {
        self.observed = Some(observed);
        self
    }

    /// What would have been expected; `None` where nothing was.
    pub fn expected(mut self, expected: impl Into<Option<f64>>) -> Self {
        self.expected = expected.into();
        self
    }

    /// The number on which the decision rests: a rate ratio, a share, a count of days; `None` without one.
    pub fn statistic(mut self, statistic: impl Into<Option<f64>>) -> Self {
        self.statistic = statistic.into();
        self
    }

    /// The ratio of observed to expected as the statistic, with its interval.
    pub fn ratio(mut self, ratio: f64, lower: f64, upper: f64) -> Self {
        self.statistic = Some(ratio);
        self.interval = Some(Interval { lower, upper });
        self
    }

    /// By what accounts are ranked, larger being worse; 1 less the p-value of a test, and 1 or 0 for a rule, unless told.
    pub fn score(mut self, score: f64) -> Self {
        self.score = Some(score);
        self
    }

    /// Since when; `None` where that is not known.
    pub fn since(mut self, since: impl Into<Option<Date>>) -> Self {
        self.since = since.into();
        self
    }

    /// One sentence a person can act on. It is asked for only where the signal may fire.
    pub fn because(mut self, sentence: impl FnOnce() -> String) -> Self {
        if self.may_fire() {
            self.sentence = Some(sentence().into_boxed_str());
        }
        self
    }

    /// Whether it fired, or could do so at the least strict level.
    fn may_fire(&self) -> bool {
        self.state == State::Fired || self.severity.is_some() && self.p_value.is_some_and(|p| p <= MOST_LEVEL)
    }

    /// By what the account is ranked; `None` where nothing is observed.
    pub(super) fn rank(&self) -> Option<f64> {
        if self.state == State::NotObserved {
            return None;
        }
        let own = self.score.or_else(|| self.p_value.map(|p| 1.0 - p));
        Some(own.unwrap_or(if self.state == State::Fired { 1.0 } else { 0.0 }))
    }

    /// The p-value of a test, and whether its effect matters.
    pub(super) fn test(&self) -> Option<(f64, bool)> {
        self.p_value.map(|p_value| (p_value, self.severity.is_some()))
    }

    /// Decides a test.
    pub(super) fn decide(&mut self, adjusted: f64, level: f64) {
        self.state = decided(self.severity.is_some(), adjusted, level);
        if self.state == State::Quiet {
            self.severity = None;
            self.sentence = None;
        }
    }
}

/// What becomes of a test: it fires where the effect matters and the corrected p-value is at most the level.
pub(super) fn decided(matters: bool, adjusted: f64, level: f64) -> State {
    if matters && adjusted <= level { State::Fired } else { State::Quiet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_fire_when_they_are_decided() {
        let sentence = || "it fell".to_owned();
        let mut signal = Signal::tested(0.01, Some(Severity::Low)).because(sentence);
        assert_eq!(
            (signal.state, signal.sentence.as_deref(), signal.rank()),
            (State::Quiet, Some("it fell"), Some(0.99))
        );
        signal.decide(0.04, 0.05);
        assert_eq!(signal.state, State::Fired);
        signal.decide(0.06, 0.05);
        assert_eq!((signal.state, signal.severity, signal.sentence), (State::Quiet, None, None));
        // However sure, an effect that does not matter does not fire.
        let mut small = Signal::tested(1e-9, None).because(sentence);
        small.decide(1e-9, 0.05);
        assert_eq!((small.state, small.sentence), (State::Quiet, None));
    }

    #[test]
    fn ranks() {
        assert_eq!(Signal::not_observed("history").rank(), None);
        assert_eq!(Signal::quiet().rank(), Some(0.0));
        assert_eq!(Signal::fired(Severity::Low).rank(), Some(1.0));
        assert_eq!(Signal::quiet().score(7.5).rank(), Some(7.5));
    }
}
