//! From the tail of a file to its index: postscript, footer, entries.
//!
//! The footer is the one structure that everything else trusts, so all that it says is checked here: upstream checks
//! little of it and crashes or misreads where it lies (`format-spec/array-record.md`).

mod buffers;
mod entries;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::block::{BLOCK_BYTES, add_with_block_headers};
use crate::chunk::{Chunk, remove_block_headers};
use crate::chunk_header::{CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, check_field};
use crate::error::{At, FormatError};
use crate::footer::FooterMetadata;
use crate::hash::Hasher;
use crate::limits::Limits;
use crate::postscript::decode_postscript;
use crate::step::Step;
use buffers::{FooterBuffers, WINDOW_BYTES};
use entries::{Entries, EntriesStep};

/// The smallest file: a block for signature and footer, a block for the postscript.
pub const MIN_FILE_BYTES: u64 = 2 * BLOCK_BYTES;
/// A footer's header with the block header that may stand inside it, and enough of its data to hold the codec and the
/// length of the sizes.
const HEAD_BYTES: u64 = 128;

/// A chunk header with the block header that may stand inside or in front of it.
const GAP_HEAD_BYTES: u64 = 64;
/// Chunks between footer and postscript that are looked at; there are few, if any.
const MAX_GAP_HEADERS: u32 = 64;

/// A run of pages of the index (see [`IndexPage`](crate::IndexPage)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexPages {
    /// The pages, back to back.
    pub bytes: Vec<u8>,
    /// Where each page begins in `bytes`, and its first record.
    pub starts: Vec<PageStart>,
}

/// Where a page of the index begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageStart {
    /// Byte in the pages.
    pub byte: u64,
    /// The first record of the page's first chunk.
    pub first_record: u64,
}

/// What a footer says of the whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footer {
    /// The footer's first record.
    pub metadata: FooterMetadata,
    /// Where the footer chunk begins, which is where the data end.
    pub footer_offset: u64,
    /// Where the footer chunk ends.
    pub footer_end: u64,
    /// Records of the first chunk; 0 in a file without records.
    pub group_size: u64,
    /// Whether every chunk but the last has `group_size` records (and the last no more).
    pub uniform: bool,
}

/// Decodes postscript, footer and entries, page by page of the index.
#[derive(Debug)]
pub struct FooterDecoder {
    file_bytes: u64,
    prefetch_bytes: u64,
    max_buffer_bytes: u64,
    limits: Limits,
    footer: Footer,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    /// The last bytes of the file were asked for.
    Tail {
        begin: u64,
    },
    /// The beginning of the footer was asked for. `have` are the bytes in front of the postscript that came with the
    /// tail.
    Head {
        have: Vec<u8>,
    },
    /// The footer up to `end` was asked for, but for what is in `have`.
    Footer {
        end: u64,
        have: Vec<u8>,
    },
    /// Pieces of the footer are hashed before they are decoded.
    Hash {
        header: ChunkHeader,
        hasher: Box<Hasher>,
        done: u64,
        front: Vec<u8>,
    },
    Entries {
        entries: Box<Entries>,
        asked: u64,
    },
    /// The entries are done; the header of a chunk between the footer and the postscript was asked for.
    Gap {
        begin: u64,
        headers: u32,
    },
    End,
}

impl FooterDecoder {
    /// A decoder of the file of `file_bytes` bytes. The first read fetches `prefetch_bytes` from its end, at least
    /// the 64 KiB of the postscript; a footer that lies within costs no second read.
    #[must_use]
    pub fn new(file_bytes: u64, prefetch_bytes: u64, limits: Limits) -> Self {
        Self {
            file_bytes,
            prefetch_bytes: prefetch_bytes.max(BLOCK_BYTES),
            max_buffer_bytes: u64::MAX,
            limits,
            footer: Footer::default(),
            state: State::Start,
        }
    }

    /// Footers above `bytes` (default: none) are read twice, in pieces: hashed, then decoded. A snappy footer is one
    /// block and needs all of it at once however large it is.
    #[must_use]
    pub fn with_max_buffer_bytes(mut self, bytes: u64) -> Self {
        self.max_buffer_bytes = bytes;
        self
    }

    /// Goes on until bytes are needed, pages are ready, or all is done. After an error or the end, the end.
    ///
    /// # Errors
    /// Whatever is wrong with the tail of the file; see [`FormatError`].
    pub fn step(&mut self) -> Result<Step<IndexPages>, FormatError> {
        if let State::Start = self.state {
            self.check_file_size()?;
            let begin = self.file_bytes.saturating_sub(self.prefetch_bytes);
            self.state = State::Tail { begin };
        }
        let State::Entries { mut entries, .. } = self.take_entries() else {
            return Ok(self.needed().map_or(Step::End, Step::Need));
        };
        match entries.step(&mut self.footer)? {
            EntriesStep::Pages(pages) if pages.starts.is_empty() => {
                self.enter_gap(self.footer.footer_end, 0);
                Ok(self.needed().map_or(Step::End, Step::Need))
            }
            EntriesStep::Pages(pages) => {
                self.state = State::Entries { entries, asked: 0 };
                Ok(Step::Item(pages))
            }
            EntriesStep::Need(range) => {
                self.state = State::Entries {
                    entries,
                    asked: range.start,
                };
                Ok(Step::Need(range))
            }
        }
    }

