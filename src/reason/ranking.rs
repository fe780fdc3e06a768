//! For what reasons customers leave most: the ranking of Pareto.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::classes::{View, cut, held, money, view};
use super::path::Reason;
use super::records::ChurnRecords;
use crate::error::Result;
use crate::frame::write;
use crate::print::{counted, percent};
use crate::statistics::{Interval, Wilson, ratio};

/// By what reasons are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RankBy {
    /// By how many cancellations they caused.
    #[default]
    Cancellations,
    /// By how many customers left for them: one who left for the same reason twice counts once.
    Customers,
    /// By the recurring value that was lost with them.
    Value,
}

/// What [`ChurnRecords::reason_ranking`] should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonRankingOptions {
    view: View,
    by: RankBy,
    confidence: f64,
}
view!(ReasonRankingOptions);

impl ReasonRankingOptions {
    /// Reasons by the number of cancellations, with intervals of 95 %.
    #[must_use]
    pub fn new() -> Self {
        Self { view: View::default(), by: RankBy::default(), confidence: 0.95 }
    }

    /// By what reasons are ranked. The default is [`RankBy::Cancellations`], which needs no values.
    #[must_use]
    pub fn by(mut self, by: RankBy) -> Self {
        self.by = by;
        self
    }

    /// The level of confidence of the intervals. The default is 0.95, the custom of the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }
}

impl Default for ReasonRankingOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<RankBy> for ReasonRankingOptions {
    fn from(by: RankBy) -> Self {
        Self::new().by(by)
    }
}

/// One reason in a ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedReason {
    /// The reason, down to the level that was asked for.
    pub reason: Reason,
    /// What people call it.
    pub name: String,
    /// How many cancellations have it.
    pub cancellations: u64,
    /// How many customers these are of: fewer where somebody left for it twice.
    pub customers: u64,
    /// Its share of the cancellations that have a reason.
    pub share: f64,
    /// The Wilson interval of the share.
    pub interval: Interval,
    /// The share of this reason and all before it in the ranking.
    pub cumulative_share: f64,
    /// Its share of the customers who left for any reason. Who left twice for two reasons is in the shares of both.
    pub customer_share: f64,
    /// The Wilson interval of that share.
    pub customer_interval: Interval,
    /// The share of customers who left for this reason or any before it in the ranking, each counted once.
    pub cumulative_customer_share: f64,
    /// The recurring value a month that was lost with it; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// Its share of the value of all cancellations that have a reason; `None` too where nothing of value was lost.
    pub value_share: Option<f64>,
    /// The share of value of this reason and all before it in the ranking.
    pub cumulative_value_share: Option<f64>,
    /// Its cancellations whose value is not known, and in no sum.
    pub without_value: u64,
}

/// The answer of [`ChurnRecords::reason_ranking`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonRanking {
    options: ReasonRankingOptions,
    currency: Option<String>,
    cancellations: u64,
    without_reason: u64,
    customers: u64,
    reasons: Vec<RankedReason>,
}

