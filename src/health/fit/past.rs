//! What was measured of accounts on past dates, and what became of them.

use std::ops::Range;

use super::options::HealthFitOptions;
use crate::error::{Error, Result};
use crate::health::measures::{Measured, Told};
use crate::portfolio::Portfolio;
use crate::trigger::{BackTestDate, Churns, Outcome, Plan, silence};

/// More accounts times dates times signals than this are refused; each takes eight bytes, and as much again while a
/// model is fitted.
const MAX_CELLS: u64 = 1 << 27;

/// A row is a customer at a date of whom it is known whether they left: date by date, and within a date in the order of the
/// accounts.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) dates: Vec<BackTestDate>,
    /// The first row of each date, and one more for the end.
    pub(super) first: Vec<usize>,
    /// How many accounts the portfolio has.
    pub(super) accounts: usize,
    pub(super) account: Vec<u32>,
    pub(super) positive: Vec<bool>,
    /// The day on which they left, of those who did.
    pub(super) left: Vec<i32>,
    /// Days since the last event.
    pub(super) silence: Vec<f64>,
    /// Row by row the values of the signals, each on its even scale; NaN where it was not observed.
    pub(super) values: Vec<f64>,
    pub(super) width: usize,
}

impl Past {
    pub(super) fn new(portfolio: &Portfolio, options: &HealthFitOptions, plan: &Plan) -> Result<Self> {
        let width = options.signals.len();
        let cells = [plan.dates.len(), portfolio.len(), width].map(|count| count as u64);
        let cells = cells.into_iter().fold(1, u64::saturating_mul);
        if cells > MAX_CELLS {
            let (what, way_out) = ("accounts times dates times signals", "fit fewer dates, or fewer signals");
            return Err(Error::TooLarge { what, count: cells, limit: MAX_CELLS, way_out });
        }
        let churns = Churns::new(portfolio, plan.churn, plan.window);
        let mut past = Self {
            dates: Vec::with_capacity(plan.dates.len()),
            first: vec![0],
            accounts: portfolio.len(),
            account: Vec::new(),
            positive: Vec::new(),
            left: Vec::new(),
            silence: Vec::new(),
            values: Vec::new(),
            width,
        };
        for &date in &plan.dates {
            let snapshot = portfolio.at(date)?;
            let told = Told::new(portfolio, &snapshot, options.signals.iter())?;
            let day = date.days_since_epoch();
            let asked = snapshot.judge(|account| {
                let outcome = churns.after(account.number(), day);
                let known = matches!(outcome, Outcome::Stayed | Outcome::Churned(_));
                let silent = f64::from(silence(&account));
                let (number, measured) = (account.number(), Measured::new(account, &told));
                let value = |signal| measured.of(signal).map_or(f64::NAN, |value| signal.even(value));
                let values = if known { options.signals.iter().map(value).collect() } else { Vec::new() };
                (number, outcome, silent, values)
            });
            let mut counts = [0; 4];
            for (number, outcome, silent, values) in asked {
                let (place, left) = match outcome {
                    Outcome::Churned(day) => (0, Some(day)),
                    Outcome::Stayed => (1, None),
                    Outcome::Leaving => (2, None),
                    Outcome::Unknown => (3, None),
                };
                counts[place] += 1;
                if place < 2 {
                    past.account.push(u32::try_from(number).unwrap_or(u32::MAX));
                    past.positive.push(left.is_some());
                    past.left.push(left.unwrap_or(i32::MIN));
                    past.silence.push(silent);
                    past.values.extend(values);
                }
            }
            past.first.push(past.account.len());
            let [churned, stayed, leaving, unknown] = counts;
            let (had_left, lapsed) = (snapshot.left() as u64, snapshot.lapsed() as u64);
            past.dates.push(BackTestDate { date, had_left, lapsed, churned, stayed, leaving, unknown });
        }
        Ok(past)
    }

    /// The rows of some dates.
    pub(super) fn rows(&self, dates: Range<usize>) -> Range<usize> {
        self.first[dates.start]..self.first[dates.end]
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// Among some rows those who left, and how often one departure is among them: at two dates or three, mostly.
    pub(super) fn departures(&self, rows: Range<usize>) -> (usize, usize) {
        let left = |&row: &usize| self.positive[row];
        let mut own: Vec<(u32, i32)> = rows.filter(left).map(|row| (self.account[row], self.left[row])).collect();
        let positives = own.len();
        own.sort_unstable();
        own.dedup();
        (positives, own.len())
    }
}
