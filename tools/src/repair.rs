//! `windrow repair`: what is whole of a damaged or unfinished file, in a new one.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use windrow::{
    ColumnFileOptions, ColumnFileWriter, Fault, OnCorrupt, Reader, ReaderOptions, RecoverOptions,
    Recovered, RecoveryReport,
};

use crate::convert::{self, Format, Metadata, OutputArgs, Poured, Source, Target, Written};
use crate::error::{CliError, Exit, chain, printable};
use crate::interrupt;
use crate::options::WriterArgs;
use crate::output::{Stdout, complain, count, exact_size, size};
use crate::progress::Progress;
use crate::reading;
use crate::rechunk::{base_options, kept_metadata};
use crate::table::{self, TableUsage};
use crate::verify::{FaultLine, covered};

/// What `repair` is asked to do.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// The array_record file to read; it is not changed
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// The array_record file to write
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Another table with the schema of the input, which has lost its own: a file of columns, Arrow or Parquet
    #[arg(long, value_name = "FILE")]
    schema_from: Option<PathBuf>,
    #[command(flatten)]
    writer: WriterArgs,
    #[command(flatten)]
    output_args: OutputArgs,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    path: String,
    output: String,
    input_bytes: u64,
    index: Option<IndexFault>,
    records: u64,
    chunks: Option<u64>,
    file_bytes: Option<u64>,
    decoded_bytes: u64,
    provisional_records: u64,
    records_lost: u64,
    bytes_skipped: u64,
    skipped: Vec<FaultLine>,
    skipped_omitted: u64,
}

/// Why the index could not be used, in `--json`.
#[derive(Debug, Serialize)]
struct IndexFault {
    code: &'static str,
    message: String,
}

pub fn run(args: &RepairArgs) -> Result<Exit, CliError> {
    for path in [&args.input, &args.output]
        .into_iter()
        .chain(&args.schema_from)
    {
        if path == Path::new("-") {
            return Err(CliError::NoStream);
        }
    }
    if convert::is_same_file(&args.input, &args.output) {
        let path = args.output.clone();
        return Err(CliError::RepairInPlace { path });
    }
    let output = convert::check_output(&args.output, args.output_args.force)?;
    // What is wrong with the options is told before an hour of reading.
    args.writer.parse()?;
    interrupt::catch();
    let interrupted = || CliError::Interrupted {
        path: output.clone(),
    };
    let Recovered { reader, report, .. } = recover(args).map_err(|error| {
        if interrupt::requested() {
            interrupted()
        } else {
            error
        }
    })?;
    if report.records == 0 && !report.is_whole() {
        reading::tell_skipped(&args.input, &report.skipped);
        return Err(CliError::NothingToRecover {
            path: args.input.clone(),
            file_bytes: report.file_bytes,
            source: None,
        });
    }
    if let Some(error) = &report.index {
        let text = format!("{}: {}", error.code(), chain(error));
        reading::tell_line(&args.input, &text);
    }
    if reader.has_columns() {
        let (written, poured) = copy_columns(args, &reader, &output, interrupted)?;
        return tell(args, &reader, &report, written, poured);
    }
    if args.schema_from.is_some() {
        let path = args.input.clone();
        let source = TableUsage::OnlyOfColumns {
            option: "schema-from",
        };
        return Err(CliError::Table { path, source });
    }
    let base = base_options(&args.input, &reader, args.output_args.quiet)?;
    let (kept, left_out) = kept_metadata(&args.input, &reader, true)?;
    let options = args.writer.parse_over(&base)?.with_records_metadata(kept);
    let source = Source::recovered(&args.input, reader.clone());
    let mut metadata = Metadata::default();
    metadata.merge(&source)?;
    let mut target = Target::create(&output, Format::ArrayRecord, options, metadata)?;
    let progress = Progress::new(
        args.output_args.quiet,
        &output.display().to_string(),
        Some(report.file_bytes),
    );
    let source = std::iter::once(Ok(source));
    let mut poured = convert::pour(source, &mut target, interrupted, &progress)?;
    poured.skipped += left_out;
    let written = target.finish()?;
    drop(progress);
    tell(args, &reader, &report, written, poured)
}

