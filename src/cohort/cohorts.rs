//! Who belongs to which cohort, and since when.

use std::fmt;
use std::ops::Range;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::activity::sweep::Actor;
use crate::activity::{Activity, Rows};
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::ids::Ids;
use crate::frame::times::Times;
use crate::frame::{read, write};

/// An actor met on a sweep, with the days of entry and the numbers of their labels.
type Entered = (Actor, Vec<(i32, Option<u32>)>);

/// How people enter a cohort by what they do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry {
    /// With their first active day in the whole history.
    FirstActivity,
    /// With the first day on which they used this feature; nobody enters with one that nobody used.
    FirstUse(String),
    /// With the first day whose values sum to more than 0, by more than rounding can leave.
    FirstPaid,
    /// With every active day: one entry in each period in which they were active. "Recurring" at PostHog, Mixpanel's
    /// "compounded".
    EveryActivity,
    /// With every day on which they used this feature: one entry in each period in which they did.
    EveryUse(String),
    /// With their first active day, told apart by a behaviour: whether they were active on so many of the first
    /// `within` days, the first one included. The labels are "active on 2 or more of the first 7 days" and "active on
    /// fewer of the first 7 days", with the numbers asked for. People whose first days are not over at
    /// [`as_of`](Activity::as_of) are left out. Both groups start on the first day, and those who did were active then
    /// by definition: compare them only at ages after the first `within` days.
    ActiveDays {
        /// Active days it takes.
        at_least: u32,
        /// Of so many days from the first one on.
        within: u32,
    },
}

/// The columns of a frame of cohorts: one row says that an actor entered.
///
/// With a start, every row is an entry on that day. Without one, the actor enters with its first activity. With a label,
/// the cohorts are the labels; without, they are the periods of the starts.
///
/// | role | type of the column |
/// | --- | --- |
/// | actor | as the activity's actors: an integer for integers; a string, categorical or enum for text |
/// | start | `Date` (a local day already), or `Datetime` in ms, us or ns: an instant, UTC where it names no zone |
/// | label | string, categorical, enum, integer or boolean; a null is a label of its own |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortColumns {
    actor: String,
    start: Option<String>,
    label: Option<String>,
}

impl CohortColumns {
    /// The column with the actor.
    #[must_use]
    pub fn new(actor: impl Into<String>) -> Self {
        Self { actor: actor.into(), start: None, label: None }
    }

    /// The column with the day of entry: of sign-up, say.
    #[must_use]
    pub fn start(mut self, column: impl Into<String>) -> Self {
        self.start = Some(column.into());
        self
    }

    /// The column with the cohort: the plan, the campaign.
    #[must_use]
    pub fn label(mut self, column: impl Into<String>) -> Self {
        self.label = Some(column.into());
        self
    }
}

/// Who belongs to which cohort, and since when: one entry or several an actor.
///
/// It stands by itself: entries read from one activity can be asked of another, so that the event that starts and the
/// event that returns may differ.
///
/// # Example
///
/// ```
/// use attrition::{Activity, Calendar, CohortColumns, Cohorts, EventColumns, Period, date};
/// use attrition::polars::prelude::*;
///
/// // Three signed up in January; dee never did anything, and ann was already there before.
/// let mut signups = df!("user" => ["ann", "bob", "dee"], "signed_up" => [19_724, 19_725, 19_726])?;
/// signups.apply("signed_up", |day| day.cast(&DataType::Date).unwrap())?;
/// let mut events = df!("user" => ["ann", "ann", "bob", "ann"], "day" => [19_723, 19_724, 19_756, 19_790])?;
/// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
/// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
///
/// let cohorts = Cohorts::from_frame(&signups, &CohortColumns::new("user").start("signed_up"))?;
/// let triangle = activity.retention_of(&cohorts, Period::Month)?;
/// let rates = [0, 1].map(|age| triangle.cell(date(2024, 1, 1), age).unwrap().rate);
/// assert_eq!(rates, [Some(1.0 / 3.0), Some(1.0 / 3.0)]);
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cohorts {
    actors: Ids,
    /// Per actor the first entry, and one more for the end.
    first_entry: Vec<usize>,
    /// Per entry the start; `None` where actors enter with their first activity.
    starts: Option<Times>,
    /// Per entry the number of the label; `None` where cohorts are periods.
    labels: Option<Vec<Option<u32>>>,
    /// The labels in alphabetical order.
    names: Vec<String>,
    /// Whether there is a cohort of entries without a label.
    unlabelled: bool,
    intake: CohortIntake,
}

