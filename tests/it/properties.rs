//! Random logs against the oracle, and the laws that hold whatever the log.

use std::collections::BTreeSet;
use std::fmt::Debug;

use attrition::polars::prelude::*;
use attrition::{
    ActiveCount, ActiveUsersOptions, Activity, Calendar, Coverage, Criterion, Date, Error, EventColumns, Id, Period,
    Retention, RetentionOptions, StickinessOptions, Weekday, Window,
};
use jiff::tz::TimeZone as Zone;
use jiff::{ToSpan, civil};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use crate::oracle::{Log, Oracle, Stretch, Triangle, day, span};

const CRITERIA: [Criterion; 4] = [Criterion::On, Criterion::OnOrAfter, Criterion::OnOrBefore, Criterion::Streak];
const ZONES: [&str; 5] = ["UTC", "Europe/Vilnius", "America/St_Johns", "Pacific/Apia", "Pacific/Kiritimati"];
const WEEK: i64 = 7 * 86_400_000_000;

/// Where calendars are at their oddest.
const SCENES: [(&str, civil::Date); 11] = [
    // Two days that never were: 30 December 2011 in Apia and 31 December 1994 on Kiritimati.
    ("Pacific/Apia", civil::date(2011, 12, 28)),
    ("Pacific/Kiritimati", civil::date(1994, 12, 29)),
    // Days of 23 and of 25 hours.
    ("Europe/Vilnius", civil::date(2024, 3, 29)),
    ("Europe/Vilnius", civil::date(2024, 10, 25)),
    // Clocks went back at one minute past midnight: the 29th began twice. Before April 1935 the offset had seconds.
    ("America/St_Johns", civil::date(2006, 10, 27)),
    ("America/St_Johns", civil::date(1935, 3, 28)),
    ("UTC", civil::date(1969, 12, 29)),
    // ISO week 53 of 2020, and the ends of February in a leap year, a common one and the two kinds of centuries.
    ("UTC", civil::date(2020, 12, 26)),
    ("UTC", civil::date(2024, 2, 27)),
    ("UTC", civil::date(2000, 2, 27)),
    ("UTC", civil::date(1900, 2, 26)),
];

/// Few users, so that they come back; they fit every type of id and order otherwise as text.
const COMMON: [i64; 7] = [0, 1, 2, 3, 9, 10, 100];
/// Users with an event or two.
const RARE: [i64; 2] = [5, 4_294_967_295];

fn user() -> impl Strategy<Value = i64> {
    prop_oneof![30 => select(&COMMON[..]), 1 => select(&RARE[..])]
}

