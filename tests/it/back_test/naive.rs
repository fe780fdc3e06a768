//! Counts made one by one: each date's findings are those of a portfolio that ends on it, and what became of an account
//! is looked for day by day.

use std::collections::{BTreeMap, BTreeSet};

use attrition::{
    BackTest, BackTestOptions, ChurnEvent, Correction, Every, Id, Interval, LeadTime, Performance, Period, State,
    TriggerSet, date,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::company::{Company, FewDays, NEW_YEAR, Told, scripted};
use crate::log::day;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Stayed,
    Churned(i32),
    Leaving,
    Unknown,
}

/// A customer at a date.
#[derive(Clone, Debug)]
struct Row {
    date: usize,
    account: i64,
    fate: Fate,
    silence: f64,
    /// Of every line whether it fired, and its score where anything was observed.
    told: BTreeMap<String, (bool, Option<f64>)>,
}

struct Naive {
    days: Vec<i32>,
    rows: Vec<Row>,
}

const LEAD: i32 = 3;
const HORIZON: i32 = 14;

fn churn_days(company: &Company, event: ChurnEvent, account: i64) -> Vec<i32> {
    let active = |day: i32| company.events.contains(&(account, day));
    (company.first..=company.last)
        .filter(|&day| match event {
            ChurnEvent::Cancelled => {
                let cancelled = company.cancelled.iter().flatten().any(|&row| row == (account, day));
                let terms: Vec<_> = company.terms.iter().flatten().filter(|term| term.0 == account).collect();
                let ended = terms.iter().any(|term| term.2 == Some(day));
                // One that runs at the end of the day, and began after the last cancellation.
                let last = company.cancelled.iter().flatten().filter(|row| row.0 == account && row.1 <= day);
                let last = last.map(|row| row.1).max().unwrap_or(i32::MIN);
                let stays = terms
                    .iter()
                    .any(|&&(_, start, end)| last < start && start <= day && end.is_none_or(|end| end > day));
                cancelled || ended && !stays
            }
            ChurnEvent::ActivityEnded { silence_days } => {
                let silence = day..day + silence_days as i32;
                active(day - 1) && silence.end - 1 <= company.last && !silence.clone().any(active)
            }
        })
        .collect()
}

fn fate(company: &Company, event: ChurnEvent, account: i64, date: i32) -> Fate {
    let active = |day: i32| company.events.contains(&(account, day));
    let silent = matches!(event, ChurnEvent::ActivityEnded { .. });
    if silent && !(company.first..=date).any(active) {
        return Fate::Unknown;
    }
    // Still gone at the date, or leaving after it.
    let days = churn_days(company, event, account);
    let gone = |&&day: &&i32| day > date || silent && !(day..=date).any(active);
    match days.iter().find(gone) {
        Some(&day) if day <= date + LEAD => Fate::Leaving,
        Some(&day) if day <= date + LEAD + HORIZON => Fate::Churned(day),
        _ => Fate::Stayed,
    }
}

impl Naive {
    fn new(company: &Company, set: &TriggerSet, event: ChurnEvent, days: Vec<i32>) -> Self {
        let own: Vec<String> = set.names().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for (place, &today) in days.iter().enumerate() {
            let findings = company.until(today).portfolio().triggers(day(today), set.clone()).unwrap();
            let mut accounts: BTreeMap<i64, BTreeMap<String, (bool, Option<f64>)>> = BTreeMap::new();
            for finding in findings.iter() {
                let Id::Int(account) = finding.account else { panic!("{:?}", finding.account) };
                let told = (finding.state == State::Fired, finding.score);
                accounts.entry(account).or_default().insert(finding.trigger.to_owned(), told);
            }
            for (account, mut told) in accounts {
                let last =
                    company.events.iter().filter(|event| event.0 == account && event.1 <= today).map(|e| e.1).max();
                let starts = company
                    .terms
                    .iter()
                    .flatten()
                    .filter(|term| term.0 == account && term.1 <= today)
                    .map(|term| term.1);
                let begun = starts.min().map_or(company.first, |start| start.max(company.first));
                let silence = f64::from(today - last.unwrap_or(begun));
                let fired = f64::from(told.values().map(|told| u8::from(told.0)).sum::<u8>());
                let score = told.values().any(|told| told.1.is_some()).then_some(fired);
                told.insert("any_fired".to_owned(), (fired >= 1.0, score));
                told.insert("two_or_more_fired".to_owned(), (fired >= 2.0, score));
                told.insert("days_since_last_event".to_owned(), (silence >= 30.0, Some(silence)));
                let fate = fate(company, event, account, today);
                rows.push(Row { date: place, account, fate, silence, told });
            }
        }
        assert!(!own.is_empty());
        Self { days, rows }
    }

