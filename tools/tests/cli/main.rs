//! Runs the `windrow` command and looks at what it prints, writes and returns.

mod append;
#[cfg(unix)]
mod append_ends;
mod cat;
mod convert;
mod csv;
mod follow;
mod help;
mod inspect;
mod on_corrupt;
mod readme;
mod rechunk;
mod repair;
mod scratch;
#[cfg(unix)]
mod signals;
mod text_input;
mod tfrecord;
mod verify;
