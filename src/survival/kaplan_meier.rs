//! The survival curve of Kaplan and Meier, and the cumulative hazard of Nelson and Aalen beside it.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::event_table::{EventTable, EventTableRow};
use super::interval::SurvivalInterval;
use super::lifetimes::Lifetimes;
use super::{short, spread};
use crate::error::Result;
use crate::frame::write;
use crate::print::percent;
use crate::statistics::{Interval, critical_value};

/// How [`Lifetimes::kaplan_meier`] should say how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KaplanMeierOptions {
    pub(super) interval: SurvivalInterval,
    pub(super) confidence: f64,
}

impl KaplanMeierOptions {
    /// Log-log intervals of 95 %.
    #[must_use]
    pub fn new() -> Self {
        Self { interval: SurvivalInterval::default(), confidence: 0.95 }
    }

    /// The kind of interval. The default is [`SurvivalInterval::LogLog`], which stays within 0 and 1.
    #[must_use]
    pub fn interval(mut self, interval: SurvivalInterval) -> Self {
        self.interval = interval;
        self
    }

    /// The level of confidence of all intervals. The default is 0.95, the custom of the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }
}

impl Default for KaplanMeierOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<SurvivalInterval> for KaplanMeierOptions {
    fn from(interval: SurvivalInterval) -> Self {
        Self::new().interval(interval)
    }
}

/// A survival curve at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurvivalPoint {
    /// The time since the start.
    pub time: f64,
    /// The share whose lifetime is longer than that.
    pub survival: f64,
    /// The standard error of the survival by Greenwood's formula; `None` where the survival is 0.
    pub standard_error: Option<f64>,
    /// The interval of the survival; `None` where the kind of interval has none.
    pub interval: Option<Interval>,
    /// The Nelson-Aalen estimate of the cumulative hazard.
    pub cumulative_hazard: f64,
    /// Its standard error.
    pub cumulative_hazard_error: f64,
}

/// The answer of [`Lifetimes::kaplan_meier`]: a survival curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredKaplanMeier")]
pub struct KaplanMeier {
    options: KaplanMeierOptions,
    table: EventTable,
    /// These follow from the table, so they are not stored.
    #[serde(skip_serializing)]
    points: Vec<SurvivalPoint>,
}

impl Lifetimes {
    /// The share of lifetimes that is longer than any time, those that have not ended made use of as far as they go.
    ///
    /// ```text
    /// at each time t, n are at risk of whom d end
    /// survival           S(t) = product over times up to t of (1 - d/n)
    /// its standard error S(t) σ(t), σ²(t) = sum over times up to t of d / (n (n-d))       (Greenwood)
    /// cumulative hazard  H(t) = sum over times up to t of d/n                             (Nelson-Aalen)
    /// its standard error √ sum over times up to t of d/n²                                 (Poisson)
    /// ```
    ///
    /// Times are in days, or in the unit of the column. S(t) is the share *longer* than t, so that S(0) is less than 1 where
    /// some were active on one day only. Each time's denominator are those at risk at it: who was followed for less is in
    /// none of the later ones, neither as ended nor as survivor. The estimate holds if whoever is followed no longer is like
    /// those who are: with [`Censoring::DecidedDay`](crate::Censoring::DecidedDay), if people who began late stay as people
    /// do who began early. Beyond the longest time that was followed nothing is known, and nothing is given. Where lifetimes
    /// enter late, few may be at risk in the beginning, and one of them who ends can bring the curve near 0 for good.
    ///
    /// Of the estimates of the variance of the cumulative hazard this is R's; lifelines has others.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a confidence outside 0 to 1.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{KaplanMeierOptions, LifetimeColumns, Lifetimes};
    /// use attrition::polars::prelude::*;
    ///
    /// let frame = df!("weeks" => [1, 2, 2, 4], "gone" => [true, true, false, true])?;
    /// let lifetimes = Lifetimes::from_frame(&frame, &LifetimeColumns::new("weeks", "gone"))?;
    /// let curve = lifetimes.kaplan_meier(KaplanMeierOptions::new())?;
    /// let survival: Vec<f64> = curve.points().iter().map(|point| point.survival).collect();
    /// assert_eq!(survival, [0.75, 0.5, 0.0]);                        // one of four, one of three, one of one
    /// assert_eq!(curve.at(3.0).unwrap().survival, 0.5);
    /// assert_eq!(curve.median().time, Some(3.0));                    // flat at one half from 2 to 4
    /// assert_eq!(curve.restricted_mean(4.0)?.mean, 1.0 + 0.75 + 2.0 * 0.5);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// E. L. Kaplan and P. Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53, 457-481; M.
    /// Greenwood (1926), "The natural duration of cancer"; O. Aalen (1978), "Nonparametric inference for a family of counting
    /// processes", Annals of Statistics 6, 701-726. R's `survfit` gives the same figures.
    pub fn kaplan_meier(&self, options: impl Into<KaplanMeierOptions>) -> Result<KaplanMeier> {
        KaplanMeier::new(options.into(), self.event_table())
    }
}

