//! Reading a file by every method of [`Reader`], and comparing what comes back.

use std::path::Path;
use std::sync::Mutex;

use windrow::{IndexStorage, Reader, ReaderOptions, RecordCursor};

use crate::record_spec::Choices;

/// Single records are read one by one up to this number; of larger files that many, spread over all.
const SINGLE_READS: u64 = 64;

/// Reads the file at `path` with each set of options, from the disk and from memory, and returns how many values were
/// compared with what they should be.
///
/// # Errors
/// The first difference, or the first error, in words.
pub fn check_file(path: &Path, expected: &[Vec<u8>]) -> Result<u64, String> {
    let mut checks = 0;
    for (name, options) in option_sets() {
        let context = |error: String| format!("{name}: {error}");
        let reader = Reader::open_with(path, options);
        let reader = reader.map_err(|error| context(full_text(&error)))?;
        checks += check_reader(&reader, expected).map_err(context)?;
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let reader = Reader::from_bytes(bytes, ReaderOptions::new()).map_err(|e| full_text(&e))?;
    checks += check_reader(&reader, expected).map_err(|error| format!("from_bytes: {error}"))?;
    Ok(checks)
}

/// The sets of options that [`check_file`] uses, by name.
#[must_use]
pub fn option_sets() -> Vec<(&'static str, ReaderOptions)> {
    let new = ReaderOptions::new;
    vec![
        ("default", new()),
        ("no readahead", new().with_readahead_buffer_bytes(Some(0))),
        (
            "offloaded index",
            new().with_index_storage(IndexStorage::Offloaded),
        ),
        ("no threads", new().with_max_parallelism(Some(0))),
        ("no cache", new().with_chunk_cache_bytes(0)),
        ("no prefetch", new().with_footer_prefetch_bytes(Some(0))),
    ]
}

/// Reads all records by every method and returns how many values were compared.
///
/// # Errors
/// The first difference, or the first error, in words.
pub fn check_reader(reader: &Reader, expected: &[Vec<u8>]) -> Result<u64, String> {
    let mut checks = Checks(0);
    let count = expected.len() as u64;
    checks.equal("len()", &reader.len(), &count)?;
    checks.equal("is_empty()", &reader.is_empty(), &expected.is_empty())?;
    check_single(&mut checks, reader, expected)?;
    check_batches(&mut checks, reader, expected)?;
    check_lent(&mut checks, reader, expected)?;
    check_cursor(&mut checks, reader, expected)?;
    let behind = reader.read(count).map_err(|error| error.code());
    checks.equal("read() behind the end", &behind, &Err("out_of_range"))?;
    Ok(checks.0)
}

struct Checks(u64);

impl Checks {
    fn equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        got: &T,
        expected: &T,
    ) -> Result<(), String> {
        self.0 += 1;
        if got == expected {
            Ok(())
        } else {
            Err(format!("{what}: expected {expected:?}, got {got:?}"))
        }
    }

    /// Compares a record without printing its bytes.
    fn record(
        &mut self,
        what: &str,
        index: usize,
        got: Option<&[u8]>,
        expected: Option<&Vec<u8>>,
    ) -> Result<(), String> {
        self.0 += 1;
        let expected = expected.map(Vec::as_slice);
        if got == expected {
            return Ok(());
        }
        let (Some(got), Some(expected)) = (got, expected) else {
            let (got, expected) = (got.map(<[u8]>::len), expected.map(<[u8]>::len));
            return Err(format!(
                "{what}: record {index}: expected {expected:?} bytes, got {got:?}"
            ));
        };
        let parts = got.iter().zip(expected).position(|(a, b)| a != b);
        Err(format!(
            "{what}: record {index}: expected {} bytes, got {}, first difference at {parts:?}",
            expected.len(),
            got.len()
        ))
    }
}

fn check_single(checks: &mut Checks, reader: &Reader, expected: &[Vec<u8>]) -> Result<(), String> {
    let count = expected.len() as u64;
    let singles = count.min(SINGLE_READS);
    let mut buffer = b"left from before".to_vec();
    for k in 0..singles {
        let index = k * (count - 1) / (singles - 1).max(1);
        let place = to_usize(index);
        let want = expected.get(place);
        let got = reader.read(index).map_err(|error| full_text(&error))?;
        checks.record("read()", place, Some(&got), want)?;
        let read = reader.read_into(index, &mut buffer);
        read.map_err(|error| full_text(&error))?;
        checks.record("read_into()", place, Some(&buffer), want)?;
        let equal = reader.read_with(index, |record| Some(record) == want.map(Vec::as_slice));
        checks.equal("read_with()", &equal.map_err(|e| full_text(&e))?, &true)?;
    }
    Ok(())
}

fn check_batches(checks: &mut Checks, reader: &Reader, expected: &[Vec<u8>]) -> Result<(), String> {
    let count = expected.len() as u64;
    let all = reader.read_all().map_err(|error| full_text(&error))?;
    checks.equal("read_all(): len", &all.len(), &expected.len())?;
    for (place, want) in expected.iter().enumerate() {
        checks.record("read_all()", place, all.get(place), Some(want))?;
    }
    for range in ranges(count) {
        let got = reader
            .read_range(range.clone())
            .map_err(|e| full_text(&e))?;
        let want = &expected[to_usize(range.start)..to_usize(range.end)];
        checks.equal("read_range(): len", &got.len(), &want.len())?;
        for (place, (got, want)) in got.iter().zip(want).enumerate() {
            checks.record("read_range()", place, Some(got), Some(want))?;
        }
    }
    for (what, indices) in index_lists(count) {
        let got = reader.read_many(&indices).map_err(|e| full_text(&e))?;
        checks.equal(what, &got.len(), &indices.len())?;
        for (place, index) in indices.iter().enumerate() {
            let want = expected.get(to_usize(*index));
            checks.record(what, to_usize(*index), got.get(place), want)?;
        }
    }
    Ok(())
}

