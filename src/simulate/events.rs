//! What the users of an account do.

use std::ops::Range;

use polars::prelude::DataFrame;
use rayon::prelude::*;

use super::Company;
use super::account::Account;
use super::cause::Cause;
use super::chance::{Chance, Topic, floor};
use super::people::User;
use super::product::FEATURES;
use super::season::{monday, week};
use crate::activity::{Activity, EventColumns};
use crate::calendar::Calendar;
use crate::error::{Error, Result};
use crate::frame::write;

const DAY: i64 = 86_400_000;
const HOUR: f64 = 3_600_000.0;
/// Users begin at eight, and their events lie within nine hours, most of them in the middle.
const HOURS: (f64, f64) = (8.0, 9.0);
/// Events of an account a week: the mean over accounts, rounded up.
const A_WEEK: f64 = 25.0;
/// Accounts that are held at once while an activity is made.
const PART: usize = 512;

/// One event. The order is that of the rows of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    time: i64,
    user: i64,
    feature: u8,
}

/// # Use
impl Company {
    /// All events.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `user` | Int64 | the user; users belong to one account |
    /// | `account` | Int64 | the account, from 0 on |
    /// | `time` | Datetime (ms) | when, in UTC and without a zone |
    /// | `feature` | String | what was used, one of those that [`plans`](Self::plans) names for the account's plan |
    ///
    /// No column has nulls. Rows are in the order of accounts, and within an account of time and user.
    ///
    /// In a week an account's users bring forth as many events as chance will, around a mean of their own rates, times one
    /// factor for the account and the week ([`SimulationOptions::dispersion`](super::SimulationOptions::dispersion)),
    /// divided over its days by weekday and season. New accounts begin with less for eight weeks, in which their users
    /// join. Each user has two to eight features, used after Zipf's law, and working hours.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] where about more than 2^27 events are to be expected: take [`events_of`](Self::events_of) parts
    /// of the accounts, or [`activity`](Self::activity), which never holds all of them. [`Error::Polars`] if polars
    /// refuses the frame.
    pub fn events(&self) -> Result<DataFrame> {
        self.events_of(0..self.options.accounts)
    }

    /// The events of some of the accounts: those rows of [`events`](Self::events), whatever else is made.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events), and [`Error::InvalidOption`] for accounts that there are not.
    pub fn events_of(&self, accounts: Range<usize>) -> Result<DataFrame> {
        if accounts.start > accounts.end || accounts.end > self.options.accounts {
            let reason = "names accounts that the company does not have; they are numbered from 0 on";
            return Err(Error::InvalidOption { option: "accounts", value: format!("{accounts:?}"), reason });
        }
        self.check_rows("events", accounts.len(), A_WEEK, "take events_of fewer accounts at a time, or activity")?;
        let events: Vec<(i64, Vec<Event>)> = accounts
            .into_par_iter()
            .map(|number| {
                let account = Account::new(&self.options, number);
                (account.id(), self.account_events(&account))
            })
            .collect();
        let rows = || events.iter().flat_map(|(account, events)| events.iter().map(move |event| (*account, event)));
        write::frame(vec![
            write::column("user", rows().map(|(_, event)| event.user).collect::<Vec<_>>()),
            write::column("account", rows().map(|(account, _)| account).collect::<Vec<_>>()),
            write::instants("time", rows().map(|(_, event)| event.time).collect())?,
            write::column("feature", rows().map(|(_, event)| FEATURES[usize::from(event.feature)]).collect::<Vec<_>>()),
        ])
    }

    /// The activity of all events, with accounts and features, in UTC, observed over the whole simulated span. It is made
    /// part by part: memory is that of the activity and of the events of some hundred accounts.
    ///
    /// # Errors
    ///
    /// As [`ActivityBuilder::finish`](crate::ActivityBuilder::finish).
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Company, SimulationOptions};
    ///
    /// let company = Company::simulate(SimulationOptions::new(20, 1).days(90))?;
    /// let activity = company.activity()?;
    /// assert_eq!((activity.observed_from(), activity.as_of()), (company.observed_from(), company.as_of()));
    /// assert_eq!(activity.events(), company.events()?.height() as u64);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn activity(&self) -> Result<Activity> {
        let columns = EventColumns::new("user", "time").account("account").feature("feature");
        let (first, last) = self.options.span();
        let mut builder = Activity::builder(&columns, &Calendar::utc()).observed_from(first).as_of(last);
        for start in (0..self.options.accounts).step_by(PART) {
            let accounts = start..self.options.accounts.min(start + PART);
            builder.push(&self.events_of(accounts)?)?;
        }
        builder.finish()
    }

    fn account_events(&self, account: &Account) -> Vec<Event> {
        let users = User::all(account, &self.options);
        let mut weeks = account.chance(&self.options, Topic::Weeks);
        let mut chance = account.chance(&self.options, Topic::Events);
        let of_week = week(account.weekend);
        let shape = 1.0 / self.options.dispersion;
        let days = account.days();
        let mut events = Vec::new();
        for monday in (monday(days.start)..days.end).step_by(7) {
            // On a stream of their own, so that a good week is one whatever is planted.
            let factor = weeks.gamma(1.0, shape);
            let mut levels = [0.0; 7];
            for (day, (level, share)) in (monday..).zip(levels.iter_mut().zip(of_week)) {
                if days.contains(&day) {
                    *level = factor * share * self.season(day) * account.level(day);
                }
            }
            for user in &users {
                do_in_week(account, user, monday, &levels, &mut chance, &mut events);
            }
        }
        events.sort_unstable();
        events
    }
}

/// What a user does in a week of which these are the levels of the days.
fn do_in_week(
    account: &Account,
    user: &User,
    monday: i32,
    levels: &[f64; 7],
    chance: &mut Chance,
    events: &mut Vec<Event>,
) {
    let (mut sum, mut until) = (0.0, [0.0; 7]);
    for (day, (level, until)) in (monday..).zip(levels.iter().zip(&mut until)) {
        sum += level * user.presence(account, day);
        *until = sum;
    }
    for _ in 0..chance.poisson(user.rate * sum) {
        let at = chance.uniform() * sum;
        let weekday = until[..6].iter().take_while(|&&until| until <= at).count();
        let day = (monday..).nth(weekday).unwrap_or(monday);
        // Two equal chances make the middle of the day the busiest.
        let hours = HOURS.0 + user.shift + HOURS.1 * f64::midpoint(chance.uniform(), chance.uniform());
        let time = i64::from(day) * DAY + i64::from(floor(hours * HOUR));
        let kept = 1.0 - account.strength(Cause::NarrowingUse, day);
        events.push(Event { time, user: user.id, feature: user.feature(kept, account.without_core(day), chance) });
    }
}
