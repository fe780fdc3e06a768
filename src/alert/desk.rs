//! The desk: all alerts, and what people do about them.

use serde::{Deserialize, Serialize};

use super::case::{Case, Silence};
use super::plan::{AlertType, SilencedUntil};
use super::playbook::Playbook;
use super::policy::AlertPolicy;
use super::record::{Alert, AlertChange, Change, Record, StepDone};
use super::state::{AlertState, ChangeReason};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, IdType, Ids};
use crate::trigger::Severity;

/// What people do is taken down for so many days after the last findings.
const DEEDS: i32 = 31;

/// All alerts of a company: which are open, what became of the others, and why.
///
/// It is a state that goes from date to date: [`advance`](Self::advance) takes the findings of the next date and says what
/// they change; in between people acknowledge, snooze and close. It is stored with serde, and goes on from a file as if it had never
/// been away. When alerts open and close is told at [`AlertPolicy`], what they are about and what to do is told in the
/// [`Playbook`].
///
/// - An account has one alert a cause at most that is not closed, and each alert has one owner, one plan and one log.
/// - What is not observed neither opens an alert nor closes one. That holds for each trigger: an alert cools down once all
///   triggers that raised it were seen to be quiet. An account that the findings do not know at all is not observed.
/// - An account that left, or lapsed, closes its alerts under these reasons, and never counts as resolved.
/// - Within any seven days no more alerts come on the list anew than the policy allows; one that was on it, cooled down and
///   comes back before it is closed is the same alert, and beyond that number. Of those that fire for long enough the more severe come
///   first, then those with the smaller priority of their alert type, the larger recurring value, and the surer finding. The others are
///   held: they stand in [`alerts`](Self::alerts) and in the log, and open as soon as there is room if they still fire. They
///   cool down and come back as the others do, and close as faded where nobody was told of them.
/// - What somebody closed stays closed: the same cause opens nothing for as long as the policy and the decision reason say,
///   but for what is more severe than it was.
///
/// # Example
///
/// ```
/// use attrition::{Activity, AlertDesk, AlertPolicy, AlertState, Calendar, EventColumns, PaymentColumns, PaymentTrouble};
/// use attrition::{Playbook, Portfolio, TriggerSet, date};
/// use attrition::polars::prelude::*;
///
/// // acme pays the invoice of 1 March on 25 March.
/// let mut events = df!("company" => ["acme", "acme"], "day" => [19_723, 19_872])?;
/// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
/// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
/// let mut invoices = df!("company" => ["acme"], "due" => [19_783], "paid" => [19_807])?;
/// for column in ["due", "paid"] {
///     invoices.apply(column, |day| day.cast(&DataType::Date).unwrap())?;
/// }
/// let columns = PaymentColumns::new("company", "due").paid("paid");
/// let portfolio = Portfolio::new(activity)?.lapsed_after(365).payments(&invoices, &columns)?;
///
/// let mut desk = AlertDesk::new(Playbook::standard(), AlertPolicy::new())?;
/// let mut day = date(2024, 3, 1);
/// while day <= date(2024, 5, 29) {
///     let findings = portfolio.triggers(day, TriggerSet::new().with(PaymentTrouble::new()))?;
///     desk.advance(&findings)?;
///     if day == date(2024, 3, 12) {
///         desk.acknowledge("acme", "payment_trouble", day, "ann")?;
///     }
///     day = day + 1;
/// }
/// let log: Vec<_> = desk.changes().map(|change| (change.date, change.to, change.why.name())).collect();
/// assert_eq!(log, [
///     (date(2024, 3, 10), AlertState::Open, "fired"),             // a medium risk from 8 March on
///     (date(2024, 3, 12), AlertState::Acknowledged, "acknowledged"),
///     (date(2024, 4, 1), AlertState::CooledDown, "quiet"),        // paid on 25 March
///     (date(2024, 4, 29), AlertState::Closed, "stayed_quiet"),
/// ]);
/// assert_eq!(desk.alerts().next().unwrap().reason.unwrap().key, "resolved");
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredDesk")]
pub struct AlertDesk {
    pub(super) playbook: Playbook,
    pub(super) policy: AlertPolicy,
    /// The date of the last findings.
    pub(super) as_of: Option<Date>,
    /// The accounts about which something fired.
    pub(super) accounts: Ids,
    /// In the order in which they were raised.
    pub(super) alerts: Vec<Record>,
    /// In the order of their dates.
    pub(super) changes: Vec<Change>,
    /// By account and cause.
    pub(super) cases: Vec<Case>,
}

