//! Events on their way in: as the columns of a batch, and one by one.

use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::features::NO_FEATURE;
use crate::frame::keys::Keys;

/// The day of a row that is left out.
pub(crate) const LEFT_OUT: i32 = i32::MIN;

/// Events as plain columns.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) user: Keys<'a>,
    /// Per row the local day, [`LEFT_OUT`] for a row that is left out.
    pub(crate) day: Vec<i32>,
    pub(crate) account: Option<Keys<'a>>,
    pub(crate) feature: Option<Vec<u32>>,
    pub(crate) value: Option<Cow<'a, [f64]>>,
    /// Per row what the clock shows, in nanoseconds since midnight; anything for a row that is left out.
    pub(crate) times: Option<Vec<u64>>,
}

/// The hash by which users are dealt out and looked up.
#[inline]
pub(crate) fn hash(user: u64) -> u64 {
    FixedState::default().hash_one(user)
}

/// One event on its way to its shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<D> {
    pub(crate) user: u64,
    pub(crate) day: i32,
    /// The number of the feature, [`NO_FEATURE`] without one.
    pub(crate) feature: u32,
    pub(crate) detail: D,
}

impl<D: Detail> Event<D> {
    #[inline]
    pub(crate) fn of(batch: &Batch<'_>, row: usize) -> Self {
        let feature = batch.feature.as_ref().map_or(NO_FEATURE, |feature| feature[row]);
        Self { user: batch.user.keys[row], day: batch.day[row], feature, detail: D::of(batch, row) }
    }
}

/// What an event says beside user, day and feature. For a log that maps nothing else it is `()`, which takes neither room
/// nor time.
pub(crate) trait Detail: Copy + Debug + Send + Sync {
    /// Reads it from a row of a batch.
    fn of(batch: &Batch<'_>, row: usize) -> Self;

    /// The account.
    fn account(self) -> Option<u64> {
        None
    }

    /// The value, or the sum of those joined.
    fn value(self) -> f64 {
        0.0
    }

    /// The first and the last clock time.
    fn times(self) -> Times {
        Times::default()
    }

    /// Adds that of another event of the same account.
    fn join(&mut self, _other: Self) {}
}

impl Detail for () {
    fn of(_: &Batch<'_>, _: usize) -> Self {}
}

/// The account alone, as most logs that have more than users and days have it.
pub(crate) type Account = Option<u64>;

impl Detail for Account {
    #[inline]
    fn of(batch: &Batch<'_>, row: usize) -> Self {
        batch.account.as_ref().filter(|account| !account.is_null(row)).map(|account| account.keys[row])
    }

    #[inline]
    fn account(self) -> Option<u64> {
        self
    }
}

/// Account and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountAndValue {
    account: Account,
    value: f64,
}

impl Detail for AccountAndValue {
    #[inline]
    fn of(batch: &Batch<'_>, row: usize) -> Self {
        Self { account: Account::of(batch, row), value: batch.value.as_ref().map_or(0.0, |value| value[row]) }
    }

    #[inline]
    fn account(self) -> Option<u64> {
        self.account
    }

    #[inline]
    fn value(self) -> f64 {
        self.value
    }

    #[inline]
    fn join(&mut self, other: Self) {
        self.value += other.value;
    }
}

/// The first and the last time of a day, in nanoseconds since midnight by the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Times {
    #[inline]
    pub(crate) fn join(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Clock times beside what else a log says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed<D> {
    detail: D,
    times: Times,
}

impl<D: Detail> Detail for Timed<D> {
    #[inline]
    fn of(batch: &Batch<'_>, row: usize) -> Self {
        let time = batch.times.as_ref().map_or(0, |times| times[row]);
        Self { detail: D::of(batch, row), times: Times { first: time, last: time } }
    }

    #[inline]
    fn account(self) -> Option<u64> {
        self.detail.account()
    }

    #[inline]
    fn value(self) -> f64 {
        self.detail.value()
    }

    #[inline]
    fn times(self) -> Times {
        self.times
    }

    #[inline]
    fn join(&mut self, other: Self) {
        self.detail.join(other.detail);
        self.times.join(other.times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_pay_for_what_they_map() {
        let sizes = [size_of::<Event<()>>(), size_of::<Event<Account>>(), size_of::<Event<AccountAndValue>>()];
        assert_eq!(sizes, [16, 32, 40]);
        assert_eq!(size_of::<Event<Timed<()>>>(), 32);
    }
}
