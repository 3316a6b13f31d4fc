//! Compressing one buffer after the other with contexts that are kept.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "sizes of buffers that are in memory"
)]

use super::Codec;
#[cfg(any(feature = "zstd", feature = "brotli", feature = "snappy"))]
use super::CompressionType;
use crate::error::{At, FormatError};
use crate::varint::push_varint;

/// Compresses buffers. Contexts are created when first needed and reused for as long as this value lives; make one
/// per thread.
#[derive(Default)]
pub struct Compressor {
    #[cfg(feature = "zstd")]
    zstd: Option<ZstdContext>,
    /// For single records, which are compressed in another way than buffers.
    #[cfg(feature = "zstd")]
    pub(super) records: Option<super::record::RecordContext>,
    #[cfg(feature = "snappy")]
    snappy: Option<snap::raw::Encoder>,
    scratch: Vec<u8>,
}

#[cfg(feature = "zstd")]
struct ZstdContext {
    context: zstd_safe::CCtx<'static>,
    level: Option<i32>,
    window_log: Option<u32>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor")
            .field("context_bytes", &self.context_bytes())
            .finish()
    }
}

impl Compressor {
    /// A compressor without any context yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Heap bytes of the contexts that are kept.
    #[must_use]
    pub fn context_bytes(&self) -> usize {
        #[cfg(feature = "zstd")]
        {
            let buffers = self.zstd.as_ref().map_or(0, |zstd| zstd.context.sizeof());
            let records = self.records.as_ref().map_or(0, |records| records.bytes());
            buffers + records
        }
        #[cfg(not(feature = "zstd"))]
        0
    }

    /// An empty buffer whose memory is reused once it is given back.
    pub(crate) fn take_scratch(&mut self) -> Vec<u8> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    pub(crate) fn keep_scratch(&mut self, scratch: Vec<u8>) {
        self.scratch = scratch;
    }

    /// Appends `input` to `out` as a chunk stores it: size prefix (unless uncompressed) and compressed bytes.
    ///
    /// `window_log` (zstd 10..=31, brotli 10..=30) bounds the window that a reader needs; `None` is 20 for zstd and
    /// 22 for brotli.
    ///
    /// # Errors
    /// [`FormatError::CodecMissing`] for a codec that is not built in; [`FormatError::Decompress`] should the codec
    /// itself fail, which it does only when memory runs out.
    pub fn compress_into(
        &mut self,
        codec: Codec,
        window_log: Option<u32>,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        if codec != Codec::Uncompressed {
            push_varint(out, input.len() as u64);
        }
        match codec {
            Codec::Uncompressed => {
                reserve(out, input.len());
                out.extend_from_slice(input);
                Ok(())
            }
            #[cfg(feature = "zstd")]
            Codec::Zstd { level } => self.zstd(level, window_log, input, out),
            #[cfg(feature = "brotli")]
            Codec::Brotli { level } => brotli_compress(level, window_log, input, out),
            #[cfg(feature = "snappy")]
            Codec::Snappy => self.snappy(input, out),
            #[allow(unreachable_patterns, reason = "reachable where a codec is left out")]
            other => {
                let _ = window_log;
                let name = other.compression_type().name();
                Err(FormatError::CodecMissing {
                    codec: name,
                    at: At::byte(0),
                    feature: name,
                })
            }
        }
    }

    #[cfg(feature = "zstd")]
    fn zstd(
        &mut self,
        level: i32,
        window_log: Option<u32>,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        // A window above the input's size buys nothing, and zstd picks better tables when it may derive the window
        // from the size by itself.
        let window_log = Some(window_log.unwrap_or(DEFAULT_ZSTD_WINDOW_LOG))
            .filter(|&log| input.len() as u64 > 1_u64 << log);
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(ZstdContext::new()?),
        };
        zstd.set_parameters(level, window_log)?;
        zstd_compress(&mut zstd.context, input, out)
    }

    /// Appends `input` to `out` as one block of snappy.
    #[cfg(feature = "snappy")]
    pub(super) fn snappy(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), FormatError> {
        let begin = out.len();
        let most = snap::raw::max_compress_len(input.len());
        reserve(out, most);
        out.resize(begin + most, 0);
        let written = self
            .snappy
            .get_or_insert_with(snap::raw::Encoder::new)
            .compress(input, &mut out[begin..])
            .map_err(|_| failed(CompressionType::Snappy))?;
        out.truncate(begin + written);
        Ok(())
    }
}

/// Appends `input` to `out` as one frame.
#[cfg(feature = "zstd")]
pub(super) fn zstd_compress(
    context: &mut zstd_safe::CCtx<'static>,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    reserve(out, zstd_safe::compress_bound(input.len()));
    let end = out.len() as u64;
    let mut cursor = std::io::Cursor::new(out);
    cursor.set_position(end);
    context
        .compress2(&mut cursor, input)
        .map_err(|_| failed(CompressionType::Zstd))?;
    Ok(())
}

#[cfg(feature = "zstd")]
const DEFAULT_ZSTD_WINDOW_LOG: u32 = 20;

#[cfg(feature = "zstd")]
impl ZstdContext {
    fn new() -> Result<Self, FormatError> {
        Ok(Self {
            context: zstd_safe::CCtx::try_create().ok_or_else(|| failed(CompressionType::Zstd))?,
            level: None,
            window_log: None,
        })
    }

    fn set_parameters(&mut self, level: i32, window_log: Option<u32>) -> Result<(), FormatError> {
        use zstd_safe::CParameter;
        let mut set = |parameter| {
            self.context
                .set_parameter(parameter)
                .map_err(|_| failed(CompressionType::Zstd))
        };
        if self.level != Some(level) {
            set(CParameter::CompressionLevel(level))?;
            self.level = Some(level);
        }
        if self.window_log != window_log {
            // 0 is zstd's word for "derive it".
            set(CParameter::WindowLog(window_log.unwrap_or(0)))?;
            self.window_log = window_log;
        }
        Ok(())
    }
}

#[cfg(feature = "brotli")]
fn brotli_compress(
    level: u32,
    window_log: Option<u32>,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    use brotli::enc::BrotliEncoderParams;
    // A window above the input's size buys nothing, and the encoder's buffers grow with it. Up to 16 the encoder takes
    // tables of many megabytes instead of those that it has for small inputs, and clears them each time.
    const SMALLEST: u32 = 17;
    let enough = (input.len() as u64 + 16)
        .next_power_of_two()
        .ilog2()
        .max(SMALLEST);
    let window = window_log.unwrap_or(22).min(enough);
    let window = i32::try_from(window).unwrap_or(22);
    let params = BrotliEncoderParams {
        quality: i32::try_from(level).unwrap_or(11),
        lgwin: window,
        large_window: window > 24,
        size_hint: input.len(),
        ..BrotliEncoderParams::default()
    };
    let mut reader = input;
    brotli::BrotliCompress(&mut reader, out, &params)
        .map_err(|_| failed(CompressionType::Brotli))?;
    Ok(())
}

/// Makes room for the worst case of one buffer. For large ones exactly: doubling would hold twice of what the writer
/// promises.
fn reserve(out: &mut Vec<u8>, bytes: usize) {
    const LARGE: usize = 1 << 20;
    if bytes < LARGE {
        out.reserve(bytes);
    } else {
        out.reserve_exact(bytes);
    }
}

#[cfg(any(feature = "zstd", feature = "brotli", feature = "snappy"))]
fn failed(codec: CompressionType) -> FormatError {
    FormatError::Decompress {
        codec: codec.name(),
        what: "buffer to compress",
        at: At::byte(0),
    }
}
