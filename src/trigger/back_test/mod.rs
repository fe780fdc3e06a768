//! What triggers would have said on past days, held against what became of the accounts.

mod display;
mod frames;
mod measures;
mod options;
mod outcome;
mod patterns;
mod ranking;
mod replay;
mod stored;
mod tally;

pub use measures::{Detector, Difference, Estimate, Performance, Verdict};
pub(crate) use options::Plan;
pub use options::{BackTestOptions, Every};
pub use outcome::ChurnEvent;
pub(crate) use outcome::{Churns, Outcome};
pub(crate) use ranking::sides;
pub use ranking::{Contribution, Ranking};
pub(crate) use tally::cut;
pub use tally::{DateTally, LeadTime};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use replay::Replay;

use super::days_since_last_event;
use super::set::TriggerSet;
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::to_frame;
use crate::portfolio::Portfolio;
use crate::statistics::Correction;

to_frame!(BackTest);

/// A date of a back-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackTestDate {
    /// The date, at whose end everything was known.
    pub date: Date,
    /// Accounts that were not asked about because they had cancelled or let their subscription end.
    pub had_left: u64,
    /// Accounts that were not asked about because they had lapsed.
    pub lapsed: u64,
    /// Customers who left after the lead and within the horizon.
    pub churned: u64,
    /// Customers who did not.
    pub stayed: u64,
    /// Customers who were leaving: within the lead, or silent already. They count for nobody.
    pub leaving: u64,
    /// Customers who were never active by then, where churn is activity that ends. They count for nobody.
    pub unknown: u64,
}

/// The answer of [`Portfolio::back_test`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredBackTest")]
pub struct BackTest {
    options: BackTestOptions,
    churn: ChurnEvent,
    correction: Correction,
    level: f64,
    dates: Vec<BackTestDate>,
    performances: Vec<Performance>,
    /// For each performance its counts at each date, from some date on.
    tallies: Vec<Vec<DateTally>>,
    ranking: Option<Ranking>,
    /// At how many dates a trigger knew already what became of accounts.
    in_hindsight: Vec<(String, usize)>,
}

impl Portfolio {
    /// What a set of triggers would have said on past dates, and what became of the accounts: which triggers are right how
    /// often, how early, at what load of work, and whether they tell more than days since the last event do.
    ///
    /// On each date the triggers say what [`triggers`](Self::triggers) would have said then, with the p-values of the date
    /// corrected as the set asks. Nothing later has any influence but on the outcome:
    ///
    /// ```text
    /// of a customer at date d, c being the first day of churn after it
    /// leaving    c <= d + lead                          counted for nobody: that is the goodbye itself
    /// positive   d + lead < c <= d + lead + horizon
    /// negative   otherwise
    /// judged     positive or negative, and observed by the trigger
    ///
    /// precision  positives among the fired / fired        base rate  positives / judged
    /// recall     positives among the fired / positives    lift       precision / base rate
    /// area       the chance that a positive has a higher score than a negative, ties half
    /// ```
    ///
    /// Units are accounts at dates. An account comes up at many dates, so all intervals take its observations for one
    /// cluster; without that they would be far too narrow. Dates of which not all outcomes are known are not replayed: of
    /// their accounts only those that have left already would be known, which makes any trigger look right. Who is silent at
    /// a date and never comes back has left before it where [`ChurnEvent::ActivityEnded`] is asked for, and is leaving.
    ///
    /// Every trigger is held against days since the last event: the areas over the same accounts, and the precision at
    /// the same load of work, as many accounts being named on each date. Beside the triggers there are lines for that
    /// rule as [`DaysSinceLastEvent`](crate::DaysSinceLastEvent) fires (a trigger of that name in the set takes its
    /// place), for any and for two or more that fire, and for a combination; the [`Ranking`] says what each trigger adds to
    /// the others.
    ///
    /// An outcome that one acted upon is no longer what it would have been: where findings were worked on, a good trigger
    /// looks worse than it is.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for options that make no sense, of the back-test, the set or a
    /// trigger, for dates outside the observation or of which the outcome is not known, and where no date is left;
    /// [`Error::TooLarge`](crate::Error::TooLarge) for more than 2^28 accounts times dates times triggers.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, BackTestOptions, Calendar, CancellationColumns, EventColumns, PaymentColumns};
    /// use attrition::{PaymentTrouble, Portfolio, TriggerSet, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let day = |frame: &mut DataFrame, column: &str| {
    ///     frame.apply(column, |day| day.cast(&DataType::Date).unwrap()).map(|_| ())
    /// };
    /// // Three companies from 2024-01-01 to 2024-07-18. acme does not pay from 2024-03-01 on, and cancels a month later.
    /// let mut events = df!("company" => ["acme", "brix", "core", "brix"], "day" => [19_723, 19_723, 19_723, 19_922])?;
    /// day(&mut events, "day")?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let mut invoices = df!("company" => ["acme"], "due" => [19_783])?;
    /// day(&mut invoices, "due")?;
    /// let mut goodbyes = df!("company" => ["acme"], "day" => [19_814])?;
    /// day(&mut goodbyes, "day")?;
    /// let portfolio = Portfolio::new(activity)?
    ///     .lapsed_after(365)
    ///     .payments(&invoices, &PaymentColumns::new("company", "due"))?
    ///     .cancellations(&goodbyes, &CancellationColumns::new("company", "day"))?;
    ///
    /// let options = BackTestOptions::new().from(date(2024, 2, 12)).to(date(2024, 4, 1)).every(28);
    /// let test = portfolio.back_test(TriggerSet::new().with(PaymentTrouble::new()), options)?;
    /// let payments = test.performance("payment_trouble").unwrap();
    /// // Dates 2024-02-12, when acme still pays, and 2024-03-11, when it does not.
    /// assert_eq!((payments.judged, payments.positives), (6, 2));
    /// assert_eq!((payments.fired, payments.true_positives), (1, 1));
    /// assert_eq!(payments.recall.unwrap().value, 0.5);
    /// assert_eq!(payments.lift.unwrap().value, 3.0);
    /// assert_eq!(payments.lead_time.unwrap().median, 21.0);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// N. A. Obuchowski (1997), "Nonparametric analysis of clustered ROC curve data", Biometrics 53, 567-578, for the
    /// areas; W. G. Cochran (1977), "Sampling Techniques", 3rd ed., for rates of clusters; C. Gold (2020), "Fighting Churn
    /// with Data", chapters 8 and 9, for lead time, top-decile lift and back-tests, here with ties that are split.
    pub fn back_test(&self, set: impl Into<TriggerSet>, options: impl Into<BackTestOptions>) -> Result<BackTest> {
        let set = set.into();
        let plan = options.into().plan(self)?;
        let replay = Replay::new(self, &set, &plan)?;
        let trigger = |column: &replay::Column| {
            if column.name == days_since_last_event::NAME { Detector::PlainRule } else { Detector::Trigger }
        };
        let of = |column: &replay::Column, detector| Performance::of(&replay, column, detector, plan.wilson);
        let mut judged: Vec<(Performance, Vec<DateTally>)> =
            replay.triggers.par_iter().map(|column| of(column, trigger(column))).collect();
        for (least, detector) in [(1.0, Detector::AnyFired), (2.0, Detector::TwoOrMoreFired)] {
            judged.push(of(&replay.together(detector.name(), least), detector));
        }
        let ranked = Ranking::of(&replay, plan.window.known_after, plan.wilson);
        judged.extend(ranked.as_ref().map(|(_, combination)| of(combination, Detector::Combination)));
        let (performances, tallies) = judged.into_iter().unzip();
        Ok(BackTest {
            dates: (0..replay.dates.len()).map(|date| replay.date(date)).collect(),
            options: plan.options,
            churn: plan.churn,
            correction: set.correction,
            level: set.level,
            performances,
            tallies,
            ranking: ranked.map(|(ranking, _)| ranking),
            in_hindsight: set.in_hindsight(&plan.dates),
        })
    }
}

