//! What is known of a customer at the moment of leaving: how long they stayed, how they used the product, and what had been
//! seen of it.

mod dates;
mod display;
mod engagement;
mod frames;
mod options;
mod replay;

pub(super) use display::median;
pub use engagement::{EngagementClass, EngagementTrend};
pub use options::EnrichmentOptions;
pub use replay::WarningOptions;

use std::ops::RangeInclusive;

use rayon::prelude::*;

use dates::dates;
use engagement::engagement;

use super::ChurnRecords;
use super::labels::Labels;
use super::rows::Rows;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::health::{HealthBand, HealthOptions};
use crate::portfolio::{Account, Portfolio};
use crate::statistics::Wilson;

/// The days before a cancellation whose features are those in use.
const RECENT_DAYS: i32 = 28;

/// How a customer had used the product when they left.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Departure {
    /// Since when they were a customer: as the record says; without that, the start of the first subscription, or the first
    /// active day where that lies after the beginning of the observation; of those who had left before, after that.
    pub member_since: Option<Date>,
    /// Days from then to the cancellation: the length of membership.
    pub tenure_days: Option<u32>,
    /// Days with activity, of those that were observed.
    pub active_days: u32,
    /// Days from the last activity to the cancellation; `None` where there was none.
    pub silence_days: Option<u32>,
    /// Active days a week, over the whole weeks up to the cancellation; `None` without one.
    pub level: Option<f64>,
    /// Active days a week over the last four weeks, or as many as there were.
    pub recent_level: Option<f64>,
    /// Whether the level rose or fell; `None` below eight weeks.
    pub trend: Option<EngagementTrend>,
    /// How it went; `None` without a whole week, and where nothing but little use was seen of one who began before the
    /// observation.
    pub class: Option<EngagementClass>,
    /// Distinct features used in the last 28 days; `None` where features are not mapped.
    pub recent_features: Option<u32>,
    /// Distinct features used at all.
    pub features: Option<u32>,
    /// The health score of the last date asked before the cancellation, which lies at most 28 days before it; `None` where the
    /// account was no customer then, or health was left out.
    pub health_score: Option<f64>,
    /// The band of the score; `None` too where too little was observed.
    pub health: Option<HealthBand>,
}

/// The answer of [`Portfolio::enrich`].
#[derive(Clone, Debug, PartialEq)]
pub struct Enrichment {
    options: EnrichmentOptions,
    customers: Ids,
    customer: Vec<u32>,
    day: Vec<i32>,
    departures: Vec<Option<Departure>>,
}

/// A cancellation of an account of the portfolio, on a day that was observed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) row: usize,
    pub(super) account: usize,
    pub(super) day: i32,
    /// The day of the cancellation before.
    pub(super) before: Option<i32>,
    pub(super) started: Option<i32>,
}

/// The records that something can be said of, in their order.
pub(super) fn those_who_left(portfolio: &Portfolio, records: &ChurnRecords) -> Vec<Left> {
    let activity = portfolio.activity();
    let observed: RangeInclusive<i32> =
        activity.observed_from().days_since_epoch()..=activity.as_of().days_since_epoch();
    let places = portfolio.ids().positions(records.customers());
    let mut before = vec![None; places.len()];
    let mut left = Vec::with_capacity(records.len());
    for (row, (&customer, &day)) in records.customer_numbers().iter().zip(records.days()).enumerate() {
        let before = before[customer as usize].replace(day);
        if let Some(account) = places[customer as usize].filter(|_| observed.contains(&day)) {
            let account = account as usize;
            left.push(Left { row, account, day, before, started: records.labels().started_on[row] });
        }
    }
    left
}

