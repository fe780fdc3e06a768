//! Terms of subscription, and what is invoiced and paid for them.

use polars::prelude::DataFrame;

use super::Company;
use super::account::{Account, dated};
use super::cause::Cause;
use super::chance::{Topic, floor};
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::write;

/// What those who pay for a year ahead pay of the price.
const YEARLY: f64 = 0.85;
/// No term begins later in a month, so that every month has such a day.
const LATEST: i32 = 28;
/// The spread of days until an invoice is paid, where all is well.
const PROMPT: f64 = 3.0;
/// Days that an invoice in trouble is late at least, and how many more it may be.
const LATE: (i32, i32) = (15, 45);

/// A term.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Term {
    account: i64,
    start: i32,
    renewal: i32,
    ended: Option<i32>,
    value: f64,
    plan: &'static str,
    seats: i64,
}

struct Payment {
    account: i64,
    due: i32,
    paid: Option<i32>,
    amount: f64,
}

/// # What they pay
impl Company {
    /// Subscriptions, one row a term of a month or a year.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `start` | Date | the first day of the term |
    /// | `renewal` | Date | the first day of the next term, as it was stated when this one began |
    /// | `ended` | Date | the day on which the account left, in its last term; null for terms that were served, and the one under way |
    /// | `value` | Float64 | recurring value a month: seats times the price of the plan, less 15 % for a year ahead |
    /// | `plan` | String | the plan, as in [`plans`](Self::plans) |
    /// | `seats` | Int64 | seats paid for |
    ///
    /// Rows are in the order of accounts and terms. Terms that were over before the span began are not in it. An account can
    /// leave on any day of its term.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn subscriptions(&self) -> Result<DataFrame> {
        let rows = self.rows("subscriptions", 0.25, |account| terms(account).collect())?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.account).collect::<Vec<_>>()),
            write::dates("start", rows.iter().map(|row| Some(dated(row.start))))?,
            write::dates("renewal", rows.iter().map(|row| Some(dated(row.renewal))))?,
            write::dates("ended", rows.iter().map(|row| row.ended.map(dated)))?,
            write::column("value", rows.iter().map(|row| row.value).collect::<Vec<_>>()),
            write::column("plan", rows.iter().map(|row| row.plan).collect::<Vec<_>>()),
            write::column("seats", rows.iter().map(|row| row.seats).collect::<Vec<_>>()),
        ])
    }

    /// Invoices, one a month whatever the term, and when they were paid.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | Int64 | the account |
    /// | `due` | Date | when it is due |
    /// | `paid` | Date | when it was paid; null if it was not by the end of the span |
    /// | `amount` | Float64 | the recurring value of the month |
    ///
    /// Rows are in the order of accounts and due dates. Accounts pay within days; who leaves still pays what was due before.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts).
    pub fn payments(&self) -> Result<DataFrame> {
        let rows = self.rows("payments", 0.25, |account| self.payments_of(account))?;
        write::frame(vec![
            write::column("account", rows.iter().map(|row| row.account).collect::<Vec<_>>()),
            write::dates("due", rows.iter().map(|row| Some(dated(row.due))))?,
            write::dates("paid", rows.iter().map(|row| row.paid.map(dated)))?,
            write::column("amount", rows.iter().map(|row| row.amount).collect::<Vec<_>>()),
        ])
    }

    fn payments_of(&self, account: &Account) -> Vec<Payment> {
        let mut chance = account.chance(&self.options, Topic::Payments);
        let mut payments = Vec::new();
        for term in terms(account) {
            for due in
                (0..).map(|month| month_after(account.start, term.start, month)).take_while(|&due| due < term.renewal)
            {
                if !account.days().contains(&due) {
                    continue;
                }
                let (trouble, late, prompt) = (chance.uniform(), chance.below(LATE.1), chance.normal());
                let strength = account.strength(Cause::PaymentTrouble, due);
                let days = match trouble {
                    _ if trouble < strength / 2.0 => None,
                    _ if trouble < strength => Some(LATE.0 + late),
                    _ => Some(floor(PROMPT * prompt.abs())),
                };
                let paid = days.map(|days| due + days).filter(|&paid| paid <= account.last_day());
                payments.push(Payment { account: account.id(), due, paid, amount: term.value });
            }
        }
        payments
    }
}

