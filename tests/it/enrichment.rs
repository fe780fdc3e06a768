//! What is known of customers when they left: against looking at each day by itself, by its laws, and at the edges.

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{
    Cancellation, ChurnRecords, CustomerId, Departure, EngagementClass, EnrichmentOptions, Error, Planted, Portfolio,
    Reason, SimulationOptions, State, SubscriptionColumns, Taxonomy, TriggerSet, Warning, WarningOptions,
};
use attrition::{Cause, Company};
use proptest::prelude::*;

use crate::log::{Event, Mapped, day, event, ingest};

const LAST: i32 = 400;
const MAPPED: Mapped = Mapped { account: false, feature: true, value: false };

fn reason() -> Reason {
    Reason::new("price", "too_expensive")
}

fn records(left: &[(i64, i32)]) -> ChurnRecords {
    let gone = left.iter().map(|&(account, on)| Cancellation::new(account, day(on), reason()));
    ChurnRecords::of(gone, &Taxonomy::standard()).unwrap()
}

fn portfolio(events: &[Event], last: i32) -> Portfolio {
    Portfolio::new(ingest(events, MAPPED, Some((0, last)))).unwrap()
}

fn used(user: i64, day: i32, feature: u32) -> Event {
    Event { feature: Some(feature), ..event(user, day) }
}

/// The departure of an account on a day, by its active days and nothing else.
fn naive(events: &[Event], account: i64, on: i32, before: Option<i32>) -> Known {
    let own = || events.iter().filter(|event| event.user == Some(account) && event.day.unwrap() < on);
    let all: BTreeSet<i32> = own().map(|event| event.day.unwrap()).collect();
    let again = before.map_or(i32::MIN, |before| before + 1);
    let first = all.iter().copied().find(|&day| day >= again);
    let since = first.filter(|&first| first > 0);
    let start = since.unwrap_or(0).max(again).min(on);
    let days: Vec<i32> = all.into_iter().filter(|&day| day >= start).collect();
    let count = (on - start) / 7;
    let weeks: Vec<f64> = (0..count)
        .map(|week| on - 7 * (count - week))
        .map(|first| days.iter().filter(|&&day| (first..first + 7).contains(&day)).count() as f64)
        .collect();
    let mean = |weeks: &[f64]| weeks.iter().sum::<f64>() / weeks.len() as f64;
    let last = |weeks: &[f64], number: usize| weeks[weeks.len() - weeks.len().min(number)..].to_vec();
    let silence = days.last().map(|last| on - last);
    let features = |from: i32| {
        own()
            .filter(|event| event.day.unwrap() >= from.max(start))
            .filter_map(|event| event.feature)
            .collect::<BTreeSet<_>>()
            .len() as u32
    };
    Known {
        since,
        active: days.len() as u32,
        silence,
        level: (!weeks.is_empty()).then(|| mean(&weeks)),
        recent: (!weeks.is_empty()).then(|| mean(&last(&weeks, 4))),
        class: class(&days, &weeks, silence.map(|days| days - 1), since.is_some()),
        recent_features: features(on - 28),
        features: features(i32::MIN),
    }
}

#[derive(Debug, PartialEq)]
struct Known {
    since: Option<i32>,
    active: u32,
    silence: Option<i32>,
    level: Option<f64>,
    recent: Option<f64>,
    class: Option<EngagementClass>,
    recent_features: u32,
    features: u32,
}

