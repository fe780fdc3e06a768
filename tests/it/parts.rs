//! Activities in parts and in files: what is put together, taken apart or stored equals an ingestion of the same rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use attrition::polars::prelude::*;
use attrition::{Activity, Calendar, Date, Error, EventColumns, Period, SegmentColumns, Weekday, Window};
use proptest::prelude::*;

use super::log::{
    Event, Mapped, NO_ACCOUNT, Row, answers, builder, categorical, day, enum_of, event, expected_intake, expected_rows,
    frame, frame_with, id_text, ingest, intake_counts, message, rows, try_ingest,
};

/// The days of random events, and a few around them.
const DAYS: (i32, i32) = (19_700, 19_741);

fn config(cases: u32) -> ProptestConfig {
    // A file of past failures would have to be kept beside the sources; a failure prints its minimal case anyway.
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() }
}

/// An event of a few users in a few accounts, with nulls in every role. Values are quarters: their sums are exact.
fn any_event(features: u32) -> impl Strategy<Value = Event> {
    let user = prop::option::weighted(0.95, -3..12_i64);
    let day = prop::option::weighted(0.95, DAYS.0 + 1..DAYS.1);
    let account = prop::option::weighted(0.8, 0..4_i64);
    let feature = prop::option::weighted(0.9, 0..features);
    let value = prop::option::weighted(0.9, (-40..40_i32).prop_map(|quarters| f64::from(quarters) * 0.25));
    (user, day, account, feature, value).prop_map(|(user, day, account, feature, value)| Event {
        user,
        day,
        account,
        feature,
        value,
    })
}

/// A log with few features, or with more than a word holds.
fn any_log(rows: usize) -> impl Strategy<Value = Vec<Event>> {
    let few = prop::collection::vec(any_event(9), 0..rows);
    let many = prop::collection::vec(any_event(220), 0..rows * 4);
    prop_oneof![2 => few, 1 => many]
}

fn any_mapped() -> impl Strategy<Value = Mapped> {
    any::<(bool, bool, bool)>().prop_map(|(account, feature, value)| Mapped { account, feature, value })
}

/// Splits a log by the place of a part that each row is dealt to.
fn deal(events: &[Event], parts: usize, seed: u64) -> Vec<Vec<Event>> {
    let mut dealt = vec![Vec::new(); parts];
    for (row, event) in (0..).zip(events) {
        let scrambled = (seed ^ row).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        dealt[usize::try_from(scrambled).unwrap() % parts].push(event.clone());
    }
    dealt
}

