//! Silences against a naive equilibrium distribution, and how often accounts without a change are called silent.

use std::collections::BTreeSet;

use attrition::{
    Cause, EngagementGap, Error, Growth, Onset, Planted, Portfolio, Severity, SimulationOptions, State,
    SubscriptionColumns, TriggerSet, date,
};
use proptest::prelude::*;

use crate::company::{ask, assert_blind_to_the_future, company, portfolio, struck};
use crate::customers::{Chance, assert_calibrated, by_account, findings, found, p_values};
use crate::log::{Event, Mapped, day, event, ingest};

/// Active on each weekday with some probability.
fn by_the_day(chance: &mut Chance, start: i32, end: i32, working: f64, weekend: f64) -> Vec<i32> {
    let is_weekend = |day: i32| (day + 3).rem_euclid(7) >= 5;
    (start..=end).filter(|&day| chance.happens(if is_weekend(day) { weekend } else { working })).collect()
}

/// Mostly a day apart, and then pauses of so many days on average.
fn in_bursts(chance: &mut Chance, start: i32, end: i32, pause: f64) -> Vec<i32> {
    let mut days = vec![start];
    loop {
        let gap = if chance.happens(0.8) { 1 } else { 1 + (-(1.0 - chance.uniform()).ln() * pause) as i32 };
        match days[days.len() - 1] + gap {
            day if day <= end => days.push(day),
            _ => return days,
        }
    }
}

/// Accounts that do not change: they come at random, by working days or in bursts, since before the observation or since
/// any day at least four weeks ago.
fn steady(seed: u64, accounts: i64, bursty: f64) -> Vec<Event> {
    let mut chance = Chance::new(seed);
    let mut events = Vec::new();
    for user in 0..accounts {
        let start = if chance.happens(0.5) { 0 } else { 200 + chance.below(172) };
        let days = if chance.happens(bursty) {
            let pause = 4.0 + 12.0 * chance.uniform();
            in_bursts(&mut chance, start, 400, pause)
        } else {
            let rate = 0.04 * 20.0_f64.powf(chance.uniform());
            by_the_day(&mut chance, start, 400, rate, 0.1 * rate)
        };
        events.extend(days.into_iter().map(|day| event(user, day)));
    }
    events
}

#[test]
fn calibrated() {
    for (bursty, what) in [(0.0, "at random"), (1.0, "bursty"), (0.4, "both")] {
        // On a Friday, a Sunday and a Tuesday.
        let p_values = [393, 395, 397].map(|as_of| {
            let events = steady(as_of as u64, 1_500, bursty);
            let found = findings(&events, Mapped::NONE, (0, 400), as_of, EngagementGap::new());
            assert!(found.fired().len() <= 3, "{what}: {found}");
            p_values(&found)
        });
        assert_calibrated(&p_values.concat(), what);
    }
}

#[test]
fn calibrated_within_each_kind() {
    let events = steady(5, 6_000, 0.3);
    let found = findings(&events, Mapped::NONE, (0, 400), 396, EngagementGap::new());
    let days = by_account(&events);
    for bursty in [false, true] {
        // A burst is told by days in a row that working days alone do not explain.
        let kind: Vec<f64> = found
            .iter()
            .filter(|finding| {
                let attrition::Id::Int(id) = finding.account else { return false };
                let days: BTreeSet<i32> = days[&id].iter().map(|event| event.day.unwrap()).collect();
                let runs = days.iter().filter(|&day| days.contains(&(day + 1))).count();
                (runs as f64 > 0.7 * days.len() as f64) == bursty
            })
            .filter_map(|finding| finding.p_value)
            .collect();
        for (level, most) in [(0.01, 0.03), (0.05, 0.1), (0.1, 0.17)] {
            let share = crate::customers::found(&kind, level);
            assert!(share < most, "bursty {bursty}: {share} at {level}");
        }
    }
}

