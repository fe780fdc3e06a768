//! The activity of some actors: by plan, country, campaign, or whatever a frame says of them.

use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Activity;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, IdType, Ids};
use crate::frame::pool::{NO_KEY, Pool};
use crate::frame::read;

/// What actors without a segment are called where a name is needed.
pub(super) const NO_SEGMENT: &str = "without a segment";

/// The columns of a segment frame: one row an actor.
///
/// The actor column is of the kind that the activity's actors are: integers for integers, text for text. Rows without
/// an actor, or without a segment, and actors that were never active are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentColumns {
    actor: String,
    segment: String,
}

impl SegmentColumns {
    /// The column with the actor and the column with the segment.
    #[must_use]
    pub fn new(actor: impl Into<String>, segment: impl Into<String>) -> Self {
        Self { actor: actor.into(), segment: segment.into() }
    }
}

/// An activity divided into segments; every actor is in exactly one part.
///
/// Two are equal if their parts are.
#[derive(Clone, Debug)]
pub struct Split {
    parts: Vec<(Option<String>, Activity)>,
    /// The part of a segment without an active actor.
    nobody: Activity,
    /// What the parts were divided by.
    segments: DataFrame,
    columns: SegmentColumns,
}

impl Split {
    /// The parts in alphabetical order of the segments; last, under `None`, the actors without a segment, if any.
    #[must_use]
    pub fn parts(&self) -> &[(Option<String>, Activity)] {
        &self.parts
    }

    /// The part of one segment.
    #[must_use]
    pub fn part(&self, segment: Option<&str>) -> Option<&Activity> {
        self.parts.iter().find(|(name, _)| name.as_deref() == segment).map(|(_, activity)| activity)
    }

    pub(crate) fn nobody(&self) -> &Activity {
        &self.nobody
    }

    /// For every segment that some of these actors are in, in order, their places.
    pub(crate) fn divide(&self, actors: &Ids) -> Result<Vec<(Option<String>, Vec<usize>)>> {
        divide(actors, &self.segments, &self.columns)
    }
}

impl PartialEq for Split {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

/// Segments in alphabetical order, none last.
pub(crate) fn order(segment: &Option<String>) -> (bool, Option<&str>) {
    (segment.is_none(), segment.as_deref())
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} {:>10} {:>12} {:>12}", "segment", "actors", "active days", "events")?;
        self.parts.iter().try_for_each(|(name, part)| {
            let name = name.as_deref().unwrap_or(NO_SEGMENT);
            writeln!(f, "{name:<24} {:>10} {:>12} {:>12}", part.actors(), part.active_days(), part.events())
        })
    }
}

impl IntoIterator for Split {
    type Item = (Option<String>, Activity);
    type IntoIter = std::vec::IntoIter<Self::Item>;
    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}

/// # Segments
impl Activity {
    /// Divides the activity by a segment frame. No segment with an active actor is left out or lumped together, however
    /// many there are, and actors that the frame does not know are kept under `None`, so every actor is in one part.
    ///
    /// Each part has the observation of the whole, and its intake too: what was left out belongs to no segment. It also
    /// knows all [`features`](Self::features) of the whole, those that nobody of the segment used among them, and answers
    /// them as used by nobody. But for these it equals an ingestion of the events of its actors: its [`at`](Self::at) of
    /// the last day, which forgets them, is exactly that. [`Split::each`] asks all parts one question.
    ///
    /// A segment belongs to an actor and holds for its whole history. To divide by what is known of accounts, make them
    /// the actors with [`by_account`](Self::by_account). Segments that change over time cannot be given: by the plan of
    /// today an actor who moved up last week was on the higher plan all along. Nor should a segment rest on what came
    /// later than the days it is looked at: whoever lived to move up stayed until then, and will look loyal.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`]; [`Error::Incompatible`] if the frame has strings where the
    /// activity has integers or the reverse; [`Error::TwoSegments`] if the frame gives an actor two.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, SegmentColumns};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("user" => [1, 2, 3, 1], "day" => [19_000, 19_000, 19_001, 19_002])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let plans = df!("id" => [1, 2], "plan" => ["pro", "free"])?;
    /// let split = activity.split_by(&plans, &SegmentColumns::new("id", "plan"))?;
    /// let sizes: Vec<_> = split.parts().iter().map(|(plan, part)| (plan.as_deref(), part.actors())).collect();
    /// assert_eq!(sizes, [(Some("free"), 1), (Some("pro"), 1), (None, 1)]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn split_by(&self, segments: &DataFrame, columns: &SegmentColumns) -> Result<Split> {
        let ledger = self.settled();
        let divided = divide(&ledger.actors, segments, columns)?;
        let part = |actors: &[usize]| self.with_ledger(ledger.part(actors));
        let parts = divided.into_iter().map(|(name, actors)| (name, part(&actors))).collect();
        Ok(Split { parts, nobody: part(&[]), segments: segments.clone(), columns: columns.clone() })
    }

    /// The activity of the actors of one segment; `None` for those without one. It can be empty. It is as the part of
    /// [`split_by`](Self::split_by) is, and knows the features of the whole too.
    ///
    /// # Errors
    ///
    /// As [`split_by`](Self::split_by).
    pub fn filter(&self, segments: &DataFrame, columns: &SegmentColumns, segment: Option<&str>) -> Result<Self> {
        let ledger = self.settled();
        let actors = places_of(&ledger.actors, segments, columns, segment)?;
        Ok(self.with_ledger(ledger.part(&actors)))
    }
}

