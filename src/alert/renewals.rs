//! Who decides when, and what to do before.

use std::collections::BTreeMap;
use std::fmt;

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::desk::AlertDesk;
use super::plan::{TouchPoint, check_days};
use super::terms::next;
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::ids::{Id, Ids};
use crate::frame::{to_frame, write};
use crate::health::HealthBand;
use crate::portfolio::{Account, Snapshot, Subscription};

to_frame!(RenewalCalendar);

/// The days to come that count as this week.
const WEEK: i32 = 7;
/// So many renewals are shown.
const SHOWN: usize = 12;

/// How a touch point stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchState {
    /// Its day has passed, and by what is known it is not done.
    Overdue,
    /// Its day is one of the seven to come, and by what is known it is not done.
    ThisWeek,
    /// Its day lies further ahead.
    Ahead,
    /// Its day has passed; whether it was done only those know who did it.
    Passed,
    /// Its day has passed or is one of the seven to come, and by what is known it is done.
    Done,
}

impl TouchState {
    /// The name as it stands in frames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::ThisWeek => "this_week",
            Self::Ahead => "ahead",
            Self::Passed => "passed",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for TouchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which renewals [`AlertDesk::renewals`] should show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalOptions {
    within_days: u32,
}

impl RenewalOptions {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self { within_days: 120 }
    }

    /// How many days ahead. 120 unless told, where the first of the customary touch points lies.
    #[must_use]
    pub fn within_days(mut self, days: u32) -> Self {
        self.within_days = days;
        self
    }
}

impl Default for RenewalOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<u32> for RenewalOptions {
    fn from(days: u32) -> Self {
        Self::new().within_days(days)
    }
}

/// A touch point before one renewal.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Touch<'a> {
    /// Its day.
    pub date: Date,
    /// How it stands.
    pub state: TouchState,
    /// What to do.
    pub point: &'a TouchPoint,
}

/// A renewal to come.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Renewal<'a> {
    /// The account.
    pub account: Id<'a>,
    /// The day on which its terms are up for renewal.
    pub date: Date,
    /// The day on which they were renewed silently last, and no new term was agreed on: the date is then one term after it, and
    /// a guess.
    pub silently_since: Option<Date>,
    /// The recurring value a month of these terms; `None` where that is not known.
    pub recurring_value: Option<f64>,
    /// The plan of the last of them.
    pub plan: Option<&'a str>,
    /// The causes of the alerts of the account that are held, open, escalated, acknowledged or snoozed.
    pub causes: Vec<&'a str>,
    /// The touch points, the earliest first; those before the terms began, or were renewed silently last, are left out.
    pub touches: Vec<Touch<'a>>,
}

/// Who decides when, and what to do before: the answer of [`AlertDesk::renewals`].
#[derive(Clone, Debug)]
pub struct RenewalCalendar {
    as_of: Date,
    options: RenewalOptions,
    accounts: Ids,
    points: Vec<TouchPoint>,
    causes: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    account: u32,
    date: Date,
    silently_since: Option<Date>,
    value: Option<f64>,
    plan: Option<String>,
    causes: Vec<u32>,
    touches: Vec<(Date, TouchState, usize)>,
}

