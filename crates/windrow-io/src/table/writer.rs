//! Writing tables.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use windrow_columnar::{
    ColumnError, ColumnSchema, EncodeOptions, EncodedGroup, EncodedNode, GroupNode,
    GroupStatistics, RowGroup, memory_bytes, schema_difference,
};
use windrow_format::At;

use super::column_error;
use super::options::TableOptions;
use crate::batch::lock;
use crate::column_file::{ColumnFile, ColumnFileOptions, ColumnFileWriter};
use crate::error::{Result, SourceName};
use crate::pool::{self, Pipeline};
use crate::scratch::with_compressor;
use crate::sink::{FileSink, Sink};
use crate::store::Store;
use crate::writer::Summary;

/// Writes record batches, in order, to a file of columns.
///
/// Rows are collected, over all batches, until a row group is full, by its rows or by its bytes. A full group is encoded on
/// the worker pool, its columns side by side, while the next one fills. Memory: for each job at most twice what the rows
/// of its row group take, as columns and as encoded, and 4 MB to look for symbols of texts; the group that fills is one of
/// the jobs. Batches that were given stay until the last of their rows is written.
///
/// **The file is complete only after [`finish`](Self::finish).** A writer that is dropped before leaves a file without
/// footer; [`recover`](crate::recover) reads the row groups that are there, and [`append`](Self::append) goes on with it.
#[derive(Debug)]
#[must_use = "a file is complete only after `finish`"]
pub struct TableWriter<S: Sink> {
    file: ColumnFileWriter<S>,
    schema: ColumnSchema,
    encode: EncodeOptions,
    group_rows: usize,
    group_bytes: u64,
    /// Rows of the open group, as parts of what was given.
    open: Vec<RecordBatch>,
    open_rows: usize,
    open_bytes: u64,
    jobs: Pipeline<Encoded>,
    max_jobs: usize,
    statistics: Vec<GroupStatistics>,
    rows: u64,
}

type Encoded = std::result::Result<Vec<(EncodedGroup, Vec<u8>)>, ColumnError>;

impl TableWriter<FileSink> {
    /// Creates the file at `path`, or empties it. With [`TableOptions::with_atomic`], whatever is at `path` stays until the
    /// new file is complete.
    ///
    /// # Errors
    /// [`Error::Column`](crate::Error::Column) for a schema that a file cannot hold, [`Error::Options`](crate::Error::Options), [`Error::Io`](crate::Error::Io).
    pub fn create_file(
        path: impl AsRef<Path>,
        schema: SchemaRef,
        options: TableOptions,
    ) -> Result<Self> {
        let path = path.as_ref();
        let schema = column_schema(&SourceName::path(path), schema)?;
        let file = ColumnFileWriter::create_file(path, file_options(&schema, &options))?;
        Self::new(file, schema, &options, Vec::new())
    }

    /// Goes on with the file at `path`, which has the same schema; makes it if there is none. The file keeps its old
    /// contents for everybody else until [`finish`](Self::finish). Row groups that are there stay as they are: new rows
    /// begin a new one.
    ///
    /// # Errors
    /// [`Error::Column`](crate::Error::Column) if the schema is another; [`Error::HoldsRecords`](crate::Error::HoldsRecords); those of
    /// [`Writer::append`](crate::Writer::append). In each case the file is as it was.
    pub fn append(
        path: impl AsRef<Path>,
        schema: SchemaRef,
        options: TableOptions,
    ) -> Result<Self> {
        let path = path.as_ref();
        let name = SourceName::path(path);
        let schema = column_schema(&name, schema)?;
        let going = Mutex::new(None);
        let file = ColumnFileWriter::append(path, options.copy(), |file| {
            let (found, told) = Going::on(&name, file, &schema, &options)?;
            *going.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
            Ok(told)
        })?;
        let going = going.into_inner().unwrap_or_else(PoisonError::into_inner);
        Self::go_on(file, going, schema, options)
    }
}

