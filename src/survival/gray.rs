//! Do groups differ in how many a cause ends: Gray's test.

use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::competing_risks::CompetingRisks;
use super::ends::Ends;
use crate::error::{Error, Result};
use crate::frame::write;
use crate::print::p_value;
use crate::statistics::{Correction, GraySums, Risks};

/// How [`CompetingRisks::gray_tests`] should weigh times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrayTestsOptions {
    rho: f64,
    correction: Correction,
}

impl GrayTestsOptions {
    /// All times weigh alike; p-values are corrected for the number of causes as Holm has it.
    #[must_use]
    pub fn new() -> Self {
        Self { rho: 0.0, correction: Correction::Holm }
    }

    /// The weight of a time is `(1 - F)^rho`, where F is the incidence of the cause in all groups before it. The default is
    /// 0, the test as it is commonly given; above it early differences count more.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// How p-values are corrected for the number of causes. The default is [`Correction::Holm`]: the causes share their
    /// customers, and Holm's promise holds however tests depend on each other.
    #[must_use]
    pub fn correction(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }
}

impl Default for GrayTestsOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The test of one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrayTest {
    /// The cause.
    pub cause: String,
    /// How many it ended, in all groups.
    pub ended: u64,
    /// The statistic.
    pub chi_square: f64,
    /// Its degrees of freedom: one less than the groups that were at risk together with another.
    pub degrees_of_freedom: u32,
    /// The chance of a statistic as large if the groups are alike; `None` if no two were ever at risk together.
    pub p_value: Option<f64>,
    /// The same, corrected for the number of causes that could be tested.
    pub adjusted_p_value: Option<f64>,
}

/// The answer of [`CompetingRisks::gray_tests`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrayTests {
    options: GrayTestsOptions,
    tests: Vec<GrayTest>,
}

impl CompetingRisks {
    /// Whether the groups differ in the cumulative incidence of each cause: Gray's test, within strata where there are any.
    ///
    /// ```text
    /// of group g before a time   n at risk, S remaining, F incidence of the cause
    /// counted as at risk         R = n (1 - F)/S: whom another cause ended is at risk of this one for ever
    /// score of a group           sum over times of (1 - F0)^rho (d(g) - d R(g) / sum of R)
    /// test                       chi-square = score' V⁻ score, one degree of freedom less than groups
    /// ```
    ///
    /// Where F0 is the incidence that follows if the groups are alike, and V the variance of the scores under it.
    /// It compares shares that a cause does end. That a segment leaves less for the price because it has gone for the
    /// support already is a difference here, and none for a log-rank test in which other causes are censored: that one
    /// compares the rates among those who are left.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a rho that is not finite, for fewer than two groups, and for late entries, of which the
    /// test knows nothing.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{CompetingRiskColumns, CompetingRisks, GrayTestsOptions};
    /// use attrition::polars::prelude::*;
    ///
    /// let customers = df!(
    ///     "months" => [1, 2, 3, 4, 5, 6, 7, 8],
    ///     "reason" => ["price", "price", "price", "support", "support", "price", "support", "support"],
    ///     "plan" => ["small", "small", "small", "small", "large", "large", "large", "large"],
    /// )?;
    /// let columns = CompetingRiskColumns::new("months", "reason").group("plan");
    /// let tests = CompetingRisks::from_frame(&customers, &columns)?.gray_tests(GrayTestsOptions::new())?;
    /// let price = tests.of("price").unwrap();
    /// assert_eq!((price.ended, price.degrees_of_freedom), (4, 1));
    /// assert!(price.p_value.unwrap() < 0.1);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// R. J. Gray (1988), "A class of K-sample tests for comparing the cumulative incidence of a competing risk", Annals of
    /// Statistics 16, 1141-1154. R's `cmprsk::cuminc` gives the same figures.
    pub fn gray_tests(&self, options: impl Into<GrayTestsOptions>) -> Result<GrayTests> {
        let options = options.into();
        self.can_be_tested(&options)?;
        let strata = (0..self.strata).map(|stratum| Ends::new(self, Some(stratum))).collect::<Result<Vec<_>>>()?;
        let test = |(cause, name): (usize, &String)| {
            let mut sums = GraySums::new(self.groups.len(), options.rho);
            let mut ended = 0;
            for ends in &strata {
                let [of_cause, of_others] = ends.of_cause(cause);
                ended += of_cause.iter().sum::<u64>();
                sums.add(Risks { at_risk: &ends.at_risk, of_cause: &of_cause, of_others: &of_others });
            }
            let (chi_square, degrees_of_freedom, p_value) = sums.test();
            let (cause, adjusted_p_value) = (name.clone(), None);
            GrayTest { cause, ended, chi_square, degrees_of_freedom, p_value, adjusted_p_value }
        };
        let mut tests: Vec<GrayTest> = self.causes.par_iter().enumerate().map(test).collect();
        let p_values: Vec<f64> = tests.iter().filter_map(|test| test.p_value).collect();
        let tested = tests.iter_mut().filter(|test| test.p_value.is_some());
        for (test, adjusted) in tested.zip(options.correction.adjust(&p_values)) {
            test.adjusted_p_value = Some(adjusted);
        }
        Ok(GrayTests { options, tests })
    }

