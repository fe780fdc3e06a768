//! Questions asked of every segment: the parts add up to the whole, and the frame, the names and the order are as told.

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{
    ActiveUsers, ActiveUsersOptions, Activity, AdoptionOptions, BreadthOptions, CohortColumns, CohortKey, Cohorts,
    Comparison, ComparisonOptions, Criterion, DailyStates, DailyStatesOptions, EntriesLeftOut, Entry, Error, LeftOut,
    Lifecycle, LifecycleOptions, NaiveComparison, Participation, ParticipationColumns, Period, PowerCurve,
    ProgrammeImpact, ProgrammeImpactOptions, Retention, RetentionOptions, Return, SegmentColumns, Segmented, Split,
    Stickiness, StickinessOptions, ToFrame, Window,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::{Event, Mapped, event, feature_text, ingest, message};
use super::properties::{both, logs};

const CRITERIA: [Criterion; 4] = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];

/// Divides by a list of users and segments.
fn split(activity: &Activity, users: &[i64], segments: &[Option<String>]) -> Split {
    let frame = df!("id" => users, "segment" => segments).unwrap();
    activity.split_by(&frame, &SegmentColumns::new("id", "segment")).unwrap()
}

/// A frame as it should divide: columns that are the same in every part, columns that add up, and all others.
struct Columns<'a> {
    same: &'a [&'a str],
    additive: &'a [&'a str],
    others: &'a [&'a str],
}

fn counts(frame: &DataFrame, column: &str) -> Vec<Option<u64>> {
    let column = frame.column(column).unwrap().strict_cast(&DataType::UInt64).unwrap();
    column.u64().unwrap().iter().collect()
}

fn series<'a>(frame: &'a DataFrame, column: &str) -> &'a Series {
    frame.column(column).unwrap().as_materialized_series()
}

/// Every count of the whole is the sum of those of the parts, null where they are null.
fn adds_up(whole: &DataFrame, segmented: &DataFrame, names: &[Option<&str>], columns: &Columns<'_>) {
    let Columns { same, additive, others } = columns;
    let all: BTreeSet<&str> = same.iter().chain(*additive).chain(*others).copied().collect();
    let of_whole: Vec<&str> = whole.get_column_names().into_iter().map(|name| name.as_str()).collect();
    assert_eq!(of_whole.iter().copied().collect::<BTreeSet<_>>(), all);
    assert_eq!(segmented.get_column_names(), [&["segment"], &of_whole[..]].concat());
    assert_eq!(segmented.height(), names.len() * whole.height());
    let part = |place: usize| segmented.slice((place * whole.height()) as i64, whole.height());
    for (place, name) in names.iter().enumerate() {
        let part = part(place);
        let segments = part.column("segment").unwrap().str().unwrap().clone();
        assert!(segments.iter().all(|segment| segment == *name), "{name:?}");
        for column in *same {
            assert!(series(&part, column).equals_missing(series(whole, column)), "{column} of {name:?}");
        }
        for column in of_whole.iter() {
            assert_eq!(series(&part, column).dtype(), series(whole, column).dtype(), "{column}");
        }
    }
    for column in *additive {
        let mut sums = vec![None; whole.height()];
        for place in 0..names.len() {
            let counts = counts(&part(place), column);
            if place == 0 {
                sums = counts;
                continue;
            }
            for (row, (sum, count)) in sums.iter_mut().zip(counts).enumerate() {
                assert_eq!(sum.is_some(), count.is_some(), "{column} in row {row}");
                *sum = sum.zip(count).map(|(sum, count)| sum + count);
            }
        }
        assert_eq!(sums, counts(whole, column), "{column}");
    }
}

/// Asks the whole and the parts, and holds the frames against each other.
fn check<A: ToFrame + PartialEq + std::fmt::Debug>(
    (activity, split): (&Activity, &Split),
    question: impl Fn(&Activity) -> attrition::Result<A>,
    columns: &Columns<'_>,
) {
    check_with((activity, split), question, A::to_frame, columns);
}

