//! The most valuable accounts, when they do less.

use serde::{Deserialize, Serialize};

use super::frequency_class::FrequencyClass;
use super::season::{CommonMovement, Season, smaller_sum};
use super::seed::seed;
use super::set::{Judge, Trigger};
use super::signal::Signal;
use super::usage_frequency::UsageFrequency;
use super::weeks::{LEAST_BASELINE, MOST_WEEKS, Window};
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot};
use crate::statistics::float;

/// The days of activity that say what an account is worth where no subscription does.
const YEAR: i32 = 365;

/// Whether one of the most valuable accounts brings less value, or is used less, than it was.
///
/// ```text
/// worth    recurring value a month; where no subscription has a value: sum of values over the last 365 days
/// top      customers of a worth above 0 with (those worth more + half of those worth as much) / all at most 0.2, all
///          being the customers of known worth
/// week     its value, where values are mapped; otherwise its events and active days: their residuals beside the index
///          of the week (CommonMovement), as for UsageFrequency
/// p        share of the choices of 8 of all weeks with a smaller sum than the last 8 whole ones, and half of those with the
///          same
/// ratio    the last 8 weeks over what the 26 before them let expect, or as many of these as are known, 8 at least
/// fires    p, corrected, and a ratio at most 0.9: medium; high from 0.8 downwards
/// ```
///
/// Pareto's rule in use: a fifth of the accounts brings most of the value, so a fall by a tenth is worth a call that among
/// small accounts would not be; each severity is one step above that of [`UsageFrequency`]. A small fall takes more weeks to
/// be seen, and the windows are longer for it. Weeks are assumed to come in any order as easily if nothing changed. There are
/// 18 million choices of 8 of 34 weeks; the share of those with a smaller sum is read off a saddlepoint approximation.
///
/// Other accounts are quiet, and are not tested: they add no p-value to those that are corrected for being many. Where all
/// are worth the same none is at the top, and a price that the best 25 % pay puts all of them there.
///
/// `observed` and `expected` are value or events of the 8 weeks, `statistic` is their ratio, with an interval for events,
/// and `since` the first of the weeks up to the last one that all lie below the baseline's mean. Not observed are accounts
/// whose worth is not known (`subscriptions`), and at the top those with fewer than 8 known weeks of baseline, or in which
/// nothing happened (`history`).
///
/// # References
///
/// Tools for customer success call a fall by 20 to 50 % a medium risk whatever the account is worth, and more a high one.
/// E. J. G. Pitman (1937), "Significance tests which may be applied to samples from any populations", J. R. Stat. Soc. Suppl.
/// 4, 119-130; J. Robinson (1982), "Saddlepoint approximations for permutation tests and confidence intervals", J. R. Stat.
/// Soc. B 44, 91-101.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HighValueFading {
    top: f64,
    usage: UsageFrequency,
}

impl HighValueFading {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        let usage = UsageFrequency::new().recent(8).baseline(26).severities(0.1, 0.1, 0.2);
        Self { top: 0.2, usage }
    }

    /// The share of the customers that is looked at, above 0 and at most 1. 0.2 unless told, after Pareto.
    #[must_use]
    pub fn top(mut self, share: f64) -> Self {
        self.top = share;
        self
    }

    /// The number of recent weeks, 1 to 8. 8 unless told: a fall by a tenth is not seen in less.
    #[must_use]
    pub fn recent(mut self, weeks: u32) -> Self {
        self.usage = self.usage.recent(weeks);
        self
    }

    /// The number of weeks before them, at least 8. 26 unless told: half a year tells how much an account's weeks vary.
    #[must_use]
    pub fn baseline(mut self, weeks: u32) -> Self {
        self.usage = self.usage.baseline(weeks);
        self
    }

    /// Whether the common movement of the portfolio is held against an account. [`CommonMovement::TakenOut`] unless told.
    #[must_use]
    pub fn common_movement(mut self, movement: CommonMovement) -> Self {
        self.usage = self.usage.common_movement(movement);
        self
    }

    /// By which share it lies below expectation where the severity is medium and high: 0.1 and 0.2 unless told, which is
    /// half of what is common for all accounts.
    #[must_use]
    pub fn severities(mut self, medium: f64, high: f64) -> Self {
        self.usage = self.usage.severities(medium, medium, high);
        self
    }
}

