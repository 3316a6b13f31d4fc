//! Records as Python `bytes`.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::errors::raise;
use crate::sequence::Base;

/// Decoded bytes that one step of a large batch reads before it looks for Ctrl-C.
pub const STEP_BYTES: u64 = 64 << 20;
/// `bytes` objects that are made between two looks for Ctrl-C.
const STEP_OBJECTS: usize = 16 << 10;
/// A thread's buffer above this size is given back instead of kept.
const KEEP_BYTES: usize = 1 << 20;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One record. Read without the interpreter's lock into the thread's own buffer, then copied: two more changes of the
/// lock would cost more than the copy.
pub fn read_one<'py>(py: Python<'py>, base: &Base, record: u64) -> PyResult<Bound<'py, PyBytes>> {
    let mut buffer = BUFFER.take();
    let read = py.detach(|| {
        buffer.clear();
        base.read_with(record, |bytes| buffer.extend_from_slice(bytes))
    });
    let bytes = read.map(|()| PyBytes::new(py, &buffer));
    if buffer.capacity() <= KEEP_BYTES {
        BUFFER.set(buffer);
    }
    bytes.map_err(raise)
}

/// What becomes of a record whose chunk was skipped.
pub enum Missing<'py> {
    /// It is an error all the same.
    Raise,
    /// It is left out.
    LeaveOut,
    /// This stands for it.
    Is(Bound<'py, PyAny>),
}

/// These records, in this order. Ctrl-C ends a long read.
pub fn read_list<'py>(
    py: Python<'py>,
    base: &Base,
    records: &[u64],
    missing: &Missing<'py>,
) -> PyResult<Bound<'py, PyList>> {
    if let ([record], Missing::Raise) = (records, missing) {
        return PyList::new(py, [read_one(py, base, *record)?]);
    }
    let objects = if py.detach(|| base.is_scattered(records)) {
        read_and_copy(py, base, records, &[Step::All])?
    } else {
        let sizes = py.detach(|| base.record_sizes(records)).map_err(raise)?;
        let steps = py.detach(|| steps(records, &sizes.bytes));
        if sizes.exact {
            read_in_place(py, base, records, &sizes.bytes, &steps)?
        } else {
            read_and_copy(py, base, records, &steps)?
        }
    };
    let mut list = Vec::with_capacity(objects.len());
    for (object, record) in objects.into_iter().zip(records) {
        match (object, missing) {
            (Some(object), _) => list.push(object.into_any()),
            (None, Missing::Raise) => list.push(read_one(py, base, *record)?.into_any()),
            (None, Missing::Is(object)) => list.push(object.clone()),
            (None, Missing::LeaveOut) => {}
        }
    }
    PyList::new(py, list)
}

/// The objects of a list; `None` where the chunk was skipped.
type Objects<'py> = Vec<Option<Bound<'py, PyBytes>>>;

/// A `bytes` object that is being filled.
struct Place {
    bytes: *mut u8,
    len: usize,
    filled: AtomicBool,
}

#[allow(
    unsafe_code,
    reason = "workers write into objects that nobody else sees yet"
)]
// SAFETY: the objects are referenced by nobody but the list under construction, and each place is written by the one
// thread that decodes its record.
unsafe impl Sync for Place {}
#[allow(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Send for Place {}

/// Makes the objects first, of the sizes that the footer tells, and has them filled by all workers.
fn read_in_place<'py>(
    py: Python<'py>,
    base: &Base,
    records: &[u64],
    sizes: &[u64],
    steps: &[Step],
) -> PyResult<Objects<'py>> {
    base.check_batch(sizes.iter().fold(0, |sum, size| sum.saturating_add(*size)))?;
    let mut objects = Vec::with_capacity(records.len());
    let mut places = Vec::with_capacity(records.len());
    for sizes in sizes.chunks(STEP_OBJECTS) {
        for &size in sizes {
            let (object, place) = unfilled(py, size)?;
            objects.push(object);
            places.push(place);
        }
        py.check_signals()?;
    }
    let differs = AtomicBool::new(false);
    for step in steps {
        let places = &places;
        let read = |record: usize, bytes: &[u8]| {
            if !places[record].fill(bytes) {
                differs.store(true, Ordering::Relaxed);
            }
        };
        let done = py.detach(|| {
            base.read_many_with(&step.of(records), |place, bytes| {
                read(step.position(place), bytes);
            })
        });
        done.map_err(raise)?;
        py.check_signals()?;
    }
    if differs.load(Ordering::Relaxed) {
        // A chunk whose size differs from the footer's was refused when it was read.
        return Err(PyRuntimeError::new_err(
            "a record's size differs from the index",
        ));
    }
    // An object that was not filled holds whatever the memory held before: nobody may see it.
    let filled = objects.into_iter().zip(&places);
    Ok(filled
        .map(|(object, place)| place.filled.load(Ordering::Relaxed).then_some(object))
        .collect())
}

