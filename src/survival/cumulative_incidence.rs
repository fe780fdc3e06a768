//! The share that each of several causes ends: the estimate of Aalen and Johansen.

use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::competing_risks::CompetingRisks;
use super::ends::Ends;
use super::interval::SurvivalInterval;
use super::{short, spread};
use crate::error::Result;
use crate::frame::write;
use crate::print::percent;
use crate::statistics::{Interval, critical_value};

/// How [`CompetingRisks::cumulative_incidence`] should say how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CumulativeIncidenceOptions {
    interval: SurvivalInterval,
    confidence: f64,
}

impl CumulativeIncidenceOptions {
    /// Log-log intervals of 95 %.
    #[must_use]
    pub fn new() -> Self {
        Self { interval: SurvivalInterval::default(), confidence: 0.95 }
    }

    /// The scale on which intervals are symmetric, with the incidence in the place of the survival. The default is
    /// [`SurvivalInterval::LogLog`], which stays within 0 and 1 and covers well while an incidence is small.
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

impl Default for CumulativeIncidenceOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<SurvivalInterval> for CumulativeIncidenceOptions {
    fn from(interval: SurvivalInterval) -> Self {
        Self::new().interval(interval)
    }
}

/// The incidence of a cause at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidencePoint {
    /// The time since the start.
    pub time: f64,
    /// How many of the group were at risk at the latest time at which the cause ended some, this one or earlier.
    pub at_risk: u64,
    /// How many of these it ended then.
    pub ended: u64,
    /// The share that the cause has ended by this time.
    pub incidence: f64,
    /// Its standard error, by Aalen's formula.
    pub standard_error: f64,
    /// Its interval; `None` where the incidence is 0, and with log-log where it is 1.
    pub interval: Option<Interval>,
}

/// The incidence of one cause in one group over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidenceCurve {
    /// The cause.
    pub cause: String,
    /// The group; `None` where all are one, and for those without a group.
    pub group: Option<String>,
    points: Vec<IncidencePoint>,
    known_until: f64,
}

impl IncidenceCurve {
    /// The curve at every time at which the cause ended somebody, in order of time.
    #[must_use]
    pub fn points(&self) -> &[IncidencePoint] {
        &self.points
    }

    /// How many the cause ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.points.iter().map(|point| point.ended).sum()
    }

    /// The curve at any time; `None` where it is not known: before 0, and after the last time that somebody of the group
    /// was followed unless everybody had ended by then.
    #[must_use]
    pub fn at(&self, time: f64) -> Option<IncidencePoint> {
        if !(time >= 0.0 && time <= self.known_until) {
            return None;
        }
        let before = self.points.partition_point(|point| point.time <= time).checked_sub(1);
        let start = IncidencePoint { time, at_risk: 0, ended: 0, incidence: 0.0, standard_error: 0.0, interval: None };
        Some(IncidencePoint { time, ..before.map_or(start, |place| self.points[place]) })
    }
}

/// The answer of [`CompetingRisks::cumulative_incidence`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredCumulativeIncidence")]
pub struct CumulativeIncidence {
    options: CumulativeIncidenceOptions,
    causes: Vec<String>,
    groups: Vec<Option<String>>,
    ends: Ends,
    /// These follow from the counts, so they are not stored.
    #[serde(skip_serializing)]
    curves: Vec<IncidenceCurve>,
    /// Group by group, what is left at each time at which somebody ended.
    #[serde(skip_serializing)]
    remaining: Vec<Vec<(f64, f64)>>,
}

