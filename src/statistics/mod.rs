//! Rates and their intervals: small, cited, on top of `statrs`.

mod interval;
mod stratified;

pub use interval::Interval;
pub(crate) use interval::Wilson;
pub(crate) use stratified::{Arm, EffectOnTreated, Stratum};

/// Part of a whole; `None` where there is no whole.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
