//! Blocks of 64 KiB, the header at the front of each, and the arithmetic of chunks that cross them.

use crate::error::{At, FormatError};
use crate::hash::hash;

/// Size of a block in bytes; a block header stands at every multiple of it.
pub const BLOCK_BYTES: u64 = 1 << 16;
/// Size of a block header in bytes.
pub const BLOCK_HEADER_BYTES: u64 = 24;
/// Bytes of a block that chunks may use.
pub const USABLE_BLOCK_BYTES: u64 = BLOCK_BYTES - BLOCK_HEADER_BYTES;

/// What stands at every multiple of [`BLOCK_BYTES`]: the extent of the chunk that it interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// Bytes from the beginning of the interrupted chunk to this block.
    pub previous_chunk: u64,
    /// Bytes from this block to the end of the interrupted chunk.
    pub next_chunk: u64,
}

impl BlockHeader {
    /// Reads a block header and checks its hash. `bytes` begin at file offset `block_begin`.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] below 24 bytes, [`FormatError::BlockHeaderHash`].
    pub fn parse(bytes: &[u8], block_begin: u64) -> Result<Self, FormatError> {
        let at = At::byte(block_begin);
        let Some((stored, rest)) = bytes
            .first_chunk::<24>()
            .and_then(|b| b.split_first_chunk::<8>())
        else {
            return Err(FormatError::Truncated {
                what: "block header",
                at,
                need: BLOCK_HEADER_BYTES,
                have: bytes.len() as u64,
            });
        };
        let (stored, computed) = (u64::from_le_bytes(*stored), hash(rest));
        if stored != computed {
            return Err(FormatError::BlockHeaderHash {
                at,
                stored,
                computed,
            });
        }
        let (previous, next) = rest.split_at(8);
        Ok(Self {
            previous_chunk: u64_at(previous),
            next_chunk: u64_at(next),
        })
    }

    /// The 24 bytes of this header.
    #[must_use]
    pub fn encode(&self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[8..16].copy_from_slice(&self.previous_chunk.to_le_bytes());
        bytes[16..].copy_from_slice(&self.next_chunk.to_le_bytes());
        let hash = hash(&bytes[8..]);
        bytes[..8].copy_from_slice(&hash.to_le_bytes());
        bytes
    }
}

/// The little-endian word at the front of `bytes`, zero where they are too short.
pub(crate) fn u64_at(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}

/// Bytes from `position` to the end of its block; 0 on a boundary.
#[must_use]
pub const fn remaining_in_block(position: u64) -> u64 {
    position.wrapping_neg() % BLOCK_BYTES
}

/// Whether a chunk may begin or end at `position`: not inside nor directly behind a block header.
#[must_use]
pub const fn is_chunk_boundary(position: u64) -> bool {
    remaining_in_block(position) < USABLE_BLOCK_BYTES
}

/// The nearest position at or behind `position` where a chunk may begin. Saturates at `u64::MAX`.
#[must_use]
pub const fn round_up_to_chunk_boundary(position: u64) -> u64 {
    position.saturating_add(remaining_in_block(position).saturating_sub(USABLE_BLOCK_BYTES - 1))
}

/// Where `bytes` of a chunk that begins at `begin` end in the file, block headers included. Saturates at
/// `u64::MAX`, which no file reaches.
#[must_use]
pub const fn add_with_block_headers(begin: u64, bytes: u64) -> u64 {
    // The bytes of this block in front of `begin` count as if they were ours, less the header at their front.
    let before = (begin % BLOCK_BYTES).wrapping_add(USABLE_BLOCK_BYTES - 1) % BLOCK_BYTES;
    let headers = bytes.saturating_add(before) / USABLE_BLOCK_BYTES;
    begin
        .saturating_add(bytes)
        .saturating_add(headers.saturating_mul(BLOCK_HEADER_BYTES))
}

/// How many of the file's bytes `begin..end` belong to a chunk that begins at `begin`, block headers excluded.
#[must_use]
pub const fn without_block_headers(begin: u64, end: u64) -> u64 {
    usable_before(end).saturating_sub(usable_before(begin))
}

/// Usable bytes in front of `position`, counted from the beginning of the file.
const fn usable_before(position: u64) -> u64 {
    let in_block = position % BLOCK_BYTES;
    (position / BLOCK_BYTES)
        .wrapping_mul(USABLE_BLOCK_BYTES)
        .wrapping_add(in_block.saturating_sub(BLOCK_HEADER_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_agrees_with_counting() {
        for begin in [0, 25, 64, 65496, 65535, 65536, 65561, 131_000] {
            assert!(is_chunk_boundary(begin));
            let mut position: u64 = begin;
            for bytes in 1..200_000_u64 {
                if position.is_multiple_of(BLOCK_BYTES) {
                    position += BLOCK_HEADER_BYTES;
                }
                position += 1;
                assert_eq!(
                    add_with_block_headers(begin, bytes),
                    position,
                    "{begin}+{bytes}"
                );
                assert_eq!(without_block_headers(begin, position), bytes);
            }
        }
    }

    #[test]
    fn boundaries() {
        assert!(is_chunk_boundary(0));
        for inside in 1..=24 {
            assert!(!is_chunk_boundary(BLOCK_BYTES + inside));
            assert_eq!(
                round_up_to_chunk_boundary(BLOCK_BYTES + inside),
                BLOCK_BYTES + 25
            );
        }
        assert!(is_chunk_boundary(BLOCK_BYTES + 25));
        assert_eq!(round_up_to_chunk_boundary(u64::MAX), u64::MAX);
        assert_eq!(add_with_block_headers(64, u64::MAX), u64::MAX);
    }

    #[test]
    fn header_round_trip_and_damage() {
        let header = BlockHeader {
            previous_chunk: 7,
            next_chunk: 70_000,
        };
        let mut bytes = header.encode();
        assert_eq!(BlockHeader::parse(&bytes, 65536), Ok(header));
        assert_eq!(
            BlockHeader::parse(&bytes[..23], 0).unwrap_err().code(),
            "truncated"
        );
        bytes[12] ^= 1;
        let error = BlockHeader::parse(&bytes, 65536).unwrap_err();
        assert_eq!(
            (error.code(), error.at()),
            ("block_header_hash", Some(At::byte(65536)))
        );
    }
}
