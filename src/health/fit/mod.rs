//! Weights that are learnt from what became of accounts.

mod accuracy;
mod card;
mod display;
mod drift;
mod foreseen;
mod frames;
mod model;
mod options;
mod past;
mod stored;

pub use accuracy::{BrierScore, HealthAccuracy, ReliabilityBin};
pub use card::{CardRange, CardSignal, PointsCard};
pub use drift::HealthDrift;
pub use model::{FittedSignal, HealthWeight};
pub use options::HealthFitOptions;

use serde::{Deserialize, Serialize};

use foreseen::Foreseen;
use model::{Model, SPREADS};
use past::Past;

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::to_frame;
use crate::portfolio::Portfolio;
use crate::statistics::float;
use crate::trigger::{BackTestDate, ChurnEvent};

to_frame!(FittedHealth);

/// A health score whose weights are learnt from who left: what [`Portfolio::fit_health`] gives.
///
/// It can be stored, and asked of any day: `portfolio.health(as_of, &fitted)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredFittedHealth")]
pub struct FittedHealth {
    options: HealthFitOptions,
    churn: ChurnEvent,
    dates: Vec<BackTestDate>,
    intercept: f64,
    drift: HealthDrift,
    signals: Vec<FittedSignal>,
    spread: f64,
    slope: f64,
    accuracy: Option<HealthAccuracy>,
    card: Option<PointsCard>,
}

impl Portfolio {
    /// Learns from past dates which signals precede churn and how much, and judges what it learnt on later dates.
    ///
    /// On each past date every customer is measured as it was known then. Who left, and in which days that counts, is as in
    /// the [back-test](Self::back_test): within the lead, or silent already, is learnt from nobody.
    ///
    /// ```text
    /// log odds of leaving = intercept + Σ below(j) min(z(j), 0) + above(j) max(z(j), 0) + missing(j)
    /// maximised             log-likelihood - κ/(2τ²) Σ weights²
    /// z                     the value on an even scale, as in `FittedSignal`; 0 where it was not observed
    /// κ                     rows with churn / departures: one that is seen at two dates counts once
    /// τ                     of 0.03, 0.1, 0.25 and 0.6 the one with the least -2 log-likelihood + 2 tr(H⁻¹J), which is
    ///                       what Akaike's criterion becomes with a ridge and accounts that come up often
    /// then                  all log odds are drawn in by the line that fits the outcomes of each account to the model
    ///                       without that account, and a drift of the base rate is added, as in `HealthDrift`
    /// probability           1 / (1 + exp(-log odds)): to leave within the horizon, once the lead is over
    /// score                 100 / (1 + odds / usual odds), the usual ones being those of the base rate of the past
    /// ```
    ///
    /// Of a measure it is known which way is good, and no weight says the contrary: such a weight would be an accident of the
    /// past, and nobody would believe it. A score of 50 is that of the base rate; with the usual bands an account is poor
    /// from twice the usual odds on, and good up to half of them.
    ///
    /// The dates are divided as in the [`Ranking`](crate::Ranking) into earlier and later ones. Each later date is foreseen as it
    /// would have been: by a model of the dates of which it was known by then what became of the accounts, fitted anew up
    /// to twelve times. The figures of [`HealthAccuracy`] are of these forecasts. The model that is handed out is fitted to
    /// all dates, for the newest past is the best teacher; it has been judged by nobody but those before it in its place.
    ///
    /// Base rates change, and what signals mean does as well: who is struck for long no longer lies below a past that was better,
    /// so that the slope of a company in which trouble is young is another one than where it is old. No model
    /// of the past knows when. The intercept and the slope of the accuracy say by how much it was wrong, and their two intervals
    /// how much of that the judged outcomes explain alone, and how much with all that is unsure; each pair has a verdict. Where
    /// nothing changes, intercepts and slopes lie around 0 and 1.
    ///
    /// An outcome that one acted upon teaches that what was acted upon was harmless.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] as in the [back-test](Self::back_test), for no signals or one twice, for names of triggers that
    /// there are none of, and where at all past dates nobody left, or nobody stayed; [`Error::TooLarge`] for more than
    /// 2^27 accounts times dates times signals.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::polars::prelude::*;
    /// use attrition::{Activity, Calendar, CancellationColumns, EventColumns, HealthFitOptions, Portfolio, date};
    ///
    /// // Forty companies come every second or seventh day of a year. Of the latter every other one leaves.
    /// let (mut company, mut day, mut left, mut on) = (vec![], vec![], vec![], vec![]);
    /// for number in 0..40_i32 {
    ///     let often = number % 2 == 0;
    ///     let end = if number % 4 == 1 { 20_000 + 4 * number } else { 20_089 };
    ///     let days: Vec<i32> = (19_723 + number % 7..end).step_by(if often { 2 } else { 7 }).collect();
    ///     company.extend(days.iter().map(|_| number));
    ///     day.extend(days);
    ///     if number % 4 == 1 {
    ///         left.push(number);
    ///         on.push(end);
    ///     }
    /// }
    /// let dated = |mut frame: DataFrame| -> PolarsResult<DataFrame> {
    ///     frame.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    ///     Ok(frame)
    /// };
    /// let events = dated(df!("company" => company, "day" => day)?)?;
    /// let goodbyes = dated(df!("company" => left, "day" => on)?)?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let columns = CancellationColumns::new("company", "day");
    /// let portfolio = Portfolio::new(activity)?.cancellations(&goodbyes, &columns)?;
    ///
    /// let fitted = portfolio.fit_health(HealthFitOptions::new())?;
    /// let health = portfolio.health(date(2024, 9, 20), &fitted)?;
    /// let chance = |company: i32| health.of(i64::from(company)).unwrap().churn_probability.unwrap();
    /// assert!(chance(1) > 3.0 * chance(2));                           // seldom there, and often
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// S. le Cessie and J. C. van Houwelingen (1992), "Ridge estimators in logistic regression", Applied Statistics 41,
    /// 191-201; R. Shibata (1989), "Statistical aspects of model selection", for the criterion; J. C. van Houwelingen and
    /// S. le Cessie (1990), "Predictive value of statistical models", Statistics in Medicine 9, 1303-1325, for drawing log odds
    /// in; C. Gold (2020), "Fighting Churn with Data", chapters 8 and 9, for forecasts of churn from metrics at past dates.
    pub fn fit_health(&self, options: impl Into<HealthFitOptions>) -> Result<FittedHealth> {
        let mut options = options.into();
        let plan = options.plan(self)?;
        let past = Past::new(self, &options, &plan)?;
        let (signals, all): (_, Vec<usize>) = (&options.signals[..], (0..options.signals.len()).collect());
        let foreseen = Foreseen::new(&past, signals, plan.window.known_after);
        let accuracy = foreseen.and_then(|foreseen| HealthAccuracy::of(&past, &foreseen, plan.wilson));
        let dates = 0..past.dates.len();
        let Some(model) = Model::fit(&past, dates.clone(), signals, &all, &SPREADS) else {
            let rows = past.rows(dates);
            let (left, _) = past.departures(rows.clone());
            let reason =
                "there is nothing to learn where nobody left, or nobody stayed: name more dates, or a longer horizon";
            let value = format!("{left} of {} accounts at dates left", rows.len());
            return Err(Error::InvalidOption { option: "from .. to", value, reason });
        };
        let card = PointsCard::of(&past, dates, signals, &model);
        options.past = plan.options;
        Ok(FittedHealth {
            options,
            churn: plan.churn,
            dates: past.dates,
            intercept: model.intercept,
            drift: model.drift,
            signals: model.signals,
            spread: model.spread,
            slope: model.slope,
            accuracy,
            card,
        })
    }
}

