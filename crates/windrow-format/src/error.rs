//! What can be wrong with bytes, and where in the file.

use std::fmt;

/// A place in a file: the byte where a structure begins and, where it is known, the chunk it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct At {
    /// Absolute file offset in bytes.
    pub byte: u64,
    /// Zero-based position of the chunk in the footer's index; `None` for chunks that the index does not list.
    pub chunk: Option<u64>,
}

impl At {
    /// A place outside the listed chunks.
    #[must_use]
    pub const fn byte(byte: u64) -> Self {
        Self { byte, chunk: None }
    }

    /// The beginning of the listed chunk number `chunk`.
    #[must_use]
    pub const fn chunk(byte: u64, chunk: u64) -> Self {
        Self {
            byte,
            chunk: Some(chunk),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.byte)?;
        self.chunk
            .map_or(Ok(()), |chunk| write!(f, ", chunk {chunk}"))
    }
}

/// What a caller may decide upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Bytes contradict themselves: damage, or a writer that lies.
    Corrupt,
    /// Bytes are missing: the file is unfinished or was cut.
    Truncated,
    /// Valid, but not readable by this build or this release.
    Unsupported,
    /// A limit of the reader's options was met.
    Limit,
    /// The caller asked for something impossible.
    Usage,
    /// The operating system or a store refused.
    Io,
}

