//! One column of a table: a buffer, if its values have a fixed size.

use std::ffi::{CStr, c_int, c_long, c_void};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, FieldRef, TimeUnit};
use pyo3::exceptions::{PyBufferError, PyIndexError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};

use super::capsule::{array_capsule, field_capsule};
use super::row::{value, values};

/// Numbers of 64 bits, by the name that numpy prefers on this system.
const INT64: &CStr = if size_of::<c_long>() == 8 { c"l" } else { c"q" };
const UINT64: &CStr = if size_of::<c_long>() == 8 { c"L" } else { c"Q" };

/// The values of one column.
#[pyclass(frozen, module = "windrow")]
pub struct Column {
    pub field: FieldRef,
    pub array: ArrayRef,
}

/// Values of a fixed size without nulls: where they lie, and how they are laid out.
struct Fixed {
    bytes: *const u8,
    format: &'static CStr,
    item_bytes: usize,
    shape: Vec<usize>,
}

impl Column {
    /// How the values lie in memory, if they are of a fixed size and none is null.
    fn fixed(&self) -> PyResult<Fixed> {
        let refused = |why: &str| {
            PyBufferError::new_err(format!(
                "column `{}` of type {} {why}",
                self.field.name(),
                self.array.data_type()
            ))
        };
        let mut array: &dyn Array = &self.array;
        let mut shape = vec![array.len()];
        while let DataType::FixedSizeList(_, size) = array.data_type() {
            if array.null_count() > 0 {
                return Err(refused("has nulls: use to_pylist"));
            }
            let lists = array.as_fixed_size_list();
            let size = usize::try_from(*size)?;
            shape.push(size);
            array = lists.values().as_ref();
        }
        if array.null_count() > 0 {
            return Err(refused("has nulls: use to_pylist"));
        }
        let (format, item_bytes): (&'static CStr, usize) = match array.data_type() {
            DataType::Int8 => (c"b", 1),
            DataType::Int16 => (c"h", 2),
            DataType::Int32 | DataType::Date32 | DataType::Time32(_) => (c"i", 4),
            DataType::Int64
            | DataType::Date64
            | DataType::Time64(_)
            | DataType::Timestamp(..)
            | DataType::Duration(_) => (INT64, 8),
            DataType::UInt8 => (c"B", 1),
            DataType::UInt16 => (c"H", 2),
            DataType::UInt32 => (c"I", 4),
            DataType::UInt64 => (UINT64, 8),
            DataType::Float16 => (c"e", 2),
            DataType::Float32 => (c"f", 4),
            DataType::Float64 => (c"d", 8),
            _ => return Err(refused("has no values of a fixed size: use to_pylist")),
        };
        let data = array.to_data();
        let Some(buffer) = data.buffers().first() else {
            return Err(refused("has no values"));
        };
        let begin = data.offset() * item_bytes;
        let needed = shape.iter().product::<usize>() * item_bytes;
        let bytes = buffer
            .as_slice()
            .get(begin..begin + needed)
            .ok_or_else(|| refused("is shorter than its length"))?;
        Ok(Fixed {
            // The array keeps the buffer alive, which `data` shares.
            bytes: bytes.as_ptr(),
            format,
            item_bytes,
            shape,
        })
    }

    /// What numpy calls the values, where their buffer does not say it.
    fn numpy_type(&self) -> Option<String> {
        let mut data_type = self.array.data_type();
        while let DataType::FixedSizeList(item, _) = data_type {
            data_type = item.data_type();
        }
        let unit = |unit: &TimeUnit| match unit {
            TimeUnit::Second => "s",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Microsecond => "us",
            TimeUnit::Nanosecond => "ns",
        };
        match data_type {
            DataType::Timestamp(of, _) => Some(format!("datetime64[{}]", unit(of))),
            DataType::Date64 => Some("datetime64[ms]".to_owned()),
            DataType::Duration(of) => Some(format!("timedelta64[{}]", unit(of))),
            _ => None,
        }
    }
}

/// Shape and strides of a buffer that somebody holds.
struct Layout {
    shape: Vec<ffi::Py_ssize_t>,
    strides: Vec<ffi::Py_ssize_t>,
}

#[pymethods]
impl Column {
    fn __len__(&self) -> usize {
        self.array.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        let len = self.array.len();
        let place = if index < 0 {
            len.checked_sub(index.unsigned_abs())
        } else {
            Some(index.unsigned_abs()).filter(|place| *place < len)
        };
        let place = place
            .ok_or_else(|| PyIndexError::new_err(format!("value {index} of a column of {len}")))?;
        value(py, &self.array, place)
    }

    /// The column's name.
    #[getter]
    fn name(&self) -> &str {
        self.field.name()
    }

