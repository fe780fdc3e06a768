//! Fewer features than usual: by hand, naively, at the edges, and under chance.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    BreadthOfUse, Error, Findings, PlanColumns, Portfolio, Severity, State, SubscriptionColumns, TriggerSet,
};
use proptest::prelude::*;

use crate::customers::{Chance, assert_not_above, choices, findings, found, ingest, p_values, weeks};
use crate::log::{Event, Mapped, day, event, feature_text};

const PEOPLE: Mapped = Mapped { account: true, feature: true, value: false };
const ALONE: Mapped = Mapped { account: false, feature: true, value: false };

fn used(account: i64, user: i64, day: i32, feature: u32) -> Event {
    Event { account: Some(account), feature: Some(feature), ..event(user, day) }
}

/// Two people who come once a week for 16 weeks: the second uses all of four features in 12 weeks and then only the first.
fn narrowing() -> Vec<Event> {
    let week = |week: i32| {
        let features = if week < 12 { 0..4 } else { 0..1 };
        let second = features.map(move |feature| used(5, 51, 2 + 7 * week, feature));
        std::iter::once(used(5, 50, 1 + 7 * week, 0)).chain(second)
    };
    (0..16).flat_map(week).collect()
}

#[test]
fn by_hand() {
    let found = findings(&narrowing(), PEOPLE, (1, 112), 112, BreadthOfUse::new().least_units(8));
    let finding = found.of(5).next().unwrap();
    // Of 32 units, 8 are recent; each of three features is in 12 of them.
    let missed = (0..8).map(|place| f64::from(20 - place) / f64::from(32 - place)).product::<f64>();
    let expected = 4.0 - 3.0 * missed;
    assert!((finding.expected.unwrap() - expected).abs() < 1e-9, "{:?} {expected}", finding.expected);
    assert_eq!((finding.observed, finding.statistic), (Some(1.0), Some(1.0 / finding.expected.unwrap())));
    // All three are missed together, or none is: they are in the same units. The p-value is half the chance of that.
    let p_value = finding.p_value.unwrap();
    assert!(missed / 2.0 < 0.01 && p_value < 0.02, "{p_value} {missed}");
    assert_eq!((finding.state, finding.severity), (State::Fired, Some(Severity::High)));
    assert_eq!(finding.since, Some(day(2 + 7 * 11 + 1)));
    let sentence = finding.sentence.unwrap();
    assert_eq!(
        sentence,
        "1 feature was used in the 4 weeks to 1970-04-23, where as much use showed 4.0 before; not used any more: f001, f002, f003; show what \
         these are good for"
    );
}

#[test]
fn the_plan_is_in_the_sentence() {
    let as_date = |mut frame: DataFrame| {
        frame.apply("start", |day| day.cast(&DataType::Date).unwrap()).unwrap();
        frame
    };
    let terms = as_date(df!("account" => [5_i64], "start" => [0], "plan" => ["team"]).unwrap());
    let plans =
        df!("plan" => ["team", "team", "solo"], "feature" => [feature_text(0), feature_text(3), feature_text(1)]);
    let portfolio = Portfolio::new(ingest(&narrowing(), PEOPLE, Some((1, 112))))
        .unwrap()
        .subscriptions(&terms, &SubscriptionColumns::new("account", "start").plan("plan"))
        .unwrap()
        .plans(&plans.unwrap(), &PlanColumns::new("plan", "feature"))
        .unwrap();
    let found = portfolio.triggers(day(112), TriggerSet::new().with(BreadthOfUse::new().least_units(8))).unwrap();
    let sentence = found.of(5).next().unwrap().sentence.unwrap();
    assert!(sentence.contains(" before, 1 of the 2 that the plan offers; not"), "{sentence}");
}

/// Observed, expected and p-value.
type Naive = Option<(f64, f64, f64)>;

