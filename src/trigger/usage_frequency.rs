//! Less use than usual.

use serde::{Deserialize, Serialize};

use super::drops::Drops;
use super::frequency_class::{CLASS_DAYS, FrequencyClass};
use super::season::{CommonMovement, Season, residuals, smaller};
use super::seed::seed;
use super::set::{Judge, Trigger};
use super::signal::Signal;
use super::weeks::{LEAST_BASELINE, MOST_WEEKS, Weekly, Weeks, Window};
use crate::calendar::Date;
use crate::error::Result;
use crate::portfolio::{Account, Snapshot};
use crate::print::counted;
use crate::statistics::{Exposed, Wilson, float, plain_rate_ratio, rate_ratio};

/// Scores that differ by less are the same but for rounding.
const ROUNDING: f64 = 1e-9;

/// Whether an account uses the product less than it used to.
///
/// ```text
/// recent      the last 4 weeks of the calendar that had ended by the end of as_of
/// baseline    the 12 weeks before them, or as many of these as are known, 8 at least
/// index       of a week: what the accounts of the portfolio did in it, 1 being the usual (CommonMovement)
/// residual    of a week: (count / index / mean - 1) √index, where mean = sum of counts / sum of indices over all weeks
/// score       of a week: residual of its events + residual of its active days
/// p           share of the choices of 4 of the 16 weeks with a smaller sum of scores, and half of those with the same
/// expected    events: the baseline's per week, times the index, times 4
/// ratio       observed / expected
/// fires       p, corrected, and a ratio at most 0.8: low; medium from 0.65, high from 0.5 downwards
/// ```
///
/// Windows are whole weeks, so weekdays cancel. The test asks for nothing but that weeks without a change come in any order
/// as easily: how much the weeks of an account vary makes no difference, and sessions of many events raise no false alarm. A
/// p-value of choices can be as small as half of one in C(16, 4) = 1820 and no smaller; below that it is that of Student's t for
/// the same scores, or a steep fall of few accounts among many would never be sure enough. Weeks are those of the calendar,
/// and what was done after the last of them waits for its end: cut in the middle, the weeks of a customer who works by them
/// would resemble their neighbours, and too many unchanged accounts have a small p. Events and active days
/// have equal parts in it: the first see a heavy user slow down, the second are not ruled by one busy day. Sums within
/// a tenth of the standard deviation of a week are the same, so that the noise in the indices decides no ties.
///
/// The interval of the ratio is that of quasi-Poisson counts. `observed` and `expected` are events, `statistic` is the
/// ratio, and `since` the first of the weeks up to the last one whose scores all lie below the baseline's mean. Weeks before
/// the first active day or before the observation do not count; with fewer than 8 weeks
/// of baseline, or without one event in all weeks, nothing is observed (`history`).
///
/// # References
///
/// Tools for customer success call a fall by 20 to 50 % a medium risk, and more a high one. E. J. G. Pitman (1937),
/// "Significance tests which may be applied to samples from any populations", J. R. Stat. Soc. Suppl. 4, 119-130, for the
/// test; P. McCullagh and J. A. Nelder (1989), "Generalized Linear Models", 2nd ed., chapter 6, for the interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageFrequency {
    pub(super) weeks: Weeks,
    pub(super) movement: CommonMovement,
    confidence: f64,
    pub(super) drops: Drops,
}

impl UsageFrequency {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { weeks: Weeks::USUAL, movement: CommonMovement::TakenOut, confidence: 0.95, drops: Drops::USUAL }
    }

    /// The number of recent weeks, 1 to 8. 4 unless told: a holiday of two weeks does not empty them, and a change is seen
    /// within the month.
    #[must_use]
    pub fn recent(mut self, weeks: u32) -> Self {
        self.weeks.recent = weeks;
        self
    }

    /// The number of weeks before them that say what is usual, at least 8. 12 unless told: a quarter is long enough to know
    /// a customer by, and short enough to forget how they began.
    #[must_use]
    pub fn baseline(mut self, weeks: u32) -> Self {
        self.weeks.baseline = weeks;
        self
    }

    /// Whether the common movement of the portfolio is held against an account. [`CommonMovement::TakenOut`] unless told:
    /// not every customer is leaving at Christmas.
    #[must_use]
    pub fn common_movement(mut self, movement: CommonMovement) -> Self {
        self.movement = movement;
        self
    }

    /// The level of confidence of the interval: 0.95 unless told, as is customary.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// By which share events lie below expectation where the severity is low, medium and high: 0.2, 0.35 and 0.5 unless
    /// told, after the bands in common use.
    #[must_use]
    pub fn severities(mut self, low: f64, medium: f64, high: f64) -> Self {
        self.drops = Drops::new(low, medium, high);
        self
    }
}

