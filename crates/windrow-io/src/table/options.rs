//! Options of tables.

use windrow_columnar::{EncodeOptions, Profile};
use windrow_format::options::WriterOptions;
use windrow_format::{Codec, PageCodec};

use super::DEFAULT_GROUP_BYTES;

/// How a table is written. What is not set is that of the profile, or, of an append, that of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableOptions {
    profile: Option<Profile>,
    group_rows: Option<usize>,
    group_bytes: Option<u64>,
    codec: Option<PageCodec>,
    column_codecs: Vec<(String, PageCodec)>,
    copy: bool,
    writer: WriterOptions,
}

impl TableOptions {
    /// All at their defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the file is made for; default [`Profile::Balanced`].
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Rows of a row group, 1 at least; default 65,536, with the profile `small` 131,072.
    #[must_use]
    pub fn with_group_rows(mut self, rows: usize) -> Self {
        self.group_rows = Some(rows.max(1));
        self
    }

    /// Bytes of rows in memory at which a row group ends; default [`DEFAULT_GROUP_BYTES`], 16 MiB. A group has one row at
    /// least.
    #[must_use]
    pub fn with_group_bytes(mut self, bytes: u64) -> Self {
        self.group_bytes = Some(bytes.max(1));
        self
    }

    /// The codec of all columns without one of their own, where it makes them smaller; default zstd:3 with the profile
    /// `small`, else none.
    #[must_use]
    pub fn with_codec(mut self, codec: PageCodec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// The codec of one column, where it makes that smaller. An append does not take it from the file.
    #[must_use]
    pub fn with_column_codec(mut self, column: impl Into<String>, codec: PageCodec) -> Self {
        self.column_codecs.push((column.into(), codec));
        self
    }

    /// Row groups that are encoded at once; default one for each processor. At most so many are in memory, and one that
    /// fills.
    #[must_use]
    pub fn with_max_parallelism(mut self, jobs: Option<u32>) -> Self {
        self.writer = self.writer.with_max_parallelism(jobs);
        self
    }

    /// Adds a key/value pair to the file; default none.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.writer = self.writer.with_metadata(key, value);
        self
    }

    /// Whether whatever is at the path stays until the new file is complete; default `false`.
    #[must_use]
    pub fn with_atomic(mut self, atomic: bool) -> Self {
        self.writer = self.writer.with_atomic(atomic);
        self
    }

    /// Whether an append works on a copy, which takes the file's place at the end; default `false`.
    #[must_use]
    pub fn with_copy(mut self, copy: bool) -> Self {
        self.copy = copy;
        self
    }

    /// What the file is made for.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile.unwrap_or_default()
    }

    /// Rows of a row group.
    #[must_use]
    pub fn group_rows(&self) -> usize {
        self.group_rows
            .unwrap_or_else(|| self.profile().group_rows())
    }

    /// Bytes of rows in memory at which a row group ends.
    #[must_use]
    pub fn group_bytes(&self) -> u64 {
        self.group_bytes.unwrap_or(DEFAULT_GROUP_BYTES)
    }

    /// The columns that have codecs of their own.
    #[must_use]
    pub fn column_codecs(&self) -> &[(String, PageCodec)] {
        &self.column_codecs
    }

    /// Whether an append works on a copy.
    #[must_use]
    pub fn copy(&self) -> bool {
        self.copy
    }

    pub(super) fn writer(&self) -> &WriterOptions {
        &self.writer
    }

    pub(super) fn with_writer(mut self, writer: WriterOptions) -> Self {
        self.writer = writer;
        self
    }

    pub(super) fn encode_options(&self) -> EncodeOptions {
        let mut options = EncodeOptions::new().with_profile(self.profile());
        if let Some(codec) = self.codec {
            options = options.with_codec(codec);
        }
        for (column, codec) in &self.column_codecs {
            options = options.with_column_codec(column, *codec);
        }
        options
    }

    /// What the footer says of them: `group_size` first, as readers of records want it.
    pub(super) fn to_echo(&self) -> String {
        let mut echo = format!(
            "group_size:{},layout:columns,profile:{},max_group_bytes:{}",
            self.group_rows(),
            self.profile().name(),
            self.group_bytes(),
        );
        if let Some(codec) = self.codec {
            echo.push(',');
            echo.push_str(&codec_text(codec));
        }
        echo
    }

    /// What is not set is taken from the echo string of a file: [`Reader::writer_options_string`](crate::Reader::writer_options_string).
    #[must_use]
    pub fn over(mut self, echo: &str) -> Self {
        let value = |key: &str| {
            let found = echo.split(',').find_map(|item| item.strip_prefix(key));
            found.and_then(|rest| rest.strip_prefix(':'))
        };
        let profiles = [Profile::Spill, Profile::Balanced, Profile::Small];
        let profile = value("profile")
            .and_then(|name| profiles.into_iter().find(|profile| profile.name() == name));
        self.profile = self.profile.or(profile);
        self.group_rows = self
            .group_rows
            .or(value("group_size").and_then(|rows| rows.parse().ok()));
        self.group_bytes = self
            .group_bytes
            .or(value("max_group_bytes").and_then(|bytes| bytes.parse().ok()));
        self.codec = self
            .codec
            .or_else(|| echo.split(',').find_map(codec_of_text));
        self
    }
}

fn codec_text(codec: PageCodec) -> String {
    match codec {
        PageCodec::Lz4 => "lz4".to_owned(),
        PageCodec::Buffer(Codec::Zstd { level }) => format!("zstd:{level}"),
        PageCodec::Buffer(Codec::Brotli { level }) => format!("brotli:{level}"),
        PageCodec::Buffer(Codec::Snappy) => "snappy".to_owned(),
        _ => "uncompressed".to_owned(),
    }
}

fn codec_of_text(item: &str) -> Option<PageCodec> {
    let (name, level) = item
        .split_once(':')
        .map_or((item, None), |(name, level)| (name, Some(level)));
    let codec = match (name, level) {
        ("lz4", None) => return Some(PageCodec::Lz4),
        ("snappy", None) => Codec::Snappy,
        ("uncompressed", None) => Codec::Uncompressed,
        ("zstd", Some(level)) => Codec::Zstd {
            level: level.parse().ok()?,
        },
        ("brotli", Some(level)) => Codec::Brotli {
            level: level.parse().ok()?,
        },
        _ => return None,
    };
    Some(PageCodec::Buffer(codec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_what_an_append_does_not_set() {
        let options = TableOptions::new()
            .with_profile(Profile::Small)
            .with_group_rows(5)
            .with_codec(PageCodec::Buffer(Codec::Zstd { level: -3 }));
        let again = TableOptions::new()
            .with_group_bytes(9)
            .over(&options.to_echo());
        assert_eq!(again, options.with_group_bytes(9));
        assert_eq!(
            TableOptions::new().over("group_size:1,other:7,zstd:x"),
            TableOptions::new().with_group_rows(1)
        );
        for codec in [
            PageCodec::Lz4,
            PageCodec::Buffer(Codec::Snappy),
            PageCodec::Buffer(Codec::Brotli { level: 2 }),
        ] {
            let options = TableOptions::new().with_codec(codec);
            assert_eq!(
                TableOptions::new().over(&options.to_echo()).codec,
                Some(codec)
            );
        }
    }
}
