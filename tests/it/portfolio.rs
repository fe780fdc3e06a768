//! What is known of accounts as of a day: against sets and lists counted naively, and with the future edited.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    Account, Activity, AnswerColumns, Calendar, CancellationColumns, ContactColumns, Error, Id, LimitColumns,
    Membership, PaymentColumns, Period, PlanColumns, Portfolio, ReadingColumns, SubscriptionColumns, TicketColumns,
    UsageOptions, date,
};
use proptest::prelude::*;

use super::log::{self, Event, Mapped, day, frame, message};

const FIRST: i32 = 19_700;
const LAST: i32 = 19_760;

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (0..6_i64, prop::option::weighted(0.9, 0..4_i64), FIRST..=LAST, prop::option::of(0..70_u32));
    let event = event.prop_map(|(user, account, day, feature)| Event {
        user: Some(user),
        day: Some(day),
        account,
        feature,
        value: Some(1.0),
    });
    prop::collection::vec(event, 1..60)
}

fn activity(events: &[Event]) -> Activity {
    log::try_ingest(events, Mapped::ALL, Some((FIRST, LAST))).unwrap()
}

fn dates(frame: &mut DataFrame, columns: &[&str]) {
    for column in columns {
        frame.apply(column, |days| days.cast(&DataType::Date).unwrap()).unwrap();
    }
}

fn number(id: Id<'_>) -> i64 {
    match id {
        Id::Int(id) => id,
        other => panic!("{other:?} is not of a signed column"),
    }
}

