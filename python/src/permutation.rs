//! The order in which an epoch visits records.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyIndexError, PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};

use crate::iterator::{checked_position, position_in, state};
use crate::view::{View, slice};

/// A shuffle of 0..n, by index and in constant memory.
#[pyclass(frozen, sequence, from_py_object, weakref, module = "windrow")]
#[derive(Clone)]
pub struct Permutation {
    order: windrow::Permutation,
    view: View,
}

/// The largest `n`: what `len()` can say.
const MAX_LEN: u64 = i64::MAX.unsigned_abs();

/// A number of 0 to `most`.
fn bounded(name: &str, number: &Bound<'_, PyAny>, most: u64) -> PyResult<u64> {
    match number.extract::<u64>() {
        Ok(value) if value <= most => Ok(value),
        Err(error) if !error.is_instance_of::<PyOverflowError>(number.py()) => Err(error),
        _ => Err(PyValueError::new_err(format!(
            "{name} is {number}, not one of 0 to {most}"
        ))),
    }
}

impl Permutation {
    fn all(n: u64, seed: u64, epoch: u64) -> Self {
        Self {
            order: windrow::Permutation::new(n, seed, epoch),
            view: View::all(n),
        }
    }

    /// The number at a place that is below the view's length.
    fn at(&self, place: u64) -> u64 {
        match self.order.get(self.view.at(place)) {
            Some(number) => number,
            None => unreachable!("a view shows places that exist"),
        }
    }

    /// The place of a number, if it is in the view.
    fn place_of(&self, number: &Bound<'_, PyAny>) -> Option<u64> {
        let place = self.order.index_of(number.extract().ok()?)?;
        let View { start, step, len } = self.view;
        let distance = i128::from(place) - i128::from(start);
        let (index, rest) = (distance / i128::from(step), distance % i128::from(step));
        u64::try_from(index)
            .ok()
            .filter(|index| rest == 0 && *index < len)
    }
}

#[pymethods]
impl Permutation {
    #[new]
    #[pyo3(signature = (n, seed=None, epoch=None))]
    fn new(
        n: &Bound<'_, PyAny>,
        seed: Option<&Bound<'_, PyAny>>,
        epoch: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let n = bounded("n", n, MAX_LEN)?;
        let seed = seed.map_or(Ok(0), |seed| bounded("seed", seed, u64::MAX))?;
        let epoch = epoch.map_or(Ok(0), |epoch| bounded("epoch", epoch, u64::MAX))?;
        Ok(Self::all(n, seed, epoch))
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(usize::try_from(self.view.len)?)
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if let Ok(slice) = key.cast::<PySlice>() {
            let part = Self {
                order: self.order,
                view: self.view.slice(slice)?,
            };
            return Ok(Bound::new(py, part)?.into_any());
        }
        let len = self.view.len;
        let missing = || PyIndexError::new_err(format!("place {key} of a permutation of {len}"));
        let index = match key.extract::<i64>() {
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => return Err(missing()),
            index => index?,
        };
        let place = self.view.place_or_none(index).ok_or_else(missing)?;
        Ok(self.at(place).into_pyobject(py)?.into_any())
    }

    fn __iter__(&self) -> PermutationIterator {
        PermutationIterator {
            permutation: self.clone(),
            next: AtomicU64::new(0),
        }
    }

    fn __reversed__(&self) -> PermutationIterator {
        let permutation = Self {
            order: self.order,
            view: self.view.reversed(),
        };
        PermutationIterator {
            permutation,
            next: AtomicU64::new(0),
        }
    }

    fn __contains__(&self, number: &Bound<'_, PyAny>) -> bool {
        self.place_of(number).is_some()
    }

    /// The place of a number, in constant time.
    #[pyo3(signature = (number, start=None, stop=None, /))]
    fn index<'py>(
        &self,
        number: &Bound<'py, PyAny>,
        start: Option<&Bound<'py, PyAny>>,
        stop: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<u64> {
        let missing = || PyValueError::new_err("the permutation does not hold this number");
        let place = self.place_of(number).ok_or_else(missing)?;
        let slice = slice(number.py(), start, stop)?;
        let bounds = slice.indices(isize::try_from(self.view.len)?)?;
        let within = (bounds.start..bounds.stop).contains(&isize::try_from(place)?);
        if within { Ok(place) } else { Err(missing()) }
    }

    /// 1 or 0.
    #[pyo3(signature = (number, /))]
    fn count(&self, number: &Bound<'_, PyAny>) -> u64 {
        u64::from(self.place_of(number).is_some())
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.identity().hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (n, seed, epoch, view) = slf.get().identity();
        let arguments = (n, seed, epoch, (view.start, view.step, view.len));
        let make = slf.get_type().getattr("_of")?;
        Ok((make, arguments.into_pyobject(slf.py())?))
    }

    /// Makes a permutation from its pickle.
    #[staticmethod]
    fn _of(n: u64, seed: u64, epoch: u64, view: (u64, i64, u64)) -> PyResult<Self> {
        let view = View::checked(view, n);
        let view =
            view.ok_or_else(|| PyValueError::new_err("the pickle of a permutation is damaged"))?;
        Ok(Self {
            view,
            ..Self::all(n, seed, epoch)
        })
    }

    /// The seed.
    #[getter]
    fn seed(&self) -> u64 {
        self.order.seed()
    }

    /// The epoch.
    #[getter]
    fn epoch(&self) -> u64 {
        self.order.epoch()
    }

    /// The order of another epoch, with the same slice.
    fn with_epoch(&self, epoch: &Bound<'_, PyAny>) -> PyResult<Self> {
        let order = self.order.with_epoch(bounded("epoch", epoch, u64::MAX)?);
        Ok(Self {
            order,
            view: self.view,
        })
    }

    fn __repr__(&self) -> String {
        let (n, seed, epoch, view) = self.identity();
        let slice = if view == View::all(n) {
            String::new()
        } else {
            format!(
                ", start={}, step={}, len={}",
                view.start, view.step, view.len
            )
        };
        format!("Permutation(n={n}, seed={seed}, epoch={epoch}{slice})")
    }
}

impl Permutation {
    fn identity(&self) -> (u64, u64, u64, View) {
        (
            self.order.len(),
            self.order.seed(),
            self.order.epoch(),
            self.view,
        )
    }
}

/// The numbers of a permutation in order.
#[pyclass(frozen, module = "windrow")]
pub struct PermutationIterator {
    permutation: Permutation,
    next: AtomicU64,
}

#[pymethods]
impl PermutationIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self) -> Option<u64> {
        let len = self.permutation.view.len;
        let step = |next| (next < len).then_some(next + 1);
        let place = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
            .ok();
        place.map(|place| self.permutation.at(place))
    }

    fn __length_hint__(&self) -> u64 {
        self.permutation.view.len.saturating_sub(self.tell())
    }

    /// The place that comes next.
    fn tell(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Goes to a place.
    fn seek(&self, index: &Bound<'_, PyAny>) -> PyResult<()> {
        let place = checked_position(index, self.permutation.view.len)?;
        self.next.store(place, Ordering::Relaxed);
        Ok(())
    }

    /// The position, fit for JSON.
    fn state_dict(&self) -> HashMap<&'static str, u64> {
        state(self.tell())
    }

    /// Goes on where state_dict was called.
    fn load_state_dict(&self, state: &Bound<'_, PyAny>) -> PyResult<()> {
        self.seek(&position_in(state)?)
    }
}
