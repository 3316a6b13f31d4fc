//! The schema of another file, for a table that has lost its own.

use std::path::Path;

use windrow::{ColumnFileOptions, OnCorrupt, Reader, ReaderOptions, RecoverOptions};

use super::source::{Hints, Narrow, Source};
use crate::convert::{Format, Header};
use crate::error::CliError;
use crate::reading::ReadArgs;

/// `options` with the schema of the table at `path`, which may be of any format that holds one. A file of columns need
/// not be whole: its schema is taken to the last bit.
pub fn with_schema_of(options: RecoverOptions, path: &Path) -> Result<RecoverOptions, CliError> {
    let format = Format::of_path(path).unwrap_or(Format::Columns);
    if matches!(format, Format::ArrayRecord | Format::Columns) {
        let skipping = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
        let reader = Reader::open_with(path, skipping)?;
        return Ok(options.with_schema_message(ColumnFileOptions::of(&reader)?.schema));
    }
    let hints = Hints {
        header: Header::Keep,
        nulls: &[],
        types: &[],
        expected: None,
    };
    let read = ReadArgs::default();
    let source = Source::open(path, format, &hints, &Narrow::default(), read)?;
    Ok(options.with_schema(source.schema().clone()))
}
