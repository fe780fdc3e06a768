//! The ends of the calendar and of the options, and logs in which there is next to nothing.

use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use attrition::polars::prelude::*;
use attrition::{
    ActiveCount, ActiveUsers, ActiveUsersOptions, Activity, ActivityBuilder, Calendar, Cohort, Coverage, Criterion,
    CurvePoint, Date, DayStickiness, Error, EventColumns, Id, Intake, Interval, Members, MonthStickiness, Period,
    Progress, Result, Retention, RetentionCell, RetentionOptions, SegmentColumns, Span, Split, Stickiness,
    StickinessOptions, Weekday, Window, date,
};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::{Event, Mapped, answers, builder, day, event, expected_rows, frame, ingest, message, rows};

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let back: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text} of {value:?}"));
    assert_eq!(back, *value, "{text}");
}

fn shown(value: &(impl Display + Debug + ?Sized)) -> String {
    let text = value.to_string();
    assert!(!text.trim().is_empty() && !format!("{value:?}").is_empty());
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    text
}

fn instants(users: &[i64], milliseconds: &[i64], zone: &str) -> Activity {
    let mut frame = df!("user" => users, "time" => milliseconds).unwrap();
    let datetime = DataType::Datetime(TimeUnit::Milliseconds, None);
    frame.apply("time", |time| time.cast(&datetime).unwrap()).unwrap();
    Activity::from_frame(&frame, &Mapped::NONE.columns(), &Calendar::new(zone).unwrap()).unwrap()
}

fn millisecond(instant: &str) -> i64 {
    instant.parse::<Timestamp>().unwrap().as_millisecond()
}

/// Asks everything there is to ask, and holds the answers against each other.
fn ask_everything(activity: &Activity) {
    let length = u32::try_from(activity.as_of() - activity.observed_from() + 1).unwrap();
    let actors = activity.actors() as u64;
    shown(activity);
    shown(activity.intake());
    shown(activity.calendar());
    round_trip(activity.intake());
    round_trip(activity.calendar());
    assert_eq!(activity.to_frame().unwrap().height() == 0, actors == 0);
    assert_eq!(activity.events(), activity.intake().events);

    let windows: Vec<Window> =
        [1, 7, length, 36_525].map(Window::Days).into_iter().chain(Period::ALL.map(Window::Calendar)).collect();
    let usage = activity.active_users(ActiveUsersOptions::new(windows.clone())).unwrap();
    shown(&usage);
    round_trip(&usage);
    let daily = usage.series(Window::Days(1));
    assert_eq!(daily.len(), length as usize);
    assert_eq!(daily.iter().map(|count| count.active).sum::<u64>(), activity.active_days());
    assert_eq!(daily, usage.series(Window::Calendar(Period::Day)));
    assert_eq!(usage.on(Window::Days(length), activity.as_of()).unwrap().active, actors);
    assert_eq!(usage.on(Window::Days(36_525), activity.as_of()).unwrap().active, actors);
    assert!(windows.iter().flat_map(|&window| usage.series(window)).all(|count| count.active <= actors));
    let counts: usize = windows.iter().map(|&window| usage.series(window).len()).sum();
    assert_eq!(usage.to_frame().unwrap().height(), counts);

    let stickiness = activity.stickiness(StickinessOptions::new()).unwrap();
    shown(&stickiness);
    round_trip(&stickiness);
    assert_eq!(stickiness.days().len(), length as usize);
    assert_eq!(stickiness.months().iter().map(|month| month.days).sum::<u32>(), length);
    assert_eq!(stickiness.months().iter().map(|month| month.dau_sum).sum::<u64>(), activity.active_days());
    assert!(stickiness.months().iter().all(|month| month.mean_dau().is_finite()));
    assert_eq!(stickiness.to_frame().unwrap().height(), length as usize);
    assert_eq!(stickiness.months_to_frame().unwrap().height(), stickiness.months().len());

    for period in Period::ALL {
        for criterion in [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak] {
            check_triangle(activity, RetentionOptions::new(period).criterion(criterion).confidence(0.9));
        }
    }

    for date in [activity.observed_from(), activity.as_of()] {
        assert!(activity.at(date).unwrap().actors() <= activity.actors());
    }
    assert_eq!(activity.at(activity.as_of()).unwrap(), *activity);
    let nobody = df!("id" => [i64::MIN], "plan" => ["a"]).unwrap();
    let split = activity.split_by(&nobody, &SegmentColumns::new("id", "plan")).unwrap();
    assert_eq!(split.part(None), (actors > 0).then_some(activity));
    let merged = activity.merge(activity).unwrap();
    assert_eq!((merged.events(), merged.actors() as u64), (2 * activity.events(), actors));
    let mut appended = activity.clone();
    appended.append(activity).unwrap();
    assert_eq!(appended, merged);
    if activity.accounts().is_some() {
        let accounts = activity.by_account().unwrap();
        assert_eq!(accounts.intake().events - accounts.intake().without_account, accounts.events());
    } else {
        assert!(matches!(activity.by_account(), Err(Error::NotMapped { column: "account" })));
    }
}

