//! Breadth on one screen.

use std::fmt;

use super::Breadth;
use crate::calendar::Period;
use crate::print::percent;

impl fmt::Display for Breadth {
    /// The latest periods: active actors, features available, mean, median and mean share, and the percentage of actors
    /// with so many features.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LATEST: usize = 14;
        /// First numbers of the bins; the last one has no end.
        const BINS: [u32; 7] = [0, 1, 2, 3, 5, 9, 17];
        let period = self.options.period;
        writeln!(f, "Breadth of use by {period}, as of {}: distinct features per actor", self.as_of)?;
        write!(f, "  {:<11} {:>9} {:>6} {:>6} {:>6} {:>6} |", "period", "actors", "avail", "mean", "median", "of all")?;
        for (place, &from) in BINS.iter().enumerate() {
            let label = match BINS.get(place + 1) {
                Some(&next) if next == from + 1 => from.to_string(),
                Some(&next) => format!("{from}-{}", next - 1),
                None => format!("{from}+"),
            };
            write!(f, " {label:>5}")?;
        }
        writeln!(f)?;
        let short = !matches!(period, Period::Day | Period::Week);
        let number = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        for one in &self.periods[self.periods.len().saturating_sub(LATEST)..] {
            let label = one.span.start.to_string();
            let label = format!("{}{}", if short { &label[..7] } else { &label }, one.coverage.sign());
            write!(f, "  {label:<11} {:>9} {:>6} {:>6}", one.active(), one.available, number(one.mean()))?;
            write!(f, " {:>6} {:>6} |", number(one.median()), percent(one.mean_share()))?;
            for (place, &from) in BINS.iter().enumerate() {
                let beyond = BINS.get(place + 1).map_or(0, |&next| one.count(next));
                write!(f, " {:>5}", percent(one.rate(one.count(from) - beyond)))?;
            }
            writeln!(f)?;
        }
        if self.periods.is_empty() {
            writeln!(f, "  no period")?;
        }
        writeln!(f, "  of all: mean share of the features available, in %; right: % of actors with so many features")?;
        write!(f, "  ~ began before the observation, * still open: no means yet")
    }
}
