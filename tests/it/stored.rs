//! Stored answers edited by hand: whatever stands in the file, reading it ends in an error or in an answer that can be
//! looked at from all sides.

use std::fmt::{Debug, Display};

use attrition::polars::prelude::*;
use attrition::{
    ActiveUsers, ActiveUsersOptions, Activity, Adoption, AdoptionOptions, Breadth, BreadthOptions, BreadthPeriod,
    Censoring, Comparison, ComparisonDetail, ComparisonOptions, Criterion, DailyState, DailyStates, DailyStatesOptions,
    DayStates, EventTable, FeatureAdoption, KaplanMeier, KaplanMeierOptions, Landmark, LeftOut, Lifecycle,
    LifecycleOptions, LifetimeColumns, Lifetimes, LifetimesOptions, Members, NewlyDormant, Participation,
    ParticipationColumns, Period, PowerCurve, PowerCurvePoint, ProgrammeImpact, ProgrammeImpactOptions, RateDifference,
    RetentionOptions, RetentionTrend, SegmentColumns, Segmented, Stickiness, StickinessOptions, SurvivalInterval,
    Transitions, Window, date,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::log::{Event, Mapped, event, frame_with, ingest};

/// Eight users over 40 days, the more often the lower their number, and six who come once.
fn activity() -> Activity {
    let days = (0..40_i32).flat_map(|day| (1..=8).filter(move |user| day % user == 0).map(move |user| (user, day)));
    let once = (9..=14).map(|user| (user, 0));
    let log: Vec<_> = days.chain(once).map(|(user, day)| event(i64::from(user), 19_723 + day + user)).collect();
    ingest(&log, Mapped::NONE, Some((19_720, 19_790)))
}

/// The same people, who use two features, each another one on other days.
fn with_features() -> Activity {
    let of = |user: i32, day: i32| [None, Some(0), Some(1)][((user + day * day) % 3) as usize];
    let log: Vec<_> = (0..40_i32)
        .flat_map(|day| (1..=8).filter(move |user| day % user == 0).map(move |user| (user, day)))
        .map(|(user, day)| Event { feature: of(user, day), ..event(i64::from(user), 19_723 + day + user) })
        .collect();
    ingest(&log, Mapped { feature: true, ..Mapped::NONE }, Some((19_720, 19_790)))
}

/// Every value one edit away: numbers, texts and nulls replaced, entries of lists dropped, doubled and turned around.
fn edits(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!(1), json!("x")],
        Value::Bool(truth) => vec![json!(!truth)],
        Value::Number(number) => {
            let near = number.as_u64().map(|number| [json!(number + 1), json!(number.saturating_sub(1))]);
            let far = [json!(0), json!(1), json!(-1), json!(u32::MAX), json!(u64::MAX), json!(1e300), Value::Null];
            near.into_iter().flatten().chain(far).collect()
        }
        Value::String(_) => ["", "x", "āā", "2024-01-15", "-9999-01-01", "9999-12-31", "observed", "open", "Day", "On"]
            .map(|text| json!(text))
            .into(),
        Value::Array(values) => {
            let mut edited = vec![json!([])];
            if let Some((last, but_last)) = values.split_last() {
                edited.push(json!(but_last));
                edited.push(json!([values, std::slice::from_ref(last)].concat()));
                edited.push(values.iter().rev().cloned().collect());
            }
            // Long lists are all alike within.
            let places = (0..values.len()).filter(|place| *place < 3 || *place + 2 > values.len());
            for place in places {
                for edit in edits(&values[place]) {
                    let mut copy = values.clone();
                    copy[place] = edit;
                    edited.push(Value::Array(copy));
                }
            }
            edited
        }
        Value::Object(fields) => {
            let mut edited = Vec::new();
            for (name, value) in fields {
                for edit in edits(value) {
                    let mut copy = fields.clone();
                    copy.insert(name.clone(), edit);
                    edited.push(Value::Object(copy));
                }
            }
            edited
        }
    }
}

