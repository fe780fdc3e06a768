//! Does each cohort stay longer than the last: one age over all cohorts.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ages::Criterion;
use super::retention::{Cohort, Retention, RetentionCell};
use crate::error::{Error, Result};
use crate::frame::write;
use crate::statistics::{Share, TrendTest, trend};

/// The answer of [`Retention::trend`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionTrend {
    /// The age in periods, or brackets.
    pub age: u32,
    /// Cohort by cohort in order of time, as far as the age is observed; cohorts without members are left out.
    pub points: Vec<(Cohort, RetentionCell)>,
    /// Whether the rate rises or falls from cohort to cohort. `None` with fewer than two points, where rates are no
    /// proportions, and for [`Criterion::OnOrAfter`], under which older cohorts have had longer to return.
    pub test: Option<TrendTest>,
}

impl Retention {
    /// One age over all cohorts: is the first month of members getting better from cohort to cohort?
    ///
    /// The test is that of Cochran and Armitage, with the cohorts as steps of one: its slope is by how much the rate
    /// changes from one cohort to the next. It asks whether there is a drift in one direction; a rate that goes up and
    /// down again can pass it unnoticed, so look at the points too.
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
        // Cohorts without members keep their place in time.
        let shares: Vec<Share> = all
            .iter()
            .map_while(|(_, cell)| cell.active.zip(cell.base))
            .map(|(part, whole)| Share { part, whole })
            .collect();
        let fair = self.options.is_proportion() && self.options.criterion != Criterion::OnOrAfter;
        let test = trend(&shares).filter(|_| fair);
        let points = all.into_iter().filter(|(_, cell)| cell.rate.is_some()).collect();
        Ok(RetentionTrend { age, points, test })
    }
}

impl RetentionTrend {
    /// The points as a frame, one row a cohort in order of time. No column has nulls but the interval's.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `cohort` | Date | first day of the cohort's period |
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
        writeln!(f, "Retention at age {}, cohort by cohort, latest {LATEST}", self.age)?;
        for (cohort, cell) in &self.points[first..] {
            let (rate, interval) = (100.0 * cell.rate.unwrap_or(0.0), cell.interval);
            write!(
                f,
                "  {} {:>8} of {:>8} {rate:>6.1} %",
                cohort.span.start,
                cell.active.unwrap_or(0),
                cell.base.unwrap_or(0)
            )?;
            if let Some(interval) = interval {
                write!(f, "  ({:.1} to {:.1})", 100.0 * interval.lower, 100.0 * interval.upper)?;
            }
            writeln!(f)?;
        }
        match self.test {
            None => write!(f, "  no test for a trend"),
            Some(TrendTest { slope, p_value, .. }) => {
                let verdict = match (p_value < 0.05, slope > 0.0) {
                    (false, _) => "no drift can be told from chance",
                    (true, true) => "later cohorts stay better",
                    (true, false) => "later cohorts stay worse",
                };
                write!(f, "  {:+.2} points a cohort, p = {p_value:.2e}: {verdict}", 100.0 * slope)
            }
        }
    }
}
