//! The desk as it would stand, had it been asked all along.

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::advance::Day;
use super::desk::AlertDesk;
use super::playbook::Playbook;
use super::policy::AlertPolicy;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Asked, Kept, Portfolio, Snapshot};
use crate::trigger::{Every, Learnt, Sign, TriggerSet};

/// Triggers compare some weeks with the twelve before them; from here on they have these.
const ENOUGH_HISTORY: i32 = 120;
/// Longer stretches than this, a hundred years, are refused.
const MOST_DAYS: u32 = 36_525;
/// So many dates a processor are looked at together.
const AT_ONCE: usize = 4;

/// How [`Portfolio::alerts`] should replay the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertOptions {
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
    pub(super) every: Every,
    pub(super) playbook: Playbook,
    pub(super) policy: AlertPolicy,
}

impl AlertOptions {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { from: None, to: None, every: Every::Days(1), playbook: Playbook::standard(), policy: AlertPolicy::new() }
    }

    /// The first date. 120 days after the beginning of the observation unless told: by then triggers that compare a
    /// month with the three before it have their history.
    #[must_use]
    pub fn from(mut self, from: Date) -> Self {
        self.from = Some(from);
        self
    }

    /// No date lies after this one. The end of the observation unless told.
    #[must_use]
    pub fn to(mut self, to: Date) -> Self {
        self.to = Some(to);
        self
    }

    /// How often: after so many days, or at the ends of calendar periods. Every day unless told, as a desk is worked.
    #[must_use]
    pub fn every(mut self, every: impl Into<Every>) -> Self {
        self.every = every.into();
        self
    }

    /// What alerts are about. [`Playbook::standard`] unless told.
    #[must_use]
    pub fn playbook(mut self, playbook: Playbook) -> Self {
        self.playbook = playbook;
        self
    }

    /// When alerts open and close. That of [`AlertPolicy::new`] unless told.
    #[must_use]
    pub fn policy(mut self, policy: AlertPolicy) -> Self {
        self.policy = policy;
        self
    }
}

impl Default for AlertOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<AlertPolicy> for AlertOptions {
    fn from(policy: AlertPolicy) -> Self {
        Self::new().policy(policy)
    }
}

impl From<Playbook> for AlertOptions {
    fn from(playbook: Playbook) -> Self {
        Self::new().playbook(playbook)
    }
}

impl Portfolio {
    /// The alerts there would be, had a desk been advanced all along: what a set of triggers said on past dates, each as it would have been
    /// known then, with opening, escalation, cooling down and closing as the [`AlertPolicy`] has it.
    ///
    /// It is what [`AlertDesk::advance`] gives with [`triggers`](Self::triggers) of each date, only faster: nothing is
    /// computed of what does not fire. Nobody acknowledges anything meanwhile, so alerts that fire for long escalate. For
    /// how many alerts a policy brings to a week, see [`AlertDesk::changes`] and [`AlertDesk::held`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for options that make no sense, of the policy, the playbook, the set or a trigger, for dates
    /// outside the observation, and for triggers that no alert type of the playbook has.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, AlertOptions, AlertState, Calendar, EventColumns, PaymentColumns, PaymentTrouble};
    /// use attrition::{Portfolio, TriggerSet, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("company" => ["acme", "acme"], "day" => [19_723, 19_843])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let mut invoices = df!("company" => ["acme"], "due" => [19_783])?;
    /// invoices.apply("due", |day| day.cast(&DataType::Date).unwrap())?;
    /// let portfolio = Portfolio::new(activity)?.lapsed_after(365).payments(&invoices, &PaymentColumns::new("company", "due"))?;
    ///
    /// let options = AlertOptions::new().from(date(2024, 2, 1));
    /// let desk = portfolio.alerts(TriggerSet::new().with(PaymentTrouble::new()), options)?;
    /// // Due on 1 March: a medium risk from the 8th, a high one from the 31st.
    /// let states: Vec<_> = desk.changes().map(|change| (change.date, change.to, change.why.name())).collect();
    /// assert_eq!(states, [
    ///     (date(2024, 3, 10), AlertState::Open, "fired"),
    ///     (date(2024, 3, 24), AlertState::Escalated, "unacknowledged"),
    ///     (date(2024, 3, 31), AlertState::Escalated, "worse"),
    /// ]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn alerts(&self, set: impl Into<TriggerSet>, options: impl Into<AlertOptions>) -> Result<AlertDesk> {
        let AlertOptions { from, to, every, playbook, policy } = options.into();
        let mut desk = AlertDesk::new(playbook, policy)?;
        let from = from.unwrap_or(self.activity().observed_from() + ENOUGH_HISTORY);
        desk.replay(self, &set.into(), (from, to.unwrap_or(self.activity().as_of())), every)?;
        Ok(desk)
    }
}

