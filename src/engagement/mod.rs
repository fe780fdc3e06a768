//! How many people use the product, how often, and how that moves.

mod active_users;
mod adoption;
mod breadth;
mod daily_state;
mod daily_states;
mod lifecycle;
mod power_curve;
mod stickiness;
mod stored;
mod transitions;
mod uses;

pub use active_users::{ActiveCount, ActiveUsers, ActiveUsersOptions, Window};
pub use adoption::{
    Adoption, AdoptionDifference, AdoptionOptions, AdoptionRetention, CohortAdoption, FeatureAdoption, FeaturePeriod,
    Landmark, TimeToFirstUse,
};
pub use breadth::{Breadth, BreadthOptions, BreadthPeriod};
pub use daily_state::DailyState;
pub use daily_states::{DailyStates, DailyStatesOptions, DayStates};
pub use lifecycle::{Lifecycle, LifecycleOptions, LifecyclePeriod, NewlyDormant};
pub use power_curve::{PowerCurve, PowerCurveOptions, PowerCurvePoint};
pub use stickiness::{DayStickiness, MonthStickiness, Stickiness, StickinessOptions};
pub use transitions::Transitions;

crate::frame::to_frame!(ActiveUsers, Adoption, Breadth, DailyStates, Lifecycle, PowerCurve, Stickiness, Transitions);
