//! `windrow.RecordsMetadata`, a class in Python, and what the library has for it.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple, PyType};
use windrow::RecordsMetadata;

use crate::errors::exception;
use crate::indices::type_name;

const MODULE: &str = "windrow._records_metadata";

/// What a caller wants a file to say; `None` is nothing.
pub fn given(value: &Bound<'_, PyAny>) -> PyResult<Option<RecordsMetadata>> {
    if value.is_none() {
        return Ok(None);
    }
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(value.py(), MODULE, "RecordsMetadata")?;
    if !value.is_instance(class)? {
        let message = format!(
            "records_metadata must be a windrow.RecordsMetadata, not {}",
            type_name(value)
        );
        return Err(exception("OptionsError", "invalid_option_value", message));
    }
    let descriptors: Vec<PyBackedBytes> = value.getattr("file_descriptors")?.extract()?;
    let other_fields: PyBackedBytes = value.getattr("other_fields")?.extract()?;
    Ok(Some(RecordsMetadata {
        file_comment: value.getattr("file_comment")?.extract()?,
        record_type_name: value.getattr("record_type_name")?.extract()?,
        record_writer_options: value.getattr("record_writer_options")?.extract()?,
        file_descriptor: descriptors.iter().map(|bytes| bytes.to_vec()).collect(),
        num_records: value.getattr("num_records")?.extract()?,
        other_fields: other_fields.to_vec(),
    }))
}

/// What a file says.
pub fn to_object(py: Python<'_>, metadata: RecordsMetadata) -> PyResult<Bound<'_, PyAny>> {
    let descriptors = metadata.file_descriptor.iter();
    let descriptors = PyTuple::new(py, descriptors.map(|bytes| PyBytes::new(py, bytes)))?;
    let restored = py.import(MODULE)?.getattr("_restored")?;
    restored.call1((
        metadata.record_type_name,
        metadata.file_comment,
        descriptors,
        metadata.record_writer_options,
        metadata.num_records,
        PyBytes::new(py, &metadata.other_fields),
    ))
}
