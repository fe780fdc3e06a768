//! Cancellations in memory, ready to be asked.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::cancellation::{Cancellation, CustomerId};
use super::kind::ChurnKind;
use super::path::Reason;
use super::rows::Rows;
use super::taxonomy::Taxonomy;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{Id, IdType, Ids};
use crate::print::counted;

/// Which of the two reasons of a record is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonAxis {
    /// The reason as the customer or the billing system stated it.
    Stated,
    /// The reason as found, the root cause.
    Found,
    /// The reason as found, and as stated where nobody has looked into it.
    FoundElseStated,
}

/// Cancellations with their reasons, one of a customer on a day, in the order of days and then of customers.
///
/// Every analysis of reasons is a method of this table. It comes from a frame, from single records, from a Parquet file or
/// from a `ChurnDatabase`, which hands out one consistent state of itself.
///
/// # Example
///
/// ```
/// use attrition::{Cancellation, ChurnRecords, Reason, ReasonAxis, Taxonomy, date};
///
/// let price = Reason::new("price", "too_expensive");
/// let records = ChurnRecords::of(
///     [
///         Cancellation::new("brix", date(2026, 3, 31), price.clone()).found(Reason::new("product", "not_used")),
///         Cancellation::new("acme", date(2026, 3, 31), price.clone()),
///     ],
///     &Taxonomy::standard(),
/// )?;
/// assert_eq!(records.get(0).customer.to_string(), "acme");
/// assert_eq!(records.reason(1, ReasonAxis::Stated), Some(&price));
/// assert_eq!(records.reason(1, ReasonAxis::FoundElseStated), Some(&Reason::new("product", "not_used")));
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ChurnRecords {
    taxonomy: Taxonomy,
    customers: Ids,
    customer: Vec<u32>,
    day: Vec<i32>,
    rows: Rows,
    /// The distinct reasons as they are called now, in order, and for each row the place of its own.
    reasons: Vec<Reason>,
    stated: Vec<Option<u32>>,
    found: Vec<Option<u32>>,
}

/// The ids of customers as a list, and for each customer its place.
pub(super) fn customer_ids<'a>(customers: impl Iterator<Item = Id<'a>> + Clone) -> Result<(Ids, Vec<u32>)> {
    let has = |of: fn(&Id<'_>) -> bool| customers.clone().find(of);
    let text = has(|id| matches!(id, Id::Str(_)));
    let number = has(|id| !matches!(id, Id::Str(_)));
    let negative = has(|id| matches!(id, Id::Int(..0)));
    let large = has(|id| matches!(id, Id::UInt(id) if i64::try_from(*id).is_err()));
    let (id_type, clash) = match (text, large) {
        (Some(text), _) => (IdType::String, number.map(|number| (text, number))),
        (None, Some(large)) => (IdType::UInt64, negative.map(|negative| (large, negative))),
        (None, None) => (IdType::Int64, None),
    };
    if let Some((left, right)) = clash {
        let (left, right) = (left.to_string(), right.to_string());
        let way_out = "a table has customers of one kind: text, or integers of one signedness";
        return Err(Error::Incompatible { what: "the ids of customers", left, right, way_out });
    }
    let mut sorted: Vec<Id<'a>> = customers.clone().collect();
    let key = |id: &Id<'_>| match *id {
        Id::Int(id) => i128::from(id),
        Id::UInt(id) => i128::from(id),
        Id::Str(_) => 0,
    };
    sorted.sort_unstable_by(|left, right| key(left).cmp(&key(right)).then_with(|| left.cmp(right)));
    sorted.dedup_by(|left, right| left.is(*right));
    let mut ids = Ids::new(id_type);
    for id in &sorted {
        match *id {
            Id::Str(id) => ids.push_str(id),
            Id::Int(id) => ids.push_key(Ids::ordered(id_type, id.cast_unsigned())),
            Id::UInt(id) => ids.push_key(Ids::ordered(id_type, id)),
        }
    }
    let place = |id| ids.position(id).and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX);
    let places = customers.map(place).collect();
    Ok((ids, places))
}

impl ChurnRecords {
    /// The records of these cancellations, in any order. Two that say the same are one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a field that cannot be used: a reason that is not in the taxonomy, a value below 0, a
    /// currency that is none, a start after the end. [`Error::Incompatible`] for two that differ although they are of the
    /// same customer and date, and where some customers are text and others integers. [`Error::TooLarge`] beyond 2^32.
    pub fn of(cancellations: impl IntoIterator<Item = Cancellation>, taxonomy: &Taxonomy) -> Result<Self> {
        let checked = cancellations.into_iter().map(|cancellation| cancellation.checked(taxonomy));
        let records = checked.collect::<Result<Vec<_>>>()?;
        check_size(records.len())?;
        let (ids, customer) = customer_ids(records.iter().map(|record| record.customer.as_id()))?;
        let day: Vec<i32> = records.iter().map(|record| record.date.days_since_epoch()).collect();
        Self::distinct(taxonomy, &ids, &customer, &day, &Rows::of(&records))
    }

