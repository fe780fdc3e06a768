//! The people on whom an account hangs: gone, or silent while the others are not.

mod silence;

use serde::{Deserialize, Serialize};

use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::Id;
use crate::portfolio::{Account, Contact, Person, Snapshot};
use crate::statistics::ratio;
use silence::{Silence, of_several, silence};

/// So many weeks of the window have to be known, or nothing is said of silence.
const KNOWN_WEEKS: i32 = 8;
/// An account is to have so many active days in the window, and a person so many of them: of 10 days with the person on
/// 4, the longest silence has one chance in 210.
const ACTIVE_DAYS: usize = 10;
const PERSON_DAYS: usize = 4;
/// A silence matters where the account was active on so many days of it, and again within so many days.
const WITHOUT: usize = 5;
const STILL_ACTIVE: u32 = 14;
/// The share of somebody who left is that of so many days before.
const BEFORE: i32 = 84;
/// Who stands for the account from so many days before a departure on is a successor.
const HANDOVER: i32 = 30;
/// So many days after a departure it is seen whether somebody took over.
const AFTER: i32 = 14;

/// Which people an account hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPeople {
    /// The key contacts that the table of contacts names.
    Named,
    /// The user with at least half of the events of the account in the window, if there is one.
    Observed,
    /// The key contacts that are named; where an account has none, who is observed.
    NamedElseObserved,
}

/// Whether one on whom an account hangs has gone, or has fallen silent while the account has not.
///
/// ```text
/// rule   a named key contact was gone on a day at most 90 days ago
/// test   of the active days of the account in 16 weeks, the last r are without the person, who was there on others
///        P(R >= r) = product over the weekdays w of  C(N_w - r_w, K_w) / C(N_w, K_w)
///        p = (P(R >= r) + P(R >= r + 1)) / 2                  of several people the smallest p, after Šidák
/// share  events of the person / events of the account         in the 12 weeks before they were gone; in the window up to
///                                                             their last day
/// ```
///
/// The rule comes first: an account about which it fires is not tested, and has no p-value. Its severity is high from a
/// share of one half on, medium from a tenth on or where the person is not in the log, and low below; one step lower
/// where a replacement is seen: another key contact since 30 days before the departure or later, or a user who in the
/// time since, at least 14 days, does more a week than before by at least half of what the person did. A person is not
/// gone as long as another row of the table says that they stand for the account.
///
/// The test asks whether the days on which the person takes part are exchangeable among the account's active days of
/// the same weekday: N_w of them, K_w with the person, r_w after their last. Only days count on which the account was
/// active, so an account that is silent as a whole finds nothing here. It is about key contacts who are still there by
/// the table, and were active on at least 4 days of the window. A silence matters from 21 days on, since people take
/// holidays, if the account was active on at least 5 days of it, and within the last 14; its severity is by the share
/// as above. What weekdays do not explain, such as a shift in who works when, looks like a silence; a silence of less
/// than three weeks never fires.
///
/// `observed` is the days since the person was last active, `expected` the days between two of their active days
/// before, `statistic` the share, and `since` the day on which they were gone, or the day after their last. Departures
/// rank above silences, by their share, of which half where there is a replacement.
///
/// Not observed is `contacts`, where nobody is named and who acts for an account is not known; and `history`, where
/// less than 8 weeks of the window are known, or fewer than 10 active days of the account lie in it. Accounts without
/// anybody to test, since the key contacts do not use it themselves or nobody has half of the use, are quiet. A silence
/// does not show where accounts were not mapped at ingestion; the rule holds all the same.
///
/// The user who is observed is chosen by the whole window, the silence included: who was chosen by the time before it
/// would be one who then was there more than usual, and would seem to come less afterwards although nothing has
/// changed.
///
/// # References
///
/// R. A. Fisher (1935), "The Design of Experiments", section 21; Z. Šidák (1967), "Rectangular confidence regions for
/// the means of multivariate normal distributions", JASA 62, 626-633. Gainsight's Sponsor Tracking calls the departure
/// of a sponsor a risk of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyContactLoss {
    key_people: KeyPeople,
    departed_within: u32,
    weeks: u32,
    silence: u32,
}

