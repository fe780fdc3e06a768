//! Distinct active users of trailing windows and calendar periods: DAU, WAU, MAU.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Period, PeriodTable, Span};
use crate::error::{Error, Result};
use crate::frame::write;

/// A trailing window longer than this is refused.
pub(super) const MAX_WINDOW: u32 = 36_525;
/// More days times windows than this are refused; every thread holds two counts for each.
const MAX_CELLS: u64 = 1 << 26;

/// Over which days distinct users are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Window {
    /// So many days that end with the day of the label, that day included: `Days(7)` on day d covers d-6 ..= d. One
    /// count for every day. PostHog, Amplitude and Mixpanel call 7 of them WAU and 30 of them MAU.
    Days(u32),
    /// A calendar period: one count for every week, month, quarter or year.
    Calendar(Period),
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => f.pad(&format!("{days}d")),
            Self::Calendar(period) => f.pad(period.name()),
        }
    }
}

/// What [`Activity::active_users`] should count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveUsersOptions {
    pub(super) windows: Vec<Window>,
    between: Option<(Date, Date)>,
}

impl ActiveUsersOptions {
    /// Counts over these windows, all in one sweep.
    #[must_use]
    pub fn new(windows: impl IntoIterator<Item = Window>) -> Self {
        Self { windows: windows.into_iter().collect(), between: None }
    }

    /// Reports only windows that end, and calendar periods that lie at least in part, between two days. The default
    /// is the whole observation. Activity before the first day still counts in windows that reach back.
    #[must_use]
    pub fn between(mut self, first: Date, last: Date) -> Self {
        self.between = Some((first, last));
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |value: String, reason| Err(Error::InvalidOption { option: "windows", value, reason });
        if self.windows.is_empty() {
            return refuse("none".to_owned(), "name at least one window, like Window::Days(7)");
        }
        for window in &self.windows {
            if let Window::Days(days) = window
                && !(1..=MAX_WINDOW).contains(days)
            {
                return refuse(window.to_string(), "a trailing window is 1 to 36525 days long");
            }
        }
        Ok(())
    }
}

impl From<Window> for ActiveUsersOptions {
    fn from(window: Window) -> Self {
        Self::new([window])
    }
}

impl<const N: usize> From<[Window; N]> for ActiveUsersOptions {
    fn from(windows: [Window; N]) -> Self {
        Self::new(windows)
    }
}

/// How many distinct actors were active within a stretch of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveCount {
    /// The days counted over; a trailing window is labelled by the last of them.
    pub span: Span,
    /// Distinct actors with at least one event on one of these days.
    pub active: u64,
    /// How much of the stretch was observed.
    pub coverage: Coverage,
}

/// The answer of [`Activity::active_users`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredActiveUsers")]
pub struct ActiveUsers {
    pub(super) options: ActiveUsersOptions,
    pub(super) series: Vec<Vec<ActiveCount>>,
}

