//! Cumulative incidence and Gray's test, against R's and against what the definitions say person by person.

use std::fs;
use std::path::{Path, PathBuf};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, CauseColumns, CompetingRiskColumns, CompetingRisks, Correction, CumulativeIncidence,
    CumulativeIncidenceOptions, Error, EventColumns, GrayTests, GrayTestsOptions, IncidencePoint, KaplanMeierOptions,
    LifetimeColumns, Lifetimes, LifetimesOptions, SurvivalInterval,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

/// When somebody came under observation, how long they were followed, the cause that ended it, the group and the stratum.
type Spell = (Option<f64>, f64, u8, u8, u8);

const GROUPS: [&str; 3] = ["a", "b", "c"];

fn frame(spells: &[Spell]) -> DataFrame {
    let column = |of: fn(&Spell) -> i32| spells.iter().map(of).collect::<Vec<_>>();
    df!(
        "entry" => spells.iter().map(|spell| spell.0).collect::<Vec<_>>(),
        "time" => spells.iter().map(|spell| spell.1).collect::<Vec<_>>(),
        "cause" => column(|spell| i32::from(spell.2)),
        "group" => spells.iter().map(|spell| GROUPS[spell.3 as usize]).collect::<Vec<_>>(),
        "stratum" => column(|spell| i32::from(spell.4)),
    )
    .unwrap()
}

fn columns() -> CompetingRiskColumns {
    CompetingRiskColumns::new("time", "cause")
}

fn read(spells: &[Spell], columns: &CompetingRiskColumns) -> CompetingRisks {
    CompetingRisks::from_frame(&frame(spells), columns).unwrap()
}

fn incidence(risks: &CompetingRisks) -> CumulativeIncidence {
    risks.cumulative_incidence(CumulativeIncidenceOptions::new()).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/survival")
}

/// A row for each person of the study.
fn mgus2() -> DataFrame {
    let path = folder().join("mgus2.csv");
    let counts = CsvReadOptions::default().try_into_reader_with_file_path(Some(path)).unwrap().finish().unwrap();
    let people = counts.column("people").unwrap().i64().unwrap();
    let rows: IdxCa =
        (0..).zip(people.iter()).flat_map(|(row, people)| (0..people.unwrap()).map(move |_| Some(row))).collect();
    counts.take(&rows).unwrap()
}

#[test]
fn golden() {
    let figures: Value =
        serde_json::from_str(&fs::read_to_string(folder().join("competing_risks.json")).unwrap()).unwrap();
    let study = mgus2();
    let mut figures_seen = 0;
    for case in figures["cases"].as_array().unwrap() {
        let columns = CompetingRiskColumns::new("months", "outcome");
        let columns = if case["group"].is_null() { columns } else { columns.group("sex") };
        let risks = CompetingRisks::from_frame(&study, &columns).unwrap();
        assert_eq!((risks.len(), risks.causes()), (1_384, &["1".to_owned(), "2".to_owned()][..]));
        let answer = incidence(&risks);
        let expected = &case["cuminc"];
        for (place, curve) in expected["curves"].as_array().unwrap().iter().enumerate() {
            let (group, cause) = curve.as_str().unwrap().split_once(' ').unwrap();
            let curve = answer.curve(Some(group).filter(|&group| group != "all"), cause).unwrap();
            for (at, time) in expected["time"].as_array().unwrap().iter().enumerate() {
                let (est, var) = (&expected["est"][place][at], &expected["var"][place][at]);
                let Some(point) = curve.at(time.as_f64().unwrap()) else {
                    assert!(est.is_null(), "{cause} at {time}");
                    continue;
                };
                // Where R's curve has ended, ours may go on to the last that was followed.
                let (Some(est), Some(var)) = (est.as_f64(), var.as_f64()) else { continue };
                assert!((point.incidence - est).abs() < 1e-9, "{cause} at {time}: {point:?} and not {est}");
                assert!((point.standard_error.powi(2) - var).abs() < 1e-12, "{cause} at {time}: {point:?} not {var}");
                figures_seen += 1;
            }
        }
        let Some(tests) = case["gray_test"].as_object() else { continue };
        let got = risks.gray_tests(GrayTestsOptions::new()).unwrap();
        for (place, cause) in tests["cause"].as_array().unwrap().iter().enumerate() {
            let test = got.of(cause.as_str().unwrap()).unwrap();
            let (statistic, p) = (tests["stat"][place].as_f64().unwrap(), tests["p"][place].as_f64().unwrap());
            assert!((test.chi_square / statistic - 1.0).abs() < 1e-9, "{test:?}");
            assert!((test.p_value.unwrap() / p - 1.0).abs() < 1e-9 && test.degrees_of_freedom == 1, "{test:?}");
        }
    }
    assert!(figures_seen > 330, "{figures_seen}");
}

