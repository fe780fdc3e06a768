//! Fewer features than usual.

mod rarefaction;

use std::cell::{Cell, RefCell};
use std::ops::{Range, RangeInclusive};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use self::rarefaction::{Pool, nothing_to_see};
use super::drops::Drops;
use super::seed::seed;
use super::set::{Judge, Trigger};
use super::signal::{MOST_LEVEL, Severity, Signal};
use super::weeks::{Weekly, Weeks, Window};
use crate::activity::Rows;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot};

/// Less than half a feature below expectation is none.
const HALF: f64 = 0.5;
/// So many of the lost features are named.
const NAMED: usize = 3;

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// Whether an account uses fewer features than as much use would have shown before.
///
/// ```text
/// units       days of people (of the account, where people are not known) of the last 4 whole weeks and the 12 before them
/// observed    distinct features of the n recent units
/// expected    the mean over all choices of n of all N units: sum over features of 1 - C(N - Nf, n) / C(N, n), Nf being the
///             units with feature f
/// ratio       observed / expected
/// p           share of the choices of n units with fewer features than the recent ones, and half of those with as many
/// fires       p, corrected, and a ratio at most 0.8, low; medium from 0.65, high from 0.5 downwards
/// ```
///
/// Who comes less often shows fewer features for that reason alone. Rarefaction asks how many they would have shown on as
/// many days, so that breadth is told from volume: that one is for [`UsageFrequency`](crate::UsageFrequency). A day without
/// a feature is a unit too. Half a feature below expectation is the least that counts.
///
/// All choices are counted where 12 features or fewer can be missed at all, to a p-value of 0.000 001. Where more can, choices
/// are drawn until 20 of them are as far out, 9,999 at most, so that p is at least 0.000 05; the draws depend on the id of the
/// account and the day alone. Where no less was observed than expected, or less by hardly more than half a
/// standard deviation, p is above a quarter and only roughly known. The test takes it that the days of the people of an account can stand in any order: it sees a change too where
/// one who alone uses some features is away for weeks.
///
/// `since` is the day after the last use of the feature that one would most have expected and that is not used any more.
/// Where it is known what the plan offers, the sentence says how much of it is in use. Nothing is observed where features
/// are not mapped (`feature`), and with fewer than 8 weeks of baseline or 10 units on either side (`history`).
///
/// # References
///
/// S. H. Hurlbert (1971), "The nonconcept of species diversity", Ecology 52, 577-586; R. K. Colwell et al. (2012), "Models
/// and estimators linking individual-based and sample-based rarefaction, extrapolation and comparison of assemblages",
/// J. Plant Ecology 5, 3-21, for units that are samples; J. Besag and P. Clifford (1991), "Sequential Monte Carlo
/// p-values", Biometrika 78, 301-304.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreadthOfUse {
    weeks: Weeks,
    drops: Drops,
    least_units: u32,
}

impl BreadthOfUse {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { weeks: Weeks::USUAL, drops: Drops::USUAL, least_units: 10 }
    }

    /// The number of recent weeks, 1 to 8. 4 unless told: what is done once a month is among them.
    #[must_use]
    pub fn recent(mut self, weeks: u32) -> Self {
        self.weeks.recent = weeks;
        self
    }

    /// The number of weeks before them that say what is usual, at least 8. 12 unless told: what is done once a quarter is
    /// among them.
    #[must_use]
    pub fn baseline(mut self, weeks: u32) -> Self {
        self.weeks.baseline = weeks;
        self
    }

    /// By which share the features lie below expectation where the severity is low, medium and high: 0.2, 0.35 and 0.5
    /// unless told, as for [`UsageFrequency`](crate::UsageFrequency).
    #[must_use]
    pub fn severities(mut self, low: f64, medium: f64, high: f64) -> Self {
        self.drops = Drops::new(low, medium, high);
        self
    }

    /// The fewest units in the baseline and in the recent weeks. 10 unless told: from fewer days hardly anything follows.
    #[must_use]
    pub fn least_units(mut self, units: u32) -> Self {
        self.least_units = units;
        self
    }
}

impl Default for BreadthOfUse {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for BreadthOfUse {
    fn name(&self) -> &'static str {
        "breadth_of_use"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        self.weeks.check()?;
        self.drops.check()?;
        if self.least_units == 0 {
            let reason = "without a unit on either side nothing can be compared, so 1 is the least";
            return Err(Error::InvalidOption { option: "least_units", value: 0.to_string(), reason });
        }
        let brief = portfolio.only_what_fires();
        let shown = self.weeks.kept(portfolio);
        Ok(Box::new(move |account| self.of(account, &shown, brief)))
    }
}

impl BreadthOfUse {
    fn of(&self, account: &Account<'_>, shown: &Weekly<Shown>, brief: bool) -> Signal {
        if account.rows().features.is_none() {
            return Signal::not_observed("feature");
        }
        let Some(window) = self.weeks.of(account) else { return Signal::not_observed("history") };
        let filled = Cell::new(false);
        let fill = |pool: &mut Pool| {
            filled.set(true);
            Shown::of(account, &window, pool)
        };
        shown.of(
            account,
            || POOL.with_borrow_mut(fill),
            |shown| {
                if shown.units < self.least_units || shown.expected <= 0.0 {
                    return Signal::not_observed("history");
                }
                let (observed, ratio) = (f64::from(shown.observed), f64::from(shown.observed) / shown.expected);
                let severity = self.drops.severity(ratio).filter(|_| shown.expected - observed >= HALF);
                match shown.p_value.get() {
                    _ if brief && severity.is_none() => Signal::too_small(),
                    Some(&p_value) if brief && p_value > MOST_LEVEL => Signal::tested(p_value, severity),
                    _ => POOL.with_borrow_mut(|pool| {
                        if !filled.get() {
                            fill(pool);
                        }
                        self.told(account, &window, (shown, severity), pool)
                    }),
                }
            },
        )
    }

