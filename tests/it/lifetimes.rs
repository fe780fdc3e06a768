//! Lifetimes, their table of events and the survival curve, against what the definitions say person by person.

mod golden;

use std::collections::BTreeSet;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Censoring, Date, Error, EventTable, EventTableRow, KaplanMeier, KaplanMeierOptions, LifetimeColumns,
    LifetimeState, Lifetimes, LifetimesOptions, RestrictedMean, SegmentColumns, SurvivalInterval, SurvivalPoint,
    SurvivalQuantile, date,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use super::lifecycle::reshaped;
use super::log::{self, Event, Mapped, event, message};
use super::oracle::{Oracle, day};
use super::properties::{both, logs, some_day};

const CENSORINGS: [Censoring; 3] = [Censoring::DecidedDay, Censoring::LastActivity, Censoring::AsOf];
const INTERVALS: [SurvivalInterval; 3] = [SurvivalInterval::LogLog, SurvivalInterval::Log, SurvivalInterval::Plain];
const STATES: [LifetimeState; 3] = [LifetimeState::Ended, LifetimeState::Ongoing, LifetimeState::Undecided];

/// When somebody came under observation, how long they were followed, and whether they had ended then.
type Spell = (Option<f64>, f64, bool);

fn read(spells: &[Spell], entries: bool) -> Lifetimes {
    let time: Vec<f64> = spells.iter().map(|spell| spell.1).collect();
    let ended: Vec<bool> = spells.iter().map(|spell| spell.2).collect();
    let entry: Vec<Option<f64>> = spells.iter().map(|spell| spell.0).collect();
    let frame = df!("time" => time, "ended" => ended, "entry" => entry).unwrap();
    let columns = LifetimeColumns::new("time", "ended");
    Lifetimes::from_frame(&frame, &if entries { columns.entry("entry") } else { columns }).unwrap()
}

/// The table by one look at everybody for each time.
fn expected_rows(spells: &[Spell]) -> Vec<EventTableRow> {
    let times: BTreeSet<u64> = spells.iter().map(|spell| spell.1.to_bits()).collect();
    let mut before = f64::NEG_INFINITY;
    let mut rows = Vec::new();
    for time in times.into_iter().map(f64::from_bits) {
        let count = |holds: &dyn Fn(f64, f64, bool) -> bool| {
            let of = |&&(entry, until, ended): &&Spell| holds(entry.unwrap_or(f64::NEG_INFINITY), until, ended);
            spells.iter().filter(of).count() as u64
        };
        let first = before.is_infinite();
        rows.push(EventTableRow {
            time,
            entered: count(&|entry, _, _| entry < time && (first || before <= entry)),
            at_risk: count(&|entry, until, _| entry < time && time <= until),
            ended: count(&|_, until, ended| until == time && ended),
            censored: count(&|_, until, ended| until == time && !ended),
        });
        before = time;
    }
    rows
}

/// What Efron showed the estimate to be: whoever is censored leaves their part in equal shares to those who go on.
fn redistributed(spells: &[Spell], at: f64) -> f64 {
    let mut spells = spells.to_vec();
    spells.sort_by(|left, right| left.1.total_cmp(&right.1).then(right.2.cmp(&left.2)));
    let mut parts = vec![1.0 / spells.len() as f64; spells.len()];
    for place in 0..spells.len() {
        let rest = spells.len() - place - 1;
        if !spells[place].2 && rest > 0 {
            let share = parts[place] / rest as f64;
            parts[place] = 0.0;
            parts[place + 1..].iter_mut().for_each(|part| *part += share);
        }
    }
    let gone = spells.iter().zip(&parts).filter(|(spell, _)| spell.2 && spell.1 <= at);
    1.0 - gone.map(|(_, part)| part).sum::<f64>()
}

