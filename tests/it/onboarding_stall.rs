//! New customers beside those who stayed, counted plainly.

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{
    Cause, Error, FirstValue, OnboardingStall, Planted, Portfolio, Severity, SimulationOptions, State,
    SubscriptionColumns, TriggerSet, date,
};
use proptest::prelude::*;

use crate::company::{ask, assert_blind_to_the_future, company, portfolio, struck};
use crate::customers::Chance;
use crate::log::{Event, Mapped, day, event, feature_text, ingest};

const MAPPED: Mapped = Mapped { account: false, feature: true, value: false };

fn used(user: i64, day: i32, feature: u32) -> Event {
    Event { feature: Some(feature), ..event(user, day) }
}

/// Thirty accounts that begin on day 1 and stay; the number of each is the day on which it first uses feature 1. Then some
/// that only begin, and one that left.
fn product() -> Vec<Event> {
    let mut events = vec![used(900, 0, 0)];
    for user in 0..30 {
        events.extend((1..=120).step_by(10).map(|day| used(user, day, 0)));
        events.push(used(user, 1 + user as i32, 1));
    }
    events.extend([used(500, 1, 0), used(500, 30, 1), used(501, 1, 0)]);
    events
}

fn feature() -> OnboardingStall {
    OnboardingStall::new().first_value(FirstValue::Feature(feature_text(1)))
}

#[test]
fn by_hand() {
    let late = |age: i32, reaches: bool| {
        let mut events = product();
        events.push(used(1_000, 120 - age, 0));
        if reaches {
            events.push(used(1_000, 120, 1));
        }
        let portfolio = Portfolio::new(ingest(&events, MAPPED, Some((0, 200)))).unwrap();
        let found = ask(&portfolio, day(120), feature());
        let finding = found.of(1_000).next().unwrap();
        assert_eq!((finding.observed, finding.expected), (Some(f64::from(age)), Some(14.0)));
        (finding.severity, finding.score.unwrap(), finding.since, finding.sentence.map(str::to_owned))
    };
    // By day a, a + 1 of 30 had reached it: 24, 27 and 29 of them are 0.8, 0.9 and 0.95.
    for (age, severity) in [
        (22, None),
        (23, Some(Severity::Low)),
        (25, Some(Severity::Low)),
        (26, Some(Severity::Medium)),
        (28, Some(Severity::High)),
    ] {
        let found = late(age, false);
        assert_eq!((found.0, found.2), (severity, severity.map(|_| day(120 - age + 23))), "{age}");
        assert!((found.1 - f64::from(age + 1) / 30.0).abs() < 1e-12);
        assert_eq!((late(age, true).0, late(age, true).1), (None, 0.0));
    }
    let sentence = late(28, false).3.unwrap();
    let expected = "on day 28 without the use of f001, which 97 % of the 30 who stayed had reached by then, and 0 % of those \
                    who did not: take them there by hand";
    assert_eq!(sentence, expected);
    assert!(late(89, false).3.unwrap().contains("100 % of the 30 who stayed had reached by then, and 50 % of those"));
}

