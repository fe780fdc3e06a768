//! Alerts: every turn by hand, a plain reading of the policy on random findings, and what has to hold of any log.

mod laws;
mod oracle;
mod to_do;

use std::collections::BTreeMap;

use attrition::{
    AlertDesk, AlertPolicy, AlertState, AlertType, CancellationColumns, Error, Judge, Playbook, Portfolio, Result,
    Severity, Signal, Snapshot, Trigger, TriggerSet,
};

use crate::log::{Mapped, day, event, ingest};

/// A trigger that says what stands in a table: `L`, `M` and `H` fire, `-` is not observed, and all else is quiet.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    name: &'static str,
    table: BTreeMap<(i64, i32), char>,
}

impl Told {
    pub(crate) fn new(name: &'static str, rows: &[(i64, &str)]) -> Self {
        let days = |&(account, codes): &(i64, &str)| {
            let codes: Vec<char> = codes.chars().collect();
            (0..).zip(codes).map(move |(day, code)| ((account, day), code)).collect::<Vec<_>>()
        };
        Self { name, table: rows.iter().flat_map(days).collect() }
    }
}

pub(crate) fn severity(code: char) -> Option<Severity> {
    match code {
        'L' => Some(Severity::Low),
        'M' => Some(Severity::Medium),
        'H' => Some(Severity::High),
        _ => None,
    }
}

impl Trigger for Told {
    fn name(&self) -> &str {
        self.name
    }

    fn judge<'a>(&'a self, _: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        Ok(Box::new(|account| {
            let attrition::Id::Int(id) = account.id() else { return Signal::not_observed("id") };
            let code = self.table.get(&(id, account.as_of().days_since_epoch())).copied().unwrap_or('.');
            match severity(code) {
                Some(severity) => Signal::fired(severity).because(|| format!("{} on {}", self.name, account.as_of())),
                None if code == '-' => Signal::not_observed("table"),
                None => Signal::quiet(),
            }
        }))
    }
}

/// Accounts 1 to `accounts`, customers over days 0 to `end`, but for those that cancel on a day.
pub(crate) fn customers(accounts: i64, end: i32, left: &[(i64, i32)]) -> Portfolio {
    use attrition::polars::prelude::*;
    let events: Vec<_> = (1..=accounts).map(|account| event(account, 0)).collect();
    let portfolio = Portfolio::new(ingest(&events, Mapped::NONE, Some((0, end)))).unwrap().lapsed_after(10_000);
    let mut frame = df!(
        "account" => left.iter().map(|row| row.0).collect::<Vec<_>>(),
        "date" => left.iter().map(|row| row.1).collect::<Vec<_>>(),
    )
    .unwrap();
    frame.apply("date", |days| days.cast(&DataType::Date).unwrap()).unwrap();
    portfolio.cancellations(&frame, &CancellationColumns::new("account", "date")).unwrap()
}

/// Alert types of causes and their triggers, in the order of their urgency, with the plan of falling use.
pub(crate) fn playbook(causes: &[(&str, &[&str])]) -> Playbook {
    let standard = Playbook::standard();
    let names: Vec<String> = standard.alert_types().iter().map(|own| own.cause.clone()).collect();
    let empty = names.iter().fold(standard.recommend([]), |playbook, cause| playbook.without(cause));
    causes.iter().zip(0..).fold(empty, |playbook, ((cause, triggers), priority)| {
        playbook.alert_type(AlertType {
            cause: (*cause).to_owned(),
            name: (*cause).to_owned(),
            triggers: triggers.iter().map(|&trigger| trigger.to_owned()).collect(),
            priority,
            plan: "use_falling".to_owned(),
        })
    })
}

pub(crate) fn short() -> AlertPolicy {
    AlertPolicy::new().confirm_days(1).quiet_days(2).cooldown_days(4).escalate_after(5).weekly_cap(None)
}

type Line = (i32, &'static str, &'static str);

/// What a row of codes, a day each, makes of the alert of an account; people act at the end of days.
fn course(policy: AlertPolicy, codes: &str, act: impl Fn(&mut AlertDesk, i32)) -> Vec<Line> {
    let set = TriggerSet::new().with(Told::new("sign", &[(1, codes)]));
    let last = codes.chars().count() as i32;
    let portfolio = customers(1, last, &[]);
    let mut desk = AlertDesk::new(playbook(&[("cause", &["sign"])]), policy).unwrap();
    for today in 0..last {
        desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
        act(&mut desk, today);
    }
    lines(&desk)
}

