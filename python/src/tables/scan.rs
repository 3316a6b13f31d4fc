//! Scans of a table, which can be repeated.

use std::ffi::OsString;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString};
use windrow::{Error, Result, Strings};

use super::capsule::{Batches, Request, schema_capsule};
use super::row;
use super::schema::{TableSchema, names_of};
use super::source_rows::{SourceRows, SourceScan};
use super::table::{Table, requested_stream};
use crate::errors::{message, raise};
use crate::process::generation;
use crate::turn::Turn;
use crate::view::View;

/// Rows that are taken together where a view has steps.
const STEP_ROWS: u64 = 1 << 14;

/// What to read, in order.
#[derive(Clone)]
pub enum Plan {
    /// Rows one behind the other.
    Scan(windrow::Scan),
    /// Rows with steps between them, or backwards.
    Steps {
        reader: windrow::TableReader,
        view: View,
        columns: Option<Vec<String>>,
        strings: Strings,
        batch_rows: Option<usize>,
    },
    /// Those of many files.
    Source(SourceRows, Strings),
}

impl Plan {
    pub fn with_strings(self, to: Strings) -> Self {
        match self {
            Self::Scan(scan) => Self::Scan(scan.strings(to)),
            Self::Source(rows, _) => Self::Source(rows, to),
            Self::Steps {
                reader,
                view,
                columns,
                batch_rows,
                ..
            } => Self::Steps {
                reader,
                view,
                columns,
                strings: to,
                batch_rows,
            },
        }
    }

    /// Begins to read.
    pub fn begin(&self) -> Result<Running> {
        match self {
            Self::Scan(scan) => Ok(Running::Scan(scan.clone().batches()?)),
            Self::Source(rows, strings) => Ok(Running::Source(rows.scan(*strings)?)),
            Self::Steps {
                reader,
                view,
                columns,
                strings,
                batch_rows,
            } => {
                let scan = reader.scan().strings(*strings).rows(0..0);
                let scan = match columns {
                    Some(columns) => scan.columns(columns.clone()),
                    None => scan,
                };
                let step = batch_rows.map_or(STEP_ROWS, |rows| STEP_ROWS.min(rows as u64));
                Ok(Running::Steps {
                    schema: Arc::clone(scan.batches()?.schema()),
                    reader: reader.clone(),
                    view: *view,
                    columns: columns.clone(),
                    strings: *strings,
                    step: step.max(1),
                    next: 0,
                })
            }
        }
    }
}

/// A scan that is under way.
pub enum Running {
    Scan(windrow::TableScan),
    Steps {
        schema: SchemaRef,
        reader: windrow::TableReader,
        view: View,
        columns: Option<Vec<String>>,
        strings: Strings,
        step: u64,
        next: u64,
    },
    Source(SourceScan),
}

impl Running {
    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::Scan(scan) => Arc::clone(scan.schema()),
            Self::Steps { schema, .. } => Arc::clone(schema),
            Self::Source(scan) => Arc::clone(&scan.schema),
        }
    }
}

impl Iterator for Running {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Scan(scan) => scan.next(),
            Self::Source(scan) => scan.next(),
            Self::Steps {
                reader,
                view,
                columns,
                strings,
                step,
                next,
                ..
            } => {
                let names: Option<Vec<&str>> = columns
                    .as_ref()
                    .map(|columns| columns.iter().map(String::as_str).collect());
                while *next < view.len {
                    let end = view.len.min(next.saturating_add(*step));
                    let rows: Vec<u64> = (*next..end).map(|place| view.at(place)).collect();
                    *next = end;
                    match reader.take_readable(&rows, names.as_deref(), *strings) {
                        // All of them are in row groups that are skipped.
                        Ok(batch) if batch.num_rows() == 0 => {}
                        Ok(batch) => return Some(Ok(batch)),
                        Err(error) => {
                            *next = view.len;
                            return Some(Err(error));
                        }
                    }
                }
                None
            }
        }
    }
}

/// Batches for whoever consumes a stream. Knows nothing of Python, so that any thread may ask.
struct Stream {
    running: Running,
    schema: SchemaRef,
}

