//! What is told when an append is complete.

use serde::Serialize;

use super::AppendArgs;
use super::before::Start;
use crate::convert::{Poured, Written};
use crate::error::{CliError, Exit, printable};
use crate::output::{Stdout, complain, count, exact_size};

/// What became of the file.
#[derive(Debug)]
pub struct Appended<'a> {
    pub written: Written,
    pub poured: Poured,
    pub start: &'a Start,
    /// What the file holds.
    pub noun: &'static str,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    output: String,
    inputs: usize,
    records: u64,
    appended_records: u64,
    taken_up_records: u64,
    cut_bytes: Option<u64>,
    chunks: Option<u64>,
    file_bytes: Option<u64>,
    decoded_bytes: u64,
    skipped: u64,
}

/// Tells what was appended: on standard error in words, with `--json` on standard output.
pub fn report(args: &AppendArgs, appended: &Appended<'_>) -> Result<Exit, CliError> {
    let Appended {
        written,
        poured,
        start,
        noun,
    } = appended;
    let new = written.records.saturating_sub(start.records);
    if args.json {
        let mut out = Stdout::lock();
        out.json(&Report {
            kind: "appended",
            output: args.file.display().to_string(),
            inputs: args.inputs.len(),
            records: written.records,
            appended_records: new,
            taken_up_records: start.taken_up,
            cut_bytes: start.cut_bytes,
            chunks: written.chunks,
            file_bytes: written.file_bytes,
            decoded_bytes: poured.decoded_bytes,
            skipped: poured.skipped,
        })?;
        out.finish()?;
    } else if !args.quiet {
        let done = if new > 0 || !args.inputs.is_empty() {
            format!("{} appended", count(new, noun))
        } else if start.was_complete {
            "complete already".to_owned()
        } else {
            "completed".to_owned()
        };
        complain(&printable(&format!(
            "{}: {done}: {} in {}, {}",
            args.file.display(),
            count(written.records, noun),
            count(written.chunks.unwrap_or_default(), "chunk"),
            exact_size(written.file_bytes.unwrap_or_default()),
        )));
    }
    Ok(Exit::bad_if(poured.skipped > 0))
}
