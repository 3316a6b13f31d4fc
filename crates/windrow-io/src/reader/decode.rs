//! Fetching, checking and decoding chunks.

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::atomic::Ordering;

use windrow_format::options::OnCorrupt;
use windrow_format::{
    At, BLOCK_BYTES, Chunk, ChunkHeader, ChunkLocation, ChunkType, Dictionaries, FormatError,
    Provisional, RecordDecoder, Records, add_with_block_headers, without_block_headers_in,
};

use super::{Counters, Inner};
use crate::error::{Error, Result};
use crate::retry::twice;
use crate::scratch::ReadScratch;
use crate::store::Store;
use crate::verify::Fault;

/// Bytes between two wanted chunks or records that are fetched along rather than paid for with a second read.
/// For shuffled batches in the page cache, of groups of one and of pages, 0 to 16 KiB are within 6 %, none clearly better.
pub(crate) const MAX_GAP_BYTES: u64 = 8 << 10;
/// Bytes that one read fetches, and that its chunks decode to, at the most, unless a single chunk or record is larger.
pub(crate) const MAX_RUN_BYTES: u64 = 1 << 20;

/// A chunk whose bytes are bad.
struct BadChunk {
    error: FormatError,
    /// Where it ends according to its header, or where the next listed structure begins if the header is bad too.
    end: u64,
}

/// What came of reading a chunk; the outer error is the medium's.
type Decoded = std::io::Result<Result<(), BadChunk>>;

/// What came of decoding what was fetched: `Some` asks for everything up to there.
type Attempt = Result<Option<u64>, BadChunk>;

/// What decoding needs, beside the buffer that chunks are read into.
struct Tools<'a> {
    flat: &'a mut Vec<u8>,
    decoder: &'a mut RecordDecoder,
    dictionaries: &'a Dictionaries,
}

