//! Cohort retention: of those who came in one period, how many are still there k periods later.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ages::{Criterion, retained_ages};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Period, Span};
use crate::error::{Error, Result};
use crate::frame::write;
use crate::statistics::{Interval, Wilson, ratio};

/// A triangle with more cells than this is refused.
const MAX_CELLS: u64 = 1 << 26;

/// What [`Activity::retention`] should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionOptions {
    pub(super) period: Period,
    pub(super) criterion: Criterion,
    horizon: Option<u32>,
    cohorts_between: Option<(Date, Date)>,
    confidence: f64,
}

impl RetentionOptions {
    /// Cohorts by first activity in a period, followed period by period.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self { period, criterion: Criterion::On, horizon: None, cohorts_between: None, confidence: 0.95 }
    }

    /// The period of the cohorts and of the ages.
    #[must_use]
    pub fn period(&self) -> Period {
        self.period
    }

    /// When a member counts as retained. The default, [`Criterion::On`], is what most products show first.
    #[must_use]
    pub fn criterion(mut self, criterion: Criterion) -> Self {
        self.criterion = criterion;
        self
    }

    /// The last age to report, in periods. The default is as far as the observation reaches: nothing is cut off unasked.
    #[must_use]
    pub fn horizon(mut self, periods: u32) -> Self {
        self.horizon = Some(periods);
        self
    }

    /// Reports only cohorts whose period begins between two days. The default is all. Who is new is still decided by
    /// the whole history, and ages are followed to the end of observation.
    #[must_use]
    pub fn cohorts_between(mut self, first: Date, last: Date) -> Self {
        self.cohorts_between = Some((first, last));
        self
    }

    /// The level of confidence of the intervals. The default is the customary 0.95.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }
}

impl From<Period> for RetentionOptions {
    fn from(period: Period) -> Self {
        Self::new(period)
    }
}

/// The actors whose first activity lies in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// The period.
    pub span: Span,
    /// How many they are.
    pub size: u64,
    /// [`Coverage::Truncated`] if the period begins before the observation: then some of its actors may be old ones,
    /// first seen when logging began. [`Coverage::Open`] if it has not ended: then more may come.
    pub coverage: Coverage,
}

/// One cell of the triangle: a cohort at an age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionCell {
    /// The age in periods; 0 is the cohort's own period.
    pub age: u32,
    /// [`Coverage::Observed`] if the period at that age has ended, [`Coverage::Open`] if it has begun and not ended,
    /// [`Coverage::Unobserved`] if it lies after the observation.
    pub coverage: Coverage,
    /// Members counted as retained so far; `None` where the cell is unobserved.
    pub so_far: Option<u64>,
    /// Members retained; `None` unless the cell is observed.
    pub active: Option<u64>,
    /// Members of whom it is known whether they were retained: all of the cohort where the cell is observed, else
    /// `None`.
    pub eligible: Option<u64>,
    /// `active / eligible`; `None` unless the cell is observed and the cohort has members.
    pub rate: Option<f64>,
    /// The Wilson interval of the rate.
    pub interval: Option<Interval>,
}

/// One point of the mean retention curve: an age over all cohorts observed at it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The age in periods.
    pub age: u32,
    /// Cohorts with members whose cell at this age is observed.
    pub cohorts: u64,
    /// Members retained, over these cohorts.
    pub active: u64,
    /// Members of these cohorts.
    pub eligible: u64,
    /// `sum of active / sum of eligible`: every member counts alike. `None` without a cohort.
    pub weighted_mean: Option<f64>,
    /// The mean of the cohorts' rates: every cohort counts alike. `None` without a cohort.
    pub plain_mean: Option<f64>,
    /// The Wilson interval of the weighted mean.
    pub interval: Option<Interval>,
}

/// The answer of [`Activity::retention`]: a triangle of cohorts and ages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retention {
    pub(super) options: RetentionOptions,
    pub(super) as_of: Date,
    pub(super) cohorts: Vec<Cohort>,
    /// How many cohorts of the observation come before the first reported one.
    skipped: usize,
    /// All periods of the observation that have ended, counted from the first.
    closed: usize,
    periods: usize,
    ages: usize,
    /// Members retained so far, cohort by cohort.
    counts: Vec<u32>,
}

