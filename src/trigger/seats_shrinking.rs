//! Fewer people than usual, and fewer seats.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::drops::Drops;
use super::season::{CLASSES, CommonMovement, Season, residuals, smaller};
use super::seed::seed;
use super::set::{Judge, Trigger};
use super::signal::{Severity, Signal};
use super::weeks::{LEAST_BASELINE, MOST_WEEKS, Weekly, Weeks, Window};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::portfolio::{Account, Snapshot, Subscription};
use crate::statistics::{Exposed, float};

/// Fewer by a larger share of the seats than this are a high risk.
const MANY: f64 = 0.25;
/// Numbers of people that differ by less are the same but for rounding.
const ROUNDING: f64 = 1e-9;
/// Less than half a person below expectation is nobody.
const HALF: f64 = 0.5;

/// Whether fewer people of an account use the product than used to, or it pays for fewer seats.
///
/// ```text
/// recent      the last 4 weeks of the calendar that had ended by the end of as_of
/// baseline    the 12 weeks before them, or as many of these as are known, 8 at least
/// observed    distinct people active in the recent weeks
/// expected    mean over all stretches of 4 weeks within the baseline of the distinct people active in a stretch
/// ratio       observed / expected
/// score       of a week: the residual of the people active in it, as in UsageFrequency
/// p           share of the choices of 4 of the 16 weeks with a smaller sum of scores, and half of those with the same
/// fires       p, corrected, and a ratio at most 0.8, low; medium from 0.65, high from 0.5 downwards
/// ```
///
/// Weeks and stretches are divided by their indices ([`CommonMovement`]), which are those of the accounts whose people come
/// in about the same share of weeks. A stretch of weeks is compared with stretches
/// of weeks: of any 4 weeks far apart one meets more people than of 4 in a row where people come and go, and an account that
/// replaces everyone who leaves would seem to shrink. For the same reason the test counts people week by week. Half a
/// person below expectation is the least that counts. In a slack season the index is only roughly right for each account:
/// where people come half as often for three of four weeks, p is at most 0.05 in 7 to 8 % of accounts that lose nobody.
///
/// Apart from that, it fires as a rule where the seats paid for became fewer with a term that began within the last 90
/// days: medium, or high where it is more than a quarter of them. The seats are those of all terms that run, and of all
/// that ran to the end of the term before. Then `observed` and `expected` are the seats now and before, and `since` is the
/// start of the term.
///
/// `since` is otherwise the first of the weeks up to the last one in which fewer people came than in the baseline's mean
/// week. Nothing is observed without people or seats (`people`), or without seats and with fewer than 8 weeks of baseline or
/// nobody in it (`history`).
///
/// # References
///
/// A fall in used or paid seats is what tools for customer success call a loss of license utilization, and contraction is
/// the usual step before leaving. The test is as in [`UsageFrequency`](crate::UsageFrequency).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatsShrinking {
    weeks: Weeks,
    movement: CommonMovement,
    drops: Drops,
    bought_within: u32,
}

impl SeatsShrinking {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { weeks: Weeks::USUAL, movement: CommonMovement::TakenOut, drops: Drops::USUAL, bought_within: 90 }
    }

    /// The number of recent weeks, 1 to 8. 4 unless told: nobody is gone who was on holiday for two weeks or three.
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
    /// in August people are on holiday everywhere.
    #[must_use]
    pub fn common_movement(mut self, movement: CommonMovement) -> Self {
        self.movement = movement;
        self
    }

    /// By which share people lie below expectation where the severity is low, medium and high: 0.2, 0.35 and 0.5 unless
    /// told, as for [`UsageFrequency`](crate::UsageFrequency).
    #[must_use]
    pub fn severities(mut self, low: f64, medium: f64, high: f64) -> Self {
        self.drops = Drops::new(low, medium, high);
        self
    }

    /// For so many days a term with fewer seats fires. 90 unless told: a quarter is time enough to talk about it.
    #[must_use]
    pub fn bought_within(mut self, days: u32) -> Self {
        self.bought_within = days;
        self
    }
}

impl Default for SeatsShrinking {
    fn default() -> Self {
        Self::new()
    }
}