fn check_same(left: &Activity, right: &Activity) {
    assert_eq!(answers(left), answers(right));
    assert_eq!(left.intake(), right.intake());
    assert_eq!(left, right);
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn reduction_is_what_counting_says(log in any_log(60), mapped in any_mapped(), from in 0..12, to in 20..41) {
        for between in [(DAYS.0, DAYS.1), (DAYS.0 + from, DAYS.0 + to)].map(Some) {
            let activity = ingest(&log, mapped, between);
            prop_assert_eq!(rows(&activity), expected_rows(&log, mapped, between));
            prop_assert_eq!(intake_counts(activity.intake()), expected_intake(&log, mapped, between));
        }
    }

    #[test]
    fn merged_parts_are_the_whole(log in any_log(50), mapped in any_mapped(), parts in 2..5_usize, seed: u64) {
        let whole = ingest(&log, mapped, Some(DAYS));
        let dealt: Vec<Activity> = deal(&log, parts, seed).iter().map(|part| ingest(part, mapped, Some(DAYS))).collect();
        let forward = dealt.iter().skip(1).fold(dealt[0].clone(), |all, part| all.merge(part).unwrap());
        let backward = dealt.iter().rev().skip(1).fold(dealt[parts - 1].clone(), |all, part| part.merge(&all).unwrap());
        let turned = dealt.iter().skip(1).fold(dealt[0].clone(), |all, part| part.merge(&all).unwrap());
        check_same(&forward, &whole);
        for other in [backward, turned] {
            prop_assert_eq!(&other, &whole);
            prop_assert_eq!(other.intake(), whole.intake());
        }
    }

    #[test]
    fn merging_joins_the_observations(left in any_log(20), right in any_log(20), mapped in any_mapped()) {
        // Without a named observation each part has its own, and a part without an event has none.
        let both = [left.clone(), right.clone()].concat();
        let parts = (try_ingest(&left, mapped, None), try_ingest(&right, mapped, None));
        match (parts, try_ingest(&both, mapped, None)) {
            ((Ok(left), Ok(right)), Ok(whole)) => check_same(&left.merge(&right).unwrap(), &whole),
            ((Err(Error::Empty { .. }), Ok(some)) | (Ok(some), Err(Error::Empty { .. })), Ok(whole)) => {
                prop_assert_eq!(some, whole);
            }
            ((Err(Error::Empty { .. }), Err(Error::Empty { .. })), Err(Error::Empty { rows, left_out })) => {
                prop_assert_eq!((rows, left_out), (both.len() as u64, both.len() as u64));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn appended_parts_are_the_whole(log in any_log(50), mapped in any_mapped(), parts in 2..6_usize, seed: u64) {
        let whole = ingest(&log, mapped, Some(DAYS));
        let dealt = deal(&log, parts, seed);
        let mut activity = ingest(&dealt[0], mapped, Some(DAYS));
        for part in &dealt[1..] {
            activity.append(&ingest(part, mapped, Some(DAYS))).unwrap();
        }
        check_same(&activity, &whole);
    }

    #[test]
    fn sums_of_any_values_agree(
        values in prop::collection::vec((0..6_i64, 0..9_i32, 1e-3..1e9_f64), 1..60),
        seed: u64,
    ) {
        let log: Vec<Event> = values.iter().map(|&(user, on, value)| Event {
            value: Some(value), account: Some(user % 2), ..event(user, DAYS.0 + on)
        }).collect();
        let mapped = Mapped { feature: false, ..Mapped::ALL };
        let expected = expected_rows(&log, mapped, None);
        let mut parts = deal(&log, 3, seed).into_iter().filter(|part| !part.is_empty());
        let mut appended = ingest(&parts.next().unwrap(), mapped, None);
        parts.for_each(|part| appended.append(&ingest(&part, mapped, None)).unwrap());
        let by_account = appended.by_account().unwrap();
        for activity in [&appended, &ingest(&log, mapped, None)] {
            for (row, expected) in rows(activity).iter().zip(&expected) {
                close(row.value.unwrap(), expected.value.unwrap());
            }
            close(activity.value().unwrap(), values.iter().map(|value| value.2).sum());
        }
        close(by_account.value().unwrap(), appended.value().unwrap());
    }

    #[test]
    fn a_past_day_is_known_as_it_was(log in any_log(60), mapped in any_mapped(), on in 0..=DAYS.1 - DAYS.0) {
        let last = DAYS.0 + on;
        let whole = ingest(&log, mapped, Some(DAYS));
        let known = whole.at(day(last)).unwrap();
        let expected = ingest(&log, mapped, Some((DAYS.0, last)));
        prop_assert_eq!(answers(&known), answers(&expected));
        prop_assert_eq!(&known, &expected);
        let (intake, then) = (known.intake(), expected.intake());
        prop_assert_eq!((intake.rows, intake.events, intake.after_window), (then.rows, then.events, then.after_window));
        prop_assert_eq!((intake.null_user, intake.null_time), (then.null_user, then.null_time));
        // A past day of a past day is that day.
        if on > 0 {
            let earlier = day(DAYS.0 + on / 2);
            prop_assert_eq!(known.at(earlier).unwrap(), whole.at(earlier).unwrap());
        }
    }

    #[test]
    fn accounts_are_the_sum_of_their_users(log in any_log(60), feature: bool, value: bool) {
        let mapped = Mapped { account: true, feature, value };
        let activity = ingest(&log, mapped, Some(DAYS));
        let kept = log.iter().filter(|event| event.user.is_some() && event.account.is_some());
        let as_users: Vec<Event> =
            kept.map(|event| Event { user: event.account, account: None, ..event.clone() }).collect();
        let expected = ingest(&as_users, Mapped { account: false, ..mapped }, Some(DAYS));
        let by_account = activity.by_account().unwrap();
        prop_assert_eq!(rows(&by_account), expected_rows(&as_users, Mapped { account: false, ..mapped }, Some(DAYS)));
        prop_assert_eq!(by_account.accounts(), None);
        prop_assert_eq!(Some(by_account.actors()), activity.accounts());
        prop_assert_eq!(by_account.intake(), activity.intake());
        prop_assert_eq!(by_account.features(), expected.features());
        prop_assert_eq!(answers(&by_account), answers(&expected));
    }

    #[test]
    fn segments_add_up(log in any_log(60), mapped in any_mapped(), seed: u64) {
        let activity = ingest(&log, mapped, Some(DAYS));
        let segment_of = |user: i64| match (seed >> (user + 3) & 1, user % 3) {
            _ if user > 9 => None,
            (0, 0) => None,
            (bit, rest) => Some(format!("s{bit}{rest}")),
        };
        // Users 8 and 9 are unknown to the frame, 10 and 11 have a null; user 50 was never active. A row twice is fine.
        let known: Vec<i64> = (-3..12).filter(|user| !(8..10).contains(user)).chain([50, 50, 1]).collect();
        let names: Vec<Option<String>> = known.iter().map(|&user| segment_of(user)).collect();
        let segments = df!("id" => &known, "plan" => &names).unwrap();
        let columns = SegmentColumns::new("id", "plan");
        let split = activity.split_by(&segments, &columns).unwrap();

        let mut expected: BTreeMap<(bool, Option<String>), Vec<Event>> = BTreeMap::new();
        for event in log.iter().filter(|event| event.day.is_some()) {
            if let Some(user) = event.user {
                let segment = segment_of(user).filter(|_| known.contains(&user));
                expected.entry((segment.is_none(), segment)).or_default().push(event.clone());
            }
        }
        let names: Vec<&Option<String>> = split.parts().iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names, expected.keys().map(|(_, name)| name).collect::<Vec<_>>());
        for ((_, name), events) in &expected {
            let part = split.part(name.as_deref()).unwrap();
            // It knows the features of the others too; but for these it is what an ingestion of its events is.
            prop_assert_eq!(part.features(), activity.features());
            let alone = ingest(events, mapped, Some(DAYS));
            prop_assert_eq!(rows(part), rows(&alone));
            prop_assert_eq!(&part.at(part.as_of()).unwrap(), &alone);
            if mapped.account {
                let accounts = part.by_account().unwrap();
                prop_assert_eq!(accounts.at(part.as_of()).unwrap(), alone.by_account().unwrap());
            }
            prop_assert_eq!(part.intake(), activity.intake());
            prop_assert_eq!(part, &activity.filter(&segments, &columns, name.as_deref()).unwrap());
        }
        prop_assert_eq!(split.part(Some("nobody")), None);
        let nobody = activity.filter(&segments, &columns, Some("nobody")).unwrap();
        prop_assert_eq!((nobody.actors(), nobody.features()), (0, activity.features()));
        let parts = split.into_iter().map(|(_, part)| part);
        let together = parts.reduce(|all, part| all.merge(&part).unwrap());
        prop_assert_eq!(together, (activity.actors() > 0).then_some(activity));
    }

    #[test]
    fn stored_activities_come_back(log in any_log(60), mapped in any_mapped(), types in (0..11_usize, 0..11_usize)) {
        let names: Vec<String> = (0..12).map(id_text).collect();
        let (user, account) = (id_type(types.0, &names), id_type(types.1, &names));
        let log: Vec<Event> = log.into_iter().map(|event| Event { user: event.user.map(i64::abs), ..event }).collect();
        let mut builder = builder(mapped, Some(DAYS));
        builder.push(&frame_with(&log, &user, &account)).unwrap();
        check_round_trip(&builder.finish().unwrap(), &scratch("stored"));
    }
}

/// Equal but for the rounding of sums.
#[track_caller]
fn close(left: f64, right: f64) {
    assert!((left - right).abs() <= 1e-9 * left.abs().max(right.abs()), "{left} {right}");
}

fn id_type(number: usize, names: &[String]) -> DataType {
    use DataType::{Int8, Int16, Int32, Int64, String, UInt8, UInt16, UInt32, UInt64};
    let enums = enum_of(names.iter().map(std::string::String::as_str));
    [Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, String, categorical(), enums][number].clone()
}

fn check_round_trip(activity: &Activity, path: &Path) {
    activity.save(path).unwrap();
    let loaded = Activity::load(path).unwrap();
    assert_eq!(loaded, *activity);
    assert_eq!((loaded.calendar(), loaded.intake()), (activity.calendar(), activity.intake()));
    assert_eq!(loaded.features(), activity.features());
    assert_eq!(loaded.to_string(), activity.to_string());
    assert!(loaded.to_frame().unwrap().equals_missing(&activity.to_frame().unwrap()));
    assert_eq!(loaded.to_frame().unwrap().schema(), activity.to_frame().unwrap().schema());
    fs::remove_file(path).unwrap();
}

/// A folder that is not there yet, for a test of this name.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("parts-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn scratch(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("parts-{test}-{}", std::process::id()))
}

// ---- Appending to a long log ----

/// A log of some hundred active days, most of them in accounts.
fn long_log() -> Vec<Event> {
    let event = |row: i64| {
        let scrambled = row * 7_919 % 10_007;
        Event {
            user: Some(scrambled % 31),
            day: Some(DAYS.0 + (scrambled / 31 % 40) as i32),
            account: (row % 5 > 0).then_some(scrambled % 3),
            feature: Some((scrambled % 80) as u32),
            value: Some((scrambled % 17 - 8) as f64 * 0.25),
        }
    };
    (0..600).map(event).collect()
}

/// Whether events wait beside the table. It must make no difference, so only the debug form tells.
fn has_recent(activity: &Activity) -> bool {
    format!("{activity:?}").contains("recent: Some")
}

/// Everything that can be asked, with and without a detour.
fn check_all_queries(appended: &Activity, whole: &Activity, mapped: Mapped) {
    check_same(appended, whole);
    let middle = day(DAYS.0 + 20);
    check_same(&appended.at(middle).unwrap(), &whole.at(middle).unwrap());
    check_same(&appended.at(appended.as_of()).unwrap(), &whole.at(whole.as_of()).unwrap());
    if mapped.account {
        check_same(&appended.by_account().unwrap(), &whole.by_account().unwrap());
    } else {
        assert!(matches!(appended.by_account(), Err(Error::NotMapped { column: "account" })));
    }
    let segments = df!("id" => [1_i64, 2, 77, 103], "plan" => ["a", "b", "a", "b"]).unwrap();
    let columns = SegmentColumns::new("id", "plan");
    let (split, expected) = (appended.split_by(&segments, &columns), whole.split_by(&segments, &columns));
    assert_eq!(split.unwrap(), expected.unwrap());
    assert_eq!(appended.filter(&segments, &columns, Some("a")).unwrap().actors(), {
        whole.filter(&segments, &columns, Some("a")).unwrap().actors()
    });
    let (stickiness, expected) = (appended.stickiness(attrition::StickinessOptions::new()), whole);
    assert_eq!(stickiness.unwrap(), expected.stickiness(attrition::StickinessOptions::new()).unwrap());
    assert_eq!(appended.to_string(), whole.to_string());
    // Members are those of a triangle of the other, and the other way round.
    let triangle = whole.retention(Period::Week).unwrap();
    let cohort = triangle.cohorts()[0].span.start;
    let members = triangle.members(appended, cohort, 1).unwrap();
    assert_eq!(members, triangle.members(whole, cohort, 1).unwrap());
    assert_eq!(whole.merge(appended).unwrap(), whole.merge(whole).unwrap());
}

#[test]
fn many_small_appends_onto_a_long_log() {
    let base = long_log();
    let known = |event: &Event| Event { feature: Some(event.feature.unwrap() % 80), ..event.clone() };
    // New users, a new account, late events for days long past, a row on a day that is there, later days.
    let steps: Vec<Vec<Event>> = vec![
        vec![Event { feature: Some(3), account: Some(1), value: Some(0.5), ..event(4, DAYS.0 + 40) }],
        vec![known(&base[7]), known(&base[7])],
        vec![Event { feature: Some(79), ..event(77, DAYS.0) }],
        vec![Event { account: Some(2), feature: Some(70), ..event(-5, DAYS.0 + 1) }, event(77, DAYS.0 + 41)],
        vec![],
        vec![Event { account: Some(9), value: Some(2.0), ..event(77, DAYS.0) }, event(0, DAYS.0 + 3)],
        vec![Event { user: None, ..event(0, DAYS.0) }, Event { day: None, ..event(0, 0) }],
        (0..9)
            .map(|row| Event { account: Some(i64::from(row) % 4), ..event(100 + i64::from(row) % 5, DAYS.0 + row * 4) })
            .collect(),
        (0..9).map(|row| Event { feature: Some(row), ..event(i64::from(row), DAYS.0 + 12) }).collect(),
        (0..30).map(|row| event(200 + i64::from(row), DAYS.0 + row)).collect(),
        vec![event(230, DAYS.1 + 1)],
        vec![Event { feature: Some(150), account: Some(-1), ..event(3, DAYS.0 + 3) }],
        vec![Event { feature: Some(0), ..event(5, DAYS.0 - 9) }],
    ];
    for mapped in Mapped::each() {
        let mut log = base.clone();
        let mut appended = ingest(&base, mapped, None);
        let (mut beside, mut worked_in) = (0, 0);
        for step in &steps {
            let had_recent = has_recent(&appended);
            log.extend_from_slice(step);
            let observed = (appended.observed_from(), appended.as_of());
            let days = step.iter().filter_map(|event| event.day).map(day);
            let between = (
                days.clone().min().unwrap_or(observed.0).days_since_epoch(),
                days.max().unwrap_or(observed.1).days_since_epoch(),
            );
            appended.append(&ingest(step, mapped, Some(between))).unwrap();
            check_all_queries(&appended, &ingest(&log, mapped, None), mapped);
            beside += usize::from(has_recent(&appended));
            worked_in += usize::from(had_recent && !has_recent(&appended));
        }
        assert!(beside >= 5 && worked_in >= 1, "{mapped:?}: {beside} beside, {worked_in} worked in");
        check_round_trip(&appended, &scratch("appended"));
    }
}

#[test]
fn a_copy_is_not_touched_by_appends_to_the_other() {
    let whole = ingest(&long_log(), Mapped::ALL, None);
    let mut copy = whole.clone();
    copy.append(&ingest(&[event(500, DAYS.0)], Mapped::ALL, None)).unwrap();
    let beside = copy.clone();
    copy.append(&ingest(&[event(501, DAYS.0)], Mapped::ALL, None)).unwrap();
    assert_eq!((whole.actors() + 1, whole.actors() + 2), (beside.actors(), copy.actors()));
    assert_eq!(whole, ingest(&long_log(), Mapped::ALL, None));
    assert_ne!(beside, copy);
}

#[test]
fn appending_what_waits_elsewhere() {
    // Both sides have recent events, and an activity is appended to itself.
    let (mut left, mut right) = (ingest(&long_log(), Mapped::ALL, None), ingest(&long_log(), Mapped::ALL, None));
    let more = [event(900, DAYS.0), Event { account: Some(50), ..event(2, DAYS.0 + 2) }];
    left.append(&ingest(&more[..1], Mapped::ALL, None)).unwrap();
    right.append(&ingest(&more[1..], Mapped::ALL, None)).unwrap();
    assert!(has_recent(&left) && has_recent(&right));
    let log = [long_log(), long_log(), more.to_vec()].concat();
    let whole = ingest(&log, Mapped::ALL, None);
    check_same(&left.merge(&right).unwrap(), &whole);
    left.append(&right).unwrap();
    check_same(&left, &whole);
    let copy = left.clone();
    left.append(&copy).unwrap();
    check_same(&left, &ingest(&[log.clone(), log].concat(), Mapped::ALL, None));
}

#[test]
fn a_past_day_outside_the_observation_is_refused() {
    let activity = ingest(&long_log(), Mapped::ALL, Some(DAYS));
    for outside in [DAYS.0 - 1, DAYS.1 + 1] {
        let error = activity.at(day(outside)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "as_of", .. }), "{error:?}");
        message(&error);
    }
    assert_eq!(activity.at(day(DAYS.1)).unwrap(), activity);
    assert_eq!(activity.at(day(DAYS.0)).unwrap().as_of(), day(DAYS.0));
}

