//! The simulated company: made again from its seed, in parts or whole, and as its truth says.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Cause, Company, Date, Error, EventColumns, Growth, Onset, Planted, Seasonality,
    SimulationOptions, date,
};

use super::log::message;

const DAY: i64 = 86_400_000;
const MONTH: f64 = 365.25 / 12.0;
const STRUCK: (i16, i8, i8) = (2024, 10, 9);

fn simulate(options: SimulationOptions) -> Company {
    Company::simulate(options).unwrap()
}

fn struck_on() -> Date {
    let (year, month, day) = STRUCK;
    date(year, month, day)
}

fn frames(company: &Company) -> Vec<(&'static str, DataFrame)> {
    let frames = [
        ("events", company.events()),
        ("contacts", company.contacts()),
        ("limits", company.limits()),
        ("readings", company.readings()),
        ("answers", company.answers()),
        ("plans", company.plans()),
        ("subscriptions", company.subscriptions()),
        ("tickets", company.tickets()),
        ("payments", company.payments()),
        ("cancellations", company.cancellations()),
        ("truth", company.truth()),
    ];
    frames.map(|(name, frame)| (name, frame.unwrap())).into()
}

fn ints(frame: &DataFrame, column: &str) -> Vec<i64> {
    frame.column(column).unwrap().i64().unwrap().into_no_null_iter().collect()
}

fn floats(frame: &DataFrame, column: &str) -> Vec<f64> {
    frame.column(column).unwrap().f64().unwrap().into_no_null_iter().collect()
}

fn texts(frame: &DataFrame, column: &str) -> Vec<Option<String>> {
    frame.column(column).unwrap().str().unwrap().iter().map(|text| text.map(str::to_owned)).collect()
}

fn dates(frame: &DataFrame, column: &str) -> Vec<Option<Date>> {
    let column = frame.column(column).unwrap();
    assert_eq!(column.dtype(), &DataType::Date);
    let days = column.to_physical_repr();
    days.i32().unwrap().iter().map(|day| day.map(|day| Date::from_days_since_epoch(day).unwrap())).collect()
}

/// Days of dates that are all there.
fn days(frame: &DataFrame, column: &str) -> Vec<Date> {
    dates(frame, column).into_iter().map(Option::unwrap).collect()
}

/// User, account, day and feature of every event.
fn events(frame: &DataFrame) -> Vec<(i64, i64, Date, String)> {
    let times = frame.column("time").unwrap();
    assert_eq!(times.dtype(), &DataType::Datetime(TimeUnit::Milliseconds, None));
    let times = times.to_physical_repr();
    let day = |time: i64| Date::from_days_since_epoch(i32::try_from(time.div_euclid(DAY)).unwrap()).unwrap();
    let times = times.i64().unwrap().into_no_null_iter().map(day);
    let (users, accounts, features) = (ints(frame, "user"), ints(frame, "account"), texts(frame, "feature"));
    let rows = users.into_iter().zip(accounts).zip(times).zip(features);
    rows.map(|(((user, account), day), feature)| (user, account, day, feature.unwrap())).collect()
}

fn of_accounts(frame: &DataFrame, accounts: i64) -> DataFrame {
    frame.clone().lazy().filter(col("account").lt(lit(accounts))).collect().unwrap()
}

fn assert_same(left: &DataFrame, right: &DataFrame, what: &str) {
    assert_eq!(left.schema(), right.schema(), "{what}");
    assert!(left.equals_missing(right), "{what}: {left} {right}");
}

/// Fowler, Noll and Vo's hash (1a) of everything in a frame; floats to six digits.
fn digest(frame: &DataFrame) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut take = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    };
    for column in frame.columns() {
        take(&format!("{} {}", column.name(), column.dtype()));
        let column = column.to_physical_repr();
        for row in 0..column.len() {
            match column.get(row).unwrap() {
                AnyValue::Float64(value) => take(&format!("{value:.6}")),
                value => take(&value.to_string()),
            }
        }
    }
    hash
}

/// All accounts struck on one day and at once; nobody leaves.
fn struck(accounts: usize, cause: Cause, effect: f64) -> SimulationOptions {
    steady(accounts).causes([Planted::new(cause, 1.0, effect).over(0).onset(Onset::On(struck_on()))])
}

/// Nothing happens, and nobody leaves.
fn steady(accounts: usize) -> SimulationOptions {
    SimulationOptions::new(accounts, 11).causes([]).growth(Growth::Settled).monthly_hazard(0.0)
}

