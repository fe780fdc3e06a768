//! The columns of records, whatever their order.

use std::collections::BTreeMap;

use super::cancellation::{Cancellation, CustomerId, WinBack};
use super::kind::ChurnKind;
use super::labels::Labels;
use super::path::Reason;
use crate::calendar::Date;

/// What is known of each cancellation, but for who left and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    /// The paths of reasons as they were recorded.
    pub(crate) stated: Labels,
    pub(crate) found: Labels,
    pub(crate) kind: Vec<Option<ChurnKind>>,
    pub(crate) plan: Labels,
    pub(crate) segment: Labels,
    pub(crate) value: Vec<Option<f64>>,
    pub(crate) currency: Labels,
    pub(crate) started_on: Vec<Option<i32>>,
    pub(crate) competitor: Labels,
    pub(crate) comment: Vec<Option<Box<str>>>,
    pub(crate) decision_reason: Vec<Option<Box<str>>>,
    pub(crate) recorded_by: Labels,
    pub(crate) win_back: Vec<Option<WinBack>>,
    /// Each of them in some row.
    pub(crate) attributes: BTreeMap<String, Labels>,
}

fn taken<T: Clone>(column: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| column[row as usize].clone()).collect()
}

impl Rows {
    pub(super) fn of(records: &[Cancellation]) -> Self {
        let labels = |of: fn(&Cancellation) -> Option<&str>| Labels::of(records.iter().map(of));
        let text = |of: fn(&Cancellation) -> Option<&String>| {
            records.iter().map(|record| of(record).map(|text| text.as_str().into())).collect()
        };
        let names =
            records.iter().flat_map(|record| record.attributes.keys()).collect::<std::collections::BTreeSet<_>>();
        let attribute = |name: &&String| {
            let values = records.iter().map(|record| record.attributes.get(*name).map(String::as_str));
            ((*name).clone(), Labels::of(values))
        };
        Self {
            stated: labels(|record| record.stated.as_ref().map(Reason::as_str)),
            found: labels(|record| record.found.as_ref().map(Reason::as_str)),
            kind: records.iter().map(|record| record.kind).collect(),
            plan: labels(|record| record.plan.as_deref()),
            segment: labels(|record| record.segment.as_deref()),
            value: records.iter().map(|record| record.value).collect(),
            currency: labels(|record| record.currency.as_deref()),
            started_on: records.iter().map(|record| record.started_on.map(Date::days_since_epoch)).collect(),
            competitor: labels(|record| record.competitor.as_deref()),
            comment: text(|record| record.comment.as_ref()),
            decision_reason: text(|record| record.decision_reason.as_ref()),
            recorded_by: labels(|record| record.recorded_by.as_deref()),
            win_back: records.iter().map(|record| record.win_back).collect(),
            attributes: names.iter().map(attribute).collect(),
        }
    }

    /// These rows, in this order.
    pub(super) fn take(&self, rows: &[u32]) -> Self {
        let attributes = self.attributes.iter().map(|(name, values)| (name.clone(), values.take(rows)));
        Self {
            stated: self.stated.take(rows),
            found: self.found.take(rows),
            kind: taken(&self.kind, rows),
            plan: self.plan.take(rows),
            segment: self.segment.take(rows),
            value: taken(&self.value, rows),
            currency: self.currency.take(rows),
            started_on: taken(&self.started_on, rows),
            competitor: self.competitor.take(rows),
            comment: taken(&self.comment, rows),
            decision_reason: taken(&self.decision_reason, rows),
            recorded_by: self.recorded_by.take(rows),
            win_back: taken(&self.win_back, rows),
            attributes: attributes.filter(|(_, values)| !values.names().is_empty()).collect(),
        }
    }

    /// The rows of both, one behind the other.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let mut attributes = BTreeMap::new();
        for name in self.attributes.keys().chain(other.attributes.keys()) {
            let of =
                |rows: &Self| rows.attributes.get(name).map_or_else(|| Labels::none(rows.value.len()), Labels::clone);
            attributes.entry(name.clone()).or_insert_with(|| of(self).joined(&of(other)));
        }
        Self {
            stated: self.stated.joined(&other.stated),
            found: self.found.joined(&other.found),
            kind: [&self.kind[..], &other.kind].concat(),
            plan: self.plan.joined(&other.plan),
            segment: self.segment.joined(&other.segment),
            value: [&self.value[..], &other.value].concat(),
            currency: self.currency.joined(&other.currency),
            started_on: [&self.started_on[..], &other.started_on].concat(),
            competitor: self.competitor.joined(&other.competitor),
            comment: [&self.comment[..], &other.comment].concat(),
            decision_reason: [&self.decision_reason[..], &other.decision_reason].concat(),
            recorded_by: self.recorded_by.joined(&other.recorded_by),
            win_back: [&self.win_back[..], &other.win_back].concat(),
            attributes,
        }
    }

    /// Whether two rows say the same.
    pub(super) fn alike(&self, left: usize, right: usize) -> bool {
        let labels =
            [&self.stated, &self.found, &self.plan, &self.segment, &self.currency, &self.competitor, &self.recorded_by];
        labels.into_iter().chain(self.attributes.values()).all(|labels| labels.codes()[left] == labels.codes()[right])
            && self.kind[left] == self.kind[right]
            && self.value[left] == self.value[right]
            && self.started_on[left] == self.started_on[right]
            && self.comment[left] == self.comment[right]
            && self.decision_reason[left] == self.decision_reason[right]
            && self.win_back[left] == self.win_back[right]
    }

    /// The record of a row.
    pub(super) fn get(&self, row: usize, customer: CustomerId, date: Date) -> Cancellation {
        let text = |labels: &Labels| labels.get(row).map(str::to_owned);
        let boxed = |column: &[Option<Box<str>>]| column[row].as_deref().map(str::to_owned);
        let attributes = self.attributes.iter();
        Cancellation {
            customer,
            date,
            stated: self.stated.get(row).map(Reason::from),
            found: self.found.get(row).map(Reason::from),
            kind: self.kind[row],
            plan: text(&self.plan),
            segment: text(&self.segment),
            value: self.value[row],
            currency: text(&self.currency),
            started_on: self.started_on[row].map(Date::from_day),
            competitor: text(&self.competitor),
            comment: boxed(&self.comment),
            decision_reason: boxed(&self.decision_reason),
            recorded_by: text(&self.recorded_by),
            win_back: self.win_back[row],
            attributes: attributes.filter_map(|(name, values)| Some((name.clone(), text(values)?))).collect(),
        }
    }
}