impl AlertDesk {
    /// The renewals to come, and the touch points weeks before each: which are due this week and which are overdue, what is
    /// at stake, and which alerts the account has.
    ///
    /// ```text
    /// renewals     of terms that run, in the 120 days after the day; those of one account and day are one
    /// touch point  so many days before the renewal, as the playbook has it
    /// done         its exit criterion holds, as known on the day
    /// ```
    ///
    /// A term whose renewal has passed, and which was neither ended nor followed by another, was renewed silently. Nobody
    /// knows for how long; it is shown one term after its last renewal, by months where the term was one of whole months,
    /// and marked. `band` says how an account does, and `None` where that is not known. A desk without alerts has a calendar
    /// too.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTable`](crate::Error::MissingTable) without subscriptions,
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for more than 36525 days.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, AlertDesk, Calendar, EventColumns, Portfolio, RenewalOptions, SubscriptionColumns, TouchState};
    /// use attrition::date;
    /// use attrition::polars::prelude::*;
    ///
    /// let mut events = df!("company" => ["acme", "acme"], "day" => [19_703, 19_723])?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// // A year from 15 February 2023 on.
    /// let mut terms = df!("company" => ["acme"], "start" => [19_403], "renewal" => [19_768], "value" => [500.0])?;
    /// for column in ["start", "renewal"] {
    ///     terms.apply(column, |day| day.cast(&DataType::Date).unwrap())?;
    /// }
    /// let columns = SubscriptionColumns::new("company", "start").renewal("renewal").value("value");
    /// let portfolio = Portfolio::new(activity)?.subscriptions(&terms, &columns)?;
    ///
    /// let calendar = AlertDesk::default().renewals(&portfolio.at(date(2024, 1, 1))?, RenewalOptions::new(), |_| None)?;
    /// let renewal = calendar.iter().next().unwrap();
    /// assert_eq!((renewal.date, renewal.recurring_value), (date(2024, 2, 15), Some(500.0)));
    /// let states: Vec<_> = renewal.touches.iter().map(|touch| (touch.point.days_before, touch.state)).collect();
    /// // Nobody knows whether the first two were done; who hardly uses it is not ready for the third.
    /// use TouchState::{Ahead, Overdue, Passed};
    /// assert_eq!(states, [(120, Passed), (90, Passed), (60, Overdue), (30, Ahead), (14, Ahead)]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// Playbooks for customer success begin 120 or 90 days before a renewal and end with the notice period.
    pub fn renewals(
        &self,
        portfolio: &Snapshot<'_>,
        options: impl Into<RenewalOptions>,
        band: impl Fn(&Account<'_>) -> Option<HealthBand>,
    ) -> Result<RenewalCalendar> {
        let options = options.into();
        check_days("within_days", options.within_days)?;
        if portfolio.portfolio().tables.subscriptions.is_none() {
            return Err(crate::Error::MissingTable { table: "subscriptions" });
        }
        let as_of = portfolio.as_of();
        let end = as_of + options.within_days.cast_signed();
        let mut points = self.playbook().touch_points().to_vec();
        points.sort_by_key(|point| std::cmp::Reverse(point.days_before));
        let mut rows = Vec::new();
        for (number, account) in (0_u32..).zip(portfolio.customers()) {
            let mut of_day: BTreeMap<(Date, Option<Date>), Vec<Subscription<'_>>> = BTreeMap::new();
            for term in account.running().unwrap_or_default() {
                let Some((date, silently)) = next(&term, as_of) else { continue };
                if date <= end {
                    of_day.entry((date, silently)).or_default().push(term);
                }
            }
            if of_day.is_empty() {
                continue;
            }
            let (band, causes) = (band(&account), self.causes_of(account.id()));
            for ((date, silently_since), terms) in of_day {
                let began = silently_since.or_else(|| terms.iter().map(|term| term.start).min()).unwrap_or(as_of);
                let touch = |(place, point): (usize, &TouchPoint)| {
                    let day = date - point.days_before.cast_signed();
                    let done = point.done_when.holds(&account, Some(causes.is_empty()), band);
                    (day >= began).then(|| (day, state(day, as_of, done), place))
                };
                rows.push(Row {
                    account: number,
                    date,
                    silently_since,
                    value: terms.iter().filter_map(|term| term.value).reduce(|sum, value| sum + value),
                    plan: terms.last().and_then(|term| term.plan).map(str::to_owned),
                    touches: points.iter().enumerate().filter_map(touch).collect(),
                    causes: causes.clone(),
                });
            }
        }
        rows.sort_by_key(|row| (row.date, row.account, row.silently_since));
        let [accounts, ..] = portfolio.ids();
        let causes = self.playbook().alert_types().iter().map(|own| own.cause.clone()).collect();
        Ok(RenewalCalendar { as_of, options, accounts, points, causes, rows })
    }
}