#[test]
fn the_seed_decides_everything() {
    let company = simulate(SimulationOptions::new(60, 42).days(400).monthly_hazard(0.05));
    let found: Vec<(&str, usize, u64)> =
        frames(&company).iter().map(|(name, frame)| (*name, frame.height(), digest(frame))).collect();
    let expected = [
        ("events", 40_980, 14_696_565_888_150_218_354),
        ("contacts", 191, 8_532_565_539_793_320_927),
        ("limits", 104, 1_519_136_381_544_605_812),
        ("readings", 3_290, 8_357_419_818_597_746_563),
        ("answers", 258, 5_303_074_100_398_442_310),
        ("plans", 66, 14_451_676_722_473_672_614),
        ("subscriptions", 294, 1_154_487_439_019_096_018),
        ("tickets", 283, 23_819_266_782_716_106),
        ("payments", 421, 11_717_609_269_783_191_462),
        ("cancellations", 35, 14_139_014_256_454_807_597),
        ("truth", 60, 15_247_209_146_395_132_060),
    ];
    assert_eq!(found, expected);
    let other = simulate(SimulationOptions::new(60, 43).days(400).monthly_hazard(0.05));
    for ((name, frame), (_, other)) in frames(&company).iter().zip(frames(&other)) {
        assert_eq!(frame.equals_missing(&other), *name == "plans", "{name}");
    }
}

#[test]
fn an_account_is_the_same_in_any_company_and_any_part() {
    let options = |accounts| SimulationOptions::new(accounts, 3).days(200).monthly_hazard(0.1);
    let (small, large) = (simulate(options(20)), simulate(options(45)));
    for ((name, frame), (_, larger)) in frames(&small).iter().zip(frames(&large)) {
        let larger = if *name == "plans" { larger } else { of_accounts(&larger, 20) };
        assert_same(frame, &larger, name);
    }
    let mut parts = large.events_of(0..1).unwrap();
    for part in [1..1, 1..30, 30..45] {
        parts.vstack_mut(&large.events_of(part).unwrap()).unwrap();
    }
    let whole = large.events().unwrap();
    assert_same(&parts, &whole, "events");

    let columns = EventColumns::new("user", "time").account("account").feature("feature");
    let mut builder =
        Activity::builder(&columns, &Calendar::utc()).observed_from(large.observed_from()).as_of(large.as_of());
    builder.push(&whole).unwrap();
    assert_eq!(builder.finish().unwrap(), large.activity().unwrap());
}

#[test]
fn an_activity_in_many_parts_is_that_of_all_events() {
    let company = simulate(SimulationOptions::new(1_100, 3).days(14));
    let activity = company.activity().unwrap();
    assert_eq!(activity.events(), company.events().unwrap().height() as u64);
    assert_eq!((activity.observed_from(), activity.as_of()), (date(2024, 1, 1), date(2024, 1, 14)));
}

#[test]
fn without_an_effect_only_the_truth_tells() {
    let options = |causes: &[Planted]| {
        let growth = Growth::SigningUp { at_start: 0.5 };
        SimulationOptions::new(40, 9).days(300).monthly_hazard(0.05).growth(growth).causes(causes.to_vec())
    };
    let steady = frames(&simulate(options(&[])));
    for cause in Cause::ALL {
        let planted = frames(&simulate(options(&[Planted::new(cause, 1.0, 0.0)])));
        for ((name, frame), (_, planted)) in steady.iter().zip(&planted) {
            if *name == "truth" {
                assert_eq!(frame.column("onset").unwrap().null_count(), 40);
                assert!(planted.column("onset").unwrap().null_count() < 35, "{cause}");
                assert_same(
                    &frame.drop("cause").unwrap().drop("onset").unwrap(),
                    &planted.drop("cause").unwrap().drop("onset").unwrap(),
                    name,
                );
            } else {
                assert_same(frame, planted, &format!("{name} with {cause}"));
            }
        }
    }
}

