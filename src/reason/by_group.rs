//! Who leaves for what: reasons by plan, segment, tenure, cohort, or whatever customers are divided by.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::classes::{View, cut, held, view};
use super::path::Reason;
use super::records::ChurnRecords;
use crate::activity::{SegmentColumns, divide};
use crate::calendar::{Calendar, Date, Period};
use crate::error::{Error, Result};
use crate::frame::write;
use crate::print::{p_equals, percent};
use crate::statistics::{
    Association, AssociationCell, AssociationTest, Correction, Interval, Wilson, association, cells, ratio,
};

/// Larger tables are refused: nobody reads them.
const MOST_CELLS: u64 = 1 << 18;

/// By what [`ChurnRecords::reasons_by`] divides cancellations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReasonGrouping {
    /// By the plan that was cancelled.
    Plan,
    /// By the segment of the customer.
    Segment,
    /// By the competitor to whom the customer went.
    Competitor,
    /// By an attribute of the records.
    Attribute(String),
    /// By the days from the start to the cancellation, in bands that begin at these days. The first begins at 0, named or
    /// not.
    Tenure(Vec<u32>),
    /// By the period in which customers started, weeks from Monday.
    Cohort(Period),
}

impl ReasonGrouping {
    /// Tenure in bands of a month, a quarter, a half year, a year and two.
    #[must_use]
    pub fn tenure() -> Self {
        Self::Tenure(vec![0, 30, 90, 180, 365, 730])
    }
}

/// How [`ChurnRecords::reasons_by`] should look at the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonsByOptions {
    view: View,
    correction: Correction,
    confidence: f64,
    seed: u64,
}
view!(ReasonsByOptions);

impl ReasonsByOptions {
    /// Reasons with intervals of 95 %, and p-values of cells corrected as Holm has it.
    #[must_use]
    pub fn new() -> Self {
        Self { view: View::default(), correction: Correction::Holm, confidence: 0.95, seed: 0 }
    }

    /// How the p-values of cells are corrected for their number. The default is [`Correction::Holm`]: the cells of a table
    /// depend on each other, and Holm's promise does not mind.
    #[must_use]
    pub fn correction(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }

    /// The level of confidence of the intervals, and the one at which a cell stands out. The default is 0.95, the custom of
    /// the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// Decides what is drawn where a table is too large to be gone through. The default is 0: the same table gives the same
    /// p-value.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl Default for ReasonsByOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// One reason in one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonGroupCell {
    /// The reason, down to the level that was asked for.
    pub reason: Reason,
    /// What people call it.
    pub name: String,
    /// The group.
    pub group: String,
    /// The count beside what would be expected if all groups left for the same reasons.
    pub cell: AssociationCell,
    /// Its share of the cancellations of the group that have a reason.
    pub share: f64,
    /// The Wilson interval of the share.
    pub interval: Interval,
    /// The share of the reason in all groups.
    pub share_of_all: f64,
    /// The recurring value a month that was lost with them; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many of them have no value that is known, and are in no sum.
    pub without_value: u64,
}

/// The answer of [`ChurnRecords::reasons_by`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonsBy {
    options: ReasonsByOptions,
    by: String,
    currency: Option<String>,
    without_reason: u64,
    without_group: u64,
    groups: Vec<(String, u64)>,
    association: Option<Association>,
    cells: Vec<ReasonGroupCell>,
}

