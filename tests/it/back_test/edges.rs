//! Nobody left, nothing observed, one date, questions that make no sense.

use attrition::{
    BackTest, BackTestOptions, ChurnEvent, Date, DaysSinceLastEvent, Detector, Error, Every, Period, State, TriggerSet,
    Verdict, date,
};

use super::company::{Company, FewDays, NEW_YEAR, Told, scripted};
use crate::log::{day, message};

/// Accounts 1 to 4, active every fifth day for a year.
fn company() -> Company {
    let mut company = Company::new(NEW_YEAR, NEW_YEAR + 365);
    company.events = (1..=4).flat_map(|of| (0..=365).step_by(5).map(move |day| (of, NEW_YEAR + day))).collect();
    company
}

fn always() -> TriggerSet {
    TriggerSet::new().with(scripted("always", |_, account| Told::Fired(account as f64)))
}

fn run(company: &Company, options: impl Into<BackTestOptions>) -> BackTest {
    company.portfolio().back_test(always(), options).unwrap()
}

#[test]
fn nobody_left() {
    let test = run(&company(), ChurnEvent::Cancelled);
    let own = test.performance("always").unwrap();
    assert_eq!((own.positives, own.true_positives, own.churns), (0, 0, 0));
    assert_eq!(own.precision.unwrap().value, 0.0);
    assert_eq!((own.recall, own.lift, own.area, own.top_decile_lift), (None, None, None, None));
    assert_eq!((own.plain_area, own.lead_time, own.verdict()), (None, None, Verdict::NotTold));
    assert!(test.ranking().is_none() && test.performance("combination").is_none());
    let frame = test.to_frame().unwrap();
    for column in frame.columns() {
        if let Ok(numbers) = column.f64() {
            assert!(numbers.iter().flatten().all(f64::is_finite), "{column:?}");
        }
    }
    assert!(test.to_string().contains("no ranking"), "{test}");
}

#[test]
fn nothing_observed() {
    let mut company = company();
    company.cancelled = Some(vec![(1, NEW_YEAR + 200)]);
    let set = TriggerSet::new().with(scripted("blind", |_, _| Told::NotObserved));
    let test = company.portfolio().back_test(set, BackTestOptions::new()).unwrap();
    let own = test.performance("blind").unwrap();
    assert_eq!((own.judged, own.not_observed()), (0, own.customers));
    assert!(own.customers > 0);
    let rates = [own.base_rate, own.precision, own.recall, own.lift, own.area];
    assert_eq!(rates, [None; 5]);
    let any = test.performance("any_fired").unwrap();
    assert_eq!((any.judged, any.fired), (0, 0));
    let share = test.to_frame().unwrap().column("not_observed_share").unwrap().f64().unwrap().get(0);
    assert_eq!(share, Some(1.0));
}

#[test]
fn one_date() {
    let mut company = company();
    company.cancelled = Some(vec![(1, NEW_YEAR + 200)]);
    let test = run(&company, BackTestOptions::new().from(day(NEW_YEAR + 150)).to(day(NEW_YEAR + 150)));
    let own = test.performance("always").unwrap();
    assert_eq!((own.judged, own.positives, own.true_positives), (4, 1, 1));
    assert_eq!((own.new_findings, own.findings_per_week, own.findings_per_account_month), (0, None, None));
    assert_eq!(own.lead_time.unwrap().median, 50.0);
    assert!(test.ranking().is_none());
    assert!(test.to_string().starts_with("Back-test at 1 date, "), "{test}");
}

#[test]
fn who_left_and_came_back() {
    // Account 1 cancels on day 200, is active again from day 230 on, and cancels again on day 300.
    let mut company = company();
    company.events.retain(|&(of, at)| of != 1 || !(200..230).contains(&(at - NEW_YEAR)));
    company.events.retain(|&(of, at)| of != 1 || at - NEW_YEAR <= 300);
    company.cancelled = Some(vec![(1, NEW_YEAR + 200), (1, NEW_YEAR + 300)]);
    let options = BackTestOptions::new().lead_days(5).horizon_days(40).from(day(NEW_YEAR + 160)).every(20);
    let counts = |test: &BackTest| -> Vec<(u64, u64, u64, u64)> {
        test.dates().iter().map(|of| (of.churned, of.stayed, of.leaving, of.had_left)).collect()
    };
    // Days 160, 180, 200, 220, 240, 260, 280, 300, 320.
    let cancelled = run(&company, options.clone());
    let expected = [(1, 3), (1, 3), (0, 3), (0, 3), (0, 4), (1, 3), (1, 3), (0, 3), (0, 3)];
    let gone = [0, 0, 1, 1, 0, 0, 0, 1, 1];
    let expected: Vec<_> =
        expected.iter().zip(gone).map(|(&(churned, stayed), gone)| (churned, stayed, 0, gone)).collect();
    assert_eq!(counts(&cancelled), expected);
    assert_eq!(cancelled.performance("always").unwrap().churns, 2);

    // By activity: silent from day 196 on, for 34 days, and from day 301 on.
    let silent = run(&company, options.churn(ChurnEvent::ActivityEnded { silence_days: 20 }));
    // The last of the dates is 300, of which all is known on day 364.
    let expected = [(1, 3), (1, 3), (0, 3), (0, 3), (0, 4), (1, 3), (1, 3), (0, 3)];
    let expected: Vec<_> =
        expected.iter().zip(gone).map(|(&(churned, stayed), gone)| (churned, stayed, 0, gone)).collect();
    assert_eq!(counts(&silent), expected);
    assert_eq!(silent.churn(), ChurnEvent::ActivityEnded { silence_days: 20 });
}

