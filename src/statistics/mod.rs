//! Rates and their intervals, differences of rates and of curves, and what many tests at once ask for: small, cited, on
//! top of `statrs`.

mod adjust;
mod auc;
mod calibration;
mod clustered;
mod contingency;
mod gray;
mod interval;
mod kappa;
mod log_rank;
mod logistic;
mod mantel_haenszel;
mod net_promoter;
mod paired;
mod permutation;
mod proportions;
mod random;
mod random_table;
mod rate_ratio;
mod rates;
mod saddlepoint;
mod stratified;
mod theil_sen;
mod trend;
mod two_sided;

pub use adjust::Correction;
pub(crate) use auc::{Area, AreaDifference, Outcomes};
pub(crate) use calibration::{brier, intercept, recalibration, reliability};
pub(crate) use clustered::{ClusteredShare, clustered_share, lift};
pub use contingency::{Association, AssociationCell, AssociationTest};
pub(crate) use contingency::{association, cells};
pub(crate) use gray::{GraySums, Risks};
pub use interval::Interval;
pub(crate) use interval::{Wilson, critical_value};
pub(crate) use kappa::kappa;
pub use log_rank::LogRank;
pub(crate) use log_rank::LogRankSums;
pub(crate) use logistic::{Clustered, LogisticFit, Observations, Sign, Term, logistic, probability};
pub(crate) use mantel_haenszel::mantel_haenszel;
pub(crate) use net_promoter::{Recommendations, net_promoter};
pub(crate) use paired::{PairedDifference, clustered_sum, paired_difference};
pub(crate) use permutation::{Side, few_choices, permutation_test};
pub(crate) use proportions::{Contrast, Share, two_proportions};
pub(crate) use random::SplitMix64;
pub(crate) use rate_ratio::{Exposed, plain_rate_ratio, rate_ratio};
pub(crate) use rates::{Amount, amount_trend, rate_interval, rate_trend, two_rates};
pub(crate) use saddlepoint::permutation_saddlepoint;
pub(crate) use stratified::{Arm, EffectOnTreated, Stratum};
pub(crate) use theil_sen::theil_sen;
pub use trend::TrendTest;
pub(crate) use trend::trend;
pub(crate) use two_sided::fisher_exact;

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts of what was ever seen are far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// Part of a whole; `None` where there is no whole.
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}
