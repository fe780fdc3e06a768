//! Who acted for which account.

use std::ops::Range;

use crate::activity::{Activity, Rows, SeatsByAccount};
use crate::frame::ids::Id;

/// The activity of the users, and for each account the seats that are theirs.
#[derive(Clone, Debug)]
pub(super) struct People {
    activity: Activity,
    seats: SeatsByAccount,
}

impl People {
    pub(super) fn new(activity: Activity) -> Self {
        let activity = activity.into_settled();
        let seats = SeatsByAccount::new(activity.ledger());
        Self { activity, seats }
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.activity.ledger().rows
    }

    pub(super) fn features(&self) -> &[String] {
        self.activity.features()
    }

    /// The users of an account that were active by a day: who, and the rows up to that day.
    pub(super) fn of(&self, account: u32, as_of: i32) -> impl Iterator<Item = (Id<'_>, Range<usize>)> {
        let seats = self.seats.of(account).iter();
        seats.filter_map(move |&(seat, actor)| {
            Some((self.activity.ledger().actors.get(actor as usize), self.known(seat as usize, as_of)?))
        })
    }

    /// The rows of a user within an account up to a day.
    pub(super) fn rows_of(&self, account: u32, person: Id<'_>, as_of: i32) -> Option<Range<usize>> {
        let ledger = self.activity.ledger();
        let actor = ledger.actors.position(person)?;
        self.known(ledger.seats(actor).find(|&seat| ledger.account(seat) == account)?, as_of)
    }

    /// The rows of a seat up to a day, if there are any.
    fn known(&self, seat: usize, as_of: i32) -> Option<Range<usize>> {
        let ledger = self.activity.ledger();
        let rows = ledger.rows_of_seat(seat);
        let known = ledger.rows.day[rows.clone()].partition_point(|&day| day <= as_of);
        (known > 0).then(|| rows.start..rows.start + known)
    }
}
