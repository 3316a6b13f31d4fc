//! Reading many rows in order: some columns, a slice, what a predicate wants.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use arrow_select::filter::{filter, filter_record_batch};
use windrow_columnar::{BoundPredicate, ColumnError, ColumnSchema, Predicate, Strings};
use windrow_format::ChunkLocation;

use super::reader::{Head, Inner, TableReader, Wanted, rows_of};
use super::{DEFAULT_SCAN_BATCH_BYTES, column_error};
use crate::error::{Error, Result};
use crate::pool::{self, Pipeline};
use crate::verify::Fault;

/// One in so many rows, or fewer, are read one by one.
const SPARSE: usize = 32;

/// Rows of most pages.
const PAGE_ROWS: u64 = 4096;

/// What to read of a table, in order. Made by [`TableReader::scan`].
#[derive(Debug, Clone)]
#[must_use = "a scan reads nothing before `batches`"]
pub struct Scan {
    inner: Arc<Inner>,
    columns: Option<Vec<String>>,
    predicate: Option<Predicate>,
    rows: Range<u64>,
    batch_rows: Option<usize>,
    max_batch_bytes: u64,
    prune: bool,
    strings: Strings,
}

impl Scan {
    pub(super) fn new(table: &TableReader) -> Self {
        Self {
            inner: Arc::clone(table.inner()),
            columns: None,
            predicate: None,
            rows: 0..table.len(),
            batch_rows: None,
            max_batch_bytes: DEFAULT_SCAN_BATCH_BYTES,
            prune: true,
            strings: Strings::AsWritten,
        }
    }

    /// Only these columns, in this order; default all.
    pub fn columns<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Only the rows that `predicate` is true for, among those of [`rows`](Self::rows); default all.
    pub fn filter(mut self, predicate: Predicate) -> Self {
        self.predicate = Some(match self.predicate.take() {
            Some(before) => Predicate::And(vec![before, predicate]),
            None => predicate,
        });
        self
    }

    /// Only the rows with these numbers, cut at the end of the table; default all.
    pub fn rows(mut self, rows: Range<u64>) -> Self {
        let len = self.inner.reader.len();
        self.rows = rows.start.min(len)..rows.end.min(len);
        self
    }

    /// The most rows of a batch, 1 at least; default those of a row group.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = Some(rows.max(1));
        self
    }

    /// Bytes of rows in memory that are decoded at once, about; default [`DEFAULT_SCAN_BATCH_BYTES`], 16 MiB. Larger row
    /// groups come in parts. As many as there are processors, and one more, are decoded ahead.
    pub fn max_batch_bytes(mut self, bytes: u64) -> Self {
        self.max_batch_bytes = bytes.max(1);
        self
    }

    /// Whether row groups are passed over whose statistics say that the predicate is true for none of their rows; default
    /// `true`. Statistics prove nothing: whoever wrote the file can hide rows with them.
    pub fn prune(mut self, prune: bool) -> Self {
        self.prune = prune;
        self
    }

    /// The form of text and binary columns; default as they were written.
    pub fn strings(mut self, strings: Strings) -> Self {
        self.strings = strings;
        self
    }

    /// Begins to read.
    ///
    /// # Errors
    /// [`Error::Column`] for unknown columns, and predicates that do not fit them.
    pub fn batches(self) -> Result<TableScan> {
        let columns = self.inner.columns(self.columns.as_deref())?;
        let schema = self.inner.schema.with_strings(self.strings);
        let fault = |source| column_error(self.inner.name(), None, source);
        let predicate = self
            .predicate
            .as_ref()
            .map(|predicate| predicate.bind(&schema));
        let predicate = predicate.transpose().map_err(fault)?;
        let arrow = schema.arrow().project(&columns).map_err(|error| {
            fault(ColumnError::SchemaDiffers {
                what: error.to_string(),
            })
        })?;
        let threads = pool::threads(self.inner.reader.options().max_parallelism());
        Ok(TableScan {
            schema: Arc::new(arrow),
            work: Arc::new(Work {
                inner: self.inner,
                schema,
                columns,
                predicate,
                prune: self.prune,
            }),
            rows: self.rows,
            batch_rows: self.batch_rows,
            max_batch_bytes: self.max_batch_bytes,
            jobs: Pipeline::new(),
            threads,
            ready: VecDeque::new(),
        })
    }
}