impl Inner {
    /// The buffer to read into, and what decoding needs.
    fn parts<'a>(&'a self, scratch: &'a mut ReadScratch) -> Result<(&'a mut Vec<u8>, Tools<'a>)> {
        let ReadScratch {
            raw, flat, decoder, ..
        } = scratch;
        let tools = Tools {
            flat,
            decoder,
            dictionaries: self.all_dictionaries()?,
        };
        Ok((raw, tools))
    }

    /// Appends the records of one chunk to `out`, and fails if it is bad.
    pub(crate) fn decode_chunk(
        &self,
        location: &ChunkLocation,
        scratch: &mut ReadScratch,
        out: &mut Records,
    ) -> Result<()> {
        let (raw, mut tools) = self.parts(scratch)?;
        let decoded = self.fetch_chunk(location, None, raw, &mut tools, out);
        match self.chunk_result(location, decoded)? {
            Ok(()) => Ok(()),
            Err(bad) => Err(self.chunk_error(location, bad.error)),
        }
    }

    /// Appends the records of chunks that lie behind each other, fetched with one read, to `out`. A bad chunk is an
    /// error or adds to `skipped`, as the options have it.
    pub(crate) fn decode_run(
        &self,
        run: &[ChunkLocation],
        scratch: &mut ReadScratch,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(());
        };
        let (raw, mut tools) = self.parts(scratch)?;
        if run.len() == 1 {
            let decoded = self.fetch_chunk(first, None, raw, &mut tools, out);
            return self.take_or_skip(first, decoded, out, skipped);
        }
        let begin = first.begin;
        let end = self.likely_end(last);
        // What the footer claims is not proven yet, so no more than what is usual is reserved for it.
        let claimed = run.iter().fold(0_u64, |sum, location| {
            sum.saturating_add(location.decoded_bytes)
        });
        out.reserve(
            run.len(),
            usize::try_from(claimed.min(1 << 20)).unwrap_or(0),
        );
        let in_one_read = self.with_bytes(begin..end, raw, |raw| {
            let mut again = Vec::new();
            let mut sound = 0;
            for location in run {
                let from = usize::try_from(location.begin - begin).unwrap_or(usize::MAX);
                let to = usize::try_from(location.end.min(end) - begin).unwrap_or(usize::MAX);
                let raw = raw.get(from..to).unwrap_or_default();
                let attempt = self.decode_bytes(location, raw, &mut tools, out);
                if let Ok(None) = attempt {
                    sound += 1;
                    continue;
                }
                let decoded =
                    self.fetch_chunk(location, Some(attempt), &mut again, &mut tools, out);
                self.take_or_skip(location, decoded, out, skipped)?;
            }
            self.stats
                .chunks_decoded
                .fetch_add(sound, Ordering::Relaxed);
            Ok(())
        });
        let error = match in_one_read {
            Ok(result) => return result,
            Err(error) => error,
        };
        if error.get_ref().is_some() && error.kind() != ErrorKind::UnexpectedEof {
            // A store's own error says what it has to say.
            return self.take_or_skip(first, Err(error), out, skipped);
        }
        // The file became shorter, or the medium failed: one chunk at a time tells which one is hit.
        run.iter().try_for_each(|location| {
            let decoded = self.fetch_chunk(location, None, raw, &mut tools, out);
            self.take_or_skip(location, decoded, out, skipped)
        })
    }

    /// Reads a chunk, twice if need be, and appends its records to `out`. `first` is what came of reading it before, if
    /// that was done.
    fn fetch_chunk(
        &self,
        location: &ChunkLocation,
        mut first: Option<Attempt>,
        raw: &mut Vec<u8>,
        tools: &mut Tools<'_>,
        out: &mut Records,
    ) -> Decoded {
        let mut end = self.likely_end(location);
        twice(self.store.as_bytes().is_some(), |_| {
            loop {
                let attempt = match first.take() {
                    Some(first) => first,
                    None => self.with_bytes(location.begin..end, raw, |raw| {
                        self.decode_bytes(location, raw, tools, out)
                    })?,
                };
                match attempt {
                    Ok(None) => return Ok(Ok(())),
                    Ok(Some(whole)) => end = whole,
                    Err(bad) => return Ok(Err(bad)),
                }
            }
        })
    }

    /// Appends the records of the chunk that `raw` begins with to `out`. `Some` is where it ends, behind what was
    /// fetched: the guess was too low.
    fn decode_bytes(
        &self,
        location: &ChunkLocation,
        raw: &[u8],
        Tools {
            flat,
            decoder,
            dictionaries,
        }: &mut Tools<'_>,
        out: &mut Records,
    ) -> Attempt {
        let error = match self.parse_chunk(location, raw, flat).and_then(|chunk| {
            let fields = self.fields.as_ref();
            decoder.decode_fields(&chunk, &self.limits, fields, dictionaries, out)
        }) {
            Ok(()) => return Ok(None),
            Err(error) => error,
        };
        let at = At::chunk(location.begin, location.chunk);
        let Ok(header) = ChunkHeader::parse(flatten(location.begin, raw, flat), at) else {
            let end = location.end;
            return Err(BadChunk { error, end });
        };
        let end = header.chunk_end(location.begin).min(location.end);
        let fetched_end = location.begin.saturating_add(raw.len() as u64);
        if !matches!(error, FormatError::Truncated { .. }) {
            return Err(BadChunk { error, end });
        }
        // What a provisional chunk counts stands in its data.
        let checked = if self.takes_provisional(&header) {
            location.check_end(&header)
        } else {
            location.check(&header)
        };
        let checked = checked.and_then(|()| self.limits.check_stored(&header, at));
        // What the header contradicts is told first: it does not depend on how much was fetched.
        match checked {
            Ok(()) if end <= fetched_end => Err(BadChunk { error, end }),
            Ok(()) => Ok(Some(end)),
            Err(error) => Err(BadChunk { error, end }),
        }
    }

    /// Checks the chunk in `raw` against its hashes and against the index.
    fn parse_chunk<'a>(
        &self,
        location: &ChunkLocation,
        raw: &'a [u8],
        flat: &'a mut Vec<u8>,
    ) -> Result<Chunk<'a>, FormatError> {
        let at = At::chunk(location.begin, location.chunk);
        let chunk = Chunk::parse(flatten(location.begin, raw, flat), at)?;
        if self.takes_provisional(&chunk.header) {
            location.check_end(&chunk.header)?;
            let (_, records) = Provisional::parse(&chunk)?;
            location.check_counts(&records.header)?;
            return Ok(records);
        }
        location.check(&chunk.header)?;
        Ok(chunk)
    }

    /// No footer lists provisional chunks, but an index that was made by a scan does.
    fn takes_provisional(&self, header: &ChunkHeader) -> bool {
        self.is_scanned && header.chunk_type == ChunkType::Provisional
    }

    /// Where the chunk at `location` ends at the latest, if its writer did not expand it and it is within the limits:
    /// the listed end may lie far behind where other chunks that nobody lists stand in between.
    fn likely_end(&self, location: &ChunkLocation) -> u64 {
        let sizes = location.records.saturating_mul(10);
        let data = location
            .decoded_bytes
            .min(self.limits.max_chunk_bytes)
            .saturating_add(sizes);
        let most = data.saturating_add(data / 4).saturating_add(BLOCK_BYTES);
        add_with_block_headers(location.begin, most)
            .max(location.begin.saturating_add(location.records))
            .min(location.end)
    }

    /// Counts a chunk that was decoded, and tells a file that ended, which is bad, from a medium that failed.
    fn chunk_result(
        &self,
        location: &ChunkLocation,
        decoded: Decoded,
    ) -> Result<Result<(), BadChunk>> {
        match decoded {
            Ok(Ok(())) => {
                self.stats.chunks_decoded.fetch_add(1, Ordering::Relaxed);
                Ok(Ok(()))
            }
            Ok(Err(bad)) => Ok(Err(bad)),
            Err(source) if source.kind() == ErrorKind::UnexpectedEof => {
                let at = At::chunk(location.begin, location.chunk);
                let end = location.end;
                let error = self.cut_short(at, end);
                Ok(Err(BadChunk { error, end }))
            }
            Err(source) => Err(Error::Io {
                name: self.name.clone(),
                action: "read",
                at: Some(At::chunk(location.begin, location.chunk)),
                records: Some(location.first_record..location.first_record + location.records),
                source,
            }),
        }
    }

    /// What is wrong with a chunk at `at` that ends at `end`, if the file ends before.
    pub(super) fn cut_short(&self, at: At, end: u64) -> FormatError {
        FormatError::Truncated {
            what: "chunk",
            at,
            need: end.saturating_sub(at.byte),
            have: self.store.len().unwrap_or(0).saturating_sub(at.byte),
        }
    }

    /// What a read of many records makes of a chunk.
    fn take_or_skip(
        &self,
        location: &ChunkLocation,
        decoded: Decoded,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
    ) -> Result<()> {
        let Err(BadChunk { error, end }) = self.chunk_result(location, decoded)? else {
            return Ok(());
        };
        if self.options.on_corrupt() != OnCorrupt::Skip {
            return Err(self.chunk_error(location, error));
        }
        let is_damaged = matches!(error, FormatError::ChunkDataHash { .. });
        if is_damaged && self.decode_one_by_one(location, out, skipped)? {
            return Ok(());
        }
        skipped.push(Fault::of_chunk(location.begin..end, Some(location), error));
        Ok(())
    }

    fn chunk_error(&self, location: &ChunkLocation, source: FormatError) -> Error {
        let records = location.first_record..location.first_record + location.records;
        Error::format(&self.name, Some(records), source)
    }

    /// Lends the bytes of `range` to `work`: borrowed from the store where it can lend them, else read into `raw`.
    pub(super) fn with_bytes<R>(
        &self,
        range: Range<u64>,
        raw: &mut Vec<u8>,
        work: impl FnOnce(&[u8]) -> R,
    ) -> std::io::Result<R> {
        let len = usize::try_from(range.end - range.start)
            .map_err(|_| std::io::Error::from(ErrorKind::OutOfMemory))?;
        if let Some(bytes) = self.store.as_bytes() {
            let begin = usize::try_from(range.start).unwrap_or(usize::MAX);
            let bytes = bytes.get(begin..).and_then(|bytes| bytes.get(..len));
            return bytes
                .map(work)
                .ok_or_else(|| ErrorKind::UnexpectedEof.into());
        }
        read_range(&*self.store, range, raw, &self.stats)?;
        Ok(work(&raw[..len]))
    }

    /// Fills `buffer` with the bytes at `offset`.
    pub(super) fn read_into(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        read_counted(&*self.store, offset, buffer, &self.stats)
    }
}

