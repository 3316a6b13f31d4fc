//! The benchmark's protocol buffers.

use std::path::{Path, PathBuf};

use windrow::Codec;
use windrow::format::{At, Chunk, Compressor, RecordGroup, TransposedEncoder};

use crate::floor::{Contexts, Group};
use crate::text::with_sizes;

/// Where `make bench` puts the messages.
#[must_use]
pub fn path() -> PathBuf {
    std::env::var_os("WINDROW_BENCH_MESSAGES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-data/messages.bin"),
        PathBuf::from,
    )
}

/// 100,000 messages of 20 fields, 65.5 MB (see `benches/data/make_messages.py`).
///
/// # Panics
/// If the file is not there or not as the script writes it.
#[must_use]
pub fn records() -> Vec<Vec<u8>> {
    with_sizes(&path())
}

/// What a floor compresses of transposed chunks: of each chunk its header, its transitions, and its buckets.
///
/// # Panics
/// If the codec is not zstd.
#[must_use]
pub fn groups(
    records: &[Vec<u8>],
    group_size: usize,
    codec: Codec,
    bucket_bytes: u64,
) -> Vec<Group> {
    assert!(matches!(codec, Codec::Zstd { .. }), "frames of zstd");
    let (mut encoder, mut compressor) = (TransposedEncoder::new(), Compressor::new());
    let mut contexts = Contexts::new(codec);
    let mut encode = |records: &[Vec<u8>]| {
        let mut group = RecordGroup::new();
        records.iter().for_each(|record| group.push(record));
        let mut bytes = Vec::new();
        encoder
            .encode(
                &group.as_slice(),
                codec,
                None,
                bucket_bytes,
                &mut compressor,
                &mut bytes,
            )
            .expect("encodes");
        let chunk = Chunk::parse(&bytes, At::byte(0)).expect("parses");
        Group {
            buffers: buffers(chunk.data, &mut contexts),
        }
    };
    records.chunks(group_size).map(&mut encode).collect()
}

/// Takes the data of a transposed chunk apart.
fn buffers(data: &[u8], contexts: &mut Contexts) -> Vec<Vec<u8>> {
    let mut decompress = |mut stored: &[u8]| {
        let bytes = number(&mut stored);
        let mut buffer = Vec::new();
        contexts.decompress(stored, bytes, &mut buffer);
        buffer
    };
    // The first byte names the codec.
    let mut rest = &data[1..];
    let header_bytes = number(&mut rest);
    let (header, mut rest) = rest.split_at(header_bytes);
    let header = decompress(header);
    let mut numbers = header.as_slice();
    let buckets = number(&mut numbers);
    number(&mut numbers);
    let mut decoded = Vec::new();
    for _ in 0..buckets {
        let (bucket, behind) = rest.split_at(number(&mut numbers));
        decoded.push(decompress(bucket));
        rest = behind;
    }
    decoded.splice(0..0, [header, decompress(rest)]);
    decoded
}

/// Takes a varint off the front.
fn number(bytes: &mut &[u8]) -> usize {
    let mut number = 0;
    for place in 0.. {
        let (&byte, rest) = bytes.split_first().expect("a number");
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            break;
        }
    }
    number
}
