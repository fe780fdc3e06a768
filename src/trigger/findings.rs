//! What all triggers say of all customers on a day.

use std::fmt;

use polars::prelude::DataFrame;

use super::set::{Judge, TriggerSet};
use super::signal::{Severity, Signal, State, decided};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::frame::{to_frame, write};
use crate::portfolio::{Portfolio, Snapshot};
use crate::statistics::{Correction, Interval};

to_frame!(Findings);

/// What one trigger says of one account.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding<'a> {
    /// The account.
    pub account: Id<'a>,
    /// The name of the trigger.
    pub trigger: &'a str,
    /// Whether it fired.
    pub state: State,
    /// How bad it is; `None` unless it fired.
    pub severity: Option<Severity>,
    /// What is missing where nothing was observed: the name of a table, or `history`.
    pub missing: Option<&'a str>,
    /// What was seen.
    pub observed: Option<f64>,
    /// What would have been expected.
    pub expected: Option<f64>,
    /// The number on which the decision rests.
    pub statistic: Option<f64>,
    /// The interval of the statistic, where it is a ratio with one.
    pub interval: Option<Interval>,
    /// The p-value of a test; `None` for a rule.
    pub p_value: Option<f64>,
    /// The p-value corrected for the number of tests of the trigger on the day.
    pub adjusted_p_value: Option<f64>,
    /// By what accounts are ranked within the trigger, larger being worse; `None` where nothing was observed.
    pub score: Option<f64>,
    /// Since when.
    pub since: Option<Date>,
    /// One sentence a person can act on; `None` unless it fired.
    pub sentence: Option<&'a str>,
}

/// The findings of a day: what every trigger says of every customer.
#[derive(Clone, Debug)]
pub struct Findings {
    as_of: Date,
    accounts: Ids,
    triggers: Vec<String>,
    correction: Correction,
    level: f64,
    left: Ids,
    lapsed: Ids,
    /// Account by account, trigger by trigger.
    signals: Vec<Signal>,
    adjusted: Vec<f64>,
    /// Per account the recurring value a month.
    values: Vec<Option<f64>>,
}

impl Portfolio {
    /// Asks every trigger of a set about every customer, as the portfolio was known at the end of `as_of`.
    ///
    /// Accounts that have left or lapsed by then are not asked about: [`Membership`](crate::Membership) says when that is.
    /// The p-values of each trigger's tests are corrected together as the set asks, and a test fires where it matters and its
    /// corrected p-value is at most the level.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a day outside the observation, for an empty set, and for options of the set or of a
    /// trigger that make no sense.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, PaymentColumns, PaymentTrouble, Portfolio, State, TriggerSet, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("company" => ["acme", "brix"], "day" => [19_720, 19_725])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let mut invoices = df!("company" => ["acme"], "due" => [19_715], "amount" => [99.0])?;
    /// invoices.apply("due", |day| day.cast(&DataType::Date).unwrap())?;
    /// let columns = PaymentColumns::new("company", "due").amount("amount");
    /// let portfolio = Portfolio::new(activity)?.payments(&invoices, &columns)?;
    ///
    /// let findings = portfolio.triggers(date(2024, 1, 3), TriggerSet::new().with(PaymentTrouble::new()))?;
    /// let fired: Vec<_> = findings.fired().map(|finding| finding.sentence.unwrap()).collect();
    /// assert_eq!(fired, ["an invoice is unpaid of 99.00, the first for 10 days: remind the payer before access is stopped"]);
    /// assert_eq!(findings.of("brix").next().unwrap().state, State::Quiet);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn triggers(&self, as_of: Date, set: impl Into<TriggerSet>) -> Result<Findings> {
        let set = set.into();
        let snapshot = self.at(as_of)?;
        let (signals, adjusted) = judge(&snapshot, &set)?;
        let [accounts, left, lapsed] = snapshot.ids();
        let values = snapshot.judge(|account| account.recurring_value());
        Ok(Findings {
            as_of,
            accounts,
            triggers: set.names().map(str::to_owned).collect(),
            correction: set.correction,
            level: set.level,
            left,
            lapsed,
            signals,
            adjusted,
            values,
        })
    }
}

