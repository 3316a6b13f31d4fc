//! Writing tables.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use windrow::columnar::type_metadata_difference;
use windrow::{FileSink, OnCorrupt, ReaderOptions, Result, SourceName, Summary, TableOptions};

use super::capsule::{Batches, arrow_error, batches_of, in_form, is_other_form, schema_of};
use super::options;
use super::reader::TableReader;
use super::scan::TableScan;
use super::schema::{TableSchema, names_of};
use super::source::TableSource;
use crate::errors::{closed, exception, raise, writer_forked};
use crate::indices::type_name;
use crate::place::{ObjectSink, is_path, local_path};
use crate::process::{generation, visit};
use crate::turn::{Inside, Turn};
use crate::writer::warn;

/// Rows between two looks for Ctrl-C.
const STEP_ROWS: usize = 1 << 16;

enum AnyWriter {
    File(windrow::TableWriter<FileSink>),
    Object(windrow::TableWriter<ObjectSink>),
}

/// Does the same with either.
macro_rules! either {
    ($any:expr, $writer:ident => $call:expr) => {
        match $any {
            AnyWriter::File($writer) => $call,
            AnyWriter::Object($writer) => $call,
        }
    };
}

impl AnyWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        either!(self, writer => writer.write(batch))
    }

    fn flush(&mut self) -> Result<()> {
        either!(self, writer => writer.flush())
    }

    fn sync(&mut self) -> Result<()> {
        either!(self, writer => writer.sync())
    }

    fn finish(self, synced: bool) -> Result<Summary> {
        either!(self, writer => {
            let finished = if synced { writer.finish_synced() } else { writer.finish() };
            finished.map(|(_, summary)| summary)
        })
    }

    fn rows(&self) -> u64 {
        either!(self, writer => writer.rows())
    }

    fn schema(&self) -> &SchemaRef {
        either!(self, writer => writer.schema())
    }
}

/// What a finished file holds.
#[pyclass(frozen, get_all, module = "windrow")]
pub struct TableSummary {
    /// Rows of the file.
    rows: u64,
    /// Row groups that hold them.
    row_groups: u64,
    /// Bytes of the rows in memory.
    decoded_bytes: u64,
    /// Size of the file.
    file_bytes: u64,
}

#[pymethods]
impl TableSummary {
    fn __repr__(&self) -> String {
        format!(
            "TableSummary(rows={}, row_groups={}, decoded_bytes={}, file_bytes={})",
            self.rows, self.row_groups, self.decoded_bytes, self.file_bytes
        )
    }
}

fn summary(summary: Summary) -> TableSummary {
    TableSummary {
        rows: summary.records,
        row_groups: summary.chunks,
        decoded_bytes: summary.decoded_bytes,
        file_bytes: summary.file_bytes,
    }
}

/// Writes rows, in order, to a file of columns.
#[pyclass(frozen, weakref, module = "windrow")]
pub struct TableWriter {
    generation: u32,
    owner: u32,
    name: String,
    path: Option<OsString>,
    schema: SchemaRef,
    /// `None` once it was closed.
    writer: Turn<Option<AnyWriter>>,
    /// Rows written, once it was closed.
    written: AtomicU64,
}

impl TableWriter {
    fn of(name: String, path: Option<OsString>, writer: AnyWriter) -> Self {
        Self {
            generation: generation(),
            owner: std::process::id(),
            name,
            path,
            schema: writer.schema().clone(),
            writer: Turn::new(Some(writer)),
            written: AtomicU64::new(0),
        }
    }

    fn create(sink: &Bound<'_, PyAny>, schema: SchemaRef, options: TableOptions) -> PyResult<Self> {
        let py = sink.py();
        options::check_codecs(&options, &schema)?;
        if is_path(sink)? {
            let path = local_path(sink)?;
            let writer = py.detach(|| windrow::TableWriter::create_file(&path, schema, options));
            let name = path.display().to_string();
            let writer = AnyWriter::File(writer.map_err(raise)?);
            return Ok(Self::of(name, Some(path.into_os_string()), writer));
        }
        if !sink.hasattr("write")? {
            return Err(PyTypeError::new_err(format!(
                "a path or a file object with write is needed, not {}",
                type_name(sink)
            )));
        }
        let object = ObjectSink(sink.clone().unbind());
        let writer = py.detach(|| windrow::TableWriter::create(object, schema, options));
        let writer = AnyWriter::Object(writer.map_err(raise)?);
        Ok(Self::of(SourceName::MEMORY.to_string(), None, writer))
    }

