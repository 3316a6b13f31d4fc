//! The parts of a file between two places that can be trusted.

use windrow_format::{At, BLOCK_BYTES, ChunkHeader, ChunkLocation, ChunkType, FormatError};

use crate::error::Result;
use crate::reader::Reader;

/// What a chunk is for in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChunkRole {
    /// The signature, the first chunk of the file.
    Signature,
    /// A chunk of records, or of columns, that the footer lists.
    Data,
    /// The index.
    Footer,
    /// What points at the footer, in the last block.
    Postscript,
    /// Padding behind one of those.
    Padding,
    /// Records of a group that was open when its writer flushed. Where an index lists that group's chunk, no reader uses
    /// it.
    Provisional,
    /// What the file says of its records in front of them.
    Metadata,
    /// A dictionary of page chunks.
    Dictionary,
    /// The schema of the columns.
    Schema,
    /// What each column chunk holds at least and at most.
    Statistics,
    /// A chunk that no entry lists, or padding behind one: no reader uses it.
    Dead,
    /// Any chunk of a file whose footer cannot be used.
    Unlisted,
}

/// What the first chunk of a section has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Head {
    Signature,
    Data(ChunkLocation),
    Footer,
    Postscript,
    /// What follows the last postscript of a file that grows.
    Growth,
}

/// A part of the file that chunks have to fill exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) head: Head,
    /// Whether there is an index that tells what the chunks are.
    pub(crate) indexed: bool,
}

impl Section {
    /// The whole of a file that has no usable index.
    pub(crate) fn whole_file(file_bytes: u64) -> Self {
        Self {
            begin: 0,
            end: file_bytes,
            head: Head::Signature,
            indexed: false,
        }
    }

    /// What stands behind the last valid postscript.
    pub(crate) fn behind(range: std::ops::Range<u64>) -> Self {
        Self {
            begin: range.start,
            end: range.end,
            head: Head::Growth,
            indexed: false,
        }
    }

    /// How many sections a file with an index has.
    pub(crate) fn count(reader: &Reader) -> u64 {
        let grows = reader.sealed_bytes() < reader.file_bytes();
        reader.num_chunks() + 3 + u64::from(grows)
    }

    /// Section number `number` of a file with an index, counted from zero; `None` behind the last one.
    pub(crate) fn number(reader: &Reader, number: u64) -> Result<Option<Self>> {
        let chunks = reader.num_chunks();
        let footer_begin = reader.footer().footer_offset;
        let sealed = reader.sealed_bytes();
        let postscript_begin = sealed.saturating_sub(BLOCK_BYTES);
        let (begin, end, head) = if number == 0 {
            let end = match chunks {
                0 => footer_begin,
                _ => reader.chunk_location(0)?.begin,
            };
            (0, end, Head::Signature)
        } else if number <= chunks {
            let location = reader.chunk_location(number - 1)?;
            (location.begin, location.end, Head::Data(location))
        } else if number == chunks + 1 {
            (footer_begin, postscript_begin, Head::Footer)
        } else if number == chunks + 2 {
            (postscript_begin, sealed, Head::Postscript)
        } else if number == chunks + 3 && sealed < reader.file_bytes() {
            return Ok(Some(Self::behind(sealed..reader.file_bytes())));
        } else {
            return Ok(None);
        };
        Ok(Some(Self {
            begin,
            end,
            head,
            indexed: true,
        }))
    }

    /// The listed chunk, if there is one that begins at `position`.
    pub(crate) fn location_at(&self, position: u64) -> Option<&ChunkLocation> {
        match &self.head {
            Head::Data(location) if position == self.begin => Some(location),
            _ => None,
        }
    }

    /// What a chunk at `position` is for. `behind_dead`: whether the chunk in front of it in this section is dead.
    pub(crate) fn role(&self, position: u64, header: &ChunkHeader, behind_dead: bool) -> ChunkRole {
        let is_head = position == self.begin;
        match &self.head {
            Head::Signature if is_head => ChunkRole::Signature,
            Head::Data(_) if is_head => ChunkRole::Data,
            Head::Footer if is_head => ChunkRole::Footer,
            Head::Postscript if is_head => ChunkRole::Postscript,
            _ if header.chunk_type == ChunkType::Provisional => ChunkRole::Provisional,
            _ if header.chunk_type == ChunkType::Padding && !behind_dead => ChunkRole::Padding,
            Head::Signature if header.chunk_type == ChunkType::Metadata => ChunkRole::Metadata,
            _ if header.chunk_type == ChunkType::Dictionary => ChunkRole::Dictionary,
            Head::Signature if header.chunk_type == ChunkType::Schema => ChunkRole::Schema,
            Head::Signature | Head::Footer | Head::Growth
                if header.chunk_type == ChunkType::Statistics =>
            {
                ChunkRole::Statistics
            }
            _ if self.indexed => ChunkRole::Dead,
            _ => ChunkRole::Unlisted,
        }
    }

    /// Checks what a chunk's header says against what may stand at its place.
    pub(crate) fn check(
        &self,
        header: &ChunkHeader,
        at: At,
        file_bytes: u64,
    ) -> Result<(), FormatError> {
        header.check_fields(at)?;
        let is_head = at.byte == self.begin;
        let field = |field, stored, expected| FormatError::ChunkHeaderField {
            at,
            field,
            stored,
            expected,
        };
        match &self.head {
            Head::Signature if is_head && header.chunk_type != ChunkType::Signature => {
                Err(FormatError::NotArrayRecord {
                    file_bytes,
                    source: Box::new(field(
                        "type",
                        header.chunk_type.to_byte().into(),
                        ChunkType::Signature.to_byte().into(),
                    )),
                })
            }
            Head::Data(location) if is_head => location.check(header),
            Head::Footer | Head::Postscript if !is_head && header.num_records > 0 => {
                Err(field("num_records", header.num_records, 0))
            }
            _ => Ok(()),
        }
    }
}
