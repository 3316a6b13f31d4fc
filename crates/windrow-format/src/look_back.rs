//! Finding the last postscript of a file that is being appended to. `format-spec/append.md`, *Look-back*.

use crate::block::{BLOCK_BYTES, BLOCK_HEADER_BYTES, BlockHeader};
use crate::chunk::Chunk;
use crate::chunk_header::{CHUNK_HEADER_BYTES, ChunkHeader, ChunkType};
use crate::error::At;
use crate::postscript::POSTSCRIPT_COPIES;

/// Bytes from the beginning of a block that tell whether it may be a postscript: its block header and a chunk header.
pub const LOOK_BACK_BYTES: usize = 64;

/// What a block turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookedAt {
    /// It begins with a chunk that may be a postscript.
    Postscript,
    /// Anything else.
    Nothing,
}

/// Goes from block to block, from the end of a file to its beginning. Chunks that span blocks are passed over.
#[derive(Debug, Clone)]
pub struct LookBack {
    /// The block to look at; behind the last whole one to begin with.
    block: Option<u64>,
}

impl LookBack {
    /// A search in a file of `file_bytes` bytes. The last block, if it is whole, was looked at already.
    #[must_use]
    pub const fn new(file_bytes: u64) -> Self {
        let last = file_bytes.saturating_sub(1) / BLOCK_BYTES;
        Self {
            // The first block holds the signature.
            block: match last.checked_sub(1) {
                Some(0) | None => None,
                Some(block) => Some(block.saturating_mul(BLOCK_BYTES)),
            },
        }
    }

    /// Where the block begins whose first [`LOOK_BACK_BYTES`] are to be pushed; `None` at the end.
    #[must_use]
    pub const fn block(&self) -> Option<u64> {
        self.block
    }

    /// Looks at the beginning of the block that was asked for.
    pub fn push(&mut self, bytes: &[u8]) -> LookedAt {
        let Some(begin) = self.block else {
            return LookedAt::Nothing;
        };
        let header = BlockHeader::parse(bytes, begin);
        // All blocks inside a chunk tell where it begins.
        let inside = header.as_ref().map_or(0, |header| header.previous_chunk);
        let step = inside.div_ceil(BLOCK_BYTES).max(1);
        self.block = begin
            .checked_sub(step.saturating_mul(BLOCK_BYTES))
            .filter(|&block| block > 0);
        if inside > 0 {
            return LookedAt::Nothing;
        }
        let chunk = bytes.get(24..).unwrap_or_default();
        match ChunkHeader::parse(chunk, At::byte(begin)) {
            Ok(header)
                if header.chunk_type == ChunkType::Simple
                    && header.num_records == POSTSCRIPT_COPIES
                    && header.chunk_end(begin) <= begin.saturating_add(BLOCK_BYTES) =>
            {
                LookedAt::Postscript
            }
            _ => LookedAt::Nothing,
        }
    }
}

/// Whether `block`, the last one of a file, which begins at `begin`, is a postscript that is damaged, rather than
/// something else: then the file was finished, and an older postscript in front of it does not tell its contents. Either of
/// its two headers is enough to know it by.
#[must_use]
pub fn is_damaged_postscript(block: &[u8], begin: u64) -> bool {
    /// Bytes of three messages at the most: two fields each, of one byte and a varint.
    const MOST_DECODED: u64 = POSTSCRIPT_COPIES * 22;
    let data_front = 2 + POSTSCRIPT_COPIES;
    let headers = BLOCK_HEADER_BYTES.saturating_add(CHUNK_HEADER_BYTES);
    let most = headers
        .saturating_add(data_front)
        .saturating_add(MOST_DECODED);
    let flat = block.get(24..).unwrap_or_default();
    if let Ok(header) = ChunkHeader::parse(flat, At::byte(begin)) {
        return header.chunk_type == ChunkType::Simple
            && header.num_records == POSTSCRIPT_COPIES
            && header.decoded_bytes <= MOST_DECODED
            // With a sound hash it is what it is: three short records.
            && Chunk::parse(flat, At::byte(begin)).is_err();
    }
    BlockHeader::parse(block, begin).is_ok_and(|header| {
        header.previous_chunk == 0 && header.next_chunk > headers && header.next_chunk <= most
    })
}

