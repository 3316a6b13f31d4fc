//! What can be wrong with a record on its way in or out.

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
    NotJson(#[source] serde_json::Error),
    #[error("a quote is opened and never closed")]
    OpenQuote,
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
        }
    }
}

/// A record that the output's format cannot hold.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    #[error("holds a line break, which {format} cannot keep; tfrecord and array_record can")]
    LineBreak { format: &'static str },
    #[error("is not JSON; --to lines writes it as it is")]
    NotJson(#[source] serde_json::Error),
    #[error("is not one CSV row; tfrecord and array_record take any bytes")]
    NotOneRow,
}
