//! Decompressing one buffer after the other with contexts that are kept.

use super::CompressionType;
use crate::error::{At, FormatError};
use crate::varint::take_varint;

/// zstd's code for an output buffer that is full; codes come back negated.
#[cfg(feature = "zstd")]
const ZSTD_DST_SIZE_TOO_SMALL: usize = 70;

/// What a caller knows about a buffer before it is decompressed.
#[derive(Debug, Clone, Copy)]
pub struct BufferLimits {
    /// The only decompressed size that is right, where it is known.
    pub exact: Option<u64>,
    /// The largest decompressed size that can be right.
    pub max: u64,
    /// The largest decompressed size that the reader's options allow.
    pub limit: u64,
    /// The option that sets it.
    pub option: &'static str,
    /// What the buffer holds, for messages.
    pub what: &'static str,
    /// The chunk that the buffer belongs to.
    pub at: At,
}

impl BufferLimits {
    /// Makes room for `additional` bytes.
    #[cfg(any(
        feature = "zstd",
        feature = "brotli",
        feature = "snappy",
        feature = "lz4"
    ))]
    pub(super) fn reserve(&self, out: &mut Vec<u8>, additional: usize) -> Result<(), FormatError> {
        out.try_reserve(additional)
            .map_err(|_| self.out_of_memory(additional))
    }

    #[cfg(any(
        feature = "zstd",
        feature = "brotli",
        feature = "snappy",
        feature = "lz4"
    ))]
    fn out_of_memory(&self, bytes: usize) -> FormatError {
        FormatError::OutOfMemory {
            what: self.what,
            at: self.at,
            bytes: bytes as u64,
        }
    }

    /// The error for contents that the codec refuses.
    pub(super) const fn invalid(&self, codec: &'static str) -> FormatError {
        FormatError::Decompress {
            codec,
            what: self.what,
            at: self.at,
        }
    }

    /// The error for a codec that is not built in.
    pub(super) const fn codec_missing(&self, compression: CompressionType) -> FormatError {
        FormatError::CodecMissing {
            codec: compression.name(),
            at: self.at,
            feature: compression.name(),
        }
    }

    /// Checks a declared size.
    pub(crate) fn check(&self, size: u64) -> Result<(), FormatError> {
        let Self {
            exact,
            max,
            limit,
            option,
            what,
            at,
        } = *self;
        match exact {
            Some(expected) if size != expected => Err(FormatError::DecodedSize {
                what,
                at,
                expected,
                actual: size,
            }),
            None if size > max => Err(FormatError::Implausible {
                what,
                at,
                declared: size,
                possible: max,
            }),
            _ if size > limit => Err(FormatError::Limit {
                what,
                at,
                value: size,
                limit,
                option,
            }),
            _ => Ok(()),
        }
    }
}

/// Decompresses buffers. Contexts are created when first needed and reused for as long as this value lives; make one
/// per thread.
#[derive(Default)]
pub struct Decompressor {
    #[cfg(feature = "zstd")]
    zstd: Option<zstd_safe::DCtx<'static>>,
    /// For single records.
    #[cfg(feature = "zstd")]
    pub(super) zstd_records: Option<zstd_safe::DCtx<'static>>,
    #[cfg(feature = "snappy")]
    snappy: snap::raw::Decoder,
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    /// A decompressor without any context yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the contents of a buffer, as a chunk stores it, to `out`. On an error `out` is as long as before.
    ///
    /// Memory is reserved only for sizes that the buffer's own length makes possible.
    ///
    /// # Errors
    /// A size prefix that is not a varint ([`FormatError::Varint`]), differs from `limits.exact`
    /// ([`FormatError::DecodedSize`]), or cannot be true ([`FormatError::Implausible`]); contents that are not valid
    /// ([`FormatError::Decompress`]), of another size ([`FormatError::DecodedSize`]) or followed by more
    /// ([`FormatError::TrailingBytes`]); [`FormatError::OutOfMemory`]; [`FormatError::CodecMissing`].
    pub fn decompress_into(
        &mut self,
        compression: CompressionType,
        mut buffer: &[u8],
        limits: &BufferLimits,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        if compression == CompressionType::None {
            limits.check(buffer.len() as u64)?;
            out.extend_from_slice(buffer);
            return Ok(());
        }
        let size = take_declared_size(&mut buffer, limits, |bytes| {
            most_decoded_bytes(compression, bytes)
        })?;
        if size == 0 && buffer.is_empty() {
            return Ok(());
        }
        let begin = out.len();
        let result = match compression {
            CompressionType::None => Ok(()),
            #[cfg(feature = "zstd")]
            CompressionType::Zstd => self.zstd(buffer, size, limits, out),
            #[cfg(feature = "brotli")]
            CompressionType::Brotli => brotli_decompress(buffer, size, limits, out),
            #[cfg(feature = "snappy")]
            CompressionType::Snappy => self.snappy(buffer, size, limits, out),
            #[allow(unreachable_patterns, reason = "reachable where a codec is left out")]
            _ => Err(limits.codec_missing(compression)),
        };
        if result.is_err() {
            out.truncate(begin);
        }
        result
    }