/// What every trigger says of every customer, customer by customer, with the corrected p-values, and decided.
pub(super) fn judge(snapshot: &Snapshot<'_>, set: &TriggerSet) -> Result<(Vec<Signal>, Vec<f64>)> {
    let mut signals = Learnt::new(snapshot, set)?.ask(|signal| signal);
    let adjusted = corrected(set, signals.iter().map(Signal::test))?;
    for (signal, &adjusted) in signals.iter_mut().zip(&adjusted).filter(|(signal, _)| signal.p_value.is_some()) {
        signal.decide(adjusted, set.level);
    }
    Ok((signals, adjusted))
}

/// The state of every trigger about every customer, customer by customer, decided.
pub(crate) fn states(snapshot: &Snapshot<'_>, set: &TriggerSet) -> Result<Vec<State>> {
    Ok(Learnt::new(snapshot, set)?.signs()?.into_iter().map(|sign| sign.state).collect())
}

/// The triggers of a set that have learnt what they need from the customers of a day.
pub(crate) struct Learnt<'a> {
    snapshot: &'a Snapshot<'a>,
    set: &'a TriggerSet,
    judges: Vec<Judge<'a>>,
}

/// The least that one has to know of what a trigger says of a customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sign {
    pub(crate) state: State,
    /// `None` unless it fired.
    pub(crate) severity: Option<Severity>,
    /// The corrected p-value of a test, and 0 of a rule: the smaller, the surer.
    pub(crate) p_value: f64,
}

impl<'a> Learnt<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot<'a>, set: &'a TriggerSet) -> Result<Self> {
        set.check()?;
        let judges = set.triggers.iter().map(|trigger| trigger.judge(snapshot)).collect::<Result<Vec<_>>>()?;
        Ok(Self { snapshot, set, judges })
    }

    /// What is to be kept of all that every trigger says of every customer, customer by customer, tests being undecided.
    pub(super) fn ask<T: Send>(&self, keep: impl Fn(Signal) -> T + Sync) -> Vec<T> {
        self.snapshot.judge_each(self.judges.len(), |account, number| keep(self.judges[number](&account)))
    }

    /// What fires, customer by customer and trigger by trigger.
    pub(crate) fn signs(&self) -> Result<Vec<Sign>> {
        // One look at an account for all triggers; what is kept is small enough to be moved once more.
        let of = |account| {
            let signals = self.judges.iter().map(|judge| judge(&account));
            signals.map(|signal| (signal.state, signal.severity, signal.p_value)).collect::<Vec<_>>()
        };
        let told = self.snapshot.judge(of).concat();
        let tests = told.iter().map(|(_, severity, p_value)| p_value.map(|p_value| (p_value, severity.is_some())));
        let adjusted = corrected(self.set, tests)?;
        let sign = |((state, severity, p_value), adjusted): ((State, Option<Severity>, Option<f64>), f64)| {
            let state = p_value.map_or(state, |_| decided(severity.is_some(), adjusted, self.set.level));
            Sign::new(state, severity, adjusted)
        };
        Ok(told.into_iter().zip(adjusted).map(sign).collect())
    }

    /// The sentence of a trigger that fired about a customer, by the place of both among all.
    pub(crate) fn sentence(&self, place: usize) -> Option<String> {
        let account = self.snapshot.customer(place / self.judges.len())?;
        self.judges[place % self.judges.len()](account).sentence.map(String::from)
    }
}

impl Sign {
    fn new(state: State, severity: Option<Severity>, adjusted: f64) -> Self {
        let severity = severity.filter(|_| state == State::Fired);
        Self { state, severity, p_value: if adjusted.is_nan() { 0.0 } else { adjusted } }
    }
}

