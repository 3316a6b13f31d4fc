//! Reading files of record pages in every way: a batch of some records says what single reads say, whatever the bytes.

use windrow::{
    AppendOptions, IndexStorage, OnCorrupt, Reader, ReaderOptions, RecoverOptions, SourceName,
    Store, TailReader, VerifyOptions, Writer, recover_store, verify_store,
};

use super::seen::Seen;
use super::ways::Outcome;

/// Behind so many records a tail is not followed: a few bytes may claim many.
const MOST_RECORDS: usize = 100_000;

/// Bytes that are not in memory, as far as a reader can tell.
#[derive(Debug, Clone)]
struct Elsewhere(Vec<u8>);

impl Store for Elsewhere {
    fn len(&self) -> std::io::Result<u64> {
        Store::len(&self.0)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// What was found in a file of pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagesSeen {
    /// Each record, read alone.
    pub single: Vec<Outcome>,
    /// The code of reading all, if that fails.
    pub all: Option<&'static str>,
    /// The codes that `verify` gives with decoding.
    pub verify: Vec<&'static str>,
}

impl PagesSeen {
    /// The codes of the records that cannot be read alone; `None` for those that can.
    #[must_use]
    pub fn codes(&self) -> Vec<Option<&'static str>> {
        let code = |outcome: &Outcome| outcome.as_ref().err().map(|seen| seen.code);
        self.single.iter().map(code).collect()
    }
}

/// Reads a file that opens by every method and with several options, recovers it, follows it, verifies it, and goes on
/// with it.
///
/// # Panics
/// If it does not open, or if two ways contradict each other.
#[must_use]
pub fn see_pages(what: &str, bytes: &[u8], limits: &ReaderOptions) -> PagesSeen {
    let mut seen: Option<PagesSeen> = None;
    for (name, options) in [
        ("defaults", limits.clone()),
        (
            "offloaded",
            limits
                .clone()
                .with_index_storage(IndexStorage::Offloaded)
                .with_chunk_cache_bytes(0),
        ),
        ("no threads", limits.clone().with_max_parallelism(Some(0))),
    ] {
        for elsewhere in [false, true] {
            let what = format!("{what}: {name}, elsewhere {elsewhere}");
            let open = |options: ReaderOptions| {
                let opened = if elsewhere {
                    Reader::from_store(Elsewhere(bytes.to_vec()), SourceName::MEMORY, options)
                } else {
                    Reader::from_bytes(bytes, options)
                };
                opened.unwrap_or_else(|error| panic!("{what}: {error}"))
            };
            let single = single(&what, &open(options.clone()));
            let all = all(&what, &open(options.clone()), &single);
            assert_pages(&what, &open(options.clone()), &single);
            let skip = options.clone().with_on_corrupt(OnCorrupt::Skip);
            skipping(&what, &|| open(skip.clone()), &single);
            let verify = codes_of_verify(bytes, &options);
            if single.iter().any(Result::is_err) || all.is_some() {
                assert!(!verify.is_empty(), "{what}: sound for verify");
            }
            let found = PagesSeen {
                single,
                all,
                verify,
            };
            let seen = seen.get_or_insert_with(|| found.clone());
            assert_eq!(seen, &found, "{what}");
        }
    }
    let seen = seen.expect("several options");
    recovered(what, bytes, limits, &seen);
    followed(what, bytes, limits);
    gone_on_with(what, bytes, &seen);
    seen
}

fn single(what: &str, reader: &Reader) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for index in 0..reader.len() {
        let read = reader.read(index).map_err(|error| Seen::from(&error));
        let again = reader.read(index).map_err(|error| Seen::from(&error));
        assert_eq!(read, again, "{what}: record {index}, read twice");
        if let Err(seen) = &read {
            let lost = seen.records.clone().unwrap_or(0..reader.len());
            assert!(lost.contains(&index), "{what}: record {index}: {seen:?}");
        }
        outcomes.push(read);
    }
    outcomes
}

