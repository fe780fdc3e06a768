//! The triangle on one screen.

use std::fmt;

use super::aging::AgeBy;
use super::options::Base;
use super::retention::{Cohort, Retention, RetentionCell};
use crate::calendar::{Coverage, Period};

const MOST_COHORTS: usize = 24;
const MOST_AGES: usize = 9;
const MOST_WIDTH: usize = 40;

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = self.options.period;
        let (criterion, as_of) = (self.options.criterion, self.as_of);
        let ages = (self.horizon() as usize + 1).min(MOST_AGES);
        let before = self.cohorts.len().saturating_sub(MOST_COHORTS);
        let base = match self.options.base {
            Base::Cohort => "the cohort",
            Base::Start => "those retained at age 0",
            Base::Previous => "those retained at the age before",
        };
        writeln!(f, "Retention by {period}, {criterion}, as of {as_of}, in % of {base}")?;
        if self.options.age_by == AgeBy::Start {
            writeln!(f, "  ages counted from each start")?;
        }
        let names: Vec<String> =
            self.cohorts[before..].iter().map(|cohort| name(cohort, self.by_label(), period)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(11, MOST_WIDTH);
        write!(f, "  {:<width$} {:>8}", "cohort", "size")?;
        (0..ages).try_for_each(|age| write!(f, " {:>5}", self.age_name(age)))?;
        writeln!(f)?;
        for (row, name) in (before..).zip(&names) {
            let name: String = name.chars().take(width).collect();
            write!(f, "  {name:<width$} {:>8}", self.cohorts[row].size)?;
            self.cells(row).take(ages).try_for_each(|cell| write!(f, " {:>5}", shown(cell)))?;
            writeln!(f)?;
        }
        let curve = self.curve();
        let means = |f: &mut fmt::Formatter<'_>, name: &str, mean: fn(&super::CurvePoint) -> Option<f64>| {
            write!(f, "  {name:<0$}", width + 9)?;
            curve.iter().take(ages).try_for_each(|point| write!(f, " {:>5}", percent(mean(point))))
        };
        means(f, "weighted mean", |point| point.weighted_mean)?;
        writeln!(f)?;
        means(f, "plain mean", |point| point.plain_mean)?;
        write!(f, "\n  * still open, in no mean; ~ begins before the log")?;
        if before > 0 {
            write!(f, "\n  {before} earlier cohorts are in the means and in to_frame()")?;
        }
        if ages <= self.horizon() as usize {
            write!(f, "\n  ages up to {} are in to_frame()", self.horizon())?;
        }
        Ok(())
    }
}

fn name(cohort: &Cohort, by_label: bool, period: Period) -> String {
    if by_label {
        return cohort.label.clone().unwrap_or_else(|| "no label".to_owned());
    }
    let day = cohort.span.start.to_string();
    let shown = if matches!(period, Period::Day | Period::Week) { &day } else { &day[..7] };
    format!("{shown}{}", cohort.coverage.sign())
}

fn shown(cell: RetentionCell) -> String {
    match cell.coverage {
        Coverage::Unobserved => String::new(),
        Coverage::Open => "*".to_owned(),
        Coverage::Observed | Coverage::Truncated => percent(cell.rate),
    }
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1}", 100.0 * rate))
}
