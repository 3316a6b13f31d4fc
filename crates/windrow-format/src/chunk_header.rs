//! The 40 bytes in front of every chunk's data.

use crate::block::{
    BLOCK_HEADER_BYTES, add_with_block_headers, round_up_to_chunk_boundary, u64_at,
};
use crate::error::{At, FormatError};
use crate::hash::hash;

/// Size of a chunk header in bytes.
pub const CHUNK_HEADER_BYTES: u64 = 40;
/// Bytes of the signature chunk and the block header in front of it: where the first data chunk can begin.
pub const SIGNATURE_BYTES: u64 = BLOCK_HEADER_BYTES + CHUNK_HEADER_BYTES;
/// The most records one chunk can count: its header has 56 bits for them.
pub const MAX_CHUNK_RECORDS: u64 = (1 << 56) - 1;

/// What a chunk's data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkType {
    /// `s`: the file signature.
    Signature,
    /// `m`: file metadata.
    Metadata,
    /// `p`: padding.
    Padding,
    /// `r`: records, one after the other.
    Simple,
    /// `t`: records of protocol buffers, field by field.
    Transposed,
    /// `e`: record pages: records that are compressed and checked each by itself.
    Pages,
    /// `d`: a dictionary of page chunks.
    Dictionary,
    /// `o`: records of an open group, until their full chunk comes.
    Provisional,
    /// `c`: rows of a table, column by column.
    Columns,
    /// `a`: the Arrow schema of the columns.
    Schema,
    /// `b`: what each column chunk holds at least and at most.
    Statistics,
    /// Anything else.
    Unknown(u8),
}

impl ChunkType {
    /// The type that a header's byte names.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            b's' => Self::Signature,
            b'm' => Self::Metadata,
            b'p' => Self::Padding,
            b'r' => Self::Simple,
            b't' => Self::Transposed,
            b'e' => Self::Pages,
            b'd' => Self::Dictionary,
            b'o' => Self::Provisional,
            b'c' => Self::Columns,
            b'a' => Self::Schema,
            b'b' => Self::Statistics,
            other => Self::Unknown(other),
        }
    }

    /// The byte in the header.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Signature => b's',
            Self::Metadata => b'm',
            Self::Padding => b'p',
            Self::Simple => b'r',
            Self::Transposed => b't',
            Self::Pages => b'e',
            Self::Dictionary => b'd',
            Self::Provisional => b'o',
            Self::Columns => b'c',
            Self::Schema => b'a',
            Self::Statistics => b'b',
            Self::Unknown(byte) => byte,
        }
    }
}

/// What stands in front of a chunk's data, hashes apart from the header's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHeader {
    /// Bytes of data, block headers excluded.
    pub data_bytes: u64,
    /// Hash of the data.
    pub data_hash: u64,
    /// What the data are.
    pub chunk_type: ChunkType,
    /// Records in the chunk, at most [`MAX_CHUNK_RECORDS`]. Of a column chunk 1: how many rows it has is in its data.
    pub num_records: u64,
    /// Sum of the records' sizes in bytes.
    pub decoded_bytes: u64,
}

impl ChunkHeader {
    /// The header of a chunk with these data.
    #[must_use]
    pub fn new(chunk_type: ChunkType, num_records: u64, decoded_bytes: u64, data: &[u8]) -> Self {
        Self {
            data_bytes: data.len() as u64,
            data_hash: hash(data),
            chunk_type,
            num_records,
            decoded_bytes,
        }
    }

    /// Reads a header from the front of `bytes` (block headers already taken out) and checks its hash.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] below 40 bytes, [`FormatError::ChunkHeaderHash`].
    #[inline]
    pub fn parse(bytes: &[u8], at: At) -> Result<Self, FormatError> {
        let Some(([stored, words @ ..], _)) = bytes
            .first_chunk::<40>()
            .map(|header| header.as_chunks::<8>())
            .and_then(|(words, rest)| words.first_chunk::<5>().map(|words| (words, rest)))
        else {
            return Err(FormatError::Truncated {
                what: "chunk header",
                at,
                need: CHUNK_HEADER_BYTES,
                have: bytes.len() as u64,
            });
        };
        let stored = u64::from_le_bytes(*stored);
        let computed = hash(words.as_flattened());
        if stored != computed {
            return Err(FormatError::ChunkHeaderHash {
                at,
                stored,
                computed,
            });
        }
        let [data_bytes, data_hash, kind, decoded_bytes] = words.map(|word| u64_at(&word));
        Ok(Self {
            data_bytes,
            data_hash,
            chunk_type: ChunkType::from_byte(kind.to_le_bytes()[0]),
            num_records: kind >> 8,
            decoded_bytes,
        })
    }

    /// The 40 bytes of this header.
    #[must_use]
    pub fn encode(&self) -> [u8; 40] {
        let kind = (self.num_records << 8) | u64::from(self.chunk_type.to_byte());
        let mut bytes = [0; 40];
        bytes[8..16].copy_from_slice(&self.data_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.data_hash.to_le_bytes());
        bytes[24..32].copy_from_slice(&kind.to_le_bytes());
        bytes[32..].copy_from_slice(&self.decoded_bytes.to_le_bytes());
        let hash = hash(&bytes[8..]);
        bytes[..8].copy_from_slice(&hash.to_le_bytes());
        bytes
    }

    /// Where a chunk with this header that begins at `begin` ends, block headers and padding included. Saturates
    /// at `u64::MAX`.
    #[must_use]
    pub const fn chunk_end(&self, begin: u64) -> u64 {
        let data_end =
            add_with_block_headers(begin, CHUNK_HEADER_BYTES.saturating_add(self.data_bytes));
        let records_end = round_up_to_chunk_boundary(begin.saturating_add(self.num_records));
        if data_end > records_end {
            data_end
        } else {
            records_end
        }
    }
}

/// Compares one field of a header with the only value that it may have.
pub(crate) fn check_field(
    at: At,
    field: &'static str,
    stored: u64,
    expected: u64,
) -> Result<(), FormatError> {
    if stored == expected {
        return Ok(());
    }
    Err(FormatError::ChunkHeaderField {
        at,
        field,
        stored,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(num_records: u64, data_bytes: u64) -> ChunkHeader {
        ChunkHeader {
            data_bytes,
            data_hash: 1,
            chunk_type: ChunkType::Simple,
            num_records,
            decoded_bytes: 9,
        }
    }

    #[test]
    fn round_trip_and_damage() {
        let header = header(MAX_CHUNK_RECORDS, 6);
        let mut bytes = header.encode();
        assert_eq!(ChunkHeader::parse(&bytes, At::byte(0)), Ok(header));
        for byte in 0..40 {
            bytes[byte] ^= 0x10;
            let error = ChunkHeader::parse(&bytes, At::chunk(64, 0)).unwrap_err();
            assert_eq!(error.code(), "chunk_header_hash");
            bytes[byte] ^= 0x10;
        }
    }

    #[test]
    fn a_chunk_spans_at_least_one_byte_per_record() {
        // Measured on upstream's writer: zstd, empty records, one group, beginning at 64.
        for (records, end) in [
            (5000, 5064),
            (70_000, 70_064),
            (65_472, 65_536),
            (65_473, 65_561),
            (65_497, 65_561),
            (65_498, 65_562),
        ] {
            assert_eq!(header(records, 32).chunk_end(64), end);
        }
    }
}