/// A new `bytes` object whose content is not set yet.
#[allow(
    unsafe_code,
    reason = "PyBytes::new_with would clear memory that is filled anyway"
)]
fn unfilled(py: Python<'_>, size: u64) -> PyResult<(Bound<'_, PyBytes>, Place)> {
    let len = ffi::Py_ssize_t::try_from(size)?;
    // SAFETY: with a null pointer this makes an object of `len` bytes that may be filled while nobody else has it.
    // The pointer stays valid as long as the object lives, which is kept until it is filled.
    unsafe {
        let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), len);
        let object = Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked();
        let bytes = ffi::PyBytes_AsString(object.as_ptr()).cast();
        Ok((
            object,
            Place {
                bytes,
                len: len.unsigned_abs(),
                filled: AtomicBool::new(false),
            },
        ))
    }
}

impl Place {
    /// Fills the object. `false` if it is of another size.
    #[allow(unsafe_code, reason = "see above")]
    fn fill(&self, bytes: &[u8]) -> bool {
        if self.len == bytes.len() {
            // SAFETY: the lengths are equal; see `unfilled`, and `Sync` above. Nothing is written to the one empty
            // object that all share.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.bytes, bytes.len()) }
            self.filled.store(true, Ordering::Relaxed);
        }
        self.len == bytes.len()
    }
}

/// What is read before the next look for Ctrl-C: everything, or these positions.
enum Step {
    All,
    Some(Vec<usize>),
}

impl Step {
    /// The records of this step.
    fn of<'a>(&self, records: &'a [u64]) -> Cow<'a, [u64]> {
        match self {
            Self::All => Cow::Borrowed(records),
            Self::Some(order) => order.iter().map(|&position| records[position]).collect(),
        }
    }

    /// The position in the batch of a place in this step.
    fn position(&self, place: usize) -> usize {
        match self {
            Self::All => place,
            Self::Some(order) => order[place],
        }
    }
}

/// Cuts a batch into steps of about [`STEP_BYTES`], in the order of the file.
fn steps(records: &[u64], sizes: &[u64]) -> Vec<Step> {
    let all = sizes
        .iter()
        .fold(0_u64, |sum, size| sum.saturating_add(*size));
    if all <= STEP_BYTES {
        return vec![Step::All];
    }
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|&position| records[position]);
    let mut steps = Vec::new();
    let (mut step, mut bytes) = (Vec::new(), 0_u64);
    for position in order {
        step.push(position);
        bytes = bytes.saturating_add(sizes[position]);
        if bytes >= STEP_BYTES {
            steps.push(Step::Some(std::mem::take(&mut step)));
            bytes = 0;
        }
    }
    steps.push(Step::Some(step));
    steps
}

/// Decodes into buffers and copies: for chunks of several records, whose sizes are known only then.
fn read_and_copy<'py>(
    py: Python<'py>,
    base: &Base,
    records: &[u64],
    steps: &[Step],
) -> PyResult<Objects<'py>> {
    let mut objects: Objects<'py> = vec![None; records.len()];
    let mut held = 0_u64;
    for step in steps {
        let batch = py.detach(|| base.read_many(&step.of(records)));
        let batch = batch.map_err(raise)?;
        for place in 0..batch.len() {
            let Some(bytes) = batch.get(place) else {
                continue;
            };
            held = held.saturating_add(bytes.len() as u64);
            base.check_batch(held)?;
            objects[step.position(place)] = Some(PyBytes::new(py, bytes));
        }
        py.check_signals()?;
    }
    Ok(objects)
}

/// These records in buffers. Ctrl-C ends a long read.
pub fn read_batch(py: Python<'_>, base: &Base, records: &[u64]) -> PyResult<windrow::Batch> {
    let mut batch = windrow::Batch::default();
    if py.detach(|| base.is_scattered(records)) {
        return py.detach(|| base.read_many(records)).map_err(raise);
    }
    let sizes = py.detach(|| base.record_sizes(records)).map_err(raise)?;
    let mut begin = 0;
    while begin < records.len() {
        let mut bytes = 0_u64;
        let mut end = begin;
        while end < records.len() && bytes < STEP_BYTES {
            bytes = bytes.saturating_add(sizes.bytes[end]);
            end += 1;
        }
        let step = py.detach(|| base.read_many(&records[begin..end]));
        batch.append(step.map_err(raise)?);
        base.check_batch(batch.bytes_len())?;
        py.check_signals()?;
        begin = end;
    }
    Ok(batch)
}
