//! `windrow rechunk` of a file of columns: the same rows in other row groups.

use std::path::Path;

use windrow::{Reader, TableOptions, TableReader};

use super::source::Source;
use super::target::Target;
use super::{TableArgs, page_codec};
use crate::convert::{self, Format, OutputArgs, Poured};
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::options::WriterArgs;
use crate::progress::Progress;

/// Writes the rows of the open file at `input` to `output`. What is not given is as in the file.
pub fn rechunk(
    input: &Path,
    reader: Reader,
    output: &Path,
    shown: &Path,
    writer: &WriterArgs,
    table: &TableArgs,
    output_args: OutputArgs,
) -> Result<Exit, CliError> {
    let codec = page_codec(writer)?;
    let reader = TableReader::from_reader(reader)?;
    let mut options = TableOptions::new();
    for (key, value) in reader.file().user_metadata() {
        options = options.with_metadata(key.clone(), value.clone());
    }
    let options = table.table_options(options, codec);
    let options = match reader.file().writer_options_string() {
        Some(echo) => options.over(echo),
        None => options,
    };
    let schema = reader.schema().clone();
    let narrow = table.narrow()?;
    let mut source = Source::of_table(input, reader, &narrow)?;
    let schema = if narrow.columns.is_some() {
        source.schema().clone()
    } else {
        schema
    };
    interrupt::catch();
    let mut target = Target::create(output, Format::Columns, &schema, options, codec)?;
    let progress = Progress::new(
        output_args.quiet,
        &output.display().to_string(),
        input.metadata().ok().map(|metadata| metadata.len()),
    );
    let mut poured = Poured::default();
    loop {
        if interrupt::requested() {
            return Err(CliError::Interrupted {
                path: output.to_path_buf(),
            });
        }
        progress.set(source.bytes_done());
        let Some(batch) = source.next()? else {
            break;
        };
        poured.decoded_bytes += batch.get_array_memory_size() as u64;
        target.write(&batch)?;
    }
    poured.skipped += source.tell();
    let written = target.finish()?;
    drop(progress);
    convert::report_rows(shown, 1, written, poured, output_args)
}
