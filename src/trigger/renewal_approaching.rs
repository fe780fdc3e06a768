//! A renewal that comes near an account which shows no signs of life.

use serde::{Deserialize, Serialize};

use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot};
use crate::print::counted;

/// The days in which signs of life are looked for: four of each weekday.
const RECENT: i32 = 28;
/// The days before them that say what is usual, at most: a year, so that they hold the term that a renewal ends.
const BEFORE: i32 = 364;
/// A renewal that is nearer than this cannot wait.
const URGENT: i32 = 30;

/// Whether a subscription is up for renewal while its account shows no signs of life.
///
/// ```text
/// renewal    the first renewal of a running term within 60 days after as_of
/// lately     active days of the last 28
/// usual      active days of the 364 days before these, times 28 / their number
/// signs of life    lately > 0, and lately >= usual / 2
/// fires      a renewal, and no signs of life: medium; high where the renewal is less than 30 days away
/// ```
///
/// Who does not use a product does not renew it, and within the notice period it is late to learn why. The days before are
/// those since the account became a customer and since the observation began; with fewer than 28 of them, usage has no
/// usual to be held against, and only an account without one active day is judged. Where even the last 28 days are not
/// known whole, nothing is observed (`history`), nor where the portfolio knows of no subscriptions (`subscriptions`).
/// Without a renewal in sight the trigger is quiet, and so it is after a silent renewal, as of which the next is not known.
///
/// `observed` is the active days lately, `expected` the usual ones, `statistic` their ratio. The score is the share of the
/// usual days that is missing where a renewal is in sight, and 0 elsewhere. `since` is the day after the last active one,
/// or the first of the last 28 days if there was activity in them.
///
/// # References
///
/// Playbooks for customer success call a renewal without engagement within 30 days a high risk, from 30 to 60 days a
/// medium one; half is the fall in use from which they speak of a high risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenewalApproaching {
    days: u32,
    share: f64,
}

impl RenewalApproaching {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { days: 60, share: 0.5 }
    }

    /// Up to how many days before a renewal it is looked at, 1 to 365. 60 unless told: that leaves a month to act before
    /// the usual notice of a month.
    #[must_use]
    pub fn within(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// The share of the usual active days below which there are no signs of life, from 0 to 1. 0.5 unless told; with 0, only
    /// accounts without one active day have none.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }
}

impl Default for RenewalApproaching {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for RenewalApproaching {
    fn name(&self) -> &'static str {
        "renewal_approaching"
    }

    fn judge<'a>(&'a self, _portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        let days = match i32::try_from(self.days) {
            Ok(days @ 1..=365) => days,
            _ => {
                let reason = "renewals are looked for in the 1 to 365 days after the day";
                return Err(Error::InvalidOption { option: "within", value: self.days.to_string(), reason });
            }
        };
        if !(0.0..=1.0).contains(&self.share) {
            let reason = "the share of the usual active days lies between 0 and 1";
            return Err(Error::InvalidOption { option: "share", value: self.share.to_string(), reason });
        }
        Ok(Box::new(move |account| self.of(account, days)))
    }
}

impl RenewalApproaching {
    fn of(&self, account: &Account<'_>, days: i32) -> Signal {
        let Some(terms) = account.subscriptions() else { return Signal::not_observed("subscriptions") };
        let as_of = account.as_of();
        let in_sight = |renewal: &Date| (1..=days).contains(&(*renewal - as_of));
        let renewals = terms.filter(|term| term.ended.is_none()).filter_map(|term| term.renewal).filter(in_sight);
        let Some(renewal) = renewals.min() else { return Signal::quiet().score(0.0) };
        let began = account.member_since().map_or(account.observed_from(), |since| since.max(account.observed_from()));
        let known = as_of - began + 1;
        if known < RECENT {
            return Signal::not_observed("history");
        }
        let today = as_of.days_since_epoch();
        let active = |from: i32, to: i32| u32::try_from(account.within(from..=to).len()).map_or(0.0, f64::from);
        let lately = active(today - RECENT + 1, today);
        let before = (known - RECENT).min(BEFORE);
        let usual = (before >= RECENT).then(|| {
            let from = today - RECENT - before + 1;
            active(from, today - RECENT) * f64::from(RECENT) / f64::from(before)
        });
        if usual.is_none() && lately > 0.0 {
            return Signal::not_observed("history");
        }
        let ratio = usual.filter(|&usual| usual > 0.0).map(|usual| lately / usual);
        let alive = lately > 0.0 && ratio.is_none_or(|ratio| ratio >= self.share);
        let left = renewal - as_of;
        let signal = match (alive, left < URGENT) {
            (true, _) => Signal::quiet(),
            (false, true) => Signal::fired(Severity::High),
            (false, false) => Signal::fired(Severity::Medium),
        };
        let missing = if lately > 0.0 { 1.0 - ratio.unwrap_or(1.0).min(1.0) } else { 1.0 };
        let signal = signal.observed(lately).score(missing).expected(usual).statistic(ratio);
        let silent = account.last_active().filter(|_| lately <= 0.0).map(|last| last + 1);
        let since = silent.or((lately > 0.0 && !alive).then(|| as_of - (RECENT - 1)));
        signal.since(since).because(|| {
            let left = counted(u64::from(left.unsigned_abs()), "day");
            let some = usual.filter(|&usual| usual >= 0.1);
            let instead = some.map_or_else(String::new, |usual| format!(" instead of the usual {usual:.1}"));
            format!(
                "the renewal is {left} away, and the account was active on {lately} of the last {RECENT} days{instead}: \
                 speak with them before they decide"
            )
        })
    }
}
