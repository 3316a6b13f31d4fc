//! The index of a file's chunks, kept in two to four bytes a chunk.
//!
//! Chunks are taken in pages of [`PAGE_CHUNKS`], with a packed column each of offsets, first records and decoded bytes.
//! Lookups are O(1) within a page. A page is plain bytes, so it can lie in memory or in a file.

use crate::chunk_header::{ChunkHeader, ChunkType};
use crate::column::{Column, push_column, push_column_header};
use crate::error::{At, FormatError};
use crate::footer::FooterEntry;

/// Chunks in one page of the index (fewer in the last one).
pub const PAGE_CHUNKS: usize = 256;

/// How many entries a search looks at around the likely one, before it halves what is left.
const GUESSES: u32 = 3;

/// Where a chunk is and what it holds, according to the footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLocation {
    /// Zero-based position among the data chunks.
    pub chunk: u64,
    /// Where it begins in the file.
    pub begin: u64,
    /// Where the next listed chunk, or the footer, begins.
    pub end: u64,
    /// Position of its first record in the file.
    pub first_record: u64,
    /// Number of its records.
    pub records: u64,
    /// Sum of its records' sizes in bytes.
    pub decoded_bytes: u64,
}

impl ChunkLocation {
    /// Compares a chunk's own header with what the footer says of it.
    ///
    /// # Errors
    /// [`FormatError::EntryMismatch`], [`FormatError::ChunkEnd`] if it reaches into the next structure.
    pub fn check(&self, header: &ChunkHeader) -> Result<(), FormatError> {
        self.check_counts(header)?;
        self.check_end(header)
    }

    /// The first half of [`check`](Self::check): records and bytes. See [`check_rows`](Self::check_rows) for column chunks.
    ///
    /// # Errors
    /// [`FormatError::EntryMismatch`].
    pub fn check_counts(&self, header: &ChunkHeader) -> Result<(), FormatError> {
        let at = At::chunk(self.begin, self.chunk);
        // Those of a column chunk are rows, and stand in its data.
        if header.chunk_type != ChunkType::Columns {
            check_entry(at, "num_records", header.num_records, self.records)?;
        }
        check_entry(
            at,
            "decoded_data_size",
            header.decoded_bytes,
            self.decoded_bytes,
        )
    }

    /// Compares the rows of a column chunk with what the footer says.
    ///
    /// # Errors
    /// [`FormatError::EntryMismatch`].
    pub fn check_rows(&self, rows: u64) -> Result<(), FormatError> {
        check_entry(
            At::chunk(self.begin, self.chunk),
            "rows",
            rows,
            self.records,
        )
    }

    /// The second half of [`check`](Self::check): where the chunk ends.
    ///
    /// # Errors
    /// [`FormatError::ChunkEnd`].
    pub fn check_end(&self, header: &ChunkHeader) -> Result<(), FormatError> {
        let end = header.chunk_end(self.begin);
        if end > self.end {
            return Err(FormatError::ChunkEnd {
                at: At::chunk(self.begin, self.chunk),
                end,
                expected: self.end,
            });
        }
        Ok(())
    }
}

fn check_entry(at: At, field: &'static str, chunk: u64, footer: u64) -> Result<(), FormatError> {
    if chunk == footer {
        return Ok(());
    }
    Err(FormatError::EntryMismatch {
        at,
        field,
        chunk,
        footer,
    })
}

/// Appends the page of `entries`, of which the first has record `first_record` and behind which the next chunk (or
/// the footer) begins at `end`, to `out`.
pub fn encode_page(entries: &[FooterEntry], first_record: u64, end: u64, out: &mut Vec<u8>) {
    let mut column = Vec::with_capacity(PAGE_CHUNKS.saturating_add(1));
    column.extend(entries.iter().map(|entry| entry.chunk_offset));
    column.push(end);
    push_column(out, &mut column);
    // Most columns of counts and sizes are straight lines, and need no look at each value.
    let first = entries.first().copied().unwrap_or_default();
    if entries
        .iter()
        .all(|entry| entry.num_records == first.num_records)
    {
        push_column_header(out, first_record, first.num_records, 0);
    } else {
        column.clear();
        let mut next = first_record;
        column.push(next);
        column.extend(entries.iter().map(|entry| {
            next = next.saturating_add(entry.num_records);
            next
        }));
        push_column(out, &mut column);
    }
    if entries
        .iter()
        .all(|entry| entry.decoded_bytes == first.decoded_bytes)
    {
        push_column_header(out, first.decoded_bytes, 0, 0);
    } else {
        column.clear();
        column.extend(entries.iter().map(|entry| entry.decoded_bytes));
        push_column(out, &mut column);
    }
}

