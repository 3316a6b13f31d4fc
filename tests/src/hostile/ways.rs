//! Reading by every method and with several options: all must say the same.

use std::path::Path;
use std::sync::Mutex;

use windrow::{IndexStorage, Reader, ReaderOptions, RecordCursor};

use super::seen::Seen;

/// A record, or why it cannot be read.
pub type Outcome = Result<Vec<u8>, Seen>;

/// The options that reading must not depend on, with names for messages.
#[must_use]
pub fn option_sets() -> Vec<(&'static str, ReaderOptions)> {
    let new = ReaderOptions::new;
    vec![
        ("defaults", new()),
        ("no parallelism", new().with_max_parallelism(Some(0))),
        ("no readahead", new().with_readahead_buffer_bytes(Some(0))),
        ("no cache", new().with_chunk_cache_bytes(0)),
        ("no prefetch", new().with_footer_prefetch_bytes(Some(0))),
        (
            "offloaded",
            new().with_index_storage(IndexStorage::Offloaded),
        ),
    ]
}

/// Asserts that a file is refused at open with `expected`, from memory and from a path, whatever the options.
///
/// # Panics
/// If it is not.
pub fn assert_refused(what: &str, bytes: &[u8], expected: &Seen) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("refused");
    std::fs::write(&path, bytes).expect("writing a file");
    for (name, options) in option_sets() {
        for (face, opened) in [
            ("memory", Reader::from_bytes(bytes, options.clone())),
            ("path", Reader::open_with(&path, options)),
        ] {
            let Err(error) = opened else {
                panic!("{what}: opened from {face} ({name}), expected {expected:?}");
            };
            assert_eq!(
                &Seen::from(&error),
                expected,
                "{what}: {face} ({name}): {error}"
            );
        }
    }
}

/// Asserts that a file opens, from memory and from a path, and that every method gives `expected` for its records.
///
/// # Panics
/// If one does not.
pub fn assert_reads(what: &str, bytes: &[u8], expected: &[Outcome]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("read");
    std::fs::write(&path, bytes).expect("writing a file");
    for (name, options) in option_sets() {
        for (face, opened) in [
            ("memory", Reader::from_bytes(bytes, options.clone())),
            ("path", Reader::open_with(&path, options)),
        ] {
            let what = format!("{what}: {face} ({name})");
            let reader = opened.unwrap_or_else(|error| panic!("{what}: {:?}", Seen::from(&error)));
            assert_methods(&what, &reader, expected);
        }
    }
}

/// Opens the file at `path` with each set of options.
///
/// # Panics
/// If it cannot be opened.
#[must_use]
pub fn open_each(path: &Path) -> Vec<(&'static str, Reader)> {
    let open = |(name, options)| {
        let reader = Reader::open_with(path, options);
        (name, reader.expect("a sound file"))
    };
    option_sets().into_iter().map(open).collect()
}

/// Asserts that every method gives `expected` for the records of `reader`: each record by itself, batches as a whole
/// with the first error in the order of the file, and cursors up to the error and, after a seek, behind it.
///
/// # Panics
/// If one does not.
pub fn assert_methods(what: &str, reader: &Reader, expected: &[Outcome]) {
    assert_eq!(reader.len(), expected.len() as u64, "{what}: len");
    let indices: Vec<u64> = (0..reader.len()).collect();
    for &index in &indices {
        let outcome = &expected[to_usize(index)];
        assert_eq!(&read(reader, index), outcome, "{what}: read({index})");
        let mut buffer = b"left over".to_vec();
        let into = reader
            .read_into(index, &mut buffer)
            .map(|()| buffer.clone());
        assert_eq!(
            &into.map_err(|error| Seen::from(&error)),
            outcome,
            "{what}: read_into({index})"
        );
        if outcome.is_err() {
            assert!(buffer.is_empty(), "{what}: read_into({index}) left bytes");
        }
    }
    assert_batches(what, reader, &indices, expected);
    let good: Vec<u64> = (indices.iter().copied())
        .filter(|&index| expected[to_usize(index)].is_ok())
        .collect();
    assert_batches(what, reader, &good, expected);
    assert_cursor(what, reader.records(), expected);
    assert_iterator(what, reader, expected);
}