fn check_with<A: PartialEq + std::fmt::Debug>(
    (activity, split): (&Activity, &Split),
    question: impl Fn(&Activity) -> attrition::Result<A>,
    frame: impl Fn(&A) -> attrition::Result<DataFrame>,
    columns: &Columns<'_>,
) {
    let answers = split.each(&question).unwrap();
    let names: Vec<Option<&str>> = answers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, split.parts().iter().map(|(name, _)| name.as_deref()).collect::<Vec<_>>());
    for name in &names {
        assert_eq!(answers.get(*name), Some(&question(split.part(*name).unwrap()).unwrap()));
    }
    let whole = frame(&question(activity).unwrap()).unwrap();
    adds_up(&whole, &answers.to_frame_with(frame).unwrap(), &names, columns);
}

/// Entries of a table, by period and by label, those of people who were never active too.
fn entries_add_up(activity: &Activity, split: &Split, table: &DataFrame) {
    let read = |columns: CohortColumns| Cohorts::from_frame(table, &columns).unwrap();
    let asked = || CohortColumns::new("user");
    let tables = [asked().start("day"), asked().start("day").label("label"), asked().label("label")].map(read);
    let tables = [false, true, true].into_iter().zip(&tables);
    for ((by_label, cohorts), criterion) in tables.flat_map(|table| CRITERIA.map(|criterion| (table, criterion))) {
        let options = RetentionOptions::new(Period::Week).criterion(criterion).horizon(9);
        let question = |part: &Activity, cohorts: &Cohorts| part.retention_of(cohorts, options.clone());
        let whole = question(activity, cohorts).unwrap();
        let triangles = split.each_of(cohorts, question).unwrap();
        let entries = split.each_of(cohorts, |_, cohorts| Ok(*cohorts.intake())).unwrap();
        let sum = |count: fn(&attrition::CohortIntake) -> u64| entries.iter().map(|(_, one)| count(one)).sum::<u64>();
        assert_eq!(sum(|one| one.entries), cohorts.intake().entries);
        assert_eq!(sum(|one| one.actors), cohorts.intake().actors);
        let left_out = |count: fn(&EntriesLeftOut) -> u64| {
            let of_parts: u64 = triangles.iter().map(|(_, one)| count(one.left_out())).sum();
            assert_eq!(of_parts, count(whole.left_out()));
        };
        left_out(|one| one.before_observation);
        left_out(|one| one.after_observation);
        left_out(|one| one.never_active);
        for (row, cohort) in whole.cohorts().iter().enumerate() {
            let of_parts = || triangles.iter().map(|(_, one)| &one.cohorts()[row]);
            assert!(of_parts().all(|one| one.label == cohort.label));
            assert_eq!(of_parts().map(|one| one.size).sum::<u64>(), cohort.size);
            let label = CohortKey::Label(cohort.label.as_deref());
            let key = if by_label { label } else { CohortKey::Day(cohort.span.start) };
            for age in 0..=9 {
                let count = |one: &Retention| {
                    one.cell(key, age).map_or((0, 0), |cell| (cell.so_far.unwrap_or(0), cell.eligible.unwrap_or(0)))
                };
                let sums =
                    triangles.iter().map(|(_, one)| count(one)).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
                assert_eq!(sums, count(&whole), "{key} at {age}");
            }
        }
        let names: Vec<Option<&str>> = triangles.iter().map(|(name, _)| name).collect();
        assert!(names.is_sorted_by_key(|name| (name.is_none(), *name)));
        assert!(split.parts().iter().all(|(name, _)| names.contains(&name.as_deref())));
        if !by_label {
            let frame = triangles.to_frame().unwrap();
            adds_up(
                &whole.to_frame().unwrap(),
                &frame,
                &names,
                &Columns {
                    same: &["cohort", "cohort_coverage", "age", "age_from", "age_to", "coverage"],
                    additive: &["size", "so_far", "active", "eligible", "base"],
                    others: &["rate", "lower", "upper"],
                },
            );
        }
    }
}