fn class(days: &[i32], weeks: &[f64], silence: Option<i32>, seen: bool) -> Option<EngagementClass> {
    let mean = |weeks: &[f64]| weeks.iter().sum::<f64>() / weeks.len() as f64;
    if weeks.is_empty() {
        return None;
    }
    let stretch = weeks.len().min(4);
    if (0..=weeks.len() - stretch).all(|first| mean(&weeks[first..first + stretch]) < 1.0) {
        return seen.then_some(EngagementClass::NeverTookOff);
    }
    if let Some(silence) = silence
        && silence >= 14
        && days.windows(2).all(|pair| pair[1] - pair[0] < silence)
    {
        let before = &weeks[..weeks.len() - (silence as usize / 7).min(weeks.len())];
        if before.is_empty() || mean(&before[before.len().saturating_sub(4)..]) >= mean(before) / 2.0 {
            return Some(EngagementClass::SuddenStop);
        }
    }
    let seen = &weeks[weeks.len().saturating_sub(52)..];
    let falls = seen.len() >= 8 && {
        // Mann and Kendall, and the median of all slopes, pair by pair.
        let mut slopes = Vec::new();
        let mut score = 0.0;
        for later in 0..seen.len() {
            for earlier in 0..later {
                let rise: f64 = seen[later] - seen[earlier];
                score += if rise > 0.0 {
                    1.0
                } else if rise < 0.0 {
                    -1.0
                } else {
                    0.0
                };
                slopes.push(rise / (later - earlier) as f64);
            }
        }
        slopes.sort_by(f64::total_cmp);
        let slope = (slopes[(slopes.len() - 1) / 2] + slopes[slopes.len() / 2]) / 2.0;
        let part = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
        let distinct: BTreeSet<u64> = seen.iter().map(|week| week.to_bits()).collect();
        let ties: f64 =
            distinct.iter().map(|bits| part(seen.iter().filter(|week| week.to_bits() == *bits).count() as f64)).sum();
        let variance = part(seen.len() as f64) - ties;
        let z = if score == 0.0 || variance <= 0.0 { 0.0 } else { (score - f64::signum(score)) / variance.sqrt() };
        // The quantile of the standard normal distribution at 0.975.
        slope < 0.0 && z <= -1.959_963_984_540_054
    };
    let recent = mean(&weeks[weeks.len().saturating_sub(4)..]);
    let fades = falls && recent <= 2.0 / 3.0 * mean(seen);
    Some(if fades { EngagementClass::Fading } else { EngagementClass::Steady })
}

fn plain(departure: &Departure) -> Known {
    Known {
        since: departure.member_since.map(|date| date.days_since_epoch()),
        active: departure.active_days,
        silence: departure.silence_days.map(|days| days as i32),
        level: departure.level,
        recent: departure.recent_level,
        class: departure.class,
        recent_features: departure.recent_features.unwrap(),
        features: departure.features.unwrap(),
    }
}

