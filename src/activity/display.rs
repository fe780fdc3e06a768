//! The activity on one screen.

use std::fmt;

use super::Activity;

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.as_of() - self.observed_from() + 1;
        writeln!(f, "Activity from {} to {} ({days} days; {})", self.observed_from(), self.as_of(), self.calendar())?;
        write!(f, "  {} actors, {} active days, {} events", self.actors(), self.active_days(), self.events())?;
        if let Some(accounts) = self.accounts() {
            write!(f, ", {accounts} accounts")?;
        }
        if !self.features().is_empty() {
            write!(f, ", {} features", self.features().len())?;
        }
        if let Some(value) = self.value() {
            write!(f, ", value {value:.2}")?;
        }
        write!(f, "\n  {}", self.intake())
    }
}