fn check_triangle(activity: &Activity, options: RetentionOptions) {
    let triangle = activity.retention(options.clone()).unwrap();
    shown(&triangle);
    round_trip(&triangle);
    round_trip(&options);
    assert_eq!(triangle.options(), &options);
    assert_eq!(triangle.cohorts().iter().map(|cohort| cohort.size).sum::<u64>(), activity.actors() as u64);
    for cohort in triangle.cohorts() {
        round_trip(cohort);
        for age in 0..=triangle.horizon() {
            let cell = triangle.cell(cohort.span.start, age).unwrap();
            assert_eq!(Some(cell), triangle.cell(cohort.span.end, age));
            // Zero, open and unobserved are three things.
            assert_eq!(cell.so_far.is_none(), cell.coverage == Coverage::Unobserved);
            assert_eq!(cell.active.is_some(), cell.coverage == Coverage::Observed);
            assert_eq!(cell.eligible, cell.active.map(|_| cohort.size));
            assert_eq!(cell.rate.is_some(), cell.active.is_some() && cohort.size > 0);
            assert_eq!(cell.rate.is_some(), cell.interval.is_some());
            assert!(cell.rate.is_none_or(|rate| (0.0..=1.0).contains(&rate)));
            assert!(cell.so_far.is_none_or(|count| count <= cohort.size));
        }
    }
    let (cohorts, ages) = (triangle.cohorts().len(), triangle.horizon() as usize + 1);
    assert_eq!(triangle.to_frame().unwrap().height(), cohorts * ages);
    assert_eq!(triangle.to_wide_frame().unwrap().shape(), (cohorts, ages + 2));
    assert_eq!(triangle.curve_to_frame().unwrap().height(), ages);
    for point in triangle.curve() {
        assert_eq!(point.weighted_mean.is_some(), point.eligible > 0);
        assert!(point.weighted_mean.is_none_or(|mean| (0.0..=1.0).contains(&mean)));
    }
    let first = triangle.cohorts()[0].span.start;
    let after = triangle.cohorts()[cohorts - 1].span.end + 1;
    let members = triangle.members(activity, first, 0).unwrap();
    shown(&members);
    assert_eq!(members.len() as u64, triangle.cohorts()[0].size);
    assert_eq!(
        (members.is_empty(), members.to_frame().unwrap().height()),
        (members.iter().next().is_none(), members.len())
    );
    for outside in [(first - 1, 0), (first, triangle.horizon() + 1), (first, u32::MAX), (after, 0)] {
        assert_eq!(triangle.cell(outside.0, outside.1), None);
        let error = triangle.members(activity, outside.0, outside.1).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { .. }), "{error:?}");
        message(&error);
    }
}

// ---- Next to nothing ----

fn check_empty(result: Result<Activity>, expected: (u64, u64)) {
    let Err(error @ Error::Empty { rows, left_out }) = result else { panic!("{result:?}") };
    assert_eq!((rows, left_out), expected);
    message(&error);
}

#[test]
fn logs_without_an_event() {
    let (columns, calendar) = (Mapped::ALL.columns(), Calendar::utc());
    let nulls = [Event { user: None, ..event(1, 1) }, Event { day: None, ..event(1, 1) }, Event::default()];
    for (frame, rows) in [(frame(&[]), 0), (frame(&nulls), 3)] {
        check_empty(Activity::from_frame(&frame, &columns, &calendar), (rows, rows));
        check_empty(Activity::from_lazy(frame.clone().lazy(), &columns, &calendar), (rows, rows));
        for between in [(Some(5), None), (None, Some(5))] {
            let mut builder = Activity::builder(&columns, &calendar);
            if let Some(first) = between.0 {
                builder = builder.observed_from(day(first));
            }
            if let Some(last) = between.1 {
                builder = builder.as_of(day(last));
            }
            builder.push(&frame).unwrap();
            check_empty(builder.finish(), (rows, rows));
        }
        for mapped in Mapped::each() {
            let mut builder = builder(mapped, Some((10, 45)));
            builder.push(&frame).unwrap();
            let activity = builder.finish().unwrap();
            assert_eq!((activity.actors(), activity.active_days(), activity.events()), (0, 0, 0));
            assert_eq!(activity.value(), mapped.value.then_some(0.0));
            assert_eq!(activity.accounts(), mapped.account.then_some(0));
            ask_everything(&activity);
        }
    }
    check_empty(builder(Mapped::ALL, None).finish(), (0, 0));
}