/// What holds of any curve.
fn check_curve(curve: &KaplanMeier) {
    let rows = curve.event_table().rows();
    assert_eq!(curve.points().len(), rows.len());
    assert!(curve.points().is_sorted_by(|one, next| one.survival >= next.survival));
    assert!(curve.points().is_sorted_by(|one, next| one.cumulative_hazard <= next.cumulative_hazard));
    for (place, point) in curve.points().iter().enumerate() {
        let hazard = point.cumulative_hazard;
        // 1 - x <= exp(-x), step by step.
        assert!((0.0..=1.0).contains(&point.survival) && point.survival <= (-hazard).exp() + 1e-12);
        assert_eq!(point.standard_error.is_none(), point.survival == 0.0);
        assert!(point.standard_error.is_none_or(|error| error.is_finite() && error >= 0.0));
        assert!(point.cumulative_hazard_error.is_finite());
        if let Some(interval) = point.interval {
            assert!(0.0 <= interval.lower && interval.upper <= 1.0);
            assert!(interval.lower <= point.survival + 1e-12 && point.survival <= interval.upper + 1e-12);
        }
        assert_eq!(curve.at(point.time), Some(*point));
        if let Some(next) = curve.points().get(place + 1) {
            let between = f64::midpoint(point.time, next.time);
            assert_eq!(curve.at(between), Some(SurvivalPoint { time: between, ..*point }));
        }
    }
    assert_eq!([-1.0, f64::NAN, f64::NEG_INFINITY].map(|time| curve.at(time)), [None; 3]);
    let last = curve.points().last();
    let everybody_gone = last.is_some_and(|point| point.survival == 0.0);
    assert_eq!(curve.at(1e300).map(|point| point.survival), everybody_gone.then_some(0.0));
    for share in [0.1, 0.25, 0.5, 0.9] {
        let quantile = curve.quantile(share).unwrap();
        let fallen = last.is_some_and(|point| 1.0 - point.survival >= share - 1e-9);
        assert_eq!((quantile.share, quantile.time.is_some()), (share, fallen));
        let Some(time) = quantile.time else { continue };
        assert!(curve.at(time).unwrap().survival <= 1.0 - share + 1e-7);
        assert!(curve.points().iter().all(|point| point.time >= time || point.survival >= 1.0 - share - 1e-7));
        assert!(quantile.lower.is_none_or(|lower| lower <= time) && quantile.upper.is_none_or(|upper| time <= upper));
    }
    assert_eq!(curve.median(), curve.quantile(0.5).unwrap());
    if let Some(until) = last.map(|point| point.time).filter(|&time| time > 0.0) {
        let mean = curve.restricted_mean(until).unwrap();
        assert!(0.0 <= mean.mean && mean.mean <= until + 1e-9 && mean.standard_error.is_finite());
        let shorter = curve.restricted_mean(until / 2.0).unwrap();
        assert!(shorter.mean <= mean.mean + 1e-9 && shorter.mean >= mean.mean / 2.0 - 1e-9);
        assert_eq!(curve.restricted_mean(until * 2.0).is_ok(), everybody_gone);
    }
    let frame = curve.to_frame().unwrap();
    assert_eq!(frame.shape(), (rows.len(), 10));
    let text = curve.to_string();
    assert!(text.lines().count() <= 16 && text.lines().all(|line| line.len() <= 80), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

/// What holds of any lifetimes.
fn laws(lifetimes: &Lifetimes) {
    let table = lifetimes.event_table();
    let [ended, ongoing, undecided] = STATES.map(|state| lifetimes.count(state));
    assert_eq!(ended + ongoing + undecided, lifetimes.len() as u64);
    assert_eq!((table.ended(), table.censored(), table.lifetimes()), (ended, ongoing, ended + ongoing));
    let mut left = 0;
    for row in table.rows() {
        assert_eq!(left + row.entered, row.at_risk);
        assert!(row.ended + row.censored > 0);
        left = row.at_risk - row.ended - row.censored;
    }
    assert_eq!(left, 0);
    assert!(table.rows().is_sorted_by(|one, next| one.time < next.time));
    assert_eq!(table.to_frame().unwrap().shape(), (table.rows().len(), 5));
    assert_eq!(lifetimes.to_frame().unwrap().height(), lifetimes.len());
    for text in [lifetimes.to_string(), table.to_string()] {
        assert!(text.lines().count() <= 18 && text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
    for interval in INTERVALS {
        check_curve(&lifetimes.kaplan_meier(KaplanMeierOptions::from(interval).confidence(0.9)).unwrap());
    }
    let stored = serde_json::to_string(lifetimes).unwrap();
    assert_eq!(&serde_json::from_str::<Lifetimes>(&stored).unwrap(), lifetimes);
}

fn all_laws(activity: &Activity) {
    for silence in [1, 7, 30, 36_525] {
        let of = |censoring| activity.lifetimes(LifetimesOptions::new(silence).censoring(censoring)).unwrap();
        let all = CENSORINGS.map(of);
        all.iter().for_each(laws);
        assert_eq!(activity.lifetimes(silence).unwrap(), all[0]);
        // The ends are the same, and those at risk are ever more.
        assert!(all.iter().all(|one| one.count(LifetimeState::Ended) == all[0].count(LifetimeState::Ended)));
        assert_eq!([1, 2].map(|place| all[place].count(LifetimeState::Undecided)), [0, 0]);
        let curves = all.map(|one| one.kaplan_meier(KaplanMeierOptions::new()).unwrap());
        for pair in curves.windows(2) {
            for point in pair[0].points() {
                assert!(pair[1].at(point.time).is_some_and(|higher| higher.survival >= point.survival - 1e-12));
            }
        }
    }
}

/// Everybody of a log, day by day.
fn check(
    lifetimes: &Lifetimes,
    oracle: &Oracle,
    options: &LifetimesOptions,
    silence: i32,
    censoring: Censoring,
    from: Option<Date>,
) -> Result<(), TestCaseError> {
    let as_of = day(oracle.last);
    let mut spells: Vec<Spell> = Vec::new();
    let (mut earlier, mut undecided) = (0, 0);
    for (&actor, days) in &oracle.days {
        let (first, last) = (day(*days.first().unwrap()), day(*days.last().unwrap()));
        let got = lifetimes.of(actor);
        if from.is_some_and(|from| first < from) {
            earlier += 1;
            prop_assert!(got.is_none());
            continue;
        }
        // So many days have gone by in which nothing happened, as far as it is known.
        let ended = as_of - last >= silence;
        let until = match (ended, censoring) {
            (true, _) | (false, Censoring::LastActivity) => last,
            (false, Censoring::AsOf) => as_of,
            (false, Censoring::DecidedDay) => as_of - silence,
        };
        let followed = until - first;
        let state = match (followed < 0, ended) {
            (true, _) => LifetimeState::Undecided,
            (_, true) => LifetimeState::Ended,
            _ => LifetimeState::Ongoing,
        };
        let got = got.unwrap();
        prop_assert_eq!((got.first_day, got.last_day, got.state), (first, last, state));
        prop_assert_eq!(i64::from(got.tenure), i64::from(last - first));
        prop_assert_eq!(got.time.map(i64::from), (followed >= 0).then_some(i64::from(followed)));
        if followed < 0 {
            undecided += 1;
        } else {
            spells.push((None, f64::from(followed), ended));
        }
    }
    prop_assert_eq!(lifetimes.options(), Some(options));
    prop_assert_eq!((lifetimes.observed_from(), lifetimes.as_of()), (Some(day(oracle.first)), Some(as_of)));
    prop_assert_eq!((lifetimes.earlier(), lifetimes.incomplete()), (earlier, 0));
    prop_assert_eq!(lifetimes.count(LifetimeState::Undecided), undecided);
    let table = lifetimes.event_table();
    prop_assert_eq!(table.rows(), &expected_rows(&spells)[..]);
    // The same people, read from columns.
    let read = read(&spells, false);
    prop_assert_eq!(&read.event_table(), &table);
    let kinds = KaplanMeierOptions::new();
    prop_assert_eq!(read.kaplan_meier(kinds.clone()).unwrap(), lifetimes.kaplan_meier(kinds).unwrap());
    Ok(())
}

fn spells() -> impl Strategy<Value = Vec<Spell>> {
    let time = prop_oneof![(0..6_i32).prop_map(f64::from), (0..40_i32).prop_map(|time| f64::from(time) / 8.0)];
    let entry = option::of((-4..40_i32).prop_map(|entry| f64::from(entry) / 8.0));
    let spell = (entry, time, any::<bool>());
    vec(spell.prop_map(|(entry, time, ended)| (entry.filter(|&entry| entry < time), time, ended)), 0..40)
}

proptest! {
    #[test]
    fn everybody_is_as_the_oracle_says(
        log in logs(120),
        silence in prop_oneof![1..=40_i32, Just(200)],
        censoring in select(&CENSORINGS[..]),
        from in option::of(any::<Index>()),
    ) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let from = from.map(|from| day(some_day(&oracle, from)));
        let mut options = LifetimesOptions::new(u32::try_from(silence).unwrap()).censoring(censoring);
        if let Some(from) = from {
            options = options.starting_from(from);
        }
        let lifetimes = activity.lifetimes(options.clone()).unwrap();
        check(&lifetimes, &oracle, &options, silence, censoring, from)?;
        laws(&lifetimes);
    }

    #[test]
    fn laws_hold_whatever_the_log(log in logs(90)) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        all_laws(&activity);
    }

    #[test]
    fn the_shape_of_the_log_makes_no_difference(log in logs(60), cut in any::<Index>(), silence in 1..20_u32) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        for censoring in CENSORINGS {
            let options = LifetimesOptions::new(silence).censoring(censoring);
            let expected = activity.lifetimes(options.clone()).unwrap();
            for (what, other) in reshaped(&log, &oracle, cut) {
                prop_assert_eq!(&other.lifetimes(options.clone()).unwrap(), &expected, "{}", what);
            }
        }
    }

    #[test]
    fn segments_add_up(log in logs(60), silence in 1..20_u32) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        let segments = df!("id" => [0_i64, 1, 2, 3, 9], "segment" => ["a", "b", "a", "b", "c"]).unwrap();
        let split = activity.split_by(&segments, &SegmentColumns::new("id", "segment")).unwrap();
        let whole = activity.lifetimes(silence).unwrap();
        let parts = split.each(|part| part.lifetimes(silence)).unwrap();
        prop_assert_eq!(parts.to_frame().unwrap().height(), whole.len());
        for row in whole.event_table().rows() {
            let of_parts = parts.iter().map(|(_, part)| part.event_table());
            // At risk are those who go at this time or later.
            let (mut ended, mut at_risk) = (0, 0);
            for table in of_parts {
                let later = table.rows().iter().find(|other| other.time >= row.time);
                at_risk += later.map_or(0, |later| later.at_risk);
                ended += later.filter(|later| later.time == row.time).map_or(0, |later| later.ended);
            }
            prop_assert_eq!((ended, at_risk), (row.ended, row.at_risk));
        }
    }

    #[test]
    fn tables_and_curves_of_columns(spells in spells()) {
        let late = read(&spells, true);
        let table = late.event_table();
        prop_assert_eq!(table.rows(), &expected_rows(&spells)[..]);
        laws(&late);
        let from_start: Vec<Spell> = spells.iter().map(|&(_, time, ended)| (None, time, ended)).collect();
        let lifetimes = read(&spells, false);
        let table = lifetimes.event_table();
        prop_assert_eq!(table.rows(), &expected_rows(&from_start)[..]);
        laws(&lifetimes);
        let curve = lifetimes.kaplan_meier(KaplanMeierOptions::new()).unwrap();
        for point in curve.points() {
            prop_assert!((point.survival - redistributed(&from_start, point.time)).abs() < 1e-9);
        }
        let turned: Vec<Spell> = spells.iter().rev().copied().collect();
        prop_assert_eq!(read(&turned, true).event_table(), late.event_table());
    }

    #[test]
    fn without_censoring_it_is_the_share_of_those_who_last_longer(times in vec(0..30_u8, 1..40)) {
        let spells: Vec<Spell> = times.iter().map(|&time| (None, f64::from(time), true)).collect();
        let curve = read(&spells, false).kaplan_meier(SurvivalInterval::Plain).unwrap();
        let all = times.len() as f64;
        for point in curve.points() {
            let longer = times.iter().filter(|&&time| f64::from(time) > point.time).count() as f64 / all;
            prop_assert!((point.survival - longer).abs() < 1e-12);
            let binomial = (longer * (1.0 - longer) / all).sqrt();
            prop_assert!(point.standard_error.is_none_or(|error| (error - binomial).abs() < 1e-12));
        }
        let last = f64::from(*times.iter().max().unwrap());
        if last > 0.0 {
            let mean = curve.restricted_mean(last).unwrap();
            let plain = times.iter().copied().map(f64::from).sum::<f64>() / all;
            let spread = times.iter().map(|&time| (f64::from(time) - plain).powi(2)).sum::<f64>() / all;
            prop_assert!((mean.mean - plain).abs() < 1e-9);
            prop_assert!((mean.standard_error - (spread / all).sqrt()).abs() < 1e-9);
        }
    }
}

