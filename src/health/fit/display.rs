//! A fitted score on one screen.

use std::fmt;

use super::{FittedHealth, FittedSignal, HealthAccuracy};
use crate::print;
use crate::trigger::{Difference, Estimate, Verdict};

/// So many signals are shown.
const SHOWN: usize = 12;
/// Fewer departures than these seldom tell two scores apart: so many are asked for where a model is validated.
const DEPARTURES: u64 = 100;

impl FittedHealth {
    /// Why it is not seen to tell more than days since the last event, as far as the figures say; empty where it is.
    fn falls_short(&self, accuracy: &HealthAccuracy) -> Vec<String> {
        let mut why = match (accuracy.verdict(), accuracy.area_difference) {
            (Verdict::Better, _) => return Vec::new(),
            (Verdict::Worse, _) => vec!["what was learnt did not hold later: the interval lies below 0".to_owned()],
            (Verdict::NotTold, Some(_)) => vec!["the interval of the difference holds 0: it may be chance".to_owned()],
            (Verdict::NotTold, None) => vec!["the difference has no interval".to_owned()],
        };
        if accuracy.left < DEPARTURES {
            why.push(format!(
                "few departures: {} at the judged dates, of the {DEPARTURES} that it takes",
                accuracy.left
            ));
        }
        let all = self.options.signals.len();
        let often = self.signals.iter().filter(|own| own.observed >= 0.5).count();
        if 2 * often < all {
            why.push(format!("most signals not observed: {often} of {all} were of half of the accounts or more"));
        }
        why
    }
}

impl fmt::Display for FittedHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((first, last)) = self.dates.first().zip(self.dates.last()) {
            let dates = print::counted(self.dates.len() as u64, "date");
            writeln!(f, "Health fitted to {dates}, {} to {}; churn: {}", first.date, last.date, self.churn)?;
        }
        let customers: u64 = self.dates.iter().map(super::BackTestDate::customers).sum();
        let rate = print::percent(Some(self.base_rate()));
        writeln!(f, "{customers} accounts at dates, {rate} % of whom left; weights expected within {}", self.spread)?;
        writeln!(f, "beyond what the signals say, a year adds {:+.2} to all log odds", self.drift.per_year)?;
        writeln!(
            f,
            "\n{:24} {:>9} {:>10} {:>8} {:>8} {:>8} {:>11}",
            "signal", "observed", "bend", "below", "above", "missing", "importance"
        )?;
        let mut order: Vec<&FittedSignal> = self.signals.iter().collect();
        order.sort_by(|one, other| other.importance.total_cmp(&one.importance));
        for own in order.iter().take(SHOWN) {
            let weight =
                |of: Option<super::HealthWeight>| of.map_or("-".to_owned(), |weight| format!("{:+.2}", weight.value));
            let (observed, bend) = (print::percent(Some(own.observed)), own.bend());
            let [below, above, missing] = [own.below, own.above, own.missing].map(weight);
            write!(f, "{:24} {observed:>9} {bend:>10.2} {below:>8} {above:>8} ", own.signal)?;
            writeln!(f, "{missing:>8} {:>11.3}", own.importance)?;
        }
        if order.len() > SHOWN {
            writeln!(f, "{} more in to_frame()", order.len() - SHOWN)?;
        }
        match &self.accuracy {
            None => write!(f, "\nnot judged: too few dates for two sides, or nobody left on one of them"),
            Some(accuracy) => {
                write!(f, "\n{accuracy}")?;
                let why = self.falls_short(accuracy);
                if !why.is_empty() {
                    write!(f, "\nby the area not seen to be better than days since the last event:")?;
                }
                why.iter().try_for_each(|why| write!(f, "\n  {why}"))
            }
        }
    }
}

impl fmt::Display for HealthAccuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fitted, judged, accounts, left, brier, .. } = self;
        writeln!(f, "fitted {} to {}, judged {} to {}", fitted.start, fitted.end, judged.start, judged.end)?;
        let [told, came] = [self.mean_probability, self.base_rate].map(|share| print::percent(Some(share)));
        writeln!(f, "told {told} % to leave, {came} % did: {left} of {accounts} accounts at dates")?;
        let [alone, in_all] = [self.is_calibrated(), self.is_calibrated_in_all()]
            .map(|holds| if holds { "calibrated" } else { "not calibrated" });
        writeln!(f, "{alone} by the judged outcomes alone, {in_all} with past and changes as unsure as they are")?;
        let both = |alone: Estimate, all: Estimate| {
            let all = all.interval.map(|all| format!(", in all {:.3} to {:.3}", all.lower, all.upper));
            format!("{}{}", shown(alone), all.unwrap_or_default())
        };
        let slope = self.calibration_slope.zip(self.calibration_slope_in_all);
        let slope = slope.map_or("-".to_owned(), |(alone, all)| both(alone, all));
        let intercept = both(self.calibration_intercept, self.calibration_intercept_in_all);
        writeln!(f, "  intercept {intercept}; slope {slope}")?;
        writeln!(
            f,
            "Brier score {:.5} = reliability {:.5} - resolution {:.5} + uncertainty {:.5} + within {:.5}; skill {:.3}",
            brier.score, brier.reliability, brier.resolution, brier.uncertainty, brier.within, brier.skill
        )?;
        write!(f, "told / came (%):")?;
        for bin in &self.reliability {
            write!(f, " {:.1}/{:.1}", 100.0 * bin.mean_probability, 100.0 * bin.rate.value)?;
        }
        writeln!(f, "\narea {}, days since last event {}", shown(self.area), shown(self.plain_area))?;
        let verdict = |verdict: Verdict, of: Option<Difference>| {
            format!("{verdict}{}", of.map_or(String::new(), |of| format!(": {}", difference(of))))
        };
        writeln!(f, "  {}", verdict(self.verdict(), self.area_difference))?;
        writeln!(
            f,
            "top-decile lift {:.2}, days since last event {:.2}",
            self.top_decile_lift, self.plain_top_decile_lift
        )?;
        write!(f, "  {}", verdict(self.top_decile_verdict(), self.top_decile_lift_difference))?;
        match (self.card_area, self.card_area_difference) {
            (Some(card), Some(less)) => write!(f, "\npoints card: area {}, {}", shown(card), difference(less)),
            (Some(card), None) => write!(f, "\npoints card: area {}", shown(card)),
            (None, _) => Ok(()),
        }
    }
}

fn shown(of: Estimate) -> String {
    let interval = of.interval.map(|interval| format!(" ({:.3} to {:.3})", interval.lower, interval.upper));
    format!("{:.3}{}", of.value, interval.unwrap_or_default())
}

fn difference(of: Difference) -> String {
    format!("{:+.3} ({:+.3} to {:+.3})", of.value, of.interval.lower, of.interval.upper)
}