    /// Adds one cancellation. This takes as long as there are records; many are better given to [`of`](Self::of), and
    /// `ChurnDatabase::record` is the way to keep them.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of), and nothing is changed then.
    pub fn record(&mut self, cancellation: Cancellation) -> Result<()> {
        let one = Self::of([cancellation], &self.taxonomy)?;
        *self = self.merged(&one)?;
        Ok(())
    }

    /// The records of both, in the taxonomy of this one.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn merged(&self, other: &Self) -> Result<Self> {
        check_size(self.len() + other.len())?;
        for label in other.rows.stated.names().iter().chain(other.rows.found.names()) {
            if let Some(reason) = self.taxonomy.flaw(&Reason::from(label.as_str())) {
                return Err(Error::InvalidOption { option: "reason", value: label.clone(), reason });
            }
        }
        if self.is_empty() || other.is_empty() {
            let kept = if self.is_empty() { other } else { self };
            return Ok(Self::sorted(
                &self.taxonomy,
                kept.customers.clone(),
                kept.customer.clone(),
                kept.day.clone(),
                kept.rows.clone(),
            ));
        }
        let all = self.customer.iter().map(|&customer| self.customers.get(customer as usize));
        let all = all.chain(other.customer.iter().map(|&customer| other.customers.get(customer as usize)));
        let (ids, customer) = customer_ids(all)?;
        let day = [&self.day[..], &other.day].concat();
        Self::distinct(&self.taxonomy, &ids, &customer, &day, &self.rows.joined(&other.rows))
    }

    /// The records of rows in any order, of which equal ones are one and contradictory ones an error.
    fn distinct(taxonomy: &Taxonomy, ids: &Ids, customer: &[u32], day: &[i32], rows: &Rows) -> Result<Self> {
        let order = in_order(customer, day);
        let mut kept: Vec<u32> = Vec::with_capacity(order.len());
        for row in order {
            let (number, key) = (row as usize, |row: usize| (day[row], customer[row]));
            match kept.last().map(|&last| last as usize) {
                Some(last) if key(last) == key(number) && rows.alike(last, number) => {}
                Some(last) if key(last) == key(number) => {
                    let (left, right) = (last.to_string(), number.to_string());
                    let way_out = "a customer has one cancellation a day; keep the one that is true";
                    let what = "two cancellations of one customer and date";
                    return Err(Error::Incompatible { what, left, right, way_out });
                }
                _ => kept.push(row),
            }
        }
        Ok(Self::picked(taxonomy, ids, customer, day, rows, &kept))
    }

    /// The records of some rows, which come in order.
    pub(super) fn picked(
        taxonomy: &Taxonomy,
        ids: &Ids,
        customer: &[u32],
        day: &[i32],
        rows: &Rows,
        kept: &[u32],
    ) -> Self {
        let mut place = vec![None; ids.len()];
        kept.iter().for_each(|&row| place[customer[row as usize] as usize] = Some(0));
        let mut used = Ids::new(ids.id_type());
        for (number, place) in place.iter_mut().enumerate().filter(|(_, place)| place.is_some()) {
            *place = u32::try_from(used.len()).ok();
            used.push_from(ids, number);
        }
        let customer = kept.iter().filter_map(|&row| place[customer[row as usize] as usize]).collect();
        let day = kept.iter().map(|&row| day[row as usize]).collect();
        Self::sorted(taxonomy, used, customer, day, rows.take(kept))
    }

    /// The records of rows in order, each customer of which has one.
    pub(super) fn sorted(taxonomy: &Taxonomy, customers: Ids, customer: Vec<u32>, day: Vec<i32>, rows: Rows) -> Self {
        let current = |path: &str| {
            let reason = Reason::from(path);
            taxonomy.current(&reason).cloned().unwrap_or(reason)
        };
        let resolved = [&rows.stated, &rows.found].map(|axis| axis.names().iter().map(|path| current(path)).collect());
        let [of_stated, of_found]: [Vec<Reason>; 2] = resolved;
        let mut reasons = [&of_stated[..], &of_found].concat();
        reasons.sort_unstable();
        reasons.dedup();
        let place = |reason: &Reason| reasons.binary_search(reason).ok().and_then(|place| u32::try_from(place).ok());
        let codes = |now: &[Reason], recorded: &[Option<u32>]| -> Vec<Option<u32>> {
            let places: Vec<Option<u32>> = now.iter().map(place).collect();
            recorded.iter().map(|code| places[(*code)? as usize]).collect()
        };
        let stated = codes(&of_stated, rows.stated.codes());
        let found = codes(&of_found, rows.found.codes());
        Self { taxonomy: taxonomy.clone(), customers, customer, day, rows, reasons, stated, found }
    }

    /// The same reasons with other things known beside them.
    pub(super) fn with_rows(&self, rows: Rows) -> Self {
        Self { rows, ..self.clone() }
    }

    pub(super) fn with_values(&self, values: Vec<Option<f64>>, currency: &str) -> Self {
        let currency = super::labels::Labels::of(values.iter().map(|value| value.is_some().then_some(currency)));
        Self { rows: Rows { value: values, currency, ..self.rows.clone() }, ..self.clone() }
    }

    /// How many cancellations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.day.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.day.is_empty()
    }

    /// The reasons there are, and how they changed.
    #[must_use]
    pub fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// The record at a place, with its reasons as they were recorded.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    #[must_use]
    pub fn get(&self, row: usize) -> Cancellation {
        self.rows.get(row, CustomerId::from(self.customer(row)), self.date(row))
    }

    /// All records in order: by date, then by customer.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Cancellation> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The customer of a record. Panics if there is no such place, as do the others below.
    #[must_use]
    pub fn customer(&self, row: usize) -> Id<'_> {
        self.customers.get(self.customer[row] as usize)
    }

    /// The date of a record.
    #[must_use]
    pub fn date(&self, row: usize) -> Date {
        Date::from_day(self.days()[row])
    }

    /// The reason of a record as it is called now.
    #[must_use]
    pub fn reason(&self, row: usize, axis: ReasonAxis) -> Option<&Reason> {
        Some(&self.reasons[self.reason_code(row, axis)? as usize])
    }

    /// Whether a customer decided to leave: what the record says, or else the reason as found, or else as stated; `None`
    /// where there is neither.
    #[must_use]
    pub fn kind(&self, row: usize) -> Option<ChurnKind> {
        self.rows.kind[row].or_else(|| self.taxonomy.kind(self.reason(row, ReasonAxis::FoundElseStated)?))
    }

    /// The recurring value a month that each record lost; `None` where it is not known.
    #[must_use]
    pub fn values(&self) -> &[Option<f64>] {
        &self.rows.value
    }

    /// The days of the first and the last cancellation.
    #[must_use]
    pub fn dates(&self) -> Option<(Date, Date)> {
        let last = self.len().checked_sub(1)?;
        Some((self.date(0), self.date(last)))
    }

    /// The distinct reasons of both axes as they are called now, in order.
    #[must_use]
    pub fn distinct_reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The place of a record's reason among the distinct ones.
    pub(crate) fn reason_code(&self, row: usize, axis: ReasonAxis) -> Option<u32> {
        match axis {
            ReasonAxis::Stated => self.stated[row],
            ReasonAxis::Found => self.found[row],
            ReasonAxis::FoundElseStated => self.found[row].or(self.stated[row]),
        }
    }

    /// The distinct customers in order.
    pub(crate) fn customers(&self) -> &Ids {
        &self.customers
    }

    /// The number of each record's customer.
    pub(crate) fn customer_numbers(&self) -> &[u32] {
        &self.customer
    }

    /// The day of each record.
    pub(crate) fn days(&self) -> &[i32] {
        &self.day
    }

    /// Plan, segment, currency, competitor and what else is known of each record.
    pub(crate) fn labels(&self) -> &Rows {
        &self.rows
    }
}

