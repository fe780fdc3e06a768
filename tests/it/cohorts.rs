//! Cohorts by sign-up, label, feature and behaviour: worked out by hand, against an oracle, at the edges.

mod oracle;
mod properties;
mod trends;
mod values;

use attrition::polars::prelude::*;
use attrition::{
    Activity, AgeBy, Base, Calendar, CohortColumns, CohortIntake, CohortKey, Cohorts, Coverage, Criterion, Date, Entry,
    Error, EventColumns, Period, Retention, RetentionCell, RetentionOptions, Return, date,
};

use crate::log::{Event, Mapped, event, feature_text, ingest, members, message};

const CRITERIA: [Criterion; 4] = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];

fn number(day: Date) -> i32 {
    day.days_since_epoch()
}

/// An activity of users and the days on which they were active, within an observation.
fn active(events: &[(i64, Date)], from: Date, to: Date) -> Activity {
    let events: Vec<Event> = events.iter().map(|&(user, day)| event(user, number(day))).collect();
    ingest(&events, Mapped::NONE, Some((number(from), number(to))))
}

fn dates(name: &str, dates: Vec<Option<Date>>) -> Column {
    let days: Vec<Option<i32>> = dates.into_iter().map(|date| date.map(number)).collect();
    Column::new(name.into(), days).cast(&DataType::Date).unwrap()
}

/// A table of who entered when.
fn signed_up(entries: &[(Option<i64>, Option<Date>)]) -> Cohorts {
    let users: Vec<Option<i64>> = entries.iter().map(|entry| entry.0).collect();
    let columns = vec![Column::new("id".into(), users), dates("since", entries.iter().map(|entry| entry.1).collect())];
    let frame = DataFrame::new(entries.len(), columns).unwrap();
    Cohorts::from_frame(&frame, &CohortColumns::new("id").start("since")).unwrap()
}

/// A table of who entered when, and under which label.
fn labelled(entries: &[(i64, Date, Option<&str>)]) -> Cohorts {
    let columns = vec![
        Column::new("id".into(), entries.iter().map(|entry| entry.0).collect::<Vec<_>>()),
        dates("since", entries.iter().map(|entry| Some(entry.1)).collect()),
        Column::new("plan".into(), entries.iter().map(|entry| entry.2).collect::<Vec<_>>()),
    ];
    let frame = DataFrame::new(entries.len(), columns).unwrap();
    Cohorts::from_frame(&frame, &CohortColumns::new("id").start("since").label("plan")).unwrap()
}

/// The cells of a cohort in short: `2/3` is observed, `1*` open with one so far, and what is unobserved is nothing.
fn cells<'a>(triangle: &Retention, cohort: impl Into<CohortKey<'a>>) -> String {
    let cohort = cohort.into();
    let shown = |cell: RetentionCell| match cell.coverage {
        Coverage::Observed => format!("{}/{}", cell.active.unwrap(), cell.base.unwrap()),
        Coverage::Open => format!("{}*", cell.so_far.unwrap()),
        Coverage::Unobserved => String::new(),
        Coverage::Truncated => panic!("{cell:?}"),
    };
    let cells: Vec<String> = (0..).map_while(|age| triangle.cell(cohort, age)).map(shown).collect();
    cells.join(" ").trim_end().to_owned()
}

fn so_far<'a>(triangle: &Retention, cohort: impl Into<CohortKey<'a>>) -> Vec<Option<u64>> {
    let cohort = cohort.into();
    (0..).map_while(|age| triangle.cell(cohort, age)).map(|cell| cell.so_far).collect()
}

#[test]
fn sign_ups_by_hand() {
    let (from, to) = (date(2024, 1, 10), date(2024, 3, 15));
    let signups = signed_up(&[
        (Some(1), Some(date(2024, 1, 5))), // before the observation
        (Some(2), Some(date(2024, 1, 10))),
        (Some(3), Some(date(2024, 1, 31))),
        (Some(4), Some(date(2024, 2, 29))),
        (Some(5), Some(date(2024, 3, 16))), // after the observation
        (Some(6), Some(date(2024, 2, 1))),  // never active
        (Some(7), None),
        (None, Some(date(2024, 2, 1))),
    ]);
    let intake = signups.intake();
    assert_eq!([intake.entries, intake.actors, intake.without_actor, intake.without_start, intake.undecided], {
        [6, 6, 1, 1, 0]
    });
    let activity = active(
        &[
            (1, date(2024, 1, 20)),
            (2, date(2024, 1, 12)),
            (2, date(2024, 2, 3)),
            (3, date(2024, 1, 30)), // a day before the sign-up
            (3, date(2024, 2, 10)),
            (3, date(2024, 3, 1)),
            (4, date(2024, 3, 2)),
            (5, date(2024, 1, 15)),
        ],
        from,
        to,
    );
    let triangle =
        |criterion| activity.retention_of(&signups, RetentionOptions::new(Period::Month).criterion(criterion)).unwrap();
    let (january, february, march) = (date(2024, 1, 10), date(2024, 2, 29), date(2024, 3, 1));
    // January: 2, active in January and February, and 3, active in February and March. February: 4, active in March,
    // and 6, never. March: nobody yet.
    for (criterion, expected) in [
        (Criterion::On, ["1/2 2/2 1*", "0/2 1*", "0*"]),
        (Criterion::OnOrAfter, ["2/2 2/2 1*", "1/2 1*", "0*"]),
        (Criterion::OnOrBefore, ["1/2 2/2 2*", "0/2 1*", "0*"]),
        (Criterion::Streak, ["1/2 1/2 0*", "0/2 0*", "0*"]),
    ] {
        let triangle = triangle(criterion);
        assert_eq!([january, february, march].map(|month| cells(&triangle, month)), expected, "{criterion}");
    }
    let triangle = triangle(Criterion::On);
    let left_out = triangle.left_out();
    assert_eq!((left_out.before_observation, left_out.after_observation, left_out.never_active), (1, 1, 0));
    let sizes: Vec<_> = triangle.cohorts().iter().map(|cohort| (cohort.size, cohort.coverage)).collect();
    assert_eq!(sizes, [(2, Coverage::Truncated), (2, Coverage::Observed), (0, Coverage::Open)]);
    assert_eq!(members(&triangle.members_of(&activity, &signups, january, 0).unwrap()), [2]);
    assert_eq!(members(&triangle.members_of(&activity, &signups, january, 1).unwrap()), [2, 3]);
    assert_eq!(members(&triangle.members_of(&activity, &signups, january, 2).unwrap()), [3]);
    assert!(triangle.members_of(&activity, &signups, february, 0).unwrap().is_empty());
    // Age 0: 1 of 2 and 0 of 2. Age 1: January alone. Age 2: nobody has been watched through it.
    let curve = triangle.curve();
    let means: Vec<_> = curve.iter().map(|point| (point.cohorts, point.weighted_mean, point.plain_mean)).collect();
    assert_eq!(means, [(2, Some(0.25), Some(0.25)), (1, Some(1.0), Some(1.0)), (0, None, None)]);
}