impl Trigger for SeatsShrinking {
    fn name(&self) -> &'static str {
        "seats_shrinking"
    }

    fn judge<'a>(&'a self, portfolio: &'a Snapshot<'_>) -> Result<Judge<'a>> {
        self.weeks.check()?;
        self.drops.check()?;
        if self.bought_within == 0 {
            let reason = "a term can have begun on the day itself, so 1 is the least";
            return Err(Error::InvalidOption { option: "bought_within", value: 0.to_string(), reason });
        }
        let people = self.weeks.kept(portfolio);
        let season = self.season(portfolio, &people);
        let brief = portfolio.only_what_fires();
        Ok(Box::new(move |account| self.of(account, &people, &season, brief)))
    }
}

impl SeatsShrinking {
    /// The indices of all weeks, and then of all stretches of as many weeks as are recent.
    fn season(&self, portfolio: &Snapshot<'_>, people: &Weekly<Option<People>>) -> Season {
        let (all, recent) = (self.weeks.all(), self.weeks.recent as usize);
        Season::learn(portfolio, self.movement, (all, 2 * all - recent + 1), |account, row| {
            let window = self.weeks.of(account).filter(|window| window.weeks == all)?;
            let relative = |people: &Option<People>| {
                let people = people.as_ref()?;
                let (of_weeks, of_stretches) = row.split_at_mut(all);
                relative(&people.weeks, of_weeks);
                relative(&people.stretches[..of_stretches.len()], of_stretches);
                people.class()
            };
            people.of(account, || People::of(account, &window), relative)
        })
    }

    fn of(&self, account: &Account<'_>, people: &Weekly<Option<People>>, season: &Season, brief: bool) -> Signal {
        let seats = Seats::of(account, self.bought_within);
        if let Some(Seats { fewer: Some(fewer) }) = &seats {
            return fewer.signal();
        }
        let otherwise = |missing| if seats.is_some() { Signal::quiet() } else { Signal::not_observed(missing) };
        if account.people().is_none() {
            return otherwise("people");
        }
        let Some(window) = self.weeks.of(account) else { return otherwise("history") };
        let test = |people: &Option<People>| {
            let Some(people) = people else { return otherwise("people") };
            let test = people.class().and_then(|class| self.test(account, &window, people, season.of(class), brief));
            test.unwrap_or_else(|| otherwise("history"))
        };
        people.of(account, || People::of(account, &window), test)
    }

    /// `None` where too few weeks can be compared, or nobody came in the baseline.
    fn test(
        &self,
        account: &Account<'_>,
        window: &Window,
        people: &People,
        index: &[f64],
        brief: bool,
    ) -> Option<Signal> {
        let (all, skipped) = (self.weeks.all(), self.weeks.all() - window.weeks);
        let last = window.baseline();
        let of_week = |week: usize| index[skipped + week];
        let of_stretch = |first: usize| index[all + skipped + first];
        let (mut weeks, mut count) = ([Exposed { events: 0, exposure: 0.0 }; MOST_WEEKS], 0);
        let compared = |weeks: Range<usize>| weeks.filter(|&week| of_week(week) > 0.0);
        for week in compared(0..window.weeks) {
            weeks[count] = Exposed { events: people.weeks[week].into(), exposure: of_week(week) };
            count += 1;
        }
        let recent = compared(last..window.weeks).count();
        let baseline = count - recent;
        let known = (0..=last - window.recent).filter(|&first| of_stretch(first) > 0.0);
        let (stretches, sum) = known.fold((0, 0.0), |(stretches, sum), first| {
            (stretches + 1, sum + f64::from(people.stretches[first]) / of_stretch(first))
        });
        if recent == 0 || baseline < LEAST_BASELINE || sum <= 0.0 || of_stretch(last) <= 0.0 {
            return None;
        }
        let expected = sum / f64::from(stretches) * of_stretch(last);
        let observed = f64::from(people.stretches[last]);
        let ratio = observed / expected;
        let severity = self.drops.severity(ratio).filter(|_| expected - observed >= HALF);
        if brief && severity.is_none() {
            return Some(Signal::too_small());
        }
        let mut scores = [0.0; MOST_WEEKS];
        residuals(&weeks[..count], &mut scores);
        let signal = Signal::tested(smaller(&weeks[..count], &scores[..count], recent, seed(account)), severity);
        let signal = signal.observed(observed).expected(expected).statistic(ratio);
        let adjusted = |week: usize| f64::from(people.weeks[week]) / of_week(week);
        let usual = compared(0..last).map(adjusted).sum::<f64>() / float(baseline as u64);
        let below = |week| of_week(week) <= 0.0 || adjusted(week) < usual - ROUNDING;
        let since = severity.and_then(|_| window.since(below));
        let signal = signal.since(since);
        Some(signal.because(|| {
            let were = if people.stretches[last] == 1 { "person was" } else { "people were" };
            format!(
                "{observed} {were} active in {}, where {expected:.1} were to be expected, a ratio of {ratio:.2}: ask who left \
                 and whether their work goes on",
                window.named()
            )
        }))
    }
}

