//! Triggers and their back-test on real logs, from beginning to end: what was known on each date, and what is said of it.

use attrition::polars::prelude::*;
use attrition::{
    Activity, BackTest, BackTestOptions, Calendar, CancellationColumns, ChurnEvent, Detector, EventColumns, Portfolio,
    SubscriptionColumns, TriggerSet, Verdict, date,
};

fn data(path: &str) -> PlRefPath {
    PlRefPath::new(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(path).to_string_lossy())
}

fn log(path: &str, columns: &EventColumns) -> Activity {
    let events = LazyFrame::scan_parquet(data(path), ScanArgsParquet::default()).unwrap();
    Activity::from_lazy(events, columns, &Calendar::utc()).unwrap()
}

/// What has to hold of every back-test, and a verdict for everything that was observed.
fn sound(test: &BackTest) {
    let dates = test.dates();
    assert!(!dates.is_empty());
    let known: u64 = dates.iter().map(|date| date.churned + date.stayed).sum();
    for performance in test.performances() {
        assert!(performance.judged <= known && performance.positives <= performance.judged);
        assert!(performance.true_positives <= performance.fired.min(performance.positives));
        let plain = performance.detector == Detector::PlainRule;
        let both = performance.positives > 0 && performance.positives < performance.judged;
        assert_eq!(performance.area_difference.is_some(), both && !plain, "{}", performance.name);
        if let Some(difference) = performance.area_difference {
            let told = difference.interval.lower > 0.0 || difference.interval.upper < 0.0;
            assert_eq!(performance.verdict() != Verdict::NotTold, told, "{}", performance.name);
        }
    }
    assert!(test.performance("days_since_last_event").is_some_and(|plain| plain.judged == known));
    let said = test.to_string();
    assert!(said.contains("days_since_last_event") && said.contains("never observed: "), "{said}");
}

#[test]
fn commits() {
    for (path, silence) in [("git_cargo/commits.parquet", 180), ("git_rails/commits.parquet", 180)] {
        let portfolio = Portfolio::new(log(path, &EventColumns::new("user_id", "timestamp"))).unwrap();
        let options = BackTestOptions::new()
            .churn(ChurnEvent::ActivityEnded { silence_days: silence })
            .from(date(2018, 1, 7))
            .to(date(2022, 1, 2))
            .every(91);
        let test = portfolio.back_test(TriggerSet::standard(), options).unwrap();
        sound(&test);
        // Whoever commits seldom leaves silently: how long somebody has been away tells something.
        let plain = test.performance("days_since_last_event").unwrap();
        assert!(plain.positives > 50 && plain.area.is_some());
    }
}

#[test]
fn purchases() {
    let purchases = LazyFrame::scan_parquet(data("online_retail/lines.parquet"), ScanArgsParquet::default())
        .unwrap()
        .filter(col("quantity").gt(lit(0)).and(col("unit_price").gt(lit(0.0))))
        .with_column((col("quantity").cast(DataType::Float64) * col("unit_price")).alias("value"));
    let columns = EventColumns::new("customer_id", "invoice_date").value("value");
    let activity = Activity::from_lazy(purchases, &columns, &Calendar::utc()).unwrap();
    let portfolio = Portfolio::new(activity).unwrap();
    let options =
        BackTestOptions::new().churn(ChurnEvent::ActivityEnded { silence_days: 90 }).horizon_days(60).lead_days(7);
    let test = portfolio.back_test(TriggerSet::standard(), options).unwrap();
    sound(&test);
    assert!(test.performance("high_value_fading").unwrap().judged > 0);
}

/// A month is too short for a baseline: nothing is observed but what needs none, and that is said.
#[test]
fn launch_of_a_game() {
    let portfolio = Portfolio::new(log("gamelaunch/events.parquet", &EventColumns::new("user_id", "date"))).unwrap();
    let options = BackTestOptions::new().churn(ChurnEvent::ActivityEnded { silence_days: 7 });
    let options = options.lead_days(1).horizon_days(7).from(date(2016, 5, 5)).to(date(2016, 5, 12)).every(1);
    let test = portfolio.back_test(TriggerSet::standard(), options).unwrap();
    sound(&test);
    assert_eq!(test.performance("usage_frequency").unwrap().judged, 0);
    // Players who have been away for days come back less often than those of yesterday.
    assert!(test.performance("days_since_last_event").unwrap().positives > 500);
}

/// A register without a log: who registered, and who withdrew when.
#[test]
fn registrations() {
    let registered = LazyFrame::scan_parquet(data("oulad/registrations.parquet"), ScanArgsParquet::default())
        .unwrap()
        .filter(col("registered").is_not_null())
        .collect()
        .unwrap();
    let columns = EventColumns::new("account", "registered");
    let mut builder = Activity::builder(&columns, &Calendar::utc()).as_of(date(2015, 6, 30));
    builder.push(&registered).unwrap();
    let activity = builder.finish().unwrap();
    assert_eq!(activity.actors(), 15_651);
    let withdrawn = registered.clone().lazy().filter(col("unregistered").is_not_null()).collect().unwrap();
    let terms = registered
        .lazy()
        .with_column(col("unregistered").lt(col("registered")).alias("turned"))
        .filter(col("turned").is_null().or(col("turned").not()))
        .with_column(col("unregistered").alias("ended"))
        .collect()
        .unwrap();
    let portfolio = Portfolio::new(activity)
        .and_then(|portfolio| {
            let terms_columns = SubscriptionColumns::new("account", "registered").renewal("ends").ended("ended");
            portfolio.subscriptions(&terms, &terms_columns)
        })
        .and_then(|portfolio| portfolio.cancellations(&withdrawn, &CancellationColumns::new("account", "unregistered")))
        .unwrap();
    let options = BackTestOptions::new().from(date(2013, 10, 15)).to(date(2014, 4, 15)).every(28).lead_days(7);
    let test = portfolio.back_test(TriggerSet::standard(), options.horizon_days(60)).unwrap();
    sound(&test);
    assert_eq!(test.churn(), ChurnEvent::Cancelled);
    // By hand on the register: on 2013-10-15 there are so many registrations that have not been withdrawn, and so many of
    // them are withdrawn 8 to 67 days later.
    let first = test.dates()[0];
    let day = |column: &str| {
        let days = terms.column(column).unwrap().cast(&DataType::Int32).unwrap();
        days.i32().unwrap().iter().collect::<Vec<Option<i32>>>()
    };
    let (start, end, on) = (day("registered"), day("ended"), date(2013, 10, 15).days_since_epoch());
    let rows = || start.iter().zip(&end).filter(|(start, _)| start.is_some_and(|start| start <= on));
    let within = |from: i32, to: i32| {
        rows().filter(|(_, end)| end.is_some_and(|end| (on + from..=on + to).contains(&end))).count() as u64
    };
    assert_eq!(first.churned, within(8, 67));
    assert_eq!(first.leaving, within(1, 7));
}
