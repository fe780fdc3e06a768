//! What a health score is made of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The days whose use is recent.
pub(super) const RECENT: i32 = 28;
/// The days before them with which it is compared.
pub(super) const BASELINE: i32 = 84;
/// The days whose gaps make a rhythm.
pub(super) const RHYTHM: i32 = 364;

/// Which values of a signal are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodWhen {
    /// The larger the better.
    High,
    /// The smaller the better.
    Low,
    /// That is not known beforehand.
    Either,
}

impl GoodWhen {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Low => "low",
            Self::Either => "either",
        }
    }
}

/// A number that is measured of an account as of a day.
///
/// Each is `None` where it was not observed: the table is missing or says nothing of the account, or its history is too
/// short. It never has a neutral value in place of none. Nothing later than the day has any influence.
///
/// *Recent* days are the last 28, *baseline* days the 84 before them. Days count from the first subscription, or the
/// first active day if that is earlier or there is no subscription, and from the beginning of the observation. A share of
/// days asks for at least a week of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthMeasure {
    /// Days since it was last active; of an account that was never active since it could have been. Low is good.
    DaysSinceLastEvent,
    /// `(silence + 1) / (usual silence + 1)`: around 1 where the silence is what it always was. Low is good.
    SilenceAgainstRhythm,
    /// The mean silence in days at the end of a day, over the gaps between active days of the last 364 days up to the
    /// last active one; not observed with fewer than two gaps. Low is good.
    UsualSilence,
    /// Active days a week over the last 7 days. High is good.
    ActiveDays7,
    /// Active days a week over the last 28 days. High is good.
    ActiveDays28,
    /// Active days a week over the last 91 days. High is good.
    ActiveDays91,
    /// Active days a week over the last 364 days. High is good.
    ActiveDays364,
    /// Events a week in the recent days. High is good.
    EventsPerWeek,
    /// Active days a day in the recent days, over the same in the baseline. Not observed before the recent days are all
    /// there and 28 of the baseline, and without activity in it. High is good.
    UsageTrend,
    /// The same of events. High is good.
    EventTrend,
    /// Active days a day in the recent days, over the same in all the time before them; not observed with less than 56 days of
    /// that, and without activity in it. What fell long ago has no trend any more, and shows here. High is good.
    UsageAgainstPast,
    /// The same of events. High is good.
    EventsAgainstPast,
    /// The longest gap between active days that ended in the last 364 days, or the silence if that is longer, in days. Low is
    /// good.
    LongestSilence,
    /// Events a week in the recent days for each seat that was bought. High is good.
    EventsPerSeat,
    /// The features used in the recent days, as a share of those that the plan offers. High is good.
    FeatureShare,
    /// The features used in the recent days, over those in the baseline. High is good.
    FeatureTrend,
    /// The features used in the recent days, as a share of those that it ever used. High is good.
    FeaturesAgainstPast,
    /// The people who were active in the recent days, over the seats that were bought. High is good.
    SeatUse,
    /// The people who were active in the recent days, over those in the baseline. High is good.
    PeopleTrend,
    /// The people who were active in the recent days, as a share of those that ever were. High is good.
    PeopleAgainstPast,
    /// The seats of the terms that run, over the most that ran on any day of the two years before. High is good.
    SeatTrend,
    /// Of the key contacts of now and those who went in the last 364 days, the share that is still there and, where it is
    /// known who acts, was active in the recent days. High is good.
    KeyContacts,
    /// Active days a day of the key contacts who are still there in the recent days, over the same in all their time before;
    /// not observed with less than 56 days of that. High is good.
    KeyContactsAgainstPast,
    /// The mean of the answers of the last 365 days, of each respondent the latest, from 0 to 10. High is good.
    Recommendation,
    /// The latest reading of a limit over its cap, of the limit that is nearest to it. Neither is known to be good: little
    /// use is a sign of trouble, and so is a limit that is hit.
    LimitUse,
    /// Tickets that are open. Low is good.
    OpenTickets,
    /// Tickets that were opened in the last 91 days. Low is good.
    RecentTickets,
    /// Tickets a day in the last 91 days, over the same in all the time before; not observed with less than 56 days of that,
    /// and without a ticket in it. Low is good.
    TicketsAgainstPast,
    /// Days since the oldest unpaid invoice was due; 0 where all are paid. Credit notes count for nothing. Low is good.
    DaysOverdue,
    /// Of the invoices that were due from 364 to 7 days ago the share that was paid more than 7 days late, or not yet. Credit
    /// notes count for nothing. Low is good.
    LatePayments,
    /// Days since the account began. Neither is known to be good: who has stayed for long stays for longer, but who has just
    /// begun does not leave yet.
    Tenure,
    /// Days of the account that lie within the observation. Neither is known to be good: what befalls accounts has had so long
    /// to do so.
    ObservedDays,
    /// Days to the next renewal of a term that runs. Neither is known to be good.
    DaysToRenewal,
    /// The recurring value a month. Neither is known to be good.
    RecurringValue,
}

