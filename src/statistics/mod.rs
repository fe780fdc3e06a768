//! Intervals and tests: small, cited, on top of `statrs`.

mod interval;

pub use interval::Interval;
pub(crate) use interval::Wilson;
