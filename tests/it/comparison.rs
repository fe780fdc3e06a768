//! Comparisons of segments and of cohorts: against counts of the people themselves, by their laws, and under no
//! difference.

use std::collections::BTreeMap;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Comparison, ComparisonDetail, ComparisonOptions, Correction, Coverage, Criterion, Date, Error,
    LogRank, Period, RateDifference, Retention, RetentionOptions, SegmentColumns, Weekday, date,
};
use jiff::{ToSpan, civil};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

use super::log::{Event, Mapped, event, frame, ingest, message};
use super::oracle::{Log, Oracle, Triangle, day};

const CRITERIA: [Criterion; 4] = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];

fn label(segment: i64) -> String {
    format!("s{segment}")
}

/// The parts of a log by the remainder of its users' ids, those with users.
fn parts(activity: &Activity, segments: i64) -> Vec<(String, Activity)> {
    let users = 0..3_000_i64;
    let names: Vec<String> = users.clone().map(|user| label(user % segments)).collect();
    let frame = df!("id" => users.collect::<Vec<_>>(), "segment" => names).unwrap();
    let split = activity.split_by(&frame, &SegmentColumns::new("id", "segment")).unwrap();
    split.into_iter().map(|(name, part)| (name.unwrap(), part)).collect()
}

fn triangles(parts: &[(String, Activity)], options: &RetentionOptions) -> Vec<(String, Retention)> {
    parts.iter().map(|(label, part)| (label.clone(), part.retention(options.clone()).unwrap())).collect()
}

fn compare(triangles: &[(String, Retention)], options: ComparisonOptions) -> attrition::Result<Comparison> {
    Comparison::of_segments(triangles.iter().map(|(label, triangle)| (label, triangle)), options)
}

/// Users who come on day 0 and are there on every day up to the last one named.
fn stayers(users: std::ops::Range<i64>, last: i32) -> Vec<Event> {
    users.flat_map(|user| (0..=last).map(move |day| event(user, day))).collect()
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.abs().max(1e-3)
}

fn two_sided(z: f64) -> f64 {
    2.0 * Normal::standard().cdf(-z.abs())
}

/// Retained of members, of one group at one age of one cohort.
type Share = (f64, f64);

fn cmh(pairs: &[(Share, Share)]) -> (f64, f64) {
    let (mut top, mut weights, mut excess, mut variance) = (0.0, 0.0, 0.0, 0.0);
    for &((s1, n1), (s2, n2)) in pairs {
        let (all, retained) = (n1 + n2, s1 + s2);
        top += (s1 / n1 - s2 / n2) * n1 * n2 / all;
        weights += n1 * n2 / all;
        excess += s1 - n1 * retained / all;
        variance += n1 * n2 * retained * (all - retained) / (all * all * (all - 1.0));
    }
    (top / weights, if variance == 0.0 { 1.0 } else { two_sided(excess / variance.sqrt()) })
}

fn z_test((s1, n1): Share, (s2, n2): Share) -> f64 {
    let p = (s1 + s2) / (n1 + n2);
    let variance = p * (1.0 - p) * (1.0 / n1 + 1.0 / n2);
    if variance == 0.0 { 1.0 } else { two_sided((s1 / n1 - s2 / n2) / variance.sqrt()) }
}

/// One member: the first age at which it was missed, and whether it was; if not, the last age at which it could have
/// been.
type Life = (usize, bool);

fn last_observed(truth: &Triangle<'_>, cohort: usize) -> Option<usize> {
    (0..truth.periods.len()).take_while(|&age| truth.coverage(cohort, age) == Coverage::Observed).last()
}

fn lives(truth: &Triangle<'_>, cohort: usize, criterion: Criterion, grace: usize) -> Vec<Life> {
    let Some(end) = last_observed(truth, cohort) else { return Vec::new() };
    let ages = truth.periods.len() - cohort;
    let members = truth.members(criterion, cohort, 0);
    let life = |user: &i64| {
        let last = (0..ages).rev().find(|&age| truth.members(criterion, cohort, age).contains(user)).unwrap();
        let judged = match criterion {
            Criterion::Streak => end,
            _ => (end + 1).saturating_sub(grace),
        };
        if last < judged { (last + 1, true) } else { (judged, false) }
    };
    members.iter().map(life).collect()
}

