//! What has to hold of a back-test that is read back.

use super::measures::Performance;
use super::options::BackTestOptions;
use super::outcome::ChurnEvent;
use super::ranking::Ranking;
use super::tally::DateTally;
use super::{BackTest, BackTestDate};
use crate::frame::stored::{holds, stored};
use crate::statistics::Correction;

stored!(StoredBackTest as BackTest {
    options: BackTestOptions,
    churn: ChurnEvent,
    correction: Correction,
    level: f64,
    dates: Vec<BackTestDate>,
    performances: Vec<Performance>,
    tallies: Vec<Vec<DateTally>>,
    ranking: Option<Ranking>,
    in_hindsight: Vec<(String, usize)>,
});

impl BackTest {
    fn check(&self) -> Result<(), String> {
        let sorted = self.dates.windows(2).all(|pair| pair[0].date < pair[1].date);
        holds(sorted && !self.dates.is_empty(), "the dates are in order, and there is one")?;
        holds(self.performances.len() == self.tallies.len(), "each line has its counts by date")?;
        for (performance, tallies) in self.performances.iter().zip(&self.tallies) {
            holds(tallies.len() <= self.dates.len(), "there are no more counts than dates")?;
            let sum = |of: fn(&DateTally) -> u64| tallies.iter().map(of).fold(0, u64::saturating_add);
            let sums = [
                (performance.customers, sum(|date| date.customers)),
                (performance.judged, sum(|date| date.judged)),
                (performance.positives, sum(|date| date.positives)),
                (performance.fired, sum(|date| date.fired)),
                (performance.true_positives, sum(|date| date.true_positives)),
                (performance.new_findings, sum(|date| date.new)),
            ];
            holds(sums.iter().all(|(all, parts)| all == parts), "the counts by date add up")?;
            holds(performance.judged <= performance.customers, "no more are judged than there are")?;
        }
        Ok(())
    }
}
