//! A table in memory.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch, RecordBatchIterator};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::{concat, concat_batches};
use arrow_select::interleave::interleave_record_batch;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList, PySlice, PyString, PyTuple};

use super::capsule::{
    Batches, Request, arrow_error, batch_capsules, batches_in_form, schema_capsule, stream_capsule,
};
use super::column::Column;
use super::row;
use super::schema::{TableSchema, names_of};
use crate::errors::{Whole, exception};
use crate::indices::number;
use crate::view::View;

/// Rows in memory, as Arrow arrays.
#[pyclass(frozen, weakref, module = "windrow")]
pub struct Table {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    rows: usize,
}

impl Table {
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self {
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
            schema,
            batches,
        }
    }

    pub fn of(batch: RecordBatch) -> Self {
        Self::new(batch.schema(), vec![batch])
    }

    fn stream(&self) -> Batches {
        let batches: Vec<_> = self.batches.iter().cloned().map(Ok).collect();
        Box::new(RecordBatchIterator::new(batches, Arc::clone(&self.schema)))
    }

    /// All rows in one batch.
    fn joined(&self) -> Result<RecordBatch, ArrowError> {
        match self.batches.as_slice() {
            [only] => Ok(only.clone()),
            all => concat_batches(&self.schema, all),
        }
    }

    /// The batch that holds a row, and the row's place in it.
    fn find(&self, mut place: usize) -> Option<(usize, usize)> {
        for (number, batch) in self.batches.iter().enumerate() {
            if place < batch.num_rows() {
                return Some((number, place));
            }
            place -= batch.num_rows();
        }
        None
    }

    fn part(&self, view: &View) -> PyResult<Self> {
        let (schema, all) = (Arc::clone(&self.schema), &self.batches);
        if view.step == 1 {
            let (mut skip, mut left) = (usize::try_from(view.start)?, usize::try_from(view.len)?);
            let mut batches = Vec::new();
            for batch in all {
                let begin = skip.min(batch.num_rows());
                let rows = left.min(batch.num_rows() - begin);
                skip -= begin;
                left -= rows;
                if rows > 0 {
                    batches.push(batch.slice(begin, rows));
                }
            }
            return Ok(Self::new(schema, batches));
        }
        if view.len == 0 {
            return Ok(Self::new(schema, Vec::new()));
        }
        let places: PyResult<Vec<_>> = view
            .records()
            .map(|place| Ok(self.find(usize::try_from(place)?).unwrap_or_default()))
            .collect();
        let all: Vec<&RecordBatch> = all.iter().collect();
        let batch = interleave_record_batch(&all, &places?).map_err(arrow_error)?;
        Ok(Self::new(schema, vec![batch]))
    }
}

#[pymethods]
impl Table {
    fn __len__(&self) -> usize {
        self.rows
    }

    /// Number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[getter]
    fn num_columns(&self) -> usize {
        self.schema.fields().len()
    }

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