#[test]
fn before_the_onset_all_is_as_it_was() {
    let options =
        |causes: &[Planted]| SimulationOptions::new(40, 9).days(400).monthly_hazard(0.05).causes(causes.to_vec());
    let monday = date(2024, 10, 7);
    let before = |frames: &[(&'static str, DataFrame)]| -> Vec<DataFrame> {
        let early = |(name, frame): &(&str, DataFrame)| {
            let column = match *name {
                "events" => "time",
                "readings" | "answers" | "cancellations" => "date",
                "contacts" => "since",
                "subscriptions" => "start",
                "tickets" => "opened",
                "payments" => "due",
                _ => return frame.head(Some(0)),
            };
            let early = col(column).cast(DataType::Date).to_physical().lt(lit(monday.days_since_epoch()));
            let early = frame.clone().lazy().filter(early).collect().unwrap();
            // What is known only later.
            early.drop_many(["until", "ended", "paid", "closed"])
        };
        frames.iter().map(early).collect()
    };
    let steady = before(&frames(&simulate(options(&[]))));
    assert!(steady[0].height() > 10_000);
    for cause in Cause::ALL.into_iter().filter(|&cause| cause != Cause::OnboardingFailure) {
        let planted = Planted::new(cause, 1.0, 0.9).onset(Onset::On(struck_on()));
        let planted = frames(&simulate(options(&[planted])));
        let changed = |name: &str, (_, frame): &(&str, DataFrame)| {
            assert!(frame.height() > 0, "{name}");
        };
        planted.iter().for_each(|frame| changed(frame.0, frame));
        for (place, (left, right)) in steady.iter().zip(before(&planted)).enumerate() {
            assert_same(left, &right, &format!("{} with {cause}", planted[place].0));
        }
    }
}

/// Cancellations against the days at risk, times the probability of a day: within four standard deviations.
fn assert_hazard(cancelled: u32, days: i64, hazard: f64) {
    let p = 1.0 - (-hazard / MONTH).exp();
    let (mean, spread) = (days as f64 * p, (days as f64 * p * (1.0 - p)).sqrt());
    assert!(mean > 100.0, "{mean} tells little");
    assert!((f64::from(cancelled) - mean).abs() < 4.0 * spread, "{cancelled} of {days} days, not {mean} ± {spread}");
}

#[test]
fn accounts_leave_as_their_hazard_says() {
    let planted = [
        Planted::new(Cause::UsageDecline, 0.3, 0.5),
        Planted::new(Cause::SeatLoss, 0.2, 0.2).hazard_ratio(6.0).onset(Onset::On(date(2024, 7, 1))),
        Planted::new(Cause::OnboardingFailure, 0.2, 0.5).hazard_ratio(3.0),
    ];
    let company = simulate(SimulationOptions::new(20_000, 5).monthly_hazard(0.02).causes(planted));
    let truth = company.truth().unwrap();
    let (causes, onsets, left) = (texts(&truth, "cause"), dates(&truth, "onset"), dates(&truth, "cancelled"));
    let (before, after) = (floats(&truth, "hazard_before"), floats(&truth, "hazard_after"));
    let ratios = floats(&truth, "hazard_ratio");
    let starts = days(&truth, "start");
    let mut at_risk: BTreeMap<Option<String>, (u32, i64, f64)> = BTreeMap::new();
    for row in 0..truth.height() {
        let first = starts[row].max(company.observed_from());
        let end = left[row].unwrap_or(company.as_of()) + 1;
        let change = onsets[row].unwrap_or(end);
        assert!(first <= change && change <= end);
        assert!((before[row] - 0.02).abs() < 1e-12 && (after[row] - 0.02 * ratios[row]).abs() < 1e-12);
        let steady = at_risk.entry(None).or_insert((0, 0, 0.02));
        steady.0 += u32::from(left[row].is_some_and(|left| left < change));
        steady.1 += i64::from(change - first);
        if let Some(cause) = &causes[row] {
            let struck = at_risk.entry(Some(cause.clone())).or_insert((0, 0, after[row]));
            struck.0 += u32::from(left[row].is_some());
            struck.1 += i64::from(end - change);
        }
    }
    assert_eq!(at_risk.len(), 4);
    at_risk.values().for_each(|&(cancelled, days, hazard)| assert_hazard(cancelled, days, hazard));

    // Of those who leave under six times the hazard, five in six leave for it.
    let cancellations = company.cancellations().unwrap();
    assert_eq!(ints(&cancellations, "account").len(), left.iter().flatten().count());
    let stated: BTreeMap<i64, Option<String>> =
        ints(&cancellations, "account").into_iter().zip(texts(&cancellations, "cause")).collect();
    let struck = |row: &usize| causes[*row].as_deref() == Some("seat_loss") && left[*row].is_some();
    let of_struck: Vec<_> =
        (0..truth.height()).filter(struck).map(|row| stated[&(row as i64)].as_deref().unwrap()).collect();
    let for_it = of_struck.iter().filter(|&&cause| cause == "seat_loss").count() as f64;
    assert!(of_struck.iter().all(|cause| ["seat_loss", "other"].contains(cause)));
    let n = of_struck.len() as f64;
    assert!((for_it / n - 5.0 / 6.0).abs() < 4.0 * (5.0 / 36.0 / n).sqrt(), "{for_it} of {n}");
    assert_eq!(dates(&cancellations, "date"), left.iter().copied().filter(Option::is_some).collect::<Vec<_>>());
}

#[test]
fn causes_strike_the_shares_they_are_planted_in() {
    let planted = [Planted::new(Cause::LimitPressure, 0.25, 0.5), Planted::new(Cause::OnboardingFailure, 0.5, 0.5)];
    let options = SimulationOptions::new(4_000, 5).growth(Growth::SigningUp { at_start: 0.7 }).monthly_hazard(0.0);
    let company = simulate(options.causes(planted));
    let truth = company.truth().unwrap();
    let (causes, starts, onsets) = (texts(&truth, "cause"), days(&truth, "start"), dates(&truth, "onset"));
    let share = |holds: &dyn Fn(usize) -> bool| (0..4_000).filter(|&row| holds(row)).count() as f64 / 4_000.0;
    let new = |row: usize| starts[row] >= company.observed_from();
    let is = |row: usize, cause: Cause| causes[row].as_deref() == Some(cause.name());
    // Standard deviations are at most 0.008.
    assert!((share(&new) - 0.3).abs() < 0.03);
    assert!((share(&|row| is(row, Cause::LimitPressure) && !new(row)) - 0.25 * 0.7).abs() < 0.03);
    assert!((share(&|row| is(row, Cause::OnboardingFailure)) - 0.5 * 0.3).abs() < 0.03);
    for row in 0..4_000 {
        assert_eq!(onsets[row].is_some(), causes[row].is_some());
        let first = starts[row].max(company.observed_from());
        if is(row, Cause::OnboardingFailure) {
            assert_eq!(onsets[row], Some(starts[row]));
        } else if let Some(onset) = onsets[row] {
            assert!(first + 90 <= onset && onset <= company.as_of());
        }
    }
    let all = simulate(struck(200, Cause::GoingSilent, 1.0)).truth().unwrap();
    assert!(dates(&all, "onset").iter().all(|&onset| onset == Some(struck_on())));
}

#[test]
fn weekdays_and_seasons_have_their_shares() {
    let options = |seasonality| steady(400).days(364).weekend_share(0.2).seasonality(seasonality);
    let per_day = |seasonality| {
        let mut counts: BTreeMap<Date, f64> = BTreeMap::new();
        let company = simulate(options(seasonality));
        events(&company.events().unwrap()).iter().for_each(|event| *counts.entry(event.2).or_default() += 1.0);
        counts
    };
    let flat = per_day(Seasonality::Flat);
    let yearly = per_day(Seasonality::Yearly { summer: 0.3, christmas: 0.5 });
    let mut week = [0.0; 7];
    flat.iter().for_each(|(day, count)| week[day.weekday() as usize] += count);
    let all: f64 = week.iter().sum();
    let weekend = (week[5] + week[6]) / all;
    // Accounts have shares of their own, and the large ones count for most.
    assert!((weekend - 0.2).abs() < 0.03, "{weekend}");
    for (count, share) in week.iter().zip([0.20, 0.22, 0.21, 0.20, 0.17]) {
        let of_working_days = count / (all * (1.0 - weekend));
        assert!((of_working_days - share).abs() < 0.004, "{week:?}");
    }
    let ratio = |first: Date, last: Date| {
        let sum = |counts: &BTreeMap<Date, f64>| counts.range(first..=last).map(|(_, count)| count).sum::<f64>();
        sum(&yearly) / sum(&flat)
    };
    for (first, last, share) in [
        (date(2024, 1, 3), date(2024, 6, 15), 1.0),
        (date(2024, 7, 30), date(2024, 8, 3), 0.7),
        (date(2024, 12, 22), date(2024, 12, 29), 0.5),
        (date(2024, 9, 17), date(2024, 12, 21), 1.0),
    ] {
        let found = ratio(first, last);
        assert!((found - share).abs() < 0.03, "{first} to {last}: {found}");
    }
}

#[test]
fn dispersion_is_as_told() {
    for dispersion in [0.0, 0.1, 0.5] {
        let options = steady(150).days(728).seasonality(Seasonality::Flat).dispersion(dispersion);
        let mut counts = vec![[0.0_f64; 104]; 150];
        for (_, account, day, _) in events(&simulate(options).events().unwrap()) {
            counts[account as usize][(day - date(2024, 1, 1)) as usize / 7] += 1.0;
        }
        let (mut excess, mut squares, mut ratios) = (0.0, 0.0, 0.0);
        for weeks in &counts {
            let mean = weeks.iter().sum::<f64>() / 104.0;
            let variance = weeks.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 103.0;
            excess += variance - mean;
            squares += mean * mean;
            ratios += variance / mean / 150.0;
        }
        let found = excess / squares;
        assert!((found - dispersion).abs() < 0.15 * dispersion + 0.002, "{found} for {dispersion}");
        if dispersion == 0.0 {
            assert!((ratios - 1.0).abs() < 0.05, "variance to mean {ratios}");
        } else {
            assert!(ratios > 1.5, "variance to mean {ratios}");
        }
        // The mean that the size of frames is judged by.
        let weekly = counts.iter().flatten().sum::<f64>() / (104.0 * 150.0);
        assert!((12.0..=30.0).contains(&weekly), "{weekly} events a week");
    }
}

#[test]
fn nothing_happens_to_those_who_are_gone_and_keys_lead_somewhere() {
    let company = simulate(SimulationOptions::new(300, 8).days(400).monthly_hazard(0.1));
    let truth = company.truth().unwrap();
    let ends: Vec<Date> =
        dates(&truth, "cancelled").into_iter().map(|left| left.unwrap_or(company.as_of() + 1)).collect();
    let starts = days(&truth, "start");
    assert!(ends.iter().filter(|&&end| end <= company.as_of()).count() > 100);
    let within = |account: i64, day: Date, what: &str| {
        let (start, end) = (starts[account as usize].max(company.observed_from()), ends[account as usize]);
        assert!(start <= day && day < end, "{what} of account {account} on {day}, there {start} until {end}");
    };
    let mut users: BTreeMap<i64, (i64, Date)> = BTreeMap::new();
    for (user, account, day, _) in events(&company.events().unwrap()) {
        within(account, day, "event");
        assert_eq!(users.entry(user).or_insert((account, day)).0, account);
    }
    for (name, frame, column) in [
        ("reading", company.readings(), "date"),
        ("answer", company.answers(), "date"),
        ("ticket", company.tickets(), "opened"),
        ("invoice", company.payments(), "due"),
    ] {
        let frame = frame.unwrap();
        let rows = ints(&frame, "account").into_iter().zip(days(&frame, column));
        rows.for_each(|(account, day)| within(account, day, name));
    }
    let tickets = company.tickets().unwrap();
    for (account, (opened, closed)) in
        ints(&tickets, "account").into_iter().zip(days(&tickets, "opened").into_iter().zip(dates(&tickets, "closed")))
    {
        closed.inspect(|&closed| within(account, closed, "closing")).inspect(|&closed| assert!(opened <= closed));
    }
    assert!(ints(&tickets, "severity").iter().all(|severity| (1..=3).contains(severity)));
    let answers = company.answers().unwrap();
    assert!(ints(&answers, "score").iter().all(|score| (0..=10).contains(score)));
    let persons = |frame: &DataFrame, column: &str| {
        ints(frame, column).into_iter().zip(ints(frame, "account")).for_each(|(person, account)| {
            // Some have joined too late to have done anything, or seldom do.
            assert_eq!(users.get(&person).map_or(account, |user| user.0), account);
        });
    };
    persons(&answers, "respondent");
    let contacts = company.contacts().unwrap();
    persons(&contacts, "person");
    let known: BTreeSet<i64> = ints(&contacts, "account").into_iter().collect();
    assert!(known.len() > 290 && known.iter().all(|account| (0..300).contains(account)));
    let acting = ints(&contacts, "person").iter().filter(|person| users.contains_key(person)).count();
    assert!(acting * 10 > contacts.height() * 9);

    let subscriptions = company.subscriptions().unwrap();
    let (accounts, ended) = (ints(&subscriptions, "account"), dates(&subscriptions, "ended"));
    let (begun, renewals) = (days(&subscriptions, "start"), days(&subscriptions, "renewal"));
    let mut last: BTreeMap<i64, Option<Date>> = BTreeMap::new();
    for row in 0..subscriptions.height() {
        let previous = last.insert(accounts[row], ended[row]);
        assert!(previous.is_none_or(|ended| ended.is_none()), "a term after the end of account {}", accounts[row]);
        assert!(begun[row] < renewals[row] && begun[row] <= ends[accounts[row] as usize]);
        if row > 0 && accounts[row] == accounts[row - 1] {
            assert_eq!(begun[row], renewals[row - 1]);
        }
    }
    assert_eq!(last.len(), 300);
    last.iter().for_each(|(&account, &ended)| {
        let left = Some(ends[account as usize]).filter(|&end| end <= company.as_of());
        assert_eq!(ended, left, "account {account}");
    });

    // What is used is offered by the plan.
    let plans = company.plans().unwrap();
    let offered: BTreeSet<(String, String)> = texts(&plans, "plan")
        .into_iter()
        .zip(texts(&plans, "feature"))
        .map(|(plan, feature)| (plan.unwrap(), feature.unwrap()))
        .collect();
    let plan_of: BTreeMap<i64, String> =
        accounts.iter().copied().zip(texts(&subscriptions, "plan").into_iter().flatten()).collect();
    let used: BTreeSet<(String, String)> = events(&company.events().unwrap())
        .into_iter()
        .map(|(_, account, _, feature)| (plan_of[&account].clone(), feature))
        .collect();
    assert!(used.is_subset(&offered) && used.len() * 10 > offered.len() * 9);
    assert!(offered.iter().any(|(_, feature)| feature == company.core_feature()));
}

/// Events per account of users that are asked for, in the 60 days from the onset on, beside those of a steady company.
fn use_beside_steady(cause: Cause, effect: f64, of: impl Fn(i64) -> bool) -> f64 {
    let sum = |company: Company| {
        let after = struck_on()..struck_on() + 60;
        let events = events(&company.events().unwrap());
        events.iter().filter(|event| after.contains(&event.2) && of(event.0)).count() as f64
    };
    sum(simulate(struck(200, cause, effect))) / sum(simulate(steady(200)))
}

#[test]
fn use_changes_as_the_cause_says() {
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.04, "{found}, not {expected}");
    near(use_beside_steady(Cause::UsageDecline, 0.5, |_| true), 0.5);
    near(use_beside_steady(Cause::UsageDecline, 1.0, |_| true), 0.0);
    near(use_beside_steady(Cause::NarrowingUse, 0.8, |_| true), 1.0);
    near(use_beside_steady(Cause::GoingSilent, 0.25, |_| true), 0.5);
    near(use_beside_steady(Cause::GoingSilent, 0.5, |_| true), 0.0);
    near(use_beside_steady(Cause::PaymentTrouble, 1.0, |_| true), 1.0);
    // The first user of an account is a key contact.
    near(use_beside_steady(Cause::ChampionSilent, 0.6, |user| user % 10_000 == 0), 0.4);
    near(use_beside_steady(Cause::ChampionSilent, 1.0, |user| user % 10_000 > 2), 1.0);
}

