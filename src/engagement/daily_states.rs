//! The growth model of Duolingo: every actor in one state a day, and how they move between the states.

use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::daily_state::DailyState;
use super::transitions::{self, FLOWS, Move, Moves, POSSIBLE, Transitions};
use crate::activity::Activity;
use crate::calendar::{Coverage, Date, Span};
use crate::error::{Error, Result};
use crate::frame::write;

/// A month longer than this is refused.
const MAX_MONTH: u32 = 36_525;
/// More days times transitions than this are refused.
const MAX_CELLS: u64 = 1 << 26;

/// What [`Activity::daily_states`] should take as a week and a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyStatesOptions {
    week_days: u32,
    month_days: u32,
}

impl DailyStatesOptions {
    /// A week of 7 days and a month of 30.
    #[must_use]
    pub fn new() -> Self {
        Self { week_days: 7, month_days: 30 }
    }

    /// The length of the week, at least 2 days. The default, 7, is Duolingo's and holds every weekday once.
    #[must_use]
    pub fn week_days(mut self, days: u32) -> Self {
        self.week_days = days;
        self
    }

    /// The length of the month, longer than the week. The default, 30, is Duolingo's.
    #[must_use]
    pub fn month_days(mut self, days: u32) -> Self {
        self.month_days = days;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse =
            |option, value: u32, reason| Err(Error::InvalidOption { option, value: value.to_string(), reason });
        if self.week_days < 2 {
            return refuse("week_days", self.week_days, "nobody can be at risk within a week of less than 2 days");
        }
        if self.month_days <= self.week_days {
            return refuse("month_days", self.month_days, "a month is longer than the week; see week_days");
        }
        if self.month_days > MAX_MONTH {
            return refuse("month_days", self.month_days, "a month is at most 36525 days long");
        }
        Ok(())
    }

    /// A day of an observation from one day to another.
    pub(super) fn day(&self, date: Date, (first, last): (Date, Date), counts: [u64; 7]) -> DayStates {
        let month = Span { start: date - (self.month_days.cast_signed() - 1), end: date };
        DayStates { date, coverage: Coverage::of(month, first, last), counts }
    }
}

impl Default for DailyStatesOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How many actors were in each state on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredDayStates")]
pub struct DayStates {
    /// The day.
    pub date: Date,
    /// [`Coverage::Truncated`] if the month that ends with the day begins before the observation.
    pub coverage: Coverage,
    /// Actors in each state, in the order of [`DailyState::ALL`].
    pub(super) counts: [u64; 7],
}

impl DayStates {
    /// The actors in a state.
    #[must_use]
    pub fn count(&self, state: DailyState) -> u64 {
        self.counts[state as usize]
    }

    /// Daily active users: new, current, reactivated and resurrected.
    #[must_use]
    pub fn dau(&self) -> u64 {
        self.counts[..4].iter().sum()
    }

    /// Weekly active users: DAU and those at risk this week.
    #[must_use]
    pub fn wau(&self) -> u64 {
        self.counts[..5].iter().sum()
    }

    /// Monthly active users: WAU and those at risk this month.
    #[must_use]
    pub fn mau(&self) -> u64 {
        self.counts[..6].iter().sum()
    }

