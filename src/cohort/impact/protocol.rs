//! The protocol of the trial: whose clock starts on which day, what is known of them by then, and what comes of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cohort::participation::{NEVER, UNDATED};

const NONE: u32 = u32::MAX;

/// What becomes of a comparable person who takes part later, while the clock is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LaterParticipants {
    /// They stay in the comparison as those who did not take part on that day, as in the intention-to-treat analysis
    /// of a trial. The effect is then that of taking part now rather than not now: it is the smaller the more of them
    /// take part after all, and their share is reported.
    Kept,
    /// They are left out of the comparison. Only somebody who is still there can take part later, so this takes stayers
    /// out of it and makes the effect look larger than it is.
    LeftOut,
}

/// Why a participant is not judged. The reasons are tried in this order and the first that holds counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeftOut {
    /// The activity does not know the actor: it was never seen.
    Unknown,
    /// No row of the actor has a date.
    Undated,
    /// It took part before the first day of observation or after the last.
    OutsideObservation,
    /// The look-back begins before the observation, so that prior use is known in part only.
    LookBackUnobserved,
    /// The horizon has not passed by the end of observation.
    HorizonOpen,
    /// It was first active on the day of taking part, or later: there is no prior use to be matched on.
    NoHistory,
    /// It was not active within the days in which one has to be; see
    /// [`alive_within`](crate::ProgrammeImpactOptions::alive_within).
    NotActive,
    /// There are fewer than two comparable people who had not taken part.
    NoComparison,
}

impl LeftOut {
    /// All reasons, in the order in which they are tried.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Undated,
        Self::OutsideObservation,
        Self::LookBackUnobserved,
        Self::HorizonOpen,
        Self::NoHistory,
        Self::NotActive,
        Self::NoComparison,
    ];

    /// The reason in a few words, as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown to the activity",
            Self::Undated => "no date",
            Self::OutsideObservation => "outside the observation",
            Self::LookBackUnobserved => "look-back not observed",
            Self::HorizonOpen => "horizon not over",
            Self::NoHistory => "no history before",
            Self::NotActive => "not active at the start",
            Self::NoComparison => "nobody comparable",
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is asked of everybody, in days.
#[derive(Debug)]
pub(super) struct Protocol {
    pub(super) look_back: i32,
    pub(super) horizon: i32,
    pub(super) window: i32,
    pub(super) alive_within: i32,
    pub(super) later: LaterParticipants,
    /// The first and the last day of observation.
    pub(super) observed: (i32, i32),
}

/// One actor: the days on which it was active, each once, and the day on which it took part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person<'a> {
    pub(super) days: &'a [i32],
    pub(super) took_part: i32,
    pub(super) cohort: u32,
}

/// Somebody on the day their clock starts: what is known of them by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) day: i32,
    pub(super) cohort: u32,
    /// Active days in the look-back.
    pub(super) prior: u32,
    /// Days since the first activity.
    pub(super) tenure: u32,
    /// Will take part within the horizon.
    pub(super) later: bool,
}

/// Retained, as 0 or 1, and active days.
pub(super) type Outcomes = [u32; 2];

/// Looks at one person from one day after another. The places at which stretches of days begin and end only move
/// forwards, so all days together cost no more than one walk.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    protocol: &'a Protocol,
    person: Person<'a>,
    look_back: usize,
    start: usize,
    after: usize,
    window: usize,
    end: usize,
}

