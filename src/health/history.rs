//! How many accounts did how, over time.

use std::collections::BTreeMap;
use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::HealthBand;
use super::counts::HealthCounts;
use super::measures::known;
use super::options::HealthOptions;
use super::scoring::{Scorer, Segments};
use crate::activity::SegmentColumns;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::stored::{holds, stored};
use crate::frame::{to_frame, write};
use crate::portfolio::{Account, Membership, Portfolio};
use crate::print;

to_frame!(HealthHistory);

/// In what state an account is on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// A customer in good health.
    Good,
    /// A customer in average health.
    Average,
    /// A customer in poor health.
    Poor,
    /// A customer of whom too little is observed for a band.
    NotObserved,
    /// It has left.
    Left,
    /// It has lapsed.
    Lapsed,
    /// Nothing is known of it yet.
    NotYet,
}

impl HealthState {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Good, Self::Average, Self::Poor, Self::NotObserved, Self::Left, Self::Lapsed, Self::NotYet];

    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Average => "average",
            Self::Poor => "poor",
            Self::NotObserved => "not_observed",
            Self::Left => "left",
            Self::Lapsed => "lapsed",
            Self::NotYet => "not_yet",
        }
    }

    fn of(membership: Option<Membership>, band: Option<HealthBand>) -> Self {
        match (membership, band) {
            (None | Some(Membership::Unknown), _) => Self::NotYet,
            (Some(Membership::Left), _) => Self::Left,
            (Some(Membership::Lapsed), _) => Self::Lapsed,
            (Some(Membership::Customer), Some(HealthBand::Good)) => Self::Good,
            (Some(Membership::Customer), Some(HealthBand::Average)) => Self::Average,
            (Some(Membership::Customer), Some(HealthBand::Poor)) => Self::Poor,
            (Some(Membership::Customer), None) => Self::NotObserved,
        }
    }
}

impl fmt::Display for HealthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many accounts did how on several days, and how they went from one state to another: what
/// [`Portfolio::health_over_time`] gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredHealthHistory")]
pub struct HealthHistory {
    dates: Vec<Date>,
    /// The day up to which fitted weights know what became of accounts.
    knows_until: Option<Date>,
    /// In alphabetical order, and last those without one.
    segments: Vec<Option<String>>,
    /// Date by date, segment by segment.
    counts: Vec<Vec<HealthCounts>>,
    /// For every date but the first from each state of the date before to each state.
    moves: Vec<Vec<Vec<u64>>>,
}

stored!(StoredHealthHistory as HealthHistory {
    dates: Vec<Date>,
    knows_until: Option<Date>,
    segments: Vec<Option<String>>,
    counts: Vec<Vec<HealthCounts>>,
    moves: Vec<Vec<Vec<u64>>>,
});

impl HealthHistory {
    fn check(&self) -> Result<(), String> {
        let sorted = self.dates.windows(2).all(|pair| pair[0] < pair[1]);
        holds(sorted && !self.dates.is_empty(), "the dates are in order, and there is one")?;
        let order = |name: &Option<String>| (name.is_none(), name.clone());
        let named = self.segments.windows(2).all(|pair| order(&pair[0]) < order(&pair[1]));
        holds(named, "the segments are in order")?;
        let shape = self.counts.len() == self.dates.len()
            && self.counts.iter().all(|own| own.len() == self.segments.len())
            && self.moves.len() + 1 == self.dates.len()
            && self.moves.iter().all(|own| own.len() == 7 && own.iter().all(|row| row.len() == 7));
        holds(shape, "there are counts for every date and segment, and moves between dates")?;
        let small = |count: u64| count < 1 << 40;
        let counts = self.counts.iter().flatten();
        let all = counts.flat_map(|own| HealthState::ALL.map(|state| own.in_state(state)));
        let moves = self.moves.iter().flatten().flatten().copied();
        holds(all.chain(moves).all(small), "there are not so many accounts")?;
        let known = &HealthState::ALL[..6];
        for (place, moves) in self.moves.iter().enumerate() {
            let [before, after] = [place, place + 1].map(|place| self.all(place));
            let left =
                known.iter().enumerate().all(|(row, &state)| moves[row].iter().sum::<u64>() == before.in_state(state));
            let came = known
                .iter()
                .enumerate()
                .all(|(column, &state)| moves.iter().map(|row| row[column]).sum::<u64>() == after.in_state(state));
            holds(left && came, "the moves lead from the counts of one date to those of the next")?;
        }
        Ok(())
    }

