//! Opening a file and reading single records.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use windrow_format::options::{DEFAULT_FOOTER_PREFETCH_BYTES, IndexStorage, ReaderOptions};
use windrow_format::{
    At, BLOCK_BYTES, Chunk, ChunkLocation, Footer, FooterDecoder, FormatError, Limits, Records,
    Step, add_with_block_headers, take_out_block_headers,
};

use crate::cache::ChunkCache;
use crate::error::{Error, Result, SourceName};
use crate::index::{Index, IndexBuilder};
use crate::pool;
use crate::scratch::{ReadScratch, with_read_scratch};
use crate::store::{FileStore, Store};

/// Reads the records of one file, in any order, from any number of threads at once.
///
/// Opening reads the footer once and keeps a compact index (two to four bytes a chunk); no thread is started and the
/// file's data are not touched. All methods take `&self`, and no lock is held over I/O or decoding. Cloning is cheap
/// and shares everything.
///
/// One damaged chunk fails the calls that need it, each time, and nothing else.
#[derive(Debug, Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: Box<dyn Store>,
    pub(crate) name: SourceName,
    file_bytes: u64,
    footer: Footer,
    pub(crate) index: Index,
    pub(crate) options: ReaderOptions,
    pub(crate) limits: Limits,
    cache: Option<ChunkCache>,
    stats: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    bytes_read: AtomicU64,
    chunks_decoded: AtomicU64,
    cache_hits: AtomicU64,
}

/// What a reader has done so far, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderStats {
    /// Reads of the store, those at open included. Always 0 for stores in memory.
    pub reads: u64,
    /// Bytes that these reads fetched.
    pub bytes_read: u64,
    /// Chunks decoded.
    pub chunks_decoded: u64,
    /// Single reads that found their chunk decoded.
    pub cache_hits: u64,
    /// Memory that the index holds, in bytes.
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
        options.validate()?;
        let limits = Limits {
            max_chunk_bytes: options.max_chunk_bytes(),
            max_record_bytes: options.max_record_bytes(),
        };
        let file_bytes = store
            .len()
            .map_err(|source| Error::io(&name, "open", source))?;
        let stats = Counters::default();
        let (footer, index) = read_footer(&store, &name, file_bytes, &options, limits, &stats)?;
        let cached = footer.group_size > 1 && options.chunk_cache_bytes() > 0;
        Ok(Self {
            inner: Arc::new(Inner {
                cache: cached.then(|| ChunkCache::new(options.chunk_cache_bytes())),
                store: Box::new(store),
                name,
                file_bytes,
                footer,
                index,
                options,
                limits,
                stats,
            }),
        })
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.index.num_records()
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
            index_bytes: self.inner.index.memory_bytes() as u64,
        }
    }

    /// Record number `index`, counted from zero.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; [`Error::Io`] and [`Error::Format`] for the chunk that holds it.
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
        inner.check_index(index)?;
        let location = inner
            .index
            .find(index)
            .map_err(|source| inner.index_error(source))?;
        let in_chunk = usize::try_from(index - location.first_record).unwrap_or(usize::MAX);
        if let Some(cache) = &inner.cache {
            let records = match cache.get(location.chunk) {
                Some(records) => {
                    inner.stats.cache_hits.fetch_add(1, Ordering::Relaxed);
                    records
                }
                None => {
                    let mut records = Records::new();
                    with_read_scratch(|scratch| {
                        inner.decode_chunk(&location, scratch, &mut records)
                    })?;
                    let records = Arc::new(records);
                    cache.insert(location.chunk, &records);
                    records
                }
            };
            return Ok(use_record(records.get(in_chunk).unwrap_or_default()));
        }
        with_read_scratch(|scratch| {
            let mut records = std::mem::take(&mut scratch.records);
            records.clear();
            let result = inner.decode_chunk(&location, scratch, &mut records);
            let result = result.map(|()| use_record(records.get(in_chunk).unwrap_or_default()));
            scratch.records = records;
            result
        })
    }
}

impl Inner {
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

    pub(crate) fn index_error(&self, source: std::io::Error) -> Error {
        Error::io(&self.name, "read the offloaded index of", source)
    }

    /// Number of threads that a parallel call may use, the calling one included.
    pub(crate) fn threads(&self) -> usize {
        match self.options.max_parallelism() {
            Some(threads) => usize::try_from(threads)
                .unwrap_or(usize::MAX)
                .min(pool::workers()),
            None => pool::workers(),
        }
    }

