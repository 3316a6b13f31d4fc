//! `windrow convert`: records from one format to another.

mod csv;
mod disguise;
mod fault;
mod format;
mod header;
mod input;
mod lines;
mod place;
mod report;
mod source;
mod target;
mod tfrecord;

use std::path::{Path, PathBuf};

use clap::Args;

pub use disguise::Disguise;
pub use fault::{InputFault, RecordFault};
pub use format::Format;
pub use header::{Header, Metadata};
pub use place::check_output;
pub use report::report;
pub use source::Source;
pub use target::{Refused, Target, Written};

use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::options::WriterArgs;
use crate::progress::Progress;

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
    /// Format of the inputs, where their names do not tell it
    #[arg(long, value_name = "FORMAT", value_enum)]
    from: Option<Format>,
    /// Format of the output, where its name does not tell it
    #[arg(long, value_name = "FORMAT", value_enum)]
    to: Option<Format>,
    /// What the first row of CSV is
    #[arg(long, value_enum, default_value_t = Header::Keep)]
    header: Header,
    /// Leave user metadata out of the output
    #[arg(long)]
    no_metadata: bool,
    #[command(flatten)]
    writer: WriterArgs,
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
    let formats = args
        .inputs
        .iter()
        .map(|path| format_of(path, args.from, "--from"))
        .collect::<Result<Vec<_>, _>>()?;
    if args.output_args.json && args.output == Path::new("-") {
        return Err(CliError::ReportOnOutput);
    }
    if args
        .inputs
        .iter()
        .filter(|path| *path == Path::new("-"))
        .count()
        > 1
    {
        return Err(CliError::StdinTwice);
    }
    place::check_purpose(&args.output, &formats, to)?;
    let output = check_output(&args.output, args.output_args.force)?;
    let options = args.writer.parse()?;
    let group_size = options.group_size();
    let open = |index: usize| Source::open(&args.inputs[index], formats[index], args.header);

    // All inputs are opened once before anything is written, so that what is wrong with the last one is not found
    // hours later. Pipes stay open; files are opened again when their turn comes, for there may be many.
    let mut metadata = Metadata::default();
    let mut held = Vec::with_capacity(args.inputs.len());
    for index in 0..args.inputs.len() {
        let source = open(index)?;
        if !args.no_metadata {
            metadata.merge(&source)?;
        }
        held.push((!source.can_reopen()).then_some(source));
    }
    if args.header != Header::Keep {
        metadata.remove_csv();
    }
    let sources = held
        .into_iter()
        .enumerate()
        .map(|(index, source)| source.map_or_else(|| open(index), Ok));
    if output != Path::new("-") {
        interrupt::catch();
    }
    let target = Target::create(&output, to, options, metadata)?;
    let progress = Progress::new(
        args.output_args.quiet,
        &output.display().to_string(),
        total_bytes(&args.inputs),
    );
    pour(sources, target, &output, &progress).and_then(|(written, decoded_bytes)| {
        drop(progress);
        let exit = report(
            &args.output,
            args.inputs.len(),
            written,
            decoded_bytes,
            args.output_args,
        )?;
        report::hint(written, decoded_bytes, group_size, args.output_args);
        Ok(exit)
    })
}

/// Moves all records of `sources` into `target`, and returns what was written and how many bytes of records.
pub fn pour(
    sources: impl Iterator<Item = Result<Source, CliError>>,
    mut target: Target,
    output: &Path,
    progress: &Progress,
) -> Result<(Written, u64), CliError> {
    let interrupted = || CliError::Interrupted {
        path: output.to_path_buf(),
    };
    let mut record = Vec::new();
    let (mut bytes_before, mut decoded_bytes) = (0, 0);
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
            decoded_bytes += record.len() as u64;
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
    }
    if interrupt::requested() {
        return Err(interrupted());
    }
    Ok((target.finish()?, decoded_bytes))
}

fn format_of(path: &Path, given: Option<Format>, option: &'static str) -> Result<Format, CliError> {
    let format = given.or_else(|| Format::of_path(path));
    match format {
        Some(Format::ArrayRecord) if path == Path::new("-") => Err(CliError::NoStream),
        Some(format) => Ok(format),
        None => Err(CliError::NoFormat {
            path: path.to_path_buf(),
            option,
        }),
    }
}

/// Sum of the inputs' sizes, if all are files.
pub fn total_bytes(inputs: &[PathBuf]) -> Option<u64> {
    inputs
        .iter()
        .map(|path| {
            let metadata = path.metadata().ok()?;
            metadata.is_file().then_some(metadata.len())
        })
        .sum()
}
