//! Small companies, and triggers that say what they are told to.

use std::collections::BTreeMap;
use std::fmt;

use attrition::polars::prelude::*;
use attrition::{
    Account, Activity, Calendar, CancellationColumns, EventColumns, Id, Judge, Portfolio, Result, Severity, Signal,
    Snapshot, SubscriptionColumns, Trigger,
};

use crate::log::day;

/// 2024-01-01.
pub(super) const NEW_YEAR: i32 = 19_723;

/// What is known of the accounts, and from when to when.
#[derive(Clone, Debug)]
pub(super) struct Company {
    pub(super) first: i32,
    pub(super) last: i32,
    pub(super) events: Vec<(i64, i32)>,
    pub(super) cancelled: Option<Vec<(i64, i32)>>,
    /// Account, first day, and the first day on which it was over.
    pub(super) terms: Option<Vec<(i64, i32, Option<i32>)>>,
}

fn frame(rows: &[(i64, i32)]) -> DataFrame {
    let (accounts, days): (Vec<i64>, Vec<i32>) = rows.iter().copied().unzip();
    let days = Column::new("day".into(), days).cast(&DataType::Date).unwrap();
    DataFrame::new(rows.len(), vec![Column::new("account".into(), accounts), days]).unwrap()
}

impl Company {
    pub(super) fn new(first: i32, last: i32) -> Self {
        Self { first, last, events: vec![], cancelled: None, terms: None }
    }

    pub(super) fn portfolio(&self) -> Portfolio {
        let columns = EventColumns::new("account", "day");
        let builder = Activity::builder(&columns, &Calendar::utc());
        let mut builder = builder.observed_from(day(self.first)).as_of(day(self.last));
        builder.push(&frame(&self.events)).unwrap();
        let mut portfolio = Portfolio::new(builder.finish().unwrap()).unwrap();
        if let Some(cancelled) = &self.cancelled {
            portfolio =
                portfolio.cancellations(&frame(cancelled), &CancellationColumns::new("account", "day")).unwrap();
        }
        if let Some(terms) = &self.terms {
            let starts: Vec<(i64, i32)> = terms.iter().map(|&(account, start, _)| (account, start)).collect();
            let ended: Vec<Option<i32>> = terms.iter().map(|term| term.2).collect();
            let ended = Column::new("ended".into(), ended).cast(&DataType::Date).unwrap();
            let terms = frame(&starts).hstack(&[ended]).unwrap();
            let columns = SubscriptionColumns::new("account", "day").ended("ended");
            portfolio = portfolio.subscriptions(&terms, &columns).unwrap();
        }
        portfolio
    }

    /// All that was known at the end of a day.
    pub(super) fn until(&self, last: i32) -> Self {
        let known = |rows: &Vec<(i64, i32)>| rows.iter().copied().filter(|row| row.1 <= last).collect::<Vec<_>>();
        let term = |&(account, start, ended): &(i64, i32, Option<i32>)| {
            (start <= last).then(|| (account, start, ended.filter(|&ended| ended <= last)))
        };
        Self {
            first: self.first,
            last,
            events: known(&self.events),
            cancelled: self.cancelled.as_ref().map(known),
            terms: self.terms.as_ref().map(|terms| terms.iter().filter_map(term).collect()),
        }
    }
}

/// What a trigger is told to say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    NotObserved,
    /// With a score.
    Quiet(f64),
    Fired(f64),
    /// A p-value, and whether the effect matters.
    Tested(f64, bool),
}

pub(super) struct Scripted<F> {
    name: String,
    told: F,
}

impl<F> fmt::Debug for Scripted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A trigger that says of a day and an account what a function says.
pub(super) fn scripted<F: Fn(i32, i64) -> Told + Send + Sync>(name: &str, told: F) -> Scripted<F> {
    Scripted { name: name.to_owned(), told }
}

/// A trigger that says of a day and an account what stands in a table, and is quiet otherwise.
pub(super) fn tabled(
    name: &str,
    told: BTreeMap<(i32, i64), Told>,
) -> Scripted<impl Fn(i32, i64) -> Told + Send + Sync + 'static> {
    scripted(name, move |day, account| told.get(&(day, account)).copied().unwrap_or(Told::Quiet(0.0)))
}

pub(super) fn number(account: &Account<'_>) -> i64 {
    let Id::Int(number) = account.id() else { panic!("{:?}", account.id()) };
    number
}

impl<F: Fn(i32, i64) -> Told + Send + Sync> Trigger for Scripted<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge<'a>(&'a self, _: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        Ok(Box::new(|account| match (self.told)(account.as_of().days_since_epoch(), number(account)) {
            Told::NotObserved => Signal::not_observed("script"),
            Told::Quiet(score) => Signal::quiet().score(score),
            Told::Fired(score) => Signal::fired(Severity::Low).score(score).because(|| "the script says so".to_owned()),
            Told::Tested(p_value, matters) => Signal::tested(p_value, matters.then_some(Severity::Low)),
        }))
    }
}

/// A rule that sees: few active days of the last fourteen. It fires on none in the last seven.
#[derive(Clone, Copy, Debug)]
pub(super) struct FewDays;

impl Trigger for FewDays {
    fn name(&self) -> &'static str {
        "few_days"
    }

    fn judge<'a>(&'a self, _: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        Ok(Box::new(|account| {
            if account.as_of() - account.observed_from() < 13 {
                return Signal::not_observed("history");
            }
            let active = account.active_days().filter(|active| account.as_of() - active.date < 14).count();
            let fired = account.silence().is_none_or(|silence| silence >= 7);
            let signal = if fired { Signal::fired(Severity::Medium) } else { Signal::quiet() };
            signal.score(-(active as f64))
        }))
    }
}