impl Default for UsageFrequency {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for UsageFrequency {
    fn name(&self) -> &'static str {
        "usage_frequency"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        let wilson = self.check()?;
        let used = self.weeks.kept(portfolio);
        let season = self.season(portfolio, &used);
        let brief = portfolio.only_what_fires();
        Ok(Box::new(move |account| {
            let Some(window) = self.weeks.of(account) else { return Signal::not_observed("history") };
            let of = |own: &Use| self.of(account, &window, own, season.of(own.class as usize), wilson, brief);
            used.of(account, || Use::of(account, &window), of)
        }))
    }
}

impl UsageFrequency {
    pub(super) fn check(&self) -> Result<Wilson> {
        self.weeks.check()?;
        self.drops.check()?;
        Wilson::new(self.confidence)
    }

    /// The indices of all weeks for events, and then for active days.
    fn season(&self, portfolio: &Snapshot<'_>, used: &Weekly<Use>) -> Season {
        let all = self.weeks.all();
        Season::learn(portfolio, self.movement, (all, 2 * all), |account, row| {
            let window = self.weeks.of(account).filter(|window| window.weeks == all)?;
            used.of(account, || Use::of(account, &window), |used| used.relative(row))
        })
    }

    fn of(
        &self,
        account: &Account<'_>,
        window: &Window,
        used: &Use,
        index: &[f64],
        wilson: Wilson,
        brief: bool,
    ) -> Signal {
        let Some(weeks) = Compared::new(used, window, index, self.weeks.all()) else {
            return Signal::not_observed("history");
        };
        let (recent, baseline) = weeks.events.split(weeks.count, weeks.baseline);
        if brief && plain_rate_ratio(recent, baseline).and_then(|ratio| self.drops.severity(ratio)).is_none() {
            return Signal::too_small();
        }
        let interval = rate_ratio(recent, baseline, wilson);
        let interval = interval.and_then(|found| Some((found.ratio?, found.lower, found.upper?)));
        let severity = interval.and_then(|(ratio, ..)| self.drops.severity(ratio));
        let scores = weeks.scores();
        let p_value = smaller(&weeks.events.0[..weeks.count], &scores[..weeks.count], recent.len(), seed(account));
        let observed = recent.iter().map(|week| week.events).sum::<u64>();
        let expected = weeks.events.expected(weeks.count, weeks.baseline);
        let signal = Signal::tested(p_value, severity);
        let signal = signal.observed(float(observed)).expected(expected);
        let Some((ratio, lower, upper)) = interval else { return signal };
        let signal = signal.ratio(ratio, lower, upper);
        let usual = scores[..weeks.baseline].iter().sum::<f64>() / float(weeks.baseline as u64);
        let below = |week| weeks.place(week).is_none_or(|place| scores[place] < usual - ROUNDING);
        let since = severity.and_then(|_| window.since(below));
        let signal = signal.since(since);
        signal.because(|| {
            let days = weeks.days.0[weeks.baseline..weeks.count].iter().map(|week| week.events).sum::<u64>();
            let expected_days = weeks.days.expected(weeks.count, weeks.baseline);
            let confidence = 100.0 * self.confidence;
            let [events, days] = [(observed, "event"), (days, "day")].map(|(count, thing)| counted(count, thing));
            let weeks = window.named();
            let changed = changed(account, window.start(window.baseline()));
            format!(
                "{events} on {days} in {weeks}, where {expected:.1} on {expected_days:.1} were to be \
                 expected: a ratio of {ratio:.2} ({confidence:.0} % interval {lower:.2} to {upper:.2}){changed}; ask what \
                 keeps them away"
            )
        })
    }
}

