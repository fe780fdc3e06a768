#![doc = include_str!("../README.md")]

mod activity;
mod calendar;
mod cohort;
mod engagement;
mod error;
mod frame;
mod health;
mod portfolio;
mod print;
#[cfg(feature = "simulate")]
mod simulate;
mod statistics;
mod survival;
mod trigger;

pub use activity::{Activity, ActivityBuilder, EventColumns, Intake, Progress, SegmentColumns, Segmented, Split};
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
pub use frame::ToFrame;
pub use frame::ids::Id;
pub use health::HealthBand;
pub use portfolio::{
    Account, AccountUsage, ActiveDay, Answer, AnswerColumns, CancellationColumns, Contact, ContactColumns, Limit,
    LimitColumns, Membership, Payment, PaymentColumns, Person, PlanColumns, Portfolio, ReadingColumns, Snapshot,
    Subscription, SubscriptionColumns, TableIntake, Ticket, TicketColumns, Usage, UsageOptions, UsageWindow,
};
pub use portfolio::{CountedAnswers, NetPromoter, NetPromoterOptions, NetPromoterUnit};
#[cfg(feature = "simulate")]
pub use simulate::{Cause, Company, Growth, Onset, Planted, Seasonality, SimulationOptions};
pub use statistics::{Correction, Interval, LogRank, TrendTest};
pub use survival::{
    Censoring, EventTable, EventTableRow, KaplanMeier, KaplanMeierOptions, Lifetime, LifetimeColumns, LifetimeState,
    Lifetimes, LifetimesOptions, RestrictedMean, SurvivalInterval, SurvivalPoint, SurvivalQuantile,
};
pub use trigger::{AccountScore, SurveyDetractor};
pub use trigger::{AllowanceUnused, LimitPressure};
pub use trigger::{
    AtRisk, BackTest, BackTestDate, BackTestOptions, BreadthOfUse, ChurnEvent, CommonMovement, Contribution, DateTally,
    DaysSinceLastEvent, Detector, Difference, Estimate, Every, Finding, Findings, FrequencyClass, Judge, LeadTime,
    PaymentTrouble, Performance, Ranking, SeatsShrinking, Severity, Signal, State, Trigger, TriggerSet, UsageFrequency,
    Verdict, Worklist,
};
pub use trigger::{
    EngagementGap, FirstValue, HighValueFading, OnboardingStall, RenewalApproaching, SpikeRules, SupportSpike,
};
pub use trigger::{KeyContactLoss, KeyPeople};

/// The polars that this crate was built with.
///
/// Its types stand in the public face of this crate, so a new minor version of polars is a breaking change here.
pub use polars;

/// Everything of this crate, and polars' own prelude. Where both have a name, such as `Window`, it is this crate's.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        Account, AccountUsage, ActiveCount, ActiveDay, ActiveUsers, ActiveUsersOptions, Activity, ActivityBuilder,
        Adoption, AdoptionDifference, AdoptionOptions, AdoptionRetention, AgeBy, Answer, AnswerColumns, AtRisk,
        BackTest, BackTestDate, BackTestOptions, Balance, Base, Breadth, BreadthOfUse, BreadthOptions, BreadthPeriod,
        Calendar, CancellationColumns, Censoring, ChurnEvent, Cohort, CohortAdoption, CohortColumns, CohortIntake,
        CohortKey, Cohorts, CommonMovement, ComparedGroup, Comparison, ComparisonDetail, ComparisonOptions, Contact,
        ContactColumns, Contribution, Correction, Covariate, Coverage, Criterion, CurvePoint, DailyState, DailyStates,
        DailyStatesOptions, Date, DateTally, DayStates, DayStickiness, DaysSinceLastEvent, Detector, Difference,
        EntriesLeftOut, Entry, Error, Estimate, EventColumns, EventTable, EventTableRow, Every, FeatureAdoption,
        FeaturePeriod, Finding, Findings, FrequencyClass, HealthBand, Id, ImpactStratum, Intake, Interval, Judge,
        KaplanMeier, KaplanMeierOptions, Landmark, LaterParticipants, LeadTime, LeftOut, Lifecycle, LifecycleOptions,
        LifecyclePeriod, Lifetime, LifetimeColumns, LifetimeState, Lifetimes, LifetimesOptions, Limit, LimitColumns,
        LogRank, Members, Membership, MonthStickiness, MonthlyImpact, NaiveComparison, NewlyDormant, Participation,
        ParticipationColumns, ParticipationIntake, Payment, PaymentColumns, PaymentTrouble, Performance, Period,
        Person, PlanColumns, Portfolio, PowerCurve, PowerCurveOptions, PowerCurvePoint, ProgrammeEffect,
        ProgrammeImpact, ProgrammeImpactOptions, Progress, Ranking, RateDifference, ReadingColumns, RestrictedMean,
        Result, Retention, RetentionCell, RetentionOptions, RetentionTrend, Return, SeatsShrinking, SegmentColumns,
        Segmented, Severity, Signal, Snapshot, Span, Split, State, Stickiness, StickinessOptions, Subscription,
        SubscriptionColumns, SurvivalInterval, SurvivalPoint, SurvivalQuantile, TableIntake, Ticket, TicketColumns,
        TimeToFirstUse, ToFrame, Transitions, TrendTest, Trigger, TriggerSet, Usage, UsageFrequency, UsageOptions,
        UsageWindow, ValueCell, ValueRetention, Verdict, Weekday, Window, Worklist, date,
    };
    #[doc(no_inline)]
    pub use crate::{
        AccountScore, AllowanceUnused, CountedAnswers, KeyContactLoss, KeyPeople, LimitPressure, NetPromoter,
        NetPromoterOptions, NetPromoterUnit, SurveyDetractor,
    };
    #[cfg(feature = "simulate")]
    #[doc(no_inline)]
    pub use crate::{Cause, Company, Growth, Onset, Planted, Seasonality, SimulationOptions};
    #[doc(no_inline)]
    pub use crate::{
        EngagementGap, FirstValue, HighValueFading, OnboardingStall, RenewalApproaching, SpikeRules, SupportSpike,
    };
    #[doc(no_inline)]
    pub use polars::prelude::*;
}
