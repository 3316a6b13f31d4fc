//! Values of tables that another format writes in its own way, or cannot hold.

use std::fs::File;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringViewArray, StructArray,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use windrow::{TableOptions, TableWriter};

use crate::scratch::Scratch;

/// Writes a file of columns.
fn write(scratch: &Scratch, name: &str, columns: &[(&str, ArrayRef)]) {
    let rows = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let path = scratch.path(name);
    let mut writer = TableWriter::create_file(path, rows.schema(), TableOptions::new()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
}

/// Rows of `name` as CSV.
fn csv(scratch: &Scratch, name: &str) -> String {
    let rows = scratch.ok(&["cat", "--format", "csv", name]);
    rows.text().to_owned()
}

#[test]
fn dictionaries_of_views_become_parquet() {
    let scratch = Scratch::new();
    // As polars writes categories.
    let values = Arc::new(StringViewArray::from(vec!["a", "a long text, not inlined"]));
    let codes = Int32Array::from(vec![Some(1), None, Some(0)]);
    let plain: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(codes, values));
    let inside = StructArray::try_from(vec![("c", plain.clone())]).unwrap();
    write(
        &scratch,
        "a.columns",
        &[("c", plain), ("s", Arc::new(inside))],
    );
    scratch.ok(&["convert", "a.columns", "a.parquet"]);
    let file = File::open(scratch.path("a.parquet")).unwrap();
    let mut batches = ParquetRecordBatchReader::try_new(file, 1024).unwrap();
    let schema = batches.next().unwrap().unwrap().schema();
    assert_eq!(
        schema.field(0).data_type().to_string(),
        "Dictionary(Int32, Utf8)"
    );
    scratch.ok(&["convert", "a.columns", "a.arrow"]);
    let rows = scratch.ok(&["cat", "--format", "jsonl", "a.columns"]);
    for name in ["a.parquet", "a.arrow"] {
        scratch.ok(&["convert", "--force", name, "b.columns"]);
        let again = scratch.ok(&["cat", "--format", "jsonl", "b.columns"]);
        assert_eq!(again.text(), rows.text(), "{name}");
    }
}
