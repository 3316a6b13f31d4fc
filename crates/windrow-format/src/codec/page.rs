//! Compressing and decompressing the pages of column chunks, which know one codec more than other chunks:
//! `format-spec/columns.md`, *LZ4*.

use super::{BufferLimits, Codec, CompressionType, Compressor, Decompressor};
use crate::error::FormatError;

/// How a writer compresses the pages of a column chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PageCodec {
    /// As the buffers of any chunk.
    Buffer(Codec),
    /// LZ4, raw blocks.
    Lz4,
}

impl PageCodec {
    /// The byte in the description of a node whose pages are compressed this way.
    #[must_use]
    pub const fn compression(self) -> PageCompression {
        match self {
            Self::Buffer(codec) => PageCompression::Buffer(codec.compression_type()),
            Self::Lz4 => PageCompression::Lz4,
        }
    }
}

/// The byte in the description of a node that names the codec of its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageCompression {
    /// Those of codecs.md.
    Buffer(CompressionType),
    /// `l`: LZ4.
    Lz4,
}

impl PageCompression {
    /// The codec that a byte names, `None` for one that nobody defined.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match (byte, CompressionType::from_byte(byte)) {
            (b'l', _) => Some(Self::Lz4),
            (_, Some(compression)) => Some(Self::Buffer(compression)),
            (_, None) => None,
        }
    }

    /// The byte in the file.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Buffer(compression) => compression.to_byte(),
            Self::Lz4 => b'l',
        }
    }

    /// The name that option strings and reports use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buffer(compression) => compression.name(),
            Self::Lz4 => "lz4",
        }
    }

    /// Whether this build can read and write it.
    #[must_use]
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::Buffer(compression) => compression.is_built_in(),
            Self::Lz4 => cfg!(feature = "lz4"),
        }
    }
}

impl Compressor {
    /// Appends a page of a column chunk to `out` as the chunk stores it: size prefix (unless uncompressed) and compressed
    /// bytes.
    ///
    /// # Errors
    /// Those of [`compress_into`](Self::compress_into).
    pub fn compress_page(
        &mut self,
        codec: PageCodec,
        page: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        match codec {
            PageCodec::Buffer(codec) => self.compress_into(codec, None, page, out),
            PageCodec::Lz4 => lz4_compress(page, out),
        }
    }
}

impl Decompressor {
    /// Appends a page, as a column chunk stores it, to `out`. On an error `out` is as long as before.
    ///
    /// # Errors
    /// Those of [`decompress_into`](Self::decompress_into).
    pub fn decompress_page(
        &mut self,
        compression: PageCompression,
        stored: &[u8],
        limits: &BufferLimits,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        match compression {
            PageCompression::Buffer(compression) => {
                self.decompress_into(compression, stored, limits, out)
            }
            PageCompression::Lz4 => lz4_decompress(stored, limits, out),
        }
    }
}

#[cfg(feature = "lz4")]
fn lz4_compress(page: &[u8], out: &mut Vec<u8>) -> Result<(), FormatError> {
    use crate::error::At;

    crate::varint::push_varint(out, page.len() as u64);
    let begin = out.len();
    let most = lz4_flex::block::get_maximum_output_size(page.len());
    out.resize(begin.saturating_add(most), 0);
    let target = out.get_mut(begin..).unwrap_or_default();
    let written = lz4_flex::block::compress_into(page, target);
    let written = written.map_err(|_| FormatError::Decompress {
        codec: "lz4",
        what: "page to compress",
        at: At::byte(0),
    })?;
    out.truncate(begin.saturating_add(written));
    Ok(())
}

