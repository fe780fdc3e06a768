//! Who took part in a programme, and when.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::activity::Activity;
use crate::activity::sweep::PerActor;
use crate::error::Result;
use crate::frame::ids::Ids;
use crate::frame::read;
use crate::frame::times::Times;

/// The day of an actor who took part on no known day: before all others, so that it is never taken for somebody who
/// has not taken part.
pub(super) const UNDATED: i32 = i32::MIN;
/// The day of an actor who never took part.
pub(super) const NEVER: i32 = i32::MAX;

/// The columns of a frame of participation: one row says that an actor took part on a day.
///
/// | role | type of the column |
/// | --- | --- |
/// | actor | as the activity's actors: an integer for integers; a string, categorical or enum for text |
/// | date | `Date` (a local day already), or `Datetime` in ms, us or ns: an instant, UTC where it names no zone |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipationColumns {
    actor: String,
    date: String,
}

impl ParticipationColumns {
    /// The column with the actor and the column with the day of taking part.
    #[must_use]
    pub fn new(actor: impl Into<String>, date: impl Into<String>) -> Self {
        Self { actor: actor.into(), date: date.into() }
    }
}

/// What was read of a frame of participation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParticipationIntake {
    /// Rows read.
    pub rows: u64,
    /// Distinct actors among them, those without any date too.
    pub actors: u64,
    /// Rows left out because they name no actor.
    pub without_actor: u64,
    /// Rows left out because they have no date.
    pub without_date: u64,
    /// Rows that say of an actor that it took part again. Only the first time counts.
    pub repeated: u64,
}

impl fmt::Display for ParticipationIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, actors, without_actor, without_date, repeated } = self;
        write!(f, "{actors} actors in {rows} rows; {repeated} rows repeat an actor, ")?;
        write!(f, "{without_date} have no date, {without_actor} no actor")
    }
}

/// Who took part in a programme, each with the first time they did.
///
/// Of several rows of one actor the earliest counts; the others are counted in the
/// [`intake`](Self::intake). Rows without actor or date are left out and counted too. An actor whose rows all lack a
/// date took part nobody knows when, and is therefore neither judged nor compared with.
///
/// # Example
///
/// ```
/// use attrition::{Participation, ParticipationColumns};
/// use attrition::polars::prelude::*;
///
/// let mut webinar = df!("user" => [Some(1), Some(2), Some(1), None], "attended_on" => [19_731, 19_738, 19_738, 19_731])?;
/// webinar.apply("attended_on", |day| day.cast(&DataType::Date).unwrap())?;
/// let participants = Participation::from_frame(&webinar, &ParticipationColumns::new("user", "attended_on"))?;
/// let intake = participants.intake();
/// assert_eq!((intake.rows, intake.actors, intake.repeated, intake.without_actor), (4, 2, 1, 1));
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Participation {
    actors: Ids,
    /// Per actor the first time; none where no row had one.
    first: Times,
    intake: ParticipationIntake,
}

impl Participation {
    /// Reads a frame of participation. The order of its rows makes no difference.
    ///
    /// On which day an instant falls is decided by the calendar of the activity that is asked.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`](crate::Error::MissingColumn), [`Error::UnsupportedType`](crate::Error::UnsupportedType);
    /// [`Error::InvalidValue`](crate::Error::InvalidValue) for a date outside the years 1 to
    /// 9999.
    pub fn from_frame(frame: &DataFrame, columns: &ParticipationColumns) -> Result<Self> {
        let id_type = read::id_type(frame.schema(), &columns.actor, "actor")?;
        let times = Times::read(frame, &columns.date, "date")?;
        let (actors, places) = read::distinct_ids(frame, &columns.actor, id_type)?;
        let mut intake = ParticipationIntake {
            rows: frame.height() as u64,
            actors: actors.len() as u64,
            without_actor: places.iter().filter(|place| place.is_none()).count() as u64,
            ..ParticipationIntake::default()
        };
        let mut first: Vec<Option<i64>> = vec![None; actors.len()];
        for (place, time) in places.iter().zip(times.values()) {
            match (place, time) {
                (Some(_), None) => intake.without_date += 1,
                (&Some(place), &Some(time)) => {
                    let earliest = &mut first[place as usize];
                    intake.repeated += u64::from(earliest.is_some());
                    *earliest = Some(earliest.map_or(time, |other| other.min(time)));
                }
                (None, _) => {}
            }
        }
        Ok(Self { actors, first: times.with_values(first), intake })
    }

    /// What was read and what was left out.
    #[must_use]
    pub fn intake(&self) -> &ParticipationIntake {
        &self.intake
    }

    /// The first local day of everybody, laid beside the actors of an activity; how many of them it does not know.
    pub(super) fn beside(&self, activity: &Activity) -> Result<(PerActor<i32>, u64)> {
        let days = self.first.days(activity.calendar());
        let days: Vec<i32> = days.into_iter().map(|day| day.unwrap_or(UNDATED)).collect();
        activity.beside(&self.actors, &days, NEVER)
    }
}

impl fmt::Display for Participation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.intake.fmt(f)
    }
}
