//! The rows of many files of columns, for data loaders.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList, PySlice, PyString, PyTuple};
use windrow::{FileInstruction, ReaderOptions, SourcePart, Strings};

use super::capsule::schema_capsule;
use super::reader::{check_rows, columns_of, refuse_name};
use super::scan::{Plan, RowIterator, stream};
use super::schema::{TableSchema, names_of};
use super::source_rows::{OpenFiles, SourceRows};
use super::table::Table;
use super::{options, row};
use crate::errors::{Whole, raise};
use crate::indices::{self, Key, number};
use crate::sources::{PickledOptions, function, parts_of, pickled, unpickled, unpickled_parts};
use crate::view::View;

const WHOLE: Whole<'static> = Whole::of_rows("the source");

/// A part of a source as it stands in a pickle: file, first row, rows, rows in the file if that is known.
type Part = (PathBuf, u64, u64, Option<u64>);

/// The rows of many files of columns, some columns of them.
#[pyclass(frozen, sequence, weakref, module = "windrow")]
pub struct TableSource {
    rows: SourceRows,
    keys: PyOnceLock<Vec<Py<PyString>>>,
}

impl TableSource {
    fn of(rows: SourceRows) -> Self {
        Self {
            rows,
            keys: PyOnceLock::new(),
        }
    }

    /// The schema of what is read, according to the first file.
    fn arrow_schema(&self, py: Python<'_>) -> PyResult<SchemaRef> {
        py.detach(|| self.rows.schema(Strings::AsWritten))
            .map_err(raise)
    }

    fn keys(&self, py: Python<'_>) -> PyResult<&Vec<Py<PyString>>> {
        self.keys
            .get_or_try_init(py, || Ok(row::keys(py, &*self.arrow_schema(py)?)))
    }

    fn rows_of(&self, indices: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let options = &self.rows.files.options;
        indices::records(indices, &self.rows.view, true, WHOLE, |rows| {
            check_rows(options, rows)
        })
    }

