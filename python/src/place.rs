//! Paths, buffers and file objects: where a file is read from or written to.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use pyo3::buffer::{PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::{PyBlockingIOError, PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyInt, PyIterator, PyString};
use windrow::{Sink, Store};

use crate::errors::exception;
use crate::indices::type_name;
use crate::process::{generation, visit};
use crate::turn::Turn;

/// A path from a `str`, `bytes` or anything with `__fspath__`. Of URLs, only local files can be reached so far.
pub fn local_path(object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let text = object
        .py()
        .import("os")?
        .call_method1("fsdecode", (object,))?;
    let path: OsString = text.extract()?;
    if path.as_encoded_bytes().contains(&0) {
        return Err(exception(
            "SourceError",
            "source",
            format!("{}: a path cannot hold a NUL", path.display()),
        ));
    }
    if let Some(problem) = path.to_str().and_then(not_local) {
        return Err(exception("UnsupportedError", "url", problem));
    }
    Ok(path.into())
}

/// Whether an object is a path, rather than content.
pub fn is_path(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.is_instance_of::<PyString>() || object.hasattr("__fspath__")?)
}

fn not_local(path: &str) -> Option<String> {
    let (scheme, rest) = path.split_once(":/")?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme {
        return None;
    }
    if !rest.starts_with('/') {
        // What pathlib makes of a URL. A folder may be called `gs:`, though nobody calls one so.
        return matches!(
            scheme,
            "gs" | "s3" | "az" | "http" | "https" | "hf" | "file"
        )
        .then(|| {
            format!(
                "{path}: this was a URL before pathlib took a slash out; URLs are not supported yet"
            )
        });
    }
    Some(if scheme == "file" {
        format!("{path}: URLs are not supported, give the path itself")
    } else {
        format!("{path}: {scheme}:// is not supported yet, only local files; copy it, or mount it")
    })
}

/// The content of a file that lies in memory.
pub struct BytesStore(pub PyBackedBytes);

impl Store for BytesStore {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|begin| self.0.get(begin..)?.get(..buffer.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

/// Where a file is read from.
pub enum Place {
    Path(PathBuf),
    Content(Py<PyBytes>, BytesStore),
    Object(FileObject),
}

impl Place {
    /// A path, content or a file object.
    pub fn new(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        if is_path(source)? {
            return local_path(source).map(Self::Path);
        }
        // Buffers first: a memory map is both.
        let is_buffer = PyUntypedBuffer::get(source).is_ok();
        if !is_buffer && let Some(file) = FileObject::new(source)? {
            return Ok(Self::Object(file));
        }
        let content = bytes_of(source)?;
        let store = BytesStore(content.clone().into());
        Ok(Self::Content(content.unbind(), store))
    }
}

/// The bytes of any buffer object; those of `bytes` are shared, all others copied, for they may change.
pub fn bytes_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    let py = object.py();
    let buffer = PyBuffer::<u8>::get(object).or_else(|_| {
        // Arrays of other things than bytes.
        let view = py
            .import("builtins")?
            .call_method1("memoryview", (object,))?;
        PyBuffer::<u8>::get(&view.call_method1("cast", ("B",))?)
    });
    let buffer = buffer.map_err(|_| {
        let hint = if object.is_instance_of::<PyString>() {
            "; use .encode()"
        } else {
            ""
        };
        PyTypeError::new_err(format!(
            "bytes or another contiguous buffer is needed, not {}{hint}",
            type_name(object)
        ))
    })?;
    PyBytes::new_with(py, buffer.len_bytes(), |bytes| {
        buffer.copy_to_slice(py, bytes)
    })
}

/// The same; `None` for an object that is no buffer.
pub fn buffer_or_none<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    match bytes_of(object) {
        Err(error) if error.is_instance_of::<PyTypeError>(object.py()) => Ok(None),
        bytes => bytes.map(Some),
    }
}

