//! How often an account comes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::weeks::Window;
use crate::calendar::Date;
use crate::portfolio::Account;

/// Days on which the class rests.
pub(super) const CLASS_DAYS: i32 = 14;

/// How often an account comes: its active days of the last 14.
///
/// # References
///
/// ChurnZero's classes of usage frequency have these bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrequencyClass {
    /// On 1 day at most.
    Inactive,
    /// On 2 to 4 days.
    Occasional,
    /// On 5 to 8 days.
    Weekly,
    /// On 9 days or more.
    Daily,
}

impl FrequencyClass {
    fn of(days: usize) -> Self {
        match days {
            ..=1 => Self::Inactive,
            2..=4 => Self::Occasional,
            5..=8 => Self::Weekly,
            _ => Self::Daily,
        }
    }

    /// The class of an account over all of some weeks, by its mean active days in 14.
    pub(super) fn over(account: &Account<'_>, window: &Window) -> Self {
        let days = account.within(window.days()).len();
        Self::of((2 * days + window.weeks / 2) / window.weeks)
    }

    /// The class of an account as it was on a day up to the one on which it is seen; `None` where not all of the 14 days
    /// were observed.
    pub(super) fn on(account: &Account<'_>, last: Date) -> Option<Self> {
        let first = last - (CLASS_DAYS - 1);
        (first >= account.observed_from())
            .then(|| Self::of(account.within(first.days_since_epoch()..=last.days_since_epoch()).len()))
    }

    /// The name as it stands in sentences.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Occasional => "occasional",
            Self::Weekly => "weekly",
            Self::Daily => "daily",
        }
    }
}

impl fmt::Display for FrequencyClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Account<'_> {
    /// How often it comes, by its active days of the 14 that end with the day as of which it is seen. `None` where the
    /// observation does not reach back so far.
    #[must_use]
    pub fn frequency_class(&self) -> Option<FrequencyClass> {
        FrequencyClass::on(self, self.as_of())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        use FrequencyClass::{Daily, Inactive, Occasional, Weekly};
        let classes = [0, 1, 2, 4, 5, 8, 9, 14].map(FrequencyClass::of);
        assert_eq!(classes, [Inactive, Inactive, Occasional, Occasional, Weekly, Weekly, Daily, Daily]);
        assert!(classes.is_sorted());
    }
}