#[test]
fn labels_with_a_null_and_brackets_from_each_start() {
    // Weeks from the start: period 0 is days 0 to 6; the brackets are days 7 to 13, 14 to 34 and 35 to 62.
    let start = date(2024, 1, 3);
    let plans = labelled(&[(1, start, Some("pro")), (2, start + 1, Some("pro")), (3, start + 30, None)]);
    // As of day 62 of user 1, day 61 of user 2 and day 32 of user 3.
    let mut days: Vec<(i64, Date)> = [0, 10, 34, 35, 62].map(|day| (1, start + day)).into();
    days.extend([6, 13, 61].map(|day| (2, start + 1 + day)));
    days.extend([5, 14].map(|day| (3, start + 30 + day)));
    let activity = active(&days, start - 10, start + 62);
    let asked = RetentionOptions::new(Period::Week).age_by(AgeBy::Start).brackets([1, 3, 4]);
    let triangle = |criterion, base| {
        let options = asked.clone().criterion(criterion).base(base);
        activity.retention_of(&plans, options).unwrap()
    };

    let on = triangle(Criterion::On, Base::Cohort);
    // User 1 comes back in every bracket, user 2 not in the second one; the third has ended for user 1 alone.
    assert_eq!(cells(&on, "pro"), "2/2 2/2 1/2 1/1");
    assert_eq!(so_far(&on, "pro"), [Some(2), Some(2), Some(1), Some(2)]);
    // User 3 has day 5, nothing on days 7 to 13, day 14 in a bracket that is still open, and no later one.
    assert_eq!(cells(&on, None), "1/1 0/1 1*");
    let cohorts: Vec<_> = on
        .cohorts()
        .iter()
        .map(|cohort| (cohort.label.as_deref(), cohort.size, cohort.span.start - start, cohort.span.end - start))
        .collect();
    assert_eq!(cohorts, [(Some("pro"), 2, 0, 1), (None, 1, 30, 30)]);
    assert_eq!(members(&on.members_of(&activity, &plans, "pro", 3).unwrap()), [1, 2]);
    assert_eq!(members(&on.members_of(&activity, &plans, "pro", 2).unwrap()), [1]);
    assert_eq!(members(&on.members_of(&activity, &plans, None, 2).unwrap()), [3]);
    assert_eq!((on.cell("free", 0), on.cell(start, 0), on.horizon()), (None, None, 3));
    let shown = on.to_string();
    assert!(shown.contains("no label") && shown.contains("2-4") && shown.contains("5-8"), "{shown}");

    // Those of age 0 who have been watched to the end of the age; those of the age before likewise.
    assert_eq!(cells(&triangle(Criterion::On, Base::Start), "pro"), "2/2 2/2 1/2 1/1");
    assert_eq!(cells(&triangle(Criterion::Streak, Base::Cohort), "pro"), "2/2 2/2 1/2 1/1");
    assert_eq!(cells(&triangle(Criterion::Streak, Base::Previous), "pro"), "2/2 2/2 1/2 1/1");
    assert_eq!(cells(&triangle(Criterion::Streak, Base::Previous), None), "1/1 0/1 0*");
    assert_eq!(cells(&triangle(Criterion::OnOrAfter, Base::Previous), None), "1/1 1/1 1*");
    assert_eq!(cells(&triangle(Criterion::OnOrBefore, Base::Cohort), None), "1/1 0/1 1*");
}

#[test]
fn months_from_the_31st() {
    // From 31 January, age 1 begins on 29 February, age 2 on 31 March, age 3 on 30 April.
    let (from, to) = (date(2024, 1, 31), date(2024, 4, 29));
    let signups = signed_up(&[(Some(1), Some(from)), (Some(2), Some(date(2024, 3, 15)))]);
    let activity = active(
        &[
            (1, date(2024, 2, 28)),
            (1, date(2024, 3, 30)),
            (1, date(2024, 4, 29)),
            (2, date(2024, 4, 15)), // the first day of age 1
        ],
        from,
        to,
    );
    let asked = RetentionOptions::new(Period::Month);
    let triangle = activity.retention_of(&signups, asked.clone().age_by(AgeBy::Start)).unwrap();
    assert_eq!(triangle.horizon(), 2);
    assert_eq!(cells(&triangle, from), "1/1 1/1 1/1");
    assert_eq!(cells(&triangle, date(2024, 3, 1)), "0/1 1*");
    // Nobody signed up in February: the cohort is judged as if somebody had on its last day.
    assert_eq!(cells(&triangle, date(2024, 2, 1)), "0/0 0/0 0*");
    // A day less, and age 2 has not ended.
    let earlier = activity.at(to - 1).unwrap();
    let triangle = earlier.retention_of(&signups, asked.clone().age_by(AgeBy::Start)).unwrap();
    assert_eq!(cells(&triangle, from), "1/1 1/1 0*");
    let by_calendar = activity.retention_of(&signups, asked).unwrap();
    assert_eq!(cells(&by_calendar, from), "0/1 1/1 1/1 1*");
}

#[test]
fn leap_days_and_years_from_the_start() {
    let leap = date(2020, 2, 29);
    let signups = signed_up(&[(Some(1), Some(leap))]);
    let days = [date(2021, 2, 27), date(2021, 2, 28), date(2024, 2, 28), date(2024, 2, 29)];
    let activity = active(&days.map(|day| (1, day)), leap, date(2024, 2, 29));
    let triangle = activity.retention_of(&signups, RetentionOptions::new(Period::Year).age_by(AgeBy::Start)).unwrap();
    // Year 0 ends on 27 February 2021, year 3 on 28 February 2024.
    assert_eq!(cells(&triangle, leap), "1/1 1/1 0/1 1/1 1*");
}

#[test]
fn recurring_entry_by_hand() {
    let days = [(1, 1, 5), (1, 1, 20), (2, 2, 15), (1, 2, 10), (2, 3, 3), (1, 4, 1)];
    let days = days.map(|(user, month, day)| (user, date(2024, month, day)));
    let activity = active(&days, date(2024, 1, 1), date(2024, 4, 30));
    let recurring = activity.cohorts(Entry::EveryActivity).unwrap();
    assert_eq!((recurring.intake().entries, recurring.intake().actors), (6, 2));
    let rows = |criterion| {
        let triangle =
            activity.retention_of(&recurring, RetentionOptions::new(Period::Month).criterion(criterion)).unwrap();
        [1, 2, 3, 4].map(|month| cells(&triangle, date(2024, month, 1)))
    };
    // January: 1. February: 1 and 2. March: 2. April: 1.
    assert_eq!(rows(Criterion::On), ["1/1 1/1 0/1 1/1", "2/2 1/2 1/2", "1/1 0/1", "1/1"]);
    assert_eq!(rows(Criterion::OnOrBefore), ["1/1 1/1 1/1 1/1", "2/2 1/2 2/2", "1/1 0/1", "1/1"]);
    assert_eq!(rows(Criterion::OnOrAfter), ["1/1 1/1 1/1 1/1", "2/2 2/2 1/2", "1/1 0/1", "1/1"]);
    // From each start, the first of the entries of a period counts: 1 is 31 days older on 5 February.
    let from_start =
        RetentionOptions::new(Period::Month).age_by(AgeBy::Start).cohorts_between(date(2024, 1, 1), date(2024, 1, 31));
    let triangle = activity.retention_of(&recurring, from_start).unwrap();
    assert_eq!(cells(&triangle, date(2024, 1, 5)), "1/1 1/1 1/1 0*");
}

