//! Options of a reader.

use std::fmt;
use std::str::FromStr;

use super::error::{OptionsError, OptionsErrors};
use super::keys;
use super::writer::{MAX_PARALLELISM, invalid};

/// Readahead of [`ReaderOptions::readahead_buffer_bytes`] `None`: 16 MiB, all jobs together.
pub const DEFAULT_READAHEAD_BUFFER_BYTES: u64 = 16 << 20;
/// First read of [`ReaderOptions::footer_prefetch_bytes`] `None`: 1 MiB.
pub const DEFAULT_FOOTER_PREFETCH_BYTES: u64 = 1 << 20;
/// The most bytes that a sequential read may be asked to keep ahead: 1 GiB.
pub const MAX_READAHEAD_BUFFER_BYTES: u64 = 1 << 30;
/// The most bytes that may be asked for from the end of a file at open: 1 GiB.
pub const MAX_FOOTER_PREFETCH_BYTES: u64 = 1 << 30;
/// Decoded bytes that one chunk may have if nothing else is asked for: 4 GiB.
pub const DEFAULT_MAX_CHUNK_BYTES: u64 = 4 << 30;
/// Bytes that one record may have if nothing else is asked for: 4 GiB.
pub const DEFAULT_MAX_RECORD_BYTES: u64 = 4 << 30;
/// Decoded bytes that one batch read may hold if nothing else is asked for: 8 GiB.
pub const DEFAULT_MAX_BATCH_BYTES: u64 = 8 << 30;
/// Decoded bytes that a reader keeps for single reads if nothing else is asked for: 32 MiB.
pub const DEFAULT_CHUNK_CACHE_BYTES: u64 = 32 << 20;

/// Where a reader keeps the offsets of the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum IndexStorage {
    /// In memory, read once at open.
    #[default]
    InMemory,
    /// In a temporary file without a name, in the folder that the system has for them: a page of it is read when it is
    /// needed. Opening takes memory for a few megabytes of the footer, however large it is (a snappy footer excepted,
    /// which is one block).
    Offloaded,
}

/// The word of the option string, `in_memory` or `offloaded`.
impl fmt::Display for IndexStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InMemory => "in_memory",
            Self::Offloaded => "offloaded",
        })
    }
}

/// What a read of many records does about a chunk whose bytes are bad: damaged, cut short, above a limit, or of a kind
/// that this build cannot read. A medium that fails is an error either way, and so is a bad chunk that a single record is
/// asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnCorrupt {
    /// It fails.
    #[default]
    Raise,
    /// It goes on without the records of that chunk, and the reader lists the chunk.
    Skip,
}

/// `raise` or `skip`.
impl fmt::Display for OnCorrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raise => "raise",
            Self::Skip => "skip",
        })
    }
}

/// Understands what [`Display`](fmt::Display) writes.
impl FromStr for OnCorrupt {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        match text {
            "raise" => Ok(Self::Raise),
            "skip" => Ok(Self::Skip),
            _ => Err(invalid("on_corrupt", text, "raise, skip")),
        }
    }
}

/// How a file is read. Setters take any value; [`validate`](Self::validate) checks them all at
/// once.
#[derive(Debug, Clone, PartialEq)]
pub struct ReaderOptions {
    readahead_buffer_bytes: Option<u64>,
    max_parallelism: Option<u32>,
    index_storage: IndexStorage,
    footer_prefetch_bytes: Option<u64>,
    max_chunk_bytes: u64,
    max_record_bytes: u64,
    max_batch_bytes: u64,
    chunk_cache_bytes: u64,
    on_corrupt: OnCorrupt,
    fields: Option<Vec<String>>,
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self {
            readahead_buffer_bytes: None,
            max_parallelism: None,
            index_storage: IndexStorage::InMemory,
            footer_prefetch_bytes: None,
            max_chunk_bytes: DEFAULT_MAX_CHUNK_BYTES,
            max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
            max_batch_bytes: DEFAULT_MAX_BATCH_BYTES,
            chunk_cache_bytes: DEFAULT_CHUNK_CACHE_BYTES,
            on_corrupt: OnCorrupt::Raise,
            fields: None,
        }
    }
}

