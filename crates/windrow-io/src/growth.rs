//! What a writer has to know of a file that it goes on with.

use windrow_format::options::{AppendOptions, ReaderOptions, WriterOptions};
use windrow_format::{Codec, CompressionType, LiveChunk, LiveChunks, Records};

use crate::error::{Error, Result, SourceName};
use crate::live_scan::{LiveScan, compression_of_live, read_live};
use crate::reader::{Reader, limits_of};
use crate::store::Store;
use crate::verify::SharedStore;

/// A file that is to grow.
pub(crate) struct Growth {
    store: SharedStore,
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
    /// What the last chunk supersedes is told by a postscript.
    pub(crate) is_sealed: bool,
    /// The file is complete if nothing is appended.
    pub(crate) is_complete: bool,
    footer_begin: Option<u64>,
}

impl Growth {
    pub(crate) fn load(
        store: impl Store + 'static,
        name: &SourceName,
        given: &AppendOptions,
    ) -> Result<Self> {
        let store = SharedStore::new(store);
        let file_bytes = store.file_bytes(name)?;
        let (live, keep) = find_live(&store, name, file_bytes)?;
        let sealed_end = live.footer().and_then(|footer| footer.sealed_end);
        let is_complete = sealed_end == Some(keep);
        let mut growth = Self {
            store,
            options: WriterOptions::new(),
            chunks: live.chunks().to_vec(),
            short: None,
            open: Vec::new(),
            keep,
            is_sealed: is_complete || live.has_short_tail(),
            is_complete,
            footer_begin: live.footer().map(|footer| footer.begin),
        };
        let file = growth.file_options(name, &live, given)?;
        growth.options = if growth.chunks.is_empty() {
            given.clone().into_options(file.clone())
        } else {
            given.over(&file)?
        };
        // Pairs that were set have to go into a new footer.
        growth.is_complete &= growth.options.metadata() == file.metadata();
        let provisional = live.open_chunks();
        growth.open = growth
            .chunks
            .split_off(growth.chunks.len().saturating_sub(provisional));
        if growth.has_short_chunk(&live) {
            growth.short = growth.chunks.pop();
        }
        if !growth.open.is_empty() {
            // The group of the provisional chunks begins with the short chunk's records.
            growth.open.splice(0..0, growth.short.take());
        }
        Ok(growth)
    }

    /// For a copy: keeps only what will not be written again.
    pub(crate) fn leave_index_behind(&mut self) {
        self.open.splice(0..0, self.short.take());
        let footer = self
            .footer_begin
            .filter(|_| self.is_complete || self.is_sealed);
        let open = self.open.first().map(|chunk| chunk.begin);
        self.keep = open.or(footer).unwrap_or(self.keep);
        self.is_complete = false;
        self.is_sealed = false;
    }

    /// The records of one of the chunks.
    pub(crate) fn records_of(&self, name: &SourceName, chunk: &LiveChunk) -> Result<Records> {
        let mut records = Records::new();
        read_live(
            &self.store,
            chunk,
            limits_of(&ReaderOptions::new()),
            &mut records,
        )
        .map_err(|error| error.into_error(name))?
        .map_err(|source| Error::format(name, None, source))?;
        Ok(records)
    }

    /// Whether the last data chunk is one that grows when records come.
    fn has_short_chunk(&self, live: &LiveChunks) -> bool {
        if live.has_short_tail() {
            return true;
        }
        let Some((last, others)) = self.chunks.split_last() else {
            return false;
        };
        let group_size = u64::from(self.options.group_size());
        let uniform = others.iter().all(|chunk| chunk.records == group_size);
        !self.is_sealed && uniform && !last.provisional && last.records < group_size
    }

    /// The options that the file was written with, as far as it tells them.
    fn file_options(
        &self,
        name: &SourceName,
        live: &LiveChunks,
        given: &AppendOptions,
    ) -> Result<WriterOptions> {
        let metadata = live.footer().map(|footer| &footer.metadata);
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
            (None, None) => WriterOptions::new(),
            (None, Some(first)) => {
                let mut records = live.told_group_size().unwrap_or(first.records);
                // A single chunk may be a short one.
                if data == 1 && live.told_group_size().is_none() {
                    records = records.max(given.group_size().map_or(0, u64::from));
                }
                WriterOptions::new()
                    .with_group_size(group_size(records))
                    .with_codec(self.codec_of(name, first, given)?)
            }
        };
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

/// The live chunks of a file, and where a writer goes on.
fn find_live(store: &SharedStore, name: &SourceName, file_bytes: u64) -> Result<(LiveChunks, u64)> {
    let options = ReaderOptions::new();
    let limits = limits_of(&options);
    let (mut scan, error) = match store.open(name, &options) {
        Ok(reader) => {
            let live = sealed_chunks(&reader)?;
            let sealed = reader.sealed_bytes();
            if sealed == file_bytes {
                return Ok((live, file_bytes));
            }
            let scan = LiveScan::behind(store.clone(), sealed..file_bytes, limits, live);
            (scan, None)
        }
        Err(Error::Format { source, .. }) => {
            let scan = LiveScan::new(store.clone(), file_bytes, limits, None);
            (scan, Some(source))
        }
        Err(error) => return Err(error),
    };
    scan.run(|_| true).map_err(|error| error.into_error(name))?;
    let sound_end = scan.sound_end();
    if let Some(source) = error
        && sound_end == 0
    {
        return Err(Error::format(name, None, source));
    }
    let (mut live, faults, _) = scan.finish();
    let damaged = live.skipped().iter().find(|bytes| bytes.end <= sound_end);
    if let Some(bytes) = damaged
        && let Some(fault) = faults.iter().find(|fault| fault.bytes.start == bytes.start)
    {
        return Err(Error::Damaged {
            name: name.clone(),
            bytes: bytes.clone(),
            source: fault.error.clone(),
        });
    }
    let keep = live.finish().unwrap_or(sound_end);
    Ok((live, keep))
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
