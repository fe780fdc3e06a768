//! What company is to be simulated.

use serde::{Deserialize, Serialize};

use super::cause::{Cause, Planted};
use crate::calendar::{Date, date};
use crate::error::{Error, Result};

/// More accounts are refused: the number of an account stands in the ids of its users.
const MAX_ACCOUNTS: usize = 1 << 24;
/// A longer span is refused.
const MAX_DAYS: u32 = 36_525;
/// Days to the ends of the calendar that hold the sign-up of the oldest account and the renewal of the last term.
const MARGIN: i32 = 2_000;

/// When accounts sign up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Growth {
    /// All were customers before the simulated span began.
    Settled,
    /// A share of all accounts were customers before the span began; the others sign up on any day of it, each as likely.
    SigningUp {
        /// The share that was there before, from 0 to 1.
        at_start: f64,
    },
}

impl Growth {
    pub(super) fn at_start(self) -> f64 {
        match self {
            Self::Settled => 1.0,
            Self::SigningUp { at_start } => at_start,
        }
    }
}

/// How use goes with the time of the year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Seasonality {
    /// Not at all.
    Flat,
    /// There is less in summer and over Christmas.
    Yearly {
        /// The share of use that is missing on 1 August. It grows from nothing in mid June, and by mid September all is as
        /// before.
        summer: f64,
        /// The share of use that is missing from 22 December to 2 January.
        christmas: f64,
    },
}

/// What [`Company::simulate`](super::Company::simulate) should simulate.
///
/// # Example
///
/// ```
/// use attrition::{Cause, Growth, Onset, Planted, Seasonality, SimulationOptions, date};
///
/// // Nobody leaves and nothing happens: every alarm is a false one.
/// let steady = SimulationOptions::new(1_000, 1).causes([]).monthly_hazard(0.0);
///
/// // Use halves in every account on one day: how many are found, and how soon?
/// let decline = Planted::new(Cause::UsageDecline, 1.0, 0.5).onset(Onset::On(date(2025, 3, 1))).over(0);
/// let stricken = SimulationOptions::new(1_000, 1).growth(Growth::Settled).causes([decline]).monthly_hazard(0.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulationOptions {
    pub(super) accounts: usize,
    pub(super) seed: u64,
    from: Date,
    pub(super) days: u32,
    pub(super) causes: Vec<Planted>,
    pub(super) growth: Growth,
    pub(super) dispersion: f64,
    pub(super) seasonality: Seasonality,
    pub(super) weekend_share: f64,
    pub(super) monthly_hazard: f64,
}

impl SimulationOptions {
    /// So many accounts over the whole span, those that leave and those that sign up included. Companies of another seed
    /// have nothing in common; with the same seed, an account is the same however many others there are.
    #[must_use]
    pub fn new(accounts: usize, seed: u64) -> Self {
        Self {
            accounts,
            seed,
            from: date(2024, 1, 1),
            days: 730,
            causes: Cause::ALL.map(|cause| Planted::new(cause, 0.03, 0.6)).into(),
            growth: Growth::SigningUp { at_start: 0.6 },
            dispersion: 0.1,
            seasonality: Seasonality::Yearly { summer: 0.15, christmas: 0.6 },
            weekend_share: 0.08,
            monthly_hazard: 0.01,
        }
    }

    /// The first day of the simulated span. The default is 2024-01-01, a Monday.
    #[must_use]
    pub fn from(mut self, date: Date) -> Self {
        self.from = date;
        self
    }

    /// How many days the span has. The default is 730, so that every season is there twice.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// What is planted; an account is struck by one of them at most. The default plants each cause in 3 % of the accounts
    /// with an effect of 0.6, which leaves two thirds steady. With none, all are steady.
    #[must_use]
    pub fn causes(mut self, causes: impl IntoIterator<Item = Planted>) -> Self {
        self.causes = causes.into_iter().collect();
        self
    }

    /// When accounts sign up. The default is that 60 % were there before, so that there are new customers to look at and
    /// old ones to compare them with.
    #[must_use]
    pub fn growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// By how much an account's weeks differ beyond what pure chance would do: the variance of a factor with mean 1 by
    /// which its use is multiplied, anew every week. Weekly counts with mean m then have the variance m + dispersion m^2.
    /// The default is 0.1, a coefficient of variation of a third; 0 leaves counts of Poisson.
    #[must_use]
    pub fn dispersion(mut self, variance: f64) -> Self {
        self.dispersion = variance;
        self
    }

    /// How use goes with the time of the year. The default is 15 % less at the height of summer and 60 % less over
    /// Christmas, as office work goes in Europe.
    #[must_use]
    pub fn seasonality(mut self, seasonality: Seasonality) -> Self {
        self.seasonality = seasonality;
        self
    }

    /// The share of a week's use that falls on Saturday and Sunday, on average over accounts; each has its own around it.
    /// The default is 0.08: most of what companies buy is used at work.
    #[must_use]
    pub fn weekend_share(mut self, mean: f64) -> Self {
        self.weekend_share = mean;
        self
    }

    /// The hazard of leaving, per month of 365.25 / 12 days, of an account that nothing has struck: it leaves on a day with
    /// probability 1 - exp(-hazard / 30.4375). The default is 0.01, eleven in a hundred a year. 0 means that nobody leaves.
    #[must_use]
    pub fn monthly_hazard(mut self, hazard: f64) -> Self {
        self.monthly_hazard = hazard;
        self
    }

    /// The first and the last day of the span.
    pub(super) fn span(&self) -> (Date, Date) {
        (self.from, self.from + (i32::try_from(self.days).unwrap_or(i32::MAX) - 1))
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        if !(1..=MAX_ACCOUNTS).contains(&self.accounts) {
            return refuse("accounts", self.accounts.to_string(), "a company has 1 to 16777216 accounts");
        }
        if !(1..=MAX_DAYS).contains(&self.days) {
            return refuse("days", self.days.to_string(), "a span is 1 to 36525 days long");
        }
        let (first, last) = self.span();
        if first < Date::MIN + MARGIN || last > Date::MAX - MARGIN {
            return refuse("from", first.to_string(), "the span needs six years to either end of the calendar");
        }
        self.causes.iter().try_for_each(|planted| planted.check(first, last))?;
        let all: f64 = self.causes.iter().map(|planted| planted.share).sum();
        if all > 1.0 + 1e-9 {
            return refuse(
                "causes",
                format!("shares of {all} in all"),
                "an account has one cause at most, so shares add up to 1 or less",
            );
        }
        let share = |option, share: f64, reason| {
            if (0.0..=1.0).contains(&share) { Ok(()) } else { refuse(option, share.to_string(), reason) }
        };
        share("growth", self.growth.at_start(), "the share that was there before is 0 to 1")?;
        share("weekend_share", self.weekend_share, "a share of a week's use is 0 to 1")?;
        if let Seasonality::Yearly { summer, christmas } = self.seasonality {
            share("seasonality", summer, "the share that is missing in summer is 0 to 1")?;
            share("seasonality", christmas, "the share that is missing over Christmas is 0 to 1")?;
        }
        if !(0.0..=100.0).contains(&self.dispersion) {
            return refuse(
                "dispersion",
                self.dispersion.to_string(),
                "the variance of a factor with mean 1 is 0 to 100",
            );
        }
        if !(0.0..=1e3).contains(&self.monthly_hazard) {
            return refuse("monthly_hazard", self.monthly_hazard.to_string(), "a hazard per month is 0 to 1000");
        }
        Ok(())
    }
}
