//! `windrow verify`: what is wrong with files.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use windrow::{Fault, VerifyOptions, VerifyReport};

use crate::error::{CliError, Exit, chain, printable};
use crate::output::{ErrorLine, Stdout, complain, count, size};
use crate::progress::Progress;

/// What `verify` is asked to do.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Files to check; all are checked, whatever is wrong with one
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Also decode every record
    #[arg(long)]
    deep: bool,
    /// Print one line of JSON per file (see tools/JSON.md in the repository)
    #[arg(long)]
    json: bool,
    /// No progress bar, and no line for files that are sound
    #[arg(long, short)]
    quiet: bool,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct FileLine<'a> {
    kind: &'static str,
    path: String,
    sound: bool,
    deep: bool,
    file_bytes: u64,
    blocks: u64,
    chunks: u64,
    data_chunks: u64,
    records: Option<u64>,
    decoded_bytes: u64,
    dead_bytes: u64,
    records_lost: Option<u64>,
    faults: Vec<FaultLine<'a>>,
    faults_omitted: u64,
}

/// One fault in `--json`.
#[derive(Debug, Serialize)]
pub struct FaultLine<'a> {
    code: &'a str,
    message: String,
    byte: u64,
    bytes: [u64; 2],
    chunk: Option<u64>,
    records: Option<[u64; 2]>,
}

pub fn run(args: &VerifyArgs) -> Result<Exit, CliError> {
    let mut out = Stdout::lock();
    let mut exit = Exit::Fine;
    for path in &args.files {
        let this = match check(path, args) {
            Ok(report) => {
                if args.json {
                    out.json(&file_line(path, args, &report))?;
                } else {
                    print(path, args, &report, &mut out)?;
                }
                Exit::bad_if(!report.is_sound())
            }
            Err(error) => {
                if args.json {
                    out.json(&ErrorLine::new(path, &error))?;
                }
                out.flush()?;
                complain(&error.one_line());
                error.exit()
            }
        };
        exit = exit.max(this);
        // Whoever watches sees each file when it is done.
        out.flush()?;
    }
    out.finish()?;
    Ok(exit)
}

fn check(path: &Path, args: &VerifyArgs) -> Result<VerifyReport, CliError> {
    let total = path.metadata().ok().map(|metadata| metadata.len());
    let progress = Progress::new(args.quiet, &path.display().to_string(), total);
    let options = VerifyOptions::new()
        .with_deep(args.deep)
        .with_progress(progress.setter());
    Ok(windrow::verify(path, &options)?)
}

fn print(
    path: &Path,
    args: &VerifyArgs,
    report: &VerifyReport,
    out: &mut Stdout,
) -> Result<(), CliError> {
    let path = path.display();
    for fault in &report.faults {
        let fault = FaultLine::new(fault).in_words();
        out.line(&printable(&format!("{path}: {fault}")))?;
    }
    if report.is_sound() {
        if args.quiet {
            return Ok(());
        }
        return out.line(&printable(&format!(
            "{path}: sound: {} in {}, {}, {} of dead bytes",
            count(report.records.unwrap_or_default(), "record"),
            count(report.data_chunks, "chunk"),
            size(report.file_bytes),
            size(report.dead_bytes),
        )));
    }
    let faults = report.faults.len() as u64 + report.faults_omitted;
    let faults = count(faults, "fault");
    let lost = match report.records {
        Some(all) => format!(
            "{} lost of {all}",
            count(records_lost(&report.faults), "record")
        ),
        None => "how many records are lost is not known".to_owned(),
    };
    let remedy = remedy(&path.to_string(), report);
    out.line(&printable(&format!(
        "{path}: bad: {faults}, {lost}{remedy}"
    )))
}

fn file_line<'a>(path: &Path, args: &VerifyArgs, report: &'a VerifyReport) -> FileLine<'a> {
    FileLine {
        kind: "file",
        path: path.display().to_string(),
        sound: report.is_sound(),
        deep: args.deep,
        file_bytes: report.file_bytes,
        blocks: report.blocks,
        chunks: report.chunks,
        data_chunks: report.data_chunks,
        records: report.records,
        decoded_bytes: report.decoded_bytes,
        dead_bytes: report.dead_bytes,
        records_lost: report.records.map(|_| records_lost(&report.faults)),
        faults: report.faults.iter().map(FaultLine::new).collect(),
        faults_omitted: report.faults_omitted,
    }
}

impl<'a> FaultLine<'a> {
    pub fn new(fault: &'a Fault) -> Self {
        let pair = |range: &Range<u64>| [range.start, range.end];
        Self {
            code: fault.code(),
            message: chain(&fault.error),
            byte: byte_of(fault),
            bytes: pair(&fault.bytes),
            chunk: fault.chunk,
            records: fault.records.as_ref().map(pair),
        }
    }

    /// Place, code, message and what is lost, without the path.
    pub fn in_words(&self) -> String {
        let chunk = self
            .chunk
            .map_or(String::new(), |chunk| format!(", chunk {chunk}"));
        let lost = self.records.map_or(String::new(), |[begin, end]| {
            format!("; records {begin}..{end} lost")
        });
        let (byte, code, message) = (self.byte, self.code, &self.message);
        format!("byte {byte}{chunk}: {code}: {message}{lost}")
    }

    pub fn with_path(self, path: &Path) -> LoneFault<'a> {
        LoneFault {
            kind: "fault",
            path: path.display().to_string(),
            fault: self,
        }
    }
}

/// A fault on a line of its own.
#[derive(Debug, Serialize)]
pub struct LoneFault<'a> {
    kind: &'static str,
    path: String,
    #[serde(flatten)]
    fault: FaultLine<'a>,
}

/// Where the fault is: the structure that is wrong, or else the first byte that is affected.
fn byte_of(fault: &Fault) -> u64 {
    fault.error.at().map_or(fault.bytes.start, |at| at.byte)
}

/// Records in the faults' ranges, each counted once.
fn records_lost(faults: &[Fault]) -> u64 {
    covered(
        faults
            .iter()
            .filter_map(|fault| fault.records.clone())
            .collect(),
    )
}

/// How many numbers lie in at least one of `ranges`.
pub fn covered(mut ranges: Vec<Range<u64>>) -> u64 {
    ranges.sort_by_key(|range| range.start);
    let (mut numbers, mut counted_to) = (0, 0);
    for range in ranges {
        let begin = range.start.max(counted_to);
        numbers += range.end.saturating_sub(begin);
        counted_to = counted_to.max(range.end);
    }
    numbers
}

/// What to do about a file that is not sound.
fn remedy(path: &str, report: &VerifyReport) -> String {
    let codes = |wanted: &[&str]| {
        report
            .faults
            .iter()
            .any(|fault| wanted.contains(&fault.code()))
    };
    if codes(&["not_array_record"]) {
        return String::new();
    }
    // What an append cuts off by itself stands at the end.
    let is_end = |fault: &Fault| {
        matches!(fault.code(), "no_postscript" | "unfinished_append")
            || fault.bytes.end == report.file_bytes
    };
    let can_grow = codes(&["no_postscript", "unfinished_append"])
        && report.faults.iter().all(is_end)
        && report.faults_omitted == 0;
    let append = if can_grow {
        format!("windrow append {path} completes it, ")
    } else {
        String::new()
    };
    format!("; {append}windrow repair {path} -o OUT writes what is whole to another file")
}