pub(super) fn check_size(count: usize) -> Result<()> {
    const LIMIT: u32 = u32::MAX;
    if u32::try_from(count).is_ok_and(|count| count < LIMIT) {
        return Ok(());
    }
    let way_out = "divide them by date and ask the parts";
    Err(Error::TooLarge { what: "cancellations", count: count as u64, limit: u64::from(LIMIT), way_out })
}

/// The rows in the order of days, then of customers, then as they came.
pub(super) fn in_order(customer: &[u32], day: &[i32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(day.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_key(|&row| (day[row as usize], customer[row as usize]));
    order
}

/// Rows in the order of their customers, and which of these are of each customer.
pub(super) fn by_customer(customers: &[u32], count: usize) -> (Vec<u32>, Vec<Range<usize>>) {
    let mut next = vec![0_usize; count + 1];
    customers.iter().for_each(|&customer| next[customer as usize + 1] += 1);
    (0..count).for_each(|customer| next[customer + 1] += next[customer]);
    let ranges = next.windows(2).map(|ends| ends[0]..ends[1]).collect();
    let mut order = vec![0; customers.len()];
    for (row, &customer) in (0..).zip(customers) {
        order[next[customer as usize]] = row;
        next[customer as usize] += 1;
    }
    (order, ranges)
}

impl fmt::Display for ChurnRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let customers = counted(self.customers.len() as u64, "customer");
        write!(f, "{} of {customers}", counted(self.len() as u64, "cancellation"))?;
        if let Some((first, last)) = self.dates() {
            write!(f, ", {first} to {last}")?;
        }
        let known = |codes: &[Option<u32>]| codes.iter().flatten().count();
        write!(f, "; a reason was stated for {}, found for {}", known(&self.stated), known(&self.found))?;
        for (currency, count, sum) in self.value_by_currency() {
            write!(f, "\n{sum:.2} {} lost a month in {count}", currency.unwrap_or("(no currency)"))?;
        }
        Ok(())
    }
}
