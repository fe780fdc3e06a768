//! Rankings, agreement, trends and groups of reasons, against one look at every record.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use attrition::polars::prelude::*;
use attrition::{
    AssociationTest, Cancellation, ChurnRecords, Correction, Coverage, CustomersAtRisk, Date, Error, Period, RankBy,
    Reason, ReasonAgreement, ReasonAgreementOptions, ReasonAxis, ReasonGrouping, ReasonLevel, ReasonRanking,
    ReasonRankingOptions, ReasonTrends, ReasonTrendsOptions, ReasonsBy, ReasonsByOptions, SegmentColumns, Taxonomy,
    TaxonomyEntry, Weekday, date,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const AXES: [ReasonAxis; 3] = [ReasonAxis::Stated, ReasonAxis::Found, ReasonAxis::FoundElseStated];
const LEVELS: [ReasonLevel; 3] = [ReasonLevel::Category, ReasonLevel::Reason, ReasonLevel::Detail];
const RANKED_BY: [RankBy; 3] = [RankBy::Cancellations, RankBy::Customers, RankBy::Value];
const PATHS: [&str; 6] = ["price", "price/too_expensive", "price/terms", "product", "product/not_used", "product/x/y"];
const PLANS: [&str; 3] = ["large", "medium", "small"];

/// The group of a cancellation.
type GroupOf = Box<dyn Fn(&Cancellation) -> Option<String>>;

pub(super) fn taxonomy() -> Taxonomy {
    let entry = |path: &str| TaxonomyEntry::new(path, path.to_uppercase());
    Taxonomy::new(PATHS.into_iter().chain(["product/x"]).map(entry)).unwrap()
}

/// A random cancellation: customer, day, stated, found, value, plan, days before it that the customer started.
pub(super) fn cancellations() -> impl Strategy<Value = Vec<Cancellation>> {
    let path = || option::weighted(0.8, select(&PATHS[..]));
    let one = (
        0..60_u32,
        0..200_i32,
        path(),
        path(),
        option::of(0..50_u32),
        option::of(select(&PLANS[..])),
        option::of(0..400_i32),
    );
    let one = one.prop_map(|(who, day, stated, found, value, plan, tenure)| {
        let day = date(2023, 11, 20) + day;
        let mut made = Cancellation::new(who, day, stated.map(Reason::from));
        made.found = found.map(Reason::from);
        made.value = value.map(f64::from);
        made.currency = value.map(|_| "EUR".to_owned());
        made.plan = plan.map(str::to_owned);
        made.started_on = tenure.map(|tenure| day - tenure);
        made
    });
    vec(one, 0..120).prop_map(|all| {
        let mut seen = BTreeSet::new();
        all.into_iter().filter(|one| seen.insert((one.customer.clone(), one.date))).collect()
    })
}

pub(super) fn of(all: &[Cancellation]) -> ChurnRecords {
    ChurnRecords::of(all.iter().cloned(), &taxonomy()).unwrap()
}

pub(super) fn reason(one: &Cancellation, axis: ReasonAxis, level: ReasonLevel) -> Option<Reason> {
    let found = || one.found.clone();
    let reason = match axis {
        ReasonAxis::Stated => one.stated.clone(),
        ReasonAxis::Found => found(),
        ReasonAxis::FoundElseStated => found().or(one.stated.clone()),
    };
    reason.map(|reason| reason.at(level))
}

pub(super) fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.abs().max(1.0)
}

/// What is stored is read back, but for the last digit of its floats.
pub(super) fn comes_back<T: Serialize + DeserializeOwned>(answer: &T) {
    fn alike(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => {
                let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
                (one - other).abs() <= 1e-14 * one.abs()
            }
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| alike(one, other)))
            }
            (one, other) => one == other,
        }
    }
    let stored = serde_json::to_string(answer).unwrap();
    let back: T = serde_json::from_str(&stored).unwrap();
    assert!(alike(&serde_json::to_value(answer).unwrap(), &serde_json::to_value(&back).unwrap()), "{stored}");
}

