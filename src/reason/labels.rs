//! A column of text of which many rows say the same.

use std::collections::HashMap;

use polars::prelude::DataFrame;

use crate::error::Result;
use crate::frame::read;

/// The distinct texts in alphabetical order, each of them in some row, and for each row the place of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Labels {
    names: Vec<String>,
    codes: Vec<Option<u32>>,
}

impl Labels {
    /// The column of these rows.
    pub(super) fn of<'a>(rows: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut builder = LabelsBuilder::default();
        rows.for_each(|row| builder.push(row));
        builder.finish()
    }

    /// A column of so many rows without any text.
    pub(super) fn none(rows: usize) -> Self {
        Self { names: Vec::new(), codes: vec![None; rows] }
    }

    /// Reads a column of strings, categories, integers or booleans.
    pub(super) fn read(frame: &DataFrame, column: &str, role: &'static str) -> Result<Self> {
        let (names, codes) = read::names(frame, column, role)?;
        Ok(Self { names, codes })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn codes(&self) -> &[Option<u32>] {
        &self.codes
    }

    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        self.codes[row].map(|code| self.names[code as usize].as_str())
    }

    /// The same with other names; those that are now alike become one.
    pub(super) fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        let names: Vec<String> = self.names.iter().map(|old| name(old)).collect();
        Self::of(self.codes.iter().map(|code| code.map(|code| names[code as usize].as_str())))
    }

    /// These rows of the column.
    pub(super) fn take(&self, rows: &[u32]) -> Self {
        let codes = rows.iter().map(|&row| self.codes[row as usize]).collect();
        Self { names: self.names.clone(), codes }.in_order()
    }

    /// The rows of both, one behind the other.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let rows = |labels: &'_ Self| -> Vec<Option<String>> {
            (0..labels.codes.len()).map(|row| labels.get(row).map(str::to_owned)).collect()
        };
        let all = [rows(self), rows(other)].concat();
        Self::of(all.iter().map(Option::as_deref))
    }

    /// Names in order, and without those that no row has.
    fn in_order(mut self) -> Self {
        let mut used = vec![false; self.names.len()];
        self.codes.iter().flatten().for_each(|&code| used[code as usize] = true);
        let mut kept: Vec<usize> = (0..self.names.len()).filter(|&place| used[place]).collect();
        kept.sort_by(|&left, &right| self.names[left].cmp(&self.names[right]));
        let mut places = vec![0; self.names.len()];
        for (place, &old) in (0_u32..).zip(&kept) {
            places[old] = place;
        }
        self.codes.iter_mut().flatten().for_each(|code| *code = places[*code as usize]);
        let names = kept.into_iter().map(|old| std::mem::take(&mut self.names[old])).collect();
        Self { names, codes: self.codes }
    }
}

/// A column whose rows come one after the other.
#[derive(Debug, Default)]
pub(super) struct LabelsBuilder {
    places: HashMap<String, u32>,
    codes: Vec<Option<u32>>,
}

impl LabelsBuilder {
    pub(super) fn push(&mut self, row: Option<&str>) {
        self.codes.push(row.map(|name| {
            self.places.get(name).copied().unwrap_or_else(|| {
                // No more names than rows, which are counted in a u32.
                let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
                self.places.insert(name.to_owned(), place);
                place
            })
        }));
    }

    pub(super) fn finish(self) -> Labels {
        let mut names = vec![String::new(); self.places.len()];
        for (name, place) in self.places {
            names[place as usize] = name;
        }
        Labels { names, codes: self.codes }.in_order()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_used() {
        let labels = Labels::of([Some("b"), None, Some("a"), Some("b")].into_iter());
        assert_eq!(
            (labels.names(), labels.codes()),
            (&["a".into(), "b".into()][..], &[Some(1), None, Some(0), Some(1)][..])
        );
        let taken = labels.take(&[3, 1]);
        assert_eq!(taken, Labels::of([Some("b"), None].into_iter()));
        assert_eq!(taken.joined(&labels.take(&[2])), Labels::of([Some("b"), None, Some("a")].into_iter()));
        assert_eq!(labels.renamed(|_| "c".into()).names(), ["c"]);
    }
}
