//! Alerts and their log as frames.

use polars::prelude::DataFrame;

use super::desk::AlertDesk;
use super::record::{Alert, AlertChange};
use super::state::AlertState;
use crate::error::Result;
use crate::frame::{to_frame, write};
use crate::trigger::Severity;

to_frame!(AlertDesk);

impl AlertDesk {
    /// All alerts as a frame, one row an alert, in the order in which they were raised.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `alert` | UInt64 | its number on the desk |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `cause`, `name` | String | the key of its alert type, and what people call it |
    /// | `state` | String | `held`, `open`, `escalated`, `acknowledged`, `snoozed`, `cooled_down` or `closed` |
    /// | `since` | Date | since when it stands there |
    /// | `severity` | String | the worst since it was opened, while it is held the last: `low`, `medium` or `high` |
    /// | `fires_since` | Date | the first date of those on which it fired that raised it, or brought it back |
    /// | `raised`, `opened` | Date | when it was held or opened, and when opened; the latter null if it never was |
    /// | `snoozed_until` | Date | until when it is snoozed; null if it is not |
    /// | `recurring_value` | Float64 | a month, when it last got worse; null where not known |
    /// | `p_value` | Float64 | the corrected one then; 0 for a rule |
    /// | `triggers` | String | those that fired for it, with `, ` between them |
    /// | `sentence` | String | what the worst of them said; null if it said nothing |
    /// | `owner` | String | who acknowledged it last; null if nobody did |
    /// | `reason`, `outcome` | String | the key of the decision reason, and `resolved`, `unfounded`, `accepted`, `redundant`, `gone` or `faded`; null unless closed |
    /// | `steps_done` | UInt64 | the steps of its plan that were reported as done |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let own: Vec<Alert<'_>> = self.alerts().collect();
        fn column<'a, T>(own: &'a [Alert<'a>], get: impl Fn(&'a Alert<'a>) -> T) -> Vec<T> {
            own.iter().map(get).collect()
        }
        let date = |get: fn(&Alert<'_>) -> Option<crate::Date>| own.iter().map(get).collect::<Vec<_>>().into_iter();
        write::frame(vec![
            write::column("alert", column(&own, |alert| alert.number as u64)),
            write::gathered_ids("account", &self.accounts, self.alerts.iter().map(|record| Some(record.account)))?,
            write::column("cause", column(&own, |alert| alert.cause)),
            write::column("name", column(&own, |alert| alert.name)),
            write::column("state", column(&own, |alert| alert.state.name())),
            write::dates("since", date(|alert| Some(alert.since)))?,
            write::column("severity", column(&own, |alert| alert.severity.name())),
            write::dates("fires_since", date(|alert| Some(alert.fires_since)))?,
            write::dates("raised", date(|alert| Some(alert.raised)))?,
            write::dates("opened", date(|alert| alert.opened))?,
            write::dates("snoozed_until", date(|alert| alert.snoozed_until))?,
            write::column("recurring_value", column(&own, |alert| alert.recurring_value)),
            write::column("p_value", column(&own, |alert| alert.p_value)),
            write::column("triggers", column(&own, |alert| alert.triggers.join(", "))),
            write::column("sentence", column(&own, |alert| alert.sentence)),
            write::column("owner", column(&own, |alert| alert.owner)),
            write::column("reason", column(&own, |alert| alert.reason.map(|reason| reason.key.as_str()))),
            write::column("outcome", column(&own, |alert| alert.reason.map(|reason| reason.outcome.name()))),
            write::column("steps_done", column(&own, |alert| alert.done.len() as u64)),
        ])
    }

    /// The log as a frame, one row a change of state, in the order of the dates.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `date` | Date | when |
    /// | `alert` | UInt64 | the number of the alert |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `cause` | String | the cause of the alert |
    /// | `from`, `to` | String | the states; `from` is null for the first one |
    /// | `severity` | String | that of the alert |
    /// | `why` | String | as [`ChangeReason`](crate::ChangeReason) has it |
    /// | `reason` | String | the key of the decision reason, of the change that closed it; null for others |
    /// | `by` | String | by whom; null if it came by itself |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn changes_to_frame(&self) -> Result<DataFrame> {
        let own: Vec<AlertChange<'_>> = self.changes().collect();
        fn column<'a, T>(own: &'a [AlertChange<'a>], get: impl Fn(&'a AlertChange<'a>) -> T) -> Vec<T> {
            own.iter().map(get).collect()
        }
        let accounts = self.changes.iter().map(|change| Some(self.alerts[change.alert as usize].account));
        write::frame(vec![
            write::dates("date", own.iter().map(|change| Some(change.date)))?,
            write::column("alert", column(&own, |change| change.alert as u64)),
            write::gathered_ids("account", &self.accounts, accounts)?,
            write::column("cause", column(&own, |change| change.cause)),
            write::column("from", column(&own, |change| change.from.map(AlertState::name))),
            write::column("to", column(&own, |change| change.to.name())),
            write::column("severity", column(&own, |change| Severity::name(change.severity))),
            write::column("why", column(&own, |change| change.why.name())),
            write::column("reason", column(&own, |change| change.reason)),
            write::column("by", column(&own, |change| change.by)),
        ])
    }
}
