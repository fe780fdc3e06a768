//! Playbooks, action plans, recommendations and the calendar of renewals.

use attrition::polars::prelude::*;
use attrition::{
    ActionPlan, AlertDesk, AlertType, Condition, ContactColumns, Error, ExitCriterion, FrequencyClass, HasAlerts,
    HealthBand, LifecycleStage, PaymentColumns, PlanStep, Playbook, Portfolio, Recommendation, RenewalOptions,
    StageRules, SubscriptionColumns, TouchState, TriggerSet, ValueTier, date,
};

use super::{Told, customers, playbook, short};
use crate::log::{Mapped, day, event, ingest};

fn dated(mut frame: DataFrame, columns: &[&str]) -> DataFrame {
    for column in columns {
        frame.apply(column, |days| days.cast(&DataType::Date).unwrap()).unwrap();
    }
    frame
}

#[test]
fn playbooks_fit_together_or_are_refused() {
    let standard = Playbook::standard();
    standard.check().unwrap();
    // Every trigger of the crate has a type.
    let fed: Vec<&String> = standard.alert_types().iter().flat_map(|own| &own.triggers).collect();
    assert!(TriggerSet::standard().names().all(|name| fed.iter().any(|own| *own == name)));
    let text = serde_json::to_string(&standard).unwrap();
    assert_eq!(serde_json::from_str::<Playbook>(&text).unwrap(), standard);
    let edited = text.replacen("\"plan\":\"payment_trouble\"", "\"plan\":\"none\"", 1);
    assert!(serde_json::from_str::<Playbook>(&edited).unwrap_err().to_string().contains("there is none"));

    let option = |playbook: Playbook| match playbook.check() {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    let kind = |cause: &str, triggers: &[&str], plan: &str| AlertType {
        cause: cause.to_owned(),
        name: String::new(),
        triggers: triggers.iter().map(|&name| name.to_owned()).collect(),
        priority: 0,
        plan: plan.to_owned(),
    };
    assert_eq!(option(standard.clone().alert_type(kind("new", &[], "use_falling"))), "alert_type");
    assert_eq!(option(standard.clone().alert_type(kind("", &["new"], "use_falling"))), "alert_type");
    assert_eq!(option(standard.clone().alert_type(kind("new", &["payment_trouble"], "use_falling"))), "trigger");
    assert_eq!(option(standard.clone().alert_type(kind("new", &["new"], "none"))), "plan");
    let plan = |steps: Vec<PlanStep>| ActionPlan { key: "use_falling".to_owned(), name: String::new(), steps };
    assert_eq!(option(standard.clone().plan(plan(vec![]))), "plan");
    let step = |due_days, done_when| PlanStep { action: String::new(), owner: String::new(), due_days, done_when };
    assert_eq!(option(standard.clone().plan(plan(vec![step(40_000, ExitCriterion::Reported)]))), "due_days");
    for (at_least, of_last) in [(8, 7), (0, 7), (1, 0), (1, 366)] {
        let never = ExitCriterion::ActiveDays { at_least, of_last };
        assert_eq!(option(standard.clone().plan(plan(vec![step(1, never)]))), "active_days");
    }
    assert_eq!(option(standard.clone().without("use_falling")), "recommendations");
    assert_eq!(option(standard.clone().stages(StageRules::new().first_value_days(15))), "first_value_days");

    // A trigger that is neither asked nor one of the crate.
    let misspelt = standard.alert_type(kind("new", &["usage_frequenzy"], "use_falling"));
    let mut desk = AlertDesk::new(misspelt, short()).unwrap();
    let findings = customers(1, 200, &[]).triggers(day(150), TriggerSet::standard()).unwrap();
    let Err(Error::InvalidOption { option, value, .. }) = desk.advance(&findings).map(|_| ()) else { panic!() };
    assert_eq!((option, value.as_str()), ("trigger", "\"usage_frequenzy\""));
}

#[test]
fn steps_end_by_report_or_by_what_is_seen() {
    let step =
        |due_days, done_when| PlanStep { action: format!("{done_when:?}"), owner: "me".into(), due_days, done_when };
    let steps = vec![
        step(0, ExitCriterion::Reported),
        step(3, ExitCriterion::TriggersQuiet),
        step(5, ExitCriterion::ActiveDays { at_least: 2, of_last: 3 }),
        step(7, ExitCriterion::KeyContactNamed),
        step(9, ExitCriterion::InvoicesPaid),
        step(11, ExitCriterion::BandAtLeast(HealthBand::Average)),
    ];
    let playbook =
        playbook(&[("cause", &["sign"])]).plan(ActionPlan { key: "use_falling".into(), name: String::new(), steps });
    // Active on days 9 and 10; the contact is there until day 12, the invoice is paid on day 11.
    let events = [event(1, 0), event(1, 9), event(1, 10)];
    let contacts =
        dated(df!("account" => [1_i64], "person" => [7_i64], "key" => [true], "until" => [12]).unwrap(), &["until"]);
    // And a credit note that nobody ever pays.
    let invoices = df!(
        "account" => [1_i64, 1], "due" => [5, 0], "paid" => [Some(11), None], "amount" => [Some(9.0), Some(-9.0)],
    );
    let invoices = dated(invoices.unwrap(), &["due", "paid"]);
    let portfolio = Portfolio::new(ingest(&events, Mapped::NONE, Some((0, 30))))
        .unwrap()
        .lapsed_after(1_000)
        .contacts(&contacts, &ContactColumns::new("account", "person").key("key").until("until"))
        .unwrap()
        .payments(&invoices, &PaymentColumns::new("account", "due").paid("paid").amount("amount"))
        .unwrap();
    let set = TriggerSet::new().with(Told::new("sign", &[(1, "MMMMMMMMMM.....")]));
    let mut desk = AlertDesk::new(playbook, short().quiet_days(20)).unwrap();
    let mut open = Vec::new();
    for today in 0..14 {
        desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
        if today == 12 {
            desk.complete(1, "cause", 0, day(today), "ann").unwrap();
        }
        let band = if today < 13 { None } else { Some(HealthBand::Good) };
        let actions = desk.actions(&portfolio.at(day(today)).unwrap(), |_| band).unwrap();
        open.push(actions.iter().map(|action| action.step).collect::<Vec<_>>());
    }
    assert!(open[0].is_empty());
    assert_eq!(open[1], [0, 1, 2, 5], "no invoice is due yet, and there is a contact");
    assert_eq!(open[6], [0, 1, 2, 4, 5]);
    assert_eq!(open[9], [0, 1, 2, 4, 5]);
    assert_eq!(open[10], [0, 4, 5], "quiet and active");
    assert_eq!(open[11], [0, 5]);
    assert_eq!(open[12], [2, 3, 5]);
    assert_eq!(open[13], [2, 3]);
    let snapshot = portfolio.at(day(13)).unwrap();
    let actions = desk.actions(&snapshot, |_| None).unwrap();
    let due: Vec<_> = actions.iter().map(|action| action.due.days_since_epoch()).collect();
    assert_eq!(due, [6, 8, 12], "opened on day 1");
    assert_eq!(actions.due_by(day(8)).count(), 2);
    let frame = actions.to_frame().unwrap();
    assert_eq!(frame.column("days_left").unwrap().i32().unwrap().to_vec(), [Some(-7), Some(-5), Some(-1)]);
    assert!(actions.to_string().starts_with("3 steps are due by 1970-01-21, 3 of them by now"), "{actions}");
    assert!(desk.actions(&portfolio.at(day(12)).unwrap(), |_| None).is_err());
}

/// Accounts with a first term of a year from day `start` on, active every day up to day 400 or on none but the first.
fn staged(start: i32, active: bool) -> Portfolio {
    let last = if active { 400 } else { start.max(0) };
    let events: Vec<_> = (start.max(0)..=last).map(|day| event(1, day)).collect();
    let terms = dated(
        df!("account" => [1_i64], "start" => [start], "renewal" => [start + 365], "value" => [10.0]).unwrap(),
        &["start", "renewal"],
    );
    let columns = SubscriptionColumns::new("account", "start").renewal("renewal").value("value");
    Portfolio::new(ingest(&events, Mapped::NONE, Some((0, 400)))).unwrap().subscriptions(&terms, &columns).unwrap()
}

#[test]
fn lifecycle_stages() {
    let rules = StageRules::new();
    let stage = |portfolio: &Portfolio, on: i32| rules.stage(&portfolio.at(day(on)).unwrap().account(1).unwrap());
    use LifecycleStage::{Adopting, Established, Onboarding, Renewing};
    let active = staged(10, true);
    // First value is the fifth active day.
    let expected = [
        (13, Onboarding),
        (14, Adopting),
        (189, Adopting),
        (190, Established),
        (284, Established),
        (285, Renewing),
        (374, Renewing),
        (375, Established),
    ];
    for (on, expected) in expected {
        assert_eq!(stage(&active, on), Some(expected), "{on}");
    }
    let idle = staged(10, false);
    for (on, expected) in [(99, Onboarding), (100, Established), (189, Established), (285, Renewing)] {
        assert_eq!(stage(&idle, on), Some(expected), "{on}");
    }
    // A year from 27 November 1968 on, renewed silently: the next renewal is that of 1970.
    let silent = staged(-400, true);
    for (on, expected) in [(239, Established), (240, Renewing), (329, Renewing), (330, Established)] {
        assert_eq!(stage(&silent, on), Some(expected), "{on}");
    }
    // Without subscriptions, and there from the first day on: how long it has been a customer is not known.
    let unknown = Portfolio::new(ingest(&[event(1, 0)], Mapped::NONE, Some((0, 400)))).unwrap();
    assert_eq!((stage(&unknown, 179), stage(&unknown, 180)), (None, Some(Established)));
    // Terms by the month do not make anybody renewing.
    let monthly =
        dated(df!("account" => [1_i64], "start" => [200], "renewal" => [230]).unwrap(), &["start", "renewal"]);
    let columns = SubscriptionColumns::new("account", "start").renewal("renewal");
    let monthly = Portfolio::new(ingest(&[event(1, 0)], Mapped::NONE, Some((0, 400))))
        .unwrap()
        .subscriptions(&monthly, &columns)
        .unwrap();
    assert_eq!(stage(&monthly, 220), Some(Onboarding));
}

#[test]
fn the_first_recommendation_that_fits_holds() {
    let of = |when: Condition, action: &str| Recommendation {
        when,
        action: action.into(),
        owner: "me".into(),
        because: "so".into(),
    };
    let any = Condition::default;
    let list = vec![
        of(any().causes(["cause".to_owned()]).bands([HealthBand::Poor]), "both"),
        of(any().causes(["cause".to_owned()]), "cause"),
        of(any().uses([FrequencyClass::Daily]).alerts(HasAlerts::Open), "open"),
        of(any().bands([HealthBand::Good]).alerts(HasAlerts::Calm), "good"),
        of(any().of_value(ValueTier::Top), "top"),
        of(any().stages([LifecycleStage::Established]), "established"),
    ];
    let playbook = playbook(&[("cause", &["sign"]), ("other", &["else"])]).recommend(list);
    let portfolio = customers(5, 300, &[]);
    let rows = [(1_i64, "MM"), (2, "MM")];
    let set = TriggerSet::new().with(Told::new("sign", &rows)).with(Told::new("else", &[(3, "MM")]));
    let mut desk = AlertDesk::new(playbook, short()).unwrap();
    for today in 0..2 {
        desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
    }
    let band = |account: &attrition::Account<'_>| match account.id() {
        attrition::Id::Int(1) => Some(HealthBand::Poor),
        attrition::Id::Int(3 | 4) => Some(HealthBand::Good),
        _ => None,
    };
    let recommended = desk.recommendations(&portfolio.at(day(299)).unwrap(), band).unwrap();
    let actions: Vec<Option<&str>> =
        recommended.iter().map(|row| row.recommendation.map(|own| own.action.as_str())).collect();
    assert_eq!(actions, [Some("both"), Some("cause"), Some("established"), Some("good"), Some("established")]);
    let early = desk.recommendations(&portfolio.at(day(5)).unwrap(), |_| None).unwrap();
    assert_eq!(early.of(5).unwrap().recommendation, None);
    assert!(early.to_string().ends_with("3  nothing but the usual"), "{early}");
    let frame = recommended.to_frame().unwrap();
    assert_eq!(frame.column("action").unwrap().str().unwrap().get(1), Some("cause"));
    assert_eq!(frame.column("top").unwrap().null_count(), 5);

    // The most valuable by mid-ranks: of ten, the first two.
    let events: Vec<_> = (1..=10).map(|account| event(account, 0)).collect();
    let terms = dated(
        df!("account" => (1..=10_i64).collect::<Vec<_>>(), "start" => vec![0; 10], "value" => (1..=10).map(f64::from).collect::<Vec<_>>()).unwrap(),
        &["start"],
    );
    let portfolio = Portfolio::new(ingest(&events, Mapped::NONE, Some((0, 300)))).unwrap();
    let portfolio =
        portfolio.subscriptions(&terms, &SubscriptionColumns::new("account", "start").value("value")).unwrap();
    let recommended = desk.recommendations(&portfolio.at(day(200)).unwrap(), |_| None).unwrap();
    let top: Vec<bool> = recommended.iter().map(|row| row.value_tier == Some(ValueTier::Top)).collect();
    assert_eq!(top.iter().filter(|&&top| top).count(), 2);
    assert!(top[8] && top[9]);
}

