//! Record batches into the output.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_json::WriterBuilder;
use arrow_json::writer::LineDelimited;
use arrow_schema::{ArrowError, SchemaRef};
use windrow::{FileSink, PageCodec, TableOptions, TableWriter};

use super::caught::written;
use super::csv;
use super::dictionaries::{converted, plain, with_dictionaries, without_dictionaries};
use super::fault::{TableFault, TableUsage};
use super::text::check_times;
use crate::convert::{Format, Out, Written};
use crate::error::CliError;

/// Bytes collected before they go to a file.
const BUFFER_BYTES: usize = 256 << 10;
/// Bytes of a row group of Parquet in memory at which it ends.
#[cfg(feature = "parquet")]
const PARQUET_GROUP_BYTES: usize = 128 << 20;

/// The open output. A file gets its name in [`finish`](Self::finish); dropped before, it leaves nothing behind.
pub struct Target {
    path: PathBuf,
    kind: Kind,
    rows: u64,
}

enum Kind {
    Columns(Box<TableWriter<FileSink>>),
    Csv(Out, Vec<u8>),
    Json(Out, Vec<u8>),
    Arrow {
        writer: Box<FileWriter<Spool>>,
        schema: SchemaRef,
        out: Out,
        spool: Spool,
    },
    Stream {
        writer: Box<StreamWriter<Spool>>,
        out: Out,
        spool: Spool,
    },
    #[cfg(feature = "parquet")]
    Parquet {
        writer: Box<parquet::arrow::ArrowWriter<Spool>>,
        schema: SchemaRef,
        out: Out,
        spool: Spool,
    },
}

/// What a writer wrote, until it goes out.
#[derive(Debug, Clone, Default)]
struct Spool(Arc<Mutex<Vec<u8>>>);

