//! Portfolios of simulated companies, as they are and as they were known on a day.

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, CancellationColumns, Company, Date, EventColumns, Findings, Portfolio, SimulationOptions,
    SubscriptionColumns, TicketColumns, Trigger, TriggerSet,
};

pub(crate) fn company(options: SimulationOptions) -> Company {
    Company::simulate(options).unwrap()
}

fn number(column: &str) -> Expr {
    col(column).cast(DataType::Date).cast(DataType::Int32)
}

/// The rows up to a day, and the dates in them that lie later left out.
fn up_to(frame: DataFrame, day: i32, known: &str, ends: &[&str]) -> DataFrame {
    let end = |column: &&str| when(number(column).gt(lit(day))).then(lit(NULL)).otherwise(col(*column)).alias(*column);
    let frame = frame.lazy().filter(number(known).lt_eq(lit(day)));
    frame.with_columns(ends.iter().map(end).collect::<Vec<_>>()).collect().unwrap()
}

/// Events, subscriptions, tickets and cancellations; only those that are known at the end of a day if one is named.
pub(crate) fn portfolio(company: &Company, known: Option<Date>) -> Portfolio {
    let day = known.unwrap_or(company.as_of()).days_since_epoch();
    let tables = [
        up_to(company.events().unwrap(), day, "time", &[]),
        up_to(company.subscriptions().unwrap(), day, "start", if known.is_some() { &["ended"] } else { &[] }),
        up_to(company.tickets().unwrap(), day, "opened", if known.is_some() { &["closed"] } else { &[] }),
        up_to(company.cancellations().unwrap(), day, "date", &[]),
    ];
    let columns = EventColumns::new("user", "time").account("account").feature("feature");
    let builder = Activity::builder(&columns, &Calendar::utc()).observed_from(company.observed_from());
    let mut builder = builder.as_of(known.unwrap_or(company.as_of()));
    builder.push(&tables[0]).unwrap();
    Portfolio::new(builder.finish().unwrap())
        .unwrap()
        .subscriptions(&tables[1], &SubscriptionColumns::default())
        .unwrap()
        .tickets(&tables[2], &TicketColumns::default())
        .unwrap()
        .cancellations(&tables[3], &CancellationColumns::new("account", "date"))
        .unwrap()
}

pub(crate) fn ask(portfolio: &Portfolio, as_of: Date, trigger: impl Trigger + 'static) -> Findings {
    portfolio.triggers(as_of, TriggerSet::new().with(trigger)).unwrap()
}

/// What is found on a day is what was found when that day was the last: nothing later makes a difference.
pub(crate) fn assert_blind_to_the_future(company: &Company, as_of: Date, trigger: impl Trigger + Clone + 'static) {
    let now = ask(&portfolio(company, None), as_of, trigger.clone());
    let then = ask(&portfolio(company, Some(as_of)), as_of, trigger);
    assert!(now.accounts() > 0);
    assert!(now.to_frame().unwrap().equals_missing(&then.to_frame().unwrap()));
}

/// The accounts that a cause struck.
pub(crate) fn struck(company: &Company) -> Vec<i64> {
    let truth = company.truth().unwrap();
    let accounts = truth.column("account").unwrap().i64().unwrap();
    let causes = truth.column("cause").unwrap().str().unwrap();
    accounts.iter().zip(causes.iter()).filter(|(_, cause)| cause.is_some()).filter_map(|(account, _)| account).collect()
}