impl Iterator for Stream {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.running.next()?;
        Some(
            batch.map_err(|error| {
                ArrowError::IoError(message(&error), std::io::Error::other(error))
            }),
        )
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// A stream of what a plan reads, in the form that is requested.
pub fn stream<'py>(
    py: Python<'py>,
    plan: &Plan,
    requested: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let mut running = plan.begin().map_err(raise)?;
    let requested = requested.filter(|requested| !requested.is_none());
    if let Some(requested) = requested
        && let Some(strings) = Request::new(requested, &running.schema())?.strings()
    {
        // Decoded in this form at once.
        running = plan.clone().with_strings(strings).begin().map_err(raise)?;
    }
    let schema = running.schema();
    let batches: Batches = Box::new(Stream { running, schema });
    requested_stream(py, batches, requested)
}

/// Reads all of it, with looks for Ctrl-C.
pub fn read_all(py: Python<'_>, plan: &Plan) -> PyResult<Table> {
    let mut running = py.detach(|| plan.begin()).map_err(raise)?;
    let mut batches = Vec::new();
    while let Some(batch) = py.detach(|| running.next()) {
        batches.push(batch.map_err(raise)?);
        py.check_signals()?;
    }
    Ok(Table::new(running.schema(), batches))
}

/// What to read of a table; reads when it is asked for batches, each time anew.
#[pyclass(frozen, weakref, module = "windrow")]
pub struct TableScan {
    pub plan: Plan,
    pub schema: SchemaRef,
    /// The file that is read, if it has a path.
    pub path: Option<OsString>,
}

#[pymethods]
impl TableScan {
    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        names_of(&self.schema)
    }

    /// Names and types.
    #[getter]
    fn schema(&self) -> TableSchema {
        TableSchema {
            schema: Arc::clone(&self.schema),
        }
    }

    fn __iter__(&self) -> PyResult<ScanIterator> {
        Ok(ScanIterator {
            shared: Shared::new(&self.plan)?,
        })
    }

    /// All rows.
    fn read(&self, py: Python<'_>) -> PyResult<Table> {
        read_all(py, &self.plan)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        stream(py, &self.plan, requested_schema)
    }

    fn __repr__(&self) -> String {
        format!("TableScan(columns={:?})", names_of(&self.schema))
    }
}

/// A scan that threads share. In a forked process it does not go on: its lock may be held for ever.
pub struct Shared {
    generation: u32,
    running: Turn<Option<Running>>,
}

impl Shared {
    pub fn new(plan: &Plan) -> PyResult<Self> {
        let running = plan.begin().map_err(raise)?;
        Ok(Self {
            generation: generation(),
            running: Turn::new(Some(running)),
        })
    }

    pub fn next(&self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        if self.generation != generation() {
            return Err(PyRuntimeError::new_err(
                "a scan cannot go on in a forked process; begin a new one there",
            ));
        }
        let mut inside = self.running.lock(py)?;
        let Some(running) = inside.as_mut() else {
            return Ok(None);
        };
        let batch: Option<std::result::Result<RecordBatch, Error>> = py.detach(|| running.next());
        drop(inside);
        py.check_signals()?;
        batch.transpose().map_err(raise)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.generation != generation() {
            std::mem::forget(self.running.get_mut().take());
        }
    }
}

/// The batches of a scan in order.
#[pyclass(frozen, module = "windrow._core", name = "_ScanIterator")]
pub struct ScanIterator {
    shared: Shared,
}

#[pymethods]
impl ScanIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Table>> {
        Ok(self.shared.next(py)?.map(Table::of))
    }
}

/// Rows in order, decoded ahead.
#[pyclass(frozen, module = "windrow._core", name = "_RowIterator")]
pub struct RowIterator {
    shared: Shared,
    keys: Vec<Py<PyString>>,
    /// The batch that rows are taken from, and the next place in it.
    batch: Turn<Option<(RecordBatch, usize)>>,
}

impl RowIterator {
    pub fn new(py: Python<'_>, plan: &Plan) -> PyResult<Self> {
        let schema = plan.begin().map_err(raise)?.schema();
        Ok(Self {
            shared: Shared::new(plan)?,
            keys: row::keys(py, &schema),
            batch: Turn::new(None),
        })
    }
}

#[pymethods]
impl RowIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        if self.shared.generation != generation() {
            // Says so.
            self.shared.next(py)?;
        }
        let mut inside = self.batch.lock(py)?;
        loop {
            if let Some((batch, next)) = inside.as_mut()
                && *next < batch.num_rows()
            {
                *next += 1;
                return row::row(py, &self.keys, batch, *next - 1).map(Some);
            }
            match self.shared.next(py)? {
                Some(batch) => *inside = Some((batch, 0)),
                None => return Ok(None),
            }
        }
    }
}
