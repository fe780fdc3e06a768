//! The daily states against their definition, the identities of DAU, WAU and MAU, and the edges.

use std::collections::BTreeMap;

use attrition::{
    Activity, Coverage, DailyState, DailyStates, DailyStatesOptions, Date, DayStates, Error, Transitions, Window, date,
};
use jiff::civil;
use proptest::prelude::*;
use proptest::sample::Index;

use super::lifecycle::reshaped;
use super::log::{self, Event, Mapped, event, message};
use super::oracle::{Oracle, day};
use super::properties::{both, logs, near, ratio};

/// The state of a user on a day, by a look at each of its days.
fn state(oracle: &Oracle, user: i64, today: civil::Date, week: i32, month: i32) -> Option<DailyState> {
    let days = &oracle.days[&user];
    let before = days.iter().filter(|&&other| other < today).max();
    let ago = before.map(|&before| (today - before).get_days());
    match (days.contains(&today), ago) {
        (true, None) => Some(DailyState::New),
        (false, None) => None,
        (true, Some(ago)) if ago < week => Some(DailyState::Current),
        (true, Some(ago)) if ago < month => Some(DailyState::Reactivated),
        (true, Some(_)) => Some(DailyState::Resurrected),
        (false, Some(ago)) if ago < week => Some(DailyState::AtRiskWeek),
        (false, Some(ago)) if ago < month => Some(DailyState::AtRiskMonth),
        (false, Some(_)) => Some(DailyState::Dormant),
    }
}

fn lengths() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![Just((7, 30)), Just((2, 3)), (2..=9_u32).prop_flat_map(|week| (Just(week), week + 1..=20))]
}

fn options((week, month): (u32, u32)) -> DailyStatesOptions {
    DailyStatesOptions::new().week_days(week).month_days(month)
}

