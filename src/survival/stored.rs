//! What has to hold of answers that are read back.

use serde::Deserialize;

use super::columns::MAX_TIME;
use super::competing_risks::{CompetingRisks, MOST_NAMES};
use super::cumulative_incidence::{CumulativeIncidence, CumulativeIncidenceOptions};
use super::ends::Ends;
use super::event_table::{EventTable, EventTableRow};
use super::given::Given;
use super::kaplan_meier::{KaplanMeier, KaplanMeierOptions};
use super::lifetimes::Seen;
use super::options::LifetimesOptions;
use crate::activity::Intake;
use crate::calendar::Date;
use crate::frame::ids::Ids;
use crate::frame::stored::{asked, holds, stored};

/// No table holds more lifetimes: floats count no further.
const MAX_LIFETIMES: u64 = 1 << 53;

stored!(StoredSeen as Seen {
    options: LifetimesOptions,
    intake: Intake,
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

stored!(StoredCompetingRisks as CompetingRisks {
    causes: Vec<String>,
    groups: Vec<Option<String>>,
    strata: u32,
    incomplete: u64,
    entry: Option<Vec<Option<f64>>>,
    time: Vec<f64>,
    cause: Vec<u32>,
    group: Vec<u32>,
    stratum: Vec<u32>,
});

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

/// The curves follow from the counts.
#[derive(Debug, Deserialize)]
#[serde(rename = "answer")]
pub(super) struct StoredCumulativeIncidence {
    options: CumulativeIncidenceOptions,
    causes: Vec<String>,
    groups: Vec<Option<String>>,
    ends: Ends,
}

impl TryFrom<StoredCumulativeIncidence> for CumulativeIncidence {
    type Error = String;
    fn try_from(stored: StoredCumulativeIncidence) -> Result<Self, String> {
        let StoredCumulativeIncidence { options, causes, groups, ends } = stored;
        holds(causes.len().max(groups.len()) <= MOST_NAMES, "there are a thousand causes and groups at most")?;
        ends.check(causes.len(), groups.len())?;
        asked(Self::new(options, causes, groups, ends))
    }
}

impl CompetingRisks {
    fn check(&self) -> Result<(), String> {
        let rows = self.time.len();
        let entries = self.entry.as_ref().map_or(rows, Vec::len);
        let columns = [entries, self.cause.len(), self.group.len(), self.stratum.len()];
        holds(columns.into_iter().all(|column| column == rows), "every row has all that is asked")?;
        holds(self.time.iter().all(|time| (0.0..=MAX_TIME).contains(time)), "durations are 0 or more")?;
        let before = |(entry, time): (&Option<f64>, &f64)| entry.is_none_or(|entry| entry.is_finite() && entry < *time);
        holds(self.entry.iter().flatten().zip(&self.time).all(before), "entries come before the end")?;
        let names = [self.causes.len(), self.groups.len(), self.strata as usize];
        holds(names.into_iter().all(|count| count <= MOST_NAMES), "there are a thousand causes and groups at most")?;
        let within = |places: &[u32], count: usize| places.iter().all(|&place| (place as usize) < count);
        let named =
            within(&self.cause, names[0] + 1) && within(&self.group, names[1]) && within(&self.stratum, names[2]);
        holds(named, "causes, groups and strata are there")
    }
}

impl Ends {
    fn check(&self, causes: usize, groups: usize) -> Result<(), String> {
        holds(self.lifetimes.len() == groups && self.last.len() == groups, "every group is counted")?;
        let all = self.lifetimes.iter().try_fold(0_u64, |all, &some| all.checked_add(some));
        holds(all.is_some_and(|all| all <= MAX_LIFETIMES), "there are fewer lifetimes than floats can count")?;
        let in_time = |time: &f64| (0.0..=MAX_TIME).contains(time);
        let ascend = self.times.is_sorted_by(|one, next| one < next) && self.times.iter().all(in_time);
        holds(ascend && self.last.iter().flatten().all(in_time), "times are 0 or more and in order, each once")?;
        holds(self.at_risk.len() == self.times.len() * groups, "every group is at risk or not at every time")?;
        let mut counted = vec![0_u64; self.at_risk.len()];
        let mut order = true;
        for (place, end) in self.ends.iter().enumerate() {
            let there = (end.at as usize) < self.times.len() && (end.group as usize) < groups;
            holds(there && (end.cause as usize) < causes && end.count > 0, "ends are of a time, a group and a cause")?;
            let (at, group) = (end.at as usize, end.group as usize);
            let cell = at * groups + group;
            counted[cell] = counted[cell].saturating_add(end.count);
            let later =
                |before: &super::ends::End| (before.at, before.group, before.cause) < (end.at, end.group, end.cause);
            order &= place == 0 || later(&self.ends[place - 1]);
            order &= self.last[group].is_some_and(|last| self.times[at] <= last);
        }
        let fit = counted.iter().zip(&self.at_risk).all(|(ended, at_risk)| ended <= at_risk);
        let few =
            self.at_risk.chunks(groups.max(1)).all(|row| row.iter().zip(&self.lifetimes).all(|(n, all)| n <= all));
        holds(order && fit && few, "those who end were at risk, each time, group and cause once")
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
