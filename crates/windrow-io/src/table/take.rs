//! Single rows, from anywhere.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_select::interleave::interleave_record_batch;
use windrow_columnar::{ColumnError, ColumnSchema};

use super::column_error;
use super::reader::{Inner, Wanted};
use crate::error::{Error, Result};
use crate::pool::{self, Pipeline};

/// Rows below which workers are not woken.
const ROWS_TO_SHARE: usize = 64;

/// The rows with these numbers, in their order.
pub(super) fn take(
    inner: &Arc<Inner>,
    schema: &ColumnSchema,
    columns: &[usize],
    rows: &[u64],
) -> Result<RecordBatch> {
    let len = inner.reader.len();
    if let Some(&index) = rows.iter().find(|&&row| row >= len) {
        return Err(Error::OutOfRange {
            name: inner.name().clone(),
            index,
            len,
        });
    }
    let mut sorted = rows.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let groups = by_group(inner, &sorted)?;
    let shared = rows.len() >= ROWS_TO_SHARE && groups.len() > 1;
    let shared = shared && pool::threads(inner.reader.options().max_parallelism()) > 1;
    let mut jobs = Pipeline::new();
    for (first, ranges) in groups {
        let (inner, schema, columns) = (Arc::clone(inner), schema.clone(), columns.to_vec());
        jobs.push(shared, move || {
            let location = inner.reader.chunk_of(first)?;
            let head = inner.head(&location)?;
            let wanted = Wanted {
                schema: &schema,
                columns: &columns,
                rows: ranges,
            };
            inner.read(&location, &head, &wanted)
        });
    }
    let mut batches = Vec::with_capacity(jobs.len());
    while let Some(batch) = jobs.pop() {
        batches.push(batch?);
    }
    if let [only] = batches.as_slice()
        && sorted == rows
    {
        return Ok(only.clone());
    }
    in_order(inner, schema, columns, rows, &sorted, &batches)
}

/// For each row group that rows lie in, the first of them, and all of them within the group.
fn by_group(inner: &Inner, sorted: &[u64]) -> Result<Vec<(u64, Vec<Range<u64>>)>> {
    let mut groups = Vec::new();
    let mut rest = sorted;
    while let Some(&first) = rest.first() {
        let location = inner.reader.chunk_of(first)?;
        let begin = location.first_record;
        let count = rest.partition_point(|&row| row < begin + location.records);
        let (of_group, behind) = rest.split_at(count);
        rest = behind;
        let runs = of_group.chunk_by(|a, b| a + 1 == *b);
        let ranges = runs
            .map(|run| run[0] - begin..run[run.len() - 1] + 1 - begin)
            .collect();
        groups.push((first, ranges));
    }
    Ok(groups)
}

/// Rows in the order in which they were asked for.
fn in_order(
    inner: &Inner,
    schema: &ColumnSchema,
    columns: &[usize],
    rows: &[u64],
    sorted: &[u64],
    batches: &[RecordBatch],
) -> Result<RecordBatch> {
    if columns.is_empty() || batches.is_empty() {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let schema = schema.arrow().project(columns);
        let batch = schema.and_then(|schema| {
            let schema = Arc::new(schema);
            if columns.is_empty() {
                RecordBatch::try_new_with_options(schema, Vec::new(), &options)
            } else {
                Ok(RecordBatch::new_empty(schema))
            }
        });
        return batch.map_err(|error| too_large(inner, &error.to_string()));
    }
    let mut ends = Vec::with_capacity(batches.len());
    let mut end = 0;
    for batch in batches {
        end += batch.num_rows();
        ends.push(end);
    }
    let places: Vec<(usize, usize)> = rows
        .iter()
        .map(|row| {
            let place = sorted.partition_point(|other| other < row);
            let batch = ends.partition_point(|&end| end <= place);
            let begin = batch.checked_sub(1).map_or(0, |before| ends[before]);
            (batch, place - begin)
        })
        .collect();
    let all: Vec<&RecordBatch> = batches.iter().collect();
    interleave_record_batch(&all, &places).map_err(|error| too_large(inner, &error.to_string()))
}

fn too_large(inner: &Inner, what: &str) -> Error {
    let what = format!("the rows do not fit into one batch: {what}");
    column_error(inner.name(), None, ColumnError::SchemaDiffers { what })
}
