//! Compression of the buffers inside a chunk.
//!
//! A compressed buffer begins with its decompressed size as a varint; that number, not what a codec's own frame
//! says, decides how much is decoded. `format-spec/codecs.md` has the rules.

#[cfg(feature = "brotli")]
mod brotli_state;
mod compress;
mod decompress;
#[cfg(feature = "zstd")]
mod frame;
mod page;
mod record;
mod stream;

pub use compress::Compressor;
pub use decompress::{BufferLimits, Decompressor};
pub use page::{PageCodec, PageCompression};
pub(crate) use stream::StreamDecompressor;

/// How a writer compresses the buffers of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Buffers are stored as they are.
    Uncompressed,
    /// Brotli (RFC 7932).
    Brotli {
        /// 0 (fastest) ..= 11 (smallest), default 6.
        level: u32,
    },
    /// Zstandard (RFC 8878).
    Zstd {
        /// -131072 (fastest) ..= 22 (smallest), default 3; 0 means zstd's own default.
        level: i32,
    },
    /// Snappy, raw blocks.
    Snappy,
}

impl Codec {
    /// The byte that stands in front of chunks compressed this way.
    #[must_use]
    pub const fn compression_type(self) -> CompressionType {
        match self {
            Self::Uncompressed => CompressionType::None,
            Self::Brotli { .. } => CompressionType::Brotli,
            Self::Zstd { .. } => CompressionType::Zstd,
            Self::Snappy => CompressionType::Snappy,
        }
    }
}

/// The byte at the start of a chunk's data that names the codec of its buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompressionType {
    /// 0x00: stored.
    None,
    /// `b`: Brotli.
    Brotli,
    /// `z`: Zstandard.
    Zstd,
    /// `s`: Snappy.
    Snappy,
}

impl CompressionType {
    /// The codec that a byte names, `None` for one that nobody defined.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            b'b' => Some(Self::Brotli),
            b'z' => Some(Self::Zstd),
            b's' => Some(Self::Snappy),
            _ => None,
        }
    }

    /// The byte in the file.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Brotli => b'b',
            Self::Zstd => b'z',
            Self::Snappy => b's',
        }
    }

    /// The name that option strings and reports use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Brotli => "brotli",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
        }
    }

    /// Whether this build can read and write it.
    #[must_use]
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::None => true,
            Self::Brotli => cfg!(feature = "brotli"),
            Self::Zstd => cfg!(feature = "zstd"),
            Self::Snappy => cfg!(feature = "snappy"),
        }
    }
}
