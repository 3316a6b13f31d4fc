//! Records as Arrow arrays, handed over in capsules (the Arrow PyCapsule interface).

use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, LargeBinaryArray, RecordBatch, RecordBatchReader,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::errors::message;
use crate::sequence::{Cursor, Held, begin_of};

/// Name of the one column that records make up.
const COLUMN: &str = "record";

/// The schema that [`array`] has if none is requested.
pub fn array_schema<'py>(py: Python<'py>, held: &Held) -> PyResult<Bound<'py, PyCapsule>> {
    schema_capsule(
        py,
        &Field::new(COLUMN, natural_type(held), held.missing() > 0),
    )
}

/// The capsules of schema and array.
pub fn array<'py>(
    py: Python<'py>,
    held: &Arc<Held>,
    requested: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let wanted = requested.map(requested_type).transpose()?;
    let wanted = wanted.unwrap_or_else(|| natural_type(held));
    let array = py.detach(|| to_array(held, &wanted)).map_err(arrow_error)?;
    let field = Field::new(COLUMN, array.data_type().clone(), held.missing() > 0);
    let ffi = FFI_ArrowArray::new(&array.to_data());
    let array = PyCapsule::new_with_value(py, ffi, c"arrow_array")?;
    Ok((schema_capsule(py, &field)?, array))
}

/// The capsule of a stream's schema.
pub fn stream_schema(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(&*schema_of(DataType::Binary)).map_err(arrow_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// The capsule of a stream of records.
pub fn stream<'py>(
    py: Python<'py>,
    cursor: Cursor,
    requested: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let wanted = requested.map(requested_type).transpose()?;
    let schema = schema_of(wanted.unwrap_or(DataType::Binary));
    let stream = FFI_ArrowArrayStream::new(Box::new(Stream { cursor, schema }));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

/// Knows nothing of Python: whoever consumes it may do so on any thread, whatever locks are held elsewhere.
struct Stream {
    cursor: Cursor,
    schema: SchemaRef,
}

impl Iterator for Stream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.cursor.next_records() {
            Ok(held) => held.map(|held| {
                let array = to_array(&Arc::new(held), self.schema.field(0).data_type())?;
                RecordBatch::try_new(Arc::clone(&self.schema), vec![array])
            }),
            Err(error) => Some(Err(ArrowError::IoError(
                message(&error),
                std::io::Error::other(error),
            ))),
        }
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

fn schema_of(data_type: DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(COLUMN, data_type, false)]))
}

fn schema_capsule<'py>(py: Python<'py>, field: &Field) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(field).map_err(arrow_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// What the consumer would like, of the types that records can have.
#[allow(unsafe_code, reason = "the schema lies behind the capsule's pointer")]
fn requested_type(requested: &Bound<'_, PyAny>) -> PyResult<DataType> {
    let pointer = requested
        .cast::<PyCapsule>()?
        .pointer_checked(Some(c"arrow_schema"))?;
    // SAFETY: a capsule of this name holds an ArrowSchema, which lives as long as the capsule.
    let schema = unsafe { pointer.cast::<FFI_ArrowSchema>().as_ref() };
    let mut data_type = DataType::try_from(schema).map_err(arrow_error)?;
    if let DataType::Struct(fields) = &data_type
        && let [field] = &fields[..]
        && field.name() == COLUMN
    {
        data_type = field.data_type().clone();
    }
    match data_type {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Ok(data_type),
        other => Err(PyValueError::new_err(format!(
            "records are one column `{COLUMN}` of binary, large_binary or binary_view, not {other}"
        ))),
    }
}

/// Binary, while 32 bits are enough for the offsets.
fn natural_type(held: &Held) -> DataType {
    if i32::try_from(held.bytes_len()).is_ok() {
        DataType::Binary
    } else {
        DataType::LargeBinary
    }
}

fn to_array(held: &Arc<Held>, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let (values, ends): (Buffer, Vec<usize>) = match &**held {
        Held::Run(run, from) => {
            let values = Bytes::from_owner(Shared(Arc::clone(held)));
            let begin = begin_of(run, *from);
            let ends = run.ends().skip(*from).map(|end| end - begin);
            (Buffer::from(values), ends.collect())
        }
        Held::Batch(batch) => {
            let mut values = Vec::with_capacity(held.bytes_len());
            let mut ends = Vec::with_capacity(batch.len());
            for place in 0..batch.len() {
                values.extend_from_slice(batch.get(place).unwrap_or_default());
                ends.push(values.len());
            }
            (Buffer::from_vec(values), ends)
        }
    };
    let nulls = (held.missing() > 0)
        .then(|| (0..held.len()).map(|place| held.get(place).is_some()))
        .map(NullBuffer::from_iter);
    match data_type {
        DataType::LargeBinary => {
            let offsets = std::iter::once(Ok(0)).chain(ends.iter().map(|end| i64::try_from(*end)));
            let offsets: Vec<i64> = offsets.collect::<Result<_, _>>().map_err(too_large)?;
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            Ok(Arc::new(LargeBinaryArray::try_new(offsets, values, nulls)?))
        }
        other => {
            let offsets = std::iter::once(Ok(0)).chain(ends.iter().map(|end| i32::try_from(*end)));
            let offsets: Vec<i32> = offsets.collect::<Result<_, _>>().map_err(too_large)?;
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            let array = BinaryArray::try_new(offsets, values, nulls)?;
            Ok(match other {
                DataType::BinaryView => Arc::new(BinaryViewArray::from(&array)),
                _ => Arc::new(array),
            })
        }
    }
}

/// The bytes of a run, kept alive by whoever holds the array.
struct Shared(Arc<Held>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        match &*self.0 {
            Held::Run(run, from) => {
                let bytes = run.as_bytes();
                bytes.get(begin_of(run, *from)..).unwrap_or_default()
            }
            Held::Batch(_) => &[],
        }
    }
}

fn too_large(_: std::num::TryFromIntError) -> ArrowError {
    ArrowError::InvalidArgumentError(
        "more than 2 GiB of records in one array: request large_binary".to_owned(),
    )
}

fn arrow_error(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
