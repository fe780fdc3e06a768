//! A back-test on one screen.

use std::fmt;

use super::measures::{Detector, Difference, Estimate, Performance, Verdict};
use super::{BackTest, Contribution, Ranking};
use crate::print;

impl fmt::Display for BackTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lead, horizon) = (self.options.lead_days, self.options.horizon_days);
        let ends = self.dates.first().zip(self.dates.last());
        if let Some((first, last)) = ends {
            let (count, every) = (self.dates.len(), self.options.every);
            let dates = if count == 1 { "date" } else { "dates" };
            writeln!(f, "Back-test at {count} {dates}, {every}: {} to {}", first.date, last.date)?;
        }
        writeln!(
            f,
            "churn: {}, {} to {} days after the date",
            self.churn,
            lead.saturating_add(1),
            lead.saturating_add(horizon)
        )?;
        writeln!(f, "tests fire at {} after {}", self.level, self.correction)?;
        let sum = |of: fn(&super::BackTestDate) -> u64| self.dates.iter().map(of).sum::<u64>();
        let (customers, churned) = (sum(super::BackTestDate::customers), sum(|date| date.churned));
        writeln!(f, "accounts at dates: {customers} known, of whom {churned} left")?;
        for (count, what) in [
            (sum(|date| date.leaving), "were leaving within the lead, or silent already"),
            (sum(|date| date.unknown), "were never active by then"),
            (sum(|date| date.had_left), "had left"),
            (sum(|date| date.lapsed), "had lapsed"),
        ] {
            if count > 0 {
                writeln!(f, "  left out: {count} {what}")?;
            }
        }
        for (name, dates) in &self.in_hindsight {
            writeln!(
                f,
                "  in hindsight: {name} at {dates} of {} dates, of which it knew what came after",
                self.dates.len()
            )?;
        }
        self.table(f)?;
        self.verdicts(f)?;
        match &self.ranking {
            None => write!(f, "\nno ranking: too few dates for two sides, or nobody left on one of them"),
            Some(ranking) => self.ranked(f, ranking),
        }
    }
}

impl BackTest {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.performances.iter().map(|performance| performance.name.len());
        let wide = names.max().unwrap_or(0).max("in %".len());
        write!(
            f,
            "\n{:wide$} {:>9} {:>8} {:>9} {:>6} {:>6}",
            "rates in %", "judged", "fired", "precision", "base", "recall"
        )?;
        writeln!(f, " {:>6} {:>19} {:>7} {:>8}", "lift", "area (interval)", "+ plain", "lead (d)")?;
        for performance in self.performances.iter().filter(|performance| performance.judged > 0) {
            let Performance { name, judged, fired, .. } = performance;
            let percent = |of: Option<Estimate>| print::percent(of.map(|estimate| estimate.value));
            let (precision, base) = (percent(performance.precision), percent(performance.base_rate));
            let recall = percent(performance.recall);
            write!(f, "{name:wide$} {judged:>9} {fired:>8} {precision:>9} {base:>6} {recall:>6}")?;
            let lift = performance.lift.map_or("-".to_owned(), |lift| format!("{:.2}", lift.value));
            let against = |difference: Difference| format!("{:+.3}", difference.value);
            let against = performance.area_difference.map_or("-".to_owned(), against);
            let lead = performance.lead_time.map_or("-".to_owned(), |lead| format!("{:.0}", lead.median));
            writeln!(f, " {lift:>6} {:>19} {against:>7} {lead:>8}", area(performance.area))?;
        }
        Ok(())
    }

    /// Which of the triggers beat the plain rule.
    fn verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |of: &dyn Fn(&Performance) -> bool| {
            let own = self.performances.iter().filter(|performance| performance.detector != Detector::PlainRule);
            own.filter(|performance| of(performance)).map(|own| own.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        for verdict in [Verdict::Better, Verdict::NotTold, Verdict::Worse] {
            let names = named(&|performance| performance.judged > 0 && performance.verdict() == verdict);
            if !names.is_empty() {
                writeln!(f, "{verdict}: {names}")?;
            }
        }
        let unseen = named(&|performance| performance.judged == 0);
        if unseen.is_empty() { Ok(()) } else { writeln!(f, "never observed: {unseen}") }
    }

    fn ranked(&self, f: &mut fmt::Formatter<'_>, ranking: &Ranking) -> fmt::Result {
        let Ranking { fitted, judged, contributions, .. } = ranking;
        let plain = "days since last event alone";
        let names = contributions.iter().map(|contribution| contribution.trigger.len());
        let wide = names.max().unwrap_or(0).max(plain.len());
        writeln!(
            f,
            "\nwhat each adds: fitted {} to {}, judged {} to {}",
            fitted.start, fitted.end, judged.start, judged.end
        )?;
        write!(f, "{:wide$} {:>7} {:>9} {:>23}", "deviance", "weight", "gain", "out of time (interval)")?;
        writeln!(f, " {:>10} {:>19}", "taken out", "area so far")?;
        writeln!(f, "{plain:wide$} {:>7} {:>9} {:>23} {:>10} {:>19}", "", "", "", "", area(ranking.plain_area))?;
        for contribution in contributions {
            let Contribution { trigger, weight, deviance_gain, out_of_time_gain, deviance_loss, .. } = contribution;
            let later = match out_of_time_gain.interval {
                None => format!("{:.1}", out_of_time_gain.value),
                Some(of) => format!("{:.1} ({:.1} to {:.1})", out_of_time_gain.value, of.lower, of.upper),
            };
            write!(f, "{trigger:wide$} {weight:>+7.2} {deviance_gain:>9.1} {later:>23}")?;
            writeln!(f, " {deviance_loss:>10.1} {:>19}", area(contribution.area))?;
        }
        let worth: Vec<&str> = self.worth_working_on().iter().map(|own| own.trigger.as_str()).collect();
        match worth[..] {
            [] => write!(f, "none adds to days since last event"),
            [one] => write!(f, "worth working on: {one}; no other adds to it"),
            _ => write!(f, "worth working on: {}", worth.join(" and ")),
        }
    }
}

fn area(area: Option<Estimate>) -> String {
    match area {
        None => "-".to_owned(),
        Some(Estimate { value, interval: None }) => format!("{value:.3}"),
        Some(Estimate { value, interval: Some(interval) }) => {
            format!("{value:.3} ({:.3}-{:.3})", interval.lower, interval.upper)
        }
    }
}
