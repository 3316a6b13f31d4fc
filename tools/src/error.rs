//! What can go wrong in a command, and the exit code that tells it.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use windrow::{DescriptorError, DictionaryError, ErrorKind, SourceName};

use crate::cat::MessageFault;
use crate::convert::{Disguise, Format, InputFault, RecordFault};
use crate::table::{TableFault, TableUsage};

/// The exit codes of every command. Scripts may rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Everything is as asked.
    Fine = 0,
    /// A file is damaged, cut short, or not of the format that was named.
    BadFile = 1,
    /// The command line, or the operating system.
    Trouble = 2,
    /// Ctrl-C, SIGTERM or SIGHUP; the number is the shell's for the first.
    Interrupted = 130,
}

impl Exit {
    /// Whether something is wrong with a file.
    pub fn bad_if(bad: bool) -> Self {
        if bad { Self::BadFile } else { Self::Fine }
    }
}

/// Why a command stopped. [`one_line`](Self::one_line) prints it with all its causes.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Library(windrow::Error),
    #[error(
        "{name} holds records, not a table; windrow convert --from array_record {name} OUT.jsonl writes them as lines of JSON, \
         which a table is made of"
    )]
    HoldsRecords { name: SourceName },
    #[error("cannot {action} {}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}, {}record {record} at byte {byte}", .path.display(), line_in_words(*.line))]
    Input {
        path: PathBuf,
        /// Zero-based position in that input.
        record: u64,
        /// The same as a line, counted from 1, where lines are records.
        line: Option<u64>,
        /// Where the record begins in that input.
        byte: u64,
        #[source]
        source: InputFault,
    },
    #[error("{}, {}record {record}", .path.display(), line_in_words(*.line))]
    Record {
        path: PathBuf,
        /// Zero-based position in that input.
        record: u64,
        /// The same as a line, counted from 1, where lines are records.
        line: Option<u64>,
        #[source]
        source: RecordFault,
    },
    #[error(
        "{}: looks like {}, not {}; {} | windrow convert --from {} - OUTPUT",
        .path.display(), .disguise.name(), .format.name(), .disguise.remedy(), .format.name()
    )]
    Disguised {
        path: PathBuf,
        /// What it should have been.
        format: Format,
        disguise: Disguise,
    },
    #[error("user metadata csv_header; --header skip leaves it out")]
    CsvHeader {
        #[source]
        source: RecordFault,
    },
    #[error("cannot write {}: it exists; --force replaces it", .path.display())]
    OutputExists { path: PathBuf },
    #[error("cannot write {}: it names a folder; give the name of a file", .path.display())]
    OutputFolder { path: PathBuf },
    #[error("cannot replace {}: nothing to convert: both are {}", .path.display(), .format.name())]
    SameFormat { path: PathBuf, format: Format },
    #[error("cannot write {}: it is not a regular file; use - for standard output", .path.display())]
    OutputSpecial { path: PathBuf },
    #[error("{}: the name tells no format; give {option} {}", .path.display(), Format::NAMES)]
    NoFormat { path: PathBuf, option: &'static str },
    #[error("-: an array_record file needs a name; only the other formats go through pipes")]
    NoStream,
    #[error("-: a dictionary needs a name: -o FILE")]
    DictionaryStream,
    #[error("--json does not go with output -: records and report would mix")]
    ReportOnOutput,
    #[error("-: standard input can be read only once")]
    StdinTwice,
    #[error(
        "{}: user metadata {key:?} is not the same as in the inputs before; --no-metadata leaves user metadata out",
        .path.display()
    )]
    MetadataDiffers { path: PathBuf, key: String },
    #[error("{}: records {range} do not fit: the file has {len}", .path.display())]
    Range {
        path: PathBuf,
        range: String,
        len: u64,
    },
    #[error(
        "invalid options: --codec {text}: expected zstd, brotli, snappy or uncompressed, with a level as in zstd:3 or brotli:6"
    )]
    Codec { text: String },
    #[error(
        "cannot open {}: --dictionary takes off, auto, a size such as 112K, or a file",
        .path.display()
    )]
    OpenDictionary {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}: cannot write with it", .path.display())]
    DictionaryFile {
        path: PathBuf,
        #[source]
        source: DictionaryError,
    },
    #[error("{}: this array_record file has no dictionary", .path.display())]
    NoDictionary { path: PathBuf },
    #[error(
        "nothing to train on: {records} records of {record_bytes} bytes in all are too few, or share nothing"
    )]
    NothingToTrain { records: u64, record_bytes: u64 },
    #[error("{}: no bytes to try with", .path.display())]
    NothingToTry { path: PathBuf },
    #[error("-: a picture needs a name: --plot FILE")]
    PlotStream,
    #[error("interrupted")]
    Stopped,
    #[error("interrupted: nothing was written to {}", .path.display())]
    Interrupted { path: PathBuf },
    #[error("interrupted: nothing was appended to {}", .path.display())]
    AppendInterrupted { path: PathBuf },
    #[error("{}: the name tells {}; append makes array_record files", .path.display(), .format.name())]
    AppendFormat { path: PathBuf, format: Format },
    #[error("cannot append {} to {}: both are the same file", .input.display(), .path.display())]
    AppendToItself { input: PathBuf, path: PathBuf },
    #[error(
        "cannot append to {}: its user metadata {key:?} is not that of the inputs; --no-metadata leaves theirs out",
        .path.display()
    )]
    AppendMetadata { path: PathBuf, key: String },
    #[error("cannot write {}: it is the file to repair; give another name", .path.display())]
    RepairInPlace { path: PathBuf },
    #[error("{} holds columns, whose chunks are copied as they are: options of the writer do not apply", .path.display())]
    RepairOptions { path: PathBuf },
    #[error("{}: nothing to recover: no whole record in {file_bytes} bytes", .path.display())]
    NothingToRecover {
        path: PathBuf,
        file_bytes: u64,
        #[source]
        source: Option<windrow::FormatError>,
    },
    #[error("{}, record {record}", .path.display())]
    Message {
        path: PathBuf,
        /// Zero-based position in the file.
        record: u64,
        #[source]
        source: MessageFault,
    },
    #[error(
        "{}: cannot tell what messages its records are; give it with --descriptor FILE --message NAME",
        .path.display()
    )]
    NoMessageType {
        path: PathBuf,
        #[source]
        source: DescriptorError,
    },
    #[error(
        "{}: not a set of message descriptors, as protoc --include_imports --descriptor_set_out=FILE writes it",
        .path.display()
    )]
    DescriptorFile {
        path: PathBuf,
        #[source]
        source: DescriptorError,
    },
    #[error("{}: holds no descriptor of a message `{message}`", .path.display())]
    NoMessage { path: PathBuf, message: String },
    #[error("{}{}", .path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    TableInput {
        path: PathBuf,
        /// Counted from 1, where it is known.
        line: Option<u64>,
        #[source]
        source: TableFault,
    },
    #[error("cannot write {}", .path.display())]
    TableOutput {
        path: PathBuf,
        #[source]
        source: TableFault,
    },
    #[error("{}", .path.display())]
    Table {
        path: PathBuf,
        #[source]
        source: TableUsage,
    },
    #[error(transparent)]
    TableUsage(#[from] TableUsage),
    #[error("{}", .path.display())]
    Columns {
        path: PathBuf,
        #[source]
        source: Box<windrow::ColumnError>,
    },
    #[error(
        "{}: {} holds a table, not records; windrow convert {} OUT.jsonl writes its rows as lines of JSON",
        .path.display(), .format.name(), .path.display()
    )]
    HoldsTable { path: PathBuf, format: Format },
    #[error("{} holds a table, and windrow {command} is about records: {instead}", .path.display())]
    NotOfTables {
        path: PathBuf,
        command: &'static str,
        instead: &'static str,
    },
    #[error("cannot write standard output")]
    Stdout(#[source] io::Error),
}

