//! Growth accounting: who came, who stayed, who came back and who went, period by period.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Period, PeriodTable, Span};
use crate::error::{Error, Result};
use crate::frame::write;
use crate::statistics::{Interval, Wilson, ratio};

/// What [`Activity::lifecycle`] should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LifecycleOptions {
    period: Period,
    dormant_after: u32,
    confidence: f64,
}

impl LifecycleOptions {
    /// Growth accounting per calendar period.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self { period, dormant_after: 1, confidence: 0.95 }
    }

    /// After how many whole periods of silence an actor is dormant. The default, 1, is how PostHog, Amplitude and the
    /// growth accounting of Social Capital have it: who was not there in this period is dormant in it. `Period::Day`
    /// with 30 is the 30 days of silence of retentioneering, and its `active` is the trailing MAU of every day.
    #[must_use]
    pub fn dormant_after(mut self, periods: u32) -> Self {
        self.dormant_after = periods;
        self
    }

    /// The level of confidence of the intervals. The default is the customary 0.95.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    pub(super) fn check(&self) -> Result<Wilson> {
        if self.dormant_after == 0 {
            let reason = "an actor is dormant after at least one whole period of silence, so 1 or more";
            return Err(Error::InvalidOption { option: "dormant_after", value: "0".to_owned(), reason });
        }
        Wilson::new(self.confidence)
    }
}

impl From<Period> for LifecycleOptions {
    fn from(period: Period) -> Self {
        Self::new(period)
    }
}

/// Actors who became dormant, by what they were in the last period in which they were present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewlyDormant {
    /// They were new in it, and did not stay.
    pub new: u64,
    /// They had been active before it.
    pub retained: u64,
    /// They were back in it after having been dormant.
    pub resurrected: u64,
}

impl NewlyDormant {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.new + self.retained + self.resurrected
    }
}

/// The actors of one period, by where they came from and where they went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LifecyclePeriod {
    /// The period.
    pub span: Span,
    /// [`Coverage::Truncated`] if one of the periods that had to be looked back at was not wholly observed: all of them
    /// for the first period of the observation, even where that begins on its first day. [`Coverage::Open`] if the
    /// period has not ended.
    pub coverage: Coverage,
    /// Actors with an event in the period.
    pub present: u64,
    /// Actors active in the period before: the denominator of the rates.
    pub active_before: u64,
    /// Actors whose first activity in the whole history lies in the period.
    pub new: u64,
    /// Actors active in the period before and in this one.
    pub retained: u64,
    /// Actors present after having been dormant in the period before.
    pub resurrected: u64,
    /// Actors active: new, retained and resurrected.
    pub active: u64,
    /// Actors active in the period before and not in this one; `None` until the period has ended.
    pub newly_dormant: Option<NewlyDormant>,
    /// The same, were the period to end with the observation. In an open period it can only fall.
    pub newly_dormant_so_far: NewlyDormant,
    /// Actors seen at any time up to here and not active; `None` until the period has ended.
    pub dormant: Option<u64>,
    /// The same, were the period to end with the observation.
    pub dormant_so_far: u64,
    /// `(new + resurrected) / newly dormant`; `None` where nobody became dormant, or unless the period is observed.
    pub quick_ratio: Option<f64>,
    /// `retained / active_before`; `None` without a denominator, or unless the period is observed.
    pub retention_rate: Option<f64>,
    /// The Wilson interval of the retention rate.
    pub retention_interval: Option<Interval>,
    /// `newly dormant / active_before`, which is 1 less the retention rate.
    pub churn_rate: Option<f64>,
    /// The Wilson interval of the churn rate.
    pub churn_interval: Option<Interval>,
}

/// The answer of [`Activity::lifecycle`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredLifecycle")]
pub struct Lifecycle {
    pub(super) options: LifecycleOptions,
    pub(super) as_of: Date,
    pub(super) periods: Vec<LifecyclePeriod>,
}

