//! New customers who do not get to the point.

use serde::{Deserialize, Serialize};

use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::error::{Error, Result};
use crate::portfolio::{Account, Membership, Snapshot};

mod reached;

pub(crate) use reached::habit;
use reached::{Reached, Times};

/// Of fewer who stayed, a share is not known well enough: with 20 of 20 the lower end of its 95 % interval is 0.84.
const LEAST_STAYED: u64 = 20;
/// So many days before the end of onboarding an account has to have been active, where no subscription says that it stayed.
const STAYED_WITHIN: i32 = 28;
/// From which share on of those who stayed it is a low, a medium and a high risk not to be one of them.
const SHARES: [(f64, Severity); 3] = [(0.95, Severity::High), (0.9, Severity::Medium), (0.8, Severity::Low)];

/// What a new customer has to reach for the product to be worth something to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstValue {
    /// The core habit: to be active on so many of 14 days in a row as 95 % of those who stayed were at some time of their
    /// onboarding, but on 2 at least and 5 at most.
    Habit,
    /// To be active on so many of 14 days in a row.
    ActiveDays(u32),
    /// To use a feature once.
    Feature(String),
}

/// Whether a new customer is late to reach first value, beside those who stayed.
///
/// ```text
/// onboarding     the first 90 days, day 0 being the first day as a customer
/// earlier        accounts that began within the observation and at least 90 days before as_of
/// stayed         of these, those that were customers on day 90; without a subscription, active in the 28 days up to it too
/// reached(a)     share of those who stayed that had reached first value on day a or before
/// fires          an account on day a < 90 that has not reached it, with reached(a) at least 0.8: low; medium from 0.9,
///                high from 0.95
/// ```
///
/// So an account is late, and a medium risk, when nine of ten who stayed were there by now. What is quick for one product
/// is slow for another; the product's own customers say it. The sentence also tells how many had reached it of those who
/// did *not* stay: where they are as many, first value is not what makes customers stay, and another should be named.
///
/// A rule, not a test. `observed` is the age in days, `expected` the day on which half of those who stayed had reached it,
/// `statistic` and score are reached(a), the score being 0 for accounts that have reached it or are past their onboarding;
/// these are quiet. `since` is the first day on which it was late.
///
/// Who stayed is judged as known on as_of, and what they did up to day 90. Not observed are accounts of which it is not
/// known when they began, or whose beginning lies before the observation (`history`), and all where fewer than 20 have
/// stayed or none of them ever reached first value (`history`); and all if a feature is asked for and features are not
/// mapped (`features`).
///
/// # References
///
/// Tools for customer success, as Vitally and Totango, keep a profile of its own for onboarding; ChurnZero calls 5 to 8
/// active days of 14 weekly use and 2 to 4 occasional use, which are the bounds of the habit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnboardingStall {
    first_value: FirstValue,
    days: u32,
}

impl OnboardingStall {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { first_value: FirstValue::Habit, days: 90 }
    }

    /// What is to be reached. [`FirstValue::Habit`] unless told: coming back is what any product lives by; a feature that
    /// is the point of the product says more.
    #[must_use]
    pub fn first_value(mut self, first_value: FirstValue) -> Self {
        self.first_value = first_value;
        self
    }

    /// How many days onboarding takes, 14 to 365. 90 unless told: the quarter in which new customers are looked after.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }
}

impl Default for OnboardingStall {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for OnboardingStall {
    fn name(&self) -> &'static str {
        "onboarding_stall"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        let days = match i32::try_from(self.days) {
            Ok(days @ 14..=365) => days,
            _ => {
                let reason = "onboarding takes 14 to 365 days";
                return Err(Error::InvalidOption { option: "days", value: self.days.to_string(), reason });
            }
        };
        if let FirstValue::ActiveDays(active) = self.first_value
            && !(1..=14).contains(&active)
        {
            let reason = "a habit is 1 to 14 active days of 14";
            return Err(Error::InvalidOption { option: "first_value", value: active.to_string(), reason });
        }
        let mapped = portfolio.portfolio().activity().ledger().rows.features.is_some();
        if matches!(self.first_value, FirstValue::Feature(_)) && !mapped {
            return Ok(Box::new(|_| Signal::not_observed("features")));
        }
        let goals = self.goals(portfolio);
        let learn = |times: &mut Vec<Times>, account: Account<'_>| {
            let Some((start, stayed)) = earlier(portfolio, &account, days) else { return };
            for (times, goal) in times.iter_mut().zip(&goals) {
                times.add(stayed, goal.day(&account, start, start + days).map(|day| day - start));
            }
        };
        let none = || goals.iter().map(|_| Times::new(self.days)).collect();
        let join = |left: Vec<Times>, right: Vec<Times>| {
            left.into_iter().zip(&right).map(|(left, right)| left.join(right)).collect()
        };
        let learnt = portfolio.fold_everyone(none, learn, join);
        // The goals are in the order of how hard they are to reach.
        let fits = |times: &Times| times.reached(days).is_some_and(|reached| reached.of_stayed >= SHARES[0].0);
        let place = learnt.iter().rposition(fits).unwrap_or(0);
        let Some((&goal, times)) = goals.iter().zip(learnt).nth(place) else {
            return Ok(Box::new(|_| Signal::not_observed("history")));
        };
        let (half, late) = (times.first_day(0.5), times.first_day(SHARES[2].0));
        let learnt = Learnt { goal, times, half, late };
        Ok(Box::new(move |account| self.of(account, days, &learnt)))
    }
}