#[test]
fn one_event_starts_and_another_returns() {
    let (from, to) = (date(2024, 1, 1), date(2024, 1, 28));
    let signups = active(&[(1, from), (2, from + 3), (3, from + 6), (1, from + 9)], from, to);
    let purchases = active(&[(1, from + 7), (2, from + 1), (2, from + 27), (4, from), (3, from + 6)], from, to);
    let triangle = purchases.retention_of(&signups.cohorts(Entry::FirstActivity).unwrap(), Period::Week).unwrap();
    // 2 bought before it signed up, which is of no account; 4 never signed up.
    assert_eq!(cells(&triangle, from), "1/3 1/3 0/3 1/3");
    let every = purchases.retention_of(&signups.cohorts(Entry::EveryActivity).unwrap(), Period::Week).unwrap();
    assert_eq!(cells(&every, from), "1/3 1/3 0/3 1/3");
    // 1 signed up again in week 1, two days after it had bought.
    assert_eq!(cells(&every, from + 7), "0/1 0/1 0/1");
    // Another observation: only the second sign-up lies within it.
    let later = active(&[(1, from + 12)], from + 7, to);
    let triangle = later.retention_of(&signups.cohorts(Entry::EveryActivity).unwrap(), Period::Week).unwrap();
    assert_eq!((triangle.left_out().before_observation, cells(&triangle, from + 7)), (3, "1/1 0/1 0/1".to_owned()));
}

fn of_account(user: i64, day: i32, account: i64) -> Event {
    Event { account: Some(account), ..event(user, day) }
}

#[test]
fn enough_events_by_hand() {
    let monday = number(date(2024, 1, 1));
    let events = [
        // 1 has three events in week 0, two of them on a day in two accounts, and two in week 1.
        of_account(1, monday, 7),
        of_account(1, monday, 8),
        of_account(1, monday + 6, 7),
        of_account(1, monday + 7, 7),
        of_account(1, monday + 13, 8),
        // 2 has one in week 0, three in week 1 and three in week 3.
        event(2, monday + 2),
        event(2, monday + 8),
        of_account(2, monday + 8, 7),
        of_account(2, monday + 8, 7),
        event(2, monday + 21),
        event(2, monday + 22),
        event(2, monday + 27),
    ];
    let activity = ingest(&events, Mapped::ALL, Some((monday, monday + 27)));
    let asked = RetentionOptions::new(Period::Week).min_events(3);
    let start = date(2024, 1, 1);
    for (criterion, expected) in [
        (Criterion::On, "1/2 1/2 0/2 1/2"),
        (Criterion::OnOrAfter, "2/2 1/2 1/2 1/2"),
        (Criterion::OnOrBefore, "1/2 1/2 1/2 1/2"),
        (Criterion::Streak, "1/2 0/2 0/2 0/2"),
    ] {
        let triangle = activity.retention(asked.clone().criterion(criterion)).unwrap();
        assert_eq!(cells(&triangle, start), expected, "{criterion}");
    }
    // Weeks 1 and 2 together hold no more than 3; what lies before a start is not counted.
    let triangle = activity.retention(asked.clone().min_events(4).brackets([2])).unwrap();
    assert_eq!(cells(&triangle, start), "0/2 0/2");
    let second_day = signed_up(&[(Some(1), Some(start + 1)), (Some(2), Some(start + 1))]);
    assert_eq!(cells(&activity.retention_of(&second_day, asked.clone()).unwrap(), start), "0/2 1/2 0/2 1/2");
    // Two events behind the last bracket, in weeks apart, are not two in one week.
    let apart = [event(3, monday), event(3, monday + 14), event(3, monday + 21)];
    let apart = ingest(&apart, Mapped::NONE, Some((monday, monday + 27)));
    let after = RetentionOptions::new(Period::Week).criterion(Criterion::OnOrAfter).min_events(2);
    for asked in [after.clone(), after.clone().horizon(1), after.brackets([1])] {
        assert_eq!(apart.retention(asked).unwrap().cell(start, 0).unwrap().active, Some(0));
    }
}

#[test]
fn bases_by_hand() {
    // A came in January; B in January and February; C in January and March; D in all three.
    let came = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 3), (4, 1), (4, 2), (4, 3)];
    let days = came.map(|(user, month)| (user, date(2024, month, 10)));
    let activity = active(&days, date(2024, 1, 1), date(2024, 3, 31));
    let january = date(2024, 1, 1);
    for (criterion, base, expected, proportion) in [
        (Criterion::On, Base::Cohort, "4/4 2/4 2/4", true),
        (Criterion::On, Base::Start, "4/4 2/4 2/4", false),
        (Criterion::On, Base::Previous, "4/4 2/4 2/2", false),
        (Criterion::OnOrAfter, Base::Start, "4/4 3/4 2/4", true),
        (Criterion::OnOrAfter, Base::Previous, "4/4 3/4 2/3", true),
        (Criterion::OnOrBefore, Base::Previous, "4/4 2/4 3/2", false),
        (Criterion::Streak, Base::Start, "4/4 2/4 1/4", true),
        (Criterion::Streak, Base::Previous, "4/4 2/4 1/2", true),
    ] {
        let options = RetentionOptions::new(Period::Month).criterion(criterion).base(base);
        let triangle = activity.retention(options).unwrap();
        assert_eq!(cells(&triangle, january), expected, "{criterion}, {base:?}");
        let cell = triangle.cell(january, 2).unwrap();
        assert_eq!((cell.eligible, cell.interval.is_some()), (Some(4), proportion), "{criterion}, {base:?}");
        assert_eq!(triangle.curve()[2].interval.is_some(), proportion, "{criterion}, {base:?}");
    }
    // Of those who signed up and were not active at once, the base of age 0 counts none.
    let signups = signed_up(&[1, 2, 3, 4].map(|user| (Some(user), Some(date(2024, 1, 11)))));
    let of_start = RetentionOptions::new(Period::Month).base(Base::Start);
    assert_eq!(cells(&activity.retention_of(&signups, of_start.clone()).unwrap(), january), "0/0 2/0 2/0");
    assert_eq!(activity.retention_of(&signups, of_start).unwrap().cell(january, 1).unwrap().rate, None);
}

