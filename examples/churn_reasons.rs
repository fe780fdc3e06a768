//! Why customers left, what should be mended first, and how we will know that it worked.
//!
//! ```sh
//! cargo run --example churn_reasons
//! ```
//!
//! First the customers whom a telephone company lost, of whom nothing is known but the reason they gave; then a simulated
//! software company, of which everything is known, so that the answers can be held against the truth.

mod common {
    pub(crate) mod page;
}

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use attrition::polars::prelude::*;
use attrition::{
    Cancellation, Cause, ChurnDatabase, ChurnRecords, Company, Date, EnrichmentOptions, Period, Planted, Portfolio,
    RankBy, Reason, ReasonAgreementOptions, ReasonGrouping, ReasonIncidenceOptions, ReasonLevel, ReasonRankingOptions,
    ReasonTrendsOptions, ReasonsByOptions, ReasonsByTriggerOptions, SimulationOptions, Taxonomy, TaxonomyEntry,
    TriggerSet, WarningOptions, WinBacksOptions, date,
};
use common::page::{Outcome, heading};

fn main() -> ExitCode {
    common::page::print("churn_reasons", |out| {
        telephone(out)?;
        software(out)
    })
}

/// 1,869 customers and the reasons they gave, as counts: all that many companies have.
fn telephone(out: &mut dyn Write) -> Outcome {
    writeln!(out, "# A telephone company: the reasons that 1,869 customers gave, counted (IBM sample, 11.1.3)")?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/telco_reasons/reason_counts.csv");
    let counts = CsvReadOptions::default().try_into_reader_with_file_path(Some(path))?.finish()?;
    let text = |name: &str| -> PolarsResult<Vec<String>> {
        Ok(counts.column(name)?.str()?.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    let (reasons, categories) = (text("reason")?, text("category")?);
    let lost = counts.column("monthly_charges_lost")?.f64()?;
    let contracts = ["month_to_month", "one_year", "two_year"];

    // Their own taxonomy: the groups of the sample, with somebody who answers for each.
    let code = |name: &str| -> String {
        let letters =
            name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>();
        letters.trim_matches('_').to_owned()
    };
    let owner = |category: &str| match category {
        "Attitude" => "Service",
        "Competitor" => "Product",
        "Dissatisfaction" => "Operations",
        "Price" => "Finance",
        _ => "Nobody yet",
    };
    let mut entries: Vec<TaxonomyEntry> = Vec::new();
    let mut known = categories.clone();
    known.sort_unstable();
    known.dedup();
    entries.extend(known.iter().map(|name| TaxonomyEntry::new(code(name).as_str(), name.as_str()).owner(owner(name))));
    let path = |row: usize| Reason::new(code(&categories[row]), code(&reasons[row]));
    entries.extend((0..reasons.len()).map(|row| TaxonomyEntry::new(path(row), reasons[row].as_str())));
    let taxonomy = Taxonomy::new(entries)?;

    let number = |contract: &str| -> PolarsResult<Vec<u32>> {
        let column = counts.column(&format!("customers_{contract}"))?.cast(&DataType::UInt32)?;
        Ok(column.u32()?.iter().map(|count| count.unwrap_or(0)).collect())
    };
    let by_contract = contracts.map(number).into_iter().collect::<PolarsResult<Vec<_>>>()?;
    let mut gone = Vec::new();
    let mut customer = 0_u32;
    for row in 0..reasons.len() {
        let customers: u32 = by_contract.iter().map(|counts| counts[row]).sum();
        // What each of them paid is not known; the mean of those who gave the reason is.
        let value = lost.get(row).unwrap_or(0.0) / f64::from(customers);
        for (contract, counts) in contracts.iter().zip(&by_contract) {
            for _ in 0..counts[row] {
                let cancellation = Cancellation::new(customer, date(2020, 9, 30), path(row));
                gone.push(cancellation.plan(*contract).value(value).currency("USD"));
                customer += 1;
            }
        }
    }
    let records = ChurnRecords::of(gone, &taxonomy)?;
    writeln!(out, "\n{records}")?;
    heading(out, "What they said, by money")?;
    writeln!(out, "{}", records.reason_ranking(ReasonRankingOptions::new().by(RankBy::Value))?)?;
    heading(out, "The same by whose it is to mend")?;
    let by_category = ReasonRankingOptions::new().by(RankBy::Value).level(ReasonLevel::Category);
    writeln!(out, "{}", records.reason_ranking(by_category)?)?;
    heading(out, "Does it depend on the contract?")?;
    let categories = ReasonsByOptions::new().level(ReasonLevel::Category);
    writeln!(out, "{}", records.reasons_by(&ReasonGrouping::Plan, categories)?)?;
    Ok(())
}

/// What a cause looks like to the customer who is struck by it, and to whoever looks into it.
fn reasons(cause: &str) -> (Reason, Option<Reason>) {
    let found = |category: &str, reason: &str| Some(Reason::new(category, reason));
    match cause {
        // Who never learnt to use it says that it costs too much.
        "onboarding_failure" => (Reason::new("price", "too_expensive"), found("service", "poor_onboarding")),
        "champion_leaves" => (Reason::new("price", "too_expensive"), found("customer_change", "champion_left")),
        "support_trouble" => (Reason::new("service", "slow_support"), found("service", "slow_support")),
        "payment_trouble" => (Reason::new("payment_failure", "card_expired"), None),
        "limit_pressure" => (Reason::new("price", "too_expensive"), found("price", "terms")),
        _ => (Reason::new("other", "unclassified"), None),
    }
}

/// A company of which everything is known, two years of it.
fn software(out: &mut dyn Write) -> Outcome {
    writeln!(out, "\n# A simulated software company: two years of cancellations, of which the truth is known")?;
    let causes = [
        Planted::new(Cause::OnboardingFailure, 0.15, 0.8),
        Planted::new(Cause::ChampionLeaves, 0.08, 0.7),
        Planted::new(Cause::SupportTrouble, 0.08, 0.7),
        Planted::new(Cause::PaymentTrouble, 0.08, 0.8),
        Planted::new(Cause::LimitPressure, 0.05, 0.8),
    ];
    let options = SimulationOptions::new(1_500, 11).days(730).causes(causes).monthly_hazard(0.006);
    let company = Company::simulate(options)?;
    let portfolio = company.portfolio()?;
    let today = portfolio.activity().as_of();

    // The database is where cancellations are kept as they come; here all come at once.
    let file = std::env::temp_dir().join(format!("attrition-churn-reasons-{}.db", std::process::id()));
    let mut database = ChurnDatabase::open(&file)?;
    database.record_all(cancellations(&company, &portfolio)?)?;
    let records = database.records()?;
    drop(database);
    for end in ["", "-wal", "-shm"] {
        let mut name = file.clone().into_os_string();
        name.push(end);
        std::fs::remove_file(name).ok();
    }
    writeln!(out, "\n{records}")?;

    heading(out, "What they said is not what it was")?;
    writeln!(out, "{}", records.reason_agreement(ReasonAgreementOptions::new(ReasonLevel::Reason))?)?;

    heading(out, "How they were when they left")?;
    let enrichment = portfolio.enrich(&records, EnrichmentOptions::new())?;
    writeln!(out, "{enrichment}")?;
    let records = records.enriched(&enrichment)?;
    let engagement = ReasonGrouping::Attribute("engagement".to_owned());
    writeln!(out, "\n{}", records.reasons_by(&engagement, ReasonsByOptions::new())?)?;
    writeln!(out, "\n{}", records.reasons_by(&ReasonGrouping::tenure(), ReasonsByOptions::new())?)?;

    heading(out, "Which of all customers leave for what, and when")?;
    writeln!(out, "{}", portfolio.reason_incidence(&records, ReasonIncidenceOptions::new(today))?)?;

    heading(out, "Was there a warning?")?;
    let warnings = portfolio.warnings(&records, TriggerSet::standard(), WarningOptions::new())?;
    writeln!(out, "{warnings}")?;
    writeln!(out, "\n{}", records.reasons_by_trigger(&warnings, ReasonsByTriggerOptions::new())?)?;

    heading(out, "What becomes more, and what becomes less")?;
    let at_risk = portfolio.customers_at_risk(Period::Month)?;
    let began = portfolio.activity().observed_from();
    let trends = ReasonTrendsOptions::new(Period::Month, today).observed_from(began).at_risk(at_risk);
    writeln!(out, "{}", records.reason_trends(trends.clone())?)?;

    heading(out, "What we should mend first")?;
    let worth = records.worth_mending(trends.clone(), Some(&warnings))?;
    writeln!(out, "{worth}")?;

    heading(out, "Do they come back?")?;
    writeln!(out, "{}", portfolio.win_backs(&records, WinBacksOptions::new(today))?)?;

    heading(out, "How we will know that it worked")?;
    // What fits nowhere else is nothing that can be mended: it is to be looked into.
    let first = worth.two().map(|reason| &reason.reason).find(|reason| reason.category() != "other");
    first.map_or(Ok(()), |first| mended(&records, first, &trends, out))
}

fn cancellations(company: &Company, portfolio: &Portfolio) -> Result<Vec<Cancellation>, Box<dyn std::error::Error>> {
    let left = company.cancellations()?;
    let (accounts, causes) = (left.column("account")?.i64()?, left.column("cause")?.str()?);
    let days = left.column("date")?.cast(&DataType::Int32)?;
    let mut gone = Vec::new();
    for ((account, cause), day) in accounts.iter().zip(causes.iter()).zip(days.i32()?.iter()) {
        let (Some(account), Some(cause), Some(day)) = (account, cause, day) else { continue };
        let on = Date::from_days_since_epoch(day)?;
        let before = portfolio.at((on - 1).max(portfolio.activity().observed_from()))?;
        let known = before.account(account);
        let (stated, found) = reasons(cause);
        let mut one = Cancellation::new(account, on, stated).currency("EUR");
        if let Some(found) = found {
            one = one.found(found);
        }
        if let Some(value) = known.and_then(|account| account.recurring_value()) {
            one = one.value(value);
        }
        if let Some(plan) = known.and_then(|account| account.plan()) {
            one = one.plan(plan);
        }
        gone.push(one);
    }
    Ok(gone)
}

/// The same company, had a reason been mended half a year before its end for four of five customers: what would be seen.
fn mended(records: &ChurnRecords, reason: &Reason, trends: &ReasonTrendsOptions, out: &mut dyn Write) -> Outcome {
    let Some((_, last)) = records.dates() else { return Ok(()) };
    let fix = last - 182;
    let stays = |one: &Cancellation| {
        let own = one.found.as_ref().or(one.stated.as_ref()) == Some(reason);
        own && one.date >= fix && one.date.days_since_epoch() % 5 > 0
    };
    let with_fix = ChurnRecords::of(records.iter().filter(|one| !stays(one)), records.taxonomy())?;
    for (what, records) in [("As it was", records), ("Had it been mended for four of five", &with_fix)] {
        let trends = records.reason_trends(trends.clone().change_on(fix))?;
        let Some((trend, change)) = trends.of(reason).and_then(|trend| trend.change.map(|change| (trend, change)))
        else {
            continue;
        };
        let number = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        let (ratio, p) = (number(change.rate_ratio), change.rate_p_value);
        let (lower, upper) = (number(change.rate_ratio_lower), number(change.rate_ratio_upper));
        writeln!(out, "{what}: {}, months from {fix} on against those before:", trend.name)?;
        writeln!(out, "  rate per customer {ratio} times as high (95 % interval {lower} to {upper})")?;
        let verdict = match p {
            Some(p) if p <= 0.05 => format!("p = {p:.4}: it changed"),
            Some(p) => format!("p = {p:.2}: that can be chance, so wait for more months"),
            None => "nobody could have left: nothing can be said".to_owned(),
        };
        writeln!(out, "  {verdict}")?;
    }
    Ok(())
}
