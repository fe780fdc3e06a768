//! The integration tests, in one binary: every test binary links polars.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect should panic, and its numbers are small"
)]

mod adoption;
mod alerts;
mod back_test;
mod breadth;
mod breadth_of_use;
mod churn;
mod churn_database;
mod churn_feedback;
mod churn_kill;
mod churn_records;
mod churn_schema;
mod churn_taxonomy;
mod clock_times;
mod clock_windows;
mod cohorts;
mod company;
mod comparison;
mod competing_risks;
mod customers;
mod daily_states;
mod direct;
mod doors;
mod edges;
mod engagement_gap;
mod enrichment;
mod feature_days;
mod golden;
mod health;
mod health_fit;
mod high_value_fading;
mod impact;
mod key_contact_loss;
mod lifecycle;
mod lifetimes;
mod limits;
mod log;
mod matrix;
mod onboarding_stall;
mod oracle;
mod parts;
mod payment_trouble;
mod planted;
mod poor_health;
mod portfolio;
mod power_curve;
mod properties;
mod real_logs;
mod reason_mix;
mod reason_returns;
mod renewal_approaching;
mod seats_shrinking;
mod segmented;
mod simulate;
mod stored;
mod support_spike;
mod surveys;
mod tables;
mod triggers_of_use;
mod usage_frequency;