fn refuse(option: &'static str, value: &dyn fmt::Display, reason: &'static str) -> Result<()> {
    Err(Error::InvalidOption { option, value: value.to_string(), reason })
}

fn check(every: Every) -> Result<()> {
    match every {
        Every::Days(days) if !(1..=MOST_DAYS).contains(&days) => {
            refuse("every", &days, "is a number of days from 1 to 36525")
        }
        _ => Ok(()),
    }
}

impl AlertDesk {
    /// Goes on from the date of the last findings to another: what [`Portfolio::alerts`] does with a desk that was stored.
    /// The first date is the day after the last one, or with `Every::Days(7)` a week after it; where somebody acted later, the
    /// first such date that is not before that. Where there is none up to `to`, nothing is done. A desk without findings
    /// begins where `alerts` would.
    ///
    /// # Errors
    ///
    /// As [`Portfolio::alerts`] and [`advance`](Self::advance); the desk then stands at the last date that went well.
    pub fn catch_up(
        &mut self,
        portfolio: &Portfolio,
        set: impl Into<TriggerSet>,
        to: Date,
        every: impl Into<Every>,
    ) -> Result<()> {
        let every = every.into();
        check(every)?;
        let Some(last) = self.as_of else {
            let from = portfolio.activity().observed_from() + ENOUGH_HISTORY;
            return self.replay(portfolio, &set.into(), (from, to), every);
        };
        let step = if let Every::Days(days) = every { days.cast_signed() } else { 1 };
        // Whoever acted did so on what was known; findings from before would come too late.
        let acted = self.changes.last().map_or(0, |change| change.date - last);
        let from = last + (acted.max(1).saturating_add(step - 1) / step).saturating_mul(step);
        if from > to {
            return Ok(());
        }
        self.replay(portfolio, &set.into(), (from, to), every)
    }

    fn replay(
        &mut self,
        portfolio: &Portfolio,
        set: &TriggerSet,
        (from, to): (Date, Date),
        every: Every,
    ) -> Result<()> {
        check(every)?;
        let activity = portfolio.activity();
        if from < activity.observed_from() {
            return refuse("from", &from, "lies before the observation, of which nothing is known");
        }
        if to > activity.as_of() {
            return refuse(
                "to",
                &to,
                "lies after the observation; name its end when ingesting, or append the later events",
            );
        }
        let dates = every.dates(portfolio.calendar(), from, to);
        if dates.is_empty() && self.as_of.is_none() {
            let reason = "there is no date to replay between them; name an earlier from, or a longer observation";
            return refuse("from .. to", &format!("{from} .. {to}"), reason);
        }
        let kept = Arc::new(Kept::default());
        // What one date costs is not all done side by side, but dates are.
        for dates in dates.chunks(AT_ONCE * rayon::current_num_threads()) {
            if let Some(&first) = dates.first() {
                kept.forget_before(portfolio.calendar().end_of_last_week(first));
            }
            let of = |&date: &Date| Ok(portfolio.at(date)?.asked(Asked::WhatFires).keeping(&kept));
            let snapshots: Vec<Snapshot<'_>> = dates.par_iter().map(of).collect::<Result<_>>()?;
            let told: Vec<Result<(Learnt<'_>, Vec<Sign>)>> = snapshots
                .par_iter()
                .map(|snapshot| {
                    let learnt = Learnt::new(snapshot, set)?;
                    let signs = learnt.signs()?;
                    Ok((learnt, signs))
                })
                .collect();
            for (snapshot, told) in snapshots.iter().zip(told) {
                let (learnt, signs) = told?;
                let [customers, left, lapsed] = snapshot.ids();
                self.on(&Day {
                    date: snapshot.as_of(),
                    triggers: set.names().collect(),
                    accounts: [&customers, &left, &lapsed],
                    signs: &signs,
                    value: &|account| snapshot.customer(account)?.recurring_value(),
                    sentence: &|place| learnt.sentence(place),
                })?;
            }
        }
        Ok(())
    }
}
