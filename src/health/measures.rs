//! Measuring accounts.

use std::cell::OnceCell;

use super::signal::{BASELINE, HealthMeasure, HealthSignal, RECENT, RHYTHM};
use crate::error::Result;
use crate::portfolio::{
    Account, Membership, Payment, Person, Portfolio, Snapshot, Subscription, distinct_features, latest,
};
use crate::statistics::float;
use crate::trigger::{State, TriggerSet, silence, states};

/// A share of days asks for a week.
const LEAST_DAYS: i32 = 7;
/// A trend asks for so many days to compare with.
const LEAST_BASELINE: i32 = 28;
/// A past asks for so many days.
const LEAST_PAST: i32 = 56;
/// Tickets are counted over a quarter.
const TICKETS: i32 = 91;
/// Answers count for a year.
const ANSWERS: i32 = 365;
/// Payments of so many days tell how an account pays.
const PAYMENTS: i32 = 364;
/// A payment is late from the day after so many.
const LATE: i32 = 7;
/// Seats are held against those of so many days.
const SEATS: i32 = 730;

/// What triggers said of the customers of a day.
#[derive(Debug, Default)]
pub(super) struct Told {
    names: Vec<String>,
    /// By the number of the account its place among the customers.
    place: Vec<u32>,
    /// Customer by customer: 1 where it fired, 0 where it was quiet, NaN where nothing was observed.
    states: Vec<State>,
}

impl Told {
    /// Asks those triggers that are among the signals, each once.
    pub(super) fn new<'s>(
        portfolio: &Portfolio,
        snapshot: &Snapshot<'_>,
        signals: impl Iterator<Item = &'s HealthSignal>,
    ) -> Result<Self> {
        let mut names: Vec<String> = Vec::new();
        for signal in signals {
            if let HealthSignal::Trigger(name) = signal
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        if names.is_empty() {
            return Ok(Self::default());
        }
        let set = TriggerSet::standard().only(&names)?;
        let names = set.names().map(str::to_owned).collect();
        let states = states(snapshot, &set)?;
        let mut place = vec![0; portfolio.len()];
        for (number, account) in (0..).zip(snapshot.customers()) {
            place[account.number()] = number;
        }
        Ok(Self { names, place, states })
    }

    /// Whether triggers are among the signals.
    pub(super) fn asks_triggers(&self) -> bool {
        !self.names.is_empty()
    }

    fn of(&self, account: &Account<'_>, name: &str) -> Option<f64> {
        let trigger = self.names.iter().position(|other| other == name)?;
        let place = self.place[account.number()] as usize;
        match self.states[place * self.names.len() + trigger] {
            State::NotObserved => None,
            State::Quiet => Some(0.0),
            State::Fired => Some(1.0),
        }
    }
}

/// An account, and what several measures of it need, worked out once.
#[derive(Debug)]
pub(super) struct Measured<'a> {
    account: Account<'a>,
    told: &'a Told,
    as_of: i32,
    /// The first day on which it could have been active.
    begun: OnceCell<Option<i32>>,
    /// Who was active in the recent days, in the baseline, and ever.
    people: OnceCell<Option<[f64; 3]>>,
    running: OnceCell<Option<Vec<Subscription<'a>>>>,
    usual: OnceCell<Option<f64>>,
}

impl<'a> Measured<'a> {
    pub(super) fn new(account: Account<'a>, told: &'a Told) -> Self {
        let as_of = account.as_of().days_since_epoch();
        let (begun, people, running, usual) = Default::default();
        Self { account, told, as_of, begun, people, running, usual }
    }

    pub(super) fn of(&self, signal: &HealthSignal) -> Option<f64> {
        match signal {
            HealthSignal::Measure(measure) => self.measure(*measure),
            HealthSignal::Trigger(name) => self.told.of(&self.account, name),
        }
    }

