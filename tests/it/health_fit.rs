//! Fitted health: on companies of which the truth is known, and on real logs.

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, CancellationColumns, Cause, ChurnEvent, Company, Error, Estimate, EventColumns, FittedHealth,
    GoodWhen, Growth, HealthFitOptions, HealthMeasure, HealthProfile, HealthScale, HealthSignal, Interval, Planted,
    Portfolio, Seasonality, SimulationOptions, Verdict, date,
};

fn data(path: &str) -> PlRefPath {
    PlRefPath::new(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(path).to_string_lossy())
}

fn log(path: &str, user: &str, time: &str) -> Portfolio {
    let events = LazyFrame::scan_parquet(data(path), ScanArgsParquet::default()).unwrap();
    Portfolio::new(Activity::from_lazy(events, &EventColumns::new(user, time), &Calendar::utc()).unwrap()).unwrap()
}

fn silent(days: u32) -> HealthFitOptions {
    HealthFitOptions::from(ChurnEvent::ActivityEnded { silence_days: days })
}

/// Half the width of an interval.
fn half(of: Estimate) -> f64 {
    let Interval { lower, upper } = of.interval.unwrap();
    (upper - lower) / 2.0
}

/// What has to hold of every fit.
fn sound(fitted: &FittedHealth) {
    for own in fitted.signals() {
        for weight in [own.below(), own.above()].into_iter().flatten() {
            match own.signal().good_when() {
                GoodWhen::High => assert!(weight.value <= 0.0, "{own:?}"),
                GoodWhen::Low => assert!(weight.value >= 0.0, "{own:?}"),
                GoodWhen::Either => {}
            }
            assert!(weight.standard_error.is_some() || weight.value == 0.0);
        }
        let (from, to) = own.held_between();
        assert!(from <= own.bend() && own.bend() <= to, "{own:?}");
    }
    let accuracy = fitted.accuracy().unwrap();
    assert!(accuracy.fitted.end < accuracy.judged.start);
    let brier = accuracy.brier;
    assert!((brier.score - (brier.reliability - brier.resolution + brier.uncertainty + brier.within)).abs() < 1e-12);
    assert!(brier.within.abs() < 0.005, "{brier:?}");
    let bins: u64 = accuracy.reliability.iter().map(|bin| bin.accounts).sum();
    assert_eq!(bins, accuracy.accounts);
    let rising = |pair: &[attrition::ReliabilityBin]| pair[0].mean_probability < pair[1].mean_probability;
    assert!(accuracy.reliability.windows(2).all(rising));
    let [alone, all] =
        [accuracy.calibration_intercept, accuracy.calibration_intercept_in_all].map(|of| of.interval.unwrap());
    assert!(all.lower <= alone.lower && alone.upper <= all.upper);
    // A slope that is off by 0.15 is as usual as one standard deviation, whatever else is unsure.
    let [alone, all] = [accuracy.calibration_slope, accuracy.calibration_slope_in_all].map(|of| half(of.unwrap()));
    assert!(all * all - alone * alone >= (1.959_96_f64 * 0.15).powi(2) - 1e-9, "{alone} {all}");
    let text = serde_json::to_string(fitted).unwrap();
    // The text keeps all but the last digit.
    let read = serde_json::from_str::<FittedHealth>(&text).unwrap();
    assert_eq!(read.to_string(), fitted.to_string());
    assert_eq!(read.card().unwrap().signals(), fitted.card().unwrap().signals());
    let printed = format!("{fitted}\n{}", fitted.card().unwrap());
    assert!(printed.contains("days since last event"), "{printed}");
    assert_eq!(fitted.to_frame().unwrap().height(), fitted.signals().len());
    assert_eq!(fitted.reliability_to_frame().unwrap().height(), accuracy.reliability.len());
    assert!(fitted.card_to_frame().unwrap().height() > 2);
}