/// What holds whatever the log.
fn identities(activity: &Activity, (week, month): (u32, u32)) {
    let states = activity.daily_states(options((week, month))).unwrap();
    assert_eq!(states.options(), &options((week, month)));
    let windows = [1, week, month].map(Window::Days);
    let usage = activity.active_users(windows).unwrap();
    let mut seen = 0;
    for (place, day) in states.days().iter().enumerate() {
        let [dau, wau, mau] = windows.map(|window| usage.series(window)[place]);
        assert_eq!((day.date, day.dau()), (dau.span.end, dau.active));
        assert_eq!((day.wau(), day.mau(), day.coverage), (wau.active, mau.active, mau.coverage));
        seen += day.count(DailyState::New);
        assert_eq!(day.seen(), seen);
        assert_eq!(day.seen(), DailyState::ALL.iter().map(|&state| day.count(state)).sum::<u64>());
        assert_eq!(states.on(day.date), Some(day));
    }
    assert_eq!(seen, activity.actors() as u64);
    assert_eq!(states.days().len(), usage.series(windows[0]).len());
    let (first, last) = (activity.observed_from(), activity.as_of());
    assert_eq!((states.on(first - 1), states.on(last + 1), states.on(Date::MIN - i32::MAX)), (None, None, None));

    // Who was in a state yesterday is somewhere today, and who is in one today was somewhere yesterday or is new.
    for pair in states.days().windows(2) {
        let moves = states.transitions(pair[1].date, pair[1].date);
        assert_eq!((moves.first(), moves.last()), (pair[1].date, pair[1].date));
        assert_eq!(moves.days(), u32::from(pair[0].coverage == Coverage::Observed));
        if moves.days() == 1 {
            for state in DailyState::ALL {
                assert_eq!(moves.base(state), pair[0].count(state));
                let entered = if state == DailyState::New { moves.entered() } else { 0 };
                let into: u64 = DailyState::ALL.iter().map(|&from| moves.count(from, state)).sum();
                assert_eq!(into + entered, pair[1].count(state), "{state}");
                let rates: f64 = DailyState::ALL.iter().filter_map(|&to| moves.rate(state, to)).sum();
                assert!(moves.base(state) == 0 || (rates - 1.0).abs() < 1e-12);
            }
        }
    }
    let (all, none) = (states.transitions(Date::MIN, Date::MAX), states.transitions(last, first - 1));
    let observed = states.days().iter().filter(|day| day.coverage == Coverage::Observed && day.date < last).count();
    assert_eq!((all.days() as usize, none.days()), (observed, 0));
    assert_eq!(none.rate(DailyState::Current, DailyState::Current), None);

    let frame = states.to_frame().unwrap();
    assert_eq!(frame.shape(), (states.days().len(), 13));
    assert!(frame.columns().iter().all(|column| column.null_count() == 0));
    let moves = states.transitions_to_frame().unwrap();
    assert_eq!(moves.shape(), (19 * states.days().len(), 7));
    assert_eq!(all.to_frame().unwrap().shape(), (19, 5));
    for text in [states.to_string(), all.to_string()] {
        assert!(text.lines().count() <= 20 && text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
    let stored = serde_json::to_string(&states).unwrap();
    assert_eq!(serde_json::from_str::<DailyStates>(&stored).unwrap(), states);
    let stored = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Transitions>(&stored).unwrap(), all);
}

proptest! {
    #[test]
    fn states_and_moves_are_those_of_the_oracle(log in logs(90), lengths in lengths(), ends in any::<[Index; 2]>()) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let (week, month) = (lengths.0.cast_signed(), lengths.1.cast_signed());
        let states = activity.daily_states(options(lengths)).unwrap();
        let days = oracle.observation();
        prop_assert_eq!(states.days().len(), days.len());
        let [from, to] = ends.map(|end| end.index(days.len()));
        let mut pooled: BTreeMap<_, u64> = BTreeMap::new();
        let mut pooled_days = 0;
        let frame = states.transitions_to_frame().unwrap();
        let columns = ["count", "base"].map(|name| frame.column(name).unwrap().u64().unwrap());
        let rates = frame.column("rate").unwrap().f64().unwrap();
        let names = ["from", "to"].map(|name| frame.column(name).unwrap().str().unwrap());
        for (place, &today) in days.iter().enumerate() {
            let mut counts: BTreeMap<DailyStateName, u64> = BTreeMap::new();
            let mut moves: BTreeMap<_, u64> = BTreeMap::new();
            let mut bases: BTreeMap<DailyStateName, u64> = BTreeMap::new();
            for &user in oracle.days.keys() {
                let now = state(&oracle, user, today, week, month);
                let before = (place > 0).then(|| state(&oracle, user, days[place - 1], week, month)).flatten();
                if let Some(now) = now {
                    *counts.entry(now.name()).or_default() += 1;
                    *moves.entry((before.map(DailyState::name), now.name())).or_default() += 1;
                }
                if let Some(before) = before {
                    *bases.entry(before.name()).or_default() += 1;
                }
            }
            let got = &states.days()[place];
            let truncated = (today - oracle.first).get_days() + 1 < month;
            prop_assert_eq!(got.date, day(today));
            prop_assert_eq!(got.coverage, if truncated { Coverage::Truncated } else { Coverage::Observed });
            for one in DailyState::ALL {
                prop_assert_eq!(got.count(one), counts.get(one.name()).copied().unwrap_or(0), "{} on {}", one, today);
            }
            // The moves of the day, of which the frame has every one that can be.
            let observed = (today - oracle.first).get_days() >= month;
            let mut in_frame = 0;
            for row in 19 * place..19 * (place + 1) {
                let (from, to) = (names[0].get(row), names[1].get(row).unwrap());
                let count = moves.get(&(from, to)).copied().unwrap_or(0);
                let base = from.map(|from| bases.get(from).copied().unwrap_or(0));
                prop_assert_eq!((columns[0].get(row), columns[1].get(row)), (Some(count), base), "{:?} {} {}", from, to, today);
                let rate = base.filter(|_| observed).and_then(|base| ratio(count, base));
                prop_assert!(near(rates.get(row), rate));
                in_frame += count;
            }
            prop_assert_eq!(in_frame, moves.values().sum::<u64>());
            if (from..=to).contains(&place) && observed {
                pooled_days += 1;
                moves.into_iter().for_each(|(between, count)| *pooled.entry(between).or_default() += count);
            }
        }
        let moves = states.transitions(day(days[from]), day(days[to]));
        prop_assert_eq!(moves.days(), pooled_days);
        for from in DailyState::ALL {
            let count = |to: DailyState| pooled.get(&(Some(from.name()), to.name())).copied().unwrap_or(0);
            let base: u64 = DailyState::ALL.into_iter().map(count).sum();
            prop_assert_eq!(moves.base(from), base);
            for to in DailyState::ALL {
                prop_assert_eq!(moves.count(from, to), count(to), "{} to {}", from, to);
                prop_assert!(near(moves.rate(from, to), ratio(count(to), base)));
            }
        }
        prop_assert_eq!(moves.entered(), pooled.get(&(None, "new")).copied().unwrap_or(0));
    }

    #[test]
    fn wau_and_mau_are_those_of_active_users(log in logs(200), lengths in lengths()) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        identities(&activity, lengths);
    }

    #[test]
    fn the_shape_of_the_log_makes_no_difference(log in logs(60), cut in any::<Index>(), lengths in lengths()) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let expected = activity.daily_states(options(lengths)).unwrap();
        for (what, other) in reshaped(&log, &oracle, cut) {
            prop_assert_eq!(&other.daily_states(options(lengths)).unwrap(), &expected, "{}", what);
        }
    }
}

type DailyStateName = &'static str;

