//! What holds of every log, of a stored desk, and of a replay.

use std::collections::BTreeMap;

use attrition::{
    AlertDesk, AlertOptions, AlertPolicy, AlertState, Company, Findings, Portfolio, SimulationOptions, TriggerSet,
};
use proptest::prelude::*;

use super::oracle::World;
use super::{Told, customers, playbook, short};
use crate::log::day;

/// Laws of the log.
pub(crate) fn assert_sound(desk: &AlertDesk) {
    use AlertState::{Acknowledged, Closed, CooledDown, Escalated, Held, Open, Snoozed};
    let mut state: BTreeMap<usize, AlertState> = BTreeMap::new();
    let mut live: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut opened = Vec::new();
    let mut last = None;
    for change in desk.changes() {
        assert!(last <= Some(change.date), "in the order of dates");
        last = Some(change.date);
        assert_eq!(state.get(&change.alert).copied(), change.from);
        let legal = match change.from {
            None => matches!(change.to, Held | Open),
            Some(Held) => matches!(change.to, Open | CooledDown | Closed),
            Some(Open) => matches!(change.to, Escalated | Acknowledged | Snoozed | CooledDown | Closed),
            Some(Escalated) => matches!(change.to, Escalated | Acknowledged | Snoozed | CooledDown | Closed),
            Some(Acknowledged) => matches!(change.to, Escalated | Snoozed | CooledDown | Closed),
            Some(Snoozed) => change.to != Held,
            Some(CooledDown) => matches!(change.to, Held | Open | Escalated | Acknowledged | Closed),
            Some(Closed) => false,
        };
        assert!(legal, "{change:?}");
        let key = (change.account.to_string(), change.cause);
        if change.from.is_none() {
            assert_eq!(live.insert(key, change.alert), None, "one alert an account and cause");
        } else if change.to == Closed {
            assert_eq!(live.remove(&key), Some(change.alert));
            assert!(change.reason.is_some());
        }
        if change.to == Open && change.why.name() == "fired" {
            opened.push(change.date);
        }
        state.insert(change.alert, change.to);
    }
    for alert in desk.alerts() {
        assert_eq!(state.get(&alert.number), Some(&alert.state));
        let gone = desk.changes().any(|change| {
            change.alert == alert.number && matches!(change.why.name(), "left" | "lapsed") && change.to == Closed
        });
        assert!(!gone || alert.reason.unwrap().outcome.name() == "gone");
        assert_eq!(
            alert.opened.is_some(),
            desk.changes().any(|change| change.alert == alert.number && change.to == Open)
        );
    }
    if let Some(cap) = serde_json::to_value(desk.policy()).unwrap()["weekly_cap"].as_u64() {
        for &end in &opened {
            let week = opened.iter().filter(|&&date| date <= end && end - date < 7).count() as u64;
            assert!(week <= cap, "{week} in the week to {end}");
        }
    }
}