impl KeyContactLoss {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { key_people: KeyPeople::NamedElseObserved, departed_within: 90, weeks: 16, silence: 21 }
    }

    /// Which people an account hangs on. [`KeyPeople::NamedElseObserved`] unless told: who is named knows best, and of
    /// many accounts nobody was named.
    #[must_use]
    pub fn key_people(mut self, key_people: KeyPeople) -> Self {
        self.key_people = key_people;
        self
    }

    /// For how many days a departure is told. 90 unless told: in a quarter a successor is found, or is not.
    #[must_use]
    pub fn departed_within(mut self, days: u32) -> Self {
        self.departed_within = days;
        self
    }

    /// How many weeks the test looks at, from 8 to 104. 16 unless told: a month that may be silent, and a quarter to
    /// compare it with.
    #[must_use]
    pub fn weeks(mut self, weeks: u32) -> Self {
        self.weeks = weeks;
        self
    }

    /// From how many days on a silence matters. 21 unless told: most holidays are shorter.
    #[must_use]
    pub fn silence(mut self, days: u32) -> Self {
        self.silence = days;
        self
    }

    fn check(&self) -> Result<()> {
        if !(8..=104).contains(&self.weeks) {
            let reason = "a person is compared with themselves over 8 to 104 weeks";
            return Err(Error::InvalidOption { option: "weeks", value: self.weeks.to_string(), reason });
        }
        if self.silence == 0 || self.silence >= 7 * self.weeks {
            let reason = "a silence has at least one day, and fewer than the weeks that are looked at";
            return Err(Error::InvalidOption { option: "silence", value: self.silence.to_string(), reason });
        }
        Ok(())
    }
}

impl Default for KeyContactLoss {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for KeyContactLoss {
    fn name(&self) -> &'static str {
        "key_contact_loss"
    }

    fn judge<'a>(&'a self, _portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        self.check()?;
        Ok(Box::new(|account| self.of(account)))
    }
}

/// The contacts of an account that may be key people.
fn contacts<'a>(account: &Account<'a>, asked: KeyPeople) -> impl Iterator<Item = Contact<'a>> + use<'a> {
    account.contacts().filter(|_| asked != KeyPeople::Observed).into_iter().flatten()
}

/// A person on whom the account hangs, and what the table calls them.
#[derive(Clone, Copy, Debug)]
struct KeyPerson<'a> {
    id: Id<'a>,
    role: Option<&'a str>,
    /// `None` if they were never active for the account.
    active: Option<Person<'a>>,
}

impl<'a> KeyPerson<'a> {
    fn of(account: &Account<'a>, contact: Contact<'a>) -> Self {
        Self { id: contact.person, role: contact.role, active: account.person(contact.person) }
    }
}

/// How much of the use is whose, over some days.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    events: u64,
    active_days: usize,
}

impl Use {
    fn of_account(account: &Account<'_>, from: i32, to: i32) -> Self {
        let rows = account.within(from..=to);
        Self { active_days: rows.len(), events: account.rows().events[rows].iter().copied().map(u64::from).sum() }
    }

    fn of_person(person: &Person<'_>, from: i32, to: i32) -> Self {
        let rows = person.within(from..=to);
        Self { active_days: rows.len(), events: person.rows().events[rows].iter().copied().map(u64::from).sum() }
    }
}

