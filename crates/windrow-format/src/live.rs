//! Telling records from structure, and live chunks from superseded ones, in a file that is read without its index.
//! `format-spec/scan.md` and `format-spec/append.md` have the rules.

mod candidate;
mod columns;
mod listed;

use std::ops::Range;

use crate::block::BLOCK_BYTES;
use crate::chunk::Chunk;
use crate::chunk_header::{ChunkHeader, ChunkType};
use crate::error::FormatError;
use crate::footer::{FooterMetadata, VERSION_UPSTREAM};
use crate::limits::Limits;
use crate::postscript::{POSTSCRIPT_COPIES, parse_postscript};
use crate::provisional::Provisional;
use crate::record_chunk::RecordDecoder;
use crate::records::Records;
use candidate::Candidate;

/// Places from which on a chunk may supersede what is live that are tried where parts of a file are missing.
const MAX_TAILS: usize = 16;

/// A chunk whose records belong to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveChunk {
    /// Where it begins in the file.
    pub begin: u64,
    /// Where it ends, padding inside included.
    pub end: u64,
    /// Number of records in the live chunks in front of it.
    pub first_record: u64,
    /// Number of its records.
    pub records: u64,
    /// Sum of its records' sizes in bytes.
    pub decoded_bytes: u64,
    /// Whether it is a provisional chunk.
    pub provisional: bool,
}

/// A footer that was found, with or without its postscript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFooter {
    /// Where the footer begins, which is where the data in front of it end.
    pub begin: u64,
    /// Where the block of its postscript ends; `None` if there is no sound one.
    pub sealed_end: Option<u64>,
    /// The footer's first record.
    pub metadata: FooterMetadata,
}

/// What a chunk turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pushed {
    /// No records: padding, a signature, metadata, a chunk of an unknown type.
    Passed,
    /// Records, live from now on.
    Data,
    /// Records that may be a footer; what comes next decides.
    Candidate,
    /// The postscript of the footer in front of it.
    Postscript,
    /// The postscript of a footer that lies in the last skipped range.
    PostscriptOfSkipped,
}

/// Follows the chunks of a file, in order, and keeps those whose records belong to it. Holds about 40 bytes a chunk.
#[derive(Debug)]
pub struct LiveChunks {
    limits: Limits,
    live: Vec<LiveChunk>,
    /// How many of them are data chunks.
    data_chunks: u64,
    /// From here on, `live` are the provisional chunks that the next data chunk supersedes.
    open: usize,
    /// From here to `open`, `live` are what is whole of the last group in front of them: its data chunk, or provisional
    /// chunks if that cannot be read.
    group: usize,
    /// Number of records of that group.
    group_records: u64,
    /// Where its data chunk begins, whole or not.
    group_begin: Option<u64>,
    /// The group is short: the next data chunk supersedes it, too.
    short_tail: bool,
    /// Number of records in front, as the writer counts; `None` if some were lost and nobody knows how many.
    next_record: Option<u64>,
    /// How many of `live` an index has settled.
    settled: usize,
    /// Skipped ranges, in order.
    skips: Vec<Range<u64>>,
    /// Lengths of `live` when something was missing that nothing has made up for since: a range that was skipped, or
    /// records in front of a provisional chunk.
    gaps: Vec<usize>,
    /// What the first skipped chunk behind the last live one changed, in case that it was a footer.
    undo: Option<Undo>,
    held: Option<(LiveChunk, Candidate)>,
    footer: Option<FoundFooter>,
    sealed_end: Option<u64>,
    told_group_size: Option<u64>,
    has_pages: bool,
    /// What the file holds; `None` as long as nothing has told.
    contents: Option<Contents>,
    /// The schema message of a file of columns, and its hash, which the first column chunk tells as well.
    schema: Option<Vec<u8>>,
    schema_hash: Option<u64>,
    decoder: RecordDecoder,
    records: Records,
}

/// What the data chunks of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    Records,
    Columns,
}