fn check_text(text: &str) {
    assert!(text.lines().count() <= 20 && text.lines().all(|line| line.chars().count() <= 150), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

proptest! {
    #[test]
    fn rankings(all in cancellations(), axis in select(&AXES[..]), level in select(&LEVELS[..]), by in select(&RANKED_BY[..])) {
        let options = ReasonRankingOptions::from(by).axis(axis).level(level);
        let ranking = of(&all).reason_ranking(options.clone()).unwrap();
        let mut expected: BTreeMap<Reason, Vec<&Cancellation>> = BTreeMap::new();
        all.iter().for_each(|one| if let Some(reason) = reason(one, axis, level) {
            expected.entry(reason).or_default().push(one);
        });
        let told: usize = expected.values().map(Vec::len).sum();
        let value = |of: &[&Cancellation]| of.iter().filter_map(|one| one.value).sum::<f64>();
        let all_value: f64 = expected.values().map(|of| value(of)).sum();
        prop_assert_eq!(ranking.reasons().len(), expected.len());
        prop_assert_eq!((ranking.cancellations(), ranking.without_reason()), (all.len() as u64, (all.len() - told) as u64));
        let everybody: BTreeSet<_> = expected.values().flatten().map(|one| &one.customer).collect();
        let distinct = all.iter().map(|one| &one.customer).collect::<BTreeSet<_>>().len();
        prop_assert_eq!(ranking.customers(), distinct as u64);
        let (mut shares, mut value_shares, mut reached) = (0.0, 0.0, BTreeSet::new());
        for ranked in ranking.reasons() {
            let of = &expected[&ranked.reason];
            let customers: BTreeSet<_> = of.iter().map(|one| &one.customer).collect();
            prop_assert_eq!((ranked.cancellations, ranked.customers), (of.len() as u64, customers.len() as u64));
            prop_assert_eq!(ranked.without_value, of.iter().filter(|one| one.value.is_none()).count() as u64);
            prop_assert!(near(ranked.value.unwrap(), value(of)));
            prop_assert!(near(ranked.share, of.len() as f64 / told as f64));
            prop_assert!(ranked.interval.lower <= ranked.share && ranked.share <= ranked.interval.upper);
            prop_assert_eq!(ranked.value_share.is_some(), all_value > 0.0);
            shares += ranked.share;
            value_shares += ranked.value_share.unwrap_or(0.0);
            prop_assert!(near(ranked.customer_share, customers.len() as f64 / everybody.len() as f64));
            let limits = ranked.customer_interval;
            prop_assert!(limits.lower <= ranked.customer_share && ranked.customer_share <= limits.upper);
            reached.extend(customers);
            prop_assert!(near(ranked.cumulative_customer_share, reached.len() as f64 / everybody.len() as f64));
            prop_assert!(near(ranked.cumulative_share, shares));
            prop_assert!(ranked.cumulative_value_share.is_none_or(|share| near(share, value_shares)));
            prop_assert_eq!(ranked.name.as_str(), ranked.reason.as_str().to_uppercase());
            prop_assert_eq!(ranking.of(&ranked.reason), Some(ranked));
        }
        prop_assert!(told == 0 || near(shares, 1.0));
        let falls = |one: &attrition::RankedReason, next: &attrition::RankedReason| match by {
            RankBy::Cancellations => (one.cancellations, &next.reason) > (next.cancellations, &one.reason),
            RankBy::Customers => (one.customers, one.cancellations, &next.reason) > (next.customers, next.cancellations, &one.reason),
            RankBy::Value => one.value >= next.value,
        };
        prop_assert!(ranking.reasons().is_sorted_by(falls));
        prop_assert_eq!(ranking.to_frame().unwrap().shape(), (expected.len(), 16));
        check_text(&ranking.to_string());
        comes_back::<ReasonRanking>(&ranking);
        let turned: Vec<Cancellation> = all.iter().rev().cloned().collect();
        prop_assert_eq!(of(&turned).reason_ranking(options).unwrap(), ranking);
    }

    #[test]
    fn agreement(all in cancellations(), level in select(&LEVELS[..])) {
        let answer = of(&all).reason_agreement(level).unwrap();
        let pairs: Vec<(Reason, Reason)> = all.iter()
            .filter_map(|one| Some((reason(one, ReasonAxis::Stated, level)?, reason(one, ReasonAxis::Found, level)?)))
            .collect();
        let same = pairs.iter().filter(|(stated, found)| stated == found).count();
        prop_assert_eq!(answer.both(), pairs.len() as u64);
        let n = pairs.len() as f64;
        prop_assert_eq!(answer.agreement(), (!pairs.is_empty()).then(|| same as f64 / n));
        // Kappa by its definition, over all pairs of records.
        let by_chance = pairs.iter().map(|(stated, _)| pairs.iter().filter(|(_, found)| found == stated).count() as f64).sum::<f64>() / n / n;
        if by_chance < 1.0 - 1e-9 {
            let kappa = (same as f64 / n - by_chance) / (1.0 - by_chance);
            prop_assert!(near(answer.kappa().unwrap(), kappa), "{:?} and not {}", answer.kappa(), kappa);
            let interval = answer.kappa_interval().unwrap();
            prop_assert!(interval.lower <= kappa + 1e-9 && kappa - 1e-9 <= interval.upper);
        } else {
            prop_assert_eq!(answer.kappa(), None);
        }
        for row in answer.stated() {
            let mine: Vec<_> = pairs.iter().filter(|(stated, _)| *stated == row.stated).collect();
            prop_assert_eq!(row.looked_into, mine.len() as u64);
            prop_assert_eq!(row.cancellations, all.iter().filter(|one| reason(one, ReasonAxis::Stated, level).as_ref() == Some(&row.stated)).count() as u64);
            prop_assert_eq!(row.confirmed, mine.iter().filter(|(stated, found)| stated == found).count() as u64);
            prop_assert_eq!(row.found.iter().map(|found| found.cancellations).sum::<u64>(), row.looked_into);
            let value = |found: Option<&Reason>| all.iter()
                .filter(|one| reason(one, ReasonAxis::Stated, level).as_ref() == Some(&row.stated))
                .filter(|one| reason(one, ReasonAxis::Found, level).is_some_and(|other| found.is_none_or(|found| *found == other)))
                .filter_map(|one| one.value).sum::<f64>();
            prop_assert!(near(row.value.unwrap(), value(None)) && near(row.value_confirmed.unwrap(), value(Some(&row.stated))));
            let unknown = |found: &Reason| all.iter()
                .filter(|one| reason(one, ReasonAxis::Stated, level).as_ref() == Some(&row.stated))
                .filter(|one| reason(one, ReasonAxis::Found, level).as_ref() == Some(found))
                .filter(|one| one.value.is_none()).count() as u64;
            prop_assert_eq!(row.without_value, row.found.iter().map(|found| found.without_value).sum::<u64>());
            for found in &row.found {
                prop_assert_eq!(found.without_value, unknown(&found.reason));
                prop_assert_eq!(found.cancellations, mine.iter().filter(|pair| pair.1 == found.reason).count() as u64);
                prop_assert!(near(found.value.unwrap(), value(Some(&found.reason))));
            }
        }
        prop_assert_eq!(answer.to_frame().unwrap().height(), pairs.iter().collect::<BTreeSet<_>>().len());
        check_text(&answer.to_string());
        comes_back::<ReasonAgreement>(&answer);
    }

    #[test]
    fn trends(
        all in cancellations(),
        period in select(&Period::ALL[1..]),
        (from, length) in (0..80_i32, 0..200_i32),
        week in select(&Weekday::ALL[..]),
        change in option::of(0..200_i32),
    ) {
        let from = date(2023, 11, 20) + from;
        let as_of = from + length;
        let calendar = attrition::Calendar::utc().week_starts(week);
        let first = |day: Date| calendar.span(period, day).start;
        let mut starts: Vec<Date> = (0..=length).map(|step| first(from + step)).collect();
        starts.dedup();
        // Some periods without customers at risk.
        let at_risk: Vec<(Date, u64)> = (0..).zip(&starts).filter(|(place, _)| place % 5 != 4).map(|(place, &start)| (start, 100 + place)).collect();
        let mut options = ReasonTrendsOptions::new(period, as_of).observed_from(from).week_starts(week)
            .at_risk(CustomersAtRisk::new(at_risk.clone()).unwrap());
        if let Some(change) = change {
            options = options.change_on(date(2023, 11, 20) + change);
        }
        let whole = |start: Date| { let span = calendar.span(period, start); span.start >= from && span.end <= as_of };
        let (before, after): (Vec<Date>, Vec<Date>) = {
            let on = date(2023, 11, 20) + change.unwrap_or(0);
            let whole = || starts.iter().copied().filter(|&start| whole(start));
            (whole().filter(|&start| calendar.span(period, start).end < on).collect(), whole().filter(|&start| start >= on).collect())
        };
        let answer = of(&all).reason_trends(options.clone());
        if change.is_some() && (before.is_empty() || after.is_empty()) {
            let refused = matches!(answer, Err(Error::InvalidOption { option: "change_on", .. }));
            prop_assert!(refused);
            return Ok(());
        }
        let answer = answer.unwrap();
        let inside = |one: &&Cancellation| from <= one.date && one.date <= as_of;
        prop_assert_eq!(answer.outside(), (all.len() - all.iter().filter(inside).count()) as u64);
        prop_assert_eq!(answer.periods().iter().map(|period| period.span.start).collect::<Vec<_>>(), starts.clone());
        let of_axis = |one: &Cancellation| reason(one, ReasonAxis::FoundElseStated, ReasonLevel::Reason);
        let count = |start: Date, wanted: Option<&Reason>| all.iter().filter(inside)
            .filter(|one| first(one.date) == start)
            .filter_map(of_axis)
            .filter(|reason| wanted.is_none_or(|wanted| wanted == reason)).count() as u64;
        for (place, got) in answer.periods().iter().enumerate() {
            prop_assert_eq!(got.with_reason, count(got.span.start, None));
            prop_assert_eq!(got.coverage == Coverage::Observed, whole(got.span.start));
            prop_assert_eq!(got.at_risk, (place % 5 != 4).then_some(100 + place as u64));
            let shares: f64 = answer.reasons().iter().filter_map(|reason| reason.cells[place].share).sum();
            prop_assert!(got.with_reason == 0 || !whole(got.span.start) || near(shares, 1.0));
        }
        for got in answer.reasons() {
            let mut whole_count = 0;
            for (cell, at) in got.cells.iter().zip(answer.periods()) {
                let expected = count(at.span.start, Some(&got.reason));
                prop_assert_eq!(cell.cancellations, expected);
                let own = || all.iter().filter(inside).filter(|one| first(one.date) == at.span.start && of_axis(one).as_ref() == Some(&got.reason));
                prop_assert!(near(cell.value.unwrap(), own().filter_map(|one| one.value).sum()));
                prop_assert_eq!(cell.without_value, own().filter(|one| one.value.is_none()).count() as u64);
                let observed = at.coverage == Coverage::Observed;
                prop_assert_eq!(cell.rate, at.at_risk.filter(|_| observed).map(|at_risk| expected as f64 / at_risk as f64));
                prop_assert_eq!(cell.share.is_some(), observed && at.with_reason > 0);
                prop_assert!(cell.rate_interval.zip(cell.rate).is_none_or(|(ends, rate)| ends.lower <= rate && rate <= ends.upper));
                whole_count += if at.coverage == Coverage::Observed { expected } else { 0 };
            }
            prop_assert_eq!(got.cancellations, whole_count);
            if let Some(share) = got.share {
                prop_assert!(share.adjusted_p_value >= share.test.p_value);
            }
            if let Some(rate) = got.rate {
                prop_assert!(rate.adjusted_p_value >= rate.p_value && rate.dispersion >= 1.0);
            }
            if let Some(value) = got.value {
                prop_assert!(value.adjusted_p_value >= value.p_value && value.factor.is_some() == value.interval.is_some());
                prop_assert!(value.interval.zip(value.factor).is_none_or(|(ends, factor)| ends.lower <= factor && factor <= ends.upper));
            }
            prop_assert_eq!(got.change.is_some(), change.is_some());
            let Some(shift) = got.change else { continue };
            let sum = |places: &[Date]| places.iter().map(|&start| count(start, Some(&got.reason))).sum::<u64>();
            prop_assert_eq!((shift.before.cancellations, shift.after.cancellations), (sum(&before), sum(&after)));
            prop_assert_eq!((shift.before.periods, shift.after.periods), (before.len() as u64, after.len() as u64));
            if let (Some(ratio), Some(one), Some(other)) = (shift.rate_ratio, shift.after.rate, shift.before.rate) {
                prop_assert!(near(ratio, one / other));
                prop_assert!(shift.rate_ratio_lower.unwrap() <= ratio && ratio <= shift.rate_ratio_upper.unwrap());
            }
        }
        prop_assert_eq!(answer.to_frame().unwrap().shape(), (answer.reasons().len() * starts.len(), 16));
        prop_assert_eq!(answer.tests_to_frame().unwrap().shape(), (answer.reasons().len(), 21));
        check_text(&answer.to_string());
        comes_back::<ReasonTrends>(&answer);
        let turned: Vec<Cancellation> = all.iter().rev().cloned().collect();
        let turned = of(&turned).reason_trends(options).unwrap();
        prop_assert_eq!(turned.to_string(), answer.to_string());
    }

    #[test]
    fn groups(all in cancellations(), axis in select(&AXES[..]), level in select(&LEVELS[..]), kind in 0..4_usize) {
        let (grouping, group): (_, GroupOf) = match kind {
            0 => (ReasonGrouping::Plan, Box::new(|one| one.plan.clone())),
            1 => (ReasonGrouping::Tenure(vec![30, 180]), Box::new(|one| {
                let tenure = one.date - one.started_on?;
                Some(match tenure { ..30 => "0 to 29 days", 30..180 => "30 to 179 days", _ => "180 days and more" }.to_owned())
            })),
            2 => (ReasonGrouping::Cohort(Period::Quarter), Box::new(|one| {
                Some(attrition::Calendar::utc().span(Period::Quarter, one.started_on?).start.to_string())
            })),
            _ => (ReasonGrouping::Segment, Box::new(|_| None)),
        };
        let options = ReasonsByOptions::new().axis(axis).level(level).correction(Correction::BenjaminiHochberg);
        let answer = of(&all).reasons_by(&grouping, options.clone()).unwrap();
        let count = |wanted: Option<&Reason>, of: Option<&str>| all.iter().filter(|one| {
            let (reason, group) = (reason(one, axis, level), group(one));
            reason.is_some() && group.is_some() && wanted.is_none_or(|wanted| reason.as_ref() == Some(wanted))
                && of.is_none_or(|of| group.as_deref() == Some(of))
        }).count() as u64;
        let total = count(None, None);
        prop_assert_eq!(answer.without_reason(), all.iter().filter(|one| reason(one, axis, level).is_none()).count() as u64);
        prop_assert_eq!(answer.without_reason() + answer.without_group() + total, all.len() as u64);
        prop_assert_eq!(answer.groups().iter().map(|(_, size)| size).sum::<u64>(), total);
        for cell in answer.cells() {
            let (in_cell, in_group, in_reason) =
                (count(Some(&cell.reason), Some(&cell.group)), count(None, Some(&cell.group)), count(Some(&cell.reason), None));
            prop_assert_eq!(cell.cell.count, in_cell);
            let value: f64 = all.iter()
                .filter(|one| reason(one, axis, level).as_ref() == Some(&cell.reason) && group(one).as_ref() == Some(&cell.group))
                .filter_map(|one| one.value).sum();
            prop_assert!(near(cell.value.unwrap(), value));
            let unknown = all.iter()
                .filter(|one| reason(one, axis, level).as_ref() == Some(&cell.reason) && group(one).as_ref() == Some(&cell.group))
                .filter(|one| one.value.is_none()).count() as u64;
            prop_assert_eq!(cell.without_value, unknown);
            prop_assert!(near(cell.share, in_cell as f64 / in_group as f64));
            prop_assert!(near(cell.share_of_all, in_reason as f64 / total as f64));
            prop_assert!(near(cell.cell.expected, in_reason as f64 * in_group as f64 / total as f64));
            prop_assert!(cell.cell.adjusted_p_value.zip(cell.cell.p_value).is_none_or(|(adjusted, p)| adjusted >= p * (1.0 - 1e-12)));
            prop_assert_eq!(answer.of(&cell.reason, &cell.group), Some(cell));
        }
        for (group, _) in answer.groups() {
            let shares: f64 = answer.cells().iter().filter(|cell| cell.group == *group).map(|cell| cell.share).sum();
            prop_assert!(near(shares, 1.0));
        }
        let reasons = answer.cells().len() / answer.groups().len().max(1);
        prop_assert_eq!(answer.association().is_some(), reasons > 1 && answer.groups().len() > 1);
        prop_assert_eq!(answer.conclusions().len(), answer.standing_out().len());
        prop_assert_eq!(answer.to_frame().unwrap().shape(), (answer.cells().len(), 14));
        check_text(&answer.to_string());
        comes_back::<ReasonsBy>(&answer);
        let turned: Vec<Cancellation> = all.iter().rev().cloned().collect();
        prop_assert_eq!(of(&turned).reasons_by(&grouping, options).unwrap(), answer);
    }
}

/// The 1 869 customers who left IBM's telephone company, each with a reason, charges and a contract.
fn telco() -> (Vec<Vec<String>>, ChurnRecords) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reasons/telco.csv");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<String>> =
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let code = |name: &str| {
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>()
    };
    let path = |row: &[String]| Reason::new(code(&row[1]), code(&row[0]));
    let categories: BTreeSet<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    let lines = categories.iter().map(|name| TaxonomyEntry::new(code(name).as_str(), *name));
    let lines = lines.chain(rows.iter().map(|row| TaxonomyEntry::new(path(row), row[0].clone())));
    let taxonomy = Taxonomy::new(lines).unwrap();
    let mut left = Vec::new();
    for row in &rows {
        let count: u32 = row[2].parse().unwrap();
        let charge = row[3].parse::<f64>().unwrap() / f64::from(count);
        for (contract, column) in [("month to month", 4), ("one year", 5), ("two year", 6)] {
            for _ in 0..row[column].parse::<u32>().unwrap() {
                let who = left.len() as u32;
                let made = Cancellation::new(who, date(2017, 9, 30), path(row));
                left.push(made.plan(contract).value(charge).currency("USD"));
            }
        }
    }
    (rows, ChurnRecords::of(left, &taxonomy).unwrap())
}

#[test]
fn a_telephone_company() {
    let (rows, records) = telco();
    assert_eq!(records.len(), 1_869);
    let ranking = records.reason_ranking(ReasonRankingOptions::new()).unwrap();
    assert_eq!((ranking.reasons().len(), ranking.without_reason(), ranking.currency()), (20, 0, Some("USD")));
    for row in &rows {
        let ranked = ranking.reasons().iter().find(|ranked| ranked.name == row[0]).unwrap();
        assert_eq!(ranked.cancellations.to_string(), row[2]);
        assert!(near(ranked.value.unwrap(), row[3].parse().unwrap()), "{row:?}");
    }
    let first = &ranking.reasons()[0];
    assert_eq!((first.name.as_str(), first.cancellations), ("Attitude of support person", 192));
    assert!((first.share - 192.0 / 1_869.0).abs() < 1e-12);
    // Two more leave by value for better speed.
    let by_value = records.reason_ranking(RankBy::Value).unwrap();
    assert_eq!(by_value.reasons()[0].name, "Competitor offered higher download speeds");
    let categories = records.reason_ranking(ReasonRankingOptions::new().level(ReasonLevel::Category)).unwrap();
    let counts: Vec<(&str, u64)> =
        categories.reasons().iter().map(|row| (row.name.as_str(), row.cancellations)).collect();
    assert_eq!(
        counts,
        [("Competitor", 621), ("Dissatisfaction", 465), ("Attitude", 327), ("Price", 243), ("Other", 213)]
    );
    // By contract: few of two years, so that categories are exact or drawn where the reasons are many.
    let by_plan = records.reasons_by(&ReasonGrouping::Plan, ReasonsByOptions::new()).unwrap();
    assert_eq!(by_plan.groups(), [("month to month".into(), 1_655), ("one year".into(), 166), ("two year".into(), 48)]);
    assert!(matches!(by_plan.association().unwrap().test, AssociationTest::MonteCarlo { draws: 10_000, .. }));
    let options = ReasonsByOptions::new().level(ReasonLevel::Category);
    let by_plan = records.reasons_by(&ReasonGrouping::Plan, options).unwrap();
    assert_eq!(by_plan.association().unwrap().test, AssociationTest::ChiSquared);
    assert_eq!(by_plan.association().unwrap().degrees_of_freedom, 8);
}

#[test]
fn edges() {
    let none = of(&[]);
    assert!(none.reason_ranking(RankBy::Value).unwrap().reasons().is_empty());
    assert_eq!(none.reason_agreement(ReasonLevel::Reason).unwrap().agreement(), None);
    let trends = none.reason_trends(ReasonTrendsOptions::new(Period::Month, date(2026, 3, 31))).unwrap();
    assert_eq!((trends.periods().len(), trends.observed_from()), (1, date(2026, 3, 31)));
    assert!(none.reasons_by(&ReasonGrouping::Plan, ReasonsByOptions::new()).unwrap().association().is_none());

    // One, on a leap day; 1969; week 53.
    for day in [date(2024, 2, 29), date(1969, 12, 31), date(2021, 1, 2)] {
        let one = of(&[Cancellation::new(1, day, Reason::from("price/terms"))]);
        assert_eq!(one.reason_ranking(RankBy::Value).unwrap().reasons()[0].value_share, None);
        let trends = one.reason_trends(ReasonTrendsOptions::new(Period::Week, day)).unwrap();
        assert_eq!(trends.periods()[0].coverage, Coverage::Open);
        assert_eq!((trends.reasons()[0].cancellations, trends.reasons()[0].cells[0].cancellations), (0, 1));
        assert_eq!(trends.reasons()[0].share, None);
        let share = trends.to_frame().unwrap().column("share").unwrap().null_count();
        assert_eq!(share, 1, "an open period has no share");
    }

    // Several currencies: no sums.
    let left = |who: u32, currency: &str| {
        let made = Cancellation::new(who, date(2026, 3, 31), Reason::from("price/terms"));
        made.value(1.0).currency(currency)
    };
    let mixed = of(&[left(1, "EUR"), left(2, "USD")]);
    assert!(matches!(mixed.reason_ranking(RankBy::Value), Err(Error::Incompatible { .. })));
    let ranking = mixed.reason_ranking(RankBy::Cancellations).unwrap();
    assert_eq!((ranking.reasons()[0].value, ranking.reasons()[0].value_share, ranking.currency()), (None, None, None));
    let trends = mixed.reason_trends(ReasonTrendsOptions::new(Period::Year, date(2026, 12, 31))).unwrap();
    assert_eq!(trends.reasons()[0].cells[0].value, None);
    let by_tenure = of(&[left(1, "EUR").plan("a"), left(2, "USD").plan("b")]);
    let by_plan = by_tenure.reasons_by(&ReasonGrouping::Plan, ReasonsByOptions::new()).unwrap();
    assert_eq!((by_plan.cells()[0].value, by_plan.currency()), (None, None));
    assert_eq!(mixed.win_backs(date(2026, 12, 31)).unwrap().all().value, None);

    // Options that make no sense.
    let records = of(&[left(1, "EUR")]);
    let refused = |error: Error, option: &str| assert!(error.to_string().starts_with(option), "{error}");
    refused(records.reason_ranking(ReasonRankingOptions::new().confidence(1.0)).unwrap_err(), "confidence");
    let options = ReasonAgreementOptions::new(ReasonLevel::Reason).confidence(f64::NAN);
    refused(records.reason_agreement(options).unwrap_err(), "confidence");
    let options = ReasonTrendsOptions::new(Period::Day, date(2026, 3, 1)).observed_from(date(2026, 3, 2));
    refused(records.reason_trends(options).unwrap_err(), "as_of");
    let tenure = ReasonGrouping::Tenure(vec![0, 90, 90]);
    refused(records.reasons_by(&tenure, ReasonsByOptions::new()).unwrap_err(), "tenure");
    let attribute = ReasonGrouping::Attribute("colour".into());
    refused(records.reasons_by(&attribute, ReasonsByOptions::new()).unwrap_err(), "attribute");
    let twice = CustomersAtRisk::new([(date(2026, 1, 1), 1), (date(2026, 1, 1), 2)]);
    assert!(matches!(twice, Err(Error::Incompatible { .. })));
    let frame = df!("day" => ["2026-01-01"], "n" => [-1]).unwrap();
    assert!(CustomersAtRisk::from_frame(&frame, "day", "n").is_err());
    assert!(serde_json::from_str::<CustomersAtRisk>("[[\"2026-01-01\",1],[\"2026-01-01\",2]]").is_err());
}

#[test]
fn a_customer_who_left_twice_counts_once() {
    let left = |who: u32, day, path: &str| Cancellation::new(who, date(2026, 3, day), Reason::from(path));
    let (terms, unused) = ("price/terms", "product/not_used");
    let all = [left(1, 1, terms), left(1, 20, terms), left(1, 30, unused), left(2, 5, unused), left(3, 6, unused)];
    let ranking = of(&[&all[..], &[left(1, 10, terms)]].concat()).reason_ranking(RankBy::Customers).unwrap();
    assert_eq!((ranking.cancellations(), ranking.customers()), (6, 3));
    let told: Vec<_> = ranking
        .reasons()
        .iter()
        .map(|row| (row.reason.as_str(), row.customers, row.cancellations, row.cumulative_customer_share))
        .collect();
    assert_eq!(told, [(unused, 3, 3, 1.0), (terms, 1, 3, 1.0)]);
    assert!(near(ranking.reasons()[1].customer_share, 1.0 / 3.0));
    let text = ranking.to_string();
    assert!(text.starts_with("6 cancellations of 3 customers, 0 without a reason"), "{text}");
    assert!(text.lines().nth(2).unwrap().contains(" 3  100.0 "), "{text}");
    // By cancellations they tie, and stand in alphabetical order.
    let ranking = of(&[&all[..], &[left(1, 10, terms)]].concat()).reason_ranking(RankBy::Cancellations).unwrap();
    assert_eq!(ranking.reasons()[0].reason.as_str(), terms);
}

/// Value lost over time is neither the number who left, nor the months in which they did.
#[test]
fn value_has_a_trend_of_its_own() {
    let months = |values: [f64; 6], at_risk: Option<[u64; 6]>| {
        let mut all = Vec::new();
        for (month, value) in (1..).zip(values) {
            // Ten a month, who together lose what is asked for; an eleventh of whom nothing is known.
            for who in 0..11_u32 {
                let one =
                    Cancellation::new(100 * month as u32 + who, date(2026, month, 3), Reason::from("price/terms"));
                all.push(if who < 10 { one.value(value / 10.0) } else { one });
            }
        }
        let options = ReasonTrendsOptions::new(Period::Month, date(2026, 6, 30)).observed_from(date(2026, 1, 1));
        let options = match at_risk {
            Some(at_risk) => options.at_risk(
                CustomersAtRisk::new((1..).zip(at_risk).map(|(month, count)| (date(2026, month, 1), count))).unwrap(),
            ),
            None => options,
        };
        of(&all).reason_trends(options).unwrap().reasons()[0].clone()
    };
    let at_risk = [1_000; 6];
    let doubling = [100.0, 200.0, 400.0, 800.0, 1_600.0, 3_200.0];
    let trend = months(doubling, Some(at_risk));
    assert!(near(trend.rate.unwrap().factor.unwrap(), 1.0) && near(trend.rate.unwrap().p_value, 1.0));
    let value = trend.value.unwrap();
    assert!(near(value.factor.unwrap(), 2.0) && value.p_value < 0.02, "{value:?}");
    assert!(value.interval.unwrap().lower > 1.0);
    assert_eq!((trend.cells[0].value, trend.cells[0].without_value), (Some(100.0), 1));
    // Twice as many customers at risk each month, and each of them loses the same.
    let growing = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000];
    let trend = months(doubling, Some(growing)).value.unwrap();
    assert!(near(trend.factor.unwrap(), 1.0) && near(trend.p_value, 1.0), "{trend:?}");
    // Without them it is by days: as much on every day is more in a month of 31.
    let days = [31.0, 28.0, 31.0, 30.0, 31.0, 30.0];
    let trend = months(days, None).value.unwrap();
    assert!(near(trend.factor.unwrap(), 1.0) && near(trend.p_value, 1.0), "{trend:?}");
    // All in the last month, and nothing of value at all.
    let trend = months([0.0, 0.0, 0.0, 0.0, 0.0, 9.0], Some(at_risk)).value.unwrap();
    assert_eq!((trend.factor, trend.interval), (None, None));
    assert!(trend.p_value < 1e-6);
    assert_eq!(months([0.0; 6], Some(at_risk)).value, None);
}

#[test]
fn groups_from_a_frame() {
    let left = |who: u32, path: &str| Cancellation::new(who, date(2026, 3, 31), Reason::from(path));
    let records = of(&[left(1, "price/terms"), left(2, "product/not_used"), left(3, "price/terms"), left(4, "price")]);
    let frame = df!("id" => [1, 2, 3, 9], "class" => ["core", "casual", "core", "core"]).unwrap();
    let answer =
        records.reasons_by_frame(&frame, &SegmentColumns::new("id", "class"), ReasonsByOptions::new()).unwrap();
    assert_eq!(answer.groups(), [("casual".to_owned(), 1), ("core".to_owned(), 2)]);
    assert_eq!((answer.without_group(), answer.association().unwrap().test), (1, AssociationTest::Exact));
    assert!(near(answer.association().unwrap().p_value, 1.0 / 3.0));
}