/// What was read of a frame of cohorts, or of an activity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CohortIntake {
    /// Entries, before those of one actor in one cohort are taken as one.
    pub entries: u64,
    /// Distinct actors among them.
    pub actors: u64,
    /// Rows left out because they name no actor.
    pub without_actor: u64,
    /// Rows left out because they have no start.
    pub without_start: u64,
    /// Actors left out because it is not known yet how they behaved.
    pub undecided: u64,
}

impl Cohorts {
    /// Reads a frame of entries. The order of its rows makes no difference.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if neither a start nor a label is mapped; [`Error::MissingColumn`],
    /// [`Error::UnsupportedType`]; [`Error::InvalidValue`] for a start outside the years 1 to 9999.
    pub fn from_frame(frame: &DataFrame, columns: &CohortColumns) -> Result<Self> {
        if columns.start.is_none() && columns.label.is_none() {
            let reason = "name the column of the start, that of the label, or both";
            return Err(Error::InvalidOption { option: "columns", value: columns.actor.clone(), reason });
        }
        let id_type = read::id_type(frame.schema(), &columns.actor, "actor")?;
        let times = columns.start.as_ref().map(|start| Times::read(frame, start, "start")).transpose()?;
        let (names, labels) = match &columns.label {
            Some(label) => {
                let (names, labels) = read::names(frame, label, "label")?;
                (names, Some(labels))
            }
            None => (Vec::new(), None),
        };
        let (actors, places) = read::distinct_ids(frame, &columns.actor, id_type)?;
        let without_start = |row: usize| times.as_ref().is_some_and(|times| times.values()[row].is_none());
        let mut intake = CohortIntake::default();
        let mut rows: Vec<(u32, usize)> = Vec::with_capacity(places.len());
        for (row, place) in places.iter().enumerate() {
            match place {
                None => intake.without_actor += 1,
                Some(_) if without_start(row) => intake.without_start += 1,
                Some(place) => rows.push((*place, row)),
            }
        }
        rows.sort_unstable();
        let mut entered = Ids::new(actors.id_type());
        let mut first_entry = vec![0];
        for same in rows.chunk_by(|left, right| left.0 == right.0) {
            entered.push_from(&actors, same[0].0 as usize);
            first_entry.push(first_entry[first_entry.len() - 1] + same.len());
        }
        (intake.entries, intake.actors) = (rows.len() as u64, entered.len() as u64);
        let starts = times.map(|times| times.with_values(rows.iter().map(|&(_, row)| times.values()[row]).collect()));
        let labels = labels.map(|labels| rows.iter().map(|&(_, row)| labels[row]).collect::<Vec<_>>());
        let unlabelled = labels.as_ref().is_some_and(|labels| labels.contains(&None));
        Ok(Self { actors: entered, first_entry, starts, labels, names, unlabelled, intake })
    }

    /// What was read and what was left out.
    #[must_use]
    pub fn intake(&self) -> &CohortIntake {
        &self.intake
    }

