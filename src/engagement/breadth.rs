//! Breadth of use: how many of the features that are there does an actor use.

mod actors;
mod stored;
mod summary;
mod tally;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::uses::{Uses, check_names};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Period, Span};
use crate::error::Result;
use crate::frame::write;
use crate::statistics::ratio;
use tally::Question;

/// What [`Activity::breadth`] should count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreadthOptions {
    period: Period,
    available: Option<Vec<String>>,
    between: Option<(Date, Date)>,
}

impl BreadthOptions {
    /// Distinct features used per actor and calendar period.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self { period, available: None, between: None }
    }

    /// The features that count, in every period: only these are counted, and all of them are available, used or not. The
    /// default is all that were seen in use by anybody up to the end of the period, so that a feature that came in May
    /// does not make April look narrow.
    #[must_use]
    pub fn available(mut self, features: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.available = Some(features.into_iter().map(Into::into).collect());
        self
    }

    /// Reports only periods that lie at least in part between two days. The default is the whole observation. What is
    /// available is still judged by the whole history up to the period.
    #[must_use]
    pub fn between(mut self, first: Date, last: Date) -> Self {
        self.between = Some((first, last));
        self
    }

    fn check(&self) -> Result<()> {
        self.available.as_ref().map_or(Ok(()), |names| check_names("available", names))
    }
}

impl From<Period> for BreadthOptions {
    fn from(period: Period) -> Self {
        Self::new(period)
    }
}

/// The actors of one period by the number of distinct features they used in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredBreadthPeriod")]
pub struct BreadthPeriod {
    /// The period.
    pub span: Span,
    /// How much of it was observed.
    pub coverage: Coverage,
    /// The features available in it, and so the most that an actor can use.
    pub available: u32,
    /// Actors who used at least 0, 1, 2, ... features, up to the most that anybody used.
    at_least: Vec<u64>,
}

impl BreadthPeriod {
    /// Actors active in the period, with whatever feature or none: the denominator.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.at_least.first().copied().unwrap_or(0)
    }

    /// Actors who used at least so many distinct features; `None` for more than are available.
    #[must_use]
    pub fn at_least(&self, features: u32) -> Option<u64> {
        (features <= self.available).then(|| self.count(features))
    }

    /// Actors who used exactly so many distinct features; `None` for more than are available.
    #[must_use]
    pub fn exactly(&self, features: u32) -> Option<u64> {
        Some(self.at_least(features)? - self.count(features + 1))
    }

    /// The share of the active actors who used exactly so many; `None` without one, or unless the period is observed.
    #[must_use]
    pub fn share(&self, features: u32) -> Option<f64> {
        self.rate(self.exactly(features)?)
    }

    /// The share of the active actors who used at least so many; `None` without one, or unless the period is observed.
    #[must_use]
    pub fn share_at_least(&self, features: u32) -> Option<f64> {
        self.rate(self.at_least(features)?)
    }

    /// The most features that any actor used.
    #[must_use]
    pub fn most(&self) -> u32 {
        u32::try_from(self.at_least.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// How many features an active actor used, in the mean; `None` without one, or unless the period is observed.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        // Whoever used k features is counted k times, under 1 to k.
        self.rate(self.at_least.iter().skip(1).sum())
    }

    /// The median of the features used, half way between the two in the middle; `None` where the mean is.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.mean()?;
        let active = self.active();
        // In ascending order the actor of rank r, from 0, used k or more if all from there on did.
        let at = |rank: u64| {
            let reaching = self.at_least.iter().skip(1).take_while(|&&count| count >= active - rank).count();
            u32::try_from(reaching).unwrap_or(u32::MAX)
        };
        Some(f64::midpoint(f64::from(at((active - 1) / 2)), f64::from(at(active / 2))))
    }

    /// The share of the available features that an active actor used, in the mean; `None` where the mean is, and where
    /// no feature is available.
    #[must_use]
    pub fn mean_share(&self) -> Option<f64> {
        let mean = self.mean()?;
        (self.available > 0).then(|| mean / f64::from(self.available))
    }

    fn count(&self, features: u32) -> u64 {
        usize::try_from(features).ok().and_then(|features| self.at_least.get(features)).copied().unwrap_or(0)
    }

    fn rate(&self, part: u64) -> Option<f64> {
        if self.coverage == Coverage::Observed { ratio(part, self.active()) } else { None }
    }
}

/// The answer of [`Activity::breadth`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredBreadth")]
pub struct Breadth {
    options: BreadthOptions,
    as_of: Date,
    /// How many periods of the observation come before the first reported one.
    skipped: usize,
    periods: Vec<BreadthPeriod>,
}