impl Spool {
    fn drain(&self, out: &mut Out, least: usize) -> Result<(), CliError> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() >= least.max(1) {
            out.write(&bytes)?;
            bytes.clear();
        }
        Ok(())
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Target {
    /// Opens the output; `-` is standard output. `options` are those of a file of columns, `codec` of other files.
    pub fn create(
        path: &Path,
        format: Format,
        schema: &SchemaRef,
        options: TableOptions,
        codec: Option<PageCodec>,
    ) -> Result<Self, CliError> {
        let wrong = |error| output_error(path, error);
        let kind = match format {
            Format::ArrayRecord | Format::Columns => {
                let options = options.with_atomic(true);
                let writer = TableWriter::create_file(path, Arc::clone(schema), options)?;
                Kind::Columns(Box::new(writer))
            }
            Format::Csv => {
                csv::check_flat(schema)?;
                let mut header = Vec::new();
                csv::push_header(schema, &mut header);
                Kind::Csv(Out::create(path)?, header)
            }
            Format::JsonLines => Kind::Json(Out::create(path)?, Vec::new()),
            Format::Arrow => {
                let schema = with_dictionaries(schema, plain);
                let (spool, options) = (Spool::default(), ipc_options(codec).map_err(wrong)?);
                let writer = FileWriter::try_new_with_options(spool.clone(), &schema, options);
                Kind::Arrow {
                    writer: Box::new(writer.map_err(wrong)?),
                    schema,
                    out: Out::create(path)?,
                    spool,
                }
            }
            Format::ArrowStream => {
                let (spool, options) = (Spool::default(), ipc_options(codec).map_err(wrong)?);
                let writer = StreamWriter::try_new_with_options(spool.clone(), schema, options);
                Kind::Stream {
                    writer: Box::new(writer.map_err(wrong)?),
                    out: Out::create(path)?,
                    spool,
                }
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => parquet(path, schema, codec)?,
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(TableUsage::NoParquet.into()),
            Format::TfRecord | Format::Lines => {
                return Err(TableUsage::NoTable { format }.into());
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            kind,
            rows: 0,
        })
    }

    /// Rows of a file of columns that grows.
    pub fn of_writer(path: &Path, writer: TableWriter<FileSink>) -> Self {
        Self {
            path: path.to_path_buf(),
            rows: writer.rows(),
            kind: Kind::Columns(Box::new(writer)),
        }
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        let wrong = |fault| output_error(&self.path, fault);
        let first = self.rows;
        self.rows += batch.num_rows() as u64;
        match &mut self.kind {
            Kind::Columns(writer) => writer.write(batch)?,
            Kind::Csv(out, buffer) => {
                csv::push_rows(batch, first, buffer).map_err(wrong)?;
                spill(out, buffer)?;
            }
            Kind::Json(out, buffer) => {
                push_json(batch, first, buffer).map_err(wrong)?;
                spill(out, buffer)?;
            }
            Kind::Arrow {
                writer,
                schema,
                out,
                spool,
            } => {
                written(|| writer.write(&converted(batch, schema)?)).map_err(wrong)?;
                spool.drain(out, BUFFER_BYTES)?;
            }
            Kind::Stream { writer, out, spool } => {
                written(|| writer.write(batch)).map_err(wrong)?;
                spool.drain(out, 1)?;
            }
            #[cfg(feature = "parquet")]
            Kind::Parquet {
                writer,
                schema,
                out,
                spool,
            } => {
                let write = || {
                    writer.write(&converted(batch, schema)?)?;
                    if writer.in_progress_size() >= PARQUET_GROUP_BYTES {
                        writer.flush()?;
                    }
                    Ok(())
                };
                written(write).map_err(wrong)?;
                spool.drain(out, BUFFER_BYTES)?;
            }
        }
        Ok(())
    }

    /// Completes the output and gives it its name.
    pub fn finish(self) -> Result<Written, CliError> {
        self.complete(false)
    }

    /// The same, and makes a file of columns durable.
    pub fn finish_synced(self) -> Result<Written, CliError> {
        self.complete(true)
    }

    fn complete(self, synced: bool) -> Result<Written, CliError> {
        let wrong = |fault| output_error(&self.path, fault);
        let out = match self.kind {
            Kind::Columns(writer) => {
                let (_, summary) = if synced {
                    writer.finish_synced()?
                } else {
                    writer.finish()?
                };
                return Ok(Written {
                    records: summary.records,
                    chunks: Some(summary.chunks),
                    file_bytes: Some(summary.file_bytes),
                });
            }
            Kind::Csv(mut out, buffer) | Kind::Json(mut out, buffer) => {
                out.write(&buffer)?;
                out
            }
            Kind::Arrow {
                mut writer,
                mut out,
                spool,
                ..
            } => {
                written(|| writer.finish()).map_err(wrong)?;
                spool.drain(&mut out, 1)?;
                out
            }
            Kind::Stream {
                mut writer,
                mut out,
                spool,
            } => {
                written(|| writer.finish()).map_err(wrong)?;
                spool.drain(&mut out, 1)?;
                out
            }
            #[cfg(feature = "parquet")]
            Kind::Parquet {
                writer,
                mut out,
                spool,
                ..
            } => {
                written(|| Ok(writer.close()?)).map_err(wrong)?;
                spool.drain(&mut out, 1)?;
                out
            }
        };
        Ok(Written {
            records: self.rows,
            chunks: None,
            file_bytes: out.finish()?,
        })
    }
}

fn spill(out: &mut Out, buffer: &mut Vec<u8>) -> Result<(), CliError> {
    if buffer.len() >= BUFFER_BYTES {
        out.write(buffer)?;
        buffer.clear();
    }
    Ok(())
}

fn output_error(path: &Path, fault: impl Into<TableFault>) -> CliError {
    CliError::TableOutput {
        path: path.to_path_buf(),
        source: fault.into(),
    }
}

/// Appends rows as JSON lines, of which `first` were before them; nulls are told.
pub fn push_json(batch: &RecordBatch, first: u64, out: &mut Vec<u8>) -> Result<(), TableFault> {
    check_times(batch, first)?;
    // The writer takes a code of a value that is null for one of a value.
    let schema = without_dictionaries(batch.schema_ref());
    let batch = converted(batch, &schema)?;
    let builder = WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(out);
    written(|| {
        writer.write(&batch)?;
        writer.finish()
    })
}

fn ipc_options(codec: Option<PageCodec>) -> Result<IpcWriteOptions, ArrowError> {
    let compression = match codec {
        None => None,
        Some(PageCodec::Lz4) => Some(CompressionType::LZ4_FRAME),
        Some(PageCodec::Buffer(windrow::Codec::Zstd { .. })) => Some(CompressionType::ZSTD),
        Some(PageCodec::Buffer(windrow::Codec::Uncompressed)) => None,
        Some(_) => {
            return Err(ArrowError::InvalidArgumentError(
                "Arrow takes the codecs zstd, lz4 and uncompressed".to_owned(),
            ));
        }
    };
    IpcWriteOptions::default().try_with_compression(compression)
}

#[cfg(feature = "parquet")]
fn parquet(path: &Path, schema: &SchemaRef, codec: Option<PageCodec>) -> Result<Kind, CliError> {
    use super::dictionaries::of_parquet;
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;
    let compression = match codec {
        None => Compression::ZSTD(ZstdLevel::default()),
        Some(PageCodec::Lz4) => Compression::LZ4_RAW,
        Some(PageCodec::Buffer(windrow::Codec::Zstd { level })) => {
            Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default())
        }
        Some(PageCodec::Buffer(windrow::Codec::Snappy)) => Compression::SNAPPY,
        Some(PageCodec::Buffer(windrow::Codec::Uncompressed)) => Compression::UNCOMPRESSED,
        Some(_) => return Err(TableUsage::ParquetCodec.into()),
    };
    let properties = WriterProperties::builder().set_compression(compression);
    let schema = with_dictionaries(schema, of_parquet);
    let spool = Spool::default();
    let writer = ArrowWriter::try_new(spool.clone(), schema.clone(), Some(properties.build()));
    let writer = writer.map_err(|error| output_error(path, ArrowError::from(error)))?;
    Ok(Kind::Parquet {
        writer: Box::new(writer),
        schema,
        out: Out::create(path)?,
        spool,
    })
}
