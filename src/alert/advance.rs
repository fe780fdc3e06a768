//! From the findings of a date to what they change.

use std::collections::BTreeMap;

use super::case::{Case, Seen, Standing, Step};
use super::desk::{AlertDesk, Urgency};
use super::plan::{FADED, LAPSED, LEFT, RESOLVED};
use super::record::{AlertChange, Record};
use super::state::{AlertState, ChangeReason};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::portfolio::common_type;
use crate::trigger::{Findings, Severity, Sign, State, TriggerSet};

/// The days of a week, over which the cap holds.
const WEEK: i32 = 7;

/// What is to be known of a date.
pub(super) struct Day<'a> {
    pub(super) date: Date,
    pub(super) triggers: Vec<&'a str>,
    /// The accounts that were asked about, those that had left, and those that had lapsed.
    pub(super) accounts: [&'a Ids; 3],
    /// Account by account and trigger by trigger.
    pub(super) signs: &'a [Sign],
    /// The recurring value of an account, by its place.
    pub(super) value: &'a dyn Fn(usize) -> Option<f64>,
    /// The sentence of a sign, by its place.
    pub(super) sentence: &'a dyn Fn(usize) -> Option<String>,
}

/// Where an account is on a date.
#[derive(Clone, Copy, Debug)]
enum Place {
    Customer(usize),
    Gone(ChangeReason),
    Nowhere,
}

/// What fired for a case on a date.
#[derive(Clone, Copy, Debug)]
struct Worst {
    account: usize,
    /// The place of its sign.
    sign: usize,
    severity: Severity,
    p_value: f64,
}

