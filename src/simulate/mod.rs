//! A company with known truth: who its customers are, what they do, what befalls them and when they leave.

mod account;
mod answers;
mod billing;
mod cause;
mod chance;
mod contacts;
mod events;
mod limits;
mod options;
mod people;
mod portfolio;
mod product;
mod season;
mod tickets;
mod truth;

pub use cause::{Cause, Onset, Planted};
pub use options::{Growth, Seasonality, SimulationOptions};

use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::write;
use account::Account;
use product::{CORE, FEATURES, Plan};

/// Larger frames are refused.
const MAX_ROWS: u64 = 1 << 27;
/// Rows that an account brings to a frame however short the span is.
const AT_LEAST: f64 = 8.0;

/// A simulated software company with accounts that use its product, pay, complain, answer surveys and leave; all as frames
/// like those that real companies have, and the truth beside them. Needs the feature `simulate`.
///
/// Accounts are steady until a [`Cause`] strikes them, if one does. From then on two things happen: the effect shows in the
/// frames, and the hazard of leaving is multiplied by a known ratio. So one can ask of any warning how many of the stricken
/// it finds, how soon, and how often it rings for steady ones; and of any churn figure whether it comes out as it should.
///
/// ```text
/// P(leaves on day d | still there) = 1 - exp(-h(d) / 30.4375)
/// h(d) = monthly hazard,          before the onset
///        monthly hazard * ratio,  from the onset on
/// ```
///
/// From the day of leaving on there are no events, answers, readings, tickets and invoices. What had not come about by the
/// last day of the span is null.
///
/// A company is made of its options alone. Every account has streams of random numbers of its own, one a frame, so account
/// *i* is the same in a company of any size, and what is planted changes nothing before the week of its onset. Frames are made when they
/// are asked for, on all processors. The numbers are the same on every run; another version of this crate or of its
/// generators may bring others.
///
/// # Example
///
/// ```
/// use attrition::{Company, SimulationOptions};
///
/// let company = Company::simulate(SimulationOptions::new(50, 1).days(180))?;
/// let truth = company.truth()?;
/// assert_eq!(truth.height(), 50);
/// let left = 50 - truth.column("cancelled")?.null_count();
/// assert_eq!(company.cancellations()?.height(), left);
/// # Ok::<(), attrition::Error>(())
/// ```
///
/// # References
///
/// Weekly counts that vary more than chance are Poisson counts whose mean is gamma: M. Greenwood and G. U. Yule (1920),
/// JRSS 83, 255-279. A cause that multiplies the hazard from its onset on: D. R. Cox (1972), JRSS B 34, 187-220.
#[derive(Clone, Debug, PartialEq)]
pub struct Company {
    options: SimulationOptions,
    /// Per day of the span how much of its use it has.
    season: Vec<f64>,
}

impl Company {
    /// A company of these options. They are judged here; the frames are made when they are asked for.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for 0 or more than 2^24 accounts, a span of 0 or more than 36525 days or within six years
    /// of the ends of the calendar, shares and effects outside 0 to 1, shares of causes that add up to more than 1, an onset
    /// outside the span or any for [`Cause::OnboardingFailure`], and a negative or boundless hazard, ratio or dispersion.
    pub fn simulate(options: SimulationOptions) -> Result<Self> {
        options.check()?;
        let (first, last) = options.span();
        let season = season::year(options.seasonality, first, last);
        Ok(Self { options, season })
    }

    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &SimulationOptions {
        &self.options
    }

    /// The number of accounts, numbered from 0 on.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.options.accounts
    }

    /// The first day of the simulated span.
    #[must_use]
    pub fn observed_from(&self) -> Date {
        self.options.span().0
    }

    /// The last day of the simulated span.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.options.span().1
    }

    /// The feature for which the product is bought, which stricken accounts do not reach while their onboarding fails.
    #[must_use]
    pub fn core_feature(&self) -> &'static str {
        FEATURES[usize::from(CORE)]
    }

    /// What each plan offers.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `plan` | String | `solo`, `team`, `business` or `enterprise` |
    /// | `feature` | String | a feature of the plan |
    ///
    /// No column has nulls. Rows are in the order of plans from small to large, and within a plan of popularity.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn plans(&self) -> Result<DataFrame> {
        let offered =
            |plan: Plan| FEATURES[..usize::from(plan.features())].iter().map(move |&name| (plan.name(), name));
        let rows = || Plan::ALL.into_iter().flat_map(offered);
        write::frame(vec![
            write::column("plan", rows().map(|(plan, _)| plan).collect::<Vec<_>>()),
            write::column("feature", rows().map(|(_, feature)| feature).collect::<Vec<_>>()),
        ])
    }

    /// The season of a day of the span.
    fn season(&self, day: i32) -> f64 {
        let place = usize::try_from(day - self.observed_from().days_since_epoch());
        place.ok().and_then(|place| self.season.get(place)).copied().unwrap_or(0.0)
    }

    /// The rows of all accounts, of which each brings about so many a week.
    fn rows<T: Send>(&self, what: &'static str, a_week: f64, of: impl Fn(&Account) -> Vec<T> + Sync) -> Result<Vec<T>> {
        self.check_rows(what, self.options.accounts, a_week, "simulate fewer accounts or days")?;
        let accounts = (0..self.options.accounts).into_par_iter();
        Ok(accounts.flat_map_iter(|number| of(&Account::new(&self.options, number))).collect())
    }

    #[expect(clippy::cast_precision_loss, reason = "2^24 accounts at most")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate, far below 2^53")]
    fn check_rows(&self, what: &'static str, accounts: usize, a_week: f64, way_out: &'static str) -> Result<()> {
        let weeks = f64::from(self.options.days) / 7.0;
        let count = (accounts as f64 * (AT_LEAST + weeks * a_week)) as u64;
        let limit = MAX_ROWS;
        if count > limit { Err(Error::TooLarge { what, count, limit, way_out }) } else { Ok(()) }
    }
}

impl fmt::Display for Company {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SimulationOptions { accounts, seed, monthly_hazard, causes, .. } = &self.options;
        writeln!(
            f,
            "Simulated company: {accounts} accounts, {} to {}, seed {seed}",
            self.observed_from(),
            self.as_of()
        )?;
        writeln!(f, "  {:<20} {:>9} {:>7} {:>7} {:>15}", "cause", "share (%)", "effect", "ratio", "monthly hazard")?;
        writeln!(f, "  {:<20} {:>9} {:>7} {:>7} {monthly_hazard:>15.4}", "steady", "", "", "")?;
        for planted in causes {
            let (share, ratio) = (crate::print::percent(Some(planted.share)), planted.ratio());
            let (cause, effect, hazard) = (planted.cause, planted.effect, monthly_hazard * ratio);
            writeln!(f, "  {cause:<20} {share:>9} {effect:>7.2} {ratio:>7.2} {hazard:>15.4}")?;
        }
        Ok(())
    }
}
