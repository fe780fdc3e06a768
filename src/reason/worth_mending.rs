//! What would be worth mending: what each reason costs now, where it goes, and whether it can be seen coming.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::classes::{cut, money, unvalued};
use super::path::Reason;
use super::records::ChurnRecords;
use super::trends::{ReasonPeriod, ReasonTrend, ReasonTrends, ReasonTrendsOptions, ValueGrowth};
use super::warnings::Warnings;
use crate::calendar::{Coverage, Span};
use crate::error::Result;
use crate::frame::write;
use crate::print::{p_value, percent};
use crate::statistics::ratio;

/// What [`ChurnRecords::worth_mending`] should weigh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorthMendingOptions {
    trends: ReasonTrendsOptions,
    early: u32,
    level: f64,
}

impl WorthMendingOptions {
    /// By the trends of these options: their last whole period is what counts as now.
    #[must_use]
    pub fn new(trends: ReasonTrendsOptions) -> Self {
        Self { trends, early: 14, level: 0.05 }
    }

    /// How many days before the cancellation a warning has to come to be of use. The default is 14, the lead of the
    /// back-test.
    #[must_use]
    pub fn early(mut self, days: u32) -> Self {
        self.early = days;
        self
    }

    /// Below which corrected p-value a trend is one. The default is 0.05.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }
}

impl From<ReasonTrendsOptions> for WorthMendingOptions {
    fn from(trends: ReasonTrendsOptions) -> Self {
        Self::new(trends)
    }
}

/// Where a reason goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonDirection {
    /// It becomes more.
    Rising,
    /// Neither is shown.
    Steady,
    /// It becomes less.
    Falling,
    /// There are too few whole periods to tell.
    Unknown,
}

impl ReasonDirection {
    /// The lower-case English name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Steady => "steady",
            Self::Falling => "falling",
            Self::Unknown => "unknown",
        }
    }
}

/// What one reason costs, where it goes, and whether it can be seen coming.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MendableReason {
    /// The reason.
    pub reason: Reason,
    /// What people call it.
    pub name: String,
    /// Who answers for it, by the taxonomy.
    pub owner: Option<String>,
    /// Cancellations for it in the last whole period.
    pub cancellations: u64,
    /// The value a month that was lost with them; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many of these cancellations have no value that is known, and are in no sum.
    pub without_value: u64,
    /// Its share of the value that was lost in the period, or of its cancellations where there are no values.
    pub share: Option<f64>,
    /// Where its number goes: by the trend of its rate, or else of its share.
    pub direction: ReasonDirection,
    /// The corrected p-value of that trend.
    pub trend_p_value: Option<f64>,
    /// Where the value goes that is lost for it.
    pub value_direction: ReasonDirection,
    /// The trend of that value: by how many times it grows from one period to the next, with its interval and test; `None`
    /// where [`ReasonTrend::value`] is.
    pub value_growth: Option<ValueGrowth>,
    /// Cancellations for it in all whole periods that were watched.
    pub watched: u64,
    /// The share of these with a warning early enough; `None` where none was watched.
    pub early_share: Option<f64>,
}

/// The answer of [`ChurnRecords::worth_mending`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorthMending {
    options: WorthMendingOptions,
    period: Option<Span>,
    currency: Option<String>,
    reasons: Vec<MendableReason>,
}