#[test]
fn a_builder_without_a_push() {
    // Without a frame the types of the ids are not known, whatever the observation.
    check_empty(builder(Mapped::ALL, Some((10, 20))).finish(), (0, 0));
}

#[test]
fn observations_beside_the_events() {
    let log = [event(1, 100), event(2, 140)];
    for between in [(10, 50), (99, 99), (150, 200), (101, 139)] {
        let activity = ingest(&log, Mapped::ALL, Some(between));
        assert_eq!((activity.observed_from(), activity.as_of()), (day(between.0), day(between.1)));
        assert_eq!(activity.intake().before_window + activity.intake().after_window, 2);
        ask_everything(&activity);
    }
    // One end alone tells nothing if no event is left.
    let one_end = |builder: ActivityBuilder| {
        let mut builder = builder;
        builder.push(&frame(&log)).unwrap();
        builder.finish()
    };
    let builder = || Activity::builder(&Mapped::NONE.columns(), &Calendar::utc());
    check_empty(one_end(builder().as_of(day(99))), (2, 2));
    check_empty(one_end(builder().observed_from(day(141))), (2, 2));
    let activity = one_end(builder().as_of(day(100))).unwrap();
    assert_eq!((activity.observed_from(), activity.as_of(), activity.events()), (day(100), day(100), 1));
    let activity = one_end(builder().as_of(day(200))).unwrap();
    assert_eq!((activity.observed_from(), activity.as_of(), activity.events()), (day(100), day(200), 2));
    let activity = one_end(builder().observed_from(day(7))).unwrap();
    assert_eq!((activity.observed_from(), activity.as_of(), activity.events()), (day(7), day(140), 2));
    ask_everything(&activity);
}

#[test]
fn an_observation_that_ends_before_it_begins() {
    for frame in [frame(&[event(1, 15)]), frame(&[])] {
        let turned = || builder(Mapped::NONE, Some((20, 10)));
        for result in [turned().push(&frame), turned().push_lazy(frame.clone().lazy())] {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::InvalidOption { option: "observed_from", .. }), "{error:?}");
            message(&error);
        }
    }
    assert!(builder(Mapped::NONE, Some((20, 10))).finish().is_err());
}

#[test]
fn one_row_and_one_day() {
    let full = Event { account: Some(7), feature: Some(3), value: Some(-0.0), ..event(1, 19_782) };
    for mapped in Mapped::each() {
        let activity = ingest(std::slice::from_ref(&full), mapped, None);
        assert_eq!((activity.actors(), activity.active_days(), activity.events()), (1, 1, 1));
        assert_eq!(activity.observed_from(), activity.as_of());
        ask_everything(&activity);
        let log: Vec<Event> = (0..90).map(|row| Event { user: Some(row % 40), ..full.clone() }).collect();
        let activity = ingest(&log, mapped, None);
        assert_eq!((activity.actors(), activity.active_days(), activity.events()), (40, 40, 90));
        ask_everything(&activity);
    }
}

#[test]
fn a_crowd_is_shown_in_part() {
    let log: Vec<Event> = (0..300).map(|user| event(user, 19_700 + (user % 200) as i32)).collect();
    let activity = ingest(&log, Mapped::NONE, None);
    let triangle = activity.retention(Period::Day).unwrap();
    assert!(shown(&triangle).lines().count() < 40);
    assert!(shown(&triangle).lines().all(|line| line.len() <= 80));
    let month = activity.retention(Period::Year).unwrap();
    let members = month.members(&activity, day(19_700), 0).unwrap();
    assert!(members.len() > 20 && shown(&members).len() < 120);
    assert!(members.contains(5_i64) && members.contains(5_u64) && !members.contains(-5_i64) && !members.contains("5"));
}

// ---- Dates ----

