//! Record numbers as Python users write them: lists, ranges, arrays, tensors.

use pyo3::buffer::{Element, PyUntypedBuffer};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyList, PyString, PyTuple};

use crate::errors::{Whole, out_of_range};
use crate::view::View;

/// Numbers between two looks for Ctrl-C, and at what a batch may hold.
const CHECK_EVERY: usize = 64 << 10;

const MASK: &str =
    "record numbers must be integers; of a mask of truth values, take numpy.flatnonzero(mask)";

/// What an object in brackets asks for.
pub enum Key<'py> {
    One(i64),
    Many(Bound<'py, PyAny>),
}

/// Tells a number from a list of numbers. Slices are dealt with before.
pub fn key<'py, 'a>(
    object: &Bound<'py, PyAny>,
    view: &View,
    of: impl Into<Whole<'a>>,
) -> PyResult<Key<'py>> {
    if object.is_instance_of::<PyInt>() {
        return number(object, view, of).map(Key::One);
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return Ok(Key::Many(object.clone()));
    }
    // Arrays and tensors of one element pass for a number, but those with a dimension are lists.
    let dimensions = match object.getattr_opt("ndim")? {
        Some(ndim) => ndim.extract::<usize>().unwrap_or(0),
        None => 0,
    };
    if dimensions == 0 && object.hasattr("__index__")? {
        return number(object, view, of).map(Key::One);
    }
    Ok(Key::Many(object.clone()))
}

/// A number, or the error for one that no file can have.
pub fn number<'a>(
    object: &Bound<'_, PyAny>,
    view: &View,
    of: impl Into<Whole<'a>>,
) -> PyResult<i64> {
    object.extract::<i64>().map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(object.py()) {
            return out_of_range(object, view.len, of);
        }
        PyTypeError::new_err(format!(
            "an index must be an integer, not {}",
            type_name(object)
        ))
    })
}

/// The records of `view` at these places, all checked; negative places count from the end if `wrap` says so.
pub fn records<'a>(
    places: &Bound<'_, PyAny>,
    view: &View,
    wrap: bool,
    of: impl Into<Whole<'a>>,
    check: impl Fn(u64) -> PyResult<()>,
) -> PyResult<Vec<u64>> {
    let of = of.into();
    let mut records = Vec::new();
    let mut push = |place: i64| {
        if place < 0 && !wrap {
            return Err(out_of_range(place, view.len, of));
        }
        records.push(view.at(view.place(place, of)?));
        if records.len() % CHECK_EVERY == 0 {
            check(records.len() as u64)?;
            places.py().check_signals()?;
        }
        Ok(())
    };
    // Upstream takes truth values for 0 and 1; whoever writes them more likely means a mask.
    let element = |place: &Bound<'_, PyAny>| {
        if wrap && place.is_instance_of::<PyBool>() {
            return Err(PyTypeError::new_err(MASK));
        }
        number(place, view, of)
    };
    if let Ok(list) = places.cast::<PyList>() {
        for place in list.iter() {
            push(element(&place)?)?;
        }
        return Ok(records);
    }
    refuse_texts(places)?;
    if let Some(numbers) = numbers_in_buffer(places, view, of)? {
        numbers.into_iter().try_for_each(push)?;
        return Ok(records);
    }
    // One call instead of an object with a dimension of its own for each element of a tensor.
    let listed = match places.getattr_opt("tolist")? {
        Some(to_list) => to_list.call0()?,
        None => places.clone(),
    };
    let iterator = listed.try_iter().map_err(|_| {
        PyTypeError::new_err(format!(
            "record numbers must be integers in a sequence, not {}",
            type_name(places)
        ))
    })?;
    for place in iterator {
        push(element(&place?)?)?;
    }
    Ok(records)
}

fn refuse_texts(places: &Bound<'_, PyAny>) -> PyResult<()> {
    if places.is_instance_of::<PyString>() || places.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(format!(
            "record numbers must be integers in a sequence, not {}",
            type_name(places)
        )));
    }
    Ok(())
}

/// The numbers in an array of integers; `None` for anything that is not an array.
fn numbers_in_buffer(
    places: &Bound<'_, PyAny>,
    view: &View,
    of: Whole<'_>,
) -> PyResult<Option<Vec<i64>>> {
    let Ok(buffer) = PyUntypedBuffer::get(places) else {
        return Ok(None);
    };
    let swapped = if cfg!(target_endian = "little") {
        b">"
    } else {
        b"<"
    };
    if buffer.format().to_bytes().starts_with(swapped) {
        // Of the other byte order: Python knows how to read these.
        return Ok(None);
    }
    if buffer.format() == c"O" {
        return Ok(None);
    }
    if buffer.dimensions() != 1 {
        return Err(PyTypeError::new_err(format!(
            "record numbers must have one dimension, not {}",
            buffer.dimensions()
        )));
    }
    let py = places.py();
    let numbers = if let Ok(buffer) = buffer.as_typed::<i64>() {
        buffer.to_vec(py)?
    } else if let Ok(buffer) = buffer.as_typed::<u64>() {
        let all = buffer.to_vec(py)?;
        let fit =
            |number: u64| i64::try_from(number).map_err(|_| out_of_range(number, view.len, of));
        all.into_iter().map(fit).collect::<PyResult<_>>()?
    } else if let Some(numbers) = widened::<i32>(py, &buffer)
        .or_else(|| widened::<u32>(py, &buffer))
        .or_else(|| widened::<i16>(py, &buffer))
        .or_else(|| widened::<u16>(py, &buffer))
        .or_else(|| widened::<i8>(py, &buffer))
        .or_else(|| widened::<u8>(py, &buffer))
    {
        numbers
    } else {
        let format = buffer.format().to_string_lossy();
        return Err(PyTypeError::new_err(match &*format {
            "?" => MASK.to_owned(),
            other => {
                format!("record numbers must be integers, not elements of the format {other:?}")
            }
        }));
    };
    Ok(Some(numbers))
}

fn widened<T: Element + Into<i64>>(py: Python<'_>, buffer: &PyUntypedBuffer) -> Option<Vec<i64>> {
    let buffer = buffer.as_typed::<T>().ok()?;
    Some(
        buffer
            .to_vec(py)
            .ok()?
            .into_iter()
            .map(Into::into)
            .collect(),
    )
}

/// The name of an object's class.
pub fn type_name(object: &Bound<'_, PyAny>) -> String {
    if object.is_instance_of::<PyBool>() {
        return "bool".to_owned();
    }
    object
        .get_type()
        .name()
        .map_or_else(|_| "an object".to_owned(), |name| name.to_string())
}