fn state(day: Date, as_of: Date, done: Option<bool>) -> TouchState {
    match (day - as_of, done) {
        (days, _) if days > WEEK => TouchState::Ahead,
        (_, Some(true)) => TouchState::Done,
        (1.., _) => TouchState::ThisWeek,
        (_, Some(false)) => TouchState::Overdue,
        (_, None) => TouchState::Passed,
    }
}

impl RenewalCalendar {
    /// The day as of which it holds.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &RenewalOptions {
        &self.options
    }

    /// The renewals, the nearest first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Renewal<'_>> {
        self.rows.iter().map(|row| Renewal {
            account: self.accounts.get(row.account as usize),
            date: row.date,
            silently_since: row.silently_since,
            recurring_value: row.value,
            plan: row.plan.as_deref(),
            causes: self.causes_of(row),
            touches: row
                .touches
                .iter()
                .map(|&(date, state, point)| Touch { date, state, point: &self.points[point] })
                .collect(),
        })
    }

    /// The recurring value a month of all that is up for renewal, as far as it is known.
    #[must_use]
    pub fn recurring_value(&self) -> f64 {
        self.rows.iter().filter_map(|row| row.value).sum()
    }

    fn causes_of(&self, row: &Row) -> Vec<&str> {
        row.causes.iter().map(|&cause| self.causes[cause as usize].as_str()).collect()
    }

    /// The touch points as a frame, one row each, by renewal, the nearest first, and within one by their days; a renewal
    /// without touch points has one row.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `renewal` | Date | the day of the renewal |
    /// | `days_left` | Int32 | days to it |
    /// | `silently_since` | Date | the last renewal, if it was silent and this one is a guess; null if not |
    /// | `recurring_value` | Float64 | a month; null where not known |
    /// | `plan` | String | the plan; null where not known |
    /// | `causes` | String | of the alerts of the account, with `, ` between them; empty without one |
    /// | `days_before` | UInt32 | of the touch point; null without one, as are the next columns |
    /// | `touch` | Date | its day |
    /// | `state` | String | `overdue`, `this_week`, `ahead`, `passed` or `done` |
    /// | `action`, `owner` | String | what to do, and the role of who does it |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        type Cell<'a> = (&'a Row, Option<&'a (Date, TouchState, usize)>);
        let mut cells: Vec<Cell<'_>> = Vec::new();
        for row in &self.rows {
            if row.touches.is_empty() {
                cells.push((row, None));
            }
            cells.extend(row.touches.iter().map(|touch| (row, Some(touch))));
        }
        let point = |cell: &Cell<'_>| cell.1.map(|touch| &self.points[touch.2]);
        write::frame(vec![
            write::gathered_ids("account", &self.accounts, cells.iter().map(|cell| Some(cell.0.account)))?,
            write::dates("renewal", cells.iter().map(|cell| Some(cell.0.date)))?,
            write::column("days_left", cells.iter().map(|cell| cell.0.date - self.as_of).collect::<Vec<_>>()),
            write::dates("silently_since", cells.iter().map(|cell| cell.0.silently_since))?,
            write::column("recurring_value", cells.iter().map(|cell| cell.0.value).collect::<Vec<_>>()),
            write::column("plan", cells.iter().map(|cell| cell.0.plan.as_deref()).collect::<Vec<_>>()),
            write::column("causes", cells.iter().map(|cell| self.causes_of(cell.0).join(", ")).collect::<Vec<_>>()),
            write::column(
                "days_before",
                cells.iter().map(|cell| point(cell).map(|own| own.days_before)).collect::<Vec<_>>(),
            ),
            write::dates("touch", cells.iter().map(|cell| cell.1.map(|touch| touch.0)))?,
            write::column("state", cells.iter().map(|cell| cell.1.map(|touch| touch.1.name())).collect::<Vec<_>>()),
            write::column(
                "action",
                cells.iter().map(|cell| point(cell).map(|own| own.action.as_str())).collect::<Vec<_>>(),
            ),
            write::column(
                "owner",
                cells.iter().map(|cell| point(cell).map(|own| own.owner.as_str())).collect::<Vec<_>>(),
            ),
        ])
    }
}

