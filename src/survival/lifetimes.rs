//! How long each actor stayed, and whether that is over.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::event_table::EventTable;
use super::given::Given;
use super::options::{Censoring, LifetimesOptions};
use crate::activity::{Activity, Intake};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::ids::{Id, Ids};
use crate::frame::write;
use crate::print::percent;
use crate::statistics::ratio;

/// What is known of the end of a lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LifetimeState {
    /// It has ended, on the last active day.
    Ended,
    /// It had not ended on the day up to which it was followed.
    Ongoing,
    /// It began after the last day of which it is known who had ended: nothing can be said of it yet.
    Undecided,
}

impl LifetimeState {
    /// The lower-case English name, as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Ongoing => "ongoing",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for LifetimeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The lifetime of one actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// The first active day.
    pub first_day: Date,
    /// The last active day.
    pub last_day: Date,
    /// Days from the first to the last active day, 0 where they are one.
    pub tenure: u32,
    /// Whether it has ended.
    pub state: LifetimeState,
    /// Days for which it was followed: the tenure where it has ended, else what [`Censoring`] says; `None` where undecided.
    pub time: Option<u32>,
}

/// The answer of [`Activity::lifetimes`], and what [`Lifetimes::from_frame`] reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lifetimes(pub(super) Source);

/// Where lifetimes are from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Source {
    Activity(Seen),
    Columns(Given),
}

/// First and last active days, from which all else follows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredSeen")]
pub(super) struct Seen {
    pub(super) options: LifetimesOptions,
    pub(super) intake: Intake,
    pub(super) observed_from: Date,
    pub(super) as_of: Date,
    /// Actors who began before those that are asked for.
    pub(super) earlier: u64,
    pub(super) actors: Ids,
    pub(super) first: Vec<i32>,
    pub(super) last: Vec<i32>,
}

/// # Survival
impl Activity {
    /// How long each actor stayed: from the first active day to the last, and whether that is over.
    ///
    /// ```text
    /// tenure    last active day - first active day, in days; 0 for who was active on one day
    /// ended     as_of - last active day >= silence; the end is the last active day
    /// followed  ended: the tenure; else by Censoring, as a rule as_of - silence - first active day
    /// ```
    ///
    /// A lifetime that has not ended is censored: it is known to be longer than it was followed, and not how long. To take
    /// the tenures of everybody, or of the ended only, for lifetimes is the common mistake; both make them too short. Nor
    /// is it enough to tell the ended from the others: of the last `silence` days nobody's end is known, and to count these
    /// days as survived makes lifetimes too long. [`Censoring`] says what is done about it. Actors who began in these days
    /// are [`Undecided`](LifetimeState::Undecided), and in no table of events.
    ///
    /// Two things the log cannot tell. *Who was there before it began*: an actor's first active day is the first that was
    /// observed, so that a log that begins late shows people of long standing as new; see [`observed_from`](Lifetimes::observed_from)
    /// and leave them out with [`starting_from`](LifetimesOptions::starting_from), or, where their true start is known, give
    /// it as an entry to [`Lifetimes::from_frame`]. *Who will come back*: whoever returned by `as_of`, after however long a
    /// silence, has one lifetime with the silence in it, and some who have ended here will return; with a silence that few
    /// return from, that is a small error.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a silence of 0 or of more than 36525 days.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, EventColumns, LifetimeState, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // 2024-01-01 on: ann on days 0 and 40, bob on days 0 and 10, cyd on day 38.
    /// let mut events = df!("user" => ["ann", "bob", "bob", "cyd", "ann"], "day" => [0, 0, 10, 38, 40])?;
    /// events.apply("day", |day| (day + 19_723).cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let lifetimes = activity.lifetimes(30)?;
    /// let bob = lifetimes.of("bob").unwrap();                         // silent for 30 days
    /// assert_eq!((bob.state, bob.tenure, bob.time), (LifetimeState::Ended, 10, Some(10)));
    /// let ann = lifetimes.of("ann").unwrap();                         // alive 10 days after the start, 30 before the end
    /// assert_eq!((ann.state, ann.tenure, ann.time), (LifetimeState::Ongoing, 40, Some(10)));
    /// assert_eq!(lifetimes.of("cyd").unwrap().state, LifetimeState::Undecided);
    ///
    /// let table = lifetimes.event_table();
    /// let row = table.rows()[0];
    /// assert_eq!((row.time, row.at_risk, row.ended, row.censored), (10.0, 2, 1, 1));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// E. L. Kaplan and P. Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53, 457-481.
    /// M. J. van der Laan and A. E. Hubbard (1998), Biometrika 85, 771: the estimator is inconsistent where ends become known
    /// with a delay, as they do here.
    pub fn lifetimes(&self, options: impl Into<LifetimesOptions>) -> Result<Lifetimes> {
        let options = options.into();
        options.check()?;
        let from = options.starting_from.unwrap_or(self.observed_from()).days_since_epoch();
        let found = self.sweep(
            0,
            Vec::new,
            |found, actor, days| {
                if let (Some(&first), Some(&last)) = (days.first(), days.last())
                    && first >= from
                {
                    found.push((actor, (first, last)));
                }
            },
            |mut found, mut others| {
                found.append(&mut others);
                found
            },
        );
        let earlier = (self.actors() - found.len()) as u64;
        let (actors, days) = self.ids_with(found);
        let (first, last) = days.into_iter().unzip();
        let (observed_from, as_of, intake) = (self.observed_from(), self.as_of(), *self.intake());
        Ok(Lifetimes(Source::Activity(Seen { options, intake, observed_from, as_of, earlier, actors, first, last })))
    }
}

