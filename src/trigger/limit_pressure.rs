//! Limits that are reached, or soon will be.

use serde::{Deserialize, Serialize};

use super::ranking::ranked;
use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Limit, Snapshot};
use crate::statistics::{Wilson, theil_sen};

/// A reading older than this, a month and some leeway, says nothing of today.
const STALE: i32 = 35;
/// The slope is that of so many days at most.
const SLOPE_DAYS: i32 = 60;
/// From this part of the cap on it is asked when the rest will be used up.
const PROJECTED_FROM: f64 = 0.5;
/// So sure is it that what is projected rises at all.
const CONFIDENCE: f64 = 0.95;
/// A limit that was reached so often is too small, whatever the last reading.
const REPEATED: usize = 2;

/// Whether a limit of the plan is reached, or will be soon.
///
/// ```text
/// utilisation = last reading / cap                       with a cap of 0, any use is 1 and no use is 0
/// hits        = stretches of readings at or over the cap in the last 90 days
/// projected   = day of the last reading + (cap - last reading) / slope          if within 60 days
/// high        utilisation at least 1
/// medium      2 hits or more; or utilisation at least 0.8, and projected
/// low         utilisation at least 0.8; or projected
/// ```
///
/// A limit is frustration or the moment for a larger plan: both call for a call. Of several limits the worst gives the
/// signal. Of several readings of a day the largest counts, and a last reading that is more than 35 days old says
/// nothing of today. The cap is that which holds on the day: after it was raised, earlier hits are none.
///
/// The slope is Sen's of the readings of the last 60 days since the last fall. A fall is a reading below half of the
/// one before: the meter has begun anew. A date is given only from half of the cap on, if the 95 % interval of the
/// slope lies above 0, and if the date comes no later than a meter that falls has ever run without falling. A meter of
/// the month that will be set back before it is full has none.
///
/// `observed` is the last reading, `expected` the cap, `statistic` the utilisation, and `since` the first reading at 80
/// % of those without a break up to the last, or else the day on which the limit was last reached. Accounts are ranked
/// by severity and then by utilisation. All this is a rule and has no p-value.
///
/// Not observed is `limits`, the table, and `readings` where no limit of the account has one in the last 35 days.
/// Accounts without limits are quiet.
///
/// # References
///
/// P. K. Sen (1968), "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1379-1389. Warnings at
/// 80 and 100 % are what tools for billing by use send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitPressure {
    near: f64,
    days: u32,
    horizon: u32,
}

impl LimitPressure {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { near: 0.8, days: 90, horizon: 60 }
    }

    /// The utilisation that is near, above 0 and below 1. 0.8 unless told: what billing tools warn at first.
    #[must_use]
    pub fn near(mut self, utilisation: f64) -> Self {
        self.near = utilisation;
        self
    }

    /// Within how many days hits are counted. 90 unless told: a limit of the month can then be reached three times.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// How far ahead a date is given, in days. 60 unless told: as far ahead as the slope looks back.
    #[must_use]
    pub fn horizon(mut self, days: u32) -> Self {
        self.horizon = days;
        self
    }
}

impl Default for LimitPressure {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for LimitPressure {
    fn name(&self) -> &'static str {
        "limit_pressure"
    }

    fn judge<'a>(&'a self, _portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        if !(self.near > 0.0 && self.near < 1.0) {
            let reason = "what is near a limit lies above 0 and below 1, the limit itself";
            return Err(Error::InvalidOption { option: "near", value: self.near.to_string(), reason });
        }
        if self.days == 0 {
            let reason = "hits are counted over at least a day";
            return Err(Error::InvalidOption { option: "days", value: self.days.to_string(), reason });
        }
        let wilson = Wilson::new(CONFIDENCE)?;
        Ok(Box::new(move |account| self.of(account, wilson)))
    }
}

/// How a limit stands.
#[derive(Clone, Debug)]
struct Pressure<'a> {
    name: &'a str,
    used: f64,
    cap: f64,
    utilisation: f64,
    hits: usize,
    projected: Option<Date>,
    since: Option<Date>,
}

impl LimitPressure {
    fn of(&self, account: &Account<'_>, wilson: Wilson) -> Signal {
        let Some(limits) = account.limits() else { return Signal::not_observed("limits") };
        if limits.is_empty() {
            return Signal::quiet();
        }
        let stand = limits.iter().filter_map(|limit| self.pressure(limit, account.as_of(), wilson));
        let rank = |pressure: &Pressure<'_>| ranked(self.severity(pressure), pressure.utilisation / 2.0);
        let worst = stand.max_by(|left, right| rank(left).total_cmp(&rank(right)));
        let Some(worst) = worst else { return Signal::not_observed("readings") };
        let signal = self.severity(&worst).map_or_else(Signal::quiet, Signal::fired);
        let signal = signal.observed(worst.used).expected(worst.cap).statistic(worst.utilisation).score(rank(&worst));
        let signal = signal.since(worst.since);
        signal.because(|| self.sentence(&worst))
    }

    fn severity(&self, pressure: &Pressure<'_>) -> Option<Severity> {
        let (near, projected) = (pressure.utilisation >= self.near, pressure.projected.is_some());
        match pressure {
            Pressure { utilisation: 1.0.., .. } => Some(Severity::High),
            Pressure { hits: REPEATED.., .. } => Some(Severity::Medium),
            _ if near && projected => Some(Severity::Medium),
            _ if near || projected => Some(Severity::Low),
            _ => None,
        }
    }