/// Reads all records at once, and one after the other; returns the code of the error.
fn all(what: &str, reader: &Reader, single: &[Outcome]) -> Option<&'static str> {
    let all = reader.read_all().map(|batch| batch.to_vecs());
    let cursor: windrow::Result<Vec<Vec<u8>>> = reader
        .records()
        .map(|record| Ok(record?.to_vec()))
        .collect();
    match (&all, &cursor) {
        (Ok(all), Ok(cursor)) => {
            assert_eq!(all, cursor, "{what}: a batch and a cursor");
            for (index, (all, single)) in all.iter().zip(single).enumerate() {
                match single {
                    Ok(record) => assert!(all == record, "{what}: record {index} is another one"),
                    // Of what is read whole, the hash guards all, and nobody looks at checksums.
                    Err(seen) => assert_eq!(seen.code, "crc", "{what}: record {index}"),
                }
            }
        }
        (Err(all), Err(cursor)) => assert_eq!(Seen::from(all), Seen::from(cursor), "{what}"),
        (all, cursor) => panic!("{what}: a batch and a cursor: {all:?}, {cursor:?}"),
    }
    all.err().map(|error| error.code())
}

/// Asserts that batches and cursors say of a file with page chunks what single reads say, as far as they have to: what is
/// read whole is guarded by the hash of its chunk alone, and fails as a whole.
///
/// # Panics
/// If they do not.
pub fn assert_pages(what: &str, reader: &Reader, single: &[Outcome]) {
    all(what, reader, single);
    for indices in some_of(single.len()) {
        let whole = wanted_whole(reader, &indices);
        let wanted = || indices.iter().map(|index| &single[to_usize(*index)]);
        let first_error = wanted().find_map(|outcome| outcome.as_ref().err());
        match reader.read_many(&indices) {
            Ok(batch) => {
                for ((position, outcome), index) in wanted().enumerate().zip(&indices) {
                    match outcome {
                        Ok(record) => assert!(
                            batch.get(position) == Some(record),
                            "{what}: of some, record {index} is another one"
                        ),
                        Err(seen) => assert!(
                            whole.contains(index) && seen.code == "crc",
                            "{what}: of some, record {index} can be read"
                        ),
                    }
                }
            }
            Err(error) => {
                let seen = Seen::from(&error);
                // What is wrong with a table comes before the records, and there may be too many of these.
                let of_chunk = ["page_table", "implausible_size", "limit"].contains(&seen.code);
                assert!(
                    first_error == Some(&seen) || of_chunk || !whole.is_empty(),
                    "{what}: {error:?}, single reads say {first_error:?}"
                );
            }
        }
    }
}

/// Some of so many records in several ways, so that not all of a chunk is wanted.
fn some_of(len: usize) -> Vec<Vec<u64>> {
    let len = len as u64;
    let ways = [(0, 2), (1, 2), (0, 3), (1, 1)];
    let all = ways.map(|(begin, step)| (begin..len).step_by(step).collect());
    all.into_iter()
        .filter(|indices: &Vec<u64>| !indices.is_empty())
        .collect()
}

/// Those of the records that lie in a chunk of which all are wanted.
fn wanted_whole(reader: &Reader, indices: &[u64]) -> Vec<u64> {
    let mut whole = Vec::new();
    for number in 0..reader.num_chunks() {
        let Ok(chunk) = reader.chunk_location(number) else {
            break;
        };
        let end = chunk.first_record.saturating_add(chunk.records);
        let inside = |index: &&u64| (chunk.first_record..end).contains(*index);
        let wanted = indices.iter().filter(inside);
        if wanted.clone().count() as u64 == chunk.records {
            whole.extend(wanted);
        }
    }
    whole
}

