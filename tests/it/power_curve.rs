//! The power user curve against its definition, its sums against active users, and the edges.

use std::collections::BTreeSet;

use attrition::{
    Activity, Calendar, Coverage, Date, Error, Period, PowerCurve, PowerCurveOptions, PowerCurvePoint, Weekday, Window,
    date,
};
use jiff::{ToSpan, civil};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use super::lifecycle::reshaped;
use super::log::{self, Event, Mapped, event, frame, message};
use super::oracle::{Oracle, Stretch, day, span};
use super::properties::{both, logs, near, ratio, some_day};

fn windows() -> impl Strategy<Value = Window> {
    prop_oneof![
        prop_oneof![Just(7), Just(28), 1..=40_u32].prop_map(Window::Days),
        select(&Period::ALL[..]).prop_map(Window::Calendar)
    ]
}

/// Every number of a histogram, by counting each user's days.
fn check(point: &PowerCurvePoint, oracle: &Oracle, stretch: Stretch) -> Result<(), TestCaseError> {
    let (start, end) = stretch;
    let within = |days: &BTreeSet<civil::Date>| days.iter().filter(|&&day| start <= day && day <= end).count() as u64;
    let counts: Vec<u64> = oracle.days.values().map(within).filter(|&count| count > 0).collect();
    let active = counts.len() as u64;
    let coverage = oracle.coverage(stretch);
    prop_assert_eq!((point.span, point.coverage, point.active()), (span(stretch), coverage, active));
    prop_assert_eq!(i64::from(point.days()), i64::from((end - start).get_days()) + 1);
    let rate = |part| if coverage == Coverage::Observed { ratio(part, active) } else { None };
    for k in 1..=point.days() {
        let exactly = counts.iter().filter(|&&count| count == u64::from(k)).count() as u64;
        let at_least = counts.iter().filter(|&&count| count >= u64::from(k)).count() as u64;
        prop_assert_eq!((point.exactly(k), point.at_least(k)), (Some(exactly), Some(at_least)), "{} in {}", k, end);
        prop_assert!(near(point.share(k), rate(exactly)) && near(point.share_at_least(k), rate(at_least)));
    }
    prop_assert!(near(point.mean_active_days(), rate(counts.iter().sum())));
    for beyond in [0, point.days() + 1, u32::MAX] {
        prop_assert_eq!((point.exactly(beyond), point.at_least(beyond)), (None, None));
        prop_assert_eq!((point.share(beyond), point.share_at_least(beyond)), (None, None));
    }
    Ok(())
}

/// What holds whatever the log.
fn laws(activity: &Activity, window: Window) {
    let curve = activity.power_curve(window).unwrap();
    let usage = activity.active_users(window).unwrap();
    assert_eq!(curve.options(), &PowerCurveOptions::new(window));
    assert_eq!(curve.series().len(), usage.series(window).len());
    let mut days = 0;
    let mut rows = 0;
    for (point, count) in curve.series().zip(usage.series(window)) {
        assert_eq!((point.span, point.coverage, point.active()), (count.span, count.coverage, count.active));
        let exactly = |k| point.exactly(k).unwrap();
        let all = || 1..=point.days();
        assert_eq!(all().map(exactly).sum::<u64>(), count.active);
        assert!(all().is_sorted_by_key(|k| std::cmp::Reverse(point.at_least(k))));
        days += all().map(|k| u64::from(k) * exactly(k)).sum::<u64>();
        rows += point.days() as usize;
        assert_eq!(curve.on(point.span.end), Some(point));
    }
    if let Window::Calendar(_) = window {
        // Periods share no day, so every active day is in one histogram.
        assert_eq!(days, activity.active_days());
    }
    assert_eq!(curve.to_frame().unwrap().shape(), (rows, 9));
    let text = curve.to_string();
    assert!(text.lines().count() <= 36 && text.lines().all(|line| line.len() <= 80), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    let stored = serde_json::to_string(&curve).unwrap();
    assert_eq!(serde_json::from_str::<PowerCurve>(&stored).unwrap(), curve);
}

fn all_laws(activity: &Activity) {
    [1, 7, 28, 400].into_iter().for_each(|days| laws(activity, Window::Days(days)));
    Period::ALL.into_iter().for_each(|period| laws(activity, Window::Calendar(period)));
}

proptest! {
    #[test]
    fn histograms_are_those_of_the_oracle(
        log in logs(150),
        window in windows(),
        between in option::of(any::<[Index; 2]>()),
        probe in any::<Index>(),
    ) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let between = between.map(|ends| ends.map(|end| some_day(&oracle, end)));
        let mut options = PowerCurveOptions::new(window);
        if let Some([from, to]) = between {
            options = options.between(day(from), day(to));
        }
        let curve = activity.power_curve(options).unwrap();
        let [from, to] = between.unwrap_or([oracle.first, oracle.last]);
        let stretches: Vec<Stretch> = match window {
            Window::Days(length) => {
                let days = oracle.observation().into_iter().filter(|&day| from <= day && day <= to);
                days.map(|day| (day - i64::from(length - 1).days(), day)).collect()
            }
            Window::Calendar(period) => {
                oracle.periods(period).into_iter().filter(|&(start, end)| from <= end && start <= to).collect()
            }
        };
        prop_assert_eq!(curve.series().len(), stretches.len());
        for (point, &stretch) in curve.series().zip(&stretches) {
            check(&point, &oracle, stretch)?;
        }
        let probe = some_day(&oracle, probe);
        let labelled = |&&(start, end): &&Stretch| match window {
            Window::Days(_) => end == probe,
            Window::Calendar(_) => start <= probe && probe <= end,
        };
        let expected = stretches.iter().find(labelled).map(|&stretch| span(stretch));
        prop_assert_eq!(curve.on(day(probe)).map(|point| point.span), expected);
    }

    #[test]
    fn all_of_a_histogram_are_the_active_users(log in logs(200), window in windows()) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        laws(&activity, window);
    }

    #[test]
    fn the_shape_of_the_log_makes_no_difference(log in logs(60), cut in any::<Index>(), window in windows()) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let expected = activity.power_curve(window).unwrap();
        for (what, other) in reshaped(&log, &oracle, cut) {
            prop_assert_eq!(&other.power_curve(window).unwrap(), &expected, "{}", what);
        }
    }
}

