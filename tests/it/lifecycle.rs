//! Growth accounting against its definition, its identities, and the edges.

use std::collections::{BTreeMap, BTreeSet};

use attrition::{
    Activity, Calendar, Coverage, Error, Interval, Lifecycle, LifecycleOptions, LifecyclePeriod, NewlyDormant, Period,
    Weekday, Window, date,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use super::log::{self, Mapped, event, frame, message};
use super::oracle::{Log, Oracle, span};
use super::properties::{both, ingest, logs, near, periods_and_logs, plain_frame, ratio};

/// The same log in other shapes: rows turned around, one row appended, late days appended.
pub(crate) fn reshaped(log: &Log, oracle: &Oracle, cut: Index) -> Vec<(&'static str, Activity)> {
    // Named at both ends, so that each part is seen as the whole is.
    let log = Log { observed_from: Some(oracle.first), as_of: Some(oracle.last), ..log.clone() };
    let activity = |log: &Log| ingest(log, &[plain_frame(log)]).unwrap();
    let append = |left: &Log, right: &Log| {
        let mut grown = activity(left);
        grown.append(&activity(right)).unwrap();
        grown
    };
    let turned = Log { events: log.events.iter().rev().copied().collect(), ..log.clone() };
    let (rows, row) = log.events.split_at(log.events.len() - 1);
    let [rows, row] = [rows, row].map(|events| Log { events: events.to_vec(), ..log.clone() });
    let mut same = vec![("turned around", activity(&turned)), ("a row appended", append(&rows, &row))];
    let days = oracle.observation();
    let middle = days[cut.index(days.len())];
    if middle < oracle.last {
        let early = Log { as_of: Some(middle), ..log.clone() };
        let late = Log { observed_from: middle.tomorrow().ok(), ..log };
        same.push(("days appended", append(&early, &late)));
    }
    same
}

type People = BTreeSet<i64>;

fn count(people: &People) -> u64 {
    people.len() as u64
}

/// Every number of a lifecycle, from sets of users.
fn check(lifecycle: &Lifecycle, oracle: &Oracle, period: Period, silence: usize) -> Result<(), TestCaseError> {
    let periods = oracle.periods(period);
    prop_assert_eq!(lifecycle.periods().len(), periods.len());
    let within = |place: usize| -> People {
        let (start, end) = periods[place];
        let there = oracle.days.iter().filter(|(_, days)| days.range(start..=end).next().is_some());
        there.map(|(&user, _)| user).collect()
    };
    let present: Vec<People> = (0..periods.len()).map(within).collect();
    let active: Vec<People> = (0..periods.len())
        .map(|place| present[(place + 1).saturating_sub(silence)..=place].iter().flatten().copied().collect())
        .collect();
    let nobody = People::new();
    let mut seen = People::new();
    let first_of = |user: i64| present.iter().position(|people| people.contains(&user)).unwrap();
    for (place, got) in lifecycle.periods().iter().enumerate() {
        let before = if place > 0 { &active[place - 1] } else { &nobody };
        let new: People = &present[place] - &seen;
        let retained = &active[place] & before;
        let resurrected = &(&active[place] - before) - &new;
        let gone = before - &active[place];
        seen.extend(&present[place]);
        // What those who went were when they were last there.
        let mut split = BTreeMap::new();
        for &user in &gone {
            let last = (0..=place).rev().find(|&place| present[place].contains(&user)).unwrap();
            let was = match last {
                last if last == first_of(user) => "new",
                last if active[last - 1].contains(&user) => "retained",
                _ => "resurrected",
            };
            *split.entry(was).or_insert(0) += 1;
        }
        let split = |was| split.get(was).copied().unwrap_or(0);
        let dormant =
            NewlyDormant { new: split("new"), retained: split("retained"), resurrected: split("resurrected") };

        let (start, end) = periods[place];
        let looks_back = place.checked_sub(silence).map(|place| periods[place].0);
        let coverage = match end {
            end if end > oracle.last => Coverage::Open,
            _ if start < oracle.first || looks_back.is_none_or(|start| start < oracle.first) => Coverage::Truncated,
            _ => Coverage::Observed,
        };
        prop_assert_eq!((got.span, got.coverage), (span((start, end)), coverage));
        prop_assert_eq!((got.present, got.active), (count(&present[place]), count(&active[place])));
        prop_assert_eq!((got.new, got.retained, got.resurrected), (count(&new), count(&retained), count(&resurrected)));
        prop_assert_eq!((got.active_before, got.newly_dormant_so_far), (count(before), dormant));
        prop_assert_eq!(got.newly_dormant_so_far.total(), count(&gone));
        prop_assert_eq!(got.dormant_so_far, count(&seen) - count(&active[place]));
        let ended = coverage != Coverage::Open;
        prop_assert_eq!(got.newly_dormant, ended.then_some(dormant));
        prop_assert_eq!(got.dormant, ended.then_some(got.dormant_so_far));

        let rate = |part, whole| if coverage == Coverage::Observed { ratio(part, whole) } else { None };
        prop_assert!(near(got.quick_ratio, rate(count(&new) + count(&resurrected), count(&gone))), "{got:?}");
        prop_assert!(near(got.retention_rate, rate(count(&retained), count(before))), "{got:?}");
        prop_assert!(near(got.churn_rate, rate(count(&gone), count(before))), "{got:?}");
        for (rate, interval) in [(got.retention_rate, got.retention_interval), (got.churn_rate, got.churn_interval)] {
            prop_assert_eq!(rate.is_some(), interval.is_some());
            prop_assert!(rate.zip(interval).is_none_or(|(rate, ends)| ends.lower <= rate && rate <= ends.upper));
        }
    }
    Ok(())
}

/// What holds whatever the log.
fn identities(activity: &Activity, options: &LifecycleOptions) {
    let lifecycle = activity.lifecycle(options.clone()).unwrap();
    assert_eq!((lifecycle.options(), lifecycle.as_of()), (options, activity.as_of()));
    let mut active = 0;
    let mut seen = 0;
    for period in lifecycle.periods() {
        let gone = period.newly_dormant_so_far.total();
        assert_eq!(period.active_before, active);
        assert_eq!(period.active + gone, active + period.new + period.resurrected, "{period:?}");
        assert_eq!(period.active, period.new + period.retained + period.resurrected);
        assert_eq!(period.active_before, period.retained + gone);
        assert!(period.new + period.resurrected <= period.present && period.present <= period.active);
        seen += period.new;
        assert_eq!(period.active + period.dormant_so_far, seen);
        if let Some((stay, go)) = period.retention_rate.zip(period.churn_rate) {
            assert!((stay + go - 1.0).abs() < 1e-12, "{period:?}");
        }
        assert_eq!(lifecycle.on(period.span.start), Some(period));
        assert_eq!(lifecycle.on(period.span.end), Some(period));
        active = period.active;
    }
    let periods = lifecycle.periods();
    assert_eq!(seen, activity.actors() as u64);
    // Nobody can be known before the first period.
    assert_ne!(periods[0].coverage, Coverage::Observed);
    assert_eq!(lifecycle.on(periods[0].span.start - 1), None);
    assert_eq!(lifecycle.on(periods[periods.len() - 1].span.end + 1), None);

    let frame = lifecycle.to_frame().unwrap();
    assert_eq!(frame.shape(), (periods.len(), 23));
    let sum = |column: &str| frame.column(column).unwrap().u64().unwrap().iter().flatten().sum::<u64>();
    assert_eq!(sum("new"), seen);
    assert_eq!(sum("newly_dormant"), sum("from_new") + sum("from_retained") + sum("from_resurrected"));
    let nulls = |column: &str| frame.column(column).unwrap().null_count();
    let open = periods.iter().filter(|period| period.coverage == Coverage::Open).count();
    assert!(["newly_dormant", "from_new", "dormant"].iter().all(|column| nulls(column) == open));
    assert_eq!((nulls("active"), nulls("newly_dormant_so_far"), nulls("coverage")), (0, 0, 0));
    assert_eq!(nulls("churn_rate"), nulls("retention_upper"));

    let text = lifecycle.to_string();
    assert!(text.lines().count() <= 19 && text.lines().all(|line| line.len() <= 90), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    // As JSON reads them here, floats may differ in their last digit.
    let stored: Lifecycle = serde_json::from_str(&serde_json::to_string(&lifecycle).unwrap()).unwrap();
    assert_eq!((stored.options(), stored.as_of()), (options, activity.as_of()));
    assert_eq!(stored.periods().len(), periods.len());
    for (back, period) in stored.periods().iter().zip(periods) {
        let same = LifecyclePeriod {
            quick_ratio: period.quick_ratio,
            retention_rate: period.retention_rate,
            retention_interval: period.retention_interval,
            churn_rate: period.churn_rate,
            churn_interval: period.churn_interval,
            ..*back
        };
        assert_eq!(&same, period);
        let upper = |period: &LifecyclePeriod| period.churn_interval.map(|ends| ends.upper);
        assert!(near(back.quick_ratio, period.quick_ratio) && near(upper(back), upper(period)));
    }
    let stored = serde_json::to_string(options).unwrap();
    assert_eq!(&serde_json::from_str::<LifecycleOptions>(&stored).unwrap(), options);
}

fn all_identities(activity: &Activity) {
    for period in Period::ALL {
        for periods in [1, 2, 30, u32::MAX] {
            identities(activity, &LifecycleOptions::new(period).dormant_after(periods).confidence(0.9));
        }
    }
}

proptest! {
    #[test]
    fn lifecycles_are_those_of_the_oracle((period, log) in periods_and_logs(), silence in 1..=4_u32) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let options = LifecycleOptions::new(period).dormant_after(silence);
        check(&activity.lifecycle(options.clone()).unwrap(), &oracle, period, silence as usize)?;
        identities(&activity, &options);
    }

    #[test]
    fn active_is_that_of_active_users((period, log) in periods_and_logs(), days in 1..=40_u32) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        let usage = activity.active_users([Window::Calendar(period), Window::Days(days)]).unwrap();
        let lifecycle = activity.lifecycle(period).unwrap();
        let counts = |window| usage.series(window).iter().map(|count| count.active).collect::<Vec<_>>();
        let of_periods: Vec<u64> = lifecycle.periods().iter().map(|period| period.active).collect();
        prop_assert_eq!(of_periods, counts(Window::Calendar(period)));
        prop_assert!(lifecycle.periods().iter().all(|period| period.present == period.active));
        // Dormant after so many days is the trailing window of as many.
        let lifecycle = activity.lifecycle(LifecycleOptions::new(Period::Day).dormant_after(days)).unwrap();
        let of_days: Vec<u64> = lifecycle.periods().iter().map(|day| day.active).collect();
        prop_assert_eq!(of_days, counts(Window::Days(days)));
    }

    #[test]
    fn new_actors_are_cohorts_and_the_retained_of_one_period_are_their_age_1((period, log) in periods_and_logs()) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        let triangle = activity.retention(period).unwrap();
        let lifecycle = activity.lifecycle(period).unwrap();
        for (pair, cohort) in lifecycle.periods().windows(2).zip(triangle.cohorts()) {
            prop_assert_eq!(pair[0].new, cohort.size);
            let back = triangle.cell(cohort.span.start, 1).unwrap().so_far.unwrap();
            prop_assert_eq!(pair[1].newly_dormant_so_far.new, cohort.size - back);
        }
    }

    #[test]
    fn the_shape_of_the_log_makes_no_difference(log in logs(60), cut in any::<Index>(), silence in 1..=3_u32) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        for period in [Period::Day, Period::Week, Period::Month] {
            let options = LifecycleOptions::new(period).dormant_after(silence);
            let expected = activity.lifecycle(options.clone()).unwrap();
            for (what, other) in reshaped(&log, &oracle, cut) {
                prop_assert_eq!(&other.lifecycle(options.clone()).unwrap(), &expected, "{}", what);
            }
        }
    }
}