proptest! {
    #[test]
    fn usage_is_what_sets_say(events in events(), as_of in FIRST..=LAST, recent in 1..20_u32, baseline in 1..40_u32) {
        prop_assume!(events.iter().any(|event| event.account.is_some()));
        let portfolio = Portfolio::new(activity(&events)).unwrap();
        let usage = portfolio.usage(UsageOptions::new(day(as_of)).recent(recent).baseline(baseline)).unwrap();
        let seen: Vec<&Event> =
            events.iter().filter(|event| event.account.is_some() && event.day.unwrap() <= as_of).collect();
        let accounts: BTreeSet<i64> = seen.iter().map(|event| event.account.unwrap()).collect();
        prop_assert_eq!(usage.iter().map(|usage| number(usage.account)).collect::<BTreeSet<_>>(), accounts);
        for found in usage.iter() {
            let own = |event: &&&Event| event.account == Some(number(found.account));
            let first = seen.iter().filter(own).map(|event| event.day.unwrap()).min().unwrap();
            let last = seen.iter().filter(own).map(|event| event.day.unwrap()).max().unwrap();
            prop_assert_eq!(found.silence as i32, as_of - last);
            let recent_from = as_of - recent as i32 + 1;
            let windows = [(found.recent, recent_from, as_of), (found.baseline, recent_from - baseline as i32, recent_from - 1)];
            for (window, from, to) in windows {
                let within: Vec<&&Event> =
                    seen.iter().filter(own).filter(|event| (from..=to).contains(&event.day.unwrap())).collect();
                prop_assert_eq!(window.events, within.len() as u64);
                let days: BTreeSet<_> = within.iter().map(|event| event.day).collect();
                let people: BTreeSet<_> = within.iter().map(|event| event.user).collect();
                let features: BTreeSet<_> = within.iter().filter_map(|event| event.feature).collect();
                prop_assert_eq!(window.active_days as usize, days.len());
                prop_assert_eq!(window.people.unwrap() as usize, people.len());
                prop_assert_eq!(window.features.unwrap() as usize, features.len());
            }
            let baseline_days = (recent_from - baseline as i32..recent_from).filter(|&day| day >= first.max(FIRST));
            prop_assert_eq!(found.baseline_days as usize, baseline_days.count());
        }
        prop_assert_eq!(usage.to_frame().unwrap().height(), usage.iter().len());
    }

    #[test]
    fn an_account_is_what_its_people_did(events in events(), as_of in FIRST..=LAST) {
        prop_assume!(events.iter().any(|event| event.account.is_some()));
        let portfolio = Portfolio::new(activity(&events)).unwrap();
        let then = portfolio.at(day(as_of)).unwrap();
        for number in 0..4 {
            let own: Vec<&Event> = events
                .iter()
                .filter(|event| event.account == Some(number) && event.day.unwrap() <= as_of)
                .collect();
            let Some(account) = then.account(number) else {
                prop_assert!(!events.iter().any(|event| event.account == Some(number)));
                continue;
            };
            let mut by_day: BTreeMap<i32, (u32, BTreeSet<String>)> = BTreeMap::new();
            for event in &own {
                let (events, features) = by_day.entry(event.day.unwrap()).or_default();
                *events += 1;
                features.extend(event.feature.map(log::feature_text));
            }
            let days: Vec<_> = account.active_days().collect();
            prop_assert_eq!(days.len(), by_day.len());
            for (found, (&day, (events, features))) in days.iter().zip(&by_day) {
                prop_assert_eq!((found.date, found.events, found.value), (log::day(day), *events, Some(f64::from(*events))));
                prop_assert_eq!(found.features.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), features.clone());
            }
            let people: Vec<i64> = account.people().unwrap().map(|person| self::number(person.id())).collect();
            let expected: BTreeSet<i64> = own.iter().map(|event| event.user.unwrap()).collect();
            prop_assert_eq!(people, expected.into_iter().collect::<Vec<_>>());
            for person in account.people().unwrap() {
                let theirs: u32 = person.active_days().map(|day| day.events).sum();
                let user = self::number(person.id());
                prop_assert_eq!(theirs as usize, own.iter().filter(|event| event.user == Some(user)).count());
                prop_assert!(account.person(person.id()).is_some_and(|same| same.active_days().eq(person.active_days())));
            }
            prop_assert_eq!(account.person(Id::Int(99)).map(|person| person.id()), None);
        }
    }

    #[test]
    fn the_future_makes_no_difference(events in events(), rows in tables(), as_of in FIRST..=LAST) {
        prop_assume!(events.iter().any(|event| event.account.is_some()));
        let whole = with_tables(activity(&events), &rows);
        // The log cut, rows cut, and later dates within rows unknown.
        let past: Vec<Event> = events.iter().filter(|event| event.day.unwrap() <= as_of).cloned().collect();
        prop_assume!(past.iter().any(|event| event.account.is_some()));
        let past_rows: Vec<Row> = rows
            .iter()
            .filter(|row| row.start.is_none_or(|start| start <= as_of))
            .map(|row| Row { end: row.end.filter(|&end| end <= as_of), ..*row })
            .collect();
        let cut = with_tables(log::try_ingest(&past, Mapped::ALL, Some((FIRST, as_of))).unwrap(), &past_rows);
        let (whole, cut) = (whole.at(day(as_of)).unwrap(), cut.at(day(as_of)).unwrap());
        let shown = |account: Account<'_>| {
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                account.membership(),
                account.active_days().collect::<Vec<_>>(),
                account.contacts().map(Iterator::collect::<Vec<_>>),
                account.limits(),
                account.answers().map(Iterator::collect::<Vec<_>>),
                account.running(),
                account.recurring_value(),
                account.tickets().map(Iterator::collect::<Vec<_>>),
                account.payments().map(Iterator::collect::<Vec<_>>),
                account.cancellations().map(Iterator::collect::<Vec<_>>),
                account.member_since(),
            )
        };
        prop_assert_eq!(whole.customers().map(|account| number(account.id())).collect::<Vec<_>>(),
            cut.customers().map(|account| number(account.id())).collect::<Vec<_>>());
        for account in 0..7 {
            if let Some(known) = cut.account(account) {
                prop_assert_eq!(shown(whole.account(account).unwrap()), shown(known));
            }
        }
    }
}

/// One row that every table can be made of.
#[derive(Clone, Copy, Debug)]
struct Row {
    account: i64,
    other: i64,
    start: Option<i32>,
    end: Option<i32>,
    number: f64,
}

fn tables() -> impl Strategy<Value = Vec<Row>> {
    let row = (0..7_i64, 0..6_i64, prop::option::weighted(0.9, FIRST..=LAST), prop::option::of(0..40), 0..=10_u8);
    let row = row.prop_map(|(account, other, start, length, number)| Row {
        account,
        other,
        start,
        end: start.zip(length).map(|(start, length)| start + length),
        number: f64::from(number),
    });
    prop::collection::vec(row, 0..25)
}

