//! Lifetimes that end for one of several causes.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::columns::LifetimeColumns;
use super::given::Given;
use super::lifetimes::{LifetimeState, Lifetimes, Source};
use crate::activity::{SegmentColumns, divide};
use crate::error::{Error, Result};
use crate::frame::ids::Ids;
use crate::frame::read;

/// What is called the cause of an end of which none is told.
pub(super) const NOT_TOLD: &str = "not told";

/// More causes, groups or strata are refused.
pub(super) const MOST_NAMES: usize = 1_000;

/// Which columns of a frame hold lifetimes and what ended them, for [`CompetingRisks::from_frame`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompetingRiskColumns {
    lifetimes: LifetimeColumns,
    group: Option<String>,
    stratum: Option<String>,
}

impl CompetingRiskColumns {
    /// The time for which each was followed, a number of any unit, and the cause that ended it: text, or an integer.
    /// Where it is null, or the integer 0, the lifetime had not ended then.
    #[must_use]
    pub fn new(duration: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { lifetimes: LifetimeColumns::new(duration, cause), group: None, stratum: None }
    }

    /// The age at which each came under observation, as [`LifetimeColumns::entry`] has it. By default everybody was
    /// watched from the start.
    #[must_use]
    pub fn entry(mut self, column: impl Into<String>) -> Self {
        self.lifetimes = self.lifetimes.entry(column);
        self
    }

    /// The groups of which each gets curves of its own, and which are compared. By default all are one.
    #[must_use]
    pub fn group(mut self, column: impl Into<String>) -> Self {
        self.group = Some(column.into());
        self
    }

    /// What groups are compared within, such as the plan or the year of the start: it enters the test and no curve. By
    /// default all are compared with all.
    #[must_use]
    pub fn stratum(mut self, column: impl Into<String>) -> Self {
        self.stratum = Some(column.into());
        self
    }
}

/// Which columns of a frame say of actors what ended their lifetime, for [`Lifetimes::by_cause`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseColumns {
    actor: String,
    cause: String,
    group: Option<String>,
}

impl CauseColumns {
    /// The column with the actor and the column with the cause.
    #[must_use]
    pub fn new(actor: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { actor: actor.into(), cause: cause.into(), group: None }
    }

    /// The groups of which each gets curves of its own. By default all are one.
    #[must_use]
    pub fn group(mut self, column: impl Into<String>) -> Self {
        self.group = Some(column.into());
        self
    }
}

/// Lifetimes of which each has ended for one of several causes, or goes on.
///
/// Whoever leaves for the price can no longer leave for the support: causes compete. To treat the ends by other causes as
/// censored and draw `1 - S(t)` of Kaplan-Meier for each cause is the common mistake. It answers how many would leave for
/// the price if nobody ever left for anything else, comes out too high, and over all causes adds up to more than leave.
/// [`cumulative_incidence`](Self::cumulative_incidence) is the share that does leave for a cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredCompetingRisks")]
pub struct CompetingRisks {
    pub(super) causes: Vec<String>,
    pub(super) groups: Vec<Option<String>>,
    pub(super) strata: u32,
    pub(super) incomplete: u64,
    pub(super) entry: Option<Vec<Option<f64>>>,
    pub(super) time: Vec<f64>,
    /// 0 where it has not ended, else the place of the cause, counted from 1.
    pub(super) cause: Vec<u32>,
    pub(super) group: Vec<u32>,
    pub(super) stratum: Vec<u32>,
}

/// Lifetimes by cause as plain columns of one length.
#[derive(Debug)]
pub(crate) struct Caused {
    pub(crate) causes: Vec<String>,
    pub(crate) groups: Vec<Option<String>>,
    /// Before the time of the end; `None` where all were watched from the start.
    pub(crate) entry: Option<Vec<Option<f64>>>,
    pub(crate) time: Vec<f64>,
    /// 0 where it has not ended, else the place of the cause, counted from 1.
    pub(crate) cause: Vec<u32>,
    pub(crate) group: Vec<u32>,
}

