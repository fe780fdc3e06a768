//! Answers straight from Parquet files, for questions that need less of a log than an activity holds.
//!
//! What a file tells of its row groups says beforehand which columns of which rows a question needs, and where ids are small
//! numbers or lie close together, what is found of each stands at a place of its own in an array. So an answer costs
//! little more than to decode those columns. Whatever a log may have that cannot be had so is left to the long way: the
//! activity, and the question to it. Both ways give the same answer; that is tested.

mod dense;
mod ends;
mod lifetimes;
mod log;
mod people;
mod tallies;
mod usage;
