//! What `verify` found.

use std::ops::Range;

#[cfg(feature = "columns")]
use windrow_columnar::ColumnError;
use windrow_format::{At, ChunkLocation, ErrorKind, FormatError};

use crate::error::{Error, SourceName};

/// What is wrong with a part of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// Its bytes are not what they should be.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// They are not the columns that they should be.
    #[cfg(feature = "columns")]
    #[error(transparent)]
    Column(Box<ColumnError>),
}

#[cfg(feature = "columns")]
impl From<ColumnError> for FaultError {
    fn from(error: ColumnError) -> Self {
        match error {
            ColumnError::Format(error) => Self::Format(error),
            error => Self::Column(Box::new(error)),
        }
    }
}

impl FaultError {
    /// A stable name, the same in every release and language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(error) => error.code(),
            #[cfg(feature = "columns")]
            Self::Column(error) => error.code(),
        }
    }

    /// The group it belongs to.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Format(error) => error.kind(),
            #[cfg(feature = "columns")]
            Self::Column(error) => error.kind(),
        }
    }

    /// Where in the file, if it is about one place.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        match self {
            Self::Format(error) => error.at(),
            #[cfg(feature = "columns")]
            Self::Column(error) => error.at(),
        }
    }

    /// Whether records or rows are lost by it: not where a file only says something untrue of those that are there.
    pub(crate) fn costs_records(&self) -> bool {
        match self {
            Self::Format(_) => true,
            #[cfg(feature = "columns")]
            Self::Column(error) => !matches!(**error, ColumnError::Statistics { .. }),
        }
    }

    /// What is wrong with the framing; `None` if it is what stands inside.
    #[must_use]
    pub fn as_format(&self) -> Option<&FormatError> {
        match self {
            Self::Format(error) => Some(error),
            #[cfg(feature = "columns")]
            Self::Column(_) => None,
        }
    }

    /// The error of a call that cannot go on because of it.
    pub(crate) fn into_error(self, name: &SourceName, records: Option<Range<u64>>) -> Error {
        match self {
            Self::Format(error) => Error::format(name, records, error),
            #[cfg(feature = "columns")]
            Self::Column(source) => Error::Column {
                name: name.clone(),
                rows: records,
                source,
            },
        }
    }
}

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What of the file is affected: absolute offsets, half-open. Empty where bytes are missing.
    pub bytes: Range<u64>,
    /// The listed chunk that is affected, counted from zero; `None` for anything else.
    pub chunk: Option<u64>,
    /// The records, or rows, that cannot be read because of it; `None` where none is lost or where nobody knows.
    pub records: Option<Range<u64>>,
    /// What is wrong; `code()` names it and `at()` says where.
    pub error: FaultError,
}

impl Fault {
    /// A fault that loses no record, as far as is known.
    pub(crate) fn new(bytes: Range<u64>, error: impl Into<FaultError>) -> Self {
        let error = error.into();
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
        error: impl Into<FaultError>,
    ) -> Self {
        let error = error.into();
        let lost = location.filter(|_| error.costs_records());
        Self {
            bytes,
            chunk: location.map(|location| location.chunk),
            records: lost.map(|location| {
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
