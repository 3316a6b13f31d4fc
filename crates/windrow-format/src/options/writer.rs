//! Options of a writer.

use std::ops::RangeInclusive;

use crate::{Codec, Dictionary, MAX_DICTIONARY_BYTES, MIN_DICTIONARY_BYTES, RecordsMetadata};

use super::error::{OptionsError, OptionsErrors};
use super::keys;

/// Records per chunk if nothing else is asked for.
pub const DEFAULT_GROUP_SIZE: u32 = 1;
/// Records per chunk of record pages if nothing else is asked for.
pub const DEFAULT_PAGES_GROUP_SIZE: u32 = 1024;
/// Bytes at which a chunk of record pages is closed if nothing else is asked for.
pub const DEFAULT_PAGES_MAX_GROUP_BYTES: u64 = 256 << 10;
/// The most records that a chunk may be asked to hold.
pub const MAX_GROUP_SIZE: u32 = 2_147_483_647;
/// The most jobs that reader or writer may be asked to run at the same time.
pub const MAX_PARALLELISM: u32 = 2_147_483_647;
/// Level of `zstd`, which is the default codec, where none is given.
pub const DEFAULT_ZSTD_LEVEL: i32 = 3;
/// Level of `brotli` where none is given.
pub const DEFAULT_BROTLI_LEVEL: u32 = 6;
/// Binary logarithm of the automatic window of `zstd`, in bytes.
pub const ZSTD_AUTO_WINDOW_LOG: u32 = 20;
/// Binary logarithm of the automatic window of `brotli`, in bytes.
pub const BROTLI_AUTO_WINDOW_LOG: u32 = 22;
/// Bytes of a column that are compressed together if nothing else is asked for.
pub const DEFAULT_TRANSPOSE_BUCKET_BYTES: u64 = 256;

pub(super) const DICTIONARY_BYTES: RangeInclusive<u64> =
    MIN_DICTIONARY_BYTES as u64..=MAX_DICTIONARY_BYTES as u64;
pub(super) const ZSTD_LEVELS: RangeInclusive<i32> = -131_072..=22;
pub(super) const BROTLI_LEVELS: RangeInclusive<u32> = 0..=11;
pub(super) const ZSTD_WINDOW_LOGS: RangeInclusive<u32> = 10..=31;
pub(super) const BROTLI_WINDOW_LOGS: RangeInclusive<u32> = 10..=30;

/// How the records of a chunk are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// Compressed together: the layout of ArrayRecord, which upstream reads. Reading one record decodes its group.
    #[default]
    Groups,
    /// Compressed and checked each by itself: one record is read without its neighbours. Upstream refuses such files when
    /// it opens them.
    Pages,
}

impl Layout {
    /// The word of option strings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::Pages => "pages",
        }
    }
}

/// Where the zstd dictionary of a file of record pages comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DictionaryOption {
    /// There is none.
    #[default]
    Off,
    /// Trained on the first 16 MiB of records, or those in front of a flush, and kept if it makes held-back records so much
    /// smaller that it pays.
    Auto,
    /// Trained likewise, of at most so many bytes ([`MIN_DICTIONARY_BYTES`] to [`MAX_DICTIONARY_BYTES`]), and kept wherever
    /// there are enough records to train on.
    Size(u32),
    /// This one.
    Given(Dictionary),
}

/// How a file is written. Setters take any value; [`validate`](Self::validate) checks them all at
/// once.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    group_size: Option<u32>,
    layout: Layout,
    dictionary: DictionaryOption,
    max_group_bytes: Option<u64>,
    codec: Codec,
    window_log: Option<u32>,
    max_parallelism: Option<u32>,
    pad_to_block_boundary: bool,
    transpose: bool,
    transpose_bucket_bytes: u64,
    metadata: Vec<(String, Vec<u8>)>,
    records_metadata: Option<RecordsMetadata>,
    atomic: bool,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            group_size: None,
            layout: Layout::Groups,
            dictionary: DictionaryOption::Off,
            max_group_bytes: None,
            codec: Codec::Zstd {
                level: DEFAULT_ZSTD_LEVEL,
            },
            window_log: None,
            max_parallelism: None,
            pad_to_block_boundary: false,
            transpose: false,
            transpose_bucket_bytes: DEFAULT_TRANSPOSE_BUCKET_BYTES,
            metadata: Vec::new(),
            records_metadata: None,
            atomic: false,
        }
    }
}

