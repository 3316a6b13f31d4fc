//! What can be wrong with rows on their way into a table, and with what is asked of one.

use arrow_schema::ArrowError;

use super::expression::ExpressionError;
use crate::convert::{Format, JsonError};

/// An input that is not the table it should be.
#[derive(Debug, thiserror::Error)]
pub enum TableFault {
    #[error("{found} fields, where there are {expected} columns")]
    FieldCount { expected: usize, found: usize },
    #[error(
        "column `{column}`: {value:?} is not of type {data_type}; --types \"{column}=utf8\" sets another"
    )]
    Value {
        column: String,
        data_type: String,
        value: String,
    },
    #[error("column `{column}` holds bytes that are not UTF-8")]
    NotUtf8 { column: String },
    #[error("a quote is opened and never closed")]
    OpenQuote,
    #[error("more than {limit} bytes, the limit for one row")]
    TooLarge { limit: u64 },
    #[error("the header names column `{column}` twice")]
    ColumnTwice { column: String },
    #[error("there are no columns")]
    NoColumns,
    #[error("not JSON")]
    NotJson(#[source] JsonError),
    #[error("not one JSON object")]
    NotObject,
    #[error(
        "does not fit the types of the columns, which the first lines told; --types COLUMN=TYPE sets them, and adds columns that come later"
    )]
    JsonTypes(#[source] ArrowError),
    #[error("cannot tell the types of the columns; --types COLUMN=utf8 makes one text")]
    Inference(#[source] ArrowError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error("cannot be read as {format}: {what}")]
    Unreadable { format: &'static str, what: String },
    /// The reader does not know what is wrong either: `what` is how it panicked.
    #[error("cannot be read as {format}: {what}, the file is damaged")]
    Damaged { format: &'static str, what: String },
    /// The same of a writer.
    #[error("its writer does not know how: {what}")]
    CannotWrite { what: String },
    #[error("column `{column}`, row {row} of the output: there is no text for it")]
    NoText {
        column: String,
        /// Counted from 0.
        row: u64,
        #[source]
        source: ArrowError,
    },
    #[error("another table than before: {what}")]
    SchemaDiffers { what: String },
}

impl TableFault {
    /// A stable name, for `--json`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FieldCount { .. } => "field_count",
            Self::Value { .. } | Self::JsonTypes(_) | Self::NoText { .. } => "value",
            Self::NotUtf8 { .. } => "utf8",
            Self::OpenQuote => "open_quote",
            Self::TooLarge { .. } => "too_large",
            Self::ColumnTwice { .. } | Self::NoColumns => "header",
            Self::NotJson(_) | Self::NotObject => "not_json",
            Self::Inference(_) => "inference",
            Self::Arrow(_) | Self::CannotWrite { .. } => "arrow",
            Self::Unreadable { .. } | Self::Damaged { .. } => "unreadable",
            Self::SchemaDiffers { .. } => "schema_differs",
        }
    }
}

/// What was asked for and does not go.
#[derive(Debug, thiserror::Error)]
pub enum TableUsage {
    #[error("--where")]
    Where(#[source] ExpressionError),
    #[error("--types: {what}")]
    Types { what: String },
    #[error("--types names column `{column}`, which is not there")]
    NoColumn { column: String },
    #[error(
        "{options} are about tables: add --to columns, or name an output that ends in .columns"
    )]
    NotATable { options: &'static str },
    #[error(
        "--options, --group-size, --layout and --dictionary are about records; tables take --profile, --codec, --group-rows and --group-bytes"
    )]
    RecordOptions,
    #[error(
        "--codec {text}: of columns expected zstd, brotli, snappy, lz4 or uncompressed, with a level as in zstd:3"
    )]
    Codec { text: String },
    #[error("{} holds records, not a table", .format.name())]
    NoTable { format: Format },
    #[error(
        "column `{column}` is of type {data_type}, which CSV cannot hold; --select leaves it out"
    )]
    NestedInCsv { column: String, data_type: String },
    #[error("this windrow was built without the feature `parquet`")]
    #[cfg(not(feature = "parquet"))]
    NoParquet,
    #[error("an Arrow file cannot come through a pipe; a stream can: --from arrow_stream")]
    ArrowFilePipe,
    #[error("Parquet cannot come through a pipe")]
    #[cfg(feature = "parquet")]
    ParquetPipe,
    #[error("--{option} does not go with a file of columns: {instead}")]
    NotOfColumns {
        option: &'static str,
        instead: &'static str,
    },
    #[error("--{option} goes only with a file of columns")]
    OnlyOfColumns { option: &'static str },
    #[error("Parquet takes the codecs zstd, snappy, lz4 and uncompressed")]
    #[cfg(feature = "parquet")]
    ParquetCodec,
}
