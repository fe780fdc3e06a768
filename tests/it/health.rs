//! Health by given weights: by hand, against a plain reckoning, and its laws.

use std::collections::BTreeMap;

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, CancellationColumns, Error, EventColumns, Growth, HealthBand, HealthCounts, HealthHistory,
    HealthMeasure, HealthOptions, HealthProfile, HealthScale, HealthSignal, HealthState, Id, Membership,
    PaymentColumns, Portfolio, SegmentColumns, SimulationOptions, SubscriptionColumns, TicketColumns, date,
};
use proptest::prelude::*;

use super::company;
use super::log::day;

/// 2024-01-01.
const NEW_YEAR: i32 = 19_723;

fn dated(mut frame: DataFrame, columns: &[&str]) -> DataFrame {
    for column in columns {
        frame.apply(column, |day| day.cast(&DataType::Date).unwrap()).unwrap();
    }
    frame
}

fn activity(events: &[(i64, i32)], last: i32) -> Activity {
    let (accounts, days): (Vec<i64>, Vec<i32>) = events.iter().copied().unzip();
    let frame = dated(df!("account" => accounts, "day" => days).unwrap(), &["day"]);
    let builder = Activity::builder(&EventColumns::new("account", "day"), &Calendar::utc());
    let mut builder = builder.observed_from(day(NEW_YEAR)).as_of(day(last));
    builder.push(&frame).unwrap();
    builder.finish().unwrap()
}

fn silence() -> HealthProfile {
    HealthProfile::new("silence").weigh(HealthMeasure::DaysSinceLastEvent, 1.0, HealthScale::new(30.0, 0.0))
}

/// Account 1 comes every other day up to day 60 and never later, 2 every day, 3 every fourth day and cancels on day 100.
fn three() -> Portfolio {
    let one = (0..=60).step_by(2).map(|day| (1, NEW_YEAR + day));
    let two = (0..=130).map(|day| (2, NEW_YEAR + day));
    let three = (0..100).step_by(4).map(|day| (3, NEW_YEAR + day));
    let goodbyes = dated(df!("account" => [3_i64], "day" => [NEW_YEAR + 100]).unwrap(), &["day"]);
    let activity = activity(&one.chain(two).chain(three).collect::<Vec<_>>(), NEW_YEAR + 130);
    Portfolio::new(activity).unwrap().cancellations(&goodbyes, &CancellationColumns::new("account", "day")).unwrap()
}

#[test]
fn three_accounts_by_hand() {
    let portfolio = three();
    let profile = silence().weigh(HealthMeasure::UsageTrend, 3.0, HealthScale::new(0.0, 1.0)).weigh(
        HealthMeasure::Recommendation,
        1.0,
        HealthScale::new(0.0, 10.0),
    );
    let health = portfolio.health(day(NEW_YEAR + 75), profile).unwrap();
    // Silent for 15 days; 7 active days of 28 (days 48 to 60), after 24 of 48.
    let one = health.of(1).unwrap();
    let trend: f64 = 7.0 / 28.0 / (24.0 / 48.0);
    assert_eq!(one.score, Some((50.0 + 3.0 * 100.0 * trend) / 4.0));
    assert_eq!((one.coverage, one.band), (Some(0.8), Some(HealthBand::Average)));
    assert_eq!((one.profile, one.segment, one.churn_probability), (Some("silence"), None, None));
    // 28 days before nobody was silent, and there were 20 days to compare with: too few.
    assert_eq!((one.previous_score, one.previous_band), (Some(100.0 * 29.0 / 30.0), None));
    let points: Vec<Option<f64>> = one.contributions().map(|own| own.points).collect();
    assert_eq!(points, [Some(0.0), Some(3.0 * (100.0 * trend - 50.0) / 4.0), None]);
    let sum: f64 = points.iter().flatten().sum();
    assert!((50.0 + sum - one.score.unwrap()).abs() < 1e-12);
    let change: f64 = one.contributions().filter_map(|own| own.change).sum();
    assert!((change - one.change.unwrap()).abs() < 1e-12);
    assert_eq!(one.moved_by.map(HealthSignal::name), Some("days_since_last_event"));
    assert!(one.sentence().starts_with("average: 50 of 100, 47 lower than on 2024-02-17"), "{}", one.sentence());
    assert_eq!(health.of(2).unwrap().score, Some(100.0));
    assert_eq!(health.counts().customers(), 3);
    assert_eq!(health.worst().map(|own| own.account).next(), Some(Id::Int(1)));
    // Later it has lapsed, and the other has left.
    let later = portfolio.lapsed_after(60).health(day(NEW_YEAR + 130), silence()).unwrap();
    for (account, membership) in [(1, Membership::Lapsed), (3, Membership::Left)] {
        let own = later.of(account).unwrap();
        assert_eq!((own.membership, own.score, own.band), (membership, None, None));
        assert_eq!((own.change, own.previous_score, own.moved_by), (None, None, None));
        assert!(own.sentence().ends_with("and is not scored"));
    }
    let counts = later.counts();
    assert_eq!([counts.good, counts.left, counts.lapsed, counts.accounts()], [1, 1, 1, 3]);
    let printed = later.to_string();
    assert!(printed.starts_with("1 customers as of 2024-05-10; 1 had left, 1 had lapsed"), "{printed}");
}

