//! Runs the `windrow` command and looks at what it prints, writes and returns.

mod advise;
mod append;
#[cfg(unix)]
mod append_ends;
mod arrow;
mod bench;
mod cat;
mod convert;
mod csv;
mod follow;
mod help;
mod inspect;
mod messages;
mod on_corrupt;
mod pages;
#[cfg(feature = "parquet")]
mod parquet;
mod readme;
mod rechunk;
mod repair;
mod scratch;
mod shop;
#[cfg(unix)]
mod signals;
#[cfg(feature = "parquet")]
mod tables;
mod text_input;
mod tfrecord;
mod train;
mod transposed;
#[cfg(feature = "parquet")]
mod values;
mod verify;
