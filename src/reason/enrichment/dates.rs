//! The dates on which something is asked about those who left afterwards.

use super::Left;
use crate::calendar::Date;
use crate::portfolio::Portfolio;

/// Dates so many days apart, each the end of a week where that is a number of weeks, from so many days before the first who
/// left to the last; within the observation, and the same whoever left.
pub(super) fn dates(portfolio: &Portfolio, left: &[Left], every: u32, days: u32) -> impl Iterator<Item = Date> + use<> {
    let every = i64::from(every);
    let activity = portfolio.activity();
    let day = |date: Date| i64::from(date.days_since_epoch());
    let ends = left.iter().map(|left| left.day).min().zip(left.iter().map(|left| left.day).max());
    let (first, last) = ends.map_or((0, -1), |(first, last)| (i64::from(first) - i64::from(days), i64::from(last) - 1));
    // The last day of the week before the epoch, and all that lie so many days away from it.
    let anchor = day(activity.calendar().end_of_last_week(Date::from_day(0)));
    let from = first.max(day(activity.observed_from()));
    let step = (from - anchor).div_euclid(every) + i64::from((from - anchor).rem_euclid(every) > 0);
    let days = (step..).map(move |step| anchor + step * every).take_while(move |&day| day <= last);
    days.filter_map(|day| i32::try_from(day).ok().map(Date::from_day))
}
