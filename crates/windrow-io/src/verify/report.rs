//! What `verify` found.

use std::ops::Range;

use windrow_format::{ChunkLocation, FormatError};

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What of the file is affected: absolute offsets, half-open. Empty where bytes are missing.
    pub bytes: Range<u64>,
    /// The listed chunk that is affected, counted from zero; `None` for anything else.
    pub chunk: Option<u64>,
    /// The records that cannot be read because of it; `None` where none is lost or where nobody knows.
    pub records: Option<Range<u64>>,
    /// What is wrong; `code()` names it and `at()` says where.
    pub error: FormatError,
}

impl Fault {
    /// A fault that loses no record, as far as is known.
    pub(crate) fn new(bytes: Range<u64>, error: FormatError) -> Self {
        Self {
            chunk: error.at().and_then(|at| at.chunk),
            bytes,
            records: None,
            error,
        }
    }

    /// A fault that costs the records of `location`, if it is about a listed chunk.
    pub(crate) fn of_chunk(
        bytes: Range<u64>,
        location: Option<&ChunkLocation>,
        error: FormatError,
    ) -> Self {
        Self {
            bytes,
            chunk: location.map(|location| location.chunk),
            records: location.map(|location| {
                location.first_record..location.first_record.saturating_add(location.records)
            }),
            error,
        }
    }

    /// The stable name of what is wrong.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.error.code()
    }
}

/// What [`verify`](crate::verify) found in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Size of the file.
    pub file_bytes: u64,
    /// Sound block headers of chunks whose header is sound.
    pub blocks: u64,
    /// Sound chunks of all kinds: signature, data, padding, footer, postscript and dead ones.
    pub chunks: u64,
    /// Sound chunks that the footer lists; without a usable footer, sound chunks that hold records of any kind.
    pub data_chunks: u64,
    /// Records in the file according to the footer; `None` if the footer cannot be used.
    pub records: Option<u64>,
    /// Sum of the sizes of the records in `data_chunks`, in bytes.
    pub decoded_bytes: u64,
    /// Bytes of sound chunks that no reader uses: those that no entry lists, with the padding behind them. Of a file
    /// without a usable footer, or behind it, provisional chunks only.
    pub dead_bytes: u64,
    /// What is wrong, by its first byte.
    pub faults: Vec<Fault>,
    /// Faults beyond those that the options let the report keep.
    pub faults_omitted: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.faults_omitted == 0
    }
}
