//! How far a customer has come.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::plan::check_days;
use super::terms::next;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Subscription};
use crate::trigger::habit;

/// How far a customer has come; after [`StageRules`], which has the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleStage {
    /// New, and not at first value yet.
    Onboarding,
    /// New, and past first value.
    Adopting,
    /// Neither new nor about to decide.
    Established,
    /// About to decide whether to stay.
    Renewing,
}

impl LifecycleStage {
    /// All stages in order.
    pub const ALL: [Self; 4] = [Self::Onboarding, Self::Adopting, Self::Established, Self::Renewing];

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding",
            Self::Adopting => "adopting",
            Self::Established => "established",
            Self::Renewing => "renewing",
        }
    }
}

impl fmt::Display for LifecycleStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where lifecycle stages begin and end.
///
/// ```text
/// tenure       as_of - the first day as a customer
/// first value  active on so many of 14 days in a row, once since then
/// renewing     a running term is up for renewal within so many days, and lasts at least twice as many; one that was
///              renewed silently is up one term after its last renewal
/// onboarding   not renewing, tenure below the days of onboarding, no first value yet
/// adopting     not renewing, tenure below the days of adoption, first value reached
/// established  everybody else
/// ```
///
/// Terms by the month are always about to be renewed, so they do not make anybody renewing. Of a customer whose first day
/// is not known, and lies before the observation, the stage is known once the observation is as long as adoption takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRules {
    pub(super) onboarding_days: u32,
    pub(super) adopting_days: u32,
    pub(super) renewing_days: u32,
    pub(super) first_value_days: u32,
}

impl StageRules {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { onboarding_days: 90, adopting_days: 180, renewing_days: 90, first_value_days: 5 }
    }

    /// How long onboarding may take. 90 days unless told, as for [`OnboardingStall`](crate::OnboardingStall); who has not
    /// come to first value by then is established without it, and triggers speak of them.
    #[must_use]
    pub fn onboarding_days(mut self, days: u32) -> Self {
        self.onboarding_days = days;
        self
    }

    /// Up to which tenure a customer past first value is adopting. 180 days unless told: two quarters.
    #[must_use]
    pub fn adopting_days(mut self, days: u32) -> Self {
        self.adopting_days = days;
        self
    }

    /// How many days before a renewal a customer is renewing. 90 unless told: the quarter before, as in the playbooks for
    /// renewals, which begin with 90 or 120 days.
    #[must_use]
    pub fn renewing_days(mut self, days: u32) -> Self {
        self.renewing_days = days;
        self
    }

    /// On how many of 14 days in a row a customer has to have been active for first value, 1 to 14. 5 unless told: that is
    /// weekly use as ChurnZero counts it.
    #[must_use]
    pub fn first_value_days(mut self, days: u32) -> Self {
        self.first_value_days = days;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        check_days("onboarding_days", self.onboarding_days)?;
        check_days("adopting_days", self.adopting_days)?;
        check_days("renewing_days", self.renewing_days)?;
        if !(1..=14).contains(&self.first_value_days) {
            let reason = "first value is 1 to 14 active days of 14";
            let value = self.first_value_days.to_string();
            return Err(Error::InvalidOption { option: "first_value_days", value, reason });
        }
        Ok(())
    }

    /// The stage of a customer; `None` where it is not known how long it has been one.
    #[must_use]
    pub fn stage(&self, account: &Account<'_>) -> Option<LifecycleStage> {
        let as_of = account.as_of();
        let near = |term: &Subscription<'_>| {
            let days = i64::from(self.renewing_days);
            let in_sight = |renewal: Date| (1..=days).contains(&i64::from(renewal - as_of));
            next(term, as_of).is_some_and(|(end, silently)| {
                in_sight(end) && i64::from(end - silently.unwrap_or(term.start)) >= 2 * days
            })
        };
        if account.running().is_some_and(|terms| terms.iter().any(near)) {
            return Some(LifecycleStage::Renewing);
        }
        let below = |since: Date, days: u32| i64::from(as_of - since) < i64::from(days);
        let Some(since) = account.member_since() else {
            return (!below(account.observed_from(), self.adopting_days)).then_some(LifecycleStage::Established);
        };
        let first_value = || {
            let days = account.days();
            let own = &days[days.partition_point(|&day| day < since.days_since_epoch())..];
            habit(own, self.first_value_days as usize).is_some()
        };
        Some(match (below(since, self.onboarding_days), below(since, self.adopting_days)) {
            (true, _) if !first_value() => LifecycleStage::Onboarding,
            (true, _) => LifecycleStage::Adopting,
            (false, true) if first_value() => LifecycleStage::Adopting,
            _ => LifecycleStage::Established,
        })
    }
}

impl Default for StageRules {
    fn default() -> Self {
        Self::new()
    }
}