/// The log-rank test from the members: observed, expected and chi-square where the covariance can be inverted by hand.
fn log_rank(strata: &[Vec<Vec<Life>>], groups: usize) -> (Vec<u64>, Vec<f64>, Option<f64>) {
    let (mut observed, mut expected) = (vec![0; groups], vec![0.0; groups]);
    let mut v = vec![vec![0.0; groups]; groups];
    for stratum in strata {
        let mut times: Vec<usize> = stratum.iter().flatten().filter(|life| life.1).map(|life| life.0).collect();
        times.sort_unstable();
        times.dedup();
        for time in times {
            let count =
                |group: &Vec<Life>, keep: &dyn Fn(&Life) -> bool| group.iter().filter(|life| keep(life)).count() as f64;
            let at_risk: Vec<f64> = stratum.iter().map(|group| count(group, &|life| life.0 >= time)).collect();
            let lost: Vec<f64> = stratum.iter().map(|group| count(group, &|life| *life == (time, true))).collect();
            let (n, d) = (at_risk.iter().sum::<f64>(), lost.iter().sum::<f64>());
            for one in 0..groups {
                observed[one] += lost[one] as u64;
                expected[one] += d * at_risk[one] / n;
                for other in 0..groups {
                    let same = f64::from(u8::from(one == other));
                    let spread = if n > 1.0 { d * (n - d) / (n - 1.0) } else { 0.0 };
                    v[one][other] += spread * at_risk[one] / n * (same - at_risk[other] / n);
                }
            }
        }
    }
    let u: Vec<f64> = (0..groups).map(|group| observed[group] as f64 - expected[group]).collect();
    let chi_square = if groups == 2 {
        (v[0][0] > 1e-12).then(|| u[0] * u[0] / v[0][0])
    } else {
        let determinant = v[0][0] * v[1][1] - v[0][1] * v[1][0];
        let form = u[0] * u[0] * v[1][1] - 2.0 * u[0] * u[1] * v[0][1] + u[1] * u[1] * v[0][0];
        (determinant > 1e-9).then(|| form / determinant)
    };
    (observed, expected, chi_square)
}

fn check_log_rank(got: Option<&LogRank>, strata: &[Vec<Vec<Life>>], groups: usize) -> Result<(), TestCaseError> {
    let (observed, expected, chi_square) = log_rank(strata, groups);
    if groups == 2 || got.is_none() {
        prop_assert_eq!(got.is_some(), chi_square.is_some(), "{:?} {:?}", got, strata);
    }
    let Some(got) = got else { return Ok(()) };
    prop_assert_eq!(&got.observed, &observed);
    prop_assert!(
        got.expected.iter().zip(&expected).all(|(&got, &expected)| near(got, expected)),
        "{got:?} {expected:?}"
    );
    if let Some(chi_square) = chi_square {
        let p = ChiSquared::new((groups - 1) as f64).unwrap().sf(chi_square);
        prop_assert!((got.chi_square - chi_square).abs() < 1e-6, "{got:?}, expected {chi_square}");
        prop_assert!((got.p_value - p).abs() < 1e-6 && got.degrees_of_freedom as usize == groups - 1, "{got:?}");
    }
    Ok(())
}

/// Holm's adjusted p-value by its definition.
fn holm(p_values: &[f64], own: f64) -> f64 {
    let times = |p: f64| p * p_values.iter().filter(|other| **other >= p).count() as f64;
    p_values.iter().filter(|p| **p <= own).map(|&p| times(p)).fold(0.0, f64::max).min(1.0)
}

fn check_common(comparison: &Comparison) -> Result<(), TestCaseError> {
    let p_values: Vec<f64> = comparison.differences().iter().map(|one| one.p_value).collect();
    for one in comparison.differences() {
        prop_assert!(near(one.adjusted_p_value, holm(&p_values, one.p_value)), "{one:?}");
        prop_assert!(one.interval.lower <= one.difference && one.difference <= one.interval.upper, "{one:?}");
        prop_assert!(one.interval.lower < one.interval.upper, "{one:?}");
        prop_assert!((-1.0 - 1e-12..=1.0 + 1e-12).contains(&one.interval.lower) && one.interval.upper <= 1.0 + 1e-12);
    }
    let frame = comparison.to_frame().unwrap();
    prop_assert_eq!((frame.height(), frame.width()), (comparison.differences().len(), 18));
    for name in frame.get_column_names() {
        prop_assert!(name.as_str() == "cohort" || frame.column(name).unwrap().null_count() == 0, "{name}");
    }
    let text = comparison.to_string();
    prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    let back: Comparison = serde_json::from_str(&serde_json::to_string(comparison).unwrap()).unwrap();
    // The reader of JSON may be off in the last digit.
    prop_assert_eq!((back.options(), back.groups()), (comparison.options(), comparison.groups()));
    prop_assert_eq!(back.differences().len(), comparison.differences().len());
    for (back, one) in back.differences().iter().zip(comparison.differences()) {
        prop_assert_eq!((back.group, back.cohort, back.age, back.active), (one.group, one.cohort, one.age, one.active));
        prop_assert!(near(back.interval.upper, one.interval.upper) && near(back.p_value, one.p_value));
    }
    Ok(())
}

