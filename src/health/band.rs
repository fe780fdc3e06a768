//! Good, average or poor.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an account does, in the one word that a team speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthBand {
    /// It needs somebody now.
    Poor,
    /// It is worth watching.
    Average,
    /// It does well.
    Good,
}

impl HealthBand {
    /// All bands, the worst first.
    pub const ALL: [Self; 3] = [Self::Poor, Self::Average, Self::Good];

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Poor => "poor",
            Self::Average => "average",
            Self::Good => "good",
        }
    }
}

impl fmt::Display for HealthBand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