/// Three groups, two strata: the figures are those of the algorithm of R's `cmprsk`, followed line by line in Python.
#[test]
fn gray_within_strata() {
    let spells: Vec<Spell> = (0..90_i32)
        .map(|i| (None, f64::from(i * 7 % 23 + 1), (i * 5 % 11 % 4) as u8, (i * i % 7 % 3) as u8, (i / 3 % 2) as u8))
        .collect();
    for (strata, rho, expected) in [
        (false, 0.0, [0.005_424_560_555_632_992, 0.796_408_585_564_979_2, 0.056_749_903_308_867_72]),
        (false, 1.0, [0.018_937_309_445_276_78, 0.822_345_169_007_799_6, 0.055_411_216_731_952_9]),
        (true, 0.0, [0.039_619_203_235_127_23, 1.079_797_299_755_111_5, 0.010_919_315_021_788_811]),
        (true, 1.0, [0.023_183_229_726_224_19, 1.066_073_085_071_238_8, 0.005_493_368_136_027_494]),
    ] {
        let columns = if strata { columns().group("group").stratum("stratum") } else { columns().group("group") };
        let tests = read(&spells, &columns).gray_tests(GrayTestsOptions::new().rho(rho)).unwrap();
        assert_eq!(tests.tests().iter().map(|test| test.ended).collect::<Vec<_>>(), [25, 24, 16]);
        for (test, expected) in tests.tests().iter().zip(expected) {
            assert!((test.chi_square / expected - 1.0).abs() < 1e-9, "{strata} {rho} {test:?}");
            assert_eq!(test.degrees_of_freedom, 2);
        }
    }
}

/// Whoever is censored leaves their part in equal shares to those who go on; so each cause gets what it is due.
fn redistributed(spells: &[Spell], cause: u8, at: f64) -> f64 {
    let mut spells = spells.to_vec();
    spells.sort_by(|left, right| left.1.total_cmp(&right.1).then((left.2 == 0).cmp(&(right.2 == 0))));
    let mut parts = vec![1.0 / spells.len() as f64; spells.len()];
    for place in 0..spells.len() {
        let rest = spells.len() - place - 1;
        if spells[place].2 == 0 && rest > 0 {
            let share = parts[place] / rest as f64;
            parts[place] = 0.0;
            parts[place + 1..].iter_mut().for_each(|part| *part += share);
        }
    }
    let gone = spells.iter().zip(&parts).filter(|(spell, _)| spell.2 == cause && spell.1 <= at);
    gone.map(|(_, part)| part).sum()
}