/// # Engagement
impl Activity {
    /// Distinct active users: for every day over trailing windows, and for every calendar period.
    ///
    /// ```text
    /// trailing  active(n, d) = |{u : u has an event on a day in d-n+1 ..= d}|
    /// calendar  active(P)    = |{u : u has an event on a day of P}|
    /// ```
    ///
    /// `Window::Days(1)` is DAU. Days on which nothing happened are there, with the counts that hold on them. Both
    /// forms count people, not shares, so there is no denominator. A window that reaches back before the first day of
    /// observation is marked [`Coverage::Truncated`], a calendar period that has not ended by
    /// [`as_of`](Activity::as_of) [`Coverage::Open`]; their counts are given as far as they were seen. All windows are
    /// counted in one sweep over the active days.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if there is no window, or one of 0 or more than 36525 days; [`Error::TooLarge`] for more
    /// than 2^26 days times windows.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Coverage, EventColumns, Period, Window, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // 2024-01-01 and 02, and after a quiet day 2024-01-04.
    /// let mut events = df!("user" => ["ann", "bob", "ann"], "day" => [19_723, 19_724, 19_726])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let month = Window::Calendar(Period::Month);
    /// let usage = activity.active_users([Window::Days(1), Window::Days(3), month])?;
    /// let counts = |window| usage.series(window).iter().map(|count| count.active).collect::<Vec<_>>();
    /// assert_eq!(counts(Window::Days(1)), [1, 1, 0, 1]);
    /// assert_eq!(counts(Window::Days(3)), [1, 2, 2, 2]);
    /// assert_eq!(usage.on(Window::Days(3), date(2024, 1, 2)).unwrap().coverage, Coverage::Truncated);
    /// assert_eq!(usage.on(month, date(2024, 1, 2)).unwrap().active, 2);
    /// assert_eq!(usage.on(month, date(2024, 1, 2)).unwrap().coverage, Coverage::Open);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// PostHog, "Trends": weekly and monthly active users; Amplitude, "Rolling windows"; Mixpanel, "Insights". All three
    /// count 7 and 30 days that end with the label.
    pub fn active_users(&self, options: impl Into<ActiveUsersOptions>) -> Result<ActiveUsers> {
        let options = options.into();
        options.check()?;
        let (first, last) = (self.observed_from(), self.as_of());
        let lengths = options.windows.iter().filter_map(|window| match window {
            Window::Days(days) => Some(*days),
            Window::Calendar(_) => None,
        });
        let trailing = Trailing::new(lengths.collect(), first, last);
        trailing.check_size()?;
        let tables: Vec<PeriodTable> = options
            .windows
            .iter()
            .filter_map(|window| match window {
                Window::Days(_) => None,
                Window::Calendar(period) => Some(self.periods(*period)),
            })
            .collect();
        let new =
            || (trailing.tally(), tables.iter().map(|table| vec![0_u32; table.spans().len()]).collect::<Vec<_>>());
        let (tally, periods) = self.sweep(
            2 * trailing.cells(),
            new,
            |(tally, periods), _, days| {
                trailing.count(tally, days);
                for (table, counts) in tables.iter().zip(periods) {
                    count_periods(table, counts, days);
                }
            },
            |(mut tally, mut periods), (other_tally, other_periods)| {
                tally.add(&other_tally);
                periods.iter_mut().zip(&other_periods).for_each(|(counts, others)| add(counts, others));
                (tally, periods)
            },
        );

        let (from, to) = options.between.unwrap_or((first, last));
        let counted = |(span, active): (Span, u32)| ActiveCount {
            span,
            active: u64::from(active),
            coverage: Coverage::of(span, first, last),
        };
        let mut of_periods = tables.iter().zip(&periods);
        let series = options.windows.iter().map(|window| -> Vec<ActiveCount> {
            match window {
                Window::Days(days) => trailing
                    .active(&tally, *days)
                    .filter(|(span, _)| from <= span.end && span.end <= to)
                    .map(counted)
                    .collect(),
                Window::Calendar(_) => of_periods
                    .next()
                    .map(|(table, counts)| table.spans().iter().copied().zip(counts.iter().copied()))
                    .into_iter()
                    .flatten()
                    .filter(|(span, _)| from <= span.end && span.start <= to)
                    .map(counted)
                    .collect(),
            }
        });
        let series = series.collect();
        Ok(ActiveUsers { options, series })
    }
}

impl ActiveUsers {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ActiveUsersOptions {
        &self.options
    }

    /// The counts of one window in order of time; empty if the window was not asked for.
    #[must_use]
    pub fn series(&self, window: Window) -> &[ActiveCount] {
        let place = self.options.windows.iter().position(|&other| other == window);
        place.map_or(&[], |place| &self.series[place])
    }

    /// The count of the trailing window that ends with a day, or of the calendar period that holds it.
    #[must_use]
    pub fn on(&self, window: Window, date: Date) -> Option<&ActiveCount> {
        let series = self.series(window);
        let count = series.get(series.partition_point(|count| count.span.end < date))?;
        let labelled = match window {
            Window::Days(_) => count.span.end == date,
            Window::Calendar(_) => count.span.start <= date,
        };
        labelled.then_some(count)
    }

