//! The columns of a transposed chunk: buffers of values, which lie in buckets that are compressed each by itself.

use crate::codec::{BufferLimits, CompressionType, Decompressor};
use crate::error::{At, FormatError};
use crate::limits::Limits;
use crate::varint::{MAX_VARINT_BYTES, take_varint};

use super::header::HeaderReader;

/// Values of one column. Positions are those in [`Buckets::data`] once the bucket is loaded, before that in the bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buffer {
    /// Where the next value begins.
    pub(super) next: usize,
    /// Where the last one ends.
    pub(super) end: usize,
    bucket: u32,
}

/// Some buffers, compressed together.
#[derive(Debug)]
struct Bucket {
    /// Where it lies in the chunk's data.
    start: usize,
    end: usize,
    /// Which buffers lie in it: up to here, from where those of the bucket in front end.
    last_buffer: usize,
    decoded_bytes: u64,
    loaded: bool,
}

/// All columns of a chunk. Kept between chunks for its memory.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    pub(super) buffers: Vec<Buffer>,
    buckets: Vec<Bucket>,
    /// The decompressed buckets, in the order in which they were asked for.
    pub(super) data: Vec<u8>,
}

const WHAT: &str = "bucket of a transposed chunk";

/// Where the columns lie, for [`Buckets::load`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) compression: CompressionType,
    /// The chunk's data behind its header.
    pub(super) bytes: &'a [u8],
    pub(super) max_chunk_bytes: u64,
    pub(super) at: At,
}

impl Buckets {
    /// Heap bytes that are held.
    pub(super) fn capacity_bytes(&self) -> usize {
        let buffers = self.buffers.capacity().saturating_mul(size_of::<Buffer>());
        let buckets = self.buckets.capacity().saturating_mul(size_of::<Bucket>());
        buffers
            .saturating_add(buckets)
            .saturating_add(self.data.capacity())
    }

