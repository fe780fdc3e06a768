#![doc = include_str!("../README.md")]

mod activity;
mod alert;
mod calendar;
mod cohort;
#[cfg(feature = "lazy")]
mod direct;
mod engagement;
mod error;
mod frame;
mod health;
mod portfolio;
mod print;
mod reason;
#[cfg(feature = "simulate")]
mod simulate;
mod statistics;
mod survival;
mod trigger;

pub use activity::{Activity, ActivityBuilder, EventColumns, Intake, Progress, SegmentColumns, Segmented, Split};
pub use alert::{
    Action, ActionPlan, Actions, Alert, AlertChange, AlertDesk, AlertOptions, AlertOutcome, AlertPolicy, AlertState,
    AlertType, ChangeReason, Condition, DecisionReason, ExitCriterion, HasAlerts, Hindsight, LifecycleStage, PlanStep,
    Playbook, PoorHealth, Recommendation, Recommendations, Recommended, Renewal, RenewalCalendar, RenewalOptions,
    SilencedUntil, StageRules, StepDone, Touch, TouchPoint, TouchState, ValueTier,
};
pub use calendar::{Calendar, Coverage, Date, Period, Span, Weekday, date};
pub use cohort::{
    AgeBy, Balance, Base, Cohort, CohortColumns, CohortIntake, CohortKey, Cohorts, ComparedGroup, Comparison,
    ComparisonDetail, ComparisonOptions, Covariate, Criterion, CurvePoint, EntriesLeftOut, Entry, ImpactStratum,
    LaterParticipants, LeftOut, Members, MonthlyImpact, NaiveComparison, Participation, ParticipationColumns,
    ParticipationIntake, ProgrammeEffect, ProgrammeImpact, ProgrammeImpactOptions, RateDifference, Retention,
    RetentionCell, RetentionOptions, RetentionTrend, Return, ValueCell, ValueRetention,
};
pub use engagement::{
    ActiveCount, ActiveUsers, ActiveUsersOptions, Adoption, AdoptionDifference, AdoptionOptions, AdoptionRetention,
    Breadth, BreadthOptions, BreadthPeriod, CohortAdoption, DailyState, DailyStates, DailyStatesOptions, DayStates,
    DayStickiness, FeatureAdoption, FeaturePeriod, Landmark, Lifecycle, LifecycleOptions, LifecyclePeriod,
    MonthStickiness, NewlyDormant, PowerCurve, PowerCurveOptions, PowerCurvePoint, Stickiness, StickinessOptions,
    TimeToFirstUse, Transitions, Window,
};
pub use error::{Error, Result};
pub use frame::ids::Id;
pub use frame::{BadRow, ImportReport, ToFrame};
pub use health::{
    AccountHealth, BrierScore, CardRange, CardSignal, FittedHealth, FittedSignal, GoodWhen, Health, HealthAccuracy,
    HealthBand, HealthContribution, HealthCounts, HealthDrift, HealthFitOptions, HealthHistory, HealthMeasure,
    HealthOptions, HealthProfile, HealthScale, HealthSignal, HealthState, HealthWeight, PointsCard, ReliabilityBin,
};
pub use portfolio::{
    Account, AccountUsage, ActiveDay, Answer, AnswerColumns, CancellationColumns, Contact, ContactColumns,
    CountedAnswers, Limit, LimitColumns, Membership, NetPromoter, NetPromoterOptions, NetPromoterUnit, Payment,
    PaymentColumns, Person, PlanColumns, Portfolio, ReadingColumns, Snapshot, Subscription, SubscriptionColumns,
    TableIntake, Ticket, TicketColumns, Usage, UsageOptions, UsageWindow,
};
pub use reason::{
    BillingSystem, Cancellation, ChurnColumns, ChurnKind, ChurnRecords, CustomerColumns, CustomerId, CustomersAtRisk,
    Departure, EngagementClass, EngagementTrend, Enrichment, EnrichmentOptions, ExchangeRates, Feedback,
    FeedbackGrouping, FeedbackItem, FeedbackLog, FeedbackOptions, FeedbackState, FeedbackTally, FoundReason,
    ImportPolicy, MendableReason, RankBy, RankedReason, RateGrowth, Reason, ReasonAgreement, ReasonAgreementOptions,
    ReasonAxis, ReasonChange, ReasonCodes, ReasonDirection, ReasonGroupCell, ReasonGrouping, ReasonIncidence,
    ReasonIncidenceOptions, ReasonLevel, ReasonPeriod, ReasonRanking, ReasonRankingOptions, ReasonReturns, ReasonShift,
    ReasonTrend, ReasonTrendCell, ReasonTrends, ReasonTrendsOptions, ReasonsBy, ReasonsByOptions, ReasonsByTrigger,
    ReasonsByTriggerOptions, RecordGroup, ReturnedWithin, ShareTrend, ShiftSide, StatedReason, Taxonomy, TaxonomyEntry,
    TriggerBeforeReason, ValueGrowth, WarnedReason, Warning, WarningColumns, WarningOptions, Warnings, WinBack,
    WinBacks, WinBacksOptions, WorthMending, WorthMendingOptions,
};
#[cfg(feature = "sqlite")]
pub use reason::{ChurnDatabase, DatabaseAccess, DatabaseOptions, FieldChange, RecordCorrection, RecordHistory};
#[cfg(feature = "simulate")]
pub use simulate::{Cause, Company, Growth, Onset, Planted, Seasonality, SimulationOptions};
pub use statistics::{Association, AssociationCell, AssociationTest, Correction, Interval, LogRank, TrendTest};
pub use survival::{
    CauseColumns, Censoring, CompetingRiskColumns, CompetingRisks, CumulativeIncidence, CumulativeIncidenceOptions,
    EventTable, EventTableRow, GrayTest, GrayTests, GrayTestsOptions, IncidenceCurve, IncidencePoint, KaplanMeier,
    KaplanMeierOptions, Lifetime, LifetimeColumns, LifetimeState, Lifetimes, LifetimesOptions, RestrictedMean,
    SurvivalInterval, SurvivalPoint, SurvivalQuantile,
};
pub use trigger::{
    AccountScore, AllowanceUnused, AtRisk, BackTest, BackTestDate, BackTestOptions, BreadthOfUse, ChurnEvent,
    CommonMovement, Contribution, DateTally, DaysSinceLastEvent, Detector, Difference, EngagementGap, Estimate, Every,
    Finding, Findings, FirstValue, FrequencyClass, HighValueFading, Judge, KeyContactLoss, KeyPeople, LeadTime,
    LimitPressure, OnboardingStall, PaymentTrouble, Performance, Ranking, RenewalApproaching, SeatsShrinking, Severity,
    Signal, SpikeRules, State, SupportSpike, SurveyDetractor, Trigger, TriggerSet, UsageFrequency, Verdict, Worklist,
};

