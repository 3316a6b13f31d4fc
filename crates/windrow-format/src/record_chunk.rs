//! Chunks of records, and decoding them all. Simple ones (`r`) hold sizes, then values, each buffer compressed by itself.

use crate::chunk::Chunk;
use crate::chunk_header::{ChunkHeader, ChunkType};
use crate::codec::{BufferLimits, Codec, CompressionType, Compressor, Decompressor};
use crate::dictionary::{Dictionaries, Dictionary};
use crate::error::FormatError;
use crate::limits::Limits;
use crate::page_chunk::{PageFront, split_slot};
use crate::records::Records;
use crate::transposed::{FieldProjection, Filter, TransposedDecoder};
use crate::varint::{MAX_VARINT_BYTES, push_varint, take_varint};

/// Records on their way into a chunk.
#[derive(Debug, Clone, Default)]
pub struct RecordGroup {
    sizes: Vec<u8>,
    values: Vec<u8>,
    len: u64,
}

impl RecordGroup {
    /// An empty group.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sizes: Vec::new(),
            values: Vec::new(),
            len: 0,
        }
    }

    /// Appends a record.
    #[inline]
    pub fn push(&mut self, record: &[u8]) {
        push_varint(&mut self.sizes, record.len() as u64);
        self.values.extend_from_slice(record);
        self.len = self.len.saturating_add(1);
    }

    /// Number of records.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sum of the records' sizes in bytes.
    #[must_use]
    pub const fn bytes_len(&self) -> usize {
        self.values.len()
    }

    /// Forgets all records and keeps the memory.
    pub fn clear(&mut self) {
        self.sizes.clear();
        self.values.clear();
        self.len = 0;
    }

    /// Appends the group to `out` as a chunk: header and data, without block headers.
    ///
    /// # Errors
    /// Those of [`Compressor::compress_into`].
    pub fn encode(
        &self,
        codec: Codec,
        window_log: Option<u32>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        self.as_slice().encode(codec, window_log, compressor, out)
    }

    /// The records, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let (mut sizes, mut values) = (self.sizes.as_slice(), self.values.as_slice());
        std::iter::from_fn(move || {
            let size = usize::try_from(take_varint(&mut sizes)?).unwrap_or(usize::MAX);
            let (record, rest) = values.split_at(size.min(values.len()));
            values = rest;
            Some(record)
        })
    }

    /// The records as one borrowed group.
    #[must_use]
    pub fn as_slice(&self) -> GroupSlice<'_> {
        GroupSlice {
            sizes: &self.sizes,
            values: &self.values,
            len: self.len,
        }
    }

    /// The last `records` records as a borrowed group.
    #[must_use]
    pub fn tail(&self, records: u64) -> GroupSlice<'_> {
        let mut rest = self.as_slice();
        rest.split_front(self.len.saturating_sub(records));
        rest
    }

    /// The records in consecutive groups of `lens` records each. Ends with the records, however many groups are
    /// asked for.
    pub fn split(&self, lens: &[u64]) -> impl Iterator<Item = GroupSlice<'_>> {
        let mut rest = self.as_slice();
        lens.iter()
            .map_while(move |&len| (rest.len > 0).then(|| rest.split_front(len)))
    }

    /// Heap bytes that this value holds, used or not.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.sizes.capacity().saturating_add(self.values.capacity())
    }

    /// Moves the last `records` of this group to the end of `tail`.
    pub fn split_off_tail(&mut self, records: u64, tail: &mut Self) {
        let mut rest = self.as_slice();
        let front = rest.split_front(self.len.saturating_sub(records));
        tail.sizes.extend_from_slice(rest.sizes);
        tail.values.extend_from_slice(rest.values);
        tail.len = tail.len.saturating_add(rest.len);
        let (sizes, values, len) = (front.sizes.len(), front.values.len(), front.len);
        self.sizes.truncate(sizes);
        self.values.truncate(values);
        self.len = len;
    }

    /// Puts `record` in front of all others. Costs O(n).
    pub fn push_front(&mut self, record: &[u8]) {
        let mut size = Vec::with_capacity(MAX_VARINT_BYTES);
        push_varint(&mut size, record.len() as u64);
        self.sizes.splice(0..0, size);
        self.values.splice(0..0, record.iter().copied());
        self.len = self.len.saturating_add(1);
    }
}

