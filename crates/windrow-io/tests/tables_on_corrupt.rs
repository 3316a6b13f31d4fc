//! Damaged row groups that are skipped: what is left is all there, and what is gone is listed.
#![cfg(feature = "columns")]

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use windrow_columnar::{Comparison, Predicate, Profile, Strings};
use windrow_format::options::{OnCorrupt, ReaderOptions};
use windrow_io::{Error, Scan, TableOptions, TableReader, TableWriter};

const ROWS: i64 = 5000;
const LOST: Range<i64> = 2000..3000;

/// Five row groups; the text of the third one is damaged.
fn damaged() -> Vec<u8> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let texts = (0..ROWS).map(|id| format!("{id} {}", id.wrapping_mul(0x1e37_79b9_7f4a_7c15)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let batch = RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap();
    let options = TableOptions::new()
        .with_profile(Profile::Spill)
        .with_group_rows(1000);
    let mut bytes = Vec::new();
    let mut writer = TableWriter::create(&mut bytes, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let end = open(bytes.clone(), OnCorrupt::Raise)
        .file()
        .chunk_location(2)
        .unwrap()
        .end;
    bytes[usize::try_from(end).unwrap() - 100] ^= 1;
    bytes
}

fn open(bytes: Vec<u8>, on_corrupt: OnCorrupt) -> TableReader {
    let options = ReaderOptions::new().with_on_corrupt(on_corrupt);
    TableReader::from_bytes(bytes, options).unwrap()
}

/// The values of the column `id`.
fn ids(scan: Scan) -> Result<Vec<i64>, Error> {
    let mut ids = Vec::new();
    for batch in scan.batches()? {
        ids.extend(batch?["id"].as_primitive::<Int64Type>().values());
    }
    Ok(ids)
}

fn left(all: Range<i64>) -> Vec<i64> {
    all.filter(|id| !LOST.contains(id)).collect()
}

/// What was skipped: row group and rows.
fn skipped(table: &TableReader) -> Vec<(Option<u64>, Range<i64>)> {
    let faults = table.file().skipped();
    let rows = |rows: Range<u64>| rows.start.cast_signed()..rows.end.cast_signed();
    faults
        .into_iter()
        .map(|fault| (fault.chunk, rows(fault.records.unwrap())))
        .collect()
}

#[test]
fn scans_leave_out_what_is_damaged_and_list_it() {
    let bytes = damaged();
    let raising = open(bytes.clone(), OnCorrupt::Raise);
    let error = ids(raising.scan()).unwrap_err();
    assert_eq!(error.records(), Some(2000..3000));
    assert!(skipped(&raising).is_empty());

    for threads in [Some(1), None] {
        let options = ReaderOptions::new()
            .with_on_corrupt(OnCorrupt::Skip)
            .with_max_parallelism(threads);
        let table = TableReader::from_bytes(bytes.clone(), options).unwrap();
        assert_eq!(ids(table.scan().rows(0..2000)).unwrap(), left(0..2000));
        // Decoded ahead, perhaps, but not come to.
        table.scan().batches().unwrap().next().unwrap().unwrap();
        assert!(skipped(&table).is_empty());
        assert_eq!(ids(table.scan()).unwrap(), left(0..ROWS));
        assert_eq!(ids(table.scan()).unwrap(), left(0..ROWS));
        assert_eq!(skipped(&table), [(Some(2), LOST)]);
        assert_eq!(table.file().stats().chunks_skipped, 1);
        assert_eq!(table.file().skipped()[0].code(), "chunk_data_hash");
    }
}

#[test]
fn filters_need_only_what_they_look_at() {
    let table = open(damaged(), OnCorrupt::Skip);
    // One column is read by its pages, which are whole.
    let sound = table.scan().columns(["id"]);
    assert_eq!(ids(sound).unwrap(), (0..ROWS).collect::<Vec<_>>());
    let from = |first: i64| {
        let first = Int64Array::from(vec![first]);
        Predicate::compare("id", Comparison::GreaterOrEqual, first)
    };
    assert_eq!(
        ids(table.scan().filter(from(3000))).unwrap(),
        left(3000..ROWS)
    );
    assert!(skipped(&table).is_empty());
    assert_eq!(
        ids(table.scan().filter(from(1500))).unwrap(),
        left(1500..ROWS)
    );
    assert_eq!(skipped(&table), [(Some(2), LOST)]);
}

#[test]
fn of_a_row_group_that_comes_in_parts_only_those_are_lost_that_cannot_be_read() {
    let table = open(damaged(), OnCorrupt::Skip);
    let read = ids(table.scan().max_batch_bytes(4096)).unwrap();
    let lost = skipped(&table);
    assert!(!lost.is_empty());
    assert!(lost.iter().all(|(group, _)| *group == Some(2)), "{lost:?}");
    let mut all: Vec<i64> = lost.into_iter().flat_map(|(_, rows)| rows).collect();
    assert!(all.iter().all(|row| LOST.contains(row)));
    all.extend(read);
    all.sort_unstable();
    // Each row is there or listed, and none is both.
    assert_eq!(all, (0..ROWS).collect::<Vec<_>>());
}

#[test]
fn who_asks_for_a_row_gets_it_or_an_error() {
    let bytes = damaged();
    // Whichever page it is that is damaged, one of the rows lies in it.
    let rows: Vec<u64> = (0..5000).rev().collect();
    let table = open(bytes.clone(), OnCorrupt::Skip);
    let error = table.take(&rows, None).unwrap_err();
    assert_eq!(error.records(), Some(2000..3000));
    assert!(skipped(&table).is_empty());
    let readable = |table: &TableReader| table.take_readable(&rows, None, Strings::AsWritten);
    let batch = readable(&table).unwrap();
    let mut expected = left(0..ROWS);
    expected.reverse();
    assert_eq!(batch["id"].as_primitive::<Int64Type>().values(), &expected);
    assert_eq!(skipped(&table), [(Some(2), LOST)]);
    // What is asked for wrongly is wrong all the same.
    let error = table.take_readable(&[5000], None, Strings::AsWritten);
    assert_eq!(error.unwrap_err().code(), "out_of_range");
    let error = table.take_readable(&[1], Some(&["no"]), Strings::AsWritten);
    assert_eq!(error.unwrap_err().code(), "no_column");

    let error = readable(&open(bytes, OnCorrupt::Raise)).unwrap_err();
    assert_eq!(error.records(), Some(2000..3000));
}
