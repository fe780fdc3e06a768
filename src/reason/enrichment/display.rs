//! Enrichment on one screen.

use std::fmt;

use super::{EngagementClass, Enrichment};
use crate::print::counted;

/// The middle of some numbers; `None` without any.
pub(crate) fn median(mut numbers: Vec<u32>) -> Option<f64> {
    numbers.sort_unstable();
    let middle = numbers.len().checked_sub(1)?;
    Some(f64::midpoint(f64::from(numbers[middle / 2]), f64::from(numbers[middle.div_ceil(2)])))
}

impl fmt::Display for Enrichment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", counted(self.len() as u64, "cancellation"))?;
        writeln!(f, ", of {} nothing is known", self.unknown())?;
        let known = || self.departures.iter().flatten();
        let days = |days: Option<f64>| days.map_or("-".to_owned(), |days| format!("{days}"));
        let tenure = days(median(known().filter_map(|of| of.tenure_days).collect()));
        let silence = days(median(known().filter_map(|of| of.silence_days).collect()));
        writeln!(f, "median days of membership {tenure}, of silence before leaving {silence}\n")?;
        writeln!(f, "{:<14} {:>10}", "engagement", "customers")?;
        for class in EngagementClass::ALL {
            let count = known().filter(|of| of.class == Some(class)).count();
            writeln!(f, "{class:<14} {count:>10}")?;
        }
        let unsaid = known().filter(|of| of.class.is_none()).count();
        write!(f, "{:<14} {unsaid:>10}", "not observed")
    }
}