// ---- Limits of counts ----

/// An activity whose only row has 2^31 events.
fn half_full(event: &Event) -> Activity {
    let mut activity = ingest(std::slice::from_ref(event), Mapped::NONE, None);
    for _ in 0..31 {
        activity = activity.merge(&activity).unwrap();
    }
    assert_eq!(activity.events(), 1 << 31);
    activity
}

#[test]
fn too_many_events_of_a_day_are_refused() {
    let half = half_full(&event(1, DAYS.0));
    assert!(matches!(half.merge(&half), Err(Error::TooLarge { .. })));
    let mut appended = half.clone();
    assert!(matches!(appended.append(&half), Err(Error::TooLarge { .. })));
    assert_eq!(appended, half, "a failed append leaves the activity as it was");
}

#[test]
fn too_many_events_of_a_day_are_refused_beside_a_long_log() {
    let half = half_full(&event(1, DAYS.0));
    let others: Vec<Event> = (0..40).map(|user| event(user, DAYS.0 + 1)).collect();
    let mut appended = half.merge(&ingest(&others, Mapped::NONE, None)).unwrap();
    let before = appended.clone();
    let result = appended.append(&half);
    assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}, then {} events", appended.events());
    assert_eq!(appended, before);
}

#[test]
fn too_many_events_of_an_account_are_refused() {
    let mapped = Mapped { account: true, ..Mapped::NONE };
    let in_account = |user| {
        let mut one = ingest(&[Event { account: Some(1), ..event(user, DAYS.0) }], mapped, None);
        (0..31).for_each(|_| one = one.merge(&one).unwrap());
        one
    };
    let both = in_account(1).merge(&in_account(2)).unwrap();
    assert_eq!(both.events(), 1 << 32);
    assert!(matches!(both.by_account(), Err(Error::TooLarge { .. })));
}