/// Every analysis that counts people or days.
fn all_add_up(both: (&Activity, &Split)) {
    let (activity, split) = both;
    let windows = || [1, 3, 7, 30].map(Window::Days).into_iter().chain(Period::ALL.map(Window::Calendar));
    check(
        both,
        |part| part.active_users(ActiveUsersOptions::new(windows())),
        &Columns { same: &["window", "start", "end", "coverage"], additive: &["active"], others: &[] },
    );
    check(
        both,
        |part| part.stickiness(StickinessOptions::new()),
        &Columns {
            same: &["date", "wau_coverage", "mau_coverage"],
            additive: &["dau", "wau", "mau"],
            others: &["dau_per_wau", "dau_per_mau", "wau_per_mau"],
        },
    );
    check_with(
        both,
        |part| part.stickiness(StickinessOptions::new()),
        Stickiness::months_to_frame,
        &Columns {
            same: &["month", "days", "coverage"],
            additive: &["mau"],
            others: &["mean_dau", "mean_dau_per_mau"],
        },
    );
    for (period, silence) in Period::ALL.into_iter().zip([30, 2, 1, 1, 1]) {
        check(
            both,
            |part| part.lifecycle(LifecycleOptions::new(period).dormant_after(silence)),
            &Columns {
                same: &["start", "end", "coverage"],
                additive: &[
                    "present",
                    "active_before",
                    "new",
                    "retained",
                    "resurrected",
                    "active",
                    "newly_dormant",
                    "from_new",
                    "from_retained",
                    "from_resurrected",
                    "newly_dormant_so_far",
                    "dormant",
                    "dormant_so_far",
                ],
                others: &[
                    "quick_ratio",
                    "retention_rate",
                    "retention_lower",
                    "retention_upper",
                    "churn_rate",
                    "churn_lower",
                    "churn_upper",
                ],
            },
        );
    }
    for (period, criterion) in Period::ALL.into_iter().flat_map(|period| CRITERIA.map(|one| (period, one))) {
        let question = |part: &Activity| part.retention(RetentionOptions::new(period).criterion(criterion));
        check(
            both,
            question,
            &Columns {
                same: &["cohort", "cohort_coverage", "age", "age_from", "age_to", "coverage"],
                additive: &["size", "so_far", "active", "eligible", "base"],
                others: &["rate", "lower", "upper"],
            },
        );
        // A cohort without members in a segment is in no curve of it, so cohorts do not add up.
        check_with(
            both,
            question,
            Retention::curve_to_frame,
            &Columns {
                same: &["age"],
                additive: &["active", "eligible", "base"],
                others: &["cohorts", "weighted_mean", "plain_mean", "lower", "upper"],
            },
        );
    }
    let question = |part: &Activity| part.daily_states(DailyStatesOptions::new());
    check(
        both,
        question,
        &Columns {
            same: &["date", "coverage"],
            additive: &[
                "new",
                "current",
                "reactivated",
                "resurrected",
                "at_risk_week",
                "at_risk_month",
                "dormant",
                "dau",
                "wau",
                "mau",
                "seen",
            ],
            others: &[],
        },
    );
    check_with(
        both,
        question,
        DailyStates::transitions_to_frame,
        &Columns { same: &["date", "coverage", "from", "to"], additive: &["count", "base"], others: &["rate"] },
    );
    for window in [Window::Days(7), Window::Days(28), Window::Calendar(Period::Week), Window::Calendar(Period::Month)] {
        check(
            both,
            |part| part.power_curve(window),
            &Columns {
                same: &["start", "end", "coverage", "days"],
                additive: &["active", "exactly", "at_least"],
                others: &["share", "share_at_least"],
            },
        );
    }
    let sums = |count: fn(&Activity) -> u64| {
        let of_parts: u64 = split.each(|part| Ok(count(part))).unwrap().iter().map(|(_, count)| count).sum();
        assert_eq!(of_parts, count(activity));
    };
    sums(|part| part.actors() as u64);
    sums(Activity::active_days);
    sums(Activity::events);
    for (_, part) in split.parts() {
        assert_eq!(part.intake(), activity.intake());
        assert_eq!((part.observed_from(), part.as_of()), (activity.observed_from(), activity.as_of()));
    }
    // The rows themselves: all there, each once.
    let rows = split.each(|part| Ok(part.clone())).unwrap().to_frame().unwrap().drop("segment").unwrap();
    let rows = rows.sort(["actor", "day"], SortMultipleOptions::default()).unwrap();
    assert!(rows.equals_missing(&activity.to_frame().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_parts_add_up_to_the_whole(
        log in logs(150),
        segments in vec((any::<bool>(), option::of(0..4_u8)), 9),
        horizon in 1..40_u32,
        participants in vec((0..9_usize, option::of(0..150_i32)), 0..12),
    ) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        if activity.actors() == 0 {
            return Ok(());
        }
        // Some users are not in the frame, and some are there without a segment.
        let users = [0, 1, 2, 3, 9, 10, 100, 5, 4_294_967_295];
        let named = users.iter().zip(&segments).filter(|(_, (named, _))| *named);
        let (users_named, segments): (Vec<i64>, Vec<Option<String>>) =
            named.map(|(&user, (_, segment))| (user, segment.map(|number| format!("s{number}")))).unzip();
        let split = split(&activity, &users_named, &segments);
        all_add_up((&activity, &split));

        // What a programme did is a comparison of people with each other, but who is judged, and for what reason not,
        // is a matter of one participant, and the naive comparison counts everybody once.
        let (ids, days): (Vec<i64>, Vec<Option<i32>>) = participants
            .into_iter()
            .map(|(user, after)| (users[user], after.map(|days| activity.observed_from().days_since_epoch() + days)))
            .unzip();
        let mut frame = df!("user" => ids, "day" => days).unwrap();
        frame.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
        let took_part = Participation::from_frame(&frame, &ParticipationColumns::new("user", "day")).unwrap();
        let options = ProgrammeImpactOptions::new(horizon).look_back(7);
        let whole = activity.programme_impact(&took_part, options.clone()).unwrap();
        let impacts = split.each(|part| part.programme_impact(&took_part, options.clone())).unwrap();
        let own = |impact: &ProgrammeImpact, reason| impact.left_out(reason);
        for reason in LeftOut::ALL.into_iter().skip(1).filter(|&reason| reason != LeftOut::NoComparison) {
            prop_assert_eq!(impacts.iter().map(|(_, one)| own(one, reason)).sum::<u64>(), own(&whole, reason), "{}", reason);
        }
        // Those of other segments are unknown to a part.
        let known = |impact: &ProgrammeImpact| impact.participants() - impact.left_out(LeftOut::Unknown);
        prop_assert_eq!(impacts.iter().map(|(_, one)| known(one)).sum::<u64>(), known(&whole));
        let mut naive = NaiveComparison::default();
        for (_, impact) in impacts.iter() {
            naive.participants += impact.naive().participants;
            naive.participants_retained += impact.naive().participants_retained;
            naive.others += impact.naive().others;
            naive.others_retained += impact.naive().others_retained;
        }
        prop_assert_eq!(&naive, whole.naive());

        let labels: Vec<Option<&str>> = (0..frame.height()).map(|row| [Some("b"), None, Some("a")][row % 3]).collect();
        frame.with_column(Column::new("label".into(), labels)).unwrap();
        entries_add_up(&activity, &split, &frame);
    }
}

/// A hundred signed up on the first of three days, ten of them for pro and three for team. 1 to 20 came, of whom 1 to 10
/// are pro; nobody of the team did.
#[test]
fn sign_ups_by_segment() {
    let log: Vec<Event> = (1..=20)
        .map(|user| Event { value: Some(0.5), feature: Some(u32::from(user > 10)), ..event(user, 1) })
        .collect();
    let activity = ingest(&log, Mapped::ALL, Some((0, 2)));
    let users: Vec<i64> = (1..=10).chain(98..=100).collect();
    let plans: Vec<_> = users.iter().map(|&user| if user > 10 { "team" } else { "pro" }).collect();
    let plans = df!("id" => users, "plan" => plans).unwrap();
    let columns = SegmentColumns::new("id", "plan");
    let split = activity.split_by(&plans, &columns).unwrap();
    let mut table = df!("user" => (1..=100_i64).collect::<Vec<_>>(), "day" => [0_i32; 100]).unwrap();
    table.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
    let signups = Cohorts::from_frame(&table, &CohortColumns::new("user").start("day")).unwrap();

    let first = activity.observed_from();
    let expected = [(Some("pro"), (10, Some(10))), (Some("team"), (3, Some(0))), (None, (87, Some(10)))];
    let triangles = split.each_of(&signups, |part, signups| part.retention_of(signups, Period::Day)).unwrap();
    let found: Vec<_> = triangles
        .iter()
        .map(|(name, one)| (name, (one.cohorts()[0].size, one.cell(first, 1).unwrap().active)))
        .collect();
    assert_eq!(found, expected);
    let values = split.each_of(&signups, |part, signups| part.value_retention_of(signups, Period::Day)).unwrap();
    let found: Vec<_> =
        values.iter().map(|(_, one)| one.cell(first, 1).unwrap()).map(|one| (one.value, one.eligible)).collect();
    assert_eq!(found, [(Some(5.0), Some(10)), (Some(0.0), Some(3)), (Some(5.0), Some(87))]);

    // One by one it is the same; a segment that there is not has nobody.
    for (name, (size, _)) in expected {
        let entries = signups.filter(&plans, &columns, name).unwrap();
        assert_eq!((entries.intake().actors, entries.intake().entries), (size, size));
        let part = activity.filter(&plans, &columns, name).unwrap();
        assert_eq!(part.retention_of(&entries, Period::Day).unwrap(), *triangles.get(name).unwrap());
    }
    assert_eq!(signups.filter(&plans, &columns, Some("x")).unwrap().intake().entries, 0);

    // Those who were never active have one segment too, and ids of the same kind.
    let two = df!("id" => [99, 99], "plan" => ["a", "b"]).unwrap();
    let split_in_two = activity.split_by(&two, &columns).unwrap();
    for error in [
        signups.filter(&two, &columns, None).map(|_| ()).unwrap_err(),
        split_in_two.each_of(&signups, |_, _| Ok(())).unwrap_err(),
    ] {
        assert!(matches!(&error, Error::TwoSegments { actor, .. } if actor == "99"), "{error:?}");
    }
    let text = df!("id" => ["99"], "plan" => ["a"]).unwrap();
    assert!(matches!(signups.filter(&text, &columns, None), Err(Error::Incompatible { .. })));
}

/// Of two features each segment used one: both know both.
#[test]
fn segments_know_the_features_of_the_whole() {
    let log = [(1, 0), (2, 1)].map(|(user, feature)| Event { feature: Some(feature), ..event(user, 0) });
    let activity = ingest(&log, Mapped::ALL, Some((0, 2)));
    let split = split(&activity, &[1, 2], &[Some("a".to_owned()), Some("b".to_owned())]);
    let first = activity.observed_from();
    let of_users = |feature: u32| {
        let options = || RetentionOptions::new(Period::Day).returning(Return::Feature(feature_text(feature)));
        let active = |one: Retention| one.cell(first, 0).unwrap().active.unwrap();
        let returned = split.each(|part| Ok(active(part.retention(options())?))).unwrap();
        let entered = |entry: fn(String) -> Entry| {
            split.each(|part| Ok(part.cohorts(entry(feature_text(feature)))?.intake().actors)).unwrap()
        };
        let counts = |answers: Segmented<u64>| answers.into_iter().map(|(_, count)| count).collect::<Vec<_>>();
        [counts(returned), counts(entered(Entry::FirstUse)), counts(entered(Entry::EveryUse))]
    };
    assert_eq!([of_users(0), of_users(1), of_users(7)], [[[1, 0]; 3], [[0, 1]; 3], [[0, 0]; 3]]);

    let adoption = split.each(|part| part.adoption(AdoptionOptions::new(Period::Day))).unwrap();
    for (place, (_, one)) in adoption.iter().enumerate() {
        let rows: Vec<_> = one.features().iter().map(|one| (one.feature.clone(), one.adopters)).collect();
        assert_eq!(rows, [0, 1].map(|feature| (feature_text(feature), u64::from(feature as usize == place))));
    }
    let question = |part: &Activity| part.breadth(BreadthOptions::new(Period::Day).available(part.features()));
    for (_, breadth) in split.each(question).unwrap().iter() {
        let day = breadth.on(first).unwrap();
        assert_eq!((day.available, day.mean_share()), (2, Some(0.5)));
    }

    // As it was known on a day, an activity forgets what came later, and a part what only others used.
    assert_eq!(split.part(Some("a")).unwrap().at(first).unwrap().features(), [feature_text(0)]);
    let again = split.parts()[0].1.merge(&split.parts()[1].1).unwrap();
    assert_eq!(again, activity);
}

#[test]
fn as_many_segments_as_actors() {
    let log: Vec<_> = (0..2_000).flat_map(|user| [event(user, (user % 40) as i32), event(user, 39)]).collect();
    let activity = ingest(&log, Mapped::NONE, Some((0, 40)));
    // Every second one has a segment of its own.
    let users: Vec<i64> = (0..2_000).step_by(2).collect();
    let names: Vec<Option<String>> = users.iter().map(|user| Some(format!("{user:04}"))).collect();
    let split = split(&activity, &users, &names);
    assert_eq!(split.parts().len(), 1_001);
    check(
        (&activity, &split),
        |part| part.active_users(Window::Days(7)),
        &Columns { same: &["window", "start", "end", "coverage"], additive: &["active"], others: &[] },
    );
    let sizes = split.each(|part| Ok(part.actors())).unwrap();
    assert_eq!(sizes.get(None), Some(&1_000));
    let text = sizes.to_string();
    assert_eq!(text.lines().count(), 49, "{text}");
    assert!(
        text.starts_with("0000: 1\n0002: 1\n") && text.ends_with("\n953 more segments are in to_frame()"),
        "{text}"
    );
}

/// January 1970: 1, 2, 3 come on the 1st and 1 and 3 again on the 2nd. 1 is pro, 2 free, 3 nothing.
fn three() -> (Activity, Split) {
    let log = [event(1, 0), event(2, 0), event(3, 0), event(1, 1), event(3, 1)];
    let activity = ingest(&log, Mapped::NONE, Some((0, 2)));
    let split = split(&activity, &[1, 2, 3], &[Some("pro".to_owned()), Some("free".to_owned()), None]);
    (activity, split)
}

fn round_trip<A>(answers: &Segmented<A>)
where
    A: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(answers).unwrap();
    assert_eq!(&serde_json::from_str::<Segmented<A>>(&text).unwrap(), answers, "{text}");
}

