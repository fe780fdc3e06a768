//! Windows of 24 hours from each first event, against every instant of a log.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    Activity, AgeBy, Calendar, CohortColumns, Cohorts, Coverage, Criterion, Date, Entry, Error, EventColumns, Period,
    Retention, RetentionOptions, Return, date,
};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn activity(events: &[(i64, i64)], zone: &str, as_of: Option<Date>) -> Activity {
    let times = Series::new("time".into(), events.iter().map(|event| event.1).collect::<Vec<_>>());
    let times = times.cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap().into_column();
    let users = Series::new("user".into(), events.iter().map(|event| event.0).collect::<Vec<_>>()).into_column();
    let frame = DataFrame::new(events.len(), vec![users, times]).unwrap();
    let columns = EventColumns::new("user", "time").clock_times();
    let mut builder = Activity::builder(&columns, &Calendar::new(zone).unwrap());
    if let Some(as_of) = as_of {
        builder = builder.as_of(as_of);
    }
    builder.push(&frame).unwrap();
    builder.finish().unwrap()
}

fn ask(activity: &Activity, criterion: Criterion) -> Retention {
    activity.retention(RetentionOptions::new(Period::Day).age_by(AgeBy::Clock).criterion(criterion)).unwrap()
}

fn counts(triangle: &Retention, day: Date) -> Vec<(Option<u64>, Option<u64>, Option<u64>)> {
    (0..=triangle.horizon())
        .map(|age| triangle.cell(day, age).unwrap())
        .map(|cell| (cell.so_far, cell.active, cell.eligible))
        .collect()
}

#[test]
fn two_minutes_over_midnight_are_not_a_day() {
    // 1 comes at 23:59 and again at 0:01, 2 comes at 10:00 and at 10:00 on the next day, 3 at midnight sharp.
    let events = [(1, DAY - 60_000), (1, DAY + 60_000), (2, 10 * HOUR), (2, DAY + 10 * HOUR), (3, 0)];
    let activity = activity(&events, "UTC", Some(date(1970, 1, 2)));
    let by_clock = counts(&ask(&activity, Criterion::On), date(1970, 1, 1));
    // The first windows of all three are over; the second one only of 3, whose began at midnight.
    assert_eq!(by_clock, [(Some(3), Some(3), Some(3)), (Some(1), Some(0), Some(1))]);
    let by_calendar = activity.retention(Period::Day).unwrap();
    assert_eq!(by_calendar.cell(date(1970, 1, 1), 1).unwrap().active, Some(2));
    let members = ask(&activity, Criterion::On).members(&activity, date(1970, 1, 1), 1).unwrap();
    assert_eq!(members.iter().map(|id| id.to_string()).collect::<Vec<_>>(), ["2"]);
}

#[test]
fn a_window_over_a_change_of_clocks_is_as_long_as_the_clock_says() {
    // Vilnius, 2024-03-30 12:00, 23 hours before the same time of the next day.
    let start = 1_711_792_800_000;
    let events = [(1, start), (1, start + 23 * HOUR), (2, start), (2, start + 23 * HOUR - 1)];
    let activity = activity(&events, "Europe/Vilnius", Some(date(2024, 4, 2)));
    let triangle = ask(&activity, Criterion::On);
    let cells = [0, 1].map(|age| triangle.cell(date(2024, 3, 30), age).unwrap().active);
    assert_eq!(cells, [Some(2), Some(1)]);
}

