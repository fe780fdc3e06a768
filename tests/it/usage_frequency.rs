//! Less use than usual: by hand, naively, by its laws, at the edges, and under chance.

use attrition::{
    CommonMovement, Error, Findings, FrequencyClass, Portfolio, Severity, State, TriggerSet, UsageFrequency,
};
use proptest::prelude::*;

use crate::customers::{
    Chance, add_residuals, assert_calibrated, by_account, class, findings, found, index, ingest, p_values, permuted,
    weeks,
};
use crate::log::{Event, Mapped, day, event, frame};

/// So many events of one actor on one day.
fn many(user: i64, day: i32, count: usize) -> impl Iterator<Item = Event> {
    std::iter::repeat_n(event(user, day), count)
}

fn ask(events: &[Event], observed: (i32, i32), as_of: i32, trigger: UsageFrequency) -> Findings {
    findings(events, Mapped::NONE, observed, as_of, trigger)
}

/// Twelve weeks of 6 events on 2 days, four of 2 events on one: ends on day 112.
fn falling(user: i64) -> Vec<Event> {
    let week = |week: i32| {
        let (events, days) = if week < 12 { (3, 2) } else { (2, 1) };
        (0..days).flat_map(move |day| many(user, 1 + 7 * week + 3 * day, events))
    };
    (0..16).flat_map(week).collect()
}

#[test]
fn by_hand() {
    let found = ask(&falling(7), (1, 112), 112, UsageFrequency::new());
    let finding = found.of(7).next().unwrap();
    // No choice of four weeks has a smaller sum and one has the same, and nothing varies within either.
    assert!(finding.p_value.unwrap() < 1e-9);
    assert_eq!((finding.observed, finding.expected), (Some(8.0), Some(24.0)));
    assert_eq!((finding.state, finding.severity), (State::Fired, Some(Severity::High)));
    assert!((finding.statistic.unwrap() - 1.0 / 3.0).abs() < 1e-12);
    let interval = finding.interval.unwrap();
    assert!(interval.lower < 1.0 / 3.0 && 1.0 / 3.0 < interval.upper && interval.upper < 1.0);
    assert_eq!(finding.since, Some(day(85)));
    let sentence = finding.sentence.unwrap();
    assert!(
        sentence.starts_with(
            "8 events on 4 days in the 4 weeks to 1970-04-23, where 24.0 on 8.0 were to be expected: a ratio of 0.33 (95 % interval"
        ) && sentence.ends_with("; ask what keeps them away"),
        "{sentence}"
    );
    // Eight weeks before, nobody knew.
    let before = ask(&falling(7), (1, 112), 84, UsageFrequency::new());
    let finding = before.of(7).next().unwrap();
    assert_eq!((finding.p_value, finding.state, finding.since), (Some(0.5), State::Quiet, None));
}

#[test]
fn frequency_classes() {
    let activity = ingest(&falling(7), Mapped::NONE, Some((1, 112)));
    let portfolio = Portfolio::new(activity).unwrap();
    let class = |as_of: i32| portfolio.at(day(as_of)).unwrap().account(7_i64).unwrap().frequency_class();
    assert_eq!(
        [13, 14, 84, 112].map(class),
        [None, Some(FrequencyClass::Occasional), Some(FrequencyClass::Occasional), Some(FrequencyClass::Occasional)]
    );
    // From five days a week to one.
    let events: Vec<Event> = (0..16)
        .flat_map(|week| (0..if week < 12 { 5 } else { 1 }).map(move |day| event(1, 1 + 7 * week + day)))
        .collect();
    let found = ask(&events, (1, 112), 112, UsageFrequency::new());
    let sentence = found.of(1).next().unwrap().sentence.unwrap();
    assert!(sentence.contains(", daily use before and occasional in the last 14 days; ask"), "{sentence}");
}

/// Observed, expected, p-value, and the first day of the weeks below.
type Naive = Option<(f64, f64, f64, Option<i32>)>;