#[test]
fn before_the_epoch() {
    let log: Vec<Event> = (-40..5).map(|on| event(i64::from(on % 3), on)).collect();
    let activity = ingest(&log, Mapped::NONE, None);
    assert_eq!((activity.observed_from(), activity.as_of()), (date(1969, 11, 22), date(1970, 1, 5)));
    assert_eq!(rows(&activity), expected_rows(&log, Mapped::NONE, None));
    ask_everything(&activity);
    // The last millisecond of 1969 and the first of 1970, in UTC and around it.
    assert_eq!(instants(&[1, 1], &[-1, 0], "UTC").active_days(), 2);
    assert_eq!(instants(&[1, 1], &[-1, 0], "Europe/Vilnius").observed_from(), date(1970, 1, 1));
    assert_eq!(instants(&[1, 1], &[-1, 0], "America/New_York").as_of(), date(1969, 12, 31));
}

#[test]
fn leap_days() {
    let leap = date(2024, 2, 29);
    let log = [
        event(1, leap.days_since_epoch()),
        event(1, (leap + 1).days_since_epoch()),
        event(2, (leap + 366).days_since_epoch()),
    ];
    let activity = ingest(&log, Mapped::NONE, None);
    let triangle = activity.retention(Period::Month).unwrap();
    assert_eq!(triangle.cohorts()[0].span, Span { start: date(2024, 2, 1), end: leap });
    assert_eq!(triangle.cell(leap, 1).unwrap().active, Some(1));
    // Thirteen months on, though not thirteen times any number of days.
    assert_eq!(triangle.cohorts().len(), 14);
    assert_eq!(triangle.cohorts()[12].span, Span { start: date(2025, 2, 1), end: date(2025, 2, 28) });
    ask_everything(&activity);
    for (year, days) in [(1900, 28), (2000, 29), (2023, 28), (2024, 29), (2100, 28)] {
        assert_eq!(Calendar::utc().span(Period::Month, date(year, 2, 1)).end, date(year, 2, days));
    }
}

/// The number of whole hours whose local day is a given one.
fn hours_of(zone: &str, on: Date) -> usize {
    let start = i64::from(on.days_since_epoch()) * 86_400_000 - 48 * 3_600_000;
    let hours: Vec<i64> = (0..120).map(|hour| start + hour * 3_600_000).collect();
    let activity = instants(&vec![1; hours.len()], &hours, zone);
    rows(&activity).iter().find(|row| day(row.day) == on).map_or(0, |row| row.events as usize)
}

