//! What is known of every account: its activity, and the tables beside it.

mod account;
mod answers;
mod cancellations;
mod columns;
mod contacts;
mod kept;
mod limits;
mod net_promoter;
mod payments;
mod people;
mod snapshot;
mod subscriptions;
mod table;
mod tickets;
mod usage;

pub use account::{Account, ActiveDay, Person};
pub(crate) use answers::latest;
pub use answers::{Answer, AnswerColumns};
pub use cancellations::CancellationColumns;
pub use contacts::{Contact, ContactColumns};
pub(crate) use kept::{Column, Kept};
pub use limits::{Limit, LimitColumns, ReadingColumns};
pub use net_promoter::{CountedAnswers, NetPromoter, NetPromoterOptions, NetPromoterUnit};
pub use payments::{Payment, PaymentColumns};
pub(crate) use snapshot::Asked;
#[cfg(feature = "lazy")]
pub(crate) use snapshot::check_within;
pub use snapshot::{Membership, Snapshot};
pub use subscriptions::{PlanColumns, Subscription, SubscriptionColumns};
pub use table::TableIntake;
pub use tickets::{Ticket, TicketColumns};
pub(crate) use usage::distinct_features;
pub use usage::{AccountUsage, Usage, UsageOptions, UsageWindow};
#[cfg(feature = "lazy")]
pub(crate) use usage::{Used, Windows};

use std::fmt;

use answers::Answers;
use cancellations::Cancellations;
use contacts::Contacts;
use limits::{Limits, Readings};
use payments::Payments;
use people::People;
use subscriptions::{Plans, Subscriptions};
use table::Linked;
use tickets::Tickets;

use crate::activity::Activity;
use crate::calendar::Calendar;
use crate::error::{Error, Result};
use crate::frame::ids::{IdType, Ids};

/// Accounts that were not active for so many days have lapsed, where no table says whether they are customers.
pub(crate) const LAPSED_AFTER: u32 = 90;

/// The tables beside the activity, each of them where it was added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) contacts: Option<Contacts>,
    pub(crate) limits: Option<Limits>,
    pub(crate) readings: Vec<Readings>,
    pub(crate) answers: Option<Answers>,
    pub(crate) subscriptions: Option<Subscriptions>,
    pub(crate) plans: Option<Plans>,
    pub(crate) tickets: Option<Tickets>,
    pub(crate) payments: Option<Payments>,
    pub(crate) cancellations: Option<Cancellations>,
}

impl Tables {
    /// All that has rows by account, under the name of its table.
    fn linked(&mut self) -> impl Iterator<Item = (&'static str, &mut dyn Linked)> {
        fn of<'a>(name: &'static str, table: &'a mut dyn Linked) -> (&'static str, &'a mut dyn Linked) {
            (name, table)
        }
        let Self { contacts, limits, readings, answers, subscriptions, plans: _, tickets, payments, cancellations } =
            self;
        let single = [
            contacts.as_mut().map(|contacts| of("contacts", &mut contacts.table)),
            limits.as_mut().map(|limits| of("limits", &mut limits.0.table)),
            answers.as_mut().map(|answers| of("answers", &mut answers.table)),
            subscriptions.as_mut().map(|subscriptions| of("subscriptions", &mut subscriptions.table)),
            tickets.as_mut().map(|tickets| of("tickets", &mut tickets.table)),
            payments.as_mut().map(|payments| of("payments", &mut payments.table)),
            cancellations.as_mut().map(|cancellations| of("cancellations", &mut cancellations.table)),
        ];
        single.into_iter().flatten().chain(readings.iter_mut().map(|readings| of("readings", &mut readings.0.table)))
    }
}

/// The accounts of a company: what they do, and what else is known of them.
///
/// The accounts are those of the [`Activity`] where they were mapped at ingestion, and its actors where they were not;
/// and those that only a table knows. Each table is optional: a trigger that asks one that is missing says "not
/// observed" and never "quiet". Whatever is asked of a portfolio is asked as of a day, and nothing that happened later
/// has any influence: events, rows of tables, and dates within rows such as the end of a subscription.
///
/// # Example
///
/// ```
/// use attrition::{Activity, Calendar, EventColumns, PaymentColumns, Portfolio, date};
/// use attrition::polars::prelude::*;
///
/// let mut events = df!("user" => [1, 2, 1], "company" => ["acme", "acme", "brix"], "day" => [19_723, 19_724, 19_725])?;
/// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
/// let columns = EventColumns::new("user", "day").account("company");
/// let activity = Activity::from_frame(&events, &columns, &Calendar::utc())?;
/// let mut payments = df!("account" => ["acme", "core"], "due" => [19_724, 19_720], "paid" => [Some(19_725), None])?;
/// for column in ["due", "paid"] {
///     payments.apply(column, |day| day.cast(&DataType::Date).unwrap())?;
/// }
///
/// let portfolio = Portfolio::new(activity)?.payments(&payments, &PaymentColumns::new("account", "due").paid("paid"))?;
/// assert_eq!(portfolio.len(), 3);                                  // core has an invoice and no activity
/// let then = portfolio.at(date(2024, 1, 2))?;
/// let acme = then.account("acme").unwrap();
/// assert_eq!(acme.active_days().count(), 2);
/// assert_eq!(acme.payments().unwrap().next().unwrap().paid, None); // it was paid a day later
/// # Ok::<(), attrition::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Portfolio {
    /// The activity with accounts as its actors.
    by_account: Activity,
    /// Who acted for which account; `None` where accounts were not mapped.
    people: Option<People>,
    /// All accounts, those of the activity and those of the tables.
    ids: Ids,
    /// For each its number in the activity.
    place: Vec<Option<u32>>,
    pub(crate) tables: Tables,
    lapsed_after: u32,
}