/// Reads every edit of an answer, and looks at those that are answers still. How many are refused, and how many not.
fn edited<A>(answer: &A, look: impl Fn(&A)) -> (usize, usize)
where
    A: Serialize + DeserializeOwned + Debug + PartialEq,
{
    let stored = serde_json::to_value(answer).unwrap();
    let back: A = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(&back, answer);
    look(&back);
    let (mut refused, mut taken) = (0, 0);
    for edit in edits(&stored) {
        match serde_json::from_value::<A>(edit) {
            Err(error) => {
                assert!(!error.to_string().contains('\n'));
                refused += 1;
            }
            Ok(answer) => {
                look(&answer);
                taken += 1;
            }
        }
    }
    (refused, taken)
}

fn shown(answer: &(impl Display + Debug)) {
    assert!(!format!("{answer} {answer:?}").is_empty());
}

/// Reads an answer of which one place was changed.
fn with<A: Serialize + DeserializeOwned>(answer: &A, place: &str, value: Value) -> Result<A, String> {
    let mut stored = serde_json::to_value(answer).unwrap();
    *stored.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
    serde_json::from_value(stored).map_err(|error| error.to_string())
}

fn refuses<A: Serialize + DeserializeOwned + Debug>(answer: &A, place: &str, value: Value, reason: &str) {
    let error = with(answer, place, value.clone()).expect_err(place);
    assert!(error.contains(reason), "{place} = {value}: {error}");
}

#[test]
fn active_users() {
    let windows = [Window::Days(1), Window::Days(7), Window::Calendar(Period::Week)];
    let usage: ActiveUsers = activity().active_users(ActiveUsersOptions::new(windows)).unwrap();
    let (refused, taken) = edited(&usage, |usage| {
        shown(usage);
        usage.to_frame().unwrap();
        for window in windows {
            for day in (-9..90).map(|day| date(2024, 1, 1) + day) {
                assert!(usage.on(window, day).is_none_or(|count| count.span.end >= day));
            }
        }
    });
    assert!(refused > 20 && taken > 20, "{refused} {taken}");
    refuses(&usage, "/series", json!([[], []]), "a series of counts for each window");
    refuses(&usage, "/series/1", json!([]), "end with the same days");
    refuses(&usage, "/series/2/1/span/end", json!("2023-01-01"), "in order of time");
    refuses(&usage, "/options/windows", json!([]), "at least one window");
}

#[test]
fn stickiness() {
    let stickiness: Stickiness = activity().stickiness(StickinessOptions::new()).unwrap();
    edited(&stickiness, |stickiness| {
        shown(stickiness);
        assert!(stickiness.months().iter().all(|month| month.mean_dau().is_finite()));
        stickiness.to_frame().unwrap();
        stickiness.months_to_frame().unwrap();
    });
    refuses(&stickiness, "/months/0/days", json!(0), "an observed day");
}

#[test]
fn lifecycles() {
    for period in [Period::Day, Period::Week] {
        let lifecycle: Lifecycle = activity().lifecycle(LifecycleOptions::new(period).dormant_after(2)).unwrap();
        let (refused, _) = edited(&lifecycle, |lifecycle| {
            shown(lifecycle);
            lifecycle.to_frame().unwrap();
            for day in (-9..90).map(|day| date(2024, 1, 1) + day) {
                assert!(lifecycle.on(day).is_none_or(|one| one.span.start <= day && day <= one.span.end));
            }
            let sums = lifecycle.periods().iter().map(|one| one.newly_dormant.map_or(0, NewlyDormant::total));
            assert!(sums.sum::<u64>() < 1 << 40);
        });
        assert!(refused > 50, "{refused}");
        refuses(&lifecycle, "/periods/3/new", json!(9), "those who came less those who went");
        refuses(&lifecycle, "/periods/3/newly_dormant_so_far/new", json!(u64::MAX), "those who went");
        refuses(&lifecycle, "/periods/3/newly_dormant", Value::Null, "known once the period has ended");
        refuses(&lifecycle, "/periods/3/span/start", json!("2023-01-01"), "share no day");
        refuses(&lifecycle, "/options/dormant_after", json!(0), "dormant_after");
    }
}