#[test]
fn bands_are_half_open() {
    let portfolio = three();
    let band = |average: f64, good: f64| {
        // Account 1 is silent for 15 of 30 days: 50.
        let options = HealthOptions::new(silence()).bands(average, good);
        portfolio.health(day(NEW_YEAR + 75), options).unwrap().of(1).unwrap().band.unwrap()
    };
    assert_eq!(band(50.0, 60.0), HealthBand::Average);
    assert_eq!(band(50.1, 60.0), HealthBand::Poor);
    assert_eq!(band(30.0, 50.0), HealthBand::Good);
    assert_eq!(band(50.0, 50.0), HealthBand::Good);
    // What is not observed has no band, however good it is.
    let profile = silence().weigh(HealthMeasure::Recommendation, 1.1, HealthScale::new(0.0, 10.0));
    let health = portfolio.health(day(NEW_YEAR + 75), profile.clone()).unwrap();
    let two = health.of(2).unwrap();
    assert_eq!((two.score, two.band), (Some(100.0), None));
    assert_eq!((health.counts().not_observed, health.counts().customers()), (3, 3));
    let options = HealthOptions::new(profile).least_coverage(0.4);
    assert_eq!(portfolio.health(day(NEW_YEAR + 75), options).unwrap().counts().not_observed, 0);
    let nothing = HealthProfile::new("answers").weigh(HealthMeasure::Recommendation, 1.0, HealthScale::new(0.0, 10.0));
    let nothing = portfolio.health(day(NEW_YEAR + 75), nothing).unwrap();
    assert_eq!((nothing.of(2).unwrap().score, nothing.of(2).unwrap().coverage), (None, Some(0.0)));
    assert_eq!(nothing.of(2).unwrap().sentence(), "nothing is observed of it");
}

#[test]
fn profiles_by_segment_and_for_the_new() {
    let events = [(1, 0), (1, 70), (2, 0), (2, 70), (3, 50), (3, 70)].map(|(account, on)| (account, NEW_YEAR + on));
    let portfolio = Portfolio::new(activity(&events, NEW_YEAR + 80)).unwrap();
    let half = silence().weigh(HealthMeasure::DaysSinceLastEvent, 1.0, HealthScale::new(15.0, 5.0));
    let other = HealthProfile::new("new").weigh(HealthMeasure::DaysSinceLastEvent, 1.0, HealthScale::new(10.0, 0.0));
    let options = HealthOptions::new(silence()).onboarding(30, other).segment("large", half);
    let sizes = df!("account" => [2_i64, 3], "size" => ["large", "large"]).unwrap();
    let columns = SegmentColumns::new("account", "size");
    let health = portfolio.health_by(day(NEW_YEAR + 79), options.clone(), &sizes, &columns).unwrap();
    // All are silent for 9 days. It is not known how new 1 and 2 are; 3 came 29 days ago, which comes first.
    let scores: Vec<Option<f64>> = health.iter().map(|own| own.score).collect();
    assert_eq!(scores, [Some(70.0), Some(60.0), Some(10.0)]);
    let profiles: Vec<Option<&str>> = health.iter().map(|own| own.profile).collect();
    assert_eq!(profiles, [Some("silence"), Some("silence"), Some("new")]);
    let next = portfolio.health_by(day(NEW_YEAR + 80), options, &sizes, &columns).unwrap();
    assert_eq!(next.of(3).unwrap().score, Some(50.0));
    let by_segment: Vec<(Option<&str>, u64)> =
        health.counts_by_segment().into_iter().map(|(name, own)| (name, own.customers())).collect();
    assert_eq!(by_segment, [(Some("large"), 2), (None, 1)]);
}