/// The bytes of a chunk that begins at `begin`, without block headers; in `flat` if there were any inside.
pub(super) fn flatten<'a>(begin: u64, raw: &'a [u8], flat: &'a mut Vec<u8>) -> &'a [u8] {
    match without_block_headers_in(begin, raw, flat) {
        Some(borrowed) => borrowed,
        None => flat,
    }
}

/// Reads `range` into the front of `raw`, which only grows: what is kept needs no clearing.
pub(super) fn read_range(
    store: &dyn Store,
    range: Range<u64>,
    raw: &mut Vec<u8>,
    stats: &Counters,
) -> std::io::Result<()> {
    let len = usize::try_from(range.end - range.start)
        .map_err(|_| std::io::Error::from(ErrorKind::OutOfMemory))?;
    if raw.is_empty() {
        *raw = vec![0; len];
    } else if raw.len() < len {
        raw.resize(len, 0);
    }
    read_counted(store, range.start, &mut raw[..len], stats)
}

fn read_counted(
    store: &dyn Store,
    offset: u64,
    buffer: &mut [u8],
    stats: &Counters,
) -> std::io::Result<()> {
    stats.reads.fetch_add(1, Ordering::Relaxed);
    stats
        .bytes_read
        .fetch_add(buffer.len() as u64, Ordering::Relaxed);
    store.read_exact_at(buffer, offset)
}