#[test]
fn daily_states() {
    let states: DailyStates = activity().daily_states(DailyStatesOptions::new().week_days(3).month_days(9)).unwrap();
    let all = |states: &DailyStates| states.transitions(date(2023, 1, 1), date(2025, 1, 1));
    edited(&states, |states| {
        shown(states);
        states.to_frame().unwrap();
        states.transitions_to_frame().unwrap();
        shown(&all(states));
    });
    refuses(&states, "/days", json!([]), "every day has its moves");
    refuses(&states, "/flows/4/5", json!(100), "leave a state");
    refuses(&states, "/days/4/counts/0", json!(3), "follows from the one before");
    refuses(&states, "/days/4/date", json!("2024-01-01"), "follows from the one before");
    refuses(&states, "/options/week_days", json!(1), "week_days");
    edited(&all(&states), |moves: &Transitions| {
        shown(moves);
        moves.to_frame().unwrap();
        assert!(DailyState::ALL.into_iter().all(|state| moves.base(state) < u64::MAX));
    });
    edited(&states.days()[9], |day: &DayStates| assert!(day.seen() >= day.mau() && day.mau() >= day.wau()));
}

#[test]
fn power_curves() {
    for window in [Window::Days(5), Window::Calendar(Period::Month)] {
        let curve: PowerCurve = activity().power_curve(window).unwrap();
        let looked_at = |point: &PowerCurvePoint| {
            (0..=point.days().min(40)).for_each(|k| assert_eq!(point.exactly(k).is_some(), k > 0));
            assert!(point.mean_active_days().is_none_or(f64::is_finite));
        };
        let (refused, _) = edited(&curve, |curve| {
            shown(curve);
            curve.to_frame().unwrap();
            curve.series().for_each(|point| looked_at(&point));
        });
        assert!(refused > 50, "{refused}");
        refuses(&curve, "/at_least", json!([]), "a count for each day of each window");
        refuses(&curve, "/width", json!(u64::MAX), "a count for each day of each window");
        refuses(&curve, "/at_least/1", json!(1_000), "active on more days");
        edited(&curve.series().nth(1).unwrap(), looked_at);
    }
}

#[test]
fn adoptions() {
    let options = AdoptionOptions::new(Period::Week).within_days(3).retained_from(10).window(9);
    let adoption: Adoption = with_features().adoption(options.landmark(Landmark::SeenWithin(7))).unwrap();
    assert!(adoption.features().iter().all(|one| one.retention.difference.is_some()), "{adoption}");
    let whole = |adoption: &Adoption| {
        shown(adoption);
        adoption.to_frame().unwrap();
        adoption.periods_to_frame().unwrap();
        adoption.cohorts_to_frame().unwrap();
        assert!(adoption.significant().count() <= adoption.features().len());
        assert!(adoption.judged() <= adoption.followed() && adoption.followed() <= adoption.actors());
        for one in adoption.features() {
            assert_eq!(adoption.feature(&one.feature), Some(one));
            assert_eq!(adoption.periods(&one.feature).map(|period| period.first_uses).sum::<u64>(), one.adopters);
            assert_eq!(adoption.cohorts(&one.feature).map(|row| row.others).sum::<u64>(), one.retention.others);
            for day in (-9..90).map(|day| date(2024, 1, 1) + day) {
                let period = adoption.on(&one.feature, day);
                assert!(period.is_none_or(|period| period.span.start <= day && period.users <= period.active));
            }
        }
    };
    let (refused, taken) = edited(&adoption, whole);
    assert!(refused > 100 && taken > 100, "{refused} {taken}");
    for place in ["/usage", "/active", "/eligible", "/adopters", "/periods", "/features"] {
        refuses(&adoption, place, json!([]), "a count for each period and feature");
    }
    refuses(&adoption, "/adopters/0/0", json!(99), "part of those judged");
    refuses(&adoption, "/eligible/1/1", json!(99), "part of those judged");
    refuses(&adoption, "/usage/2/users", json!(99), "are active");
    refuses(&adoption, "/usage/2/days", json!(u64::MAX), "are active");
    refuses(&adoption, "/usage/2/first_uses", json!(0), "the counts of its periods");
    refuses(&adoption, "/periods/1/0/end", json!("2023-01-01"), "share no day");
    refuses(&adoption, "/followed", json!(0), "not followed");
    refuses(&adoption, "/features/0/feature", json!("z"), "in alphabetical order");
    refuses(&adoption, "/features/0/reach", json!(0.5), "that of its counts");
    refuses(&adoption, "/options/window", json!(0), "window");
    edited(&adoption.features()[0], |one: &FeatureAdoption| {
        assert!(one.reach.is_none_or(|reach| (0.0..=1.0).contains(&reach)));
        assert!(one.retention.adopters_rate().is_none_or(|rate| rate <= 1.0));
    });
}

