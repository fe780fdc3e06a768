//! What every trigger said of every customer at every date, in as few bytes as will do.

use std::ops::Range;

use super::options::Plan;
use super::outcome::{Churns, Outcome};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::Portfolio;
use crate::trigger::days_since_last_event::{self, DaysSinceLastEvent, silence};
use crate::trigger::findings::{Learnt, corrected};
use crate::trigger::set::TriggerSet;
use crate::trigger::signal::{Signal, State, decided};

/// More accounts times dates times triggers than this are refused; each takes nine bytes.
const MAX_CELLS: u64 = 1 << 28;
/// A customer who was not one at the date before.
const NEW: u32 = u32::MAX;

/// A row is a customer at a date: date by date, and within a date in the order of the accounts.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) dates: Vec<Replayed>,
    /// The first row of each date, and one more for the end.
    pub(super) first: Vec<usize>,
    /// How many accounts the portfolio has.
    pub(super) accounts: usize,
    pub(super) account: Vec<u32>,
    pub(super) outcome: Vec<Outcome>,
    /// Days since the last event.
    pub(super) silence: Vec<f64>,
    /// The row of the same account at the date before.
    previous: Vec<u32>,
    /// Those of the set, and after them the plain rule where it is not one of them.
    pub(super) triggers: Vec<Column>,
    /// How many are of the set.
    pub(super) asked: usize,
}

/// A date, and who was not asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replayed {
    pub(super) date: Date,
    pub(super) left: usize,
    pub(super) lapsed: usize,
}

/// What one trigger said, row by row from the first row of some date on.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) name: String,
    /// The place of the date.
    pub(super) start: usize,
    /// NaN where nothing was observed.
    pub(super) score: Vec<f64>,
    pub(super) fired: Vec<bool>,
}

/// What is kept of a signal until all of the day are there.
#[derive(Clone, Copy, Debug)]
struct Told {
    state: State,
    matters: bool,
    p_value: Option<f64>,
    score: Option<f64>,
}

impl Told {
    #[expect(clippy::needless_pass_by_value, reason = "what is not kept of a signal is dropped at once")]
    fn of(signal: Signal) -> Self {
        let matters = signal.severity.is_some();
        Self { state: signal.state, matters, p_value: signal.p_value, score: signal.rank() }
    }
}

impl Replay {
    pub(super) fn new(portfolio: &Portfolio, set: &TriggerSet, plan: &Plan) -> Result<Self> {
        set.check()?;
        let asked = set.names().len();
        let plain = set.names().any(|name| name == days_since_last_event::NAME);
        let set = if plain { set.clone() } else { set.clone().with(DaysSinceLastEvent::new()) };
        let cells = [plan.dates.len(), portfolio.len(), set.names().len()].map(|count| count as u64);
        let cells = cells.into_iter().fold(1, u64::saturating_mul);
        if cells > MAX_CELLS {
            let (what, way_out) = ("accounts times dates times triggers", "replay fewer dates, or fewer triggers");
            return Err(Error::TooLarge { what, count: cells, limit: MAX_CELLS, way_out });
        }
        let churns = Churns::new(portfolio, plan.churn, plan.window);
        let column = |name: &str| Column { name: name.to_owned(), ..Column::default() };
        let mut replay = Self {
            dates: Vec::with_capacity(plan.dates.len()),
            first: vec![0],
            accounts: portfolio.len(),
            account: Vec::new(),
            outcome: Vec::new(),
            silence: Vec::new(),
            previous: Vec::new(),
            triggers: set.names().map(column).collect(),
            asked,
        };
        for &date in &plan.dates {
            replay.ask(portfolio, &set, &churns, date)?;
        }
        Ok(replay)
    }

    #[expect(clippy::cast_possible_truncation, reason = "accounts are counted in a u32 at ingestion")]
    fn ask(&mut self, portfolio: &Portfolio, set: &TriggerSet, churns: &Churns, date: Date) -> Result<()> {
        let snapshot = portfolio.at(date)?;
        let told = Learnt::new(&snapshot, set)?.ask(Told::of);
        let adjusted = corrected(set, told.iter().map(|told| told.p_value.map(|p_value| (p_value, told.matters))))?;
        let width = self.triggers.len();
        for (place, (told, adjusted)) in told.iter().zip(adjusted).enumerate() {
            let column = &mut self.triggers[place % width];
            if told.score.is_some_and(f64::is_nan) {
                let reason = "a trigger gave this as a score, by which accounts cannot be ranked";
                return Err(Error::InvalidOption { option: "score", value: format!("NaN of {}", column.name), reason });
            }
            let state = if told.p_value.is_some() { decided(told.matters, adjusted, set.level) } else { told.state };
            column.score.push(told.score.unwrap_or(f64::NAN));
            column.fired.push(state == State::Fired);
        }
        let before = self.dates.len().checked_sub(1).map_or(0..0, |before| self.rows(before));
        let mut earlier = before.clone().zip(&self.account[before]).peekable();
        let mut customers = Vec::with_capacity(snapshot.customers().len());
        for account in snapshot.customers() {
            let number = account.number() as u32;
            while earlier.next_if(|&(_, &other)| other < number).is_some() {}
            let previous = earlier.next_if(|&(_, &other)| other == number).map_or(NEW, |(row, _)| row as u32);
            self.previous.push(previous);
            customers.push(number);
        }
        let day = date.days_since_epoch();
        self.outcome.extend(customers.iter().map(|&number| churns.after(number as usize, day)));
        self.account.extend(customers);
        self.silence.extend(snapshot.judge(|account| f64::from(silence(&account))));
        self.first.push(self.account.len());
        self.dates.push(Replayed { date, left: snapshot.left(), lapsed: snapshot.lapsed() });
        Ok(())
    }

    /// The rows of a date.
    pub(super) fn rows(&self, date: usize) -> Range<usize> {
        self.first[date]..self.first[date + 1]
    }

    /// The row of the same account at the date before; `None` where it was no customer then.
    pub(super) fn previous(&self, row: usize) -> Option<usize> {
        Some(self.previous[row]).filter(|&previous| previous != NEW).map(|previous| previous as usize)
    }

    /// Whether a row counts, and if so whether its account left.
    pub(super) fn churned(&self, row: usize) -> Option<bool> {
        match self.outcome[row] {
            Outcome::Stayed => Some(false),
            Outcome::Churned(_) => Some(true),
            Outcome::Leaving | Outcome::Unknown => None,
        }
    }

    /// What so many triggers of the set say together: fired where at least `least` fire, observed where any is, and by
    /// the number that fires.
    pub(super) fn together(&self, name: &str, least: f64) -> Column {
        let own = &self.triggers[..self.asked];
        let count = |row: usize| {
            let fired: f64 = own.iter().map(|column| f64::from(u8::from(column.fired[row]))).sum();
            if own.iter().all(|column| column.score[row].is_nan()) { f64::NAN } else { fired }
        };
        let score: Vec<f64> = (0..self.account.len()).map(count).collect();
        let fired = score.iter().map(|&count| count >= least).collect();
        Column { name: name.to_owned(), start: 0, score, fired }
    }
}
