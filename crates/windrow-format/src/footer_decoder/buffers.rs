//! The two buffers of a footer: all at once, or through two windows.

use std::ops::Range;

use crate::block::add_with_block_headers;
use crate::chunk::{Chunk, remove_block_headers};
use crate::chunk_header::{CHUNK_HEADER_BYTES, ChunkHeader};
use crate::codec::{BufferLimits, CompressionType, Decompressor, StreamDecompressor};
use crate::error::{At, FormatError};
use crate::limits::Limits;
use crate::record_chunk::split;
use crate::varint::{MAX_VARINT_BYTES, take_varint};

/// Bytes of the file that one window takes in at once, and of decoded values that it holds at least.
pub(super) const WINDOW_BYTES: usize = 1 << 20;
/// Decoded record sizes that a window holds: as many records as the values' window has at most, in general.
const SIZES_BYTES: usize = 64 << 10;

const SIZES: &str = "record sizes";
const VALUES: &str = "record values";

/// Decoded sizes and values, or as much of them as is at hand.
#[derive(Debug)]
pub(super) struct FooterBuffers {
    pub(super) bytes: Vec<u8>,
    pub(super) sizes: Range<usize>,
    pub(super) values: Range<usize>,
    regions: Option<Regions>,
}

#[derive(Debug)]
struct Regions {
    footer_offset: u64,
    sizes: Region,
    values: Region,
    /// The region that was asked for last.
    asked_for_sizes: bool,
}

impl FooterBuffers {
    /// Decodes both buffers of a footer chunk. `bytes` are the chunk, block headers taken out.
    pub(super) fn whole(
        bytes: Vec<u8>,
        header: ChunkHeader,
        at: At,
        limits: &Limits,
    ) -> Result<Self, FormatError> {
        let data = bytes.get(40..).unwrap_or_default();
        let data_bytes = usize::try_from(header.data_bytes).unwrap_or(usize::MAX);
        let data = data.get(..data_bytes.min(data.len())).unwrap_or_default();
        let (compression, sizes, values) = split(&Chunk { header, data, at })?;
        let [sizes_limits, values_limits] = buffer_limits(&header, at, limits);
        if compression == CompressionType::None {
            // They stay where they are.
            let end = data.len().saturating_add(40);
            let middle = end.saturating_sub(values.len());
            let begin = middle.saturating_sub(sizes.len());
            values_limits.check(values.len() as u64)?;
            return Ok(Self {
                bytes,
                sizes: begin..middle,
                values: middle..end,
                regions: None,
            });
        }
        let mut decoded = Vec::new();
        let mut decompressor = Decompressor::new();
        decompressor.decompress_into(compression, sizes, &sizes_limits, &mut decoded)?;
        let middle = decoded.len();
        decompressor.decompress_into(compression, values, &values_limits, &mut decoded)?;
        let end = decoded.len();
        Ok(Self {
            bytes: decoded,
            sizes: 0..middle,
            values: middle..end,
            regions: None,
        })
    }

    /// Decodes both buffers through windows. `front` is the beginning of the chunk's data, which holds the sizes'
    /// length at least. `None` if the codec needs a whole buffer at once.
    pub(super) fn windowed(
        front: &[u8],
        header: ChunkHeader,
        at: At,
        limits: &Limits,
    ) -> Result<Option<Self>, FormatError> {
        let (what, mut rest) = (SIZES, front);
        let have = front.len() as u64;
        let (&first, behind) = rest.split_first().ok_or(FormatError::Truncated {
            what,
            at,
            need: 1,
            have,
        })?;
        rest = behind;
        let compression =
            CompressionType::from_byte(first).ok_or(FormatError::CompressionType {
                at,
                compression_type: first,
            })?;
        let need = take_varint(&mut rest).ok_or(FormatError::Varint { what, at })?;
        let begin = have.saturating_sub(rest.len() as u64);
        let middle = begin.saturating_add(need);
        let data_bytes = header.data_bytes;
        if middle > data_bytes {
            let have = data_bytes.saturating_sub(begin);
            return Err(FormatError::Truncated {
                what,
                at,
                need,
                have,
            });
        }
        let [sizes_limits, values_limits] = buffer_limits(&header, at, limits);
        let regions = Region::new(compression, begin..middle, sizes_limits).zip(Region::new(
            compression,
            middle..data_bytes,
            values_limits,
        ));
        Ok(regions.map(|(sizes, values)| Self {
            bytes: Vec::new(),
            sizes: 0..0,
            values: 0..0,
            regions: Some(Regions {
                footer_offset: at.byte,
                sizes,
                values,
                asked_for_sizes: false,
            }),
        }))
    }

    /// Whether the next record is not at hand, but more can be decoded.
    pub(super) fn is_short(&self) -> bool {
        let Some(regions) = &self.regions else {
            return false;
        };
        let mut sizes = self.bytes.get(self.sizes.clone()).unwrap_or_default();
        match take_varint(&mut sizes) {
            // Ten bytes that are no number will not become one.
            None => sizes.len() < MAX_VARINT_BYTES && !regions.sizes.is_done(),
            Some(size) => size > self.values.len() as u64 && !regions.values.is_done(),
        }
    }

