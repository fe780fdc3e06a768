//! Joining the days of several seats.

use super::features::FeatureSets;
use super::ledger::{Carried, Rows, Stretch};

/// So many days are laid out at most; stretches further apart are sorted instead.
const MOST_DAYS: usize = 1 << 16;

/// Days laid out side by side, so that rows of many seats are added up where they fall and come out in order without
/// having been sorted.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// A bit for every day that has a row.
    taken: Vec<u64>,
    events: Vec<u32>,
    value: Vec<f64>,
    low: Vec<u64>,
    sort: Vec<(i32, u32, usize)>,
}

impl Board {
    /// Appends the rows of several sorted stretches as one sorted stretch, as [`Rows::extend_joined`] does. The features
    /// of all stretches are numbered alike.
    pub(super) fn join(&mut self, rows: &mut Rows, parts: &[Stretch<'_>], carried: Carried) {
        let first = parts.iter().filter_map(|part| part.days().first()).min().copied().unwrap_or(0);
        let last = parts.iter().filter_map(|part| part.days().last()).max().copied().unwrap_or(0);
        let count = last.abs_diff(first) as usize + 1;
        let lists = |part: &Stretch<'_>| part.rows.features.as_ref().is_some_and(|sets| !sets.high_row.is_empty());
        if parts.len() == 1 || count > MOST_DAYS || carried.times || parts.iter().any(lists) {
            return rows.extend_joined(parts, &mut self.sort);
        }
        self.lay_out(count, carried);
        for part in parts {
            self.add(part, first);
        }
        self.take_off(rows, first);
    }

    fn lay_out(&mut self, days: usize, carried: Carried) {
        fn room<T: Default + Clone>(column: &mut Vec<T>, length: usize, used: bool) {
            if used && column.len() < length {
                column.resize(length, T::default());
            }
        }
        let words = days.div_ceil(64);
        room(&mut self.taken, words, true);
        room(&mut self.events, words * 64, true);
        room(&mut self.value, words * 64, carried.value);
        room(&mut self.low, words * 64, carried.feature);
    }

    fn add(&mut self, part: &Stretch<'_>, first: i32) {
        let rows = part.range.clone();
        let values = part.rows.value.as_ref().map(|value| &value[rows.clone()]);
        let features = part.rows.features.as_ref().map(|sets| &sets.low[rows.clone()]);
        for (number, (&day, &events)) in part.rows.day[rows.clone()].iter().zip(&part.rows.events[rows]).enumerate() {
            let place = day.abs_diff(first) as usize;
            self.taken[place / 64] |= 1 << (place % 64);
            self.events[place] = self.events[place].saturating_add(events);
            if let Some(values) = values {
                self.value[place] += values[number];
            }
            if let Some(features) = features {
                self.low[place] |= features[number];
            }
        }
    }

    /// Appends what was laid out, and leaves the board empty.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "no more days than a board has")]
    fn take_off(&mut self, rows: &mut Rows, first: i32) {
        for (number, word) in self.taken.iter_mut().enumerate() {
            while *word != 0 {
                let place = number * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                rows.day.push(first + place as i32);
                rows.events.push(std::mem::take(&mut self.events[place]));
                if let Some(value) = &mut rows.value {
                    value.push(std::mem::take(&mut self.value[place]));
                }
                if let Some(FeatureSets { low, .. }) = &mut rows.features {
                    low.push(std::mem::take(&mut self.low[place]));
                }
            }
        }
    }
}
