//! What can be wrong with a record on its way in or out.

use std::fmt;

/// Why a record is not JSON.
#[derive(Debug)]
pub struct JsonError(serde_json::Error);

impl JsonError {
    pub fn new(error: serde_json::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for JsonError {
    /// Without the line: a record is one line, and its number in the file stands beside the record's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.0.line(), self.0.column());
        let text = self.0.to_string();
        match text.strip_suffix(&format!(" at line {line} column {column}")) {
            Some(reason) => write!(f, "{reason} at column {column}"),
            None => f.write_str(&text),
        }
    }
}

impl std::error::Error for JsonError {}

/// An input that is not what its format asks for.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    #[error("length checksum differs: stored {stored:08x}, computed {computed:08x}")]
    LengthChecksum { stored: u32, computed: u32 },
    #[error("data checksum differs: stored {stored:08x}, computed {computed:08x}")]
    DataChecksum { stored: u32, computed: u32 },
    #[error("cut short: {need} bytes needed, {have} left")]
    Truncated { need: u64, have: u64 },
    #[error("more than {limit} bytes, the limit for one record")]
    TooLarge { limit: u64 },
    #[error("not JSON; --from lines takes lines as they are")]
    NotJson(#[source] JsonError),
    #[error("a quote is opened and never closed")]
    OpenQuote,
    #[error(
        "lines end in \\r alone; make it \\n first: tr '\\r' '\\n' < INPUT | windrow convert --from csv - OUTPUT"
    )]
    LoneReturns,
}

impl InputFault {
    /// A stable name, for `--json`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LengthChecksum { .. } => "length_checksum",
            Self::DataChecksum { .. } => "data_checksum",
            Self::Truncated { .. } => "truncated",
            Self::TooLarge { .. } => "too_large",
            Self::NotJson(_) => "not_json",
            Self::OpenQuote => "open_quote",
            Self::LoneReturns => "lone_returns",
        }
    }
}

/// A record that the output's format cannot hold.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    #[error("holds a line break, which {format} cannot keep; tfrecord and array_record can")]
    LineBreak { format: &'static str },
    #[error("is not JSON; --to lines writes it as it is")]
    NotJson(#[source] JsonError),
    #[error("is not one CSV row; tfrecord and array_record take any bytes")]
    NotOneRow,
}
