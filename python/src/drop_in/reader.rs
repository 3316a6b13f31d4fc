//! `ArrayRecordReader`.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySlice, PyTuple};

use super::{Opened, ignore};
use crate::bytes::{Missing, read_list};
use crate::indices::{self, Key, number};
use crate::iterator::RecordIterator;
use crate::options;
use crate::place::local_path;
use crate::records::Records;
use crate::sequence::{Base, Sequence};
use crate::sources::open_path;
use crate::view::View;

/// The reader of array_record: same names, positional arguments and results.
#[pyclass(frozen, subclass, weakref, module = "windrow.array_record_module")]
pub struct ArrayRecordReader {
    opened: Opened<(Records, Sequence)>,
    options: String,
}

impl ArrayRecordReader {
    fn records(&self, py: Python<'_>) -> PyResult<&Records> {
        Ok(&self.opened.get(py)?.0)
    }

    fn base(&self, py: Python<'_>) -> PyResult<Arc<Base>> {
        self.records(py)?.base()
    }

    /// The sequence that `read()` goes through; an error once the reader was closed.
    fn sequence(&self, py: Python<'_>) -> PyResult<&Sequence> {
        self.base(py)?;
        Ok(&self.opened.get(py)?.1)
    }

    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.sequence(py)?
            .next_record(py, |record| PyBytes::new(py, record))
    }

    /// The records of `begin..end`. Negative numbers count from the end; unlike a slice, an empty range is an error.
    fn read_range<'py>(
        &self,
        py: Python<'py>,
        begin: i64,
        end: i64,
    ) -> PyResult<Bound<'py, PyList>> {
        let base = self.base(py)?;
        let len = i64::try_from(base.len())?;
        let from_end = |index: i64| {
            if index < 0 {
                index.saturating_add(len)
            } else {
                index
            }
        };
        let (first, behind) = (from_end(begin), from_end(end));
        if first < 0 || first >= behind || behind > len {
            let message = format!("[{begin}, {end}) is out of range of [0, {len})");
            return Err(crate::errors::exception(
                "OutOfRangeError",
                "out_of_range",
                message,
            ));
        }
        base.check_records(behind.abs_diff(first))?;
        let records: Vec<u64> = (first.unsigned_abs()..behind.unsigned_abs()).collect();
        read_list(py, &base, &records, &Missing::Raise)
    }

    fn read_many<'py>(&self, indices: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = indices.py();
        let (base, records) = (self.base(py)?, self.records(py)?);
        let check = |records| base.check_records(records);
        let records = indices::records(indices, &records.view, false, records.name(), check)?;
        read_list(py, &base, &records, &Missing::Raise)
    }
}

#[pymethods]
impl ArrayRecordReader {
    #[new]
    #[pyo3(signature = (path, options=None, *, lazy_errors=false, **ignored))]
    fn new(
        path: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyAny>>,
        lazy_errors: bool,
        ignored: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let py = path.py();
        let text = options::text(options)?;
        let options = options::reader(options, None)?;
        ignore(ignored)?;
        let opened = local_path(path).and_then(|path| open_path(py, path, options));
        let opened = opened.and_then(|records| {
            let sequence = Sequence::new(records.base()?, records.view);
            Ok((records, sequence))
        });
        Ok(Self {
            opened: Opened::new(py, opened, lazy_errors)?,
            options: text,
        })
    }

    /// Whether the file is open and could be read.
    fn ok(&self, py: Python<'_>) -> bool {
        self.base(py).is_ok()
    }

    /// Whether close was not called yet.
    fn is_open(&self) -> bool {
        match &self.opened {
            Opened::Fine((records, _)) => records.base().is_ok(),
            Opened::Failed(_) => true,
        }
    }

    /// Number of records; 0 once the reader was closed.
    fn num_records(&self, py: Python<'_>) -> u64 {
        self.base(py).map_or(0, |base| base.len())
    }

    /// Number of the record that read() gives next; 0 once the reader was closed.
    fn record_index(&self, py: Python<'_>) -> u64 {
        self.sequence(py).map_or(0, Sequence::tell)
    }

    /// What the writer said of its options, also once the reader was closed.
    fn writer_options_string(&self) -> Option<String> {
        match &self.opened {
            Opened::Fine((_, sequence)) => sequence.writer_options(),
            Opened::Failed(_) => None,
        }
    }

    /// Goes to a record; beyond the end means the end.
    #[pyo3(signature = (index, /))]
    fn seek(&self, index: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = index.py();
        let sequence = self.sequence(py)?;
        let records = self.records(py)?;
        let index = number(index, &records.view, records.name())?;
        let index = u64::try_from(index)
            .map_err(|_| crate::errors::out_of_range(index, sequence.len(), records.name()))?;
        sequence.seek(py, index.min(sequence.len()))
    }

    /// The next record, these records, or a range of records.
    #[pyo3(signature = (*arguments))]
    fn read<'py>(&self, arguments: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = arguments.py();
        match arguments.len() {
            0 => match self.next(py)? {
                Some(record) => Ok(record.into_any()),
                None => Err(end_of_file(self.num_records(py))),
            },
            1 => Ok(self.read_many(&arguments.get_item(0)?)?.into_any()),
            2 => {
                let view = View::all(self.num_records(py));
                let begin = number(&arguments.get_item(0)?, &view, "the file")?;
                let end = number(&arguments.get_item(1)?, &view, "the file")?;
                Ok(self.read_range(py, begin, end)?.into_any())
            }
            more => Err(PyTypeError::new_err(format!(
                "read() takes nothing, record numbers, or begin and end, not {more} arguments"
            ))),
        }
    }

    /// All records, in order.
    fn read_all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let base = self.base(py)?;
        let records = base.all_of(&View::all(base.len()))?;
        read_list(py, &base, &records, &Missing::Raise)
    }

    /// The next record, None at the end; with a number, that record.
    #[pyo3(signature = (index=None, /))]
    fn read_record<'py>(
        &self,
        py: Python<'py>,
        index: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match index {
            None => self.next(py),
            Some(index) => {
                let records = self.records(py)?;
                let index = number(index, &records.view, records.name())?;
                records.read_one(py, index).map(Some)
            }
        }
    }

    /// Frees the file.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.records(py)?.close();
        Ok(())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(usize::try_from(self.num_records(py))?)
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let records = self.records(py)?;
        if let Ok(slice) = key.cast::<PySlice>() {
            let base = self.base(py)?;
            let records = base.all_of(&records.view.slice(slice)?)?;
            return Ok(read_list(py, &base, &records, &Missing::Raise)?.into_any());
        }
        match indices::key(key, &records.view, records.name())? {
            Key::One(index) => Ok(records.read_one(py, index)?.into_any()),
            Key::Many(indices) => Ok(self.read_many(&indices)?.into_any()),
        }
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<RecordIterator> {
        let sequence = Sequence::new(self.base(py)?, self.records(py)?.view);
        Ok(RecordIterator { sequence })
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
        let closed = self.close(py);
        // An exception on its way matters more than one that was kept for later.
        if exc_type.is_none() { closed } else { Ok(()) }
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let records = this.records(py)?;
        let arguments = (records.path(), this.options.clone()).into_pyobject(py)?;
        Ok((slf.get_type().into_any(), arguments))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.records(py) {
            Ok(records) => format!("ArrayRecordReader({:?})", records.name()),
            Err(error) => format!("<ArrayRecordReader that failed: {error}>"),
        }
    }
}

fn end_of_file(len: u64) -> PyErr {
    PyIndexError::new_err(format!("Out of range of num_records: {len}"))
}