#[test]
fn features_drop_out_while_volume_stays() {
    let company = simulate(struck(100, Cause::NarrowingUse, 0.5));
    let breadth = |first: Date, last: Date| {
        let mut used: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for (user, _, day, feature) in events(&company.events().unwrap()) {
            if (first..=last).contains(&day) {
                used.entry(user).or_default().insert(feature);
            }
        }
        used.values().map(BTreeSet::len).sum::<usize>() as f64 / used.len() as f64
    };
    let (before, after) = (breadth(struck_on() - 180, struck_on() - 1), breadth(struck_on(), struck_on() + 179));
    assert!((0.5..0.65).contains(&(after / before)), "{before} then {after}");
}

#[test]
fn champions_leave_and_half_of_them_are_replaced() {
    let company = simulate(struck(400, Cause::ChampionLeaves, 1.0));
    let contacts = company.contacts().unwrap();
    let keys: Vec<bool> = contacts.column("key").unwrap().bool().unwrap().iter().flatten().collect();
    let (since, until) = (days(&contacts, "since"), dates(&contacts, "until"));
    let (persons, roles) = (ints(&contacts, "person"), texts(&contacts, "role"));
    let mut gone = BTreeMap::new();
    let mut successors = BTreeMap::new();
    for row in 0..contacts.height() {
        assert_eq!(keys[row], roles[row].as_deref() == Some("champion"));
        if keys[row] && since[row] < struck_on() {
            assert_eq!(until[row], Some(struck_on() - 1));
            gone.insert(persons[row], until[row].unwrap());
        } else {
            assert_eq!(until[row], None);
        }
        if keys[row] && since[row] > struck_on() {
            let days = since[row] - struck_on();
            assert!((14..=60).contains(&days), "{days}");
            successors.insert(persons[row], since[row]);
        }
    }
    let share = successors.len() as f64 / gone.len() as f64;
    assert!(gone.len() > 500 && (share - 0.5).abs() < 0.1, "{share}");
    let mut took_over = BTreeSet::new();
    for (user, _, day, _) in events(&company.events().unwrap()) {
        assert!(gone.get(&user).is_none_or(|&until| day <= until));
        if let Some(&since) = successors.get(&user) {
            assert!(day >= since);
            took_over.insert(user);
        }
    }
    assert!(took_over.len() * 10 > successors.len() * 9);
    // Of a single champion any effect takes all, of three one in three.
    let third = simulate(struck(400, Cause::ChampionLeaves, 0.3)).contacts().unwrap();
    assert!(third.column("until").unwrap().null_count() > contacts.column("until").unwrap().null_count());
}