/// A borrowed run of the records of a [`RecordGroup`].
#[derive(Debug, Clone, Copy)]
pub struct GroupSlice<'a> {
    sizes: &'a [u8],
    values: &'a [u8],
    len: u64,
}

impl<'a> GroupSlice<'a> {
    fn split_front(&mut self, records: u64) -> Self {
        if records >= self.len {
            return std::mem::replace(
                self,
                Self {
                    sizes: &[],
                    values: &[],
                    len: 0,
                },
            );
        }
        let mut sizes = self.sizes;
        let mut bytes = 0_usize;
        for _ in 0..records {
            let size = take_varint(&mut sizes).unwrap_or_default();
            bytes = bytes.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        }
        let (front_sizes, rest_sizes) = self
            .sizes
            .split_at(self.sizes.len().saturating_sub(sizes.len()));
        let (front_values, rest_values) = self.values.split_at(bytes.min(self.values.len()));
        let front = Self {
            sizes: front_sizes,
            values: front_values,
            len: records,
        };
        *self = Self {
            sizes: rest_sizes,
            values: rest_values,
            len: self.len.saturating_sub(records),
        };
        front
    }

    /// See [`RecordGroup::encode`].
    ///
    /// # Errors
    /// Those of [`Compressor::compress_into`].
    pub fn encode(
        &self,
        codec: Codec,
        window_log: Option<u32>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        encode_chunk(out, |out| {
            self.encode_data(codec, window_log, compressor, out)?;
            Ok((ChunkType::Simple, self.len, self.values.len() as u64))
        })
    }

    /// Appends the data of a chunk of these records, without a header.
    pub(crate) fn encode_data(
        &self,
        codec: Codec,
        window_log: Option<u32>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        out.push(codec.compression_type().to_byte());
        if codec == Codec::Uncompressed {
            push_varint(out, self.sizes.len() as u64);
            out.extend_from_slice(self.sizes);
        } else {
            // The sizes are prefixed with their compressed length, which is known only behind them.
            let mut sizes = compressor.take_scratch();
            compressor.compress_into(codec, window_log, self.sizes, &mut sizes)?;
            push_varint(out, sizes.len() as u64);
            out.extend_from_slice(&sizes);
            compressor.keep_scratch(sizes);
        }
        compressor.compress_into(codec, window_log, self.values, out)
    }

    /// The sizes as varints, and the records themselves, back to back.
    pub(crate) const fn sizes_and_values(&self) -> (&'a [u8], &'a [u8]) {
        (self.sizes, self.values)
    }

    /// Number of records.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sum of the records' sizes in bytes.
    #[must_use]
    pub const fn bytes_len(&self) -> usize {
        self.values.len()
    }

    /// The first record, if there is one.
    #[must_use]
    pub fn first(&self) -> Option<&'a [u8]> {
        let mut sizes = self.sizes;
        let size = take_varint(&mut sizes)?;
        self.values.get(..usize::try_from(size).ok()?)
    }
}

/// Appends a chunk to `out`: the header, and what `encode_data` appends behind it. That returns the chunk's type, its
/// number of records and their bytes.
pub(crate) fn encode_chunk(
    out: &mut Vec<u8>,
    encode_data: impl FnOnce(&mut Vec<u8>) -> Result<(ChunkType, u64, u64), FormatError>,
) -> Result<ChunkHeader, FormatError> {
    let begin = out.len();
    out.extend_from_slice(&[0; 40]);
    let (chunk_type, num_records, decoded_bytes) = encode_data(out)?;
    let (front, data) = out.split_at_mut(begin.saturating_add(40));
    let header = ChunkHeader::new(chunk_type, num_records, decoded_bytes, data);
    if let Some(place) = front.get_mut(begin..) {
        place.copy_from_slice(&header.encode());
    }
    Ok(header)
}