/// Accounts of all sorts: steady, falling, ending, never beginning.
fn drawn() -> impl Strategy<Value = Vec<Event>> {
    let account = (0..200_i32, 1..200_i32, 0.02..0.9_f64, 0.0..1.5_f64, 1..400_i32, any::<u64>());
    prop::collection::vec(account, 1..8).prop_map(|accounts| {
        let mut events = Vec::new();
        for (user, (begins, lasts, often, change, stop, seed)) in (0..).zip(accounts) {
            let mut state = seed | 1;
            events.push(used(user, begins, 0));
            for day in begins..LAST.min(begins + stop) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let often = if day - begins < lasts { often } else { often * change };
                if (state >> 40) as f64 / (1_u64 << 24) as f64 <= often {
                    events.push(used(user, day, (state >> 35) as u32 % 5));
                }
            }
        }
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn oracle(events in drawn(), ends in prop::collection::vec((0..9_i64, 0..LAST), 1..10)) {
        let ends: Vec<(i64, i32)> = ends.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let records = records(&ends);
        let found = portfolio(&events, LAST).enrich(&records, EnrichmentOptions::new()).unwrap();
        prop_assert_eq!(found.len(), ends.len());
        for row in 0..found.len() {
            let attrition::Id::Int(account) = found.customer(row) else { panic!("{:?}", found.customer(row)) };
            let on = found.date(row).days_since_epoch();
            let before = ends.iter().filter(|end| end.0 == account && end.1 < on).map(|end| end.1).max();
            let Some(departure) = found.get(row) else {
                prop_assert!(events.iter().all(|event| event.user != Some(account)));
                continue;
            };
            prop_assert_eq!(plain(departure), naive(&events, account, on, before));
            prop_assert_eq!(departure.tenure_days.map(|days| on - days as i32), plain(departure).since);
        }
        // Whatever comes after the last of them makes no difference, nor does the order of rows.
        let last = ends.iter().map(|end| end.1).max().unwrap();
        let mut past: Vec<Event> = events.iter().filter(|event| event.day.unwrap() <= last).cloned().collect();
        past.reverse();
        if !past.is_empty() {
            let then = portfolio(&past, last).enrich(&records, EnrichmentOptions::new()).unwrap();
            for row in (0..found.len()).filter(|&row| then.get(row).is_some()) {
                prop_assert_eq!(then.get(row), found.get(row));
            }
        }
    }
}

#[test]
fn memberships() {
    let events: Vec<Event> = [10, 12, 20, 60, 61, 62, 63, 64].map(|day| used(1, day, 0)).into();
    let mut terms = df!("account" => [1_i64, 1], "start" => [5, 50]).unwrap();
    terms.apply("start", |start| start.cast(&DataType::Date).unwrap()).unwrap();
    let with_terms =
        portfolio(&events, 100).subscriptions(&terms, &SubscriptionColumns::new("account", "start")).unwrap();
    let twice = records(&[(1, 30), (1, 70)]);
    let of = |portfolio: &Portfolio, records: &ChurnRecords| -> Vec<(Option<i32>, u32)> {
        let found = portfolio.enrich(records, EnrichmentOptions::new()).unwrap();
        let one = |row: usize| found.get(row).map(|of| (plain(of).since, of.active_days)).unwrap();
        (0..found.len()).map(one).collect()
    };
    assert_eq!(of(&portfolio(&events, 100), &twice), [(Some(10), 3), (Some(60), 5)]);
    assert_eq!(of(&with_terms, &twice), [(Some(5), 3), (Some(50), 5)]);
    // What the record says counts before all else, and may lie before the observation.
    let told = Cancellation::new(1_i64, day(70), reason()).started_on(day(-300));
    let told = ChurnRecords::of([told], &Taxonomy::standard()).unwrap();
    assert_eq!(of(&with_terms, &told), [(Some(-300), 8)]);
}

#[test]
fn edges() {
    let events = [used(1, 3, 0), used(2, 0, 1)];
    let ask = |left: &[(i64, i32)]| portfolio(&events, 9).enrich(&records(left), EnrichmentOptions::new()).unwrap();
    // Unknown accounts, and days that were not observed.
    let found = ask(&[(1, 3), (1, 10), (1, -1), (7, 3)]);
    assert_eq!((found.len(), found.unknown()), (4, 3));
    let known: Vec<bool> = (0..4).map(|row| found.get(row).is_some()).collect();
    assert_eq!(known, [false, true, false, false]);
    let same_day = found.get(1).unwrap();
    assert_eq!((same_day.tenure_days, same_day.silence_days, same_day.class), (None, None, None));
    assert_eq!((same_day.level, same_day.trend), (None, None));
    // It may have been there before the log began.
    let before = ask(&[(2, 6)]);
    let before = before.get(0).unwrap();
    assert_eq!((before.member_since, before.class, before.silence_days), (None, None, Some(6)));
    // Gone before it was ever seen.
    let never = ask(&[(1, 2)]);
    assert_eq!(never.get(0).map(|of| (of.active_days, of.silence_days)), Some((0, None)));
    let empty = ask(&[]);
    assert!(empty.is_empty() && empty.to_frame().unwrap().height() == 0);
    // Text and integers know nothing of each other.
    let text = ChurnRecords::of([Cancellation::new("1", day(3), reason())], &Taxonomy::standard()).unwrap();
    let usual = EnrichmentOptions::new;
    assert_eq!(portfolio(&events, 9).enrich(&text, usual()).unwrap().unknown(), 1);
    for (options, name) in [
        (usual().weeks(7), "weeks"),
        (usual().took_off(0.0), "took_off"),
        (usual().stop_days(0), "stop_days"),
        (usual().faded(1.0), "faded"),
        (usual().level(f64::NAN), "level"),
    ] {
        let error = portfolio(&events, 9).enrich(&text, options).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
}

#[test]
fn enriched_records_keep_what_they_say_themselves() {
    let portfolio = portfolio(&[used(1, 3, 0), used(2, 4, 0)], 40);
    let left = |who: i64| Cancellation::new(who, day(30), reason()).value(1.0);
    let of = |all: [Cancellation; 2]| ChurnRecords::of(all, &Taxonomy::standard()).unwrap();
    let options = EnrichmentOptions::new().without_health();
    let enrich = |records: &ChurnRecords, options: &EnrichmentOptions| {
        records.enriched(&portfolio.enrich(records, options.clone()).unwrap())
    };
    let attribute = |records: &ChurnRecords, row, name: &str| records.get(row).attributes.get(name).cloned();
    let never = Some("never_took_off".to_owned());

    let plain = enrich(&of([left(1), left(7)]), &options).unwrap();
    assert_eq!((attribute(&plain, 0, "engagement"), attribute(&plain, 1, "engagement")), (never.clone(), None));
    assert_eq!((plain.get(0).started_on, plain.get(1).started_on), (Some(day(3)), None));
    assert_eq!(plain.values(), [Some(1.0); 2]);
    assert_eq!(plain.to_frame().unwrap().schema().get("attribute_health"), None, "it was left out");
    // What was enriched before may be again.
    assert_eq!(enrich(&plain, &options).unwrap(), plain);

    // Attributes of their own with these names.
    let own = of([left(1).attribute("engagement", "daily").attribute("health", "ill"), left(2)]);
    let refused = enrich(&own, &options).unwrap_err();
    assert!(matches!(&refused, Error::InvalidOption { option: "attribute", value, .. } if value == "\"engagement\""));
    assert!(refused.to_string().contains("EnrichmentOptions::attributes"), "{refused}");
    let named = options.clone().attributes("engagement_seen", "health_seen");
    let both = enrich(&own, &named).unwrap();
    assert_eq!(attribute(&both, 0, "engagement").as_deref(), Some("daily"));
    assert_eq!(attribute(&both, 0, "health").as_deref(), Some("ill"));
    assert_eq!(attribute(&both, 0, "engagement_seen"), never);
    let grouping = attrition::ReasonGrouping::Attribute("engagement_seen".to_owned());
    assert!(both.reasons_by(&grouping, attrition::ReasonsByOptions::new()).is_ok());
    // Where nothing is found for somebody who says something, that is no agreement either.
    let own = of([left(1), left(7).attribute("engagement", "never_took_off")]);
    assert!(enrich(&own, &options).is_err());

    for (engagement, health) in [("a", "a"), ("", "b")] {
        let error = portfolio.enrich(&own, options.clone().attributes(engagement, health)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "attributes", .. }), "{error}");
    }
    let others = portfolio.enrich(&plain, options).unwrap();
    assert!(matches!(of([left(1), left(2)]).enriched(&others), Err(Error::Incompatible { .. })));
}