impl HealthMeasure {
    /// All of them.
    pub const ALL: [Self; 34] = [
        Self::DaysSinceLastEvent,
        Self::SilenceAgainstRhythm,
        Self::UsualSilence,
        Self::ActiveDays7,
        Self::ActiveDays28,
        Self::ActiveDays91,
        Self::ActiveDays364,
        Self::EventsPerWeek,
        Self::UsageTrend,
        Self::EventTrend,
        Self::UsageAgainstPast,
        Self::EventsAgainstPast,
        Self::LongestSilence,
        Self::EventsPerSeat,
        Self::FeatureShare,
        Self::FeatureTrend,
        Self::FeaturesAgainstPast,
        Self::SeatUse,
        Self::PeopleTrend,
        Self::PeopleAgainstPast,
        Self::SeatTrend,
        Self::KeyContacts,
        Self::KeyContactsAgainstPast,
        Self::Recommendation,
        Self::LimitUse,
        Self::OpenTickets,
        Self::RecentTickets,
        Self::TicketsAgainstPast,
        Self::DaysOverdue,
        Self::LatePayments,
        Self::Tenure,
        Self::ObservedDays,
        Self::DaysToRenewal,
        Self::RecurringValue,
    ];

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DaysSinceLastEvent => "days_since_last_event",
            Self::SilenceAgainstRhythm => "silence_against_rhythm",
            Self::UsualSilence => "usual_silence",
            Self::ActiveDays7 => "active_days_7",
            Self::ActiveDays28 => "active_days_28",
            Self::ActiveDays91 => "active_days_91",
            Self::ActiveDays364 => "active_days_364",
            Self::EventsPerWeek => "events_per_week",
            Self::UsageTrend => "usage_trend",
            Self::EventTrend => "event_trend",
            Self::UsageAgainstPast => "usage_against_past",
            Self::EventsAgainstPast => "events_against_past",
            Self::LongestSilence => "longest_silence",
            Self::EventsPerSeat => "events_per_seat",
            Self::FeaturesAgainstPast => "features_against_past",
            Self::PeopleAgainstPast => "people_against_past",
            Self::KeyContactsAgainstPast => "key_contacts_against_past",
            Self::TicketsAgainstPast => "tickets_against_past",
            Self::FeatureShare => "feature_share",
            Self::FeatureTrend => "feature_trend",
            Self::SeatUse => "seat_use",
            Self::PeopleTrend => "people_trend",
            Self::SeatTrend => "seat_trend",
            Self::KeyContacts => "key_contacts",
            Self::Recommendation => "recommendation",
            Self::LimitUse => "limit_use",
            Self::OpenTickets => "open_tickets",
            Self::RecentTickets => "recent_tickets",
            Self::DaysOverdue => "days_overdue",
            Self::LatePayments => "late_payments",
            Self::Tenure => "tenure",
            Self::ObservedDays => "observed_days",
            Self::DaysToRenewal => "days_to_renewal",
            Self::RecurringValue => "recurring_value",
        }
    }

    /// Which values are good.
    #[must_use]
    pub fn good_when(self) -> GoodWhen {
        match self {
            Self::DaysSinceLastEvent
            | Self::SilenceAgainstRhythm
            | Self::UsualSilence
            | Self::OpenTickets
            | Self::RecentTickets
            | Self::TicketsAgainstPast
            | Self::LongestSilence
            | Self::DaysOverdue
            | Self::LatePayments => GoodWhen::Low,
            Self::LimitUse | Self::Tenure | Self::ObservedDays | Self::DaysToRenewal | Self::RecurringValue => {
                GoodWhen::Either
            }
            _ => GoodWhen::High,
        }
    }

    /// Whether it is a share or a score with two ends, on whose scale steps are equal; others grow by factors.
    fn is_bounded(self) -> bool {
        matches!(
            self,
            Self::FeatureShare
                | Self::FeaturesAgainstPast
                | Self::PeopleAgainstPast
                | Self::SeatTrend
                | Self::KeyContacts
                | Self::Recommendation
                | Self::LimitUse
                | Self::LatePayments
        )
    }
}

/// One signal of a health score.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthSignal {
    /// A measure.
    Measure(HealthMeasure),
    /// A trigger of [`TriggerSet::standard`](crate::TriggerSet::standard), by its name: 1 where it fired, 0 where it was
    /// quiet. Its p-values are corrected over all customers of the day, so it may say something else of a part of them.
    Trigger(String),
}

impl HealthSignal {
    /// A trigger of [`TriggerSet::standard`](crate::TriggerSet::standard), by its name.
    #[must_use]
    pub fn trigger(name: impl Into<String>) -> Self {
        Self::Trigger(name.into())
    }

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Measure(measure) => measure.name(),
            Self::Trigger(name) => name,
        }
    }

    /// Which values are good.
    #[must_use]
    pub fn good_when(&self) -> GoodWhen {
        match self {
            Self::Measure(measure) => measure.good_when(),
            Self::Trigger(_) => GoodWhen::Low,
        }
    }

    /// The value on a scale on which steps are comparable.
    pub(super) fn even(&self, value: f64) -> f64 {
        match self {
            // The larger of NaN and 0 is 0, but what was not observed has to stay so.
            Self::Measure(measure) if !measure.is_bounded() => (if value < 0.0 { 0.0 } else { value }).ln_1p(),
            _ => value,
        }
    }

    /// The value of which that is the even one, but for rounding.
    pub(super) fn uneven(&self, even: f64) -> f64 {
        match self {
            Self::Measure(measure) if !measure.is_bounded() => (even.exp_m1() * 1e9).round() / 1e9,
            _ => even,
        }
    }
}

impl From<HealthMeasure> for HealthSignal {
    fn from(measure: HealthMeasure) -> Self {
        Self::Measure(measure)
    }
}

impl fmt::Display for HealthSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