/// Aalen's variance as it is defined, by one look at everybody for each earlier time.
fn variance(spells: &[Spell], cause: u8, at: f64) -> f64 {
    let mut times: Vec<f64> = spells.iter().map(|spell| spell.1).filter(|&time| time <= at).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let count = |holds: &dyn Fn(&Spell) -> bool| spells.iter().filter(|spell| holds(spell)).count() as f64;
    let (mut free, mut incidence, mut steps) = (1.0, 0.0, Vec::new());
    for time in times {
        let n = count(&|spell| spell.0.is_none_or(|entry| entry < time) && time <= spell.1);
        let d = count(&|spell| spell.1 == time && spell.2 == cause);
        let others = count(&|spell| spell.1 == time && spell.2 != cause && spell.2 != 0);
        incidence += free * d / n;
        let left = free * (1.0 - (d + others) / n);
        steps.push((free, left, incidence, n, d, others));
        free = left;
    }
    let part = |&(before, left, then, n, d, others): &(f64, f64, f64, f64, f64, f64)| {
        let later = if left > 1e-12 { (incidence - then) / left } else { 0.0 };
        let ties = |m: f64| if m > 1.0 { (n - m) / (n - 1.0) } else { 1.0 };
        let own = (1.0 - later).powi(2) * ties(d) * d / (n * n);
        let other = later.powi(2) * ties(others) * others / (n * n);
        before * before * (own + other)
    };
    steps.iter().map(part).sum()
}

fn check_points(points: &[IncidencePoint], spells: &[Spell], cause: u8) {
    for point in points {
        let (time, n) = (point.time, spells.len() as f64);
        let expected = variance(spells, cause, time);
        assert!((point.standard_error.powi(2) - expected).abs() < 1e-9 / n, "{point:?} and not {expected}");
        if let Some(interval) = point.interval {
            assert!((0.0..=point.incidence + 1e-12).contains(&interval.lower), "{point:?}");
            assert!((point.incidence - 1e-12..=1.0).contains(&interval.upper), "{point:?}");
        }
    }
}