    fn append(
        py: Python<'_>,
        path: &Path,
        schema: Option<SchemaRef>,
        options: TableOptions,
    ) -> PyResult<Self> {
        let schema = match schema {
            Some(schema) => schema,
            None => {
                // One that was never finished is gone on with.
                let skipping = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
                let table = py.detach(|| windrow::TableReader::open_with(path, skipping));
                table.map_err(raise)?.schema().clone()
            }
        };
        options::check_codecs(&options, &schema)?;
        let writer = py.detach(|| windrow::TableWriter::append(path, schema, options));
        let name = path.display().to_string();
        let path = path.as_os_str().to_owned();
        Ok(Self::of(
            name,
            Some(path),
            AnyWriter::File(writer.map_err(raise)?),
        ))
    }

    /// Locks the writer, but never in a forked process, where the lock may be held for ever.
    fn lock(&self, py: Python<'_>) -> PyResult<Inside<'_, Option<AnyWriter>>> {
        if self.generation != generation() {
            return Err(writer_forked(&self.name, self.owner));
        }
        self.writer.lock(py)
    }

    fn closed_error(&self) -> PyErr {
        closed(&format!("writer of {}", self.name))
    }

    /// Writes all batches, each in steps, with looks for Ctrl-C between them.
    fn write_all(&self, py: Python<'_>, mut batches: Batches) -> PyResult<()> {
        // Whoever gives the batches may run Python for it.
        let visit = py.detach(visit);
        while let Some(batch) = py.detach(|| batches.next()) {
            let batch = self.in_form(batch.map_err(arrow_error)?)?;
            let mut begin = 0;
            while begin < batch.num_rows() {
                let rows = STEP_ROWS.min(batch.num_rows() - begin);
                let mut inside = self.lock(py)?;
                let writer = inside.as_mut().ok_or_else(|| self.closed_error())?;
                py.detach(|| writer.write(&batch.slice(begin, rows)))
                    .map_err(raise)?;
                drop(inside);
                begin += rows;
                py.check_signals()?;
            }
        }
        drop(visit);
        Ok(())
    }

    /// Text in the form of the table's schema.
    fn in_form(&self, batch: RecordBatch) -> PyResult<RecordBatch> {
        let given = batch.schema();
        let same_columns = given.fields().len() == self.schema.fields().len()
            && given
                .fields()
                .iter()
                .zip(self.schema.fields())
                .all(|(given, own)| {
                    given.name() == own.name()
                        && is_other_form(given.data_type(), own.data_type())
                        && type_metadata_difference(own, given).is_none()
                });
        let differ = given
            .fields()
            .iter()
            .zip(self.schema.fields())
            .any(|(given, own)| given.data_type() != own.data_type());
        if !same_columns || !differ {
            // The writer says what is wrong.
            return Ok(batch);
        }
        in_form(&batch, &self.schema).map_err(arrow_error)
    }

    fn finish(&self, py: Python<'_>, synced: bool) -> PyResult<Option<TableSummary>> {
        let mut slot = self.lock(py)?;
        if let Some(AnyWriter::Object(_)) = slot.as_ref().filter(|_| synced) {
            return Err(unsynced());
        }
        let Some(writer) = slot.take() else {
            return Ok(None);
        };
        self.written.store(writer.rows(), Ordering::Relaxed);
        let finished = py.detach(|| writer.finish(synced)).map_err(raise)?;
        Ok(Some(summary(finished)))
    }

    /// Leaves the file unfinished, with every row in it. The exception that led here matters more than a disk that is
    /// full.
    fn give_up(&self, py: Python<'_>) {
        if let Ok(mut slot) = self.lock(py)
            && let Some(mut writer) = slot.take()
        {
            self.written.store(writer.rows(), Ordering::Relaxed);
            let _ = py.detach(|| writer.flush());
        }
    }
}

fn unsynced() -> PyErr {
    exception(
        "UnsupportedError",
        "sync",
        "a file object cannot make rows durable: give a path".to_owned(),
    )
}

#[pymethods]
impl TableWriter {
    #[new]
    #[pyo3(signature = (sink, schema=None, *, mode="create", copy=false, **keywords))]
    fn new(
        sink: &Bound<'_, PyAny>,
        schema: Option<&Bound<'_, PyAny>>,
        mode: &str,
        copy: bool,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (options, atomic) = options::writer(keywords)?;
        let schema = schema.map(schema_of).transpose()?;
        let conflict = |message: &str| {
            Err(exception(
                "OptionsError",
                "conflicting_options",
                message.to_owned(),
            ))
        };
        match mode {
            "create" if copy => {
                conflict("copy=True goes with mode=\"append\"; a new file has atomic=True")
            }
            "create" => match schema {
                Some(schema) => Self::create(sink, schema, options),
                None => Err(PyTypeError::new_err("a new table needs its schema")),
            },
            "append" if atomic => {
                conflict("atomic=True is for new files; copy=True appends to a copy")
            }
            "append" if !is_path(sink)? => Err(PyTypeError::new_err(format!(
                "appending needs a path, not {}",
                type_name(sink)
            ))),
            "append" => {
                let path = local_path(sink)?;
                Self::append(sink.py(), &path, schema, options.with_copy(copy))
            }
            _ => Err(exception(
                "OptionsError",
                "invalid_option_value",
                format!("mode {mode:?} is not one of create, append"),
            )),
        }
    }