    #[cfg(feature = "zstd")]
    fn zstd(
        &mut self,
        buffer: &[u8],
        size: usize,
        limits: &BufferLimits,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let invalid = || limits.invalid("zstd");
        // zstd itself would go on with a second frame and skip frames of metadata; the format has one frame.
        let frame_bytes = zstd_safe::find_frame_compressed_size(buffer).map_err(|_| invalid())?;
        check_trailing(buffer.len().saturating_sub(frame_bytes), limits)?;
        if self.zstd.is_none() {
            self.zstd = zstd_safe::DCtx::try_create();
        }
        let context = self.zstd.as_mut().ok_or_else(invalid)?;
        limits.reserve(out, size)?;
        let begin = out.len();
        let mut cursor = std::io::Cursor::new(out);
        cursor.set_position(begin as u64);
        if context.decompress(&mut cursor, buffer) == Ok(size) {
            return Ok(());
        }
        // The vector may have had room for more. What is wrong is told by decoding into as much as was declared, so that
        // it does not depend on what was decoded before. Its memory goes first, as the second attempt takes as much.
        let out = cursor.into_inner();
        out.truncate(begin);
        out.shrink_to(begin);
        let mut exact = Vec::new();
        exact
            .try_reserve_exact(size)
            .map_err(|_| limits.out_of_memory(size))?;
        match context.decompress(&mut exact, buffer) {
            Ok(written) => Err(size_error(written, size, limits)),
            // The output buffer was too small, so there is more than was declared.
            Err(code) if code.wrapping_neg() == ZSTD_DST_SIZE_TOO_SMALL => {
                Err(size_error(size.saturating_add(1), size, limits))
            }
            Err(_) => Err(invalid()),
        }
    }

    #[cfg(feature = "snappy")]
    pub(super) fn snappy(
        &mut self,
        buffer: &[u8],
        size: usize,
        limits: &BufferLimits,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let invalid = |_| limits.invalid("snappy");
        let actual = snap::raw::decompress_len(buffer).map_err(invalid)?;
        if actual != size {
            return Err(size_error(actual, size, limits));
        }
        let begin = out.len();
        limits.reserve(out, size)?;
        out.resize(begin.saturating_add(size), 0);
        let target = out.get_mut(begin..).unwrap_or_default();
        self.snappy.decompress(buffer, target).map_err(invalid)?;
        Ok(())
    }
}

#[cfg(feature = "brotli")]
fn brotli_decompress(
    buffer: &[u8],
    size: usize,
    limits: &BufferLimits,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    use super::brotli_state::{bounded_brotli, is_over_budget};
    use brotli::{BrotliDecompressStream, BrotliResult};

    let mut state = bounded_brotli(size);
    let begin = out.len();
    let (mut left, mut read, mut written, mut total) = (buffer.len(), 0, 0, 0);
    // Brotli's ratio has no useful bound, so memory follows what is really there.
    let mut reserved = size.min(buffer.len().saturating_mul(4).max(1 << 16));
    loop {
        let held = out.len().saturating_sub(begin);
        limits.reserve(out, reserved.saturating_sub(held))?;
        out.resize(begin.saturating_add(reserved), 0);
        let target = out.get_mut(begin..).unwrap_or_default();
        let mut room = reserved.saturating_sub(written);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            buffer,
            &mut room,
            &mut written,
            target,
            &mut total,
            &mut state,
        );
        match result {
            BrotliResult::ResultSuccess => break,
            BrotliResult::NeedsMoreOutput if reserved < size => {
                reserved = size.min(reserved.saturating_mul(2));
            }
            BrotliResult::NeedsMoreOutput => {
                return Err(size_error(size.saturating_add(1), size, limits));
            }
            BrotliResult::ResultFailure if is_over_budget(&state) => {
                return Err(size_error(size.saturating_add(1), size, limits));
            }
            BrotliResult::NeedsMoreInput | BrotliResult::ResultFailure => {
                return Err(limits.invalid("brotli"));
            }
        }
    }
    check_trailing(left, limits)?;
    if written == size {
        Ok(())
    } else {
        Err(size_error(written, size, limits))
    }
}

/// Takes the size prefix off a buffer, and checks it before memory is reserved; `most` says how much a stream of so many
/// bytes can decode to.
pub(super) fn take_declared_size(
    buffer: &mut &[u8],
    limits: &BufferLimits,
    most: impl FnOnce(u64) -> u64,
) -> Result<usize, FormatError> {
    let BufferLimits { what, at, .. } = *limits;
    let declared = take_varint(buffer).ok_or(FormatError::Varint { what, at })?;
    limits.check(declared)?;
    let possible = most(buffer.len() as u64);
    match usize::try_from(declared) {
        Ok(size) if declared <= possible => Ok(size),
        _ => Err(FormatError::Implausible {
            what,
            at,
            declared,
            possible,
        }),
    }
}

/// The most bytes that `compressed_bytes` of a codec can decode to (`format-spec/codecs.md`).
pub(super) fn most_decoded_bytes(compression: CompressionType, compressed_bytes: u64) -> u64 {
    match compression {
        CompressionType::None => compressed_bytes,
        // A block of 128 KiB takes at least 4 bytes, and the frame header is left out of account.
        CompressionType::Zstd => (compressed_bytes >> 2)
            .saturating_add(1)
            .saturating_mul(1 << 17),
        CompressionType::Brotli => u64::MAX,
        // 64 bytes from a copy of 3.
        CompressionType::Snappy => compressed_bytes.saturating_mul(22),
    }
}

#[cfg(any(
    feature = "zstd",
    feature = "brotli",
    feature = "snappy",
    feature = "lz4"
))]
pub(super) fn size_error(actual: usize, expected: usize, limits: &BufferLimits) -> FormatError {
    FormatError::DecodedSize {
        what: limits.what,
        at: limits.at,
        expected: expected as u64,
        actual: actual as u64,
    }
}

#[cfg(any(feature = "zstd", feature = "brotli"))]
pub(super) fn check_trailing(extra: usize, limits: &BufferLimits) -> Result<(), FormatError> {
    if extra == 0 {
        return Ok(());
    }
    Err(FormatError::TrailingBytes {
        what: limits.what,
        at: limits.at,
        extra: extra as u64,
    })
}
