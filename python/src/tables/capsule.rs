//! Tables, batches and schemas in capsules (the Arrow PyCapsule interface), in both directions.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchOptions, RecordBatchReader,
    StructArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use windrow::Strings;

use super::foreign::{self, Foreign};
use crate::errors::exception;
use crate::indices::type_name;

pub type Batches = Box<dyn RecordBatchReader + Send>;

const NEEDED: &str = "a table is needed: something with __arrow_c_stream__ or __arrow_c_array__, such as a \
    pyarrow.Table or a frame of polars or pandas";

pub fn arrow_error(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The rows of whatever offers a stream or an array. Its batches may be asked for on any thread, without the
/// interpreter's lock.
#[allow(unsafe_code, reason = "what capsules hold lies behind pointers")]
pub fn batches_of(object: &Bound<'_, PyAny>) -> PyResult<Batches> {
    if let Some(method) = object.getattr_opt("__arrow_c_stream__")? {
        refuse_objects(object)?;
        let capsule = method.call0()?;
        let pointer = capsule
            .cast::<PyCapsule>()?
            .pointer_checked(Some(c"arrow_array_stream"))?;
        // SAFETY: a capsule of this name holds an ArrowArrayStream, which is moved out of it.
        let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.cast().as_ptr()) };
        let reader = Foreign::new(stream).map_err(|error| {
            PyTypeError::new_err(format!(
                "{NEEDED}, not a stream of {}: {error}",
                type_name(object)
            ))
        })?;
        return Ok(Box::new(reader));
    }
    if object.hasattr("__arrow_c_array__")? {
        let array = array_of(object)?;
        let batch = batch_of(array, object)?;
        let schema = batch.schema();
        return Ok(Box::new(RecordBatchIterator::new([Ok(batch)], schema)));
    }
    Err(PyTypeError::new_err(format!(
        "{NEEDED}, not {}",
        type_name(object)
    )))
}

/// Refuses columns of Python objects in frames of polars, which hands them out as the bytes of pointers.
fn refuse_objects(object: &Bound<'_, PyAny>) -> PyResult<()> {
    let class = object.get_type();
    if !class.module()?.to_str()?.starts_with("polars.") {
        return Ok(());
    }
    let Some(schema) = object.getattr_opt("schema")? else {
        return Ok(());
    };
    for pair in schema.call_method0("items")?.try_iter()? {
        let (name, kind): (String, Bound<'_, PyAny>) = pair?.extract()?;
        if kind.str()?.to_str()? == "Object" {
            let message = format!(
                "column `{name}` has type Object of polars, which column files cannot hold"
            );
            return Err(exception("SchemaError", "unsupported_type", message));
        }
    }
    Ok(())
}

/// The array that an object offers, with what its field says of it.
#[allow(unsafe_code, reason = "what capsules hold lies behind pointers")]
fn array_of(object: &Bound<'_, PyAny>) -> PyResult<(Field, ArrayRef)> {
    let capsules = object.call_method0("__arrow_c_array__")?;
    let capsules = capsules.cast::<PyTuple>()?;
    let (schema, array) = (capsules.get_item(0)?, capsules.get_item(1)?);
    let pointer = array
        .cast::<PyCapsule>()?
        .pointer_checked(Some(c"arrow_array"))?;
    let pointer_of_schema = schema
        .cast::<PyCapsule>()?
        .pointer_checked(Some(c"arrow_schema"))?;
    // SAFETY: capsules of these names hold an ArrowArray, which is moved out, and its ArrowSchema, which lives as long
    // as its capsule. They belong together: that is what the method is for.
    let (field, array) = unsafe {
        let schema = pointer_of_schema.cast::<FFI_ArrowSchema>().as_ref();
        let field = Field::try_from(schema).map_err(arrow_error)?;
        let array = FFI_ArrowArray::from_raw(pointer.cast().as_ptr());
        (field, array)
    };
    let array = foreign::array_of(array, field.data_type().clone()).map_err(arrow_error)?;
    Ok((field, array))
}

fn batch_of((field, array): (Field, ArrayRef), object: &Bound<'_, PyAny>) -> PyResult<RecordBatch> {
    let Some(rows) = array.as_struct_opt() else {
        return Err(PyTypeError::new_err(format!(
            "{NEEDED}, not an array of {} ({})",
            array.data_type(),
            type_name(object)
        )));
    };
    if rows.null_count() > 0 {
        return Err(PyValueError::new_err(
            "rows cannot be null: the struct array has nulls at the top",
        ));
    }
    let schema = Schema::new_with_metadata(rows.fields().clone(), field.metadata().clone());
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(schema), rows.columns().to_vec(), &options)
        .map_err(arrow_error)
}

/// The schema of whatever has one, or offers rows.
#[allow(unsafe_code, reason = "what capsules hold lies behind pointers")]
pub fn schema_of(object: &Bound<'_, PyAny>) -> PyResult<SchemaRef> {
    if let Some(method) = object.getattr_opt("__arrow_c_schema__")? {
        let capsule = method.call0()?;
        let pointer = capsule
            .cast::<PyCapsule>()?
            .pointer_checked(Some(c"arrow_schema"))?;
        // SAFETY: a capsule of this name holds an ArrowSchema, which lives as long as the capsule.
        let schema = unsafe { pointer.cast::<FFI_ArrowSchema>().as_ref() };
        return Ok(Arc::new(Schema::try_from(schema).map_err(|_| {
            PyTypeError::new_err(format!(
                "the schema of a table is needed, not that of {}",
                type_name(object)
            ))
        })?));
    }
    if object.hasattr("__arrow_c_stream__")? || object.hasattr("__arrow_c_array__")? {
        return Ok(batches_of(object)?.schema());
    }
    Err(PyTypeError::new_err(format!(
        "a schema is needed: something with __arrow_c_schema__, or a table, not {}",
        type_name(object)
    )))
}

