//! How long scores, alerts and what is learnt from the past take, on simulated companies.
//!
//! ```sh
//! cargo run --release --example company -- health 100000
//! cargo run --release --example company -- replay 10000
//! cargo run --release --example company -- triggers 10000     # a date of the replay, trigger by trigger
//! cargo run --release --example company -- fit 3000
//! cargo run --release --example company -- test 10000
//! cargo run --release --example company -- calibration 900 40 # how often the intervals of the calibration hold
//! cargo run --release --example company -- hard-calibration 900 40 # the same of few signals of four strong causes
//! ```
//!
//! The first number is that of the accounts; a second one is the seed of the company, 1 unless told, and for the calibration
//! the number of companies.

use std::hint::black_box;
use std::time::Instant;

use attrition::{
    AlertOptions, BackTestDate, BackTestOptions, Cause, Company, Estimate, Growth, HealthFitOptions, HealthMeasure,
    HealthOptions, Planted, PoorHealth, Portfolio, Result, Seasonality, SimulationOptions, TriggerSet,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The days of the replay.
const YEAR: i32 = 364;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| args.get(place).and_then(|own| own.parse::<u64>().ok());
    let (Some(what), Some(accounts)) = (args.first(), number(1).and_then(|own| usize::try_from(own).ok())) else {
        eprintln!("usage: company health|replay|triggers|fit|test|calibration|hard-calibration ACCOUNTS [SEED]");
        std::process::exit(2);
    };
    match what.as_str() {
        "calibration" => {
            return calibration(number(2), |seed| (SimulationOptions::new(accounts, seed), HealthFitOptions::new()));
        }
        "hard-calibration" => return calibration(number(2), |seed| hard(accounts, seed)),
        _ => {}
    }
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

/// A company of settled accounts, of which more are in trouble month by month, and signals by which some of them look as
/// others do.
fn hard(accounts: usize, seed: u64) -> (SimulationOptions, HealthFitOptions) {
    let causes = [Cause::UsageDecline, Cause::PaymentTrouble, Cause::SupportTrouble, Cause::SeatLoss]
        .map(|cause| Planted::new(cause, 0.15, 0.7));
    let signals = [
        HealthMeasure::DaysSinceLastEvent,
        HealthMeasure::EventsAgainstPast,
        HealthMeasure::PeopleAgainstPast,
        HealthMeasure::DaysOverdue,
        HealthMeasure::LatePayments,
        HealthMeasure::RecentTickets,
        HealthMeasure::OpenTickets,
        HealthMeasure::SeatTrend,
    ];
    let options = SimulationOptions::new(accounts, seed).causes(causes).monthly_hazard(0.015);
    let options = options.growth(Growth::Settled).seasonality(Seasonality::Flat);
    (options, HealthFitOptions::new().signals(signals))
}

/// How often the intervals of intercept and slope hold 0 and 1 out of time, over companies that differ by chance alone: those
/// of the judged outcomes, and those with all that is unsure.
fn calibration(companies: Option<u64>, of: impl Fn(u64) -> (SimulationOptions, HealthFitOptions)) -> Result<()> {
    let (mut held, mut sums, mut judged) = ([[0_u64; 2]; 2], [0.0; 2], 0_u32);
    for seed in 1..=companies.unwrap_or(10) {
        let (company, fit) = of(seed);
        let fitted = Company::simulate(company)?.portfolio()?.fit_health(fit)?;
        let Some(accuracy) = fitted.accuracy() else { continue };
        let slopes = accuracy.calibration_slope.zip(accuracy.calibration_slope_in_all);
        let Some((slope, slope_in_all)) = slopes else { continue };
        let intercepts = [accuracy.calibration_intercept, accuracy.calibration_intercept_in_all];
        for (held, (of, value)) in held.iter_mut().zip([(intercepts, 0.0), ([slope, slope_in_all], 1.0)]) {
            let holds = |of: Estimate| of.interval.is_some_and(|own| own.lower <= value && value <= own.upper);
            *held = [held[0] + u64::from(holds(of[0])), held[1] + u64::from(holds(of[1]))];
        }
        sums = [sums[0] + intercepts[0].value, sums[1] + slope.value];
        judged += 1;
        println!("seed {seed:>3}: intercept {:+.3}, slope {:.3}", intercepts[0].value, slope.value);
    }
    println!("of {judged} companies, by the judged outcomes alone and in all:");
    for (name, [alone, in_all], sum) in [("intercept", held[0], sums[0]), ("slope", held[1], sums[1])] {
        println!("  {name:9} held by {alone} and {in_all}; {:+.3} on average", sum / f64::from(judged));
    }
    Ok(())
}
