//! Tickets against the posterior predictive distribution of a gamma-Poisson model, and by rule.

use attrition::polars::prelude::*;
use attrition::{
    Cause, Error, Findings, Growth, Onset, Planted, Portfolio, Severity, SimulationOptions, SpikeRules, State,
    SubscriptionColumns, SupportSpike, TicketColumns, TriggerSet, date,
};
use proptest::prelude::*;

use crate::company::{ask, assert_blind_to_the_future, company, portfolio, struck};
use crate::customers::{Chance, assert_calibrated, p_values};
use crate::log::{Event, Mapped, day, event, ingest};

/// Account, opened, severity, closed.
type Row = (i64, i32, i64, Option<i32>);

fn dated(mut frame: DataFrame, columns: &[&str]) -> DataFrame {
    for column in columns {
        frame.apply(column, |days| days.cast(&DataType::Date).unwrap()).unwrap();
    }
    frame
}

/// Accounts with a subscription from day 0 or later, and their tickets.
fn with_tickets(starts: &[i32], rows: &[Row], last: i32) -> Portfolio {
    let events: Vec<Event> = vec![event(0, last)];
    let accounts: Vec<i64> = (0..starts.len() as i64).collect();
    let terms = dated(df!("account" => accounts, "start" => starts).unwrap(), &["start"]);
    let tickets = df!(
        "account" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "opened" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "severity" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "closed" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
    );
    let tickets = dated(tickets.unwrap(), &["opened", "closed"]);
    Portfolio::new(ingest(&events, Mapped::NONE, Some((0, last))))
        .unwrap()
        .subscriptions(&terms, &SubscriptionColumns::new("account", "start"))
        .unwrap()
        .tickets(&tickets, &TicketColumns::default())
        .unwrap()
}

fn test_only() -> SupportSpike {
    SupportSpike::new().rules(SpikeRules::Left)
}

#[test]
fn rules() {
    let of = |rows: &[Row], account: i64| {
        let found = ask(&with_tickets(&[0, 0], rows, 300), day(300), SupportSpike::new());
        let finding = found.of(account).next().unwrap();
        (finding.state, finding.severity, finding.since, finding.sentence.map(str::to_owned))
    };
    // Three within two days; on three days they are three.
    let (state, severity, since, sentence) = of(&[(1, 290, 3, None), (1, 290, 3, None), (1, 291, 3, None)], 1);
    assert_eq!((state, severity, since), (State::Fired, Some(Severity::High), Some(day(290))));
    let expected = "3 tickets or more within two days from 1970-10-18 on, 3 in the last 14 days: find out what is wrong and say so";
    assert_eq!(sentence.as_deref(), Some(expected));
    assert_eq!(of(&[(1, 290, 3, None), (1, 290, 3, None), (1, 292, 3, None)], 1).0, State::NotObserved);
    assert_eq!(of(&[(1, 285, 3, None), (1, 286, 3, None), (1, 286, 3, None)], 1).0, State::NotObserved);
    // One of severity 1 that was open for 7, 8 and 14 days, and one that will be closed tomorrow.
    for (opened, closed, expected) in [
        (293, None, None),
        (292, None, Some(Severity::Medium)),
        (286, None, Some(Severity::High)),
        (286, Some(301), Some(Severity::High)),
        (286, Some(300), None),
    ] {
        let (_, severity, since, _) = of(&[(0, opened, 1, closed)], 0);
        assert_eq!((severity, since), (expected, expected.map(|_| day(opened))), "{opened} {closed:?}");
    }
    assert_eq!(of(&[(0, 200, 2, None)], 0).0, State::Quiet);
    // Whoever asks every day has three tickets within two days as a rule.
    let daily: Vec<Row> = (0..=300).flat_map(|day| [(0, day, 3, Some(day)); 2]).collect();
    assert_eq!(of(&daily, 0).0, State::Quiet);
    let found = ask(&with_tickets(&[0], &[(0, 290, 1, None)], 300), day(300), test_only());
    assert_eq!(found.iter().next().unwrap().missing, Some("history"));
}

