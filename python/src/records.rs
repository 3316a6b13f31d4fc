//! What `RecordReader` and `DataSource` have in common.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList, PyMemoryView, PySlice, PyTuple};
use windrow::SourceName;

use crate::array::read_array;
use crate::arrow;
use crate::batch::{Batch, BatchIterator, memory_view};
use crate::bytes::{Missing, read_batch, read_list, read_one};
use crate::errors::{closed, raise};
use crate::indices::{self, Key};
use crate::iterator::RecordIterator;
use crate::place::{Place, buffer_or_none, bytes_of};
use crate::sequence::{Base, Held, Sequence};
use crate::sources::wrap;
use crate::view::{View, slice};

/// Some records of one file or of many. Base of the classes that users see.
#[pyclass(
    frozen,
    subclass,
    sequence,
    weakref,
    module = "windrow._core",
    name = "_Records"
)]
pub struct Records {
    /// `None` once it was closed.
    base: ArcSwapOption<Base>,
    pub view: View,
    pub origin: Arc<Origin>,
}

/// What a pickle needs, and messages name.
pub struct Origin {
    /// The name in messages: the path of a file, or the kind of source.
    pub name: String,
    /// Arguments that make the same object in another process; `None` if nothing does.
    pub pickled: Option<Pickled>,
    pub fingerprint: Option<String>,
    /// Made by a recovery, which a pickle does again.
    pub recovered: bool,
}

impl Origin {
    /// That of one file.
    pub fn of(py: Python<'_>, place: &Place) -> Self {
        let pickled = match place {
            Place::Path(path) => return Self::of_path(path),
            Place::Content(content, _) => Some(Pickled::Content(content.clone_ref(py))),
            Place::Object(_) => None,
        };
        Self {
            name: SourceName::MEMORY.to_string(),
            pickled,
            fingerprint: None,
            recovered: false,
        }
    }

    /// That of a file with a path.
    pub fn of_path(path: &Path) -> Self {
        Self {
            name: path.display().to_string(),
            pickled: Some(Pickled::Path(path.as_os_str().to_owned())),
            fingerprint: None,
            recovered: false,
        }
    }
}

pub enum Pickled {
    Path(OsString),
    Content(Py<PyBytes>),
    Parts { max_open_files: usize },
}

impl Records {
    pub fn new(base: Base, origin: Origin) -> Self {
        let view = View::all(base.len());
        Self {
            base: ArcSwapOption::from_pointee(base),
            view,
            origin: Arc::new(origin),
        }
    }

    /// What there is to read from; an error once this object was closed.
    pub fn base(&self) -> PyResult<Arc<Base>> {
        self.base
            .load_full()
            .ok_or_else(|| closed(&self.origin.name))
    }

    /// The path of the file, if it is one file with a path.
    pub fn path(&self) -> Option<&OsString> {
        match &self.origin.pickled {
            Some(Pickled::Path(path)) => Some(path),
            _ => None,
        }
    }

    pub fn name(&self) -> &str {
        &self.origin.name
    }

    fn with_view(&self, view: View) -> PyResult<Self> {
        Ok(Self {
            base: ArcSwapOption::from(Some(self.base()?)),
            view,
            origin: Arc::clone(&self.origin),
        })
    }

    /// The records at these places; all if there are none.
    fn chosen(&self, base: &Base, indices: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<u64>> {
        match indices {
            Some(indices) => indices::records(indices, &self.view, true, self.name(), |records| {
                base.check_records(records)
            }),
            None => base.all_of(&self.view),
        }
    }

    fn sequence(&self, view: View) -> PyResult<Sequence> {
        Ok(Sequence::new(self.base()?, view))
    }

    /// The record at a place; negative ones count from the end.
    pub fn read_one<'py>(&self, py: Python<'py>, index: i64) -> PyResult<Bound<'py, PyBytes>> {
        let place = self.view.place(index, self.name())?;
        read_one(py, &*self.base()?, self.view.at(place))
    }

    /// The records at these places.
    pub fn read_places<'py>(
        &self,
        indices: &Bound<'py, PyAny>,
        missing: &Missing<'py>,
    ) -> PyResult<Bound<'py, PyList>> {
        let base = self.base()?;
        let records = self.chosen(&base, Some(indices))?;
        read_list(indices.py(), &base, &records, missing)
    }
}

#[pymethods]
impl Records {
    fn __len__(&self) -> PyResult<usize> {
        Ok(usize::try_from(self.view.len)?)
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if let Ok(slice) = key.cast::<PySlice>() {
            return wrap(py, this.with_view(this.view.slice(slice)?)?);
        }
        match indices::key(key, &this.view, this.name())? {
            Key::One(index) => Ok(this.read_one(py, index)?.into_any()),
            Key::Many(indices) => Ok(this.read_places(&indices, &Missing::Raise)?.into_any()),
        }
    }

    fn __iter__(&self) -> PyResult<RecordIterator> {
        Ok(RecordIterator {
            sequence: self.sequence(self.view)?,
        })
    }

    fn __reversed__(&self) -> PyResult<RecordIterator> {
        Ok(RecordIterator {
            sequence: self.sequence(self.view.reversed())?,
        })
    }

    fn __contains__(&self, py: Python<'_>, record: &Bound<'_, PyAny>) -> PyResult<bool> {
        // Something that is no buffer is not in here.
        let Some(record) = buffer_or_none(record)? else {
            return Ok(false);
        };
        Ok(self.find(py, &record, self.view)?.is_some())
    }

