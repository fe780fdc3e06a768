//! Limits of a survival curve.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::statistics::Interval;

/// On which scale the interval of a survival curve is symmetric.
///
/// With σ the standard error of log S by Greenwood's formula, and z the quantile of the normal distribution:
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SurvivalInterval {
    /// `S ^ exp(± z σ / log S)`. The default: it stays within 0 and 1 by itself, and covers well where few are left. There is
    /// none where S is 0 or 1.
    #[default]
    LogLog,
    /// `S exp(± z σ)`, cut off at 1: what R's `survfit` gives unless told otherwise. There is none where S is 0.
    Log,
    /// `S ± z σ S`, cut off at 0 and 1: the textbook's. There is none where S is 0.
    Plain,
}

impl SurvivalInterval {
    /// The lower-case English name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LogLog => "log-log",
            Self::Log => "log",
            Self::Plain => "plain",
        }
    }

    /// The interval around a survival of which the logarithm has the standard error `sigma`.
    pub(super) fn around(self, survival: f64, sigma: f64, z: f64) -> Option<Interval> {
        if survival <= 0.0 {
            return None;
        }
        let spread = z * sigma;
        match self {
            Self::LogLog if survival >= 1.0 => None,
            Self::LogLog => {
                let power = (spread / survival.ln()).exp();
                Some(Interval { lower: survival.powf(1.0 / power), upper: survival.powf(power) })
            }
            Self::Log => {
                Some(Interval { lower: survival * (-spread).exp(), upper: (survival * spread.exp()).min(1.0) })
            }
            Self::Plain => {
                let spread = spread * survival;
                Some(Interval { lower: (survival - spread).max(0.0), upper: (survival + spread).min(1.0) })
            }
        }
    }
}

impl fmt::Display for SurvivalInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