    fn measure(&self, measure: HealthMeasure) -> Option<f64> {
        match measure {
            HealthMeasure::DaysSinceLastEvent => Some(f64::from(silence(&self.account))),
            HealthMeasure::SilenceAgainstRhythm => {
                Some((f64::from(self.account.silence()?) + 1.0) / (self.usual_silence()? + 1.0))
            }
            HealthMeasure::UsualSilence => self.usual_silence(),
            HealthMeasure::ActiveDays7 => self.active_days(7),
            HealthMeasure::ActiveDays28 => self.active_days(28),
            HealthMeasure::ActiveDays91 => self.active_days(91),
            HealthMeasure::ActiveDays364 => self.active_days(364),
            HealthMeasure::EventsPerWeek => {
                let days = self.days_within(self.as_of - RECENT + 1, self.as_of).filter(|&days| days >= LEAST_DAYS)?;
                Some(7.0 * self.events(self.as_of - RECENT + 1, self.as_of) / f64::from(days))
            }
            HealthMeasure::UsageTrend => self.trend(|from, to| float(self.account.within(from..=to).len() as u64)),
            HealthMeasure::EventTrend => self.trend(|from, to| self.events(from, to)),
            HealthMeasure::UsageAgainstPast => {
                self.against_past(RECENT, |from, to| float(self.account.within(from..=to).len() as u64))
            }
            HealthMeasure::EventsAgainstPast => self.against_past(RECENT, |from, to| self.events(from, to)),
            HealthMeasure::LongestSilence => {
                let silence = f64::from(self.account.silence()?);
                let days = self.account.days();
                let days = &days[days.partition_point(|&day| day <= self.as_of - RHYTHM).saturating_sub(1)..];
                Some(days.windows(2).map(|ends| f64::from(ends[1] - ends[0] - 1)).fold(silence, f64::max))
            }
            HealthMeasure::EventsPerSeat => {
                let days = self.days_within(self.as_of - RECENT + 1, self.as_of).filter(|&days| days >= LEAST_DAYS)?;
                Some(7.0 * self.events(self.as_of - RECENT + 1, self.as_of) / f64::from(days) / self.seats()?)
            }
            HealthMeasure::FeaturesAgainstPast => {
                self.past_days(RECENT)?;
                let ever = self.features(i32::MIN, self.as_of)?;
                let used = self.features(self.as_of - RECENT + 1, self.as_of)?;
                (ever > 0.0).then(|| used / ever)
            }
            HealthMeasure::FeatureShare => {
                let offered = self.account.offered()?.len() as u64;
                let used = self.features(self.as_of - RECENT + 1, self.as_of)?;
                (offered > 0).then(|| (used / float(offered)).min(1.0))
            }
            HealthMeasure::FeatureTrend => {
                self.baseline_days()?;
                let before = self.features(self.as_of - RECENT - BASELINE + 1, self.as_of - RECENT)?;
                let used = self.features(self.as_of - RECENT + 1, self.as_of)?;
                (before > 0.0).then(|| used / before)
            }
            HealthMeasure::SeatUse => {
                let [recent, ..] = self.people()?;
                self.seats().map(|seats| recent / seats)
            }
            HealthMeasure::PeopleTrend => {
                self.baseline_days()?;
                let [recent, before, _] = self.people()?;
                (before > 0.0).then(|| recent / before)
            }
            HealthMeasure::PeopleAgainstPast => {
                self.past_days(RECENT)?;
                let [recent, _, ever] = self.people()?;
                (ever > 0.0).then(|| recent / ever)
            }
            HealthMeasure::SeatTrend => {
                let (seats, first) = (self.seats()?, self.as_of - SEATS);
                let starts = self.account.subscriptions()?.map(|term| term.start.days_since_epoch());
                // They become more only where a term begins.
                let mut days: Vec<i32> = starts.filter(|&start| start > first).chain([first]).collect();
                days.dedup();
                Some(seats / days.into_iter().filter_map(|day| self.seats_on(day)).fold(seats, f64::max))
            }
            HealthMeasure::KeyContacts => self.key_contacts(),
            HealthMeasure::KeyContactsAgainstPast => self.key_contacts_against_past(),
            HealthMeasure::Recommendation => {
                let own = self.account.answers()?.filter(|answer| self.account.as_of() - answer.date < ANSWERS);
                let scores: Vec<f64> = latest(own).iter().map(|answer| f64::from(answer.score)).collect();
                (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / float(scores.len() as u64))
            }
            HealthMeasure::LimitUse => {
                let limits = self.account.limits()?;
                let used = |limit: &crate::portfolio::Limit<'_>| {
                    limit.readings.last().filter(|_| limit.cap > 0.0).map(|&(_, used)| used / limit.cap)
                };
                limits.iter().filter_map(used).reduce(f64::max)
            }
            HealthMeasure::OpenTickets => {
                let open = self.account.tickets()?.filter(|ticket| ticket.closed.is_none());
                Some(float(open.count() as u64))
            }
            HealthMeasure::RecentTickets => {
                let recent = self.account.tickets()?.filter(|ticket| self.account.as_of() - ticket.opened < TICKETS);
                Some(float(recent.count() as u64))
            }
            HealthMeasure::TicketsAgainstPast => {
                let opened: Vec<i32> = self.account.tickets()?.map(|ticket| ticket.opened.days_since_epoch()).collect();
                let within =
                    |from: i32, to: i32| float(opened.iter().filter(|&&day| (from..=to).contains(&day)).count() as u64);
                self.against_past(TICKETS, within)
            }
            HealthMeasure::DaysOverdue => {
                let as_of = self.account.as_of();
                let unpaid = self.account.payments()?.find(|payment| payment.is_owed() && payment.due < as_of);
                Some(unpaid.map_or(0.0, |payment| f64::from(as_of - payment.due)))
            }
            HealthMeasure::LatePayments => self.late_payments(),
            HealthMeasure::Tenure => Some(f64::from(self.as_of - self.begun()? + 1)),
            HealthMeasure::ObservedDays => self.days_within(i32::MIN, self.as_of).map(f64::from),
            HealthMeasure::DaysToRenewal => {
                let as_of = self.account.as_of();
                let next = self.running()?.iter().filter_map(|term| term.renewal).filter(|&day| day > as_of).min()?;
                Some(f64::from(next - as_of))
            }
            HealthMeasure::RecurringValue => {
                self.running()?.iter().filter_map(|term| term.value).reduce(|sum, value| sum + value)
            }
        }
    }

    fn begun(&self) -> Option<i32> {
        *self.begun.get_or_init(|| begun(&self.account))
    }

    /// The days from one to another on which it could have been active.
    fn days_within(&self, from: i32, to: i32) -> Option<i32> {
        let first = self.begun()?.max(self.account.observed_from().days_since_epoch()).max(from);
        Some((to - first + 1).max(0))
    }

    fn active_days(&self, window: i32) -> Option<f64> {
        let from = self.as_of - window + 1;
        let days = self.days_within(from, self.as_of).filter(|&days| days >= LEAST_DAYS)?;
        Some(7.0 * float(self.account.within(from..=self.as_of).len() as u64) / f64::from(days))
    }

    fn events(&self, from: i32, to: i32) -> f64 {
        let rows = self.account.within(from..=to);
        float(self.account.rows().events[rows].iter().map(|&events| u64::from(events)).sum())
    }

    fn features(&self, from: i32, to: i32) -> Option<f64> {
        distinct_features(self.account.rows(), self.account.within(from..=to)).map(f64::from)
    }

    /// The days of the baseline, where there are enough to compare with.
    fn baseline_days(&self) -> Option<i32> {
        let (start, end) = (self.as_of - RECENT - BASELINE + 1, self.as_of - RECENT);
        self.days_within(start, end).filter(|&days| days >= LEAST_BASELINE)
    }

    /// So much a day in the recent days, over the same in the baseline.
    fn trend(&self, of: impl Fn(i32, i32) -> f64) -> Option<f64> {
        let days = self.baseline_days()?;
        let before = of(self.as_of - RECENT - BASELINE + 1, self.as_of - RECENT) / f64::from(days);
        let recent = of(self.as_of - RECENT + 1, self.as_of) / f64::from(RECENT);
        (before > 0.0).then(|| recent / before)
    }

    /// The days before the last so many, where they are enough to compare with.
    fn past_days(&self, recent: i32) -> Option<i32> {
        self.days_within(i32::MIN, self.as_of - recent).filter(|&days| days >= LEAST_PAST)
    }

    /// So much a day in the last so many days, over the same in all the time before them.
    fn against_past(&self, recent: i32, of: impl Fn(i32, i32) -> f64) -> Option<f64> {
        let days = self.past_days(recent)?;
        let before = of(self.as_of - recent - days + 1, self.as_of - recent) / f64::from(days);
        (before > 0.0).then(|| of(self.as_of - recent + 1, self.as_of) / f64::from(recent) / before)
    }

    fn people(&self) -> Option<[f64; 3]> {
        *self.people.get_or_init(|| {
            let split = self.as_of - RECENT;
            let mut counts = [0_u64; 3];
            for person in self.account.people()? {
                let recent = person.days().last().is_some_and(|&last| last > split);
                let before = !person.within(split - BASELINE + 1..=split).is_empty();
                counts = [counts[0] + u64::from(recent), counts[1] + u64::from(before), counts[2] + 1];
            }
            Some(counts.map(float))
        })
    }

    fn running(&self) -> Option<&[Subscription<'a>]> {
        self.running.get_or_init(|| self.account.running()).as_deref()
    }

    fn seats(&self) -> Option<f64> {
        let seats = self.running()?.iter().filter_map(|term| term.seats).reduce(|sum, seats| sum + seats);
        seats.filter(|&seats| seats > 0.0)
    }

    /// The seats of the terms that ran on an earlier day, as known then.
    fn seats_on(&self, day: i32) -> Option<f64> {
        let running = self.account.on(day).running()?;
        running.iter().filter_map(|term| term.seats).reduce(|sum, seats| sum + seats)
    }

    fn usual_silence(&self) -> Option<f64> {
        *self.usual.get_or_init(|| usual_silence(self.account.days()))
    }

    fn key_contacts(&self) -> Option<f64> {
        let (as_of, known) = (self.account.as_of(), self.account.people().is_some());
        let recently = |until: Option<crate::calendar::Date>| until.is_none_or(|until| as_of - until < RHYTHM);
        let (mut all, mut there) = (0, 0);
        for contact in self.account.contacts()?.filter(|contact| contact.key && recently(contact.until)) {
            let active = |person: Person<'_>| person.days().last().is_some_and(|&last| last > self.as_of - RECENT);
            let present =
                contact.until.is_none() && (!known || self.account.person(contact.person).is_some_and(active));
            (all, there) = (all + 1, there + u64::from(present));
        }
        crate::statistics::ratio(there, all)
    }

    fn key_contacts_against_past(&self) -> Option<f64> {
        let split = self.as_of - RECENT;
        let (mut people, mut recent, mut before, mut days) = (0, 0, 0, 0);
        for contact in self.account.contacts()?.filter(|contact| contact.key && contact.until.is_none()) {
            let Some(person) = self.account.person(contact.person) else { continue };
            let known = split - person.days().first().copied().unwrap_or(self.as_of) + 1;
            if known >= LEAST_PAST {
                people += 1;
                recent += person.within(split + 1..=self.as_of).len() as u64;
                before += person.within(i32::MIN..=split).len() as u64;
                days += u64::from(known.unsigned_abs());
            }
        }
        let past = crate::statistics::ratio(before, days).filter(|&past| past > 0.0)?;
        Some(float(recent) / (f64::from(RECENT) * float(people)) / past)
    }

    fn late_payments(&self) -> Option<f64> {
        let as_of = self.account.as_of();
        let (mut due, mut late) = (0, 0);
        let counts = |own: &Payment| own.is_invoice() && (LATE..PAYMENTS).contains(&(as_of - own.due));
        for payment in self.account.payments()?.filter(counts) {
            due += 1;
            late += u64::from(payment.paid.is_none_or(|paid| paid - payment.due > LATE));
        }
        crate::statistics::ratio(late, due)
    }
}

