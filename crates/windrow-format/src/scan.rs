//! Checking a chunk while its bytes pass by, and telling from a block header where a chunk lies. `format-spec/scan.md`
//! and `format-spec/framing.md` have the rules.

use std::ops::Range;

use highway::{HighwayHash, HighwayHasher, Key};

use crate::block::{
    BLOCK_BYTES, BLOCK_HEADER_BYTES, BlockHeader, is_chunk_boundary, remaining_in_block,
    round_up_to_chunk_boundary,
};
use crate::chunk_header::{CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, check_field};
use crate::error::{At, FormatError};
use crate::hash::HASH_KEY;

impl BlockHeader {
    /// Like [`parse`](Self::parse), for a header at `at`, inside a chunk that may be known.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse).
    pub fn parse_at(bytes: &[u8], at: At) -> Result<Self, FormatError> {
        Self::parse(bytes, at.byte).map_err(|error| match error {
            FormatError::BlockHeaderHash {
                stored, computed, ..
            } => FormatError::BlockHeaderHash {
                at,
                stored,
                computed,
            },
            other => other,
        })
    }

    /// The chunk that this header, which stands at `at`, says it interrupts or stands in front of: absolute file
    /// offsets. Only the rules that need no other structure are checked.
    ///
    /// # Errors
    /// [`FormatError::BlockHeaderMismatch`] if no chunk can begin or end there.
    pub fn chunk_range(&self, at: At) -> Result<Range<u64>, FormatError> {
        let block_begin = at.byte;
        let mismatch = |field, stored, expected| FormatError::BlockHeaderMismatch {
            at,
            field,
            stored,
            expected,
        };
        let Some(begin) = block_begin
            .checked_sub(self.previous_chunk)
            .filter(|&begin| is_chunk_boundary(begin))
        else {
            let nearest =
                round_up_to_chunk_boundary(block_begin.saturating_sub(self.previous_chunk));
            let expected = block_begin.saturating_sub(nearest);
            return Err(mismatch("previous_chunk", self.previous_chunk, expected));
        };
        let end = block_begin.saturating_add(self.next_chunk);
        if self.next_chunk <= BLOCK_HEADER_BYTES || !is_chunk_boundary(end) {
            let behind_header = block_begin
                .saturating_add(BLOCK_HEADER_BYTES)
                .saturating_add(1);
            let nearest = round_up_to_chunk_boundary(end.max(behind_header));
            let expected = nearest.saturating_sub(block_begin);
            return Err(mismatch("next_chunk", self.next_chunk, expected));
        }
        Ok(begin..end)
    }

    /// Checks that this header, which stands at `at`, agrees with the chunk at `chunk` that lies around it.
    ///
    /// # Errors
    /// [`FormatError::BlockHeaderMismatch`].
    pub fn check_chunk(&self, at: At, chunk: &Range<u64>) -> Result<(), FormatError> {
        for (field, stored, expected) in [
            (
                "previous_chunk",
                self.previous_chunk,
                at.byte.saturating_sub(chunk.start),
            ),
            (
                "next_chunk",
                self.next_chunk,
                chunk.end.saturating_sub(at.byte),
            ),
        ] {
            if stored != expected {
                return Err(FormatError::BlockHeaderMismatch {
                    at,
                    field,
                    stored,
                    expected,
                });
            }
        }
        Ok(())
    }
}

