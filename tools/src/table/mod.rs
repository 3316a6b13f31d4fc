//! Tables: files of columns, and what they are converted from and to.

mod append;
mod arrow;
mod caught;
mod csv;
mod dictionaries;
mod expression;
mod fault;
mod inspect;
mod json;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet;
mod rechunk;
mod schema;
mod show;
mod source;
mod statistics;
mod target;
mod text;
mod types;

use std::path::{Path, PathBuf};

use arrow_schema::{Schema, SchemaRef};
use clap::{Args, ValueEnum};
use windrow::columnar::schema_difference;
use windrow::{Codec, PageCodec, Profile, Reader, ReaderOptions, TableOptions};

pub use append::{Append, append};
use expression::Condition;
pub use fault::{TableFault, TableUsage};
pub use inspect::{Columns, take as survey};
pub use rechunk::rechunk;
pub use schema::with_schema_of;
pub use show::{RowLook, Show, ShowTableArgs, show};
use source::{Hints, Narrow, Source};
pub use statistics::statistics;
use target::Target;
use types::ColumnType;

use crate::convert::{self, Format, Header, OutputArgs, Poured};
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::options::WriterArgs;
use crate::progress::Progress;
use crate::reading::ReadArgs;

/// What a command that writes tables accepts.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Tables")]
pub struct TableArgs {
    /// Only these columns, in this order: a,b
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    select: Option<Vec<String>>,
    /// Only rows for which this is true, as in "dep_delay > 60 and carrier in ('UA', 'B6')"
    #[arg(long = "where", value_name = "CONDITION")]
    filter: Option<String>,
    /// What a file of columns is made for; default balanced
    #[arg(long, value_name = "PROFILE", value_enum)]
    profile: Option<ProfileArg>,
    /// Rows of a row group; default 65536, with --profile small 131072
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    group_rows: Option<u32>,
    /// Bytes of rows in memory at which a row group ends, as 64M; default 64M
    #[arg(long, value_name = "BYTES", value_parser = crate::options::parse_sample_bytes)]
    group_bytes: Option<usize>,
    /// Types of columns of CSV and JSON lines, as a=utf8,b=float64; the others are told by the first 4 MiB
    #[arg(long, value_name = "COLUMN=TYPE,...")]
    types: Vec<String>,
    /// What stands for null in CSV; may be given several times; default an empty field
    #[arg(long, value_name = "VALUE")]
    null: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProfileArg {
    /// Fastest to write and to read back
    Spill,
    /// Small, and single rows stay cheap
    Balanced,
    /// Smallest: compressed with zstd
    Small,
}

impl TableArgs {
    /// Refuses what only tables have.
    pub fn check_unused(&self) -> Result<(), TableUsage> {
        let Self {
            select,
            filter,
            profile,
            group_rows,
            group_bytes,
            types,
            null,
        } = self;
        let unused = select.is_none()
            && filter.is_none()
            && profile.is_none()
            && group_rows.is_none()
            && group_bytes.is_none()
            && types.is_empty()
            && null.is_empty();
        if unused {
            return Ok(());
        }
        Err(TableUsage::NotATable {
            options: "--select, --where, --profile, --group-rows, --group-bytes, --types and --null",
        })
    }

    fn narrow(&self) -> Result<Narrow, TableUsage> {
        Ok(Narrow {
            columns: self.select.clone(),
            condition: self.filter.as_deref().map(condition).transpose()?,
        })
    }

    fn column_types(&self) -> Result<Vec<ColumnType>, TableUsage> {
        let mut all = Vec::new();
        for text in &self.types {
            let types = types::parse(text);
            all.extend(types.map_err(|what| TableUsage::Types { what })?);
        }
        Ok(all)
    }

