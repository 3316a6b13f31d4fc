//! Page chunks (`e`): records that are compressed and checked each by itself, so that one is read without its neighbours.
//! `format-spec/record-pages.md` has the layout.

use std::ops::Range;

use crate::chunk_header::{ChunkHeader, ChunkType};
use crate::codec::{Codec, CompressionType, Compressor};
use crate::column::{COLUMN_HEADER_BYTES, Column, push_column};
use crate::crc::{check_crc, crc_of};
use crate::dictionary::{Dictionary, NO_DICTIONARY};
use crate::error::{At, FormatError};
use crate::record_chunk::{GroupSlice, encode_chunk};
use crate::varint::take_varint;

/// Size of the CRC32C behind the table and behind each record, in bytes.
pub const CRC_BYTES: u64 = 4;
/// Bytes in front of the table: compression type and dictionary.
const TABLE_BEGIN: usize = 9;

/// Bits a record that are guessed for the table before it is read.
const GUESSED_BITS: u64 = 20;

/// Bytes of a page chunk's data that tell which dictionary it needs.
pub const DICTIONARY_ID_END: usize = TABLE_BEGIN;

/// The id of the dictionary that a page chunk needs, by the first [`DICTIONARY_ID_END`] bytes of its data:
/// [`NO_DICTIONARY`] where it needs none, or they are too few.
#[must_use]
pub fn needed_dictionary(data: &[u8]) -> u64 {
    match data.split_first_chunk::<TABLE_BEGIN>() {
        Some((&[compression, ref id @ ..], _))
            if CompressionType::from_byte(compression) == Some(CompressionType::Zstd) =>
        {
            u64::from_le_bytes(*id)
        }
        _ => NO_DICTIONARY,
    }
}

/// What stands in front of the records of a page chunk: their codec, their dictionary, and where each of them lies.
#[derive(Debug, Clone, Copy)]
pub struct PageFront<'a> {
    compression: CompressionType,
    dictionary_id: u64,
    table: Column<'a>,
    records: u64,
    /// Bytes of data in front of the first slot.
    bytes: u64,
    data_bytes: u64,
    decoded_bytes: u64,
    at: At,
}

impl<'a> PageFront<'a> {
    /// How many bytes of data are likely to hold the front of a chunk of `records` records.
    #[must_use]
    pub const fn likely_bytes(records: u64) -> u64 {
        let bits = records.saturating_add(1).saturating_mul(GUESSED_BITS);
        bits.div_ceil(8)
            .saturating_add((TABLE_BEGIN as u64).saturating_add(COLUMN_HEADER_BYTES as u64))
            .saturating_add(CRC_BYTES)
    }

    /// Reads the front of the chunk with this header at `at`. `data` are its data, or the first bytes of them.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] with the number of bytes that are needed; [`FormatError::ChunkType`] for another chunk,
    /// [`FormatError::CompressionType`], [`FormatError::PageTable`], [`FormatError::Crc`].
    pub fn parse(header: &ChunkHeader, data: &'a [u8], at: At) -> Result<Self, FormatError> {
        if header.chunk_type != ChunkType::Pages {
            return Err(FormatError::ChunkType {
                at,
                chunk_type: header.chunk_type.to_byte(),
            });
        }
        let have = data.len() as u64;
        let what = "front of a page chunk";
        let truncated = |need| FormatError::Truncated {
            what,
            at,
            need,
            have,
        };
        let records = header.num_records;
        let slots = records.saturating_mul(CRC_BYTES);
        let least = slots.saturating_add(Self::least_bytes());
        if header.data_bytes < least {
            return Err(FormatError::Truncated {
                what: "page chunk",
                at,
                need: least,
                have: header.data_bytes,
            });
        }
        let (&[compression, ref dictionary @ ..], rest) =
            data.split_first_chunk::<TABLE_BEGIN>()
                .ok_or_else(|| truncated(Self::least_bytes()))?;
        let compression =
            CompressionType::from_byte(compression).ok_or(FormatError::CompressionType {
                at,
                compression_type: compression,
            })?;
        let broken = |what| FormatError::PageTable { at, what };
        let ends = records.saturating_add(1);
        let column_bytes = match Column::bytes(rest, ends) {
            Some(Ok(bytes)) => bytes,
            Some(Err(())) => return Err(broken("a number of its table has more than 64 bits")),
            None => return Err(truncated(Self::least_bytes())),
        };
        let table_end = (TABLE_BEGIN as u64).saturating_add(column_bytes);
        let bytes = table_end.saturating_add(CRC_BYTES);
        if bytes.saturating_add(slots) > header.data_bytes {
            return Err(broken("its table is longer than the chunk"));
        }
        let front = usize::try_from(table_end)
            .ok()
            .and_then(|end| data.split_at_checked(end));
        let (front, stored) = front
            .and_then(|(front, behind)| Some((front, *behind.first_chunk::<4>()?)))
            .ok_or_else(|| truncated(bytes))?;
        check_crc("table of a page chunk", front, stored, at)?;
        let table = usize::try_from(ends)
            .ok()
            .and_then(|ends| Column::split(rest, ends));
        let (table, _) = table.ok_or_else(|| truncated(bytes))?;
        Ok(Self {
            compression,
            dictionary_id: u64::from_le_bytes(*dictionary),
            table,
            records,
            bytes,
            data_bytes: header.data_bytes,
            decoded_bytes: header.decoded_bytes,
            at,
        })
    }