/// # Cohorts
impl Activity {
    /// The share of each cohort that is still active at each age.
    ///
    /// ```text
    /// cohort c   actors whose first active day in the whole history lies in period c
    /// rate(c, k) members of c retained at age k / members of c
    /// ```
    ///
    /// Periods are calendar days, weeks, months, quarters or years of the [`Calendar`](crate::Calendar), so age 1 in
    /// months is the next calendar month, not 30 days. What "retained at age k" means is the [`Criterion`]. The
    /// denominator is the whole cohort. A cell is judged when its period has ended by [`as_of`](Activity::as_of): until
    /// then it is [`Coverage::Open`], has a count so far and no rate, and enters no mean; after the observation it is
    /// [`Coverage::Unobserved`]. Zero means that everybody was watched and nobody came. "New" is judged by the history
    /// that is there: if the log starts late, the first cohorts hold old users too.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a confidence outside 0 to 1; [`Error::TooLarge`] for a triangle of more than 2^26
    /// cells.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Coverage, EventColumns, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // January: ann, bob. February: ann, cyd. March, up to the 15th: ann.
    /// let mut events = df!(
    ///     "user" => ["ann", "bob", "ann", "cyd", "ann"],
    ///     "day" => [19_723, 19_725, 19_756, 19_760, 19_797],
    /// )?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let triangle = activity.retention(Period::Month)?;
    /// let january = date(2024, 1, 1);
    /// let cell = triangle.cell(january, 1).unwrap();
    /// assert_eq!((cell.active, cell.eligible, cell.rate), (Some(1), Some(2), Some(0.5)));
    /// let open = triangle.cell(january, 2).unwrap();
    /// assert_eq!((open.coverage, open.so_far, open.rate), (Coverage::Open, Some(1), None));
    /// assert_eq!(triangle.members(&activity, january, 1)?.len(), 1);
    /// assert_eq!(triangle.curve()[1].weighted_mean, Some(0.5));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// The criteria as products define them: Mixpanel, "Retention" (on, on or after, streak); Amplitude, "Retention
    /// analysis" (return on, return on or after); Countly, "Retention" (classic, unbounded, full).
    pub fn retention(&self, options: impl Into<RetentionOptions>) -> Result<Retention> {
        let options = options.into();
        Wilson::new(options.confidence)?;
        let table = self.periods(options.period);
        let spans = table.spans();
        let (skipped, end) = options.cohorts_between.map_or((0, spans.len()), |(first, last)| {
            let begins_before = |date| spans.partition_point(|span| span.start < date);
            (begins_before(first), begins_before(last + 1))
        });
        let cohorts = end.saturating_sub(skipped);
        let longest = spans.len().saturating_sub(skipped + 1);
        let ages = options.horizon.map_or(longest, |horizon| horizon as usize) + 1;
        // The curve has a point an age even where there is no cohort.
        let cells = (cohorts.max(1) as u64).saturating_mul(ages as u64);
        if cells > MAX_CELLS {
            let way_out = "set a horizon, or fewer cohorts with cohorts_between";
            return Err(Error::TooLarge { what: "cells of the triangle", count: cells, limit: MAX_CELLS, way_out });
        }
        let horizon = u32::try_from(ages - 1).unwrap_or(u32::MAX);
        // Each stretch of retained ages is entered at its ends; sums along the ages give the counts.
        let width = ages + 1;
        let mut counts = self.sweep(
            cohorts * width,
            || vec![0_u32; cohorts * width],
            |counts, _, days| {
                let Some(row) = days.first().and_then(|&first| (table.of(first) as usize).checked_sub(skipped)) else {
                    return;
                };
                if row < cohorts {
                    let counts = &mut counts[row * width..(row + 1) * width];
                    retained_ages(options.criterion, &table, days, horizon, |from, to| {
                        counts[from as usize] = counts[from as usize].wrapping_add(1);
                        counts[to as usize + 1] = counts[to as usize + 1].wrapping_sub(1);
                    });
                }
            },
            |mut counts, others| {
                counts.iter_mut().zip(&others).for_each(|(count, other)| *count = count.wrapping_add(*other));
                counts
            },
        );
        for row in counts.chunks_exact_mut(width) {
            for age in 1..width {
                row[age] = row[age].wrapping_add(row[age - 1]);
            }
        }
        let counts: Vec<u32> = counts.chunks_exact(width).flat_map(|row| &row[..ages]).copied().collect();

        let (first, as_of) = (self.observed_from(), self.as_of());
        let cohort = |(row, &span): (usize, &Span)| Cohort {
            span,
            size: u64::from(counts[row * ages]),
            coverage: Coverage::of(span, first, as_of),
        };
        let cohorts = spans.iter().skip(skipped).take(cohorts).enumerate().map(cohort).collect();
        let closed = spans.partition_point(|span| span.end <= as_of);
        Ok(Retention { options, as_of, cohorts, skipped, closed, periods: spans.len(), ages, counts })
    }
}

