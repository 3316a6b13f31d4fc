//! How much one structure may take.

use crate::chunk_header::{ChunkHeader, ChunkType};
use crate::error::{At, FormatError};

/// Bounds on what a decoder reserves for sizes that a file declares. Above them, decoding is an error that names the
/// option; below them, memory is still reserved only for what the bytes at hand make possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Decoded bytes of one chunk, default 4 GiB.
    pub max_chunk_bytes: u64,
    /// Bytes of one record, default 4 GiB.
    pub max_record_bytes: u64,
}

impl Limits {
    /// Checks what a chunk says that it decodes to.
    ///
    /// # Errors
    /// [`FormatError::Limit`] naming `max_chunk_bytes`.
    pub fn check_decoded(&self, header: &ChunkHeader, at: At) -> Result<(), FormatError> {
        Self::check(
            "decoded chunk",
            header.decoded_bytes,
            self.max_chunk_bytes,
            at,
            "max_chunk_bytes",
        )
    }

    /// Checks the size of a record that is stored as it is, before it is fetched.
    ///
    /// # Errors
    /// [`FormatError::Limit`] naming `max_record_bytes`.
    pub fn check_record(&self, bytes: u64, at: At) -> Result<(), FormatError> {
        let limit = self.max_record_bytes.min(self.max_chunk_bytes);
        Self::check("record", bytes, limit, at, "max_record_bytes")
    }

    /// Checks what a chunk takes in the file, before it is fetched: no codec makes more than twice as much of what it
    /// cannot compress. The machine of a transposed chunk may take several bytes for a byte of a record.
    ///
    /// # Errors
    /// [`FormatError::Limit`] naming `max_chunk_bytes`.
    pub fn check_stored(&self, header: &ChunkHeader, at: At) -> Result<(), FormatError> {
        let factor = match header.chunk_type {
            ChunkType::Transposed => 16,
            _ => 2,
        };
        let limit = self.max_chunk_bytes.saturating_mul(factor);
        Self::check(
            "stored chunk",
            header.data_bytes,
            limit,
            at,
            "max_chunk_bytes",
        )
    }

    fn check(
        what: &'static str,
        value: u64,
        limit: u64,
        at: At,
        option: &'static str,
    ) -> Result<(), FormatError> {
        if value <= limit {
            return Ok(());
        }
        Err(FormatError::Limit {
            what,
            at,
            value,
            limit,
            option,
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_chunk_bytes: 4 << 30,
            max_record_bytes: 4 << 30,
        }
    }
}
