//! What share of customers leaves for which reason, and when.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use polars::prelude::DataFrame;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::incidence_options::{CustomerColumns, ReasonIncidenceOptions, RecordGroup};
use super::path::Reason;
use super::records::{ChurnRecords, by_customer};
use super::win_backs::alike;
use crate::calendar::{Calendar, Date};
use crate::error::{Error, Result};
use crate::frame::ids::Id;
use crate::frame::read;
use crate::frame::times::Times;
use crate::portfolio::Portfolio;
use crate::survival::{Caused, CompetingRisks, CumulativeIncidence, CumulativeIncidenceOptions, GrayTests};

/// What a cancellation without a reason is called.
const NOT_TOLD: &str = "not told";

/// The answer of [`ChurnRecords::reason_incidence`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonIncidence {
    options: ReasonIncidenceOptions,
    without_start: u64,
    before: u64,
    incidence: CumulativeIncidence,
    tests: Option<GrayTests>,
}

/// A start of a customer.
#[derive(Debug)]
struct Start {
    /// The same for all starts of a customer, which come one after the other.
    who: u32,
    /// The number of the customer in the records; `None` of one who has none.
    customer: Option<u32>,
    day: i32,
    group: Option<u32>,
}

/// # Incidence of reasons
impl ChurnRecords {
    /// The share of customers that has left for each reason by any time after the start, group by group, with the customers
    /// who are still here made use of as far as they go.
    ///
    /// ```text
    /// time       days from the start to the cancellation; to as_of, censored, for who has not cancelled
    /// incidence  F(t) = sum over times up to t of S(t-) d/n                 (Aalen-Johansen)
    /// tests      Gray's, reason by reason, between groups
    /// ```
    ///
    /// A ranking says what those who left say; this says how many of all customers leave for it, and when: a reason that
    /// strikes in the first month asks for another remedy than one that strikes in the third year. The frame holds the
    /// customers, those who are still here above all: without them every customer seems to leave. Those who have left may
    /// be in it or not; a record that names its start uses that. Of several starts of a customer the first after the
    /// cancellation before counts. Cancellations and customers without any known start are counted by
    /// [`without_start`](ReasonIncidence::without_start) and not looked at.
    ///
    /// Reasons are causes by the names of their paths; cancellations without one have the cause `not told`. Between groups
    /// there are tests unless some customers enter late, for which Gray's test does not hold.
    ///
    /// # Errors
    ///
    /// [`Error::MissingColumn`], [`Error::UnsupportedType`]; [`Error::Incompatible`] if customers are text in the one and
    /// integers in the other; [`Error::InvalidOption`] for a confidence outside 0 to 1, and for groups by a field of the records
    /// where the frame has none, so that nobody who stayed would be in any; [`Error::TooLarge`] for more than 1000 reasons or groups.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Cancellation, ChurnRecords, CustomerColumns, Reason, Taxonomy, date};
    /// use attrition::polars::prelude::*;
    ///
    /// let mut customers = df!("id" => [1, 2, 3, 4], "since" => [20_454, 20_454, 20_454, 20_464])?;  // 1 and 11 January
    /// customers.apply("since", |day| day.cast(&DataType::Date).unwrap())?;
    /// let left = |who, day| Cancellation::new(who, date(2026, 1, day), Reason::from("price/too_expensive"));
    /// let records = ChurnRecords::of([left(1, 6), left(2, 21)], &Taxonomy::standard())?;
    ///
    /// let columns = CustomerColumns::new("id", "since");
    /// let answer = records.reason_incidence(&customers, &columns, date(2026, 1, 31))?;
    /// let price = answer.incidence().curve(None, "price/too_expensive").unwrap();
    /// assert_eq!(price.at(5.0).unwrap().incidence, 0.25);              // one of four after five days
    /// assert_eq!(price.at(20.0).unwrap().incidence, 0.5);              // one of the three left after twenty
    /// # Ok::<(), attrition::Error>(())
    /// ```
    ///
    /// # References
    ///
    /// As [`CompetingRisks::cumulative_incidence`] and [`CompetingRisks::gray_tests`].
    pub fn reason_incidence(
        &self,
        customers: &DataFrame,
        columns: &CustomerColumns,
        options: impl Into<ReasonIncidenceOptions>,
    ) -> Result<ReasonIncidence> {
        let options = options.into();
        if let Some(by) = options.by.filter(|_| columns.group.is_none()) {
            let reason = "those who stayed would be in no group; name the column of theirs with CustomerColumns::group";
            return Err(Error::InvalidOption { option: "by", value: by.name().to_owned(), reason });
        }
        let id_type = read::id_type(customers.schema(), &columns.account, "account")?;
        let (ids, of_row) = read::distinct_ids(customers, &columns.account, id_type)?;
        alike(self.customers(), &ids)?;
        let number = self.customers().positions(&ids);
        let days = Times::read(customers, &columns.started_on, "started_on")?.days(&Calendar::utc());
        let (groups, group) = match &columns.group {
            Some(column) => read::names(customers, column, "group")?,
            None => (Vec::new(), vec![None; days.len()]),
        };
        let without = self.without_start_in(&of_row, &days, &number, options.as_of.days_since_epoch());
        let mut rows: Vec<(u32, i32, Option<u32>)> =
            of_row.iter().zip(days).zip(group).filter_map(|((id, day), group)| Some(((*id)?, day?, group))).collect();
        rows.par_sort_unstable();
        let starts =
            rows.into_iter().map(|(who, day, group)| Start { who, customer: number[who as usize], day, group });
        let starts: Vec<Start> = starts.collect();
        let mut answer = self.incidence_of(&starts, &groups, options)?;
        answer.without_start += without;
        Ok(answer)
    }