/// Whether both write the same.
impl PartialEq for WriterOptions {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            group_size: _,
            layout,
            dictionary,
            max_group_bytes: _,
            codec,
            window_log,
            max_parallelism,
            pad_to_block_boundary,
            transpose,
            transpose_bucket_bytes,
            metadata,
            records_metadata,
            atomic,
        } = self;
        self.group_size() == other.group_size()
            && self.max_group_bytes() == other.max_group_bytes()
            && *layout == other.layout
            && *dictionary == other.dictionary
            && *codec == other.codec
            && *window_log == other.window_log
            && *max_parallelism == other.max_parallelism
            && *pad_to_block_boundary == other.pad_to_block_boundary
            && *transpose == other.transpose
            && *transpose_bucket_bytes == other.transpose_bucket_bytes
            && *metadata == other.metadata
            && *records_metadata == other.records_metadata
            && *atomic == other.atomic
    }
}

impl WriterOptions {
    /// The defaults: one record per chunk, `zstd` at level 3.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the records per chunk, 1 ..= [`MAX_GROUP_SIZE`], default [`DEFAULT_GROUP_SIZE`], with [`Layout::Pages`]
    /// [`DEFAULT_PAGES_GROUP_SIZE`].
    ///
    /// A larger group compresses better; reading one record then decodes its whole group. In record pages it does neither:
    /// there the group is what a writer holds, and one job encodes.
    pub fn with_group_size(mut self, records: u32) -> Self {
        self.group_size = Some(records);
        self
    }

    /// Sets how the records of a chunk are laid out, default [`Layout::Groups`]. Conflicts with `transpose`.
    pub fn with_layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Sets where the dictionary comes from, default [`DictionaryOption::Off`]. Any other needs [`Layout::Pages`] and
    /// [`Codec::Zstd`].
    pub fn with_dictionary(mut self, dictionary: DictionaryOption) -> Self {
        self.dictionary = dictionary;
        self
    }

    /// Closes a group in front of a record that would take it above this many bytes, at least 1; default `None`: never,
    /// and with [`Layout::Pages`] at [`DEFAULT_PAGES_MAX_GROUP_BYTES`]. A larger record has a group of its own.
    ///
    /// If groups differ in size because of it, the file gets version 2, which `array_record` does
    /// not read; as long as all but the last are alike, it stays at version 1. Option strings
    /// cannot express it.
    pub fn with_max_group_bytes(mut self, bytes: Option<u64>) -> Self {
        self.max_group_bytes = bytes;
        self
    }

    /// Sets the codec of the chunks, default `zstd` at level [`DEFAULT_ZSTD_LEVEL`].
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets the binary logarithm of the codec's window in bytes: 10 ..= 31 for `zstd`, 10 ..= 30
    /// for `brotli`. The other codecs have no window.
    ///
    /// Default `None`: [`ZSTD_AUTO_WINDOW_LOG`] or [`BROTLI_AUTO_WINDOW_LOG`]. Parsing a string
    /// gives `None` for `window_log:20` of `zstd`, too, since that is the same.
    pub fn with_window_log(mut self, log: Option<u32>) -> Self {
        self.window_log = log;
        self
    }

    /// Sets how many chunks may be compressed at the same time, 1 ..= [`MAX_PARALLELISM`]; default
    /// `None`, the number of processors. The bytes of the file do not depend on it.
    pub fn with_max_parallelism(mut self, jobs: Option<u32>) -> Self {
        self.max_parallelism = jobs;
        self
    }

    /// Starts every chunk at a multiple of 64 KiB, default false. A chunk then takes at least 64
    /// KiB of the file.
    pub fn with_pad_to_block_boundary(mut self, pad: bool) -> Self {
        self.pad_to_block_boundary = pad;
        self
    }

    /// Asks for chunks that store the fields of protocol buffer records column by column, default
    /// false.
    pub fn with_transpose(mut self, transpose: bool) -> Self {
        self.transpose = transpose;
        self
    }

    /// Sets the bytes of a column that are compressed together, at least 1, default
    /// [`DEFAULT_TRANSPOSE_BUCKET_BYTES`]. Without effect unless chunks are transposed.
    pub fn with_transpose_bucket_bytes(mut self, bytes: u64) -> Self {
        self.transpose_bucket_bytes = bytes;
        self
    }