impl Contents {
    fn of(metadata: &FooterMetadata) -> Self {
        if metadata.has_columns() {
            Self::Columns
        } else {
            Self::Records
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Undo {
    open: usize,
    group: usize,
    group_records: u64,
    group_begin: Option<u64>,
    short_tail: bool,
}

impl LiveChunks {
    /// A file from its beginning on.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            live: Vec::new(),
            data_chunks: 0,
            open: 0,
            group: 0,
            group_records: 0,
            group_begin: None,
            short_tail: false,
            next_record: Some(0),
            settled: 0,
            skips: Vec::new(),
            gaps: Vec::new(),
            undo: None,
            held: None,
            footer: None,
            sealed_end: None,
            told_group_size: None,
            has_pages: false,
            contents: None,
            schema: None,
            schema_hash: None,
            decoder: RecordDecoder::new(),
            records: Records::new(),
        }
    }

    /// A file from the end of its postscript on: `chunks` are those that the footer lists, in order.
    #[must_use]
    pub fn behind(limits: Limits, chunks: Vec<LiveChunk>, footer: FoundFooter) -> Self {
        let mut all = Self::new(limits);
        let records = |chunk: Option<&LiveChunk>| chunk.map_or(0, |chunk| chunk.records);
        let (first, last) = (records(chunks.first()), records(chunks.last()));
        all.group = chunks.len().saturating_sub(1);
        all.group_begin = chunks.last().map(|chunk| chunk.begin);
        all.data_chunks = chunks.len() as u64;
        all.live = chunks;
        all.seal_group(&footer.metadata, first, last);
        all.has_pages = footer.metadata.has_pages;
        all.take_contents(&footer.metadata);
        all.footer = Some(footer);
        all
    }

    /// The live chunks so far, in the order of the file.
    #[must_use]
    pub fn chunks(&self) -> &[LiveChunk] {
        &self.live
    }

    /// Number of records in the live chunks.
    #[must_use]
    pub fn num_records(&self) -> u64 {
        let last = self.live.last();
        last.map_or(0, |last| last.first_record.saturating_add(last.records))
    }

    /// Whether the next data chunk will also supersede the last live data chunk: a short group.
    #[must_use]
    pub fn has_short_tail(&self) -> bool {
        self.short_tail
    }

    /// The live chunks that the next data chunk may supersede, where it may hold records between them that were skipped;
    /// empty where nothing was.
    #[must_use]
    pub fn doubtful(&self) -> &[LiveChunk] {
        if self.skips.is_empty() {
            return &[];
        }
        let before = self.undo.map_or(self.group, |undo| undo.group);
        self.tail(before.min(self.group))
    }

    /// The last footer that was found.
    #[must_use]
    pub fn footer(&self) -> Option<&FoundFooter> {
        self.footer.as_ref()
    }

    /// Where the block of the last postscript ends, also of one whose footer cannot be read.
    #[must_use]
    pub fn sealed_end(&self) -> Option<u64> {
        self.sealed_end
    }

    /// The group size that the last provisional chunk tells.
    #[must_use]
    pub fn told_group_size(&self) -> Option<u64> {
        self.told_group_size
    }

    /// Whether there may be page chunks among the live ones.
    #[must_use]
    pub fn has_pages(&self) -> bool {
        self.has_pages
    }

    /// Whether the data chunks are column chunks.
    #[must_use]
    pub fn has_columns(&self) -> bool {
        match self.contents {
            Some(contents) => contents == Contents::Columns,
            None => self.schema.is_some(),
        }
    }

    /// The schema message of a file of columns, if the scan came by one.
    #[must_use]
    pub fn schema(&self) -> Option<&[u8]> {
        self.schema.as_deref()
    }

    /// The hash of the schema message, which column chunks tell as well; `None` as long as nothing has told it.
    #[must_use]
    pub fn schema_hash(&self) -> Option<u64> {
        self.schema_hash
    }

    /// The skipped ranges, in order; those that touch are one.
    #[must_use]
    pub fn skipped(&self) -> &[Range<u64>] {
        &self.skips
    }

    /// Where the chunk begins that is held back, if there is one: a footer, unless records follow it.
    #[must_use]
    pub fn held_back(&self) -> Option<u64> {
        self.held.as_ref().map(|(chunk, _)| chunk.begin)
    }

    /// Whether the data of a chunk with this header at `begin` are needed to tell what it is.
    #[must_use]
    pub fn wants_data(&self, begin: u64, header: &ChunkHeader) -> bool {
        match header.chunk_type {
            ChunkType::Provisional | ChunkType::Schema => true,
            ChunkType::Simple => {
                may_be_postscript(begin, header) || self.may_be_candidate(header.num_records)
            }
            _ => false,
        }
    }

    /// Takes the next chunk, whose hashes fit and which ends at `end`. Its data may be left out, but for the first byte, and
    /// of a column chunk the first [`COLUMN_FRONT_BYTES`](crate::COLUMN_FRONT_BYTES), where
    /// [`wants_data`](Self::wants_data) does not ask for them. `holds` tells whether the chunk that comes second holds the
    /// records of those that come first: of each in a row, one after the other, those of a data chunk at its beginning.
    /// It is asked where a part of the file is missing that would tell.
    ///
    /// # Errors
    /// The outer ones are those of `holds`. The inner ones say why the chunk is not sound after all; it is then
    /// to be [skipped](Self::skip_chunk).
    pub fn push<E>(
        &mut self,
        chunk: &Chunk<'_>,
        end: u64,
        holds: impl FnMut(&[LiveChunk], &LiveChunk) -> Result<bool, E>,
    ) -> Result<Result<Pushed, FormatError>, E> {
        let begin = chunk.at.byte;
        let header = &chunk.header;
        let mut live = LiveChunk {
            begin,
            end,
            first_record: 0,
            records: header.num_records,
            decoded_bytes: header.decoded_bytes,
            provisional: false,
        };
        if header.chunk_type == ChunkType::Schema {
            return Ok(self.push_schema(chunk));
        }
        if header.chunk_type == ChunkType::Provisional {
            if self.contents == Some(Contents::Columns) {
                return Ok(Err(foreign(chunk)));
            }
            let provisional = match self.decode_provisional(chunk) {
                Ok(provisional) => provisional,
                Err(error) => return Ok(Err(error)),
            };
            self.release_held(holds)?;
            live.records = provisional.records;
            live.provisional = true;
            return Ok(self.push_provisional(live, &provisional, chunk));
        }
        if header.num_records == 0 {
            return Ok(Ok(Pushed::Passed));
        }
        if header.chunk_type == ChunkType::Columns {
            self.release_in_front_of_columns(holds)?;
            return Ok(self.push_columns(live, chunk));
        }
        if let Err(error) = chunk.check_records_type() {
            return Ok(Err(error));
        }
        let offset = self.postscript_offset(chunk);
        let block_end = begin.saturating_add(BLOCK_BYTES);
        if let Some((held, candidate)) = self.held.take_if(|(held, _)| offset == Some(held.begin)) {
            self.seal(&held, candidate, Some(block_end));
            self.sealed_end = Some(block_end);
            return Ok(Ok(Pushed::Postscript));
        }
        let mut holds = holds;
        self.release_held(&mut holds)?;
        if let Some(footer) = &mut self.footer
            && offset == Some(footer.begin)
            && self
                .live
                .last()
                .is_none_or(|last| last.begin < footer.begin)
        {
            // What was skipped between them made it one before.
            footer.sealed_end = Some(block_end);
            self.sealed_end = Some(block_end);
            return Ok(Ok(Pushed::Postscript));
        }
        if offset.is_some_and(|offset| self.lies_in_last_skip(offset)) {
            self.sealed_end = Some(block_end);
            if let Some(undo) = self.undo.take() {
                self.open = undo.open;
                self.group = undo.group;
                self.group_records = undo.group_records;
                self.group_begin = undo.group_begin;
                self.short_tail = undo.short_tail;
                self.next_record = None;
                self.add_gap();
            }
            return Ok(Ok(Pushed::PostscriptOfSkipped));
        }
        if header.chunk_type == ChunkType::Simple
            && self.may_be_candidate(header.num_records)
            && let Some(candidate) = self.candidate(chunk)
        {
            self.held = Some((live, candidate));
            return Ok(Ok(Pushed::Candidate));
        }
        if self.contents == Some(Contents::Columns) {
            return Ok(Err(foreign(chunk)));
        }
        self.has_pages |= header.chunk_type == ChunkType::Pages;
        self.push_data(live, holds)?;
        Ok(Ok(Pushed::Data))
    }

    /// Takes a range of the file in which no chunk can be told.
    pub fn skip(&mut self, range: Range<u64>) {
        self.hold_for_footer();
        self.add_skip(range);
        self.next_record = None;
        self.add_gap();
    }

    /// Takes a chunk whose header is sound, but whose data are not, or cannot be read. Returns the records that are
    /// lost by it, as the writer counts, if that is known.
    pub fn skip_chunk(&mut self, range: Range<u64>, header: &ChunkHeader) -> Option<Range<u64>> {
        if matches!(
            header.chunk_type,
            ChunkType::Provisional | ChunkType::Columns
        ) || (self.contents == Some(Contents::Columns) && header.num_records > 0)
        {
            // How many records it held is part of what cannot be read. In a file of columns others hold none.
            self.skip(range);
            return None;
        }
        if header.num_records == 0 {
            // Where the header is sound, no record is lost by it, unless it is that of another chunk.
            self.add_skip(range);
            return None;
        }
        let behind_candidate = self.held.is_some();
        self.hold_for_footer();
        if behind_candidate && may_be_postscript(range.start, header) {
            self.add_skip(range);
            return None;
        }
        if self.undo.is_some() {
            // Of two in a row one may have been a footer.
            self.add_gap();
        }
        self.undo.get_or_insert(Undo {
            open: self.open,
            group: self.group,
            group_records: self.group_records,
            group_begin: self.group_begin,
            short_tail: self.short_tail,
        });
        let chunk_begin = range.start;
        self.add_skip(range);
        if !self.gaps.is_empty() {
            self.next_record = None;
            return None;
        }
        // What it would have superseded is what is whole of its group.
        let begin = self.next_group_begin();
        self.group = self.tail_begin();
        self.group_records = header.num_records;
        self.group_begin = Some(chunk_begin);
        self.open = self.live.len();
        self.short_tail = false;
        let next = self.next_record?;
        self.next_record = begin.map(|begin| begin.saturating_add(header.num_records).max(next));
        self.next_record.map(|end| next..end)
    }

    /// Takes the chunk that is held back for data, because what followed it has decided so.
    pub fn release(&mut self) {
        let Ok(()) = self.release_held(|_, _| Ok::<bool, std::convert::Infallible>(false));
    }

    /// Forgets the chunk that is held back, because it may not be there any more; returns where it began.
    pub fn take_back_held(&mut self) -> Option<u64> {
        self.held.take().map(|(chunk, _)| chunk.begin)
    }

    /// Ends the scan at the end of the file: a chunk that was held back is a footer. Returns where that begins.
    pub fn finish(&mut self) -> Option<u64> {
        let begin = self.held_back();
        self.hold_for_footer();
        begin
    }

    /// From where on the next data chunk supersedes what is live.
    fn tail_begin(&self) -> usize {
        if self.short_tail {
            self.group
        } else {
            self.open
        }
    }

    /// Number of the first record of the next data chunk, as the writer counts.
    fn next_group_begin(&self) -> Option<u64> {
        let group = if self.short_tail {
            self.group_records
        } else {
            0
        };
        let repeated = self.records_of_tail(self.open).saturating_add(group);
        self.next_record.map(|next| next.saturating_sub(repeated))
    }

    fn tail(&self, begin: usize) -> &[LiveChunk] {
        self.live.get(begin..).unwrap_or_default()
    }

    fn records_of_tail(&self, begin: usize) -> u64 {
        let records = self.tail(begin).iter().map(|chunk| chunk.records);
        records.fold(0, u64::saturating_add)
    }

    fn push_data<E>(
        &mut self,
        chunk: LiveChunk,
        mut holds: impl FnMut(&[LiveChunk], &LiveChunk) -> Result<bool, E>,
    ) -> Result<(), E> {
        self.contents = Some(Contents::Records);
        let begin = self.next_group_begin();
        let mut from = self.tail_begin();
        if !self.gaps.is_empty() {
            from = self.live.len();
            let of_group = |group: usize, open: usize, is_short: bool| {
                let chunks = self.live.get(group..open).unwrap_or_default();
                let records = chunks.iter().map(|chunk| chunk.records);
                let may_grow = is_short || records.fold(0, u64::saturating_add) < chunk.records;
                [may_grow.then_some(group), Some(open)]
            };
            // What was skipped may have been a footer, and have changed nothing. Behind each gap another group may
            // begin.
            let before = self.undo.as_ref();
            let before = before.map(|undo| of_group(undo.group, undo.open, undo.short_tail));
            let gaps = self.gaps.iter().copied().filter(|&gap| gap >= self.group);
            let tails = of_group(self.group, self.open, self.short_tail)
                .into_iter()
                .chain(before.into_iter().flatten())
                .flatten()
                .chain(gaps);
            let tails: Vec<usize> = tails.take(MAX_TAILS).collect();
            for begin in tails {
                let tail = self.tail(begin);
                if !tail.is_empty()
                    && self.records_of_tail(begin) <= chunk.records
                    && holds(tail, &chunk)?
                {
                    from = begin;
                    break;
                }
            }
        }
        self.forget_from(from);
        self.push_live(chunk, begin, from);
        Ok(())
    }

    /// Takes a data chunk that stands for its group, which begins with live chunk number `group` and record number `begin`,
    /// as the writer counts.
    fn push_live(&mut self, mut chunk: LiveChunk, begin: Option<u64>, group: usize) {
        self.next_record = begin
            .filter(|_| self.gaps.is_empty())
            .map(|begin| begin.saturating_add(chunk.records));
        chunk.first_record = self.num_records();
        self.live.push(chunk);
        self.data_chunks = self.data_chunks.saturating_add(1);
        self.group = group;
        self.group_records = chunk.records;
        self.group_begin = Some(chunk.begin);
        self.open = self.live.len();
        self.short_tail = false;
        self.gaps.clear();
        self.undo = None;
    }

    /// Drops the live chunks from number `from` on.
    fn forget_from(&mut self, from: usize) {
        let data = self.tail(from).iter().filter(|chunk| !chunk.provisional);
        self.data_chunks = self.data_chunks.saturating_sub(data.count() as u64);
        self.live.truncate(from);
    }

    /// Checks a provisional chunk down to its last record: a flush is a promise.
    fn decode_provisional(&mut self, chunk: &Chunk<'_>) -> Result<Provisional, FormatError> {
        let (provisional, records) = Provisional::parse(chunk)?;
        self.records.clear();
        self.decoder
            .decode(&records, &self.limits, &mut self.records)?;
        Ok(provisional)
    }

    fn push_provisional(
        &mut self,
        mut live: LiveChunk,
        told: &Provisional,
        chunk: &Chunk<'_>,
    ) -> Result<Pushed, FormatError> {
        let repeats = told.repeated > 0
            && self.live.len() == self.open
            && self
                .live
                .last()
                .is_some_and(|last| !last.provisional && last.records == told.repeated);
        let in_front = if repeats { told.repeated } else { 0 };
        // Where chunks were skipped, their counts may be those of something else; but what is live is in front.
        let least = self.num_records().saturating_sub(in_front);
        let expected = match self.next_record {
            Some(next) if self.skips.is_empty() => next.saturating_sub(in_front),
            _ => told.first_record.max(least),
        };
        if told.first_record != expected {
            return Err(FormatError::FirstRecord {
                at: chunk.at,
                stored: told.first_record,
                expected,
            });
        }
        self.told_group_size = Some(told.group_size);
        if told.records == 0 {
            return Ok(Pushed::Passed);
        }
        if repeats {
            self.forget_from(self.live.len().saturating_sub(1));
            self.open = self.live.len();
            self.group = self.open;
            self.short_tail = false;
        }
        let expected = self.next_record.map(|next| next.saturating_sub(in_front));
        if expected.is_some_and(|expected| expected != told.first_record) {
            self.add_gap();
        }
        self.undo = None;
        live.first_record = self.num_records();
        self.live.push(live);
        self.next_record = Some(told.first_record.saturating_add(told.records));
        Ok(Pushed::Data)
    }

    /// The chunk that is held back is data: something else than its postscript follows.
    fn release_held<E>(
        &mut self,
        holds: impl FnMut(&[LiveChunk], &LiveChunk) -> Result<bool, E>,
    ) -> Result<(), E> {
        match self.held.take() {
            // Records are no data there.
            Some((held, candidate)) if self.contents == Some(Contents::Columns) => {
                self.seal(&held, candidate, None);
                Ok(())
            }
            Some((chunk, _)) => self.push_data(chunk, holds),
            None => Ok(()),
        }
    }

    /// The chunk that is held back is a footer: its postscript cannot be read, or was never written.
    fn hold_for_footer(&mut self) {
        if let Some((held, candidate)) = self.held.take() {
            self.seal(&held, candidate, None);
        }
    }

    fn seal(&mut self, footer: &LiveChunk, candidate: Candidate, sealed_end: Option<u64>) {
        if self.group_begin == candidate.last_offset {
            self.gaps.clear();
        } else {
            // The last chunk that it lists was skipped, and what is live may hold some of its records, or of one that
            // was skipped along with it.
            self.group = self.tail_begin();
        }
        self.group_begin = candidate.last_offset;
        if sealed_end.is_some() {
            self.take_contents(&candidate.metadata);
        } else {
            self.take_unsealed_schema(&candidate.metadata);
        }
        let (first, last) = (candidate.first_records, candidate.last_records);
        self.seal_group(&candidate.metadata, first, last);
        self.footer = Some(FoundFooter {
            begin: footer.begin,
            sealed_end,
            metadata: candidate.metadata,
        });
    }

    /// What is live is what a footer lists, whose first and last chunk have these numbers of records.
    fn seal_group(&mut self, metadata: &FooterMetadata, first_records: u64, last_records: u64) {
        self.group_records = last_records;
        self.open = self.live.len();
        self.short_tail = metadata.version == VERSION_UPSTREAM
            && last_records > 0
            && last_records < metadata.file_group_size(first_records);
        self.next_record = Some(metadata.num_records);
        self.undo = None;
    }

    fn add_gap(&mut self) {
        if self.gaps.last() != Some(&self.live.len()) {
            self.gaps.push(self.live.len());
        }
    }

    fn add_skip(&mut self, range: Range<u64>) {
        match self.skips.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => self.skips.push(range),
        }
    }

