//! Reading tables.

use std::ffi::OsString;
use std::ops::Range;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList, PySlice, PyString, PyTuple};
use windrow::{Error, Reader, ReaderOptions, SourceName, Strings};

use super::capsule::schema_capsule;
use super::predicate::predicate;
use super::scan::{Plan, RowIterator, TableScan, read_all, stream};
use super::schema::{TableSchema, names_of};
use super::table::Table;
use super::{options, row};
use crate::errors::{Whole, closed, exception, raise};
use crate::indices::{self, Key, type_name};
use crate::place::Place;
use crate::records::{Origin, Pickled, Records};
use crate::recover::{GivenSchema, recover_place};
use crate::sequence::Base;
use crate::sources::{self, PickledOptions, function, pickled, unpickled};
use crate::verify::{Fault, fault};
use crate::view::View;

/// Rows of a batch are checked against `max_batch_bytes` as if each took so many bytes.
const ROW_BYTES: u64 = 32;

/// The rows of one file of columns.
#[pyclass(frozen, sequence, weakref, module = "windrow")]
pub struct TableReader {
    /// `None` once it was closed.
    base: ArcSwapOption<windrow::TableReader>,
    view: View,
    origin: Arc<Origin>,
    keys: Arc<Vec<Py<PyString>>>,
}

impl TableReader {
    fn of(py: Python<'_>, base: windrow::TableReader, origin: Origin) -> Self {
        Self {
            view: View::all(base.len()),
            keys: Arc::new(row::keys(py, base.schema())),
            base: ArcSwapOption::from_pointee(base),
            origin: Arc::new(origin),
        }
    }

    fn base(&self) -> PyResult<Arc<windrow::TableReader>> {
        self.base
            .load_full()
            .ok_or_else(|| closed(&self.origin.name))
    }

    /// The schema as the file has it.
    pub fn schema_message(&self) -> PyResult<Vec<u8>> {
        let base = self.base()?;
        Ok(base.file().arrow_schema().unwrap_or_default().to_vec())
    }

    fn with_view(&self, view: View) -> PyResult<Self> {
        Ok(Self {
            base: ArcSwapOption::from(Some(self.base()?)),
            view,
            origin: Arc::clone(&self.origin),
            keys: Arc::clone(&self.keys),
        })
    }

    fn rows_of(&self, indices: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let base = self.base()?;
        let of = Whole::of_rows(&self.origin.name);
        indices::records(indices, &self.view, true, of, |rows| {
            check_rows(base.file().options(), rows)
        })
    }

    /// What to read of the rows of this view.
    fn plan(&self, asked: Asked<'_, '_>) -> PyResult<Plan> {
        let base = self.base()?;
        let view = match asked.rows {
            Some(rows) => self.view.slice(&rows_slice(rows)?)?,
            None => self.view,
        };
        let strings = options::strings(asked.strings)?;
        if !view.is_consecutive() {
            if asked.filter.is_some() {
                return Err(PyValueError::new_err(
                    "a filter needs rows one behind the other: not those of a slice with steps",
                ));
            }
            return Ok(Plan::Steps {
                reader: base.as_ref().clone(),
                view,
                columns: asked.columns,
                strings,
                batch_rows: asked.batch_rows,
            });
        }
        let Range { start, end } = view.start..view.start + view.len;
        let mut scan = base.scan().rows(start..end).strings(strings);
        if let Some(columns) = asked.columns {
            scan = scan.columns(columns);
        }
        if let Some(filter) = asked.filter {
            scan = scan.filter(predicate(filter)?);
        }
        if let Some(rows) = asked.batch_rows {
            if rows == 0 {
                return Err(PyValueError::new_err("batch_rows must be at least 1"));
            }
            scan = scan.batch_rows(rows);
        }
        if let Some(bytes) = asked.max_batch_bytes {
            if bytes == 0 {
                return Err(PyValueError::new_err("max_batch_bytes must be at least 1"));
            }
            scan = scan.max_batch_bytes(bytes);
        }
        Ok(Plan::Scan(scan.prune(asked.prune)))
    }

    fn all(&self) -> PyResult<Plan> {
        self.plan(Asked {
            prune: true,
            ..Asked::default()
        })
    }

    pub fn path_text(&self) -> Option<&OsString> {
        match &self.origin.pickled {
            Some(Pickled::Path(path)) => Some(path),
            _ => None,
        }
    }
}

/// Which rows and columns are wanted, and how.
#[derive(Default)]
struct Asked<'a, 'py> {
    columns: Option<Vec<String>>,
    filter: Option<&'a Bound<'py, PyAny>>,
    rows: Option<&'a Bound<'py, PyAny>>,
    batch_rows: Option<usize>,
    max_batch_bytes: Option<u64>,
    prune: bool,
    strings: Option<&'a str>,
}