/// What should be found of every account, in the order of the accounts.
fn naive(events: &[Event], from: i32, as_of: i32, recent: i32, baseline: i32) -> Vec<Naive> {
    let (all, known) = ((recent + baseline) as usize, by_account(events));
    let numbers = |own: &[&Event], start: i32, weeks: usize| -> (Vec<f64>, Vec<f64>, usize) {
        let of_week = |week: usize| {
            let first = start + 7 * week as i32;
            own.iter()
                .filter(move |event| (first..first + 7).contains(&event.day.unwrap()))
                .map(|event| event.day.unwrap())
        };
        let events: Vec<f64> = (0..weeks).map(|week| of_week(week).count() as f64).collect();
        let days: Vec<f64> =
            (0..weeks).map(|week| of_week(week).collect::<std::collections::BTreeSet<_>>().len() as f64).collect();
        let active = days.iter().sum::<f64>() as usize;
        (events, days, active)
    };
    let window = |own: &[&Event]| weeks(own.iter().map(|event| event.day.unwrap()), from, as_of, recent, baseline);
    let (mut of_events, mut of_days) = (Vec::new(), Vec::new());
    for own in known.values() {
        let silent = own.iter().map(|event| event.day.unwrap()).filter(|&day| day <= as_of).max();
        if let Some((start, weeks)) = window(own).filter(|window| window.1 == all)
            && silent.is_some_and(|last| as_of - last <= 90)
        {
            let (events, days, active) = numbers(own, start, weeks);
            if active > 0 {
                of_events.push((class(active, weeks), events));
                of_days.push((class(active, weeks), days));
            }
        }
    }
    let judge = |own: &Vec<&Event>| {
        let (start, weeks) = window(own)?;
        let (events, days, active) = numbers(own, start, weeks);
        let moves = index(&of_events, class(active, weeks), all).1;
        let index = |carriers: &[(usize, Vec<f64>)]| {
            let index = index(carriers, class(active, weeks), all).0;
            if moves { index[all - weeks..].to_vec() } else { vec![1.0; weeks] }
        };
        let (by_events, by_days) = (index(&of_events), index(&of_days));
        let kept: Vec<usize> = (0..weeks).filter(|&week| by_events[week] > 0.0 && by_days[week] > 0.0).collect();
        let before: Vec<usize> = kept.iter().copied().filter(|&week| week < weeks - recent as usize).collect();
        let now: Vec<usize> = kept.iter().copied().filter(|&week| week >= weeks - recent as usize).collect();
        if before.len() < 8 || now.is_empty() || kept.iter().all(|&week| events[week] == 0.0) {
            return None;
        }
        let of = |numbers: &[f64]| kept.iter().map(|&week| numbers[week]).collect::<Vec<f64>>();
        let mut scores = vec![0.0; kept.len()];
        add_residuals(&mut scores, &of(&events), &of(&by_events));
        add_residuals(&mut scores, &of(&days), &of(&by_days));
        let sum = |of: &[f64], weeks: &[usize]| weeks.iter().map(|&week| of[week]).sum::<f64>();
        let expected = sum(&events, &before) / sum(&by_events, &before) * sum(&by_events, &now);
        let usual = scores[..before.len()].iter().sum::<f64>() / before.len() as f64;
        let below = |&week: &usize| kept.binary_search(&week).map_or(true, |place| scores[place] < usual - 1e-9);
        let since = (0..weeks).rev().take_while(below).last().map(|week| start + 7 * week as i32);
        let same = kept.iter().all(|&week| events[week] == events[kept[0]]);
        let p_value = if same { 0.5 } else { permuted(&scores, now.len()) };
        Some((sum(&events, &now), expected, p_value, since))
    };
    known.values().map(judge).collect()
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-6 * right.abs().max(1.0)
}

