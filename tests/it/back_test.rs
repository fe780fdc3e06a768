//! The back-test of triggers: by hand, against counts made one by one, on triggers whose worth is known, and at its edges.

mod company;
mod edges;
mod naive;
mod worth;

use attrition::{BackTest, BackTestOptions, ChurnEvent, Estimate, LeadTime, TriggerSet, Verdict, date};

use self::company::{Company, NEW_YEAR, Told, scripted};
use super::log::day;

fn value(of: Option<Estimate>) -> f64 {
    of.unwrap().value
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-12
}

/// Accounts 1 to 3 at days 20, 30 and 40; who leaves 5 to 24 days after a date counts.
///
/// | | 20 | 30 | 40 |
/// | --- | --- | --- | --- |
/// | 1, cancels on day 60 | stays, fires 5 | stays, fires 5 | leaves, fires 3 |
/// | 2, cancels on day 43 | leaves, quiet 3 | leaves, fires 4 | is leaving, fires 9 |
/// | 3 | stays, fires 2 | stays, not observed | stays, quiet 1 |
fn by_hand() -> BackTest {
    let mut company = Company::new(NEW_YEAR, NEW_YEAR + 100);
    for account in 1..=3 {
        company.events.extend([0, 18, 27, 35].map(|day| (account, NEW_YEAR + day)));
    }
    company.cancelled = Some(vec![(1, NEW_YEAR + 60), (2, NEW_YEAR + 43)]);
    let told = |day: i32, account: i64| match (day - NEW_YEAR, account) {
        (20 | 30, 1) => Told::Fired(5.0),
        (40, 1) => Told::Fired(3.0),
        (20, 2) => Told::Quiet(3.0),
        (30, 2) => Told::Fired(4.0),
        (40, 2) => Told::Fired(9.0),
        (20, 3) => Told::Fired(2.0),
        (30, 3) => Told::NotObserved,
        _ => Told::Quiet(1.0),
    };
    let options = BackTestOptions::new().lead_days(4).horizon_days(20).every(10);
    let options = options.from(day(NEW_YEAR + 20)).to(day(NEW_YEAR + 40));
    company.portfolio().back_test(TriggerSet::new().with(scripted("told", told)), options).unwrap()
}

#[test]
fn three_accounts_at_three_dates() {
    let test = by_hand();
    assert_eq!(test.churn(), ChurnEvent::Cancelled);
    let dates: Vec<[u64; 4]> = test.dates().iter().map(|of| [of.churned, of.stayed, of.leaving, of.unknown]).collect();
    assert_eq!(dates, [[1, 2, 0, 0], [1, 2, 0, 0], [1, 1, 1, 0]]);

    let told = test.performance("told").unwrap();
    assert_eq!((told.customers, told.judged, told.not_observed()), (8, 7, 1));
    assert_eq!((told.positives, told.fired, told.true_positives), (3, 5, 2));
    assert!(near(value(told.base_rate), 3.0 / 7.0) && near(value(told.precision), 0.4), "{told:?}");
    assert!(near(value(told.recall), 2.0 / 3.0) && near(value(told.lift), 14.0 / 15.0), "{told:?}");
    // 3, 4 and 3 of those who left against 5, 5, 2 and 1.
    assert!(near(value(told.area), 0.5), "{told:?}");
    // Of 0.3, 0.2 and 0.2 places only the last is somebody who left.
    assert!(near(told.top_decile_lift.unwrap(), 0.2 / 0.7 * 7.0 / 3.0), "{told:?}");
    // All are silent for 2, 3 and 5 days.
    assert!(near(told.plain_area.unwrap(), 7.0 / 12.0), "{told:?}");
    // Two of three are named twice, one of whom left, and then one of two.
    assert!(near(told.plain_precision.unwrap(), (2.0 / 3.0 + 2.0 / 3.0 + 0.5) / 5.0), "{told:?}");
    // From day 20 to 60, and from 30 to 43.
    assert_eq!((told.churns, told.caught), (2, 2));
    let lead_time = LeadTime { lower_quartile: 19.75, median: 26.5, upper_quartile: 33.25 };
    assert_eq!(told.lead_time, Some(lead_time));
    // Account 2 on day 30.
    assert_eq!(told.new_findings, 1);
    assert!(near(told.findings_per_week.unwrap(), 0.35), "{told:?}");
    assert!(near(told.findings_per_account_month.unwrap(), 365.25 / 12.0 / 60.0), "{told:?}");
    let at = test.at("told", day(NEW_YEAR + 30)).unwrap();
    assert_eq!((at.customers, at.judged, at.positives), (3, 2, 1));
    assert_eq!((at.fired, at.true_positives, at.new), (2, 1, 1));
    assert_eq!((test.at("told", day(NEW_YEAR + 31)), test.at("other", day(NEW_YEAR + 30))), (None, None));

    let any = test.performance("any_fired").unwrap();
    assert_eq!((any.judged, any.fired, any.true_positives), (7, 5, 2));
    let two = test.performance("two_or_more_fired").unwrap();
    assert_eq!((two.fired, two.precision, two.lift), (0, None, None));
    assert_eq!(two.recall.unwrap().value, 0.0);
    let plain = test.performance("days_since_last_event").unwrap();
    assert_eq!((plain.fired, plain.verdict()), (0, Verdict::NotTold));
    assert!(near(value(plain.area), plain.plain_area.unwrap()) && plain.area_difference.is_none());
    // Day 64 is known when day 40 is over, and day 30 lies within.
    assert!(test.ranking().is_none() && test.worth_working_on().is_empty());
}

