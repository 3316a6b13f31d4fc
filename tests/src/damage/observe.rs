//! What readers make of a damaged file, in the words of the tables.

use std::fmt::Write;
use std::ops::Range;

use windrow::{
    Fault, OnCorrupt, Reader, ReaderOptions, RecoverOptions, SourceName, VerifyOptions,
    recover_store, verify_store,
};

use crate::hostile::Seen;

/// What came of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    Right,
    /// Bytes that are those of another record, or of none.
    Other,
    Error(Seen),
    /// An error that is about this record alone; it names no records here, so that it is the same for its neighbours.
    OwnError(Seen),
}

/// `ok`, or the error of opening.
#[must_use]
pub fn seen_at_open(bytes: &[u8]) -> String {
    match Reader::from_bytes(bytes, ReaderOptions::new()) {
        Ok(_) => "ok".to_owned(),
        Err(error) => words(&Seen::from(&error)),
    }
}

/// `same`; or the records that are not as they were written, and why; `-` if the file does not open.
///
/// What reading all says, where that is not the first of the errors.
///
/// # Panics
/// If single reads and batches of one record say different things.
#[must_use]
pub fn seen_by_reader(bytes: &[u8], written: &[Vec<u8>]) -> String {
    let Ok(reader) = Reader::from_bytes(bytes, ReaderOptions::new()) else {
        return "-".to_owned();
    };
    let mut came = Vec::new();
    for index in 0..reader.len() {
        came.push(match reader.read(index) {
            Ok(record) if is_right(written, index, &record) => Came::Right,
            Ok(_) => Came::Other,
            Err(error) => {
                let mut seen = Seen::from(&error);
                if seen.records == Some(index..index + 1) {
                    seen.records = None;
                    Came::OwnError(seen)
                } else {
                    Came::Error(seen)
                }
            }
        });
    }
    let error_of = |index: u64, came: &Came| match came {
        Came::Error(seen) => Some(seen.clone()),
        Came::OwnError(seen) => Some(Seen {
            records: Some(index..index + 1),
            ..seen.clone()
        }),
        Came::Right | Came::Other => None,
    };
    let first_error = (0..)
        .zip(&came)
        .find_map(|(index, came)| error_of(index, came));
    let batch = reader.read_all().err();
    let mut parts = runs(&came, false);
    match batch.as_ref().map(Seen::from) {
        batch if batch == first_error => {}
        Some(seen) => parts.push(format!("all {}", words(&seen))),
        None => parts.push("all same".to_owned()),
    }
    for (index, came) in (0..).zip(&came) {
        let one = reader.read_many(&[index, index]);
        let one = one.map(|batch| is_right(written, index, &batch[1]));
        let expected = error_of(index, came).map_or(Ok(*came == Came::Right), Err);
        assert_eq!(one.map_err(|error| Seen::from(&error)), expected);
    }
    if came.len() != written.len() {
        parts.insert(0, format!("{} records", came.len()));
    }
    join(&parts, "same")
}

/// `sound`, or the faults.
///
/// # Panics
/// If the bytes cannot be read from memory.
#[must_use]
pub fn seen_by_verify(bytes: &[u8]) -> String {
    let options = VerifyOptions::new().with_deep(true);
    let report = verify_store(bytes.to_vec(), SourceName::MEMORY, &options).expect("no IO");
    join(&faults(&report.faults), "sound")
}

/// What reading with [`OnCorrupt::Skip`] gives, and what it lists as skipped; `-` if the file does not open.
///
/// # Panics
/// If reading fails after all, or a cursor and a batch say different things.
#[must_use]
pub fn seen_with_skip(bytes: &[u8], written: &[Vec<u8>]) -> String {
    let options = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
    let Ok(reader) = Reader::from_bytes(bytes, options) else {
        return "-".to_owned();
    };
    let cursor: windrow::Result<Vec<Vec<u8>>> = (reader.records())
        .map(|record| Ok(record?.to_vec()))
        .collect();
    let records = cursor.expect("damage is skipped");
    assert_eq!(
        reader.read_all().expect("damage is skipped").to_vecs(),
        records
    );
    let mut parts = lost_records(&records, written);
    parts.extend((faults(&reader.skipped()).iter()).map(|fault| format!("skipped {fault}")));
    join(&parts, "same")
}

