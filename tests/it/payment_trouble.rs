//! Invoices that are not paid: by hand, against one that looks at each, and at the edges.

use attrition::polars::prelude::*;
use attrition::{Error, Findings, PaymentColumns, PaymentTrouble, Portfolio, Severity, State, TriggerSet};
use proptest::prelude::*;

use crate::log::{Mapped, day, event, ingest};

/// Account, due, paid and amount.
type Invoice = (i64, i32, Option<i32>, Option<f64>);

fn ask(invoices: &[Invoice], as_of: i32, trigger: PaymentTrouble) -> Findings {
    let mut frame = df!(
        "account" => invoices.iter().map(|invoice| invoice.0).collect::<Vec<_>>(),
        "due" => invoices.iter().map(|invoice| invoice.1).collect::<Vec<_>>(),
        "paid" => invoices.iter().map(|invoice| invoice.2).collect::<Vec<_>>(),
        "amount" => invoices.iter().map(|invoice| invoice.3).collect::<Vec<_>>(),
    )
    .unwrap();
    for column in ["due", "paid"] {
        frame.apply(column, |day| day.cast(&DataType::Date).unwrap()).unwrap();
    }
    let events: Vec<_> = (0..4).map(|account| event(account, -40)).collect();
    let portfolio = Portfolio::new(ingest(&events, Mapped::NONE, Some((-40, 49)))).unwrap();
    let portfolio = portfolio.payments(&frame, &PaymentColumns::default()).unwrap();
    portfolio.triggers(day(as_of), TriggerSet::new().with(trigger)).unwrap()
}

#[test]
fn by_hand() {
    let invoices = [
        (0, -20, Some(-15), Some(50.0)),
        (0, -10, None, Some(50.0)),
        (0, 0, None, Some(49.5)),
        (1, 0, Some(9), Some(10.0)),
        (2, -5, None, Some(-30.0)),
        (2, -5, None, Some(0.0)),
    ];
    let of = |account: i64, as_of| {
        let found = ask(&invoices, as_of, PaymentTrouble::new());
        let finding = found.of(account).next().unwrap();
        (finding.severity, finding.observed, finding.since, finding.sentence.map(str::to_owned))
    };
    let sentence = |what: &str, days: i32| {
        Some(format!("{what}, the first for {days} days: remind the payer before access is stopped"))
    };
    let one = |days| sentence("an invoice is unpaid of 50.00", days);
    assert_eq!(of(0, -8), (None, Some(2.0), Some(day(-9)), None));
    assert_eq!(of(0, -7), (Some(Severity::Low), Some(3.0), Some(day(-9)), one(3)));
    assert_eq!(of(0, -3), (Some(Severity::Medium), Some(7.0), Some(day(-9)), one(7)));
    // One that is due today is not overdue.
    assert_eq!(of(0, 0), (Some(Severity::Medium), Some(10.0), Some(day(-9)), one(10)));
    let two = sentence("2 invoices are unpaid of 99.50", 30);
    assert_eq!(of(0, 20), (Some(Severity::High), Some(30.0), Some(day(-9)), two));
    // It was not paid on the days before it was, and is paid on the day.
    assert_eq!(of(1, 8).0, Some(Severity::Medium));
    assert_eq!(of(1, 9), (None, Some(0.0), None, None));
    // Credit notes, nothing to pay, and no invoice at all.
    assert_eq!(of(2, 40), (None, Some(0.0), None, None));
    assert_eq!(of(3, 40), (None, Some(0.0), None, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn oracle(
        invoices in prop::collection::vec(
            (0..4_i64, -40..49_i32, prop::option::of(0..40_i32), prop::option::of(-20..80_i32)), 0..20,
        ),
        as_of in -40..49_i32,
        days in 1..10_u32,
    ) {
        let invoices: Vec<Invoice> = invoices
            .into_iter()
            .map(|(account, due, paid, amount)| (account, due, paid.map(|after| due + after), amount.map(f64::from)))
            .collect();
        let found = ask(&invoices, as_of, PaymentTrouble::new().days(days));
        for account in 0..4 {
            let owed = |invoice: &&Invoice| {
                let paid = invoice.2.is_some_and(|paid| paid <= as_of);
                invoice.0 == account && invoice.1 < as_of && !paid && invoice.3.is_none_or(|amount| amount > 0.0)
            };
            let overdue = invoices.iter().filter(owed).map(|invoice| as_of - invoice.1).max().unwrap_or(0);
            let Some(finding) = found.of(account).next() else { continue };
            prop_assert_eq!(finding.observed, Some(f64::from(overdue)));
            prop_assert_eq!(finding.score, Some(f64::from(overdue)).filter(|&days| days > 0.0).or(Some(0.0)));
            prop_assert_eq!(finding.state == State::Fired, overdue >= days as i32);
            let severe = [(30, Severity::High), (7, Severity::Medium), (0, Severity::Low)];
            let severity = severe.into_iter().find(|&(least, _)| overdue >= least).map(|(_, severity)| severity);
            prop_assert_eq!(finding.severity, severity.filter(|_| overdue >= days as i32));
        }
        // Neither what comes later nor the order of rows makes a difference.
        let mut past: Vec<Invoice> = invoices.iter().filter(|invoice| invoice.1 <= as_of).copied().collect();
        past.iter_mut().for_each(|invoice| invoice.2 = invoice.2.filter(|&paid| paid <= as_of));
        past.reverse();
        let then = ask(&past, as_of, PaymentTrouble::new().days(days));
        prop_assert!(then.to_frame().unwrap().equals_missing(&found.to_frame().unwrap()));
    }
}

#[test]
fn edges() {
    let portfolio = Portfolio::new(ingest(&[event(1, 0)], Mapped::NONE, None)).unwrap();
    let set = || TriggerSet::new().with(PaymentTrouble::new());
    let found = portfolio.triggers(day(0), set()).unwrap();
    assert_eq!(found.of(1).next().unwrap().missing, Some("payments"));
    let error = portfolio.triggers(day(0), TriggerSet::new().with(PaymentTrouble::new().days(0))).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "days", .. }), "{error}");
    let stored = serde_json::to_string(&PaymentTrouble::new().days(5)).unwrap();
    assert_eq!(serde_json::from_str::<PaymentTrouble>(&stored).unwrap(), PaymentTrouble::new().days(5));
}