impl KeyContactLoss {
    fn of<'a>(&self, account: &Account<'a>) -> Signal {
        if let Some(departure) = self.departure(account) {
            return departure.signal(account);
        }
        let stands = |contact: &Contact<'_>| contact.key && contact.until.is_none();
        let named = contacts(account, self.key_people).any(|contact| stands(&contact));
        if !named && (self.key_people == KeyPeople::Named || account.people().is_none()) {
            return Signal::not_observed("contacts");
        }
        if account.people().is_none() {
            return Signal::quiet();
        }
        let to = account.as_of().days_since_epoch();
        let from = known_from(account, to - 7 * i32::try_from(self.weeks).unwrap_or(i32::MAX / 8) + 1);
        let rows = account.within(from..=to);
        if to - from + 1 < 7 * KNOWN_WEEKS || rows.len() < ACTIVE_DAYS {
            return Signal::not_observed("history");
        }
        let days = &account.rows().day[rows];
        let mut worst: Option<(KeyPerson<'a>, Silence)> = None;
        let mut several = 0;
        let mut take = |key: KeyPerson<'a>| {
            let Some(person) = key.active else { return };
            let own = &person.rows().day[person.within(from..=to)];
            let found = (own.len() >= PERSON_DAYS).then(|| silence(days, own)).flatten();
            let Some(found) = found else { return };
            several += 1;
            if worst.is_none_or(|(_, other)| found.p_value < other.p_value) {
                worst = Some((key, found));
            }
        };
        if named {
            let all = || contacts(account, self.key_people).filter(stands);
            for (place, contact) in all().enumerate() {
                if !all().take(place).any(|other| other.person == contact.person) {
                    take(KeyPerson::of(account, contact));
                }
            }
        } else if let Some(person) = main_user(account, from, to) {
            take(KeyPerson { id: person.id(), role: Some("main user"), active: Some(person) });
        }
        match worst {
            Some((key, found)) => self.silent(account, key, found, of_several(found.p_value, several), from),
            None => Signal::quiet(),
        }
    }

    /// What a silence says that came about with such a probability.
    fn silent(&self, account: &Account<'_>, key: KeyPerson<'_>, found: Silence, p_value: f64, from: i32) -> Signal {
        let Silence { last, without, .. } = found;
        let silent = account.as_of().days_since_epoch() - last;
        let own = key.active.map_or_else(Use::default, |person| Use::of_person(&person, from, last));
        let share = ratio(own.events, Use::of_account(account, from, last).events);
        let lasts = i64::from(silent) >= i64::from(self.silence);
        let matters = lasts && without >= WITHOUT && account.silence().is_some_and(|silence| silence <= STILL_ACTIVE);
        let signal = Signal::tested(p_value, matters.then(|| by_share(share)));
        filled(signal, share, Some(silent), between(last - from + 1, own)).since(account.as_of() - silent + 1).because(|| {
            let (who, share) = (called(&key), told(share));
            format!(
                "{who}{share} has not come for {silent} days, on {without} of which others did: ask whether they are leaving, \
                 and win a second one"
            )
        })
    }

    /// The key contact who is gone, of several the one with the largest share.
    fn departure<'a>(&self, account: &Account<'a>) -> Option<Departure<'a>> {
        let as_of = account.as_of();
        let here = |person: Id<'_>| {
            contacts(account, self.key_people).any(|contact| contact.until.is_none() && contact.person == person)
        };
        let mut worst: Option<Departure<'a>> = None;
        for contact in contacts(account, self.key_people).filter(|contact| contact.key) {
            let Some(until) =
                contact.until.filter(|&until| i64::from(as_of - until) <= i64::from(self.departed_within))
            else {
                continue;
            };
            if here(contact.person) {
                continue;
            }
            let departure = Departure::of(account, contact, until.days_since_epoch());
            let weight = |departure: &Departure<'_>| departure.share.unwrap_or(-1.0);
            if worst.as_ref().is_none_or(|worst| weight(&departure) > weight(worst)) {
                worst = Some(departure);
            }
        }
        worst
    }
}

/// A key contact who is gone.
#[derive(Clone, Copy, Debug)]
struct Departure<'a> {
    key: KeyPerson<'a>,
    until: i32,
    /// From when the time before is known.
    from: i32,
    own: Use,
    share: Option<f64>,
}

impl<'a> Departure<'a> {
    fn of(account: &Account<'a>, contact: Contact<'a>, until: i32) -> Self {
        let key = KeyPerson::of(account, contact);
        let from = known_from(account, until - BEFORE).min(until);
        let own = key.active.map_or_else(Use::default, |person| Use::of_person(&person, from, until - 1));
        let all = Use::of_account(account, from, until - 1);
        let share = key.active.and_then(|_| ratio(own.events, all.events));
        Self { key, until, from, own, share }
    }