/// Decodes chunks of records, of any type, into [`Records`]. Holds the codecs' contexts; make one per thread.
#[derive(Debug, Default)]
pub struct RecordDecoder {
    decompressor: Decompressor,
    sizes: Vec<u8>,
    transposed: TransposedDecoder,
    /// For projections of records that are stored whole.
    whole: Records,
    filter: Filter,
}

impl RecordDecoder {
    /// A decoder without any context yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Heap bytes of the scratch buffers that are kept, codec contexts apart.
    #[must_use]
    pub fn scratch_bytes(&self) -> usize {
        self.sizes
            .capacity()
            .saturating_add(self.transposed.scratch_bytes())
            .saturating_add(self.whole.capacity_bytes())
            .saturating_add(self.filter.scratch_bytes())
    }

    /// Appends the records of `chunk`, which needs no dictionary, to `out`. On an error `out` is as it was.
    ///
    /// # Errors
    /// [`FormatError::ChunkType`] for chunks of records that this release does not decode, [`FormatError::Limit`],
    /// [`FormatError::DictionaryMissing`], and everything that contradicts itself in the data.
    pub fn decode(
        &mut self,
        chunk: &Chunk<'_>,
        limits: &Limits,
        out: &mut Records,
    ) -> Result<(), FormatError> {
        self.decode_fields(chunk, limits, None, Dictionaries::NONE, out)
    }

    /// Appends to `out` what the projection `fields` leaves of the records of `chunk`; with `None`, all. `dictionaries`
    /// are those of the file. On an error `out` is as it was.
    ///
    /// # Errors
    /// Those of [`decode`](Self::decode).
    pub fn decode_fields(
        &mut self,
        chunk: &Chunk<'_>,
        limits: &Limits,
        fields: Option<&FieldProjection>,
        dictionaries: &Dictionaries,
        out: &mut Records,
    ) -> Result<(), FormatError> {
        if chunk.header.chunk_type == ChunkType::Transposed {
            return self.transposed.decode(chunk, limits, fields, out);
        }
        self.project(fields, out, |decoder, out| {
            if chunk.header.chunk_type == ChunkType::Pages {
                decoder.decode_pages(chunk, limits, dictionaries, out)
            } else {
                decoder.decode_all(chunk, limits, out)
            }
        })
    }

    /// Appends to `out` what `fields` leaves of one record of a page chunk; with `None`, all of it. `slot` is what
    /// [`PageFront::slot`] names. On an error `out` is as it was.
    ///
    /// # Errors
    /// [`FormatError::Crc`], and those of [`decode`](Self::decode).
    #[inline]
    pub fn decode_slot(
        &mut self,
        front: &PageFront<'_>,
        slot: &[u8],
        limits: &Limits,
        fields: Option<&FieldProjection>,
        dictionaries: &Dictionaries,
        out: &mut Records,
    ) -> Result<(), FormatError> {
        let stored = front.check_slot(slot)?;
        self.project(fields, out, |decoder, out| {
            let dictionary = dictionary_of(front, dictionaries)?;
            let limits = record_limits(front, limits, front.decoded_bytes());
            decoder.decompressor.decompress_record(
                front.compression(),
                dictionary,
                stored,
                &limits,
                &mut out.bytes,
            )?;
            out.ends.push(out.bytes.len());
            Ok(())
        })
    }

    /// Lets `decode` append records to `out`, and only what `fields` leaves of them. On an error `out` is as it was.
    fn project(
        &mut self,
        fields: Option<&FieldProjection>,
        out: &mut Records,
        decode: impl FnOnce(&mut Self, &mut Records) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let Some(fields) = fields else {
            let (records, bytes) = (out.ends.len(), out.bytes.len());
            let result = decode(self, out);
            if result.is_err() {
                out.ends.truncate(records);
                out.bytes.truncate(bytes);
            }
            return result;
        };
        let mut whole = std::mem::take(&mut self.whole);
        whole.clear();
        let result = decode(self, &mut whole);
        if result.is_ok() {
            for record in whole.iter() {
                self.filter.project(record, fields, &mut out.bytes);
                out.ends.push(out.bytes.len());
            }
        }
        self.whole = whole;
        result
    }