impl Activity {
    /// Breadth of use: how many distinct features each actor used in a period, and how these numbers are spread.
    ///
    /// ```text
    /// breadth(u, P)   = |{f : u used f on a day of P}|                          0 if u was active without a feature
    /// available(P)    = |{f : somebody used f up to the end of P}|              or the features that were named
    /// share(u, P)     = breadth(u, P) / available(P)
    /// at least(k, P)  = |{u active in P : breadth(u, P) >= k}|                  k = 0 is everybody active
    /// exactly(k, P)   = at least(k, P) - at least(k+1, P)
    /// mean(P)         = sum of breadth(u, P) / active actors of P               mean share: the mean of the shares
    /// ```
    ///
    /// The denominator of shares, mean and median is the actors active in the period, those without any feature among
    /// them. In a period that has not ended by [`as_of`](Activity::as_of), or that began before the observation, counts
    /// are given as far as they go and means are `None`: with fewer days to use anything everybody looks narrow. For the same
    /// reason breadths of periods of different lengths are not to be compared: the breadth of a quarter is that of the
    /// union of its months, at least the widest of them and nearly always more than their mean. What is available is what
    /// has been seen in use; a feature that is there and that nobody ever used is not known, so name the features with
    /// [`available`](BreadthOptions::available) where the list is known.
    ///
    /// The breadth of each actor is in [`actors_to_frame`](Breadth::actors_to_frame). After
    /// [`by_account`](Activity::by_account) it is that of all users of an account together.
    ///
    /// # Errors
    ///
    /// [`Error::NotMapped`](crate::Error::NotMapped) if the log was ingested without features;
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) if the list of available features is empty or names one
    /// twice; [`Error::TooLarge`](crate::Error::TooLarge) for more than 2^26 periods times features.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, BreadthOptions, Calendar, Coverage, EventColumns, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // January 2024: ann uses two features, bob one twice, cyd none. February up to the 9th: ann one, and a new one.
    /// let mut events = df!(
    ///     "user" => ["ann", "ann", "bob", "bob", "cyd", "ann", "ann"],
    ///     "day" => [1, 4, 5, 31, 9, 38, 40],
    ///     "feature" => [Some("chart"), Some("export"), Some("chart"), Some("chart"), None, Some("chart"), Some("share")],
    /// )?;
    /// events.apply("day", |day| (day + 19_722).cast(&DataType::Date).unwrap())?;
    /// let columns = EventColumns::new("user", "day").feature("feature");
    /// let activity = Activity::from_frame(&events, &columns, &Calendar::utc())?;
    ///
    /// let breadth = activity.breadth(Period::Month)?;
    /// let january = breadth.on(date(2024, 1, 1)).unwrap();
    /// assert_eq!((january.active(), january.available, january.most()), (3, 2, 2));
    /// assert_eq!([0, 1, 2].map(|k| january.exactly(k)), [Some(1); 3]);
    /// assert_eq!((january.mean(), january.median(), january.mean_share()), (Some(1.0), Some(1.0), Some(0.5)));
    /// let february = breadth.on(date(2024, 2, 1)).unwrap();
    /// assert_eq!((february.coverage, february.available, february.exactly(2)), (Coverage::Open, 3, Some(1)));
    /// assert_eq!(february.mean(), None);                             // it may still grow
    ///
    /// let actors = breadth.actors_to_frame(&activity)?;              // ann twice, bob, cyd
    /// assert_eq!(actors.column("features")?.u32()?.iter().flatten().collect::<Vec<_>>(), [2, 2, 1, 0]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Pendo, "Product Engagement Score": its adoption is how many of the core events the active visitors or accounts used, in
    /// the mean; the core events are named, as with [`available`](BreadthOptions::available). ChurnZero, Planhat and
    /// Vitally: distinct features used in a window, as part of a health score.
    pub fn breadth(&self, options: impl Into<BreadthOptions>) -> Result<Breadth> {
        let options = options.into();
        options.check()?;
        self.check_features()?;
        let table = self.periods(options.period);
        let question = Question::new(self.features(), &table, options.available.as_deref(), options.between);
        let tally = self.sweep_rows(
            question.cells()?,
            || question.tally(),
            |tally, _, rows, range| {
                if let Some(sets) = &rows.features {
                    let high = (&sets.high_row[..], &sets.high_feature[..]);
                    let uses = Uses::new((&rows.day, &sets.low), high, range, &mut tally.scratch.place);
                    question.count(tally, &uses);
                }
            },
            |tally, other| tally.join(&other),
        );
        let (first, as_of) = (self.observed_from(), self.as_of());
        let available = question.available(&tally, options.available.as_ref().map(Vec::len));
        let spans = table.spans()[question.reported.clone()].iter().zip(&available[question.reported.clone()]);
        let periods = spans.zip(tally.exactly.chunks(question.width)).map(|((&span, &available), exactly)| {
            let coverage = Coverage::of(span, first, as_of);
            BreadthPeriod { span, coverage, available, at_least: sums_from_above(exactly) }
        });
        let periods = periods.collect();
        Ok(Breadth { options, as_of, skipped: question.reported.start, periods })
    }
}

