//! The integration tests, in one binary: every test binary links polars.

mod golden;