impl Portfolio {
    /// What is known of customers at the moment at which they left: length of membership, engagement and breadth.
    ///
    /// ```text
    /// membership   from member_since, or the beginning of the observation if that is later, to the day before the cancellation
    /// week         seven days; the last one ends before the cancellation, and a first one that is not whole counts for nothing
    /// level        active days / weeks                                        days a week, 0 to 7
    /// trend        slope of Theil and Sen of the weeks' active days, and the test of Mann and Kendall, over at most 52 weeks
    /// never took off   no four weeks in a row, or all where fewer, have a mean of 1 active day or more
    /// sudden stop      silent for 14 days or more and for longer than ever before, from weeks at least half as busy as usual
    /// fading           the trend falls with a p-value of at most 0.05, and the last four weeks are at most 2/3 as busy
    /// steady           all others
    /// ```
    ///
    /// The classes are tried in this order. All is as of the cancellation: what an account did later, and what became known
    /// later, makes no difference; the day of the cancellation, the first on which it was over, counts for nothing. Health is that of a date before
    /// it, as [`health`](Self::health) answers: dates lie 28 days apart, ends of weeks, the same whatever the records. It is
    /// what takes longest, as all customers of a date are scored ([`EnrichmentOptions::without_health`]).
    ///
    /// Nothing is said of a record whose customer is no account of the portfolio, or whose day lies outside the observation;
    /// [`Enrichment::unknown`] counts them. A portfolio of nothing but an activity is enough.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for options that make no sense, those of health among them.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::polars::prelude::*;
    /// use attrition::{
    ///     Activity, Calendar, Cancellation, ChurnRecords, EngagementClass, EnrichmentOptions, EventColumns, Portfolio,
    ///     Reason, Taxonomy, date,
    /// };
    ///
    /// // Twice a week in January and February, and then no more.
    /// let days: Vec<i32> = (0..8).flat_map(|week| [19_723 + 7 * week, 19_725 + 7 * week]).collect();
    /// let mut events = df!("company" => vec!["acme"; 16], "day" => days)?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let mut builder = Activity::builder(&EventColumns::new("company", "day"), &Calendar::utc());
    /// builder = builder.observed_from(date(2023, 12, 1)).as_of(date(2024, 6, 30));
    /// builder.push(&events)?;
    /// let portfolio = Portfolio::new(builder.finish()?)?;
    ///
    /// let gone = Cancellation::new("acme", date(2024, 3, 25), Reason::new("price", "too_expensive"));
    /// let records = ChurnRecords::of([gone], &Taxonomy::standard())?;
    /// let enrichment = portfolio.enrich(&records, EnrichmentOptions::new())?;
    /// let acme = enrichment.get(0).unwrap();
    /// assert_eq!((acme.member_since, acme.tenure_days), (Some(date(2024, 1, 1)), Some(84)));
    /// assert_eq!((acme.active_days, acme.silence_days), (16, Some(33)));
    /// assert_eq!((acme.level, acme.recent_level), (Some(16.0 / 12.0), Some(0.0)));
    /// assert_eq!(acme.class, Some(EngagementClass::SuddenStop));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// P. K. Sen (1968), "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1379-1389; H. B. Mann
    /// (1945), "Nonparametric tests against trend", Econometrica 13, 245-259.
    pub fn enrich(&self, records: &ChurnRecords, options: impl Into<EnrichmentOptions>) -> Result<Enrichment> {
        let options = options.into();
        options.check()?;
        let wilson = Wilson::new(0.95)?;
        let mut left = those_who_left(self, records);
        // In the order in which accounts lie in memory.
        left.par_sort_unstable_by_key(|left| (left.account, left.row));
        let mut found: Vec<Departure> =
            left.par_iter().with_min_len(64).map(|left| departure(self, left, &options, wilson)).collect();
        if let Some(health) = &options.health {
            self.health_before(&left, health, &mut found)?;
        }
        let mut departures = vec![None; records.len()];
        for (left, departure) in left.iter().zip(found) {
            departures[left.row] = Some(departure);
        }
        let (customers, customer) = (records.customers().clone(), records.customer_numbers().to_vec());
        Ok(Enrichment { options, customers, customer, day: records.days().to_vec(), departures })
    }

