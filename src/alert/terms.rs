//! When the terms of subscriptions renew.

use crate::calendar::Date;
use crate::portfolio::Subscription;

/// The next renewal of a term that runs, and the last one if that was silent.
pub(super) fn next(term: &Subscription<'_>, as_of: Date) -> Option<(Date, Option<Date>)> {
    let renewal = term.renewal?;
    if renewal > as_of {
        return Some((renewal, None));
    }
    let days = renewal - term.start;
    if days <= 0 {
        return None;
    }
    let ((year, month), (end_year, end_month)) = (term.start.year_month(), renewal.year_month());
    let months = 12 * (end_year - year) + end_month - month;
    let day = term.start - Date::first_of_month(year, month);
    let by_months = |turns: i32| {
        let months = (month - 1).saturating_add(months.saturating_mul(turns));
        let (year, month) = (year + months.div_euclid(12), months.rem_euclid(12) + 1);
        let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        (Date::first_of_month(year, month) + day).min(Date::first_of_month(next.0, next.1) - 1)
    };
    let whole = months > 0 && by_months(1) == renewal;
    let at = |turns: i32| if whole { by_months(turns) } else { term.start + days.saturating_mul(turns) };
    // From a little before where it must be: months differ in length.
    let mut turns = ((as_of - term.start) / days - 1).max(1);
    while at(turns + 1) <= as_of {
        turns += 1;
    }
    Some((at(turns + 1), Some(at(turns))))
}
