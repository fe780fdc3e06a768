//! Scoring all customers of a day.

use polars::prelude::DataFrame;

use super::HealthBand;
use super::fit::FittedSignal;
use super::measures::{Measured, Told};
use super::options::{HealthOptions, ROUNDING, Scoring};
use super::signal::HealthSignal;
use crate::activity::{SegmentColumns, divide, labelled};
use crate::calendar::Date;
use crate::error::Result;
use crate::portfolio::{Account, Portfolio};
use crate::statistics::probability;

/// How one account scored. NaN stands for what was not observed.
#[derive(Clone, Debug)]
pub(crate) struct Scored {
    /// The place of the profile.
    pub(super) profile: usize,
    pub(super) score: f64,
    pub(super) band: Option<HealthBand>,
    pub(super) coverage: f64,
    /// The chance of leaving.
    pub(super) chance: f64,
    pub(super) cells: Box<[Cell]>,
}

/// What one signal did to a score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// Its place among all signals.
    pub(super) signal: usize,
    pub(super) value: f64,
    /// On its own scale.
    pub(super) score: f64,
    pub(super) points: f64,
}

/// The customers of a day in the order of their ids, and their scores.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) customers: Vec<u32>,
    pub(super) scored: Vec<Scored>,
}

/// In which segment an account is.
#[derive(Debug)]
pub(super) enum Segments {
    /// Its plan as known on the day: of those that run the one that began last, else the last one.
    Plan,
    /// By the number of the account its place among the names.
    Labels { names: Vec<Option<String>>, of: Vec<usize> },
}

impl Segments {
    pub(super) fn labels(
        portfolio: &Portfolio,
        options: &HealthOptions,
        frame: &DataFrame,
        columns: &SegmentColumns,
    ) -> Result<Self> {
        if !options.segments.is_empty() {
            // A segment of accounts that are not in the portfolio is known too.
            let (_, all) = labelled(frame, columns)?;
            options.check_segments(all.iter().filter_map(|(name, _)| name.as_deref()))?;
        }
        let mut of = vec![0; portfolio.len()];
        let mut names = Vec::new();
        for (place, (name, accounts)) in divide(portfolio.ids(), frame, columns)?.into_iter().enumerate() {
            accounts.into_iter().for_each(|number| of[number] = place);
            names.push(name);
        }
        Ok(Self::Labels { names, of })
    }

    pub(super) fn of<'a>(&'a self, account: &Account<'a>) -> Option<&'a str> {
        match self {
            Self::Labels { names, of } => names[of[account.number()]].as_deref(),
            Self::Plan => {
                account.plan().or_else(|| account.subscriptions().and_then(|mut terms| terms.next_back())?.plan)
            }
        }
    }
}

/// What is asked of accounts: the options, with every signal in its place.
#[derive(Debug)]
pub(super) struct Scorer<'a> {
    options: &'a HealthOptions,
    pub(super) signals: Vec<&'a HealthSignal>,
    pub(super) profiles: Vec<&'a str>,
    /// For every profile the places of its signals.
    places: Vec<Vec<usize>>,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(options: &'a HealthOptions) -> Result<Self> {
        options.check()?;
        let (mut signals, mut profiles, mut places): (Vec<&HealthSignal>, Vec<&str>, Vec<Vec<usize>>) =
            Default::default();
        let mut add = |name: &'a str, own: &mut dyn Iterator<Item = &'a HealthSignal>| {
            profiles.push(name);
            let place = |signal: &'a HealthSignal| {
                signals.iter().position(|&other| other == signal).unwrap_or_else(|| {
                    signals.push(signal);
                    signals.len() - 1
                })
            };
            places.push(own.map(place).collect());
        };
        match &options.scoring {
            Scoring::Given(_) => options.profiles().for_each(|profile| add(profile.name(), &mut profile.signals())),
            Scoring::Fitted(fitted) => add("fitted", &mut fitted.signals().iter().map(FittedSignal::signal)),
        }
        Ok(Self { options, signals, profiles, places })
    }

    pub(super) fn day(&self, portfolio: &Portfolio, date: Date, segments: &Segments) -> Result<Day> {
        let snapshot = portfolio.at(date)?;
        let told = Told::new(portfolio, &snapshot, self.signals.iter().copied())?;
        let scored = snapshot.judge(|account| self.score(account, &told, segments));
        #[expect(clippy::cast_possible_truncation, reason = "accounts are counted in a u32 at ingestion")]
        let customers = snapshot.customers().map(|account| account.number() as u32).collect();
        Ok(Day { customers, scored })
    }

    pub(super) fn score(&self, account: Account<'_>, told: &Told, segments: &Segments) -> Scored {
        let measured = Measured::new(account, told);
        let mut scored = match &self.options.scoring {
            Scoring::Given(_) => {
                let new_for = account.member_since().map(|since| account.as_of() - since);
                let segment = if self.options.segments.is_empty() { None } else { segments.of(&account) };
                let profile = self.options.place(new_for, segment);
                let (mut sum, mut seen, mut all) = (0.0, 0.0, 0.0);
                let weighed = self.options.profiles().nth(profile).map_or(&[][..], |profile| &profile.signals);
                let cell = |(weighed, &signal): (&super::profile::Weighed, &usize)| {
                    let value = measured.of(&weighed.signal).unwrap_or(f64::NAN);
                    let score = weighed.scale.score(value);
                    all += weighed.weight;
                    if !score.is_nan() {
                        sum += weighed.weight * score;
                        seen += weighed.weight;
                    }
                    Cell { signal, value, score, points: weighed.weight * (score - 50.0) }
                };
                let mut cells: Box<[Cell]> = weighed.iter().zip(&self.places[profile]).map(cell).collect();
                cells.iter_mut().for_each(|cell| cell.points /= seen);
                Scored { profile, score: sum / seen, band: None, coverage: seen / all, chance: f64::NAN, cells }
            }
            Scoring::Fitted(fitted) => {
                let (mut log_odds, mut seen, mut all) =
                    (fitted.intercept() + fitted.drift().at(account.as_of()), 0.0, 0.0);
                let cell = |(own, &signal): (&FittedSignal, &usize)| {
                    let value = measured.of(own.signal()).unwrap_or(f64::NAN);
                    let adds = own.adds(own.signal().even(value));
                    log_odds += adds;
                    all += own.importance();
                    seen += if value.is_nan() { 0.0 } else { own.importance() };
                    Cell { signal, value, score: f64::NAN, points: own.usual() - adds }
                };
                let cells = fitted.signals().iter().zip(&self.places[0]).map(cell).collect();
                let score = 100.0 * probability(fitted.usual_log_odds() - log_odds);
                let coverage = if all > 0.0 { seen / all } else { 0.0 };
                Scored { profile: 0, score, band: None, coverage, chance: probability(log_odds), cells }
            }
        };
        if !scored.score.is_nan() && scored.coverage >= self.options.least_coverage - ROUNDING {
            scored.band = Some(self.options.bands.of(scored.score));
        }
        scored
    }
}
