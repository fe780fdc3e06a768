//! Key contacts who are gone or silent: by hand, against a naive reading of the rows, and how often the test errs.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::DataType;
use attrition::{
    Activity, Calendar, Cause, Company, Error, EventColumns, KeyContactLoss, KeyPeople, Planted, Portfolio,
    SimulationOptions, State, SubscriptionColumns, TriggerSet,
};
use proptest::prelude::*;

use super::log::day;
use super::tables::{
    Chance, ContactOf, Days, Found, as_often, ask, dates, found, frame_of, numbers, of, portfolio_of, with_contacts,
};

const AS_OF: i32 = 20_000;
const WINDOW: (i32, i32) = (AS_OF - 111, AS_OF);

fn key(account: i64, person: i64) -> ContactOf {
    ContactOf { account, person, key: true, since: None, until: None }
}

fn gone(account: i64, person: i64, until: i32) -> ContactOf {
    ContactOf { until: Some(until), ..key(account, person) }
}

/// Person 1 of account 1 on every second day up to a last one, person 2 every day.
fn two_people(last: i32, end: i32) -> Days {
    let days = WINDOW.0..=end;
    let first = days.clone().filter(|&day| day % 2 == 0 && day <= last).map(|day| (1, 1, day, 5));
    first.chain(days.map(|day| (2, 1, day, 1))).collect()
}

#[test]
fn who_falls_silent_while_others_do_not() {
    let portfolio = with_contacts(portfolio_of(&two_people(AS_OF - 30, AS_OF), WINDOW), &[key(1, 1)]);
    let findings = ask(&portfolio, AS_OF, KeyContactLoss::new());
    let said = of(&findings, 1);
    // 82 days with 41 of the person: 205 events of 287.
    assert_eq!(
        (said.state, said.severity, said.observed, said.since),
        (State::Fired, Some("high"), Some(30.0), Some(AS_OF - 29))
    );
    assert_eq!((said.expected, said.statistic), (Some(2.0), Some(205.0 / 287.0)));
    assert!(said.p_value.unwrap() < 1e-6);
    assert_eq!(
        said.sentence.unwrap(),
        "the key contact 1, with 71 % of the use, has not come for 30 days, on 30 of which others did: ask whether they are \
         leaving, and win a second one"
    );
    // A holiday, however improbable, does not fire, but has its p-value.
    let portfolio = with_contacts(portfolio_of(&two_people(AS_OF - 20, AS_OF), WINDOW), &[key(1, 1)]);
    let said = of(&ask(&portfolio, AS_OF, KeyContactLoss::new()), 1);
    assert_eq!((said.state, said.p_value.is_some_and(|p| p < 1e-4)), (State::Quiet, true));
    assert_eq!(of(&ask(&portfolio, AS_OF, KeyContactLoss::new().silence(20)), 1).state, State::Fired);
    // If all are silent, that is not for this trigger to say.
    let portfolio = with_contacts(portfolio_of(&two_people(AS_OF - 40, AS_OF - 15), WINDOW), &[key(1, 1)]);
    assert_eq!(of(&ask(&portfolio, AS_OF, KeyContactLoss::new()), 1).state, State::Quiet);
    // Nor if the person stayed to the end.
    let portfolio = portfolio_of(&two_people(AS_OF - 16, AS_OF - 16), WINDOW);
    let said = of(&ask(&with_contacts(portfolio, &[key(1, 1)]), AS_OF, KeyContactLoss::new()), 1);
    assert!(said.state == State::Quiet && said.p_value.unwrap() > 0.5);
}

