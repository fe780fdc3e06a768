//! Renewals of accounts without signs of life, against a plain reading of the definition.

use attrition::polars::prelude::*;
use attrition::{
    Error, Portfolio, RenewalApproaching, Severity, SimulationOptions, State, SubscriptionColumns, TriggerSet, date,
};
use proptest::prelude::*;

use crate::company::{ask, assert_blind_to_the_future, company, portfolio};
use crate::customers::Chance;
use crate::log::{Event, Mapped, day, event, ingest};

/// Account, start, renewal, end.
type Term = (i64, i32, Option<i32>, Option<i32>);

fn with_terms(events: &[Event], terms: &[Term], observed: (i32, i32)) -> Portfolio {
    let mut frame = df!(
        "account" => terms.iter().map(|term| term.0).collect::<Vec<_>>(),
        "start" => terms.iter().map(|term| term.1).collect::<Vec<_>>(),
        "renewal" => terms.iter().map(|term| term.2).collect::<Vec<_>>(),
        "ended" => terms.iter().map(|term| term.3).collect::<Vec<_>>(),
    )
    .unwrap();
    for column in ["start", "renewal", "ended"] {
        frame.apply(column, |days| days.cast(&DataType::Date).unwrap()).unwrap();
    }
    let columns = SubscriptionColumns::new("account", "start").renewal("renewal").ended("ended");
    let activity = ingest(events, Mapped::NONE, Some(observed));
    Portfolio::new(activity).unwrap().subscriptions(&frame, &columns).unwrap()
}

/// Active every second day up to one day, then on some more.
fn active(until: i32, more: &[i32]) -> Vec<Event> {
    (0..=until).step_by(2).chain(more.iter().copied()).map(|day| event(1, day)).collect()
}

