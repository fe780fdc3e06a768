//! How somebody came, week by week, up to a day.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::options::EnrichmentOptions;
use crate::statistics::{Interval, Wilson, float, theil_sen};

/// The weeks that say how much somebody came in the end, and for how long a habit lasts at least.
const SOME_WEEKS: usize = 4;
/// In fewer weeks no trend is looked for.
const TREND_WEEKS: usize = 8;

/// How use went before a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngagementClass {
    /// It never became a habit.
    NeverTookOff,
    /// It had become less and less.
    Fading,
    /// It ended from one day to the next, longer before the cancellation than any pause had lasted.
    SuddenStop,
    /// It went on as before.
    Steady,
}

impl EngagementClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::NeverTookOff, Self::Fading, Self::SuddenStop, Self::Steady];

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverTookOff => "never_took_off",
            Self::Fading => "fading",
            Self::SuddenStop => "sudden_stop",
            Self::Steady => "steady",
        }
    }
}

impl fmt::Display for EngagementClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether use rose or fell over the weeks before a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EngagementTrend {
    /// By how many active days a week the weeks changed from one to the next: the median slope of Theil and Sen.
    pub slope: f64,
    /// Its 95 % interval; `None` where the weeks are too few for one.
    pub interval: Option<Interval>,
    /// Two-sided, of the Mann-Kendall test; 1 where all weeks are the same.
    pub p_value: f64,
}

/// What the active days of somebody say, up to the day on which they left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Engagement {
    /// Active days a week, over all whole weeks; `None` without one.
    pub(super) level: Option<f64>,
    /// Over the last four.
    pub(super) recent_level: Option<f64>,
    pub(super) trend: Option<EngagementTrend>,
    pub(super) class: Option<EngagementClass>,
}

/// Judges active days from `start` to `end`, both included; `from_the_start` says whether use began with `start`, or may have
/// been seen only from there on.
pub(super) fn engagement(
    days: &[i32],
    (start, end): (i32, i32),
    from_the_start: bool,
    options: &EnrichmentOptions,
    wilson: Wilson,
) -> Engagement {
    let count = usize::try_from((end - start + 1) / 7).unwrap_or(0);
    let mut weeks = vec![0.0; count];
    for &day in days {
        // Counted from the end, so that the first stretch is the one that may be cut off.
        if let Some(place) = usize::try_from((end - day) / 7).ok().and_then(|back| count.checked_sub(back + 1)) {
            weeks[place] += 1.0;
        }
    }
    let mean = |weeks: &[f64]| weeks.iter().sum::<f64>() / float(weeks.len() as u64);
    let some = |weeks: &[f64]| (!weeks.is_empty()).then(|| mean(weeks));
    let level = some(&weeks);
    let recent_level = some(&weeks[count.saturating_sub(SOME_WEEKS)..]);
    let most = options.weeks as usize;
    let seen = &weeks[count.saturating_sub(most)..];
    let trend = trend(seen, wilson);
    let best = weeks.windows(SOME_WEEKS.min(count).max(1)).map(mean).fold(0.0, f64::max);
    let class = || {
        if count == 0 {
            return None;
        }
        if best < options.took_off {
            return from_the_start.then_some(EngagementClass::NeverTookOff);
        }
        if stopped(days, &weeks, end, options) {
            return Some(EngagementClass::SuddenStop);
        }
        let falls = trend.is_some_and(|trend| trend.slope < 0.0 && trend.p_value <= options.level);
        let less = recent_level.zip(some(seen)).is_some_and(|(recent, level)| recent <= options.faded * level);
        Some(if falls && less { EngagementClass::Fading } else { EngagementClass::Steady })
    };
    Engagement { level, recent_level, trend, class: class() }
}

fn trend(weeks: &[f64], wilson: Wilson) -> Option<EngagementTrend> {
    if weeks.len() < TREND_WEEKS {
        return None;
    }
    let times: Vec<f64> = (0..weeks.len() as u64).map(float).collect();
    let of = theil_sen(&times, weeks, wilson)?;
    Some(EngagementTrend { slope: of.slope, interval: of.interval, p_value: of.test.p_value })
}

