//! Which warnings go before which reasons, how early, and how much is lost without any.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::classes::{View, cut, held, money, unvalued, view};
use super::enrichment::median;
use super::path::Reason;
use super::records::ChurnRecords;
use super::warnings::{Warning, Warnings};
use crate::error::Result;
use crate::frame::write;
use crate::print::percent;
use crate::statistics::{AssociationCell, Correction, Interval, Wilson, cells, ratio};

/// What [`ChurnRecords::reasons_by_trigger`] should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonsByTriggerOptions {
    view: View,
    early: u32,
    correction: Correction,
    confidence: f64,
}
view!(ReasonsByTriggerOptions);

impl ReasonsByTriggerOptions {
    /// Warnings that come 14 days before or earlier are early enough.
    #[must_use]
    pub fn new() -> Self {
        Self { view: View::default(), early: 14, correction: Correction::Holm, confidence: 0.95 }
    }

    /// How many days before the cancellation a warning has to come to be of use. The default is 14, the lead of the
    /// back-test: whoever is warned of the day before can do nothing.
    #[must_use]
    pub fn early(mut self, days: u32) -> Self {
        self.early = days;
        self
    }

    /// How p-values are corrected for the number of pairs of a reason and a trigger. The default is [`Correction::Holm`],
    /// for an account that is warned of by one trigger mostly is by others.
    #[must_use]
    pub fn correction(mut self, correction: Correction) -> Self {
        self.correction = correction;
        self
    }

    /// The level of confidence of the intervals. The default is 0.95, the custom of the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }
}

impl Default for ReasonsByTriggerOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// One trigger before the cancellations for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriggerBeforeReason {
    /// The reason, down to the level that was asked for.
    pub reason: Reason,
    /// What people call it.
    pub name: String,
    /// The trigger.
    pub trigger: String,
    /// Before how many of the cancellations for the reason this trigger could say anything.
    pub watched: u64,
    /// How many of these had the warning, beside what would be expected if it went before all reasons alike.
    pub warned: AssociationCell,
    /// Warned of watched.
    pub share: f64,
    /// The Wilson interval of the share.
    pub interval: Interval,
    /// How many of them had it early enough.
    pub early: u64,
    /// Half of them had it at least so many days before; `None` where none had it.
    pub median_lead: Option<f64>,
    /// The value a month that left with those who had it; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many of those who had it have no value that is known, and are in no sum.
    pub without_value: u64,
}

/// The warnings before the cancellations for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarnedReason {
    /// The reason; `None` of all cancellations, with a reason or without.
    pub reason: Option<Reason>,
    /// What people call it.
    pub name: String,
    /// How many cancellations were watched.
    pub watched: u64,
    /// How many of these had any warning.
    pub warned: u64,
    /// How many had one early enough.
    pub early: u64,
    /// Early enough of watched; `None` where none was.
    pub early_share: Option<f64>,
    /// The Wilson interval of that share.
    pub interval: Option<Interval>,
    /// The value a month that left with those watched; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many of those watched have no value that is known, and are in no sum.
    pub without_value: u64,
    /// The value a month that left without any warning.
    pub value_without_warning: Option<f64>,
}

/// The answer of [`ChurnRecords::reasons_by_trigger`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonsByTrigger {
    options: ReasonsByTriggerOptions,
    currency: Option<String>,
    not_watched: u64,
    all: WarnedReason,
    reasons: Vec<WarnedReason>,
    pairs: Vec<TriggerBeforeReason>,
}

