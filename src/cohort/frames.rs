//! Triangles as frames.

use polars::prelude::{Column, DataFrame};

use super::key::Cohort;
use super::retention::{CurvePoint, Retention, RetentionCell};
use crate::error::Result;
use crate::frame::write;

impl Retention {
    /// The triangle as a long frame: cohorts in their order, ages ascending within each.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `label` | String | the cohort, null for the members without a label. Only where cohorts are labels |
    /// | `cohort` | Date | first day of the cohort's period; where cohorts are labels, the first start |
    /// | `size` | UInt64 | members of the cohort |
    /// | `cohort_coverage` | String | `observed`, `truncated` or `open`: was the whole period of entry seen |
    /// | `age` | UInt32 | periods after that of the start, or the number of the bracket |
    /// | `age_from`, `age_to` | UInt32 | the first and the last period of the bracket; `age` where there are no brackets |
    /// | `coverage` | String | `observed`, `open` or `unobserved`: was the period at that age seen |
    /// | `so_far` | UInt64 | members retained so far; null where unobserved |
    /// | `active` | UInt64 | members retained; null unless observed |
    /// | `eligible` | UInt64 | members of whom it is known; null unless observed |
    /// | `base` | UInt64 | the denominator: the eligible unless another base was asked for; null unless observed |
    /// | `rate` | Float64 | `active / base`; null unless observed and the base has members |
    /// | `lower`, `upper` | Float64 | Wilson interval of the rate; null where the rate is, or is no proportion |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = 0..self.cohorts.len();
        let all: Vec<(&Cohort, RetentionCell)> =
            rows.flat_map(|row| self.cells(row).map(move |cell| (&self.cohorts[row], cell))).collect();
        let cells = || all.iter().copied();
        let ages: Vec<(u32, u32)> = (0..self.ages).map(|age| self.age_periods(age)).collect();
        let periods = || self.cohorts.iter().flat_map(|_| ages.iter().copied());
        let counts = |count: fn(RetentionCell) -> Option<u64>| cells().map(|(_, cell)| count(cell)).collect::<Vec<_>>();
        let rates = |rate: fn(RetentionCell) -> Option<f64>| cells().map(|(_, cell)| rate(cell)).collect::<Vec<_>>();
        let mut columns = self.label_column(self.ages);
        columns.extend([
            write::dates("cohort", cells().map(|(cohort, _)| Some(cohort.span.start)))?,
            write::column("size", cells().map(|(cohort, _)| cohort.size).collect::<Vec<_>>()),
            write::column("cohort_coverage", cells().map(|(cohort, _)| cohort.coverage.name()).collect::<Vec<_>>()),
            write::column("age", cells().map(|(_, cell)| cell.age).collect::<Vec<_>>()),
            write::column("age_from", periods().map(|(from, _)| from).collect::<Vec<_>>()),
            write::column("age_to", periods().map(|(_, to)| to).collect::<Vec<_>>()),
            write::column("coverage", cells().map(|(_, cell)| cell.coverage.name()).collect::<Vec<_>>()),
            write::column("so_far", counts(|cell| cell.so_far)),
            write::column("active", counts(|cell| cell.active)),
            write::column("eligible", counts(|cell| cell.eligible)),
            write::column("base", counts(|cell| cell.base)),
            write::column("rate", rates(|cell| cell.rate)),
            write::column("lower", rates(|cell| cell.interval.map(|interval| interval.lower))),
            write::column("upper", rates(|cell| cell.interval.map(|interval| interval.upper))),
        ]);
        write::frame(columns)
    }

    /// The labels of the cohorts, each so many times; none where cohorts are periods.
    fn label_column(&self, times: usize) -> Vec<Column> {
        let label = |cohort| std::iter::repeat_n(Cohort::label(cohort), times);
        let labels = || self.cohorts.iter().flat_map(label).collect::<Vec<_>>();
        if self.by_label() { vec![write::column("label", labels())] } else { Vec::new() }
    }

    /// The triangle of rates as a wide frame: one row a cohort in their order, one column an age.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `label` | String | as in [`to_frame`](Self::to_frame) |
    /// | `cohort` | Date | as in [`to_frame`](Self::to_frame) |
    /// | `size` | UInt64 | members of the cohort |
    /// | `0`, `1`, ... up to the horizon | Float64 | the rate at that age, or in the bracket of that number; null unless observed and the base has members |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_wide_frame(&self) -> Result<DataFrame> {
        let cohorts = &self.cohorts;
        let mut columns = self.label_column(1);
        columns.extend([
            write::dates("cohort", cohorts.iter().map(|cohort| Some(cohort.span.start)))?,
            write::column("size", cohorts.iter().map(|cohort| cohort.size).collect::<Vec<_>>()),
        ]);
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
    /// | `age` | UInt32 | periods after that of the start, or brackets |
    /// | `cohorts` | UInt64 | cohorts with a base observed at that age |
    /// | `active`, `eligible`, `base` | UInt64 | sums over these cohorts |
    /// | `weighted_mean` | Float64 | `active / base`; null without a cohort |
    /// | `plain_mean` | Float64 | mean of the cohorts' rates; null without a cohort |
    /// | `lower`, `upper` | Float64 | Wilson interval of the weighted mean; null without a cohort, and where it is no proportion |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn curve_to_frame(&self) -> Result<DataFrame> {
        let curve = self.curve();
        let counts = |count: fn(&CurvePoint) -> u64| curve.iter().map(count).collect::<Vec<_>>();
        let rates = |rate: fn(&CurvePoint) -> Option<f64>| curve.iter().map(rate).collect::<Vec<_>>();
        write::frame(vec![
            write::column("age", curve.iter().map(|point| point.age).collect::<Vec<_>>()),
            write::column("cohorts", counts(|point| point.cohorts)),
            write::column("active", counts(|point| point.active)),
            write::column("eligible", counts(|point| point.eligible)),
            write::column("base", counts(|point| point.base)),
            write::column("weighted_mean", rates(|point| point.weighted_mean)),
            write::column("plain_mean", rates(|point| point.plain_mean)),
            write::column("lower", rates(|point| point.interval.map(|interval| interval.lower))),
            write::column("upper", rates(|point| point.interval.map(|interval| interval.upper))),
        ])
    }
}
