//! Writing a file of records.

mod append;
mod batch;
mod columns;
mod dictionary;
mod flush;
mod lay;

use std::path::Path;

use windrow_format::options::WriterOptions;
use windrow_format::{
    At, BlockWriter, FormatError, MAX_USER_METADATA_PAIRS, RecordGroup, VERSION_UPSTREAM,
    VERSION_WINDROW,
};

use crate::error::{Error, Result, SourceName};
use crate::pool::{self, Pipeline};
use crate::sink::{FileSink, Sink};
use append::ShortChunk;
pub(crate) use append::open_locked;
use batch::{EncodedBatch, Encoding, FooterEntries, GROUP_FILL_BYTES, GroupBatch};
use columns::Columns;
use dictionary::{FileDictionaries, Sampling};
pub(crate) use flush::looks_like_footer;
use lay::{buffer, present};

/// Bytes of small groups that one job compresses, shared out over all jobs in flight.
const BATCHED_BYTES: usize = 2 << 20;
/// The most that one job batches, so that it stays in cache.
const MAX_BATCH_BYTES: usize = 128 << 10;
/// The largest record: upstream's limit for a serialized message, and far from any overflow.
const MAX_RECORD_BYTES: u64 = (1 << 40) - 1;

/// Writes records, in order, into a file that upstream's readers can read too.
///
/// Records are collected in groups of `group_size`; a full group is compressed on the worker pool while the next one
/// fills. Finished chunks are laid into the file in order by whoever calls [`write`](Self::write), which waits while
/// `max_parallelism` groups are being compressed. Memory: at most `max_parallelism + 2` groups, raw and compressed,
/// about 12 bytes a chunk for the footer, and the codec's contexts, one per thread; where a dictionary is trained, at first
/// 16 MiB of records, and about as much for the training.
///
/// **The file is complete only after [`finish`](Self::finish).** A writer that is dropped before, or left by an error,
/// leaves a file without footer, which readers refuse as unfinished; [`recover`](crate::recover) reads it, and
/// [`append`](Self::append) goes on with it. After an error every call fails.
#[derive(Debug)]
#[must_use = "a file is complete only after `finish`"]
pub struct Writer<S: Sink> {
    /// `None` once `finish` has given it back.
    sink: Option<S>,
    name: SourceName,
    options: WriterOptions,
    blocks: BlockWriter,
    /// Laid out, not yet handed to the sink.
    out: Vec<u8>,
    batch: GroupBatch,
    /// Records in the open group, the last of `batch`.
    open_records: u64,
    open_bytes: usize,
    /// How many of them stand in the file already, in chunks that the group will supersede.
    open_flushed: u64,
    /// The last group that was begun starts with a record that looks like a footer: a flush says that it is none.
    looks_like_footer: bool,
    /// A short last chunk of the file that is appended to, until the first record makes it grow.
    short: Option<ShortChunk>,
    /// Nothing has to be written if nothing is appended.
    is_sealed: bool,
    batch_bytes: usize,
    jobs: Pipeline<EncodedBatch>,
    max_jobs: usize,
    spare: Vec<GroupBatch>,
    footer: FooterEntries,
    /// There are chunks that upstream cannot read.
    has_pages: bool,
    dictionaries: FileDictionaries,
    /// What a file of columns says of itself.
    columns: Option<Columns>,
    /// The first records, held until it is decided which dictionary they are compressed with.
    sampling: Option<Sampling>,
    records: u64,
    decoded_bytes: u64,
    /// Decoded bytes of the chunks that are laid out.
    laid_decoded_bytes: u64,
    failed: bool,
    owner: u32,
}

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Records written.
    pub records: u64,
    /// Data chunks written.
    pub chunks: u64,
    /// Sum of the records' sizes in bytes.
    pub decoded_bytes: u64,
    /// Size of the file in bytes.
    pub file_bytes: u64,
    /// 1 if upstream can read the file, else 2.
    pub version: u32,
}