#[test]
fn printed() {
    let expected = "\
Back-test at 3 dates, every 10 days: 2024-01-21 to 2024-02-10
churn: cancelled, 5 to 24 days after the date
";
    let printed = by_hand().to_string();
    assert!(printed.starts_with(expected), "{printed}");
    assert!(printed.contains("left out: 1 were leaving within the lead"), "{printed}");
    assert!(printed.lines().count() < 40 && printed.lines().all(|line| line.chars().count() <= 120), "{printed}");
    assert!(printed.contains("does not beat days since last event: told"), "{printed}");
    assert_eq!(by_hand().dates()[0].date, date(2024, 1, 21));
}

#[test]
fn frames() {
    let test = by_hand();
    let frame = test.to_frame().unwrap();
    assert_eq!((frame.height(), frame.width()), (4, 43), "{frame:?}");
    let number = |column: &str| frame.column(column).unwrap().f64().unwrap().get(0);
    let told = test.performance("told").unwrap();
    assert_eq!(number("precision"), Some(value(told.precision)));
    assert_eq!(number("precision_lower"), told.precision.unwrap().interval.map(|interval| interval.lower));
    assert_eq!(number("not_observed_share"), Some(0.125));
    assert_eq!(number("lead_time_median"), Some(26.5));
    assert_eq!(number("area_difference_p_value"), told.area_difference.map(|difference| difference.p_value));
    let names: Vec<&str> = frame.column("detector").unwrap().str().unwrap().iter().flatten().collect();
    assert_eq!(names, ["trigger", "plain_rule", "any_fired", "two_or_more_fired"]);
    let dates = test.dates_to_frame().unwrap();
    assert_eq!((dates.height(), dates.width()), (12, 12));
    let sum: u64 = dates.column("fired").unwrap().u64().unwrap().into_no_null_iter().step_by(4).sum();
    assert_eq!(sum, told.fired);
    assert_eq!(test.ranking_to_frame().unwrap().height(), 0);
}

#[test]
fn stored() {
    let test = by_hand();
    let text = serde_json::to_string(&test).unwrap();
    let back: BackTest = serde_json::from_str(&text).unwrap();
    // But for the last bit of floats that were read.
    assert_eq!((back.to_string(), back.dates(), back.options()), (test.to_string(), test.dates(), test.options()));
    let edited = text.replacen("\"fired\":5", "\"fired\":6", 1);
    assert_ne!(edited, text);
    let error = serde_json::from_str::<BackTest>(&edited).unwrap_err().to_string();
    assert!(error.contains("the counts by date add up"), "{error}");
}