impl<S: Sink> TableWriter<S> {
    /// Begins a file in `sink`, which is at its beginning.
    ///
    /// # Errors
    /// Those of [`create_file`](TableWriter::create_file).
    pub fn create(sink: S, schema: SchemaRef, options: TableOptions) -> Result<Self> {
        let schema = column_schema(&sink.name(), schema)?;
        let file = ColumnFileWriter::create(sink, file_options(&schema, &options))?;
        Self::new(file, schema, &options, Vec::new())
    }

    /// Goes on with the table in `store`; `name` stands for it in messages. `make` is told how many of its bytes stay, and
    /// gives a sink that stands behind them; nothing is changed before. See [`append`](TableWriter::append) and
    /// [`Writer::resume`](crate::Writer::resume).
    ///
    /// # Errors
    /// Those of [`append`](TableWriter::append).
    pub fn resume(
        store: impl Store + 'static,
        name: SourceName,
        schema: SchemaRef,
        options: TableOptions,
        make: impl FnOnce(u64) -> io::Result<S>,
    ) -> Result<Self> {
        let schema = column_schema(&name, schema)?;
        let mut going = None;
        let decide = |file: &ColumnFile| {
            let (found, told) = Going::on(&name, file, &schema, &options)?;
            going = Some(found);
            Ok(told)
        };
        let file = ColumnFileWriter::resume(store, name.clone(), options.copy(), decide, make)?;
        Self::go_on(file, going, schema, options)
    }

    /// `going` is what was decided, if anybody was asked.
    fn go_on(
        file: ColumnFileWriter<S>,
        going: Option<Going>,
        schema: ColumnSchema,
        options: TableOptions,
    ) -> Result<Self> {
        let going = going.unwrap_or(Going {
            schema,
            options,
            statistics: Vec::new(),
        });
        Self::new(file, going.schema, &going.options, going.statistics)
    }

    fn new(
        file: ColumnFileWriter<S>,
        schema: ColumnSchema,
        options: &TableOptions,
        statistics: Vec<GroupStatistics>,
    ) -> Result<Self> {
        Ok(Self {
            rows: file.rows(),
            file,
            schema,
            encode: options.encode_options(),
            group_rows: options.group_rows(),
            group_bytes: options.group_bytes(),
            open: Vec::new(),
            open_rows: 0,
            open_bytes: 0,
            jobs: Pipeline::new(),
            max_jobs: pool::threads(options.writer().max_parallelism()),
            statistics,
        })
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// [`Error::Column`](crate::Error::Column) if its columns are not those of the table, which leaves the writer as it was; [`Error::Io`](crate::Error::Io) and
    /// [`Error::Column`](crate::Error::Column) if an earlier row group could not be written; [`Error::WriterForked`](crate::Error::WriterForked); [`Error::WriterFailed`](crate::Error::WriterFailed)
    /// after any other error.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.file.check_usable()?;
        check_schema(self.file.name(), self.schema.arrow(), &batch.schema())?;
        self.schema
            .check_nulls(batch)
            .map_err(|source| column_error(self.file.name(), None, source))?;
        let mut rest = batch.clone();
        while rest.num_rows() > 0 {
            let bytes = memory_bytes(&rest) as u64;
            let rows = self.room(&rest, bytes);
            let part = rest.slice(0, rows);
            rest = rest.slice(rows, rest.num_rows() - rows);
            self.open_bytes += bytes * rows as u64 / (rows + rest.num_rows()) as u64;
            self.open_rows += rows;
            self.rows += rows as u64;
            self.open.push(part);
            if self.open_rows >= self.group_rows || self.open_bytes >= self.group_bytes {
                self.close_group()?;
            }
        }
        Ok(())
    }

    /// How many of the rows, which take `bytes`, the open group takes: one at least.
    fn room(&self, rows: &RecordBatch, bytes: u64) -> usize {
        let len = rows.num_rows();
        let each = (bytes / len as u64).max(1);
        let by_bytes = self
            .group_bytes
            .saturating_sub(self.open_bytes)
            .div_ceil(each);
        let by_bytes = usize::try_from(by_bytes).unwrap_or(usize::MAX);
        len.min(self.group_rows - self.open_rows)
            .min(by_bytes)
            .max(1)
    }