impl Writer<FileSink> {
    /// Creates the file at `path`, or empties it. With [`WriterOptions::with_atomic`], whatever is at `path` stays
    /// until the new file is complete.
    ///
    /// # Errors
    /// [`Error::Options`], [`Error::Io`].
    pub fn create_file(path: impl AsRef<Path>, options: WriterOptions) -> Result<Self> {
        let atomic = options.atomic();
        let name = SourceName::path(path.as_ref());
        Self::create_with(&name, options, || FileSink::create(path.as_ref(), atomic))
    }
}

impl<S: Sink> Writer<S> {
    /// Checks the options, then makes the sink and begins a file in it: what is at its place stays if the options are
    /// bad. `name` stands for it in messages until it is made.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`Error::Io`] if the sink cannot be made.
    pub fn create_with(
        name: &SourceName,
        options: WriterOptions,
        make: impl FnOnce() -> std::io::Result<S>,
    ) -> Result<Self> {
        check_options(&options, name)?;
        let sink = make().map_err(|source| Error::io(name, "create", source))?;
        Self::create(sink, options)
    }

    /// Begins a file in `sink`, which is at its beginning.
    ///
    /// # Errors
    /// [`Error::Options`] with every problem of the options; [`Error::Format`] with [`FormatError::CodecMissing`] if
    /// the codec is not built in.
    pub fn create(sink: S, options: WriterOptions) -> Result<Self> {
        let name = sink.name();
        check_options(&options, &name)?;
        let mut writer = Self::at(0, sink, name, options);
        let Self {
            blocks, out, sink, ..
        } = &mut writer;
        let laid = blocks.lay_signature(|bytes| buffer(out, sink, bytes));
        writer.check_io("write", laid)?;
        writer.lay_records_metadata()?;
        writer.begin_dictionary()?;
        Ok(writer)
    }

    /// A writer whose next chunk begins at `position`, where `sink` stands.
    fn at(position: u64, sink: S, name: SourceName, options: WriterOptions) -> Self {
        let max_jobs = options
            .max_parallelism()
            .map_or_else(pool::workers, |jobs| {
                usize::try_from(jobs).unwrap_or(usize::MAX)
            });
        Self {
            sink: Some(sink),
            name,
            blocks: BlockWriter::new(position),
            out: Vec::new(),
            batch: GroupBatch::default(),
            open_records: 0,
            open_bytes: 0,
            open_flushed: 0,
            looks_like_footer: false,
            short: None,
            is_sealed: false,
            batch_bytes: (BATCHED_BYTES / max_jobs.saturating_add(2)).min(MAX_BATCH_BYTES),
            jobs: Pipeline::new(),
            max_jobs,
            spare: Vec::new(),
            footer: FooterEntries::new(),
            has_pages: false,
            dictionaries: FileDictionaries::default(),
            columns: None,
            sampling: None,
            records: 0,
            decoded_bytes: 0,
            laid_decoded_bytes: 0,
            failed: false,
            owner: std::process::id(),
            options,
        }
    }

    /// Appends one record.
    ///
    /// # Errors
    /// [`Error::Io`] if an earlier group could not be handed to the sink; [`Error::RecordTooLarge`], which leaves
    /// the writer as it was; [`Error::WriterForked`]; [`Error::WriterFailed`] after any other error.
    pub fn write(&mut self, record: &[u8]) -> Result<()> {
        self.check_usable()?;
        self.write_next(record)
    }

    fn write_next(&mut self, record: &[u8]) -> Result<()> {
        let bytes = record.len() as u64;
        if bytes > MAX_RECORD_BYTES {
            return Err(Error::RecordTooLarge {
                name: self.name.clone(),
                bytes,
                limit: MAX_RECORD_BYTES,
            });
        }
        self.is_sealed = false;
        if self.short.is_some() {
            self.reopen_short()?;
        }
        if self.sampling.is_some() {
            self.sample(record)?;
        } else {
            self.write_to_group(record)?;
        }
        self.records += 1;
        self.decoded_bytes += bytes;
        Ok(())
    }

