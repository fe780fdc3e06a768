//! Programme impact in words and on one screen.

use std::fmt;

use super::{LaterParticipants, LeftOut, ProgrammeEffect, ProgrammeImpact};
use crate::print;
use crate::statistics::ratio;

impl ProgrammeImpact {
    /// What came out, in plain sentences: the effect on retention with its interval, or why there is none, and what the
    /// naive comparison says.
    #[must_use]
    pub fn conclusion(&self) -> String {
        let days = self.options.horizon_days();
        let Some(effect) = self.retention() else {
            return self.nobody();
        };
        let shares = format!(
            "{} of the {} participants judged were retained {days} days later, against {} of comparable people: {} \
             points",
            percent(effect.participants),
            self.judged(),
            percent(effect.comparable),
            points(effect.difference)
        );
        let Some(interval) = effect.interval else {
            return format!("{shares}. No spread was seen, so nothing says how sure that is.");
        };
        let level = format!("{:.1}", 100.0 * self.options.confidence);
        let level = level.trim_end_matches(".0");
        let range = format!("{level} % interval {} to {}", points(interval.lower), points(interval.upper));
        let verdict = if interval.lower > 0.0 {
            "Taking part made people stay, if nothing tells them apart that the log does not show"
        } else if interval.upper < 0.0 {
            "Taking part made people leave, if nothing tells them apart that the log does not show"
        } else {
            "No effect can be told from chance"
        };
        let naive = self.naive.difference().map_or(String::new(), |naive| {
            format!(" The naive comparison from first activity says {} points.", points(naive))
        });
        format!("{verdict}. {shares} ({range}).{naive}")
    }

    fn nobody(&self) -> String {
        // Of a segment, most unknown participants are those of the others.
        let known = self.participants() - self.left_out(LeftOut::Unknown);
        let (asked, count) = if known > 0 { (1, known) } else { (0, self.participants()) };
        match LeftOut::ALL.into_iter().skip(asked).rev().max_by_key(|&reason| self.left_out(reason)) {
            Some(reason) if count > 0 => format!(
                "None of the {count} participants can be judged; the most frequent reason is: {reason} ({}).",
                self.left_out(reason)
            ),
            _ => "Nobody took part, so there is nothing to judge.".to_owned(),
        }
    }
}

impl fmt::Display for ProgrammeImpact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Programme impact, {} days after taking part, as of {}", self.options.horizon_days(), self.as_of)?;
        let head = ["took part", "comparable", "difference", "interval", "relative"];
        writeln!(f, "  {:<22} {:>10} {:>10} {:>10} {:>18} {:>9}", "", head[0], head[1], head[2], head[3], head[4])?;
        if let Some([retention, active_days]) = &self.effects {
            row(f, "retained, in %", retention, 100.0)?;
            row(f, "active days", active_days, 1.0)?;
        }
        let naive = self.naive;
        let share = |part: u64, whole: u64| print::percent(ratio(part, whole));
        let with = share(naive.participants_retained, naive.participants);
        let without = share(naive.others_retained, naive.others);
        let difference = naive.difference().map_or("-".to_owned(), points);
        writeln!(f, "  {:<22} {with:>10} {without:>10} {difference:>10}  not to be trusted", "naive, retained, in %")?;

        writeln!(f, "  {} participants, {} judged", self.participants(), self.judged())?;
        for reason in LeftOut::ALL.into_iter().filter(|&reason| self.left_out(reason) > 0) {
            writeln!(f, "    left out: {reason}, {}", self.left_out(reason))?;
        }
        write!(f, "  compared with {} people", self.comparable)?;
        if let Some(later) = self.later.filter(|_| self.options.later == LaterParticipants::Kept) {
            write!(f, "; {} of the comparison took part later, within the horizon", percent(later))?;
        }
        let standardised = |difference: Option<f64>| difference.map_or("-".to_owned(), |value| format!("{value:+.2}"));
        for balance in &self.balance {
            let (before, after) = (standardised(balance.before), standardised(balance.after));
            let name = balance.covariate.name();
            write!(f, "\n  {name}: standardised difference {before} before matching, {after} after")?;
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

fn percent(share: f64) -> String {
    format!("{} %", print::percent(Some(share)))
}

fn points(difference: f64) -> String {
    format!("{:+.1}", 100.0 * difference)
}