    /// All actors seen up to the day: MAU and the dormant.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The answer of [`Activity::daily_states`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "super::stored::StoredDailyStates")]
pub struct DailyStates {
    pub(super) options: DailyStatesOptions,
    pub(super) days: Vec<DayStates>,
    /// Per day, the moves into it that the sweep counted; the others follow from the counts of the day before.
    pub(super) flows: Vec<[u32; FLOWS]>,
}

impl Activity {
    /// The growth model of Duolingo: on every day each actor seen so far is in exactly one of seven [`DailyState`]s.
    ///
    /// ```text
    /// active on day d, and last active before it     never      1 ..= W-1 days   W ..= M-1 days   M days or more
    ///                                                 new        current          reactivated      resurrected
    /// not active on day d, and last active before it             1 ..= W-1 days   W ..= M-1 days   M days or more
    ///                                                            at risk (week)   at risk (month)  dormant
    ///
    /// DAU = new + current + reactivated + resurrected      WAU = DAU + at risk (week)
    /// MAU = WAU + at risk (month)                          actors seen so far = MAU + dormant
    ///
    /// rate(a, b) over a stretch of days = moves from a on one day to b on the next / actors in a on the first of the two
    /// ```
    ///
    /// W = 7 and M = 30 days unless set otherwise. DAU, WAU and MAU are those of
    /// [`active_users`](Activity::active_users) over 1, W and M days. The rate from current to current is what Duolingo
    /// calls CURR, the current user retention rate; NURR, RURR and SURR are those from new, reactivated and resurrected
    /// to current.
    ///
    /// Counts are people. The denominator of a rate is everybody in the first state on the day before; to be seen for
    /// the first time has no denominator and no rate. Days are whole, so nothing is open. A day whose month reaches back
    /// before the observation is [`Coverage::Truncated`]: on the first one everybody is new, and somebody who was away
    /// since before the observation is new on return at any time. Moves into a day are observed when the day before is;
    /// only these have rates and are put together by [`transitions`](DailyStates::transitions).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a week of less than 2 days, or a month not longer than the week or of more than 36525
    /// days; [`Error::TooLarge`] for an observation of more than 2^26 / 19 days.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, Calendar, DailyState, DailyStatesOptions, EventColumns, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // ann on 1, 2 and 5 January 2024, bob on 1 January and, after 9 days, on the 10th.
    /// let mut events = df!(
    ///     "user" => ["ann", "ann", "ann", "bob", "bob"],
    ///     "day" => [19_723, 19_724, 19_727, 19_723, 19_732],
    /// )?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("user", "day"), &Calendar::utc())?;
    ///
    /// let states = activity.daily_states(DailyStatesOptions::new().week_days(3).month_days(5))?;
    /// let count = |day, state| states.on(date(2024, 1, day)).unwrap().count(state);
    /// assert_eq!((count(1, DailyState::New), count(2, DailyState::Current)), (2, 1));
    /// assert_eq!(count(5, DailyState::Reactivated), 1); // ann, 3 days after
    /// assert_eq!((count(4, DailyState::AtRiskMonth), count(6, DailyState::Dormant)), (1, 1)); // bob
    /// assert_eq!(count(10, DailyState::Resurrected), 1);
    /// let last = states.on(date(2024, 1, 10)).unwrap();
    /// assert_eq!((last.dau(), last.wau(), last.mau(), last.seen()), (1, 1, 1, 2));
    ///
    /// let moves = states.transitions(date(2024, 1, 6), date(2024, 1, 10));
    /// assert_eq!(moves.base(DailyState::Dormant), 4); // bob on the 6th, 7th, 8th and 9th
    /// assert_eq!(moves.rate(DailyState::Dormant, DailyState::Resurrected), Some(0.25));
    /// assert_eq!(moves.rate(DailyState::Current, DailyState::Current), None);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// E. Gustafson, Duolingo (2023), "Meaningful metrics: how data sharpened the focus of product teams"; J. Mazal (2023),
    /// "How Duolingo reignited user growth", Lenny's Newsletter. With a week of 8 and a month of 31 days the active states
    /// are those of retentioneering's `to_daily_states`, which looks at the 7 and 30 days before.
    pub fn daily_states(&self, options: impl Into<DailyStatesOptions>) -> Result<DailyStates> {
        let options = options.into();
        options.check()?;
        let (first, as_of) = (self.observed_from(), self.as_of());
        let days = usize::try_from(as_of - first + 1).unwrap_or(0);
        let (count, limit) = ((days * POSSIBLE.len()) as u64, MAX_CELLS);
        if count > limit {
            let way_out = "narrow the observation";
            return Err(Error::TooLarge { what: "days times transitions", count, limit, way_out });
        }
        let lengths = (options.week_days.cast_signed(), options.month_days.cast_signed());
        let flows = self.sweep(
            days * FLOWS,
            || vec![[0_u32; FLOWS]; days],
            |flows, _, active| transitions::count_flows(flows, first.days_since_epoch(), lengths, active),
            |mut flows, others| {
                let counts = flows.as_flattened_mut().iter_mut();
                counts.zip(others.as_flattened()).for_each(|(count, other)| *count += other);
                flows
            },
        );
        let mut counts = [0; 7];
        let day = |(after, flows): (i32, &[u32; FLOWS])| {
            counts = transitions::counts_after(&transitions::moves(&counts, flows));
            options.day(first + after, (first, as_of), counts)
        };
        let days = (0..).zip(&flows).map(day).collect();
        Ok(DailyStates { options, days, flows })
    }
}

impl DailyStates {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &DailyStatesOptions {
        &self.options
    }

    /// Every day of the observation.
    #[must_use]
    pub fn days(&self) -> &[DayStates] {
        &self.days
    }

    /// One day of the observation.
    #[must_use]
    pub fn on(&self, date: Date) -> Option<&DayStates> {
        self.days.get(usize::try_from(date - self.days.first()?.date).ok()?)
    }

    /// The moves into the days from `first` to `last`, each from the state of the day before, put together.
    ///
    /// Only moves from days that are observed are in it; [`Transitions::days`] says into how many days. Those of the
    /// others are in [`transitions_to_frame`](Self::transitions_to_frame).
    #[must_use]
    pub fn transitions(&self, first: Date, last: Date) -> Transitions {
        let within = |date: Date| first <= date && date <= last;
        let observed = |(date, coverage, moves)| (within(date) && coverage == Coverage::Observed).then_some(moves);
        Transitions::new(first, last, self.daily_moves().filter_map(observed))
    }