    /// Appends the rows of a table or batch.
    fn write(&self, table: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write_all(table.py(), batches_of(table)?)
    }

    /// Ends the row group, and makes every row readable.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let mut writer = self.lock(py)?;
        let writer = writer.as_mut().ok_or_else(|| self.closed_error())?;
        py.detach(|| writer.flush()).map_err(raise)
    }

    /// The same, and makes them durable.
    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        let mut writer = self.lock(py)?;
        let writer = writer.as_mut().ok_or_else(|| self.closed_error())?;
        if matches!(writer, AnyWriter::Object(_)) {
            return Err(unsynced());
        }
        py.detach(|| writer.sync()).map_err(raise)
    }

    /// Completes the file.
    #[pyo3(signature = (*, sync=false))]
    fn close(&self, py: Python<'_>, sync: bool) -> PyResult<Option<TableSummary>> {
        self.finish(py, sync)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (exc, traceback);
        if exc_type.is_none() {
            return self.finish(py, false).map(|_| ());
        }
        self.give_up(py);
        Ok(())
    }

    /// The file's path.
    #[getter]
    fn path(&self) -> Option<OsString> {
        self.path.clone()
    }

    /// Whether it was closed, or left by an exception.
    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        self.lock(py).is_ok_and(|writer| writer.is_none())
    }

    /// Rows written so far.
    #[getter]
    fn rows(&self, py: Python<'_>) -> PyResult<u64> {
        let writer = self.lock(py)?;
        let written = || self.written.load(Ordering::Relaxed);
        Ok(writer.as_ref().map_or_else(written, AnyWriter::rows))
    }

    /// Names and types.
    #[getter]
    fn schema(&self) -> TableSchema {
        TableSchema {
            schema: self.schema.clone(),
        }
    }

    fn __repr__(&self) -> String {
        format!(
            "TableWriter({:?}, columns={:?})",
            self.name,
            names_of(&self.schema)
        )
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        let writer = self.writer.get_mut().take();
        if self.generation != generation() {
            // Another thread may have been in the middle of a write when the process forked.
            std::mem::forget(writer);
        } else if writer.is_some() {
            let message = format!(
                "unclosed writer of {}: the file is unfinished; call close() or use a with statement",
                self.name
            );
            warn(&message);
        }
    }
}

/// Refuses to empty a file whose rows are still to be read.
fn check_not_read(sink: &Bound<'_, PyAny>, table: &Bound<'_, PyAny>) -> PyResult<()> {
    let read = if let Ok(reader) = table.cast::<TableReader>() {
        reader.get().path_text().into_iter().cloned().collect()
    } else if let Ok(scan) = table.cast::<TableScan>() {
        scan.get().path.clone().into_iter().collect()
    } else if let Ok(source) = table.cast::<TableSource>() {
        source.get().paths()
    } else {
        Vec::new()
    };
    if read.is_empty() || !is_path(sink)? {
        return Ok(());
    }
    let path = local_path(sink)?;
    let same_file = sink
        .py()
        .import("os")?
        .getattr("path")?
        .getattr("samefile")?;
    for read in read {
        // What does not exist is not the same.
        if same_file
            .call1((&path, read))
            .is_ok_and(|same| same.is_truthy().unwrap_or(false))
        {
            let message = format!(
                "{}: the table is read from the file that is to be written; with atomic=True the file stays until the \
                 new one is complete",
                path.display()
            );
            return Err(exception("OptionsError", "conflicting_options", message));
        }
    }
    Ok(())
}

/// Writes a table to a file.
#[pyfunction]
#[pyo3(signature = (sink, table, **keywords))]
pub fn write_table(
    sink: &Bound<'_, PyAny>,
    table: &Bound<'_, PyAny>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<TableSummary> {
    let py = sink.py();
    let (options, atomic) = options::writer(keywords)?;
    if !atomic {
        check_not_read(sink, table)?;
    }
    let batches = batches_of(table)?;
    let writer = TableWriter::create(sink, batches.schema(), options)?;
    match writer
        .write_all(py, batches)
        .and_then(|()| writer.finish(py, false))
    {
        Ok(Some(summary)) => Ok(summary),
        Ok(None) => unreachable!("nobody else has this writer"),
        Err(error) => {
            writer.give_up(py);
            Err(error)
        }
    }
}
