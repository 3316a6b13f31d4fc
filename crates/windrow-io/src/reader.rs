//! Opening a file and reading single records.

// Those who read tables are to come.
#[allow(dead_code, reason = "what a reader of tables needs")]
mod columns;
mod decode;
mod open;
mod record;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use once_cell::race::OnceBox;
use windrow_format::options::{IndexStorage, OnCorrupt, ReaderOptions};
use windrow_format::{
    At, ChunkLocation, Dictionaries, Dictionary, FieldProjection, Footer, FormatError, FoundFooter,
    Limits, Records, RecordsMetadata,
};

use crate::batch::present;
use crate::cache::ChunkCache;
use crate::error::{Error, Result, SourceName};
use crate::fields::projection;
use crate::index::Index;
use crate::page_tables::PageTables;
use crate::pool;
use crate::records_metadata::read_records_metadata;
use crate::recover::{RecoverOptions, recover_with_log};
use crate::scratch::with_read_scratch;
use crate::skipped::SkipLog;
use crate::store::{FileStore, Store};
use crate::verify::Fault;
pub(crate) use decode::{MAX_GAP_BYTES, MAX_RUN_BYTES};
use open::{OpenIndex, open_index};
pub(crate) use record::Slot;
use record::Tables;

/// Reads the records of one file, in any order, from any number of threads at once.
///
/// Opening reads the footer once and keeps a compact index (two to four bytes a chunk); no thread is started and the
/// file's data are not touched. All methods take `&self`, and no lock is held over I/O or decoding. Cloning is cheap
/// and shares everything.
///
/// Bytes that fail their checks are read once more, unless they lie in memory. One damaged chunk fails the calls that
/// need it, each time, and nothing else. With [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip), calls for
/// more than one record go on without it, and [`skipped`](Self::skipped) lists it.
#[derive(Debug, Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: Box<dyn Store>,
    pub(crate) name: SourceName,
    file_bytes: u64,
    /// Where the last valid postscript's block ends.
    sealed_bytes: u64,
    /// The index was made by a scan, not read.
    is_scanned: bool,
    /// The data chunks are column chunks.
    has_columns: bool,
    footer: Footer,
    pub(crate) index: Index,
    pub(crate) options: ReaderOptions,
    pub(crate) limits: Limits,
    dictionaries: OnceBox<Dictionaries>,
    tables: Tables,
    /// What is read of each record; `None` for all.
    fields: Option<FieldProjection>,
    cache: Option<ChunkCache>,
    stats: Counters,
    /// Shared with the readers of the same file that a source opens later.
    pub(crate) skip_log: Arc<SkipLog>,
}

/// What a scan found of a file.
pub(crate) struct ScannedIndex {
    pub(crate) footer: Footer,
    pub(crate) index: Index,
    pub(crate) dictionaries: Dictionaries,
    /// The data chunks are column chunks.
    pub(crate) has_columns: bool,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    bytes_read: AtomicU64,
    chunks_decoded: AtomicU64,
    cache_hits: AtomicU64,
}

/// What records take in memory, as far as a footer tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordSizes {
    /// For each record its size, or the average of its chunk where that holds several.
    pub bytes: Vec<u64>,
    /// Whether all are sizes, as in files of `group_size` 1 of which all fields are read. A chunk that differs from its footer is an error when it is
    /// read.
    pub exact: bool,
}