    fn sentence(&self, pressure: &Pressure<'_>) -> String {
        let Pressure { name, used, cap, utilisation, hits, projected, .. } = pressure;
        let reached = match hits {
            0 => String::new(),
            1 => format!(", was reached in the last {} days", self.days),
            _ => format!(", was reached {hits} times in the last {} days", self.days),
        };
        let date = projected.map_or_else(String::new, |date| format!(", and will be full about {date}"));
        let percent = 100.0 * utilisation;
        format!(
            "the limit {name} is used to {percent:.0} % ({used} of {cap}){reached}{date}: offer a larger one before it \
             stops them"
        )
    }

    /// How a limit stands; `None` without a reading of late.
    fn pressure<'a>(&self, limit: &Limit<'a>, as_of: Date, wilson: Wilson) -> Option<Pressure<'a>> {
        let days = by_day(&limit.readings);
        let &(_, used) = days.last().filter(|&&(date, _)| as_of - date <= STALE)?;
        let cap = limit.cap;
        let part = |used: f64| if cap > 0.0 { used / cap } else { f64::from(u8::from(used > 0.0)) };
        let recent = days.partition_point(|&(day, _)| i64::from(as_of - day) >= i64::from(self.days));
        let (mut hits, mut last_hit) = (0, None);
        let mut over = false;
        for &(day, used) in &days[recent..] {
            let now = part(used) >= 1.0;
            if now && !over {
                (hits, last_hit) = (hits + 1, Some(day));
            }
            over = now;
        }
        let high = days.iter().rev().take_while(|&&(_, used)| part(used) >= self.near);
        let near = high.last().map(|&(day, _)| day);
        let utilisation = part(used);
        let projected = if (PROJECTED_FROM..1.0).contains(&utilisation) {
            full(&days, cap, wilson)
                .map(|date| date.max(as_of))
                .filter(|&date| i64::from(date - as_of) <= i64::from(self.horizon))
        } else {
            None
        };
        Some(Pressure { name: limit.name, used, cap, utilisation, hits, projected, since: near.or(last_hit) })
    }
}

/// The largest reading of each day.
fn by_day(readings: &[(Date, f64)]) -> Vec<(Date, f64)> {
    let mut days: Vec<(Date, f64)> = Vec::with_capacity(readings.len());
    for &(date, used) in readings {
        match days.last_mut() {
            Some(last) if last.0 == date => last.1 = last.1.max(used),
            _ => days.push((date, used)),
        }
    }
    days
}

/// When the last reading will have grown to the cap, if it grows for sure and nothing sets it back before.
fn full(days: &[(Date, f64)], cap: f64, wilson: Wilson) -> Option<Date> {
    let &(date, used) = days.last()?;
    let (mut began, mut longest) = (0, None);
    for next in 1..days.len() {
        let (before, now) = (days[next - 1].1, days[next].1);
        if before > 0.0 && now < 0.5 * before {
            longest = longest.max(Some(days[next].0 - days[began].0));
            began = next;
        }
    }
    let from = days[began..].partition_point(|&(day, _)| date - day >= SLOPE_DAYS);
    let stretch = &days[began + from..];
    let times: Vec<f64> = stretch.iter().map(|&(day, _)| f64::from(day - date)).collect();
    let values: Vec<f64> = stretch.iter().map(|&(_, used)| used).collect();
    let trend = theil_sen(&times, &values, wilson)?;
    if trend.interval?.lower <= 0.0 {
        return None;
    }
    let left = ((cap - used) / trend.slope).ceil();
    // More days than a date can be away are no date.
    #[expect(clippy::cast_possible_truncation, reason = "checked to lie within the days of a century")]
    let full = (left < 36_525.0).then(|| date + left as i32)?;
    longest.is_none_or(|longest| full - days[began].0 <= longest).then_some(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(readings: &[f64]) -> Vec<(Date, f64)> {
        (0..).map(Date::from_day).zip(readings.iter().copied()).collect()
    }

    #[test]
    fn the_day_on_which_it_is_full() {
        let wilson = Wilson::new(CONFIDENCE).unwrap();
        let rising = [4.0, 6.0, 8.0, 10.0, 12.0, 14.0];
        // 86 are left at 2 a day.
        assert_eq!(full(&days(&rising), 100.0, wilson), Some(Date::from_day(5 + 43)));
        assert_eq!(full(&days(&rising), 101.0, wilson), Some(Date::from_day(5 + 44)));
        assert_eq!(full(&days(&[20.0; 6]), 100.0, wilson), None);
        assert_eq!(full(&days(&rising[..4]), 100.0, wilson), None);
        // Set back after 6 days, it will be so again before it is full; a small fall is none.
        let twice = [rising, rising].concat();
        assert_eq!(full(&days(&twice), 18.0, wilson), None);
        assert_eq!(full(&days(&twice), 16.0, wilson), Some(Date::from_day(11 + 1)));
        let mut dented = rising;
        dented[3] = 7.0;
        assert_eq!(full(&days(&dented), 100.0, wilson), Some(Date::from_day(5 + 43)));
    }

    #[test]
    fn the_slope_of_sixty_days() {
        let wilson = Wilson::new(CONFIDENCE).unwrap();
        // Ever faster: the more days are looked at, the later it is full.
        let faster = days(&std::array::from_fn::<f64, 120, _>(|day| 1.01_f64.powi(i32::try_from(day).unwrap())));
        let of = |last: usize| full(&faster[120 - last..], 10.0, wilson).unwrap();
        assert!(of(30) < of(59) && of(59) < of(60) && of(60) == of(61) && of(60) == of(120));
    }

    #[test]
    fn the_largest_of_a_day() {
        let day = Date::from_day;
        let readings = [(day(1), 2.0), (day(1), 3.0), (day(1), 1.0), (day(2), 0.0)];
        assert_eq!(by_day(&readings), [(day(1), 3.0), (day(2), 0.0)]);
    }
}
