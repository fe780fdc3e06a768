//! Fitted scores as frames.

use polars::prelude::DataFrame;

use super::{CardRange, FittedHealth, FittedSignal, HealthWeight, ReliabilityBin};
use crate::error::Result;
use crate::frame::write;

impl FittedHealth {
    /// The signals and their weights, one row each, in their order.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `signal` | String | the name |
    /// | `good_when` | String | `high`, `low` or `either` |
    /// | `observed_share` | Float64 | the share of the accounts at past dates for which it was observed |
    /// | `bend` | Float64 | the value at which its line bends: the median, mostly |
    /// | `held_from`, `held_to` | Float64 | values beyond these count as these |
    /// | `below`, `below_error` | Float64 | log odds of leaving of a scale more below the bend, and its standard error; null where nothing lies there, the error also where the known sign held the weight at 0 |
    /// | `above`, `above_error` | Float64 | the same above the bend |
    /// | `missing`, `missing_error` | Float64 | log odds of leaving where it was not observed; null where it always was, or always together with another |
    /// | `importance` | Float64 | the standard deviation of what it adds to the log odds |
    ///
    /// # Errors
    ///
    /// [`Error::Polars`](crate::Error::Polars) if polars refuses the frame.
    pub fn to_frame(&self) -> Result<DataFrame> {
        fn column<T>(of: &[FittedSignal], get: impl Fn(&FittedSignal) -> T) -> Vec<T> {
            of.iter().map(get).collect()
        }
        let own = &self.signals;
        let names: Vec<&str> = own.iter().map(|own| own.signal.name()).collect();
        let mut columns = vec![
            write::column("signal", names),
            write::column("good_when", column(own, |own| own.signal.good_when().name())),
            write::column("observed_share", column(own, FittedSignal::observed_share)),
            write::column("bend", column(own, FittedSignal::bend)),
            write::column("held_from", column(own, |own| own.held_between().0)),
            write::column("held_to", column(own, |own| own.held_between().1)),
        ];
        let mut side = |name: &str, weight: fn(&FittedSignal) -> Option<HealthWeight>| {
            let error = |own: &FittedSignal| weight(own).and_then(|weight| weight.standard_error);
            columns.push(write::column(name, column(own, |own| weight(own).map(|weight| weight.value))));
            columns.push(write::column(&format!("{name}_error"), column(own, error)));
        };
        side("below", FittedSignal::below);
        side("above", FittedSignal::above);
        side("missing", FittedSignal::missing);
        columns.push(write::column("importance", column(own, FittedSignal::importance)));
        write::frame(columns)
    }

    /// The reliability curve on the judged dates: one row a bin, those with small chances first; no rows where it was not
    /// judged.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `bin` | UInt32 | from 1 on |
    /// | `accounts`, `left` | UInt64 | accounts at dates, and those who left |
    /// | `mean_probability` | Float64 | the mean of the chances that were given |
    /// | `rate`, `rate_lower`, `rate_upper` | Float64 | the share that left, and its interval |
    ///
    /// # Errors
    ///
    /// As [`to_frame`](Self::to_frame).
    pub fn reliability_to_frame(&self) -> Result<DataFrame> {
        let bins = self.accuracy.as_ref().map_or(&[][..], |accuracy| &accuracy.reliability);
        let count = |of: fn(&ReliabilityBin) -> u64| bins.iter().map(of).collect::<Vec<u64>>();
        let end = |of: fn(&crate::statistics::Interval) -> f64| {
            bins.iter().map(|bin| bin.rate.interval.as_ref().map(of)).collect::<Vec<_>>()
        };
        write::frame(vec![
            write::column("bin", (1_u32..).take(bins.len()).collect::<Vec<_>>()),
            write::column("accounts", count(|bin| bin.accounts)),
            write::column("left", count(|bin| bin.left)),
            write::column("mean_probability", bins.iter().map(|bin| bin.mean_probability).collect::<Vec<_>>()),
            write::column("rate", bins.iter().map(|bin| bin.rate.value).collect::<Vec<_>>()),
            write::column("rate_lower", end(|interval| interval.lower)),
            write::column("rate_upper", end(|interval| interval.upper)),
        ])
    }

    /// The points card: one row a signal and range, in the order of the card; no rows without one.
    ///
    /// | column | type | meaning |
    /// | --- | --- | --- |
    /// | `signal` | String | the name |
    /// | `from` | Float64 | the range begins with this value; null for the first, and for `not observed` |
    /// | `to` | Float64 | and ends before this one; null for the last, and for `not observed` |
    /// | `observed` | Boolean | false in the row with the points of not being observed |
    /// | `points` | UInt32 | the points |
    ///
    /// # Errors
    ///
    /// As [`to_frame`](Self::to_frame).
    pub fn card_to_frame(&self) -> Result<DataFrame> {
        // A row without a range is that of not being observed.
        let mut rows: Vec<(&str, Option<CardRange>, u32)> = Vec::new();
        for own in self.card.iter().flat_map(|card| &card.signals) {
            let name = own.signal.name();
            rows.extend(own.ranges.iter().map(|&range| (name, Some(range), range.points)));
            rows.push((name, None, own.not_observed));
        }
        let end = |of: fn(CardRange) -> Option<f64>| rows.iter().map(|row| row.1.and_then(of)).collect::<Vec<_>>();
        write::frame(vec![
            write::column("signal", rows.iter().map(|row| row.0).collect::<Vec<_>>()),
            write::column("from", end(|range| range.from)),
            write::column("to", end(|range| range.to)),
            write::column("observed", rows.iter().map(|row| row.1.is_some()).collect::<Vec<_>>()),
            write::column("points", rows.iter().map(|row| row.2).collect::<Vec<_>>()),
        ])
    }
}