    /// Adds a pair of user metadata, default none. A key may be added once. Option strings cannot
    /// express it.
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Writes a file metadata chunk, which says what the records are, behind the signature; default `None`. A reader
    /// finds fields by their names with it. Option strings cannot express it.
    pub fn with_records_metadata(mut self, metadata: Option<RecordsMetadata>) -> Self {
        self.records_metadata = metadata;
        self
    }

    /// Sets pairs of user metadata: each takes the place of the first pair with its key, or is added.
    pub(super) fn with_merged_metadata(mut self, pairs: Vec<(String, Vec<u8>)>) -> Self {
        let old = self.metadata.len();
        for (key, value) in pairs {
            let mut present = self.metadata.iter_mut().take(old);
            match present.find(|(name, _)| *name == key) {
                Some(pair) => pair.1 = value,
                None => self.metadata.push((key, value)),
            }
        }
        self
    }

    /// Writes the file under a temporary name, which is flushed to the disk and renamed at the end,
    /// so that a file under the final name is always complete. Default false. Option strings cannot
    /// express it.
    pub fn with_atomic(mut self, atomic: bool) -> Self {
        self.atomic = atomic;
        self
    }

    /// Records per chunk.
    pub fn group_size(&self) -> u32 {
        self.group_size.unwrap_or(match self.layout {
            Layout::Groups => DEFAULT_GROUP_SIZE,
            Layout::Pages => DEFAULT_PAGES_GROUP_SIZE,
        })
    }

    /// How the records of a chunk are laid out.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Where the dictionary comes from.
    pub fn dictionary(&self) -> &DictionaryOption {
        &self.dictionary
    }

    /// Bytes of records at which a group is closed early, if at all.
    pub fn max_group_bytes(&self) -> Option<u64> {
        match self.layout {
            Layout::Groups => self.max_group_bytes,
            Layout::Pages => Some(
                self.max_group_bytes
                    .unwrap_or(DEFAULT_PAGES_MAX_GROUP_BYTES),
            ),
        }
    }

    /// Codec of the chunks.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Binary logarithm of the codec's window in bytes; `None` for automatic.
    pub fn window_log(&self) -> Option<u32> {
        self.window_log
    }

    /// Binary logarithm of the window that the codec is to use, in bytes; `None` if the codec has
    /// no window.
    pub fn effective_window_log(&self) -> Option<u32> {
        match self.codec {
            Codec::Zstd { .. } => Some(self.window_log.unwrap_or(ZSTD_AUTO_WINDOW_LOG)),
            Codec::Brotli { .. } => Some(self.window_log.unwrap_or(BROTLI_AUTO_WINDOW_LOG)),
            Codec::Uncompressed | Codec::Snappy => None,
        }
    }

    /// Chunks that may be compressed at the same time; `None` for the number of processors.
    pub fn max_parallelism(&self) -> Option<u32> {
        self.max_parallelism
    }

    /// Whether every chunk starts at a multiple of 64 KiB.
    pub fn pad_to_block_boundary(&self) -> bool {
        self.pad_to_block_boundary
    }

    /// Whether transposed chunks are asked for.
    pub fn transpose(&self) -> bool {
        self.transpose
    }

    /// Bytes of a column that are compressed together in a transposed chunk.
    pub fn transpose_bucket_bytes(&self) -> u64 {
        self.transpose_bucket_bytes
    }

    /// The pairs of user metadata, in the order in which they were added.
    pub fn metadata(&self) -> &[(String, Vec<u8>)] {
        &self.metadata
    }

    /// What the file will say of its records.
    pub fn records_metadata(&self) -> Option<&RecordsMetadata> {
        self.records_metadata.as_ref()
    }

