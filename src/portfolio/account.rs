//! One account, as known on a day.

use std::ops::{Range, RangeInclusive};

use super::{Answer, Contact, Limit, Membership, Payment, Portfolio, Subscription, Tables, Ticket};
use crate::activity::Rows;
use crate::calendar::{Calendar, Date};
use crate::frame::ids::Id;

/// One account, as known at the end of a day: nothing later can be seen through it.
///
/// Whatever a table says is `None` where the table was not added to the portfolio, and empty where it says nothing of
/// this account.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    portfolio: &'a Portfolio,
    number: usize,
    as_of: i32,
    /// The first row of the activity, and the first that is not known yet.
    start: usize,
    end: usize,
}

/// A day on which an account, or a person, was active.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ActiveDay<'a> {
    /// The local day.
    pub date: Date,
    /// The number of events.
    pub events: u32,
    /// The sum of the values; `None` where values are not mapped.
    pub value: Option<f64>,
    /// The features used, in alphabetical order; empty where features are not mapped.
    pub features: Vec<&'a str>,
}

/// Who acted for an account.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    id: Id<'a>,
    rows: &'a Rows,
    features: &'a [String],
    start: usize,
    end: usize,
}

impl<'a> Account<'a> {
    /// The account with a number, as known at the end of a day.
    pub(crate) fn new(portfolio: &'a Portfolio, number: usize, as_of: i32) -> Self {
        let ledger = portfolio.by_account.ledger();
        let rows = portfolio.place[number].map_or(0..0, |place| ledger.rows_of(place as usize));
        let end = rows.start + ledger.rows.day[rows.clone()].partition_point(|&day| day <= as_of);
        Self { portfolio, number, as_of, start: rows.start, end }
    }

    /// The same account, as known at the end of another day.
    pub(crate) fn on(&self, day: i32) -> Self {
        Self::new(self.portfolio, self.number, day)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Id<'a> {
        self.portfolio.ids.get(self.number)
    }

    /// The day at whose end it is seen.
    #[must_use]
    pub fn as_of(&self) -> Date {
        Date::from_day(self.as_of)
    }

    /// The first day of the observation: activity before it is not known.
    #[must_use]
    pub fn observed_from(&self) -> Date {
        self.portfolio.by_account.observed_from()
    }

    /// Whether it is a customer.
    #[must_use]
    pub fn membership(&self) -> Membership {
        Membership::of(self, self.portfolio.lapsed_after)
    }

    /// Since when it is a customer: the start of the first subscription; without one the first active day, if that lies
    /// after the beginning of the observation, for otherwise it may have been active before.
    #[must_use]
    pub fn member_since(&self) -> Option<Date> {
        let subscribed = self.subscriptions().and_then(|mut terms| terms.next()).map(|term| term.start);
        subscribed.or_else(|| self.first_active().filter(|&first| first > self.observed_from()))
    }

    /// The first day on which it was active.
    #[must_use]
    pub fn first_active(&self) -> Option<Date> {
        self.days().first().copied().map(Date::from_day)
    }

    /// The last day on which it was active.
    #[must_use]
    pub fn last_active(&self) -> Option<Date> {
        self.days().last().copied().map(Date::from_day)
    }

    /// Days since it was last active: 0 if it was on the day as of which it is seen, `None` if it never was.
    #[must_use]
    pub fn silence(&self) -> Option<u32> {
        self.days().last().map(|&last| self.as_of.abs_diff(last))
    }

    /// The days on which it was active, in order.
    #[must_use]
    pub fn active_days(&self) -> impl DoubleEndedIterator<Item = ActiveDay<'a>> + use<'a> {
        active_days(self.rows(), self.features(), self.start..self.end)
    }

    /// Who acted for it; `None` where accounts were not mapped at ingestion.
    #[must_use]
    pub fn people(&self) -> Option<impl Iterator<Item = Person<'a>> + use<'a>> {
        let people = self.portfolio.people.as_ref()?;
        let features = people.features();
        let place = self.portfolio.place[self.number];
        let of = place.into_iter().flat_map({
            let as_of = self.as_of;
            move |place| people.of(place, as_of)
        });
        Some(of.map(move |(id, rows)| Person { id, rows: people.rows(), features, start: rows.start, end: rows.end }))
    }

    /// One who acted for it, if they did.
    #[must_use]
    pub fn person(&self, id: Id<'a>) -> Option<Person<'a>> {
        let people = self.portfolio.people.as_ref()?;
        let rows = people.rows_of(self.portfolio.place[self.number]?, id, self.as_of)?;
        Some(Person { id, rows: people.rows(), features: people.features(), start: rows.start, end: rows.end })
    }

    /// Its contacts in the order in which they became known.
    #[must_use]
    pub fn contacts(&self) -> Option<impl ExactSizeIterator<Item = Contact<'a>> + use<'a>> {
        Some(self.tables().contacts.as_ref()?.of(self.number, self.as_of))
    }

    /// Its limits in alphabetical order.
    #[must_use]
    pub fn limits(&self) -> Option<Vec<Limit<'a>>> {
        self.tables().limits_of(self.number, self.as_of)
    }

    /// Its answers to surveys in the order of their dates.
    #[must_use]
    pub fn answers(&self) -> Option<impl ExactSizeIterator<Item = Answer<'a>> + use<'a>> {
        Some(self.tables().answers.as_ref()?.of(self.number, self.as_of))
    }

