//! `windrow rechunk`: the same records in other chunks.

use std::path::{Path, PathBuf};

use clap::Args;
use windrow::{DictionaryOption, Layout, Reader, RecordsMetadata, WriterOptions};

use crate::convert::{self, Format, Metadata, OutputArgs, Source, Target};
use crate::error::{CliError, Exit, chain};
use crate::interrupt;
use crate::options::WriterArgs;
use crate::output::complain;
use crate::progress::Progress;
use crate::reading::{self, ReadArgs};
use crate::table::{self, TableArgs};

/// What `rechunk` is asked to do.
#[derive(Debug, Args)]
pub struct RechunkArgs {
    /// The array_record file to read
    input: PathBuf,
    /// The array_record file to write
    output: PathBuf,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    writer: WriterArgs,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    output_args: OutputArgs,
}

pub fn run(args: &RechunkArgs) -> Result<Exit, CliError> {
    for path in [&args.input, &args.output] {
        if path == Path::new("-") {
            return Err(CliError::NoStream);
        }
    }
    let output = convert::check_output(&args.output, args.output_args.force)?;
    let reader = Reader::open_with(&args.input, args.read.options())?;
    if reader.has_columns() {
        return table::rechunk(
            &args.input,
            reader,
            &output,
            &args.output,
            &args.writer,
            &args.table,
            args.output_args,
        );
    }
    args.table.check_unused()?;
    let base = base_options(&args.input, &reader, args.output_args.quiet)?;
    let (kept, left_out) = kept_metadata(&args.input, &reader, args.read.skips())?;
    let options = args.writer.parse_over(&base)?.with_records_metadata(kept);
    let source = Source::of_reader(&args.input, reader);
    let mut metadata = Metadata::default();
    metadata.merge(&source)?;
    interrupt::catch();
    let mut target = Target::create(&output, Format::ArrayRecord, options, metadata)?;
    let progress = Progress::new(
        args.output_args.quiet,
        &output.display().to_string(),
        convert::total_bytes(std::slice::from_ref(&args.input)),
    );
    let interrupted = || CliError::Interrupted {
        path: output.clone(),
    };
    let source = std::iter::once(Ok(source));
    let mut poured = convert::pour(source, &mut target, interrupted, &progress)?;
    poured.skipped += left_out;
    let written = target.finish()?;
    drop(progress);
    convert::report(&args.output, 1, written, poured, args.output_args)
}

/// The options that the file at `input` was written with, as far as it tells them, with its dictionary.
pub fn base_options(input: &Path, reader: &Reader, quiet: bool) -> Result<WriterOptions, CliError> {
    let options = told_options(input, reader, quiet);
    Ok(match reader.dictionaries()?.first() {
        Some(dictionary) => options.with_dictionary(DictionaryOption::Given(dictionary.clone())),
        None => options,
    })
}

fn told_options(input: &Path, reader: &Reader, quiet: bool) -> WriterOptions {
    let text = reader.writer_options_string();
    let text = text.map(|text| {
        text.strip_suffix(windrow::format::VERSION_2_HINT)
            .unwrap_or(text)
    });
    if let Some(Ok(options)) = text.map(str::parse::<WriterOptions>) {
        return options;
    }
    let group_size = u32::try_from(reader.footer().group_size.max(1)).unwrap_or(u32::MAX);
    let layout = if reader.footer().metadata.has_pages {
        Layout::Pages
    } else {
        Layout::Groups
    };
    let options = WriterOptions::new()
        .with_group_size(group_size)
        .with_layout(layout);
    if !quiet {
        complain(&crate::error::printable(&format!(
            "{}: the file does not tell its options; what is not given is taken from {options}",
            input.display()
        )));
    }
    options
}

/// What the file at `input` says of its records, for the output, and how many parts of the file were left out there:
/// with `skips`, what cannot be read is told and left out.
pub fn kept_metadata(
    input: &Path,
    reader: &Reader,
    skips: bool,
) -> Result<(Option<RecordsMetadata>, u64), CliError> {
    let error = match reader.records_metadata() {
        Ok(metadata) => return Ok((metadata, 0)),
        Err(error) => error,
    };
    let windrow::Error::Format { source, .. } = &error else {
        return Err(error.into());
    };
    let byte = source.at().map_or(0, |at| at.byte);
    let first = reader.chunk_location(0).ok();
    let is_chunk_of_records = first.is_some_and(|first| first.begin <= byte);
    let is_listed = |fault: &windrow::Fault| fault.bytes.contains(&byte);
    if is_chunk_of_records || reader.skipped().iter().any(is_listed) {
        // Whoever reads the records is told.
        return Ok((None, 0));
    }
    if !skips {
        return Err(error.into());
    }
    let text = format!("skipped what it says of its records: {}", chain(source));
    reading::tell_line(input, &text);
    Ok((None, 1))
}
