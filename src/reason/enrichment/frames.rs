//! Enrichment as frames.

use polars::prelude::DataFrame;

use super::{Departure, Enrichment};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::{to_frame, write};

to_frame!(Enrichment);

impl Enrichment {
    /// One row a record, in the order of the records.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | as in the records | the customer |
    /// | `date` | Date | the day of the cancellation |
    /// | `known` | Boolean | whether the portfolio knows the account, and the day was observed; where not, all that follows is null |
    /// | `member_since` | Date | since when they were a customer; null where that is not known |
    /// | `tenure_days` | UInt32 | days from then to the cancellation; likewise |
    /// | `active_days` | UInt32 | observed days of membership with activity |
    /// | `silence_days` | UInt32 | days since the last of them; null without one |
    /// | `level` | Float64 | active days a week; null without a whole week |
    /// | `recent_level` | Float64 | active days a week in the last four; likewise |
    /// | `slope` | Float64 | change of active days a week from week to week; null below eight weeks |
    /// | `slope_lower`, `slope_upper` | Float64 | its 95 % interval; null where there is none |
    /// | `trend_p_value` | Float64 | two-sided, of there being no trend; null below eight weeks |
    /// | `class` | String | `never_took_off`, `fading`, `sudden_stop` or `steady`; null where that cannot be said |
    /// | `recent_features` | UInt32 | distinct features used in the last 28 days; null where features are not mapped |
    /// | `features` | UInt32 | distinct features used at all; likewise |
    /// | `health_score` | Float64 | the health score at most 28 days before; null where there is none |
    /// | `health` | String | its band: `poor`, `average` or `good`; null too where too little was observed |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let of = &self.departures;
        fn column<T>(of: &[Option<Departure>], get: impl Fn(&Departure) -> Option<T>) -> Vec<Option<T>> {
            of.iter().map(|departure| departure.as_ref().and_then(&get)).collect()
        }
        write::frame(vec![
            write::gathered_ids("account", &self.customers, self.customer.iter().map(|&place| Some(place)))?,
            write::dates("date", self.day.iter().map(|&day| Some(Date::from_day(day))))?,
            write::column("known", of.iter().map(Option::is_some).collect::<Vec<bool>>()),
            write::dates("member_since", of.iter().map(|departure| departure.as_ref()?.member_since))?,
            write::column("tenure_days", column(of, |of| of.tenure_days)),
            write::column("active_days", column(of, |of| Some(of.active_days))),
            write::column("silence_days", column(of, |of| of.silence_days)),
            write::column("level", column(of, |of| of.level)),
            write::column("recent_level", column(of, |of| of.recent_level)),
            write::column("slope", column(of, |of| Some(of.trend?.slope))),
            write::column("slope_lower", column(of, |of| Some(of.trend?.interval?.lower))),
            write::column("slope_upper", column(of, |of| Some(of.trend?.interval?.upper))),
            write::column("trend_p_value", column(of, |of| Some(of.trend?.p_value))),
            write::column("class", column(of, |of| Some(of.class?.name()))),
            write::column("recent_features", column(of, |of| of.recent_features)),
            write::column("features", column(of, |of| of.features)),
            write::column("health_score", column(of, |of| of.health_score)),
            write::column("health", column(of, |of| Some(of.health?.name()))),
        ])
    }
}
