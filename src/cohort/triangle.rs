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
        let (period, criterion, as_of) = (self.options.period, self.options.criterion, self.as_of);
        let base = match self.options.base {
            Base::Cohort => "the cohort",
            Base::Start => "those retained at age 0",
            Base::Previous => "those retained at the age before",
        };
        writeln!(f, "Retention by {period}, {criterion}, as of {as_of}, in % of {base}")?;
        let width = self.print(f, 5, |row, age| shown(self.at(row, age, None)))?;
        let curve = self.curve();
        let means = |f: &mut fmt::Formatter<'_>, name: &str, mean: fn(&super::CurvePoint) -> Option<f64>| {
            write!(f, "  {name:<0$}", width + 9)?;
            curve.iter().take(MOST_AGES).try_for_each(|point| write!(f, " {:>5}", percent(mean(point))))
        };
        means(f, "weighted mean", |point| point.weighted_mean)?;
        writeln!(f)?;
        means(f, "plain mean", |point| point.plain_mean)?;
        self.print_notes(f)
    }
}

impl Retention {
    /// Prints the cohorts with their cells, each `column` wide, and says how wide the names are.
    pub(super) fn print(
        &self,
        f: &mut fmt::Formatter<'_>,
        column: usize,
        shown: impl Fn(usize, usize) -> String,
    ) -> Result<usize, fmt::Error> {
        let ages = self.ages.min(MOST_AGES);
        let first = self.cohorts.len().saturating_sub(MOST_COHORTS);
        match self.options.age_by {
            AgeBy::Calendar => {}
            AgeBy::Start => writeln!(f, "  ages counted from each start")?,
            AgeBy::Clock => writeln!(f, "  ages counted from the clock time of each first event")?,
        }
        let name = |cohort| name(cohort, self.by_label(), self.options.period);
        let names: Vec<String> = self.cohorts[first..].iter().map(name).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(11, MOST_WIDTH);
        write!(f, "  {:<width$} {:>8}", "cohort", "size")?;
        (0..ages).try_for_each(|age| write!(f, " {:>column$}", self.age_name(age)))?;
        writeln!(f)?;
        for (row, name) in (first..).zip(&names) {
            let name: String = name.chars().take(width).collect();
            write!(f, "  {name:<width$} {:>8}", self.cohorts[row].size)?;
            (0..ages).try_for_each(|age| write!(f, " {:>column$}", shown(row, age)))?;
            writeln!(f)?;
        }
        Ok(width)
    }

    /// What the signs mean and what is not shown.
    pub(super) fn print_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.cohorts.len().saturating_sub(MOST_COHORTS);
        write!(f, "\n  * still open, in no mean; ~ begins before the log")?;
        if first > 0 {
            write!(f, "\n  {first} earlier cohorts are in the means and in to_frame()")?;
        }
        if self.ages > MOST_AGES {
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
