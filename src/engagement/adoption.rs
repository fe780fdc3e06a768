//! Feature adoption: who uses which feature, how soon, how often, and whether those who did stay.

mod frames;
mod measures;
mod options;
mod stored;
mod summary;
mod tally;

pub use options::{AdoptionOptions, Landmark};

use serde::{Deserialize, Serialize};

use super::uses::{Uses, slots};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Span};
use crate::error::Result;
use crate::statistics::{Interval, Wilson, ratio, two_proportions};
use measures::{feature, sides};
use tally::{Judged, Question, Tally, Usage};

/// One feature, over the whole observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredFeatureAdoption")]
pub struct FeatureAdoption {
    /// Its name.
    pub feature: String,
    /// The first day on which anybody used it; `None` if nobody did.
    pub first_used: Option<Date>,
    /// Actors who ever used it.
    pub adopters: u64,
    /// All actors: the denominator of the reach.
    pub actors: u64,
    /// `adopters / actors`; `None` without an actor.
    pub reach: Option<f64>,
    /// The Wilson interval of the reach.
    pub reach_interval: Option<Interval>,
    /// Active days with the feature, summed over its users.
    pub days: u64,
    /// How long it took adopters to get there; `None` if there is none.
    pub time_to_first_use: Option<TimeToFirstUse>,
    /// Of those observed so long, actors who used it within [`within_days`](AdoptionOptions::within_days) of their first
    /// activity.
    pub adopted_within: u64,
    /// Actors whose first so many days have passed: the denominator.
    pub observed_within: u64,
    /// `adopted_within / observed_within`; `None` without a denominator.
    pub share_within: Option<f64>,
    /// The Wilson interval of this share.
    pub share_within_interval: Option<Interval>,
    /// Those who adopted it in time beside those who did not.
    pub retention: AdoptionRetention,
}

/// Days from the first activity to the first use of a feature: 0 is on the same day.
///
/// Over adopters only, so it says how soon those came to it who did. Who has not come yet is not in it, and with more time
/// to look at, late ones join: the numbers of a young product are small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeToFirstUse {
    /// The adopters it rests on: all, or those first active between two days.
    pub adopters: u64,
    /// A quarter of them took at most so many days; interpolated between neighbours, as R, NumPy and polars do.
    pub lower_quartile: f64,
    /// Half of them.
    pub median: f64,
    /// Three quarters of them.
    pub upper_quartile: f64,
}

/// Retention of the actors who adopted a feature in time, and of all others who were followed as long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdoptionRetention {
    /// Actors judged who adopted the feature in time.
    pub adopters: u64,
    /// Those of them who were retained.
    pub adopters_retained: u64,
    /// Actors judged who did not adopt it in time, though they may have done so later.
    pub others: u64,
    /// Those of them who were retained.
    pub others_retained: u64,
    /// The difference within cohorts, put together; `None` where no cohort has both.
    pub difference: Option<AdoptionDifference>,
}

impl AdoptionRetention {
    /// The share of the adopters who were retained, over all cohorts; `None` if there is none.
    #[must_use]
    pub fn adopters_rate(&self) -> Option<f64> {
        ratio(self.adopters_retained, self.adopters)
    }

    /// The share of the others who were retained, over all cohorts; `None` if there is none.
    #[must_use]
    pub fn others_rate(&self) -> Option<f64> {
        ratio(self.others_retained, self.others)
    }
}

