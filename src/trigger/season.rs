//! What the accounts of a portfolio do together: seasons, holidays, an outage.

use serde::{Deserialize, Serialize};

use super::weeks::MOST_WEEKS;
use crate::portfolio::{Account, Snapshot};
use crate::statistics::{Exposed, Side, few_choices, float, permutation_saddlepoint, permutation_test};

/// So many accounts have to show the common movement. The index of a week then varies by a fiftieth of the variance that
/// the week of one account has, which is nothing beside it, while a holiday moves all of them by more than they vary.
const CARRIERS: u64 = 50;
/// No account counts in a week for more than so many times what it usually does, so that bursts do not rule the index; and
/// a week that moves the whole portfolio by more than that, like an outage, is not compared at all.
const MOST: f64 = 4.0;
/// Shares are added up as whole numbers of this part, so that the sum does not depend on the order.
const UNIT: f64 = 4_294_967_296.0;
/// Sums of scores that differ by less are ties, in standard deviations of a week.
const TIE: f64 = 0.1;
/// Classes of accounts that move alike.
pub(super) const CLASSES: usize = 4;
const ONES: [f64; 2 * MOST_WEEKS] = [1.0; 2 * MOST_WEEKS];

/// Whether what all accounts of a portfolio do together is held against each of them.
///
/// ```text
/// index of a week = mean over accounts of (what an account did in the week / the mean of its own weeks)
/// ```
///
/// Each account weighs the same, and none more than four times its usual self. The accounts are those that have the whole
/// history that is compared; and of these the ones that come about as often, because days and people saturate: in a slack week
/// an account that comes every day loses a smaller share of its days than one that comes twice a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommonMovement {
    /// It is: an account is compared with its own baseline alone.
    Kept,
    /// It is not: each week is divided by its index. Where fewer than 50 accounts come about as often, it is that of all
    /// accounts; where these are fewer than 50, nothing is divided. Nor is anything where the indices vary by no more than
    /// chance would have it, for they would bring nothing but noise.
    TakenOut,
}

/// Indices, each a mean over accounts: 1 where they did what they usually do, and 0 where nothing is to be compared.
#[derive(Debug, Default)]
pub(super) struct Season {
    classes: [Option<Vec<f64>>; CLASSES],
    all: Option<Vec<f64>>,
}

/// What is added up over accounts: for each place the shares and their squares.
#[derive(Clone, Debug)]
struct Sums {
    accounts: u64,
    shares: Vec<u64>,
    squares: Vec<u64>,
}

impl Season {
    /// Learns `length` indices, of which the first `weeks` are of weeks that do not overlap. `row` fills in what an account did relative to its usual self and gives its class, or nothing
    /// for one that does not count.
    pub(super) fn learn(
        portfolio: &Snapshot<'_>,
        movement: CommonMovement,
        (weeks, length): (usize, usize),
        row: impl Fn(&Account<'_>, &mut [f64]) -> Option<usize> + Send + Sync,
    ) -> Self {
        if movement == CommonMovement::Kept {
            return Self::default();
        }
        let empty = || [(); CLASSES].map(|()| Sums::new(length));
        let add = |(sums, shares): &mut ([Sums; CLASSES], Vec<f64>), account: Account<'_>| {
            if let Some(class) = row(&account, shares) {
                sums[class].add(shares);
            }
        };
        let none = || (empty(), vec![0.0; length]);
        let (classes, _) = portfolio.fold(none, add, |(mut left, shares), (right, _)| {
            left.iter_mut().zip(&right).for_each(|(left, right)| left.join(right));
            (left, shares)
        });
        let mut all = Sums::new(length);
        classes.iter().for_each(|class| all.join(class));
        Self { all: all.index(weeks), classes: classes.map(|class| class.index(weeks)) }
    }

    /// The indices for an account of a class; 1 throughout where there is no common movement to be seen.
    pub(super) fn of(&self, class: usize) -> &[f64] {
        let indices = self.classes[class].as_ref().or(self.all.as_ref());
        indices.filter(|indices| !indices.is_empty()).map_or(&ONES, Vec::as_slice)
    }
}

