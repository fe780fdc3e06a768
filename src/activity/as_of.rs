//! The activity as it was known on a past day.

use super::{Activity, Observation};
use crate::calendar::Date;
use crate::error::{Error, Result};

impl Activity {
    /// The activity as it was known at the end of `as_of`: no later event, user, account or feature is in it.
    ///
    /// It equals an ingestion of the log up to that day. Of a part of a [`Split`](crate::Split) or of a
    /// [`filter`](Self::filter) that is the log of its actors, so features that only others used are no longer known to
    /// it: where segments are to know the same features, go back first and divide then. Later events are moved to
    /// [`after_window`](crate::Intake::after_window); the other counts of the intake stay those of the whole log, for
    /// it is not known on which day a row without a time belongs.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a day outside the observation: before it nothing is known, and a later day is
    /// observed by taking in its events, be they none.
    pub fn at(&self, as_of: Date) -> Result<Self> {
        if as_of < self.observed_from() || as_of > self.as_of() {
            let reason = "lies outside the observation; name its end when ingesting, or append the later events";
            return Err(Error::InvalidOption { option: "as_of", value: as_of.to_string(), reason });
        }
        let ledger = self.settled().until(as_of.days_since_epoch());
        let mut known = self.with_ledger(ledger);
        known.observation = Observation { last: as_of, ..self.observation };
        let later = self.events() - known.events();
        known.intake.after_window += later;
        known.intake.events = known.intake.events.saturating_sub(later);
        if known.ledger.accounts.is_some() {
            known.intake.without_account = known.ledger.events_without_account();
        }
        Ok(known)
    }
}