    /// The labels in alphabetical order; empty where cohorts are the periods of the starts.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.names
    }

    /// The entries as a frame, one row each: ordered by actor, those of one actor as they were read.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `actor` | of the integer type of its column, or String | who |
    /// | `start` | Date | the day of entry in the calendar. Not there where actors enter with their first activity |
    /// | `label` | String | the cohort; null where it was null. Only where there are labels |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self, calendar: &Calendar) -> Result<DataFrame> {
        let actors = (0_u32..).zip(self.first_entry.windows(2));
        let actors = actors.flat_map(|(actor, ends)| std::iter::repeat_n(Some(actor), ends[1] - ends[0]));
        let mut columns = vec![write::gathered_ids("actor", &self.actors, actors)?];
        if let Some(starts) = &self.starts {
            let days = starts.days(calendar);
            columns.push(write::dates("start", days.into_iter().map(|day| day.map(Date::from_day)))?);
        }
        if let Some(labels) = &self.labels {
            let label = |label: &Option<u32>| label.map(|label| self.names[label as usize].as_str());
            columns.push(write::column("label", labels.iter().map(label).collect::<Vec<_>>()));
        }
        write::frame(columns)
    }

    pub(super) fn actors(&self) -> &Ids {
        &self.actors
    }

    /// The entries of every actor in turn, as stretches of the columns below.
    pub(super) fn entries(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.first_entry.windows(2).map(|ends| ends[0]..ends[1])
    }

    /// Whether actors enter with their first activity.
    pub(super) fn by_first_activity(&self) -> bool {
        self.starts.is_none()
    }

    pub(super) fn start_days(&self, calendar: &Calendar) -> Option<Vec<Option<i32>>> {
        self.starts.as_ref().map(|starts| starts.days(calendar))
    }

    /// How many cohorts there are, that of entries without a label too; `None` where cohorts are periods.
    pub(super) fn label_count(&self) -> Option<usize> {
        self.labels.as_ref().map(|_| self.names.len() + usize::from(self.unlabelled))
    }

    pub(super) fn label_of(&self) -> Option<&[Option<u32>]> {
        self.labels.as_deref()
    }

    /// The entries of some actors, in order, by their places. The cohorts stay those of the whole, as rows without members.
    pub(super) fn of_actors(&self, places: &[usize]) -> Self {
        let mut actors = Ids::new(self.actors.id_type());
        let (mut first_entry, mut entries) = (vec![0], Vec::new());
        for &place in places {
            actors.push_from(&self.actors, place);
            entries.extend(self.first_entry[place]..self.first_entry[place + 1]);
            first_entry.push(entries.len());
        }
        let start = |starts: &Times| starts.with_values(entries.iter().map(|&entry| starts.values()[entry]).collect());
        let starts = self.starts.as_ref().map(start);
        let labels = self.labels.as_ref().map(|labels| entries.iter().map(|&entry| labels[entry]).collect());
        let intake = CohortIntake { entries: entries.len() as u64, actors: actors.len() as u64, ..self.intake };
        Self { actors, first_entry, starts, labels, names: self.names.clone(), unlabelled: self.unlabelled, intake }
    }

    /// Entries on days that were read from an activity.
    fn of_days(activity: &Activity, found: Vec<Entered>, names: Vec<String>, undecided: u64) -> Self {
        let (actors, entries) = activity.ids_with(found);
        let mut first_entry = vec![0];
        let (mut starts, mut labels) = (Vec::new(), Vec::new());
        for entries in entries {
            starts.extend(entries.iter().map(|&(day, _)| Some(i64::from(day))));
            if !names.is_empty() {
                labels.extend(entries.iter().map(|&(_, label)| label));
            }
            first_entry.push(starts.len());
        }
        let intake = CohortIntake {
            entries: starts.len() as u64,
            actors: actors.len() as u64,
            undecided,
            ..CohortIntake::default()
        };
        let labels = (!names.is_empty()).then_some(labels);
        Self { actors, first_entry, starts: Some(Times::of_days(starts)), labels, names, unlabelled: false, intake }
    }
}