fn naive(events: &[Event], as_of: i32, people: bool) -> BTreeMap<i64, Naive> {
    let (recent, baseline) = (2, 9);
    let mut units: BTreeMap<i64, BTreeMap<(i32, i64), BTreeSet<u32>>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.day.unwrap() <= as_of) {
        let (account, user) = if people { (event.account, event.user.unwrap()) } else { (event.user, 0) };
        units.entry(account.unwrap()).or_default().entry((event.day.unwrap(), user)).or_default().extend(event.feature);
    }
    let judge = |units: BTreeMap<(i32, i64), BTreeSet<u32>>| {
        let (start, weeks) = weeks(units.keys().map(|unit| unit.0), 0, as_of, recent, baseline)?;
        let own: Vec<(bool, &BTreeSet<u32>)> = units
            .iter()
            .filter(|unit| (start..start + 7 * weeks as i32).contains(&unit.0.0))
            .map(|(unit, features)| (unit.0 >= start + 7 * (weeks as i32 - recent), features))
            .collect();
        let now = own.iter().filter(|unit| unit.0).count();
        let count = |places: &[usize]| places.iter().flat_map(|&place| own[place].1).collect::<BTreeSet<_>>().len();
        if now < 2 || own.len() - now < 2 {
            return None;
        }
        let observed = count(&(0..own.len()).filter(|&place| own[place].0).collect::<Vec<_>>());
        let found: Vec<usize> = choices(own.len(), now).iter().map(|places| count(places)).collect();
        let expected = found.iter().sum::<usize>() as f64 / found.len() as f64;
        let twice: usize =
            found.iter().map(|&found| usize::from(found < observed) + usize::from(found <= observed)).sum();
        (expected > 0.0).then(|| (observed as f64, expected, twice as f64 / 2.0 / found.len() as f64))
    };
    units.into_iter().map(|(account, units)| (account, judge(units))).collect()
}