/// The score beats days since the last event by area and top-decile lift, beyond chance.
fn beats(fitted: &FittedHealth) {
    sound(fitted);
    let accuracy = fitted.accuracy().unwrap();
    assert_eq!(accuracy.verdict(), Verdict::Better, "{fitted}");
    assert_eq!(accuracy.top_decile_verdict(), Verdict::Better, "{fitted}");
    assert!(accuracy.top_decile_lift > accuracy.plain_top_decile_lift);
    // A person with a card loses little of it.
    assert!(accuracy.card_area_difference.unwrap().value > -0.06, "{fitted}");
}

#[test]
fn commits() {
    for path in ["git_cargo/commits.parquet", "git_rails/commits.parquet"] {
        let portfolio = log(path, "user_id", "timestamp");
        beats(&portfolio.fit_health(silent(180)).unwrap());
    }
}

#[test]
fn purchases() {
    let lines = LazyFrame::scan_parquet(data("online_retail/lines.parquet"), ScanArgsParquet::default())
        .unwrap()
        .filter(col("quantity").gt(lit(0)).and(col("unit_price").gt(lit(0.0))));
    let activity =
        Activity::from_lazy(lines, &EventColumns::new("customer_id", "invoice_date"), &Calendar::utc()).unwrap();
    let portfolio = Portfolio::new(activity).unwrap();
    beats(&portfolio.fit_health(HealthFitOptions::new()).unwrap());
}

#[test]
fn launch_of_a_game() {
    let portfolio = log("gamelaunch/events.parquet", "user_id", "date");
    let options = silent(5).lead_days(0).horizon_days(5).from_date(date(2016, 5, 8)).every(1);
    beats(&portfolio.fit_health(options).unwrap());
}

/// Accounts that all leave more readily once struck, and are struck in ways that show.
fn company(accounts: usize, seed: u64) -> Company {
    let causes = [Cause::UsageDecline, Cause::PaymentTrouble, Cause::SupportTrouble, Cause::SeatLoss]
        .map(|cause| Planted::new(cause, 0.15, 0.7));
    let options = SimulationOptions::new(accounts, seed).causes(causes).monthly_hazard(0.015);
    Company::simulate(options.growth(Growth::Settled).seasonality(Seasonality::Flat)).unwrap()
}

#[test]
fn simulated_companies() {
    let mut calibrated = 0;
    for seed in [3, 4, 5, 6] {
        let portfolio = company(900, seed).portfolio().unwrap();
        let options = HealthFitOptions::new().signals([
            HealthMeasure::DaysSinceLastEvent,
            HealthMeasure::EventsAgainstPast,
            HealthMeasure::PeopleAgainstPast,
            HealthMeasure::DaysOverdue,
            HealthMeasure::LatePayments,
            HealthMeasure::RecentTickets,
            HealthMeasure::OpenTickets,
            HealthMeasure::SeatTrend,
        ]);
        let fitted = portfolio.fit_health(options).unwrap();
        sound(&fitted);
        let accuracy = fitted.accuracy().unwrap();
        println!("{fitted}");
        calibrated += usize::from(accuracy.is_calibrated_in_all());
        assert_eq!((accuracy.verdict(), accuracy.top_decile_verdict()), (Verdict::Better, Verdict::Better), "{fitted}");
        // Of the bins nearly all have what they were told.
        let holds = |interval: Interval, told: f64| interval.lower <= told && told <= interval.upper;
        let missed = accuracy.reliability.iter().filter(|bin| !holds(bin.rate.interval.unwrap(), bin.mean_probability));
        assert!(missed.count() <= 3, "{fitted}");

        let as_of = portfolio.activity().as_of();
        let health = portfolio.health(as_of, &fitted).unwrap();
        let mut all = 0;
        for own in health.iter().filter(|own| own.score.is_some()) {
            // The score is the odds against those of the base rate.
            let odds = |chance: f64| chance / (1.0 - chance);
            let score = 100.0 / (1.0 + odds(own.churn_probability.unwrap()) / odds(fitted.base_rate()));
            assert!((own.score.unwrap() - score).abs() < 1e-9);
            let card = fitted.card().unwrap();
            assert!(card.total(&own).unwrap() <= card.most());
            all += 1;
        }
        assert!(all > 100);
        // Other weights have not asked for what is on the card, but for all of it or for more it is the same.
        let card = fitted.card().unwrap();
        let weighed = |profile: HealthProfile, signal: &HealthSignal| {
            profile.weigh(signal.clone(), 1.0, HealthScale::new(0.0, 1.0))
        };
        let whole = card.signals().iter().fold(HealthProfile::new("whole"), |all, own| weighed(all, &own.signal));
        let part = weighed(HealthProfile::new("part"), &card.signals()[0].signal);
        let totals = |profile: HealthProfile| -> Vec<Option<u32>> {
            portfolio.health(as_of, profile).unwrap().iter().map(|own| card.total(&own)).collect()
        };
        let by_fit: Vec<Option<u32>> = health.iter().map(|own| card.total(&own)).collect();
        let by_whole = totals(whole);
        assert!(by_whole.iter().zip(&by_fit).all(|(whole, fit)| whole.is_none() || whole == fit));
        assert!(by_whole.iter().flatten().count() > 100 && card.signals().len() > 1);
        assert_eq!(totals(part).iter().flatten().count(), 0);
        // All accounts have the same level: what an account would have with every contribution as usual.
        let mut levels = health.iter().filter(|own| own.score.is_some()).map(|own| {
            let chance = own.churn_probability.unwrap();
            (chance / (1.0 - chance)).ln() + own.contributions().filter_map(|own| own.points).sum::<f64>()
        });
        let first = levels.next().unwrap();
        assert!(levels.all(|level| (level - first).abs() < 1e-9));
    }
    // Intervals of 95 % for two numbers: of four companies one may miss.
    assert!(calibrated >= 3, "{calibrated}");
}