/// Probabilities of so many tickets, one after the other, of a negative binomial with a mean and a variance.
fn negative_binomial(mean: f64, variance: f64, counts: usize) -> Vec<f64> {
    let mut all = Vec::with_capacity(counts);
    if variance - mean < 1e-9 * mean {
        let mut term = (-mean).exp();
        for count in 1..=counts {
            all.push(term);
            term *= mean / count as f64;
        }
        return all;
    }
    let size = mean * mean / (variance - mean);
    let mut term = (size / (size + mean)).powf(size);
    for count in 0..counts {
        all.push(term);
        term *= (count as f64 + size) / (count as f64 + 1.0) * (mean / (size + mean));
    }
    all
}

/// The number of days before the recent ones, and the tickets in them.
type Known = (i32, Vec<i32>);

/// Observed, expected and p-value of each account, by the formulas; nothing where there is no history.
fn naive(starts: &[i32], rows: &[Row], as_of: i32, recent: i32, before: i32) -> Vec<Option<(f64, f64, f64)>> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.1 <= as_of && starts[row.0 as usize] <= as_of).collect();
    let Some(table) = rows.iter().map(|row| row.1).min() else { return vec![None; starts.len()] };
    let split = as_of - recent;
    let known: Vec<Option<Known>> = (0..starts.len() as i64)
        .map(|account| {
            let own: Vec<i32> = rows.iter().filter(|row| row.0 == account).map(|row| row.1).collect();
            let begins = starts[account as usize].min(own.iter().copied().min().unwrap_or(i32::MAX));
            let begins = begins.max(table).max(split - before + 1);
            let days = split - begins + 1;
            (days >= 28).then(|| (days, own.into_iter().filter(|&day| day >= begins && day <= split).collect()))
        })
        .collect();
    let all: Vec<&Known> = known.iter().flatten().collect();
    type Own = (i32, Vec<i32>);
    let sum = |of: &dyn Fn(&Own) -> f64| all.iter().map(|account| of(account)).sum::<f64>();
    let tickets = sum(&|account| account.1.len() as f64);
    if tickets == 0.0 {
        return vec![None; starts.len()];
    }
    let mean = tickets / sum(&|account| f64::from(account.0));
    let counts = |account: &Known| -> Vec<f64> {
        let stretches = (account.0 / recent).min(40);
        if stretches < 2 {
            return Vec::new();
        }
        let of = |place: i32| account.1.iter().filter(|&&day| (split - day) / recent == place).count() as f64;
        (0..stretches).map(of).collect()
    };
    let average = |counts: &[f64]| counts.iter().sum::<f64>() / counts.len().max(1) as f64;
    let within = sum(&|account| {
        let counts = counts(account);
        let mean = average(&counts);
        counts.iter().map(|count| (count - mean).powi(2)).sum()
    });
    let usual = sum(&|account| {
        let counts = counts(account);
        if counts.is_empty() { 0.0 } else { average(&counts) * (counts.len() - 1) as f64 }
    });
    let cluster = if usual > 0.0 { (within / usual).max(1.0) } else { 1.0 };
    let spread = sum(&|account| (account.1.len() as f64 - mean * f64::from(account.0)).powi(2));
    let variance = ((spread - cluster * tickets) / sum(&|account| f64::from(account.0).powi(2))).max(0.0);
    let judge = |(account, known): (i64, &Option<Known>)| {
        let (days, own) = known.as_ref()?;
        let x = rows.iter().filter(|row| row.0 == account && row.1 > split).count();
        let (expected, spread) = if variance < 1e-300 {
            (f64::from(recent) * mean, 0.0)
        } else {
            let shape = mean * mean / variance + own.len() as f64 / cluster;
            let rate = shape / (mean / variance + f64::from(*days) / cluster);
            (f64::from(recent) * rate, (f64::from(recent) * rate).powi(2) / shape)
        };
        let shares = negative_binomial(expected, cluster * expected + spread, x + 1);
        Some((x as f64, expected, 1.0 - shares[..x].iter().sum::<f64>() - shares[x] / 2.0))
    };
    (0..).zip(&known).map(judge).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn oracle(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let accounts = [1, 3, 20][chance.below(3) as usize];
        let starts: Vec<i32> = (0..accounts).map(|_| if chance.happens(0.5) { 0 } else { chance.below(120) }).collect();
        let mut rows: Vec<Row> = Vec::new();
        for account in 0..accounts {
            let (rate, at_once) = (0.2 * chance.uniform() * chance.uniform(), 1 + chance.below(3));
            for day in starts[account as usize]..150 {
                for _ in 0..chance.poisson(rate / f64::from(at_once)) * at_once {
                    let closed = chance.happens(0.6).then(|| day + chance.below(20));
                    rows.push((i64::from(account), day, 1 + i64::from(chance.below(3)), closed));
                }
            }
        }
        let as_of = 110 + chance.below(40);
        let trigger = || test_only().recent(10).before(60);
        let found = ask(&with_tickets(&starts, &rows, 149), day(as_of), trigger());
        for (account, expected) in (0_i64..).zip(naive(&starts, &rows, as_of, 10, 60)) {
            let Some(finding) = found.of(account).next() else { continue };
            let Some((observed, expected, p_value)) = expected else {
                prop_assert_eq!(finding.missing, Some("history"));
                continue;
            };
            let near = |got: f64, expected: f64| (got - expected).abs() < 1e-6;
            prop_assert_eq!(finding.observed, Some(observed));
            prop_assert!(near(finding.expected.unwrap(), expected), "{:?} {}", finding.expected, expected);
            prop_assert!(near(finding.p_value.unwrap(), p_value), "{:?} {}", finding.p_value, p_value);
        }
        // What is opened or closed later makes no difference, nor does the order of rows.
        let past = rows.iter().filter(|row| row.1 <= as_of);
        let mut past: Vec<Row> =
            past.map(|&(account, opened, severity, closed)| (account, opened, severity, closed.filter(|&day| day <= as_of))).collect();
        past.reverse();
        for trigger in [trigger(), trigger().rules(SpikeRules::Asked)] {
            let all = |rows: &[Row], last| -> Findings { ask(&with_tickets(&starts, rows, last), day(as_of), trigger.clone()) };
            prop_assert!(all(&past, 149).to_frame().unwrap().equals_missing(&all(&rows, 149).to_frame().unwrap()));
        }
    }
}