#[test]
fn days_of_other_lengths() {
    for (zone, on, hours) in [
        ("UTC", date(2024, 3, 31), 24),
        ("Europe/Vilnius", date(2024, 3, 30), 24),
        ("Europe/Vilnius", date(2024, 3, 31), 23),
        ("Europe/Vilnius", date(2024, 10, 27), 25),
        ("America/New_York", date(2024, 3, 10), 23),
        ("America/New_York", date(2024, 11, 3), 25),
        // Clocks changed at midnight: the day begins at one o'clock, or its last hour comes twice.
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("America/Sao_Paulo", date(2018, 2, 17), 25),
        ("Asia/Beirut", date(2022, 3, 27), 23),
        // A day that was skipped, to change sides of the date line.
        ("Pacific/Apia", date(2011, 12, 29), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("Pacific/Apia", date(2011, 12, 31), 24),
        ("Pacific/Kiritimati", date(2024, 5, 5), 24),
    ] {
        assert_eq!(hours_of(zone, on), hours, "{zone} {on}");
    }
    let skipped =
        instants(&[1, 1], &[millisecond("2011-12-30T09:00:00Z"), millisecond("2011-12-30T11:00:00Z")], "Pacific/Apia");
    assert_eq!((skipped.observed_from(), skipped.as_of()), (date(2011, 12, 29), date(2011, 12, 31)));
    ask_everything(&skipped);
}

#[test]
fn week_53() {
    let on = |date: Date| date.days_since_epoch();
    let log = [
        event(1, on(date(2020, 12, 28))),
        event(2, on(date(2021, 1, 3))),
        event(1, on(date(2021, 1, 4))),
        event(2, on(date(2021, 1, 11))),
        event(3, on(date(2021, 1, 17))),
    ];
    let activity = ingest(&log, Mapped::NONE, None);
    let triangle = activity.retention(Period::Week).unwrap();
    let starts: Vec<Date> = triangle.cohorts().iter().map(|cohort| cohort.span.start).collect();
    assert_eq!(starts, [date(2020, 12, 28), date(2021, 1, 4), date(2021, 1, 11)]);
    let active: Vec<_> = (0..3).map(|age| triangle.cell(date(2021, 1, 1), age).unwrap().active).collect();
    assert_eq!(active, [Some(2), Some(1), Some(1)]);
    ask_everything(&activity);
    // Weeks from Sunday cut the same days elsewhere.
    let calendar = Calendar::utc().week_starts(Weekday::Sun);
    let activity = Activity::from_frame(&frame(&log), &Mapped::NONE.columns(), &calendar).unwrap();
    let starts: Vec<Date> =
        activity.retention(Period::Week).unwrap().cohorts().iter().map(|cohort| cohort.span.start).collect();
    assert_eq!(starts, [date(2020, 12, 27), date(2021, 1, 3), date(2021, 1, 10), date(2021, 1, 17)]);
}

#[test]
fn the_ends_of_the_calendar() {
    for edge in [Date::MIN, Date::MAX] {
        let activity =
            ingest(&[event(1, edge.days_since_epoch()), event(2, edge.days_since_epoch())], Mapped::NONE, None);
        assert_eq!((activity.observed_from(), activity.as_of()), (edge, edge));
        assert_eq!(answers(&activity).rows.len(), 2);
        ask_everything(&activity);
    }
    let first = Date::MIN.days_since_epoch();
    let last = Date::MAX.days_since_epoch();
    ask_everything(&ingest(&[event(1, first + 1), event(2, first + 40)], Mapped::NONE, Some((first, first + 70))));
    ask_everything(&ingest(&[event(1, last - 60), event(2, last - 3)], Mapped::NONE, Some((last - 70, last))));
}

#[test]
fn spans_at_the_ends_of_the_calendar_can_be_stored() {
    for weekday in Weekday::ALL {
        let calendar = Calendar::utc().week_starts(weekday);
        for period in Period::ALL {
            for edge in [Date::MIN, Date::MAX] {
                let span = calendar.span(period, edge);
                assert!(span.start <= edge && edge <= span.end, "{span:?}");
                round_trip(&span);
            }
        }
    }
}

#[test]
fn ten_thousand_years() {
    let (first, last) = (Date::MIN.days_since_epoch(), Date::MAX.days_since_epoch());
    let activity = ingest(&[event(1, first), event(1, 0), event(2, last)], Mapped::NONE, None);
    shown(&activity);
    let windows = [Window::Days(1), Window::Days(36_525), Window::Calendar(Period::Year)];
    let usage = activity.active_users(windows).unwrap();
    assert_eq!(usage.series(windows[0]).len(), 3_652_059);
    assert_eq!(usage.series(windows[0]).iter().map(|count| count.active).sum::<u64>(), 3);
    assert_eq!(usage.series(windows[1]).iter().filter(|count| count.active == 1).count(), 36_525 * 2 + 1);
    assert_eq!(usage.series(windows[2]).len(), 9_999);
    // The debug form would be millions of lines.
    assert!(usage.to_string().lines().count() < 30);
    for period in [Period::Day, Period::Month, Period::Year] {
        let error = activity.retention(period).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        message(&error);
    }
    let years = activity.retention(RetentionOptions::new(Period::Year).horizon(2_000)).unwrap();
    assert_eq!(years.cell(Date::MIN, 1_969).unwrap().active, Some(1));
    assert_eq!(years.cell(Date::MIN, 1_970).unwrap().active, Some(0));
    assert_eq!(years.cell(Date::MAX, 1).unwrap().coverage, Coverage::Unobserved);
    shown(&years);
    let one = RetentionOptions::new(Period::Month).cohorts_between(Date::MIN, Date::MIN);
    let months = activity.retention(one).unwrap();
    assert_eq!((months.cohorts().len(), months.horizon()), (1, 9_999 * 12 - 1));
    assert_eq!(months.cell(Date::MIN, 1_969 * 12).unwrap().active, Some(1));
    assert_eq!(activity.at(date(1969, 12, 31)).unwrap().events(), 1);
    // Each thread would hold two counts for every day and window.
    let many = ActiveUsersOptions::new((1..=20).map(Window::Days));
    assert!(matches!(activity.active_users(many), Err(Error::TooLarge { .. })));
}

#[test]
fn stickiness_of_two_thousand_years() {
    let days = [Date::MIN.days_since_epoch(), date(2000, 12, 31).days_since_epoch()];
    let activity = ingest(&days.map(|on| event(1, on)), Mapped::NONE, None);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        sender.send(activity.stickiness(StickinessOptions::new()).map(|answer| answer.months().len()))
    });
    let months =
        receiver.recv_timeout(Duration::from_secs(20)).expect("time should grow with the days, not their square");
    assert_eq!(months.unwrap(), 24_000);
}

// ---- Options ----

fn check_option<T: Debug>(result: Result<T>, name: &str) {
    let Err(error @ Error::InvalidOption { option, .. }) = &result else { panic!("{name}: {result:?}") };
    assert_eq!(*option, name);
    message(error);
}

