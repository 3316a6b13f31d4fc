//! Damaged chunks that are skipped: what is left is all there, and what is gone is listed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use windrow_format::options::{IndexStorage, OnCorrupt, ReaderOptions, WriterOptions};
use windrow_format::{At, ChunkHeader, Codec, add_with_block_headers, take_out_block_headers};
use windrow_io::{
    Batch, DataSource, Fault, Reader, SourceName, Store, VerifyOptions, Writer, verify_store,
};

fn write(records: &[Vec<u8>], group: u32, codec: Codec) -> Vec<u8> {
    let options = WriterOptions::new()
        .with_group_size(group)
        .with_codec(codec);
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    writer.write_batch(records).unwrap();
    writer.finish().unwrap().0
}

fn small(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

fn skip() -> ReaderOptions {
    ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip)
}

/// What a damaged chunk has to be listed as.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Damage {
    code: &'static str,
    bytes: Range<u64>,
    chunk: Option<u64>,
    records: Option<Range<u64>>,
}

/// A file with damage, and what is left of it.
struct Damaged {
    records: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    chunks: BTreeMap<u64, Damage>,
}

impl Damaged {
    fn new(records: Vec<Vec<u8>>, group: u32, codec: Codec) -> Self {
        Self {
            bytes: write(&records, group, codec),
            records,
            chunks: BTreeMap::new(),
        }
    }

    fn num_chunks(&self) -> u64 {
        Reader::from_bytes(self.bytes.clone(), ReaderOptions::new())
            .unwrap()
            .num_chunks()
    }

    /// Flips a bit of a chunk's header or data, if it is whole.
    fn flip(&mut self, chunk: u64, pick_byte: impl Fn(usize) -> usize, bit: u32) {
        if self.chunks.contains_key(&chunk) {
            return;
        }
        let sound = Reader::from_bytes(self.bytes.clone(), ReaderOptions::new()).unwrap();
        let location = sound.chunk_location(chunk).unwrap();
        let raw = &self.bytes[small(location.begin)..small(location.begin) + 64];
        let header =
            ChunkHeader::parse(&take_out_block_headers(location.begin, raw), At::byte(0)).unwrap();
        let byte = pick_byte(40 + small(header.data_bytes));
        let place = add_with_block_headers(location.begin, byte as u64 + 1) - 1;
        self.bytes[small(place)] ^= 1 << bit;
        let (code, end) = if byte < 40 {
            ("chunk_header_hash", location.end)
        } else {
            ("chunk_data_hash", header.chunk_end(location.begin))
        };
        let damage = Damage {
            code,
            bytes: location.begin..end,
            chunk: Some(chunk),
            records: Some(location.first_record..location.first_record + location.records),
        };
        self.chunks.insert(chunk, damage);
    }

    fn expected(&self) -> Vec<Damage> {
        self.chunks.values().cloned().collect()
    }

    /// The record if it is whole.
    fn get(&self, index: u64) -> Option<&[u8]> {
        let is_gone = self.chunks.values().any(|damage| {
            let records = damage.records.as_ref();
            records.is_some_and(|records| records.contains(&index))
        });
        (!is_gone).then(|| self.records[small(index)].as_slice())
    }

    fn left(&self, range: Range<u64>) -> Vec<&[u8]> {
        range.filter_map(|index| self.get(index)).collect()
    }

    fn len(&self) -> u64 {
        self.records.len() as u64
    }
}

fn listed(faults: &[Fault]) -> Vec<Damage> {
    let faults = faults.iter().map(|fault| Damage {
        code: fault.code(),
        bytes: fault.bytes.clone(),
        chunk: fault.chunk,
        records: fault.records.clone(),
    });
    faults.collect()
}

fn check_batch(batch: &Batch, expected: &[Option<&[u8]>]) {
    assert_eq!(batch.len(), expected.len());
    let found: Vec<_> = (0..batch.len())
        .map(|position| batch.get(position))
        .collect();
    assert_eq!(found, expected);
    let there: Vec<&[u8]> = expected.iter().copied().flatten().collect();
    assert_eq!(batch.missing(), expected.len() - there.len());
    assert_eq!(batch.iter().len(), there.len());
    assert!(batch.iter().eq(there.iter().copied()));
    assert_eq!(batch.to_vecs(), there);
}