    /// Takes the state if it is the entries; another one stays.
    fn take_entries(&mut self) -> State {
        match self.state {
            State::Entries { .. } => std::mem::replace(&mut self.state, State::End),
            _ => State::End,
        }
    }

    /// What a state other than the entries waits for.
    fn needed(&self) -> Option<Range<u64>> {
        let offset = self.footer.footer_offset;
        match &self.state {
            State::Tail { begin } => Some(*begin..self.file_bytes),
            State::Head { .. } => Some(
                offset
                    ..offset
                        .saturating_add(HEAD_BYTES)
                        .min(self.postscript_begin()),
            ),
            State::Footer { end, have } => Some(offset..end.saturating_sub(have.len() as u64)),
            State::Hash { header, done, .. } => {
                let next = done
                    .saturating_add(WINDOW_BYTES as u64)
                    .min(header.data_bytes);
                Some(self.data_position(*done)..self.data_position(next))
            }
            State::Gap { begin, .. } => Some(*begin..begin.saturating_add(GAP_HEAD_BYTES)),
            State::Start | State::Entries { .. } | State::End => None,
        }
    }

    /// Hands over the bytes that the last [`Step::Need`] asked for, all of them.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] if there are fewer; whatever is wrong with them.
    pub fn push(&mut self, bytes: Vec<u8>) -> Result<(), FormatError> {
        if let Some(range) = self.needed() {
            check_len(&range, &bytes)?;
        }
        match std::mem::replace(&mut self.state, State::End) {
            State::Tail { begin } => self.push_tail(begin, bytes),
            State::Head { have } => self.push_head(&bytes, have),
            State::Footer { have, .. } => {
                let mut bytes = bytes;
                bytes.extend_from_slice(&have);
                self.push_footer(bytes)
            }
            State::Hash {
                header,
                hasher,
                done,
                front,
            } => self.push_piece(header, hasher, done, front, bytes),
            State::Entries { mut entries, asked } => {
                entries.buffers.push(asked, bytes);
                self.state = State::Entries { entries, asked };
                Ok(())
            }
            State::Gap { begin, headers } => self.push_gap(bytes, begin, headers),
            State::Start | State::End => Ok(()),
        }
    }

    /// What the footer says of the whole file; complete after [`Step::End`].
    #[must_use]
    pub fn into_footer(self) -> Footer {
        self.footer
    }

    fn check_file_size(&self) -> Result<(), FormatError> {
        let file_bytes = self.file_bytes;
        if file_bytes < MIN_FILE_BYTES {
            return Err(FormatError::FileTooShort {
                file_bytes,
                need: MIN_FILE_BYTES,
            });
        }
        match file_bytes % BLOCK_BYTES {
            0 => Ok(()),
            extra => Err(FormatError::TailMisaligned { file_bytes, extra }),
        }
    }

    fn postscript_begin(&self) -> u64 {
        self.file_bytes.saturating_sub(BLOCK_BYTES)
    }

    /// Where byte number `data` of the footer chunk's data stands in the file.
    fn data_position(&self, data: u64) -> u64 {
        add_with_block_headers(
            self.footer.footer_offset,
            CHUNK_HEADER_BYTES.saturating_add(data),
        )
    }

    fn push_tail(&mut self, begin: u64, mut tail: Vec<u8>) -> Result<(), FormatError> {
        let postscript_begin = self.postscript_begin();
        let postscript =
            tail.split_off(to_usize(postscript_begin.saturating_sub(begin)).min(tail.len()));
        let offset = decode_postscript(&postscript, postscript_begin)?;
        self.footer.footer_offset = offset;
        if let Some(skip) = offset.checked_sub(begin) {
            tail.drain(..to_usize(skip).min(tail.len()));
            return self.push_footer(tail);
        }
        // A small rest is fetched at once. For a large one the header says first how much there is: the offset may
        // be anything.
        self.state =
            if begin.saturating_sub(offset) <= (WINDOW_BYTES as u64).min(self.max_buffer_bytes) {
                State::Footer {
                    end: postscript_begin,
                    have: tail,
                }
            } else {
                State::Head { have: tail }
            };
        Ok(())
    }