impl Portfolio {
    /// The portfolio of an activity, which knows nothing else yet.
    ///
    /// # Errors
    ///
    /// As [`Activity::by_account`].
    pub fn new(activity: Activity) -> Result<Self> {
        let (by_account, people) = if activity.accounts().is_some() {
            (activity.by_account()?, Some(People::new(activity)))
        } else {
            (activity.into_settled(), None)
        };
        let ids = by_account.ledger().actors.clone();
        let place = (0_u32..).map(Some).take(ids.len()).collect();
        let tables = Tables::default();
        Ok(Self { by_account, people, ids, place, tables, lapsed_after: LAPSED_AFTER })
    }

    /// After how many days without activity an account has lapsed and is no longer judged, where neither a subscription
    /// nor a cancellation says whether it is a customer. 90 unless told: a quarter in which nobody came is no customer.
    #[must_use]
    pub fn lapsed_after(mut self, days: u32) -> Self {
        self.lapsed_after = days;
        self
    }

    /// The number of accounts, of whatever time.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an activity has at least one actor")]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The activity with accounts as its actors.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.by_account
    }

    /// What was read of each table, under its name and in the order of the names; readings as often as they were added.
    #[must_use]
    pub fn intake(&self) -> Vec<(&'static str, TableIntake)> {
        let tables = &self.tables;
        let mut intake: Vec<(&'static str, TableIntake)> = [
            tables.answers.as_ref().map(|answers| ("answers", answers.table.intake)),
            tables.cancellations.as_ref().map(|cancellations| ("cancellations", cancellations.table.intake)),
            tables.contacts.as_ref().map(|contacts| ("contacts", contacts.table.intake)),
            tables.limits.as_ref().map(|limits| ("limits", limits.0.table.intake)),
            tables.payments.as_ref().map(|payments| ("payments", payments.table.intake)),
            tables.subscriptions.as_ref().map(|subscriptions| ("subscriptions", subscriptions.table.intake)),
            tables.tickets.as_ref().map(|tickets| ("tickets", tickets.table.intake)),
        ]
        .into_iter()
        .flatten()
        .chain(tables.readings.iter().map(|readings| ("readings", readings.0.table.intake)))
        .collect();
        intake.sort_by_key(|&(name, _)| name);
        intake
    }

    pub(crate) fn calendar(&self) -> &Calendar {
        self.by_account.calendar()
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The portfolio after a table was added: its accounts are known, and every table knows theirs.
    fn linked(mut self) -> Result<Self> {
        let mut all = self.by_account.ledger().actors.clone();
        for (table, linked) in self.tables.linked() {
            let theirs = linked.accounts();
            let common = common_type(&all, theirs);
            let cast = common.and_then(|id_type| Some((all.cast(id_type)?, theirs.cast(id_type)?)));
            let Some((own, theirs)) = cast else {
                return Err(Error::Incompatible {
                    what: "the types of account",
                    left: format!("{:?} in the activity", all.id_type()),
                    right: format!("{:?} in {table}", theirs.id_type()),
                    way_out: "cast the account column of the table to the type that it has in the log",
                });
            };
            all = own.union(&theirs);
        }
        for (_, linked) in self.tables.linked() {
            linked.link(&all);
        }
        self.place = vec![None; all.len()];
        let own = self.by_account.ledger().actors.cast(all.id_type()).unwrap_or_else(|| all.clone());
        for (number, place) in (0_u32..).zip(own.places_in(&all)) {
            self.place[place as usize] = Some(number);
        }
        self.ids = all;
        Ok(self)
    }
}

/// A type that holds both lists of ids: the first one's own if it does, else a wide one.
pub(crate) fn common_type(own: &Ids, other: &Ids) -> Option<IdType> {
    let (own_type, other_type) = (own.id_type(), other.id_type());
    let fits = |id_type: &IdType| own.cast(*id_type).is_some() && other.cast(*id_type).is_some();
    if (own_type == IdType::String) != (other_type == IdType::String) {
        return None;
    }
    [own_type, IdType::Int64, IdType::UInt64].into_iter().find(fits)
}

impl fmt::Display for Portfolio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} accounts, of which {} were ever active", self.len(), self.by_account.actors())?;
        for (table, intake) in self.intake() {
            write!(f, "\n{table}: {intake}")?;
        }
        Ok(())
    }
}
