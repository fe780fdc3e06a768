//! What has to hold of a trend that is read back.

use super::key::Cohort;
use super::retention::RetentionCell;
use super::trend::RetentionTrend;
use crate::calendar::Coverage;
use crate::frame::stored::{asked, holds, stored};
use crate::statistics::{TrendTest, Wilson};

stored!(StoredTrend as RetentionTrend {
    age: u32,
    points: Vec<(Cohort, RetentionCell)>,
    confidence: f64,
    test: Option<TrendTest>,
});

impl RetentionTrend {
    fn check(&self) -> Result<(), String> {
        asked(Wilson::new(self.confidence))?;
        let in_order = self.points.is_sorted_by(|(one, _), (next, _)| one.span.end < next.span.start)
            && self.points.iter().all(|(cohort, _)| cohort.span.start <= cohort.span.end && cohort.label.is_none());
        holds(in_order, "cohorts are in order of time and share no day")?;
        let tested = self.tested().filter(|_| self.test.is_some());
        let is_part = |(_, cell): &(Cohort, RetentionCell)| cell.active <= cell.base;
        holds(tested.clone().all(is_part), "rates that are tested are parts of a whole")?;
        holds(self.points.iter().all(|(cohort, cell)| self.is_point(cohort, cell)), "points are observed rates")?;
        let p_value = self.test.is_none_or(|test| (0.0..=1.0).contains(&test.p_value));
        holds(p_value && (self.test.is_none() || tested.count() > 1), "a test is of two cohorts or more")
    }

    fn is_point(&self, cohort: &Cohort, cell: &RetentionCell) -> bool {
        let members = |count: Option<u64>| count.is_some_and(|count| count <= cohort.size);
        cell.age == self.age
            && cell.coverage == Coverage::Observed
            && [cell.so_far, cell.active, cell.eligible, cell.base].into_iter().all(members)
            && cell.base > Some(0)
            && cell.rate.is_some()
    }
}
