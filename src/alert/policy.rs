//! When findings become alerts, and when alerts end.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::trigger::Severity;

/// Longer stretches than this, a hundred years, are refused.
const MOST_DAYS: u32 = 36_525;

/// When findings become alerts, and when alerts end.
///
/// ```text
/// opens        a trigger of the cause fired, severely enough, on every date asked over so many days
/// escalates    it fires more severely than the alert ever was, or was open for so many days and nobody acknowledged it
/// cools down   all triggers that raised it were quiet on every date asked over so many days
/// comes back   it fires again, as for opening, before it is closed: the same alert, and no second one
/// closes       it stayed quiet for so many days more, with nothing in between that would open an alert: what fires less
///              severely keeps an alert from cooling down, but not one that cooled down from closing
/// ```
///
/// Days are counted between dates that said the same. A date on which a trigger did not observe neither ends such a
/// stretch nor makes it longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertPolicy {
    pub(super) opens: Severity,
    pub(super) confirm_days: u32,
    pub(super) quiet_days: u32,
    pub(super) cooldown_days: u32,
    pub(super) escalate_after: Option<u32>,
    pub(super) weekly_cap: Option<u32>,
}

impl AlertPolicy {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        Self {
            opens: Severity::Medium,
            confirm_days: 2,
            quiet_days: 7,
            cooldown_days: 28,
            escalate_after: Some(14),
            weekly_cap: Some(25),
        }
    }

    /// The least severity that opens an alert. [`Severity::Medium`] unless told, which is worth a call; what is worth a look
    /// stands in the findings.
    #[must_use]
    pub fn opens(mut self, severity: Severity) -> Self {
        self.opens = severity;
        self
    }

    /// Over how many days it has to have fired before it opens an alert; with 0 at once. 2 unless told, so on three days in a
    /// row: a test that fires by chance seldom does so thrice, and none of the causes is a matter of hours.
    #[must_use]
    pub fn confirm_days(mut self, days: u32) -> Self {
        self.confirm_days = days;
        self
    }

    /// Over how many days it has to have been quiet before an alert cools down; with 0 at once. 7 unless told: every weekday
    /// was in it, so that no alert goes because a weekend came.
    #[must_use]
    pub fn quiet_days(mut self, days: u32) -> Self {
        self.quiet_days = days;
        self
    }

    /// For how many days on end an alert that cooled down has to stay quiet before it is closed, and for how many after
    /// somebody closed it the same cause opens nothing but what is more severe. A firing that was too short to come back begins
    /// the count anew, and days that were not observed are not counted. 28 unless told: most triggers look back over four weeks,
    /// so that sooner they speak of the same days.
    #[must_use]
    pub fn cooldown_days(mut self, days: u32) -> Self {
        self.cooldown_days = days;
        self
    }

    /// After how many days an open alert that nobody acknowledged escalates; never with `None`. 14 unless told: whoever was
    /// on holiday for two weeks should have had somebody to stand in.
    #[must_use]
    pub fn escalate_after(mut self, days: impl Into<Option<u32>>) -> Self {
        self.escalate_after = days.into();
        self
    }

    /// How many alerts may come on the list anew within any seven days; any number with `None`. The most urgent open, the
    /// others are held and open as soon as there is room, if they still fire. An alert that was on the list, cooled down and comes
    /// back before it is closed is not new, and comes beyond the cap. 25 unless told: five a working day is what one person can take
    /// up; a team of four takes 100.
    #[must_use]
    pub fn weekly_cap(mut self, alerts: impl Into<Option<u32>>) -> Self {
        self.weekly_cap = alerts.into();
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse =
            |option, value: u32, reason| Err(Error::InvalidOption { option, value: value.to_string(), reason });
        for (option, days, least) in [
            ("confirm_days", self.confirm_days, 0),
            ("quiet_days", self.quiet_days, 0),
            ("cooldown_days", self.cooldown_days, 0),
            ("escalate_after", self.escalate_after.unwrap_or(1), 1),
        ] {
            if !(least..=MOST_DAYS).contains(&days) {
                return refuse(option, days, "is a number of days from 0, or 1 for an escalation, to 36525");
            }
        }
        if self.weekly_cap == Some(0) {
            return refuse("weekly_cap", 0, "no alert would ever open; leave the cap out with None, or allow for 1");
        }
        Ok(())
    }
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self::new()
    }
}