    /// Bytes of a front without records.
    const fn least_bytes() -> u64 {
        (TABLE_BEGIN as u64)
            .saturating_add(COLUMN_HEADER_BYTES as u64)
            .saturating_add(CRC_BYTES)
    }

    /// The codec of the records.
    #[must_use]
    pub const fn compression(&self) -> CompressionType {
        self.compression
    }

    /// The dictionary of the records, or [`NO_DICTIONARY`].
    #[must_use]
    pub const fn dictionary_id(&self) -> u64 {
        self.dictionary_id
    }

    /// Number of records.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// What all records decode to, in bytes.
    #[must_use]
    pub const fn decoded_bytes(&self) -> u64 {
        self.decoded_bytes
    }

    /// Size of the front, in bytes of the chunk's data.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the chunk begins.
    #[must_use]
    pub const fn at(&self) -> At {
        self.at
    }

    /// Where the slot of record number `index` of this chunk lies in the chunk's data: the stored record and its CRC32C.
    ///
    /// # Errors
    /// [`FormatError::PageTable`] where the table contradicts itself, or has no such record.
    #[inline]
    pub fn slot(&self, index: u64) -> Result<Range<u64>, FormatError> {
        let broken = |what| FormatError::PageTable { at: self.at, what };
        let next = index.saturating_add(1);
        if next > self.records {
            return Err(broken("it has no such record"));
        }
        let (Ok(here), Ok(next)) = (usize::try_from(index), usize::try_from(next)) else {
            return Err(broken("it has no such record"));
        };
        let begin = self.bytes.saturating_add(self.table.get(here));
        let end = self.bytes.saturating_add(self.table.get(next));
        if end > self.data_bytes || end.saturating_sub(begin) < CRC_BYTES {
            return Err(broken("a record of its table lies outside of the chunk"));
        }
        Ok(begin..end)
    }

    /// The bytes of that slot in `data`, which are all data of the chunk.
    ///
    /// # Errors
    /// Those of [`slot`](Self::slot).
    pub fn slot_in<'s>(&self, data: &'s [u8], index: u64) -> Result<&'s [u8], FormatError> {
        let slot = self.slot(index)?;
        let places = usize::try_from(slot.start)
            .ok()
            .zip(usize::try_from(slot.end).ok());
        let slot = places.and_then(|(begin, end)| data.get(begin..end));
        Ok(slot.unwrap_or_default())
    }

    /// Checks that the slots fill the data, one behind the other.
    ///
    /// # Errors
    /// [`FormatError::PageTable`].
    pub fn check_slots(&self) -> Result<(), FormatError> {
        let mut expected = self.bytes;
        for index in 0..self.records {
            let slot = self.slot(index)?;
            if slot.start != expected {
                break;
            }
            expected = slot.end;
        }
        if expected == self.data_bytes {
            return Ok(());
        }
        Err(FormatError::PageTable {
            at: self.at,
            what: "the records of its table do not fill the chunk",
        })
    }

    /// Checks the CRC32C of a slot's bytes and returns the stored record.
    ///
    /// # Errors
    /// [`FormatError::Crc`].
    #[inline]
    pub fn check_slot<'s>(&self, slot: &'s [u8]) -> Result<&'s [u8], FormatError> {
        let (stored, crc) = split_slot(slot);
        check_crc("record", stored, crc, self.at)?;
        Ok(stored)
    }
}