fn lines(desk: &AlertDesk) -> Vec<Line> {
    desk.changes().map(|change| (change.date.days_since_epoch(), change.to.name(), change.why.name())).collect()
}

fn left_alone(codes: &str) -> Vec<Line> {
    course(short(), codes, |_, _| ())
}

#[test]
fn opening_takes_some_days() {
    assert_eq!(left_alone("M.M.L."), []);
    assert_eq!(left_alone("MM"), [(1, "open", "fired")]);
    assert_eq!(left_alone(".LLMM"), [(4, "open", "fired")]);
    // A day of which nothing is known neither breaks the stretch nor makes it longer.
    assert_eq!(left_alone("M-M-M"), []);
    assert_eq!(left_alone("M-MM"), [(3, "open", "fired")]);
    assert_eq!(course(short().confirm_days(0), "M", |_, _| ()), [(0, "open", "fired")]);
    assert_eq!(course(short().opens(Severity::High), "MMMHH", |_, _| ()), [(4, "open", "fired")]);
    assert_eq!(course(short().opens(Severity::Low), "LL", |_, _| ()), [(1, "open", "fired")]);
}

#[test]
fn cooling_down_coming_back_and_closing() {
    let open = (1, "open", "fired");
    assert_eq!(left_alone("MM.."), [open]);
    let cooled = (4, "cooled_down", "quiet");
    assert_eq!(left_alone("MM..."), [open, cooled]);
    // Four days after it cooled down, as long as it stays quiet; days of which nothing is known do not count.
    assert_eq!(left_alone("MM......."), [open, cooled, (8, "closed", "stayed_quiet")]);
    assert_eq!(left_alone("MM.....--.."), [open, cooled]);
    assert_eq!(left_alone("MM.....--..."), [open, cooled, (11, "closed", "stayed_quiet")]);
    assert_eq!(left_alone("MM.....L."), [open, cooled, (8, "closed", "stayed_quiet")]);
    // What fires for a day brings nothing back, but the quiet days are counted anew; for two days it is the same alert.
    assert_eq!(left_alone("MM.....M......"), [open, cooled]);
    assert_eq!(left_alone("MM.....M......."), [open, cooled, (14, "closed", "stayed_quiet")]);
    assert_eq!(left_alone("MM.....M.MM"), [open, cooled, (10, "open", "fired_again")]);
    assert_eq!(left_alone("MM...MM"), [open, cooled, (6, "open", "fired_again")]);
    assert_eq!(left_alone("MM...HH"), [open, cooled, (6, "escalated", "worse")]);
    // What is weaker than what opens an alert keeps it open, and what is not observed too.
    assert_eq!(left_alone("MM.L.L.L"), [open, (7, "escalated", "unacknowledged")]);
    assert_eq!(left_alone("MM------"), [open]);
    assert_eq!(left_alone("MM.-.-."), [open]);
    assert_eq!(left_alone("MM..-."), [open]);
    assert_eq!(left_alone("MM..-.."), [open, (6, "cooled_down", "quiet")]);
    // After it was closed a new one opens.
    let again = left_alone("MM.......MM");
    assert_eq!(again.last(), Some(&(10, "open", "fired")));
    assert_eq!(
        course(short().cooldown_days(0).quiet_days(0), "MM...", |_, _| ())[1..],
        [(2, "cooled_down", "quiet"), (3, "closed", "stayed_quiet")]
    );
}

#[test]
fn escalation() {
    assert_eq!(left_alone("MMH"), [(1, "open", "fired"), (2, "escalated", "worse")]);
    assert_eq!(left_alone("MMMMMMM"), [(1, "open", "fired"), (6, "escalated", "unacknowledged")]);
    assert_eq!(course(short().escalate_after(None), "MMMMMMMMM", |_, _| ()), [(1, "open", "fired")]);
    // It never gets better than it was, and it gets worse once more.
    let policy = short().opens(Severity::Low);
    assert_eq!(
        course(policy, "LLMLMHMH", |_, _| ()),
        [(1, "open", "fired"), (2, "escalated", "worse"), (5, "escalated", "worse")]
    );
    let acknowledge = |desk: &mut AlertDesk, today| {
        if today == 1 {
            desk.acknowledge(1, "cause", day(today), "ann").unwrap();
        }
    };
    assert_eq!(
        course(short(), "MMMMMMMMMH", acknowledge),
        [(1, "open", "fired"), (1, "acknowledged", "acknowledged"), (9, "escalated", "worse")]
    );
    assert_eq!(
        course(short(), "MM...MM", acknowledge)[2..],
        [(4, "cooled_down", "quiet"), (6, "acknowledged", "fired_again")]
    );
}

