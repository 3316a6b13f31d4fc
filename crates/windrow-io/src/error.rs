//! What can go wrong with a file, and where.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use windrow_format::options::{OptionsError, OptionsErrors};
use windrow_format::{At, ErrorKind, FormatError};

/// The result of anything that touches a file.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names a file, or bytes that came from somewhere else, in messages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceName {
    path: Option<Arc<PathBuf>>,
    /// What messages count in it: records, or, in an open file of columns, rows.
    has_rows: bool,
}

impl SourceName {
    /// Bytes without a path.
    pub const MEMORY: Self = Self {
        path: None,
        has_rows: false,
    };

    /// A file.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(Arc::new(path.into())),
            has_rows: false,
        }
    }

    /// The file's path, if there is one.
    #[must_use]
    pub fn as_path(&self) -> Option<&std::path::Path> {
        self.path.as_deref().map(PathBuf::as_path)
    }

    /// Whether the file is known to hold columns: its numbers are those of rows then, not of records.
    #[must_use]
    pub const fn has_rows(&self) -> bool {
        self.has_rows
    }

    /// The name of a file that is known to hold columns.
    pub(crate) fn with_rows(mut self, has_rows: bool) -> Self {
        self.has_rows = has_rows;
        self
    }

    /// What it holds.
    const fn noun(&self) -> &'static str {
        if self.has_rows { "row" } else { "record" }
    }
}

impl PartialEq for SourceName {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for SourceName {}

impl Hash for SourceName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}", path.display()),
            None => write!(f, "<memory>"),
        }
    }
}