fn check_lent(checks: &mut Checks, reader: &Reader, expected: &[Vec<u8>]) -> Result<(), String> {
    let count = expected.len() as u64;
    for (what, indices) in index_lists(count) {
        let lent = Lent::new(indices.len());
        let want = |place: usize| expected.get(to_usize(indices[place]));
        let result = reader.read_many_with(&indices, |place, record| {
            lent.note(place, want(place).map(Vec::as_slice) == Some(record));
        });
        result.map_err(|error| full_text(&error))?;
        checks.equal(
            &format!("read_many_with(), {what}"),
            &lent.all_right(),
            &true,
        )?;
    }
    for range in ranges(count) {
        let begin = to_usize(range.start);
        let lent = Lent::new(to_usize(range.end) - begin);
        let result = reader.read_range_with(range, |place, record| {
            let want = expected.get(begin + place).map(Vec::as_slice);
            lent.note(place, want == Some(record));
        });
        result.map_err(|error| full_text(&error))?;
        checks.equal("read_range_with()", &lent.all_right(), &true)?;
    }
    Ok(())
}

/// Which positions were lent, how often, and whether with the right bytes.
struct Lent(Mutex<Vec<(u32, bool)>>);

impl Lent {
    fn new(len: usize) -> Self {
        Self(Mutex::new(vec![(0, true); len]))
    }

    fn note(&self, place: usize, right: bool) {
        if let Ok(mut notes) = self.0.lock() {
            notes[place].0 += 1;
            notes[place].1 &= right;
        }
    }

    fn all_right(self) -> bool {
        self.0
            .into_inner()
            .is_ok_and(|notes| notes.iter().all(|note| *note == (1, true)))
    }
}

fn check_cursor(checks: &mut Checks, reader: &Reader, expected: &[Vec<u8>]) -> Result<(), String> {
    let count = expected.len() as u64;
    let mut iterated = 0;
    for record in reader.records() {
        let record = record.map_err(|error| full_text(&error))?;
        let want = expected.get(iterated);
        checks.record("records()", iterated, Some(&record), want)?;
        iterated += 1;
    }
    checks.equal("records(): count", &iterated, &expected.len())?;

    let mut cursor = reader.records();
    let mut buffer = Vec::new();
    for place in 0..=expected.len() {
        checks.equal("tell()", &cursor.tell(), &(place as u64))?;
        let more = cursor.read_into(&mut buffer);
        let more = more.map_err(|error| full_text(&error))?;
        let got = more.then_some(buffer.as_slice());
        checks.record("cursor.read_into()", place, got, expected.get(place))?;
    }

    // The same cursor, used up, goes to places all over the file: forward, backward, to the end.
    let mut targets: Vec<u64> = vec![0, count / 2, count / 2 + 1, count.saturating_sub(1), count];
    let mut choices = Choices::new(count);
    targets.extend((0..12).map(|_| choices.below(count + 1)));
    for target in targets {
        cursor.seek(target);
        for place in to_usize(target)..(to_usize(target) + 3).min(expected.len() + 1) {
            let got = next_record(&mut cursor)?;
            checks.record("cursor after seek", place, got, expected.get(place))?;
        }
    }
    for range in ranges(count) {
        let mut cursor = reader.records_in(range.clone());
        for place in to_usize(range.start)..to_usize(range.end) {
            let got = next_record(&mut cursor)?;
            checks.record("records_in()", place, got, expected.get(place))?;
        }
        checks.record(
            "records_in()",
            to_usize(range.end),
            next_record(&mut cursor)?,
            None,
        )?;
    }
    Ok(())
}

fn next_record(cursor: &mut RecordCursor) -> Result<Option<&[u8]>, String> {
    cursor.next_record().map_err(|error| full_text(&error))
}

/// A few ranges: all, none, both ends, the middle.
fn ranges(count: u64) -> Vec<std::ops::Range<u64>> {
    let mut ranges = vec![
        0..count,
        0..count.min(1),
        count.saturating_sub(1)..count,
        count / 3..count - count / 3,
        count..count,
    ];
    ranges.dedup();
    ranges
}

/// All records in other orders, and some of them more than once.
fn index_lists(count: u64) -> Vec<(&'static str, Vec<u64>)> {
    let mut choices = Choices::new(count);
    let mut shuffled: Vec<u64> = (0..count).collect();
    choices.shuffle(&mut shuffled);
    let mut lists = vec![
        ("all, reversed", (0..count).rev().collect()),
        ("all, shuffled", shuffled),
        ("none", Vec::new()),
    ];
    if count > 0 {
        let some = count.min(40);
        lists.push((
            "some, repeated",
            (0..some * 2).map(|_| choices.below(count)).collect(),
        ));
        lists.push(("every third", (0..count).step_by(3).collect()));
    }
    lists
}

/// An error with all its causes, on one line.
#[must_use]
pub fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