/// Daily users who fall silent: weekends do not count, a week is much, and three are more than much.
#[test]
fn power() {
    let mut chance = Chance::new(9);
    let mut events = steady(9, 2_000, 0.3);
    for user in 10_000..10_100 {
        let (rate, silent) = if user % 2 == 0 { (0.9, 21) } else { (0.25, 56) };
        events.extend(by_the_day(&mut chance, 0, 396 - silent, rate, 0.05).into_iter().map(|day| event(user, day)));
    }
    let found = findings(&events, Mapped::NONE, (0, 400), 396, EngagementGap::new());
    let silent = |place: i64| (0..50).map(move |number| 10_000 + 2 * number + place);
    let p = |user: i64| found.of(user).next().unwrap().p_value.unwrap();
    let mut daily: Vec<f64> = silent(0).map(p).collect();
    let mut weekly: Vec<f64> = silent(1).map(p).collect();
    daily.sort_by(f64::total_cmp);
    weekly.sort_by(f64::total_cmp);
    assert!(daily[25] < 1e-3 && weekly[25] < 2e-2, "{} {}", daily[25], weekly[25]);
    let fired: Vec<_> = found.fired().collect();
    let true_ones = fired.iter().filter(|finding| finding.account.to_string().len() == 5).count();
    assert!(true_ones >= 45 && fired.len() - true_ones <= 6, "{true_ones} of {}", fired.len());
    let first = found.of(10_000).next().unwrap();
    assert_eq!((first.state, first.severity), (State::Fired, Some(Severity::High)));
    assert_eq!(first.score, first.p_value.map(|p| -p.log10()));
    let sentence = first.sentence.unwrap();
    assert!(sentence.starts_with("silent for 2") && sentence.ends_with(": ask what keeps them away"), "{sentence}");
}

#[test]
fn simulated_companies() {
    let settled = |causes: &[Planted]| {
        let options = SimulationOptions::new(1_000, 3).days(500).growth(Growth::Settled).monthly_hazard(0.0);
        company(options.causes(causes.iter().copied()))
    };
    let as_of = date(2025, 4, 24);
    let steady = ask(&portfolio(&settled(&[]), None), as_of, EngagementGap::new());
    let p = p_values(&steady);
    for level in [0.01, 0.05, 0.1] {
        assert!(found(&p, level) < 1.6 * level, "{} at {level}", found(&p, level));
    }
    let silent = Planted::new(Cause::GoingSilent, 0.05, 1.0).onset(Onset::On(date(2025, 4, 3))).hazard_ratio(1.0);
    let company = settled(&[silent]);
    let all = ask(&portfolio(&company, None), as_of, EngagementGap::new());
    let truth = struck(&company);
    let fired = all.fired().count();
    let hits = truth.iter().filter(|&&account| all.of(account).any(|finding| finding.state == State::Fired)).count();
    assert!(hits as f64 > 0.6 * truth.len() as f64 && fired - hits <= 3, "{hits} of {}, {fired}", truth.len());
    assert_blind_to_the_future(&company, date(2025, 3, 20), EngagementGap::new());
}

const UNFINISHED: i32 = 56;
const EDGES: usize = 98;

fn edge(place: usize) -> f64 {
    if place == 0 { 0.0 } else { 2.0_f64.powi((place as i32 - 1) / 8 - 3) * (1.0 + ((place - 1) % 8) as f64 / 8.0) }
}

/// Ticks of a clock of some active days, counted day by day.
fn ticks(weights: &[f64], from: i32, to: i32) -> f64 {
    (from + 1..=to).map(|day| weights[day.rem_euclid(7) as usize]).sum()
}

fn weights(days: &[i32], shares: &[f64]) -> Vec<f64> {
    let own = |weekday: i32| days.iter().filter(|day| day.rem_euclid(7) == weekday).count() as f64;
    (0..7).map(|weekday| 7.0 * (own(weekday) + 14.0 * shares[weekday as usize]) / (days.len() as f64 + 14.0)).collect()
}

