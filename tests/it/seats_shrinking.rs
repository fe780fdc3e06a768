//! Fewer people and fewer seats: by hand, naively, at the edges, and under chance.

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{
    CommonMovement, Error, Findings, Portfolio, SeatsShrinking, Severity, State, SubscriptionColumns, TriggerSet,
};
use proptest::prelude::*;

use crate::customers::{
    Chance, add_residuals, assert_calibrated, assert_not_above, by_account, findings, found, index, ingest, p_values,
    permuted, weeks,
};
use crate::log::{Event, Mapped, day, event};

const PEOPLE: Mapped = Mapped { account: true, feature: false, value: false };

fn by(account: i64, user: i64, day: i32) -> Event {
    Event { account: Some(account), ..event(user, day) }
}

/// Five people who come every week, of whom two stay away from the thirteenth on.
fn shrinking() -> Vec<Event> {
    (0..16).flat_map(|week| (0..if week < 12 { 5 } else { 3 }).map(move |user| by(8, user, 1 + 7 * week))).collect()
}

#[test]
fn by_hand() {
    let found = findings(&shrinking(), PEOPLE, (1, 112), 112, SeatsShrinking::new());
    let finding = found.of(8).next().unwrap();
    assert_eq!((finding.observed, finding.expected, finding.statistic), (Some(3.0), Some(5.0), Some(0.6)));
    assert_eq!(finding.severity, Some(Severity::Medium));
    assert!(finding.p_value.unwrap() < 1e-9);
    assert_eq!(finding.since, Some(day(85)));
    assert_eq!(
        finding.sentence,
        Some(
            "3 people were active in the 4 weeks to 1970-04-23, where 5.0 were to be expected, a ratio of 0.60: ask who left and whether their \
             work goes on"
        )
    );
    // Whoever leaves and is replaced is no loss.
    let replaced: Vec<Event> = (0..16)
        .flat_map(|week| (0..5).map(move |user| by(8, user + 10 * i64::from(week >= 12 && user < 2), 1 + 7 * week)))
        .collect();
    let finding = findings(&replaced, PEOPLE, (1, 112), 112, SeatsShrinking::new());
    assert_eq!(finding.of(8).next().map(|finding| (finding.p_value, finding.statistic)), Some((Some(0.5), Some(1.0))));
}

/// Account, start, renewal, end and seats.
type Term = (i64, i32, Option<i32>, Option<i32>, Option<f64>);

fn terms(terms: &[Term]) -> DataFrame {
    let mut frame = df!(
        "account" => terms.iter().map(|term| term.0).collect::<Vec<_>>(),
        "start" => terms.iter().map(|term| term.1).collect::<Vec<_>>(),
        "renewal" => terms.iter().map(|term| term.2).collect::<Vec<_>>(),
        "ended" => terms.iter().map(|term| term.3).collect::<Vec<_>>(),
        "seats" => terms.iter().map(|term| term.4).collect::<Vec<_>>(),
    )
    .unwrap();
    for column in ["start", "renewal", "ended"] {
        frame.apply(column, |day| day.cast(&DataType::Date).unwrap()).unwrap();
    }
    frame
}

fn with_terms(events: &[Event], mapped: Mapped, rows: &[Term], as_of: i32) -> Findings {
    let columns = SubscriptionColumns::new("account", "start").renewal("renewal").ended("ended").seats("seats");
    let portfolio = Portfolio::new(ingest(events, mapped, Some((0, 400)))).unwrap();
    let portfolio = portfolio.subscriptions(&terms(rows), &columns).unwrap();
    portfolio.triggers(day(as_of), TriggerSet::new().with(SeatsShrinking::new())).unwrap()
}