/// Record batches of a scan, in order. Row groups are decoded ahead on the worker pool. After an error it is at its end.
///
/// With [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip), rows that cannot be read are left out: those of
/// a row group, or of the part of a large one that is decoded at once. [`Reader::skipped`](crate::Reader::skipped) of
/// the table's [`file`](TableReader::file) lists them once the scan has come to them.
#[derive(Debug)]
pub struct TableScan {
    schema: SchemaRef,
    work: Arc<Work>,
    /// What is not handed to the pool yet.
    rows: Range<u64>,
    batch_rows: Option<usize>,
    max_batch_bytes: u64,
    jobs: Pipeline<Result<Decoded>>,
    threads: usize,
    ready: VecDeque<RecordBatch>,
}

/// What became of the rows of a job.
#[derive(Debug)]
enum Decoded {
    /// Those that are wanted, if there are any.
    Rows(Option<RecordBatch>),
    Skipped(Fault),
}

/// What is the same for all row groups of a scan.
#[derive(Debug)]
struct Work {
    inner: Arc<Inner>,
    schema: ColumnSchema,
    columns: Vec<usize>,
    predicate: Option<BoundPredicate>,
    prune: bool,
}

impl TableScan {
    /// The schema of its batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Hands the next rows to the pool: those of a row group, or as many of them as may be decoded at once.
    fn begin_next(&mut self) -> Result<()> {
        let location = self.work.inner.reader.chunk_of(self.rows.start)?;
        let group = rows_of(&location);
        let mut end = group.end.min(self.rows.end);
        if location.decoded_bytes > self.max_batch_bytes {
            let each = location
                .decoded_bytes
                .div_ceil(location.records.max(1))
                .max(1);
            let mut rows = (self.max_batch_bytes / each).max(1);
            // Pages that two parts need are decoded twice.
            if rows > PAGE_ROWS {
                rows -= rows % PAGE_ROWS;
            }
            end = end.min(self.rows.start + rows);
        }
        let rows = self.rows.start - group.start..end - group.start;
        self.rows.start = end;
        let work = Arc::clone(&self.work);
        self.jobs
            .push(self.threads > 1, move || work.read_or_skip(&location, rows));
        Ok(())
    }

    fn next_decoded(&mut self) -> Result<Option<RecordBatch>> {
        if self.jobs.is_inherited() {
            // Its jobs stayed in the parent.
            let source = std::io::Error::other(
                "a scan cannot go on in a forked process; begin a new one there",
            );
            return Err(Error::io(self.work.inner.name(), "read", source));
        }
        loop {
            while !self.rows.is_empty() && self.jobs.len() <= self.threads {
                self.begin_next()?;
            }
            match self.jobs.pop().transpose()? {
                Some(Decoded::Rows(Some(batch))) if batch.num_rows() > 0 => {
                    return Ok(Some(batch));
                }
                Some(Decoded::Rows(_)) => {}
                Some(Decoded::Skipped(fault)) => self.work.inner.list_skipped(fault),
                None => return Ok(None),
            }
        }
    }
}

impl Iterator for TableScan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Some(Ok(batch));
            }
            let batch = match self.next_decoded() {
                Ok(Some(batch)) => batch,
                Ok(None) => return None,
                Err(error) => {
                    self.rows.start = self.rows.end;
                    self.jobs.clear();
                    return Some(Err(error));
                }
            };
            let most = self.batch_rows.unwrap_or(batch.num_rows());
            let begins = (0..batch.num_rows()).step_by(most);
            let parts = begins.map(|begin| batch.slice(begin, most.min(batch.num_rows() - begin)));
            self.ready.extend(parts);
        }
    }
}

impl Work {
    fn read_or_skip(&self, location: &ChunkLocation, rows: Range<u64>) -> Result<Decoded> {
        match self.read(location, rows.clone()) {
            Ok(batch) => Ok(Decoded::Rows(batch)),
            Err(error) => {
                let first = location.first_record;
                let lost = first + rows.start..first + rows.end;
                let fault = self.inner.fault_to_skip(location, lost, error)?;
                Ok(Decoded::Skipped(fault))
            }
        }
    }

