//! The power user curve: on how many days of a window its users were active.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::active_users::{MAX_WINDOW, Window};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date, PeriodTable, Span};
use crate::error::{Error, Result};
use crate::frame::write;
use crate::statistics::ratio;

/// More windows times days of a window than this are refused; every thread holds a count for each.
const MAX_CELLS: u64 = 1 << 26;

/// What [`Activity::power_curve`] should count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerCurveOptions {
    window: Window,
    between: Option<(Date, Date)>,
}

impl PowerCurveOptions {
    /// Active days within a window: 7 or 28 that end with each day, which is L7 or L28, or a calendar month.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self { window, between: None }
    }

    /// The window.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Reports only windows that end, and calendar periods that lie at least in part, between two days. The default
    /// is the whole observation. Activity before the first day still counts in windows that reach back.
    #[must_use]
    pub fn between(mut self, first: Date, last: Date) -> Self {
        self.between = Some((first, last));
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Window::Days(days) = self.window
            && !(1..=MAX_WINDOW).contains(&days)
        {
            let reason = "a trailing window is 1 to 36525 days long";
            return Err(Error::InvalidOption { option: "window", value: self.window.to_string(), reason });
        }
        Ok(())
    }
}

impl From<Window> for PowerCurveOptions {
    fn from(window: Window) -> Self {
        Self::new(window)
    }
}

/// The actors of one window by the number of days on which they were active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredPowerCurvePoint")]
pub struct PowerCurvePoint {
    /// The days of the window; a trailing window is labelled by the last of them.
    pub span: Span,
    /// How much of the window was observed.
    pub coverage: Coverage,
    /// Actors active on at least 1, 2, ... days.
    pub(super) at_least: Vec<u64>,
}

impl PowerCurvePoint {
    /// The days of the window, and so the most on which an actor can be active.
    #[must_use]
    pub fn days(&self) -> u32 {
        u32::try_from(self.at_least.len()).unwrap_or(u32::MAX)
    }

    /// Distinct actors active in the window, as in [`active_users`](Activity::active_users): the denominator.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.at_least.first().copied().unwrap_or(0)
    }

    /// Actors active on at least so many days; `None` for 0 days and for more than the window has.
    #[must_use]
    pub fn at_least(&self, days: u32) -> Option<u64> {
        self.at_least.get(usize::try_from(days.checked_sub(1)?).ok()?).copied()
    }

    /// Actors active on exactly so many days; `None` for 0 days and for more than the window has.
    #[must_use]
    pub fn exactly(&self, days: u32) -> Option<u64> {
        Some(self.at_least(days)? - self.at_least(days + 1).unwrap_or(0))
    }

    /// The share of the active actors who were active on exactly so many days; `None` without one, or unless the window
    /// is observed.
    #[must_use]
    pub fn share(&self, days: u32) -> Option<f64> {
        self.rate(self.exactly(days)?)
    }

    /// The share of the active actors who were active on at least so many days; `None` without one, or unless the window
    /// is observed.
    #[must_use]
    pub fn share_at_least(&self, days: u32) -> Option<f64> {
        self.rate(self.at_least(days)?)
    }

    /// On how many days of the window an active actor was active, in the mean; `None` without one, or unless the window
    /// is observed.
    #[must_use]
    pub fn mean_active_days(&self) -> Option<f64> {
        // Whoever was active on k days is counted k times, under 1 to k.
        self.rate(self.at_least.iter().sum())
    }

    fn rate(&self, part: u64) -> Option<f64> {
        if self.coverage == Coverage::Observed { ratio(part, self.active()) } else { None }
    }
}

/// The answer of [`Activity::power_curve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredPowerCurve")]
pub struct PowerCurve {
    pub(super) options: PowerCurveOptions,
    pub(super) windows: Vec<(Span, Coverage)>,
    /// The days of the longest window.
    pub(super) width: usize,
    /// Per window, the actors active on at least 1, 2, ... days.
    pub(super) at_least: Vec<u32>,
}

