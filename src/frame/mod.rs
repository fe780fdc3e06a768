//! The only door to polars: columns come in as plain numbers, answers go out as frames.

pub(crate) mod read;
pub(crate) mod write;