#[test]
fn seats_by_hand() {
    let one = [by(1, 1, 0)];
    let ask = |rows: &[Term], as_of| {
        let found = with_terms(&one, Mapped::NONE, rows, as_of);
        let finding = found.of(1).next().unwrap();
        (finding.severity, finding.observed, finding.expected, finding.since, finding.missing.map(str::to_owned))
    };
    let before = (1, 0, Some(30), None, Some(10.0));
    let now = |seats: f64| (1, 30, Some(60), None, Some(seats));
    let fired = |severity, seats| (Some(severity), Some(seats), Some(10.0), Some(day(30)), None);
    let quiet = (None, None, None, None, None);
    assert_eq!(ask(&[before, now(7.0)], 30), fired(Severity::High, 7.0));
    assert_eq!(ask(&[before, now(7.5)], 40), fired(Severity::Medium, 7.5));
    assert_eq!(ask(&[before, now(10.0)], 40), quiet);
    assert_eq!(ask(&[before, now(7.0)], 29), quiet);
    // It is silently renewed, and after 90 days an old story.
    assert_eq!(ask(&[before, now(7.0)], 119), fired(Severity::High, 7.0));
    assert_eq!(ask(&[before, now(7.0)], 120), quiet);
    // A second subscription, or one that ran beside it, is no loss.
    let beside = (1, 0, Some(365), None, Some(100.0));
    assert_eq!(ask(&[beside, (1, 30, Some(60), None, Some(5.0))], 40), quiet);
    assert_eq!(ask(&[before, beside, now(10.0)], 40), quiet);
    assert_eq!(
        ask(&[before, beside, now(7.0)], 40),
        (Some(Severity::Medium), Some(107.0), Some(110.0), Some(day(30)), None)
    );
    // Ended a few days before the next one began.
    assert_eq!(ask(&[(1, 0, Some(365), Some(25), Some(10.0)), now(7.0)], 40), fired(Severity::High, 7.0));
    // Without numbers, or without a term before.
    assert_eq!(ask(&[(1, 0, None, None, None)], 40), (None, None, None, None, Some("people".to_owned())));
    assert_eq!(ask(&[now(3.0)], 40), quiet);
    let found = with_terms(&one, Mapped::NONE, &[before, now(7.0)], 40);
    assert_eq!(
        found.of(1).next().unwrap().sentence,
        Some(
            "7 seats are paid for since 1970-01-31, 30.0 % fewer than the 10 before: ask what they are no longer needed for, \
             before the next renewal"
        )
    );
}