impl Sums {
    fn new(length: usize) -> Self {
        Self { accounts: 0, shares: vec![0; length], squares: vec![0; length] }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most sixteen units")]
    fn add(&mut self, shares: &[f64]) {
        self.accounts += 1;
        for ((sum, square), share) in self.shares.iter_mut().zip(&mut self.squares).zip(shares) {
            let share = share.min(MOST);
            *sum += (share * UNIT) as u64;
            *square += (share * share * UNIT) as u64;
        }
    }

    fn join(&mut self, other: &Self) {
        self.accounts += other.accounts;
        self.shares.iter_mut().zip(&other.shares).for_each(|(sum, other)| *sum += other);
        self.squares.iter_mut().zip(&other.squares).for_each(|(sum, other)| *sum += other);
    }

    /// The indices; none of them where they do not move, and `None` where too few accounts would show it.
    #[expect(clippy::cast_precision_loss, reason = "counts of accounts, and sums that need no more digits")]
    fn index(&self, weeks: usize) -> Option<Vec<f64>> {
        let accounts = self.accounts as f64;
        let mean = |&sum: &u64| sum as f64 / UNIT / accounts;
        let indices: Vec<f64> = self.shares.iter().map(mean).collect();
        let usual = indices[..weeks].iter().sum::<f64>() / weeks as f64;
        // Chi-square, of one degree of freedom less than there are weeks, against some 99.9 % of it.
        let moves = indices[..weeks].iter().zip(&self.squares).map(|(index, square)| {
            let variance = (mean(square) - index * index).max(1e-12);
            (index - usual).powi(2) * accounts / variance
        });
        let freedom = weeks as f64 - 1.0;
        let moved = moves.sum::<f64>() > freedom + 4.0 * (2.0 * freedom).sqrt();
        let held = |index: f64| if index * MOST < 1.0 { 0.0 } else { index };
        let indices = if moved { indices.into_iter().map(held).collect() } else { Vec::new() };
        (self.accounts >= CARRIERS).then_some(indices)
    }
}

/// By how much each week lies above or below what its index lets expect, relative to the mean week of the account, and
/// equally uncertain:
///
/// ```text
/// (count / index / mean - 1) √index          mean = sum of counts / sum of indices
/// ```
///
/// The counts of a slack week vary by more of their mean than others, as the variance of counts goes with their mean.
/// Without the root such weeks would not be exchangeable with the rest.
pub(super) fn residuals(weeks: &[Exposed], add_to: &mut [f64]) {
    let exposure = weeks.iter().map(|week| week.exposure).sum::<f64>();
    let mean = float(weeks.iter().map(|week| week.events).sum()) / exposure;
    if mean > 0.0 {
        for (sum, week) in add_to.iter_mut().zip(weeks) {
            *sum += (float(week.events) / (week.exposure * mean) - 1.0) * week.exposure.sqrt();
        }
    }
}

/// The p-value of the last of some weeks having smaller scores than the others.
///
/// Where all counts are the same nothing has changed, whatever others do. Indices carry noise that all accounts share. It
/// would decide for all of them alike which of two choices of weeks with the same counts is the better, so sums within a
/// tenth of the standard deviation of a week are ties; that is as much as the noise of a portfolio of some size, and too
/// little to matter for sums of several weeks.
pub(super) fn smaller(weeks: &[Exposed], scores: &[f64], last: usize, seed: u64) -> f64 {
    if weeks.iter().all(|week| week.events == weeks[0].events) {
        return 0.5;
    }
    smaller_sum(scores, last, seed)
}

/// The same of scores that do not come from counts. Where there are more than 20 000 choices, it is read off a saddlepoint
/// approximation.
pub(super) fn smaller_sum(scores: &[f64], last: usize, seed: u64) -> f64 {
    let count = float(scores.len() as u64);
    let mean = scores.iter().sum::<f64>() / count;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count;
    // To go through all choices costs too much, and so does drawing as many of them as rare ones ask for.
    if !few_choices(scores.len(), last)
        && let Some(p_value) = permutation_saddlepoint(scores, last)
    {
        return p_value;
    }
    let near = TIE * variance.sqrt();
    let test = permutation_test(scores, last, Side::Smaller, near, seed);
    test.map_or(0.5, |test| test.p_value_beyond(scores, last, near))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::SplitMix64;

    #[test]
    fn means_over_accounts() {
        let mut sums = Sums::new(4);
        for account in 0..50 {
            // Nobody does much in the first week, one bursts in the second, one in two doubles in the third.
            let mut one = Sums::new(4);
            one.add(&[0.2, if account == 0 { 90.0 } else { 1.0 }, f64::from(1 + account % 2), 1.0]);
            sums.join(&one);
        }
        let got = sums.index(3).unwrap();
        let expected = [0.0, 1.06, 1.5, 1.0];
        assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-8), "{got:?}");
        sums.accounts -= 1;
        assert_eq!(sums.index(3), None);
    }

    /// Weeks that differ by as much as their means vary do not move.
    #[test]
    fn noise_is_no_movement() {
        let mut sums = Sums::new(16);
        let mut random = SplitMix64::new(1);
        for _ in 0..400 {
            let shares: Vec<f64> = (0..16).map(|_| 2.0 * random.uniform()).collect();
            sums.add(&shares);
        }
        assert_eq!(sums.index(16), Some(Vec::new()));
        sums.shares[15] += sums.shares[15] / 4;
        assert_eq!(sums.index(16).map(|indices| indices.len()), Some(16));
        assert_eq!(Season::default().of(3)[..3], [1.0; 3]);
        assert_eq!(Season { all: Some(Vec::new()), ..Season::default() }.of(3)[..3], [1.0; 3]);
    }

    /// Twice the usual, a quarter of it, just what the index says, and a third less than that.
    #[test]
    fn residuals_by_hand() {
        let weeks = [(8, 1.0), (1, 1.0), (1, 0.25), (2, 0.75)].map(|(events, exposure)| Exposed { events, exposure });
        let mut got = [0.0; 4];
        residuals(&weeks, &mut got);
        // The mean is 12 in 3 of exposure.
        let expected = [1.0, -0.75, 0.0, (2.0 / 3.0 - 1.0) * 0.75_f64.sqrt()];
        assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-12), "{got:?}");
    }
}
