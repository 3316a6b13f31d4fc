//! Writing a file of columns whose chunks are ready.

use std::io;
use std::path::Path;

use windrow_format::options::WriterOptions;
use windrow_format::{At, ChunkHeader, VERSION_2_HINT, push_chunk};

use crate::error::{Error, Result, SourceName};
use crate::growth::ColumnGrowth;
use crate::reader::Reader;
use crate::sink::{FileSink, Sink};
use crate::store::{FileStore, Store};
use crate::writer::{Summary, Writer, open_locked};

/// Writes a file of columns, chunk by chunk: lays them into the file, lists them, and completes the file. What stands in a
/// chunk behind its first 24 bytes, in the schema and in the statistics, is the caller's.
///
/// The file is complete only after [`finish`](Self::finish); see [`Writer`], which says what a file is worth before.
#[derive(Debug)]
#[must_use = "a file is complete only after `finish`"]
pub struct ColumnFileWriter<S: Sink> {
    writer: Writer<S>,
}

/// What a new file of columns says of itself, and what one that grows goes on with.
#[derive(Debug, Clone)]
pub struct ColumnFileOptions {
    /// User metadata, codec of the footer, padding, atomic publishing. What else they say of records does not matter.
    pub writer: WriterOptions,
    /// The schema message.
    pub schema: Vec<u8>,
    /// The echo string of the footer, without the hint of version 2. It begins with `group_size:<rows of a group>,`.
    pub writer_options: String,
}

impl ColumnFileOptions {
    /// Those of a file that is there: another one with the same chunks is written with them.
    ///
    /// # Errors
    /// [`Error::HoldsRecords`]; [`Error::SchemaLost`] if the file was recovered without its schema.
    pub fn of(reader: &Reader) -> Result<Self> {
        reader.inner().check_holds_columns()?;
        let Some(schema) = reader.arrow_schema() else {
            return Err(schema_lost(reader));
        };
        let mut writer = WriterOptions::new();
        for (key, value) in reader.user_metadata() {
            writer = writer.with_metadata(key.clone(), value.clone());
        }
        let told = reader.writer_options_string().map(without_hint);
        let first = reader.footer().group_size.max(1);
        Ok(Self {
            writer,
            schema: schema.to_vec(),
            writer_options: told.map_or_else(|| format!("group_size:{first},"), str::to_owned),
        })
    }
}

/// The echo string of a footer without the hint of version 2.
pub(crate) fn without_hint(text: &str) -> &str {
    text.strip_suffix(VERSION_2_HINT).unwrap_or(text)
}

/// The error of a file of columns that was recovered without its schema.
pub(crate) fn schema_lost(reader: &Reader) -> Error {
    Error::SchemaLost {
        name: reader.name().clone(),
        at: At::byte(reader.chunk_location(0).map_or(0, |first| first.begin)),
    }
}

/// What a file of columns that is to grow holds.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ColumnFile {
    /// The schema message; `None` in a file that has nothing yet.
    pub schema: Option<Vec<u8>>,
    /// The echo string of the footer, without the hint of version 2; `None` without a footer.
    pub writer_options: Option<String>,
    /// The user's key/value pairs.
    pub user_metadata: Vec<(String, Vec<u8>)>,
    /// Contents of the last chunk of statistics, if it is sound.
    pub statistics: Option<Vec<u8>>,
    /// Number of rows.
    pub rows: u64,
    /// Number of column chunks.
    pub chunks: u64,
}

impl ColumnFileWriter<FileSink> {
    /// Creates the file at `path`, or empties it.
    ///
    /// # Errors
    /// [`Error::Options`], [`Error::Io`].
    pub fn create_file(path: impl AsRef<Path>, options: ColumnFileOptions) -> Result<Self> {
        let writer = Writer::create_file(path, options.writer)?;
        Self::begin(writer, options.schema, options.writer_options)
    }

    /// Goes on with the file of columns at `path`; makes it if there is none. `decide` is told what the file holds and says
    /// how to go on: with the same schema. It may be asked twice. With `copy` the file is copied up to its last column chunk,
    /// and the copy takes its place at the end.
    ///
    /// # Errors
    /// Those of [`Writer::append`](Writer::append), of `decide`, and [`Error::HoldsRecords`]. In each case the file is as
    /// it was.
    pub fn append(
        path: impl AsRef<Path>,
        copy: bool,
        decide: impl Fn(&ColumnFile) -> Result<ColumnFileOptions>,
    ) -> Result<Self> {
        let path = path.as_ref();
        let name = SourceName::path(path);
        if !path.exists() {
            // A decision that fails leaves no empty file behind.
            decide(&ColumnFile::default())?.writer.validate()?;
        }
        let (file, is_empty) = open_locked(path, &name)?;
        if is_empty {
            let options = decide(&ColumnFile::default())?;
            let make = || FileSink::resume(file, path, 0);
            let writer = Writer::create_with(&name, options.writer, make)?;
            return Self::begin(writer, options.schema, options.writer_options);
        }
        let store = file.try_clone().map(FileStore::from);
        let store = store.map_err(|source| Error::io(&name, "open", source))?;
        Self::resume(store, name, copy, decide, |keep| {
            if copy {
                FileSink::resume_copy(file, path, keep)
            } else {
                FileSink::resume(file, path, keep)
            }
        })
    }
}

