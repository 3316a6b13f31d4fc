//! The decompressed header of a transposed chunk, number by number.

use crate::error::{At, FormatError};
use crate::varint::take_varint;

/// What a table may take however low the limit of the reader is, so that an honest chunk is read.
const MIN_TABLE_BYTES: u64 = 1 << 20;

/// The most bytes that one table of a chunk's machine may take.
pub(super) fn most_table_bytes(max_chunk_bytes: u64) -> u64 {
    max_chunk_bytes.max(MIN_TABLE_BYTES)
}

/// What is left of a header.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderReader<'a> {
    rest: &'a [u8],
    max_table_bytes: u64,
    at: At,
}

impl<'a> HeaderReader<'a> {
    pub(super) fn new(header: &'a [u8], max_chunk_bytes: u64, at: At) -> Self {
        Self {
            rest: header,
            max_table_bytes: most_table_bytes(max_chunk_bytes),
            at,
        }
    }

    /// The next number.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u64, FormatError> {
        let at = self.at;
        take_varint(&mut self.rest).ok_or(FormatError::Varint { what, at })
    }

    /// The next number, one below 2^32.
    pub(super) fn small(&mut self, what: &'static str) -> Result<u32, FormatError> {
        let at = self.at;
        let number = self.number(what)?;
        u32::try_from(number).map_err(|_| FormatError::Varint { what, at })
    }

    /// How many entries of a table follow. Each takes a byte of the header at least, and more in `table`, which is emptied
    /// and gets room for them if that is within the limit.
    pub(super) fn table<T>(
        &mut self,
        what: &'static str,
        table: &mut Vec<T>,
    ) -> Result<usize, FormatError> {
        table.clear();
        let (declared, at) = (self.small(what)?, self.at);
        let have = self.rest.len();
        let count = usize::try_from(declared)
            .ok()
            .filter(|&count| count <= have);
        let count = count.ok_or(FormatError::Truncated {
            what,
            at,
            need: u64::from(declared),
            have: have as u64,
        })?;
        let value = count.saturating_mul(size_of::<T>()) as u64;
        if value > self.max_table_bytes {
            return Err(FormatError::Limit {
                what,
                at,
                value,
                limit: self.max_table_bytes,
                option: "max_chunk_bytes",
            });
        }
        let reserved = table.try_reserve_exact(count);
        reserved.map_err(|_| FormatError::OutOfMemory {
            what,
            at,
            bytes: value,
        })?;
        Ok(count)
    }

    /// The next `len` bytes.
    pub(super) fn bytes(
        &mut self,
        len: usize,
        what: &'static str,
    ) -> Result<&'a [u8], FormatError> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(FormatError::Truncated {
                what,
                at: self.at,
                need: len as u64,
                have: self.rest.len() as u64,
            })?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), FormatError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(FormatError::TrailingBytes {
            what: "header of a transposed chunk",
            at: self.at,
            extra: self.rest.len() as u64,
        })
    }
}
