//! A customer-success team's Monday morning: how the customers do, what to do about whom, and whether that is worth doing.
//!
//! ```sh
//! cargo run --example health_and_alerts
//! cargo run --release --example health_and_alerts -- --events log.parquet --user user_id --time ts --account account_id
//! ```
//!
//! Without arguments it reads a year of a British online shop, of which nothing but the orders is known, and then a
//! simulated software company, of which everything is known, the truth too.

mod common {
    pub(crate) mod log;
    pub(crate) mod page;
    pub(crate) mod shop;
}

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;

use attrition::polars::prelude::DataType;
use attrition::{
    Account, Activity, AlertDesk, AlertOptions, Cause, Company, Date, FittedHealth, Health, HealthBand,
    HealthFitOptions, HealthOptions, Id, Planted, Portfolio, RenewalOptions, SimulationOptions, TriggerSet, Weekday,
};
use common::page::{Outcome, heading, percent, share};

fn main() -> ExitCode {
    let own_log = std::env::args().len() > 1;
    let review = if own_log { learnt_of } else { both };
    common::log::run("health_and_alerts", common::shop::online_retail, review)
}

fn both(activity: &Activity, out: &mut dyn Write) -> Outcome {
    learnt_of(activity, out)?;
    monday(out)
}

/// What the past of a log teaches, where there is nothing but the log.
fn learnt_of(activity: &Activity, out: &mut dyn Write) -> Outcome {
    learnt(&Portfolio::new(activity.clone())?, out)?;
    Ok(())
}

/// Weights learnt from who left, and whether to believe them.
fn learnt(portfolio: &Portfolio, out: &mut dyn Write) -> Result<Option<FittedHealth>, Box<dyn std::error::Error>> {
    heading(out, "What the past teaches")?;
    match portfolio.fit_health(HealthFitOptions::new()) {
        Ok(fitted) => {
            writeln!(out, "{fitted}")?;
            Ok(Some(fitted))
        }
        // A short log has no date with enough behind it and enough to come.
        Err(error) => {
            writeln!(out, "Nothing can be learnt: {error}")?;
            Ok(None)
        }
    }
}

fn monday(out: &mut dyn Write) -> Outcome {
    writeln!(out, "\n# A simulated software company, on a Monday morning")?;
    let planted = Cause::ALL.map(|cause| Planted::new(cause, 0.03, 0.7));
    let company = Company::simulate(SimulationOptions::new(1_000, 7).causes(planted).monthly_hazard(0.004))?;
    let portfolio = company.portfolio()?;
    let last = portfolio.activity().as_of();
    // The last Sunday, at whose end everything of the week was known.
    let today = (0..7).map(|back| last - back).find(|date| date.weekday() == Weekday::Sun).unwrap_or(last);

    let fitted = learnt(&portfolio, out)?;
    let options = fitted.as_ref().map_or_else(HealthOptions::default, HealthOptions::from);

    heading(out, "How our customers do")?;
    let health = portfolio.health(today, options.clone())?;
    writeln!(out, "{health}")?;
    let months = (0..6).rev().map(|month| today - 28 * month);
    writeln!(out, "\n{}", portfolio.health_over_time(months, options)?)?;

    heading(out, "What has been going on")?;
    let half_a_year = AlertOptions::new().from(today - 182).to(today).every(7);
    let desk = portfolio.alerts(TriggerSet::standard(), half_a_year)?;
    writeln!(out, "{desk}")?;

    heading(out, "What to do this week")?;
    let snapshot = portfolio.at(today)?;
    let band = |account: &Account<'_>| band(&health, account.id());
    writeln!(out, "{}", desk.actions(&snapshot, band)?)?;
    heading(out, "And with those who raised no alarm")?;
    writeln!(out, "{}", desk.recommendations(&snapshot, band)?)?;
    heading(out, "Renewals to come")?;
    writeln!(out, "{}", desk.renewals(&snapshot, RenewalOptions::new(), band)?)?;

    heading(out, "Is the list worth working?")?;
    worth(&company, &portfolio, &desk, today, out)
}

fn band(health: &Health, account: Id<'_>) -> Option<HealthBand> {
    health.of(account)?.band
}

/// Of the accounts with an alert in the first three of these six months, how many left in the three months after it, beside
/// the others.
fn worth(company: &Company, portfolio: &Portfolio, desk: &AlertDesk, today: Date, out: &mut dyn Write) -> Outcome {
    const MONTHS: i32 = 91;
    let truth = company.cancellations()?;
    let days = truth.column("date")?.cast(&DataType::Int32)?;
    let accounts = truth.column("account")?.i64()?;
    let left: BTreeMap<i64, i32> =
        accounts.iter().zip(days.i32()?.iter()).filter_map(|(account, day)| account.zip(day)).collect();
    let middle = today - MONTHS;
    let mut warned = BTreeSet::new();
    for alert in desk.alerts() {
        if let (Id::Int(account), Some(opened)) = (alert.account, alert.opened)
            && opened <= middle
        {
            warned.insert(account);
        }
    }
    let mut counts = [(0_u64, 0_u64); 2];
    for account in portfolio.at(middle)?.customers() {
        let Id::Int(number) = account.id() else { continue };
        let leaves = left.get(&number).is_some_and(|&day| day > middle.days_since_epoch());
        let (customers, leaving) = &mut counts[usize::from(warned.contains(&number))];
        *customers += 1;
        *leaving += u64::from(leaves);
    }
    writeln!(out, "Customers on {middle}, and how many of them left since:\n")?;
    for (what, (customers, leaving)) in ["without an alert until then", "with one"].into_iter().zip(counts) {
        writeln!(out, "  {what:<28} {customers:>5} {leaving:>5}   {}", percent(share(leaving, customers)))?;
    }
    writeln!(out, "\nWhat each trigger is worth by itself, with intervals: `cargo run --example churn_triggers`.")?;
    Ok(())
}