/// # Reasons by group
impl ChurnRecords {
    /// Whether customers of different plans, segments, tenures or cohorts leave for different reasons, and which group leaves
    /// for which more, or less, than the others.
    ///
    /// ```text
    /// share      cancellations of the group with the reason / its cancellations with any
    /// expected   cancellations of the group x share of the reason in all groups
    /// residual   (count - expected) / its standard deviation if groups are alike          (Haberman's, adjusted)
    /// test       chi-squared, with Cramer's V for how strong; exact, or drawn at random, where counts are small
    /// ```
    ///
    /// The table is of those who left, and says nothing of how many do: a group with a large share of a reason may still
    /// lose few customers for it. p-values of cells are corrected for all of them, and exact where counts are small.
    /// Cancellations without a reason, or without a group, are left out and counted.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a confidence outside 0 to 1, an attribute that no record has, and bands of tenure that do
    /// not rise; [`Error::TooLarge`] for more than 2^18 reasons times groups; [`Error::Overflow`] for values without end.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, Reason, ReasonGrouping, ReasonsByOptions, Taxonomy, date};
    ///
    /// // Of 30 on the small plan 24 leave for the price, of 30 on the large one 6.
    /// let left = (0..60_u32).map(|who| {
    ///     let (plan, price) = if who < 30 { ("small", who < 24) } else { ("large", who < 36) };
    ///     let reason = Reason::from(if price { "price/too_expensive" } else { "product/missing_feature" });
    ///     Cancellation::new(who, date(2026, 3, 31), reason).plan(plan)
    /// });
    /// let records = ChurnRecords::of(left, &Taxonomy::standard())?;
    /// let by_plan = records.reasons_by(&ReasonGrouping::Plan, ReasonsByOptions::new())?;
    /// let association = by_plan.association().unwrap();
    /// assert!((association.chi_square - 21.6).abs() < 1e-9 && (association.cramers_v - 0.6).abs() < 1e-9);
    /// assert_eq!(
    ///     by_plan.conclusions()[0],
    ///     "small: Too expensive in 80.0 % of 30 cancellations, 50.0 % in all (p < 0.0001)",
    /// );
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// S. J. Haberman (1973), "The analysis of residuals in cross-classified tables", Biometrics 29, 205-220; G. H. Freeman
    /// and J. H. Halton (1951), Biometrika 38, 141-149, for the exact test.
    pub fn reasons_by(&self, grouping: &ReasonGrouping, options: impl Into<ReasonsByOptions>) -> Result<ReasonsBy> {
        let rows = self.labels();
        let (by, labels) = match grouping {
            ReasonGrouping::Plan => ("plan", &rows.plan),
            ReasonGrouping::Segment => ("segment", &rows.segment),
            ReasonGrouping::Competitor => ("competitor", &rows.competitor),
            ReasonGrouping::Attribute(name) => {
                let missing = || Error::InvalidOption {
                    option: "attribute",
                    value: format!("{name:?}"),
                    reason: "no record has it; see the columns attribute_... of their frame",
                };
                (name.as_str(), rows.attributes.get(name).ok_or_else(missing)?)
            }
            ReasonGrouping::Tenure(starts) => {
                let (names, codes) = self.tenure_bands(starts)?;
                return self.reasons_by_codes("tenure", &names, &codes, &options.into());
            }
            ReasonGrouping::Cohort(period) => {
                let (names, codes) = self.start_cohorts(*period);
                return self.reasons_by_codes("cohort", &names, &codes, &options.into());
            }
        };
        self.reasons_by_codes(by, labels.names(), labels.codes(), &options.into())
    }

    /// The same by what a frame says of customers: their country, their size, the class of their engagement.
    ///
    /// # Errors
    ///
    /// As [`reasons_by`](Self::reasons_by), and as [`Activity::split_by`](crate::Activity::split_by), whose kind of frame it
    /// is.
    pub fn reasons_by_frame(
        &self,
        frame: &DataFrame,
        columns: &SegmentColumns,
        options: impl Into<ReasonsByOptions>,
    ) -> Result<ReasonsBy> {
        let (mut names, mut of_customer) = (Vec::new(), vec![None; self.customers().len()]);
        for (name, customers) in divide(self.customers(), frame, columns)? {
            let Some(name) = name else { continue };
            let code = u32::try_from(names.len()).ok();
            customers.into_iter().for_each(|customer| of_customer[customer] = code);
            names.push(name);
        }
        let codes: Vec<Option<u32>> =
            self.customer_numbers().iter().map(|&customer| of_customer[customer as usize]).collect();
        self.reasons_by_codes("segment", &names, &codes, &options.into())
    }

