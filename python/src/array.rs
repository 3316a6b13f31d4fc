//! Records of a fixed size as one numpy array.

use std::sync::OnceLock;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::bytes::STEP_BYTES;
use crate::errors::raise;
use crate::indices::type_name;
use crate::process::{Visit, visit};
use crate::sequence::Base;

/// Records per step of a large read at the most, between two looks for Ctrl-C.
const STEP_RECORDS: usize = 64 << 10;

/// Imported when it is first needed.
fn numpy(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = NUMPY.get_or_try_init(py, || py.import("numpy").map(Bound::unbind));
    module.map(|module| module.bind(py))
}

/// Fills `out`, or a new array of shape `[records, *shape]`, and returns it.
pub fn read_array<'py>(
    base: &Base,
    records: &[u64],
    dtype: &Bound<'py, PyAny>,
    shape: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dtype.py();
    let visit = py.detach(visit);
    let numpy = numpy(py)?;
    let dtype = numpy.call_method1("dtype", (dtype,))?;
    let shape: Vec<usize> = match shape.extract::<usize>() {
        Ok(len) => vec![len],
        Err(_) => shape.extract()?,
    };
    let item_bytes: usize = dtype.getattr("itemsize")?.extract()?;
    if dtype.getattr("hasobject")?.is_truthy()? || item_bytes == 0 {
        return Err(PyValueError::new_err(format!(
            "records cannot be elements of {dtype}"
        )));
    }
    let too_large = || PyValueError::new_err("the array would be too large");
    let record_bytes = shape
        .iter()
        .try_fold(item_bytes, |bytes, len| bytes.checked_mul(*len));
    let record_bytes = record_bytes.ok_or_else(too_large)?;
    let bytes = record_bytes
        .checked_mul(records.len())
        .ok_or_else(too_large)?;
    if out.is_none() {
        base.check_batch(bytes as u64)?;
    }
    let mut full_shape = vec![records.len()];
    full_shape.extend(shape);
    let full_shape = PyTuple::new(py, full_shape)?;
    let array = match out {
        Some(out) => {
            check_out(out, &dtype, &full_shape)?;
            out.clone()
        }
        None => numpy.call_method1("empty", (full_shape, &dtype))?,
    };
    if !records.is_empty() {
        fill(base, records, record_bytes, &array, visit)?;
    }
    Ok(array)
}

fn check_out(
    out: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    shape: &Bound<'_, PyTuple>,
) -> PyResult<()> {
    if !out.is_instance(&numpy(out.py())?.getattr("ndarray")?)? {
        return Err(PyTypeError::new_err(format!(
            "out must be a numpy array, not {}",
            type_name(out)
        )));
    }
    let flags = out.getattr("flags")?;
    if !out.getattr("dtype")?.eq(dtype)? || !out.getattr("shape")?.eq(shape)? {
        return Err(PyValueError::new_err(format!(
            "out has shape {} and type {}, needed are {shape} and {dtype}",
            out.getattr("shape")?,
            out.getattr("dtype")?,
        )));
    }
    if !flags.getattr("c_contiguous")?.is_truthy()? || !flags.getattr("writeable")?.is_truthy()? {
        return Err(PyValueError::new_err(
            "out must be writable and contiguous in C order",
        ));
    }
    Ok(())
}

/// Where the records go.
struct Target {
    bytes: *mut u8,
    record_bytes: usize,
    records: usize,
}

#[allow(unsafe_code, reason = "workers write into one array")]
// SAFETY: each record is written to a place of its own, by the one thread that decodes it.
unsafe impl Sync for Target {}
#[allow(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Send for Target {}

impl Target {
    /// Copies a record to its place. `false` if it is of another size.
    #[allow(unsafe_code, reason = "workers write into one array")]
    fn write(&self, place: usize, record: &[u8]) -> bool {
        let fits = record.len() == self.record_bytes && place < self.records;
        if fits && !record.is_empty() {
            // SAFETY: the array has room for so many records, which `fill` checked, and its buffer is held until all
            // are written.
            unsafe {
                let target = self.bytes.add(place * self.record_bytes);
                std::ptr::copy_nonoverlapping(record.as_ptr(), target, record.len());
            }
        }
        fits
    }
}

fn fill(
    base: &Base,
    records: &[u64],
    record_bytes: usize,
    array: &Bound<'_, PyAny>,
    visit: Visit,
) -> PyResult<()> {
    let py = array.py();
    // As bytes, whatever the elements are: dates, for one, have no buffer of their own.
    let flat = array.call_method1("reshape", (-1,))?;
    let as_bytes = PyDict::new(py);
    as_bytes.set_item("dtype", "u1")?;
    let flat = match record_bytes {
        0 => None,
        _ => Some(flat.call_method("view", (), Some(&as_bytes))?),
    };
    let buffer = flat.map(|flat| PyBuffer::<u8>::get(&flat)).transpose()?;
    // What a subclass of numpy's array makes of these calls is not to be relied on.
    let room = buffer.as_ref().map_or(0, |buffer| buffer.len_bytes());
    let writable = buffer
        .as_ref()
        .is_none_or(|buffer| !buffer.readonly() && buffer.is_c_contiguous());
    if !writable || room != record_bytes * records.len() {
        return Err(PyValueError::new_err(
            "the array is not one writable block of memory",
        ));
    }
    let bytes = buffer
        .as_ref()
        .map_or(std::ptr::null_mut(), |buffer| buffer.buf_ptr().cast());
    let target = Target {
        bytes,
        record_bytes,
        records: records.len(),
    };
    drop(visit);
    let wrong = OnceLock::new();
    let step_records =
        usize::try_from(STEP_BYTES / record_bytes.max(1) as u64).unwrap_or(STEP_RECORDS);
    let step_records = step_records.clamp(1, STEP_RECORDS);
    for (step, records) in records.chunks(step_records).enumerate() {
        let first = step * step_records;
        let write = |place: usize, record: &[u8]| {
            if !target.write(first + place, record) {
                // The first that is found serves as an example.
                let _ = wrong.set((place, record.len()));
            }
        };
        py.detach(|| base.read_each_with(records, write))
            .map_err(raise)?;
        if let Some(&(place, len)) = wrong.get() {
            return Err(PyValueError::new_err(format!(
                "element {} of the array cannot hold record {}, which has {len} bytes instead of {record_bytes}",
                first + place,
                records[place]
            )));
        }
        py.check_signals()?;
    }
    Ok(())
}
