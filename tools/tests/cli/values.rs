//! Values of tables that another format writes in its own way, or cannot hold.

use std::fs::File;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array as _, ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, DictionaryArray, Float32Array, Int32Array, Int64Array, NullArray, RecordBatch,
    StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
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

#[test]
fn time_zones_have_names() {
    let scratch = Scratch::new();
    let micros = vec![
        Some(1_577_880_000_000_000),
        None,
        Some(1_593_600_000_000_000),
    ];
    let times = |zone: &str| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(micros.clone()).with_timezone(zone))
    };
    let columns = [("utc", times("UTC")), ("berlin", times("Europe/Berlin"))];
    write(&scratch, "a.columns", &columns);
    let rows = "utc,berlin\n2020-01-01T12:00:00Z,2020-01-01T13:00:00+01:00\n,\n\
                2020-07-01T10:40:00Z,2020-07-01T12:40:00+02:00\n";
    assert_eq!(csv(&scratch, "a.columns"), rows);
    scratch.ok(&["convert", "a.columns", "a.csv"]);
    assert_eq!(scratch.get("a.csv"), rows.as_bytes());
    let json = scratch
        .ok(&["cat", "--format", "jsonl", "a.columns"])
        .json();
    assert_eq!(json[2]["utc"], "2020-07-01T10:40:00Z");
    assert_eq!(json[2]["berlin"], "2020-07-01T12:40:00+02:00");
    let table = scratch.ok(&["head", "a.columns"]);
    assert!(table.text().contains("2020-07-01T12:40:00+02:00"));
    // Text without a zone is a time of the column's.
    for (condition, expected) in [
        ("utc > '2020-01-01 12:00:00'", 1),
        ("utc >= '2020-01-01 12:00:00'", 2),
        ("berlin > '2020-01-01 12:59:59'", 2),
        ("berlin > '2020-01-01 13:00:00'", 1),
        ("berlin = '2020-01-01T12:00:00Z'", 1),
    ] {
        let args = [
            "cat",
            "--format",
            "jsonl",
            "--where",
            condition,
            "a.columns",
        ];
        assert_eq!(scratch.ok(&args).json().len(), expected, "{condition}");
    }
    let shown = scratch.ok(&["inspect", "--json", "a.columns"]).json();
    assert_eq!(
        shown[0]["table"]["columns"][1]["min"],
        "2020-01-01T13:00:00+01:00"
    );
}

#[test]
fn dates_beyond_the_calendar_have_no_text() {
    let scratch = Scratch::new();
    let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), None, Some(i32::MAX)]));
    let inside = StructArray::try_from(vec![("d", days.clone())]).unwrap();
    write(&scratch, "a.columns", &[("d", days)]);
    write(&scratch, "s.columns", &[("s", Arc::new(inside))]);
    let words = |column| [column, "row 2 of the output: there is no text for it: "];
    for format in ["table", "csv", "jsonl"] {
        let cat = ["cat", "--format", format, "a.columns"];
        scratch.fails(&cat, 1, &words("a.columns: column `d`"));
    }
    for format in ["table", "jsonl"] {
        let cat = ["cat", "--format", format, "s.columns"];
        scratch.fails(&cat, 1, &words("s.columns: column `s`"));
    }
    for name in ["a.csv", "a.jsonl"] {
        let convert = ["convert", "a.columns", name];
        scratch.fails(&convert, 1, &words("column `d`"));
        assert!(!scratch.path(name).exists());
    }
    let rest = ["cat", "--format", "csv", "--rows", "0..2", "a.columns"];
    assert_eq!(scratch.ok(&rest).text(), "d\n1970-01-01\n\"\"\n");
    scratch.ok(&["convert", "a.columns", "a.parquet"]);
}

