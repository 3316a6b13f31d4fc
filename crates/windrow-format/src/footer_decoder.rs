//! From the tail of a file to its index: postscript, footer, entries.
//!
//! The footer is the one structure that everything else trusts, so all that it says is checked here: upstream checks
//! little of it and crashes or misreads where it lies (`format-spec/array-record.md`).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use std::ops::Range;

use crate::block::{BLOCK_BYTES, BLOCK_HEADER_BYTES, BlockHeader, is_chunk_boundary};
use crate::chunk::{Chunk, remove_block_headers, take_out_block_headers};
use crate::chunk_header::{CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, MAX_CHUNK_RECORDS};
use crate::codec::{BufferLimits, CompressionType, Decompressor};
use crate::error::{At, FormatError};
use crate::footer::{FooterEntry, FooterMetadata, VERSION_UPSTREAM, parse_postscript};
use crate::index::{PAGE_CHUNKS, encode_page};
use crate::limits::Limits;
use crate::record_chunk::{RecordDecoder, split};
use crate::records::Records;
use crate::step::Step;
use crate::varint::{MAX_VARINT_BYTES, take_varint};

/// Bytes of the signature chunk and the block header in front of it: where the first data chunk can begin.
pub const SIGNATURE_BYTES: u64 = BLOCK_HEADER_BYTES + CHUNK_HEADER_BYTES;
/// The smallest file: a block for signature and footer, a block for the postscript.
pub const MIN_FILE_BYTES: u64 = 2 * BLOCK_BYTES;

/// Pages that one [`Step::Item`] of a [`FooterDecoder`] brings at the most (a few hundred KB).
const PAGES_PER_ITEM: usize = 256;

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
    /// The front of the footer was asked for; the rest came with the tail.
    FooterFront {
        have: Vec<u8>,
    },
    Entries(Entries),
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
            limits,
            footer: Footer::default(),
            state: State::Start,
        }
    }

    /// Goes on until bytes are needed, pages are ready, or all is done. After an error or the end, the end.
    ///
    /// # Errors
    /// Whatever is wrong with the tail of the file; see [`FormatError`].
    pub fn step(&mut self) -> Result<Step<IndexPages>, FormatError> {
        match std::mem::replace(&mut self.state, State::End) {
            State::Start => {
                self.check_file_size()?;
                let begin = self.file_bytes.saturating_sub(self.prefetch_bytes);
                self.state = State::Tail { begin };
                Ok(Step::Need(begin..self.file_bytes))
            }
            State::Entries(mut entries) => {
                let pages = entries.next_pages(&mut self.footer)?;
                if pages.starts.is_empty() {
                    return Ok(Step::End);
                }
                self.state = State::Entries(entries);
                Ok(Step::Item(pages))
            }
            State::Tail { begin } => {
                self.state = State::Tail { begin };
                Ok(Step::Need(begin..self.file_bytes))
            }
            State::FooterFront { have } => {
                let range = self.footer_front(have.len());
                self.state = State::FooterFront { have };
                Ok(Step::Need(range))
            }
            State::End => Ok(Step::End),
        }
    }

    /// Hands over the bytes that the last [`Step::Need`] asked for, all of them.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] if there are fewer; whatever is wrong with them.
    pub fn push(&mut self, bytes: Vec<u8>) -> Result<(), FormatError> {
        match std::mem::replace(&mut self.state, State::End) {
            State::Tail { begin } => {
                check_len(begin, self.file_bytes.saturating_sub(begin), &bytes)?;
                self.push_tail(begin, bytes)
            }
            State::FooterFront { have } => {
                let range = self.footer_front(have.len());
                check_len(range.start, range.end.saturating_sub(range.start), &bytes)?;
                let mut bytes = bytes;
                bytes.extend_from_slice(&have);
                self.push_footer(bytes)
            }
            other => {
                self.state = other;
                Ok(())
            }
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

    /// The part of the footer in front of the `have` bytes that came with the tail.
    fn footer_front(&self, have: usize) -> Range<u64> {
        self.footer.footer_offset..self.postscript_begin().saturating_sub(have as u64)
    }

    fn push_tail(&mut self, begin: u64, mut tail: Vec<u8>) -> Result<(), FormatError> {
        let postscript_begin = self.postscript_begin();
        let before = postscript_begin.saturating_sub(begin);
        let block = tail.split_off(
            usize::try_from(before)
                .unwrap_or(usize::MAX)
                .min(tail.len()),
        );
        self.footer.footer_offset = decode_postscript(&block, postscript_begin)?;
        if self.footer.footer_offset < begin {
            self.state = State::FooterFront { have: tail };
            return Ok(());
        }
        let skip = self.footer.footer_offset.saturating_sub(begin);
        tail.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(tail.len()));
        self.push_footer(tail)
    }

    /// `bytes` are everything from the footer's beginning to the postscript's.
    fn push_footer(&mut self, mut bytes: Vec<u8>) -> Result<(), FormatError> {
        let offset = self.footer.footer_offset;
        let at = At::byte(offset);
        remove_block_headers(offset, &mut bytes);
        let chunk = Chunk::parse(&bytes, at)?;
        let header = chunk.header;
        check_field(
            at,
            "type",
            header.chunk_type.to_byte().into(),
            ChunkType::Simple.to_byte().into(),
        )?;
        let end = header.chunk_end(offset);
        if end > self.postscript_begin() {
            return Err(FormatError::ChunkEnd {
                at,
                end,
                expected: self.postscript_begin(),
            });
        }
        self.footer.footer_end = end;
        let (decoded, sizes, values) = decode_buffers(&chunk, &self.limits)?;
        bytes = decoded.unwrap_or(bytes);
        let mut entries = Entries {
            at,
            bytes,
            sizes,
            values,
            records_left: header.num_records,
            pending: Vec::with_capacity(PAGE_CHUNKS),
            first_record: 0,
            sum: 0,
            done: 0,
            previous: None,
        };
        let Some(record) = entries.next_record()? else {
            return Err(FormatError::FooterMetadata { at });
        };
        let metadata = FooterMetadata::parse(record, at)?;
        if metadata.num_chunks > entries.records_left {
            return Err(FormatError::FooterChunks {
                at,
                declared: metadata.num_chunks,
                present: entries.records_left,
            });
        }
        // Upstream never looks at records behind the entries, so they may be anything.
        entries.records_left = metadata.num_chunks;
        self.footer.metadata = metadata;
        self.footer.uniform = true;
        self.state = State::Entries(entries);
        Ok(())
    }
}

