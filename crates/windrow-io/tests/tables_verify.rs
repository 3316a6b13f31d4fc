//! `verify` of tables: what only decoding finds is found by a deep check, and by no other.
#![cfg(feature = "columns")]

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use windrow_columnar::{GroupStatistics, Profile};
use windrow_format::options::ReaderOptions;
use windrow_format::{
    At, CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, ColumnFront, crc_of, push_chunk,
    take_out_block_headers,
};
use windrow_io::{
    ColumnFileOptions, ColumnFileWriter, SourceName, TableOptions, TableReader, TableWriter,
    VerifyOptions, VerifyReport, verify_store,
};

const GROUP_ROWS: u64 = 1000;
const GROUPS: u64 = 3;

/// Three row groups of one column, which is one page in each.
fn table() -> Vec<u8> {
    let rows = i64::try_from(GROUPS * GROUP_ROWS).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let options = TableOptions::new()
        .with_profile(Profile::Spill)
        .with_group_rows(usize::try_from(GROUP_ROWS).unwrap());
    let mut bytes = Vec::new();
    let mut writer = TableWriter::create(&mut bytes, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    bytes
}

fn open(bytes: &[u8]) -> TableReader {
    TableReader::from_bytes(bytes, ReaderOptions::new()).unwrap()
}

/// Header and data of a row group.
fn group(bytes: &[u8], table: &TableReader, number: u64) -> (ChunkHeader, Vec<u8>) {
    let location = table.file().chunk_location(number).unwrap();
    let begin = usize::try_from(location.begin).unwrap();
    let end = usize::try_from(location.end).unwrap();
    let flat = take_out_block_headers(location.begin, &bytes[begin..end]);
    let header = ChunkHeader::parse(&flat, At::byte(location.begin)).unwrap();
    let data_bytes = usize::try_from(header.data_bytes).unwrap();
    let front = usize::try_from(CHUNK_HEADER_BYTES).unwrap();
    (header, flat[front..front + data_bytes].to_vec())
}

/// A chunk whose only page was changed, with checksums and hashes that fit.
fn with_page(
    header: &ChunkHeader,
    mut data: Vec<u8>,
    change: impl Fn(&mut [u8]),
) -> (ChunkHeader, Vec<u8>) {
    let front = ColumnFront::parse(header, &data, At::byte(0)).unwrap();
    let front_bytes = usize::try_from(front.front_bytes).unwrap();
    let (front, page) = data.split_at_mut(front_bytes);
    let stored = crc_of(page).to_le_bytes();
    change(page);
    let place = front.windows(4).position(|bytes| bytes == stored).unwrap();
    front[place..place + 4].copy_from_slice(&crc_of(page).to_le_bytes());
    let crc = crc_of(&front[..front_bytes - 4]).to_le_bytes();
    front[front_bytes - 4..].copy_from_slice(&crc);
    let header = ChunkHeader::new(ChunkType::Columns, 1, header.decoded_bytes, &data);
    (header, data)
}

/// The table with other statistics, its second row group changed.
fn forged(change: impl Fn(&mut [u8]), statistics: Vec<u8>) -> Vec<u8> {
    let bytes = table();
    let table = open(&bytes);
    let options = ColumnFileOptions::of(table.file()).unwrap();
    let mut forged = Vec::new();
    let mut writer = ColumnFileWriter::create(&mut forged, options).unwrap();
    for number in 0..GROUPS {
        let (mut header, mut data) = group(&bytes, &table, number);
        if number == 1 {
            (header, data) = with_page(&header, data, &change);
        }
        let mut chunk = Vec::new();
        push_chunk(&mut chunk, &header, &data);
        writer.push(&header, &chunk).unwrap();
    }
    if !statistics.is_empty() {
        writer.set_statistics(statistics);
    }
    writer.finish().unwrap();
    forged
}

fn statistics() -> Vec<GroupStatistics> {
    let table = open(&table());
    let all = (0..GROUPS).map(|number| table.statistics(number).unwrap().unwrap().clone());
    all.collect()
}

fn encoded(statistics: &[GroupStatistics]) -> Vec<u8> {
    let mut contents = Vec::new();
    for group in statistics {
        group.encode(&mut contents);
    }
    contents
}

fn check(bytes: &[u8], deep: bool) -> VerifyReport {
    let options = VerifyOptions::new().with_deep(deep);
    verify_store(bytes.to_vec(), SourceName::MEMORY, &options).unwrap()
}

type Found = (&'static str, Option<u64>, Option<Range<u64>>);

fn found(report: &VerifyReport) -> Vec<Found> {
    let faults = report.faults.iter();
    faults
        .map(|fault| (fault.code(), fault.chunk, fault.records.clone()))
        .collect()
}

#[test]
fn a_sound_table_has_no_faults() {
    for bytes in [table(), forged(|_| {}, encoded(&statistics()))] {
        for deep in [false, true] {
            let report = check(&bytes, deep);
            assert_eq!(found(&report), [], "deep: {deep}");
            assert_eq!(report.data_chunks, GROUPS);
            assert_eq!(report.records, Some(GROUPS * GROUP_ROWS));
        }
    }
}

#[test]
fn a_page_that_is_none_is_found_by_a_deep_check_only() {
    // No such form of nulls.
    let bytes = forged(|page| page[0] = 9, Vec::new());
    assert!(check(&bytes, false).is_sound());
    let report = check(&bytes, true);
    let lost = GROUP_ROWS..2 * GROUP_ROWS;
    assert_eq!(found(&report), [("page", Some(1), Some(lost))]);
    let location = open(&bytes).file().chunk_location(1).unwrap();
    assert_eq!(report.faults[0].bytes.start, location.begin);
    assert_eq!(report.data_chunks, GROUPS - 1);
    // Without a footer, the schema chunk tells what the columns are.
    let end = usize::try_from(open(&bytes).file().footer().footer_offset).unwrap();
    let codes = |deep| {
        let report = check(&bytes[..end], deep);
        let codes = report.faults.iter().map(windrow_io::Fault::code);
        codes.filter(|code| *code == "page").count()
    };
    assert_eq!((codes(false), codes(true)), (0, 1));
}

#[test]
fn values_that_statistics_deny_are_found_by_a_deep_check_only() {
    let mut all = statistics();
    // Each tells what another row group holds.
    let hashes: Vec<u64> = all.iter().map(|group| group.data_hash).collect();
    all[0].data_hash = hashes[2];
    all[2].data_hash = hashes[0];
    let bytes = forged(|_| {}, encoded(&all));
    assert!(check(&bytes, false).is_sound());
    let report = check(&bytes, true);
    let of = |chunk| ("statistics", Some(chunk), None);
    assert_eq!(found(&report), [of(0), of(2)]);
    // No row is lost.
    assert_eq!(report.data_chunks, GROUPS);

    // What each tells is true, but readers may take it for another row group's.
    let mut all = statistics();
    all.swap(0, 2);
    let report = check(&forged(|_| {}, encoded(&all)), true);
    assert_eq!(found(&report), [of(0), of(2)]);
    // Where some are left out, readers go by the hashes.
    all.pop();
    assert!(check(&forged(|_| {}, encoded(&all)), true).is_sound());

    // One that lies next to one that does not.
    let mut all = statistics();
    all.push(GroupStatistics {
        data_hash: all[1].data_hash,
        ..all[0].clone()
    });
    let report = check(&forged(|_| {}, encoded(&all)), true);
    assert_eq!(found(&report), [of(1)]);
}

#[test]
fn statistics_and_schemas_that_are_none_are_found_by_a_deep_check_only() {
    let bytes = forged(|_| {}, vec![7; 100]);
    assert!(check(&bytes, false).is_sound());
    assert_eq!(found(&check(&bytes, true)), [("statistics", None, None)]);

    let options = ColumnFileOptions {
        schema: b"no schema".to_vec(),
        ..ColumnFileOptions::of(open(&table()).file()).unwrap()
    };
    let mut bytes = Vec::new();
    let writer = ColumnFileWriter::create(&mut bytes, options).unwrap();
    writer.finish().unwrap();
    assert!(check(&bytes, false).is_sound());
    assert_eq!(found(&check(&bytes, true)), [("schema", None, None)]);
}