    /// How many customers of a frame have no start in any row, and no record up to a day, which would be looked at by itself.
    fn without_start_in(
        &self,
        of_row: &[Option<u32>],
        days: &[Option<i32>],
        number: &[Option<u32>],
        as_of: i32,
    ) -> u64 {
        let (mut named, mut known) = (vec![false; number.len()], vec![false; self.customers().len()]);
        let mut started = vec![false; number.len()];
        for (&who, day) in of_row.iter().zip(days) {
            if let Some(who) = who {
                named[who as usize] = true;
                started[who as usize] |= day.is_some();
            }
        }
        let left = self.customer_numbers().iter().zip(self.days()).filter(|&(_, &day)| day <= as_of);
        left.for_each(|(&customer, _)| known[customer as usize] = true);
        let lost = |who: &usize| named[*who] && !started[*who] && !number[*who].is_some_and(|at| known[at as usize]);
        (0..number.len()).filter(lost).count() as u64
    }

    fn incidence_of(
        &self,
        starts: &[Start],
        groups: &[String],
        options: ReasonIncidenceOptions,
    ) -> Result<ReasonIncidence> {
        let classes = self.classes(options.view);
        let labels = options.by.map(|by| match by {
            RecordGroup::Plan => &self.labels().plan,
            RecordGroup::Segment => &self.labels().segment,
        });
        // The groups of the frame and those of the records by one list of names.
        let mut names: BTreeMap<&str, u32> = groups.iter().map(|name| (name.as_str(), 0)).collect();
        names.extend(labels.into_iter().flat_map(|labels| labels.names()).map(|name| (name.as_str(), 0)));
        (0..).zip(names.values_mut()).for_each(|(place, code)| *code = place);
        let code_of = |names_of: &[String]| names_of.iter().map(|name| names[name.as_str()]).collect::<Vec<u32>>();
        let (of_frame, of_label) = (code_of(groups), labels.map(|labels| code_of(labels.names())));

        let as_of = options.as_of.days_since_epoch();
        let known = self.days().partition_point(|&day| day <= as_of);
        let (order, mut ends) = by_customer(&self.customer_numbers()[..known], self.customers().len());
        let mut spells =
            Spells { observed_from: options.observed_from.map(Date::days_since_epoch), ..Spells::default() };
        #[expect(clippy::cast_possible_truncation, reason = "no more reasons than codes, which are u32")]
        let not_told = classes.reasons.len() as u32;
        let mut customer_of = |starts: &[Start], rows: &[u32]| {
            let mut left = i32::MIN;
            let since = |left: i32| starts.iter().find(|start| start.day > left);
            for &row in rows {
                let row = row as usize;
                let day = self.days()[row];
                let of_frame_row = since(left).filter(|start| start.day <= day);
                let label = labels.and_then(|labels| labels.codes()[row]);
                let own = label.zip(of_label.as_ref()).map(|(label, codes)| codes[label as usize]);
                let group = own.or_else(|| of_frame_row?.group.map(|group| of_frame[group as usize]));
                let start = self.labels().started_on[row].or_else(|| of_frame_row.map(|start| start.day));
                spells.end(start, day, Some(classes.of[row].unwrap_or(not_told)), group);
                left = day;
            }
            // A start on the day of the last cancellation belongs to what was cancelled.
            let again = starts.iter().find(|start| start.day > left && start.day <= as_of);
            if let Some(start) = again {
                spells.end(Some(start.day), as_of, None, start.group.map(|group| of_frame[group as usize]));
            }
        };
        for starts in starts.chunk_by(|one, next| one.who == next.who) {
            // Whoever has been looked at has no rows left.
            let rows = starts[0].customer.map_or(0..0, |customer| std::mem::take(&mut ends[customer as usize]));
            customer_of(starts, &order[rows]);
        }
        ends.into_iter().for_each(|rows| customer_of(&[], &order[rows]));

        let causes = classes.reasons.iter().map(Reason::to_string).collect();
        let names = names.into_keys().map(str::to_owned).collect();
        let (without_start, before) = (spells.without_start, spells.before);
        let risks = spells.risks(causes, names)?;
        let curves = CumulativeIncidenceOptions::new().interval(options.interval).confidence(options.confidence);
        let incidence = risks.cumulative_incidence(curves)?;
        let several = risks.groups().len() > 1 && !risks.enters_late();
        let tests = several.then(|| risks.gray_tests(options.tests.clone())).transpose()?;
        Ok(ReasonIncidence { options, without_start, before, incidence, tests })
    }
}

