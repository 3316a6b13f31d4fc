//! Rows of a Parquet file.

use std::fs::File;
use std::path::Path;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::caught::caught;
use super::fault::{TableFault, TableUsage};
use super::source::{Failure, Narrow, share};

const BATCH_ROWS: usize = 8192;

/// Reads a Parquet file as record batches.
pub struct ParquetBatches {
    reader: ParquetRecordBatchReader,
    file_bytes: u64,
    rows: u64,
    rows_done: u64,
}

impl ParquetBatches {
    /// Opens `path`. Of its columns only those are read that `narrow` names; which rows are wanted is left to the caller.
    pub fn open(path: &Path, narrow: &Narrow) -> Result<Self, Failure> {
        if path == Path::new("-") || path.metadata().is_ok_and(|file| !file.is_file()) {
            return Err(TableUsage::ParquetPipe.into());
        }
        let file = File::open(path)?;
        let file_bytes = file.metadata()?.len();
        let builder = checked(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
        let rows = builder.metadata().file_metadata().num_rows();
        let mask = mask(&builder, narrow)?;
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        Ok(Self {
            reader: checked(|| builder.build())?,
            file_bytes,
            rows: u64::try_from(rows).unwrap_or(0),
            rows_done: 0,
        })
    }

    /// The schema of its batches: the columns that are read, in the order of the file.
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// Bytes that were used up, an estimate.
    pub fn bytes_done(&self) -> u64 {
        share(self.file_bytes, self.rows_done, self.rows)
    }

    pub fn next(&mut self) -> Result<Option<RecordBatch>, Failure> {
        let batch = checked(|| self.reader.next().transpose())?;
        self.rows_done += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Ok(batch)
    }
}

/// The columns that `narrow` names.
fn mask(
    builder: &ParquetRecordBatchReaderBuilder<File>,
    narrow: &Narrow,
) -> Result<ProjectionMask, Failure> {
    let Some(names) = narrow.names(builder.schema())? else {
        return Ok(ProjectionMask::all());
    };
    // By their names: a group without fields is a root of the file's schema, and no column.
    let file = builder.parquet_schema();
    let roots = file.root_schema().get_fields().iter().enumerate();
    let named = roots.filter(|(_, root)| names.iter().any(|name| name == root.name()));
    Ok(ProjectionMask::roots(file, named.map(|(root, _)| root)))
}

/// What `read` returns; a panic is an error of the file.
fn checked<T, E: Into<NotParquet>>(read: impl FnOnce() -> Result<T, E>) -> Result<T, Failure> {
    let fault = match caught(read) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => TableFault::Unreadable {
            format: "Parquet",
            what: error.into().0,
        },
        Err(what) => TableFault::Damaged {
            format: "Parquet",
            what,
        },
    };
    Err(Failure::Table { line: None, fault })
}

/// What the reader says of a file.
struct NotParquet(String);

impl From<ParquetError> for NotParquet {
    fn from(error: ParquetError) -> Self {
        Self(error.to_string())
    }
}

impl From<ArrowError> for NotParquet {
    fn from(error: ArrowError) -> Self {
        match error {
            // An error of the reader in disguise.
            ArrowError::ParquetError(what) => Self(what),
            error => Self(error.to_string()),
        }
    }
}