/// # What to work on
impl ChurnRecords {
    /// What would be worth mending: for each reason what it cost in the last whole period, whether it becomes more or less,
    /// and how often a warning came early enough to do something about it; and the two to work on.
    ///
    /// ```text
    /// cost       recurring value a month lost in the last whole period; cancellations where values cannot be added up
    /// goes       of the number: by the trend of the rate per customer at risk, of the share where there are no rates;
    ///            of the value: by the trend of what is lost per customer at risk, per day where they are not known;
    ///            each at the level asked for, and where all is in the first or the last period to where it is
    /// seen       share of its cancellations in whole periods with a warning early enough
    /// the two    the two that cost most, those left out of which the number or the value falls and neither rises
    /// ```
    ///
    /// Number and value stand side by side, for they can part: as many may leave for a reason as ever, and dearer ones. The
    /// test of value is the weaker of the two, as a few large customers make most of it.
    ///
    /// A cancellation whose value is not known is in no sum, and counted: a reason with many of them costs more than is told,
    /// and stands too far down.
    ///
    /// It is an order of work and no promise: that a reason is mended does not mean that its customers stay. Of two that cost
    /// alike, one that is seen coming can be worked on customer by customer, and one that is not has to be mended for all.
    ///
    /// # Errors
    ///
    /// As [`reason_trends`](Self::reason_trends); [`Error::Incompatible`](crate::Error::Incompatible) for warnings of other
    /// records.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, Period, Reason, ReasonTrendsOptions, Taxonomy, date};
    ///
    /// let left = |who, month, path, value| {
    ///     Cancellation::new(who, date(2026, month, 15), Reason::from(path)).value(value).currency("EUR")
    /// };
    /// let records = ChurnRecords::of(
    ///     [
    ///         left(1, 1, "price/too_expensive", 50.0),
    ///         left(2, 2, "price/too_expensive", 20.0),
    ///         left(3, 2, "price/too_expensive", 20.0),
    ///         left(4, 2, "product/missing_feature", 90.0),
    ///         left(5, 3, "service/poor_support", 500.0),                   // March is under way
    ///     ],
    ///     &Taxonomy::standard(),
    /// )?;
    /// let trends = ReasonTrendsOptions::new(Period::Month, date(2026, 3, 20)).observed_from(date(2026, 1, 1));
    /// let worth = records.worth_mending(trends, None)?;
    /// let two: Vec<_> = worth.two().map(|reason| (reason.name.as_str(), reason.value, reason.owner.as_deref())).collect();
    /// assert_eq!(
    ///     two,
    ///     [("Missing feature", Some(90.0), Some("Product")), ("Too expensive", Some(40.0), Some("Finance"))],
    /// );
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// J. M. Juran (1954), "Universals in management planning and controlling", The Management Review 43, 748-761.
    pub fn worth_mending(
        &self,
        options: impl Into<WorthMendingOptions>,
        warnings: Option<&Warnings>,
    ) -> Result<WorthMending> {
        let options = options.into();
        warnings.map_or(Ok(()), |warnings| warnings.check(self))?;
        let trends = self.reason_trends(options.trends.clone())?;
        let whole = |place: &usize| trends.periods()[*place].coverage == Coverage::Observed;
        let last = (0..trends.periods().len()).rev().find(whole);
        let watched = self.watched(&trends, warnings, options.early);
        let total = last.map(|last| {
            let cells = trends.reasons().iter().map(|reason| &reason.cells[last]);
            cells.map(|cell| cell.value).sum::<Option<f64>>().unwrap_or(0.0)
        });
        let priced = total.is_some_and(|total| total > 0.0);
        let mut reasons: Vec<MendableReason> = trends
            .reasons()
            .iter()
            .zip(watched)
            .map(|(trend, (watched, early))| {
                let cell = last.map(|last| &trend.cells[last]);
                let (direction, trend_p_value) = direction(trend, options.level);
                let value_direction = value_direction(trend, trends.periods(), options.level);
                let value = cell.and_then(|cell| cell.value);
                MendableReason {
                    reason: trend.reason.clone(),
                    name: trend.name.clone(),
                    owner: self.taxonomy().owner(&trend.reason).map(str::to_owned),
                    cancellations: cell.map_or(0, |cell| cell.cancellations),
                    value,
                    without_value: cell.map_or(0, |cell| cell.without_value),
                    share: if priced {
                        value.zip(total).map(|(value, total)| value / total)
                    } else {
                        cell.and_then(|cell| cell.share)
                    },
                    direction,
                    trend_p_value,
                    value_direction,
                    value_growth: trend.value,
                    watched,
                    early_share: ratio(early, watched),
                }
            })
            .collect();
        let cost = |reason: &MendableReason| (reason.value.filter(|_| priced).unwrap_or(0.0), reason.cancellations);
        reasons.sort_by(|one, other| {
            let (one, other) = (cost(one), cost(other));
            other.0.total_cmp(&one.0).then(other.1.cmp(&one.1))
        });
        let period = last.map(|last| trends.periods()[last].span);
        Ok(WorthMending { options, period, currency: trends.currency().map(str::to_owned), reasons })
    }