fn some_weeks() -> Activity {
    let log: Vec<Event> = (0..120).map(|row| event(row * 7 % 23, 19_700 + (row * 11 % 60) as i32)).collect();
    ingest(&log, Mapped::NONE, None)
}

#[test]
fn windows_of_any_length() {
    let activity = some_weeks();
    check_option(activity.active_users(ActiveUsersOptions::new([])), "windows");
    for days in [0, 36_526, u32::MAX] {
        check_option(activity.active_users(Window::Days(days)), "windows");
        check_option(activity.active_users([Window::Days(7), Window::Days(days)]), "windows");
        assert!(matches!(
            activity.stickiness(StickinessOptions::new().week_days(days)),
            Err(Error::InvalidOption { .. })
        ));
        assert!(matches!(
            activity.stickiness(StickinessOptions::new().month_days(days)),
            Err(Error::InvalidOption { .. })
        ));
    }
    // Hundreds of windows, some twice and in no order, count what each counts alone.
    let windows: Vec<Window> =
        (0..300).map(|step| Window::Days(1 + step * 127 % 290)).chain(Period::ALL.map(Window::Calendar)).collect();
    let usage = activity.active_users(ActiveUsersOptions::new(windows.clone())).unwrap();
    for &window in windows.iter().step_by(30) {
        assert_eq!(usage.series(window), activity.active_users(window).unwrap().series(window), "{window}");
    }
    assert!(usage.series(Window::Days(500)).is_empty() && usage.on(Window::Days(500), day(19_700)).is_none());
    assert!(activity.stickiness(StickinessOptions::new().week_days(1).month_days(36_525)).is_ok());
    assert!(activity.stickiness(StickinessOptions::new().week_days(30).month_days(30)).is_ok());
}

#[test]
fn between_any_two_days() {
    let activity = some_weeks();
    let windows = [Window::Days(7), Window::Calendar(Period::Month)];
    let all = activity.active_users(windows).unwrap();
    for (first, last) in [
        (Date::MIN, Date::MAX),
        (day(19_720), day(19_720)),
        (day(19_750), day(19_720)),
        (Date::MIN, Date::MIN),
        (Date::MAX, Date::MIN),
    ] {
        let usage = activity.active_users(ActiveUsersOptions::new(windows).between(first, last)).unwrap();
        shown(&usage);
        round_trip(&usage);
        let expected: Vec<_> =
            all.series(windows[0]).iter().filter(|count| (first..=last).contains(&count.span.end)).copied().collect();
        assert_eq!(usage.series(windows[0]), expected);
        assert_eq!(usage.to_frame().unwrap().height(), usage.series(windows[0]).len() + usage.series(windows[1]).len());

        let triangle = activity.retention(RetentionOptions::new(Period::Week).cohorts_between(first, last)).unwrap();
        shown(&triangle);
        round_trip(&triangle);
        let whole = activity.retention(Period::Week).unwrap();
        let expected: Vec<_> =
            whole.cohorts().iter().filter(|cohort| (first..=last).contains(&cohort.span.start)).cloned().collect();
        assert_eq!(triangle.cohorts(), expected);
        for (cohort, age) in
            expected.iter().flat_map(|cohort| (0..=triangle.horizon()).map(move |age| (cohort.span.start, age)))
        {
            assert_eq!(triangle.cell(cohort, age), whole.cell(cohort, age));
        }
        assert_eq!(triangle.to_frame().unwrap().height(), expected.len() * (triangle.horizon() as usize + 1));
        assert_eq!(triangle.to_wide_frame().unwrap().height(), expected.len());
    }
}

#[test]
fn horizons_of_any_length() {
    let activity = some_weeks();
    let whole = activity.retention(Period::Week).unwrap();
    for horizon in [0, 1, 3, whole.horizon(), whole.horizon() + 1, 500] {
        let triangle = activity.retention(RetentionOptions::new(Period::Week).horizon(horizon)).unwrap();
        assert_eq!(triangle.horizon(), horizon);
        check_triangle(&activity, RetentionOptions::new(Period::Week).horizon(horizon));
        for cohort in whole.cohorts() {
            for age in 0..=horizon {
                let (cell, expected) = (triangle.cell(cohort.span.start, age), whole.cell(cohort.span.start, age));
                if age <= whole.horizon() {
                    assert_eq!(cell, expected);
                } else {
                    assert_eq!(cell.unwrap().coverage, Coverage::Unobserved);
                }
            }
        }
    }
    for horizon in [u32::MAX, u32::MAX - 1, 1 << 26] {
        let result = activity.retention(RetentionOptions::new(Period::Week).horizon(horizon));
        assert!(matches!(result, Err(Error::TooLarge { .. })), "{horizon}: {result:?}");
        message(&result.unwrap_err());
    }
}