/// What a reader has done so far, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderStats {
    /// Reads of the store, those at open included. Stores in memory are read at open only.
    pub reads: u64,
    /// Bytes that these reads fetched.
    pub bytes_read: u64,
    /// Chunks decoded.
    pub chunks_decoded: u64,
    /// Single reads that found their chunk decoded.
    pub cache_hits: u64,
    /// Chunks skipped, each once: those that [`Reader::skipped`] lists, and those beyond its limit.
    pub chunks_skipped: u64,
    /// Memory that the index holds, in bytes, with the tables of page chunks that were read so far.
    pub index_bytes: u64,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("name", &self.name)
            .field("records", &self.index.num_records())
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens the file at `path` with default options.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Format`] if it is not a complete ArrayRecord file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, ReaderOptions::default())
    }

    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`Error::Options`].
    pub fn open_with(path: impl AsRef<Path>, options: ReaderOptions) -> Result<Self> {
        let name = SourceName::path(path.as_ref());
        Self::from_store(FileStore::open(&name)?, name, options)
    }

    /// Reads a file that lies in memory.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>, options: ReaderOptions) -> Result<Self> {
        Self::from_store(bytes.into(), SourceName::MEMORY, options)
    }

    /// Reads a file from any store; `name` stands for it in messages.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with).
    pub fn from_store(
        store: impl Store + 'static,
        name: SourceName,
        options: ReaderOptions,
    ) -> Result<Self> {
        Self::with_skip_log(store, name, options, Arc::default())
    }

    /// A reader that lists what it skips in `skip_log`.
    pub(crate) fn with_skip_log(
        store: impl Store + 'static,
        name: SourceName,
        options: ReaderOptions,
        skip_log: Arc<SkipLog>,
    ) -> Result<Self> {
        options.validate()?;
        let limits = limits_of(&options);
        let file_bytes = store
            .len()
            .map_err(|source| Error::io(&name, "open", source))?;
        let stats = Counters::default();
        let opened = open_index(&store, &name, file_bytes, &options, limits, &stats);
        if let Err(Error::Format { .. }) = &opened
            && options.on_corrupt() == OnCorrupt::Skip
        {
            let options = RecoverOptions::new().with_reader_options(options);
            let recovered = recover_with_log(store, name, &options, skip_log)?;
            return Ok(recovered.reader);
        }
        let OpenIndex {
            footer,
            index,
            sealed_bytes,
        } = opened?;
        Self::assemble(Inner {
            dictionaries: OnceBox::new(),
            tables: Tables::None,
            fields: None,
            cache: None,
            store: Box::new(store),
            name,
            file_bytes,
            sealed_bytes,
            is_scanned: false,
            has_columns: footer.metadata.has_columns(),
            footer,
            index,
            options,
            limits,
            stats,
            skip_log,
        })
    }

    /// A reader of what a scan found: `index` lists it.
    pub(crate) fn from_scan(
        store: impl Store + 'static,
        name: SourceName,
        options: ReaderOptions,
        file_bytes: u64,
        found: ScannedIndex,
        skip_log: Arc<SkipLog>,
    ) -> Result<Self> {
        Self::assemble(Inner {
            dictionaries: OnceBox::with_value(Box::new(found.dictionaries)),
            tables: Tables::None,
            fields: None,
            cache: None,
            store: Box::new(store),
            name,
            file_bytes,
            sealed_bytes: file_bytes,
            is_scanned: true,
            has_columns: found.has_columns,
            footer: found.footer,
            index: found.index,
            limits: limits_of(&options),
            options,
            stats: Counters::default(),
            skip_log,
        })
    }

    fn assemble(mut inner: Inner) -> Result<Self> {
        inner.name = inner.name.with_rows(inner.has_columns);
        inner.fields = projection(&*inner.store, &inner.name, &inner.options)?;
        let grouped = inner.footer.group_size > 1 || !inner.footer.uniform;
        let bytes = inner.options.chunk_cache_bytes();
        inner.cache = (grouped && bytes > 0).then(|| ChunkCache::new(bytes));
        if inner.footer.metadata.has_pages {
            inner.tables = match inner.options.index_storage() {
                IndexStorage::Offloaded => Tables::Offloaded,
                _ => Tables::Kept(PageTables::new(inner.index.num_chunks())),
            };
        }
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Number of records, or of rows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.index.num_records()
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the file holds columns: then [`len`](Self::len) counts rows, and every call for records fails with
    /// [`Error::HoldsColumns`].
    #[must_use]
    pub fn has_columns(&self) -> bool {
        self.inner.has_columns
    }

    /// Number of data chunks.
    #[must_use]
    pub fn num_chunks(&self) -> u64 {
        self.inner.index.num_chunks()
    }

    /// Size of the file in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.inner.file_bytes
    }

    /// How many bytes of the file the index covers: up to the end of the last valid postscript. Fewer than
    /// [`file_bytes`](Self::file_bytes) if more follows: an append is under way, or was cut off.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.inner.sealed_bytes
    }

    /// Whether the index was made by a scan, because the file has none that can be used.
    #[must_use]
    pub fn is_scanned(&self) -> bool {
        self.inner.is_scanned
    }

    /// The file's name in messages.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        &self.inner.name
    }

    /// The footer as it is in the file.
    #[must_use]
    pub fn footer(&self) -> &Footer {
        &self.inner.footer
    }

    /// The options that this reader was opened with.
    #[must_use]
    pub fn options(&self) -> &ReaderOptions {
        &self.inner.options
    }

    /// What the writer said of its options, `None` in files of before October 2022.
    #[must_use]
    pub fn writer_options_string(&self) -> Option<&str> {
        self.inner.footer.metadata.writer_options.as_deref()
    }

    /// What is read of each record, if not all of it: the fields of the options, found by their names.
    #[must_use]
    pub fn fields(&self) -> Option<&FieldProjection> {
        self.inner.fields.as_ref()
    }

    /// What the file says of its records in front of them: the type of its messages, a comment, descriptors. `None` in
    /// most files. Reads it from the file each time.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Format`] if it cannot be read.
    pub fn records_metadata(&self) -> Result<Option<RecordsMetadata>> {
        let Inner {
            store,
            name,
            limits,
            ..
        } = &*self.inner;
        read_records_metadata(&**store, name, limits)
    }

    /// The zstd dictionaries of the file's record pages, in most files none or one. Reads them when they are first needed.
    /// One that cannot be read, neither of its two copies, is left out: records that need it are errors.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn dictionaries(&self) -> Result<&[Dictionary]> {
        let dictionaries = self.inner.all_dictionaries()?;
        Ok(dictionaries.as_slice())
    }

    /// The user's key/value pairs.
    #[must_use]
    pub fn user_metadata(&self) -> &[(String, Vec<u8>)] {
        &self.inner.footer.metadata.user_metadata
    }

    /// Where chunk number `chunk` is and what it holds, according to the footer.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] (in chunks), [`Error::Io`] if an offloaded index cannot be read.
    pub fn chunk_location(&self, chunk: u64) -> Result<ChunkLocation> {
        let len = self.num_chunks();
        if chunk >= len {
            return Err(Error::OutOfRange {
                name: self.inner.name.clone(),
                index: chunk,
                len,
            });
        }
        self.inner
            .index
            .chunk(chunk)
            .map_err(|source| self.inner.index_error(source))
    }

    /// What is wrong with the file if more follows the part that the index covers.
    pub(crate) fn unfinished_append(&self) -> Option<FormatError> {
        let sealed = self.sealed_bytes();
        let bytes = self.file_bytes().saturating_sub(sealed);
        (bytes > 0).then_some(FormatError::UnfinishedAppend {
            at: At::byte(sealed),
            bytes,
        })
    }

    /// The footer, as a scan would find it.
    pub(crate) fn found_footer(&self) -> FoundFooter {
        let footer = self.footer();
        FoundFooter {
            begin: footer.footer_offset,
            sealed_end: Some(self.sealed_bytes()),
            metadata: footer.metadata.clone(),
        }
    }

    /// The first listed chunk that begins at or behind `position`; `None` if there is none, or an offloaded index cannot
    /// be read.
    pub(crate) fn chunk_from(&self, position: u64) -> Option<ChunkLocation> {
        let (mut low, mut high) = (0, self.num_chunks());
        while low < high {
            let middle = low.midpoint(high);
            if self.chunk_location(middle).ok()?.begin < position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.chunk_location(low).ok()
    }

    /// The chunk that holds record number `index`, according to the footer.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Io`] if an offloaded index cannot be read.
    pub fn chunk_of(&self, index: u64) -> Result<ChunkLocation> {
        self.inner.check_index(index)?;
        let location = self.inner.index.find(index);
        location.map_err(|source| self.inner.index_error(source))
    }

    /// What this reader has done so far, and what it holds.
    #[must_use]
    pub fn stats(&self) -> ReaderStats {
        let stats = &self.inner.stats;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReaderStats {
            reads: get(&stats.reads),
            bytes_read: get(&stats.bytes_read),
            chunks_decoded: get(&stats.chunks_decoded),
            cache_hits: get(&stats.cache_hits),
            chunks_skipped: self.inner.skip_log.chunks(),
            index_bytes: (self.inner.index.memory_bytes() + self.inner.tables.memory_bytes())
                as u64,
        }
    }

    /// The chunks that calls of this reader and its clones skipped so far, each once, by their first byte: at most
    /// [`DEFAULT_MAX_FAULTS`](crate::DEFAULT_MAX_FAULTS); [`ReaderStats::chunks_skipped`] counts the others too. A reader
    /// whose index was made by a scan begins with what the scan skipped; the list of any other is empty without
    /// [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip). A cursor that begins a run of chunks (see
    /// [`RecordCursor`](crate::RecordCursor)) lists what is damaged in all of it. A forked process begins with an empty
    /// list.
    #[must_use]
    pub fn skipped(&self) -> Vec<Fault> {
        self.inner.skip_log.faults()
    }

    /// What the records with these numbers take, in bytes, according to the footer.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Io`] if an offloaded index cannot be read.
    pub fn record_sizes(&self, indices: &[u64]) -> Result<RecordSizes> {
        self.inner.check_holds_records()?;
        let mut sizes = RecordSizes {
            bytes: Vec::with_capacity(indices.len()),
            exact: self.inner.fields.is_none(),
        };
        for &index in indices {
            let chunk = self.chunk_of(index)?;
            sizes.exact &= chunk.records == 1;
            sizes
                .bytes
                .push(chunk.decoded_bytes.div_ceil(chunk.records.max(1)));
        }
        Ok(sizes)
    }

    /// Record number `index`, counted from zero.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; [`Error::Io`] and [`Error::Format`] for the chunk that holds it, whatever the options say
    /// of damaged chunks.
    pub fn read(&self, index: u64) -> Result<Vec<u8>> {
        self.read_with(index, <[u8]>::to_vec)
    }

    /// Record number `index` into `buffer`, whose memory is reused.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), with `buffer` left empty.
    pub fn read_into(&self, index: u64, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.clear();
        self.read_with(index, |record| buffer.extend_from_slice(record))
    }

    /// Lends record number `index` to `use_record`, without a copy.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn read_with<R>(&self, index: u64, use_record: impl FnOnce(&[u8]) -> R) -> Result<R> {
        let inner = &*self.inner;
        inner.check_holds_records()?;
        inner.check_index(index)?;
        let location = inner
            .index
            .find(index)
            .map_err(|source| inner.index_error(source))?;
        if inner.has_pages() {
            return with_read_scratch(|scratch| {
                let in_chunk = index - location.first_record;
                match inner.page_table(&location, scratch)? {
                    Some(table) => {
                        inner.read_slot(&location, &table, in_chunk, scratch, use_record)
                    }
                    None => inner.read_grouped(&location, index, use_record),
                }
            });
        }
        inner.read_grouped(&location, index, use_record)
    }
}

