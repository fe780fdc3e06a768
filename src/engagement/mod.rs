//! How many people use the product, how often, and how that moves.

mod active_users;
mod stickiness;

pub use active_users::{ActiveCount, ActiveUsers, ActiveUsersOptions, Window};
pub use stickiness::{DayStickiness, MonthStickiness, Stickiness, StickinessOptions};
