//! Transposed files against plain ones: the same records, whole and projected, however they were written and found.

use std::fs;

use proptest::prelude::*;
use windrow::format::{Chunk, ChunkHeader, ChunkType, Limits, TransposedDecoder};
use windrow::{
    AppendOptions, At, Codec, FieldProjection, Reader, ReaderOptions, Records, RecordsMetadata,
    TailReader, VerifyOptions, Writer, WriterOptions, recover, verify,
};
use windrow_tests::any_message::{Value, encode, names, paths, records};
use windrow_tests::file_builder::varint;

fn options(transpose: bool) -> impl Strategy<Value = WriterOptions> {
    let codec = prop_oneof![
        Just(Codec::Uncompressed),
        Just(Codec::Zstd { level: 3 }),
        Just(Codec::Snappy),
        Just(Codec::Brotli { level: 3 }),
    ];
    let bucket_bytes = prop_oneof![1..40_u64, Just(256), Just(1 << 20)];
    (codec, 1..30_u32, bucket_bytes).prop_map(move |(codec, group_size, bucket_bytes)| {
        WriterOptions::new()
            .with_codec(codec)
            .with_group_size(group_size)
            .with_transpose(transpose)
            .with_transpose_bucket_bytes(bucket_bytes)
    })
}

fn write(options: WriterOptions, records: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    writer.write_batch(records).unwrap();
    writer.finish().unwrap().0
}

fn read(file: &[u8], options: ReaderOptions) -> Vec<Vec<u8>> {
    let reader = Reader::from_bytes(file, options).unwrap();
    reader.read_all().unwrap().to_vecs()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_come_back(records in records(), options in options(true)) {
        let file = write(options, &records);
        prop_assert!(read(&file, ReaderOptions::new()) == records);
    }

    /// The projection of a record that is stored whole is made by other code than that of a transposed one.
    #[test]
    fn a_projection_does_not_depend_on_the_layout(
        records in records(),
        transposed in options(true),
        plain in options(false),
        paths in paths(),
    ) {
        let fields = ReaderOptions::new().with_fields(names(&paths));
        let transposed = read(&write(transposed, &records), fields.clone());
        let plain = read(&write(plain, &records), fields);
        prop_assert!(transposed == plain, "{paths:?}: {transposed:x?} and {plain:x?}");
    }
}

fn message(n: u64) -> Vec<u8> {
    let nested = vec![(1, Value::Varint(n)), (2, Value::Bytes(vec![b'x'; 20]))];
    encode(&[
        (1, Value::Varint(n * 1000)),
        (2, Value::Bytes(format!("message {n}").into_bytes())),
        (3, Value::Message(nested)),
    ])
}

fn transposed(group_size: u32) -> WriterOptions {
    WriterOptions::new()
        .with_transpose(true)
        .with_group_size(group_size)
}

/// Types of the data chunks of a file, by its index.
fn chunk_types(file: &[u8]) -> Vec<u8> {
    let reader = Reader::from_bytes(file, ReaderOptions::new()).unwrap();
    (0..reader.num_chunks())
        .map(|chunk| {
            let begin = reader.chunk_location(chunk).unwrap().begin;
            // On a block boundary stands a block header of 24 bytes.
            let header = begin + 24 * u64::from(begin.is_multiple_of(65_536));
            file[usize::try_from(header).unwrap() + 24]
        })
        .collect()
}

#[test]
fn a_transposed_file_grows_and_is_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let all: Vec<Vec<u8>> = (0..23).map(message).collect();
    let mut writer = Writer::create_file(&path, transposed(5)).unwrap();
    writer.write_batch(&all[..7]).unwrap();
    writer.flush().unwrap();
    assert_eq!(
        recover(&path).unwrap().reader.read_all().unwrap().to_vecs(),
        all[..7]
    );
    let options = ReaderOptions::new().with_fields(["1"]);
    let mut tail = TailReader::open(&path, options.clone()).unwrap();
    let mut shown = Vec::new();
    let mut follow = |shown: &mut Vec<Vec<u8>>| {
        while let Some(run) = tail.poll().unwrap() {
            shown.extend((0..run.len()).map(|n| run.get(n).unwrap().to_vec()));
        }
    };
    follow(&mut shown);
    drop(writer);

    // What is not given is told by what is there.
    let mut writer = Writer::append(&path, AppendOptions::new().with_group_size(5)).unwrap();
    assert!(writer.options().transpose());
    writer.write_batch(&all[7..13]).unwrap();
    writer.finish().unwrap();
    let mut writer = Writer::append(&path, AppendOptions::new()).unwrap();
    assert!(writer.options().transpose());
    writer.write_batch(&all[13..]).unwrap();
    writer.finish().unwrap();

    let file = fs::read(&path).unwrap();
    assert_eq!(read(&file, ReaderOptions::new()), all);
    assert_eq!(chunk_types(&file), b"ttttt");
    assert!(
        verify(&path, &VerifyOptions::new().with_deep(true))
            .unwrap()
            .is_sound()
    );
    follow(&mut shown);
    assert_eq!(shown, read(&file, options));
    assert_eq!(shown.len(), all.len());
    assert!(
        shown
            .iter()
            .all(|record| record[0] == 8 && record.len() < 5)
    );

    // Without its footer.
    fs::write(&path, &file[..file.len() - 1]).unwrap();
    let recovered = recover(&path).unwrap();
    assert_eq!(recovered.reader.read_all().unwrap().to_vecs(), all);
}