/// How the frequency class has changed since before the recent weeks, to be put into a sentence; nothing where it has not.
fn changed(account: &Account<'_>, recent: i32) -> String {
    let classes = FrequencyClass::on(account, Date::from_day(recent - 1)).zip(account.frequency_class());
    let changed = classes.filter(|(before, now)| before != now);
    changed.map_or_else(String::new, |(before, now)| {
        format!(", {before} use before and {now} in the last {CLASS_DAYS} days")
    })
}

/// Events and active days of the weeks of an account, and how often it came in all of them.
struct Use {
    weeks: Vec<(u64, u64)>,
    class: FrequencyClass,
}

impl Use {
    fn of(account: &Account<'_>, window: &Window) -> Self {
        let mut weeks = vec![(0, 0); window.weeks];
        let (rows, own) = (account.rows(), account.within(window.days()));
        for (&day, &events) in rows.day[own.clone()].iter().zip(&rows.events[own]) {
            let (of_events, of_days) = &mut weeks[window.week(day)];
            *of_events += u64::from(events);
            *of_days += 1;
        }
        Self { weeks, class: FrequencyClass::over(account, window) }
    }

    /// Events and then active days of each week, relative to the mean of all, and the class; `None` where nothing was done.
    fn relative(&self, row: &mut [f64]) -> Option<usize> {
        let all = self.weeks.len();
        let mean = |of: fn(&(u64, u64)) -> u64| float(self.weeks.iter().map(of).sum()) / float(all as u64);
        let (events, days) = (mean(|week| week.0), mean(|week| week.1));
        let (of_events, of_days) = row.split_at_mut(all);
        for ((week, of_events), of_days) in self.weeks.iter().zip(of_events).zip(of_days) {
            (*of_events, *of_days) = (float(week.0) / events, float(week.1) / days);
        }
        (days > 0.0).then_some(self.class as usize)
    }
}

/// What was counted in each of the weeks that can be compared.
struct Counts([Exposed; MOST_WEEKS]);

impl Counts {
    /// The recent weeks and the baseline.
    fn split(&self, count: usize, baseline: usize) -> (&[Exposed], &[Exposed]) {
        let (before, rest) = self.0.split_at(baseline);
        (&rest[..count - baseline], before)
    }

    /// The recent count that the baseline lets expect.
    fn expected(&self, count: usize, baseline: usize) -> f64 {
        let (recent, before) = self.split(count, baseline);
        let exposure = |weeks: &[Exposed]| weeks.iter().map(|week| week.exposure).sum::<f64>();
        float(before.iter().map(|week| week.events).sum()) / exposure(before) * exposure(recent)
    }
}

/// The weeks that can be compared.
struct Compared {
    events: Counts,
    days: Counts,
    /// How many they are, and how many of these are baseline.
    count: usize,
    baseline: usize,
    /// Which they are, as bits.
    among: u64,
}

impl Compared {
    /// `None` where too few weeks are left, or nothing was done in any of them.
    fn new(used: &Use, window: &Window, index: &[f64], all: usize) -> Option<Self> {
        let none = || Counts([Exposed { events: 0, exposure: 0.0 }; MOST_WEEKS]);
        let mut compared = Self { events: none(), days: none(), count: 0, baseline: 0, among: 0 };
        let skipped = all - window.weeks;
        for (week, &(events, days)) in used.weeks.iter().enumerate() {
            let (of_events, of_days) = (index[skipped + week], index[all + skipped + week]);
            if of_events > 0.0 && of_days > 0.0 {
                compared.events.0[compared.count] = Exposed { events, exposure: of_events };
                compared.days.0[compared.count] = Exposed { events: days, exposure: of_days };
                compared.count += 1;
                compared.baseline += usize::from(week < window.baseline());
                compared.among |= 1 << week;
            }
        }
        let enough = compared.baseline >= LEAST_BASELINE && compared.count > compared.baseline;
        let used = compared.days.0[..compared.count].iter().any(|week| week.events > 0);
        (enough && used).then_some(compared)
    }

    /// Where a week stands among them.
    fn place(&self, week: usize) -> Option<usize> {
        (self.among >> week & 1 == 1).then(|| (self.among & ((1 << week) - 1)).count_ones() as usize)
    }

    fn scores(&self) -> [f64; MOST_WEEKS] {
        let mut scores = [0.0; MOST_WEEKS];
        residuals(&self.events.0[..self.count], &mut scores);
        residuals(&self.days.0[..self.count], &mut scores);
        scores
    }
}