    /// The number of the first record that is equal.
    #[pyo3(signature = (record, start=None, stop=None, /))]
    fn index<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'py, PyAny>,
        start: Option<&Bound<'py, PyAny>>,
        stop: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<u64> {
        let slice = slice(py, start, stop)?;
        let first = slice.indices(isize::try_from(self.view.len)?)?.start;
        let found = self.find(py, &bytes_of(record)?, self.view.slice(&slice)?)?;
        let found = found.ok_or_else(|| PyValueError::new_err("no record is equal"))?;
        Ok(found + u64::try_from(first)?)
    }

    /// How many records are equal.
    #[pyo3(signature = (record, /))]
    fn count(&self, py: Python<'_>, record: &Bound<'_, PyAny>) -> PyResult<u64> {
        let record = bytes_of(record)?;
        let sequence = self.sequence(self.view)?;
        let mut count = 0;
        while let Some(equal) = sequence.next_record(py, |other| other == record.as_bytes())? {
            count += u64::from(equal);
            py.check_signals()?;
        }
        Ok(count)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(
        &self,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) {
        let _ = (exc_type, exc, traceback);
        self.close();
    }

    /// Whether close was called.
    #[getter]
    fn closed(&self) -> bool {
        self.base.load().is_none()
    }

    /// The records with these numbers, in this order.
    #[pyo3(signature = (indices, *, missing=None))]
    fn read_many<'py>(
        &self,
        indices: &Bound<'py, PyAny>,
        missing: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let missing = missing.unwrap_or_else(|| indices.py().None().into_bound(indices.py()));
        self.read_places(indices, &Missing::Is(missing))
    }

    /// Records start to stop, which is not among them.
    #[pyo3(signature = (start=None, stop=None))]
    fn read_range<'py>(
        &self,
        py: Python<'py>,
        start: Option<&Bound<'py, PyAny>>,
        stop: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let base = self.base()?;
        let records = base.all_of(&self.view.range(py, start, stop)?)?;
        read_list(py, &base, &records, &Missing::LeaveOut)
    }

    /// All records, in order.
    fn read_all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.read_range(py, None, None)
    }

    /// One record as a read-only buffer.
    fn read_view<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyMemoryView>> {
        let (py, base) = (index.py(), self.base()?);
        let index = indices::number(index, &self.view, self.name())?;
        let record = self.view.at(self.view.place(index, self.name())?);
        let batch = py.detach(|| base.read_alone(record)).map_err(raise)?;
        memory_view(py, Arc::new(Held::Batch(batch)), 0)
    }

    /// The records with these numbers without an object per record.
    #[pyo3(signature = (indices=None))]
    fn read_batch(&self, py: Python<'_>, indices: Option<&Bound<'_, PyAny>>) -> PyResult<Batch> {
        let base = self.base()?;
        let batch = read_batch(py, &base, &self.chosen(&base, indices)?)?;
        Ok(Batch::new(Held::Batch(batch)))
    }

    /// All records in order, in batches that share the decoded buffers.
    fn batches(&self) -> PyResult<BatchIterator> {
        Ok(BatchIterator {
            sequence: self.sequence(self.view)?,
        })
    }

    /// Records of a fixed size as one numpy array.
    #[pyo3(signature = (indices, dtype, shape=None, out=None))]
    fn read_array<'py>(
        &self,
        indices: Option<&Bound<'py, PyAny>>,
        dtype: &Bound<'py, PyAny>,
        shape: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let base = self.base()?;
        let one = PyTuple::empty(dtype.py()).into_any();
        read_array(
            &base,
            &self.chosen(&base, indices)?,
            dtype,
            shape.unwrap_or(&one),
            out,
        )
    }

    /// read_many in a thread of asyncio's pool.
    #[pyo3(signature = (indices, *, missing=None))]
    fn read_many_async<'py>(
        slf: &Bound<'py, Self>,
        indices: &Bound<'py, PyAny>,
        missing: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let keywords = PyDict::new(slf.py());
        keywords.set_item("missing", missing)?;
        in_thread(slf, "read_many", (indices,), Some(&keywords))
    }

    /// read_range in a thread of asyncio's pool.
    #[pyo3(signature = (start=None, stop=None))]
    fn read_range_async<'py>(
        slf: &Bound<'py, Self>,
        start: Option<&Bound<'py, PyAny>>,
        stop: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_thread(slf, "read_range", (start, stop), None)
    }

    /// read_batch in a thread of asyncio's pool.
    #[pyo3(signature = (indices=None))]
    fn read_batch_async<'py>(
        slf: &Bound<'py, Self>,
        indices: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_thread(slf, "read_batch", (indices,), None)
    }

    /// Frees what is held. Calls that are under way end well; views of it open what they need again.
    pub fn close(&self) {
        if let Some(base) = self.base.swap(None)
            && let Base::Files(files, _) = &*base
        {
            files.close_files();
        }
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::stream_schema(py)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::stream(py, self.base()?.cursor(&self.view, 0), requested_schema)
    }
}

impl Records {
    /// The place in `view` of the first record that is equal.
    fn find(
        &self,
        py: Python<'_>,
        record: &Bound<'_, PyBytes>,
        view: View,
    ) -> PyResult<Option<u64>> {
        let sequence = self.sequence(view)?;
        let record = record.as_bytes();
        while let Some(equal) = sequence.next_record(py, |other| other == record)? {
            if equal {
                return Ok(Some(sequence.tell() - 1));
            }
            py.check_signals()?;
        }
        Ok(None)
    }
}

/// A coroutine that calls a method in a thread.
fn in_thread<'py>(
    records: &Bound<'py, Records>,
    method: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = records.py();
    let arguments = arguments.into_pyobject(py)?;
    let all = std::iter::once(records.getattr(method)?).chain(arguments.iter());
    py.import("asyncio")?
        .getattr("to_thread")?
        .call(PyTuple::new(py, all.collect::<Vec<_>>())?, keywords)
}