/// Every way to read a file with a cursor.
fn check_cursors(file: &Damaged, reader: &Reader, range: Range<u64>) {
    let left = file.left(range.clone());
    let whole: Vec<u64> = range
        .clone()
        .filter(|index| file.get(*index).is_some())
        .collect();
    let owned = reader.records_in(range.clone()).map(Result::unwrap);
    assert!(owned.map(|record| record.to_vec()).eq(left.iter().copied()));

    let mut cursor = reader.records_in(range.clone());
    let mut buffer = Vec::new();
    for (number, (index, record)) in whole.iter().zip(&left).enumerate() {
        match number % 3 {
            0 => assert_eq!(cursor.next_record().unwrap(), Some(*record)),
            1 => assert!(cursor.read_into(&mut buffer).unwrap() && buffer == *record),
            _ => {
                assert!(cursor.wait().unwrap() && cursor.is_ready());
                assert_eq!(cursor.tell(), *index);
                assert_eq!(cursor.next_record().unwrap(), Some(*record));
            }
        }
        assert_eq!(cursor.tell(), index + 1);
    }
    assert_eq!(cursor.next_record().unwrap(), None);
    assert!(!cursor.wait().unwrap() && !cursor.is_ready());

    let mut cursor = reader.records_in(range.clone());
    let mut found = Vec::new();
    while let Some(run) = cursor.next_records().unwrap() {
        let begin = cursor.tell() - run.len() as u64;
        for position in 0..run.len() {
            assert_eq!(run.get(position), file.get(begin + position as u64));
            found.push(begin + position as u64);
        }
        let ends: Vec<usize> = run.ends().collect();
        assert_eq!(ends.last(), Some(&run.as_bytes().len()));
    }
    assert_eq!(found, whole);
}

fn check_seeks(file: &Damaged, reader: &Reader, seeks: &[u64]) {
    let mut cursor = reader.records();
    for &position in seeks {
        cursor.seek(position);
        // Two records, so that seeks meet runs in use.
        for next in (position..file.len())
            .filter(|index| file.get(*index).is_some())
            .take(2)
        {
            assert_eq!(cursor.next_record().unwrap(), file.get(next), "{position}");
            assert_eq!(cursor.tell(), next + 1);
        }
    }
}

fn check_reader(file: &Damaged, reader: &Reader, range: Range<u64>, picks: &[u64]) {
    assert_eq!(reader.skipped(), []);
    check_cursors(file, reader, 0..file.len());
    assert_eq!(listed(&reader.skipped()), file.expected());
    check_cursors(file, reader, range.clone());
    check_seeks(file, reader, picks);

    let all: Vec<_> = file.left(0..file.len()).into_iter().map(Some).collect();
    check_batch(&reader.read_all().unwrap(), &all);
    let some: Vec<_> = file.left(range.clone()).into_iter().map(Some).collect();
    check_batch(&reader.read_range(range.clone()).unwrap(), &some);
    let expected: Vec<_> = picks.iter().map(|index| file.get(*index)).collect();
    check_batch(&reader.read_many(picks).unwrap(), &expected);

    let lent = Mutex::new(vec![None; picks.len()]);
    let take = |position: usize, record: &[u8]| {
        let before = lent.lock().unwrap()[position].replace(record.to_vec());
        assert_eq!(before, None, "lent once");
    };
    reader.read_many_with(picks, take).unwrap();
    let lent = lent.into_inner().unwrap();
    assert!(lent.iter().map(Option::as_deref).eq(expected));

    let begin = range.start;
    let count = Mutex::new(0);
    let take = |position: usize, record: &[u8]| {
        assert_eq!(Some(record), file.get(begin + position as u64));
        *count.lock().unwrap() += 1;
    };
    reader.read_range_with(range, take).unwrap();
    assert_eq!(count.into_inner().unwrap(), some.len());

    // One record that is asked for is there, or an error.
    for &index in picks {
        match (reader.read(index), file.get(index)) {
            (Ok(found), Some(record)) => assert_eq!(found, record),
            (Err(error), None) => {
                let chunk = error.at().and_then(|at| at.chunk).unwrap();
                let damage = &file.chunks[&chunk];
                assert_eq!(
                    (error.code(), error.records()),
                    (damage.code, damage.records.clone())
                );
            }
            (found, expected) => panic!("{index}: {found:?} for {expected:?}"),
        }
    }
    assert_eq!(listed(&reader.skipped()), file.expected());
    assert_eq!(reader.clone().skipped(), reader.skipped());
    assert_eq!(reader.stats().chunks_skipped, file.chunks.len() as u64);
}

