//! `windrow append`: more records into a file that is there already.

mod before;
mod report;

use std::path::{Path, PathBuf};

use clap::Args;
use windrow::{FileSink, Writer};

use crate::convert::{self, Format, InputArgs, Inputs, Target};
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::options::WriterArgs;
use crate::progress::Progress;
use crate::table::{self, TableArgs};
use before::Before;
use report::Appended;

/// What `append` is asked to do.
#[derive(Debug, Args)]
pub struct AppendArgs {
    /// The array_record file that grows; it is made if there is none
    file: PathBuf,
    /// Files to read, in this order; - is standard input. Without any, a file that was never finished is completed
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    input_args: InputArgs,
    #[command(flatten)]
    writer: WriterArgs,
    #[command(flatten)]
    table: TableArgs,
    /// Write to a copy, which takes the place of the file at the end: whatever happens before, the file stays as it is
    #[arg(long)]
    copy: bool,
    /// Make the records durable before the command ends: they survive a loss of power
    #[arg(long)]
    sync: bool,
    /// Print a report in JSON on standard output (see tools/JSON.md in the repository)
    #[arg(long)]
    json: bool,
    /// No progress bar, no summary
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &AppendArgs) -> Result<Exit, CliError> {
    let path = &args.file;
    if path == Path::new("-") {
        return Err(CliError::NoStream);
    }
    let before = Before::look(path)?;
    let is_new_table = before.is_missing()
        && !args.inputs.is_empty()
        && Format::of_path(path) == Some(Format::Columns);
    if before.has_columns() || is_new_table {
        return append_rows(args, before);
    }
    args.table.check_unused()?;
    if before.is_missing() {
        check_new(args)?;
    }
    let formats = args.input_args.formats_of(&args.inputs)?;
    let mut options = args.writer.parse_given()?.with_copy(args.copy);
    if let Some(input) = args
        .inputs
        .iter()
        .find(|input| convert::is_same_file(path, input))
    {
        return Err(CliError::AppendToItself {
            input: input.clone(),
            path: path.clone(),
        });
    }
    let mut inputs = Inputs::open(&args.inputs, &formats, args.input_args)?;
    let metadata = std::mem::take(&mut inputs.metadata);
    if let Some(key) = metadata.contradicted_by(before.metadata()) {
        return Err(CliError::AppendMetadata {
            path: path.clone(),
            key: key.to_owned(),
        });
    }
    for (key, value) in metadata.into_pairs() {
        options = options.with_metadata(key, value);
    }

    interrupt::catch();
    let writer = Writer::append(path, options)?;
    let start = before.tell_taken_up(&writer, args.copy)?;
    let poured = pour(args, inputs, writer);
    let (written, poured) = poured.inspect_err(|_| start.put_back())?;
    report::report(
        args,
        &Appended {
            written,
            poured,
            start: &start,
            noun: "record",
        },
    )
}

/// Appends rows to a file of columns.
fn append_rows(args: &AppendArgs, before: Before) -> Result<Exit, CliError> {
    let path = &args.file;
    let formats = args.input_args.formats_of(&args.inputs)?;
    let is_own = |input: &&PathBuf| convert::is_same_file(path, input);
    if let Some(input) = args.inputs.iter().find(is_own) {
        return Err(CliError::AppendToItself {
            input: input.clone(),
            path: path.clone(),
        });
    }
    interrupt::catch();
    let is_new = before.is_missing();
    let mut start = before.start(args.copy)?;
    let appended = table::append(&table::Append {
        path,
        is_new,
        inputs: &args.inputs,
        formats: &formats,
        header: args.input_args.header(),
        read: args.input_args.read(),
        writer: &args.writer,
        table: &args.table,
        copy: args.copy,
        sync: args.sync,
        quiet: args.quiet,
    });
    let (written, poured, rows) = appended.inspect_err(|_| start.put_back())?;
    start.take_up(rows);
    report::report(
        args,
        &Appended {
            written,
            poured,
            start: &start,
            noun: "row",
        },
    )
}

/// Refuses to make a file that is most likely not meant.
fn check_new(args: &AppendArgs) -> Result<(), CliError> {
    let path = &args.file;
    if args.inputs.is_empty() {
        path.metadata().map_err(CliError::io("open", path))?;
    }
    match Format::of_path(path) {
        None | Some(Format::ArrayRecord) => Ok(()),
        Some(format) => Err(CliError::AppendFormat {
            path: path.clone(),
            format,
        }),
    }
}

/// Appends all records of the inputs and completes the file.
fn pour(
    args: &AppendArgs,
    inputs: Inputs<'_>,
    writer: Writer<FileSink>,
) -> Result<(convert::Written, convert::Poured), CliError> {
    let progress = Progress::new(
        args.quiet,
        &args.file.display().to_string(),
        convert::total_bytes(&args.inputs),
    );
    let interrupted = || CliError::AppendInterrupted {
        path: args.file.clone(),
    };
    let mut target = Target::ArrayRecord(Box::new(writer));
    let poured = convert::pour(inputs.sources(), &mut target, interrupted, &progress)?;
    let written = if args.sync {
        target.finish_synced()?
    } else {
        target.finish()?
    };
    Ok((written, poured))
}
