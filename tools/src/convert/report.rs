//! What is told when the output is complete.

use std::path::Path;

use serde::Serialize;

use super::{OutputArgs, Poured, Written};
use crate::error::{CliError, Exit, printable};
use crate::output::{Stdout, complain, count, exact_size};

/// Up to so many records, a file is small whatever its chunks are, and no hint is given.
const FEW_RECORDS: u64 = 1000;

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    output: String,
    inputs: usize,
    records: u64,
    chunks: Option<u64>,
    file_bytes: Option<u64>,
    decoded_bytes: u64,
    skipped: u64,
}

/// The same of rows.
pub fn report_rows(
    output: &Path,
    inputs: usize,
    written: Written,
    poured: Poured,
    args: OutputArgs,
) -> Result<Exit, CliError> {
    report_of("row", output, inputs, written, poured, args)
}

/// Tells what was written: on standard error in words, with `--json` on standard output.
pub fn report(
    output: &Path,
    inputs: usize,
    written: Written,
    poured: Poured,
    args: OutputArgs,
) -> Result<Exit, CliError> {
    report_of("record", output, inputs, written, poured, args)
}

fn report_of(
    noun: &str,
    output: &Path,
    inputs: usize,
    written: Written,
    poured: Poured,
    args: OutputArgs,
) -> Result<Exit, CliError> {
    if args.json {
        let mut out = Stdout::lock();
        out.json(&Report {
            kind: "written",
            output: output.display().to_string(),
            inputs,
            records: written.records,
            chunks: written.chunks,
            file_bytes: written.file_bytes,
            decoded_bytes: poured.decoded_bytes,
            skipped: poured.skipped,
        })?;
        out.finish()?;
    } else if !args.quiet
        && let Some(file_bytes) = written.file_bytes
    {
        let chunks = written.chunks.map_or(String::new(), |chunks| {
            format!(" in {}", count(chunks, "chunk"))
        });
        complain(&printable(&format!(
            "{}: {}{chunks}, {}",
            output.display(),
            count(written.records, noun),
            exact_size(file_bytes)
        )));
    }
    Ok(Exit::bad_if(poured.skipped > 0))
}

/// Tells how to write a smaller file, if one record per chunk made it larger than the records themselves.
pub fn hint(written: Written, decoded_bytes: u64, group_size: u32, args: OutputArgs) {
    let grew = written.chunks.is_some() && written.file_bytes > Some(decoded_bytes);
    if !args.quiet && grew && group_size == 1 && written.records > FEW_RECORDS {
        complain(
            "hint: one record per chunk; --group-size 64 makes the file smaller, \
             at the cost of decoding 64 records to read one; --layout pages --dictionary auto \
             does without that, for Windrow only",
        );
    }
}