/// What went wrong, with the file and the place in it. `kind()` groups errors for decisions, `code()` names them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes of a file are not what they should be.
    #[error("{name}{}", Numbers(.name.noun(), .records))]
    Format {
        /// The file.
        name: SourceName,
        /// The records that cannot be read because of it, where they are known.
        records: Option<Range<u64>>,
        /// What is wrong.
        #[source]
        source: FormatError,
    },
    /// The operating system, or a store, refused.
    #[error("cannot {action} {name}{}{}", AtPlace(.at), Numbers(.name.noun(), .records))]
    Io {
        /// The file.
        name: SourceName,
        /// What was tried: `open`, `read`, `write`, ...
        action: &'static str,
        /// Where in the file, if it was at one place.
        at: Option<At>,
        /// The records that cannot be read because of it, where they are known.
        records: Option<Range<u64>>,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// Options that do not fit together, all of them.
    #[error("invalid options")]
    Options(#[from] OptionsErrors),
    /// An option string that cannot be understood.
    #[error("invalid options")]
    OptionString(#[from] OptionsError),
    /// A record, or a row, that the file does not have.
    #[error("{} {index} is out of range: {name} has {len} {}s", .name.noun(), .name.noun())]
    OutOfRange {
        /// The file, or `<memory>` for a source of many files.
        name: SourceName,
        /// Its number.
        index: u64,
        /// How many there are.
        len: u64,
    },
    /// More bytes in one batch than the options allow.
    #[error(
        "batch of {name} decodes to more than {limit} bytes; raise max_batch_bytes or ask for fewer records"
    )]
    BatchTooLarge {
        /// The file.
        name: SourceName,
        /// The limit in bytes.
        limit: u64,
    },
    /// One record is too large for a chunk.
    #[error("record of {bytes} bytes cannot be written to {name}: at most {limit}")]
    RecordTooLarge {
        /// The file.
        name: SourceName,
        /// The record's size.
        bytes: u64,
        /// The largest size.
        limit: u64,
    },
    /// A field that is to be read cannot be found.
    #[error("cannot read field `{field}` of {name}: {problem}")]
    Field {
        /// The file.
        name: SourceName,
        /// The field, as it was given.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The writer failed before and has not sealed the file.
    #[error("writer of {name} failed before: the file is unfinished and cannot be continued")]
    WriterFailed {
        /// The file.
        name: SourceName,
    },
    /// Another writer is at work on the file.
    #[error("cannot append to {name}: another writer has it locked")]
    Locked {
        /// The file.
        name: SourceName,
    },
    /// Records follow a part of the file that cannot be read, so nothing can be appended without leaving that behind.
    #[error(
        "cannot append to {name}: it is damaged at bytes {}..{}; `windrow repair` writes what is whole to another file",
        .bytes.start, .bytes.end
    )]
    Damaged {
        /// The file.
        name: SourceName,
        /// The first part that cannot be read.
        bytes: Range<u64>,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// A table that cannot be written, or a part of a file that is not understood as columns.
    #[cfg(feature = "columns")]
    #[error("{}{name}{}", if rows.is_some() { "cannot read " } else { "table in " }, Numbers("row", .rows))]
    Column {
        /// The file.
        name: SourceName,
        /// The rows that cannot be read because of it, where they are known.
        rows: Option<Range<u64>>,
        /// What is wrong.
        #[source]
        source: Box<windrow_columnar::ColumnError>,
    },
    /// A file of columns whose schema is damaged wherever it stands.
    #[error(
        "{name} has lost its schema, without which nothing can be read of its row groups, the first at {at}; give the one that it \
         was written with: RecoverOptions::with_schema, windrow.recover(path, schema=...) in Python, \
         `windrow repair --schema-from FILE`"
    )]
    SchemaLost {
        /// The file.
        name: SourceName,
        /// Its first row group.
        at: At,
    },
    /// The schema that was given for a file of columns that has lost its own is not the one that it was written with.
    #[error(
        "the schema that was given is not that of {name}: its hash is {given:016x}, that of the row groups, the first at {at}, is \
         {expected:016x}; columns, types, what may be null, and metadata have to be those that were written: another file of \
         the same writer has them"
    )]
    OtherSchema {
        /// The file.
        name: SourceName,
        /// Its first row group.
        at: At,
        /// The hash that the row groups tell.
        expected: u64,
        /// The hash of what was given.
        given: u64,
    },
    /// A file of columns, where one of records is needed.
    #[error(
        "{name} holds columns, not records: open it with TableReader (windrow.TableReader in Python), write to it with TableWriter"
    )]
    HoldsColumns {
        /// The file.
        name: SourceName,
    },
    /// A file of records, where one of columns is needed.
    #[error("{name} holds records, not columns: open it with Reader, write to it with Writer")]
    HoldsRecords {
        /// The file.
        name: SourceName,
    },
    /// The writer belongs to the process that made it.
    #[error("writer of {name} was inherited by a forked process: only process {owner} may write")]
    WriterForked {
        /// The file.
        name: SourceName,
        /// The process that made the writer.
        owner: u32,
    },
    /// A file instruction, or a `path[a:b]`, that does not fit the file.
    #[error("instruction for {}s {start}..{end} does not fit {name}: it has {len} {}s", .name.noun(), .name.noun())]
    Instruction {
        /// The file.
        name: SourceName,
        /// First record, or row, asked for.
        start: u64,
        /// Behind the last one asked for.
        end: u64,
        /// How many there are.
        len: u64,
    },
    /// A path or a pattern that cannot be a source.
    #[error("{what}{}", Text(.text))]
    Source {
        /// What is wrong with it.
        what: &'static str,
        /// The path or pattern.
        text: String,
    },
}

/// Numbers of records or rows.
struct Numbers<'a>(&'static str, &'a Option<Range<u64>>);

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(noun, numbers) = self;
        match numbers {
            Some(range) if range.end == range.start + 1 => write!(f, ", {noun} {}", range.start),
            Some(range) => write!(f, ", {noun}s {}..{}", range.start, range.end),
            None => Ok(()),
        }
    }
}

struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.0)
    }
}

struct AtPlace<'a>(&'a Option<At>);

