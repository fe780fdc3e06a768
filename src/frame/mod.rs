//! The only door to polars: columns come in as plain numbers, answers go out as frames.

pub(crate) mod csv;
pub(crate) mod ids;
pub(crate) mod keys;
pub(crate) mod numbers;
pub(crate) mod pool;
pub(crate) mod read;
pub(crate) mod report;
#[cfg(feature = "lazy")]
pub(crate) mod sealed;
pub(crate) mod stored;
pub(crate) mod times;
pub(crate) mod whole;
pub(crate) mod write;

pub use report::{BadRow, ImportReport};
pub use write::ToFrame;
pub(crate) use write::to_frame;

to_frame!(ImportReport);