    fn signal(&self, account: &Account<'a>) -> Signal {
        let successor = self.successor(account);
        let severity = match (by_share(self.share), successor) {
            (Severity::High, Some(_)) => Severity::Medium,
            (Severity::Medium, Some(_)) => Severity::Low,
            (severity, _) => severity,
        };
        let silent = self.key.active.and_then(|person| person.days().last().copied());
        let silent = silent.map(|last| account.as_of().days_since_epoch() - last);
        let weight = self.share.unwrap_or(0.5) / if successor.is_some() { 2.0 } else { 1.0 };
        let signal = Signal::fired(severity).score(1.0 + weight);
        let gone = Date::from_day(self.until);
        filled(signal, self.share, silent, between(self.until - self.from, self.own)).since(gone).because(|| {
            let (who, share) = (called(&self.key), told(self.share));
            match successor {
                Some(successor) => {
                    format!("{who}{share} is gone since {gone}, and {successor} has taken over: win them")
                }
                None => {
                    format!("{who}{share} is gone since {gone}, and nobody took over: find and introduce a successor")
                }
            }
        })
    }

    /// Who took over: another key contact, else the user who does more by the most.
    fn successor(&self, account: &Account<'a>) -> Option<Id<'a>> {
        let to = account.as_of().days_since_epoch();
        let began = |contact: &Contact<'_>| {
            contact.since.is_some_and(|since| since.days_since_epoch() >= self.until.saturating_sub(HANDOVER))
        };
        let named =
            account.contacts().into_iter().flatten().find(|contact| {
                contact.key && contact.until.is_none() && contact.person != self.key.id && began(contact)
            });
        let (before, after) = (self.until - self.from, to - self.until + 1);
        if named.is_some() || after < AFTER || self.own.events == 0 {
            return named.map(|contact| contact.person);
        }
        let rate = |used: Use, days: i32| ratio(used.events, u64::from(days.unsigned_abs())).unwrap_or(0.0);
        let gain = |person: Person<'a>| {
            let more = rate(Use::of_person(&person, self.until, to), after);
            (person, more - rate(Use::of_person(&person, self.from, self.until - 1), before))
        };
        let others = account.people()?.filter(|person| !person.id().is(self.key.id)).map(gain);
        let (most, gained) = others.max_by(|(_, left), (_, right)| left.total_cmp(right))?;
        (gained >= 0.5 * rate(self.own, before)).then(|| most.id())
    }
}

/// The first day that is known of an account from some day on.
fn known_from(account: &Account<'_>, from: i32) -> i32 {
    let begin = account.member_since().map_or(i32::MIN, Date::days_since_epoch);
    from.max(account.observed_from().days_since_epoch()).max(begin)
}

/// The user with at least half of the events.
fn main_user<'a>(account: &Account<'a>, from: i32, to: i32) -> Option<Person<'a>> {
    let all = Use::of_account(account, from, to).events;
    let of = |person: Person<'a>| (Use::of_person(&person, from, to).events, person);
    let (most, person) = account.people()?.map(of).max_by_key(|&(events, _)| events)?;
    (2 * most >= all).then_some(person)
}

fn by_share(share: Option<f64>) -> Severity {
    match share {
        Some(share) if share >= 0.5 => Severity::High,
        Some(share) if share < 0.1 => Severity::Low,
        _ => Severity::Medium,
    }
}

/// Days between two active days.
fn between(days: i32, own: Use) -> Option<f64> {
    ratio(u64::from(days.unsigned_abs()), own.active_days as u64)
}

fn filled(mut signal: Signal, share: Option<f64>, silent: Option<i32>, between: Option<f64>) -> Signal {
    if let Some(silent) = silent {
        signal = signal.observed(f64::from(silent));
    }
    if let Some(between) = between {
        signal = signal.expected(between);
    }
    if let Some(share) = share { signal.statistic(share) } else { signal }
}

fn called(key: &KeyPerson<'_>) -> String {
    format!("the {} {}", key.role.unwrap_or("key contact"), key.id)
}

fn told(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!(", with {:.0} % of the use,", 100.0 * share))
}
