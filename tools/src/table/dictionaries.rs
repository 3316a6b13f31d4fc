//! Dictionaries in schemas of other formats, which do not take all of them.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef};

/// What becomes of a field that is a dictionary; it is given the types of keys and values.
type Change = fn(Field, &DataType, &DataType) -> Field;

/// An Arrow file has one dictionary for each column, and tables have one for each row group: their values take its place.
pub fn plain(field: Field, _: &DataType, values: &DataType) -> Field {
    field.with_data_type(values.clone())
}

/// What the writer of Parquet and its reader know.
#[cfg(feature = "parquet")]
pub fn of_parquet(field: Field, keys: &DataType, values: &DataType) -> Field {
    let values = match values {
        // The writer does not know them, as the categories of polars have them.
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        // They are written, and then the reader does not know them.
        DataType::Null | DataType::Boolean | DataType::Float16 | DataType::Decimal256(..) => {
            return plain(field, keys, values);
        }
        other => other.clone(),
    };
    field.with_data_type(DataType::Dictionary(
        Box::new(keys.clone()),
        Box::new(values),
    ))
}

/// `schema` with `change` made to each of its dictionaries, nested ones included.
pub fn with_dictionaries(schema: &Schema, change: Change) -> SchemaRef {
    let fields = schema.fields().iter();
    let fields: Fields = fields.map(|field| changed(field, change)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// `schema` with values in place of dictionaries. Any column may have nulls: a code may name a value that is null.
pub fn without_dictionaries(schema: &Schema) -> SchemaRef {
    let plain = with_dictionaries(schema, plain);
    let fields = plain.fields().iter();
    let fields: Fields = fields
        .map(|field| Field::clone(field).with_nullable(true))
        .collect();
    Arc::new(Schema::new(fields))
}

fn changed(field: &FieldRef, change: Change) -> FieldRef {
    let inside = |field| changed(field, change);
    let data_type = match field.data_type() {
        DataType::Dictionary(keys, values) => {
            return Arc::new(change(Field::clone(field), keys, values));
        }
        DataType::List(item) => DataType::List(inside(item)),
        DataType::LargeList(item) => DataType::LargeList(inside(item)),
        DataType::ListView(item) => DataType::ListView(inside(item)),
        DataType::LargeListView(item) => DataType::LargeListView(inside(item)),
        DataType::FixedSizeList(item, len) => DataType::FixedSizeList(inside(item), *len),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inside).collect()),
        DataType::Map(entries, sorted) => DataType::Map(inside(entries), *sorted),
        _ => return Arc::clone(field),
    };
    Arc::new(Field::clone(field).with_data_type(data_type))
}

/// `batch` with the types of `schema`.
pub fn converted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    // What does not fit is an error, not null.
    let whole = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns
        .map(|(column, field)| cast_with_options(column, field.data_type(), &whole))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = Some(batch.num_rows());
    let options = RecordBatchOptions::new().with_row_count(rows);
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