#[test]
fn by_hand() {
    let (activity, split) = three();
    assert_eq!(split.to_string().lines().last().unwrap().split_whitespace().next(), Some("without"));
    let usage: Segmented<ActiveUsers> = split.each(|part| part.active_users(Window::Days(1))).unwrap();
    let names = [Some("free"), Some("pro"), None];
    assert_eq!(usage.iter().map(|(name, _)| name).collect::<Vec<_>>(), names);
    assert_eq!(usage.labelled().map(|(name, _)| name).collect::<Vec<_>>(), ["free", "pro", "without a segment"]);
    let counts = |answer: &ActiveUsers| answer.series(Window::Days(1)).iter().map(|day| day.active).collect::<Vec<_>>();
    assert_eq!(names.map(|name| counts(usage.get(name).unwrap())), [[1, 0, 0], [1, 1, 0], [1, 1, 0]]);
    assert_eq!((usage.get(Some("pr")), usage.get(Some(""))), (None, None));
    let frame = usage.to_frame().unwrap();
    let segments: Vec<_> = frame.column("segment").unwrap().str().unwrap().iter().collect();
    assert_eq!(segments, [[Some("free"); 3], [Some("pro"); 3], [None; 3]].concat());
    assert_eq!(counts_of(&frame), [1, 0, 0, 1, 1, 0, 1, 1, 0]);
    // One piece a column, however many parts.
    assert!(frame.columns().iter().all(|column| column.n_chunks() == 1));

    let text = usage.to_string();
    assert!(text.starts_with("free:\nActive users") && text.contains("\n\npro:\nActive users"), "{text}");
    assert!(text.contains("\n\nwithout a segment:\nActive users") && !text.ends_with('\n'), "{text}");
    assert_eq!(
        usage.clone().into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        names.map(|name| name.map(str::to_owned))
    );

    round_trip(&usage);
    round_trip(&split.each(|part| part.retention(Period::Day)).unwrap());
    round_trip(&split.each(|part| part.lifecycle(Period::Day)).unwrap());
    round_trip(&split.each(|part| part.daily_states(DailyStatesOptions::new())).unwrap());
    round_trip(&split.each(|part| part.power_curve(Window::Days(2))).unwrap());
    round_trip(&split.each(|part| Ok(part.actors())).unwrap());
    for text in [r#"[["b",1],["a",1]]"#, r#"[["a",1],["a",1]]"#, r#"[[null,1],["a",1]]"#, r#"{"a":1}"#] {
        assert!(serde_json::from_str::<Segmented<u32>>(text).is_err(), "{text}");
    }

    // Moves put together have a frame too, and a split can be divided again.
    let (first, last) = (activity.observed_from(), activity.as_of());
    let moves = split.each(|part| Ok(part.daily_states(DailyStatesOptions::new())?.transitions(first, last))).unwrap();
    assert_eq!(moves.to_frame().unwrap().height(), 3 * 19);
    let members = split.each(|part| part.retention(Period::Day)?.members(part, first, 1)).unwrap();
    assert_eq!(members.to_string(), "free: 0 actors\npro: 1 actors: 1\nwithout a segment: 1 actors: 3");
    assert_eq!(members.to_frame().unwrap().shape(), (2, 2));
}