impl Activity {
    /// Growth accounting: how the active users of each period follow from those of the period before.
    ///
    /// ```text
    /// present(t)      actors with an event in period t
    /// active(t)       actors present in at least one of the periods t-n+1 ..= t         n = dormant_after
    /// new(t)          first present in t in the whole history
    /// retained(t)     active in t-1 and in t
    /// resurrected(t)  active in t, not in t-1, and first present before t
    /// dormant(t)      active in t-1, not in t                                           "newly dormant"
    ///
    /// active(t) = new(t) + retained(t) + resurrected(t)
    /// active(t) = active(t-1) + new(t) + resurrected(t) - dormant(t)                    exactly, for every n
    ///
    /// retention rate  retained(t) / active(t-1)         churn rate  dormant(t) / active(t-1)
    /// quick ratio     (new(t) + resurrected(t)) / dormant(t)
    /// ```
    ///
    /// With n = 1 active and present are the same. With a larger n an actor stays active, and counts as retained, through
    /// up to n - 1 periods of silence, and becomes dormant with the n-th. Newly dormant actors are told apart by what
    /// they were in the last period in which they were present; with n = 1 that is the period before.
    ///
    /// Counts are people. The denominator of both rates is the active users of the period before, so users who come and
    /// go within one period are in neither. Before the observation nobody is known: in its first period everybody is
    /// new, however old, and an actor who was away since before it began is new on return. Periods that had to be
    /// judged by periods not wholly observed are [`Coverage::Truncated`]: the first n, and one more where the first
    /// began before the observation. Their counts are given as far as they go, their rates are `None`.
    ///
    /// In a period that has not ended by [`as_of`](Activity::as_of), [`Coverage::Open`], who was present, new, retained
    /// or resurrected is counted so far and can only grow. Who became dormant is not known before its end: it is `None`,
    /// and `newly_dormant_so_far` counts those who have still to come if they are to be retained. Taking them for gone
    /// is the mistake this prevents: on a Tuesday most of a week's users are yet to come.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for `dormant_after` of 0 or a confidence outside 0 to 1.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, Coverage, EventColumns, Period, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // January: ann, bob. February: ann, cyd. March: bob, cyd. April, up to the 10th: cyd.
    /// let mut events = df!(
    ///     "user" => ["ann", "bob", "ann", "cyd", "bob", "cyd", "cyd"],
    ///     "day" => [19_723, 19_725, 19_756, 19_760, 19_790, 19_797, 19_823],
    /// )?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let lifecycle = activity.lifecycle(Period::Month)?;
    /// assert_eq!(lifecycle.on(date(2024, 1, 31)).unwrap().coverage, Coverage::Truncated);
    /// let march = lifecycle.on(date(2024, 3, 1)).unwrap();
    /// assert_eq!((march.new, march.retained, march.resurrected, march.active), (0, 1, 1, 2));
    /// assert_eq!(march.newly_dormant.unwrap().retained, 1); // ann, who had been retained in February
    /// assert_eq!((march.retention_rate, march.churn_rate, march.quick_ratio), (Some(0.5), Some(0.5), Some(1.0)));
    /// let april = lifecycle.on(date(2024, 4, 1)).unwrap();
    /// assert_eq!((april.coverage, april.retained, april.newly_dormant), (Coverage::Open, 1, None));
    /// assert_eq!(april.newly_dormant_so_far.total(), 1); // bob may still come
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// J. Hsu, Social Capital (2015), "Diligence at Social Capital, part 1: accounting for user growth": the identity and
    /// the quick ratio, n = 1, by month. PostHog, "Lifecycle": n = 1; its "new" is by the creation of the
    /// profile. Amplitude, "Lifecycle": n = 1; the split of dormant users, and the quick ratio as "pulse".
    /// retentioneering, `to_daily_states`: dormant after 30 days.
    pub fn lifecycle(&self, options: impl Into<LifecycleOptions>) -> Result<Lifecycle> {
        let options = options.into();
        let wilson = options.check()?;
        let table = self.periods(options.period);
        let silence = usize::try_from(options.dormant_after).unwrap_or(usize::MAX);
        // There are no more periods than days in the calendar, so their counts fit without a look at their number.
        let periods = table.spans().len();
        let tally = self.sweep(
            periods * KINDS,
            || vec![[0_u32; KINDS]; periods],
            |tally, _, days| count(tally, &table, silence, days),
            |mut tally, others| {
                let counts = tally.as_flattened_mut().iter_mut();
                counts.zip(others.as_flattened()).for_each(|(count, other)| *count += other);
                tally
            },
        );

        let (first, as_of) = (self.observed_from(), self.as_of());
        let cut = table.spans().first().is_some_and(|span| span.start < first);
        let truncated = silence.saturating_add(usize::from(cut));
        let mut seen = 0;
        let mut active_before = 0;
        let period = |(place, (&span, counts)): (usize, (&Span, [u32; KINDS]))| {
            let [new, stayed, resurrected, from_new, from_retained, from_resurrected] = counts.map(u64::from);
            let gone = NewlyDormant { new: from_new, retained: from_retained, resurrected: from_resurrected };
            let retained = active_before - gone.total();
            let active = new + retained + resurrected;
            seen += new;
            let coverage = match Coverage::of(span, first, as_of) {
                Coverage::Observed if place < truncated => Coverage::Truncated,
                coverage => coverage,
            };
            let observed = coverage == Coverage::Observed;
            let ended = coverage != Coverage::Open;
            let rate = |part, whole| if observed { ratio(part, whole) } else { None };
            let interval = |part| if observed { wilson.interval(part, active_before) } else { None };
            let period = LifecyclePeriod {
                span,
                coverage,
                present: new + stayed + resurrected,
                active_before,
                new,
                retained,
                resurrected,
                active,
                newly_dormant: ended.then_some(gone),
                newly_dormant_so_far: gone,
                dormant: ended.then_some(seen - active),
                dormant_so_far: seen - active,
                quick_ratio: rate(new + resurrected, gone.total()),
                retention_rate: rate(retained, active_before),
                retention_interval: interval(retained),
                churn_rate: rate(gone.total(), active_before),
                churn_interval: interval(gone.total()),
            };
            active_before = active;
            period
        };
        let periods = table.spans().iter().zip(tally).enumerate().map(period).collect();
        Ok(Lifecycle { options, as_of, periods })
    }
}

