//! What has to hold of answers that are read back.

use serde::Deserialize;

use super::columns::{Given, MAX_TIME};
use super::event_table::{EventTable, EventTableRow};
use super::kaplan_meier::{KaplanMeier, KaplanMeierOptions};
use super::lifetimes::Seen;
use super::options::LifetimesOptions;
use crate::calendar::Date;
use crate::frame::ids::Ids;
use crate::frame::stored::{asked, holds, stored};

/// No table holds more lifetimes: floats count no further.
const MAX_LIFETIMES: u64 = 1 << 53;

stored!(StoredSeen as Seen {
    options: LifetimesOptions,
    observed_from: Date,
    as_of: Date,
    earlier: u64,
    actors: Ids,
    first: Vec<i32>,
    last: Vec<i32>,
});
stored!(StoredGiven as Given {
    incomplete: u64,
    entry: Option<Vec<Option<f64>>>,
    time: Vec<f64>,
    ended: Vec<bool>,
});
stored!(StoredEventTable as EventTable { rows: Vec<EventTableRow> });

/// The curve follows from the counts.
#[derive(Debug, Deserialize)]
#[serde(rename = "answer")]
pub(super) struct StoredKaplanMeier {
    options: KaplanMeierOptions,
    table: EventTable,
}

impl TryFrom<StoredKaplanMeier> for KaplanMeier {
    type Error = String;
    fn try_from(StoredKaplanMeier { options, table }: StoredKaplanMeier) -> Result<Self, String> {
        asked(Self::new(options, table))
    }
}

impl Seen {
    fn check(&self) -> Result<(), String> {
        asked(self.options.check())?;
        holds(Date::MIN <= self.observed_from && self.as_of <= Date::MAX, "it was observed in the years 1 to 9999")?;
        let actors = self.actors.len();
        holds(self.first.len() == actors && self.last.len() == actors, "every actor has a first and a last day")?;
        let from = self.options.starting_from.map_or(self.observed_from, |from| from.max(self.observed_from));
        let (from, to) = (from.days_since_epoch(), self.as_of.days_since_epoch());
        let in_order = |(&first, &last): (&i32, &i32)| from <= first && first <= last && last <= to;
        let all = self.first.iter().zip(&self.last).all(in_order);
        holds(all, "first days lie within the observation, and last days not before them")
    }
}

impl Given {
    fn check(&self) -> Result<(), String> {
        let entries = self.entry.as_ref().map_or(self.time.len(), Vec::len);
        holds(self.ended.len() == self.time.len() && entries == self.time.len(), "every row has all that is asked")?;
        let durations = self.time.iter().all(|time| (0.0..=MAX_TIME).contains(time));
        holds(durations, "durations are 0 or more")?;
        let before = |(entry, time): (&Option<f64>, &f64)| entry.is_none_or(|entry| entry.is_finite() && entry < *time);
        holds(self.entry.iter().flatten().zip(&self.time).all(before), "entries come before the end")
    }
}

impl EventTable {
    fn check(&self) -> Result<(), String> {
        let times = self.rows.iter().all(|row| (0.0..=MAX_TIME).contains(&row.time));
        let ascend = self.rows.is_sorted_by(|one, next| one.time < next.time);
        holds(times && ascend, "times are 0 or more and in order, each once")?;
        let (mut left, mut all) = (0_u64, 0_u64);
        for row in &self.rows {
            let gone = row.ended.checked_add(row.censored).filter(|gone| (1..=row.at_risk).contains(gone));
            all = all.saturating_add(row.entered);
            let counted = all <= MAX_LIFETIMES && left + row.entered == row.at_risk;
            let Some(gone) = gone.filter(|_| counted) else {
                return holds(false, "who is at risk was so before or has entered, and somebody goes at each time");
            };
            left = row.at_risk - gone;
        }
        holds(left == 0, "nobody is at risk after the last time")
    }
}
