//! How tables are encoded, and how they come back.

use windrow_format::{Codec, PageCodec};

/// What a file of columns is made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Fastest to write and to read back: few encodings, no codec.
    Spill,
    /// Small, and single rows stay cheap: all encodings, no codec.
    #[default]
    Balanced,
    /// Smallest: what a codec makes smaller is stored as whole bytes and compressed.
    Small,
}

impl Profile {
    /// Rows of a group where nothing else is asked for.
    #[must_use]
    pub const fn group_rows(self) -> usize {
        match self {
            Self::Spill | Self::Balanced => 1 << 16,
            Self::Small => 1 << 17,
        }
    }

    /// Its name in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spill => "spill",
            Self::Balanced => "balanced",
            Self::Small => "small",
        }
    }
}

/// How the rows of a file are encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    profile: Profile,
    codec: Option<PageCodec>,
    column_codecs: Vec<(String, PageCodec)>,
}

impl EncodeOptions {
    /// Those of the profile `balanced`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the file is made for.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The codec of all columns that have none of their own, where it makes them smaller; default zstd:3 with the profile
    /// `small`, else none. With one, a single value costs decompressing its page.
    #[must_use]
    pub fn with_codec(mut self, codec: PageCodec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// The codec of one column of the schema, where it makes it smaller.
    #[must_use]
    pub fn with_column_codec(mut self, column: impl Into<String>, codec: PageCodec) -> Self {
        self.column_codecs.push((column.into(), codec));
        self
    }

    /// What the file is made for.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// The codec of a column of the schema.
    #[must_use]
    pub fn codec_of(&self, column: &str) -> PageCodec {
        let own = self
            .column_codecs
            .iter()
            .rev()
            .find(|(name, _)| name == column);
        let profile = match self.profile {
            Profile::Small => Codec::Zstd { level: 3 },
            _ => Codec::Uncompressed,
        };
        own.map(|&(_, codec)| codec)
            .or(self.codec)
            .unwrap_or(PageCodec::Buffer(profile))
    }

    /// Columns with a codec of their own.
    #[must_use]
    pub fn column_codecs(&self) -> &[(String, PageCodec)] {
        &self.column_codecs
    }

    /// The codec that was asked for.
    #[must_use]
    pub const fn codec(&self) -> Option<PageCodec> {
        self.codec
    }
}

/// The form in which a reader gives text and binary columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Strings {
    /// As the table had them that was written.
    #[default]
    AsWritten,
    /// Offsets of 4 bytes: Utf8, Binary.
    Plain,
    /// Offsets of 8 bytes: LargeUtf8, LargeBinary.
    Large,
    /// Views: Utf8View, BinaryView.
    View,
}

/// How much is tried for a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What one pass finds.
    Spill,
    /// Everything.
    Balanced,
    /// Whole bytes, for a codec to find what they have in common.
    Bytes,
}