impl Lifecycle {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &LifecycleOptions {
        &self.options
    }

    /// The last day of observation.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// Every period of the observation, in order of time.
    #[must_use]
    pub fn periods(&self) -> &[LifecyclePeriod] {
        &self.periods
    }

    /// The period that holds a day.
    #[must_use]
    pub fn on(&self, date: Date) -> Option<&LifecyclePeriod> {
        let place = self.periods.partition_point(|period| period.span.end < date);
        self.periods.get(place).filter(|period| period.span.start <= date)
    }

    /// All periods as a frame, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `start`, `end` | Date | first and last day of the period |
    /// | `coverage` | String | `observed`, `truncated` (judged by periods not wholly observed) or `open` |
    /// | `present` | UInt64 | actors with an event in the period |
    /// | `active_before` | UInt64 | actors active in the period before; the denominator |
    /// | `new`, `retained`, `resurrected` | UInt64 | actors active, by where they came from; so far, where open |
    /// | `active` | UInt64 | their sum |
    /// | `newly_dormant` | UInt64 | active in the period before, not in this one; null where open |
    /// | `from_new`, `from_retained`, `from_resurrected` | UInt64 | these, by what they were when last present; null where open |
    /// | `newly_dormant_so_far` | UInt64 | the same as `newly_dormant`, were the period to end with the observation |
    /// | `dormant` | UInt64 | actors seen up to here and not active; null where open |
    /// | `dormant_so_far` | UInt64 | the same, were the period to end with the observation |
    /// | `quick_ratio` | Float64 | `(new + resurrected) / newly_dormant`; null unless observed and somebody went |
    /// | `retention_rate` | Float64 | `retained / active_before`; null unless observed and with a denominator |
    /// | `retention_lower`, `retention_upper` | Float64 | its Wilson interval; null where the rate is |
    /// | `churn_rate` | Float64 | `newly_dormant / active_before`; null where the retention rate is |
    /// | `churn_lower`, `churn_upper` | Float64 | its Wilson interval; null where the rate is |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let of = &self.periods;
        let counts = |count: fn(&LifecyclePeriod) -> u64| of.iter().map(count).collect::<Vec<_>>();
        let known = |count: fn(&LifecyclePeriod) -> Option<u64>| of.iter().map(count).collect::<Vec<_>>();
        let gone = |count: fn(NewlyDormant) -> u64| {
            of.iter().map(move |period| period.newly_dormant.map(count)).collect::<Vec<_>>()
        };
        let rates = |rate: fn(&LifecyclePeriod) -> Option<f64>| of.iter().map(rate).collect::<Vec<_>>();
        write::frame(vec![
            write::dates("start", of.iter().map(|period| Some(period.span.start)))?,
            write::dates("end", of.iter().map(|period| Some(period.span.end)))?,
            write::column("coverage", of.iter().map(|period| period.coverage.name()).collect::<Vec<_>>()),
            write::column("present", counts(|period| period.present)),
            write::column("active_before", counts(|period| period.active_before)),
            write::column("new", counts(|period| period.new)),
            write::column("retained", counts(|period| period.retained)),
            write::column("resurrected", counts(|period| period.resurrected)),
            write::column("active", counts(|period| period.active)),
            write::column("newly_dormant", gone(NewlyDormant::total)),
            write::column("from_new", gone(|gone| gone.new)),
            write::column("from_retained", gone(|gone| gone.retained)),
            write::column("from_resurrected", gone(|gone| gone.resurrected)),
            write::column("newly_dormant_so_far", counts(|period| period.newly_dormant_so_far.total())),
            write::column("dormant", known(|period| period.dormant)),
            write::column("dormant_so_far", counts(|period| period.dormant_so_far)),
            write::column("quick_ratio", rates(|period| period.quick_ratio)),
            write::column("retention_rate", rates(|period| period.retention_rate)),
            write::column("retention_lower", rates(|period| period.retention_interval.map(|ends| ends.lower))),
            write::column("retention_upper", rates(|period| period.retention_interval.map(|ends| ends.upper))),
            write::column("churn_rate", rates(|period| period.churn_rate)),
            write::column("churn_lower", rates(|period| period.churn_interval.map(|ends| ends.lower))),
            write::column("churn_upper", rates(|period| period.churn_interval.map(|ends| ends.upper))),
        ])
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LATEST: usize = 16;
        let LifecycleOptions { period, dormant_after, .. } = self.options;
        let plural = if dormant_after == 1 { "" } else { "s" };
        let silence = format!("dormant after {dormant_after} {period}{plural} without activity");
        writeln!(f, "Lifecycle by {period}, {silence}, as of {}", self.as_of)?;
        write!(f, "  {:<11}", "period")?;
        for name in ["active", "new", "stayed", "back", "gone", "dormant"] {
            write!(f, " {name:>7}")?;
        }
        writeln!(f, " {:>6} {:>7}", "quick", "stay %")?;
        let short = !matches!(period, Period::Day | Period::Week);
        for one in &self.periods[self.periods.len().saturating_sub(LATEST)..] {
            let label = one.span.start.to_string();
            let label = format!("{}{}", if short { &label[..7] } else { &label }, one.coverage.sign());
            write!(f, "  {label:<11}")?;
            for count in [one.active, one.new, one.retained, one.resurrected] {
                write!(f, " {count:>7}")?;
            }
            for count in [one.newly_dormant.map(NewlyDormant::total), one.dormant] {
                write!(f, " {:>7}", count.map_or("-".to_owned(), |count| count.to_string()))?;
            }
            let quick = one.quick_ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            let stay = one.retention_rate.map_or("-".to_owned(), |rate| format!("{:.1}", 100.0 * rate));
            writeln!(f, " {quick:>6} {stay:>7}")?;
        }
        write!(f, "  ~ judged by periods not wholly observed; * still open, who is gone is not known yet")
    }
}

