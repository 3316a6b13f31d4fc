//! Rows of a Parquet file.

use std::cell::Cell;
use std::fs::File;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

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
        let builder = caught(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
        let rows = builder.metadata().file_metadata().num_rows();
        let mask = mask(&builder, narrow)?;
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        Ok(Self {
            reader: caught(|| builder.build())?,
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
        let batch = caught(|| self.reader.next().transpose())?;
        self.rows_done += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Ok(batch)
    }
}

/// The columns that `narrow` names.
fn mask(
    builder: &ParquetRecordBatchReaderBuilder<File>,
    narrow: &Narrow,
) -> Result<ProjectionMask, Failure> {
    let schema = builder.schema();
    let (Some(mut columns), predicate) = narrow.bind(schema)? else {
        return Ok(ProjectionMask::all());
    };
    columns.extend(predicate.iter().flat_map(|predicate| predicate.columns()));
    let is_named = |name: &str| columns.iter().any(|&at| schema.field(at).name() == name);
    // By their names: a group without fields is a root of the file's schema, and no column.
    let file = builder.parquet_schema();
    let roots = file.root_schema().get_fields().iter().enumerate();
    let named = roots.filter(|(_, root)| is_named(root.name()));
    Ok(ProjectionMask::roots(file, named.map(|(root, _)| root)))
}

thread_local! {
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// What `read` returns; a panic is an error of the file, and nothing is printed.
///
/// The Parquet reader checks a part of what a file says of itself: of a hundred files with random damage one or two make it
/// index behind the end of a slice, unwrap an error or overflow. None of that leaves more behind than a reader that is of no
/// use, and after an error nobody asks it again.
fn caught<T, E: Into<NotParquet>>(read: impl FnOnce() -> Result<T, E>) -> Result<T, Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                told(panic);
            }
        }));
    });
    IS_READING.set(true);
    let result = catch_unwind(AssertUnwindSafe(read));
    IS_READING.set(false);
    let fault = match result {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => TableFault::Parquet {
            what: error.into().0,
        },
        Err(panic) => {
            let what = match panic.downcast::<String>() {
                Ok(what) => *what,
                Err(panic) => panic.downcast_ref().copied().unwrap_or("panic").to_owned(),
            };
            TableFault::ParquetDamaged { what }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_reader_is_an_error() {
        for (read, expected) in [
            (
                (|| panic!("a word")) as fn() -> Result<(), ParquetError>,
                "cannot be read as Parquet: a word, the file is damaged",
            ),
            (
                || panic!("{} words", 2),
                "cannot be read as Parquet: 2 words, the file is damaged",
            ),
            (
                || panic::panic_any(3),
                "cannot be read as Parquet: panic, the file is damaged",
            ),
            (
                || Err(ParquetError::EOF("early".to_owned())),
                "cannot be read as Parquet: EOF: early",
            ),
        ] {
            let Err(Failure::Table { fault, .. }) = caught(read) else {
                panic!("no error: {expected}");
            };
            assert_eq!(fault.to_string(), expected);
            assert!(!IS_READING.get());
        }
    }
}