impl ReaderOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the decoded bytes that a sequential read keeps ahead, 0 ..=
    /// [`MAX_READAHEAD_BUFFER_BYTES`]; 0 keeps one chunk per worker. Default `None`, automatic: 16
    /// MiB in all.
    pub fn with_readahead_buffer_bytes(mut self, bytes: Option<u64>) -> Self {
        self.readahead_buffer_bytes = bytes;
        self
    }

    /// Sets how many chunks may be decoded at the same time, 0 ..= [`MAX_PARALLELISM`]; 0 decodes
    /// on the calling thread. Default `None`, the number of processors.
    pub fn with_max_parallelism(mut self, jobs: Option<u32>) -> Self {
        self.max_parallelism = jobs;
        self
    }

    /// Sets where the offsets of the chunks are kept, default [`IndexStorage::InMemory`].
    pub fn with_index_storage(mut self, storage: IndexStorage) -> Self {
        self.index_storage = storage;
        self
    }

    /// Sets the bytes that are read from the end of the file at open, 0 ..=
    /// [`MAX_FOOTER_PREFETCH_BYTES`]. A footer that does not fit costs a second read. Default
    /// `None`, automatic: 1 MiB.
    pub fn with_footer_prefetch_bytes(mut self, bytes: Option<u64>) -> Self {
        self.footer_prefetch_bytes = bytes;
        self
    }

    /// Limits the decoded bytes of one chunk, at least 1, default [`DEFAULT_MAX_CHUNK_BYTES`].
    pub fn with_max_chunk_bytes(mut self, bytes: u64) -> Self {
        self.max_chunk_bytes = bytes;
        self
    }

    /// Limits the bytes of one record, at least 1, default [`DEFAULT_MAX_RECORD_BYTES`].
    pub fn with_max_record_bytes(mut self, bytes: u64) -> Self {
        self.max_record_bytes = bytes;
        self
    }

    /// Limits the decoded bytes that one batch read may hold, at least 1, default
    /// [`DEFAULT_MAX_BATCH_BYTES`].
    pub fn with_max_batch_bytes(mut self, bytes: u64) -> Self {
        self.max_batch_bytes = bytes;
        self
    }

    /// Sets the decoded bytes that a reader keeps for single reads, default
    /// [`DEFAULT_CHUNK_CACHE_BYTES`]; 0 keeps none. Only files with more than one record per chunk
    /// gain by it.
    pub fn with_chunk_cache_bytes(mut self, bytes: u64) -> Self {
        self.chunk_cache_bytes = bytes;
        self
    }

    /// Sets what becomes of chunks whose bytes are bad, default [`OnCorrupt::Raise`].
    pub fn with_on_corrupt(mut self, on_corrupt: OnCorrupt) -> Self {
        self.on_corrupt = on_corrupt;
        self
    }

    /// Reads only these fields of records that are protocol buffers, default all. A field is a path with dots, such as
    /// `7.2` for field 2 of the message in field 7, or `label.name` where the file holds the descriptor of its messages.
    /// An empty list leaves empty messages. [`FieldProjection`](crate::FieldProjection) says what is left of a record.
    ///
    /// It saves time where chunks are transposed: buckets that hold nothing of these fields are not decompressed.
    pub fn with_fields(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields = Some(fields.into_iter().map(Into::into).collect());
        self
    }

    /// Reads all fields again.
    pub fn with_all_fields(mut self) -> Self {
        self.fields = None;
        self
    }

    /// Decoded bytes that a sequential read keeps ahead; `None` for automatic.
    pub fn readahead_buffer_bytes(&self) -> Option<u64> {
        self.readahead_buffer_bytes
    }

    /// Chunks that may be decoded at the same time; `None` for the number of processors.
    pub fn max_parallelism(&self) -> Option<u32> {
        self.max_parallelism
    }

    /// Where the offsets of the chunks are kept.
    pub fn index_storage(&self) -> IndexStorage {
        self.index_storage
    }

    /// Bytes that are read from the end of the file at open; `None` for automatic.
    pub fn footer_prefetch_bytes(&self) -> Option<u64> {
        self.footer_prefetch_bytes
    }

    /// Limit of the decoded bytes of one chunk.
    pub fn max_chunk_bytes(&self) -> u64 {
        self.max_chunk_bytes
    }

    /// Limit of the bytes of one record.
    pub fn max_record_bytes(&self) -> u64 {
        self.max_record_bytes
    }

    /// Limit of the decoded bytes that one batch read may hold.
    pub fn max_batch_bytes(&self) -> u64 {
        self.max_batch_bytes
    }

    /// Decoded bytes that are kept for single reads.
    pub fn chunk_cache_bytes(&self) -> u64 {
        self.chunk_cache_bytes
    }

    /// What becomes of chunks whose bytes are bad.
    pub fn on_corrupt(&self) -> OnCorrupt {
        self.on_corrupt
    }

    /// The fields to read; `None` for all.
    pub fn fields(&self) -> Option<&[String]> {
        self.fields.as_deref()
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// All problems at once, each an
    /// [`OptionsError::InvalidValue`](super::OptionsError::InvalidValue).
    pub fn validate(&self) -> Result<(), OptionsErrors> {
        let mut errors = Vec::new();
        if let Some(jobs) = self.max_parallelism.filter(|jobs| *jobs > MAX_PARALLELISM) {
            errors.push(invalid("max_parallelism", jobs, keys::AUTO_OR_COUNT));
        }
        for (name, bytes, limit) in [
            (
                "readahead_buffer_size",
                self.readahead_buffer_bytes,
                MAX_READAHEAD_BUFFER_BYTES,
            ),
            (
                "footer_prefetch_bytes",
                self.footer_prefetch_bytes,
                MAX_FOOTER_PREFETCH_BYTES,
            ),
        ] {
            if let Some(bytes) = bytes.filter(|bytes| *bytes > limit) {
                errors.push(invalid(name, bytes, keys::AUTO_OR_GIB));
            }
        }
        for (name, limit) in [
            ("max_chunk_bytes", self.max_chunk_bytes),
            ("max_record_bytes", self.max_record_bytes),
            ("max_batch_bytes", self.max_batch_bytes),
        ] {
            if limit == 0 {
                errors.push(invalid(name, limit, keys::POSITIVE_BYTES));
            }
        }
        OptionsErrors::check(errors)
    }
}