#[test]
fn the_standard_playbook_says_what_it_should() {
    // Accounts 1 and 2 come daily, 3 stopped long ago; 2 is worth most of all.
    let daily = |account: i64| (0..300).map(move |day| event(account, day));
    let events: Vec<_> = daily(1).chain(daily(2)).chain((0..30).map(|day| event(3, day))).collect();
    let terms = dated(
        df!("account" => [1_i64, 2, 3], "start" => [-300, -300, -300], "value" => [1.0, 100.0, 1.0]).unwrap(),
        &["start"],
    );
    let portfolio = Portfolio::new(ingest(&events, Mapped::NONE, Some((0, 300)))).unwrap();
    let portfolio =
        portfolio.subscriptions(&terms, &SubscriptionColumns::new("account", "start").value("value")).unwrap();
    let desk = AlertDesk::default();
    let recommended = desk.recommendations(&portfolio.at(day(300)).unwrap(), |_| Some(HealthBand::Good)).unwrap();
    let action = |account: i64| recommended.of(account).unwrap().recommendation.unwrap().action.clone();
    assert_eq!(action(1), "ask for a referral");
    assert_eq!(action(2), "ask for a case study");
    assert_eq!(action(3), "send success stories of customers like them");

    let set = TriggerSet::new().with(attrition::DaysSinceLastEvent::new());
    let quiet = portfolio.triggers(day(300), set).unwrap();
    assert_eq!(quiet.fired().count(), 1);
}