#[cfg(feature = "lz4")]
fn lz4_decompress(
    mut stored: &[u8],
    limits: &BufferLimits,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    use super::decompress::{size_error, take_declared_size};
    use lz4_flex::block::DecompressError;

    /// A byte of a length adds 255 bytes to a copy.
    const MAX_RATIO: u64 = 255;
    let size = take_declared_size(&mut stored, limits, |bytes| bytes.saturating_mul(MAX_RATIO))?;
    if size == 0 && stored.is_empty() {
        return Ok(());
    }
    let begin = out.len();
    limits.reserve(out, size)?;
    out.resize(begin.saturating_add(size), 0);
    let target = out.get_mut(begin..).unwrap_or_default();
    let error = match lz4_flex::block::decompress_into(stored, target) {
        Ok(written) if written == size => return Ok(()),
        Ok(written) => size_error(written, size, limits),
        Err(DecompressError::OutputTooSmall { .. }) => {
            size_error(size.saturating_add(1), size, limits)
        }
        Err(_) => limits.invalid("lz4"),
    };
    out.truncate(begin);
    Err(error)
}

#[cfg(not(feature = "lz4"))]
fn lz4_compress(_: &[u8], _: &mut Vec<u8>) -> Result<(), FormatError> {
    Err(FormatError::CodecMissing {
        codec: "lz4",
        at: crate::error::At::byte(0),
        feature: "lz4",
    })
}

#[cfg(not(feature = "lz4"))]
fn lz4_decompress(_: &[u8], limits: &BufferLimits, _: &mut Vec<u8>) -> Result<(), FormatError> {
    Err(FormatError::CodecMissing {
        codec: "lz4",
        at: limits.at,
        feature: "lz4",
    })
}

#[cfg(all(test, feature = "lz4"))]
mod tests {
    use super::*;
    use crate::error::At;
    use proptest::prelude::*;

    const LIMITS: BufferLimits = BufferLimits {
        exact: None,
        max: 1 << 30,
        limit: 1 << 30,
        option: "max_chunk_bytes",
        what: "page",
        at: At::byte(9),
    };

    fn decompress(stored: &[u8], limits: &BufferLimits) -> Result<Vec<u8>, &'static str> {
        let mut out = vec![7];
        let decoded =
            Decompressor::new().decompress_page(PageCompression::Lz4, stored, limits, &mut out);
        match decoded {
            Ok(()) => Ok(out.split_off(1)),
            Err(error) => {
                assert_eq!(out, [7], "{error}");
                Err(error.code())
            }
        }
    }

    fn compress(page: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Compressor::new()
            .compress_page(PageCodec::Lz4, page, &mut out)
            .unwrap();
        out
    }

    proptest! {
        #[test]
        fn pages_read_back(page in proptest::collection::vec(0_u8..4, 0..3000)) {
            prop_assert_eq!(decompress(&compress(&page), &LIMITS), Ok(page));
        }

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = decompress(&bytes, &LIMITS);
        }
    }

    #[test]
    fn sizes_that_are_not_true() {
        let good = compress(&[3; 100]);
        assert_eq!(good[0], 100);
        let with = |size: u8| [&[size], &good[1..]].concat();
        assert_eq!(decompress(&with(99), &LIMITS), Err("decoded_size"));
        assert_eq!(decompress(&with(101), &LIMITS), Err("decoded_size"));
        assert_eq!(
            decompress(&[255, 1, 0x10], &LIMITS),
            Err("decompress"),
            "255 of one byte are possible"
        );
        assert_eq!(
            decompress(&[0x80, 2, 0x10], &LIMITS),
            Err("implausible_size")
        );
        let cut = &good[..good.len() - 1];
        assert_eq!(decompress(cut, &LIMITS), Err("decompress"));
        let limits = BufferLimits {
            limit: 99,
            ..LIMITS
        };
        assert_eq!(decompress(&good, &limits), Err("limit"));
        assert_eq!(decompress(&[0], &LIMITS), Ok(vec![]));
        assert_eq!(decompress(&compress(&[]), &LIMITS), Ok(vec![]));
    }

    #[test]
    fn only_pages_know_it() {
        assert_eq!(CompressionType::from_byte(b'l'), None);
        for byte in 0..=255 {
            let page = PageCompression::from_byte(byte);
            assert_eq!(page.map_or(byte, PageCompression::to_byte), byte);
            assert_eq!(
                page.is_some(),
                byte == b'l' || CompressionType::from_byte(byte).is_some()
            );
        }
    }
}