impl<S: Sink> ColumnFileWriter<S> {
    /// Begins a file in `sink`, which is at its beginning.
    ///
    /// # Errors
    /// Those of [`Writer::create`].
    pub fn create(sink: S, options: ColumnFileOptions) -> Result<Self> {
        let writer = Writer::create(sink, options.writer)?;
        Self::begin(writer, options.schema, options.writer_options)
    }

    /// Goes on with the file in `store`. `make` is told how many of its bytes stay, and gives a sink that stands behind
    /// them; nothing is changed before. See [`append`](Self::append).
    ///
    /// # Errors
    /// Those of [`append`](Self::append).
    pub fn resume(
        store: impl Store + 'static,
        name: SourceName,
        copy: bool,
        decide: impl FnOnce(&ColumnFile) -> Result<ColumnFileOptions>,
        make: impl FnOnce(u64) -> io::Result<S>,
    ) -> Result<Self> {
        let growth = ColumnGrowth::load(store, &name, copy)?;
        let options = decide(&growth.file)?;
        let parts = (options.schema, options.writer_options);
        let writer = Writer::resume_columns(&growth, name, options.writer, parts, make)?;
        Ok(Self { writer })
    }

    fn begin(mut writer: Writer<S>, schema: Vec<u8>, writer_options: String) -> Result<Self> {
        writer.begin_columns(schema, writer_options)?;
        Ok(Self { writer })
    }

    /// Appends a column chunk, header and data, without block headers.
    ///
    /// # Errors
    /// [`Error::Format`], which leaves the writer as it was, for what is no column chunk of this schema; [`Error::Io`];
    /// [`Error::WriterForked`]; [`Error::WriterFailed`] after any other error.
    pub fn push(&mut self, header: &ChunkHeader, chunk: &[u8]) -> Result<()> {
        self.writer.push_columns(header, chunk)
    }

    /// Appends all column chunks of another file of the same schema, as they are. `go_on` gets the position behind each of
    /// them in that file.
    ///
    /// # Errors
    /// Those of [`push`](Self::push); [`Error::Io`] and [`Error::Format`] if a chunk cannot be read;
    /// [`Error::Io`] of the kind [`Interrupted`](io::ErrorKind::Interrupted) where `go_on` says no.
    pub fn push_all(&mut self, reader: &Reader, mut go_on: impl FnMut(u64) -> bool) -> Result<()> {
        reader.inner().check_holds_columns()?;
        let mut bytes = Vec::new();
        for number in 0..reader.num_chunks() {
            let location = reader.chunk_location(number)?;
            let header = reader.inner().column_header(&location)?;
            let header = reader
                .inner()
                .with_column_chunk(&location, &header, |chunk| {
                    bytes.clear();
                    push_chunk(&mut bytes, &chunk.header, chunk.data);
                    Ok(chunk.header)
                })?;
            self.push(&header, &bytes)?;
            if !go_on(location.end) {
                let source = io::ErrorKind::Interrupted.into();
                return Err(Error::io(reader.name(), "read", source));
            }
        }
        Ok(())
    }

    /// Sets the contents of the chunk of statistics that [`finish`](Self::finish) writes behind the footer. Without, there
    /// is none.
    pub fn set_statistics(&mut self, contents: Vec<u8>) {
        self.writer.set_statistics(contents);
    }

    /// Hands every chunk so far to the sink: they survive the end of this process.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    /// Makes every chunk so far durable. See [`Writer::sync`].
    ///
    /// # Errors
    /// Those of [`Writer::sync`].
    pub fn sync(&mut self) -> Result<()> {
        self.writer.sync()
    }

    /// Completes the file: footer, statistics, postscript. Of a file that was complete and got nothing new, nothing is
    /// written. See [`Writer::finish`].
    ///
    /// # Errors
    /// Those of [`push`](Self::push); the file is then unfinished.
    pub fn finish(self) -> Result<(S, Summary)> {
        self.writer.finish()
    }

    /// Completes the file and makes it durable. See [`Writer::finish_synced`].
    ///
    /// # Errors
    /// Those of [`Writer::finish_synced`].
    pub fn finish_synced(self) -> Result<(S, Summary)> {
        self.writer.finish_synced()
    }

    /// Number of rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.writer.records()
    }

    /// Bytes of the file so far.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.writer.file_bytes()
    }

    /// Refuses a writer that failed, or that another process made.
    #[cfg(feature = "columns")]
    pub(crate) fn check_usable(&self) -> Result<()> {
        self.writer.check_usable()
    }

    /// Makes every later call fail: something that had to be written could not be made.
    #[cfg(feature = "columns")]
    pub(crate) fn fail(&mut self) {
        self.writer.fail();
    }

    /// Whether an earlier call failed: every later one will, too.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.writer.has_failed()
    }

    /// The options that it writes with.
    #[must_use]
    pub fn options(&self) -> &WriterOptions {
        self.writer.options()
    }

    /// The file's name in messages.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        self.writer.name()
    }
}
