//! Iterating over records.

use std::collections::HashMap;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

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
    fn seek(&self, py: Python<'_>, index: i128) -> PyResult<()> {
        self.sequence
            .seek(py, checked_position(index, self.sequence.len())?);
        Ok(())
    }

    /// The position, fit for JSON.
    fn state_dict(&self) -> HashMap<&'static str, u64> {
        state(self.sequence.tell())
    }

    /// Goes on where state_dict was called.
    fn load_state_dict(&self, py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        self.seek(py, position_in(state)?)
    }
}

/// The state of an iterator whose next place is `next_index`.
pub fn state(next_index: u64) -> HashMap<&'static str, u64> {
    HashMap::from([("next_index", next_index)])
}

/// The place that a state names.
pub fn position_in(state: &Bound<'_, PyAny>) -> PyResult<i128> {
    let place = state
        .get_item("next_index")
        .and_then(|place| place.extract());
    place.map_err(|_| {
        PyValueError::new_err("the state of an iterator is a mapping with an integer next_index")
    })
}

/// A place in something of `len` elements, its end included.
pub fn checked_position(index: i128, len: u64) -> PyResult<u64> {
    u64::try_from(index)
        .ok()
        .filter(|index| *index <= len)
        .ok_or_else(|| PyIndexError::new_err(format!("position {index} is outside of 0..={len}")))
}
