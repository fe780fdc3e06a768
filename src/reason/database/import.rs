//! Taking in a whole frame.

use polars::prelude::DataFrame;
use rusqlite::{Transaction, params};

use super::ChurnDatabase;
use super::correct::{RecordCorrection, note};
use super::failure::Fault;
use super::record::insert;
use super::row::{Difference, differences, find, overlaid, update};
use super::taxonomy::load;
use crate::error::{Error, Result};
use crate::frame::report::{BadRow, ImportReport};
use crate::reason::read::{Imported, read_frame, refuse_bad};
use crate::reason::{ChurnColumns, ImportPolicy};

/// # Import
impl ChurnDatabase {
    /// Takes in the cancellations of a frame, one row each, in one transaction, and tells of every row that it cannot
    /// use.
    ///
    /// Rows are judged as in [`ChurnRecords::from_frame`](crate::ChurnRecords::from_frame), by the taxonomy of the
    /// database. A row of a customer and date that are there already, or were before a correction changed them,
    ///
    /// - changes nothing if all that it says is recorded: cells that are null say nothing. So whatever is imported twice
    ///   is there once;
    /// - changes nothing either if a field differs that was corrected since, and the row says what was corrected: it is
    ///   the old news that a file imported again brings;
    /// - is a bad one else, or a correction where the policy says [`correct_by`](ImportPolicy::correct_by) and the record can
    ///   be so.
    ///
    /// # Errors
    ///
    /// As [`ChurnRecords::from_frame`](crate::ChurnRecords::from_frame), and then nothing is taken in;
    /// [`Error::Incompatible`] if the customers are of another kind than those that are
    /// there. [`Error::Locked`], [`Error::DiskFull`],
    /// [`Error::ReadOnly`] and [`Error::Database`], likewise.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{ChurnColumns, ChurnDatabase, ImportPolicy};
    /// use attrition::polars::prelude::*;
    ///
    /// # let folder = std::env::temp_dir().join(format!("attrition-doc-import-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let path = folder.join("churn.db");
    /// let frame = df!(
    ///     "company" => ["acme", "brix"],
    ///     "left" => ["2026-03-31", "2026-04-02"],
    ///     "why" => ["price/too_expensive", "competitor/lower_price"],
    /// )?;
    /// let columns = ChurnColumns::new("company", "left").stated("why");
    /// let mut database = ChurnDatabase::open(&path)?;
    /// assert_eq!(database.import(&frame, &columns, &ImportPolicy::all_or_nothing())?.added(), 2);
    /// assert_eq!(database.import(&frame, &columns, &ImportPolicy::all_or_nothing())?.unchanged(), 2);
    /// # drop(database);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn import(&mut self, frame: &DataFrame, columns: &ChurnColumns, policy: &ImportPolicy) -> Result<ImportReport> {
        let correction = policy.correct_by.as_ref().map(RecordCorrection::by);
        correction.as_ref().map(RecordCorrection::check).transpose()?;
        self.write(|transaction| {
            let reasons = load(transaction)?;
            let Imported { records, row_of, mut report } = read_frame(frame, columns, &reasons.taxonomy)?;
            if !policy.keep_good && !report.bad.is_empty() {
                return Ok(refuse_bad(policy, report)?);
            }
            for row in insert(transaction, &reasons, &records)? {
                report.added -= 1;
                let said = records.get(row);
                let Some((id, there)) = find(transaction, &reasons, said.customer.as_id(), said.date)? else {
                    continue;
                };
                let now = overlaid(there.clone(), said.clone(), |_field| true);
                if now == there {
                    report.unchanged += 1;
                    continue;
                }
                let mut news = Vec::new();
                for difference in differences(&there, &now) {
                    if !is_old(transaction, id, &difference)? {
                        news.push(difference);
                    }
                }
                match &correction {
                    _ if news.is_empty() => report.unchanged += 1,
                    Some(correction) => {
                        let is_new = |field: &str| news.iter().any(|difference| difference.field == field);
                        let corrected = match overlaid(there.clone(), said, is_new).checked(&reasons.taxonomy) {
                            // A row can be right by itself, and wrong of a record that was corrected since.
                            Err(Error::InvalidOption { option, value, reason }) => {
                                let (row, column) = (u64::from(row_of[row]), option.to_owned());
                                report.bad.push(BadRow { row, column, value, reason: reason.to_owned() });
                                continue;
                            }
                            corrected => corrected?,
                        };
                        update(transaction, &reasons, id, &corrected)?;
                        // What a customer who comes back changes is two fields, of which one can be old news by itself.
                        note(transaction, id, correction, &differences(&there, &corrected))?;
                        report.corrected += 1;
                    }
                    None => report.bad.extend(news.into_iter().map(|Difference { field, before, after }| {
                        let before = before.map_or_else(|| "has none".to_owned(), |before| format!("has {before}"));
                        let (record, date) = (&there.customer, there.date);
                        BadRow {
                            row: u64::from(row_of[row]),
                            column: field,
                            value: after.unwrap_or_default(),
                            reason: format!(
                                "is not what is recorded: {record} on {date} {before}; correct it, or let the import"
                            ),
                        }
                    })),
                }
            }
            report.sort();
            Ok(refuse_bad(policy, report)?)
        })
    }
}

/// Whether a field was corrected since it said what a row says again.
fn is_old(transaction: &Transaction<'_>, id: i64, difference: &Difference) -> Result<bool, Fault> {
    let mut statement = transaction.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM correction WHERE cancellation = ?1 AND field = ?2 AND before IS ?3)",
    )?;
    Ok(statement.query_row(params![id, difference.field, difference.after], |row| row.get(0))?)
}