    fn told(
        &self,
        account: &Account<'_>,
        window: &Window,
        (shown, severity): (&Shown, Option<Severity>),
        pool: &mut Pool,
    ) -> Signal {
        let (count, expected) = (shown.observed, shown.expected);
        let p_value = shown.p_value(account, window, pool);
        let signal = Signal::tested(p_value, severity).observed(f64::from(count)).expected(expected);
        let signal = signal.statistic(f64::from(count) / expected);
        if severity.is_none() {
            return signal;
        }
        let names = features(account);
        let lost = Lost::of(account, window, pool);
        let signal = signal.since(lost.since);
        signal.because(|| {
            let lost: Vec<&str> = lost.features.iter().map(|&feature| names[feature].as_str()).collect();
            let offered = offered(account, names, pool);
            let were = if count == 1 { "feature was" } else { "features were" };
            let weeks = window.named();
            let lost = if lost.is_empty() {
                "ask what they came for".to_owned()
            } else {
                format!("not used any more: {}; show what these are good for", lost.join(", "))
            };
            format!("{count} {were} used in {weeks}, where as much use showed {expected:.1} before{offered}; {lost}")
        })
    }
}

/// What the weeks of an account show.
struct Shown {
    /// On the side that has fewer.
    units: u32,
    observed: u32,
    expected: f64,
    variance: f64,
    /// Where it was asked for, and takes no draws, which are others on every day.
    p_value: OnceLock<f64>,
}

impl Shown {
    /// Fills the pool.
    fn of(account: &Account<'_>, window: &Window, pool: &mut Pool) -> Self {
        let recent = window.start(window.baseline());
        pool.clear(features(account).len());
        each(account, window.days(), |rows, own| pool.add(rows, own, recent));
        let (before, now) = pool.sides();
        let (units, observed) = (before.min(now), pool.observed());
        let (expected, variance) = if units > 0 { pool.expected() } else { (0.0, 0.0) };
        Self { units, observed, expected, variance, p_value: OnceLock::new() }
    }

    fn p_value(&self, account: &Account<'_>, window: &Window, pool: &mut Pool) -> f64 {
        if let Some(&p_value) = self.p_value.get() {
            return p_value;
        }
        let known = nothing_to_see(self.observed, self.expected, self.variance);
        let p_value = known.unwrap_or_else(|| {
            each(account, window.days(), |rows, own| pool.collect(rows, own));
            pool.p_value(seed(account))
        });
        if known.is_some() || pool.is_counted() { *self.p_value.get_or_init(|| p_value) } else { p_value }
    }
}

/// The names of the features by which those of the units are numbered.
fn features<'a>(account: &Account<'a>) -> &'a [String] {
    let person = account.people().and_then(|mut people| people.next());
    person.map_or_else(|| account.features(), |person| person.features())
}

/// The rows of each person within the weeks; of the account where people are not known.
fn each<'a>(account: &Account<'a>, days: RangeInclusive<i32>, mut take: impl FnMut(&'a Rows, Range<usize>)) {
    match account.people() {
        Some(people) => people.for_each(|person| take(person.rows(), person.within(days.clone()))),
        None => take(account.rows(), account.within(days)),
    }
}

/// The features that only the baseline has and that one would most have expected; not those that have come back since.
struct Lost {
    features: Vec<usize>,
    /// The day after the last use of the first of them.
    since: Option<Date>,
}

impl Lost {
    fn of(account: &Account<'_>, window: &Window, pool: &Pool) -> Self {
        let mut back = vec![false; features(account).len()];
        each(account, window.end() + 1..=account.as_of().days_since_epoch(), |rows, own| {
            for (feature, back) in (0..).zip(&mut back) {
                *back |= rows.features.as_ref().is_some_and(|sets| own.clone().any(|row| sets.contains(row, feature)));
            }
        });
        let mut lost: Vec<(usize, u32)> = pool.lost().filter(|&(feature, _)| !back[feature]).collect();
        lost.sort_by_key(|&(feature, units)| (std::cmp::Reverse(units), feature));
        lost.truncate(NAMED);
        let features: Vec<usize> = lost.into_iter().map(|(feature, _)| feature).collect();
        let first = features.first().and_then(|&feature| u32::try_from(feature).ok());
        let mut last = None;
        each(account, window.days(), |rows, mut own| {
            if let (Some(feature), Some(sets)) = (first, &rows.features) {
                last = last.max(own.rfind(|&row| sets.contains(row, feature)).map(|row| rows.day[row]));
            }
        });
        Self { features, since: last.map(|last| Date::from_day(last) + 1) }
    }
}

/// How much of what the plan offers is in use, to be put into a sentence; nothing where that is not known.
fn offered(account: &Account<'_>, names: &[String], pool: &Pool) -> String {
    let Some(offered) = account.offered().filter(|offered| !offered.is_empty()) else { return String::new() };
    let used = |name: &&String| names.binary_search(name).is_ok_and(|feature| pool.has(feature));
    format!(", {} of the {} that the plan offers", offered.iter().filter(used).count(), offered.len())
}
