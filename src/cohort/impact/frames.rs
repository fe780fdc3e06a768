//! Programme impact as frames.

use polars::prelude::DataFrame;

use super::protocol::LeftOut;
use super::{Balance, ImpactStratum, MonthlyImpact, ProgrammeEffect, ProgrammeImpact};
use crate::error::Result;
use crate::frame::write;

/// One of the effects of a month.
type Of = fn(&MonthlyImpact) -> &ProgrammeEffect;

impl ProgrammeImpact {
    /// The effect by calendar month of taking part, in order of time.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `month` | Date | first day of the month |
    /// | `coverage` | String | `observed`, `truncated` or `open`, see [`MonthlyImpact::coverage`] |
    /// | `participants` | UInt64 | participants judged |
    /// | `retained` | Float64 | share of the participants retained |
    /// | `retained_comparable` | Float64 | the same of those compared with |
    /// | `retained_difference` | Float64 | the effect on retention |
    /// | `retained_lower`, `retained_upper` | Float64 | its interval; null where no spread was seen |
    /// | `active_days` | Float64 | active days within the horizon, mean of the participants |
    /// | `active_days_comparable` | Float64 | the same of those compared with |
    /// | `active_days_difference` | Float64 | the effect on active days |
    /// | `active_days_lower`, `active_days_upper` | Float64 | its interval; null where no spread was seen |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let months = || self.months.iter();
        let mut columns = vec![
            write::dates("month", months().map(|month| Some(month.span.start)))?,
            write::column("coverage", months().map(|month| month.coverage.name()).collect::<Vec<_>>()),
            write::column("participants", months().map(|month| month.participants).collect::<Vec<_>>()),
        ];
        let outcomes: [(&str, Of); 2] =
            [("retained", |month| &month.retention), ("active_days", |month| &month.active_days)];
        for (name, effect) in outcomes {
            let number = |name: &str, of: fn(&ProgrammeEffect) -> Option<f64>| {
                write::column(name, months().map(|month| of(effect(month))).collect::<Vec<_>>())
            };
            columns.extend([
                number(name, |effect| Some(effect.participants)),
                number(&format!("{name}_comparable"), |effect| Some(effect.comparable)),
                number(&format!("{name}_difference"), |effect| Some(effect.difference)),
                number(&format!("{name}_lower"), |effect| effect.interval.map(|interval| interval.lower)),
                number(&format!("{name}_upper"), |effect| effect.interval.map(|interval| interval.upper)),
            ]);
        }
        write::frame(columns)
    }

    /// The strata, in the order of day, cohort and prior use.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `day` | Date | the day on which the clocks start |
    /// | `cohort` | Date | first day of the period of first activity |
    /// | `prior_use` | UInt32 | the least number of active days of the bin |
    /// | `participants` | UInt64 | participants |
    /// | `participants_retained` | UInt64 | participants retained |
    /// | `participants_active_days` | UInt64 | their active days within the horizon |
    /// | `comparable` | UInt64 | people compared with |
    /// | `comparable_retained` | UInt64 | people compared with who were retained |
    /// | `comparable_active_days` | UInt64 | their active days within the horizon |
    /// | `difference` | Float64 | difference of the shares retained; null with fewer than two comparable people |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn strata_to_frame(&self) -> Result<DataFrame> {
        let strata = || self.strata.iter();
        let count = |name, of: fn(&ImpactStratum) -> u64| write::column(name, strata().map(of).collect::<Vec<_>>());
        write::frame(vec![
            write::dates("day", strata().map(|stratum| Some(stratum.day)))?,
            write::dates("cohort", strata().map(|stratum| Some(stratum.cohort.start)))?,
            write::column("prior_use", strata().map(|stratum| stratum.prior_use).collect::<Vec<_>>()),
            count("participants", |stratum| stratum.participants),
            count("participants_retained", |stratum| stratum.participants_retained),
            count("participants_active_days", |stratum| stratum.participants_active_days),
            count("comparable", |stratum| stratum.comparable),
            count("comparable_retained", |stratum| stratum.comparable_retained),
            count("comparable_active_days", |stratum| stratum.comparable_active_days),
            write::column("difference", strata().map(ImpactStratum::difference).collect::<Vec<_>>()),
        ])
    }

    /// How alike the two sides are, one row a covariate: prior use, then tenure.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `covariate` | String | `prior active days` or `tenure in days` |
    /// | `participants` | Float64 | mean of the participants whose clock started |
    /// | `others` | Float64 | mean of all who could have taken part on the same days |
    /// | `before` | Float64 | standardised mean difference of the two |
    /// | `matched` | Float64 | mean of the matched participants |
    /// | `comparable` | Float64 | mean of those they are compared with |
    /// | `after` | Float64 | standardised mean difference of the two |
    ///
    /// Means are null without anybody, differences without people on both sides or without spread.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn balance_to_frame(&self) -> Result<DataFrame> {
        let number = |name, of: fn(&Balance) -> Option<f64>| {
            write::column(name, self.balance.iter().map(of).collect::<Vec<_>>())
        };
        let names: Vec<&str> = self.balance.iter().map(|balance| balance.covariate.name()).collect();
        write::frame(vec![
            write::column("covariate", names),
            number("participants", |balance| balance.participants),
            number("others", |balance| balance.others),
            number("before", |balance| balance.before),
            number("matched", |balance| balance.matched),
            number("comparable", |balance| balance.comparable),
            number("after", |balance| balance.after),
        ])
    }

    /// Who was judged and who was left out: one row `judged`, then one a reason in the order in which they are tried.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `reason` | String | `judged`, or why not, see [`LeftOut`] |
    /// | `participants` | UInt64 | distinct participants; they add up to all |
    ///
    /// No column has nulls.
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn left_out_to_frame(&self) -> Result<DataFrame> {
        let reasons = || LeftOut::ALL.into_iter();
        let names = std::iter::once("judged").chain(reasons().map(LeftOut::name));
        let counts = std::iter::once(self.judged()).chain(reasons().map(|reason| self.left_out(reason)));
        write::frame(vec![
            write::column("reason", names.collect::<Vec<_>>()),
            write::column("participants", counts.collect::<Vec<_>>()),
        ])
    }
}
