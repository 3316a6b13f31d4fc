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
            some(&what, &open, &options, &single);
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

/// Reads some of the records, so that those of a chunk are read one by one.
fn some(
    what: &str,
    open: &impl Fn(ReaderOptions) -> Reader,
    options: &ReaderOptions,
    single: &[Outcome],
) {
    let len = single.len() as u64;
    for (begin, step) in [(0, 2), (1, 2), (0, 3), (1, 1)] {
        let indices: Vec<u64> = (begin..len).step_by(step).collect();
        let whole_chunk = step == 1 && indices.len() as u64 == len;
        if indices.is_empty() || whole_chunk {
            continue;
        }
        let wanted = indices
            .iter()
            .map(|index| &single[usize::try_from(*index).expect("few")]);
        let first_error = wanted.clone().find_map(|outcome| outcome.as_ref().err());
        let what = format!("{what}: every {step} from {begin}");
        match (open(options.clone()).read_many(&indices), first_error) {
            (Ok(batch), None) => {
                assert!(
                    (batch.to_vecs().iter()).eq(wanted.clone().flatten()),
                    "{what}: other records"
                );
            }
            (Err(error), Some(seen)) => {
                // What is wrong with the table comes first. A chunk of which all records are wanted is read whole, and
                // says what is wrong with that.
                let is_one = wanted
                    .clone()
                    .any(|one| one.as_ref() == Err(&Seen::from(&error)));
                assert!(
                    Seen::from(&error) == *seen
                        || is_one && error.code() == "page_table"
                        || is_of_all(&error, seen),
                    "{what}: {error:?}, {seen:?}"
                );
            }
            (batch, error) => panic!("{what}: {batch:?}, single reads say {error:?}"),
        }
        let skipping = open(options.clone().with_on_corrupt(OnCorrupt::Skip));
        let batch = skipping
            .read_many(&indices)
            .unwrap_or_else(|error| panic!("{what}: skipping: {error}"));
        let skipped = skipping.skipped();
        for (position, outcome) in wanted.enumerate() {
            let index = indices[position];
            let is_listed = skipped.iter().any(|fault| {
                let records = fault.records.as_ref();
                records.is_some_and(|records| records.contains(&index))
            });
            let right = match (batch.get(position), outcome) {
                (Some(record), Ok(single)) => record == single && !is_listed,
                // A chunk whose table is bad is skipped as a whole.
                (None, Err(_) | Ok(_)) => is_listed,
                (Some(_), Err(_)) => false,
            };
            assert!(right, "{what}: skipping: {index}, listed {is_listed}");
            if let Ok(single) = outcome
                && batch.get(position).is_none()
            {
                let of_table = is_skipped_with_others(&skipped, index);
                assert!(
                    of_table,
                    "{what}: {index} of {} bytes is lost",
                    single.len()
                );
            }
        }
        if batch.missing() > 0 {
            assert!(!skipping.skipped().is_empty(), "{what}: nothing is listed");
        }
    }
}

/// Whether the record is skipped with others.
fn is_skipped_with_others(skipped: &[windrow::Fault], index: u64) -> bool {
    skipped.iter().any(|fault| {
        let records = fault.records.clone().unwrap_or_default();
        records.contains(&index) && records.end - records.start > 1
    })
}

fn is_of_all(error: &windrow::Error, seen: &Seen) -> bool {
    let (Some(all), Some(one)) = (error.records(), seen.records.clone()) else {
        return false;
    };
    all.start <= one.start && one.end <= all.end && all.end - all.start == 1
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
