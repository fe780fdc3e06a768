//! Invoices that are not paid.

use serde::{Deserialize, Serialize};

use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot};

/// Whether an invoice is overdue.
///
/// ```text
/// overdue = as_of - due                      of the unpaid invoice that was due first
/// fires where overdue >= days                low; medium from 7, high from 30 days
/// ```
///
/// An invoice counts as unpaid on the days before its payment, however late it was paid; a credit note, of an amount of 0 or below, never does. `observed` is the days overdue,
/// `expected` 0, and `since` the day after it was due. Customers without an invoice are quiet.
///
/// Involuntary churn begins with a card that is declined, and is the kind that a reminder prevents.
///
/// # References
///
/// The bands are those that tools for customer success publish: 7 to 30 days overdue is a medium risk, more a high one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTrouble {
    days: u32,
}

impl PaymentTrouble {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { days: 3 }
    }

    /// From how many days overdue on it fires. 3 unless told: a bank transfer takes that long over a weekend.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }
}

impl Default for PaymentTrouble {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for PaymentTrouble {
    fn name(&self) -> &'static str {
        "payment_trouble"
    }

    fn judge<'a>(&'a self, _portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        if self.days == 0 {
            let reason = "an invoice is overdue from the day after it was due, so 1 is the least";
            return Err(Error::InvalidOption { option: "days", value: self.days.to_string(), reason });
        }
        Ok(Box::new(|account| self.of(account)))
    }
}

impl PaymentTrouble {
    fn of(&self, account: &Account<'_>) -> Signal {
        let Some(payments) = account.payments() else { return Signal::not_observed("payments") };
        let as_of = account.as_of();
        // What is owed to the customer is no trouble of theirs.
        let mut unpaid = payments.filter(|payment| payment.is_owed() && payment.due < as_of).peekable();
        let Some(first) = unpaid.peek().copied() else { return Signal::quiet().observed(0.0).expected(0.0) };
        let overdue = as_of - first.due;
        let severity = match overdue {
            30.. => Severity::High,
            7..30 => Severity::Medium,
            _ => Severity::Low,
        };
        let fires = i64::from(overdue) >= i64::from(self.days);
        let signal = if fires { Signal::fired(severity) } else { Signal::quiet() };
        let signal = signal.observed(f64::from(overdue)).expected(0.0).statistic(f64::from(overdue));
        signal.score(f64::from(overdue)).since(first.due + 1).because(|| {
            let (count, amounts): (u32, Vec<f64>) = unpaid.fold((0, Vec::new()), |(count, mut amounts), payment| {
                amounts.extend(payment.amount);
                (count + 1, amounts)
            });
            let what = if count == 1 { "an invoice is".to_owned() } else { format!("{count} invoices are") };
            let worth =
                if amounts.is_empty() { String::new() } else { format!(" of {:.2}", amounts.iter().sum::<f64>()) };
            format!("{what} unpaid{worth}, the first for {overdue} days: remind the payer before access is stopped")
        })
    }
}
