//! From chunk to chunk of a section, and on behind damage.

use std::ops::Range;

use windrow_format::{
    At, BLOCK_BYTES, BLOCK_HEADER_BYTES, BlockHeader, CHUNK_HEADER_BYTES, Chunk, ChunkHeader,
    ChunkLocation, FormatError, add_with_block_headers, take_out_block_headers,
    without_block_headers,
};

use super::report::Fault;
use super::section::{ChunkRole, Section};
use super::window::{ReadError, Window};

/// What the walk came by.
#[derive(Debug)]
pub(super) enum Found {
    /// A chunk whose header is sound. Its data were not looked at.
    Chunk(FoundChunk),
    /// A part of the file that holds no chunk that can be told.
    Skipped(Fault),
    /// A block header in such a part that is bad too.
    Block(Fault),
}

#[derive(Debug)]
pub(super) struct FoundChunk {
    pub(super) header: ChunkHeader,
    pub(super) at: At,
    pub(super) end: u64,
    pub(super) role: ChunkRole,
    /// What the footer says of it, if it lists the chunk.
    pub(super) location: Option<ChunkLocation>,
    /// What the header has to do with its place.
    pub(super) complaint: Option<FormatError>,
}

impl FoundChunk {
    pub(super) fn bytes(&self) -> Range<u64> {
        self.at.byte..self.end
    }
}

/// Walks over the chunks of one section. Reading is left to the caller's window, so that sections that lie behind each
/// other share one.
#[derive(Debug)]
pub(super) struct Walk {
    section: Section,
    file_bytes: u64,
    state: State,
    behind_dead: bool,
}

#[derive(Debug)]
enum State {
    /// A chunk begins here, or the section ends.
    Chunk(u64),
    Search(Search),
}

/// Looking for the next place to trust, one block header at a time.
#[derive(Debug)]
struct Search {
    /// The chunk that cannot be read.
    from: At,
    error: FormatError,
    /// Where its header, if that is sound, says that it lies: not inside the section.
    claimed: Option<Range<u64>>,
    /// The next block to look at.
    block: u64,
    /// The chunk that the first good block header tells of.
    around: Option<Range<u64>>,
    /// Where the walk will go on.
    place: u64,
}

impl Walk {
    pub(super) fn new(section: Section, file_bytes: u64) -> Self {
        Self {
            state: State::Chunk(section.begin),
            section,
            file_bytes,
            behind_dead: false,
        }
    }

    /// Everything in front of this was told of.
    pub(super) fn position(&self) -> u64 {
        match &self.state {
            State::Chunk(position) => *position,
            State::Search(search) => search.from.byte,
        }
    }

    /// Takes `chunk` back, the last thing that was told of.
    pub(super) fn back_to(&mut self, chunk: &FoundChunk) {
        self.state = State::Chunk(chunk.at.byte);
    }

    /// The next thing; `None` at the end of the section.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Option<Found>, ReadError> {
        loop {
            match &mut self.state {
                State::Chunk(position) if *position >= self.section.end => return Ok(None),
                State::Chunk(position) => {
                    let begin = *position;
                    match self.chunk(begin, window)? {
                        Ok(chunk) => {
                            self.state = State::Chunk(chunk.end);
                            return Ok(Some(Found::Chunk(chunk)));
                        }
                        Err(search) => self.state = State::Search(search),
                    }
                }
                State::Search(search) => {
                    if search.block.saturating_add(BLOCK_HEADER_BYTES) > search.place {
                        let bytes = search.from.byte..search.place;
                        let location = self.section.location_at(bytes.start);
                        let fault = Fault::of_chunk(bytes, location, search.error.clone());
                        self.state = State::Chunk(search.place);
                        return Ok(Some(Found::Skipped(fault)));
                    }
                    if let Some(fault) = search.look_at_block(window, self.section.end)? {
                        return Ok(Some(Found::Block(fault)));
                    }
                }
            }
        }
    }

    fn chunk(
        &mut self,
        begin: u64,
        window: &mut Window,
    ) -> Result<Result<FoundChunk, Search>, ReadError> {
        let location = self.section.location_at(begin).copied();
        let at = At {
            byte: begin,
            chunk: location.map(|location| location.chunk),
        };
        let section_end = self.section.end;
        let search = |error, claimed| {
            Ok(Err(Search {
                from: at,
                error,
                claimed,
                block: begin.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES),
                around: None,
                place: section_end,
            }))
        };
        if let Err(error) = Chunk::check_boundary(at) {
            return search(error, None);
        }
        let header_end = add_with_block_headers(begin, CHUNK_HEADER_BYTES);
        if header_end > section_end {
            let what = "chunk header";
            return search(
                self.too_long(what, CHUNK_HEADER_BYTES, at, header_end),
                None,
            );
        }
        let raw = window.bytes(begin..header_end)?;
        let header = match ChunkHeader::parse(&take_out_block_headers(begin, raw), at) {
            Ok(header) => header,
            Err(error) => return search(error, None),
        };
        let end = header.chunk_end(begin);
        if end > section_end {
            let need = CHUNK_HEADER_BYTES.saturating_add(header.data_bytes);
            let error = self.too_long("chunk", need.max(header.num_records), at, end);
            return search(error, Some(begin..end));
        }
        let role = self.section.role(begin, &header, self.behind_dead);
        self.behind_dead = role == ChunkRole::Dead;
        Ok(Ok(FoundChunk {
            header,
            at,
            end,
            role,
            complaint: self.section.check(&header, at, self.file_bytes).err(),
            location,
        }))
    }

    /// A chunk at `at` that would end at `end`, behind the end of the section: the file was cut, or the next known
    /// structure is in the way.
    fn too_long(&self, what: &'static str, need: u64, at: At, end: u64) -> FormatError {
        let section_end = self.section.end;
        if section_end < self.file_bytes {
            return FormatError::ChunkEnd {
                at,
                end,
                expected: section_end,
            };
        }
        FormatError::Truncated {
            what,
            at,
            need,
            have: without_block_headers(at.byte, section_end),
        }
    }
}

impl Search {
    /// Looks at the next block header; returns what is wrong with it.
    fn look_at_block(
        &mut self,
        window: &mut Window,
        section_end: u64,
    ) -> Result<Option<Fault>, ReadError> {
        let byte = self.block;
        let at = At { byte, ..self.from };
        let range = byte..byte.saturating_add(BLOCK_HEADER_BYTES);
        self.block = byte.saturating_add(BLOCK_BYTES);
        let header = BlockHeader::parse_at(window.bytes(range.clone())?, at);
        let checked = header.and_then(|header| self.check(&header, at, section_end));
        Ok(checked.err().map(|error| Fault::new(range, error)))
    }

    fn check(&mut self, header: &BlockHeader, at: At, section_end: u64) -> Result<(), FormatError> {
        if let Some(around) = &self.around {
            return header.check_chunk(at, around);
        }
        let around = header.chunk_range(at)?;
        if at.byte == self.from.byte {
            // It stands in front of the bad chunk itself, which is not the next place to trust.
            return header.check_chunk(at, &(at.byte..around.end));
        }
        if self.claimed.as_ref() == Some(&around) {
            // It says what the bad chunk's header says, which was told.
            return Ok(());
        }
        if around.end > section_end {
            return Err(FormatError::BlockHeaderMismatch {
                at,
                field: "next_chunk",
                stored: header.next_chunk,
                expected: section_end.saturating_sub(at.byte),
            });
        }
        self.place = if header.previous_chunk == 0 {
            at.byte
        } else {
            around.end
        };
        self.around = Some(around);
        Ok(())
    }
}
