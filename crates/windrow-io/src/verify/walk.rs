//! From chunk to chunk of a section, and on behind damage.

use std::cell::Cell;
use std::ops::Range;

use windrow_format::{
    At, BLOCK_BYTES, BLOCK_HEADER_BYTES, BlockHeader, CHUNK_HEADER_BYTES, Chunk, ChunkHeader,
    ChunkLocation, FormatError, SIGNATURE_BYTES, add_with_block_headers, take_out_block_headers,
    without_block_headers,
};

use super::report::Fault;
use super::section::{ChunkRole, Section};
use super::window::{ReadError, Window};
use crate::reader::Reader;

/// What the walk came by.
#[derive(Debug)]
pub(crate) enum Found {
    /// A chunk whose header is sound. Its data were not looked at.
    Chunk(FoundChunk),
    /// A part of the file that holds no chunk that can be told.
    Skipped(Fault),
    /// A block header in such a part that is bad too.
    Block(Fault),
}

#[derive(Debug)]
pub(crate) struct FoundChunk {
    pub(crate) header: ChunkHeader,
    pub(crate) at: At,
    pub(crate) end: u64,
    pub(crate) role: ChunkRole,
    /// What the footer says of it, if it lists the chunk.
    pub(crate) location: Option<ChunkLocation>,
    /// What the header has to do with its place.
    pub(crate) complaint: Option<FormatError>,
}

impl FoundChunk {
    pub(crate) fn bytes(&self) -> Range<u64> {
        self.at.byte..self.end
    }
}

/// Walks over the chunks of one section. Reading is left to the caller's window, so that sections that lie behind each
/// other share one.
#[derive(Debug)]
pub(crate) struct Walk {
    section: Section,
    file_bytes: u64,
    state: State,
    behind_dead: bool,
    /// Tells of chunks inside a section that is the whole file.
    index: Option<Reader>,
    /// The listed chunk that probably comes next.
    next_listed: Cell<u64>,
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
    pub(crate) fn new(section: Section, file_bytes: u64) -> Self {
        Self {
            state: State::Chunk(section.begin),
            section,
            file_bytes,
            behind_dead: false,
            index: None,
            next_listed: Cell::new(0),
        }
    }

    /// Trusts the offsets that this index lists, where there is one: behind damage the walk goes on at the next of them.
    pub(crate) fn with_index(mut self, index: Option<Reader>) -> Self {
        self.index = index;
        self
    }

    /// The listed chunk that begins at `position`.
    pub(crate) fn location_at(&self, position: u64) -> Option<ChunkLocation> {
        match &self.index {
            Some(index) => {
                let next = self.next_listed.get();
                let near = |number: u64| index.chunk_location(number).ok();
                let is_next = near(next).filter(|chunk| chunk.begin >= position);
                let behind = next.checked_sub(1).and_then(near);
                let found = match is_next {
                    Some(chunk) if behind.is_none_or(|behind| behind.begin < position) => {
                        Some(chunk)
                    }
                    _ => index.chunk_from(position),
                };
                let found = found.filter(|chunk| chunk.begin == position);
                if let Some(chunk) = &found {
                    self.next_listed.set(chunk.chunk + 1);
                }
                found
            }
            None => self.section.location_at(position).copied(),
        }
    }

    /// The first place behind `position` where something begins for certain.
    fn listed_behind(&self, position: u64) -> u64 {
        if position == 0 && self.section.end >= SIGNATURE_BYTES {
            // The signature has one size only.
            return SIGNATURE_BYTES;
        }
        let listed = self.index.as_ref().and_then(|index| {
            let next = index.chunk_from(position.saturating_add(1));
            let footer = index.footer().footer_offset;
            let offset = next.map_or(footer, |chunk| chunk.begin);
            (offset > position).then_some(offset)
        });
        listed.unwrap_or(self.section.end)
    }

    /// Everything in front of this was told of.
    pub(crate) fn position(&self) -> u64 {
        match &self.state {
            State::Chunk(position) => *position,
            State::Search(search) => search.from.byte,
        }
    }

    /// Goes on up to `end`, because the file has grown.
    pub(crate) fn grow(&mut self, end: u64) {
        self.section.end = end;
        self.file_bytes = end;
    }

    /// Goes back to `position`, where a chunk begins.
    pub(crate) fn back_to_position(&mut self, position: u64) {
        self.state = State::Chunk(position);
    }

    /// Takes `chunk` back, the last thing that was told of.
    pub(crate) fn back_to(&mut self, chunk: &FoundChunk) {
        self.state = State::Chunk(chunk.at.byte);
    }

    /// The next thing; `None` at the end of the section.
    pub(crate) fn next(&mut self, window: &mut Window) -> Result<Option<Found>, ReadError> {
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
                        let place = search.place;
                        let bytes = search.from.byte..place;
                        let error = search.error.clone();
                        let location = self.location_at(bytes.start);
                        let fault = Fault::of_chunk(bytes, location.as_ref(), error);
                        self.state = State::Chunk(place);
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
        let location = self.location_at(begin);
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
                place: self.listed_behind(begin),
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
        let parsed = window.parse(begin..header_end, |raw| {
            ChunkHeader::parse(&take_out_block_headers(begin, raw), at)
        })?;
        let header = match parsed {
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
        let header = window.parse(range.clone(), |raw| BlockHeader::parse_at(raw, at))?;
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
        let place = if header.previous_chunk == 0 {
            at.byte
        } else {
            around.end
        };
        self.place = self.place.min(place);
        self.around = Some(around);
        Ok(())
    }
}
