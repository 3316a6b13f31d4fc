//! Decompressing one buffer piece by piece, for footers that are larger than the memory to spare.

use super::CompressionType;

/// The largest zstd window, as its logarithm, that is decoded piece by piece: zstd's own default for streams.
#[cfg(feature = "zstd")]
const MAX_WINDOW_LOG: u32 = 27;

/// A codec's state between two pieces.
pub(crate) enum StreamDecompressor {
    Stored,
    #[cfg(feature = "zstd")]
    Zstd(zstd_safe::DCtx<'static>),
    #[cfg(feature = "brotli")]
    Brotli(Box<super::brotli_state::BoundedBrotli>),
}

/// What one piece came to.
pub(crate) struct Progress {
    /// Bytes of input used.
    pub(crate) used: usize,
    /// Whether the frame has ended.
    pub(crate) ended: bool,
}

impl std::fmt::Debug for StreamDecompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamDecompressor").finish_non_exhaustive()
    }
}

impl StreamDecompressor {
    /// A decompressor of about `decoded_bytes` in all. `None` for codecs that cannot be decoded piece by piece (snappy blocks), or are not built in.
    pub(crate) fn new(compression: CompressionType, decoded_bytes: usize) -> Option<Self> {
        match compression {
            CompressionType::None => Some(Self::Stored),
            #[cfg(feature = "zstd")]
            CompressionType::Zstd => {
                let mut context = zstd_safe::DCtx::try_create()?;
                let limit = zstd_safe::DParameter::WindowLogMax(MAX_WINDOW_LOG);
                context.set_parameter(limit).ok()?;
                Some(Self::Zstd(context))
            }
            #[cfg(feature = "brotli")]
            CompressionType::Brotli => {
                let state = super::brotli_state::bounded_brotli(decoded_bytes);
                Some(Self::Brotli(Box::new(state)))
            }
            _ => {
                let _ = decoded_bytes;
                None
            }
        }
    }

    /// Decodes from the front of `input`, appending about `room` bytes to `out` at the most; `Err` if the data are
    /// not valid.
    pub(crate) fn decompress(
        &mut self,
        input: &[u8],
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ()> {
        match self {
            Self::Stored => {
                let used = input.len().min(room);
                out.extend_from_slice(input.get(..used).unwrap_or_default());
                Ok(Progress { used, ended: false })
            }
            #[cfg(feature = "zstd")]
            Self::Zstd(context) => {
                out.reserve(room);
                let begin = out.len();
                let mut target = zstd_safe::OutBuffer::around_pos(out, begin);
                let mut source = zstd_safe::InBuffer::around(input);
                let hint = context.decompress_stream(&mut target, &mut source);
                Ok(Progress {
                    used: source.pos(),
                    ended: hint.map_err(|_| ())? == 0,
                })
            }
            #[cfg(feature = "brotli")]
            Self::Brotli(state) => {
                use brotli::{BrotliDecompressStream, BrotliResult};
                let begin = out.len();
                out.resize(begin.saturating_add(room), 0);
                let (mut left, mut used, mut free) = (input.len(), 0, room);
                let (mut written, mut total) = (0, 0);
                let target = out.get_mut(begin..).unwrap_or_default();
                let result = BrotliDecompressStream(
                    &mut left,
                    &mut used,
                    input,
                    &mut free,
                    &mut written,
                    target,
                    &mut total,
                    state,
                );
                out.truncate(begin.saturating_add(written));
                match result {
                    BrotliResult::ResultFailure => Err(()),
                    result => Ok(Progress {
                        used,
                        ended: matches!(result, BrotliResult::ResultSuccess),
                    }),
                }
            }
        }
    }
}