/// Customers from their starts to their ends.
#[derive(Debug, Default)]
struct Spells {
    observed_from: Option<i32>,
    without_start: u64,
    before: u64,
    entry: Vec<Option<f64>>,
    time: Vec<f64>,
    /// `None` of who is still here.
    cause: Vec<Option<u32>>,
    group: Vec<Option<u32>>,
}

impl Spells {
    fn end(&mut self, start: Option<i32>, end: i32, cause: Option<u32>, group: Option<u32>) {
        let Some(start) = start.filter(|&start| start <= end) else {
            self.without_start += 1;
            return;
        };
        if self.observed_from.is_some_and(|first| end < first) {
            self.before += 1;
            return;
        }
        // Watched from the end of the day before.
        let entry = self.observed_from.filter(|&first| start < first).map(|first| f64::from(first - 1 - start));
        self.entry.push(entry);
        self.time.push(f64::from(end - start));
        self.cause.push(cause);
        self.group.push(group);
    }

    /// What is called `not told` comes last among the causes, and who has no group last among the groups, where there are.
    fn risks(self, mut causes: Vec<String>, names: Vec<String>) -> Result<CompetingRisks> {
        let not_told = causes.len();
        if self.cause.iter().flatten().any(|&cause| cause as usize == not_told) {
            causes.push(NOT_TOLD.to_owned());
        }
        let mut used = vec![false; names.len()];
        self.group.iter().flatten().for_each(|&group| used[group as usize] = true);
        let kept: Vec<usize> = (0..names.len()).filter(|&place| used[place]).collect();
        let mut now = vec![0_u32; names.len()];
        (0..).zip(&kept).for_each(|(place, &old)| now[old] = place);
        #[expect(clippy::cast_possible_truncation, reason = "no more groups than names, which are u32")]
        let nameless = kept.len() as u32;
        let group: Vec<u32> =
            self.group.iter().map(|group| group.map_or(nameless, |group| now[group as usize])).collect();
        let mut groups: Vec<Option<String>> = kept.iter().map(|&place| Some(names[place].clone())).collect();
        if groups.is_empty() || group.contains(&nameless) {
            groups.push(None);
        }
        let late = self.entry.iter().any(Option::is_some);
        CompetingRisks::of(Caused {
            causes,
            groups,
            entry: late.then_some(self.entry),
            time: self.time,
            cause: self.cause.iter().map(|cause| cause.map_or(0, |cause| cause + 1)).collect(),
            group,
        })
    }
}

