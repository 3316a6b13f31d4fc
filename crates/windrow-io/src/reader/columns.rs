//! Reading parts of column chunks, and what stands around them.

use std::ops::Range;

use windrow_format::{
    At, BLOCK_BYTES, CHUNK_HEADER_BYTES, Chunk, ChunkHeader, ChunkLocation, ChunkType, ColumnFront,
    FormatError, add_with_block_headers, parse_statistics_chunk, schema_hash,
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

    /// Lends parts of a chunk's data, which ascend, to `take`, each with its number. Parts near each other are read at once;
    /// one that `take` refuses is read once more by itself and lent again.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] with the rows of the chunk.
    pub(crate) fn read_parts(
        &self,
        location: &ChunkLocation,
        parts: &[Range<u64>],
        mut take: impl FnMut(usize, &[u8]) -> Result<(), FormatError>,
    ) -> Result<()> {
        let at = At::chunk(location.begin, location.chunk);
        with_read_scratch(|ReadScratch { raw, flat, .. }| {
            let mut done = 0;
            let mut lend = |range: Range<usize>| -> std::io::Result<_> {
                let parts = parts.get(range.clone()).unwrap_or_default();
                let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
                    return Ok((range.end, Ok(())));
                };
                let bytes = in_file(location.begin, &(first.start..last.end));
                self.with_bytes(bytes.clone(), raw, |raw| {
                    let data = flatten(bytes.start, raw, flat);
                    let place = |byte: u64| usize::try_from(byte - first.start).ok();
                    for (number, part) in range.clone().zip(parts) {
                        let part = place(part.start).zip(place(part.end));
                        let part = part.and_then(|(begin, end)| data.get(begin..end));
                        if let Err(error) = take(number, part.unwrap_or_default()) {
                            return (number, Err(error));
                        }
                    }
                    (range.end, Ok(()))
                })
            };
            let finish = |read| self.checked(at, rows_of(location), location.end, read);
            while let Some(rest) = parts.get(done..).filter(|rest| !rest.is_empty()) {
                let (number, lent) = match lend(done..done + count_near(rest.iter())) {
                    Ok(lent) => lent,
                    Err(error) => return finish(Err(error)),
                };
                done = number;
                if lent.is_ok() {
                    continue;
                }
                if self.store.as_bytes().is_some() {
                    return finish(Ok(lent));
                }
                finish(lend(done..done + 1).map(|(_, again)| again))?;
                done += 1;
            }
            Ok(())
        })
    }

    /// Lends a whole column chunk, whose hashes and front were checked, to `take`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] with the rows of the chunk.
    pub(crate) fn with_column_chunk<T>(
        &self,
        location: &ChunkLocation,
        mut take: impl FnMut(&Chunk<'_>) -> Result<T, FormatError>,
    ) -> Result<T> {
        let at = At::chunk(location.begin, location.chunk);
        let header = self.read_head(location)?.header;
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
