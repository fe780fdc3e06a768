//! Poor health as a trigger, beside the health of which it is made; and fitted weights asked about days that they know.

use std::collections::BTreeMap;

use attrition::polars::prelude::*;
use attrition::{
    AlertOptions, BackTestOptions, Company, Error, FittedHealth, HealthFitOptions, HealthMeasure, HealthOptions,
    HealthProfile, HealthScale, HealthSignal, Hindsight, PoorHealth, Portfolio, Result, SegmentColumns,
    SimulationOptions, State, TriggerSet,
};

fn portfolio() -> Portfolio {
    Company::simulate(SimulationOptions::new(150, 5).days(500).monthly_hazard(0.04)).unwrap().portfolio().unwrap()
}

fn fitted(portfolio: &Portfolio) -> FittedHealth {
    let signals = [HealthMeasure::DaysSinceLastEvent, HealthMeasure::DaysOverdue, HealthMeasure::OpenTickets];
    portfolio.fit_health(HealthFitOptions::new().signals(signals)).unwrap()
}

fn alone(poor: PoorHealth) -> TriggerSet {
    TriggerSet::new().with(poor)
}

/// Each customer is poor where its health says so, and the sentence is that of its health, the day before and all.
#[test]
fn says_what_health_says() {
    let portfolio = portfolio();
    let (first, last) = (portfolio.activity().observed_from(), portfolio.activity().as_of());
    let gap = HealthOptions::default().segment(
        "solo",
        HealthProfile::standard().weigh(HealthSignal::trigger("engagement_gap"), 3.0, HealthScale::new(1.0, 0.0)),
    );
    let mut fired = 0;
    for options in
        [gap.clone(), gap.compared_with(3).bands(60.0, 80.0), HealthOptions::from(fitted(&portfolio)).bands(50.0, 60.0)]
    {
        for as_of in [first + 20, last - 30, last] {
            let poor = PoorHealth::new(options.clone()).hindsight(Hindsight::Allowed);
            let findings = portfolio.triggers(as_of, alone(poor)).unwrap();
            let health = portfolio.health(as_of, options.clone()).unwrap();
            for finding in findings.iter() {
                let own = health.of(finding.account).unwrap();
                assert_eq!(finding.state == State::NotObserved, own.band.is_none());
                assert_eq!(finding.observed, own.score.filter(|_| own.band.is_some()));
                let expected = (finding.state == State::Fired).then(|| own.sentence());
                let said = finding.sentence.map(|said| said.trim_start_matches("in hindsight ").to_owned());
                assert_eq!(said, expected);
                fired += usize::from(finding.state == State::Fired);
            }
        }
    }
    assert!(fired > 30, "{fired}");
}

#[test]
fn segments_of_a_frame() {
    let portfolio = portfolio();
    let as_of = portfolio.activity().as_of();
    // Account 7 is in none, account 900 in no portfolio.
    let names = |account: &i64| (account % 3 == 0).then_some("third");
    let accounts: Vec<i64> = (0..150).filter(|&account| account != 7).chain([900]).collect();
    let frame = df!("account" => &accounts, "size" => accounts.iter().map(names).collect::<Vec<_>>()).unwrap();
    let columns = SegmentColumns::new("account", "size");
    let strict = HealthProfile::new("strict").weigh(HealthMeasure::ActiveDays28, 1.0, HealthScale::new(6.9, 7.0));
    let options = HealthOptions::default().segment("third", strict);
    let poor = PoorHealth::by(options.clone(), &frame, &columns).unwrap();
    let findings = portfolio.triggers(as_of, alone(poor.clone())).unwrap();
    let health = portfolio.health_by(as_of, options.clone(), &frame, &columns).unwrap();
    let mut strictly = 0;
    for finding in findings.iter() {
        let own = health.of(finding.account).unwrap();
        assert_eq!(finding.observed, own.score.filter(|_| own.band.is_some()));
        strictly += usize::from(finding.state == State::Fired && own.profile == Some("strict"));
    }
    assert!(strictly > 5, "{strictly}");
    let by_plan = portfolio.triggers(as_of, alone(PoorHealth::new(options.clone()))).unwrap();
    assert!(by_plan.fired().len() < findings.fired().len());

    let text = serde_json::to_string(&poor).unwrap();
    assert_eq!(serde_json::from_str::<PoorHealth>(&text).unwrap(), poor);
    assert!(serde_json::from_str::<PoorHealth>(&text.replace("\"names\":[\"third\"]", "\"names\":[]")).is_err());
    let texts = df!("account" => ["1", "2"], "size" => ["third", "third"]).unwrap();
    let wrong = PoorHealth::by(options.clone(), &texts, &columns).unwrap();
    assert!(matches!(portfolio.triggers(as_of, alone(wrong)), Err(Error::Incompatible { .. })));
    let twice = df!("account" => [1_i64, 1], "size" => ["third", "half"]).unwrap();
    assert!(matches!(PoorHealth::by(options, &twice, &columns), Err(Error::TwoSegments { .. })));
}

