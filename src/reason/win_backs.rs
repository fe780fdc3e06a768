//! Who comes back, and how soon.

use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cancellation::WinBack;
use super::classes::{View, cut, held, money, unvalued, view};
use super::path::Reason;
use super::records::ChurnRecords;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::frame::ids::{IdType, Ids};
use crate::frame::write;
use crate::portfolio::{Account, Portfolio};
use crate::print::{p_equals, percent};
use crate::statistics::{Interval, LogRank, LogRankSums, Wilson, ratio};
use crate::survival::{KaplanMeier, KaplanMeierOptions, curve_of_days};

/// What [`ChurnRecords::win_backs`] should count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WinBacksOptions {
    view: View,
    as_of: Date,
    within: Vec<u32>,
    quiet: u32,
    confidence: f64,
}
view!(WinBacksOptions);

impl WinBacksOptions {
    /// Returns known up to a day: whoever has not come back by then may yet.
    #[must_use]
    pub fn new(as_of: Date) -> Self {
        Self { view: View::default(), as_of, within: vec![30, 90, 180, 365], quiet: 30, confidence: 0.95 }
    }

    /// Within how many days to tell the share of those who have come back. The default is 30, 90, 180 and 365.
    #[must_use]
    pub fn within(mut self, days: impl IntoIterator<Item = u32>) -> Self {
        self.within = days.into_iter().collect();
        self
    }

    /// Where only activity tells of a return: so many days after the cancellation are not looked at, since people use what
    /// they have paid for to its end. The default is 30, a month.
    #[must_use]
    pub fn quiet(mut self, days: u32) -> Self {
        self.quiet = days;
        self
    }

    /// The level of confidence of all intervals. The default is 0.95, the custom of the field.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }
}

impl From<Date> for WinBacksOptions {
    fn from(as_of: Date) -> Self {
        Self::new(as_of)
    }
}

/// The share of cancellations after which the customer had come back within some days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReturnedWithin {
    /// The days.
    pub days: u32,
    /// The share; `None` where nobody was followed so long.
    pub share: Option<f64>,
    /// Its interval; `None` too where nobody came back.
    pub interval: Option<Interval>,
}

/// The returns after cancellations for one reason, or for any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonReturns {
    /// The reason; `None` of all cancellations, with a reason or without.
    pub reason: Option<Reason>,
    /// What people call it.
    pub name: String,
    /// How many cancellations there were.
    pub cancellations: u64,
    /// After how many of these the customer had come back, on a day that is known.
    pub returned: u64,
    /// After how many more the customer had come back nobody knows when: the next record of the customer names no start that
    /// lies between. They are followed up to that record, and in no share of the returned.
    pub returned_undated: u64,
    /// The recurring value a month that was lost; `None` where values are in several currencies.
    pub value: Option<f64>,
    /// How many cancellations have no value that is known, and are in no sum.
    pub without_value: u64,
    /// What of it was lost with those who had come back on a known day: by what they paid before.
    pub value_returned: Option<f64>,
    /// How many attempts to win the customer back are under way.
    pub in_progress: u64,
    /// How many were given up.
    pub given_up: u64,
    /// Returned of returned or given up: what is decided; `None` where nothing is.
    pub success: Option<f64>,
    /// The Wilson interval of that share.
    pub success_interval: Option<Interval>,
    /// The share that had come back within some days, those who may yet come back made use of as far as they were followed.
    pub within: Vec<ReturnedWithin>,
    /// The curve of those who have not come back, by days since the cancellation.
    pub away: KaplanMeier,
}

/// The answer of [`ChurnRecords::win_backs`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WinBacks {
    options: WinBacksOptions,
    currency: Option<String>,
    later: u64,
    all: ReasonReturns,
    reasons: Vec<ReasonReturns>,
    log_rank: Option<LogRank>,
}

