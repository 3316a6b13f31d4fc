//! Parquet files as inputs: which parts of them are read, and damage.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use windrow::TableReader;

use crate::scratch::Scratch;

/// Three row groups, each as large as a batch that is read at once.
const GROUPS: usize = 3;
const GROUP_ROWS: usize = 8192;

/// `a.parquet` with the columns `number`, `text` and `half`, plain and uncompressed.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    let rows = || 0..i64::try_from(GROUPS * GROUP_ROWS).unwrap();
    let batch = RecordBatch::try_from_iter([
        (
            "number",
            Arc::new(Int64Array::from_iter_values(rows())) as _,
        ),
        (
            "text",
            Arc::new(StringArray::from_iter_values(
                rows().map(|row| format!("text {row}")),
            )) as _,
        ),
        (
            "half",
            Arc::new(Int64Array::from_iter_values(rows().map(|row| row / 2))) as _,
        ),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let file = File::create(scratch.path("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    scratch
}

/// Where the pages of a column stand in a row group of `a.parquet`.
fn pages(scratch: &Scratch, group: usize, column: usize) -> Range<usize> {
    let file = File::open(scratch.path("a.parquet")).unwrap();
    let file = SerializedFileReader::new(file).unwrap();
    let (start, bytes) = file.metadata().row_group(group).column(column).byte_range();
    let start = usize::try_from(start).unwrap();
    start..start + usize::try_from(bytes).unwrap()
}

/// Makes the pages of `number` in the last row group claim that their values stand in a dictionary, which there is not:
/// the reader panics.
fn damage(scratch: &Scratch) {
    let range = pages(scratch, GROUPS - 1, 0);
    let mut bytes = scratch.get("a.parquet");
    // Of the header, in Thrift's compact protocol: values plain, levels run-length encoded.
    let header = [0x15, 0, 0x15, 6, 0x15, 6];
    let mut windows = bytes[range.clone()].windows(header.len());
    let at = windows.position(|window| window == header).unwrap();
    bytes[range.start + at + 1] = 8 << 1;
    scratch.put("a.parquet", bytes);
}

#[test]
fn columns_that_are_not_wanted_are_not_read() {
    let scratch = scratch();
    let mut bytes = scratch.get("a.parquet");
    for group in 0..GROUPS {
        bytes[pages(&scratch, group, 1)].fill(0xff);
    }
    scratch.put("a.parquet", bytes);
    for args in [
        &["--select", "number"][..],
        &["--select", "half,number"],
        &["--select", "number", "--where", "half < 2"],
        &["--select", "half", "--where", "half < 2 and number > 2"],
    ] {
        let convert = ["convert", "--force", "a.parquet", "a.columns"];
        scratch.ok(&[&convert, args].concat());
    }
    let rows = ["cat", "--format", "csv", "a.columns"];
    assert_eq!(scratch.ok(&rows).text(), "half\n1\n");
    for args in [
        &[][..],
        &["--select", "text"],
        &["--where", "number = 1"],
        &["--select", "number", "--where", "text = 'text 1'"],
    ] {
        let convert = ["convert", "a.parquet", "b.columns"];
        let words = ["a.parquet: cannot be read as Parquet: "];
        scratch.fails(&[&convert, args].concat(), 1, &words);
    }
}

#[test]
fn columns_come_in_the_order_in_which_they_are_selected() {
    let scratch = scratch();
    let select = ["--select", "half,number", "--where", "text = 'text 7'"];
    scratch.ok(&[&["convert", "a.parquet", "a.csv"], &select[..]].concat());
    assert_eq!(scratch.get("a.csv"), b"half,number\n3,7\n");
    // It is of another column than those that are left.
    for args in [["--select", "half,z"], ["--where", "z = 1"]] {
        let convert = ["convert", "a.parquet", "b.csv"];
        let words = ["no column `z`", "`number`, `text`, `half`"];
        scratch.fails(&[&convert, &args[..]].concat(), 2, &words);
    }
}

#[test]
fn a_panic_of_the_reader_is_an_error_of_the_file() {
    let scratch = scratch();
    scratch.ok(&["convert", "a.parquet", "a.columns"]);
    let before = scratch.get("a.columns");
    damage(&scratch);
    let words = ["a.parquet: cannot be read as Parquet: ", "is damaged"];
    for args in [
        &["convert", "a.parquet", "new.columns"][..],
        &["convert", "a.parquet", "new.csv"],
        &["convert", "--force", "a.parquet", "a.columns"],
    ] {
        scratch.fails(args, 1, &words);
    }
    assert!(!scratch.path("new.columns").exists());
    assert!(!scratch.path("new.csv").exists());
    assert_eq!(scratch.get("a.columns"), before);
    // As of any other input that ends in an error.
    let len = GROUPS * GROUP_ROWS;
    scratch.fails(&["append", "a.columns", "a.parquet"], 1, &words);
    let table = TableReader::open(scratch.path("a.columns")).unwrap();
    assert_eq!(table.len(), len as u64);
    scratch.ok(&["convert", "--select", "text", "a.parquet", "b.columns"]);
}

#[test]
fn checksums_of_pages_are_checked() {
    let scratch = Scratch::new();
    // Written by pyarrow with `write_page_checksum=True`: the numbers from 0 to 4, plain and uncompressed.
    let mut bytes = include_bytes!("../data/checksums.parquet").to_vec();
    scratch.put("a.parquet", &bytes);
    scratch.ok(&["convert", "a.parquet", "a.csv"]);
    assert_eq!(scratch.get("a.csv"), b"number\n0\n1\n2\n3\n4\n");
    let numbers: Vec<u8> = (0..5_i64).flat_map(i64::to_le_bytes).collect();
    let mut windows = bytes.windows(numbers.len());
    let at = windows.position(|window| window == numbers).unwrap();
    bytes[at] ^= 1;
    scratch.put("a.parquet", bytes);
    let words = ["a.parquet: cannot be read as Parquet: ", "CRC"];
    scratch.fails(&["convert", "a.parquet", "b.csv"], 1, &words);
}
