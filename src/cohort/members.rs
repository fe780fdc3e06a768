//! Who stands behind a number.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ages::retained_ages;
use super::retention::Retention;
use crate::activity::Activity;
use crate::calendar::Date;
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
    /// The members of a cell: those of the cohort whose period holds `cohort` who are retained at `age`, as many as the
    /// cell's [`so_far`](crate::RetentionCell::so_far). At age 0 they are the cohort.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if the triangle has no such cell; [`Error::Incompatible`] if `activity` has another
    /// number of them or another `as_of`, and so cannot be the one the triangle was made from.
    pub fn members(&self, activity: &Activity, cohort: Date, age: u32) -> Result<Members> {
        let counted = self.cell(cohort, age).and_then(|cell| cell.so_far);
        let Some((row, counted)) = self.row(cohort).zip(counted) else {
            let reason = "the triangle has no such cell; see cohorts, horizon and as_of";
            return Err(Error::InvalidOption { option: "cohort, age", value: format!("{cohort}, {age}"), reason });
        };
        let span = self.cohorts[row].span;
        let table = activity.periods(self.options.period);
        let found = activity.sweep(
            0,
            Vec::new,
            |found, actor, days| {
                let entered = days.first().map(|&first| table.spans()[table.of(first) as usize]);
                if entered == Some(span) {
                    let mut retained = false;
                    retained_ages(self.options.criterion, &table, days, self.horizon(), |from, to| {
                        retained |= (from..=to).contains(&age);
                    });
                    if retained {
                        found.push(actor);
                    }
                }
            },
            |mut found, mut others| {
                found.append(&mut others);
                found
            },
        );
        if found.len() as u64 != counted || activity.as_of() != self.as_of {
            return Err(Error::Incompatible {
                what: "the members of the cell",
                left: format!("{counted} as of {}", self.as_of),
                right: format!("{} as of {}", found.len(), activity.as_of()),
                way_out: "ask with the activity that the triangle was made from",
            });
        }
        Ok(Members(activity.ids(found)))
    }
}
