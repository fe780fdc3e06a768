//! Who stands behind a number.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::cohorts::Cohorts;
use super::kernel::{Entries, Question};
use super::key::CohortKey;
use super::retention::Retention;
use super::tally::Membership;
use crate::activity::Activity;
use crate::activity::sweep::Actor;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, Ids};
use crate::frame::write;

/// Actors in ascending order of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members(Ids);

impl Members {
    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an actor is among them.
    #[must_use]
    pub fn contains<'a>(&self, actor: impl Into<Id<'a>>) -> bool {
        self.0.position(actor.into()).is_some()
    }

    /// The actors.
    pub fn iter(&self) -> impl Iterator<Item = Id<'_>> {
        self.0.iter()
    }

    /// The actors as a frame of one column, `actor`, ascending and without nulls: of the integer type of the log's
    /// column, or String.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        write::frame(vec![write::all_ids("actor", &self.0)?])
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        write!(f, "{} actors", self.len())?;
        for (place, id) in self.iter().take(SHOWN).enumerate() {
            write!(f, "{}{id}", if place == 0 { ": " } else { ", " })?;
        }
        if self.len() > SHOWN { f.write_str(", ...") } else { Ok(()) }
    }
}

impl Retention {
    /// The members of a cell of [`Activity::retention`]: those of the cohort who are retained at `age`, as many as the
    /// cell's [`so_far`](crate::RetentionCell::so_far). At age 0 they are the cohort, unless the options ask for more than
    /// any event.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if the triangle has no such cell; [`Error::Incompatible`] if `activity` has another
    /// number of them, another size of the cohort or another `as_of`, and so cannot be the one the triangle was made
    /// from.
    pub fn members<'a>(&self, activity: &Activity, cohort: impl Into<CohortKey<'a>>, age: u32) -> Result<Members> {
        self.found(activity, None, cohort.into(), age)
    }

    /// The members of a cell of [`Activity::retention_of`], asked with the table of cohorts that the triangle was made
    /// from.
    ///
    /// # Errors
    ///
    /// As [`members`](Self::members).
    pub fn members_of<'a>(
        &self,
        activity: &Activity,
        cohorts: &Cohorts,
        cohort: impl Into<CohortKey<'a>>,
        age: u32,
    ) -> Result<Members> {
        self.found(activity, Some(cohorts), cohort.into(), age)
    }

    fn found(
        &self,
        activity: &Activity,
        cohorts: Option<&Cohorts>,
        cohort: CohortKey<'_>,
        age: u32,
    ) -> Result<Members> {
        let counted = self.cell(cohort, age).and_then(|cell| cell.so_far);
        let Some((row, counted)) = self.row(cohort).zip(counted) else {
            let reason = "the triangle has no such cell; see cohorts, horizon and as_of";
            return Err(Error::InvalidOption { option: "cohort, age", value: format!("{cohort}, {age}"), reason });
        };
        let question = Question::new(activity, cohorts, &self.options)?;
        let mut entered = 0;
        let entries = match cohorts {
            None => Entries::First,
            Some(cohorts) => question.lay(cohorts, |member| entered += u64::from(member.row == row))?.0,
        };
        type Found = (Vec<Actor>, u64);
        let visit = |(found, size): &mut Found, actor, member: Membership, stretches: &[(u32, u32)], known: bool| {
            if member.row == row {
                *size += u64::from(!known);
                if stretches.iter().any(|&(from, to)| (from..=to).contains(&age)) {
                    found.push(actor);
                }
            }
        };
        let join = |(mut found, size): Found, (mut others, more): Found| {
            found.append(&mut others);
            (found, size + more)
        };
        let (found, more) = question.sweep(&entries, 0, || (Vec::new(), 0), visit, join);
        let (size, expected) = (entered + more, self.cohorts()[row].size);
        let same = found.len() as u64 == counted && size == expected && question.by_label() == self.by_label();
        if !same || activity.as_of() != self.as_of {
            return Err(Error::Incompatible {
                what: "the members of the cell",
                left: format!("{counted} of {expected} as of {}", self.as_of),
                right: format!("{} of {size} as of {}", found.len(), activity.as_of()),
                way_out: "ask with the activity, and the cohorts, that the triangle was made from",
            });
        }
        Ok(Members(activity.ids(found)))
    }
}