/// Reads some of the records and passes over damage.
fn skipping(what: &str, open: &impl Fn() -> Reader, single: &[Outcome]) {
    for indices in some_of(single.len()) {
        let reader = open();
        let whole = wanted_whole(&reader, &indices);
        let batch = reader
            .read_many(&indices)
            .unwrap_or_else(|error| panic!("{what}: skipping: {error}"));
        let skipped = reader.skipped();
        for (position, index) in indices.iter().enumerate() {
            let faults: Vec<u64> = skipped
                .iter()
                .filter_map(|fault| fault.records.clone())
                .filter(|records| records.contains(index))
                .map(|records| records.end - records.start)
                .collect();
            let right = match (batch.get(position), &single[to_usize(*index)]) {
                (Some(record), Ok(single)) => record == single && faults.is_empty(),
                (Some(_), Err(seen)) => whole.contains(index) && seen.code == "crc",
                (None, Err(_)) => !faults.is_empty(),
                // A chunk whose table is bad, or that is wanted whole, is skipped as a whole.
                (None, Ok(_)) => faults.iter().any(|records| *records > 1),
            };
            assert!(
                right,
                "{what}: skipping: {index} of {indices:?}, {faults:?}"
            );
        }
    }
}

fn to_usize(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn codes_of_verify(bytes: &[u8], options: &ReaderOptions) -> Vec<&'static str> {
    let options = VerifyOptions::new()
        .with_deep(true)
        .with_reader_options(options.clone());
    let report = verify_store(bytes.to_vec(), SourceName::MEMORY, &options).expect("no IO");
    report.faults.iter().map(windrow::Fault::code).collect()
}

/// What recovery gives is among what single reads give.
fn recovered(what: &str, bytes: &[u8], limits: &ReaderOptions, seen: &PagesSeen) {
    for bytes in [bytes, &bytes[..bytes.len() - 65_536]] {
        let options = RecoverOptions::new()
            .with_reader_options(limits.clone().with_on_corrupt(OnCorrupt::Skip));
        let recovered = recover_store(bytes.to_vec(), SourceName::MEMORY, &options);
        let recovered = recovered.unwrap_or_else(|error| panic!("{what}: recover: {error}"));
        let reader = recovered.reader;
        let mut single = seen.single.iter().flatten();
        for record in reader.records() {
            let record = record.unwrap_or_else(|error| panic!("{what}: recover: {error}"));
            // Readers of all look at no checksum.
            assert!(
                seen.all.is_none() || single.any(|single| single == &*record),
                "{what}: an invented record"
            );
        }
    }
}

fn followed(what: &str, bytes: &[u8], limits: &ReaderOptions) {
    for on_corrupt in [OnCorrupt::Raise, OnCorrupt::Skip] {
        let options = limits.clone().with_on_corrupt(on_corrupt);
        let tail = TailReader::from_store(bytes.to_vec(), SourceName::MEMORY, options);
        let mut tail = tail.unwrap_or_else(|error| panic!("{what}: tail: {error}"));
        let mut records = 0;
        while records < MOST_RECORDS {
            match tail.poll() {
                Ok(Some(run)) => records += run.len(),
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    break;
                }
            }
        }
    }
}

/// A writer that is not refused leaves the old records as they were, and the new ones behind them.
fn gone_on_with(what: &str, bytes: &[u8], seen: &PagesSeen) {
    for copy in [false, true] {
        let options = AppendOptions::new().with_copy(copy);
        let mut kept = 0;
        let make = |keep| {
            kept = usize::try_from(keep).expect("a file in memory");
            Ok(Vec::new())
        };
        let resumed = Writer::resume(bytes.to_vec(), SourceName::MEMORY, &options, make);
        let Ok(mut writer) = resumed else { continue };
        let old = writer.records();
        let new = [b"one more".as_slice(), b"", b"and another"];
        writer.write_batch(new).expect("writing to memory");
        let (more, _) = writer.finish().expect("writing to memory");
        let whole = [&bytes[..kept], &more].concat();
        let reader = Reader::from_bytes(whole, ReaderOptions::new());
        let reader = reader.unwrap_or_else(|error| panic!("{what}: append: {error}"));
        assert_eq!(reader.len(), old + 3, "{what}");
        for (index, record) in (old..).zip(new) {
            let read = reader.read(index);
            let read = read.unwrap_or_else(|error| panic!("{what}: append: {error}"));
            assert_eq!(read, record, "{what}: append");
        }
        for (index, outcome) in (0..old).zip(&seen.single) {
            let read = reader.read(index);
            if let Ok(record) = outcome {
                assert_eq!(&read.expect("it was there"), record, "{what}: append");
            }
        }
    }
}