/// # Incidence of reasons
impl Portfolio {
    /// The same for the customers of a portfolio: those who are customers on the day of the options, and those of the
    /// records, who have left. See [`ChurnRecords::reason_incidence`].
    ///
    /// ```text
    /// starts  of the terms of the subscriptions; without any, the account's member_since
    /// group   the plan of the term with which it began; that of the record, where it names one, goes before
    /// ```
    ///
    /// Accounts that have left without a record of why are on neither side; where there are many, record them without a
    /// reason, so that they have left for something that was not told.
    ///
    /// Customers of whom the portfolio does not know since when they are, are left out and counted by
    /// [`without_start`](ReasonIncidence::without_start). Groups are those of [`RecordGroup::Plan`] where they are asked for.
    ///
    /// # Errors
    ///
    /// As [`ChurnRecords::reason_incidence`]; [`Error::InvalidOption`] for a day outside the observation of the activity, and
    /// for groups by segment, which a portfolio does not know.
    pub fn reason_incidence(
        &self,
        records: &ChurnRecords,
        options: impl Into<ReasonIncidenceOptions>,
    ) -> Result<ReasonIncidence> {
        let options = options.into();
        if let Some(by @ RecordGroup::Segment) = options.by {
            let reason = "a portfolio knows plans; give its customers and their segments as a frame to the records";
            return Err(Error::InvalidOption { option: "by", value: by.name().to_owned(), reason });
        }
        let snapshot = self.at(options.as_of)?;
        alike(records.customers(), self.ids())?;
        let by_plan = options.by.is_some();
        let (mut plans, mut starts, mut unknown) = (BTreeMap::new(), Vec::new(), 0);
        // Of those who are customers every start counts. Of those who have left, none after their last record: that they
        // are not here any longer is all that is known of those.
        let here: HashSet<Id<'_>> = snapshot.customers().map(|account| account.id()).collect();
        let mut last_left = vec![None; records.customers().len()];
        let until = options.as_of.days_since_epoch();
        for (&customer, &day) in records.customer_numbers().iter().zip(records.days()).filter(|&(_, &day)| day <= until)
        {
            last_left[customer as usize] = Some(day);
        }
        let left = last_left.iter().enumerate().filter_map(|(customer, &day)| {
            let id = records.customers().get(customer);
            let account = snapshot.account(id).filter(|account| !here.contains(&account.id()));
            account.zip(day)
        });
        let everybody =
            snapshot.customers().map(|account| (account, None)).chain(left.map(|(account, day)| (account, Some(day))));
        for (who, (account, left_on)) in (0_u32..).zip(everybody) {
            let customer = records.customers().position(account.id()).and_then(|place| u32::try_from(place).ok());
            // Who came back is a customer anew: each term can be the first after a cancellation, and has its own plan.
            let terms = account.subscriptions().into_iter().flatten().map(|term| (term.start, term.plan));
            let mut begun: Vec<(Date, Option<&str>)> = terms.collect();
            if begun.is_empty() {
                begun.extend(account.member_since().map(|day| (day, account.plan())));
            }
            unknown += u64::from(begun.is_empty() && left_on.is_none());
            begun.sort_by_key(|&(day, _)| day);
            for (day, plan) in begun {
                let day = day.days_since_epoch();
                if left_on.is_some_and(|left_on| left_on < day) {
                    continue;
                }
                let group = plan.filter(|_| by_plan).map(|plan| {
                    let next = u32::try_from(plans.len()).unwrap_or(u32::MAX);
                    *plans.entry(plan).or_insert(next)
                });
                starts.push(Start { who, customer, day, group });
            }
        }
        let mut names = vec![String::new(); plans.len()];
        plans.into_iter().for_each(|(plan, place)| plan.clone_into(&mut names[place as usize]));
        let mut answer = records.incidence_of(&starts, &names, options)?;
        answer.without_start += unknown;
        Ok(answer)
    }
}

impl ReasonIncidence {
    /// The options that were asked for.
    #[must_use]
    pub fn options(&self) -> &ReasonIncidenceOptions {
        &self.options
    }

    /// Customers and cancellations of which no start is known, in no curve.
    #[must_use]
    pub fn without_start(&self) -> u64 {
        self.without_start
    }

    /// Cancellations before the first day of the observation, in no curve.
    #[must_use]
    pub fn before(&self) -> u64 {
        self.before
    }

    /// The curves: causes are the paths of reasons.
    #[must_use]
    pub fn incidence(&self) -> &CumulativeIncidence {
        &self.incidence
    }

    /// Gray's tests between groups, reason by reason; `None` with one group, and where some enter late.
    #[must_use]
    pub fn tests(&self) -> Option<&GrayTests> {
        self.tests.as_ref()
    }

    /// The curves as a frame: see [`CumulativeIncidence::to_frame`].
    ///
    /// # Errors
    ///
    /// [`Error::Polars`] if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        self.incidence.to_frame()
    }
}

impl fmt::Display for ReasonIncidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.incidence)?;
        if self.without_start > 0 {
            write!(f, "\n  {} without a known start are left out", self.without_start)?;
        }
        self.tests.iter().try_for_each(|tests| write!(f, "\n{tests}"))
    }
}
