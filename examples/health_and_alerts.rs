//! A customer-success team's Monday morning: how the customers do, what to do about whom, and whether that is worth doing.
//!
//! ```sh
//! cargo run --example health_and_alerts
//! cargo run --release --example health_and_alerts -- --events log.parquet --user user_id --time ts --account account_id
//! ```
//!
//! Of a log of your own it has what the past teaches, the health of its accounts and whom to look at; for renewals and plans it
//! takes more than a log.
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
    Account, Activity, AlertDesk, AlertOptions, AlertState, Cause, Company, Date, FittedHealth, Health, HealthBand,
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

/// What the past of a log teaches, how the customers do by it, and whom to look at, where there is nothing but the log.
fn learnt_of(activity: &Activity, out: &mut dyn Write) -> Outcome {
    let portfolio = Portfolio::new(activity.clone())?;
    let fitted = learnt(&portfolio, out)?;
    let options = fitted.as_ref().map_or_else(HealthOptions::default, HealthOptions::from);
    heading(out, "How the customers do")?;
    writeln!(out, "{}", portfolio.health(activity.as_of(), options)?)?;
    heading(out, "Whom to look at")?;
    let findings = portfolio.triggers(activity.as_of(), TriggerSet::standard())?;
    writeln!(out, "{}", findings.worklist())?;
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
    let planted = Cause::ALL.map(|cause| Planted::new(cause, 0.05, 0.8));
    let company = Company::simulate(SimulationOptions::new(1_000, 7).causes(planted).monthly_hazard(0.003))?;
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
    let mut desk = from_last_monday(&portfolio, today - 7)?;
    desk.catch_up(&portfolio, TriggerSet::standard(), today, 7)?;
    writeln!(out, "{desk}")?;

    heading(out, "What is new since last Monday, and who takes up the first of it")?;
    taken_up(&mut desk, today, out)?;

    heading(out, "What to do this week")?;
    let snapshot = portfolio.at(today)?;
    let band = |account: &Account<'_>| band(&health, account.id());
    writeln!(out, "{}", desk.actions(&snapshot, band)?)?;
    heading(out, "And with those who raised no alarm")?;
    writeln!(out, "{}", desk.recommendations(&snapshot, band)?)?;
    heading(out, "Renewals to come")?;
    writeln!(out, "{}", desk.renewals(&snapshot, RenewalOptions::new(), band)?)?;

    heading(out, "Is the list worth working?")?;
    worth(&company, &portfolio, today - 91, out)
}

/// The desk as it stood a week ago, after half a year of Mondays; kept in a file in the meantime, as desks are.
fn from_last_monday(portfolio: &Portfolio, then: Date) -> Result<AlertDesk, Box<dyn std::error::Error>> {
    let desk = portfolio.alerts(TriggerSet::standard(), AlertOptions::new().from(then - 182).to(then).every(7))?;
    let file = std::env::temp_dir().join(format!("health_and_alerts_{}.json", std::process::id()));
    std::fs::write(&file, serde_json::to_string(&desk)?)?;
    let desk = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    std::fs::remove_file(&file)?;
    Ok(desk)
}

/// What opened or escalated today. Ann acknowledges the most urgent alert and reports the first step of its plan.
fn taken_up(desk: &mut AlertDesk, today: Date, out: &mut dyn Write) -> Outcome {
    let (mut opened, mut escalated, mut others) = (0, 0, 0);
    for change in desk.changes().filter(|change| change.date == today) {
        *(match change.to {
            AlertState::Open => &mut opened,
            AlertState::Escalated => &mut escalated,
            _ => &mut others,
        }) += 1;
    }
    writeln!(out, "{opened} opened, {escalated} escalated, {others} other changes.")?;
    let first = desk.open().first().map(|alert| (alert.account.to_string(), alert.cause.to_owned()));
    let Some((account, cause)) = first else { return Ok(()) };
    // The ids of the simulated company are numbers.
    let number: i64 = account.parse()?;
    desk.acknowledge(number, &cause, today, "Ann")?;
    desk.complete(number, &cause, 0, today, "Ann")?;
    for change in desk.changes().filter(|change| change.account.to_string() == account && change.cause == cause) {
        let by = change.by.map_or(String::new(), |by| format!(", by {by}"));
        let from = change.from.map_or("", AlertState::name);
        writeln!(out, "  {}  {account}  {cause}: {from} -> {} ({}{by})", change.date, change.to, change.why)?;
    }
    Ok(())
}

fn band(health: &Health, account: Id<'_>) -> Option<HealthBand> {
    health.of(account)?.band
}

/// The list as it was three months ago, and who has left since.
fn worth(company: &Company, portfolio: &Portfolio, then: Date, out: &mut dyn Write) -> Outcome {
    let truth = company.cancellations()?;
    let days = truth.column("date")?.cast(&DataType::Int32)?;
    let rows = truth.column("account")?.i64()?.iter().zip(days.i32()?.iter());
    let left: BTreeSet<i64> =
        rows.filter_map(|(account, day)| account.filter(|_| day > Some(then.days_since_epoch()))).collect();
    let number = |account: Id<'_>| if let Id::Int(number) = account { number } else { 0 };

    let desk = portfolio.alerts(TriggerSet::standard(), AlertOptions::new().from(then - 182).to(then).every(7))?;
    let customers: Vec<i64> = portfolio.at(then)?.customers().map(|account| number(account.id())).collect();
    let mut by_cause: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    let open = desk.open();
    for alert in &open {
        by_cause.entry(alert.name).or_default().insert(number(alert.account));
    }
    let mut urgent: Vec<i64> = Vec::new();
    for account in open.iter().map(|alert| number(alert.account)) {
        if urgent.len() < 50 && !urgent.contains(&account) {
            urgent.push(account);
        }
    }
    writeln!(out, "The alerts that were open on {then}, and who has left since:\n")?;
    writeln!(out, "  {:<36} {:>9} {:>6} {:>8}  95 % interval", "", "customers", "left", "share")?;
    let mut line = |what: &str, of: &mut dyn Iterator<Item = i64>| {
        let of: Vec<bool> = of.map(|account| left.contains(&account)).collect();
        let (all, gone) = (of.len() as u64, of.iter().filter(|gone| **gone).count() as u64);
        let [lower, upper] = wilson(gone, all).map(percent);
        writeln!(out, "  {what:<36} {all:>9} {gone:>6} {:>8}  {lower} to {upper}", percent(share(gone, all)))
    };
    line("all", &mut customers.iter().copied())?;
    line("the 50 most urgent of the list", &mut urgent.iter().copied())?;
    for (name, accounts) in &by_cause {
        line(name, &mut accounts.iter().copied())?;
    }
    Ok(())
}

/// The interval of Wilson for a share, at 95 %.
#[expect(clippy::cast_precision_loss, reason = "counts of customers")]
fn wilson(part: u64, whole: u64) -> [Option<f64>; 2] {
    let (part, whole, z) = (part as f64, whole as f64, 1.96_f64);
    let around = |sign: f64| {
        let spread = z * (part * (whole - part) / whole + z * z / 4.0).sqrt();
        (part + z * z / 2.0 + sign * spread) / (whole + z * z)
    };
    [-1.0, 1.0].map(|sign| Some(around(sign)).filter(|_| whole > 0.0))
}
