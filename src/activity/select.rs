//! Part of a table as a table of its own.

use super::features::FeatureMap;
use super::ledger::{Ledger, NO_ACCOUNT};
use crate::frame::ids::Ids;

impl Ledger {
    /// The rows of some actors, in order, up to a day; and only the accounts and features that occur in them.
    pub(crate) fn select(&self, actors: &[usize], last_day: i32) -> Self {
        let kept = |seat: usize| {
            let rows = self.rows_of_seat(seat);
            let end = rows.start + self.rows.day[rows.clone()].partition_point(|&day| day <= last_day);
            rows.start..end
        };
        let mut accounts = Vec::new();
        let mut features = vec![false; self.features.len()];
        for seat in actors.iter().flat_map(|&actor| self.seats(actor)).filter(|&seat| !kept(seat).is_empty()) {
            accounts.extend(Some(self.account(seat)).filter(|&account| account != NO_ACCOUNT));
            if let Some(sets) = &self.rows.features {
                kept(seat).for_each(|row| sets.of(row).for_each(|feature| features[feature as usize] = true));
            }
        }
        accounts.sort_unstable();
        accounts.dedup();
        let account_ids = self.accounts.as_ref().map(|ids| {
            let mut known = Ids::new(ids.id_type());
            accounts.iter().for_each(|&account| known.push_from(ids, account as usize));
            known
        });
        let used = self.features.iter().zip(&features).filter(|(_, used)| **used);
        let names = used.map(|(name, _)| name.clone()).collect();
        let map = FeatureMap::new(places(&features));
        let rows = self.rows.none_alike();
        let mut ledger = Self::new(Ids::new(self.actors.id_type()), account_ids, names, rows);
        for &actor in actors {
            let before = ledger.seat_count();
            for seat in self.seats(actor) {
                let rows = kept(seat);
                if !rows.is_empty() {
                    ledger.rows.extend(&self.rows, rows, &map);
                    let place =
                        accounts.binary_search(&self.account(seat)).ok().and_then(|place| u32::try_from(place).ok());
                    ledger.end_seat(place.unwrap_or(NO_ACCOUNT), ledger.rows.len());
                }
            }
            if ledger.seat_count() > before {
                ledger.actors.push_from(&self.actors, actor);
                ledger.end_actor();
            }
        }
        ledger
    }

    /// All of it, without the accounts and features that do not occur.
    pub(crate) fn pruned(&self) -> Self {
        self.until(i32::MAX)
    }

    /// The rows up to a day.
    pub(crate) fn until(&self, last_day: i32) -> Self {
        self.select(&(0..self.len()).collect::<Vec<_>>(), last_day)
    }
}

/// For each that is used its place among the used.
fn places(used: &[bool]) -> Vec<u32> {
    used.iter()
        .scan(0, |next, &used| {
            let place = *next;
            *next += u32::from(used);
            Some(place)
        })
        .collect()
}
