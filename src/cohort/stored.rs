//! What has to hold of answers that are read back.

use super::ages::Criterion;
use super::comparison::{Comparison, Kind, RateDifference};
use super::comparison_options::{ComparedGroup, ComparisonOptions};
use crate::calendar::{Date, Period};
use crate::frame::stored::{asked, holds, stored};
use crate::statistics::LogRank;

stored!(StoredComparison as Comparison {
    options: ComparisonOptions,
    kind: Kind,
    period: Period,
    criterion: Criterion,
    as_of: Date,
    groups: Vec<ComparedGroup>,
    baseline: usize,
    differences: Vec<RateDifference>,
    log_rank: Option<LogRank>,
    staggered: bool,
});

impl Comparison {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check(&self.groups))?;
        let baseline = self.options.baseline_of(&self.groups);
        holds(self.baseline == baseline, "the baseline is the group that was named, or the first")?;
        for one in &self.differences {
            let compared = one.group < self.groups.len() && one.group != self.baseline;
            holds(compared, "what is compared with the baseline is another group")?;
            let of = |part: u64, whole: u64| whole > 0 && part <= whole;
            let shares = of(one.active, one.eligible) && of(one.baseline_active, one.baseline_eligible);
            holds(shares, "no more members are retained than there are")?;
        }
        let sizes = |test: &LogRank| [test.observed.len(), test.expected.len()];
        let tested = self.log_rank.as_ref().is_none_or(|test| sizes(test) == [self.groups.len(); 2]);
        holds(tested, "the log-rank test has a count for each group")
    }
}
