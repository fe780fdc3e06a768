//! Reasons over time, as they are told.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::ReasonTrendsOptions;
use crate::calendar::{Coverage, Date, Span};
use crate::error::Result;
use crate::frame::write;
use crate::print::{p_value, percent};
use crate::reason::classes::cut;
use crate::reason::path::Reason;
use crate::statistics::{Correction, Interval, TrendTest};

/// One period of [`ReasonTrends`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonPeriod {
    /// Its first and last day.
    pub span: Span,
    /// Whether it lies wholly within the observation; only then it enters tests.
    pub coverage: Coverage,
    /// How many cancelled in it, so far as is known.
    pub cancellations: u64,
    /// How many of these have a reason.
    pub with_reason: u64,
    /// How many customers there were at its beginning; `None` where that is not known.
    pub at_risk: Option<u64>,
}

/// One reason in one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonTrendCell {
    /// How many cancelled for the reason, so far as is known.
    pub cancellations: u64,
    /// Their share of those with any reason; `None` unless the period was observed, and where there are none.
    pub share: Option<f64>,
    /// The Wilson interval of the share.
    pub share_interval: Option<Interval>,
    /// How many they are per customer at risk; `None` unless the period was observed and it is known how many were.
    pub rate: Option<f64>,
    /// The score interval of the rate, for counts of Poisson.
    pub rate_interval: Option<Interval>,
    /// The recurring value a month that was lost with them; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many of them have no value, and are in no sum.
    pub without_value: u64,
}

/// Whether the share of a reason rises or falls over the whole periods.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareTrend {
    /// The test of Cochran and Armitage, with the slope from one period to the next.
    pub test: TrendTest,
    /// Its p-value, corrected for the number of reasons.
    pub adjusted_p_value: f64,
}

/// Whether the rate of a reason rises or falls over the whole periods.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateGrowth {
    /// By how many times the rate grows from one period to the next; `None` where all cancellations for the reason are in
    /// the first or the last period.
    pub factor: Option<f64>,
    /// Its interval; `None` as above.
    pub interval: Option<Interval>,
    /// How many times the counts vary as those of Poisson would; at least 1.
    pub dispersion: f64,
    /// Two-sided.
    pub p_value: f64,
    /// The same, corrected for the number of reasons.
    pub adjusted_p_value: f64,
}

/// Whether the value that is lost for a reason rises or falls over the whole periods.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueGrowth {
    /// By how many times the value lost grows from one period to the next; `None` where all that was lost for the reason
    /// was lost in the first or the last period.
    pub factor: Option<f64>,
    /// Its interval; `None` as above.
    pub interval: Option<Interval>,
    /// Two-sided.
    pub p_value: f64,
    /// The same, corrected for the number of reasons.
    pub adjusted_p_value: f64,
}

/// One reason before or after a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShiftSide {
    /// How many whole periods there are.
    pub periods: u64,
    /// How many cancelled for the reason.
    pub cancellations: u64,
    /// How many cancelled for any.
    pub with_reason: u64,
    /// The one of the other.
    pub share: Option<f64>,
    /// Cancellations for the reason per customer at risk and period.
    pub rate: Option<f64>,
}

/// One reason since a day, against before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonShift {
    /// The whole periods before the day.
    pub before: ShiftSide,
    /// The whole periods from the day on.
    pub after: ShiftSide,
    /// The share after less the share before.
    pub share_difference: Option<f64>,
    /// Newcombe's interval of the difference.
    pub share_interval: Option<Interval>,
    /// Two-sided; Fisher's exact where counts are small.
    pub share_p_value: Option<f64>,
    /// The same, corrected for the number of reasons.
    pub adjusted_share_p_value: Option<f64>,
    /// The rate after over the rate before; `None` without rates, and where nobody left for the reason before.
    pub rate_ratio: Option<f64>,
    /// The lower end of its exact interval.
    pub rate_ratio_lower: Option<f64>,
    /// The upper end; `None` too where nobody left for the reason before: there is no largest ratio.
    pub rate_ratio_upper: Option<f64>,
    /// Two-sided, exact.
    pub rate_p_value: Option<f64>,
    /// The same, corrected for the number of reasons.
    pub adjusted_rate_p_value: Option<f64>,
}