/// The difference in retention between adopters and others who began in the same period.
///
/// An association. It does not say that the feature made anybody stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdoptionDifference {
    /// The cohorts it rests on: those with both adopters and others.
    pub cohorts: u64,
    /// The Mantel-Haenszel mean over these cohorts of the adopters' rate less the others'. It compares like with like, so
    /// it is not the difference of the two rates over all cohorts.
    pub difference: f64,
    /// The standard error of the difference; Sato's. 0 where nobody or everybody was retained on both sides, so the
    /// interval is not made from it.
    pub standard_error: f64,
    /// Newcombe's interval, from the Wilson intervals of the two weighted rates. It is not widened for the number of
    /// features.
    pub interval: Interval,
    /// Two-sided, of this feature alone: of the Cochran-Mantel-Haenszel test.
    pub p_value: f64,
    /// The p-value corrected for the number of features with a difference.
    pub adjusted_p_value: f64,
    /// The smallest of the counts that would be expected without a difference. Below 5 the p-value is rough.
    pub smallest_expected: f64,
}

/// One feature in one period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeaturePeriod {
    /// The period.
    pub span: Span,
    /// How much of it was observed.
    pub coverage: Coverage,
    /// Actors active in it, with whatever feature or none: the denominator.
    pub active: u64,
    /// Those of them who used the feature in it.
    pub users: u64,
    /// `users / active`; `None` without an active actor, or unless the period is observed.
    pub penetration: Option<f64>,
    /// The Wilson interval of the penetration.
    pub interval: Option<Interval>,
    /// Actors whose first use of the feature in the whole history lies in the period.
    pub first_uses: u64,
    /// Active days with the feature, summed over its users.
    pub days: u64,
    /// `days / users`; `None` without a user, or unless the period is observed.
    pub days_per_user: Option<f64>,
}

/// Adopters of a feature and others of one cohort.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CohortAdoption {
    /// The period of their first activity.
    pub cohort: Span,
    /// [`Coverage::Truncated`] if the period begins before the observation, [`Coverage::Open`] if it has not ended.
    pub coverage: Coverage,
    /// Actors judged who adopted in time.
    pub adopters: u64,
    /// Those of them who were retained.
    pub adopters_retained: u64,
    /// Actors judged who did not.
    pub others: u64,
    /// Those of them who were retained.
    pub others_retained: u64,
    /// The adopters' rate less the others'; `None` unless there are both.
    pub difference: Option<f64>,
    /// Newcombe's interval of the difference.
    pub interval: Option<Interval>,
}

/// The answer of [`Activity::adoption`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredAdoption")]
pub struct Adoption {
    options: AdoptionOptions,
    as_of: Date,
    actors: u64,
    followed: u64,
    features: Vec<FeatureAdoption>,
    periods: Vec<(Span, Coverage)>,
    active: Vec<u32>,
    /// Period by period, and within each feature by feature.
    usage: Vec<Usage>,
    /// Cohort by cohort, judged and retained; and within each feature by feature.
    eligible: Vec<Judged>,
    adopters: Vec<Judged>,
}

