//! Customers who bought much more than they use.

use serde::{Deserialize, Serialize};

use super::ranking::ranked;
use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Limit, Snapshot};

/// Below this part of the cap it was as good as not used.
const NOTHING: f64 = 0.01;

/// Whether what was bought is hardly used: the opposite of [`LimitPressure`](crate::LimitPressure), with another remedy.
///
/// ```text
/// peak  = largest reading of the last 60 days / cap          of the limit with the largest
/// fires where peak < 0.1                                     low; medium below 0.01
/// ```
///
/// Whoever pays for a hundred and uses nine will ask for less at the next renewal, or for nothing. All limits of the
/// account have to be unused: one that is made use of is worth its price. Limits with a cap of 0 are passed over.
///
/// `observed` and `statistic` are the peak, `expected` is the share below which it fires, and `since` the first of the
/// days. Accounts are ranked by severity and then by how little they use. It is a rule and has no p-value.
///
/// Not observed is `limits`, the table; `history` for a customer of fewer than 60 days and for a limit that holds for
/// fewer, where nothing can be said yet; and `readings`, unless each limit has readings that lie at least half of the
/// days apart: whether nothing was used, or nobody read the meter, is not the same. Of a limit that is metered by
/// events the days without an event have no reading, and customers without any event are for
/// [engagement](crate::Activity) to find. Accounts without limits are quiet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AllowanceUnused {
    share: f64,
    days: u32,
}

impl AllowanceUnused {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { share: 0.1, days: 60 }
    }

    /// The share of the cap below which it is unused, above 0 and below 1. 0.1 unless told: plans are a few times as
    /// large as the next smaller one, so a tenth would have gone into it.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// For how many days. 60 unless told: two months of billing, so that a vacation does not look like it.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }
}

impl Default for AllowanceUnused {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for AllowanceUnused {
    fn name(&self) -> &'static str {
        "allowance_unused"
    }

    fn judge<'a>(&'a self, _portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        if !(self.share > 0.0 && self.share < 1.0) {
            let reason = "a share of the cap lies above 0 and below 1";
            return Err(Error::InvalidOption { option: "share", value: self.share.to_string(), reason });
        }
        if !(2..=36_525).contains(&self.days) {
            let reason = "readings are looked at over 2 to 36525 days";
            return Err(Error::InvalidOption { option: "days", value: self.days.to_string(), reason });
        }
        Ok(Box::new(|account| self.of(account)))
    }
}

impl AllowanceUnused {
    fn of(&self, account: &Account<'_>) -> Signal {
        let Some(mut limits) = account.limits() else { return Signal::not_observed("limits") };
        limits.retain(|limit| limit.cap > 0.0);
        if limits.is_empty() {
            return Signal::quiet();
        }
        let days = i32::try_from(self.days).unwrap_or(i32::MAX);
        let from = account.as_of() - days + 1;
        let (mut peak, mut read) = (0.0_f64, true);
        for Limit { cap, readings, .. } in &limits {
            let within = &readings[readings.partition_point(|&(date, _)| date < from)..];
            peak = within.iter().fold(peak, |peak, &(_, used)| peak.max(used / cap));
            let apart = within.first().zip(within.last()).map_or(0, |(first, last)| last.0 - first.0);
            read &= apart >= days / 2;
        }
        let signal = if peak >= self.share {
            Signal::quiet().score(ranked(None, 1.0 - peak))
        } else if !known_since(account, from)
            || limits.iter().any(|limit| limit.since.is_some_and(|since| since > from))
        {
            return Signal::not_observed("history");
        } else if read {
            let severity = if peak < NOTHING { Severity::Medium } else { Severity::Low };
            Signal::fired(severity).since(from).score(ranked(Some(severity), 1.0 - peak))
        } else {
            return Signal::not_observed("readings");
        };
        signal.observed(peak).expected(self.share).statistic(peak).because(|| {
            let what = match limits.as_slice() {
                [limit] => format!("of the limit {}", limit.name),
                several => format!("of each of {} limits", several.len()),
            };
            format!(
                "at most {:.1} % {what} was used in {} days: show what it is good for before the renewal asks",
                100.0 * peak,
                self.days
            )
        })
    }
}

/// Whether an account was a customer by then, or had been active before all that is known.
fn known_since(account: &Account<'_>, day: Date) -> bool {
    let began = account.member_since().or_else(|| account.first_active().map(|_| account.observed_from()));
    began.is_some_and(|began| began <= day)
}
