//! Use, breadth of use and seats of a simulated company: false alarms where nothing happened, and what is found where
//! something did.

use std::collections::BTreeSet;

use attrition::{
    BreadthOfUse, Cause, Company, Findings, Growth, Onset, Planted, Portfolio, Seasonality, SeatsShrinking,
    SimulationOptions, TriggerSet, UsageFrequency, date,
};

use crate::customers::{assert_calibrated, assert_not_above, found};

fn company(seed: u64, days: u32, causes: Option<Planted>, seasonality: Seasonality) -> Company {
    let options = SimulationOptions::new(2_000, seed).days(days).causes(causes).seasonality(seasonality);
    Company::simulate(options.growth(Growth::Settled).monthly_hazard(0.0)).unwrap()
}

fn findings(company: &Company, as_of: attrition::Date) -> Findings {
    let portfolio = Portfolio::new(company.activity().unwrap()).unwrap();
    let set = TriggerSet::new().with(UsageFrequency::new()).with(BreadthOfUse::new()).with(SeatsShrinking::new());
    portfolio.triggers(as_of, set).unwrap()
}

fn p_values(findings: &Findings, trigger: &str) -> Vec<f64> {
    findings.iter().filter(|finding| finding.trigger == trigger).filter_map(|finding| finding.p_value).collect()
}

/// In June without a season, and on the Sunday after the Christmas holidays.
#[test]
fn nothing_happened() {
    let flat = findings(&company(7, 200, None, Seasonality::Flat), date(2024, 6, 23));
    assert_calibrated(&p_values(&flat, "usage_frequency"), "use");
    assert_not_above(&p_values(&flat, "breadth_of_use"), 1.0, "breadth");
    assert_not_above(&p_values(&flat, "seats_shrinking"), 1.0, "seats");
    assert_eq!(flat.fired().len(), 0);
    let yearly = Seasonality::Yearly { summer: 0.15, christmas: 0.6 };
    let winter = findings(&company(7, 400, None, yearly), date(2025, 1, 5));
    assert_calibrated(&p_values(&winter, "usage_frequency"), "use at Christmas");
    assert_not_above(&p_values(&winter, "breadth_of_use"), 1.0, "breadth at Christmas");
    assert_not_above(&p_values(&winter, "seats_shrinking"), 1.5, "seats at Christmas");
    assert_eq!(winter.fired().len(), 0);
}

/// What is planted in one account of ten is found by the trigger that is meant for it.
#[test]
fn something_did() {
    for (cause, trigger, least) in [
        (Cause::UsageDecline, "usage_frequency", 0.7),
        (Cause::NarrowingUse, "breadth_of_use", 0.8),
        (Cause::SeatLoss, "seats_shrinking", 0.9),
    ] {
        let planted = Planted::new(cause, 0.1, 0.6).onset(Onset::On(date(2024, 5, 27))).over(0);
        let company = company(8, 180, Some(planted), Seasonality::Flat);
        let truth = company.truth().unwrap();
        let struck = truth.column("cause").unwrap().str().unwrap().iter().enumerate();
        let struck: BTreeSet<String> =
            struck.filter(|(_, cause)| cause.is_some()).map(|(account, _)| account.to_string()).collect();
        let all = findings(&company, date(2024, 6, 23));
        let of = |is_struck: bool| -> Vec<f64> {
            let own = all.iter().filter(|finding| finding.trigger == trigger);
            own.filter(|finding| struck.contains(&finding.account.to_string()) == is_struck)
                .filter_map(|finding| finding.p_value)
                .collect()
        };
        let share = found(&of(true), 0.05);
        assert!(share > least, "{trigger}: {share}");
        assert_not_above(&of(false), 1.0, trigger);
        let (right, wrong): (Vec<_>, Vec<_>) =
            all.fired().partition(|finding| struck.contains(&finding.account.to_string()));
        assert!(wrong.len() <= 3 + right.len() / 10, "{trigger}: {} of {}", wrong.len(), right.len());
    }
}
