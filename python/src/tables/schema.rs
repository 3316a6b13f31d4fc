//! The schema of a table, as an object.

use std::collections::HashMap;

use arrow_schema::SchemaRef;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyTuple};

use super::capsule::{arrow_error, schema_capsule, schema_of};
use super::table::{from_ipc, to_ipc};

/// Names and types of a table's columns.
#[pyclass(frozen, module = "windrow")]
pub struct TableSchema {
    pub schema: SchemaRef,
}

#[pymethods]
impl TableSchema {
    #[new]
    fn new(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            schema: schema_of(source)?,
        })
    }

    /// Names of the columns, in order.
    #[getter]
    fn names(&self) -> Vec<String> {
        names_of(&self.schema)
    }

    /// Name and type of each column.
    #[getter]
    fn types<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let types = PyDict::new(py);
        for field in self.schema.fields() {
            types.set_item(field.name(), field.data_type().to_string())?;
        }
        Ok(types)
    }

    /// Key/value pairs of the schema itself.
    #[getter]
    fn metadata(&self) -> HashMap<String, String> {
        self.schema.metadata().clone()
    }

    fn __len__(&self) -> usize {
        self.schema.fields().len()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.schema == other.schema
    }

    fn __repr__(&self) -> String {
        let fields = self.schema.fields().iter();
        let fields: Vec<String> = fields
            .map(|field| format!("{}: {}", field.name(), field.data_type()))
            .collect();
        format!("TableSchema({})", fields.join(", "))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let bytes = to_ipc(&slf.get().schema, &[]).map_err(arrow_error)?;
        let make = py.import("windrow._core")?.getattr("_open_schema")?;
        Ok((make, (PyBytes::new(py, &bytes),).into_pyobject(py)?))
    }
}

/// Makes a schema from its pickle.
#[pyfunction]
pub fn _open_schema(bytes: &[u8]) -> PyResult<TableSchema> {
    let (schema, _) = from_ipc(bytes).map_err(arrow_error)?;
    Ok(TableSchema { schema })
}

pub fn names_of(schema: &SchemaRef) -> Vec<String> {
    schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}