/// Refuses the name of a column in brackets, which hold numbers of rows.
pub fn refuse_name(key: &Bound<'_, PyAny>) -> PyResult<()> {
    if !key.is_instance_of::<PyString>() {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "in brackets are numbers of rows, not the name of a column: read that with read([{0}])[{0}], or take of a source",
        key.repr()?
    )))
}

/// Checks the bookkeeping of so many rows.
pub fn check_rows(options: &ReaderOptions, rows: u64) -> PyResult<()> {
    let limit = options.max_batch_bytes();
    if rows.saturating_mul(ROW_BYTES) <= limit {
        return Ok(());
    }
    let message = format!(
        "the rows take more than {limit} bytes; raise max_batch_bytes or ask for fewer rows"
    );
    Err(exception("LimitError", "batch_too_large", message))
}

/// Names of columns, of which a single one would be a sequence of letters.
pub fn columns_of(columns: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<String>>> {
    let Some(columns) = columns.filter(|columns| !columns.is_none()) else {
        return Ok(None);
    };
    if columns.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "columns must be a sequence of names, not one name",
        ));
    }
    let names: PyResult<Vec<String>> = columns
        .try_iter()
        .map_err(|_| {
            PyTypeError::new_err(format!(
                "columns must be a sequence of names, not {}",
                type_name(columns)
            ))
        })?
        .map(|name| {
            let name = name?;
            name.extract().map_err(|_| {
                PyTypeError::new_err(format!(
                    "a column's name is a str, not {}",
                    type_name(&name)
                ))
            })
        })
        .collect();
    names.map(Some)
}

/// `rows` as a slice: a slice, a range, or the first row and the one behind the last.
fn rows_slice<'py>(rows: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PySlice>> {
    let py = rows.py();
    if let Ok(slice) = rows.cast::<PySlice>() {
        return Ok(slice.clone());
    }
    if let Ok((start, stop)) = rows.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>() {
        return crate::view::slice(py, Some(&start), Some(&stop));
    }
    let range = py.import("builtins")?.getattr("range")?;
    if rows.is_instance(&range)? {
        let part = |name: &str| rows.getattr(name)?.extract::<i64>();
        let (start, stop, step) = (part("start")?, part("stop")?, part("step")?);
        if start >= 0 && stop >= 0 && step > 0 {
            let slice = py.get_type::<PySlice>().call1((start, stop, step))?;
            return Ok(slice.cast_into()?);
        }
    }
    Err(PyTypeError::new_err(format!(
        "rows must be (first, end), a slice or a rising range, not {}",
        type_name(rows)
    )))
}

#[pymethods]
impl TableReader {
    #[new]
    #[pyo3(signature = (source, **keywords))]
    fn new(source: &Bound<'_, PyAny>, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        open_table(source, options::reader(keywords)?)
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
            let part = this.with_view(this.view.slice(slice)?)?;
            return Ok(Bound::new(py, part)?.into_any());
        }
        refuse_name(key)?;
        let of = Whole::of_rows(&this.origin.name);
        match indices::key(key, &this.view, of)? {
            Key::One(index) => {
                let place = this.view.at(this.view.place(index, of)?);
                let base = this.base()?;
                let batch = py.detach(|| base.take(&[place], None)).map_err(raise)?;
                Ok(row::row(py, &this.keys, &batch, 0)?.into_any())
            }
            Key::Many(indices) => {
                let (rows, base) = (this.rows_of(&indices)?, this.base()?);
                let batch = py.detach(|| base.take(&rows, None)).map_err(raise)?;
                Ok(PyList::new(py, row::rows(py, &batch)?)?.into_any())
            }
        }
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<RowIterator> {
        RowIterator::new(py, &self.all()?)
    }

    fn __reversed__(&self, py: Python<'_>) -> PyResult<RowIterator> {
        RowIterator::new(py, &self.with_view(self.view.reversed())?.all()?)
    }

    /// All rows, or a part of them, as arrays.
    #[pyo3(signature = (columns=None, rows=None, *, filter=None, strings=None, prune=true))]
    fn read(
        &self,
        py: Python<'_>,
        columns: Option<&Bound<'_, PyAny>>,
        rows: Option<&Bound<'_, PyAny>>,
        filter: Option<&Bound<'_, PyAny>>,
        strings: Option<&str>,
        prune: bool,
    ) -> PyResult<Table> {
        let plan = self.plan(Asked {
            columns: columns_of(columns)?,
            filter,
            rows,
            strings,
            prune,
            ..Asked::default()
        })?;
        read_all(py, &plan)
    }

