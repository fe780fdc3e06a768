//! How long people stay: lifetimes, the table of events over time, and survival curves.

mod columns;
mod competing_risks;
mod cumulative_incidence;
mod ends;
mod event_table;
mod given;
mod gray;
mod interval;
mod kaplan_meier;
mod lifetimes;
mod options;
mod stored;
mod summaries;

pub use columns::LifetimeColumns;
pub(crate) use competing_risks::Caused;
pub use competing_risks::{CauseColumns, CompetingRiskColumns, CompetingRisks};
pub use cumulative_incidence::{CumulativeIncidence, CumulativeIncidenceOptions, IncidenceCurve, IncidencePoint};
pub use event_table::{EventTable, EventTableRow};
pub use gray::{GrayTest, GrayTests, GrayTestsOptions};
pub use interval::SurvivalInterval;
pub use kaplan_meier::{KaplanMeier, KaplanMeierOptions, SurvivalPoint};
pub use lifetimes::{Lifetime, LifetimeState, Lifetimes};
pub use options::{Censoring, LifetimesOptions};
pub use summaries::{RestrictedMean, SurvivalQuantile};

crate::frame::to_frame!(CumulativeIncidence, EventTable, GrayTests, KaplanMeier, Lifetimes);

/// The curve of times in days, and whether each ended.
pub(crate) fn curve_of_days(
    followed: impl Iterator<Item = (u32, bool)>,
    options: KaplanMeierOptions,
) -> crate::Result<KaplanMeier> {
    KaplanMeier::new(options, EventTable::of_days(followed))
}

/// A time in print: whole where it is whole, else to three digits.
fn short(time: f64) -> String {
    if time.fract().abs() > 0.0 { format!("{time:.3}") } else { format!("{time:.0}") }
}

/// So many rows of a table spread evenly over all of them, the first and the last among them.
fn spread(rows: usize, most: usize) -> impl Iterator<Item = usize> {
    let shown = rows.min(most);
    (0..shown).map(move |row| if shown > 1 { row * (rows - 1) / (shown - 1) } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_print() {
        assert_eq!([0.0, 12.0, 0.5, 1.000_49, 1e18].map(short), ["0", "12", "0.500", "1.000", "1000000000000000000"]);
        let rows = |rows| spread(rows, 4).collect::<Vec<_>>();
        assert_eq!([rows(0), rows(1), rows(4), rows(11)], [vec![], vec![0], vec![0, 1, 2, 3], vec![0, 3, 6, 10]]);
    }
}
