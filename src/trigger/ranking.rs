//! By what accounts are ranked within a rule.

use super::signal::Severity;

/// The severity first, where nothing fires the least, and within it a number from 0 to 1, larger being worse.
pub(super) fn ranked(severity: Option<Severity>, within: f64) -> f64 {
    let level = match severity {
        None => 0.0,
        Some(Severity::Low) => 1.0,
        Some(Severity::Medium) => 2.0,
        Some(Severity::High) => 3.0,
    };
    level + within.clamp(0.0, 1.0)
}
