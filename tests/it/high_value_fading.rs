//! The most valuable accounts, by subscriptions and by what they spend.

use attrition::polars::prelude::*;
use attrition::{
    Cause, CommonMovement, Error, Finding, Growth, HighValueFading, Onset, Planted, Portfolio, Severity,
    SimulationOptions, State, SubscriptionColumns, TriggerSet, UsageFrequency, date,
};
use proptest::prelude::*;

use crate::company::{ask, assert_blind_to_the_future, company, portfolio, struck};
use crate::customers::{Chance, add_residuals, assert_calibrated, class, index, ingest, p_values, permuted, weeks};
use crate::log::{Event, Mapped, day, event};

const MAPPED: Mapped = Mapped { account: false, feature: false, value: true };

fn spent(user: i64, day: i32, value: f64) -> Event {
    Event { value: Some(value), ..event(user, day) }
}

fn with_values(events: &[Event], values: &[f64], last: i32) -> Portfolio {
    let accounts: Vec<i64> = (0..values.len() as i64).collect();
    let starts = vec![-400; values.len()];
    let mut terms = df!("account" => accounts, "start" => starts, "value" => values).unwrap();
    terms.apply("start", |start| start.cast(&DataType::Date).unwrap()).unwrap();
    let columns = SubscriptionColumns::new("account", "start").value("value");
    let activity = ingest(events, Mapped::NONE, Some((1, last)));
    Portfolio::new(activity).unwrap().subscriptions(&terms, &columns).unwrap()
}

/// Each spends every day what it does in a week, in some weeks so much more.
fn spending(accounts: i64, weeks: i32, of: impl Fn(i64, i32) -> f64) -> Vec<Event> {
    let of = &of;
    (0..accounts).flat_map(|user| (0..weeks).map(move |week| spent(user, 4 + 7 * week, of(user, week)))).collect()
}

#[test]
fn by_hand() {
    // Ten accounts, of which two spend the most; one falls by a quarter.
    let events = spending(10, 20, |user, week| match user {
        9 if week >= 12 => 75.0,
        8 | 9 => 100.0 + f64::from(week % 2),
        _ => 10.0,
    });
    let portfolio = Portfolio::new(ingest(&events, MAPPED, Some((1, 140)))).unwrap();
    let found = ask(&portfolio, day(140), HighValueFading::new());
    let of = |account: i64| found.of(account).next().unwrap();
    let tested: Vec<bool> = (0..10).map(|account| of(account).p_value.is_some()).collect();
    assert_eq!(tested, [false, false, false, false, false, false, false, false, true, true]);
    assert_eq!((of(0).state, of(0).observed, of(0).score), (State::Quiet, None, Some(0.0)));
    let fell = of(9);
    // The first active day does not count, so that eleven weeks of the baseline are whole.
    let expected = 8.0 * (6.0 * 101.0 + 5.0 * 100.0) / 11.0;
    assert_eq!(fell.observed, Some(600.0));
    assert!(
        (fell.expected.unwrap() - expected).abs() < 1e-9 && (fell.statistic.unwrap() - 600.0 / expected).abs() < 1e-12
    );
    assert_eq!((fell.state, fell.severity, fell.since), (State::Fired, Some(Severity::High), Some(day(85))));
    // Of 75 582 choices of 8 of 19 none has a smaller sum.
    assert!((fell.p_value.unwrap() - 0.5 / 75_582.0).abs() < 1e-12, "{:?}", fell.p_value);
    let expected = "worth 1806 a year: 600 in the 8 weeks to 1970-05-21, where 804 was to be expected, a ratio of 0.75; ask \
                    what would bring them back";
    assert_eq!(fell.sentence, Some(expected));
    assert_eq!(of(8).state, State::Quiet);
    // By an eighth it is a medium risk, and by a twentieth none.
    for (left, severity) in [(87.0, Some(Severity::Medium)), (95.0, None)] {
        let events = spending(10, 20, |user, week| if user == 9 { if week < 12 { 100.0 } else { left } } else { 1.0 });
        let portfolio = Portfolio::new(ingest(&events, MAPPED, Some((1, 140)))).unwrap();
        assert_eq!(ask(&portfolio, day(140), HighValueFading::new()).of(9).next().unwrap().severity, severity);
    }
}

