//! How array_record files are read, and what is told of those that are not whole.

use std::path::Path;

use clap::{Args, ValueEnum};
use windrow::{Fault, OnCorrupt, Reader, ReaderOptions};

use crate::error::{chain, printable};
use crate::output::{complain, count, size};

/// What all commands that read records accept.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ReadArgs {
    /// What becomes of parts of array_record files that cannot be read
    #[arg(long, value_name = "ACTION", value_enum, default_value_t = Action::Raise)]
    on_corrupt: Action,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Action {
    /// The first one ends the command
    #[default]
    Raise,
    /// They are left out and listed on standard error, and the exit code is 1
    Skip,
}

impl ReadArgs {
    pub fn options(self) -> ReaderOptions {
        ReaderOptions::new().with_on_corrupt(match self.on_corrupt {
            Action::Raise => OnCorrupt::Raise,
            Action::Skip => OnCorrupt::Skip,
        })
    }

    pub fn skips(self) -> bool {
        self.on_corrupt == Action::Skip
    }
}

/// Tells on standard error what of a file its reader does not show, and returns how many parts it skipped. To be called
/// when all is read.
pub fn tell(path: &Path, reader: &Reader) -> u64 {
    tell_state(path, reader);
    tell_skips(path, reader)
}

/// What a file holds.
fn noun(reader: &Reader) -> &'static str {
    if reader.has_columns() {
        "row"
    } else {
        "record"
    }
}

/// Tells of a file that is not complete.
pub fn tell_state(path: &Path, reader: &Reader) {
    let noun = noun(reader);
    if reader.is_scanned() {
        tell_line(
            path,
            &format!("has no index that can be used: its {noun}s were found by a scan"),
        );
    }
    let behind = reader.file_bytes().saturating_sub(reader.sealed_bytes());
    if behind > 0 {
        tell_line(
            path,
            &format!(
                "{} behind its last index are left out: an append is under way or was cut off",
                size(behind)
            ),
        );
    }
}

/// Lists what a reader skipped, and returns how many parts there are.
pub fn tell_skips(path: &Path, reader: &Reader) -> u64 {
    let noun = noun(reader);
    let listed = tell_skipped_of(path, &reader.skipped(), noun);
    let all = listed.max(reader.stats().chunks_skipped);
    if all > listed {
        tell_line(
            path,
            &format!("skipped {} more", count(all - listed, "part")),
        );
    }
    all
}

/// Lists parts of a file that were skipped, and returns how many there are.
pub fn tell_skipped(path: &Path, faults: &[Fault]) -> u64 {
    tell_skipped_of(path, faults, "record")
}

fn tell_skipped_of(path: &Path, faults: &[Fault], noun: &str) -> u64 {
    for fault in faults {
        tell_line(path, &skipped_in_words(fault, noun));
    }
    faults.len() as u64
}

fn skipped_in_words(fault: &Fault, noun: &str) -> String {
    let (bytes, code, message) = (&fault.bytes, fault.code(), chain(&fault.error));
    let chunk = fault.chunk.map(|chunk| format!(", chunk {chunk}"));
    let records = fault.records.as_ref();
    let lost = records.map(|lost| format!("; {noun}s {}..{} lost", lost.start, lost.end));
    format!(
        "skipped bytes {}..{}{}: {code}: {message}{}",
        bytes.start,
        bytes.end,
        chunk.unwrap_or_default(),
        lost.unwrap_or_default()
    )
}

/// A line on standard error about a file.
pub fn tell_line(path: &Path, text: &str) {
    complain(&printable(&format!("{}: {text}", path.display())));
}