impl ChunkHeader {
    /// Checks the fields that the chunk's type fixes: `format-spec/record-chunk.md`, *Chunk types*.
    ///
    /// # Errors
    /// [`FormatError::ChunkHeaderField`].
    pub fn check_fields(&self, at: At) -> Result<(), FormatError> {
        let (records, decoded, data) = match self.chunk_type {
            ChunkType::Signature => (Some(0), Some(0), Some(0)),
            ChunkType::Padding => (Some(0), Some(0), None),
            ChunkType::Metadata
            | ChunkType::Dictionary
            | ChunkType::Provisional
            | ChunkType::Schema
            | ChunkType::Statistics => (Some(0), None, None),
            ChunkType::Columns => (Some(1), None, None),
            ChunkType::Simple
            | ChunkType::Transposed
            | ChunkType::Pages
            | ChunkType::Unknown(_) => (None, None, None),
        };
        for (fixed, field, stored) in [
            (records, "num_records", self.num_records),
            (decoded, "decoded_data_size", self.decoded_bytes),
            (data, "data_size", self.data_bytes),
        ] {
            if let Some(expected) = fixed {
                check_field(at, field, stored, expected)?;
            }
        }
        Ok(())
    }
}

/// Something that a [`ChunkScan`] came by.
#[derive(Debug)]
pub enum ScanPart<'a> {
    /// A block header inside the chunk, or what is wrong with it. No record is lost by it.
    Block(Result<(), FormatError>),
    /// The next bytes of the chunk's data, block headers taken out.
    Data(&'a [u8]),
}

/// Checks a chunk whose header is known to be sound while its raw bytes are pushed, in pieces of any size: the block
/// headers inside and the hash of the data. Holds no data, so a chunk may be of any size. Padding is ignored.
#[derive(Debug, Clone)]
pub struct ChunkScan {
    header: ChunkHeader,
    at: At,
    range: Range<u64>,
    position: u64,
    /// Bytes seen so far, block headers excluded.
    seen: u64,
    hasher: HighwayHasher,
    /// The front of a block header that was cut by the end of a piece.
    block: [u8; 24],
}

impl ChunkScan {
    /// A scan of the chunk with this header that begins at `at`, which is a chunk boundary.
    #[must_use]
    pub fn new(header: ChunkHeader, at: At) -> Self {
        Self {
            header,
            at,
            range: at.byte..header.chunk_end(at.byte),
            position: at.byte,
            seen: 0,
            hasher: HighwayHasher::new(Key(HASH_KEY)),
            block: [0; 24],
        }
    }

    /// Takes the next bytes of the file, the chunk's header and the block headers included, and tells `take` what they
    /// are. Bytes behind the end of the chunk are ignored.
    pub fn push(&mut self, raw: &[u8], mut take: impl FnMut(ScanPart<'_>)) {
        let left = small(self.range.end.saturating_sub(self.position));
        let mut rest = raw.get(..left).unwrap_or(raw);
        while !rest.is_empty() {
            let in_block = self.position % BLOCK_BYTES;
            let is_block_header = in_block < BLOCK_HEADER_BYTES;
            let in_part = if is_block_header {
                BLOCK_HEADER_BYTES.saturating_sub(in_block)
            } else {
                remaining_in_block(self.position)
            };
            let (part, behind) = rest.split_at(small(in_part).min(rest.len()));
            rest = behind;
            self.position = self.position.saturating_add(part.len() as u64);
            if !is_block_header {
                let data = self.data_of(part);
                if !data.is_empty() {
                    self.hasher.append(data);
                    take(ScanPart::Data(data));
                }
            } else {
                let from = small(in_block);
                let to = from.saturating_add(part.len());
                if let Some(place) = self.block.get_mut(from..to) {
                    place.copy_from_slice(part);
                }
                if part.len() as u64 == in_part {
                    take(ScanPart::Block(self.check_block()));
                }
            }
        }
    }

    /// The bytes of `part` that are data, not header or padding; `part` has no block headers and comes next.
    fn data_of<'a>(&mut self, part: &'a [u8]) -> &'a [u8] {
        let begin = small(CHUNK_HEADER_BYTES.saturating_sub(self.seen)).min(part.len());
        let data_end = CHUNK_HEADER_BYTES.saturating_add(self.header.data_bytes);
        let end = small(data_end.saturating_sub(self.seen)).min(part.len());
        self.seen = self.seen.saturating_add(part.len() as u64);
        part.get(begin..end).unwrap_or_default()
    }

    fn check_block(&self) -> Result<(), FormatError> {
        let byte = self.position.saturating_sub(BLOCK_HEADER_BYTES);
        let at = At { byte, ..self.at };
        BlockHeader::parse_at(&self.block, at)?.check_chunk(at, &self.range)
    }

    /// Checks the data's hash after the last byte.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] if not all of the data were pushed, [`FormatError::ChunkDataHash`].
    pub fn finish(self) -> Result<(), FormatError> {
        let ChunkHeader {
            data_bytes,
            data_hash: stored,
            ..
        } = self.header;
        let at = self.at;
        let have = self.seen.saturating_sub(CHUNK_HEADER_BYTES);
        if have < data_bytes {
            return Err(FormatError::Truncated {
                what: "chunk data",
                at,
                need: data_bytes,
                have,
            });
        }
        let computed = self.hasher.finalize64();
        if computed == stored {
            return Ok(());
        }
        Err(FormatError::ChunkDataHash {
            at,
            data_bytes,
            stored,
            computed,
        })
    }
}