    /// Reason by reason of the trends, how many cancellations of whole periods were watched, and how many of these had a
    /// warning early enough.
    fn watched(&self, trends: &ReasonTrends, warnings: Option<&Warnings>, early: u32) -> Vec<(u64, u64)> {
        let mut counts = vec![(0, 0); trends.reasons().len()];
        let whole = || trends.periods().iter().filter(|period| period.coverage == Coverage::Observed);
        let (Some(warnings), Some(first), Some(last)) = (warnings, whole().next(), whole().next_back()) else {
            return counts;
        };
        let within = first.span.start.days_since_epoch()..=last.span.end.days_since_epoch();
        let classes = self.classes(trends.options().view());
        let place: Vec<Option<usize>> = classes
            .reasons
            .iter()
            .map(|reason| trends.reasons().iter().position(|trend| trend.reason == *reason))
            .collect();
        for row in 0..self.len() {
            let class = classes.of[row].and_then(|class| place[class as usize]);
            let lead = warnings.lead_days(row);
            let seen = warnings.observed(row) && within.contains(&self.days()[row]);
            if let Some(class) = class.filter(|_| seen) {
                counts[class].0 += 1;
                counts[class].1 += u64::from(lead.is_some_and(|lead| lead >= early));
            }
        }
        counts
    }
}

/// The sign is that of the test whose p-value is told.
fn direction(trend: &ReasonTrend, level: f64) -> (ReasonDirection, Option<f64>) {
    let rates = || trend.cells.iter().filter_map(|cell| cell.rate);
    let by_rate = trend.rate.map(|rate| (rate.factor.map_or_else(|| rise(rates()), f64::ln), rate.adjusted_p_value));
    let by_share = || trend.share.map(|share| (share.test.slope, share.adjusted_p_value));
    let Some((slope, p_value)) = by_rate.or_else(by_share) else { return (ReasonDirection::Unknown, None) };
    (goes(slope, p_value, level), Some(p_value))
}

fn value_direction(trend: &ReasonTrend, periods: &[ReasonPeriod], level: f64) -> ReasonDirection {
    let rated = trend.cells.iter().any(|cell| cell.rate.is_some());
    let whole = trend.cells.iter().zip(periods).filter(|(_, period)| period.coverage == Coverage::Observed);
    let values = whole.filter(|(cell, _)| !rated || cell.rate.is_some()).filter_map(|(cell, _)| cell.value);
    trend.value.map_or(ReasonDirection::Unknown, |value| {
        goes(value.factor.map_or_else(|| rise(values), f64::ln), value.adjusted_p_value, level)
    })
}

fn goes(slope: f64, p_value: f64, level: f64) -> ReasonDirection {
    if p_value <= level && slope > 0.0 {
        ReasonDirection::Rising
    } else if p_value <= level && slope < 0.0 {
        ReasonDirection::Falling
    } else {
        ReasonDirection::Steady
    }
}

/// The last less the first: the sign of what is all at one end, and has no factor.
fn rise(mut numbers: impl DoubleEndedIterator<Item = f64>) -> f64 {
    match (numbers.next(), numbers.next_back()) {
        (Some(first), Some(last)) => last - first,
        _ => 0.0,
    }
}

impl WorthMending {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &WorthMendingOptions {
        &self.options
    }

    /// The last whole period; `None` where there is none.
    #[must_use]
    pub fn period(&self) -> Option<Span> {
        self.period
    }

    /// The currency of all values; `None` where none is named, or they are in several.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// The reasons, the dearest first.
    #[must_use]
    pub fn reasons(&self) -> &[MendableReason] {
        &self.reasons
    }

    /// The two to work on: the dearest that are not falling already, in number or in value, while neither rises. Fewer
    /// where fewer cost anything.
    pub fn two(&self) -> impl Iterator<Item = &MendableReason> {
        let open = |reason: &&MendableReason| {
            let either = |direction| [reason.direction, reason.value_direction].contains(&direction);
            reason.cancellations > 0 && (!either(ReasonDirection::Falling) || either(ReasonDirection::Rising))
        };
        self.reasons.iter().filter(open).take(2)
    }