/// Few days of a few accounts and people, with few features or with many, not all of which fit into a word.
fn drawn(seed: u64) -> Vec<Event> {
    let mut chance = Chance::new(seed);
    let shown = if chance.happens(0.5) { 6 } else { 150 };
    let mut events: Vec<Event> = (0..shown).map(|feature| used(99, 99, 0, feature as u32)).collect();
    for account in 0..6_i64 {
        let begins = if chance.happens(0.7) { 0 } else { chance.below(20) };
        let often = 0.05 + 0.1 * chance.uniform();
        let few = chance.happens(0.3);
        for day in begins..88 {
            for person in 0..2 {
                if chance.happens(if day < 71 { often / 2.0 } else { 1.5 * often }) {
                    let features = if few && day >= 71 { 0 } else { chance.below(4) };
                    let mut at = || chance.below(6) as u32 * (shown as u32 / 6);
                    events.extend((0..features).map(|_| used(account, 10 * account + person, day, at())));
                    events.push(Event { account: Some(account), ..event(10 * account + person, day) });
                }
            }
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn oracle(seed in any::<u64>(), people in any::<bool>()) {
        let (events, mapped) = (drawn(seed), if people { PEOPLE } else { ALONE });
        let as_of = 86;
        let trigger = || BreadthOfUse::new().recent(2).baseline(9).least_units(2);
        let found = findings(&events, mapped, (0, 90), as_of, trigger());
        for (account, expected) in naive(&events, as_of, people) {
            let Some(finding) = found.of(account).next() else { continue };
            let Some((observed, expected, p_value)) = expected else {
                prop_assert_eq!((finding.state, finding.missing), (State::NotObserved, Some("history")));
                continue;
            };
            prop_assert_eq!(finding.observed, Some(observed));
            prop_assert!((finding.expected.unwrap() - expected).abs() < 1e-4, "{:?} {}", finding.expected, expected);
            let drawn = finding.p_value.unwrap();
            if observed >= expected - 1e-6 {
                prop_assert!(drawn >= 0.5 - 1e-4, "{}", drawn);
            } else if drawn > 0.27 && p_value > 0.15 {
                // So little less that nobody looked.
            } else {
                // Twenty draws as far out, or the share of a thousand: five standard deviations.
                let error = (p_value * 0.23).max((p_value / 1_000.0).sqrt());
                prop_assert!((drawn - p_value).abs() < 5.0 * error + 0.002, "{} {}", drawn, p_value);
            }
        }
        // What comes later makes no difference, nor does the order of rows.
        let as_of = 80;
        let mut past: Vec<Event> = events.iter().filter(|event| event.day.unwrap() <= as_of).cloned().collect();
        past.reverse();
        let later = findings(&events, mapped, (0, 90), as_of, trigger()).to_frame().unwrap();
        let known = findings(&past, mapped, (0, as_of), as_of, trigger()).to_frame().unwrap();
        prop_assert!(later.equals_missing(&known));
    }
}

/// Accounts of a few people with favourites of their own, one feature an event, used after Zipf's law; `kept` says how many
/// of their favourites they keep to in a week, and `level` how much they do; some weeks are busier than others.
pub(crate) fn steady(
    seed: u64,
    accounts: i64,
    kept: impl Fn(i64, i32) -> i32,
    level: impl Fn(i32) -> f64,
) -> Vec<Event> {
    let mut chance = Chance::new(seed);
    let mut events = Vec::new();
    for account in 0..accounts {
        let busy: Vec<f64> = (0..17).map(|_| chance.gamma(10)).collect();
        for person in 0..2 + i64::from(chance.below(5)) {
            let rate = 1.0 + 4.0 * chance.uniform();
            let favourites: Vec<u32> = (0..6).map(|_| chance.below(20) as u32).collect();
            for week in -1..16 {
                for _ in 0..chance.poisson(rate * level(week) * busy[(week + 1) as usize]) {
                    let kept = kept(account, week);
                    let place = (0..kept).find(|&place| chance.happens(1.0 / f64::from(place + 2))).unwrap_or(0);
                    let day = 1 + 7 * week + chance.below(5);
                    events.push(used(account, 100 * account + person, day, favourites[place as usize]));
                }
            }
        }
    }
    events
}

/// Half-counted ties make the test shy where a few features more or less are all there is: it may find fewer false alarms
/// than it is allowed to, and never more.
#[test]
fn calibrated() {
    let all = findings(&steady(1, 2_500, |_, _| 6, |_| 1.0), PEOPLE, (-6, 112), 112, BreadthOfUse::new());
    let flat = p_values(&all);
    assert_not_above(&flat, 1.0, "flat");
    assert!([0.01, 0.05, 0.1].iter().all(|&level| found(&flat, level) > 0.4 * level), "so shy that it finds nothing");
    assert_eq!(all.fired().len(), 0);
    // Half as much use is not half as broad.
    let fewer = |week| if week < 12 { 1.0 } else { 0.5 };
    let slack = findings(&steady(2, 2_500, |_, _| 6, fewer), PEOPLE, (-6, 112), 112, BreadthOfUse::new());
    assert_not_above(&p_values(&slack), 1.6, "half the use");
}

#[test]
fn power() {
    let kept = |account: i64, week: i32| if account % 10 == 0 && week >= 12 { 2 } else { 6 };
    let all = findings(&steady(3, 1_500, kept, |_| 1.0), PEOPLE, (-6, 112), 112, BreadthOfUse::new());
    let own = |fell: bool| {
        let of = all.iter().filter(move |finding| finding.account.to_string().ends_with('0') == fell);
        of.filter_map(|finding| finding.p_value).collect::<Vec<_>>()
    };
    let (fell, steady) = (found(&own(true), 0.05), found(&own(false), 0.05));
    assert!(fell > 0.7 && steady < 0.07, "{fell} {steady}");
}

#[test]
fn edges() {
    let of = |events: &[Event], mapped, observed, as_of| -> Vec<(State, Option<String>)> {
        let found: Findings = findings(events, mapped, observed, as_of, BreadthOfUse::new().least_units(2));
        found.iter().map(|finding| (finding.state, finding.missing.map(str::to_owned))).collect()
    };
    let missing = |what: &str| vec![(State::NotObserved, Some(what.to_owned()))];
    let accounts = Mapped { account: true, ..Mapped::NONE };
    assert_eq!(of(&narrowing(), accounts, (1, 112), 112), missing("feature"));
    assert_eq!(of(&narrowing(), PEOPLE, (1, 112), 60), missing("history"));
    assert_eq!(of(&[used(1, 1, 5, 0)], PEOPLE, (5, 5), 5), missing("history"));
    // Days without a feature are units too; with nothing but these there is nothing to compare.
    let bare: Vec<Event> = narrowing().into_iter().map(|event| Event { feature: None, ..event }).collect();
    assert_eq!(of(&bare, PEOPLE, (1, 112), 112), missing("history"));
    // Nothing is used any more, in 1969.
    let lost: Vec<Event> = narrowing()
        .into_iter()
        .map(|event| Event { feature: event.feature.filter(|_| event.day.unwrap() < 85), ..event })
        .map(|event| Event { day: event.day.map(|day| day - 300), ..event })
        .collect();
    assert_eq!(of(&lost, PEOPLE, (-299, -188), -188), [(State::Fired, None)]);
}

#[test]
fn options() {
    let portfolio = Portfolio::new(ingest(&narrowing(), PEOPLE, Some((1, 112)))).unwrap();
    let usual = BreadthOfUse::new;
    for (trigger, name) in [
        (usual().recent(0), "recent"),
        (usual().baseline(7), "baseline"),
        (usual().least_units(0), "least_units"),
        (usual().severities(0.0, 0.1, 0.2), "severities"),
    ] {
        let error = portfolio.triggers(day(112), TriggerSet::new().with(trigger)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let stored = serde_json::to_string(&usual().least_units(3)).unwrap();
    assert_eq!(serde_json::from_str::<BreadthOfUse>(&stored).unwrap(), usual().least_units(3));
}
