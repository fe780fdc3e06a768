//! The net promoter score of a portfolio, and of its segments.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::{Account, Portfolio, latest};
use crate::activity::{SegmentColumns, Segmented, divide, order};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::stored::{asked, holds, stored};
use crate::frame::{to_frame, write};
use crate::statistics::{Interval, Recommendations, Wilson, net_promoter};

to_frame!(NetPromoter);

/// Which answers of a respondent count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedAnswers {
    /// The latest of each respondent, of two on one day the lower; anonymous answers all.
    Latest,
    /// All.
    All,
}

/// What is a promoter, a passive or a detractor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetPromoterUnit {
    /// Each answer by itself, whichever account it comes from.
    Answers,
    /// Each account, by the mean of its answers: a promoter from 9 on, a detractor up to 6.
    Accounts,
}

/// What [`Portfolio::net_promoter`] should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetPromoterOptions {
    as_of: Date,
    days: u32,
    counted: CountedAnswers,
    unit: NetPromoterUnit,
    confidence: f64,
}

impl NetPromoterOptions {
    /// The score as it was known at the end of a day.
    #[must_use]
    pub fn new(as_of: Date) -> Self {
        let (counted, unit) = (CountedAnswers::Latest, NetPromoterUnit::Answers);
        Self { as_of, days: 365, counted, unit, confidence: 0.95 }
    }

    /// For how many days an answer counts. 365 unless told: many ask once a year.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// Which answers of a respondent count. [`CountedAnswers::Latest`] unless told: whoever answers often has no more
    /// to say about how people think now.
    #[must_use]
    pub fn counted(mut self, counted: CountedAnswers) -> Self {
        self.counted = counted;
        self
    }

    /// What is counted. [`NetPromoterUnit::Answers`] unless told: it is the score by the book. Accounts are what churns,
    /// and one with many respondents has no more weight then than one with a single one.
    #[must_use]
    pub fn unit(mut self, unit: NetPromoterUnit) -> Self {
        self.unit = unit;
        self
    }

    /// The level of confidence of the interval. 0.95 unless told, by convention.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    fn check(&self) -> Result<Wilson> {
        if self.days == 0 {
            let reason = "an answer counts for at least a day";
            return Err(Error::InvalidOption { option: "days", value: self.days.to_string(), reason });
        }
        Wilson::new(self.confidence)
    }
}

impl From<Date> for NetPromoterOptions {
    fn from(as_of: Date) -> Self {
        Self::new(as_of)
    }
}

/// The answer of [`Portfolio::net_promoter`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredNetPromoter")]
pub struct NetPromoter {
    options: NetPromoterOptions,
    accounts: u64,
    promoters: u64,
    passives: u64,
    detractors: u64,
    interval: Option<Interval>,
}

stored!(StoredNetPromoter as NetPromoter {
    options: NetPromoterOptions,
    accounts: u64,
    promoters: u64,
    passives: u64,
    detractors: u64,
    interval: Option<Interval>,
});

impl NetPromoter {
    fn check(&self) -> Result<(), String> {
        let wilson = asked(self.options.check())?;
        let Self { promoters, passives, detractors, .. } = *self;
        let small = [promoters, passives, detractors].iter().all(|&count| count < 1 << 53);
        holds(small, "there are not so many answers")?;
        let interval = net_promoter(Recommendations { promoters, passives, detractors }, wilson).map(|of| of.interval);
        let near = |one: f64, other: f64| (one - other).abs() < 1e-6;
        let same = match (self.interval, interval) {
            (Some(one), Some(other)) => near(one.lower, other.lower) && near(one.upper, other.upper),
            (one, other) => one.is_none() && other.is_none(),
        };
        holds(same, "the interval is that of the answers")?;
        holds(self.accounts <= self.answers(), "an account counts where it has an answer")
    }
}

