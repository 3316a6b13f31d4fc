//! The rows of many files of columns, for data loaders.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::interleave::interleave_record_batch;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PySlice, PyString, PyTuple};
use windrow::{DataSource as Files, FileInstruction, ReaderOptions, SourcePart, Strings};

use super::capsule::in_form;
use super::reader::{check_rows, columns_of, take_of};
use super::schema::{TableSchema, names_of};
use super::table::{Table, no_column};
use super::{options, row};
use crate::errors::{Whole, exception, raise};
use crate::indices::{self, Key, number};
use crate::sources::{PickledOptions, function, parts_of, pickled, unpickled, unpickled_parts};
use crate::view::View;

const WHOLE: Whole<'static> = Whole::of_rows("the source");

/// A part of a source as it stands in a pickle: file, first row, rows, rows in the file if that is known.
type Part = (PathBuf, u64, u64, Option<u64>);

/// The rows of many files of columns, some columns of them.
#[pyclass(frozen, sequence, weakref, module = "windrow")]
pub struct TableSource {
    inner: Arc<Inner>,
    view: View,
    columns: Option<Arc<Vec<String>>>,
    keys: PyOnceLock<Vec<Py<PyString>>>,
}

struct Inner {
    /// Which rows of which files there are; opens none.
    files: Files,
    parts: Vec<FileInstruction>,
    options: ReaderOptions,
    max_open_files: usize,
    fingerprint: Option<String>,
    /// The files that are open, without locks: a forked process inherits them as they are.
    open: Vec<ArcSwapOption<windrow::TableReader>>,
    opened: AtomicUsize,
    hand: AtomicUsize,
}

impl Inner {
    fn file(&self, number: usize) -> windrow::Result<Arc<windrow::TableReader>> {
        let slot = &self.open[number];
        if let Some(reader) = slot.load_full() {
            return Ok(reader);
        }
        let reader = windrow::TableReader::open_part(&self.parts[number], self.options.clone())?;
        let reader = Arc::new(reader);
        if slot.swap(Some(Arc::clone(&reader))).is_none()
            && self.opened.fetch_add(1, Ordering::Relaxed) >= self.max_open_files
        {
            self.close_one(number);
        }
        Ok(reader)
    }

