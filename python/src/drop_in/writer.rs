//! `ArrayRecordWriter`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Opened, ignore};
use crate::options;
use crate::place::local_path;
use crate::writer::SharedWriter;

/// The writer of array_record: same names, positional arguments and files.
#[pyclass(frozen, subclass, weakref, module = "windrow.array_record_module")]
pub struct ArrayRecordWriter {
    opened: Opened<SharedWriter>,
}

#[pymethods]
impl ArrayRecordWriter {
    #[new]
    #[pyo3(signature = (path, options="", *, lazy_errors=false, **ignored))]
    fn new(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        options: &str,
        lazy_errors: bool,
        ignored: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = options::writer(options, None)?.for_new_file()?;
        ignore(ignored)?;
        let opened = local_path(path).and_then(|path| SharedWriter::create(py, &path, options));
        Ok(Self {
            opened: Opened::new(py, opened, lazy_errors)?,
        })
    }

    /// Whether the file is open and nothing went wrong.
    fn ok(&self, py: Python<'_>) -> bool {
        self.opened.get(py).is_ok_and(|writer| writer.is_usable(py))
    }

    /// Whether close was not called yet.
    fn is_open(&self, py: Python<'_>) -> bool {
        self.opened
            .get(py)
            .map_or(true, |writer| !writer.is_closed(py))
    }

    /// Appends one record.
    #[pyo3(signature = (record, /))]
    fn write(&self, record: &Bound<'_, PyAny>) -> PyResult<()> {
        self.opened.get(record.py())?.write(record)
    }

    /// Completes the file.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.opened.get(py)?.close(py, false)
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
            return self.close(py);
        }
        if let Ok(writer) = self.opened.get(py) {
            writer.give_up(py);
        }
        Ok(())
    }
}