fn stored(desk: &AlertDesk) -> AlertDesk {
    serde_json::from_str(&serde_json::to_string(desk).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn any_log_is_sound_and_goes_on_from_a_file(seed in any::<u64>(), middle in 0..60_i32) {
        let world = World::drawn(seed);
        let (portfolio, set) = (world.portfolio(), world.set());
        let (mut straight, mut resumed) = (world.desk(), world.desk());
        for today in 0..60 {
            if today == middle {
                resumed = stored(&resumed);
            }
            for desk in [&mut straight, &mut resumed] {
                if world.dates.contains(&today) {
                    desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
                }
                world.act(desk, today);
            }
        }
        assert_sound(&straight);
        prop_assert_eq!(straight, resumed);
    }
}

#[test]
fn flapping_raises_no_second_alert() {
    // With each policy the days over which it has to be quiet before an alert is closed.
    for (policy, quiet) in [(AlertPolicy::new(), 35), (short(), 6), (AlertPolicy::new().confirm_days(0), 35)] {
        let some = |code: &str, days: usize| code.repeat(days);
        let nearly = format!("MMM{}M.", some(".", quiet));
        let out_of_sight = format!("MMM{}{}{}", some(".", quiet / 2), some("-", quiet), some(".", quiet / 2));
        for codes in ["MM.", "M.", "MMM...", "MMMM....", "H.L-", &nearly, &out_of_sight] {
            let year: String = codes.chars().cycle().take(365).collect();
            let set = TriggerSet::new().with(Told::new("sign", &[(1, &year)]));
            let portfolio = customers(1, 365, &[]);
            let options = AlertOptions::new().from(day(0)).to(day(364)).playbook(playbook(&[("cause", &["sign"])]));
            let desk = portfolio.alerts(set, options.policy(policy)).unwrap();
            assert!(desk.alerts().len() <= 1, "{codes}: {desk}");
            assert_sound(&desk);
        }
    }
}

/// Every week another account is more urgent and takes the only room, so that the first one is held, fades and returns.
#[test]
fn what_is_held_and_fades_comes_back_as_the_same_alert() {
    let urgent: Vec<(i64, String)> =
        (0..52).map(|week: usize| (week as i64 + 2, ".".repeat(7 * week) + &"H".repeat(365 - 7 * week))).collect();
    for (policy, codes) in [(AlertPolicy::new(), "MMMM........"), (short(), "MMM..."), (short(), "MMM....H..")] {
        let year: String = codes.chars().cycle().take(365).collect();
        let rows = urgent.iter().map(|(account, codes)| (*account, codes.as_str())).chain([(1, year.as_str())]);
        let set = TriggerSet::new().with(Told::new("sign", &rows.collect::<Vec<_>>()));
        let options = AlertOptions::new().from(day(0)).to(day(359)).playbook(playbook(&[("cause", &["sign"])]));
        let desk = customers(60, 365, &[]).alerts(set, options.policy(policy.weekly_cap(1))).unwrap();
        let own: Vec<_> = desk.of_account(1).collect();
        assert_eq!((own.len(), own[0].opened), (1, None), "{codes}: {desk}");
        let held = desk.changes().filter(|change| change.alert == own[0].number && change.to == AlertState::Held);
        assert!(held.count() > 20, "{codes}");
        assert_sound(&desk);
        assert_eq!(stored(&desk), desk);
    }
}

/// A company in which much happens.
fn company() -> Portfolio {
    Company::simulate(SimulationOptions::new(60, 3).days(500)).unwrap().portfolio().unwrap()
}

/// A year day by day through the front door, replayed at once, and replayed from a saved state in the middle.
#[test]
fn a_year_of_a_company() {
    let portfolio = company();
    let last = portfolio.activity().as_of();
    let options = AlertOptions::new().from(last - 364).policy(AlertPolicy::new().weekly_cap(2));
    let straight = portfolio.alerts(TriggerSet::standard(), options.clone()).unwrap();
    assert_sound(&straight);
    assert!(straight.alerts().len() > 20, "{straight}");
    assert!(straight.alerts().any(|alert| alert.state == AlertState::Held || alert.opened.is_none()), "{straight}");

    let mut resumed = stored(&portfolio.alerts(TriggerSet::standard(), options.clone().to(last - 180)).unwrap());
    resumed.catch_up(&portfolio, TriggerSet::standard(), last, 1).unwrap();
    assert_eq!(straight, resumed);
    resumed.catch_up(&portfolio, TriggerSet::standard(), last, 1).unwrap();
    assert_eq!(straight, resumed, "there is nothing to catch up with");

    let mut daily = AlertDesk::new(straight.playbook().clone(), *straight.policy()).unwrap();
    for back in (0..365).rev() {
        let findings: Findings = portfolio.triggers(last - back, TriggerSet::standard()).unwrap();
        daily.advance(&findings).unwrap();
    }
    assert_eq!(straight, daily);
    assert_eq!(straight.to_frame().unwrap().height(), straight.alerts().len());
    assert_eq!(straight.changes_to_frame().unwrap().height(), straight.changes().len());
}

/// Somebody acts on Monday upon what Friday found.
#[test]
fn catching_up_after_somebody_acted() {
    let set = || TriggerSet::new().with(Told::new("sign", &[(1, &"M".repeat(40))]));
    let portfolio = customers(1, 40, &[]);
    let begun = |acted: i32| {
        let options = AlertOptions::new().from(day(0)).to(day(7)).playbook(playbook(&[("cause", &["sign"])]));
        let mut desk = portfolio.alerts(set(), options.policy(short())).unwrap();
        desk.acknowledge(1, "cause", day(acted), "ann").unwrap();
        desk
    };
    let dates = |acted: i32, every: u32| {
        let mut desk = begun(acted);
        let mut dates = Vec::new();
        for to in 7..=35 {
            let before = desk.as_of();
            desk.catch_up(&portfolio, set(), day(to), every).unwrap();
            dates.extend(desk.as_of().filter(|_| desk.as_of() != before).map(|date| date.days_since_epoch()));
        }
        dates
    };
    assert_eq!(dates(7, 7), [14, 21, 28, 35]);
    assert_eq!(dates(10, 7), [14, 21, 28, 35]);
    assert_eq!(dates(14, 7), [14, 21, 28, 35]);
    assert_eq!(dates(15, 7), [21, 28, 35]);
    assert_eq!(dates(10, 1)[0], 10);
    // No month ends up to then; a number of days that cannot be is refused first.
    let mut desk = begun(10);
    let stood = desk.clone();
    desk.catch_up(&portfolio, set(), day(20), attrition::Period::Month).unwrap();
    assert_eq!(desk, stood);
    assert!(desk.catch_up(&portfolio, set(), day(7), 0).is_err());
    let mut new = AlertDesk::new(playbook(&[("cause", &["sign"])]), short()).unwrap();
    assert!(new.catch_up(&portfolio, set(), day(20), 1).is_err(), "as alerts, which have no date to begin at");
}

#[test]
fn two_cases_have_two_alerts() {
    let set = TriggerSet::new().with(Told::new("sign", &[(1, "..M"), (2, "MMM")]));
    let portfolio = customers(2, 10, &[]);
    let mut desk = AlertDesk::new(playbook(&[("cause", &["sign"])]), short()).unwrap();
    for today in 0..3 {
        desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
    }
    let mut text = serde_json::to_value(&desk).unwrap();
    assert!(text["cases"][0]["alert"].is_null() && text["cases"][1]["alert"] == 0);
    text["cases"][0]["alert"] = 0.into();
    let error = serde_json::from_value::<AlertDesk>(text).unwrap_err();
    assert!(error.to_string().contains("a case has an alert of its own"), "{error}");
}

#[test]
fn weeks_and_months() {
    let portfolio = company();
    let last = portfolio.activity().as_of();
    let weekly = portfolio.alerts(TriggerSet::standard(), AlertOptions::new().every(7)).unwrap();
    assert_sound(&weekly);
    let mut resumed = portfolio.alerts(TriggerSet::standard(), AlertOptions::new().every(7).to(last - 100)).unwrap();
    resumed.catch_up(&portfolio, TriggerSet::standard(), last, 7).unwrap();
    assert_eq!(weekly, resumed);
    let monthly =
        portfolio.alerts(TriggerSet::standard(), AlertOptions::new().every(attrition::Period::Month)).unwrap();
    assert_sound(&monthly);
    for options in [
        AlertOptions::new().from(last + 1),
        AlertOptions::new().to(last + 1),
        AlertOptions::new().from(portfolio.activity().observed_from() - 1),
        AlertOptions::new().every(0),
    ] {
        assert!(portfolio.alerts(TriggerSet::standard(), options).is_err());
    }
}

/// Whatever stands in a file, reading it ends in an error or in a desk that can be looked at from all sides.
#[test]
fn edited_by_hand() {
    let world = World::drawn(11);
    let (portfolio, set, mut desk) = (world.portfolio(), world.set(), world.desk());
    for today in 0..40 {
        if world.dates.contains(&today) {
            desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
        }
        world.act(&mut desk, today);
    }
    assert!(desk.alerts().len() > 3);
    let text = serde_json::to_string(&desk).unwrap();
    let (mut read, mut refused) = (0, 0);
    for (from, to) in [
        ("\"held\"", "\"open\""),
        ("\"open\"", "\"closed\""),
        ("\"acknowledged\"", "\"held\""),
        ("\"account\":0", "\"account\":9"),
        ("\"account\":1", "\"account\":0"),
        ("\"cause\":1", "\"cause\":7"),
        ("\"cause\":0", "\"cause\":1"),
        ("\"alert\":1", "\"alert\":2"),
        ("\"alert\":0", "\"alert\":4000000"),
        ("\"triggers\":[0]", "\"triggers\":[5]"),
        ("\"reason\":null", "\"reason\":0"),
        ("\"reason\":0", "\"reason\":99"),
        ("1970-01-1", "1971-01-1"),
        ("\"low\"", "\"high\""),
        ("\"use_falling\"", "\"nothing\""),
        ("\"resolved\"", "\"gone\""),
        ("\"days\":", "\"days\":1"),
    ] {
        // Each occurrence by itself, and all together.
        let places = text.matches(from).count();
        for place in 0..=places {
            let edited = if place == places {
                text.replace(from, to)
            } else {
                let at = text.match_indices(from).nth(place).unwrap().0;
                format!("{}{to}{}", &text[..at], &text[at + from.len()..])
            };
            match serde_json::from_str::<AlertDesk>(&edited) {
                Err(_) => refused += 1,
                Ok(mut desk) => {
                    read += 1;
                    let _ = (desk.to_string(), desk.to_frame().unwrap(), desk.changes_to_frame().unwrap());
                    let snapshot = portfolio.at(day(59)).unwrap();
                    let _ = desk.actions(&snapshot, |_| None).map(|actions| (actions.to_string(), actions.to_frame()));
                    let _ = desk.recommendations(&snapshot, |_| None).unwrap().to_string();
                    let _ =
                        desk.advance(&portfolio.triggers(day(59), set.clone()).unwrap()).map(|changes| changes.len());
                }
            }
        }
    }
    assert!(read > 5 && refused > 50, "{read} {refused}");
}