    /// The same by any groups of records, each named once, of which some may have nobody.
    pub(crate) fn reasons_by_codes(
        &self,
        by: &str,
        names: &[String],
        codes: &[Option<u32>],
        options: &ReasonsByOptions,
    ) -> Result<ReasonsBy> {
        let wilson = Wilson::new(options.confidence)?;
        let classes = self.classes(options.view);
        let (reasons, groups) = (classes.reasons.len(), names.len());
        let count = reasons as u64 * groups as u64;
        if count > MOST_CELLS {
            let (what, way_out) = ("cells of reasons and groups", "ask for categories, or for fewer groups");
            return Err(Error::TooLarge { what, count, limit: MOST_CELLS, way_out });
        }
        let currency = self.one_currency();
        let (mut table, mut without_reason, mut without_group) = (vec![0_u64; reasons * groups], 0, 0);
        let (mut values, mut unvalued) = (vec![0.0; reasons * groups], vec![0_u64; reasons * groups]);
        for ((class, group), value) in classes.of.iter().zip(codes).zip(self.values()) {
            match (class, group) {
                (Some(class), Some(group)) => {
                    let place = *class as usize * groups + *group as usize;
                    table[place] += 1;
                    values[place] += value.unwrap_or(0.0);
                    unvalued[place] += u64::from(value.is_none());
                }
                (None, _) => without_reason += 1,
                (_, None) => without_group += 1,
            }
        }
        // Rows and columns without anybody say nothing; the largest reasons come first.
        let (mut of_reason, mut of_group) = (vec![0_u64; reasons], vec![0_u64; groups]);
        for (place, &count) in table.iter().enumerate() {
            of_reason[place / groups] += count;
            of_group[place % groups] += count;
        }
        let mut kept: Vec<usize> = (0..reasons).filter(|&reason| of_reason[reason] > 0).collect();
        kept.sort_by_key(|&reason| std::cmp::Reverse(of_reason[reason]));
        let columns: Vec<usize> = (0..groups).filter(|&group| of_group[group] > 0).collect();
        let sizes: Vec<(String, u64)> = columns.iter().map(|&group| (names[group].clone(), of_group[group])).collect();
        let table: Vec<u64> = kept
            .iter()
            .flat_map(|&reason| columns.iter().map(move |&group| (reason, group)))
            .map(|(reason, group)| table[reason * groups + group])
            .collect();
        let total = table.iter().sum();
        let mut all = Vec::with_capacity(table.len());
        for (place, cell) in cells(&table, columns.len(), options.correction).into_iter().enumerate() {
            let (reason, (group, size)) = (kept[place / columns.len()], &sizes[place % columns.len()]);
            let at = reason * groups + columns[place % columns.len()];
            let (value, without_value) = (held(values[at])?, unvalued[at]);
            let (Some(share), Some(interval), Some(share_of_all)) =
                (ratio(cell.count, *size), wilson.interval(cell.count, *size), ratio(of_reason[reason], total))
            else {
                continue;
            };
            let reason = classes.reasons[reason].clone();
            let (name, group, value) = (self.name_of(&reason), group.clone(), currency.is_some().then_some(value));
            all.push(ReasonGroupCell {
                reason,
                name,
                group,
                cell,
                share,
                interval,
                share_of_all,
                value,
                without_value,
            });
        }
        let association = association(&table, columns.len(), options.seed);
        let (options, by, currency) = (options.clone(), by.to_owned(), currency.flatten());
        Ok(ReasonsBy { options, by, currency, without_reason, without_group, groups: sizes, association, cells: all })
    }