#[test]
fn entries_by_hand() {
    let first = number(date(2024, 2, 27));
    let did = |user, day, account, feature, value| Event {
        feature: Some(feature),
        value: Some(value),
        ..of_account(user, first + day, account)
    };
    let events = [
        // 5 less 5 is nothing paid; the next day it is 1 and -0.5.
        did(1, 0, 7, 3, 5.0),
        did(1, 0, 8, 4, -5.0),
        did(1, 1, 7, 3, 1.0),
        did(1, 1, 8, 3, -0.5),
        did(1, 2, 7, 4, 9.0),
        did(2, 0, 7, 4, -1.0),
        did(2, 3, 7, 4, 0.0),
        // Active on both of its first two days, but the third is not over.
        did(3, 6, 7, 3, 2.0),
        did(3, 7, 7, 3, 2.0),
    ];
    let activity = ingest(&events, Mapped::ALL, Some((first, first + 7)));
    let read = |entry| {
        let cohorts = activity.cohorts(entry).unwrap();
        let frame = cohorts.to_frame(activity.calendar()).unwrap();
        let who = frame.column("actor").unwrap().i64().unwrap().iter().flatten();
        let starts = frame.column("start").unwrap().to_physical_repr();
        let starts = starts.i32().unwrap().iter().flatten().map(|day| day - first);
        who.zip(starts.collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert_eq!(read(Entry::FirstActivity), [(1, 0), (2, 0), (3, 6)]);
    assert_eq!(read(Entry::FirstPaid), [(1, 1), (3, 6)]);
    assert_eq!(read(Entry::FirstUse(feature_text(4))), [(1, 0), (2, 0)]);
    assert_eq!(read(Entry::EveryUse(feature_text(4))), [(1, 0), (1, 2), (2, 0), (2, 3)]);
    assert_eq!(read(Entry::EveryUse(feature_text(3))), [(1, 0), (1, 1), (3, 6), (3, 7)]);
    let habit = Entry::ActiveDays { at_least: 2, within: 3 };
    assert_eq!(read(habit.clone()), [(1, 0), (2, 0)]);
    let habit = activity.cohorts(habit).unwrap();
    assert_eq!((habit.intake().undecided, habit.intake().entries), (1, 2));
    let labels = ["active on 2 or more of the first 3 days", "active on fewer of the first 3 days"];
    assert_eq!(habit.labels(), labels);
    let triangle = activity.retention_of(&habit, RetentionOptions::new(Period::Day).horizon(3)).unwrap();
    assert_eq!(labels.map(|label| cells(&triangle, label)), ["1/1 1/1 1/1 0/1", "1/1 0/1 0/1 1/1"]);
}

/// Users who are known from recent events alone, before, between and behind those of the long log; with known users who
/// come back in another account on the same day.
#[test]
fn users_who_were_appended() {
    let first = number(date(2024, 1, 1));
    let row = |user: i64, day: i32, account: i64, feature: u32, value: f64| Event {
        feature: Some(feature),
        value: Some(value),
        ..of_account(user, first + day, account)
    };
    // Four users, each with 48 days in two accounts.
    let users = [10, 20, 30, 40];
    let long: Vec<Event> = users
        .into_iter()
        .flat_map(|user| (0..48).map(move |day| (user, day)))
        .flat_map(|(user, day)| [row(user, day, 1, 0, -1.0), row(user, day, 2, 1, 0.5)])
        .collect();
    let recent = [
        row(5, 10, 1, 1, 2.0),
        row(5, 10, 2, 1, -2.0),
        row(5, 24, 1, 0, 1.0),
        row(25, 3, 3, 0, 1.0),
        row(20, 4, 3, 1, 8.0),
        row(30, 50, 1, 0, 1.0),
        row(45, 50, 1, 1, 1.0),
        row(45, 51, 1, 1, 1.0),
    ];
    let between = Some((first, first + 60));
    let mut appended = ingest(&long, Mapped::ALL, between);
    appended.append(&ingest(&recent, Mapped::ALL, between)).unwrap();
    assert!(format!("{appended:?}").contains("recent: Some"), "nothing waits beside the table");
    let whole = ingest(&[&long[..], &recent].concat(), Mapped::ALL, between);

    let starts = |activity: &Activity, entry: &Entry| {
        let cohorts = activity.cohorts(entry.clone()).unwrap();
        let frame = cohorts.to_frame(activity.calendar()).unwrap();
        let who: Vec<i64> = frame.column("actor").unwrap().i64().unwrap().iter().flatten().collect();
        let days = frame.column("start").unwrap().to_physical_repr();
        who.into_iter().zip(days.i32().unwrap().iter().flatten().map(|day| day - first)).collect::<Vec<_>>()
    };
    let all = [(5, 10), (10, 0), (20, 0), (25, 3), (30, 0), (40, 0), (45, 50)];
    assert_eq!(starts(&appended, &Entry::FirstActivity), all);
    assert_eq!(starts(&appended, &Entry::FirstPaid), [(5, 24), (20, 4), (25, 3), (30, 50), (45, 50)]);
    let of_feature_0 = [(5, 24), (10, 0), (20, 0), (25, 3), (30, 0), (40, 0)];
    assert_eq!(starts(&appended, &Entry::FirstUse(feature_text(0))), of_feature_0);

    let entries = [
        Entry::FirstActivity,
        Entry::FirstUse(feature_text(1)),
        Entry::FirstPaid,
        Entry::EveryActivity,
        Entry::EveryUse(feature_text(1)),
        Entry::ActiveDays { at_least: 2, within: 15 },
    ];
    let asked = RetentionOptions::new(Period::Week);
    let questions = [asked.clone(), asked.clone().min_events(2), asked.returning(Return::Feature(feature_text(1)))];
    for entry in entries {
        let cohorts = appended.cohorts(entry.clone()).unwrap();
        assert_eq!(cohorts, whole.cohorts(entry.clone()).unwrap(), "{entry:?}");
        for asked in &questions {
            let triangle = appended.retention_of(&cohorts, asked.clone()).unwrap();
            assert_eq!(triangle, whole.retention_of(&cohorts, asked.clone()).unwrap(), "{entry:?}");
            for cohort in triangle.cohorts() {
                let key = cohort.label.as_deref().map_or(CohortKey::Day(cohort.span.end), |label| label.into());
                let found = |activity| triangle.members_of(activity, &cohorts, key, 0).unwrap();
                assert_eq!(members(&found(&appended)), members(&found(&whole)), "{entry:?}");
            }
        }
    }
    // User 5 has two events in its first week, one in each account, and one in the fourth.
    let twice = appended.retention(RetentionOptions::new(Period::Week).min_events(2)).unwrap();
    assert_eq!(cells(&twice, date(2024, 1, 8)), "1/1 0/1 0/1 0/1 0/1 0/1 0/1 0*");
}

#[test]
fn nobody_and_strangers() {
    let (from, to) = (date(2024, 1, 1), date(2024, 3, 31));
    let activity = active(&[(1, from), (1, to)], from, to);
    let nobody = signed_up(&[]);
    for criterion in CRITERIA {
        let asked = RetentionOptions::new(Period::Month).criterion(criterion);
        let triangle = activity.retention_of(&nobody, asked).unwrap();
        assert_eq!([1, 2, 3].map(|month| cells(&triangle, date(2024, month, 1))), ["0/0 0/0 0/0", "0/0 0/0", "0/0"]);
        let shown = (triangle.to_string(), nobody.to_string());
        assert!(shown.0.contains("2024-03") && shown.1 == "0 actors with 0 entries", "{shown:?}");
        assert!(triangle.curve().iter().all(|point| point.weighted_mean.is_none()));
        assert_eq!(triangle.to_frame().unwrap().height(), 9);
        assert!(triangle.members_of(&activity, &nobody, from, 0).unwrap().is_empty());
    }
    let no_label = labelled(&[]);
    let triangle = activity.retention_of(&no_label, Period::Month).unwrap();
    assert!(triangle.cohorts().is_empty() && triangle.cell(None, 0).is_none() && triangle.cell("pro", 0).is_none());
    assert_eq!((triangle.to_frame().unwrap().shape(), triangle.to_wide_frame().unwrap().height()), ((0, 15), 0));
    assert!(triangle.to_string().contains("weighted mean"));
    assert_eq!(no_label.to_frame(activity.calendar()).unwrap().shape(), (0, 3));

    // Strangers have signed up and never came: with a start they are members, without one nobody knows when.
    let strangers = signed_up(&[(Some(8), Some(from)), (Some(9), Some(date(2024, 2, 1)))]);
    let triangle = activity.retention_of(&strangers, Period::Month).unwrap();
    assert_eq!([1, 2].map(|month| cells(&triangle, date(2024, month, 1))), ["0/1 0/1 0/1", "0/1 0/1"]);
    let frame = df!("id" => [8_i64, 8, 8, 9], "plan" => ["a", "b", "b", "a"]).unwrap();
    let plans = Cohorts::from_frame(&frame, &CohortColumns::new("id").label("plan")).unwrap();
    let triangle = activity.retention_of(&plans, Period::Month).unwrap();
    // Entries are counted as they stood in the table, as those with a start are.
    assert_eq!((plans.intake().entries, triangle.left_out().never_active), (4, 4));
    let sizes: Vec<_> = triangle.cohorts().iter().map(|cohort| (cohort.label.as_deref(), cohort.size)).collect();
    assert_eq!(sizes, [(Some("a"), 0), (Some("b"), 0)]);
    // A cohort of labels without members spans the observation.
    assert_eq!((triangle.cohorts()[0].span.start, triangle.cohorts()[0].span.end), (from, to));

    // A log without anybody.
    let quiet = active(&[], from, to);
    let triangle = quiet.retention_of(&strangers, Period::Month).unwrap();
    assert_eq!(cells(&triangle, from), "0/1 0/1 0/1");
    assert_eq!(quiet.cohorts(Entry::FirstActivity).unwrap().intake().entries, 0);
    let habit = quiet.cohorts(Entry::ActiveDays { at_least: 1, within: 2 }).unwrap();
    assert_eq!(quiet.retention_of(&habit, Period::Week).unwrap().cohorts().len(), 2);
}

#[test]
fn one_member_entering_often() {
    let start = date(2024, 1, 1);
    let activity = active(&[(1, start + 4), (1, start + 20)], start, start + 27);
    // Three entries of one week are one, from its first day on; under a label all are, from the first of them on.
    let rows = [(1, start + 5, Some("a")), (1, start + 2, Some("a")), (1, start + 20, Some("a")), (1, start + 9, None)];
    let triangle = activity.retention_of(&labelled(&rows), Period::Week).unwrap();
    assert_eq!((cells(&triangle, "a"), cells(&triangle, None)), ("1/1 0/1 1/1 0/1".into(), "0/1 1/1 0/1".into()));
    // Of the entries that are reported: the third alone.
    let late = RetentionOptions::new(Period::Week).cohorts_between(start + 10, start + 27);
    let triangle = activity.retention_of(&labelled(&rows), late.clone()).unwrap();
    assert_eq!((cells(&triangle, "a"), triangle.cohorts()[0].span.start), ("1/1 0/1".into(), start + 20));
    assert_eq!(triangle.left_out().before_observation, 0);
    let starts: Vec<_> = rows.iter().map(|row| (Some(row.0), Some(row.1))).collect();
    let triangle = activity.retention_of(&signed_up(&starts), Period::Week).unwrap();
    let rows = [0, 7, 14, 21].map(|days| cells(&triangle, start + days));
    assert_eq!(rows, ["1/1 0/1 1/1 0/1", "0/1 1/1 0/1", "1/1 0/1", "0/0"]);
}

#[test]
fn no_cohort_is_left_and_a_horizon_beyond_the_observation() {
    let (from, to) = (date(2024, 1, 1), date(2024, 2, 10));
    let activity = active(&[(1, from), (1, to)], from, to);
    let signups = signed_up(&[(Some(1), Some(from))]);
    let plans = labelled(&[(1, from, Some("a"))]);
    for (first, last) in
        [(date(2025, 1, 1), date(2025, 2, 1)), (Date::MIN, from - 1), (to, from), (Date::MAX, Date::MIN)]
    {
        for (age_by, brackets) in [(AgeBy::Calendar, vec![]), (AgeBy::Start, vec![]), (AgeBy::Start, vec![1, 3])] {
            let asked = RetentionOptions::new(Period::Month).cohorts_between(first, last);
            let asked = asked.age_by(age_by).brackets(brackets);
            let triangle = activity.retention_of(&signups, asked.clone()).unwrap();
            assert!(triangle.cohorts().is_empty() && triangle.cell(from, 0).is_none());
            assert!(triangle.curve().iter().all(|point| point.cohorts == 0 && point.rate_is_none()));
            let by_label = activity.retention_of(&plans, asked).unwrap();
            assert_eq!((by_label.cohorts().len(), by_label.cohorts()[0].size), (1, 0));
            assert!(by_label.cell("a", 0).unwrap().rate.is_none());
            for triangle in [triangle, by_label] {
                triangle.to_frame().unwrap();
                triangle.to_wide_frame().unwrap();
                assert!(triangle.to_string().contains("plain mean"));
            }
        }
    }
    for (age_by, expected) in [(AgeBy::Calendar, "1/1 1*"), (AgeBy::Start, "1/1 1*")] {
        let asked = RetentionOptions::new(Period::Month).horizon(30).age_by(age_by);
        let triangle = activity.retention_of(&signups, asked).unwrap();
        assert_eq!((triangle.horizon(), cells(&triangle, from)), (30, expected.to_owned()));
        assert_eq!(triangle.cell(from, 30).unwrap().coverage, Coverage::Unobserved);
        assert!(triangle.members_of(&activity, &signups, from, 30).is_err());
    }
    let boundless = RetentionOptions::new(Period::Month).horizon(u32::MAX);
    let error = activity.retention_of(&plans, boundless).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

trait Rate {
    fn rate_is_none(&self) -> bool;
}

impl Rate for attrition::CurvePoint {
    fn rate_is_none(&self) -> bool {
        self.weighted_mean.is_none() && self.plain_mean.is_none() && self.interval.is_none()
    }
}

#[test]
fn instants_fall_on_local_days() {
    // In New York 10 March 2024 has 23 hours: from 05:00 UTC to 04:00 UTC of the next day.
    let instants: [i64; 4] = [1_710_046_799, 1_710_046_800, 1_710_129_599, 1_710_129_600];
    let expected = [date(2024, 3, 9), date(2024, 3, 10), date(2024, 3, 10), date(2024, 3, 11)];
    let calendar = Calendar::new("America/New_York").unwrap();
    let day = |day: Date| dates("day", vec![Some(day)]);
    let events = DataFrame::new(1, vec![Column::new("user".into(), [1_i64]), day(date(2024, 3, 10))]).unwrap();
    let mut builder = Activity::builder(&EventColumns::new("user", "day"), &calendar);
    builder = builder.observed_from(date(2024, 3, 1)).as_of(date(2024, 3, 20));
    builder.push(&events).unwrap();
    let activity = builder.finish().unwrap();
    for (unit, factor) in
        [(TimeUnit::Milliseconds, 1_000), (TimeUnit::Microseconds, 1_000_000), (TimeUnit::Nanoseconds, 1_000_000_000)]
    {
        for zone in [None, Some("Asia/Tokyo"), Some("America/New_York")] {
            let dtype = DataType::Datetime(unit, TimeZone::opt_try_new(zone).unwrap());
            let since = Column::new("since".into(), instants.map(|second| second * factor)).cast(&dtype).unwrap();
            let frame = DataFrame::new(4, vec![Column::new("id".into(), [1_i64, 2, 3, 4]), since]).unwrap();
            let cohorts = Cohorts::from_frame(&frame, &CohortColumns::new("id").start("since")).unwrap();
            let triangle = activity.retention_of(&cohorts, RetentionOptions::new(Period::Day).horizon(1)).unwrap();
            let sizes: Vec<_> = triangle.cohorts().iter().filter(|cohort| cohort.size > 0).collect();
            let sizes: Vec<_> = sizes.into_iter().map(|cohort| (cohort.span.start, cohort.size)).collect();
            assert_eq!(sizes, [(expected[0], 1), (expected[1], 2), (expected[3], 1)], "{dtype}");
            let starts = cohorts.to_frame(&calendar).unwrap();
            let starts = starts.column("start").unwrap().to_physical_repr();
            assert_eq!(starts.i32().unwrap().iter().flatten().collect::<Vec<_>>(), expected.map(number), "{dtype}");
        }
    }
}

#[test]
fn before_1970() {
    let since = Column::new("since".into(), [-1_i64, 0, -86_400_000]);
    let since = since.cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap();
    let frame = DataFrame::new(3, vec![Column::new("id".into(), [1_i64, 2, 3]), since]).unwrap();
    let cohorts = Cohorts::from_frame(&frame, &CohortColumns::new("id").start("since")).unwrap();
    let activity = active(&[(1, date(1970, 1, 1)), (3, date(1969, 12, 31))], date(1969, 12, 1), date(1970, 1, 31));
    let triangle = activity.retention_of(&cohorts, Period::Month).unwrap();
    assert_eq!(cells(&triangle, date(1969, 12, 31)), "1/2 1/2");
    assert_eq!(cells(&triangle, date(1970, 1, 1)), "0/1");
    let days = RetentionOptions::new(Period::Day).age_by(AgeBy::Start).horizon(2);
    let triangle = activity.retention_of(&cohorts, days).unwrap();
    assert_eq!(cells(&triangle, date(1969, 12, 31)), "1/2 1/2 0/2");
}

#[test]
fn the_ends_of_the_calendar() {
    for end in [Date::MIN, Date::MAX] {
        let activity = active(&[(1, end)], end, end);
        let signups = signed_up(&[(Some(1), Some(end)), (Some(2), Some(end))]);
        for (period, age_by) in
            Period::ALL.into_iter().flat_map(|period| [(period, AgeBy::Calendar), (period, AgeBy::Start)])
        {
            for brackets in [vec![], vec![36_525], vec![1; 30]] {
                let asked = RetentionOptions::new(period).age_by(age_by).brackets(brackets);
                let triangle = activity.retention_of(&signups, asked).unwrap();
                let cell = triangle.cell(end, 0).unwrap();
                assert_eq!((triangle.cohorts()[0].size, cell.so_far), (2, Some(1)), "{period} {age_by}");
                let found = triangle.members_of(&activity, &signups, end, 0).unwrap();
                assert_eq!(members(&found), [1], "{period} {age_by}");
                let day_is_over = cell.coverage == Coverage::Observed;
                assert!(day_is_over || period != Period::Day, "{period} {age_by}: {cell:?}");
            }
        }
    }
}

fn refused(answer: attrition::Result<impl std::fmt::Debug>, option: &str) {
    let error = answer.unwrap_err();
    message(&error);
    assert!(matches!(&error, Error::InvalidOption { option: found, .. } if found.contains(option)), "{error:?}");
}

#[test]
fn options_that_make_no_sense() {
    let from = date(2024, 1, 1);
    let activity = active(&[(1, from)], from, from + 30);
    let signups = signed_up(&[(Some(1), Some(from))]);
    let asked = || RetentionOptions::new(Period::Day);
    let of = |options: RetentionOptions| activity.retention_of(&signups, options);
    for brackets in [vec![0], vec![3, 0, 2], vec![u32::MAX], vec![u32::MAX, u32::MAX], vec![36_526], vec![1; 36_526]] {
        refused(of(asked().brackets(brackets.clone())), "brackets");
        refused(activity.retention(asked().brackets(brackets)), "brackets");
    }
    // As many as there may be: one bracket, or so many of one period.
    assert_eq!(cells(&of(asked().brackets([36_525])).unwrap(), from), "1/1 0*");
    let one = asked().brackets(vec![1; 36_525]).cohorts_between(from, from);
    assert_eq!(of(one).unwrap().horizon(), 36_525);
    refused(of(asked().brackets([1, 2]).horizon(3)), "horizon");
    refused(of(asked().min_events(0)), "min_events");
    refused(of(asked().confidence(1.0)), "confidence");
    refused(of(asked().returning(Return::Feature("report".into())).min_events(2)), "min_events");
    // As many events as nobody has.
    assert_eq!(of(asked().min_events(u32::MAX).horizon(0)).unwrap().cell(from, 0).unwrap().active, Some(0));

    let not_mapped = |answer: attrition::Result<Cohorts>, role: &str| {
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::NotMapped { column } if column == role), "{error:?}");
    };
    not_mapped(activity.cohorts(Entry::FirstPaid), "value");
    not_mapped(activity.cohorts(Entry::FirstUse("report".into())), "feature");
    not_mapped(activity.cohorts(Entry::EveryUse("report".into())), "feature");
    let error = of(asked().returning(Return::Feature("report".into()))).unwrap_err();
    assert!(matches!(error, Error::NotMapped { column: "feature" }), "{error:?}");
    let used = ingest(&[Event { feature: Some(1), ..event(1, number(from)) }], Mapped::ALL, None);
    // What nobody used is used by nobody.
    for name in ["f002", "", "F001", "f001 "] {
        for entry in [Entry::FirstUse(name.into()), Entry::EveryUse(name.into())] {
            let nobody = used.cohorts(entry).unwrap();
            assert_eq!(nobody.intake(), &CohortIntake::default());
            assert_eq!(used.retention_of(&nobody, asked()).unwrap().cohorts()[0].size, 0);
        }
        let returning = || asked().returning(Return::Feature(name.into()));
        for triangle in [used.retention(returning()).unwrap(), used.retention_of(&signups, returning()).unwrap()] {
            let cell = triangle.cell(from, 0).unwrap();
            assert_eq!((cell.active, cell.eligible, cell.rate), (Some(0), Some(1), Some(0.0)), "{name}");
        }
    }
    let value = [Event { feature: Some(1), value: Some(2.0), ..event(1, number(from)) }];
    let values = ingest(&value, Mapped::ALL, None);
    refused(values.value_retention(asked().returning(Return::Feature("f002".into()))), "returning");
    for (at_least, within) in [(0, 0), (0, 3), (1, 0), (4, 3), (u32::MAX, 1)] {
        refused(activity.cohorts(Entry::ActiveDays { at_least, within }), "at_least");
    }
    let ages = activity.cohorts(Entry::ActiveDays { at_least: u32::MAX, within: u32::MAX }).unwrap();
    assert_eq!((ages.intake().undecided, ages.intake().actors), (1, 0));
}

#[test]
fn frames_that_are_no_table_of_cohorts() {
    let frame = df!(
        "id" => [1_i64, 2],
        "since" => ["2024-01-01", "2024-01-02"],
        "seconds" => [1_704_067_200_i64, 1_704_067_200],
        "score" => [1.5, 2.5],
    )
    .unwrap();
    let columns = CohortColumns::new("id");
    refused(Cohorts::from_frame(&frame, &columns), "columns");
    let missing = [columns.clone().start("day"), columns.clone().label("plan"), CohortColumns::new("user").label("id")];
    for columns in missing {
        let error = Cohorts::from_frame(&frame, &columns).unwrap_err();
        assert!(matches!(error, Error::MissingColumn { .. }), "{error:?}");
        message(&error);
    }
    let unsupported = [
        columns.clone().start("since"),
        columns.clone().start("seconds"),
        columns.clone().label("score"),
        CohortColumns::new("score").label("id"),
    ];
    for columns in unsupported {
        let error = Cohorts::from_frame(&frame, &columns).unwrap_err();
        assert!(matches!(error, Error::UnsupportedType { .. }), "{error:?}");
        message(&error);
    }
    // Seconds that were taken for days, or for nanoseconds' betters.
    for dtype in [DataType::Date, DataType::Datetime(TimeUnit::Milliseconds, None)] {
        let far = Column::new("since".into(), [0_i64, 1_704_067_200]);
        let far = if dtype == DataType::Date { far } else { far * 1_000_000 };
        let since = far.cast(&dtype).unwrap();
        let frame = DataFrame::new(2, vec![Column::new("id".into(), [1_i64, 2]), since]).unwrap();
        let error = Cohorts::from_frame(&frame, &CohortColumns::new("id").start("since")).unwrap_err();
        assert!(matches!(error, Error::InvalidValue { row: 1, .. }), "{error:?}");
        message(&error);
    }
}

#[test]
fn labels_of_every_type() {
    let from = date(2024, 1, 1);
    let activity = active(&[(1, from), (2, from), (3, from)], from, from);
    let id = || Column::new("id".into(), [1_i64, 2, 3, 4]);
    let texts = Column::new("plan".into(), [Some("b"), None, Some("a"), Some("b")]);
    let category = texts.cast(&crate::log::categorical()).unwrap();
    let ordered = texts.cast(&crate::log::enum_of(["b", "x", "a"])).unwrap();
    let numbers = Column::new("plan".into(), [Some(10_i8), None, Some(9), Some(10)]);
    let is = Column::new("plan".into(), [Some(true), None, Some(false), Some(true)]);
    for (labels, names) in [
        (texts, ["a", "b"]),
        (category, ["a", "b"]),
        (ordered, ["a", "b"]),
        (numbers, ["10", "9"]),
        (is, ["false", "true"]),
    ] {
        let frame = DataFrame::new(4, vec![id(), labels.clone()]).unwrap();
        let cohorts = Cohorts::from_frame(&frame, &CohortColumns::new("id").label("plan")).unwrap();
        assert_eq!(cohorts.labels(), names);
        let triangle = activity.retention_of(&cohorts, Period::Day).unwrap();
        let shown: Vec<_> = triangle.cohorts().iter().map(|cohort| (cohort.label.as_deref(), cohort.size)).collect();
        assert_eq!(shown, [(Some(names[0]), 1), (Some(names[1]), 1), (None, 1)], "{}", labels.dtype());
        assert_eq!(triangle.left_out().never_active, 1);
        let frame = triangle.to_wide_frame().unwrap();
        let column = frame.column("label").unwrap().str().unwrap();
        assert_eq!(column.iter().collect::<Vec<_>>(), [Some(names[0]), Some(names[1]), None]);
    }
}

/// Triangles to be tampered with: by period, by label, with each base, with brackets.
fn triangles() -> Vec<Retention> {
    let start = date(2024, 1, 1);
    let days = [(1, 0), (1, 8), (2, 3), (2, 20), (3, 9), (3, 16), (3, 30)].map(|(user, day)| (user, start + day));
    let activity = active(&days, start, start + 33);
    let plans = labelled(&[(1, start, Some("a")), (2, start + 1, Some("b")), (3, start + 9, None)]);
    let asked = RetentionOptions::new(Period::Week);
    let mut triangles = vec![activity.retention(asked.clone()).unwrap()];
    for base in [Base::Cohort, Base::Start, Base::Previous] {
        let asked = asked.clone().base(base).age_by(AgeBy::Start);
        triangles.push(activity.retention(asked.clone().horizon(4)).unwrap());
        triangles.push(activity.retention_of(&plans, asked.brackets([1, 2])).unwrap());
    }
    triangles
}

/// Everything that a triangle answers.
fn ask_everything(triangle: &Retention) {
    assert_eq!(triangle.curve().len(), triangle.horizon() as usize + 1);
    triangle.to_frame().unwrap();
    triangle.to_wide_frame().unwrap();
    triangle.curve_to_frame().unwrap();
    assert!(!triangle.to_string().is_empty());
    for cohort in triangle.cohorts() {
        for age in 0..=triangle.horizon() + 1 {
            let cells = [triangle.cell(cohort.span.start, age), triangle.cell(cohort.label.as_deref(), age)];
            assert!(age <= triangle.horizon() || cells == [None, None]);
        }
    }
}

#[test]
fn stored_triangles_that_were_changed() {
    use serde_json::{Value, json};
    for triangle in triangles() {
        ask_everything(&triangle);
        let stored = serde_json::to_value(&triangle).unwrap();
        let read =
            |stored: &Value| serde_json::from_value::<Retention>(stored.clone()).map_err(|error| error.to_string());
        assert_eq!(read(&stored).unwrap(), triangle);
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut other = stored.clone();
            change(&mut other);
            assert_ne!(other, stored, "nothing was changed");
            read(&other)
        };
        let refused = |what: &str, change: &dyn Fn(&mut Value)| {
            let answer = changed(change);
            assert!(answer.is_err(), "{what}: {answer:?}");
        };
        let fields = stored.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields.len(), 12, "a new field wants a test: {fields:?}");
        for field in &fields {
            refused(field, &|stored| drop(stored.as_object_mut().unwrap().remove(field)));
            for value in [json!(null), json!("x"), json!([[]]), json!(-1), json!({"a": 1})] {
                refused(field, &|stored| stored[field] = value.clone());
            }
            if stored[field].is_array() {
                // A row or a count too many, or too few.
                refused(field, &|stored| {
                    let more = stored[field].as_array().unwrap().first().cloned().unwrap_or(json!(0));
                    stored[field].as_array_mut().unwrap().push(more);
                });
                if !stored[field].as_array().unwrap().is_empty() {
                    refused(field, &|stored| drop(stored[field].as_array_mut().unwrap().pop()));
                    refused(field, &|stored| stored[field] = json!([]));
                }
            }
        }
        for field in ["so_far", "active", "eligible", "base", "closed", "begun"] {
            for place in 0..stored[field].as_array().unwrap().len() {
                // More than there are members or ages, whichever count it is.
                refused(field, &|stored| stored[field][place] = json!(u32::MAX));
                refused(field, &|stored| stored[field][place] = json!(1_000));
            }
        }
        let ages = triangle.horizon() + 1;
        for wrong in [0, 1, ages - 1, ages + 1, u32::MAX] {
            refused("ages", &|stored| stored["ages"] = json!(wrong));
        }
        refused("all ages", &|stored| {
            for field in ["cohorts", "closed", "begun", "so_far", "active", "eligible", "base"] {
                stored[field] = json!([]);
            }
            stored["ages"] = json!(u64::MAX);
        });
        refused("by_label", &|stored| stored["by_label"] = json!(!stored["by_label"].as_bool().unwrap()));
        refused("confidence", &|stored| stored["options"]["confidence"] = json!(2.0));
        refused("min_events", &|stored| stored["options"]["min_events"] = json!(0));
        refused("brackets", &|stored| stored["options"]["brackets"] = json!([1, 1, 1, 1, 1, 1, 1, 1, 1]));
        refused("horizon", &|stored| stored["options"]["horizon"] = json!(77));
        let other = if triangle.to_string().contains("of the cohort") { "Previous" } else { "Cohort" };
        refused("base", &|stored| stored["options"]["base"] = json!(other));
        refused("as_of", &|stored| stored["as_of"] = json!("2023-12-31"));
        refused("order", &|stored| stored["cohorts"].as_array_mut().unwrap().reverse());
        refused("size", &|stored| stored["cohorts"][0]["size"] = json!(0));
        refused("span", &|stored| stored["cohorts"][0]["span"]["start"] = json!("2024-12-31"));
        refused("label", &|stored| stored["cohorts"][0]["label"] = json!("zebra"));
        // What cannot be told from the truth is at least answered without a panic.
        for change in [
            &(|stored: &mut Value| stored["left_out"]["never_active"] = json!(u64::MAX)) as &dyn Fn(&mut Value),
            &|stored| stored["as_of"] = json!("9999-12-31"),
            &|stored| stored["options"]["criterion"] = json!("OnOrBefore"),
            &|stored| stored["options"]["period"] = json!("Year"),
            &|stored| stored["cohorts"][0]["size"] = json!(u64::MAX),
            &|stored| stored["cohorts"][0]["coverage"] = json!("unobserved"),
        ] {
            if let Ok(triangle) = changed(change) {
                ask_everything(&triangle);
            }
        }
    }
    for text in ["{}", "null", "[]", r#"{"ages":1}"#] {
        assert!(serde_json::from_str::<Retention>(text).is_err(), "{text}");
    }
}