/// The mean of what a frame says of those rows for which it holds.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[test]
fn readings_climb_to_the_cap() {
    let level = |options: SimulationOptions| {
        let company = simulate(options);
        let (limits, readings) = (company.limits().unwrap(), company.readings().unwrap());
        let key = |frame: &DataFrame| ints(frame, "account").into_iter().zip(texts(frame, "limit")).collect::<Vec<_>>();
        let caps: BTreeMap<_, f64> = key(&limits).into_iter().zip(floats(&limits, "cap")).collect();
        let rows = key(&readings).into_iter().zip(floats(&readings, "used")).zip(days(&readings, "date"));
        let shares: Vec<(f64, Date)> = rows.map(|((key, used), day)| (used / caps[&key], day)).collect();
        assert!(shares.iter().all(|(share, _)| (0.0..=1.0).contains(share)));
        assert!(shares.iter().all(|(_, day)| day.weekday() == attrition::Weekday::Mon));
        let part =
            |late: bool| mean(shares.iter().filter(|share| (share.1 >= struck_on()) == late).map(|share| share.0));
        (part(false), part(true))
    };
    let (before, after) = level(struck(200, Cause::LimitPressure, 0.5));
    assert!((before - 0.4).abs() < 0.03 && (after - 0.7).abs() < 0.03, "{before} then {after}");
    let (_, full) = level(struck(200, Cause::LimitPressure, 1.0));
    assert!(full > 0.97, "{full}");
    let (before, after) = level(steady(200));
    assert!((before - after).abs() < 0.005, "{before} then {after}");
}