    /// The reasons as a frame, the dearest first.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason`, `name` | String | the path of the reason, and what people call it |
    /// | `owner` | String | who answers for it; null where the taxonomy does not say |
    /// | `cancellations` | UInt64 | in the last whole period |
    /// | `value` | Float64 | value a month that was lost with them; null where values are in several currencies |
    /// | `without_value` | UInt64 | cancellations of these whose value is not known, in no sum |
    /// | `share` | Float64 | of the value lost in the period, or of its cancellations where there is none |
    /// | `direction` | String | where the number goes: `rising`, `steady`, `falling` or `unknown` |
    /// | `trend_p` | Float64 | corrected p-value of the trend; null where unknown |
    /// | `value_direction` | String | where the value goes, likewise |
    /// | `value_factor`, `value_lower`, `value_upper` | Float64 | growth of the value from one period to the next, and its interval; null where all is at one end |
    /// | `value_trend_p` | Float64 | corrected p-value of that; null where unknown |
    /// | `watched` | UInt64 | cancellations of whole periods before which somebody watched |
    /// | `early_share` | Float64 | of these, with a warning early enough; null where nobody watched |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = &self.reasons;
        let number = |name: &str, of: fn(&MendableReason) -> Option<f64>| {
            write::column(name, rows.iter().map(of).collect::<Vec<_>>())
        };
        write::frame(vec![
            write::column("reason", rows.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>()),
            write::column("name", rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>()),
            write::column("owner", rows.iter().map(|row| row.owner.as_deref()).collect::<Vec<_>>()),
            write::column("cancellations", rows.iter().map(|row| row.cancellations).collect::<Vec<_>>()),
            number("value", |row| row.value),
            write::column("without_value", rows.iter().map(|row| row.without_value).collect::<Vec<_>>()),
            number("share", |row| row.share),
            write::column("direction", rows.iter().map(|row| row.direction.name()).collect::<Vec<_>>()),
            number("trend_p", |row| row.trend_p_value),
            write::column("value_direction", rows.iter().map(|row| row.value_direction.name()).collect::<Vec<_>>()),
            number("value_factor", |row| row.value_growth?.factor),
            number("value_lower", |row| Some(row.value_growth?.interval?.lower)),
            number("value_upper", |row| Some(row.value_growth?.interval?.upper)),
            number("value_trend_p", |row| Some(row.value_growth?.adjusted_p_value)),
            write::column("watched", rows.iter().map(|row| row.watched).collect::<Vec<_>>()),
            number("early_share", |row| row.early_share),
        ])
    }
}

impl fmt::Display for WorthMending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let Some(Span { start, end }) = self.period else { return write!(f, "Worth mending: no period is whole yet") };
        write!(f, "Worth mending, by what was lost from {start} to {end}")?;
        let value = self.currency.as_deref().unwrap_or("value");
        write!(f, "\n  {:<26} {:>7} {:>8} {:>8} {value:>11} {:>6}", "reason", "number", "goes", "p", "%")?;
        write!(f, " {:>8} {:>8} {:>14}  owner", "goes", "p", "warned early %")?;
        let p = |p: Option<f64>| p.map_or_else(|| "-".to_owned(), p_value);
        for row in self.reasons.iter().take(SHOWN) {
            let (name, value, share) = (cut(&row.name, 26), money(row.value), percent(row.share));
            let (goes, early) = (row.direction.name(), percent(row.early_share));
            let owner = row.owner.as_deref().unwrap_or("-");
            write!(f, "\n  {name:<26} {:>7} {goes:>8} {:>8}", row.cancellations, p(row.trend_p_value))?;
            let value_p = p(row.value_growth.map(|growth| growth.adjusted_p_value));
            write!(f, " {value:>11} {share:>6} {:>8} {value_p:>8}", row.value_direction.name())?;
            write!(f, " {early:>14}  {}", cut(owner, 20))?;
        }
        unvalued(f, self.reasons.iter().map(|row| row.without_value).sum())?;
        let two: Vec<&str> = self.two().map(|reason| reason.name.as_str()).collect();
        if two.is_empty() { Ok(()) } else { write!(f, "\n  to work on: {}", two.join("; ")) }
    }
}