    fn all(&self, date: usize) -> HealthCounts {
        self.counts[date].iter().fold(HealthCounts::default(), |sum, own| HealthCounts {
            good: sum.good + own.good,
            average: sum.average + own.average,
            poor: sum.poor + own.poor,
            not_observed: sum.not_observed + own.not_observed,
            left: sum.left + own.left,
            lapsed: sum.lapsed + own.lapsed,
        })
    }
}

impl HealthCounts {
    fn in_state(&self, state: HealthState) -> u64 {
        match state {
            HealthState::Good => self.good,
            HealthState::Average => self.average,
            HealthState::Poor => self.poor,
            HealthState::NotObserved => self.not_observed,
            HealthState::Left => self.left,
            HealthState::Lapsed => self.lapsed,
            HealthState::NotYet => 0,
        }
    }
}

impl Portfolio {
    /// How many accounts did how on each of some days, by segment, and how many went from one band to another.
    ///
    /// Each day is answered as [`health`](Self::health) answers it, so that a day looks the same whenever one asks by the same
    /// weights. Fitted ones know what became of accounts up to [`knows_until`](crate::FittedHealth::knows_until), and days
    /// up to then look better told apart than they could have been. Accounts that
    /// left or lapsed have states of their own, as has whoever is not known yet: on every day all accounts are in one state, and
    /// the moves lead from the counts of one day to those of the next.
    ///
    /// The segment is the plan as known on the day, of an account that left the last one. The frames are
    /// [`HealthHistory::to_frame`] and [`HealthHistory::moves_to_frame`].
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health); [`Error::InvalidOption`] for no dates, and dates that are not in order.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, HealthMeasure, HealthProfile, HealthScale, HealthState};
    /// use attrition::{Portfolio, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("company" => ["acme", "brix", "acme"], "day" => [19_723, 19_723, 19_752])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let silence = HealthProfile::new("silence")
    ///     .weigh(HealthMeasure::DaysSinceLastEvent, 1.0, HealthScale::new(30.0, 0.0));
    ///
    /// let history = Portfolio::new(activity)?.health_over_time([date(2024, 1, 1), date(2024, 1, 30)], silence)?;
    /// assert_eq!(history.counts(date(2024, 1, 1)).unwrap().good, 2);
    /// assert_eq!(history.moved(date(2024, 1, 30), HealthState::Good, HealthState::Poor), Some(1));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Health over time is what Totango and Gainsight draw; users of the latter ask for scores that stay what they were, which
    /// here they cannot but do as long as the weights stay.
    pub fn health_over_time(
        &self,
        dates: impl IntoIterator<Item = Date>,
        options: impl Into<HealthOptions>,
    ) -> Result<HealthHistory> {
        self.history(dates.into_iter().collect(), &options.into(), &Segments::Plan)
    }

    /// The same with segments of a frame of accounts in the place of plans, as in [`health_by`](Self::health_by).
    ///
    /// # Errors
    ///
    /// As [`health_over_time`](Self::health_over_time) and [`health_by`](Self::health_by).
    pub fn health_over_time_by(
        &self,
        dates: impl IntoIterator<Item = Date>,
        options: impl Into<HealthOptions>,
        segments: &DataFrame,
        columns: &SegmentColumns,
    ) -> Result<HealthHistory> {
        let options = options.into();
        let segments = Segments::labels(self, &options, segments, columns)?;
        self.history(dates.into_iter().collect(), &options, &segments)
    }

    fn history(&self, dates: Vec<Date>, options: &HealthOptions, segments: &Segments) -> Result<HealthHistory> {
        if let Some(pair) = dates.windows(2).find(|pair| pair[0] >= pair[1]) {
            let value = format!("{}, {}", pair[0], pair[1]);
            return Err(Error::InvalidOption { option: "dates", value, reason: "are to be in order, each once" });
        }
        if dates.is_empty() {
            let reason = "there is no date to look at";
            return Err(Error::InvalidOption { option: "dates", value: "[]".to_owned(), reason });
        }
        let scorer = Scorer::new(options)?;
        let mut by_date: Vec<BTreeMap<(bool, Option<&str>), HealthCounts>> = Vec::with_capacity(dates.len());
        let (mut moves, mut before): (Vec<Vec<Vec<u64>>>, Option<Vec<HealthState>>) = (Vec::new(), None);
        for &date in &dates {
            let scored = scorer.day(self, date, segments)?;
            let day = date.days_since_epoch();
            let mut bands = vec![None; self.len()];
            for (number, own) in scored.customers.iter().zip(&scored.scored) {
                bands[*number as usize] = own.band;
            }
            let found: Vec<(Option<Membership>, Option<&str>)> = (0..self.len())
                .into_par_iter()
                .map(|number| {
                    let membership = known(self, number, day);
                    (membership, membership.and_then(|_| segments.of(&Account::new(self, number, day))))
                })
                .collect();
            let mut counts: BTreeMap<(bool, Option<&str>), HealthCounts> = BTreeMap::new();
            let mut states = Vec::with_capacity(self.len());
            for ((membership, segment), &band) in found.into_iter().zip(&bands) {
                if let Some(membership) = membership {
                    counts.entry((segment.is_none(), segment)).or_default().add(membership, band);
                }
                states.push(HealthState::of(membership, band));
            }
            if let Some(before) = &before {
                let mut moved = vec![vec![0; HealthState::ALL.len()]; HealthState::ALL.len()];
                for (from, to) in before.iter().zip(&states) {
                    moved[*from as usize][*to as usize] += 1;
                }
                // How many come later is not known on either day.
                moved[HealthState::NotYet as usize][HealthState::NotYet as usize] = 0;
                moves.push(moved);
            }
            before = Some(states);
            by_date.push(counts);
        }
        let mut names: Vec<(bool, Option<&str>)> = by_date.iter().flat_map(BTreeMap::keys).copied().collect();
        names.sort_unstable();
        names.dedup();
        let counts = by_date
            .iter()
            .map(|own| names.iter().map(|name| own.get(name).copied().unwrap_or_default()).collect())
            .collect();
        let segments = names.iter().map(|(_, name)| name.map(str::to_owned)).collect();
        Ok(HealthHistory { dates, knows_until: options.knows_until(), segments, counts, moves })
    }
}