/// Why bytes could not be understood. Offsets are absolute, sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the fields are named and the messages explain them"
)]
pub enum FormatError {
    #[error("not an ArrayRecord file: no riegeli signature at byte 0 ({file_bytes} bytes)")]
    NotArrayRecord {
        file_bytes: u64,
        #[source]
        source: Box<FormatError>,
    },
    #[error(
        "no valid postscript at the end of the file ({file_bytes} bytes): the file is unfinished, cut short or damaged there"
    )]
    NoPostscript {
        file_bytes: u64,
        #[source]
        source: Box<FormatError>,
    },
    #[error("file of {file_bytes} bytes is too short: an ArrayRecord file has at least {need}")]
    FileTooShort { file_bytes: u64, need: u64 },
    #[error(
        "file of {file_bytes} bytes does not end on a block boundary: {extra} bytes follow the last one"
    )]
    TailMisaligned { file_bytes: u64, extra: u64 },
    #[error("block header hash differs at {at}: stored {stored:016x}, computed {computed:016x}")]
    BlockHeaderHash { at: At, stored: u64, computed: u64 },
    #[error("block header at {at} has {field} {stored}, expected {expected}")]
    BlockHeaderMismatch {
        at: At,
        field: &'static str,
        stored: u64,
        expected: u64,
    },
    #[error("chunk header hash differs at {at}: stored {stored:016x}, computed {computed:016x}")]
    ChunkHeaderHash { at: At, stored: u64, computed: u64 },
    #[error(
        "chunk data hash differs at {at} ({data_bytes} bytes): stored {stored:016x}, computed {computed:016x}"
    )]
    ChunkDataHash {
        at: At,
        data_bytes: u64,
        stored: u64,
        computed: u64,
    },
    #[error("{what} cut short at {at}: {need} bytes needed, {have} left")]
    Truncated {
        what: &'static str,
        at: At,
        need: u64,
        have: u64,
    },
    #[error("chunk at {at} cannot begin there: inside or directly behind a block header")]
    ChunkBoundary { at: At },
    #[error("chunk header field {field} at {at} is {stored}, expected {expected}")]
    ChunkHeaderField {
        at: At,
        field: &'static str,
        stored: u64,
        expected: u64,
    },
    #[error("unknown chunk type {chunk_type:#04x} at {at}")]
    ChunkType { at: At, chunk_type: u8 },
    #[error("transposed chunk at {at}: {what}")]
    Transposed { at: At, what: &'static str },
    #[error("page chunk at {at}: {what}")]
    PageTable { at: At, what: &'static str },
    #[error("column chunk at {at}: {what} {value} is not known to this release")]
    ColumnVersion {
        at: At,
        what: &'static str,
        value: u64,
    },
    #[error("column chunk at {at}: {what}")]
    ColumnFront { at: At, what: &'static str },
    #[error("CRC32C of the {what} at {at} differs: stored {stored:08x}, computed {computed:08x}")]
    Crc {
        what: &'static str,
        at: At,
        stored: u32,
        computed: u32,
    },
    #[error("dictionary at {at} has id {stored:016x}, its bytes have {computed:016x}")]
    DictionaryId { at: At, stored: u64, computed: u64 },
    #[error(
        "page chunk at {at} needs dictionary {id:016x}, which {}",
        if source.is_some() { "cannot be read: both its copies are damaged or gone" } else { "the file does not hold" }
    )]
    DictionaryMissing {
        at: At,
        id: u64,
        #[source]
        source: Option<Box<FormatError>>,
    },
    #[error("unknown compression type {compression_type:#04x} at {at}")]
    CompressionType { at: At, compression_type: u8 },
    #[error("codec {codec} at {at} is not built in; enable feature `{feature}`")]
    CodecMissing {
        codec: &'static str,
        at: At,
        feature: &'static str,
    },
    #[error("{codec} data of the {what} at {at} is not valid")]
    Decompress {
        codec: &'static str,
        what: &'static str,
        at: At,
    },
    #[error("decoded size of the {what} at {at} is {actual} bytes, expected {expected}")]
    DecodedSize {
        what: &'static str,
        at: At,
        expected: u64,
        actual: u64,
    },
    #[error("{extra} bytes follow the {what} at {at}")]
    TrailingBytes {
        what: &'static str,
        at: At,
        extra: u64,
    },
    #[error("{what} at {at} is not a valid varint")]
    Varint { what: &'static str, at: At },
    #[error("{what} at {at} claims {declared} bytes where at most {possible} are possible")]
    Implausible {
        what: &'static str,
        at: At,
        declared: u64,
        possible: u64,
    },
    #[error(
        "{what} of {value} bytes at {at} is above the limit of {limit}; raise {option} to read it"
    )]
    Limit {
        what: &'static str,
        at: At,
        value: u64,
        limit: u64,
        option: &'static str,
    },
    #[error(
        "no memory for the {what} at {at}, {bytes} bytes; a lower max_chunk_bytes refuses such a chunk at once"
    )]
    OutOfMemory {
        what: &'static str,
        at: At,
        bytes: u64,
    },
    #[error("more than {limit} {what} at {at}")]
    TooMany {
        what: &'static str,
        at: At,
        limit: u64,
    },
    #[error("{what} at {at} is not a valid protocol buffer message")]
    Message { what: &'static str, at: At },
    #[error("postscript at {at} has magic {stored:#018x}, expected {expected:#018x}")]
    PostscriptMagic { at: At, stored: u64, expected: u64 },
    #[error("postscript at {at} holds {copies} messages, expected {expected}")]
    PostscriptCopies { at: At, copies: u64, expected: u64 },
    #[error("the postscript's copies at {at} differ")]
    PostscriptDiffers { at: At },
    #[error("postscript at {at} points at a footer at byte {offset}, outside 64..{limit}")]
    FooterOffset { at: At, offset: u64, limit: u64 },
    #[error("footer at {at} holds no ArrayRecord metadata")]
    FooterMetadata { at: At },
    #[error("file format version {version} in the footer at {at} is not supported (1 and 2 are)")]
    Version { at: At, version: u32 },
    #[error("footer at {at} declares {declared} chunks but lists {present}")]
    FooterChunks { at: At, declared: u64, present: u64 },
    #[error("footer at {at} declares {declared} records, its entries add up to {sum}")]
    FooterRecords { at: At, declared: u64, sum: u64 },
    #[error("footer entry {entry} at {at} has offset {offset}, expected one in {min}..{limit}")]
    EntryOffset {
        at: At,
        entry: u64,
        offset: u64,
        min: u64,
        limit: u64,
    },
    #[error("footer entry {entry} at {at} has {records} records, expected 1..={max}{}", if *.exact { " (exactly, as it is not the last)" } else { "" })]
    EntryRecords {
        at: At,
        entry: u64,
        records: u64,
        max: u64,
        exact: bool,
    },
    #[error("chunk at {at} has {field} {chunk}, the footer says {footer}")]
    EntryMismatch {
        at: At,
        field: &'static str,
        chunk: u64,
        footer: u64,
    },
    #[error(
        "chunk at {at} is not followed by the next structure: it ends at byte {end}, expected {expected}"
    )]
    ChunkEnd { at: At, end: u64, expected: u64 },
    #[error("provisional chunk at {at} begins with record {stored}, expected {expected}")]
    FirstRecord { at: At, stored: u64, expected: u64 },
    #[error(
        "{bytes} bytes from {at} on follow the last complete index: an append is under way or was cut off"
    )]
    UnfinishedAppend { at: At, bytes: u64 },
}