#[test]
fn the_dissatisfied_score_low_and_fall_silent() {
    let company = simulate(struck(400, Cause::Dissatisfaction, 0.5));
    let answers = company.answers().unwrap();
    let rows: Vec<(i64, Date)> = ints(&answers, "score").into_iter().zip(days(&answers, "date")).collect();
    let part = |late: bool| rows.iter().filter(move |row| (row.1 >= struck_on()) == late);
    let score = |late: bool| mean(part(late).map(|row| row.0 as f64));
    assert!((score(false) - 7.8).abs() < 0.25, "{}", score(false));
    assert!((score(false) - score(true) - 3.0).abs() < 0.25, "{}", score(true));
    // 282 days before and 448 after it; half as many answers a day.
    let rate = |late: bool, days: f64| part(late).count() as f64 / days;
    let ratio = rate(true, 448.0) / rate(false, 282.0);
    assert!((ratio - 0.5).abs() < 0.1, "{ratio}");
}

#[test]
fn failed_onboarding_does_not_reach_the_core() {
    let options = |effect| {
        let growth = Growth::SigningUp { at_start: 0.0 };
        steady(200).growth(growth).causes([Planted::new(Cause::OnboardingFailure, 1.0, effect)])
    };
    let reached = |effect| {
        let company = simulate(options(effect));
        let starts = days(&company.truth().unwrap(), "start");
        let mut first: BTreeMap<i64, i32> = BTreeMap::new();
        let mut settled = 0.0;
        for (_, account, day, feature) in events(&company.events().unwrap()) {
            let age = day - starts[account as usize];
            if feature == company.core_feature() {
                first.entry(account).or_insert(age);
            }
            settled += f64::from(u8::from((90..180).contains(&age)));
        }
        (first, settled)
    };
    let ((steady, all), (failed, few)) = (reached(0.0), reached(0.6));
    assert!(steady.values().filter(|&&age| age < 90).count() > 150);
    assert!(failed.values().all(|&age| age >= 108) && failed.len() > 100);
    assert!((few / all - 0.4).abs() < 0.05, "{}", few / all);
}