/// # Features
impl Activity {
    /// How features are taken up: by how many, how soon, how often, and how those who did are retained.
    ///
    /// ```text
    /// reach(f)           actors who ever used f / all actors
    /// penetration(f, P)  actors who used f in period P / actors active in P
    /// first uses(f, P)   actors whose first use of f in the whole history lies in P       summed over P: the reach
    /// days per user      active days with f in P / actors who used f in P
    /// time to first use  day of first use - day of first activity, over adopters          0 is on the same day
    /// share within n     actors who used f on one of days 0 ..= n-1 / actors whose days 0 ..= n-1 have passed
    ///
    /// days of an actor are counted from the first activity, day 0; n = within_days, a = landmark, m = retained_from,
    /// w = window
    /// judged             actors whose days up to m+w-1 have passed, and who were active on one of days n ..= n+a-1
    /// adopters(f)        of these, those who used f on one of days 0 ..= n-1; all others are the others
    /// retained           active on at least one of days m ..= m+w-1
    /// difference(f)      Σ_c w_c (rate of adopters - rate of others in c) / Σ_c w_c,   w_c = n1 n2 / (n1 + n2)
    ///                    over cohorts c of first activity with n1 adopters and n2 others
    /// ```
    ///
    /// An event without a feature is activity and no use of anything: such actors are in every denominator. Shares are
    /// of 1, times in whole local days. In a period that has not ended by [`as_of`](Activity::as_of), or that began
    /// before the observation, counts are given as far as they go and shares are `None`. "First" is judged by the history
    /// that is there: if the log starts late, see [`first_active_between`](AdoptionOptions::first_active_between).
    ///
    /// **The difference in retention is an association and not the effect of the feature.** Whoever means to stay looks
    /// around more. To ask what a feature does, take the day of first use as the day of taking part and ask
    /// [`programme_impact`](Activity::programme_impact), which compares people who were as active before and were there on the
    /// same day; or let chance decide who gets the feature.
    ///
    /// What can be done is to leave out the traps that make the difference wrong even as an association:
    ///
    /// - *Immortal time.* Whoever adopted on day 100 stayed 100 days to do so, so "ever adopted" against "never" finds
    ///   staying in staying. Here one adopts in days 0 to n-1 or not, the same days for all, and retention is judged
    ///   later, so that adopting is itself no sign of being retained. Who adopts later stays among the others: choosing
    ///   people by what they do later would bring the trap back.
    /// - *Those who were gone.* Whoever left on day 1 hardly had time to adopt. Put among the others they alone make a
    ///   difference. So this is a landmark analysis: both groups have to reach the landmark, shown by activity on one
    ///   of the a days after the time for adopting, before the days that decide. Where a feature keeps people from
    ///   leaving in the first days, this leaves that part out; [`Landmark::Everybody`] holds it, and holds those
    ///   who were gone.
    /// - *Unequal follow-up.* Only actors whose days up to m+w-1 have passed are judged, so nobody is lost for
    ///   having come lately.
    /// - *Mixed cohorts.* If the product gets better, late cohorts adopt more and stay more. Like is compared with like,
    ///   within a cohort, and cohorts from before the feature was there, having no adopter, say nothing.
    /// - *Many features.* Of twenty without any difference one has a p-value below 0.05, so they are corrected.
    ///
    /// After [`by_account`](Activity::by_account) accounts adopt and are retained.
    ///
    /// # Errors
    ///
    /// [`Error::NotMapped`](crate::Error::NotMapped) if the log was ingested without features;
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a number of days outside 1 to 36525, retention judged
    /// before the landmark's days are over, an empty list of features or one that names a feature twice, and a confidence
    /// outside 0 to 1; [`Error::TooLarge`](crate::Error::TooLarge) for more than 2^26 counts, of which every feature has one a
    /// day and six a period.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, AdoptionOptions, Calendar, EventColumns, Landmark, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // Four people come on 1 January 2024. Two of them export something in the first two days, and come in the second
    /// // week, as does one of the others. Then comes eve.
    /// let mut events = df!(
    ///     "user" => ["ann", "ann", "ann", "bob", "bob", "bob", "cyd", "cyd", "cyd", "dan", "dan", "eve"],
    ///     "day" => [1, 2, 10, 1, 3, 9, 1, 3, 12, 1, 3, 16],
    ///     "feature" => [None, Some("export"), None, Some("export"), None, None, Some("chart"), None, Some("export"),
    ///         Some("chart"), None, None],
    /// )?;
    /// events.apply("day", |day| (day + 19_722).cast(&DataType::Date).unwrap())?;
    /// let columns = EventColumns::new("user", "day").feature("feature");
    /// let activity = Activity::from_frame(&events, &columns, &Calendar::utc())?;
    ///
    /// let options = AdoptionOptions::new(Period::Week)
    ///     .within_days(2)
    ///     .landmark(Landmark::SeenWithin(3))
    ///     .retained_from(7)
    ///     .window(7);
    /// let adoption = activity.adoption(options)?;
    /// let export = adoption.feature("export").unwrap();
    /// assert_eq!((export.adopters, export.actors, export.reach), (3, 5, Some(0.6)));
    /// assert_eq!(export.time_to_first_use.unwrap().median, 1.0);          // after 0, 1 and 11 days
    /// // eve's first two days have not passed.
    /// assert_eq!((export.adopted_within, export.observed_within, export.share_within), (2, 4, Some(0.5)));
    /// let retention = export.retention;
    /// assert_eq!((retention.adopters_retained, retention.adopters), (1, 1)); // ann was not seen on days 2 to 4
    /// assert_eq!((retention.others_retained, retention.others), (1, 2));
    /// assert_eq!(retention.difference.unwrap().difference, 0.5);
    /// assert!(retention.difference.unwrap().interval.lower < 0.0);           // three people say little
    /// let second = adoption.on("export", date(2024, 1, 10)).unwrap();
    /// assert_eq!((second.active, second.users, second.first_uses), (3, 1, 1));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Pendo, "Core events": time to first use, and account retention by usage, of those who used the event in their
    /// first 30 days against all. Amplitude, "Compass": an event in the first days and retention in the second week,
    /// by their correlation, without an interval. Mixpanel, "Signal": the same by the phi coefficient, at the threshold where it
    /// is greatest. K. Rodden, H. Hutchinson and X. Fu (2010), "Measuring the user experience on a large scale", CHI
    /// 2010, 2395-2398, for adoption as a measure. J. R. Anderson, K. C. Cain and R. D. Gelber (1983), "Analysis of
    /// survival by tumor response", Journal of Clinical Oncology 1, 710-719, for the landmark; S. Suissa (2008), "Immortal
    /// time bias in pharmacoepidemiology", American Journal of Epidemiology 167, 492-499. R. J. Hyndman and Y. Fan (1996),
    /// "Sample quantiles in statistical packages", The American Statistician 50, 361-365, definition 7, for the quartiles.
    pub fn adoption(&self, options: impl Into<AdoptionOptions>) -> Result<Adoption> {
        let options = options.into();
        let wilson = options.check()?;
        self.check_features()?;
        let names = options.features.as_deref().unwrap_or_else(|| self.features());
        let table = self.periods(options.period);
        let question = Question::new(self, &table, slots(self.features(), names), &options);
        let tally = self.sweep_rows(
            question.cells()?,
            || question.tally(),
            |tally, _, rows, range| {
                if let Some(sets) = &rows.features {
                    let high = (&sets.high_row[..], &sets.high_feature[..]);
                    let uses = Uses::new((&rows.day, &sets.low), high, range, &mut tally.place);
                    question.count(tally, &uses);
                }
            },
            |tally, other| tally.join(&other),
        );

        let (first, as_of) = (self.observed_from(), self.as_of());
        let actors = self.actors() as u64;
        let mut features: Vec<FeatureAdoption> = names
            .iter()
            .enumerate()
            .map(|(slot, name)| feature(name, slot, actors, &question, &tally, wilson))
            .collect();
        let mut differences: Vec<&mut AdoptionDifference> =
            features.iter_mut().filter_map(|feature| feature.retention.difference.as_mut()).collect();
        let p_values: Vec<f64> = differences.iter().map(|difference| difference.p_value).collect();
        let adjusted = options.correction.adjust(&p_values);
        differences.iter_mut().zip(adjusted).for_each(|(difference, p)| difference.adjusted_p_value = p);
        let periods = table.spans().iter().map(|&span| (span, Coverage::of(span, first, as_of))).collect();
        let Tally { followed, active, usage, eligible, adopters, .. } = tally;
        Ok(Adoption { options, as_of, actors, followed, features, periods, active, usage, eligible, adopters })
    }
}

