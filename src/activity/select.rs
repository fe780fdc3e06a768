//! Part of a table as a table of its own.

use super::features::FeatureMap;
use super::ledger::{Ledger, NO_ACCOUNT};
use crate::frame::ids::Ids;

impl Ledger {
    /// The rows of some actors, in order, up to a day; and only the accounts and features that occur in them.
    pub(crate) fn select(&self, actors: impl Iterator<Item = usize> + Clone, last_day: i32) -> Self {
        let mut features = vec![false; self.features.len()];
        let mut accounts = vec![false; self.accounts.as_ref().map_or(0, Ids::len)];
        let kept = |seat: usize| {
            let rows = self.rows_of_seat(seat);
            let end = rows.start + self.rows.day[rows.clone()].partition_point(|&day| day <= last_day);
            rows.start..end
        };
        for seat in actors.clone().flat_map(|actor| self.seats(actor)).filter(|&seat| !kept(seat).is_empty()) {
            if let Some(used) = accounts.get_mut(self.account(seat) as usize) {
                *used = true;
            }
            if let Some(sets) = &self.rows.features {
                kept(seat).for_each(|row| sets.of(row).for_each(|feature| features[feature as usize] = true));
            }
        }
        let feature_places = places(&features);
        let account_places = places(&accounts);
        let map = FeatureMap::new(feature_places);
        let mut ledger = self.like();
        ledger.features =
            self.features.iter().zip(&features).filter(|(_, used)| **used).map(|(name, _)| name.clone()).collect();
        if let Some(ids) = &mut ledger.accounts {
            let mut known = Ids::new(ids.id_type());
            (0..ids.len()).filter(|&number| accounts[number]).for_each(|number| known.push_from(ids, number));
            *ids = known;
        }
        for actor in actors {
            let before = ledger.seat_count();
            for seat in self.seats(actor) {
                let rows = kept(seat);
                if !rows.is_empty() {
                    ledger.rows.extend(&self.rows, rows, &map);
                    ledger.end_seat(account_places.get(self.account(seat) as usize).copied().unwrap_or(NO_ACCOUNT));
                }
            }
            if ledger.seat_count() > before {
                ledger.actors.push_from(&self.actors, actor);
                ledger.end_actor();
            }
        }
        ledger
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
