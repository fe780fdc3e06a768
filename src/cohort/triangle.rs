//! The triangle on one screen.

use std::fmt;

use super::retention::{Retention, RetentionCell};
use crate::calendar::{Coverage, Period};

const MOST_COHORTS: usize = 24;
const MOST_AGES: usize = 9;

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = self.options.period;
        let (criterion, as_of) = (self.options.criterion, self.as_of);
        let ages = (self.horizon() as usize + 1).min(MOST_AGES);
        let before = self.cohorts.len().saturating_sub(MOST_COHORTS);
        writeln!(f, "Retention by {period}, {criterion}, as of {as_of}, in % of the cohort")?;
        write!(f, "  {:<11} {:>8}", "cohort", "size")?;
        (0..ages).try_for_each(|age| write!(f, " {age:>5}"))?;
        writeln!(f)?;
        for row in before..self.cohorts.len() {
            let cohort = self.cohorts[row];
            let label = cohort.span.start.to_string();
            let label = if matches!(period, Period::Day | Period::Week) { &label } else { &label[..7] };
            write!(f, "  {:<11} {:>8}", format!("{label}{}", cohort.coverage.sign()), cohort.size)?;
            self.cells(row).take(ages).try_for_each(|cell| write!(f, " {:>5}", shown(cell)))?;
            writeln!(f)?;
        }
        let curve = self.curve();
        let means = |f: &mut fmt::Formatter<'_>, name: &str, mean: fn(&super::CurvePoint) -> Option<f64>| {
            write!(f, "  {name:<20}")?;
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
