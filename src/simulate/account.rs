//! An account: what it is, what befalls it and when it leaves.

use std::ops::Range;

use super::cause::{Cause, Onset};
use super::chance::{Chance, Topic, floor, rounded_up};
use super::options::SimulationOptions;
use super::product::Plan;
use crate::calendar::Date;

/// Days of a month, on average over four years.
const MONTH: f64 = 365.25 / 12.0;
/// Days that an account is seen before a cause sets in at any time.
const LEAD: i32 = 90;
/// Accounts that were there before the span signed up so many days before it at least, and at most so many more.
const BEFORE: (i32, i32) = (91, 1_095);
/// Days of silence at the full effect.
const SILENCE: i32 = 120;
/// Days within which failed onboarding shows, and those without the core feature at the full effect.
const ONBOARDING: (i32, i32) = (90, 180);
/// Days until a new account uses the product as it will, and the share that it begins with.
pub(super) const RAMP: i32 = 56;
const RAMP_FROM: f64 = 0.3;

/// What befell an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) cause: Cause,
    pub(super) effect: f64,
    pub(super) ratio: f64,
    pub(super) onset: i32,
    pub(super) over: i32,
}

impl Fate {
    /// The effect as far as it has set in.
    fn strength(&self, day: i32) -> f64 {
        let passed = day - self.onset + 1;
        match passed {
            ..=0 => 0.0,
            _ if passed >= self.over => self.effect,
            _ => self.effect * f64::from(passed) / f64::from(self.over),
        }
    }
}

/// How an account left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaving {
    pub(super) day: i32,
    /// Whether it was for the cause, and not for one of those reasons that steady accounts have too.
    pub(super) of_cause: bool,
}

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) number: u64,
    pub(super) plan: Plan,
    /// Users, without the successors of those who left.
    pub(super) users: i32,
    /// The day of signing up.
    pub(super) start: i32,
    pub(super) yearly: bool,
    /// The share of its use that falls on weekends.
    pub(super) weekend: f64,
    /// `None` if it was still steady at the end, or when it left.
    pub(super) fate: Option<Fate>,
    pub(super) leaving: Option<Leaving>,
    /// The first and the last day of the simulated span.
    span: (i32, i32),
}

impl Account {
    pub(super) fn new(options: &SimulationOptions, number: usize) -> Self {
        let number = number as u64;
        let (first, last) = options.span();
        let span = (first.days_since_epoch(), last.days_since_epoch());
        let mut chance = Chance::new(options.seed, number, Topic::Profile);
        let plan = Plan::drawn(chance.uniform());
        let (fewest, most) = plan.users();
        let users = floor(fewest * (most / fewest).powf(chance.uniform()));
        let (was_there, when) = (chance.happens(options.growth.at_start()), chance.uniform());
        let start = if was_there {
            span.0 - BEFORE.0 - floor(when * f64::from(BEFORE.1))
        } else {
            span.0 + floor(when * f64::from(span.1 - span.0 + 1))
        };
        let yearly = chance.happens(plan.yearly());
        let weekend = chance.share(options.weekend_share);
        let mut account = Self { number, plan, users, start, yearly, weekend, fate: None, leaving: None, span };
        let fate = account.fated(options);
        account.leaving = account.leaves(options, fate.as_ref());
        account.fate = fate.filter(|fate| account.leaving.is_none_or(|leaving| leaving.day >= fate.onset));
        account
    }

    /// What would befall it, if it stayed.
    fn fated(&self, options: &SimulationOptions) -> Option<Fate> {
        let mut chance = Chance::new(options.seed, self.number, Topic::Fate);
        let (mut place, when) = (chance.uniform(), chance.uniform());
        let planted = options.causes.iter().find(|planted| {
            place -= planted.share;
            place < 0.0
        })?;
        let onset = match planted.onset {
            _ if planted.cause == Cause::OnboardingFailure => self.signed_up_within().then_some(self.start)?,
            Onset::On(date) => Some(date.days_since_epoch()).filter(|&day| self.start <= day)?,
            Onset::Anytime => {
                let days = self.span.1 - self.first_day() - LEAD + 1;
                (days > 0).then(|| self.first_day() + LEAD + floor(when * f64::from(days)))?
            }
        };
        let over = i32::try_from(planted.over).unwrap_or(i32::MAX);
        Some(Fate { cause: planted.cause, effect: planted.effect, ratio: planted.ratio(), onset, over })
    }

