//! Small portfolios as plain rows, and what the triggers say of them.

use attrition::polars::prelude::*;
use attrition::{
    Activity, AnswerColumns, Calendar, ContactColumns, EventColumns, Findings, Id, LimitColumns, Portfolio,
    ReadingColumns, State, Trigger, TriggerSet,
};

use super::log::day;

/// Active days: user, account, day and events.
pub(crate) type Days = Vec<(i64, i64, i32, u32)>;

/// A contact of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ContactOf {
    pub(crate) account: i64,
    pub(crate) person: i64,
    pub(crate) key: bool,
    pub(crate) since: Option<i32>,
    pub(crate) until: Option<i32>,
}

/// A column of days.
pub(crate) fn dates(name: &str, days: impl Iterator<Item = Option<i32>>) -> Column {
    Column::new(name.into(), days.collect::<Vec<_>>()).cast(&DataType::Date).unwrap()
}

pub(crate) fn numbers(name: &str, numbers: impl Iterator<Item = i64>) -> Column {
    Column::new(name.into(), numbers.collect::<Vec<_>>())
}

pub(crate) fn frame_of(columns: Vec<Column>) -> DataFrame {
    DataFrame::new(columns[0].len(), columns).unwrap()
}

/// The portfolio of active days that were observed from one day to another.
pub(crate) fn portfolio_of(active: &Days, (first, last): (i32, i32)) -> Portfolio {
    let rows = || active.iter().flat_map(|row| (0..row.3).map(move |_| row));
    let frame = frame_of(vec![
        numbers("user", rows().map(|row| row.0)),
        numbers("account", rows().map(|row| row.1)),
        dates("day", rows().map(|row| Some(row.2))),
    ]);
    let columns = EventColumns::new("user", "day").account("account");
    let mut builder = Activity::builder(&columns, &Calendar::utc()).observed_from(day(first)).as_of(day(last));
    builder.push(&frame).unwrap();
    Portfolio::new(builder.finish().unwrap()).unwrap()
}

pub(crate) fn with_contacts(portfolio: Portfolio, contacts: &[ContactOf]) -> Portfolio {
    let frame = frame_of(vec![
        numbers("account", contacts.iter().map(|row| row.account)),
        numbers("person", contacts.iter().map(|row| row.person)),
        Column::new("key".into(), contacts.iter().map(|row| row.key).collect::<Vec<_>>()),
        dates("since", contacts.iter().map(|row| row.since)),
        dates("until", contacts.iter().map(|row| row.until)),
    ]);
    let columns = ContactColumns::new("account", "person").key("key").since("since").until("until");
    portfolio.contacts(&frame, &columns).unwrap()
}

/// Adds limits (account, name, cap, since).
pub(crate) fn with_limits(portfolio: Portfolio, limits: &[(i64, &str, f64, Option<i32>)]) -> Portfolio {
    let frame = frame_of(vec![
        numbers("account", limits.iter().map(|row| row.0)),
        Column::new("limit".into(), limits.iter().map(|row| row.1).collect::<Vec<_>>()),
        Column::new("cap".into(), limits.iter().map(|row| row.2).collect::<Vec<_>>()),
        dates("since", limits.iter().map(|row| row.3)),
    ]);
    portfolio.limits(&frame, &LimitColumns::default()).unwrap()
}

/// Adds readings (account, name, day, used).
pub(crate) fn with_readings(portfolio: Portfolio, readings: &[(i64, &str, i32, f64)]) -> Portfolio {
    let frame = frame_of(vec![
        numbers("account", readings.iter().map(|row| row.0)),
        Column::new("limit".into(), readings.iter().map(|row| row.1).collect::<Vec<_>>()),
        dates("date", readings.iter().map(|row| Some(row.2))),
        Column::new("used".into(), readings.iter().map(|row| row.3).collect::<Vec<_>>()),
    ]);
    portfolio.readings(&frame, &ReadingColumns::default()).unwrap()
}

/// Adds answers (account, respondent, day, score).
pub(crate) fn with_answers(portfolio: Portfolio, answers: &[(i64, Option<i64>, i32, i64)]) -> Portfolio {
    let frame = frame_of(vec![
        numbers("account", answers.iter().map(|row| row.0)),
        Column::new("respondent".into(), answers.iter().map(|row| row.1).collect::<Vec<_>>()),
        dates("date", answers.iter().map(|row| Some(row.2))),
        numbers("score", answers.iter().map(|row| row.3)),
    ]);
    portfolio.answers(&frame, &AnswerColumns::default()).unwrap()
}

pub(crate) fn ask(portfolio: &Portfolio, as_of: i32, trigger: impl Trigger + 'static) -> Findings {
    portfolio.triggers(day(as_of), TriggerSet::new().with(trigger)).unwrap()
}

/// A finding without what it is bound to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) account: i64,
    pub(crate) state: State,
    pub(crate) severity: Option<&'static str>,
    pub(crate) missing: Option<String>,
    pub(crate) observed: Option<f64>,
    pub(crate) expected: Option<f64>,
    pub(crate) statistic: Option<f64>,
    pub(crate) p_value: Option<f64>,
    pub(crate) score: Option<f64>,
    pub(crate) since: Option<i32>,
    pub(crate) sentence: Option<String>,
}

pub(crate) fn found(findings: &Findings) -> Vec<Found> {
    findings
        .iter()
        .map(|finding| Found {
            account: match finding.account {
                Id::Int(id) => id,
                other => panic!("{other}"),
            },
            state: finding.state,
            severity: finding.severity.map(attrition::Severity::name),
            missing: finding.missing.map(str::to_owned),
            observed: finding.observed,
            expected: finding.expected,
            statistic: finding.statistic,
            p_value: finding.p_value,
            score: finding.score,
            since: finding.since.map(attrition::Date::days_since_epoch),
            sentence: finding.sentence.map(str::to_owned),
        })
        .collect()
}

/// What is found of one account.
pub(crate) fn of(findings: &Findings, account: i64) -> Found {
    found(findings).into_iter().find(|found| found.account == account).unwrap()
}

/// Whether so many of `of` lie within the 99.9 % interval of a binomial with chance `rate`.
pub(crate) fn as_often(times: usize, of: usize, rate: f64) -> bool {
    let (times, of) = (times as f64, of as f64);
    (times - of * rate).abs() <= 3.29 * (of * rate * (1.0 - rate)).sqrt() + 0.5
}

/// Numbers that look random, from 0 to 1 without 1, always the same of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number from 0 to `of` - 1.
    pub(crate) fn below(&mut self, of: u32) -> u32 {
        (self.next() * f64::from(of)) as u32
    }
}