fn with_tables(activity: Activity, rows: &[Row]) -> Portfolio {
    let column = |of: fn(&Row) -> i64| rows.iter().map(of).collect::<Vec<i64>>();
    let starts: Vec<_> = rows.iter().map(|row| row.start).collect();
    let ends: Vec<_> = rows.iter().map(|row| row.end).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
    let names: Vec<_> = rows.iter().map(|row| format!("name {}", row.other)).collect();
    let keys: Vec<_> = rows.iter().map(|row| row.other % 2 == 0).collect();
    let mut table = df!(
        "account" => column(|row| row.account), "other" => column(|row| row.other), "start" => &starts,
        "end" => &ends, "number" => &numbers, "name" => &names, "key" => &keys,
    )
    .unwrap();
    dates(&mut table, &["start", "end"]);
    let contacts = ContactColumns::new("account", "other").role("name").key("key").since("start").until("end");
    let terms = SubscriptionColumns::new("account", "start").ended("end").value("number").plan("name");
    Portfolio::new(activity)
        .and_then(|portfolio| portfolio.contacts(&table, &contacts))
        .and_then(|portfolio| portfolio.limits(&table, &LimitColumns::new("account", "name", "number").since("start")))
        .and_then(|portfolio| portfolio.readings(&table, &ReadingColumns::new("account", "name", "start", "number")))
        .and_then(|portfolio| {
            portfolio.answers(&table, &AnswerColumns::new("account", "start", "number").respondent("other"))
        })
        .and_then(|portfolio| portfolio.subscriptions(&table, &terms))
        .and_then(|portfolio| {
            portfolio.tickets(&table, &TicketColumns::new("account", "start").closed("end").severity("number"))
        })
        .and_then(|portfolio| {
            portfolio.payments(&table, &PaymentColumns::new("account", "start").paid("end").amount("number"))
        })
        .and_then(|portfolio| portfolio.cancellations(&table, &CancellationColumns::new("account", "end")))
        .unwrap()
}

fn one_account(days: &[i32]) -> Portfolio {
    let events: Vec<Event> = days.iter().map(|&day| Event { account: Some(1), ..log::event(1, day) }).collect();
    Portfolio::new(log::try_ingest(&events, Mapped { account: true, ..Mapped::NONE }, Some((FIRST, LAST))).unwrap())
        .unwrap()
}

fn terms(rows: &[(i32, Option<i32>, Option<i32>)]) -> DataFrame {
    let mut frame = df!(
        "account" => vec![1_i64; rows.len()],
        "start" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "renewal" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "ended" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "value" => rows.iter().map(|_| 10.0).collect::<Vec<_>>(),
    )
    .unwrap();
    dates(&mut frame, &["start", "renewal", "ended"]);
    frame
}

fn membership(portfolio: &Portfolio, on: i32) -> Membership {
    portfolio.at(day(on)).unwrap().account(1).unwrap().membership()
}

#[test]
fn members_by_what_is_known() {
    let lapsed = one_account(&[FIRST + 2]).lapsed_after(5);
    let memberships = [FIRST + 1, FIRST + 2, FIRST + 7, FIRST + 8].map(|on| membership(&lapsed, on));
    assert_eq!(memberships, [Membership::Unknown, Membership::Customer, Membership::Customer, Membership::Lapsed]);

    let mut cancelled = df!("account" => [1_i64], "date" => [FIRST + 10]).unwrap();
    dates(&mut cancelled, &["date"]);
    let columns = CancellationColumns::default();
    // It is used up to the end of the month that is paid, and then again.
    let back = one_account(&[FIRST, FIRST + 20, FIRST + 41, FIRST + 42]).cancellations(&cancelled, &columns).unwrap();
    let memberships = [FIRST + 9, FIRST + 10, FIRST + 20, FIRST + 41, FIRST + 42].map(|on| membership(&back, on));
    assert_eq!(memberships[..2], [Membership::Customer, Membership::Left]);
    assert_eq!(memberships[2..], [Membership::Left, Membership::Left, Membership::Customer]);

    let columns = SubscriptionColumns::new("account", "start").renewal("renewal").ended("ended").value("value");
    // A term that was renewed without a row of its own, and one that ended.
    let renewed = terms(&[(FIRST, Some(FIRST + 10), None), (FIRST + 10, Some(FIRST + 20), Some(FIRST + 30))]);
    let subscribed = one_account(&[FIRST]).subscriptions(&renewed, &columns).unwrap();
    let memberships = [FIRST + 5, FIRST + 25, FIRST + 29, FIRST + 30].map(|on| membership(&subscribed, on));
    assert_eq!(memberships, [Membership::Customer, Membership::Customer, Membership::Customer, Membership::Left]);
    // Cancelled while it runs: left, until another term starts.
    let both = terms(&[(FIRST, Some(FIRST + 50), None), (FIRST + 15, Some(FIRST + 50), None)]);
    let both = one_account(&[FIRST]).subscriptions(&both, &columns).unwrap();
    let both = both.cancellations(&cancelled, &CancellationColumns::default()).unwrap();
    assert_eq!(
        [FIRST + 9, FIRST + 10, FIRST + 15].map(|on| membership(&both, on)),
        [Membership::Customer, Membership::Left, Membership::Customer,]
    );
    let value = |on| both.at(day(on)).unwrap().account(1).unwrap().recurring_value();
    assert_eq!((value(FIRST + 9), value(FIRST + 15)), (Some(10.0), Some(20.0)));
}

