//! What customers state against what is found.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::classes::{View, cut, held, money, unvalued};
use super::path::{Reason, ReasonLevel};
use super::records::{ChurnRecords, ReasonAxis};
use crate::error::{Error, Result};
use crate::frame::write;
use crate::print::percent;
use crate::statistics::{Interval, Wilson, kappa, ratio};

/// More classes of reasons are not laid against each other.
const MOST_CLASSES: usize = 2_000;

/// What [`ChurnRecords::reason_agreement`] should compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonAgreementOptions {
    level: ReasonLevel,
    confidence: f64,
}

impl ReasonAgreementOptions {
    /// Reasons down to a level: of categories most agree, of details few.
    #[must_use]
    pub fn new(level: ReasonLevel) -> Self {
        Self { level, confidence: 0.95 }
    }

    /// The level of confidence of the intervals. The default is 0.95, the custom of the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }
}

impl From<ReasonLevel> for ReasonAgreementOptions {
    fn from(level: ReasonLevel) -> Self {
        Self::new(level)
    }
}

/// One stated reason that was looked into, and what it was found to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatedReason {
    /// The reason as stated, down to the level that was asked for.
    pub stated: Reason,
    /// What people call it.
    pub name: String,
    /// How many cancellations state it, looked into or not.
    pub cancellations: u64,
    /// How many of these were looked into: they have a reason as found.
    pub looked_into: u64,
    /// How many of these were found to be what was stated.
    pub confirmed: u64,
    /// Confirmed of looked into; `None` where none was.
    pub confirmed_share: Option<f64>,
    /// The Wilson interval of that share; `None` as above.
    pub interval: Option<Interval>,
    /// The recurring value a month that was lost with those looked into; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many of those looked into have no value that is known, and are in no sum.
    pub without_value: u64,
    /// What of it was found to be lost for what was stated.
    pub value_confirmed: Option<f64>,
    /// What it was found to be, most often first; ties in alphabetical order.
    pub found: Vec<FoundReason>,
}

/// What one stated reason was found to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundReason {
    /// The reason as found, down to the level that was asked for.
    pub reason: Reason,
    /// How many cancellations that state the one were found to be this.
    pub cancellations: u64,
    /// The recurring value a month that was lost with them; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many of them have no value that is known, and are in no sum.
    pub without_value: u64,
}

/// The answer of [`ChurnRecords::reason_agreement`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonAgreement {
    options: ReasonAgreementOptions,
    currency: Option<String>,
    both: u64,
    agreed: u64,
    interval: Option<Interval>,
    kappa: Option<f64>,
    kappa_interval: Option<Interval>,
    stated: Vec<StatedReason>,
}

