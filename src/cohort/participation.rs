//! Who took part in a programme, and when.

use std::fmt;

use polars::prelude::{DataFrame, DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::activity::Activity;
use crate::activity::sweep::PerActor;
use crate::calendar::{Calendar, Clock, Date, NO_DATE};
use crate::error::{Error, Result};
use crate::frame::ids::Ids;
use crate::frame::keys::KeyIds;
use crate::frame::pool::Pool;
use crate::frame::read;

const DATE_TYPES: &str = "a Date or a Datetime; parse text first, and turn numbers of seconds into a Datetime";
const SECONDS_PER_DAY: i64 = 86_400;

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
    /// Per actor the first time, in days or in the units below; `None` where no row had one.
    first: Vec<Option<i64>>,
    /// How many units of a `Datetime` a second has; `None` for days.
    units_per_second: Option<i64>,
    intake: ParticipationIntake,
}

impl Participation {
    /// Reads a frame of participation. The order of its rows makes no difference.
    ///
    /// On which day an instant falls is decided by the calendar of the activity that is asked.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`]; [`Error::InvalidValue`] for a date outside the years 1 to
    /// 9999.
    pub fn from_frame(frame: &DataFrame, columns: &ParticipationColumns) -> Result<Self> {
        let id_type = read::id_type(frame.schema(), &columns.actor, "actor")?;
        let units_per_second = match read::dtype(frame.schema(), &columns.date)? {
            DataType::Date => None,
            DataType::Datetime(TimeUnit::Milliseconds, _) => Some(1_000),
            DataType::Datetime(TimeUnit::Microseconds, _) => Some(1_000_000),
            DataType::Datetime(TimeUnit::Nanoseconds, _) => Some(1_000_000_000),
            other => return Err(read::unsupported(&columns.date, "date", other, DATE_TYPES)),
        };
        let times = read::series(frame, &columns.date)?.to_physical_repr().into_owned();
        let times: Vec<Option<i64>> = match units_per_second {
            None => times.i32()?.iter().map(|day| day.map(i64::from)).collect(),
            Some(_) => times.i64()?.iter().collect(),
        };
        let units_per_day = units_per_second.map_or(1, |units| units * SECONDS_PER_DAY);
        let begins = |date: Date| i64::from(date.days_since_epoch()).saturating_mul(units_per_day);
        let known = begins(Date::MIN)..begins(Date::MAX + 1);

        let column = read::id_column(frame, &columns.actor, id_type)?;
        let pool = Pool::default();
        let actors = read::read_ids(&column, id_type, &pool)?;
        let named = || (0..times.len()).filter(|&row| !actors.is_null(row));
        let ids = KeyIds { id_type, strings: pool.into_strings() };
        let (ids, places) = ids.distinct(named().map(|row| actors.keys[row]));
        let mut intake = ParticipationIntake {
            rows: times.len() as u64,
            actors: ids.len() as u64,
            without_actor: (times.len() - named().count()) as u64,
            ..ParticipationIntake::default()
        };
        let mut first: Vec<Option<i64>> = vec![None; ids.len()];
        for row in named() {
            let Some(time) = times[row] else {
                intake.without_date += 1;
                continue;
            };
            if !known.contains(&time) {
                let (column, value, row) = (columns.date.clone(), time.to_string(), row as u64);
                let reason = "lies outside the years 1 to 9999; is it in another unit than the column says?";
                return Err(Error::InvalidValue { column, row, value, reason });
            }
            let earliest = &mut first[places[&actors.keys[row]] as usize];
            intake.repeated += u64::from(earliest.is_some());
            *earliest = Some(earliest.map_or(time, |other| other.min(time)));
        }
        Ok(Self { actors: ids, first, units_per_second, intake })
    }

    /// What was read and what was left out.
    #[must_use]
    pub fn intake(&self) -> &ParticipationIntake {
        &self.intake
    }

    /// The first local day of everybody, laid beside the actors of an activity; how many of them it does not know.
    pub(super) fn beside(&self, activity: &Activity) -> Result<(PerActor<i32>, u64)> {
        activity.beside(&self.actors, &self.days(activity.calendar()), NEVER)
    }

    fn days(&self, calendar: &Calendar) -> Vec<i32> {
        let mut clock = self.units_per_second.map(|units| Clock::new(calendar.zone(), units));
        let mut local = Vec::with_capacity(1);
        let mut day = |time: i64| {
            let Some(clock) = &mut clock else { return i32::try_from(time).unwrap_or(NO_DATE) };
            local.clear();
            clock.days(&[time], &mut local);
            // An instant of the last hours of the calendar can fall behind its end in some zone.
            let end = if time < 0 { Date::MIN } else { Date::MAX }.days_since_epoch();
            local.first().copied().filter(|&day| day != NO_DATE).unwrap_or(end)
        };
        self.first.iter().map(|time| time.map_or(UNDATED, &mut day)).collect()
    }
}

impl fmt::Display for Participation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.intake.fmt(f)
    }
}
