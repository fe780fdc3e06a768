//! What to do with whom, by how far they have come and how they do.

use std::fmt;

use polars::prelude::DataFrame;

use super::condition::{Condition, HasAlerts, Recommendation, ValueTier};
use super::desk::AlertDesk;
use super::stage::LifecycleStage;
use crate::calendar::Date;
use crate::error::Result;
use crate::frame::ids::{Id, Ids};
use crate::frame::{to_frame, write};
use crate::health::HealthBand;
use crate::portfolio::{Account, Snapshot};
use crate::statistics::float;
use crate::trigger::FrequencyClass;

to_frame!(Recommendations);

/// The share of the customers of known value that counts as the most valuable, after Pareto.
const TOP: f64 = 0.2;

impl Condition {
    fn fits(&self, of: &Recommended<'_>) -> bool {
        fn among<T: PartialEq>(named: &[T], own: Option<T>) -> bool {
            named.is_empty() || own.is_some_and(|own| named.contains(&own))
        }
        among(&self.stages, of.stage)
            && among(&self.bands, of.band)
            && among(&self.uses, of.use_class)
            && (self.value == ValueTier::Any || of.value_tier == Some(ValueTier::Top))
            && match self.alerts {
                HasAlerts::Any => true,
                HasAlerts::Open => !of.causes.is_empty(),
                HasAlerts::Calm => of.causes.is_empty(),
            }
            && (self.causes.is_empty() || of.causes.iter().any(|cause| self.causes.iter().any(|own| own == cause)))
    }
}

/// A customer, and what to do with them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recommended<'a> {
    /// The account.
    pub account: Id<'a>,
    /// How far it has come; `None` where that is not known.
    pub stage: Option<LifecycleStage>,
    /// How it does; `None` where that is not known.
    pub band: Option<HealthBand>,
    /// How often it comes; `None` where too little was observed.
    pub use_class: Option<FrequencyClass>,
    /// Its recurring value a month; `None` where that is not known.
    pub recurring_value: Option<f64>,
    /// Whether it is among the most valuable; `None` where its value is not known.
    pub value_tier: Option<ValueTier>,
    /// The causes of its alerts that are held, open, escalated, acknowledged or snoozed.
    pub causes: Vec<&'a str>,
    /// The place, in the playbook, of what is recommended; `None` where no condition fits.
    pub place: Option<usize>,
    /// What is recommended; `None` where no condition fits.
    pub recommendation: Option<&'a Recommendation>,
}

/// What to do with whom: the answer of [`AlertDesk::recommendations`].
#[derive(Clone, Debug)]
pub struct Recommendations {
    as_of: Date,
    accounts: Ids,
    playbook: Vec<Recommendation>,
    causes: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    stage: Option<LifecycleStage>,
    band: Option<HealthBand>,
    use_class: Option<FrequencyClass>,
    value: Option<f64>,
    tier: Option<ValueTier>,
    causes: Vec<u32>,
    place: Option<usize>,
}

impl AlertDesk {
    /// What to do with every customer of a day, by lifecycle stage, health, use, value and alerts: the first
    /// [`Recommendation`] of the playbook whose condition fits.
    ///
    /// The stage is that of [`StageRules`](crate::StageRules), use that of
    /// [`Account::frequency_class`](crate::Account::frequency_class), alerts are those of the desk; `band` says how an
    /// account does, and `None` where that is not known. A desk without alerts makes recommendations too.
    ///
    /// # Errors
    ///
    /// None yet; customers of whom little is known fit few conditions, and may be left without a recommendation.
    ///
    /// # Example
    ///
    /// ```
    /// use attrition::{Activity, AlertDesk, Calendar, EventColumns, HealthBand, Portfolio, date};
    /// use attrition::polars::prelude::*;
    ///
    /// // acme is active every other day of 2024's first half, brix was so until March.
    /// let days: Vec<i32> = (0..91).map(|turn| 19_723 + 2 * turn).collect();
    /// let company: Vec<&str> = days.iter().map(|_| "acme").chain(days[..46].iter().map(|_| "brix")).collect();
    /// let mut events = df!("company" => company, "day" => [&days[..], &days[..46]].concat())?;
    /// events.apply("day", |day| day.cast(&DataType::Date).unwrap())?;
    /// let activity = Activity::from_frame(&events, &EventColumns::new("company", "day"), &Calendar::utc())?;
    /// let portfolio = Portfolio::new(activity)?.lapsed_after(120);
    ///
    /// let desk = AlertDesk::default();
    /// let to_do = desk.recommendations(&portfolio.at(date(2024, 6, 29))?, |_| Some(HealthBand::Good))?;
    /// let actions: Vec<_> = to_do.iter().map(|row| row.recommendation.unwrap().action.clone()).collect();
    /// assert_eq!(actions, ["ask for a referral", "send success stories of customers like them"]);
    /// # Ok::<(), attrition::Error>(())
    /// ```
    pub fn recommendations(
        &self,
        portfolio: &Snapshot<'_>,
        band: impl Fn(&Account<'_>) -> Option<HealthBand> + Sync,
    ) -> Result<Recommendations> {
        let playbook = self.playbook();
        let [accounts, ..] = portfolio.ids();
        let rows = portfolio.judge(|account| Row {
            stage: playbook.stages.stage(&account),
            band: band(&account),
            use_class: account.frequency_class(),
            value: account.recurring_value(),
            tier: None,
            causes: self.causes_of(account.id()),
            place: None,
        });
        let known: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
        let mut answer = Recommendations {
            as_of: portfolio.as_of(),
            accounts,
            playbook: playbook.recommendations.clone(),
            causes: playbook.alert_types.iter().map(|own| own.cause.clone()).collect(),
            rows,
        };
        let top = least(known);
        for place in 0..answer.rows.len() {
            let row = &mut answer.rows[place];
            row.tier = row.value.map(|value| if value >= top { ValueTier::Top } else { ValueTier::Any });
            let of = answer.row(place);
            let fits = answer.playbook.iter().position(|own| own.when.fits(&of));
            answer.rows[place].place = fits;
        }
        Ok(answer)
    }
}

/// The least value of the most valuable; more than any where nobody is.
fn least(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(|left, right| right.total_cmp(left));
    let (all, mut more, mut least) = (float(values.len() as u64), 0.0, f64::INFINITY);
    for alike in values.chunk_by(|left, right| left.total_cmp(right).is_eq()) {
        let alike_count = float(alike.len() as u64);
        if alike[0] <= 0.0 || (more + alike_count / 2.0) / all > TOP {
            break;
        }
        more += alike_count;
        least = alike[0];
    }
    least
}

impl Recommendations {
    /// The day as of which they hold.
    #[must_use]
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// All customers in the order of their ids, those without a recommendation too.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Recommended<'_>> {
        (0..self.rows.len()).map(|place| self.row(place))
    }