#[test]
fn a_boundless_horizon_without_a_cohort() {
    // Not one cell, yet `curve` and the printed table have a point for every age: do not ask those.
    let nobody = RetentionOptions::new(Period::Week).cohorts_between(Date::MAX, Date::MIN).horizon(u32::MAX);
    match some_weeks().retention(nobody) {
        Ok(triangle) => assert!(triangle.horizon() < 1 << 26, "curve() would have {} points", triangle.horizon()),
        Err(error) => assert!(matches!(error, Error::TooLarge { .. }), "{error:?}"),
    }
}

#[test]
fn levels_of_confidence() {
    let activity = some_weeks();
    for confidence in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check_option(activity.retention(RetentionOptions::new(Period::Week).confidence(confidence)), "confidence");
    }
    for confidence in [f64::MIN_POSITIVE, 1e-9, 0.5, 0.999_999, 1.0 - f64::EPSILON] {
        let triangle = activity.retention(RetentionOptions::new(Period::Week).confidence(confidence)).unwrap();
        for point in triangle.curve().iter().filter(|point| point.eligible > 0) {
            let (Interval { lower, upper }, mean) = (point.interval.unwrap(), point.weighted_mean.unwrap());
            assert!(0.0 <= lower && lower <= mean + 1e-12 && mean - 1e-12 <= upper && upper <= 1.0, "{point:?}");
        }
    }
}

#[test]
fn members_of_another_activity() {
    let activity = some_weeks();
    let triangle = activity.retention(Period::Week).unwrap();
    let cohort = triangle.cohorts()[0].span.start;
    let mut other = activity.clone();
    other.append(&ingest(&[event(99, 19_700)], Mapped::NONE, None)).unwrap();
    let mut later = activity.clone();
    later.append(&ingest(&[event(1, 19_800)], Mapped::NONE, None)).unwrap();
    for other in [other, later] {
        let error = triangle.members(&other, cohort, 0).unwrap_err();
        assert!(matches!(error, Error::Incompatible { .. }), "{error:?}");
        message(&error);
    }
}

#[test]
fn dates_and_zones_that_are_none() {
    let dates =
        ["", "2024-02-30", "2024-13-01", "10000-01-01", "-0001-01-01", "2024-1-1", "today", "2024-01-01T00:00Z x"];
    for text in dates {
        let error = text.parse::<Date>().unwrap_err();
        assert!(matches!(error, Error::Calendar { .. }), "{text}: {error:?}");
        message(&error);
        assert!(serde_json::from_value::<Date>(text.into()).is_err(), "{text}");
    }
    for (year, month, day) in [
        (-10_000, 1, 1),
        (10_000, 1, 1),
        (2023, 2, 29),
        (2024, 0, 1),
        (2024, 1, 0),
        (i16::MIN, i8::MIN, i8::MIN),
        (i16::MAX, i8::MAX, i8::MAX),
    ] {
        message(&Date::new(year, month, day).unwrap_err());
    }
    for zone in ["", " ", "Europe/Atlantis", "UTC+3", "../../etc/passwd", "/etc/passwd", "Europe/"] {
        let error = Calendar::new(zone).unwrap_err();
        assert!(matches!(error, Error::Calendar { .. }), "{zone}: {error:?}");
        message(&error);
    }
    assert!(serde_json::from_str::<Calendar>(r#"{"zone":"Europe/Atlantis","week_starts":"Mon"}"#).is_err());
    assert_eq!((Date::MAX + i32::MAX) - (Date::MIN - i32::MAX), i32::MAX);
}

// ---- What every type can do ----

#[test]
fn progress_counts_rows_and_sources() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reports);
    let log = [event(1, 1), event(2, 2), Event::default()];
    let mut builder = builder(Mapped::ALL, None).on_progress(move |progress| seen.lock().unwrap().push(progress));
    assert!(!format!("{builder:?}").is_empty());
    for _ in 0..3 {
        builder.push(&frame(&log)).unwrap();
        builder.push_lazy(frame(&log).lazy()).unwrap();
    }
    builder.push(&frame(&[])).unwrap();
    builder.finish().unwrap();
    let reports = reports.lock().unwrap();
    let last = reports.last().unwrap();
    assert_eq!((last.rows, last.sources), (18, 7));
    assert!(last.bytes > 0);
    assert!(
        reports.is_sorted_by_key(|progress| progress.rows) && reports.is_sorted_by_key(|progress| progress.sources)
    );
}