    /// When it leaves: as soon as the hazard that it has been under adds up to what it bears, which is exponential.
    fn leaves(&self, options: &SimulationOptions, fate: Option<&Fate>) -> Option<Leaving> {
        let mut chance = Chance::new(options.seed, self.number, Topic::Churn);
        let (bears, share) = (chance.exponential(), chance.uniform());
        let hazard = options.monthly_hazard / MONTH;
        let after = |start: i32, bears: f64, hazard: f64| {
            let days = (bears / hazard).ceil() - 1.0;
            (days <= f64::from(self.span.1 - start)).then(|| start + floor(days))
        };
        let first = self.first_day();
        let Some(fate) = fate else {
            return after(first, bears, hazard).map(|day| Leaving { day, of_cause: false });
        };
        if let Some(day) = after(first, bears, hazard).filter(|&day| day < fate.onset) {
            return Some(Leaving { day, of_cause: false });
        }
        let left = bears - hazard * f64::from(fate.onset - first);
        // Of the raised hazard, what exceeds the usual one is the cause's.
        let of_cause = share * fate.ratio >= 1.0;
        after(fate.onset, left, hazard * fate.ratio).map(|day| Leaving { day, of_cause })
    }

    pub(super) fn id(&self) -> i64 {
        i64::try_from(self.number).unwrap_or(i64::MAX)
    }

    pub(super) fn chance(&self, options: &SimulationOptions, topic: Topic) -> Chance {
        Chance::new(options.seed, self.number, topic)
    }

    /// The first day on which it is seen.
    pub(super) fn first_day(&self) -> i32 {
        self.start.max(self.span.0)
    }

    /// The last day of the simulated span.
    pub(super) fn last_day(&self) -> i32 {
        self.span.1
    }

    /// The days on which it is seen as a customer: until the day before the one on which it left.
    pub(super) fn days(&self) -> Range<i32> {
        self.first_day()..self.leaving.map_or(self.span.1 + 1, |leaving| leaving.day)
    }

    pub(super) fn signed_up_within(&self) -> bool {
        self.start >= self.span.0
    }

    /// The number of its users who are key contacts, the first ones.
    pub(super) fn keys(&self) -> i32 {
        match self.users {
            ..=5 => 1,
            6..=25 => 2,
            _ => 3,
        }
    }

    /// How far a cause has set in.
    pub(super) fn strength(&self, cause: Cause, day: i32) -> f64 {
        self.fate.filter(|fate| fate.cause == cause).map_or(0.0, |fate| fate.strength(day))
    }

    /// Of so many who may leave or drop out one after the other, the day on which the one at this place does.
    pub(super) fn departure(&self, cause: Cause, place: i32, of: i32) -> Option<i32> {
        let fate = self.fate.filter(|fate| fate.cause == cause)?;
        let count = rounded_up(fate.effect, of);
        let day = || fate.onset + floor(f64::from(fate.over) * f64::from(place) / f64::from(count));
        (place < count).then(day)
    }

    /// Seats that are still needed: the users who have not dropped out, at least one.
    pub(super) fn seats(&self, day: i32) -> i32 {
        let departures = (0..self.users).map_while(|place| self.departure(Cause::SeatLoss, place, self.users));
        let dropped = departures.take_while(|&departure| departure <= day).map(|_| 1).sum::<i32>();
        (self.users - dropped).max(1)
    }

    /// How much is done on a day beside what would be done without ramp and cause.
    pub(super) fn level(&self, day: i32) -> f64 {
        let age = f64::from(day - self.start) / f64::from(RAMP);
        let ramp = if self.signed_up_within() { (RAMP_FROM + (1.0 - RAMP_FROM) * age).clamp(0.0, 1.0) } else { 1.0 };
        let Some(fate) = self.fate else { return ramp };
        let passed = day - fate.onset;
        ramp * match fate.cause {
            Cause::UsageDecline => 1.0 - fate.strength(day),
            Cause::GoingSilent if (0..rounded_up(fate.effect, SILENCE)).contains(&passed) => 0.0,
            Cause::OnboardingFailure => {
                1.0 - fate.effect * (f64::from(passed) / f64::from(ONBOARDING.0)).clamp(0.0, 1.0)
            }
            _ => 1.0,
        }
    }

    /// Whether the core feature is still out of reach.
    pub(super) fn without_core(&self, day: i32) -> bool {
        let fate = self.fate.filter(|fate| fate.cause == Cause::OnboardingFailure);
        fate.is_some_and(|fate| day - fate.onset < rounded_up(fate.effect, ONBOARDING.1))
    }

    /// Hazards per month before the onset and from it on.
    pub(super) fn hazards(&self, options: &SimulationOptions) -> (f64, f64) {
        (options.monthly_hazard, options.monthly_hazard * self.fate.map_or(1.0, |fate| fate.ratio))
    }
}