#[test]
fn breadths() {
    let activity = with_features();
    for options in [BreadthOptions::new(Period::Week), BreadthOptions::new(Period::Week).available(["f000", "new"])] {
        let breadth: Breadth = activity.breadth(options.between(date(2024, 1, 8), date(2024, 3, 1))).unwrap();
        let looked_at = |period: &BreadthPeriod| {
            let sum: u64 = (0..=period.most()).map(|k| period.exactly(k).unwrap()).sum();
            assert_eq!(sum, period.active());
            assert!([period.exactly(u32::MAX), period.at_least(u32::MAX)] == [None; 2]);
            assert!([period.mean(), period.median(), period.mean_share()].into_iter().flatten().all(f64::is_finite));
            assert!(period.share(1).is_none_or(|share| share <= 1.0));
        };
        let (refused, _) = edited(&breadth, |breadth| {
            shown(breadth);
            breadth.to_frame().unwrap();
            breadth.distribution_to_frame().unwrap();
            // Of this activity or not: then it says so.
            let _ = breadth.actors_to_frame(&activity).map_err(|error| error.to_string());
            breadth.periods().iter().for_each(looked_at);
            for day in (-9..90).map(|day| date(2024, 1, 1) + day) {
                assert!(breadth.on(day).is_none_or(|one| one.span.start <= day && day <= one.span.end));
            }
        });
        assert!(refused > 50, "{refused}");
        refuses(&breadth, "/periods/2/at_least", json!([1, 2]), "use more features");
        refuses(&breadth, "/periods/2/at_least", json!([3, 2, 1, 1]), "than there are");
        refuses(&breadth, "/periods/2/at_least/0", json!(u64::MAX), "can be counted");
        refuses(&breadth, "/periods/2/available", json!(u32::MAX), "than there are");
        refuses(&breadth, "/periods/2/available", json!(9), "stay available");
        refuses(&breadth, "/periods/2/span/start", json!("2024-01-09"), "share no day");
        edited(&breadth.periods()[2], looked_at);

        // Two edits: a period less, and its actors in another one.
        let mut stored = serde_json::to_value(&breadth).unwrap();
        let last = stored["periods"].as_array_mut().unwrap().pop().unwrap();
        let fewer: Breadth = serde_json::from_value(stored).unwrap();
        assert!(last["at_least"].is_array() && fewer.actors_to_frame(&activity).is_err());
    }
}

#[test]
fn trends() {
    let log: Vec<_> = (0..60_i32).map(|user| (user, [Some(7), None][usize::from(user % 3 == 0)])).collect();
    let first = log.iter().map(|&(user, _)| event(i64::from(user), 19_723 + user));
    let again = log.iter().filter_map(|&(user, after)| Some(event(i64::from(user), 19_723 + user + after?)));
    let activity = ingest(&first.chain(again).collect::<Vec<_>>(), Mapped::NONE, Some((19_720, 19_800)));
    let trend: RetentionTrend = activity.retention(Period::Week).unwrap().trend(1).unwrap();
    assert!(trend.points.len() > 5 && trend.test.is_some(), "{trend}");
    let (refused, _) = edited(&trend, |trend| {
        shown(trend);
        assert_eq!(trend.to_frame().unwrap().height(), trend.points.len());
    });
    assert!(refused > 50, "{refused}");
    refuses(&trend, "/points", json!([]), "two cohorts or more");
    refuses(&trend, "/confidence", json!(1), "confidence");
    refuses(&trend, "/points/2/1/active", json!(99), "parts of a whole");
    refuses(&trend, "/points/2/1/rate", Value::Null, "observed rates");
    refuses(&trend, "/points/2/1/age", json!(2), "observed rates");
    refuses(&trend, "/points/2/0/span/start", json!("2023-01-01"), "share no day");
}