#[inline]
fn forward(place: &mut usize, days: &[i32], to: i32) -> usize {
    while days.get(*place).is_some_and(|&day| day < to) {
        *place += 1;
    }
    *place
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days of one actor, after the first")]
impl<'a> Cursor<'a> {
    pub(super) fn new(protocol: &'a Protocol, person: Person<'a>) -> Self {
        Self { protocol, person, look_back: 0, start: 0, after: 0, window: 0, end: 0 }
    }

    #[inline]
    fn start(&mut self, day: i32) -> Start {
        let Person { days, took_part, cohort } = self.person;
        let from = forward(&mut self.look_back, days, day - self.protocol.look_back);
        Start {
            day,
            cohort,
            prior: (forward(&mut self.start, days, day) - from) as u32,
            tenure: (day - days[0]) as u32,
            later: day < took_part && took_part <= day + self.protocol.horizon,
        }
    }

    /// What came after a day.
    #[inline]
    pub(super) fn outcomes(&mut self, day: i32) -> Outcomes {
        let (days, horizon) = (self.person.days, self.protocol.horizon);
        let end = forward(&mut self.end, days, day + horizon + 1);
        let active_days = end - forward(&mut self.after, days, day + 1);
        let retained = end > forward(&mut self.window, days, day + horizon - self.protocol.window + 1);
        [u32::from(retained), active_days as u32]
    }
}

impl Protocol {
    /// A participant on the day they took part.
    pub(super) fn participant(&self, person: Person<'_>) -> Result<(Start, Outcomes), LeftOut> {
        let (first, last) = self.observed;
        let Person { days, took_part: day, .. } = person;
        let reason = if day == UNDATED {
            LeftOut::Undated
        } else if day < first || day > last {
            LeftOut::OutsideObservation
        } else if day - self.look_back < first {
            LeftOut::LookBackUnobserved
        } else if day + self.horizon > last {
            LeftOut::HorizonOpen
        } else if days.first().is_none_or(|&first| first >= day) {
            LeftOut::NoHistory
        } else if !days.iter().any(|other| (day - self.alive_within + 1..=day).contains(other)) {
            LeftOut::NotActive
        } else {
            let mut cursor = Cursor::new(self, person);
            return Ok((cursor.start(day), cursor.outcomes(day)));
        };
        Err(reason)
    }

    /// Every index day on which somebody could have taken part and did not.
    #[inline]
    pub(super) fn controls(&self, index: &Index, person: Person<'_>, mut visit: impl FnMut(Start, &mut Cursor<'_>)) {
        let Person { days, took_part, .. } = person;
        let until = match self.later {
            LaterParticipants::Kept => took_part,
            LaterParticipants::LeftOut => took_part.saturating_sub(self.horizon),
        };
        let until = until.min(index.end);
        let Some(&first) = days.first() else { return };
        let mut cursor = Cursor::new(self, person);
        for (place, &active) in days.iter().enumerate() {
            if active >= until {
                break;
            }
            let next = days.get(place + 1).copied().unwrap_or(NEVER);
            for day in active.max(first + 1)..(active + self.alive_within).min(next).min(until) {
                if index.rank(day).is_some() {
                    let start = cursor.start(day);
                    visit(start, &mut cursor);
                }
            }
        }
    }
}

/// The days on which clocks start: those on which a participant's does.
#[derive(Debug)]
pub(super) struct Index {
    first_day: i32,
    /// Past the last of them.
    end: i32,
    rank: Vec<u32>,
    pub(super) count: usize,
}

impl Index {
    pub(super) fn new((first_day, last): (i32, i32), days: impl Iterator<Item = i32>) -> Self {
        let mut rank = vec![NONE; usize::try_from(last - first_day + 1).unwrap_or(0)];
        let mut index = Self { first_day, end: i32::MIN, rank: Vec::new(), count: 0 };
        for day in days {
            rank[index.place(day)] = 0;
            index.end = index.end.max(day + 1);
        }
        for (number, rank) in (0..).zip(rank.iter_mut().filter(|rank| **rank != NONE)) {
            *rank = number;
            index.count += 1;
        }
        index.rank = rank;
        index
    }

    #[expect(clippy::cast_sign_loss, reason = "days of an activity lie within its observation")]
    fn place(&self, day: i32) -> usize {
        (day - self.first_day) as usize
    }

    #[inline]
    pub(super) fn rank(&self, day: i32) -> Option<usize> {
        let rank = self.rank[self.place(day)];
        (rank != NONE).then_some(rank as usize)
    }
}