#[test]
fn who_is_observed() {
    let portfolio = portfolio_of(&two_people(AS_OF - 30, AS_OF), WINDOW);
    let said = of(&ask(&portfolio, AS_OF, KeyContactLoss::new()), 1);
    assert!(said.sentence.unwrap().starts_with("the main user 1, with 71 % of the use, has not come for 30 days"));
    let missing = |key_people| of(&ask(&portfolio, AS_OF, KeyContactLoss::new().key_people(key_people)), 1).missing;
    assert_eq!([KeyPeople::Named, KeyPeople::Observed].map(missing), [Some("contacts".to_owned()), None]);
    // Of an account of which nobody is named, the main user; and where one is named, this one.
    let mut both = two_people(AS_OF - 30, AS_OF);
    both.extend(two_people(AS_OF - 30, AS_OF).iter().map(|&(user, _, day, events)| (user, 2, day, events)));
    let portfolio = with_contacts(portfolio_of(&both, WINDOW), &[key(1, 2)]);
    let findings = ask(&portfolio, AS_OF, KeyContactLoss::new());
    assert_eq!([1, 2].map(|account| of(&findings, account).state), [State::Quiet, State::Fired]);
    let findings = ask(&portfolio, AS_OF, KeyContactLoss::new().key_people(KeyPeople::Named));
    assert_eq!(of(&findings, 2).missing.as_deref(), Some("contacts"));
    // Nobody has half of the use.
    let even: Days = (1..=3)
        .flat_map(|user| (WINDOW.0..AS_OF - 30 * i32::from(user == 1)).map(move |day| (user, 1, day, 1)))
        .collect();
    let said = of(&ask(&portfolio_of(&even, WINDOW), AS_OF, KeyContactLoss::new()), 1);
    assert_eq!((said.state, said.p_value), (State::Quiet, None));
}

#[test]
fn who_is_gone() {
    let log = two_people(AS_OF - 30, AS_OF);
    let until = AS_OF - 29;
    let say = |log: &Days, contacts: &[ContactOf], as_of: i32| {
        of(&ask(&with_contacts(portfolio_of(log, WINDOW), contacts), as_of, KeyContactLoss::new()), 1)
    };
    let said = say(&log, &[gone(1, 1, until)], AS_OF);
    assert_eq!((said.state, said.severity, said.p_value, said.since), (State::Fired, Some("high"), None, Some(until)));
    // 82 known days before, 41 of them with the person.
    assert_eq!((said.observed, said.expected, said.statistic), (Some(30.0), Some(2.0), Some(205.0 / 287.0)));
    assert_eq!(
        said.sentence.unwrap(),
        format!(
            "the key contact 1, with 71 % of the use, is gone since {}, and nobody took over: find and introduce a successor",
            day(until)
        )
    );
    // A successor by the table, a day too early, and one by what they do.
    let successor = |since| ContactOf { since: Some(since), ..key(1, 3) };
    let said = say(&log, &[gone(1, 1, until), successor(until - 30)], AS_OF);
    assert!(said.severity == Some("medium") && said.sentence.unwrap().contains("and 3 has taken over"));
    assert_eq!(say(&log, &[gone(1, 1, until), successor(until - 31)], AS_OF).severity, Some("high"));
    // Person 1 did 2.5 events a day, person 2 does 1; from the departure on 2.25, a gain of half of that.
    let more = |extra: u32| -> Days {
        log.iter()
            .map(|&(user, account, day, events)| (user, account, day, events + extra * u32::from(day >= until)))
            .collect()
    };
    assert_eq!(
        [1, 2].map(|extra| say(&more(extra), &[gone(1, 1, until)], AS_OF).severity),
        [Some("high"), Some("medium")]
    );
    // In the first two weeks nobody can have taken over, and the day before nothing is known.
    assert_eq!(
        [12, 13].map(|days| say(&more(2), &[gone(1, 1, until)], until + days).severity),
        [Some("high"), Some("medium")]
    );
    let early = say(&log, &[gone(1, 1, until)], until - 1);
    assert_eq!((early.state, early.p_value.is_some()), (State::Quiet, true));
    // After a quarter it is no news; who stands for the account by another row is not gone; nor is who was no key contact.
    let old = gone(1, 1, AS_OF - 91);
    assert_eq!(
        [old, gone(1, 1, AS_OF - 90)].map(|contact| say(&log, &[contact], AS_OF).p_value.is_none()),
        [false, true]
    );
    let back = ContactOf { key: false, since: Some(until), ..key(1, 1) };
    assert!(say(&log, &[gone(1, 1, until), back], AS_OF).p_value.is_some());
    let no_key = ContactOf { key: false, ..gone(1, 1, until) };
    assert!(say(&log, &[no_key], AS_OF).p_value.is_some());
    // Who is not in the log has no share; of two the one with more.
    let said = say(&log, &[gone(1, 9, until)], AS_OF);
    assert_eq!((said.severity, said.statistic, said.observed), (Some("medium"), None, None));
    assert!(said.sentence.unwrap().starts_with("the key contact 9 is gone since"));
    let said = say(&log, &[gone(1, 9, until), gone(1, 2, until), gone(1, 1, until)], AS_OF);
    assert_eq!(said.statistic, Some(205.0 / 287.0));
}