/// A day as it stands in frames.
pub(super) fn dated(day: i32) -> Date {
    Date::from_day(day)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "numbers that no rounding touches")]
mod tests {
    use super::super::cause::Planted;
    use super::super::options::Growth;
    use super::*;
    use crate::calendar::date;

    fn stricken(cause: Cause, effect: f64, over: u32) -> Account {
        let planted = Planted::new(cause, 1.0, effect).over(over).onset(Onset::On(date(2024, 4, 10)));
        let options = SimulationOptions::new(1, 5).causes([planted]).growth(Growth::Settled).monthly_hazard(0.0);
        Account { users: 10, ..Account::new(&options, 0) }
    }

    fn on(days: i32) -> i32 {
        date(2024, 4, 10).days_since_epoch() + days
    }

    #[test]
    fn effects_set_in_evenly() {
        let account = stricken(Cause::UsageDecline, 0.5, 4);
        assert_eq!([-1, 0, 1, 3, 4, 99].map(|day| account.level(on(day))), [1.0, 0.875, 0.75, 0.5, 0.5, 0.5]);
        let step = stricken(Cause::UsageDecline, 0.5, 0);
        assert_eq!([-1, 0, 1].map(|day| step.level(on(day))), [1.0, 0.5, 0.5]);
        assert_eq!(step.strength(Cause::SeatLoss, on(9)), 0.0);
        assert_eq!(stricken(Cause::UsageDecline, 0.0, 4).level(on(9)), 1.0);
    }

    #[test]
    fn silence_ends() {
        let account = stricken(Cause::GoingSilent, 0.25, 28);
        assert_eq!([-1, 0, 29, 30].map(|day| account.level(on(day))), [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn people_leave_one_after_the_other() {
        let account = stricken(Cause::SeatLoss, 0.35, 8);
        let days = (0..5).map(|place| account.departure(Cause::SeatLoss, place, 10)).collect::<Vec<_>>();
        assert_eq!(days, [Some(on(0)), Some(on(2)), Some(on(4)), Some(on(6)), None]);
        assert_eq!([-1, 0, 1, 2, 6, 99].map(|day| account.seats(on(day))), [10, 9, 9, 8, 6, 6]);
        assert_eq!(stricken(Cause::SeatLoss, 1.0, 8).seats(on(99)), 1);
        assert_eq!(stricken(Cause::ChampionLeaves, 0.1, 8).departure(Cause::ChampionLeaves, 0, 1), Some(on(0)));
    }

    #[test]
    fn hazard_adds_up_to_the_day_of_leaving() {
        let planted = Planted::new(Cause::UsageDecline, 1.0, 0.5).hazard_ratio(4.0).onset(Onset::On(date(2024, 4, 10)));
        let options = SimulationOptions::new(1, 5).causes([planted]).growth(Growth::Settled);
        for number in 0..200 {
            let (account, steady) = (Account::new(&options, number), Account::new(&options.clone().causes([]), number));
            let bears = account.chance(&options, Topic::Churn).exponential() * MONTH / options.monthly_hazard;
            let first = account.first_day();
            // In days of the usual hazard; each from the onset on counts for four.
            let under = |day: i32| {
                let before = (day.min(on(0)) - first).max(0);
                f64::from(before + 4 * (day - first - before))
            };
            let expected = (first..=account.last_day()).find(|&day| under(day + 1) >= bears);
            assert_eq!(account.leaving.map(|leaving| leaving.day), expected);
            assert_eq!(account.fate.is_none(), expected.is_some_and(|day| day < on(0)));
            let usual = (first..=account.last_day()).find(|&day| f64::from(day + 1 - first) >= bears);
            assert_eq!(steady.leaving.map(|leaving| leaving.day), usual);
        }
    }

    #[test]
    fn onboarding_fails_from_the_first_day_on() {
        let planted = Planted::new(Cause::OnboardingFailure, 1.0, 0.5);
        let options = SimulationOptions::new(1, 5).causes([planted]).monthly_hazard(0.0);
        let accounts: Vec<Account> = (0..100).map(|number| Account::new(&options, number)).collect();
        assert!(accounts.iter().all(|account| account.fate.is_some() == account.signed_up_within()));
        let account = accounts.iter().find(|account| account.signed_up_within()).unwrap();
        assert_eq!([0, 89, 90].map(|age| account.without_core(account.start + age)), [true, true, false]);
        assert_eq!(account.level(account.start + 90), 0.5);
        let steady = Account { fate: None, ..account.clone() };
        for (age, level) in [(0, 0.3), (28, 0.65), (56, 1.0), (90, 1.0)] {
            assert!((steady.level(account.start + age) - level).abs() < 1e-12);
        }
    }
}