/// With subscriptions, the test of those at the top is that of their use, and one step more severe.
#[test]
fn by_use() {
    let mut events = Vec::new();
    let mut chance = Chance::new(3);
    for user in 0..40 {
        for week in 0..34 {
            let rate = if user % 2 == 0 && week >= 26 { 6.0 } else { 10.0 };
            for _ in 0..chance.poisson(rate) {
                events.push(event(user, 1 + 7 * week + chance.below(5)));
            }
        }
    }
    let values: Vec<f64> = (0..40).map(|user| if user < 10 { 500.0 } else { 50.0 }).collect();
    let portfolio = with_values(&events, &values, 238);
    let usage = ask(&portfolio, day(238), UsageFrequency::new().recent(8).baseline(26).severities(0.1, 0.1, 0.2));
    let found = ask(&portfolio, day(238), HighValueFading::new());
    for user in 0..40 {
        let (own, use_of) = (found.of(user).next().unwrap(), usage.of(user).next().unwrap());
        if user >= 10 {
            assert_eq!((own.state, own.p_value), (State::Quiet, None));
            continue;
        }
        assert_eq!((own.p_value, own.statistic, own.interval), (use_of.p_value, use_of.statistic, use_of.interval));
        assert_eq!((own.observed, own.expected, own.since), (use_of.observed, use_of.expected, use_of.since));
        if user % 2 == 0 {
            assert_eq!((own.state, own.severity), (State::Fired, Some(Severity::High)));
            assert_eq!(own.sentence.unwrap(), format!("worth 500 a month: {}", use_of.sentence.unwrap()));
        }
    }
    let top = |share| ask(&portfolio, day(238), HighValueFading::new().top(share));
    assert_eq!(p_values(&top(1.0)).len(), 40);
    // Ten of forty have the mid-rank 0.125.
    assert_eq!((p_values(&top(0.12)).len(), p_values(&top(0.13)).len()), (0, 10));
}