/// Whether the bytes behind a postscript, which begin on the block `begin` with `tail`, look like an append. Of them the
/// first [`LOOK_BACK_BYTES`] are needed, or all if there are fewer.
#[must_use]
pub fn is_append(tail: &[u8], begin: u64) -> bool {
    if tail.len() < LOOK_BACK_BYTES || tail.iter().all(|&byte| byte == 0) {
        return true;
    }
    let header_bytes = BLOCK_HEADER_BYTES.saturating_add(CHUNK_HEADER_BYTES);
    debug_assert_eq!(
        header_bytes, LOOK_BACK_BYTES as u64,
        "both headers are looked at"
    );
    let chunk = tail.get(24..).unwrap_or_default();
    BlockHeader::parse(tail, begin).is_ok_and(|header| header.previous_chunk == 0)
        && ChunkHeader::parse(chunk, At::byte(begin))
            .is_ok_and(|header| header.chunk_type != ChunkType::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_over_many_blocks_are_passed_over() {
        let mut search = LookBack::new(10 * BLOCK_BYTES + 5);
        assert_eq!(search.block(), Some(9 * BLOCK_BYTES));
        let inside = BlockHeader {
            previous_chunk: 3 * BLOCK_BYTES + 7,
            next_chunk: 100,
        };
        let mut bytes = inside.encode().to_vec();
        bytes.resize(LOOK_BACK_BYTES, 1);
        assert_eq!(search.push(&bytes), LookedAt::Nothing);
        // Where the chunk begins is a block that may begin with something else.
        assert_eq!(search.block(), Some(5 * BLOCK_BYTES));
        assert_eq!(search.push(&[7; LOOK_BACK_BYTES]), LookedAt::Nothing);
        assert_eq!(search.block(), Some(4 * BLOCK_BYTES));
        for bytes in [0, 1, BLOCK_BYTES, 2 * BLOCK_BYTES] {
            assert_eq!(LookBack::new(bytes).block(), None, "{bytes}");
        }
        let whole = LookBack::new(3 * BLOCK_BYTES);
        assert_eq!(whole.block(), Some(BLOCK_BYTES));
    }

    #[test]
    fn a_damaged_postscript_is_known_by_what_is_left() {
        let begin = BLOCK_BYTES;
        let message = crate::postscript::encode_postscript(201);
        let mut group = crate::RecordGroup::new();
        for _ in 0..POSTSCRIPT_COPIES {
            group.push(&message);
        }
        let mut chunk = Vec::new();
        let mut compressor = crate::Compressor::new();
        let header = group
            .encode(
                crate::Codec::Uncompressed,
                None,
                &mut compressor,
                &mut chunk,
            )
            .unwrap();
        let mut block = Vec::new();
        let laid: Result<_, std::convert::Infallible> =
            crate::BlockWriter::new(begin).lay(&header, &chunk, |bytes| {
                block.extend_from_slice(bytes);
                Ok(())
            });
        laid.unwrap();
        assert!(!is_damaged_postscript(&block, begin), "it is sound");
        for byte in 0..block.len() {
            let mut flipped = block.clone();
            flipped[byte] ^= 4;
            let known = is_damaged_postscript(&flipped, begin);
            // A damaged block header costs nothing: the chunk behind it is sound.
            assert_eq!(known, byte >= 24, "byte {byte}");
        }
        assert!(!is_damaged_postscript(&[0; 200], begin));
        assert!(!is_damaged_postscript(&[], begin));
    }

    #[test]
    fn appends_and_other_tails() {
        let begin = 2 * BLOCK_BYTES;
        let header = |chunk_type, previous_chunk| {
            let block = BlockHeader {
                previous_chunk,
                next_chunk: 64,
            };
            let chunk = ChunkHeader::new(chunk_type, 0, 0, &[]).encode();
            [block.encode().as_slice(), chunk.as_slice()].concat()
        };
        assert!(is_append(&[], begin));
        assert!(is_append(&[9; 63], begin));
        assert!(is_append(&[0; 64], begin));
        assert!(is_append(&header(ChunkType::Simple, 0), begin));
        assert!(is_append(&header(ChunkType::Padding, 0), begin));
        assert!(!is_append(&header(ChunkType::Signature, 0), begin));
        assert!(!is_append(&header(ChunkType::Simple, 64), begin));
        assert!(!is_append(&[9; 64], begin));
    }
}