/// Accounts whose rates differ and do not change, and that open so many tickets at once.
fn steady(seed: u64, accounts: i64, at_once: i32) -> Vec<Row> {
    let mut chance = Chance::new(seed);
    let mut rows = Vec::new();
    for account in 0..accounts {
        let rate = 0.06 * chance.gamma(2);
        for day in 0..250 {
            for _ in 0..chance.poisson(rate / f64::from(at_once)) * at_once {
                rows.push((account, day, 3, Some(day)));
            }
        }
    }
    rows
}

#[test]
fn calibrated() {
    for (at_once, what) in [(1, "single"), (2, "in pairs")] {
        let found = ask(&with_tickets(&[0; 4_000], &steady(7, 4_000, at_once), 249), day(249), test_only());
        let fired = found.fired().len();
        assert!(fired <= 3, "{what}: {fired}");
        if at_once == 1 {
            assert_calibrated(&p_values(&found), what);
        } else {
            // Counts of pairs are 0, 2, 4: what lies between is not met. The tails are no heavier than they should be.
            for level in [0.01, 0.05, 0.1] {
                let share = crate::customers::found(&p_values(&found), level);
                assert!(share < 1.3 * level, "{what}: {share} at {level}");
            }
        }
    }
}

#[test]
fn power() {
    let mut rows = steady(8, 2_000, 1);
    let mut chance = Chance::new(8);
    for account in 0..100 {
        for day in 236..250 {
            rows.extend((0..chance.poisson(0.4)).map(|_| (account, day, 3, Some(day))));
        }
    }
    let found = ask(&with_tickets(&[0; 2_000], &rows, 249), day(249), test_only());
    let fired: Vec<_> = found.fired().collect();
    let hits = fired.iter().filter(|finding| finding.account < attrition::Id::Int(100)).count();
    assert!(hits >= 40 && fired.len() - hits <= 8, "{hits} {}", fired.len());
    let finding = &fired[0];
    assert!(finding.sentence.unwrap().ends_with(" were to be expected: ask what troubles them"), "{finding:?}");
    assert!(finding.statistic.unwrap() >= 2.0 && finding.since.unwrap() >= day(236));
}