/// Some accounts, few or many, that begin at any time and fall or rise; in some logs with weeks in which all do less.
fn drawn(seed: u64) -> (Vec<Event>, i32) {
    let mut chance = Chance::new(seed);
    let accounts = [3, 60, 160][chance.below(3) as usize];
    let slack: Vec<f64> = (0..12).map(|_| [1.0, 1.0, 0.5, 0.1][chance.below(4) as usize]).collect();
    let mut events = Vec::new();
    for user in 0..accounts {
        let rate = 0.2 + 8.0 * chance.uniform() * chance.uniform();
        let begins = if chance.happens(0.7) { 0 } else { chance.below(60) };
        let change = chance.below(84);
        let factor = 2.0 * chance.uniform();
        for day in begins..84 {
            let rate = rate / 7.0 * slack[day as usize / 7] * if day >= change { factor } else { 1.0 };
            let count = chance.poisson(rate) as usize;
            events.extend(many(user, day, count));
        }
    }
    events.push(event(0, 83));
    (events, chance.below(4))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn oracle(seed in any::<u64>()) {
        let (events, earlier) = drawn(seed);
        let (recent, baseline, as_of) = (2, 9, 83 - earlier);
        let trigger = || UsageFrequency::new().recent(2).baseline(9);
        let found = ask(&events, (0, 83), as_of, trigger());
        for (&account, expected) in by_account(&events).keys().zip(naive(&events, 0, as_of, recent, baseline)) {
            let Some(finding) = found.of(account).next() else { continue };
            let Some((observed, expected, p_value, since)) = expected else {
                prop_assert_eq!((finding.state, finding.missing), (State::NotObserved, Some("history")));
                continue;
            };
            prop_assert_eq!(finding.observed, Some(observed));
            prop_assert!(near(finding.expected.unwrap(), expected), "{:?} {}", finding.expected, expected);
            prop_assert!(near(finding.p_value.unwrap(), p_value), "{:?} {}", finding.p_value, p_value);
            prop_assert_eq!(finding.statistic.is_some(), expected > 0.0);
            prop_assert!(finding.since.is_none_or(|found| Some(found) == since.map(day)), "{:?} {:?}", finding.since, since);
        }
        // What comes later makes no difference, nor does the order of rows.
        let mut past: Vec<Event> = events.iter().filter(|event| event.day.unwrap() <= as_of).cloned().collect();
        past.reverse();
        let known = ask(&past, (0, as_of), as_of, trigger());
        prop_assert!(known.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
    }
}

/// Accounts whose weeks vary by a factor of their own, busy on working days; `level` says how much an account does in a
/// week.
fn steady(seed: u64, accounts: i64, shape: u32, level: impl Fn(i64, i32) -> f64) -> Vec<Event> {
    let mut chance = Chance::new(seed);
    let mut events = Vec::new();
    for user in 0..accounts {
        let rate = 3.0 + 30.0 * chance.uniform() * chance.uniform();
        for week in -1..16 {
            let mean = rate * chance.gamma(shape) * level(user, week);
            for _ in 0..chance.poisson(mean) {
                let weekday = if chance.happens(0.92) { chance.below(5) } else { 5 + chance.below(2) };
                events.push(event(user, 1 + 7 * week + weekday));
            }
        }
    }
    events
}

#[test]
fn calibrated() {
    for (shape, seed) in [(10, 1), (2, 2)] {
        let found = ask(&steady(seed, 3_000, shape, |_, _| 1.0), (-6, 112), 112, UsageFrequency::new());
        assert_calibrated(&p_values(&found), "flat");
        let fired = found.fired().len();
        assert!(fired <= 3, "{fired} of 3000 unchanged accounts fire");
    }
}

/// Everybody does half of the usual for three of the recent weeks.
#[test]
fn a_slack_season_is_nobodys_fault() {
    let events = steady(3, 3_000, 10, |_, week| if week >= 13 { 0.5 } else { 1.0 });
    let adjusted = ask(&events, (-6, 112), 112, UsageFrequency::new());
    assert_calibrated(&p_values(&adjusted), "season");
    let trigger = UsageFrequency::new().common_movement(CommonMovement::Kept);
    let kept = found(&p_values(&ask(&events, (-6, 112), 112, trigger)), 0.05);
    assert!(kept > 0.3, "alone with their own baseline all seem to leave: {kept}");
}

/// One in ten falls to a half or a third of its use.
#[test]
fn power() {
    for (left, least, fires) in [(0.5, 0.45, 0), (0.33, 0.75, 40)] {
        let events = steady(4, 2_000, 10, |user, week| if user % 10 == 0 && week >= 12 { left } else { 1.0 });
        let all = ask(&events, (-6, 112), 112, UsageFrequency::new());
        let fell = |finding: &attrition::Finding<'_>| finding.account.to_string().ends_with('0');
        let own = |fallen| {
            all.iter().filter(|finding| fell(finding) == fallen).filter_map(|finding| finding.p_value).collect()
        };
        let (of_fallen, of_steady) = [true, false].map(own).map(|p: Vec<f64>| found(&p, 0.05)).into();
        let fired = all.fired().filter(fell).count();
        assert!(of_fallen > least && of_steady < 0.08, "{of_fallen} {of_steady}");
        assert!(fired >= fires && all.fired().len() - fired <= 3 + fired / 10, "{fired} of {}", all.fired().len());
    }
}

#[test]
fn edges() {
    let of = |events: &[Event], observed, as_of| {
        let found = ask(events, observed, as_of, UsageFrequency::new());
        found.iter().map(|finding| (finding.state, finding.missing.map(str::to_owned))).collect::<Vec<_>>()
    };
    let history = vec![(State::NotObserved, Some("history".to_owned()))];
    // One day; no history; 1969.
    assert_eq!(of(&[event(1, 5)], (5, 5), 5), history);
    assert_eq!(of(&falling(1), (1, 112), 60), history);
    let shifted: Vec<Event> =
        falling(1).into_iter().map(|event| Event { day: event.day.map(|day| day - 300), ..event }).collect();
    assert_eq!(of(&shifted, (-299, -188), -188), [(State::Fired, None)]);
    // The first active day does not count, unless there may have been others before it: 12 weeks are the least.
    assert_eq!(of(&[event(1, 0), event(1, 80)], (-1, 90), 83), history);
    assert_eq!(of(&[event(1, 0), event(1, 80)], (-1, 90), 84), [(State::Quiet, None)]);
    assert_eq!(of(&[event(1, 1), event(1, 80)], (0, 90), 90), history);
    assert_eq!(of(&[event(1, 1), event(1, 80)], (1, 90), 84), [(State::Quiet, None)]);
    // Nobody is there any more; an account that only began lately; one of a table alone.
    assert_eq!(of(&[event(1, 1)], (0, 200), 200), []);
    let activity = ingest(&falling(1), Mapped::NONE, Some((1, 112)));
    let mut terms = attrition::polars::prelude::df!("account" => [1_i64, 2], "start" => [70, 1]).unwrap();
    terms.apply("start", |start| start.cast(&attrition::polars::prelude::DataType::Date).unwrap()).unwrap();
    let columns = attrition::SubscriptionColumns::new("account", "start");
    let portfolio = Portfolio::new(activity).unwrap().subscriptions(&terms, &columns).unwrap();
    let found = portfolio.triggers(day(112), TriggerSet::new().with(UsageFrequency::new())).unwrap();
    let missing: Vec<_> = found.iter().map(|finding| finding.missing).collect();
    // That a term began lately does not make a customer of sixteen weeks a new one.
    assert_eq!(missing, [None, Some("history")]);
}

#[test]
fn options() {
    let portfolio = Portfolio::new(ingest(&falling(1), Mapped::NONE, Some((1, 112)))).unwrap();
    let usual = UsageFrequency::new;
    for (trigger, name) in [
        (usual().recent(0), "recent"),
        (usual().recent(9), "recent"),
        (usual().baseline(7), "baseline"),
        (usual().baseline(61), "baseline"),
        (usual().confidence(1.0), "confidence"),
        (usual().severities(0.5, 0.35, 0.2), "severities"),
    ] {
        let error = portfolio.triggers(day(112), TriggerSet::new().with(trigger)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let stored = serde_json::to_string(&usual().recent(3).common_movement(CommonMovement::Kept)).unwrap();
    let read: UsageFrequency = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, usual().recent(3).common_movement(CommonMovement::Kept));
    assert_eq!(frame(&falling(1)).height(), 12 * 6 + 4 * 2);
}
