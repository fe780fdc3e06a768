//! Records from a frame, with every cell that cannot be used.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::cancellation::{WinBack, flaws};
use super::columns::{ATTRIBUTE, ChurnColumns};
use super::kind::ChurnKind;
use super::labels::Labels;
use super::path::Reason;
use super::policy::ImportPolicy;
use super::records::{ChurnRecords, check_size, in_order};
use super::rows::Rows;
use super::taxonomy::Taxonomy;
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::ids::Id;
use crate::frame::report::{BadRow, ImportReport};
use crate::frame::times::Times;
use crate::frame::{numbers, read};

const NULL_ACCOUNT: &str = "is missing: say who left";
const NULL_DATE: &str = "is missing: say when the subscription was over";
const NO_DATE: &str = "is not a date such as 2026-03-31";
const NO_KIND: &str = "says neither voluntary nor involuntary";
const NO_STATE: &str = "is no state: in_progress, won_back and given_up are";
const NO_CODE: &str = "is a code without a meaning; add it to the ReasonCodes";
const NOT_FINITE: &str = "is not a number to reckon with; make it null where it is not known";

/// A frame while it is read: what was bad so far.
struct Reader<'a> {
    frame: &'a DataFrame,
    calendar: &'a Calendar,
    bad: Vec<BadRow>,
}