impl FormatError {
    /// The group this error belongs to.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoPostscript { .. }
            | Self::FileTooShort { .. }
            | Self::TailMisaligned { .. }
            | Self::Truncated { .. }
            | Self::UnfinishedAppend { .. } => ErrorKind::Truncated,
            Self::ChunkType { .. }
            | Self::CompressionType { .. }
            | Self::CodecMissing { .. }
            | Self::ColumnVersion { .. }
            | Self::Version { .. } => ErrorKind::Unsupported,
            Self::Limit { .. } | Self::TooMany { .. } | Self::OutOfMemory { .. } => {
                ErrorKind::Limit
            }
            _ => ErrorKind::Corrupt,
        }
    }

    /// A stable name, the same in every release and language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotArrayRecord { .. } => "not_array_record",
            Self::NoPostscript { .. } => "no_postscript",
            Self::FileTooShort { .. } => "file_too_short",
            Self::TailMisaligned { .. } => "tail_misaligned",
            Self::BlockHeaderHash { .. } => "block_header_hash",
            Self::BlockHeaderMismatch { .. } => "block_header_mismatch",
            Self::ChunkHeaderHash { .. } => "chunk_header_hash",
            Self::ChunkDataHash { .. } => "chunk_data_hash",
            Self::Truncated { .. } => "truncated",
            Self::ChunkBoundary { .. } => "chunk_boundary",
            Self::ChunkHeaderField { .. } => "chunk_header_field",
            Self::ChunkType { .. } => "chunk_type",
            Self::Transposed { .. } => "transposed",
            Self::PageTable { .. } => "page_table",
            Self::ColumnVersion { .. } => "column_version",
            Self::ColumnFront { .. } => "column_front",
            Self::Crc { .. } => "crc",
            Self::DictionaryId { .. } => "dictionary_id",
            Self::DictionaryMissing { .. } => "dictionary_missing",
            Self::CompressionType { .. } => "compression_type",
            Self::CodecMissing { .. } => "codec_missing",
            Self::Decompress { .. } => "decompress",
            Self::DecodedSize { .. } => "decoded_size",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::Varint { .. } => "varint",
            Self::Implausible { .. } => "implausible_size",
            Self::Limit { .. } => "limit",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::TooMany { .. } => "too_many",
            Self::Message { .. } => "message",
            Self::PostscriptMagic { .. } => "postscript_magic",
            Self::PostscriptCopies { .. } => "postscript_copies",
            Self::PostscriptDiffers { .. } => "postscript_differs",
            Self::FooterOffset { .. } => "footer_offset",
            Self::FooterMetadata { .. } => "footer_metadata",
            Self::Version { .. } => "version",
            Self::FooterChunks { .. } => "footer_chunks",
            Self::FooterRecords { .. } => "footer_records",
            Self::EntryOffset { .. } => "entry_offset",
            Self::EntryRecords { .. } => "entry_records",
            Self::EntryMismatch { .. } => "entry_mismatch",
            Self::ChunkEnd { .. } => "chunk_end",
            Self::FirstRecord { .. } => "first_record",
            Self::UnfinishedAppend { .. } => "unfinished_append",
        }
    }

    /// Where in the file, if the error is about one place.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        match self {
            Self::NotArrayRecord { source, .. } | Self::NoPostscript { source, .. } => source.at(),
            Self::FileTooShort { .. } | Self::TailMisaligned { .. } => None,
            Self::BlockHeaderHash { at, .. }
            | Self::BlockHeaderMismatch { at, .. }
            | Self::ChunkHeaderHash { at, .. }
            | Self::ChunkDataHash { at, .. }
            | Self::Truncated { at, .. }
            | Self::ChunkBoundary { at }
            | Self::ChunkHeaderField { at, .. }
            | Self::ChunkType { at, .. }
            | Self::Transposed { at, .. }
            | Self::PageTable { at, .. }
            | Self::ColumnVersion { at, .. }
            | Self::ColumnFront { at, .. }
            | Self::Crc { at, .. }
            | Self::DictionaryId { at, .. }
            | Self::DictionaryMissing { at, .. }
            | Self::CompressionType { at, .. }
            | Self::CodecMissing { at, .. }
            | Self::Decompress { at, .. }
            | Self::DecodedSize { at, .. }
            | Self::TrailingBytes { at, .. }
            | Self::Varint { at, .. }
            | Self::Implausible { at, .. }
            | Self::Limit { at, .. }
            | Self::OutOfMemory { at, .. }
            | Self::TooMany { at, .. }
            | Self::Message { at, .. }
            | Self::PostscriptMagic { at, .. }
            | Self::PostscriptCopies { at, .. }
            | Self::PostscriptDiffers { at }
            | Self::FooterOffset { at, .. }
            | Self::FooterMetadata { at }
            | Self::Version { at, .. }
            | Self::FooterChunks { at, .. }
            | Self::FooterRecords { at, .. }
            | Self::EntryOffset { at, .. }
            | Self::EntryRecords { at, .. }
            | Self::EntryMismatch { at, .. }
            | Self::ChunkEnd { at, .. }
            | Self::FirstRecord { at, .. }
            | Self::UnfinishedAppend { at, .. } => Some(*at),
        }
    }
}
