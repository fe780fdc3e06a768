//! How long scores, alerts and what is learnt from the past take, on simulated companies.
//!
//! ```sh
//! cargo run --release --example company -- health 100000
//! cargo run --release --example company -- replay 10000
//! cargo run --release --example company -- triggers 10000     # a date of the replay, trigger by trigger
//! cargo run --release --example company -- fit 3000
//! cargo run --release --example company -- test 10000
//! ```
//!
//! The first number is that of the accounts; a second one is the seed of the company, 1 unless told.

use std::hint::black_box;
use std::time::Instant;

use attrition::{
    AlertOptions, BackTestDate, BackTestOptions, Company, HealthFitOptions, HealthOptions, PoorHealth, Portfolio,
    Result, SimulationOptions, TriggerSet,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The days of the replay.
const YEAR: i32 = 364;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| args.get(place).and_then(|own| own.parse::<u64>().ok());
    let (Some(what), Some(accounts)) = (args.first(), number(1).and_then(|own| usize::try_from(own).ok())) else {
        eprintln!("usage: company health|replay|triggers|fit|test ACCOUNTS [SEED]");
        std::process::exit(2);
    };
    let company = Company::simulate(SimulationOptions::new(accounts, number(2).unwrap_or(1)))?;
    let portfolio = timed("simulated, reduced and made a portfolio", || company.portfolio())?;
    println!("{} accounts, {} events", portfolio.len(), portfolio.activity().events());
    match what.as_str() {
        "health" => health(&portfolio),
        "replay" => replay(&portfolio),
        "triggers" => triggers(&portfolio),
        "fit" => fit(&portfolio),
        "test" => test(&portfolio),
        other => {
            eprintln!("there is no {other:?} to measure");
            std::process::exit(2);
        }
    }
}

fn timed<T>(what: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let answer = black_box(ask()?);
    println!("{:>9.3} s  {what}", start.elapsed().as_secs_f64());
    Ok(answer)
}

/// One date, by given weights, and by weights that were fitted to the same company.
fn health(portfolio: &Portfolio) -> Result<()> {
    let today = portfolio.activity().as_of();
    let health = timed("health of the last day", || portfolio.health(today, HealthOptions::default()))?;
    println!("{health}");
    timed("once more", || portfolio.health(today, HealthOptions::default()))?;
    let fitted = timed("fitted to six dates", || portfolio.fit_health(HealthFitOptions::new().from_date(today - 230)))?;
    timed("health of the last day by fitted weights", || portfolio.health(today, &fitted))?;
    Ok(())
}

/// A year of days, with the triggers of the standard set, and with poor health beside them.
fn replay(portfolio: &Portfolio) -> Result<()> {
    let year = || AlertOptions::new().from(portfolio.activity().as_of() - YEAR);
    let desk = timed("a year of days", || portfolio.alerts(TriggerSet::standard(), year()))?;
    println!("{desk}");
    let poor = TriggerSet::new().with(PoorHealth::default());
    timed("a year of days of poor health alone", || portfolio.alerts(poor, year()))?;
    Ok(())
}

/// Four weeks of days, trigger by trigger.
fn triggers(portfolio: &Portfolio) -> Result<()> {
    let names: Vec<String> = TriggerSet::standard().names().map(str::to_owned).collect();
    let month = || AlertOptions::new().from(portfolio.activity().as_of() - 27);
    for name in &names {
        let others = names.iter().filter(|other| *other != name);
        let alone = others.fold(TriggerSet::standard(), |set, other| set.without(other));
        timed(name, || portfolio.alerts(alone, month()))?;
    }
    timed("all of them", || portfolio.alerts(TriggerSet::standard(), month()))?;
    Ok(())
}

/// What the past teaches, at dates every 28 days.
fn fit(portfolio: &Portfolio) -> Result<()> {
    let fitted = timed("fitted", || portfolio.fit_health(HealthFitOptions::new()))?;
    println!("{fitted}");
    Ok(())
}

/// All triggers at dates every 28 days, held against who left.
fn test(portfolio: &Portfolio) -> Result<()> {
    let test = timed("back-test", || portfolio.back_test(TriggerSet::standard(), BackTestOptions::new()))?;
    let customers: u64 = test.dates().iter().map(BackTestDate::customers).sum();
    println!("{} dates, {customers} accounts at dates\n{test}", test.dates().len());
    Ok(())
}