/// The last active days that reach over so many weeks.
fn history(days: &[i32], weeks: i32) -> Vec<i32> {
    let last = days[days.len() - 1];
    let outside = days.iter().filter(|&&day| day <= last - 7 * weeks).count();
    days[outside.saturating_sub(1)..].to_vec()
}

fn lengths(days: &[i32], weights: &[f64]) -> Vec<f64> {
    days.windows(2).map(|ends| ticks(weights, ends[0], ends[1])).collect()
}

/// Even gaps, mean silence and group.
fn summary(gaps: &[f64]) -> (f64, f64, (usize, usize)) {
    let (sum, squares) = (gaps.iter().sum::<f64>(), gaps.iter().map(|gap| gap * gap).sum::<f64>());
    let worth = sum * sum / squares;
    let bursts = [1.4, 2.0, 2.8, 4.0].iter().filter(|&&bound| gaps.len() as f64 / worth >= bound - 1e-9).count();
    (worth, squares / sum / 2.0, (((worth + 1e-9 * worth).log2() as usize).min(6), bursts))
}

type Stretch = ((usize, usize), f64, f64, f64);

/// The share of time with a silence of so many means at the least, of stretches of gaps.
fn share(stretches: &[&Stretch], multiple: f64) -> f64 {
    let all: f64 = stretches.iter().map(|stretch| stretch.2 - stretch.1).sum();
    let beyond = |&&(_, from, to, mean): &&Stretch| (to - from.max(multiple * mean)).max(0.0);
    if all > 0.0 { stretches.iter().map(beyond).sum::<f64>() / all } else { 0.0 }
}