/// Every day four people begin who are there daily, for 1, 4, 11 and 41 days. The truth is known, and only
/// `DecidedDay` finds it.
#[test]
fn what_is_not_known_yet_is_not_survival() {
    const TENURES: [i32; 4] = [0, 3, 10, 40];
    let (start, end) = (19_723, 19_723 + 200);
    let mut log: Vec<Event> = Vec::new();
    for (day, place) in (start..=end).flat_map(|day| (0..4).map(move |place| (day, place))) {
        let user = i64::from(day) * 10 + place as i64;
        log.extend((day..=(day + TENURES[place]).min(end)).map(|on| event(user, on)));
    }
    let activity = log::ingest(&log, Mapped::NONE, None);
    let survival = |censoring| {
        let lifetimes = activity.lifetimes(LifetimesOptions::new(14).censoring(censoring)).unwrap();
        let curve = lifetimes.kaplan_meier(KaplanMeierOptions::new()).unwrap();
        [0, 3, 10, 40].map(|time| curve.at(f64::from(time)).unwrap().survival)
    };
    let near =
        |got: [f64; 4], expected: [f64; 4]| got.iter().zip(expected).all(|(got, truth)| (got - truth).abs() < 1e-12);
    let truth = [0.75, 0.5, 0.25, 0.0];
    assert!(near(survival(Censoring::DecidedDay), truth), "{:?}", survival(Censoring::DecidedDay));
    let (last, as_of) = (survival(Censoring::LastActivity), survival(Censoring::AsOf));
    for place in 0..4 {
        let later = if place > 0 { last[place] + 1e-4 } else { last[place] };
        assert!(truth[place] + 0.01 < last[place] && later <= as_of[place], "{last:?} {as_of:?}");
    }
}

