//! Reading a file by every method: all must agree, and none may take more memory than its options allow.

use std::collections::BTreeSet;

use windrow::{
    Error, IndexStorage, Reader, ReaderOptions, Scanned, SourceName, TableReader, VerifyOptions,
    VerifyReport, scan_store, verify_store,
};
use windrow_tests::hostile::{Outcome, Seen, assert_methods, assert_pages};

use crate::memory::{bound, within};

/// Limits that every target sets: large against its inputs, small against what an input may claim.
const MAX_CHUNK_BYTES: u64 = 1 << 20;
const MAX_BATCH_BYTES: u64 = 4 << 20;
const CACHE_BYTES: u64 = 1 << 20;
const READAHEAD_BYTES: u64 = 1 << 20;
/// Files with more records are sampled, not read as a whole by every method.
const MAX_RECORDS: u64 = 300;

/// What came of reading a file.
#[derive(Debug, Default)]
pub struct Findings {
    /// The causes of all errors.
    pub codes: BTreeSet<&'static str>,
    /// Every record, if the file opens, holds records, and is small enough to be read as a whole.
    pub records: Option<Vec<Outcome>>,
    /// Whether the file opens.
    pub opens: bool,
    /// Whether nothing is wrong with it.
    pub is_sound: bool,
}

/// Options of small limits. The bits of `flags` offload the index, do without a prefetch, or use two threads.
#[must_use]
pub fn reader_options(flags: u8) -> ReaderOptions {
    let storage = if flags & 1 == 0 {
        IndexStorage::InMemory
    } else {
        IndexStorage::Offloaded
    };
    ReaderOptions::new()
        .with_max_chunk_bytes(MAX_CHUNK_BYTES)
        .with_max_record_bytes(MAX_CHUNK_BYTES)
        .with_max_batch_bytes(MAX_BATCH_BYTES)
        .with_chunk_cache_bytes(CACHE_BYTES)
        .with_readahead_buffer_bytes(Some(READAHEAD_BYTES))
        .with_index_storage(storage)
        .with_footer_prefetch_bytes((flags & 2 != 0).then_some(0))
        .with_max_parallelism(Some(if flags & 4 == 0 { 0 } else { 2 }))
}

/// Opens, reads, verifies and lists the file.
///
/// # Panics
/// If two methods disagree, if damage to a record is not listed, or if a call takes more memory than it may.
#[must_use]
pub fn examine(bytes: &[u8], options: &ReaderOptions) -> Findings {
    let mut findings = Findings::default();
    let most = bound(options, bytes.len());
    let file = bytes.to_vec();
    let opened = within("open", most, || Reader::from_bytes(file, options.clone()));
    if options.index_storage() == IndexStorage::Offloaded {
        assert_opens_alike(bytes, options, &opened);
    }
    let mut unreadable = Vec::new();
    match &opened {
        Ok(reader) => {
            findings.opens = true;
            unreadable = read(reader, most, &mut findings);
        }
        Err(error) => note(error, &mut findings),
    }
    let report = verify(bytes, options, most);
    findings
        .codes
        .extend(report.faults.iter().map(|f| f.code()));
    findings.is_sound = report.is_sound();
    assert!(
        findings.opens || !report.is_sound(),
        "verify finds nothing wrong with a file that does not open"
    );
    if findings.opens && report.faults_omitted == 0 {
        assert_listed(&report, &unreadable);
    }
    list(bytes, options, most);
    findings
}

/// Asserts that it does not matter where the index is kept.
fn assert_opens_alike(bytes: &[u8], options: &ReaderOptions, opened: &windrow::Result<Reader>) {
    let options = options.clone().with_index_storage(IndexStorage::InMemory);
    let other = Reader::from_bytes(bytes, options);
    let show = |opened: &windrow::Result<Reader>| match opened {
        Ok(reader) => Ok((reader.len(), reader.num_chunks())),
        Err(error) => Err(Seen::from(error)),
    };
    assert_eq!(show(opened), show(&other), "offloaded and in memory");
}