    /// All counts as a frame, window by window as they were asked for, each in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `window` | String | `7d` for a trailing window, `month` for a calendar period |
    /// | `start` | Date | first day counted over |
    /// | `end` | Date | last day counted over; the label of a trailing window |
    /// | `active` | UInt64 | distinct active users |
    /// | `coverage` | String | `observed`, `truncated` or `open`, see [`Coverage`] |
    ///
    /// No column has nulls.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = || {
            let windows = self.options.windows.iter().zip(&self.series);
            windows.flat_map(|(window, series)| series.iter().map(move |count| (window, count)))
        };
        write::frame(vec![
            write::column("window", rows().map(|(window, _)| window.to_string()).collect::<Vec<_>>()),
            write::dates("start", rows().map(|(_, count)| Some(count.span.start)))?,
            write::dates("end", rows().map(|(_, count)| Some(count.span.end)))?,
            write::column("active", rows().map(|(_, count)| count.active).collect::<Vec<_>>()),
            write::column("coverage", rows().map(|(_, count)| count.coverage.name()).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for ActiveUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LATEST: usize = 8;
        writeln!(f, "Active users, latest {LATEST} (~ reaches back before the log, * still open)")?;
        let latest = |series: &[ActiveCount]| series.len().saturating_sub(LATEST)..series.len();
        let trailing = |window: &Window| matches!(window, Window::Days(_));
        let all = || self.options.windows.iter().zip(&self.series);
        // Trailing windows have the same labels, so they stand side by side.
        let daily: Vec<_> = all().filter(|(window, _)| trailing(window)).collect();
        if let Some((_, labels)) = daily.first() {
            write!(f, "  {:<10}", "day")?;
            daily.iter().try_for_each(|(window, _)| write!(f, " {window:>9} "))?;
            writeln!(f)?;
            for row in latest(labels) {
                write!(f, "  {}", labels[row].span.end)?;
                let mut counts = daily.iter().map(|(_, series)| series[row]);
                counts.try_for_each(|count| write!(f, " {:>9}{:<1}", count.active, count.coverage.sign()))?;
                writeln!(f)?;
            }
        }
        for (window, series) in all().filter(|(window, _)| !trailing(window)) {
            writeln!(f, "  {:<10} {:>9}", window.to_string(), "active")?;
            for count in &series[latest(series)] {
                writeln!(f, "  {} {:>9}{}", count.span.start, count.active, count.coverage.sign())?;
            }
        }
        Ok(())
    }
}

/// Counts distinct users of any number of trailing windows at once.
///
/// A user is within a window of n days from an active day until n days have passed without another. So when the next
/// active day comes after a gap of g, the windows with n <= g have lost the user in between and gain it anew, and the
/// longer ones have not noticed. Sorting each gap into the class "number of windows with n <= g" therefore takes one
/// increment at either end, however many windows there are.
#[derive(Debug)]
struct Trailing {
    first_day: i32,
    days: usize,
    /// Distinct lengths, ascending.
    lengths: Vec<u32>,
    /// Per gap up to the longest window the number of windows that are no longer.
    class_of: Vec<u16>,
}

/// Per day and class, how many users come in on it and how many are last seen on it.
#[derive(Debug)]
struct Tally {
    begin: Vec<u32>,
    end: Vec<u32>,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        add(&mut self.begin, &other.begin);
        add(&mut self.end, &other.end);
    }
}

impl Trailing {
    fn new(mut lengths: Vec<u32>, first: Date, last: Date) -> Self {
        lengths.sort_unstable();
        lengths.dedup();
        let longest = lengths.last().copied().unwrap_or(0);
        let class = |gap: u32| lengths.partition_point(|&length| length <= gap);
        let class_of = (0..=longest).map(|gap| u16::try_from(class(gap)).unwrap_or(u16::MAX)).collect();
        let days = usize::try_from(last - first + 1).unwrap_or(0);
        Self { first_day: first.days_since_epoch(), days, lengths, class_of }
    }