#[test]
fn buckets_without_projected_fields_are_not_decompressed() {
    let records: Vec<Vec<u8>> = (0..100).map(message).collect();
    let file = write(transposed(100).with_transpose_bucket_bytes(1), &records);
    let reader = Reader::from_bytes(file.clone(), ReaderOptions::new()).unwrap();
    let chunk = reader.chunk_location(0).unwrap();
    // Bytes of a bucket, with the chunk's hash made to fit again, so that only who decompresses it notices.
    let begin = usize::try_from(chunk.begin).unwrap();
    let header = ChunkHeader::parse(&file[begin..begin + 40], At::byte(chunk.begin)).unwrap();
    let data = begin + 40..begin + 40 + usize::try_from(header.data_bytes).unwrap();
    let (mut noticed, mut unnoticed) = (0, 0);
    for place in data.clone().skip(60) {
        let mut bad = file.clone();
        bad[place] ^= 0x55;
        let header = ChunkHeader::new(
            header.chunk_type,
            header.num_records,
            header.decoded_bytes,
            &bad[data.clone()],
        );
        bad[begin..begin + 40].copy_from_slice(&header.encode());
        let one = ReaderOptions::new().with_fields(["1"]);
        let all = Reader::from_bytes(bad.clone(), ReaderOptions::new())
            .unwrap()
            .read_all();
        let one = Reader::from_bytes(bad, one).unwrap().read_all();
        match (all, one) {
            (Err(_), Ok(batch)) => {
                assert_eq!(batch.len(), 100);
                unnoticed += 1;
            }
            (Err(_), Err(_)) => noticed += 1,
            _ => {}
        }
    }
    assert!(noticed > 10 && unnoticed > 100, "{noticed}, {unnoticed}");
}

#[test]
fn fields_that_cannot_be_found_are_told() {
    let file = write(transposed(5), &[message(1)]);
    for (field, problem) in [
        ("0", "is no number of 1..=536870911"),
        ("1.", "is no number of 1..=536870911"),
        ("", "is no number of 1..=536870911"),
        (
            "name",
            "the file holds no descriptor that tells names; give field numbers",
        ),
    ] {
        let options = ReaderOptions::new().with_fields([field]);
        let error = Reader::from_bytes(file.clone(), options).unwrap_err();
        assert_eq!(error.code(), "field");
        let text = error.to_string();
        assert!(
            text.contains(problem) && text.contains(&format!("`{field}`")),
            "{text}"
        );
    }
}

#[test]
fn the_projection_of_a_reader_is_told() {
    let file = write(transposed(5), &[message(1)]);
    let options = ReaderOptions::new().with_fields(["3.1", "3", "1"]);
    let reader = Reader::from_bytes(file.clone(), options).unwrap();
    let expected = FieldProjection::new([[1], [3]]).unwrap();
    assert_eq!(reader.fields(), Some(&expected));
    // The footer's sizes are those of whole records.
    assert!(!reader.record_sizes(&[0]).unwrap().exact);
    assert_eq!(
        Reader::from_bytes(file, ReaderOptions::new())
            .unwrap()
            .fields(),
        None
    );
}

/// A copy keeps what stands in front of the first chunk of records, when that is written again.
#[test]
fn a_copy_keeps_what_a_file_says_of_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let metadata = RecordsMetadata {
        record_type_name: Some("shop.Visit".into()),
        ..RecordsMetadata::default()
    };
    for (old, padded) in [(0, false), (1, false), (5, false), (1, true)] {
        let options = transposed(5)
            .with_records_metadata(Some(metadata.clone()))
            .with_pad_to_block_boundary(padded);
        let mut writer = Writer::create_file(&path, options).unwrap();
        writer.write_batch((0..old).map(message)).unwrap();
        writer.finish().unwrap();
        let mut writer = Writer::append(&path, AppendOptions::new().with_copy(true)).unwrap();
        writer.write(&message(old)).unwrap();
        writer.finish().unwrap();
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.len(), old + 1);
        assert_eq!(
            reader.records_metadata().unwrap().as_ref(),
            Some(&metadata),
            "{old}"
        );
        let report = verify(&path, &VerifyOptions::new().with_deep(true)).unwrap();
        assert!(report.is_sound(), "{:?}", report.faults);
    }
}

