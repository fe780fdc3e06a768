//! What can be concluded from a comparison, in words and on one screen.

use std::fmt;

use super::ages::Criterion;
use super::comparison::{Comparison, Kind, RateDifference};
use crate::print::{p_equals, p_value};
use crate::statistics::{Correction, LogRank};

/// Expected counts below this make a test rough; W. G. Cochran (1954), Biometrics 10, 417-451.
const SMALL: f64 = 5.0;
const MOST_ROWS: usize = 24;

impl Comparison {
    /// What can be concluded, in plain sentences: whether the curves differ, at how many of the ages the rates do, how
    /// large a difference remains possible where none was found, and what the numbers are too small for.
    ///
    /// No evidence of a difference is never called evidence of none: what speaks for likeness is how small a difference
    /// the intervals leave room for.
    #[must_use]
    pub fn conclusion(&self) -> String {
        self.sentences().join(" ")
    }

    fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.on_curves(), self.on_rates()];
        let small = self.differences.iter().filter(|one| one.smallest_expected < SMALL).count();
        if small > 0 {
            sentences.push(format!(
                "In {small} of {} fewer than {SMALL} people are expected in some count, so their p-values are rough.",
                self.differences.len()
            ));
        }
        if self.kind == Kind::Cohorts && self.criterion == Criterion::OnOrAfter {
            let advantage = "Older cohorts were watched longer and had more time to come back, so a small difference \
                             in their favour says little.";
            sentences.push(advantage.to_owned());
        }
        sentences
    }

    fn on_curves(&self) -> String {
        let Some(test) = &self.log_rank else {
            let reason = match self.criterion {
                Criterion::OnOrAfter | Criterion::Streak if self.staggered => {
                    "members of one cohort grow older on different days; ask with ages by the calendar for a test of it"
                }
                Criterion::On | Criterion::OnOrBefore => "ask with the criterion Streak or OnOrAfter for a test of it",
                Criterion::OnOrAfter | Criterion::Streak => {
                    "no loss was observed while people of two groups were at risk"
                }
            };
            return format!("The whole curve is not tested: {reason}.");
        };
        let p = p_equals(test.p_value);
        if test.p_value > self.level() {
            return format!(
                "There is no evidence that the curves differ (log-rank {p}), which is not evidence that they are alike."
            );
        }
        let worst = worst(test);
        format!(
            "The curves differ by more than chance explains (log-rank {p}): {} lost {} where {:.1} would be expected if \
             all were alike.",
            self.groups[worst].label, test.observed[worst], test.expected[worst]
        )
    }

    fn on_rates(&self) -> String {
        let count = self.differences.len();
        let Some(widest) = self.differences.iter().map(farthest).max_by(f64::total_cmp) else {
            return "No rates could be compared: no age after the first period was observed in two groups with members."
                .to_owned();
        };
        let level = percent(self.level());
        let corrected = match self.options.correction {
            _ if count == 1 => String::new(),
            Correction::None => " without a correction for their number".to_owned(),
            correction => format!(" after {correction}"),
        };
        let significant = self.significant().count();
        let clearest = self.significant().min_by(|one, other| one.p_value.total_cmp(&other.p_value));
        let Some(clearest) = clearest else {
            let none = if count == 1 {
                format!("The one difference of rates is not significant at {level}")
            } else {
                format!("None of {count} differences of rates is significant at {level}{corrected}")
            };
            return format!(
                "{none}. That does not make the groups alike: {} leaves room for a difference of {:.1} points.",
                if count == 1 { "its interval" } else { "the widest interval" },
                100.0 * widest
            );
        };
        let share = if count == 1 {
            format!("The one difference of rates is significant at {level}")
        } else {
            format!("Of {count} differences of rates {significant} are significant at {level}{corrected}, most clearly")
        };
        let cohort = clearest.cohort.map(|span| format!(" in the cohort of {}", span.start)).unwrap_or_default();
        format!(
            "{share}: {} against {} at age {}{cohort}, {:+.1} points ({} interval {:+.1} to {:+.1}).",
            self.groups[clearest.group].label,
            self.baseline().label,
            clearest.age,
            100.0 * clearest.difference,
            percent(self.options.confidence),
            100.0 * clearest.interval.lower,
            100.0 * clearest.interval.upper,
        )
    }

    fn level(&self) -> f64 {
        1.0 - self.options.confidence
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Segments => "segments",
            Kind::Cohorts => "cohorts",
        };
        let (period, criterion, baseline) = (self.period, self.criterion, &self.baseline().label);
        writeln!(
            f,
            "Comparison of {kind} by {period}, {criterion}, as of {}, with {baseline}; rates in %",
            self.as_of
        )?;
        let others = self.groups.len() - 1;
        let width = self.groups.iter().map(|group| group.label.chars().count()).max().unwrap_or(0).clamp(6, 24);
        write!(f, "  {:<width$} {:>4} {:>8} {:>6} {:>8}", "group", "age", "members", "rate", "baseline")?;
        writeln!(f, " {:>7} {:>15} {:>8} {:>8}", "points", "interval", "p", "adjusted")?;
        let mut shown = 0;
        for group in 0..self.groups.len() {
            let rows = self.differences.iter().filter(|one| one.group == group && one.cohort.is_none());
            for one in rows.take((MOST_ROWS / others).max(1)) {
                let label: String = self.groups[group].label.chars().take(width).collect();
                let rates = [one.rate(), one.baseline_rate(), one.difference].map(|rate| 100.0 * rate);
                let interval = format!("{:+.1} {:+.1}", 100.0 * one.interval.lower, 100.0 * one.interval.upper);
                write!(f, "  {label:<width$} {:>4} {:>8} {:>6.1} {:>8.1}", one.age, one.eligible, rates[0], rates[1])?;
                let [p, adjusted] = [one.p_value, one.adjusted_p_value].map(p_value);
                writeln!(f, " {:>+7.1} {interval:>15} {p:>8} {adjusted:>8}", rates[2])?;
                shown += 1;
            }
        }
        if shown < self.differences.len() {
            writeln!(f, "  {} more differences are in to_frame()", self.differences.len() - shown)?;
        }
        if let Some(test) = &self.log_rank {
            let freedom = test.degrees_of_freedom;
            writeln!(f, "  log-rank chi-square {:.3}, {freedom} df, {}", test.chi_square, p_equals(test.p_value))?;
        }
        let mut sentences = self.sentences().into_iter();
        write!(f, "  {}", sentences.next().unwrap_or_default())?;
        sentences.try_for_each(|sentence| write!(f, "\n  {sentence}"))
    }
}

/// The group that lost most beyond what would be expected.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
fn worst(test: &LogRank) -> usize {
    let excess = |group: &usize| test.observed[*group] as f64 - test.expected[*group];
    (0..test.observed.len()).max_by(|one, other| excess(one).total_cmp(&excess(other))).unwrap_or(0)
}

/// The largest difference that an interval leaves room for.
fn farthest(one: &RateDifference) -> f64 {
    one.interval.lower.abs().max(one.interval.upper.abs())
}

/// A share of 1 in percent, to as many digits as it has.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1e8).round() / 1e6)
}
