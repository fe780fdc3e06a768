//! What cohorts bring in, against values added up member by member, and on one screen.

use attrition::polars::prelude::*;
use attrition::{
    AgeBy, Base, Cohorts, Coverage, Criterion, Entry, Error, Period, RetentionOptions, ValueRetention, date,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::oracle::{Ask, Table, Truth, is_refused};
use super::properties::{Case, Source, both, both_cohorts, cases, key};
use super::{CohortColumns, Event, Mapped, event, ingest};

/// The question of a case, as it can be asked of values.
fn ask(case: &Case) -> Ask {
    Ask { criterion: Criterion::On, base: Base::Cohort, min_events: 1, ..case.ask.clone() }
}

/// Every number of every cell. Values are halves of small integers, so that sums are exact in any order; what is taken
/// from a running sum need not be.
fn check(values: &ValueRetention, truth: &Truth, by_label: bool) -> Result<(), TestCaseError> {
    prop_assert_eq!(values.paying().cohorts().len(), truth.rows.len());
    if truth.rows.is_empty() {
        return Ok(());
    }
    prop_assert_eq!(values.paying().horizon() as usize, truth.horizon);
    for (row, cohort) in values.paying().cohorts().iter().enumerate() {
        let start = truth.values(row, 0);
        let start_observed = truth.cell(row, 0).coverage == Coverage::Observed;
        for age in 0..=truth.horizon {
            let key = key(cohort, by_label);
            let (cell, paying) =
                (values.cell(key, age as u32).unwrap(), values.paying().cell(key, age as u32).unwrap());
            let (expected, coverage) = (truth.values(row, age), truth.cell(row, age).coverage);
            let why = format!("{cohort:?} at {age}, {coverage}: {cell:?}, expected {expected:?}");
            let observed = coverage == Coverage::Observed;
            prop_assert_eq!((cell.age as usize, paying.coverage), (age, coverage), "{}", why);
            prop_assert_eq!(cell.eligible, observed.then_some(expected.eligible), "{}", why);
            prop_assert_eq!(cell.paying, observed.then_some(expected.paying), "{}", why);
            prop_assert_eq!((paying.active, paying.base), (cell.paying, cell.eligible), "{}", why);
            let is = |got: Option<f64>, seen: bool, expected: f64, size: f64| match got {
                Some(got) => seen && (got - expected).abs() <= 1e-9 * size,
                None => !seen,
            };
            let size = expected.size;
            prop_assert!(is(cell.so_far, coverage != Coverage::Unobserved, expected.so_far, size), "{}", why);
            prop_assert!(is(cell.value, observed, expected.value, size), "{}", why);
            prop_assert!(is(cell.cumulative, observed, expected.cumulative, size), "{}", why);
            let members = observed && expected.eligible > 0;
            prop_assert!(is(
                cell.per_paying(),
                observed && expected.paying > 0,
                expected.paid / expected.paying as f64,
                size
            ));
            prop_assert!(is(cell.paid, observed, expected.paid, size), "{}", why);
            prop_assert!(is(cell.per_member(), members, expected.value / expected.eligible as f64, size), "{}", why);
            let lifetime = expected.cumulative / expected.eligible as f64;
            prop_assert!(is(cell.cumulative_per_member(), members, lifetime, size), "{}", why);
            let same = observed && start_observed && expected.eligible == start.eligible && start.value > 0.0;
            let of_start = values.of_start(key, age as u32);
            if let Some(before) = age.checked_sub(1) {
                let base = truth.values(row, before);
                let seen = truth.cell(row, before).coverage == Coverage::Observed;
                let same = observed && seen && expected.eligible == base.eligible && base.value > 0.0;
                let got = values.of_previous(key, age as u32);
                prop_assert!(is(got, same, expected.value / base.value, size.max(1.0)), "{got:?} {}", why);
            }
            prop_assert!(is(of_start, same, expected.value / start.value, size.max(1.0)), "{of_start:?} {}", why);
        }
        prop_assert_eq!(values.cell(key(cohort, by_label), truth.horizon as u32 + 1), None);
        prop_assert_eq!(values.of_start(key(cohort, by_label), truth.horizon as u32 + 1), None);
    }
    Ok(())
}

fn check_forms(values: &ValueRetention, by_label: bool) -> Result<(), TestCaseError> {
    let frame = values.to_frame().unwrap();
    let cells = values.paying().cohorts().len() * (values.paying().horizon() as usize + 1);
    prop_assert_eq!(frame.shape(), (cells, 23 + usize::from(by_label)));
    let keys = values.paying().cohorts().iter().map(|cohort| key(cohort, by_label));
    let all: Vec<_> =
        keys.flat_map(|key| (0..=values.paying().horizon()).map(move |age| values.cell(key, age).unwrap())).collect();
    let column = |name: &str| frame.column(name).unwrap().f64().unwrap().iter().collect::<Vec<_>>();
    prop_assert_eq!(column("value_so_far"), all.iter().map(|cell| cell.so_far).collect::<Vec<_>>());
    prop_assert_eq!(column("cumulative"), all.iter().map(|cell| cell.cumulative).collect::<Vec<_>>());
    let text = values.to_string();
    prop_assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    prop_assert!(!text.contains("NaN"), "{text}");
    Ok(())
}

proptest! {
    #[test]
    fn values_are_those_of_the_oracle(case in cases()) {
        let Some((activity, known)) = both(&case.world)? else { return Ok(()) };
        let mut asked = ask(&case);
        if asked.feature.is_some() {
            // The values of a day are not told apart by feature.
            let values = activity.value_retention(asked.options());
            let refused = matches!(values, Err(Error::InvalidOption { option: "returning", .. }));
            prop_assert!(refused || is_refused(&values), "{values:?}");
            asked.feature = None;
        }
        let of = |table: &Table, cohorts: Option<&Cohorts>| {
            let values = match cohorts {
                Some(cohorts) => activity.value_retention_of(cohorts, asked.options()),
                None => activity.value_retention(asked.options()),
            };
            if !known.mapped.value {
                prop_assert!(is_refused(&values), "{values:?}");
                return Ok(());
            }
            let values = values.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let (truth, by_label) = (Truth::new(&known, table, &asked), table.labels.is_some());
            check(&values, &truth, by_label)?;
            check_forms(&values, by_label)
        };
        if let Some((cohorts, table)) = both_cohorts(&case, &activity, &known)? {
            of(&table, Some(&cohorts))?;
        }
        let first_paid = known.entries(&Entry::FirstPaid);
        // Where there is nobody, there is nobody whose value is missing.
        prop_assert!(first_paid.is_some() || !known.mapped.value);
        of(&first_paid.unwrap_or_default(), None)?;
        let case = Case { source: Source::Entry(Entry::FirstPaid), ..case.clone() };
        if let Some((cohorts, table)) = both_cohorts(&case, &activity, &known)? {
            of(&table, Some(&cohorts))?;
        }
    }
}

fn paid(user: i64, day: i32, value: f64) -> Event {
    Event { value: Some(value), ..event(user, day) }
}

/// Thirty weeks from 1 January 2024, in each of which one begins and pays a million a week from then on.
fn thirty_weeks() -> attrition::Activity {
    let weeks = (0..30).flat_map(|week| (week..30).map(move |later| paid(i64::from(week), 19_723 + 7 * later, 1e6)));
    let log: Vec<Event> = weeks.collect();
    ingest(&log, Mapped { value: true, ..Mapped::NONE }, Some((19_723, 19_723 + 7 * 30)))
}

#[test]
fn one_screen_says_what_it_leaves_out() {
    let activity = thirty_weeks();
    let values = activity.value_retention(Period::Week).unwrap();
    let text = values.to_string();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    // The thirtieth age of the first cohort has begun on the last day, a Monday; 31 cohorts, of which 24 are shown.
    assert!(text.contains("\n  7 earlier cohorts are in to_frame()\n  ages up to 30 are in to_frame()"), "{text}");
    assert!(text.contains("2024-07-22         1 1000000.00          *"), "{text}");
    assert!(text.contains("\n  * still open; ~ begins before the log"), "{text}");

    let long = "a label that is much longer than what fits beside its ages";
    let frame = df!("id" => (0..30_i64).collect::<Vec<_>>(), "plan" => vec![long; 30]).unwrap();
    let plans = Cohorts::from_frame(&frame, &CohortColumns::new("id").label("plan")).unwrap();
    let brackets = RetentionOptions::new(Period::Week).brackets([1, 2, 9, 900, 1_000, 10_000, 2, 2, 2]);
    for options in [RetentionOptions::new(Period::Week), brackets, RetentionOptions::new(Period::Day)] {
        let options = options.age_by(AgeBy::Start);
        let values = activity.value_retention_of(&plans, options.clone()).unwrap();
        let triangle = activity.retention_of(&plans, options).unwrap();
        for text in [values.to_string(), triangle.to_string()] {
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
            assert!(text.contains("\n  a label that is much lon "), "{text}");
            assert!(text.contains("ages up to "), "{text}");
        }
    }
}

#[test]
fn frames_say_what_a_bracket_holds() {
    let activity = thirty_weeks();
    let options = RetentionOptions::new(Period::Week).brackets([1, 3, 4]);
    let periods = |frame: &DataFrame, name: &str| {
        frame.column(name).unwrap().u32().unwrap().iter().flatten().take(4).collect::<Vec<_>>()
    };
    let triangle = activity.retention(options.clone()).unwrap().to_frame().unwrap();
    let values = activity.value_retention(options).unwrap().to_frame().unwrap();
    for frame in [triangle, values] {
        assert_eq!(["age", "age_from", "age_to"].map(|name| periods(&frame, name)), {
            [[0, 1, 2, 3], [0, 1, 2, 5], [0, 1, 4, 8]]
        });
    }
    let plain = activity.retention(Period::Week).unwrap().to_frame().unwrap();
    for name in ["age_from", "age_to"] {
        assert!(
            plain.column("age").unwrap().equals_missing(&plain.column(name).unwrap().clone().with_name("age".into()))
        );
    }
}

#[test]
fn refunds_by_hand() {
    // January: ann pays 10; bob pays 4 and gets 6 back on a later day, so his January is no payment but a start.
    let day = |month: i8, day: i8| date(2024, month, day).days_since_epoch();
    let log = [
        paid(1, day(1, 5), 10.0),
        paid(2, day(1, 7), 4.0),
        paid(2, day(1, 9), -6.0),
        paid(1, day(2, 3), -3.0),
        paid(2, day(2, 4), 7.0),
    ];
    let activity = ingest(&log, Mapped { value: true, ..Mapped::NONE }, Some((day(1, 1), day(2, 29))));
    let values = activity.value_retention(Period::Month).unwrap();
    let january = date(2024, 1, 1);
    let cells = [0, 1].map(|age| values.cell(january, age).unwrap());
    assert_eq!(cells.map(|cell| cell.paying), [Some(1), Some(1)]);
    assert_eq!(cells.map(|cell| cell.value), [Some(8.0), Some(4.0)]);
    assert_eq!(cells.map(|cell| cell.paid), [Some(10.0), Some(7.0)]);
    assert_eq!(cells.map(|cell| cell.per_paying()), [Some(10.0), Some(7.0)]);
    assert_eq!(cells.map(|cell| cell.cumulative), [Some(8.0), Some(12.0)]);
    assert_eq!(values.of_start(january, 1), Some(0.5));
    assert_eq!((values.of_previous(january, 0), values.of_previous(january, 1)), (None, Some(0.5)));
    let refused = activity.value_retention(RetentionOptions::new(Period::Month).criterion(Criterion::Streak));
    assert!(matches!(refused, Err(Error::InvalidOption { .. })));
}