    /// Closes the file that the hand comes to next, but not the one that was just opened.
    fn close_one(&self, but: usize) {
        for _ in 0..self.open.len() {
            let number = self.hand.fetch_add(1, Ordering::Relaxed) % self.open.len();
            if number != but && self.open[number].swap(None).is_some() {
                self.opened.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    }

    fn close_all(&self) {
        for slot in &self.open {
            if slot.swap(None).is_some() {
                self.opened.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

enum Failure {
    File(windrow::Error),
    Arrow(String),
}

impl From<windrow::Error> for Failure {
    fn from(error: windrow::Error) -> Self {
        Self::File(error)
    }
}

fn raised(failure: Failure) -> PyErr {
    match failure {
        Failure::File(error) => raise(error),
        Failure::Arrow(what) => exception("SchemaError", "schema_differs", what),
    }
}

impl TableSource {
    fn of(inner: Arc<Inner>, columns: Option<Vec<String>>) -> Self {
        Self {
            view: View::all(inner.files.len()),
            inner,
            columns: columns.map(Arc::new),
            keys: PyOnceLock::new(),
        }
    }

    /// The schema of what is read, according to the first file.
    fn arrow_schema(&self, py: Python<'_>) -> PyResult<SchemaRef> {
        if self.inner.parts.is_empty() {
            return Ok(Arc::new(arrow_schema::Schema::empty()));
        }
        let first = py.detach(|| self.inner.file(0)).map_err(raise)?;
        let schema = first.schema();
        let Some(columns) = &self.columns else {
            return Ok(Arc::clone(schema));
        };
        let numbers = columns
            .iter()
            .map(|name| schema.index_of(name).map_err(|_| no_column(name, schema)));
        let numbers = numbers.collect::<PyResult<Vec<_>>>()?;
        let schema = schema.project(&numbers);
        Ok(Arc::new(schema.map_err(super::capsule::arrow_error)?))
    }

    fn keys(&self, py: Python<'_>) -> PyResult<&Vec<Py<PyString>>> {
        self.keys
            .get_or_try_init(py, || Ok(row::keys(py, &*self.arrow_schema(py)?)))
    }

    fn rows_of(&self, indices: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let options = &self.inner.options;
        indices::records(indices, &self.view, true, WHOLE, |rows| {
            check_rows(options, rows)
        })
    }

    /// The rows with these numbers, in their order, as batches whose concatenation they are; with `one`, as one batch.
    fn take_rows(
        &self,
        rows: &[u64],
        columns: Option<&[String]>,
        strings: Strings,
    ) -> Result<Option<RecordBatch>, Failure> {
        let mut places = Vec::with_capacity(rows.len());
        // Numbers of files in the order in which they are met, and the rows of each.
        let mut met: Vec<(usize, Vec<u64>)> = Vec::new();
        let mut number_of = std::collections::HashMap::new();
        for &row in rows {
            let (file, row) = self.inner.files.locate(row)?;
            let number = *number_of.entry(file).or_insert_with(|| {
                met.push((file, Vec::new()));
                met.len() - 1
            });
            places.push((number, met[number].1.len()));
            met[number].1.push(row);
        }
        let mut batches = Vec::with_capacity(met.len());
        for (file, rows) in &met {
            let reader = self.inner.file(*file)?;
            batches.push(take_of(&reader, rows, columns, strings)?);
        }
        if let [_] = batches.as_slice() {
            return Ok(batches.pop());
        }
        let Some(schema) = batches.first().map(RecordBatch::schema) else {
            return Ok(None);
        };
        let joined = |error: ArrowError| {
            Failure::Arrow(format!(
                "the files of a source have different schemas: {error}"
            ))
        };
        let batches = batches.iter().map(|batch| in_form(batch, &schema));
        let batches = batches.collect::<Result<Vec<_>, _>>().map_err(joined)?;
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        interleave_record_batch(&batches, &places)
            .map(Some)
            .map_err(joined)
    }

    fn columns(&self) -> Option<&[String]> {
        self.columns.as_ref().map(|columns| columns.as_slice())
    }

    fn read_one<'py>(&self, py: Python<'py>, index: i64) -> PyResult<Bound<'py, PyDict>> {
        let record = self.view.at(self.view.place(index, WHOLE)?);
        let read = || {
            let (file, row) = self.inner.files.locate(record)?;
            take_of(
                &*self.inner.file(file)?,
                &[row],
                self.columns(),
                Strings::AsWritten,
            )
        };
        let batch = py.detach(read).map_err(raise)?;
        row::row(py, self.keys(py)?, &batch, 0)
    }

    fn read_places<'py>(&self, indices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = indices.py();
        let rows = self.rows_of(indices)?;
        let batch = py.detach(|| self.take_rows(&rows, self.columns(), Strings::AsWritten));
        match batch.map_err(raised)? {
            Some(batch) => PyList::new(py, row::rows(py, &batch)?),
            None => Ok(PyList::empty(py)),
        }
    }

    fn with(&self, py: Python<'_>, view: View, columns: Option<Arc<Vec<String>>>) -> Self {
        let _ = py;
        Self {
            inner: Arc::clone(&self.inner),
            view,
            columns,
            keys: PyOnceLock::new(),
        }
    }
}

#[pymethods]
impl TableSource {
    #[new]
    #[pyo3(signature = (paths, columns=None, *, max_open_files=256, fingerprint=None, **keywords))]
    fn new(
        paths: &Bound<'_, PyAny>,
        columns: Option<&Bound<'_, PyAny>>,
        max_open_files: usize,
        fingerprint: Option<String>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        if max_open_files == 0 {
            return Err(PyValueError::new_err("max_open_files must be at least 1"));
        }
        let options = options::reader(keywords)?;
        let columns = columns_of(columns)?;
        let parts = parts_of(paths)?;
        let py = paths.py();
        let source = Self::of(
            open_source(py, parts, options, max_open_files, fingerprint)?,
            columns,
        );
        // Tells of columns that are not there, and of files that hold records.
        source.keys(py)?;
        Ok(source)
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(usize::try_from(self.view.len)?)
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if let Ok(slice) = key.cast::<PySlice>() {
            let part = this.with(py, this.view.slice(slice)?, this.columns.clone());
            return Ok(Bound::new(py, part)?.into_any());
        }
        match indices::key(key, &this.view, WHOLE)? {
            Key::One(index) => Ok(this.read_one(py, index)?.into_any()),
            Key::Many(indices) => Ok(this.read_places(&indices)?.into_any()),
        }
    }

    /// The rows with these numbers, for torch and TFDS.
    #[pyo3(signature = (indices, /))]
    fn __getitems__<'py>(&self, indices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        self.read_places(indices)
    }

    /// The rows with these numbers, for Grain.
    #[pyo3(signature = (indices, /))]
    fn _getitems<'py>(&self, indices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        self.read_places(indices)
    }

    /// The rows with these numbers as arrays.
    #[pyo3(signature = (indices, columns=None, *, strings=None))]
    fn take(
        &self,
        py: Python<'_>,
        indices: &Bound<'_, PyAny>,
        columns: Option<&Bound<'_, PyAny>>,
        strings: Option<&str>,
    ) -> PyResult<Table> {
        let columns = columns_of(columns)?;
        let columns = columns.as_deref().or(self.columns());
        let strings = options::strings(strings)?;
        let rows = self.rows_of(indices)?;
        let batch = py.detach(|| self.take_rows(&rows, columns, strings));
        match batch.map_err(raised)? {
            Some(batch) => Ok(Table::of(batch)),
            None => Ok(Table::new(self.arrow_schema(py)?, Vec::new())),
        }
    }

    /// The same rows with some columns only.
    fn select(&self, py: Python<'_>, columns: &Bound<'_, PyAny>) -> PyResult<Self> {
        let columns = columns_of(Some(columns))?.map(Arc::new);
        let source = self.with(py, self.view, columns);
        source.keys(py)?;
        Ok(source)
    }

    /// Names of the columns.
    #[getter]
    fn column_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(names_of(&self.arrow_schema(py)?))
    }