/// Observed, expected and p-value of the accounts at the top, with 3 weeks of 11 at the most.
fn naive(events: &[Event], accounts: i64, as_of: i32, top: f64) -> Vec<Option<Option<(f64, f64, f64)>>> {
    let (recent, baseline, all) = (3, 8, 11);
    let own = |account: i64| -> Vec<&Event> {
        events.iter().filter(|event| event.user == Some(account) && event.day.unwrap() <= as_of).collect()
    };
    let customers: Vec<i64> = (0..accounts)
        .filter(|&account| {
            own(account).iter().map(|event| event.day.unwrap()).max().is_some_and(|last| as_of - last <= 90)
        })
        .collect();
    let worth = |account: i64| -> f64 {
        own(account).iter().filter(|event| event.day.unwrap() > as_of - 365).filter_map(|event| event.value).sum()
    };
    let is_top = |account: i64| {
        let value = worth(account);
        let above = customers.iter().filter(|&&other| worth(other) > value).count() as f64;
        let alike = customers.iter().filter(|&&other| worth(other) == value).count() as f64;
        value > 0.0 && (above + alike / 2.0) / customers.len() as f64 <= top
    };
    let window = |account: i64| weeks(own(account).iter().map(|event| event.day.unwrap()), 0, as_of, recent, baseline);
    let numbers = |account: i64, start: i32, weeks: usize| -> (Vec<f64>, usize) {
        let of = |week: usize| (start + 7 * week as i32)..(start + 7 * week as i32 + 7);
        let value = |week: usize| {
            own(account)
                .iter()
                .filter(|event| of(week).contains(&event.day.unwrap()))
                .filter_map(|event| event.value)
                .sum()
        };
        let days: std::collections::BTreeSet<i32> = own(account)
            .iter()
            .map(|event| event.day.unwrap())
            .filter(|day| (start..start + 7 * weeks as i32).contains(day))
            .collect();
        ((0..weeks).map(value).collect(), days.len())
    };
    let mut carriers = Vec::new();
    for &account in &customers {
        if let Some((start, weeks)) = window(account).filter(|window| window.1 == all) {
            let (values, days) = numbers(account, start, weeks);
            if values.iter().sum::<f64>() > 0.0 {
                carriers.push((class(days, weeks), values));
            }
        }
    }
    let judge = |account: i64| {
        is_top(account).then(|| {
            let (start, weeks) = window(account)?;
            let (values, days) = numbers(account, start, weeks);
            let (index, moves) = index(&carriers, class(days, weeks), all);
            let index = if moves { index[all - weeks..].to_vec() } else { vec![1.0; weeks] };
            let kept: Vec<usize> = (0..weeks).filter(|&week| index[week] > 0.0).collect();
            let (before, now): (Vec<usize>, Vec<usize>) =
                kept.iter().partition(|&&week| week + (recent as usize) < weeks);
            let of = |numbers: &[f64]| kept.iter().map(|&week| numbers[week]).collect::<Vec<f64>>();
            if before.len() < 8 || now.is_empty() || of(&values).iter().sum::<f64>() == 0.0 {
                return None;
            }
            let mut scores = vec![0.0; kept.len()];
            add_residuals(&mut scores, &of(&values), &of(&index));
            let same = of(&values).iter().all(|&value| value == values[kept[0]]);
            let p_value = if same { 0.5 } else { permuted(&scores, now.len()) };
            let sum = |of: &[f64], weeks: &[usize]| weeks.iter().map(|&week| of[week]).sum::<f64>();
            let expected = sum(&values, &before) / sum(&index, &before) * sum(&index, &now);
            Some((sum(&values, &now), expected, p_value))
        })
    };
    (0..accounts).map(judge).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn oracle(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let accounts = [1, 10, 120][chance.below(3) as usize];
        let mut events = vec![spent(accounts, 99, 1.0)];
        for user in 0..accounts {
            let (rate, begins, price) = (0.1 + 0.6 * chance.uniform(), chance.below(30), f64::from(1 + chance.below(20)));
            for day in begins..100 {
                let rate = if day > 80 && user % 3 == 0 { rate / 3.0 } else { rate };
                if chance.happens(rate) {
                    // Whole numbers, so that sums are equal in any order.
                    events.push(spent(user, day, (price * f64::from(1 + chance.below(4))).floor()));
                }
            }
        }
        let as_of = 99 - chance.below(5);
        let trigger = || HighValueFading::new().recent(3).baseline(8).top(0.4);
        let portfolio = |events: &[Event], last| Portfolio::new(ingest(events, MAPPED, Some((0, last)))).unwrap();
        let found = ask(&portfolio(&events, 99), day(as_of), trigger());
        for (user, expected) in (0..accounts + 1).zip(naive(&events, accounts + 1, as_of, 0.4)) {
            let Some(finding) = found.of(user).next() else { continue };
            match expected {
                None => prop_assert_eq!((finding.state, finding.p_value), (State::Quiet, None)),
                Some(None) => prop_assert_eq!(finding.missing, Some("history")),
                Some(Some((observed, expected, p_value))) => {
                    let near = |got: Option<f64>, expected: f64| (got.unwrap() - expected).abs() < 1e-6 * expected.max(1.0);
                    prop_assert!(near(finding.observed, observed) && near(finding.expected, expected), "{:?}", finding);
                    prop_assert!(near(finding.p_value, p_value), "{:?} {}", finding.p_value, p_value);
                }
            }
        }
        let past: Vec<Event> = events.iter().filter(|event| event.day.unwrap() <= as_of).rev().cloned().collect();
        let then = ask(&portfolio(&past, as_of), day(as_of), trigger());
        prop_assert!(then.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
    }
}

/// A shop whose customers spend some sum every time they come; one in twenty comes so much less in the end.
fn shop(left: f64) -> Portfolio {
    let mut chance = Chance::new(12);
    let mut events = Vec::new();
    for user in 0..8_000 {
        let (rate, price) = (4.0 + 8.0 * chance.uniform(), 10.0 * chance.gamma(1));
        for week in 0..34 {
            let left = if user % 20 == 0 && week >= 26 { left } else { 1.0 };
            let mean = rate * left * chance.gamma(20);
            for _ in 0..chance.poisson(mean) {
                let value = price * (0.3 + chance.gamma(2));
                events.push(spent(user, 1 + 7 * week + chance.below(7), (100.0 * value).round()));
            }
        }
    }
    Portfolio::new(ingest(&events, MAPPED, Some((1, 238)))).unwrap()
}

#[test]
fn calibrated() {
    let found = ask(&shop(1.0), day(238), HighValueFading::new());
    let p_values = p_values(&found);
    assert!((1_590..=1_600).contains(&p_values.len()), "{}", p_values.len());
    assert_calibrated(&p_values, "the most valuable");
    assert!(found.fired().len() <= 2);
}

#[test]
fn power() {
    let found = ask(&shop(0.33), day(238), HighValueFading::new());
    let fell = |finding: &Finding<'_>| matches!(finding.account, attrition::Id::Int(id) if id % 20 == 0);
    let fallen = found.iter().filter(|finding| finding.p_value.is_some()).filter(fell).count();
    let hits = found.fired().filter(fell).count();
    let false_ones = found.fired().len() - hits;
    assert!(hits as f64 > 0.7 * fallen as f64 && false_ones <= 2 + hits / 10, "{hits} of {fallen}, {false_ones}");
}

#[test]
fn simulated_companies() {
    let of = |causes: &[Planted]| {
        let options = SimulationOptions::new(2_500, 7).days(400).growth(Growth::Settled).monthly_hazard(0.0);
        company(options.causes(causes.iter().copied()))
    };
    let as_of = date(2025, 1, 31);
    let found = ask(&portfolio(&of(&[]), None), as_of, HighValueFading::new());
    assert_calibrated(&p_values(&found), "simulated");
    let decline = Planted::new(Cause::UsageDecline, 0.1, 0.4).onset(Onset::On(date(2024, 9, 30))).hazard_ratio(1.0);
    let company = of(&[decline.over(0)]);
    // A day without holidays in the recent weeks, which hide a fall.
    let found = ask(&portfolio(&company, None), date(2024, 11, 24), HighValueFading::new());
    let truth = struck(&company);
    let tested = truth.iter().filter(|&&account| found.of(account).any(|finding| finding.p_value.is_some())).count();
    let hits = truth.iter().filter(|&&account| found.of(account).any(|finding| finding.state == State::Fired)).count();
    let fired = found.fired().len();
    assert!(hits * 2 > tested && fired - hits <= 6, "{hits} of {tested}, {fired}");
    assert_blind_to_the_future(&company, date(2025, 1, 10), HighValueFading::new());
}

#[test]
fn edges() {
    let missing = |portfolio: &Portfolio, as_of| {
        let found = ask(portfolio, day(as_of), HighValueFading::new().top(0.5));
        found.iter().map(|finding| (finding.state, finding.missing.map(str::to_owned))).collect::<Vec<_>>()
    };
    let not_observed = |what: &str| (State::NotObserved, Some(what.to_owned()));
    let nothing = Portfolio::new(ingest(&[event(1, 5)], Mapped::NONE, Some((0, 50)))).unwrap();
    assert_eq!(missing(&nothing, 50), [not_observed("subscriptions")]);
    let one = Portfolio::new(ingest(&[spent(1, 5, 3.0)], MAPPED, Some((0, 50)))).unwrap();
    assert_eq!(missing(&one, 50), [not_observed("history")]);
    // A value of nothing is no high value; nor is the same of all, 1969 or not.
    let zero = Portfolio::new(ingest(&[spent(1, -5, 0.0)], MAPPED, Some((-5, 0)))).unwrap();
    assert_eq!(missing(&zero, 0), [(State::Quiet, None)]);
    let alike = with_values(&[event(0, 1)], &[5.0, 5.0, 5.0], 120);
    let found = ask(&alike, day(120), HighValueFading::new());
    assert!(found.iter().all(|finding| (finding.state, finding.p_value) == (State::Quiet, None)));
    // Subscriptions without the value of one of them.
    let mut terms = df!("account" => [0_i64, 1], "start" => [0, 0], "value" => [Some(5.0), None]).unwrap();
    terms.apply("start", |start| start.cast(&DataType::Date).unwrap()).unwrap();
    let columns = SubscriptionColumns::new("account", "start").value("value");
    let portfolio = Portfolio::new(ingest(&[event(0, 1)], Mapped::NONE, Some((0, 50)))).unwrap();
    let portfolio = portfolio.subscriptions(&terms, &columns).unwrap();
    assert_eq!(missing(&portfolio, 50), [not_observed("history"), not_observed("subscriptions")]);
}

#[test]
fn options() {
    let portfolio = Portfolio::new(ingest(&[spent(1, 5, 3.0)], MAPPED, Some((0, 50)))).unwrap();
    let usual = HighValueFading::new;
    for (trigger, name) in [
        (usual().top(0.0), "top"),
        (usual().top(1.1), "top"),
        (usual().top(f64::NAN), "top"),
        (usual().recent(0), "recent"),
        (usual().baseline(60), "baseline"),
        (usual().severities(0.2, 0.1), "severities"),
    ] {
        let error = portfolio.triggers(day(50), TriggerSet::new().with(trigger)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let trigger = usual().top(0.1).common_movement(CommonMovement::Kept);
    let stored = serde_json::to_string(&trigger).unwrap();
    assert_eq!(serde_json::from_str::<HighValueFading>(&stored).unwrap(), trigger);
}