    /// Bytes that its arrays take.
    #[getter]
    fn nbytes(&self) -> usize {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        columns.map(|column| column.get_array_memory_size()).sum()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let view = View::all(self.rows as u64);
        if let Ok(slice) = key.cast::<PySlice>() {
            return Ok(Bound::new(py, self.part(&view.slice(slice)?)?)?.into_any());
        }
        if let Ok(name) = key.cast::<PyString>() {
            return Ok(Bound::new(py, self.column(py, name.to_str()?)?)?.into_any());
        }
        let of = Whole::of_rows("the table");
        let place = view.place(number(key, &view, of)?, of)?;
        let (batch, place) = self.find(usize::try_from(place)?).unwrap_or_default();
        let keys = row::keys(py, &self.schema);
        Ok(row::row(py, &keys, &self.batches[batch], place)?.into_any())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.to_pylist(py)?.try_iter()?.into_any())
    }

    /// One column.
    fn column(&self, py: Python<'_>, name: &str) -> PyResult<Column> {
        let found = self.schema.column_with_name(name);
        let (number, field) = found.ok_or_else(|| no_column(name, &self.schema))?;
        let arrays: Vec<&dyn Array> = self
            .batches
            .iter()
            .map(|batch| batch.column(number).as_ref())
            .collect();
        let array = match self.batches.as_slice() {
            [only] => Arc::clone(only.column(number)),
            [] => arrow_array::new_empty_array(field.data_type()),
            _ => py.detach(|| concat(&arrays)).map_err(arrow_error)?,
        };
        Ok(Column {
            field: Arc::new(field.clone()),
            array,
        })
    }

    /// Its batches, each as a table.
    fn batches<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let tables = self
            .batches
            .iter()
            .map(|batch| Bound::new(py, Self::of(batch.clone())));
        PyList::new(py, tables.collect::<PyResult<Vec<_>>>()?)
    }

    /// The rows as dicts.
    fn to_pylist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut rows = Vec::with_capacity(self.rows);
        for batch in &self.batches {
            rows.extend(row::rows(py, batch)?);
        }
        PyList::new(py, rows)
    }

    /// The columns as lists.
    fn to_pydict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        for field in self.schema.fields() {
            let column = self.column(py, field.name())?;
            columns.set_item(field.name(), row::values(py, &column.array)?)?;
        }
        Ok(columns)
    }

    /// As a pyarrow.Table.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.call_method1("table", (slf,))
    }

    /// As a polars.DataFrame.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let polars = py.import("polars")?;
        if slf.get().batches.len() < 2 {
            return polars.call_method1("DataFrame", (slf,));
        }
        // Of several batches at once it would make one, which copies all of it.
        let frames = slf.get().batches(py)?;
        let frames = frames
            .iter()
            .map(|batch| polars.call_method1("DataFrame", (batch,)));
        let frames = PyList::new(py, frames.collect::<PyResult<Vec<_>>>()?)?;
        let options = PyDict::new(py);
        options.set_item("rechunk", false)?;
        polars.call_method("concat", (frames,), Some(&options))
    }

    /// As a pandas.DataFrame.
    #[pyo3(signature = (**keywords))]
    fn to_pandas<'py>(
        slf: &Bound<'py, Self>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::to_pyarrow(slf)?.call_method("to_pandas", (), keywords)
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
        requested_stream(py, self.stream(), requested_schema)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let mut batch = py.detach(|| self.joined()).map_err(arrow_error)?;
        if let Some(requested) = requested_schema {
            let answer = Request::new(requested, &self.schema)?.answer(&self.schema);
            batch = super::capsule::in_form(&batch, &answer).map_err(arrow_error)?;
        }
        batch_capsules(py, &batch)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let bytes = py.detach(|| to_ipc(&this.schema, &this.batches));
        let bytes = PyBytes::new(py, &bytes.map_err(arrow_error)?);
        let make = py.import("windrow._core")?.getattr("_open_table")?;
        Ok((make, (bytes,).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        format!(
            "Table(rows={}, columns={:?})",
            self.rows,
            names_of(&self.schema)
        )
    }
}

/// Makes a table from its pickle.
#[pyfunction]
pub fn _open_table(py: Python<'_>, bytes: &Bound<'_, PyBytes>) -> PyResult<Table> {
    let bytes = bytes.as_bytes();
    let (schema, batches) = py.detach(|| from_ipc(bytes)).map_err(arrow_error)?;
    Ok(Table::new(schema, batches))
}

pub fn to_ipc(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

pub fn from_ipc(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let reader = StreamReader::try_new(bytes, None)?;
    let schema = reader.schema();
    Ok((schema, reader.collect::<Result<_, _>>()?))
}

/// A stream in the form that a consumer asked for.
pub fn requested_stream<'py>(
    py: Python<'py>,
    batches: Batches,
    requested: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let Some(requested) = requested.filter(|requested| !requested.is_none()) else {
        return stream_capsule(py, batches);
    };
    let schema = batches.schema();
    let answer = Request::new(requested, &schema)?.answer(&schema);
    stream_capsule(py, batches_in_form(batches, answer))
}

pub fn no_column(name: &str, schema: &SchemaRef) -> PyErr {
    let names: Vec<String> = names_of(schema)
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let message = format!("no column `{name}`; there are {}", names.join(", "));
    exception("NoColumnError", "no_column", message)
}