#[test]
fn simulated_companies() {
    let of = |causes: &[Planted]| {
        let options = SimulationOptions::new(1_500, 4).days(400).growth(Growth::Settled).monthly_hazard(0.0);
        company(options.causes(causes.iter().copied()))
    };
    let as_of = date(2025, 1, 31);
    let found = ask(&portfolio(&of(&[]), None), as_of, test_only());
    assert_calibrated(&p_values(&found), "simulated");
    let trouble = Planted::new(Cause::SupportTrouble, 0.1, 1.0).onset(Onset::On(date(2025, 1, 18))).hazard_ratio(1.0);
    let company = of(&[trouble.over(0)]);
    let found = ask(&portfolio(&company, None), as_of, SupportSpike::new());
    let truth = struck(&company);
    let fired = found.fired().count();
    let hits = truth.iter().filter(|&&account| found.of(account).any(|finding| finding.state == State::Fired)).count();
    assert!(hits as f64 > 0.1 * truth.len() as f64 && fired - hits <= 6, "{hits} of {}, {fired}", truth.len());
    assert_blind_to_the_future(&company, date(2025, 1, 22), SupportSpike::new());
}

#[test]
fn edges() {
    // No table; a table without rows; tickets of an account that is none else.
    let activity = || Portfolio::new(ingest(&[event(1, 5)], Mapped::NONE, Some((0, 50)))).unwrap();
    let missing = |portfolio: &Portfolio, as_of| {
        let found = ask(portfolio, day(as_of), SupportSpike::new());
        found.iter().map(|finding| (finding.state, finding.missing.map(str::to_owned))).collect::<Vec<_>>()
    };
    let not_observed = |what: &str| vec![(State::NotObserved, Some(what.to_owned()))];
    assert_eq!(missing(&activity(), 50), not_observed("tickets"));
    let none = dated(df!("account" => [0_i64; 0], "opened" => [0_i32; 0]).unwrap(), &["opened"]);
    let none = activity().tickets(&none, &TicketColumns::new("account", "opened")).unwrap();
    assert_eq!(missing(&none, 50), not_observed("history"));
    let other = dated(df!("account" => [9_i64], "opened" => [3]).unwrap(), &["opened"]);
    let other = activity().tickets(&other, &TicketColumns::new("account", "opened")).unwrap();
    assert_eq!(missing(&other, 50), not_observed("history"));
    // The table is known from day 100 on: 28 days of it lie before the last 14 on day 141.
    let rows: Vec<Row> = vec![(0, 100, 3, None)];
    assert_eq!(missing(&with_tickets(&[0], &rows, 200), 140), not_observed("history"));
    assert_eq!(missing(&with_tickets(&[0], &rows, 200), 141), [(State::Quiet, None)]);
    let rows: Vec<Row> = vec![(0, -400, 3, None), (0, -390, 3, None)];
    assert_eq!(missing(&with_tickets(&[-400], &rows, 0), 0), not_observed("history"));
    // 1969: one ticket a week, and none lately.
    let rows: Vec<Row> = (0..20).map(|week| (0, -200 + 7 * week, 3, None)).collect();
    assert_eq!(missing(&with_tickets(&[-400], &rows, 0), 0), [(State::Quiet, None)]);
}

#[test]
fn options() {
    let portfolio = with_tickets(&[0], &[], 100);
    for (trigger, name) in [
        (SupportSpike::new().recent(1), "recent"),
        (SupportSpike::new().recent(91), "recent"),
        (SupportSpike::new().before(27), "before"),
        (SupportSpike::new().before(u32::MAX), "before"),
    ] {
        let error = portfolio.triggers(day(100), TriggerSet::new().with(trigger)).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
    let trigger = test_only().recent(30);
    let stored = serde_json::to_string(&trigger).unwrap();
    assert_eq!(serde_json::from_str::<SupportSpike>(&stored).unwrap(), trigger);
}