/// # Cohorts
impl Activity {
    /// Who enters a cohort by what they do, and when; to be asked with [`retention_of`](Self::retention_of), of this
    /// activity or of another.
    ///
    /// ```text
    /// activity.retention_of(&activity.cohorts(Entry::FirstUse("report".into()))?, Period::Week)?
    /// purchases.retention_of(&signups.cohorts(Entry::FirstActivity)?, Period::Week)?
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotMapped`] for a feature or a payment where features or values are not mapped; [`Error::InvalidOption`]
    /// for a behaviour of 0 days or of more days than they are counted in.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Entry, EventColumns, Period};
    /// use attrition::polars::prelude::*;
    ///
    /// // ann comes on three of her first seven days, bob on one, and cyd's first week is not over.
    /// let mut events = df!("user" => ["ann", "ann", "ann", "bob", "cyd"], "day" => [0, 2, 5, 0, 9])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let keen = activity.cohorts(Entry::ActiveDays { at_least: 3, within: 7 })?;
    /// assert_eq!((keen.intake().actors, keen.intake().undecided), (2, 1));
    /// let triangle = activity.retention_of(&keen, Period::Day)?;
    /// assert_eq!(triangle.cell("active on 3 or more of the first 7 days", 2).unwrap().rate, Some(1.0));
    /// let every = activity.cohorts(Entry::EveryActivity)?;
    /// assert_eq!(every.intake().entries, 5);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// PostHog, "Retention": first time and recurring; Mixpanel, "Retention": birth event; Amplitude, "Behavioral cohorts".
    pub fn cohorts(&self, entry: Entry) -> Result<Cohorts> {
        let found = match entry {
            Entry::FirstActivity => self.entered(|days| days.first().map(|&day| vec![(day, None)])),
            Entry::EveryActivity => self.entered(|days| Some(distinct(days).map(|day| (day, None)).collect())),
            Entry::FirstUse(name) => self.entered_by_feature(&name, true)?,
            Entry::EveryUse(name) => self.entered_by_feature(&name, false)?,
            Entry::FirstPaid => self.entered_by_paying()?,
            Entry::ActiveDays { at_least, within } => return self.told_apart(at_least, within),
        };
        Ok(Cohorts::of_days(self, found, Vec::new(), 0))
    }

    /// Everybody by whether they were active on so many of the first days.
    fn told_apart(&self, at_least: u32, within: u32) -> Result<Cohorts> {
        if !(1..=within).contains(&at_least) {
            let reason = "it takes at least 1 active day, and no more than the days they are counted in";
            let value = format!("{at_least} within {within}");
            return Err(Error::InvalidOption { option: "at_least", value, reason });
        }
        let last = self.as_of().days_since_epoch();
        let found = self.entered(|days| {
            let &first = days.first()?;
            let decided = i64::from(first) + i64::from(within) - 1 <= i64::from(last);
            let active = distinct(days).take_while(|day| day.abs_diff(first) < within).count();
            decided.then(|| vec![(first, Some(u32::from(active < at_least as usize)))])
        });
        let names = vec![
            format!("active on {at_least} or more of the first {within} days"),
            format!("active on fewer of the first {within} days"),
        ];
        let undecided = (self.actors() - found.len()) as u64;
        Ok(Cohorts::of_days(self, found, names, undecided))
    }

    fn entered_by_paying(&self) -> Result<Vec<Entered>> {
        if self.value().is_none() {
            return Err(Error::NotMapped { column: "value" });
        }
        let noise = self.rounding_of_values();
        let visit = |found: &mut Vec<Entered>, actor, rows: &Rows, mut stretch: Range<usize>| {
            let paid = |row: &usize| rows.value.as_ref().is_some_and(|value| value[*row] > noise);
            found.extend(stretch.find(paid).map(|row| (actor, vec![(rows.day[row], None)])));
        };
        Ok(self.sweep_rows(0, Vec::new, visit, joined))
    }

    fn entered(&self, entries: impl Fn(&[i32]) -> Option<Vec<(i32, Option<u32>)>> + Sync) -> Vec<Entered> {
        let visit =
            |found: &mut Vec<Entered>, actor, days: &[i32]| found.extend(entries(days).map(|entries| (actor, entries)));
        self.sweep(0, Vec::new, visit, joined)
    }

    fn entered_by_feature(&self, name: &str, only_first: bool) -> Result<Vec<Entered>> {
        let Some(feature) = self.feature_number(name)? else { return Ok(Vec::new()) };
        let visit = |found: &mut Vec<Entered>, actor, rows: &Rows, stretch: Range<usize>| {
            let Some(sets) = &rows.features else { return };
            let used = stretch.filter(|&row| sets.contains(row, feature)).map(|row| (rows.day[row], None));
            let entries: Vec<_> = used.take(if only_first { 1 } else { usize::MAX }).collect();
            if !entries.is_empty() {
                found.push((actor, entries));
            }
        };
        Ok(self.sweep_rows(0, Vec::new, visit, joined))
    }

    /// The number of a feature by its name; `None` if nobody used it.
    pub(crate) fn feature_number(&self, name: &str) -> Result<Option<u32>> {
        self.check_features()?;
        let place = self.features().binary_search_by(|other| other.as_str().cmp(name));
        Ok(place.ok().and_then(|place| u32::try_from(place).ok()))
    }
}

/// Each of an actor's days once.
fn distinct(days: &[i32]) -> impl Iterator<Item = i32> + '_ {
    days.chunk_by(|day, next| day == next).map(|same| same[0])
}

fn joined<T>(mut found: Vec<T>, mut others: Vec<T>) -> Vec<T> {
    found.append(&mut others);
    found
}

impl fmt::Display for Cohorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CohortIntake { entries, actors, without_actor, without_start, undecided } = self.intake;
        write!(f, "{actors} actors with {entries} entries")?;
        if !self.names.is_empty() {
            write!(f, " under {} labels", self.names.len())?;
        }
        let left_out = [
            (without_actor, "rows without actor"),
            (without_start, "rows without start"),
            (undecided, "actors undecided"),
        ];
        left_out.into_iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, "; {count} {what}"))
    }
}