// ---- What does not go together ----

#[test]
fn activities_that_differ_in_kind_are_not_put_together() {
    let log = [Event { account: Some(1), feature: Some(1), value: Some(1.0), ..event(1, DAYS.0) }];
    let whole = ingest(&log, Mapped::ALL, None);
    let typed = |user: DataType, account: DataType| {
        let frame = frame_with(&log, &user, &account);
        Activity::from_frame(&frame, &Mapped::ALL.columns(), &Calendar::utc()).unwrap()
    };
    let in_calendar = |calendar| Activity::from_frame(&frame(&log), &Mapped::ALL.columns(), &calendar).unwrap();
    let mut others: Vec<Activity> =
        Mapped::each().filter(|&mapped| mapped != Mapped::ALL).map(|mapped| ingest(&log, mapped, None)).collect();
    others.extend([
        typed(DataType::Int32, DataType::Int64),
        typed(DataType::UInt64, DataType::Int64),
        typed(DataType::String, DataType::Int64),
        typed(DataType::Int64, DataType::UInt8),
        typed(DataType::Int64, DataType::String),
        in_calendar(Calendar::new("Europe/Vilnius").unwrap()),
        in_calendar(Calendar::utc().week_starts(Weekday::Sun)),
        whole.by_account().unwrap(),
    ]);
    for other in others {
        let mut appended = whole.clone();
        for result in [whole.merge(&other).map(|_| ()), other.merge(&whole).map(|_| ()), appended.append(&other)] {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Incompatible { .. }), "{error:?}");
            message(&error);
        }
        assert_eq!(appended, whole);
        assert_eq!(appended.intake(), whole.intake());
    }
    // Kinds of text are one type.
    let text = typed(DataType::String, DataType::String);
    assert_eq!(text.merge(&typed(categorical(), enum_of(["u00001"]))).unwrap().events(), 2);
}

