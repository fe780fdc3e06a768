//! How every account does on a day.

use std::collections::BTreeSet;
use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;

use super::account::{AccountHealth, Row};
use super::counts::HealthCounts;
use super::measures::known;
use super::options::HealthOptions;
use super::scoring::{Scored, Scorer, Segments};
use super::signal::HealthSignal;
use crate::activity::SegmentColumns;
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::ids::{Id, Ids};
use crate::portfolio::{Account, Membership, Portfolio};

/// How every account does on a day: what [`Portfolio::health`] gives.
#[derive(Clone, Debug)]
pub struct Health {
    pub(super) as_of: Date,
    pub(super) previous: Option<Date>,
    options: HealthOptions,
    pub(super) signals: Vec<HealthSignal>,
    profiles: Vec<String>,
    segments: Vec<String>,
    pub(super) accounts: Ids,
    rows: Vec<Row>,
}

impl Portfolio {
    /// How every account does, as known at the end of `as_of`: a score, a band, what it is made of, and what moved it.
    ///
    /// ```text
    /// score     Σ w s / Σ w          over the signals that were observed, s from 0 to 100
    /// coverage  Σ w observed / Σ w   over all; with less than half there is no band
    /// bands     poor [0, 33.3), average [33.3, 66.7), good [66.7, 100]
    /// change    the score less the one as of 28 days before
    /// ```
    ///
    /// [`HealthProfile`](crate::HealthProfile) has the weights, [`HealthMeasure`](crate::HealthMeasure) the signals. With
    /// [`HealthOptions::default`] new customers have a profile of their own. Higher is better.
    ///
    /// Whoever has left or lapsed is listed and not scored: churn turns no score green. All is as of the day, the score of
    /// before too, and tickets that were closed because an account left raise nothing. By given weights, what is asked today
    /// of a past day is what was answered then. Fitted weights see of an account only what was known on the day as well, but know
    /// themselves what became of accounts up to [`knows_until`](crate::FittedHealth::knows_until).
    ///
    /// The frames are [`Health::to_frame`] and [`Health::contributions_to_frame`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a day outside the observation, a profile without signals, weights
    /// that are not above 0, scales without length, bands out of order, and names of triggers that there are none of.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, HealthBand, HealthMeasure, HealthProfile, HealthScale};
    /// use attrition::{PaymentColumns, Portfolio, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("company" => ["acme", "brix", "acme"], "day" => [19_723, 19_723, 19_752])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let mut invoices = df!("company" => ["acme"], "due" => [19_737])?;
    /// invoices.apply("due", |day| day.cast(&DataType::Date).unwrap())?;
    /// let portfolio = Portfolio::new(activity)?.payments(&invoices, &PaymentColumns::new("company", "due"))?;
    ///
    /// let profile = HealthProfile::new("ours")
    ///     .weigh(HealthMeasure::DaysSinceLastEvent, 3.0, HealthScale::new(30.0, 0.0))
    ///     .weigh(HealthMeasure::DaysOverdue, 1.0, HealthScale::new(30.0, 0.0));
    /// let health = portfolio.health(date(2024, 1, 30), profile)?;
    /// // acme was there today and is 15 days overdue: (3 * 100 + 50) / 4.
    /// let acme = health.of("acme").unwrap();
    /// assert_eq!((acme.score, acme.band), (Some(87.5), Some(HealthBand::Good)));
    /// // brix was not for 29 days: (3 * 100 / 30 + 100) / 4. On January 2nd it scored 97.5.
    /// let brix = health.of("brix").unwrap();
    /// assert!((brix.score.unwrap() - 27.5).abs() < 1e-9);
    /// assert_eq!(brix.band, Some(HealthBand::Poor));
    /// assert!((brix.previous_score.unwrap() - 97.5).abs() < 1e-9);
    /// assert_eq!(brix.moved_by.unwrap().name(), "days_since_last_event");
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Weighted averages with three bands are what Totango, Vitally, Gainsight, ChurnZero and Catalyst compute. They
    /// differ in the edges of bands, which are half-open here, and in what a missing signal does: as with Vitally and zudo its
    /// weight goes to the others, and how much that was is told.
    pub fn health(&self, as_of: Date, options: impl Into<HealthOptions>) -> Result<Health> {
        self.health_of(as_of, options.into(), &Segments::Plan)
    }