    /// Every day with its moves, and whether the day before was observed.
    fn daily_moves(&self) -> impl Iterator<Item = (Date, Coverage, Moves)> + '_ {
        let before = std::iter::once(None).chain(self.days.iter().map(Some));
        self.days.iter().zip(before).zip(&self.flows).map(|((day, before), flows)| {
            let coverage = before.map_or(Coverage::Truncated, |before| before.coverage);
            (day.date, coverage, transitions::moves(&before.map_or([0; 7], |before| before.counts), flows))
        })
    }

    /// The states as a frame, one row a day, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `date` | Date | the day |
    /// | `coverage` | String | `observed`, or `truncated` where the month reaches back before the observation |
    /// | `new`, `current`, `reactivated`, `resurrected`, `at_risk_week`, `at_risk_month`, `dormant` | UInt64 | actors in the state |
    /// | `dau`, `wau`, `mau` | UInt64 | distinct active users of the day, the week and the month that end with it |
    /// | `seen` | UInt64 | actors seen up to the day: the sum of the states |
    ///
    /// No column has nulls.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let counts = |count: fn(&DayStates) -> u64| self.days.iter().map(count).collect::<Vec<_>>();
        let mut columns = vec![
            write::dates("date", self.days.iter().map(|day| Some(day.date)))?,
            write::column("coverage", self.days.iter().map(|day| day.coverage.name()).collect::<Vec<_>>()),
        ];
        columns.extend(DailyState::ALL.into_iter().map(|state| {
            write::column(state.name(), self.days.iter().map(|day| day.count(state)).collect::<Vec<_>>())
        }));
        columns.push(write::column("dau", counts(DayStates::dau)));
        columns.push(write::column("wau", counts(DayStates::wau)));
        columns.push(write::column("mau", counts(DayStates::mau)));
        columns.push(write::column("seen", counts(DayStates::seen)));
        write::frame(columns)
    }

    /// The moves of every day as a long frame: days in order of time, and within each the 19 possible moves, by the
    /// state they come from and then by the one they go to, in the order of [`DailyState::ALL`].
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `date` | Date | the day moved into |
    /// | `coverage` | String | `observed` or `truncated`: of the day before |
    /// | `from` | String | the state on the day before; null for actors not seen before |
    /// | `to` | String | the state on the day |
    /// | `count` | UInt64 | actors who moved so, or stayed |
    /// | `base` | UInt64 | actors in `from` on the day before; null where `from` is |
    /// | `rate` | Float64 | `count / base`; null unless observed and with a denominator |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn transitions_to_frame(&self) -> Result<DataFrame> {
        let mut rows: Vec<Move> = Vec::with_capacity(self.days.len() * POSSIBLE.len());
        let mut days: Vec<(Date, Coverage)> = Vec::with_capacity(rows.capacity());
        for (date, coverage, moves) in self.daily_moves() {
            rows.extend(transitions::rows(moves));
            days.resize(rows.len(), (date, coverage));
        }
        let rate = |(row, (_, coverage)): (&Move, &(Date, Coverage))| {
            if *coverage == Coverage::Observed { row.rate() } else { None }
        };
        let mut columns = vec![
            write::dates("date", days.iter().map(|(date, _)| Some(*date)))?,
            write::column("coverage", days.iter().map(|(_, coverage)| coverage.name()).collect::<Vec<_>>()),
        ];
        columns.extend(transitions::columns(&rows));
        columns.push(write::column("rate", rows.iter().zip(&days).map(rate).collect::<Vec<_>>()));
        write::frame(columns)
    }
}

impl fmt::Display for DailyStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LATEST: usize = 8;
        /// Rates are of so many days, or fewer where there are not as many: four of every weekday.
        const POOLED: i32 = 28;
        let DailyStatesOptions { week_days, month_days } = self.options;
        writeln!(f, "Daily states, week of {week_days} days, month of {month_days} (~ reaches back before the log)")?;
        write!(f, "  {:<11}", "day")?;
        for name in ["DAU", "new", "curr", "react", "resur", "week", "month", "dormant"] {
            write!(f, " {name:>7}")?;
        }
        for day in &self.days[self.days.len().saturating_sub(LATEST)..] {
            write!(f, "\n  {:<11} {:>7}", format!("{}{}", day.date, day.coverage.sign()), day.dau())?;
            day.counts.iter().try_for_each(|count| write!(f, " {count:>7}"))?;
        }
        let Some(last) = self.days.last() else { return Ok(()) };
        write!(f, "\n{}", self.transitions(last.date - (POOLED - 1), last.date))
    }
}