/// As of activities: what ingestion left out on the way makes no difference.
impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        let all = |seen: &Self| (seen.observed_from, seen.as_of, seen.earlier);
        self.options == other.options
            && all(self) == all(other)
            && self.actors == other.actors
            && (&self.first, &self.last) == (&other.first, &other.last)
    }
}

impl Seen {
    /// The last day of which it is known of everybody whether they had ended on it.
    fn decided_day(&self) -> Date {
        self.as_of - self.options.silence_days()
    }

    /// Whether a lifetime has ended, and for how many days it was followed.
    #[inline]
    fn followed(&self, first: i32, last: i32) -> (LifetimeState, Option<u32>) {
        let decided = self.decided_day().days_since_epoch();
        let (ended, until) = match self.options.censoring {
            _ if last <= decided => (true, last),
            Censoring::DecidedDay => (false, decided),
            Censoring::LastActivity => (false, last),
            Censoring::AsOf => (false, self.as_of.days_since_epoch()),
        };
        match u32::try_from(until.saturating_sub(first)) {
            Ok(time) if ended => (LifetimeState::Ended, Some(time)),
            Ok(time) => (LifetimeState::Ongoing, Some(time)),
            Err(_) => (LifetimeState::Undecided, None),
        }
    }

    fn days(&self) -> impl Iterator<Item = (i32, i32)> + Clone + '_ {
        self.first.iter().copied().zip(self.last.iter().copied())
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (LifetimeState, Option<u32>)> + Clone + '_ {
        self.days().map(|(first, last)| self.followed(first, last))
    }

    fn lifetime(&self, place: usize) -> Lifetime {
        let (first, last) = (self.first[place], self.last[place]);
        let (state, time) = self.followed(first, last);
        let tenure = last.abs_diff(first);
        Lifetime { first_day: Date::from_day(first), last_day: Date::from_day(last), tenure, state, time }
    }
}

impl Lifetimes {
    /// Those of actors in order, with their first and last days; of those who began too early nothing but their number.
    #[cfg(feature = "lazy")]
    pub(crate) fn of_days(
        options: LifetimesOptions,
        intake: Intake,
        (observed_from, as_of): (Date, Date),
        (actors, first, last): (Ids, Vec<i32>, Vec<i32>),
        earlier: u64,
    ) -> Self {
        Self(Source::Activity(Seen { options, intake, observed_from, as_of, earlier, actors, first, last }))
    }

    /// The options that were asked for; `None` where the lifetimes were read from columns.
    #[must_use]
    pub fn options(&self) -> Option<&LifetimesOptions> {
        self.seen().map(|seen| &seen.options)
    }

    /// What ingestion read, kept and left out of the log; `None` where the lifetimes were read from columns. It makes no
    /// difference to whether two are equal.
    #[must_use]
    pub fn intake(&self) -> Option<&Intake> {
        self.seen().map(|seen| &seen.intake)
    }

    /// The first day of observation; `None` where the lifetimes were read from columns. Actors first seen soon after it may
    /// have been there before.
    #[must_use]
    pub fn observed_from(&self) -> Option<Date> {
        self.seen().map(|seen| seen.observed_from)
    }

    /// The last day of observation; `None` where the lifetimes were read from columns.
    #[must_use]
    pub fn as_of(&self) -> Option<Date> {
        self.seen().map(|seen| seen.as_of)
    }

    /// Actors left out because they were active before [`starting_from`](LifetimesOptions::starting_from).
    #[must_use]
    pub fn earlier(&self) -> u64 {
        self.seen().map_or(0, |seen| seen.earlier)
    }

