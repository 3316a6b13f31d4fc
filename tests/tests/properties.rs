//! Random records, options and ways of reading: what is written is what is read, and the bytes do not depend on how many
//! threads wrote them.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use windrow::{
    AppendOptions, Codec, Dictionary, DictionaryOption, IndexStorage, Layout, Reader,
    ReaderOptions, VerifyOptions, Writer, WriterOptions, recover, verify,
};
use windrow_tests::every_way::{check_reader, full_text};

/// Records of a size class each: mostly small, some around a block, a few larger.
fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let size = prop_oneof![
        3 => Just(0_usize),
        10 => 1..40_usize,
        5 => 40..3000_usize,
        1 => 65_380..65_560_usize,
        1 => 100_000..220_000_usize,
    ];
    let record = (size, any::<u8>(), select(vec![0_u8, 1, 7, 255]));
    let record = record.prop_map(|(size, first, step)| pattern(size, first, step));
    prop_oneof![
        6 => vec(record, 0..40),
        1 => vec(vec(any::<u8>(), 0..3), 0..3000),
    ]
}

/// Every eighth byte breaks the pattern, so that there is something to compress and something not.
fn pattern(size: usize, first: u8, step: u8) -> Vec<u8> {
    (0..size)
        .scan(first, |byte, place| {
            *byte = byte
                .wrapping_add(step)
                .wrapping_mul(if place % 8 == 0 { 31 } else { 1 });
            Some(*byte)
        })
        .collect()
}

fn codec() -> impl Strategy<Value = (Codec, Option<u32>)> {
    prop_oneof![
        Just((Codec::Uncompressed, None)),
        Just((Codec::Snappy, None)),
        (-20..=19_i32, proptest::option::of(10..=24_u32))
            .prop_map(|(level, log)| (Codec::Zstd { level }, log)),
        (0..=7_u32, proptest::option::of(10..=26_u32))
            .prop_map(|(level, log)| (Codec::Brotli { level }, log)),
    ]
}

prop_compose! {
    fn writer_options()(
        group_size in select(vec![1_u32, 2, 3, 7, 64, 1000, 65_536]),
        (codec, window_log) in codec(),
        pad in prop::bool::weighted(0.1),
        max_group_bytes in proptest::option::weighted(0.3, select(vec![1_u64, 100, 5000, 1 << 20])),
        pairs in vec(vec(any::<u8>(), 0..50), 0..3),
    ) -> WriterOptions {
        let options = WriterOptions::new()
            .with_group_size(group_size)
            .with_codec(codec)
            .with_window_log(window_log)
            .with_pad_to_block_boundary(pad)
            .with_max_group_bytes(max_group_bytes);
        pairs.into_iter().enumerate().fold(options, |options, (number, value)| {
            options.with_metadata(format!("key {number}"), value)
        })
    }
}

/// Options of a file of record pages.
fn pages_options() -> impl Strategy<Value = WriterOptions> {
    let dictionary = select(vec![
        DictionaryOption::Off,
        DictionaryOption::Auto,
        DictionaryOption::Size(256),
        DictionaryOption::Size(4096),
        DictionaryOption::Given(Dictionary::new(pattern(1000, 3, 7)).unwrap()),
    ]);
    (writer_options(), dictionary).prop_map(|(options, dictionary)| {
        let has_zstd = matches!(options.codec(), Codec::Zstd { .. });
        let options = options.with_layout(Layout::Pages);
        if has_zstd {
            options.with_dictionary(dictionary)
        } else {
            options
        }
    })
}

prop_compose! {
    fn reader_options()(
        readahead in proptest::option::of(select(vec![0_u64, 1, 5000, 1 << 24])),
        threads in proptest::option::of(0..4_u32),
        offloaded in any::<bool>(),
        prefetch in proptest::option::of(select(vec![0_u64, 1, 65_537, 1 << 22])),
        cache in select(vec![0_u64, 1000, 32 << 20]),
    ) -> ReaderOptions {
        let storage = if offloaded { IndexStorage::Offloaded } else { IndexStorage::InMemory };
        ReaderOptions::new()
            .with_readahead_buffer_bytes(readahead)
            .with_max_parallelism(threads)
            .with_index_storage(storage)
            .with_footer_prefetch_bytes(prefetch)
            .with_chunk_cache_bytes(cache)
    }
}