// ---- Segments ----

#[test]
fn integers_of_any_width_find_their_actors() {
    let log = [event(1, DAYS.0), event(2, DAYS.0), event(100, DAYS.0)];
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    let types = [Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64];
    let columns = SegmentColumns::new("id", "plan");
    for of_log in &types {
        let frame = frame_with(&log, of_log, &DataType::Int64);
        let activity = Activity::from_frame(&frame, &Mapped::NONE.columns(), &Calendar::utc()).unwrap();
        for of_frame in &types {
            let mut segments = df!("id" => [Some(2_i64), Some(100), None], "plan" => ["b", "a", "x"]).unwrap();
            segments.apply("id", |id| id.cast(of_frame).unwrap()).unwrap();
            let split = activity.split_by(&segments, &columns).unwrap();
            let names: Vec<_> = split.parts().iter().map(|(name, part)| (name.as_deref(), part.actors())).collect();
            assert_eq!(names, [(Some("a"), 1), (Some("b"), 1), (None, 1)], "{of_log} {of_frame}");
        }
        // What no id of the log can be is an actor that was never active.
        let beyond = df!("id" => [-1_i64, i64::MIN, i64::MAX], "plan" => ["a", "b", "c"]).unwrap();
        let split = activity.split_by(&beyond, &columns).unwrap();
        assert_eq!(split.parts().len(), 1, "{of_log}");
        let beyond = df!("id" => [u64::MAX], "plan" => ["a"]).unwrap();
        assert_eq!(activity.split_by(&beyond, &columns).unwrap().parts().len(), 1, "{of_log}");
    }
}

