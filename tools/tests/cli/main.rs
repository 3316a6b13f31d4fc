//! Runs the `windrow` command and looks at what it prints, writes and returns.

mod cat;
mod convert;
mod csv;
mod help;
mod inspect;
mod readme;
mod rechunk;
mod scratch;
#[cfg(unix)]
mod signals;
mod text_input;
mod tfrecord;
mod verify;
