//! How bad it is to lie below expectation.

use serde::{Deserialize, Serialize};

use super::signal::Severity;
use crate::error::{Error, Result};

/// A ratio this close to a bound is on it, but for rounding.
const ROUNDING: f64 = 1e-9;

/// From which share below expectation on something is worth a look, a call, or dropping something else for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Drops {
    low: f64,
    medium: f64,
    high: f64,
}

impl Drops {
    pub(super) const USUAL: Self = Self::new(0.2, 0.35, 0.5);

    pub(super) const fn new(low: f64, medium: f64, high: f64) -> Self {
        Self { low, medium, high }
    }

    pub(super) fn check(self) -> Result<()> {
        let Self { low, medium, high } = self;
        if 0.0 < low && low <= medium && medium <= high && high <= 1.0 {
            return Ok(());
        }
        let reason =
            "the drops for low, medium and high severity are shares of 1 in ascending order, like 0.2, 0.35, 0.5";
        Err(Error::InvalidOption { option: "severities", value: format!("{low}, {medium}, {high}"), reason })
    }

    /// How bad a ratio of observed to expected is.
    pub(super) fn severity(self, ratio: f64) -> Option<Severity> {
        let drop = 1.0 - ratio + ROUNDING;
        let bounds = [(self.high, Severity::High), (self.medium, Severity::Medium), (self.low, Severity::Low)];
        bounds.into_iter().find(|&(bound, _)| drop >= bound).map(|(_, severity)| severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_worse_side() {
        let ratios = [0.0, 0.5, 0.501, 0.65, 0.651, 0.8, 0.801, 1.0, 7.0, f64::NAN];
        let (low, medium, high) = (Some(Severity::Low), Some(Severity::Medium), Some(Severity::High));
        let expected = [high, high, medium, medium, low, low, None, None, None, None];
        assert_eq!(ratios.map(|ratio| Drops::USUAL.severity(ratio)), expected);
    }

    #[test]
    fn bounds_are_checked() {
        assert!(Drops::new(0.3, 0.3, 1.0).check().is_ok());
        for (low, medium, high) in [(0.0, 0.3, 0.5), (0.4, 0.3, 0.5), (0.2, 0.3, 1.1), (0.2, f64::NAN, 0.5)] {
            assert!(Drops::new(low, medium, high).check().is_err());
        }
    }
}