/// A stored record and its CRC32C; a slot has at least that.
#[inline]
pub(crate) fn split_slot(slot: &[u8]) -> (&[u8], [u8; 4]) {
    match slot.split_last_chunk::<4>() {
        Some((stored, crc)) => (stored, *crc),
        None => (&[], [0; 4]),
    }
}

/// The front of a page chunk, kept: a reader that has it reads single records.
#[derive(Debug, Clone)]
pub struct PageTable {
    header: ChunkHeader,
    compression: CompressionType,
    at: At,
    bytes: Box<[u8]>,
}

impl PageTable {
    /// Keeps the front of the chunk with this header, which begins with `data`.
    ///
    /// # Errors
    /// Those of [`PageFront::parse`].
    pub fn new(header: &ChunkHeader, data: &[u8], at: At) -> Result<Self, FormatError> {
        let front = PageFront::parse(header, data, at)?;
        let end = usize::try_from(front.bytes).unwrap_or(usize::MAX);
        Ok(Self {
            header: *header,
            compression: front.compression,
            at,
            bytes: data.get(..end).unwrap_or_default().into(),
        })
    }

    /// The front itself, which was checked before.
    #[must_use]
    #[inline]
    pub fn front(&self) -> PageFront<'_> {
        let front = self.bytes.split_first_chunk::<TABLE_BEGIN>();
        let (&[_, ref dictionary @ ..], column) = front.unwrap_or((&[0; TABLE_BEGIN], &[]));
        let ends = usize::try_from(self.header.num_records.saturating_add(1));
        let table = ends.ok().and_then(|ends| Column::split(column, ends));
        PageFront {
            compression: self.compression,
            dictionary_id: u64::from_le_bytes(*dictionary),
            table: table.map_or(Column::ZEROS, |(table, _)| table),
            records: self.header.num_records,
            bytes: self.bytes.len() as u64,
            data_bytes: self.header.data_bytes,
            decoded_bytes: self.header.decoded_bytes,
            at: self.at,
        }
    }

    /// The header of the chunk.
    #[must_use]
    pub const fn header(&self) -> &ChunkHeader {
        &self.header
    }

    /// Memory that it holds, in bytes.
    #[must_use]
    pub const fn memory_bytes(&self) -> usize {
        size_of::<Self>().saturating_add(self.bytes.len())
    }
}

impl GroupSlice<'_> {
    /// Appends a chunk of these records to `out`, each compressed by itself: header and data, without block headers.
    /// Codecs other than zstd take no dictionary.
    ///
    /// # Errors
    /// Those of [`Compressor::compress_into`].
    pub fn encode_pages(
        &self,
        codec: Codec,
        window_log: Option<u32>,
        dictionary: Option<&Dictionary>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        let dictionary = dictionary.filter(|_| matches!(codec, Codec::Zstd { .. }));
        let (mut sizes, mut values) = self.sizes_and_values();
        let mut slots = compressor.take_scratch();
        let mut ends =
            Vec::with_capacity(usize::try_from(self.len()).unwrap_or(0).saturating_add(1));
        ends.push(0);
        while let Some(size) = take_varint(&mut sizes) {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let (record, rest) = values.split_at(size.min(values.len()));
            values = rest;
            let begin = slots.len();
            compressor.compress_record(codec, window_log, dictionary, record, &mut slots)?;
            let crc = crc_of(slots.get(begin..).unwrap_or_default());
            slots.extend_from_slice(&crc.to_le_bytes());
            ends.push(slots.len() as u64);
        }
        let header = encode_chunk(out, |out| {
            let begin = out.len();
            out.push(codec.compression_type().to_byte());
            let id = dictionary.map_or(NO_DICTIONARY, Dictionary::id);
            out.extend_from_slice(&id.to_le_bytes());
            push_column(out, &mut ends);
            let crc = crc_of(out.get(begin..).unwrap_or_default());
            out.extend_from_slice(&crc.to_le_bytes());
            out.extend_from_slice(&slots);
            Ok((ChunkType::Pages, self.len(), self.bytes_len() as u64))
        });
        compressor.keep_scratch(slots);
        header
    }
}

#[cfg(test)]
mod tests;
