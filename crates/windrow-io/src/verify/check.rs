//! Checking all chunks of a few sections.

use windrow_format::{
    At, BLOCK_BYTES, COLUMN_FRONT_BYTES, Chunk, ChunkHeader, ChunkScan, ChunkType, ColumnFront,
    Dictionaries, FormatError, Limits, PageFront, RecordDecoder, Records, RecordsMetadata,
    ScanPart, remaining_in_block,
};

use super::columns::ColumnChecks;
use super::report::{Fault, FaultError, VerifyReport};
use super::section::{ChunkRole, Head, Section};
use super::walk::{Found, FoundChunk, Walk};
use super::window::{ReadError, SharedStore, Window};
use crate::error::{Error, Result};
use crate::retry::twice;
use crate::scratch::with_read_scratch;

/// Bytes read at once.
const WINDOW_BYTES: u64 = 1 << 20;

/// What stays the same over a whole file.
#[derive(Debug, Clone)]
pub(super) struct Checks {
    pub(super) file_bytes: u64,
    pub(super) deep: bool,
    pub(super) limits: Limits,
    pub(super) max_faults: usize,
    /// Those that the index names.
    pub(super) dictionaries: Dictionaries,
    /// Whether the data chunks are column chunks; `None` without an index.
    pub(super) has_columns: Option<bool>,
    /// Hash of the footer's schema message.
    pub(super) schema_hash: Option<u64>,
    /// What decoding column chunks takes; `None` where they are not decoded.
    pub(super) columns: Option<ColumnChecks>,
}

/// What was found in a run of sections.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) report: VerifyReport,
    /// Everything in front of this was checked.
    pub(super) position: u64,
    /// Why the rest was not.
    pub(super) stopped: Option<Stop>,
}

/// Why a check ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file could not be read.
    Read(ReadError),
    /// The offloaded index could not be read.
    Index(Error),
}

impl VerifyReport {
    /// Adds a fault, or counts it if there are too many.
    pub(super) fn push_fault(&mut self, fault: Fault, most: usize) {
        if self.faults.len() < most {
            self.faults.push(fault);
        } else {
            self.faults_omitted += 1;
        }
    }

    /// Adds what was found in another part of the file.
    pub(super) fn merge(&mut self, part: Self, max_faults: usize) {
        self.blocks += part.blocks;
        self.chunks += part.chunks;
        self.data_chunks += part.data_chunks;
        self.decoded_bytes = self.decoded_bytes.saturating_add(part.decoded_bytes);
        self.dead_bytes += part.dead_bytes;
        self.faults_omitted += part.faults_omitted;
        for fault in part.faults {
            self.push_fault(fault, max_faults);
        }
    }
}

/// Checks sections that lie behind each other, the last of which ends at `end`. `go_on` gets the position in the
/// file now and then.
pub(super) fn check_sections(
    store: SharedStore,
    sections: impl Iterator<Item = Result<Section>>,
    end: u64,
    checks: &Checks,
    go_on: impl FnMut(u64) -> bool,
) -> Outcome {
    with_read_scratch(|scratch| {
        let buffer = std::mem::take(&mut scratch.raw);
        let mut checker = Checker {
            checks,
            window: Window::new(store, end, WINDOW_BYTES, buffer),
            decoder: &mut scratch.decoder,
            records: &mut scratch.records,
            dictionaries: checks.dictionaries.clone(),
            is_indexed: true,
            schema_hash: checks.schema_hash,
            columns: checks.columns.clone(),
            data: Vec::new(),
            report: VerifyReport::default(),
            go_on,
        };
        let mut outcome = Outcome::default();
        for section in sections {
            outcome.stopped = match section {
                Ok(section) if checker.is_sound_at_a_glance(&section) => {
                    outcome.position = section.end;
                    None
                }
                Ok(section) => {
                    checker.is_indexed = section.indexed;
                    let mut walk = Walk::new(section, checks.file_bytes);
                    let stopped = checker.check(&mut walk).err();
                    outcome.position = walk.position();
                    stopped.map(Stop::Read)
                }
                Err(error) => Some(Stop::Index(error)),
            };
            if outcome.stopped.is_some() {
                break;
            }
        }
        scratch.raw = checker.window.into_buffer();
        outcome.report = checker.report;
        outcome
    })
}

/// What a look at all bytes of a chunk showed.
struct Seen {
    /// Sound block headers.
    blocks: u64,
    bad_blocks: Vec<FormatError>,
    data: Result<(), FormatError>,
}

