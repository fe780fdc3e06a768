//! A silence longer than an account's rhythm would have it.

use serde::{Deserialize, Serialize};

use super::rhythm::{LEAST_DAYS, Pool, PoolSums, Rhythm, Weekdays, weekday};
use super::set::{Judge, Trigger};
use super::signal::{MOST_LEVEL, Severity, Signal};
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot};

/// Past days of others are looked at up to so many days before the day: a silence that still lasts is not known to its
/// end, and to leave out the long ones would make silences look short.
const UNFINISHED: i32 = 56;

/// Whether an account has been silent for longer than its rhythm would have it.
///
/// ```text
/// clock    seven ticks a week, divided over the weekdays as the active days of the portfolio are, and the account's own:
///          7 (own of the weekday + 14 * portfolio's share of it) / (own + 14)
/// gap      g, ticks from one active day to the next: those that end in the 26 weeks up to the last active day
/// silence  s, ticks from the last active day to as_of
/// own      share of time at which a silence lasted x or more:  sum of max(0, g - x) / sum of g
/// mean     the mean silence at a random time:                  sum of g² / (2 sum of g)
/// pooled   the same share of past days of accounts of like rhythm, for x / mean, the mean being that before each day
/// tail(x)  (m own + k pooled) / (m + k),  m = (sum of g)² / sum of g²,
///          k = 10, or 10 / pooled where own < pooled
/// p        (tail(s) + tail(s + a tick)) / 2, which counts ties half
/// usual    the silence with tail(usual) = 0.05
/// fires    p, corrected, at least 3 days of silence, and s / usual above 1: low; medium above 1.5, high above 2.5
/// ```
///
/// What is asked is how improbable so long a silence is *on a random day*, and not how rare so long a gap is among gaps: a
/// random day falls into long gaps more often. So accounts that come in bursts are not taken for lost in the pause, and
/// among steady accounts p is at most 0.05 for one in twenty. The clock stands still when nobody works, so that a weekend
/// is no silence. *m* is the number of even gaps that tell as much: eight days in a row and a month of pause are one
/// pause, and not eight gaps.
///
/// An account with little history of its own is judged by what those like it did: they are grouped by *m* and by how many
/// gaps of their own make one even gap. The pool also tells of what one account was never seen to do, so that p goes far
/// below one over its number of gaps. It says that an account which never paused for so long is as likely to as others
/// are, and never less. With one gap of one's own it is nearly all that counts; the shares of the pool are read off at eight
/// points from one power of two to the next.
///
/// Calibration holds over a portfolio, and over accounts of one kind where these are many: of steady accounts that come at
/// random or in bursts, p is at most 0.01, 0.05 and 0.1 for 0.7 to 1.4 %, 4.3 to 5.3 % and 8.9 to 10.8 % in simulations. Bursty
/// ones among twice as many others are pooled with them in part, and it is 2, 7 and 13 % of them. Who comes on every working
/// day is silent at the end of so few that p takes few values, and is small less often than its level.
///
/// `observed` is the silence in days, `expected` its mean at the end of a day before it began, `statistic` and score are
/// -log10 p, and `since` is the day after the last active one. Accounts with fewer than two active days, or first active
/// less than 28 days ago, are not observed (`history`): a rhythm needs to have come round.
///
/// # References
///
/// D. R. Cox (1962), "Renewal Theory", chapter 5: the time since the last renewal at a random time has the equilibrium
/// distribution, whose tail is the integral of that of the gaps. L. Kish (1965), "Survey Sampling", section 8.2, for *m*.
/// Tools like ChurnZero and retentioneering measure the days since the last activity against a quantile of an account's
/// own gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngagementGap {
    weeks: u32,
    days: u32,
}

impl EngagementGap {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { weeks: 26, days: 3 }
    }

    /// The number of weeks up to the last active day that make the rhythm, 4 to 156. 26 unless told: one who comes once a
    /// month has then been there six times, and what is older says less.
    #[must_use]
    pub fn history(mut self, weeks: u32) -> Self {
        self.weeks = weeks;
        self
    }

    /// The least number of days of silence at which it fires. 3 unless told: who was there the day before yesterday is not
    /// called, however regular they are.
    #[must_use]
    pub fn at_least(mut self, days: u32) -> Self {
        self.days = days;
        self
    }
}

