//! Does each cohort stay longer than the last: one age over all cohorts.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ages::Criterion;
use super::key::Cohort;
use super::retention::{Retention, RetentionCell};
use crate::calendar::Coverage;
use crate::error::{Error, Result};
use crate::frame::write;
use crate::print::{p_equals, percent};
use crate::statistics::{Share, TrendTest, trend};

/// The answer of [`Retention::trend`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored_trend::StoredTrend")]
pub struct RetentionTrend {
    /// The age in periods, or brackets.
    pub age: u32,
    /// Cohort by cohort in order of time, as far as the age is observed: what is open has no rate yet and is no point.
    /// Cohorts without members are left out.
    pub points: Vec<(Cohort, RetentionCell)>,
    /// The level of confidence of the intervals, that of the triangle; what is left to 1 is the level of the test.
    pub confidence: f64,
    /// Whether the rate rises or falls from cohort to cohort, the truncated ones left out. `None` with fewer than two
    /// others, where rates are no proportions, and for [`Criterion::OnOrAfter`], under which older cohorts have had longer to return.
    pub test: Option<TrendTest>,
}

impl Retention {
    /// One age over all cohorts: is the first month of members getting better from cohort to cohort?
    ///
    /// The test is that of Cochran and Armitage, with the cohorts as steps of one: its slope is by how much the rate
    /// changes from one cohort to the next. It asks whether there is a drift in one direction; a rate that goes up and
    /// down again can pass it unnoticed, so look at the points too.
    ///
    /// Only observed cells are points: what is still open can rise. A cohort whose period begins before the observation
    /// ([`Coverage::Truncated`]) may hold old users, who stay longer than new ones and would feign a fall, or not all who
    /// signed up: it is a point and not in the test. An empty cohort keeps its place in time.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for an age behind the horizon, and where cohorts are labels, which have no order.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, Period};
    /// use attrition::polars::prelude::*;
    ///
    /// // Of two who come on the first day nobody is there on the next, of two on the second day both are.
    /// let mut events = df!("user" => [1, 2, 3, 4, 3, 4, 5], "day" => [0, 0, 1, 1, 2, 2, 3])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    /// let trend = activity.retention(Period::Day)?.trend(1)?;
    /// assert_eq!(trend.points.iter().map(|(_, cell)| cell.rate).collect::<Vec<_>>(), [Some(0.0), Some(1.0)]);
    /// assert!((trend.test.unwrap().slope - 1.0).abs() < 1e-12);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Mixpanel, "Retention": the line of one interval over time; P. Armitage (1955), Biometrics 11, 375-386.
    pub fn trend(&self, age: u32) -> Result<RetentionTrend> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        if age > self.horizon() {
            return refuse("age", age.to_string(), "lies behind the last age of the triangle; see horizon");
        }
        if self.by_label() {
            return refuse(
                "cohorts",
                "labels".to_owned(),
                "labels have no order in time; leave them out, or compare them",
            );
        }
        let wilson = self.wilson();
        let cells = (0..self.cohorts.len()).map(|row| self.at(row, age as usize, wilson));
        let all: Vec<(Cohort, RetentionCell)> = self.cohorts.iter().cloned().zip(cells).collect();
        // Cohorts without members, and truncated ones, keep their place in time.
        let shares: Vec<Share> = all
            .iter()
            .map_while(|(cohort, cell)| Some((cohort, cell.active.zip(cell.base)?)))
            .map(
                |(cohort, (part, whole))| {
                    if is_whole(cohort) { Share { part, whole } } else { Share { part: 0, whole: 0 } }
                },
            )
            .collect();
        let fair = self.options.is_proportion() && self.options.criterion != Criterion::OnOrAfter;
        let test = trend(&shares).filter(|_| fair);
        let points = all.into_iter().filter(|(_, cell)| cell.rate.is_some()).collect();
        Ok(RetentionTrend { age, points, confidence: self.options.confidence, test })
    }
}

/// Whether all of the cohort's period lies in the observation.
fn is_whole(cohort: &Cohort) -> bool {
    cohort.coverage != Coverage::Truncated
}

impl RetentionTrend {
    /// The points that are in the test, if there is one.
    pub(super) fn tested(&self) -> impl Iterator<Item = &(Cohort, RetentionCell)> + Clone {
        self.points.iter().filter(|(cohort, _)| is_whole(cohort))
    }

    /// The points as a frame, one row a cohort in order of time. No column has nulls but the interval's.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `cohort` | Date | first day of the cohort's period |
    /// | `cohort_coverage` | String | `observed`, or `truncated`: not in the test |
    /// | `active`, `base` | UInt64 | members retained, and of how many |
    /// | `rate` | Float64 | `active / base` |
    /// | `lower`, `upper` | Float64 | Wilson interval of the rate; null where it is no proportion |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let points = &self.points;
        let counts = |count: fn(&RetentionCell) -> Option<u64>| {
            points.iter().map(|(_, cell)| count(cell).unwrap_or(0)).collect::<Vec<_>>()
        };
        let ends =
            |end: fn(&RetentionCell) -> Option<f64>| points.iter().map(|(_, cell)| end(cell)).collect::<Vec<_>>();
        write::frame(vec![
            write::dates("cohort", points.iter().map(|(cohort, _)| Some(cohort.span.start)))?,
            write::column(
                "cohort_coverage",
                points.iter().map(|(cohort, _)| cohort.coverage.name()).collect::<Vec<_>>(),
            ),
            write::column("active", counts(|cell| cell.active)),
            write::column("base", counts(|cell| cell.base)),
            write::column("rate", points.iter().map(|(_, cell)| cell.rate.unwrap_or(0.0)).collect::<Vec<_>>()),
            write::column("lower", ends(|cell| cell.interval.map(|interval| interval.lower))),
            write::column("upper", ends(|cell| cell.interval.map(|interval| interval.upper))),
        ])
    }
}

impl fmt::Display for RetentionTrend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LATEST: usize = 12;
        let first = self.points.len().saturating_sub(LATEST);
        writeln!(f, "Retention at age {}, cohort by cohort, latest {LATEST}, in %", self.age)?;
        for (cohort, cell) in &self.points[first..] {
            let start = format!("{}{}", cohort.span.start, cohort.coverage.sign());
            let (active, base) = (cell.active.unwrap_or(0), cell.base.unwrap_or(0));
            write!(f, "  {start:<11} {active:>8} of {base:>8} {:>6}", percent(cell.rate))?;
            if let Some(interval) = cell.interval {
                write!(f, "  ({} to {})", percent(Some(interval.lower)), percent(Some(interval.upper)))?;
            }
            writeln!(f)?;
        }
        if self.tested().count() < self.points.len() {
            writeln!(f, "  {} begins before the log, not in the test", Coverage::Truncated.sign())?;
        }
        match self.test {
            None => write!(f, "  no test for a trend"),
            Some(TrendTest { slope, p_value, .. }) => {
                let verdict = match (p_value <= 1.0 - self.confidence, slope > 0.0) {
                    (false, _) => "no drift can be told from chance",
                    (true, true) => "later cohorts stay better",
                    (true, false) => "later cohorts stay worse",
                };
                write!(f, "  {:+.2} points a cohort, {}: {verdict}", 100.0 * slope, p_equals(p_value))
            }
        }
    }
}
