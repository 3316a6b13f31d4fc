//! Files of record pages: read in every way, grown, followed, recovered, with and without a dictionary.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use windrow_format::options::{
    AppendOptions, DictionaryOption, IndexStorage, Layout, OnCorrupt, ReaderOptions, WriterOptions,
};
use windrow_format::{At, ChunkHeader, ChunkType, Codec, Dictionary, take_out_block_headers};
use windrow_io::{Reader, SourceName, Store, TailReader, VerifyOptions, Writer, recover, verify};

const ZSTD: Codec = Codec::Zstd { level: 3 };
const CODECS: [Codec; 4] = [
    Codec::Uncompressed,
    ZSTD,
    Codec::Snappy,
    Codec::Brotli { level: 1 },
];

fn pages(codec: Codec) -> WriterOptions {
    WriterOptions::new()
        .with_layout(Layout::Pages)
        .with_codec(codec)
}

fn events(range: Range<usize>) -> Vec<Vec<u8>> {
    range
        .map(|i| {
            let user = (i * 2_654_435_761) % 10_007;
            let item = (i * 40_503) % 997;
            format!(
                r#"{{"user":{user},"action":"view","item":{item},"session":"s-{i:06}","flags":["a","b"]}}"#
            )
            .into_bytes()
        })
        .collect()
}

/// Records of all sizes, so that some lie across blocks.
fn mixed(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|i| {
            let len = [0, 1, 60, 900, 70_000, 13][i % 6] + i;
            (0..len)
                .map(|at| ((at * 7 + i) % 251).to_le_bytes()[0])
                .collect()
        })
        .collect()
}

fn write(records: &[Vec<u8>], options: WriterOptions) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    writer.write_batch(records).unwrap();
    writer.finish().unwrap().0
}

fn check(records: &[Vec<u8>], reader: &Reader) {
    let len = records.len();
    assert_eq!(reader.len(), len as u64);
    for index in (0..len).rev().chain([0, len / 2]) {
        assert_eq!(
            reader.read(index as u64).unwrap(),
            records[index],
            "{index}"
        );
    }
    assert!(reader.read_all().unwrap().iter().eq(records));
    for step in [1, 2, 7, len / 2 + 1] {
        let indices: Vec<u64> = (0..len as u64).rev().step_by(step).chain([0, 0]).collect();
        let batch = reader.read_many(&indices).unwrap();
        for (position, index) in indices.iter().enumerate() {
            assert_eq!(
                batch[position],
                records[usize::try_from(*index).unwrap()],
                "{index}"
            );
        }
    }
    let range = len as u64 / 3..len as u64;
    let part = reader.read_range(range.clone()).unwrap();
    assert!(part.iter().eq(&records[len / 3..]));
    let mut cursor = reader.records();
    for record in records {
        assert_eq!(cursor.next_record().unwrap(), Some(record.as_slice()));
    }
}

fn readers() -> [ReaderOptions; 3] {
    [
        ReaderOptions::new(),
        ReaderOptions::new().with_index_storage(IndexStorage::Offloaded),
        ReaderOptions::new()
            .with_max_parallelism(Some(0))
            .with_chunk_cache_bytes(0),
    ]
}

fn is_sound(path: &Path) -> bool {
    let report = verify(path, &VerifyOptions::new().with_deep(true)).unwrap();
    report.faults.iter().for_each(|fault| println!("{fault:?}"));
    report.is_sound()
}

/// Offsets and headers of all chunks of a type.
fn chunks(bytes: &[u8], chunk_type: ChunkType) -> Vec<(u64, ChunkHeader)> {
    let mut found = Vec::new();
    let mut begin = 0;
    while begin < bytes.len() as u64 {
        let from = usize::try_from(begin).unwrap();
        let raw = &bytes[from..(from + 100).min(bytes.len())];
        let header =
            ChunkHeader::parse(&take_out_block_headers(begin, raw), At::byte(begin)).unwrap();
        if header.chunk_type == chunk_type {
            found.push((begin, header));
        }
        begin = header.chunk_end(begin);
    }
    found
}

fn trained() -> Dictionary {
    let samples = events(0..2000);
    Dictionary::train(samples.iter().map(Vec::as_slice), 8192).unwrap()
}

fn dictionaries() -> [DictionaryOption; 4] {
    [
        DictionaryOption::Off,
        DictionaryOption::Auto,
        DictionaryOption::Size(4096),
        DictionaryOption::Given(trained()),
    ]
}