/// By default the first damaged chunk is an error.
fn check_raise(file: &Damaged) {
    let reader = Reader::from_bytes(file.bytes.clone(), ReaderOptions::new()).unwrap();
    let read: Vec<_> = reader.records().collect();
    match file.chunks.values().next() {
        None => assert_eq!(read.len(), file.records.len()),
        Some(first) => {
            let records = first.records.clone().unwrap();
            assert_eq!(read.len() as u64, records.start + 1);
            let error = read.last().unwrap().as_ref().unwrap_err();
            let errors = [
                reader.read_all().map(drop).unwrap_err(),
                reader.read_many(&[records.start]).map(drop).unwrap_err(),
                reader
                    .read_range_with(records.clone(), |_, _| {})
                    .unwrap_err(),
            ];
            for error in errors.iter().chain([error]) {
                assert_eq!(
                    (error.code(), error.records()),
                    (first.code, first.records.clone())
                );
            }
        }
    }
    assert_eq!(reader.skipped(), []);
    assert_eq!(reader.stats().chunks_skipped, 0);
}

fn check_source(file: &Damaged, folder: &Path, range: Range<u64>, options: &ReaderOptions) {
    let path = folder.join("damaged.array_record");
    let sound = folder.join("sound.array_record");
    std::fs::write(&path, &file.bytes).unwrap();
    std::fs::write(&sound, write(&file.records, 3, Codec::Uncompressed)).unwrap();
    let part = format!("{}[{}:{}]", path.display(), range.start, range.end);
    let parts = [path.as_path(), sound.as_path(), Path::new(&part)];
    let source = DataSource::open_with(parts, options.clone(), 1).unwrap();
    let get = |index: u64| {
        let (part, record) = source.locate(index).unwrap();
        if part == 1 {
            return Some(file.records[small(record)].as_slice());
        }
        file.get(record)
    };
    let indices: Vec<u64> = (0..source.len()).rev().chain(0..source.len()).collect();
    let expected: Vec<_> = indices.iter().map(|index| get(*index)).collect();
    check_batch(&source.get_many(&indices).unwrap(), &expected);
    let name = SourceName::path(&path);
    let listed_all = |source: &DataSource| {
        let (names, faults): (Vec<_>, Vec<_>) = source.skipped().into_iter().unzip();
        assert!(names.iter().all(|found| *found == name));
        listed(&faults)
    };
    assert_eq!(listed_all(&source), file.expected());

    let source = DataSource::open_with(parts, options.clone(), 1).unwrap();
    assert_eq!(source.skipped(), []);
    let left: Vec<_> = (0..source.len()).filter_map(get).collect();
    let read = source.iter().map(|record| record.unwrap().to_vec());
    assert!(read.eq(left.iter().copied()));
    source.close_files();
    assert_eq!(listed_all(&source), file.expected());
    let slice = source.slice(1..source.len().saturating_sub(1).max(1));
    let mut iter = slice.iter();
    let mut found = 0;
    while let Some(run) = iter.next_records().unwrap() {
        found += run.len();
    }
    let inside = (0..source.len()).filter(|n| (1..source.len() - 1).contains(n));
    assert_eq!(found, inside.filter_map(get).count());

    let lent = Mutex::new(vec![None; indices.len()]);
    let take = |position: usize, record: &[u8]| {
        lent.lock().unwrap()[position] = Some(record.to_vec());
    };
    source.get_many_with(&indices, take).unwrap();
    let lent = lent.into_inner().unwrap();
    assert!(lent.iter().map(Option::as_deref).eq(expected));
    for index in (0..source.len()).step_by(7) {
        assert_eq!(source.get(index).ok().as_deref(), get(index));
    }
    assert_eq!(listed_all(&source), file.expected());
}

