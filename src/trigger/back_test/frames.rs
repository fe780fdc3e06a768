//! Back-tests as frames.

use polars::prelude::{Column, DataFrame};

use super::measures::{Difference, Estimate, Performance};
use super::tally::DateTally;
use super::{BackTest, BackTestDate, Contribution};
use crate::error::Result;
use crate::frame::write;

/// A column with an estimate, and two with the ends of its interval.
fn estimates(name: &str, estimates: &[Option<Estimate>]) -> [Column; 3] {
    let ends = |end: fn(&crate::statistics::Interval) -> f64| {
        let end = |of: &Option<Estimate>| of.and_then(|estimate| estimate.interval).map(|interval| end(&interval));
        estimates.iter().map(end).collect::<Vec<_>>()
    };
    let values: Vec<Option<f64>> = estimates.iter().map(|of| of.map(|estimate| estimate.value)).collect();
    [
        write::column(name, values),
        write::column(&format!("{name}_lower"), ends(|interval| interval.lower)),
        write::column(&format!("{name}_upper"), ends(|interval| interval.upper)),
    ]
}

/// The same for a difference, and one with its p-value.
fn differences(name: &str, differences: &[Option<Difference>]) -> Vec<Column> {
    let of = |difference: &Difference| Estimate { value: difference.value, interval: Some(difference.interval) };
    let own: Vec<Option<Estimate>> = differences.iter().map(|difference| difference.as_ref().map(of)).collect();
    let p_values: Vec<Option<f64>> = differences.iter().map(|of| of.map(|difference| difference.p_value)).collect();
    let p_value = write::column(&format!("{name}_p_value"), p_values);
    estimates(name, &own).into_iter().chain([p_value]).collect()
}