#[test]
fn a_log_by_hand() {
    // Seen from day 0 to 60, gone after 30 silent days: day 30 is the last that is decided.
    let days = [(1, vec![0]), (2, vec![0, 30]), (3, vec![0, 31]), (4, vec![10, 60]), (5, vec![31, 32]), (6, vec![30])];
    let log: Vec<Event> = days.iter().flat_map(|(user, days)| days.iter().map(|&day| event(*user, day))).collect();
    let activity = log::ingest(&log, Mapped::NONE, Some((0, 60)));
    let of = |censoring| activity.lifetimes(LifetimesOptions::new(30).censoring(censoring)).unwrap();
    let each = |lifetimes: &Lifetimes| {
        [1, 2, 3, 4, 5, 6].map(|user| lifetimes.of(user).unwrap()).map(|one| (one.state, one.time))
    };
    use LifetimeState::{Ended, Ongoing, Undecided};
    let ends = [(Ended, Some(0)), (Ended, Some(30))];
    let rest = [(Ongoing, Some(30)), (Ongoing, Some(20)), (Undecided, None), (Ended, Some(0))];
    assert_eq!(each(&of(Censoring::DecidedDay)), [&ends[..], &rest].concat()[..]);
    let rest = [(Ongoing, Some(31)), (Ongoing, Some(50)), (Ongoing, Some(1)), (Ended, Some(0))];
    assert_eq!(each(&of(Censoring::LastActivity)), [&ends[..], &rest].concat()[..]);
    let rest = [(Ongoing, Some(60)), (Ongoing, Some(50)), (Ongoing, Some(29)), (Ended, Some(0))];
    assert_eq!(each(&of(Censoring::AsOf)), [&ends[..], &rest].concat()[..]);

    let lifetimes = of(Censoring::DecidedDay);
    let rows: Vec<_> = lifetimes
        .event_table()
        .rows()
        .iter()
        .map(|row| [row.time as u64, row.at_risk, row.ended, row.censored])
        .collect();
    assert_eq!(rows, [[0, 5, 2, 0], [20, 3, 0, 1], [30, 2, 1, 1]]);
    let frame = lifetimes.to_frame().unwrap();
    assert_eq!(frame.get_column_names(), ["actor", "first_day", "last_day", "tenure", "time", "state"]);
    let time: Vec<Option<f64>> = frame.column("time").unwrap().f64().unwrap().iter().collect();
    assert_eq!(time, [Some(0.0), Some(30.0), Some(30.0), Some(20.0), None, Some(0.0)]);
    let text = lifetimes.to_string();
    assert!(text.contains("known up to 1970-01-31") && text.contains("undecided"), "{text}");
    // Those who were there on the first day may have been there before.
    let later = activity.lifetimes(LifetimesOptions::new(30).starting_from(date(1970, 1, 2))).unwrap();
    assert_eq!((later.len(), later.earlier(), later.of(1)), (3, 3, None));
    assert!(later.to_string().contains("3 actors began earlier"));
    assert_eq!(activity.lifetimes(LifetimesOptions::new(30).starting_from(Date::MAX)).unwrap().len(), 0);
    // As it was known on day 59 the second was not gone yet.
    let known = activity.at(date(1970, 1, 1) + 59).unwrap().lifetimes(30).unwrap();
    assert_eq!(known.of(2).map(|one| (one.state, one.time)), Some((Ongoing, Some(29))));
}