/// # Reasons and warnings
impl ChurnRecords {
    /// Which triggers had fired before customers left for which reason, how many days before, and what was lost without any
    /// warning.
    ///
    /// ```text
    /// share         cancellations for the reason with the warning / those before which this trigger could say anything
    /// expected      if the warning went before all reasons alike; residual and p-value as of a table of two columns
    /// early enough  the first firing lies so many days before the cancellation, or more
    /// ```
    ///
    /// That a trigger fired before many who left says nothing of how many it fires for who stay: that is for the
    /// [`back_test`](crate::Portfolio::back_test). Here the question is which reasons announce themselves. A trigger may be
    /// useless for most customers and still be the one sign of a reason that costs much. Cancellations that nobody watched
    /// are counted by [`not_watched`](ReasonsByTrigger::not_watched) and in no share.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a confidence outside 0 to 1;
    /// [`Error::Incompatible`](crate::Error::Incompatible) for warnings of other records;
    /// [`Error::Overflow`](crate::Error::Overflow) for values without end.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, Reason, ReasonsByTriggerOptions, Taxonomy, WarningColumns, Warnings, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let left = |who, path| Cancellation::new(who, date(2026, 3, 31), Reason::from(path)).value(10.0);
    /// let records = ChurnRecords::of(
    ///     [left(1, "product/not_used"), left(2, "product/not_used"), left(3, "price/too_expensive")],
    ///     &Taxonomy::standard(),
    /// )?;
    /// let mut alerts = df!("id" => [1, 2, 1], "what" => ["silence", "silence", "tickets"], "day" => [20_513, 20_540, 20_541])?;
    /// alerts.apply("day", |day| day.cast(&DataType::Date).unwrap())?;       // 1, 28 and 29 March
    /// let columns = WarningColumns::new("id", "what", "day");
    /// let watched = date(2025, 12, 1)..=date(2026, 3, 31);
    /// let warnings = Warnings::from_frame(&records, &alerts, &columns, watched, 90)?;
    ///
    /// let answer = records.reasons_by_trigger(&warnings, ReasonsByTriggerOptions::new())?;
    /// let unused = Reason::from("product/not_used");
    /// let silence = answer.of(&unused, "silence").unwrap();
    /// assert_eq!((silence.warned.count, silence.early, silence.median_lead), (2, 1, Some(16.5)));
    /// assert_eq!((answer.all().warned, answer.all().value_without_warning), (2, Some(10.0)));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// S. J. Haberman (1973), "The analysis of residuals in cross-classified tables", Biometrics 29, 205-220.
    pub fn reasons_by_trigger(
        &self,
        warnings: &Warnings,
        options: impl Into<ReasonsByTriggerOptions>,
    ) -> Result<ReasonsByTrigger> {
        let options = options.into();
        let wilson = Wilson::new(options.confidence)?;
        warnings.check(self)?;
        let currency = self.one_currency();
        let classes = self.classes(options.view);
        let observed: Vec<bool> = (0..self.len()).map(|row| warnings.observed(row)).collect();
        let mut tally = vec![Tally::default(); classes.reasons.len() + 1];
        for (row, class) in classes.of.iter().enumerate().filter(|&(row, _)| observed[row]) {
            let value = self.values()[row];
            let (own, first) = (class.map(|class| class as usize), warnings.lead_days(row));
            for place in own.into_iter().chain([classes.reasons.len()]) {
                tally[place].add(first, options.early, value);
            }
        }
        let told = |reason: Option<&Reason>, tally: &Tally| -> Result<WarnedReason> {
            let summed = |sum: f64| held(sum).map(|sum| currency.is_some().then_some(sum));
            Ok(WarnedReason {
                reason: reason.cloned(),
                name: reason.map_or_else(|| "all".to_owned(), |reason| self.name_of(reason)),
                watched: tally.watched,
                warned: tally.warned,
                early: tally.early,
                early_share: ratio(tally.early, tally.watched),
                interval: wilson.interval(tally.early, tally.watched),
                value: summed(tally.value)?,
                without_value: tally.unvalued,
                value_without_warning: summed(tally.value_without)?,
            })
        };
        let all = told(None, &tally[classes.reasons.len()])?;
        let mut order: Vec<usize> = (0..classes.reasons.len()).filter(|&class| tally[class].watched > 0).collect();
        order.sort_by_key(|&class| std::cmp::Reverse(tally[class].watched));
        let reasons = order.iter().map(|&class| told(Some(&classes.reasons[class]), &tally[class]));
        let reasons = reasons.collect::<Result<Vec<_>>>()?;

        let mut pairs = Vec::new();
        for (trigger, name) in warnings.triggers().iter().enumerate() {
            let mut leads: Vec<Vec<u32>> = vec![Vec::new(); classes.reasons.len()];
            let (mut seen, mut unvalued) = (vec![0_u64; classes.reasons.len()], vec![0_u64; classes.reasons.len()]);
            let mut values = vec![0.0; classes.reasons.len()];
            for (row, class) in classes.of.iter().enumerate() {
                let warning = warnings.before(row)[trigger];
                // Another trigger may have been able to say something where this one was not.
                if let Some(class) = class.filter(|_| warning != Warning::NotObserved) {
                    seen[class as usize] += 1;
                    leads[class as usize].extend(warning.lead_days());
                    if warning.lead_days().is_some() {
                        values[class as usize] += self.values()[row].unwrap_or(0.0);
                        unvalued[class as usize] += u64::from(self.values()[row].is_none());
                    }
                }
            }
            let fired = |class: usize| leads[class].len() as u64;
            let table: Vec<u64> = order.iter().flat_map(|&class| [fired(class), seen[class] - fired(class)]).collect();
            for (cell, &class) in cells(&table, 2, Correction::None).iter().step_by(2).zip(&order) {
                let watched = seen[class];
                let (Some(share), Some(interval)) = (ratio(cell.count, watched), wilson.interval(cell.count, watched))
                else {
                    continue;
                };
                let early = leads[class].iter().filter(|&&lead| lead >= options.early).count() as u64;
                let (reason, trigger) = (classes.reasons[class].clone(), name.clone());
                let (name, median_lead) = (self.name_of(&reason), median(std::mem::take(&mut leads[class])));
                pairs.push(TriggerBeforeReason {
                    reason,
                    name,
                    trigger,
                    watched,
                    warned: *cell,
                    share,
                    interval,
                    early,
                    median_lead,
                    value: currency.is_some().then_some(values[class]),
                    without_value: unvalued[class],
                });
            }
        }
        let p_values: Vec<f64> = pairs.iter().filter_map(|pair| pair.warned.p_value).collect();
        let tested = pairs.iter_mut().filter(|pair| pair.warned.p_value.is_some());
        tested
            .zip(options.correction.adjust(&p_values))
            .for_each(|(pair, adjusted)| pair.warned.adjusted_p_value = Some(adjusted));
        let not_watched = observed.iter().filter(|&&observed| !observed).count() as u64;
        Ok(ReasonsByTrigger { options, currency: currency.flatten(), not_watched, all, reasons, pairs })
    }
}