impl AlertDesk {
    /// Takes the findings of the next date, and says what they change.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a date that is not after the last one, and for a trigger that no alert type of the
    /// playbook has: its findings would be lost; and where a trigger was not asked that raised an alert which is not closed:
    /// nobody would ever know that it is over. [`Error::Incompatible`] if the accounts are text and those of the desk are
    /// not, or the other way round. The desk is then as it was.
    pub fn advance(&mut self, findings: &Findings) -> Result<Vec<AlertChange<'_>>> {
        let [left, lapsed] = findings.gone();
        let first = self.on(&Day {
            date: findings.as_of(),
            triggers: findings.triggers().collect(),
            accounts: [findings.ids(), left, lapsed],
            signs: &findings.signs(),
            value: &|account| findings.recurring_value(account),
            sentence: &|place| findings.finding(place).sentence.map(str::to_owned),
        })?;
        Ok(self.changes_from(first).collect())
    }

    /// The number of changes before the date.
    pub(super) fn on(&mut self, day: &Day<'_>) -> Result<usize> {
        self.check_date(day.date, true)?;
        let feeds = self.feeds(&day.triggers)?;
        self.asks_all(day, &feeds)?;
        self.begin(day, &feeds)?;
        let before = self.changes.len();
        let gap = self.as_of.map_or(0, |last| (day.date - last).unsigned_abs());
        let places: Vec<Place> = (0..self.accounts.len()).map(|number| day.place(self.accounts.get(number))).collect();
        let mut wants: Vec<(Urgency, usize, Worst)> = Vec::new();
        let mut cases = std::mem::take(&mut self.cases);
        for (number, case) in cases.iter_mut().enumerate() {
            let place = places[case.account as usize];
            let (seen, worst) = day.seen(case, place, &feeds, self.policy.opens, self.shows(case));
            let standing = case.alert.map(|alert| {
                // Which triggers have to be quiet before it is over is to be seen on the alert, whatever the day makes of it.
                let record = &mut self.alerts[alert as usize];
                record.triggers.clone_from(&case.triggers);
                record.standing
            });
            match (case.step(standing, seen, (day.date, gap), &self.policy), worst) {
                (Step::Wants, Some(worst)) => {
                    let priority = self.alert_type(case.cause).priority;
                    let urgency = Urgency::new(worst.severity, priority, (day.value)(worst.account), worst.p_value);
                    wants.push((urgency, number, worst));
                }
                (Step::Turns(to, why), worst) => self.turns(case, (to, why), worst, day),
                (Step::Stays | Step::Wants, _) => {}
            }
        }
        wants.sort_by_key(|&(urgency, number, _)| (urgency, number));
        let mut room = self.room(day.date);
        for (_, number, worst) in wants {
            self.raise(&mut cases[number], &worst, day, room > 0);
            room = room.saturating_sub(1);
        }
        cases.retain(|case| !case.is_over());
        self.cases = cases;
        self.as_of = Some(day.date);
        Ok(before)
    }

    /// For each trigger the number of its cause, and its number within it.
    fn feeds(&self, triggers: &[&str]) -> Result<Vec<(u32, u32)>> {
        let mut known = BTreeMap::new();
        for (cause, own) in (0_u32..).zip(&self.playbook.alert_types) {
            known.extend((0_u32..).zip(&own.triggers).map(|(number, name)| (name.as_str(), (cause, number))));
        }
        let standard = TriggerSet::standard();
        let asked = |name: &str| triggers.contains(&name) || standard.names().any(|own| own == name);
        if let Some(name) = known.keys().find(|name| !asked(name) && !super::OTHERS.contains(name)) {
            let reason =
                "the playbook names this trigger, which is neither asked nor one of this crate; is it spelt right?";
            return Err(Error::InvalidOption { option: "trigger", value: format!("{name:?}"), reason });
        }
        let feed = |name: &&str| {
            known.get(name).copied().ok_or_else(|| {
                let reason = "no alert type of the playbook has this trigger; add it to one, or take it out of the set";
                Error::InvalidOption { option: "trigger", value: format!("{name:?}"), reason }
            })
        };
        triggers.iter().map(feed).collect()
    }

    /// Whether all triggers were asked for which alerts wait.
    fn asks_all(&self, day: &Day<'_>, feeds: &[(u32, u32)]) -> Result<()> {
        for case in self.cases.iter().filter(|case| case.alert.is_some()) {
            let account = self.accounts.get(case.account as usize);
            let missing = case.triggers.iter().find(|&&trigger| !feeds.contains(&(case.cause, trigger)));
            // Whoever left closes its alerts whatever was asked.
            let Some(&trigger) = missing.filter(|_| !matches!(day.place(account), Place::Gone(_))) else { continue };
            let own = self.alert_type(case.cause);
            let value = format!("{:?} of the alert {:?} of {account}", own.triggers[trigger as usize], own.cause);
            let reason = "the trigger raised an alert that is not closed, and was not asked, so that it could never end; \
                          add the trigger to the set, or close its alerts first";
            return Err(Error::InvalidOption { option: "trigger", value, reason });
        }
        Ok(())
    }

    /// Begins to watch the accounts and causes that fire and were not watched.
    fn begin(&mut self, day: &Day<'_>, feeds: &[(u32, u32)]) -> Result<()> {
        let mut fired: Vec<(usize, u32)> = Vec::new();
        for (account, signs) in day.signs.chunks_exact(feeds.len()).enumerate() {
            let own = signs.iter().zip(feeds).filter(|(sign, _)| sign.severity >= Some(self.policy.opens));
            fired.extend(own.map(|(_, &(cause, _))| (account, cause)));
        }
        fired.sort_unstable();
        fired.dedup();
        self.take_in(day.accounts[0], fired.iter().map(|&(account, _)| account))?;
        let mut new = Vec::new();
        for (account, cause) in fired {
            let Some(number) = self.accounts.position(day.accounts[0].get(account)) else { continue };
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            if self.cases.binary_search_by_key(&(number, cause), |case| (case.account, case.cause)).is_err() {
                new.push(Case::new(number, cause));
            }
        }
        if !new.is_empty() {
            self.cases.extend(new);
            self.cases.sort_by_key(|case| (case.account, case.cause));
        }
        Ok(())
    }

    /// Gives accounts that are not known a number; those of the others change with it.
    fn take_in(&mut self, ids: &Ids, places: impl Iterator<Item = usize>) -> Result<()> {
        let mut new = Ids::new(ids.id_type());
        let mut last = None;
        for place in places {
            if last != Some(place) && self.accounts.position(ids.get(place)).is_none() {
                new.push_from(ids, place);
            }
            last = Some(place);
        }
        if self.accounts.len() == 0 {
            self.accounts = new;
            return Ok(());
        }
        let common = common_type(&self.accounts, ids);
        let cast = common.and_then(|common| Some((self.accounts.cast(common)?, new.cast(common)?)));
        let Some((own, new)) = cast else {
            return Err(Error::Incompatible {
                what: "the types of account",
                left: format!("{:?} on the desk", self.accounts.id_type()),
                right: format!("{:?} in the findings", ids.id_type()),
                way_out: "cast the account column of the log to the type that it had before",
            });
        };
        if new.len() == 0 {
            return Ok(());
        }
        let all = own.union(&new);
        let places = own.places_in(&all);
        self.alerts.iter_mut().for_each(|alert| alert.account = places[alert.account as usize]);
        self.cases.iter_mut().for_each(|case| case.account = places[case.account as usize]);
        self.accounts = all;
        Ok(())
    }

    /// Whether the alert of a case is on the list.
    fn shows(&self, case: &Case) -> bool {
        case.alert.is_some_and(|alert| self.alerts[alert as usize].standing.state.is_on_the_list())
    }

    /// How many alerts may open on a date.
    fn room(&self, date: Date) -> usize {
        let lately = self.changes.iter().rev().take_while(|change| date - change.date < WEEK);
        let opened = lately.filter(|change| change.to == AlertState::Open && change.why == ChangeReason::Fired);
        self.policy.weekly_cap.map_or(usize::MAX, |cap| (cap as usize).saturating_sub(opened.count()))
    }

    /// What a step of a case asks for.
    fn turns(&mut self, case: &mut Case, (to, why): (AlertState, ChangeReason), worst: Option<Worst>, day: &Day<'_>) {
        let Some(alert) = case.alert.map(|alert| alert as usize) else { return };
        let worse = why == ChangeReason::Worse;
        if let Some(worst) = worst.filter(|_| worse || why == ChangeReason::FiredAgain) {
            self.tell(alert, case, &worst, day, worse);
        }
        self.turn(alert, (to, why), day.date, None);
        if to == AlertState::Closed {
            let reason = match why {
                ChangeReason::Left => LEFT,
                ChangeReason::Lapsed => LAPSED,
                _ if self.alerts[alert].opened.is_none() => FADED,
                _ => RESOLVED,
            };
            self.alerts[alert].reason = self.playbook.reason_number(reason);
            *case = Case::new(case.account, case.cause);
        }
    }

    /// Opens an alert, or holds it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "fewer alerts than 2^32, of accounts that are counted in a u32"
    )]
    fn raise(&mut self, case: &mut Case, worst: &Worst, day: &Day<'_>, room: bool) {
        let date = day.date;
        let to = if room { AlertState::Open } else { AlertState::Held };
        let (from, alert) = match case.alert {
            Some(alert) => (Some(self.alerts[alert as usize].standing.state), alert as usize),
            None => {
                let standing = Standing {
                    state: to,
                    since: date,
                    severity: worst.severity,
                    before: AlertState::Open,
                    snoozed_until: None,
                };
                self.alerts.push(Record {
                    account: case.account,
                    cause: case.cause,
                    standing,
                    fires_since: date,
                    raised: date,
                    opened: None,
                    recurring_value: None,
                    p_value: 0.0,
                    sentence: None,
                    triggers: Vec::new(),
                    reason: None,
                    owner: None,
                    done: Vec::new(),
                });
                (None, self.alerts.len() - 1)
            }
        };
        (case.alert, case.silence) = (Some(alert as u32), None);
        if from == Some(to) {
            // What it said stands until it opens; how urgent it is is asked anew on every date.
            let record = &mut self.alerts[alert];
            record.standing.severity = worst.severity;
            (record.recurring_value, record.p_value) = ((day.value)(worst.account), worst.p_value);
            return;
        }
        self.tell(alert, case, worst, day, true);
        if room {
            self.alerts[alert].opened = Some(date);
        }
        let standing = &mut self.alerts[alert].standing;
        (standing.state, standing.since, standing.before) = (to, date, AlertState::Open);
        let why = if room { ChangeReason::Fired } else { ChangeReason::WeekFull };
        self.log(alert, from, to, (worst.severity, why), date, None);
    }

    /// Takes down what an alert is about.
    fn tell(&mut self, alert: usize, case: &Case, worst: &Worst, day: &Day<'_>, severity: bool) {
        let record = &mut self.alerts[alert];
        if severity {
            record.standing.severity = worst.severity;
        }
        record.fires_since = case.run.map_or(day.date, |run| run.since);
        (record.recurring_value, record.p_value) = ((day.value)(worst.account), worst.p_value);
        record.sentence = (day.sentence)(worst.sign);
        record.triggers.clone_from(&case.triggers);
    }
}