impl Default for EngagementGap {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for EngagementGap {
    fn name(&self) -> &'static str {
        "engagement_gap"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        let weeks = match i32::try_from(self.weeks) {
            Ok(weeks @ 4..=156) => weeks,
            _ => {
                let reason = "a rhythm is known from 4 to 156 weeks";
                return Err(Error::InvalidOption { option: "history", value: self.weeks.to_string(), reason });
            }
        };
        let shares = shares(portfolio, weeks);
        let pool = pool(portfolio, weeks, &shares);
        let brief = portfolio.only_what_fires();
        Ok(Box::new(move |account| self.of(account, weeks, (&shares, &pool), brief)))
    }
}

/// The shares of the weekdays in the active days of all.
#[expect(clippy::cast_precision_loss, reason = "counts of days are far below 2^53")]
fn shares(portfolio: &Snapshot<'_>, weeks: i32) -> Weekdays {
    let add = |counts: &mut [u64; 7], account: Account<'_>| {
        let as_of = account.as_of().days_since_epoch();
        let rows = account.within(as_of - 7 * weeks + 1..=as_of);
        account.rows().day[rows].iter().for_each(|&day| counts[weekday(day)] += 1);
    };
    let join = |left: [u64; 7], right: [u64; 7]| std::array::from_fn(|place| left[place] + right[place]);
    let counts = portfolio.fold(|| [0; 7], add, join);
    match counts.iter().sum::<u64>() {
        0 => [1.0 / 7.0; 7],
        all => counts.map(|count| count as f64 / all as f64),
    }
}

fn pool(portfolio: &Snapshot<'_>, weeks: i32, shares: &Weekdays) -> Pool {
    let as_of = portfolio.as_of();
    let add = |sums: &mut PoolSums, account: Account<'_>| {
        // Where little was observed at all, some of it is better than nothing.
        let unfinished = UNFINISHED.min((as_of - account.observed_from()) / 4);
        sums.add(account.days(), weeks, shares, as_of.days_since_epoch() - unfinished);
    };
    Pool::new(&portfolio.fold(PoolSums::none, add, PoolSums::join))
}

impl EngagementGap {
    fn of(&self, account: &Account<'_>, weeks: i32, (shares, pool): (&Weekdays, &Pool), brief: bool) -> Signal {
        let as_of = account.as_of();
        let days = account.days();
        let known = account.first_active().map_or(0, |first| as_of - first + 1);
        let (true, Some(_), Some(last), Some(silence)) =
            (known >= LEAST_DAYS, Rhythm::known(days, weeks), account.last_active(), account.silence())
        else {
            return Signal::not_observed("history");
        };
        if brief && silence < self.days {
            return Signal::too_small();
        }
        let Some(rhythm) = Rhythm::of(days, weeks, shares) else { return Signal::not_observed("history") };
        let p = rhythm.p_value(pool, as_of.days_since_epoch());
        let may_fire = silence >= self.days && p <= MOST_LEVEL;
        let usual = may_fire.then(|| rhythm.against_usual(pool, as_of.days_since_epoch()));
        let severity = usual.and_then(|(silence, usual)| severity(silence / usual));
        let (expected, rarity) = (rhythm.mean_silence(), -p.log10());
        let signal = Signal::tested(p, severity).observed(f64::from(silence)).expected(expected);
        signal.statistic(rarity).score(rarity).since(last + 1).because(|| {
            let usual = usual.map_or(0.0, |(_, usual)| usual);
            format!(
                "silent for {silence} days, where its silence was {expected:.1} days on average and longer than {usual:.0} \
                 on one day of twenty: ask what keeps them away"
            )
        })
    }
}

fn severity(ratio: f64) -> Option<Severity> {
    [(2.5, Severity::High), (1.5, Severity::Medium), (1.0, Severity::Low)]
        .into_iter()
        .find(|&(bound, _)| ratio > bound)
        .map(|(_, severity)| severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities() {
        let found = [0.5, 1.0, 1.01, 1.5, 1.6, 2.5, 2.6].map(severity);
        let (low, medium) = (Some(Severity::Low), Some(Severity::Medium));
        assert_eq!(found, [None, None, low, low, medium, medium, Some(Severity::High)]);
    }
}
