//! Bytes that fail their checks are read once more, and only those.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow_format::options::{IndexStorage, OnCorrupt, ReaderOptions, WriterOptions};
use windrow_io::{
    Reader, SourceName, Store, VerifyOptions, VerifyReport, Writer, scan_store, verify_store,
};

/// Gives one byte wrongly for the first few times.
#[derive(Clone)]
struct Flaky {
    bytes: Arc<Vec<u8>>,
    byte: u64,
    /// How often `byte` was read, and how often it is wrong.
    reads: Arc<AtomicUsize>,
    wrong: usize,
    /// Whether the second read of it fails altogether.
    fails_then: bool,
    in_memory: bool,
}

impl Flaky {
    fn new(bytes: &Arc<Vec<u8>>, byte: u64, wrong: usize) -> Self {
        Self {
            bytes: Arc::clone(bytes),
            byte,
            reads: Arc::default(),
            wrong,
            fails_then: false,
            in_memory: false,
        }
    }

    fn open(&self, options: &ReaderOptions) -> windrow_io::Result<Reader> {
        Reader::from_store(self.clone(), SourceName::MEMORY, options.clone())
    }

    fn take_reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

impl Store for Flaky {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.bytes.read_exact_at(buffer, offset)?;
        let place = self.byte.checked_sub(offset).map(small);
        if let Some(byte) = place.and_then(|place| buffer.get_mut(place)) {
            let before = self.reads.fetch_add(1, Ordering::Relaxed);
            if before == 1 && self.fails_then {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if before < self.wrong {
                *byte ^= 0x10;
            }
        }
        Ok(())
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        self.in_memory.then_some(&self.bytes)
    }
}

fn small(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn record(n: u64, bytes: usize) -> Vec<u8> {
    n.to_le_bytes().into_iter().cycle().take(bytes).collect()
}

fn file(records: u64, bytes: usize, options: &str) -> Arc<Vec<u8>> {
    let options: WriterOptions = options.parse().unwrap();
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    (0..records).for_each(|n| writer.write(&record(n, bytes)).unwrap());
    Arc::new(writer.finish().unwrap().0)
}

/// Reads the records of `damaged` in some way; what comes is compared with what was written.
type Way = (
    &'static str,
    fn(&Reader, Range<u64>) -> windrow_io::Result<()>,
);

const BYTES: usize = 500;

const WAYS: [Way; 7] = [
    ("read", |reader, damaged| {
        let found = reader.read(damaged.start)?;
        assert_eq!(found, record(damaged.start, BYTES));
        Ok(())
    }),
    ("read_many of one", |reader, damaged| {
        let found = reader.read_many(&[damaged.start])?;
        assert_eq!(found[0], record(damaged.start, BYTES));
        Ok(())
    }),
    ("read_many", |reader, damaged| {
        let indices = [reader.len() - 1, damaged.end - 1, damaged.start, 0, 1];
        let found = reader.read_many(&indices)?;
        assert_eq!(found.to_vecs(), indices.map(|n| record(n, BYTES)));
        Ok(())
    }),
    ("read_range", |reader, damaged| {
        let range = damaged.start.saturating_sub(300)..(damaged.end + 300).min(reader.len());
        let found = reader.read_range(range.clone())?;
        assert!(found.iter().eq(range.map(|n| record(n, BYTES))));
        Ok(())
    }),
    ("read_all", |reader, _| {
        let found = reader.read_all()?;
        assert!(found.iter().eq((0..reader.len()).map(|n| record(n, BYTES))));
        Ok(())
    }),
    ("read_range_with", |reader, _| {
        let count = AtomicUsize::new(0);
        reader.read_range_with(0..reader.len(), |position, found| {
            assert_eq!(found, record(position as u64, BYTES));
            count.fetch_add(1, Ordering::Relaxed);
        })?;
        assert_eq!(count.into_inner() as u64, reader.len());
        Ok(())
    }),
    ("records", |reader, _| {
        let mut cursor = reader.records();
        for n in 0..reader.len() {
            assert_eq!(cursor.next_record()?, Some(record(n, BYTES).as_slice()));
        }
        assert_eq!(cursor.next_record()?, None);
        Ok(())
    }),
];

/// Places in the header and in the data of three chunks: the first, one in the middle, the last.
fn places(bytes: &Arc<Vec<u8>>) -> Vec<(u64, Range<u64>, &'static str)> {
    let sound = Reader::from_bytes(bytes.to_vec(), ReaderOptions::new()).unwrap();
    let mut places = Vec::new();
    for chunk in [0, sound.num_chunks() / 2, sound.num_chunks() - 1] {
        let location = sound.chunk_location(chunk).unwrap();
        let records = location.first_record..location.first_record + location.records;
        let block = location.begin.next_multiple_of(65_536);
        // A block header may stand in front of the chunk's own, or among the bytes that are looked at.
        assert!(block > location.begin + 64, "pick another file");
        for (place, code) in [
            (location.begin + 3, "chunk_header_hash"),
            (location.begin + 39, "chunk_header_hash"),
            (location.begin + 41, "chunk_data_hash"),
        ] {
            places.push((place, records.clone(), code));
        }
    }
    places
}

const FILES: [(u64, &str); 3] = [
    (3000, "group_size:1,uncompressed"),
    (3000, "group_size:7,uncompressed"),
    (3000, "group_size:1000,zstd:1"),
];

#[test]
fn what_is_bad_once_is_not_bad() {
    for (records, options) in FILES {
        let bytes = file(records, BYTES, options);
        for (byte, damaged, _) in places(&bytes) {
            for on_corrupt in [OnCorrupt::Raise, OnCorrupt::Skip] {
                for threads in [None, Some(0)] {
                    let options = ReaderOptions::new()
                        .with_footer_prefetch_bytes(Some(0))
                        .with_max_parallelism(threads)
                        .with_on_corrupt(on_corrupt);
                    for (name, read) in WAYS {
                        let store = Flaky::new(&bytes, byte, 1);
                        let reader = store.open(&options).unwrap();
                        for reads in [2, 3] {
                            read(&reader, damaged.clone()).unwrap();
                            // What was decoded may still be at hand.
                            let found = store.reads.load(Ordering::Relaxed);
                            let is_cached = name == "read" && found == 2;
                            assert!(found == reads || is_cached, "{name}: {found} of {reads}");
                        }
                        assert_eq!(reader.skipped(), []);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_bad_twice_is_bad() {
    for (records, options) in FILES {
        let bytes = file(records, BYTES, options);
        for (byte, damaged, code) in places(&bytes) {
            for (name, read) in WAYS {
                let store = Flaky::new(&bytes, byte, usize::MAX);
                let options = ReaderOptions::new().with_footer_prefetch_bytes(Some(0));
                let reader = store.open(&options).unwrap();
                let error = read(&reader, damaged.clone()).unwrap_err();
                assert_eq!(
                    (error.code(), error.records()),
                    (code, Some(damaged.clone()))
                );
                assert_eq!(store.take_reads(), 2, "{name} at {byte}");

                let options = options.with_on_corrupt(OnCorrupt::Skip);
                let reader = store.open(&options).unwrap();
                if name == "records" {
                    let left = reader.records().map(Result::unwrap).count() as u64;
                    assert_eq!(left, records - (damaged.end - damaged.start));
                } else {
                    let _ = reader.read_all().unwrap();
                }
                assert_eq!(store.take_reads(), 2, "{name} at {byte}");
                assert_eq!(reader.skipped()[0].code(), code);
            }
        }
    }
}

#[test]
fn a_second_read_that_fails_is_the_mediums_fault() {
    let bytes = file(3000, BYTES, "group_size:7,uncompressed");
    for (byte, damaged, _) in places(&bytes) {
        for on_corrupt in [OnCorrupt::Raise, OnCorrupt::Skip] {
            for (_, read) in WAYS {
                let mut store = Flaky::new(&bytes, byte, usize::MAX);
                store.fails_then = true;
                let options = ReaderOptions::new()
                    .with_footer_prefetch_bytes(Some(0))
                    .with_on_corrupt(on_corrupt);
                let reader = store.open(&options).unwrap();
                let error = read(&reader, damaged.clone()).unwrap_err();
                assert_eq!(
                    (error.code(), error.records()),
                    ("io", Some(damaged.clone()))
                );
                assert_eq!(store.take_reads(), 2);
                assert_eq!(reader.skipped(), []);
            }
        }
    }
}

/// Places in the footer and in the postscript.
fn index_places(bytes: &[u8]) -> [u64; 4] {
    let sound = Reader::from_bytes(bytes.to_vec(), ReaderOptions::new()).unwrap();
    let (footer, postscript) = (sound.footer().footer_offset, sound.file_bytes() - 65_536);
    assert!(
        footer % 65_536 > 24 && footer % 65_536 < 65_000,
        "pick another file"
    );
    [footer + 3, footer + 500, postscript + 40, postscript + 70]
}

#[test]
fn an_index_that_is_bad_once_opens() {
    let small = file(3000, 20, "group_size:1,uncompressed");
    let large = file(300_000, 0, "group_size:1,uncompressed");
    for bytes in [small, large] {
        for byte in index_places(&bytes) {
            for storage in [IndexStorage::InMemory, IndexStorage::Offloaded] {
                for prefetch in [None, Some(0)] {
                    let options = ReaderOptions::new()
                        .with_index_storage(storage)
                        .with_footer_prefetch_bytes(prefetch);
                    let sound = Flaky::new(&bytes, byte, 0);
                    let len = sound.open(&options).unwrap().len();
                    let once = sound.take_reads();
                    let store = Flaky::new(&bytes, byte, 1);
                    let reader = store.open(&options).unwrap();
                    assert_eq!(reader.len(), len);
                    assert!(store.take_reads() > once);
                }
            }
        }
    }
}

#[test]
fn an_index_that_is_bad_twice_does_not() {
    let bytes = file(3000, 20, "group_size:1,uncompressed");
    for byte in index_places(&bytes) {
        let store = Flaky::new(&bytes, byte, usize::MAX);
        let error = store.open(&ReaderOptions::new()).unwrap_err();
        let is_footer = byte < bytes.len() as u64 - 65_536;
        let codes: &[&str] = if is_footer {
            &["chunk_header_hash", "chunk_data_hash"]
        } else {
            &["no_postscript"]
        };
        assert!(codes.contains(&error.code()), "{error:?}");
        // Of a bad last block one more read tells whether it was a postscript.
        assert_eq!(store.take_reads(), if is_footer { 2 } else { 3 });
    }
}

fn check(store: &Flaky, deep: bool, threads: Option<u32>) -> VerifyReport {
    let options = VerifyOptions::new()
        .with_deep(deep)
        .with_reader_options(ReaderOptions::new().with_max_parallelism(threads));
    verify_store(store.clone(), SourceName::MEMORY, &options).unwrap()
}

/// Places of all kinds, in front of the footer, and whether the bytes are in a block header.
fn any_places(bytes: &Arc<Vec<u8>>) -> Vec<(u64, &'static str)> {
    let sound = Reader::from_bytes(bytes.to_vec(), ReaderOptions::new()).unwrap();
    let mut all: Vec<_> = places(bytes)
        .into_iter()
        .map(|(byte, _, code)| (byte, code))
        .collect();
    // The signature, and block headers inside chunks.
    all.push((30, "chunk_header_hash"));
    let blocks = (1..sound.footer().footer_offset / 65_536).map(|block| block * 65_536 + 9);
    all.extend(blocks.map(|byte| (byte, "block_header_hash")));
    all
}

#[test]
fn verify_looks_twice() {
    for (records, options) in [
        FILES[1],
        FILES[2],
        // Chunks of several windows.
        (9000, "group_size:4000,uncompressed"),
    ] {
        let bytes = file(records, BYTES, options);
        let sound = check(&Flaky::new(&bytes, 0, 0), false, None);
        assert!(sound.is_sound());
        for (byte, code) in any_places(&bytes) {
            for (deep, threads) in [(false, None), (false, Some(0)), (true, None)] {
                let store = Flaky::new(&bytes, byte, 1);
                let report = check(&store, deep, threads);
                assert_eq!(report, sound, "byte {byte} of {options}");
                assert_eq!(store.take_reads(), 2);

                let store = Flaky::new(&bytes, byte, usize::MAX);
                let report = check(&store, deep, threads);
                let codes: Vec<_> = report.faults.iter().map(|fault| fault.code()).collect();
                assert_eq!(codes, [code], "byte {byte} of {options}");
                assert_eq!(store.take_reads(), 2, "byte {byte} of {options}");
            }
        }
    }
}

#[test]
fn a_scan_looks_twice_at_headers() {
    let bytes = file(3000, BYTES, "group_size:7,uncompressed");
    let scan = |store: &Flaky| -> Vec<_> {
        let options = ReaderOptions::new();
        let scan = scan_store(store.clone(), SourceName::MEMORY, &options).unwrap();
        scan.map(Result::unwrap).collect()
    };
    let sound = scan(&Flaky::new(&bytes, 0, 0));
    for (byte, _, code) in places(&bytes) {
        assert_eq!(scan(&Flaky::new(&bytes, byte, 1)), sound);
        let bad = scan(&Flaky::new(&bytes, byte, usize::MAX));
        assert_eq!(bad != sound, code == "chunk_header_hash");
    }
}

#[test]
fn what_lies_in_memory_is_what_it_is() {
    let sound = file(3000, BYTES, "group_size:7,uncompressed");
    for (byte, damaged, code) in places(&sound) {
        let mut bytes = sound.to_vec();
        bytes[small(byte)] ^= 1;
        let mut store = Flaky::new(&Arc::new(bytes), byte, 0);
        store.in_memory = true;
        let reader = store.open(&ReaderOptions::new()).unwrap();
        // Opening copies the tail.
        let opened = reader.stats().reads;
        for (_, read) in WAYS {
            let error = read(&reader, damaged.clone()).unwrap_err();
            assert_eq!(error.code(), code);
        }
        assert_eq!(reader.stats().reads, opened);
        assert!(!check(&store, true, None).is_sound());
    }
    let mut bytes = sound.to_vec();
    let last = bytes.len() - 65_536 + 40;
    bytes[last] ^= 1;
    let mut store = Flaky::new(&Arc::new(bytes), last as u64, 0);
    store.in_memory = true;
    assert!(store.open(&ReaderOptions::new()).is_err());
    // The tail, and what the last block was.
    assert_eq!(store.take_reads(), 2);
}
