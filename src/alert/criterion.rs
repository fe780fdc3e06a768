//! When a step is done, as data.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::health::HealthBand;
use crate::portfolio::Account;

/// When a step, or a touch point, is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCriterion {
    /// When somebody says so: nothing in the data can.
    Reported,
    /// When all triggers that raised the alert were quiet on the last date.
    TriggersQuiet,
    /// When the account was active on so many of the last days.
    ActiveDays {
        /// On so many days.
        at_least: u32,
        /// Of so many.
        of_last: u32,
    },
    /// When a key contact is named who has not left.
    KeyContactNamed,
    /// When no invoice is overdue.
    InvoicesPaid,
    /// When its health is at least that.
    BandAtLeast(HealthBand),
}

impl ExitCriterion {
    /// Whether it holds; `None` where that is not observed, or only somebody can say.
    pub(super) fn holds(self, account: &Account<'_>, quiet: Option<bool>, band: Option<HealthBand>) -> Option<bool> {
        let as_of = account.as_of();
        match self {
            Self::Reported => None,
            Self::TriggersQuiet => quiet,
            Self::ActiveDays { at_least, of_last } => {
                let from = as_of - of_last.cast_signed() + 1;
                let days = account.within(from.days_since_epoch()..=as_of.days_since_epoch()).len();
                let enough = days >= at_least as usize;
                (enough || from >= account.observed_from()).then_some(enough)
            }
            Self::KeyContactNamed => {
                let mut contacts = account.contacts()?;
                Some(contacts.any(|contact| contact.key && contact.until.is_none()))
            }
            Self::InvoicesPaid => {
                let mut payments = account.payments()?;
                Some(!payments.any(|payment| payment.is_owed() && payment.due < as_of))
            }
            Self::BandAtLeast(least) => band.map(|band| band >= least),
        }
    }

    pub(super) fn check(self) -> Result<()> {
        if let Self::ActiveDays { at_least, of_last } = self
            && !((1..=365).contains(&of_last) && (1..=of_last).contains(&at_least))
        {
            let reason = "is 1 or more, of as many of the last 365 days at most";
            return Err(Error::InvalidOption {
                option: "active_days",
                value: format!("{at_least} of {of_last}"),
                reason,
            });
        }
        Ok(())
    }
}
