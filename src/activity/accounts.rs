//! The same activity with accounts as the actors.

use super::Activity;
use super::features::FeatureMap;
use super::ledger::{Ledger, NO_ACCOUNT, Stretch};
use crate::error::{Error, Result};

impl Activity {
    /// The activity with accounts as the actors: an account is active on the days on which any of its users acted on
    /// its behalf, with their events, values and features together.
    ///
    /// Events without an account are not in it; [`intake`](Self::intake) counts them under `without_account`.
    ///
    /// # Errors
    ///
    /// [`Error::NotMapped`] if the log was ingested without accounts; [`Error::TooLarge`] beyond 2^32 events of one
    /// account on one day, [`Error::Overflow`] for sums of values beyond an `f64`.
    pub fn by_account(&self) -> Result<Self> {
        let ledger = self.settled();
        let Some(accounts) = &ledger.accounts else { return Err(Error::NotMapped { column: "account" }) };
        // Seats by account; those of one account in the order of the users.
        let mut seats: Vec<usize> =
            (0..ledger.seat_count()).filter(|&seat| ledger.account(seat) != NO_ACCOUNT).collect();
        seats.sort_by_key(|&seat| ledger.account(seat));
        let rows = ledger.rows.none_alike();
        let mut by_account = Ledger::new(accounts.clone(), None, ledger.features.clone(), rows);
        let map = FeatureMap::between(&ledger.features, &ledger.features);
        let mut scratch = Vec::new();
        for same in seats.chunk_by(|&left, &right| ledger.account(left) == ledger.account(right)) {
            let part = |&seat: &usize| Stretch { rows: &ledger.rows, range: ledger.rows_of_seat(seat), map: &map };
            let parts: Vec<Stretch<'_>> = same.iter().map(part).collect();
            by_account.rows.extend_joined(&parts, &mut scratch);
            by_account.end_seat(NO_ACCOUNT, by_account.rows.len());
            by_account.end_actor();
        }
        by_account.check_counts()?;
        if seats.len() < ledger.seat_count() {
            // Features that were only used without an account are not features of this activity.
            by_account = by_account.without_those_of(&ledger);
        }
        Ok(self.with_ledger(by_account))
    }
}