/// What is to be reached, and when others reached it: half of those who stayed, and so many that the rest is late.
#[derive(Debug)]
struct Learnt {
    goal: Goal,
    times: Times,
    half: Option<i32>,
    late: Option<i32>,
}

/// What is to be reached, as it stands in the rows.
#[derive(Clone, Copy, Debug)]
enum Goal {
    ActiveDays(usize),
    /// `None` where nobody ever used it.
    Feature(Option<u32>),
}

impl Goal {
    /// The first day up to `end` on which it was reached.
    fn day(self, account: &Account<'_>, start: i32, end: i32) -> Option<i32> {
        let rows = account.within(start..=end);
        match self {
            Self::ActiveDays(active) => reached::habit(&account.rows().day[rows], active),
            Self::Feature(feature) => {
                let (table, feature) = (account.rows(), feature?);
                let sets = table.features.as_ref()?;
                rows.into_iter().find(|&row| sets.contains(row, feature)).map(|row| table.day[row])
            }
        }
    }
}

/// The first day as a customer, and whether it stayed, of an account that began long enough ago and not before all else.
fn earlier(portfolio: &Snapshot<'_>, account: &Account<'_>, days: i32) -> Option<(i32, bool)> {
    let start = account.member_since()?;
    if start < account.observed_from() || account.as_of() - start < days {
        return None;
    }
    let start = start.days_since_epoch();
    let then = Account::new(portfolio.portfolio(), account.number(), start + days);
    let subscribed = account.subscriptions().is_some_and(|mut terms| terms.next().is_some());
    let there = subscribed || !then.within(start + days - STAYED_WITHIN + 1..=start + days).is_empty();
    Some((start, there && then.membership() == Membership::Customer))
}

impl OnboardingStall {
    fn goals(&self, portfolio: &Snapshot<'_>) -> Vec<Goal> {
        match &self.first_value {
            FirstValue::Habit => (2..=5).map(Goal::ActiveDays).collect(),
            FirstValue::ActiveDays(days) => vec![Goal::ActiveDays(*days as usize)],
            FirstValue::Feature(name) => {
                let features = portfolio.portfolio().activity().features();
                let place = features.iter().position(|feature| feature == name);
                vec![Goal::Feature(place.and_then(|place| u32::try_from(place).ok()))]
            }
        }
    }

    fn what(&self, goal: Goal) -> String {
        match (&self.first_value, goal) {
            (FirstValue::Feature(name), _) => format!("the use of {name}"),
            (_, Goal::ActiveDays(days)) => format!("{days} active days of 14"),
            (_, Goal::Feature(_)) => String::new(),
        }
    }

    fn of(&self, account: &Account<'_>, days: i32, learnt: &Learnt) -> Signal {
        let Learnt { goal, times, half, late } = learnt;
        let as_of = account.as_of();
        let past = as_of - account.observed_from() >= days;
        let Some(start) = account.member_since() else {
            // It was there when the observation began, if it was ever active.
            return if past { Signal::quiet().score(0.0) } else { Signal::not_observed("history") };
        };
        let age = as_of - start;
        if age >= days {
            return Signal::quiet().score(0.0);
        }
        let Some(reached) = times.reached(age).filter(|_| times.stayed() >= LEAST_STAYED && times.ever()) else {
            return Signal::not_observed("history");
        };
        let seen = |signal: Signal| {
            let signal = signal.observed(f64::from(age)).statistic(reached.of_stayed);
            match *half {
                Some(half) => signal.expected(f64::from(half)),
                None => signal,
            }
        };
        if goal.day(account, start.days_since_epoch(), as_of.days_since_epoch()).is_some() {
            return seen(Signal::quiet()).score(0.0);
        }
        if start < account.observed_from() {
            return Signal::not_observed("history");
        }
        let severity = SHARES.iter().find(|(share, _)| reached.of_stayed >= *share).map(|&(_, severity)| severity);
        let Some(severity) = severity else { return seen(Signal::quiet()).score(reached.of_stayed) };
        let signal = seen(Signal::fired(severity)).score(reached.of_stayed);
        let signal = match *late {
            Some(late) => signal.since(start + late),
            None => signal,
        };
        signal.because(|| {
            let Reached { of_stayed, of_left } = reached;
            let left = of_left.map_or_else(String::new, |share| format!(", and {:.0} % of those who did not", 100.0 * share));
            format!(
                "on day {age} without {}, which {:.0} % of the {} who stayed had reached by then{left}: take them there by hand",
                self.what(*goal),
                100.0 * of_stayed,
                times.stayed()
            )
        })
    }
}