impl From<windrow::Error> for CliError {
    fn from(error: windrow::Error) -> Self {
        match error {
            // The library tells what to call.
            windrow::Error::HoldsRecords { name } => Self::HoldsRecords { name },
            error => Self::Library(error),
        }
    }
}

impl CliError {
    /// What a command that is only about records says of a table.
    pub fn of_records_only(self, command: &'static str, instead: &'static str) -> Self {
        match self {
            Self::HoldsTable { path, .. } => Self::NotOfTables {
                path,
                command,
                instead,
            },
            other => other,
        }
    }

    /// An operating system error about `path`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether whoever read our output has had enough of it, which is no error.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stdout(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code that a command which stopped so ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Library(error) => match error.kind() {
                ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Unsupported
                    if error.name().is_some() =>
                {
                    Exit::BadFile
                }
                _ => Exit::Trouble,
            },
            Self::Input { .. }
            | Self::TableInput { .. }
            | Self::TableOutput {
                source: TableFault::NoText { .. },
                ..
            }
            | Self::Disguised { .. }
            | Self::Message { .. }
            | Self::NothingToRecover { .. }
            | Self::NothingToTrain { .. }
            | Self::NothingToTry { .. } => Exit::BadFile,
            Self::Interrupted { .. } | Self::AppendInterrupted { .. } | Self::Stopped => {
                Exit::Interrupted
            }
            _ if self.is_broken_pipe() => Exit::Fine,
            _ => Exit::Trouble,
        }
    }

    /// The message and its causes, joined by `: `, on one line whatever is in a path or a record.
    pub fn one_line(&self) -> String {
        printable(&(chain(self) + &self.remedy()))
    }

    /// What to do about a file whose index cannot be used. Errors of single chunks tell records.
    fn remedy(&self) -> String {
        match self {
            Self::Library(
                error @ windrow::Error::Format {
                    name,
                    records: None,
                    ..
                },
            ) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated)
                && error.code() != "not_array_record"
                && name.as_path().is_some() =>
            {
                format!("; windrow repair {name} -o OUT writes what is whole to another file")
            }
            _ => String::new(),
        }
    }

    /// A stable name, for `--json`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Library(error) => error.code(),
            Self::HoldsRecords { .. } => "holds_records",
            Self::Io { .. } | Self::OpenDictionary { .. } | Self::Stdout(_) => "io",
            Self::Input { source, .. } => source.code(),
            Self::TableInput { source, .. } | Self::TableOutput { source, .. } => source.code(),
            Self::Columns { source, .. } => source.code(),
            Self::Disguised { .. } => "disguised",
            Self::Interrupted { .. } | Self::AppendInterrupted { .. } | Self::Stopped => {
                "interrupted"
            }
            Self::Message { .. } => "message",
            Self::NothingToRecover { .. } => "nothing_to_recover",
            Self::NothingToTrain { .. } => "nothing_to_train",
            Self::NothingToTry { .. } => "nothing_to_try",
            _ => "usage",
        }
    }
}

/// In front of the record, if there is a line to name.
fn line_in_words(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}, "))
}

/// The message of `error` and those of its causes, joined by `: `.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing into a string cannot fail.
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line
}

/// `text` with its control characters escaped, so that it can neither break a line nor steer a terminal.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_debug());
        } else {
            out.push(c);
        }
    }
    out
}
