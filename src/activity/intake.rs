//! What came in and what was left out.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What ingestion read, kept and left out, in rows of the log.
///
/// `rows = events + null_user + null_time + before_window + after_window`: a row is counted under the first of these
/// reasons that applies. The last three fields count kept events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Intake {
    /// Rows read.
    pub rows: u64,
    /// Rows that became part of the activity.
    pub events: u64,
    /// Rows left out because the user is null.
    pub null_user: u64,
    /// Rows left out because the time is null.
    pub null_time: u64,
    /// Rows left out because they lie before the first day that was asked for.
    pub before_window: u64,
    /// Rows left out because they lie after the day as of which the activity is seen.
    pub after_window: u64,
    /// Kept events without an account, though accounts are mapped; absent from
    /// [`by_account`](crate::Activity::by_account).
    pub without_account: u64,
    /// Kept events without a feature, though features are mapped.
    pub without_feature: u64,
    /// Kept events without a value, though values are mapped; they add 0.
    pub without_value: u64,
}

impl Intake {
    /// Rows left out, for whatever reason.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.null_user + self.null_time + self.before_window + self.after_window
    }
}

impl AddAssign for Intake {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.events += other.events;
        self.null_user += other.null_user;
        self.null_time += other.null_time;
        self.before_window += other.before_window;
        self.after_window += other.after_window;
        self.without_account += other.without_account;
        self.without_feature += other.without_feature;
        self.without_value += other.without_value;
    }
}

impl fmt::Display for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows read, {} events kept", self.rows, self.events)?;
        let kinds = [
            (self.null_user, "left out: no user"),
            (self.null_time, "left out: no time"),
            (self.before_window, "left out: before the window"),
            (self.after_window, "left out: after the window"),
            (self.without_account, "kept without account"),
            (self.without_feature, "kept without feature"),
            (self.without_value, "kept without value"),
        ];
        for (count, kind) in kinds.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "; {count} {kind}")?;
        }
        Ok(())
    }
}