#[test]
fn lifetimes() {
    let activity = activity();
    for censoring in [Censoring::DecidedDay, Censoring::LastActivity] {
        let options = LifetimesOptions::new(20).censoring(censoring);
        let lifetimes: Lifetimes = activity.lifetimes(options.starting_from(date(2024, 1, 2))).unwrap();
        let curve = lifetimes.kaplan_meier(KaplanMeierOptions::new()).unwrap();
        let looked_at = |curve: &KaplanMeier| {
            shown(curve);
            curve.to_frame().unwrap();
            assert!(curve.points().iter().all(|point| (0.0..=1.0).contains(&point.survival)));
            assert!(curve.median().time.is_none_or(f64::is_finite) && curve.at(1.0).is_none_or(|at| at.time == 1.0));
            assert!(
                curve.restricted_mean(3.0).is_ok_and(|mean| mean.standard_error.is_finite()) || curve.at(3.0).is_none()
            );
        };
        let (refused, _) = edited(&lifetimes, |lifetimes| {
            shown(lifetimes);
            lifetimes.to_frame().unwrap();
            assert!(lifetimes.event_table().lifetimes() <= lifetimes.len() as u64);
            assert!(lifetimes.of(3).is_none_or(|one| one.last_day - one.first_day == one.tenure as i32));
            looked_at(&lifetimes.kaplan_meier(KaplanMeierOptions::new()).unwrap());
        });
        assert!(refused > 50, "{refused}");
        refuses(&lifetimes, "/Activity/first", json!([]), "a first and a last day");
        refuses(&lifetimes, "/Activity/first/1", json!(19_720), "within the observation");
        refuses(&lifetimes, "/Activity/last/1", json!(i32::MAX), "within the observation");
        refuses(&lifetimes, "/Activity/last/1", json!(i32::MIN), "not before them");
        refuses(&lifetimes, "/Activity/as_of", json!("2023-01-01"), "last days not before them");
        refuses(&lifetimes, "/Activity/observed_from", json!("0000-12-31"), "years 1 to 9999");
        refuses(&lifetimes, "/Activity/options/silence", json!(0), "silence_days");

        let table: EventTable = lifetimes.event_table();
        edited(&table, |table| {
            shown(table);
            table.to_frame().unwrap();
            assert_eq!(table.lifetimes(), table.ended() + table.censored());
        });
        let (refused, _) = edited(&curve, looked_at);
        assert!(refused > 50, "{refused}");
        refuses(&curve, "/options/confidence", json!(1), "confidence");
        refuses(&curve, "/table/rows/0/at_risk", json!(99), "was so before or has entered");
        refuses(&curve, "/table/rows/0/ended", json!(u64::MAX), "somebody goes at each time");
        refuses(&curve, "/table/rows/0/time", json!(-1), "0 or more and in order");
        refuses(&curve, "/table/rows/0/entered", json!(u64::MAX), "was so before or has entered");
        // The curve is not stored, so that it cannot be another than that of the counts.
        assert!(serde_json::to_value(&curve).unwrap().get("points").is_none());
    }
    let frame =
        df!("time" => [1.0, 2.5, 4.0, 4.0], "ended" => [1, 0, 1, 0], "entry" => [None, Some(1.5), None, Some(-1.0)]);
    let columns = LifetimeColumns::new("time", "ended").entry("entry");
    let read = Lifetimes::from_frame(&frame.unwrap(), &columns).unwrap();
    edited(&read, |lifetimes| {
        shown(lifetimes);
        lifetimes.to_frame().unwrap();
        shown(&lifetimes.kaplan_meier(SurvivalInterval::Plain).unwrap());
    });
    refuses(&read, "/Columns/time/1", json!(1.5), "before the end");
    refuses(&read, "/Columns/time/1", json!(-1), "0 or more");
    refuses(&read, "/Columns/time/1", json!(1e300), "0 or more");
    refuses(&read, "/Columns/ended", json!([true]), "all that is asked");
    refuses(&read, "/Columns/entry", json!([null]), "all that is asked");
}