/// Up to 60 events within at most `longest` days, often within one, and often close to local midnight.
pub(crate) fn logs(longest: i32) -> impl Strategy<Value = Log> {
    let scene = prop_oneof![select(&SCENES[..]), (select(&ZONES[..]), select(SCENES.map(|scene| scene.1).to_vec()))];
    let length = prop_oneof![1 => Just(1), 7 => 2..=longest];
    let log = |((zone, start), length, week_starts): ((&'static str, civil::Date), i32, Weekday)| {
        let micros = move |days: i32, second: i32, jitter: i64| {
            let local = start.at(0, 0, 0, 0) + days.days().seconds(second);
            local.to_zoned(Zone::get(zone).unwrap()).unwrap().timestamp().as_microsecond() + jitter
        };
        let second = prop_oneof![Just(0), 0..86_400];
        let jitter = select(vec![0, 1, -1, -60_000_000, 3_600_000_000, -3_600_000_000]);
        let event = (user(), (0..length, second, jitter))
            .prop_map(move |(user, (days, second, jitter))| (user, micros(days, second, jitter)));
        let end = move || option::of((-9 - length / 2..=length + 9).prop_map(move |days| start + days.days()));
        (vec(event, 1..=60), end(), end()).prop_map(move |(events, from, to)| {
            let (observed_from, as_of) =
                if from.is_some() && to.is_some() { (from.min(to), from.max(to)) } else { (from, to) };
            Log { events, zone, week_starts, observed_from, as_of }
        })
    };
    (scene, length, select(&Weekday::ALL[..])).prop_flat_map(log)
}

/// A period, and a log so long that there are several and not too many of them.
pub(crate) fn periods_and_logs() -> impl Strategy<Value = (Period, Log)> {
    let days = [30, 120, 500, 1_000, 2_500];
    (0..days.len()).prop_flat_map(move |place| (Just(Period::ALL[place]), logs(days[place])))
}

fn instants(unit: TimeUnit, zone: Option<&str>) -> DataType {
    DataType::Datetime(unit, TimeZone::opt_try_new(zone).unwrap())
}

/// The events as a frame with columns of these types.
fn frame(log: &Log, users: &DataType, times: &DataType) -> DataFrame {
    let time = |&(_, micros): &(i64, i64)| match times {
        DataType::Datetime(TimeUnit::Nanoseconds, _) => micros * 1_000,
        DataType::Datetime(TimeUnit::Milliseconds, _) => micros.div_euclid(1_000),
        DataType::Date => i64::from(day(log.local_day(micros)).days_since_epoch()),
        _ => micros,
    };
    let ids: Vec<i64> = log.events.iter().map(|event| event.0).collect();
    let ids = match users {
        users if users.is_integer() => Column::new("user".into(), ids),
        _ => Column::new("user".into(), ids.iter().map(i64::to_string).collect::<Vec<_>>()),
    };
    let times = Column::new("time".into(), log.events.iter().map(time).collect::<Vec<_>>()).cast(times);
    DataFrame::new(log.events.len(), vec![ids.cast(users).unwrap(), times.unwrap()]).unwrap()
}

pub(crate) fn plain_frame(log: &Log) -> DataFrame {
    frame(log, &DataType::Int64, &instants(TimeUnit::Microseconds, None))
}

/// The activity of frames under the calendar and the observation of a log.
pub(crate) fn ingest(log: &Log, frames: &[DataFrame]) -> attrition::Result<Activity> {
    let calendar = Calendar::new(log.zone)?.week_starts(log.week_starts);
    let mut builder = Activity::builder(&EventColumns::new("user", "time"), &calendar);
    if let Some(from) = log.observed_from {
        builder = builder.observed_from(day(from));
    }
    if let Some(to) = log.as_of {
        builder = builder.as_of(day(to));
    }
    frames.iter().try_for_each(|frame| builder.push(frame))?;
    builder.finish()
}

/// The activity and what the oracle knows; `None` where both agree that there is nothing.
pub(crate) fn both(log: &Log) -> Result<Option<(Activity, Oracle)>, TestCaseError> {
    let activity = ingest(log, &[plain_frame(log)]);
    let Some(oracle) = Oracle::new(log) else {
        let rows = log.events.len() as u64;
        let empty = matches!(&activity, Err(Error::Empty { rows: read, left_out }) if [*read, *left_out] == [rows; 2]);
        prop_assert!(empty, "{activity:?}");
        return Ok(None);
    };
    let activity = activity.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!((activity.observed_from(), activity.as_of()), (day(oracle.first), day(oracle.last)));
    prop_assert_eq!((activity.actors(), activity.events()), (oracle.days.len(), oracle.events));
    prop_assert_eq!(activity.intake().left_out(), log.events.len() as u64 - oracle.events);
    prop_assert_eq!(activity.active_days(), oracle.days.values().map(BTreeSet::len).sum::<usize>() as u64);
    Ok(Some((activity, oracle)))
}

fn count(oracle: &Oracle, stretch: Stretch) -> ActiveCount {
    ActiveCount { span: span(stretch), active: oracle.active(stretch), coverage: oracle.coverage(stretch) }
}

fn trailing(oracle: &Oracle, length: u32, day: civil::Date) -> ActiveCount {
    count(oracle, (day - i64::from(length - 1).days(), day))
}

/// A day of the observation or of the ten before and after it.
pub(crate) fn some_day(oracle: &Oracle, index: Index) -> civil::Date {
    let days: Vec<_> =
        (oracle.first - 10.days()).series(1.day()).take_while(|&day| day <= oracle.last + 10.days()).collect();
    days[index.index(days.len())]
}

pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

pub(crate) fn near(left: Option<f64>, right: Option<f64>) -> bool {
    left.zip(right).map_or(left.is_none() && right.is_none(), |(left, right)| (left - right).abs() < 1e-12)
}

/// Every number of a triangle against the oracle's.
fn check_retention(
    triangle: &Retention,
    truth: &Triangle<'_>,
    criterion: Criterion,
    horizon: Option<u32>,
    between: Option<Stretch>,
) -> Result<(), TestCaseError> {
    let reported = |start: civil::Date| between.is_none_or(|(from, to)| from <= start && start <= to);
    let cohorts: Vec<usize> = (0..truth.periods.len()).filter(|&cohort| reported(truth.periods[cohort].0)).collect();
    prop_assert_eq!(triangle.cohorts(), cohorts.iter().map(|&cohort| truth.cohort(cohort)).collect::<Vec<_>>());
    let Some(&first) = cohorts.first() else { return Ok(()) };
    let horizon = horizon.map_or(truth.periods.len() - 1 - first, |horizon| horizon as usize);
    prop_assert_eq!(triangle.horizon() as usize, horizon);

    let curve = triangle.curve();
    prop_assert_eq!(curve.len(), horizon + 1);
    for (age, point) in (0..).zip(&curve) {
        let mut rates = Vec::new();
        let mut sums = (0, 0);
        for &cohort in &cohorts {
            let coverage = truth.coverage(cohort, age as usize);
            let (size, retained) =
                (truth.cohort(cohort).size, truth.members(criterion, cohort, age as usize).len() as u64);
            let observed = coverage == Coverage::Observed;
            let rate = if observed { ratio(retained, size) } else { None };
            let cell = triangle.cell(day(truth.periods[cohort].1), age).unwrap();
            prop_assert_eq!((cell.age, cell.coverage), (age, coverage));
            prop_assert_eq!(cell.so_far, (coverage != Coverage::Unobserved).then_some(retained));
            prop_assert_eq!((cell.active, cell.eligible), (observed.then_some(retained), observed.then_some(size)));
            prop_assert!(near(cell.rate, rate), "{cell:?}, expected {rate:?}");
            let around = cell.interval.map(|ends| ends.lower <= rate.unwrap() && rate.unwrap() <= ends.upper);
            prop_assert_eq!(around, rate.map(|_| true));
            if let Some(rate) = rate {
                rates.push(rate);
                sums = (sums.0 + retained, sums.1 + size);
            }
        }
        let plain = (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64);
        prop_assert_eq!((point.age, point.cohorts), (age, rates.len() as u64));
        prop_assert_eq!((point.active, point.eligible), sums);
        prop_assert!(near(point.weighted_mean, ratio(sums.0, sums.1)) && near(point.plain_mean, plain), "{point:?}");
    }
    prop_assert_eq!(triangle.cell(day(truth.periods[first].0), triangle.horizon() + 1), None);
    Ok(())
}

/// All that was asked of an activity, to compare with the same of another one; users as text, whatever their type.
fn answers(activity: &Activity) -> attrition::Result<impl PartialEq + Debug + use<>> {
    let windows = [1, 5, 30].map(Window::Days).into_iter().chain(Period::ALL.map(Window::Calendar));
    let active = activity.active_users(ActiveUsersOptions::new(windows))?;
    let retention = [Period::Day, Period::Week, Period::Month].into_iter().flat_map(|period| {
        CRITERIA.map(|criterion| activity.retention(RetentionOptions::new(period).criterion(criterion).horizon(9)))
    });
    let retention = retention.collect::<attrition::Result<Vec<_>>>()?;
    let members = |triangle: &Retention| -> Vec<BTreeSet<String>> {
        let starts = triangle.cohorts().iter().map(|cohort| cohort.span.start);
        let members = starts.flat_map(|start| [0, 1].map(|age| triangle.members(activity, start, age)));
        members.flatten().map(|members| members.iter().map(|id| id.to_string()).collect()).collect()
    };
    let members: Vec<_> = retention.iter().map(members).collect();
    Ok((active, activity.stickiness(StickinessOptions::new())?, retention, members))
}

proptest! {
    #[test]
    fn active_users_are_those_of_the_oracle(
        log in logs(300),
        lengths in vec(1..=40_u32, 1..5),
        order in Just(Period::ALL).prop_shuffle(),
        between in option::of(any::<[Index; 2]>()),
        probes in any::<[Index; 4]>(),
    ) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        // Trailing windows and calendar periods take turns, as many of them as there are.
        let mut windows: Vec<Window> = order.into_iter().map(Window::Calendar).collect();
        lengths.iter().enumerate().for_each(|(place, &length)| windows.insert(2 * place, Window::Days(length)));
        let between = between.map(|ends| ends.map(|end| some_day(&oracle, end)));
        let mut options = ActiveUsersOptions::new(windows.clone());
        if let Some([from, to]) = between {
            options = options.between(day(from), day(to));
        }
        let usage = activity.active_users(options).unwrap();
        for window in windows {
            let [from, to] = between.unwrap_or([oracle.first, oracle.last]);
            let expected: Vec<ActiveCount> = match window {
                Window::Days(length) => {
                    let days = oracle.observation().into_iter().filter(|&day| from <= day && day <= to);
                    days.map(|day| trailing(&oracle, length, day)).collect()
                }
                Window::Calendar(period) => {
                    let periods = oracle.periods(period).into_iter().filter(|&(start, end)| from <= end && start <= to);
                    periods.map(|stretch| count(&oracle, stretch)).collect()
                }
            };
            prop_assert_eq!(usage.series(window), &expected[..], "{}", window);
            for probe in probes {
                let date = day(some_day(&oracle, probe));
                let labelled = |count: &&ActiveCount| match window {
                    Window::Days(_) => count.span.end == date,
                    Window::Calendar(_) => count.span.start <= date && date <= count.span.end,
                };
                prop_assert_eq!(usage.on(window, date), expected.iter().find(labelled), "{} on {}", window, date);
            }
        }
    }

    #[test]
    fn stickiness_is_that_of_the_oracle(log in logs(150), lengths in option::of((1..=40_u32, 1..=40_u32))) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let options = lengths.map_or(StickinessOptions::new(), |(week, month)| {
            StickinessOptions::new().week_days(week).month_days(month)
        });
        let (week, month) = lengths.unwrap_or((7, 30));
        let stickiness = activity.stickiness(options).unwrap();
        let days = oracle.observation();
        prop_assert_eq!(stickiness.days().len(), days.len());
        for (got, &date) in stickiness.days().iter().zip(&days) {
            let (dau, wau, mau) = (oracle.active((date, date)), trailing(&oracle, week, date), trailing(&oracle, month, date));
            prop_assert_eq!((got.date, got.dau, got.wau, got.mau), (day(date), dau, wau, mau));
            prop_assert!(near(got.dau_per_wau(), ratio(dau, wau.active)), "{got:?}");
            prop_assert!(near(got.dau_per_mau(), ratio(dau, mau.active)), "{got:?}");
            prop_assert!(near(got.wau_per_mau(), ratio(wau.active, mau.active)), "{got:?}");
            if week <= month {
                prop_assert!(got.dau <= got.wau.active && got.wau.active <= got.mau.active, "{got:?}");
            }
        }
        let months = oracle.periods(Period::Month);
        prop_assert_eq!(stickiness.months().len(), months.len());
        for (got, &(start, end)) in stickiness.months().iter().zip(&months) {
            let mau = count(&oracle, (start, end));
            let daily: Vec<u64> = days.iter().filter(|&&day| start <= day && day <= end).map(|&day| oracle.active((day, day))).collect();
            let (sum, observed) = (daily.iter().sum::<u64>(), daily.len() as u64);
            prop_assert_eq!((got.mau, got.dau_sum, u64::from(got.days)), (mau, sum, observed));
            prop_assert!(near(Some(got.mean_dau()), ratio(sum, observed)), "{got:?}");
            prop_assert!(near(got.mean_dau_per_mau(), ratio(sum, observed * mau.active)), "{got:?}");
        }
    }

    #[test]
    fn retention_is_that_of_the_oracle(
        (period, log) in periods_and_logs(),
        horizon in option::of(0..=20_u32),
        between in option::of(any::<[Index; 2]>()),
        probes in vec(any::<[Index; 2]>(), 4),
    ) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let truth = oracle.triangle(period);
        let between = between.map(|ends| ends.map(|end| some_day(&oracle, end)).into());
        for criterion in CRITERIA {
            let mut options = RetentionOptions::new(period).criterion(criterion);
            if let Some(horizon) = horizon {
                options = options.horizon(horizon);
            }
            if let Some((from, to)) = between {
                options = options.cohorts_between(day(from), day(to));
            }
            let triangle = activity.retention(options).unwrap();
            check_retention(&triangle, &truth, criterion, horizon, between)?;

            for [cohort, age] in &probes {
                let (cohort, age) = (some_day(&oracle, *cohort), age.index(triangle.horizon() as usize + 2));
                let members = triangle.members(&activity, day(cohort), u32::try_from(age).unwrap());
                let cell = triangle.cell(day(cohort), u32::try_from(age).unwrap());
                let Some(so_far) = cell.and_then(|cell| cell.so_far) else {
                    prop_assert!(matches!(members, Err(Error::InvalidOption { .. })), "{members:?}");
                    continue;
                };
                let row = truth.periods.iter().position(|&(start, end)| start <= cohort && cohort <= end);
                let expected = truth.members(criterion, row.unwrap(), age);
                let members = members.unwrap();
                prop_assert_eq!(members.len() as u64, so_far);
                // Ascending, as the set is.
                prop_assert!(members.iter().eq(expected.iter().map(|&user| Id::Int(user))), "{members}, expected {expected:?}");
                prop_assert!(oracle.days.keys().all(|user| members.contains(*user) == expected.contains(user)));
            }
        }
    }

    #[test]
    fn criteria_keep_their_order((period, log) in periods_and_logs()) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        let so_far = |criterion| -> Vec<Vec<u64>> {
            let triangle = activity.retention(RetentionOptions::new(period).criterion(criterion)).unwrap();
            let of_cohort = |start| (0..).map_while(|age| triangle.cell(start, age)?.so_far).collect();
            triangle.cohorts().iter().map(|cohort| of_cohort(cohort.span.start)).collect()
        };
        let [on, after, before, streak] = CRITERIA.map(so_far);
        for cohort in 0..on.len() {
            let never_rises = |ages: &[u64]| ages.is_sorted_by(|earlier, later| earlier >= later);
            prop_assert!(never_rises(&after[cohort]) && never_rises(&streak[cohort]), "{after:?} {streak:?}");
            prop_assert!(before[cohort][1..].is_sorted(), "{before:?}");
            for age in 0..on[cohort].len() {
                prop_assert!(streak[cohort][age] <= on[cohort][age] && on[cohort][age] <= after[cohort][age]);
                prop_assert!(on[cohort][age] <= before[cohort][age]);
            }
        }
    }

    #[test]
    fn longer_windows_hold_no_fewer(log in logs(300), lengths in vec(1..=400_u32, 2..6)) {
        let Some((activity, _)) = both(&log)? else { return Ok(()) };
        let usage = activity.active_users(ActiveUsersOptions::new(lengths.iter().copied().map(Window::Days))).unwrap();
        let series = |length| usage.series(Window::Days(length)).iter().map(|count| count.active);
        for (&one, &other) in lengths.iter().zip(&lengths[1..]) {
            prop_assert!(series(one.min(other)).zip(series(one.max(other))).all(|(shorter, longer)| shorter <= longer));
        }
    }

    #[test]
    fn weeks_shift_with_the_events(log in logs(200), weeks in -2_000..2_000_i64) {
        let log = Log { zone: "UTC", ..log };
        let later = |date: Option<civil::Date>| date.map(|date| date + weeks.weeks());
        let events = log.events.iter().map(|&(user, micros)| (user, micros + weeks * WEEK)).collect();
        let shifted = Log { events, observed_from: later(log.observed_from), as_of: later(log.as_of), ..log.clone() };
        let (Some((activity, _)), Some((shifted, _))) = (both(&log)?, both(&shifted)?) else { return Ok(()) };

        let days = i32::try_from(7 * weeks).unwrap();
        let usage = |activity: &Activity, days: i32| {
            let windows = [Window::Days(1), Window::Days(7), Window::Calendar(Period::Week)];
            let usage = activity.active_users(windows).unwrap();
            let counts = windows.map(|window| usage.series(window).to_vec()).concat();
            counts.into_iter().map(|count| (count.span.start + days, count.active, count.coverage)).collect::<Vec<_>>()
        };
        prop_assert_eq!(usage(&activity, days), usage(&shifted, 0));
        for criterion in CRITERIA {
            let cells = |activity: &Activity, days: i32| {
                let triangle = activity.retention(RetentionOptions::new(Period::Week).criterion(criterion)).unwrap();
                let cells = |start| (0..).map_while(|age| triangle.cell(start, age)).collect::<Vec<_>>();
                let row = |start| (start + days, cells(start));
                triangle.cohorts().iter().map(|cohort| row(cohort.span.start)).collect::<Vec<_>>()
            };
            prop_assert_eq!(cells(&activity, days), cells(&shifted, 0));
        }
    }

    #[test]
    fn the_past_is_seen_as_it_was(log in logs(60), index in any::<Index>()) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        let days = oracle.observation();
        let as_of = days[index.index(days.len())];
        let then = Log { observed_from: Some(oracle.first), as_of: Some(as_of), ..log };
        let (seen, known) = (activity.at(day(as_of)).unwrap(), both(&then)?.unwrap().0);
        prop_assert_eq!(answers(&seen).unwrap(), answers(&known).unwrap());
        prop_assert_eq!((seen.events(), seen.actors(), &seen), (known.events(), known.actors(), &known));
    }
}

