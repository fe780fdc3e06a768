//! Putting activities together: two logs, or a log and its latest day.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::features::FeatureMap;
use super::ledger::{Ledger, NO_ACCOUNT, Rows, Stretch};
use super::{Activity, Observation};
use crate::error::{Error, Result};
use crate::frame::ids::Ids;

/// Recent events are worked into the ledger when they have grown to this share of it: each day of a long activity is
/// then copied about that many times in all, and an append moves no more than the recent rows.
const SETTLE_AT: usize = 16;

/// Events appended lately, as a small ledger of their own beside the large one.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    pub(crate) ledger: Ledger,
    /// Actors of both ledgers: place in the settled one, place in the recent one; ascending.
    both: Vec<(u32, u32)>,
}

impl Recent {
    #[expect(clippy::cast_possible_truncation, reason = "actors are counted in a u32 at ingestion")]
    fn new(ledger: Ledger, settled: &Ledger) -> Self {
        let place = |number| settled.actors.position(ledger.actors.get(number));
        let both = (0..ledger.len()).filter_map(|number| Some((place(number)? as u32, number as u32))).collect();
        Self { ledger, both }
    }

    /// Whether no count or sum of an actor can overflow when both are taken together. An actor for whom that is in doubt
    /// is left to a merge, which looks day by day.
    fn fits(&self, settled: &Ledger) -> bool {
        let most = |ledger: &Ledger, actor: u32| {
            let rows = ledger.rows_of(actor as usize);
            let events = ledger.rows.events[rows.clone()].iter().max().copied().unwrap_or(0);
            let values = ledger.rows.value.as_ref().map_or(&[][..], |value| &value[rows]);
            (events, values.iter().fold(0.0_f64, |most, value| most.max(value.abs())))
        };
        self.both.iter().all(|&(place, number)| {
            let ((events, value), (more_events, more_value)) = (most(settled, place), most(&self.ledger, number));
            events.checked_add(more_events).is_some_and(|events| events < u32::MAX) && (value + more_value).is_finite()
        })
    }

    pub(crate) fn new_actors(&self) -> usize {
        self.ledger.len() - self.both.len()
    }

    /// The number of accounts together with the settled ones.
    pub(crate) fn accounts(&self, settled: &Ids) -> usize {
        let recent = self.ledger.accounts.as_ref();
        let new = |accounts: &Ids| accounts.iter().filter(|&account| settled.position(account).is_none()).count();
        settled.len() + recent.map_or(0, new)
    }

    /// Of a stretch of settled actors those that have recent events too.
    pub(crate) fn also_settled(&self, actors: &Range<usize>) -> &[(u32, u32)] {
        let place = |actor: usize| self.both.partition_point(|&(settled, _)| (settled as usize) < actor);
        &self.both[place(actors.start)..place(actors.end)]
    }

    /// The actors that have recent events only.
    pub(crate) fn only_recent(&self) -> impl Iterator<Item = usize> + '_ {
        let mut both = self.both.iter().map(|&(_, number)| number as usize).peekable();
        (0..self.ledger.len()).filter(move |&number| both.next_if_eq(&number).is_none())
    }
}