impl Adoption {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &AdoptionOptions {
        &self.options
    }

    /// The last day of observation.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// All actors: the denominator of the reach.
    #[must_use]
    pub fn actors(&self) -> u64 {
        self.actors
    }

    /// Actors who were followed to the end of the days that decide who was retained.
    #[must_use]
    pub fn followed(&self) -> u64 {
        self.followed
    }

    /// Those of them who were judged: all with [`Landmark::Everybody`], else those who reached the landmark. Every one
    /// is an adopter of a feature or one of its others.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.eligible.iter().map(|&[judged, _]| u64::from(judged)).sum()
    }

    /// The features in alphabetical order, or in the order they were asked for.
    #[must_use]
    pub fn features(&self) -> &[FeatureAdoption] {
        &self.features
    }

    /// One feature; `None` if it is not reported.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&FeatureAdoption> {
        self.features.iter().find(|feature| feature.feature == name)
    }

    /// The features whose difference in retention has an adjusted p-value of at most 1 less the confidence.
    pub fn significant(&self) -> impl Iterator<Item = &FeatureAdoption> {
        let level = 1.0 - self.options.confidence;
        let below = move |difference: AdoptionDifference| difference.adjusted_p_value <= level;
        self.features.iter().filter(move |feature| feature.retention.difference.is_some_and(below))
    }

    /// A feature in every period of the observation, in order of time; empty if the feature is not reported.
    pub fn periods(&self, feature: &str) -> impl Iterator<Item = FeaturePeriod> + '_ {
        let slot = self.features.iter().position(|other| other.feature == feature);
        slot.into_iter().flat_map(|slot| self.periods_of(slot))
    }

    /// A feature in the period that holds a day.
    #[must_use]
    pub fn on(&self, feature: &str, date: Date) -> Option<FeaturePeriod> {
        let place = self.periods.partition_point(|(span, _)| span.end < date);
        self.periods(feature).nth(place).filter(|period| period.span.start <= date)
    }

    /// Adopters of a feature and others, cohort by cohort in order of time, those without anybody judged too; empty if
    /// the feature is not reported.
    pub fn cohorts(&self, feature: &str) -> impl Iterator<Item = CohortAdoption> + '_ {
        let slot = self.features.iter().position(|other| other.feature == feature);
        slot.into_iter().flat_map(|slot| self.cohorts_of(slot))
    }

    fn periods_of(&self, slot: usize) -> impl Iterator<Item = FeaturePeriod> + '_ {
        let wilson = self.wilson();
        let asked = self.features.len();
        self.periods.iter().enumerate().map(move |(place, &(span, coverage))| {
            let Usage { days, users, first_uses } = self.usage[place * asked + slot];
            let (active, users) = (u64::from(self.active[place]), u64::from(users));
            let observed = coverage == Coverage::Observed;
            FeaturePeriod {
                span,
                coverage,
                active,
                users,
                penetration: if observed { ratio(users, active) } else { None },
                interval: wilson.filter(|_| observed).and_then(|wilson| wilson.interval(users, active)),
                first_uses: u64::from(first_uses),
                days,
                days_per_user: if observed { ratio(days, users) } else { None },
            }
        })
    }

    fn cohorts_of(&self, slot: usize) -> impl Iterator<Item = CohortAdoption> + '_ {
        let wilson = self.wilson();
        let adopters = self.adopters.iter().skip(slot).step_by(self.features.len()).copied();
        self.periods.iter().zip(sides(adopters, &self.eligible)).map(move |(&(cohort, coverage), pair)| {
            let contrast = wilson.and_then(|wilson| two_proportions(pair, wilson));
            let [adopters, others] = pair;
            CohortAdoption {
                cohort,
                coverage,
                adopters: adopters.whole,
                adopters_retained: adopters.part,
                others: others.whole,
                others_retained: others.part,
                difference: contrast.map(|contrast| contrast.difference),
                interval: contrast.map(|contrast| contrast.interval),
            }
        })
    }

    /// The intervals asked for; the confidence was judged when the question was put.
    fn wilson(&self) -> Option<Wilson> {
        Wilson::new(self.options.confidence).ok()
    }
}