#[test]
fn members() {
    let numbers = [event(1, 0), event(2, 0), event(100, 0)];
    for dtype in [DataType::Int8, DataType::UInt32, DataType::Int64, DataType::String] {
        let frame = frame_with(&numbers, &dtype, &DataType::Int64);
        let activity = Activity::from_frame(&frame, &Mapped::NONE.columns(), &attrition::Calendar::utc()).unwrap();
        let members: Members =
            activity.retention(Period::Day).unwrap().members(&activity, date(1970, 1, 1), 0).unwrap();
        let (refused, _) = edited(&members, |members| {
            shown(members);
            assert_eq!(members.iter().count(), members.len());
            assert!(members.iter().all(|id| members.contains(id)), "{members}");
            let frame = members.to_frame().unwrap();
            assert_eq!((frame.height(), frame.column("actor").unwrap().null_count()), (members.len(), 0));
        });
        assert!(refused > 20, "{refused}");
    }
}

#[test]
fn comparisons() {
    let activity = activity();
    let named = (1..=12_i64).map(|user| if user % 3 == 0 { "a" } else { "b" }).collect::<Vec<_>>();
    let segments = df!("id" => (1..=12_i64).collect::<Vec<_>>(), "segment" => named).unwrap();
    let split = activity.split_by(&segments, &SegmentColumns::new("id", "segment")).unwrap();
    let options = RetentionOptions::new(Period::Week).criterion(Criterion::Streak).horizon(4);
    let triangles = split.each(|part| part.retention(options.clone())).unwrap();
    let asked = ComparisonOptions::new().detail(ComparisonDetail::Cohorts);
    let comparison = Comparison::of_segments(triangles.labelled(), asked).unwrap();
    assert!(comparison.log_rank().is_some());
    let (refused, _) = edited(&comparison, |comparison| {
        shown(comparison);
        comparison.to_frame().unwrap();
        assert!(!comparison.conclusion().is_empty() && comparison.groups().contains(comparison.baseline()));
        let rates = |one: &RateDifference| one.rate() <= 1.0 && one.baseline_rate() <= 1.0;
        assert!(comparison.differences().iter().all(rates));
        for group in comparison.groups() {
            let found = comparison.at(&group.label, 1);
            assert!(found.is_none_or(|one| comparison.groups()[one.group].label == group.label));
        }
        assert!(comparison.significant().count() <= comparison.differences().len());
    });
    assert!(refused > 50, "{refused}");
    refuses(&comparison, "/baseline", json!(1), "the baseline is");
    refuses(&comparison, "/differences/0/group", json!(9), "another group");
    refuses(&comparison, "/differences/0/eligible", json!(0), "than there are");
    refuses(&comparison, "/log_rank/expected", json!([1.0]), "a count for each group");
    refuses(&comparison, "/groups", json!([]), "two groups or more");
}

#[test]
fn programme_impacts() {
    let activity = activity();
    let mut webinar = df!("user" => [1, 2, 3, 99], "day" => [19_750, 19_744, 19_744, 19_744]).unwrap();
    webinar.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
    let participants = Participation::from_frame(&webinar, &ParticipationColumns::new("user", "day")).unwrap();
    let options = ProgrammeImpactOptions::new(7).look_back(7).alive_within(7).prior_use([0]);
    let impact: ProgrammeImpact = activity.programme_impact(&participants, options).unwrap();
    assert!(impact.judged() > 0 && impact.left_out(LeftOut::Unknown) == 1, "{impact}");
    edited(&impact, |impact| {
        shown(impact);
        assert_eq!(impact.judged() == 0, impact.retention().is_none());
        assert!(!impact.conclusion().is_empty());
        impact.to_frame().unwrap();
        impact.strata_to_frame().unwrap();
    });
    refuses(&impact, "/left_out/2", json!(u64::MAX), "left out than there are");
    refuses(&impact, "/effects", Value::Null, "effects where participants were judged");
    refuses(&impact, "/options/horizon", json!(0), "horizon_days");
}

#[test]
fn segments_of_answers() {
    let segments = df!("id" => [1, 2], "segment" => ["a", "b"]).unwrap();
    let split = activity().split_by(&segments, &SegmentColumns::new("id", "segment")).unwrap();
    let answers: Segmented<PowerCurve> = split.each(|part| part.power_curve(Window::Days(2))).unwrap();
    edited(&answers, |answers| {
        shown(answers);
        answers.to_frame().unwrap();
        assert!(answers.iter().all(|(name, answer)| answers.get(name) == Some(answer)));
    });
}