#[test]
fn every_codec_dictionary_and_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pages");
    for records in [
        mixed(100),
        events(0..5000),
        vec![vec![]],
        vec![vec![], vec![5; 300_000]],
    ] {
        for codec in CODECS {
            for dictionary in dictionaries() {
                if codec != ZSTD && dictionary != DictionaryOption::Off {
                    continue;
                }
                for group_size in [1, 7, 1024] {
                    let options = pages(codec)
                        .with_group_size(group_size)
                        .with_dictionary(dictionary.clone())
                        .with_pad_to_block_boundary(group_size == 7 && records.len() < 200);
                    let bytes = write(&records, options);
                    std::fs::write(&path, &bytes).unwrap();
                    assert!(is_sound(&path));
                    for reader in readers() {
                        check(&records, &Reader::open_with(&path, reader.clone()).unwrap());
                        check(
                            &records,
                            &Reader::from_bytes(bytes.as_slice(), reader).unwrap(),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn no_records_are_a_file_that_upstream_reads() {
    for dictionary in dictionaries() {
        let mut writer =
            Writer::create(Vec::new(), pages(ZSTD).with_dictionary(dictionary)).unwrap();
        writer.flush().unwrap();
        let (bytes, summary) = writer.finish().unwrap();
        assert_eq!((summary.version, summary.records), (1, 0));
        let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
        assert!(reader.is_empty());
    }
}

#[test]
fn a_dictionary_stands_in_front_and_behind_the_footer() {
    let records = events(0..20_000);
    let auto = write(
        &records,
        pages(ZSTD).with_dictionary(DictionaryOption::Auto),
    );
    let off = write(&records, pages(ZSTD));
    assert!(
        auto.len() * 4 < off.len() * 3,
        "{} of {}",
        auto.len(),
        off.len()
    );
    let copies = chunks(&auto, ChunkType::Dictionary);
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0].0, 64);
    let reader = Reader::from_bytes(auto.clone(), ReaderOptions::new()).unwrap();
    let footer = reader.footer();
    assert_eq!(footer.metadata.dictionaries, [64]);
    assert!(footer.metadata.has_pages);
    assert_eq!(footer.metadata.version, 2);
    assert_eq!(copies[1].0, footer.footer_end);
    assert!(
        reader
            .writer_options_string()
            .unwrap()
            .ends_with(",layout:pages,needs:windrow"),
        "{:?}",
        reader.writer_options_string()
    );
    let [dictionary] = reader.dictionaries().unwrap() else {
        panic!("one dictionary");
    };
    // What it is compressed with again makes the same file.
    let again = write(
        &records,
        pages(ZSTD).with_dictionary(DictionaryOption::Given(dictionary.clone())),
    );
    assert!(again == auto);
}

#[test]
fn auto_keeps_no_dictionary_that_does_not_pay() {
    let noise = |count: usize, bytes: usize| -> Vec<Vec<u8>> {
        let mut state = 1_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..count)
            .map(|_| (0..bytes).map(|_| next()).collect())
            .collect()
    };
    for records in [
        noise(3000, 700),
        events(0..10),
        vec![vec![3; 20_000_000]],
        noise(1, 1_000_000),
        vec![vec![]; 100],
    ] {
        let auto = write(
            &records,
            pages(ZSTD).with_dictionary(DictionaryOption::Auto),
        );
        let off = write(&records, pages(ZSTD));
        assert!(auto == off, "{} and {}", auto.len(), off.len());
    }
}

#[test]
fn a_dictionary_that_is_damaged_once_is_read_from_its_other_copy() {
    let records = events(0..3000);
    let options = pages(ZSTD).with_dictionary(DictionaryOption::Given(trained()));
    let bytes = write(&records, options);
    let copies = chunks(&bytes, ChunkType::Dictionary);
    let damage = |which: &[usize], place: usize| {
        let mut bytes = bytes.clone();
        for &copy in which {
            bytes[usize::try_from(copies[copy].0).unwrap() + place] ^= 0x10;
        }
        Reader::from_bytes(bytes, ReaderOptions::new()).unwrap()
    };
    for place in [3, 45, 300] {
        for copy in [0, 1] {
            check(&records, &damage(&[copy], place));
        }
        let reader = damage(&[0, 1], place);
        let error = reader.read(7).unwrap_err();
        assert_eq!(error.code(), "dictionary_missing");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("both its copies are damaged"), "{source}");
        assert!(reader.read_all().is_err());
        assert_eq!(reader.dictionaries().unwrap(), []);
    }
}

#[test]
fn a_damaged_record_costs_itself() {
    let records = mixed(200);
    for codec in [Codec::Uncompressed, ZSTD] {
        let mut bytes = write(&records, pages(codec));
        let at = {
            let reader = Reader::from_bytes(bytes.as_slice(), ReaderOptions::new()).unwrap();
            usize::try_from(reader.chunk_location(0).unwrap().end).unwrap() - 5
        };
        bytes[at] ^= 1;
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), &bytes).unwrap();
        for options in readers() {
            let reader = Reader::open_with(path.path(), options.clone()).unwrap();
            let bad: Vec<u64> = (0..200)
                .filter(|index| reader.read(*index).is_err())
                .collect();
            let [bad] = bad[..] else { panic!("{bad:?}") };
            let error = reader.read(bad).unwrap_err();
            assert_eq!((error.code(), error.records()), ("crc", Some(bad..bad + 1)));
            // All but one of them and the bad one, so that they are read one by one.
            let some: Vec<u64> = (1..200).collect();
            assert_eq!(reader.read_many(&some).unwrap_err().code(), "crc");
            let options = options.with_on_corrupt(OnCorrupt::Skip);
            let reader = Reader::open_with(path.path(), options).unwrap();
            let batch = reader.read_many(&some).unwrap();
            assert_eq!(batch.missing(), 1);
            for index in some {
                let read = batch.get(usize::try_from(index).unwrap() - 1);
                let expected =
                    (index != bad).then(|| records[usize::try_from(index).unwrap()].as_slice());
                assert_eq!(read, expected);
            }
            let skipped = reader.skipped();
            assert_eq!(skipped.len(), 1);
            assert_eq!(skipped[0].records, Some(bad..bad + 1));
            // So it does where chunks are read whole.
            let all = reader.read_all().unwrap();
            assert_eq!(all.len(), 199);
            let mut cursor = reader.records();
            for (index, record) in (0..).zip(&records) {
                if index != bad {
                    assert_eq!(cursor.next_record().unwrap(), Some(record.as_slice()));
                }
            }
            assert_eq!(cursor.next_record().unwrap(), None);
            assert_eq!(reader.skipped(), skipped);
        }
        let report = verify(path.path(), &VerifyOptions::new().with_deep(true)).unwrap();
        assert!(!report.is_sound());
    }
}

