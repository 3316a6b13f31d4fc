//! Recovering a file: what comes of it does not depend on how the bytes are reached, and each record can be read or is
//! listed.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use windrow::{
    ChunkLocation, OnCorrupt, Reader, ReaderOptions, RecoverOptions, Recovered, RecoveryReport,
    SourceName, Store, recover_store,
};
use windrow_tests::hostile::{Outcome, Seen};

use crate::examine::{Findings, assert_message, read};
use crate::memory::{bound, within};

/// What recovery found.
#[derive(Debug)]
pub struct Recovery {
    /// What it says.
    pub report: RecoveryReport,
    /// The chunks that hold the records.
    pub chunks: Vec<ChunkLocation>,
    /// Every record, if there are few enough.
    pub records: Option<Vec<Outcome>>,
    /// Whether there are page chunks.
    pub has_pages: bool,
}

/// Recovers the file, twice.
///
/// # Errors
/// Those of [`recover_store`].
///
/// # Panics
/// If the report or the records depend on where the bytes are, if the report contradicts itself or the reader, if a
/// record can neither be read nor is listed when it is skipped, or if a call takes more memory than it may.
pub fn recover(file: &[u8], options: &ReaderOptions) -> windrow::Result<Recovery> {
    let most = bound(options, file.len());
    let recovered = recover_once(file.to_vec(), file.len(), options, most);
    let other = recover_once(Elsewhere(file.to_vec()), file.len(), options, most);
    let (Recovered { reader, report, .. }, other) = match (recovered, other) {
        (Ok(recovered), Ok(other)) => (recovered, other),
        (Err(error), Err(other)) => {
            assert_message(&error.to_string());
            assert_eq!(Seen::from(&error), Seen::from(&other), "errors differ");
            return Err(error);
        }
        (one, other) => panic!("it depends on the store: {one:?}, {other:?}"),
    };
    assert_eq!(report, other.report, "reports differ");
    let chunks = chunks(&reader);
    assert_eq!(chunks, self::chunks(&other.reader), "chunks differ");
    assert_report(&report, &reader, file.len() as u64);
    let mut findings = Findings::default();
    let _ = read(&reader, most, &mut findings);
    let records = findings.records;
    if let Some(records) = &records {
        let mut others = Findings::default();
        let _ = read(&other.reader, most, &mut others);
        assert_eq!(Some(records), others.records.as_ref(), "records differ");
        assert_skips(file, options, &chunks, records);
    }
    Ok(Recovery {
        report,
        chunks,
        records,
        has_pages: reader.footer().metadata.has_pages,
    })
}

fn recover_once(
    store: impl Store + 'static,
    file_bytes: usize,
    options: &ReaderOptions,
    most: u64,
) -> windrow::Result<Recovered> {
    let position = Rc::new(Cell::new(0));
    let seen = Rc::clone(&position);
    let options = RecoverOptions::new()
        .with_reader_options(options.clone())
        .with_progress(move |bytes| {
            assert!(bytes >= seen.get(), "progress goes back");
            seen.set(bytes);
        });
    let recovered = within("recover", most, || {
        recover_store(store, SourceName::MEMORY, &options)
    });
    if recovered.is_ok() {
        assert_eq!(position.get(), file_bytes as u64, "progress has no end");
    }
    recovered
}

fn chunks(reader: &Reader) -> Vec<ChunkLocation> {
    (0..reader.num_chunks())
        .map(|number| reader.chunk_location(number).expect("an index in memory"))
        .collect()
}

fn assert_report(report: &RecoveryReport, reader: &Reader, file_bytes: u64) {
    assert_eq!(report.file_bytes, file_bytes);
    assert_eq!(report.records, reader.len());
    assert_eq!(report.chunks, reader.num_chunks());
    assert!(report.provisional_records <= report.records, "{report:?}");
    let mut begin = 0;
    for fault in &report.skipped {
        let bytes = &fault.bytes;
        assert!(begin <= bytes.start, "not in order: {:?}", report.skipped);
        assert!(
            bytes.start <= bytes.end && bytes.end <= file_bytes,
            "{fault:?}"
        );
        assert_message(&fault.error.to_string());
        begin = bytes.start;
    }
    assert_eq!(
        reader.skipped().is_empty(),
        report.skipped.is_empty(),
        "the reader lists what the report lists"
    );
}

/// Asserts that a reader that skips gives the records that can be read, and lists the chunks of all others.
fn assert_skips(
    file: &[u8],
    options: &ReaderOptions,
    chunks: &[ChunkLocation],
    records: &[Outcome],
) {
    let options = options.clone().with_on_corrupt(OnCorrupt::Skip);
    let most = bound(&options, file.len());
    let recovered = recover_once(file.to_vec(), file.len(), &options, most);
    let reader = recovered.expect("it was recovered before").reader;
    assert_eq!(reader.len(), records.len() as u64);
    let read: Vec<Vec<u8>> = (reader.records())
        .map(|record| record.expect("damage is skipped").to_vec())
        .collect();
    let good: Vec<Vec<u8>> = records.iter().flatten().cloned().collect();
    if reader.footer().metadata.has_pages && good.len() < records.len() {
        // What is read whole is guarded by the hash of its chunk alone.
        return;
    }
    assert!(read == good, "{} records, not {}", read.len(), good.len());
    let listed = reader.skipped();
    for chunk in chunks {
        let end = chunk.first_record + chunk.records;
        let lost = (chunk.first_record..end)
            .any(|record| records[usize::try_from(record).expect("few records")].is_err());
        let is_listed = listed.iter().any(|fault| fault.bytes.start == chunk.begin);
        assert!(!lost || is_listed, "{chunk:?} is not in {listed:?}");
    }
}

/// Bytes that are not in memory, as far as a reader can tell.
#[derive(Debug)]
struct Elsewhere(Vec<u8>);

impl Store for Elsewhere {
    fn len(&self) -> io::Result<u64> {
        Store::len(&self.0)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}
