//! Fetching, checking and decoding chunks.

use std::ops::Range;
use std::sync::atomic::Ordering;

use windrow_format::{
    At, BLOCK_BYTES, Chunk, ChunkHeader, ChunkLocation, FormatError, Records,
    add_with_block_headers, without_block_headers_in,
};

use super::{Counters, Inner};
use crate::error::{Error, Result};
use crate::scratch::ReadScratch;
use crate::store::Store;

impl Inner {
    /// Appends the records of one chunk to `out`.
    pub(crate) fn decode_chunk(
        &self,
        location: &ChunkLocation,
        scratch: &mut ReadScratch,
        out: &mut Records,
    ) -> Result<()> {
        let begin = location.begin;
        let end = self.likely_end(location);
        let ReadScratch {
            raw, flat, decoder, ..
        } = scratch;
        let decoded = self.with_bytes(begin..end, raw, |raw| {
            match parse_chunk(location, raw, flat) {
                Ok(chunk) => decoder.decode(&chunk, &self.limits, out).map(|()| None),
                // More follows than was fetched: the guess was too low, and the header tells how much it is.
                Err(FormatError::Truncated { .. }) if end < location.end => {
                    let at = At::chunk(begin, location.chunk);
                    let header = ChunkHeader::parse(flatten(begin, raw, flat), at)?;
                    self.whole_end(location, &header).map(Some)
                }
                Err(error) => Err(error),
            }
        });
        let decoded = match decoded {
            Ok(Ok(Some(end))) => self.with_bytes(begin..end, raw, |raw| {
                let chunk = parse_chunk(location, raw, flat)?;
                decoder.decode(&chunk, &self.limits, out)
            }),
            Ok(Ok(None)) => Ok(Ok(())),
            Ok(Err(error)) => Ok(Err(error)),
            Err(source) => Err(source),
        };
        self.chunk_result(location, decoded)
    }

    /// Appends the records of chunks that lie behind each other, fetched with one read, to `out`.
    pub(crate) fn decode_run(
        &self,
        run: &[ChunkLocation],
        scratch: &mut ReadScratch,
        out: &mut Records,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(());
        };
        if run.len() == 1 {
            return self.decode_chunk(first, scratch, out);
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
        let ReadScratch {
            raw, flat, decoder, ..
        } = scratch;
        let decoded = self.with_bytes(begin..end, raw, |raw| {
            for (position, location) in run.iter().enumerate() {
                let from = usize::try_from(location.begin - begin).unwrap_or(usize::MAX);
                let to = usize::try_from(location.end.min(end) - begin).unwrap_or(usize::MAX);
                let raw = raw.get(from..to).unwrap_or_default();
                let decoded = parse_chunk(location, raw, flat)
                    .and_then(|chunk| decoder.decode(&chunk, &self.limits, out));
                if let Err(error) = decoded {
                    return Err((position, error));
                }
            }
            Ok(())
        });
        match decoded {
            Ok(Ok(())) => {
                self.stats
                    .chunks_decoded
                    .fetch_add(run.len() as u64, Ordering::Relaxed);
                Ok(())
            }
            // The guess of the last chunk's end was too low, or the chunk is bad: read it alone.
            Ok(Err((position, FormatError::Truncated { .. }))) if position + 1 == run.len() => {
                self.decode_chunk(last, scratch, out)
            }
            Ok(Err((position, error))) => self.chunk_result(&run[position], Ok(Err(error))),
            // A store's own error says what it has to say.
            Err(error) if error.get_ref().is_some() => self.chunk_result(first, Err(error)),
            // The file became shorter, or the medium failed: one chunk at a time tells which one is hit.
            Err(_) => run
                .iter()
                .try_for_each(|location| self.decode_chunk(location, scratch, out)),
        }
    }

    /// Where a chunk that was not fetched in full ends, if it may be fetched.
    fn whole_end(
        &self,
        location: &ChunkLocation,
        header: &ChunkHeader,
    ) -> Result<u64, FormatError> {
        location.check(header)?;
        self.limits
            .check_stored(header, At::chunk(location.begin, location.chunk))?;
        Ok(header.chunk_end(location.begin).min(location.end))
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

    fn chunk_result(
        &self,
        location: &ChunkLocation,
        decoded: std::io::Result<Result<(), FormatError>>,
    ) -> Result<()> {
        let records = location.first_record..location.first_record + location.records;
        match decoded {
            Ok(Ok(())) => {
                self.stats.chunks_decoded.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Ok(Err(source)) => Err(Error::format(&self.name, Some(records), source)),
            Err(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
                let have = self.store.len().unwrap_or(0).saturating_sub(location.begin);
                let source = FormatError::Truncated {
                    what: "chunk",
                    at: At::chunk(location.begin, location.chunk),
                    need: location.end - location.begin,
                    have,
                };
                Err(Error::format(&self.name, Some(records), source))
            }
            Err(source) => Err(Error::Io {
                name: self.name.clone(),
                action: "read",
                at: Some(At::chunk(location.begin, location.chunk)),
                records: Some(records),
                source,
            }),
        }
    }

    /// Lends the bytes of `range` to `work`: borrowed from the store where it can lend them, else read into `raw`.
    fn with_bytes<R>(
        &self,
        range: Range<u64>,
        raw: &mut Vec<u8>,
        work: impl FnOnce(&[u8]) -> R,
    ) -> std::io::Result<R> {
        let len = usize::try_from(range.end - range.start)
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
        if let Some(bytes) = self.store.as_bytes() {
            let begin = usize::try_from(range.start).unwrap_or(usize::MAX);
            let bytes = bytes.get(begin..).and_then(|bytes| bytes.get(..len));
            return bytes
                .map(work)
                .ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into());
        }
        read_range(&*self.store, range, raw, &self.stats)?;
        Ok(work(&raw[..len]))
    }
}

/// The bytes of a chunk that begins at `begin`, without block headers; in `flat` if there were any inside.
fn flatten<'a>(begin: u64, raw: &'a [u8], flat: &'a mut Vec<u8>) -> &'a [u8] {
    match without_block_headers_in(begin, raw, flat) {
        Some(borrowed) => borrowed,
        None => flat,
    }
}

/// Checks the chunk in `raw` against its hashes and against the footer.
fn parse_chunk<'a>(
    location: &ChunkLocation,
    raw: &'a [u8],
    flat: &'a mut Vec<u8>,
) -> Result<Chunk<'a>, FormatError> {
    let at = At::chunk(location.begin, location.chunk);
    let chunk = Chunk::parse(flatten(location.begin, raw, flat), at)?;
    location.check(&chunk.header)?;
    Ok(chunk)
}

/// Reads `range` into the front of `raw`, which only grows: what is kept needs no clearing.
pub(super) fn read_range(
    store: &dyn Store,
    range: Range<u64>,
    raw: &mut Vec<u8>,
    stats: &Counters,
) -> std::io::Result<()> {
    let len = usize::try_from(range.end - range.start)
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
    if raw.is_empty() {
        *raw = vec![0; len];
    } else if raw.len() < len {
        raw.resize(len, 0);
    }
    stats.reads.fetch_add(1, Ordering::Relaxed);
    stats.bytes_read.fetch_add(len as u64, Ordering::Relaxed);
    store.read_exact_at(&mut raw[..len], range.start)
}