/// A log that begins on one of the odder days, of users who come back, with a period that fits its length.
fn logs() -> impl Strategy<Value = (Period, Vec<Event>, (i32, i32))> {
    // 29 December 1969, the last days of 2020 with ISO week 53, and 27 February of a leap year.
    let kinds = vec![(Period::Day, 9), (Period::Week, 50), (Period::Month, 200)];
    (select(kinds), select(vec![-3, 18_622, 19_780])).prop_flat_map(|((period, length), start)| {
        let events = vec((0..20_i64, 0..length), 1..120);
        (events, 0..length / 3).prop_map(move |(events, later)| {
            let events = events.into_iter().map(|(user, day)| event(user, start + day)).collect();
            (period, events, (start, start + length - 1 + later))
        })
    })
}

fn oracle(events: &[Event], between: (i32, i32), keep: impl Fn(i64) -> bool) -> Oracle {
    let micros = |day: i32| i64::from(day) * 86_400_000_000;
    let kept = events.iter().filter(|event| keep(event.user.unwrap()));
    let end = |day: i32| Some(civil::date(1970, 1, 1) + i64::from(day).days());
    let log = Log {
        events: kept.map(|event| (event.user.unwrap(), micros(event.day.unwrap()))).collect(),
        zone: "UTC",
        week_starts: Weekday::Mon,
        observed_from: end(between.0),
        as_of: end(between.1),
    };
    Oracle::new(&log).unwrap()
}