const CODECS: [Codec; 4] = [
    Codec::Uncompressed,
    Codec::Zstd { level: 1 },
    Codec::Brotli { level: 1 },
    Codec::Snappy,
];

prop_compose! {
    fn reader_options()(
        readahead in proptest::option::of(select(vec![0_u64, 1, 5000])),
        threads in proptest::option::of(0..3_u32),
        offloaded in any::<bool>(),
        cache in select(vec![0_u64, 32 << 20]),
    ) -> ReaderOptions {
        let storage = if offloaded { IndexStorage::Offloaded } else { IndexStorage::InMemory };
        skip()
            .with_readahead_buffer_bytes(readahead)
            .with_max_parallelism(threads)
            .with_index_storage(storage)
            .with_chunk_cache_bytes(cache)
    }
}

/// Many small records, or a few that fill blocks.
fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![
        4 => vec(vec(any::<u8>(), 0..60), 2..400),
        1 => vec((any::<u8>(), 0..40_000_usize), 2..30)
            .prop_map(|all| all.into_iter().map(|(byte, len)| vec![byte; len]).collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_whole_is_read_and_what_is_not_is_listed(
        records in records(),
        group in select(vec![1_u32, 7, 100]),
        codec in select(CODECS.to_vec()),
        damage in vec((any::<Index>(), any::<Index>(), 0..8_u32), 0..7),
        options in reader_options(),
        bounds in any::<(Index, Index)>(),
        picks in vec(any::<Index>(), 0..60),
    ) {
        let mut file = Damaged::new(records, group, codec);
        let chunks = file.num_chunks();
        for (chunk, byte, bit) in damage {
            file.flip(chunk.index(small(chunks)) as u64, |len| byte.index(len), bit);
        }
        let len = file.records.len();
        let bounds = [bounds.0.index(len) as u64, bounds.1.index(len) as u64];
        let range = bounds[0].min(bounds[1])..bounds[0].max(bounds[1]);
        let picks: Vec<u64> = picks.iter().map(|index| index.index(len) as u64).collect();
        let in_memory = Reader::from_bytes(file.bytes.clone(), options.clone()).unwrap();
        check_reader(&file, &in_memory, range.clone(), &picks);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.array_record");
        std::fs::write(&path, &file.bytes).unwrap();
        let on_disk = Reader::open_with(&path, options.clone()).unwrap();
        check_reader(&file, &on_disk, range.clone(), &picks);
        check_source(&file, folder.path(), range, &options);
        check_raise(&file);
    }
}

/// The records are those of their numbers, so that they are told apart.
fn numbered(count: u64, bytes: usize) -> Vec<Vec<u8>> {
    let record = |n: u64| n.to_le_bytes().into_iter().cycle().take(bytes).collect();
    (0..count).map(record).collect()
}

#[test]
fn large_files_are_read_on_all_threads() {
    for (group, codec) in [
        (1, Codec::Uncompressed),
        (7, Codec::Zstd { level: 1 }),
        (100, Codec::Snappy),
    ] {
        let mut file = Damaged::new(numbered(12_000, 300), group, codec);
        let last = file.num_chunks() - 1;
        for chunk in [0, 1, 2, last / 3, last / 2, last / 2 + 2, last - 1, last] {
            file.flip(chunk, |len| small(chunk * 31) % len, 3);
        }
        let reader = Medium::new(&file.bytes).open();
        let picks: Vec<u64> = (0..30_000).map(|n| n * 7919 % file.len()).collect();
        check_reader(&file, &reader, 5..file.len() - 5, &picks[..2000]);
        let expected: Vec<_> = picks.iter().map(|index| file.get(*index)).collect();
        check_batch(&reader.read_many(&picks).unwrap(), &expected);
    }
}

#[test]
fn neighbours_of_a_damaged_chunk_cost_nothing_more() {
    let mut file = Damaged::new(numbered(5000, 100), 1, Codec::Uncompressed);
    let open = |bytes: &[u8]| {
        let reader = Medium::new(bytes).open();
        let opened = reader.stats().reads;
        (reader, opened)
    };
    let (sound, opened) = open(&file.bytes);
    assert_eq!(sound.records().count(), 5000);
    let reads = sound.stats().reads - opened;
    for chunk in [7, 8, 2000] {
        file.flip(chunk, |_| 45, 0);
    }
    let (reader, opened) = open(&file.bytes);
    assert_eq!(reader.records().count(), 4997);
    let stats = reader.stats();
    assert_eq!(
        stats.reads - opened,
        reads + 3,
        "each damaged chunk once more"
    );
    assert_eq!((stats.chunks_decoded, stats.chunks_skipped), (4997, 3));
}

#[test]
fn nothing_may_be_left() {
    for group in [1, 7, 100] {
        let mut file = Damaged::new(numbered(50, 20), group, Codec::Zstd { level: 1 });
        for chunk in 0..file.num_chunks() {
            file.flip(chunk, |len| len / 2, 7);
        }
        let reader = Reader::from_bytes(file.bytes.clone(), skip()).unwrap();
        check_reader(&file, &reader, 3..47, &[49, 0, 0, 20]);
        let batch = reader.read_many(&[1, 2]).unwrap();
        assert_eq!(
            (batch.len(), batch.missing(), batch.is_empty()),
            (2, 2, false)
        );
        assert!(reader.read_all().unwrap().is_empty());
    }
}

#[test]
fn missing_records_stay_missing_in_joined_batches() {
    let mut file = Damaged::new(numbered(30, 20), 10, Codec::Snappy);
    file.flip(1, |_| 41, 0);
    let reader = Reader::from_bytes(file.bytes.clone(), skip()).unwrap();
    let mut batch = reader.read_many(&[0, 12]).unwrap();
    batch.append(reader.read_range(8..22).unwrap());
    batch.append(reader.read_many(&[19, 29]).unwrap());
    let expected: Vec<_> = [0, 12, 8, 9, 20, 21, 19, 29].map(|n| file.get(n)).to_vec();
    check_batch(&batch, &expected);
    let index = std::panic::catch_unwind(|| batch[1].len());
    let message = index.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(*message, "record 1 of a batch is missing");
}

#[test]
fn chunks_that_the_options_or_the_build_refuse_are_skipped_too() {
    let mut records = numbered(20, 50);
    records[13] = vec![5; 5000];
    let bytes = write(&records, 4, Codec::Uncompressed);
    for options in [
        skip().with_max_record_bytes(4999),
        skip().with_max_chunk_bytes(5000),
    ] {
        let reader = Reader::from_bytes(bytes.clone(), options).unwrap();
        assert_eq!(reader.read_all().unwrap().len(), 16);
        let [fault] = &reader.skipped()[..] else {
            panic!("{:?}", reader.skipped());
        };
        assert_eq!(
            (fault.code(), fault.records.clone()),
            ("limit", Some(12..16))
        );
        assert_eq!(reader.read(13).unwrap_err().code(), "limit");
    }
    // The limit on the batch is about the call.
    let options = skip().with_max_batch_bytes(2000);
    let reader = Reader::from_bytes(bytes, options).unwrap();
    let error = reader.read_all().map(drop).unwrap_err();
    assert_eq!(error.code(), "batch_too_large");
}

/// Not in memory, and may be made to fail or to end.
#[derive(Clone)]
struct Medium {
    bytes: Arc<Vec<u8>>,
    /// Reads that touch one of these bytes fail so.
    bad: Arc<Mutex<(Range<u64>, Failure)>>,
}

#[derive(Debug, Clone, Copy)]
enum Failure {
    Kind(ErrorKind),
    Custom(ErrorKind),
}

impl Medium {
    fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: Arc::new(bytes.to_vec()),
            bad: Arc::new(Mutex::new((0..0, Failure::Kind(ErrorKind::Other)))),
        }
    }

    fn fail(&self, range: Range<u64>, failure: Failure) {
        *self.bad.lock().unwrap() = (range, failure);
    }

    fn open(&self) -> Reader {
        Reader::from_store(self.clone(), SourceName::MEMORY, skip()).unwrap()
    }
}

