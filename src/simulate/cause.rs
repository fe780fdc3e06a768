//! What makes accounts leave, and how it is planted.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};

/// The hazard ratio of a cause that has none of its own is e to the power of this many effects: 1 where there is no
/// effect, and 20 at the full one.
const LOG_RATIO: f64 = 3.0;
/// A cause that takes longer to set in is refused.
const MAX_OVER: u32 = 36_525;

/// Why an account comes to leave, and what shows of it in its data.
///
/// The effect is a share, from 0 to 1; at 0 nothing shows, but for the onset in [`Company::truth`](super::Company::truth).
/// Below, *s* is the effect as far as it has set in: 0 before the onset, then growing evenly for as many days as
/// [`Planted::over`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The rate of use of all users falls to 1 - s of what it was.
    UsageDecline,
    /// Everybody keeps to a share of 1 - s of their features, the most popular ones and at least one; as much is done as
    /// before.
    NarrowingUse,
    /// Nobody does anything for 120 days times the effect, all at once from the onset on; then they come back as before.
    GoingSilent,
    /// A share of the key contacts as large as the effect, rounded up, leaves one after the other: `until` is set and their
    /// use stops. A single one goes at any effect above 0. Every other one of them, by chance, has a successor two weeks to two months later.
    ChampionLeaves,
    /// The use of the key contacts falls to 1 - s of what it was; they remain the contacts.
    ChampionSilent,
    /// The readings of every limit climb by a share of s of what was left up to its cap.
    LimitPressure,
    /// Scores fall by 6 s points, and those who are asked answer 1 - s times as often.
    Dissatisfaction,
    /// From the first day on: the core feature is not touched for 180 days times the effect, and within 90 days use dwindles
    /// to 1 - effect of what it would have been. Only accounts that sign up within the simulated span can be struck.
    OnboardingFailure,
    /// A share of s of the invoices is paid 15 to 59 days late, every other one of them never.
    PaymentTrouble,
    /// Tickets are opened 1 + 4 s times as often, take 1 + 2 s times as long to close and are more often severe.
    SupportTrouble,
    /// A share of the users as large as the effect, rounded up, drops out one after the other; at the next renewal the
    /// subscription has as many seats less.
    SeatLoss,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 11] = [
        Self::UsageDecline,
        Self::NarrowingUse,
        Self::GoingSilent,
        Self::ChampionLeaves,
        Self::ChampionSilent,
        Self::LimitPressure,
        Self::Dissatisfaction,
        Self::OnboardingFailure,
        Self::PaymentTrouble,
        Self::SupportTrouble,
        Self::SeatLoss,
    ];

    /// The name, as it stands in frames: `usage_decline`, `going_silent`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UsageDecline => "usage_decline",
            Self::NarrowingUse => "narrowing_use",
            Self::GoingSilent => "going_silent",
            Self::ChampionLeaves => "champion_leaves",
            Self::ChampionSilent => "champion_silent",
            Self::LimitPressure => "limit_pressure",
            Self::Dissatisfaction => "dissatisfaction",
            Self::OnboardingFailure => "onboarding_failure",
            Self::PaymentTrouble => "payment_trouble",
            Self::SupportTrouble => "support_trouble",
            Self::SeatLoss => "seat_loss",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// When a cause begins to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Onset {
    /// On any day from 90 days after the account was first seen to the end of the span, each as likely. An account that is
    /// seen for less is not struck.
    Anytime,
    /// On one day for all. An account that signs up later is not struck.
    On(Date),
}

/// A cause that is planted in a share of the accounts.
///
/// # Example
///
/// ```
/// use attrition::{Cause, Onset, Planted, date};
///
/// // Half of the accounts fall silent for 60 days from one day on, and leave no sooner for it.
/// let planted = Planted::new(Cause::GoingSilent, 0.5, 0.5).onset(Onset::On(date(2025, 3, 1))).hazard_ratio(1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planted {
    pub(super) cause: Cause,
    pub(super) share: f64,
    pub(super) effect: f64,
    hazard_ratio: Option<f64>,
    pub(super) onset: Onset,
    pub(super) over: u32,
}

impl Planted {
    /// Plants a cause in a share of the accounts, with an effect from 0 (nothing changes) to 1 (as strong as can be).
    #[must_use]
    pub fn new(cause: Cause, share: f64, effect: f64) -> Self {
        Self { cause, share, effect, hazard_ratio: None, onset: Onset::Anytime, over: 28 }
    }

    /// By what the hazard of leaving is multiplied from the onset on. The default is e to the power of three effects: 1 at
    /// no effect, 6 at an effect of 0.6, 20 at the full one, so that the stronger cause is the more deadly.
    #[must_use]
    pub fn hazard_ratio(mut self, ratio: f64) -> Self {
        self.hazard_ratio = Some(ratio);
        self
    }

    /// When it begins to act. The default is [`Onset::Anytime`]: neither the season nor the tenure gives it away. Onboarding
    /// fails from the first day on, so [`Cause::OnboardingFailure`] takes no other.
    #[must_use]
    pub fn onset(mut self, onset: Onset) -> Self {
        self.onset = onset;
        self
    }

    /// Over how many days the effect sets in, growing by as much each day; 0 is a step. The default is 28, as customers
    /// seldom change from one day to the next. Silence and onboarding have a course of their own.
    #[must_use]
    pub fn over(mut self, days: u32) -> Self {
        self.over = days;
        self
    }

    pub(super) fn ratio(&self) -> f64 {
        self.hazard_ratio.unwrap_or_else(|| (LOG_RATIO * self.effect).exp())
    }

    pub(super) fn check(&self, first: Date, last: Date) -> Result<()> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        if !(0.0..=1.0).contains(&self.share) {
            return refuse("causes", format!("share {}", self.share), "a share of the accounts is 0 to 1");
        }
        if !(0.0..=1.0).contains(&self.effect) {
            return refuse("causes", format!("effect {}", self.effect), "an effect is 0, where nothing changes, to 1");
        }
        if !(0.0..=1e6).contains(&self.ratio()) {
            return refuse(
                "hazard_ratio",
                self.ratio().to_string(),
                "a hazard ratio is 0 to 1000000, and 1 changes nothing",
            );
        }
        if self.over > MAX_OVER {
            return refuse("over", self.over.to_string(), "a cause sets in over 0 to 36525 days");
        }
        if let Onset::On(date) = self.onset {
            if self.cause == Cause::OnboardingFailure {
                return refuse(
                    "onset",
                    date.to_string(),
                    "onboarding fails from the first day on; leave the onset as it is",
                );
            }
            if date < first || date > last {
                return refuse("onset", date.to_string(), "lies outside the simulated span; see from and days");
            }
        }
        Ok(())
    }
}