#[test]
fn tables_of_accounts_that_the_log_does_not_know() {
    let payments = df!("account" => [7_u64, u64::MAX, 1], "due" => [FIRST, FIRST, FIRST]).unwrap();
    let mut payments = payments;
    dates(&mut payments, &["due"]);
    let columns = PaymentColumns::new("account", "due");
    // The log's accounts are signed and fit an unsigned type, which the table needs.
    let portfolio = one_account(&[FIRST]).payments(&payments, &columns).unwrap();
    assert_eq!(portfolio.len(), 3);
    let then = portfolio.at(day(FIRST)).unwrap();
    for account in [1, 7, u64::MAX] {
        assert_eq!(then.account(account).unwrap().payments().unwrap().len(), 1, "{account}");
    }
    assert_eq!(then.account(7_u64).unwrap().membership(), Membership::Unknown);
    assert_eq!(then.customers().len(), 1);

    let text = df!("account" => ["a"], "due" => [FIRST]).unwrap();
    let mut text = text;
    dates(&mut text, &["due"]);
    let error = one_account(&[FIRST]).payments(&text, &columns).unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
    assert_eq!(message(&error).lines().count(), 1);
}

#[test]
fn what_is_left_out_is_counted_and_bad_values_are_refused() {
    let mut answers = df!(
        "account" => [Some(1_i64), None, Some(1), Some(2)],
        "date" => [Some(FIRST), Some(FIRST), None, Some(FIRST)],
        "score" => [Some(9), Some(9), Some(9), None],
    )
    .unwrap();
    dates(&mut answers, &["date"]);
    let columns = AnswerColumns::new("account", "date", "score");
    let portfolio = one_account(&[FIRST]).answers(&answers, &columns).unwrap();
    let (name, intake) = portfolio.intake()[0];
    assert_eq!(
        (name, intake.rows, intake.accounts, intake.without_account, intake.incomplete),
        ("answers", 4, 1, 1, 2)
    );
    assert!(portfolio.to_string().contains("answers: 4 rows of 1 accounts"));

    for score in [10.5, 11.0, -1.0, f64::NAN] {
        let mut answers = df!("account" => [1_i64], "date" => [FIRST], "score" => [score]).unwrap();
        dates(&mut answers, &["date"]);
        let error = one_account(&[FIRST]).answers(&answers, &columns).unwrap_err();
        assert!(matches!(error, Error::InvalidValue { row: 0, .. }), "{error}");
    }
    let error = one_account(&[FIRST]).answers(&answers, &AnswerColumns::default()).unwrap_err();
    assert!(matches!(&error, Error::MissingColumn { column, .. } if column == "respondent"), "{error}");
    let turned = terms(&[(FIRST, None, Some(FIRST - 1))]);
    let columns = SubscriptionColumns::new("account", "start").ended("ended");
    let error = one_account(&[FIRST]).subscriptions(&turned, &columns).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { .. }), "{error}");
    let mut fewer = terms(&[(FIRST, None, None)]);
    fewer.with_column(Column::new("seats".into(), [-1])).unwrap();
    let columns = SubscriptionColumns::new("account", "start").seats("seats");
    let error = one_account(&[FIRST]).subscriptions(&fewer, &columns).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"seats\", row 0: -1 is fewer seats than none; make it null where they are not known"
    );
    let limits = df!("account" => [1_i64], "limit" => ["seats"], "cap" => [-1]).unwrap();
    let error = one_account(&[FIRST]).limits(&limits, &LimitColumns::new("account", "limit", "cap")).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { .. }), "{error}");
    for outside in [FIRST - 1, LAST + 1] {
        let error = one_account(&[FIRST]).at(day(outside)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "as_of", .. }), "{error}");
    }
    let error = one_account(&[FIRST]).usage(UsageOptions::new(day(FIRST)).recent(0)).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "recent", .. }), "{error}");
}