    /// Health at dates 28 days apart, each of them for those who left within the 28 days after it.
    fn health_before(&self, left: &[Left], options: &HealthOptions, found: &mut [Departure]) -> Result<()> {
        for date in dates(self, left, RECENT_DAYS.unsigned_abs(), RECENT_DAYS.unsigned_abs()) {
            let day = date.days_since_epoch();
            let after = |left: &Left| (1..=RECENT_DAYS).contains(&(left.day - day));
            let member = |left: &Left| left.before.is_none_or(|before| before < day);
            let own: Vec<usize> =
                (0..left.len()).filter(|&place| after(&left[place]) && member(&left[place])).collect();
            if own.is_empty() {
                continue;
            }
            let health = self.health(date, options.clone())?;
            for place in own {
                if let Some(of) = health.of(self.ids().get(left[place].account)) {
                    (found[place].health_score, found[place].health) = (of.score, of.band);
                }
            }
        }
        Ok(())
    }
}

fn departure(portfolio: &Portfolio, left: &Left, options: &EnrichmentOptions, wilson: Wilson) -> Departure {
    // The cancellation is of the first day on which it was over.
    let end = left.day - 1;
    let account = Account::new(portfolio, left.account, end);
    let observed = account.observed_from().days_since_epoch();
    let again = left.before.map_or(i32::MIN, |before| before + 1);
    let since = left.started.or_else(|| began(&account, again));
    let start = since.unwrap_or(observed).max(observed).max(again).min(left.day);
    let rows = account.within(start..=end);
    let days = &account.rows().day[rows.clone()];
    // One who is silent from the first day on has a beginning only where it is known from elsewhere.
    let from_the_start = since.is_some_and(|since| since >= observed);
    let engagement = engagement(days, (start, end), from_the_start, options, wilson);
    let used = |from: i32| {
        let sets = account.rows().features.as_ref()?;
        let mut features: Vec<u32> = account.within(from.max(start)..=end).flat_map(|row| sets.of(row)).collect();
        features.sort_unstable();
        features.dedup();
        u32::try_from(features.len()).ok()
    };
    Departure {
        member_since: since.map(Date::from_day),
        tenure_days: since.and_then(|since| u32::try_from(left.day - since).ok()),
        active_days: u32::try_from(days.len()).unwrap_or(u32::MAX),
        silence_days: days.last().and_then(|last| u32::try_from(left.day - last).ok()),
        level: engagement.level,
        recent_level: engagement.recent_level,
        trend: engagement.trend,
        class: engagement.class,
        recent_features: used(left.day - RECENT_DAYS),
        features: used(i32::MIN),
        health_score: None,
        health: None,
    }
}

/// The first day of the membership that began on a day or later.
fn began(account: &Account<'_>, from: i32) -> Option<i32> {
    if let Some(mut terms) = account.subscriptions()
        && let Some(term) = terms.find(|term| term.start.days_since_epoch() >= from)
    {
        return Some(term.start.days_since_epoch());
    }
    let first = *account.days().iter().find(|&&day| day >= from)?;
    // What is active on the first day of all may have been before.
    (first > account.observed_from().days_since_epoch()).then_some(first)
}

