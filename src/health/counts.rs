//! How many accounts do how.

use serde::{Deserialize, Serialize};

use super::HealthBand;
use crate::portfolio::Membership;
use crate::statistics::ratio;

/// How many accounts do how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthCounts {
    /// Customers in good health.
    pub good: u64,
    /// Customers in average health.
    pub average: u64,
    /// Customers in poor health.
    pub poor: u64,
    /// Customers of whom too little is observed for a band.
    pub not_observed: u64,
    /// Accounts that had left, which are not scored.
    pub left: u64,
    /// Accounts that had lapsed, which are not scored.
    pub lapsed: u64,
}

impl HealthCounts {
    /// Customers with and without a band.
    #[must_use]
    pub fn customers(&self) -> u64 {
        self.good + self.average + self.poor + self.not_observed
    }

    /// All accounts.
    #[must_use]
    pub fn accounts(&self) -> u64 {
        self.customers() + self.left + self.lapsed
    }

    /// The number of customers in a band.
    #[must_use]
    pub fn of(&self, band: HealthBand) -> u64 {
        match band {
            HealthBand::Poor => self.poor,
            HealthBand::Average => self.average,
            HealthBand::Good => self.good,
        }
    }

    /// The share of the customers with a band that is in this one; `None` where there are none.
    #[must_use]
    pub fn share(&self, band: HealthBand) -> Option<f64> {
        ratio(self.of(band), self.good + self.average + self.poor)
    }

    pub(super) fn add(&mut self, membership: Membership, band: Option<HealthBand>) {
        let place = match (membership, band) {
            (Membership::Left, _) => &mut self.left,
            (Membership::Lapsed, _) => &mut self.lapsed,
            (_, Some(HealthBand::Good)) => &mut self.good,
            (_, Some(HealthBand::Average)) => &mut self.average,
            (_, Some(HealthBand::Poor)) => &mut self.poor,
            (_, None) => &mut self.not_observed,
        };
        *place += 1;
    }
}
