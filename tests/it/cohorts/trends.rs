//! One age over all cohorts, against the triangle's own cells.

use attrition::{Activity, AgeBy, Coverage, Criterion, Period, Retention, RetentionOptions, date};
use proptest::prelude::*;

use super::properties::{both, cases};
use super::{CRITERIA, active};

/// The slope of rates by weighted least squares, and the statistic of Cochran and Armitage, over whole cohorts observed
/// at an age: (place, retained, members).
fn by_hand(triangle: &Retention, age: u32) -> Option<(f64, f64)> {
    let mut points = Vec::new();
    for (place, cohort) in triangle.cohorts().iter().enumerate() {
        let cell = triangle.cell(cohort.span.start, age).unwrap();
        if let (Some(active), Some(base @ 1..)) = (cell.active, cell.base)
            && cohort.coverage != Coverage::Truncated
        {
            points.push((place as f64, active as f64, base as f64));
        }
    }
    if points.len() < 2 {
        return None;
    }
    let members: f64 = points.iter().map(|point| point.2).sum();
    let rate = points.iter().map(|point| point.1).sum::<f64>() / members;
    let centre = points.iter().map(|point| point.0 * point.2).sum::<f64>() / members;
    let spread: f64 = points.iter().map(|point| point.2 * (point.0 - centre).powi(2)).sum();
    let along: f64 = points.iter().map(|point| point.2 * (point.0 - centre) * (point.1 / point.2 - rate)).sum();
    let variance = rate * (1.0 - rate) * spread;
    Some((along / spread, if variance > 1e-12 { along / variance.sqrt() } else { 0.0 }))
}

/// Of ten who come each month, so many come in the next.
fn months(retained: [i64; 4], from: i8) -> Activity {
    let mut events = Vec::new();
    for (month, retained) in (1_i8..).zip(retained) {
        for user in 0..10 {
            let id = i64::from(month) * 100 + user;
            events.push((id, date(2024, month, 20)));
            events.extend((user < retained).then_some((id, date(2024, month + 1, 20))));
        }
    }
    active(&events, date(2024, 1, from), date(2024, 5, 31))
}

#[test]
fn a_truncated_cohort_is_a_point_and_not_in_the_test() {
    let whole = months([9, 2, 4, 6], 1).retention(Period::Month).unwrap().trend(1).unwrap();
    assert_eq!((whole.points.len(), whole.confidence), (4, 0.95));
    // Rates 0.9, 0.2, 0.4, 0.6 at -1.5, -0.5, 0.5, 1.5: (-1.35 - 0.1 + 0.2 + 0.9) / 5.
    assert!((whole.test.unwrap().slope + 0.07).abs() < 1e-12, "{whole}");

    let triangle = months([9, 2, 4, 6], 10).retention(Period::Month).unwrap();
    let trend = triangle.trend(1).unwrap();
    assert_eq!(trend.points.len(), 4);
    assert!((trend.test.unwrap().slope - 0.2).abs() < 1e-12, "{trend}");
    let frame = trend.to_frame().unwrap();
    let coverage: Vec<_> = frame.column("cohort_coverage").unwrap().str().unwrap().iter().flatten().collect();
    assert_eq!(coverage, ["truncated", "observed", "observed", "observed"]);
    let text = trend.to_string();
    assert!(
        text.contains("  2024-01-01~        9 of       10   90.0  (") && text.contains("not in the test"),
        "{text}"
    );
    assert!(!whole.to_string().contains("not in the test"));

    // z = 4 / √(0.4 · 0.6 · 20), two-sided p 0.068: the triangle's confidence decides.
    assert!(text.ends_with("+20.00 points a cohort, p = 0.0679: no drift can be told from chance"), "{text}");
    let asked = RetentionOptions::new(Period::Month).confidence(0.9);
    let lenient = months([9, 2, 4, 6], 10).retention(asked).unwrap().trend(1).unwrap();
    assert!(lenient.to_string().ends_with("p = 0.0679: later cohorts stay better"), "{lenient}");
    let steep = months([9, 0, 5, 10], 10).retention(Period::Month).unwrap().trend(1).unwrap();
    assert!(steep.to_string().ends_with("p < 0.0001: later cohorts stay better"), "{steep}");
    let other = RetentionOptions::new(Period::Month).criterion(Criterion::OnOrAfter);
    let unfair = months([9, 2, 4, 6], 10).retention(other).unwrap().trend(1).unwrap();
    assert!(unfair.test.is_none() && unfair.points.len() == 4);
}

proptest! {
    #[test]
    fn trends_are_those_of_the_cells(case in cases()) {
        let Some((activity, _)) = both(&case.world)? else { return Ok(()) };
        for (criterion, age_by) in CRITERIA.into_iter().zip([AgeBy::Calendar, AgeBy::Start].into_iter().cycle()) {
            let options = RetentionOptions::new(Period::Week).criterion(criterion).age_by(age_by);
            let triangle = activity.retention(options).unwrap();
            for age in 0..=triangle.horizon().min(5) {
                let trend = triangle.trend(age).unwrap();
                let cells = triangle.cohorts().iter().map(|cohort| triangle.cell(cohort.span.start, age).unwrap());
                let points: Vec<_> =
                    triangle.cohorts().iter().cloned().zip(cells).filter(|(_, cell)| cell.rate.is_some()).collect();
                prop_assert_eq!(&trend.points, &points);
                let expected = by_hand(&triangle, age).filter(|_| criterion != Criterion::OnOrAfter);
                prop_assert_eq!(trend.test.is_some(), expected.is_some());
                if let (Some(test), Some((slope, z))) = (trend.test, expected) {
                    prop_assert!((test.slope - slope).abs() < 1e-9 && (test.z - z).abs() < 1e-6, "{test:?} {slope} {z}");
                }
            }
            prop_assert!(triangle.trend(triangle.horizon() + 1).is_err());
        }
    }
}