/// A store that lists the ranges that were asked for.
#[derive(Clone)]
struct Recording(Arc<(Vec<u8>, Asked)>);

type Asked = Mutex<Vec<Range<u64>>>;

impl Store for Recording {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.0.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        let end = offset + buffer.len() as u64;
        self.0.1.lock().unwrap().push(offset..end);
        self.0.0.read_exact_at(buffer, offset)
    }
}

#[test]
fn one_record_is_one_read_of_its_own_bytes() {
    let records = events(0..5000);
    let bytes = write(
        &records,
        pages(ZSTD).with_dictionary(DictionaryOption::Auto),
    );
    let store = Recording(Arc::new((bytes, Default::default())));
    let reader =
        Reader::from_store(store.clone(), SourceName::MEMORY, ReaderOptions::new()).unwrap();
    let asked = || std::mem::take(&mut *store.0.1.lock().unwrap());
    asked();
    // The table of the chunk, and the header and the data of the dictionary, once.
    assert_eq!(reader.read(10).unwrap(), records[10]);
    assert_eq!(asked().len(), 4);
    for index in [11, 10, 900, 0] {
        assert_eq!(
            reader.read(index).unwrap(),
            records[usize::try_from(index).unwrap()]
        );
        let [ref range] = asked()[..] else {
            panic!("one read")
        };
        assert!(
            range.end - range.start < records[0].len() as u64,
            "{range:?}"
        );
    }
    // Neighbours come together, and what lies between far ones is left out.
    assert_eq!(reader.read_many(&[1, 2, 3]).unwrap().len(), 3);
    assert_eq!(asked().len(), 1);
    assert!(reader.stats().index_bytes > 1024);
}

