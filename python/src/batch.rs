//! Many records without a Python object for each.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyList, PyMemoryView, PySlice};

use crate::arrow;
use crate::indices::number;
use crate::place::{buffer_or_none, bytes_of};
use crate::sequence::{Held, Sequence};
use crate::view::{View, slice};

/// Records in a few large buffers.
#[pyclass(frozen, sequence, module = "windrow")]
pub struct Batch {
    pub held: Arc<Held>,
}

impl Batch {
    pub fn new(held: Held) -> Self {
        Self {
            held: Arc::new(held),
        }
    }

    /// The places of records that are equal.
    fn places(&self, record: &[u8]) -> impl Iterator<Item = usize> {
        (0..self.held.len()).filter(move |place| self.held.get(*place) == Some(record))
    }

    fn view<'py>(&self, py: Python<'py>, place: usize) -> PyResult<Bound<'py, PyAny>> {
        view_or_none(py, &self.held, place)
    }
}

/// A read-only buffer over one record.
pub fn memory_view(
    py: Python<'_>,
    held: Arc<Held>,
    place: usize,
) -> PyResult<Bound<'_, PyMemoryView>> {
    PyMemoryView::from(Bound::new(py, RecordView { held, place })?.as_any())
}

/// The same; `None` for a missing record.
fn view_or_none<'py>(
    py: Python<'py>,
    held: &Arc<Held>,
    place: usize,
) -> PyResult<Bound<'py, PyAny>> {
    if held.get(place).is_none() {
        return Ok(py.None().into_bound(py));
    }
    Ok(memory_view(py, Arc::clone(held), place)?.into_any())
}

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.held.len()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        let view = View::all(self.held.len() as u64);
        if let Ok(slice) = key.cast::<PySlice>() {
            let part = view.slice(slice)?;
            let views: PyResult<Vec<_>> = part
                .records()
                .map(|place| self.view(py, usize::try_from(place)?))
                .collect();
            return Ok(PyList::new(py, views?)?.into_any());
        }
        let place = view.place(number(key, &view, "the batch")?, "the batch")?;
        self.view(py, usize::try_from(place)?)
    }

    fn __iter__(&self) -> BatchViews {
        BatchViews {
            held: Arc::clone(&self.held),
            next: AtomicUsize::new(0),
        }
    }

    fn __reversed__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let views: PyResult<Vec<_>> = (0..self.held.len())
            .rev()
            .map(|place| self.view(py, place))
            .collect();
        Ok(PyList::new(py, views?)?.try_iter()?.into_any())
    }

    fn __contains__(&self, record: &Bound<'_, PyAny>) -> PyResult<bool> {
        let record = buffer_or_none(record)?;
        Ok(record.is_some_and(|record| self.places(record.as_bytes()).next().is_some()))
    }

    /// The place of the first record that is equal.
    #[pyo3(signature = (record, start=None, stop=None, /))]
    fn index<'py>(
        &self,
        record: &Bound<'py, PyAny>,
        start: Option<&Bound<'py, PyAny>>,
        stop: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<usize> {
        let bounds = slice(record.py(), start, stop)?;
        let bounds = bounds.indices(isize::try_from(self.held.len())?)?;
        let within = usize::try_from(bounds.start)?..usize::try_from(bounds.stop)?;
        let record = bytes_of(record)?;
        let found = self
            .places(record.as_bytes())
            .find(|place| within.contains(place));
        found.ok_or_else(|| PyValueError::new_err("no record is equal"))
    }

    /// How many records are equal.
    #[pyo3(signature = (record, /))]
    fn count(&self, record: &Bound<'_, PyAny>) -> PyResult<usize> {
        Ok(self.places(bytes_of(record)?.as_bytes()).count())
    }

    /// The records as bytes.
    fn to_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let records = (0..self.held.len()).map(|place| self.held.get(place));
        PyList::new(
            py,
            records.map(|record| record.map(|bytes| PyBytes::new(py, bytes))),
        )
    }

    /// How many of the records are missing.
    #[getter]
    fn missing(&self) -> usize {
        self.held.missing()
    }

    /// Sum of the records' sizes in bytes.
    #[getter]
    fn nbytes(&self) -> usize {
        self.held.bytes_len()
    }

    fn __repr__(&self) -> String {
        format!(
            "Batch(records={}, nbytes={})",
            self.held.len(),
            self.nbytes()
        )
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::array_schema(py, &self.held)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        arrow::array(py, &self.held, requested_schema)
    }
}

/// One record of a batch, as a buffer. Shows up only behind a memoryview.
#[pyclass(frozen, module = "windrow._core", name = "_RecordView")]
pub struct RecordView {
    held: Arc<Held>,
    place: usize,
}

#[pymethods]
impl RecordView {
    #[allow(unsafe_code, reason = "the buffer protocol is made of pointers")]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let this = slf.get();
        let record = this.held.get(this.place).unwrap_or_default();
        let len = ffi::Py_ssize_t::try_from(record.len())?;
        let bytes = record.as_ptr().cast::<c_void>().cast_mut();
        // SAFETY: the record lives, unchanged, as long as `held`, which this object keeps; the filled view keeps a
        // reference to this object. Read-only, so nobody writes through the pointer.
        let filled = unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), bytes, len, 1, flags) };
        if filled == -1 {
            return Err(PyErr::take(slf.py())
                .unwrap_or_else(|| PyBufferError::new_err("the record is read-only")));
        }
        Ok(())
    }
}

/// The views of a batch in order.
#[pyclass(frozen, module = "windrow._core", name = "_BatchViews")]
pub struct BatchViews {
    held: Arc<Held>,
    next: AtomicUsize,
}

#[pymethods]
impl BatchViews {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let len = self.held.len();
        let step = |next| (next < len).then_some(next + 1);
        let place = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
            .ok();
        place
            .map(|place| view_or_none(py, &self.held, place))
            .transpose()
    }
}

/// The batches of a file in order.
#[pyclass(frozen, module = "windrow._core", name = "_BatchIterator")]
pub struct BatchIterator {
    pub sequence: Sequence,
}

#[pymethods]
impl BatchIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        Ok(self.sequence.next_records(py)?.map(Batch::new))
    }
}