/// Goes through records. A single one is refused: it would be a sequence of numbers.
pub fn each_record<'py>(records: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyIterator>> {
    if records.is_instance_of::<PyBytes>() || records.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(format!(
            "records must be a sequence of bytes, not {}",
            type_name(records)
        )));
    }
    records.try_iter()
}

/// A file object: `seek` and `read`, one call at a time. To be used by the threads of Python alone: a worker that
/// waits for the interpreter while it ends would take the process down.
pub struct FileObject {
    generation: u32,
    object: Py<PyAny>,
    busy: Turn<()>,
}

impl FileObject {
    fn with<R>(&self, work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<R>) -> io::Result<R> {
        let _visit = visit();
        Python::attach(|py| {
            if self.generation != generation() {
                // Its lock may be held for ever by a thread of the parent, and both would move one file position.
                let message =
                    "a file object was inherited by a forked process: open it there".to_owned();
                return Err(exception("UnsupportedError", "forked", message));
            }
            let _alone = self.busy.lock(py)?;
            work(self.object.bind(py))
        })
        .map_err(io::Error::other)
    }
}

impl Store for FileObject {
    fn len(&self) -> io::Result<u64> {
        // Not every `seek` tells where it went.
        self.with(|file| {
            file.call_method1("seek", (0, 2))?;
            file.call_method0("tell")?.extract()
        })
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let read = self.with(|file| {
            file.call_method1("seek", (offset,))?;
            let mut filled = 0;
            while filled < buffer.len() {
                let bytes = file.call_method1("read", (buffer.len() - filled,))?;
                let bytes = bytes_of(&bytes)?;
                let bytes = bytes.as_bytes();
                if bytes.is_empty() {
                    return Ok(false);
                }
                let len = bytes.len().min(buffer.len() - filled);
                buffer[filled..filled + len].copy_from_slice(&bytes[..len]);
                filled += len;
            }
            Ok(true)
        })?;
        if read {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

impl FileObject {
    /// `None` for an object that is not a file.
    fn new(source: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let is_file = source.hasattr("read")? && source.hasattr("seek")?;
        Ok(is_file.then(|| Self {
            generation: generation(),
            object: source.clone().unbind(),
            busy: Turn::new(()),
        }))
    }
}

/// A file object to write to.
pub struct ObjectSink(pub Py<PyAny>);

impl ObjectSink {
    fn with(&self, work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<()>) -> io::Result<()> {
        let _visit = visit();
        Python::attach(|py| work(self.0.bind(py))).map_err(io::Error::other)
    }
}

/// How many of `offered` bytes a `write` took. Unbuffered files may take a part, and none where they would block; most
/// other things say nothing and take all.
fn taken(file: &Bound<'_, PyAny>, written: &Bound<'_, PyAny>, offered: usize) -> PyResult<usize> {
    if written.is_none() {
        let raw = file.py().import("io")?.getattr("RawIOBase")?;
        if file.is_instance(&raw)? {
            return Err(PyBlockingIOError::new_err(
                "the file object would block: records need a blocking one",
            ));
        }
        return Ok(offered);
    }
    match written.extract::<usize>() {
        Ok(taken) if 0 < taken && taken <= offered => Ok(taken),
        Ok(_) | Err(_) if written.is_instance_of::<PyInt>() => Err(PyOSError::new_err(format!(
            "write took {written} of {offered} bytes"
        ))),
        _ => Ok(offered),
    }
}

impl Sink for ObjectSink {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with(|object| {
            let mut rest = bytes;
            while !rest.is_empty() {
                let offered = PyBytes::new(object.py(), rest);
                let written = object.call_method1("write", (offered,))?;
                let written = taken(object, &written, rest.len())?;
                rest = rest.get(written..).unwrap_or_default();
            }
            Ok(())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|object| {
            if object.hasattr("flush")? {
                object.call_method0("flush")?;
            }
            Ok(())
        })
    }
}