/// Each number relative to the mean of all.
fn relative(counts: &[u32], row: &mut [f64]) {
    let mean = f64::from(counts.iter().sum::<u32>()) / float(counts.len() as u64);
    row.iter_mut().zip(counts).for_each(|(row, &count)| *row = f64::from(count) / mean);
}

/// How many people were active in each week, and in each stretch of as many weeks as are recent, by its first week.
struct People {
    /// All who were active in any week.
    all: u32,
    weeks: Vec<u32>,
    stretches: Vec<u32>,
}

impl People {
    fn of(account: &Account<'_>, window: &Window) -> Option<Self> {
        let mut people = Self { all: 0, weeks: vec![0; window.weeks], stretches: vec![0; window.weeks] };
        let stretch = (1_u64 << window.recent) - 1;
        for person in account.people()? {
            let days = &person.rows().day[person.within(window.days())];
            let active = days.iter().fold(0_u64, |active, &day| active | 1 << window.week(day));
            if active == 0 {
                continue;
            }
            people.all += 1;
            for week in 0..window.weeks {
                people.weeks[week] += u32::from(active >> week & 1 == 1);
                people.stretches[week] += u32::from(active >> week & stretch != 0);
            }
        }
        Some(people)
    }

    /// The class of accounts whose people come in about the same share of weeks; `None` where nobody came.
    fn class(&self) -> Option<usize> {
        let came = self.weeks.iter().map(|&count| count as usize).sum::<usize>();
        let most = self.all as usize * self.weeks.len();
        (most > 0).then(|| (CLASSES * came / most).min(CLASSES - 1))
    }
}

/// The seats that are paid for.
struct Seats {
    fewer: Option<Fewer>,
}

/// Fewer seats than before.
struct Fewer {
    since: Date,
    now: f64,
    before: f64,
}

impl Seats {
    /// `None` where they are not known.
    fn of(account: &Account<'_>, within: u32) -> Option<Self> {
        let known =
            |terms: &[Subscription<'_>]| terms.iter().filter_map(|term| term.seats).reduce(|sum, seats| sum + seats);
        let running = account.running()?;
        let now = known(&running)?;
        let latest = running.iter().map(|term| term.start).max()?;
        let fewer = || {
            // The last day on which the term before was in force, and all that was then.
            let end = |term: &Subscription<'_>| term.ended.into_iter().chain(term.renewal).min();
            let terms = || account.subscriptions().into_iter().flatten();
            let over = terms().filter(|term| term.start < latest && end(term).is_some_and(|end| end <= latest));
            let eve = over.filter_map(|term| end(&term)).max()? - 1;
            let then: Vec<_> =
                terms().filter(|term| term.start <= eve && end(term).is_none_or(|end| end > eve)).collect();
            known(&then).filter(|&before| now < before).map(|before| Fewer { since: latest, now, before })
        };
        Some(Self { fewer: ((account.as_of() - latest).unsigned_abs() < within).then(fewer).flatten() })
    }
}

impl Fewer {
    fn signal(&self) -> Signal {
        let Self { since, now, before } = *self;
        let share = (before - now) / before;
        let signal = Signal::fired(if share > MANY { Severity::High } else { Severity::Medium });
        signal.observed(now).expected(before).statistic(now / before).since(since).because(|| {
            let percent = 100.0 * share;
            format!(
                "{now} seats are paid for since {since}, {percent:.1} % fewer than the {before} before: ask what they are no \
                 longer needed for, before the next renewal"
            )
        })
    }
}