    fn cells(&self) -> usize {
        if self.lengths.is_empty() { 0 } else { self.days * (self.lengths.len() + 1) }
    }

    fn check_size(&self) -> Result<()> {
        let (count, limit) = (self.cells() as u64, MAX_CELLS);
        let way_out = "ask for fewer windows at a time, or narrow the observation";
        if count > limit { Err(Error::TooLarge { what: "days times windows", count, limit, way_out }) } else { Ok(()) }
    }

    fn tally(&self) -> Tally {
        Tally { begin: vec![0; self.cells()], end: vec![0; self.cells()] }
    }

    /// Counts a user who was active on these days, in order.
    #[inline]
    #[expect(clippy::cast_sign_loss, reason = "days lie within the observation and are in order")]
    fn count(&self, tally: &mut Tally, days: &[i32]) {
        let Some((&first, rest)) = days.split_first() else { return };
        let classes = self.lengths.len();
        if classes == 0 {
            return;
        }
        let row = |day: i32| (day - self.first_day) as usize * (classes + 1);
        tally.begin[row(first) + classes] += 1;
        let mut last = first;
        for &day in rest {
            let gap = (day - last) as usize;
            let class = self.class_of.get(gap).map_or(classes, |&class| usize::from(class));
            if class > 0 {
                tally.end[row(last) + class] += 1;
                tally.begin[row(day) + class] += 1;
            }
            last = day;
        }
        tally.end[row(last) + classes] += 1;
    }

    /// The distinct users of the window of so many days that ends with each day of the observation.
    fn active<'a>(&'a self, tally: &'a Tally, length: u32) -> impl Iterator<Item = (Span, u32)> + 'a {
        let classes = self.lengths.len();
        let class = self.lengths.partition_point(|&other| other < length);
        // Gaps at least as long as the window are those of the classes above the window's own place.
        let gained = move |counts: &[u32], day: usize| -> u32 {
            counts[day * (classes + 1) + class + 1..(day + 1) * (classes + 1)].iter().sum()
        };
        let back = length as usize;
        let mut active = 0;
        (0..self.days).zip(self.first_day..).map(move |(day, number)| {
            active += gained(&tally.begin, day);
            if let Some(left) = day.checked_sub(back) {
                active -= gained(&tally.end, left);
            }
            let end = Date::from_day(number);
            (Span { start: end - (length.cast_signed() - 1), end }, active)
        })
    }
}

fn count_periods(table: &PeriodTable, counts: &mut [u32], days: &[i32]) {
    let mut last = u32::MAX;
    for &day in days {
        let period = table.of(day);
        if period != last {
            counts[period as usize] += 1;
            last = period;
        }
    }
}

fn add(counts: &mut [u32], others: &[u32]) {
    counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_sweep_agrees_with_counting_by_hand() {
        let users: [&[i32]; 5] = [&[0], &[0, 1, 2, 9], &[3, 3, 10], &[0, 5, 10], &[10]];
        let lengths = [1_u32, 2, 5, 6, 30];
        let trailing = Trailing::new(lengths.to_vec(), Date::from_day(0), Date::from_day(10));
        let mut tally = trailing.tally();
        users.iter().for_each(|days| trailing.count(&mut tally, days));
        for length in lengths {
            for (day, (span, active)) in (0..).zip(trailing.active(&tally, length)) {
                let first = day - length.cast_signed() + 1;
                let within = |days: &&&[i32]| days.iter().any(|other| (first..=day).contains(other));
                assert_eq!(active as usize, users.iter().filter(within).count(), "{length} days to {day}");
                assert_eq!((span.start, span.end), (Date::from_day(first), Date::from_day(day)));
            }
        }
        let periods = users.iter().map(|days| days.iter().collect::<BTreeSet<_>>().len()).sum::<usize>();
        let daily: u32 = trailing.active(&tally, 1).map(|(_, active)| active).sum();
        assert_eq!(daily as usize, periods);
    }
}