impl HealthHistory {
    /// The dates.
    #[must_use]
    pub fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// The dates on which fitted weights knew already what became of accounts, the first ones; none for given weights.
    #[must_use]
    pub fn in_hindsight(&self) -> &[Date] {
        &self.dates[..self.dates.partition_point(|&date| self.knows_until.is_some_and(|until| date < until))]
    }

    /// The segments that accounts are in on any of the dates: in alphabetical order, and last those without one.
    #[must_use]
    pub fn segments(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.segments.iter().map(Option::as_deref)
    }

    /// All accounts on a date; `None` for a day that was not asked for.
    #[must_use]
    pub fn counts(&self, date: Date) -> Option<HealthCounts> {
        Some(self.all(self.dates.binary_search(&date).ok()?))
    }

    /// Those of one segment; `None` also for a segment that there is none of.
    #[must_use]
    pub fn counts_of(&self, date: Date, segment: Option<&str>) -> Option<HealthCounts> {
        let place = self.segments.iter().position(|name| name.as_deref() == segment)?;
        Some(self.counts[self.dates.binary_search(&date).ok()?][place])
    }

    /// How many accounts were in a state on the date before this one and are in another now; `None` for the first date, and
    /// one that was not asked for. That an account is known on neither day counts for none.
    #[must_use]
    pub fn moved(&self, date: Date, from: HealthState, to: HealthState) -> Option<u64> {
        let place = self.dates.binary_search(&date).ok()?.checked_sub(1)?;
        Some(self.moves[place][from as usize][to as usize])
    }

