//! Reading parts of column chunks, and what stands around them.

use std::io::ErrorKind;
use std::ops::Range;

use windrow_format::{
    At, BLOCK_BYTES, CHUNK_HEADER_BYTES, Chunk, ChunkHeader, ChunkLocation, ChunkType, ColumnFront,
    FormatError, add_with_block_headers, close_block_headers, parse_statistics_chunk, schema_hash,
};

use super::decode::flatten;
use super::record::{count_near, in_file};
use super::{Inner, Reader};
use crate::error::{Error, Result};
use crate::retry::twice;
use crate::scratch::{ReadScratch, with_read_scratch};
use crate::unlisted::{each_behind, read_unlisted};

/// Bytes of a chunk's data that its front is guessed to have.
const LIKELY_FRONT_BYTES: u64 = 4 << 10;

/// What stands in front of the pages of a column chunk, checked as far as it can be without the schema.
#[derive(Debug, Clone)]
pub(crate) struct ColumnHead {
    pub(crate) header: ChunkHeader,
    pub(crate) front: ColumnFront,
    /// The first bytes of the data: all of the front.
    pub(crate) data: Vec<u8>,
}

/// Parts of a chunk's data that were read at once.
#[derive(Debug)]
pub(crate) struct Run<'s> {
    /// Where they begin in the data.
    pub(crate) begin: u64,
    bytes: RunBytes<'s>,
}

#[derive(Debug)]
enum RunBytes<'s> {
    Lent(&'s [u8]),
    /// In the buffer of the call.
    Read(Range<usize>),
}

impl Run<'_> {
    /// Its bytes; `buffer` is that of the call that read it.
    pub(crate) fn bytes<'b>(&'b self, buffer: &'b [u8]) -> &'b [u8] {
        self.bytes.of(buffer)
    }
}

impl RunBytes<'_> {
    fn of<'b>(&'b self, buffer: &'b [u8]) -> &'b [u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Read(range) => buffer.get(range.clone()).unwrap_or_default(),
        }
    }
}

impl Reader {
    /// The schema message of a file of columns; `None` of one of records, and of one that was recovered without it.
    #[must_use]
    pub fn arrow_schema(&self) -> Option<&[u8]> {
        self.inner.footer.metadata.arrow_schema.as_deref()
    }
}

impl Inner {
    /// Refuses a file of records.
    pub(crate) fn check_holds_columns(&self) -> Result<()> {
        if self.has_columns {
            return Ok(());
        }
        let name = self.name.clone();
        Err(Error::HoldsRecords { name })
    }