/// # Win-backs
impl ChurnRecords {
    /// How many customers come back after they have left, how soon, and after which reasons.
    ///
    /// ```text
    /// time            days from the cancellation to the return; up to as_of where there is none yet
    /// share within t  1 - S(t), S the Kaplan-Meier estimate of staying away
    /// success         returned / (returned + given up)
    /// ```
    ///
    /// Returns are those of the records: [`WinBack::WonBack`], and the start that the next record of the same customer names.
    /// A next record without one shows that the customer had come back, and not when: the cancellation is then followed up
    /// to that record, counted by [`returned_undated`](ReasonReturns::returned_undated), and its attempt is neither under way nor
    /// given up. To divide returned by cancelled is the common mistake: who
    /// left last week had no time to come back, so that the rate falls whenever more leave. The curve follows everybody as
    /// far as they could be followed. Success, of the attempts that are decided, leaves those under way out, and where only
    /// hopeless attempts are given up late it comes out too high. Whether reasons differ in how soon customers come back is
    /// tested by the log-rank test.
    ///
    /// Cancellations after `as_of` are counted by [`later`](WinBacks::later) and not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a confidence outside 0 to 1; [`Error::Overflow`] for values without end.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, Reason, Taxonomy, WinBack, date};
    ///
    /// let left = |who, day| Cancellation::new(who, date(2026, 1, day), Reason::new("price", "too_expensive"));
    /// let records = ChurnRecords::of(
    ///     [
    ///         left("a", 1).win_back(WinBack::WonBack(date(2026, 1, 11))),
    ///         left("b", 1).win_back(WinBack::GivenUp),
    ///         left("c", 1),
    ///         left("d", 26),                                           // followed for five days only
    ///     ],
    ///     &Taxonomy::standard(),
    /// )?;
    /// let back = records.win_backs(date(2026, 1, 31))?;
    /// assert_eq!((back.all().cancellations, back.all().returned, back.all().success), (4, 1, Some(0.5)));
    /// let within = back.all().within[0];
    /// assert_eq!(within.days, 30);
    /// assert!((within.share.unwrap() - 1.0 / 3.0).abs() < 1e-12);      // of the three who were followed so long
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// E. L. Kaplan and P. Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53, 457-481.
    pub fn win_backs(&self, options: impl Into<WinBacksOptions>) -> Result<WinBacks> {
        let returned = |state: &Option<WinBack>| Some(state.as_ref()?.returned_on()?.days_since_epoch());
        let returned: Vec<Option<i32>> = self.labels().win_back.iter().map(returned).collect();
        self.win_backs_on(&returned, options.into())
    }

