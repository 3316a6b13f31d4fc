//! Checking whole files, and listing their chunks.
//!
//! With an index that passed the checks at open, a file is a row of *sections*: from byte 0 to the first listed chunk,
//! from each listed chunk to the next, from the footer to the postscript, from there to the end. Each section begins
//! and ends at a place that the footer's hash covers, so sections are read and checked on several threads, and damage
//! in one says nothing about the others. Without an index the whole file is one section.

mod check;
mod columns;
mod file;
mod jobs;
mod options;
mod report;
mod scan;
mod section;
mod walk;
mod window;

pub use file::{verify, verify_store};
pub use options::{DEFAULT_MAX_FAULTS, VerifyOptions};
pub use report::{Fault, FaultError, VerifyReport};
pub use scan::{ChunkScanner, Scanned, ScannedChunk, scan_chunks, scan_store};
pub use section::ChunkRole;
pub(crate) use section::Section;
pub(crate) use walk::{Found, FoundChunk, Walk};
pub(crate) use window::{ReadError, SharedStore, Window};

#[cfg(test)]
mod tests;