/// Reads the records by every method; returns the numbers of those that cannot be read, as far as was looked.
pub(crate) fn read(reader: &Reader, most: u64, findings: &mut Findings) -> Vec<u64> {
    if reader.has_columns() {
        read_columns(reader, findings);
        return Vec::new();
    }
    let len = reader.len();
    let whole = within("read_all", most, || reader.read_all());
    if let Err(error) = &whole {
        note(error, findings);
    }
    let decoded = (0..reader.num_chunks().min(MAX_RECORDS))
        .filter_map(|chunk| reader.chunk_location(chunk).ok())
        .fold(0, |sum: u64, chunk| sum.saturating_add(chunk.decoded_bytes));
    let small = len <= MAX_RECORDS && decoded <= MAX_BATCH_BYTES / 2;
    let indices: Vec<u64> = if small {
        (0..len).collect()
    } else {
        let near = |place: u64| place..place.saturating_add(3).min(len);
        [near(0), near(len / 2), near(len.saturating_sub(3))]
            .into_iter()
            .flatten()
            .collect()
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for &index in &indices {
        let record = within("read", most, || reader.read(index));
        if let Err(error) = &record {
            note(error, findings);
        }
        outcomes.push(record.map_err(|error| Seen::from(&error)));
    }
    within("a cursor", most, || {
        let mut cursor = reader.records();
        for _ in 0..MAX_RECORDS {
            if !matches!(cursor.next_record(), Ok(Some(_))) {
                break;
            }
        }
    });
    let unreadable = (indices.iter().zip(&outcomes))
        .filter(|(_, outcome)| outcome.is_err())
        .map(|(&index, _)| index)
        .collect();
    if small {
        // Without the footer's word for it, page chunks are read whole.
        let is_bad = whole.is_err() || outcomes.iter().any(Result::is_err);
        if reader.footer().metadata.has_pages && is_bad {
            assert_pages("a file of pages", reader, &outcomes);
        } else {
            assert_methods("a file", reader, &outcomes);
        }
        findings.records = Some(outcomes);
    }
    unreadable
}

/// Scans the row groups of a file of columns, and asks for records, which it refuses. What pages hold `verify` does not look
/// at, and the target `column_chunk_any_bytes` has bounds for them.
fn read_columns(reader: &Reader, findings: &mut Findings) {
    if !reader.is_empty() {
        let refused = reader.read(0).expect_err("there are no records");
        assert_eq!(refused.code(), "holds_columns");
    }
    let table = match TableReader::from_reader(reader.clone()) {
        Ok(table) => table,
        Err(error) => return note(&error, findings),
    };
    for group in 0..reader.num_chunks().min(MAX_RECORDS) {
        let Ok(location) = reader.chunk_location(group) else {
            continue;
        };
        let rows = location.first_record..location.first_record + location.records;
        let batches = table.scan().rows(rows).batches().expect("all columns");
        match batches.map(|batch| Ok(batch?.num_rows() as u64)).sum() {
            Ok::<u64, Error>(rows) => assert_eq!(rows, location.records, "row group {group}"),
            Err(error) => note(&error, findings),
        }
    }
}

fn verify(bytes: &[u8], options: &ReaderOptions, most: u64) -> VerifyReport {
    let verify = VerifyOptions::new()
        .with_deep(true)
        .with_max_faults(1000)
        .with_reader_options(options.clone());
    let store = bytes.to_vec();
    let report = within("verify", most, || {
        verify_store(store, SourceName::MEMORY, &verify)
    });
    let report = report.expect("bytes in memory can be read");
    assert_eq!(report.file_bytes, bytes.len() as u64);
    for fault in &report.faults {
        assert_message(&fault.error.to_string());
    }
    report
}

/// Asserts that the report names each of these records.
fn assert_listed(report: &VerifyReport, unreadable: &[u64]) {
    for index in unreadable {
        let listed = (report.faults.iter())
            .filter_map(|fault| fault.records.as_ref())
            .any(|records| records.contains(index));
        assert!(
            listed,
            "record {index} cannot be read, and no fault says so: {:?}",
            report.faults
        );
    }
}

fn list(bytes: &[u8], options: &ReaderOptions, most: u64) {
    let store = bytes.to_vec();
    let scanner = within("scan", most, || {
        scan_store(store, SourceName::MEMORY, options)
    });
    let mut behind = 0;
    for scanned in scanner.expect("bytes in memory can be read") {
        match scanned.expect("bytes in memory can be read") {
            Scanned::Chunk(chunk) => {
                assert!(
                    chunk.bytes.start >= behind && chunk.bytes.end > chunk.bytes.start,
                    "chunk {:?} lies in front of {behind}",
                    chunk.bytes
                );
                behind = chunk.bytes.end;
            }
            Scanned::Fault(fault) => assert_message(&fault.error.to_string()),
            other => panic!("unknown: {other:?}"),
        }
    }
}

fn note(error: &Error, findings: &mut Findings) {
    assert_message(&error.to_string());
    findings.codes.insert(Seen::from(error).cause);
}

/// Messages are one line without control characters.
pub(crate) fn assert_message(message: &str) {
    assert!(
        !message.is_empty() && !message.contains(char::is_control),
        "{message:?}"
    );
}