    /// Adds what was given to `options`.
    fn table_options(&self, mut options: TableOptions, codec: Option<PageCodec>) -> TableOptions {
        if let Some(profile) = self.profile {
            options = options.with_profile(match profile {
                ProfileArg::Spill => Profile::Spill,
                ProfileArg::Balanced => Profile::Balanced,
                ProfileArg::Small => Profile::Small,
            });
        }
        if let Some(rows) = self.group_rows {
            options = options.with_group_rows(rows as usize);
        }
        if let Some(bytes) = self.group_bytes {
            options = options.with_group_bytes(bytes as u64);
        }
        if let Some(codec) = codec {
            options = options.with_codec(codec);
        }
        options
    }
}

/// Reads the condition of `--where`.
fn condition(text: &str) -> Result<Condition, TableUsage> {
    Condition::new(text).map_err(TableUsage::Where)
}

/// The codec of columns that was given.
fn page_codec(writer: &WriterArgs) -> Result<Option<PageCodec>, TableUsage> {
    let Some(text) = writer.only_codec()? else {
        return Ok(None);
    };
    let refused = || TableUsage::Codec {
        text: text.to_owned(),
    };
    let (name, level) = text.split_once(':').unwrap_or((text, ""));
    let level = |default: i32| match level {
        "" => Ok(default),
        digits => digits.parse().map_err(|_| refused()),
    };
    let codec = match name {
        "lz4" if level(0)? == 0 => return Ok(Some(PageCodec::Lz4)),
        "snappy" if level(0)? == 0 => Codec::Snappy,
        "uncompressed" if level(0)? == 0 => Codec::Uncompressed,
        "zstd" => Codec::Zstd { level: level(3)? },
        "brotli" => Codec::Brotli {
            level: u32::try_from(level(6)?).map_err(|_| refused())?,
        },
        _ => return Err(refused()),
    };
    let in_range = match codec {
        Codec::Zstd { level } => (-131_072..=22).contains(&level),
        Codec::Brotli { level } => (0..=11).contains(&level),
        _ => true,
    };
    if in_range {
        Ok(Some(PageCodec::Buffer(codec)))
    } else {
        Err(refused())
    }
}

/// Whether the file at `path` holds columns. What is wrong with one that cannot be opened is told by whoever reads it.
pub fn holds_columns(path: &Path, options: ReaderOptions) -> bool {
    path.is_file() && Reader::open_with(path, options).is_ok_and(|reader| reader.has_columns())
}

/// Whether a conversion is one of tables: an input or the output can hold nothing else.
pub fn is_meant(inputs: &[PathBuf], formats: &[Format], to: Format, read: ReadArgs) -> bool {
    to.is_table()
        || formats.iter().any(|format| format.is_table())
        || inputs.iter().zip(formats).any(|(path, format)| {
            *format == Format::ArrayRecord && holds_columns(path, read.options())
        })
}

/// What is to be converted into what.
#[derive(Debug)]
pub struct Conversion<'a> {
    pub inputs: &'a [PathBuf],
    pub formats: &'a [Format],
    /// Where to write.
    pub output: &'a Path,
    /// How messages name it.
    pub shown: &'a Path,
    pub to: Format,
    pub header: Header,
    pub read: ReadArgs,
    /// Whether user metadata of files of columns go along.
    pub keep_metadata: bool,
    pub writer: &'a WriterArgs,
    pub table: &'a TableArgs,
    pub output_args: OutputArgs,
}

/// Opened inputs of one schema: pipes stay open, files are opened again when their turn comes.
pub(crate) struct Inputs<'a> {
    paths: &'a [PathBuf],
    formats: &'a [Format],
    header: Header,
    read: ReadArgs,
    nulls: &'a [String],
    types: Vec<ColumnType>,
    narrow: Narrow,
    held: Vec<Option<Source>>,
    /// The schema of the first, or of the table that grows.
    schema: Option<SchemaRef>,
    /// The same before columns are left out: what text is read as.
    expected: Option<SchemaRef>,
    /// User metadata of the files of columns among them.
    metadata: Vec<(String, Vec<u8>)>,
}