proptest! {
    #[test]
    fn segments_are_those_of_the_oracle(
        (period, events, between) in logs(),
        criterion in select(&CRITERIA[..]),
        segments in 2..=3_i64,
        grace in 1..=3_u32,
    ) {
        let activity = ingest(&events, Mapped::NONE, Some(between));
        let triangles = triangles(&parts(&activity, segments), &RetentionOptions::new(period).criterion(criterion));
        if triangles.len() < 2 {
            prop_assert!(compare(&triangles, ComparisonOptions::new()).is_err());
            return Ok(());
        }
        let options = ComparisonOptions::new().grace(grace).detail(ComparisonDetail::Cohorts);
        let comparison = compare(&triangles, options).unwrap();
        check_common(&comparison)?;

        let oracles: Vec<Oracle> = triangles
            .iter()
            .map(|(name, _)| oracle(&events, between, |user| label(user % segments) == *name))
            .collect();
        let truths: Vec<Triangle<'_>> = oracles.iter().map(|oracle| oracle.triangle(period)).collect();
        let periods = truths[0].periods.len();
        let share = |group: usize, cohort: usize, age: usize| -> Option<Share> {
            let truth = &truths[group];
            let size = truth.members(criterion, cohort, 0).len();
            let seen = truth.coverage(cohort, age) == Coverage::Observed && size > 0;
            seen.then(|| (truth.members(criterion, cohort, age).len() as f64, size as f64))
        };
        let mut found = 0;
        for (group, (name, _)) in triangles.iter().enumerate().skip(1) {
            for age in 1..periods {
                let pairs: Vec<(usize, (Share, Share))> = (0..periods)
                    .filter_map(|cohort| Some((cohort, (share(group, cohort, age)?, share(0, cohort, age)?))))
                    .collect();
                let only: Vec<_> = pairs.iter().map(|pair| pair.1).collect();
                let got = comparison.at(name, age as u32);
                prop_assert_eq!(got.is_some(), !pairs.is_empty());
                let Some(got) = got else { continue };
                found += 1 + pairs.len();
                let sum = |part: fn(&(Share, Share)) -> f64| only.iter().map(part).sum::<f64>() as u64;
                prop_assert_eq!(
                    [got.active, got.eligible, got.baseline_active, got.baseline_eligible, got.cohorts],
                    [sum(|p| p.0.0), sum(|p| p.0.1), sum(|p| p.1.0), sum(|p| p.1.1), pairs.len() as u64]
                );
                let (difference, p) = cmh(&only);
                prop_assert!((got.difference - difference).abs() < 1e-12 && near(got.p_value, p), "{got:?} {p}");
                for (cohort, (own, baseline)) in pairs {
                    let got = comparison.within(name, day(truths[0].periods[cohort].1), age as u32).unwrap();
                    prop_assert_eq!((got.active as f64, got.eligible as f64), own);
                    prop_assert_eq!((got.baseline_active as f64, got.baseline_eligible as f64), baseline);
                    prop_assert!((got.difference - (own.0 / own.1 - baseline.0 / baseline.1)).abs() < 1e-12);
                    prop_assert!(near(got.p_value, z_test(own, baseline)), "{got:?}");
                }
            }
        }
        prop_assert_eq!(comparison.differences().len(), found);

        if matches!(criterion, Criterion::On | Criterion::OnOrBefore) {
            prop_assert_eq!(comparison.log_rank(), None);
        } else {
            let grace = grace as usize;
            let of_cohort = |cohort| truths.iter().map(|truth| lives(truth, cohort, criterion, grace)).collect();
            let strata: Vec<Vec<Vec<Life>>> = (0..periods).map(of_cohort).collect();
            check_log_rank(comparison.log_rank(), &strata, truths.len())?;
        }
    }

    #[test]
    fn cohorts_are_those_of_the_oracle(
        (period, events, between) in logs(),
        criterion in select(&CRITERIA[..]),
        picked in vec(any::<prop::sample::Index>(), 2..=3),
        grace in 1..=2_u32,
    ) {
        let activity = ingest(&events, Mapped::NONE, Some(between));
        let triangle = activity.retention(RetentionOptions::new(period).criterion(criterion)).unwrap();
        let oracle = oracle(&events, between, |_| true);
        let truth = oracle.triangle(period);
        let mut cohorts: Vec<usize> = Vec::new();
        for index in picked {
            let cohort = index.index(truth.periods.len());
            if !cohorts.contains(&cohort) {
                cohorts.push(cohort);
            }
        }
        let days: Vec<Date> = cohorts.iter().map(|&cohort| day(truth.periods[cohort].1)).collect();
        let comparison = triangle.compare(&days, ComparisonOptions::new().grace(grace));
        if cohorts.len() < 2 {
            prop_assert!(matches!(comparison, Err(Error::InvalidOption { option: "groups", .. })), "{comparison:?}");
            return Ok(());
        }
        let comparison = comparison.unwrap();
        check_common(&comparison)?;
        let further = if criterion == Criterion::OnOrAfter { grace as usize } else { 0 };
        let share = |cohort: usize, age: usize| -> Option<Share> {
            let size = truth.members(criterion, cohort, 0).len();
            let seen = last_observed(&truth, cohort).is_some_and(|last| age + further <= last);
            (seen && size > 0).then(|| (truth.members(criterion, cohort, age).len() as f64, size as f64))
        };
        let mut found = 0;
        for &cohort in &cohorts[1..] {
            for age in 1..truth.periods.len() {
                let got = comparison.at(&day(truth.periods[cohort].0).to_string(), age as u32);
                let expected = share(cohort, age).zip(share(cohorts[0], age));
                prop_assert_eq!(got.is_some(), expected.is_some(), "{} {}", cohort, age);
                let Some((got, (own, baseline))) = got.zip(expected) else { continue };
                found += 1;
                prop_assert_eq!((got.active as f64, got.eligible as f64), own);
                prop_assert_eq!((got.baseline_active as f64, got.baseline_eligible as f64), baseline);
                prop_assert!(near(got.p_value, z_test(own, baseline)), "{got:?}");
            }
        }
        prop_assert_eq!(comparison.differences().len(), found);
        if matches!(criterion, Criterion::On | Criterion::OnOrBefore) {
            prop_assert_eq!(comparison.log_rank(), None);
        } else {
            let lives = cohorts.iter().map(|&cohort| lives(&truth, cohort, criterion, grace as usize)).collect();
            check_log_rank(comparison.log_rank(), &[lives], cohorts.len())?;
        }
    }

    #[test]
    fn laws(
        (period, events, between) in logs(),
        shuffled in any::<prop::sample::Index>(),
        criterion in select(&CRITERIA[..]),
    ) {
        let options = RetentionOptions::new(period).criterion(criterion);
        let all = |activity: &Activity| triangles(&parts(activity, 2), &options);
        let detail = || ComparisonOptions::new().grace(1).detail(ComparisonDetail::Cohorts);
        let activity = ingest(&events, Mapped::NONE, Some(between));
        let triangles = all(&activity);
        if triangles.len() < 2 {
            return Ok(());
        }
        let comparison = compare(&triangles, detail()).unwrap();

        // The order of rows makes no difference.
        let mut turned = events.clone();
        turned.rotate_left(shuffled.index(events.len()));
        turned.reverse();
        let other = compare(&all(&ingest(&turned, Mapped::NONE, Some(between))), detail()).unwrap();
        prop_assert_eq!(&other, &comparison);

        // Seen from the other side, the sign turns and nothing else.
        let swapped = compare(&triangles, detail().baseline("s1")).unwrap();
        prop_assert_eq!(swapped.differences().len(), comparison.differences().len());
        for (one, other) in comparison.differences().iter().zip(swapped.differences()) {
            prop_assert_eq!((one.age, one.cohort, one.p_value), (other.age, other.cohort, other.p_value));
            prop_assert_eq!((one.difference, one.interval.lower), (-other.difference, -other.interval.upper));
            prop_assert_eq!((one.active, one.baseline_eligible), (other.baseline_active, other.eligible));
            prop_assert!(near(one.standard_error, other.standard_error));
        }
        prop_assert_eq!(swapped.log_rank(), comparison.log_rank());

        // Everybody has a twin in the other segment.
        let twins: Vec<Event> = events.iter().flat_map(|one| [0, 1].map(|side| {
            event(2 * one.user.unwrap() + side, one.day.unwrap())
        })).collect();
        let alike = compare(&all(&ingest(&twins, Mapped::NONE, Some(between))), detail()).unwrap();
        for one in alike.differences() {
            prop_assert_eq!((one.difference, one.p_value, one.adjusted_p_value), (0.0, 1.0, 1.0));
            prop_assert!((one.interval.lower + one.interval.upper).abs() < 1e-12);
        }
        prop_assert!(alike.log_rank().is_none_or(|test| test.chi_square < 1e-12 && test.p_value > 0.999_999));
        prop_assert_eq!(alike.significant().count(), 0);
    }
}