#[test]
fn appends_and_flushes_go_on_with_the_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    let records = events(0..9000);
    for dictionary in dictionaries() {
        for copy in [false, true] {
            let path = folder.path().join(format!("grown-{copy}"));
            let options = pages(ZSTD)
                .with_dictionary(dictionary.clone())
                .with_group_size(500);
            let mut writer = Writer::create_file(&path, options).unwrap();
            writer.write_batch(&records[..2600]).unwrap();
            writer.flush().unwrap();
            writer.write_batch(&records[2600..3000]).unwrap();
            writer.finish().unwrap();
            let dictionary = Reader::open(&path)
                .unwrap()
                .dictionaries()
                .unwrap()
                .to_vec();
            for part in [3000..3001, 3001..3001, 3001..6100, 6100..9000] {
                let mut writer =
                    Writer::append(&path, AppendOptions::new().with_copy(copy)).unwrap();
                assert_eq!(writer.options().layout(), Layout::Pages);
                writer.write_batch(&records[part.clone()]).unwrap();
                if part.start == 6100 {
                    writer.flush().unwrap();
                }
                writer.finish().unwrap();
                assert!(is_sound(&path));
                let reader = Reader::open(&path).unwrap();
                assert_eq!(reader.dictionaries().unwrap(), dictionary);
                assert_eq!(reader.footer().metadata.version, 2);
                check(&records[..part.end], &reader);
            }
            let wrong: AppendOptions = "layout:groups".parse().unwrap();
            assert!(Writer::append(&path, wrong).is_err());
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn unfinished_files_are_recovered_followed_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let records = events(0..4000);
    for dictionary in [
        DictionaryOption::Off,
        DictionaryOption::Given(trained()),
        DictionaryOption::Auto,
    ] {
        let path = folder.path().join("unfinished");
        let options = pages(ZSTD).with_dictionary(dictionary).with_group_size(300);
        let mut writer = Writer::create_file(&path, options.clone()).unwrap();
        writer.write_batch(&records[..3000]).unwrap();
        writer.flush().unwrap();
        let mut tail = TailReader::open(&path, ReaderOptions::new()).unwrap();
        let mut followed = Vec::new();
        while let Some(run) = tail.poll().unwrap() {
            followed.extend((0..run.len()).map(|n| run.get(n).unwrap().to_vec()));
        }
        assert!(followed == records[..3000]);
        writer.write_batch(&records[3000..3150]).unwrap();
        writer.flush().unwrap();
        drop(writer);
        let recovered = recover(&path).unwrap();
        check(&records[..3150], &recovered.reader);
        while let Some(run) = tail.poll().unwrap() {
            followed.extend((0..run.len()).map(|n| run.get(n).unwrap().to_vec()));
        }
        assert!(followed == records[..3150]);
        let report = verify(&path, &VerifyOptions::new().with_deep(true)).unwrap();
        assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
        let mut writer = Writer::append(&path, AppendOptions::new()).unwrap();
        assert_eq!(writer.options().layout(), Layout::Pages);
        assert_eq!(writer.options().group_size(), 300);
        writer.write_batch(&records[3150..]).unwrap();
        writer.finish().unwrap();
        check(&records, &Reader::open(&path).unwrap());
        assert!(is_sound(&path));
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn groups_are_bounded_in_bytes() {
    let records: Vec<Vec<u8>> = (0..40).map(|n| vec![n; 64 << 10]).collect();
    let bytes = write(&records, pages(Codec::Uncompressed));
    let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
    assert_eq!(reader.num_chunks(), 10);
    check(&records, &reader);
}

#[test]
fn what_is_appended_to_a_file_without_records_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    let records = events(0..500);
    let other = Dictionary::new(records[..20].concat()).unwrap();
    for (first, finished) in dictionaries()
        .into_iter()
        .flat_map(|d| [(d.clone(), true), (d, false)])
    {
        for dictionary in [
            None,
            Some(DictionaryOption::Off),
            Some(DictionaryOption::Auto),
            Some(DictionaryOption::Size(1024)),
            Some(DictionaryOption::Given(trained())),
            Some(DictionaryOption::Given(other.clone())),
        ] {
            for copy in [false, true] {
                let what = format!("{first:?}, finished {finished}, {dictionary:?}, copy {copy}");
                let options = pages(ZSTD).with_dictionary(first.clone());
                let mut writer = Writer::create_file(&path, options).unwrap();
                writer.flush().unwrap();
                if finished {
                    writer.finish().unwrap();
                } else {
                    drop(writer);
                }
                let mut options = AppendOptions::new()
                    .with_layout(Layout::Pages)
                    .with_copy(copy);
                if let Some(dictionary) = dictionary.clone() {
                    options = options.with_dictionary(dictionary);
                }
                let mut writer = Writer::append(&path, options).unwrap();
                writer.write_batch(&records).unwrap();
                writer.finish().unwrap();
                assert!(is_sound(&path), "{what}");
                let reader = Reader::open(&path).unwrap();
                check(&records, &reader);
                let named = reader.footer().metadata.dictionaries.clone();
                let file = std::fs::read(&path).unwrap();
                let there = chunks(&file, ChunkType::Dictionary);
                let there: Vec<u64> = there.iter().map(|(begin, _)| *begin).collect();
                assert!(named.iter().all(|begin| there.contains(begin)), "{what}");
            }
        }
    }
}

#[test]
fn a_file_with_no_more_than_an_open_group_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open");
    let records = events(0..500);
    for dictionary in [
        DictionaryOption::Given(trained()),
        DictionaryOption::Size(1024),
    ] {
        for copy in [false, true] {
            for parts in [1, 2] {
                let options = pages(ZSTD).with_dictionary(dictionary.clone());
                let mut writer = Writer::create_file(&path, options).unwrap();
                for part in records[..300].chunks(300 / parts) {
                    writer.write_batch(part).unwrap();
                    writer.flush().unwrap();
                }
                drop(writer);
                let options = AppendOptions::new().with_copy(copy);
                let mut writer = Writer::append(&path, options).unwrap();
                assert_eq!(writer.options().layout(), Layout::Pages);
                writer.write_batch(&records[300..]).unwrap();
                writer.finish().unwrap();
                assert!(is_sound(&path));
                let reader = Reader::open(&path).unwrap();
                assert_eq!(reader.dictionaries().unwrap().len(), 1);
                check(&records, &reader);
            }
        }
    }
}

/// A store whose bytes others can see.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl Store for Shared {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

#[test]
fn uncompressed_records_in_memory_are_lent_without_a_copy() {
    let records = mixed(100);
    let bytes = Arc::new(write(&records, pages(Codec::Uncompressed)));
    let store = Shared(Arc::clone(&bytes));
    let reader = Reader::from_store(store, SourceName::MEMORY, ReaderOptions::new()).unwrap();
    let file = bytes.as_ptr_range();
    let lent = (0..100).filter(|&index| {
        reader
            .read_with(index, |record| {
                assert_eq!(record, records[usize::try_from(index).unwrap()]);
                file.contains(&record.as_ptr())
            })
            .unwrap()
    });
    // All but those that a block header cuts.
    assert!((70..100).contains(&lent.count()));
}

#[test]
fn recovery_counts_no_records_whose_dictionary_is_lost() {
    let records = events(0..3000);
    let options = pages(ZSTD)
        .with_group_size(100)
        .with_dictionary(DictionaryOption::Given(trained()));
    let mut bytes = write(&records, options);
    for (begin, _) in chunks(&bytes.clone(), ChunkType::Dictionary) {
        bytes[usize::try_from(begin).unwrap() + 100] ^= 1;
    }
    let path = tempfile::NamedTempFile::new().unwrap();
    for len in [bytes.len(), bytes.len() - 65_536, 100_000] {
        std::fs::write(path.path(), &bytes[..len]).unwrap();
        let recovered = recover(path.path()).unwrap();
        assert_eq!(recovered.reader.len(), 0);
        let report = recovered.report;
        let lost = report
            .skipped
            .iter()
            .filter(|fault| fault.code() == "dictionary_missing");
        let whole = if len == 100_000 { 10 } else { 30 };
        assert!(lost.count() >= whole, "{:?}", report.skipped);
    }
}

#[test]
fn damage_beside_the_wanted_records_does_not_fail_a_batch_that_begins_in_front_of_it() {
    let records = events(0..600);
    let options = pages(Codec::Uncompressed).with_group_size(200);
    let mut bytes = write(&records, options);
    // In the middle of the second chunk.
    let reader = Reader::from_bytes(bytes.as_slice(), ReaderOptions::new()).unwrap();
    let second = reader.chunk_location(1).unwrap();
    bytes[usize::try_from((second.begin + second.end) / 2).unwrap()] ^= 1;
    for options in readers() {
        let reader = Reader::from_bytes(bytes.as_slice(), options).unwrap();
        for range in [0..210, 0..201, 190..220] {
            let batch = reader.read_range(range.clone()).unwrap();
            let (from, to) = (range.start, range.end);
            let [from, to] = [from, to].map(|at| usize::try_from(at).unwrap());
            assert!(batch.iter().eq(&records[from..to]));
        }
        // Some of them twice.
        let indices: Vec<u64> = (0..230).chain(200..230).collect();
        assert_eq!(reader.read_many(&indices).unwrap().len(), 260);
        assert!(reader.read_range(0..400).is_err());
    }
}