impl FittedHealth {
    /// The options, with the dates and the kind of churn that were taken where none were named.
    #[must_use]
    pub fn options(&self) -> &HealthFitOptions {
        &self.options
    }

    /// What counted as churn.
    #[must_use]
    pub fn churn(&self) -> ChurnEvent {
        self.churn
    }

    /// The past dates, in order, and who was there.
    #[must_use]
    pub fn dates(&self) -> &[BackTestDate] {
        &self.dates
    }

    /// The day up to which the weights know what happened: the last past date, the lead and the horizon, and where silence is
    /// churn the days that it takes to notice. Scores of days up to this one are better than they could have been then; how
    /// good a forecast is [`accuracy`](Self::accuracy) says.
    #[must_use]
    pub fn knows_until(&self) -> Date {
        self.dates[self.dates.len() - 1].date + self.options.past.known_after(self.churn)
    }

    /// The share of the accounts at past dates that left.
    #[must_use]
    pub fn base_rate(&self) -> f64 {
        let sum = |of: fn(&BackTestDate) -> u64| self.dates.iter().map(of).fold(0, u64::saturating_add);
        float(sum(|date| date.churned)) / float(sum(BackTestDate::customers))
    }

    /// The log odds of leaving where every signal is at its bend.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// How the base rate drifts.
    #[must_use]
    pub fn drift(&self) -> HealthDrift {
        self.drift
    }

    /// The signals that were observed, in the order of the options.
    #[must_use]
    pub fn signals(&self) -> &[FittedSignal] {
        &self.signals
    }

    /// The standard deviation that weights were expected to have, of those that were tried: the smaller the less the past
    /// told.
    #[must_use]
    pub fn spread(&self) -> f64 {
        self.spread
    }

    /// By what all log odds were multiplied in the end: 0.1 where the past says that the signals tell nothing, so that no more than
    /// their order is left.
    #[must_use]
    pub fn drawn_in(&self) -> f64 {
        self.slope
    }

    /// How well the same, fitted to earlier dates, foresaw what happened at later ones. `None` where the dates are too few for
    /// two sides, or on one of them nobody left or nobody stayed.
    #[must_use]
    pub fn accuracy(&self) -> Option<&HealthAccuracy> {
        self.accuracy.as_ref()
    }

    /// The card with which a person can add a score up; `None` where no signal tells anything.
    #[must_use]
    pub fn card(&self) -> Option<&PointsCard> {
        self.card.as_ref()
    }

    /// The log odds of the base rate.
    pub(super) fn usual_log_odds(&self) -> f64 {
        let rate = self.base_rate();
        (rate / (1.0 - rate)).ln()
    }
}
