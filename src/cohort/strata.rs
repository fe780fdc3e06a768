//! The kernel of comparisons: groups laid side by side cohort by cohort, as plain counts.

use std::collections::BTreeMap;

use super::key::Cohort;
use super::retention::Retention;
use crate::calendar::{Date, Span};
use crate::error::{Error, Result};
use crate::statistics::{Contrast, LogRank, LogRankSums, Share, Wilson, mantel_haenszel, two_proportions};

/// A cohort of one group: how many of it were retained at each age whose period has ended, and of how many.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) span: Span,
    pub(super) size: u64,
    pub(super) active: Vec<u64>,
    pub(super) eligible: Vec<u64>,
}

impl Row {
    /// The rows of a triangle in order of time.
    pub(super) fn all(triangle: &Retention) -> Vec<Self> {
        (0..triangle.cohorts().len()).map(|place| Self::of(triangle, place)).collect()
    }

    /// The row of one cohort of a triangle.
    pub(super) fn of(triangle: &Retention, place: usize) -> Self {
        let Cohort { span, size, .. } = triangle.cohorts()[place];
        let observed = triangle.cells(place).map_while(|cell| cell.active.zip(cell.eligible));
        let (active, eligible) = observed.unzip();
        Self { span, size, active, eligible }
    }

    /// Those retained at an age, if the age was observed and so many further ones.
    fn share(&self, age: usize, further: usize) -> Option<Share> {
        let seen = age + further < self.active.len() && self.eligible[age] > 0;
        seen.then(|| Share { part: self.active[age], whole: self.eligible[age] })
    }
}

/// What is compared directly: one cohort in every segment, or cohorts with each other. A place per group, empty where
/// the group has no such cohort.
#[derive(Debug)]
pub(super) struct Stratum {
    pub(super) span: Span,
    pub(super) rows: Vec<Option<Row>>,
}

impl Stratum {
    /// Whether an age ends for all members of a cohort at once.
    pub(super) fn grows_together(&self) -> bool {
        self.rows.iter().flatten().all(|row| row.eligible.iter().all(|&eligible| eligible == row.size))
    }

    /// The shares of a group and of the baseline at an age, if both were observed at it and so many further ones.
    fn pair(&self, [group, baseline]: [usize; 2], age: usize, further: usize) -> Option<[Share; 2]> {
        let share = |group: usize| self.rows[group].as_ref()?.share(age, further);
        share(group).zip(share(baseline)).map(|(group, baseline)| [group, baseline])
    }
}

/// Puts the rows of each group beside those of the same cohort in the others, in order of time.
pub(super) fn align(groups: Vec<Vec<Row>>) -> Result<Vec<Stratum>> {
    let count = groups.len();
    let mut strata: BTreeMap<Date, Stratum> = BTreeMap::new();
    for (group, row) in
        groups.into_iter().enumerate().flat_map(|(group, rows)| rows.into_iter().map(move |row| (group, row)))
    {
        let (start, empty) = (row.span.start, Stratum { span: row.span, rows: vec![None; count] });
        strata.entry(start).or_insert(empty).rows[group] = Some(row);
    }
    let strata: Vec<Stratum> = strata.into_values().collect();
    let crossing = strata.windows(2).find(|two| two[0].span.end >= two[1].span.start);
    if let Some([earlier, later]) = crossing {
        let text = |stratum: &Stratum| format!("{} to {}", stratum.span.start, stratum.span.end);
        return Err(Error::Incompatible {
            what: "the cohorts of the groups",
            left: text(earlier),
            right: text(later),
            way_out: "ask with activities of one calendar, weeks starting on one day",
        });
    }
    Ok(strata)
}

/// A difference between a group and the baseline at an age, and the counts it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    /// Group and baseline, summed over the cohorts.
    pub(super) shares: [Share; 2],
    pub(super) cohorts: u64,
    pub(super) contrast: Contrast,
}

/// Within one stratum.
pub(super) fn within(
    stratum: &Stratum,
    groups: [usize; 2],
    age: usize,
    further: usize,
    wilson: Wilson,
) -> Option<Compared> {
    let shares = stratum.pair(groups, age, further)?;
    Some(Compared { shares, cohorts: 1, contrast: two_proportions(shares, wilson)? })
}

/// Over all strata in which both were observed, like compared with like.
pub(super) fn across(strata: &[Stratum], groups: [usize; 2], age: usize, wilson: Wilson) -> Option<Compared> {
    let pairs = || strata.iter().filter_map(|stratum| stratum.pair(groups, age, 0));
    let (mut shares, mut cohorts) = ([Share { part: 0, whole: 0 }; 2], 0);
    for pair in pairs() {
        cohorts += 1;
        for (sum, share) in shares.iter_mut().zip(pair) {
            *sum = Share { part: sum.part + share.part, whole: sum.whole + share.whole };
        }
    }
    Some(Compared { shares, cohorts, contrast: mantel_haenszel(pairs(), wilson)? })
}