#[test]
fn members_of_another_table_or_activity() {
    let start = date(2024, 1, 1);
    let activity = active(&[(1, start), (2, start + 8), (3, start + 9)], start, start + 20);
    let plans = labelled(&[(1, start, Some("a")), (2, start, Some("b")), (3, start, Some("b"))]);
    let triangle = activity.retention_of(&plans, Period::Week).unwrap();
    assert_eq!(members(&triangle.members_of(&activity, &plans, "b", 1).unwrap()), [2, 3]);
    let fewer = labelled(&[(1, start, Some("a")), (2, start, Some("b"))]);
    let later = active(&[(1, start), (2, start + 8), (3, start + 9)], start, start + 21);
    for (activity, cohorts) in [(&activity, &fewer), (&later, &plans)] {
        let error = triangle.members_of(activity, cohorts, "b", 1).unwrap_err();
        assert!(matches!(error, Error::Incompatible { .. }), "{error:?}");
        message(&error);
    }
    // A triangle of labels has no cell of a day, and its members are not to be had without its table.
    refused(triangle.members_of(&activity, &plans, start, 1), "cohort");
    refused(triangle.members_of(&activity, &plans, "c", 1), "cohort");
    let incompatible = |answer: attrition::Result<attrition::Members>| {
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::Incompatible { .. }), "{error:?}");
    };
    let one = activity.retention_of(&labelled(&[(1, start, Some("a"))]), Period::Week).unwrap();
    incompatible(one.members(&activity, "a", 0));
    let strangers = signed_up(&[(Some(1), Some(start)), (Some(9), Some(start))]);
    let one = activity.retention_of(&strangers, Period::Week).unwrap();
    assert_eq!(members(&one.members_of(&activity, &strangers, start, 0).unwrap()), [1]);
    incompatible(one.members(&activity, start, 0));
    incompatible(one.members_of(&activity, &signed_up(&[(Some(1), Some(start))]), start, 0));
    incompatible(activity.retention(Period::Week).unwrap().members_of(&activity, &strangers, start, 0));
}

#[test]
fn tables_and_options_can_be_stored() {
    let columns = CohortColumns::new("id").start("since").label("plan");
    let text = serde_json::to_string(&columns).unwrap();
    assert_eq!(serde_json::from_str::<CohortColumns>(&text).unwrap(), columns);
    for entry in [Entry::FirstPaid, Entry::EveryUse("ž".into()), Entry::ActiveDays { at_least: 2, within: 7 }] {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }
    let options = RetentionOptions::new(Period::Week)
        .age_by(AgeBy::Start)
        .brackets([1, 3, 4])
        .returning(Return::Feature("report".into()))
        .base(Base::Previous);
    let text = serde_json::to_string(&options).unwrap();
    assert_eq!(serde_json::from_str::<RetentionOptions>(&text).unwrap(), options);
}