/// # Enriched records
impl ChurnRecords {
    /// The same records with what was found of them: the start of membership where a record names none, the class of
    /// engagement as the attribute `engagement`, and the band of health as `health`. So reasons can be asked by tenure, cohort,
    /// engagement and health ([`reasons_by`](Self::reasons_by)). An attribute that nothing was found for is not there.
    ///
    /// What the records say themselves stays. Where they have an attribute of that name which says something else, the
    /// ones found need another: see [`EnrichmentOptions::attributes`].
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`] for the enrichment of other records; [`Error::InvalidOption`], naming it, for an attribute
    /// that the records have already and that says something else.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::polars::prelude::*;
    /// use attrition::{
    ///     Activity, Calendar, Cancellation, ChurnRecords, EnrichmentOptions, EventColumns, Portfolio, Reason, Taxonomy, date,
    /// };
    ///
    /// let mut events = df!("company" => ["acme", "brix"], "day" => [19_724, 19_723])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let mut builder = Activity::builder(&EventColumns::new("company", "day"), &Calendar::utc()).as_of(date(2024, 3, 1));
    /// builder.push(&events)?;
    /// let portfolio = Portfolio::new(builder.finish()?)?;
    /// let gone = Cancellation::new("acme", date(2024, 2, 1), Reason::new("product", "not_used"));
    /// let records = ChurnRecords::of([gone], &Taxonomy::standard())?;
    ///
    /// let enriched = records.enriched(&portfolio.enrich(&records, EnrichmentOptions::new())?)?;
    /// assert_eq!(enriched.get(0).started_on, Some(date(2024, 1, 2)));
    /// assert_eq!(enriched.get(0).attributes["engagement"], "never_took_off");
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn enriched(&self, enrichment: &Enrichment) -> Result<Self> {
        let same = enrichment.day == self.days()
            && enrichment.customer == self.customer_numbers()
            && enrichment.customers == *self.customers();
        if !same {
            let (left, right) = (enrichment.len().to_string(), self.len().to_string());
            let way_out = "enrich the records that are asked";
            return Err(Error::Incompatible {
                what: "the records of the enrichment and those asked",
                left,
                right,
                way_out,
            });
        }
        let mut rows = self.labels().clone();
        for (start, departure) in rows.started_on.iter_mut().zip(&enrichment.departures) {
            let since = || departure.as_ref()?.member_since.map(Date::days_since_epoch);
            *start = start.or_else(since);
        }
        let class = |departure: &Option<Departure>| departure.as_ref()?.class.map(EngagementClass::name);
        let health = |departure: &Option<Departure>| departure.as_ref()?.health.map(HealthBand::name);
        let [engagement_name, health_name] = &enrichment.options.attributes;
        for (name, found) in [
            (engagement_name, Labels::of(enrichment.departures.iter().map(class))),
            (health_name, Labels::of(enrichment.departures.iter().map(health))),
        ] {
            add_attribute(&mut rows, name, found)?;
        }
        Ok(self.with_rows(rows))
    }
}

/// Adds an attribute that some record has, unless the records say something else under its name.
fn add_attribute(rows: &mut Rows, name: &str, found: Labels) -> Result<()> {
    if found.names().is_empty() {
        return Ok(());
    }
    if let Some(said) = rows.attributes.get(name) {
        let differs = |row: usize| said.get(row).is_some_and(|said| found.get(row) != Some(said));
        if (0..said.codes().len()).any(differs) {
            let reason = "is an attribute of the records already, and says something else; give what is found another name \
                          with EnrichmentOptions::attributes";
            return Err(Error::InvalidOption { option: "attribute", value: format!("{name:?}"), reason });
        }
    }
    rows.attributes.insert(name.to_owned(), found);
    Ok(())
}

impl Enrichment {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &EnrichmentOptions {
        &self.options
    }

    /// How many records there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.departures.len()
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.departures.is_empty()
    }

    /// How many records nothing can be said of.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.departures.iter().filter(|departure| departure.is_none()).count()
    }

    /// What is known of the record at a place; `None` where that is nothing.
    ///
    /// # Panics
    ///
    /// If there is no such place, as do the others below.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&Departure> {
        self.departures[row].as_ref()
    }

    /// The customer of a record.
    #[must_use]
    pub fn customer(&self, row: usize) -> Id<'_> {
        self.customers.get(self.customer[row] as usize)
    }

    /// The date of a record.
    #[must_use]
    pub fn date(&self, row: usize) -> Date {
        Date::from_day(self.day[row])
    }
}