impl AlertDesk {
    /// A desk without alerts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a policy that makes no sense, and as [`Playbook::check`].
    pub fn new(playbook: Playbook, policy: AlertPolicy) -> Result<Self> {
        playbook.check()?;
        policy.check()?;
        Ok(Self::of(playbook, policy))
    }

    fn of(playbook: Playbook, policy: AlertPolicy) -> Self {
        let accounts = Ids::new(IdType::Int64);
        Self { playbook, policy, as_of: None, accounts, alerts: Vec::new(), changes: Vec::new(), cases: Vec::new() }
    }

    /// What the alerts are about, and what to do.
    #[must_use]
    pub fn playbook(&self) -> &Playbook {
        &self.playbook
    }

    /// When alerts open and close.
    #[must_use]
    pub fn policy(&self) -> &AlertPolicy {
        &self.policy
    }

    /// The date of the last findings; `None` before the first.
    #[must_use]
    pub fn as_of(&self) -> Option<Date> {
        self.as_of
    }

    /// All alerts, those that are closed too, in the order in which they were raised.
    #[must_use]
    pub fn alerts(&self) -> impl ExactSizeIterator<Item = Alert<'_>> {
        (0..self.alerts.len()).map(|number| self.alert(number))
    }

    /// The alerts that are open, escalated or acknowledged, the most urgent first: by severity, then by the priority of
    /// the alert type, the recurring value, and the surest finding.
    #[must_use]
    pub fn open(&self) -> Vec<Alert<'_>> {
        self.urgent(AlertState::is_to_be_worked)
    }

    /// The alerts for which there was no room within the week, the most urgent first.
    #[must_use]
    pub fn held(&self) -> Vec<Alert<'_>> {
        self.urgent(|state| state == AlertState::Held)
    }

    /// The alerts of an account, those that are closed too, in the order in which they were raised.
    pub fn of_account<'i>(&self, account: impl Into<Id<'i>>) -> impl Iterator<Item = Alert<'_>> {
        let place = self.accounts.position(account.into());
        let own = self.alerts.iter().enumerate();
        own.filter(move |(_, alert)| Some(alert.account as usize) == place).map(|(number, _)| self.alert(number))
    }

    /// Every change of state there ever was, in the order of the dates.
    #[must_use]
    pub fn changes(&self) -> impl ExactSizeIterator<Item = AlertChange<'_>> {
        self.changes_from(0)
    }

    pub(super) fn changes_from(&self, first: usize) -> impl ExactSizeIterator<Item = AlertChange<'_>> {
        self.changes[first..].iter().map(|change| {
            let alert = &self.alerts[change.alert as usize];
            let reason = alert.reason.filter(|_| change.to == AlertState::Closed);
            AlertChange {
                date: change.date,
                alert: change.alert as usize,
                account: self.accounts.get(alert.account as usize),
                cause: &self.alert_type(alert.cause).cause,
                from: change.from,
                to: change.to,
                severity: change.severity,
                why: change.why,
                reason: reason.map(|reason| self.playbook.reasons[reason as usize].key.as_str()),
                by: change.by.as_deref(),
            }
        })
    }

    /// Somebody takes an alert on that is open, escalated or snoozed.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] where there is no such alert, and for a date before the last one or more than
    /// 31 days after the last findings.
    pub fn acknowledge<'i>(&mut self, account: impl Into<Id<'i>>, cause: &str, date: Date, by: &str) -> Result<()> {
        let to = AlertState::Acknowledged;
        let (_, alert) = self.find(account.into(), cause)?;
        self.may_turn(alert, to, date)?;
        self.alerts[alert].owner = Some(by.to_owned());
        self.turn(alert, (to, ChangeReason::Acknowledged), date, Some(by));
        Ok(())
    }

    /// Somebody asks not to be reminded of an alert before a date, on which it is open again; sooner if it gets worse. One that
    /// is quiet by then cools down as any other.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] where there is no such alert that is on the list, for a date before the last one or more
    /// than 31 days after the last findings, and for an end that does not lie after it.
    pub fn snooze<'i>(
        &mut self,
        account: impl Into<Id<'i>>,
        cause: &str,
        date: Date,
        until: Date,
        by: &str,
    ) -> Result<()> {
        let to = AlertState::Snoozed;
        let (_, alert) = self.find(account.into(), cause)?;
        if until <= date {
            let reason = "an alert is snoozed until a later day";
            return Err(Error::InvalidOption { option: "until", value: until.to_string(), reason });
        }
        self.may_turn(alert, to, date)?;
        self.turn(alert, (to, ChangeReason::Snoozed), date, Some(by));
        self.alerts[alert].standing.snoozed_until = Some(until);
        Ok(())
    }

    /// Somebody closes an alert, under one of the decision reasons of the playbook.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] where there is no such alert, for a reason that the playbook does not have, and for a date
    /// before the last one or more than 31 days after the last findings.
    pub fn close<'i>(
        &mut self,
        account: impl Into<Id<'i>>,
        cause: &str,
        date: Date,
        reason: &str,
        by: &str,
    ) -> Result<()> {
        let to = AlertState::Closed;
        let (case, alert) = self.find(account.into(), cause)?;
        let Some(number) = self.playbook.reason_number(reason) else {
            let why = "the playbook has no such decision reason; Playbook::reasons lists them";
            return Err(Error::InvalidOption { option: "reason", value: format!("{reason:?}"), reason: why });
        };
        self.may_turn(alert, to, date)?;
        self.turn(alert, (to, ChangeReason::Decided), date, Some(by));
        let record = &mut self.alerts[alert];
        record.reason = Some(number);
        let until = date + self.policy.cooldown_days.cast_signed();
        let once_quiet = self.playbook.reasons[number as usize].silenced_until == SilencedUntil::Quiet;
        let silence = Silence { until, once_quiet, above: record.standing.severity };
        let case = &mut self.cases[case];
        (case.alert, case.run, case.silence) = (None, None, Some(silence));
        Ok(())
    }

    /// Somebody has done a step of the plan of an alert, counted from 0. It is no change of state.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] where there is no such alert, for a step that its plan does not have or that was done
    /// before, and for a date before the last one or more than
    /// 31 days after the last findings.
    pub fn complete<'i>(
        &mut self,
        account: impl Into<Id<'i>>,
        cause: &str,
        step: usize,
        date: Date,
        by: &str,
    ) -> Result<()> {
        let (_, alert) = self.find(account.into(), cause)?;
        self.check_date(date, false)?;
        let steps = self.playbook.plan_of(self.alerts[alert].cause).map_or(0, |plan| plan.steps.len());
        let done = u32::try_from(step).unwrap_or(u32::MAX);
        if step >= steps || self.alerts[alert].done.iter().any(|own| own.step == done) {
            let reason = "is no step of its plan, counted from 0, or was done before";
            return Err(Error::InvalidOption { option: "step", value: step.to_string(), reason });
        }
        self.alerts[alert].done.push(StepDone { step: done, date, by: by.to_owned() });
        Ok(())
    }

    /// The places of a case and of its alert.
    fn find(&self, account: Id<'_>, cause: &str) -> Result<(usize, usize)> {
        let number = self.accounts.position(account);
        let place = self.playbook.alert_types.iter().position(|own| own.cause == cause);
        let found = number.zip(place).and_then(|key| {
            let of = |case: &Case| (case.account as usize, case.cause as usize);
            let case = self.cases.binary_search_by_key(&key, of).ok()?;
            Some((case, self.cases[case].alert? as usize))
        });
        found.ok_or_else(|| {
            let reason = "has no alert of this cause that is not closed; AlertDesk::alerts lists them";
            Error::InvalidOption { option: "account", value: format!("{account} and {cause:?}"), reason }
        })
    }

    /// Whether an alert may go over to a state.
    fn may_turn(&self, alert: usize, to: AlertState, date: Date) -> Result<()> {
        self.check_date(date, false)?;
        let from = self.alerts[alert].standing.state;
        let at_hand = from.is_on_the_list() || to == AlertState::Closed;
        if !at_hand || !to.may_follow(Some(from)) {
            let reason = "an alert in the first state cannot go over to the second";
            return Err(Error::InvalidOption { option: "state", value: format!("{from} to {to}"), reason });
        }
        Ok(())
    }

    /// Dates come in order; two findings have different ones.
    pub(super) fn check_date(&self, date: Date, findings: bool) -> Result<()> {
        let last = self.changes.last().map(|change| change.date).max(self.as_of);
        let again = findings && self.as_of == Some(date);
        if again || last.is_some_and(|last| date < last) {
            let reason = "lies before the last date of the desk, or findings of it were seen already; go on from there";
            return Err(Error::InvalidOption { option: "date", value: date.to_string(), reason });
        }
        // A slip of the year would keep all findings before it out.
        if !findings && self.as_of.is_some_and(|last| date - last > DEEDS) {
            let reason = "lies more than 31 days after the last findings of the desk; go on to that day first";
            return Err(Error::InvalidOption { option: "date", value: date.to_string(), reason });
        }
        Ok(())
    }

    /// Takes down that an alert goes over to a state.
    pub(super) fn turn(&mut self, alert: usize, (to, why): (AlertState, ChangeReason), date: Date, by: Option<&str>) {
        let standing = &mut self.alerts[alert].standing;
        let (from, severity) = (standing.state, standing.severity);
        if to == AlertState::CooledDown {
            standing.before = if from == AlertState::Snoozed { AlertState::Open } else { from };
        }
        (standing.state, standing.since, standing.snoozed_until) = (to, date, None);
        self.log(alert, Some(from), to, (severity, why), date, by);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "fewer alerts than 2^32, of accounts that are counted in a u32"
    )]
    pub(super) fn log(
        &mut self,
        alert: usize,
        from: Option<AlertState>,
        to: AlertState,
        (severity, why): (Severity, ChangeReason),
        date: Date,
        by: Option<&str>,
    ) {
        let (alert, by) = (alert as u32, by.map(str::to_owned));
        self.changes.push(Change { date, alert, from, to, severity, why, by });
    }

    pub(super) fn alert_type(&self, cause: u32) -> &AlertType {
        &self.playbook.alert_types[cause as usize]
    }

    /// The causes of the alerts of an account that are not closed and have not cooled down.
    pub(super) fn causes_of(&self, account: Id<'_>) -> Vec<u32> {
        let Some(place) = self.accounts.position(account) else { return Vec::new() };
        let first = self.cases.partition_point(|case| (case.account as usize) < place);
        let own = self.cases[first..].iter().take_while(|case| case.account as usize == place);
        let fires = |case: &&Case| {
            let state = case.alert.map(|alert| self.alerts[alert as usize].standing.state);
            state.is_some_and(|state| state == AlertState::Held || state.is_on_the_list())
        };
        own.filter(fires).map(|case| case.cause).collect()
    }

    fn urgent(&self, is: impl Fn(AlertState) -> bool) -> Vec<Alert<'_>> {
        let mut own: Vec<usize> =
            (0..self.alerts.len()).filter(|&alert| is(self.alerts[alert].standing.state)).collect();
        own.sort_by(|&left, &right| {
            let key = |alert: usize| self.urgency(&self.alerts[alert]);
            key(left).cmp(&key(right)).then(left.cmp(&right))
        });
        own.into_iter().map(|number| self.alert(number)).collect()
    }

    fn urgency(&self, alert: &Record) -> Urgency {
        let priority = self.alert_type(alert.cause).priority;
        Urgency::new(alert.standing.severity, priority, alert.recurring_value, alert.p_value)
    }

    pub(super) fn alert(&self, number: usize) -> Alert<'_> {
        let record = &self.alerts[number];
        let own = self.alert_type(record.cause);
        Alert {
            number,
            account: self.accounts.get(record.account as usize),
            cause: &own.cause,
            name: &own.name,
            state: record.standing.state,
            since: record.standing.since,
            severity: record.standing.severity,
            fires_since: record.fires_since,
            raised: record.raised,
            opened: record.opened,
            snoozed_until: record.standing.snoozed_until,
            recurring_value: record.recurring_value,
            p_value: record.p_value,
            sentence: record.sentence.as_deref(),
            triggers: record.triggers.iter().map(|&trigger| own.triggers[trigger as usize].as_str()).collect(),
            reason: record.reason.map(|reason| &self.playbook.reasons[reason as usize]),
            owner: record.owner.as_deref(),
            done: &record.done,
        }
    }
}

/// What comes first is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Urgency {
    severity: std::cmp::Reverse<Severity>,
    priority: u32,
    value: std::cmp::Reverse<i64>,
    p_value: u64,
}

impl Urgency {
    pub(super) fn new(severity: Severity, priority: u32, value: Option<f64>, p_value: f64) -> Self {
        // The bits of floats order as total_cmp does once those of negative ones are turned.
        let ordered = |value: f64| {
            let bits = value.to_bits().cast_signed();
            bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
        };
        let value = value.map_or(i64::MIN, ordered);
        Self {
            severity: std::cmp::Reverse(severity),
            priority,
            value: std::cmp::Reverse(value),
            p_value: p_value.to_bits(),
        }
    }
}

impl Default for AlertDesk {
    /// A desk without alerts, with the standard playbook and the default policy.
    fn default() -> Self {
        Self::of(Playbook::standard(), AlertPolicy::new())
    }
}