/// The warnings before some cancellations.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    watched: u64,
    warned: u64,
    early: u64,
    value: f64,
    unvalued: u64,
    value_without: f64,
}

impl Tally {
    fn add(&mut self, first: Option<u32>, early: u32, value: Option<f64>) {
        self.watched += 1;
        self.warned += u64::from(first.is_some());
        self.early += u64::from(first.is_some_and(|lead| lead >= early));
        self.unvalued += u64::from(value.is_none());
        let value = value.unwrap_or(0.0);
        self.value += value;
        self.value_without += if first.is_none() { value } else { 0.0 };
    }
}

impl ReasonsByTrigger {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ReasonsByTriggerOptions {
        &self.options
    }

    /// The currency of all values; `None` where none is named, or they are in several.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// Cancellations before which nobody watched.
    #[must_use]
    pub fn not_watched(&self) -> u64 {
        self.not_watched
    }

    /// All cancellations that were watched, with a reason or without.
    #[must_use]
    pub fn all(&self) -> &WarnedReason {
        &self.all
    }

    /// The same by reason, the largest first.
    #[must_use]
    pub fn reasons(&self) -> &[WarnedReason] {
        &self.reasons
    }

    /// The pairs of a trigger and a reason, trigger by trigger, and within a trigger as [`reasons`](Self::reasons); none
    /// where the trigger could not say anything before any cancellation for the reason.
    #[must_use]
    pub fn pairs(&self) -> &[TriggerBeforeReason] {
        &self.pairs
    }