/// Two thirds and one third of the way, which no float can hold.
#[test]
fn a_score_at_an_edge_is_in_the_band_above() {
    let portfolio = three();
    for (silent, expected) in [(10, HealthBand::Good), (11, HealthBand::Average), (20, HealthBand::Average)] {
        let own = portfolio.health(day(NEW_YEAR + 60 + silent), silence()).unwrap();
        assert_eq!(own.of(1).unwrap().band, Some(expected), "{silent}");
    }
    assert_eq!(portfolio.health(day(NEW_YEAR + 81), silence()).unwrap().of(1).unwrap().band, Some(HealthBand::Poor));
    // 0.1 and 0.5 of 1.5 are a little less than 0.4.
    let scale = HealthScale::new(0.0, 1.0);
    let profile = HealthProfile::new("tenths")
        .weigh(HealthMeasure::DaysSinceLastEvent, 0.1, scale)
        .weigh(HealthMeasure::ActiveDays28, 0.5, scale)
        .weigh(HealthMeasure::Recommendation, 0.9, scale);
    let health = portfolio.health(day(NEW_YEAR + 75), HealthOptions::new(profile).least_coverage(0.4)).unwrap();
    let own = health.of(2).unwrap();
    assert!(own.band.is_some() && own.coverage.unwrap() < 0.4, "{own:?}");
}

#[test]
fn credit_notes_are_owed_by_nobody() {
    let invoices = df!(
        "account" => [1_i64, 1, 2, 2],
        "due" => [NEW_YEAR + 20, NEW_YEAR + 40, NEW_YEAR + 20, NEW_YEAR + 40],
        "amount" => [-50.0, 0.0, -50.0, 80.0],
    );
    let invoices = dated(invoices.unwrap(), &["due"]);
    let portfolio = three().payments(&invoices, &PaymentColumns::new("account", "due").amount("amount")).unwrap();
    let profile = HealthProfile::new("payers")
        .weigh(HealthMeasure::DaysOverdue, 1.0, HealthScale::new(70.0, 0.0))
        .weigh(HealthMeasure::LatePayments, 1.0, HealthScale::new(1.0, 0.0));
    let health = portfolio.health(day(NEW_YEAR + 75), profile).unwrap();
    let values =
        |account: i64| health.of(account).unwrap().contributions().map(|own| own.value).collect::<Vec<Option<f64>>>();
    assert_eq!(values(1), [Some(0.0), None]);
    assert_eq!(values(2), [Some(35.0), Some(1.0)]);
    let owed = |account: i64| {
        let snapshot = portfolio.at(day(NEW_YEAR + 75)).unwrap();
        let account = snapshot.account(account).unwrap();
        account.payments().unwrap().map(|payment| payment.is_owed()).collect::<Vec<bool>>()
    };
    assert_eq!((owed(1), owed(2)), (vec![false, false], vec![false, true]));
}