/// A number of bytes as a size in memory; more than that cannot be in memory.
fn small(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::{BlockWriter, push_chunk};

    fn laid(begin: u64, num_records: u64, data: &[u8]) -> (ChunkHeader, Vec<u8>) {
        let header = ChunkHeader::new(ChunkType::Simple, num_records, 0, data);
        let (mut chunk, mut raw) = (Vec::new(), Vec::new());
        push_chunk(&mut chunk, &header, data);
        let done: Result<_, std::convert::Infallible> =
            BlockWriter::new(begin).lay(&header, &chunk, |bytes| {
                raw.extend_from_slice(bytes);
                Ok(())
            });
        done.unwrap();
        (header, raw)
    }

    /// The data, the codes of bad block headers, the number of good ones, and the result.
    type Seen = (Vec<u8>, Vec<(u64, &'static str)>, u64, Option<&'static str>);

    fn scan(begin: u64, header: ChunkHeader, raw: &[u8], piece: usize) -> Seen {
        let mut scan = ChunkScan::new(header, At::chunk(begin, 5));
        let (mut data, mut bad, mut good) = (Vec::new(), Vec::new(), 0);
        for piece in raw.chunks(piece) {
            scan.push(piece, |part| match part {
                ScanPart::Data(bytes) => data.extend_from_slice(bytes),
                ScanPart::Block(Ok(())) => good += 1,
                ScanPart::Block(Err(error)) => {
                    assert_eq!(error.at().unwrap().chunk, Some(5));
                    bad.push((error.at().unwrap().byte, error.code()));
                }
            });
        }
        (data, bad, good, scan.finish().err().map(|e| e.code()))
    }

    #[test]
    fn pieces_of_any_size_say_the_same() {
        for begin in [0, 64, 65_500, 65_536, 65_561] {
            for (records, size) in [(1, 0), (1, 5), (1, 65_472), (1, 200_000), (140_000, 40)] {
                let data: Vec<u8> = (0..size).map(|i: u32| i.to_le_bytes()[0] ^ 0x5a).collect();
                let (header, mut raw) = laid(begin, records, &data);
                let whole = scan(begin, header, &raw, raw.len());
                let end = begin + raw.len() as u64;
                let blocks = end.div_ceil(BLOCK_BYTES) - begin.div_ceil(BLOCK_BYTES);
                assert_eq!(whole, (data, vec![], blocks, None));
                for piece in [1, 7, 24, 65_536] {
                    assert_eq!(scan(begin, header, &raw, piece), whole);
                }
                // Bytes of somebody else do not matter.
                raw.extend_from_slice(&[9; 100]);
                assert_eq!(scan(begin, header, &raw, raw.len()), whole);
            }
        }
    }

    #[test]
    fn faults_have_their_places() {
        let data = vec![3; 100_000];
        let (header, good) = laid(64, 1, &data);
        let block = usize::try_from(BLOCK_BYTES - 64).unwrap();
        for piece in [1, good.len()] {
            let mut raw = good.clone();
            raw[block + 9] ^= 1;
            let (_, bad, blocks, result) = scan(64, header, &raw, piece);
            assert_eq!(bad, [(65_536, "block_header_hash")]);
            assert_eq!((blocks, result), (0, None));

            let other = BlockHeader {
                previous_chunk: 65_472,
                next_chunk: 7,
            };
            raw[block..block + 24].copy_from_slice(&other.encode());
            let (_, bad, ..) = scan(64, header, &raw, piece);
            assert_eq!(bad, [(65_536, "block_header_mismatch")]);

            let mut raw = good.clone();
            raw[41] ^= 1;
            let (_, bad, blocks, result) = scan(64, header, &raw, piece);
            assert_eq!((bad.len(), blocks), (0, 1));
            assert_eq!(result, Some("chunk_data_hash"));

            let cut = &good[..good.len() - 1];
            assert_eq!(scan(64, header, cut, piece).3, Some("truncated"));
        }
    }

    #[test]
    fn padding_is_ignored() {
        let (header, mut raw) = laid(64, 1000, b"data");
        assert_eq!(raw.len(), 1000);
        raw[500] = 1;
        assert_eq!(scan(64, header, &raw, 100).3, None);
    }

    #[test]
    fn chunk_ranges_obey_the_boundaries() {
        let range = |previous_chunk, next_chunk| {
            let header = BlockHeader {
                previous_chunk,
                next_chunk,
            };
            header
                .chunk_range(At::byte(131_072))
                .map_err(|error| match error {
                    FormatError::BlockHeaderMismatch {
                        field, expected, ..
                    } => (field, expected),
                    other => panic!("{other}"),
                })
        };
        assert_eq!(range(0, 25), Ok(131_072..131_097));
        assert_eq!(range(65_511, 65_536), Ok(65_561..196_608));
        assert_eq!(range(65_512, 100), Err(("previous_chunk", 65_511)));
        assert_eq!(range(131_073, 100), Err(("previous_chunk", 131_072)));
        assert_eq!(range(0, 0), Err(("next_chunk", 25)));
        assert_eq!(range(0, 24), Err(("next_chunk", 25)));
        assert_eq!(range(0, 65_537), Err(("next_chunk", 65_561)));
    }

    #[test]
    fn fields_that_the_type_fixes() {
        let header = |chunk_type, num_records, decoded_bytes, data_bytes| ChunkHeader {
            data_bytes,
            data_hash: 0,
            chunk_type,
            num_records,
            decoded_bytes,
        };
        for (header, field) in [
            (header(ChunkType::Signature, 1, 0, 0), "num_records"),
            (header(ChunkType::Signature, 0, 1, 0), "decoded_data_size"),
            (header(ChunkType::Signature, 0, 0, 1), "data_size"),
            (header(ChunkType::Padding, 0, 1, 0), "decoded_data_size"),
            (header(ChunkType::Metadata, 1, 9, 9), "num_records"),
            (header(ChunkType::Schema, 1, 9, 9), "num_records"),
            (header(ChunkType::Statistics, 1, 9, 9), "num_records"),
            (header(ChunkType::Columns, 0, 9, 9), "num_records"),
            (header(ChunkType::Columns, 2, 9, 9), "num_records"),
        ] {
            let found = header.check_fields(At::byte(9)).unwrap_err();
            let FormatError::ChunkHeaderField { field: stored, .. } = found else {
                panic!("{found}");
            };
            assert_eq!(stored, field);
        }
        for header in [
            header(ChunkType::Padding, 0, 0, 9),
            header(ChunkType::Metadata, 0, 9, 9),
            header(ChunkType::Columns, 1, 9, 9),
            header(ChunkType::Simple, 0, 9, 9),
            header(ChunkType::Unknown(b'x'), 9, 9, 9),
        ] {
            assert_eq!(header.check_fields(At::byte(9)), Ok(()));
        }
    }
}