/// Whether the last silence is longer than any before, and the weeks up to it were no less than half as busy as usual.
fn stopped(days: &[i32], weeks: &[f64], end: i32, options: &EnrichmentOptions) -> bool {
    let Some(&last) = days.last() else { return false };
    let silence = end - last;
    let longest = days.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    if i64::from(silence) < i64::from(options.stop_days) || silence <= longest {
        return false;
    }
    let up_to = weeks.len() - usize::try_from(silence / 7).unwrap_or(0).min(weeks.len());
    let before = &weeks[..up_to];
    let mean = |weeks: &[f64]| weeks.iter().sum::<f64>() / float(weeks.len().max(1) as u64);
    mean(&before[up_to.saturating_sub(SOME_WEEKS)..]) >= mean(before) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(days: &[i32], start: i32, end: i32) -> Engagement {
        engagement(days, (start, end), true, &EnrichmentOptions::new(), Wilson::new(0.95).unwrap())
    }

    /// So many active days in each week, the last of which ends on the day before 0.
    fn weekly(weeks: &[i32]) -> Engagement {
        let start = -7 * i32::try_from(weeks.len()).unwrap();
        let day = |(week, &count): (i32, &i32)| (0..count).map(move |day| start + 7 * week + day);
        let days: Vec<i32> = (0..).zip(weeks).flat_map(day).collect();
        of(&days, start, -1)
    }

    #[test]
    fn classes_by_hand() {
        let class = |weeks: &[i32]| weekly(weeks).class;
        assert_eq!(class(&[3; 12]), Some(EngagementClass::Steady));
        assert_eq!(class(&[1, 0, 0, 1, 0, 0, 0, 1, 0]), Some(EngagementClass::NeverTookOff));
        assert_eq!(class(&[5, 5, 4, 4, 3, 3, 2, 2, 1, 1]), Some(EngagementClass::Fading));
        assert_eq!(class(&[4, 4, 4, 4, 4, 4, 4, 0, 0, 0]), Some(EngagementClass::SuddenStop));
        // The same pause was there before, and it came back.
        assert_eq!(class(&[4, 4, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0]), Some(EngagementClass::Steady));
        // It had been falling long before it ended.
        assert_eq!(class(&[6, 6, 5, 5, 4, 4, 3, 3, 1, 0, 1, 0, 0, 0]), Some(EngagementClass::Fading));
        // Too short to tell more than whether it began.
        assert_eq!(class(&[3, 1]), Some(EngagementClass::Steady));
        assert_eq!(class(&[1, 0]), Some(EngagementClass::NeverTookOff));
        assert_eq!(class(&[]), None);
    }

    #[test]
    fn levels_and_trend() {
        let fading = weekly(&[5, 5, 4, 4, 3, 3, 2, 2, 1, 1]);
        assert_eq!((fading.level, fading.recent_level), (Some(3.0), Some(1.5)));
        let trend = fading.trend.unwrap();
        assert!((trend.slope + 0.5).abs() < 1e-12 && trend.p_value < 0.001, "{trend:?}");
        assert!(trend.interval.unwrap().upper < 0.0);
        assert_eq!(weekly(&[3; 7]).trend, None);
        assert_eq!(weekly(&[3; 8]).trend.map(|trend| (trend.slope, trend.p_value)), Some((0.0, 1.0)));
        // Three days before the first whole week count for nothing but the class.
        let cut = of(&[0, 1, 2, 3, 5], 0, 9);
        assert_eq!((cut.level, cut.recent_level), (Some(2.0), Some(2.0)));
    }

    #[test]
    fn what_began_before_it_was_seen() {
        let days = [0, 21, 42];
        let seen = |from_the_start| {
            let wilson = Wilson::new(0.95).unwrap();
            engagement(&days, (0, 62), from_the_start, &EnrichmentOptions::new(), wilson).class
        };
        assert_eq!((seen(true), seen(false)), (Some(EngagementClass::NeverTookOff), None));
    }
}