impl fmt::Display for AtPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |at| write!(f, " at {at}"))
    }
}

impl Error {
    pub(crate) fn format(
        name: &SourceName,
        records: Option<Range<u64>>,
        source: FormatError,
    ) -> Self {
        Self::Format {
            name: name.clone(),
            records,
            source,
        }
    }

    pub(crate) fn io(name: &SourceName, action: &'static str, source: io::Error) -> Self {
        Self::Io {
            name: name.clone(),
            action,
            at: None,
            records: None,
            source,
        }
    }

    /// The group this error belongs to.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Format { source, .. } | Self::Damaged { source, .. } => source.kind(),
            Self::SchemaLost { .. } => ErrorKind::Corrupt,
            #[cfg(feature = "columns")]
            Self::Column { source, .. } => source.kind(),
            Self::Io { .. } | Self::Locked { .. } => ErrorKind::Io,
            Self::BatchTooLarge { .. } | Self::RecordTooLarge { .. } => ErrorKind::Limit,
            _ => ErrorKind::Usage,
        }
    }

    /// A stable name, the same in every release and language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { source, .. } => source.code(),
            #[cfg(feature = "columns")]
            Self::Column { source, .. } => source.code(),
            Self::Io { .. } => "io",
            Self::Options(errors) => errors
                .as_slice()
                .first()
                .map_or("options", OptionsError::code),
            Self::OptionString(error) => error.code(),
            Self::OutOfRange { .. } => "out_of_range",
            Self::BatchTooLarge { .. } => "batch_too_large",
            Self::RecordTooLarge { .. } => "record_too_large",
            Self::Field { .. } => "field",
            Self::WriterFailed { .. } => "writer_failed",
            Self::Locked { .. } => "locked",
            Self::Damaged { .. } => "damaged",
            Self::SchemaLost { .. } => "schema_lost",
            Self::OtherSchema { .. } => "schema_differs",
            Self::HoldsColumns { .. } => "holds_columns",
            Self::HoldsRecords { .. } => "holds_records",
            Self::WriterForked { .. } => "writer_forked",
            Self::Instruction { .. } => "instruction",
            Self::Source { .. } => "source",
        }
    }

    /// The file, if the error is about one.
    #[must_use]
    pub fn name(&self) -> Option<&SourceName> {
        match self {
            #[cfg(feature = "columns")]
            Self::Column { name, .. } => Some(name),
            Self::Format { name, .. }
            | Self::Io { name, .. }
            | Self::OutOfRange { name, .. }
            | Self::BatchTooLarge { name, .. }
            | Self::RecordTooLarge { name, .. }
            | Self::Field { name, .. }
            | Self::WriterFailed { name }
            | Self::Locked { name }
            | Self::Damaged { name, .. }
            | Self::SchemaLost { name, .. }
            | Self::OtherSchema { name, .. }
            | Self::HoldsColumns { name }
            | Self::HoldsRecords { name }
            | Self::WriterForked { name, .. }
            | Self::Instruction { name, .. } => Some(name),
            Self::Options(_) | Self::OptionString(_) | Self::Source { .. } => None,
        }
    }

    /// Where in the file, if the error is about one place.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        match self {
            Self::Format { source, .. } | Self::Damaged { source, .. } => source.at(),
            #[cfg(feature = "columns")]
            Self::Column { source, .. } => source.at(),
            Self::SchemaLost { at, .. } | Self::OtherSchema { at, .. } => Some(*at),
            Self::Io { at, .. } => *at,
            _ => None,
        }
    }

    /// The records that cannot be read because of it, where they are known.
    #[must_use]
    pub fn records(&self) -> Option<Range<u64>> {
        match self {
            Self::Format { records, .. } | Self::Io { records, .. } => records.clone(),
            #[cfg(feature = "columns")]
            Self::Column { rows, .. } => rows.clone(),
            _ => None,
        }
    }
}