    /// The same, with the day of each record's return.
    pub(crate) fn win_backs_on(&self, returned: &[Option<i32>], options: WinBacksOptions) -> Result<WinBacks> {
        let wilson = Wilson::new(options.confidence)?;
        let (classes, currency) = (self.classes(options.view), self.one_currency());
        let as_of = options.as_of.days_since_epoch();
        let known = self.days().partition_point(|&day| day <= as_of);
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); classes.reasons.len()];
        for (row, class) in (0..).zip(&classes.of[..known]) {
            if let Some(class) = class {
                rows_of[*class as usize].push(row);
            }
        }
        let next = self.next_of_customer();
        let followed = |row: usize| {
            let day = self.days()[row];
            let started = next[row].and_then(|next| self.labels().started_on[next]).filter(|&start| start > day);
            // Who cancels anew had come back before: a return after that belongs to the cancellation after it.
            let end = next[row].map_or(as_of, |next| self.days()[next].min(as_of));
            let back = returned[row].into_iter().chain(started).filter(|&back| day <= back && back <= end).min();
            (back.unwrap_or(end).abs_diff(day), back.is_some())
        };
        let anew = |row: usize| next[row].is_some_and(|next| self.days()[next] <= as_of);
        let state = |row: usize| match self.labels().win_back[row] {
            _ if anew(row) => None,
            Some(state @ (WinBack::InProgress | WinBack::GivenUp)) if !followed(row).1 => Some(state),
            // A return that is not known yet: the attempt was under way.
            Some(WinBack::WonBack(_)) if !followed(row).1 => Some(WinBack::InProgress),
            _ => None,
        };
        let of = |reason: Option<&Reason>, rows: &mut dyn Iterator<Item = usize>| -> Result<ReasonReturns> {
            let rows: Vec<usize> = rows.collect();
            let count = |holds: &dyn Fn(usize) -> bool| rows.iter().filter(|&&row| holds(row)).count() as u64;
            let back = count(&|row| followed(row).1);
            let given_up = count(&|row| state(row) == Some(WinBack::GivenUp));
            let value = |holds: &dyn Fn(usize) -> bool| {
                let own = rows.iter().filter(|&&row| holds(row)).filter_map(|&row| self.values()[row]);
                held(own.sum()).map(|sum| currency.is_some().then_some(sum))
            };
            let curve = KaplanMeierOptions::new().confidence(options.confidence);
            let away = curve_of_days(rows.iter().map(|&row| followed(row)), curve)?;
            let within = options.within.iter().map(|&days| {
                let point = away.at(f64::from(days));
                ReturnedWithin {
                    days,
                    share: point.map(|point| 1.0 - point.survival),
                    interval: point
                        .and_then(|point| point.interval)
                        .map(|interval| Interval { lower: 1.0 - interval.upper, upper: 1.0 - interval.lower }),
                }
            });
            Ok(ReasonReturns {
                reason: reason.cloned(),
                name: reason.map_or_else(|| "all".to_owned(), |reason| self.name_of(reason)),
                cancellations: rows.len() as u64,
                returned: back,
                returned_undated: count(&|row| anew(row) && !followed(row).1),
                value: value(&|_| true)?,
                without_value: count(&|row| self.values()[row].is_none()),
                value_returned: value(&|row| followed(row).1)?,
                in_progress: count(&|row| state(row) == Some(WinBack::InProgress)),
                given_up,
                success: ratio(back, back + given_up),
                success_interval: wilson.interval(back, back + given_up),
                within: within.collect(),
                away,
            })
        };
        let all = of(None, &mut (0..known))?;
        let mut reasons = Vec::with_capacity(rows_of.len());
        for (reason, rows) in classes.reasons.iter().zip(&rows_of).filter(|(_, rows)| !rows.is_empty()) {
            reasons.push(of(Some(reason), &mut rows.iter().map(|&row| row as usize))?);
        }
        reasons.sort_by_key(|returns| std::cmp::Reverse(returns.cancellations));
        let log_rank = log_rank(&reasons);
        let (later, currency) = ((self.len() - known) as u64, currency.flatten());
        Ok(WinBacks { options, currency, later, all, reasons, log_rank })
    }

    /// For each record the next one of the same customer.
    fn next_of_customer(&self) -> Vec<Option<usize>> {
        let (mut next, mut later) = (vec![None; self.len()], vec![None; self.customers().len()]);
        for (row, &customer) in self.customer_numbers().iter().enumerate().rev() {
            next[row] = later[customer as usize].replace(row);
        }
        next
    }
}

/// Whether the curves differ; `None` with fewer than two, and where nobody came back.
fn log_rank(reasons: &[ReasonReturns]) -> Option<LogRank> {
    if reasons.len() < 2 {
        return None;
    }
    let tables: Vec<_> = reasons.iter().map(|returns| returns.away.event_table().rows()).collect();
    let mut times: Vec<f64> =
        tables.iter().flat_map(|rows| rows.iter().filter(|row| row.ended > 0).map(|row| row.time)).collect();
    times.sort_unstable_by(f64::total_cmp);
    times.dedup();
    let (mut sums, mut places) = (LogRankSums::new(reasons.len()), vec![0; reasons.len()]);
    let (mut at_risk, mut lost) = (vec![0; reasons.len()], vec![0; reasons.len()]);
    for time in times {
        for (group, rows) in tables.iter().enumerate() {
            let place = &mut places[group];
            *place += rows[*place..].partition_point(|row| row.time < time);
            let row = rows.get(*place);
            at_risk[group] = row.map_or(0, |row| row.at_risk);
            lost[group] = row.filter(|row| row.time <= time).map_or(0, |row| row.ended);
        }
        sums.add(&at_risk, &lost);
    }
    sums.test()
}