impl Activity {
    /// The power user curve: how many actors were active on exactly, and on at least, k days of a window.
    ///
    /// ```text
    /// exactly(k)       = |{u : u has events on exactly k days of the window}|        k = 1 ..= days of the window
    /// at least(k)      = exactly(k) + exactly(k+1) + ...
    /// active           = at least(1)                      the sum of exactly(k), the count of active_users
    /// share(k)         = exactly(k) / active
    /// mean active days = sum of k exactly(k) / active     the sum of at least(k) / active
    /// ```
    ///
    /// `Window::Days(28)` gives a histogram for the 28 days that end with each day, one of 28 and not of 30 days so
    /// that every weekday is in it four times; a calendar window one for each period, k going up to the period's length.
    /// Counts are people; the denominator of shares and mean is the actors active in the window, never all actors. A
    /// window that reaches back before the observation is [`Coverage::Truncated`], a period that has not ended by
    /// [`as_of`](Activity::as_of) [`Coverage::Open`]: their counts are given as far as they were seen and their shares
    /// are `None`, for with fewer days to be active on everybody looks less of a power user. The mistake this prevents
    /// is to take one ratio, DAU/MAU, for the habit of all: a mean of 5 days can be everybody's or nobody's.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a window of 0 or more than 36525 days; [`Error::TooLarge`] for more than 2^26 windows
    /// times days of a window.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Coverage, EventColumns, Window, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // ann on the 1st, 2nd and 4th of January 2024, bob on the 2nd.
    /// let mut events = df!("user" => ["ann", "ann", "ann", "bob"], "day" => [19_723, 19_724, 19_726, 19_724])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let curve = activity.power_curve(Window::Days(3))?;
    /// assert_eq!(curve.on(date(2024, 1, 2)).unwrap().coverage, Coverage::Truncated);
    /// let latest = curve.on(date(2024, 1, 4)).unwrap(); // the 2nd to the 4th
    /// assert_eq!((latest.active(), latest.exactly(1), latest.exactly(2)), (2, Some(1), Some(1)));
    /// assert_eq!((latest.at_least(1), latest.at_least(2), latest.at_least(3)), (Some(2), Some(1), Some(0)));
    /// assert_eq!((latest.share(2), latest.mean_active_days()), (Some(0.5), Some(1.5)));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// L. Jin and A. Chen, Andreessen Horowitz (2018), "The power user curve": over a month, as L30 or L28, and L7 over a
    /// week. PostHog, "Stickiness": exact and cumulative, over the days of a range. Amplitude and Mixpanel call the same
    /// stickiness too.
    pub fn power_curve(&self, options: impl Into<PowerCurveOptions>) -> Result<PowerCurve> {
        let options = options.into();
        options.check()?;
        let (first, as_of) = (self.observed_from(), self.as_of());
        let (from, to) = options.between.unwrap_or((first, as_of));
        let (spans, mut at_least, width) = match options.window {
            Window::Days(length) => {
                let (from, to) = (from.max(first), to.min(as_of));
                let days = usize::try_from(length).unwrap_or(usize::MAX);
                let labels = usize::try_from(i64::from(to.days_since_epoch()) - i64::from(from.days_since_epoch()) + 1);
                let labels = labels.unwrap_or(0);
                check_size(labels, days)?;
                let length = length.cast_signed();
                let counts = self.histograms(labels * days, |counts, active| {
                    count_trailing(counts, days, length, from.days_since_epoch(), active);
                });
                let span = |end: Date| Span { start: end - (length - 1), end };
                let ends = (from.days_since_epoch()..).take(labels).map(Date::from_day);
                (ends.map(span).collect::<Vec<_>>(), counts, days)
            }
            Window::Calendar(period) => {
                let table = self.periods(period);
                let spans = table.spans();
                let skipped = spans.partition_point(|span| span.end < from);
                let labels = spans.partition_point(|span| span.start <= to).saturating_sub(skipped);
                let spans = spans.iter().skip(skipped).take(labels).copied().collect::<Vec<_>>();
                let days = spans.iter().map(days_of).max().unwrap_or(0);
                check_size(labels, days)?;
                let counts = self.histograms(labels * days, |counts, active| {
                    count_periods(counts, days, &table, skipped, active);
                });
                (spans, counts, days)
            }
        };
        if matches!(options.window, Window::Days(_)) {
            for cell in width..at_least.len() {
                at_least[cell] = at_least[cell].wrapping_add(at_least[cell - width]);
            }
        }
        let windows = spans.into_iter().map(|span| (span, Coverage::of(span, first, as_of))).collect();
        Ok(PowerCurve { options, windows, width, at_least })
    }

