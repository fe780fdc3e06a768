//! Events on their way in: as the columns of a batch, and one by one.

use std::borrow::Cow;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::features::{LOW_FEATURES, NO_FEATURE};
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
}

/// The hash by which users are dealt out and looked up.
#[inline]
pub(crate) fn hash(user: u64) -> u64 {
    FixedState::default().hash_one(user)
}

/// What an event has beside user and day. For a log that maps nothing else it is `()`, which takes neither room nor time.
pub(crate) trait Beside: Copy + std::fmt::Debug + Default + Send {
    /// Reads it from a row of a batch.
    fn of(batch: &Batch<'_>, row: usize) -> Self;

    /// The account.
    fn account(&self) -> Option<u64> {
        None
    }

    /// The summed value.
    fn value(&self) -> f64 {
        0.0
    }

    /// The features below [`LOW_FEATURES`], as bits.
    fn low(&self) -> u64 {
        0
    }

    /// One feature from [`LOW_FEATURES`] on, or [`NO_FEATURE`].
    fn high(&self) -> u32 {
        NO_FEATURE
    }

    /// The same account with nothing on it yet.
    fn emptied(self) -> Self {
        self
    }

    /// Nothing but the account and the high feature.
    fn only_high(self) -> Self {
        self
    }

    /// Adds another of the same account, but for its high feature.
    fn join(&mut self, _other: Self) {}
}

impl Beside for () {
    fn of(_: &Batch<'_>, _: usize) -> Self {}
}

/// Account, value and features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    account: Option<u64>,
    value: f64,
    low: u64,
    high: u32,
}

impl Rest {
    #[inline]
    pub(crate) fn new(account: Option<u64>, value: f64, feature: u32) -> Self {
        if feature < LOW_FEATURES {
            Self { account, value, low: 1 << feature, high: NO_FEATURE }
        } else {
            Self { account, value, low: 0, high: feature }
        }
    }
}

impl Default for Rest {
    fn default() -> Self {
        Self { account: None, value: 0.0, low: 0, high: NO_FEATURE }
    }
}

impl Beside for Rest {
    #[inline]
    fn of(batch: &Batch<'_>, row: usize) -> Self {
        let account = batch.account.as_ref().filter(|account| !account.is_null(row)).map(|account| account.keys[row]);
        let value = batch.value.as_ref().map_or(0.0, |value| value[row]);
        Self::new(account, value, batch.feature.as_ref().map_or(NO_FEATURE, |feature| feature[row]))
    }

    #[inline]
    fn account(&self) -> Option<u64> {
        self.account
    }

    #[inline]
    fn value(&self) -> f64 {
        self.value
    }

    #[inline]
    fn low(&self) -> u64 {
        self.low
    }

    #[inline]
    fn high(&self) -> u32 {
        self.high
    }

    fn emptied(self) -> Self {
        Self { account: self.account, ..Self::default() }
    }

    fn only_high(self) -> Self {
        Self { high: self.high, ..self.emptied() }
    }

    #[inline]
    fn join(&mut self, other: Self) {
        self.value += other.value;
        self.low |= other.low;
    }
}

/// Part of an active user-day: one event, or several added up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part<B> {
    pub(crate) user: u64,
    pub(crate) day: i32,
    pub(crate) events: u32,
    pub(crate) beside: B,
}