/// The p-values of all signals of a day, each with whether its effect matters, those of each trigger corrected together;
/// NaN for those that are not tests.
///
/// An effect that does not matter counts as a test whose p-value is 1: were it left to speak for itself, the sureness of
/// many small effects would let unsure large ones pass, and of what fires more would be false than was promised.
pub(super) fn corrected(set: &TriggerSet, tests: impl Iterator<Item = Option<(f64, bool)>>) -> Result<Vec<f64>> {
    let width = set.triggers.len();
    let mut adjusted = Vec::new();
    for (place, test) in tests.enumerate() {
        if let Some((p_value, _)) = test.filter(|(p_value, _)| !(0.0..=1.0).contains(p_value)) {
            let value = format!("{p_value:?} of {}", set.triggers[place % width].name());
            let reason = "a trigger gave this as a p-value, which lies between 0 and 1";
            return Err(Error::InvalidOption { option: "p_value", value, reason });
        }
        adjusted.push(test.map_or(f64::NAN, |(p_value, matters)| if matters { p_value } else { 1.0 }));
    }
    for trigger in 0..width {
        let places = || (trigger..adjusted.len()).step_by(width);
        let tested: Vec<usize> = places().filter(|&place| !adjusted[place].is_nan()).collect();
        let own: Vec<f64> = tested.iter().map(|&place| adjusted[place]).collect();
        for (place, p_value) in tested.into_iter().zip(set.correction.adjust(&own)) {
            adjusted[place] = p_value;
        }
    }
    Ok(adjusted)
}