#[test]
fn limits_with_readings_and_events_counted_against_them() {
    let limits =
        df!("account" => [1_i64, 1, 1], "limit" => ["seats", "exports", "seats"], "cap" => [5, 100, 8]).unwrap();
    let mut limits = limits;
    limits.with_column(Column::new("since".into(), [FIRST, FIRST, FIRST + 30])).unwrap();
    dates(&mut limits, &["since"]);
    let readings =
        df!("account" => [1_i64, 1], "limit" => ["seats", "seats"], "date" => [FIRST + 9, FIRST + 1], "used" => [4, 3]);
    let mut readings = readings.unwrap();
    dates(&mut readings, &["date"]);
    // 19,700 is 2023-12-09, and 19,723 the first of January.
    let exports: Vec<Event> = [FIRST, FIRST + 3, FIRST + 3, 19_723, 19_724]
        .map(|day| Event { account: Some(1), ..log::event(1, day) })
        .to_vec();
    let exports = log::try_ingest(&exports, Mapped { account: true, ..Mapped::NONE }, None).unwrap();
    let portfolio = one_account(&[FIRST])
        .limits(&limits, &LimitColumns::new("account", "limit", "cap").since("since"))
        .and_then(|portfolio| portfolio.readings(&readings, &ReadingColumns::default()))
        .and_then(|portfolio| portfolio.metered("exports", &exports, Some(Period::Month)))
        .unwrap();
    let of = |on: i32| {
        let then = portfolio.at(day(on)).unwrap();
        let limits = then.account(1).unwrap().limits().unwrap();
        limits.iter().map(|limit| (limit.name.to_owned(), limit.cap, limit.readings.clone())).collect::<Vec<_>>()
    };
    let exports_then = vec![(date(2023, 12, 9), 1.0), (date(2023, 12, 12), 3.0)];
    assert_eq!(
        of(FIRST + 3),
        [
            ("exports".to_owned(), 100.0, exports_then.clone()),
            ("seats".to_owned(), 5.0, vec![(date(2023, 12, 10), 3.0)]),
        ]
    );
    let january = [exports_then, vec![(date(2024, 1, 1), 1.0), (date(2024, 1, 2), 2.0)]].concat();
    assert_eq!(of(FIRST + 40)[0].2, january);
    assert_eq!(of(FIRST + 40)[1].1, 8.0);
}

#[test]
fn plans_and_what_they_offer() {
    let plans = df!("plan" => ["pro", "pro", "free", "pro"], "feature" => ["b", "a", "a", "a"]).unwrap();
    let mut terms = df!("account" => [1_i64], "start" => [FIRST], "plan" => ["pro"]).unwrap();
    dates(&mut terms, &["start"]);
    let portfolio = one_account(&[FIRST])
        .subscriptions(&terms, &SubscriptionColumns::new("account", "start").plan("plan"))
        .and_then(|portfolio| portfolio.plans(&plans, &PlanColumns::default()))
        .unwrap();
    let then = portfolio.at(day(FIRST)).unwrap();
    let account = then.account(1).unwrap();
    assert_eq!((account.plan(), account.offered()), (Some("pro"), Some(&["a".to_owned(), "b".to_owned()][..])));
}

#[test]
fn actors_are_accounts_where_none_are_mapped() {
    let users: Vec<Event> = vec![log::event(3, FIRST), log::event(4, FIRST + 1)];
    let activity = Activity::from_frame(&frame(&users), &Mapped::NONE.columns(), &Calendar::utc()).unwrap();
    let portfolio = Portfolio::new(activity.clone()).unwrap();
    assert_eq!(*portfolio.activity(), activity);
    let then = portfolio.at(day(FIRST + 1)).unwrap();
    let account = then.account(3).unwrap();
    assert!(account.people().is_none() && account.person(Id::Int(3)).is_none() && account.contacts().is_none());
    assert_eq!((account.silence(), account.first_active()), (Some(1), Some(day(FIRST))));
    // Who was there on the first day of the observation may have been there before.
    assert_eq!((account.member_since(), then.account(4).unwrap().member_since()), (None, Some(day(FIRST + 1))));
    assert_eq!(portfolio.usage(day(FIRST + 1)).unwrap().of(3).unwrap().recent.people, None);
}