    /// The hash of the data was checked, so that the records' own checksums tell nothing more.
    fn decode_pages(
        &mut self,
        chunk: &Chunk<'_>,
        limits: &Limits,
        dictionaries: &Dictionaries,
        out: &mut Records,
    ) -> Result<(), FormatError> {
        let at = chunk.at;
        let front = PageFront::parse(&chunk.header, chunk.data, at)?;
        limits.check_decoded(&chunk.header, at)?;
        front.check_slots()?;
        let dictionary = dictionary_of(&front, dictionaries)?;
        let mut left = chunk.header.decoded_bytes;
        // Each has a checksum of four bytes, so this is no more than what was really there.
        let records = usize::try_from(front.records()).unwrap_or(usize::MAX);
        out.ends.reserve(records);
        for index in 0..front.records() {
            let (stored, _) = split_slot(front.slot_in(chunk.data, index)?);
            let before = out.bytes.len();
            self.decompressor.decompress_record(
                front.compression(),
                dictionary,
                stored,
                &record_limits(&front, limits, left),
                &mut out.bytes,
            )?;
            left = left.saturating_sub(out.bytes.len().saturating_sub(before) as u64);
            out.ends.push(out.bytes.len());
        }
        if left == 0 {
            return Ok(());
        }
        Err(FormatError::DecodedSize {
            what: "records",
            at,
            expected: chunk.header.decoded_bytes,
            actual: chunk.header.decoded_bytes.saturating_sub(left),
        })
    }

    fn decode_all(
        &mut self,
        chunk: &Chunk<'_>,
        limits: &Limits,
        out: &mut Records,
    ) -> Result<(), FormatError> {
        let ChunkHeader {
            num_records,
            decoded_bytes,
            ..
        } = chunk.header;
        let at = chunk.at;
        let (compression, sizes, values) = split(chunk)?;
        limits.check_decoded(&chunk.header, at)?;
        self.sizes.clear();
        let what = "record sizes";
        self.decompressor.decompress_into(
            compression,
            sizes,
            &BufferLimits {
                exact: None,
                max: num_records.saturating_mul(MAX_VARINT_BYTES as u64),
                limit: limits.max_chunk_bytes,
                option: "max_chunk_bytes",
                what,
                at,
            },
            &mut self.sizes,
        )?;
        let base = out.bytes.len();
        push_ends(&self.sizes, base, chunk, limits, &mut out.ends)?;
        self.decompressor.decompress_into(
            compression,
            values,
            &BufferLimits {
                exact: Some(decoded_bytes),
                max: decoded_bytes,
                limit: limits.max_chunk_bytes,
                option: "max_chunk_bytes",
                what: "record values",
                at,
            },
            &mut out.bytes,
        )
    }
}

/// The dictionary of the records of a page chunk, which only zstd takes.
fn dictionary_of<'d>(
    front: &PageFront<'_>,
    dictionaries: &'d Dictionaries,
) -> Result<Option<&'d Dictionary>, FormatError> {
    match front.compression() {
        CompressionType::Zstd => dictionaries.get(front.dictionary_id(), front.at()),
        _ => Ok(None),
    }
}

/// What a record of a page chunk may decode to; `max` is what is left of the chunk.
fn record_limits(front: &PageFront<'_>, limits: &Limits, max: u64) -> BufferLimits {
    BufferLimits {
        exact: None,
        max,
        limit: limits.max_record_bytes.min(limits.max_chunk_bytes),
        option: "max_record_bytes",
        what: "record",
        at: front.at(),
    }
}

impl Chunk<'_> {
    /// The codec of a chunk of records, if this release decodes the type. Looks at the first byte of the data only.
    ///
    /// # Errors
    /// [`FormatError::ChunkType`], [`FormatError::CompressionType`], and [`FormatError::Truncated`] if there is no such
    /// byte.
    pub fn check_records_type(&self) -> Result<CompressionType, FormatError> {
        let at = self.at;
        match self.header.chunk_type {
            ChunkType::Simple | ChunkType::Transposed | ChunkType::Pages => {}
            other => {
                return Err(FormatError::ChunkType {
                    at,
                    chunk_type: other.to_byte(),
                });
            }
        }
        let &first = self.data.first().ok_or(FormatError::Truncated {
            what: "compression type",
            at,
            need: 1,
            have: 0,
        })?;
        CompressionType::from_byte(first).ok_or(FormatError::CompressionType {
            at,
            compression_type: first,
        })
    }
}