fn read(reader: &Reader, index: u64) -> Outcome {
    reader.read(index).map_err(|error| Seen::from(&error))
}

/// Asserts what the batch methods give for `indices`, which ascend.
fn assert_batches(what: &str, reader: &Reader, indices: &[u64], expected: &[Outcome]) {
    let outcomes = indices.iter().map(|&index| &expected[to_usize(index)]);
    let wanted: Result<Vec<&[u8]>, &Seen> = outcomes
        .map(|outcome| outcome.as_ref().map(Vec::as_slice))
        .collect();
    let reversed: Vec<u64> = indices.iter().rev().copied().collect();
    let lent = Mutex::new(vec![None; indices.len()]);
    let lend = |position: usize, record: &[u8]| {
        lent.lock().expect("no panic while held")[position] = Some(record.to_vec());
    };
    let lent_result = reader.read_many_with(indices, lend);
    let lent = lent.into_inner().expect("no panic while held");
    let mut results = vec![
        ("read_many", reader.read_many(indices).map(|b| b.to_vecs())),
        (
            "read_many, reversed",
            reader.read_many(&reversed).map(|batch| {
                let mut records = batch.to_vecs();
                records.reverse();
                records
            }),
        ),
        (
            "read_many_with",
            lent_result.map(|()| lent.into_iter().map(Option::unwrap_or_default).collect()),
        ),
    ];
    if indices.len() == expected.len() {
        let all = 0..reader.len();
        results.push(("read_range", reader.read_range(all).map(|b| b.to_vecs())));
        results.push(("read_all", reader.read_all().map(|b| b.to_vecs())));
    }
    for (method, result) in results {
        match (&wanted, result) {
            (Ok(wanted), Ok(records)) => {
                assert!(
                    records.iter().map(Vec::as_slice).eq(wanted.iter().copied()),
                    "{what}: {method} gives other records"
                );
            }
            (Err(wanted), Err(error)) => {
                assert_eq!(&&Seen::from(&error), wanted, "{what}: {method}: {error}");
            }
            (Ok(_), Err(error)) => panic!("{what}: {method} fails: {:?}", Seen::from(&error)),
            (Err(wanted), Ok(_)) => panic!("{what}: {method} succeeds, expected {wanted:?}"),
        }
    }
}

/// Reads to the end, seeking behind the records that each error names.
fn assert_cursor(what: &str, mut cursor: RecordCursor, expected: &[Outcome]) {
    while let Some(outcome) = expected.get(to_usize(cursor.tell())) {
        let position = cursor.tell();
        let next = cursor
            .next_record()
            .map(|record| record.map(<[u8]>::to_vec));
        match next {
            Ok(record) => {
                let record = record.ok_or("the end");
                assert_eq!(
                    record.as_ref().ok(),
                    outcome.as_ref().ok(),
                    "{what}: cursor at {position}"
                );
            }
            Err(error) => {
                let seen = Seen::from(&error);
                assert_eq!(
                    Some(&seen),
                    outcome.as_ref().err(),
                    "{what}: cursor at {position}: {error}"
                );
                assert_eq!(cursor.tell(), position, "{what}: an error moves on");
                let again = cursor
                    .next_record()
                    .map(|record| record.map(<[u8]>::to_vec));
                assert_eq!(
                    again.map_err(|error| Seen::from(&error)),
                    Err(seen.clone()),
                    "{what}: the error at {position} comes once only"
                );
                cursor.seek(seen.records.map_or(position + 1, |records| records.end));
            }
        }
    }
    assert!(
        matches!(cursor.next_record(), Ok(None)),
        "{what}: no end behind the last record"
    );
}

/// As an iterator: the records up to the first error, the error, nothing.
fn assert_iterator(what: &str, reader: &Reader, expected: &[Outcome]) {
    let mut records = reader.records();
    for (position, outcome) in expected.iter().enumerate() {
        let next = records.next().expect("as many as expected");
        let next = next
            .map(|record| record.to_vec())
            .map_err(|error| Seen::from(&error));
        assert_eq!(&next, outcome, "{what}: iterator at {position}");
        if next.is_err() {
            break;
        }
    }
    assert!(records.next().is_none(), "{what}: the iterator goes on");
}

fn to_usize(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