    /// Bands of days from the start to the cancellation.
    fn tenure_bands(&self, starts: &[u32]) -> Result<(Vec<String>, Vec<Option<u32>>)> {
        let starts: Vec<u32> = if starts.first() == Some(&0) { starts.to_vec() } else { [&[0], starts].concat() };
        if !starts.is_sorted_by(|one, next| one < next) || starts.len() > 1_000 {
            let reason = "the first days of bands rise, like 0, 30, 90; there are 1000 at most";
            return Err(Error::InvalidOption { option: "tenure", value: format!("{starts:?}"), reason });
        }
        let ends = starts.iter().skip(1).map(Some).chain([None]);
        let name = |(start, end): (&u32, Option<&u32>)| {
            end.map_or_else(|| format!("{start} days and more"), |end| format!("{start} to {} days", end - 1))
        };
        let names = starts.iter().zip(ends).map(name).collect();
        let code = |(&day, start): (&i32, &Option<i32>)| {
            let tenure = u32::try_from(day - (*start)?).ok()?;
            u32::try_from(starts.partition_point(|&start| start <= tenure) - 1).ok()
        };
        Ok((names, self.days().iter().zip(&self.labels().started_on).map(code).collect()))
    }

    /// The periods in which customers started.
    fn start_cohorts(&self, period: Period) -> (Vec<String>, Vec<Option<u32>>) {
        let calendar = Calendar::utc();
        let of = |start: &Option<i32>| start.map(|day| calendar.ordinal(period, Date::from_day(day)));
        let ordinals: Vec<Option<i32>> = self.labels().started_on.iter().map(of).collect();
        let mut distinct: Vec<i32> = ordinals.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let names = distinct.iter().map(|&ordinal| calendar.span_of(period, ordinal).start.to_string()).collect();
        let code = |ordinal: Option<i32>| u32::try_from(distinct.binary_search(&ordinal?).ok()?).ok();
        (names, ordinals.into_iter().map(code).collect())
    }
}

impl ReasonsBy {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ReasonsByOptions {
        &self.options
    }

    /// What the groups are.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The currency of all values; `None` where none is named, or they are in several.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// Cancellations without a reason, in no cell.
    #[must_use]
    pub fn without_reason(&self) -> u64 {
        self.without_reason
    }

    /// Cancellations with a reason and without a group, in no cell.
    #[must_use]
    pub fn without_group(&self) -> u64 {
        self.without_group
    }

    /// The groups and how many cancellations each has in the table: bands and cohorts in their order, others in that of the
    /// alphabet.
    #[must_use]
    pub fn groups(&self) -> &[(String, u64)] {
        &self.groups
    }

    /// The test of the whole table; `None` with fewer than two reasons or two groups.
    #[must_use]
    pub fn association(&self) -> Option<&Association> {
        self.association.as_ref()
    }

    /// The cells, the largest reason first, and within a reason group by group.
    #[must_use]
    pub fn cells(&self) -> &[ReasonGroupCell] {
        &self.cells
    }

    /// One of them.
    #[must_use]
    pub fn of(&self, reason: &Reason, group: &str) -> Option<&ReasonGroupCell> {
        self.cells.iter().find(|cell| cell.reason == *reason && cell.group == group)
    }

    /// The cells that stand out at the level of confidence, after correction for all of them, the furthest first.
    #[must_use]
    pub fn standing_out(&self) -> Vec<&ReasonGroupCell> {
        let level = 1.0 - self.options.confidence;
        let far = |cell: &&ReasonGroupCell| cell.cell.adjusted_p_value.is_some_and(|p| p <= level);
        let mut cells: Vec<&ReasonGroupCell> = self.cells.iter().filter(far).collect();
        let distance = |cell: &ReasonGroupCell| cell.cell.residual.unwrap_or(0.0).abs();
        cells.sort_by(|one, other| {
            // Of a mirrored pair the one that is more than expected is told first.
            let more = |cell: &ReasonGroupCell| cell.cell.residual.is_some_and(|residual| residual > 0.0);
            let near = (distance(one) - distance(other)).abs() <= 1e-9 * distance(one);
            if near { more(other).cmp(&more(one)) } else { distance(other).total_cmp(&distance(one)) }
        });
        cells
    }