#[test]
fn kinds_of_text_find_their_actors() {
    let log: Vec<Event> = (0..4).map(|user| event(user, DAYS.0)).collect();
    let names: Vec<String> = (0..4).map(id_text).collect();
    let types = [DataType::String, categorical(), enum_of(names.iter().map(String::as_str))];
    for of_log in &types {
        let frame = frame_with(&log, of_log, &DataType::Int64);
        let activity = Activity::from_frame(&frame, &Mapped::NONE.columns(), &Calendar::utc()).unwrap();
        for of_frame in &types {
            let mut segments = df!("id" => [names[3].as_str(), &names[1]], "plan" => [false, true]).unwrap();
            segments.apply("id", |id| id.cast(of_frame).unwrap()).unwrap();
            let split = activity.split_by(&segments, &SegmentColumns::new("id", "plan")).unwrap();
            let parts: Vec<_> = split.parts().iter().map(|(name, part)| (name.as_deref(), part.actors())).collect();
            assert_eq!(parts, [(Some("false"), 1), (Some("true"), 1), (None, 2)]);
        }
    }
}

#[test]
fn an_actor_has_one_segment() {
    let activity = ingest(&long_log(), Mapped::ALL, None);
    let columns = SegmentColumns::new("id", "plan");
    let split = |ids: &[Option<i64>], plans: &[Option<&str>]| {
        let segments = df!("id" => ids, "plan" => plans).unwrap();
        let split = activity.split_by(&segments, &columns);
        assert_eq!(split.is_ok(), activity.filter(&segments, &columns, Some("a")).is_ok());
        split
    };
    let error = split(&[Some(3), Some(4), Some(3)], &[Some("a"), Some("b"), Some("b")]).unwrap_err();
    let Error::TwoSegments { actor, first, second } = &error else { panic!("{error:?}") };
    assert_eq!((actor.as_str(), first.as_str(), second.as_str()), ("3", "a", "b"));
    message(&error);
    // A row without a segment, the same twice, a null actor and an unknown one contradict nobody.
    assert_eq!(split(&[Some(3), Some(3)], &[Some("a"), None]).unwrap().part(Some("a")).unwrap().actors(), 1);
    split(&[Some(3), Some(3)], &[Some("a"), Some("a")]).unwrap();
    split(&[None, None, Some(4_000), Some(4_000)], &[Some("a"), Some("b"), Some("a"), Some("b")]).unwrap();
    let whole = split(&[], &[]).unwrap();
    assert_eq!(whole.parts().len(), 1);
    assert_eq!(whole.part(None), Some(&activity));
    // Segments named like nothing are segments all the same.
    let odd = split(&[Some(1), Some(2), Some(3)], &[Some(""), Some("null"), None]).unwrap();
    let names: Vec<_> = odd.parts().iter().map(|(name, _)| name.as_deref()).collect();
    assert_eq!(names, [Some(""), Some("null"), None]);
}

#[test]
fn segments_of_accounts() {
    let accounts = ingest(&long_log(), Mapped::ALL, None).by_account().unwrap();
    let segments = df!("id" => [0_i64, 2], "plan" => ["a", "b"]).unwrap();
    let split = accounts.split_by(&segments, &SegmentColumns::new("id", "plan")).unwrap();
    assert_eq!(split.parts().len(), 3);
    let of: Vec<Row> = rows(&accounts).into_iter().filter(|row| row.actor == 2).collect();
    assert_eq!(rows(split.part(Some("b")).unwrap()), of);
    assert!(of.iter().all(|row| row.account == NO_ACCOUNT));
}

// ---- Files ----

