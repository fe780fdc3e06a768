//! What the company sells: plans, their features and their limits.

/// The features, the most popular first. Each is used about 1 / (rank) times as often as the first.
pub(super) const FEATURES: [&str; 24] = [
    "dashboard",
    "reports",
    "search",
    "import",
    "export",
    "comments",
    "alerts",
    "filters",
    "sharing",
    "templates",
    "calendar",
    "tags",
    "api",
    "webhooks",
    "audit_log",
    "roles",
    "sso",
    "forecasts",
    "automation",
    "branding",
    "backups",
    "sandbox",
    "benchmarks",
    "data_lake",
];
/// The place of the feature for which the product is bought.
pub(super) const CORE: u8 = 1;

/// How much a feature is used beside the others.
pub(super) fn popularity(feature: u8) -> f64 {
    1.0 / (f64::from(feature) + 1.0)
}

/// What an account can buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Solo,
    Team,
    Business,
    Enterprise,
}

impl Plan {
    pub(super) const ALL: [Self; 4] = [Self::Solo, Self::Team, Self::Business, Self::Enterprise];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Solo => "solo",
            Self::Team => "team",
            Self::Business => "business",
            Self::Enterprise => "enterprise",
        }
    }

    /// The plan of an account: of all, this share has it or a smaller one.
    pub(super) fn drawn(share: f64) -> Self {
        match share {
            ..0.35 => Self::Solo,
            ..0.73 => Self::Team,
            ..0.95 => Self::Business,
            _ => Self::Enterprise,
        }
    }

    /// The fewest users of an account on this plan, and the number that none reaches.
    pub(super) fn users(self) -> (f64, f64) {
        match self {
            Self::Solo => (1.0, 2.0),
            Self::Team => (2.0, 9.0),
            Self::Business => (9.0, 25.0),
            Self::Enterprise => (25.0, 120.0),
        }
    }

    /// The number of features it offers: the most popular ones.
    pub(super) fn features(self) -> u8 {
        match self {
            Self::Solo => 8,
            Self::Team => 14,
            Self::Business => 20,
            Self::Enterprise => 24,
        }
    }

    /// What a seat costs a month.
    pub(super) fn price(self) -> f64 {
        match self {
            Self::Solo => 19.0,
            Self::Team => 29.0,
            Self::Business => 49.0,
            Self::Enterprise => 79.0,
        }
    }

    /// The share of accounts that pay for a year ahead.
    pub(super) fn yearly(self) -> f64 {
        match self {
            Self::Solo => 0.2,
            Self::Team => 0.4,
            Self::Business => 0.7,
            Self::Enterprise => 0.95,
        }
    }

    /// Its limits and their caps.
    pub(super) fn limits(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Solo => &[("storage_gb", 10.0)],
            Self::Team => &[("api_calls", 10_000.0), ("storage_gb", 100.0)],
            Self::Business => &[("api_calls", 100_000.0), ("storage_gb", 1_000.0)],
            Self::Enterprise => &[("api_calls", 1_000_000.0), ("storage_gb", 10_000.0)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_of_one_kind() {
        for plan in Plan::ALL {
            assert!(usize::from(plan.features()) <= FEATURES.len() && CORE < plan.features());
            assert!(plan.users().0 < plan.users().1);
        }
        assert_eq!([0.0, 0.35, 0.8, 0.999].map(Plan::drawn), Plan::ALL);
        assert!(FEATURES.iter().all(|feature| feature.len() <= 12), "polars keeps these within its views");
    }
}