#[test]
fn next_to_nothing() {
    all_laws(&log::ingest(&[], Mapped::NONE, Some((10, 45))));
    all_laws(&log::ingest(&[event(1, 19_800)], Mapped::NONE, None));
    all_laws(&log::ingest(&[event(1, 19_800), event(2, 19_800)], Mapped::NONE, Some((19_700, 19_900))));
    let twice = [1, 2].map(|account| Event { account: Some(account), ..event(1, 19_800) });
    all_laws(&log::ingest(&twice, Mapped::ALL, None));
    all_laws(&log::ingest(&twice, Mapped::ALL, None).by_account().unwrap());

    let nobody = read(&[], true);
    laws(&nobody);
    let curve = nobody.kaplan_meier(KaplanMeierOptions::new()).unwrap();
    assert_eq!((nobody.is_empty(), curve.at(0.0), curve.median().time), (true, None, None));
    assert!(matches!(curve.restricted_mean(1.0), Err(Error::InvalidOption { option: "until", .. })));
    // Nobody has ended: the curve stays at 1, and where it ends nothing is known any more.
    let ongoing = read(&[(None, 3.0, false), (None, 5.0, false)], false);
    laws(&ongoing);
    let curve = ongoing.kaplan_meier(SurvivalInterval::Log).unwrap();
    let at = curve.at(5.0).unwrap();
    assert_eq!((at.survival, at.standard_error, at.cumulative_hazard), (1.0, Some(0.0), 0.0));
    assert_eq!((curve.at(5.1), curve.median().time), (None, None));
    assert_eq!(curve.restricted_mean(5.0).unwrap().mean, 5.0);
    // Everybody ended at once, on the day on which they began.
    let at_once = read(&[(None, 0.0, true), (None, 0.0, true)], false);
    laws(&at_once);
    let curve = at_once.kaplan_meier(KaplanMeierOptions::new()).unwrap();
    let SurvivalPoint { survival, standard_error, interval, .. } = curve.at(7.0).unwrap();
    assert_eq!((survival, standard_error, interval), (0.0, None, None));
    assert_eq!((curve.median().time, curve.restricted_mean(7.0).unwrap().mean), (Some(0.0), 0.0));
}