/// Splits the data of a simple chunk into its codec and its two buffers.
pub(crate) fn split<'a>(
    chunk: &Chunk<'a>,
) -> Result<(CompressionType, &'a [u8], &'a [u8]), FormatError> {
    if chunk.header.chunk_type != ChunkType::Simple {
        return Err(FormatError::ChunkType {
            at: chunk.at,
            chunk_type: chunk.header.chunk_type.to_byte(),
        });
    }
    split_front(chunk, "record sizes")
}

/// Splits the data of a chunk of records into its codec, the buffer in front, which `what` names, and the rest.
pub(crate) fn split_front<'a>(
    chunk: &Chunk<'a>,
    what: &'static str,
) -> Result<(CompressionType, &'a [u8], &'a [u8]), FormatError> {
    let at = chunk.at;
    let compression = chunk.check_records_type()?;
    let mut rest = chunk.data.get(1..).unwrap_or_default();
    let need = take_varint(&mut rest).ok_or(FormatError::Varint { what, at })?;
    let (front, rest) = usize::try_from(need)
        .ok()
        .and_then(|need| rest.split_at_checked(need))
        .ok_or(FormatError::Truncated {
            what,
            at,
            need,
            have: rest.len() as u64,
        })?;
    Ok((compression, front, rest))
}

/// Turns the sizes of a chunk's records into their ends, the first record beginning at `base`.
fn push_ends(
    mut sizes: &[u8],
    base: usize,
    chunk: &Chunk<'_>,
    limits: &Limits,
    ends: &mut Vec<usize>,
) -> Result<(), FormatError> {
    let (at, what) = (chunk.at, "record sizes");
    let ChunkHeader {
        num_records,
        decoded_bytes,
        ..
    } = chunk.header;
    // Each size takes at least one byte, so this reserves no more than what was really there.
    ends.reserve(
        sizes
            .len()
            .min(usize::try_from(num_records).unwrap_or(usize::MAX)),
    );
    let mut sum = 0_u64;
    for done in 0..num_records {
        if sizes.is_empty() {
            return Err(FormatError::Truncated {
                what,
                at,
                need: num_records,
                have: done,
            });
        }
        let size = take_varint(&mut sizes).ok_or(FormatError::Varint { what, at })?;
        sum = sum.saturating_add(size);
        if size > limits.max_record_bytes {
            return Err(FormatError::Limit {
                what: "record",
                at,
                value: size,
                limit: limits.max_record_bytes,
                option: "max_record_bytes",
            });
        }
        let end = usize::try_from(sum).ok().filter(|_| sum <= decoded_bytes);
        ends.push(
            end.and_then(|end| base.checked_add(end))
                .ok_or(FormatError::DecodedSize {
                    what: "records",
                    at,
                    expected: decoded_bytes,
                    actual: sum,
                })?,
        );
    }
    if sum != decoded_bytes {
        return Err(FormatError::DecodedSize {
            what: "records",
            at,
            expected: decoded_bytes,
            actual: sum,
        });
    }
    if !sizes.is_empty() {
        return Err(FormatError::TrailingBytes {
            what,
            at,
            extra: sizes.len() as u64,
        });
    }
    Ok(())
}

/// The codec of a chunk of records, for reports. `None` where the data do not tell.
#[must_use]
pub fn compression_of(chunk: &Chunk<'_>) -> Option<CompressionType> {
    matches!(
        chunk.header.chunk_type,
        ChunkType::Simple | ChunkType::Transposed | ChunkType::Pages
    )
    .then(|| chunk.data.first().copied())
    .flatten()
    .and_then(CompressionType::from_byte)
}

#[cfg(test)]
mod tests;