impl Reader<'_> {
    fn refuse(&mut self, row: usize, column: &str, value: impl Into<String>, reason: impl Into<String>) {
        self.bad.push(BadRow {
            row: row as u64,
            column: column.to_owned(),
            value: value.into(),
            reason: reason.into(),
        });
    }

    fn rows(&self) -> usize {
        self.frame.height()
    }

    /// A column that says something in some row: one of nulls alone may have any type.
    fn filled<'c>(&self, column: Option<&'c String>) -> Result<Option<&'c String>> {
        let Some(column) = column else { return Ok(None) };
        read::dtype(self.frame.schema(), column)?;
        Ok(Some(column).filter(|_| self.frame.column(column).is_ok_and(|cells| cells.null_count() < cells.len())))
    }

    fn labels(&self, column: Option<&String>, role: &'static str) -> Result<Labels> {
        self.filled(column)?
            .map_or_else(|| Ok(Labels::none(self.rows())), |column| Labels::read(self.frame, column, role))
    }

    /// Labels of which each name is judged once.
    fn judged(
        &mut self,
        column: Option<&String>,
        role: &'static str,
        flaw: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<Labels> {
        let labels = self.labels(column, role)?;
        let flaws: Vec<Option<&'static str>> = labels.names().iter().map(|name| flaw(name)).collect();
        if let Some(column) = column.filter(|_| flaws.iter().any(Option::is_some)) {
            for row in 0..self.rows() {
                if let Some(reason) = labels.codes()[row].and_then(|code| flaws[code as usize]) {
                    self.refuse(row, column, labels.get(row).unwrap_or_default(), reason);
                }
            }
        }
        Ok(labels)
    }

    fn texts(&self, column: Option<&String>, role: &'static str) -> Result<Vec<Option<Box<str>>>> {
        let Some(column) = self.filled(column)? else { return Ok(vec![None; self.rows()]) };
        let series = read::group(self.frame, column, role)?;
        Ok(series.str()?.iter().map(|text| text.map(Into::into)).collect())
    }

    fn days(&mut self, column: Option<&String>, role: &'static str) -> Result<Vec<Option<i32>>> {
        let Some(column) = self.filled(column)? else { return Ok(vec![None; self.rows()]) };
        if !read::is_text(read::dtype(self.frame.schema(), column)?) {
            let (times, bad) = Times::read_each(self.frame, column, role)?;
            for (row, value) in bad {
                self.refuse(row, column, value, crate::frame::times::NO_SUCH_YEAR);
            }
            return Ok(times.days(self.calendar));
        }
        let labels = self.judged(Some(column), role, |text| match text.parse::<Date>() {
            Ok(date) => flaws::date(date),
            Err(_) => Some(NO_DATE),
        })?;
        let day = |text: &String| text.parse::<Date>().ok().filter(|date| flaws::date(*date).is_none());
        let days: Vec<Option<i32>> = labels.names().iter().map(|text| Some(day(text)?.days_since_epoch())).collect();
        Ok(labels.codes().iter().map(|code| days[(*code)? as usize]).collect())
    }

    fn values(&mut self, column: Option<&String>) -> Result<Vec<Option<f64>>> {
        let Some(column) = self.filled(column)? else { return Ok(vec![None; self.rows()]) };
        let values = numbers::numbers(self.frame, column, "value")?;
        for (row, value) in values.iter().enumerate() {
            if let Some((value, reason)) = value.and_then(|value| Some((value, flaws::value(value)?))) {
                let reason = if value.is_finite() { reason } else { NOT_FINITE };
                self.refuse(row, column, value.to_string(), reason);
            }
        }
        Ok(values)
    }

    fn kinds(&mut self, column: Option<&String>) -> Result<Vec<Option<ChurnKind>>> {
        let Some(column) = self.filled(column)? else { return Ok(vec![None; self.rows()]) };
        let kind = |name: &str| match name {
            "voluntary" | "true" | "1" => Some(ChurnKind::Voluntary),
            "involuntary" | "false" | "0" => Some(ChurnKind::Involuntary),
            _ => None,
        };
        if read::dtype(self.frame.schema(), column)?.is_float() {
            let numbers = numbers::numbers(self.frame, column, "voluntary")?;
            let mut kinds = Vec::with_capacity(numbers.len());
            for (row, number) in numbers.into_iter().enumerate() {
                let named = number.map(|number| (number + 0.0).to_string());
                kinds.push(named.as_deref().and_then(kind));
                if let Some(named) = named.filter(|named| kind(named).is_none()) {
                    self.refuse(row, column, named, NO_KIND);
                }
            }
            return Ok(kinds);
        }
        let labels = self.judged(Some(column), "voluntary", |name| kind(name).is_none().then_some(NO_KIND))?;
        Ok((0..self.rows()).map(|row| kind(labels.get(row)?)).collect())
    }

    fn win_backs(&mut self, columns: &ChurnColumns, day: &[Option<i32>]) -> Result<Vec<Option<WinBack>>> {
        let state = columns.win_back.as_ref();
        let states = self.judged(state, "win_back", |name| (!WinBack::NAMES.contains(&name)).then_some(NO_STATE))?;
        let returned = self.days(columns.returned_on.as_ref(), "returned_on")?;
        let mut win_backs = Vec::with_capacity(self.rows());
        for row in 0..self.rows() {
            let back = returned[row].map(Date::from_day);
            let state = states.get(row);
            // A day of return says by itself that the customer came back.
            win_backs.push(match (state, back) {
                (Some("in_progress"), None) => Some(WinBack::InProgress),
                (Some("given_up"), None) => Some(WinBack::GivenUp),
                (Some("won_back") | None, Some(back)) => Some(WinBack::WonBack(back)),
                (Some("won_back"), None) => {
                    let column = columns.win_back.clone().unwrap_or_default();
                    self.refuse(row, &column, "won_back", "lacks the day of the return; map returned_on and fill it");
                    None
                }
                (Some(name @ ("in_progress" | "given_up")), Some(_)) => {
                    let column = columns.win_back.clone().unwrap_or_default();
                    self.refuse(row, &column, name, "has a day of return; only won_back has one");
                    None
                }
                // Nothing, or a state that was refused above.
                _ => None,
            });
            let flaw = back.zip(day[row]).and_then(|(back, day)| flaws::returned_on(back, Date::from_day(day)));
            if let (Some(reason), Some(back), Some(column)) = (flaw, back, &columns.returned_on) {
                self.refuse(row, column, back.to_string(), reason);
            }
        }
        Ok(win_backs)
    }
}

/// Records that were read, and from which row each of them is.
pub(super) struct Imported {
    pub(super) records: ChurnRecords,
    #[cfg(feature = "sqlite")]
    pub(super) row_of: Vec<u32>,
    pub(super) report: ImportReport,
}