    /// One customer; `None` if it is not one.
    #[must_use]
    pub fn of<'i>(&self, account: impl Into<Id<'i>>) -> Option<Recommended<'_>> {
        self.accounts.position(account.into()).map(|place| self.row(place))
    }

    fn row(&self, place: usize) -> Recommended<'_> {
        let row = &self.rows[place];
        Recommended {
            account: self.accounts.get(place),
            stage: row.stage,
            band: row.band,
            use_class: row.use_class,
            recurring_value: row.value,
            value_tier: row.tier,
            causes: row.causes.iter().map(|&cause| self.causes[cause as usize].as_str()).collect(),
            place: row.place,
            recommendation: row.place.map(|place| &self.playbook[place]),
        }
    }

    /// The recommendations as a frame, one row a customer, in the order of the ids.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `as_of` | Date | the day as of which it holds |
    /// | `stage` | String | `onboarding`, `adopting`, `established` or `renewing`; null where not known |
    /// | `band` | String | `poor`, `average` or `good`; null where not known |
    /// | `use` | String | how often it comes; null where too little was observed |
    /// | `recurring_value` | Float64 | the recurring value a month; null where not known |
    /// | `top` | Boolean | whether it is among the most valuable; null where its value is not known |
    /// | `causes` | String | of its alerts, with `, ` between them; empty without one |
    /// | `action`, `owner`, `because` | String | what to do, who does it, and why; null where nothing fits |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let rows: Vec<Recommended<'_>> = self.iter().collect();
        fn column<'r, T>(rows: &'r [Recommended<'r>], get: impl Fn(&'r Recommended<'r>) -> T) -> Vec<T> {
            rows.iter().map(get).collect()
        }
        let text =
            |get: fn(&Recommendation) -> &String| column(&rows, |row| row.recommendation.map(|own| get(own).as_str()));
        write::frame(vec![
            write::all_ids("account", &self.accounts)?,
            write::dates("as_of", rows.iter().map(|_| Some(self.as_of)))?,
            write::column("stage", column(&rows, |row| row.stage.map(LifecycleStage::name))),
            write::column("band", column(&rows, |row| row.band.map(HealthBand::name))),
            write::column("use", column(&rows, |row| row.use_class.map(FrequencyClass::name))),
            write::column("recurring_value", column(&rows, |row| row.recurring_value)),
            write::column("top", column(&rows, |row| row.value_tier.map(|tier| tier == ValueTier::Top))),
            write::column("causes", column(&rows, |row| row.causes.join(", "))),
            write::column("action", text(|own| &own.action)),
            write::column("owner", text(|own| &own.owner)),
            write::column("because", text(|own| &own.because)),
        ])
    }
}

impl fmt::Display for Recommendations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "What to do with {} customers as of {}", self.rows.len(), self.as_of)?;
        for (place, own) in self.playbook.iter().enumerate() {
            let count = self.rows.iter().filter(|row| row.place == Some(place)).count();
            if count > 0 {
                write!(f, "\n{count:>7}  {} ({}): {}", own.action, own.owner, own.because)?;
            }
        }
        let none = self.rows.iter().filter(|row| row.place.is_none()).count();
        if none > 0 { write!(f, "\n{none:>7}  nothing but the usual") } else { Ok(()) }
    }
}