    /// Whether the file is written under a temporary name first.
    pub fn atomic(&self) -> bool {
        self.atomic
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// All problems at once: [`OptionsError::InvalidValue`], [`OptionsError::Conflict`] for a window of a codec that has
    /// none, for record pages that are transposed, and for a dictionary without record pages or zstd, and
    /// [`OptionsError::MetadataRepeated`].
    pub fn validate(&self) -> Result<(), OptionsErrors> {
        let mut errors = Vec::new();
        if !(1..=MAX_GROUP_SIZE).contains(&self.group_size()) {
            errors.push(invalid("group_size", self.group_size(), keys::POSITIVE));
        }
        if self.max_group_bytes == Some(0) {
            errors.push(invalid("max_group_bytes", 0, keys::NONE_OR_POSITIVE_BYTES));
        }
        self.check_codec(&mut errors);
        if let Some(jobs) = self.max_parallelism
            && !(1..=MAX_PARALLELISM).contains(&jobs)
        {
            errors.push(invalid("max_parallelism", jobs, keys::AUTO_OR_POSITIVE));
        }
        if self.transpose_bucket_bytes == 0 {
            errors.push(invalid(
                "transpose_bucket_size",
                0,
                keys::AUTO_OR_POSITIVE_BYTES,
            ));
        }
        errors.extend(self.layout_problems());
        errors.extend(self.repeated_metadata());
        OptionsErrors::check(errors)
    }

    /// What layout and dictionary do not go with.
    pub(super) fn layout_problems(&self) -> impl Iterator<Item = OptionsError> {
        let conflict = |option, with| OptionsError::Conflict { option, with };
        let has_pages = self.layout == Layout::Pages;
        let transposed = has_pages && self.transpose;
        let wants_dictionary = self.dictionary != DictionaryOption::Off;
        let codec = match self.codec {
            Codec::Zstd { .. } => None,
            other => Some(other.compression_type().name()),
        };
        let size = match self.dictionary {
            DictionaryOption::Size(bytes) => Some(bytes),
            _ => None,
        };
        let size = size.filter(|&bytes| !DICTIONARY_BYTES.contains(&u64::from(bytes)));
        [
            transposed.then(|| conflict("layout", "transpose")),
            size.map(|bytes| invalid("dictionary", bytes, keys::DICTIONARY)),
            (wants_dictionary && !has_pages).then(|| conflict("dictionary", "layout:groups")),
            codec
                .filter(|_| wants_dictionary)
                .map(|codec| conflict("dictionary", codec)),
        ]
        .into_iter()
        .flatten()
    }

    fn check_codec(&self, errors: &mut Vec<OptionsError>) {
        let no_window = |codec| OptionsError::Conflict {
            option: "window_log",
            with: codec,
        };
        let window_outside =
            |logs: RangeInclusive<u32>| self.window_log.filter(|log| !logs.contains(log));
        match self.codec {
            Codec::Uncompressed => {
                errors.extend(self.window_log.map(|_| no_window("uncompressed")));
            }
            Codec::Snappy => errors.extend(self.window_log.map(|_| no_window("snappy"))),
            Codec::Brotli { level } => {
                if !BROTLI_LEVELS.contains(&level) {
                    errors.push(invalid("brotli", level, keys::BROTLI_LEVEL));
                }
                if let Some(log) = window_outside(BROTLI_WINDOW_LOGS) {
                    errors.push(invalid("window_log", log, keys::BROTLI_WINDOW_LOG));
                }
            }
            Codec::Zstd { level } => {
                if !ZSTD_LEVELS.contains(&level) {
                    errors.push(invalid("zstd", level, keys::ZSTD_LEVEL));
                }
                if let Some(log) = window_outside(ZSTD_WINDOW_LOGS) {
                    errors.push(invalid("window_log", log, keys::ZSTD_WINDOW_LOG));
                }
            }
        }
    }

    /// One error per metadata key that was added more than once.
    fn repeated_metadata(&self) -> impl Iterator<Item = OptionsError> {
        let mut names: Vec<&str> = self.metadata.iter().map(|(key, _)| key.as_str()).collect();
        names.sort_unstable();
        let mut repeated: Vec<&str> = names
            .iter()
            .zip(names.iter().skip(1))
            .filter(|(one, next)| one == next)
            .map(|(name, _)| *name)
            .collect();
        repeated.dedup();
        repeated
            .into_iter()
            .map(|key| OptionsError::MetadataRepeated {
                key: key.to_owned(),
            })
    }
}

/// The error for a number that an option does not allow.
pub(super) fn invalid(
    option: &'static str,
    value: impl ToString,
    valid: &'static str,
) -> OptionsError {
    OptionsError::InvalidValue {
        option,
        value: value.to_string(),
        valid,
    }
}
