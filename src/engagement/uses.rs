//! Which features an actor used on which day.

use std::ops::Range;

use crate::error::{Error, Result};

/// A feature that was not asked for.
pub(super) const NOT_ASKED: u32 = u32::MAX;

/// The days of one actor in order, with the features used on each: the first 64 as bits of a word, the others listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uses<'a> {
    pub(super) days: &'a [i32],
    low: &'a [u64],
    first_row: usize,
    high_row: &'a [u64],
    high_feature: &'a [u32],
    first_high: usize,
}

impl<'a> Uses<'a> {
    /// The rows of an actor within all rows. `place` is where the list stood at the actor before: actors come in the order
    /// of their rows, so the next part of the list is near, and nobody searches all of it for every actor.
    pub(super) fn new(
        (days, low): (&'a [i32], &'a [u64]),
        (high_row, high_feature): (&'a [u64], &'a [u32]),
        rows: Range<usize>,
        place: &mut usize,
    ) -> Self {
        let first_high = find(high_row, rows.start as u64, place);
        let first_row = rows.start;
        Self { days: &days[rows.clone()], low: &low[rows], first_row, high_row, high_feature, first_high }
    }

    /// Shows every day with the word and the list of its features.
    #[inline]
    pub(super) fn for_each_day(&self, mut visit: impl FnMut(i32, u64, &[u32])) {
        let mut high = self.first_high;
        for ((&day, &low), row) in self.days.iter().zip(self.low).zip(self.first_row as u64..) {
            let listed = self.high_row[high..].iter().take_while(|&&other| other == row).count();
            visit(day, low, &self.high_feature[high..high + listed]);
            high += listed;
        }
    }
}

/// The first place of a list that belongs to `row` or a later one, looked for from a place that is likely near.
fn find(high_row: &[u64], row: u64, near: &mut usize) -> usize {
    // Rows put together for one actor are a table of their own; the place is that in the large table.
    if row == 0 {
        return 0;
    }
    let beyond = *near > 0 && high_row.get(*near - 1).is_none_or(|&other| other >= row);
    let mut from = if beyond { 0 } else { *near };
    let mut step = 1;
    while high_row.get(from + step).is_some_and(|&other| other < row) {
        from += step;
        step *= 2;
    }
    let end = (from + step).min(high_row.len());
    *near = from + high_row[from..end].partition_point(|&other| other < row);
    *near
}

/// The features of a day in ascending order.
#[inline]
pub(super) fn features(mut low: u64, high: &[u32]) -> impl Iterator<Item = usize> + '_ {
    let bits = std::iter::from_fn(move || {
        (low != 0).then(|| {
            let bit = low.trailing_zeros();
            low &= low - 1;
            bit
        })
    });
    bits.chain(high.iter().copied()).map(|feature| feature as usize)
}

/// Per feature of the activity its place among those asked for, or [`NOT_ASKED`].
pub(super) fn slots(known: &[String], asked: &[String]) -> Vec<u32> {
    let mut slots = vec![NOT_ASKED; known.len()];
    for (slot, name) in (0..NOT_ASKED).zip(asked) {
        if let Ok(feature) = known.binary_search(name) {
            slots[feature] = slot;
        }
    }
    slots
}

/// Judges a list of features that were asked for by name.
pub(super) fn check_names(option: &'static str, names: &[String]) -> Result<()> {
    let refuse = |value: String, reason| Err(Error::InvalidOption { option, value, reason });
    if names.is_empty() {
        return refuse("none".to_owned(), "name at least one feature, or leave the option out for all");
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => refuse(pair[0].clone(), "is named twice; name every feature once"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_found_from_wherever_one_stands() {
        let high_row = [1, 1, 2, 5, 5, 5, 9, 20, 21, 22, 23, 24, 25, 26, 40];
        for row in 0..50 {
            for mut near in 0..=high_row.len() {
                let found = find(&high_row, row, &mut near);
                assert_eq!(found, high_row.partition_point(|&other| other < row), "row {row} from {near}");
            }
        }
        assert_eq!(find(&[], 7, &mut 0), 0);
        assert_eq!(find(&[3], 7, &mut 12), 1);
    }

    #[test]
    fn days_with_words_and_lists() {
        let (days, low) = ([1, 2, 5, 5, 6], [0b101, 0, 1 << 63, 2, 0]);
        let high = ([0, 2, 2, 4], [70, 64, 99, 64]);
        let mut place = 0;
        let mut seen = Vec::new();
        for rows in [0..1, 1..3, 3..5] {
            Uses::new((&days, &low), (&high.0, &high.1), rows, &mut place).for_each_day(|day, low, high| {
                seen.push((day, features(low, high).collect::<Vec<_>>()));
            });
        }
        assert_eq!(seen, [(1, vec![0, 2, 70]), (2, vec![]), (5, vec![63, 64, 99]), (5, vec![1]), (6, vec![64])]);
    }

    #[test]
    fn names_are_judged_and_placed() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(slots(&names(&["a", "b", "c"]), &names(&["c", "x", "a"])), [2, NOT_ASKED, 0]);
        assert!(check_names("features", &names(&["c", "x", "a"])).is_ok());
        assert!(check_names("features", &names(&["c", "x", "c"])).is_err());
        assert!(check_names("features", &[]).is_err());
    }
}
