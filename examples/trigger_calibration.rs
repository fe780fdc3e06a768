//! How far to trust each trigger: its false alarms where nothing changed, and how often it notices what was planted.
//!
//! ```sh
//! cargo run --release --example trigger_calibration
//! cargo run --release --example trigger_calibration -- --accounts 20000 --seed 1
//! ```
//!
//! False alarms: a company in which nothing happens to anybody. The p-values of a trigger that is tested should then be
//! below 1 % for 1 % of the accounts, and so on. Power: a company in which one cause befalls every other account on one day,
//! by growing effects; the share of these accounts about which the trigger made for it fires, and by how much a stricken account is more
//! likely to rank above a spared one, trigger by trigger.

#![expect(clippy::cast_precision_loss, reason = "numbers of accounts are small")]

mod common {
    pub(crate) mod page;
}

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use attrition::polars::prelude::*;
use attrition::{
    Cause, Company, Correction, Date, Findings, FirstValue, Growth, OnboardingStall, Onset, Planted, Result,
    SimulationOptions, State, TriggerSet, date,
};
use common::page::{Outcome, heading};

const LEVELS: [f64; 3] = [0.01, 0.05, 0.1];
const EFFECTS: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// Days from the onset to the day on which the triggers are asked.
const AFTER: i32 = 34;

fn main() -> ExitCode {
    let (mut accounts, mut seed) = (2_000, 1);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        match (pair[0].as_str(), pair.get(1).and_then(|value| value.parse::<usize>().ok())) {
            ("--accounts", Some(value)) if value > 0 => accounts = value,
            ("--seed", Some(value)) => seed = value as u64,
            _ => {
                eprintln!("usage: trigger_calibration [--accounts NUMBER] [--seed NUMBER]");
                return ExitCode::from(2);
            }
        }
    }
    common::page::print("trigger_calibration", |out| {
        writeln!(out, "# {accounts} simulated accounts a company, seed {seed}")?;
        false_alarms(accounts, seed, out)?;
        power(accounts, seed, out)
    })
}

/// Customers have known the company for a year by then.
fn onset() -> Date {
    date(2025, 1, 20)
}

fn options(accounts: usize, seed: u64) -> SimulationOptions {
    let days = u32::try_from(onset() + AFTER + 1 - date(2024, 1, 1)).unwrap_or(1);
    SimulationOptions::new(accounts, seed).days(days).monthly_hazard(0.0)
}

fn company(accounts: usize, seed: u64, causes: Option<Planted>) -> Result<Company> {
    Company::simulate(options(accounts, seed).growth(Growth::Settled).causes(causes))
}

/// Tests fire by their own p-value: what is asked is how each behaves by itself.
fn ask(company: &Company, as_of: Date) -> Result<Findings> {
    // A company knows what its customers come for.
    let onboarding = OnboardingStall::new().first_value(FirstValue::Feature(company.core_feature().to_owned()));
    let set = TriggerSet::standard().with(onboarding).correction(Correction::None).level(0.05);
    company.portfolio()?.triggers(as_of, set)
}

/// The trigger that was made for a cause.
fn made_for(cause: Cause) -> &'static str {
    match cause {
        Cause::UsageDecline => "usage_frequency",
        Cause::NarrowingUse => "breadth_of_use",
        Cause::GoingSilent => "engagement_gap",
        Cause::ChampionLeaves | Cause::ChampionSilent => "key_contact_loss",
        Cause::LimitPressure => "limit_pressure",
        Cause::Dissatisfaction => "survey_detractor",
        Cause::OnboardingFailure => "onboarding_stall",
        Cause::PaymentTrouble => "payment_trouble",
        Cause::SupportTrouble => "support_spike",
        Cause::SeatLoss => "seats_shrinking",
    }
}

fn false_alarms(accounts: usize, seed: u64, out: &mut dyn Write) -> Outcome {
    heading(out, "False alarms where nothing changed")?;
    let company = company(accounts, seed, None)?;
    writeln!(out, "  Share of accounts in %, tests by p-value alone and rules as they fire, on two days of a week.")?;
    for as_of in [onset() + AFTER, onset() + AFTER - 4] {
        let findings = ask(&company, as_of)?;
        writeln!(out, "\n  asked on {as_of}, a {}:\n", as_of.weekday())?;
        writeln!(
            out,
            "  {:<20} {:>8} {:>8} {:>8} {:>8} {:>10}",
            "trigger", "observed", "p <= 1 %", "5 %", "10 %", "rule fired"
        )?;
        for name in findings.triggers() {
            let own: Vec<_> = findings.iter().filter(|finding| finding.trigger == name).collect();
            let observed = own.iter().filter(|finding| finding.state != State::NotObserved).count();
            let tested = own.iter().filter(|finding| finding.p_value.is_some()).count();
            let below = LEVELS.map(|level| {
                let alarms = own.iter().filter(|finding| finding.p_value.is_some_and(|p| p <= level)).count();
                share(alarms, tested)
            });
            let rules = own.iter().filter(|finding| finding.p_value.is_none() && finding.state == State::Fired).count();
            let ([one, five, ten], rules) = (below, share(rules, observed));
            writeln!(out, "  {name:<20} {observed:>8} {one:>8} {five:>8} {ten:>8} {rules:>10}")?;
        }
    }
    Ok(())
}