#[test]
fn people_snooze() {
    let snooze = |desk: &mut AlertDesk, today| {
        if today == 1 {
            desk.snooze(1, "cause", day(today), day(4), "ann").unwrap();
        }
    };
    let begun = [(1, "open", "fired"), (1, "snoozed", "snoozed")];
    assert_eq!(course(short(), "MMMMM", snooze), [begun[0], begun[1], (4, "open", "snooze_over")]);
    assert_eq!(course(short(), "MMM-----", snooze)[2..], [(4, "open", "snooze_over")]);
    assert_eq!(course(short(), "MMHMM", snooze), [begun[0], begun[1], (2, "escalated", "worse")]);
    assert_eq!(course(short(), "MM...MM", snooze)[2..], [(4, "cooled_down", "quiet"), (6, "open", "fired_again")]);
}

#[test]
fn what_was_closed_stays_closed() {
    let close = |reason: &'static str| {
        move |desk: &mut AlertDesk, today| {
            if today == 2 {
                desk.close(1, "cause", day(today), reason, "ann").unwrap();
            }
        }
    };
    let begun = [(1, "open", "fired"), (2, "closed", "decided")];
    // Resolved and still firing is news after four days.
    assert_eq!(course(short(), "MMMMMMM", close("resolved")), [begun[0], begun[1], (6, "open", "fired")]);
    assert_eq!(course(short(), "MMMMMM", close("resolved")), begun);
    // An alarm that was false is no news before it was quiet.
    assert_eq!(course(short(), "MMMMMMMMMMMM", close("false_alarm")), begun);
    assert_eq!(course(short(), "MMMM...MM", close("false_alarm"))[2..], [(8, "open", "fired")]);
    assert_eq!(course(short(), "MMM...MMM", close("false_alarm"))[2..], [(7, "open", "fired")]);
    assert_eq!(course(short(), "MMM...MMM", close("false_alarm")).len(), 3);
    // But for what is worse.
    assert_eq!(course(short(), "MMMHH", close("false_alarm"))[2..], [(4, "open", "fired")]);
    assert_eq!(course(short(), "MMMHM", close("false_alarm")), begun);
}

#[test]
fn whoever_leaves_is_not_resolved() {
    let set = || TriggerSet::new().with(Told::new("sign", &[(1, "MMMMMMMM"), (2, "MMMMMMMM"), (3, "M")]));
    let portfolio = customers(3, 20, &[(1, 4), (3, 2)]);
    let mut desk = AlertDesk::new(playbook(&[("cause", &["sign"])]), short()).unwrap();
    for today in 0..6 {
        desk.advance(&portfolio.triggers(day(today), set()).unwrap()).unwrap();
    }
    let closed = desk.of_account(1).next().unwrap();
    assert_eq!((closed.state, closed.since, closed.reason.unwrap().key.as_str()), (AlertState::Closed, day(4), "left"));
    assert_eq!(desk.open().len(), 1);
    assert_eq!(desk.of_account(3).count(), 0);
    // Of an account that nobody knows nothing is observed.
    let others = customers(1, 20, &[]);
    for today in 6..20 {
        desk.advance(&others.triggers(day(today), set()).unwrap()).unwrap();
    }
    assert_eq!(desk.of_account(2).next().unwrap().state, AlertState::Open);
}

#[test]
fn several_triggers_are_one_cause() {
    let told = |left: &str, right: &str, last: i32| {
        let set = TriggerSet::new().with(Told::new("left", &[(1, left)])).with(Told::new("right", &[(1, right)]));
        let portfolio = customers(1, last, &[]);
        let mut desk = AlertDesk::new(playbook(&[("cause", &["left", "right"])]), short()).unwrap();
        for today in 0..last {
            desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
        }
        desk
    };
    let desk = told("M.MHM", ".M.H.", 5);
    assert_eq!(lines(&desk), [(1, "open", "fired"), (3, "escalated", "worse")]);
    let alert = desk.alerts().next().unwrap();
    assert_eq!((alert.triggers.clone(), alert.sentence), (vec!["left", "right"], Some("left on 1970-01-04")));
    // One that fires later and no worse is of it too, and the alert says so.
    let desk = told("MMMMM", "...M.", 5);
    assert_eq!(desk.alerts().next().unwrap().triggers, ["left", "right"]);
    // One that raised it is not observed any more, so that nobody knows whether it is over.
    assert_eq!(lines(&told("MM-----", ".......", 7)), [(1, "open", "fired")]);
    // One that never had a part in it does not matter.
    assert_eq!(lines(&told("MM...", "-----", 5))[1..], [(4, "cooled_down", "quiet")]);
}

