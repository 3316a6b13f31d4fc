//! Which records of a file or source an object shows, and in what order.

use pyo3::prelude::*;
use pyo3::types::PySlice;

use crate::errors::{Whole, out_of_range};

/// Records `start`, `start + step`, ... : `len` of them. All of them exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    pub start: u64,
    pub step: i64,
    pub len: u64,
}

impl View {
    /// All records of something that has `len`.
    pub const fn all(len: u64) -> Self {
        Self {
            start: 0,
            step: 1,
            len,
        }
    }

    /// A view as it stands in a pickle, if all of its records are among `total`.
    pub fn checked((start, step, len): (u64, i64, u64), total: u64) -> Option<Self> {
        let last = i128::from(start) + i128::from(step) * (i128::from(len) - 1);
        let within = (0..i128::from(total)).contains(&last) && start < total && step != 0;
        (len == 0 || within).then_some(Self { start, step, len })
    }

    /// The record at place `index`, which is below `len`.
    pub fn at(&self, index: u64) -> u64 {
        self.start
            .wrapping_add(index.wrapping_mul(self.step.cast_unsigned()))
    }

    /// Whether the records stand one behind the other in the file.
    pub fn is_consecutive(&self) -> bool {
        self.step == 1 || self.len < 2
    }

    /// What a slice of this view shows.
    pub fn slice(&self, slice: &Bound<'_, PySlice>) -> PyResult<Self> {
        let len = isize::try_from(self.len)?;
        let indices = slice.indices(len)?;
        let count = u64::try_from(indices.slicelength)?;
        let start = u64::try_from(indices.start).unwrap_or(0);
        Ok(Self {
            start: if count == 0 {
                self.start
            } else {
                self.at(start)
            },
            step: self.step.saturating_mul(i64::try_from(indices.step)?),
            len: count,
        })
    }

    /// The same records, the last first.
    pub fn reversed(&self) -> Self {
        Self {
            start: self.at(self.len.saturating_sub(1)),
            step: self.step.saturating_neg(),
            len: self.len,
        }
    }

    /// The part `start..stop` of this view; numbers as in a slice.
    pub fn range<'py>(
        &self,
        py: Python<'py>,
        start: Option<&Bound<'py, PyAny>>,
        stop: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        self.slice(&slice(py, start, stop)?)
    }

    /// The place that `index` means; negative numbers count from the end.
    pub fn place<'a>(&self, index: i64, of: impl Into<Whole<'a>>) -> PyResult<u64> {
        self.place_or_none(index)
            .ok_or_else(|| out_of_range(index, self.len, of))
    }

    /// The same, `None` if there is no such place.
    pub fn place_or_none(&self, index: i64) -> Option<u64> {
        if index < 0 {
            self.len.checked_sub(index.unsigned_abs())
        } else {
            Some(index.unsigned_abs()).filter(|place| *place < self.len)
        }
    }

    /// The records at all places.
    pub fn records(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        (0..len).map(|place| self.at(place as u64))
    }
}

/// `slice(start, stop)` as Python makes it, which takes numbers of any size.
pub fn slice<'py>(
    py: Python<'py>,
    start: Option<&Bound<'py, PyAny>>,
    stop: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PySlice>> {
    Ok(py.get_type::<PySlice>().call1((start, stop))?.cast_into()?)
}