    /// Appends the records of one chunk to `out`.
    pub(crate) fn decode_chunk(
        &self,
        location: &ChunkLocation,
        scratch: &mut ReadScratch,
        out: &mut Records,
    ) -> Result<()> {
        let begin = location.begin;
        let end = likely_end(location);
        let decoded = self.with_bytes(begin..end, &mut scratch.raw, |raw| {
            match parse_chunk(location, raw) {
                Ok(chunk) => scratch
                    .decoder
                    .decode(&chunk.as_chunk(), &self.limits, out)
                    .map(Some),
                // More follows than was fetched: the guess was too low.
                Err(FormatError::Truncated { .. }) if end < location.end => Ok(None),
                Err(error) => Err(error),
            }
        });
        let decoded = match decoded {
            Err(source) => Err(source),
            Ok(Ok(Some(()))) => Ok(Ok(())),
            Ok(Ok(None)) => self.with_bytes(begin..location.end, &mut scratch.raw, |raw| {
                let chunk = parse_chunk(location, raw)?;
                scratch.decoder.decode(&chunk.as_chunk(), &self.limits, out)
            }),
            Ok(Err(error)) => Ok(Err(error)),
        };
        self.chunk_result(location, decoded)
    }

    /// Appends the records of chunks that lie behind each other, fetched with one read, to `out`.
    pub(crate) fn decode_run(
        &self,
        run: &[ChunkLocation],
        scratch: &mut ReadScratch,
        out: &mut Records,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(());
        };
        if run.len() == 1 {
            return self.decode_chunk(first, scratch, out);
        }
        let begin = first.begin;
        let end = likely_end(last);
        // What the footer claims is not proven yet, so no more than what is usual is reserved for it.
        let claimed = run.iter().fold(0_u64, |sum, location| {
            sum.saturating_add(location.decoded_bytes)
        });
        out.reserve(
            run.len(),
            usize::try_from(claimed.min(1 << 20)).unwrap_or(0),
        );
        let ReadScratch { raw, decoder, .. } = scratch;
        let decoded = self.with_bytes(begin..end, raw, |raw| {
            for (position, location) in run.iter().enumerate() {
                let from = usize::try_from(location.begin - begin).unwrap_or(usize::MAX);
                let to = usize::try_from(location.end.min(end) - begin).unwrap_or(usize::MAX);
                let raw = raw.get(from..to).unwrap_or_default();
                let decoded = parse_chunk(location, raw)
                    .and_then(|chunk| decoder.decode(&chunk.as_chunk(), &self.limits, out));
                if let Err(error) = decoded {
                    return Err((position, error));
                }
            }
            Ok(())
        });
        match decoded {
            Ok(Ok(())) => {
                self.stats
                    .chunks_decoded
                    .fetch_add(run.len() as u64, Ordering::Relaxed);
                Ok(())
            }
            // The guess of the last chunk's end was too low, or the chunk is bad: read it alone.
            Ok(Err((position, FormatError::Truncated { .. }))) if position + 1 == run.len() => {
                self.decode_chunk(last, scratch, out)
            }
            Ok(Err((position, error))) => self.chunk_result(&run[position], Ok(Err(error))),
            // The file became shorter, or the medium failed: one chunk at a time tells which one is hit.
            Err(_) => run
                .iter()
                .try_for_each(|location| self.decode_chunk(location, scratch, out)),
        }
    }

    fn chunk_result(
        &self,
        location: &ChunkLocation,
        decoded: std::io::Result<Result<(), FormatError>>,
    ) -> Result<()> {
        let records = location.first_record..location.first_record + location.records;
        match decoded {
            Ok(Ok(())) => {
                self.stats.chunks_decoded.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Ok(Err(source)) => Err(Error::format(&self.name, Some(records), source)),
            Err(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
                let have = self.store.len().unwrap_or(0).saturating_sub(location.begin);
                let source = FormatError::Truncated {
                    what: "chunk",
                    at: At::chunk(location.begin, location.chunk),
                    need: location.end - location.begin,
                    have,
                };
                Err(Error::format(&self.name, Some(records), source))
            }
            Err(source) => Err(Error::Io {
                name: self.name.clone(),
                action: "read",
                byte: Some(location.begin),
                source,
            }),
        }
    }

    /// Lends the bytes of `range` to `work`: borrowed from the store where it can lend them, else read into `raw`.
    fn with_bytes<R>(
        &self,
        range: std::ops::Range<u64>,
        raw: &mut Vec<u8>,
        work: impl FnOnce(&[u8]) -> R,
    ) -> std::io::Result<R> {
        let len = usize::try_from(range.end - range.start)
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
        if let Some(bytes) = self.store.as_bytes() {
            let begin = usize::try_from(range.start).unwrap_or(usize::MAX);
            let bytes = bytes.get(begin..).and_then(|bytes| bytes.get(..len));
            return bytes
                .map(work)
                .ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into());
        }
        read_range(&*self.store, range, raw, &self.stats)?;
        Ok(work(&raw[..len]))
    }
}

/// Where the chunk at `location` ends at the latest, if its writer did not expand it: the listed end may lie far behind
/// where other chunks that nobody lists stand in between.
fn likely_end(location: &ChunkLocation) -> u64 {
    let sizes = location.records.saturating_mul(10);
    let data = location.decoded_bytes.saturating_add(sizes);
    let most = data.saturating_add(data / 4).saturating_add(BLOCK_BYTES);
    add_with_block_headers(location.begin, most)
        .max(location.begin.saturating_add(location.records))
        .min(location.end)
}

