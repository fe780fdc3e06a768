//! Causes planted in a simulated company, and the triggers that were made for them.

use std::collections::BTreeMap;

use attrition::{
    Cause, Company, Correction, FirstValue, Growth, OnboardingStall, Onset, Planted, SimulationOptions, TriggerSet,
    date,
};

/// The chance that a stricken account has a higher score than a spared one, ties half, for each trigger.
fn areas(cause: Cause) -> BTreeMap<String, f64> {
    let (onset, as_of) = (date(2025, 1, 20), date(2025, 2, 23));
    let beginning = cause == Cause::OnboardingFailure;
    let options = SimulationOptions::new(if beginning { 900 } else { 400 }, 11).days(420).monthly_hazard(0.0);
    let options = if beginning {
        options.growth(Growth::SigningUp { at_start: 0.2 }).causes([Planted::new(cause, 0.2, 0.8)])
    } else {
        let planted = Planted::new(cause, 0.5, 0.8).onset(Onset::On(onset)).over(0);
        options.growth(Growth::Settled).causes([planted])
    };
    let company = Company::simulate(options).unwrap();
    let onboarding = OnboardingStall::new().first_value(FirstValue::Feature(company.core_feature().to_owned()));
    let set = TriggerSet::standard().with(onboarding).correction(Correction::None);
    let findings = company.portfolio().unwrap().triggers(as_of, set).unwrap();
    let truth = company.truth().unwrap();
    let starts = truth.column("start").unwrap().cast(&attrition::polars::prelude::DataType::Int32).unwrap();
    let (accounts, causes) =
        (truth.column("account").unwrap().i64().unwrap(), truth.column("cause").unwrap().str().unwrap());
    let rows = accounts.iter().zip(causes.iter()).zip(starts.i32().unwrap().iter());
    let young = |start: Option<i32>| start.is_some_and(|start| as_of.days_since_epoch() - start <= 90);
    let asked: Vec<(i64, bool)> = rows
        .filter(|(_, start)| !beginning || young(*start))
        .map(|((account, own), _)| (account.unwrap(), own == Some(cause.name())))
        .collect();
    assert!(asked.iter().filter(|(_, stricken)| *stricken).count() > 5, "{cause}");
    let area = |name: &str| {
        let of = |stricken: bool| -> Vec<f64> {
            let own = asked.iter().filter(|row| row.1 == stricken);
            own.filter_map(|&(account, _)| findings.of(account).find(|finding| finding.trigger == name)?.score)
                .collect()
        };
        let (stricken, spared) = (of(true), of(false));
        let above = |one: f64, other: f64| if one > other { 1.0 } else { f64::from(u8::from(one == other)) / 2.0 };
        let sum: f64 = stricken.iter().flat_map(|&one| spared.iter().map(move |&other| above(one, other))).sum();
        let pairs = (stricken.len() * spared.len()) as f64;
        if pairs > 0.0 { sum / pairs } else { 0.5 }
    };
    findings.triggers().map(|name| (name.to_owned(), area(name))).collect()
}

#[test]
fn the_trigger_made_for_a_cause_ranks_first() {
    for (cause, made_for) in [
        (Cause::UsageDecline, "usage_frequency"),
        (Cause::NarrowingUse, "breadth_of_use"),
        (Cause::GoingSilent, "engagement_gap"),
        (Cause::ChampionLeaves, "key_contact_loss"),
        (Cause::LimitPressure, "limit_pressure"),
        (Cause::OnboardingFailure, "onboarding_stall"),
        (Cause::PaymentTrouble, "payment_trouble"),
        (Cause::SupportTrouble, "support_spike"),
    ] {
        let areas = areas(cause);
        let best = areas.values().copied().fold(0.0, f64::max);
        // Whoever falls silent does less, too: both triggers know all of them.
        let first = areas[made_for] > best - if cause == Cause::GoingSilent { 0.01 } else { 1e-12 };
        assert!(first && areas[made_for] > 0.5, "{cause}: {areas:?}");
    }
}

/// People who leave leave their work undone, and a champion who does half of it is no silent one: less use tells of both
/// more than the triggers that say what it is.
#[test]
fn less_use_has_more_than_one_cause() {
    for (cause, made_for) in [(Cause::SeatLoss, "seats_shrinking"), (Cause::ChampionSilent, "key_contact_loss")] {
        let areas = areas(cause);
        assert!(areas["usage_frequency"] > areas[made_for] && areas[made_for] > 0.55, "{cause}: {areas:?}");
    }
}
