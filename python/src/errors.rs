//! From Rust's errors to the exceptions of `windrow._errors`.

use std::error::Error as _;
use std::ops::Range;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use windrow::{Error, ErrorKind, SourceName};

/// The exception for an error of the library. What a Python object raised in a read or write is raised as it was.
pub fn raise(error: Error) -> PyErr {
    Python::attach(|py| {
        if let Error::Io { source, .. } = &error
            && let Some(raised) = source
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<PyErr>())
        {
            return raised.clone_ref(py);
        }
        build(py, &error).unwrap_or_else(|failure| failure)
    })
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let instance = new(py, class_of(error), error.code(), &message(error))?;
    if let Some(path) = error.name().and_then(SourceName::as_path) {
        instance.setattr("path", path.as_os_str())?;
    }
    if let Some(at) = error.at() {
        instance.setattr("byte_offset", at.byte)?;
        instance.setattr("chunk_index", at.chunk)?;
    }
    if let Some(Range { start, end }) = error.records() {
        instance.setattr("record_range", (start, end))?;
    }
    if let Error::Io { source, .. } = error
        && let Some(code) = error_number(source)
    {
        instance.setattr("errno", code)?;
        instance.setattr(
            "strerror",
            py.import("os")?.call_method1("strerror", (code,))?,
        )?;
    }
    if let Error::Io { name, .. } | Error::Locked { name } = error
        && let Some(path) = name.as_path()
    {
        instance.setattr("filename", path.as_os_str())?;
    }
    Ok(PyErr::from_value(instance))
}

/// An exception of the class `name` of `windrow._errors`.
pub fn exception(name: &'static str, code: &'static str, message: String) -> PyErr {
    Python::attach(|py| {
        new(py, name, code, &one_line(&message)).map_or_else(|failure| failure, PyErr::from_value)
    })
}

/// What numbers are numbers of, in messages.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    name: &'a str,
    noun: &'static str,
}

impl<'a> Whole<'a> {
    /// Something that has rows.
    pub const fn of_rows(name: &'a str) -> Self {
        Self { name, noun: "row" }
    }
}

impl<'a> From<&'a str> for Whole<'a> {
    /// Something that has records.
    fn from(name: &'a str) -> Self {
        let noun = "record";
        Self { name, noun }
    }
}

/// A number that is not below `len`. `index` may be negative or larger than any number of records.
pub fn out_of_range<'a>(
    index: impl std::fmt::Display,
    len: u64,
    of: impl Into<Whole<'a>>,
) -> PyErr {
    let Whole { name, noun } = of.into();
    let message = format!("{noun} {index} is out of range: {name} has {len} {noun}s");
    exception("OutOfRangeError", "out_of_range", message)
}

/// The error of a writer that process `owner` made, in another process.
pub fn writer_forked(name: &str, owner: u32) -> PyErr {
    let message = format!(
        "writer of {name} was inherited by a forked process: only process {owner} may write; \
         open a file of its own in each process"
    );
    exception("WriterError", "writer_forked", message)
}

/// Something that was closed.
pub fn closed(what: &str) -> PyErr {
    exception("ClosedError", "closed", format!("Object closed: {what}"))
}

fn new<'py>(
    py: Python<'py>,
    class: &str,
    code: &str,
    message: &str,
) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("windrow._errors").map(Bound::unbind))?;
    let instance = module.bind(py).getattr(class)?.call1((message,))?;
    instance.setattr("code", code)?;
    Ok(instance)
}

/// What Python calls `errno`. Windows has numbers of its own, so there the kind decides.
fn error_number(error: &std::io::Error) -> Option<i32> {
    use std::io::ErrorKind as Io;
    if cfg!(not(windows)) {
        return error.raw_os_error();
    }
    match error.kind() {
        Io::NotFound => Some(2),
        Io::PermissionDenied => Some(13),
        Io::AlreadyExists => Some(17),
        Io::NotADirectory => Some(20),
        Io::IsADirectory => Some(21),
        Io::StorageFull => Some(28),
        _ => None,
    }
}

fn class_of(error: &Error) -> &'static str {
    use std::io::ErrorKind as Io;
    match error {
        Error::Io { source, .. } => match source.kind() {
            Io::NotFound => "MissingFileError",
            Io::PermissionDenied => "ForbiddenError",
            Io::IsADirectory => "DirectoryError",
            Io::NotADirectory => "NoDirectoryError",
            // The library's own words; what the system does not support has a number.
            Io::Unsupported if source.raw_os_error().is_none() => "UnsupportedError",
            _ => "StorageError",
        },
        Error::Locked { .. } => "LockedError",
        Error::Column { source, .. } if source.kind() == ErrorKind::Usage => match source.code() {
            "no_column" => "NoColumnError",
            "predicate" => "OptionsError",
            _ => "SchemaError",
        },
        Error::OtherSchema { .. } => "SchemaError",
        Error::Options(_) | Error::OptionString(_) | Error::Field { .. } => "OptionsError",
        Error::OutOfRange { .. } => "OutOfRangeError",
        Error::WriterFailed { .. } | Error::WriterForked { .. } => "WriterError",
        Error::Instruction { .. }
        | Error::Source { .. }
        | Error::HoldsColumns { .. }
        | Error::HoldsRecords { .. } => "SourceError",
        other => match other.kind() {
            ErrorKind::Unsupported => "UnsupportedError",
            ErrorKind::Limit => "LimitError",
            _ => "CorruptError",
        },
    }
}

/// The error and its causes in one line, with what to do about it.
pub fn message(error: &Error) -> String {
    let mut text = match error {
        // The parser's own words, which are those of array_record too.
        Error::OptionString(source) => return source.to_string(),
        Error::Options(source) => return source.to_string(),
        other => other.to_string(),
    };
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    if let Some(hint) = hint(error) {
        text.push_str("; ");
        text.push_str(hint);
    }
    one_line(&text)
}

/// A path may hold anything; a message is one line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_debug());
        } else {
            line.push(c);
        }
    }
    line
}

fn hint(error: &Error) -> Option<&'static str> {
    match (error.code(), error.kind()) {
        ("no_postscript" | "file_too_short", _) => {
            Some("was its writer closed, and is the copy complete?")
        }
        ("not_array_record", _) => Some("is this the right file?"),
        // It says what to do.
        ("damaged" | "schema_lost", _) => None,
        // There is nothing to be done.
        ("dictionary_missing", _) => None,
        (code, ErrorKind::Corrupt | ErrorKind::Truncated) => {
            Some(match (error.records(), holds_rows(error)) {
                (None, _) => {
                    "`windrow verify` lists what is damaged, `windrow.recover` finds what is whole"
                }
                (Some(_), true) => {
                    "`windrow verify` lists what is damaged, other row groups can be read"
                }
                (Some(_), false) if code == "crc" => {
                    "`windrow verify` lists what is damaged, other records can be read"
                }
                (Some(_), false) => {
                    "`windrow verify` lists what is damaged, records of other chunks can be read"
                }
            })
        }
        _ => None,
    }
}

/// Whether the file is one of columns, as far as the error knows.
fn holds_rows(error: &Error) -> bool {
    matches!(error, Error::Column { .. }) || error.name().is_some_and(SourceName::has_rows)
}