    /// Contents of the chunk of statistics behind the footer; `None` if there is none, or none that is sound.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn statistics(&self) -> Result<Option<Vec<u8>>> {
        if self.is_scanned || !self.footer.metadata.has_statistics {
            return Ok(None);
        }
        let store = &*self.store;
        let end = self.sealed_bytes.saturating_sub(BLOCK_BYTES);
        let mut found = None;
        let walked = each_behind(store, self.footer.footer_end, end, |begin, header| {
            if header.chunk_type != ChunkType::Statistics {
                return Ok(true);
            }
            let contents = read_unlisted(store, begin, end, &self.limits, |chunk| {
                parse_statistics_chunk(chunk, &self.limits)
            });
            found = contents?.ok();
            Ok(false)
        });
        walked.map_err(|source| Error::io(&self.name, "read the statistics of", source))?;
        Ok(found)
    }

    /// Reads header and front of a column chunk.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`].
    pub(crate) fn column_head(&self, location: &ChunkLocation) -> Result<ColumnHead> {
        let head = self.read_head(location)?;
        let at = At::chunk(location.begin, location.chunk);
        let fits = self.limits.check_decoded(&head.header, at);
        self.checked(at, rows_of(location), location.end, Ok(fits))?;
        Ok(head)
    }

    /// Reads the header of a column chunk, and checks it with the front, whatever the chunk decodes to.
    ///
    /// # Errors
    /// Those of [`column_head`](Self::column_head).
    pub(crate) fn column_header(&self, location: &ChunkLocation) -> Result<ChunkHeader> {
        Ok(self.read_head(location)?.header)
    }

    fn read_head(&self, location: &ChunkLocation) -> Result<ColumnHead> {
        let at = At::chunk(location.begin, location.chunk);
        let hash = self
            .footer
            .metadata
            .arrow_schema
            .as_deref()
            .map(schema_hash);
        let read = with_read_scratch(|ReadScratch { raw, flat, .. }| {
            twice(self.store.as_bytes().is_some(), |_| {
                let mut data_bytes = LIKELY_FRONT_BYTES;
                loop {
                    let need = CHUNK_HEADER_BYTES.saturating_add(data_bytes);
                    let end = add_with_block_headers(location.begin, need).min(location.end);
                    let head = self.with_bytes(location.begin..end, raw, |raw| {
                        let flat = flatten(location.begin, raw, flat);
                        self.parse_head(location, hash, flat, at)
                    })?;
                    match head {
                        Err(FormatError::Truncated { need, .. })
                            if need > data_bytes && end < location.end =>
                        {
                            data_bytes = need;
                        }
                        head => return Ok(head),
                    }
                }
            })
        });
        self.checked(at, rows_of(location), location.end, read)
    }

    fn parse_head(
        &self,
        location: &ChunkLocation,
        hash: Option<u64>,
        flat: &[u8],
        at: At,
    ) -> Result<ColumnHead, FormatError> {
        let header = ChunkHeader::parse(flat, at)?;
        location.check(&header)?;
        self.limits.check_stored(&header, at)?;
        let data = flat.get(40..).unwrap_or_default();
        let front = ColumnFront::parse(&header, data, at)?;
        location.check_rows(front.rows)?;
        if let Some(hash) = hash {
            front.check_schema(hash, at)?;
        }
        front.check_crc(data, at)?;
        let front_bytes = usize::try_from(front.front_bytes).unwrap_or(usize::MAX);
        Ok(ColumnHead {
            header,
            front,
            data: data.get(..front_bytes).unwrap_or_default().to_vec(),
        })
    }

    /// Reads parts of a chunk's data, which ascend: those that lie near each other at once, and what `check` refuses once
    /// more. It is told the numbers of the parts, and the bytes from the first of them to the end of the last.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] with the rows of the chunk.
    pub(crate) fn read_parts(
        &self,
        location: &ChunkLocation,
        parts: &[Range<u64>],
        buffer: &mut Vec<u8>,
        mut check: impl FnMut(Range<usize>, &[u8]) -> Result<(), FormatError>,
    ) -> Result<Vec<Run<'_>>> {
        let at = At::chunk(location.begin, location.chunk);
        let (mut runs, mut done, mut used) = (Vec::new(), 0, 0);
        while let Some(rest) = parts.get(done..).filter(|rest| !rest.is_empty()) {
            let numbers = done..done + count_near(rest.iter());
            done = numbers.end;
            let run = parts.get(numbers.clone()).unwrap_or_default();
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let data = first.start..last.end;
            let read = twice(self.store.as_bytes().is_some(), |_| {
                let bytes = self.run_bytes(location.begin, &data, buffer, used)?;
                Ok(check(numbers.clone(), bytes.of(buffer)).map(|()| bytes))
            });
            let bytes = self.checked(at, rows_of(location), location.end, read)?;
            if let RunBytes::Read(range) = &bytes {
                used = range.end;
            }
            let begin = data.start;
            runs.push(Run { begin, bytes });
        }
        Ok(runs)
    }

    /// A part of the data of the chunk at `begin`: lent by the store, if it can do so in one piece, else read to `buffer`
    /// behind what is `used` of it. The buffer only grows: what is kept needs no clearing.
    fn run_bytes(
        &self,
        begin: u64,
        data: &Range<u64>,
        buffer: &mut Vec<u8>,
        used: usize,
    ) -> std::io::Result<RunBytes<'_>> {
        let range = in_file(begin, data);
        let len = usize::try_from(range.end - range.start)
            .map_err(|_| std::io::Error::from(ErrorKind::OutOfMemory))?;
        let has_headers = range.end - range.start > data.end - data.start;
        if let Some(stored) = self.store.as_bytes().filter(|_| !has_headers) {
            let begin = usize::try_from(range.start).unwrap_or(usize::MAX);
            let bytes = stored.get(begin..).and_then(|bytes| bytes.get(..len));
            return bytes
                .map(RunBytes::Lent)
                .ok_or_else(|| ErrorKind::UnexpectedEof.into());
        }
        let end = used + len;
        if buffer.len() < end {
            buffer.resize(end, 0);
        }
        let place = buffer.get_mut(used..end).unwrap_or_default();
        self.read_into(range.start, place)?;
        let len = close_block_headers(range.start, place);
        Ok(RunBytes::Read(used..used + len))
    }

    /// Lends a whole column chunk, whose hashes are checked, to `take`; `header` was [read](Self::column_header) before.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] with the rows of the chunk.
    pub(crate) fn with_column_chunk<T>(
        &self,
        location: &ChunkLocation,
        header: &ChunkHeader,
        mut take: impl FnMut(&Chunk<'_>) -> Result<T, FormatError>,
    ) -> Result<T> {
        let at = At::chunk(location.begin, location.chunk);
        let range = location.begin..header.chunk_end(location.begin);
        let read = with_read_scratch(|ReadScratch { raw, flat, .. }| {
            twice(self.store.as_bytes().is_some(), |_| {
                self.with_bytes(range.clone(), raw, |raw| {
                    let chunk = Chunk::parse(flatten(location.begin, raw, flat), at)?;
                    take(&chunk)
                })
            })
        });
        self.checked(at, rows_of(location), location.end, read)
    }
}

fn rows_of(location: &ChunkLocation) -> Range<u64> {
    location.first_record..location.first_record + location.records
}

#[cfg(test)]
mod tests;
