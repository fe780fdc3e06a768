//! Who acted for which account.

use std::ops::Range;

use crate::activity::{Activity, NO_ACCOUNT, Rows};
use crate::frame::ids::Id;

/// The activity of the users, and for each account the seats that are theirs.
#[derive(Clone, Debug)]
pub(super) struct People {
    activity: Activity,
    /// Per account the first of its seats, and one more for the end.
    first: Vec<u32>,
    /// Account by account its seats and whose they are, in the order of the users.
    seats: Vec<(u32, u32)>,
}

impl People {
    #[expect(clippy::cast_possible_truncation, reason = "seats and users are counted in a u32 at ingestion")]
    pub(super) fn new(activity: Activity) -> Self {
        let activity = activity.into_settled();
        let ledger = activity.ledger();
        let mut first = vec![0_u32; ledger.accounts.as_ref().map_or(0, crate::frame::ids::Ids::len) + 1];
        let accounts =
            (0..ledger.seat_count()).map(|seat| ledger.account(seat)).filter(|&account| account != NO_ACCOUNT);
        accounts.for_each(|account| first[account as usize + 1] += 1);
        for account in 1..first.len() {
            first[account] += first[account - 1];
        }
        let mut next = first.clone();
        let mut seats = vec![(0, 0); first.last().map_or(0, |&seats| seats as usize)];
        for actor in 0..ledger.len() {
            for seat in ledger.seats(actor).filter(|&seat| ledger.account(seat) != NO_ACCOUNT) {
                let place = &mut next[ledger.account(seat) as usize];
                seats[*place as usize] = (seat as u32, actor as u32);
                *place += 1;
            }
        }
        Self { activity, first, seats }
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.activity.ledger().rows
    }

    pub(super) fn features(&self) -> &[String] {
        self.activity.features()
    }

    /// The users of an account that were active by a day: who, and the rows up to that day.
    pub(super) fn of(&self, account: u32, as_of: i32) -> impl Iterator<Item = (Id<'_>, Range<usize>)> {
        let ledger = self.activity.ledger();
        let seats = &self.seats[self.first[account as usize] as usize..self.first[account as usize + 1] as usize];
        seats.iter().filter_map(move |&(seat, actor)| {
            let rows = ledger.rows_of_seat(seat as usize);
            let known = ledger.rows.day[rows.clone()].partition_point(|&day| day <= as_of);
            (known > 0).then(|| (ledger.actors.get(actor as usize), rows.start..rows.start + known))
        })
    }

    /// The rows of a user within an account up to a day.
    pub(super) fn rows_of(&self, account: u32, person: Id<'_>, as_of: i32) -> Option<Range<usize>> {
        let ledger = self.activity.ledger();
        let actor = ledger.actors.position(person)?;
        let seat = ledger.seats(actor).find(|&seat| ledger.account(seat) == account)?;
        let rows = ledger.rows_of_seat(seat);
        let known = ledger.rows.day[rows.clone()].partition_point(|&day| day <= as_of);
        (known > 0).then(|| rows.start..rows.start + known)
    }
}