/// A company of so many places that never change: a customer who leaves is replaced on the next day by one who comes as often.
/// The more seldom one comes the sooner one leaves where it is steep, by a hazard that is the same on every day, so that the base rate and
/// what precedes churn are the same at all times.
fn steady(places: i64, seed: u64, steepness: f64) -> Portfolio {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut account, mut day, mut left, mut on) = (vec![], vec![], vec![], vec![]);
    let mut next = places;
    for place in 0..places {
        let mut own = place;
        let often = 0.15 + 0.7 * (place as f64 + 0.5) / places as f64;
        let hazard = 0.004 * (-steepness * (often - 0.15)).exp();
        for today in 19_723..20_453 {
            if uniform() < hazard {
                left.push(own);
                on.push(today);
                (own, next) = (next, next + 1);
            } else if uniform() < often {
                account.push(own);
                day.push(today);
            }
        }
    }
    let dated = |mut frame: DataFrame| {
        frame.apply("day", |day| day.cast(&DataType::Date).unwrap()).unwrap();
        frame
    };
    let events = dated(df!("account" => account, "day" => day).unwrap());
    let activity = Activity::from_frame(&events, &EventColumns::new("account", "day"), &Calendar::utc()).unwrap();
    let goodbyes = dated(df!("account" => left, "day" => on).unwrap());
    Portfolio::new(activity).unwrap().cancellations(&goodbyes, &CancellationColumns::new("account", "day")).unwrap()
}