/// A share in percent; a dash where there is nothing to share.
fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1}", 100.0 * part as f64 / whole as f64) }
}

fn power(accounts: usize, seed: u64, out: &mut dyn Write) -> Outcome {
    heading(out, "How often a cause is noticed")?;
    writeln!(
        out,
        "  Share in % of the accounts it befell {AFTER} days before about which the trigger made for it fires, tests at"
    )?;
    writeln!(
        out,
        "  5 %, by the effect of the cause; and the triggers that tell stricken from spared accounts best at effect"
    )?;
    writeln!(out, "  0.8, with the area under their curve.\n")?;
    write!(out, "  {:<18} {:<17}", "cause", "trigger")?;
    EFFECTS.iter().try_for_each(|effect| write!(out, " {effect:>5}"))?;
    writeln!(out, "  ranked")?;
    for cause in Cause::ALL {
        write!(out, "  {:<18} {:<17}", cause.name(), made_for(cause))?;
        let mut ranked = String::new();
        for effect in EFFECTS {
            // New customers only can fail to begin; the others are befallen on one day.
            let company = if cause == Cause::OnboardingFailure {
                let growth = Growth::SigningUp { at_start: 0.2 };
                // Few, for those who stayed without ever having begun say that one can.
                let planted = Planted::new(cause, 0.05, effect);
                Company::simulate(options(accounts, seed).growth(growth).causes([planted]))?
            } else {
                let planted = Planted::new(cause, 0.5, effect).onset(Onset::On(onset())).over(0);
                self::company(accounts, seed, Some(planted))?
            };
            let findings = ask(&company, onset() + AFTER)?;
            let stricken = stricken(&company, cause)?;
            let (noticed, of) = noticed(&findings, &stricken, made_for(cause));
            write!(out, " {:>5}", share(noticed, of))?;
            if (effect - 0.8).abs() < 1e-9 {
                ranked = rank(&findings, &stricken);
            }
        }
        writeln!(out, "  {ranked}")?;
    }
    Ok(())
}

/// For each account whether the cause befell it, those it befell in their first 90 days where it is about beginning.
fn stricken(company: &Company, cause: Cause) -> Result<BTreeMap<i64, bool>> {
    let truth = company.truth()?;
    let starts = truth.column("start")?.cast(&DataType::Int32)?;
    let rows =
        truth.column("account")?.i64()?.iter().zip(truth.column("cause")?.str()?.iter()).zip(starts.i32()?.iter());
    let young = |start: Option<i32>| start.is_some_and(|start| (onset() + AFTER).days_since_epoch() - start <= 90);
    let asked = |start| cause != Cause::OnboardingFailure || young(start);
    let of = |((account, own), start): ((Option<i64>, Option<&str>), Option<i32>)| {
        asked(start).then_some((account?, own == Some(cause.name())))
    };
    Ok(rows.filter_map(of).collect())
}

fn noticed(findings: &Findings, stricken: &BTreeMap<i64, bool>, trigger: &str) -> (usize, usize) {
    let accounts = stricken.iter().filter(|(_, befallen)| **befallen);
    let asked: Vec<bool> = accounts
        .filter(|(account, _)| findings.of(**account).next().is_some())
        .map(|(&account, _)| {
            findings.of(account).any(|finding| finding.trigger == trigger && finding.state == State::Fired)
        })
        .collect();
    (asked.iter().filter(|&&noticed| noticed).count(), asked.len())
}

/// The three triggers whose scores tell stricken from spared accounts best.
fn rank(findings: &Findings, stricken: &BTreeMap<i64, bool>) -> String {
    let mut areas: Vec<(f64, &str)> = findings
        .triggers()
        .map(|name| {
            let of = |(&account, &befallen): (&i64, &bool)| {
                Some((findings.of(account).find(|finding| finding.trigger == name)?.score?, befallen))
            };
            (area(stricken.iter().filter_map(of).collect()), name)
        })
        .collect();
    areas.sort_by(|left, right| right.0.total_cmp(&left.0));
    let named: Vec<String> = areas.iter().take(3).map(|(area, name)| format!("{name} {area:.2}")).collect();
    named.join(", ")
}

/// The chance that a stricken account has the higher score, ties half.
fn area(mut scores: Vec<(f64, bool)>) -> f64 {
    scores.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (mut below, mut pairs) = (0.0, 0.0);
    for same in scores.chunk_by(|left, right| left.0.total_cmp(&right.0).is_eq()) {
        let befallen = same.iter().filter(|(_, befallen)| *befallen).count() as f64;
        let spared = same.len() as f64 - befallen;
        pairs += befallen * (below + spared / 2.0);
        below += spared;
    }
    let all = scores.iter().filter(|(_, befallen)| *befallen).count() as f64 * below;
    if all > 0.0 { pairs / all } else { 0.5 }
}