/// Two segments of equal people, in three daily cohorts: the share of p-values below a level is about that level.
#[test]
fn under_no_difference_p_values_are_uniform() {
    let mut state = 20_240_229_u64;
    let mut chance = |rate: f64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 <= rate
    };
    let mut p_values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut findings = 0;
    for _ in 0..300 {
        let mut events = Vec::new();
        for user in 0..300_i64 {
            // Cohorts differ in how well they stay and in how many of the first segment they have; segments do not.
            let cohort = if user % 2 == 0 { user / 2 % 3 } else { i64::from(chance(0.5)) + i64::from(chance(0.5)) };
            events.push(event(user, cohort as i32));
            let stays = 0.55 + 0.15 * cohort as f64;
            for day in (1..6).take_while(|_| chance(stays)) {
                events.push(event(user, cohort as i32 + day));
            }
        }
        let activity = ingest(&events, Mapped::NONE, Some((0, 7)));
        let options = RetentionOptions::new(Period::Day).criterion(Criterion::Streak);
        let triangles = triangles(&parts(&activity, 2), &options);
        let comparison = compare(&triangles, ComparisonOptions::new().detail(ComparisonDetail::Cohorts)).unwrap();
        findings += u32::from(comparison.significant().next().is_some());
        let mut push = |name, p| p_values.entry(name).or_default().push(p);
        push("log-rank", comparison.log_rank().unwrap().p_value);
        push("over cohorts", comparison.at("s1", 1).unwrap().p_value);
        push("within a cohort", comparison.within("s1", super::log::day(1), 2).unwrap().p_value);
    }
    for (name, p_values) in p_values {
        let below = |level: f64| p_values.iter().filter(|p| **p <= level).count() as f64 / p_values.len() as f64;
        assert!((0.015..0.1).contains(&below(0.05)), "{name}: {}", below(0.05));
        assert!((0.12..0.28).contains(&below(0.2)), "{name}: {}", below(0.2));
        assert!((0.4..0.6).contains(&below(0.5)), "{name}: {}", below(0.5));
        assert!((0.7..0.88).contains(&below(0.8)), "{name}: {}", below(0.8));
    }
    // Holm keeps the chance of even one false finding below the level.
    assert!(findings <= 24, "{findings} of 300");
}

/// A hundred of each segment on day 0; 90 of the first and 60 of the second come back on day 1, half of them on day 2.
fn plain() -> Vec<(String, Retention)> {
    let mut events = Vec::new();
    for (segment, stay) in [(0, 90), (1, 60)] {
        let users = |to: i64| (0..to).map(move |user| 2 * user + segment);
        events.extend(users(100).map(|user| event(user, 0)));
        events.extend(users(stay).map(|user| event(user, 1)));
        events.extend(users(stay / 2).map(|user| event(user, 2)));
    }
    let activity = ingest(&events, Mapped::NONE, Some((0, 2)));
    triangles(&parts(&activity, 2), &RetentionOptions::new(Period::Day).criterion(Criterion::Streak))
}