impl CompetingRisks {
    /// The share that each cause has ended by any time, and the share that is still there, group by group.
    ///
    /// ```text
    /// at each time t, n are at risk of whom d end for the cause, and a for any
    /// remaining          S(t) = product over times up to t of (1 - a/n)
    /// incidence          F(t) = sum over times up to t of S(t-) d/n                        (Aalen-Johansen)
    /// its variance       sum over times s up to t of
    ///                    S(s-)² (1 - (F(t) - F(s))/S(s))² c(d) d/n²  for the cause
    ///                    S(s-)² ((F(t) - F(s))/S(s))² c(o) o/n²      for the o others
    ///                    c(m) = (n - m)/(n - 1), what ties leave of the variance, 1 of one  (Aalen)
    /// interval           F ^ exp(± z σ / (F log F)), or as asked for
    /// ```
    ///
    /// The incidences of all causes and what remains add up to 1 at any time. Times are in the unit of the durations; each
    /// time's denominator are those at risk at it, at risk being everybody followed so far whom no cause has ended. An
    /// incidence never falls, and says what does happen while all causes are at work: had the price been right, some of
    /// those who left for it would have left for something else. Late entries are at risk from their entry on, as
    /// [`Lifetimes::kaplan_meier`](crate::Lifetimes::kaplan_meier) has it, with the same caution: where few are at risk in
    /// the beginning, one who ends can weigh too much.
    ///
    /// Beyond the longest time that was followed in a group nothing is known of it, and nothing is given.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a confidence outside 0 to 1;
    /// [`Error::TooLarge`](crate::Error::TooLarge) for more than 2^26 pairs of a time and a group.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{CompetingRiskColumns, CompetingRisks, CumulativeIncidenceOptions};
    /// use attrition::polars::prelude::*;
    ///
    /// let customers = df!("months" => [1, 2, 2, 4], "reason" => [Some("price"), Some("support"), None, Some("price")])?;
    /// let risks = CompetingRisks::from_frame(&customers, &CompetingRiskColumns::new("months", "reason"))?;
    /// let incidence = risks.cumulative_incidence(CumulativeIncidenceOptions::new())?;
    /// let price = incidence.curve(None, "price").unwrap();
    /// assert_eq!(price.at(3.0).unwrap().incidence, 0.25);            // one of four
    /// assert_eq!(price.at(4.0).unwrap().incidence, 0.75);            // and the one half that was left
    /// assert_eq!(incidence.curve(None, "support").unwrap().at(4.0).unwrap().incidence, 0.25);
    /// assert_eq!(incidence.remaining(None, 3.0), Some(0.5));
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// O. O. Aalen and S. Johansen (1978), "An empirical transition matrix for non-homogeneous Markov chains based on
    /// censored observations", Scandinavian Journal of Statistics 5, 141-150; O. Aalen (1978), "Nonparametric estimation of
    /// partial transition probabilities in multiple decrement models", Annals of Statistics 6, 534-545. R's
    /// `cmprsk::cuminc` gives the same figures; `survfit` has another estimate of the variance.
    pub fn cumulative_incidence(&self, options: impl Into<CumulativeIncidenceOptions>) -> Result<CumulativeIncidence> {
        CumulativeIncidence::new(options.into(), self.causes.clone(), self.groups.clone(), Ends::new(self, None)?)
    }
}

impl CumulativeIncidence {
    pub(super) fn new(
        options: CumulativeIncidenceOptions,
        causes: Vec<String>,
        groups: Vec<Option<String>>,
        ends: Ends,
    ) -> Result<Self> {
        let z = critical_value(options.confidence)?;
        let (mut curves, mut all_remaining) = (Vec::with_capacity(causes.len() * groups.len()), Vec::new());
        let of_group = |group| estimate(&ends, group, causes.len(), options.interval, z);
        let estimates: Vec<Estimate> = (0..groups.len()).into_par_iter().map(of_group).collect();
        for ((group, name), (points, remaining)) in groups.iter().enumerate().zip(estimates) {
            let gone = remaining.last().is_some_and(|&(_, left)| left <= 0.0);
            let known_until = if gone { f64::INFINITY } else { ends.last[group].unwrap_or(-1.0) };
            let curve = |(cause, points): (&String, _)| {
                let (cause, group) = (cause.clone(), name.clone());
                IncidenceCurve { cause, group, points, known_until }
            };
            curves.extend(causes.iter().zip(points).map(curve));
            all_remaining.push(remaining);
        }
        Ok(Self { options, causes, groups, ends, curves, remaining: all_remaining })
    }

    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &CumulativeIncidenceOptions {
        &self.options
    }

    /// The causes, in order.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The groups, in order.
    #[must_use]
    pub fn groups(&self) -> &[Option<String>] {
        &self.groups
    }

    /// How many lifetimes a group has; `None` for a group that is not there.
    #[must_use]
    pub fn lifetimes(&self, group: Option<&str>) -> Option<u64> {
        Some(self.ends.lifetimes[self.place(group)?])
    }