fn counts_of(frame: &DataFrame) -> Vec<u64> {
    counts(frame, "active").into_iter().flatten().collect()
}

#[test]
fn triangles_of_segments_are_compared() {
    let (_, split) = three();
    let options = RetentionOptions::new(Period::Day).criterion(Criterion::Streak);
    let triangles: Segmented<Retention> = split.each(|part| part.retention(options.clone())).unwrap();
    let asked = || ComparisonOptions::new().baseline("without a segment");
    let comparison = Comparison::of_segments(triangles.labelled(), asked()).unwrap();
    let by_hand = ["free", "pro", "without a segment"].into_iter().zip(triangles.iter().map(|(_, triangle)| triangle));
    assert_eq!(comparison, Comparison::of_segments(by_hand, asked()).unwrap());
    assert_eq!(comparison.baseline().label, "without a segment");
    let difference = |group| comparison.at(group, 1).unwrap().difference;
    assert_eq!((difference("free"), difference("pro")), (-1.0, 0.0));
    assert_eq!(triangles.to_frame_with(Retention::curve_to_frame).unwrap().height(), 3 * 3);
    assert_eq!(triangles.to_frame_with(Retention::to_wide_frame).unwrap().shape(), (3 * 3, 3 + 3));

    // A segment that is called what actors without one are called is told apart by its owner.
    let (activity, _) = three();
    let named = self::split(&activity, &[1], &[Some("without a segment".to_owned())]);
    let triangles = named.each(|part| part.retention(Period::Day)).unwrap();
    let error = Comparison::of_segments(triangles.labelled(), ComparisonOptions::new()).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "groups", .. }), "{error:?}");
    message(&error);
}

