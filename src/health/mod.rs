//! How accounts do: scores, given and fitted, and bands.

mod account;
mod answer;
mod band;
mod counts;
mod fit;
mod frames;
mod history;
mod measures;
mod options;
mod profile;
mod scoring;
mod signal;
mod today;

pub use account::{AccountHealth, HealthContribution};
pub use answer::Health;
pub use band::HealthBand;
pub use counts::HealthCounts;
pub use fit::{
    BrierScore, CardRange, CardSignal, FittedHealth, FittedSignal, HealthAccuracy, HealthDrift, HealthFitOptions,
    HealthWeight, PointsCard, ReliabilityBin,
};
pub use history::{HealthHistory, HealthState};
pub use options::HealthOptions;
pub use profile::{HealthProfile, HealthScale};
pub use signal::{GoodWhen, HealthMeasure, HealthSignal};
pub(crate) use today::{Labels, Scores};
