//! What a writer has to know of a file that it goes on with.

mod columns;

use windrow_format::options::{
    AppendOptions, DictionaryOption, Layout, ReaderOptions, WriterOptions,
};
use windrow_format::{
    At, CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, Codec, CompressionType, Dictionaries,
    Dictionary, FooterMetadata, FormatError, LiveChunk, LiveChunks, Records, SIGNATURE_BYTES,
    add_with_block_headers, take_out_block_headers,
};

use crate::error::{Error, Result, SourceName};
use crate::live_scan::{LiveReader, LiveScan, compression_of_live};
use crate::reader::{Reader, limits_of};
use crate::records_metadata::front_end;
use crate::store::Store;
use crate::verify::{ReadError, SharedStore};
use crate::writer::looks_like_footer;
pub(crate) use columns::ColumnGrowth;

/// A file that is to grow.
pub(crate) struct Growth {
    store: SharedStore,
    dictionaries: Dictionaries,
    /// Whether there are page chunks among the data chunks.
    pub(crate) has_pages: bool,
    /// Where the dictionary chunks begin that a footer has to name.
    pub(crate) dictionary_offsets: Vec<u64>,
    /// The options to go on with.
    pub(crate) options: WriterOptions,
    /// Data chunks that stay as they are.
    pub(crate) chunks: Vec<LiveChunk>,
    /// A last data chunk behind them that holds fewer records than a group.
    pub(crate) short: Option<LiveChunk>,
    /// Chunks whose records are the open group.
    pub(crate) open: Vec<LiveChunk>,
    /// How many bytes of the file stay.
    pub(crate) keep: u64,
    /// Where the last postscript ends.
    sealed_end: Option<u64>,
    /// What the last chunk supersedes is told by a postscript.
    pub(crate) is_sealed: bool,
    /// The file is complete if nothing is appended.
    pub(crate) is_complete: bool,
}

impl Growth {
    pub(crate) fn load(
        store: impl Store + 'static,
        name: &SourceName,
        given: &AppendOptions,
    ) -> Result<Self> {
        let store = SharedStore::new(store);
        let file_bytes = store.file_bytes(name)?;
        let Found {
            live,
            keep,
            metadata,
            dictionaries,
            dictionary_offsets,
            ..
        } = find(&store, name, file_bytes)?;
        if live.has_columns() {
            return Err(Error::HoldsColumns { name: name.clone() });
        }
        let sealed_end = live.footer().and_then(|footer| footer.sealed_end);
        let is_complete = sealed_end == Some(keep);
        let mut growth = Self {
            store,
            dictionaries,
            has_pages: live.has_pages(),
            dictionary_offsets,
            options: WriterOptions::new(),
            chunks: live.chunks().to_vec(),
            short: None,
            open: Vec::new(),
            keep,
            sealed_end,
            is_sealed: live.has_short_tail() && sealed_end.is_some_and(|end| end <= keep),
            is_complete,
        };
        let file = growth.file_options(name, &live, metadata.as_ref(), given)?;
        growth.options = if growth.chunks.is_empty() {
            given.clone().into_options(file.clone())
        } else {
            given.over(&file)?
        };
        let data_end = growth.chunks.iter().rposition(|chunk| !chunk.provisional);
        growth.open = growth.chunks.split_off(data_end.map_or(0, |last| last + 1));
        if growth.has_short_chunk(&live) {
            growth.short = growth.chunks.pop();
        }
        if !growth.open.is_empty() {
            // The group of the provisional chunks begins with the short chunk's records.
            growth.open.splice(0..0, growth.short.take());
        }
        // Pairs that were set have to go into a new footer.
        growth.is_complete &= growth.options.metadata() == file.metadata();
        Ok(growth)
    }