#[test]
fn frames() {
    let found = portfolio(&[used(1, 3, 0)], 20).enrich(&records(&[(1, 19), (7, 5)]), EnrichmentOptions::new()).unwrap();
    let frame = found.to_frame().unwrap();
    let known: Vec<Option<bool>> = frame.column("known").unwrap().bool().unwrap().iter().collect();
    assert_eq!(known, [Some(false), Some(true)]);
    let tenure: Vec<Option<u32>> = frame.column("tenure_days").unwrap().u32().unwrap().iter().collect();
    assert_eq!(tenure, [None, Some(16)]);
    let class: Vec<Option<&str>> = frame.column("class").unwrap().str().unwrap().iter().collect();
    assert_eq!(class, [None, Some("never_took_off")]);
    assert!(found.to_string().starts_with("2 cancellations, of 1 nothing is known\nmedian days of membership 16, of"));
}

/// A company in which a few causes make customers leave.
fn company() -> (Portfolio, ChurnRecords) {
    let causes =
        [Cause::UsageDecline, Cause::PaymentTrouble, Cause::ChampionLeaves].map(|cause| Planted::new(cause, 0.2, 0.7));
    let options = SimulationOptions::new(120, 5).days(500).causes(causes).monthly_hazard(0.02);
    let company = Company::simulate(options).unwrap();
    let cancelled = company.cancellations().unwrap();
    let left = cancelled.column("date").unwrap().cast(&DataType::Int32).unwrap();
    let accounts = cancelled.column("account").unwrap().i64().unwrap();
    let gone = accounts.iter().zip(left.i32().unwrap().iter()).filter_map(|(account, left)| account.zip(left));
    let gone: Vec<(i64, i32)> = gone.collect();
    assert!(gone.len() > 20, "{}", gone.len());
    (company.portfolio().unwrap(), records(&gone))
}