#[test]
fn questions_that_fail() {
    let (_, split) = three();
    let error = split.each(|part| part.active_users(Window::Days(0))).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "windows", .. }), "{error:?}");
    let sizes = split.each(|part| Ok(part.events())).unwrap();
    // Columns that differ from part to part, and one that is there already.
    let differ = |events: &u64| Ok(if *events > 1 { df!("a" => [1])? } else { df!("a" => ["x"])? });
    let other = |events: &u64| Ok(if *events > 1 { df!("a" => [1])? } else { df!("b" => [1])? });
    let wider = |events: &u64| Ok(if *events > 1 { df!("a" => [1])? } else { df!("a" => [1], "b" => [1])? });
    for frame in [differ, other, wider, |_: &u64| Ok(df!("segment" => [1])?)] {
        let error = sizes.to_frame_with(frame).unwrap_err();
        assert!(matches!(error, Error::Polars(_)), "{error:?}");
        message(&error);
    }
    // Rows without a column of their own type are fine, and so are none.
    assert_eq!(sizes.to_frame_with(|_| Ok(df!("a" => [1, 2])?)).unwrap().shape(), (6, 2));
    assert_eq!(sizes.to_frame_with(|_| Ok(df!("a" => [0_i32; 0])?)).unwrap().shape(), (0, 2));
}

#[test]
fn nobody_in_any_segment() {
    let nobody = ingest(&[], Mapped::NONE, Some((0, 9)));
    let split = split(&nobody, &[1], &[Some("a".to_owned())]);
    let usage = split.each(|part| part.active_users(Window::Days(1))).unwrap();
    assert_eq!((usage.iter().len(), usage.get(None)), (0, None));
    let frame = usage.to_frame().unwrap();
    assert_eq!((frame.shape(), frame.column("segment").unwrap().dtype()), ((0, 1), &DataType::String));
    assert_eq!(usage.to_string(), "no segment has an actor");
    round_trip(&usage);
}

#[test]
fn its_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug + Clone>() {}
    check::<Segmented<ActiveUsers>>();
    check::<Segmented<Lifecycle>>();
    check::<Segmented<PowerCurve>>();
}