impl BackTest {
    /// How well each trigger did, one row each, in the order of [`performances`](Self::performances).
    ///
    /// Columns of shares and areas are followed by two with `_lower` and `_upper`, the ends of the interval; differences
    /// also by one with `_p_value`. They are null where there is no denominator, or no interval.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `trigger` | String | the name |
    /// | `detector` | String | `trigger`, `plain_rule`, `any_fired`, `two_or_more_fired` or `combination` |
    /// | `customers` | UInt64 | accounts at dates of which it is known whether they left |
    /// | `judged` | UInt64 | those of them that were observed; the next columns are of these |
    /// | `not_observed_share` | Float64 | the share of the others; null without customers |
    /// | `positives` | UInt64 | who left |
    /// | `fired` | UInt64 | for whom it fired |
    /// | `true_positives` | UInt64 | for whom it fired and who left |
    /// | `base_rate`, `_lower`, `_upper` | Float64 | positives / judged |
    /// | `precision`, `_lower`, `_upper` | Float64 | true positives / fired |
    /// | `recall`, `_lower`, `_upper` | Float64 | true positives / positives |
    /// | `lift`, `_lower`, `_upper` | Float64 | precision / base rate |
    /// | `area`, `_lower`, `_upper` | Float64 | the area under the ROC curve of the score |
    /// | `top_decile_lift` | Float64 | the lift of the tenth with the highest scores of each date |
    /// | `plain_area` | Float64 | the area of days since the last event, of the same rows |
    /// | `area_difference`, `_lower`, `_upper`, `_p_value` | Float64 | area - plain area |
    /// | `verdict` | String | `better`, `worse` or `not_told` |
    /// | `plain_precision` | Float64 | of days since the last event, as many being named on each date |
    /// | `precision_difference`, `_lower`, `_upper`, `_p_value` | Float64 | precision - plain precision |
    /// | `churns`, `caught` | UInt64 | accounts that left, and those of them for which it fired at some date before |
    /// | `lead_time_lower_quartile`, `lead_time_median`, `lead_time_upper_quartile` | Float64 | days from the beginning of the findings to the churn day; null where none was caught |
    /// | `new_findings` | UInt64 | fired, and not at the date before |
    /// | `findings_per_week`, `findings_per_account_month` | Float64 | new findings a week, and per customer and month; null with one date |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let own = &self.performances;
        let count = |of: fn(&Performance) -> u64| own.iter().map(of).collect::<Vec<u64>>();
        let number = |of: fn(&Performance) -> Option<f64>| own.iter().map(of).collect::<Vec<_>>();
        let text = |of: fn(&Performance) -> &str| own.iter().map(of).collect::<Vec<_>>();
        let estimate = |name: &str, of: fn(&Performance) -> Option<Estimate>| {
            estimates(name, &own.iter().map(of).collect::<Vec<_>>())
        };
        let difference = |name: &str, of: fn(&Performance) -> Option<Difference>| {
            differences(name, &own.iter().map(of).collect::<Vec<_>>())
        };
        let missing = |own: &Performance| crate::statistics::ratio(own.not_observed(), own.customers);
        let mut columns = vec![
            write::column("trigger", text(|own| own.name.as_str())),
            write::column("detector", text(|own| own.detector.name())),
            write::column("customers", count(|own| own.customers)),
            write::column("judged", count(|own| own.judged)),
            write::column("not_observed_share", number(missing)),
            write::column("positives", count(|own| own.positives)),
            write::column("fired", count(|own| own.fired)),
            write::column("true_positives", count(|own| own.true_positives)),
        ];
        columns.extend(estimate("base_rate", |own| own.base_rate));
        columns.extend(estimate("precision", |own| own.precision));
        columns.extend(estimate("recall", |own| own.recall));
        columns.extend(estimate("lift", |own| own.lift));
        columns.extend(estimate("area", |own| own.area));
        columns.push(write::column("top_decile_lift", number(|own| own.top_decile_lift)));
        columns.push(write::column("plain_area", number(|own| own.plain_area)));
        columns.extend(difference("area_difference", |own| own.area_difference));
        columns.push(write::column("verdict", text(|own| own.verdict().name())));
        columns.push(write::column("plain_precision", number(|own| own.plain_precision)));
        columns.extend(difference("precision_difference", |own| own.precision_difference));
        columns.extend([
            write::column("churns", count(|own| own.churns)),
            write::column("caught", count(|own| own.caught)),
            write::column("lead_time_lower_quartile", number(|own| own.lead_time.map(|lead| lead.lower_quartile))),
            write::column("lead_time_median", number(|own| own.lead_time.map(|lead| lead.median))),
            write::column("lead_time_upper_quartile", number(|own| own.lead_time.map(|lead| lead.upper_quartile))),
            write::column("new_findings", count(|own| own.new_findings)),
            write::column("findings_per_week", number(|own| own.findings_per_week)),
            write::column("findings_per_account_month", number(|own| own.findings_per_account_month)),
        ]);
        write::frame(columns)
    }

    /// What each trigger adds to the others, in the order of the [`Ranking`](super::Ranking); no rows without one.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `rank` | UInt32 | 1 for the one that adds the most |
    /// | `trigger` | String | the name |
    /// | `weight` | Float64 | the logarithm of the odds ratio, in the model of all triggers |
    /// | `deviance_gain` | Float64 | by how much the deviance of the fitted dates fell as it came in |
    /// | `out_of_time_gain`, `_lower`, `_upper` | Float64 | the same on the later dates, and its interval |
    /// | `deviance_loss` | Float64 | by how much the deviance grows where it is taken out of the model of all |
    /// | `area`, `area_lower`, `area_upper` | Float64 | of the model up to it, on the later dates; null where there is none |
    /// | `worth_working_on` | Boolean | whether it is one of the two that add the most |
    ///
    /// # Errors
    ///
    /// As [`to_frame`](Self::to_frame).
    pub fn ranking_to_frame(&self) -> Result<DataFrame> {
        let own = self.ranking.as_ref().map_or(&[][..], |ranking| &ranking.contributions);
        let number = |of: fn(&Contribution) -> f64| own.iter().map(of).collect::<Vec<_>>();
        let worth = self.worth_working_on();
        let is_worth = |own: &Contribution| worth.iter().any(|other| std::ptr::eq(*other, own));
        let mut columns = vec![
            write::column("rank", (1_u32..).take(own.len()).collect::<Vec<_>>()),
            write::column("trigger", own.iter().map(|own| own.trigger.as_str()).collect::<Vec<_>>()),
            write::column("weight", number(|own| own.weight)),
            write::column("deviance_gain", number(|own| own.deviance_gain)),
        ];
        columns.extend(estimates(
            "out_of_time_gain",
            &own.iter().map(|own| Some(own.out_of_time_gain)).collect::<Vec<_>>(),
        ));
        columns.push(write::column("deviance_loss", number(|own| own.deviance_loss)));
        columns.extend(estimates("area", &own.iter().map(|own| own.area).collect::<Vec<_>>()));
        columns.push(write::column("worth_working_on", own.iter().map(is_worth).collect::<Vec<_>>()));
        write::frame(columns)
    }

    /// The counts of every trigger at every date: ordered by date, then as [`performances`](Self::performances) are. The
    /// combination has rows for the later dates only.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `date` | Date | the date |
    /// | `had_left`, `lapsed` | UInt64 | accounts that were not asked about |
    /// | `leaving`, `unknown` | UInt64 | customers who count for nobody: within the lead; never active |
    /// | `trigger` | String | the name |
    /// | `customers`, `judged`, `positives`, `fired`, `true_positives` | UInt64 | as in [`to_frame`](Self::to_frame) |
    /// | `new_findings` | UInt64 | fired, and not at the date before; 0 at the first date |
    ///
    /// # Errors
    ///
    /// As [`to_frame`](Self::to_frame).
    pub fn dates_to_frame(&self) -> Result<DataFrame> {
        let mut rows: Vec<(&BackTestDate, &str, DateTally)> = Vec::new();
        for date in &self.dates {
            let names = self.performances.iter().map(|performance| performance.name.as_str());
            rows.extend(names.filter_map(|name| Some((date, name, self.at(name, date.date)?))));
        }
        let of_date = |of: fn(&BackTestDate) -> u64| rows.iter().map(|row| of(row.0)).collect::<Vec<u64>>();
        let count = |of: fn(&DateTally) -> u64| rows.iter().map(|row| of(&row.2)).collect::<Vec<u64>>();
        write::frame(vec![
            write::dates("date", rows.iter().map(|row| Some(row.0.date)))?,
            write::column("had_left", of_date(|date| date.had_left)),
            write::column("lapsed", of_date(|date| date.lapsed)),
            write::column("leaving", of_date(|date| date.leaving)),
            write::column("unknown", of_date(|date| date.unknown)),
            write::column("trigger", rows.iter().map(|row| row.1).collect::<Vec<_>>()),
            write::column("customers", count(|own| own.customers)),
            write::column("judged", count(|own| own.judged)),
            write::column("positives", count(|own| own.positives)),
            write::column("fired", count(|own| own.fired)),
            write::column("true_positives", count(|own| own.true_positives)),
            write::column("new_findings", count(|own| own.new)),
        ])
    }
}