impl<'a> Inputs<'a> {
    pub(crate) fn open(
        paths: &'a [PathBuf],
        formats: &'a [Format],
        header: Header,
        table: &'a TableArgs,
        expected: Option<SchemaRef>,
        read: ReadArgs,
        keep_metadata: bool,
    ) -> Result<Self, CliError> {
        let mut inputs = Self {
            paths,
            formats,
            header,
            read,
            nulls: &table.null,
            types: table.column_types()?,
            narrow: table.narrow()?,
            held: Vec::new(),
            schema: expected.clone(),
            expected,
            metadata: Vec::new(),
        };
        for (path, format) in paths.iter().zip(formats) {
            let source = inputs.source(path, *format)?;
            match &inputs.schema {
                None => {
                    inputs.schema = Some(source.schema().clone());
                    if inputs.narrow.columns.is_none() {
                        inputs.expected = inputs.schema.clone();
                    }
                }
                Some(schema) => check_schema(path, schema, source.schema())?,
            }
            for (key, value) in source.user_metadata() {
                match inputs.metadata.iter().find(|(known, _)| known == key) {
                    None => inputs.metadata.push((key.clone(), value.clone())),
                    Some((_, known)) if known == value => {}
                    Some(_) if !keep_metadata => {}
                    Some(_) => {
                        return Err(CliError::MetadataDiffers {
                            path: path.clone(),
                            key: key.clone(),
                        });
                    }
                }
            }
            inputs.held.push((!source.can_reopen()).then_some(source));
        }
        Ok(inputs)
    }

    fn source(&self, path: &Path, format: Format) -> Result<Source, CliError> {
        let hints = Hints {
            header: self.header,
            nulls: self.nulls,
            types: &self.types,
            expected: self.expected.as_deref(),
        };
        Source::open(path, format, &hints, &self.narrow, self.read)
    }

    /// Moves all rows into `target`. `interrupted` is the error that a signal makes.
    pub(crate) fn pour(
        mut self,
        target: &mut Target,
        interrupted: impl Fn() -> CliError,
        progress: &Progress,
    ) -> Result<Poured, CliError> {
        let mut poured = Poured::default();
        let mut bytes_before = 0;
        let held = std::mem::take(&mut self.held);
        for ((path, format), held) in self.paths.iter().zip(self.formats).zip(held) {
            let mut source = match held {
                Some(source) => source,
                None => self.source(path, *format)?,
            };
            loop {
                if interrupt::requested() {
                    return Err(interrupted());
                }
                progress.set(bytes_before + source.bytes_done());
                // A pipe that Ctrl-C interrupts says so by an error.
                let batch = source.next().map_err(|error| {
                    if interrupt::requested() {
                        interrupted()
                    } else {
                        error
                    }
                })?;
                let Some(batch) = batch else {
                    break;
                };
                if batch.num_rows() == 0 {
                    continue;
                }
                if let Some(schema) = &self.schema {
                    check_schema(source.path(), schema, &batch.schema())?;
                }
                poured.decoded_bytes += batch.get_array_memory_size() as u64;
                target.write(&batch)?;
            }
            poured.skipped += source.tell();
            bytes_before += source.bytes_done();
        }
        if interrupt::requested() {
            return Err(interrupted());
        }
        Ok(poured)
    }

    pub(crate) fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }
}

/// Refuses rows that have other columns than those before.
fn check_schema(path: &Path, expected: &Schema, found: &Schema) -> Result<(), CliError> {
    match schema_difference(expected, found) {
        Some(what) => Err(CliError::TableInput {
            path: path.to_path_buf(),
            line: None,
            source: TableFault::SchemaDiffers { what },
        }),
        None => Ok(()),
    }
}

/// Converts tables.
pub fn convert(conversion: &Conversion<'_>) -> Result<Exit, CliError> {
    let Conversion {
        inputs,
        formats,
        output,
        shown,
        to,
        header,
        read,
        keep_metadata,
        table,
        output_args,
        ..
    } = *conversion;
    let codec = page_codec(conversion.writer)?;
    let opened = Inputs::open(inputs, formats, header, table, None, read, keep_metadata)?;
    let Some(schema) = opened.schema().cloned() else {
        return Err(TableUsage::NoTable { format: to }.into());
    };
    if output != Path::new("-") {
        interrupt::catch();
    }
    let mut options = table.table_options(TableOptions::new(), codec);
    if keep_metadata {
        for (key, value) in &opened.metadata {
            options = options.with_metadata(key, value.clone());
        }
    }
    let mut target = Target::create(output, to, &schema, options, codec)?;
    let progress = Progress::new(
        output_args.quiet,
        &output.display().to_string(),
        convert::total_bytes(inputs),
    );
    let interrupted = || CliError::Interrupted {
        path: output.to_path_buf(),
    };
    let poured = opened.pour(&mut target, interrupted, &progress)?;
    let written = target.finish()?;
    drop(progress);
    convert::report_rows(shown, inputs.len(), written, poured, output_args)
}