#[test]
fn odd_corners_of_the_calendar() {
    for first in [date(1969, 12, 1), date(2020, 12, 20), date(2024, 2, 20), Date::MIN, Date::MAX - 60] {
        let from = first.days_since_epoch();
        let log: Vec<Event> = (0..50).map(|after| event(i64::from(after * after % 7), from + after)).collect();
        all_laws(&log::ingest(&log, Mapped::NONE, Some((from, from + 60))));
    }
    // The longest lifetime there can be.
    let ends = [Date::MIN, Date::MAX].map(|end| event(1, end.days_since_epoch()));
    let lifetimes = log::ingest(&ends, Mapped::NONE, None).lifetimes(1).unwrap();
    laws(&lifetimes);
    assert_eq!(lifetimes.of(1).unwrap().tenure, 3_652_058);
}

#[test]
fn quantiles_of_flat_steps() {
    let quantile = |times: &[f64], share| {
        let spells: Vec<Spell> = times.iter().map(|&time| (None, time, true)).collect();
        read(&spells, false).kaplan_meier(KaplanMeierOptions::new()).unwrap().quantile(share).unwrap().time
    };
    assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
    assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.3), Some(2.0));
    assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.5), Some(2.0));
    // Thirds do not multiply to a half exactly.
    assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.5), Some(3.5));
    let spells = [(None, 1.0, true), (None, 9.0, false)];
    let curve = read(&spells, false).kaplan_meier(KaplanMeierOptions::new()).unwrap();
    assert_eq!((curve.median().time, curve.quantile(0.6).unwrap().time), (Some(5.0), None));
    for share in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(matches!(curve.quantile(share), Err(Error::InvalidOption { option: "share", .. })));
    }
}

