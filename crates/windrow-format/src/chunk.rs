//! Whole chunks: taking them out of blocks and laying them into blocks.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "positions are below the size of the file, pieces within what was checked to be there"
)]

use std::borrow::Cow;
use std::ops::Range;

use crate::block::{
    BLOCK_BYTES, BLOCK_HEADER_BYTES, BlockHeader, USABLE_BLOCK_BYTES, is_chunk_boundary,
    remaining_in_block, without_block_headers,
};
use crate::chunk_header::{CHUNK_HEADER_BYTES, ChunkHeader, ChunkType};
use crate::error::{At, FormatError};
use crate::hash::hash;

/// A chunk whose header and data hashes were checked.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// What stands in front of the data.
    pub header: ChunkHeader,
    /// The data, block headers taken out.
    pub data: &'a [u8],
    /// Where the chunk begins.
    pub at: At,
}

impl<'a> Chunk<'a> {
    /// Reads a chunk from `bytes`, which begin at its beginning and have no block headers in them (see
    /// [`take_out_block_headers`]), and checks both hashes. Bytes behind the data are ignored.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::ChunkHeaderHash`], [`FormatError::ChunkDataHash`].
    #[inline]
    pub fn parse(bytes: &'a [u8], at: At) -> Result<Self, FormatError> {
        let header = ChunkHeader::parse(bytes, at)?;
        let rest = bytes.get(40..).unwrap_or_default();
        let data = usize::try_from(header.data_bytes)
            .ok()
            .and_then(|data_bytes| rest.get(..data_bytes))
            .ok_or(FormatError::Truncated {
                what: "chunk data",
                at,
                need: header.data_bytes,
                have: rest.len() as u64,
            })?;
        let computed = hash(data);
        if computed != header.data_hash {
            return Err(FormatError::ChunkDataHash {
                at,
                data_bytes: header.data_bytes,
                stored: header.data_hash,
                computed,
            });
        }
        Ok(Self { header, data, at })
    }

    /// Checks that a chunk may begin where this one is said to.
    ///
    /// # Errors
    /// [`FormatError::ChunkBoundary`].
    pub fn check_boundary(at: At) -> Result<(), FormatError> {
        if is_chunk_boundary(at.byte) {
            Ok(())
        } else {
            Err(FormatError::ChunkBoundary { at })
        }
    }
}

/// The bytes of the file from `begin` on, without the block headers among them. Copies only where a block header
/// stands inside; one at the very front is just skipped.
#[must_use]
pub fn take_out_block_headers(begin: u64, raw: &[u8]) -> Cow<'_, [u8]> {
    let mut joined = Vec::new();
    match without_block_headers_in(begin, raw, &mut joined) {
        Some(borrowed) => Cow::Borrowed(borrowed),
        None => Cow::Owned(joined),
    }
}

/// The same, with the copy in a buffer of the caller's: `None` if it had to be made, and `joined` holds it.
pub fn without_block_headers_in<'a>(
    begin: u64,
    raw: &'a [u8],
    joined: &mut Vec<u8>,
) -> Option<&'a [u8]> {
    let mut parts = usable_parts(begin, raw);
    let first = parts.next().unwrap_or_default();
    let Some(second) = parts.next() else {
        return Some(first);
    };
    joined.clear();
    joined.reserve(raw.len());
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    for part in parts {
        joined.extend_from_slice(part);
    }
    None
}

/// The same as [`take_out_block_headers`], in place.
pub fn remove_block_headers(begin: u64, raw: &mut Vec<u8>) {
    let len = close_block_headers(begin, raw);
    raw.truncate(len);
}

/// Moves what lies between block headers together, to the front of `raw`; returns how many bytes that is.
pub fn close_block_headers(begin: u64, raw: &mut [u8]) -> usize {
    let mut position = begin;
    let (mut read, mut written) = (0, 0);
    while read < raw.len() {
        let header = BLOCK_HEADER_BYTES.saturating_sub(position % BLOCK_BYTES);
        position += header;
        read = (read + small(header)).min(raw.len());
        let part = small(remaining_in_block(position)).min(raw.len() - read);
        if written < read {
            raw.copy_within(read..read + part, written);
        }
        written += part;
        read += part;
        position += part as u64;
    }
    written
}