    /// Number of buckets.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Reads the sizes of buckets and buffers from the front of the header, and what each buffer belongs to. Gives what
    /// follows the buckets: the transitions.
    pub(super) fn parse<'a>(
        &mut self,
        header: &mut HeaderReader<'_>,
        stored: &Stored<'a>,
        possible_bytes: u64,
    ) -> Result<&'a [u8], FormatError> {
        self.data.clear();
        let bucket_count = header.table("table of buckets", &mut self.buckets)?;
        let buffer_count = header.table("table of buffers", &mut self.buffers)?;
        let mut start = 0_usize;
        for _ in 0..bucket_count {
            let need = header.number("size of a bucket")?;
            let have = stored.bytes.get(start..).unwrap_or_default();
            let bucket = usize::try_from(need).ok().and_then(|need| have.get(..need));
            let bucket = bucket.ok_or(FormatError::Truncated {
                what: WHAT,
                at: stored.at,
                need,
                have: have.len() as u64,
            })?;
            let end = start.saturating_add(bucket.len());
            self.buckets.push(Bucket {
                start,
                end,
                last_buffer: 0,
                decoded_bytes: decoded_bytes(stored.compression, bucket, stored.at)?,
                loaded: false,
            });
            start = end;
        }
        self.assign(header, buffer_count, possible_bytes, stored)?;
        Ok(stored.bytes.get(start..).unwrap_or_default())
    }

    /// Buffers fill the buckets one after the other. A bucket ends with the buffer that fills it.
    fn assign(
        &mut self,
        header: &mut HeaderReader<'_>,
        buffer_count: usize,
        possible_bytes: u64,
        stored: &Stored<'_>,
    ) -> Result<(), FormatError> {
        let at = stored.at;
        let mismatch = |expected, actual| FormatError::DecodedSize {
            what: WHAT,
            at,
            expected,
            actual,
        };
        let mut sum = 0_u64;
        let mut filled = 0_u64;
        let mut bucket = 0_usize;
        for _ in 0..buffer_count {
            let size = header.number("size of a buffer")?;
            sum = sum.saturating_add(size);
            if sum > possible_bytes {
                return Err(FormatError::Implausible {
                    what: "buffers of a transposed chunk",
                    at,
                    declared: sum,
                    possible: possible_bytes,
                });
            }
            let room = self.buckets.get(bucket).map_or(0, |b| b.decoded_bytes);
            let end = filled.saturating_add(size);
            if end > room || self.buckets.is_empty() {
                return Err(mismatch(room, end));
            }
            let position = |bytes: u64| usize::try_from(bytes).map_err(|_| mismatch(room, end));
            self.buffers.push(Buffer {
                next: position(filled)?,
                end: position(end)?,
                bucket: u32::try_from(bucket).unwrap_or(u32::MAX),
            });
            filled = end;
            while let Some(full) = self.buckets.get_mut(bucket) {
                full.last_buffer = self.buffers.len();
                let next = bucket.saturating_add(1);
                if filled < full.decoded_bytes || next >= self.buckets.len() {
                    break;
                }
                bucket = next;
                filled = 0;
            }
        }
        // The last bucket must have been reached, and be full.
        for bucket in self.buckets.iter().skip(bucket) {
            if filled != bucket.decoded_bytes || bucket.last_buffer != self.buffers.len() {
                return Err(mismatch(bucket.decoded_bytes, filled));
            }
        }
        Ok(())
    }

    /// Decompresses the bucket that buffer number `buffer` lies in, unless that was done before.
    pub(super) fn load(
        &mut self,
        buffer: u32,
        stored: &Stored<'_>,
        decompressor: &mut Decompressor,
    ) -> Result<(), FormatError> {
        let place = usize::try_from(buffer).ok();
        let buffer = place.and_then(|place| self.buffers.get(place));
        let place = buffer.and_then(|buffer| usize::try_from(buffer.bucket).ok());
        match place {
            Some(place) => self.load_bucket(place, stored, decompressor),
            None => Ok(()),
        }
    }

    /// Decompresses all buckets.
    pub(super) fn load_all(
        &mut self,
        stored: &Stored<'_>,
        decompressor: &mut Decompressor,
    ) -> Result<(), FormatError> {
        (0..self.buckets.len()).try_for_each(|place| self.load_bucket(place, stored, decompressor))
    }

    fn load_bucket(
        &mut self,
        place: usize,
        stored: &Stored<'_>,
        decompressor: &mut Decompressor,
    ) -> Result<(), FormatError> {
        let in_front = place
            .checked_sub(1)
            .and_then(|place| self.buckets.get(place));
        let first_buffer = in_front.map_or(0, |bucket| bucket.last_buffer);
        let Some(bucket) = self.buckets.get_mut(place).filter(|bucket| !bucket.loaded) else {
            return Ok(());
        };
        let base = self.data.len();
        decompressor.decompress_into(
            stored.compression,
            stored
                .bytes
                .get(bucket.start..bucket.end)
                .unwrap_or_default(),
            &BufferLimits {
                exact: Some(bucket.decoded_bytes),
                max: bucket.decoded_bytes,
                limit: stored.max_chunk_bytes,
                option: "max_chunk_bytes",
                what: WHAT,
                at: stored.at,
            },
            &mut self.data,
        )?;
        bucket.loaded = true;
        let buffers = self.buffers.get_mut(first_buffer..bucket.last_buffer);
        for buffer in buffers.unwrap_or_default() {
            buffer.next = buffer.next.saturating_add(base);
            buffer.end = buffer.end.saturating_add(base);
        }
        Ok(())
    }
}

/// What a bucket says that it decodes to.
fn decoded_bytes(
    compression: CompressionType,
    mut bucket: &[u8],
    at: At,
) -> Result<u64, FormatError> {
    match compression {
        CompressionType::None => Ok(bucket.len() as u64),
        _ => take_varint(&mut bucket).ok_or(FormatError::Varint { what: WHAT, at }),
    }
}

/// The most bytes that the buffers of a chunk can hold: each byte of a value is one of a record, and the records that
/// are no messages have a size each.
pub(super) fn possible_bytes(decoded_bytes: u64, num_records: u64, limits: &Limits) -> u64 {
    let sizes = num_records.saturating_mul(MAX_VARINT_BYTES as u64);
    decoded_bytes.saturating_add(sizes.min(limits.max_chunk_bytes))
}