/// # Stated and found
impl ChurnRecords {
    /// How often the reason that customers state is the one that is found, and what else it was where it is not.
    ///
    /// ```text
    /// agreement  records with the same reason stated and found / records with both
    /// kappa      (agreement - chance) / (1 - chance),  chance = sum over reasons of share stated x share found
    /// confirmed  of one stated reason: found to be the same / looked into
    /// ```
    ///
    /// "Too expensive" is easily said, and seldom the end of the story: a reason that is mostly found to be another is not to
    /// be counted as stated. Kappa takes off the agreement that comes of few reasons making up most of both sides; 1 is full
    /// agreement, 0 what chance would give. Only records with both reasons are compared. Where those who look into
    /// cancellations pick the doubtful ones, the shares are those of doubtful ones; and whoever finds a reason has read the
    /// stated one, so that agreement is no proof that both are right.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a confidence outside 0 to 1; [`Error::TooLarge`] for more than 2000 reasons;
    /// [`Error::Overflow`] for values without end.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, Reason, ReasonLevel, Taxonomy, date};
    ///
    /// let (price, unused) = (Reason::new("price", "too_expensive"), Reason::new("product", "not_used"));
    /// let left = |who, found: &Reason| Cancellation::new(who, date(2026, 3, 31), price.clone()).found(found.clone());
    /// let records =
    ///     ChurnRecords::of([left("a", &price), left("b", &unused), left("c", &unused)], &Taxonomy::standard())?;
    /// let agreement = records.reason_agreement(ReasonLevel::Reason)?;
    /// let stated = agreement.of(&price).unwrap();
    /// assert_eq!((stated.looked_into, stated.confirmed), (3, 1));
    /// assert_eq!((&stated.found[0].reason, stated.found[0].cancellations), (&unused, 2)); // what it mostly was
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// J. Cohen (1960), "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 37-46.
    pub fn reason_agreement(&self, options: impl Into<ReasonAgreementOptions>) -> Result<ReasonAgreement> {
        let options = options.into();
        let wilson = Wilson::new(options.confidence)?;
        let [stated, found] =
            [ReasonAxis::Stated, ReasonAxis::Found].map(|axis| self.classes(View { axis, level: options.level }));
        let mut reasons = [&stated.reasons[..], &found.reasons].concat();
        reasons.sort_unstable();
        reasons.dedup();
        let classes = reasons.len();
        if classes > MOST_CLASSES {
            let (what, way_out) = ("reasons to be compared", "compare categories, or ask for a part of the records");
            return Err(Error::TooLarge { what, count: classes as u64, limit: MOST_CLASSES as u64, way_out });
        }
        let place = |reason: &Reason| reasons.binary_search(reason).unwrap_or_default();
        let places = [&stated, &found].map(|axis| axis.reasons.iter().map(place).collect::<Vec<_>>());
        let (mut table, mut stated_by) = (vec![0_u64; classes * classes], vec![0_u64; classes]);
        let (mut values, currency) = (vec![0.0; classes * classes], self.one_currency());
        let mut unvalued = vec![0_u64; classes * classes];
        for ((&stated, &found), value) in stated.of.iter().zip(&found.of).zip(self.values()) {
            let Some(stated) = stated.map(|code| places[0][code as usize]) else { continue };
            stated_by[stated] += 1;
            if let Some(found) = found {
                let cell = stated * classes + places[1][found as usize];
                table[cell] += 1;
                values[cell] += value.unwrap_or(0.0);
                unvalued[cell] += u64::from(value.is_none());
            }
        }
        held(values.iter().sum())?;
        let row = |class: usize| &table[class * classes..(class + 1) * classes];
        let priced = |value: f64| currency.is_some().then_some(value);
        let both = table.iter().sum();
        let agreed = (0..classes).map(|class| row(class)[class]).sum();
        let of_stated = |class: usize| {
            let looked_into = row(class).iter().sum();
            let confirmed = row(class)[class];
            let cells = class * classes..(class + 1) * classes;
            let (own, unvalued) = (&values[cells.clone()], &unvalued[cells]);
            let mut found: Vec<FoundReason> = (0..classes)
                .filter(|&other| row(class)[other] > 0)
                .map(|other| FoundReason {
                    reason: reasons[other].clone(),
                    cancellations: row(class)[other],
                    value: priced(own[other]),
                    without_value: unvalued[other],
                })
                .collect();
            found.sort_by_key(|found| std::cmp::Reverse(found.cancellations));
            StatedReason {
                stated: reasons[class].clone(),
                name: self.name_of(&reasons[class]),
                cancellations: stated_by[class],
                looked_into,
                confirmed,
                confirmed_share: ratio(confirmed, looked_into),
                interval: wilson.interval(confirmed, looked_into),
                value: priced(own.iter().sum()),
                without_value: unvalued.iter().sum(),
                value_confirmed: priced(own[class]),
                found,
            }
        };
        let mut stated: Vec<StatedReason> = (0..classes).filter(|&class| stated_by[class] > 0).map(of_stated).collect();
        stated.sort_by_key(|stated| std::cmp::Reverse(stated.looked_into));
        let kappa = kappa(&table, classes, wilson);
        Ok(ReasonAgreement {
            options,
            currency: currency.flatten(),
            both,
            agreed,
            interval: wilson.interval(agreed, both),
            kappa: kappa.map(|kappa| kappa.kappa),
            kappa_interval: kappa.map(|kappa| kappa.interval),
            stated,
        })
    }
}

impl ReasonAgreement {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ReasonAgreementOptions {
        &self.options
    }