/// A chunk and, where block headers had to be taken out, the bytes that it lies in.
struct OwnedChunk<'a> {
    bytes: std::borrow::Cow<'a, [u8]>,
    header: windrow_format::ChunkHeader,
    at: At,
}

impl OwnedChunk<'_> {
    fn as_chunk(&self) -> Chunk<'_> {
        let data_bytes = usize::try_from(self.header.data_bytes).unwrap_or(usize::MAX);
        let data = self.bytes.get(40..).and_then(|data| data.get(..data_bytes));
        Chunk {
            header: self.header,
            data: data.unwrap_or_default(),
            at: self.at,
        }
    }
}

/// Checks the chunk in `raw` against its hashes and against the footer.
fn parse_chunk<'a>(location: &ChunkLocation, raw: &'a [u8]) -> Result<OwnedChunk<'a>, FormatError> {
    let at = At::chunk(location.begin, location.chunk);
    let bytes = take_out_block_headers(location.begin, raw);
    let header = Chunk::parse(&bytes, at)?.header;
    for (field, chunk, footer) in [
        ("num_records", header.num_records, location.records),
        (
            "decoded_data_size",
            header.decoded_bytes,
            location.decoded_bytes,
        ),
    ] {
        if chunk != footer {
            return Err(FormatError::EntryMismatch {
                at,
                field,
                chunk,
                footer,
            });
        }
    }
    let end = header.chunk_end(location.begin);
    if end > location.end {
        return Err(FormatError::ChunkEnd {
            at,
            end,
            expected: location.end,
        });
    }
    Ok(OwnedChunk { bytes, header, at })
}

/// Reads `range` into the front of `raw`, which only grows: what is kept needs no clearing.
fn read_range(
    store: &dyn Store,
    range: std::ops::Range<u64>,
    raw: &mut Vec<u8>,
    stats: &Counters,
) -> std::io::Result<()> {
    let len = usize::try_from(range.end - range.start)
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
    if raw.is_empty() {
        *raw = vec![0; len];
    } else if raw.len() < len {
        raw.resize(len, 0);
    }
    stats.reads.fetch_add(1, Ordering::Relaxed);
    stats.bytes_read.fetch_add(len as u64, Ordering::Relaxed);
    store.read_exact_at(&mut raw[..len], range.start)
}

/// Reads postscript and footer and makes the index.
fn read_footer(
    store: &dyn Store,
    name: &SourceName,
    file_bytes: u64,
    options: &ReaderOptions,
    limits: Limits,
    stats: &Counters,
) -> Result<(Footer, Index)> {
    let prefetch = options
        .footer_prefetch_bytes()
        .unwrap_or(DEFAULT_FOOTER_PREFETCH_BYTES);
    let mut decoder = FooterDecoder::new(file_bytes, prefetch, limits);
    if options.index_storage() == IndexStorage::Offloaded {
        let prefetch = prefetch.min(DEFAULT_FOOTER_PREFETCH_BYTES);
        decoder = FooterDecoder::new(file_bytes, prefetch, limits)
            .with_max_buffer_bytes(DEFAULT_FOOTER_PREFETCH_BYTES);
    }
    let offload = |source| Error::io(name, "offload the index of", source);
    let mut index = IndexBuilder::new(options.index_storage()).map_err(offload)?;
    let format_error = |source| explain(store, name, file_bytes, source);
    loop {
        match decoder.step().map_err(format_error)? {
            Step::Need(range) => {
                let mut bytes = Vec::new();
                let byte = range.start;
                read_range(store, range, &mut bytes, stats).map_err(|source| Error::Io {
                    name: name.clone(),
                    action: "read",
                    byte: Some(byte),
                    source,
                })?;
                decoder.push(bytes).map_err(format_error)?;
            }
            Step::Item(pages) => index.push(&pages).map_err(offload)?,
            Step::End => break,
        }
    }
    let footer = decoder.into_footer();
    let index = index.finish(&footer);
    Ok((footer, index))
}

/// Says more of a file that cannot be opened: whether it is of this kind at all, and whether it was ever completed.
fn explain(store: &dyn Store, name: &SourceName, file_bytes: u64, source: FormatError) -> Error {
    let mut signature = [0; 64];
    let is_riegeli = file_bytes >= 64
        && store.read_exact_at(&mut signature, 0).is_ok()
        && windrow_format::ChunkHeader::parse(&signature[24..], At::byte(0))
            .is_ok_and(|header| header.chunk_type == windrow_format::ChunkType::Signature);
    let postscript = source.at().is_none_or(|at| {
        at.byte == file_bytes.saturating_sub(BLOCK_BYTES)
            && !matches!(source, FormatError::FooterOffset { .. })
    });
    let source = if !postscript {
        source
    } else if is_riegeli {
        FormatError::NoPostscript {
            file_bytes,
            source: Box::new(source),
        }
    } else {
        FormatError::NotArrayRecord {
            file_bytes,
            source: Box::new(source),
        }
    };
    Error::format(name, None, source)
}