    fn write_to_group(&mut self, record: &[u8]) -> Result<()> {
        if self.open_records > 0
            && let Some(most) = self.options.max_group_bytes()
            && (self.open_bytes as u64).saturating_add(record.len() as u64) > most
        {
            self.close_group()?;
        }
        self.add_to_group(record);
        if self.open_records >= u64::from(self.options.group_size()) {
            self.close_group()?;
        }
        Ok(())
    }

    /// Whether writing a record of this size would hand work to others, or wait for them or for the sink: for callers
    /// that hold a lock which they would rather not hold meanwhile.
    #[must_use]
    pub fn may_wait(&self, record_bytes: usize) -> bool {
        if let Some(sampling) = &self.sampling {
            return sampling.is_full_with(record_bytes);
        }
        let full = self.open_records + 1 >= u64::from(self.options.group_size())
            || self.options.max_group_bytes().is_some();
        full && self.batch.fill_bytes() + GROUP_FILL_BYTES + record_bytes >= self.batch_bytes
    }

    /// Appends records in order.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); records in front of the one that failed were taken. A fork in the middle is noticed
    /// when the forked process would hand records on, at the latest.
    pub fn write_batch<R: AsRef<[u8]>>(
        &mut self,
        records: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        // Asking for the process is a call to the system, too dear for every record; `close_group` asks again.
        self.check_usable()?;
        records
            .into_iter()
            .try_for_each(|record| self.write_next(record.as_ref()))
    }

    /// Completes the file: the last group, the footer, the postscript. With atomic publishing the file is made
    /// durable and gets its name.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); the file is then unfinished.
    pub fn finish(self) -> Result<(S, Summary)> {
        self.finish_with(false)
    }

    /// Completes the file like [`finish`](Self::finish), and makes it durable: first all that the postscript stands for,
    /// then the postscript. Two calls of [`Sink::sync`].
    ///
    /// # Errors
    /// Those of [`finish`](Self::finish); [`std::io::ErrorKind::Unsupported`] of sinks that cannot promise it.
    pub fn finish_synced(self) -> Result<(S, Summary)> {
        self.finish_with(true)
    }

    fn finish_with(mut self, synced: bool) -> Result<(S, Summary)> {
        let summary = self.seal(synced)?;
        match self.sink.take() {
            Some(sink) => Ok((sink, summary)),
            None => unreachable!("only `finish` takes the sink, and it consumes the writer"),
        }
    }

    /// Number of records written so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether an earlier call failed: every later one will, too.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// The options that it writes with: of an append, those of the file where none were given.
    #[must_use]
    pub fn options(&self) -> &WriterOptions {
        &self.options
    }