impl KaplanMeier {
    pub(super) fn new(options: KaplanMeierOptions, table: EventTable) -> Result<Self> {
        let z = critical_value(options.confidence)?;
        let points = points(&table.rows, options.interval, z);
        Ok(Self { options, table, points })
    }

    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &KaplanMeierOptions {
        &self.options
    }

    /// The counts that the curve is made of, time by time as its points.
    #[must_use]
    pub fn event_table(&self) -> &EventTable {
        &self.table
    }

    /// The curve at every time at which somebody ended or was censored, in order of time.
    #[must_use]
    pub fn points(&self) -> &[SurvivalPoint] {
        &self.points
    }

    /// The curve at any time; `None` where it is not known: before 0, and after the last time that somebody was followed
    /// unless everybody had ended by then.
    #[must_use]
    pub fn at(&self, time: f64) -> Option<SurvivalPoint> {
        if time.is_nan() || time < 0.0 || self.known_until()? < time {
            return None;
        }
        let after = self.points.partition_point(|point| point.time <= time);
        let before = after.checked_sub(1).map(|place| self.points[place]);
        Some(SurvivalPoint { time, ..before.unwrap_or_else(|| self.start()) })
    }

    /// The level of all intervals, as a quantile of the normal distribution.
    pub(super) fn z(&self) -> Result<f64> {
        critical_value(self.options.confidence)
    }

    /// Up to which time the curve is known; `None` if nobody was followed.
    pub(super) fn known_until(&self) -> Option<f64> {
        let last = self.points.last()?;
        Some(if last.survival > 0.0 { last.time } else { f64::INFINITY })
    }

    /// The curve before the first time.
    fn start(&self) -> SurvivalPoint {
        // One whose confidence is refused is never made.
        Curve::default().point(0.0, self.options.interval, self.z().unwrap_or(0.0))
    }

    /// The curve as a frame, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `time` | Float64 | time since the start, in days or in the unit of the column |
    /// | `at_risk` | UInt64 | lifetimes followed up to this time at least |
    /// | `ended` | UInt64 | those of them that ended at it |
    /// | `censored` | UInt64 | those of them that were followed no longer and had not ended |
    /// | `survival` | Float64 | share of lifetimes that is longer |
    /// | `standard_error` | Float64 | its standard error; null where it is 0 |
    /// | `lower`, `upper` | Float64 | its interval; null where the survival is 0, and with log-log where it is 1 |
    /// | `cumulative_hazard` | Float64 | Nelson-Aalen estimate |
    /// | `cumulative_hazard_error` | Float64 | its standard error |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let count = |name: &str, of: fn(&EventTableRow) -> u64| {
            write::column(name, self.table.rows.iter().map(of).collect::<Vec<_>>())
        };
        let number = |name: &str, of: fn(&SurvivalPoint) -> f64| {
            write::column(name, self.points.iter().map(of).collect::<Vec<_>>())
        };
        let perhaps = |name: &str, of: fn(&SurvivalPoint) -> Option<f64>| {
            write::column(name, self.points.iter().map(of).collect::<Vec<_>>())
        };
        write::frame(vec![
            number("time", |point| point.time),
            count("at_risk", |row| row.at_risk),
            count("ended", |row| row.ended),
            count("censored", |row| row.censored),
            number("survival", |point| point.survival),
            perhaps("standard_error", |point| point.standard_error),
            perhaps("lower", |point| point.interval.map(|interval| interval.lower)),
            perhaps("upper", |point| point.interval.map(|interval| interval.upper)),
            number("cumulative_hazard", |point| point.cumulative_hazard),
            number("cumulative_hazard_error", |point| point.cumulative_hazard_error),
        ])
    }
}

impl fmt::Display for KaplanMeier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let (all, ended, censored) = (self.table.lifetimes(), self.table.ended(), self.table.censored());
        write!(f, "Survival: {all} lifetimes, {ended} ended, {censored} censored")?;
        let or_dash = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), short);
        let median = self.median();
        let (lower, upper) = (or_dash(median.lower), or_dash(median.upper));
        write!(f, "\n  median {} ({lower} to {upper}); - is beyond what was followed", or_dash(median.time))?;
        if self.points.is_empty() {
            return Ok(());
        }
        let level = format!("{}, {} %", self.options.interval, percent(Some(self.options.confidence)));
        write!(f, "\n  {:>10} {:>10} {:>10} {:>10}   {level}", "time", "at risk", "ended", "survival")?;
        for place in spread(self.points.len(), SHOWN) {
            let (point, row) = (&self.points[place], &self.table.rows[place]);
            let survival = percent(Some(point.survival));
            write!(f, "\n  {:>10} {:>10} {:>10} {survival:>10}", short(point.time), row.at_risk, row.ended)?;
            if let Some(Interval { lower, upper }) = point.interval {
                write!(f, "   {} to {}", percent(Some(lower)), percent(Some(upper)))?;
            }
        }
        Ok(())
    }
}

