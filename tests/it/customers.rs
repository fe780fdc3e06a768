//! Customers drawn by chance, and what tests of triggers ask of the findings about them.

use std::collections::BTreeMap;

use attrition::{Activity, Calendar, Findings, Portfolio, Trigger, TriggerSet, Weekday};

use crate::log::{Event, Mapped, day, frame};

/// Random numbers that are the same on every run: a linear congruence, its upper half.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(0x9E37_79B9_7F4A_7C15))
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((self.0 >> 32) as u32) / 4_294_967_296.0
    }

    pub(crate) fn below(&mut self, end: i32) -> i32 {
        (self.uniform() * f64::from(end)) as i32
    }

    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> i32 {
        let (mut count, mut product) = (-1, 1.0);
        while product > (-mean).exp() {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    /// With mean 1 and a variance of one over `shape`.
    pub(crate) fn gamma(&mut self, shape: u32) -> f64 {
        (0..shape).map(|_| -(1.0 - self.uniform()).ln()).sum::<f64>() / f64::from(shape)
    }
}

/// Events of a company whose weeks end on the days 0, 7, 14 and so on.
pub(crate) fn ingest(events: &[Event], mapped: Mapped, between: Option<(i32, i32)>) -> Activity {
    let calendar = Calendar::utc().week_starts(Weekday::Fri);
    let builder = Activity::builder(&mapped.columns(), &calendar);
    let mut builder = match between {
        Some((first, last)) => builder.observed_from(day(first)).as_of(day(last)),
        None => builder,
    };
    builder.push(&frame(events)).unwrap();
    builder.finish().unwrap()
}

/// What one trigger finds on a day in a log that is observed over some days.
pub(crate) fn findings(
    events: &[Event],
    mapped: Mapped,
    observed: (i32, i32),
    as_of: i32,
    trigger: impl Trigger + 'static,
) -> Findings {
    let portfolio = Portfolio::new(ingest(events, mapped, Some(observed))).unwrap();
    portfolio.triggers(day(as_of), TriggerSet::new().with(trigger)).unwrap()
}

/// All p-values of a day.
pub(crate) fn p_values(findings: &Findings) -> Vec<f64> {
    findings.iter().filter_map(|finding| finding.p_value).collect()
}

/// The share of the p-values that are at most so large.
pub(crate) fn found(p_values: &[f64], level: f64) -> f64 {
    p_values.iter().filter(|&&p| p <= level).count() as f64 / p_values.len() as f64
}

/// Holds the shares at 1, 5 and 10 % against the binomial 99.9 % interval of so many tests.
pub(crate) fn assert_calibrated(p_values: &[f64], what: &str) {
    for level in [0.01, 0.05, 0.1] {
        let (share, tests) = (found(p_values, level), p_values.len() as f64);
        let allowed = 3.29 * (level * (1.0 - level) / tests).sqrt() + 0.5 / tests;
        assert!((share - level).abs() <= allowed, "{what}: {share} at {level}, of {tests}");
    }
}

/// Holds the shares at 1, 5 and 10 % against the upper end for a test that finds so many times what it should.
pub(crate) fn assert_not_above(p_values: &[f64], times: f64, what: &str) {
    for level in [0.01, 0.05, 0.1] {
        let (share, tests) = (found(p_values, level), p_values.len() as f64);
        let allowed = times * level + 3.29 * (times * level / tests).sqrt() + 0.5 / tests;
        assert!(share <= allowed, "{what}: {share} at {level}, of {tests}");
    }
}

/// Every choice of `choose` of `from` places.
pub(crate) fn choices(from: usize, choose: usize) -> Vec<Vec<usize>> {
    if choose == 0 {
        return vec![Vec::new()];
    }
    let with = |last: usize| {
        choices(last, choose - 1).into_iter().map(move |mut rest| {
            rest.push(last);
            rest
        })
    };
    (choose - 1..from).flat_map(with).collect()
}

/// The share of choices of as many weeks as the last ones that have a smaller sum, by more than a tenth of the standard
/// deviation of the weeks, and half of those that are nearer.
pub(crate) fn permuted(scores: &[f64], last: usize) -> f64 {
    let sum = |places: &[usize]| places.iter().map(|&place| scores[place]).sum::<f64>();
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let near = 0.1 * (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt() + 1e-8;
    let observed = scores[scores.len() - last..].iter().sum::<f64>();
    let choices = choices(scores.len(), last);
    let twice = choices.iter().map(|places| {
        let sum = sum(places);
        if (sum - observed).abs() <= near { 1 } else { 2 * i32::from(sum < observed) }
    });
    let twice = twice.sum::<i32>();
    let p_value = f64::from(twice) / 2.0 / choices.len() as f64;
    // Where what was observed is alone at the end of all choices, they cannot tell how far.
    if twice > 1 { p_value } else { p_value.min(student(scores, last, near - 1e-8)) }
}

/// The chance of so small a mean of the last numbers by Student's t, its density summed up strip by strip.
fn student(numbers: &[f64], last: usize, grain: f64) -> f64 {
    let (rest, last) = numbers.split_at(numbers.len() - last);
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let squares = |of: &[f64]| of.iter().map(|number| (number - mean(of)).powi(2)).sum::<f64>();
    let freedom = numbers.len() as f64 - 2.0;
    let variance = (squares(rest) + squares(last)) / freedom + grain * grain / 12.0;
    let t = (mean(last) - mean(rest)).abs() / (variance / last.len() as f64 + variance / rest.len() as f64).sqrt();
    let density = |x: f64| (1.0 + x * x / freedom).powf(-(freedom + 1.0) / 2.0);
    // From `from` to infinity, x = from + u / (1 - u).
    let beyond = |from: f64| {
        let strips = 4_000;
        let strip = |number: i32| {
            let u = (f64::from(number) + 0.5) / f64::from(strips);
            density(from + u / (1.0 - u)) / (1.0 - u).powi(2)
        };
        (0..strips).map(strip).sum::<f64>() / f64::from(strips)
    };
    beyond(t) / (2.0 * beyond(0.0))
}

/// The first day of the weeks of an account that can be compared, and their number; `None` with fewer than 8 beside the
/// recent ones. The last of them ends on the last day 0, 7, 14 and so on that is not after `as_of`.
pub(crate) fn weeks(
    days: impl Iterator<Item = i32>,
    observed_from: i32,
    as_of: i32,
    recent: i32,
    baseline: i32,
) -> Option<(i32, usize)> {
    let first = days.filter(|&day| day <= as_of).min()?;
    // The first active day does not count, unless there may have been others before it.
    let begins = if first == observed_from { first } else { first + 1 };
    let end = (0..7).map(|earlier| as_of - earlier).find(|day| day % 7 == 0)?;
    let weeks = (1..=recent + baseline).take_while(|week| end + 1 - 7 * week >= begins).count();
    (weeks as i32 >= recent + 8).then_some((end + 1 - 7 * weeks as i32, weeks))
}

/// Index of each week for a class of accounts, for a table of weekly numbers of the accounts that carry it, and
/// whether it moves by more than chance would have it.
pub(crate) fn index(carriers: &[(usize, Vec<f64>)], class: usize, length: usize) -> (Vec<f64>, bool) {
    let own: Vec<&Vec<f64>> = carriers.iter().filter(|carrier| carrier.0 == class).map(|carrier| &carrier.1).collect();
    let all: Vec<&Vec<f64>> = carriers.iter().map(|carrier| &carrier.1).collect();
    let rows = if own.len() >= 50 { own } else { all };
    if rows.len() < 50 {
        return (vec![1.0; length], true);
    }
    let shares =
        |place: usize| rows.iter().map(move |row| (row[place] * row.len() as f64 / row.iter().sum::<f64>()).min(4.0));
    let count = rows.len() as f64;
    let mean = |place: usize| shares(place).sum::<f64>() / count;
    let variance = |place: usize| shares(place).map(|share| share * share).sum::<f64>() / count - mean(place).powi(2);
    let usual = (0..length).map(mean).sum::<f64>() / length as f64;
    let moves: f64 = (0..length).map(|place| (mean(place) - usual).powi(2) * count / variance(place).max(1e-12)).sum();
    let freedom = length as f64 - 1.0;
    let moved = moves > freedom + 4.0 * (2.0 * freedom).sqrt();
    ((0..length).map(mean).map(|mean| if mean < 0.25 { 0.0 } else { mean }).collect(), moved)
}

/// The residual of each week, added to what is there.
pub(crate) fn add_residuals(scores: &mut [f64], counts: &[f64], index: &[f64]) {
    let mean = counts.iter().sum::<f64>() / index.iter().sum::<f64>();
    for ((score, count), index) in scores.iter_mut().zip(counts).zip(index) {
        *score += if mean > 0.0 { (count / index / mean - 1.0) * index.sqrt() } else { 0.0 };
    }
}

/// Inactive, occasional, weekly or daily by the mean of active days in 14.
pub(crate) fn class(active_days: usize, weeks: usize) -> usize {
    let mean = (2.0 * active_days as f64 / weeks as f64 + 0.5).floor();
    [2.0, 5.0, 9.0].iter().filter(|&&bound| mean >= bound).count()
}

/// Events by account.
pub(crate) fn by_account(events: &[Event]) -> BTreeMap<i64, Vec<&Event>> {
    let mut accounts: BTreeMap<i64, Vec<&Event>> = BTreeMap::new();
    for event in events {
        accounts.entry(event.account.or(event.user).unwrap()).or_default().push(event);
    }
    accounts
}