#[test]
fn silence_already_begun_is_leaving() {
    let mut company = company();
    company.events.retain(|&(of, at)| of != 2 || at - NEW_YEAR <= 150);
    let options = BackTestOptions::new().lead_days(5).horizon_days(40).from(day(NEW_YEAR + 120)).every(28);
    let test = run(&company, options.churn(ChurnEvent::ActivityEnded { silence_days: 30 }));
    let counts: Vec<_> = test.dates().iter().map(|of| (of.churned, of.leaving, of.lapsed)).collect();
    // The first silent day is 151. Days 120, 148, 176, 204, 232, 260, 288; on day 241 it has lapsed.
    assert_eq!(counts, [(1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1)]);
}

#[test]
fn what_counts_as_churn_unless_told() {
    let silent = ChurnEvent::ActivityEnded { silence_days: 60 };
    let churn = |company: &Company| run(company, BackTestOptions::new()).churn();
    let mut company = company();
    assert_eq!(churn(&company), silent);
    company.terms = Some(vec![(1, NEW_YEAR, None), (2, NEW_YEAR, Some(NEW_YEAR + 400))]);
    assert_eq!(churn(&company), silent);
    company.terms = Some(vec![(1, NEW_YEAR, Some(NEW_YEAR + 300))]);
    assert_eq!(churn(&company), ChurnEvent::Cancelled);
    company.terms = None;
    company.cancelled = Some(vec![]);
    assert_eq!(churn(&company), ChurnEvent::Cancelled);
}

/// On day 200 one plan follows another, which is no churn, and on day 250 nothing does.
#[test]
fn a_change_of_plan_is_no_churn() {
    let mut company = company();
    let term = |start: i32, end: i32| (1, NEW_YEAR + start, Some(NEW_YEAR + end));
    company.terms = Some(vec![term(0, 200), term(200, 250), (2, NEW_YEAR, None)]);
    let options = BackTestOptions::new().lead_days(5).horizon_days(30).from(day(NEW_YEAR + 180)).every(40);
    let test = run(&company, options);
    let counts: Vec<_> = test.dates().iter().map(|of| (of.churned, of.stayed, of.leaving, of.had_left)).collect();
    // Days 180, 220, 260, 300.
    assert_eq!(counts, [(0, 4, 0, 0), (1, 3, 0, 0), (0, 3, 0, 1), (0, 3, 0, 1)]);
}

#[test]
fn dates() {
    let company = company();
    let own = |options: BackTestOptions| -> Vec<String> {
        run(&company, options).dates().iter().map(|of| of.date.to_string()).collect()
    };
    let default = own(BackTestOptions::new());
    // 120 days after the beginning, and the last 104 + 59 days before the end.
    assert_eq!(default, ["2024-04-30", "2024-05-28", "2024-06-25"]);
    let months = BackTestOptions::new().every(Period::Month).from(date(2024, 1, 31)).to(date(2024, 4, 29));
    assert_eq!(own(months), ["2024-01-31", "2024-02-29", "2024-03-31"]);
    let options = run(&company, BackTestOptions::new()).options().clone();
    assert_eq!(run(&company, options.clone()).dates().len(), 3);
    assert_eq!(options, options.clone().churn(ChurnEvent::ActivityEnded { silence_days: 60 }).from(date(2024, 4, 30)));
    assert_eq!(BackTestOptions::default(), BackTestOptions::new().every(Every::Days(28)));
}