    /// Whether `offset` lies in the last skipped range, and no chunk with records behind that.
    fn lies_in_last_skip(&self, offset: u64) -> bool {
        let behind = self.live.last().is_none_or(|last| last.begin < offset);
        behind && self.skips.last().is_some_and(|skip| skip.contains(&offset))
    }

    /// The offset that a chunk names, if it is a postscript.
    fn postscript_offset(&mut self, chunk: &Chunk<'_>) -> Option<u64> {
        if !may_be_postscript(chunk.at.byte, &chunk.header) {
            return None;
        }
        self.decode(chunk)?;
        parse_postscript(&self.records, chunk.at).ok()
    }

    fn decode(&mut self, chunk: &Chunk<'_>) -> Option<()> {
        self.records.clear();
        self.decoder
            .decode(chunk, &self.limits, &mut self.records)
            .ok()
    }
}

/// The error for a chunk of records in a file of columns, or the other way round.
fn foreign(chunk: &Chunk<'_>) -> FormatError {
    FormatError::ChunkType {
        at: chunk.at,
        chunk_type: chunk.header.chunk_type.to_byte(),
    }
}

fn may_be_postscript(begin: u64, header: &ChunkHeader) -> bool {
    header.chunk_type == ChunkType::Simple
        && header.num_records == POSTSCRIPT_COPIES
        && begin.is_multiple_of(BLOCK_BYTES)
        && header.decoded_bytes <= BLOCK_BYTES
}

#[cfg(test)]
mod tests;