impl Store for Medium {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        let (bad, failure) = self.bad.lock().unwrap().clone();
        if offset < bad.end && offset + buffer.len() as u64 > bad.start {
            return Err(match failure {
                Failure::Kind(kind) => kind.into(),
                Failure::Custom(kind) => std::io::Error::new(kind, "the store's own words"),
            });
        }
        self.bytes.read_exact_at(buffer, offset)
    }
}

#[test]
fn a_medium_that_fails_is_an_error() {
    for group in [1, 10] {
        let mut file = Damaged::new(numbered(1000, 200), group, Codec::Uncompressed);
        let chunk = 500 / u64::from(group);
        file.flip(chunk - 1, |_| 41, 0);
        for failure in [
            Failure::Kind(ErrorKind::PermissionDenied),
            Failure::Custom(ErrorKind::Other),
        ] {
            let medium = Medium::new(&file.bytes);
            let reader = medium.open();
            let location = reader.chunk_location(chunk).unwrap();
            medium.fail(location.begin..location.end, failure);
            let errors = [
                reader.records().find_map(Result::err).unwrap(),
                reader.read_all().map(drop).unwrap_err(),
                reader.read_many(&[500, 0]).map(drop).unwrap_err(),
                reader.read_range_with(0..1000, |_, _| {}).unwrap_err(),
                reader.read(500).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.code(), "io");
            }
            // The bytes are bad in front of it only, and may have been in the same read.
            let damage = file.expected();
            assert!(
                listed(&reader.skipped())
                    .iter()
                    .all(|it| damage.contains(it))
            );
            medium.fail(0..0, failure);
            let left: Vec<_> = file.left(0..1000).into_iter().map(Some).collect();
            check_batch(&reader.read_all().unwrap(), &left);
        }
    }
}

