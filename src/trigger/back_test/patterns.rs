//! Customers at dates who look alike to all triggers, as one.

use super::replay::{Column, Replay};

/// Steps of a logarithm to which the silence is rounded.
const STEPS: f64 = 4.0;
/// Even a hundred thousand years of silence has fewer levels.
const LEVELS: usize = 128;

/// The ways in which the triggers of the set and the days since the last event come together.
///
/// Of a million rows there are some thousands, so that a model is fitted to few rows with counts.
#[derive(Debug)]
pub(super) struct Patterns {
    /// The pattern of each row of the replay.
    pub(super) of_row: Vec<u32>,
    /// Pattern by pattern.
    states: Vec<Vec<u8>>,
    levels: Vec<usize>,
}

/// Who left of how many, pattern by pattern.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) left: Vec<f64>,
    pub(super) all: Vec<f64>,
}

/// 0 where nothing was observed, 1 where it was quiet, 2 where it fired.
fn state(column: &Column, row: usize) -> u8 {
    if column.score[row].is_nan() { 0 } else { 1 + u8::from(column.fired[row]) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a logarithm of days, not negative")]
fn level(silence: f64) -> usize {
    ((STEPS * silence.ln_1p()).round() as usize).min(LEVELS - 1)
}

/// Divides classes by a state: gives each row its class among the finer ones, which are numbered as they come up, and says
/// how many there are.
fn divide(classes: &mut [u32], count: usize, states: usize, state: impl Fn(usize) -> usize) -> usize {
    let mut finer = vec![u32::MAX; count * states];
    let mut found = 0_u32;
    for (row, class) in classes.iter_mut().enumerate() {
        let place = &mut finer[*class as usize * states + state(row)];
        if *place == u32::MAX {
            *place = found;
            found += 1;
        }
        *class = *place;
    }
    found as usize
}

impl Patterns {
    pub(super) fn new(replay: &Replay) -> Self {
        let columns = &replay.triggers[..replay.asked];
        let mut of_row = vec![0; replay.account.len()];
        let mut count = divide(&mut of_row, 1, LEVELS, |row| level(replay.silence[row]));
        for column in columns {
            count = divide(&mut of_row, count, 3, |row| usize::from(state(column, row)));
        }
        let (mut states, mut levels) = (vec![Vec::new(); count], vec![0; count]);
        for (row, &pattern) in of_row.iter().enumerate() {
            let own = &mut states[pattern as usize];
            if own.is_empty() {
                *own = columns.iter().map(|column| state(column, row)).collect();
                levels[pattern as usize] = level(replay.silence[row]);
            }
        }
        Self { of_row, states, levels }
    }

    pub(super) fn len(&self) -> usize {
        self.levels.len()
    }

    /// The logarithm of one more than the days since the last event.
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    pub(super) fn silence(&self, pattern: usize) -> f64 {
        self.levels[pattern] as f64 / STEPS
    }

    pub(super) fn fired(&self, pattern: usize, trigger: usize) -> bool {
        self.states[pattern][trigger] == 2
    }

    pub(super) fn observed(&self, pattern: usize, trigger: usize) -> bool {
        self.states[pattern][trigger] > 0
    }

    pub(super) fn count(&self, replay: &Replay, rows: std::ops::Range<usize>) -> Counts {
        let mut counts = Counts { left: vec![0.0; self.len()], all: vec![0.0; self.len()] };
        for row in rows {
            if let Some(left) = replay.churned(row) {
                let pattern = self.of_row[row] as usize;
                counts.all[pattern] += 1.0;
                counts.left[pattern] += f64::from(u8::from(left));
            }
        }
        counts
    }

    /// Puts together the patterns in which some triggers fired alike and some were observed alike: of each class one pattern,
    /// and its counts.
    pub(super) fn coarser(&self, counts: &Counts, fired: &[usize], observed: &[usize]) -> (Vec<usize>, Counts) {
        let there: Vec<usize> = (0..self.len()).filter(|&pattern| counts.all[pattern] > 0.0).collect();
        let mut classes = vec![0; there.len()];
        let mut count = divide(&mut classes, 1, LEVELS, |place| self.levels[there[place]]);
        for &trigger in fired {
            count = divide(&mut classes, count, 2, |place| usize::from(self.fired(there[place], trigger)));
        }
        for &trigger in observed {
            count = divide(&mut classes, count, 2, |place| usize::from(self.observed(there[place], trigger)));
        }
        let mut one = vec![0; count];
        let mut sums = Counts { left: vec![0.0; count], all: vec![0.0; count] };
        for (&pattern, &class) in there.iter().zip(&classes) {
            one[class as usize] = pattern;
            sums.all[class as usize] += counts.all[pattern];
            sums.left[class as usize] += counts.left[pattern];
        }
        (one, sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_divide() {
        let mut classes = vec![0; 6];
        let states = [2, 0, 2, 1, 0, 2];
        assert_eq!(divide(&mut classes, 1, 3, |row| states[row]), 3);
        assert_eq!(classes, [0, 1, 0, 2, 1, 0]);
        assert_eq!(divide(&mut classes, 3, 2, |row| row / 3), 5);
        assert_eq!(classes, [0, 1, 0, 2, 3, 4]);
        assert_eq!(divide(&mut [], 1, 3, |_| 0), 0);
    }

    #[test]
    fn levels_grow() {
        let levels: Vec<usize> = [0, 1, 2, 3, 7, 30, 365, 3_650_000].map(|days| level(f64::from(days))).to_vec();
        assert!(levels.windows(2).all(|pair| pair[0] < pair[1]), "{levels:?}");
        assert_eq!(levels[0], 0);
    }
}
