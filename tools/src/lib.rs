//! The `windrow` command as a function: looks into ArrayRecord files, checks them and converts them.
//!
//! The program `windrow` is [`run`] with the arguments of the process; the Python package calls it, too, so that its
//! `windrow` command is the same.
//!
//! ```
//! let args = ["windrow", "--version"].map(Into::into);
//! assert_eq!(windrow_cli::run(args), 0);
//! ```
//!
//! [`advise`](mod@advise) is what the command of that name does, on records in memory.

pub mod advise;
mod append;
mod bench;
mod cat;
mod command;
mod convert;
mod error;
mod inspect;
mod interrupt;
mod measure;
mod options;
mod output;
mod progress;
mod reading;
mod rechunk;
mod repair;
mod sample;
mod table;
mod train;
mod verify;

pub use command::run;
