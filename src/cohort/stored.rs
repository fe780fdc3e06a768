//! Triangles as they are stored, and looked through before they are believed.

use serde::{Deserialize, Serialize};

use super::options::RetentionOptions;
use super::retention::{Cohort, EntriesLeftOut, Retention};
use crate::calendar::Date;
use crate::error::{Error, Result};

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    options: RetentionOptions,
    as_of: Date,
    cohorts: Vec<Cohort>,
    by_label: bool,
    left_out: EntriesLeftOut,
    ages: usize,
    closed: Vec<u32>,
    begun: Vec<u32>,
    so_far: Vec<u32>,
    active: Vec<u32>,
    eligible: Vec<u32>,
    base: Vec<u32>,
}

impl From<Retention> for Stored {
    fn from(triangle: Retention) -> Self {
        let Retention {
            options,
            as_of,
            cohorts,
            by_label,
            left_out,
            ages,
            closed,
            begun,
            so_far,
            active,
            eligible,
            base,
        } = triangle;
        Self { options, as_of, cohorts, by_label, left_out, ages, closed, begun, so_far, active, eligible, base }
    }
}

impl TryFrom<Stored> for Retention {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let Stored { options, as_of, cohorts, by_label, left_out, ages, closed, begun, so_far, active, eligible, base } =
            stored;
        options.check()?;
        let rows = cohorts.len();
        let cells = rows.checked_mul(ages);
        let fits = |column: &[u32]| Some(column.len()) == cells;
        let counted =
            ages > 0 && ages <= 1 << 26 && [&so_far, &active, &eligible].into_iter().all(|column| fits(column));
        if !counted || !(base.is_empty() || fits(&base)) || closed.len() != rows || begun.len() != rows {
            let value = format!("{rows} cohorts, {ages} ages");
            let reason = "the counts are not one a cohort and age; the stored triangle has been changed";
            return Err(Error::InvalidOption { option: "triangle", value, reason });
        }
        Ok(Self { options, as_of, cohorts, by_label, left_out, ages, closed, begun, so_far, active, eligible, base })
    }
}