#[test]
fn every_kind_of_activity_can_be_stored() {
    let folder = folder("kinds");
    let names: Vec<String> = (0..128).map(id_text).collect();
    let log: Vec<Event> = long_log().into_iter().step_by(12).collect();
    for number in 0..11 {
        let dtype = id_type(number, &names);
        for mapped in Mapped::each() {
            // Empty ones too, and ones in which what is mapped never occurs.
            let bare: Vec<Event> = (0..3).map(|user| event(user, DAYS.0)).collect();
            for log in [&log[..], &log[..1], &bare, &[]] {
                let mut builder = builder(mapped, Some(DAYS));
                builder.push(&frame_with(log, &dtype, &dtype)).unwrap();
                check_round_trip(&builder.finish().unwrap(), &folder.join("a"));
            }
        }
    }
    let ids = df!("user" => ["ž", "", "a\0b", " ", "a"], "time" => [1_i32, 2, 3, 4, 5]).unwrap();
    let ids = ids.lazy().with_column(col("time").cast(DataType::Date));
    let calendar = Calendar::new("Pacific/Chatham").unwrap().week_starts(Weekday::Sat);
    let activity = Activity::from_lazy(ids, &EventColumns::new("user", "time"), &calendar).unwrap();
    check_round_trip(&activity, &folder.join("name with spaces and ž.parquet"));
    check_round_trip(&activity.at(date_of(3)).unwrap(), &folder.join("b"));
    fs::remove_dir_all(folder).unwrap();
}

fn date_of(number: i32) -> Date {
    day(number)
}

/// A small activity in a file; with features, of which there are more than a word holds.
fn stored(folder: &Path, mapped: Mapped) -> (Activity, PathBuf, Vec<u8>) {
    let log = (0..).zip(long_log()).take(90).map(|(row, event)| Event { feature: Some(row % 70), ..event });
    let activity = ingest(&log.collect::<Vec<_>>(), mapped, None);
    assert!(activity.features().len() > 64 || !mapped.feature);
    let path = folder.join("activity.parquet");
    activity.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    (activity, path, bytes)
}

/// Whether loading refuses a damaged file, with the documented errors; it may also find the same activity.
fn is_refused(path: &Path, activity: &Activity) -> Result<bool, String> {
    match Activity::load(path) {
        Ok(loaded) if loaded == *activity && loaded.intake() == activity.intake() => Ok(false),
        Ok(loaded) => Err(format!("another activity: {}", loaded.to_string().replace('\n', " "))),
        Err(error @ (Error::Foreign { .. } | Error::File { .. })) => {
            let message = message(&error);
            assert!(message.contains(path.to_str().unwrap()), "{message}");
            Ok(true)
        }
        Err(error) => Err(format!("{error:?}")),
    }
}