    /// Names and types.
    #[getter]
    fn schema(&self, py: Python<'_>) -> PyResult<TableSchema> {
        Ok(TableSchema {
            schema: self.arrow_schema(py)?,
        })
    }

    /// The file of each part, in order.
    #[getter]
    fn paths(&self) -> Vec<OsString> {
        let parts = self.inner.parts.iter();
        parts
            .map(|part| part.filename.clone().into_os_string())
            .collect()
    }

    /// Number of parts.
    #[getter]
    fn num_files(&self) -> usize {
        self.inner.parts.len()
    }

    /// File, first row and number of rows of each part.
    #[getter]
    fn parts(&self) -> Vec<(OsString, u64, u64)> {
        let parts = self.inner.files.instructions();
        parts
            .map(|part| (part.filename.into_os_string(), part.start, part.num_records))
            .collect()
    }

    /// The part that holds a row, and the row's number in that part's file.
    fn locate(&self, index: &Bound<'_, PyAny>) -> PyResult<(usize, u64)> {
        let place = self.view.place(number(index, &self.view, WHOLE)?, WHOLE)?;
        self.inner.files.locate(self.view.at(place)).map_err(raise)
    }

    /// Names what this source holds.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<String> {
        let View { start, step, len } = self.view;
        if let Some(given) = &self.inner.fingerprint {
            let mut text = given.clone();
            if self.view != View::all(self.inner.files.len()) {
                text.push_str(&format!(", start={start}, step={step}, len={len}"));
            }
            if let Some(columns) = &self.columns {
                text.push_str(&format!(", columns={columns:?}"));
            }
            return Ok(text);
        }
        let hash = py.import("hashlib")?.call_method0("sha256")?;
        let update =
            |text: String| hash.call_method1("update", (PyBytes::new(py, text.as_bytes()),));
        for (file, start, len) in self.parts() {
            let file = file.to_string_lossy();
            update(format!("{}:{file}[{start}:{}]\n", file.len(), start + len))?;
        }
        update(format!("{start},{step},{len}\n"))?;
        if let Some(columns) = &self.columns {
            update(format!("{} columns\n", columns.len()))?;
            for column in columns.iter() {
                update(format!("{}:{column}\n", column.len()))?;
            }
        }
        let digest: String = hash.call_method0("hexdigest")?.extract()?;
        Ok(digest.chars().take(32).collect())
    }

    /// Closes the files that are open; the next read opens them again.
    fn close_files(&self) {
        self.inner.close_all();
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "TableSource(rows={}, fingerprint={})",
            self.view.len,
            self.fingerprint(py)?
        ))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let parts: Vec<Part> = this
            .inner
            .files
            .instructions()
            .map(|part| {
                (
                    part.filename,
                    part.start,
                    part.num_records,
                    part.examples_in_shard,
                )
            })
            .collect();
        let View { start, step, len } = this.view;
        let arguments = (
            parts,
            pickled(&this.inner.options),
            this.inner.max_open_files,
            this.inner.fingerprint.clone(),
            (start, step, len),
            this.columns.as_ref().map(|columns| columns.to_vec()),
        );
        let make = function(py, "_open_table_source")?;
        Ok((make, arguments.into_pyobject(py)?))
    }
}

/// Makes a source from its pickle.
#[pyfunction]
pub fn _open_table_source(
    py: Python<'_>,
    parts: Vec<Part>,
    options: PickledOptions,
    max_open_files: usize,
    fingerprint: Option<String>,
    view: (u64, i64, u64),
    columns: Option<Vec<String>>,
) -> PyResult<TableSource> {
    let options = unpickled(&options)?;
    let inner = open_source(
        py,
        unpickled_parts(parts),
        options,
        max_open_files,
        fingerprint,
    )?;
    let mut source = TableSource::of(inner, columns);
    let total = source.view.len;
    source.view = View::checked(view, total)
        .ok_or_else(|| PyTypeError::new_err("the pickle of a source is damaged"))?;
    Ok(source)
}

fn open_source(
    py: Python<'_>,
    parts: Vec<SourcePart>,
    options: ReaderOptions,
    max_open_files: usize,
    fingerprint: Option<String>,
) -> PyResult<Arc<Inner>> {
    let opened = py.detach(|| {
        let opened = windrow::TableReader::open_parts(parts, &options, max_open_files)?;
        let (parts, open): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        let files = Files::from_instructions(parts.clone(), options.clone(), max_open_files)?;
        Ok((files, parts, open))
    });
    let (files, parts, open) = opened.map_err(raise)?;
    let opened = open.iter().filter(|reader| reader.is_some()).count();
    Ok(Arc::new(Inner {
        open: open.into_iter().map(ArcSwapOption::from_pointee).collect(),
        opened: AtomicUsize::new(opened),
        parts,
        files,
        options,
        max_open_files,
        fingerprint,
        hand: AtomicUsize::new(0),
    }))
}