    /// Ends the open row group, if it has rows, and hands every row so far to the sink: they survive the end of this
    /// process. Many short groups make a large file.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub fn flush(&mut self) -> Result<()> {
        self.write_all()?;
        self.file.flush()
    }

    /// The same, and makes them durable.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush); [`std::io::ErrorKind::Unsupported`] of sinks that cannot promise it.
    pub fn sync(&mut self) -> Result<()> {
        self.write_all()?;
        self.file.sync()
    }

    /// Completes the file: the last row group, footer, statistics, postscript.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); the file is then unfinished.
    pub fn finish(self) -> Result<(S, Summary)> {
        self.complete()?.finish()
    }

    /// Completes the file and makes it durable. See [`Writer::finish_synced`](crate::Writer::finish_synced).
    ///
    /// # Errors
    /// Those of [`finish`](Self::finish).
    pub fn finish_synced(self) -> Result<(S, Summary)> {
        self.complete()?.finish_synced()
    }

    fn complete(mut self) -> Result<ColumnFileWriter<S>> {
        self.write_all()?;
        let mut contents = Vec::new();
        for group in &self.statistics {
            group.encode(&mut contents);
        }
        if !contents.is_empty() {
            self.file.set_statistics(contents);
        }
        Ok(self.file)
    }

    /// The schema of the table.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        self.schema.arrow()
    }

    /// Rows written so far, those of the file before an append among them.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the file so far; row groups that are still being encoded are not among them.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file.file_bytes()
    }

    /// The file's name in messages.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        self.file.name()
    }

    /// Whether an earlier call failed: every later one will, too.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.file.has_failed()
    }

    fn close_group(&mut self) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.open);
        self.open_rows = 0;
        self.open_bytes = 0;
        let (schema, encode, threads) = (self.schema.clone(), self.encode.clone(), self.max_jobs);
        self.jobs.push(self.max_jobs > 1, move || {
            let mut groups = Vec::new();
            encode_groups(&schema, batches, &encode, threads, &mut groups)?;
            Ok(groups)
        });
        self.drain(self.max_jobs - 1)
    }

    fn write_all(&mut self) -> Result<()> {
        self.file.check_usable()?;
        self.close_group()?;
        self.drain(0)
    }

    /// Lays finished row groups into the file, in order, and waits until no more than `most` are in the making.
    fn drain(&mut self, most: usize) -> Result<()> {
        while self.jobs.len() > most || self.jobs.is_ready() {
            let Some(encoded) = self.jobs.pop() else {
                break;
            };
            let groups = encoded.map_err(|source| {
                self.file.fail();
                column_error(self.file.name(), None, source)
            })?;
            for (group, chunk) in groups {
                self.file.push(&group.header, &chunk)?;
                self.statistics.push(GroupStatistics {
                    data_hash: group.header.data_hash,
                    nodes: group.statistics,
                });
            }
        }
        Ok(())
    }
}

/// Encodes the rows of one group, or of several where their dictionaries do not fit into one.
fn encode_groups(
    schema: &ColumnSchema,
    mut batches: Vec<RecordBatch>,
    options: &EncodeOptions,
    threads: usize,
    out: &mut Vec<(EncodedGroup, Vec<u8>)>,
) -> std::result::Result<(), ColumnError> {
    if batches.len() > 1 && !RowGroup::fits(schema, &batches) {
        let second = batches.split_off(batches.len() / 2);
        encode_groups(schema, batches, options, threads, out)?;
        return encode_groups(schema, second, options, threads, out);
    }
    out.push(encode_group(schema, batches, options, threads)?);
    Ok(())
}

