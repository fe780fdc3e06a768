//! What enrichment takes for engaged, and how far it looks back.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::health::HealthOptions;
use crate::reason::cancellation::flaws;

/// More weeks are not looked at: of a year and a half of use, what comes before says little of how it ended.
const MOST_WEEKS: u32 = 104;

/// How [`Portfolio::enrich`](crate::Portfolio::enrich) should look at the use before a cancellation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnrichmentOptions {
    pub(super) weeks: u32,
    pub(super) took_off: f64,
    pub(super) stop_days: u32,
    pub(super) faded: f64,
    pub(super) level: f64,
    pub(super) health: Option<HealthOptions>,
    /// The names of the class of engagement and of the band of health.
    #[serde(default = "usual_names")]
    pub(super) attributes: [String; 2],
}

fn usual_names() -> [String; 2] {
    ["engagement", "health"].map(str::to_owned)
}

impl EnrichmentOptions {
    /// With the default options.
    #[must_use]
    pub fn new() -> Self {
        let health = Some(HealthOptions::default());
        let attributes = usual_names();
        Self { weeks: 52, took_off: 1.0, stop_days: 14, faded: 2.0 / 3.0, level: 0.05, health, attributes }
    }

    /// How many weeks before the cancellation the trend is taken over, at the most; 8 to 104. 52 unless told: a year has
    /// every season once.
    #[must_use]
    pub fn weeks(mut self, weeks: u32) -> Self {
        self.weeks = weeks;
        self
    }

    /// So many active days a week, on average over some four weeks in a row, are use that took off. 1 unless told: who
    /// never came back every week had no habit to lose.
    #[must_use]
    pub fn took_off(mut self, active_days: f64) -> Self {
        self.took_off = active_days;
        self
    }

    /// So many days without use before the cancellation can be a sudden stop. 14 unless told: longer than a usual holiday.
    #[must_use]
    pub fn stop_days(mut self, days: u32) -> Self {
        self.stop_days = days;
        self
    }

    /// At most this share of the mean level in the last four weeks is a fading. Two thirds unless told: less is hard to
    /// tell from a slack month.
    #[must_use]
    pub fn faded(mut self, share: f64) -> Self {
        self.faded = share;
        self
    }

    /// The largest two-sided p-value at which a falling trend is one. 0.05 unless told, by convention.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// By what health is scored. The standard profile unless told; a fitted one is better.
    #[must_use]
    pub fn health(mut self, options: impl Into<HealthOptions>) -> Self {
        self.health = Some(options.into());
        self
    }

    /// Leaves health out, which takes longer than all else.
    #[must_use]
    pub fn without_health(mut self) -> Self {
        self.health = None;
        self
    }

    /// What [`ChurnRecords::enriched`](crate::ChurnRecords::enriched) calls the class of engagement and the band of health
    /// among the attributes of records. `engagement` and `health` unless told; others where records have attributes of
    /// these names.
    #[must_use]
    pub fn attributes(mut self, engagement: impl Into<String>, health: impl Into<String>) -> Self {
        self.attributes = [engagement.into(), health.into()];
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |option, value: String, reason| Err(Error::InvalidOption { option, value, reason });
        let share = |number: f64| number > 0.0 && number < 1.0;
        if !(8..=MOST_WEEKS).contains(&self.weeks) {
            return refuse("weeks", self.weeks.to_string(), "a trend is taken over 8 to 104 weeks");
        }
        if !(self.took_off > 0.0 && self.took_off <= 7.0) {
            return refuse(
                "took_off",
                self.took_off.to_string(),
                "is a number of active days a week, above 0 and up to 7",
            );
        }
        if self.stop_days == 0 {
            return refuse("stop_days", self.stop_days.to_string(), "a stop lasts a day at least");
        }
        if !share(self.faded) {
            return refuse("faded", self.faded.to_string(), "is a share between 0 and 1");
        }
        if !share(self.level) {
            return refuse("level", self.level.to_string(), "is a p-value between 0 and 1");
        }
        let [engagement, health] = &self.attributes;
        let flaw = self.attributes.iter().find_map(|name| flaws::attribute(name));
        if let Some(reason) = flaw.or((engagement == health).then_some("names both; give each a name of its own")) {
            return refuse("attributes", format!("{engagement:?}, {health:?}"), reason);
        }
        Ok(())
    }
}

impl Default for EnrichmentOptions {
    fn default() -> Self {
        Self::new()
    }
}