    /// `head` is the beginning of the footer.
    fn push_head(&mut self, head: &[u8], mut have: Vec<u8>) -> Result<(), FormatError> {
        let offset = self.footer.footer_offset;
        let mut flat = head.to_vec();
        remove_block_headers(offset, &mut flat);
        let header = ChunkHeader::parse(&flat, At::byte(offset))?;
        self.check_header(&header)?;
        let end = self.data_position(header.data_bytes);
        if end.saturating_sub(offset) <= self.max_buffer_bytes {
            let have_begin = self.postscript_begin().saturating_sub(have.len() as u64);
            have.truncate(to_usize(end.saturating_sub(have_begin)));
            self.state = State::Footer { end, have };
            return Ok(());
        }
        let mut front = flat.split_off(flat.len().min(to_usize(CHUNK_HEADER_BYTES)));
        front.truncate(to_usize(header.data_bytes));
        self.state = State::Hash {
            header,
            hasher: Box::new(Hasher::new()),
            done: 0,
            front,
        };
        Ok(())
    }

    fn check_header(&mut self, header: &ChunkHeader) -> Result<(), FormatError> {
        let offset = self.footer.footer_offset;
        let at = At::byte(offset);
        let simple = ChunkType::Simple.to_byte();
        check_field(
            at,
            "type",
            header.chunk_type.to_byte().into(),
            simple.into(),
        )?;
        let end = header.chunk_end(offset);
        if end > self.postscript_begin() {
            return Err(FormatError::ChunkEnd {
                at,
                end,
                expected: self.postscript_begin(),
            });
        }
        self.limits.check_decoded(header, at)?;
        self.limits.check_stored(header, at)?;
        self.footer.footer_end = end;
        Ok(())
    }

    /// `bytes` are the footer, and perhaps more, block headers among them.
    fn push_footer(&mut self, mut bytes: Vec<u8>) -> Result<(), FormatError> {
        let offset = self.footer.footer_offset;
        let at = At::byte(offset);
        remove_block_headers(offset, &mut bytes);
        let header = Chunk::parse(&bytes, at)?.header;
        self.check_header(&header)?;
        let buffers = FooterBuffers::whole(bytes, header, at, &self.limits)?;
        let entries = Box::new(Entries::new(at, buffers, header.num_records));
        self.state = State::Entries { entries, asked: 0 };
        Ok(())
    }

    /// Looks at what stands between `begin` and the postscript, unless it is what padding takes. Records there mean
    /// that the postscript belongs to another file: two files of one layout, one behind the other.
    fn enter_gap(&mut self, begin: u64, headers: u32) {
        let gap = self.postscript_begin().saturating_sub(begin);
        let padding = BLOCK_BYTES.saturating_add(CHUNK_HEADER_BYTES);
        self.state = if (headers == 0 && gap <= padding)
            || gap < GAP_HEAD_BYTES
            || headers >= MAX_GAP_HEADERS
        {
            State::End
        } else {
            State::Gap { begin, headers }
        };
    }

    fn push_gap(
        &mut self,
        mut bytes: Vec<u8>,
        begin: u64,
        headers: u32,
    ) -> Result<(), FormatError> {
        remove_block_headers(begin, &mut bytes);
        // What is damaged here costs no record, so it does not matter for reading; `verify` reports it.
        let Ok(header) = ChunkHeader::parse(&bytes, At::byte(begin)) else {
            return Ok(());
        };
        if header.num_records > 0 {
            return Err(FormatError::ChunkEnd {
                at: At::byte(self.footer.footer_offset),
                end: self.footer.footer_end,
                expected: self.postscript_begin(),
            });
        }
        self.enter_gap(header.chunk_end(begin), headers.saturating_add(1));
        Ok(())
    }

    /// `bytes` are the next piece of the footer's data.
    fn push_piece(
        &mut self,
        header: ChunkHeader,
        mut hasher: Box<Hasher>,
        done: u64,
        front: Vec<u8>,
        mut bytes: Vec<u8>,
    ) -> Result<(), FormatError> {
        remove_block_headers(self.data_position(done), &mut bytes);
        hasher.append(&bytes);
        let done = done.saturating_add(bytes.len() as u64);
        if done < header.data_bytes {
            self.state = State::Hash {
                header,
                hasher,
                done,
                front,
            };
            return Ok(());
        }
        let at = At::byte(self.footer.footer_offset);
        let (stored, computed) = (header.data_hash, hasher.finish());
        if stored != computed {
            return Err(FormatError::ChunkDataHash {
                at,
                data_bytes: header.data_bytes,
                stored,
                computed,
            });
        }
        self.state = match FooterBuffers::windowed(&front, header, at, &self.limits)? {
            Some(buffers) => {
                let entries = Box::new(Entries::new(at, buffers, header.num_records));
                State::Entries { entries, asked: 0 }
            }
            None => State::Footer {
                end: self.data_position(header.data_bytes),
                have: Vec::new(),
            },
        };
        Ok(())
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn check_len(range: &Range<u64>, bytes: &[u8]) -> Result<(), FormatError> {
    let have = bytes.len() as u64;
    let need = range.end.saturating_sub(range.start);
    if have == need {
        return Ok(());
    }
    Err(FormatError::Truncated {
        what: "file",
        at: At::byte(range.start),
        need,
        have,
    })
}