/// Where nothing drifts, the intervals of the judged outcomes alone hold about as often as they say. They leave out that the
/// model errs as well with the outcomes that it was fitted to: where these are as many as the judged ones, errors are √2 times
/// as large, and an interval of 95 % holds in 83 % of companies. And on the whole chances are neither too high nor too low,
/// nor too far apart.
#[test]
fn calibrated_where_nothing_drifts() {
    let (mut intercepts, mut slopes, mut in_all) = (0, 0, [0; 2]);
    let (mut shifts, mut turns) = (Vec::new(), Vec::new());
    for seed in 1..=20 {
        let options = HealthFitOptions::new().signals([HealthMeasure::ActiveDays28, HealthMeasure::DaysSinceLastEvent]);
        let fitted = steady(400, seed, 4.0).fit_health(options).unwrap();
        let accuracy = fitted.accuracy().unwrap();
        let (intercept, slope) = (accuracy.calibration_intercept, accuracy.calibration_slope.unwrap());
        let holds = |interval: Option<Interval>, value: f64| {
            usize::from(interval.is_some_and(|own| own.lower <= value && value <= own.upper))
        };
        // What is unsure beside the meaning of signals is about as much as the judged outcomes are.
        let in_all_alone = [half(accuracy.calibration_slope_in_all.unwrap()), half(slope)];
        let beside = (in_all_alone[0].powi(2) - in_all_alone[1].powi(2)).sqrt() / 1.959_96;
        assert!((0.16..0.4).contains(&beside), "{beside}");
        let own = [holds(intercept.interval, 0.0), holds(slope.interval, 1.0)];
        assert_eq!(accuracy.is_calibrated(), own == [1, 1]);
        (intercepts, slopes) = (intercepts + own[0], slopes + own[1]);
        in_all[0] += holds(accuracy.calibration_intercept_in_all.interval, 0.0);
        in_all[1] += holds(accuracy.calibration_slope_in_all.unwrap().interval, 1.0);
        shifts.push(intercept.value);
        turns.push(slope.value - 1.0);
    }
    println!("{intercepts} {slopes} {in_all:?}: {shifts:.2?} {turns:.2?}");
    assert!(intercepts >= 16 && slopes >= 16, "{intercepts} {slopes} of 20");
    assert!(in_all.iter().all(|&held| held >= 19), "{in_all:?} of 20");
    for own in [shifts, turns] {
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let variance = own.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / (count - 1.0);
        assert!(mean.abs() < 2.0 * (variance / count).sqrt(), "{mean} of {own:?}");
    }
}

/// Where nobody leaves for what they do, chances are drawn in and hardly differ.
#[test]
fn nothing_to_tell() {
    let mut flat = 0;
    for seed in 1..=6 {
        let fitted = steady(150, seed, 0.0).fit_health(HealthFitOptions::new()).unwrap();
        flat += usize::from(fitted.drawn_in() <= 0.1);
        assert!(fitted.drawn_in() < 0.9, "{fitted}");
        let health = steady(150, seed, 0.0);
        let health = health.health(health.activity().as_of(), &fitted).unwrap();
        let chances = || health.iter().filter_map(|own| own.churn_probability);
        let (least, most) = (chances().fold(1.0, f64::min), chances().fold(0.0, f64::max));
        assert!(most - least < 0.15, "{seed}: {least} to {most}");
    }
    assert!(flat >= 2, "{flat}");
}

/// What is fitted to the past does not change with what comes later than it needs.
#[test]
fn blind_to_the_future() {
    let portfolio = log("git_cargo/commits.parquet", "user_id", "timestamp");
    let (from, to) = (date(2018, 1, 7), date(2020, 1, 5));
    let options = silent(90).from_date(from).to_date(to).every(56);
    let fitted = portfolio.fit_health(options.clone()).unwrap();
    // The last date is known 14 + 60 + 89 days after it.
    let then = Portfolio::new(portfolio.activity().at(to + 163).unwrap()).unwrap();
    assert_eq!(then.fit_health(options.clone()).unwrap(), fitted);
    assert!(Portfolio::new(portfolio.activity().at(to + 162).unwrap()).unwrap().fit_health(options).is_err());
    let now = portfolio.health(date(2021, 3, 7), &fitted).unwrap();
    let before = Portfolio::new(portfolio.activity().at(date(2021, 3, 7)).unwrap()).unwrap();
    let before = before.health(date(2021, 3, 7), &fitted).unwrap();
    assert!(now.to_frame().unwrap().equals_missing(&before.to_frame().unwrap()));
}