/// Neither ends that come later nor terms that begin later are known yet.
#[test]
fn the_future_of_terms_is_not_known() {
    let known: [Term; 3] =
        [(8, 0, Some(365), None, Some(10.0)), (3, 0, Some(50), None, Some(4.0)), (3, 50, None, None, Some(2.0))];
    let later: [Term; 4] = [
        (8, 0, Some(365), Some(200), Some(10.0)),
        known[1],
        (3, 50, None, Some(130), Some(2.0)),
        (8, 130, None, None, Some(1.0)),
    ];
    let mut events = shrinking();
    events.push(by(3, 30, 100));
    let past = with_terms(&events, PEOPLE, &known, 112);
    events.extend([by(8, 4, 113), by(8, 77, 120), by(9, 90, 150)]);
    let found = with_terms(&events, PEOPLE, &later, 112);
    assert!(past.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
    let fired: Vec<String> = found.fired().map(|finding| finding.account.to_string()).collect();
    assert_eq!(fired, ["3", "8"]);
}

/// Observed, expected, p-value.
type Naive = Option<(f64, f64, f64)>;

fn naive(events: &[Event], from: i32, as_of: i32, recent: usize, baseline: usize) -> Vec<Naive> {
    let (all, known) = (recent + baseline, by_account(events));
    let window =
        |own: &[&Event]| weeks(own.iter().map(|event| event.day.unwrap()), from, as_of, recent as i32, baseline as i32);
    let distinct = |own: &[&Event], first: i32, weeks: usize| {
        let within = own.iter().filter(|event| (first..first + 7 * weeks as i32).contains(&event.day.unwrap()));
        within.map(|event| event.user.unwrap()).collect::<BTreeSet<_>>().len() as f64
    };
    let numbers = |own: &[&Event], start: i32, weeks: usize| -> (Vec<f64>, Vec<f64>, usize) {
        let first = |week: usize| start + 7 * week as i32;
        let of_weeks: Vec<f64> = (0..weeks).map(|week| distinct(own, first(week), 1)).collect();
        let stretches = (0..=weeks - recent).map(|week| distinct(own, first(week), recent)).collect();
        let share = of_weeks.iter().sum::<f64>() / weeks as f64 / distinct(own, start, weeks);
        (of_weeks, stretches, ((4.0 * share + 1e-9) as usize).min(3))
    };
    let (mut of_weeks, mut of_stretches) = (Vec::new(), Vec::new());
    for own in known.values() {
        let silent = own.iter().map(|event| event.day.unwrap()).filter(|&day| day <= as_of).max();
        if let Some((start, weeks)) = window(own).filter(|window| window.1 == all)
            && silent.is_some_and(|last| as_of - last <= 90)
        {
            let (weeks, stretches, class) = numbers(own, start, weeks);
            if weeks.iter().any(|&count| count > 0.0) {
                of_weeks.push((class, weeks));
                of_stretches.push((class, stretches));
            }
        }
    }
    let judge = |own: &Vec<&Event>| {
        let (start, weeks) = window(own)?;
        let (counts, stretches, class) = numbers(own, start, weeks);
        let (by_week, moves) = index(&of_weeks, class, all);
        let by_stretch = index(&of_stretches, class, all - recent + 1).0;
        let usual = |index: Vec<f64>| if moves { index[all - weeks..].to_vec() } else { vec![1.0; weeks] };
        let (by_week, by_stretch) = (usual(by_week), usual(by_stretch));
        let kept: Vec<usize> = (0..weeks).filter(|&week| by_week[week] > 0.0).collect();
        let now = kept.iter().filter(|&&week| week >= weeks - recent).count();
        let before: Vec<f64> = (0..=weeks - 2 * recent)
            .filter(|&week| by_stretch[week] > 0.0)
            .map(|week| stretches[week] / by_stretch[week])
            .collect();
        let last = weeks - recent;
        let none = before.iter().sum::<f64>() == 0.0 || by_stretch[last] == 0.0;
        if now == 0 || kept.len() - now < 8 || none {
            return None;
        }
        let expected = before.iter().sum::<f64>() / before.len() as f64 * by_stretch[last];
        let of = |numbers: &[f64]| kept.iter().map(|&week| numbers[week]).collect::<Vec<f64>>();
        let mut scores = vec![0.0; kept.len()];
        add_residuals(&mut scores, &of(&counts), &of(&by_week));
        let same = kept.iter().all(|&week| counts[week] == counts[kept[0]]);
        Some((stretches[last], expected, if same { 0.5 } else { permuted(&scores, now) }))
    };
    known.values().map(judge).collect()
}

fn drawn(seed: u64) -> Vec<Event> {
    let mut chance = Chance::new(seed);
    let accounts = [3, 60, 160][chance.below(3) as usize];
    let slack: Vec<f64> = (0..12).map(|_| [1.0, 1.0, 0.5, 0.1][chance.below(4) as usize]).collect();
    let mut events = vec![by(0, 0, 83)];
    for account in 0..accounts {
        for person in 0..=i64::from(chance.below(5)) {
            let often = 0.3 * chance.uniform();
            let begins = if chance.happens(0.7) { 0 } else { chance.below(60) };
            let ends = if chance.happens(0.6) { 84 } else { chance.below(84) };
            for day in begins..ends {
                if chance.happens(often * slack[day as usize / 7]) {
                    events.push(by(account, 10 * account + person, day));
                }
            }
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn oracle(seed in any::<u64>(), earlier in 0..4) {
        let (events, as_of) = (drawn(seed), 83 - earlier);
        let trigger = || SeatsShrinking::new().recent(2).baseline(9);
        let found = findings(&events, PEOPLE, (0, 83), as_of, trigger());
        for (&account, expected) in by_account(&events).keys().zip(naive(&events, 0, as_of, 2, 9)) {
            let Some(finding) = found.of(account).next() else { continue };
            let Some((observed, expected, p_value)) = expected else {
                prop_assert_eq!((finding.state, finding.missing), (State::NotObserved, Some("history")));
                continue;
            };
            prop_assert_eq!(finding.observed, Some(observed));
            prop_assert!((finding.expected.unwrap() - expected).abs() < 1e-6, "{:?} {}", finding.expected, expected);
            prop_assert!((finding.p_value.unwrap() - p_value).abs() < 1e-6, "{:?} {}", finding.p_value, p_value);
        }
        let mut past: Vec<Event> = events.iter().filter(|event| event.day.unwrap() <= as_of).cloned().collect();
        past.reverse();
        let known = findings(&past, PEOPLE, (0, as_of), as_of, trigger());
        prop_assert!(known.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
    }
}

/// Accounts of people who come in most weeks and stay for a year on average, each replaced at once; `lost` of the first ones
/// are gone from the thirteenth week on, and `level` says how often all come in a week.
fn steady(seed: u64, accounts: i64, lost: impl Fn(i64) -> f64, level: impl Fn(i32) -> f64) -> Vec<Event> {
    let mut chance = Chance::new(seed);
    let mut events = Vec::new();
    let mut user = 0;
    for account in 0..accounts {
        let people = 3 + chance.below(15);
        for person in 0..people {
            let rate = 0.4 + 2.2 * chance.gamma(1);
            let stays = if f64::from(person) < lost(account) * f64::from(people) { 12 } else { 16 };
            user += 1;
            for week in -1..stays {
                user += i64::from(chance.happens(7.0 / 365.0));
                if chance.happens(1.0 - (-rate * level(week)).exp()) {
                    events.push(by(account, user, 1 + 7 * week + chance.below(5)));
                }
            }
        }
    }
    events
}

#[test]
fn calibrated() {
    let found = findings(&steady(1, 3_000, |_| 0.0, |_| 1.0), PEOPLE, (-6, 112), 112, SeatsShrinking::new());
    assert_calibrated(&p_values(&found), "people who come and go");
    assert!(found.fired().len() <= 3, "{} of 3000 unchanged accounts fire", found.fired().len());
}

#[test]
fn a_holiday_of_all_is_no_loss() {
    let events = steady(2, 3_000, |_| 0.0, |week| if week >= 13 { 0.5 } else { 1.0 });
    assert_not_above(&p_values(&findings(&events, PEOPLE, (-6, 112), 112, SeatsShrinking::new())), 2.0, "holiday");
    let alone = SeatsShrinking::new().common_movement(CommonMovement::Kept);
    let kept = found(&p_values(&findings(&events, PEOPLE, (-6, 112), 112, alone)), 0.05);
    assert!(kept > 0.3, "{kept}");
}

#[test]
fn power() {
    let lost = |account: i64| if account % 10 == 0 { 0.4 } else { 0.0 };
    let all = findings(&steady(3, 1_500, lost, |_| 1.0), PEOPLE, (-6, 112), 112, SeatsShrinking::new());
    let own = |fell: bool| {
        let of = all.iter().filter(move |finding| finding.account.to_string().ends_with('0') == fell);
        of.filter_map(|finding| finding.p_value).collect::<Vec<_>>()
    };
    let (fell, steady) = (found(&own(true), 0.05), found(&own(false), 0.05));
    assert!(fell > 0.85 && steady < 0.07, "{fell} {steady}");
}

#[test]
fn edges() {
    let of = |events: &[Event], mapped, observed, as_of| -> Vec<(State, Option<String>)> {
        let found = findings(events, mapped, observed, as_of, SeatsShrinking::new());
        found.iter().map(|finding| (finding.state, finding.missing.map(str::to_owned))).collect()
    };
    let missing = |what: &str| vec![(State::NotObserved, Some(what.to_owned()))];
    let users: Vec<Event> = shrinking().into_iter().map(|event| Event { user: Some(1), ..event }).collect();
    assert_eq!(of(&users, Mapped::NONE, (1, 112), 112), missing("people"));
    assert_eq!(of(&shrinking(), PEOPLE, (1, 112), 60), missing("history"));
    assert_eq!(of(&[by(1, 1, 5)], PEOPLE, (5, 5), 5), missing("history"));
    // Nobody in the baseline; 1969.
    assert_eq!(of(&[by(1, 1, 0), by(1, 1, 112)], PEOPLE, (0, 112), 112), missing("history"));
    let shifted: Vec<Event> =
        shrinking().into_iter().map(|event| Event { day: event.day.map(|day| day - 300), ..event }).collect();
    assert_eq!(of(&shifted, PEOPLE, (-299, -188), -188), [(State::Fired, None)]);
}

#[test]
fn options() {
    let portfolio = Portfolio::new(ingest(&shrinking(), PEOPLE, Some((1, 112)))).unwrap();
    let usual = SeatsShrinking::new;
    for (trigger, name) in [
        (usual().recent(9), "recent"),
        (usual().baseline(3), "baseline"),
        (usual().bought_within(0), "bought_within"),
        (usual().severities(0.2, 0.5, 0.4), "severities"),
    ] {
        let error = portfolio.triggers(day(112), TriggerSet::new().with(trigger)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let stored = serde_json::to_string(&usual().bought_within(30)).unwrap();
    assert_eq!(serde_json::from_str::<SeatsShrinking>(&stored).unwrap(), usual().bought_within(30));
}