impl fmt::Display for RenewalCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, days) = (self.rows.len(), self.options.within_days);
        let silent = self.rows.iter().filter(|row| row.silently_since.is_some()).count();
        let now =
            |row: &&Row| row.touches.iter().any(|touch| matches!(touch.1, TouchState::Overdue | TouchState::ThisWeek));
        let due = self.rows.iter().filter(now).count();
        write!(
            f,
            "{count} renewals in the {days} days after {}, worth {:.0} a month; ",
            self.as_of,
            self.recurring_value()
        )?;
        write!(f, "{silent} renewed silently before, {due} have something due")?;
        for renewal in self.iter().take(SHOWN) {
            let value = renewal.recurring_value.map_or(String::new(), |value| format!(", {value:.0} a month"));
            let silent = if renewal.silently_since.is_some() { ", perhaps" } else { "" };
            write!(f, "\n{}{silent}: {}{value}", renewal.date, renewal.account)?;
            if !renewal.causes.is_empty() {
                write!(f, " ({})", renewal.causes.join(", "))?;
            }
            for touch in &renewal.touches {
                if matches!(touch.state, TouchState::Overdue | TouchState::ThisWeek) {
                    let state = if touch.state == TouchState::Overdue { "overdue since" } else { "by" };
                    write!(f, "\n  {state} {}  {}: {}", touch.date, touch.point.owner, touch.point.action)?;
                }
            }
        }
        let more = count.saturating_sub(SHOWN);
        if more > 0 { write!(f, "\n{more} more are in to_frame()") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::date;

    fn term(start: Date, renewal: Date) -> Subscription<'static> {
        Subscription { start, renewal: Some(renewal), ended: None, value: None, seats: None, plan: None }
    }

    #[test]
    fn silent_renewals() {
        let year = term(date(2023, 2, 15), date(2024, 2, 15));
        assert_eq!(next(&year, date(2024, 2, 14)), Some((date(2024, 2, 15), None)));
        assert_eq!(next(&year, date(2024, 2, 15)), Some((date(2025, 2, 15), Some(date(2024, 2, 15)))));
        assert_eq!(next(&year, date(2031, 2, 14)), Some((date(2031, 2, 15), Some(date(2030, 2, 15)))));
        // The last day of a month stays the last day.
        let month = term(date(2024, 1, 31), date(2024, 2, 29));
        assert_eq!(next(&month, date(2024, 2, 29)), Some((date(2024, 3, 31), Some(date(2024, 2, 29)))));
        assert_eq!(next(&month, date(2024, 4, 30)), Some((date(2024, 5, 31), Some(date(2024, 4, 30)))));
        // Not a number of months: days.
        let days = term(date(2024, 1, 1), date(2024, 1, 11));
        assert_eq!(next(&days, date(2024, 1, 31)), Some((date(2024, 2, 10), Some(date(2024, 1, 31)))));
        let leap = term(date(2024, 2, 29), date(2025, 2, 28));
        assert_eq!(next(&leap, date(2028, 2, 28)), Some((date(2028, 2, 29), Some(date(2027, 2, 28)))));
        assert_eq!(next(&term(date(2024, 1, 1), date(2024, 1, 1)), date(2024, 1, 5)), None);
    }

    #[test]
    fn touch_points_by_their_days() {
        let as_of = date(2024, 1, 10);
        let of = |days: i32, done| state(as_of + days, as_of, done);
        assert_eq!(of(8, Some(true)), TouchState::Ahead);
        assert_eq!(
            (of(7, Some(true)), of(7, Some(false)), of(1, None)),
            (TouchState::Done, TouchState::ThisWeek, TouchState::ThisWeek)
        );
        assert_eq!(
            (of(0, Some(false)), of(0, None), of(-9, Some(true))),
            (TouchState::Overdue, TouchState::Passed, TouchState::Done)
        );
    }
}