/// Writes a file of the whole chunks of one of columns, as they are.
fn copy_columns(
    args: &RepairArgs,
    reader: &Reader,
    output: &Path,
    interrupted: impl Fn() -> CliError,
) -> Result<(Written, Poured), CliError> {
    if !args.writer.is_empty() {
        let path = args.input.clone();
        return Err(CliError::RepairOptions { path });
    }
    let mut options = ColumnFileOptions::of(reader)?;
    options.writer = options.writer.with_atomic(true);
    let mut writer = ColumnFileWriter::create_file(output, options)?;
    let progress = Progress::new(
        args.output_args.quiet,
        &output.display().to_string(),
        Some(reader.file_bytes()),
    );
    let copied = writer.push_all(reader, |position| {
        progress.set(position);
        !interrupt::requested()
    });
    if interrupt::requested() {
        return Err(interrupted());
    }
    copied?;
    let statistics = table::statistics(reader, interrupt::requested)?;
    if interrupt::requested() {
        return Err(interrupted());
    }
    if !statistics.is_empty() {
        writer.set_statistics(statistics);
    }
    let (_, summary) = writer.finish()?;
    let written = Written {
        records: summary.records,
        chunks: Some(summary.chunks),
        file_bytes: Some(summary.file_bytes),
    };
    let poured = Poured {
        decoded_bytes: summary.decoded_bytes,
        skipped: reader.skipped().len() as u64,
    };
    Ok((written, poured))
}

fn recover(args: &RepairArgs) -> Result<Recovered, CliError> {
    let mut options = RecoverOptions::new();
    if let Some(path) = &args.schema_from {
        options = table::with_schema_of(options, path)?;
    }
    let total = args.input.metadata().ok().map(|metadata| metadata.len());
    let progress = Progress::new(
        args.output_args.quiet,
        &args.input.display().to_string(),
        total,
    );
    // Chunks whose hashes fit and that do not decode are met when they are read.
    let options = options
        .with_reader_options(ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip))
        .with_progress(progress.setter())
        .with_stop(interrupt::requested);
    windrow::recover_with(&args.input, &options).map_err(|error| match error {
        windrow::Error::Format { source, .. } => CliError::NothingToRecover {
            path: args.input.clone(),
            file_bytes: total.unwrap_or_default(),
            source: Some(source),
        },
        other => other.into(),
    })
}

/// Tells what was recovered and what was lost. The skipped parts are listed already.
fn tell(
    args: &RepairArgs,
    reader: &Reader,
    report: &RecoveryReport,
    written: Written,
    poured: Poured,
) -> Result<Exit, CliError> {
    let skipped = reader.skipped();
    let scanned: HashSet<&Range<u64>> = report.skipped.iter().map(|fault| &fault.bytes).collect();
    let undecoded = skipped
        .iter()
        .filter(|fault| !scanned.contains(&fault.bytes));
    let lost_in = |fault: &Fault| {
        let records = fault.records.as_ref();
        records.map_or(0, |records| records.end.saturating_sub(records.start))
    };
    let records_lost = report.records_lost() + undecoded.map(lost_in).sum::<u64>();
    let bytes_skipped = covered(skipped.iter().map(|fault| fault.bytes.clone()).collect());
    let parts = poured.skipped + report.skipped_omitted;
    let noun = if reader.has_columns() {
        "row"
    } else {
        "record"
    };
    if args.output_args.json {
        let mut out = Stdout::lock();
        out.json(&Report {
            kind: "repaired",
            path: args.input.display().to_string(),
            output: args.output.display().to_string(),
            input_bytes: report.file_bytes,
            index: report.index.as_ref().map(|error| IndexFault {
                code: error.code(),
                message: chain(error),
            }),
            records: written.records,
            chunks: written.chunks,
            file_bytes: written.file_bytes,
            decoded_bytes: poured.decoded_bytes,
            provisional_records: report.provisional_records,
            records_lost,
            bytes_skipped,
            skipped: skipped.iter().map(FaultLine::new).collect(),
            skipped_omitted: parts.saturating_sub(skipped.len() as u64),
        })?;
        out.finish()?;
    } else if !args.output_args.quiet {
        let flushed = match report.provisional_records {
            0 => String::new(),
            records => format!(", {records} of them flushed and never finished"),
        };
        let lost = if parts == 0 {
            "nothing was skipped".to_owned()
        } else {
            format!(
                "{} skipped ({}), {} known to be lost",
                count(parts, "part"),
                size(bytes_skipped),
                count(records_lost, noun)
            )
        };
        complain(&printable(&format!(
            "{}: {} in {}, {}{flushed}; {lost}",
            args.output.display(),
            count(written.records, noun),
            count(written.chunks.unwrap_or_default(), "chunk"),
            exact_size(written.file_bytes.unwrap_or_default()),
        )));
    }
    Ok(Exit::bad_if(parts > 0))
}