    /// The currency of all values; `None` where none is named, or they are in several.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// How many cancellations have a reason as stated and one as found.
    #[must_use]
    pub fn both(&self) -> u64 {
        self.both
    }

    /// The share of these in which they are the same; `None` where there are none.
    #[must_use]
    pub fn agreement(&self) -> Option<f64> {
        ratio(self.agreed, self.both)
    }

    /// The Wilson interval of that share.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// Cohen's kappa; `None` where there are none, or both sides have one reason only.
    #[must_use]
    pub fn kappa(&self) -> Option<f64> {
        self.kappa
    }

    /// The interval of kappa, for large numbers.
    #[must_use]
    pub fn kappa_interval(&self) -> Option<Interval> {
        self.kappa_interval
    }

    /// The reasons that were stated, those first of which most were looked into.
    #[must_use]
    pub fn stated(&self) -> &[StatedReason] {
        &self.stated
    }

    /// One of them.
    #[must_use]
    pub fn of(&self, stated: &Reason) -> Option<&StatedReason> {
        self.stated.iter().find(|row| row.stated == *stated)
    }

    /// The cross table as a frame: a row for each pair that occurs, in the order of [`stated`](Self::stated), and within
    /// it of how often.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `stated`, `found` | String | the paths of the two reasons |
    /// | `cancellations` | UInt64 | how many have both |
    /// | `share` | Float64 | of those that state the one and were looked into |
    /// | `agree` | Boolean | whether the two are the same |
    /// | `value` | Float64 | value a month that was lost with them; null where values are in several currencies |
    /// | `without_value` | UInt64 | cancellations of these whose value is not known, in no sum |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = || self.stated.iter().flat_map(|stated| stated.found.iter().map(move |found| (stated, found)));
        write::frame(vec![
            write::column("stated", rows().map(|(stated, _)| stated.stated.as_str()).collect::<Vec<_>>()),
            write::column("found", rows().map(|(_, found)| found.reason.as_str()).collect::<Vec<_>>()),
            write::column("cancellations", rows().map(|(_, found)| found.cancellations).collect::<Vec<_>>()),
            write::column(
                "share",
                rows().map(|(stated, found)| ratio(found.cancellations, stated.looked_into)).collect::<Vec<_>>(),
            ),
            write::column("agree", rows().map(|(stated, found)| stated.stated == found.reason).collect::<Vec<_>>()),
            write::column("value", rows().map(|(_, found)| found.value).collect::<Vec<_>>()),
            write::column("without_value", rows().map(|(_, found)| found.without_value).collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for ReasonAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 14;
        write!(f, "{} cancellations with a reason stated and one found", self.both)?;
        let (Some(agreement), Some(Interval { lower, upper })) = (self.agreement(), self.interval) else {
            return Ok(());
        };
        let [agreement, lower, upper] = [agreement, lower, upper].map(|share| percent(Some(share)));
        write!(f, "\n  the same in {agreement} % ({lower} to {upper})")?;
        if let Some(kappa) = self.kappa {
            write!(f, ", kappa {kappa:.2}")?;
        }
        let value = self.currency.as_deref().unwrap_or("value");
        write!(f, "\n  {:<28} {:>7} {:>9} {value:>11} {:>9}", "stated", "number", "looked at", "same, %")?;
        write!(f, "  mostly found to be")?;
        for row in self.stated.iter().take(SHOWN) {
            let most = row.found.first().map_or_else(String::new, |found| {
                let share = percent(ratio(found.cancellations, row.looked_into));
                format!("{} ({share} %)", cut(found.reason.as_str(), 30))
            });
            let (name, same, value) = (cut(&row.name, 28), percent(row.confirmed_share), money(row.value));
            write!(f, "\n  {name:<28} {:>7} {:>9} {value:>11} {same:>9}", row.cancellations, row.looked_into)?;
            write!(f, "  {most}")?;
        }
        if self.stated.len() > SHOWN {
            write!(f, "\n  and {} more", self.stated.len() - SHOWN)?;
        }
        unvalued(f, self.stated.iter().map(|row| row.without_value).sum())
    }
}
