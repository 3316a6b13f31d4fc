//! Arrays that others made, as this library's arrays.

use std::ffi::{CStr, c_void};
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader, StructArray, make_array,
};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

/// The batches of a stream.
pub struct Foreign {
    stream: FFI_ArrowArrayStream,
    schema: SchemaRef,
    is_at_end: bool,
}

impl Foreign {
    #[allow(unsafe_code, reason = "the interface is made of C functions")]
    pub fn new(mut stream: FFI_ArrowArrayStream) -> Result<Self, ArrowError> {
        let released = || ArrowError::CDataInterface("the stream was used before".to_owned());
        if stream.release.is_none() {
            return Err(released());
        }
        let get_schema = stream.get_schema.ok_or_else(released)?;
        let mut schema = FFI_ArrowSchema::empty();
        // SAFETY: the stream is not released, and `schema` is there to be filled.
        let code = unsafe { get_schema(&mut stream, &mut schema) };
        if code != 0 {
            return Err(last_error(&mut stream, code));
        }
        Ok(Self {
            schema: Arc::new(schema_of(&schema)?),
            stream,
            is_at_end: false,
        })
    }

    #[allow(unsafe_code, reason = "the interface is made of C functions")]
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(get_next) = self.stream.get_next else {
            return Ok(None);
        };
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: the stream is not released, and `array` is there to be filled.
        let code = unsafe { get_next(&mut self.stream, &mut array) };
        if code != 0 {
            return Err(last_error(&mut self.stream, code));
        }
        if array.is_released() {
            return Ok(None);
        }
        let data_type = DataType::Struct(self.schema.fields().clone());
        let rows = StructArray::from(data_of(array, data_type)?);
        let options =
            RecordBatchOptions::new().with_row_count(Some(arrow_array::Array::len(&rows)));
        let columns = rows.columns().to_vec();
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map(Some)
    }
}

impl Iterator for Foreign {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_at_end {
            return None;
        }
        let batch = self.next_batch();
        self.is_at_end = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    }
}

impl RecordBatchReader for Foreign {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// The schema, or an error that names the first column whose type Arrow does not have.
fn schema_of(schema: &FFI_ArrowSchema) -> Result<Schema, ArrowError> {
    Schema::try_from(schema).map_err(|error| {
        let unknown = schema
            .children()
            .find_map(|child| Some((child.name()?, Field::try_from(child).err()?)));
        match unknown {
            Some((name, error)) => ArrowError::SchemaError(format!("column `{name}`: {error}")),
            None => error,
        }
    })
}

#[allow(unsafe_code, reason = "the interface is made of C functions")]
fn last_error(stream: &mut FFI_ArrowArrayStream, code: i32) -> ArrowError {
    let text = stream.get_last_error.and_then(|get_last_error| {
        // SAFETY: the stream is not released; the text, if there is one, lives until its next call.
        unsafe {
            let text = get_last_error(stream);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    });
    ArrowError::CDataInterface(text.unwrap_or_else(|| format!("the stream failed with {code}")))
}

/// An array that belongs to a type.
#[allow(unsafe_code, reason = "the interface is made of pointers")]
pub fn array_of(array: FFI_ArrowArray, data_type: DataType) -> Result<ArrayRef, ArrowError> {
    Ok(make_array(data_of(array, data_type)?))
}

#[allow(unsafe_code, reason = "the interface is made of pointers")]
fn data_of(mut array: FFI_ArrowArray, data_type: DataType) -> Result<ArrayData, ArrowError> {
    // SAFETY: whoever made the array vouches for it, and for its type.
    let data = unsafe {
        without_buffers_of_nulls(std::ptr::from_mut(&mut array).cast(), &data_type);
        from_ffi_and_data_type(array, data_type)?
    };
    Ok(straight(data))
}

/// An ArrowArray, as the interface defines it.
#[repr(C)]
struct Raw {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut Raw,
    dictionary: *mut Raw,
    release: Option<unsafe extern "C" fn(*mut Raw)>,
    private_data: *mut c_void,
}

/// Arrays of nulls have no buffers; polars gives them one, which is refused.
///
/// # Safety
/// The array is one of the type.
#[allow(unsafe_code, reason = "the interface is made of pointers")]
unsafe fn without_buffers_of_nulls(array: *mut Raw, data_type: &DataType) {
    // SAFETY: the array and what it points to are of the type, so they have its children; the number of buffers is for
    // those who read the array only.
    unsafe {
        let Some(array) = array.as_mut() else {
            return;
        };
        let child = |number: usize, data_type: &DataType| {
            if i64::try_from(number).is_ok_and(|number| number < array.n_children) {
                without_buffers_of_nulls(*array.children.add(number), data_type);
            }
        };
        match data_type {
            DataType::Null => array.n_buffers = 0,
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _)
            | DataType::Map(item, _) => child(0, item.data_type()),
            DataType::Struct(fields) => {
                for (number, field) in fields.iter().enumerate() {
                    child(number, field.data_type());
                }
            }
            DataType::RunEndEncoded(_, values) => child(1, values.data_type()),
            DataType::Dictionary(_, values) => {
                without_buffers_of_nulls(array.dictionary, values);
            }
            _ => {}
        }
    }
}

/// The same values, where structs and lists of a fixed size begin at their children's beginning. Slices of nested ones are
/// cut twice otherwise, when they become arrays.
fn straight(data: ArrayData) -> ArrayData {
    let len = data.len();
    cut(&data, 0, len)
}

#[allow(unsafe_code, reason = "what is cut was whole")]
fn cut(data: &ArrayData, begin: usize, len: usize) -> ArrayData {
    let children = data.child_data().iter();
    let from = data.offset() + begin;
    let (children, is_straight): (Vec<_>, bool) = match data.data_type() {
        DataType::Struct(_) => (children.map(|child| cut(child, from, len)).collect(), true),
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).unwrap_or(0);
            let cut = |child| cut(child, from * size, len * size);
            (children.map(cut).collect(), true)
        }
        _ if data.child_data().is_empty() => return data.slice(begin, len),
        _ => (
            children.map(|child| cut(child, 0, child.len())).collect(),
            false,
        ),
    };
    let builder = data
        .clone()
        .into_builder()
        .len(len)
        .offset(if is_straight { 0 } else { from })
        .nulls(data.nulls().map(|nulls| nulls.slice(begin, len)))
        .child_data(children);
    // SAFETY: a part of an array that is valid, with the parts of its children that belong to it.
    unsafe { builder.build_unchecked() }
}
