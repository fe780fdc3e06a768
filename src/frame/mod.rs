//! The only door to polars: columns come in as plain numbers, answers go out as frames.

pub(crate) mod ids;
pub(crate) mod keys;
pub(crate) mod numbers;
pub(crate) mod pool;
pub(crate) mod read;
pub(crate) mod stored;
pub(crate) mod times;
pub(crate) mod write;

pub use write::ToFrame;
pub(crate) use write::to_frame;
