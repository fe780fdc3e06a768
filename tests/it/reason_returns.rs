//! Incidence of reasons, win-backs, warnings and what is worth mending, against one look at every record.

use std::collections::{BTreeMap, BTreeSet};

use attrition::polars::prelude::*;
use attrition::{
    Activity, Calendar, Cancellation, ChurnRecords, CompetingRiskColumns, CompetingRisks, CumulativeIncidenceOptions,
    CustomerColumns, CustomersAtRisk, Date, Error, EventColumns, ExchangeRates, KaplanMeierOptions, LifetimeColumns,
    Lifetimes, Period, Portfolio, Reason, ReasonAxis, ReasonDirection, ReasonIncidence, ReasonIncidenceOptions,
    ReasonLevel, ReasonTrendsOptions, ReasonsByTrigger, ReasonsByTriggerOptions, RecordGroup, SubscriptionColumns,
    Warning, WarningColumns, Warnings, WinBack, WinBacks, WinBacksOptions, WorthMending, date,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::reason_mix::{cancellations, comes_back, near, of, reason, taxonomy};

fn dates(days: &[Date]) -> Column {
    let days: Vec<i32> = days.iter().map(|&day| day - date(1970, 1, 1)).collect();
    Column::new("since".into(), days).cast(&DataType::Date).unwrap()
}

fn customers(rows: &[(u32, Date, Option<&str>)]) -> DataFrame {
    let mut frame = df!(
        "id" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "plan" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
    )
    .unwrap();
    frame.with_column(dates(&rows.iter().map(|row| row.1).collect::<Vec<_>>())).unwrap();
    frame
}

fn columns() -> CustomerColumns {
    CustomerColumns::new("id", "since").group("plan")
}

const AXIS: ReasonAxis = ReasonAxis::FoundElseStated;

/// Entry, time, cause and group.
type Spell = (Option<f64>, f64, Option<String>, Option<String>);

proptest! {
    #[test]
    fn incidence(
        all in cancellations(),
        starts in vec((0..80_u32, -300..220_i32, option::of(select(&["large", "tiny"][..]))), 0..100),
        as_of in 0..220_i32,
        from in option::of(-100..150_i32),
        by in option::of(Just(RecordGroup::Plan)),
    ) {
        let day = |day: i32| date(2023, 11, 20) + day;
        let rows: Vec<(u32, Date, Option<&str>)> = starts.iter().map(|&(who, start, plan)| (who, day(start), plan)).collect();
        let as_of = day(as_of);
        let mut options = ReasonIncidenceOptions::new(as_of);
        if let Some(from) = from { options = options.observed_from(day(from)); }
        if let Some(by) = by { options = options.by(by); }
        let answer = of(&all).reason_incidence(&customers(&rows), &columns(), options).unwrap();

        // Customer by customer, day by day.
        let mut spells: Vec<Spell> = Vec::new();
        let (mut without_start, mut before) = (0, 0);
        let everybody: BTreeSet<u32> = (0..80).collect();
        for who in everybody {
            let mut mine: Vec<&Cancellation> = all.iter().filter(|one| one.customer == who.into() && one.date <= as_of).collect();
            mine.sort_by_key(|one| one.date);
            let mut begun: Vec<_> = rows.iter().filter(|row| row.0 == who).collect();
            begun.sort();
            let mut after: Option<Date> = None;
            let mut add = |start: Option<Date>, end: Date, cause: Option<String>, group: Option<String>| {
                match (start.filter(|&start| start <= end), from.map(day)) {
                    (None, _) => without_start += 1,
                    (Some(_), Some(from)) if end < from => before += 1,
                    (Some(start), from) => {
                        let entry = from.filter(|&from| start < from).map(|from| f64::from(from - start - 1));
                        spells.push((entry, f64::from(end - start), cause, group));
                    }
                }
            };
            for one in mine {
                let row = begun.iter().find(|row| after.is_none_or(|after| row.1 > after)).filter(|row| row.1 <= one.date);
                let start = one.started_on.or(row.map(|row| row.1));
                let cause = reason(one, AXIS, ReasonLevel::Reason).map_or("not told".to_owned(), |reason| reason.to_string());
                let own = one.plan.clone().filter(|_| by.is_some());
                add(start, one.date, Some(cause), own.or_else(|| row?.2.map(str::to_owned)));
                after = Some(one.date);
            }
            if let Some(row) = begun.iter().find(|row| after.is_none_or(|after| row.1 > after) && row.1 <= as_of) {
                add(Some(row.1), as_of, None, row.2.map(str::to_owned));
            }
        }
        prop_assert_eq!((answer.without_start(), answer.before()), (without_start, before));
        let frame = df!(
            "entry" => spells.iter().map(|spell| spell.0).collect::<Vec<_>>(),
            "time" => spells.iter().map(|spell| spell.1).collect::<Vec<_>>(),
            "cause" => spells.iter().map(|spell| spell.2.clone()).collect::<Vec<_>>(),
            "group" => spells.iter().map(|spell| spell.3.clone()).collect::<Vec<_>>(),
        ).unwrap();
        let read = CompetingRiskColumns::new("time", "cause").entry("entry").group("group");
        let risks = CompetingRisks::from_frame(&frame, &read).unwrap();
        let expected = risks.cumulative_incidence(CumulativeIncidenceOptions::new()).unwrap();
        let got = answer.incidence();
        prop_assert_eq!(got.groups(), expected.groups());
        for curve in got.curves() {
            let same = expected.curve(curve.group.as_deref(), &curve.cause);
            prop_assert_eq!(curve.points(), same.map_or(&[][..], |same| same.points()));
        }
        prop_assert_eq!(got.curves().iter().map(|curve| curve.ended()).sum::<u64>(), risks.ended());
        let late = spells.iter().any(|spell| spell.0.is_some());
        prop_assert_eq!(answer.tests().is_some(), got.groups().len() > 1 && !late);
        prop_assert_eq!(answer.to_frame().unwrap().width(), 10);
        comes_back::<ReasonIncidence>(&answer);
    }

    #[test]
    fn win_backs(
        mut all in cancellations(),
        states in vec((0..4_u8, 0..90_i32), 120),
        as_of in 0..260_i32,
        level in select(&[ReasonLevel::Category, ReasonLevel::Reason][..]),
    ) {
        let as_of = date(2023, 11, 20) + as_of;
        for (one, (state, days)) in all.iter_mut().zip(&states) {
            one.win_back = match state {
                0 => None,
                1 => Some(WinBack::InProgress),
                2 => Some(WinBack::GivenUp),
                _ => Some(WinBack::WonBack(one.date + *days)),
            };
        }
        let answer = of(&all).win_backs(WinBacksOptions::new(as_of).level(level).within([10, 60])).unwrap();
        prop_assert_eq!(answer.later(), all.iter().filter(|one| one.date > as_of).count() as u64);
        for returns in answer.reasons().iter().chain([answer.all()]) {
            let mine: Vec<&Cancellation> = all.iter()
                .filter(|one| one.date <= as_of)
                .filter(|one| returns.reason.is_none() || reason(one, AXIS, level) == returns.reason)
                .collect();
            let next = |one: &Cancellation| {
                all.iter().filter(|other| other.customer == one.customer && other.date > one.date).min_by_key(|other| other.date)
            };
            let end = |one: &Cancellation| next(one).map_or(as_of, |next| next.date.min(as_of));
            let back = |one: &Cancellation| {
                let started = next(one).and_then(|next| next.started_on).filter(|&start| start > one.date);
                let recorded = one.win_back.and_then(WinBack::returned_on);
                recorded.into_iter().chain(started).filter(|&back| back <= end(one)).min()
            };
            let open = |one: &Cancellation| back(one).is_none() && next(one).is_none_or(|next| next.date > as_of);
            prop_assert_eq!(returns.cancellations, mine.len() as u64);
            prop_assert_eq!(returns.returned, mine.iter().filter(|one| back(one).is_some()).count() as u64);
            let undated = mine.iter().filter(|one| back(one).is_none() && !open(one)).count() as u64;
            prop_assert_eq!(returns.returned_undated, undated);
            let given_up = mine.iter().filter(|one| one.win_back == Some(WinBack::GivenUp) && open(one)).count() as u64;
            prop_assert_eq!(returns.given_up, given_up);
            let value = |all: bool| mine.iter().filter(|one| all || back(one).is_some()).filter_map(|one| one.value).sum::<f64>();
            prop_assert!(near(returns.value.unwrap(), value(true)) && near(returns.value_returned.unwrap(), value(false)));
            prop_assert!(returns.value_returned.unwrap().is_sign_positive());
            prop_assert_eq!(returns.without_value, mine.iter().filter(|one| one.value.is_none()).count() as u64);
            let decided = returns.returned + given_up;
            prop_assert_eq!(returns.success, (decided > 0).then(|| returns.returned as f64 / decided as f64));
            // The curve is that of Kaplan and Meier of the times away.
            let time: Vec<i32> = mine.iter().map(|one| back(one).unwrap_or(end(one)) - one.date).collect();
            let ended: Vec<bool> = mine.iter().map(|one| back(one).is_some()).collect();
            let frame = df!("time" => time, "ended" => ended).unwrap();
            let lifetimes = Lifetimes::from_frame(&frame, &LifetimeColumns::new("time", "ended")).unwrap();
            let curve = lifetimes.kaplan_meier(KaplanMeierOptions::new()).unwrap();
            prop_assert_eq!(returns.away.points(), curve.points());
            for within in &returns.within {
                let expected = curve.at(f64::from(within.days)).map(|point| 1.0 - point.survival);
                prop_assert_eq!(within.share, expected);
                let holds = within.interval.zip(within.share)
                    .is_none_or(|(ends, share)| ends.lower <= share + 1e-12 && share <= ends.upper + 1e-12);
                prop_assert!(holds);
            }
        }
        prop_assert_eq!(answer.to_frame().unwrap().shape(), (answer.reasons().len() + 1, 19));
        let text = answer.to_string();
        prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
        comes_back::<WinBacks>(&answer);
        let turned: Vec<Cancellation> = all.iter().rev().cloned().collect();
        let turned = of(&turned).win_backs(WinBacksOptions::new(as_of).level(level).within([10, 60])).unwrap();
        prop_assert_eq!(turned, answer);
    }

    #[test]
    fn warnings(
        all in cancellations(),
        alerts in vec((0..70_u32, select(&["silence", "seats", "tickets"][..]), -100..200_i32), 0..120),
        within in prop_oneof![Just(30_u32), Just(365)],
        early in 1..40_u32,
        (from, to) in (-400..150_i32, -50..250_i32),
    ) {
        let fired_on = |day: i32| date(2023, 11, 20) + day;
        let mut frame = df!(
            "id" => alerts.iter().map(|alert| alert.0).collect::<Vec<_>>(),
            "what" => alerts.iter().map(|alert| alert.1).collect::<Vec<_>>(),
        ).unwrap();
        frame.with_column(dates(&alerts.iter().map(|alert| fired_on(alert.2)).collect::<Vec<_>>())).unwrap();
        let records = of(&all);
        let columns = WarningColumns::new("id", "what", "since");
        let read = Warnings::from_frame(&records, &frame, &columns, fired_on(from)..=fired_on(to), within).unwrap();
        let answer = records.reasons_by_trigger(&read, ReasonsByTriggerOptions::new().early(early)).unwrap();
        let lead = |one: &Cancellation, trigger: Option<&str>| {
            let last = all.iter().filter(|other| other.customer == one.customer && other.date < one.date).map(|other| other.date).max();
            alerts.iter()
                .filter(|alert| one.customer == alert.0.into() && trigger.is_none_or(|trigger| trigger == alert.1))
                .map(|alert| fired_on(alert.2))
                .filter(|&day| day < one.date && one.date - day <= within as i32 && last.is_none_or(|last| day > last))
                .map(|day| (one.date - day) as u32)
                .max()
        };
        let throughout = |one: &Cancellation| fired_on(from) <= one.date - within as i32 && one.date - 1 <= fired_on(to);
        let watched = |one: &&Cancellation| !alerts.is_empty() && (throughout(one) || lead(one, None).is_some());
        prop_assert_eq!(answer.not_watched(), all.iter().filter(|one| !watched(one)).count() as u64);
        for row in answer.reasons().iter().chain([answer.all()]) {
            let mine: Vec<&Cancellation> = all.iter().filter(watched)
                .filter(|one| row.reason.is_none() || reason(one, AXIS, ReasonLevel::Reason) == row.reason).collect();
            prop_assert_eq!(row.watched, mine.len() as u64);
            prop_assert_eq!(row.warned, mine.iter().filter(|one| lead(one, None).is_some()).count() as u64);
            prop_assert_eq!(row.early, mine.iter().filter(|one| lead(one, None).is_some_and(|days| days >= early)).count() as u64);
            let value = |warned: bool| mine.iter().filter(|one| warned || lead(one, None).is_none()).filter_map(|one| one.value).sum::<f64>();
            prop_assert!(near(row.value.unwrap(), value(true)) && near(row.value_without_warning.unwrap(), value(false)));
            prop_assert_eq!(row.without_value, mine.iter().filter(|one| one.value.is_none()).count() as u64);
        }
        for pair in answer.pairs() {
            let mut leads: Vec<u32> = all.iter().filter(watched)
                .filter(|one| reason(one, AXIS, ReasonLevel::Reason).as_ref() == Some(&pair.reason))
                .filter_map(|one| lead(one, Some(&pair.trigger))).collect();
            leads.sort_unstable();
            prop_assert_eq!(pair.warned.count, leads.len() as u64);
            let seen = all.iter()
                .filter(|one| reason(one, AXIS, ReasonLevel::Reason).as_ref() == Some(&pair.reason))
                .filter(|one| throughout(one) || lead(one, Some(&pair.trigger)).is_some()).count() as u64;
            prop_assert_eq!(pair.watched, seen);
            prop_assert!(near(pair.share, leads.len() as f64 / seen as f64));
            prop_assert_eq!(pair.early, leads.iter().filter(|&&days| days >= early).count() as u64);
            let middle = (!leads.is_empty()).then(|| f64::from(leads[(leads.len() - 1) / 2] + leads[leads.len() / 2]) / 2.0);
            prop_assert_eq!(pair.median_lead, middle);
            let warned = || all.iter()
                .filter(|one| reason(one, AXIS, ReasonLevel::Reason).as_ref() == Some(&pair.reason))
                .filter(|one| lead(one, Some(&pair.trigger)).is_some());
            prop_assert!(near(pair.value.unwrap(), warned().filter_map(|one| one.value).sum()));
            prop_assert_eq!(pair.without_value, warned().filter(|one| one.value.is_none()).count() as u64);
        }
        prop_assert_eq!(answer.to_frame().unwrap().shape(), (answer.pairs().len(), 15));
        let text = answer.to_string();
        prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
        comes_back::<ReasonsByTrigger>(&answer);

        // What is worth mending rests on the trends.
        let as_of = fired_on(190);
        let trends = ReasonTrendsOptions::new(Period::Month, as_of).observed_from(fired_on(0));
        let worth = records.worth_mending(trends.clone(), Some(&read)).unwrap();
        let trends = records.reason_trends(trends).unwrap();
        let span = worth.period().unwrap();
        let total: f64 = all.iter().filter(|one| span.start <= one.date && one.date <= span.end)
            .filter(|one| reason(one, AXIS, ReasonLevel::Reason).is_some()).filter_map(|one| one.value).sum();
        let shares: f64 = worth.reasons().iter().filter_map(|reason| reason.share).sum();
        prop_assert!(worth.reasons().iter().all(|reason| reason.cancellations == 0) || near(shares, 1.0), "{}", worth);
        prop_assert!(near(worth.reasons().iter().filter_map(|reason| reason.value).sum(), total));
        let last = trends.periods().iter().position(|period| period.span == span).unwrap();
        for row in worth.reasons() {
            let trend = trends.of(&row.reason).unwrap();
            prop_assert_eq!((row.cancellations, row.value), (trend.cells[last].cancellations, trend.cells[last].value));
            let unknown = all.iter().filter(|one| span.start <= one.date && one.date <= span.end && one.value.is_none())
                .filter(|one| reason(one, AXIS, ReasonLevel::Reason).as_ref() == Some(&row.reason)).count() as u64;
            prop_assert_eq!(row.without_value, unknown);
        }
        prop_assert!(worth.two().count() <= 2);
        comes_back::<WorthMending>(&worth);
        prop_assert_eq!(worth.to_frame().unwrap().shape(), (worth.reasons().len(), 16));
    }
}

#[test]
fn groups_are_tested() {
    // Of 40 on each plan, 30 and 10 leave for the price within the year.
    let start = date(2025, 1, 1);
    let rows: Vec<(u32, Date, Option<&str>)> =
        (0..80).map(|who| (who, start, Some(if who < 40 { "small" } else { "large" }))).collect();
    let leaves = |who: &u32| *who < 30 || (40..50).contains(who);
    let all: Vec<Cancellation> = (0..80)
        .filter(leaves)
        .map(|who| Cancellation::new(who, start + 10 + who as i32, Reason::from("price/terms")))
        .collect();
    let answer = of(&all).reason_incidence(&customers(&rows), &columns(), date(2025, 12, 31)).unwrap();
    let test = answer.tests().unwrap().of("price/terms").unwrap();
    assert!(test.adjusted_p_value.unwrap() < 1e-4, "{test:?}");
    let curve = answer.incidence().curve(Some("small"), "price/terms").unwrap();
    assert!(near(curve.at(364.0).unwrap().incidence, 0.75));
    assert!(answer.to_string().contains("Gray's test"), "{answer}");
    // Watched from March on only: late entries have no test.
    let late = ReasonIncidenceOptions::new(date(2025, 12, 31)).observed_from(date(2025, 1, 15));
    let late = of(&all).reason_incidence(&customers(&rows), &columns(), late).unwrap();
    assert_eq!((late.tests(), late.before()), (None, 4));
}

/// Accounts 1 to 4 with subscriptions: 1 cancels and comes back, 2 cancels, 3 and 4 stay.
fn portfolio(subscriptions: bool) -> Portfolio {
    let mut events = df!("account" => [1, 1, 2, 3, 3, 4, 1], "day" => [0, 5, 3, 0, 100, 90, 60]).unwrap();
    events.apply("day", |day| (day + 19_723).cast(&DataType::Date).unwrap()).unwrap();
    let activity = Activity::from_frame(&events, &EventColumns::new("account", "day"), &Calendar::utc()).unwrap();
    let portfolio = Portfolio::new(activity).unwrap();
    if !subscriptions {
        return portfolio;
    }
    let mut terms = df!(
        "account" => [1, 1, 2, 3, 4],
        "from" => [0, 40, 0, 0, 50],
        "until" => [Some(20), None, Some(30), None, None],
        "plan" => ["s", "m", "s", "s", "m"],
    )
    .unwrap();
    for column in ["from", "until"] {
        terms.apply(column, |day| (day + 19_723).cast(&DataType::Date).unwrap()).unwrap();
    }
    let columns = SubscriptionColumns::new("account", "from").ended("until").plan("plan");
    portfolio.subscriptions(&terms, &columns).unwrap()
}

#[test]
fn a_portfolio_knows_who_came_back_and_who_is_here() {
    let start = date(2024, 1, 1);
    let left = |who: u32, day| Cancellation::new(who, start + day, Reason::from("price/terms"));
    let records = of(&[left(1, 20), left(2, 30)]);
    let as_of = start + 100;
    let back = portfolio(true).win_backs(&records, as_of).unwrap();
    assert_eq!((back.all().returned, back.all().away.points()[0].time), (1, 20.0));
    // By activity: 1 is active 40 days after, longer than the quiet days; 2 never again.
    let back = portfolio(false).win_backs(&records, as_of).unwrap();
    assert_eq!((back.all().returned, back.all().away.points()[0].time), (1, 40.0));
    let quiet = WinBacksOptions::new(as_of).quiet(40);
    assert_eq!(portfolio(false).win_backs(&records, quiet).unwrap().all().returned, 0);

    // 1 left after 20 days and 2 after 30, for their records say no start, and the portfolio's terms do; 3 is here for 100
    // days, 4 for 50, and 1 again for 60, on another plan than before.
    let options = ReasonIncidenceOptions::new(as_of).by(RecordGroup::Plan);
    let answer = portfolio(true).reason_incidence(&records, options.clone()).unwrap();
    let of_group = |group| answer.incidence().lifetimes(group);
    assert_eq!((of_group(Some("m")), of_group(Some("s")), of_group(None)), (Some(2), Some(3), None));
    assert_eq!(answer.without_start(), 0);
    let together = portfolio(true).reason_incidence(&records, as_of).unwrap();
    let points = together.incidence().curve(None, "price/terms").unwrap().points().to_vec();
    assert_eq!(points.iter().map(|point| (point.time, point.at_risk)).collect::<Vec<_>>(), [(20.0, 5), (30.0, 4)]);
    let risk = portfolio(true).customers_at_risk(Period::Month).unwrap();
    assert_eq!(risk.of(date(2024, 2, 1), date(2024, 2, 29)), Some(1), "3 alone at the end of January");
    assert_eq!(
        risk.of(date(2024, 1, 1), date(2024, 1, 31)),
        Some(3),
        "on the first day, of which nothing before is known"
    );
    let refused = portfolio(true).reason_incidence(&records, options.by(RecordGroup::Segment)).unwrap_err();
    assert!(refused.to_string().starts_with("by = segment"), "{refused}");
    let text = ChurnRecords::of([Cancellation::new("a", start, None)], &taxonomy()).unwrap();
    assert!(matches!(portfolio(true).win_backs(&text, as_of), Err(Error::Incompatible { .. })));
}

#[test]
fn what_falls_is_not_worked_on() {
    // A hundred a month leave for the terms, falling by a third each month; a few for each of two others.
    let mut all = Vec::new();
    let mut who = 0_u32;
    let counts = [
        ("price/terms", [81, 54, 36, 24, 16]),
        ("product/not_used", [9, 8, 9, 8, 9]),
        ("price/too_expensive", [5, 5, 6, 5, 6]),
    ];
    for (path, months) in counts {
        for (month, count) in (1..).zip(months) {
            for _ in 0..count {
                who += 1;
                all.push(Cancellation::new(who, date(2026, month, 10), Reason::from(path)).value(10.0));
            }
        }
    }
    let records = of(&all);
    let at_risk = CustomersAtRisk::new((1..=5).map(|month| (date(2026, month, 1), 1_000))).unwrap();
    let trends =
        ReasonTrendsOptions::new(Period::Month, date(2026, 5, 31)).observed_from(date(2026, 1, 1)).at_risk(at_risk);
    let worth = records.worth_mending(trends, None).unwrap();
    let directions: BTreeMap<&str, ReasonDirection> =
        worth.reasons().iter().map(|reason| (reason.reason.as_str(), reason.direction)).collect();
    assert_eq!(directions["price/terms"], ReasonDirection::Falling);
    assert_eq!(directions["product/not_used"], ReasonDirection::Steady);
    // All lose alike, so the value goes where the number does.
    let terms = &worth.reasons()[0];
    assert_eq!(terms.value_direction, ReasonDirection::Falling);
    assert!(near(terms.value_growth.unwrap().factor.unwrap(), 2.0 / 3.0), "{terms:?}");
    assert_eq!(worth.reasons()[0].reason.as_str(), "price/terms", "it still costs most");
    let two: Vec<&str> = worth.two().map(|reason| reason.reason.as_str()).collect();
    assert_eq!(two, ["product/not_used", "price/too_expensive"]);
    assert!(worth.to_string().ends_with("to work on: PRODUCT/NOT_USED; PRICE/TOO_EXPENSIVE"), "{worth}");
    // Nothing whole yet.
    let trends = ReasonTrendsOptions::new(Period::Year, date(2026, 5, 31));
    let early = records.worth_mending(trends, None).unwrap();
    assert_eq!((early.period(), early.two().count()), (None, 0));
    // Warnings of other records.
    let mut frame = df!("id" => [1], "what" => ["x"]).unwrap();
    frame.with_column(dates(&[date(2026, 1, 1)])).unwrap();
    let columns = WarningColumns::new("id", "what", "since");
    let watched = date(2025, 1, 1)..=date(2026, 12, 31);
    let frame = Warnings::from_frame(&of(&all[..3]), &frame, &columns, watched, 30);
    let refused = records.reasons_by_trigger(&frame.unwrap(), ReasonsByTriggerOptions::new());
    assert!(matches!(refused, Err(Error::Incompatible { .. })));
}

#[test]
fn number_and_value_can_part() {
    // Twenty a month leave for each reason: the ones dearer from month to month, the others cheaper.
    let mut all = Vec::new();
    for (path, factor) in [("price/terms", 2.0_f64), ("product/not_used", 0.5), ("price/too_expensive", 1.0)] {
        for month in 1..=6_i8 {
            for _ in 0..20 {
                let value = 64.0 * factor.powi(i32::from(month) - 3);
                let who = all.len() as u32;
                all.push(Cancellation::new(who, date(2026, month, 10), Reason::from(path)).value(value));
            }
        }
    }
    let at_risk = CustomersAtRisk::new((1..=6).map(|month| (date(2026, month, 1), 1_000))).unwrap();
    let trends =
        ReasonTrendsOptions::new(Period::Month, date(2026, 6, 30)).observed_from(date(2026, 1, 1)).at_risk(at_risk);
    let worth = of(&all).worth_mending(trends.clone(), None).unwrap();
    let told: Vec<_> = worth
        .reasons()
        .iter()
        .map(|reason| (reason.reason.as_str(), reason.direction, reason.value_direction))
        .collect();
    use ReasonDirection::{Falling, Rising, Steady};
    assert_eq!(
        told,
        [
            ("price/terms", Steady, Rising),
            ("price/too_expensive", Steady, Steady),
            ("product/not_used", Steady, Falling)
        ]
    );
    // What is worth less and less is not worked on, be it that as many leave.
    let two: Vec<&str> = worth.two().map(|reason| reason.reason.as_str()).collect();
    assert_eq!(two, ["price/terms", "price/too_expensive"]);
    let frame = worth.to_frame().unwrap();
    let factors: Vec<Option<f64>> = frame.column("value_factor").unwrap().f64().unwrap().iter().collect();
    assert!(near(factors[0].unwrap(), 2.0) && near(factors[2].unwrap(), 0.5), "{factors:?}");
    assert!(worth.to_string().lines().all(|line| line.chars().count() <= 150), "{worth}");
    // In two currencies there is no value, and its trend is not known.
    all[0] = all[0].clone().currency("USD");
    all[1] = all[1].clone().currency("EUR");
    let worth = of(&all).worth_mending(trends, None).unwrap();
    assert!(worth.reasons().iter().all(|reason| reason.value_direction == ReasonDirection::Unknown));
    assert_eq!(worth.two().count(), 2);
}

#[test]
fn values_that_are_not_known_are_told_of() {
    let left = |who: u32, path: &str| Cancellation::new(who, date(2026, 2, 10), Reason::from(path));
    let records = of(&[
        left(1, "price/terms").value(10.0),
        left(2, "product/not_used"),
        left(3, "product/not_used").value(5.0),
        left(4, "product/not_used"),
    ]);
    let trends = ReasonTrendsOptions::new(Period::Month, date(2026, 3, 5)).observed_from(date(2026, 2, 1));
    let worth = records.worth_mending(trends, None).unwrap();
    let told: Vec<(u64, u64)> = worth.reasons().iter().map(|row| (row.cancellations, row.without_value)).collect();
    assert_eq!(told, [(1, 0), (3, 2)]);
    let note = "of 2 cancellations the value is not known, and in no sum";
    assert!(worth.to_string().contains(note), "{worth}");
    let unknown = worth.to_frame().unwrap().column("without_value").unwrap().u64().unwrap().to_vec();
    assert_eq!(unknown, [Some(0), Some(2)]);
    let back = records.win_backs(date(2026, 3, 5)).unwrap();
    assert!(back.to_string().ends_with(note), "{back}");
    assert!(
        !of(&[left(1, "price/terms").value(10.0)]).win_backs(date(2026, 3, 5)).unwrap().to_string().contains("no sum")
    );
}

#[test]
fn a_rate_with_everything_at_one_end_goes_there() {
    for (month, direction) in [(5, ReasonDirection::Rising), (1, ReasonDirection::Falling)] {
        let left = |who: u32| Cancellation::new(who, date(2026, month, 10), Reason::from("price/terms")).value(5.0);
        let records = of(&(0..40).map(left).collect::<Vec<_>>());
        let at_risk = CustomersAtRisk::new((1..=5).map(|month| (date(2026, month, 1), 1_000))).unwrap();
        let trends =
            ReasonTrendsOptions::new(Period::Month, date(2026, 5, 31)).observed_from(date(2026, 1, 1)).at_risk(at_risk);
        let worth = records.worth_mending(trends, None).unwrap();
        assert_eq!(worth.reasons()[0].direction, direction, "{worth}");
        assert_eq!(worth.reasons()[0].value_direction, direction, "{worth}");
    }
}

#[test]
fn a_log_of_alerts_says_nothing_after_its_end() {
    let left = |who: u32, month| Cancellation::new(who, date(2026, month, 28), Reason::from("price/terms"));
    let records = of(&[left(1, 2), left(2, 3), left(3, 6), left(4, 6)]);
    let mut frame = df!("id" => [2, 4], "what" => ["seats", "seats"]).unwrap();
    frame.with_column(dates(&[date(2026, 3, 20), date(2026, 6, 20)])).unwrap();
    let columns = WarningColumns::new("id", "what", "since");
    let watched = date(2026, 1, 29)..=date(2026, 4, 30);
    let warnings = Warnings::from_frame(&records, &frame, &columns, watched, 30).unwrap();
    let seats: Vec<Warning> = (0..4).filter_map(|row| warnings.get(row, "seats")).collect();
    let fired = Warning::Fired { days: 8 };
    assert_eq!(seats, [Warning::Quiet, fired, Warning::NotObserved, fired]);
}

#[test]
fn an_alert_on_the_day_of_a_cancellation_is_not_of_the_next_one() {
    let left = |day| Cancellation::new(1_u32, date(2026, 3, day), Reason::from("price/terms"));
    let records = of(&[left(10), left(20)]);
    let columns = WarningColumns::new("id", "what", "since");
    for (fired_on, expected) in [
        (9, [Warning::Fired { days: 1 }, Warning::Quiet]),
        (10, [Warning::Quiet, Warning::Quiet]),
        (11, [Warning::Quiet, Warning::Fired { days: 9 }]),
    ] {
        let mut frame = df!("id" => [1], "what" => ["seats"]).unwrap();
        frame.with_column(dates(&[date(2026, 3, fired_on)])).unwrap();
        let watched = date(2026, 1, 1)..=date(2026, 4, 30);
        let warnings = Warnings::from_frame(&records, &frame, &columns, watched, 30).unwrap();
        assert_eq!([0, 1].map(|row| warnings.get(row, "seats").unwrap()), expected, "{fired_on} March");
    }
}

#[test]
fn money_is_exchanged_into_a_currency() {
    let lost = Cancellation::new(1_u32, date(2026, 3, 1), None).value(1e300).currency("USD");
    let records = of(&[lost]);
    let refused = records.exchanged(&ExchangeRates::new("money").rate("USD", 2.0)).unwrap_err();
    assert!(matches!(refused, Error::InvalidOption { option: "into", .. }), "{refused}");
    let refused = records.exchanged(&ExchangeRates::new("eur").rate("USD", 1e300)).unwrap_err();
    assert!(matches!(refused, Error::Overflow { .. }), "{refused}");
    assert_eq!(records.exchanged(&ExchangeRates::new("eur").rate("USD", 2.0)).unwrap().values(), [Some(2e300)]);
}

#[test]
fn a_later_record_shows_a_return() {
    let start = date(2025, 1, 1);
    let left = |who: u32, day| Cancellation::new(who, start + day, Reason::from("price/terms"));
    let given_up = |one: Cancellation| one.win_back(WinBack::GivenUp);
    let records = of(&[
        left(1, 0),
        left(1, 100).started_on(start + 40),
        given_up(left(2, 0)),
        left(2, 60),
        left(3, 0).win_back(WinBack::WonBack(start + 30)),
        left(3, 90).started_on(start + 80),
    ]);
    let back = records.win_backs(WinBacksOptions::new(start + 365).within([50, 80])).unwrap();
    let all = back.all();
    assert_eq!((all.cancellations, all.returned, all.given_up, all.in_progress), (6, 2, 0, 0));
    // That of 2, whose second record names no start.
    assert_eq!(all.returned_undated, 1);
    assert!(back.to_string().ends_with("after 1 more the customer came back nobody knows when"), "{back}");
    let before = records.win_backs(WinBacksOptions::new(start + 59)).unwrap();
    assert_eq!((before.all().returned_undated, before.all().given_up), (0, 1));
    let points: Vec<(f64, f64)> = all.away.points().iter().map(|point| (point.time, point.survival)).collect();
    assert_eq!(points.iter().map(|point| point.0).take(3).collect::<Vec<_>>(), [30.0, 40.0, 60.0]);
    // Of six one is back after 30 days and one of the five left after 40: the censored at 60 are still followed then.
    assert!(near(points[0].1, 5.0 / 6.0) && near(points[1].1, 4.0 / 6.0), "{points:?}");
}

#[test]
fn groups_of_records_need_those_of_who_stayed() {
    let since = date(2026, 1, 1);
    let frame = customers(&[(1, since, Some("large")), (2, since, Some("tiny")), (3, since, Some("large"))]);
    let records = of(&[Cancellation::new(1_u32, date(2026, 2, 1), Reason::from("price/terms")).plan("large")]);
    let options = ReasonIncidenceOptions::new(date(2026, 3, 1)).by(RecordGroup::Plan);
    let alone = CustomerColumns::new("id", "since");
    let refused = records.reason_incidence(&frame, &alone, options.clone()).unwrap_err();
    assert!(matches!(&refused, Error::InvalidOption { option: "by", value, .. } if value == "plan"), "{refused}");
    assert!(refused.to_string().contains("CustomerColumns::group"), "{refused}");
    let answer = records.reason_incidence(&frame, &alone.group("plan"), options).unwrap();
    let large = answer.incidence().curve(Some("large"), "price/terms").unwrap();
    assert_eq!(large.at(31.0).unwrap().incidence, 0.5);
    assert_eq!(answer.incidence().groups(), [Some("large".to_owned()), Some("tiny".to_owned())]);
}

#[test]
fn customers_without_a_start_are_counted() {
    let day = |day: i8| Some(date(2026, 1, day) - date(1970, 1, 1));
    // 1 stayed, 2 is in two rows of which one has a start, 3 stayed since nobody knows when, as did 4, who leaves later; of 5
    // the record knows no start either, of 6 it does.
    let mut frame = df!("id" => [1_u32, 2, 2, 3, 3, 4, 5, 6]).unwrap();
    let since = Column::new("since".into(), [day(1), None, day(5), None, None, None, None, None]);
    frame.with_column(since.cast(&DataType::Date).unwrap()).unwrap();
    let left = |who: u32, month| Cancellation::new(who, date(2026, month, 10), Reason::from("price/terms"));
    let records = of(&[left(4, 8), left(5, 2), left(6, 2).started_on(date(2026, 1, 10))]);
    let columns = CustomerColumns::new("id", "since");
    let answer = records.reason_incidence(&frame, &columns, date(2026, 3, 1)).unwrap();
    assert_eq!(answer.without_start(), 3, "{answer}");
    assert!(answer.to_string().contains("3 without a known start"), "{answer}");
    assert_eq!(answer.incidence().curve(None, "price/terms").unwrap().at(31.0).unwrap().at_risk, 3);
}