    /// The curves, group by group and within a group cause by cause.
    #[must_use]
    pub fn curves(&self) -> &[IncidenceCurve] {
        &self.curves
    }

    /// The curve of a cause in a group; `None` for one that is not there.
    #[must_use]
    pub fn curve(&self, group: Option<&str>, cause: &str) -> Option<&IncidenceCurve> {
        self.curves.iter().find(|curve| curve.group.as_deref() == group && curve.cause == cause)
    }

    /// The share of a group that no cause has ended by a time; `None` where it is not known.
    #[must_use]
    pub fn remaining(&self, group: Option<&str>, time: f64) -> Option<f64> {
        let place = self.place(group)?;
        let left = &self.remaining[place];
        let gone = left.last().is_some_and(|&(_, left)| left <= 0.0);
        if !(time >= 0.0 && (gone || time <= self.ends.last[place]?)) {
            return None;
        }
        let before = left.partition_point(|&(at, _)| at <= time).checked_sub(1);
        Some(before.map_or(1.0, |place| left[place].1))
    }

    fn place(&self, group: Option<&str>) -> Option<usize> {
        self.groups.iter().position(|name| name.as_deref() == group)
    }

    /// The curves as a frame, ordered by group, cause and time: a row for each time at which the cause ended somebody.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `group` | String | the group; null where all are one, and for those without a group |
    /// | `cause` | String | the cause |
    /// | `time` | Float64 | time since the start, in the unit of the durations |
    /// | `at_risk` | UInt64 | lifetimes of the group followed up to this time at least |
    /// | `ended` | UInt64 | those of them that the cause ended at it |
    /// | `incidence` | Float64 | share that the cause has ended by then |
    /// | `standard_error` | Float64 | its standard error |
    /// | `lower`, `upper` | Float64 | its interval; with log-log null where the incidence is 1 |
    /// | `remaining` | Float64 | share of the group that no cause has ended |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = || self.curves.iter().flat_map(|curve| curve.points.iter().map(move |point| (curve, point)));
        let number = |name: &str, of: fn(&IncidencePoint) -> f64| {
            write::column(name, rows().map(|(_, point)| of(point)).collect::<Vec<_>>())
        };
        let limit = |name: &str, of: fn(Interval) -> f64| {
            write::column(name, rows().map(|(_, point)| point.interval.map(of)).collect::<Vec<_>>())
        };
        let count = |name: &str, of: fn(&IncidencePoint) -> u64| {
            write::column(name, rows().map(|(_, point)| of(point)).collect::<Vec<_>>())
        };
        let remaining = self.curves.iter().enumerate().flat_map(|(place, curve)| {
            let left = &self.remaining[place / self.causes.len()];
            curve.points.iter().map(|point| left[left.partition_point(|&(at, _)| at < point.time)].1)
        });
        write::frame(vec![
            write::column("group", rows().map(|(curve, _)| curve.group.as_deref()).collect::<Vec<_>>()),
            write::column("cause", rows().map(|(curve, _)| curve.cause.as_str()).collect::<Vec<_>>()),
            number("time", |point| point.time),
            count("at_risk", |point| point.at_risk),
            count("ended", |point| point.ended),
            number("incidence", |point| point.incidence),
            number("standard_error", |point| point.standard_error),
            limit("lower", |interval| interval.lower),
            limit("upper", |interval| interval.upper),
            write::column("remaining", remaining.collect::<Vec<_>>()),
        ])
    }
}