fn on(year: i16, month: i8, of_month: i8) -> i32 {
    date(year, month, of_month).days_since_epoch()
}

#[test]
fn four_weeks_by_hand() {
    // Weeks of 1, 8, 15 and 22 January 2024. 1: all four weeks. 2: first and third. 3: second. 4: third, and 5 fourth.
    let days = [(1, 1), (1, 9), (1, 17), (1, 22), (2, 3), (2, 21), (3, 14), (4, 15), (5, 23)];
    let log: Vec<_> = days.map(|(user, of_month)| event(user, on(2024, 1, of_month))).into();
    let activity = log::ingest(&log, Mapped::NONE, Some((on(2024, 1, 1), on(2024, 1, 24))));
    let lifecycle = activity.lifecycle(Period::Week).unwrap();
    let flows = |period: &LifecyclePeriod| [period.active, period.new, period.retained, period.resurrected];
    let flows: Vec<_> = lifecycle.periods().iter().map(flows).collect();
    assert_eq!(flows, [[2, 2, 0, 0], [2, 1, 1, 0], [3, 1, 1, 1], [2, 1, 1, 0]]);
    let [first, second, third, fourth] = lifecycle.periods() else { panic!("{lifecycle}") };
    assert_eq!(
        (first.coverage, first.newly_dormant, first.quick_ratio),
        (Coverage::Truncated, Some(NewlyDormant::default()), None)
    );
    assert_eq!(second.newly_dormant, Some(NewlyDormant { new: 1, ..NewlyDormant::default() }));
    assert_eq!((second.coverage, second.quick_ratio, second.churn_rate), (Coverage::Observed, Some(1.0), Some(0.5)));
    assert_eq!((third.dormant, third.quick_ratio), (Some(1), Some(2.0)));
    // Wilson's formula for 1 of 2, worked out apart.
    let Interval { lower, upper } = third.retention_interval.unwrap();
    assert!((lower - 0.094_531_205_734_230_72).abs() < 1e-9 && (upper - 0.905_468_794_265_769_2).abs() < 1e-9);
    // On Wednesday of the fourth week 2 and 4 may still come.
    let waiting = NewlyDormant { new: 1, retained: 0, resurrected: 1 };
    assert_eq!((fourth.coverage, fourth.newly_dormant, fourth.newly_dormant_so_far), (Coverage::Open, None, waiting));
    assert_eq!((fourth.dormant, fourth.dormant_so_far), (None, 3));
    assert_eq!((fourth.quick_ratio, fourth.retention_rate, fourth.churn_interval), (None, None, None));

    // Dormant after two weeks: 2 comes back in time, and 3 is gone with the fourth week.
    let lifecycle = activity.lifecycle(LifecycleOptions::new(Period::Week).dormant_after(2)).unwrap();
    let flows: Vec<_> = lifecycle.periods().iter().map(|week| (week.present, week.active, week.resurrected)).collect();
    assert_eq!(flows, [(2, 2, 0), (2, 3, 0), (3, 4, 0), (2, 4, 0)]);
    assert_eq!(lifecycle.periods()[3].newly_dormant_so_far, NewlyDormant { new: 1, ..NewlyDormant::default() });
    let coverage: Vec<_> = lifecycle.periods().iter().map(|week| week.coverage).collect();
    assert_eq!(coverage, [Coverage::Truncated, Coverage::Truncated, Coverage::Observed, Coverage::Open]);
    // Nobody went, so there is nothing to divide by.
    let nobody = activity.lifecycle(LifecycleOptions::new(Period::Week).dormant_after(2)).unwrap().periods()[2];
    assert_eq!((nobody.quick_ratio, nobody.churn_rate, nobody.retention_rate), (None, Some(0.0), Some(1.0)));
}