#[test]
fn files_that_are_no_activities() {
    let folder = folder("foreign");
    let (activity, path, _) = stored(&folder, Mapped::ALL);
    let missing = Activity::load(folder.join("nothing")).unwrap_err();
    assert!(
        matches!(&missing, Error::File { path, source } if path.ends_with("nothing") && source.kind() == std::io::ErrorKind::NotFound)
    );
    message(&missing);
    is_refused(&folder, &activity).unwrap();

    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        let error = Activity::load(&path).unwrap_err();
        assert!(matches!(&error, Error::Foreign { path: named, .. } if *named == path), "{name}: {error:?}");
        message(&error);
    };
    write("empty", b"");
    write("text", b"user,day\nann,2024-01-01\n");
    write("magic", b"PAR1");
    write("magic twice", b"PAR1PAR1");
    write("long lie", &[b"PAR1", &[0xFF; 60][..], &u32::MAX.to_le_bytes(), b"PAR1"].concat());

    // Other Parquet files: of any columns, of the very columns, and with the key but another content.
    let parquet = |frame: &mut DataFrame, header: Option<&str>| {
        let metadata = header
            .map(|header| KeyValueMetadata::from_static(vec![("attrition.activity".to_owned(), header.to_owned())]));
        let file = fs::File::create(&path).unwrap();
        ParquetWriter::new(file).with_key_value_metadata(metadata).finish(frame).unwrap();
        let error = Activity::load(&path).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
        message(&error)
    };
    let mut other = df!("a" => [1, 2], "b" => ["x", "y"]).unwrap();
    parquet(&mut other, None);
    parquet(&mut activity.to_frame().unwrap(), None);
    for header in ["", "{}", "null", "{\"format\":1}", "{\"format\":0}", "not json"] {
        parquet(&mut other, Some(header));
    }
    // The same with a seal that holds, so that it is the header that is refused.
    for header in [
        "{\"seal\":\"0000000000000000\"}",
        "{\"format\":1,\"seal\":\"0000000000000000\"}",
        "not json \"seal\":\"0000000000000000\"",
    ] {
        parquet(&mut other, Some(header));
        let mut bytes = fs::read(&path).unwrap();
        let text = b"\"seal\":\"";
        let seal = bytes.windows(text.len()).rposition(|window| window == text).unwrap() + text.len();
        let digits = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&bytes));
        bytes[seal..seal + 16].copy_from_slice(digits.as_bytes());
        fs::write(&path, bytes).unwrap();
        let error = message(&Activity::load(&path).unwrap_err());
        assert!(error.contains("its header"), "{error}");
    }
    // A later version of the format, sealed as it should be.
    let (_, path, mut bytes) = stored(&folder, Mapped::ALL);
    let place =
        |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).rposition(|window| window == text).unwrap() + text.len();
    let format = place(&bytes, b"\"format\":");
    bytes[format] = b'3';
    let seal = place(&bytes, b"\"seal\":\"");
    bytes[seal..seal + 16].copy_from_slice(b"0000000000000000");
    let digits = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&bytes));
    bytes[seal..seal + 16].copy_from_slice(digits.as_bytes());
    fs::write(&path, bytes).unwrap();
    let later = message(&Activity::load(&path).unwrap_err());
    assert!(later.contains("format 3"), "{later}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn truncated_files() {
    let folder = folder("truncated");
    let (activity, path, bytes) = stored(&folder, Mapped::ALL);
    let ends = (0..bytes.len()).step_by(3).chain(bytes.len() - 20..bytes.len());
    for end in ends {
        fs::write(&path, &bytes[..end]).unwrap();
        assert_eq!(is_refused(&path, &activity), Ok(true), "{end} bytes of {}", bytes.len());
    }
    // Half a file over the old one, and something behind it.
    fs::write(&path, [&bytes[..bytes.len() / 2], &vec![0; bytes.len() / 2]].concat()).unwrap();
    assert_eq!(is_refused(&path, &activity), Ok(true), "zeros");
    fs::write(&path, [&bytes[..], b"more"].concat()).unwrap();
    assert_eq!(is_refused(&path, &activity), Ok(true), "a tail");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn files_with_any_flipped_bit() {
    let folder = folder("flipped");
    let (activity, path, bytes) = stored(&folder, Mapped::ALL);
    for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << bit;
        fs::write(&path, damaged).unwrap();
        assert_eq!(is_refused(&path, &activity), Ok(true), "bit {bit} of byte {at} of {}", bytes.len());
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let folder = folder("failed");
    let (activity, path, bytes) = stored(&folder, Mapped::ALL);
    let other = ingest(&[event(1, 1)], Mapped::NONE, None);
    // The names that the new file may be written under are taken by folders, which nothing can be written to.
    let names = (0..1_000).map(|number| format!(".activity.parquet.{}.{number}.part", std::process::id()));
    let taken: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    taken.iter().for_each(|taken| fs::create_dir(taken).unwrap());
    let error = other.save(&path).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    message(&error);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(Activity::load(&path).unwrap(), activity);
    taken.iter().for_each(|taken| fs::remove_dir(taken).unwrap());

    // A place that cannot be taken: nothing is left lying about.
    let occupied = folder.join("occupied");
    fs::create_dir_all(occupied.join("inner")).unwrap();
    for place in [occupied.clone(), folder.join("no/such/folder/a"), PathBuf::new()] {
        let error = other.save(&place).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{place:?}: {error:?}");
    }
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    // And a save that succeeds replaces the old file.
    other.save(&path).unwrap();
    assert_eq!(Activity::load(&path).unwrap(), other);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn readers_never_see_half_a_file() {
    let folder = folder("at-once");
    let (activity, path, _) = stored(&folder, Mapped::ALL);
    let other = ingest(&long_log(), Mapped::NONE, None);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers = [&activity, &other].map(|activity| {
            scope.spawn(|| (0..40).map(|_| activity.save(&path)).find(Result::is_err).unwrap_or(Ok(())))
        });
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let loaded = Activity::load(&path);
                assert!(loaded.as_ref().is_ok_and(|loaded| *loaded == activity || *loaded == other), "{loaded:?}");
            }
        });
        let written = writers.map(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        written.into_iter().for_each(|written| written.unwrap());
    });
    fs::remove_dir_all(folder).unwrap();
}

/// See the README beside the file.
#[test]
fn files_of_an_earlier_format_are_read() {
    let log = (0..40).zip(long_log()).map(|(row, event)| Event { feature: Some(row * 2), ..event });
    let expected = ingest(&log.collect::<Vec<_>>(), Mapped::ALL, Some((DAYS.0 - 3, DAYS.1)));
    let loaded = Activity::load(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/activity-format-1.parquet"));
    check_same(&loaded.unwrap(), &expected);
}

#[test]
fn a_loaded_activity_is_as_good_as_new() {
    let folder = folder("reused");
    let path = folder.join("a");
    let log = long_log();
    ingest(&log[..500], Mapped::ALL, None).save(&path).unwrap();
    let mut loaded = Activity::load(&path).unwrap();
    loaded.append(&ingest(&log[500..510], Mapped::ALL, None)).unwrap();
    loaded.save(&path).unwrap();
    let mut loaded = Activity::load(&path).unwrap();
    assert!(!has_recent(&loaded));
    loaded.append(&ingest(&log[510..], Mapped::ALL, None)).unwrap();
    check_all_queries(&loaded, &ingest(&log, Mapped::ALL, None), Mapped::ALL);
    let window = [Window::Days(7)];
    assert_eq!(loaded.active_users(window).unwrap(), ingest(&log, Mapped::ALL, None).active_users(window).unwrap());
    fs::remove_dir_all(folder).unwrap();
}