fn refused<T: std::fmt::Debug>(of: Result<T>) -> String {
    match of {
        Err(error @ Error::InvalidOption { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Weights that know what became of accounts are not asked about the days before, unless one insists, and then all say so.
#[test]
fn hindsight() {
    let portfolio = portfolio();
    let fitted = fitted(&portfolio);
    let (last, until) = (portfolio.activity().as_of(), fitted.knows_until());
    assert!(until <= last);
    // Bands in which some are poor.
    let poor = || PoorHealth::new(HealthOptions::from(&fitted).bands(50.0, 60.0));
    assert!(portfolio.triggers(until, alone(poor())).is_ok());
    let error = refused(portfolio.triggers(until - 1, alone(poor())));
    assert!(error.contains("to_date") && error.contains("Hindsight::Allowed"), "{error}");
    refused(portfolio.back_test(alone(poor()), BackTestOptions::new()));
    refused(portfolio.alerts(alone(poor()), AlertOptions::new().every(28)));

    let insists = || poor().hindsight(Hindsight::Allowed);
    let test =
        portfolio.back_test(alone(insists()).with(attrition::PaymentTrouble::new()), BackTestOptions::new()).unwrap();
    let told: BTreeMap<&str, usize> = test.in_hindsight().collect();
    assert_eq!(told, BTreeMap::from([("poor_health", test.dates().len())]));
    assert!(test.to_string().contains("in hindsight: poor_health at"), "{test}");
    let stored = serde_json::to_string(&test).unwrap();
    assert_eq!(serde_json::from_str::<attrition::BackTest>(&stored).unwrap().in_hindsight().len(), 1);
    let given = portfolio.back_test(alone(PoorHealth::default()), BackTestOptions::new()).unwrap();
    assert!(given.in_hindsight().len() == 0 && !given.to_string().contains("hindsight"));

    let before = portfolio.triggers(until - 1, alone(insists())).unwrap();
    assert!(
        before.fired().len() > 0 && before.fired().all(|finding| finding.sentence.unwrap().starts_with("in hindsight"))
    );
    let after = portfolio.triggers(until, alone(insists())).unwrap();
    assert!(after.fired().len() > 0 && after.fired().all(|finding| !finding.sentence.unwrap().contains("hindsight")));

    // Fitted to what was known by a day, it can be asked from that day on.
    let early = HealthFitOptions::new().signals([HealthMeasure::DaysSinceLastEvent, HealthMeasure::DaysOverdue]);
    let early = portfolio.fit_health(early.to_date(last - 200)).unwrap();
    let desk = portfolio.alerts(
        alone(PoorHealth::new(HealthOptions::from(&early).bands(50.0, 60.0))),
        AlertOptions::new().from(early.knows_until()).every(7),
    );
    assert!(desk.unwrap().alerts().len() > 0);

    let [now, then] = [until, until - 1].map(|as_of| portfolio.health(as_of, &fitted).unwrap());
    assert_eq!((now.in_hindsight(), then.in_hindsight()), (None, Some(until)));
    assert!(then.to_string().contains("in hindsight") && !now.to_string().contains("in hindsight"));
    assert_eq!(portfolio.health(last - 90, HealthOptions::default()).unwrap().in_hindsight(), None);
    let dates = [until - 30, until - 1, until];
    let history = portfolio.health_over_time(dates, &fitted).unwrap();
    assert_eq!(history.in_hindsight(), &dates[..2]);
    assert!(history.to_string().contains("in hindsight at 2 dates"), "{history}");
    assert!(portfolio.health_over_time(dates, HealthOptions::default()).unwrap().in_hindsight().is_empty());
}

/// Profiles of segments and of the new belong to given weights, and beside fitted ones they are refused and not dropped.
#[test]
fn fitted_weights_have_no_profiles() {
    let portfolio = portfolio();
    let fitted = fitted(&portfolio);
    let last = portfolio.activity().as_of();
    let segment = HealthOptions::from(&fitted).segment("solo", HealthProfile::standard());
    let error = refused(portfolio.health(last, segment));
    assert!(
        error.contains("segment") && error.contains("solo, standard") && error.contains("given profiles"),
        "{error}"
    );
    let new = HealthOptions::from(&fitted).onboarding(90, HealthProfile::onboarding());
    assert!(refused(portfolio.health(last, new.clone())).contains("onboarding"));
    assert!(refused(portfolio.health_over_time([last], new.clone())).contains("onboarding"));
    assert!(refused(portfolio.triggers(last, alone(PoorHealth::new(new)))).contains("onboarding"));
    // Bands, coverage and the day to compare with are for all scores.
    let bands = HealthOptions::from(&fitted).bands(40.0, 60.0).least_coverage(0.2).compared_with(7);
    assert!(portfolio.health(last, bands).is_ok());
}

/// Judges are asked by all threads at once, and none of them may wait for what another does in parallel.
#[test]
fn many_threads_come_to_an_end() {
    let replayed = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let portfolio = portfolio();
            let gap = HealthProfile::new("gap")
                .weigh(HealthSignal::trigger("engagement_gap"), 1.0, HealthScale::new(1.0, 0.0))
                .weigh(HealthMeasure::ActiveDays28, 1.0, HealthScale::new(0.0, 7.0));
            let poor = PoorHealth::new(HealthOptions::new(gap).bands(60.0, 80.0));
            let last = portfolio.activity().as_of();
            let fired = portfolio.triggers(last, alone(poor.clone())).unwrap().fired().len();
            let test = portfolio.back_test(alone(poor.clone()), BackTestOptions::new()).unwrap();
            let desk = portfolio.alerts(alone(poor), AlertOptions::new().from(last - 90)).unwrap();
            (fired, test, desk)
        })
    };
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(replayed(4));
    });
    let many = receiver.recv_timeout(std::time::Duration::from_secs(300)).expect("threads wait for each other");
    assert!(many.0 > 0 && many.2.alerts().len() > 10, "{}", many.2);
    assert_eq!(many, replayed(1));
}