impl Retention {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &RetentionOptions {
        &self.options
    }

    /// The last day of observation.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// The cohorts in order of time, those without members too.
    #[must_use]
    pub fn cohorts(&self) -> &[Cohort] {
        &self.cohorts
    }

    /// The last age reported, in periods.
    #[must_use]
    pub fn horizon(&self) -> u32 {
        u32::try_from(self.ages - 1).unwrap_or(u32::MAX)
    }

    /// The cell of the cohort whose period holds `cohort`, at an age; `None` if the triangle has no such cell.
    #[must_use]
    pub fn cell(&self, cohort: Date, age: u32) -> Option<RetentionCell> {
        (age <= self.horizon()).then(|| self.row(cohort).map(|row| self.at(row, age as usize, self.wilson())))?
    }

    /// The place of the cohort whose period holds a day.
    pub(super) fn row(&self, cohort: Date) -> Option<usize> {
        let row = self.cohorts.partition_point(|other| other.span.end < cohort);
        self.cohorts.get(row).filter(|other| other.span.start <= cohort).map(|_| row)
    }

    /// All cells of a cohort in order of age.
    pub(super) fn cells(&self, row: usize) -> impl Iterator<Item = RetentionCell> + '_ {
        let wilson = self.wilson();
        (0..self.ages).map(move |age| self.at(row, age, wilson))
    }

    fn coverage(&self, row: usize, age: usize) -> Coverage {
        match self.skipped + row + age {
            period if period < self.closed => Coverage::Observed,
            period if period < self.periods => Coverage::Open,
            _ => Coverage::Unobserved,
        }
    }

    fn at(&self, row: usize, age: usize, wilson: Option<Wilson>) -> RetentionCell {
        let coverage = self.coverage(row, age);
        let count = u64::from(self.counts[row * self.ages + age]);
        let observed = coverage == Coverage::Observed;
        let size = self.cohorts[row].size;
        RetentionCell {
            age: u32::try_from(age).unwrap_or(u32::MAX),
            coverage,
            so_far: (coverage != Coverage::Unobserved).then_some(count),
            active: observed.then_some(count),
            eligible: observed.then_some(size),
            rate: if observed { ratio(count, size) } else { None },
            interval: wilson.filter(|_| observed).and_then(|wilson| wilson.interval(count, size)),
        }
    }

    /// The intervals asked for; the confidence was judged when the question was put.
    fn wilson(&self) -> Option<Wilson> {
        Wilson::new(self.options.confidence).ok()
    }

    /// The mean retention curve over the observed cells, age by age.
    ///
    /// Open and unobserved cells do not enter, nor do cohorts without members; observed cells in which nobody was
    /// retained do. So later points rest on fewer and older cohorts.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of cohorts are far below 2^53")]
    pub fn curve(&self) -> Vec<CurvePoint> {
        let wilson = self.wilson();
        let point = |age: usize| {
            let observed = |&row: &usize| self.coverage(row, age) == Coverage::Observed && self.cohorts[row].size > 0;
            let (mut cohorts, mut active, mut eligible, mut rates) = (0, 0, 0, 0.0);
            for row in (0..self.cohorts.len()).filter(observed) {
                let count = u64::from(self.counts[row * self.ages + age]);
                cohorts += 1;
                active += count;
                eligible += self.cohorts[row].size;
                rates += ratio(count, self.cohorts[row].size).unwrap_or(0.0);
            }
            CurvePoint {
                age: u32::try_from(age).unwrap_or(u32::MAX),
                cohorts,
                active,
                eligible,
                weighted_mean: ratio(active, eligible),
                plain_mean: (cohorts > 0).then(|| rates / cohorts as f64),
                interval: wilson.and_then(|wilson| wilson.interval(active, eligible)),
            }
        };
        (0..self.ages).map(point).collect()
    }

    /// The triangle as a long frame: cohorts in order of time, ages ascending within each.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `cohort` | Date | first day of the cohort's period |
    /// | `size` | UInt64 | members of the cohort |
    /// | `cohort_coverage` | String | `observed`, `truncated` or `open`: was the whole period of entry seen |
    /// | `age` | UInt32 | periods after the cohort's own |
    /// | `coverage` | String | `observed`, `open` or `unobserved`: was the period at that age seen |
    /// | `so_far` | UInt64 | members retained so far; null where unobserved |
    /// | `active` | UInt64 | members retained; null unless observed |
    /// | `eligible` | UInt64 | the denominator; null unless observed |
    /// | `rate` | Float64 | `active / eligible`; null unless observed and the cohort has members |
    /// | `lower`, `upper` | Float64 | Wilson interval of the rate; null where the rate is |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = 0..self.cohorts.len();
        let all: Vec<_> = rows.flat_map(|row| self.cells(row).map(move |cell| (self.cohorts[row], cell))).collect();
        let cells = || all.iter().copied();
        let counts = |count: fn(RetentionCell) -> Option<u64>| cells().map(|(_, cell)| count(cell)).collect::<Vec<_>>();
        let rates = |rate: fn(RetentionCell) -> Option<f64>| cells().map(|(_, cell)| rate(cell)).collect::<Vec<_>>();
        write::frame(vec![
            write::dates("cohort", cells().map(|(cohort, _)| Some(cohort.span.start)))?,
            write::column("size", cells().map(|(cohort, _)| cohort.size).collect::<Vec<_>>()),
            write::column("cohort_coverage", cells().map(|(cohort, _)| cohort.coverage.name()).collect::<Vec<_>>()),
            write::column("age", cells().map(|(_, cell)| cell.age).collect::<Vec<_>>()),
            write::column("coverage", cells().map(|(_, cell)| cell.coverage.name()).collect::<Vec<_>>()),
            write::column("so_far", counts(|cell| cell.so_far)),
            write::column("active", counts(|cell| cell.active)),
            write::column("eligible", counts(|cell| cell.eligible)),
            write::column("rate", rates(|cell| cell.rate)),
            write::column("lower", rates(|cell| cell.interval.map(|interval| interval.lower))),
            write::column("upper", rates(|cell| cell.interval.map(|interval| interval.upper))),
        ])
    }

    /// The triangle of rates as a wide frame: one row a cohort in order of time, one column an age.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `cohort` | Date | first day of the cohort's period |
    /// | `size` | UInt64 | members of the cohort |
    /// | `0`, `1`, ... up to the horizon | Float64 | the rate at that age; null unless observed and the cohort has members |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_wide_frame(&self) -> Result<DataFrame> {
        let cohorts = &self.cohorts;
        let mut columns = vec![
            write::dates("cohort", cohorts.iter().map(|cohort| Some(cohort.span.start)))?,
            write::column("size", cohorts.iter().map(|cohort| cohort.size).collect::<Vec<_>>()),
        ];
        columns.extend((0..self.ages).map(|age| {
            let rates: Vec<Option<f64>> = (0..cohorts.len()).map(|row| self.at(row, age, None).rate).collect();
            write::column(&age.to_string(), rates)
        }));
        write::frame(columns)
    }

    /// The mean curve as a frame, one row an age, ages ascending.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `age` | UInt32 | periods after the cohort's own |
    /// | `cohorts` | UInt64 | cohorts with members observed at that age |
    /// | `active`, `eligible` | UInt64 | sums over these cohorts |
    /// | `weighted_mean` | Float64 | `active / eligible`; null without a cohort |
    /// | `plain_mean` | Float64 | mean of the cohorts' rates; null without a cohort |
    /// | `lower`, `upper` | Float64 | Wilson interval of the weighted mean; null without a cohort |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn curve_to_frame(&self) -> Result<DataFrame> {
        let curve = self.curve();
        let counts = |count: fn(&CurvePoint) -> u64| curve.iter().map(count).collect::<Vec<_>>();
        let rates = |rate: fn(&CurvePoint) -> Option<f64>| curve.iter().map(rate).collect::<Vec<_>>();
        write::frame(vec![
            write::column("age", curve.iter().map(|point| point.age).collect::<Vec<_>>()),
            write::column("cohorts", counts(|point| point.cohorts)),
            write::column("active", counts(|point| point.active)),
            write::column("eligible", counts(|point| point.eligible)),
            write::column("weighted_mean", rates(|point| point.weighted_mean)),
            write::column("plain_mean", rates(|point| point.plain_mean)),
            write::column("lower", rates(|point| point.interval.map(|interval| interval.lower))),
            write::column("upper", rates(|point| point.interval.map(|interval| interval.upper))),
        ])
    }
}