impl Portfolio {
    /// The net promoter score: the percentage of those who would recommend less that of those who would not.
    ///
    /// ```text
    /// promoter 9 or 10, passive 7 or 8, detractor 0 to 6           on the scale from 0 to 10
    /// score = 100 (promoters - detractors) / answers               from -100 to 100
    /// interval: all Δ for which |p - d - Δ| <= z √((2q + Δ - Δ²) / n), q the most likely share of detractors at Δ
    /// ```
    ///
    /// Counted are the answers of the last 365 days, of each respondent the latest. The denominator is the answers that
    /// were given, so those who were asked and kept silent are in neither part; without an answer there is no score.
    /// Accounts that left since count with what they answered: without them the score would rise with every one who
    /// leaves.
    ///
    /// The interval is Tango's: it stays on the scale and has a width where all answers are alike, of which the normal
    /// one makes 100 ± 0. It takes answers for independent. The people of one account agree more than strangers do, so
    /// with many respondents an account it is too narrow, and [`NetPromoterUnit::Accounts`] is the safe unit.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTable`] without answers; [`Error::InvalidOption`] for a day outside the observation, 0 days, or a
    /// confidence that is not between 0 and 1.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, AnswerColumns, Calendar, EventColumns, Portfolio, SegmentColumns, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("company" => ["acme", "brix"], "day" => [19_720, 19_725])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let (company, day) = (["acme", "acme", "brix"], [19_721, 19_722, 19_723]);
    /// let mut answers = df!("company" => company, "day" => day, "score" => [10, 9, 3])?;
    /// answers.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let portfolio = Portfolio::new(activity)?.answers(&answers, &AnswerColumns::new("company", "day", "score"))?;
    ///
    /// let score = portfolio.net_promoter(date(2024, 1, 3))?;
    /// assert_eq!((score.promoters(), score.passives(), score.detractors()), (2, 0, 1));
    /// assert_eq!(score.score(), Some(100.0 / 3.0));
    ///
    /// let size = df!("company" => ["acme", "brix"], "size" => ["large", "small"])?;
    /// let by_size = portfolio.net_promoter_by(date(2024, 1, 3), &size, &SegmentColumns::new("company", "size"))?;
    /// assert_eq!(by_size.get(Some("small")).unwrap().score(), Some(-100.0));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// F. F. Reichheld (2003), "The one number you need to grow", Harvard Business Review 81(12), 46-54; T. Tango
    /// (1998), "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    /// design", Statistics in Medicine 17, 891-908; B. Rocks (2016), "Interval estimation for the net promoter score",
    /// The American Statistician 70, 365-372.
    pub fn net_promoter(&self, options: impl Into<NetPromoterOptions>) -> Result<NetPromoter> {
        self.net_promoter_of(&options.into(), 0..self.len())
    }

    /// The net promoter score of each segment of a frame of accounts, as in
    /// [`Activity::split_by`](crate::Activity::split_by): every account is in one segment, those that the frame does
    /// not know under `None`, so that answers add up.
    ///
    /// # Errors
    ///
    /// As [`net_promoter`](Self::net_promoter); [`Error::MissingColumn`], [`Error::UnsupportedType`],
    /// [`Error::Incompatible`] and [`Error::TwoSegments`] of the frame.
    pub fn net_promoter_by(
        &self,
        options: impl Into<NetPromoterOptions>,
        segments: &DataFrame,
        columns: &SegmentColumns,
    ) -> Result<Segmented<NetPromoter>> {
        let divided = divide(self.ids(), segments, columns)?;
        self.net_promoter_each(&options.into(), divided)
    }

    /// The net promoter score of each plan that accounts have on the day; under `None` of those without one.
    ///
    /// # Errors
    ///
    /// As [`net_promoter`](Self::net_promoter); [`Error::MissingTable`] without subscriptions.
    pub fn net_promoter_by_plan(&self, options: impl Into<NetPromoterOptions>) -> Result<Segmented<NetPromoter>> {
        let options = options.into();
        self.check_as_of(options.as_of)?;
        let as_of = options.as_of.days_since_epoch();
        if self.tables.subscriptions.is_none() {
            return Err(Error::MissingTable { table: "subscriptions" });
        }
        let plan = |number: usize| Account::new(self, number, as_of).plan().map(str::to_owned);
        let mut plans: Vec<(Option<String>, usize)> = (0..self.len()).map(|number| (plan(number), number)).collect();
        plans.sort_by(|(left, _), (right, _)| order(left).cmp(&order(right)));
        let same = plans.chunk_by(|(left, _), (right, _)| left == right);
        let divided = same.map(|same| (same[0].0.clone(), same.iter().map(|(_, number)| *number).collect()));
        self.net_promoter_each(&options, divided.collect())
    }

    fn net_promoter_each(
        &self,
        options: &NetPromoterOptions,
        divided: Vec<(Option<String>, Vec<usize>)>,
    ) -> Result<Segmented<NetPromoter>> {
        let of = |(name, accounts): (Option<String>, Vec<usize>)| Ok((name, self.net_promoter_of(options, accounts)?));
        Ok(Segmented::in_order(divided.into_iter().map(of).collect::<Result<_>>()?))
    }