#[test]
fn health_is_that_of_the_last_date_before() {
    let (portfolio, records) = company();
    let found = portfolio.enrich(&records, EnrichmentOptions::new()).unwrap();
    let observed = portfolio.activity().observed_from();
    let mut scored = 0;
    for row in 0..found.len() {
        let on = found.date(row);
        // Every fourth Sunday, -4 being one.
        let mut back = (1..=28).map(|back| on - back);
        let date = back.find(|&date| date >= observed && (date.days_since_epoch() + 4) % 28 == 0);
        let expected = date.and_then(|date| {
            let health = portfolio.health(date, attrition::HealthOptions::default()).unwrap();
            health.of(found.customer(row)).map(|of| (of.score, of.band))
        });
        let departure = found.get(row).unwrap();
        assert_eq!((departure.health_score, departure.health), expected.unwrap_or((None, None)), "{on}");
        scored += usize::from(departure.health.is_some());
    }
    assert!(scored * 2 > found.len(), "{scored} of {}", found.len());
    let without = portfolio.enrich(&records, EnrichmentOptions::new().without_health()).unwrap();
    assert!((0..without.len()).all(|row| without.get(row).unwrap().health_score.is_none()));
}

#[test]
fn warnings_are_what_the_triggers_said_then() {
    let (portfolio, records) = company();
    let options = WarningOptions::new().every(21).days(60);
    let warnings = portfolio.warnings(&records, TriggerSet::standard(), options).unwrap();
    let observed = portfolio.activity().observed_from();
    let mut fired = 0;
    for row in 0..warnings.len() {
        let on = warnings.date(row);
        let account = warnings.customer(row);
        // Every third Sunday, -4 being one.
        let back = (1..=60).rev().map(|back| on - back);
        let dates: Vec<_> = back.filter(|&date| date >= observed && (date.days_since_epoch() + 4) % 21 == 0).collect();
        let mut expected = vec![Warning::NotObserved; TriggerSet::standard().names().len()];
        for &date in &dates {
            let findings = portfolio.triggers(date, TriggerSet::standard()).unwrap();
            for (finding, expected) in findings.of(account).zip(&mut expected) {
                *expected = match (*expected, finding.state) {
                    (Warning::Fired { days }, _) => Warning::Fired { days },
                    (_, State::Fired) => Warning::Fired { days: (on - date) as u32 },
                    (_, State::Quiet) => Warning::Quiet,
                    (before, State::NotObserved) => before,
                };
            }
        }
        assert_eq!(warnings.before(row), expected, "{account} {on}");
        assert_eq!(warnings.lead_days(row), expected.iter().filter_map(|one| one.lead_days()).max());
        fired += usize::from(warnings.lead_days(row).is_some());
    }
    assert!(fired > 5, "{fired}");
    let frame = warnings.to_frame().unwrap();
    assert_eq!(frame.height(), warnings.len() * TriggerSet::standard().names().len());
    assert!(warnings.to_string().contains("median lead"));
    // Asked of some of them, the same is said of these.
    let some: Vec<Cancellation> = records.iter().step_by(3).collect();
    let some = ChurnRecords::of(some, &Taxonomy::standard()).unwrap();
    let fewer = portfolio.warnings(&some, TriggerSet::standard(), WarningOptions::new().every(21).days(60)).unwrap();
    for row in 0..fewer.len() {
        let all = (0..warnings.len()).find(|&all| {
            CustomerId::from(warnings.customer(all)) == CustomerId::from(fewer.customer(row))
                && warnings.date(all) == fewer.date(row)
        });
        assert_eq!(fewer.before(row), warnings.before(all.unwrap()));
    }
}

#[test]
fn options_of_warnings() {
    let portfolio = portfolio(&[used(1, 3, 0)], 20);
    for (options, name) in [(WarningOptions::new().every(0), "every"), (WarningOptions::new().days(0), "days")] {
        let error = portfolio.warnings(&records(&[(1, 5)]), TriggerSet::standard(), options).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let nobody = portfolio.warnings(&records(&[]), TriggerSet::standard(), WarningOptions::new()).unwrap();
    assert!(nobody.is_empty());
    assert_eq!(nobody.to_frame().unwrap().height(), 0);
    let early = portfolio.warnings(&records(&[(1, 0), (1, 5)]), TriggerSet::standard(), WarningOptions::new()).unwrap();
    assert_eq!((early.observed(0), early.lead_days(0), early.get(0, "no_such")), (false, None, None));
}
