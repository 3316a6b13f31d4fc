//! `windrow convert`: records from one format to another.

mod csv;
mod disguise;
mod fault;
mod format;
mod header;
mod input;
mod inputs;
mod lines;
mod place;
mod report;
mod source;
mod target;
mod tfrecord;

use std::path::{Path, PathBuf};

use clap::Args;

pub use disguise::Disguise;
pub use fault::{InputFault, JsonError, RecordFault};
pub use format::Format;
pub use header::{Header, Metadata};
pub use input::{Fault, Input, MAX_RECORD_BYTES};
pub use inputs::{InputArgs, Inputs, SourceArgs, format_of, total_bytes};
pub use lines::read as read_line;
pub use place::{check_output, is_same_file};
pub use report::{report, report_rows};
pub use source::Source;
pub use target::{Out, Refused, Target, Written};

use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::options::WriterArgs;
use crate::progress::Progress;
use crate::table::{self, TableArgs};

/// Records between two looks at Ctrl-C and two moves of the bar.
const RECORDS_PER_LOOK: u64 = 256;

/// What `convert` is asked to do.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Files to read, in this order; - is standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// File to write; - is standard output
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,
    /// Format of the output, where its name does not tell it
    #[arg(long, value_name = "FORMAT", value_enum)]
    to: Option<Format>,
    #[command(flatten)]
    input_args: InputArgs,
    #[command(flatten)]
    writer: WriterArgs,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    output_args: OutputArgs,
}

/// What all commands that write a file accept.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Replace the output if it exists
    #[arg(long)]
    pub force: bool,
    /// Print a report in JSON on standard output (see tools/JSON.md in the repository)
    #[arg(long)]
    pub json: bool,
    /// No progress bar, no summary
    #[arg(long, short)]
    pub quiet: bool,
}

pub fn run(args: &ConvertArgs) -> Result<Exit, CliError> {
    place::check_name(&args.output)?;
    let to = format_of(&args.output, args.to, "--to")?;
    let formats = args.input_args.formats_of(&args.inputs)?;
    if args.output_args.json && args.output == Path::new("-") {
        return Err(CliError::ReportOnOutput);
    }
    place::check_purpose(&args.output, &formats, to)?;
    let output = check_output(&args.output, args.output_args.force)?;
    if table::is_meant(&args.inputs, &formats, to, args.input_args.read()) {
        return table::convert(&table::Conversion {
            inputs: &args.inputs,
            formats: &formats,
            output: &output,
            shown: &args.output,
            to,
            header: args.input_args.header(),
            read: args.input_args.read(),
            keep_metadata: args.input_args.keeps_metadata(),
            writer: &args.writer,
            table: &args.table,
            output_args: args.output_args,
        });
    }
    args.table.check_unused()?;
    let options = args.writer.parse()?;
    let group_size = options.group_size();
    let mut inputs = Inputs::open(&args.inputs, &formats, args.input_args)?;
    if output != Path::new("-") {
        interrupt::catch();
    }
    let metadata = std::mem::take(&mut inputs.metadata);
    let mut target = Target::create(&output, to, options, metadata)?;
    let progress = Progress::new(
        args.output_args.quiet,
        &output.display().to_string(),
        total_bytes(&args.inputs),
    );
    let interrupted = || CliError::Interrupted {
        path: output.clone(),
    };
    let poured = pour(inputs.sources(), &mut target, interrupted, &progress)?;
    let written = target.finish()?;
    drop(progress);
    let exit = report(
        &args.output,
        args.inputs.len(),
        written,
        poured,
        args.output_args,
    )?;
    report::hint(written, poured.decoded_bytes, group_size, args.output_args);
    Ok(exit)
}

/// What went through [`pour`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Poured {
    /// Sum of the records' sizes in bytes.
    pub decoded_bytes: u64,
    /// Parts of inputs that were skipped.
    pub skipped: u64,
}

/// Moves all records of `sources` into `target`, and tells what was skipped. `interrupted` is the error that a signal
/// makes.
pub fn pour(
    sources: impl Iterator<Item = Result<Source, CliError>>,
    target: &mut Target,
    interrupted: impl Fn() -> CliError,
    progress: &Progress,
) -> Result<Poured, CliError> {
    let mut record = Vec::new();
    let mut poured = Poured::default();
    let mut bytes_before = 0;
    for source in sources {
        let mut source = source?;
        loop {
            if source.records().is_multiple_of(RECORDS_PER_LOOK) {
                if interrupt::requested() {
                    return Err(interrupted());
                }
                progress.set(bytes_before + source.bytes_done());
            }
            let more = source.next(&mut record);
            // A pipe that Ctrl-C interrupts says so by an error.
            if !more.map_err(|error| {
                if interrupt::requested() {
                    interrupted()
                } else {
                    error
                }
            })? {
                break;
            }
            poured.decoded_bytes += record.len() as u64;
            target.write(&record).map_err(|refused| match refused {
                Refused::Other(error) => error,
                Refused::Record(fault) => CliError::Record {
                    path: source.path().to_path_buf(),
                    record: source.records() - 1,
                    line: source.line_of(source.records() - 1),
                    source: fault,
                },
            })?;
        }
        bytes_before += source.bytes_done();
        poured.skipped += source.tell();
    }
    if interrupt::requested() {
        return Err(interrupted());
    }
    Ok(poured)
}
