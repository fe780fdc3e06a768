//! Why customers leave: records of cancellations, the reasons they are sorted by, and where both are kept.

mod agreement;
mod at_risk;
mod billing;
mod by_group;
mod by_trigger;
mod cancellation;
mod classes;
mod columns;
mod currency;
#[cfg(feature = "sqlite")]
mod database;
mod enrichment;
mod export;
mod feedback;
mod incidence;
mod incidence_options;
mod kind;
mod labels;
mod path;
mod policy;
mod ranking;
mod read;
mod records;
mod rows;
mod taxonomy;
mod trends;
mod warnings;
mod win_backs;
mod worth_mending;
mod write;

pub use agreement::{FoundReason, ReasonAgreement, ReasonAgreementOptions, StatedReason};
pub use at_risk::CustomersAtRisk;
pub use billing::{BillingSystem, ReasonCodes};
pub use by_group::{ReasonGroupCell, ReasonGrouping, ReasonsBy, ReasonsByOptions};
pub use by_trigger::{ReasonsByTrigger, ReasonsByTriggerOptions, TriggerBeforeReason, WarnedReason};
pub use cancellation::{Cancellation, CustomerId, WinBack};
pub use columns::ChurnColumns;
pub use currency::ExchangeRates;
#[cfg(feature = "sqlite")]
pub use database::{ChurnDatabase, DatabaseAccess, DatabaseOptions, FieldChange, RecordCorrection, RecordHistory};
pub use enrichment::{Departure, EngagementClass, EngagementTrend, Enrichment, EnrichmentOptions, WarningOptions};
pub use feedback::{
    Feedback, FeedbackGrouping, FeedbackItem, FeedbackLog, FeedbackOptions, FeedbackState, FeedbackTally,
};
pub use incidence::ReasonIncidence;
pub use incidence_options::{CustomerColumns, ReasonIncidenceOptions, RecordGroup};
pub use kind::ChurnKind;
pub use path::{Reason, ReasonLevel};
pub use policy::ImportPolicy;
pub use ranking::{RankBy, RankedReason, ReasonRanking, ReasonRankingOptions};
pub use records::{ChurnRecords, ReasonAxis};
pub use taxonomy::{ReasonChange, Taxonomy, TaxonomyEntry};

pub use trends::{
    RateGrowth, ReasonPeriod, ReasonShift, ReasonTrend, ReasonTrendCell, ReasonTrends, ReasonTrendsOptions, ShareTrend,
    ShiftSide, ValueGrowth,
};

pub use warnings::{Warning, WarningColumns, Warnings};
pub use win_backs::{ReasonReturns, ReturnedWithin, WinBacks, WinBacksOptions};
pub use worth_mending::{MendableReason, ReasonDirection, WorthMending, WorthMendingOptions};

crate::frame::to_frame!(
    ReasonAgreement,
    ReasonIncidence,
    ReasonRanking,
    ReasonTrends,
    ReasonsBy,
    ReasonsByTrigger,
    WinBacks,
    WorthMending
);
crate::frame::to_frame!(ChurnRecords, Feedback, FeedbackLog, Taxonomy);