/// An alert whose trigger is not asked any more could never end: that is refused, and the desk is as it was.
#[test]
fn triggers_of_live_alerts_are_asked() {
    let portfolio = customers(2, 20, &[(2, 9)]);
    let asked = || TriggerSet::new().with(Told::new("engagement_gap", &[(1, "MMMM"), (2, "MMMMMMMMMMMMM")]));
    let other = || TriggerSet::new().with(Told::new("payment_trouble", &[]));
    let mut desk = AlertDesk::new(playbook(&[("cause", &["engagement_gap", "payment_trouble"])]), short()).unwrap();
    for today in 0..4 {
        desk.advance(&portfolio.triggers(day(today), asked()).unwrap()).unwrap();
    }
    let before = desk.clone();
    let error = desk.advance(&portfolio.triggers(day(4), other()).unwrap()).unwrap_err().to_string();
    assert!(
        error.contains("\"engagement_gap\" of the alert \"cause\" of 1") && error.contains("add the trigger"),
        "{error}"
    );
    assert!(desk.catch_up(&portfolio, other(), day(6), 1).is_err());
    assert_eq!(desk, before);
    desk.close(1, "cause", day(4), "resolved", "ann").unwrap();
    let error = desk.advance(&portfolio.triggers(day(8), other()).unwrap()).unwrap_err().to_string();
    assert!(error.contains("of 2"), "{error}");
    // The other one leaves, which closes its alert.
    desk.advance(&portfolio.triggers(day(9), other()).unwrap()).unwrap();
    assert_eq!(desk.alerts().filter(|alert| alert.state == AlertState::Closed).count(), 2);
}

#[test]
fn the_week_has_room_for_so_many() {
    // Accounts 1 to 4 from day 0 on, the last ones worse; 2 stops while it waits.
    let rows = [(1, "MMMMMMMMMMMMMMMMMMMM"), (2, "MMMMM"), (3, "HHHHHHHHHHHHHHHHHHHH"), (4, ".....HHHHHHHHHHHHHHH")];
    let set = TriggerSet::new().with(Told::new("sign", &rows));
    let portfolio = customers(4, 20, &[]);
    let policy = short().weekly_cap(1).escalate_after(None);
    let mut desk = AlertDesk::new(playbook(&[("cause", &["sign"])]), policy).unwrap();
    for today in 0..16 {
        desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
    }
    let log: Vec<_> = desk
        .changes()
        .map(|change| (change.date.days_since_epoch(), change.account.to_string(), change.to.name(), change.why.name()))
        .collect();
    let line = |day, account: &str, to, why| (day, account.to_owned(), to, why);
    assert_eq!(
        log,
        [
            line(1, "3", "open", "fired"),
            line(1, "1", "held", "week_full"),
            line(1, "2", "held", "week_full"),
            line(6, "4", "held", "week_full"),
            line(7, "2", "cooled_down", "quiet"),
            line(8, "4", "open", "fired"),
            line(11, "2", "closed", "stayed_quiet"),
            line(15, "1", "open", "fired"),
        ]
    );
    assert_eq!(desk.held().len(), 0);
    assert_eq!(desk.of_account(2).next().unwrap().reason.unwrap().key, "faded");
    assert_eq!(desk.of_account(2).next().unwrap().opened, None);
}

/// What waits is in the order of its urgency as of the last date, and not as of the one on which it was held.
#[test]
fn what_is_held_is_as_urgent_as_it_is_today() {
    use attrition::polars::prelude::*;
    let terms = df!("account" => [1_i64, 2, 3, 3], "start" => [0, 0, 0, 4], "value" => [900.0, 5.0, 1.0, 50.0]);
    let mut terms = terms.unwrap();
    terms.apply("start", |days| days.cast(&DataType::Date).unwrap()).unwrap();
    let columns = attrition::SubscriptionColumns::new("account", "start").value("value");
    let portfolio = customers(3, 20, &[]).subscriptions(&terms, &columns).unwrap();
    let set = TriggerSet::new().with(Told::new("sign", &[(1, "MMMMMMM"), (2, "MMMMMMM"), (3, "MMMMMMM")]));
    let mut desk = AlertDesk::new(playbook(&[("cause", &["sign"])]), short().weekly_cap(1)).unwrap();
    for (today, expected) in [(1, [(2, 5.0), (3, 1.0)]), (4, [(3, 51.0), (2, 5.0)])] {
        while desk.as_of() < Some(day(today)) {
            let next = desk.as_of().map_or(day(0), |last| last + 1);
            desk.advance(&portfolio.triggers(next, set.clone()).unwrap()).unwrap();
        }
        let held: Vec<_> = desk.held().iter().map(|alert| (alert.account, alert.recurring_value)).collect();
        assert_eq!(held, expected.map(|(account, value)| (attrition::Id::Int(account), Some(value))));
    }
}

