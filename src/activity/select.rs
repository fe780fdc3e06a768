//! Part of a table as a table of its own.

use super::features::FeatureMap;
use super::ledger::{Ledger, NO_ACCOUNT};
use crate::frame::ids::Ids;

impl Ledger {
    /// The rows of some actors, in order, up to a day; with the accounts that occur in them, and the features that do or
    /// that are marked.
    fn select(&self, actors: &[usize], last_day: i32, mut features: Vec<bool>) -> Self {
        let kept = |seat: usize| {
            let rows = self.rows_of_seat(seat);
            let end = rows.start + self.rows.day[rows.clone()].partition_point(|&day| day <= last_day);
            rows.start..end
        };
        let mut accounts = Vec::new();
        let all = features.iter().all(|&kept| kept);
        for seat in actors.iter().flat_map(|&actor| self.seats(actor)).filter(|&seat| !kept(seat).is_empty()) {
            accounts.extend(Some(self.account(seat)).filter(|&account| account != NO_ACCOUNT));
            if let (Some(sets), false) = (&self.rows.features, all) {
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
        let known = self.features.iter().zip(&features).filter(|(_, kept)| **kept);
        let names = known.map(|(name, _)| name.clone()).collect();
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

    /// Some actors, in order. What the whole knows of features they know too, used by them or not, so that all parts of it
    /// answer alike.
    pub(crate) fn part(&self, actors: &[usize]) -> Self {
        self.select(actors, i32::MAX, vec![true; self.features.len()])
    }

    /// The rows up to a day, with no feature that was first used later.
    pub(crate) fn until(&self, last_day: i32) -> Self {
        self.select(&(0..self.len()).collect::<Vec<_>>(), last_day, vec![false; self.features.len()])
    }

    /// The same table without the features that `other`, of the same features, uses and this one does not.
    pub(crate) fn without_those_of(&self, other: &Self) -> Self {
        let mut kept = vec![true; self.features.len()];
        if let Some(sets) = &other.rows.features {
            (0..other.rows.len()).for_each(|row| sets.of(row).for_each(|feature| kept[feature as usize] = false));
        }
        self.select(&(0..self.len()).collect::<Vec<_>>(), i32::MAX, kept)
    }
}

/// For each that is kept its place among the kept.
fn places(kept: &[bool]) -> Vec<u32> {
    kept.iter()
        .scan(0, |next, &kept| {
            let place = *next;
            *next += u32::from(kept);
            Some(place)
        })
        .collect()
}