#[test]
fn what_cannot_be_asked() {
    let asked = activity(&[(1, 0), (2, DAY)], "UTC", None);
    let clock = || RetentionOptions::new(Period::Day).age_by(AgeBy::Clock);
    let refused = |options| matches!(asked.retention(options), Err(Error::InvalidOption { .. }));
    assert!(refused(RetentionOptions::new(Period::Month).age_by(AgeBy::Clock)));
    assert!(refused(clock().min_events(2)));
    assert!(refused(clock().returning(Return::Feature("x".into()))));
    let starts = asked.cohorts(Entry::FirstActivity).unwrap();
    assert!(matches!(asked.retention_of(&starts, clock()), Err(Error::InvalidOption { option: "age_by", .. })));
    let labels = df!("user" => [1_i64, 2], "plan" => ["a", "b"]).unwrap();
    let labels = Cohorts::from_frame(&labels, &CohortColumns::new("user").label("plan")).unwrap();
    let triangle = asked.retention_of(&labels, clock()).unwrap();
    let cell = triangle.cell("a", 1).unwrap();
    assert_eq!((cell.coverage, cell.active, cell.eligible), (Coverage::Observed, Some(0), Some(1)));

    let mut days = df!("user" => [1_i64], "day" => [0_i32]).unwrap();
    days.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
    let without = Activity::from_frame(&days, &EventColumns::new("user", "day"), &Calendar::utc()).unwrap();
    assert!(matches!(without.retention(clock()), Err(Error::NotMapped { column: "clock_times" })));
}

proptest! {
    /// In UTC a window is 24 hours, and every instant can be counted off.
    #[test]
    fn windows_are_those_of_every_instant(
        events in prop::collection::vec((0_i64..6, prop_oneof![0_i64..12 * DAY, (0_i64..12).prop_map(|d| d * DAY), (0_i64..48).prop_map(|h| h * 6 * HOUR)]), 1..60),
        after in 0_i32..4,
        weeks in any::<bool>(),
    ) {
        let last = events.iter().map(|event| event.1).max().unwrap();
        let as_of = date(1970, 1, 1) + i32::try_from(last / DAY).unwrap() + after;
        let activity = activity(&events, "UTC", Some(as_of));
        let end = (i64::from(as_of.days_since_epoch()) + 1) * DAY;
        let length = if weeks { 7 * DAY } else { DAY };
        let period = if weeks { Period::Week } else { Period::Day };
        let mut windows: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        let first = |user| events.iter().filter(|event| event.0 == user).map(|event| event.1).min().unwrap();
        for &(user, time) in &events {
            windows.entry(user).or_default().insert((time - first(user)) / length);
        }
        for criterion in [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak] {
            let options = RetentionOptions::new(period).age_by(AgeBy::Clock).criterion(criterion);
            let triangle = activity.retention(options).unwrap();
            for cohort in triangle.cohorts() {
                let holds = |day: i64| {
                    let day = date(1970, 1, 1) + i32::try_from(day).unwrap();
                    cohort.span.start <= day && day <= cohort.span.end
                };
                let members: Vec<i64> = windows.keys().copied().filter(|&user| holds(first(user) / DAY)).collect();
                prop_assert_eq!(cohort.size, members.len() as u64);
                for age in (0..=triangle.horizon()).filter(|_| !members.is_empty()) {
                    let k = i64::from(age);
                    let retained = |user: &&i64| {
                        let used = &windows[*user];
                        match criterion {
                            Criterion::On => used.contains(&k),
                            Criterion::OnOrAfter => used.iter().any(|&window| window >= k),
                            Criterion::OnOrBefore => k == 0 || used.iter().any(|&window| 1 <= window && window <= k),
                            Criterion::Streak => (0..=k).all(|window| used.contains(&window)),
                        }
                    };
                    let ended = |user: &&i64| first(**user) + (k + 1) * length <= end;
                    let begun = |user: &&i64| first(**user) + k * length < end;
                    let count = |keep: &dyn Fn(&&i64) -> bool| members.iter().filter(keep).count() as u64;
                    let (eligible, started) = (count(&ended), count(&begun));
                    let cell = triangle.cell(cohort.span.start, age).unwrap();
                    prop_assert_eq!(cell.eligible, (eligible > 0).then_some(eligible));
                    prop_assert_eq!(cell.active, (eligible > 0).then(|| count(&|user| ended(user) && retained(user))));
                    prop_assert_eq!(cell.so_far, (started > 0).then(|| count(&|user| begun(user) && retained(user))));
                }
            }
        }
    }
}