impl Day<'_> {
    fn place(&self, account: Id<'_>) -> Place {
        let [customers, left, lapsed] = self.accounts;
        if let Some(place) = customers.position(account) {
            return Place::Customer(place);
        }
        if left.position(account).is_some() {
            return Place::Gone(ChangeReason::Left);
        }
        if lapsed.position(account).is_some() { Place::Gone(ChangeReason::Lapsed) } else { Place::Nowhere }
    }

    /// What the date says of a case, and the worst that fired. The case takes down which triggers did.
    fn seen(
        &self,
        case: &mut Case,
        place: Place,
        feeds: &[(u32, u32)],
        opens: Severity,
        shown: bool,
    ) -> (Seen, Option<Worst>) {
        let account = match place {
            Place::Customer(account) => account,
            Place::Gone(why) => return (Seen::Gone(why), None),
            Place::Nowhere => return (Seen::Customer { fired: None, observed: false }, None),
        };
        let first = account * feeds.len();
        let own = || (first..).zip(&self.signs[first..]).zip(feeds).filter(|(_, feed)| feed.0 == case.cause);
        let mut worst: Option<Worst> = None;
        for ((place, sign), _) in own() {
            let Some(severity) = sign.severity else { continue };
            let surer = |worst: &Worst| (severity, worst.p_value) > (worst.severity, sign.p_value);
            if worst.as_ref().is_none_or(surer) {
                worst = Some(Worst { account, sign: place, severity, p_value: sign.p_value });
            }
        }
        let quiet =
            |trigger: &u32| own().any(|((_, sign), feed)| feed.1 == *trigger && sign.state != State::NotObserved);
        let fires = worst.is_some_and(|worst| shown || worst.severity >= opens);
        let observed = case.triggers.iter().all(quiet);
        let seen = Seen::Customer { fired: worst.map(|worst| worst.severity), observed };
        if fires {
            let begins = case.alert.is_none() && case.run.is_none_or(|run| !run.fires);
            let least = if shown { Severity::Low } else { opens };
            let mut fired: Vec<u32> =
                own().filter(|((_, sign), _)| sign.severity >= Some(least)).map(|(_, feed)| feed.1).collect();
            if !begins {
                fired.extend(&case.triggers);
            }
            fired.sort_unstable();
            fired.dedup();
            case.triggers = fired;
        }
        (seen, worst)
    }
}