    /// What to read, in order, batch by batch.
    #[allow(clippy::too_many_arguments, reason = "keywords of Python")]
    #[pyo3(signature = (
        columns=None, *, filter=None, rows=None, batch_rows=None, max_batch_bytes=None, prune=true, strings=None
    ))]
    fn scan(
        &self,
        columns: Option<&Bound<'_, PyAny>>,
        filter: Option<&Bound<'_, PyAny>>,
        rows: Option<&Bound<'_, PyAny>>,
        batch_rows: Option<usize>,
        max_batch_bytes: Option<u64>,
        prune: bool,
        strings: Option<&str>,
    ) -> PyResult<TableScan> {
        let plan = self.plan(Asked {
            columns: columns_of(columns)?,
            filter,
            rows,
            batch_rows,
            max_batch_bytes,
            prune,
            strings,
        })?;
        let schema = plan.begin().map_err(raise)?.schema();
        Ok(TableScan {
            plan,
            schema,
            path: self.path_text().cloned(),
        })
    }

    /// The rows with these numbers, in this order, as arrays.
    #[pyo3(signature = (indices, columns=None, *, strings=None))]
    fn take(
        &self,
        py: Python<'_>,
        indices: &Bound<'_, PyAny>,
        columns: Option<&Bound<'_, PyAny>>,
        strings: Option<&str>,
    ) -> PyResult<Table> {
        let columns = columns_of(columns)?;
        let strings = options::strings(strings)?;
        let (rows, base) = (self.rows_of(indices)?, self.base()?);
        let batch = py.detach(|| take_of(&base, &rows, columns.as_deref(), strings));
        Ok(Table::of(batch.map_err(raise)?))
    }

    /// Names and types.
    #[getter]
    fn schema(&self) -> PyResult<TableSchema> {
        Ok(TableSchema {
            schema: Arc::clone(self.base()?.schema()),
        })
    }

    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> PyResult<Vec<String>> {
        Ok(names_of(self.base()?.schema()))
    }

    /// Number of rows.
    #[getter]
    fn num_rows(&self) -> u64 {
        self.view.len
    }

    /// Whether the file has no index that can be used.
    #[getter]
    fn is_scanned(&self) -> PyResult<bool> {
        Ok(self.base()?.file().is_scanned())
    }

    /// What was skipped so far.
    #[getter]
    fn skipped(&self) -> PyResult<Vec<Fault>> {
        Ok(self.base()?.file().skipped().iter().map(fault).collect())
    }

    /// Row groups of the file.
    #[getter]
    fn num_row_groups(&self) -> PyResult<u64> {
        Ok(self.base()?.num_row_groups())
    }

    /// The key/value pairs of the footer.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metadata = PyDict::new(py);
        for (key, value) in self.base()?.file().user_metadata() {
            metadata.set_item(key, PyBytes::new(py, value))?;
        }
        Ok(metadata)
    }

    /// What the writer said of its options.
    #[getter]
    fn writer_options(&self) -> PyResult<Option<String>> {
        Ok(self
            .base()?
            .file()
            .writer_options_string()
            .map(str::to_owned))
    }

    /// Size of the file in bytes.
    #[getter]
    fn file_bytes(&self) -> PyResult<u64> {
        Ok(self.base()?.file().file_bytes())
    }

    /// Bytes that each column takes in the file.
    fn column_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let base = self.base()?;
        let names = names_of(base.schema());
        let mut sums = vec![0_u64; names.len()];
        for group in 0..base.num_row_groups() {
            let sizes = py.detach(|| base.column_sizes(group)).map_err(raise)?;
            for (sum, size) in sums.iter_mut().zip(sizes) {
                *sum += size.stored_bytes;
            }
            py.check_signals()?;
        }
        let columns = PyDict::new(py);
        for (name, bytes) in names.into_iter().zip(sums) {
            columns.set_item(name, bytes)?;
        }
        Ok(columns)
    }

    /// The file's path.
    #[getter]
    fn path(&self) -> Option<OsString> {
        self.path_text().cloned()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.base()?.schema())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        stream(py, &self.all()?, requested_schema)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(
        &self,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) {
        let _ = (exc_type, exc, traceback);
        self.close();
    }

    /// Closes the file; views and scans that were made keep it open.
    fn close(&self) {
        self.base.store(None);
    }

    /// Whether close was called.
    #[getter]
    fn closed(&self) -> bool {
        self.base.load().is_none()
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let source = match &this.origin.pickled {
            Some(Pickled::Path(path)) => path.into_pyobject(py)?.into_any(),
            Some(Pickled::Content(content)) => content.bind(py).clone().into_any(),
            _ => {
                return Err(PyTypeError::new_err(
                    "a reader of a file object cannot be pickled",
                ));
            }
        };
        let options = pickled(this.base()?.file().options());
        let View { start, step, len } = this.view;
        // What was recovered may have been given its schema.
        let recovered = if this.origin.recovered {
            Some(PyBytes::new(py, &this.schema_message()?))
        } else {
            None
        };
        let arguments = (source, options, (start, step, len), recovered).into_pyobject(py)?;
        Ok((function(py, "_open_table_reader")?, arguments))
    }

    fn __repr__(&self) -> String {
        let columns = self.base().map(|base| base.schema().fields().len());
        format!(
            "TableReader({:?}, rows={}, columns={})",
            self.origin.name,
            self.view.len,
            columns.unwrap_or_default()
        )
    }
}