/// # Win-backs
impl Portfolio {
    /// The same of customers whose return the portfolio shows, be it in the records or not: see
    /// [`ChurnRecords::win_backs`].
    ///
    /// ```text
    /// return  the first term of a subscription that starts after the cancellation; without subscriptions, the first
    ///         active day that lies more than the quiet days after it; the return of the record where it is earlier
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ChurnRecords::win_backs`]; [`Error::InvalidOption`] for a day outside the observation of the activity;
    /// [`Error::Incompatible`] if customers are text in the one and integers in the other.
    pub fn win_backs(&self, records: &ChurnRecords, options: impl Into<WinBacksOptions>) -> Result<WinBacks> {
        let options = options.into();
        self.check_as_of(options.as_of)?;
        alike(records.customers(), self.ids())?;
        let (places, as_of) = (self.ids().positions(records.customers()), options.as_of.days_since_epoch());
        let quiet = i32::try_from(options.quiet).unwrap_or(i32::MAX);
        let returned = |row: usize| {
            let left = records.days()[row];
            let recorded = records.labels().win_back[row].and_then(WinBack::returned_on).map(Date::days_since_epoch);
            let place = places[records.customer_numbers()[row] as usize];
            let account = place.map(|place| Account::new(self, place as usize, as_of));
            let seen = account.and_then(|account| match account.subscriptions() {
                Some(terms) => terms.map(|term| term.start.days_since_epoch()).find(|&start| start > left),
                None => account.days().iter().copied().find(|&day| day > left.saturating_add(quiet)),
            });
            recorded.into_iter().chain(seen).min()
        };
        let returned: Vec<Option<i32>> = (0..records.len()).into_par_iter().map(returned).collect();
        records.win_backs_on(&returned, options)
    }
}

/// Whether ids of customers can be held against each other.
pub(super) fn alike(records: &Ids, others: &Ids) -> Result<()> {
    let text = |ids: &Ids| ids.id_type() == IdType::String;
    if records.len() == 0 || text(records) == text(others) {
        return Ok(());
    }
    Err(Error::Incompatible {
        what: "the types of customer",
        left: format!("{:?}", records.id_type()),
        right: format!("{:?}", others.id_type()),
        way_out: "cast the customers of the one to the type of the other",
    })
}

impl WinBacks {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &WinBacksOptions {
        &self.options
    }

    /// The currency of all values; `None` where none is named, or they are in several.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// Cancellations after the day up to which returns are known.
    #[must_use]
    pub fn later(&self) -> u64 {
        self.later
    }

    /// All cancellations, with a reason or without.
    #[must_use]
    pub fn all(&self) -> &ReasonReturns {
        &self.all
    }

    /// The cancellations by reason, the largest first.
    #[must_use]
    pub fn reasons(&self) -> &[ReasonReturns] {
        &self.reasons
    }

    /// One of them.
    #[must_use]
    pub fn of(&self, reason: &Reason) -> Option<&ReasonReturns> {
        self.reasons.iter().find(|returns| returns.reason.as_ref() == Some(reason))
    }

    /// Whether customers come back sooner after one reason than after another; `None` with fewer than two reasons.
    #[must_use]
    pub fn log_rank(&self) -> Option<&LogRank> {
        self.log_rank.as_ref()
    }

    /// The returns as a frame: all cancellations first, then a row for each reason.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason` | String | the path of the reason; null of all |
    /// | `name` | String | what people call it |
    /// | `cancellations`, `returned`, `returned_undated`, `in_progress`, `given_up` | UInt64 | how many |
    /// | `value`, `value_returned` | Float64 | value a month that was lost, and what of it with those who came back; null where values are in several currencies |
    /// | `without_value` | UInt64 | cancellations whose value is not known, in no sum |
    /// | `success`, `success_lower`, `success_upper` | Float64 | returned of what is decided, and its interval; null without |
    /// | `within_30`, `within_30_lower`, `within_30_upper`, ... | Float64 | share that had come back within so many days; null where nobody was followed so long |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows = || std::iter::once(&self.all).chain(&self.reasons);
        let count = |name: &str, of: fn(&ReasonReturns) -> u64| write::column(name, rows().map(of).collect::<Vec<_>>());
        let number = |name: &str, of: &dyn Fn(&ReasonReturns) -> Option<f64>| {
            write::column(name, rows().map(of).collect::<Vec<_>>())
        };
        let mut columns = vec![
            write::column("reason", rows().map(|row| row.reason.as_ref().map(Reason::as_str)).collect::<Vec<_>>()),
            write::column("name", rows().map(|row| row.name.as_str()).collect::<Vec<_>>()),
            count("cancellations", |row| row.cancellations),
            count("returned", |row| row.returned),
            count("returned_undated", |row| row.returned_undated),
            count("in_progress", |row| row.in_progress),
            count("given_up", |row| row.given_up),
            number("value", &|row| row.value),
            number("value_returned", &|row| row.value_returned),
            count("without_value", |row| row.without_value),
            number("success", &|row| row.success),
            number("success_lower", &|row| row.success_interval.map(|interval| interval.lower)),
            number("success_upper", &|row| row.success_interval.map(|interval| interval.upper)),
        ];
        let mut days = self.options.within.clone();
        days.sort_unstable();
        days.dedup();
        for days in days {
            let of = |row: &ReasonReturns| row.within.iter().find(|within| within.days == days).copied();
            let name = format!("within_{days}");
            columns.push(number(&name, &|row| of(row)?.share));
            columns.push(number(&format!("{name}_lower"), &|row| Some(of(row)?.interval?.lower)));
            columns.push(number(&format!("{name}_upper"), &|row| Some(of(row)?.interval?.upper)));
        }
        write::frame(columns)
    }
}