    /// The same with segments of a frame of accounts in the place of plans, as in
    /// [`Activity::split_by`](crate::Activity::split_by). A segment of the frame holds for all days.
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health); [`Error::MissingColumn`](crate::Error::MissingColumn),
    /// [`Error::UnsupportedType`](crate::Error::UnsupportedType), [`Error::Incompatible`](crate::Error::Incompatible) and
    /// [`Error::TwoSegments`](crate::Error::TwoSegments) of the frame;
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for the profile of a segment that the frame does not have.
    pub fn health_by(
        &self,
        as_of: Date,
        options: impl Into<HealthOptions>,
        segments: &DataFrame,
        columns: &SegmentColumns,
    ) -> Result<Health> {
        let options = options.into();
        let segments = Segments::labels(self, &options, segments, columns)?;
        self.health_of(as_of, options, &segments)
    }

    fn health_of(&self, as_of: Date, options: HealthOptions, segments: &Segments) -> Result<Health> {
        let scorer = Scorer::new(&options)?;
        let now = scorer.day(self, as_of, segments)?;
        let previous = options.previous(self, as_of);
        let before = previous.map(|previous| scorer.day(self, previous, segments)).transpose()?;
        let day = as_of.days_since_epoch();
        let memberships: Vec<Option<Membership>> =
            (0..self.len()).into_par_iter().map(|number| known(self, number, day)).collect();
        let mut scored: Vec<[Option<Scored>; 2]> = vec![[const { None }; 2]; self.len()];
        for (side, of) in [(0, Some(now)), (1, before)] {
            let pairs = of.map(|of| of.customers.into_iter().zip(of.scored));
            pairs.into_iter().flatten().for_each(|(number, own)| scored[number as usize][side] = Some(own));
        }
        let listed: Vec<(usize, Membership)> =
            memberships.iter().enumerate().filter_map(|(number, &membership)| Some((number, membership?))).collect();
        let segment_of: Vec<Option<&str>> =
            listed.par_iter().map(|&(number, _)| segments.of(&Account::new(self, number, day))).collect();
        let names: BTreeSet<&str> = segment_of.iter().copied().flatten().collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut accounts = Ids::new(self.ids().id_type());
        let mut rows = Vec::with_capacity(listed.len());
        for ((number, membership), segment) in listed.into_iter().zip(segment_of) {
            accounts.push_from(self.ids(), number);
            let [now, before] = std::mem::take(&mut scored[number]);
            let before = before.filter(|_| now.is_some());
            let segment = segment.and_then(|name| names.binary_search_by(|other| other.as_str().cmp(name)).ok());
            rows.push(Row { membership, segment, now, before });
        }
        let signals = scorer.signals.iter().map(|&signal| signal.clone()).collect();
        let profiles = scorer.profiles.iter().map(|&name| name.to_owned()).collect();
        Ok(Health { as_of, previous, options, signals, profiles, segments: names, accounts, rows })
    }
}

impl Health {
    /// The day at whose end everything was known.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// The day with which scores are compared; `None` where it lies before the observation.
    #[must_use]
    pub fn previous(&self) -> Option<Date> {
        self.previous
    }

    /// The day up to which fitted weights know what became of accounts, where that is later than the day itself: such scores
    /// look better told apart than they could have been. `None` where they know nothing later, and for given weights.
    #[must_use]
    pub fn in_hindsight(&self) -> Option<Date> {
        self.options.hindsight_on(self.as_of)
    }

    /// The options it was asked with.
    #[must_use]
    pub fn options(&self) -> &HealthOptions {
        &self.options
    }

