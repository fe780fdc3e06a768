//! The same activity with accounts as the actors.

use rayon::prelude::*;

use super::Activity;
use super::features::FeatureMap;
use super::joined::Board;
use super::ledger::{Ledger, NO_ACCOUNT, Rows, Stretch};
use crate::error::{Error, Result};

/// Accounts that are joined together, so that a thread has enough to do and none has too much.
const ACCOUNTS_AT_ONCE: usize = 1024;

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
        let seats = SeatsByAccount::new(&ledger);
        let carried = ledger.rows.carried();
        let map = FeatureMap::between(&ledger.features, &ledger.features);
        let numbers: Vec<u32> = (0_u32..).take(accounts.len()).collect();
        let joined: Vec<(Rows, Vec<usize>)> = numbers
            .par_chunks(ACCOUNTS_AT_ONCE)
            .map(|numbers| {
                let (mut rows, mut board, mut parts) = (ledger.rows.none_alike(), Board::default(), Vec::new());
                let mut ends = Vec::with_capacity(numbers.len());
                for &account in numbers {
                    parts.clear();
                    parts.extend(seats.of(account).iter().map(|&(seat, _)| {
                        let range = ledger.rows_of_seat(seat as usize);
                        Stretch { rows: &ledger.rows, range, map: &map }
                    }));
                    board.join(&mut rows, &parts, carried);
                    ends.push(rows.len());
                }
                (rows, ends)
            })
            .collect();
        let mut rows = ledger.rows.none_alike();
        rows.reserve_exact(joined.iter().map(|(rows, _)| rows.len()).sum());
        let mut by_account =
            Ledger::with_capacity(accounts.len(), accounts.clone(), None, ledger.features.clone(), rows);
        for (rows, ends) in joined {
            let before = by_account.rows.len();
            by_account.rows.extend(&rows, 0..rows.len(), &map);
            for end in ends {
                by_account.end_seat(NO_ACCOUNT, before + end);
                by_account.end_actor();
            }
        }
        by_account.check_counts()?;
        if seats.len() < ledger.seat_count() {
            // Features that were only used without an account are not features of this activity.
            by_account = by_account.without_those_of(&ledger);
        }
        Ok(self.with_ledger(by_account))
    }
}

/// The seats of a table by their accounts, those of one account in the order of the actors.
#[derive(Clone, Debug)]
pub(crate) struct SeatsByAccount {
    /// Per account the first of its seats, and one more for the end.
    first: Vec<u32>,
    /// Seat and actor.
    seats: Vec<(u32, u32)>,
}

impl SeatsByAccount {
    #[expect(clippy::cast_possible_truncation, reason = "seats and actors are counted in a u32 at ingestion")]
    pub(crate) fn new(ledger: &Ledger) -> Self {
        let accounts = ledger.accounts.as_ref().map_or(0, crate::frame::ids::Ids::len);
        let mut first = vec![0_u32; accounts + 1];
        let taken = |seat: &usize| ledger.account(*seat) != NO_ACCOUNT;
        for seat in (0..ledger.seat_count()).filter(taken) {
            first[ledger.account(seat) as usize + 1] += 1;
        }
        for account in 0..accounts {
            first[account + 1] += first[account];
        }
        let mut next = first.clone();
        let mut seats = vec![(0, 0); first[accounts] as usize];
        for actor in 0..ledger.len() {
            for seat in ledger.seats(actor).filter(taken) {
                let place = &mut next[ledger.account(seat) as usize];
                seats[*place as usize] = (seat as u32, actor as u32);
                *place += 1;
            }
        }
        Self { first, seats }
    }

    /// The seats of an account, and whose they are.
    pub(crate) fn of(&self, account: u32) -> &[(u32, u32)] {
        &self.seats[self.first[account as usize] as usize..self.first[account as usize + 1] as usize]
    }

    /// How many seats have an account.
    fn len(&self) -> usize {
        self.seats.len()
    }
}