pub fn schema_capsule<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(arrow_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

pub fn field_capsule<'py>(py: Python<'py>, field: &Field) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(field).map_err(arrow_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

pub fn array_capsule<'py>(py: Python<'py>, array: &dyn Array) -> PyResult<Bound<'py, PyCapsule>> {
    let array = FFI_ArrowArray::new(&array.to_data());
    PyCapsule::new_with_value(py, array, c"arrow_array")
}

/// The capsules of schema and array of a batch.
pub fn batch_capsules<'py>(
    py: Python<'py>,
    batch: &RecordBatch,
) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let rows = StructArray::from(batch.clone());
    Ok((
        schema_capsule(py, &batch.schema())?,
        array_capsule(py, &rows)?,
    ))
}

pub fn stream_capsule(py: Python<'_>, batches: Batches) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(
        py,
        FFI_ArrowArrayStream::new(batches),
        c"arrow_array_stream",
    )
}

/// What a consumer would like: the same columns, with text in another form.
pub struct Request {
    schema: SchemaRef,
}

impl Request {
    /// The request for what has `own` columns. Another number of columns or other names are refused.
    #[allow(unsafe_code, reason = "the schema lies behind the capsule's pointer")]
    pub fn new(requested: &Bound<'_, PyAny>, own: &Schema) -> PyResult<Self> {
        let pointer = requested
            .cast::<PyCapsule>()?
            .pointer_checked(Some(c"arrow_schema"))?;
        // SAFETY: a capsule of this name holds an ArrowSchema, which lives as long as the capsule.
        let schema = unsafe { pointer.cast::<FFI_ArrowSchema>().as_ref() };
        let schema = Schema::try_from(schema).map_err(arrow_error)?;
        let names = |schema: &Schema| -> Vec<String> {
            schema
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect()
        };
        if names(&schema) != names(own) {
            return Err(PyValueError::new_err(format!(
                "the requested schema has the columns {:?}, there are {:?}",
                names(&schema),
                names(own)
            )));
        }
        Ok(Self {
            schema: Arc::new(schema),
        })
    }

    /// The form of text that is asked for, if it is the same in all columns.
    pub fn strings(&self) -> Option<Strings> {
        let mut forms = Vec::new();
        for field in self.schema.fields() {
            forms_of(field.data_type(), &mut forms);
        }
        let first = *forms.first()?;
        forms.iter().all(|form| *form == first).then_some(first)
    }

    /// The schema of the answer: text as requested, everything else as it is.
    pub fn answer(&self, own: &Schema) -> SchemaRef {
        let fields: Vec<Field> = own
            .fields()
            .iter()
            .zip(self.schema.fields())
            .map(|(own, wanted)| {
                let data_type = if is_other_form(own.data_type(), wanted.data_type()) {
                    wanted.data_type().clone()
                } else {
                    own.data_type().clone()
                };
                own.as_ref().clone().with_data_type(data_type)
            })
            .collect();
        Arc::new(Schema::new_with_metadata(fields, own.metadata().clone()))
    }
}

fn forms_of(data_type: &DataType, forms: &mut Vec<Strings>) {
    match data_type {
        DataType::Utf8 | DataType::Binary => forms.push(Strings::Plain),
        DataType::LargeUtf8 | DataType::LargeBinary => forms.push(Strings::Large),
        DataType::Utf8View | DataType::BinaryView => forms.push(Strings::View),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => forms_of(item.data_type(), forms),
        DataType::Struct(fields) => {
            for field in fields {
                forms_of(field.data_type(), forms);
            }
        }
        _ => {}
    }
}

/// Whether two types are the same but for the form of text and of binary data.
pub fn is_other_form(own: &DataType, wanted: &DataType) -> bool {
    use DataType::*;
    match (own, wanted) {
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View)
        | (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => true,
        (List(own), List(wanted))
        | (LargeList(own), LargeList(wanted))
        | (List(own), LargeList(wanted))
        | (LargeList(own), List(wanted)) => is_other_form(own.data_type(), wanted.data_type()),
        (FixedSizeList(own, size), FixedSizeList(wanted, other)) => {
            size == other && is_other_form(own.data_type(), wanted.data_type())
        }
        (Struct(own), Struct(wanted)) => {
            own.len() == wanted.len()
                && own.iter().zip(wanted).all(|(own, wanted)| {
                    own.name() == wanted.name()
                        && is_other_form(own.data_type(), wanted.data_type())
                })
        }
        (own, wanted) => own.equals_datatype(wanted),
    }
}

/// A batch with the types of `schema`, where they differ only in form.
pub fn in_form(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| {
        let data_type = field.data_type();
        if column.data_type() != data_type && is_other_form(column.data_type(), data_type) {
            arrow_cast::cast(column, data_type)
        } else {
            Ok(Arc::clone(column))
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// Batches in the form of `schema`.
pub fn batches_in_form(batches: Batches, schema: SchemaRef) -> Batches {
    if batches.schema().fields() == schema.fields() {
        return batches;
    }
    let to = Arc::clone(&schema);
    let converted = batches.map(move |batch| in_form(&batch?, &to));
    Box::new(RecordBatchIterator::new(converted, schema))
}