/// A profile that would be nobody's for a slip of the pen is refused where all segments are known, and told where not.
#[test]
fn misspelt_segments() {
    let portfolio = portfolio();
    let last = portfolio.activity().as_of();
    // Account 900 is in no portfolio; its segment is known all the same.
    let frame = df!("account" => [1_i64, 2, 900], "size" => ["large", "small", "huge"]).unwrap();
    let columns = SegmentColumns::new("account", "size");
    let of = |segment: &str| HealthOptions::default().segment(segment, HealthProfile::standard());
    let error = refused(portfolio.health_by(last, of("Large"), &frame, &columns));
    assert!(error.contains("\"Large\"") && error.contains("large, small"), "{error}");
    refused(portfolio.health_over_time_by([last], of("Large"), &frame, &columns));
    refused(PoorHealth::by(of("Large"), &frame, &columns));
    for known in ["large", "huge"] {
        let health = portfolio.health_by(last, of(known), &frame, &columns).unwrap();
        assert_eq!(
            health.to_string().contains("nobody was scored by the profiles of these segments: huge"),
            known == "huge"
        );
        assert!(PoorHealth::by(of(known), &frame, &columns).is_ok());
    }
    let plans = portfolio.health(last, of("Solo").segment("solo", HealthProfile::standard())).unwrap().to_string();
    assert!(plans.contains("nobody was scored by the profiles of these segments: Solo\n"), "{plans}");
}
