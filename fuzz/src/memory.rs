//! How much memory one call takes at the most.

use windrow::ReaderOptions;

#[path = "../../tests/src/bin/hostile/counting.rs"]
mod counting;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// What a call may take whatever its options: 1 MiB of brotli's window, the tail that is prefetched, small tables.
const SLACK_BYTES: u64 = 3 << 20;
/// Memory that one byte of a decoded chunk may cost. The worst are records of no or of one byte: a size of one byte
/// makes an end of eight, in a buffer that grows by doubling; then there are the sizes and the records themselves.
/// Brotli's window may take four times what it decodes.
const BYTES_PER_CHUNK_BYTE: u64 = 24;
/// How often the file, or a part of it, may be in memory: fetched, and without its block headers, on each of two
/// threads.
const FILE_COPIES: u64 = 4;

/// The most bytes that one call may hold of a file of `file_bytes` bytes.
#[must_use]
pub fn bound(options: &ReaderOptions, file_bytes: usize) -> u64 {
    let chunk = options.max_chunk_bytes().max(options.max_record_bytes());
    let ahead = options.readahead_buffer_bytes().unwrap_or(0);
    SLACK_BYTES
        + BYTES_PER_CHUNK_BYTE * chunk
        + options.max_batch_bytes()
        + options.chunk_cache_bytes()
        + ahead
        + FILE_COPIES * file_bytes as u64
}

/// Calls `run` and asserts that the heap's peak lies at most `bound` bytes above what is held before. C code has an
/// allocator of its own, which only libFuzzer's limit of the whole process sees.
///
/// # Panics
/// If it takes more.
pub fn within<T>(what: &str, bound: u64, run: impl FnOnce() -> T) -> T {
    let base = counting::begin();
    let result = run();
    let peak = counting::peak_since(base) as u64;
    assert!(
        peak <= bound,
        "{what}: peak of {peak} bytes, at most {bound}"
    );
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "at most 1000000")]
    fn a_peak_is_seen() {
        within("a large buffer", 1_000_000, || drop(vec![1_u8; 3_000_000]));
    }

    #[test]
    fn what_is_held_before_does_not_count() {
        let held = vec![1_u8; 3_000_000];
        within("little", 2_000_000, || drop(vec![1_u8; 1000]));
        drop(held);
    }
}