fn check_len(begin: u64, need: u64, bytes: &[u8]) -> Result<(), FormatError> {
    let have = bytes.len() as u64;
    if have == need {
        return Ok(());
    }
    Err(FormatError::Truncated {
        what: "file",
        at: At::byte(begin),
        need,
        have,
    })
}

fn check_field(at: At, field: &'static str, stored: u64, expected: u64) -> Result<(), FormatError> {
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

/// Checks the last block of a file, which begins at `begin`, and returns the footer's offset.
fn decode_postscript(block: &[u8], begin: u64) -> Result<u64, FormatError> {
    let header = BlockHeader::parse(block, begin)?;
    let at = At::byte(begin);
    if header.previous_chunk != 0 {
        // The block's beginning belongs to a chunk that began before it.
        return Err(FormatError::BlockHeaderMismatch {
            at,
            field: "previous_chunk",
            stored: header.previous_chunk,
            expected: 0,
        });
    }
    let flat = take_out_block_headers(begin, block);
    let chunk = Chunk::parse(&flat, at)?;
    let ChunkHeader {
        chunk_type,
        num_records,
        ..
    } = chunk.header;
    if num_records == 0 {
        // A data block that begins with an empty chunk, the signature for one: a file cut there.
        return parse_postscript(&Records::new(), at);
    }
    check_field(
        at,
        "type",
        chunk_type.to_byte().into(),
        ChunkType::Simple.to_byte().into(),
    )?;
    let limits = Limits {
        max_chunk_bytes: BLOCK_BYTES,
        max_record_bytes: BLOCK_BYTES,
    };
    let mut records = Records::new();
    RecordDecoder::new().decode(&chunk, &limits, &mut records)?;
    let offset = parse_postscript(&records, at)?;
    if offset < SIGNATURE_BYTES || offset >= begin || !is_chunk_boundary(offset) {
        return Err(FormatError::FooterOffset {
            at,
            offset,
            limit: begin,
        });
    }
    Ok(offset)
}

type Buffers = (Option<Vec<u8>>, Range<usize>, Range<usize>);

/// Finds the sizes and the values of a footer. Returns where they lie in the decoded bytes, or, uncompressed, in the
/// chunk itself.
fn decode_buffers(chunk: &Chunk<'_>, limits: &Limits) -> Result<Buffers, FormatError> {
    let at = chunk.at;
    let ChunkHeader {
        num_records,
        decoded_bytes,
        ..
    } = chunk.header;
    let (compression, sizes, values) = split(chunk)?;
    let sizes_limits = BufferLimits {
        exact: None,
        max: num_records
            .saturating_mul(MAX_VARINT_BYTES as u64)
            .min(limits.max_chunk_bytes),
        what: "record sizes",
        at,
    };
    let values_limits = BufferLimits {
        exact: Some(decoded_bytes),
        max: decoded_bytes,
        what: "record values",
        at,
    };
    if decoded_bytes > limits.max_chunk_bytes {
        return Err(FormatError::Limit {
            what: "decoded footer",
            at,
            value: decoded_bytes,
            limit: limits.max_chunk_bytes,
            option: "max_chunk_bytes",
        });
    }
    if compression == CompressionType::None {
        let data_begin = usize::try_from(CHUNK_HEADER_BYTES).unwrap_or(usize::MAX);
        let data_end = data_begin.saturating_add(chunk.data.len());
        let values_begin = data_end.saturating_sub(values.len());
        let sizes_begin = values_begin.saturating_sub(sizes.len());
        if values.len() as u64 != decoded_bytes {
            return Err(FormatError::DecodedSize {
                what: "record values",
                at,
                expected: decoded_bytes,
                actual: values.len() as u64,
            });
        }
        return Ok((None, sizes_begin..values_begin, values_begin..data_end));
    }
    let mut decoded = Vec::new();
    let mut decompressor = Decompressor::new();
    decompressor.decompress_into(compression, sizes, &sizes_limits, &mut decoded)?;
    let middle = decoded.len();
    decompressor.decompress_into(compression, values, &values_limits, &mut decoded)?;
    let end = decoded.len();
    Ok((Some(decoded), 0..middle, middle..end))
}

/// The entries that are left, and the page that is being filled.
#[derive(Debug)]
struct Entries {
    at: At,
    bytes: Vec<u8>,
    sizes: Range<usize>,
    values: Range<usize>,
    records_left: u64,
    pending: Vec<FooterEntry>,
    first_record: u64,
    sum: u64,
    done: u64,
    previous: Option<FooterEntry>,
}

impl Entries {
    /// The next record of the footer chunk.
    fn next_record(&mut self) -> Result<Option<&[u8]>, FormatError> {
        let (at, what) = (self.at, "record sizes");
        if self.records_left == 0 {
            return Ok(None);
        }
        let mut sizes = self.bytes.get(self.sizes.clone()).unwrap_or_default();
        let size = take_varint(&mut sizes).ok_or(FormatError::Varint { what, at })?;
        self.sizes.start = self.sizes.end.saturating_sub(sizes.len());
        let have = self.values.len() as u64;
        let start = self.values.start;
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| start.checked_add(size))
            .filter(|&end| end <= self.values.end)
            .ok_or(FormatError::Truncated {
                what: "footer records",
                at,
                need: size,
                have,
            })?;
        self.values.start = end;
        self.records_left = self.records_left.saturating_sub(1);
        Ok(self.bytes.get(start..end))
    }

    /// The next pages; none at the end, when the totals are checked.
    fn next_pages(&mut self, footer: &mut Footer) -> Result<IndexPages, FormatError> {
        let mut pages = IndexPages::default();
        while pages.starts.len() < PAGES_PER_ITEM {
            self.take_entries(footer)?;
            if self.records_left == 0 {
                self.finish(footer, &mut pages)?;
                break;
            }
            // One more entry tells where the page ends.
            let full = std::mem::replace(&mut self.pending, Vec::with_capacity(PAGE_CHUNKS));
            let sum = self.sum;
            let entry = self.take_entry(footer)?;
            self.push_page(&full, sum, entry.chunk_offset, &mut pages);
        }
        Ok(pages)
    }

    /// Fills the pending page, as far as there are entries.
    fn take_entries(&mut self, footer: &mut Footer) -> Result<(), FormatError> {
        while self.records_left > 0 && self.pending.len() < PAGE_CHUNKS {
            self.take_plain_entries(footer);
            if self.records_left > 0 && self.pending.len() < PAGE_CHUNKS {
                self.take_entry(footer)?;
            }
        }
        Ok(())
    }

    /// Takes entries as long as they are what nearly all are: a full group behind a full group, encoded as every
    /// writer does. Footers have millions of entries, and this is what opening them costs.
    fn take_plain_entries(&mut self, footer: &Footer) {
        let Self {
            bytes,
            sizes,
            values,
            records_left,
            pending,
            sum,
            done,
            previous,
            ..
        } = self;
        let group = footer.group_size;
        let Some(mut last) = previous.filter(|last| last.num_records == group && group > 0) else {
            return;
        };
        let mut sizes_left = bytes.get(sizes.clone()).unwrap_or_default();
        let mut values_left = bytes.get(values.clone()).unwrap_or_default();
        let room = PAGE_CHUNKS.saturating_sub(pending.len());
        let most = usize::try_from(*records_left)
            .unwrap_or(usize::MAX)
            .min(room);
        let before = pending.len();
        pending.extend((0..most).map_while(|_| {
            let mut sizes_behind = sizes_left;
            let size = usize::try_from(take_varint(&mut sizes_behind)?).ok()?;
            let (record, values_behind) = values_left.split_at_checked(size)?;
            let entry = FooterEntry::parse_as_written(record)?;
            let plain = entry.num_records == group
                && entry.chunk_offset >= last.chunk_offset.checked_add(CHUNK_HEADER_BYTES)?
                && entry.chunk_offset < footer.footer_offset
                && is_chunk_boundary(entry.chunk_offset);
            if !plain {
                return None;
            }
            (sizes_left, values_left) = (sizes_behind, values_behind);
            last = entry;
            Some(entry)
        }));
        let taken = pending.len().saturating_sub(before) as u64;
        sizes.start = sizes.end.saturating_sub(sizes_left.len());
        values.start = values.end.saturating_sub(values_left.len());
        *previous = Some(last);
        *records_left = records_left.saturating_sub(taken);
        *sum = sum.saturating_add(taken.saturating_mul(group));
        *done = done.saturating_add(taken);
    }

    /// Takes any entry.
    fn take_entry(&mut self, footer: &mut Footer) -> Result<FooterEntry, FormatError> {
        let at = self.at;
        let record = self.next_record()?.unwrap_or_default();
        let entry = FooterEntry::parse(record).map_err(|()| FormatError::Message {
            what: "footer entry",
            at,
        })?;
        self.check(&entry, footer)?;
        self.pending.push(entry);
        self.previous = Some(entry);
        self.sum = self.sum.saturating_add(entry.num_records);
        self.done = self.done.saturating_add(1);
        Ok(entry)
    }

    /// Appends the page of `entries`, behind which record number `next_record` and the byte `end` follow.
    fn push_page(
        &mut self,
        entries: &[FooterEntry],
        next_record: u64,
        end: u64,
        pages: &mut IndexPages,
    ) {
        pages.starts.push(PageStart {
            byte: pages.bytes.len() as u64,
            first_record: self.first_record,
        });
        encode_page(entries, self.first_record, end, &mut pages.bytes);
        self.first_record = next_record;
    }

    /// Checks an entry against the one before it.
    fn check(&self, entry: &FooterEntry, footer: &mut Footer) -> Result<(), FormatError> {
        let FooterEntry {
            chunk_offset,
            num_records,
            ..
        } = *entry;
        let min = self.previous.map_or(SIGNATURE_BYTES, |previous| {
            previous.chunk_offset.saturating_add(CHUNK_HEADER_BYTES)
        });
        let limit = footer.footer_offset;
        if chunk_offset < min || chunk_offset >= limit || !is_chunk_boundary(chunk_offset) {
            return Err(FormatError::EntryOffset {
                at: self.at,
                entry: self.done,
                offset: chunk_offset,
                min,
                limit,
            });
        }
        let version_1 = footer.metadata.version == VERSION_UPSTREAM;
        let Some(previous) = self.previous else {
            footer.group_size = num_records;
            return self.check_records(num_records, 1, MAX_CHUNK_RECORDS, self.done);
        };
        if previous.num_records != footer.group_size || num_records > footer.group_size {
            footer.uniform = false;
        }
        if version_1 {
            // Upstream finds a record's chunk by division, so each chunk but the last is full.
            let group = footer.group_size;
            self.check_records(
                previous.num_records,
                group,
                group,
                self.done.saturating_sub(1),
            )?;
            return self.check_records(num_records, 1, group, self.done);
        }
        self.check_records(num_records, 1, MAX_CHUNK_RECORDS, self.done)
    }

    fn check_records(
        &self,
        records: u64,
        min: u64,
        max: u64,
        entry: u64,
    ) -> Result<(), FormatError> {
        if (min..=max).contains(&records) {
            return Ok(());
        }
        Err(FormatError::EntryRecords {
            at: self.at,
            entry,
            records,
            max,
            exact: min == max,
        })
    }

    fn finish(&mut self, footer: &Footer, pages: &mut IndexPages) -> Result<(), FormatError> {
        if footer.metadata.num_records != self.sum {
            return Err(FormatError::FooterRecords {
                at: self.at,
                declared: footer.metadata.num_records,
                sum: self.sum,
            });
        }
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.push_page(&rest, self.sum, footer.footer_offset, pages);
        }
        Ok(())
    }
}
