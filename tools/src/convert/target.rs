//! Records into the output.

use std::path::{Path, PathBuf};

use windrow::{FileSink, Sink, Writer, WriterOptions};

use super::csv::RowWriter;
use super::fault::RecordFault;
use super::format::Format;
use super::header::{CSV_HEADER, CSV_LINE_END, Metadata};
use super::{lines, tfrecord};
use crate::error::CliError;
use crate::output::Stdout;

/// Bytes collected before they go to a file.
const BUFFER_BYTES: usize = 256 << 10;

/// The open output. A file gets its name in [`finish`](Self::finish); dropped before, it leaves nothing behind.
#[derive(Debug)]
pub enum Target {
    ArrayRecord(Box<Writer<FileSink>>),
    Stream {
        encoder: Encoder,
        buffer: Vec<u8>,
        out: Out,
        records: u64,
    },
}

/// How records look in a format that is written from front to back.
#[derive(Debug)]
pub enum Encoder {
    TfRecord,
    JsonLines,
    Lines,
    Csv(RowWriter),
}

#[derive(Debug)]
pub enum Out {
    Stdout(Stdout),
    File { sink: FileSink, path: PathBuf },
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    pub records: u64,
    /// Data chunks, of array_record files.
    pub chunks: Option<u64>,
    /// `None` for standard output.
    pub file_bytes: Option<u64>,
}

/// Why a record was not taken.
#[derive(Debug)]
pub enum Refused {
    Record(RecordFault),
    Other(CliError),
}

impl<E: Into<CliError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl Target {
    /// Opens the output; `-` is standard output. `options` are for array_record files.
    pub fn create(
        path: &Path,
        format: Format,
        options: WriterOptions,
        metadata: Metadata,
    ) -> Result<Self, CliError> {
        let encoder = match format {
            Format::ArrayRecord => {
                let options = metadata
                    .into_pairs()
                    .into_iter()
                    .fold(options, |options, (key, value)| {
                        options.with_metadata(key, value)
                    });
                let writer = Writer::create_file(path, options.with_atomic(true))?;
                return Ok(Self::ArrayRecord(Box::new(writer)));
            }
            Format::Columns | Format::Parquet | Format::Arrow | Format::ArrowStream => {
                let path = path.to_path_buf();
                return Err(CliError::HoldsTable { path, format });
            }
            Format::TfRecord => Encoder::TfRecord,
            Format::JsonLines => Encoder::JsonLines,
            Format::Lines => Encoder::Lines,
            Format::Csv => {
                Encoder::Csv(RowWriter::new(metadata.get(CSV_LINE_END) == Some(b"\r\n")))
            }
        };
        let out = Out::create(path)?;
        let mut target = Self::Stream {
            encoder,
            buffer: Vec::new(),
            out,
            records: 0,
        };
        target.write_header(&metadata)?;
        Ok(target)
    }

    fn write_header(&mut self, metadata: &Metadata) -> Result<(), CliError> {
        if let Self::Stream {
            encoder: Encoder::Csv(rows),
            buffer,
            ..
        } = self
            && let Some(header) = metadata.get(CSV_HEADER)
        {
            rows.encode(header, buffer)
                .map_err(|source| CliError::CsvHeader { source })?;
        }
        Ok(())
    }

    pub fn write(&mut self, record: &[u8]) -> Result<(), Refused> {
        match self {
            Self::ArrayRecord(writer) => writer.write(record)?,
            Self::Stream {
                encoder,
                buffer,
                out,
                records,
            } => {
                match encoder {
                    Encoder::TfRecord => {
                        tfrecord::encode(record, buffer);
                        Ok(())
                    }
                    Encoder::JsonLines => lines::encode_json(record, buffer),
                    Encoder::Lines => lines::encode(record, buffer),
                    Encoder::Csv(rows) => rows.encode(record, buffer),
                }
                .map_err(Refused::Record)?;
                *records += 1;
                if buffer.len() >= BUFFER_BYTES {
                    out.write(buffer)?;
                    buffer.clear();
                }
            }
        }
        Ok(())
    }

    /// Completes the output and gives it its name.
    pub fn finish(self) -> Result<Written, CliError> {
        self.complete(false)
    }

    /// The same, and makes an array_record file durable.
    pub fn finish_synced(self) -> Result<Written, CliError> {
        self.complete(true)
    }

    fn complete(self, synced: bool) -> Result<Written, CliError> {
        match self {
            Self::ArrayRecord(writer) => {
                let (_, summary) = if synced {
                    writer.finish_synced()?
                } else {
                    writer.finish()?
                };
                Ok(Written {
                    records: summary.records,
                    chunks: Some(summary.chunks),
                    file_bytes: Some(summary.file_bytes),
                })
            }
            Self::Stream {
                buffer,
                mut out,
                records,
                ..
            } => {
                out.write(&buffer)?;
                Ok(Written {
                    records,
                    chunks: None,
                    file_bytes: out.finish()?,
                })
            }
        }
    }
}

impl Out {
    /// Opens a file that gets its name at the end; `-` is standard output.
    pub fn create(path: &Path) -> Result<Self, CliError> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(Stdout::lock()));
        }
        Ok(Self::File {
            sink: FileSink::create(path, true).map_err(CliError::io("create", path))?,
            path: path.to_path_buf(),
        })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File { sink, path } => sink.write_all(bytes).map_err(CliError::io("write", path)),
        }
    }

    /// The size of the file, if it is one.
    pub fn finish(self) -> Result<Option<u64>, CliError> {
        match self {
            Self::Stdout(out) => out.finish().map(|()| None),
            Self::File { mut sink, path } => {
                sink.finish().map_err(CliError::io("finish", &path))?;
                let metadata = std::fs::metadata(&path).map_err(CliError::io("finish", &path))?;
                Ok(Some(metadata.len()))
            }
        }
    }
}