#[test]
fn triggers_are_signals() {
    let portfolio = three();
    let profile = HealthProfile::new("gap")
        .weigh(HealthSignal::trigger("engagement_gap"), 1.0, HealthScale::new(1.0, 0.0))
        .weigh(HealthSignal::trigger("payment_trouble"), 1.0, HealthScale::new(1.0, 0.0));
    let health = portfolio.health(day(NEW_YEAR + 90), profile).unwrap();
    let findings = portfolio.triggers(day(NEW_YEAR + 90), attrition::TriggerSet::standard()).unwrap();
    for own in health.iter() {
        let fired = findings.of(own.account).find(|finding| finding.trigger == "engagement_gap").unwrap();
        let expected = if fired.state == attrition::State::Fired { 0.0 } else { 100.0 };
        assert_eq!((own.score, own.coverage), (Some(expected), Some(0.5)), "{own:?}");
    }
    assert_eq!(health.of(1).unwrap().score, Some(0.0));
}

#[test]
fn refusals() {
    let portfolio = three();
    let option = |options: HealthOptions| match portfolio.health(day(NEW_YEAR + 75), options) {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    let weigh = |weight, scale| HealthOptions::new(HealthProfile::new("a").weigh(HealthMeasure::Tenure, weight, scale));
    assert_eq!(option(HealthOptions::new(HealthProfile::new("none"))), "profile");
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(option(weigh(weight, HealthScale::new(0.0, 1.0))), "weight");
    }
    for scale in [(1.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (-f64::MAX, f64::MAX)] {
        assert_eq!(option(weigh(1.0, HealthScale::new(scale.0, scale.1))), "scale");
    }
    for (average, good) in [(60.0, 50.0), (-1.0, 50.0), (10.0, 101.0), (f64::NAN, 50.0)] {
        assert_eq!(option(HealthOptions::default().bands(average, good)), "bands");
    }
    assert_eq!(option(HealthOptions::default().least_coverage(1.1)), "least_coverage");
    assert_eq!(option(HealthOptions::default().compared_with(0)), "compared_with");
    let unknown = HealthProfile::new("a").weigh(HealthSignal::trigger("nobody"), 1.0, HealthScale::new(1.0, 0.0));
    assert_eq!(option(unknown.into()), "signal");
    let mut twice = serde_json::to_value(silence()).unwrap();
    let again = twice["signals"][0].clone();
    twice["signals"].as_array_mut().unwrap().push(again);
    assert_eq!(option(serde_json::from_value::<HealthProfile>(twice).unwrap().into()), "profile");
    assert!(portfolio.health(day(NEW_YEAR - 1), silence()).is_err());
    assert!(portfolio.health_over_time([], silence()).is_err());
    let twice = [day(NEW_YEAR + 5), day(NEW_YEAR + 5)];
    assert!(portfolio.health_over_time(twice, silence()).is_err());
    let options = HealthOptions::default().segment("a", silence());
    let stored = serde_json::to_string(&options).unwrap();
    assert_eq!(serde_json::from_str::<HealthOptions>(&stored).unwrap(), options);
}

/// What is asked today of a past day is what was answered on it, for measures and triggers, and whoever left is not good.
#[test]
fn blind_to_the_future() {
    let company = company::company(SimulationOptions::new(60, 5).days(400).monthly_hazard(0.06));
    let profile = HealthMeasure::ALL
        .into_iter()
        .fold(HealthProfile::new("all"), |profile, measure| profile.weigh(measure, 1.0, HealthScale::new(0.0, 1.0)));
    let profile = profile.weigh(HealthSignal::trigger("support_spike"), 2.0, HealthScale::new(1.0, 0.0));
    let (mut left, mut scored) = (0, 0);
    for as_of in [date(2024, 7, 1), date(2024, 12, 2)] {
        let ask = |known| company::portfolio(&company, known).health(as_of, profile.clone()).unwrap();
        let (now, then) = (ask(None), ask(Some(as_of)));
        assert!(now.to_frame().unwrap().equals_missing(&then.to_frame().unwrap()));
        let pair = [&now, &then].map(|health| health.contributions_to_frame().unwrap());
        assert!(pair[0].equals_missing(&pair[1]));
        for own in now.iter().filter(|own| own.membership != Membership::Customer) {
            assert!(own.band.is_none() && own.score.is_none());
            left += 1;
        }
        scored += now.counts().customers();
    }
    assert!(left > 5 && scored > 30);
}

/// Measures of an account do not depend on the others, nor on the order of rows.
#[test]
fn a_part_is_scored_as_the_whole() {
    let company = company::company(SimulationOptions::new(40, 8).days(300).growth(Growth::SigningUp { at_start: 0.5 }));
    let as_of = date(2024, 9, 2);
    let all = company.portfolio().unwrap().health(as_of, HealthOptions::default()).unwrap();
    let few = company::company(SimulationOptions::new(15, 8).days(300).growth(Growth::SigningUp { at_start: 0.5 }));
    let few = few.portfolio().unwrap().health(as_of, HealthOptions::default()).unwrap();
    assert!(few.iter().len() > 5);
    for own in few.iter() {
        let same = all.of(own.account).unwrap();
        assert_eq!((own.score, own.band, own.change), (same.score, same.band, same.change));
    }
    let mut events = company.events().unwrap();
    events = events.reverse();
    let columns = EventColumns::new("user", "time").account("account").feature("feature");
    let build = |events: &DataFrame| {
        let builder = Activity::builder(&columns, &Calendar::utc()).observed_from(company.observed_from());
        let mut builder = builder.as_of(company.as_of());
        builder.push(events).unwrap();
        let terms = company.subscriptions().unwrap();
        Portfolio::new(builder.finish().unwrap())
            .unwrap()
            .subscriptions(&terms, &SubscriptionColumns::default())
            .unwrap()
    };
    let [one, other] = [events.reverse(), events]
        .map(|events| build(&events).health(as_of, HealthOptions::default()).unwrap().to_frame().unwrap());
    assert!(one.equals_missing(&other));
}

/// The score of one account, reckoned from its days alone.
fn naive(days: &[i32], as_of: i32) -> (f64, f64) {
    let known: Vec<i32> = days.iter().copied().filter(|&day| day <= as_of).collect();
    let (first, last) = (known[0], known[known.len() - 1]);
    let within = |from: i32, to: i32| (from..=to).filter(|day| known.contains(day)).count() as f64;
    let room = |from: i32, to: i32| (from..=to).filter(|&day| day >= first && day >= NEW_YEAR).count() as f64;
    let scale = |value: f64, poor: f64, good: f64| 100.0 * ((value - poor) / (good - poor)).clamp(0.0, 1.0);
    let mut parts = vec![(1.0, Some(scale(f64::from(as_of - last), 20.0, 0.0)))];
    let (baseline, days_then) = (within(as_of - 111, as_of - 28), room(as_of - 111, as_of - 28));
    let trend =
        (days_then >= 28.0 && baseline > 0.0).then(|| within(as_of - 27, as_of) / 28.0 / (baseline / days_then));
    parts.push((2.0, trend.map(|trend| scale(trend, 0.2, 1.2))));
    let week = room(as_of - 6, as_of) >= 7.0;
    parts.push((0.5, week.then(|| scale(within(as_of - 6, as_of), 0.0, 4.0))));
    let year: Vec<i32> = {
        let recent = known.iter().position(|&day| day > last - 364).unwrap_or(0);
        known[recent.saturating_sub(1)..].to_vec()
    };
    let usual = (year.len() > 2).then(|| {
        let (from, to) = (year[0], year[year.len() - 1]);
        let silences = (from..to).map(|day| f64::from(day - year.iter().rev().find(|&&own| own <= day).unwrap()));
        silences.sum::<f64>() / f64::from(to - from)
    });
    let rhythm = usual.map(|usual| (f64::from(as_of - last) + 1.0) / (usual + 1.0));
    parts.push((1.5, rhythm.map(|rhythm| scale(rhythm, 5.0, 1.0))));
    let seen: f64 = parts.iter().filter(|part| part.1.is_some()).map(|part| part.0).sum();
    let sum: f64 = parts.iter().filter_map(|part| Some(part.0 * part.1?)).sum();
    (sum / seen, seen / 5.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn oracle(days in proptest::collection::btree_map(0..6_i64, proptest::collection::btree_set(0..150_i32, 1..40), 1..6), at in 0..150_i32) {
        let days: BTreeMap<i64, Vec<i32>> =
            days.into_iter().map(|(account, days)| (account, days.into_iter().map(|day| NEW_YEAR + day).collect())).collect();
        let events: Vec<(i64, i32)> = days.iter().flat_map(|(&account, days)| days.iter().map(move |&day| (account, day))).collect();
        let portfolio = Portfolio::new(activity(&events, NEW_YEAR + 150)).unwrap().lapsed_after(400);
        let profile = HealthProfile::new("all")
            .weigh(HealthMeasure::DaysSinceLastEvent, 1.0, HealthScale::new(20.0, 0.0))
            .weigh(HealthMeasure::UsageTrend, 2.0, HealthScale::new(0.2, 1.2))
            .weigh(HealthMeasure::ActiveDays7, 0.5, HealthScale::new(0.0, 4.0))
            .weigh(HealthMeasure::SilenceAgainstRhythm, 1.5, HealthScale::new(5.0, 1.0));
        let as_of = NEW_YEAR + at;
        let health = portfolio.health(day(as_of), profile.clone()).unwrap();
        for (&account, days) in &days {
            let Some(own) = health.of(account) else {
                prop_assert!(days[0] > as_of);
                continue;
            };
            let (score, coverage) = naive(days, as_of);
            prop_assert!((own.score.unwrap() - score).abs() < 1e-9, "{own:?} {score}");
            prop_assert!((own.coverage.unwrap() - coverage).abs() < 1e-12, "{own:?} {coverage}");
            prop_assert_eq!(own.band.is_some(), coverage >= 0.5);
            if days[0] <= as_of - 28 && at >= 28 {
                let (before, _) = naive(days, as_of - 28);
                prop_assert!((own.previous_score.unwrap() - before).abs() < 1e-9);
                prop_assert!((own.change.unwrap() - (score - before)).abs() < 1e-9);
            }
        }
        // The history says what each day says, and its moves lead from one to the next.
        let dates = [day(NEW_YEAR + at / 2), day(as_of.max(NEW_YEAR + at / 2 + 1))];
        let history = portfolio.health_over_time(dates, profile.clone()).unwrap();
        for date in dates {
            prop_assert_eq!(history.counts(date).unwrap(), portfolio.health(date, profile.clone()).unwrap().counts());
        }
        let stored = serde_json::to_string(&history).unwrap();
        prop_assert_eq!(&serde_json::from_str::<HealthHistory>(&stored).unwrap(), &history);
    }
}

#[test]
fn history_by_hand() {
    let portfolio = three();
    let dates = [NEW_YEAR + 60, NEW_YEAR + 90, NEW_YEAR + 120].map(day);
    let sizes = df!("account" => [1_i64, 2], "size" => ["small", "large"]).unwrap();
    let columns = SegmentColumns::new("account", "size");
    let history = portfolio.health_over_time_by(dates, silence(), &sizes, &columns).unwrap();
    // Account 1 goes from good over poor to poor, 2 stays good, 3 leaves.
    let counts: Vec<[u64; 4]> = dates
        .map(|date| history.counts(date).unwrap())
        .map(|HealthCounts { good, average, poor, left, .. }| [good, average, poor, left])
        .into();
    assert_eq!(counts, [[3, 0, 0, 0], [2, 0, 1, 0], [1, 0, 1, 1]]);
    assert_eq!(history.moved(dates[1], HealthState::Good, HealthState::Poor), Some(1));
    assert_eq!(history.moved(dates[2], HealthState::Good, HealthState::Left), Some(1));
    assert_eq!(history.moved(dates[0], HealthState::Good, HealthState::Left), None);
    assert_eq!(history.segments().collect::<Vec<_>>(), [Some("large"), Some("small"), None]);
    assert_eq!(history.counts_of(dates[2], Some("small")).unwrap().poor, 1);
    assert_eq!(history.counts_of(dates[2], None).unwrap().left, 1);
    let frame = history.to_frame().unwrap();
    assert_eq!((frame.height(), frame.width()), (9, 11));
    let moves = history.moves_to_frame().unwrap();
    let sum: u64 = moves.column("accounts").unwrap().u64().unwrap().iter().flatten().sum();
    assert_eq!(sum, 6);
    let mut stored = serde_json::to_value(&history).unwrap();
    stored["counts"][1][0]["good"] = 7.into();
    assert!(serde_json::from_value::<HealthHistory>(stored).is_err());
    assert!(history.to_string().lines().count() < 30);
}

/// Tickets that are closed because an account leaves raise nothing.
#[test]
fn churn_turns_nothing_green() {
    let events: Vec<(i64, i32)> = (0..100).step_by(3).map(|day| (1, NEW_YEAR + day)).collect();
    let opened = vec![NEW_YEAR + 80; 5];
    let closed = vec![NEW_YEAR + 100; 5];
    let tickets = df!("account" => [1_i64; 5], "opened" => opened, "closed" => closed).unwrap();
    let tickets = dated(tickets, &["opened", "closed"]);
    let goodbyes = dated(df!("account" => [1_i64], "day" => [NEW_YEAR + 100]).unwrap(), &["day"]);
    let portfolio = Portfolio::new(activity(&events, NEW_YEAR + 120))
        .unwrap()
        .tickets(&tickets, &TicketColumns::new("account", "opened").closed("closed"))
        .unwrap()
        .cancellations(&goodbyes, &CancellationColumns::new("account", "day"))
        .unwrap();
    let profile = HealthProfile::new("tickets").weigh(HealthMeasure::OpenTickets, 1.0, HealthScale::new(5.0, 0.0));
    let band = |on: i32| {
        let health = portfolio.health(day(NEW_YEAR + on), profile.clone()).unwrap();
        health.of(1).map(|own| (own.membership, own.band))
    };
    assert_eq!(band(79), Some((Membership::Customer, Some(HealthBand::Good))));
    assert_eq!(band(99), Some((Membership::Customer, Some(HealthBand::Poor))));
    assert_eq!(band(100), Some((Membership::Left, None)));
    assert_eq!(band(120), Some((Membership::Left, None)));
}

/// Seats are those of all terms of a day, whether they were bought at once or one by one.
#[test]
fn seats_of_all_terms_of_a_day() {
    // By account: one year of 30 seats followed by three terms of 10; two terms of 10, of which one ended; 40 seats of long
    // before the two years that still ran in them, and half of them now; one term from the two years on.
    let (a, b) = (NEW_YEAR - 300, NEW_YEAR - 665);
    let terms = df!(
        "account" => [1_i64, 1, 1, 1, 2, 2, 3, 3, 4],
        "start" => [b, a, a, a, a, a, NEW_YEAR - 900, a, a],
        "renewal" => [Some(a), None, None, None, None, None, Some(a), None, None],
        "ended" => [None, None, None, None, None, Some(NEW_YEAR - 10), None, None, None],
        "seats" => [30.0, 10.0, 10.0, 10.0, 10.0, 10.0, 40.0, 20.0, 7.0],
    );
    let terms = dated(terms.unwrap(), &["start", "renewal", "ended"]);
    let columns = SubscriptionColumns::new("account", "start").renewal("renewal").ended("ended").seats("seats");
    let events = [(1, NEW_YEAR), (2, NEW_YEAR), (3, NEW_YEAR), (4, NEW_YEAR)];
    let portfolio = Portfolio::new(activity(&events, NEW_YEAR + 5)).unwrap().subscriptions(&terms, &columns).unwrap();
    let profile = HealthProfile::new("seats").weigh(HealthMeasure::SeatTrend, 1.0, HealthScale::new(0.0, 1.0));
    let health = portfolio.health(day(NEW_YEAR), profile).unwrap();
    let values: Vec<Option<f64>> = health.iter().map(|own| own.contributions().next().unwrap().value).collect();
    assert_eq!(values, [Some(1.0), Some(0.5), Some(0.5), Some(1.0)]);
}