#[test]
fn payments_tickets_and_seats_tell_of_trouble() {
    let late = |options: SimulationOptions| {
        let company = simulate(options);
        let payments = company.payments().unwrap();
        // Such as had time to be paid late.
        let rows = days(&payments, "due").into_iter().zip(dates(&payments, "paid"));
        let rows: Vec<_> = rows.filter(|row| (struck_on()..=company.as_of() - 60).contains(&row.0)).collect();
        let share = |holds: fn(Date, Option<Date>) -> bool| {
            mean(rows.iter().map(|&(due, paid)| f64::from(u8::from(holds(due, paid)))))
        };
        (share(|_, paid| paid.is_none()), share(|due, paid| paid.is_some_and(|paid| paid - due >= 15)))
    };
    let (unpaid, overdue) = late(struck(300, Cause::PaymentTrouble, 0.6));
    assert!((unpaid - 0.3).abs() < 0.03 && (overdue - 0.3).abs() < 0.03, "{unpaid} {overdue}");
    assert_eq!(late(steady(300)), (0.0, 0.0));

    let tickets = |options: SimulationOptions| {
        let tickets = simulate(options).tickets().unwrap();
        let rows = ints(&tickets, "severity").into_iter().zip(days(&tickets, "opened"));
        let severities: Vec<f64> = rows.filter(|row| row.1 >= struck_on()).map(|row| row.0 as f64).collect();
        (severities.len() as f64, mean(severities.into_iter()))
    };
    let ((many, bad), (few, usual)) = (tickets(struck(300, Cause::SupportTrouble, 0.5)), tickets(steady(300)));
    assert!((many / few - 3.0).abs() < 0.3, "{}", many / few);
    // 3 - 0.1 - 0.4, and with half the trouble 0.1 more of each.
    assert!((usual - 2.5).abs() < 0.05 && (bad - 2.3).abs() < 0.05, "{usual} {bad}");

    let company = simulate(struck(300, Cause::SeatLoss, 0.5));
    let subscriptions = company.subscriptions().unwrap();
    let (accounts, seats) = (ints(&subscriptions, "account"), ints(&subscriptions, "seats"));
    let mut of_account: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    accounts.into_iter().zip(seats).for_each(|(account, seats)| of_account.entry(account).or_default().push(seats));
    let fell = of_account.values().filter(|seats| seats.len() > 1).all(|seats| {
        let (first, last) = (seats[0], seats[seats.len() - 1]);
        last == (first / 2).max(1)
    });
    // The key contacts are the last to go.
    let used = events(&company.events().unwrap());
    assert!(
        used.iter().all(|&(user, account, day, _)| day < struck_on() || user % 10_000 < of_account[&account][0] / 2)
    );
    assert!(used.iter().any(|&(user, account, _, _)| user % 10_000 >= of_account[&account][0] / 2));
    assert!(fell);
}