    /// The counts, one row a date and segment, in the order of both.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `date` | Date | the day |
    /// | `segment` | String | the plan, or the segment of the frame; null without one |
    /// | `good`, `average`, `poor` | UInt64 | customers by band |
    /// | `not_observed` | UInt64 | customers without a band |
    /// | `left`, `lapsed` | UInt64 | accounts that had left, or lapsed |
    /// | `good_share`, `average_share`, `poor_share` | Float64 | of the customers with a band; null without any |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows: Vec<(Date, Option<&str>, HealthCounts)> = self
            .dates
            .iter()
            .zip(&self.counts)
            .flat_map(|(&date, own)| {
                self.segments.iter().zip(own).map(move |(name, &own)| (date, name.as_deref(), own))
            })
            .collect();
        let count = |of: fn(&HealthCounts) -> u64| rows.iter().map(|row| of(&row.2)).collect::<Vec<u64>>();
        let share = |band: HealthBand| rows.iter().map(|row| row.2.share(band)).collect::<Vec<_>>();
        write::frame(vec![
            write::dates("date", rows.iter().map(|row| Some(row.0)))?,
            write::column("segment", rows.iter().map(|row| row.1).collect::<Vec<_>>()),
            write::column("good", count(|own| own.good)),
            write::column("average", count(|own| own.average)),
            write::column("poor", count(|own| own.poor)),
            write::column("not_observed", count(|own| own.not_observed)),
            write::column("left", count(|own| own.left)),
            write::column("lapsed", count(|own| own.lapsed)),
            write::column("good_share", share(HealthBand::Good)),
            write::column("average_share", share(HealthBand::Average)),
            write::column("poor_share", share(HealthBand::Poor)),
        ])
    }

    /// The moves, one row a date but the first and pair of states between which any account moved or stayed.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `date` | Date | the day on which it is in the state `to` |
    /// | `from` | String | the state on the date before: `good`, `average`, `poor`, `not_observed`, `left`, `lapsed`, `not_yet` |
    /// | `to` | String | the state on the date |
    /// | `accounts` | UInt64 | how many |
    ///
    /// # Errors
    ///
    /// As [`to_frame`](Self::to_frame).
    pub fn moves_to_frame(&self) -> Result<DataFrame> {
        let mut rows: Vec<(Date, &str, &str, u64)> = Vec::new();
        for (&date, moves) in self.dates.iter().skip(1).zip(&self.moves) {
            for (from, row) in HealthState::ALL.iter().zip(moves) {
                let there = HealthState::ALL.iter().zip(row).filter(|&(_, &count)| count > 0);
                rows.extend(there.map(|(to, &count)| (date, from.name(), to.name(), count)));
            }
        }
        write::frame(vec![
            write::dates("date", rows.iter().map(|row| Some(row.0)))?,
            write::column("from", rows.iter().map(|row| row.1).collect::<Vec<_>>()),
            write::column("to", rows.iter().map(|row| row.2).collect::<Vec<_>>()),
            write::column("accounts", rows.iter().map(|row| row.3).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for HealthHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many dates are shown.
        const SHOWN: usize = 24;
        writeln!(
            f,
            "{:10} {:>8} {:>8} {:>8} {:>12} {:>8} {:>8} {:>8} {:>8}",
            "date", "good", "average", "poor", "not observed", "left", "lapsed", "poor (%)", "worse"
        )?;
        let first = self.dates.len().saturating_sub(SHOWN);
        for (place, date) in self.dates.iter().enumerate().skip(first) {
            let own = self.all(place);
            let poor = print::percent(own.share(HealthBand::Poor));
            let worse = place.checked_sub(1).map(|before| {
                let bands = [0, 1, 2];
                let pairs = bands.iter().flat_map(|&from| bands.iter().map(move |&to| (from, to)));
                pairs.filter(|(from, to)| from < to).map(|(from, to)| self.moves[before][from][to]).sum::<u64>()
            });
            let worse = worse.map_or("-".to_owned(), |worse| worse.to_string());
            write!(f, "{date} {:>8} {:>8} {:>8} {:>12}", own.good, own.average, own.poor, own.not_observed)?;
            writeln!(f, " {:>8} {:>8} {poor:>8} {worse:>8}", own.left, own.lapsed)?;
        }
        if let (count @ 1.., Some(until)) = (self.in_hindsight().len(), self.knows_until) {
            let dates = print::counted(count as u64, "date");
            writeln!(f, "in hindsight at {dates}: the weights know what became of accounts up to {until}")?;
        }
        write!(
            f,
            "{} by segment in to_frame(), moves in moves_to_frame()",
            print::counted(self.dates.len() as u64, "date")
        )
    }
}