    /// One of them.
    #[must_use]
    pub fn of(&self, reason: &Reason, trigger: &str) -> Option<&TriggerBeforeReason> {
        self.pairs.iter().find(|pair| pair.reason == *reason && pair.trigger == trigger)
    }

    /// The pairs as a frame, in their order.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `trigger` | String | the trigger |
    /// | `reason`, `name` | String | the path of the reason, and what people call it |
    /// | `watched` | UInt64 | cancellations for the reason before which the trigger could say anything |
    /// | `warned` | UInt64 | those of them before which it fired |
    /// | `early` | UInt64 | those of these with the warning early enough |
    /// | `share`, `lower`, `upper` | Float64 | warned of watched, and its interval |
    /// | `expected` | Float64 | count if the trigger went before all reasons alike |
    /// | `residual`, `adjusted_p_value` | Float64 | how far the count is off; null with one reason, and where all or none are warned |
    /// | `median_lead` | Float64 | days from the first firing to the cancellation; null where there is none |
    /// | `value` | Float64 | value a month that left with those warned; null where values are in several currencies |
    /// | `without_value` | UInt64 | those warned whose value is not known, in no sum |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let text = |name: &str, of: fn(&TriggerBeforeReason) -> &str| {
            write::column(name, self.pairs.iter().map(of).collect::<Vec<_>>())
        };
        let number = |name: &str, of: fn(&TriggerBeforeReason) -> Option<f64>| {
            write::column(name, self.pairs.iter().map(of).collect::<Vec<_>>())
        };
        write::frame(vec![
            text("trigger", |pair| &pair.trigger),
            text("reason", |pair| pair.reason.as_str()),
            text("name", |pair| &pair.name),
            write::column("watched", self.pairs.iter().map(|pair| pair.watched).collect::<Vec<_>>()),
            write::column("warned", self.pairs.iter().map(|pair| pair.warned.count).collect::<Vec<_>>()),
            write::column("early", self.pairs.iter().map(|pair| pair.early).collect::<Vec<_>>()),
            number("share", |pair| Some(pair.share)),
            number("lower", |pair| Some(pair.interval.lower)),
            number("upper", |pair| Some(pair.interval.upper)),
            number("expected", |pair| Some(pair.warned.expected)),
            number("residual", |pair| pair.warned.residual),
            number("adjusted_p_value", |pair| pair.warned.adjusted_p_value),
            number("median_lead", |pair| pair.median_lead),
            number("value", |pair| pair.value),
            write::column("without_value", self.pairs.iter().map(|pair| pair.without_value).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for ReasonsByTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 14;
        write!(f, "Warnings before {} cancellations, {} not watched", self.all.watched, self.not_watched)?;
        let (early, value) = (self.options.early, self.currency.as_deref().unwrap_or("value"));
        write!(f, "; early is {early} days or more")?;
        write!(f, "\n  {:<28} {:>8} {:>8} {:>8} {:>9}", "reason", "number", "warned", "early", "early, %")?;
        write!(f, " {value:>11} {:>11}  mostly by", "no warning")?;
        for row in std::iter::once(&self.all).chain(self.reasons.iter().take(SHOWN)) {
            let (name, share) = (cut(&row.name, 28), percent(row.early_share));
            let (value, without) = (money(row.value), money(row.value_without_warning));
            let most = self
                .pairs
                .iter()
                .filter(|pair| Some(&pair.reason) == row.reason.as_ref() && pair.warned.count > 0)
                .max_by_key(|pair| pair.warned.count)
                .map_or_else(String::new, |pair| cut(&pair.trigger, 24));
            write!(f, "\n  {name:<28} {:>8} {:>8} {:>8} {share:>9}", row.watched, row.warned, row.early)?;
            write!(f, " {value:>11} {without:>11}  {most}")?;
        }
        if self.reasons.len() > SHOWN {
            write!(f, "\n  and {} more", self.reasons.len() - SHOWN)?;
        }
        unvalued(f, self.all.without_value)
    }
}