/// The terms of an account that reach into the span.
fn terms(account: &Account) -> impl Iterator<Item = Term> {
    let length = if account.yearly { 12 } else { 1 };
    let price = account.plan.price() * if account.yearly { YEARLY } else { 1.0 };
    let left = account.leaving.map(|leaving| leaving.day);
    let end = left.unwrap_or(account.last_day() + 1);
    (0..)
        .map(move |term| {
            let begins = |term| month_after(account.start, account.start, term * length);
            (begins(term), begins(term + 1))
        })
        // Whoever left on the day of signing up has begun a term all the same.
        .take_while(move |&(start, _)| start < end.max(account.start + 1))
        .filter(|&(_, renewal)| renewal > account.first_day())
        .map(move |(start, renewal)| {
            let seats = account.seats(start);
            // In whole cents.
            let value = (f64::from(seats) * price * 100.0).round() / 100.0;
            let ended = left.filter(|&left| left <= renewal);
            let plan = account.plan.name();
            Term { account: account.id(), start, renewal, ended, value, plan, seats: i64::from(seats) }
        })
}

/// So many months after a day, on the day of the month on which the account signed up, or on the 28th. The day itself after
/// no month.
fn month_after(signed_up: i32, day: i32, months: i32) -> i32 {
    if months == 0 {
        return day;
    }
    let day_of = |day: i32| {
        let (year, month) = Date::from_day(day).year_month();
        (year, month, Date::from_day(day) - Date::first_of_month(year, month))
    };
    let ((year, month, _), (_, _, place)) = (day_of(day), day_of(signed_up));
    let month = year * 12 + month - 1 + months;
    let first = Date::first_of_month(month.div_euclid(12), month.rem_euclid(12) + 1);
    (first + place.min(LATEST - 1)).days_since_epoch()
}

#[cfg(test)]
mod tests {
    use super::super::account::{Fate, Leaving};
    use super::super::options::{Growth, SimulationOptions};
    use super::super::product::Plan;
    use super::*;
    use crate::calendar::date;

    fn day(year: i16, month: i8, day: i8) -> i32 {
        date(year, month, day).days_since_epoch()
    }

    fn account(start: i32, yearly: bool) -> Account {
        let options = SimulationOptions::new(1, 0).causes([]).growth(Growth::Settled).monthly_hazard(0.0);
        let mut account = Account::new(&options, 0);
        (account.start, account.yearly, account.plan, account.users) = (start, yearly, Plan::Team, 4);
        account
    }

    #[test]
    fn months_later() {
        let signed_up = day(2023, 1, 31);
        assert_eq!(month_after(signed_up, signed_up, 0), signed_up);
        assert_eq!(month_after(signed_up, signed_up, 1), day(2023, 2, 28));
        assert_eq!(month_after(signed_up, day(2023, 2, 28), 1), day(2023, 3, 28));
        assert_eq!(month_after(signed_up, signed_up, 11), day(2023, 12, 28));
        assert_eq!(month_after(signed_up, signed_up, 13), day(2024, 2, 28));
    }

    #[test]
    fn terms_by_hand() {
        let mut account = account(day(2023, 3, 15), true);
        account.leaving = Some(Leaving { day: day(2025, 3, 16), of_cause: false });
        let term = |start, renewal, ended| Term {
            account: 0,
            start,
            renewal,
            ended,
            value: 98.6, // 4 seats * 29 * 0.85
            plan: "team",
            seats: 4,
        };
        let years = [2023, 2024, 2025, 2026].map(|year| day(year, 3, 15));
        let expected = [
            term(years[0], years[1], None),
            term(years[1], years[2], None),
            term(years[2], years[3], Some(day(2025, 3, 16))),
        ];
        assert_eq!(terms(&account).collect::<Vec<_>>(), expected);
        // Leaving with the end of a term, there is no other.
        account.leaving = Some(Leaving { day: years[2], of_cause: false });
        assert_eq!(terms(&account).collect::<Vec<_>>(), [expected[0], term(years[1], years[2], Some(years[2]))]);
        account.leaving = None;
        assert_eq!(terms(&account).count(), 3);
    }

    #[test]
    fn lost_seats_are_not_renewed() {
        let mut account = account(day(2023, 12, 10), false);
        let onset = day(2024, 2, 20);
        account.fate = Some(Fate { cause: Cause::SeatLoss, effect: 0.5, ratio: 1.0, onset, over: 20 });
        let seats: Vec<i64> = terms(&account).take(5).map(|term| term.seats).collect();
        // One user leaves on 20 February, one ten days later.
        assert_eq!(seats, [4, 4, 4, 2, 2]);
    }

    #[test]
    fn whoever_leaves_on_the_first_day_had_a_term() {
        let mut account = account(day(2024, 5, 5), false);
        account.leaving = Some(Leaving { day: day(2024, 5, 5), of_cause: false });
        let terms: Vec<Term> = terms(&account).collect();
        assert_eq!(terms.len(), 1);
        assert_eq!((terms[0].start, terms[0].ended), (account.start, Some(account.start)));
    }
}