#[test]
fn options_are_judged() {
    let activity = log::ingest(&[event(1, 19_800), event(1, 20_000)], Mapped::NONE, None);
    for silence in [0, 36_526, u32::MAX] {
        let error = activity.lifetimes(silence).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "silence_days", .. }), "{error:?}");
        message(&error);
    }
    let lifetimes = activity.lifetimes(30).unwrap();
    for confidence in [0.0, 1.0, f64::NAN] {
        let error = lifetimes.kaplan_meier(KaplanMeierOptions::new().confidence(confidence)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "confidence", .. }), "{error:?}");
    }
    let curve = lifetimes.kaplan_meier(KaplanMeierOptions::new()).unwrap();
    for until in [0.0, -1.0, 171.0, f64::NAN, f64::INFINITY] {
        let error = curve.restricted_mean(until).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "until", .. }), "{error:?}");
        message(&error);
    }
    let stored = LifetimesOptions::new(30).censoring(Censoring::AsOf).starting_from(Date::MIN);
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<LifetimesOptions>(&text).unwrap(), stored);
}

#[test]
fn columns_are_judged() {
    let frame = |time: &[Option<f64>], ended: &[Option<i32>], entry: &[Option<f64>]| {
        df!("time" => time, "ended" => ended, "entry" => entry).unwrap()
    };
    let columns = LifetimeColumns::new("time", "ended").entry("entry");
    let refused = |frame: &DataFrame| {
        let error = Lifetimes::from_frame(frame, &columns).unwrap_err();
        message(&error);
        let Error::InvalidValue { column, row, .. } = error else { panic!("{error:?}") };
        (column, row)
    };
    let ok = Some(1.0);
    for time in [f64::NAN, f64::INFINITY, -0.5, 2e18] {
        assert_eq!(refused(&frame(&[ok, Some(time)], &[Some(1); 2], &[None; 2])), ("time".to_owned(), 1));
        // Nothing is dropped in silence, be the flag there or not.
        assert_eq!(refused(&frame(&[Some(time)], &[None], &[None])), ("time".to_owned(), 0));
    }
    for flag in [2, -1] {
        assert_eq!(refused(&frame(&[ok; 3], &[Some(0), Some(1), Some(flag)], &[None; 3])), ("ended".to_owned(), 2));
    }
    for entry in [1.0, 1.5, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(refused(&frame(&[ok], &[Some(1)], &[Some(entry)])), ("entry".to_owned(), 0));
    }
    let with_nulls =
        frame(&[ok, None, Some(-0.0), ok], &[Some(1), Some(1), Some(0), None], &[Some(0.5), None, None, None]);
    let lifetimes = Lifetimes::from_frame(&with_nulls, &columns).unwrap();
    assert_eq!((lifetimes.len(), lifetimes.incomplete(), lifetimes.of(1)), (2, 2, None));
    assert_eq!([lifetimes.observed_from(), lifetimes.as_of()], [None; 2]);
    assert!(lifetimes.options().is_none() && lifetimes.to_string().contains("2 rows had a null"));
    assert_eq!(lifetimes.to_frame().unwrap().get_column_names(), ["entry", "time", "state"]);
    assert!(lifetimes.event_table().rows()[0].time.is_sign_positive());

    let text = df!("time" => ["1"], "ended" => [true]).unwrap();
    let error = Lifetimes::from_frame(&text, &LifetimeColumns::new("time", "ended")).unwrap_err();
    assert!(matches!(error, Error::UnsupportedType { role: "duration", .. }), "{error:?}");
    let error = Lifetimes::from_frame(&text, &LifetimeColumns::new("gone", "ended")).unwrap_err();
    assert!(matches!(error, Error::MissingColumn { .. }), "{error:?}");
    let text = df!("time" => [1_u8], "ended" => ["yes"]).unwrap();
    let error = Lifetimes::from_frame(&text, &LifetimeColumns::new("time", "ended")).unwrap_err();
    assert!(matches!(error, Error::UnsupportedType { role: "ended", .. }), "{error:?}");
    // Flags and durations of any type of number.
    let frames = [
        df!("time" => [1_u8, 3], "ended" => [true, false]).unwrap(),
        df!("time" => [1_i64, 3], "ended" => [1_u64, 0]).unwrap(),
        df!("time" => [1.0_f32, 3.0], "ended" => [1.0, -0.0]).unwrap(),
    ];
    let [first, others @ ..] = frames
        .map(|frame| Lifetimes::from_frame(&frame, &LifetimeColumns::new("time", "ended")).unwrap().event_table());
    assert!(others.iter().all(|other| *other == first) && first.ended() == 1);
}

#[test]
fn its_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug + Clone>() {}
    check::<(Lifetimes, LifetimesOptions, LifetimeColumns, EventTable, EventTableRow)>();
    check::<(KaplanMeier, KaplanMeierOptions, SurvivalPoint, SurvivalQuantile, RestrictedMean)>();
}
