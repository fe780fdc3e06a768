//! The triangle on one screen.

use std::fmt;

use super::aging::AgeBy;
use super::key::Cohort;
use super::options::Base;
use super::retention::{Retention, RetentionCell};
use crate::calendar::{Coverage, Period};
use crate::print::percent;

const MOST_COHORTS: usize = 24;
const MOST_AGES: usize = 9;
/// Names are cut to so many characters, and as many ages are shown as fit beside them.
const MOST_WIDTH: usize = 24;
const LINE: usize = 100;

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (period, criterion, as_of) = (self.options.period, self.options.criterion, self.as_of);
        let base = match self.options.base {
            Base::Cohort => "the cohort",
            Base::Start => "those retained at age 0",
            Base::Previous => "those retained at the age before",
        };
        writeln!(f, "Retention by {period}, {criterion}, as of {as_of}, in % of {base}")?;
        let screen = self.print(f, 5, |row, age| shown(self.at(row, age, None)))?;
        let curve = self.curve();
        let means = |f: &mut fmt::Formatter<'_>, name: &str, mean: fn(&super::CurvePoint) -> Option<f64>| {
            write!(f, "  {name:<0$}", screen.width + 9)?;
            let mut points = curve.iter().take(screen.ages);
            points.try_for_each(|point| write!(f, " {:>1$}", percent(mean(point)), screen.column))
        };
        means(f, "weighted mean", |point| point.weighted_mean)?;
        writeln!(f)?;
        means(f, "plain mean", |point| point.plain_mean)?;
        write!(
            f,
            "\n  {} still open, in no mean; {} begins before the log",
            Coverage::Open.sign(),
            Coverage::Truncated.sign()
        )?;
        self.print_notes(f, &screen, "in the means and in to_frame()")
    }
}

/// How a triangle was laid out.
pub(super) struct Screen {
    /// The width of the names, and of a cell.
    width: usize,
    column: usize,
    /// How many ages are shown, and from which cohort on.
    ages: usize,
    first: usize,
}

impl Retention {
    /// Prints the latest cohorts with their cells, as many ages as fit, and says how. Cells are at least so wide.
    pub(super) fn print(
        &self,
        f: &mut fmt::Formatter<'_>,
        column: usize,
        shown: impl Fn(usize, usize) -> String,
    ) -> Result<Screen, fmt::Error> {
        let first = self.cohorts.len().saturating_sub(MOST_COHORTS);
        match self.options.age_by {
            AgeBy::Calendar => {}
            AgeBy::Start => writeln!(f, "  ages counted from each start")?,
            AgeBy::Clock => writeln!(f, "  ages counted from the clock time of each first event")?,
        }
        let name = |cohort| name(cohort, self.by_label(), self.options.period);
        let names: Vec<String> = self.cohorts[first..].iter().map(name).collect();
        let length = |text: &str| text.chars().count();
        let width = names.iter().map(|name| length(name)).max().unwrap_or(0).clamp(11, MOST_WIDTH);
        let ages = 0..self.ages.min(MOST_AGES);
        let cells: Vec<Vec<String>> =
            (first..self.cohorts.len()).map(|row| ages.clone().map(|age| shown(row, age)).collect()).collect();
        let heads = ages.map(|age| length(&self.age_name(age)));
        let column = heads.chain(cells.iter().flatten().map(|cell| length(cell))).fold(column, usize::max);
        let fitting = LINE.saturating_sub(width + 11) / (column + 1);
        let screen = Screen { width, column, ages: self.ages.min(fitting.clamp(1, MOST_AGES)), first };

        write!(f, "  {:<width$} {:>8}", "cohort", "size")?;
        (0..screen.ages).try_for_each(|age| write!(f, " {:>column$}", self.age_name(age)))?;
        writeln!(f)?;
        for ((cohort, name), cells) in self.cohorts[first..].iter().zip(&names).zip(&cells) {
            let name: String = name.chars().take(width).collect();
            write!(f, "  {name:<width$} {:>8}", cohort.size)?;
            cells.iter().take(screen.ages).try_for_each(|cell| write!(f, " {cell:>column$}"))?;
            writeln!(f)?;
        }
        Ok(screen)
    }

    /// What is not shown, and where the earlier cohorts are.
    pub(super) fn print_notes(&self, f: &mut fmt::Formatter<'_>, screen: &Screen, earlier: &str) -> fmt::Result {
        if screen.first > 0 {
            write!(f, "\n  {} earlier cohorts are {earlier}", screen.first)?;
        }
        if self.ages > screen.ages {
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
        Coverage::Open => cell.coverage.sign().to_owned(),
        Coverage::Observed | Coverage::Truncated => percent(cell.rate),
    }
}