#[test]
fn by_hand() {
    let comparison = compare(&plain(), ComparisonOptions::new()).unwrap();
    let rates = |one: &RateDifference| (one.age, one.cohorts, one.active, one.eligible, one.baseline_active);
    assert_eq!(
        comparison.differences().iter().map(rates).collect::<Vec<_>>(),
        [(1, 1, 60, 100, 90), (2, 1, 30, 100, 45)]
    );
    let [first, second] = comparison.differences() else { unreachable!() };
    assert!(near(first.difference, -0.3) && near(second.difference, -0.15));
    // Of 150 in 200, 75 each: 15² / (100 x 100 x 150 x 50 / (200² x 199)) = 23.88.
    assert!(near(first.p_value, two_sided(23.88_f64.sqrt())) && near(first.adjusted_p_value, 2.0 * first.p_value));
    assert_eq!((first.smallest_expected, second.adjusted_p_value), (25.0, second.p_value));
    // 50 of 200 are lost at the first age, 75 of 150 at the second, 90 of whom are in the first segment.
    let test = comparison.log_rank().unwrap();
    assert_eq!(test.observed, [55, 70]);
    assert!(near(test.expected[0], 25.0 + 45.0) && near(test.expected[1], 25.0 + 30.0), "{test:?}");
    let variance = 50.0 * 150.0 / 199.0 * 0.25 + 75.0 * 75.0 / 149.0 * 0.6 * 0.4;
    assert!(near(test.chi_square, 225.0 / variance), "{test:?}");

    assert_eq!(comparison.baseline().label, "s0");
    assert_eq!(comparison.groups().iter().map(|group| group.size).collect::<Vec<_>>(), [100, 100]);
    assert_eq!(comparison.significant().count(), 2);
    assert_eq!(
        comparison.conclusion(),
        "The curves differ by more than chance explains (log-rank p = 0.0005): s1 lost 70 where 55.0 would be expected \
         if all were alike. Of 2 differences of rates 2 are significant at 5 % after Holm's correction, most clearly: s1 \
         against s0 at age 1, -30.0 points (95 % interval -40.8 to -18.3)."
    );
    let text = comparison.to_string();
    for line in [
        "Comparison of segments by day, streak, as of 1970-01-03, with s0; rates in %",
        "  s1        1      100   60.0     90.0   -30.0     -40.8 -18.3 < 0.0001 < 0.0001",
        "  log-rank chi-square 12.174, 1 df, p = 0.0005",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn no_evidence_is_not_evidence_of_none() {
    // Five and five, of whom two and three come back.
    let mut events = stayers(0..10, 0);
    events.extend([0, 2, 1, 3, 5].map(|user| event(user, 1)));
    let activity = ingest(&events, Mapped::NONE, Some((0, 1)));
    let parts = parts(&activity, 2);
    let streak = RetentionOptions::new(Period::Day).criterion(Criterion::Streak);
    let conclusion = compare(&triangles(&parts, &streak), ComparisonOptions::new()).unwrap().conclusion();
    assert!(conclusion.contains("no evidence that the curves differ"), "{conclusion}");
    assert!(conclusion.contains("not evidence that they are alike"), "{conclusion}");
    assert!(conclusion.contains("The one difference of rates is not significant at 5 %."), "{conclusion}");
    assert!(conclusion.contains("leaves room for a difference of 59.9 points"), "{conclusion}");
    assert!(conclusion.contains("In 1 of 1 fewer than 5 people"), "{conclusion}");

    let on = compare(&triangles(&parts, &RetentionOptions::new(Period::Day)), ComparisonOptions::new()).unwrap();
    assert!(on.conclusion().contains("ask with the criterion Streak or OnOrAfter"), "{on}");
    assert_eq!(on.log_rank(), None);

    // The last day is open: no age is observed.
    let events = [event(0, 0), event(1, 0)];
    let activity = ingest(&events, Mapped::NONE, Some((0, 0)));
    let nothing = compare(&triangles(&self::parts(&activity, 2), &streak), ComparisonOptions::new()).unwrap();
    assert!(nothing.differences().is_empty() && nothing.log_rank().is_none());
    assert!(nothing.conclusion().contains("No rates could be compared"), "{nothing}");
    assert!(nothing.conclusion().contains("no loss was observed"), "{nothing}");
    assert_eq!(nothing.to_frame().unwrap().shape(), (0, 18));
}

#[test]
fn like_is_compared_with_like() {
    // In either cohort half of both segments come back on the day after; the second cohort's never do on the next. The
    // second segment has mostly the second cohort, so its mean curve is lower and its people are not.
    let mut events = Vec::new();
    let mut user = 0;
    for (segment, cohort, people) in [(0, 0, 80), (0, 1, 8), (1, 0, 8), (1, 1, 80)] {
        for person in 0..people {
            events.push(event(2 * user + segment, cohort));
            let stays = if cohort == 0 { person * 2 < people } else { person * 8 < people };
            if stays {
                events.push(event(2 * user + segment, cohort + 1));
            }
            user += 1;
        }
    }
    let activity = ingest(&events, Mapped::NONE, Some((0, 2)));
    let triangles = triangles(&parts(&activity, 2), &RetentionOptions::new(Period::Day).criterion(Criterion::Streak));
    let comparison = compare(&triangles, ComparisonOptions::new()).unwrap();
    let one = comparison.at("s1", 1).unwrap();
    assert_eq!((one.cohorts, one.difference, one.p_value), (2, 0.0, 1.0));
    assert!(one.baseline_rate() - one.rate() > 0.3);
    let test = comparison.log_rank().unwrap();
    assert!(test.chi_square < 1e-12, "{test:?}");
}

#[test]
fn the_older_cohort_has_no_advantage_in_the_ages_compared() {
    // Both cohorts are alike: everybody comes on the first day and on the fifth after it. Seen on day 6, the second has
    // been watched for four days after its first and looks lost.
    let mut events = stayers(0..20, 0);
    events.extend((0..20).map(|user| event(user, 5)));
    events.extend((20..40).flat_map(|user| [event(user, 2), event(user, 7)]));
    let between = Some((0, 6));
    let kept: Vec<Event> = events.into_iter().filter(|event| event.day.unwrap() <= 6).collect();
    let activity = ingest(&kept, Mapped::NONE, between);
    let triangle = activity.retention(RetentionOptions::new(Period::Day).criterion(Criterion::OnOrAfter)).unwrap();
    let ask = |grace| {
        let cohorts = [date(1970, 1, 1), date(1970, 1, 3)];
        triangle.compare(cohorts, ComparisonOptions::new().grace(grace)).unwrap()
    };
    let hasty = ask(1);
    assert_eq!(hasty.differences().iter().map(|one| one.age).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(hasty.log_rank().unwrap().observed, [20, 20]);
    assert!(hasty.conclusion().contains("more time to come back"), "{hasty}");
    let patient = ask(5);
    assert!(patient.differences().is_empty() && patient.log_rank().is_none(), "{patient}");
}

#[test]
fn options_are_judged() {
    let two = plain();
    let refused = |options: ComparisonOptions| message(&compare(&two, options).unwrap_err());
    assert!(refused(ComparisonOptions::new().confidence(1.0)).starts_with("confidence = 1"));
    assert!(refused(ComparisonOptions::new().baseline("s7")).contains("no group has this label"));
    assert!(refused(ComparisonOptions::new().grace(0)).starts_with("grace = 0"));
    assert!(refused(ComparisonOptions::new().ages([])).starts_with("ages = none"));
    assert!(refused(ComparisonOptions::new().ages([3])).contains("do not reach so far"));

    // At age 0 everybody is there, which speaks for nothing.
    let start = compare(&two, ComparisonOptions::new().ages([0])).unwrap();
    let [everybody] = start.differences() else { panic!("{start}") };
    assert!(near(everybody.difference, 0.0) && near(everybody.p_value, 1.0));

    let one = compare(&two, ComparisonOptions::new().ages([2, 2])).unwrap();
    assert_eq!(one.differences().iter().map(|one| one.age).collect::<Vec<_>>(), [2]);
    assert!(near(one.differences()[0].adjusted_p_value, one.differences()[0].p_value));
    let loose = compare(&two, Correction::None.into()).unwrap();
    assert!(loose.conclusion().contains("without a correction for their number"), "{loose}");
    let options = ComparisonOptions::new().baseline("s1").ages([1]).grace(3).correction(Correction::BenjaminiHochberg);
    let back: ComparisonOptions = serde_json::from_str(&serde_json::to_string(&options).unwrap()).unwrap();
    assert_eq!(back, options);

    let error = |groups: &[(&str, &Retention)]| {
        Comparison::of_segments(groups.iter().copied(), ComparisonOptions::new()).unwrap_err()
    };
    let (left, right) = (&two[0].1, &two[1].1);
    assert!(message(&error(&[])).contains("two groups or more"));
    assert!(message(&error(&[("a", left)])).contains("two groups or more"));
    assert!(message(&error(&[("a", left), ("a", right)])).contains("two groups have this label"));
    let labels: Vec<String> = (0..65).map(|label| label.to_string()).collect();
    let many: Vec<(&str, &Retention)> = labels.iter().map(|label| (label.as_str(), left)).collect();
    assert!(matches!(error(&many), Error::TooLarge { count: 65, .. }));

    let activity = ingest(&stayers(0..4, 20), Mapped::NONE, Some((0, 20)));
    let earlier = activity.at(date(1970, 1, 15)).unwrap();
    let ask = |activity: &Activity, options: RetentionOptions| activity.retention(options).unwrap();
    let asked = ask(&activity, RetentionOptions::new(Period::Day));
    for (other, what) in [
        (ask(&activity, RetentionOptions::new(Period::Week)), "the periods of the groups differ (day and week)"),
        (
            ask(&activity, RetentionOptions::new(Period::Day).criterion(Criterion::Streak)),
            "the criteria of the groups differ (on and streak)",
        ),
        (ask(&earlier, RetentionOptions::new(Period::Day)), "the last days of observation differ"),
    ] {
        let error = error(&[("a", &asked), ("b", &other)]);
        assert!(matches!(error, Error::Incompatible { .. }) && message(&error).starts_with(what), "{error}");
    }
    // What decides only how much is reported may differ.
    let short = ask(&activity, RetentionOptions::new(Period::Day).horizon(3).confidence(0.5));
    let both = Comparison::of_segments([("long", &asked), ("short", &short)], ComparisonOptions::new()).unwrap();
    assert_eq!(both.differences().last().unwrap().age, 3);

    // Weeks that begin on different days, and more cells than can be held.
    let from = |weekday| {
        let calendar = Calendar::utc().week_starts(weekday);
        let activity = Activity::from_frame(&frame(&stayers(0..4, 20)), &Mapped::NONE.columns(), &calendar).unwrap();
        ask(&activity, RetentionOptions::new(Period::Week))
    };
    let error_of_weeks = error(&[("monday", &from(Weekday::Mon)), ("sunday", &from(Weekday::Sun))]);
    assert!(message(&error_of_weeks).starts_with("the cohorts of the groups differ"), "{error_of_weeks}");
    let long = ask(&ingest(&stayers(0..1, 0), Mapped::NONE, Some((0, 1_500))), RetentionOptions::new(Period::Day));
    let options = ComparisonOptions::new().detail(ComparisonDetail::Cohorts);
    let error_of_size = Comparison::of_segments([("a", &long), ("b", &long)], options).unwrap_err();
    assert!(matches!(error_of_size, Error::TooLarge { count: 4_506_002, .. }), "{error_of_size}");

    let days = |days: &[Date]| message(&asked.compare(days, ComparisonOptions::new()).unwrap_err());
    assert!(days(&[date(1970, 1, 1)]).contains("two groups or more"));
    assert!(days(&[date(1970, 1, 1), date(1971, 1, 1)]).starts_with("cohorts = 1971-01-01"));
    assert!(days(&[date(1970, 1, 1), date(1970, 1, 1)]).contains("names the same cohort"));
}

#[test]
fn three_segments_and_a_baseline_in_the_middle() {
    let mut events = stayers(0..90, 0);
    events.extend((0..90).filter(|user| user % 3 != 1 || user % 2 == 0).map(|user| event(user, 1)));
    let activity = ingest(&events, Mapped::NONE, Some((0, 1)));
    let triangles = triangles(&parts(&activity, 3), &RetentionOptions::new(Period::Day).criterion(Criterion::Streak));
    let comparison = compare(&triangles, ComparisonOptions::new().baseline("s1")).unwrap();
    let rows: Vec<(usize, f64)> = comparison.differences().iter().map(|one| (one.group, one.difference)).collect();
    assert_eq!(rows, [(0, 0.5), (2, 0.5)]);
    let test = comparison.log_rank().unwrap();
    assert_eq!((&test.observed[..], &test.expected[..], test.degrees_of_freedom), (&[0, 15, 0][..], &[5.0; 3][..], 2));
    let frame = comparison.to_frame().unwrap();
    let column = |name: &str| frame.column(name).unwrap().str().unwrap().iter().flatten().collect::<Vec<_>>();
    assert_eq!((column("group"), column("baseline")), (vec!["s0", "s2"], vec!["s1", "s1"]));
    assert_eq!(frame.column("cohort").unwrap().dtype(), &DataType::Date);
}