/// # Reasons
impl ChurnRecords {
    /// For what reasons customers leave most, by their number or by the value that goes with them.
    ///
    /// ```text
    /// share               cancellations with the reason / cancellations with any reason
    /// share of customers  customers who left for the reason / customers who left for any
    /// interval            Wilson's, of that share
    /// cumulative share    of this reason and all before it
    /// ```
    ///
    /// Cancellations and customers differ where some came back and left again. Shares of cancellations add up to 1, those
    /// of customers to more where somebody left for two reasons; the cumulative ones reach 1 both.
    ///
    /// Values are the recurring values a month of the records. Cancellations without a reason are in no share and counted
    /// by [`without_reason`](ReasonRanking::without_reason): nobody knows whether they would lie as the others do. Reasons
    /// that tie are in alphabetical order. The short head of the ranking is where to look first; what has become more of
    /// late, and what can be mended, it does not say.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a confidence outside 0 to 1; for a ranking by value
    /// [`Error::Incompatible`](crate::Error::Incompatible) where values are in several currencies, which
    /// [`exchanged`](Self::exchanged) mends. [`Error::Overflow`](crate::Error::Overflow) for values without end.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, RankBy, Reason, Taxonomy, date};
    ///
    /// let price = Reason::new("price", "too_expensive");
    /// let bugs = Reason::new("product", "low_quality");
    /// let left = |who, reason: &Reason, value| {
    ///     Cancellation::new(who, date(2026, 3, 31), reason.clone()).value(value).currency("EUR")
    /// };
    /// let records = ChurnRecords::of(
    ///     [left("a", &price, 10.0), left("b", &price, 20.0), left("c", &bugs, 90.0)],
    ///     &Taxonomy::standard(),
    /// )?;
    /// let by_number = records.reason_ranking(RankBy::Cancellations)?;
    /// assert_eq!((by_number.reasons()[0].name.as_str(), by_number.reasons()[0].cancellations), ("Too expensive", 2));
    /// let by_value = records.reason_ranking(RankBy::Value)?;
    /// assert_eq!((&by_value.reasons()[0].reason, by_value.reasons()[0].value_share), (&bugs, Some(0.75)));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// J. M. Juran (1954), "Universals in management planning and controlling", The Management Review 43, 748-761, for the
    /// vital few.
    pub fn reason_ranking(&self, options: impl Into<ReasonRankingOptions>) -> Result<ReasonRanking> {
        let options = options.into();
        let wilson = Wilson::new(options.confidence)?;
        if options.by == RankBy::Value {
            self.currency()?;
        }
        let currency = self.one_currency();
        let classes = self.classes(options.view);
        let mut tally = vec![(0_u64, 0.0_f64, 0_u64); classes.reasons.len()];
        for (class, value) in classes.of.iter().zip(self.values()) {
            let Some(class) = class else { continue };
            let (count, sum, without) = &mut tally[*class as usize];
            *count += 1;
            *sum += value.unwrap_or(0.0);
            *without += u64::from(value.is_none());
        }
        let customers = self.customers_by_class(&classes.of, classes.reasons.len());
        let all: u64 = tally.iter().map(|(count, ..)| count).sum();
        let all_customers = self.customers_with_reason(&classes.of);
        let all_value = held(tally.iter().map(|(_, sum, _)| sum).sum())?;
        let mut ranked = Vec::with_capacity(tally.len());
        let rows = (0_u32..).zip(classes.reasons).zip(tally).zip(customers);
        for (((class, reason), (count, sum, without_value)), customers) in rows {
            let (Some(share), Some(interval)) = (ratio(count, all), wilson.interval(count, all)) else { continue };
            let of_customers = (ratio(customers, all_customers), wilson.interval(customers, all_customers));
            let (Some(customer_share), Some(customer_interval)) = of_customers else { continue };
            let value = currency.is_some().then_some(sum);
            let reason = RankedReason {
                name: self.name_of(&reason),
                reason,
                cancellations: count,
                customers,
                share,
                interval,
                cumulative_share: 0.0,
                customer_share,
                customer_interval,
                cumulative_customer_share: 0.0,
                value,
                value_share: value.filter(|_| all_value > 0.0).map(|value| value / all_value),
                cumulative_value_share: None,
                without_value,
            };
            ranked.push((class, reason));
        }
        ranked.sort_by(|(_, one), (_, other)| {
            let value = |reason: &RankedReason| reason.value.unwrap_or(0.0);
            match options.by {
                RankBy::Cancellations => std::cmp::Ordering::Equal,
                RankBy::Customers => other.customers.cmp(&one.customers),
                RankBy::Value => value(other).total_cmp(&value(one)),
            }
            .then(other.cancellations.cmp(&one.cancellations))
        });
        let order: Vec<u32> = ranked.iter().map(|(class, _)| *class).collect();
        let reached = self.customers_reached(&classes.of, &order);
        let (mut count, mut value) = (0, 0.0);
        let mut reasons: Vec<RankedReason> = ranked.into_iter().map(|(_, reason)| reason).collect();
        for (reason, customers) in reasons.iter_mut().zip(reached) {
            count += reason.cancellations;
            value += reason.value.unwrap_or(0.0);
            reason.cumulative_share = ratio(count, all).unwrap_or(0.0);
            reason.cumulative_customer_share = ratio(customers, all_customers).unwrap_or(0.0);
            reason.cumulative_value_share = reason.value_share.map(|_| (value / all_value).min(1.0));
        }
        let (cancellations, customers) = (self.len() as u64, self.customers().len() as u64);
        let (without_reason, currency) = (cancellations - all, currency.flatten());
        Ok(ReasonRanking { options, currency, cancellations, without_reason, customers, reasons })
    }

    /// How many customers left for any reason.
    fn customers_with_reason(&self, of: &[Option<u32>]) -> u64 {
        let mut told = vec![false; self.customers().len()];
        for (class, &customer) in of.iter().zip(self.customer_numbers()) {
            told[customer as usize] |= class.is_some();
        }
        told.into_iter().filter(|&told| told).count() as u64
    }

    /// How many customers left for the first of these classes, for one of the first two, and so on.
    fn customers_reached(&self, of: &[Option<u32>], order: &[u32]) -> Vec<u64> {
        let mut place_of = vec![0; order.len()];
        (0..).zip(order).for_each(|(place, &class)| place_of[class as usize] = place);
        let mut first = vec![order.len(); self.customers().len()];
        for (class, &customer) in of.iter().zip(self.customer_numbers()) {
            let Some(class) = class else { continue };
            let first = &mut first[customer as usize];
            *first = (*first).min(place_of[*class as usize]);
        }
        let mut reached = vec![0; order.len() + 1];
        first.into_iter().for_each(|place| reached[place] += 1);
        let mut sum = 0;
        let so_far = |count: &u64| {
            sum += count;
            sum
        };
        reached[..order.len()].iter().map(so_far).collect()
    }

