//! More tickets than usual.

use serde::{Deserialize, Serialize};

use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot, Ticket};

mod rates;

use rates::{Predicted, Rates, Sums};

/// Fewer days before the recent ones are no history: a customer's first weeks bring questions of their own kind.
const LEAST_DAYS: i32 = 28;
/// So many tickets on two days in a row are a burst.
const BURST: usize = 3;
/// A ticket of severity 1 that is open for more days than this is one too many, and for twice as many worse.
const OPEN: i32 = 7;

/// Whether an account opens more tickets than it used to, or has one of the worst kind that nobody closes.
///
/// ```text
/// recent      x, the tickets of the last 14 days (W)
/// before      y, those of the t <= 180 days before, since the account and the table began
/// portfolio   tickets a day:        mean µ, variance σ² over accounts, by moments
///             clusters:             φ = variance / mean of an account's counts in W days, at least 1
/// rate        λ = (µ²/σ² + y/φ) / (µ/σ² + t/φ)       the account's own, shrunk towards the portfolio
/// expected    W λ
/// predicted   negative binomial with mean W λ and variance φ W λ + (W λ)² / (µ²/σ² + y/φ)
/// p           P(more than x) + P(x) / 2
/// test fires  p, corrected, at least 2 tickets, and x / expected at least 2: low; medium from 3, high from 5
/// rules       3 tickets on two days in a row where less than one is usual: high
///             a ticket of severity 1 open for more than 7 days: medium; high from 14 days
/// ```
///
/// Tickets come seldom, so most accounts cannot be judged by their own few: with gamma-distributed rates the counts to
/// come are negative binomial, and an account without a ticket so far is expected to be like others, and not to open none
/// for ever. Where one trouble brings several tickets, φ is above 1 and a group of them is less of a surprise.
///
/// Either rule fires whatever the test says, and the signal then has no p-value, for a rule is not one of the tests that
/// are corrected for being many. Its score is above that of every test. On two days in a row is what 48 hours are where
/// tickets have dates.
///
/// `observed` is *x*, `expected` is W λ, `statistic` their ratio; `since` is the day of the first recent ticket, of the
/// burst's first, or of the one that is still open. An account is not observed without a table of tickets (`tickets`); and
/// by the test, where fewer than 28 days before the recent ones are known, or nobody opened a ticket in them (`history`).
///
/// # References
///
/// M. Greenwood and G. U. Yule (1920), "An inquiry into the nature of frequency distributions", J. R. Stat. Soc. 83,
/// 255-279; A. Gelman et al. (2013), "Bayesian Data Analysis", 3rd ed., section 2.6. Three tickets within 48 hours or one
/// of severity 1 are what vendors of tools for customer success call a spike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportSpike {
    recent: u32,
    before: u32,
    rules: SpikeRules,
}

/// Whether [`SupportSpike`] fires by rule too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpikeRules {
    /// It does: on a burst of tickets, and on one of severity 1 that stays open.
    Asked,
    /// It only tests.
    Left,
}

impl SupportSpike {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { recent: 14, before: 180, rules: SpikeRules::Asked }
    }

    /// The number of recent days, 2 to 90. 14 unless told: long enough for a trouble to bring more than one ticket, and
    /// short enough to hear of it while it lasts.
    #[must_use]
    pub fn recent(mut self, days: u32) -> Self {
        self.recent = days;
        self
    }

    /// The number of days before the recent ones that say what is usual, 28 to 1095. 180 unless told: tickets come seldom,
    /// and half a year of them is little enough.
    #[must_use]
    pub fn before(mut self, days: u32) -> Self {
        self.before = days;
        self
    }

    /// Whether it fires by rule too. [`SpikeRules::Asked`] unless told: what cannot wait is not to wait for a test.
    #[must_use]
    pub fn rules(mut self, rules: SpikeRules) -> Self {
        self.rules = rules;
        self
    }
}

impl Default for SupportSpike {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for SupportSpike {
    fn name(&self) -> &'static str {
        "support_spike"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        let days = |option, days: u32, least: i32, most: i32, reason| match i32::try_from(days) {
            Ok(days) if (least..=most).contains(&days) => Ok(days),
            _ => Err(Error::InvalidOption { option, value: days.to_string(), reason }),
        };
        let recent = days("recent", self.recent, 2, 90, "the recent days are 2 to 90")?;
        let before = days("before", self.before, LEAST_DAYS, 1095, "the days before are 28 to 1095")?;
        let as_of = portfolio.as_of();
        let opens =
            portfolio.fold_everyone(|| None, |first, account| *first = earlier(*first, opened(&account)), earlier);
        let windows =
            Windows { recent: as_of - recent, before: as_of - recent - before, table: opens.unwrap_or(as_of) };
        let add = |sums: &mut Sums, account: Account<'_>| {
            if let Some((tickets, days)) = account.tickets().zip(windows.days(&account)) {
                sums.add(tickets.map(|ticket| windows.recent - ticket.opened), days, recent);
            }
        };
        let rates = portfolio.fold(Sums::default, add, Sums::join).rates();
        Ok(Box::new(move |account| self.of(account, windows, rates)))
    }
}