#[test]
fn numbers_of_conditions_are_what_the_column_shows() {
    let scratch = Scratch::new();
    let cents = vec![1_234_567_890_123_456_789, 1_234_567_890_123_456_790, -5];
    let decimals = Decimal128Array::from(cents).with_precision_and_scale(20, 2);
    let floats = Float32Array::from(vec![0.1, 16_777_216.0, f32::MAX]);
    let columns: [(&str, ArrayRef); 2] =
        [("x", Arc::new(decimals.unwrap())), ("f", Arc::new(floats))];
    write(&scratch, "a.columns", &columns);
    scratch.ok(&["convert", "a.columns", "a.parquet"]);
    for (condition, expected) in [
        ("x = 12345678901234567.89", &[0][..]),
        ("x > 12345678901234567.89", &[1]),
        ("12345678901234567.890 = x", &[0]),
        ("x in (12345678901234567.9, -0.05)", &[1, 2]),
        ("x between -.05 and +12345678901234567.89", &[0, 2]),
        ("x > -0.051 and x < -0.049", &[2]),
        ("x < 5e2", &[2]),
        ("f = 0.1", &[0]),
        ("f > 0.1", &[1, 2]),
        ("f <> 0.1", &[1, 2]),
        ("f = 16777216", &[1]),
        ("f = 16777217", &[]),
        ("f = 3.4028235e38", &[2]),
        ("f < 1e300", &[0, 1, 2]),
    ] {
        let numbers = ["cat", "--format", "csv", "--columns", "x"];
        let row = |at: &usize| ["12345678901234567.89", "12345678901234567.90", "-0.05"][*at];
        let rows: Vec<&str> = expected.iter().map(row).collect();
        let found = scratch.ok(&[&numbers, &["--where", condition, "a.columns"][..]].concat());
        let found: Vec<&str> = found.text().lines().skip(1).collect();
        assert_eq!(found, rows, "{condition}");
        let convert = ["convert", "--force", "--select", "x", "--where", condition];
        scratch.ok(&[&convert, &["a.parquet", "b.csv"][..]].concat());
        let found = String::from_utf8(scratch.get("b.csv")).unwrap();
        assert_eq!(
            found.lines().skip(1).collect::<Vec<_>>(),
            rows,
            "{condition}"
        );
    }
}

#[test]
fn whole_numbers_of_json_stay_whole() {
    let scratch = Scratch::new();
    let id = "18446744073709551615";
    for lines in [
        format!("{{\"id\":{id}}}\n{{\"id\":null}}\n{{\"id\":9223372036854775809}}\n{{\"id\":1}}\n"),
        format!("{{\"s\":{{\"id\":{id},\"share\":-0.5}},\"ids\":[1,{id}]}}\n"),
        "{\"share\":-0.0}\n{\"share\":-2.5}\n".to_owned(),
    ] {
        scratch.put("a.jsonl", &lines);
        scratch.ok(&[
            "convert",
            "--force",
            "--to",
            "columns",
            "a.jsonl",
            "a.columns",
        ]);
        let rows = scratch.ok(&["cat", "--format", "jsonl", "a.columns"]);
        assert_eq!(rows.text(), lines);
    }
    let convert = [
        "convert",
        "--force",
        "--to",
        "columns",
        "a.jsonl",
        "b.columns",
    ];
    for (value, id) in [
        ("-1", id),
        ("1", "18446744073709551616"),
        ("1", "-9223372036854775809"),
    ] {
        scratch.put("a.jsonl", format!("{{\"id\":{value}}}\n{{\"id\":{id}}}\n"));
        scratch.fails(
            &convert,
            1,
            &["a.jsonl, line 2: column `id`", id, "--types \"id=utf8\""],
        );
        scratch.ok(&[&convert, &["--types", "id=utf8"][..]].concat());
        assert_eq!(csv(&scratch, "b.columns"), format!("id\n{value}\n{id}\n"));
    }
}

#[test]
fn every_dictionary_comes_back_from_parquet() {
    let scratch = Scratch::new();
    let values: [ArrayRef; 5] = [
        Arc::new(BooleanArray::from(vec![true, false])),
        Arc::new(Decimal256Array::from_iter_values([5, -5].map(Into::into))),
        Arc::new(Int64Array::from(vec![5, 6])),
        Arc::new(BinaryViewArray::from_iter_values([b"a", b"b"])),
        Arc::new(StringArray::from(vec![None, Some("b")])),
    ];
    for values in values {
        let codes = Int32Array::from(vec![Some(1), None, Some(0)]);
        let data_type = values.data_type().clone();
        let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(codes, values));
        write(&scratch, "a.columns", &[("x", column)]);
        scratch.ok(&["convert", "--force", "a.columns", "a.parquet"]);
        scratch.ok(&["convert", "--force", "a.parquet", "b.columns"]);
        let rows = |name| {
            scratch
                .ok(&["cat", "--format", "jsonl", name])
                .text()
                .to_owned()
        };
        assert_eq!(rows("b.columns"), rows("a.columns"), "{data_type}");
    }
}

#[test]
fn codes_of_nulls_are_null() {
    let scratch = Scratch::new();
    let values: [ArrayRef; 2] = [
        Arc::new(StringArray::from(vec![None, Some("b")])),
        Arc::new(NullArray::new(2)),
    ];
    for (values, second) in values.into_iter().zip(["\"b\"", "null"]) {
        let codes = Int32Array::from(vec![0, 1]);
        let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(codes, values));
        write(&scratch, "a.columns", &[("x", column)]);
        scratch.ok(&["convert", "--force", "a.columns", "a.jsonl"]);
        let rows = format!("{{\"x\":null}}\n{{\"x\":{second}}}\n");
        assert_eq!(String::from_utf8(scratch.get("a.jsonl")).unwrap(), rows);
    }
}