impl Inner {
    /// Lends a record of a chunk that has to be decoded as a whole.
    fn read_grouped<R>(
        &self,
        location: &ChunkLocation,
        index: u64,
        use_record: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        let in_chunk = usize::try_from(index - location.first_record).unwrap_or(usize::MAX);
        if let Some(cache) = &self.cache {
            let records = match cache.get(location.chunk) {
                Some(records) => {
                    self.stats.cache_hits.fetch_add(1, Ordering::Relaxed);
                    records
                }
                None => {
                    let mut records = Records::new();
                    with_read_scratch(|scratch| {
                        self.decode_chunk(location, scratch, &mut records)
                    })?;
                    let records = Arc::new(records);
                    cache.insert(location.chunk, &records);
                    records
                }
            };
            return Ok(use_record(present(records.get(in_chunk))));
        }
        with_read_scratch(|scratch| {
            let mut records = std::mem::take(&mut scratch.records);
            records.clear();
            let result = self.decode_chunk(location, scratch, &mut records);
            let result = result.map(|()| use_record(present(records.get(in_chunk))));
            scratch.records = records;
            result
        })
    }
}

/// The limits that these options set.
pub(crate) fn limits_of(options: &ReaderOptions) -> Limits {
    Limits {
        max_chunk_bytes: options.max_chunk_bytes(),
        max_record_bytes: options.max_record_bytes(),
    }
}

impl Inner {
    /// Refuses to read records of a file of columns.
    #[inline]
    pub(crate) fn check_holds_records(&self) -> Result<()> {
        if self.has_columns {
            let name = self.name.clone();
            return Err(Error::HoldsColumns { name });
        }
        Ok(())
    }

    pub(crate) fn check_index(&self, index: u64) -> Result<()> {
        let len = self.index.num_records();
        if index < len {
            return Ok(());
        }
        Err(Error::OutOfRange {
            name: self.name.clone(),
            index,
            len,
        })
    }

    /// Bytes of the file in front of the footer.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.footer.footer_offset
    }

    pub(crate) fn index_error(&self, source: std::io::Error) -> Error {
        Error::io(&self.name, "read the offloaded index of", source)
    }

    /// Number of threads that a parallel call may use, the calling one included.
    pub(crate) fn threads(&self) -> usize {
        pool::threads(self.options.max_parallelism())
    }
}