    /// A sentence for each cell that [stands out](Self::standing_out).
    #[must_use]
    pub fn conclusions(&self) -> Vec<String> {
        let size = |group: &str| self.groups.iter().find(|(name, _)| name == group).map_or(0, |(_, size)| *size);
        let sentence = |cell: &&ReasonGroupCell| {
            let [share, all] = [cell.share, cell.share_of_all].map(|share| percent(Some(share)));
            let (group, name, p) = (&cell.group, &cell.name, p_equals(cell.cell.adjusted_p_value.unwrap_or(1.0)));
            format!("{group}: {name} in {share} % of {} cancellations, {all} % in all ({p})", size(group))
        };
        self.standing_out().iter().map(sentence).collect()
    }

    /// The cells as a frame, in the order of [`cells`](Self::cells).
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason`, `name` | String | the path of the reason, and what people call it |
    /// | `group` | String | the group |
    /// | `cancellations` | UInt64 | how many of the group left for it |
    /// | `share`, `lower`, `upper` | Float64 | of the cancellations of the group that have a reason, and its interval |
    /// | `share_of_all` | Float64 | share of the reason in all groups |
    /// | `expected` | Float64 | count if groups were alike |
    /// | `residual` | Float64 | adjusted standardised residual; null with one reason or one group |
    /// | `p_value`, `adjusted_p_value` | Float64 | of the cell, and corrected for all cells; null as above |
    /// | `value` | Float64 | value a month that was lost with them; null where values are in several currencies |
    /// | `without_value` | UInt64 | cancellations of these whose value is not known, in no sum |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let text = |name: &str, of: fn(&ReasonGroupCell) -> &str| {
            write::column(name, self.cells.iter().map(of).collect::<Vec<_>>())
        };
        let number = |name: &str, of: fn(&ReasonGroupCell) -> Option<f64>| {
            write::column(name, self.cells.iter().map(of).collect::<Vec<_>>())
        };
        write::frame(vec![
            text("reason", |cell| cell.reason.as_str()),
            text("name", |cell| &cell.name),
            text("group", |cell| &cell.group),
            write::column("cancellations", self.cells.iter().map(|cell| cell.cell.count).collect::<Vec<_>>()),
            number("share", |cell| Some(cell.share)),
            number("lower", |cell| Some(cell.interval.lower)),
            number("upper", |cell| Some(cell.interval.upper)),
            number("share_of_all", |cell| Some(cell.share_of_all)),
            number("expected", |cell| Some(cell.cell.expected)),
            number("residual", |cell| cell.cell.residual),
            number("p_value", |cell| cell.cell.p_value),
            number("adjusted_p_value", |cell| cell.cell.adjusted_p_value),
            number("value", |cell| cell.value),
            write::column("without_value", self.cells.iter().map(|cell| cell.without_value).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for ReasonsBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        const GROUPS: usize = 6;
        let count: u64 = self.groups.iter().map(|(_, size)| size).sum();
        write!(f, "Reasons by {}: {count} cancellations, {} groups", self.by, self.groups.len())?;
        if let Some(association) = &self.association {
            let how = match association.test {
                AssociationTest::ChiSquared => "chi-squared",
                AssociationTest::Exact => "exact",
                AssociationTest::MonteCarlo { .. } => "drawn at random",
            };
            write!(f, "; {} ({how}), Cramer's V {:.2}", p_equals(association.p_value), association.cramers_v)?;
        }
        write!(f, "\n  {:<26}", "share of the group in %")?;
        let shown = || self.groups.iter().take(GROUPS);
        let wide = shown().map(|(name, _)| name.chars().count()).max().unwrap_or(0).clamp(6, 17);
        shown().try_for_each(|(name, _)| write!(f, " {:>wide$}", cut(name, wide)))?;
        for row in self.cells.chunks(self.groups.len().max(1)).take(SHOWN) {
            write!(f, "\n  {:<26}", row.first().map_or_else(String::new, |cell| cut(&cell.name, 26)))?;
            row.iter().take(GROUPS).try_for_each(|cell| write!(f, " {:>wide$}", percent(Some(cell.share))))?;
        }
        for sentence in self.conclusions().iter().take(4) {
            write!(f, "\n  {sentence}")?;
        }
        Ok(())
    }
}