/// One reason over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonTrend {
    /// The reason, down to the level that was asked for.
    pub reason: Reason,
    /// What people call it.
    pub name: String,
    /// How many cancelled for it in whole periods.
    pub cancellations: u64,
    /// Period by period.
    pub cells: Vec<ReasonTrendCell>,
    /// The trend of its share; `None` with fewer than two whole periods with reasons.
    pub share: Option<ShareTrend>,
    /// The trend of its rate; `None` with fewer than three whole periods of which the customers at risk are known.
    pub rate: Option<RateGrowth>,
    /// The trend of the value lost per customer at risk, or per day where it is not known how many were; `None` with fewer
    /// than three whole periods, where nothing of value was lost, and where values are in several currencies.
    pub value: Option<ValueGrowth>,
    /// What changed on the day that was asked for.
    pub change: Option<ReasonShift>,
}

/// The answer of [`ChurnRecords::reason_trends`](crate::ChurnRecords::reason_trends).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonTrends {
    pub(super) options: ReasonTrendsOptions,
    pub(super) observed_from: Date,
    pub(super) currency: Option<String>,
    pub(super) outside: u64,
    pub(super) periods: Vec<ReasonPeriod>,
    pub(super) reasons: Vec<ReasonTrend>,
}

/// Corrects each kind of test by itself for the number of reasons.
pub(super) fn adjust(reasons: &mut [ReasonTrend], correction: Correction) {
    let mut family = |get: &dyn Fn(&ReasonTrend) -> Option<f64>, set: &dyn Fn(&mut ReasonTrend, f64)| {
        let places: Vec<usize> = (0..reasons.len()).filter(|&place| get(&reasons[place]).is_some()).collect();
        let p_values: Vec<f64> = places.iter().filter_map(|&place| get(&reasons[place])).collect();
        for (place, adjusted) in places.into_iter().zip(correction.adjust(&p_values)) {
            set(&mut reasons[place], adjusted);
        }
    };
    family(&|reason| Some(reason.share?.test.p_value), &|reason, p| {
        reason.share.iter_mut().for_each(|share| share.adjusted_p_value = p);
    });
    family(&|reason| Some(reason.rate?.p_value), &|reason, p| {
        reason.rate.iter_mut().for_each(|rate| rate.adjusted_p_value = p);
    });
    family(&|reason| Some(reason.value?.p_value), &|reason, p| {
        reason.value.iter_mut().for_each(|value| value.adjusted_p_value = p);
    });
    family(&|reason| reason.change?.share_p_value, &|reason, p| {
        reason.change.iter_mut().for_each(|change| change.adjusted_share_p_value = Some(p));
    });
    family(&|reason| reason.change?.rate_p_value, &|reason, p| {
        reason.change.iter_mut().for_each(|change| change.adjusted_rate_p_value = Some(p));
    });
}

impl ReasonTrends {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ReasonTrendsOptions {
        &self.options
    }

    /// The first day of the observation.
    #[must_use]
    pub fn observed_from(&self) -> Date {
        self.observed_from
    }

    /// The currency of all values; `None` where none is named, or they are in several.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// How many cancellations lie outside the observation.
    #[must_use]
    pub fn outside(&self) -> u64 {
        self.outside
    }

    /// The periods, in order.
    #[must_use]
    pub fn periods(&self) -> &[ReasonPeriod] {
        &self.periods
    }

    /// The reasons, those first for which most cancelled in whole periods.
    #[must_use]
    pub fn reasons(&self) -> &[ReasonTrend] {
        &self.reasons
    }

    /// One of them.
    #[must_use]
    pub fn of(&self, reason: &Reason) -> Option<&ReasonTrend> {
        self.reasons.iter().find(|trend| trend.reason == *reason)
    }