/// The products and sums up to a time.
#[derive(Debug)]
struct Curve {
    survival: f64,
    /// The variance of the logarithm of the survival.
    variance: f64,
    hazard: f64,
    hazard_variance: f64,
}

impl Default for Curve {
    fn default() -> Self {
        Self { survival: 1.0, variance: 0.0, hazard: 0.0, hazard_variance: 0.0 }
    }
}

impl Curve {
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    fn pass(&mut self, row: &EventTableRow) {
        let (n, d) = (row.at_risk as f64, row.ended as f64);
        self.survival *= 1.0 - d / n;
        // Infinite where all end, as the logarithm is: the variance is not asked for then.
        self.variance += d / (n * (n - d));
        self.hazard += d / n;
        self.hazard_variance += d / (n * n);
    }

    fn point(&self, time: f64, interval: SurvivalInterval, z: f64) -> SurvivalPoint {
        let sigma = self.variance.sqrt();
        SurvivalPoint {
            time,
            survival: self.survival,
            standard_error: (self.survival > 0.0).then_some(self.survival * sigma),
            interval: interval.around(self.survival, sigma, z),
            cumulative_hazard: self.hazard,
            cumulative_hazard_error: self.hazard_variance.sqrt(),
        }
    }
}

fn points(rows: &[EventTableRow], interval: SurvivalInterval, z: f64) -> Vec<SurvivalPoint> {
    let mut curve = Curve::default();
    let point = |row: &EventTableRow| {
        curve.pass(row);
        curve.point(row.time, interval, z)
    };
    rows.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(interval: SurvivalInterval) -> KaplanMeier {
        let table = EventTable::of_days([(1, true), (2, true), (2, false), (4, true)].into_iter());
        KaplanMeier::new(interval.into(), table).unwrap()
    }

    #[test]
    fn by_hand() {
        let near = |got: &[f64], expected: &[f64]| {
            got.len() == expected.len()
                && got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-12)
        };
        let points =
            |of: fn(&SurvivalPoint) -> f64| curve(SurvivalInterval::Plain).points.iter().map(of).collect::<Vec<_>>();
        assert!(near(&points(|point| point.survival), &[3.0 / 4.0, 1.0 / 2.0, 0.0]));
        // The sums of d / (n (n-d)) are 1/12 and 1/4.
        let errors = points(|point| point.standard_error.unwrap_or(-1.0));
        assert!(near(&errors, &[0.75 / 12.0_f64.sqrt(), 0.25, -1.0]), "{errors:?}");
        assert!(near(&points(|point| point.cumulative_hazard), &[1.0 / 4.0, 7.0 / 12.0, 19.0 / 12.0]));
        let errors = points(|point| point.cumulative_hazard_error);
        assert!(near(&errors, &[0.25, 5.0 / 12.0, 13.0 / 12.0]), "{errors:?}");

        // Symmetric around one half on three scales: S, log S and log(-log S).
        let z = 1.959_963_984_540_054;
        let at_two = |interval| {
            let Interval { lower, upper } = curve(interval).at(2.0).unwrap().interval.unwrap();
            [lower, upper]
        };
        assert!(near(&at_two(SurvivalInterval::Plain), &[0.5 - 0.25 * z, 0.5 + 0.25 * z]));
        assert!(near(&at_two(SurvivalInterval::Log), &[0.5 * (-0.5 * z).exp(), 1.0]));
        let scale = |share: f64| (-share.ln()).ln();
        let [lower, upper] = at_two(SurvivalInterval::LogLog).map(scale);
        assert!(near(&[lower + upper, lower - upper], &[2.0 * scale(0.5), z / 2.0_f64.ln()]));
        assert_eq!(curve(SurvivalInterval::LogLog).at(0.5).unwrap().interval, None);
        assert_eq!(curve(SurvivalInterval::Log).at(0.5).unwrap().interval, Some(Interval { lower: 1.0, upper: 1.0 }));

        // 1 + 3/4 + 2/2 weeks; behind the first lie 7/4 of them, behind the second 1.
        let mean = curve(SurvivalInterval::Plain).restricted_mean(4.0).unwrap();
        let variance: f64 = 1.75 * 1.75 / 12.0 + 1.0 / 6.0;
        assert!(near(&[mean.mean, mean.standard_error], &[2.75, variance.sqrt()]));
        assert!(near(&[mean.interval.upper], &[4.0]));
    }

    #[test]
    fn in_print() {
        let text = "Survival: 4 lifetimes, 3 ended, 1 censored
  median 3 (1 to -); - is beyond what was followed
        time    at risk      ended   survival   log, 95.0 %
           1          4          1       75.0   42.6 to 100.0
           2          3          1       50.0   18.8 to 100.0
           4          1          1        0.0";
        assert_eq!(curve(SurvivalInterval::Log).to_string(), text);
    }
}
