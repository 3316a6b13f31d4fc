//! Compressed buffers that decode to far more than they say, and the check of what a reader takes for them.

use std::path::Path;
use std::time::Duration;

use windrow::Codec;
use windrow_format::{ChunkHeader, Compressor};

use super::{Forge, push_varint, run_json};

/// What a reader may take for itself whatever the file: the prefetched tail, threads, contexts.
pub const SLACK_BYTES: u64 = 4 << 20;
/// `max_chunk_bytes` and `max_record_bytes` of every case.
pub const MAX_CHUNK_BYTES: u64 = 16 << 20;
/// Brotli's own copy of what it decoded last.
pub const BROTLI_WINDOW_BYTES: u64 = 4 << 20;
/// What a bomb that is let off may take: the buffer that the thread keeps for its next chunk, the one that a batch
/// hands to its caller, and the window of the codec.
pub const BOMB_CAP_BYTES: u64 = 2 * MAX_CHUNK_BYTES + SLACK_BYTES + BROTLI_WINDOW_BYTES;
/// Code parts outside the counting allocator, stacks, and what the system's allocator keeps of freed blocks.
const OUTSIDE_BYTES: u64 = 32 << 20;

/// Codec, its byte in the file, and what its bombs would decode to: snappy's are large themselves, as it does not go
/// beyond 21 to 1.
pub const BOMB_CODECS: [(Codec, u8, usize); 3] = [
    (Codec::Zstd { level: 3 }, b'z', 256 << 20),
    (Codec::Brotli { level: 3 }, b'b', 256 << 20),
    (Codec::Snappy, b's', 40 << 20),
];

/// Writes the file, has `program` read it by every method in a process of its own, and asserts that each method
/// answers with one of `codes` (`ok` for none) and that the heap's peak is at most `cap` bytes above what the threads keep
/// of the file: each that happens to decode has it twice, as it was read and without block headers.
///
/// # Panics
/// If not.
pub fn assert_memory(program: &str, what: &str, bytes: &[u8], codes: &[&str], cap: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("case");
    std::fs::write(&path, bytes).expect("writing a file");
    let path = path.to_str().expect("temporary names are text");
    let args = ["read", path, &MAX_CHUNK_BYTES.to_string()];
    let answer = run_json(Path::new(program), &args, Duration::from_secs(60));
    let number = |key: &str| answer[key].as_u64().expect("a number");
    let (peak, resident) = (number("peak_bytes"), number("resident_bytes"));
    eprintln!(
        "{what}: file {} bytes, heap peak {peak}, resident {resident}",
        bytes.len()
    );
    let answers = answer["answers"].as_array().expect("a list");
    assert!(!answers.is_empty(), "{what}");
    for answer in answers {
        let code = answer["code"].as_str().unwrap_or("ok");
        assert!(codes.contains(&code), "{what}: {answer}");
        assert!(
            answer["byte"].is_u64() || !has_a_place(code),
            "{what}: {answer}"
        );
    }
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let cap = cap + 2 * (workers + 1) * bytes.len() as u64;
    assert!(peak <= cap, "{what}: peak of {peak} bytes, at most {cap}");
    let cap = cap + OUTSIDE_BYTES;
    assert!(
        resident <= cap,
        "{what}: {resident} bytes in memory, at most {cap}"
    );
}

/// Whether an answer is about one place in the file.
fn has_a_place(code: &str) -> bool {
    let without = ["ok", "no_postscript", "not_array_record", "out_of_range"];
    !without.contains(&code)
}

/// A file of one listed chunk, honest but for what the caller made of it.
#[must_use]
pub fn one_chunk(header: &ChunkHeader, data: &[u8]) -> Vec<u8> {
    let mut forge = Forge::new();
    forge.listed(header, data);
    let footer = forge.honest_footer(1);
    forge.seal(&footer).0
}

/// A compressed buffer as a chunk stores it.
///
/// # Panics
/// If the codec fails.
#[must_use]
pub fn compressed(codec: Codec, window_log: Option<u32>, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Compressor::new()
        .compress_into(codec, window_log, bytes, &mut out)
        .expect("codecs are built in");
    out
}

/// A compressed buffer of `bytes` zeros that declares another size.
#[must_use]
pub fn bomb(codec: Codec, window_log: Option<u32>, bytes: usize, declared: u64) -> Vec<u8> {
    let honest = compressed(codec, window_log, &vec![0; bytes]);
    let mut size = Vec::new();
    push_varint(&mut size, bytes as u64);
    let mut buffer = Vec::new();
    push_varint(&mut buffer, declared);
    buffer.extend_from_slice(&honest[size.len()..]);
    buffer
}

/// A compressed buffer of sizes, for one record of `bytes` bytes.
#[must_use]
pub fn one_size(codec: Codec, bytes: u64) -> Vec<u8> {
    let mut size = Vec::new();
    push_varint(&mut size, bytes);
    compressed(codec, None, &size)
}