/// The p-value of each account, in their order.
fn naive(accounts: &[Vec<i32>], observed_from: i32, as_of: i32, weeks: i32) -> Vec<Option<f64>> {
    let customers: Vec<&Vec<i32>> =
        accounts.iter().filter(|days| days.last().is_some_and(|last| as_of - last <= 90)).collect();
    let recent: Vec<i32> =
        customers.iter().flat_map(|days| days.iter().copied()).filter(|&day| day > as_of - 7 * weeks).collect();
    let shares: Vec<f64> = (0..7)
        .map(|weekday| match recent.len() {
            0 => 1.0 / 7.0,
            all => recent.iter().filter(|day| day.rem_euclid(7) == weekday).count() as f64 / all as f64,
        })
        .collect();
    let until = as_of - UNFINISHED.min((as_of - observed_from) / 4);
    let mut stretches: Vec<Stretch> = Vec::new();
    for days in &customers {
        let own = history(days, weeks);
        let weights = weights(&own, &shares);
        for ends in own.windows(2) {
            let past: Vec<i32> = days.iter().copied().filter(|&day| day <= ends[0]).collect();
            let past = history(&past, weeks);
            let (from, to) = (ends[0].max(days[0] + 27), ends[1].min(until));
            if past.len() >= 2 && from < to {
                let (_, mean, group) = summary(&lengths(&past, &weights));
                stretches.push((group, ticks(&weights, ends[0], from), ticks(&weights, ends[0], to), mean));
            }
        }
    }
    let all: Vec<&Stretch> = stretches.iter().collect();
    let pooled = |group: (usize, usize), multiple: f64| {
        let like: Vec<&Stretch> = stretches.iter().filter(|stretch| stretch.0 == group).collect();
        let at = |place: usize| {
            let multiple = edge(place);
            let (n, of_all) = (all.len() as f64, share(&all, multiple));
            let of_all = (n * of_all + 0.5 / (1.0 + multiple)) / (n + 0.5);
            (like.len() as f64 * share(&like, multiple) + 50.0 * of_all) / (like.len() as f64 + 50.0)
        };
        let place = (0..EDGES).rev().find(|&place| edge(place) <= multiple).unwrap();
        if place == EDGES - 1 {
            return at(place) * 513.0 / (1.0 + multiple);
        }
        let way = (multiple - edge(place)) / (edge(place + 1) - edge(place));
        at(place).powf(1.0 - way) * at(place + 1).powf(way)
    };
    let judge = |days: &Vec<i32>| {
        let (&first, &last) = (days.first()?, days.last()?);
        let own = history(days, weeks);
        if as_of - first + 1 < 28 || own.len() < 2 {
            return None;
        }
        let weights = weights(&own, &shares);
        let gaps = lengths(&own, &weights);
        let (worth, mean, group) = summary(&gaps);
        let tail = |silence: f64| {
            let own = gaps.iter().map(|gap| (gap - silence).max(0.0)).sum::<f64>() / gaps.iter().sum::<f64>();
            let pooled = pooled(group, silence / mean);
            let k = if own < pooled { 10.0 / pooled } else { 10.0 };
            (worth * own + k * pooled) / (worth + k)
        };
        let silence = ticks(&weights, last, as_of);
        Some((tail(silence) + tail(silence + ticks(&weights, last - 1, last))) / 2.0)
    };
    accounts.iter().map(judge).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn oracle(seed in any::<u64>(), weeks in 4..20_i32, shift in -800..800_i32) {
        let mut chance = Chance::new(seed);
        let count = [1, 4, 12][chance.below(3) as usize];
        let accounts: Vec<Vec<i32>> = (0..count)
            .map(|_| {
                let start = shift + chance.below(150);
                let end = shift + 130 + chance.below(70);
                if chance.happens(0.5) {
                    let pause = 20.0 * chance.uniform();
                    in_bursts(&mut chance, start, end, pause)
                } else {
                    let (working, weekend) = (chance.uniform().powi(2), 0.3 * chance.uniform());
                    by_the_day(&mut chance, start, end, working, weekend)
                }
            })
            .collect();
        let mut events: Vec<Event> = Vec::new();
        for (user, days) in accounts.iter().enumerate() {
            events.extend(days.iter().map(|&day| event(user as i64, day)));
        }
        prop_assume!(!events.is_empty());
        let as_of = shift + 150 + chance.below(50);
        let trigger = || EngagementGap::new().history(weeks as u32);
        let found = findings(&events, Mapped::NONE, (shift - 10, shift + 220), as_of, trigger());
        let known: Vec<Vec<i32>> =
            accounts.iter().map(|days| days.iter().copied().filter(|&day| day <= as_of).collect()).collect();
        for (user, (expected, days)) in naive(&known, shift - 10, as_of, weeks).into_iter().zip(&known).enumerate() {
            let Some(finding) = found.of(user as i64).next() else { continue };
            let Some(expected) = expected else {
                prop_assert_eq!(finding.missing, Some("history"));
                continue;
            };
            let got = finding.p_value.unwrap();
            prop_assert!((got - expected).abs() < 1e-4 * expected + 1e-9, "{}: {} {}", user, got, expected);
            let last = days[days.len() - 1];
            prop_assert_eq!((finding.observed, finding.since), (Some(f64::from(as_of - last)), Some(day(last + 1))));
            // The mean silence at the end of each day.
            let own = history(days, weeks);
            let silences: Vec<i32> =
                (own[0]..last).map(|day| day - own.iter().filter(|&&other| other <= day).max().unwrap()).collect();
            let mean = f64::from(silences.iter().sum::<i32>()) / silences.len() as f64;
            prop_assert!((finding.expected.unwrap() - mean).abs() < 1e-9);
        }
        // What comes later makes no difference, nor does the order of rows.
        let mut past: Vec<Event> = events.into_iter().filter(|event| event.day.unwrap() <= as_of).collect();
        past.reverse();
        let then = findings(&past, Mapped::NONE, (shift - 10, as_of), as_of, trigger());
        prop_assert!(then.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
    }
}

#[test]
fn longer_silences_are_rarer() {
    // Each as another one was three weeks later.
    let ends: Vec<i32> = (0..5).map(|turn| 300 + 21 * turn).collect();
    let mut events = steady(1, 200, 0.5);
    for &end in &ends {
        events.extend((end - 297..=end).step_by(3).map(|day| event(9_000 + i64::from(end), day)));
    }
    let found = findings(&events, Mapped::NONE, (0, 400), 389, EngagementGap::new());
    let p: Vec<f64> =
        ends.iter().map(|&end| found.of(9_000 + i64::from(end)).next().unwrap().p_value.unwrap()).collect();
    assert!(p.windows(2).all(|pair| pair[0] < pair[1]) && p[0] < 1e-4 && p[4] > 0.01, "{p:?}");
}

#[test]
fn edges() {
    let of = |events: &[Event], observed, as_of| {
        let found = findings(events, Mapped::NONE, observed, as_of, EngagementGap::new());
        found.iter().map(|finding| (finding.state, finding.missing.map(str::to_owned))).collect::<Vec<_>>()
    };
    let history = || vec![(State::NotObserved, Some("history".to_owned()))];
    // One active day; two within less than 28 days, and within 28; 1969.
    assert_eq!(of(&[event(1, 5)], (5, 50), 50), history());
    assert_eq!(of(&[event(1, 5), event(1, 9)], (5, 50), 31), history());
    assert_eq!(of(&[event(1, 5), event(1, 9)], (5, 50), 32), [(State::Quiet, None)]);
    assert_eq!(of(&[event(1, -300), event(1, -299)], (-300, -250), -260), [(State::Fired, None)]);
    // Nobody is left.
    assert_eq!(of(&[event(1, 5), event(1, 9)], (5, 150), 150), []);
    // A subscription without activity, and one that has been silent for two years.
    let activity = ingest(&[event(1, 0), event(1, 1), event(1, 3)], Mapped::NONE, Some((0, 800)));
    let mut terms = attrition::polars::prelude::df!("account" => [1_i64, 2], "start" => [0, 0]).unwrap();
    terms.apply("start", |start| start.cast(&attrition::polars::prelude::DataType::Date).unwrap()).unwrap();
    let portfolio = Portfolio::new(activity).unwrap();
    let portfolio = portfolio.subscriptions(&terms, &SubscriptionColumns::new("account", "start")).unwrap();
    let found = portfolio.triggers(day(800), TriggerSet::new().with(EngagementGap::new())).unwrap();
    let missing: Vec<_> = found.iter().map(|finding| (finding.missing, finding.observed)).collect();
    assert_eq!(missing, [(None, Some(797.0)), (Some("history"), None)]);
    assert!(found.of(1).next().unwrap().p_value.unwrap() < 0.01);
}

#[test]
fn options() {
    let portfolio = Portfolio::new(ingest(&[event(1, 5)], Mapped::NONE, Some((0, 50)))).unwrap();
    for weeks in [0, 3, 157, u32::MAX] {
        let set = TriggerSet::new().with(EngagementGap::new().history(weeks));
        let error = portfolio.triggers(day(50), set).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "history", .. }), "{error}");
    }
    let trigger = EngagementGap::new().history(13).at_least(10);
    let stored = serde_json::to_string(&trigger).unwrap();
    assert_eq!(serde_json::from_str::<EngagementGap>(&stored).unwrap(), trigger);
    // Who has been silent for less than that does not fire, however rare it is.
    let mut events = steady(2, 100, 0.0);
    events.extend((0..=384).map(|day| event(9_999, day)));
    let fires = |days| {
        let found = findings(&events, Mapped::NONE, (0, 400), 394, EngagementGap::new().at_least(days));
        found.of(9_999).next().unwrap().state
    };
    assert_eq!((fires(10), fires(11)), (State::Fired, State::Quiet));
}