impl fmt::Display for CumulativeIncidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 14;
        let (all, ended): (u64, u64) =
            (self.ends.lifetimes.iter().sum(), self.ends.ends.iter().map(|end| end.count).sum());
        write!(f, "Cumulative incidence: {all} lifetimes, {ended} ended by {} causes", self.causes.len())?;
        let Some(last) = self.ends.last.iter().copied().flatten().reduce(f64::max) else { return Ok(()) };
        let whole = self.ends.times.iter().all(|time| time.fract() <= 0.0);
        let round = |time: f64| if whole { time.floor() } else { time };
        let times = [round(last / 4.0), round(last / 2.0), last];
        // Where groups have short names, or none, there is more room for causes.
        let longest = self.groups.iter().flatten().map(|name| name.chars().count()).max();
        let of_group = longest.unwrap_or(0).clamp("group".len(), 16);
        let of_cause = 38 - of_group;
        write!(f, "\n  {:<of_group$} {:<of_cause$} {:>9}", "group", "cause", "ended")?;
        times.iter().try_for_each(|&time| write!(f, " {:>9}", short(time)))?;
        write!(f, "   in %")?;
        for place in spread(self.curves.len(), SHOWN) {
            let curve = &self.curves[place];
            let (group, cause) = (cut(curve.group.as_deref().unwrap_or("-"), of_group), cut(&curve.cause, of_cause));
            write!(f, "\n  {group:<of_group$} {cause:<of_cause$} {:>9}", curve.ended())?;
            for time in times {
                write!(f, " {:>9}", percent(curve.at(time).map(|point| point.incidence)))?;
            }
        }
        if self.curves.len() > SHOWN {
            write!(f, "\n  {} curves in all", self.curves.len())?;
        }
        Ok(())
    }
}

/// As much of a name as a column has room for.
fn cut(name: &str, room: usize) -> String {
    if name.chars().count() <= room { name.to_owned() } else { name.chars().take(room - 1).chain(['…']).collect() }
}

/// The sums of Aalen's variance of one cause: of F²,
/// 1 and -2F of the time up to which they go.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    incidence: f64,
    constant: f64,
    linear: f64,
    square: f64,
}

impl Sums {
    /// Takes in the chance of ends that move the variance by `weight`, and the incidence up to a later time by
    /// `own - (F - incidence)/left`, or by `(F - incidence)/left` where they are not the cause's own.
    fn pass(&mut self, own: f64, left: f64, weight: f64) {
        let slope = if left > 0.0 { 1.0 / left } else { 0.0 };
        let level = own + self.incidence * slope;
        self.constant += level * level * weight;
        self.linear += level * slope * weight;
        self.square += slope * slope * weight;
    }

    fn variance(&self) -> f64 {
        let f = self.incidence;
        (self.constant - 2.0 * f * self.linear + f * f * self.square).max(0.0)
    }
}

/// The points of every cause in one group, and what remains of it.
type Estimate = (Vec<Vec<IncidencePoint>>, Vec<(f64, f64)>);

#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
fn estimate(ends: &Ends, group: usize, causes: usize, interval: SurvivalInterval, z: f64) -> Estimate {
    let groups = ends.lifetimes.len();
    let mut sums = vec![Sums::default(); causes];
    let (mut points, mut remaining, mut free) = (vec![Vec::new(); causes], Vec::new(), 1.0_f64);
    let mut counts = vec![0_u64; causes];
    for same in ends.ends.chunk_by(|one, next| one.at == next.at) {
        let own = || same.iter().filter(|end| end.group as usize == group);
        let all: u64 = own().map(|end| end.count).sum();
        if all == 0 {
            continue;
        }
        let at = same[0].at as usize;
        let (time, at_risk) = (ends.times[at], ends.at_risk[at * groups + group]);
        let n = at_risk as f64;
        let left = free * ((at_risk - all) as f64 / n);
        own().for_each(|end| counts[end.cause as usize] += end.count);
        let weight = |ended: u64| {
            let ties = if ended > 1 { 1.0 - (ended - 1) as f64 / (n - 1.0) } else { 1.0 };
            free * free * ties * ended as f64 / (n * n)
        };
        for (cause, sums) in sums.iter_mut().enumerate() {
            let ended = counts[cause];
            sums.incidence += free * ended as f64 / n;
            if all > ended && left > 0.0 {
                sums.pass(0.0, left, weight(all - ended));
            }
            if ended > 0 {
                sums.pass(1.0, left, weight(ended));
                let (incidence, standard_error) = (sums.incidence, sums.variance().sqrt());
                let interval = interval.around(incidence.min(1.0), standard_error / incidence, z);
                points[cause].push(IncidencePoint { time, at_risk, ended, incidence, standard_error, interval });
            }
        }
        own().for_each(|end| counts[end.cause as usize] = 0);
        free = left;
        remaining.push((time, free));
    }
    (points, remaining)
}