impl CompetingRisks {
    /// Lifetimes and the causes of their ends, from a frame with one row each: customers with the reason for which they
    /// cancelled, null for those who are still here.
    ///
    /// Rows in which the duration is null are left out and counted by [`incomplete`](Self::incomplete). Causes and groups
    /// are in alphabetical order, integers in ascending order; rows without a group are one of their own, the last.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`]; [`Error::InvalidValue`] as [`Lifetimes::from_frame`] has it;
    /// [`Error::TooLarge`] for more than 1000 causes, groups or strata.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{CompetingRiskColumns, CompetingRisks};
    /// use attrition::polars::prelude::*;
    ///
    /// let customers = df!("months" => [1, 2, 2, 4], "reason" => [Some("price"), Some("support"), None, Some("price")])?;
    /// let risks = CompetingRisks::from_frame(&customers, &CompetingRiskColumns::new("months", "reason"))?;
    /// assert_eq!((risks.causes(), risks.ended(), risks.len()), (&["price".to_owned(), "support".to_owned()][..], 3, 4));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn from_frame(frame: &DataFrame, columns: &CompetingRiskColumns) -> Result<Self> {
        let (mut causes, mut cause_of) = read::names(frame, columns.lifetimes.ended(), "cause")?;
        if read::dtype(frame.schema(), columns.lifetimes.ended())?.is_integer() {
            (causes, cause_of) = by_number(causes, cause_of);
        }
        let flags = cause_of.iter().map(|cause| Some(cause.is_some())).collect();
        let (given, kept) = Given::read(frame, &columns.lifetimes, flags)?;
        let named = |column: &Option<String>, role| -> Result<(Vec<Option<String>>, Vec<u32>)> {
            let Some(column) = column else { return Ok((vec![None], vec![0; kept.len()])) };
            let (names, places) = read::names(frame, column, role)?;
            Ok(with_nameless(names, kept.iter().map(|&row| places[row])))
        };
        let (groups, group) = named(&columns.group, "group")?;
        let (strata, stratum) = named(&columns.stratum, "stratum")?;
        let cause = kept.iter().map(|&row| cause_of[row].map_or(0, |place| place + 1)).collect();
        for (what, count) in [("causes", causes.len()), ("groups", groups.len()), ("strata", strata.len())] {
            few(what, count)?;
        }
        let Given { incomplete, entry, time, .. } = given;
        #[expect(clippy::cast_possible_truncation, reason = "a thousand at most")]
        let strata = strata.len() as u32;
        Ok(Self { causes, groups, strata, incomplete, entry, time, cause, group, stratum })
    }

    /// From columns that are known to be in order.
    pub(crate) fn of(Caused { causes, groups, entry, time, cause, group }: Caused) -> Result<Self> {
        few("causes", causes.len())?;
        few("groups", groups.len())?;
        let stratum = vec![0; time.len()];
        Ok(Self { causes, groups, strata: 1, incomplete: 0, entry, time, cause, group, stratum })
    }

    /// The causes, in order.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The groups, in order: one without a name where all are one, and for those without a group.
    #[must_use]
    pub fn groups(&self) -> &[Option<String>] {
        &self.groups
    }

    /// How many lifetimes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// How many of them have ended, for whatever cause.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.cause.iter().filter(|&&cause| cause > 0).count() as u64
    }

    /// Whether some come under observation later than at their start.
    pub(crate) fn enters_late(&self) -> bool {
        self.entry.iter().flatten().any(Option::is_some)
    }

    /// Rows of a frame left out because the duration was null, and lifetimes left out as undecided.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        self.incomplete
    }
}

impl fmt::Display for CompetingRisks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, ended) = (self.len() as u64, self.ended());
        let (causes, groups) = (self.causes.len(), self.groups.len());
        write!(f, "{all} lifetimes, {ended} ended by {causes} causes, {} censored; {groups} groups", all - ended)
    }
}