#[test]
fn forty_days_by_hand() {
    // Gaps of 1, 6, 7, 29 and 30 days, at the edges of Duolingo's states.
    let start = 19_723;
    let mut today = start;
    let mut log = vec![event(1, today)];
    for gap in [1, 6, 7, 29, 30] {
        today += gap;
        log.push(event(1, today));
    }
    let activity = log::ingest(&log, Mapped::NONE, Some((start, today + 40)));
    let states = activity.daily_states(DailyStatesOptions::default()).unwrap();
    let on = |after: i32| {
        let day = states.on(date(2024, 1, 1) + after).unwrap();
        assert_eq!(day.seen(), 1);
        DailyState::ALL.into_iter().find(|&state| day.count(state) == 1).unwrap()
    };
    use DailyState::{AtRiskMonth, AtRiskWeek, Current, Dormant, New, Reactivated, Resurrected};
    assert_eq!([0, 1, 2, 6, 7].map(on), [New, Current, AtRiskWeek, AtRiskWeek, Current]);
    assert_eq!([8, 13, 14].map(on), [AtRiskWeek, AtRiskWeek, Reactivated]);
    assert_eq!([20, 21, 42, 43].map(on), [AtRiskWeek, AtRiskMonth, AtRiskMonth, Reactivated]);
    assert_eq!([72, 73, 74].map(on), [AtRiskMonth, Resurrected, AtRiskWeek]);
    assert_eq!([79, 80, 102, 103, 113].map(on), [AtRiskWeek, AtRiskMonth, AtRiskMonth, Dormant, Dormant]);
    // The month of day 29 is the first that lies within the observation.
    assert_eq!(states.days()[28].coverage, Coverage::Truncated);
    assert_eq!(states.days()[29].coverage, Coverage::Observed);
    let moves = states.transitions(Date::MIN, Date::MAX);
    assert_eq!((moves.days(), moves.entered()), (84, 0));
    assert_eq!(moves.count(AtRiskMonth, Resurrected), 1);
    assert_eq!(moves.count(AtRiskMonth, Dormant), 1);
    assert_eq!(moves.rate(Dormant, Dormant), Some(1.0));
    assert_eq!((moves.base(New), moves.rate(New, Current)), (0, None));
}

#[test]
fn next_to_nothing() {
    identities(&log::ingest(&[], Mapped::NONE, Some((10, 45))), (7, 30));
    identities(&log::ingest(&[event(1, 19_800)], Mapped::NONE, None), (7, 30));
    identities(&log::ingest(&[event(1, 19_800), event(2, 19_800)], Mapped::NONE, Some((19_700, 19_900))), (7, 30));
    let twice = [1, 2].map(|account| Event { account: Some(account), ..event(1, 19_800) });
    identities(&log::ingest(&twice, Mapped::ALL, None), (2, 3));
}

#[test]
fn odd_corners_of_the_calendar() {
    for first in [date(1969, 12, 1), date(2020, 12, 20), date(2024, 2, 20), Date::MIN, Date::MAX - 60] {
        let from = first.days_since_epoch();
        let log: Vec<Event> = (0..50).map(|after| event(i64::from(after * after % 7), from + after)).collect();
        let activity = log::ingest(&log, Mapped::NONE, Some((from, from + 60)));
        identities(&activity, (3, 8));
        identities(&activity, (7, 30));
        identities(&activity, (2, 36_525));
    }
}

#[test]
fn options_are_judged() {
    let activity = log::ingest(&[event(1, 19_800)], Mapped::NONE, None);
    for (lengths, name) in [
        ((0, 30), "week_days"),
        ((1, 30), "week_days"),
        ((30, 30), "month_days"),
        ((u32::MAX, 30), "month_days"),
        ((7, 36_526), "month_days"),
        ((7, u32::MAX), "month_days"),
    ] {
        let error = activity.daily_states(options(lengths)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{lengths:?}: {error:?}");
        message(&error);
    }
    assert_eq!(DailyStatesOptions::default(), options((7, 30)));
    let stored = serde_json::to_string(&options((5, 28))).unwrap();
    assert_eq!(serde_json::from_str::<DailyStatesOptions>(&stored).unwrap(), options((5, 28)));
    let (first, last) = (Date::MIN.days_since_epoch(), Date::MAX.days_since_epoch());
    let ten_thousand_years = log::ingest(&[event(1, 0)], Mapped::NONE, Some((first, last)));
    let error = ten_thousand_years.daily_states(DailyStatesOptions::new()).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    message(&error);
}

#[test]
fn its_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug + Clone>() {}
    check::<DailyState>();
    check::<DailyStates>();
    check::<DailyStatesOptions>();
    check::<DayStates>();
    check::<Transitions>();
    assert_eq!(serde_json::to_string(&DailyState::AtRiskWeek).unwrap(), "\"at_risk_week\"");
    assert_eq!(format!("{:>9}|", DailyState::Current), "  current|");
}