    fn net_promoter_of(
        &self,
        options: &NetPromoterOptions,
        numbers: impl IntoIterator<Item = usize>,
    ) -> Result<NetPromoter> {
        let wilson = options.check()?;
        self.check_as_of(options.as_of)?;
        let as_of = options.as_of.days_since_epoch();
        let table = self.tables.answers.as_ref().ok_or(Error::MissingTable { table: "answers" })?;
        let (mut accounts, mut sums) = (0, Recommendations::default());
        for number in numbers {
            let within = table
                .of(number, as_of)
                .filter(|answer| i64::from(options.as_of - answer.date) < i64::from(options.days));
            let scores: Vec<f64> = match options.counted {
                CountedAnswers::Latest => latest(within).iter().map(|answer| f64::from(answer.score)).collect(),
                CountedAnswers::All => within.map(|answer| f64::from(answer.score)).collect(),
            };
            accounts += u64::from(!scores.is_empty());
            match (options.unit, u32::try_from(scores.len())) {
                (NetPromoterUnit::Accounts, Ok(count)) if count > 0 => {
                    add(&mut sums, scores.iter().sum::<f64>() / f64::from(count));
                }
                _ => scores.iter().for_each(|&score| add(&mut sums, score)),
            }
        }
        let interval = net_promoter(sums, wilson).map(|score| score.interval);
        let Recommendations { promoters, passives, detractors } = sums;
        Ok(NetPromoter { options: options.clone(), accounts, promoters, passives, detractors, interval })
    }
}

fn add(sums: &mut Recommendations, score: f64) {
    match score {
        9.0.. => sums.promoters += 1,
        ..=6.0 => sums.detractors += 1,
        _ => sums.passives += 1,
    }
}

impl NetPromoter {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &NetPromoterOptions {
        &self.options
    }

    /// Accounts with an answer that counts.
    #[must_use]
    pub fn accounts(&self) -> u64 {
        self.accounts
    }

    /// What was counted: answers, or accounts where these are the unit.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.promoters + self.passives + self.detractors
    }

    /// Those of 9 or 10.
    #[must_use]
    pub fn promoters(&self) -> u64 {
        self.promoters
    }

    /// Those between promoters and detractors.
    #[must_use]
    pub fn passives(&self) -> u64 {
        self.passives
    }

    /// Those of 6 or less.
    #[must_use]
    pub fn detractors(&self) -> u64 {
        self.detractors
    }

    /// The score, from -100 to 100; `None` without an answer.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^53")]
    pub fn score(&self) -> Option<f64> {
        let difference = self.promoters as f64 - self.detractors as f64;
        (self.answers() > 0).then(|| 100.0 * difference / self.answers() as f64)
    }

    /// The interval of the score; `None` without an answer.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// The score as a frame of one row.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `as_of` | Date | the day at whose end it was known |
    /// | `accounts` | UInt64 | accounts with an answer that counts |
    /// | `answers` | UInt64 | what was counted: answers, or accounts where these are the unit |
    /// | `promoters`, `passives`, `detractors` | UInt64 | how many of these are what |
    /// | `score` | Float64 | the score, from -100 to 100; null without an answer |
    /// | `lower`, `upper` | Float64 | its interval; likewise |
    ///
    /// Of segments the frames stand below each other, with `segment` in front, as at
    /// [`Segmented::to_frame`](crate::Segmented::to_frame).
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let end = |end: fn(Interval) -> f64| [self.interval.map(end)];
        write::frame(vec![
            write::dates("as_of", [Some(self.options.as_of)].into_iter())?,
            write::column("accounts", [self.accounts]),
            write::column("answers", [self.answers()]),
            write::column("promoters", [self.promoters]),
            write::column("passives", [self.passives]),
            write::column("detractors", [self.detractors]),
            write::column("score", [self.score()]),
            write::column("lower", end(|interval| interval.lower)),
            write::column("upper", end(|interval| interval.upper)),
        ])
    }
}

impl fmt::Display for NetPromoter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options: NetPromoterOptions { as_of, days, unit, .. }, accounts, .. } = self;
        let (Some(score), Some(Interval { lower, upper })) = (self.score(), self.interval) else {
            return write!(f, "no answer in the {days} days to {as_of}");
        };
        write!(f, "{score:.1} ({lower:.1} to {upper:.1})")?;
        match unit {
            NetPromoterUnit::Answers => write!(f, " from {} answers of {accounts} accounts", self.answers())?,
            NetPromoterUnit::Accounts => write!(f, " from {accounts} accounts")?,
        }
        let Self { promoters, passives, detractors, .. } = self;
        write!(f, ": {promoters} promoters, {passives} passives, {detractors} detractors, in {days} days to {as_of}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_score_is_what() {
        let mut sums = Recommendations::default();
        (0..=10_u8).for_each(|score| add(&mut sums, f64::from(score)));
        assert_eq!(sums, Recommendations { promoters: 2, passives: 2, detractors: 7 });
        // Means lie between the whole numbers.
        [6.01, 6.5, 8.99].iter().for_each(|&score| add(&mut sums, score));
        assert_eq!(sums.passives, 5);
    }
}
