//! Compressing and decompressing single records of page chunks: `format-spec/record-pages.md`, *Stored record*.

use super::decompress::most_decoded_bytes;
use super::{BufferLimits, Codec, CompressionType, Compressor, Decompressor};
use crate::dictionary::Dictionary;
use crate::error::FormatError;
use crate::varint::take_varint;

#[cfg(feature = "zstd")]
use super::frame::Frame;
#[cfg(feature = "zstd")]
use crate::error::At;

/// A context that is set up for records: frames without what the chunk says already.
#[cfg(feature = "zstd")]
pub(super) struct RecordContext {
    context: zstd_safe::CCtx<'static>,
    level: i32,
    window_log: Option<u32>,
    dictionary: Option<Dictionary>,
}

impl Compressor {
    /// Appends one record to `out` as a page chunk stores it.
    ///
    /// # Errors
    /// Those of [`compress_into`](Self::compress_into).
    pub(crate) fn compress_record(
        &mut self,
        codec: Codec,
        window_log: Option<u32>,
        dictionary: Option<&Dictionary>,
        record: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        if record.is_empty() {
            return Ok(());
        }
        match codec {
            #[cfg(feature = "zstd")]
            Codec::Zstd { level } => {
                let context = self.record_context(level, window_log, dictionary)?;
                super::compress::zstd_compress(context, record, out)
            }
            #[cfg(feature = "snappy")]
            Codec::Snappy => self.snappy(record, out),
            other => {
                let _ = dictionary;
                self.compress_into(other, window_log, record, out)
            }
        }
    }

    /// Contexts digest their dictionary once.
    #[cfg(feature = "zstd")]
    fn record_context(
        &mut self,
        level: i32,
        window_log: Option<u32>,
        dictionary: Option<&Dictionary>,
    ) -> Result<&mut zstd_safe::CCtx<'static>, FormatError> {
        let fits = |there: &RecordContext| {
            let same = match (&there.dictionary, dictionary) {
                (None, None) => true,
                (Some(one), Some(other)) => one.is_same(other),
                _ => false,
            };
            same && there.level == level && there.window_log == window_log
        };
        let kept = self.records.take().filter(fits);
        let there = match kept {
            Some(there) => there,
            None => RecordContext::new(level, window_log, dictionary)?,
        };
        Ok(&mut self.records.insert(there).context)
    }
}

#[cfg(feature = "zstd")]
impl RecordContext {
    fn new(
        level: i32,
        window_log: Option<u32>,
        dictionary: Option<&Dictionary>,
    ) -> Result<Self, FormatError> {
        use zstd_safe::{CParameter, FrameFormat};
        let failed = |_| FormatError::OutOfMemory {
            what: "context of the codec",
            at: At::byte(0),
            bytes: 0,
        };
        let mut context = zstd_safe::CCtx::try_create()
            .ok_or(())
            .map_err(|()| failed(0))?;
        for parameter in [
            CParameter::Format(FrameFormat::Magicless),
            CParameter::DictIdFlag(false),
            CParameter::CompressionLevel(level),
            CParameter::WindowLog(window_log.unwrap_or(0)),
        ] {
            context.set_parameter(parameter).map_err(failed)?;
        }
        if let Some(dictionary) = dictionary {
            context
                .load_dictionary(dictionary.as_bytes())
                .map_err(failed)?;
        }
        Ok(Self {
            context,
            level,
            window_log,
            dictionary: dictionary.cloned(),
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.context.sizeof()
    }
}

impl Decompressor {
    /// Appends the record that a page chunk stores as `stored` to `out`. On an error `out` is as long as before.
    ///
    /// # Errors
    /// Those of [`decompress_into`](Self::decompress_into).
    pub(crate) fn decompress_record(
        &mut self,
        compression: CompressionType,
        dictionary: Option<&Dictionary>,
        stored: &[u8],
        limits: &BufferLimits,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        if stored.is_empty() {
            return limits.check(0);
        }
        match compression {
            CompressionType::Zstd | CompressionType::Snappy => {}
            _ => return self.decompress_into(compression, stored, limits, out),
        }
        if !compression.is_built_in() {
            return Err(limits.codec_missing(compression));
        }
        let size = declared_size(compression, stored, limits)?;
        limits.check(size)?;
        let possible = most_decoded_bytes(compression, stored.len() as u64);
        let size = match usize::try_from(size) {
            Ok(size) if size as u64 <= possible => size,
            _ => {
                return Err(FormatError::Implausible {
                    what: limits.what,
                    at: limits.at,
                    declared: size,
                    possible,
                });
            }
        };
        let begin = out.len();
        let result = match compression {
            #[cfg(feature = "zstd")]
            CompressionType::Zstd => self.zstd_record(dictionary, stored, size, limits, out),
            #[cfg(feature = "snappy")]
            CompressionType::Snappy => self.snappy(stored, size, limits, out),
            _ => {
                let _ = (dictionary, size);
                Ok(())
            }
        };
        if result.is_err() {
            out.truncate(begin);
        }
        result
    }

    #[cfg(feature = "zstd")]
    fn zstd_record(
        &mut self,
        dictionary: Option<&Dictionary>,
        stored: &[u8],
        size: usize,
        limits: &BufferLimits,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        use zstd_safe::{DCtx, DParameter, FrameFormat};
        let invalid = || limits.invalid("zstd");
        let context = match &mut self.zstd_records {
            Some(context) => context,
            none => {
                let mut context = DCtx::try_create().ok_or_else(invalid)?;
                let format = DParameter::Format(FrameFormat::Magicless);
                context.set_parameter(format).map_err(|_| invalid())?;
                none.insert(context)
            }
        };
        limits.reserve(out, size)?;
        let mut cursor = std::io::Cursor::new(&mut *out);
        cursor.set_position(cursor.get_ref().len() as u64);
        let decoded = match dictionary {
            Some(dictionary) => {
                context.decompress_using_ddict(&mut cursor, stored, dictionary.decoding())
            }
            None => context.decompress(&mut cursor, stored),
        };
        // The frame says `size`, and zstd holds it to that.
        match decoded {
            Ok(written) if written == size => Ok(()),
            _ => Err(invalid()),
        }
    }
}

/// What a stored record says that it decodes to, by its own header.
fn declared_size(
    compression: CompressionType,
    stored: &[u8],
    limits: &BufferLimits,
) -> Result<u64, FormatError> {
    let invalid = || limits.invalid(compression.name());
    match compression {
        #[cfg(feature = "zstd")]
        CompressionType::Zstd => {
            let frame = Frame::parse(stored).ok_or_else(invalid)?;
            super::decompress::check_trailing(stored.len().saturating_sub(frame.bytes), limits)?;
            match frame.content_bytes {
                Some(size) if !frame.names_dictionary => Ok(size),
                _ => Err(invalid()),
            }
        }
        _ => {
            let mut front = stored;
            take_varint(&mut front).ok_or_else(invalid)
        }
    }
}