impl ChurnRecords {
    /// Reads the cancellations of a frame, one row each, and tells of every row that it cannot use.
    ///
    /// A row is bad if it has no customer or no date, a reason that is not in the taxonomy, a value below 0, a currency
    /// that is none, a start after its end, or a return before it; or if an earlier row of the same customer and date says
    /// something else. Reasons may have codes that were given up since: they are kept, and count as what they are now.
    /// Rows that say the same as an earlier one are counted as unchanged.
    ///
    /// # Errors
    ///
    /// [`Error::BadRows`] with the whole report, if there is one bad row and the policy is
    /// [`all_or_nothing`](ImportPolicy::all_or_nothing); [`Error::MissingColumn`] and [`Error::UnsupportedType`] for a
    /// column as a whole; [`Error::TooLarge`] beyond 2^32 rows.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{ChurnColumns, ChurnRecords, ImportPolicy, Taxonomy};
    /// use attrition::polars::prelude::*;
    ///
    /// let frame = df!(
    ///     "company" => ["acme", "brix", "core"],
    ///     "left" => ["2026-03-31", "2026-04-31", "2026-04-02"],
    ///     "why" => ["price/too_expensive", "price/too_expensive", "too much money"],
    /// )?;
    /// let columns = ChurnColumns::new("company", "left").stated("why");
    /// let (records, report) =
    ///     ChurnRecords::from_frame(&frame, &columns, &Taxonomy::standard(), &ImportPolicy::keep_good())?;
    /// assert_eq!((records.len(), report.bad_rows()), (1, 2));
    /// assert_eq!((report.bad()[0].row, report.bad()[0].value.as_str()), (1, "2026-04-31"));
    ///
    /// let whole = ChurnRecords::from_frame(&frame, &columns, &Taxonomy::standard(), &ImportPolicy::all_or_nothing());
    /// assert!(whole.is_err());
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn from_frame(
        frame: &DataFrame,
        columns: &ChurnColumns,
        taxonomy: &Taxonomy,
        policy: &ImportPolicy,
    ) -> Result<(Self, ImportReport)> {
        let Imported { records, report, .. } = read_frame(frame, columns, taxonomy)?;
        refuse_bad(policy, report).map(|report| (records, report))
    }
}

/// The report, or an error with it where bad rows are not to be left out.
pub(super) fn refuse_bad(policy: &ImportPolicy, mut report: ImportReport) -> Result<ImportReport> {
    if policy.keep_good || report.bad.is_empty() {
        return Ok(report);
    }
    (report.added, report.corrected, report.unchanged) = (0, 0, 0);
    Err(Error::BadRows { report: Box::new(report) })
}