#[test]
fn a_first_period_seen_in_part_takes_the_second_along() {
    let log = [event(1, on(2024, 1, 3)), event(1, on(2024, 1, 22))];
    let coverage = |from| {
        let activity = log::ingest(&log, Mapped::NONE, Some((from, on(2024, 1, 28))));
        let lifecycle = activity.lifecycle(Period::Week).unwrap();
        lifecycle.periods().iter().map(|week| week.coverage).collect::<Vec<_>>()
    };
    use Coverage::{Observed, Truncated};
    assert_eq!(coverage(on(2024, 1, 1)), [Truncated, Observed, Observed, Observed]);
    assert_eq!(coverage(on(2024, 1, 2)), [Truncated, Truncated, Observed, Observed]);
}

#[test]
fn next_to_nothing() {
    let nobody = log::ingest(&[], Mapped::NONE, Some((10, 45)));
    all_identities(&nobody);
    let lifecycle = nobody.lifecycle(Period::Week).unwrap();
    assert!(lifecycle.periods().iter().all(|week| week.active == 0 && week.churn_rate.is_none()));
    all_identities(&log::ingest(&[event(1, 19_800)], Mapped::NONE, None));
    all_identities(&log::ingest(&[event(1, 19_800), event(2, 19_800)], Mapped::NONE, Some((19_700, 19_900))));
    // One user in two accounts on one day is there once.
    let twice = [1, 2].map(|account| log::Event { account: Some(account), ..event(1, 19_800) });
    let activity = log::ingest(&twice, Mapped::ALL, None);
    all_identities(&activity);
    assert_eq!(activity.lifecycle(Period::Day).unwrap().periods()[0].present, 1);
}

