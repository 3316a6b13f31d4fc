//! `windrow append` to a file of columns.

use std::path::{Path, PathBuf};

use windrow::{OnCorrupt, ReaderOptions, TableOptions, TableReader, TableWriter};

use super::target::Target;
use super::{Inputs, TableArgs, TableUsage, page_codec};
use crate::convert::{self, Format, Header, Poured, Written};
use crate::error::CliError;
use crate::options::WriterArgs;
use crate::progress::Progress;
use crate::reading::ReadArgs;

/// What an append to a table needs.
#[derive(Debug)]
pub struct Append<'a> {
    pub path: &'a Path,
    /// There is no file yet.
    pub is_new: bool,
    pub inputs: &'a [PathBuf],
    pub formats: &'a [Format],
    pub header: Header,
    pub read: ReadArgs,
    pub writer: &'a WriterArgs,
    pub table: &'a TableArgs,
    pub copy: bool,
    pub sync: bool,
    pub quiet: bool,
}

/// Appends the rows of the inputs. Returns what was written, and how many rows there were before.
pub fn append(asked: &Append<'_>) -> Result<(Written, Poured, u64), CliError> {
    let Append {
        path,
        inputs,
        formats,
        header,
        read,
        writer,
        table,
        ..
    } = *asked;
    let codec = page_codec(writer)?;
    let expected = if asked.is_new {
        None
    } else {
        // One that was never finished is gone on with.
        let skipping = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
        Some(TableReader::open_with(path, skipping)?.schema().clone())
    };
    let opened = Inputs::open(inputs, formats, header, table, expected, read, false)?;
    let Some(schema) = opened.schema().cloned() else {
        return Err(TableUsage::NoTable {
            format: Format::Columns,
        }
        .into());
    };
    let options = table.table_options(TableOptions::new(), codec);
    let writer = TableWriter::append(path, schema, options.with_copy(asked.copy))?;
    let before = writer.rows();
    let mut target = Target::of_writer(path, writer);
    let progress = Progress::new(
        asked.quiet,
        &path.display().to_string(),
        convert::total_bytes(inputs),
    );
    let interrupted = || CliError::AppendInterrupted {
        path: path.to_path_buf(),
    };
    let poured = opened.pour(&mut target, interrupted, &progress)?;
    let written = if asked.sync {
        target.finish_synced()?
    } else {
        target.finish()?
    };
    Ok((written, poured, before))
}