/// The polars that this crate was built with.
///
/// Its types stand in the public face of this crate, so a new minor version of polars is a breaking change here.
pub use polars;

/// Everything of this crate, and polars' own prelude. Where both have a name, such as `Window`, it is this crate's.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        Account, AccountHealth, AccountScore, AccountUsage, Action, ActionPlan, Actions, ActiveCount, ActiveDay,
        ActiveUsers, ActiveUsersOptions, Activity, ActivityBuilder, Adoption, AdoptionDifference, AdoptionOptions,
        AdoptionRetention, AgeBy, Alert, AlertChange, AlertDesk, AlertOptions, AlertOutcome, AlertPolicy, AlertState,
        AlertType, AllowanceUnused, Answer, AnswerColumns, Association, AssociationCell, AssociationTest, AtRisk,
        BackTest, BackTestDate, BackTestOptions, BadRow, Balance, Base, BillingSystem, Breadth, BreadthOfUse,
        BreadthOptions, BreadthPeriod, BrierScore, Calendar, Cancellation, CancellationColumns, CardRange, CardSignal,
        CauseColumns, Censoring, ChangeReason, ChurnColumns, ChurnEvent, ChurnKind, ChurnRecords, Cohort,
        CohortAdoption, CohortColumns, CohortIntake, CohortKey, Cohorts, CommonMovement, ComparedGroup, Comparison,
        ComparisonDetail, ComparisonOptions, CompetingRiskColumns, CompetingRisks, Condition, Contact, ContactColumns,
        Contribution, Correction, CountedAnswers, Covariate, Coverage, Criterion, CumulativeIncidence,
        CumulativeIncidenceOptions, CurvePoint, CustomerColumns, CustomerId, CustomersAtRisk, DailyState, DailyStates,
        DailyStatesOptions, Date, DateTally, DayStates, DayStickiness, DaysSinceLastEvent, DecisionReason, Departure,
        Detector, Difference, EngagementClass, EngagementGap, EngagementTrend, Enrichment, EnrichmentOptions,
        EntriesLeftOut, Entry, Error, Estimate, EventColumns, EventTable, EventTableRow, Every, ExchangeRates,
        ExitCriterion, FeatureAdoption, FeaturePeriod, Feedback, FeedbackGrouping, FeedbackItem, FeedbackLog,
        FeedbackOptions, FeedbackState, FeedbackTally, Finding, Findings, FirstValue, FittedHealth, FittedSignal,
        FrequencyClass, GoodWhen, GrayTest, GrayTests, GrayTestsOptions, HasAlerts, Health, HealthAccuracy, HealthBand,
        HealthContribution, HealthCounts, HealthDrift, HealthFitOptions, HealthHistory, HealthMeasure, HealthOptions,
        HealthProfile, HealthScale, HealthSignal, HealthState, HealthWeight, HighValueFading, Hindsight, Id,
        ImpactStratum, ImportPolicy, ImportReport, IncidenceCurve, IncidencePoint, Intake, Interval, Judge,
        KaplanMeier, KaplanMeierOptions, KeyContactLoss, KeyPeople, Landmark, LaterParticipants, LeadTime, LeftOut,
        Lifecycle, LifecycleOptions, LifecyclePeriod, LifecycleStage, Lifetime, LifetimeColumns, LifetimeState,
        Lifetimes, LifetimesOptions, Limit, LimitColumns, LimitPressure, LogRank, Members, Membership, MendableReason,
        MonthStickiness, MonthlyImpact, NaiveComparison, NetPromoter, NetPromoterOptions, NetPromoterUnit,
        NewlyDormant, OnboardingStall, Participation, ParticipationColumns, ParticipationIntake, Payment,
        PaymentColumns, PaymentTrouble, Performance, Period, Person, PlanColumns, PlanStep, Playbook, PointsCard,
        PoorHealth, Portfolio, PowerCurve, PowerCurveOptions, PowerCurvePoint, ProgrammeEffect, ProgrammeImpact,
        ProgrammeImpactOptions, Progress, RankBy, RankedReason, Ranking, RateDifference, RateGrowth, ReadingColumns,
        Reason, ReasonAgreement, ReasonAgreementOptions, ReasonAxis, ReasonChange, ReasonCodes, ReasonDirection,
        ReasonGroupCell, ReasonGrouping, ReasonIncidence, ReasonIncidenceOptions, ReasonLevel, ReasonPeriod,
        ReasonRanking, ReasonRankingOptions, ReasonReturns, ReasonShift, ReasonTrend, ReasonTrendCell, ReasonTrends,
        ReasonTrendsOptions, ReasonsBy, ReasonsByOptions, ReasonsByTrigger, ReasonsByTriggerOptions, Recommendation,
        Recommendations, Recommended, RecordGroup, ReliabilityBin, Renewal, RenewalApproaching, RenewalCalendar,
        RenewalOptions, RestrictedMean, Result, Retention, RetentionCell, RetentionOptions, RetentionTrend, Return,
        ReturnedWithin, SeatsShrinking, SegmentColumns, Segmented, Severity, ShareTrend, ShiftSide, Signal,
        SilencedUntil, Snapshot, Span, SpikeRules, Split, StageRules, State, StatedReason, StepDone, Stickiness,
        StickinessOptions, Subscription, SubscriptionColumns, SupportSpike, SurveyDetractor, SurvivalInterval,
        SurvivalPoint, SurvivalQuantile, TableIntake, Taxonomy, TaxonomyEntry, Ticket, TicketColumns, TimeToFirstUse,
        ToFrame, Touch, TouchPoint, TouchState, Transitions, TrendTest, Trigger, TriggerBeforeReason, TriggerSet,
        Usage, UsageFrequency, UsageOptions, UsageWindow, ValueCell, ValueGrowth, ValueRetention, ValueTier, Verdict,
        WarnedReason, Warning, WarningColumns, WarningOptions, Warnings, Weekday, WinBack, WinBacks, WinBacksOptions,
        Window, Worklist, WorthMending, WorthMendingOptions, date,
    };
    #[cfg(feature = "simulate")]
    #[doc(no_inline)]
    pub use crate::{Cause, Company, Growth, Onset, Planted, Seasonality, SimulationOptions};
    #[cfg(feature = "sqlite")]
    #[doc(no_inline)]
    pub use crate::{ChurnDatabase, DatabaseAccess, DatabaseOptions, FieldChange, RecordCorrection, RecordHistory};
    #[doc(no_inline)]
    pub use polars::prelude::*;
}