/// The pieces of `raw`, which begins at file offset `begin`, that lie between block headers.
fn usable_parts(begin: u64, raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = raw;
    let mut position = begin;
    std::iter::from_fn(move || {
        let header = BLOCK_HEADER_BYTES.saturating_sub(position % BLOCK_BYTES);
        rest = rest.get(small(header)..).filter(|rest| !rest.is_empty())?;
        position += header;
        let in_block = small(remaining_in_block(position)).min(rest.len());
        let (part, behind) = rest.split_at(in_block);
        rest = behind;
        position += in_block as u64;
        Some(part)
    })
}

/// Appends the 40 header bytes and the data of a chunk, without block headers.
pub fn push_chunk(out: &mut Vec<u8>, header: &ChunkHeader, data: &[u8]) {
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(data);
}

/// Size of the padding that stands between a block boundary and a chunk without records, in bytes: such a chunk must not
/// begin on a boundary unless it is longer than a block.
pub const GUARD_BYTES: u64 = BLOCK_BYTES + 64;

/// Lays chunks into blocks. Knows file offsets; everything above it does not.
#[derive(Debug, Clone)]
pub struct BlockWriter {
    position: u64,
}

impl BlockWriter {
    /// A writer whose next chunk begins at `position`, which is a chunk boundary.
    #[must_use]
    pub const fn new(position: u64) -> Self {
        Self { position }
    }

    /// Where the next chunk will begin, in bytes from the beginning of the file.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Gives `emit` the pieces of a chunk with the block headers and the padding that belong to it, in order, and
    /// returns the file offsets that it covers. `chunk` is its header and data as [`push_chunk`] leaves them.
    ///
    /// # Errors
    /// Those of `emit`, after which the position is not known any more.
    pub fn lay<E>(
        &mut self,
        header: &ChunkHeader,
        chunk: &[u8],
        mut emit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Range<u64>, E> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let begin = self.position;
        let end = header.chunk_end(begin);
        let mut rest = chunk;
        while self.position < end {
            if self.position.is_multiple_of(BLOCK_BYTES) {
                let block = BlockHeader {
                    previous_chunk: self.position - begin,
                    next_chunk: end - self.position,
                };
                emit(&block.encode())?;
                self.position += BLOCK_HEADER_BYTES;
            }
            let room = small(remaining_in_block(self.position).min(end - self.position));
            let (now, later) = rest.split_at(room.min(rest.len()));
            emit(now)?;
            let mut padding = room - now.len();
            while padding > 0 {
                let zeros = padding.min(ZEROS.len());
                emit(&ZEROS[..zeros])?;
                padding -= zeros;
            }
            rest = later;
            self.position += room as u64;
        }
        Ok(begin..end)
    }

    /// Steps over a chunk whose bytes need no block header and no padding, so that they can be written as they are,
    /// together with what stands in front of them. `None`, with nothing done, for any other chunk.
    pub fn step_over_plain(&mut self, header: &ChunkHeader) -> Option<Range<u64>> {
        let begin = self.position;
        let room = remaining_in_block(begin);
        let bytes = CHUNK_HEADER_BYTES.saturating_add(header.data_bytes);
        if bytes > room || header.num_records > bytes {
            return None;
        }
        self.position = begin + bytes;
        Some(begin..self.position)
    }

    /// Gives `emit` the signature chunk, which begins every file.
    ///
    /// # Errors
    /// Those of `emit`.
    pub fn lay_signature<E>(&mut self, emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let header = ChunkHeader::new(ChunkType::Signature, 0, 0, &[]);
        self.lay(&header, &header.encode(), emit).map(|_| ())
    }