pub(super) fn read_frame(frame: &DataFrame, columns: &ChurnColumns, taxonomy: &Taxonomy) -> Result<Imported> {
    check_size(frame.height())?;
    let names: Vec<String> = frame.get_column_names().into_iter().map(ToString::to_string).collect();
    let columns = &columns.in_frame(|role| names.iter().any(|name| name == role), &names);
    let mut reader = Reader { frame, calendar: &columns.calendar, bad: Vec::new() };

    let id_type = read::id_type(frame.schema(), &columns.account, "account")?;
    let (ids, places) = read::distinct_ids(frame, &columns.account, id_type)?;
    let empty = ids.position(Id::Str("")).and_then(|place| u32::try_from(place).ok());
    for (row, place) in places.iter().enumerate() {
        let reason = if place.is_none() { Some(NULL_ACCOUNT) } else { None };
        let flaw = empty.filter(|_| *place == empty).and_then(|_| flaws::customer(Id::Str("")));
        if let Some(reason) = reason.or(flaw) {
            reader.refuse(row, &columns.account, "", reason);
        }
    }
    let day = reader.days(Some(&columns.date), "date")?;
    let nulls = read::series(frame, &columns.date)?.is_null();
    for (row, null) in nulls.iter().enumerate() {
        if null == Some(true) {
            reader.refuse(row, &columns.date, "", NULL_DATE);
        }
    }
    let reason = |path: &str| taxonomy.flaw(&Reason::from(path));
    let started_on = reader.days(columns.started_on.as_ref(), "started_on")?;
    if let Some(column) = &columns.started_on {
        for (row, both) in started_on.iter().zip(&day).enumerate() {
            if let (Some(start), Some(day)) = both
                && let Some(reason) = flaws::started_on(Date::from_day(*start), Date::from_day(*day))
            {
                reader.refuse(row, column, Date::from_day(*start).to_string(), reason);
            }
        }
    }
    let mut attributes = BTreeMap::new();
    for column in &columns.attributes {
        let name = column.strip_prefix(ATTRIBUTE).unwrap_or(column);
        if let Some(reason) = flaws::attribute(name) {
            return Err(Error::InvalidOption { option: "attribute", value: format!("{column:?}"), reason });
        }
        attributes.insert(name.to_owned(), reader.labels(Some(column), "attribute")?);
    }
    let mut stated = reader.judged(columns.stated.as_ref(), "stated", reason)?;
    let mut kind = reader.kinds(columns.voluntary.as_ref())?;
    for (column, codes) in &columns.codes {
        if let Some((unknown, flaw)) = codes.iter().find_map(|(_, of, _)| Some((of?, taxonomy.flaw(of?)?))) {
            return Err(Error::Taxonomy { entry: unknown.to_string(), reason: flaw });
        }
        let found = reader.judged(Some(column), "codes", |code| codes.get(code).is_none().then_some(NO_CODE))?;
        let meaning = |row| codes.get(found.get(row)?);
        let said = |row| Some(meaning(row)?.reason.as_ref()?.as_str());
        stated = Labels::of((0..frame.height()).map(|row| stated.get(row).or_else(|| said(row))));
        for (row, kind) in kind.iter_mut().enumerate() {
            *kind = kind.or_else(|| meaning(row)?.kind);
        }
    }
    let rows = Rows {
        stated,
        found: reader.judged(columns.found.as_ref(), "found", reason)?,
        kind,
        plan: reader.labels(columns.plan.as_ref(), "plan")?,
        segment: reader.labels(columns.segment.as_ref(), "segment")?,
        value: reader.values(columns.value.as_ref())?,
        currency: reader
            .judged(columns.currency.as_ref(), "currency", flaws::currency)?
            .renamed(str::to_ascii_uppercase),
        competitor: reader.labels(columns.competitor.as_ref(), "competitor")?,
        comment: reader.texts(columns.comment.as_ref(), "comment")?,
        decision_reason: reader.texts(columns.decision_reason.as_ref(), "decision_reason")?,
        recorded_by: reader.labels(columns.recorded_by.as_ref(), "recorded_by")?,
        win_back: reader.win_backs(columns, &day)?,
        started_on,
        attributes,
    };

    let mut report = ImportReport { rows: frame.height() as u64, ..ImportReport::default() };
    let mut good = vec![true; frame.height()];
    for bad in &reader.bad {
        if let Some(good) = usize::try_from(bad.row).ok().and_then(|row| good.get_mut(row)) {
            *good = false;
        }
    }
    let customer: Vec<u32> = places.into_iter().map(Option::unwrap_or_default).collect();
    let day: Vec<i32> = day.into_iter().map(Option::unwrap_or_default).collect();
    let mut kept: Vec<u32> = Vec::with_capacity(day.len());
    for row in in_order(&customer, &day) {
        let number = row as usize;
        if !good[number] {
            continue;
        }
        let same = kept
            .last()
            .map(|&last| last as usize)
            .filter(|&last| (day[last], customer[last]) == (day[number], customer[number]));
        match same {
            None => kept.push(row),
            Some(first) if rows.alike(first, number) => report.unchanged += 1,
            Some(first) => {
                let value = ids.get(customer[number] as usize).to_string();
                let reason =
                    format!("left on {} in row {first} too, which says something else", Date::from_day(day[number]));
                reader.refuse(number, &columns.account, value, reason);
            }
        }
    }
    report.added = kept.len() as u64;
    report.bad = reader.bad;
    report.sort();
    let records = ChurnRecords::picked(taxonomy, &ids, &customer, &day, &rows, &kept);
    Ok(Imported {
        records,
        #[cfg(feature = "sqlite")]
        row_of: kept,
        report,
    })
}