    /// Rows of a frame left out because the duration or the flag was null.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        match &self.0 {
            Source::Activity(_) => 0,
            Source::Columns(given) => given.incomplete,
        }
    }

    /// How many there are, the undecided among them.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::Activity(seen) => seen.first.len(),
            Source::Columns(given) => given.time.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many are in a state. All states add up to [`len`](Self::len).
    #[must_use]
    pub fn count(&self, state: LifetimeState) -> u64 {
        self.states().filter(|&other| other == state).count() as u64
    }

    /// The lifetime of an actor; `None` if the actor is not among those asked for, or if there are no actors because the
    /// lifetimes were read from columns.
    #[must_use]
    pub fn of<'a>(&self, actor: impl Into<Id<'a>>) -> Option<Lifetime> {
        let seen = self.seen()?;
        seen.actors.position(actor.into()).map(|place| seen.lifetime(place))
    }

    /// How many were at risk, ended and were censored at each time, in one pass over the lifetimes.
    #[must_use]
    pub fn event_table(&self) -> EventTable {
        match &self.0 {
            Source::Activity(seen) => {
                let followed = seen.each().filter_map(|(state, time)| Some((time?, state == LifetimeState::Ended)));
                EventTable::of_days(followed)
            }
            Source::Columns(given) => EventTable::of_times(given.entry.as_deref(), &given.time, &given.ended),
        }
    }

    fn seen(&self) -> Option<&Seen> {
        match &self.0 {
            Source::Activity(seen) => Some(seen),
            Source::Columns(_) => None,
        }
    }

    fn states(&self) -> impl Iterator<Item = LifetimeState> + '_ {
        let (seen, given) = match &self.0 {
            Source::Activity(seen) => (Some(seen), None),
            Source::Columns(given) => (None, Some(given)),
        };
        let of_column = |&ended: &bool| if ended { LifetimeState::Ended } else { LifetimeState::Ongoing };
        let of_columns = given.into_iter().flat_map(move |given| given.ended.iter().map(of_column));
        seen.into_iter().flat_map(|seen| seen.each().map(|(state, _)| state)).chain(of_columns)
    }

    /// The lifetimes as a frame, one row each: ordered by actor, or as they were read from columns.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `actor` | of the log's integer column, or String | the user, or the account after [`by_account`](Activity::by_account). Only of an activity |
    /// | `first_day`, `last_day` | Date | first and last active day. Only of an activity |
    /// | `tenure` | UInt32 | days between these two. Only of an activity |
    /// | `entry` | Float64 | age at which it came under observation; null where from the start. Only where it was mapped |
    /// | `time` | Float64 | for how long it was followed, in days or in the unit of the column; null where undecided |
    /// | `state` | String | `ended`, `ongoing` or `undecided` |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let mut columns = Vec::new();
        match &self.0 {
            Source::Activity(seen) => {
                let dates = |days: &[i32]| days.iter().map(|&day| Some(Date::from_day(day))).collect::<Vec<_>>();
                columns.push(write::all_ids("actor", &seen.actors)?);
                columns.push(write::dates("first_day", dates(&seen.first).into_iter())?);
                columns.push(write::dates("last_day", dates(&seen.last).into_iter())?);
                let tenure = seen.days().map(|(first, last)| last.abs_diff(first));
                columns.push(write::column("tenure", tenure.collect::<Vec<_>>()));
                let time = seen.each().map(|(_, time)| time.map(f64::from));
                columns.push(write::column("time", time.collect::<Vec<_>>()));
            }
            Source::Columns(given) => {
                columns.extend(given.entry.as_ref().map(|entry| write::column("entry", entry)));
                columns.push(write::column("time", &given.time));
            }
        }
        columns.push(write::column("state", self.states().map(LifetimeState::name).collect::<Vec<_>>()));
        write::frame(columns)
    }
}

impl fmt::Display for Lifetimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lifetimes: {}", self.len())?;
        if let Some(seen) = self.seen() {
            write!(f, " actors, seen from {} to {}", seen.observed_from, seen.as_of)?;
            write!(f, "\n  ended after {} days of silence, known up to {}", seen.options.silence, seen.decided_day())?;
        }
        let all = self.len() as u64;
        for state in [LifetimeState::Ended, LifetimeState::Ongoing, LifetimeState::Undecided] {
            let count = self.count(state);
            write!(f, "\n  {state:<9} {count:>12} {:>6} %", percent(ratio(count, all)))?;
        }
        for (count, what) in [(self.earlier(), "actors began earlier"), (self.incomplete(), "rows had a null")] {
            if count > 0 {
                write!(f, "\n  {count} {what} and are left out")?;
            }
        }
        Ok(())
    }
}