/// One page of the index.
#[derive(Debug, Clone, Copy)]
pub struct IndexPage<'a> {
    first_chunk: u64,
    len: usize,
    begins: Column<'a>,
    first_records: Column<'a>,
    decoded: Column<'a>,
}

impl<'a> IndexPage<'a> {
    /// A page that [`encode_page`] made from `len` entries, the first of which is chunk number `first_chunk`. `None`
    /// if `bytes` are too short for that.
    #[must_use]
    pub fn new(bytes: &'a [u8], first_chunk: u64, len: usize) -> Option<Self> {
        let with_end = len.checked_add(1)?;
        let (begins, rest) = Column::split(bytes, with_end)?;
        let (first_records, rest) = Column::split(rest, with_end)?;
        let (decoded, _) = Column::split(rest, len)?;
        Some(Self {
            first_chunk,
            len,
            begins,
            first_records,
            decoded,
        })
    }

    /// Entry number `index` of this page.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<ChunkLocation> {
        if index >= self.len {
            return None;
        }
        let next = index.checked_add(1)?;
        let first_record = self.first_records.get(index);
        Some(ChunkLocation {
            chunk: self.first_chunk.checked_add(index as u64)?,
            begin: self.begins.get(index),
            end: self.begins.get(next),
            first_record,
            records: self.first_records.get(next).wrapping_sub(first_record),
            decoded_bytes: self.decoded.get(index),
        })
    }

    /// The entry whose chunk holds record number `record` of the file.
    #[must_use]
    pub fn find_record(&self, record: u64) -> Option<ChunkLocation> {
        // The first entry that begins behind the record, less one.
        let (mut low, mut high) = (0_usize, self.len);
        let likely = self.first_records.likely_index(record, self.len);
        let mut guesses = GUESSES;
        while low < high {
            let middle = if guesses > 0 {
                guesses = guesses.saturating_sub(1);
                likely.clamp(low, high.saturating_sub(1))
            } else {
                low.midpoint(high)
            };
            if self.first_records.get(middle) <= record {
                low = middle.checked_add(1)?;
            } else {
                high = middle;
            }
        }
        self.get(low.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(sizes: &[(u64, u64, u64)], start: u64, first_record: u64) -> usize {
        let mut offset = start;
        let mut record = first_record;
        let mut entries = Vec::new();
        let mut locations = Vec::new();
        for (chunk, &(bytes, records, decoded_bytes)) in sizes.iter().enumerate() {
            entries.push(FooterEntry {
                chunk_offset: offset,
                decoded_bytes,
                num_records: records,
            });
            locations.push(ChunkLocation {
                chunk: 1000 + chunk as u64,
                begin: offset,
                end: offset + bytes,
                first_record: record,
                records,
                decoded_bytes,
            });
            offset += bytes;
            record += records;
        }
        let mut bytes = Vec::new();
        encode_page(&entries, first_record, offset, &mut bytes);
        let page = IndexPage::new(&bytes, 1000, entries.len()).unwrap();
        for (index, location) in locations.iter().enumerate() {
            assert_eq!(page.get(index), Some(*location));
            for record in [
                location.first_record,
                location.first_record + location.records - 1,
            ] {
                assert_eq!(page.find_record(record), Some(*location));
            }
        }
        assert_eq!(page.get(entries.len()), None);
        bytes.len()
    }

    #[test]
    fn equal_chunks_take_almost_nothing() {
        assert!(check(&[(67, 1, 24); PAGE_CHUNKS], 64, 0) <= 51);
    }

    #[test]
    fn extremes_fit() {
        check(
            &[(1, 1, u64::MAX), (1 << 62, 1 << 40, 0), (1, 1, 5)],
            1 << 62,
            1 << 50,
        );
        check(&[(1, 1, 0)], 0, 0);
    }

    proptest! {
        #[test]
        fn any_page_reads_back(
            sizes in prop::collection::vec((1..1_u64 << 40, 1..1_u64 << 30, any::<u64>()), 1..PAGE_CHUNKS),
            start in 0..1_u64 << 50,
            first in 0..1_u64 << 50,
        ) {
            check(&sizes, start, first);
        }
    }
}