/// The first day of an account: of its first subscription, or of its activity if that is earlier.
pub(super) fn begun(account: &Account<'_>) -> Option<i32> {
    let subscribed =
        account.subscriptions().and_then(|mut terms| terms.next()).map(|term| term.start.days_since_epoch());
    let active = account.days().first().copied();
    subscribed.into_iter().chain(active).min()
}

/// The mean silence at the end of a day, over the gaps of a year up to the last active day.
fn usual_silence(days: &[i32]) -> Option<f64> {
    let start = days.last()?.saturating_sub(RHYTHM);
    let days = &days[days.partition_point(|&day| day <= start).saturating_sub(1)..];
    if days.len() < 3 {
        return None;
    }
    let silences = days.windows(2).map(|ends| {
        let gap = f64::from(ends[1] - ends[0]);
        gap * (gap - 1.0) / 2.0
    });
    Some(silences.sum::<f64>() / f64::from(days[days.len() - 1] - days[0]))
}

/// Whether it is a customer, left or lapsed by a day; `None` if nothing was known of it by then.
pub(super) fn known(portfolio: &Portfolio, number: usize, as_of: i32) -> Option<Membership> {
    Some(Account::new(portfolio, number, as_of).membership()).filter(|&membership| membership != Membership::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_silence_by_hand() {
        assert_eq!(usual_silence(&[1, 2, 3]), Some(0.0));
        // Silent for 0, 1, 2 and 0 days at the ends of the days 1 to 3 and 4.
        assert_eq!(usual_silence(&[1, 4, 5]), Some(0.75));
        assert_eq!(usual_silence(&[1, 9]), None);
        assert_eq!(usual_silence(&[]), None);
        // What is older than a year is forgotten, but for the day at which the first gap begins.
        assert_eq!(usual_silence(&[-900, -800, 1, 365, 366]), Some(364.0 * 363.0 / 2.0 / 365.0));
    }
}
