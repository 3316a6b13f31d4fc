//! A writer that threads share, of a path or of a file object.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyResourceWarning;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use windrow::{AppendOptions, FileSink, Result, SourceName, Writer, WriterOptions};

use crate::errors::{closed, exception, raise, writer_forked};
use crate::place::{ObjectSink, bytes_of, each_record};
use crate::process::{generation, is_left_behind};
use crate::turn::{Inside, Turn};

/// Records of a batch that are taken in before they are handed to the writer together.
const STEP_RECORDS: usize = 1024;
/// Bytes of them at the most.
const STEP_BYTES: usize = 4 << 20;

/// A writer to either kind of place.
enum AnyWriter {
    File(Writer<FileSink>),
    Object(Writer<ObjectSink>),
}

/// Does the same with either.
macro_rules! either {
    ($any:expr, $writer:ident => $call:expr) => {
        match $any {
            AnyWriter::File($writer) => $call,
            AnyWriter::Object($writer) => $call,
        }
    };
}

impl AnyWriter {
    fn write(&mut self, record: &[u8]) -> Result<()> {
        either!(self, writer => writer.write(record))
    }

    fn write_batch(&mut self, records: &[PyBackedBytes]) -> Result<()> {
        either!(self, writer => writer.write_batch(records))
    }

    fn may_wait(&self, record_bytes: usize) -> bool {
        either!(self, writer => writer.may_wait(record_bytes))
    }

    fn flush(&mut self) -> Result<()> {
        either!(self, writer => writer.flush())
    }

    fn sync(&mut self) -> Result<()> {
        either!(self, writer => writer.sync())
    }

    fn finish(self, synced: bool) -> Result<()> {
        either!(self, writer => {
            let finished = if synced { writer.finish_synced() } else { writer.finish() };
            finished.map(|_| ())
        })
    }

    fn records(&self) -> u64 {
        either!(self, writer => writer.records())
    }

    fn has_failed(&self) -> bool {
        either!(self, writer => writer.has_failed())
    }

    /// Refuses what a file object cannot promise, while nothing has happened yet.
    fn check_sync(&self) -> PyResult<()> {
        match self {
            Self::File(_) => Ok(()),
            Self::Object(_) => Err(exception(
                "UnsupportedError",
                "sync",
                "a file object cannot make records durable: give a path".to_owned(),
            )),
        }
    }
}

/// A writer that threads may share. The process that made it is the only one that uses it.
pub struct SharedWriter {
    generation: u32,
    owner: u32,
    pub name: String,
    /// `None` once it was closed.
    writer: Turn<Option<AnyWriter>>,
    /// Records written, once it was closed.
    written: AtomicU64,
}

impl SharedWriter {
    /// Begins a file at a path.
    pub fn create(py: Python<'_>, path: &Path, options: WriterOptions) -> PyResult<Self> {
        let writer = py.detach(|| Writer::create_file(path, options));
        Ok(Self::new(
            path.display().to_string(),
            AnyWriter::File(writer.map_err(raise)?),
        ))
    }

    /// Goes on with the file at a path; the text is that of its options.
    pub fn append(py: Python<'_>, path: &Path, options: AppendOptions) -> PyResult<(Self, String)> {
        let writer = py.detach(|| Writer::append(path, options)).map_err(raise)?;
        let text = writer.options().to_string();
        let name = path.display().to_string();
        Ok((Self::new(name, AnyWriter::File(writer)), text))
    }

    /// Writes to a file object.
    pub fn to_object(object: &Bound<'_, PyAny>, options: WriterOptions) -> PyResult<Self> {
        let sink = ObjectSink(object.clone().unbind());
        let writer = object.py().detach(|| Writer::create(sink, options));
        let name = SourceName::MEMORY.to_string();
        Ok(Self::new(name, AnyWriter::Object(writer.map_err(raise)?)))
    }

    fn new(name: String, writer: AnyWriter) -> Self {
        Self {
            generation: generation(),
            owner: std::process::id(),
            name,
            writer: Turn::new(Some(writer)),
            written: AtomicU64::new(0),
        }
    }

    /// Locks the writer, but never in a forked process, where the lock may be held for ever.
    fn lock(&self, py: Python<'_>) -> PyResult<Inside<'_, Option<AnyWriter>>> {
        if self.generation != generation() {
            return Err(writer_forked(&self.name, self.owner));
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

    pub fn write_batch(&self, records: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = records.py();
        let mut step: Vec<PyBackedBytes> = Vec::with_capacity(STEP_RECORDS);
        let mut bytes = 0;
        for record in each_record(records)? {
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

    /// Records written so far.
    pub fn records(&self, py: Python<'_>) -> PyResult<u64> {
        let writer = self.lock(py)?;
        let written = || self.written.load(Ordering::Relaxed);
        Ok(writer.as_ref().map_or_else(written, AnyWriter::records))
    }

    /// Makes every record readable.
    pub fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let mut writer = self.lock(py)?;
        let writer = writer.as_mut().ok_or_else(|| self.closed())?;
        py.detach(|| writer.flush()).map_err(raise)
    }

    /// Makes every record durable.
    pub fn sync(&self, py: Python<'_>) -> PyResult<()> {
        let mut writer = self.lock(py)?;
        let writer = writer.as_mut().ok_or_else(|| self.closed())?;
        writer.check_sync()?;
        py.detach(|| writer.sync()).map_err(raise)
    }

    /// Completes the file, durably if `synced` says so; a second call does nothing, but waits until it is complete.
    pub fn close(&self, py: Python<'_>, synced: bool) -> PyResult<()> {
        let mut slot = self.lock(py)?;
        if let Some(writer) = slot.as_ref().filter(|_| synced) {
            writer.check_sync()?;
        }
        let Some(writer) = slot.take() else {
            return Ok(());
        };
        self.written.store(writer.records(), Ordering::Relaxed);
        py.detach(|| writer.finish(synced)).map_err(raise)
    }

    /// Leaves the file unfinished, with every record in it. The exception that led here matters more than a disk
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
pub fn warn(message: &str) {
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