#[test]
fn options_can_be_stored() {
    round_trip(&EventColumns::new("u", "t"));
    round_trip(&EventColumns::new("u", "t").account("a").feature("f").value("ž\"\0"));
    round_trip(&SegmentColumns::new("a", "s"));
    round_trip(&Calendar::new("Europe/Vilnius").unwrap().week_starts(Weekday::Sat));
    round_trip(&[Date::MIN, Date::MAX, date(1969, 12, 31)]);
    round_trip(&Period::ALL);
    round_trip(&Weekday::ALL);
    round_trip(&[Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak]);
    round_trip(&[Coverage::Observed, Coverage::Truncated, Coverage::Open, Coverage::Unobserved]);
    round_trip(&[Window::Days(u32::MAX), Window::Calendar(Period::Quarter)]);
    round_trip(&ActiveUsersOptions::new([Window::Days(7)]).between(Date::MIN, Date::MAX));
    round_trip(&StickinessOptions::new().week_days(5).month_days(28));
    let options = RetentionOptions::new(Period::Quarter).criterion(Criterion::Streak).horizon(u32::MAX);
    round_trip(&options.cohorts_between(Date::MIN, Date::MAX).confidence(0.8));
    for text in ["{}", "null", "[]", r#"{"period":"Fortnight"}"#] {
        assert!(serde_json::from_str::<RetentionOptions>(text).is_err());
        assert!(serde_json::from_str::<EventColumns>(text).is_err());
    }
}

#[test]
fn answers_and_their_parts_can_be_stored() {
    let activity = some_weeks();
    let triangle = activity.retention(Period::Week).unwrap();
    let first = triangle.cohorts()[0].span.start;
    for age in 0..=triangle.horizon() {
        round_trip(&triangle.cell(first, age).unwrap());
    }
    round_trip(&triangle.curve());
    let usage = activity.active_users(Window::Days(7)).unwrap();
    round_trip(usage.on(Window::Days(7), day(19_710)).unwrap());
    let stickiness = activity.stickiness(StickinessOptions::new()).unwrap();
    round_trip(&stickiness.days()[3]);
    round_trip(&stickiness.months()[0]);
}

#[test]
fn small_things_are_shown() {
    Period::ALL.iter().for_each(|period| drop(shown(period)));
    Weekday::ALL.iter().for_each(|weekday| drop(shown(weekday)));
    let coverages = [Coverage::Observed, Coverage::Truncated, Coverage::Open, Coverage::Unobserved];
    coverages.iter().for_each(|coverage| drop(shown(coverage)));
    let criteria = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];
    criteria.iter().for_each(|criterion| drop(shown(criterion)));
    [Id::Int(i64::MIN), Id::UInt(u64::MAX), Id::Str("a")].iter().for_each(|id| drop(shown(id)));
    [Window::Days(1), Window::Calendar(Period::Week)].iter().for_each(|window| drop(shown(window)));
    [Date::MIN, Date::MAX, Date::MAX + 1, Date::MIN - 1, Date::MAX + i32::MAX]
        .iter()
        .for_each(|date| drop(shown(date)));
    assert_eq!(
        format!("{:>12}|{:<12}|{:^7}", date(2024, 1, 1), Period::Day, Window::Days(7)),
        "  2024-01-01|day         |  7d   "
    );
}

#[test]
fn public_types_can_be_sent_shared_and_printed() {
    fn check<T: Send + Sync + Debug>() {}
    check::<Activity>();
    check::<ActivityBuilder>();
    check::<ActiveCount>();
    check::<ActiveUsers>();
    check::<ActiveUsersOptions>();
    check::<Calendar>();
    check::<Cohort>();
    check::<Coverage>();
    check::<Criterion>();
    check::<CurvePoint>();
    check::<Date>();
    check::<DayStickiness>();
    check::<Error>();
    check::<EventColumns>();
    check::<Id<'_>>();
    check::<Intake>();
    check::<Interval>();
    check::<Members>();
    check::<MonthStickiness>();
    check::<Period>();
    check::<Progress>();
    check::<Retention>();
    check::<RetentionCell>();
    check::<RetentionOptions>();
    check::<SegmentColumns>();
    check::<Span>();
    check::<Split>();
    check::<Stickiness>();
    check::<StickinessOptions>();
    check::<Weekday>();
    check::<Window>();
}
