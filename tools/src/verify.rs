//! `windrow verify`: what is wrong with files.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use windrow::{Fault, ReaderOptions, VerifyOptions, VerifyReport};

use crate::error::{CliError, Exit, chain, printable};
use crate::output::{ErrorLine, Stdout, complain, count, size};
use crate::progress::Progress;
use crate::table;

/// What `verify` is asked to do.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Files to check; all are checked, whatever is wrong with one
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Also decode every record, and every page of columns, and compare statistics
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
struct FileLine {
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
    faults: Vec<FaultLine>,
    faults_omitted: u64,
}

/// One fault in `--json`.
#[derive(Debug, Serialize)]
pub struct FaultLine {
    code: &'static str,
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
            Ok(found) => {
                let exit = Exit::bad_if(!found.is_sound());
                if args.json {
                    out.json(&file_line(path, args, found))?;
                } else {
                    print(path, args, &found, &mut out)?;
                }
                exit
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

/// What was found in a file.
struct Found {
    report: VerifyReport,
    faults: Vec<FaultLine>,
    /// What it holds: records or rows.
    noun: &'static str,
}

impl Found {
    fn is_sound(&self) -> bool {
        self.report.is_sound()
    }

    /// Records in the faults' ranges, each counted once.
    fn records_lost(&self) -> u64 {
        let ranges = self.faults.iter().filter_map(|fault| fault.records);
        covered(ranges.map(|[begin, end]| begin..end).collect())
    }
}

fn check(path: &Path, args: &VerifyArgs) -> Result<Found, CliError> {
    let total = path.metadata().ok().map(|metadata| metadata.len());
    let progress = Progress::new(args.quiet, &path.display().to_string(), total);
    let options = VerifyOptions::new()
        .with_deep(args.deep)
        .with_progress(progress.setter());
    let report = windrow::verify(path, &options)?;
    let faults = report.faults.iter().map(FaultLine::new).collect();
    let has_columns = table::holds_columns(path, ReaderOptions::new());
    Ok(Found {
        report,
        faults,
        noun: if has_columns { "row" } else { "record" },
    })
}

fn print(path: &Path, args: &VerifyArgs, found: &Found, out: &mut Stdout) -> Result<(), CliError> {
    let path = path.display();
    let Found {
        report,
        faults,
        noun,
    } = found;
    for fault in faults {
        let fault = fault.in_words_of(noun);
        out.line(&printable(&format!("{path}: {fault}")))?;
    }
    if found.is_sound() {
        if args.quiet {
            return Ok(());
        }
        return out.line(&printable(&format!(
            "{path}: sound: {} in {}, {}, {} of dead bytes",
            count(report.records.unwrap_or_default(), noun),
            count(report.data_chunks, "chunk"),
            size(report.file_bytes),
            size(report.dead_bytes),
        )));
    }
    let faults = faults.len() as u64 + report.faults_omitted;
    let faults = count(faults, "fault");
    let lost = match report.records {
        Some(all) => format!("{} lost of {all}", count(found.records_lost(), noun)),
        None => format!("how many {noun}s are lost is not known"),
    };
    let remedy = remedy(&path.to_string(), report);
    out.line(&printable(&format!(
        "{path}: bad: {faults}, {lost}{remedy}"
    )))
}

fn file_line(path: &Path, args: &VerifyArgs, found: Found) -> FileLine {
    let (records_lost, sound) = (found.records_lost(), found.is_sound());
    let Found { report, faults, .. } = found;
    FileLine {
        kind: "file",
        path: path.display().to_string(),
        sound,
        deep: args.deep,
        file_bytes: report.file_bytes,
        blocks: report.blocks,
        chunks: report.chunks,
        data_chunks: report.data_chunks,
        records: report.records,
        decoded_bytes: report.decoded_bytes,
        dead_bytes: report.dead_bytes,
        records_lost: report.records.map(|_| records_lost),
        faults,
        faults_omitted: report.faults_omitted,
    }
}

impl FaultLine {
    pub fn new(fault: &Fault) -> Self {
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
        self.in_words_of("record")
    }

    fn in_words_of(&self, noun: &str) -> String {
        let chunk = self
            .chunk
            .map_or(String::new(), |chunk| format!(", chunk {chunk}"));
        let lost = self.records.map_or(String::new(), |[begin, end]| {
            format!("; {noun}s {begin}..{end} lost")
        });
        let (byte, code, message) = (self.byte, self.code, &self.message);
        format!("byte {byte}{chunk}: {code}: {message}{lost}")
    }

    pub fn with_path(self, path: &Path) -> LoneFault {
        LoneFault {
            kind: "fault",
            path: path.display().to_string(),
            fault: self,
        }
    }
}

/// A fault on a line of its own.
#[derive(Debug, Serialize)]
pub struct LoneFault {
    kind: &'static str,
    path: String,
    #[serde(flatten)]
    fault: FaultLine,
}

/// Where the fault is: the structure that is wrong, or else the first byte that is affected.
fn byte_of(fault: &Fault) -> u64 {
    fault.error.at().map_or(fault.bytes.start, |at| at.byte)
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