    fn histograms(&self, cells: usize, count: impl Fn(&mut [u32], &[i32]) + Sync) -> Vec<u32> {
        self.sweep(
            cells,
            || vec![0_u32; cells],
            |counts, _, days| count(counts, days),
            |mut counts, others| {
                counts.iter_mut().zip(&others).for_each(|(count, other)| *count = count.wrapping_add(*other));
                counts
            },
        )
    }
}

impl PowerCurve {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &PowerCurveOptions {
        &self.options
    }

    /// The histograms of all windows, in order of time.
    #[must_use]
    pub fn series(&self) -> impl DoubleEndedIterator<Item = PowerCurvePoint> + ExactSizeIterator + '_ {
        (0..self.windows.len()).map(|place| self.at(place))
    }

    /// The histogram of the trailing window that ends with a day, or of the calendar period that holds it.
    #[must_use]
    pub fn on(&self, date: Date) -> Option<PowerCurvePoint> {
        let place = self.windows.partition_point(|(span, _)| span.end < date);
        let (span, _) = self.windows.get(place)?;
        let labelled = match self.options.window {
            Window::Days(_) => span.end == date,
            Window::Calendar(_) => span.start <= date,
        };
        labelled.then(|| self.at(place))
    }

    fn at(&self, place: usize) -> PowerCurvePoint {
        let (span, coverage) = self.windows[place];
        let counts = self.at_least[place * self.width..].iter().take(days_of(&span));
        PowerCurvePoint { span, coverage, at_least: counts.map(|&count| u64::from(count)).collect() }
    }

    /// All histograms as a long frame: windows in order of time, active days ascending within each.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `start` | Date | first day of the window |
    /// | `end` | Date | last day of the window; the label of a trailing one |
    /// | `coverage` | String | `observed`, `truncated` or `open`, see [`Coverage`] |
    /// | `active` | UInt64 | actors active in the window |
    /// | `days` | UInt32 | k, from 1 to the days of the window |
    /// | `exactly` | UInt64 | actors active on exactly k days |
    /// | `at_least` | UInt64 | actors active on k days or more |
    /// | `share` | Float64 | `exactly / active`; null unless observed and somebody was active |
    /// | `share_at_least` | Float64 | `at_least / active`; null where `share` is |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let (mut starts, mut ends, mut coverages) = (Vec::new(), Vec::new(), Vec::new());
        let (mut active, mut days) = (Vec::new(), Vec::new());
        let (mut exactly, mut at_least) = (Vec::new(), Vec::new());
        let (mut shares, mut shares_at_least) = (Vec::new(), Vec::new());
        for point in self.series() {
            for k in 1..=point.days() {
                starts.push(point.span.start);
                ends.push(point.span.end);
                coverages.push(point.coverage.name());
                active.push(point.active());
                days.push(k);
                exactly.push(point.exactly(k));
                at_least.push(point.at_least(k));
                shares.push(point.share(k));
                shares_at_least.push(point.share_at_least(k));
            }
        }
        write::frame(vec![
            write::dates("start", starts.into_iter().map(Some))?,
            write::dates("end", ends.into_iter().map(Some))?,
            write::column("coverage", coverages),
            write::column("active", active),
            write::column("days", days),
            write::column("exactly", exactly),
            write::column("at_least", at_least),
            write::column("share", shares),
            write::column("share_at_least", shares_at_least),
        ])
    }
}