#[test]
fn what_is_missing() {
    let few = |days: i32| -> Days {
        (AS_OF - days + 1..=AS_OF).map(|day| (1 + i64::from(day % 3 == 0), 1, day, 1)).collect()
    };
    let missing = |log: &Days, contacts: &[ContactOf], first: i32| {
        let portfolio = portfolio_of(log, (first, AS_OF));
        let portfolio = if contacts.is_empty() { portfolio } else { with_contacts(portfolio, contacts) };
        let said = of(&ask(&portfolio, AS_OF, KeyContactLoss::new()), 1);
        (said.missing, said.p_value.is_some())
    };
    let history = || (Some("history".to_owned()), false);
    // Eight weeks of observation, or of the account.
    assert_eq!(missing(&few(56), &[], AS_OF - 55), (None, true));
    assert_eq!(missing(&few(55), &[], AS_OF - 54), history());
    assert_eq!(missing(&few(56), &[], AS_OF - 300), (None, true));
    assert_eq!(missing(&few(55), &[], AS_OF - 300), history());
    // Ten active days.
    let rare = |days: i32| -> Days {
        (0..days).flat_map(|day| [(1, 1, AS_OF - 7 * day, 1), (2, 1, AS_OF - 14 * (day / 2), 1)]).collect()
    };
    assert_eq!(missing(&rare(10), &[key(1, 2)], AS_OF - 300), (None, true));
    assert_eq!(missing(&rare(9), &[key(1, 2)], AS_OF - 300), history());
    // A departure needs no history. A contact who is not in the log cannot fall silent.
    assert_eq!(missing(&few(3), &[gone(1, 1, AS_OF)], AS_OF - 2), (None, false));
    assert_eq!(missing(&few(56), &[key(1, 9)], AS_OF - 55), (None, false));
    // Known by the table of another account only.
    assert_eq!(missing(&few(56), &[key(2, 1)], AS_OF - 55), (None, true));
    // Options that make no sense.
    let portfolio = portfolio_of(&few(56), WINDOW);
    for trigger in [
        KeyContactLoss::new().weeks(7),
        KeyContactLoss::new().weeks(105),
        KeyContactLoss::new().silence(0),
        KeyContactLoss::new().silence(112),
    ] {
        let refused = portfolio.triggers(day(AS_OF), TriggerSet::new().with(trigger));
        assert!(matches!(refused, Err(Error::InvalidOption { .. })));
    }
}

/// Whether somebody is gone, the p-value, the share, and the days since the person was last active.
type Said = (bool, Option<f64>, Option<f64>, Option<f64>);

