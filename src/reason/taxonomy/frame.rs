//! A taxonomy as a frame, and back.

use polars::prelude::DataFrame;

use super::{ReasonChange, Taxonomy, TaxonomyEntry};
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::times::Times;
use crate::frame::{read, write};
use crate::reason::kind::ChurnKind;
use crate::reason::path::Reason;

/// # Frames
impl Taxonomy {
    /// All lines, and below them the codes that were given up.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason` | String | the path: category, reason, detail |
    /// | `name` | String | the name that people read; null of a code that was given up |
    /// | `owner`, `evidence` | String | who answers for it and what it asks for; null where the line above says so |
    /// | `kind` | String | `voluntary` or `involuntary`; null where the line above says so |
    /// | `became` | String | what it is now; null of those that are there |
    /// | `on` | Date | the day on which it was given up; likewise |
    ///
    /// Rows are in the order of paths, then of changes. [`from_frame`](Self::from_frame) reads it back.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let given_up = || self.changes.iter();
        let nothing = self.changes.len();
        let text = |of: fn(&TaxonomyEntry) -> Option<&str>| {
            self.entries.iter().map(of).chain(std::iter::repeat_n(None, nothing)).collect::<Vec<_>>()
        };
        let reasons = self.entries.iter().map(|entry| &entry.reason).chain(given_up().map(|change| &change.from));
        let there = || std::iter::repeat_n(None, self.entries.len());
        write::frame(vec![
            write::column("reason", reasons.map(Reason::as_str).collect::<Vec<_>>()),
            write::column("name", text(|entry| Some(entry.name()))),
            write::column("owner", text(|entry| entry.owner.as_deref())),
            write::column("evidence", text(|entry| entry.evidence.as_deref())),
            write::column("kind", text(|entry| entry.kind.map(ChurnKind::name))),
            write::column(
                "became",
                there().chain(given_up().map(|change| Some(change.into.as_str()))).collect::<Vec<_>>(),
            ),
            write::dates("on", std::iter::repeat_n(None, self.entries.len()).chain(given_up().map(|c| Some(c.on))))?,
        ])
    }

    /// The taxonomy of a frame with the columns of [`to_frame`](Self::to_frame), of which only `reason` and `name` must
    /// be there. All are text but `on`, which is a `Date`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::InvalidValue`], naming the row, for a row without a reason, with a kind that is
    /// none, or that became something on no day; [`Error::MissingColumn`], [`Error::UnsupportedType`].
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{ChurnKind, Reason, Taxonomy};
    /// use attrition::polars::prelude::*;
    ///
    /// let lines = df!(
    ///     "reason" => ["fees", "fees/too_high", "bank"],
    ///     "name" => ["Fees", "Too high", "The bank"],
    ///     "owner" => [Some("Anna"), None, Some("Jonas")],
    ///     "kind" => [None, None, Some("involuntary")],
    /// )?;
    /// let taxonomy = Taxonomy::from_frame(&lines)?;
    /// assert_eq!(taxonomy.owner(&Reason::new("fees", "too_high")), Some("Anna"));
    /// assert_eq!(taxonomy.kind(&Reason::from("bank")), Some(ChurnKind::Involuntary));
    /// assert_eq!(Taxonomy::from_frame(&taxonomy.to_frame()?)?, taxonomy);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn from_frame(frame: &DataFrame) -> Result<Self> {
        let text = |column: &'static str, needed: bool| -> Result<Vec<Option<String>>> {
            if !needed && frame.schema().get(column).is_none() {
                return Ok(vec![None; frame.height()]);
            }
            let series = read::group(frame, column, column)?;
            Ok(series.str()?.iter().map(|text| text.map(str::to_owned)).collect())
        };
        let bad = |column: &str, row: usize, value: &str, reason| {
            let (column, row, value) = (column.to_owned(), row as u64, format!("{value:?}"));
            Err(Error::InvalidValue { column, row, value, reason })
        };
        let [reasons, names] = [text("reason", true)?, text("name", true)?];
        let [owners, evidence, kinds, became] =
            [text("owner", false)?, text("evidence", false)?, text("kind", false)?, text("became", false)?];
        let days = match frame.schema().get("on") {
            Some(_) => Times::read(frame, "on", "on")?.days(&Calendar::utc()),
            None => vec![None; frame.height()],
        };
        let (mut entries, mut changes) = (Vec::new(), Vec::new());
        for row in 0..frame.height() {
            let Some(reason) = reasons[row].as_deref() else {
                return bad("reason", row, "", "is no reason: write its path, or leave the row out");
            };
            match (&became[row], days[row]) {
                (Some(into), Some(day)) => {
                    let (from, into) = (reason.into(), into.as_str().into());
                    changes.push(ReasonChange { from, into, on: Date::from_day(day) });
                    continue;
                }
                (Some(into), None) => return bad("became", row, into, "was reached on no day; fill the column on"),
                (None, _) => {}
            }
            let mut entry = TaxonomyEntry::new(reason, names[row].as_deref().unwrap_or_default());
            (entry.owner, entry.evidence) = (owners[row].clone(), evidence[row].clone());
            entry.kind = match kinds[row].as_deref() {
                None => None,
                Some("voluntary") => Some(ChurnKind::Voluntary),
                Some("involuntary") => Some(ChurnKind::Involuntary),
                Some(kind) => return bad("kind", row, kind, "is neither voluntary nor involuntary"),
            };
            entries.push(entry);
        }
        Self::with_changes(entries, changes)
    }
}