/// Rows of a file, some columns of them.
pub fn take_of(
    base: &windrow::TableReader,
    rows: &[u64],
    columns: Option<&[String]>,
    strings: Strings,
) -> windrow::Result<arrow_array::RecordBatch> {
    let names: Option<Vec<&str>> =
        columns.map(|columns| columns.iter().map(String::as_str).collect());
    base.take_as(rows, names.as_deref(), strings)
}

/// Makes a reader from its pickle; `recovered` is the schema of a file that was recovered.
#[pyfunction]
pub fn _open_table_reader(
    source: &Bound<'_, PyAny>,
    options: PickledOptions,
    view: (u64, i64, u64),
    recovered: Option<&[u8]>,
) -> PyResult<TableReader> {
    let options = unpickled(&options)?;
    let mut reader = if let Some(schema) = recovered {
        let (py, place) = (source.py(), Place::new(source)?);
        let given = Some(GivenSchema::Message(schema.to_vec()));
        let (reader, origin, _) = recover_place(py, place, options, given, None)?;
        table_of(py, reader, origin)?
    } else {
        open_table(source, options)?
    };
    let total = reader.view.len;
    reader.view = View::checked(view, total).ok_or_else(|| {
        let message = format!(
            "{} has {total} rows now, fewer than when it was pickled",
            reader.origin.name
        );
        exception("SourceError", "instruction", message)
    })?;
    Ok(reader)
}

fn open_table(source: &Bound<'_, PyAny>, options: ReaderOptions) -> PyResult<TableReader> {
    let (py, place) = (source.py(), Place::new(source)?);
    let origin = Origin::of(py, &place);
    let reader = py.detach(|| windrow::TableReader::from_reader(reader_of(place, options)?));
    Ok(TableReader::of(py, reader.map_err(raise)?, origin))
}

fn reader_of(place: Place, options: ReaderOptions) -> Result<Reader, Error> {
    match place {
        Place::Path(path) => Reader::open_with(path, options),
        Place::Content(_, store) => Reader::from_store(store, SourceName::MEMORY, options),
        Place::Object(file) => {
            let options = options.with_max_parallelism(Some(0));
            Reader::from_store(file, SourceName::MEMORY, options)
        }
    }
}

/// Opens a file: a `TableReader` if it holds columns, else a `RecordReader`.
#[pyfunction]
#[pyo3(signature = (source, **keywords))]
pub fn open<'py>(
    source: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, place) = (source.py(), Place::new(source)?);
    let origin = Origin::of(py, &place);
    let options = crate::options::reader(None, keywords)?;
    let reader = py.detach(|| reader_of(place, options)).map_err(raise)?;
    if reader.has_columns() {
        return wrap(py, reader, origin);
    }
    sources::wrap(py, Records::new(Base::File(reader), origin))
}

/// The reader of a file of columns that is open.
pub fn wrap(py: Python<'_>, reader: Reader, origin: Origin) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, table_of(py, reader, origin)?)?.into_any())
}

fn table_of(py: Python<'_>, reader: Reader, origin: Origin) -> PyResult<TableReader> {
    let table = windrow::TableReader::from_reader(reader).map_err(raise)?;
    Ok(TableReader::of(py, table, origin))
}

/// Reads a file of columns.
#[pyfunction]
#[pyo3(signature = (source, columns=None, rows=None, *, filter=None, strings=None, **keywords))]
pub fn read_table(
    source: &Bound<'_, PyAny>,
    columns: Option<&Bound<'_, PyAny>>,
    rows: Option<&Bound<'_, PyAny>>,
    filter: Option<&Bound<'_, PyAny>>,
    strings: Option<&str>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Table> {
    let reader = TableReader::new(source, keywords)?;
    reader.read(source.py(), columns, rows, filter, strings, true)
}