#[test]
fn a_week_by_hand() {
    // User n is there on the first n days of a week from Monday; user 3 also on the Monday after.
    let monday = date(2024, 1, 1);
    let mut log: Vec<Event> = Vec::new();
    for user in 1..=5 {
        log.extend((0..user).map(|after| event(i64::from(user), (monday + after).days_since_epoch())));
    }
    log.push(event(3, (monday + 7).days_since_epoch()));
    let activity = log::ingest(&log, Mapped::NONE, None);
    let weekly = activity.power_curve(Window::Calendar(Period::Week)).unwrap();
    let first = weekly.on(monday + 3).unwrap();
    assert_eq!((1..=7).map(|k| first.exactly(k).unwrap()).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 0, 0]);
    assert_eq!((first.share_at_least(4), first.mean_active_days()), (Some(0.4), Some(3.0)));
    let second = weekly.on(monday + 7).unwrap();
    assert_eq!((second.coverage, second.exactly(1), second.share(1)), (Coverage::Open, Some(1), None));
    // The week that ends with the second Monday has lost the first one: user 1 is gone, user 3 is there on 3 days still.
    let l7 = activity.power_curve(Window::Days(7)).unwrap();
    let last = l7.on(monday + 7).unwrap();
    assert_eq!((1..=7).map(|k| last.exactly(k).unwrap()).collect::<Vec<_>>(), [1, 0, 2, 1, 0, 0, 0]);
    assert_eq!((last.coverage, last.mean_active_days()), (Coverage::Observed, Some(2.75)));
    assert_eq!(l7.on(monday + 5).unwrap().coverage, Coverage::Truncated);
    assert_eq!((l7.on(monday + 5).unwrap().active(), l7.on(monday + 5).unwrap().share(1)), (5, None));
    let text = l7.to_string();
    assert!(text.contains("2024-01-02 to 2024-01-08, beside 2023-12-26 to 2024-01-01"), "{text}");
    assert!(text.contains("4 active, 2.75 days in the mean; earlier 5 active, - days"), "{text}");
}

#[test]
fn next_to_nothing() {
    all_laws(&log::ingest(&[], Mapped::NONE, Some((10, 45))));
    all_laws(&log::ingest(&[event(1, 19_800)], Mapped::NONE, None));
    all_laws(&log::ingest(&[event(1, 19_800), event(2, 19_800)], Mapped::NONE, Some((19_700, 19_900))));
    let twice = [1, 2].map(|account| Event { account: Some(account), ..event(1, 19_800) });
    let activity = log::ingest(&twice, Mapped::ALL, None);
    all_laws(&activity);
    assert_eq!(activity.power_curve(Window::Days(28)).unwrap().on(activity.as_of()).unwrap().exactly(1), Some(1));
}