#[test]
fn what_cannot_be() {
    let portfolio = customers(2, 20, &[]);
    let set = || TriggerSet::new().with(Told::new("sign", &[(1, "MMMMMM")]));
    let mut desk = AlertDesk::new(playbook(&[("cause", &["sign"])]), short()).unwrap();
    for today in 0..3 {
        desk.advance(&portfolio.triggers(day(today), set()).unwrap()).unwrap();
    }
    let before = desk.clone();
    let option = |result: Result<()>| match result {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    for today in [1, 2] {
        let findings = portfolio.triggers(day(today), set()).unwrap();
        assert_eq!(option(desk.advance(&findings).map(|_| ())), "date");
    }
    let other = TriggerSet::new().with(Told::new("other", &[]));
    assert_eq!(option(desk.advance(&portfolio.triggers(day(5), other).unwrap()).map(|_| ())), "trigger");
    assert_eq!(option(desk.acknowledge(2, "cause", day(3), "ann")), "account");
    assert_eq!(option(desk.acknowledge(1, "other", day(3), "ann")), "account");
    assert_eq!(option(desk.acknowledge("acme", "cause", day(3), "ann")), "account");
    for today in [1, 34] {
        assert_eq!(option(desk.acknowledge(1, "cause", day(today), "ann")), "date");
        assert_eq!(option(desk.snooze(1, "cause", day(today), day(60), "ann")), "date");
        assert_eq!(option(desk.close(1, "cause", day(today), "resolved", "ann")), "date");
        assert_eq!(option(desk.complete(1, "cause", 0, day(today), "ann")), "date");
    }
    assert_eq!(option(desk.snooze(1, "cause", day(3), day(3), "ann")), "until");
    assert_eq!(option(desk.close(1, "cause", day(3), "boredom", "ann")), "reason");
    assert_eq!(option(desk.complete(1, "cause", 3, day(3), "ann")), "step");
    assert_eq!(desk, before);
    desk.complete(1, "cause", 0, day(3), "ann").unwrap();
    assert_eq!(option(desk.complete(1, "cause", 0, day(3), "ann")), "step");
    desk.acknowledge(1, "cause", day(3), "ann").unwrap();
    assert_eq!(option(desk.acknowledge(1, "cause", day(3), "ann")), "state");
    // Findings of the day on which somebody acted may still come.
    desk.advance(&portfolio.triggers(day(3), set()).unwrap()).unwrap();
    assert_eq!(desk.open()[0].owner, Some("ann"));

    for policy in [
        AlertPolicy::new().confirm_days(40_000),
        AlertPolicy::new().quiet_days(40_000),
        AlertPolicy::new().cooldown_days(40_000),
        AlertPolicy::new().escalate_after(0),
        AlertPolicy::new().weekly_cap(0),
    ] {
        assert!(AlertDesk::new(Playbook::standard(), policy).is_err(), "{policy:?}");
    }
}

#[test]
fn accounts_that_come_later_change_no_numbers() {
    // Strings, of which the later one comes first.
    let set = TriggerSet::new().with(Told::new("sign", &[(5, "MMMM"), (1, "..MM"), (9, "...MM")]));
    let portfolio = customers(9, 20, &[]);
    let mut desk = AlertDesk::new(playbook(&[("cause", &["sign"])]), short()).unwrap();
    for today in 0..5 {
        desk.advance(&portfolio.triggers(day(today), set.clone()).unwrap()).unwrap();
    }
    let log: Vec<_> = desk.changes().map(|change| (change.account.to_string(), change.alert)).collect();
    assert_eq!(log, [("5".to_owned(), 0), ("1".to_owned(), 1), ("9".to_owned(), 2)]);
    assert_eq!(
        desk.to_frame().unwrap().column("account").unwrap().i64().unwrap().to_vec(),
        [Some(5), Some(1), Some(9)]
    );
    assert_eq!(desk.changes_to_frame().unwrap().height(), 3);
    assert!(desk.to_string().contains("3 alerts of 3 accounts up to 1970-01-05"), "{desk}");
}