/// A file that was cut within its metadata chunk begins anew.
#[test]
fn a_copy_goes_on_with_a_file_whose_metadata_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let metadata = RecordsMetadata {
        file_comment: Some("a comment of some length".into()),
        ..RecordsMetadata::default()
    };
    let options = transposed(5).with_records_metadata(Some(metadata));
    let file = write(options, &[message(0)]);
    fs::write(&path, &file[..120]).unwrap();
    let mut writer = Writer::append(&path, AppendOptions::new().with_copy(true)).unwrap();
    writer.write(&message(1)).unwrap();
    writer.finish().unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.read_all().unwrap().to_vecs(), [message(1)]);
    assert_eq!(reader.records_metadata().unwrap(), None);
    assert!(verify(&path, &VerifyOptions::new()).unwrap().is_sound());
}

/// The header of a metadata chunk that claims records would make it as long as the file.
#[test]
fn a_metadata_chunk_counts_no_records() {
    let metadata = Some(RecordsMetadata::default());
    let mut file = write(transposed(5).with_records_metadata(metadata), &[message(1)]);
    let at = At::byte(64);
    let mut header = ChunkHeader::parse(&file[64..104], at).unwrap();
    header.num_records = 1 << 40;
    file[64..104].copy_from_slice(&header.encode());
    let reader = Reader::from_bytes(file, ReaderOptions::new()).unwrap();
    let error = reader.records_metadata().unwrap_err();
    assert_eq!(error.code(), "chunk_header_field");
}

/// With hashes that fit, so that only a deep check looks into it.
#[test]
fn a_deep_check_looks_into_the_metadata() {
    let metadata = Some(RecordsMetadata::default());
    let mut file = write(transposed(5).with_records_metadata(metadata), &[message(1)]);
    let at = At::byte(64);
    let header = ChunkHeader::parse(&file[64..104], at).unwrap();
    let data = 104..104 + usize::try_from(header.data_bytes).unwrap();
    file[data.clone()].fill(0xee);
    let header = ChunkHeader::new(header.chunk_type, 0, 0, &file[data]);
    file[64..104].copy_from_slice(&header.encode());
    let check = |deep| {
        let options = VerifyOptions::new().with_deep(deep);
        let report = windrow::verify_store(file.clone(), windrow::SourceName::MEMORY, &options);
        report.unwrap().faults
    };
    assert_eq!(check(false), []);
    let faults = check(true);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(
        (faults[0].bytes.start, faults[0].code()),
        (64, "compression_type")
    );
}

/// A small limit holds for what a chunk's tables take in memory, too: those of the nodes, and of a projection of them.
#[test]
fn tables_are_within_the_limit() {
    let limits = Limits {
        max_chunk_bytes: 4 << 20,
        ..Limits::default()
    };
    let fields = FieldProjection::new([[1]]).unwrap();
    let mut decoder = TransposedDecoder::new();
    for (nodes, fields, is_within) in [
        (1 << 20, None, false),
        (100_000, None, true),
        (100_000, Some(&fields), false),
        (10_000, Some(&fields), true),
    ] {
        // Without buckets and buffers, and with nodes that begin a record.
        let count = usize::try_from(nodes).unwrap();
        let tables = [vec![3; count], vec![0; count]].concat();
        let machine = [vec![0, 0], varint(nodes), tables, vec![0]].concat();
        let data = [vec![0], varint(machine.len() as u64), machine].concat();
        let chunk = Chunk {
            header: ChunkHeader::new(ChunkType::Transposed, 1, 0, &data),
            data: &data,
            at: At::byte(64),
        };
        let result = decoder.decode(&chunk, &limits, fields, &mut Records::new());
        match result {
            Ok(()) => assert!(is_within, "{nodes}"),
            Err(error) => {
                assert!(!is_within, "{nodes}: {error}");
                assert_eq!(error.code(), "limit", "{error}");
            }
        }
        // The limit is that of each of them.
        let held = decoder.scratch_bytes();
        assert!(held < 8 << 20, "{nodes}: {held}");
    }
}