fn opened(account: &Account<'_>) -> Option<Date> {
    account.tickets()?.next().map(|first| first.opened)
}

fn earlier(left: Option<Date>, right: Option<Date>) -> Option<Date> {
    left.into_iter().chain(right).min()
}

/// The last days before the recent ones and before the others, and the first of the table.
#[derive(Clone, Copy, Debug)]
struct Windows {
    recent: Date,
    before: Date,
    table: Date,
}

impl Windows {
    /// How many days before the recent ones are known of an account; `None` if they are too few.
    fn days(&self, account: &Account<'_>) -> Option<i32> {
        let since = account.member_since().or_else(|| account.first_active());
        let began = earlier(since, opened(account))?.max(self.table).max(self.before + 1);
        Some(self.recent - began + 1).filter(|&days| days >= LEAST_DAYS)
    }
}

impl SupportSpike {
    fn of(&self, account: &Account<'_>, windows: Windows, rates: Option<Rates>) -> Signal {
        let Some(tickets) = account.tickets() else { return Signal::not_observed("tickets") };
        let (as_of, since) = (account.as_of(), windows.recent + 1);
        let (mut before, mut x, mut first) = (0.0, 0, None);
        let (mut last, mut burst, mut open) = ([None; BURST - 1], None, None);
        for ticket in tickets {
            if stays_open(&ticket, as_of) && open.is_none() {
                open = Some(ticket.opened);
            }
            if ticket.opened >= since {
                x += 1;
                first = first.or(Some(ticket.opened));
                burst = burst.or(last[0].filter(|&first| ticket.opened - first <= 1));
                last.rotate_left(1);
                last[BURST - 2] = Some(ticket.opened);
            } else if ticket.opened > windows.before {
                before += 1.0;
            }
        }
        let days = as_of - windows.recent;
        let predicted = windows.days(account).zip(rates).map(|(known, rates)| rates.predict(before, known, days));
        let observed = f64::from(x);
        let told = |signal: Signal| match predicted {
            Some(predicted) => signal.observed(observed).expected(predicted.mean).statistic(observed / predicted.mean),
            None => signal.observed(observed),
        };
        let p = predicted.map(|predicted| predicted.p_value(x));
        if self.rules == SpikeRules::Asked {
            let usual = predicted.map_or(0.0, |predicted| 2.0 * predicted.mean / f64::from(days));
            let score = 2.0 - p.unwrap_or(0.0);
            if let Some(day) = burst.filter(|_| usual < 1.0) {
                return told(Signal::fired(Severity::High)).score(score).since(day).because(|| {
                    format!(
                        "{BURST} tickets or more within two days from {day} on, {x} in the last {days} days: find out what is \
                         wrong and say so"
                    )
                });
            }
            if let Some(day) = open {
                let age = as_of - day;
                let severity = if age >= 2 * OPEN { Severity::High } else { Severity::Medium };
                return told(Signal::fired(severity)).score(score).since(day).because(|| {
                    format!("a ticket of severity 1 is open for {age} days: have it closed, and tell them when")
                });
            }
        }
        let Some((predicted, p)) = predicted.zip(p) else { return Signal::not_observed("history") };
        let signal = told(Signal::tested(p, severity(x, &predicted)));
        let signal = if let Some(first) = first { signal.since(first) } else { signal };
        signal.because(|| {
            let Predicted { mean, .. } = predicted;
            format!("{x} tickets in the last {days} days, where {mean:.1} were to be expected: ask what troubles them")
        })
    }
}

/// Whether it is of severity 1, and open for too long.
fn stays_open(ticket: &Ticket, as_of: Date) -> bool {
    ticket.closed.is_none() && as_of - ticket.opened > OPEN && ticket.severity.is_some_and(|severity| severity <= 1.0)
}

fn severity(tickets: u32, predicted: &Predicted) -> Option<Severity> {
    let ratio = f64::from(tickets) / predicted.mean;
    let bounds = [(5.0, Severity::High), (3.0, Severity::Medium), (2.0, Severity::Low)];
    bounds.into_iter().find(|&(bound, _)| tickets >= 2 && ratio >= bound).map(|(_, severity)| severity)
}