/// Counts per period: those present, by how they came to be there (new, still active, back), and those newly dormant, by
/// the same of the last period in which they were present.
const KINDS: usize = 6;
const NEW: usize = 0;
const STAYED: usize = 1;
const BACK: usize = 2;
/// From how somebody came to how somebody went.
const GONE: usize = 3;

/// Counts an actor who was active on these days, in order, and is dormant after so many periods of silence.
///
/// Who stays active through a silence is counted nowhere: the identity gives them.
#[inline]
fn count(tally: &mut [[u32; KINDS]], table: &PeriodTable, silence: usize, days: &[i32]) {
    let mut last: Option<(usize, usize)> = None;
    for &day in days {
        let period = table.of(day) as usize;
        let came = match last {
            Some((before, _)) if before == period => continue,
            Some((before, _)) if period - before <= silence => STAYED,
            Some((before, came)) => {
                tally[before + silence][GONE + came] += 1;
                BACK
            }
            None => NEW,
        };
        tally[period][came] += 1;
        last = Some((period, came));
    }
    if let Some((before, came)) = last
        && let Some(counts) = tally.get_mut(before.saturating_add(silence))
    {
        counts[GONE + came] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, date};

    #[test]
    fn by_hand() {
        let first = date(2024, 1, 1);
        let table = PeriodTable::new(&Calendar::utc(), Period::Day, first..=first + 7);
        let tally = |silence, days: &[i32]| {
            let mut tally = vec![[0; KINDS]; 8];
            let days: Vec<i32> = days.iter().map(|day| first.days_since_epoch() + day).collect();
            count(&mut tally, &table, silence, &days);
            let mut entries = Vec::new();
            for (period, counts) in tally.iter().enumerate() {
                for (kind, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    entries.push((period, kind, count));
                }
            }
            entries
        };
        // There on days 1, 2, 2 again and 4: gone on day 3, back on day 4, gone on day 5.
        let days = [1, 2, 2, 4];
        let expected = [(1, NEW, 1), (2, STAYED, 1), (3, GONE + STAYED, 1), (4, BACK, 1), (5, GONE + BACK, 1)];
        assert_eq!(tally(1, &days), expected);
        // A silence of one day does not matter, one of two does.
        let expected = [(1, NEW, 1), (2, STAYED, 1), (4, STAYED, 1), (6, GONE + STAYED, 1)];
        assert_eq!(tally(2, &days), expected);
        // With day 4 the observation is over before four days have passed.
        assert_eq!(tally(4, &days), expected[..3]);
        assert_eq!(tally(usize::MAX, &days), expected[..3]);
        assert_eq!(tally(1, &[0]), [(0, NEW, 1), (1, GONE + NEW, 1)]);
        assert_eq!(tally(1, &[7]), [(7, NEW, 1)]);
        assert_eq!(tally(1, &[]), []);
    }
}