/// Writes with calls of `flush` in between, which must not change what is read.
fn write(records: &[Vec<u8>], options: WriterOptions, flush_every: usize) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    for (number, record) in records.iter().enumerate() {
        writer.write(record).unwrap();
        if (number + 1) % flush_every == 0 {
            writer.flush().unwrap();
        }
    }
    let (bytes, summary) = writer.finish().unwrap();
    assert_eq!(summary.file_bytes, bytes.len() as u64);
    assert_eq!(summary.records, records.len() as u64);
    let decoded: usize = records.iter().map(Vec::len).sum();
    assert_eq!(summary.decoded_bytes, decoded as u64);
    bytes
}

/// Writes parts, each by a writer of its own, which finishes the file or stops behind a flush.
fn grow(path: &Path, records: &[Vec<u8>], options: WriterOptions, ends: &[(usize, bool, bool)]) {
    let mut writer = Writer::create_file(path, options).unwrap();
    let (mut written, mut is_copy) = (0, false);
    for &(end, finish, copy) in ends {
        let end = end.min(records.len()).max(written);
        writer.write_batch(&records[written..end]).unwrap();
        written = end;
        // A copy takes the place of the file only at its end.
        if finish || is_copy {
            writer.finish().unwrap();
        } else {
            writer.flush().unwrap();
            drop(writer);
        }
        is_copy = copy;
        writer = Writer::append(path, AppendOptions::new().with_copy(copy)).unwrap();
        assert_eq!(writer.records(), written as u64);
    }
    writer.write_batch(&records[written..]).unwrap();
    writer.finish().unwrap();
}

fn at_most(options: &WriterOptions, records: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    // Padded chunks take a block each: few of them are enough.
    if options.pad_to_block_boundary() {
        records[..records.len().min(60)].to_vec()
    } else {
        records
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn pages_are_read_however_they_came_to_be(
        records in records(),
        options in pages_options(),
        reader_options in reader_options(),
        flush_every in select(vec![1_usize, 5, usize::MAX]),
        ends in vec((0..400_usize, any::<bool>(), any::<bool>()), 0..4),
    ) {
        let records = at_most(&options, records);
        let on_disk = tempfile::NamedTempFile::new().unwrap();
        let path = on_disk.path();
        std::fs::write(path, write(&records, options.clone(), flush_every)).unwrap();
        let grown = tempfile::NamedTempFile::new().unwrap();
        grow(grown.path(), &records, options.clone(), &ends);
        for path in [path, grown.path()] {
            let reader = Reader::open_with(path, reader_options.clone());
            let reader = reader.map_err(|error| TestCaseError::fail(full_text(&error)))?;
            check_reader(&reader, &records).map_err(TestCaseError::fail)?;
            let report = verify(path, &VerifyOptions::new().with_deep(true)).unwrap();
            prop_assert!(report.is_sound(), "{:?}", report.faults);
            let recovered = recover(path).unwrap();
            prop_assert!(recovered.report.is_whole(), "{:?}", recovered.report);
            prop_assert!(recovered.reader.read_all().unwrap().iter().eq(&records));
        }
    }

    #[test]
    fn the_same_pages_however_many_threads_write(
        records in records(),
        options in pages_options(),
        flush_every in select(vec![3_usize, usize::MAX]),
    ) {
        let records = at_most(&options, records);
        let with_jobs = |jobs| options.clone().with_max_parallelism(jobs);
        let one = write(&records, with_jobs(Some(1)), flush_every);
        for jobs in [Some(3), None] {
            let more = write(&records, with_jobs(jobs), flush_every);
            prop_assert!(one == more, "{:?} jobs", jobs);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn what_is_written_is_read(
        records in records(),
        options in writer_options(),
        reader_options in reader_options(),
        flush_every in select(vec![1_usize, 5, usize::MAX]),
    ) {
        let records = at_most(&options, records);
        let bytes = write(&records, options.clone(), flush_every);
        let on_disk = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(on_disk.path(), &bytes).unwrap();
        for reader in [
            Reader::open_with(on_disk.path(), reader_options.clone()),
            Reader::from_bytes(bytes, reader_options),
        ] {
            let reader = reader.map_err(|error| TestCaseError::fail(full_text(&error)))?;
            prop_assert_eq!(reader.user_metadata(), options.metadata());
            check_reader(&reader, &records).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn the_same_bytes_however_many_threads_write(
        records in records(),
        options in writer_options(),
        flush_every in select(vec![3_usize, usize::MAX]),
    ) {
        let with_jobs = |jobs| options.clone().with_max_parallelism(jobs);
        let one = write(&records, with_jobs(Some(1)), flush_every);
        for jobs in [Some(2), Some(8), None] {
            let more = write(&records, with_jobs(jobs), flush_every);
            prop_assert!(one == more, "{:?} jobs", jobs);
        }
    }
}
