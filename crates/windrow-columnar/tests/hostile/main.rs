//! Chunks that a hostile writer made, all checksums and hashes of which fit: they are refused with the code that the
//! specification names, or give sound arrays. Each test begins from what is sound, so that it is the change that is
//! refused.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "rows that are read are ranges"
)]

#[path = "../forge/mod.rs"]
mod forge;
#[path = "../random/mod.rs"]
mod random;

mod byte_strings;
mod changes;
mod dictionaries;
mod front;
mod mutations;
mod nested;
mod pages;
mod schemas;
mod shared;
mod statistics;
mod words;