impl fmt::Display for WinBacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 14;
        const HORIZONS: usize = 4;
        write!(f, "Returns after cancellations up to {}", self.options.as_of)?;
        if let Some(test) = &self.log_rank {
            write!(f, "; reasons differ with {} (log-rank)", p_equals(test.p_value))?;
        }
        let value = self.currency.as_deref().unwrap_or("value");
        write!(f, "\n  {:<28} {:>9} {:>9} {value:>11} {:>11}", "reason", "number", "returned", "returned")?;
        write!(f, " {:>9}", "success")?;
        let horizons = || self.all.within.iter().take(HORIZONS);
        horizons().try_for_each(|within| write!(f, " {:>9}", format!("{} days", within.days)))?;
        write!(f, "   in %")?;
        for row in std::iter::once(&self.all).chain(self.reasons.iter().take(SHOWN)) {
            let (name, success) = (cut(&row.name, 28), percent(row.success));
            let (value, back) = (money(row.value), money(row.value_returned));
            write!(f, "\n  {name:<28} {:>9} {:>9} {value:>11} {back:>11}", row.cancellations, row.returned)?;
            write!(f, " {success:>9}")?;
            row.within.iter().take(HORIZONS).try_for_each(|within| write!(f, " {:>9}", percent(within.share)))?;
        }
        if self.reasons.len() > SHOWN {
            write!(f, "\n  and {} more", self.reasons.len() - SHOWN)?;
        }
        unvalued(f, self.all.without_value)?;
        if self.all.returned_undated > 0 {
            write!(f, "\n  after {} more the customer came back nobody knows when", self.all.returned_undated)?;
        }
        Ok(())
    }
}