proptest! {
    // Each case reads its log some twenty times.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn the_shape_of_the_log_makes_no_difference(
        (log, shuffled) in logs(60).prop_flat_map(|log| {
            let shuffled = Just(log.events.clone()).prop_shuffle();
            (Just(log.clone()), shuffled.prop_map(move |events| Log { events, ..log.clone() }))
        }),
        cut in any::<Index>(),
    ) {
        let Some((activity, oracle)) = both(&log)? else { return Ok(()) };
        // Named at both ends, so that each part of the log is seen as the whole is.
        let log = Log { observed_from: Some(oracle.first), as_of: Some(oracle.last), ..log };
        let expected = answers(&activity).unwrap();
        let check = |what: &str, other: &Activity| {
            prop_assert_eq!(&answers(other).unwrap(), &expected, "{}", what);
            Ok(())
        };

        let (whole, rows) = (plain_frame(&log), log.events.len());
        let row = cut.index(rows + 1);
        let parts = [whole.head(Some(row)), whole.tail(Some(rows - row))];
        let in_chunks = parts[0].vstack(&parts[1]).unwrap();
        // Late days, late users and one late row: a few are kept beside the table, more are worked into it.
        let days = oracle.observation();
        let middle = days[cut.index(days.len())];
        let early = Log { as_of: Some(middle), ..log.clone() };
        let late = Log { observed_from: middle.tomorrow().ok(), ..log.clone() };
        let (rare, common): (Vec<_>, Vec<_>) = log.events.iter().partition(|event| RARE.contains(&event.0));
        let (rows, row) = log.events.split_at(log.events.len() - 1);
        let [rare, common, rows, row] =
            [&rare[..], &common, rows, row].map(|events| Log { events: events.to_vec(), ..log.clone() });
        let append = |left: &Log, right: &Log| {
            let mut activity = ingest(left, &[plain_frame(left)]).unwrap();
            activity.append(&ingest(right, &[plain_frame(right)]).unwrap()).unwrap();
            activity
        };
        let mut same = vec![
            ("shuffled", ingest(&shuffled, &[plain_frame(&shuffled)]).unwrap()),
            ("pushed in parts", ingest(&log, &parts).unwrap()),
            ("in two chunks", ingest(&log, &[in_chunks]).unwrap()),
            ("users appended", append(&common, &rare)),
            ("a row appended", append(&rows, &row)),
        ];
        if middle < oracle.last {
            same.push(("days appended", append(&early, &late)));
        }
        for (what, other) in &same {
            check(what, other)?;
            prop_assert_eq!(other, &activity, "{}", what);
        }

        let microseconds = instants(TimeUnit::Microseconds, None);
        let categorical = DataType::from_categories(Categories::global());
        for users in [DataType::UInt32, DataType::UInt64, DataType::String, categorical] {
            check(&users.to_string(), &ingest(&log, &[frame(&log, &users, &microseconds)]).unwrap())?;
        }
        let units = [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
        let times = units.into_iter().flat_map(|unit| [None, Some("UTC"), Some("Asia/Tokyo")].map(|zone| instants(unit, zone)));
        for times in times.chain([DataType::Date]) {
            let other = ingest(&log, &[frame(&log, &DataType::Int64, &times)]).unwrap();
            check(&times.to_string(), &other)?;
            prop_assert_eq!(&other, &activity, "{}", times);
        }
    }
}

