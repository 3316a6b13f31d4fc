//! An error as a test compares it: its code, its cause and its place.

use std::ops::Range;

use windrow::{Error, FormatError};

/// What a caller can see of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// [`Error::code`].
    pub code: &'static str,
    /// The code of the innermost [`FormatError`]; `code` again where nothing is wrapped.
    pub cause: &'static str,
    /// Absolute offset in bytes.
    pub byte: Option<u64>,
    /// Zero-based listed chunk.
    pub chunk: Option<u64>,
    /// The records that cannot be read because of it.
    pub records: Option<Range<u64>>,
}

impl Seen {
    /// What is wrong with one listed chunk, which holds `records`.
    #[must_use]
    pub fn chunk(code: &'static str, byte: u64, chunk: u64, records: Range<u64>) -> Self {
        Self {
            code,
            cause: code,
            byte: Some(byte),
            chunk: Some(chunk),
            records: Some(records),
        }
    }

    /// What is wrong with a structure outside the listed chunks.
    #[must_use]
    pub fn open(code: &'static str, byte: u64) -> Self {
        Self {
            code,
            cause: code,
            byte: Some(byte),
            chunk: None,
            records: None,
        }
    }

    /// What is wrong with the tail of a file, as `code` (`no_postscript` or `not_array_record`) wraps it.
    #[must_use]
    pub fn tail(code: &'static str, cause: &'static str, byte: impl Into<Option<u64>>) -> Self {
        Self {
            code,
            cause,
            byte: byte.into(),
            chunk: None,
            records: None,
        }
    }
}

impl From<&Error> for Seen {
    fn from(error: &Error) -> Self {
        let cause = match error {
            Error::Format { source, .. } => innermost(source).code(),
            other => other.code(),
        };
        Self {
            code: error.code(),
            cause,
            byte: error.at().map(|at| at.byte),
            chunk: error.at().and_then(|at| at.chunk),
            records: error.records(),
        }
    }
}

fn innermost(error: &FormatError) -> &FormatError {
    match error {
        FormatError::NotArrayRecord { source, .. } | FormatError::NoPostscript { source, .. } => {
            innermost(source)
        }
        other => other,
    }
}

/// The [`FormatError`] inside an error, if it is one, without what wraps it.
#[must_use]
pub fn format_error(error: &Error) -> Option<&FormatError> {
    match error {
        Error::Format { source, .. } => Some(innermost(source)),
        _ => None,
    }
}