#[test]
fn refusals() {
    let portfolio = company().portfolio();
    let refused = |options: BackTestOptions| message(&portfolio.back_test(always(), options).unwrap_err());
    let new = BackTestOptions::new;
    for (options, start) in [
        (new().lead_days(40_000), "lead_days = 40000: "),
        (new().horizon_days(0), "horizon_days = 0: "),
        (new().every(0), "every = 0: "),
        (new().churn(ChurnEvent::ActivityEnded { silence_days: 0 }), "silence_days = 0: "),
        (new().confidence(1.0), "confidence = 1: "),
        (new().from(date(2023, 12, 31)), "from = 2023-12-31: "),
        (new().to(date(2024, 7, 22)), "to = 2024-07-22, after 2024-07-21"),
        (new().from(date(2024, 7, 1)).to(date(2024, 6, 1)), "from .. to = 2024-07-01 .. 2024-06-01: "),
        (new().horizon_days(360), "from .. to = 2024-04-30"),
    ] {
        let refused = refused(options);
        assert!(refused.starts_with(start), "{refused}");
    }
    let with = |set: TriggerSet| message(&portfolio.back_test(set, new()).unwrap_err());
    assert!(with(TriggerSet::new()).starts_with("triggers = []"));
    assert!(with(always().level(0.5)).starts_with("level = 0.5"));
    assert!(
        with(TriggerSet::new().with(scripted("odd", |_, _| Told::Quiet(f64::NAN)))).starts_with("score = NaN of odd")
    );
    assert!(with(TriggerSet::new().with(scripted("odd", |_, _| Told::Tested(2.0, true)))).starts_with("p_value = "));
    assert!(with(always().with(DaysSinceLastEvent::new().days(0))).starts_with("days = 0"));
}

/// Every day of ten thousand years, four accounts and 21 triggers.
#[test]
fn too_large() {
    let mut company = Company::new(Date::MIN.days_since_epoch(), Date::MAX.days_since_epoch());
    company.events = (1..=4).map(|account| (account, NEW_YEAR)).collect();
    let set =
        (0..20).fold(TriggerSet::new(), |set, number| set.with(scripted(&number.to_string(), |_, _| Told::Quiet(0.0))));
    let options = BackTestOptions::new().churn(ChurnEvent::Cancelled).every(1);
    let refused = company.portfolio().back_test(set, options).unwrap_err();
    assert!(matches!(refused, Error::TooLarge { limit: 268_435_456, .. }), "{refused}");
}

#[test]
fn the_plain_rule_of_the_set_takes_its_place() {
    let mut company = company();
    company.events.retain(|&(of, at)| of != 2 || at - NEW_YEAR <= 150);
    company.cancelled = Some(vec![(2, NEW_YEAR + 200), (3, NEW_YEAR + 240)]);
    let set = TriggerSet::new().with(DaysSinceLastEvent::new().days(10)).with(FewDays);
    let test = company.portfolio().back_test(set, BackTestOptions::new()).unwrap();
    let names: Vec<(&str, Detector)> =
        test.performances().iter().map(|own| (own.name.as_str(), own.detector)).collect();
    assert_eq!(names[..2], [("days_since_last_event", Detector::PlainRule), ("few_days", Detector::Trigger)]);
    assert_eq!(names[2].1, Detector::AnyFired);
    assert!(test.performances()[0].fired > 0, "{test}");
    // In any that fired it counts as one of the set.
    assert!(test.performances()[2].fired >= test.performances()[0].fired);
    assert!(test.ranking().is_none_or(|ranking| ranking.contributions.iter().all(|own| own.trigger == "few_days")));
}

#[test]
fn days_since_last_event() {
    let mut company = company();
    // Account 5 is known from a subscription alone, since day 50.
    company.events.retain(|&(of, at)| of != 2 || at - NEW_YEAR <= 100);
    company.terms = Some(vec![(5, NEW_YEAR + 50, Some(NEW_YEAR + 190)), (6, NEW_YEAR - 50, None)]);
    let portfolio = company.portfolio();
    let at = day(NEW_YEAR + 170);
    let findings = portfolio.triggers(at, TriggerSet::new().with(DaysSinceLastEvent::new())).unwrap();
    let of = |account: i64| findings.of(account).next().unwrap();
    assert_eq!((of(1).state, of(1).observed, of(1).since), (State::Quiet, Some(0.0), None));
    assert_eq!((of(2).state, of(2).score, of(2).since), (State::Fired, Some(70.0), Some(day(NEW_YEAR + 101))));
    assert_eq!((of(5).observed, of(6).observed), (Some(120.0), Some(170.0)));
    let severities: Vec<&str> = findings.fired().map(|own| own.severity.unwrap().name()).collect();
    assert_eq!(severities, ["high", "high", "medium"]);
    assert!(of(2).sentence.unwrap().starts_with("nobody was active for 70 days, last on "));
    assert!(of(5).sentence.unwrap().starts_with("nobody was ever active, in 120 days"));
    // What comes later says nothing.
    let cut = company.until(NEW_YEAR + 170).portfolio();
    let again = cut.triggers(at, TriggerSet::new().with(DaysSinceLastEvent::new())).unwrap();
    assert!(findings.iter().zip(again.iter()).all(|(one, other)| one == other));
    assert_eq!(findings.accounts(), again.accounts());
}