impl Findings {
    /// The day at whose end everything was known.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// How many accounts were asked about.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// How many accounts were not asked about because they had cancelled or let their subscription end.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.len()
    }

    /// How many accounts were not asked about because they had lapsed.
    #[must_use]
    pub fn lapsed(&self) -> usize {
        self.lapsed.len()
    }

    /// The names of the triggers.
    #[must_use]
    pub fn triggers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.triggers.iter().map(String::as_str)
    }

    /// All findings, account by account in the order of the ids, and within an account in the order of the triggers.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Finding<'_>> {
        (0..self.signals.len()).map(|place| self.finding(place))
    }

    /// The findings that fired: the worst first, and of equally bad ones the surest, rules before tests.
    #[must_use]
    pub fn fired(&self) -> impl ExactSizeIterator<Item = Finding<'_>> {
        let mut fired: Vec<usize> =
            (0..self.signals.len()).filter(|&place| self.signals[place].state == State::Fired).collect();
        let order = |&place: &usize| {
            let adjusted = self.adjusted[place];
            (std::cmp::Reverse(self.signals[place].severity), if adjusted.is_nan() { 0 } else { adjusted.to_bits() })
        };
        fired.sort_by_key(order);
        fired.into_iter().map(|place| self.finding(place))
    }

    /// The findings of one account in the order of the triggers; none if it was not asked about.
    pub fn of<'i>(&self, account: impl Into<Id<'i>>) -> impl Iterator<Item = Finding<'_>> {
        let width = self.triggers.len();
        let place = self.accounts.position(account.into());
        place.into_iter().flat_map(move |place| place * width..(place + 1) * width).map(|place| self.finding(place))
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.accounts
    }

    /// The accounts that had left, and those that had lapsed.
    pub(crate) fn gone(&self) -> [&Ids; 2] {
        [&self.left, &self.lapsed]
    }

    /// What fires, account by account and trigger by trigger.
    pub(crate) fn signs(&self) -> Vec<Sign> {
        let sign = |(signal, &adjusted): (&Signal, &f64)| Sign::new(signal.state, signal.severity, adjusted);
        self.signals.iter().zip(&self.adjusted).map(sign).collect()
    }

    /// The recurring value of the account with a number.
    pub(crate) fn recurring_value(&self, number: usize) -> Option<f64> {
        self.values[number]
    }

    pub(crate) fn finding(&self, place: usize) -> Finding<'_> {
        let (signal, width) = (&self.signals[place], self.triggers.len());
        Finding {
            account: self.accounts.get(place / width),
            trigger: &self.triggers[place % width],
            state: signal.state,
            severity: signal.severity.filter(|_| signal.state == State::Fired),
            missing: signal.missing,
            observed: signal.observed,
            expected: signal.expected,
            statistic: signal.statistic,
            interval: signal.interval,
            p_value: signal.p_value,
            adjusted_p_value: Some(self.adjusted[place]).filter(|adjusted| !adjusted.is_nan()),
            score: signal.rank(),
            since: signal.since,
            sentence: signal.sentence.as_deref(),
        }
    }

    /// The findings as a frame, one row an account and trigger: ordered by account, then in the order of the triggers.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `as_of` | Date | the day at whose end everything was known |
    /// | `trigger` | String | the name of the trigger |
    /// | `state` | String | `fired`, `quiet` or `not_observed` |
    /// | `missing` | String | what is missing where nothing was observed: the name of a table, or `history`; null otherwise |
    /// | `severity` | String | `low`, `medium` or `high`; null unless fired |
    /// | `observed` | Float64 | what was seen; null where the trigger has no such number |
    /// | `expected` | Float64 | what would have been expected; likewise |
    /// | `statistic` | Float64 | the number on which the decision rests; likewise |
    /// | `lower`, `upper` | Float64 | the interval of a statistic that is a ratio; null for others |
    /// | `p_value` | Float64 | of a test; null for rules |
    /// | `adjusted_p_value` | Float64 | corrected for the number of tests of the trigger on the day, in which an effect that does not matter counts as 1; null for rules |
    /// | `score` | Float64 | ranks accounts within the trigger, larger being worse; null where nothing was observed |
    /// | `since` | Date | since when; null where that is not known |
    /// | `sentence` | String | what to do about it; null unless fired |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let width = self.triggers.len();
        let number = |of: fn(&Finding<'_>) -> Option<f64>| self.iter().map(|finding| of(&finding)).collect::<Vec<_>>();
        let text = |of: fn(&Finding<'_>) -> Option<&'static str>| {
            self.iter().map(|finding| of(&finding)).collect::<Vec<Option<&str>>>()
        };
        let places = (0..self.signals.len()).map(|place| u32::try_from(place / width).ok());
        let missing: Vec<Option<&str>> = self.iter().map(|finding| finding.missing).collect();
        let sentences: Vec<Option<&str>> = self.iter().map(|finding| finding.sentence).collect();
        let names: Vec<&str> = self.iter().map(|finding| finding.trigger).collect();
        write::frame(vec![
            write::gathered_ids("account", &self.accounts, places)?,
            write::dates("as_of", self.iter().map(|_| Some(self.as_of)))?,
            write::column("trigger", names),
            write::column("state", text(|finding| Some(finding.state.name()))),
            write::column("missing", missing),
            write::column("severity", text(|finding| finding.severity.map(Severity::name))),
            write::column("observed", number(|finding| finding.observed)),
            write::column("expected", number(|finding| finding.expected)),
            write::column("statistic", number(|finding| finding.statistic)),
            write::column("lower", number(|finding| finding.interval.map(|interval| interval.lower))),
            write::column("upper", number(|finding| finding.interval.map(|interval| interval.upper))),
            write::column("p_value", number(|finding| finding.p_value)),
            write::column("adjusted_p_value", number(|finding| finding.adjusted_p_value)),
            write::column("score", number(|finding| finding.score)),
            write::dates("since", self.iter().map(|finding| finding.since))?,
            write::column("sentence", sentences),
        ])
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { as_of, correction, level, .. } = self;
        let (left, lapsed) = (self.left(), self.lapsed());
        writeln!(f, "{} customers as of {as_of}; {left} had left, {lapsed} had lapsed", self.accounts())?;
        writeln!(f, "tests fire at {level} after {correction}")?;
        let wide = self.triggers.iter().map(String::len).max().unwrap_or(0).max("trigger".len());
        writeln!(f, "\n{:<wide$} {:>8} {:>8} {:>12}", "trigger", "fired", "quiet", "not observed")?;
        for (place, name) in self.triggers.iter().enumerate() {
            let own = self.signals.iter().skip(place).step_by(self.triggers.len());
            let count = |state| own.clone().filter(|signal| signal.state == state).count();
            let [fired, quiet, missing] = [State::Fired, State::Quiet, State::NotObserved].map(count);
            writeln!(f, "{name:<wide$} {fired:>8} {quiet:>8} {missing:>12}")?;
        }
        let accounts = self.worklist().iter().len();
        write!(f, "\n{accounts} accounts in worklist(), all findings in to_frame()")
    }
}
