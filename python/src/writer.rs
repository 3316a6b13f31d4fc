//! Writing files.

use std::ffi::{CString, OsString};
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyResourceWarning, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyString};
use windrow::{FileSink, SourceName, Writer, WriterOptions};

use crate::errors::{closed, exception, raise};
use crate::indices::type_name;
use crate::place::{AnySink, bytes_of, is_path, local_path};
use crate::process::{generation, is_left_behind};
use crate::turn::{Inside, Turn};

/// Records of a batch that are taken in before they are handed to the writer together.
const STEP_RECORDS: usize = 1024;
/// Bytes of them at the most.
const STEP_BYTES: usize = 4 << 20;

/// A writer that threads may share. The process that made it is the only one that uses it.
pub struct SharedWriter {
    generation: u32,
    owner: u32,
    name: String,
    /// `None` once it was closed.
    writer: Turn<Option<Writer<AnySink>>>,
    /// Records written, once it was closed.
    written: AtomicU64,
}

impl SharedWriter {
    /// Opens a path.
    pub fn open(py: Python<'_>, path: &Bound<'_, PyAny>, options: WriterOptions) -> PyResult<Self> {
        let path = local_path(path)?;
        let name = path.display().to_string();
        let atomic = options.atomic();
        let writer = py.detach(|| {
            let made = || FileSink::create(&path, atomic).map(AnySink::File);
            Writer::create_with(&SourceName::path(&path), options, made)
        });
        Ok(Self::new(name, writer.map_err(raise)?))
    }

    /// Writes to a file object.
    pub fn to_object(object: &Bound<'_, PyAny>, options: WriterOptions) -> PyResult<Self> {
        let sink = AnySink::Object(object.clone().unbind());
        let name = SourceName::MEMORY.to_string();
        Ok(Self::new(
            name,
            Writer::create(sink, options).map_err(raise)?,
        ))
    }

    fn new(name: String, writer: Writer<AnySink>) -> Self {
        Self {
            generation: generation(),
            owner: std::process::id(),
            name,
            writer: Turn::new(Some(writer)),
            written: AtomicU64::new(0),
        }
    }

    /// Locks the writer, but never in a forked process, where the lock may be held for ever.
    fn lock(&self, py: Python<'_>) -> PyResult<Inside<'_, Option<Writer<AnySink>>>> {
        if self.generation != generation() {
            let message = format!(
                "writer of {} was inherited by a forked process: only process {} may write; \
                 open a file of its own in each process",
                self.name, self.owner
            );
            return Err(exception("WriterError", "writer_forked", message));
        }
        self.writer.lock(py)
    }

    fn closed(&self) -> PyErr {
        closed(&format!("writer of {}", self.name))
    }

    /// Appends one record.
    pub fn write(&self, record: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = record.py();
        let record = bytes_of(record)?;
        let mut writer = self.lock(py)?;
        let writer = writer.as_mut().ok_or_else(|| self.closed())?;
        let bytes = record.as_bytes();
        // A change of the interpreter's lock costs more than putting a record aside.
        let written = if writer.may_wait(bytes.len()) {
            py.detach(|| writer.write(bytes))
        } else {
            writer.write(bytes)
        };
        written.map_err(raise)
    }

    fn write_batch(&self, records: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = records.py();
        if records.is_instance_of::<PyBytes>() || records.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err(format!(
                "records must be a sequence of bytes, not {}",
                type_name(records)
            )));
        }
        let mut step: Vec<PyBackedBytes> = Vec::with_capacity(STEP_RECORDS);
        let mut bytes = 0;
        for record in records.try_iter()? {
            let record = record.and_then(|record| bytes_of(&record));
            match record {
                Ok(record) => step.push(PyBackedBytes::from(record)),
                Err(error) => {
                    self.write_step(py, &step)?;
                    return Err(error);
                }
            }
            bytes += step.last().map_or(0, |record| record.len());
            if step.len() == STEP_RECORDS || bytes >= STEP_BYTES {
                self.write_step(py, &step)?;
                step.clear();
                bytes = 0;
                py.check_signals()?;
            }
        }
        self.write_step(py, &step)
    }

    fn write_step(&self, py: Python<'_>, records: &[PyBackedBytes]) -> PyResult<()> {
        let mut writer = self.lock(py)?;
        let writer = writer.as_mut().ok_or_else(|| self.closed())?;
        py.detach(|| writer.write_batch(records)).map_err(raise)
    }

    fn records(&self, py: Python<'_>) -> PyResult<u64> {
        let writer = self.lock(py)?;
        let written = || self.written.load(Ordering::Relaxed);
        Ok(writer.as_ref().map_or_else(written, Writer::records))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let mut writer = self.lock(py)?;
        let writer = writer.as_mut().ok_or_else(|| self.closed())?;
        py.detach(|| writer.flush()).map_err(raise)
    }

    /// Completes the file; a second call does nothing, but waits until it is complete.
    pub fn close(&self, py: Python<'_>) -> PyResult<()> {
        let mut slot = self.lock(py)?;
        let Some(writer) = slot.take() else {
            return Ok(());
        };
        self.written.store(writer.records(), Ordering::Relaxed);
        py.detach(|| writer.finish().map(|_| ())).map_err(raise)
    }

    /// Leaves the file unfinished, with what is complete written. The exception that led here matters more than a disk
    /// that is full, or than a process that must not write.
    pub fn give_up(&self, py: Python<'_>) {
        if let Ok(mut slot) = self.lock(py)
            && let Some(mut writer) = slot.take()
        {
            self.written.store(writer.records(), Ordering::Relaxed);
            let _ = py.detach(|| writer.flush());
        }
    }

    /// Whether records can be written.
    pub fn is_usable(&self, py: Python<'_>) -> bool {
        let writer = self.lock(py);
        writer.is_ok_and(|writer| writer.as_ref().is_some_and(|writer| !writer.has_failed()))
    }

    /// Whether it was closed.
    pub fn is_closed(&self, py: Python<'_>) -> bool {
        self.lock(py).is_ok_and(|writer| writer.is_none())
    }
}

impl Drop for SharedWriter {
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

/// Warns like an unclosed file. An error, where warnings are errors, is shown and dropped: nobody is there to catch it.
fn warn(message: &str) {
    if is_left_behind() {
        return;
    }
    Python::try_attach(|py| {
        let pending = PyErr::take(py);
        let category = py.get_type::<PyResourceWarning>();
        let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
        if let Err(error) = PyErr::warn(py, &category, &message, 1)
            && error.is_instance(py, &category)
        {
            error.write_unraisable(py, None);
        }
        if let Some(pending) = pending {
            pending.restore(py);
        }
    });
}

/// Writes records, in order, into a file that array_record reads too.
#[pyclass(frozen, weakref, module = "windrow")]
pub struct RecordWriter {
    writer: SharedWriter,
    path: Option<OsString>,
    options: String,
}

#[pymethods]
impl RecordWriter {
    #[new]
    #[pyo3(signature = (sink, options=None, **keywords))]
    fn new(
        py: Python<'_>,
        sink: &Bound<'_, PyAny>,
        options: Option<&str>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = crate::options::writer(options.unwrap_or_default(), keywords)?;
        let text = options.to_string();
        if is_path(sink)? {
            let path = Some(local_path(sink)?.into_os_string());
            return Ok(Self {
                writer: SharedWriter::open(py, sink, options)?,
                path,
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

    /// Writes every complete group.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.writer.flush(py)
    }

    /// Completes the file.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.writer.close(py)
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
            return self.writer.close(py);
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
        format!("RecordWriter({:?}, {:?})", self.writer.name, self.options)
    }
}
