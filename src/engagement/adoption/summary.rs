//! Adoption on one screen.

use std::fmt;

use super::{Adoption, FeatureAdoption, Landmark};
use crate::calendar::Coverage;
use crate::print::{p_value, percent};

impl fmt::Display for Adoption {
    /// The features with the widest reach: reach, penetration and days per user of the latest whole period, time to
    /// first use, adoption in time, and retention of adopters and others in percent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 15;
        let options = &self.options;
        let latest = self.periods.iter().rposition(|(_, coverage)| *coverage == Coverage::Observed);
        let label = latest.map_or("none".to_owned(), |place| self.periods[place].0.start.to_string());
        writeln!(f, "Feature adoption by {}, as of {}, {} actors", options.period, self.as_of, self.actors)?;
        let within = format!("in {}d %", options.within_days);
        write!(f, "  {:<18} {:>6} {:>6} {:>6} {:>6} {within:>7}", "feature", "reach%", "used%", "days", "median")?;
        writeln!(f, " {:>6} {:>6} {:>6} {:>13} {:>8}", "with%", "w/o%", "diff", "interval", "p")?;
        let mut order: Vec<usize> = (0..self.features.len()).collect();
        order.sort_by_key(|&slot| std::cmp::Reverse(self.features[slot].adopters));
        for &slot in order.iter().take(SHOWN) {
            let one = &self.features[slot];
            let period = latest.and_then(|place| self.periods_of(slot).nth(place));
            let used = percent(period.and_then(|period| period.penetration));
            let days = number(period.and_then(|period| period.days_per_user));
            write!(f, "  {:<18} {:>6} {used:>6} {days:>6}", shortened(&one.feature, 18), percent(one.reach))?;
            let median = number(one.time_to_first_use.map(|time| time.median));
            write!(f, " {median:>6} {:>7}", percent(one.share_within))?;
            compared(f, one)?;
        }
        if self.features.len() > SHOWN {
            writeln!(f, "  and {} more with a narrower reach", self.features.len() - SHOWN)?;
        }
        if self.features.is_empty() {
            writeln!(f, "  no event names a feature")?;
        }
        writeln!(f, "  used%, days: penetration and days per user, latest whole {}: {label}", options.period)?;
        let from = options.retained_from_day();
        let first = options.within_days;
        let seen = match options.landmark {
            Landmark::SeenWithin(days) => format!(", seen on days {first} to {}", first + days - 1),
            Landmark::Everybody => String::new(),
        };
        writeln!(f, "  with%, w/o%: active on days {from} to {} after the first, used it before day {first}", {
            from + options.window - 1
        })?;
        writeln!(f, "  or not; {} actors judged of {} followed so long{seen}", self.judged(), self.followed)?;
        writeln!(f, "  diff: within cohorts; p: {} over the features", options.correction)?;
        write!(f, "  an association, not an effect: who means to stay looks around more; see programme_impact")
    }
}

fn compared(f: &mut fmt::Formatter<'_>, one: &FeatureAdoption) -> fmt::Result {
    let retention = &one.retention;
    let difference = retention.difference;
    let interval = difference.map_or("-".to_owned(), |difference| {
        let ends = difference.interval;
        format!("{:+.1} {:+.1}", 100.0 * ends.lower, 100.0 * ends.upper)
    });
    let points = difference.map_or("-".to_owned(), |one| format!("{:+.1}", 100.0 * one.difference));
    let p = difference.map_or("-".to_owned(), |one| p_value(one.adjusted_p_value));
    let (with, without) = (percent(retention.adopters_rate()), percent(retention.others_rate()));
    writeln!(f, " {with:>6} {without:>6} {points:>6} {interval:>13} {p:>8}")
}

/// At most so many characters of a name.
fn shortened(name: &str, length: usize) -> String {
    if name.chars().count() <= length {
        return name.to_owned();
    }
    name.chars().take(length - 3).chain("...".chars()).collect()
}

fn number(number: Option<f64>) -> String {
    number.map_or("-".to_owned(), |number| format!("{number:.1}"))
}
