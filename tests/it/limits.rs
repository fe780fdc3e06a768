//! Limits that are reached, and those that are hardly used: by hand, and against a naive reading of the rows.

use attrition::{AllowanceUnused, Error, LimitPressure, Portfolio, State, TriggerSet};
use proptest::prelude::*;

use super::log::day;
use super::tables::{ask, found, of, portfolio_of, with_limits, with_readings};

const AS_OF: i32 = 20_000;
const FIRST: i32 = AS_OF - 200;

type LimitOf = (i64, &'static str, f64, Option<i32>);
type Reading = (i64, &'static str, i32, f64);

/// Accounts that are active now and then.
fn accounts(accounts: i64) -> Portfolio {
    let days = (1..=accounts).flat_map(|account| [FIRST, AS_OF - 60, AS_OF].map(|day| (1, account, day, 1))).collect();
    portfolio_of(&days, (FIRST, AS_OF))
}

fn one(limits: &[LimitOf], readings: &[Reading]) -> Portfolio {
    with_readings(with_limits(accounts(1), limits), readings)
}

fn daily(name: &'static str, used: impl Fn(i32) -> f64) -> Vec<Reading> {
    (AS_OF - 119..=AS_OF).map(|day| (1, name, day, used(day - AS_OF))).collect()
}

const API: LimitOf = (1, "api", 100.0, None);

#[test]
fn a_limit_that_is_reached() {
    let say = |used: &dyn Fn(i32) -> f64| of(&ask(&one(&[API], &daily("api", used)), AS_OF, LimitPressure::new()), 1);
    let said = say(&|_| 79.0);
    assert_eq!(
        (said.state, said.observed, said.expected, said.statistic),
        (State::Quiet, Some(79.0), Some(100.0), Some(0.79))
    );
    let said = say(&|back| if back >= -10 { 80.0 } else { 79.0 });
    assert_eq!((said.severity, said.since, said.score), (Some("low"), Some(AS_OF - 10), Some(1.4)));
    assert_eq!(
        said.sentence.unwrap(),
        "the limit api is used to 80 % (80 of 100): offer a larger one before it stops them"
    );
    let said = say(&|back| if back >= -3 { 100.0 } else { 0.0 });
    assert_eq!((said.severity, said.since), (Some("high"), Some(AS_OF - 3)));
    assert!(said.sentence.unwrap().contains("(100 of 100), was reached in the last 90 days: offer"));
    // Reached twice, and low now; the first day of the 90 counts, the one before does not.
    let twice = |first: i32| say(&move |back| if back == first || back == -50 { 100.0 } else { 60.0 });
    let said = twice(-89);
    assert_eq!((said.severity, said.since), (Some("medium"), Some(AS_OF - 50)));
    assert!(said.sentence.unwrap().contains("(60 of 100), was reached 2 times in the last 90 days: offer"));
    assert_eq!(twice(-90).state, State::Quiet);
    // Full in ten days at 2 a day; at 80 % of it that is worse.
    let said = say(&|back| 80.0 + 2.0 * f64::from(back));
    assert_eq!(said.severity, Some("medium"));
    assert!(
        said.sentence.unwrap().contains(&format!("(80 of 100), and will be full about {}: offer", day(AS_OF + 10)))
    );
    assert_eq!(say(&|back| 60.0 + f64::from(back)).severity, Some("low"));
    assert_eq!(say(&|back| 60.0 + 0.5 * f64::from(back)).state, State::Quiet);
    // From half of the cap on, and for sixty days.
    let slow = |used: f64, rise: f64| say(&move |back| used + rise * f64::from(back)).state;
    assert_eq!(
        [slow(50.0, 1.0), slow(49.9, 1.0), slow(55.0, 0.75), slow(54.9, 0.75)].map(|state| state == State::Fired),
        [true, false, true, false]
    );
    // A meter that began ten days ago, and ten days before, will begin anew before it is full.
    assert_eq!(say(&|back| 6.0 * f64::from((back + 1_000) % 10 + 1)).state, State::Quiet);
    // The larger of two readings of a day.
    let doubled: Vec<_> =
        daily("api", |_| 10.0).into_iter().chain([(1, "api", AS_OF, 85.0), (1, "api", AS_OF, 20.0)]).collect();
    assert_eq!(of(&ask(&one(&[API], &doubled), AS_OF, LimitPressure::new()), 1).statistic, Some(0.85));
}

#[test]
fn which_limit_and_which_cap() {
    let say =
        |limits: &[LimitOf], readings: &[Reading]| of(&ask(&one(limits, readings), AS_OF, LimitPressure::new()), 1);
    // The worst of several, one without a reading among them.
    let readings = [(1, "api", AS_OF, 85.0), (1, "seats", AS_OF, 9.0)];
    let said = say(&[API, (1, "seats", 10.0, None), (1, "storage", 1.0, None)], &readings);
    assert_eq!((said.severity, said.statistic), (Some("low"), Some(0.9)));
    // After the cap was raised there is room, and before it there was none.
    let raised = [API, (1, "api", 200.0, Some(AS_OF))];
    let readings = [(1, "api", AS_OF - 1, 100.0), (1, "api", AS_OF, 100.0)];
    assert_eq!(say(&raised, &readings).statistic, Some(0.5));
    let before = of(&ask(&one(&raised, &readings), AS_OF - 1, LimitPressure::new()), 1);
    assert_eq!((before.severity, before.statistic), (Some("high"), Some(1.0)));
    // A cap of nothing is reached by anything.
    let nothing = [(1, "api", 0.0, None)];
    assert_eq!(say(&nothing, &[(1, "api", AS_OF, 0.5)]).severity, Some("high"));
    let said = say(&nothing, &[(1, "api", AS_OF, 0.0)]);
    assert_eq!((said.state, said.statistic), (State::Quiet, Some(0.0)));
    // What is missing.
    let missing = |portfolio: &Portfolio| of(&ask(portfolio, AS_OF, LimitPressure::new()), 1).missing;
    assert_eq!(missing(&accounts(1)).as_deref(), Some("limits"));
    assert_eq!(missing(&with_limits(accounts(1), &[API])).as_deref(), Some("readings"));
    assert_eq!(missing(&one(&[API], &[(1, "api", AS_OF - 36, 99.0)])).as_deref(), Some("readings"));
    assert_eq!(missing(&one(&[API], &[(1, "other", AS_OF, 99.0)])).as_deref(), Some("readings"));
    assert_eq!(say(&[API], &[(1, "api", AS_OF - 35, 99.0)]).state, State::Fired);
    assert_eq!(of(&ask(&with_limits(accounts(2), &[API]), AS_OF, LimitPressure::new()), 2).state, State::Quiet);
}

#[test]
fn an_allowance_that_is_not_used() {
    let ask_of =
        |limits: &[LimitOf], readings: &[Reading]| of(&ask(&one(limits, readings), AS_OF, AllowanceUnused::new()), 1);
    let say = |used: &dyn Fn(i32) -> f64| ask_of(&[API], &daily("api", used));
    let said = say(&|back| if back == -60 { 50.0 } else { 9.9 });
    assert_eq!((said.state, said.severity, said.since), (State::Fired, Some("low"), Some(AS_OF - 59)));
    assert_eq!((said.observed, said.expected, said.statistic), (Some(0.099), Some(0.1), Some(0.099)));
    assert_eq!(
        said.sentence.unwrap(),
        "at most 9.9 % of the limit api was used in 60 days: show what it is good for before the renewal asks"
    );
    let said = say(&|back| if back == -59 { 10.0 } else { 0.0 });
    assert_eq!((said.state, said.score), (State::Quiet, Some(0.9)));
    assert_eq!(say(&|_| 0.9).severity, Some("medium"));
    // All limits have to be unused, and those of nothing are none.
    let (seats, nothing): (LimitOf, LimitOf) = ((1, "seats", 10.0, None), (1, "none", 0.0, None));
    let both: Vec<_> = daily("api", |_| 0.0).into_iter().chain(daily("seats", |_| 1.0)).collect();
    assert_eq!(ask_of(&[API, seats], &both).state, State::Quiet);
    let both: Vec<_> = daily("api", |_| 0.0).into_iter().chain(daily("seats", |_| 0.5)).collect();
    let said = ask_of(&[API, seats, nothing], &both);
    assert!(said.severity == Some("low") && said.sentence.unwrap().starts_with("at most 5.0 % of each of 2 limits"));
    assert_eq!(ask_of(&[nothing], &[]).state, State::Quiet);
    // A limit that nobody read may be used; but one that is used decides.
    assert_eq!(ask_of(&[API, seats], &daily("api", |_| 0.0)).missing.as_deref(), Some("readings"));
    assert_eq!(ask_of(&[API, seats], &daily("api", |_| 50.0)).state, State::Quiet);
    let apart = |days: i32| ask_of(&[API], &[(1, "api", AS_OF - days, 1.0), (1, "api", AS_OF, 1.0)]);
    assert_eq!((apart(29).missing.as_deref(), apart(30).state), (Some("readings"), State::Fired));
    // A cap, or a customer, of less than 60 days.
    let since = |since| ask_of(&[(1, "api", 100.0, Some(since))], &daily("api", |_| 0.0));
    assert_eq!((since(AS_OF - 59).state, since(AS_OF - 58).missing.as_deref()), (State::Fired, Some("history")));
    let young = |first: i32| {
        let portfolio = portfolio_of(&vec![(1, 1, first, 1), (1, 1, AS_OF, 1)], (FIRST, AS_OF));
        let portfolio = with_readings(with_limits(portfolio, &[API]), &daily("api", |_| 0.0));
        of(&ask(&portfolio, AS_OF, AllowanceUnused::new()), 1)
    };
    assert_eq!((young(AS_OF - 59).state, young(AS_OF - 58).missing.as_deref()), (State::Fired, Some("history")));
    assert_eq!(of(&ask(&accounts(1), AS_OF, AllowanceUnused::new()), 1).missing.as_deref(), Some("limits"));
}

#[test]
fn options_that_make_no_sense() {
    let portfolio = accounts(1);
    let refused = |set: TriggerSet| matches!(portfolio.triggers(day(AS_OF), set), Err(Error::InvalidOption { .. }));
    for near in [0.0, 1.0, f64::NAN] {
        assert!(refused(TriggerSet::new().with(LimitPressure::new().near(near))));
        assert!(refused(TriggerSet::new().with(AllowanceUnused::new().share(near))));
    }
    assert!(refused(TriggerSet::new().with(LimitPressure::new().days(0))));
    assert!(refused(TriggerSet::new().with(AllowanceUnused::new().days(1))));
    assert!(!refused(TriggerSet::new().with(LimitPressure::new().horizon(0))));
}

/// Utilisation, severity and day on which it is full, of one limit of 100.
fn naive(readings: &[(i32, f64)], as_of: i32) -> Option<(f64, Option<&'static str>)> {
    let mut days: Vec<(i32, f64)> = Vec::new();
    for day in AS_OF - 300..=as_of {
        let largest = readings.iter().filter(|reading| reading.0 == day).map(|reading| reading.1).reduce(f64::max);
        days.extend(largest.map(|used| (day, used)));
    }
    let &(last, used) = days.last()?;
    if as_of - last > 35 {
        return None;
    }
    let recent: Vec<_> = days.iter().filter(|day| day.0 > as_of - 90).collect();
    let hits = (0..recent.len())
        .filter(|&place| recent[place].1 >= 100.0 && (place == 0 || recent[place - 1].1 < 100.0))
        .count();
    let falls: Vec<usize> =
        (1..days.len()).filter(|&place| days[place - 1].1 > 0.0 && days[place].1 < 0.5 * days[place - 1].1).collect();
    let began = falls.last().copied().unwrap_or(0);
    let starts: Vec<i32> = std::iter::once(0).chain(falls).map(|place| days[place].0).collect();
    let longest = starts.windows(2).map(|pair| pair[1] - pair[0]).max();
    let stretch: Vec<_> = days[began..].iter().filter(|day| last - day.0 < 60).collect();
    let mut slopes = Vec::new();
    for later in 0..stretch.len() {
        for earlier in 0..later {
            slopes.push((stretch[later].1 - stretch[earlier].1) / f64::from(stretch[later].0 - stretch[earlier].0));
        }
    }
    slopes.sort_by(f64::total_cmp);
    let count = stretch.len() as f64;
    let ties: f64 = stretch
        .iter()
        .map(|one| stretch.iter().filter(|other| other.1 == one.1).count() as f64)
        .map(|equal| (equal - 1.0) * (2.0 * equal + 5.0))
        .sum();
    let variance = (count * (count - 1.0) * (2.0 * count + 5.0) - ties) / 18.0;
    let rank = ((slopes.len() as f64 - 1.959_963_984_540_054 * variance.sqrt()) / 2.0).round_ties_even();
    let rises = rank >= 1.0 && slopes[rank as usize - 1] > 0.0;
    let median =
        if slopes.is_empty() { 0.0 } else { (slopes[(slopes.len() - 1) / 2] + slopes[slopes.len() / 2]) / 2.0 };
    let full = (f64::from(last) + ((100.0 - used) / median).ceil()).max(f64::from(as_of));
    let reaches = full <= f64::from(as_of + 60);
    let unbroken = longest
        .is_none_or(|longest| f64::from(last - days[began].0) + ((100.0 - used) / median).ceil() <= f64::from(longest));
    let projected = (50.0..100.0).contains(&used) && rises && reaches && unbroken;
    let severity = match (used, hits, projected) {
        (100.0.., ..) => Some("high"),
        (_, 2.., _) | (80.0.., _, true) => Some("medium"),
        (80.0.., ..) | (_, _, true) => Some("low"),
        _ => None,
    };
    Some((used / 100.0, severity))
}

/// Readings up to about the last day that rise, more slowly or faster in the end, with noise, and fall now and then.
fn readings() -> impl Strategy<Value = Vec<(i32, f64)>> {
    let step = (1_i32..5, 0_u32..12, 0_u32..25);
    (prop::collection::vec(step, 1..60), 0.1_f64..1.2, 0.2_f64..4.0).prop_map(|(steps, rise, bend)| {
        let days: i32 = steps.iter().map(|step| step.0).sum();
        let (mut day, mut used) = (AS_OF - days, 0.0);
        steps
            .into_iter()
            .map(|(days, noise, fate)| {
                day += days;
                let rise = if day > AS_OF - 70 { rise * bend } else { rise };
                used = if fate == 0 { 0.0 } else { used + rise * f64::from(days) };
                (day, used + f64::from(noise) / 3.0)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn as_by_looking_at_each_reading(readings in readings(), back in 0_i32..60) {
        let as_of = AS_OF - back;
        let rows: Vec<Reading> = readings.iter().map(|&(day, used)| (1, "api", day, used)).collect();
        let said = found(&ask(&one(&[API], &rows), as_of, LimitPressure::new()));
        let [said] = said.as_slice() else { panic!("one account is a customer") };
        match naive(&readings, as_of) {
            None => prop_assert_eq!(said.missing.as_deref(), Some("readings")),
            Some((utilisation, severity)) => {
                prop_assert_eq!(said.missing.as_deref(), None);
                prop_assert!((said.statistic.unwrap() - utilisation).abs() < 1e-12);
                prop_assert_eq!(said.severity, severity);
            }
        }
        // What is read later, and caps that hold later, make no difference; nor does the order of rows.
        let mut known: Vec<Reading> = rows.iter().copied().filter(|row| row.2 <= as_of).collect();
        known.reverse();
        let later = [(1, "api", 1.0, Some(as_of + 1)), API];
        for trigger in [true, false] {
            let ask = |portfolio: &Portfolio| {
                found(&if trigger {
                    ask(portfolio, as_of, LimitPressure::new())
                } else {
                    ask(portfolio, as_of, AllowanceUnused::new())
                })
            };
            prop_assert_eq!(ask(&one(&later, &known)), ask(&one(&[API], &rows)));
        }
    }

    #[test]
    fn an_allowance_by_looking_at_each_reading(readings in readings(), back in 0_i32..60, scale in 0.001_f64..1.0) {
        let as_of = AS_OF - back;
        let rows: Vec<Reading> = readings.iter().map(|&(day, used)| (1, "api", day, used * scale)).collect();
        let said = found(&ask(&one(&[API], &rows), as_of, AllowanceUnused::new()));
        let [said] = said.as_slice() else { panic!("one account is a customer") };
        let within: Vec<_> = rows.iter().filter(|row| row.2 <= as_of && row.2 > as_of - 60).collect();
        let peak = within.iter().map(|row| row.3 / 100.0).fold(0.0, f64::max);
        let days = || within.iter().map(|row| row.2);
        let apart = days().max().unwrap_or(0) - days().min().unwrap_or(0);
        if peak >= 0.1 {
            prop_assert_eq!(said.state, State::Quiet);
        } else if apart < 30 {
            prop_assert_eq!(said.missing.as_deref(), Some("readings"));
        } else {
            prop_assert_eq!(said.severity, Some(if peak < 0.01 { "medium" } else { "low" }));
            prop_assert!((said.statistic.unwrap() - peak).abs() < 1e-12);
        }
    }
}
