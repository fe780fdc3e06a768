//! Stickiness: how many of a month's users are there on a day.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::active_users::{ActiveCount, ActiveUsers, ActiveUsersOptions, Window};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Period, Span};
use crate::error::Result;
use crate::frame::write;
use crate::print::percent;
use crate::statistics::ratio;

/// What [`Activity::stickiness`] should take as a week and a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickinessOptions {
    week_days: u32,
    month_days: u32,
}

impl StickinessOptions {
    /// A trailing week of 7 days and a trailing month of 30.
    #[must_use]
    pub fn new() -> Self {
        Self { week_days: 7, month_days: 30 }
    }

    /// The length of the trailing week. The default, 7 days, holds every weekday once.
    #[must_use]
    pub fn week_days(mut self, days: u32) -> Self {
        self.week_days = days;
        self
    }

    /// The length of the trailing month. The default, 30 days, is what PostHog, Amplitude and Mixpanel mean by MAU; 28
    /// days hold every weekday four times, which takes the weekly rhythm out of the ratio.
    #[must_use]
    pub fn month_days(mut self, days: u32) -> Self {
        self.month_days = days;
        self
    }
}

impl Default for StickinessOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The active users of one day and of the trailing windows that end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayStickiness {
    /// The day.
    pub date: Date,
    /// Distinct active users of the day.
    pub dau: u64,
    /// Distinct active users of the trailing week.
    pub wau: ActiveCount,
    /// Distinct active users of the trailing month.
    pub mau: ActiveCount,
}

impl DayStickiness {
    /// DAU(d) / WAU(d); `None` where the week had no user.
    #[must_use]
    pub fn dau_per_wau(&self) -> Option<f64> {
        ratio(self.dau, self.wau.active)
    }

    /// DAU(d) / MAU(d); `None` where the month had no user.
    #[must_use]
    pub fn dau_per_mau(&self) -> Option<f64> {
        ratio(self.dau, self.mau.active)
    }

    /// WAU(d) / MAU(d); `None` where the month had no user.
    #[must_use]
    pub fn wau_per_mau(&self) -> Option<f64> {
        ratio(self.wau.active, self.mau.active)
    }
}

/// The active users of a calendar month beside those of its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthStickiness {
    /// Distinct active users of the calendar month.
    pub mau: ActiveCount,
    /// The sum of the daily active users over the month's observed days.
    pub dau_sum: u64,
    /// How many days of the month were observed.
    pub days: u32,
}

impl MonthStickiness {
    /// The mean of the daily active users over the observed days.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn mean_dau(&self) -> f64 {
        self.dau_sum as f64 / f64::from(self.days)
    }

    /// mean(DAU) / MAU of the calendar month; `None` where it had no user.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn mean_dau_per_mau(&self) -> Option<f64> {
        (self.mau.active > 0).then(|| self.mean_dau() / self.mau.active as f64)
    }
}

/// The answer of [`Activity::stickiness`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredStickiness")]
pub struct Stickiness {
    pub(super) options: StickinessOptions,
    pub(super) days: Vec<DayStickiness>,
    pub(super) months: Vec<MonthStickiness>,
}

impl Activity {
    /// Stickiness in its two forms, which are different numbers and often mistaken for each other.
    ///
    /// ```text
    /// per day    DAU(d) / WAU(d),  DAU(d) / MAU(d),  WAU(d) / MAU(d)      trailing windows that end with d
    /// per month  mean over the days d of month M of DAU(d)  /  MAU(M)     calendar month
    /// ```
    ///
    /// A ratio of 0.2 says that a user of the month was there on one day in five. The denominator is the distinct users
    /// of the week or month; a ratio without one is `None`. Windows that reach back before the observation are marked
    /// [`Coverage::Truncated`]: their denominators are too small and their ratios too large. A month that has not ended
    /// is [`Coverage::Open`]; its mean is over the days observed so far.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a week or month of 0 or more than 36525 days;
    /// [`Error::TooLarge`](crate::Error::TooLarge) for an observation of more than 2^24 days.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, StickinessOptions};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("user" => ["ann", "bob", "ann"], "day" => [19_723, 19_724, 19_726])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let stickiness = activity.stickiness(StickinessOptions::new())?;
    /// let last = stickiness.days().last().unwrap();
    /// assert_eq!((last.dau, last.wau.active, last.mau.active), (1, 2, 2));
    /// assert_eq!(last.dau_per_mau(), Some(0.5));
    /// // DAU of the four days seen so far: 1, 1, 0, 1.
    /// assert_eq!(stickiness.months()[0].mean_dau_per_mau(), Some(0.75 / 2.0));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn stickiness(&self, options: impl Into<StickinessOptions>) -> Result<Stickiness> {
        let options = options.into();
        let (week, month) = (Window::Days(options.week_days), Window::Days(options.month_days));
        let calendar_month = Window::Calendar(Period::Month);
        let usage: ActiveUsers =
            self.active_users(ActiveUsersOptions::new([Window::Days(1), week, month, calendar_month]))?;
        let daily = usage.series(Window::Days(1));
        let days = daily
            .iter()
            .zip(usage.series(week))
            .zip(usage.series(month))
            .map(|((day, &wau), &mau)| DayStickiness { date: day.span.end, dau: day.active, wau, mau });
        let months = usage.series(calendar_month).iter().map(|&mau| {
            let Span { start, end } = mau.span;
            let before = |date: Date| daily.partition_point(|day| day.span.end < date);
            let within = &daily[before(start)..before(end + 1)];
            let (days, dau_sum) = within.iter().fold((0, 0), |(days, sum), day| (days + 1, sum + day.active));
            MonthStickiness { mau, dau_sum, days }
        });
        Ok(Stickiness { days: days.collect(), months: months.collect(), options })
    }
}

