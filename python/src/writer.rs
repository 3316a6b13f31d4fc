//! Writing files.

mod shared;

use std::ffi::OsString;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::exception;
use crate::indices::type_name;
use crate::options::Given;
use crate::place::{is_path, local_path};
pub use shared::{SharedWriter, warn};

/// Writes records, in order, into a file that array_record reads too.
#[pyclass(frozen, weakref, module = "windrow")]
pub struct RecordWriter {
    writer: SharedWriter,
    path: Option<OsString>,
    /// `None` if the file that is appended to has its own.
    options: String,
}

#[pymethods]
impl RecordWriter {
    #[new]
    #[pyo3(signature = (sink, options=None, *, mode="create", copy=false, **keywords))]
    fn new(
        py: Python<'_>,
        sink: &Bound<'_, PyAny>,
        options: Option<&str>,
        mode: &str,
        copy: bool,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let given = crate::options::writer(options.unwrap_or_default(), keywords)?;
        let is_path = is_path(sink)?;
        if is_append(mode, copy, &given)? {
            if !is_path {
                return Err(PyTypeError::new_err(format!(
                    "appending needs a path, not {}",
                    type_name(sink)
                )));
            }
            let path = local_path(sink)?;
            let options = given.options.with_copy(copy);
            let (writer, options) = SharedWriter::append(py, &path, options)?;
            return Ok(Self {
                writer,
                path: Some(path.into_os_string()),
                options,
            });
        }
        let options = given.for_new_file()?;
        let text = options.to_string();
        if is_path {
            let path = local_path(sink)?;
            return Ok(Self {
                writer: SharedWriter::create(py, &path, options)?,
                path: Some(path.into_os_string()),
                options: text,
            });
        }
        if !sink.hasattr("write")? {
            return Err(PyTypeError::new_err(format!(
                "a path or a file object with write is needed, not {}",
                type_name(sink)
            )));
        }
        Ok(Self {
            writer: SharedWriter::to_object(sink, options)?,
            path: None,
            options: text,
        })
    }

    /// Appends one record.
    fn write(&self, record: &Bound<'_, PyAny>) -> PyResult<()> {
        self.writer.write(record)
    }

    /// Appends records in order.
    fn write_batch(&self, records: &Bound<'_, PyAny>) -> PyResult<()> {
        self.writer.write_batch(records)
    }

    /// Makes every record readable.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.writer.flush(py)
    }

    /// Makes every record durable.
    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        self.writer.sync(py)
    }

    /// Completes the file.
    #[pyo3(signature = (*, sync=false))]
    fn close(&self, py: Python<'_>, sync: bool) -> PyResult<()> {
        self.writer.close(py, sync)
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
            return self.writer.close(py, false);
        }
        self.writer.give_up(py);
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
        self.writer.is_closed(py)
    }

    /// Records written so far.
    #[getter]
    fn records(&self, py: Python<'_>) -> PyResult<u64> {
        self.writer.records(py)
    }

    /// The options as the footer will state them.
    #[getter]
    fn options(&self) -> &str {
        &self.options
    }

    fn __repr__(&self) -> String {
        let name = &self.writer.name;
        format!("RecordWriter({name:?}, {:?})", self.options)
    }
}

/// Whether to append, if that goes with the rest.
fn is_append(mode: &str, copy: bool, given: &Given) -> PyResult<bool> {
    let (code, message) = match mode {
        "create" if copy => (
            "conflicting_options",
            "copy=True goes with mode=\"append\"; a new file has atomic=True".to_owned(),
        ),
        "create" => return Ok(false),
        "append" if given.atomic == Some(true) => (
            "conflicting_options",
            "atomic=True is for new files; copy=True appends to a copy".to_owned(),
        ),
        "append" if given.records_metadata.is_some() => (
            "conflicting_options",
            "records_metadata stands at the beginning of a file: mode=\"append\" cannot set it"
                .to_owned(),
        ),
        "append" => return Ok(true),
        _ => (
            "invalid_option_value",
            format!("mode {mode:?} is not one of create, append"),
        ),
    };
    Err(exception("OptionsError", code, message))
}
