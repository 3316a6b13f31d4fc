//! Rows of an Arrow file or stream.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::caught::caught;
use super::fault::{TableFault, TableUsage};
use super::source::{Failure, share};
use crate::convert::Input;
use crate::error::CliError;

/// Reads an Arrow file or stream as record batches.
pub enum ArrowBatches {
    File {
        reader: FileReader<BufReader<File>>,
        file_bytes: u64,
        batches_done: u64,
    },
    Stream(StreamReader<Input>),
}

impl ArrowBatches {
    /// Opens a file or a stream, as its first bytes tell.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let mut input = Input::open(path).map_err(|error| match error {
            CliError::Io { source, .. } => Failure::Io(source),
            other => Failure::Io(io::Error::other(other.one_line())),
        })?;
        let is_file = input.peek(|head| head.len() < 6)?.starts_with(b"ARROW1");
        if !is_file {
            let reader = checked(|| StreamReader::try_new(input, None))?;
            return Ok(Self::Stream(reader));
        }
        if !input.can_reopen() {
            return Err(TableUsage::ArrowFilePipe.into());
        }
        let file = File::open(path)?;
        Ok(Self::File {
            file_bytes: file.metadata()?.len(),
            reader: checked(|| FileReader::try_new(BufReader::new(file), None))?,
            batches_done: 0,
        })
    }

    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::File { reader, .. } => reader.schema(),
            Self::Stream(reader) => reader.schema(),
        }
    }

    /// Bytes that were used up, of a file an estimate.
    pub fn bytes_done(&self) -> u64 {
        match self {
            Self::File {
                reader,
                file_bytes,
                batches_done,
            } => share(*file_bytes, *batches_done, reader.num_batches() as u64),
            Self::Stream(reader) => reader.get_ref().taken(),
        }
    }

    pub fn next(&mut self) -> Result<Option<RecordBatch>, Failure> {
        match self {
            Self::File {
                reader,
                batches_done,
                ..
            } => {
                *batches_done += 1;
                checked(|| reader.next().transpose())
            }
            Self::Stream(reader) => checked(|| reader.next().transpose()),
        }
    }
}

/// What `read` returns; a panic is an error of the file.
fn checked<T>(read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, Failure> {
    let format = "Arrow";
    let fault = match caught(read) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(ArrowError::IoError(_, error))) if is_of_system(&error) => {
            return Err(Failure::Io(error));
        }
        Ok(Err(error)) => TableFault::Unreadable {
            format,
            what: error.to_string(),
        },
        Err(what) => TableFault::Damaged { format, what },
    };
    Err(fault.into())
}

/// Not so are those of codecs, of a file that ends too early, and of an offset in it that cannot be one.
fn is_of_system(error: &io::Error) -> bool {
    error.raw_os_error().is_some() && error.kind() != io::ErrorKind::InvalidInput
}