    /// The file's name in messages.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// Bytes of the file that are laid out so far; groups that are still being compressed are not among them.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.blocks.position()
    }

    /// Bytes of records that are not laid out yet.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.decoded_bytes - self.laid_decoded_bytes
    }

    fn seal(&mut self, synced: bool) -> Result<Summary> {
        self.check_usable()?;
        self.end_sampling()?;
        if self.open_records > 0 {
            self.close_group()?;
        }
        self.submit();
        self.drain(0)?;
        if let Some(short) = self.short.take() {
            // Nothing came that would make it grow.
            self.footer.push(&short.entry);
        }
        let footer_offset = self.blocks.position();
        let chunks = self.footer.group.len();
        let version = if self.footer.uniform && !self.has_pages && self.columns.is_none() {
            VERSION_UPSTREAM
        } else {
            VERSION_WINDROW
        };
        if !self.is_sealed {
            self.lay_footer(version)?;
            self.lay_dictionary_copies()?;
            self.lay_statistics()?;
            self.lay_padding()?;
            if synced {
                self.sync_sink()?;
            }
            self.lay_postscript(footer_offset)?;
            self.lay_padding()?;
            self.hand_over()?;
        }
        if synced {
            self.sync_sink()?;
        }
        let finished = present(&mut self.sink).finish();
        self.check_io("finish", finished)?;
        Ok(Summary {
            records: self.records,
            chunks,
            decoded_bytes: self.decoded_bytes,
            file_bytes: self.blocks.position(),
            version,
        })
    }

    /// Makes every later call fail.
    #[cfg(feature = "columns")]
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    pub(crate) fn check_usable(&self) -> Result<()> {
        if self.owner != std::process::id() {
            return Err(Error::WriterForked {
                name: self.name.clone(),
                owner: self.owner,
            });
        }
        if self.failed {
            return Err(Error::WriterFailed {
                name: self.name.clone(),
            });
        }
        Ok(())
    }

    fn check_io<T>(&mut self, action: &'static str, result: std::io::Result<T>) -> Result<T> {
        result.map_err(|source| {
            self.failed = true;
            Error::io(&self.name, action, source)
        })
    }

    fn add_to_group(&mut self, record: &[u8]) {
        if self.open_records == 0 {
            self.looks_like_footer = looks_like_footer(record);
        }
        self.batch.records.push(record);
        self.open_records += 1;
        self.open_bytes += record.len();
    }

    /// Ends the open group, and hands the batch to the pool if it is large enough.
    fn close_group(&mut self) -> Result<()> {
        self.batch.lens.push(self.open_records);
        self.open_records = 0;
        self.open_bytes = 0;
        self.open_flushed = 0;
        if self.batch.fill_bytes() >= self.batch_bytes {
            self.check_usable()?;
            self.submit();
            self.drain(self.max_jobs)?;
        }
        Ok(())
    }

    /// Hands the complete groups of the batch to the pool.
    fn submit(&mut self) {
        if self.batch.lens.is_empty() {
            return;
        }
        let next = self.spare.pop().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        let encoding = Encoding::of(&self.options);
        self.jobs.push(true, move || batch.encode(&encoding));
    }

    /// Hands the complete groups to the pool and keeps the open one.
    fn submit_complete(&mut self) {
        let mut open = RecordGroup::new();
        self.batch
            .records
            .split_off_tail(self.open_records, &mut open);
        self.submit();
        self.batch.records = open;
    }

    /// Lays finished batches into the file, in order, and waits until no more than `most` are in flight.
    fn drain(&mut self, most: usize) -> Result<()> {
        while self.jobs.len() > most || self.jobs.is_ready() {
            let Some((mut batch, encoded)) = self.jobs.pop() else {
                break;
            };
            if let Err(source) = encoded {
                self.failed = true;
                return Err(Error::format(&self.name, None, source));
            }
            self.lay_batch(&batch)?;
            batch.clear();
            self.spare.push(batch);
        }
        Ok(())
    }
}

impl<S: Sink> Drop for Writer<S> {
    /// Does no I/O, and lets the sink do none in a forked process that inherited it: a buffer that is flushed there
    /// would end up in the parent's file.
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            std::mem::forget(self.sink.take());
        }
    }
}

fn check_options(options: &WriterOptions, name: &SourceName) -> Result<()> {
    options.validate()?;
    if options.metadata().len() > MAX_USER_METADATA_PAIRS {
        let source = FormatError::TooMany {
            what: "user metadata pairs",
            at: At::byte(0),
            limit: MAX_USER_METADATA_PAIRS as u64,
        };
        return Err(Error::format(name, None, source));
    }
    let codec = options.codec().compression_type();
    if !codec.is_built_in() {
        let source = FormatError::CodecMissing {
            codec: codec.name(),
            at: At::byte(0),
            feature: codec.name(),
        };
        return Err(Error::format(name, None, source));
    }
    Ok(())
}
