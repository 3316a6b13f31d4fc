//! Iterating over records.

use std::collections::HashMap;

use pyo3::exceptions::{PyIndexError, PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use crate::sequence::Sequence;

/// Records in order, decoded ahead.
#[pyclass(frozen, module = "windrow")]
pub struct RecordIterator {
    pub sequence: Sequence,
}

#[pymethods]
impl RecordIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.sequence
            .next_record(py, |record| PyBytes::new(py, record))
    }

    fn __length_hint__(&self) -> u64 {
        self.sequence.len().saturating_sub(self.sequence.tell())
    }

    /// Number of the record that comes next.
    fn tell(&self) -> u64 {
        self.sequence.tell()
    }

    /// Goes to a record.
    fn seek(&self, index: &Bound<'_, PyAny>) -> PyResult<()> {
        let place = checked_position(index, self.sequence.len())?;
        self.sequence.seek(index.py(), place)
    }

    /// The position, fit for JSON.
    fn state_dict(&self) -> HashMap<&'static str, u64> {
        state(self.sequence.tell())
    }

    /// Goes on where state_dict was called.
    fn load_state_dict(&self, state: &Bound<'_, PyAny>) -> PyResult<()> {
        self.seek(&position_in(state)?)
    }
}

/// The state of an iterator whose next place is `next_index`.
pub fn state(next_index: u64) -> HashMap<&'static str, u64> {
    HashMap::from([("next_index", next_index)])
}

/// The place that a state names.
pub fn position_in<'py>(state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let place = state.get_item("next_index").ok();
    place
        .filter(|place| place.is_instance_of::<PyInt>())
        .ok_or_else(|| {
            PyValueError::new_err(
                "the state of an iterator is a mapping with an integer next_index",
            )
        })
}

/// A place in something of `len` elements, its end included.
pub fn checked_position(index: &Bound<'_, PyAny>, len: u64) -> PyResult<u64> {
    match index.extract::<u64>() {
        Ok(place) if place <= len => Ok(place),
        Err(error) if !error.is_instance_of::<PyOverflowError>(index.py()) => Err(error),
        _ => Err(PyIndexError::new_err(format!(
            "position {index} is outside of 0..={len}"
        ))),
    }
}