/// What holds of any curves.
fn laws(risks: &CompetingRisks, answer: &CumulativeIncidence) {
    let ended: u64 = answer.curves().iter().map(attrition::IncidenceCurve::ended).sum();
    assert_eq!(ended, risks.ended());
    for group in risks.groups().iter().map(Option::as_deref) {
        let of = |cause: &String| answer.curve(group, cause).unwrap();
        let curves: Vec<_> = risks.causes().iter().map(of).collect();
        for time in (0..48).map(|step| f64::from(step) / 8.0) {
            let Some(remaining) = answer.remaining(group, time) else {
                assert!(curves.iter().all(|curve| curve.at(time).is_none()));
                continue;
            };
            let gone: f64 = curves.iter().map(|curve| curve.at(time).unwrap().incidence).sum();
            assert!((gone + remaining - 1.0).abs() < 1e-9, "{gone} and {remaining} at {time}");
        }
        for curve in curves {
            assert!(curve.points().is_sorted_by(|one, next| one.incidence <= next.incidence && one.time < next.time));
            assert_eq!([-1.0, f64::NAN, f64::NEG_INFINITY].map(|time| curve.at(time)), [None; 3]);
        }
    }
    let rows: usize = answer.curves().iter().map(|curve| curve.points().len()).sum();
    let frame = answer.to_frame().unwrap();
    assert_eq!(frame.shape(), (rows, 10));
    let left = frame.column("remaining").unwrap().f64().unwrap().clone();
    let points = answer.curves().iter().flat_map(|curve| curve.points().iter().map(move |point| (curve, point)));
    for ((curve, point), left) in points.zip(left.iter()) {
        assert_eq!(answer.remaining(curve.group.as_deref(), point.time), left);
    }
    let text = answer.to_string();
    assert!(text.lines().count() <= 18 && text.lines().all(|line| line.chars().count() <= 88), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    let stored = serde_json::to_string(answer).unwrap();
    assert_eq!(&serde_json::from_str::<CumulativeIncidence>(&stored).unwrap(), answer);
    let stored = serde_json::to_string(risks).unwrap();
    assert_eq!(&serde_json::from_str::<CompetingRisks>(&stored).unwrap(), risks);
}

fn spells() -> impl Strategy<Value = Vec<Spell>> {
    let time = prop_oneof![(0..6_i32).prop_map(f64::from), (0..40_i32).prop_map(|time| f64::from(time) / 8.0)];
    let entry = option::of((-4..40_i32).prop_map(|entry| f64::from(entry) / 8.0));
    let spell = (entry, time, 0..4_u8, 0..3_u8, 0..2_u8);
    let spell = spell.prop_map(|(entry, time, cause, group, stratum)| {
        (entry.filter(|&entry| entry < time), time, cause, group, stratum)
    });
    vec(spell, 1..50)
}

proptest! {
    #[test]
    fn curves_are_as_the_definitions_say(spells in spells()) {
        let on_time: Vec<Spell> = spells.iter().map(|&(_, t, cause, group, stratum)| (None, t, cause, group, stratum)).collect();
        let all = read(&on_time, &columns());
        let answer = incidence(&all);
        laws(&all, &answer);
        for curve in answer.curves() {
            let cause: u8 = curve.cause.parse().unwrap();
            check_points(curve.points(), &on_time, cause);
            for point in curve.points() {
                let expected = redistributed(&on_time, cause, point.time);
                prop_assert!((point.incidence - expected).abs() < 1e-9, "{:?} and not {}", point, expected);
            }
        }
        // By group they are those of the group alone.
        let grouped = read(&on_time, &columns().group("group"));
        let by_group = incidence(&grouped);
        laws(&grouped, &by_group);
        for (name, group) in (0..).zip(GROUPS).map(|(place, group)| (group, place)) {
            let own: Vec<Spell> = on_time.iter().filter(|spell| spell.3 == group).copied().collect();
            if own.is_empty() { continue }
            let alone = incidence(&read(&own, &columns()));
            prop_assert_eq!(by_group.lifetimes(Some(name)), Some(own.len() as u64));
            for curve in alone.curves() {
                prop_assert_eq!(by_group.curve(Some(name), &curve.cause).unwrap().points(), curve.points());
            }
        }
    }

    #[test]
    fn late_entry(spells in spells()) {
        let late = read(&spells, &columns().entry("entry"));
        let answer = incidence(&late);
        laws(&late, &answer);
        for curve in answer.curves() {
            check_points(curve.points(), &spells, curve.cause.parse().unwrap());
        }
        // What remains is the curve of Kaplan and Meier, whatever ended them.
        let mut frame = frame(&spells);
        frame.with_column(Column::new("ended".into(), spells.iter().map(|spell| spell.2 > 0).collect::<Vec<_>>())).unwrap();
        let lifetimes = Lifetimes::from_frame(&frame, &LifetimeColumns::new("time", "ended").entry("entry")).unwrap();
        for point in lifetimes.kaplan_meier(KaplanMeierOptions::new()).unwrap().points() {
            let remaining = answer.remaining(None, point.time).unwrap();
            prop_assert!((remaining - point.survival).abs() < 1e-12);
        }
    }

    #[test]
    fn tests_do_not_mind_names_and_order(spells in spells(), rho in prop_oneof![Just(0.0), Just(0.5)]) {
        let on_time: Vec<Spell> = spells.iter().map(|&(_, t, cause, group, stratum)| (None, t, cause, group, stratum)).collect();
        let tests = |spells: &[Spell], strata: bool| -> Option<GrayTests> {
            let columns = if strata { columns().group("group").stratum("stratum") } else { columns().group("group") };
            read(spells, &columns).gray_tests(GrayTestsOptions::new().rho(rho)).ok()
        };
        let turn = |&(entry, t, cause, group, stratum): &Spell| (entry, t, cause, 2 - group, stratum);
        let turned: Vec<Spell> = on_time.iter().rev().map(turn).collect();
        for strata in [false, true] {
            let (Some(got), Some(other)) = (tests(&on_time, strata), tests(&turned, strata)) else { continue };
            for (got, other) in got.tests().iter().zip(other.tests()) {
                prop_assert_eq!((&got.cause, got.ended, got.degrees_of_freedom), (&other.cause, other.ended, other.degrees_of_freedom));
                prop_assert!((got.chi_square - other.chi_square).abs() <= 1e-6 * (1.0 + got.chi_square), "{:?} {:?}", got, other);
                prop_assert!(got.p_value.is_none_or(|p| (0.0..=1.0).contains(&p)));
                prop_assert!(got.adjusted_p_value >= got.p_value);
            }
            prop_assert_eq!(got.to_frame().unwrap().shape(), (got.tests().len(), 6));
            // But for the last digit of its floats, what is stored comes back.
            let stored = serde_json::to_string(&got).unwrap();
            prop_assert_eq!(serde_json::from_str::<GrayTests>(&stored).unwrap().to_string(), got.to_string());
        }
        let shuffled: Vec<Spell> = on_time.iter().rev().copied().collect();
        prop_assert_eq!(incidence(&read(&shuffled, &columns())), incidence(&read(&on_time, &columns())));
    }
}

#[test]
fn gray_finds_what_is_there_and_little_else() {
    // A generator of its own: the low bits of an LCG are poor, the high ones will do.
    let mut state = 7_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    let mut run = |faster: f64| {
        let spells: Vec<Spell> = (0..200)
            .map(|row| {
                let group = (row % 2) as u8;
                let own = -uniform().max(1e-9).ln() / if group == 1 { faster } else { 1.0 };
                let (other, until) = (-uniform().max(1e-9).ln(), 3.0 * uniform());
                let time = own.min(other).min(until);
                let cause = if time == until { 0 } else { 1 + u8::from(other < own) };
                (None, time, cause, group, 0)
            })
            .collect();
        let tests = read(&spells, &columns().group("group")).gray_tests(GrayTestsOptions::new()).unwrap();
        tests.of("1").unwrap().p_value.unwrap()
    };
    let mut found = |faster| (0..400).filter(|_| run(faster) < 0.05).count();
    // Of 400 without a difference 20 are found, give or take 2.5 standard deviations.
    let (none, some) = (found(1.0), found(2.5));
    assert!((9..=31).contains(&none), "{none}");
    assert!(some > 300, "{some}");
}

#[test]
fn edges() {
    let message = |error: Error| error.to_string();
    let risks = read(&[(None, 2.0, 1, 0, 0), (None, 3.0, 0, 1, 0)], &columns());
    assert_eq!(risks.to_string(), "2 lifetimes, 1 ended by 1 causes, 1 censored; 1 groups");
    let error = risks.cumulative_incidence(CumulativeIncidenceOptions::new().confidence(1.0)).unwrap_err();
    assert!(message(error).starts_with("confidence = 1"));
    assert!(message(risks.gray_tests(GrayTestsOptions::new()).unwrap_err()).starts_with("groups = 1"));
    let late = read(&[(Some(1.0), 2.0, 1, 0, 0), (None, 3.0, 0, 1, 0)], &columns().entry("entry").group("group"));
    assert!(message(late.gray_tests(GrayTestsOptions::new()).unwrap_err()).starts_with("entry = 1"));
    let two = read(&[(None, 2.0, 1, 0, 0), (None, 3.0, 0, 1, 0)], &columns().group("group"));
    let rho = GrayTestsOptions::new().rho(f64::NAN);
    assert!(message(two.gray_tests(rho).unwrap_err()).starts_with("rho = NaN"));
    let tests = two.gray_tests(GrayTestsOptions::new().correction(Correction::None)).unwrap();
    assert_eq!(tests.tests()[0].degrees_of_freedom, 1);

    // Nobody; nobody who ended; nobody left.
    let nobody = read(&[], &columns());
    assert!(nobody.is_empty() && incidence(&nobody).curves().is_empty());
    assert_eq!(incidence(&nobody).remaining(None, 0.0), None);
    let nobody_ended = incidence(&read(&[(None, 2.0, 0, 0, 0)], &columns()));
    assert_eq!((nobody_ended.remaining(None, 2.0), nobody_ended.remaining(None, 2.1)), (Some(1.0), None));
    let gone = incidence(&read(&[(None, 2.0, 1, 0, 0)], &columns()));
    let point = gone.curve(None, "1").unwrap().at(1e300).unwrap();
    // One person, as R has it: all of the variance is left.
    assert_eq!((point.incidence, point.standard_error, point.interval), (1.0, 1.0, None));
    assert_eq!(gone.curve(None, "1").unwrap().at(1.0).unwrap().incidence, 0.0);
    assert_eq!(gone.remaining(None, 1e300), Some(0.0));
    let plain = read(&[(None, 2.0, 1, 0, 0)], &columns()).cumulative_incidence(SurvivalInterval::Plain).unwrap();
    let interval = plain.curve(None, "1").unwrap().points()[0].interval.unwrap();
    assert_eq!((interval.lower, interval.upper), (0.0, 1.0));

    // Text, nulls, and a group of those without one.
    let frame = df!(
        "t" => [Some(1), Some(2), None, Some(3)],
        "why" => [Some("b"), None, Some("a"), Some("b")],
        "plan" => [Some("x"), None, Some("x"), Some("x")],
    )
    .unwrap();
    let risks = CompetingRisks::from_frame(&frame, &CompetingRiskColumns::new("t", "why").group("plan")).unwrap();
    assert_eq!((risks.len(), risks.incomplete(), risks.ended()), (3, 1, 2));
    assert_eq!(
        (risks.causes(), risks.groups()),
        (&["a".to_owned(), "b".to_owned()][..], &[Some("x".to_owned()), None][..])
    );
    let answer = incidence(&risks);
    assert_eq!(answer.curve(Some("x"), "a").unwrap().at(3.0).unwrap().incidence, 0.0);
    assert_eq!(answer.remaining(None, 2.0), Some(1.0));
    // Integers in their own order.
    let frame = df!("t" => [1, 1, 1, 1], "why" => [10, 9, 0, -1]).unwrap();
    let risks = CompetingRisks::from_frame(&frame, &CompetingRiskColumns::new("t", "why")).unwrap();
    assert_eq!((risks.causes().join(" "), risks.ended()), ("-1 9 10".to_owned(), 3));
    // Too many.
    let many: Vec<i32> = (1..=1_001).collect();
    let frame = df!("t" => &many, "why" => &many).unwrap();
    let error = CompetingRisks::from_frame(&frame, &CompetingRiskColumns::new("t", "why")).unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "causes", count: 1_001, .. }));
    // Edited by hand.
    let stored = serde_json::to_string(&answer).unwrap();
    for (from, to) in
        [("\"count\":1", "\"count\":9"), ("\"times\":[1.0", "\"times\":[7.0"), ("\"cause\":1", "\"cause\":2")]
    {
        let edited = stored.replacen(from, to, 1);
        assert!(edited != stored && serde_json::from_str::<CumulativeIncidence>(&edited).is_err(), "{to}");
    }
}