impl fmt::Display for PowerCurve {
    /// The latest window that has ended, beside the one before it: that ends the day before it begins, or the period before.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: u32 = 31;
        const BAR: u64 = 26;
        write!(f, "Power curve, {}", self.options.window)?;
        let ended = self.windows.iter().rposition(|(_, coverage)| *coverage != Coverage::Open);
        let Some(latest) = ended.or(self.windows.len().checked_sub(1)).map(|place| self.at(place)) else {
            return write!(f, ": no window");
        };
        let earlier = self.on(latest.span.start - 1);
        let title = |point: &PowerCurvePoint| format!("{} to {}", point.span.start, point.span.end);
        let beside = earlier.as_ref().map_or(String::new(), |earlier| format!(", beside {}", title(earlier)));
        writeln!(f, ", {}{beside}", title(&latest))?;
        writeln!(f, "  {:>7} {:>9} {:>7} {:26} {:>9} {:>7}", "days", "actors", "%", "", "earlier", "%")?;

        // A long window has several numbers of days in a row.
        let days = earlier.iter().map(PowerCurvePoint::days).fold(latest.days(), u32::max);
        let step = days.div_ceil(ROWS).max(1);
        let within = |point: &PowerCurvePoint, from: u32| {
            point.at_least(from).unwrap_or(0) - point.at_least(from + step).unwrap_or(0)
        };
        let starts = || (0..days.div_ceil(step)).map(|row| 1 + row * step);
        let most = starts().map(|from| within(&latest, from)).max().unwrap_or(0).max(1);
        let percent = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{:.1}", 100.0 * rate));
        let earlier = earlier.as_ref();
        for from in starts() {
            let to = (from + step - 1).min(days);
            let label = if from == to { from.to_string() } else { format!("{from}-{to}") };
            let count = within(&latest, from);
            let bar = "#".repeat(usize::try_from(count.saturating_mul(BAR).div_ceil(most)).unwrap_or(0));
            let before = earlier.map(|earlier| within(earlier, from));
            let share = before.zip(earlier).and_then(|(count, earlier)| earlier.rate(count));
            let before = before.map_or("-".to_owned(), |count| count.to_string());
            write!(f, "  {label:>7} {count:>9} {:>7} {bar:26}", percent(latest.rate(count)))?;
            writeln!(f, " {before:>9} {:>7}", percent(share))?;
        }
        let mean =
            |point: &PowerCurvePoint| point.mean_active_days().map_or("-".to_owned(), |mean| format!("{mean:.2}"));
        write!(f, "  {} active, {} days in the mean", latest.active(), mean(&latest))?;
        if let Some(earlier) = earlier {
            write!(f, "; earlier {} active, {} days", earlier.active(), mean(earlier))?;
        }
        if latest.coverage != Coverage::Observed {
            write!(f, "\n  the window is {}, so there are counts and no shares", latest.coverage)?;
        }
        Ok(())
    }
}

fn check_size(windows: usize, days: usize) -> Result<()> {
    let (count, limit) = ((windows as u64).saturating_mul(days as u64), MAX_CELLS);
    let way_out = "take a shorter window, or fewer of them with between";
    let what = "windows times days of a window";
    if count > limit { Err(Error::TooLarge { what, count, limit, way_out }) } else { Ok(()) }
}

pub(super) fn days_of(span: &Span) -> usize {
    usize::try_from(span.end - span.start + 1).unwrap_or(0)
}

/// The active days without repetition.
fn distinct(days: &[i32]) -> impl Iterator<Item = i32> + '_ {
    let mut last = None;
    days.iter().copied().filter(move |&day| last.replace(day) != Some(day))
}

