//! Whether customers decided to leave.

use serde::{Deserialize, Serialize};

/// Whether a customer left or was lost without wanting to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChurnKind {
    /// The customer decided to leave.
    Voluntary,
    /// A payment failed, or the account was closed from this side.
    Involuntary,
}

impl ChurnKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Voluntary => "voluntary",
            Self::Involuntary => "involuntary",
        }
    }
}