/// # Putting together
impl Activity {
    /// The activity of two logs together.
    ///
    /// It equals the activity of one ingestion of both, so a log can be divided by files, machines or days in any way.
    /// The observation runs from the earlier first to the later last day; what was left out is added up. Every day in
    /// between then counts as observed, so merge logs whose observations meet: January and March alone would make a
    /// February in which nobody came.
    ///
    /// # Errors
    ///
    /// [`Error::Incompatible`] if calendars, mapped columns or types of ids differ; [`Error::TooLarge`] beyond 2^32
    /// users or events of one user on one day, [`Error::Overflow`] for sums of values beyond an `f64`.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns};
    /// use attrition::polars::prelude::*;
    ///
    /// let ingest = |users: &[i64], days: &[i32]| {
    ///     let mut frame = df!("user" => users, "day" => days)?;
    ///     frame.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    ///     Activity::from_frame(&frame, &EventColumns::new("user", "day"), &Calendar::utc())
    /// };
    /// let (left, right) = (ingest(&[1, 2], &[19_000, 19_001])?, ingest(&[2, 3], &[19_001, 19_002])?);
    /// assert_eq!(left.merge(&right)?, ingest(&[1, 2, 2, 3], &[19_000, 19_001, 19_001, 19_002])?);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn merge(&self, other: &Self) -> Result<Self> {
        self.check_alike(other)?;
        let ledger = merge(&self.settled(), &other.settled())?;
        let mut merged = self.with_ledger(ledger);
        merged.observe_too(other);
        Ok(merged)
    }

    /// Takes in the activity of further events, such as those of the latest day, without a rebuild.
    ///
    /// The result is that of [`merge`](Self::merge). The cost is in proportion to what was appended lately, not to what
    /// was there: new events are kept beside the table and worked into it when they have grown to a sixteenth of it.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge); the activity is then unchanged.
    pub fn append(&mut self, events: &Self) -> Result<()> {
        self.check_alike(events)?;
        let added = events.settled();
        let recent = match &self.recent {
            Some(recent) => merge(&recent.ledger, &added)?,
            None => added.into_owned(),
        };
        let known = |name: &String| self.ledger.features.binary_search(name).is_ok();
        let small = recent.rows.len() * SETTLE_AT <= self.ledger.rows.len();
        let recent = Recent::new(recent, &self.ledger);
        if small && recent.ledger.features.iter().all(known) && recent.fits(&self.ledger) {
            self.recent = Some(recent);
        } else {
            self.ledger = merge(&self.ledger, &recent.ledger)?;
            self.recent = None;
        }
        self.observe_too(events);
        Ok(())
    }

    /// The table with all recent events worked in.
    pub(crate) fn settled(&self) -> Cow<'_, Ledger> {
        match &self.recent {
            None => Cow::Borrowed(&self.ledger),
            Some(recent) => Cow::Owned(merge_checked(&self.ledger, &recent.ledger)),
        }
    }

    fn observe_too(&mut self, other: &Self) {
        self.observation = Observation {
            first: self.observation.first.min(other.observation.first),
            last: self.observation.last.max(other.observation.last),
        };
        self.intake += other.intake;
    }

    fn check_alike(&self, other: &Self) -> Result<()> {
        let differ = |what, left: String, right: String, way_out| {
            if left == right { Ok(()) } else { Err(Error::Incompatible { what, left, right, way_out }) }
        };
        let way_out = "ingest both logs in one calendar";
        differ("the calendars", self.calendar.to_string(), other.calendar.to_string(), way_out)?;
        let way_out = "cast the ids of both logs to one type before ingesting them";
        let ids = |ids: &Ids| format!("{:?}", ids.id_type());
        differ("the types of user", ids(&self.ledger.actors), ids(&other.ledger.actors), way_out)?;
        let accounts = |ledger: &Ledger| ledger.accounts.as_ref().map_or_else(|| "not mapped".to_owned(), ids);
        differ(
            "account",
            accounts(&self.ledger),
            accounts(&other.ledger),
            "map and cast the same columns in both logs",
        )?;
        let mapped = |is: bool| if is { "mapped" } else { "not mapped" }.to_owned();
        let way_out = "map the same columns in both logs";
        let feature = |rows: &Rows| mapped(rows.features.is_some());
        differ("the features", feature(&self.ledger.rows), feature(&other.ledger.rows), way_out)?;
        let value = |rows: &Rows| mapped(rows.value.is_some());
        differ("the values", value(&self.ledger.rows), value(&other.ledger.rows), way_out)?;
        let times = |rows: &Rows| mapped(rows.times.is_some());
        let way_out = "ask for EventColumns::clock_times in both logs or in neither";
        differ("the clock times", times(&self.ledger.rows), times(&other.ledger.rows), way_out)
    }
}

fn merge(left: &Ledger, right: &Ledger) -> Result<Ledger> {
    let seats = left.seat_count() + right.seat_count();
    if seats >= NO_ACCOUNT as usize {
        let (limit, way_out) = (u64::from(NO_ACCOUNT), "keep the activities apart, each with its own users");
        return Err(Error::TooLarge { what: "users and accounts", count: seats as u64, limit, way_out });
    }
    let merged = merge_checked(left, right);
    merged.check_counts()?;
    Ok(merged)
}

/// Merges two tables that are alike and not too large.
fn merge_checked(left: &Ledger, right: &Ledger) -> Ledger {
    let mut features = [left.features.as_slice(), right.features.as_slice()].concat();
    features.sort_unstable();
    features.dedup();
    let accounts = left.accounts.as_ref().zip(right.accounts.as_ref()).map(|(left, right)| left.union(right));
    let sides = [left, right].map(|side| {
        let places = side.accounts.as_ref().zip(accounts.as_ref()).map(|(own, union)| own.places_in(union));
        (side, FeatureMap::between(&side.features, &features), places.unwrap_or_default())
    });
    let account = |side: usize, seat: usize| {
        let own = sides[side].0.account(seat);
        sides[side].2.get(own as usize).copied().unwrap_or(NO_ACCOUNT)
    };
    let mut rows = left.rows.none_alike();
    rows.reserve_exact(left.rows.len() + right.rows.len());
    let mut merged = Ledger::new(left.actors.union(&right.actors), accounts, features, rows);
    let mut scratch = Vec::new();
    let mut seats: Vec<(u32, usize, usize)> = Vec::new();
    let mut next = [0, 0];
    for actor in 0..merged.actors.len() {
        seats.clear();
        for (side, (ledger, ..)) in sides.iter().enumerate() {
            let number = next[side];
            if number < ledger.len() && merged.actors.compare(actor, &ledger.actors, number) == Ordering::Equal {
                seats.extend(ledger.seats(number).map(|seat| (account(side, seat), side, seat)));
                next[side] += 1;
            }
        }
        seats.sort_unstable();
        for same in seats.chunk_by(|left, right| left.0 == right.0) {
            let part = |&(_, side, seat): &(u32, usize, usize)| Stretch {
                rows: &sides[side].0.rows,
                range: sides[side].0.rows_of_seat(seat),
                map: &sides[side].1,
            };
            match same {
                [left, right] => merged.rows.extend_joined(&[part(left), part(right)], &mut scratch),
                alone => alone.iter().map(part).for_each(|part| merged.rows.extend(part.rows, part.range, part.map)),
            }
            merged.end_seat(same[0].0, merged.rows.len());
        }
        merged.end_actor();
    }
    merged
}
