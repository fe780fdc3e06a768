//! The accounts that something is wrong with, in the order in which to call them.

use std::fmt;

use polars::prelude::DataFrame;

use super::findings::{Finding, Findings};
use super::signal::{Severity, State};
use crate::error::Result;
use crate::frame::ids::Id;
use crate::frame::{to_frame, write};

to_frame!(Worklist<'_>);

/// The accounts of [`Findings`] about which something fired, the most urgent first: what [`Findings::worklist`] gives.
#[derive(Clone, Debug)]
pub struct Worklist<'a> {
    findings: &'a Findings,
    /// The numbers of the accounts.
    order: Vec<usize>,
}

/// An account about which something fired.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AtRisk<'a> {
    /// The account.
    pub account: Id<'a>,
    /// The worst severity of what fired.
    pub severity: Severity,
    /// Its recurring value a month; `None` where that is not known.
    pub recurring_value: Option<f64>,
    /// What fired, the worst first.
    pub findings: Vec<Finding<'a>>,
}

impl Findings {
    /// The accounts about which something fired: those with the worst severity first, of these the ones of which most
    /// triggers fired, then the ones that pay most.
    #[must_use]
    pub fn worklist(&self) -> Worklist<'_> {
        let width = self.triggers().len();
        let urgency = |number: usize| {
            let fired = |place: &usize| self.finding(*place).state == State::Fired;
            let places: Vec<usize> = (number * width..(number + 1) * width).filter(fired).collect();
            let severity = places.iter().filter_map(|&place| self.finding(place).severity).max()?;
            Some((number, severity, places.len(), self.recurring_value(number)))
        };
        let mut urgent: Vec<_> = (0..self.accounts()).filter_map(urgency).collect();
        urgent.sort_by(|left, right| {
            let value = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
            (right.1, right.2).cmp(&(left.1, left.2)).then(value(right.3).total_cmp(&value(left.3)))
        });
        Worklist { findings: self, order: urgent.into_iter().map(|(number, ..)| number).collect() }
    }
}

impl<'a> Worklist<'a> {
    /// The accounts in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = AtRisk<'a>> {
        self.order.iter().map(|&number| at_risk(self.findings, number))
    }

    /// The worklist as a frame, one row an account, in its order.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `severity` | String | the worst of what fired: `low`, `medium` or `high` |
    /// | `fired` | UInt64 | how many triggers fired |
    /// | `recurring_value` | Float64 | the recurring value a month; null where not known |
    /// | `triggers` | String | the names of the triggers that fired, the worst first, with `, ` between them |
    /// | `since` | Date | the earliest day since which one of them holds; null where none says |
    /// | `sentence` | String | what to do, of the worst of them |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        fn column<T>(of: &[AtRisk<'_>], get: impl Fn(&AtRisk<'_>) -> T) -> Vec<T> {
            of.iter().map(get).collect()
        }
        let of: Vec<AtRisk<'a>> = self.iter().collect();
        let places = self.order.iter().map(|&number| u32::try_from(number).ok());
        let names =
            |risk: &AtRisk<'_>| risk.findings.iter().map(|finding| finding.trigger).collect::<Vec<_>>().join(", ");
        let sentence = |risk: &AtRisk<'_>| risk.findings.iter().find_map(|finding| finding.sentence).map(str::to_owned);
        write::frame(vec![
            write::gathered_ids("account", self.findings.ids(), places)?,
            write::column("severity", column(&of, |risk| risk.severity.name())),
            write::column("fired", column(&of, |risk| risk.findings.len() as u64)),
            write::column("recurring_value", column(&of, |risk| risk.recurring_value)),
            write::column("triggers", column(&of, names)),
            write::dates(
                "since",
                of.iter().map(|risk| risk.findings.iter().filter_map(|finding| finding.since).min()),
            )?,
            write::column("sentence", column(&of, sentence)),
        ])
    }
}

fn at_risk(findings: &Findings, number: usize) -> AtRisk<'_> {
    let width = findings.triggers().len();
    let mut fired: Vec<Finding<'_>> = (number * width..(number + 1) * width)
        .map(|place| findings.finding(place))
        .filter(|finding| finding.state == State::Fired)
        .collect();
    fired.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    AtRisk {
        account: findings.ids().get(number),
        severity: fired.first().and_then(|finding| finding.severity).unwrap_or(Severity::Low),
        recurring_value: findings.recurring_value(number),
        findings: fired,
    }
}

impl fmt::Display for Worklist<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many accounts are shown.
        const SHOWN: usize = 10;
        write!(f, "{} of {} customers to look at", self.order.len(), self.findings.accounts())?;
        for risk in self.iter().take(SHOWN) {
            let value = risk.recurring_value.map_or(String::new(), |value| format!(", {value:.0} a month"));
            write!(f, "\n{} ({}{value})", risk.account, risk.severity)?;
            for finding in &risk.findings {
                write!(f, "\n  {}: {}", finding.trigger, finding.sentence.unwrap_or_default())?;
            }
        }
        let more = self.order.len().saturating_sub(SHOWN);
        if more > 0 { write!(f, "\n{more} more are in to_frame()") } else { Ok(()) }
    }
}