/// Encodes the rows of one group, its columns on as many threads as have the time.
fn encode_group(
    schema: &ColumnSchema,
    batches: Vec<RecordBatch>,
    options: &EncodeOptions,
    threads: usize,
) -> std::result::Result<(EncodedGroup, Vec<u8>), ColumnError> {
    let mut group = RowGroup::new(schema, batches)?;
    let nodes = group.take_nodes();
    let count = nodes.len();
    let work = Arc::new(NodeWork {
        group,
        options: options.clone(),
        left: Mutex::new(nodes.into_iter()),
        done: Mutex::new((0..count).map(|_| None).collect()),
    });
    let shared = Arc::clone(&work);
    pool::share(threads.min(count), move || shared.run());
    let done = std::mem::take(&mut *lock(&work.done));
    let nodes = done
        .into_iter()
        .flatten()
        .collect::<std::result::Result<_, _>>()?;
    let mut chunk = Vec::new();
    let encoded = work.group.finish(nodes, &mut chunk);
    Ok((encoded, chunk))
}

/// The nodes of a row group, encoded by whoever takes the next. Its values are let go as soon as they are encoded.
struct NodeWork {
    group: RowGroup,
    options: EncodeOptions,
    left: Mutex<vec::IntoIter<GroupNode>>,
    done: Mutex<Vec<Option<std::result::Result<EncodedNode, ColumnError>>>>,
}

impl NodeWork {
    fn run(&self) {
        with_compressor(|compressor| {
            loop {
                let Some(node) = lock(&self.left).next() else {
                    break;
                };
                let place = node.number();
                let encoded = self.group.encode_node(node, &self.options, compressor);
                if let Some(place) = lock(&self.done).get_mut(place) {
                    *place = Some(encoded);
                }
            }
        });
    }
}

/// How an append goes on with what is there.
struct Going {
    schema: ColumnSchema,
    options: TableOptions,
    statistics: Vec<GroupStatistics>,
}

impl Going {
    /// With rows of `schema`; what `options` do not set is as in the file.
    fn on(
        name: &SourceName,
        file: &ColumnFile,
        schema: &ColumnSchema,
        options: &TableOptions,
    ) -> Result<(Self, ColumnFileOptions)> {
        let mut options = options.clone();
        let mut own = schema.clone();
        if let Some(message) = &file.schema {
            own = ColumnSchema::parse(message, At::byte(0))
                .map_err(|source| column_error(name, None, source))?;
            check_schema(name, own.arrow(), schema.arrow())?;
        }
        if let Some(echo) = &file.writer_options {
            options = options.over(echo);
        }
        let mut writer = options.writer().clone();
        for (key, value) in &file.user_metadata {
            if !writer.metadata().iter().any(|(own, _)| own == key) {
                writer = writer.with_metadata(key.clone(), value.clone());
            }
        }
        let options = options.with_writer(writer);
        let statistics = file.statistics.as_deref().unwrap_or_default();
        // Those that cannot be understood are left behind: they only help to pass over row groups.
        let statistics = GroupStatistics::parse_all(statistics, own.nodes_len(), At::byte(0))
            .unwrap_or_default();
        let told = file_options(&own, &options);
        let going = Self {
            schema: own,
            options,
            statistics,
        };
        Ok((going, told))
    }
}

fn column_schema(name: &SourceName, schema: SchemaRef) -> Result<ColumnSchema> {
    ColumnSchema::new(schema).map_err(|source| column_error(name, None, source))
}

fn file_options(schema: &ColumnSchema, options: &TableOptions) -> ColumnFileOptions {
    ColumnFileOptions {
        writer: options.writer().clone(),
        schema: schema.message().to_vec(),
        writer_options: options.to_echo(),
    }
}

/// Checks that rows have the columns of the table. Metadata and whether a column may be null are the table's.
fn check_schema(name: &SourceName, expected: &SchemaRef, given: &SchemaRef) -> Result<()> {
    match schema_difference(expected, given) {
        Some(what) => Err(column_error(
            name,
            None,
            ColumnError::SchemaDiffers { what },
        )),
        None => Ok(()),
    }
}
