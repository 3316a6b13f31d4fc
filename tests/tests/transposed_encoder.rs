//! Transposed chunks as the encoder makes them: upstream reads them, and makes the same ones.

use serde_json::json;
use windrow::Codec;
use windrow::format::{
    At, Chunk, ChunkType, Compressor, RecordGroup, RecordsMetadata, SIGNATURE_BYTES,
    TransposedEncoder, take_out_block_headers,
};
use windrow_tests::both_sides::{BothSides, CODECS};
use windrow_tests::file_builder::{FileBuilder, RawChunk, Tail};
use windrow_tests::progress::report;

const SEED: u64 = 20_261_121;
/// How much larger than upstream's a compressed chunk may be, plus a few bytes for small ones: the same buffers go
/// through other releases of the codecs.
const MOST_EXTRA_PERCENT: u64 = 2;
const MOST_EXTRA_BYTES: u64 = 16;
/// Buckets of single buffers, most of them of a few bytes, say more of the codecs than of the chunks.
const LEAST_BUCKET_COMPARED: u64 = 256;

/// Numbers for messages.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    /// A number of any length in bits.
    fn any(&mut self) -> u64 {
        let bits = self.below(64);
        self.below(u64::MAX) >> bits
    }

    fn bytes(&mut self, limit: u64) -> Vec<u8> {
        let len = self.below(limit);
        (0..len).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }

    fn words(&mut self, limit: u64) -> Vec<u8> {
        const WORDS: [&str; 6] = ["cut", "grain", "rows", "of", "the", "windrow"];
        let words: Vec<&str> = (0..self.below(limit))
            .map(|_| WORDS[usize::try_from(self.below(6)).unwrap()])
            .collect();
        words.join(" ").into_bytes()
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn fixed(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | if value.len() == 4 { 5 } else { 1 });
    out.extend_from_slice(value);
}

/// A message as programs write them: fields in order, nested messages, repeated and packed ones, a group, a map.
fn visit(numbers: &mut Numbers, id: u64) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, 1, 1_000_000 + id);
    bytes(&mut out, 2, &numbers.words(9));
    fixed(&mut out, 3, &numbers.any().to_le_bytes());
    if numbers.below(3) > 0 {
        number(&mut out, 4, numbers.any());
    }
    number(&mut out, 5, numbers.below(6));
    let mut place = Vec::new();
    fixed(&mut place, 1, &numbers.below(1000).to_le_bytes()[..4]);
    bytes(&mut place, 2, &numbers.words(3));
    bytes(&mut out, 6, &place);
    for _ in 0..numbers.below(4) {
        let mut item = Vec::new();
        number(&mut item, 1, numbers.below(300));
        bytes(&mut item, 2, &numbers.words(2));
        bytes(&mut out, 7, &item);
    }
    let mut packed = Vec::new();
    for _ in 0..numbers.below(6) {
        varint(&mut packed, numbers.below(1000));
    }
    bytes(&mut out, 8, &packed);
    varint(&mut out, 9 << 3 | 3);
    number(&mut out, 1, numbers.below(2));
    varint(&mut out, 9 << 3 | 4);
    for _ in 0..numbers.below(3) {
        let mut entry = Vec::new();
        bytes(&mut entry, 1, &numbers.words(2));
        bytes(&mut entry, 2, &numbers.bytes(5));
        bytes(&mut out, 536_870_911, &entry);
    }
    out
}

/// A message of fields in any order, nested anyhow; values may be longer than necessary or make no sense.
fn tangle(numbers: &mut Numbers, depth: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..numbers.below(7) {
        let field = 1 + numbers.below(5) * numbers.below(60);
        match numbers.below(9) {
            0 => {
                varint(&mut out, field << 3);
                out.extend_from_slice(&[0x80 | numbers.below(128).to_le_bytes()[0], 0]);
            }
            1 | 2 => number(&mut out, field, numbers.any()),
            3 => fixed(&mut out, field, &numbers.any().to_le_bytes()[4..]),
            4 => bytes(&mut out, field, &numbers.bytes(12)),
            5 => bytes(&mut out, field, &numbers.words(4)),
            6 if depth > 0 => {
                varint(&mut out, field << 3 | 3);
                out.extend(tangle(numbers, depth - 1));
                varint(&mut out, field << 3 | 4);
            }
            _ if depth > 0 => bytes(&mut out, field, &tangle(numbers, depth - 1)),
            _ => number(&mut out, field, numbers.below(4)),
        }
    }
    out
}

fn record_sets() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut numbers = Numbers(SEED);
    let visits = (0..900).map(|id| visit(&mut numbers, id)).collect();
    let tangles = (0..1200).map(|_| tangle(&mut numbers, 4)).collect();
    let others = (0..300).map(|_| numbers.bytes(40)).collect();
    let mixed = (0..400)
        .map(|id| match id % 3 {
            0 => numbers.bytes(20),
            1 => numbers.words(20),
            _ => visit(&mut numbers, id),
        })
        .collect();
    let wide = (0..60)
        .map(|_| {
            let mut out = Vec::new();
            for _ in 0..numbers.below(200) {
                number(&mut out, 1, numbers.below(3));
                number(&mut out, 2 + numbers.below(700), numbers.below(1000));
            }
            out
        })
        .collect();
    let mut long = Vec::new();
    bytes(&mut long, 1, &vec![0xff; 2 << 20]);
    let deep = (0..180).fold(vec![0x08, 1], |inner, _| {
        let mut out = Vec::new();
        bytes(&mut out, 2, &inner);
        out
    });
    vec![
        ("visits", visits),
        ("tangles", tangles),
        ("no messages", others),
        ("messages and others", mixed),
        ("wide messages", wide),
        ("long strings", vec![long, vec![0xff; 2 << 20], Vec::new()]),
        ("deep messages", vec![deep; 3]),
        ("empty messages", vec![Vec::new(); 70]),
        ("one message", vec![vec![0x08, 0x96, 1]]),
    ]
}

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
    for (name, records) in record_sets() {
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
    for (name, records) in record_sets() {
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
