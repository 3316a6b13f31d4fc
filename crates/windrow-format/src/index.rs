//! The index of a file's chunks, kept in two to four bytes a chunk.
//!
//! Chunks are taken in pages of [`PAGE_CHUNKS`]. Each column of a page (offset, first record, decoded bytes) is stored
//! as a straight line plus what each value lies above it, in as few bits as the largest of these needs. Lookups are
//! O(1) within a page. A page is plain bytes, so it can lie in memory or in a file.

use crate::chunk_header::ChunkHeader;
use crate::error::{At, FormatError};
use crate::footer::FooterEntry;

/// Chunks in one page of the index (fewer in the last one).
pub const PAGE_CHUNKS: usize = 256;

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

    /// The first half of [`check`](Self::check): records and bytes.
    ///
    /// # Errors
    /// [`FormatError::EntryMismatch`].
    pub fn check_counts(&self, header: &ChunkHeader) -> Result<(), FormatError> {
        let at = At::chunk(self.begin, self.chunk);
        for (field, chunk, footer) in [
            ("num_records", header.num_records, self.records),
            (
                "decoded_data_size",
                header.decoded_bytes,
                self.decoded_bytes,
            ),
        ] {
            if chunk != footer {
                return Err(FormatError::EntryMismatch {
                    at,
                    field,
                    chunk,
                    footer,
                });
            }
        }
        Ok(())
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

/// Bytes in front of a column's bits: base and slope (two's complement, modulo 2^64) and the width of a value.
const COLUMN_HEADER_BYTES: usize = 17;

/// Appends a column; `values` are used up.
fn push_column(out: &mut Vec<u8>, values: &mut [u64]) {
    let (first, last) = match (values.first(), values.last()) {
        (Some(&first), Some(&last)) => (first, last),
        _ => (0, 0),
    };
    let slope = match (values.len() as u64).checked_sub(1) {
        Some(steps) if last >= first => last.wrapping_sub(first).checked_div(steps).unwrap_or(0),
        _ => 0,
    };
    // Signed distance from the line, then moved up so that the smallest one is zero.
    let mut line = first;
    let mut lowest = 0_i64;
    for value in &mut *values {
        *value = value.wrapping_sub(line);
        line = line.wrapping_add(slope);
        lowest = lowest.min(value.cast_signed());
    }
    let lowest = lowest.cast_unsigned();
    let mut all_bits = 0;
    for value in &mut *values {
        *value = value.wrapping_sub(lowest);
        all_bits |= *value;
    }
    let width = u64::BITS.saturating_sub(all_bits.leading_zeros());
    push_column_header(out, first.wrapping_add(lowest), slope, width);
    if width > 0 {
        push_bits(out, values, width);
    }
}

fn push_column_header(out: &mut Vec<u8>, base: u64, slope: u64, width: u32) {
    out.extend_from_slice(&base.to_le_bytes());
    out.extend_from_slice(&slope.to_le_bytes());
    out.push(u8::try_from(width).unwrap_or(64));
}

/// Appends the lowest `width` bits of each value, the first value lowest.
fn push_bits(out: &mut Vec<u8>, values: &[u64], width: u32) {
    let (mut pending, mut bits) = (0_u128, 0_u32);
    for &value in values {
        pending |= u128::from(value).wrapping_shl(bits);
        bits = bits.saturating_add(width);
        if bits >= u64::BITS {
            out.extend_from_slice(&low_half(pending).to_le_bytes());
            pending >>= u64::BITS;
            bits = bits.saturating_sub(u64::BITS);
        }
    }
    let bytes = bits.div_ceil(8) as usize;
    out.extend_from_slice(
        low_half(pending)
            .to_le_bytes()
            .get(..bytes)
            .unwrap_or_default(),
    );
}

fn low_half(word: u128) -> u64 {
    u64::try_from(word & u128::from(u64::MAX)).unwrap_or_default()
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
        while low < high {
            let middle = low.midpoint(high);
            if self.first_records.get(middle) <= record {
                low = middle.checked_add(1)?;
            } else {
                high = middle;
            }
        }
        self.get(low.checked_sub(1)?)
    }
}

#[derive(Debug, Clone, Copy)]
struct Column<'a> {
    base: u64,
    slope: u64,
    width: u32,
    bits: &'a [u8],
}

impl<'a> Column<'a> {
    fn split(bytes: &'a [u8], len: usize) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_at_checked(COLUMN_HEADER_BYTES)?;
        let width = u32::from(*header.last()?);
        let bits_bytes = len.checked_mul(width as usize)?.div_ceil(8);
        let (bits, rest) = rest.split_at_checked(bits_bytes)?;
        let column = Self {
            base: u64::from_le_bytes(*header.first_chunk()?),
            slope: u64::from_le_bytes(*header.get(8..)?.first_chunk()?),
            width,
            bits,
        };
        Some((column, rest))
    }

    #[inline]
    fn get(&self, index: usize) -> u64 {
        let line = self
            .base
            .wrapping_add(self.slope.wrapping_mul(index as u64));
        line.wrapping_add(self.above_line(index))
    }

    #[inline]
    fn above_line(&self, index: usize) -> u64 {
        let bit = index.wrapping_mul(self.width as usize);
        let bytes = self.bits.get(bit >> 3..).unwrap_or_default();
        let word = match bytes.first_chunk::<16>() {
            Some(word) => u128::from_le_bytes(*word),
            None => bytes
                .iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u128::from(byte)),
        };
        let mask = 1_u128.wrapping_shl(self.width).wrapping_sub(1);
        let value = (word >> (bit & 7)) & mask;
        u64::try_from(value).unwrap_or_default()
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
