//! Records as a frame.

use polars::prelude::DataFrame;

use super::cancellation::WinBack;
use super::columns::ATTRIBUTE;
use super::kind::ChurnKind;
use super::labels::Labels;
use super::path::Reason;
use super::records::{ChurnRecords, ReasonAxis};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::write;

impl ChurnRecords {
    /// The records as a frame, one row a cancellation.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | as it came | the customer |
    /// | `date` | Date | the first day on which the subscription was over |
    /// | `stated`, `found` | String | the paths of the two reasons, as recorded |
    /// | `stated_now`, `found_now` | String | the same as they are called now |
    /// | `category` | String | the category of the reason as found, or else as stated, as it is called now |
    /// | `voluntary` | Boolean | whether the customer decided to leave, where the record says so |
    /// | `plan`, `segment` | String | what was cancelled and by whom |
    /// | `value` | Float64 | the recurring value a month that was lost |
    /// | `currency` | String | its currency |
    /// | `started_on` | Date | the first day as a customer |
    /// | `competitor`, `comment`, `decision_reason`, `recorded_by` | String | see [`Cancellation`](crate::Cancellation) |
    /// | `win_back` | String | `in_progress`, `won_back` or `given_up`; null where nothing was tried |
    /// | `returned_on` | Date | the day on which the customer came back |
    /// | `attribute_...` | String | an attribute each, in alphabetical order |
    ///
    /// All but `account` and `date` are null where they are not known. Rows are in the order of dates, then of customers.
    /// Integers that identify customers keep their type, but for those of single records and of a database, which are
    /// Int64.
    ///
    /// [`ChurnColumns::default`](crate::ChurnColumns::default) reads it back, and as it stands it is a table of
    /// cancellations for [`Portfolio::cancellations`](crate::Portfolio::cancellations).
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = self.labels();
        let days = |of: &dyn Fn(usize) -> Option<Date>, name: &str| write::dates(name, (0..self.len()).map(of));
        let now = |axis| (0..self.len()).map(|row| self.reason(row, axis).map(Reason::as_str)).collect::<Vec<_>>();
        let category = (0..self.len()).map(|row| Some(self.reason(row, ReasonAxis::FoundElseStated)?.category()));
        let voluntary = rows.kind.iter().map(|kind| Some((*kind)? == ChurnKind::Voluntary));
        let texts = |name, column: &[Option<Box<str>>]| {
            write::column(name, column.iter().map(Option::as_deref).collect::<Vec<_>>())
        };
        let mut columns = vec![
            write::gathered_ids("account", self.customers(), self.customer_numbers().iter().map(|&place| Some(place)))?,
            days(&|row| Some(self.date(row)), "date")?,
            labels("stated", &rows.stated)?,
            labels("found", &rows.found)?,
            write::column("stated_now", now(ReasonAxis::Stated)),
            write::column("found_now", now(ReasonAxis::Found)),
            write::column("category", category.collect::<Vec<_>>()),
            write::column("voluntary", voluntary.collect::<Vec<_>>()),
            labels("plan", &rows.plan)?,
            labels("segment", &rows.segment)?,
            write::column("value", &rows.value[..]),
            labels("currency", &rows.currency)?,
            days(&|row| rows.started_on[row].map(Date::from_day), "started_on")?,
            labels("competitor", &rows.competitor)?,
            texts("comment", &rows.comment),
            texts("decision_reason", &rows.decision_reason),
            labels("recorded_by", &rows.recorded_by)?,
            write::column("win_back", rows.win_back.iter().map(|state| state.map(WinBack::name)).collect::<Vec<_>>()),
            days(&|row| rows.win_back[row].and_then(WinBack::returned_on), "returned_on")?,
        ];
        for (name, values) in &rows.attributes {
            columns.push(labels(&format!("{ATTRIBUTE}{name}"), values)?);
        }
        write::frame(columns)
    }
}

fn labels(name: &str, labels: &Labels) -> Result<polars::prelude::Column> {
    write::gathered(write::column(name, labels.names()), labels.codes().iter().copied())
}