/// What should be said, by looking at each row; nothing without enough history.
fn naive(log: &Days, contacts: &[ContactOf], account: i64, observed_from: i32, as_of: i32) -> Option<Said> {
    let log: Vec<_> = log.iter().filter(|row| row.1 == account && row.2 <= as_of).collect();
    let mut known: Vec<_> = contacts
        .iter()
        .filter(|row| row.account == account && row.key && row.since.is_none_or(|since| since <= as_of))
        .collect();
    // Of equal shares the first to be known counts.
    known.sort_by_key(|row| (row.since.unwrap_or(i32::MIN), row.person, row.until));
    let is_gone = |row: &ContactOf| row.until.is_some_and(|until| until <= as_of);
    let first = log.iter().map(|row| row.2).min().unwrap();
    let begin = if first > observed_from { first } else { observed_from };
    let events = |person: Option<i64>, from: i32, to: i32| -> u32 {
        log.iter()
            .filter(|row| person.is_none_or(|person| row.0 == person) && (from..=to).contains(&row.2))
            .map(|row| row.3)
            .sum()
    };
    let last_of = |person: i64| log.iter().filter(|row| row.0 == person).map(|row| row.2).max();
    let departed: Vec<_> = known
        .iter()
        .filter(|row| is_gone(row) && as_of - row.until.unwrap() <= 90)
        .filter(|row| !known.iter().any(|other| other.person == row.person && !is_gone(other)))
        .map(|row| {
            let until = row.until.unwrap();
            let from = (until - 84).max(begin);
            let all = events(None, from, until - 1);
            let share = (last_of(row.person).is_some() && all > 0)
                .then(|| f64::from(events(Some(row.person), from, until - 1)) / f64::from(all));
            (share, last_of(row.person).map(|last| f64::from(as_of - last)))
        })
        .collect();
    if !departed.is_empty() {
        let worst = departed.iter().map(|one| one.0.unwrap_or(-1.0)).fold(f64::MIN, f64::max);
        let (share, observed) = departed.iter().find(|one| one.0.unwrap_or(-1.0) == worst).unwrap();
        return Some((true, None, *share, *observed));
    }
    let from = (as_of - 111).max(begin);
    let days: BTreeSet<i32> = log.iter().map(|row| row.2).filter(|day| (from..=as_of).contains(day)).collect();
    if as_of - from + 1 < 56 || days.len() < 10 {
        return None;
    }
    let mut key: BTreeSet<i64> = known.iter().filter(|row| !is_gone(row)).map(|row| row.person).collect();
    if key.is_empty() {
        let all = events(None, from, as_of);
        let users: BTreeSet<i64> = log.iter().map(|row| row.0).collect();
        key.extend(
            users
                .into_iter()
                .filter(|&user| 2 * events(Some(user), from, as_of) >= all)
                .max_by_key(|&user| events(Some(user), from, as_of)),
        );
    }
    let choose =
        |n: usize, k: usize| (0..k).fold(1.0, |product, i| product * (n as f64 - i as f64) / (i as f64 + 1.0)).max(0.0);
    let mut tests: Vec<(f64, i64, i32)> = Vec::new();
    for person in key {
        let own: BTreeSet<i32> = log.iter().filter(|row| row.0 == person && row.2 >= from).map(|row| row.2).collect();
        let Some(&last) = own.last().filter(|_| own.len() >= 4) else { continue };
        let so_long = |last_days: &[i32]| -> f64 {
            (0..7)
                .map(|weekday| {
                    let on =
                        |days: &mut dyn Iterator<Item = i32>| days.filter(|day| day.rem_euclid(7) == weekday).count();
                    let (n, k, r) = (
                        on(&mut days.iter().copied()),
                        on(&mut own.iter().copied()),
                        on(&mut last_days.iter().copied()),
                    );
                    choose(n - r, k) / choose(n, k)
                })
                .product()
        };
        let mixed = (0..7).any(|weekday| {
            let n = days.iter().filter(|day| day.rem_euclid(7) == weekday).count();
            let k = own.iter().filter(|day| day.rem_euclid(7) == weekday).count();
            0 < k && k < n
        });
        if !mixed {
            continue;
        }
        let silent: Vec<i32> = days.iter().copied().filter(|&day| day > last).collect();
        let longer: Vec<i32> = days.iter().copied().filter(|&day| day >= last).collect();
        tests.push(((so_long(&silent) + so_long(&longer)) / 2.0, person, last));
    }
    let smallest = tests.iter().map(|test| test.0).fold(f64::MAX, f64::min);
    if tests.is_empty() {
        return Some((false, None, None, None));
    }
    let p_value = 1.0 - (1.0 - smallest).powi(tests.len() as i32);
    if tests.iter().filter(|test| test.0 <= smallest * (1.0 + 1e-9)).count() > 1 {
        // Two are as silent: either may be named.
        return Some((false, Some(p_value), None, None));
    }
    let (_, person, last) = tests.into_iter().find(|test| test.0 <= smallest).unwrap();
    let share = f64::from(events(Some(person), from, last)) / f64::from(events(None, from, last));
    Some((false, Some(p_value), Some(share), Some(f64::from(as_of - last))))
}

