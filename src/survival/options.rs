//! What ends a lifetime, and how far one that has not ended was followed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};

/// A longer silence is refused.
const MAX_SILENCE: u32 = 36_525;

/// Up to which day those are followed who have not ended.
///
/// Whoever was active yesterday may have gone for good, and it will take a silence to tell. So up to the day
/// `as_of - silence` it is known of everybody whether they had ended, and of the days after it, it is known of nobody.
/// What is made of these days is the whole difference; the ends and their times are the same in all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Censoring {
    /// Up to `as_of - silence`, the last day that is decided for everybody. The default, and the only one of the three
    /// that does not flatter: nobody is counted as at risk on a day on which their end could not have been seen, and
    /// everybody is followed to the same day, whatever they do, as the Kaplan-Meier estimator supposes. Actors who began
    /// later are [`Undecided`](crate::LifetimeState::Undecided) and not at risk at all.
    #[default]
    DecidedDay,
    /// Up to their own last active day, as queries have it that take the first and the last event of a user. On the days
    /// after `as_of - silence` those who come are counted as having survived and no end is counted, since none can be seen
    /// yet: survival comes out too high.
    LastActivity,
    /// Up to `as_of`, as if everybody were there whose silence is not long enough yet. Some of them have gone: survival
    /// comes out higher still. Right where ends are known at once, as those of contracts are; see
    /// [`Lifetimes::from_frame`](crate::Lifetimes::from_frame) for these.
    AsOf,
}

impl Censoring {
    /// The lower-case English name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DecidedDay => "decided day",
            Self::LastActivity => "last activity",
            Self::AsOf => "as of",
        }
    }
}

impl fmt::Display for Censoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What [`Activity::lifetimes`](crate::Activity::lifetimes) should take for the end of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifetimesOptions {
    pub(super) silence: u32,
    pub(super) censoring: Censoring,
    pub(crate) starting_from: Option<Date>,
}

impl LifetimesOptions {
    /// An actor has ended once so many days have passed since the last active one: with 30, who was last active on day d
    /// has ended when day d + 30 is over. There is no default: what counts as gone depends on how often the product is used.
    /// Too short a silence takes people for gone who come back, too long a one makes the newest days undecided.
    #[must_use]
    pub fn new(silence_days: u32) -> Self {
        Self { silence: silence_days, censoring: Censoring::default(), starting_from: None }
    }

    /// Up to which day those are followed who have not ended. The default is [`Censoring::DecidedDay`], the last day of
    /// which it is known who had ended on it.
    #[must_use]
    pub fn censoring(mut self, censoring: Censoring) -> Self {
        self.censoring = censoring;
        self
    }

    /// Takes only actors whose first active day is this one or later. The default takes all. A log that begins later than
    /// the product shows people of long standing as if they began in its first days; to leave them out, name a day by which
    /// most of them will have shown up.
    #[must_use]
    pub fn starting_from(mut self, first: Date) -> Self {
        self.starting_from = Some(first);
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        if (1..=MAX_SILENCE).contains(&self.silence) {
            return Ok(());
        }
        let reason = "the silence that ends a lifetime is 1 to 36525 days long";
        Err(Error::InvalidOption { option: "silence_days", value: self.silence.to_string(), reason })
    }

    /// The silence as a step on the calendar.
    pub(super) fn silence_days(&self) -> i32 {
        i32::try_from(self.silence).unwrap_or(i32::MAX)
    }
}

impl From<u32> for LifetimesOptions {
    fn from(silence_days: u32) -> Self {
        Self::new(silence_days)
    }
}