#[test]
fn odd_corners_of_the_calendar() {
    // New Year of 1970, ISO week 53 of 2020, and a leap day.
    for (from, to) in
        [(on(1969, 12, 1), on(1970, 2, 3)), (on(2020, 12, 20), on(2021, 1, 20)), (on(2024, 2, 20), on(2024, 3, 9))]
    {
        let log: Vec<_> = (from..=to).map(|today| event(i64::from(today.rem_euclid(5)), today)).collect();
        all_identities(&log::ingest(&log, Mapped::NONE, None));
    }
    let log = [event(1, on(2020, 12, 28)), event(1, on(2021, 1, 3)), event(2, on(2021, 1, 4))];
    let weeks = |starts| {
        let calendar = Calendar::utc().week_starts(starts);
        let activity = Activity::from_frame(&frame(&log), &Mapped::NONE.columns(), &calendar).unwrap();
        let lifecycle = activity.lifecycle(Period::Week).unwrap();
        lifecycle.periods().iter().map(|week| (week.span.start, week.active)).collect::<Vec<_>>()
    };
    assert_eq!(weeks(Weekday::Mon), [(date(2020, 12, 28), 1), (date(2021, 1, 4), 1)]);
    assert_eq!(weeks(Weekday::Sun), [(date(2020, 12, 27), 1), (date(2021, 1, 3), 2)]);
    let leap = log::ingest(&[event(1, on(2024, 2, 29)), event(1, on(2024, 3, 1))], Mapped::NONE, None);
    assert_eq!(leap.lifecycle(Period::Month).unwrap().on(date(2024, 3, 1)).unwrap().retained, 1);
}

#[test]
fn options_are_judged() {
    let activity = log::ingest(&[event(1, 19_800)], Mapped::NONE, None);
    let options = || LifecycleOptions::new(Period::Month);
    for (options, name) in [
        (options().dormant_after(0), "dormant_after"),
        (options().confidence(0.0), "confidence"),
        (options().confidence(f64::NAN), "confidence"),
    ] {
        let error = activity.lifecycle(options).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error:?}");
        message(&error);
    }
    assert_eq!(LifecycleOptions::from(Period::Month), options());
}

#[test]
fn its_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug + Clone>() {}
    check::<Lifecycle>();
    check::<LifecycleOptions>();
    check::<LifecyclePeriod>();
    check::<NewlyDormant>();
}