#[test]
fn causes_of_an_activity() {
    let mut events = df!("user" => [1, 2, 3, 4, 1, 5], "day" => [0, 0, 2, 5, 40, 39]).unwrap();
    events.apply("day", |day| (day + 19_723).cast(&DataType::Date).unwrap()).unwrap();
    let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc()).unwrap();
    let lifetimes = activity.lifetimes(LifetimesOptions::new(30)).unwrap();
    let reasons = df!("who" => [1, 2, 4], "why" => ["price", "price", "bugs"], "plan" => ["s", "s", "m"]).unwrap();
    let risks = lifetimes.by_cause(&reasons, &CauseColumns::new("who", "why").group("plan")).unwrap();
    // 1 is here still, 5 undecided; of 3 nobody knows.
    assert_eq!(risks.causes().join(" "), "bugs price not told");
    assert_eq!(risks.groups(), [Some("m".to_owned()), Some("s".to_owned()), None]);
    assert_eq!((risks.len(), risks.ended(), risks.incomplete()), (4, 3, 1));
    let answer = incidence(&risks);
    assert_eq!(answer.curve(Some("s"), "price").unwrap().at(5.0).unwrap().incidence, 0.5);
    assert_eq!(answer.curve(None, "not told").unwrap().ended(), 1);
    let columns = LifetimeColumns::new("t", "e");
    let read = Lifetimes::from_frame(&df!("t" => [1], "e" => [1]).unwrap(), &columns).unwrap();
    let error = read.by_cause(&reasons, &CauseColumns::new("who", "why")).unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
}