#[test]
fn the_first_and_the_last_day_of_the_calendar() {
    for end in [Date::MIN, Date::MAX] {
        let days = Column::new("time".into(), [end.days_since_epoch()]).cast(&DataType::Date).unwrap();
        let events = DataFrame::new(1, vec![Column::new("user".into(), [7_i64]), days]).unwrap();
        for weekday in Weekday::ALL {
            let calendar = Calendar::utc().week_starts(weekday);
            let activity = Activity::from_frame(&events, &EventColumns::new("user", "time"), &calendar).unwrap();
            let windows = [1, 40].map(Window::Days).into_iter().chain(Period::ALL.map(Window::Calendar));
            let usage = activity.active_users(ActiveUsersOptions::new(windows.clone())).unwrap();
            for window in windows {
                let [count] = usage.series(window) else { panic!("{window}: {:?}", usage.series(window)) };
                assert!(count.active == 1 && count.span.start <= end && end <= count.span.end, "{window}: {count:?}");
            }
            for (period, criterion) in Period::ALL.into_iter().flat_map(|period| CRITERIA.map(|one| (period, one))) {
                let triangle = activity.retention(RetentionOptions::new(period).criterion(criterion)).unwrap();
                assert_eq!((triangle.cohorts().len(), triangle.horizon()), (1, 0), "{period} {criterion}");
                assert_eq!(triangle.cell(end, 0).unwrap().so_far, Some(1), "{period} {criterion}");
                assert_eq!(triangle.members(&activity, end, 0).unwrap().len(), 1, "{period} {criterion}");
            }
        }
    }
}