    /// Decodes more; or says which bytes of the file that takes.
    pub(super) fn refill(&mut self) -> Result<Option<Range<u64>>, FormatError> {
        let Some(regions) = &mut self.regions else {
            return Ok(None);
        };
        let sizes = self.bytes.get(self.sizes.clone()).unwrap_or_default();
        let values = self.bytes.get(self.values.clone()).unwrap_or_default();
        // Each window is filled up. A record larger than its window makes that grow, twice as large each time.
        let next = take_varint(&mut { sizes }).unwrap_or(0);
        let values_room = if next > values.len() as u64 {
            WINDOW_BYTES.max(values.len())
        } else {
            WINDOW_BYTES.saturating_sub(values.len())
        };
        let sizes_room = SIZES_BYTES.saturating_sub(sizes.len());
        for (for_sizes, room) in [(true, sizes_room), (false, values_room)] {
            let region = if for_sizes {
                &regions.sizes
            } else {
                &regions.values
            };
            if let Some(data) = region.wants().filter(|_| room > 0) {
                regions.asked_for_sizes = for_sizes;
                let place = |data: u64| {
                    let bytes = CHUNK_HEADER_BYTES.saturating_add(data);
                    add_with_block_headers(regions.footer_offset, bytes)
                };
                return Ok(Some(place(data.start)..place(data.end)));
            }
        }
        let mut bytes = sizes.to_vec();
        regions.sizes.decode(sizes_room, &mut bytes)?;
        let middle = bytes.len();
        bytes.extend_from_slice(values);
        regions.values.decode(values_room, &mut bytes)?;
        self.sizes = 0..middle;
        self.values = middle..bytes.len();
        self.bytes = bytes;
        Ok(None)
    }

    /// Takes the bytes that [`refill`](Self::refill) asked for, which begin at file offset `begin`.
    pub(super) fn push(&mut self, begin: u64, mut raw: Vec<u8>) {
        if let Some(regions) = &mut self.regions {
            remove_block_headers(begin, &mut raw);
            let region = if regions.asked_for_sizes {
                &mut regions.sizes
            } else {
                &mut regions.values
            };
            region.push(raw);
        }
    }
}

/// What the header says of the sizes and of the values.
fn buffer_limits(header: &ChunkHeader, at: At, limits: &Limits) -> [BufferLimits; 2] {
    let most = header.num_records.saturating_mul(MAX_VARINT_BYTES as u64);
    let limit = limits.max_chunk_bytes;
    let exact = header.decoded_bytes;
    [
        BufferLimits {
            exact: None,
            max: most,
            limit,
            option: "max_chunk_bytes",
            what: SIZES,
            at,
        },
        BufferLimits {
            exact: Some(exact),
            max: exact,
            limit,
            option: "max_chunk_bytes",
            what: VALUES,
            at,
        },
    ]
}

/// One of the two buffers, on its way through a window.
#[derive(Debug)]
struct Region {
    /// What of the chunk's data was not fetched yet.
    data: Range<u64>,
    input: Vec<u8>,
    used: usize,
    codec: &'static str,
    decoder: StreamDecompressor,
    limits: BufferLimits,
    /// Decoded bytes to come; `None` until the size prefix was read.
    left: Option<u64>,
}

impl Region {
    fn new(compression: CompressionType, data: Range<u64>, limits: BufferLimits) -> Option<Self> {
        let stored = data.end.saturating_sub(data.start);
        let left = (compression == CompressionType::None).then_some(stored);
        let decoded_bytes = usize::try_from(limits.max).unwrap_or(usize::MAX);
        let decoder = StreamDecompressor::new(compression, decoded_bytes)?;
        Some(Self {
            data,
            input: Vec::new(),
            used: 0,
            codec: compression.name(),
            decoder,
            limits,
            left,
        })
    }

    fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// The data to fetch before more can be decoded.
    fn wants(&self) -> Option<Range<u64>> {
        let empty = self.used >= self.input.len() && !self.data.is_empty() && !self.is_done();
        let end = self
            .data
            .start
            .saturating_add(WINDOW_BYTES as u64)
            .min(self.data.end);
        empty.then_some(self.data.start..end)
    }

    fn push(&mut self, input: Vec<u8>) {
        self.data.start = self
            .data
            .start
            .saturating_add(input.len() as u64)
            .min(self.data.end);
        self.input = input;
        self.used = 0;
    }

    /// Appends about `room` decoded bytes to `out`, or fewer if the input ends.
    fn decode(&mut self, room: usize, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let BufferLimits { what, at, .. } = self.limits;
        if room == 0 || self.is_done() {
            return Ok(());
        }
        let mut input = self.input.get(self.used..).unwrap_or_default();
        let left = match self.left {
            Some(left) => left,
            None => {
                let declared = take_varint(&mut input).ok_or(FormatError::Varint { what, at })?;
                self.limits.check(declared)?;
                declared
            }
        };
        let begin = out.len();
        let progress = if left == 0 {
            None
        } else {
            let decoded = self.decoder.decompress(input, room, out);
            Some(decoded.map_err(|()| FormatError::Decompress {
                codec: self.codec,
                what,
                at,
            })?)
        };
        let decoded = out.len().saturating_sub(begin) as u64;
        let used = progress.as_ref().map_or(0, |progress| progress.used);
        self.used = self
            .input
            .len()
            .saturating_sub(input.len())
            .saturating_add(used);
        let still = left.checked_sub(decoded);
        let exhausted = self.used >= self.input.len() && self.data.is_empty();
        // Without input a codec may still have output for the next call, unless there was none in this one.
        let ended = (exhausted && decoded == 0) || progress.is_some_and(|progress| progress.ended);
        match still {
            Some(still) if still == 0 || !ended => {
                self.left = Some(still);
                Ok(())
            }
            _ => Err(FormatError::DecodedSize {
                what,
                at,
                expected: left,
                actual: decoded,
            }),
        }
    }
}