/// Per number how many have at least it, without the zeros behind the greatest.
fn sums_from_above(exactly: &[u32]) -> Vec<u64> {
    let end = exactly.iter().rposition(|&count| count > 0).map_or(0, |most| most + 1);
    let mut sums: Vec<u64> = exactly[..end].iter().map(|&count| u64::from(count)).collect();
    for place in (1..end).rev() {
        sums[place - 1] += sums[place];
    }
    sums
}

impl Breadth {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &BreadthOptions {
        &self.options
    }

    /// The last day of observation.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// The periods in order of time.
    #[must_use]
    pub fn periods(&self) -> &[BreadthPeriod] {
        &self.periods
    }

    /// The period that holds a day.
    #[must_use]
    pub fn on(&self, date: Date) -> Option<&BreadthPeriod> {
        let place = self.periods.partition_point(|period| period.span.end < date);
        self.periods.get(place).filter(|period| period.span.start <= date)
    }

    /// The periods as a frame, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `start`, `end` | Date | first and last day of the period |
    /// | `coverage` | String | `observed`, `truncated` or `open` |
    /// | `active` | UInt64 | actors active in it, with whatever feature or none |
    /// | `available` | UInt32 | features available |
    /// | `most` | UInt32 | the most features that any actor used |
    /// | `mean` | Float64 | features used by an active actor; null unless observed and somebody was active |
    /// | `median` | Float64 | likewise; null where the mean is |
    /// | `mean_share` | Float64 | `mean / available`; null where the mean is, and where no feature is available |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let of = &self.periods;
        let rate = |name: &str, rate: fn(&BreadthPeriod) -> Option<f64>| {
            write::column(name, of.iter().map(rate).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::dates("start", of.iter().map(|one| Some(one.span.start)))?,
            write::dates("end", of.iter().map(|one| Some(one.span.end)))?,
            write::column("coverage", of.iter().map(|one| one.coverage.name()).collect::<Vec<_>>()),
            write::column("active", of.iter().map(BreadthPeriod::active).collect::<Vec<_>>()),
            write::column("available", of.iter().map(|one| one.available).collect::<Vec<_>>()),
            write::column("most", of.iter().map(BreadthPeriod::most).collect::<Vec<_>>()),
            rate("mean", BreadthPeriod::mean),
            rate("median", BreadthPeriod::median),
            rate("mean_share", BreadthPeriod::mean_share),
        ])
    }

    /// The distributions as a long frame: periods in order of time, numbers of features ascending from 0 to the most that
    /// anybody used in the period. A period without an active actor has no row.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `start` | Date | first day of the period |
    /// | `coverage` | String | `observed`, `truncated` or `open` |
    /// | `features` | UInt32 | k, from 0 |
    /// | `exactly` | UInt64 | actors who used exactly k features |
    /// | `at_least` | UInt64 | actors who used k features or more |
    /// | `share` | Float64 | `exactly` over the active actors; null unless observed |
    /// | `share_at_least` | Float64 | `at_least` over the active actors; null where `share` is |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn distribution_to_frame(&self) -> Result<DataFrame> {
        let periods = self.periods.iter().filter(|period| period.active() > 0);
        let all: Vec<(&BreadthPeriod, u32)> =
            periods.flat_map(|period| (0..=period.most()).map(move |k| (period, k))).collect();
        let of = || all.iter().copied();
        let rate = |name: &str, rate: fn(&BreadthPeriod, u32) -> Option<f64>| {
            write::column(name, of().map(|(period, k)| rate(period, k)).collect::<Vec<_>>())
        };
        let count = |name: &str, count: fn(&BreadthPeriod, u32) -> u64| {
            write::column(name, of().map(|(period, k)| count(period, k)).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::dates("start", of().map(|(period, _)| Some(period.span.start)))?,
            write::column("coverage", of().map(|(period, _)| period.coverage.name()).collect::<Vec<_>>()),
            write::column("features", of().map(|(_, k)| k).collect::<Vec<_>>()),
            count("exactly", |period, k| period.count(k) - period.count(k + 1)),
            count("at_least", BreadthPeriod::count),
            rate("share", BreadthPeriod::share),
            rate("share_at_least", BreadthPeriod::share_at_least),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::date;

    #[test]
    fn medians_by_hand() {
        let median = |exactly: &[u32]| {
            let span = Span { start: date(2024, 1, 1), end: date(2024, 1, 7) };
            let at_least = sums_from_above(exactly);
            BreadthPeriod { span, coverage: Coverage::Observed, available: 9, at_least }.median()
        };
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[0, 0]), None);
        assert_eq!(median(&[3]), Some(0.0));
        assert_eq!(median(&[0, 1]), Some(1.0));
        assert_eq!(median(&[1, 1]), Some(0.5));
        assert_eq!(median(&[1, 0, 0, 1, 0]), Some(1.5));
        assert_eq!(median(&[1, 2, 0, 1]), Some(1.0));
        assert_eq!(median(&[1, 1, 0, 2]), Some(2.0));
        assert_eq!(median(&[2, 1, 0, 2]), Some(1.0));
        assert_eq!(sums_from_above(&[2, 1, 0, 2, 0]), [5, 3, 2, 2]);
    }
}