/// For every segment that some of these actors are in, in order, their places.
pub(crate) fn divide(
    actors: &Ids,
    frame: &DataFrame,
    columns: &SegmentColumns,
) -> Result<Vec<(Option<String>, Vec<usize>)>> {
    let (names, segment_of) = segments_of(actors, frame, columns)?;
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); names.len() + 1];
    for (place, segment) in segment_of.iter().enumerate() {
        places[segment.map_or(names.len(), |segment| segment as usize)].push(place);
    }
    let names = names.into_iter().map(Some).chain([None]);
    let mut divided: Vec<_> = names.zip(places).filter(|(_, places)| !places.is_empty()).collect();
    divided.sort_by(|(left, _), (right, _)| order(left).cmp(&order(right)));
    Ok(divided)
}

/// The actors of a frame, and for every segment their places.
#[expect(clippy::type_complexity, reason = "as `divide`, with the actors")]
pub(crate) fn labelled(
    frame: &DataFrame,
    columns: &SegmentColumns,
) -> Result<(Ids, Vec<(Option<String>, Vec<usize>)>)> {
    let id_type = read::id_type(frame.schema(), &columns.actor, "actor")?;
    let (actors, _) = read::distinct_ids(frame, &columns.actor, id_type)?;
    let divided = divide(&actors, frame, columns)?;
    Ok((actors, divided))
}

/// The places of the actors of one segment.
pub(crate) fn places_of(
    actors: &Ids,
    frame: &DataFrame,
    columns: &SegmentColumns,
    segment: Option<&str>,
) -> Result<Vec<usize>> {
    let (names, segment_of) = segments_of(actors, frame, columns)?;
    let name = |number: Option<u32>| number.map(|number| names[number as usize].as_str());
    Ok((0..actors.len()).filter(|&place| name(segment_of[place]) == segment).collect())
}

/// The names of the segments, and for every actor the number of its own.
fn segments_of(known: &Ids, frame: &DataFrame, columns: &SegmentColumns) -> Result<(Vec<String>, Vec<Option<u32>>)> {
    let id_type = read::id_type(frame.schema(), &columns.actor, "actor")?;
    if (known.id_type() == IdType::String) != (id_type == IdType::String) {
        return Err(Error::Incompatible {
            what: "the types of actor",
            left: format!("{:?}", known.id_type()),
            right: format!("{id_type:?}"),
            way_out: "cast the actor column of the segment frame",
        });
    }
    let segment = read::group(frame, &columns.segment, "segment")?;
    let (actor_pool, segment_pool) = (Pool::default(), Pool::default());
    let actor_column = read::id_column(frame, &columns.actor, id_type)?;
    let actors = read::read_ids(&actor_column, id_type, &actor_pool)?;
    let mut segments = Vec::new();
    segment_pool.keys(segment.str()?, &mut segments);
    let (actor_names, names) = (actor_pool.into_strings(), segment_pool.into_strings());
    let names: Vec<String> = (0..names.len()).map(|number| names.get(number).to_owned()).collect();

    #[expect(clippy::cast_possible_truncation, reason = "the key of a string is its place in memory")]
    let id_of = |key: u64| match id_type {
        IdType::String => Id::Str(actor_names.get(key as usize)),
        signed if signed.is_signed() => Id::Int(key.cast_signed()),
        _ => Id::UInt(key),
    };
    // Each look-up waits for memory, so they are made on all processors.
    let place_of = |row: usize| {
        let said = !actors.is_null(row) && segments[row] != NO_KEY;
        if said { known.position(id_of(actors.keys[row])) } else { None }
    };
    let places: Vec<Option<usize>> = (0..segments.len()).into_par_iter().map(place_of).collect();
    let mut segment_of: Vec<Option<u32>> = vec![None; known.len()];
    for (row, (actor, &segment)) in places.into_iter().zip(&segments).enumerate() {
        let Some(actor) = actor else { continue };
        let segment = u32::try_from(segment).unwrap_or(u32::MAX);
        match segment_of[actor] {
            Some(other) if other != segment => {
                let name = |number: u32| names[number as usize].clone();
                let (actor, first, second) = (id_of(actors.keys[row]).to_string(), name(other), name(segment));
                return Err(Error::TwoSegments { actor, first, second });
            }
            _ => segment_of[actor] = Some(segment),
        }
    }
    Ok((names, segment_of))
}