    /// All accounts that were known by then in the order of their ids, those that left or lapsed among them.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = AccountHealth<'_>> {
        (0..self.rows.len()).map(|place| self.at(place))
    }

    /// One account; `None` where nothing was known of it by then.
    #[must_use]
    pub fn of<'i>(&self, account: impl Into<Id<'i>>) -> Option<AccountHealth<'_>> {
        Some(self.at(self.accounts.position(account.into())?))
    }

    /// The customers with a band, those with the lowest scores first.
    #[must_use]
    pub fn worst(&self) -> impl ExactSizeIterator<Item = AccountHealth<'_>> {
        let mut order: Vec<(f64, usize)> = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            order.extend(row.now.as_ref().filter(|now| now.band.is_some()).map(|now| (now.score, place)));
        }
        order.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        order.into_iter().map(|(_, place)| self.at(place))
    }

    /// How many accounts do how.
    #[must_use]
    pub fn counts(&self) -> HealthCounts {
        let mut counts = HealthCounts::default();
        self.rows.iter().for_each(|row| counts.add(row.membership, row.now.as_ref().and_then(|now| now.band)));
        counts
    }

    /// The same segment by segment: in alphabetical order, and last those without one. They add up to [`counts`](Self::counts).
    #[must_use]
    pub fn counts_by_segment(&self) -> Vec<(Option<&str>, HealthCounts)> {
        let mut counts = vec![HealthCounts::default(); self.segments.len() + 1];
        for row in &self.rows {
            let place = row.segment.unwrap_or(self.segments.len());
            counts[place].add(row.membership, row.now.as_ref().and_then(|now| now.band));
        }
        let names = self.segments.iter().map(|name| Some(name.as_str())).chain([None]);
        names.zip(counts).filter(|(_, counts)| counts.accounts() > 0).collect()
    }

    fn at(&self, place: usize) -> AccountHealth<'_> {
        let row = &self.rows[place];
        AccountHealth {
            segment: row.segment.map(|segment| self.segments[segment].as_str()),
            profile: row.now.as_ref().map(|own| self.profiles[own.profile].as_str()),
            ..AccountHealth::new(self.accounts.get(place), row, &self.signals, self.previous)
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many lines of a kind are shown.
        const SHOWN: usize = 10;
        let counts = self.counts();
        write!(f, "{} customers as of {}; {} had left, ", counts.customers(), self.as_of, counts.left)?;
        writeln!(f, "{} had lapsed", counts.lapsed)?;
        if let Some(until) = self.in_hindsight() {
            writeln!(f, "in hindsight: the weights know what became of accounts up to {until}")?;
        }
        let segments = self.counts_by_segment();
        let wide = segments.iter().map(|(name, _)| name.map_or(1, str::len)).max().unwrap_or(0).max("segment".len());
        writeln!(f, "\n{:wide$} {:>8} {:>8} {:>8} {:>12}", "segment", "good", "average", "poor", "not observed")?;
        let mut line = |name: &str, of: HealthCounts| {
            writeln!(f, "{name:wide$} {:>8} {:>8} {:>8} {:>12}", of.good, of.average, of.poor, of.not_observed)
        };
        if segments.len() > 1 {
            segments.iter().take(SHOWN).try_for_each(|&(name, of)| line(name.unwrap_or("-"), of))?;
        }
        line("all", counts)?;
        let used: BTreeSet<usize> =
            self.rows.iter().filter_map(|row| row.now.as_ref()).map(|own| own.profile).collect();
        let idle = self.options.segment_places().filter(|(_, place)| !used.contains(place));
        let idle: Vec<&str> = idle.map(|(name, _)| name).collect();
        if !idle.is_empty() {
            writeln!(f, "nobody was scored by the profiles of these segments: {}", idle.join(", "))?;
        }
        for own in self.worst().take(SHOWN) {
            write!(f, "\n{}: {}", own.account, own.sentence())?;
        }
        write!(f, "\nall accounts are in to_frame(), what their scores are made of in contributions_to_frame()")
    }
}