fn logs() -> impl Strategy<Value = (Days, Vec<ContactOf>)> {
    let row = (1_i64..5, 1_i64..3, AS_OF - 150..=AS_OF, 1_u32..4);
    let contact = (
        1_i64..3,
        1_i64..6,
        any::<bool>(),
        prop::option::of(AS_OF - 140..AS_OF),
        prop::option::of(AS_OF - 120..AS_OF + 20),
    );
    let contact =
        contact.prop_map(|(account, person, key, since, until)| ContactOf { account, person, key, since, until });
    (prop::collection::vec(row, 1..160), prop::collection::vec(contact, 0..5)).prop_map(|(rows, contacts)| {
        let mut days: BTreeMap<(i64, i64, i32), u32> = BTreeMap::new();
        rows.into_iter()
            .for_each(|(user, account, day, events)| *days.entry((user, account, day)).or_default() += events);
        (days.into_iter().map(|((user, account, day), events)| (user, account, day, events)).collect(), contacts)
    })
}

proptest! {
    #[test]
    fn as_by_looking_at_each_row((log, contacts) in logs(), back in 0_i32..40) {
        let as_of = AS_OF - back;
        let portfolio = with_contacts(portfolio_of(&log, (AS_OF - 150, AS_OF)), &contacts);
        // Only key contacts are read here, so that "another row" is one of these.
        let named: Vec<ContactOf> = contacts.iter().copied().filter(|row| row.key).collect();
        let portfolio_named = with_contacts(portfolio.clone(), &named);
        for said in found(&ask(&portfolio_named, as_of, KeyContactLoss::new())) {
            match naive(&log, &named, said.account, AS_OF - 150, as_of) {
                None => prop_assert_eq!(said.missing.as_deref(), Some("history")),
                Some((departed, p_value, share, observed)) => {
                    prop_assert_eq!(said.missing, None);
                    prop_assert_eq!(said.p_value.is_some(), p_value.is_some());
                    if let (Some(found), Some(expected)) = (said.p_value, p_value) {
                        prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
                    }
                    prop_assert!(!departed || said.state == State::Fired);
                    if departed || share.is_some() {
                        prop_assert_eq!(said.observed, observed);
                        prop_assert!(said.statistic.is_some() == share.is_some());
                        prop_assert!((said.statistic.unwrap_or(0.0) - share.unwrap_or(0.0)).abs() < 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_later_matters((log, contacts) in logs(), back in 0_i32..60) {
        let as_of = AS_OF - back;
        let whole = with_contacts(portfolio_of(&log, (AS_OF - 150, AS_OF)), &contacts);
        let mut known: Days = log.iter().copied().filter(|row| row.2 <= as_of).collect();
        prop_assume!(!known.is_empty());
        known.reverse();
        let mut edited: Vec<ContactOf> = contacts
            .iter()
            .filter(|row| row.since.is_none_or(|since| since <= as_of))
            .map(|row| {
                let later = |until| if until <= as_of { until } else { until + 500 };
                ContactOf { until: row.until.map(later), ..*row }
            })
            .collect();
        edited.reverse();
        let edited = with_contacts(portfolio_of(&known, (AS_OF - 150, as_of)), &edited);
        let said = |portfolio| found(&ask(portfolio, as_of, KeyContactLoss::new()));
        let (expected, mut found): (Vec<Found>, _) = (said(&whole), said(&edited));
        // An account of which only a contact is known is no customer, so both ask about the same ones.
        found.retain(|one| expected.iter().any(|other| other.account == one.account));
        prop_assert_eq!(found, expected);
    }
}

/// Without accounts nobody is seen to act, so only who is gone is told; and one who is known from a table alone is asked
/// about if a subscription says that they are a customer.
#[test]
fn without_people_and_without_activity() {
    let days = (0..30).flat_map(|back| [(1, AS_OF - back), (2, AS_OF - back)]);
    let frame =
        frame_of(vec![numbers("user", days.clone().map(|row| row.0)), dates("day", days.map(|row| Some(row.1)))]);
    let mut builder =
        Activity::builder(&EventColumns::new("user", "day"), &Calendar::utc()).observed_from(day(WINDOW.0));
    builder.push(&frame).unwrap();
    let portfolio = Portfolio::new(builder.finish().unwrap()).unwrap();
    assert_eq!(of(&ask(&portfolio, AS_OF, KeyContactLoss::new()), 1).missing.as_deref(), Some("contacts"));
    let terms =
        frame_of(vec![numbers("account", [1, 2, 3].into_iter()), dates("start", [WINDOW.0; 3].map(Some).into_iter())]);
    let portfolio = portfolio.subscriptions(&terms, &SubscriptionColumns::new("account", "start")).unwrap();
    let portfolio = with_contacts(portfolio, &[key(1, 7), gone(2, 7, AS_OF), gone(3, 7, AS_OF)]);
    let findings = ask(&portfolio, AS_OF, KeyContactLoss::new());
    let said = [1, 2, 3].map(|account| of(&findings, account));
    assert_eq!(said.clone().map(|said| said.state), [State::Quiet, State::Fired, State::Fired]);
    assert!(said.iter().all(|said| said.p_value.is_none() && said.statistic.is_none()));
    // With accounts mapped, the one without activity has no history.
    let portfolio = portfolio_of(&two_people(AS_OF, AS_OF), WINDOW);
    let portfolio = portfolio.subscriptions(&terms, &SubscriptionColumns::new("account", "start")).unwrap();
    let findings = ask(&portfolio, AS_OF, KeyContactLoss::new());
    assert_eq!(of(&findings, 3).missing.as_deref(), Some("history"));
}

/// Weekdays of days before 1970 are those of the calendar, too.
#[test]
fn in_1969() {
    let back = AS_OF - AS_OF.rem_euclid(7) + 7;
    let log = two_people(AS_OF - 30, AS_OF);
    let before: Days = log.iter().map(|&(user, account, day, events)| (user, account, day - back, events)).collect();
    let window = (WINDOW.0 - back, WINDOW.1 - back);
    let say = |log: &Days, window: (i32, i32)| {
        of(&ask(&with_contacts(portfolio_of(log, window), &[key(1, 1)]), window.1, KeyContactLoss::new()), 1)
    };
    let (then, now) = (say(&before, window), say(&log, WINDOW));
    assert!(then.since.is_some_and(|since| since < 0) && then.p_value.is_some());
    assert_eq!(Found { since: then.since.map(|since| since + back), ..then }, now);
}

/// Steady accounts, each person there with a chance of their own on working days and another one at weekends.
fn steady(accounts: i64, people: u32, seed: u64, leaves: bool) -> Days {
    let mut chance = Chance(seed);
    let mut days = Vec::new();
    for account in 0..accounts {
        for person in 0..people {
            let (often, weekend) = (0.15 + 0.5 * chance.next(), 0.4 * chance.next());
            let most = if person == 0 { 3 + chance.below(12) } else { 2 };
            for day in WINDOW.0..=AS_OF {
                let comes = chance.next() < if day.rem_euclid(7) < 2 { often * weekend } else { often };
                let left = leaves && person == 0 && day > AS_OF - 28;
                if comes && !left {
                    days.push((account * 100 + i64::from(person), account, day, 1 + chance.below(most)));
                }
            }
        }
    }
    days
}

/// How many of the accounts have a p-value of at most 1, 5 and 10 %, and how many have one.
fn alarms(log: &Days, contacts: &[ContactOf]) -> ([usize; 3], usize) {
    let portfolio = portfolio_of(log, WINDOW);
    let portfolio = if contacts.is_empty() { portfolio } else { with_contacts(portfolio, contacts) };
    let p_values: Vec<f64> =
        found(&ask(&portfolio, AS_OF, KeyContactLoss::new())).iter().filter_map(|said| said.p_value).collect();
    ([0.01, 0.05, 0.1].map(|level| p_values.iter().filter(|&&p| p <= level).count()), p_values.len())
}

#[test]
fn errs_as_often_as_it_says() {
    const ACCOUNTS: i64 = 2000;
    let log = steady(ACCOUNTS, 4, 7, false);
    for named in 0..=3 {
        let contacts: Vec<ContactOf> = (0..ACCOUNTS)
            .flat_map(|account| (0..named).map(move |person| key(account, account * 100 + person)))
            .collect();
        let (counts, tests) = alarms(&log, &contacts);
        println!("{named} named: {counts:?} of {tests} at 1, 5, 10 %");
        assert!(tests > ACCOUNTS as usize / 3);
        for (count, level) in counts.into_iter().zip([0.01, 0.05, 0.1]) {
            assert!(as_often(count, tests, level), "{named} named: {count} of {tests} at {level}");
        }
    }
}

#[test]
fn sees_who_left() {
    const ACCOUNTS: i64 = 500;
    let contacts: Vec<ContactOf> =
        (0..ACCOUNTS).flat_map(|account| (0..2).map(move |person| key(account, account * 100 + person))).collect();
    let log = steady(ACCOUNTS, 4, 8, true);
    let ([_, at_5, _], tests) = alarms(&log, &contacts);
    println!("{at_5} of {tests} found at 5 %");
    assert_eq!(tests, ACCOUNTS as usize);
    assert!(at_5 > tests * 9 / 10, "{at_5} of {tests}");
    let portfolio = with_contacts(portfolio_of(&log, WINDOW), &contacts);
    let fired = ask(&portfolio, AS_OF, KeyContactLoss::new()).fired().count();
    assert!(fired > tests * 9 / 10, "{fired} of {tests}");
}

/// A company of so many accounts in which one thing may happen to three in ten.
fn company(accounts: usize, cause: Option<Cause>) -> Company {
    let planted = cause.map(|cause| Planted::new(cause, 0.3, 1.0).hazard_ratio(1.0));
    Company::simulate(SimulationOptions::new(accounts, 11).days(500).causes(planted)).unwrap()
}

#[test]
fn errs_as_often_as_it_says_in_a_calm_company() {
    let portfolio = company(3000, None).portfolio().unwrap();
    let as_of = portfolio.activity().as_of().days_since_epoch() - 10;
    for key_people in [KeyPeople::Named, KeyPeople::Observed] {
        let findings = ask(&portfolio, as_of, KeyContactLoss::new().key_people(key_people));
        let p_values: Vec<f64> = findings.iter().filter_map(|said| said.p_value).collect();
        let counts = [0.01, 0.05, 0.1].map(|level| p_values.iter().filter(|&&p| p <= level).count());
        println!("{key_people:?}: {counts:?} of {} at 1, 5, 10 %", p_values.len());
        assert!(p_values.len() > 400 && findings.fired().count() == 0);
        for (count, level) in counts.into_iter().zip([0.01, 0.05, 0.1]) {
            assert!(as_often(count, p_values.len(), level), "{key_people:?}: {count} of {} at {level}", p_values.len());
        }
    }
}

/// Of those whom it struck 40 to 90 days ago how many are found, and of those whom it did not strike how many.
#[test]
fn sees_what_a_simulated_company_suffers() {
    for (cause, least) in [(Cause::ChampionLeaves, 0.95), (Cause::ChampionSilent, 0.5)] {
        let company = company(1500, Some(cause));
        let as_of = company.as_of().days_since_epoch() - 10;
        let findings = ask(&company.portfolio().unwrap(), as_of, KeyContactLoss::new());
        let fired: BTreeSet<String> = findings.fired().map(|said| said.account.to_string()).collect();
        let truth = company.truth().unwrap();
        let onset = truth.column("onset").unwrap().to_physical_repr();
        let accounts = truth.column("account").unwrap().cast(&DataType::String).unwrap();
        let onset_of: BTreeMap<&str, i32> = (accounts.str().unwrap().iter().flatten())
            .zip(onset.i32().unwrap().iter().map(|onset| onset.unwrap_or(i32::MAX)))
            .collect();
        let (mut struck, mut spared) = ([0, 0], [0, 0]);
        for said in findings.iter().filter(|said| said.state != State::NotObserved) {
            let account = said.account.to_string();
            let group = match onset_of[account.as_str()] {
                onset if (as_of - 90..=as_of - 40).contains(&onset) => &mut struck,
                onset if onset > as_of => &mut spared,
                _ => continue,
            };
            group[usize::from(fired.contains(&account))] += 1;
        }
        println!(
            "{cause:?}: of those struck {} in {}, of others {} in {}",
            struck[1],
            struck[0] + struck[1],
            spared[1],
            spared[0] + spared[1]
        );
        assert!(f64::from(struck[1]) > least * f64::from(struck[0] + struck[1]) && struck[0] + struck[1] > 30);
        assert!(f64::from(spared[1]) < 0.01 * f64::from(spared[0]));
    }
}
