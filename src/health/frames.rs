//! Health as frames.

use polars::prelude::DataFrame;

use super::account::{AccountHealth, HealthContribution};
use super::answer::Health;
use crate::error::Result;
use crate::frame::{to_frame, write};

to_frame!(Health);

impl Health {
    /// All accounts that were known by then, one row each, in the order of the ids.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `as_of` | Date | the day at whose end everything was known |
    /// | `membership` | String | `customer`, `left` or `lapsed` |
    /// | `segment` | String | its plan, or the segment of the frame; null without one |
    /// | `profile` | String | the profile by which it is scored; null for others than customers, as all that follows |
    /// | `score` | Float64 | 0 to 100, the larger the better; null where nothing was observed |
    /// | `band` | String | `poor`, `average` or `good`; null where too little was observed |
    /// | `coverage` | Float64 | the share of the weights whose signals were observed |
    /// | `churn_probability` | Float64 | the chance of leaving; null for given weights |
    /// | `previous_score` | Float64 | the score as of some days before; null if it was no customer then |
    /// | `previous_band` | String | the band of then; likewise |
    /// | `change` | Float64 | score - previous score |
    /// | `moved_by` | String | the signal that changed most in the direction of the score; null without a change |
    /// | `sentence` | String | how it does, in words; never null |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        fn column<'a, T>(of: &[AccountHealth<'a>], get: impl Fn(&AccountHealth<'a>) -> T) -> Vec<T> {
            of.iter().map(get).collect()
        }
        let of: Vec<AccountHealth<'_>> = self.iter().collect();
        write::frame(vec![
            write::all_ids("account", &self.accounts)?,
            write::dates("as_of", of.iter().map(|_| Some(self.as_of)))?,
            write::column("membership", column(&of, |own| own.membership.name())),
            write::column("segment", column(&of, |own| own.segment)),
            write::column("profile", column(&of, |own| own.profile)),
            write::column("score", column(&of, |own| own.score)),
            write::column("band", column(&of, |own| own.band.map(super::HealthBand::name))),
            write::column("coverage", column(&of, |own| own.coverage)),
            write::column("churn_probability", column(&of, |own| own.churn_probability)),
            write::column("previous_score", column(&of, |own| own.previous_score)),
            write::column("previous_band", column(&of, |own| own.previous_band.map(super::HealthBand::name))),
            write::column("change", column(&of, |own| own.change)),
            write::column("moved_by", column(&of, |own| own.moved_by.map(super::HealthSignal::name))),
            write::column("sentence", column(&of, AccountHealth::sentence)),
        ])
    }

    /// What the scores are made of: one row a customer and signal, in the order of the ids, and within an account in that of
    /// [`contributions`](AccountHealth::contributions).
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `account` | of the log's integer column, or String | the account |
    /// | `signal` | String | the name of the signal |
    /// | `value` | Float64 | what was measured; null where it was not observed |
    /// | `score` | Float64 | 0 to 100 on the scale of the signal; null where not observed, and of fitted scores |
    /// | `points` | Float64 | by how much it moves the score away from 50, or the log odds of staying that it adds; null where not observed |
    /// | `previous_value`, `previous_points` | Float64 | the same of some days before; null where not observed |
    /// | `change` | Float64 | points less previous points, not observed being 0; null where the account was not scored on both days |
    ///
    /// # Errors
    ///
    /// As [`to_frame`](Self::to_frame).
    pub fn contributions_to_frame(&self) -> Result<DataFrame> {
        let rows: Vec<(u32, HealthContribution<'_>)> = (0..)
            .zip(self.iter())
            .flat_map(|(place, own)| own.contributions().map(move |contribution| (place, contribution)))
            .collect();
        let number =
            |of: fn(&HealthContribution<'_>) -> Option<f64>| rows.iter().map(|(_, own)| of(own)).collect::<Vec<_>>();
        let names: Vec<&str> = rows.iter().map(|(_, own)| own.signal.name()).collect();
        write::frame(vec![
            write::gathered_ids("account", &self.accounts, rows.iter().map(|&(place, _)| Some(place)))?,
            write::column("signal", names),
            write::column("value", number(|own| own.value)),
            write::column("score", number(|own| own.score)),
            write::column("points", number(|own| own.points)),
            write::column("previous_value", number(|own| own.previous_value)),
            write::column("previous_points", number(|own| own.previous_points)),
            write::column("change", number(|own| own.change)),
        ])
    }
}