    /// For a copy: keeps only what will not be written again.
    pub(crate) fn leave_index_behind(&mut self, name: &SourceName) -> Result<()> {
        self.open.splice(0..0, self.short.take());
        self.keep = match self.chunks.last() {
            Some(last) => end_of(&self.store, last).map_err(|error| error.into_error(name))?,
            // One that was cut short is behind what stays.
            None => {
                // With the dictionaries, which are written anew.
                self.dictionaries = Dictionaries::default();
                self.dictionary_offsets.clear();
                front_end(&self.store, name)?.min(self.keep)
            }
        };
        self.is_complete = false;
        self.is_sealed = false;
        Ok(())
    }

    /// Whether a scan of what stays would take its last chunk for the footer of a file that was not finished.
    pub(crate) fn ends_like_footer(&self, name: &SourceName) -> Result<bool> {
        let last = self.short.as_ref().or(self.chunks.last());
        let Some(last) =
            last.filter(|_| self.open.is_empty() && self.sealed_end != Some(self.keep))
        else {
            return Ok(false);
        };
        let records = self.records_of(name, last)?;
        Ok(records.get(0).is_some_and(looks_like_footer))
    }

    /// The dictionaries that can be read.
    pub(crate) fn dictionaries(&self) -> &[Dictionary] {
        self.dictionaries.as_slice()
    }

    /// The type of the data chunks; `None` if there are none that would tell.
    fn chunk_type(&self, name: &SourceName) -> Result<Option<ChunkType>> {
        let Some(first) = self.chunks.iter().find(|chunk| !chunk.provisional) else {
            return Ok(None);
        };
        let header = header_of(&self.store, first);
        let header = header.map_err(|error| error.into_error(name))?;
        Ok(header.map(|header| header.chunk_type))
    }

    /// The records of one of the chunks.
    pub(crate) fn records_of(&self, name: &SourceName, chunk: &LiveChunk) -> Result<Records> {
        let mut records = Records::new();
        let reader = LiveReader {
            store: &self.store,
            limits: limits_of(&ReaderOptions::new()),
            dictionaries: &self.dictionaries,
        };
        reader
            .read(chunk, None, &mut records)
            .map_err(|error| error.into_error(name))?
            .map_err(|source| Error::format(name, None, source))?;
        let (found, bytes) = (records.len() as u64, records.bytes_len() as u64);
        if (found, bytes) == (chunk.records, chunk.decoded_bytes) {
            return Ok(records);
        }
        let source = FormatError::EntryMismatch {
            at: At::byte(chunk.begin),
            field: "num_records or decoded_data_size",
            chunk: found,
            footer: chunk.records,
        };
        Err(Error::format(name, None, source))
    }

    /// Whether the last data chunk is one that grows when records come.
    fn has_short_chunk(&self, live: &LiveChunks) -> bool {
        if live.has_short_tail() {
            return true;
        }
        let Some((last, others)) = self.chunks.split_last() else {
            return false;
        };
        if self.options.layout() == Layout::Pages {
            // Groups of any size may follow one another.
            return false;
        }
        let group_size = u64::from(self.options.group_size());
        // Provisional chunks would have superseded a short one, or stand behind its postscript.
        let is_last = self.open.is_empty() && !self.is_complete;
        let uniform = others.iter().all(|chunk| chunk.records == group_size);
        is_last && uniform && !last.provisional && last.records < group_size
    }

