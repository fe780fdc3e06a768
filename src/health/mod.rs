//! How accounts do: scores, given and fitted, and bands.

mod band;

pub use band::HealthBand;
