//! Arrow tables: writing them to files of columns, and reading columns and rows back.

mod options;
mod parts;
mod reader;
mod scan;
mod survey;
mod take;
mod writer;

pub use options::TableOptions;
pub use reader::TableReader;
pub use scan::{Scan, TableScan};
pub use writer::TableWriter;

use std::ops::Range;

use arrow_schema::SchemaRef;
use windrow_columnar::{ColumnError, ColumnSchema};

use crate::error::{Error, Result, SourceName};

/// Bytes of rows in memory at which a row group ends, whatever its number of rows.
pub const DEFAULT_GROUP_BYTES: u64 = 16 << 20;
/// Bytes of rows in memory that a scan decodes at once.
pub const DEFAULT_SCAN_BATCH_BYTES: u64 = 16 << 20;

/// The message of a schema as a writer of the file makes it.
pub(crate) fn schema_message(name: &SourceName, schema: SchemaRef) -> Result<Vec<u8>> {
    let schema = ColumnSchema::new(schema).map_err(|source| column_error(name, None, source))?;
    Ok(schema.message().to_vec())
}

/// An error of columns, with the file and the rows that it concerns.
fn column_error(name: &SourceName, rows: Option<Range<u64>>, source: ColumnError) -> Error {
    match source {
        ColumnError::Format(source) => Error::format(name, rows, source),
        source => Error::Column {
            name: name.clone(),
            rows,
            source: Box::new(source),
        },
    }
}