    /// The options that the file was written with, as far as it tells them.
    fn file_options(
        &self,
        name: &SourceName,
        live: &LiveChunks,
        metadata: Option<&FooterMetadata>,
        given: &AppendOptions,
    ) -> Result<WriterOptions> {
        let told = metadata.and_then(|metadata| metadata.parsed_writer_options());
        let first = self.chunks.first();
        let data = self
            .chunks
            .iter()
            .filter(|chunk| !chunk.provisional)
            .count();
        let group_size = |records: u64| u32::try_from(records.max(1)).unwrap_or(u32::MAX);
        let mut options = match (told, first) {
            (Some(told), first) => match (first, metadata) {
                (Some(first), Some(metadata)) if metadata.version == 1 => {
                    let all = metadata.file_group_size(first.records);
                    told.with_group_size(group_size(all))
                }
                _ => told,
            },
            // Only page chunks have a dictionary.
            (None, None) if !self.dictionaries().is_empty() => {
                WriterOptions::new().with_layout(Layout::Pages)
            }
            (None, None) => WriterOptions::new(),
            (None, Some(first)) => {
                let mut records = live.told_group_size().unwrap_or(first.records);
                // A single chunk may be a short one.
                if data == 1 && live.told_group_size().is_none() && metadata.is_none() {
                    records = records.max(given.group_size().map_or(0, u64::from));
                }
                let codec = self.codec_of(name, first, given)?;
                // What the file does not tell contradicts nothing.
                let base = WriterOptions::new().with_codec(codec);
                let all = given.clone().into_options(base);
                let window_log = all.window_log().filter(|_| all.codec() == codec);
                let kind = self.chunk_type(name)?;
                let is_transposed = kind.map(|kind| kind == ChunkType::Transposed);
                let layout = match kind {
                    Some(ChunkType::Pages) => Layout::Pages,
                    Some(_) => Layout::Groups,
                    None if !self.dictionaries().is_empty() => Layout::Pages,
                    None => all.layout(),
                };
                WriterOptions::new()
                    .with_group_size(group_size(records))
                    .with_layout(layout)
                    .with_codec(codec)
                    .with_window_log(window_log)
                    .with_pad_to_block_boundary(all.pad_to_block_boundary())
                    .with_transpose(is_transposed.unwrap_or(all.transpose()))
                    .with_transpose_bucket_bytes(all.transpose_bucket_bytes())
            }
        };
        let takes_one =
            options.layout() == Layout::Pages && matches!(options.codec(), Codec::Zstd { .. });
        let dictionary = self.dictionaries().first().filter(|_| takes_one);
        options = options.with_dictionary(match dictionary {
            Some(dictionary) => DictionaryOption::Given(dictionary.clone()),
            None => DictionaryOption::Off,
        });
        for (key, value) in metadata.into_iter().flat_map(|m| &m.user_metadata) {
            options = options.with_metadata(key.clone(), value.clone());
        }
        Ok(options)
    }

    /// The codec of a chunk. Its level is not in the file, so that any that is given will do.
    fn codec_of(
        &self,
        name: &SourceName,
        chunk: &LiveChunk,
        given: &AppendOptions,
    ) -> Result<Codec> {
        let compression =
            compression_of_live(&self.store, chunk).map_err(|error| error.into_error(name))?;
        let given = given.codec();
        let same = given.filter(|codec| Some(codec.compression_type()) == compression);
        Ok(same.unwrap_or(match compression {
            Some(CompressionType::None) => Codec::Uncompressed,
            Some(CompressionType::Brotli) => Codec::Brotli {
                level: windrow_format::options::DEFAULT_BROTLI_LEVEL,
            },
            Some(CompressionType::Snappy) => Codec::Snappy,
            _ => WriterOptions::new().codec(),
        }))
    }
}

/// Where a chunk itself ends; an index tells only where the next one begins.
fn end_of(store: &SharedStore, chunk: &LiveChunk) -> Result<u64, ReadError> {
    let header = header_of(store, chunk)?;
    Ok(header.map_or(chunk.end, |header| header.chunk_end(chunk.begin)))
}

fn header_of(store: &SharedStore, chunk: &LiveChunk) -> Result<Option<ChunkHeader>, ReadError> {
    let header_end = add_with_block_headers(chunk.begin, CHUNK_HEADER_BYTES);
    store.with_bytes(chunk.begin..header_end, |raw| {
        let flat = take_out_block_headers(chunk.begin, raw);
        ChunkHeader::parse(&flat, At::byte(chunk.begin)).ok()
    })
}

/// A file as a scan finds it.
struct Found {
    live: LiveChunks,
    /// How many of its bytes stay.
    keep: u64,
    /// Of the last footer, with or without a postscript.
    metadata: Option<FooterMetadata>,
    dictionaries: Dictionaries,
    dictionary_offsets: Vec<u64>,
    /// Reads by the index at the end, or the one in front of an unfinished append; `None` if there is none.
    index: Option<Reader>,
}

