//! Triggers whose worth is known: some know who leaves, some say nothing, some say the same.

use std::collections::BTreeMap;

use attrition::{BackTest, BackTestOptions, Detector, Estimate, Performance, Trigger, TriggerSet, Verdict};

use super::company::{Company, NEW_YEAR, Told, scripted, tabled};
use super::{near, value};
use crate::log::day;

const ACCOUNTS: i64 = 300;
const LEAD: i32 = 14;
const HORIZON: i32 = 60;

/// Numbers that look random, from 0 up to 1.
fn uniform(seed: u64, one: i64, other: i32) -> f64 {
    let mut mixed = seed.wrapping_mul(31) ^ ((other as u64) << 32) ^ one as u64;
    for _ in 0..3 {
        mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// The day on which an account cancels, which about half do, counted from the first.
fn leaves(account: i64) -> Option<i32> {
    let left = (uniform(1, account, 0) * 1_000.0) as i32 + 60;
    (left < 560).then_some(left)
}

/// Two weeks before they cancel some fall silent, and everybody pauses now and then.
fn company() -> Company {
    let mut company = Company::new(NEW_YEAR, NEW_YEAR + 560);
    for account in 0..ACCOUNTS {
        let end = leaves(account).unwrap_or(560);
        let active = |&day: &i32| uniform(2, account, day) < 0.3 && (uniform(3, account, 0) < 0.6 || day < end - 40);
        company.events.push((account, NEW_YEAR));
        company.events.extend((1..end).filter(active).map(|day| (account, NEW_YEAR + day)));
    }
    company.cancelled = Some((0..ACCOUNTS).filter_map(|of| Some((of, NEW_YEAR + leaves(of)?))).collect());
    company
}

/// Whether an account leaves so that a finding of a day was right.
fn truth(day: i32, account: i64) -> bool {
    leaves(account).is_some_and(|left| (LEAD + 1..=LEAD + HORIZON).contains(&(NEW_YEAR + left - day)))
}

fn flag(fired: bool) -> Told {
    if fired { Told::Fired(1.0) } else { Told::Quiet(0.0) }
}

fn options() -> BackTestOptions {
    BackTestOptions::new().lead_days(LEAD as u32).horizon_days(HORIZON as u32)
}

fn run(set: TriggerSet) -> BackTest {
    company().portfolio().back_test(set, options()).unwrap()
}

fn alone(trigger: impl Trigger + 'static) -> Performance {
    run(TriggerSet::new().with(trigger)).performances()[0].clone()
}

fn holds(of: Option<Estimate>, number: f64) -> bool {
    of.and_then(|of| of.interval).is_some_and(|interval| interval.lower <= number && number <= interval.upper)
}

#[test]
fn one_that_knows() {
    let oracle = alone(scripted("oracle", |day, account| flag(truth(day, account))));
    assert!(oracle.positives > 200 && oracle.fired == oracle.positives, "{oracle:?}");
    for one in [oracle.precision, oracle.recall, oracle.area] {
        assert!(near(value(one), 1.0) && one.unwrap().interval.unwrap().upper <= 1.0, "{oracle:?}");
        assert!(one.unwrap().interval.unwrap().lower < 1.0, "{oracle:?}");
    }
    assert!(near(value(oracle.lift), 1.0 / value(oracle.base_rate)), "{oracle:?}");
    // About one in ten leaves, so that the tenth with the highest scores is made of them where there are enough.
    assert!(oracle.top_decile_lift.unwrap() > 0.85 * value(oracle.lift), "{oracle:?}");
    assert_eq!(oracle.verdict(), Verdict::Better);
    assert!(oracle.precision_difference.unwrap().interval.lower > 0.0, "{oracle:?}");
    // It fires from the first of the dates at which it is right.
    let lead = oracle.lead_time.unwrap();
    assert!(lead.lower_quartile > f64::from(HORIZON + LEAD - 28) - 1.0, "{lead:?}");
    assert!(lead.upper_quartile <= f64::from(HORIZON + LEAD), "{lead:?}");
    assert_eq!(oracle.caught, oracle.churns);
}

#[test]
fn ones_that_say_nothing() {
    let always = alone(scripted("always", |_, _| Told::Fired(7.0)));
    assert!(near(value(always.precision), value(always.base_rate)) && near(value(always.lift), 1.0), "{always:?}");
    assert!(near(value(always.recall), 1.0) && near(value(always.area), 0.5), "{always:?}");
    assert!(near(always.top_decile_lift.unwrap(), 1.0), "{always:?}");
    assert!(near(always.plain_precision.unwrap(), value(always.base_rate)), "{always:?}");
    assert_eq!((always.new_findings, always.precision_difference), (0, None));

    let never = alone(scripted("never", |_, _| Told::Quiet(0.0)));
    assert_eq!((never.precision, never.lift, never.lead_time, never.plain_precision), (None, None, None, None));
    assert_eq!((value(never.recall), never.caught), (0.0, 0));
    assert!(near(value(never.area), 0.5));
}

/// Scores drawn anew for each date, and once for each account: nineteen of twenty intervals hold what is true.
#[test]
fn the_intervals_cover() {
    for lasting in [false, true] {
        let noise = |set: TriggerSet, seed: u64| {
            let told = move |day: i32, account: i64| {
                let score = uniform(seed, account, if lasting { 0 } else { day });
                if score > 0.8 { Told::Fired(score) } else { Told::Quiet(score) }
            };
            set.with(scripted(&format!("noise{seed:03}"), told))
        };
        let tests = [100, 115, 130, 145].map(|seed| run((seed..seed + 15).fold(TriggerSet::new(), noise)));
        let own: Vec<&Performance> = tests
            .iter()
            .flat_map(|test| test.performances().iter().filter(|own| own.name.starts_with("noise")))
            .collect();
        // One in forty would be taken to be worth its while.
        assert!(tests.iter().map(|test| test.worth_working_on().len()).sum::<usize>() <= 6);
        let test = &tests[0];
        let count = |holds: fn(&Performance) -> bool| own.iter().filter(|own| holds(own)).count();
        // 57 of 60, and with a chance of one in a thousand fewer than 50.
        assert_eq!(own.len(), 60);
        assert!(count(|own| holds(own.area, 0.5)) >= 50, "{test}");
        assert!(count(|own| holds(own.lift, 1.0)) >= 50, "{test}");
        assert!(count(|own| own.verdict() == Verdict::Better) <= 3, "{test}");
        let mean = own.iter().map(|own| own.top_decile_lift.unwrap()).sum::<f64>() / 60.0;
        assert!((mean - 1.0).abs() < 0.1, "{mean}");
        // Four of five that fire did not at the date before; those of an account that lasts fire from the first date on.
        let (fired, new) = own.iter().fold((0, 0), |sum, own| (sum.0 + own.fired, sum.1 + own.new_findings));
        let share = new as f64 / fired as f64;
        assert!(if lasting { new == 0 } else { (share - 0.75).abs() < 0.06 }, "{share}");
    }
}

#[test]
fn what_holds_of_all() {
    let first =
        |day: i32, account: i64| flag(truth(day, account) && account % 2 == 0 || uniform(5, account, day) < 0.02);
    let set = TriggerSet::new()
        .with(scripted("first", first))
        .with(scripted("noise", |day, account| flag(uniform(6, account, day) < 0.1)));
    let test = run(set);
    for own in test.performances() {
        let product = |rate: Option<Estimate>, of: u64| rate.map_or(0.0, |rate| rate.value * of as f64);
        assert!((product(own.precision, own.fired) - product(own.recall, own.positives)).abs() < 1e-9, "{own:?}");
        assert!((value(own.lift) * value(own.base_rate) - value(own.precision)).abs() < 1e-9, "{own:?}");
        assert!(own.caught <= own.churns && own.churns <= own.positives, "{own:?}");
        assert!(own.true_positives <= own.fired.min(own.positives), "{own:?}");
    }
    let at: u64 = test.dates().iter().map(|of| test.at("first", of.date).unwrap().new).sum();
    assert_eq!(at, test.performance("first").unwrap().new_findings);
    assert_eq!(test.at("first", test.dates()[0].date).unwrap().new, 0);
}

/// Each of the first two knows half of those who leave, the third says what the first does.
#[test]
fn what_each_adds() {
    let half = |side: i64| {
        move |day: i32, account: i64| {
            flag(truth(day, account) && account % 2 == side || uniform(5, account, day + side as i32) < 0.02)
        }
    };
    let set = TriggerSet::new()
        .with(scripted("noise", |day, account| flag(uniform(6, account, day) < 0.1)))
        .with(scripted("even", half(0)))
        .with(scripted("odd", half(1)))
        .with(scripted("echo", half(0)))
        .with(scripted("contrary", |day, account| flag(!truth(day, account) && uniform(7, account, day) < 0.5)))
        .with(scripted("absent", |_, _| Told::NotObserved));
    let test = run(set);
    let ranking = test.ranking().unwrap();
    let names: Vec<&str> = ranking.contributions.iter().map(|own| own.trigger.as_str()).collect();
    assert_eq!(names.len(), 5, "{test}");
    assert!(!names.contains(&"absent"), "{test}");
    let of = |name: &str| ranking.contributions.iter().find(|own| own.trigger == name).unwrap();
    let mut worth: Vec<&str> = test.worth_working_on().iter().map(|own| own.trigger.as_str()).collect();
    worth.sort_unstable();
    assert!(matches!(worth[..], ["even" | "echo", "odd"]), "{test}");
    // What another says as well is not missed; what nobody else says is.
    assert!(of("even").deviance_loss.abs() < 2.0 && of("echo").deviance_loss.abs() < 2.0, "{test}");
    assert!(of("odd").deviance_loss > 50.0, "{test}");
    assert!((of("even").weight - of("echo").weight).abs() < 1e-6, "{test}");
    assert!(of("noise").deviance_gain < 12.0 && !of("noise").holds(), "{test}");
    assert!(of("contrary").weight < 0.0 && !of("contrary").holds(), "{test}");
    assert_eq!([of("even"), of("echo")].iter().filter(|own| own.holds()).count(), 1, "{test}");
    let gains: Vec<f64> = ranking.contributions.iter().map(|own| own.deviance_gain).collect();
    assert!(gains.iter().all(|&gain| gain > -0.5), "{test}");
    // The first is the one that gains the most by itself.
    let alone = |trigger| {
        let test = run(TriggerSet::new().with(trigger));
        test.ranking().unwrap().contributions[0].deviance_gain
    };
    let (even, odd) = (alone(scripted("even", half(0))), alone(scripted("odd", half(1))));
    assert!(matches!(names[0], "even" | "echo"), "{test}");
    assert!((gains[0] - even).abs() < 1e-6 && even > odd, "{even} {odd} {test}");
    let areas: Vec<f64> = ranking.contributions.iter().map(|own| value(own.area)).collect();
    assert!(areas[0] > value(ranking.plain_area) && areas[1] > areas[0], "{test}");
    let combination = test.performance("combination").unwrap();
    assert_eq!((combination.detector, combination.verdict()), (Detector::Combination, Verdict::Better));
    assert!(near(value(combination.area), *areas.last().unwrap()), "{test}");
    assert!(combination.judged < test.performance("even").unwrap().judged, "{test}");
    // The later dates begin when what became of the earlier was known.
    assert!(ranking.judged.start - ranking.fitted.end >= LEAD + HORIZON, "{test}");
    assert_eq!(test.at("combination", ranking.fitted.end), None);
    assert!(test.at("combination", ranking.judged.start).is_some());
    let frame = test.ranking_to_frame().unwrap();
    assert_eq!(frame.column("worth_working_on").unwrap().bool().unwrap().sum(), Some(2));
    let printed = test.to_string();
    assert!(printed.contains("worth working on: ") && printed.lines().count() < 45, "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 120), "{printed}");
}

/// A table of what a trigger said says what the trigger said.
#[test]
fn a_table_of_truth() {
    let dates: Vec<i32> = run(TriggerSet::new().with(scripted("x", |_, _| Told::NotObserved)))
        .dates()
        .iter()
        .map(|of| of.date.days_since_epoch())
        .collect();
    let mut table = BTreeMap::new();
    for &today in &dates {
        for account in (0..ACCOUNTS).filter(|&account| truth(today, account)) {
            table.insert((today, account), Told::Fired(1.0));
        }
    }
    let one = alone(tabled("same", table));
    let other = alone(scripted("same", |day, account| flag(truth(day, account))));
    assert_eq!(one, other);
    assert_eq!(dates[0], NEW_YEAR + 120);
    assert_eq!(day(dates[1]) - day(dates[0]), 28);
}

/// Those who came lately leave more often, and nothing is observed of them; a trigger that fires by chance among the others
/// is not credited with that, and one that knows is.
#[test]
fn what_is_not_observed_is_nobodys_merit() {
    let young = |day: i32, account: i64| leaves(account).is_some_and(|left| NEW_YEAR + left - day < 150);
    let chance = |seed: u64| {
        move |day: i32, account: i64| {
            if young(day, account) { Told::NotObserved } else { flag(uniform(seed, account, day) < 0.2) }
        }
    };
    let knows = |day: i32, account: i64| flag(truth(day, account) && uniform(9, account, 0) < 0.5);
    let set = TriggerSet::new()
        .with(scripted("chance", chance(7)))
        .with(scripted("other", chance(8)))
        .with(scripted("knows", knows));
    let test = run(set);
    let ranking = test.ranking().unwrap();
    let [first, second, third] = ranking.contributions.as_slice() else { panic!("{ranking:?}") };
    assert_eq!(first.trigger, "knows");
    assert!(first.holds() && first.deviance_gain > 20.0, "{first:?}");
    for chance in [second, third] {
        assert!(!chance.holds() && chance.deviance_gain < 11.0, "{chance:?}");
    }
}