impl Lifetimes {
    /// The lifetimes of an activity with the causes for which they ended, which a frame tells by actor.
    ///
    /// Only ends have a cause: what the frame says of actors who are still here is not asked. An end of which it tells none
    /// has the cause `not told`, the last, for to take it for censored would say that the actor stayed on. Undecided lifetimes are
    /// left out and counted by [`incomplete`](CompetingRisks::incomplete).
    ///
    /// # Errors
    ///
    /// As [`Activity::split_by`](crate::Activity::split_by), whose kind of frame it is; [`Error::Incompatible`] for
    /// lifetimes that were read from columns, which know no actors: [`CompetingRisks::from_frame`] reads these at once;
    /// [`Error::TooLarge`] for more than 1000 causes or groups.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, CauseColumns, EventColumns};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("user" => ["ann", "bob", "cyd", "ann"], "day" => [0, 0, 2, 40])?;
    /// events.apply("day", |day| (day + 19_723).cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    /// let reasons = df!("who" => ["bob"], "reason" => ["price"])?;
    /// let risks = activity.lifetimes(30)?.by_cause(&reasons, &CauseColumns::new("who", "reason"))?;
    /// assert_eq!(risks.causes(), ["price", "not told"]);               // cyd left too, and nobody knows why
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn by_cause(&self, frame: &DataFrame, columns: &CauseColumns) -> Result<CompetingRisks> {
        let Source::Activity(seen) = &self.0 else {
            return Err(Error::Incompatible {
                what: "lifetimes and causes",
                left: "lifetimes read from columns".to_owned(),
                right: "causes by actor".to_owned(),
                way_out: "read both at once with CompetingRisks::from_frame",
            });
        };
        let (mut causes, cause_of) = told(&seen.actors, frame, &columns.actor, &columns.cause)?;
        let (groups, group_of) = match &columns.group {
            Some(group) => {
                let (names, places) = told(&seen.actors, frame, &columns.actor, group)?;
                with_nameless(names, places.into_iter())
            }
            None => (vec![None], vec![0; seen.actors.len()]),
        };
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer causes than actors, which are u32")]
        let not_told = causes.iter().position(|cause| cause == NOT_TOLD).unwrap_or(causes.len()) as u32 + 1;
        let mut caused =
            Caused { causes: Vec::new(), groups, entry: None, time: Vec::new(), cause: Vec::new(), group: Vec::new() };
        let mut undecided = 0;
        for (actor, (state, time)) in seen.each().enumerate() {
            let Some(time) = time else {
                undecided += 1;
                continue;
            };
            let ended = cause_of[actor].map_or(not_told, |cause| cause + 1);
            caused.time.push(f64::from(time));
            caused.cause.push(if state == LifetimeState::Ended { ended } else { 0 });
            caused.group.push(group_of[actor]);
        }
        if caused.cause.iter().any(|&cause| cause as usize > causes.len()) {
            causes.push(NOT_TOLD.to_owned());
        }
        caused.causes = causes;
        Ok(CompetingRisks { incomplete: undecided, ..CompetingRisks::of(caused)? })
    }
}

/// What a frame tells of actors: the names in alphabetical order, and for each actor the place of its own.
fn told(actors: &Ids, frame: &DataFrame, actor: &str, column: &str) -> Result<(Vec<String>, Vec<Option<u32>>)> {
    let (mut names, mut place_of) = (Vec::new(), vec![None; actors.len()]);
    for (name, places) in divide(actors, frame, &SegmentColumns::new(actor, column))? {
        let Some(name) = name else { continue };
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer names than actors, which are u32")]
        let number = names.len() as u32;
        places.into_iter().for_each(|place| place_of[place] = Some(number));
        names.push(name);
    }
    Ok((names, place_of))
}

/// Names with one more, the last, for whoever has none, if anybody.
fn with_nameless(
    names: Vec<String>,
    places: impl ExactSizeIterator<Item = Option<u32>>,
) -> (Vec<Option<String>>, Vec<u32>) {
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer names than rows, which are u32")]
    let nameless = names.len() as u32;
    let places: Vec<u32> = places.map(|place| place.unwrap_or(nameless)).collect();
    let last = (names.is_empty() || places.contains(&nameless)).then_some(None);
    (names.into_iter().map(Some).chain(last).collect(), places)
}

/// Causes that are integers in ascending order, without the 0 that stands for none.
fn by_number(names: Vec<String>, places: Vec<Option<u32>>) -> (Vec<String>, Vec<Option<u32>>) {
    let number = |name: &str| name.parse::<i128>().unwrap_or_default();
    let mut order: Vec<u32> = (0..).take(names.len()).filter(|&place| number(&names[place as usize]) != 0).collect();
    order.sort_by_key(|&place| number(&names[place as usize]));
    let mut now_at = vec![None; names.len()];
    (0..).zip(&order).for_each(|(new, &old)| now_at[old as usize] = Some(new));
    let names = order.iter().map(|&place| names[place as usize].clone()).collect();
    (names, places.into_iter().map(|place| now_at[place? as usize]).collect())
}

fn few(what: &'static str, count: usize) -> Result<()> {
    let (count, limit) = (count as u64, MOST_NAMES as u64);
    let way_out = "put the rare ones together under one name";
    if count > limit { Err(Error::TooLarge { what, count, limit, way_out }) } else { Ok(()) }
}