#[test]
fn habits_fit_the_product() {
    // Weekly users have two or three active days of 14, daily users more than five.
    for (step, days) in [(7, 2), (1, 5)] {
        let mut events = vec![event(900, 0)];
        for user in 0..25 {
            events.extend((1..=150).step_by(step).map(|day| event(user, day)));
        }
        events.push(event(1_000, 100));
        let portfolio = Portfolio::new(ingest(&events, Mapped::NONE, Some((0, 200)))).unwrap();
        let found = ask(&portfolio, day(140), OnboardingStall::new());
        let sentence = found.of(1_000).next().unwrap().sentence.unwrap();
        let expected = format!("on day 40 without {days} active days of 14, which 100 % of the 25 who stayed");
        assert!(
            sentence.starts_with(&expected) && sentence.ends_with("had reached by then: take them there by hand"),
            "{sentence}"
        );
        let own = OnboardingStall::new().first_value(FirstValue::ActiveDays(1));
        assert_eq!(ask(&portfolio, day(140), own).of(1_000).next().unwrap().state, State::Quiet);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn oracle(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let accounts = 30 + chance.below(60);
        let mut events: Vec<Event> = vec![used(9_999, 0, 0)];
        let mut starts: Vec<(i64, i32)> = Vec::new();
        let mut terms: Vec<(i64, i32, Option<i32>)> = Vec::new();
        for account in 0..i64::from(accounts) {
            let (start, rate, reaches) = (chance.below(220) - 10, 0.4 * chance.uniform(), chance.below(60));
            let ends = if chance.happens(0.6) { 400 } else { start + chance.below(80) };
            let days: Vec<i32> = (start.max(0)..ends.min(230)).filter(|_| chance.happens(rate)).collect();
            events.extend(days.iter().map(|&day| used(account, day, u32::from(day - start >= reaches))));
            if chance.happens(0.4) {
                terms.push((account, start, (ends < 400).then_some(ends)));
                starts.push((account, start));
            } else if let Some(&first) = days.first() {
                starts.push((account, first));
            }
        }
        let table = |terms: &[(i64, i32, Option<i32>)]| {
            let mut frame = df!(
                "account" => terms.iter().map(|term| term.0).collect::<Vec<_>>(),
                "start" => terms.iter().map(|term| term.1).collect::<Vec<_>>(),
                "ended" => terms.iter().map(|term| term.2).collect::<Vec<_>>(),
            ).unwrap();
            for column in ["start", "ended"] {
                frame.apply(column, |days| days.cast(&DataType::Date).unwrap()).unwrap();
            }
            frame
        };
        let with = |events: &[Event], terms: &[(i64, i32, Option<i32>)], last| {
            let columns = SubscriptionColumns::new("account", "start").ended("ended");
            let portfolio = Portfolio::new(ingest(events, MAPPED, Some((0, last)))).unwrap();
            portfolio.subscriptions(&table(terms), &columns).unwrap()
        };
        let (as_of, length) = (150 + chance.below(80), 60);
        let of_feature = chance.happens(0.5);
        let first_value = if of_feature { FirstValue::Feature(feature_text(1)) } else { FirstValue::ActiveDays(3) };
        let trigger = || OnboardingStall::new().first_value(first_value.clone()).days(60);
        let found = ask(&with(&events, &terms, 230), day(as_of), trigger());

        let days = |account: i64, only: bool| -> BTreeSet<i32> {
            let own = events.iter().filter(|event| event.user == Some(account) && event.day.unwrap() <= as_of);
            own.filter(|event| !only || event.feature == Some(1)).map(|event| event.day.unwrap()).collect()
        };
        let reached = |account: i64, start: i32| -> Option<i32> {
            if of_feature {
                return days(account, true).range(start..=start + length).next().map(|day| day - start);
            }
            let active: Vec<i32> = days(account, false).range(start..=start + length).copied().collect();
            active.iter().copied().find(|&day| active.iter().filter(|&&other| other > day - 14 && other <= day).count() >= 3).map(|day| day - start)
        };
        let (mut stayed, mut left) = (Vec::new(), Vec::new());
        for &(account, start) in &starts {
            let term = terms.iter().find(|term| term.0 == account);
            // Without a subscription, nobody knows when those began who were there on the first day.
            if start + length > as_of || start < 0 || term.is_none() && start == 0 {
                continue;
            }
            let stays = match term {
                Some(term) => term.2.is_none_or(|ended| ended > start + length),
                None => days(account, false).range(start + length - 27..=start + length).next().is_some(),
            };
            if stays { stayed.push(reached(account, start)) } else { left.push(reached(account, start)) }
        }
        let share = |of: &[Option<i32>], age: i32| {
            of.iter().flatten().filter(|&&day| day <= age).count() as f64 / of.len() as f64
        };
        for &(account, start) in &starts {
            let Some(finding) = found.of(account).next() else { continue };
            let unknown = start == 0 && !terms.iter().any(|term| term.0 == account);
            let age = as_of - start;
            if unknown || age >= length {
                prop_assert_eq!((finding.state, finding.score), (State::Quiet, Some(0.0)));
            } else if stayed.len() < 20 || stayed.iter().flatten().count() == 0 {
                prop_assert_eq!(finding.missing, Some("history"));
            } else if reached(account, start).is_some() {
                prop_assert_eq!((finding.state, finding.score), (State::Quiet, Some(0.0)));
            } else {
                let share = share(&stayed, age);
                let severity = [(0.95, Severity::High), (0.9, Severity::Medium), (0.8, Severity::Low)]
                    .into_iter().find(|bound| share >= bound.0).map(|bound| bound.1);
                prop_assert_eq!(finding.severity, severity, "{} {}", account, share);
                prop_assert!((finding.score.unwrap() - share).abs() < 1e-12);
            }
        }
        if !left.is_empty() && let Some(finding) = found.fired().next() {
            let age = finding.observed.unwrap() as i32;
            let expected = format!("and {:.0} % of those who did not", 100.0 * share(&left, age));
            prop_assert!(finding.sentence.unwrap().contains(&expected), "{:?} {}", finding.sentence, expected);
        }
        // What comes later makes no difference, nor does the order of rows.
        let past: Vec<Event> = events.iter().filter(|event| event.day.unwrap() <= as_of).rev().cloned().collect();
        let known: Vec<_> = terms.iter().filter(|term| term.1 <= as_of)
            .map(|&(account, start, ended)| (account, start, ended.filter(|&day| day <= as_of))).rev().collect();
        if !known.is_empty() {
            let then = ask(&with(&past, &known, as_of), day(as_of), trigger());
            prop_assert!(then.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
        }
    }
}

/// New customers of a company whose onboarding fails for some of them.
#[test]
fn simulated_companies() {
    let failure = Planted::new(Cause::OnboardingFailure, 0.08, 0.9).hazard_ratio(4.0);
    let company = company(SimulationOptions::new(4_000, 5).days(500).monthly_hazard(0.02).causes([failure]));
    let (portfolio, truth) = (portfolio(&company, None), struck(&company));
    let trigger = OnboardingStall::new().first_value(FirstValue::Feature(company.core_feature().to_owned()));
    let found = ask(&portfolio, date(2025, 4, 1), trigger.clone());
    let (mut of_struck, mut of_others) = ((0, 0), (0, 0));
    for finding in found.iter().filter(|finding| finding.observed.is_some_and(|age| age >= 30.0)) {
        let attrition::Id::Int(account) = finding.account else { continue };
        let counts = if truth.contains(&account) { &mut of_struck } else { &mut of_others };
        *counts = (counts.0 + u32::from(finding.state == State::Fired), counts.1 + 1);
    }
    assert!(of_struck.1 > 8 && f64::from(of_struck.0) > 0.7 * f64::from(of_struck.1), "{of_struck:?}");
    assert!(f64::from(of_others.0) < 0.2 * f64::from(of_others.1), "{of_others:?}");
    assert_blind_to_the_future(&company, date(2025, 2, 10), trigger);
    assert_blind_to_the_future(&company, date(2025, 2, 10), OnboardingStall::new());
}

#[test]
fn edges() {
    let missing = |portfolio: &Portfolio, as_of, trigger: OnboardingStall| {
        let found = ask(portfolio, day(as_of), trigger);
        found.iter().map(|finding| (finding.state, finding.missing.map(str::to_owned))).collect::<Vec<_>>()
    };
    let not_observed = |what: &str| (State::NotObserved, Some(what.to_owned()));
    // There from the first day on: nobody knows since when, until it is long ago. 1969.
    let one = Portfolio::new(ingest(&[event(1, -100), event(1, -5)], Mapped::NONE, Some((-100, 0)))).unwrap();
    assert_eq!(missing(&one, -11, OnboardingStall::new()), [not_observed("history")]);
    assert_eq!(missing(&one, -10, OnboardingStall::new()), [(State::Quiet, None)]);
    assert_eq!(missing(&one, -10, feature()), [not_observed("features")]);
    // Nobody ever used it, or nobody yet; too few stayed.
    let whole = Portfolio::new(ingest(&product(), MAPPED, Some((0, 200)))).unwrap();
    let unknown = OnboardingStall::new().first_value(FirstValue::Feature("unheard of".into()));
    let mut events = product();
    events.push(used(1_000, 100, 0));
    let with_new = Portfolio::new(ingest(&events, MAPPED, Some((0, 200)))).unwrap();
    let of_new = |trigger: OnboardingStall| {
        let found = ask(&with_new, day(120), trigger);
        let finding = found.of(1_000).next().unwrap();
        (finding.state, finding.missing.map(str::to_owned))
    };
    assert_eq!(of_new(unknown), not_observed("history"));
    assert_eq!(of_new(feature().days(14)), (State::Quiet, None));
    assert_eq!(of_new(feature()), (State::Quiet, None));
    let few: Vec<Event> = events.into_iter().filter(|event| event.user.is_none_or(|user| user > 10)).collect();
    let few = Portfolio::new(ingest(&few, MAPPED, Some((0, 200)))).unwrap();
    assert_eq!(ask(&few, day(120), feature()).of(1_000).next().unwrap().missing, Some("history"));
    // On day 90 onboarding is over: the others began on day 1.
    let states = missing(&whole, 91, feature());
    assert!(states.iter().all(|state| *state == (State::Quiet, None)), "{states:?}");
}

#[test]
fn options() {
    let portfolio = Portfolio::new(ingest(&product(), MAPPED, Some((0, 200)))).unwrap();
    let habit = |days| OnboardingStall::new().first_value(FirstValue::ActiveDays(days));
    for (trigger, name) in [
        (OnboardingStall::new().days(13), "days"),
        (OnboardingStall::new().days(u32::MAX), "days"),
        (habit(0), "first_value"),
        (habit(15), "first_value"),
    ] {
        let error = portfolio.triggers(day(120), TriggerSet::new().with(trigger)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let stored = serde_json::to_string(&feature().days(30)).unwrap();
    assert_eq!(serde_json::from_str::<OnboardingStall>(&stored).unwrap(), feature().days(30));
}
