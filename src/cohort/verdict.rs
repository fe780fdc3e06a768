//! Programme impact in words and on one screen.

use std::fmt;

use super::impact::{ProgrammeEffect, ProgrammeImpact};
use super::trial::LeftOut;

impl ProgrammeImpact {
    /// What came out, in plain sentences: the effect on retention with its interval, or why there is none, and how far
    /// the naive comparison is from it.
    #[must_use]
    pub fn conclusion(&self) -> String {
        let days = self.options().horizon_days();
        let Some(effect) = self.retention() else {
            return self.nobody();
        };
        let judged = self.judged();
        let (with, without) = (percent(effect.participants), percent(effect.comparable));
        let shares = format!(
            "{with} of the {judged} participants judged were still active {days} days later, against {without} of \
             comparable people who did not take part that day"
        );
        let difference = points(effect.difference);
        let Some(interval) = effect.interval else {
            return format!("{shares}: {difference} points, but no spread was seen, so nothing says how sure that is.");
        };
        let range = format!(
            "{} to {} at {} confidence",
            points(interval.lower),
            points(interval.upper),
            percent(self.options().level())
        );
        let verdict = if interval.lower > 0.0 {
            format!("Taking part made people stay: {shares}, {difference} points ({range}).")
        } else if interval.upper < 0.0 {
            format!("Taking part made people leave: {shares}, {difference} points ({range}).")
        } else {
            format!("No effect can be told from chance: {shares}, {difference} points ({range}).")
        };
        match self.naive().difference() {
            Some(naive) => format!(
                "{verdict} The naive comparison says {} points, for it counts the time that people had to stay to take \
                 part.",
                points(naive)
            ),
            None => verdict,
        }
    }

    fn nobody(&self) -> String {
        let most = LeftOut::ALL.into_iter().rev().max_by_key(|&reason| self.left_out(reason));
        match most.filter(|_| self.participants() > 0) {
            None => "Nobody took part, so there is nothing to judge.".to_owned(),
            Some(reason) => format!(
                "None of the {} participants can be judged; the most frequent reason is: {reason} ({}).",
                self.participants(),
                self.left_out(reason)
            ),
        }
    }
}

impl fmt::Display for ProgrammeImpact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, as_of) = (self.options().horizon_days(), self.as_of());
        writeln!(f, "Programme impact within {days} days of taking part, as of {as_of}")?;
        let head = ["took part", "comparable", "difference", "interval", "relative"];
        writeln!(f, "  {:<22} {:>10} {:>10} {:>10} {:>18} {:>9}", "", head[0], head[1], head[2], head[3], head[4])?;
        if let (Some(retention), Some(active_days)) = (self.retention(), self.active_days()) {
            row(f, "retained, in %", retention, 100.0)?;
            row(f, "active days", active_days, 1.0)?;
        }
        let naive = self.naive();
        let share = |part: u64, whole: u64| crate::statistics::ratio(part, whole).map_or("-".to_owned(), number);
        let (with, without) =
            (share(naive.participants_retained, naive.participants), share(naive.others_retained, naive.others));
        let difference = naive.difference().map_or("-".to_owned(), points);
        writeln!(f, "  {:<22} {with:>10} {without:>10} {difference:>10}  not to be trusted", "naive, retained, in %")?;

        writeln!(f, "  {} participants, {} judged", self.participants(), self.judged())?;
        for reason in LeftOut::ALL.into_iter().filter(|&reason| self.left_out(reason) > 0) {
            writeln!(f, "    left out: {reason} {}", self.left_out(reason))?;
        }
        write!(f, "  {} others compared with", self.comparable())?;
        if let Some(later) = self.later_participants() {
            let fate = if self.options().is_kept() { "and stay in the comparison" } else { "and are left out of it" };
            write!(f, "; {} of them took part later within the horizon {fate}", percent(later))?;
        }
        let difference = |difference: Option<f64>| difference.map_or("-".to_owned(), |value| format!("{value:+.2}"));
        for balance in self.balance() {
            let (name, before, after) = (balance.covariate.name(), balance.before, balance.after);
            write!(f, "\n  {name}: standardised difference {} before matching, ", difference(before))?;
            write!(f, "{} after", difference(after))?;
        }
        write!(f, "\n  {}", self.conclusion())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, effect: &ProgrammeEffect, unit: f64) -> fmt::Result {
    let interval = effect
        .interval
        .map_or("-".to_owned(), |interval| format!("{:+.1} to {:+.1}", unit * interval.lower, unit * interval.upper));
    let relative = effect.relative.map_or("-".to_owned(), |relative| format!("{:+.1} %", 100.0 * relative));
    let (with, without, difference) = (unit * effect.participants, unit * effect.comparable, unit * effect.difference);
    writeln!(f, "  {name:<22} {with:>10.1} {without:>10.1} {difference:>+10.1} {interval:>18} {relative:>9}")
}

fn number(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn percent(share: f64) -> String {
    format!("{} %", number(share))
}

fn points(difference: f64) -> String {
    format!("{:+.1}", 100.0 * difference)
}
