//! What has to hold of answers that are read back.

use super::{Breadth, BreadthOptions, BreadthPeriod};
use crate::calendar::{Coverage, Date, Span};
use crate::frame::stored::{asked, holds, stored};

stored!(StoredBreadthPeriod as BreadthPeriod { span: Span, coverage: Coverage, available: u32, at_least: Vec<u64> });
stored!(StoredBreadth as Breadth {
    options: BreadthOptions,
    as_of: Date,
    skipped: usize,
    periods: Vec<BreadthPeriod>,
});

impl BreadthPeriod {
    fn check(&self) -> Result<(), String> {
        holds(self.span.start <= self.span.end, "a period ends after it begins")?;
        holds(self.active() <= u64::from(u32::MAX), "there are as many actors as can be counted")?;
        let falls = self.at_least.is_sorted_by(|fewer, more| fewer >= more) && self.at_least.last() != Some(&0);
        holds(falls, "no more actors use more features")?;
        holds(self.available < u32::MAX && self.most() <= self.available, "nobody uses more features than there are")
    }
}

impl Breadth {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        let in_order = self.periods.is_sorted_by(|one, next| one.span.end < next.span.start);
        holds(in_order, "periods are in order of time and share no day")?;
        let available = self.periods.iter().map(|one| one.available);
        let known = match &self.options.available {
            Some(names) => available.into_iter().all(|count| u32::try_from(names.len()) == Ok(count)),
            None => available.is_sorted(),
        };
        holds(known, "features that were seen, or were named, stay available")
    }
}