/// Finds the live chunks of a file, and where a writer goes on.
fn find(store: &SharedStore, name: &SourceName, file_bytes: u64) -> Result<Found> {
    let options = ReaderOptions::new();
    let limits = limits_of(&options);
    let (index, error) = match store.open(name, &options) {
        Ok(reader) => (Some(reader), None),
        Err(Error::Format { source, .. }) => (None, Some(source)),
        Err(error) => return Err(error),
    };
    let scan = |end: u64| -> Result<LiveScan> {
        let mut scan = match &index {
            Some(reader) => {
                let behind = reader.sealed_bytes()..end;
                let dictionaries = reader.inner().all_dictionaries()?.clone();
                let offsets = reader.footer().metadata.dictionaries.clone();
                let live = sealed_chunks(reader)?;
                LiveScan::behind(store.clone(), behind, limits, live, (dictionaries, offsets))
            }
            None => LiveScan::new(store.clone(), end, limits, None),
        };
        scan.run(|_| true).map_err(|error| error.into_error(name))?;
        Ok(scan)
    };
    let all = scan(file_bytes)?;
    let sound_end = all.sound_end();
    let dictionaries = all.dictionaries().clone();
    let dictionary_offsets = all.dictionary_offsets().to_vec();
    if let Some(source) = error
        && sound_end == 0
    {
        return Err(Error::format(name, None, source));
    }
    let (mut live, faults, _) = all.finish();
    let damaged = live.skipped().iter().find(|bytes| bytes.end <= sound_end);
    if let Some(bytes) = damaged
        && let Some(fault) = faults.iter().find(|fault| fault.bytes.start == bytes.start)
        && let Some(source) = fault.error.as_format()
    {
        return Err(Error::Damaged {
            name: name.clone(),
            bytes: bytes.clone(),
            source: source.clone(),
        });
    }
    let first = live.chunks().first();
    if first.is_some_and(|first| first.begin < SIGNATURE_BYTES) {
        // Where the signature stands in a file that it is. No footer may list that.
        let fault = faults.iter().find(|fault| fault.bytes.start == 0);
        return Err(Error::Damaged {
            name: name.clone(),
            bytes: 0..SIGNATURE_BYTES,
            source: fault
                .and_then(|fault| fault.error.as_format().cloned())
                .unwrap_or(FormatError::ChunkBoundary { at: At::byte(0) }),
        });
    }
    live.finish();
    // A footer without its postscript and the padding behind that goes: who scans would take it for data if a chunk
    // followed.
    let unfinished = live.footer().filter(|footer| {
        let last = live.chunks().last();
        let is_complete = footer.sealed_end.is_some_and(|end| end <= file_bytes);
        !is_complete && last.is_none_or(|last| last.begin < footer.begin)
    });
    let keep = unfinished.map_or(sound_end, |footer| footer.begin);
    let metadata = live.footer().map(|footer| footer.metadata.clone());
    if keep < file_bytes {
        // What is cut off must have told nothing, but that what stands in front of it is no footer.
        (live, ..) = scan(keep)?.finish();
        live.release();
    }
    Ok(Found {
        live,
        keep,
        metadata,
        dictionaries,
        dictionary_offsets,
        index,
    })
}

/// What the index of a sealed file lists.
fn sealed_chunks(reader: &Reader) -> Result<LiveChunks> {
    let mut chunks = Vec::new();
    for location in reader.inner().index.chunks_from(0) {
        let location = location.map_err(|source| reader.inner().index_error(source))?;
        chunks.push(LiveChunk {
            begin: location.begin,
            end: location.end,
            first_record: location.first_record,
            records: location.records,
            decoded_bytes: location.decoded_bytes,
            provisional: false,
        });
    }
    let found = reader.found_footer();
    Ok(LiveChunks::behind(reader.inner().limits, chunks, found))
}