/// What [`recover_store`](windrow::recover_store) gives, and what it lists as skipped.
///
/// # Panics
/// If it gives another number of records than it says.
#[must_use]
pub fn seen_by_recover(bytes: &[u8], written: &[Vec<u8>]) -> String {
    let recovered = recover_store(bytes.to_vec(), SourceName::MEMORY, &RecoverOptions::new());
    let (reader, report) = match recovered {
        Ok(recovered) => (recovered.reader, recovered.report),
        Err(error) => return words(&Seen::from(&error)),
    };
    assert_eq!(report.records, reader.len());
    let mut parts = match reader.read_all() {
        Ok(records) => {
            assert_eq!(reader.len(), records.len() as u64);
            lost_records(&records.to_vecs(), written)
        }
        Err(error) => vec![format!(
            "{} records, all {}",
            reader.len(),
            words(&Seen::from(&error))
        )],
    };
    if let Some(error) = &report.index {
        parts.push(format!("index {}", error.code()));
    }
    parts.extend((faults(&report.skipped).iter()).map(|fault| format!("skipped {fault}")));
    join(&parts, "same")
}

fn lost_records(came: &[Vec<u8>], written: &[Vec<u8>]) -> Vec<String> {
    lost("records", came.len(), written.len(), |next, index| {
        came[next] == written[index]
    })
}

/// Which of so many written `things` are not among those that came, in order, where `is` tells whether one that came is one that
/// was written; and whether others are.
pub(super) fn lost(
    things: &str,
    came: usize,
    written: usize,
    is: impl Fn(usize, usize) -> bool,
) -> Vec<String> {
    let (mut ranges, mut next): (Vec<Range<usize>>, _) = (Vec::new(), 0);
    for index in 0..written {
        if next < came && is(next, index) {
            next += 1;
        } else if let Some(last) = ranges.last_mut().filter(|last| last.end == index) {
            last.end += 1;
        } else {
            ranges.push(index..index + 1);
        }
    }
    let lost = |range: &Range<usize>| format!("lost {}..{}", range.start, range.end);
    let mut parts: Vec<String> = ranges.iter().map(lost).collect();
    if next < came {
        parts = vec![format!("{came} {things}, others from {next} on")];
    }
    parts
}

/// Each fault in words.
pub(super) fn faults(faults: &[Fault]) -> Vec<String> {
    let fault = |fault: &Fault| {
        let mut text = range_of(&fault.bytes);
        let error = &fault.error;
        let _ = write!(text, " {}", error.code());
        if let Some(at) = error.at()
            && at.byte != fault.bytes.start
        {
            let _ = write!(text, " @{}", at.byte);
        }
        if let Some(chunk) = fault.chunk {
            let _ = write!(text, " chunk {chunk}");
        }
        if let Some(records) = &fault.records {
            let _ = write!(text, " records {}", range_of(records));
        }
        text
    };
    faults.iter().map(fault).collect()
}

fn is_right(written: &[Vec<u8>], index: u64, record: &[u8]) -> bool {
    let index = usize::try_from(index).expect("a record in memory");
    written.get(index).map(Vec::as_slice) == Some(record)
}

/// What is not right, ranges of records or rows together that came to the same.
pub(super) fn runs(came: &[Came], is_table: bool) -> Vec<String> {
    let mut parts = Vec::new();
    let mut begin = 0;
    for run in came.chunk_by(|a, b| a == b) {
        let rows = begin..begin + run.len() as u64;
        begin = rows.end;
        let range = range_of(&rows);
        match &run[0] {
            Came::Right => {}
            Came::Other => parts.push(format!("{range} others")),
            Came::Error(seen) => {
                let told = seen.records.clone().unwrap_or_default();
                // Rows in other pages of the row group may come.
                let covers = told.start <= rows.start && rows.end <= told.end;
                let names = told == rows || is_table && covers;
                assert!(names, "the error names its records: {told:?}, {range}");
                parts.push(format!("{range} {}", words(seen)));
            }
            Came::OwnError(seen) if run.len() == 1 => {
                parts.push(format!("{range} {}", words(seen)));
            }
            Came::OwnError(seen) => parts.push(format!("{range} each {}", words(seen))),
        }
    }
    parts
}

/// `code < cause @byte chunk n`.
pub(super) fn words(seen: &Seen) -> String {
    let mut text = seen.code.to_owned();
    if seen.cause != seen.code {
        let _ = write!(text, " < {}", seen.cause);
    }
    if let Some(byte) = seen.byte {
        let _ = write!(text, " @{byte}");
    }
    if let Some(chunk) = seen.chunk {
        let _ = write!(text, " chunk {chunk}");
    }
    text
}

fn range_of(range: &Range<u64>) -> String {
    format!("{}..{}", range.start, range.end)
}

pub(super) fn join(parts: &[String], none: &str) -> String {
    if parts.is_empty() {
        none.to_owned()
    } else {
        parts.join("; ")
    }
}