impl Replay {
    fn date(&self, place: usize) -> BackTestDate {
        let of = &self.dates[place];
        let outcomes = &self.outcome[self.rows(place)];
        let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count() as u64;
        BackTestDate {
            date: of.date,
            had_left: of.left as u64,
            lapsed: of.lapsed as u64,
            churned: count(|outcome| matches!(outcome, Outcome::Churned(_))),
            stayed: count(|outcome| *outcome == Outcome::Stayed),
            leaving: count(|outcome| *outcome == Outcome::Leaving),
            unknown: count(|outcome| *outcome == Outcome::Unknown),
        }
    }
}

impl BackTestDate {
    /// Customers of whom it is known whether they left within the horizon.
    #[must_use]
    pub fn customers(&self) -> u64 {
        self.churned + self.stayed
    }
}

impl BackTest {
    /// The options, with the dates and the kind of churn that were taken where none were named.
    #[must_use]
    pub fn options(&self) -> &BackTestOptions {
        &self.options
    }

    /// What counted as churn.
    #[must_use]
    pub fn churn(&self) -> ChurnEvent {
        self.churn
    }

    /// The triggers of the set that at some dates knew already what became of accounts, because they learnt from it, and at
    /// how many: what is measured of them there is not what they could have foreseen. Weights that were fitted are refused there
    /// unless one [insists](crate::PoorHealth::hindsight).
    #[must_use]
    pub fn in_hindsight(&self) -> impl ExactSizeIterator<Item = (&str, usize)> {
        self.in_hindsight.iter().map(|(name, dates)| (name.as_str(), *dates))
    }

    /// The dates, in order, and who was there.
    #[must_use]
    pub fn dates(&self) -> &[BackTestDate] {
        &self.dates
    }

    /// How well each did: the triggers of the set in their order, the plain rule where it is not one of them, any,
    /// two or more, and the combination where there is a ranking.
    #[must_use]
    pub fn performances(&self) -> &[Performance] {
        &self.performances
    }

    /// How well one of them did, by its name.
    #[must_use]
    pub fn performance(&self, name: &str) -> Option<&Performance> {
        self.performances.iter().find(|performance| performance.name == name)
    }

    /// What one of them did at a date; `None` for names and dates that are not there, and for the combination at the
    /// earlier dates.
    #[must_use]
    pub fn at(&self, name: &str, date: Date) -> Option<DateTally> {
        let place = self.performances.iter().position(|performance| performance.name == name)?;
        let later = self.dates.len() - self.dates.binary_search_by_key(&date, |own| own.date).ok()?;
        let tallies = &self.tallies[place];
        tallies.len().checked_sub(later).map(|date| tallies[date])
    }

    /// What each trigger adds to the others. `None` where the dates are too few to fit a model to some and judge it on later
    /// ones, or on one of the two sides nobody left or nobody stayed.
    #[must_use]
    pub fn ranking(&self) -> Option<&Ranking> {
        self.ranking.as_ref()
    }

    /// The two triggers that add the most to days since the last event and to each other: those that come first in the
    /// ranking, point the right way and made the forecast of later dates better beyond chance. Fewer where fewer do.
    #[must_use]
    pub fn worth_working_on(&self) -> Vec<&Contribution> {
        let contributions = self.ranking.iter().flat_map(|ranking| &ranking.contributions);
        contributions.filter(|contribution| contribution.holds()).take(2).collect()
    }
}
