//! Who is about to leave, why we think so, and whether to believe it: from a portfolio to a worklist and its back-test.
//!
//! ```sh
//! cargo run --example churn_triggers
//! cargo run --release --example churn_triggers -- --events log.parquet --user user_id --time ts --account account_id
//! ```
//!
//! Without arguments it reads a year of a British online shop, of which nothing but the orders is known, and then a
//! simulated software company, of which everything is known, the truth too.

mod common {
    pub(crate) mod log;
    pub(crate) mod page;
    pub(crate) mod shop;
}

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use attrition::polars::prelude::*;
use attrition::{
    Activity, BackTestOptions, Cause, Company, Date, Findings, Planted, Portfolio, SimulationOptions, TriggerSet,
};
use common::page::{Outcome, heading};

fn main() -> ExitCode {
    let own_log = std::env::args().len() > 1;
    let review = if own_log { review } else { review_both };
    common::log::run("churn_triggers", common::shop::online_retail, review)
}

fn review_both(activity: &Activity, out: &mut dyn Write) -> Outcome {
    review(activity, out)?;
    simulated(out)
}

/// All that can be said where there is a log and nothing else.
fn review(activity: &Activity, out: &mut dyn Write) -> Outcome {
    heading(out, "What is known")?;
    let portfolio = Portfolio::new(activity.clone())?;
    writeln!(out, "{portfolio}")?;
    work(&portfolio.triggers(activity.as_of(), TriggerSet::standard())?, out)?;
    heading(out, "Would it have been right?")?;
    writeln!(
        out,
        "The same triggers, asked every 28 days as if it were that day, and what became of the accounts afterwards.\n"
    )?;
    match portfolio.back_test(TriggerSet::standard(), BackTestOptions::new()) {
        Ok(test) => writeln!(out, "{test}")?,
        // A short log has no date with enough behind it and enough to come.
        Err(error) => writeln!(out, "It cannot be told: {error}")?,
    }
    Ok(())
}

fn work(findings: &Findings, out: &mut dyn Write) -> Outcome {
    heading(out, "What fires")?;
    writeln!(out, "{findings}")?;
    heading(out, "Whom to call")?;
    writeln!(out, "{}", findings.worklist())?;
    Ok(())
}

/// A company of which everything is known, with causes of churn planted in it.
fn simulated(out: &mut dyn Write) -> Outcome {
    writeln!(out, "\n# A simulated software company")?;
    let planted = Cause::ALL.map(|cause| Planted::new(cause, 0.03, 0.7));
    let company = Company::simulate(SimulationOptions::new(1_500, 7).causes(planted).monthly_hazard(0.004))?;
    heading(out, "What is known")?;
    let portfolio = company.portfolio()?;
    writeln!(out, "{portfolio}")?;
    let today = portfolio.activity().as_of();
    let findings = portfolio.triggers(today, TriggerSet::standard())?;
    work(&findings, out)?;

    heading(out, "And what the simulation knows")?;
    told(&company, &findings, today, out)?;

    heading(out, "Would it have been right?")?;
    writeln!(out, "{}", portfolio.back_test(TriggerSet::standard(), BackTestOptions::new())?)?;
    Ok(())
}

/// For each cause, the accounts that it has befallen lately, and what fired about them.
fn told(company: &Company, findings: &Findings, today: Date, out: &mut dyn Write) -> Outcome {
    const LATELY: i32 = 90;
    let truth = company.truth()?;
    let (accounts, causes) = (truth.column("account")?.i64()?, truth.column("cause")?.str()?);
    let onsets = truth.column("onset")?.cast(&DataType::Int32)?;
    // Per cause the accounts, those about which anything fired, and how often each trigger did.
    let mut found: BTreeMap<&str, (u32, u32, BTreeMap<&str, u32>)> = BTreeMap::new();
    for ((account, cause), onset) in accounts.iter().zip(causes.iter()).zip(onsets.i32()?.iter()) {
        let (Some(account), Some(cause), Some(onset)) = (account, cause, onset) else { continue };
        let days = today.days_since_epoch() - onset;
        if !(14..LATELY).contains(&days) || findings.of(account).next().is_none() {
            continue;
        }
        let (befallen, noticed, triggers) = found.entry(cause).or_default();
        let fired: Vec<&str> =
            findings.of(account).filter(|finding| finding.sentence.is_some()).map(|finding| finding.trigger).collect();
        *befallen += 1;
        *noticed += u32::from(!fired.is_empty());
        fired.into_iter().for_each(|trigger| *triggers.entry(trigger).or_default() += 1);
    }
    writeln!(out, "Customers whom a cause has befallen two weeks to three months ago:\n")?;
    writeln!(out, "  {:<20} {:>9} {:>8}  what fired most", "cause", "customers", "noticed")?;
    for (cause, (befallen, noticed, triggers)) in &found {
        let most = triggers.iter().max_by_key(|&(_, &times)| times);
        let most = most.map_or("nothing".to_owned(), |(trigger, times)| format!("{trigger} ({times})"));
        writeln!(out, "  {cause:<20} {befallen:>9} {noticed:>8}  {most}")?;
    }
    Ok(())
}