    /// The type of its values.
    #[getter]
    fn r#type(&self) -> String {
        self.array.data_type().to_string()
    }

    /// How many values are null.
    #[getter]
    fn null_count(&self) -> usize {
        self.array.logical_null_count()
    }

    /// The values as Python objects.
    fn to_pylist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        values(py, &self.array)
    }

    /// The values as a numpy array, without a copy.
    fn to_numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let numpy = py.import("numpy")?;
        if *this.array.data_type() == DataType::Boolean && this.array.null_count() == 0 {
            let bits = this.array.as_boolean().values();
            let bytes: Vec<u8> = bits.iter().map(u8::from).collect();
            let bytes = pyo3::types::PyByteArray::new(py, &bytes);
            return numpy.call_method1("frombuffer", (bytes, "?"));
        }
        this.fixed()
            .map_err(|error| PyTypeError::new_err(error.value(py).to_string()))?;
        let array = numpy.call_method1("asarray", (PyMemory::of(slf)?,))?;
        match this.numpy_type() {
            Some(name) => array.call_method1("view", (name,)),
            None if matches!(this.array.data_type(), DataType::Date32) => array
                .call_method1("astype", ("int64",))?
                .call_method1("view", ("datetime64[D]",)),
            None => Ok(array),
        }
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let array = Self::to_numpy(slf)?;
        let py = slf.py();
        let options = PyDict::new(py);
        options.set_item("dtype", dtype)?;
        options.set_item("copy", copy)?;
        if copy == Some(false) || (copy.is_none() && dtype.is_none()) {
            return Ok(array);
        }
        py.import("numpy")?
            .call_method("array", (array,), Some(&options))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        field_capsule(py, &self.field)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // Between forms of text only the consumer converts.
        let _ = requested_schema;
        Ok((
            field_capsule(py, &self.field)?,
            array_capsule(py, &self.array)?,
        ))
    }

    fn __repr__(&self) -> String {
        format!(
            "Column({:?}, {}, len={})",
            self.field.name(),
            self.array.data_type(),
            self.array.len()
        )
    }

    #[allow(unsafe_code, reason = "the buffer protocol is made of pointers")]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        // SAFETY: Python hands in a view to be filled; without an object, it counts as not filled.
        unsafe { (*view).obj = std::ptr::null_mut() };
        if flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE {
            return Err(PyBufferError::new_err("the values are read-only"));
        }
        let fixed = slf.get().fixed()?;
        let mut strides = vec![0; fixed.shape.len()];
        let mut step = fixed.item_bytes;
        for (stride, len) in strides.iter_mut().zip(&fixed.shape).rev() {
            *stride = ffi::Py_ssize_t::try_from(step)?;
            step *= len;
        }
        let shape: Result<Vec<_>, _> = fixed.shape.iter().map(|len| (*len).try_into()).collect();
        let layout = Box::new(Layout {
            shape: shape?,
            strides,
        });
        let asked = |flag: c_int| flags & flag == flag;
        let len = fixed.item_bytes * fixed.shape.iter().product::<usize>();
        let (len, item, dimensions) = (
            len.try_into()?,
            fixed.item_bytes.try_into()?,
            fixed.shape.len().try_into()?,
        );
        // SAFETY: the values live, unchanged, as long as this object, which the view keeps; shape and strides live in
        // `internal`, which `__releasebuffer__` frees; the format is static. Nobody writes, for the view is read-only.
        unsafe {
            let layout = Box::into_raw(layout);
            let out = &mut *view;
            out.buf = fixed.bytes.cast::<c_void>().cast_mut();
            out.len = len;
            out.itemsize = item;
            out.readonly = 1;
            out.format = if asked(ffi::PyBUF_FORMAT) {
                fixed.format.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            };
            out.ndim = if asked(ffi::PyBUF_ND) { dimensions } else { 1 };
            out.shape = if asked(ffi::PyBUF_ND) {
                (*layout).shape.as_mut_ptr()
            } else {
                std::ptr::null_mut()
            };
            out.strides = if asked(ffi::PyBUF_STRIDES) {
                (*layout).strides.as_mut_ptr()
            } else {
                std::ptr::null_mut()
            };
            out.suboffsets = std::ptr::null_mut();
            out.internal = layout.cast::<c_void>();
            out.obj = slf.into_ptr();
        }
        Ok(())
    }

    #[allow(unsafe_code, reason = "the buffer protocol is made of pointers")]
    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: Python hands in a view that `__getbuffer__` filled, once.
        unsafe {
            let internal = (*view).internal.cast::<Layout>();
            if !internal.is_null() {
                drop(Box::from_raw(internal));
                (*view).internal = std::ptr::null_mut();
            }
        }
    }
}

/// A memoryview, which numpy takes as it is; the object itself it would ask for `__array__` first.
struct PyMemory;

impl PyMemory {
    fn of<'py>(column: &Bound<'py, Column>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pyo3::types::PyMemoryView::from(column.as_any())?.into_any())
    }
}