/// Counts an actor in trailing windows of `length` days, of which the first that is reported ends on day `from`.
///
/// From day to day the number of active days of an actor changes by one for a day that enters the window and by one for
/// a day that leaves it. To rise to k is to join those with at least k days, and to fall from k to leave them, so each
/// change is one entry, and sums along the days give the counts. Changes before `from` are entered on it.
#[inline]
fn count_trailing(counts: &mut [u32], width: usize, length: i32, from: i32, days: &[i32]) {
    let cell = |day: i32, k: usize| usize::try_from(day.saturating_sub(from)).unwrap_or(0) * width + k - 1;
    let mut leaving = distinct(days).map(|day| day + length);
    let mut gone = leaving.next().unwrap_or(i32::MAX);
    let mut active = 0;
    // By the end of time all active days have left; what lies after the last window has no count and is passed over.
    for day in distinct(days).chain([i32::MAX]) {
        while gone <= day && active > 0 {
            if let Some(count) = counts.get_mut(cell(gone, active)) {
                *count = count.wrapping_sub(1);
            }
            active -= 1;
            gone = leaving.next().unwrap_or(i32::MAX);
        }
        active += 1;
        if let Some(count) = counts.get_mut(cell(day, active)) {
            *count = count.wrapping_add(1);
        }
    }
}

/// Counts an actor in calendar periods, of which the first `skipped` are not reported: the k-th active day of a period
/// makes one more with at least k.
#[inline]
fn count_periods(counts: &mut [u32], width: usize, table: &PeriodTable, skipped: usize, days: &[i32]) {
    let (mut period, mut active) = (usize::MAX, 0);
    for day in distinct(days) {
        let of = table.of(day) as usize;
        active = if of == period { active + 1 } else { 0 };
        period = of;
        if let Some(count) = of.checked_sub(skipped).and_then(|row| counts.get_mut(row * width + active)) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, Period, date};

    #[test]
    fn trailing_by_hand() {
        let users: [&[i32]; 5] = [&[0], &[0, 1, 2, 9], &[3, 3, 10], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &[]];
        for (length, from) in [(1, 0), (2, 0), (3, 0), (3, 4), (7, 9), (11, 0), (30, 0)] {
            let width = usize::try_from(length).unwrap();
            let labels = usize::try_from(11 - from).unwrap();
            let mut counts = vec![0_u32; labels * width];
            users.iter().for_each(|days| count_trailing(&mut counts, width, length, from, days));
            for cell in width..counts.len() {
                counts[cell] = counts[cell].wrapping_add(counts[cell - width]);
            }
            for (label, row) in (from..).zip(counts.chunks(width)) {
                for (k, &count) in (1..).zip(row) {
                    let active = |days: &&&[i32]| {
                        let within = |day: &i32| (label - length + 1..=label).contains(day);
                        distinct(days).filter(within).count() >= k
                    };
                    assert_eq!(count as usize, users.iter().filter(active).count(), "{length} to {label}, {k}");
                }
            }
        }
    }

    #[test]
    fn periods_by_hand() {
        // Monday 1 January 2024 and two weeks from it; the second is a week of two days.
        let first = date(2024, 1, 1);
        let table = PeriodTable::new(&Calendar::utc(), Period::Week, first..=first + 8);
        let day = |after| (first + after).days_since_epoch();
        let mut counts = vec![0; 14];
        count_periods(&mut counts, 7, &table, 0, &[day(0), day(0), day(3), day(6), day(7)]);
        count_periods(&mut counts, 7, &table, 0, &[day(8)]);
        assert_eq!(counts, [1, 1, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
        let mut counts = vec![0; 7];
        count_periods(&mut counts, 7, &table, 1, &[day(0), day(7), day(8)]);
        assert_eq!(counts, [1, 1, 0, 0, 0, 0, 0]);
        // Nor are those after the last one.
        let mut counts = vec![0; 7];
        count_periods(&mut counts, 7, &table, 0, &[day(0), day(7), day(8)]);
        assert_eq!(counts, [1, 0, 0, 0, 0, 0, 0]);
    }
}
