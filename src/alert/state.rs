//! The states of an alert, and what leads from one to another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an alert stands.
///
/// ```text
/// (nothing) ─▶ Held ─▶ Open ─▶ Escalated ─▶ Acknowledged ─▶ CooledDown ─▶ Closed
/// ```
///
/// Any of these may be passed over, and whatever is on the list may be snoozed. An alert that cooled down comes back as
/// what it was, one that was held being held again or, where there is room, opened; a closed one never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It would be open, but the week is full.
    Held,
    /// It waits for somebody.
    Open,
    /// It got worse, or waited too long.
    Escalated,
    /// Somebody is on it.
    Acknowledged,
    /// Somebody asked not to be reminded for a while.
    Snoozed,
    /// The signs are gone; it waits whether they stay away.
    CooledDown,
    /// It is over.
    Closed,
}

impl AlertState {
    /// All states in the order of their course.
    pub const ALL: [Self; 7] =
        [Self::Held, Self::Open, Self::Escalated, Self::Acknowledged, Self::Snoozed, Self::CooledDown, Self::Closed];

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Open => "open",
            Self::Escalated => "escalated",
            Self::Acknowledged => "acknowledged",
            Self::Snoozed => "snoozed",
            Self::CooledDown => "cooled_down",
            Self::Closed => "closed",
        }
    }

    /// Whether there is something to do: it is open, escalated or acknowledged.
    #[must_use]
    pub fn is_to_be_worked(self) -> bool {
        matches!(self, Self::Open | Self::Escalated | Self::Acknowledged)
    }

    /// Whether it was shown to somebody and its signs have not gone.
    pub(super) fn is_on_the_list(self) -> bool {
        self.is_to_be_worked() || self == Self::Snoozed
    }

    /// Whether one state may come after another, or as the first.
    pub(super) fn may_follow(self, from: Option<Self>) -> bool {
        match from {
            None => matches!(self, Self::Held | Self::Open),
            Some(Self::Held) => matches!(self, Self::Open | Self::CooledDown | Self::Closed),
            Some(Self::Closed) => false,
            Some(Self::CooledDown) => self.is_to_be_worked() || matches!(self, Self::Held | Self::Closed),
            Some(Self::Snoozed) => self != Self::Held,
            // An escalated alert escalates once more where it gets worse still.
            Some(from @ (Self::Open | Self::Escalated | Self::Acknowledged)) => {
                !matches!(self, Self::Held | Self::Open) && (self != from || self == Self::Escalated)
            }
        }
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why an alert went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeReason {
    /// It fired for long enough.
    Fired,
    /// It fired for long enough, and as many alerts as may have opened within the week.
    WeekFull,
    /// It fires more severely than it ever did.
    Worse,
    /// It fires, and nobody acknowledged it.
    Unacknowledged,
    /// Somebody acknowledged it.
    Acknowledged,
    /// Somebody snoozed it.
    Snoozed,
    /// The time for which it was snoozed is over.
    SnoozeOver,
    /// It was quiet for long enough.
    Quiet,
    /// It fires again.
    FiredAgain,
    /// It stayed quiet.
    StayedQuiet,
    /// Somebody closed it.
    Decided,
    /// The account has left.
    Left,
    /// The account has lapsed.
    Lapsed,
}

impl ChangeReason {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::WeekFull => "week_full",
            Self::Worse => "worse",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::Snoozed => "snoozed",
            Self::SnoozeOver => "snooze_over",
            Self::Quiet => "quiet",
            Self::FiredAgain => "fired_again",
            Self::StayedQuiet => "stayed_quiet",
            Self::Decided => "decided",
            Self::Left => "left",
            Self::Lapsed => "lapsed",
        }
    }
}

impl fmt::Display for ChangeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