    fn can_be_tested(&self, options: &GrayTestsOptions) -> Result<()> {
        let invalid = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        if !options.rho.is_finite() {
            return invalid("rho", options.rho.to_string(), "the weight of times is a finite number, as a rule 0");
        }
        if self.groups.len() < 2 {
            let reason = "a test compares two groups or more; name their column with CompetingRiskColumns::group";
            return invalid("groups", self.groups.len().to_string(), reason);
        }
        if self.enters_late() {
            let late = self.entry.iter().flatten().flatten().count();
            let reason =
                "so many lifetimes enter late, and the test holds for none; leave them out, or look at the intervals";
            return invalid("entry", late.to_string(), reason);
        }
        Ok(())
    }
}

impl GrayTests {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &GrayTestsOptions {
        &self.options
    }

    /// The tests, cause by cause.
    #[must_use]
    pub fn tests(&self) -> &[GrayTest] {
        &self.tests
    }

    /// The test of a cause.
    #[must_use]
    pub fn of(&self, cause: &str) -> Option<&GrayTest> {
        self.tests.iter().find(|test| test.cause == cause)
    }

    /// The tests as a frame, in the order of causes.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `cause` | String | the cause |
    /// | `ended` | UInt64 | how many it ended |
    /// | `chi_square` | Float64 | the statistic |
    /// | `degrees_of_freedom` | UInt32 | its degrees of freedom |
    /// | `p_value` | Float64 | null if no two groups were at risk together |
    /// | `adjusted_p_value` | Float64 | corrected for the number of causes; null as above |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let tests = &self.tests;
        write::frame(vec![
            write::column("cause", tests.iter().map(|test| test.cause.as_str()).collect::<Vec<_>>()),
            write::column("ended", tests.iter().map(|test| test.ended).collect::<Vec<_>>()),
            write::column("chi_square", tests.iter().map(|test| test.chi_square).collect::<Vec<_>>()),
            write::column("degrees_of_freedom", tests.iter().map(|test| test.degrees_of_freedom).collect::<Vec<_>>()),
            write::column("p_value", tests.iter().map(|test| test.p_value).collect::<Vec<_>>()),
            write::column("adjusted_p_value", tests.iter().map(|test| test.adjusted_p_value).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for GrayTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        write!(f, "Gray's test of {} causes, p with {}", self.tests.len(), self.options.correction)?;
        write!(f, "\n  {:<28} {:>9} {:>11} {:>4} {:>9}", "cause", "ended", "chi-square", "df", "p")?;
        for test in self.tests.iter().take(SHOWN) {
            let p = test.adjusted_p_value.map_or_else(|| "-".to_owned(), p_value);
            let cause: String = test.cause.chars().take(28).collect();
            let (ended, freedom) = (test.ended, test.degrees_of_freedom);
            write!(f, "\n  {cause:<28} {ended:>9} {:>11.2} {freedom:>4} {p:>9}", test.chi_square)?;
        }
        if self.tests.len() > SHOWN {
            write!(f, "\n  and {} more", self.tests.len() - SHOWN)?;
        }
        Ok(())
    }
}
