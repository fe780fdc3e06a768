//! Lifetimes as columns say them.

use serde::{Deserialize, Serialize};

/// What columns say of lifetimes, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredGiven")]
pub(super) struct Given {
    /// Rows left out because something in them is null.
    pub(super) incomplete: u64,
    /// `None` where all were watched from the start.
    pub(super) entry: Option<Vec<Option<f64>>>,
    pub(super) time: Vec<f64>,
    pub(super) ended: Vec<bool>,
}