impl Stickiness {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &StickinessOptions {
        &self.options
    }

    /// Every day of the observation.
    #[must_use]
    pub fn days(&self) -> &[DayStickiness] {
        &self.days
    }

    /// Every calendar month of the observation.
    #[must_use]
    pub fn months(&self) -> &[MonthStickiness] {
        &self.months
    }

    /// The per-day form as a frame, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `date` | Date | the day |
    /// | `dau`, `wau`, `mau` | UInt64 | distinct users of the day, the trailing week and the trailing month |
    /// | `dau_per_wau`, `dau_per_mau`, `wau_per_mau` | Float64 | the ratios; null without a denominator |
    /// | `wau_coverage`, `mau_coverage` | String | `observed` or `truncated` |
    ///
    /// Only the ratios have nulls.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let counts = |count: fn(&DayStickiness) -> u64| self.days.iter().map(count).collect::<Vec<_>>();
        let ratios = |ratio: fn(&DayStickiness) -> Option<f64>| self.days.iter().map(ratio).collect::<Vec<_>>();
        let coverage =
            |count: fn(&DayStickiness) -> Coverage| self.days.iter().map(|day| count(day).name()).collect::<Vec<_>>();
        write::frame(vec![
            write::dates("date", self.days.iter().map(|day| Some(day.date)))?,
            write::column("dau", counts(|day| day.dau)),
            write::column("wau", counts(|day| day.wau.active)),
            write::column("mau", counts(|day| day.mau.active)),
            write::column("dau_per_wau", ratios(DayStickiness::dau_per_wau)),
            write::column("dau_per_mau", ratios(DayStickiness::dau_per_mau)),
            write::column("wau_per_mau", ratios(DayStickiness::wau_per_mau)),
            write::column("wau_coverage", coverage(|day| day.wau.coverage)),
            write::column("mau_coverage", coverage(|day| day.mau.coverage)),
        ])
    }

    /// The per-month form as a frame, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `month` | Date | first day of the calendar month |
    /// | `days` | UInt32 | observed days of it |
    /// | `mean_dau` | Float64 | mean of the daily active users over these days |
    /// | `mau` | UInt64 | distinct users of the calendar month |
    /// | `mean_dau_per_mau` | Float64 | the ratio; null without a user |
    /// | `coverage` | String | `observed`, `truncated` or `open` |
    ///
    /// Only the ratio has nulls.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn months_to_frame(&self) -> Result<DataFrame> {
        let of = &self.months;
        write::frame(vec![
            write::dates("month", of.iter().map(|month| Some(month.mau.span.start)))?,
            write::column("days", of.iter().map(|month| month.days).collect::<Vec<_>>()),
            write::column("mean_dau", of.iter().map(MonthStickiness::mean_dau).collect::<Vec<_>>()),
            write::column("mau", of.iter().map(|month| month.mau.active).collect::<Vec<_>>()),
            write::column("mean_dau_per_mau", of.iter().map(MonthStickiness::mean_dau_per_mau).collect::<Vec<_>>()),
            write::column("coverage", of.iter().map(|month| month.mau.coverage.name()).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for Stickiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LATEST: usize = 12;
        writeln!(f, "Stickiness by month (~ begins before the log, * still open)")?;
        writeln!(f, "  month    days  mean DAU      MAU   mean DAU / MAU")?;
        for month in &self.months[self.months.len().saturating_sub(LATEST)..] {
            let label = month.mau.span.start.to_string();
            let sign = month.mau.coverage.sign();
            let ratio = month.mean_dau_per_mau().map_or("-".to_owned(), |ratio| format!("{} %", percent(Some(ratio))));
            let (days, dau, mau) = (month.days, month.mean_dau(), month.mau.active);
            writeln!(f, "  {}{sign:<1} {days:>5} {dau:>9.1} {mau:>8} {ratio:>16}", &label[..7])?;
        }
        if let Some(day) = self.days.last() {
            let ratio = day.dau_per_mau().map_or("-".to_owned(), |ratio| format!("{} %", percent(Some(ratio))));
            let days = self.options.month_days;
            write!(f, "On {}: DAU {} of {} in {days} days, {ratio}", day.date, day.dau, day.mau.active)?;
        }
        Ok(())
    }
}