    /// Gives `emit` a padding chunk that ends on a block boundary: nothing if the position is on one already, and
    /// one block more if there is no room for a chunk header.
    ///
    /// # Errors
    /// Those of `emit`.
    pub fn lay_padding<E>(&mut self, emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let remaining = remaining_in_block(self.position);
        if remaining == 0 {
            return Ok(());
        }
        let data_bytes = remaining
            .checked_sub(CHUNK_HEADER_BYTES)
            .unwrap_or(remaining + USABLE_BLOCK_BYTES - CHUNK_HEADER_BYTES);
        self.lay_zeros(data_bytes, emit)
    }

    /// Gives `emit` a padding chunk of [`GUARD_BYTES`] if the position is on a block boundary, else nothing: then a
    /// chunk without records may follow.
    ///
    /// # Errors
    /// Those of `emit`.
    pub fn lay_guard<E>(&mut self, emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let begin = self.position;
        if remaining_in_block(begin) > 0 {
            return Ok(());
        }
        let data_bytes = without_block_headers(begin, begin + GUARD_BYTES) - CHUNK_HEADER_BYTES;
        self.lay_zeros(data_bytes, emit)
    }

    fn lay_zeros<E>(
        &mut self,
        data_bytes: u64,
        emit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let data = vec![0; small(data_bytes)];
        let header = ChunkHeader::new(ChunkType::Padding, 0, 0, &data);
        let mut chunk = Vec::with_capacity(data.len() + 40);
        push_chunk(&mut chunk, &header, &data);
        self.lay(&header, &chunk, emit).map(|_| ())
    }
}

/// A number of bytes within one block.
fn small(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn into(out: &mut Vec<u8>) -> impl FnMut(&[u8]) -> Result<(), std::convert::Infallible> {
        |bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        }
    }

    fn chunk(data: &[u8]) -> (ChunkHeader, Vec<u8>) {
        let header = ChunkHeader::new(ChunkType::Simple, 1, data.len() as u64, data);
        let mut bytes = Vec::new();
        push_chunk(&mut bytes, &header, data);
        (header, bytes)
    }

    #[test]
    fn laid_chunks_come_out_again() {
        for begin in [0, 64, 65_496, 65_510, 65_536, 65_561] {
            for size in [0, 1, 39, 65_400, 65_472, 65_512, 200_000] {
                let data: Vec<u8> = (0..size).map(|i: u32| i.to_le_bytes()[0] ^ 0x5a).collect();
                let (header, bytes) = chunk(&data);
                let mut out = Vec::new();
                let range = BlockWriter::new(begin)
                    .lay(&header, &bytes, into(&mut out))
                    .unwrap();
                assert_eq!(range.end - range.start, out.len() as u64);
                let mut plain = BlockWriter::new(begin);
                match plain.step_over_plain(&header) {
                    Some(stepped) => assert_eq!((stepped, &out), (range, &bytes)),
                    None => assert!(out.len() > bytes.len()),
                }
                let flat = take_out_block_headers(begin, &out);
                let mut in_place = out.clone();
                remove_block_headers(begin, &mut in_place);
                assert_eq!(in_place, *flat);
                let read = Chunk::parse(&flat, At::byte(begin)).unwrap();
                assert_eq!((read.header, read.data), (header, data.as_slice()));
            }
        }
    }

    #[test]
    fn padding_ends_on_a_boundary() {
        // Worked offsets of upstream's writer.
        for (begin, end) in [
            (363, 65_536),
            (65_516, 131_072),
            (65_496, 65_536),
            (65_536, 65_536),
        ] {
            let mut writer = BlockWriter::new(begin);
            let mut out = Vec::new();
            writer.lay_padding(into(&mut out)).unwrap();
            assert_eq!(writer.position(), end);
            assert_eq!(out.len() as u64, end - begin);
        }
    }

    #[test]
    fn damage_and_cuts_are_told_apart() {
        let (_, mut bytes) = chunk(b"hello");
        assert_eq!(
            Chunk::parse(&bytes[..44], At::byte(0)).unwrap_err().code(),
            "truncated"
        );
        bytes[42] ^= 1;
        assert_eq!(
            Chunk::parse(&bytes, At::byte(0)).unwrap_err().code(),
            "chunk_data_hash"
        );
    }
}
