//! How much one structure may take.

/// Bounds on what a decoder reserves for sizes that a file declares. Above them, decoding is an error that names the
/// option; below them, memory is still reserved only for what the bytes at hand make possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Decoded bytes of one chunk, default 4 GiB.
    pub max_chunk_bytes: u64,
    /// Bytes of one record, default 4 GiB.
    pub max_record_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_chunk_bytes: 4 << 30,
            max_record_bytes: 4 << 30,
        }
    }
}