#[test]
fn by_hand() {
    let ask = |events: &[Event], renewal: i32| {
        let portfolio = with_terms(events, &[(1, 0, Some(renewal), None)], (0, 400));
        let found = ask(&portfolio, day(300), RenewalApproaching::new());
        let finding = found.of(1).next().unwrap();
        assert_eq!(finding.p_value, None);
        (finding.severity, finding.observed, finding.expected, finding.statistic, finding.score, finding.since)
    };
    let silent = active(272, &[]);
    // 137 active days in the 273 up to day 272, and none since.
    let usual = 137.0 * 28.0 / 273.0;
    assert_eq!(ask(&silent, 329), (Some(Severity::High), Some(0.0), Some(usual), Some(0.0), Some(1.0), Some(day(273))));
    assert_eq!(ask(&silent, 330).0, Some(Severity::Medium));
    assert_eq!(ask(&silent, 360).0, Some(Severity::Medium));
    for renewal in [361, 300, 200] {
        assert_eq!(ask(&silent, renewal), (None, None, None, None, Some(0.0), None));
    }
    // Seven active days are half of the usual but for a little, and eight are more.
    let seven = ask(&active(272, &[280, 281, 282, 283, 284, 285, 286]), 320);
    assert_eq!((seven.0, seven.1, seven.5), (Some(Severity::High), Some(7.0), Some(day(273))));
    let eight = ask(&active(272, &[280, 281, 282, 283, 284, 285, 286, 300]), 320);
    assert_eq!((eight.0, eight.1, eight.5), (None, Some(8.0), None));
    assert!((eight.4.unwrap() - (1.0 - 8.0 / usual)).abs() < 1e-12);
    let portfolio = with_terms(&silent, &[(1, 0, Some(320), None)], (0, 400));
    let found = crate::company::ask(&portfolio, day(300), RenewalApproaching::new());
    let expected = "the renewal is 20 days away, and the account was active on 0 of the last 28 days instead of the usual 14.1: \
                    speak with them before they decide";
    assert_eq!(found.fired().next().unwrap().sentence, Some(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn oracle(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let (mut events, mut terms): (Vec<Event>, Vec<Term>) = (vec![event(99, 0)], Vec::new());
        for account in 0..8 {
            let (rate, stops, resumes) = (chance.uniform(), chance.below(200), chance.below(200));
            let days = (0..200).filter(|&day| day < stops || day >= resumes);
            events.extend(days.filter(|_| chance.happens(rate)).collect::<Vec<_>>().into_iter().map(|day| event(account, day)));
            for _ in 0..chance.below(3) {
                let start = chance.below(190) - 20;
                let renewal = chance.happens(0.8).then(|| start + chance.below(120));
                terms.push((account, start, renewal, chance.happens(0.3).then(|| start + chance.below(150))));
            }
        }
        let as_of = 100 + chance.below(100);
        let found = ask(&with_terms(&events, &terms, (0, 200)), day(as_of), RenewalApproaching::new());
        for account in 0..8 {
            let Some(finding) = found.of(account).next() else { continue };
            let own: Vec<&Term> = terms.iter().filter(|term| term.0 == account && term.1 <= as_of).collect();
            let open = own.iter().filter(|term| term.3.is_none_or(|ended| ended > as_of));
            let renewal = open.filter_map(|term| term.2).filter(|&day| as_of < day && day <= as_of + 60).min();
            let Some(renewal) = renewal else {
                prop_assert_eq!((finding.state, finding.observed), (State::Quiet, None));
                continue;
            };
            let days: std::collections::BTreeSet<i32> = events
                .iter()
                .filter(|event| event.user == Some(account))
                .map(|event| event.day.unwrap())
                .collect();
            let known = own.iter().map(|term| term.1).min().unwrap_or(1.max(*days.first().unwrap_or(&0))).max(0);
            let lately = days.range(as_of - 27..=as_of).count() as f64;
            let before: Vec<i32> = (known..as_of - 27).collect();
            if known > as_of - 27 || before.len() < 28 && lately > 0.0 {
                prop_assert_eq!(finding.missing, Some("history"));
                continue;
            }
            let usual = before.iter().filter(|day| days.contains(day)).count() as f64 / before.len() as f64 * 28.0;
            let dead = lately == 0.0 || before.len() >= 28 && lately < usual / 2.0;
            let severity = if renewal - as_of < 30 { Severity::High } else { Severity::Medium };
            prop_assert_eq!(finding.severity, dead.then_some(severity), "{} {} {}", account, lately, usual);
            prop_assert_eq!(finding.observed, Some(lately));
            prop_assert!(before.len() < 28 || (finding.expected.unwrap() - usual).abs() < 1e-9);
        }
        let past: Vec<Event> = events.into_iter().filter(|event| event.day.unwrap() <= as_of).rev().collect();
        let known: Vec<Term> = terms
            .iter()
            .filter(|term| term.1 <= as_of)
            .map(|&(account, start, renewal, ended)| (account, start, renewal, ended.filter(|&day| day <= as_of)))
            .rev()
            .collect();
        let then = ask(&with_terms(&past, &known, (0, as_of)), day(as_of), RenewalApproaching::new());
        prop_assert!(then.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
    }
}

#[test]
fn edges() {
    let none = Portfolio::new(ingest(&[event(1, 5)], Mapped::NONE, Some((0, 50)))).unwrap();
    let found = ask(&none, day(50), RenewalApproaching::new());
    assert_eq!(found.iter().next().unwrap().missing, Some("subscriptions"));
    // 1969, known from the table alone; observed for 28 days, and for 27.
    let of = |as_of| {
        let portfolio = with_terms(&[event(1, -60)], &[(2, -400, Some(10), None)], (-60, 0));
        let found = ask(&portfolio, day(as_of), RenewalApproaching::new());
        let finding = found.of(2).next().unwrap();
        (finding.state, finding.missing.map(str::to_owned), finding.expected, finding.since)
    };
    assert_eq!(of(-33), (State::Fired, None, None, None));
    assert_eq!(of(-34), (State::NotObserved, Some("history".to_owned()), None, None));
    assert_eq!(of(0), (State::Fired, None, Some(0.0), None));
    // Two products: the nearer renewal counts, and not that of the one that was ended.
    let terms = [(1, 0, Some(350), None), (1, 0, Some(340), None), (1, 0, Some(310), Some(250))];
    let found = ask(&with_terms(&active(200, &[]), &terms, (0, 400)), day(300), RenewalApproaching::new());
    assert!(found.fired().next().unwrap().sentence.unwrap().starts_with("the renewal is 40 days away"));
}

#[test]
fn simulated_companies() {
    let company = company(SimulationOptions::new(400, 6).days(500));
    assert_blind_to_the_future(&company, date(2025, 2, 10), RenewalApproaching::new());
    let found = ask(&portfolio(&company, None), date(2025, 2, 10), RenewalApproaching::new());
    let fired = found.fired().count();
    assert!(fired > 0 && fired * 5 < found.accounts(), "{fired} of {}", found.accounts());
}

#[test]
fn options() {
    let portfolio = with_terms(&[event(1, 5)], &[(1, 0, None, None)], (0, 50));
    for (trigger, name) in [
        (RenewalApproaching::new().within(0), "within"),
        (RenewalApproaching::new().within(366), "within"),
        (RenewalApproaching::new().share(1.1), "share"),
        (RenewalApproaching::new().share(f64::NAN), "share"),
    ] {
        let error = portfolio.triggers(day(50), TriggerSet::new().with(trigger)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let trigger = RenewalApproaching::new().within(90).share(0.25);
    let stored = serde_json::to_string(&trigger).unwrap();
    assert_eq!(serde_json::from_str::<RenewalApproaching>(&stored).unwrap(), trigger);
}
