//! Transposed chunks as the encoder makes them: upstream reads them, and makes the same ones.

use serde_json::json;
use windrow::Codec;
use windrow::format::{
    At, Chunk, ChunkType, Compressor, RecordGroup, RecordsMetadata, SIGNATURE_BYTES,
    TransposedEncoder, take_out_block_headers,
};
use windrow_tests::both_sides::{BothSides, CODECS};
use windrow_tests::file_builder::{FileBuilder, RawChunk, Tail};
use windrow_tests::message_sets::message_sets;
use windrow_tests::progress::report;

/// How much larger than upstream's a compressed chunk may be, plus a few bytes for small ones: the same buffers go
/// through other releases of the codecs.
const MOST_EXTRA_PERCENT: u64 = 2;
const MOST_EXTRA_BYTES: u64 = 16;
/// Buckets of single buffers, most of them of a few bytes, say more of the codecs than of the chunks.
const LEAST_BUCKET_COMPARED: u64 = 256;

fn transposed(records: &[Vec<u8>], codec: Codec, bucket_bytes: u64) -> RawChunk {
    let mut group = RecordGroup::new();
    for record in records {
        group.push(record);
    }
    let mut out = Vec::new();
    let header = TransposedEncoder::new()
        .encode(
            &group.as_slice(),
            codec,
            None,
            bucket_bytes,
            &mut Compressor::new(),
            &mut out,
        )
        .unwrap();
    assert_eq!(header.chunk_type, ChunkType::Transposed);
    RawChunk {
        chunk_type: header.chunk_type,
        num_records: header.num_records,
        decoded_bytes: header.decoded_bytes,
        data: out.split_off(40),
    }
}

#[test]
fn upstream_reads_every_chunk() {
    let mut sides = BothSides::start();
    let mut checks = 0;
    for (name, records) in message_sets() {
        for codec in CODECS {
            let buckets: &[u64] = match codec {
                Codec::Zstd { .. } => &[1, 256, 1 << 20],
                _ => &[256],
            };
            for &bucket_bytes in buckets {
                let mut file = FileBuilder::new();
                let metadata = RecordsMetadata {
                    file_comment: Some(name.to_owned()),
                    ..RecordsMetadata::default()
                };
                let mut out = Vec::new();
                let header = metadata
                    .encode_chunk(codec, None, &mut Compressor::new(), &mut out)
                    .unwrap();
                file.unlisted(&RawChunk {
                    chunk_type: header.chunk_type,
                    num_records: header.num_records,
                    decoded_bytes: header.decoded_bytes,
                    data: out.split_off(40),
                });
                // The last group of a file is a smaller one.
                let group = records.len() / 2 + 1;
                for records in records.chunks(group) {
                    file.listed(&transposed(records, codec, bucket_bytes));
                }
                let mut tail = Tail::default();
                tail.metadata.writer_options = Some(format!("group_size:{group},transpose:true"));
                let path = sides.put(&file.finish(&tail));
                match sides.upstream.read_literal(&path, &records) {
                    Ok(report) => checks += report.checks,
                    Err(error) => panic!("{name}, {codec:?}, {bucket_bytes}: {error}"),
                }
            }
        }
    }
    report(&format!("upstream compared {checks} records"));
    assert!(checks > 0);
}

/// The same states, buffers, buckets and transitions; compressed, about as large.
#[test]
fn chunks_are_those_that_upstream_makes() {
    let mut sides = BothSides::start();
    let path = sides.put(&[]);
    for (name, records) in message_sets() {
        let items: Vec<_> = records
            .iter()
            .map(|record| {
                let hex: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
                json!({"hex": hex})
            })
            .collect();
        for (codec, text) in [
            (Codec::Uncompressed, "uncompressed"),
            (Codec::Snappy, "snappy"),
            (Codec::Zstd { level: 3 }, "zstd:3"),
            (Codec::Brotli { level: 6 }, "brotli:6"),
        ] {
            for bucket_bytes in [1, 256, 1 << 20] {
                let ours = transposed(&records, codec, bucket_bytes);
                let options = format!(
                    "group_size:{},transpose,transpose_bucket_size:{bucket_bytes},{text}",
                    records.len()
                );
                let request =
                    json!({"op": "write", "path": path, "options": options, "records": items});
                sides.upstream.ask(&request).unwrap();
                let file = std::fs::read(&path).unwrap();
                let begin = usize::try_from(SIGNATURE_BYTES).unwrap();
                let flat = take_out_block_headers(SIGNATURE_BYTES, &file[begin..]);
                let theirs = Chunk::parse(&flat, At::byte(SIGNATURE_BYTES)).unwrap();
                assert_eq!(theirs.header.chunk_type, ChunkType::Transposed);
                assert_eq!(theirs.header.num_records, ours.num_records);
                assert_eq!(theirs.header.decoded_bytes, ours.decoded_bytes);
                let case = format!("{name}, {options}");
                if codec == Codec::Uncompressed {
                    assert!(theirs.data == ours.data, "{case}");
                }
                let (theirs, ours) = (theirs.data.len() as u64, ours.data.len() as u64);
                let most = theirs * (100 + MOST_EXTRA_PERCENT) / 100 + MOST_EXTRA_BYTES;
                assert!(
                    ours <= most || bucket_bytes < LEAST_BUCKET_COMPARED,
                    "{case}: {theirs} bytes by upstream, {ours} by us"
                );
            }
        }
    }
}