    /// The terms of its subscriptions in the order of their starts.
    #[must_use]
    pub fn subscriptions(&self) -> Option<impl DoubleEndedIterator<Item = Subscription<'a>> + use<'a>> {
        Some(self.tables().subscriptions.as_ref()?.of(self.number, self.as_of))
    }

    /// The terms that run: not ended, and not past their renewal unless they were silently renewed. A term is followed up,
    /// and no longer renewed, once another one begins on the day of its renewal or later.
    #[must_use]
    pub fn running(&self) -> Option<Vec<Subscription<'a>>> {
        let as_of = self.as_of();
        let latest = self.subscriptions()?.next_back().map(|last| last.start);
        let past = |renewal: Date| renewal <= as_of && latest.is_some_and(|latest| latest >= renewal);
        let runs = |term: &Subscription<'a>| term.ended.is_none() && !term.renewal.is_some_and(past);
        Some(self.subscriptions()?.filter(runs).collect())
    }

    /// The recurring value a month of the terms that run; `None` where none of them has a value.
    #[must_use]
    pub fn recurring_value(&self) -> Option<f64> {
        self.running()?.iter().filter_map(|term| term.value).reduce(|sum, value| sum + value)
    }

    /// The plan of the term that began last of those that run.
    #[must_use]
    pub fn plan(&self) -> Option<&'a str> {
        self.running()?.last()?.plan
    }

    /// The names of the features that its plan offers, in alphabetical order; `None` where that is not known.
    #[must_use]
    pub fn offered(&self) -> Option<&'a [String]> {
        self.tables().offered(self.plan()?)
    }

    /// Its tickets in the order in which they were opened.
    #[must_use]
    pub fn tickets(&self) -> Option<impl ExactSizeIterator<Item = Ticket> + use<'a>> {
        Some(self.tables().tickets.as_ref()?.of(self.number, self.as_of))
    }

    /// Its payments in the order in which they were due.
    #[must_use]
    pub fn payments(&self) -> Option<impl ExactSizeIterator<Item = Payment> + use<'a>> {
        Some(self.tables().payments.as_ref()?.of(self.number, self.as_of))
    }

    /// The days on which it cancelled, in order.
    #[must_use]
    pub fn cancellations(&self) -> Option<impl DoubleEndedIterator<Item = Date> + use<'a>> {
        Some(self.tables().cancellations.as_ref()?.of(self.number, self.as_of).iter().copied().map(Date::from_day))
    }

    /// The names of all features, by whose places in this list features are numbered; those first used later, too.
    pub(crate) fn features(&self) -> &'a [String] {
        self.portfolio.by_account.features()
    }

    /// The calendar of the log.
    pub(crate) fn calendar(&self) -> &'a Calendar {
        self.portfolio.calendar()
    }

    /// The number of the account in the portfolio.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The active days as numbers.
    pub(crate) fn days(&self) -> &'a [i32] {
        &self.rows().day[self.start..self.end]
    }

    /// The table in which the rows of the account lie.
    pub(crate) fn rows(&self) -> &'a Rows {
        &self.portfolio.by_account.ledger().rows
    }

    /// The rows of the active days within some days.
    pub(crate) fn within(&self, days: RangeInclusive<i32>) -> Range<usize> {
        within(self.rows(), self.start..self.end, days)
    }

    fn tables(&self) -> &'a Tables {
        &self.portfolio.tables
    }
}

impl<'a> Person<'a> {
    /// Their id in the log.
    #[must_use]
    pub fn id(&self) -> Id<'a> {
        self.id
    }

    /// The days on which they were active for the account, in order; at least one.
    #[must_use]
    pub fn active_days(&self) -> impl DoubleEndedIterator<Item = ActiveDay<'a>> + use<'a> {
        active_days(self.rows, self.features, self.start..self.end)
    }

    /// The active days as numbers.
    pub(crate) fn days(&self) -> &'a [i32] {
        &self.rows.day[self.start..self.end]
    }

    /// The names of all features, by whose places in this list those of the rows are numbered.
    pub(crate) fn features(&self) -> &'a [String] {
        self.features
    }

    /// The table in which the rows of the person lie.
    pub(crate) fn rows(&self) -> &'a Rows {
        self.rows
    }

    /// The rows of the active days within some days.
    pub(crate) fn within(&self, days: RangeInclusive<i32>) -> Range<usize> {
        within(self.rows, self.start..self.end, days)
    }
}

fn within(rows: &Rows, own: Range<usize>, days: RangeInclusive<i32>) -> Range<usize> {
    let day = &rows.day[own.clone()];
    let start = day.partition_point(|day| day < days.start());
    let end = day.partition_point(|day| day <= days.end()).max(start);
    own.start + start..own.start + end
}

fn active_days<'a>(
    rows: &'a Rows,
    features: &'a [String],
    own: Range<usize>,
) -> impl DoubleEndedIterator<Item = ActiveDay<'a>> + use<'a> {
    own.map(move |row| ActiveDay {
        date: Date::from_day(rows.day[row]),
        events: rows.events[row],
        value: rows.value.as_ref().map(|value| value[row]),
        features: rows
            .features
            .as_ref()
            .map_or_else(Vec::new, |sets| sets.of(row).map(|feature| features[feature as usize].as_str()).collect()),
    })
}