#[test]
fn users_keep_to_their_hours() {
    let company = simulate(steady(100).days(60));
    let frame = company.events().unwrap();
    let times = frame.column("time").unwrap().to_physical_repr();
    let hours: Vec<f64> =
        times.i64().unwrap().into_no_null_iter().map(|time| time.rem_euclid(DAY) as f64 / 3.6e6).collect();
    assert!(hours.iter().all(|hour| (7.0..18.0).contains(hour)));
    assert!((mean(hours.into_iter()) - 12.5).abs() < 0.3);
}

#[test]
fn what_makes_no_company_is_refused() {
    let refused = |options: SimulationOptions, option: &str| {
        let error = Company::simulate(options).unwrap_err();
        assert!(matches!(&error, Error::InvalidOption { option: found, .. } if *found == option), "{error}");
        message(&error);
    };
    let options = || SimulationOptions::new(10, 0);
    let planted = |share, effect| Planted::new(Cause::SeatLoss, share, effect);
    refused(SimulationOptions::new(0, 0), "accounts");
    refused(SimulationOptions::new((1 << 24) + 1, 0), "accounts");
    refused(options().days(0), "days");
    refused(options().days(u32::MAX), "days");
    refused(options().from(Date::MIN), "from");
    refused(options().from(Date::MAX), "from");
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        refused(options().causes([planted(bad, 0.5)]), "causes");
        refused(options().causes([planted(0.5, bad)]), "causes");
        refused(options().growth(Growth::SigningUp { at_start: bad }), "growth");
        refused(options().weekend_share(bad), "weekend_share");
        refused(options().seasonality(Seasonality::Yearly { summer: bad, christmas: 0.0 }), "seasonality");
        refused(options().seasonality(Seasonality::Yearly { summer: 0.0, christmas: bad }), "seasonality");
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        refused(options().causes([planted(0.5, 0.5).hazard_ratio(bad)]), "hazard_ratio");
        refused(options().dispersion(bad), "dispersion");
        refused(options().monthly_hazard(bad), "monthly_hazard");
    }
    refused(options().causes([planted(0.6, 0.5), planted(0.5, 0.1)]), "causes");
    refused(options().causes([planted(0.6, 0.5).over(u32::MAX)]), "over");
    refused(options().causes([planted(0.6, 0.5).onset(Onset::On(date(2023, 12, 31)))]), "onset");
    let onboarding = Planted::new(Cause::OnboardingFailure, 0.1, 0.5);
    refused(options().causes([onboarding.onset(Onset::On(date(2024, 2, 1)))]), "onset");

    let company = simulate(SimulationOptions::new(1 << 24, 0));
    for frame in [company.events(), company.readings(), company.answers()] {
        let error = frame.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        message(&error);
    }
    assert!(company.events_of(5_000_000..5_000_002).unwrap().height() > 0);
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    for accounts in [3..(1 << 24) + 1, 2..1] {
        assert!(matches!(company.events_of(accounts).unwrap_err(), Error::InvalidOption { option: "accounts", .. }));
    }
}

#[test]
fn the_edges() {
    // One day, one account; a day of 1969; everybody leaves at once; use on weekends only, and never.
    let tiny = [
        SimulationOptions::new(1, 1).days(1),
        SimulationOptions::new(30, 1).from(date(1969, 12, 25)).days(10),
        SimulationOptions::new(30, 1).monthly_hazard(1e3).days(30),
        SimulationOptions::new(30, 1).weekend_share(1.0).dispersion(100.0).days(30),
        SimulationOptions::new(30, 1).seasonality(Seasonality::Yearly { summer: 1.0, christmas: 1.0 }),
    ];
    for options in tiny {
        let company = simulate(options.clone());
        for (name, frame) in frames(&company) {
            assert!(frame.width() > 0, "{name}");
        }
        let activity = company.activity().unwrap();
        assert_eq!((activity.observed_from(), activity.as_of()), (company.observed_from(), company.as_of()));
        assert_eq!(company.options(), &options);
        assert_eq!(company.truth().unwrap().height(), company.accounts());
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<SimulationOptions>(&text).unwrap(), options);
        let printed = company.to_string();
        assert!(printed.lines().count() == 14 && printed.lines().all(|line| line.len() <= 80), "{printed}");
    }
    let weekends = simulate(SimulationOptions::new(30, 1).weekend_share(1.0).days(30));
    assert!(events(&weekends.events().unwrap()).iter().all(|event| event.2.weekday() as usize >= 5));
}