#[test]
fn odd_corners_of_the_calendar() {
    for first in [date(1969, 12, 1), date(2020, 12, 20), date(2024, 2, 20), Date::MIN, Date::MAX - 60] {
        let from = first.days_since_epoch();
        let log: Vec<Event> = (0..50).map(|after| event(i64::from(after * after % 7), from + after)).collect();
        all_laws(&log::ingest(&log, Mapped::NONE, Some((from, from + 60))));
    }
    // February has 29 days in one year and 28 in the next.
    let activity = log::ingest(&[event(1, 19_782), event(1, 20_120)], Mapped::NONE, None);
    let months = activity.power_curve(Window::Calendar(Period::Month)).unwrap();
    let text = months.to_string();
    assert!(text.contains("2025-01-01 to 2025-01-31, beside 2024-12-01") && text.contains("\n       31 "), "{text}");
    assert_eq!([2024, 2025].map(|year| months.on(date(year, 2, 1)).unwrap().days()), [29, 28]);
    // 3 January 2021 ends ISO week 53 of 2020, and begins a week from Sunday.
    let log: Vec<Event> = (18_624..=18_632).map(|on| event(1, on)).collect();
    for (starts, days) in [(Weekday::Mon, [7, 2]), (Weekday::Sun, [6, 3])] {
        let calendar = Calendar::utc().week_starts(starts);
        let activity = Activity::from_frame(&frame(&log), &Mapped::NONE.columns(), &calendar).unwrap();
        let curve = activity.power_curve(Window::Calendar(Period::Week)).unwrap();
        let most = |point: PowerCurvePoint| (1..=7).filter(|&k| point.at_least(k) == Some(1)).max().unwrap();
        assert_eq!(curve.series().map(most).collect::<Vec<_>>(), days, "{starts}");
    }
}

#[test]
fn options_are_judged() {
    let activity = log::ingest(&[event(1, 19_800), event(1, 20_000)], Mapped::NONE, None);
    for days in [0, 36_526, u32::MAX] {
        let error = activity.power_curve(Window::Days(days)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "window", .. }), "{error:?}");
        message(&error);
    }
    assert_eq!(PowerCurveOptions::new(Window::Days(3)).window(), Window::Days(3));
    let stored = PowerCurveOptions::new(Window::Days(28)).between(Date::MIN, Date::MAX);
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<PowerCurveOptions>(&text).unwrap(), stored);
    for (first, last) in [(Date::MAX, Date::MIN), (Date::MAX + i32::MAX, Date::MAX), (Date::MIN, Date::MIN - i32::MAX)]
    {
        for window in [Window::Days(28), Window::Calendar(Period::Month)] {
            let none = activity.power_curve(PowerCurveOptions::new(window).between(first, last)).unwrap();
            assert_eq!((none.series().len(), none.to_frame().unwrap().height()), (0, 0));
            assert!(none.to_string().contains("no window"));
        }
    }
    let (first, last) = (Date::MIN.days_since_epoch(), Date::MAX.days_since_epoch());
    let long = log::ingest(&[event(1, first), event(1, 0), event(1, last)], Mapped::NONE, None);
    let error = long.power_curve(Window::Days(28)).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    message(&error);
    let one =
        long.power_curve(PowerCurveOptions::new(Window::Days(36_525)).between(date(1970, 1, 1), date(1970, 1, 2)));
    assert_eq!(one.unwrap().series().map(|point| point.active()).collect::<Vec<_>>(), [1, 1]);
    // January has more days than February, and all of them are shown.
    let log: Vec<Event> = (19_723..=19_782).map(|on| event(1, on)).collect();
    let activity = log::ingest(&log, Mapped::NONE, None);
    let text = activity.power_curve(Window::Calendar(Period::Month)).unwrap().to_string();
    assert!(text.contains("2024-02-01 to 2024-02-29, beside 2024-01-01 to 2024-01-31"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("       31 ") && line.ends_with("1   100.0")), "{text}");
    let years = long.power_curve(Window::Calendar(Period::Year)).unwrap();
    assert_eq!(years.series().filter(|year| year.active() == 1).count(), 3);
}

#[test]
fn its_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug + Clone>() {}
    check::<PowerCurve>();
    check::<PowerCurveOptions>();
    check::<PowerCurvePoint>();
}