#[test]
fn renewals_and_their_touch_points() {
    // Account 1: a year from 2023-03-01 on, two terms; 2: renewed silently; 3: ended; 4: in 121 days.
    let terms = df!(
        "account" => [1_i64, 1, 2, 3, 4],
        "start" => [19_417, 19_417, 19_052, 19_417, 19_500],
        "renewal" => [19_783, 19_783, 19_417, 19_783, 19_845],
        "ended" => [None, None, None, Some(19_700), None],
        "value" => [Some(100.0), Some(11.0), None, Some(5.0), Some(7.0)],
    );
    let terms = dated(terms.unwrap(), &["start", "renewal", "ended"]);
    let columns = SubscriptionColumns::new("account", "start").renewal("renewal").ended("ended").value("value");
    let events: Vec<_> = (1..=4).flat_map(|account| (19_700..19_725).map(move |day| event(account, day))).collect();
    let portfolio = Portfolio::new(ingest(&events, Mapped::NONE, Some((19_600, 19_800)))).unwrap();
    let as_of = date(2024, 1, 1);
    assert!(matches!(
        AlertDesk::default().renewals(&portfolio.at(as_of).unwrap(), RenewalOptions::new(), |_| None),
        Err(Error::MissingTable { table: "subscriptions" })
    ));
    let portfolio = portfolio.subscriptions(&terms, &columns).unwrap();
    let snapshot = portfolio.at(as_of).unwrap();
    let calendar = AlertDesk::default().renewals(&snapshot, RenewalOptions::new(), |_| None).unwrap();
    let rows: Vec<_> = calendar
        .iter()
        .map(|row| (row.account.to_string(), row.date, row.silently_since, row.recurring_value))
        .collect();
    let first = date(2024, 3, 1);
    assert_eq!(
        rows,
        [("1".to_owned(), first, None, Some(111.0)), ("2".to_owned(), first, Some(date(2023, 3, 1)), None)]
    );
    let longer = AlertDesk::default().renewals(&snapshot, 122, |_| None).unwrap();
    assert_eq!((longer.iter().len(), longer.recurring_value()), (3, 118.0));
    // 120 days before is 2 November, 90 days 2 December, 60 days 1 January; contacts are not known.
    let renewal = calendar.iter().next().unwrap();
    let touches: Vec<_> = renewal.touches.iter().map(|touch| (touch.date, touch.state)).collect();
    assert_eq!(
        touches,
        [
            (date(2023, 11, 2), TouchState::Passed),
            (date(2023, 12, 2), TouchState::Passed),
            (date(2024, 1, 1), TouchState::Done),
            (date(2024, 1, 31), TouchState::Ahead),
            (date(2024, 2, 16), TouchState::Ahead),
        ]
    );
    let frame = calendar.to_frame().unwrap();
    assert_eq!(frame.height(), 10);
    assert_eq!(frame.column("state").unwrap().str().unwrap().get(2), Some("done"));
    assert!(calendar.to_string().contains("2024-03-01, perhaps: 2"), "{calendar}");
    assert!(AlertDesk::default().renewals(&snapshot, 40_000, |_| None).is_err());
}

/// A month that was renewed silently begins with that renewal: nothing was to be done before it.
#[test]
fn touch_points_of_short_terms_renewed_silently() {
    let terms = df!("account" => [1_i64], "start" => [19_509], "renewal" => [19_539]).unwrap();
    let terms = dated(terms, &["start", "renewal"]);
    let columns = SubscriptionColumns::new("account", "start").renewal("renewal");
    let portfolio = Portfolio::new(ingest(&[event(1, 19_723)], Mapped::NONE, Some((19_600, 19_800)))).unwrap();
    let portfolio = portfolio.subscriptions(&terms, &columns).unwrap();
    let calendar = AlertDesk::default().renewals(&portfolio.at(date(2024, 1, 1)).unwrap(), 120, |_| None).unwrap();
    let renewal = calendar.iter().next().unwrap();
    assert_eq!((renewal.date, renewal.silently_since), (date(2024, 2, 1), Some(date(2024, 1, 1))));
    let touches: Vec<_> = renewal.touches.iter().map(|touch| touch.point.days_before).collect();
    assert_eq!(touches, [30, 14]);
}
