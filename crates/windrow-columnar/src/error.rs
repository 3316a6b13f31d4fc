//! What can be wrong with tables, and with the chunks that hold them.

use windrow_format::{At, ErrorKind, FormatError};

use crate::words::code::NARROW as LAST_ENCODING;

/// Why a table cannot be stored, or a column chunk not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the fields are named and the messages explain them"
)]
pub enum ColumnError {
    #[error("column `{column}` has type {data_type}, which column files cannot hold")]
    UnsupportedType { column: String, data_type: String },
    #[error("column `{column}` lies more than {limit} levels deep")]
    NestedTooDeep { column: String, limit: usize },
    #[error("column `{column}` has {what} of {value}, the most is {limit}")]
    TooLarge {
        column: String,
        what: &'static str,
        value: u64,
        limit: u64,
    },
    #[error("the rows have another schema than the table: {what}")]
    SchemaDiffers { what: String },
    #[error("it has other columns than the first file of the source: {what}")]
    FileDiffers { what: String },
    #[error("no column `{name}`; there are {names}")]
    NoColumn { name: String, names: String },
    #[error("column `{column}` cannot be compared: {what}")]
    Predicate { column: String, what: String },
    #[error("the Arrow schema at {at} is not valid: {what}")]
    Schema { at: At, what: String },
    #[error("column chunk at {at}: {what}")]
    Front { at: At, what: &'static str },
    #[error("column `{column}`, page {page} of the chunk at {at}: {what}")]
    Page {
        at: At,
        column: String,
        page: u64,
        what: &'static str,
    },
    #[error("column `{column}`, page {page} of the chunk at {at} holds text that is not UTF-8")]
    Utf8 { at: At, column: String, page: u64 },
    #[error(
        "column `{column}`, page {page} of the chunk at {at} has encoding {code}, which this release does not know; a newer Windrow is needed"
    )]
    Encoding {
        at: At,
        column: String,
        page: u64,
        code: u8,
    },
    #[error("statistics at {at}: {what}")]
    Statistics { at: At, what: &'static str },
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl ColumnError {
    /// The group this error belongs to.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnsupportedType { .. }
            | Self::NestedTooDeep { .. }
            | Self::TooLarge { .. }
            | Self::SchemaDiffers { .. }
            | Self::FileDiffers { .. }
            | Self::NoColumn { .. }
            | Self::Predicate { .. } => ErrorKind::Usage,
            Self::Encoding { .. } => ErrorKind::Unsupported,
            Self::Format(source) => source.kind(),
            _ => ErrorKind::Corrupt,
        }
    }

    /// A stable name, the same in every release and language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedType { .. } => "unsupported_type",
            Self::NestedTooDeep { .. } => "nested_too_deep",
            Self::TooLarge { .. } => "too_large",
            Self::SchemaDiffers { .. } | Self::FileDiffers { .. } => "schema_differs",
            Self::NoColumn { .. } => "no_column",
            Self::Predicate { .. } => "predicate",
            Self::Schema { .. } => "schema",
            Self::Front { .. } => "column_front",
            Self::Page { .. } => "page",
            Self::Utf8 { .. } => "utf8",
            Self::Encoding { .. } => "column_version",
            Self::Statistics { .. } => "statistics",
            Self::Format(source) => source.code(),
        }
    }

    /// Where in the file, if the error is about one place.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        match self {
            Self::Schema { at, .. }
            | Self::Front { at, .. }
            | Self::Page { at, .. }
            | Self::Utf8 { at, .. }
            | Self::Encoding { at, .. }
            | Self::Statistics { at, .. } => Some(*at),
            Self::Format(source) => source.at(),
            _ => None,
        }
    }
}

/// What is wrong with the bytes of a page, which do not know where they are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They contradict themselves.
    Page(&'static str),
    /// Text that is none.
    Utf8,
    /// An encoding that this release does not know.
    Encoding(u8),
    /// Those of the codec.
    Format(FormatError),
}

impl From<FormatError> for Fault {
    fn from(source: FormatError) -> Self {
        Self::Format(source)
    }
}

impl Fault {
    /// For an encoding that values of some shape do not have: one that nobody knows, or one of others.
    pub(crate) const fn encoding(code: u8) -> Self {
        if code <= LAST_ENCODING {
            return Self::Page("its encoding is not one of such values");
        }
        Self::Encoding(code)
    }

    /// The error, with the place where the bytes are from.
    pub(crate) fn at(self, at: At, column: &str, page: u64) -> ColumnError {
        let column = column.to_owned();
        match self {
            Self::Page(what) => ColumnError::Page {
                at,
                column,
                page,
                what,
            },
            Self::Utf8 => ColumnError::Utf8 { at, column, page },
            Self::Encoding(code) => ColumnError::Encoding {
                at,
                column,
                page,
                code,
            },
            Self::Format(source) => ColumnError::Format(source),
        }
    }
}

pub(crate) type Checked<T> = Result<T, Fault>;