impl Default for HighValueFading {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for HighValueFading {
    fn name(&self) -> &'static str {
        "high_value_fading"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        if !(self.top > 0.0 && self.top <= 1.0) {
            let reason = "the share of the customers at the top lies above 0 and at most at 1";
            return Err(Error::InvalidOption { option: "top", value: self.top.to_string(), reason });
        }
        self.usage.check()?;
        let Some((worth, least)) = self.least(portfolio) else {
            return Ok(Box::new(|_| Signal::not_observed("subscriptions")));
        };
        let of_usage = self.usage.judge(portfolio)?;
        let movement = self.usage.movement;
        let season = worth_mapped(portfolio).then(|| {
            let weeks = self.usage.weeks;
            Season::learn(portfolio, movement, (weeks.all(), weeks.all()), |account, row| {
                let window = weeks.of(account).filter(|window| window.weeks == weeks.all())?;
                let values = Values::of(account, &window);
                let mean = values.0[..window.weeks].iter().sum::<f64>() / float(window.weeks as u64);
                row.iter_mut().zip(&values.0).for_each(|(share, value)| *share = (value / mean).max(0.0));
                (mean > 0.0).then(|| FrequencyClass::over(account, &window) as usize)
            })
        });
        let brief = portfolio.only_what_fires();
        Ok(Box::new(move |account| match worth.of(account) {
            None => Signal::not_observed("subscriptions"),
            Some(worth) if worth < least => Signal::quiet(),
            Some(value) => {
                let signal = match &season {
                    Some(season) => self.of_values(account, season, brief),
                    None => of_usage(account),
                };
                worth.told(signal, value)
            }
        }))
    }
}

fn worth_mapped(portfolio: &Snapshot<'_>) -> bool {
    portfolio.portfolio().activity().ledger().rows.value.is_some()
}

/// What says how much an account is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Recurring,
    Activity,
}

impl Worth {
    fn of(self, account: &Account<'_>) -> Option<f64> {
        match self {
            Self::Recurring => account.recurring_value(),
            Self::Activity => {
                let as_of = account.as_of().days_since_epoch();
                let rows = account.within(as_of - YEAR + 1..=as_of);
                Some(account.rows().value.as_ref()?[rows].iter().sum())
            }
        }
    }

    /// Puts first what is at stake.
    fn told(self, mut signal: Signal, value: f64) -> Signal {
        let period = if self == Self::Recurring { "month" } else { "year" };
        signal.sentence =
            signal.sentence.map(|sentence| format!("worth {value:.0} a {period}: {sentence}").into_boxed_str());
        signal
    }
}

impl HighValueFading {
    /// What says the worth of the accounts, and the least that is at the top; `None` where nothing says it.
    fn least(&self, portfolio: &Snapshot<'_>) -> Option<(Worth, f64)> {
        let known = |worth: Worth| -> Vec<f64> {
            portfolio.judge(|account| worth.of(&account)).into_iter().flatten().collect()
        };
        let recurring = known(Worth::Recurring);
        if recurring.iter().any(|&worth| worth > 0.0) {
            return Some((Worth::Recurring, least(recurring, self.top)));
        }
        worth_mapped(portfolio).then(|| (Worth::Activity, least(known(Worth::Activity), self.top)))
    }