    /// The reasons by periods as a frame: a row for each reason and period, in the order of [`reasons`](Self::reasons) and
    /// then of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason`, `name` | String | the path of the reason, and what people call it |
    /// | `start`, `end` | Date | first and last day of the period |
    /// | `coverage` | String | `observed`, `truncated` or `open` |
    /// | `cancellations` | UInt64 | how many cancelled for the reason, so far as is known |
    /// | `with_reason` | UInt64 | how many cancelled for any |
    /// | `at_risk` | UInt64 | customers at the beginning; null where not known |
    /// | `share`, `share_lower`, `share_upper` | Float64 | of those with any reason, and its interval; null unless observed |
    /// | `rate`, `rate_lower`, `rate_upper` | Float64 | per customer at risk; null unless observed and known |
    /// | `value` | Float64 | value a month that was lost; null where values are in several currencies |
    /// | `without_value` | UInt64 | cancellations whose value is not known, in no sum |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = || {
            self.reasons.iter().flat_map(|reason| {
                reason.cells.iter().zip(&self.periods).map(move |(cell, period)| (reason, cell, period))
            })
        };
        let number = |name: &str, of: fn(&ReasonTrendCell) -> Option<f64>| {
            write::column(name, rows().map(|(_, cell, _)| of(cell)).collect::<Vec<_>>())
        };
        let text = |name: &str, of: fn(&ReasonTrend) -> &str| {
            write::column(name, rows().map(|(reason, ..)| of(reason)).collect::<Vec<_>>())
        };
        write::frame(vec![
            text("reason", |reason| reason.reason.as_str()),
            text("name", |reason| &reason.name),
            write::dates("start", rows().map(|(.., period)| Some(period.span.start)))?,
            write::dates("end", rows().map(|(.., period)| Some(period.span.end)))?,
            write::column("coverage", rows().map(|(.., period)| period.coverage.name()).collect::<Vec<_>>()),
            write::column("cancellations", rows().map(|(_, cell, _)| cell.cancellations).collect::<Vec<_>>()),
            write::column("with_reason", rows().map(|(.., period)| period.with_reason).collect::<Vec<_>>()),
            write::column("at_risk", rows().map(|(.., period)| period.at_risk).collect::<Vec<_>>()),
            number("share", |cell| cell.share),
            number("share_lower", |cell| cell.share_interval.map(|interval| interval.lower)),
            number("share_upper", |cell| cell.share_interval.map(|interval| interval.upper)),
            number("rate", |cell| cell.rate),
            number("rate_lower", |cell| cell.rate_interval.map(|interval| interval.lower)),
            number("rate_upper", |cell| cell.rate_interval.map(|interval| interval.upper)),
            number("value", |cell| cell.value),
            write::column("without_value", rows().map(|(_, cell, _)| cell.without_value).collect::<Vec<_>>()),
        ])
    }

    /// The tests as a frame: a row a reason, in the order of [`reasons`](Self::reasons).
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason`, `name` | String | the path of the reason, and what people call it |
    /// | `cancellations` | UInt64 | how many cancelled for it in whole periods |
    /// | `share_slope`, `share_p` | Float64 | change of the share from one period to the next, and the corrected p-value |
    /// | `rate_factor`, `rate_lower`, `rate_upper`, `rate_p` | Float64 | growth of the rate, its interval, corrected p-value |
    /// | `value_factor`, `value_lower`, `value_upper`, `value_p` | Float64 | the same of the value that was lost |
    /// | `share_difference`, `share_difference_lower`, `share_difference_upper`, `share_difference_p` | Float64 | share since the change less share before |
    /// | `rate_ratio`, `rate_ratio_lower`, `rate_ratio_upper`, `rate_ratio_p` | Float64 | rate since the change over rate before |
    ///
    /// What could not be tested, or was not asked for, is null.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn tests_to_frame(&self) -> Result<DataFrame> {
        let number = |name: &str, of: fn(&ReasonTrend) -> Option<f64>| {
            write::column(name, self.reasons.iter().map(of).collect::<Vec<_>>())
        };
        let text = |name: &str, of: fn(&ReasonTrend) -> &str| {
            write::column(name, self.reasons.iter().map(of).collect::<Vec<_>>())
        };
        write::frame(vec![
            text("reason", |reason| reason.reason.as_str()),
            text("name", |reason| &reason.name),
            write::column("cancellations", self.reasons.iter().map(|reason| reason.cancellations).collect::<Vec<_>>()),
            number("share_slope", |reason| Some(reason.share?.test.slope)),
            number("share_p", |reason| Some(reason.share?.adjusted_p_value)),
            number("rate_factor", |reason| reason.rate?.factor),
            number("rate_lower", |reason| Some(reason.rate?.interval?.lower)),
            number("rate_upper", |reason| Some(reason.rate?.interval?.upper)),
            number("rate_p", |reason| Some(reason.rate?.adjusted_p_value)),
            number("value_factor", |reason| reason.value?.factor),
            number("value_lower", |reason| Some(reason.value?.interval?.lower)),
            number("value_upper", |reason| Some(reason.value?.interval?.upper)),
            number("value_p", |reason| Some(reason.value?.adjusted_p_value)),
            number("share_difference", |reason| reason.change?.share_difference),
            number("share_difference_lower", |reason| Some(reason.change?.share_interval?.lower)),
            number("share_difference_upper", |reason| Some(reason.change?.share_interval?.upper)),
            number("share_difference_p", |reason| reason.change?.adjusted_share_p_value),
            number("rate_ratio", |reason| reason.change?.rate_ratio),
            number("rate_ratio_lower", |reason| reason.change?.rate_ratio_lower),
            number("rate_ratio_upper", |reason| reason.change?.rate_ratio_upper),
            number("rate_ratio_p", |reason| reason.change?.adjusted_rate_p_value),
        ])
    }
}

impl fmt::Display for ReasonTrends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 14;
        const LATEST: usize = 4;
        let whole = self.periods.iter().filter(|period| period.coverage == Coverage::Observed).count();
        let (period, as_of, correction) = (self.options.period, self.options.as_of, self.options.correction);
        write!(
            f,
            "Reasons by {period}, {whole} whole, as of {as_of}; share of cancellations in %, p with {correction}"
        )?;
        let latest = self.periods.len().saturating_sub(LATEST);
        write!(f, "\n  {:<26} {:>7}", "reason", "number")?;
        for period in &self.periods[latest..] {
            write!(f, " {:>11}{:1}", period.span.start.to_string(), period.coverage.sign())?;
        }
        write!(f, " {:>9}", "trend, p")?;
        if let Some(on) = self.options.change_on {
            write!(f, "  since {on}")?;
        }
        let p = |p: Option<f64>| p.map_or_else(|| "-".to_owned(), p_value);
        for reason in self.reasons.iter().take(SHOWN) {
            write!(f, "\n  {:<26} {:>7}", cut(&reason.name, 26), reason.cancellations)?;
            for cell in reason.cells.iter().skip(latest) {
                write!(f, " {:>11} ", percent(cell.share))?;
            }
            let trend = reason.rate.map(|rate| rate.adjusted_p_value);
            write!(f, " {:>9}", p(trend.or(reason.share.map(|share| share.adjusted_p_value))))?;
            let Some(change) = reason.change else { continue };
            match (change.rate_ratio, change.share_difference) {
                (Some(ratio), _) => write!(f, "  rate x {ratio:.2}, p {}", p(change.adjusted_rate_p_value))?,
                (None, Some(by)) => write!(f, "  share {:+.1}, p {}", 100.0 * by, p(change.adjusted_share_p_value))?,
                _ => {}
            }
        }
        if self.reasons.len() > SHOWN {
            write!(f, "\n  and {} more", self.reasons.len() - SHOWN)?;
        }
        Ok(())
    }
}