/// What of a chunk's data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    /// The front of a column chunk, as large as it says.
    Front,
    All,
}

impl Keep {
    /// How many of the bytes that follow `kept` are kept, too.
    fn more(self, kept: &[u8]) -> usize {
        match self {
            Self::Nothing => 0,
            Self::All => usize::MAX,
            Self::Front => match kept.first_chunk::<COLUMN_FRONT_BYTES>() {
                None => COLUMN_FRONT_BYTES - kept.len(),
                Some(&[_, _, _, _, b0, b1, b2, b3, ..]) => {
                    let bytes = u32::from_le_bytes([b0, b1, b2, b3]);
                    usize::try_from(bytes).map_or(0, |bytes| bytes.saturating_sub(kept.len()))
                }
            },
        }
    }
}

/// Looks at all bytes of a chunk through `window`. `data` holds what is to be kept of the chunk's data afterwards.
fn see(
    chunk: &FoundChunk,
    window: &mut Window,
    data: &mut Vec<u8>,
    keep: Keep,
    go_on: &mut impl FnMut(u64) -> bool,
) -> Result<Seen, ReadError> {
    data.clear();
    let (mut blocks, mut bad_blocks) = (0, Vec::new());
    let mut scan = ChunkScan::new(chunk.header, chunk.at);
    let mut position = chunk.at.byte;
    while position < chunk.end {
        let raw = window.piece(position..chunk.end)?;
        scan.push(raw, |part| match part {
            ScanPart::Block(Ok(())) => blocks += 1,
            ScanPart::Block(Err(error)) => bad_blocks.push(error),
            ScanPart::Data(mut part) => loop {
                let (now, rest) = part.split_at(keep.more(data).min(part.len()));
                if now.is_empty() {
                    break;
                }
                data.extend_from_slice(now);
                part = rest;
            },
        });
        position += raw.len() as u64;
        if !go_on(position) {
            return Err(ReadError::interrupted(position));
        }
    }
    Ok(Seen {
        blocks,
        bad_blocks,
        data: scan.finish(),
    })
}

struct Checker<'a, P> {
    checks: &'a Checks,
    window: Window,
    decoder: &'a mut RecordDecoder,
    records: &'a mut Records,
    /// Where no index names any, with those that were come by.
    dictionaries: Dictionaries,
    /// That of the file, or, where no index tells it, of the first schema that was come by.
    schema_hash: Option<u64>,
    /// The same of what decoding column chunks takes.
    columns: Option<ColumnChecks>,
    /// Whether there is an index for the section at hand.
    is_indexed: bool,
    /// The data of the chunk at hand, where they are to be decoded.
    data: Vec<u8>,
    report: VerifyReport,
    /// Whether to go on behind this position.
    go_on: P,
}