#[test]
fn a_file_that_became_shorter_loses_its_end() {
    for (group, failure) in [
        (1, Failure::Kind(ErrorKind::UnexpectedEof)),
        (10, Failure::Kind(ErrorKind::UnexpectedEof)),
        (1, Failure::Custom(ErrorKind::UnexpectedEof)),
        (10, Failure::Custom(ErrorKind::UnexpectedEof)),
    ] {
        let file = Damaged::new(numbered(1000, 200), group, Codec::Uncompressed);
        let medium = Medium::new(&file.bytes);
        let reader = medium.open();
        let location = reader.chunk_location(900 / u64::from(group)).unwrap();
        medium.fail(location.begin..u64::MAX, failure);
        assert_eq!(reader.records().map(Result::unwrap).count(), 900);
        assert_eq!(reader.read_all().unwrap().len(), 900);
        let skipped = reader.skipped();
        assert_eq!(skipped.len() as u64, 100 / u64::from(group));
        assert!(skipped.iter().all(|fault| fault.code() == "truncated"));
        assert_eq!(skipped[0].records.as_ref().unwrap().start, 900);
    }
}

#[test]
fn verify_reports_what_readers_skip() {
    let mut file = Damaged::new(numbered(100, 200), 10, Codec::Uncompressed);
    file.flip(4, |_| 50, 2);
    let footer = Reader::from_bytes(file.bytes.clone(), ReaderOptions::new())
        .unwrap()
        .footer()
        .footer_offset;
    let mut without_index = file.bytes.clone();
    without_index[small(footer) + 60] ^= 1;
    for bytes in [file.bytes, without_index] {
        let check = |options: ReaderOptions| {
            let options = VerifyOptions::new().with_reader_options(options);
            verify_store(bytes.clone(), SourceName::MEMORY, &options).unwrap()
        };
        let report = check(skip());
        assert!(!report.is_sound());
        assert_eq!(report, check(ReaderOptions::new()));
    }
}