    /// Reads `rows` of a row group; `None` if none of them is wanted.
    fn read(&self, location: &ChunkLocation, rows: Range<u64>) -> Result<Option<RecordBatch>> {
        if self.is_ruled_out(location)? {
            return Ok(None);
        }
        let head = self.inner.head(location)?;
        let Some(predicate) = &self.predicate else {
            return self
                .read_columns(location, &head, &self.columns, vec![rows])
                .map(Some);
        };
        if self.prune
            && let Some(statistics) = self.inner.statistics_of(head.header.data_hash)?
            && !predicate.may_match(statistics, location.records, &self.schema)
        {
            return Ok(None);
        }
        let asked = self.read_columns(location, &head, predicate.columns(), vec![rows.clone()])?;
        let fault = |source| column_error(self.inner.name(), Some(rows_of(location)), source);
        let wanted = predicate.evaluate(&asked).map_err(fault)?;
        let count = wanted.count_set_bits();
        if count == 0 {
            return Ok(None);
        }
        self.join(location, &head, predicate, &asked, rows, &wanted, count)
            .map(Some)
    }

    /// Whether statistics say that nothing of a row group is wanted, before anything of it is read.
    fn is_ruled_out(&self, location: &ChunkLocation) -> Result<bool> {
        let Some(predicate) = self.predicate.as_ref().filter(|_| self.prune) else {
            return Ok(false);
        };
        let told = self.inner.statistics_at(location.chunk)?;
        Ok(told.is_some_and(|told| !predicate.may_match(told, location.records, &self.schema)))
    }

    /// The wanted rows: of the columns that the predicate asked for, and of the others.
    #[allow(clippy::too_many_arguments, reason = "what was read so far, and where")]
    fn join(
        &self,
        location: &ChunkLocation,
        head: &Head,
        predicate: &BoundPredicate,
        asked: &RecordBatch,
        rows: Range<u64>,
        wanted: &BooleanBuffer,
        count: usize,
    ) -> Result<RecordBatch> {
        let known = |column: &usize| predicate.columns().iter().position(|other| other == column);
        let mut others: Vec<usize> = self
            .columns
            .iter()
            .copied()
            .filter(|column| known(column).is_none())
            .collect();
        others.sort_unstable();
        others.dedup();
        let mask = BooleanArray::new(wanted.clone(), None);
        let broken = |error: arrow_schema::ArrowError| {
            let what = error.to_string();
            column_error(
                self.inner.name(),
                Some(rows_of(location)),
                ColumnError::SchemaDiffers { what },
            )
        };
        let rest = if others.is_empty() {
            None
        } else if count * SPARSE <= wanted.len() {
            let runs = wanted
                .set_slices()
                .map(|(begin, end)| rows.start + begin as u64..rows.start + end as u64);
            Some(self.read_columns(location, head, &others, runs.collect())?)
        } else {
            let all = self.read_columns(location, head, &others, vec![rows])?;
            Some(if count == wanted.len() {
                all
            } else {
                filter_record_batch(&all, &mask).map_err(broken)?
            })
        };
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match (known(column), &rest) {
                (Some(place), _) if count == wanted.len() => asked.column(place).clone(),
                (Some(place), _) => filter(asked.column(place), &mask).map_err(broken)?,
                (None, Some(rest)) => rest
                    .column(others.partition_point(|other| other < column))
                    .clone(),
                (None, None) => {
                    unreachable!("a column that the predicate does not ask for is among the others")
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let schema = self.schema.arrow().project(&self.columns).map_err(broken)?;
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &options).map_err(broken)
    }

    fn read_columns(
        &self,
        location: &ChunkLocation,
        head: &Head,
        columns: &[usize],
        rows: Vec<Range<u64>>,
    ) -> Result<RecordBatch> {
        let wanted = Wanted {
            schema: &self.schema,
            columns,
            rows,
        };
        self.inner.read(location, head, &wanted)
    }
}