impl<P: FnMut(u64) -> bool> Checker<'_, P> {
    /// Counts the chunk of a section that is one listed chunk inside one block, if nothing is wrong with it. Files of
    /// small chunks hold little else, and with the walk alone their check takes a sixth longer. `false` says nothing,
    /// and nothing is done then: the walk tells.
    fn is_sound_at_a_glance(&mut self, section: &Section) -> bool {
        let Head::Data(location) = &section.head else {
            return false;
        };
        let in_block = remaining_in_block(section.begin);
        if self.checks.deep || section.end.saturating_sub(section.begin) > in_block {
            return false;
        }
        let at = At::chunk(section.begin, location.chunk);
        let raw = self.window.bytes(section.begin..section.end);
        let Some(Ok(chunk)) = raw.ok().map(|raw| Chunk::parse(raw, at)) else {
            return false;
        };
        let header = chunk.header;
        if self.checks.has_columns == Some(true) || header.chunk_type == ChunkType::Columns {
            return false;
        }
        let checked = section.check(&header, at, self.checks.file_bytes);
        let is_sound = checked.is_ok() && header.chunk_end(section.begin) == section.end;
        if is_sound {
            self.count(&header, true);
        }
        is_sound
    }

    fn check(&mut self, walk: &mut Walk) -> Result<(), ReadError> {
        while let Some(found) = walk.next(&mut self.window)? {
            match found {
                Found::Chunk(chunk) => {
                    let checked = self.check_chunk(&chunk);
                    if checked.is_err() {
                        walk.back_to(&chunk);
                    }
                    checked?;
                }
                Found::Skipped(fault) | Found::Block(fault) => {
                    let end = fault.bytes.end;
                    self.report.push_fault(fault, self.checks.max_faults);
                    if !(self.go_on)(end) {
                        return Err(ReadError::interrupted(end));
                    }
                }
            }
        }
        Ok(())
    }

    fn check_chunk(&mut self, chunk: &FoundChunk) -> Result<(), ReadError> {
        let is_data = match chunk.role {
            ChunkRole::Data => true,
            ChunkRole::Unlisted => chunk.header.num_records > 0,
            _ => false,
        };
        let complaint = chunk.complaint.iter().cloned();
        let mut errors: Vec<FaultError> = complaint.map(FaultError::from).collect();
        let is_decoded = match chunk.role {
            ChunkRole::Metadata | ChunkRole::Dictionary => true,
            // Of a file without an index, the first one tells what the columns are.
            ChunkRole::Schema => self.columns.is_none() && !self.is_indexed,
            ChunkRole::Statistics => self.columns.is_some(),
            _ if chunk.header.chunk_type == ChunkType::Columns => is_data && self.columns.is_some(),
            _ => is_data,
        };
        let decode = is_decoded && self.checks.deep;
        let fits = self.check_limits(chunk);
        let stored = self.checks.limits.check_stored(&chunk.header, chunk.at);
        let keep = match chunk.header.chunk_type {
            ChunkType::Columns if stored.is_err() => Keep::Nothing,
            // No larger than what is stored.
            ChunkType::Columns if !decode || fits.is_err() => Keep::Front,
            _ if decode && fits.is_ok() => Keep::All,
            _ => Keep::Nothing,
        };
        match self.check_data(chunk, keep)? {
            Err(error) => errors.push(error.into()),
            Ok(()) => {
                let contents = self.check_contents(chunk, stored);
                let is_understood = contents.is_ok() || !is_of_columns(chunk.header.chunk_type);
                errors.extend(contents.err().map(FaultError::from));
                if decode && is_understood {
                    let fits = fits.map_err(FaultError::from);
                    errors.extend(fits.and_then(|()| self.decode(chunk)).err());
                }
            }
        }
        if !errors.iter().any(FaultError::costs_records) {
            self.count(&chunk.header, is_data);
            if matches!(chunk.role, ChunkRole::Dead | ChunkRole::Provisional) {
                self.report.dead_bytes += chunk.end - chunk.at.byte;
            }
        }
        for error in errors {
            let fault = Fault::of_chunk(chunk.bytes(), chunk.location.as_ref(), error);
            self.report.push_fault(fault, self.checks.max_faults);
        }
        Ok(())
    }

    /// Reads the chunk and checks its hash and its block headers, twice if there is something wrong. The data are kept
    /// only if they are to be decoded.
    fn check_data(
        &mut self,
        chunk: &FoundChunk,
        keep: Keep,
    ) -> Result<Result<(), FormatError>, ReadError> {
        let (Ok(seen) | Err(seen)) = twice(self.window.is_in_memory(), |again| {
            let seen = if again {
                let mut window = self.window.again(chunk.end);
                see(chunk, &mut window, &mut self.data, keep, &mut self.go_on)?
            } else {
                see(
                    chunk,
                    &mut self.window,
                    &mut self.data,
                    keep,
                    &mut self.go_on,
                )?
            };
            let is_sound = seen.bad_blocks.is_empty() && seen.data.is_ok();
            Ok(if is_sound { Ok(seen) } else { Err(seen) })
        })?;
        self.report.blocks += seen.blocks;
        for error in seen.bad_blocks {
            let begin = error.at().map_or(chunk.at.byte, |at| at.byte);
            let bytes = begin..begin + windrow_format::BLOCK_HEADER_BYTES;
            let fault = Fault::new(bytes, error);
            self.report.push_fault(fault, self.checks.max_faults);
        }
        Ok(seen.data)
    }

    /// Refuses to keep the data of a chunk that no reader with these limits would decode.
    fn check_limits(&self, chunk: &FoundChunk) -> Result<(), FormatError> {
        let limit = self.checks.limits.max_chunk_bytes;
        // Two buffers of that size, and what a codec adds to what it cannot compress.
        let most = limit.saturating_mul(2).saturating_add(BLOCK_BYTES);
        let header = &chunk.header;
        if header.decoded_bytes <= limit && header.data_bytes <= most {
            return Ok(());
        }
        Err(FormatError::Limit {
            what: "chunk",
            at: chunk.at,
            value: header.decoded_bytes.max(header.data_bytes),
            limit,
            option: "max_chunk_bytes",
        })
    }

    /// Checks what tells a file of columns, and of its chunks what readers rely on before they look at any page.
    fn check_contents(
        &mut self,
        chunk: &FoundChunk,
        stored: Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let (header, at) = (&chunk.header, chunk.at);
        let is_columns = header.chunk_type == ChunkType::Columns;
        let is_foreign = self.checks.has_columns.is_some_and(|has| has != is_columns);
        if chunk.role == ChunkRole::Data && is_foreign {
            return Err(FormatError::ChunkType {
                at,
                chunk_type: header.chunk_type.to_byte(),
            });
        }
        match (header.chunk_type, chunk.role) {
            (ChunkType::Columns, ChunkRole::Data | ChunkRole::Unlisted)
                if header.num_records > 0 =>
            {
                stored?;
                let front = ColumnFront::parse(header, &self.data, at)?;
                front.check_crc(&self.data, at)?;
                if let Some(hash) = self.schema_hash {
                    front.check_schema(hash, at)?;
                }
                let rows = chunk
                    .location
                    .map(|location| location.check_rows(front.rows));
                rows.unwrap_or(Ok(()))
            }
            (_, ChunkRole::Schema) => self.check_schema(header, at),
            _ => Ok(()),
        }
    }

    /// The message is all of the data, so that their hash is its own.
    fn check_schema(&mut self, header: &ChunkHeader, at: At) -> Result<(), FormatError> {
        if header.data_bytes != header.decoded_bytes {
            return Err(FormatError::DecodedSize {
                what: "schema",
                at,
                expected: header.decoded_bytes,
                actual: header.data_bytes,
            });
        }
        let footer = *self.schema_hash.get_or_insert(header.data_hash);
        if !self.is_indexed || footer == header.data_hash {
            return Ok(());
        }
        Err(FormatError::EntryMismatch {
            at,
            field: "schema hash",
            chunk: header.data_hash,
            footer,
        })
    }

    fn decode(&mut self, chunk: &FoundChunk) -> Result<(), FaultError> {
        self.records.clear();
        let chunk = Chunk {
            header: chunk.header,
            data: &self.data,
            at: chunk.at,
        };
        let limits = &self.checks.limits;
        match (chunk.header.chunk_type, &self.columns) {
            (ChunkType::Metadata, _) => {
                RecordsMetadata::decode_chunk(&chunk, limits)?;
            }
            (ChunkType::Dictionary, _) => {
                let dictionary = self.dictionaries.parse_chunk(&chunk, limits)?;
                if !self.is_indexed {
                    self.dictionaries.push(Ok(dictionary));
                }
            }
            (ChunkType::Schema, _) => {
                self.columns = ColumnChecks::of_message(chunk.data, chunk.at)?;
            }
            (ChunkType::Columns, Some(columns)) => columns.check(&chunk, limits)?,
            (ChunkType::Statistics, Some(columns)) => columns.check_statistics(&chunk, limits)?,
            (ChunkType::Columns | ChunkType::Statistics, None) => {}
            (chunk_type, _) => {
                if chunk_type == ChunkType::Pages {
                    check_slots(&chunk)?;
                }
                let dictionaries = &self.dictionaries;
                let decoder = &mut self.decoder;
                decoder.decode_fields(&chunk, limits, None, dictionaries, self.records)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, header: &ChunkHeader, is_data: bool) {
        self.report.chunks += 1;
        if is_data {
            self.report.data_chunks += 1;
            let decoded = header.decoded_bytes;
            self.report.decoded_bytes = self.report.decoded_bytes.saturating_add(decoded);
        }
    }
}

/// Whether a chunk holds no records, whatever it holds.
fn is_of_columns(chunk_type: ChunkType) -> bool {
    matches!(
        chunk_type,
        ChunkType::Columns | ChunkType::Schema | ChunkType::Statistics
    )
}

/// Checks what only readers of single records look at: the checksum of each.
fn check_slots(chunk: &Chunk<'_>) -> Result<(), FormatError> {
    let front = PageFront::parse(&chunk.header, chunk.data, chunk.at)?;
    for index in 0..front.records() {
        front.check_slot(front.slot_in(chunk.data, index)?)?;
    }
    Ok(())
}