    fn fired(&self, name: &str, date: usize, account: i64) -> bool {
        self.rows.iter().any(|row| row.date == date && row.account == account && row.told[name].0)
    }

    fn check(&self, test: &BackTest, own: &Performance) -> Result<(), TestCaseError> {
        let name = own.name.as_str();
        let known: Vec<(&Row, bool)> = self
            .rows
            .iter()
            .filter_map(|row| match row.fate {
                Fate::Stayed => Some((row, false)),
                Fate::Churned(_) => Some((row, true)),
                Fate::Leaving | Fate::Unknown => None,
            })
            .collect();
        let judged: Vec<(f64, f64, &Row, bool)> =
            known.iter().filter_map(|&(row, left)| Some((row.told[name].1?, row.silence, row, left))).collect();
        let positives = judged.iter().filter(|row| row.3).count() as u64;
        let fired: Vec<bool> = judged.iter().filter(|row| row.2.told[name].0).map(|row| row.3).collect();
        let hits = fired.iter().filter(|&&left| left).count() as u64;
        prop_assert_eq!((own.customers, own.judged), (known.len() as u64, judged.len() as u64));
        prop_assert_eq!((own.positives, own.fired, own.true_positives), (positives, fired.len() as u64, hits));
        let rate = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let base = rate(positives, own.judged);
        same(own.base_rate.map(|of| of.value), base)?;
        same(own.precision.map(|of| of.value), rate(hits, own.fired))?;
        same(own.recall.map(|of| of.value), rate(hits, positives))?;
        let lift = rate(hits, own.fired).zip(base.filter(|&base| base > 0.0)).map(|(precision, base)| precision / base);
        same(own.lift.map(|of| of.value), lift)?;
        for (estimate, most) in [(own.base_rate, 1.0), (own.precision, 1.0), (own.recall, 1.0), (own.lift, f64::MAX)] {
            let Some(Interval { lower, upper }) = estimate.and_then(|of| of.interval) else { continue };
            let value = estimate.unwrap().value;
            prop_assert!(
                0.0 <= lower && lower <= value + 1e-12 && value <= upper + 1e-12 && upper <= most,
                "{:?}",
                own
            );
        }

        let area = |score: fn(&(f64, f64, &Row, bool)) -> f64| {
            let (mut wins, mut pairs) = (0.0, 0.0);
            for left in judged.iter().filter(|row| row.3) {
                for stayed in judged.iter().filter(|row| !row.3) {
                    let (one, other) = (score(left), score(stayed));
                    wins += if one > other {
                        1.0
                    } else if one == other {
                        0.5
                    } else {
                        0.0
                    };
                    pairs += 1.0;
                }
            }
            (pairs > 0.0).then(|| wins / pairs)
        };
        same(own.area.map(|of| of.value), area(|row| row.0))?;
        same(own.plain_area, area(|row| row.1))?;
        let difference = area(|row| row.0).zip(area(|row| row.1)).map(|(own, plain)| own - plain);
        if own.area_difference.is_some() {
            same(own.area_difference.map(|of| of.value), difference)?;
        }

        // In the order of a date's scores, everybody in a tie having the mean of the places of the tie.
        let (mut top, mut places, mut named) = (0.0, 0.0, 0.0);
        for date in 0..self.days.len() {
            let own: Vec<(f64, bool)> =
                judged.iter().filter(|row| row.2.date == date).map(|row| (row.0, row.3)).collect();
            places += own.len() as f64 / 10.0;
            top += highest(&own, own.len() as f64 / 10.0);
            let silent: Vec<(f64, bool)> =
                known.iter().filter(|row| row.0.date == date).map(|row| (row.0.silence, row.1)).collect();
            named +=
                highest(&silent, judged.iter().filter(|row| row.2.date == date && row.2.told[name].0).count() as f64);
        }
        let lift = base.filter(|&base| base > 0.0).map(|base| top / places / base);
        same(own.top_decile_lift, lift)?;
        same(own.plain_precision, (own.fired > 0).then(|| named / own.fired as f64))?;

        let churns: BTreeSet<(i64, i32)> = judged.iter().filter_map(|row| churn(row.2)).collect();
        prop_assert_eq!(own.churns, churns.len() as u64);
        let mut leads = Vec::new();
        for &(account, left) in &churns {
            let warned = judged.iter().filter(|row| churn(row.2) == Some((account, left)) && row.2.told[name].0);
            let Some(mut date) = warned.map(|row| row.2.date).max() else { continue };
            while date > 0 && self.fired(name, date - 1, account) {
                date -= 1;
            }
            leads.push(f64::from(left - self.days[date]));
        }
        leads.sort_by(f64::total_cmp);
        prop_assert_eq!(own.caught, leads.len() as u64);
        let quartile = |part: f64| {
            let place = (leads.len() - 1) as f64 * part;
            let (below, above) = (leads[place.floor() as usize], leads[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        let expected = (!leads.is_empty()).then(|| LeadTime {
            lower_quartile: quartile(0.25),
            median: quartile(0.5),
            upper_quartile: quartile(0.75),
        });
        prop_assert_eq!(own.lead_time, expected);

        let later = self.rows.iter().filter(|row| row.date > 0 && row.told[name].0);
        let new = later.filter(|row| !self.fired(name, row.date - 1, row.account)).count();
        prop_assert_eq!(own.new_findings, new as u64);
        let days = f64::from(self.days[self.days.len() - 1] - self.days[0]);
        same(own.findings_per_week, (days > 0.0).then(|| new as f64 * 7.0 / days))?;
        let at: u64 = self.days.iter().map(|&today| test.at(name, day(today)).unwrap().fired).sum();
        prop_assert_eq!(at, own.fired);
        Ok(())
    }
}

fn churn(row: &Row) -> Option<(i64, i32)> {
    if let Fate::Churned(day) = row.fate { Some((row.account, day)) } else { None }
}

fn highest(rows: &[(f64, bool)], places: f64) -> f64 {
    let part = |score: f64| {
        let above = rows.iter().filter(|row| row.0 > score).count() as f64;
        let tied = rows.iter().filter(|row| row.0 == score).count() as f64;
        ((places - above) / tied).clamp(0.0, 1.0)
    };
    rows.iter().filter(|row| row.1).map(|row| part(row.0)).sum()
}

fn same(got: Option<f64>, expected: Option<f64>) -> Result<(), TestCaseError> {
    let alike = match (got, expected) {
        (Some(got), Some(expected)) => (got - expected).abs() < 1e-9,
        (got, expected) => got == expected,
    };
    prop_assert!(alike, "{:?} {:?}", got, expected);
    Ok(())
}

/// A number that looks random, of a day, an account and a seed.
fn hash(seed: u64, day: i32, account: i64) -> u64 {
    let mut mixed = seed ^ ((day as u64) << 32) ^ account as u64;
    for _ in 0..3 {
        mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    mixed >> 20
}

fn company() -> impl Strategy<Value = Company> {
    let first = select(vec![NEW_YEAR, -20, date(2024, 2, 1).days_since_epoch()]);
    let events = vec((0..9_i64, 0..70_i32), 1..120);
    let cancelled = option::of(vec((0..11_i64, 0..90_i32), 0..9));
    let terms = option::of(vec((0..11_i64, 0..60_i32, option::of(0..50_i32)), 0..12));
    (first, events, cancelled, terms, 60..90_i32).prop_map(|(first, events, cancelled, terms, length)| {
        let mut company = Company::new(first, first + length);
        company.events = events.into_iter().map(|(account, day)| (account, first + day.min(length))).collect();
        company.events.push((0, first));
        company.cancelled = cancelled.map(|rows| rows.into_iter().map(|(of, day)| (of, first + day)).collect());
        let term =
            |(of, start, long): (i64, i32, Option<i32>)| (of, first + start, long.map(|long| first + start + long));
        company.terms = terms.map(|rows| rows.into_iter().map(term).collect());
        company
    })
}

fn triggers(seed: u64, correction: Correction) -> TriggerSet {
    let rule = move |day: i32, account: i64| {
        let hash = hash(seed, day / 13, account);
        match hash % 5 {
            0 => Told::NotObserved,
            1 | 2 => Told::Fired((hash / 5 % 4) as f64),
            _ => Told::Quiet((hash / 5 % 4) as f64),
        }
    };
    let test = move |day: i32, account: i64| {
        let hash = hash(seed + 1, day, account);
        Told::Tested((hash % 100) as f64 / 400.0 / (1.0 + (hash / 100 % 30) as f64), !(hash / 7).is_multiple_of(3))
    };
    let set = TriggerSet::new().with(scripted("rule", rule)).with(scripted("test", test)).with(FewDays);
    set.correction(correction).level(0.2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn one_by_one(
        company in company(),
        seed in 0..1_000_u64,
        silence in option::of(1..12_u32),
        every in select(vec![Every::Days(5), Every::Days(7), Every::Days(11), Every::End(Period::Week), Every::End(Period::Month)]),
        correction in select(vec![Correction::BenjaminiHochberg, Correction::Holm, Correction::None]),
    ) {
        let event = silence.map_or(ChurnEvent::Cancelled, |silence_days| ChurnEvent::ActivityEnded { silence_days });
        let set = triggers(seed, correction);
        let known = company.last - LEAD - HORIZON - silence.map_or(0, |silence| silence as i32 - 1);
        let from = company.first + 2;
        let options = BackTestOptions::new().churn(event).lead_days(LEAD as u32).horizon_days(HORIZON as u32);
        let options = options.every(every).from(day(from));
        let days: Vec<i32> = (from..=known)
            .filter(|&today| match every {
                Every::Days(days) => (today - from) % days as i32 == 0,
                Every::End(Period::Week) => (today + 3).rem_euclid(7) == 6,
                Every::End(_) => (day(today) + 1).to_string().ends_with("-01"),
            })
            .collect();
        let test = company.portfolio().back_test(set.clone(), options);
        if days.is_empty() {
            prop_assert!(test.unwrap_err().to_string().starts_with("from .. to"));
            return Ok(());
        }
        let test = test.unwrap();
        let naive = Naive::new(&company, &set, event, days);
        let own: Vec<i32> = test.dates().iter().map(|of| of.date.days_since_epoch()).collect();
        prop_assert_eq!(&own, &naive.days);
        for (place, of) in test.dates().iter().enumerate() {
            let count = |is: fn(&Fate) -> bool| naive.rows.iter().filter(|row| row.date == place && is(&row.fate)).count() as u64;
            prop_assert_eq!(of.stayed, count(|fate| *fate == Fate::Stayed));
            prop_assert_eq!(of.churned, count(|fate| matches!(fate, Fate::Churned(_))));
            prop_assert_eq!(of.leaving, count(|fate| *fate == Fate::Leaving));
            prop_assert_eq!(of.unknown, count(|fate| *fate == Fate::Unknown));
        }
        for own in test.performances().iter().filter(|own| own.name != "combination") {
            naive.check(&test, own)?;
        }
        let fired = |name: &str| test.performance(name).unwrap().fired;
        prop_assert!(["rule", "test", "few_days", "two_or_more_fired"].iter().all(|name| fired(name) <= fired("any_fired")));
        // The order of rows says nothing.
        let mut turned = company.clone();
        turned.events.reverse();
        if let Some(rows) = &mut turned.cancelled { rows.reverse() }
        if let Some(rows) = &mut turned.terms { rows.reverse() }
        let again = turned.portfolio().back_test(set, test.options().clone()).unwrap();
        prop_assert_eq!(again, test);
    }
}
