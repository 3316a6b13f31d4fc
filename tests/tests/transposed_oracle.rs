//! Transposed files beside those of the crate `riegeli`, another implementation of the format: each side reads what the
//! other writes, whole and projected.
//!
//! Projections are equal but for these two, which no test compares:
//!
//! - The crate gives records of chunks of type `r` whole, whatever is asked for, as upstream does.
//! - It can be asked for a field without its value.
//!
//! It is built without zstd: what codecs do is tested with upstream.

use std::io::Cursor;

use proptest::prelude::*;
use riegeli::{CompressionType, Field, FieldProjection, RecordReader, RecordWriter};
use windrow::{
    Codec, Reader, ReaderOptions, RecordsMetadata, RecoverOptions, SourceName, Writer,
    WriterOptions, recover_store,
};
use windrow_tests::any_message::{names, paths, records};
use windrow_tests::message_sets::message_sets;
use windrow_tests::progress::report;

const CODECS: [(Codec, CompressionType); 3] = [
    (Codec::Uncompressed, CompressionType::None),
    (Codec::Brotli { level: 3 }, CompressionType::Brotli),
    (Codec::Snappy, CompressionType::Snappy),
];
/// Bytes of a bucket of ours, and the part of a chunk that one of theirs has.
const BUCKETS: [(u64, f64); 4] = [(1, 0.0), (200, 0.01), (4000, 0.3), (1 << 20, 1.0)];
/// Paths into the messages of the sets.
const SET_PATHS: [&[&[u32]]; 5] = [
    &[],
    &[&[1]],
    &[&[3], &[6, 2], &[9, 1], &[536_870_911, 1]],
    &[&[2, 2, 2, 2, 2], &[7, 1], &[1, 1]],
    &[&[2, 1], &[2], &[31, 5]],
];

type Paths = Vec<Vec<u32>>;

fn our_options(codec: Codec, group_size: u32, bucket_bytes: u64) -> WriterOptions {
    WriterOptions::new()
        .with_codec(codec)
        .with_group_size(group_size)
        .with_transpose(true)
        .with_transpose_bucket_bytes(bucket_bytes)
}

fn their_options(codec: CompressionType, chunk_bytes: u64, bucket: f64) -> riegeli::WriterOptions {
    riegeli::WriterOptions::new()
        .compression(codec)
        .chunk_size(chunk_bytes)
        .transpose(true)
        .bucket_fraction(bucket)
}

fn we_write(options: WriterOptions, records: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    writer.write_batch(records).unwrap();
    writer.finish().unwrap().0
}

fn they_write(options: riegeli::WriterOptions, records: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = RecordWriter::new(&mut file, options).unwrap();
    for record in records {
        writer.write_record(record).unwrap();
    }
    writer.close().unwrap();
    file
}

/// Of a file of either side: theirs has no footer.
fn we_read(file: &[u8], paths: Option<&Paths>) -> Vec<Vec<u8>> {
    we_open(file, paths).read_all().unwrap().to_vecs()
}

fn we_open(file: &[u8], paths: Option<&Paths>) -> Reader {
    let mut options = ReaderOptions::new();
    if let Some(paths) = paths {
        options = options.with_fields(names(paths));
    }
    let options = RecoverOptions::new().with_reader_options(options);
    let recovered = recover_store(file.to_vec(), SourceName::MEMORY, &options).unwrap();
    assert_eq!(recovered.report.skipped, []);
    recovered.reader
}

/// The first `count` records: footer and postscript are further records to them.
fn they_read(file: &[u8], count: usize, paths: Option<&Paths>) -> Vec<Vec<u8>> {
    let mut options = riegeli::ReaderOptions::new();
    if let Some(paths) = paths {
        let fields = paths.iter().cloned().map(Field::new);
        let fields = fields.fold(FieldProjection::new(), FieldProjection::add_field);
        options = options.field_projection(fields);
    }
    let mut reader = RecordReader::new(Cursor::new(file), options).unwrap();
    let records = std::iter::from_fn(|| reader.read_record().unwrap());
    records.take(count).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn they_read_what_we_write(
        records in records(),
        (codec, _) in prop::sample::select(&CODECS[..]),
        group_size in 1..30_u32,
        bucket_bytes in prop_oneof![1..40_u64, Just(256), Just(1 << 20)],
        paths in paths(),
    ) {
        let file = we_write(our_options(codec, group_size, bucket_bytes), &records);
        prop_assert!(they_read(&file, records.len(), None) == records);
        let (ours, theirs) = (we_read(&file, Some(&paths)), they_read(&file, records.len(), Some(&paths)));
        prop_assert!(ours == theirs, "{paths:?}: {ours:x?} and {theirs:x?}");
    }

    #[test]
    fn we_read_what_they_write(
        records in records(),
        (_, codec) in prop::sample::select(&CODECS[..]),
        chunk_bytes in prop_oneof![1..2000_u64, Just(1 << 20)],
        bucket in 0.0..1.0_f64,
        paths in paths(),
    ) {
        let file = they_write(their_options(codec, chunk_bytes, bucket), &records);
        prop_assert!(we_read(&file, None) == records);
        let (ours, theirs) = (we_read(&file, Some(&paths)), they_read(&file, usize::MAX, Some(&paths)));
        prop_assert!(ours == theirs, "{paths:?}: {ours:x?} and {theirs:x?}");
    }
}

#[test]
fn both_read_every_set_of_messages() {
    let mut checks = 0;
    for (name, records) in message_sets() {
        let group_size = u32::try_from(records.len() / 2 + 1).unwrap();
        for (ours, theirs) in CODECS {
            for (bucket_bytes, bucket) in BUCKETS {
                let case = format!("{name}, {ours:?}, {bucket_bytes}");
                let ours = we_write(our_options(ours, group_size, bucket_bytes), &records);
                let theirs = they_write(their_options(theirs, 20_000, bucket), &records);
                for file in [&ours, &theirs] {
                    assert!(we_read(file, None) == records, "{case}");
                    assert!(they_read(file, records.len(), None) == records, "{case}");
                    for paths in SET_PATHS {
                        let paths = paths.iter().map(|path| path.to_vec()).collect();
                        let projected = we_read(file, Some(&paths));
                        let beside = they_read(file, records.len(), Some(&paths));
                        assert!(projected == beside, "{case}, {paths:?}");
                        checks += records.len();
                    }
                }
            }
        }
    }
    report(&format!("{checks} projections of records are equal"));
}

/// What a file says of its records is a transposed chunk of another type.
#[test]
fn what_files_say_of_their_records_is_read_on_both_sides() {
    let metadata = RecordsMetadata {
        file_comment: Some("a comment".into()),
        record_type_name: Some("shop.Visit".into()),
        ..RecordsMetadata::default()
    };
    for (ours, theirs) in CODECS {
        let options = our_options(ours, 10, 1000).with_records_metadata(Some(metadata.clone()));
        let file = we_write(options, &[vec![8, 1]]);
        let mut reader =
            RecordReader::new(Cursor::new(&file), riegeli::ReaderOptions::new()).unwrap();
        let read = reader.read_serialized_metadata().unwrap().unwrap();
        assert_eq!(read, metadata.serialize());

        let options = their_options(theirs, 1000, 1.0).set_serialized_metadata(read);
        let reader = we_open(&they_write(options, &[vec![8, 1]]), None);
        assert_eq!(reader.records_metadata().unwrap().as_ref(), Some(&metadata));
    }
}