    fn read_one<'py>(&self, py: Python<'py>, index: i64) -> PyResult<Bound<'py, PyDict>> {
        let view = &self.rows.view;
        let row = view.at(view.place(index, WHOLE)?);
        let batch = py.detach(|| self.rows.take(&[row], Strings::AsWritten));
        row::row(py, self.keys(py)?, &batch.map_err(raise)?, 0)
    }

    fn read_places<'py>(&self, indices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = indices.py();
        let rows = self.rows_of(indices)?;
        let batch = py.detach(|| self.rows.take(&rows, Strings::AsWritten));
        PyList::new(py, row::rows(py, &batch.map_err(raise)?)?)
    }

    fn plan(&self) -> Plan {
        Plan::Source(self.rows.clone(), Strings::AsWritten)
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
        let files = open_source(py, parts, options, max_open_files, fingerprint)?;
        let source = Self::of(SourceRows::all(files, columns.map(Arc::new)));
        // Tells of columns that are not there, and of files that hold records.
        source.keys(py)?;
        Ok(source)
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(usize::try_from(self.rows.view.len)?)
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if let Ok(slice) = key.cast::<PySlice>() {
            let view = this.rows.view.slice(slice)?;
            let part = Self::of(this.rows.clone().with_view(view));
            return Ok(Bound::new(py, part)?.into_any());
        }
        refuse_name(key)?;
        match indices::key(key, &this.rows.view, WHOLE)? {
            Key::One(index) => Ok(this.read_one(py, index)?.into_any()),
            Key::Many(indices) => Ok(this.read_places(&indices)?.into_any()),
        }
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<RowIterator> {
        RowIterator::new(py, &self.plan())
    }

    fn __reversed__(&self, py: Python<'_>) -> PyResult<RowIterator> {
        let view = self.rows.view.reversed();
        RowIterator::new(py, &Self::of(self.rows.clone().with_view(view)).plan())
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
        let rows = self.rows.clone();
        let rows = match columns_of(columns)? {
            Some(columns) => rows.with_columns(columns),
            None => rows,
        };
        let strings = options::strings(strings)?;
        let indices = self.rows_of(indices)?;
        let batch = py.detach(|| rows.take(&indices, strings));
        Ok(Table::of(batch.map_err(raise)?))
    }

    /// The same rows with some columns only.
    fn select(&self, py: Python<'_>, columns: &Bound<'_, PyAny>) -> PyResult<Self> {
        let columns = columns_of(Some(columns))?.unwrap_or_default();
        let source = Self::of(self.rows.clone().with_columns(columns));
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
    pub fn paths(&self) -> Vec<OsString> {
        let parts = self.rows.files.parts.iter();
        parts
            .map(|part| part.filename.clone().into_os_string())
            .collect()
    }

    /// The file of each part, and which rows of it, unless they are all that it has.
    #[getter]
    fn _parts(&self) -> Vec<(OsString, Option<(u64, u64)>)> {
        let parts = self.rows.files.numbers.instructions();
        let is_whole = |part: &FileInstruction| part.examples_in_shard == Some(part.num_records);
        let rows = |part: &FileInstruction| {
            (!is_whole(part)).then(|| (part.start, part.start + part.num_records))
        };
        parts
            .map(|part| (part.filename.clone().into_os_string(), rows(&part)))
            .collect()
    }

    /// Number of parts.
    #[getter]
    fn num_files(&self) -> usize {
        self.rows.files.parts.len()
    }

    /// File, first row and number of rows of each part.
    #[getter]
    fn parts(&self) -> Vec<(OsString, u64, u64)> {
        let parts = self.rows.files.numbers.instructions();
        parts
            .map(|part| (part.filename.into_os_string(), part.start, part.num_records))
            .collect()
    }

    /// The part that holds a row, and the row's number in that part's file.
    fn locate(&self, index: &Bound<'_, PyAny>) -> PyResult<(usize, u64)> {
        let view = &self.rows.view;
        let row = view.at(view.place(number(index, view, WHOLE)?, WHOLE)?);
        self.rows.files.numbers.locate(row).map_err(raise)
    }

    /// Names what this source holds.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<String> {
        let View { start, step, len } = self.rows.view;
        let SourceRows { files, columns, .. } = &self.rows;
        if let Some(given) = &files.fingerprint {
            let mut text = given.clone();
            if self.rows.view != View::all(files.numbers.len()) {
                text.push_str(&format!(", start={start}, step={step}, len={len}"));
            }
            if let Some(columns) = columns {
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
        if let Some(columns) = columns {
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
        self.rows.files.close_all();
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &*self.arrow_schema(py)?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        stream(py, &self.plan(), requested_schema)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "TableSource(rows={}, fingerprint={})",
            self.rows.view.len,
            self.fingerprint(py)?
        ))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let SourceRows {
            files,
            view,
            columns,
        } = &this.rows;
        let parts: Vec<Part> = files
            .numbers
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
        let View { start, step, len } = *view;
        let arguments = (
            parts,
            pickled(&files.options),
            files.max_open_files,
            files.fingerprint.clone(),
            (start, step, len),
            columns.as_ref().map(|columns| columns.to_vec()),
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
    let files = open_source(
        py,
        unpickled_parts(parts),
        options,
        max_open_files,
        fingerprint,
    )?;
    let rows = SourceRows::all(files, columns.map(Arc::new));
    let view = View::checked(view, rows.view.len)
        .ok_or_else(|| PyTypeError::new_err("the pickle of a source is damaged"))?;
    Ok(TableSource::of(rows.with_view(view)))
}

fn open_source(
    py: Python<'_>,
    parts: Vec<SourcePart>,
    options: ReaderOptions,
    max_open_files: usize,
    fingerprint: Option<String>,
) -> PyResult<Arc<OpenFiles>> {
    py.detach(|| OpenFiles::new(parts, options, max_open_files, fingerprint))
        .map(Arc::new)
        .map_err(raise)
}