/// The log-rank test of curves that never rise, stratum by stratum.
///
/// `None` too where members of a cohort grow older on different days, for then those watched through one age and through
/// the next are not the same people.
///
/// Those retained at an age are at risk of being last seen at it. They were lost if they are not retained at the next
/// one, and that counts only where `grace` further ages were observed.
pub(super) fn log_rank(strata: &[Stratum], groups: usize, grace: usize) -> Option<LogRank> {
    if !strata.iter().all(Stratum::grows_together) {
        return None;
    }
    let mut sums = LogRankSums::new(groups);
    let (mut at_risk, mut lost) = (vec![0; groups], vec![0; groups]);
    for stratum in strata {
        let observed = stratum.rows.iter().flatten().map(|row| row.active.len()).max().unwrap_or(0);
        for age in 0..observed.saturating_sub(grace) {
            for (group, row) in stratum.rows.iter().enumerate() {
                let active = row.as_ref().map_or(&[][..], |row| &row.active);
                let followed = active.len() > age + grace;
                at_risk[group] = if followed { active[age] } else { 0 };
                lost[group] = if followed { active[age].saturating_sub(active[age + 1]) } else { 0 };
            }
            sums.add(&at_risk, &lost);
        }
    }
    sums.test()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::date;

    fn row(month: i8, active: &[u64]) -> Row {
        let span = Span { start: date(2024, month, 1), end: date(2024, month, 28) };
        let size = active.first().copied().unwrap_or(9);
        Row { span, size, active: active.to_vec(), eligible: vec![size; active.len()] }
    }

    #[test]
    fn cohorts_meet_their_like() {
        let strata = align(vec![vec![row(1, &[4, 2]), row(2, &[6])], vec![row(2, &[5]), row(3, &[])]]).unwrap();
        let sizes =
            |stratum: &Stratum| stratum.rows.iter().map(|row| row.as_ref().map(|row| row.size)).collect::<Vec<_>>();
        assert_eq!(
            strata.iter().map(sizes).collect::<Vec<_>>(),
            [[Some(4), None], [Some(6), Some(5)], [None, Some(9)]]
        );

        let mut shifted = row(1, &[4]);
        shifted.span = Span { start: date(2024, 1, 28), end: date(2024, 1, 31) };
        assert!(matches!(align(vec![vec![row(1, &[4])], vec![shifted]]), Err(Error::Incompatible { .. })));
    }

    #[test]
    fn only_what_both_were_observed_at_is_compared() {
        let strata = align(vec![
            vec![row(1, &[10, 5, 4]), row(2, &[8, 2]), row(3, &[7])],
            vec![row(1, &[20, 5, 1]), row(2, &[0, 0]), row(3, &[9])],
        ])
        .unwrap();
        let wilson = Wilson::new(0.95).unwrap();
        let got = across(&strata, [0, 1], 1, wilson).unwrap();
        // The second cohort has nobody in the second group, the third has not been seen at age 1.
        assert_eq!((got.shares, got.cohorts), ([Share { part: 5, whole: 10 }, Share { part: 5, whole: 20 }], 1));
        assert!((got.contrast.difference - 0.25).abs() < 1e-12);
        assert!(across(&strata, [0, 1], 3, wilson).is_none());
        assert!(within(&strata[0], [0, 1], 2, 0, wilson).is_some());
        assert!(within(&strata[0], [0, 1], 2, 1, wilson).is_none());
        assert!(within(&strata[1], [0, 1], 1, 0, wilson).is_none());
    }

    #[test]
    fn losses_count_after_their_grace() {
        let strata = align(vec![vec![row(1, &[3, 3, 2, 1])], vec![row(1, &[3, 0, 0, 0])]]).unwrap();
        let lost = |grace| log_rank(&strata, 2, grace).map(|test| test.observed);
        assert_eq!(lost(1), Some(vec![2, 3]));
        assert_eq!(lost(2), Some(vec![1, 3]));
        assert_eq!(lost(3), Some(vec![0, 3]));
        assert_eq!(lost(4), None);
        // 3 of 6 at the first age, 1.5 of each group; then only the first group is at risk.
        let test = log_rank(&strata, 2, 1).unwrap();
        assert!((test.chi_square - 5.0).abs() < 1e-12 && test.expected == [3.5, 1.5], "{test:?}");
    }
}