/// What is served of an account of which a signal was not observed is what the fit learnt of such accounts.
#[test]
fn not_observed_has_a_weight_of_its_own() {
    let portfolio = log("git_cargo/commits.parquet", "user_id", "timestamp");
    let signals = [HealthMeasure::DaysSinceLastEvent, HealthMeasure::UsualSilence];
    let fitted = portfolio.fit_health(silent(180).signals(signals)).unwrap();
    // The last past date, 14 + 60 + 179 days.
    assert_eq!(fitted.knows_until(), fitted.dates().last().unwrap().date + 253);
    let own = fitted.signals().iter().find(|own| *own.signal() == HealthMeasure::UsualSilence.into()).unwrap();
    let missing = own.missing().unwrap().value;
    assert!(missing != 0.0 && own.observed_share() < 1.0, "{own:?}");
    let usual = serde_json::to_value(own).unwrap()["usual"].as_f64().unwrap();
    let health = portfolio.health(fitted.dates()[3].date, &fitted).unwrap();
    let mut unobserved = 0;
    for own in health.iter().filter(|own| own.score.is_some()) {
        let silence = own.contributions().nth(1).unwrap();
        if silence.value.is_none() {
            assert!((silence.points.unwrap() - (usual - missing)).abs() < 1e-9, "{silence:?}");
            unobserved += 1;
        }
    }
    assert!(unobserved > 10, "{unobserved}");
}

#[test]
fn refusals() {
    let portfolio = log("git_cargo/commits.parquet", "user_id", "timestamp");
    let option = |options: HealthFitOptions| match portfolio.fit_health(options) {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    assert_eq!(option(silent(90).signals(Vec::<HealthSignal>::new())), "signals");
    assert_eq!(option(silent(90).with(HealthMeasure::Tenure)), "signals");
    assert_eq!(option(silent(90).signals([HealthSignal::trigger("nobody")])), "signal");
    assert_eq!(option(silent(90).horizon_days(0)), "horizon_days");
    // Nobody is silent for twenty years, as far as is known.
    assert_eq!(
        option(silent(3_000).from_date(date(2014, 5, 1)).to_date(date(2014, 5, 1)).horizon_days(1)),
        "from .. to"
    );
    // With one date there is nothing to judge on.
    let one = portfolio.fit_health(silent(90).from_date(date(2018, 1, 7)).to_date(date(2018, 1, 7))).unwrap();
    assert!(one.accuracy().is_none() && one.to_string().contains("not judged"));
    let mut stored = serde_json::to_value(&one).unwrap();
    stored["signals"][0]["scale"] = 0.0.into();
    assert!(serde_json::from_value::<FittedHealth>(stored).is_err());
}

/// Days since the last event tell no more than themselves, and a log by itself little more: the report says why.
#[test]
fn says_why_it_falls_short() {
    let portfolio = company(120, 3).portfolio().unwrap();
    let fit = |signals: Vec<HealthMeasure>| portfolio.fit_health(HealthFitOptions::new().signals(signals)).unwrap();
    let plain = fit(vec![HealthMeasure::DaysSinceLastEvent]);
    let accuracy = plain.accuracy().unwrap();
    assert_ne!(accuracy.verdict(), Verdict::Better);
    let text = plain.to_string();
    assert!(text.contains("not seen to be better than days since the last event:"), "{text}");
    assert_eq!(text.contains("few departures"), accuracy.left < 100, "{text}");
    assert!(!text.contains("most signals not observed"), "{text}");
    // Answers and contacts are not in every company.
    let activity = Portfolio::new(portfolio.activity().clone()).unwrap();
    let options = silent(60).signals([
        HealthMeasure::DaysSinceLastEvent,
        HealthMeasure::DaysOverdue,
        HealthMeasure::OpenTickets,
        HealthMeasure::SeatTrend,
    ]);
    let little = activity.fit_health(options).unwrap();
    if let Some(accuracy) = little.accuracy().filter(|accuracy| accuracy.verdict() != Verdict::Better) {
        let text = little.to_string();
        assert!(text.contains("most signals not observed: 1 of 4"), "{text}");
        assert_eq!(
            text.contains("holds 0"),
            accuracy.verdict() == Verdict::NotTold && accuracy.area_difference.is_some()
        );
    }
}