    /// How many customers there are in each class.
    fn customers_by_class(&self, of: &[Option<u32>], classes: usize) -> Vec<u64> {
        let mut counts = vec![0; classes];
        if self.customers().len() == self.len() {
            of.iter().flatten().for_each(|&class| counts[class as usize] += 1);
            return counts;
        }
        let pair = |(&class, &customer): (&Option<u32>, &u32)| Some((class?, customer));
        let mut pairs: Vec<(u32, u32)> = of.iter().zip(self.customer_numbers()).filter_map(pair).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs.iter().for_each(|&(class, _)| counts[class as usize] += 1);
        counts
    }
}

impl ReasonRanking {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ReasonRankingOptions {
        &self.options
    }

    /// The currency of all values; `None` where none is named, or they are in several.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// How many cancellations there are, those without a reason among them.
    #[must_use]
    pub fn cancellations(&self) -> u64 {
        self.cancellations
    }

    /// How many customers these are of.
    #[must_use]
    pub fn customers(&self) -> u64 {
        self.customers
    }

    /// How many of the cancellations have no reason.
    #[must_use]
    pub fn without_reason(&self) -> u64 {
        self.without_reason
    }

    /// The reasons, the largest first.
    #[must_use]
    pub fn reasons(&self) -> &[RankedReason] {
        &self.reasons
    }

    /// The place of a reason in the ranking.
    #[must_use]
    pub fn of(&self, reason: &Reason) -> Option<&RankedReason> {
        self.reasons.iter().find(|ranked| ranked.reason == *reason)
    }

    /// The ranking as a frame, the largest reason first.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason` | String | the path of the reason |
    /// | `name` | String | what people call it |
    /// | `cancellations` | UInt64 | how many have it |
    /// | `customers` | UInt64 | how many customers these are of |
    /// | `share`, `lower`, `upper` | Float64 | share of the cancellations that have a reason, and its interval |
    /// | `cumulative_share` | Float64 | of this reason and all before it |
    /// | `customer_share`, `customer_lower`, `customer_upper` | Float64 | share of the customers who left for any reason, and its interval |
    /// | `cumulative_customer_share` | Float64 | of those who left for this reason or any before it, each once |
    /// | `value` | Float64 | recurring value a month that was lost; null where values are in several currencies |
    /// | `value_share`, `cumulative_value_share` | Float64 | of all value that was lost; null too where there is none |
    /// | `without_value` | UInt64 | cancellations whose value is not known |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = &self.reasons;
        let count =
            |name: &str, of: fn(&RankedReason) -> u64| write::column(name, rows.iter().map(of).collect::<Vec<_>>());
        let number = |name: &str, of: fn(&RankedReason) -> Option<f64>| {
            write::column(name, rows.iter().map(of).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::column("reason", rows.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>()),
            write::column("name", rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>()),
            count("cancellations", |row| row.cancellations),
            count("customers", |row| row.customers),
            number("share", |row| Some(row.share)),
            number("lower", |row| Some(row.interval.lower)),
            number("upper", |row| Some(row.interval.upper)),
            number("cumulative_share", |row| Some(row.cumulative_share)),
            number("customer_share", |row| Some(row.customer_share)),
            number("customer_lower", |row| Some(row.customer_interval.lower)),
            number("customer_upper", |row| Some(row.customer_interval.upper)),
            number("cumulative_customer_share", |row| Some(row.cumulative_customer_share)),
            number("value", |row| row.value),
            number("value_share", |row| row.value_share),
            number("cumulative_value_share", |row| row.cumulative_value_share),
            count("without_value", |row| row.without_value),
        ])
    }
}

impl fmt::Display for ReasonRanking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 14;
        let customers = counted(self.customers, "customer");
        write!(f, "{} of {customers}", counted(self.cancellations, "cancellation"))?;
        write!(f, ", {} without a reason", self.without_reason)?;
        let by_customers = self.options.by == RankBy::Customers;
        let number = if by_customers { "customers" } else { "number" };
        let value = self.currency.as_deref().unwrap_or("value");
        write!(f, "\n  {:<32} {number:>9} {:>6} {:>13} {value:>11} {:>6} {:>7}", "reason", "%", "", "%", "so far")?;
        for row in self.reasons.iter().take(SHOWN) {
            let (count, share, interval) = if by_customers {
                (row.customers, row.customer_share, row.customer_interval)
            } else {
                (row.cancellations, row.share, row.interval)
            };
            // Of what it is ranked by.
            let so_far = match self.options.by {
                RankBy::Cancellations => Some(row.cumulative_share),
                RankBy::Customers => Some(row.cumulative_customer_share),
                RankBy::Value => row.cumulative_value_share,
            };
            let [share, lower, upper] = [share, interval.lower, interval.upper].map(|x| percent(Some(x)));
            let (name, limits) = (cut(&row.name, 32), format!("{lower} to {upper}"));
            let (value, of_value, so_far) = (money(row.value), percent(row.value_share), percent(so_far));
            write!(f, "\n  {name:<32} {count:>9} {share:>6} {limits:>13} {value:>11} {of_value:>6} {so_far:>7}")?;
        }
        if self.reasons.len() > SHOWN {
            write!(f, "\n  and {} more", self.reasons.len() - SHOWN)?;
        }
        Ok(())
    }
}