    fn of_values(&self, account: &Account<'_>, season: &Season, brief: bool) -> Signal {
        let weeks = self.usage.weeks;
        let Some(window) = weeks.of(account) else { return Signal::not_observed("history") };
        let index = &season.of(FrequencyClass::over(account, &window) as usize)[weeks.all() - window.weeks..];
        let values = Values::of(account, &window);
        // The weeks that can be compared, and where they stand.
        let (mut scores, mut exposure, mut place_of) = ([0.0; MOST_WEEKS], [0.0; MOST_WEEKS], [None; MOST_WEEKS]);
        let (mut count, mut baseline) = (0, 0);
        for (week, &index) in index.iter().enumerate().take(window.weeks).filter(|(_, index)| **index > 0.0) {
            (scores[count], exposure[count], place_of[week]) = (values.0[week], index, Some(count));
            count += 1;
            baseline += usize::from(week < window.baseline());
        }
        let (scores, exposure) = (&mut scores[..count], &exposure[..count]);
        let sum = |of: &[f64]| of.iter().sum::<f64>();
        let mean = sum(scores) / sum(exposure);
        if baseline < LEAST_BASELINE || baseline == count || mean <= 0.0 {
            return Signal::not_observed("history");
        }
        let (now, before) = (sum(&scores[baseline..]), sum(&scores[..baseline]));
        let expected = before / sum(&exposure[..baseline]) * sum(&exposure[baseline..]);
        let ratio = (expected > 0.0).then(|| now / expected);
        let severity = ratio.and_then(|ratio| self.usage.drops.severity(ratio));
        if brief && severity.is_none() {
            return Signal::too_small();
        }
        let same = scores.iter().all(|score| score.total_cmp(&scores[0]).is_eq());
        scores
            .iter_mut()
            .zip(exposure)
            .for_each(|(score, index)| *score = (*score / (index * mean) - 1.0) * index.sqrt());
        // As much every week: nothing changed, whatever others did.
        let p = if same { 0.5 } else { smaller_sum(scores, count - baseline, seed(account)) };
        let signal = Signal::tested(p, severity).observed(now).expected(expected);
        let Some(ratio) = ratio else { return signal };
        let usual = sum(&scores[..baseline]) / float(baseline as u64);
        let below = |week: usize| place_of[week].is_none_or(|place| scores[place] < usual);
        let signal = signal.statistic(ratio);
        let signal = match severity.and_then(|_| window.since(below)) {
            Some(since) => signal.since(since),
            None => signal,
        };
        signal.because(|| {
            format!(
                "{now:.0} in {}, where {expected:.0} was to be expected, a ratio of {ratio:.2}; ask what would bring them back",
                window.named()
            )
        })
    }
}

/// The least worth that is at the top; more than any where none is.
fn least(mut worth: Vec<f64>, top: f64) -> f64 {
    worth.sort_unstable_by(|left, right| right.total_cmp(left));
    let (all, mut more, mut least) = (float(worth.len() as u64), 0.0, f64::INFINITY);
    for alike in worth.chunk_by(|left, right| left.total_cmp(right).is_eq()) {
        let rank = (more + float(alike.len() as u64) / 2.0) / all;
        if alike[0] <= 0.0 || rank > top {
            break;
        }
        more += float(alike.len() as u64);
        least = alike[0];
    }
    least
}

/// The values of the weeks of an account.
struct Values([f64; MOST_WEEKS]);

impl Values {
    fn of(account: &Account<'_>, window: &Window) -> Self {
        let mut weekly = [0.0; MOST_WEEKS];
        let (rows, own) = (account.rows(), account.within(window.days()));
        if let Some(values) = &rows.value {
            for (&day, &value) in rows.day[own.clone()].iter().zip(&values[own]) {
                weekly[window.week(day)] += value;
            }
        }
        Self(weekly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_by_mid_ranks() {
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        // Ranks of 0.05, 0.15 and 0.25.
        assert_eq!((least(ten.clone(), 0.2), least(ten.clone(), 0.04), least(ten, 1.0)), (9.0, f64::INFINITY, 1.0));
        // A quarter on the best plan has the mid-rank 0.125; all on one have 0.5.
        assert!((least(vec![5.0, 9.0, 5.0, 5.0], 0.2) - 9.0).abs() < 1e-12);
        assert_eq!((least(vec![5.0; 4], 0.2), least(vec![5.0; 4], 0.5)), (f64::INFINITY, 5.0));
        assert_eq!((least(vec![0.0, 0.0, -1.0], 0.9), least(Vec::new(), 0.2)), (f64::INFINITY, f64::INFINITY));
    }
}
